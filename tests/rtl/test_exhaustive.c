/* test_exhaustive: every sequence of a few commands on one symbol with four levels and four orders.
 * The engine's invariants hold behind each of them (engine_check: lists whole, a bit set iff its
 * level holds orders, levels the sum of their orders, shares of an order conserved, no open book
 * crossed), and the Verilated card says what the engine says. */
#include "host/base/check.h"
#include "host/base/err.h"
#include "host/engine/engine.h"
#include "sim/model.h"
#include "sim/simlib.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#ifdef __SANITIZE_ADDRESS__
enum { DEPTH_ENGINE = 3, DEPTH_CARD = 2 };
#else
enum { DEPTH_ENGINE = 4, DEPTH_CARD = 3 };
#endif
enum { SLOTS = 4, LEVELS_USED = 4, BASE_E4 = 1000 };

/* What is done to the market; the next free slot is taken, the other slots' orders are named. */
static const struct kind {
    uint16_t flags;
    uint8_t quantity, shown;
} kinds[] = {
    { 0, 1, 0 },
    { 0, 2, 0 },
    { 0, 2, 1 }, /* an iceberg */
    { ORDER_IOC, 2, 0 },
    { ORDER_IOC | ORDER_FOK, 2, 0 },
    { ORDER_POST_ONLY, 1, 0 },
};
enum {
    KINDS = sizeof kinds / sizeof *kinds,
    ENTRIES = KINDS * 2 * LEVELS_USED,
    ALPHABET = ENTRIES + SLOTS + SLOTS * LEVELS_USED
};

struct order {
    bool live;
    uint32_t handle, total, executed, leaves;
    struct command entry;
};

struct market {
    struct engine *engine; /* one of the two */
    struct card *card;
    struct order orders[SLOTS];
    uint64_t commands;
};

/* Shares of an order's chain are executed, open or taken off, and no more. */
static void see(void *context, const struct event *event) {
    struct market *market = context;
    struct order *order = &market->orders[abi_slot(event->order) % SLOTS];
    switch (event->kind) {
    case KIND_ACCEPTED:
    case KIND_REPLACED:
        if (event->kind == KIND_ACCEPTED) order->executed = 0;
        order->handle = event->order;
        order->total = event->quantity;
        order->leaves = event->leaves;
        order->live = true;
        assert_int_equal(order->executed + order->leaves, order->total);
        break;
    case KIND_TRADE: {
        struct order *maker = &market->orders[abi_slot(event_maker(event)) % SLOTS];
        order->executed += event->quantity;
        order->leaves -= event->quantity;
        maker->executed += event->quantity;
        maker->leaves -= event->quantity;
        assert_int_equal(order->leaves, event->leaves);
        assert_int_equal(maker->leaves, event_maker_leaves(event));
        order->live = order->leaves > 0;
        maker->live = maker->leaves > 0;
        break;
    }
    case KIND_CANCELED:
        order->total -= event->quantity;
        order->leaves -= event->quantity;
        assert_int_equal(order->leaves, event->leaves);
        assert_int_equal(order->executed + order->leaves, order->total);
        order->live = order->leaves > 0;
        break;
    case KIND_REJECTED:
        fail_msg("a command is refused: %s", abi_reason_name(event->reason));
        break;
    default:
        break;
    }
}

static void give(struct market *market, const struct command *command) {
    market->commands++;
    if (market->engine) {
        engine_apply(market->engine, command, false, see, market);
        engine_check(market->engine);
        return;
    }
    assert_int_equal(card_push(market->card, command), 0);
    for (bool ended = false; !ended;) {
        struct event events[16];
        int got = card_poll(market->card, events, 16);
        if (got < 0) fail_msg("%s", err_text());
        for (int i = 0; i < got; i++) {
            see(market, &events[i]);
            ended = events[i].flags & EVENT_END;
        }
    }
}

static void row(struct market *market, uint8_t opcode, uint16_t account, uint8_t field,
                int64_t value) {
    struct command command = {
        .opcode = opcode, .account = account, .field = field, .value = value
    };
    give(market, &command);
}

static void open_market(struct market *market) {
    row(market, OPCODE_SYMBOL, 0, ROW_SYMBOL_TICK_E4, 1);
    row(market, OPCODE_SYMBOL, 0, ROW_SYMBOL_BASE_E4, BASE_E4);
    row(market, OPCODE_SYMBOL, 0, ROW_SYMBOL_REFERENCE, 1);
    row(market, OPCODE_SYMBOL, 0, ROW_SYMBOL_COLLAR, 60);
    row(market, OPCODE_SYMBOL, 0, ROW_SYMBOL_STATE, SYMBOL_STATE_OPEN);
    for (uint16_t account = 0; account < 2; account++) {
        row(market, OPCODE_ACCOUNT, account, ROW_ACCOUNT_CURRENCY, 840);
        row(market, OPCODE_ACCOUNT, account, ROW_ACCOUNT_QUANTITY_MAX, 99);
        row(market, OPCODE_ACCOUNT, account, ROW_ACCOUNT_NOTIONAL_MAX_E4, 999999);
        row(market, OPCODE_ACCOUNT, account, ROW_ACCOUNT_OPEN_MAX, 99);
        row(market, OPCODE_ACCOUNT, account, ROW_ACCOUNT_GROSS_MAX_E4, INT64_C(1) << 60);
        row(market, OPCODE_ACCOUNT, account, ROW_ACCOUNT_DAILY_MAX_E4, INT64_C(1) << 60);
        row(market, OPCODE_ACCOUNT, account, ROW_ACCOUNT_ENABLED, 1);
        row(market, OPCODE_CREDIT, account, 0, INT64_C(1) << 60);
        row(market, OPCODE_POSITION, account, ROW_POSITION_LONG_MAX, INT64_C(1) << 45);
        row(market, OPCODE_POSITION, account, ROW_POSITION_SHORT_MAX, INT64_C(1) << 45);
        row(market, OPCODE_POSITION, account, ROW_POSITION_LOCATE, INT64_C(1) << 45);
    }
    give(market, &(struct command){ .opcode = OPCODE_KILL, .mode = MODE_RELEASE });
}

/* letter makes a command of a letter of the alphabet; false if there is no order or slot for it. */
static bool letter(const struct market *market, unsigned number, struct command *command) {
    *command = (struct command){ 0 };
    if (number < ENTRIES) {
        const struct kind *kind = &kinds[number % KINDS];
        uint32_t slot = 0;
        while (slot < SLOTS && market->orders[slot].live) slot++;
        if (slot == SLOTS) return false;
        uint32_t generation = abi_generation_next(abi_generation(market->orders[slot].handle));
        *command = (struct command){ .opcode = OPCODE_NEW,
                                     .order = abi_handle(slot, generation),
                                     .account = slot % 2,
                                     .side = number / KINDS % 2,
                                     .price_e4 = BASE_E4 + number / KINDS / 2,
                                     .quantity = kind->quantity,
                                     .shown = kind->shown,
                                     .flags = kind->flags };
        return true;
    }
    number -= ENTRIES;
    bool change = number >= SLOTS;
    const struct order *order = &market->orders[change ? (number - SLOTS) % SLOTS : number];
    if (!order->live) return false;
    *command = order->entry;
    command->order = order->handle;
    command->opcode = change ? OPCODE_REPLACE : OPCODE_CANCEL;
    if (change) {
        command->price_e4 = BASE_E4 + (number - SLOTS) / SLOTS;
        command->quantity = order->executed + 2;
    }
    return true;
}

static void play(struct market *market, uint64_t sequence, unsigned depth) {
    static const struct command sweep = { .opcode = OPCODE_SWEEP };
    for (unsigned at = 0; at < depth; at++, sequence /= ALPHABET) {
        struct command command;
        if (!letter(market, (unsigned)(sequence % ALPHABET), &command)) break;
        struct order *order = &market->orders[abi_slot(command.order)];
        if (command.opcode == OPCODE_NEW)
            order->entry = (struct command){ .account = command.account, .side = command.side };
        give(market, &command);
    }
    give(market, &sweep);
    for (unsigned slot = 0; slot < SLOTS; slot++) assert_false(market->orders[slot].live);
}

static void every_sequence(struct market *market, unsigned depth) {
    uint64_t count = 1;
    for (unsigned i = 0; i < depth; i++) count *= ALPHABET;
    open_market(market);
    for (uint64_t sequence = 0; sequence < count; sequence++) play(market, sequence, depth);
    print_message("%llu sequences of %u commands, %llu commands in all\n",
                  (unsigned long long)count, depth, (unsigned long long)market->commands);
}

static void the_engine_keeps_its_invariants(void **state) {
    (void)state;
    static const struct card_size size = { 2, 2, SLOTS, 64 };
    struct market market = { .engine = engine_new(&size) };
    assert_non_null(market.engine);
    every_sequence(&market, DEPTH_ENGINE);
    engine_delete(market.engine);
}

static void the_card_says_the_same(void **state) {
    (void)state;
    size_t count;
    struct simlib_options options = { .size = model_sizes(&count)[1], .seed = 1 };
    struct market market = { .engine = NULL };
    assert_int_equal(simlib_open(&options, &market.card), 0);
    every_sequence(&market, DEPTH_CARD);
    card_close(market.card);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_engine_keeps_its_invariants),
        cmocka_unit_test(the_card_says_the_same),
    };
    return cmocka_run_group_tests_name("exhaustive", tests, NULL, NULL);
}
