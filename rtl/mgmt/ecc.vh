// ecc: single error correction, double error detection for words of 32 bits (Hamming, extended by a parity bit).
//
// Data bits stand at the places 3, 5, 6, 7, 9, ... 38 that are no power of two, check bits at 1, 2, 4, 8, 16, 32; bit k of a
// place's number says that check bit k covers it. A stored word is {parity of all, check bits, data}: 39 bits.

    function [5:0] ecc_check;
        input [31:0] word;
        begin
            ecc_check[0] = ^(word & 32'h56aaad5b);
            ecc_check[1] = ^(word & 32'h9b33366d);
            ecc_check[2] = ^(word & 32'he3c3c78e);
            ecc_check[3] = ^(word & 32'h03fc07f0);
            ecc_check[4] = ^(word & 32'h03fff800);
            ecc_check[5] = ^(word & 32'hfc000000);
        end
    endfunction

    // What to turn round in the data when the check bits differ in this: the place's data bit, none for a check bit's place.
    function [31:0] ecc_flip;
        input [5:0] place;
        case (place)
            6'd3 : ecc_flip = 32'h00000001;
            6'd5 : ecc_flip = 32'h00000002;
            6'd6 : ecc_flip = 32'h00000004;
            6'd7 : ecc_flip = 32'h00000008;
            6'd9 : ecc_flip = 32'h00000010;
            6'd10: ecc_flip = 32'h00000020;
            6'd11: ecc_flip = 32'h00000040;
            6'd12: ecc_flip = 32'h00000080;
            6'd13: ecc_flip = 32'h00000100;
            6'd14: ecc_flip = 32'h00000200;
            6'd15: ecc_flip = 32'h00000400;
            6'd17: ecc_flip = 32'h00000800;
            6'd18: ecc_flip = 32'h00001000;
            6'd19: ecc_flip = 32'h00002000;
            6'd20: ecc_flip = 32'h00004000;
            6'd21: ecc_flip = 32'h00008000;
            6'd22: ecc_flip = 32'h00010000;
            6'd23: ecc_flip = 32'h00020000;
            6'd24: ecc_flip = 32'h00040000;
            6'd25: ecc_flip = 32'h00080000;
            6'd26: ecc_flip = 32'h00100000;
            6'd27: ecc_flip = 32'h00200000;
            6'd28: ecc_flip = 32'h00400000;
            6'd29: ecc_flip = 32'h00800000;
            6'd30: ecc_flip = 32'h01000000;
            6'd31: ecc_flip = 32'h02000000;
            6'd33: ecc_flip = 32'h04000000;
            6'd34: ecc_flip = 32'h08000000;
            6'd35: ecc_flip = 32'h10000000;
            6'd36: ecc_flip = 32'h20000000;
            6'd37: ecc_flip = 32'h40000000;
            6'd38: ecc_flip = 32'h80000000;
            default: ecc_flip = 32'd0;
        endcase
    endfunction
