/* test_clocks: what a command costs the core, in clocks from its taking to its events' leaving, is
 * what the table says, no more and no less: the core has no cache and no arbiter, so that a clock
 * more or less is a change of the design. */
#include "host/base/err.h"
#include "host/client/generator.h"
#include "tests/rtl/measure.h"
#include "tests/rtl/tape.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { RANDOM_COMMANDS = 20000, ROWS = 40000, ACCOUNTS = 16 };

/* Exact figures, and what they may not exceed; 0: nothing is demanded. */
static const struct {
    const char *what;
    size_t at;
    uint64_t is, must;
} table[] = {
#define FIGURE(part, is, must) \
    { #part, offsetof(struct measured, part), is, must }
    // clang-format off
    FIGURE(verdict_min,    8,  8),
    FIGURE(verdict_max,    8,  8),
    FIGURE(add,            8, 14),
    FIGURE(cancel,         8, 14),
    FIGURE(first_trade,   11, 16),
    FIGURE(per_fill,       2,  3),
    FIGURE(worst,         49,  0), /* SYMBOL, a new base while orders rest */
    FIGURE(count_levels, 8330, 0), /* 2 a level, 2 more a word */
    FIGURE(sweep_slots, 65545, 0), /* 1 a slot */
    FIGURE(envelope_less,  1,  1),
// clang-format on
#undef FIGURE
};

/* At most, in hundredths of a clock: the common stream behind the rows that fill its book. */
enum { MEAN_COMMON_E2 = 500 };

static uint64_t seed;

static void every_figure_is_what_the_table_says(void **state) {
    (void)state;
    struct measured measured;
    struct meter *meter = meter_new(seed);
    int error = measure_directed(meter, RANDOM_COMMANDS, seed, &measured);
    meter_delete(meter);
    if (error) fail_msg("%s", err_text());
    bool right = true;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        uint64_t is = *(const uint64_t *)(const void *)((const char *)&measured + table[i].at);
        assert_true(table[i].must == 0 || table[i].is <= table[i].must);
        if (is == table[i].is) continue;
        print_error("%s: %" PRIu64 " clocks, the table says %" PRIu64 "\n", table[i].what, is,
                    table[i].is);
        right = false;
    }
    if (!right)
        fail_msg("figures have changed; worst is of %s", abi_opcode_name(measured.worst_opcode));
}

static void the_common_stream_goes_through_as_fast_as_the_table_says(void **state) {
    (void)state;
    struct flow_settings settings = {
        .symbol = "CLOCKS", .tick_e4 = FLOW_TICK_E4, .seed = 20260701, .rows = ROWS
    };
    struct tape tape;
    struct paced paced;
    if (tape_make(&tape, "stream", &settings, 0, ACCOUNTS) != 0) fail_msg("%s", err_text());
    struct meter *meter = meter_new(seed);
    int error = measure_back_to_back(meter, tape.commands, tape.count,
                                     tape.setup + GENERATOR_PREFILL, &paced);
    meter_delete(meter);
    tape_free(&tape);
    if (error) fail_msg("%s", err_text());
    print_message("mean of %" PRIu64 " commands: %" PRIu64 " hundredths of a clock\n",
                  paced.commands, measure_mean_e2(&paced));
    assert_true(paced.trades > paced.commands / 100);
    assert_in_range(measure_mean_e2(&paced), 1, MEAN_COMMON_E2);
}

int main(void) {
    const char *text = getenv("SEED");
    seed = text ? strtoull(text, NULL, 0) : 1;
    print_message("seed %" PRIu64 "\n", seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_figure_is_what_the_table_says),
        cmocka_unit_test(the_common_stream_goes_through_as_fast_as_the_table_says),
    };
    return cmocka_run_group_tests_name("clocks", tests, NULL, NULL);
}
