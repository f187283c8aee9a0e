// reciprocal_proof: what is proven of rtl/core/reciprocal.v: for every divisor and every number of one bit less than the
// power of two, multiplying with the reciprocal and back gives the number again if the divisor divides it. (Only if is
// plain: the quotient times the divisor is the number then.) Two of the numbers that are multiplied are free, so it is
// proven small.

    (* anyconst *) reg [BITS-2:0] number;
    reg  [BITS_LOG2+1:0] age = {(BITS_LOG2+2){1'b0}};      // clocks since start_i, while busy
    reg                  past_rst = 1'b1;                  // at power-up there is no past
    wire [2*BITS:0]      product  = number * reciprocal_o;
    wire [BITS-1:0]      quotient = product >> BITS;
    wire [2*BITS-1:0]    back     = quotient * divisor_q;
    // Divides without dividing: some whole number times the divisor is the number.
    (* anyconst *) reg [BITS-2:0] factor;
    wire [2*BITS-1:0]    multiple = factor * divisor_q;
    wire [BITS_LOG2:0]   steps    = busy_q ? step_q : BITS;
    wire [BITS-1:0]      so_far   = quotient_q & ~({BITS{1'b1}} << steps);
    wire [2*BITS-1:0]    divided  = so_far * divisor_q + rest_q;

    always @* assume (!start_i || (divisor_i != {DIVISOR_W{1'b0}} && !busy_q));

    always @(posedge clk) begin
        past_rst <= rst;
        age <= rst || start_i || !busy_q ? {(BITS_LOG2+2){1'b0}} : age + 1'b1;
    end

    `CHECK(gives_it_back,        !(done_o && multiple == number) || back == number)
    `CHECK(is_exact_then,        !(done_o && multiple == number) || quotient == factor)
    `CHECK(is_rounded_up,        !done_o || (reciprocal_o * divisor_q >= (1 << BITS) && (reciprocal_o - 1'b1) * divisor_q < (1 << BITS)))
    `CHECK(takes_its_clocks,     past_rst || done_o == $past(busy_q && age == BITS - 1))
    // What the induction stands on.
    `CHECK(ages_by_the_step,     !busy_q || age == step_q)
    `CHECK(divides_so_far,       !(busy_q || done_o) || (divided == (1 << steps) - 1 && rest_q < divisor_q))
    `CHECK(done_is_not_busy,     !(busy_q && done_o))
