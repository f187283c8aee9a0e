// limits: the checks of NEW and REPLACE against what the account holds, has open and may spend, side by side: a bit each,
// set if it fails.
//
//   latency     none, combinational between rows at their RAMs and registered bits
//   a REPLACE   is checked as if the old order were gone: more_* is what is open more than before, less than nothing for a
//               smaller order

`include "abi.vh"
`default_nettype none

module limits (
    input  wire        sells_i,
    input  wire [20:0] more_quantity_i,     // signed: what would be open more than now
    input  wire [51:0] more_notional_e4_i,  // signed: the same in money
    input  wire [63:0] buying_power_e4_i,
    input  wire [47:0] net_i,               // signed
    input  wire [47:0] open_buy_i,
    input  wire [47:0] open_sell_i,
    input  wire [47:0] long_max_i,
    input  wire [47:0] short_max_i,
    input  wire [47:0] locate_i,
    input  wire [2:0]  restriction_i,
    input  wire        adds_order_i,        // NEW: one more will be open
    input  wire [19:0] open_count_i,
    input  wire [19:0] open_max_i,
    input  wire [63:0] gross_e4_i,
    input  wire [60:0] gross_max_e4_i,
    input  wire [63:0] traded_e4_i,
    input  wire [60:0] daily_max_e4_i,

    output wire        restricted_o,        // check 6
    output wire        too_many_o,          // check 12
    output wire        too_long_o,          // check 13
    output wire        too_short_o,
    output wire        too_gross_o,         // check 14
    output wire        too_daily_o,         // check 15
    output wire        too_dear_o           // check 16
);
    // Positions are within 2^46 either way and open orders below 2^37: 50 signed bits hold every sum of them.
    wire signed [49:0] net       = {{2{net_i[47]}}, net_i};
    wire signed [49:0] more      = {{29{more_quantity_i[20]}}, more_quantity_i};
    wire signed [49:0] open_then = {2'd0, sells_i ? open_sell_i : open_buy_i} + more;
    wire signed [49:0] zero      = 50'sd0;

    wire signed [49:0] closes    = sells_i ? net : -net;
    wire signed [49:0] closable  = closes > zero ? closes : zero;
    wire [7:0] restriction = {5'd0, restriction_i};
    wire side_barred  = |(restriction & (sells_i ? `RESTRICT_NO_SELL : `RESTRICT_NO_BUY));
    wire close_only   = |(restriction & `RESTRICT_CLOSE_ONLY);
    assign restricted_o = side_barred || (close_only && open_then > closable);

    wire signed [49:0] long_then  = net + open_then;
    wire signed [49:0] short_then = net - open_then;
    wire signed [49:0] owned      = net > zero ? net : zero;
    wire signed [49:0] short_max  = {2'd0, short_max_i < locate_i ? short_max_i : locate_i};
    assign too_long_o  = !sells_i && long_then > $signed({2'd0, long_max_i});
    assign too_short_o = sells_i && open_then > owned && short_then < -short_max;

    wire [20:0] count_then = {1'b0, open_count_i} + {20'd0, adds_order_i};
    assign too_many_o = count_then > {1'b0, open_max_i};

    // Bounds of rows.def keep gross and traded together below 2^63: see rtl/core/README.md.
    wire [63:0] gross_then = gross_e4_i + {{12{more_notional_e4_i[51]}}, more_notional_e4_i};
    wire [63:0] daily_then = traded_e4_i + gross_e4_i + {{12{more_notional_e4_i[51]}}, more_notional_e4_i};
    assign too_gross_o = gross_then > {3'd0, gross_max_e4_i};
    assign too_daily_o = daily_then > {3'd0, daily_max_e4_i};

    wire signed [65:0] left_e4 = {2'd0, buying_power_e4_i} - {{14{more_notional_e4_i[51]}}, more_notional_e4_i};
    assign too_dear_o = !sells_i && left_e4[65];
    wire unused = &{1'b0, left_e4[64:0]};
endmodule

`default_nettype wire
