// reciprocal: 2^32 / divisor, rounded up: with it a multiplication says how many divisors a number of up to 31 bits is,
// exact whenever it is a whole number of them (q = n * reciprocal >> 32 is n / divisor then, because the error n / divisor *
// (divisor - 1) stays below 2^32), so that q * divisor == n tells whether it is.
//
//   latency     33 clocks from start_i to done_o, always
//   throughput  one at a time; start_i only while idle
//   assumes     divisor_i > 0

`include "check.vh"
`default_nettype none

module reciprocal #(
    parameter BITS_LOG2 = 5,                            // of the power of two that is divided; the proof has less
    parameter DIVISOR_W = 20,                           // the proof has less
    parameter BITS      = 1 << BITS_LOG2                // derived
) (
    input  wire                 clk,
    input  wire                 rst,
    input  wire                 start_i,
    input  wire [DIVISOR_W-1:0] divisor_i,
    output reg                  done_o = 1'b0,
    output wire [BITS:0]        reciprocal_o
);
    // ceil(2^32 / d) = floor((2^32 - 1) / d) + 1: a long division of 32 ones, one quotient bit a clock.
    reg                  busy_q = 1'b0;
    reg  [BITS_LOG2-1:0] step_q;
    reg  [DIVISOR_W-1:0] divisor_q, rest_q;
    reg  [BITS-1:0]      quotient_q;
    wire [DIVISOR_W:0]   rest    = {rest_q, 1'b1};
    wire                 fits    = rest >= {1'b0, divisor_q};
    wire [DIVISOR_W-1:0] reduced = rest[DIVISOR_W-1:0] - divisor_q;     // the rest is below the divisor: its top bit is gone

    assign reciprocal_o = {1'b0, quotient_q} + 1'b1;

    always @(posedge clk) begin
        done_o <= 1'b0;
        if (start_i) begin
            busy_q    <= 1'b1;
            step_q    <= {BITS_LOG2{1'b0}};
            divisor_q <= divisor_i;
            rest_q    <= {DIVISOR_W{1'b0}};
        end else if (busy_q) begin
            quotient_q <= {quotient_q[BITS-2:0], fits};
            rest_q     <= fits ? reduced : rest[DIVISOR_W-1:0];
            step_q     <= step_q + 1'b1;
            busy_q     <= !(&step_q);
            done_o     <= &step_q;
        end

        if (rst) begin
            busy_q <= 1'b0;
            done_o <= 1'b0;
        end
    end

    `CHECK(divisor_is_not_zero, !start_i || divisor_i != {DIVISOR_W{1'b0}})
    `CHECK(starts_only_when_idle, !start_i || !busy_q)
`ifdef PROVE_RECIPROCAL
    `include "reciprocal_proof.vh"
`endif
endmodule

`default_nettype wire
