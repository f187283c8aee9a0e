// verdict_proof: what is proven of rtl/core/verdict.v, for every outcome of the checks.

    // Unless a check of them failed, the bits below one are green.
    wire [13:0] first = fails_i & (~fails_i + 14'd1);
    wire [7:0]  other_reason;               // of the same checks, with everything behind the first failure green
    reg  [7:0]  of_first;
    integer     n;
    always @* begin
        of_first = `REASON_NONE;
        for (n = 0; n < 14; n = n + 1) if (first[n]) of_first = reason_of(n);
    end
    function [7:0] reason_of(input integer check);
        case (check)
            0: reason_of = `REASON_RESTRICTED;
            1: reason_of = `REASON_MESSAGE_RATE;
            2: reason_of = `REASON_ORDER_QUANTITY;
            3: reason_of = `REASON_ORDER_NOTIONAL;
            4: reason_of = `REASON_OUTSIDE_BAND;
            5: reason_of = `REASON_NO_REFERENCE;
            6: reason_of = `REASON_OUTSIDE_COLLAR;
            7: reason_of = `REASON_DUPLICATE;
            8: reason_of = `REASON_OPEN_ORDERS;
            9: reason_of = `REASON_POSITION_LIMIT;
            10: reason_of = `REASON_SHORT_LIMIT;
            11: reason_of = `REASON_GROSS_NOTIONAL;
            12: reason_of = `REASON_DAILY_NOTIONAL;
            13: reason_of = `REASON_BUYING_POWER;
            default: reason_of = `REASON_NONE;
        endcase
    endfunction

    always @* begin
        accepted_iff_green: assert ((reason_o == `REASON_NONE) == (reason_i == `REASON_NONE && (cancels_i || fails_i == 14'd0)));
        early_checks_first: assert (reason_i == `REASON_NONE || reason_o == reason_i);
        first_failure_says: assert (reason_i != `REASON_NONE || cancels_i || reason_o == of_first);
    end
