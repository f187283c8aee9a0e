// core: stands in for rtl/core/core.v, so that the bus is tested alone. It answers a command with as many events as its
// quantity says, at least one, that say back what came, and waits as many clocks before the first as price_e4 says.
// A KILL closes or opens the gate by its mode; it refuses ORIGIN_CARD as the real one does.

`include "abi.vh"
`default_nettype none

// verilator lint_off UNUSED
// verilator lint_off DECLFILENAME
module core #(
    parameter SYMBOLS  = 64,
    parameter ACCOUNTS = 256,
    parameter ORDERS   = 65536,
    parameter LEVELS   = 4096
) (
    input  wire                     clk,
    input  wire                     rst,

    output wire                     init_done_o,
    output reg                      killed_o = 1'b1,
    output wire                     busy_o,
    input  wire [4:0]   inject_i,
    output wire [4:0]   stopped_o,
    output wire [4:0]   stalls_o,

    input  wire                     s_command_tvalid,
    output wire                     s_command_tready,
    input  wire [`command_bits-1:0] s_command_tdata,
    input  wire                     s_command_tuser,

    output reg                      m_event_tvalid = 1'b0,
    input  wire                     m_event_tready,
    output reg  [`event_bits-1:0]   m_event_tdata
);
    localparam INIT_CLOCKS = 8'd100;

    reg [7:0]               init_q = 8'd0;
    reg [`command_bits-1:0] command_q;
    reg                     tuser_q;
    reg                     busy_q = 1'b0;
    reg [31:0]              wait_q;
    reg [31:0]              left_q;
    reg [63:0]              number_q = 64'd0;
    reg [63:0]              command_number_q = 64'd0;

    wire refused = command_q[`command_origin] == `ORIGIN_CARD && !tuser_q;
    wire last    = left_q <= 32'd1;
    wire say     = busy_q && wait_q == 32'd0 && (!m_event_tvalid || m_event_tready) && left_q != 32'd0;

    assign init_done_o      = init_q == INIT_CLOCKS;
    assign busy_o           = busy_q;
    assign s_command_tready = init_done_o && !busy_q;

    always @(posedge clk) begin
        if (!init_done_o) init_q <= init_q + 8'd1;
        if (m_event_tready) m_event_tvalid <= 1'b0;
        if (s_command_tvalid && s_command_tready) begin
            busy_q           <= 1'b1;
            command_q        <= s_command_tdata;
            tuser_q          <= s_command_tuser;
            wait_q           <= s_command_tdata[`command_price_e4];
            left_q           <= s_command_tdata[`command_quantity] == 32'd0 ? 32'd1 : s_command_tdata[`command_quantity];
            command_number_q <= command_number_q + 64'd1;
        end
        if (busy_q && wait_q != 32'd0) wait_q <= wait_q - 32'd1;
        if (say) begin
            left_q                           <= left_q - 32'd1;
            number_q                         <= number_q + 64'd1;
            busy_q                           <= !last;
            m_event_tvalid                   <= 1'b1;
            m_event_tdata                    <= {`event_bits{1'b0}};
            m_event_tdata[`event_number]     <= number_q + 64'd1;
            m_event_tdata[`event_command]    <= command_number_q;
            m_event_tdata[`event_stamp_ns]   <= command_q[`command_stamp_ns];
            m_event_tdata[`event_kind]       <= refused ? `KIND_REJECTED : command_q[`command_side];
            m_event_tdata[`EVENT_END]        <= last;
            m_event_tdata[`EVENT_CARD]       <= command_q[`command_origin] == `ORIGIN_CARD;
            m_event_tdata[`event_symbol]     <= command_q[`command_symbol];
            m_event_tdata[`event_order]      <= command_q[`command_order];
            m_event_tdata[`event_quantity]   <= command_q[`command_shown];
            m_event_tdata[`event_value]      <= command_q[`command_value];
            m_event_tdata[`event_field]      <= command_q[`command_opcode];
            m_event_tdata[`event_table]      <= command_q[`command_field];
            if (last && !refused && command_q[`command_opcode] == `OPCODE_KILL)
                killed_o <= command_q[`command_mode] == `MODE_KILL;
        end

        if (rst) begin
            init_q           <= 8'd0;
            killed_o         <= 1'b1;
            busy_q           <= 1'b0;
            m_event_tvalid   <= 1'b0;
            number_q         <= 64'd0;
            command_number_q <= 64'd0;
        end
    end
    assign stopped_o = 5'd0;
    assign stalls_o  = 5'd0;
    wire   unused_inject = &{1'b0, inject_i};
endmodule
// verilator lint_on UNUSED
// verilator lint_on DECLFILENAME

`default_nettype wire
