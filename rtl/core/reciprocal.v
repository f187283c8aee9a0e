// reciprocal: 2^32 / divisor, rounded up: with it a multiplication says how many divisors a number of up to 31 bits is,
// exact whenever it is a whole number of them (q = n * reciprocal >> 32 is n / divisor then, because the error n / divisor *
// (divisor - 1) stays below 2^32), so that q * divisor == n tells whether it is.
//
//   latency     33 clocks from start_i to done_o, always
//   throughput  one at a time; start_i only while idle
//   assumes     divisor_i > 0

`include "check.vh"
`default_nettype none

module reciprocal (
    input  wire        clk,
    input  wire        rst,
    input  wire        start_i,
    input  wire [19:0] divisor_i,
    output reg         done_o = 1'b0,
    output wire [32:0] reciprocal_o
);
    // ceil(2^32 / d) = floor((2^32 - 1) / d) + 1: a long division of 32 ones, one quotient bit a clock.
    reg         busy_q = 1'b0;
    reg  [4:0]  step_q;
    reg  [19:0] divisor_q, rest_q;
    reg  [31:0] quotient_q;
    wire [20:0] rest    = {rest_q, 1'b1};
    wire        fits    = rest >= {1'b0, divisor_q};
    wire [19:0] reduced = rest[19:0] - divisor_q;      // the rest is below the divisor: its top bit is gone

    assign reciprocal_o = {1'b0, quotient_q} + 33'd1;

    always @(posedge clk) begin
        done_o <= 1'b0;
        if (start_i) begin
            busy_q    <= 1'b1;
            step_q    <= 5'd0;
            divisor_q <= divisor_i;
            rest_q    <= 20'd0;
        end else if (busy_q) begin
            quotient_q <= {quotient_q[30:0], fits};
            rest_q     <= fits ? reduced : rest[19:0];
            step_q     <= step_q + 5'd1;
            busy_q     <= step_q != 5'd31;
            done_o     <= step_q == 5'd31;
        end

        if (rst) begin
            busy_q <= 1'b0;
            done_o <= 1'b0;
        end
    end

    `CHECK(divisor_is_not_zero, !start_i || divisor_i != 20'd0)
    `CHECK(starts_only_when_idle, !start_i || !busy_q)
endmodule

`default_nettype wire
