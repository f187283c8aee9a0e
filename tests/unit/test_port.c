/* test_port: credits, ring and reset of driver/port.h, over a card of a few lines that the tests
 * make say what they like. */
#include "driver/port.h"
#include "host/base/err.h"
#include "host/base/random.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { RING_LOG2 = 4, RING_SLOTS = 1 << RING_LOG2, TRIES_MAX = 5 };

/* A card that does nothing by itself. */
struct fake {
    struct port port;
    _Alignas(64) char ring[(RING_SLOTS + 1) * PORT_SLOT_BYTES];
    uint32_t registers[0x1000 / 4];
    uint32_t init_reads; /* of STATUS before INIT_DONE */
    bool late_event;     /* one is written before the next read of STATUS, then the reset happens */
    unsigned ring_starts; /* writes of RING_LOG2 */
    unsigned consumed_writes;
    struct command window[LIMIT_WINDOW_SLOTS];
    uint64_t window_writes;
    uint64_t written; /* events */
    uint64_t taken;   /* slots */
    int progress_error;
    unsigned progresses, answers; /* calls of progress; events that the next of them writes */
};

static struct fake *fake_of(struct port *port) { return (struct fake *)(void *)port; }

static void fake_event(struct fake *fake, uint16_t flags) {
    struct event event = {
        .number = fake->written + 1,
        .command = fake->written + 1,
        .kind = KIND_SET,
        .flags = flags,
        .clocks = 77,
        .credits = (uint8_t)fake->taken,
        .phase = (uint8_t)(~(fake->written >> RING_LOG2) & 1),
    };
    memcpy(fake->ring + fake->written % RING_SLOTS * PORT_SLOT_BYTES, &event, sizeof event);
    fake->written++;
}

static void fake_line(struct fake *fake, struct status status) {
    memcpy(fake->ring + RING_SLOTS * PORT_SLOT_BYTES, &status, sizeof status);
}

static void fake_status(struct fake *fake) {
    fake_line(fake, (struct status){ .slots_taken = fake->taken });
}

static uint32_t fake_read(struct port *port, uint32_t reg) {
    struct fake *fake = fake_of(port);
    if (reg == REG_STATUS && fake->late_event) {
        fake->late_event = false;
        fake_event(fake, EVENT_END);
        fake->written = 0;
    }
    if (reg == REG_STATUS && fake->init_reads > 0) {
        fake->init_reads--;
        return 0;
    }
    return fake->registers[reg / 4];
}

static void fake_write(struct port *port, uint32_t reg, uint32_t value) {
    struct fake *fake = fake_of(port);
    if (reg == REG_RING_LOG2) fake->ring_starts++;
    if (reg == REG_RING_CONSUMED) fake->consumed_writes++;
    if (reg == REG_CONTROL && value & CONTROL_RESET)
        fake->written = fake->taken = fake->window_writes = 0;
    fake->registers[reg / 4] = value;
}

static void fake_window_write(struct port *port, uint32_t slot, const struct command *command) {
    struct fake *fake = fake_of(port);
    assert_int_equal(slot, fake->window_writes % LIMIT_WINDOW_SLOTS);
    fake->window[slot] = *command;
    fake->window_writes++;
}

static int fake_progress(struct port *port) {
    struct fake *fake = fake_of(port);
    fake->progresses++;
    if (fake->progress_error != 0) return err_set(fake->progress_error, "the fake card has burnt");
    for (; fake->answers > 0; fake->answers--) fake_event(fake, EVENT_END);
    return 0;
}

static void fake_close(struct port *port) { free(fake_of(port)); }

static struct fake *fake_new(void) {
    static const struct port_operations operations = {
        .read = fake_read,
        .write = fake_write,
        .window_write = fake_window_write,
        .progress = fake_progress,
        .close = fake_close,
    };
    struct fake *fake = aligned_alloc(64, (sizeof *fake + 63) / 64 * 64);
    assert_non_null(fake);
    memset(fake, 0, sizeof *fake);
    memset(fake->ring, 0xff, sizeof fake->ring); /* phase 1: what memory may hold before */
    fake->registers[REG_DIGEST / 4] = abi_digest();
    fake->registers[REG_VERSION / 4] = (uint32_t)LIMIT_ABI_MAJOR << 16 | LIMIT_ABI_MINOR;
    fake->registers[REG_SYMBOLS / 4] = 4;
    fake->registers[REG_ACCOUNTS / 4] = 8;
    fake->registers[REG_ORDERS / 4] = 64;
    fake->registers[REG_LEVELS / 4] = 64;
    fake->registers[REG_STATUS / 4] = STATUS_INIT_DONE;
    fake->port.operations = &operations;
    fake->port.ring = fake->ring;
    fake->port.ring_address = UINT64_C(0x123456780000);
    fake->port.ring_log2 = RING_LOG2;
    fake->port.init_tries_max = TRIES_MAX;
    return fake;
}

static struct fake *fake_open(void) {
    struct fake *fake = fake_new();
    assert_int_equal(port_open(&fake->port, "fake"), 0);
    return fake;
}

static int push(struct fake *fake) {
    const struct command command = { .opcode = OPCODE_NOP };
    return card_push(&fake->port.card, &command);
}

static int poll(struct fake *fake) {
    struct event events[2 * RING_SLOTS];
    return card_poll(&fake->port.card, events, 2 * RING_SLOTS);
}

static void open_hands_over_the_ring(void **state) {
    (void)state;
    struct fake *fake = fake_open();
    assert_int_equal(fake->registers[REG_CONTROL / 4], CONTROL_RESET);
    assert_int_equal(fake->registers[REG_RING_LOW / 4], 0x56780000);
    assert_int_equal(fake->registers[REG_RING_HIGH / 4], 0x1234);
    assert_int_equal(fake->registers[REG_RING_LOG2 / 4], RING_LOG2);
    assert_int_equal(fake->ring_starts, 1);
    assert_int_equal(fake->port.card.size.orders, 64);
    assert_string_equal(fake->port.card.name, "fake");
    /* Whatever the memory held, the ring begins empty. */
    assert_int_equal(poll(fake), 0);
    card_close(&fake->port.card);
}

static void open_refuses_other_tables(void **state) {
    (void)state;
    struct fake *fake = fake_new();
    fake->registers[REG_DIGEST / 4] ^= 1;
    assert_int_equal(port_open(&fake->port, "fake"), -EPROTO);
    assert_non_null(strstr(err_text(), "fake"));
    free(fake);
}

static void open_refuses_a_size_no_card_can_have(void **state) {
    (void)state;
    static const struct {
        uint32_t reg, value;
        int error;
    } row[] = {
        // clang-format off
        { REG_SYMBOLS,  1,          -EIO }, { REG_SYMBOLS,  2,       0 },
        { REG_SYMBOLS,  3,          -EIO }, { REG_SYMBOLS,  1 << 16, 0 },
        { REG_SYMBOLS,  1 << 17,    -EIO }, { REG_ACCOUNTS, 1 << 16, 0 },
        { REG_ACCOUNTS, 1 << 17,    -EIO }, { REG_ORDERS,   2,       0 },
        { REG_ORDERS,   1,          -EIO }, { REG_ORDERS,   1 << 20, 0 },
        { REG_ORDERS,   1 << 21,    -EIO }, { REG_LEVELS,   64,      0 },
        { REG_LEVELS,   32,         -EIO }, { REG_LEVELS,   4096,    0 },
        { REG_LEVELS,   8192,       -EIO }, { REG_LEVELS,   96,      -EIO },
        // clang-format on
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct fake *fake = fake_new();
        fake->registers[row[i].reg / 4] = row[i].value;
        assert_int_equal(port_open(&fake->port, "fake"), row[i].error);
        free(fake);
    }
}

static void open_waits_for_the_tables_but_not_for_ever(void **state) {
    (void)state;
    struct fake *fake = fake_new();
    fake->init_reads = TRIES_MAX - 1;
    assert_int_equal(port_open(&fake->port, "fake"), 0);
    assert_int_equal(fake->progresses, TRIES_MAX - 1);
    fake->init_reads = TRIES_MAX;
    assert_int_equal(port_open(&fake->port, "fake"), -EIO);
    assert_non_null(strstr(err_text(), "INIT_DONE"));
    free(fake);
}

static void a_full_window_takes_no_more(void **state) {
    (void)state;
    struct fake *fake = fake_open();
    for (unsigned i = 0; i < LIMIT_WINDOW_SLOTS; i++) assert_int_equal(push(fake), 0);
    assert_int_equal(push(fake), -EAGAIN);
    assert_int_equal(fake->window_writes, LIMIT_WINDOW_SLOTS);
    assert_int_equal(port_outstanding(&fake->port), LIMIT_WINDOW_SLOTS);
    card_close(&fake->port.card);
}

static void an_event_gives_credits(void **state) {
    (void)state;
    struct fake *fake = fake_open();
    for (unsigned i = 0; i < LIMIT_WINDOW_SLOTS; i++) assert_int_equal(push(fake), 0);
    fake->taken = 2;
    fake_event(fake, EVENT_END);
    assert_int_equal(push(fake), -EAGAIN);
    assert_int_equal(poll(fake), 1);
    assert_int_equal(push(fake), 0);
    assert_int_equal(push(fake), 0);
    assert_int_equal(push(fake), -EAGAIN);
    assert_int_equal(port_outstanding(&fake->port), LIMIT_WINDOW_SLOTS + 1);
    card_close(&fake->port.card);
}

static void the_status_line_gives_credits(void **state) {
    (void)state;
    struct fake *fake = fake_open();
    for (unsigned i = 0; i < LIMIT_WINDOW_SLOTS; i++) assert_int_equal(push(fake), 0);
    fake->taken = LIMIT_WINDOW_SLOTS;
    fake_status(fake);
    assert_int_equal(poll(fake), 0);
    for (unsigned i = 0; i < LIMIT_WINDOW_SLOTS; i++) assert_int_equal(push(fake), 0);
    assert_int_equal(push(fake), -EAGAIN);
    card_close(&fake->port.card);
}

static void an_event_behind_the_status_line_gives_none(void **state) {
    (void)state;
    struct fake *fake = fake_open();
    for (unsigned i = 0; i < LIMIT_WINDOW_SLOTS; i++) assert_int_equal(push(fake), 0);
    fake->taken = LIMIT_WINDOW_SLOTS;
    fake_status(fake);
    assert_int_equal(poll(fake), 0);
    for (unsigned i = 0; i < LIMIT_WINDOW_SLOTS; i++) assert_int_equal(push(fake), 0);
    /* Written before the status line was, seen only after it. */
    fake->taken = 0;
    fake_event(fake, EVENT_END);
    assert_int_equal(poll(fake), 1);
    assert_int_equal(push(fake), -EAGAIN);
    card_close(&fake->port.card);
}

static void credits_that_cannot_be_stop_the_card(void **state) {
    (void)state;
    struct fake *fake = fake_open();
    assert_int_equal(push(fake), 0);
    fake->taken = 2;
    fake_event(fake, EVENT_END);
    assert_int_equal(poll(fake), -EIO);
    assert_int_equal(push(fake), -EIO);
    assert_int_equal(poll(fake), -EIO);

    card_write(&fake->port.card, REG_CONTROL, CONTROL_RESET);
    assert_int_equal(push(fake), 0);
    fake->taken = 2;
    fake_status(fake);
    assert_int_equal(poll(fake), -EIO);
    assert_non_null(strstr(err_text(), "status line"));
    card_close(&fake->port.card);
}

static void credits_go_on_past_a_byte(void **state) {
    (void)state;
    struct fake *fake = fake_open();
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(push(fake), 0);
        fake->taken++;
        fake_event(fake, EVENT_END);
        assert_int_equal(poll(fake), 1);
    }
    assert_int_equal(port_outstanding(&fake->port), 0);
    card_close(&fake->port.card);
}

static void the_envelope_stays_behind_but_for_the_clocks(void **state) {
    (void)state;
    struct fake *fake = fake_open();
    assert_int_equal(push(fake), 0);
    fake->taken = 1;
    fake_event(fake, EVENT_END);
    struct event event;
    assert_int_equal(card_poll(&fake->port.card, &event, 1), 1);
    assert_int_equal(event.number, 1);
    assert_int_equal(event.clocks, 77);
    assert_int_equal(event.credits, 0);
    assert_int_equal(event.phase, 0);
    card_close(&fake->port.card);
}

static void room_is_given_in_quarters(void **state) {
    (void)state;
    struct fake *fake = fake_open();
    for (unsigned i = 1; i <= 8; i++) {
        assert_int_equal(push(fake), 0);
        fake->taken++;
        fake_event(fake, EVENT_END);
        assert_int_equal(poll(fake), 1);
        /* Told once by the start of the ring. */
        assert_int_equal(fake->consumed_writes, 1 + i / 4);
        assert_int_equal(fake->registers[REG_RING_CONSUMED / 4], i / 4 * 4);
    }
    card_close(&fake->port.card);
}

static void nothing_is_polled_into_nothing(void **state) {
    (void)state;
    struct fake *fake = fake_open();
    assert_int_equal(push(fake), 0);
    fake->taken = 1;
    fake_event(fake, EVENT_END);
    struct event event = { .number = 99 };
    assert_int_equal(card_poll(&fake->port.card, &event, 0), 0);
    assert_int_equal(event.number, 99);
    assert_int_equal(card_poll(&fake->port.card, &event, 1), 1);
    card_close(&fake->port.card);
}

static void poll_gives_the_card_time(void **state) {
    (void)state;
    struct fake *fake = fake_open();
    assert_int_equal(push(fake), 0);
    fake->answers = 1;
    assert_int_equal(poll(fake), 1);
    assert_int_equal(fake->progresses, 1);
    fake->progress_error = -EIO;
    assert_int_equal(poll(fake), -EIO);
    assert_string_equal(err_text(), "the fake card has burnt");
    fake->progress_error = 0;
    assert_int_equal(poll(fake), -EIO);
    assert_non_null(strstr(err_text(), "earlier error"));
    card_close(&fake->port.card);
}

static void a_number_out_of_turn_stops_the_card(void **state) {
    (void)state;
    struct fake *fake = fake_open();
    assert_int_equal(push(fake), 0);
    assert_int_equal(push(fake), 0);
    fake->taken = 2;
    fake_event(fake, EVENT_END);
    struct event *first = (struct event *)(void *)fake->ring;
    first->number = 2;
    assert_int_equal(poll(fake), -EIO);
    assert_non_null(strstr(err_text(), "event 2 where 1 was due"));
    card_close(&fake->port.card);
}

static void an_end_too_many_stops_the_card(void **state) {
    (void)state;
    struct fake *fake = fake_open();
    assert_int_equal(push(fake), 0);
    fake->taken = 1;
    fake_event(fake, EVENT_END);
    fake_event(fake, EVENT_END);
    assert_int_equal(poll(fake), -EIO);
    card_close(&fake->port.card);
}

static void an_event_that_was_lost_stops_the_card(void **state) {
    (void)state;
    struct fake *fake = fake_open();
    assert_int_equal(push(fake), 0);
    assert_int_equal(push(fake), 0);
    fake->taken = 2;
    fake_event(fake, EVENT_END);
    fake_line(fake, (struct status){ .slots_taken = 2, .events = 1 });
    assert_false(port_fails(&fake->port));
    assert_int_equal(poll(fake), 1);
    assert_int_equal(poll(fake), 0);
    fake_line(fake, (struct status){ .slots_taken = 2, .events = 2 });
    assert_true(port_fails(&fake->port));
    assert_int_equal(poll(fake), -EIO);
    assert_non_null(strstr(err_text(), "it has written 2 events and event 2 is not there"));
    assert_non_null(strstr(err_text(), "reset the card and replay"));
    card_close(&fake->port.card);
}

static void a_card_that_has_stopped_says_why(void **state) {
    (void)state;
    static const struct {
        uint64_t stopped;
        const char *text;
    } row[] = {
        { MEMORY_ORDER, "a row of its table ORDER is not what was written" },
        { MEMORY_LAST_EVENT, "a row of its table LAST_EVENT" },
        { STOP_HUNG, "its engine hangs" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct fake *fake = fake_open();
        fake_line(fake, (struct status){ .stopped = row[i].stopped });
        assert_true(port_fails(&fake->port));
        assert_int_equal(poll(fake), -EIO);
        assert_non_null(strstr(err_text(), row[i].text));
        assert_non_null(strstr(err_text(), "reset the card and replay"));
        assert_int_equal(push(fake), -EIO);
        card_close(&fake->port.card);
    }
}

static void open_sees_that_nobody_answers(void **state) {
    (void)state;
    struct fake *fake = fake_new();
    memset(fake->registers, 0xff, sizeof fake->registers);
    assert_int_equal(port_open(&fake->port, "fake"), -EIO);
    assert_non_null(strstr(err_text(), "every read gives all ones"));
    free(fake);

    /* It goes while its tables are swept: STATUS says INIT_DONE, and all else too. */
    fake = fake_new();
    fake->registers[REG_STATUS / 4] = UINT32_MAX;
    assert_int_equal(port_open(&fake->port, "fake"), -EIO);
    assert_non_null(strstr(err_text(), "every read gives all ones"));
    free(fake);
}

static void the_cards_own_command_ends_none_of_ours(void **state) {
    (void)state;
    struct fake *fake = fake_open();
    assert_int_equal(push(fake), 0);
    fake_event(fake, EVENT_END | EVENT_CARD);
    assert_int_equal(poll(fake), 1);
    /* In REPLAY mode the host pushes it. */
    assert_int_equal(port_outstanding(&fake->port), 0);

    card_go_live(&fake->port.card);
    assert_int_equal(push(fake), 0);
    fake_event(fake, EVENT_END | EVENT_CARD);
    assert_int_equal(poll(fake), 1);
    assert_int_equal(port_outstanding(&fake->port), 1);
    fake_event(fake, EVENT_END);
    assert_int_equal(poll(fake), 1);
    assert_int_equal(port_outstanding(&fake->port), 0);
    card_close(&fake->port.card);
}

static void reset_begins_afresh(void **state) {
    (void)state;
    struct fake *fake = fake_open();
    for (unsigned i = 0; i < LIMIT_WINDOW_SLOTS; i++) assert_int_equal(push(fake), 0);
    fake_event(fake, EVENT_END);
    fake->late_event = true;
    card_write(&fake->port.card, REG_CONTROL, CONTROL_RESET);
    assert_int_equal(fake->ring_starts, 2);
    assert_int_equal(poll(fake), 0);
    assert_int_equal(port_outstanding(&fake->port), 0);
    assert_int_equal(push(fake), 0);
    fake->taken = 1;
    fake_event(fake, EVENT_END);
    assert_int_equal(poll(fake), 1);

    fake->init_reads = TRIES_MAX;
    card_write(&fake->port.card, REG_CONTROL, CONTROL_RESET);
    assert_int_equal(push(fake), -EIO);
    card_close(&fake->port.card);
}

/* Bursts of random length into a ring that is never more than full, events taken in random
   portions: each arrives once and in order, however often the ring goes round. */
static void every_event_arrives_once_and_in_order(void **state) {
    (void)state;
    const uint64_t seed = 20261120;
    struct random random = random_seeded(seed);
    print_message("seed %llu\n", (unsigned long long)seed);
    struct fake *fake = fake_open();
    uint64_t polled = 0;
    while (polled < 5000) {
        uint64_t unread = fake->written - polled;
        for (uint64_t n = random_below(&random, RING_SLOTS - unread + 1); n > 0; n--) {
            if (push(fake) != 0) break;
            fake->taken++;
            fake_event(fake, EVENT_END);
        }
        struct event events[RING_SLOTS];
        int count =
            card_poll(&fake->port.card, events, (uint32_t)random_below(&random, RING_SLOTS));
        assert_true(count >= 0);
        for (int i = 0; i < count; i++) assert_int_equal(events[i].number, ++polled);
        /* The card would stall if the host did not tell in time. */
        assert_true(polled - fake->registers[REG_RING_CONSUMED / 4] < RING_SLOTS / 4);
    }
    card_close(&fake->port.card);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_hands_over_the_ring),
        cmocka_unit_test(open_refuses_other_tables),
        cmocka_unit_test(open_refuses_a_size_no_card_can_have),
        cmocka_unit_test(open_waits_for_the_tables_but_not_for_ever),
        cmocka_unit_test(a_full_window_takes_no_more),
        cmocka_unit_test(an_event_gives_credits),
        cmocka_unit_test(the_status_line_gives_credits),
        cmocka_unit_test(an_event_behind_the_status_line_gives_none),
        cmocka_unit_test(credits_that_cannot_be_stop_the_card),
        cmocka_unit_test(credits_go_on_past_a_byte),
        cmocka_unit_test(the_envelope_stays_behind_but_for_the_clocks),
        cmocka_unit_test(room_is_given_in_quarters),
        cmocka_unit_test(nothing_is_polled_into_nothing),
        cmocka_unit_test(poll_gives_the_card_time),
        cmocka_unit_test(a_number_out_of_turn_stops_the_card),
        cmocka_unit_test(an_end_too_many_stops_the_card),
        cmocka_unit_test(an_event_that_was_lost_stops_the_card),
        cmocka_unit_test(a_card_that_has_stopped_says_why),
        cmocka_unit_test(open_sees_that_nobody_answers),
        cmocka_unit_test(the_cards_own_command_ends_none_of_ours),
        cmocka_unit_test(reset_begins_afresh),
        cmocka_unit_test(every_event_arrives_once_and_in_order),
    };
    return cmocka_run_group_tests_name("port", tests, NULL, NULL);
}
