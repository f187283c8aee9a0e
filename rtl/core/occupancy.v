// occupancy: which levels are occupied, for every book (a symbol's side): 64 words of 64 bits and a summary word each,
// so that the nearest occupied level is two find-first steps away, never a scan.
//
//   latency     SET, CLEAR: done_o 2 clocks after start_i. FIND: 2 if the first word has it or the book is
//               empty, else 4
//   throughput  one request at a time; start_i only while idle
//   searching   starts at level_i itself and wraps at the end, so that a band may begin at any level
//   reset       sweep_i clears the book sweep_book_i, word sweep_word_i; no request meanwhile
//   invariant   a summary bit is set iff its word is not zero

`include "check.vh"
`default_nettype none

module occupancy #(
    parameter BOOKS  = 128,
    parameter BOOK_W = $clog2(BOOKS)    // derived
) (
    input  wire              clk,
    input  wire              rst,

    input  wire              sweep_i,
    input  wire [BOOK_W-1:0] sweep_book_i,
    input  wire [5:0]        sweep_word_i,

    input  wire              start_i,
    input  wire              find_i,        // else set_i says what to do with the level's bit
    input  wire              down_i,        // FIND: towards lower levels
    input  wire              set_i,         // SET, else CLEAR
    input  wire [BOOK_W-1:0] book_i,
    input  wire [11:0]       level_i,

    output reg               done_o = 1'b0,
    output reg               found_o,       // FIND: there is one. SET, CLEAR: the bit was set before
    output reg  [11:0]       level_o        // FIND: the level
);
    localparam IDLE = 2'd0, FIRST = 2'd1, SECOND = 2'd2, THIRD = 2'd3;

    reg  [1:0]        state_q = IDLE;
    reg               find_q, down_q, set_q;
    reg  [BOOK_W-1:0] book_q;
    reg  [11:0]       level_q;
    reg  [5:0]        word_q;

    wire [63:0] summary, word;
    wire [63:0] bit_mask = 64'd1 << level_q[5:0];
    wire [63:0] word_changed    = set_q ? word | bit_mask : word & ~bit_mask;
    wire [63:0] summary_bit     = 64'd1 << level_q[11:6];
    wire [63:0] summary_changed = |word_changed ? summary | summary_bit : summary & ~summary_bit;

    // What of the first word lies in the direction of the search, level_i included; what of the summary lies beyond it.
    wire [63:0] ahead  = down_q ? ~64'd0 >> (6'd63 - level_q[5:0]) : ~64'd0 << level_q[5:0];
    wire [63:0] beyond = down_q ? ~(~64'd0 << level_q[11:6]) : ~64'd1 << level_q[11:6];

    // One find-first for words, one for the summary.
    wire        word_found, beyond_found, any_found;
    wire [5:0]  word_index, beyond_index, any_index;
    first_set in_word    (.word_i(state_q == THIRD ? word : word & ahead), .down_i(down_q), .found_o(word_found), .index_o(word_index));
    first_set in_beyond  (.word_i(summary & beyond), .down_i(down_q), .found_o(beyond_found), .index_o(beyond_index));
    first_set in_summary (.word_i(summary), .down_i(down_q), .found_o(any_found), .index_o(any_index));
    wire [5:0]  next_word = beyond_found ? beyond_index : any_index;

    wire change = state_q == FIRST && !find_q;

    ram #(.ROWS(BOOKS * 64), .ROW_W(64)) word_ram (
        .clk(clk),
        .write_i(sweep_i || change),
        .write_addr_i(sweep_i ? {sweep_book_i, sweep_word_i} : {book_q, level_q[11:6]}),
        .write_data_i(sweep_i ? 64'd0 : word_changed),
        .enable_i(start_i || state_q == SECOND),
        .read_addr_i(state_q == SECOND ? {book_q, word_q} : {book_i, level_i[11:6]}),
        .read_data_o(word)
    );
    ram #(.ROWS(BOOKS), .ROW_W(64)) summary_ram (
        .clk(clk),
        .write_i(sweep_i || change),
        .write_addr_i(sweep_i ? sweep_book_i : book_q),
        .write_data_i(sweep_i ? 64'd0 : summary_changed),
        .enable_i(start_i),
        .read_addr_i(book_i),
        .read_data_o(summary)
    );

    always @(posedge clk) begin
        done_o <= 1'b0;
        case (state_q)
            IDLE: if (start_i) begin
                find_q  <= find_i;
                down_q  <= down_i;
                set_q   <= set_i;
                book_q  <= book_i;
                level_q <= level_i;
                state_q <= FIRST;
            end
            FIRST: begin
                found_o <= find_q ? word_found || any_found : word[level_q[5:0]];
                level_o <= {level_q[11:6], word_index};
                word_q  <= next_word;
                if (!find_q || word_found || !any_found) begin
                    done_o  <= 1'b1;
                    state_q <= IDLE;
                end else begin
                    state_q <= SECOND;
                end
            end
            SECOND: state_q <= THIRD;
            default: begin
                level_o <= {word_q, word_index};
                done_o  <= 1'b1;
                state_q <= IDLE;
            end
        endcase

        if (rst) begin
            done_o  <= 1'b0;
            state_q <= IDLE;
        end
    end

    `CHECK(starts_only_when_idle, !start_i || state_q == IDLE)
    `CHECK(summary_is_true,       state_q != THIRD || word_found)
    `CHECK(sweep_is_alone,        !sweep_i || (state_q == IDLE && !start_i))
endmodule

`default_nettype wire
