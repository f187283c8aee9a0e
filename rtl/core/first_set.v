// first_set: the lowest (or, going down, the highest) bit of a word that is set.
//
//   latency     none, combinational: eight bytes side by side, then one of eight, so that no chain is longer than 16 bits
//   invariant   found_o iff the word is not zero; index_o has meaning only then

`default_nettype none

module first_set (
    input  wire [63:0] word_i,
    input  wire        down_i,
    output wire        found_o,
    output wire [5:0]  index_o
);
    // Going down is going up in the mirror.
    wire [63:0] mirrored;
    wire [63:0] up = down_i ? mirrored : word_i;
    wire [7:0]  some;               // byte n holds a set bit
    wire [23:0] place;             // where, three bits a byte
    wire [2:0]  byte_index;
    wire [5:0]  up_index = {byte_index, place[3*byte_index +: 3]};

    function [2:0] lowest(input [7:0] bits);
        casez (bits)
            8'b???????1: lowest = 3'd0;
            8'b??????10: lowest = 3'd1;
            8'b?????100: lowest = 3'd2;
            8'b????1000: lowest = 3'd3;
            8'b???10000: lowest = 3'd4;
            8'b??100000: lowest = 3'd5;
            8'b?1000000: lowest = 3'd6;
            default:     lowest = 3'd7;
        endcase
    endfunction

    genvar n;
    generate
        for (n = 0; n < 64; n = n + 1) begin : mirror
            assign mirrored[n] = word_i[63-n];
        end
        for (n = 0; n < 8; n = n + 1) begin : bytes
            assign some[n]          = |up[8*n +: 8];
            assign place[3*n +: 3] = lowest(up[8*n +: 8]);
        end
    endgenerate

    assign byte_index = lowest(some);
    assign found_o    = |some;
    assign index_o    = down_i ? ~up_index : up_index;
endmodule

`default_nettype wire
