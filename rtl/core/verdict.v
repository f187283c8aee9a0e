// verdict: the first check that failed. Checks 1 to 5 have said their reason; 6 to 16 have a bit each, in their order.
//
//   latency     none, combinational
//   invariant   REASON_NONE only if all of them are green; an order that only cancels needs the first five alone

`include "abi.vh"
`default_nettype none

module verdict (
    input  wire [7:0]  reason_i,            // of checks 1 to 5
    input  wire        cancels_i,
    input  wire [13:0] fails_i,             // bit 0 is check 6
    output reg  [7:0]  reason_o
);
    always @* begin
        if (reason_i != `REASON_NONE) reason_o = reason_i;
        else if (cancels_i)           reason_o = `REASON_NONE;
        else casez (fails_i)
            14'b?????????????1: reason_o = `REASON_RESTRICTED;
            14'b????????????10: reason_o = `REASON_MESSAGE_RATE;
            14'b???????????100: reason_o = `REASON_ORDER_QUANTITY;
            14'b??????????1000: reason_o = `REASON_ORDER_NOTIONAL;
            14'b?????????10000: reason_o = `REASON_OUTSIDE_BAND;
            14'b????????100000: reason_o = `REASON_NO_REFERENCE;
            14'b???????1000000: reason_o = `REASON_OUTSIDE_COLLAR;
            14'b??????10000000: reason_o = `REASON_DUPLICATE;
            14'b?????100000000: reason_o = `REASON_OPEN_ORDERS;
            14'b????1000000000: reason_o = `REASON_POSITION_LIMIT;
            14'b???10000000000: reason_o = `REASON_SHORT_LIMIT;
            14'b??100000000000: reason_o = `REASON_GROSS_NOTIONAL;
            14'b?1000000000000: reason_o = `REASON_DAILY_NOTIONAL;
            14'b10000000000000: reason_o = `REASON_BUYING_POWER;
            default:           reason_o = `REASON_NONE;
        endcase
    end
`ifdef PROVE_VERDICT
    `include "verdict_proof.vh"
`endif
endmodule

`default_nettype wire
