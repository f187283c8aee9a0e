// occupancy: which levels are occupied, for every book (a symbol's side): 64 words of 64 bits and a summary word each,
// so that the nearest occupied level is two find-first steps away, never a scan.
//
//   read        read_i addresses a level; its word and summary are here a clock later and stay; without_i with it says that
//               the level itself is not searched for. Then, in any clock:
//               set_o          whether the level's bit is set
//               write_i        sets or clears it
//               nearest_o      the nearest occupied level from it in the direction of down_i, in its word
//               find_i         goes on beyond the word, if elsewhere_o: nearest_level_o is right a clock later
//   walk        walk_i, a clock or more after read_i of an occupied level: all others follow, nearest first. next_valid_o
//               shows one, next_none_o that there is none; neither, that it is being looked for (3 clocks at most).
//               next_i takes it and makes it the current one; the level read is the first current one.
//               empty_i clears the bit of the current one, which all before it must be cleared.
//   searching   wraps at the end, so that a band may begin at any level
//   reset       sweep_i clears the book sweep_book_i, word sweep_word_i; no request meanwhile
//   invariant   a summary bit is set iff its word is not zero

`include "check.vh"
`default_nettype none

module occupancy #(
    parameter BOOKS     = 128,
    parameter WORD_LOG2 = 6,                // of bits of a word and of words of a book; even; the proof has less
    parameter BOOK_W    = $clog2(BOOKS),    // derived
    parameter WORD_W    = 1 << WORD_LOG2,   // derived
    parameter LEVEL_W   = 2 * WORD_LOG2     // derived
) (
    input  wire                 clk,
    input  wire                 rst,

    input  wire                 sweep_i,
    input  wire [BOOK_W-1:0]    sweep_book_i,
    input  wire [WORD_LOG2-1:0] sweep_word_i,

    input  wire                 read_i,
    input  wire [BOOK_W-1:0]    book_i,
    input  wire [LEVEL_W-1:0]   level_i,
    input  wire                 down_i,
    input  wire                 without_i,
    output wire                 set_o,

    input  wire                 write_i,
    input  wire                 write_set_i,        // set, else clear

    output wire                 nearest_o,
    output wire [LEVEL_W-1:0]   nearest_level_o,
    output wire                 elsewhere_o,
    input  wire                 find_i,

    input  wire                 walk_i,
    output wire                 pop_o,              // the next one is found, shown from the next clock on
    output wire [LEVEL_W-1:0]   pop_level_o,
    output wire                 next_valid_o,
    output wire [LEVEL_W-1:0]   next_level_o,
    output reg                  next_none_o = 1'b0,
    input  wire                 next_i,
    input  wire                 empty_i,

    input  wire                 flip_word_i,        // for tests: see ram.v
    input  wire                 flip_summary_i,
    output wire                 word_fault_o,       // what was read is not what was written
    output wire                 summary_fault_o
);
    localparam [WORD_W-1:0] NONE = 0, ONE = 1, ALL = ~NONE;

    reg  [BOOK_W-1:0]    book_q;
    reg  [LEVEL_W-1:0]   level_q;               // where the search began
    reg                  down_q, without_q;

    // The word that is searched: first the level's own, from it on; then others; last its own again, the other part.
    reg                  first_q;
    reg  [WORD_LOG2-1:0] word_q;
    reg                  walk_q = 1'b0;
    reg                  kept_q;                // the word is in rest_q, else at the RAM
    reg  [WORD_W-1:0]    rest_q;                // of the word: what is still to be shown
    reg  [WORD_W-1:0]    ahead_words_q;         // the words that are still to be searched

    wire [WORD_LOG2-1:0] level_word   = level_q[LEVEL_W-1:WORD_LOG2];
    wire [WORD_LOG2-1:0] level_bit    = level_q[WORD_LOG2-1:0];
    wire [WORD_W-1:0]    word, summary;
    wire [WORD_W-1:0]    bit_mask     = ONE << level_bit;
    wire [WORD_W-1:0]    summary_mask = ONE << level_word;
    wire [WORD_W-1:0]    ahead        = down_q ? ALL >> ~level_bit : ALL << level_bit;
    wire [WORD_W-1:0]    beyond       = down_q ? ~(ALL << level_word) : ~ONE << level_word;

    wire                 again     = !first_q && word_q == level_word;
    wire [WORD_W-1:0]    now       = walk_q && kept_q ? rest_q : without_q && first_q ? word & ~bit_mask : word;
    wire [WORD_W-1:0]    candidate = now & (first_q ? ahead : again ? ~ahead : ALL);
    wire [WORD_W-1:0]    cleared   = word & ~bit_mask;

    // Words with something in them, without the level's own, which counts only for what lies behind the start.
    wire                 behind    = |(cleared & ~ahead);
    wire [WORD_W-1:0]    others    = (summary & ~summary_mask) | (behind ? summary_mask : NONE);
    wire [WORD_W-1:0]    to_search = walk_q ? ahead_words_q : others;

    wire                 found, beyond_found, any_found;
    wire [WORD_LOG2-1:0] found_index, beyond_index, any_index;
    first_set #(.WORD_LOG2(WORD_LOG2)) in_word   (.word_i(candidate), .down_i(down_q), .found_o(found), .index_o(found_index));
    first_set #(.WORD_LOG2(WORD_LOG2)) in_beyond (.word_i(to_search & beyond), .down_i(down_q), .found_o(beyond_found), .index_o(beyond_index));
    first_set #(.WORD_LOG2(WORD_LOG2)) in_any    (.word_i(to_search), .down_i(down_q), .found_o(any_found), .index_o(any_index));
    wire [WORD_LOG2-1:0] next_word = beyond_found ? beyond_index : any_index;

    assign set_o           = word[level_bit];
    assign nearest_o       = found;
    assign nearest_level_o = {word_q, found_index};
    assign elsewhere_o     = any_found;

    // ---- walk -------------------------------------------------------------------------------------------------------
    reg                  next_valid_q = 1'b0;
    reg  [LEVEL_W-1:0]   next_level_q, current_level_q;
    reg  [WORD_W-1:0]    next_left_q, current_left_q;   // what is left in the word without that level and all before it
    reg  [WORD_W-1:0]    summary_q;
    wire [WORD_LOG2-1:0] current_word = current_level_q[LEVEL_W-1:WORD_LOG2];
    wire                 unused       = &{1'b0, current_level_q[WORD_LOG2-1:0]};
    wire                 room         = !next_valid_q || next_i;
    wire                 pop          = walk_q && room && found;
    wire                 fetch        = walk_q && !found && any_found;
    // Read again, its own word may still show what the walk has passed but not yet cleared.
    wire [WORD_W-1:0]    left         = (again ? candidate : now) & ~(ONE << found_index);

    assign pop_o        = pop;
    assign pop_level_o  = nearest_level_o;
    assign next_valid_o = next_valid_q;
    assign next_level_o = next_level_q;
    wire                 ends         = walk_q && !next_valid_q && !found && !any_found;

    wire [WORD_W-1:0]    summary_left    = |current_left_q ? summary_q : summary_q & ~(ONE << current_word);
    wire [WORD_W-1:0]    word_changed    = write_set_i ? word | bit_mask : cleared;
    wire [WORD_W-1:0]    summary_changed = |word_changed ? summary | summary_mask : summary & ~summary_mask;

`ifdef PROVE_OCCUPANCY
    wire [BOOKS*WORD_W*WORD_W-1:0] word_rows;           // the proof looks at all of them
    wire [BOOKS*WORD_W-1:0]        summary_rows;
`endif
    ram #(.ROWS(BOOKS * WORD_W), .ROW_W(WORD_W)) word_ram (
        .clk(clk), .rst(rst),
        .write_i(sweep_i || write_i || empty_i),
        .write_addr_i(sweep_i ? {sweep_book_i, sweep_word_i} : {book_q, empty_i ? current_word : level_word}),
        .write_data_i(sweep_i ? NONE : empty_i ? current_left_q : word_changed), .flip_i(flip_word_i),
        .enable_i(read_i || find_i || fetch),
        .read_addr_i(read_i ? {book_i, level_i[LEVEL_W-1:WORD_LOG2]} : {book_q, next_word}),
        .read_data_o(word), .fault_o(word_fault_o)
`ifdef PROVE_OCCUPANCY
        , .rows_o(word_rows)
`endif
    );
    ram #(.ROWS(BOOKS), .ROW_W(WORD_W)) summary_ram (
        .clk(clk), .rst(rst),
        .write_i(sweep_i || write_i || empty_i),
        .write_addr_i(sweep_i ? sweep_book_i : book_q),
        .write_data_i(sweep_i ? NONE : empty_i ? summary_left : summary_changed), .flip_i(flip_summary_i),
        .enable_i(read_i),
        .read_addr_i(book_i),
        .read_data_o(summary), .fault_o(summary_fault_o)
`ifdef PROVE_OCCUPANCY
        , .rows_o(summary_rows)
`endif
    );

    always @(posedge clk) begin
        if (walk_i) begin
            walk_q          <= 1'b1;
            kept_q          <= 1'b1;
            rest_q          <= cleared;
            ahead_words_q   <= others;
            current_level_q <= level_q;
            current_left_q  <= cleared;
            summary_q       <= summary;
            next_valid_q    <= 1'b0;
        end else if (walk_q) begin
            if (next_i) begin
                next_valid_q    <= 1'b0;
                current_level_q <= next_level_q;
                current_left_q  <= next_left_q;
            end
            if (pop) begin
                next_valid_q <= 1'b1;
                next_level_q <= nearest_level_o;
                next_left_q  <= left;
                rest_q       <= left;
                kept_q       <= 1'b1;
            end
            if (fetch) begin
                kept_q        <= 1'b0;
                ahead_words_q <= ahead_words_q & ~(ONE << next_word);
            end
        end
        next_none_o <= ends && !walk_i && !read_i;
        if (empty_i) summary_q <= summary_left;
        if (find_i || fetch) begin
            first_q <= 1'b0;
            word_q  <= next_word;
        end
        if (read_i) begin
            book_q       <= book_i;
            level_q      <= level_i;
            down_q       <= down_i;
            without_q    <= without_i;
            first_q      <= 1'b1;
            word_q       <= level_i[LEVEL_W-1:WORD_LOG2];
            walk_q       <= 1'b0;
            next_valid_q <= 1'b0;
        end

        if (rst) begin
            walk_q       <= 1'b0;
            next_valid_q <= 1'b0;
            next_none_o  <= 1'b0;
        end
    end

`ifndef SYNTHESIS
    reg fresh_q = 1'b0;         // what was read is here and nothing was asked since
    always @(posedge clk) fresh_q <= !rst && (read_i || (fresh_q && !write_i && !find_i && !walk_i));
`endif
    `CHECK(asks_what_was_read,           !(write_i || find_i || walk_i) || fresh_q)
    `CHECK(asks_one_thing,               !walk_i || !(write_i || find_i))
    `CHECK(asks_or_reads,                !read_i || !(write_i || find_i || walk_i || next_i || empty_i))
    `CHECK(seeks_only_beyond,            !find_i || (!nearest_o && elsewhere_o && !(write_i && write_set_i)))
    `CHECK(walks_from_an_occupied_level, !walk_i || set_o)
    `CHECK(takes_what_there_is,          !next_i || next_valid_q)
    `CHECK(empties_only_on_a_walk,       !empty_i || walk_q)
    `CHECK(empties_what_it_leaves,       !next_i || empty_i)
    `CHECK(sweep_is_alone,               !sweep_i || !(read_i || write_i || empty_i))
    `CHECK(finds_what_the_summary_says,  !(walk_q && !kept_q) || found)
`ifdef PROVE_OCCUPANCY
    `include "occupancy_proof.vh"
`endif
endmodule

`default_nettype wire
