// rate: check 7, the generic cell rate algorithm without its division: a message is too early while the theoretical arrival
// time lies further ahead of its stamp than the burst.
//
//   latency     none, combinational between the row at its RAM and registered results
//   invariant   tat_then_o is what the row becomes when the message is charged; it stays where 63 bits end

`default_nettype none

module rate (
    input  wire [63:0] stamp_ns_i,
    input  wire [62:0] tat_ns_i,
    input  wire [31:0] interval_ns_i,       // 0 lets all pass
    input  wire [31:0] burst_ns_i,
    output wire        too_fast_o,
    output wire [62:0] tat_then_o
);
    wire        ahead    = {1'b0, tat_ns_i} > stamp_ns_i;
    wire [63:0] ahead_ns = {1'b0, tat_ns_i} - stamp_ns_i;
    wire [63:0] later    = ahead ? {1'b0, tat_ns_i} : stamp_ns_i;
    wire [64:0] then_ns  = {1'b0, later} + {33'd0, interval_ns_i};
    wire        limited  = interval_ns_i != 32'd0;

    assign too_fast_o = limited && ahead && ahead_ns > {32'd0, burst_ns_i};
    assign tat_then_o = !limited ? tat_ns_i : |then_ns[64:63] ? {63{1'b1}} : then_ns[62:0];
`ifdef PROVE_RATE
    `include "rate_proof.vh"
`endif
endmodule

`default_nettype wire
