// first_set_proof: what is proven of rtl/core/first_set.v, for every word and both directions.

    wire [WORD_W-1:0] below = word_i << ~index_o << 1;      // what is left of the bits below, and above, the one found
    wire [WORD_W-1:0] above = word_i >> index_o >> 1;

    always @* begin
        found_iff_any:  assert (found_o == |word_i);
        found_is_set:   assert (!found_o || word_i[index_o]);
        none_is_nearer: assert (!found_o || (down_i ? above : below) == {WORD_W{1'b0}});
    end
