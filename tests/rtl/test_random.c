/* test_random: random commands near the edges. First the engine alone, with every invariant checked
 * on the way; then engine and RTL in lock-step, with gaps in the window, split writes and a slow
 * event ring. */
#include "host/base/err.h"
#include "host/book/book.h"
#include "host/engine/engine.h"
#include "sim/model.h"
#include "sim/simlib.h"
#include "tests/rtl/stimulus.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t seed;

struct follower {
    struct stimulus *stimulus;
    struct book *book;
};

/* The book that is folded from the events refuses a trade ahead of an older order or through a
 * better price. */
static void emit(void *context, const struct event *event) {
    struct follower *follower = context;
    stimulus_see(follower->stimulus, event);
    if (book_event(follower->book, event) != 0)
        fail_msg("%s (seed %llu)", err_text(), (unsigned long long)seed);
}

/* Every table is walked after each command of a short run, and every thousandth of a long one. */
static void invariants_hold_after_random_commands(void **state) {
    (void)state;
    static const struct card_size sizes[] = { { 4, 8, 64, 64 },
                                              { 2, 2, 2, 64 },
                                              { 8, 16, 1024, 256 } };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct engine *engine = engine_new(&sizes[i]);
        struct stimulus *stimulus = stimulus_new(&sizes[i], seed + i);
        struct book_size book_size = { sizes[i].symbols, sizes[i].orders, sizes[i].levels };
        struct follower follower = { stimulus, book_new(&book_size) };
        assert_non_null(engine);
        assert_non_null(follower.book);
        for (uint32_t n = 0; n < 60000; n++) {
            struct command command;
            stimulus_next(stimulus, &command);
            stimulus_settle(stimulus, &command);
            engine_apply(engine, &command, false, emit, &follower);
            if (n >= 2000 && n % 1000 != 0) continue;
            engine_check(engine);
            book_check(follower.book);
        }
        book_delete(follower.book);
        stimulus_delete(stimulus);
        engine_delete(engine);
    }
}

static void lockstep(const struct simlib_options *options, uint64_t commands) {
    struct card *card;
    assert_int_equal(simlib_open(options, &card), 0);
    card_go_live(card);
    struct stimulus *stimulus = stimulus_new(&options->size, options->seed);
    uint64_t ended = 0, pushed = 0, trades = 0;
    struct command command;
    stimulus_next(stimulus, &command);
    while (ended < commands) {
        while (pushed < commands && card_push(card, &command) == 0) {
            pushed++;
            stimulus_next(stimulus, &command);
        }
        struct event events[16];
        int got = card_poll(card, events, 16);
        if (got < 0) fail_msg("%s (seed %llu)", err_text(), (unsigned long long)options->seed);
        for (int i = 0; i < got; i++) {
            stimulus_see(stimulus, &events[i]);
            ended += events[i].flags & EVENT_END ? 1 : 0;
            trades += events[i].kind == KIND_TRADE;
        }
    }
    struct lockstep_counts counts = simlib_counts(card);
    assert_int_equal(counts.differences, 0);
    assert_int_equal(counts.commands, commands);
    assert_true(trades > commands / 100);
    stimulus_delete(stimulus);
    card_close(card);
}

static void small_card_agrees_with_the_engine(void **state) {
    (void)state;
    size_t count;
    struct simlib_options options = { .size = model_sizes(&count)[1], .seed = seed };
    lockstep(&options, 60000);
}

static void it_agrees_with_gaps_and_back_pressure(void **state) {
    (void)state;
    size_t count;
    struct simlib_options options = { .size = model_sizes(&count)[1],
                                      .seed = seed + 1,
                                      .ring_log2 = 4,
                                      .event_stall_odds = 160,
                                      .window_gap_odds = 100,
                                      .window_split_odds = 128 };
    lockstep(&options, 40000);
}

static void default_card_agrees_with_the_engine(void **state) {
    (void)state;
    struct simlib_options options = { .size = CARD_SIZE_DEFAULT, .seed = seed + 2 };
    lockstep(&options, 40000);
}

int main(void) {
    const char *text = getenv("SEED");
    seed = text ? strtoull(text, NULL, 0) : 1;
    print_message("seed %llu\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(invariants_hold_after_random_commands),
        cmocka_unit_test(small_card_agrees_with_the_engine),
        cmocka_unit_test(it_agrees_with_gaps_and_back_pressure),
        cmocka_unit_test(default_card_agrees_with_the_engine),
    };
    return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
