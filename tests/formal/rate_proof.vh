// rate_proof: what is proven of rtl/core/rate.v, for every row and stamp.

    localparam [65:0] LATEST = (66'd1 << 63) - 66'd1;
    wire [65:0] tat      = {3'd0, tat_ns_i};
    wire [65:0] stamp    = {2'd0, stamp_ns_i};
    wire [65:0] from     = tat > stamp ? tat : stamp;
    wire [65:0] sum      = from + {34'd0, interval_ns_i};
    wire [65:0] tat_then = {3'd0, tat_then_o};

    always @* begin
        off_is_off:    assert (interval_ns_i != 32'd0 || (!too_fast_o && tat_then_o == tat_ns_i));
        early_iff:     assert (interval_ns_i == 32'd0 || too_fast_o == (tat > stamp + {34'd0, burst_ns_i}));
        charged:       assert (interval_ns_i == 32'd0 || tat_then == (sum > LATEST ? LATEST : sum));
        never_falls:   assert (tat_then_o >= tat_ns_i);
    end
