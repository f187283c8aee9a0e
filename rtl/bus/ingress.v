// ingress: gives commands their stamps on the way to the core, and puts the gate's closing ahead of those that wait.
//
//   latency     1 clock from s_command to m_command
//   throughput  1 command a clock
//   slow sink   s_command_tready falls; the offered command stays
//   reset       synchronous; REPLAY mode, no closing asked for, last stamp 0
//   invariant   stamps never fall; only a command with m_command_tuser may say ORIGIN_CARD
//
// LIVE mode: stamp = max(arrival, last stamp). REPLAY mode: stamp = max(the given one, last stamp). Nothing else of a
// command changes. m_command_tuser marks what may say ORIGIN_CARD: a replayed command, or one made here.
//
// A closing (kill_i, LIVE mode only) lets nothing pass until the command that the core has is done, since that may itself
// close or open the gate; then, if the gate is open, it becomes a KILL of the whole engine.

`include "abi.vh"
`include "check.vh"
`default_nettype none

module ingress (
    input  wire                     clk,
    input  wire                     rst,

    input  wire                     live_i,
    input  wire                     kill_i,            // pulse: close the gate
    input  wire                     killed_i,          // the gate is closed, as the core has it
    input  wire                     busy_i,            // the core has a command
    input  wire [63:0]              time_ns_i,
    output reg                      closing_o = 1'b0,  // pulse: a KILL was made

    input  wire                     s_command_tvalid,
    output wire                     s_command_tready,
    input  wire [`command_bits-1:0] s_command_tdata,
    input  wire [63:0]              s_command_tuser,   // time it arrived

    output reg                      m_command_tvalid = 1'b0,
    input  wire                     m_command_tready,
    output reg  [`command_bits-1:0] m_command_tdata,
    output reg                      m_command_tuser
);
    reg        kill_q  = 1'b0;
    reg [63:0] stamp_q = 64'd0;

    wire        free     = !m_command_tvalid || m_command_tready;
    wire        settled  = !m_command_tvalid && !busy_i;
    wire        pass     = s_command_tvalid && s_command_tready;
    wire        close    = kill_q && settled && !killed_i;
    wire [63:0] given_ns = s_command_tdata[`command_stamp_ns];
    wire [63:0] asked_ns = close ? time_ns_i : live_i ? s_command_tuser : given_ns;
    wire [63:0] stamp_ns = asked_ns > stamp_q ? asked_ns : stamp_q;

    assign s_command_tready = free && !kill_q;

    always @(posedge clk) begin
        if (kill_i && live_i) kill_q <= 1'b1;
        else if (settled)     kill_q <= 1'b0;
        closing_o <= close;
        if (m_command_tready) m_command_tvalid <= 1'b0;
        if (pass) begin
            m_command_tdata <= s_command_tdata;
            m_command_tuser <= !live_i;
        end
        if (close) begin
            m_command_tdata                  <= {`command_bits{1'b0}};
            m_command_tdata[`command_opcode] <= `OPCODE_KILL;
            m_command_tdata[`command_origin] <= `ORIGIN_CARD;
            m_command_tdata[`command_field]  <= `TABLE_ENGINE;
            m_command_tdata[`command_mode]   <= `MODE_KILL;
            m_command_tuser                  <= 1'b1;
        end
        if (pass || close) begin
            m_command_tvalid                   <= 1'b1;
            m_command_tdata[`command_stamp_ns] <= stamp_ns;
            stamp_q                            <= stamp_ns;
        end

        if (rst) begin
            kill_q           <= 1'b0;
            closing_o        <= 1'b0;
            m_command_tvalid <= 1'b0;
            stamp_q          <= 64'd0;
        end
    end

    `CHECK(one_at_a_time,  !(pass && close))
    `CHECK(stamp_is_last,  !m_command_tvalid || m_command_tdata[`command_stamp_ns] == stamp_q)
`ifdef PROVE_INGRESS
    `include "ingress_proof.vh"
`endif
endmodule

`default_nettype wire
