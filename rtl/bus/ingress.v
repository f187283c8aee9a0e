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
//
// An alert (alert_i, LIVE mode only) becomes an ALERT between two commands of the host; it stands until alerted_o.

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

    input  wire                     alert_i,           // the management core has something to say
    input  wire [7:0]               alert_code_i,      // ALERT_
    input  wire [31:0]              alert_value_i,     // signed
    output wire                     alerted_o,         // it is taken

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
    wire        alert    = !kill_q && live_i && free && alert_i;
    wire        pass     = s_command_tvalid && s_command_tready;
    wire        close    = kill_q && settled && !killed_i;
    wire [63:0] given_ns = s_command_tdata[`command_stamp_ns];
    wire [63:0] asked_ns = close || alert ? time_ns_i : live_i ? s_command_tuser : given_ns;
    wire [63:0] stamp_ns = asked_ns > stamp_q ? asked_ns : stamp_q;

    assign s_command_tready = free && !kill_q && !alert;
    assign alerted_o        = alert;

    always @(posedge clk) begin
        if (kill_i && live_i) kill_q <= 1'b1;
        else if (settled)     kill_q <= 1'b0;
        closing_o <= close;
        if (m_command_tready) m_command_tvalid <= 1'b0;
        if (pass) begin
            m_command_tdata <= s_command_tdata;
            m_command_tuser <= !live_i;
        end
        if (close || alert) begin
            m_command_tdata                  <= {`command_bits{1'b0}};
            m_command_tdata[`command_opcode] <= close ? `OPCODE_KILL : `OPCODE_ALERT;
            m_command_tdata[`command_origin] <= `ORIGIN_CARD;
            m_command_tdata[`command_field]  <= close ? `TABLE_ENGINE : alert_code_i;
            m_command_tdata[`command_mode]   <= `MODE_KILL;
            m_command_tdata[`command_value]  <= close ? 64'd0 : {{32{alert_value_i[31]}}, alert_value_i};
            m_command_tuser                  <= 1'b1;
        end
        if (pass || close || alert) begin
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

    `CHECK(one_at_a_time,  {1'b0, pass} + {1'b0, close} + {1'b0, alert} <= 2'd1)
    `CHECK(stamp_is_last,  !m_command_tvalid || m_command_tdata[`command_stamp_ns] == stamp_q)
`ifdef PROVE_INGRESS
    `include "ingress_proof.vh"
`endif
endmodule

`default_nettype wire
