// first_set: the lowest (or, going down, the highest) bit of a word that is set.
//
//   latency     none, combinational: groups of bits side by side, then one of the groups, so that no chain is long
//   invariant   found_o iff the word is not zero; index_o has meaning only then

`default_nettype none

module first_set #(
    parameter WORD_LOG2 = 6,                // even: as many groups as bits in a group; the proof has less
    parameter WORD_W    = 1 << WORD_LOG2    // derived
) (
    input  wire [WORD_W-1:0]    word_i,
    input  wire                 down_i,
    output wire                 found_o,
    output wire [WORD_LOG2-1:0] index_o
);
    localparam HALF  = WORD_LOG2 / 2;
    localparam GROUP = 1 << HALF;

    // Going down is going up in the mirror.
    wire [WORD_W-1:0]     mirrored;
    wire [WORD_W-1:0]     up = down_i ? mirrored : word_i;
    wire [GROUP-1:0]      some;             // group n holds a set bit
    wire [HALF*GROUP-1:0] place;            // where
    wire [HALF-1:0]       group;
    wire [WORD_LOG2-1:0]  up_index = {group, place[HALF*group +: HALF]};

    function [HALF-1:0] lowest(input [GROUP-1:0] bits);
        integer n;
        begin
            lowest = {HALF{1'b1}};
            for (n = GROUP - 2; n >= 0; n = n - 1)
                if (bits[n]) lowest = n[HALF-1:0];
        end
    endfunction

    genvar n;
    generate
        for (n = 0; n < WORD_W; n = n + 1) begin : mirror
            assign mirrored[n] = word_i[WORD_W-1-n];
        end
        for (n = 0; n < GROUP; n = n + 1) begin : groups
            assign some[n]               = |up[GROUP*n +: GROUP];
            assign place[HALF*n +: HALF] = lowest(up[GROUP*n +: GROUP]);
        end
    endgenerate

    assign group   = lowest(some);
    assign found_o = |some;
    assign index_o = down_i ? ~up_index : up_index;
`ifdef PROVE_FIRST_SET
    `include "first_set_proof.vh"
`endif
endmodule

`default_nettype wire
