/* test_simlib: the Verilated card behind card.h. Whatever the bus does to it (stalls, gaps, split
 * writes, a small ring), it says what the reference engine says, and says the same again. */
#include "driver/abi/mgmt.h"
#include "driver/port.h"
#include "host/base/bytes.h"
#include "host/base/err.h"
#include "host/base/random.h"
#include "sim/model.h"
#include "sim/simlib.h"
#include "tests/rtl/stimulus.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#define SMALL \
    { .symbols = 4, .accounts = 8, .orders = 64, .levels = 64 }

static const char *const directory = "build/test_simlib";
static const struct command nop = { .opcode = OPCODE_NOP };
static const struct command release = {
    .opcode = OPCODE_KILL,
    .field = TABLE_ENGINE,
    .mode = MODE_RELEASE,
};

static struct card *sim_open(const struct simlib_options *options) {
    struct card *card;
    int error = simlib_open(options, &card);
    if (error != 0) print_error("%s\n", err_text());
    assert_int_equal(error, 0);
    return card;
}

static void push(struct card *card, struct command command) {
    assert_int_equal(card_push(card, &command), 0);
}

/* Polls until count commands have ended; their last event. */
static struct event ends(struct card *card, unsigned count) {
    struct event event = { 0 };
    while (count > 0) {
        int got = card_poll(card, &event, 1);
        if (got < 0) print_error("%s\n", err_text());
        assert_true(got >= 0);
        if (got == 1 && event.flags & EVENT_END) count--;
    }
    return event;
}

static void options_out_of_range_are_refused(void **state) {
    (void)state;
    static const struct {
        struct simlib_options options;
        int error;
    } row[] = {
        { { .size = SMALL, .ring_log2 = 4 }, 0 },
        { { .size = SMALL, .ring_log2 = 3 }, -EINVAL },
        { { .size = SMALL, .ring_log2 = 25 }, -EINVAL },
        { { .size = { .symbols = 2, .accounts = 8, .orders = 64, .levels = 64 } }, -EINVAL },
        { { .size = SMALL, .event_stall_odds = MODEL_ODDS }, -EINVAL },
        { { .size = SMALL, .event_stall_odds = MODEL_ODDS - 1 }, 0 },
        { { .size = SMALL, .window_gap_odds = MODEL_ODDS }, -EINVAL },
        { { .size = SMALL, .window_split_odds = MODEL_ODDS }, 0 },
        { { .size = SMALL, .window_split_odds = MODEL_ODDS + 1 }, -EINVAL },
        { { .size = SMALL, .trace_path = "/nowhere/wave.fst" }, -ENOENT },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct card *card = NULL;
        assert_int_equal(simlib_open(&row[i].options, &card), row[i].error);
        if (row[i].error == 0)
            card_close(card);
        else
            assert_null(card);
    }
}

static void both_sizes_come_up(void **state) {
    (void)state;
    size_t count;
    const struct card_size *sizes = model_sizes(&count);
    const struct card_size by_default = CARD_SIZE_DEFAULT;
    assert_memory_equal(&sizes[0], &by_default, sizeof by_default);
    for (size_t i = 0; i < count; i++) {
        struct card *card = sim_open(&(struct simlib_options){ .size = sizes[i] });
        assert_memory_equal(&card->size, &sizes[i], sizeof *sizes);
        assert_string_equal(card->name, "sim");
        assert_int_equal(card_read(card, REG_STATUS), STATUS_INIT_DONE | STATUS_KILLED);
        assert_int_equal(card_read(card, REG_MGMT) & MGMT_STATE, MGMT_STATE_RESET);
        push(card, nop);
        assert_int_equal(ends(card, 1).kind, KIND_SET);
        assert_int_equal(simlib_counts(card).commands, 1);
        card_close(card);
    }
    struct card *card = sim_open(&(struct simlib_options){ .lockstep_off = true, .boot = true });
    assert_int_equal(card_read(card, REG_MGMT) & MGMT_STATE, MGMT_STATE_RUN);
    assert_memory_equal(&card->size, &by_default, sizeof by_default);
    push(card, nop);
    assert_int_equal(ends(card, 1).kind, KIND_SET);
    assert_int_equal(simlib_counts(card).commands, 0);
    card_close(card);
}

/* A host that is about to sleep says what it has read, and is woken once by what comes beyond. */
static void a_host_that_sleeps_is_woken_once(void **state) {
    (void)state;
    struct card *card = sim_open(&(struct simlib_options){ .size = SMALL });
    struct model *model = simlib_model(card);
    for (uint32_t read = 0; read < 20; read++) {
        const uint64_t before = model_interrupts(model);
        if (read % 2 == 0) card_write(card, REG_WAKE, read);
        push(card, nop);
        for (int i = 0; i < 3000; i++) model_clock(model);
        assert_int_equal(model_interrupts(model) - before, read % 2 == 0);
        assert_int_equal(ends(card, 1).number, read + 1);
        /* Too late: the event is there, and the host would sleep over it. */
        card_write(card, REG_WAKE, read);
        for (int i = 0; i < 100; i++) model_clock(model);
        assert_int_equal(model_interrupts(model) - before, 1 + (read % 2 == 0));
    }
    /* Credits that a status line brings wake as well, and nothing wakes a host that did not ask. */
    card_write(card, REG_WAKE, 20);
    for (int i = 0; i < 3000; i++) model_clock(model);
    assert_int_equal(model_interrupts(model), 30);
    card_close(card);
}

static void time_is_what_the_caller_sets_and_moves_with_the_clocks(void **state) {
    (void)state;
    struct card *card = sim_open(&(struct simlib_options){ .size = SMALL });
    card_go_live(card);
    card_set_time(card, UINT64_C(5000000000));
    push(card, nop);
    uint64_t first = ends(card, 1).stamp_ns;
    assert_in_range(first, UINT64_C(5000000000), UINT64_C(5000000000) + 1000);
    struct event event;
    const uint64_t clocks = simlib_clocks(card);
    assert_int_equal(card_poll(card, &event, 1), 0);
    assert_int_equal(simlib_clocks(card) - clocks, SIMLIB_IDLE_CLOCKS);
    push(card, nop);
    uint64_t second = ends(card, 1).stamp_ns;
    assert_in_range(second, first + 4 * SIMLIB_IDLE_CLOCKS, first + 1000);
    card_set_time(card, 1); /* never back */
    push(card, nop);
    assert_true(ends(card, 1).stamp_ns > second);
    card_close(card);
}

static void the_gate_closes_by_register(void **state) {
    (void)state;
    struct card *card = sim_open(&(struct simlib_options){ .size = SMALL });
    card_go_live(card);
    push(card, release);
    (void)ends(card, 1);
    card_kill(card);
    struct event event = ends(card, 1);
    assert_int_equal(event.kind, KIND_STATE);
    assert_int_equal(event.flags, EVENT_CARD | EVENT_END);
    assert_true(card_read(card, REG_STATUS) & STATUS_KILLED);
    assert_int_equal(simlib_counts(card).commands, 2);
    card_close(card);
}

static void reset_begins_afresh(void **state) {
    (void)state;
    struct card *card = sim_open(&(struct simlib_options){ .size = SMALL });
    card_go_live(card);
    for (unsigned i = 0; i < 20; i++) push(card, nop);
    struct event event;
    assert_int_equal(card_poll(card, &event, 1), 1);
    card_write(card, REG_CONTROL, CONTROL_RESET);
    assert_int_equal(card_read(card, REG_STATUS), STATUS_INIT_DONE | STATUS_KILLED);
    assert_int_equal(card_poll(card, &event, 1), 0);
    for (unsigned i = 0; i < 40; i++) {
        push(card, nop);
        event = ends(card, 1);
        assert_int_equal(event.number, i + 1);
    }
    card_close(card);
}

/* Silence is counted in clocks, which an idle poll gives too; what closes is in lock-step. */
static void the_gate_closes_when_the_host_is_silent(void **state) {
    (void)state;
    enum { SILENT_POLLS = 100 };
    struct card *card = sim_open(&(struct simlib_options){ .size = SMALL });
    struct event event;
    card_write(card, REG_WATCHDOG_NS, 4 * SIMLIB_IDLE_CLOCKS * SILENT_POLLS);
    card_go_live(card);
    push(card, release);
    (void)ends(card, 1);
    for (int i = 0; i < 3 * SILENT_POLLS; i++) {
        if (i % (SILENT_POLLS / 2) == 0) card_heartbeat(card);
        assert_int_equal(card_poll(card, &event, 1), 0);
    }
    card_heartbeat(card);
    for (int i = 0; i < SILENT_POLLS - 2; i++) assert_int_equal(card_poll(card, &event, 1), 0);
    int got = 0;
    for (int i = 0; i < 8 && got == 0; i++) got = card_poll(card, &event, 1);
    assert_int_equal(got, 1);
    assert_int_equal(event.kind, KIND_STATE);
    assert_int_equal(event.flags, EVENT_CARD | EVENT_END);
    assert_int_equal(simlib_counts(card).commands, 2);
    card_snapshot(card);
    assert_int_equal(card_counter(card, COUNTER_WATCHDOG), 1);
    card_close(card);
}

/* ---- random commands ---- */

/* One run of stimulus commands, the first quarter as a replay, pushed in bursts and polled in
   portions of random length; the gate is closed now and then. All that the card said goes into a
   hash, which is returned. */
static uint64_t random_run(const struct simlib_options *options, uint64_t seed, unsigned commands,
                           uint64_t *clocks) {
    struct card *card = sim_open(options);
    struct random random = random_seeded(seed);
    struct stimulus *stimulus = stimulus_new(&card->size, seed);
    assert_non_null(stimulus);
    struct event events[64];
    uint64_t hash = 14695981039346656037u;
    const unsigned live_at = commands / 4;
    unsigned pushed = 0, ended = 0, accepted = 0, trades = 0;
    struct command next;
    stimulus_next(stimulus, &next);
    while (ended < commands) {
        for (uint64_t burst = random_below(&random, 40); burst > 0 && pushed < commands; burst--) {
            /* What is replayed must be through before the card goes live. */
            if (pushed == live_at && ended < pushed) break;
            if (pushed == live_at) card_go_live(card);
            if (card_push(card, &next) != 0) break;
            pushed++;
            stimulus_next(stimulus, &next);
            if (pushed < live_at) next.stamp_ns = 10 * pushed - random_below(&random, 15);
        }
        if (random_below(&random, 50) == 0) card_set_time(card, 100000 + 1000 * (uint64_t)pushed);
        if (random_below(&random, 400) == 0) card_kill(card);
        int count = card_poll(card, events, 1 + (uint32_t)random_below(&random, 64));
        if (count < 0) print_error("seed %llu: %s\n", (unsigned long long)seed, err_text());
        assert_true(count >= 0);
        for (int i = 0; i < count; i++) {
            for (unsigned byte = 0; byte < LIMIT_EVENT_BYTES; byte++)
                hash = (hash ^ ((const uint8_t *)&events[i])[byte]) * 1099511628211u;
            stimulus_see(stimulus, &events[i]);
            accepted += events[i].kind == KIND_ACCEPTED;
            trades += events[i].kind == KIND_TRADE;
            ended += (events[i].flags & EVENT_END) != 0 &&
                     (ended < live_at || !(events[i].flags & EVENT_CARD));
        }
    }
    stimulus_delete(stimulus);
    struct lockstep_counts counts = simlib_counts(card);
    assert_true(options->lockstep_off || counts.commands >= commands);
    assert_int_equal(counts.differences, 0);
    /* It is worth little if nearly everything is refused. */
    assert_true(accepted > commands / 50);
    assert_true(trades > commands / 200);
    card_snapshot(card);
    assert_true(card_counter(card, COUNTER_ACCEPTED) == accepted);
    assert_true(card_counter(card, COUNTER_TRADES) == trades);
    assert_true(card_counter(card, COUNTER_WINDOW_OVERRUN) == 0);
    *clocks = simlib_clocks(card);
    card_close(card);
    print_message("seed %llu: %u commands, %u accepted, %u trades, %llu clocks\n",
                  (unsigned long long)seed, commands, accepted, trades,
                  (unsigned long long)*clocks);
    return hash;
}

static void random_commands_are_carried_out_as_the_engine_does(void **state) {
    (void)state;
    uint64_t clocks;
    for (uint64_t seed = 1; seed <= 3; seed++)
        (void)random_run(&(struct simlib_options){ .size = SMALL, .seed = seed }, seed, 10000,
                         &clocks);
    (void)random_run(&(struct simlib_options){ .seed = 4 }, 4, 10000, &clocks);
}

static void a_bus_that_dawdles_changes_nothing(void **state) {
    (void)state;
    uint64_t clocks;
    const struct simlib_options options[] = {
        { .size = SMALL, .ring_log2 = 4 },
        { .size = SMALL, .ring_log2 = 4, .event_stall_odds = 200 },
        { .size = SMALL, .window_gap_odds = 200 },
        { .size = SMALL, .window_split_odds = MODEL_ODDS },
        { .size = SMALL,
          .ring_log2 = 5,
          .event_stall_odds = 128,
          .window_gap_odds = 64,
          .window_split_odds = 128 },
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        struct simlib_options seeded = options[i];
        seeded.seed = 10 + i;
        (void)random_run(&seeded, 10 + i, 4000, &clocks);
    }
}

static void the_same_again_is_the_same_again(void **state) {
    (void)state;
    const struct simlib_options options = {
        .size = SMALL,
        .seed = 7,
        .event_stall_odds = 50,
        .window_gap_odds = 50,
        .window_split_odds = 50,
    };
    uint64_t clocks, clocks_again;
    uint64_t hash = random_run(&options, 21, 2000, &clocks);
    assert_true(random_run(&options, 21, 2000, &clocks_again) == hash);
    assert_true(clocks == clocks_again);
    struct simlib_options unwatched = options;
    unwatched.lockstep_off = true;
    assert_true(random_run(&unwatched, 21, 2000, &clocks_again) == hash);
    assert_true(clocks == clocks_again);
}

/* ---- differences, traces, faults ---- */

static long file_bytes(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 ? (long)status.st_size : -1;
}

static void a_difference_leaves_a_waveform(void **state) {
    (void)state;
    char wave[256], text[256];
    snprintf(wave, sizeof wave, "%s/wave.fst", directory);
    snprintf(text, sizeof text, "%s/difference.txt", directory);
    remove(wave);
    remove(text);
    struct card *card = sim_open(&(struct simlib_options){
        .size = SMALL, .seed = 3, .lockstep_directory = directory, .window_gap_odds = 30 });
    for (unsigned i = 0; i < 200; i++) {
        push(card, nop);
        (void)ends(card, 1);
    }
    /* A command that lock-step does not see. */
    assert_int_equal(card_push(lockstep_inner(card), &release), 0);
    struct event event;
    int count = 0;
    while (count == 0) count = card_poll(card, &event, 1);
    assert_int_equal(count, -EPROTO);
    assert_non_null(strstr(err_text(), wave));
    assert_non_null(strstr(err_text(), "waveform of the last"));
    assert_true(file_bytes(wave) > 1000);
    assert_true(file_bytes(text) > 100);
    assert_int_equal(simlib_counts(card).differences, 1);
    assert_int_equal(card_poll(card, &event, 1), -EPROTO);
    assert_int_equal(card_push(card, &nop), -EPROTO);
    card_write(card, REG_CONTROL, CONTROL_RESET);
    push(card, nop);
    (void)ends(card, 1);

    /* Once more, behind a reset: the second run does that too. */
    remove(wave);
    assert_int_equal(card_push(lockstep_inner(card), &nop), 0);
    count = 0;
    while (count == 0) count = card_poll(card, &event, 1);
    assert_int_equal(count, -EPROTO);
    assert_non_null(strstr(err_text(), "waveform of the last"));
    assert_true(file_bytes(wave) > 1000);
    card_close(card);
}

/* Times of a waveform's first and last change, from the header of the file: two to a clock. */
static void wave_times(const char *path, uint64_t *first, uint64_t *last) {
    uint8_t header[25];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(header, 1, sizeof header, file), sizeof header);
    fclose(file);
    *first = bytes_get_be64(header + 9);
    *last = bytes_get_be64(header + 17);
}

static void the_waveform_is_of_the_last_clocks(void **state) {
    (void)state;
    char wave[256];
    snprintf(wave, sizeof wave, "%s/wave.fst", directory);
    struct card *card = sim_open(&(struct simlib_options){
        .size = SMALL, .lockstep_directory = directory, .event_stall_odds = 100 });
    while (simlib_clocks(card) < 3 * SIMLIB_WAVE_CLOCKS) {
        push(card, nop);
        (void)ends(card, 1);
    }
    assert_int_equal(card_push(lockstep_inner(card), &nop), 0);
    struct event event;
    int count = 0;
    while (count == 0) count = card_poll(card, &event, 1);
    assert_int_equal(count, -EPROTO);
    uint64_t first, last;
    wave_times(wave, &first, &last);
    assert_int_equal(first, 2 * (simlib_clocks(card) - SIMLIB_WAVE_CLOCKS));
    assert_int_equal(last, 2 * simlib_clocks(card) - 1);
    card_close(card);
}

static void a_record_that_is_full_is_said(void **state) {
    (void)state;
    /* Opening takes some calls, a command 80 bytes; 100 commands are too many. */
    struct card *card = sim_open(&(struct simlib_options){
        .size = SMALL, .lockstep_directory = directory, .record_bytes = 8000 });
    for (unsigned i = 0; i < 100; i++) {
        push(card, nop);
        (void)ends(card, 1);
    }
    assert_int_equal(card_push(lockstep_inner(card), &nop), 0);
    struct event event;
    int count = 0;
    while (count == 0) count = card_poll(card, &event, 1);
    assert_int_equal(count, -EPROTO);
    assert_non_null(strstr(err_text(), "record of 8000 bytes was full"));
    card_close(card);
}

static void a_trace_keeps_its_last_two_files(void **state) {
    (void)state;
    char path[256], before[264];
    snprintf(path, sizeof path, "%s/trace.fst", directory);
    snprintf(before, sizeof before, "%s.before", path);
    mkdir("build", 0777);
    mkdir(directory, 0777);
    remove(path);
    remove(before);
    struct card *card = sim_open(&(struct simlib_options){
        .size = SMALL, .trace_path = path, .trace_clocks = 2000, .lockstep_directory = directory });
    while (simlib_clocks(card) < 1000) {
        push(card, nop);
        (void)ends(card, 1);
    }
    assert_int_equal(file_bytes(before), -1);
    while (simlib_clocks(card) < 9000) {
        push(card, nop);
        (void)ends(card, 1);
    }
    /* A difference needs no second run: the trace has it. */
    assert_int_equal(card_push(lockstep_inner(card), &nop), 0);
    struct event event;
    int count = 0;
    while (count == 0) count = card_poll(card, &event, 1);
    assert_int_equal(count, -EPROTO);
    assert_non_null(strstr(err_text(), path));
    assert_true(file_bytes(path) > 1000);
    assert_true(file_bytes(before) > 1000);
    card_close(card);
}

/* The model without a driver above it. */
struct bare {
    struct model *model;
    _Alignas(64) struct event ring[17];
};

enum { RING_AT = 0x4000 };

static void bare_open(struct bare *bare) {
    memset(bare->ring, 0, sizeof bare->ring);
    const struct model_options options = {
        .size = SMALL,
        .memory = bare->ring,
        .memory_address = RING_AT,
        .memory_bytes = sizeof bare->ring,
    };
    bare->model = model_new(&options);
    assert_non_null(bare->model);
    while (!(model_read(bare->model, REG_STATUS) & (uint32_t)STATUS_INIT_DONE)) continue;
}

static void ring_begin(struct bare *bare, uint32_t address) {
    model_write(bare->model, REG_RING_LOW, address);
    model_write(bare->model, REG_RING_HIGH, 0);
    model_write(bare->model, REG_RING_LOG2, 4);
}

static void a_write_outside_the_memory_is_a_fault(void **state) {
    (void)state;
    static const struct {
        uint32_t address;
        bool fault;
        const char *why;
    } row[] = {
        { RING_AT, false, "slots and status line fit" },
        { RING_AT + 64, true, "the status line lies behind the end" },
        { RING_AT - 64, true, "the first slot lies before the beginning" },
        { 0, true, "far away" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct bare bare;
        bare_open(&bare);
        ring_begin(&bare, row[i].address);
        model_window_write(bare.model, 0, &nop, UINT64_MAX);
        for (unsigned n = 0; n < 1000; n++) model_clock(bare.model);
        if ((model_fault(bare.model) != NULL) != row[i].fault) print_error("%s\n", row[i].why);
        assert_int_equal(model_fault(bare.model) != NULL, row[i].fault);
        if (row[i].fault) assert_non_null(strstr(model_fault(bare.model), "outside"));
        model_delete(bare.model);
    }
}

static void a_command_is_taken_when_all_its_bytes_are_there(void **state) {
    (void)state;
    struct bare bare;
    bare_open(&bare);
    ring_begin(&bare, RING_AT);
    /* The second slot first, the first in three parts that other writes come between. */
    model_window_write(bare.model, 64, &nop, UINT64_MAX);
    model_window_write(bare.model, 0, &release, UINT64_C(0xffff0000ffff0000));
    model_window_write(bare.model, 128, &nop, UINT64_MAX);
    model_window_write(bare.model, 0, &release, UINT64_C(0x000000000000ffff));
    for (unsigned n = 0; n < 1000; n++) model_clock(bare.model);
    assert_int_equal(bare.ring[0].number, 0);
    model_window_write(bare.model, 0, &release, UINT64_C(0x0000ffff00000000));
    for (unsigned n = 0; n < 1000; n++) model_clock(bare.model);
    assert_int_equal(bare.ring[0].kind, KIND_STATE);
    assert_int_equal(bare.ring[1].kind, KIND_SET);
    assert_int_equal(bare.ring[2].kind, KIND_SET);
    assert_int_equal(bare.ring[2].number, 3);
    assert_int_equal(bare.ring[2].credits, 3);
    assert_int_equal(bare.ring[2].phase & 1, 1);
    assert_int_equal(bare.ring[3].number, 0);
    assert_null(model_fault(bare.model));
    model_delete(bare.model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_out_of_range_are_refused),
        cmocka_unit_test(both_sizes_come_up),
        cmocka_unit_test(a_host_that_sleeps_is_woken_once),
        cmocka_unit_test(time_is_what_the_caller_sets_and_moves_with_the_clocks),
        cmocka_unit_test(the_gate_closes_by_register),
        cmocka_unit_test(the_gate_closes_when_the_host_is_silent),
        cmocka_unit_test(reset_begins_afresh),
        cmocka_unit_test(random_commands_are_carried_out_as_the_engine_does),
        cmocka_unit_test(a_bus_that_dawdles_changes_nothing),
        cmocka_unit_test(the_same_again_is_the_same_again),
        cmocka_unit_test(a_difference_leaves_a_waveform),
        cmocka_unit_test(the_waveform_is_of_the_last_clocks),
        cmocka_unit_test(a_record_that_is_full_is_said),
        cmocka_unit_test(a_trace_keeps_its_last_two_files),
        cmocka_unit_test(a_write_outside_the_memory_is_a_fault),
        cmocka_unit_test(a_command_is_taken_when_all_its_bytes_are_there),
    };
    return cmocka_run_group_tests_name("simlib", tests, NULL, NULL);
}
