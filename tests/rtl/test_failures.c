/* test_failures: what may befall a card that trades, each with what the driver must say of it, the
 * state it must leave the card in, and the recovery: reset, replay of all that was said, and
 * trading goes on with nothing lost. Everything in lock-step with the reference engine. */
#include "driver/abi/mgmt.h"
#include "driver/firmware.h"
#include "driver/port.h"
#include "host/base/err.h"
#include "host/base/random.h"
#include "sim/simlib.h"
#include "tests/rtl/stimulus.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    COMMANDS = 2000,      /* traded before a failure, and behind it */
    COMMANDS_MAX = 20000, /* of one session */
    EVENTS_MAX = 8 * COMMANDS_MAX,
    ROUND_CLOCKS = 30000, /* a round of the firmware's health and a little more */
    BEGIN_CLOCKS = 400000,
};

static uint64_t seed;

/* What a gateway's journal holds: commands as they were taken, and what was said of each. */
struct session {
    struct card *card;
    struct stimulus *stimulus;
    struct {
        struct command command;
        uint32_t events_first;
    } records[COMMANDS_MAX + 1];
    uint32_t count;
    struct event events[EVENTS_MAX];
    uint32_t event_count;
    uint64_t alerts[ALERT_CRITICAL + 1];
};

static struct session *session_open(uint32_t ring_log2) {
    size_t count;
    struct simlib_options options = {
        .size = model_sizes(&count)[1],
        .seed = seed,
        .ring_log2 = ring_log2,
    };
    struct session *session = calloc(1, sizeof *session);
    assert_non_null(session);
    assert_int_equal(simlib_open(&options, &session->card), 0);
    session->stimulus = stimulus_new(&session->card->size, seed);
    return session;
}

static void session_close(struct session *session) {
    stimulus_delete(session->stimulus);
    card_close(session->card);
    free(session);
}

/* Takes events until a command of ours has ended; what the card said by itself is kept too, as the
   command that it gave itself. What is not whole is forgotten. */
static int take(struct session *session, struct command command) {
    uint32_t first = session->event_count;
    for (;;) {
        struct event *event = &session->events[session->event_count];
        int got = card_poll(session->card, event, 1);
        if (got < 0) {
            session->event_count = first;
            return got;
        }
        if (got == 0) continue;
        session->event_count++;
        assert_true(session->event_count < EVENTS_MAX);
        if (!(event->flags & EVENT_END)) continue;
        const bool own = event->flags & EVENT_CARD;
        if (own && event->kind == KIND_ALERT) session->alerts[event->field & 15]++;
        command.stamp_ns = event->stamp_ns;
        assert_true(session->count < COMMANDS_MAX);
        session->records[session->count].command = own ? abi_own_command(event) : command;
        session->records[session->count++].events_first = first;
        for (uint32_t i = first; i < session->event_count; i++)
            stimulus_see(session->stimulus, &session->events[i]);
        first = session->event_count;
        session->records[session->count].events_first = first;
        if (!own) return 0;
    }
}

static int trade_one(struct session *session, struct command command) {
    int error = card_push(session->card, &command);
    return error == 0 ? take(session, command) : error;
}

/* Random commands to a LIVE card, until something fails. */
static int trade(struct session *session, uint32_t commands) {
    int error = 0;
    for (uint32_t i = 0; i < commands && error == 0; i++) {
        struct command command;
        stimulus_next(session->stimulus, &command);
        stimulus_settle(session->stimulus, &command);
        if (command.origin != ORIGIN_HOST) continue; /* no gateway lets that through */
        error = trade_one(session, command);
    }
    return error;
}

/* Everything again, to a card in REPLAY mode; it must say what it said. */
static int replay(struct session *session) {
    uint32_t at = 0;
    for (uint32_t i = 0; i < session->count; i++) {
        int error = card_push(session->card, &session->records[i].command);
        while (error == 0 && at < session->records[i + 1].events_first) {
            struct event event;
            int got = card_poll(session->card, &event, 1);
            if (got < 0) error = got;
            if (got <= 0) continue;
            if (!abi_event_equal(&event, &session->events[at]))
                fail_msg("event %u of the replay is not the recorded one", at + 1);
            at++;
        }
        if (error != 0) return error;
    }
    return 0;
}

static void recover(struct session *session) {
    card_write(session->card, REG_CONTROL, CONTROL_RESET);
    int error = replay(session);
    if (error != 0) fail_msg("replay: %s", err_text());
    card_go_live(session->card);
}

static void trade_on(struct session *session) {
    int error = trade(session, COMMANDS);
    if (error != 0) fail_msg("trading goes on: %s", err_text());
}

static uint32_t inner_read(struct session *session, uint32_t reg) {
    return card_read(lockstep_inner(session->card), reg);
}

static void fails_with(int error, const char *text) {
    assert_int_equal(error, -EIO);
    if (strstr(err_text(), text) == NULL)
        fail_msg("\"%s\" says nothing of \"%s\"", err_text(), text);
    assert_non_null(strstr(err_text(), "reset the card and replay"));
}

static void an_engine_that_hangs(void **state) {
    (void)state;
    struct session *session = session_open(0);
    /* The register hangs it in REPLAY mode only, so that no host can do it while trading. */
    card_go_live(session->card);
    trade_on(session);
    card_write(session->card, REG_INJECT, STOP_HUNG);
    trade_on(session);
    recover(session);
    trade_on(session);

    card_write(session->card, REG_CONTROL, CONTROL_RESET);
    card_write(session->card, REG_INJECT, STOP_HUNG);
    fails_with(trade_one(session, (struct command){ .opcode = OPCODE_NOP }), "its engine hangs");
    uint32_t status = inner_read(session, REG_STATUS);
    assert_int_equal(status >> 8 & 0xff, STOP_HUNG);
    assert_true(status & STATUS_KILLED);
    assert_int_equal(inner_read(session, REG_DIGEST), abi_digest());
    recover(session);
    trade_on(session);
    session_close(session);
}

/* Of every table, while what was recorded is replayed: the fault shows, or the row was written
   again before it was read. Either way the next recovery is a whole one. */
static void a_flipped_bit_in_a_table(void **state) {
    (void)state;
    struct session *session = session_open(0);
    card_go_live(session->card);
    trade_on(session);
    unsigned seen = 0;
    for (unsigned memory = MEMORY_SYMBOL; memory <= MEMORY_LAST_EVENT; memory++) {
        card_write(session->card, REG_CONTROL, CONTROL_RESET);
        card_write(session->card, REG_INJECT, memory);
        int error = replay(session);
        if (error != 0) {
            fails_with(error, abi_memory_name(memory));
            assert_true(inner_read(session, REG_STATUS) & STATUS_KILLED);
            seen++;
        }
        recover(session);
        assert_int_equal(trade(session, 100), 0);
    }
    print_message("%u of %u tables stopped the card; test_memory tries each until it does\n", seen,
                  MEMORY_LAST_EVENT);
    assert_true(seen > MEMORY_LAST_EVENT / 2);
    session_close(session);
}

static void a_write_of_an_event_that_is_lost(void **state) {
    (void)state;
    struct session *session = session_open(0);
    card_go_live(session->card);
    trade_on(session);
    struct random random = random_seeded(seed);
    for (int i = 0; i < 20; i++) {
        /* Any event of the next ones: the ring's status line behind its last slot is not meant. */
        uint64_t slot = (session->event_count + random_below(&random, 50)) % (1u << 12);
        model_drop(simlib_model(session->card), slot * PORT_SLOT_BYTES,
                   (slot + 1) * PORT_SLOT_BYTES);
        fails_with(trade(session, COMMANDS), "a write of its own to memory was lost");
        recover(session);
        assert_int_equal(trade(session, 100), 0);
    }
    session_close(session);
}

static void a_bus_of_all_ones(void **state) {
    (void)state;
    struct session *session = session_open(0);
    card_go_live(session->card);
    trade_on(session);
    model_unplug(simlib_model(session->card));
    fails_with(trade(session, COMMANDS), "every read gives all ones");
    /* A reset does not help as long as it is gone, and says so. */
    card_write(session->card, REG_CONTROL, CONTROL_RESET);
    assert_int_equal(trade(session, 1), -EIO);
    model_plug(simlib_model(session->card));
    recover(session);
    trade_on(session);
    session_close(session);
}

static void a_ring_without_room(void **state) {
    (void)state;
    struct session *session = session_open(PORT_RING_LOG2_MIN);
    card_go_live(session->card);
    for (int round = 0; round < 50; round++) {
        /* More than the ring holds, and nobody polls. */
        const struct command nop = { .opcode = OPCODE_NOP };
        for (int i = 0; i < LIMIT_WINDOW_SLOTS; i++)
            assert_int_equal(card_push(session->card, &nop), 0);
        assert_int_equal(card_push(session->card, &nop), -EAGAIN);
        for (int i = 0; i < 2000; i++) model_clock(simlib_model(session->card));
        for (int i = 0; i < LIMIT_WINDOW_SLOTS; i++) assert_int_equal(take(session, nop), 0);
    }
    card_snapshot(session->card);
    assert_true(card_counter(session->card, COUNTER_RING_STALLS) > 0);
    trade_on(session);
    recover(session);
    trade_on(session);
    session_close(session);
}

static void surround(struct session *session, int16_t temperature) {
    const struct model_surroundings surroundings = { temperature, 850, 1800, 16 << 8 | 3 << 4 | 1 };
    model_surround(simlib_model(session->card), &surroundings);
}

static void clocks(struct session *session, uint64_t count) {
    for (uint64_t i = 0; i < count; i++) model_clock(simlib_model(session->card));
}

/* An alert of the firmware is an event among the others, and part of the record that is replayed. A
   die that burns closes the gate, which a release opens again. */
static void a_reading_out_of_range(void **state) {
    (void)state;
    struct session *session = session_open(0);
    card_go_live(session->card);
    clocks(session, BEGIN_CLOCKS);
    trade_on(session);
    assert_int_equal(session->alerts[ALERT_TEMPERATURE], 0);
    surround(session, 8501);
    clocks(session, 2 * ROUND_CLOCKS);
    assert_int_equal(inner_read(session, REG_PAGE + PAGE_ALARMS), 1u << ALERT_TEMPERATURE);
    trade_on(session);
    assert_int_equal(session->alerts[ALERT_TEMPERATURE], 1);

    surround(session, 9501);
    clocks(session, 2 * ROUND_CLOCKS);
    assert_true(inner_read(session, REG_STATUS) & STATUS_KILLED);
    assert_int_equal(trade_one(session, (struct command){ .opcode = OPCODE_NOP }), 0);
    assert_int_equal(session->alerts[ALERT_CRITICAL], 1);
    surround(session, 4500);
    clocks(session, 2 * ROUND_CLOCKS);
    assert_true(inner_read(session, REG_STATUS) & STATUS_KILLED);
    assert_int_equal(trade_one(session, (struct command){ .opcode = OPCODE_KILL,
                                                          .field = TABLE_ENGINE,
                                                          .mode = MODE_RELEASE }),
                     0);
    assert_false(inner_read(session, REG_STATUS) & STATUS_KILLED);
    trade_on(session);
    assert_int_equal(session->alerts[ALERT_TEMPERATURE], 2); /* and it is over */
    recover(session);
    trade_on(session);
    session_close(session);
}

/* ---- firmware ---- */

static size_t file_read(const char *path, uint8_t *bytes, size_t bytes_max) {
    FILE *file = fopen(path, "re");
    if (file == NULL) fail_msg("%s is not there; `make firmware` builds it", path);
    size_t count = fread(bytes, 1, bytes_max, file);
    (void)fclose(file);
    return count;
}

/* The file that `wirepit card firmware update` is given, through the host's check and the card's,
   while the card trades on. */
static void an_update(void **state) {
    (void)state;
    enum { TRIES = 4000000 };
    static uint8_t file[FIRMWARE_FILE_BYTES_MAX + 1], bad[FIRMWARE_FILE_BYTES_MAX + 1];
    const char *key = "build/firmware/key_public.pem";
    struct session *session = session_open(0);
    struct card *card = lockstep_inner(session->card);
    card_go_live(session->card);
    trade_on(session);

    size_t bytes = file_read("build/firmware/wirepit-firmware.bin", file, sizeof file), image_bytes;
    assert_int_equal(firmware_check("truncated", file, bytes - 200, key, &image_bytes), -EBADMSG);
    memcpy(bad, file, bytes);
    bad[bytes - 1] ^= 1;
    assert_int_equal(firmware_check("forged", bad, bytes, key, &image_bytes), -EKEYREJECTED);
    assert_int_equal(firmware_check("good", file, bytes, key, &image_bytes), 0);
    /* Half of it: the card itself refuses, and image A runs. */
    assert_int_equal(firmware_load(card, file, image_bytes / 8 * 4, TRIES), -EBADMSG);
    assert_int_equal(card_read(card, REG_MGMT) & MGMT_SLOT, 0);
    trade_on(session);
    assert_int_equal(session->alerts[ALERT_FIRMWARE], 1);

    size_t trap_bytes = file_read("build/firmware/trap.bin", bad, sizeof bad);
    assert_int_equal(firmware_check("trap", bad, trap_bytes, key, &image_bytes), 0);
    assert_int_equal(firmware_load(card, bad, image_bytes, TRIES), -EBADMSG);
    assert_int_equal(card_read(card, REG_MGMT) & (MGMT_SLOT | MGMT_FAILED), MGMT_FAILED);
    trade_on(session);

    assert_int_equal(firmware_check("good", file, bytes, key, &image_bytes), 0);
    if (firmware_load(card, file, image_bytes, TRIES) != 0) fail_msg("%s", err_text());
    assert_int_equal(card_read(card, REG_MGMT) & (MGMT_SLOT | MGMT_FAILED), MGMT_SLOT);
    assert_int_equal(card_read(card, REG_PAGE + PAGE_BOOT_RESULT), BOOT_GOOD);
    trade_on(session);
    recover(session);
    trade_on(session);
    session_close(session);
}

/* ---- a thousand resets ---- */

enum { RESETS = 1000, PROBE_COMMANDS = 40 };

/* What a card says of the first commands behind a reset, how long it took over each, and what its
   registers hold; nothing of what was before may show. */
struct probe {
    struct event events[8 * PROBE_COMMANDS];
    uint32_t count;
    uint32_t registers[0x100 / 4];
    uint64_t counters[32];
};

static void probe_card(struct card *card, struct probe *probe) {
    memset(probe, 0, sizeof *probe);
    for (uint32_t reg = 0; reg < sizeof probe->registers; reg += 4)
        if (reg != REG_MGMT && reg != REG_MAILBOX_REPLY) /* boots are counted */
            probe->registers[reg / 4] = card_read(card, reg);
    card_snapshot(card);
    for (unsigned i = 0; i < 32; i++)
        probe->counters[i] = i < COUNTER_CLOCKS_MORE ? card_counter(card, i) : 0;
    struct stimulus *stimulus = stimulus_new(&card->size, 7);
    for (uint32_t i = 0; i < PROBE_COMMANDS; i++) {
        struct command command;
        stimulus_next(stimulus, &command);
        command.stamp_ns = i;
        assert_int_equal(card_push(card, &command), 0);
        for (bool ended = false; !ended;) {
            struct event *event = &probe->events[probe->count];
            int got = card_poll(card, event, 1);
            if (got < 0) fail_msg("%s", err_text());
            if (got <= 0) continue;
            stimulus_see(stimulus, event);
            ended = event->flags & EVENT_END;
            assert_true(++probe->count < 8 * PROBE_COMMANDS);
        }
    }
    stimulus_delete(stimulus);
}

static void a_thousand_resets_leave_nothing_behind(void **state) {
    (void)state;
    size_t sizes;
    struct simlib_options options = { .size = model_sizes(&sizes)[1], .seed = seed };
    struct card *card;
    assert_int_equal(simlib_open(&options, &card), 0);
    static struct probe fresh, now;
    probe_card(card, &fresh);
    struct random random = random_seeded(seed);
    for (int reset = 0; reset < RESETS; reset++) {
        /* A session of any length, LIVE or not, cut off in any clock: commands in the window,
           events on their way. */
        struct stimulus *stimulus = stimulus_new(&card->size, random_next(&random));
        if (random_below(&random, 2) == 0) card_go_live(card);
        if (random_below(&random, 4) == 0) card_write(card, REG_WATCHDOG_NS, 4000);
        card_set_time(card, random_below(&random, 1u << 30));
        for (uint64_t left = random_below(&random, 300); left > 0; left--) {
            struct command command;
            stimulus_next(stimulus, &command);
            if (command.origin != ORIGIN_HOST) continue;
            struct event event;
            int got = 1;
            while (card_push(card, &command) == -EAGAIN) {
                got = card_poll(card, &event, 1);
                assert_true(got >= 0);
                if (got == 1) stimulus_see(stimulus, &event);
            }
        }
        for (uint64_t left = random_below(&random, 600); left > 0; left--)
            model_clock(simlib_model(card));
        if (random_below(&random, 16) == 0) card_kill(card);
        stimulus_delete(stimulus);

        card_write(card, REG_CONTROL, CONTROL_RESET);
        probe_card(card, &now);
        if (memcmp(now.registers, fresh.registers, sizeof now.registers) != 0)
            for (uint32_t i = 0; i < sizeof now.registers / 4; i++)
                if (now.registers[i] != fresh.registers[i])
                    fail_msg("reset %d: register %#x is %#x, fresh %#x", reset + 1, 4 * i,
                             now.registers[i], fresh.registers[i]);
        assert_memory_equal(now.counters, fresh.counters, sizeof now.counters);
        assert_int_equal(now.count, fresh.count);
        for (uint32_t i = 0; i < now.count; i++)
            if (memcmp(&now.events[i], &fresh.events[i], sizeof now.events[i]) != 0)
                fail_msg("reset %d: event %u is not a fresh card's", reset + 1, i + 1);
    }
    /* At power-up, when it was opened, and those. */
    assert_int_equal(card_read(card, REG_MGMT) >> 16, RESETS + 2);
    for (int i = 0; i < BEGIN_CLOCKS; i++) model_clock(simlib_model(card));
    assert_int_equal(card_read(card, REG_PAGE + PAGE_STATE), MGMT_STATE_RUN);
    card_close(card);
}

int main(void) {
    const char *text = getenv("SEED");
    seed = text ? strtoull(text, NULL, 0) : 1;
    print_message("seed %llu\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_engine_that_hangs),
        cmocka_unit_test(a_flipped_bit_in_a_table),
        cmocka_unit_test(a_write_of_an_event_that_is_lost),
        cmocka_unit_test(a_bus_of_all_ones),
        cmocka_unit_test(a_ring_without_room),
        cmocka_unit_test(a_reading_out_of_range),
        cmocka_unit_test(an_update),
        cmocka_unit_test(a_thousand_resets_leave_nothing_behind),
    };
    return cmocka_run_group_tests_name("failures", tests, NULL, NULL);
}
