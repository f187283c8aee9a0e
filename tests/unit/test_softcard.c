/* test_softcard: what a host observes of CARD=soft: window, registers, modes, gate, counters. What
 * the commands mean is the engine's, and tested there. */
#include "host/base/err.h"
#include "host/softcard/softcard.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct card_size small = { .symbols = 4, .accounts = 8, .orders = 64, .levels = 64 };

static struct card *soft_open(void) {
    struct card *card;
    assert_int_equal(softcard_open(&small, &card), 0);
    return card;
}

static int push(struct card *card, struct command command) { return card_push(card, &command); }

static int poll(struct card *card, struct event *event) { return card_poll(card, event, 1); }

/* Pushes one command and returns its only event. */
static struct event answer(struct card *card, struct command command) {
    struct event event[2];
    assert_int_equal(push(card, command), 0);
    assert_int_equal(card_poll(card, event, 2), 1);
    return event[0];
}

static const struct command release = {
    .opcode = OPCODE_KILL,
    .field = TABLE_ENGINE,
    .mode = MODE_RELEASE,
};
static const struct command nop = { .opcode = OPCODE_NOP };

static void registers_say_what_the_tables_say(void **state) {
    (void)state;
    struct card *card = soft_open();
    card->size = (struct card_size){ 4, 8, 64, 64 };
    assert_int_equal(card_check(card), 0);
    assert_memory_equal(&card->size, &small, sizeof small);
    assert_string_equal(card->name, "soft");

    static const struct {
        uint32_t reg, reset;
        enum { RO, RW, WO } access;
        const char *name;
    } row[] = {
#define REG(name, offset, access, reset, meaning) { offset, reset, access, #name },
#define FIELD(name, field, lsb, width, meaning)
#include "driver/abi/regs.def"
#undef REG
#undef FIELD
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const uint32_t before = card_read(card, row[i].reg);
        if (row[i].access == WO) assert_int_equal(before, 0);
        if (row[i].access == RW) assert_int_equal(before, row[i].reset);
        if (row[i].reg == REG_CONTROL) continue;
        card_write(card, row[i].reg, 0x1a);
        assert_int_equal(card_read(card, row[i].reg), row[i].access == RW ? 0x1a : before);
    }
    card_write(card, REG_CONTROL, CONTROL_RESET);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        if (row[i].access == RW) assert_int_equal(card_read(card, row[i].reg), row[i].reset);
    card_close(card);
}

static void a_size_that_no_card_can_have_is_refused(void **state) {
    (void)state;
    static const struct card_size row[] = {
        { 1, 8, 64, 64 }, { 3, 8, 64, 64 },   { 1 << 17, 8, 64, 64 },
        { 4, 1, 64, 64 }, { 4, 8, 1, 64 },    { 4, 8, 1 << 21, 64 },
        { 4, 8, 64, 32 }, { 4, 8, 64, 8192 }, { 4, 8, 64, 65 },
    };
    struct card *card = NULL;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        assert_int_equal(softcard_open(&row[i], &card), -EINVAL);
        assert_non_null(strstr(err_text(), "power of two"));
        assert_null(card);
    }
    assert_int_equal(softcard_open(&(struct card_size){ 2, 2, 2, 64 }, &card), 0);
    card_close(card);
}

static void a_fresh_card_replays_with_its_gate_closed(void **state) {
    (void)state;
    struct card *card = soft_open();
    assert_int_equal(card_read(card, REG_STATUS), STATUS_INIT_DONE | STATUS_KILLED);
    card_go_live(card);
    assert_int_equal(card_read(card, REG_STATUS), STATUS_INIT_DONE | STATUS_KILLED | STATUS_LIVE);
    struct event event = answer(card, release);
    assert_int_equal(event.kind, KIND_STATE);
    assert_int_equal(event.value, 0);
    assert_int_equal(card_read(card, REG_STATUS), STATUS_INIT_DONE | STATUS_LIVE);
    card_close(card);
}

static void the_window_has_its_slots_and_no_more(void **state) {
    (void)state;
    struct card *card = soft_open();
    struct event event;
    for (unsigned i = 0; i < LIMIT_WINDOW_SLOTS; i++) assert_int_equal(push(card, nop), 0);
    assert_int_equal(push(card, nop), -EAGAIN);
    assert_int_equal(poll(card, &event), 1);
    assert_int_equal(push(card, nop), 0);
    assert_int_equal(push(card, nop), -EAGAIN);
    for (unsigned i = 2; i <= LIMIT_WINDOW_SLOTS + 1; i++) {
        assert_int_equal(poll(card, &event), 1);
        assert_int_equal(event.command, i);
        assert_int_equal(event.number, i);
        assert_int_equal(event.clocks, 0);
    }
    assert_int_equal(poll(card, &event), 0);
    card_close(card);
}

static void an_answer_may_be_polled_in_parts(void **state) {
    (void)state;
    struct card *card = soft_open();
    struct event event;
    const struct command query = { .opcode = OPCODE_QUERY, .field = TABLE_SYMBOL };
    assert_int_equal(push(card, query), 0);
    assert_int_equal(push(card, nop), 0);
    assert_int_equal(card_poll(card, &event, 0), 0);
    unsigned rows = 0;
    do {
        assert_int_equal(poll(card, &event), 1);
        assert_int_equal(event.kind, KIND_ROW);
        assert_int_equal(event.number, ++rows);
    } while (!(event.flags & EVENT_END));
    assert_int_equal(rows, ROW_SYMBOL_LAST_EVENT);
    assert_int_equal(poll(card, &event), 1);
    assert_int_equal(event.kind, KIND_SET);
    card_close(card);
}

static void stamps_are_given_in_replay_and_taken_from_the_clock_live(void **state) {
    (void)state;
    struct card *card = soft_open();
    struct command stamped = nop;
    stamped.stamp_ns = 1000;
    card_set_time(card, 5000);
    assert_int_equal(answer(card, stamped).stamp_ns, 1000);
    stamped.stamp_ns = 999; /* never backwards */
    assert_int_equal(answer(card, stamped).stamp_ns, 1000);
    stamped.stamp_ns = 1001;
    assert_int_equal(answer(card, stamped).stamp_ns, 1001);

    card_go_live(card);
    stamped.stamp_ns = 0;
    assert_int_equal(answer(card, stamped).stamp_ns, 5000);
    card_set_time(card, 4999);
    assert_int_equal(answer(card, stamped).stamp_ns, 5000);
    card_set_time(card, (UINT64_C(1) << 32) + 1);
    assert_int_equal(answer(card, stamped).stamp_ns, (UINT64_C(1) << 32) + 1);
    card_close(card);
}

static void a_live_stamp_is_that_of_the_push(void **state) {
    (void)state;
    struct card *card = soft_open();
    struct event event;
    card_go_live(card);
    card_set_time(card, 100);
    assert_int_equal(push(card, nop), 0);
    card_set_time(card, 200);
    assert_int_equal(poll(card, &event), 1);
    assert_int_equal(event.stamp_ns, 100);
    card_close(card);
}

static void the_gate_closes_past_what_waits(void **state) {
    (void)state;
    struct card *card = soft_open();
    struct event event;
    card_go_live(card);
    (void)answer(card, release);
    card_set_time(card, 700);
    assert_int_equal(push(card, nop), 0);
    assert_int_equal(push(card, nop), 0);
    card_kill(card);
    card_kill(card); /* closed already: nothing more happens */
    assert_true(card_read(card, REG_STATUS) & STATUS_KILLED);
    assert_int_equal(poll(card, &event), 1);
    assert_int_equal(event.kind, KIND_STATE);
    assert_int_equal(event.flags, EVENT_CARD | EVENT_END);
    assert_int_equal(event.table, TABLE_ENGINE);
    assert_int_equal(event.field, ROW_ENGINE_KILLED);
    assert_int_equal(event.value, 1);
    assert_int_equal(event.stamp_ns, 700);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(poll(card, &event), 1);
        assert_int_equal(event.kind, KIND_SET);
        assert_int_equal(event.flags, EVENT_END);
    }
    assert_int_equal(poll(card, &event), 0);
    card_snapshot(card);
    assert_int_equal(card_counter(card, COUNTER_GATE_CLOSINGS), 1);
    card_close(card);
}

static void only_a_replay_may_say_that_the_card_asked(void **state) {
    (void)state;
    struct card *card = soft_open();
    struct command recorded = {
        .opcode = OPCODE_KILL,
        .origin = ORIGIN_CARD,
        .field = TABLE_ENGINE,
    };
    assert_int_equal(answer(card, recorded).flags, EVENT_CARD | EVENT_END);
    card_kill(card); /* not in REPLAY mode */
    struct event event;
    assert_int_equal(poll(card, &event), 0);
    card_go_live(card);
    event = answer(card, recorded);
    assert_int_equal(event.kind, KIND_REJECTED);
    assert_int_equal(event.reason, REASON_MALFORMED);
    assert_int_equal(event.flags, EVENT_END);
    card_close(card);
}

static void counters_are_latched_and_count_what_was_said(void **state) {
    (void)state;
    struct card *card = soft_open();
    (void)answer(card, nop);
    (void)answer(card, (struct command){ .opcode = 99 });
    assert_int_equal(card_counter(card, COUNTER_COMMANDS), 0);
    card_snapshot(card);
    (void)answer(card, nop);
    assert_int_equal(card_counter(card, COUNTER_COMMANDS), 2);
    assert_int_equal(card_counter(card, COUNTER_EVENTS), 2);
    assert_int_equal(card_counter(card, COUNTER_REJECTED), 1);
    assert_int_equal(card_counter(card, COUNTER_ACCEPTED), 0);
    card_write(card, REG_CONTROL, CONTROL_RESET);
    card_snapshot(card);
    assert_int_equal(card_counter(card, COUNTER_COMMANDS), 0);
    card_close(card);
}

/* Everything that an order needs, then a trade, seen in the counters. */
static void trades_are_counted(void **state) {
    (void)state;
    struct card *card = soft_open();
    static const struct command setup[] = {
        { .opcode = OPCODE_SYMBOL, .field = ROW_SYMBOL_BASE_E4, .value = 10000 },
        { .opcode = OPCODE_SYMBOL, .field = ROW_SYMBOL_TICK_E4, .value = 100 },
        { .opcode = OPCODE_SYMBOL, .field = ROW_SYMBOL_REFERENCE, .value = 10 },
        { .opcode = OPCODE_SYMBOL, .field = ROW_SYMBOL_COLLAR, .value = 20 },
        { .opcode = OPCODE_SYMBOL, .field = ROW_SYMBOL_STATE, .value = SYMBOL_STATE_OPEN },
        { .opcode = OPCODE_ACCOUNT, .field = ROW_ACCOUNT_CURRENCY, .value = 840 },
        { .opcode = OPCODE_ACCOUNT, .field = ROW_ACCOUNT_QUANTITY_MAX, .value = 1000 },
        { .opcode = OPCODE_ACCOUNT, .field = ROW_ACCOUNT_OPEN_MAX, .value = 1000 },
        { .opcode = OPCODE_ACCOUNT,
          .field = ROW_ACCOUNT_GROSS_MAX_E4,
          .value = INT64_C(0x1fffffffffffffff) },
        { .opcode = OPCODE_ACCOUNT,
          .field = ROW_ACCOUNT_DAILY_MAX_E4,
          .value = INT64_C(0x1fffffffffffffff) },
        { .opcode = OPCODE_ACCOUNT, .field = ROW_ACCOUNT_NOTIONAL_MAX_E4, .value = 1000000000 },
        { .opcode = OPCODE_ACCOUNT, .field = ROW_ACCOUNT_ENABLED, .value = 1 },
        { .opcode = OPCODE_POSITION, .field = ROW_POSITION_LONG_MAX, .value = 1000 },
        { .opcode = OPCODE_POSITION, .field = ROW_POSITION_SHORT_MAX, .value = 1000 },
        { .opcode = OPCODE_POSITION, .field = ROW_POSITION_LOCATE, .value = 1000 },
        { .opcode = OPCODE_CREDIT, .value = 1000000000 },
        { .opcode = OPCODE_KILL, .field = TABLE_ENGINE, .mode = MODE_RELEASE },
    };
    for (size_t i = 0; i < sizeof setup / sizeof *setup; i++)
        assert_int_not_equal(answer(card, setup[i]).kind, KIND_REJECTED);
    struct command order = {
        .opcode = OPCODE_NEW,
        .side = SIDE_BUY,
        .order = abi_handle(0, 1),
        .quantity = 300,
        .price_e4 = 11000,
    };
    assert_int_equal(answer(card, order).kind, KIND_ACCEPTED);
    order.side = SIDE_SELL;
    order.order = abi_handle(1, 1);
    order.quantity = 200;
    struct event events[4];
    assert_int_equal(push(card, order), 0);
    assert_int_equal(card_poll(card, events, 4), 2);
    assert_int_equal(events[1].kind, KIND_TRADE);
    card_snapshot(card);
    assert_int_equal(card_counter(card, COUNTER_ACCEPTED), 2);
    assert_int_equal(card_counter(card, COUNTER_TRADES), 1);
    assert_int_equal(card_counter(card, COUNTER_TRADED_SHARES), 200);
    card_close(card);
}

static void reset_forgets_everything(void **state) {
    (void)state;
    struct card *card = soft_open();
    struct event event;
    card_go_live(card);
    card_set_time(card, 900);
    (void)answer(card, release);
    assert_int_equal(push(card, nop), 0);
    card_write(card, REG_CONTROL, CONTROL_RESET);
    assert_int_equal(poll(card, &event), 0);
    assert_int_equal(card_read(card, REG_STATUS), STATUS_INIT_DONE | STATUS_KILLED);
    event = answer(card, nop);
    assert_int_equal(event.number, 1);
    assert_int_equal(event.command, 1);
    assert_int_equal(event.stamp_ns, 0);
    card_close(card);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers_say_what_the_tables_say),
        cmocka_unit_test(a_size_that_no_card_can_have_is_refused),
        cmocka_unit_test(a_fresh_card_replays_with_its_gate_closed),
        cmocka_unit_test(the_window_has_its_slots_and_no_more),
        cmocka_unit_test(an_answer_may_be_polled_in_parts),
        cmocka_unit_test(stamps_are_given_in_replay_and_taken_from_the_clock_live),
        cmocka_unit_test(a_live_stamp_is_that_of_the_push),
        cmocka_unit_test(the_gate_closes_past_what_waits),
        cmocka_unit_test(only_a_replay_may_say_that_the_card_asked),
        cmocka_unit_test(counters_are_latched_and_count_what_was_said),
        cmocka_unit_test(trades_are_counted),
        cmocka_unit_test(reset_forgets_everything),
    };
    return cmocka_run_group_tests_name("softcard", tests, NULL, NULL);
}
