// report: number the events of the commands and send them out.
//
//   latency     an event that is said leaves this module a clock later
//   throughput  one event a clock
//   slow sink   ready_o stays low; nothing is lost
//   reset       event numbers and command numbers start again at 1
//   invariant   events of a command are contiguous and numbered without gaps; the last one carries the end mark

`include "abi.vh"
`include "check.vh"
`default_nettype none

module report (
    input  wire         clk,
    input  wire         rst,

    input  wire         valid_i,            // only while ready_o
    output wire         ready_o,
    input  wire         last_i,             // of its command
    input  wire         by_card_i,          // the command's origin is the card
    input  wire [63:0]  stamp_ns_i,         // of the command
    input  wire [31:0]  taken_i,            // clock_o when the command was taken
    output wire [31:0]  clock_o,
    output wire [63:0]  number_o,           // of the event that is said now or next
    input  wire         by_clerk_i,         // the clerk says it, not the book
    input  wire [511:0] clerk_event_i,      // number, command, stamp, END, CARD and envelope are filled in here
    input  wire [511:0] book_event_i,

    output reg          m_event_tvalid = 1'b0,
    input  wire         m_event_tready,
    output reg  [511:0] m_event_tdata
);
    reg  [63:0] number_q = 64'd1, command_q = 64'd1;
    reg  [31:0] clock_q = 32'd0;
    wire [31:0] clocks = clock_q - taken_i;

    assign ready_o = !m_event_tvalid || m_event_tready;
    assign clock_o = clock_q;
    assign number_o = number_q;

    always @(posedge clk) begin
        clock_q <= clock_q + 32'd1;
        if (valid_i) begin
            m_event_tdata                  <= by_clerk_i ? clerk_event_i : book_event_i;
            m_event_tdata[`event_number]   <= number_q;
            m_event_tdata[`event_command]  <= command_q;
            m_event_tdata[`event_stamp_ns] <= stamp_ns_i;
            m_event_tdata[`event_clocks]   <= |clocks[31:16] ? 16'hffff : clocks[15:0];
            m_event_tdata[`event_credits]  <= 8'd0;
            m_event_tdata[`event_phase]    <= 8'd0;
            m_event_tdata[`EVENT_END]      <= last_i;
            m_event_tdata[`EVENT_CARD]     <= by_card_i;
            number_q <= number_q + 64'd1;
            if (last_i) command_q <= command_q + 64'd1;
        end
        if (valid_i || m_event_tready) m_event_tvalid <= valid_i;

        if (rst) begin
            m_event_tvalid <= 1'b0;
            number_q       <= 64'd1;
            command_q      <= 64'd1;
        end
    end

    `CHECK(says_only_when_ready, !valid_i || ready_o)
endmodule

`default_nettype wire
