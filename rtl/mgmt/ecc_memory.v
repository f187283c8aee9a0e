// ecc_memory: words of 32 bits that survive one wrong bit each.
//
//   latency     a read 1 clock, a write of all 4 bytes none, of fewer 1; a load in its first clock makes it wait a clock
//   throughput  one access in 2 clocks
//   slow sink   none: an answer is there for one clock
//   reset       synchronous; an access under way is forgotten, the words stay
//   invariant   a word with one wrong bit is read right and written back right; with two, error_o
//
// load_i writes a word past the port, of a memory that the port only reads.

`include "abi.vh"
`default_nettype none

module ecc_memory #(
    parameter INDEX_W  = 12,
    parameter FIRMWARE = 0                          // 1: begins with image A
) (
    input  wire               clk,
    input  wire               rst,

    input  wire               valid_i,              // stands until ready_o
    input  wire [INDEX_W-1:0] index_i,
    input  wire [3:0]         strobe_i,             // bytes to be written; 0 reads
    input  wire [31:0]        data_i,
    output wire               ready_o,
    output wire               error_o,              // with ready_o: two bits are wrong
    output wire [31:0]        data_o,               // with ready_o
    output wire               corrected_o,          // pulse

    input  wire               load_i,
    input  wire [INDEX_W-1:0] load_index_i,
    input  wire [31:0]        load_data_i,

    input  wire [1:0]         flip_i                // bits of the next word to be written wrong
);
    `include "ecc.vh"

    reg [38:0] memory [0:(1 << INDEX_W)-1];
    reg [38:0] word_q;
    reg        seen_q = 1'b0;                       // word_q is what index_i holds

    // As a block RAM comes up. A word of zero has check bits of zero.
    integer i;
    initial begin
        for (i = 0; i < (1 << INDEX_W); i = i + 1) memory[i] = 39'd0;
        if (FIRMWARE == 1) begin
`ifdef FIRMWARE_IMAGE
            `include "firmware.vh"
`endif
        end
    end

    wire [31:0] stored  = word_q[31:0];
    wire [5:0]  wrong   = word_q[37:32] ^ ecc_check(stored);
    wire        odd     = ^word_q;                  // the number of wrong bits is odd: one
    wire [31:0] right   = odd ? stored ^ ecc_flip(wrong) : stored;
    wire        two     = odd ? wrong > 6'd38 : wrong != 6'd0;

    wire        whole   = &strobe_i;
    wire        answers = valid_i && (whole || seen_q);
    wire        write   = answers && (strobe_i != 4'd0 || odd) && !(two && !whole);
    wire [31:0] merged  = {strobe_i[3] ? data_i[31:24] : right[31:24], strobe_i[2] ? data_i[23:16] : right[23:16],
                           strobe_i[1] ? data_i[15:8] : right[15:8], strobe_i[0] ? data_i[7:0] : right[7:0]};
    wire [31:0] written = load_i ? load_data_i : merged;
    wire [5:0]  check   = ecc_check(written);

    always @(posedge clk) begin
        word_q <= memory[index_i];
        if (load_i || write)
            memory[load_i ? load_index_i : index_i] <= {^{check, written}, check, written} ^ {37'd0, flip_i};
        seen_q <= valid_i && !answers && !load_i;   // what was read may be what the load replaces
        if (rst) seen_q <= 1'b0;
    end

    assign ready_o     = answers;
    assign error_o     = answers && !whole && two;
    assign data_o      = right;
    assign corrected_o = answers && !whole && odd && !two;
endmodule

`default_nettype wire
