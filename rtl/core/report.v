// report: number the events of a command and send them out; the last one of a command carries the end mark.
//
//   latency     an event leaves when the next one or the end comes, because only then it is known whether it is the last
//   throughput  one event a clock
//   slow sink   s_event_tready and end_ready_o stay low; nothing is lost
//   reset       event numbers and command numbers start again at 1
//   invariant   events of a command are contiguous and numbered without gaps

`include "abi.vh"
`include "check.vh"
`default_nettype none

module report (
    input  wire         clk,
    input  wire         rst,

    input  wire         take_i,             // a command begins; no event of the one before is left
    input  wire         by_card_i,          // with take_i: its origin is the card
    input  wire [63:0]  stamp_ns_i,         // with take_i

    input  wire         s_event_tvalid,
    output wire         s_event_tready,
    input  wire [511:0] s_event_tdata,      // number, command, stamp, END, CARD and envelope are filled in here

    input  wire         end_valid_i,        // the command has no more events
    output wire         end_ready_o,

    output reg          m_event_tvalid = 1'b0,
    input  wire         m_event_tready,
    output reg  [511:0] m_event_tdata
);
    reg         held_q = 1'b0;              // an event waits to learn whether it is the last
    reg [511:0] event_q;
    reg [63:0]  number_q = 64'd0, command_q = 64'd0, stamp_q;
    reg [15:0]  clocks_q;
    reg         by_card_q;

    wire room = !m_event_tvalid || m_event_tready;
    wire push = s_event_tvalid && s_event_tready;
    wire last = end_valid_i && end_ready_o;
    wire send = held_q && (push || last);

    assign s_event_tready = !held_q || room;
    assign end_ready_o    = held_q && room;

    always @(posedge clk) begin
        if (take_i) begin
            command_q <= command_q + 64'd1;
            stamp_q   <= stamp_ns_i;
            by_card_q <= by_card_i;
            clocks_q  <= 16'd1;
        end else if (!(&clocks_q)) begin
            clocks_q <= clocks_q + 16'd1;
        end

        if (push) begin
            event_q  <= s_event_tdata;
            number_q <= number_q + 64'd1;
        end
        if (push || last) held_q <= push;

        if (send) begin
            m_event_tdata                  <= event_q;
            m_event_tdata[`event_number]   <= number_q;
            m_event_tdata[`event_command]  <= command_q;
            m_event_tdata[`event_stamp_ns] <= stamp_q;
            m_event_tdata[`event_clocks]   <= clocks_q;
            m_event_tdata[`event_credits]  <= 8'd0;
            m_event_tdata[`event_phase]    <= 8'd0;
            m_event_tdata[`EVENT_END]      <= last;
            m_event_tdata[`EVENT_CARD]     <= by_card_q;
        end
        if (send || m_event_tready) m_event_tvalid <= send;

        if (rst) begin
            held_q         <= 1'b0;
            m_event_tvalid <= 1'b0;
            number_q       <= 64'd0;
            command_q      <= 64'd0;
        end
    end

    `CHECK(command_begins_after_the_last, !take_i || !held_q)
    `CHECK(ends_once,                     !(s_event_tvalid && end_valid_i))
endmodule

`default_nettype wire
