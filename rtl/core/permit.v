// permit: checks 1 to 5 of NEW, REPLACE and CANCEL, the first that fails names the reason.
//
//   latency     none, combinational
//   invariant   REASON_NONE only if all of them are green

`include "abi.vh"
`default_nettype none

module permit (
    input  wire       form_ok_i,
    input  wire       on_tick_i,
    input  wire       in_lots_i,
    input  wire       is_new_i,             // else CANCEL or REPLACE
    input  wire       is_replace_i,
    input  wire       cancels_i,            // CANCEL, or a REPLACE that is one: only checks 1 and 2 count
    input  wire       slot_free_i,          // NEW: slot not live and generation the next one
    input  wire       named_i,              // CANCEL, REPLACE: the order that is meant is live
    input  wire       symbol_known_i,
    input  wire       account_known_i,
    input  wire       killed_i,
    input  wire       firm_killed_i,
    input  wire       account_killed_i,
    input  wire       session_killed_i,
    input  wire       enabled_i,
    input  wire [1:0] symbol_state_i,
    input  wire       plain_i,              // a limit order for the day, an iceberg too: what an auction takes
    output reg  [7:0] reason_o
);
    wire       priced = (is_new_i || is_replace_i) && symbol_known_i;
    wire [7:0] symbol_state = {6'd0, symbol_state_i};

    always @* begin
        if      (!form_ok_i)                   reason_o = `REASON_MALFORMED;
        else if (priced && !on_tick_i)         reason_o = `REASON_PRICE_OFF_TICK;
        else if (priced && !in_lots_i)         reason_o = `REASON_ODD_LOT;
        else if (is_new_i && !slot_free_i)     reason_o = `REASON_SLOT_BUSY;
        else if (!is_new_i && !named_i)        reason_o = `REASON_UNKNOWN_ORDER;
        else if (cancels_i)                    reason_o = `REASON_NONE;
        else if (!symbol_known_i)              reason_o = `REASON_UNKNOWN_SYMBOL;
        else if (!account_known_i)             reason_o = `REASON_UNKNOWN_ACCOUNT;
        else if (killed_i)                     reason_o = `REASON_KILLED;
        else if (firm_killed_i)                reason_o = `REASON_FIRM_KILLED;
        else if (account_killed_i)             reason_o = `REASON_ACCOUNT_KILLED;
        else if (session_killed_i)             reason_o = `REASON_SESSION_KILLED;
        else if (!enabled_i)                   reason_o = `REASON_ACCOUNT_DISABLED;
        else if (symbol_state == `SYMBOL_STATE_HALTED) reason_o = `REASON_SYMBOL_HALTED;
        else if (symbol_state == `SYMBOL_STATE_CLOSED) reason_o = `REASON_SYMBOL_CLOSED;
        else if (symbol_state == `SYMBOL_STATE_AUCTION && !plain_i) reason_o = `REASON_KIND_NOT_ALLOWED;
        else                                   reason_o = `REASON_NONE;
    end
`ifdef PROVE_PERMIT
    `include "permit_proof.vh"
`endif
endmodule

`default_nettype wire
