/* test_clocks: what a command costs, in clocks from its taking to each of its events, as
 * rtl/core/README.md states it.
 *
 * The figures are exact: the core has no arbiter and no cache, so that a clock more or less is a
 * change of the design. */
#include "host/base/err.h"
#include "sim/model.h"
#include "sim/simlib.h"
#include "tests/rtl/drive.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
    VERDICT_CLOCKS = 8, /* of a refused order */
    ACCEPTED_CLOCKS = 8,
    ADD_CLOCKS = 8,
    CANCEL_CLOCKS = 8,
    REDUCE_CLOCKS = 8,
    FIRST_TRADE_CLOCKS = 10,
    FILL_CLOCKS = 2,       /* each further one at the same level */
    LEVEL_FILL_CLOCKS = 2, /* each further one at the next level */
    NOP_CLOCKS = 8,
};

enum { EVENTS_MAX = 16 };

struct heard {
    struct event events[EVENTS_MAX];
    int count;
};

static void hear(void *context, const struct event *event) {
    struct heard *heard = context;
    assert_true(heard->count < EVENTS_MAX);
    heard->events[heard->count++] = *event;
}

static struct card *card;

static struct heard give(struct command command) {
    struct heard heard = { .count = 0 };
    int error = drive(card, &command, hear, &heard);
    if (error) fail_msg("%s", err_text());
    return heard;
}

static uint16_t last_clocks(const struct heard *heard) {
    return heard->events[heard->count - 1].clocks;
}

static struct command row(uint8_t opcode, uint8_t field, int64_t value) {
    return (struct command){ .opcode = opcode, .field = field, .value = value };
}

/* Symbol 0 has levels of 10 from 1000 on; account 0 may do anything. */
static int open_market(void **state) {
    (void)state;
    size_t count;
    struct simlib_options options = { .size = model_sizes(&count)[0] };
    int error = simlib_open(&options, &card);
    if (error) return error;
    card_go_live(card);
    const struct command commands[] = {
        row(OPCODE_SYMBOL, ROW_SYMBOL_TICK_E4, 10),
        row(OPCODE_SYMBOL, ROW_SYMBOL_BASE_E4, 1000),
        row(OPCODE_SYMBOL, ROW_SYMBOL_REFERENCE, 50),
        row(OPCODE_SYMBOL, ROW_SYMBOL_COLLAR, 4000),
        row(OPCODE_SYMBOL, ROW_SYMBOL_STATE, SYMBOL_STATE_OPEN),
        row(OPCODE_ACCOUNT, ROW_ACCOUNT_CURRENCY, 840),
        row(OPCODE_ACCOUNT, ROW_ACCOUNT_QUANTITY_MAX, 1000),
        row(OPCODE_ACCOUNT, ROW_ACCOUNT_NOTIONAL_MAX_E4, 1000000000),
        row(OPCODE_ACCOUNT, ROW_ACCOUNT_ENABLED, 1),
        row(OPCODE_CREDIT, 0, INT64_C(1) << 40),
        row(OPCODE_POSITION, ROW_POSITION_LONG_MAX, 100000),
        row(OPCODE_POSITION, ROW_POSITION_SHORT_MAX, 100000),
        row(OPCODE_POSITION, ROW_POSITION_LOCATE, 100000),
        { .opcode = OPCODE_KILL, .mode = MODE_RELEASE },
    };
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) (void)give(commands[i]);
    return 0;
}

static int close_market(void **state) {
    (void)state;
    card_close(card);
    return 0;
}

static struct command new_order(uint32_t slot, uint8_t side, uint32_t price_e4) {
    return (struct command){ .opcode = OPCODE_NEW,
                             .order = abi_handle(slot, 1),
                             .side = side,
                             .quantity = 10,
                             .price_e4 = price_e4 };
}

static struct command cancel_order(uint32_t slot, uint8_t side, uint32_t total) {
    return (struct command){
        .opcode = OPCODE_CANCEL, .order = abi_handle(slot, 1), .side = side, .quantity = total
    };
}

static void a_refusal_takes_the_same_clocks_whatever_the_reason(void **state) {
    (void)state;
    struct command refused[] = { new_order(1, SIDE_BUY, 1001), new_order(1, SIDE_BUY, 100000),
                                 new_order(1, SIDE_BUY, 1500), new_order(1, SIDE_SELL, 1500) };
    refused[1].quantity = 1001;
    refused[2].order = abi_handle(1, 2);
    refused[3].account = 9;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct heard heard = give(refused[i]);
        assert_int_equal(heard.events[0].kind, KIND_REJECTED);
        assert_int_equal(last_clocks(&heard), VERDICT_CLOCKS);
    }
}

static void adding_and_cancelling_take_the_same_clocks_however_full_the_level(void **state) {
    (void)state;
    for (uint32_t slot = 100; slot < 150; slot++) {
        struct heard heard = give(new_order(slot, SIDE_BUY, 1200));
        assert_int_equal(heard.events[0].kind, KIND_ACCEPTED);
        assert_int_equal(last_clocks(&heard), ADD_CLOCKS);
    }
    struct heard heard = give(cancel_order(120, SIDE_BUY, 4));
    assert_int_equal(last_clocks(&heard), REDUCE_CLOCKS);
    for (uint32_t slot = 100; slot < 149; slot++) {
        heard = give(cancel_order(slot, SIDE_BUY, 0));
        assert_int_equal(heard.events[0].kind, KIND_CANCELED);
        assert_int_equal(last_clocks(&heard), REDUCE_CLOCKS);
    }
    heard = give(cancel_order(149, SIDE_BUY, 0)); /* it empties the level */
    assert_int_equal(last_clocks(&heard), CANCEL_CLOCKS);
}

static void fills_take_the_same_clocks_each(void **state) {
    (void)state;
    for (uint32_t slot = 200; slot < 205; slot++) (void)give(new_order(slot, SIDE_SELL, 2000));
    (void)give(new_order(205, SIDE_SELL, 3000));
    (void)give(new_order(206, SIDE_SELL, 40000));
    struct command sweep = new_order(207, SIDE_BUY, 40000);
    sweep.quantity = 70;
    struct heard heard = give(sweep);
    assert_int_equal(heard.count, 8);
    assert_int_equal(heard.events[0].clocks, ACCEPTED_CLOCKS);
    assert_int_equal(heard.events[1].clocks, FIRST_TRADE_CLOCKS);
    for (int i = 2; i < 4; i++)
        assert_int_equal(heard.events[i].clocks - heard.events[i - 1].clocks, FILL_CLOCKS);
    assert_int_equal(heard.events[6].clocks - heard.events[5].clocks, LEVEL_FILL_CLOCKS);
}

static void a_nop_costs_next_to_nothing(void **state) {
    (void)state;
    struct heard heard = give((struct command){ .opcode = OPCODE_NOP });
    assert_int_equal(last_clocks(&heard), NOP_CLOCKS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_takes_the_same_clocks_whatever_the_reason),
        cmocka_unit_test(adding_and_cancelling_take_the_same_clocks_however_full_the_level),
        cmocka_unit_test(fills_take_the_same_clocks_each),
        cmocka_unit_test(a_nop_costs_next_to_nothing),
    };
    return cmocka_run_group_tests_name("clocks", tests, open_market, close_market);
}
