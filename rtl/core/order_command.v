// order_command: the command that would name an order, for what the card itself does to it: a SWEEP cancels it, an UNCROSS
// fills it.
//
//   latency     none, combinational

`include "abi.vh"
`include "rows.vh"
`default_nettype none

module order_command #(
    parameter SYMBOL_W  = 6,
    parameter ACCOUNT_W = 8,
    parameter SLOT_W    = 16
) (
    input  wire [63:0]          stamp_ns_i,
    input  wire [7:0]           origin_i,
    input  wire                 sells_i,
    input  wire [SYMBOL_W-1:0]  symbol_i,
    input  wire [ACCOUNT_W-1:0] account_i,
    input  wire [ACCOUNT_W-1:0] session_i,
    input  wire [11:0]          generation_i,
    input  wire [SLOT_W-1:0]    slot_i,
    output reg  [`kept_bits-1:0] command_o
);
    always @* begin
        command_o = {`kept_bits{1'b0}};
        command_o[`command_stamp_ns] = stamp_ns_i;
        command_o[`command_opcode]   = `OPCODE_CANCEL;
        command_o[`command_origin]   = origin_i;
        command_o[`command_side]     = sells_i ? `SIDE_SELL : `SIDE_BUY;
        command_o[`command_symbol]   = {{(16-SYMBOL_W){1'b0}}, symbol_i};
        command_o[`command_account]  = {{(16-ACCOUNT_W){1'b0}}, account_i};
        command_o[`command_session]  = {{(16-ACCOUNT_W){1'b0}}, session_i};
        command_o[`command_order]    = {generation_i, {(20-SLOT_W){1'b0}}, slot_i};
    end
endmodule

`default_nettype wire
