/* test_memory: a row of every table of the card gets a bit wrong, and the card stops before it says
 * anything that came of it: until then it says what the engine says. */
#include "host/base/err.h"
#include "host/base/random.h"
#include "sim/model.h"
#include "sim/simlib.h"
#include "tests/rtl/stimulus.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WARM = 3000, COMMANDS_MAX = 60000, AGAIN = 400 };

static uint64_t seed;

static uint64_t fatal_count(struct card *card) {
    card_write(card, REG_CONTROL, CONTROL_SNAPSHOT);
    return card_read(card, REG_COUNTERS + 8 * COUNTER_ECC_FATAL);
}

/* Random commands until the card stops; returns what card_poll said, 0 if it never did. */
static int run(struct card *card, uint64_t run_seed, unsigned memory, uint32_t commands) {
    struct stimulus *stimulus = stimulus_new(&card->size, run_seed);
    struct random random = random_seeded(run_seed ^ memory);
    uint64_t pushed = 0, ended = 0, stamp_ns = 0;
    int stopped = 0;
    while (stopped == 0 && ended < commands) {
        /* What was written wrong may be written again before it is read. */
        if (memory != 0 && pushed >= WARM && pushed % AGAIN == 0) {
            card_write(card, REG_INJECT, 0);
            card_write(card, REG_INJECT, memory);
        }
        struct command command;
        stimulus_next(stimulus, &command);
        stimulus_settle(stimulus, &command);
        /* A client's reference is read by queries alone. */
        if (memory == MEMORY_CLIENT_REF && pushed > WARM && random_below(&random, 4) == 0)
            command = (struct command){ .opcode = OPCODE_QUERY,
                                        .field = TABLE_ORDER,
                                        .order = (uint32_t)random_below(&random, 64) };
        command.stamp_ns = stamp_ns += random_below(&random, 100);
        int code = card_push(card, &command);
        if (code != 0) {
            stopped = code;
            break;
        }
        pushed++;
        while (stopped == 0 && ended < pushed) {
            struct event events[16];
            int got = card_poll(card, events, 16);
            if (got < 0) stopped = got;
            for (int i = 0; i < got; i++) {
                stimulus_see(stimulus, &events[i]);
                ended += events[i].flags & EVENT_END ? 1 : 0;
            }
        }
    }
    stimulus_delete(stimulus);
    return stopped;
}

static void every_table_stops_the_card(void **state) {
    (void)state;
    size_t count;
    /* No waveforms: the card is meant to stop. */
    struct simlib_options options = { .size = model_sizes(&count)[1],
                                      .seed = seed,
                                      .record_bytes = 1 };
    struct card *card;
    assert_int_equal(simlib_open(&options, &card), 0);
    for (unsigned memory = MEMORY_SYMBOL; memory <= MEMORY_LAST_EVENT; memory++) {
        assert_int_equal(fatal_count(card), 0);
        int stopped = run(card, seed + memory, memory, COMMANDS_MAX);
        if (stopped != -EIO)
            fail_msg("table %s: %d, %s", abi_memory_name(memory), stopped,
                     stopped ? err_text() : "nothing stopped it");
        if (!strstr(err_text(), abi_memory_name(memory)))
            fail_msg("table %s: %s", abi_memory_name(memory), err_text());
        /* The card itself goes on answering its registers. */
        struct card *inner = lockstep_inner(card);
        uint32_t status = card_read(inner, REG_STATUS);
        assert_int_equal(status >> 8 & 0xff, memory);
        assert_true(status & STATUS_KILLED);
        assert_int_equal(fatal_count(inner), 1);
        card_write(card, REG_CONTROL, CONTROL_RESET);
        while (!(card_read(card, REG_STATUS) & STATUS_INIT_DONE)) {
            struct event event;
            assert_true(card_poll(card, &event, 1) >= 0);
        }
    }
    assert_int_equal(run(card, seed, 0, WARM), 0);
    assert_int_equal(fatal_count(card), 0);
    card_close(card);
}

int main(void) {
    const char *text = getenv("SEED");
    seed = text ? strtoull(text, NULL, 0) : 1;
    print_message("seed %llu\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_table_stops_the_card),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
