// risk: the checks of NEW and REPLACE that need rows (checks 2 to 16), all side by side; the first that fails names the reason.
//
//   latency     none, combinational between registered rows and a registered verdict
//   invariant   REASON_NONE only if every check is green
//   a REPLACE   is checked as if the old order were gone: its quantity and reservation are taken off the sums first

`include "abi.vh"
`default_nettype none

module risk (
    input  wire        form_ok_i,
    input  wire        on_tick_i,
    input  wire        in_lots_i,
    input  wire        is_new_i,            // else REPLACE
    input  wire        slot_free_i,         // NEW: slot not live and generation the next one
    input  wire        named_i,             // REPLACE: the order that is meant is live
    input  wire        symbol_known_i,
    input  wire        account_known_i,

    input  wire        killed_i,
    input  wire        firm_killed_i,
    input  wire        account_killed_i,
    input  wire        session_killed_i,
    input  wire        enabled_i,
    input  wire [1:0]  symbol_state_i,

    input  wire        sells_i,
    input  wire [19:0] quantity_i,          // what would be open
    input  wire [50:0] notional_e4_i,       // its price times it
    input  wire [19:0] old_leaves_i,        // of the order that a REPLACE gives up; 0 for a NEW
    input  wire [50:0] old_notional_e4_i,   // what that order has reserved, if it buys

    input  wire        in_band_i,
    input  wire [11:0] rank_i,              // level above the band's lowest
    input  wire        referenced_i,
    input  wire [11:0] reference_i,
    input  wire [11:0] collar_i,

    input  wire [19:0] quantity_max_i,
    input  wire [50:0] notional_max_e4_i,
    input  wire [63:0] buying_power_e4_i,

    input  wire [47:0] net_i,               // signed
    input  wire [47:0] open_buy_i,
    input  wire [47:0] open_sell_i,
    input  wire [47:0] long_max_i,
    input  wire [47:0] short_max_i,
    input  wire [47:0] locate_i,
    input  wire [2:0]  restriction_i,

    output reg  [7:0]  reason_o
);
    // Positions are within 2^46 either way and open orders below 2^37: 50 signed bits hold every sum of them.
    wire signed [49:0] net       = {{2{net_i[47]}}, net_i};
    wire signed [49:0] quantity  = {30'd0, quantity_i};
    wire signed [49:0] open      = {2'd0, sells_i ? open_sell_i : open_buy_i} - {30'd0, old_leaves_i};
    wire signed [49:0] open_then = open + quantity;
    wire signed [49:0] zero      = 50'sd0;

    // Check 6
    wire signed [49:0] closes    = sells_i ? net : -net;
    wire signed [49:0] closable  = closes > zero ? closes : zero;
    wire [7:0] restriction = {5'd0, restriction_i};
    wire side_barred  = |(restriction & (sells_i ? `RESTRICT_NO_SELL : `RESTRICT_NO_BUY));
    wire close_only   = |(restriction & `RESTRICT_CLOSE_ONLY);
    wire restricted   = side_barred || (close_only && open_then > closable);

    // Check 10
    wire signed [12:0] away      = {1'b0, rank_i} - {1'b0, reference_i};
    wire        [12:0] distance  = away[12] ? -away : away;
    wire outside_collar = distance > {1'b0, collar_i};

    // Check 13
    wire signed [49:0] long_then  = net + open_then;
    wire signed [49:0] short_then = net - open_then;
    wire signed [49:0] owned      = net > zero ? net : zero;
    wire signed [49:0] short_max  = {2'd0, short_max_i < locate_i ? short_max_i : locate_i};
    wire too_long  = !sells_i && long_then > $signed({2'd0, long_max_i});
    wire too_short = sells_i && open_then > owned && short_then < -short_max;

    // Check 16
    wire [64:0] available_e4 = {1'b0, buying_power_e4_i} + {14'd0, old_notional_e4_i};
    wire too_dear = !sells_i && {14'd0, notional_e4_i} > available_e4;

    always @* begin
        if      (!form_ok_i)                              reason_o = `REASON_MALFORMED;
        else if (symbol_known_i && !on_tick_i)            reason_o = `REASON_PRICE_OFF_TICK;
        else if (symbol_known_i && !in_lots_i)            reason_o = `REASON_ODD_LOT;
        else if (is_new_i && !slot_free_i)                reason_o = `REASON_SLOT_BUSY;
        else if (!is_new_i && !named_i)                   reason_o = `REASON_UNKNOWN_ORDER;
        else if (!symbol_known_i)                         reason_o = `REASON_UNKNOWN_SYMBOL;
        else if (!account_known_i)                        reason_o = `REASON_UNKNOWN_ACCOUNT;
        else if (killed_i)                                reason_o = `REASON_KILLED;
        else if (firm_killed_i)                           reason_o = `REASON_FIRM_KILLED;
        else if (account_killed_i)                        reason_o = `REASON_ACCOUNT_KILLED;
        else if (session_killed_i)                        reason_o = `REASON_SESSION_KILLED;
        else if (!enabled_i)                              reason_o = `REASON_ACCOUNT_DISABLED;
        else if ({6'd0, symbol_state_i} == `SYMBOL_STATE_HALTED) reason_o = `REASON_SYMBOL_HALTED;
        else if ({6'd0, symbol_state_i} != `SYMBOL_STATE_OPEN)   reason_o = `REASON_SYMBOL_CLOSED;
        else if (restricted)                              reason_o = `REASON_RESTRICTED;
        else if (quantity_i > quantity_max_i)             reason_o = `REASON_ORDER_QUANTITY;
        else if (notional_e4_i > notional_max_e4_i)       reason_o = `REASON_ORDER_NOTIONAL;
        else if (!in_band_i)                              reason_o = `REASON_OUTSIDE_BAND;
        else if (!referenced_i)                           reason_o = `REASON_NO_REFERENCE;
        else if (outside_collar)                          reason_o = `REASON_OUTSIDE_COLLAR;
        else if (too_long)                                reason_o = `REASON_POSITION_LIMIT;
        else if (too_short)                               reason_o = `REASON_SHORT_LIMIT;
        else if (too_dear)                                reason_o = `REASON_BUYING_POWER;
        else                                              reason_o = `REASON_NONE;
    end
endmodule

`default_nettype wire
