// permit_proof: what is proven of rtl/core/permit.v, for every input.

    wire enters = (is_new_i || is_replace_i) && !cancels_i;
    wire named  = is_new_i ? slot_free_i : named_i;
    wire open   = symbol_state == `SYMBOL_STATE_OPEN || (symbol_state == `SYMBOL_STATE_AUCTION && plain_i);
    wire killed = killed_i || firm_killed_i || account_killed_i || session_killed_i || !enabled_i;

    always @* begin
        // CANCEL is not NEW, and cancels.
        assume (!(is_new_i && (is_replace_i || cancels_i)));
        assume (is_new_i || is_replace_i || cancels_i);
        permitted_iff_green: assert ((reason_o == `REASON_NONE)
            == (form_ok_i && (!priced || (on_tick_i && in_lots_i)) && named
                && (cancels_i || (symbol_known_i && account_known_i && !killed && open))));
        kill_dominates:      assert (!enters || !killed || reason_o != `REASON_NONE);
        cancel_goes_through: assert (!(cancels_i && form_ok_i && named && !priced) || reason_o == `REASON_NONE);
    end
