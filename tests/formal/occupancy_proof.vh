// occupancy_proof: what is proven of rtl/core/occupancy.v, seen from inside it. Which levels are set is known by counting
// what was asked, for every level of every book; every answer is held to that. It begins with any books that keep the
// invariant, not with empty ones: so a run of a few clocks shows all there is to a search.
//
// Who asks keeps to the head of occupancy.v; that is assumed here, and checked in simulation by the same names.

    localparam LEVELS = WORD_W * WORD_W;

    reg  [BOOKS*LEVELS-1:0] asked_levels;           // of all books: which are set
    reg                     sought = 1'b0;          // what find_i looked for is here
    reg  [LEVEL_W-1:0]      last_level;             // of the walk: shown last, or where it began
    reg  [1:0]              looking = 2'd0;         // clocks of the walk without an answer

    wire [LEVELS-1:0]       levels = asked_levels >> (book_q * LEVELS);
    wire [BOOKS*WORD_W-1:0] asked_words;
    wire [WORD_W-1:0]       words  = asked_words >> (book_q * WORD_W);

    // How far a level lies from where the search began, in its direction; a word likewise.
    function [LEVEL_W-1:0] distance(input [LEVEL_W-1:0] level);
        distance = down_q ? level_q - level : level - level_q;
    endfunction
    function [WORD_LOG2-1:0] word_distance(input [WORD_LOG2-1:0] index);
        word_distance = down_q ? level_word - index : index - level_word;
    endfunction

    // Sets of levels of the book that is searched
    wire [LEVELS-1:0] current_set, last_set, nearest_set;           // one level each
    wire [LEVELS-1:0] to_current, to_last, before_nearest;          // what lies from the start to there
    wire [LEVELS-1:0] candidates;                                   // what the word shows
    wire [WORD_W-1:0] later_words;                                  // what the search comes to after its word
    wire [LEVELS-1:0] rest      = levels & ~to_last;
    wire [LEVELS-1:0] remaining = rest & ~candidates;
    wire [WORD_W-1:0] remaining_words;
    wire [LEVELS-1:0] itself    = {{(LEVELS-1){1'b0}}, 1'b1} << level_q;
    wire [LEVELS-1:0] near      = without_q ? levels & ~itself : levels;
    wire [LEVELS-1:0] far       = levels & ~itself;
    wire [WORD_W-1:0] row_now     = levels >> {word_q, {WORD_LOG2{1'b0}}};
    wire [WORD_W-1:0] own_remaining = remaining >> {level_word, {WORD_LOG2{1'b0}}};
    wire [WORD_W-1:0] now_left    = rest >> {word_q, {WORD_LOG2{1'b0}}};
    wire [WORD_W-1:0] current_rest = (levels & ~to_current) >> {current_word, {WORD_LOG2{1'b0}}};
    wire [WORD_W-1:0] next_rest    = rest >> {next_level_q[LEVEL_W-1:WORD_LOG2], {WORD_LOG2{1'b0}}};

    genvar level, index;
    generate
        for (level = 0; level < LEVELS; level = level + 1) begin : each_level
            assign current_set[level]    = current_level_q == level;
            assign last_set[level]       = last_level == level;
            assign nearest_set[level]    = nearest_level_o == level;
            assign to_current[level]     = distance(level) <= distance(current_level_q);
            assign to_last[level]        = distance(level) <= distance(last_level);
            assign before_nearest[level] = distance(level) < distance(nearest_level_o);
            assign candidates[level]     = word_q == level / WORD_W && candidate[level % WORD_W];
        end
        for (index = 0; index < WORD_W; index = index + 1) begin : each_word
            assign remaining_words[index] = |remaining[WORD_W*index +: WORD_W];
            assign later_words[index]     = !again && (level_word == index || word_distance(index) > word_distance(word_q));
        end
        for (index = 0; index < BOOKS * WORD_W; index = index + 1) begin : each_row
            assign asked_words[index] = |asked_levels[WORD_W*index +: WORD_W];
        end
    endgenerate

    always @* begin
        assume (!rst && !sweep_i);
        assume (!flip_word_i && !flip_summary_i);
        assume (!(write_i || find_i || walk_i) || fresh_q);                             // asks_what_was_read
        assume (!walk_i || !(write_i || find_i));                                       // asks_one_thing
        assume (!read_i || !(write_i || find_i || walk_i || next_i || empty_i));        // asks_or_reads
        assume (!find_i || (!nearest_o && elsewhere_o && !(write_i && write_set_i)));   // seeks_only_beyond
        assume (!walk_i || set_o);                              // walks_from_an_occupied_level
        assume (!next_i || next_valid_q);                       // takes_what_there_is
        assume (!empty_i || walk_q);                            // empties_only_on_a_walk
        assume (!next_i || empty_i);                            // empties_what_it_leaves
        if ($initstate) assume (asked_levels == word_rows && asked_words == summary_rows);
    end

    always @(posedge clk) begin
        if (write_i) asked_levels[{book_q, level_q}]         <= write_set_i;
        if (empty_i) asked_levels[{book_q, current_level_q}] <= 1'b0;
        sought <= find_i || (sought && !read_i);
        if (walk_i)   last_level <= level_q;
        else if (pop) last_level <= nearest_level_o;
        looking <= walk_q && !read_i && !next_valid_q && !ends ? looking + 2'd1 : 2'd0;
    end

    `CHECK(keeps_what_was_asked,   word_rows == asked_levels)
    `CHECK(summary_says_what_is,   summary_rows == asked_words)

    // A level that was read, and the nearest one
    `CHECK(set_as_asked,           !fresh_q || set_o == |(levels & itself))
    `CHECK(nearest_is_set,         !(fresh_q && nearest_o) || |(near & nearest_set))
    `CHECK(nearest_is_nearest,     !(fresh_q && nearest_o) || !(|(near & before_nearest)))
    `CHECK(elsewhere_iff_there_is, !(fresh_q && !nearest_o) || elsewhere_o == |near)
    `CHECK(finds_in_a_clock,       !sought || nearest_o)
    `CHECK(found_is_set,           !sought || |(far & nearest_set))
    `CHECK(found_is_nearest,       !sought || !(|(far & before_nearest)))

    // The walk
    `CHECK(walk_shows_the_set,     !pop || |(rest & nearest_set))
    `CHECK(walk_skips_none,        !pop || !(|(rest & before_nearest)))
    `CHECK(walk_ends_at_the_end,   !next_none_o || !(|rest))
    `CHECK(end_stays,              !next_none_o || ends)
    `CHECK(walk_shows_what_popped, !next_valid_q || next_level_q == last_level)
    `CHECK(walk_looks_two_clocks,  looking != 2'd3 && (looking != 2'd2 || !walk_q || next_valid_q))

    // What the induction stands on.
    `CHECK(fresh_is_first,         !fresh_q || (first_q && !walk_q && !sought && word_q == level_word))
    `CHECK(fresh_is_what_is_kept,  !fresh_q || (word == row_now && summary == words))
    `CHECK(sought_is_not_first,    !sought || (!first_q && !walk_q && !fresh_q))
    `CHECK(sought_is_in_its_word,  !sought || (candidate == (row_now & (again ? ~ahead : ALL))))
    `CHECK(next_only_on_a_walk,    walk_q || !next_valid_q)
    `CHECK(walk_is_alone,          !walk_q || (!fresh_q && !sought))
    `CHECK(current_then_next,      !walk_q || (next_valid_q ? distance(last_level) > distance(current_level_q) && |(levels & last_set)
                                                            : last_level == current_level_q))
    `CHECK(nothing_is_left_behind, !walk_q || !(|(levels & to_last & ~current_set & ~(next_valid_q ? last_set : {LEVELS{1'b0}}))))
    `CHECK(word_shows_the_rest,    !walk_q || (again ? candidate == (now_left & ~ahead) : now == now_left))
    `CHECK(first_part_comes_first, !(walk_q && first_q) || (kept_q && word_q == level_word))
    `CHECK(ahead_is_what_remains,  !walk_q || ahead_words_q == remaining_words)
    `CHECK(ahead_comes_later,      !walk_q || !(|(ahead_words_q & ~later_words)))
    `CHECK(last_lies_before,       !walk_q || again || word_distance(last_level[LEVEL_W-1:WORD_LOG2]) <= word_distance(word_q))
    `CHECK(last_is_not_behind,     !walk_q || again || last_level[LEVEL_W-1:WORD_LOG2] != level_word || ahead[last_level[WORD_LOG2-1:0]])
    `CHECK(own_rest_is_behind,     !walk_q || !(|(own_remaining & ahead)))
    `CHECK(current_leaves_rest,    !walk_q || current_left_q == current_rest)
    `CHECK(next_leaves_rest,       !(walk_q && next_valid_q) || next_left_q == next_rest)
    `CHECK(summary_follows,        !walk_q || summary_q == words)
    `CHECK(looked_once_finds,      !(walk_q && !next_valid_q && looking == 2'd1) || found)
