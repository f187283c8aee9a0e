/* test_scenarios: every rule of scenarios.txt on the soft card and on the Verilated one. */
#include "host/base/err.h"
#include "host/softcard/softcard.h"
#include "sim/model.h"
#include "sim/simlib.h"
#include "tests/rtl/scenario.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SCENARIOS_MIN = 130 };

static struct card_size small(void) {
    size_t count;
    const struct card_size *sizes = model_sizes(&count);
    assert_true(count >= 2);
    return sizes[1];
}

static void run(struct card *card, struct scenario_counts *counts) {
    int error = scenario_run(card, "tests/rtl/scenarios.txt", counts);
    card_close(card);
    if (error) fail_msg("%s", err_text());
    assert_true(counts->scenarios >= SCENARIOS_MIN);
    print_message("%u scenarios, %u commands, %u events\n", counts->scenarios, counts->commands,
                  counts->events);
}

static void soft_card_keeps_every_rule(void **state) {
    (void)state;
    struct card_size size = small();
    struct card *card;
    struct scenario_counts counts;
    assert_int_equal(softcard_open(&size, &card), 0);
    run(card, &counts);
}

static void verilated_card_keeps_every_rule(void **state) {
    (void)state;
    struct simlib_options options = { .size = small() };
    struct card *card;
    struct scenario_counts counts;
    assert_int_equal(simlib_open(&options, &card), 0);
    run(card, &counts);
}

static void a_rule_that_is_broken_is_found(void **state) {
    (void)state;
    static const char *const lines[] = {
        "== t\nNOP -> SET value=1\n",
        "== t\nNOP -> REJECTED MALFORMED\n",
        "== t\nNOP value=1 -> REJECTED SLOT_BUSY\n",
        "== t\nNOP -> SET ; SET\n",
        "== t\nQUERY SYMBOL 0 -> ROW ; ROW\n",
        "== t\nNOP\n",
        "== t\nNEW 1 hold 1 @1 -> ACCEPTED\n",
        "== t\nNOP -> SET nonsense=1\n",
        "== t\nSYMBOL 0 LOT == 2\n",
        "== t\nSYMBOL 0 LOT == 1 STATE == 1\n",
        "== t\nSYMBOL 0 NONSENSE == 1\n",
        "== t\nSYMBOL 0 LOT == 1 STATE\n",
        "== t\nSYMBOL 4 LOT == 1\n",
        "== t\nSWEEP -> SWEPT quantity=1\n",
        "== t\nSWEEP account -> SWEPT\n",
        "== t\nUNCROSS 0 @10 -> REJECTED UNKNOWN_SYMBOL\n",
        "== t\nUNCROSS 0 10 last -> REJECTED UNKNOWN_SYMBOL\n",
        "== t\nUNCROSS 0 @10 last*1 -> REJECTED UNKNOWN_SYMBOL\n",
        "== t\nNEW 1 buy 1 -> REJECTED KILLED\n",
    };
    struct card_size size = small();
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char path[] = "build/scenario-XXXXXX";
        int handle = mkstemp(path);
        assert_true(handle >= 0);
        FILE *file = fdopen(handle, "w");
        assert_non_null(file);
        fputs(lines[i], file);
        assert_int_equal(fclose(file), 0);
        struct card *card;
        struct scenario_counts counts;
        assert_int_equal(softcard_open(&size, &card), 0);
        assert_true(scenario_run(card, path, &counts) < 0);
        card_close(card);
        remove(path);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(soft_card_keeps_every_rule),
        cmocka_unit_test(verilated_card_keeps_every_rule),
        cmocka_unit_test(a_rule_that_is_broken_is_found),
    };
    return cmocka_run_group_tests_name("scenarios", tests, NULL, NULL);
}
