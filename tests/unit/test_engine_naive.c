/* test_engine_naive: the engine against a model that is written from the law and shares nothing
 * with it (naive.h): random commands of all kinds on a small card, prices and quantities so small
 * that everything collides, compared event by event; then every row. SEED draws others. */
#include "host/base/random.h"
#include "host/engine/engine.h"
#include "tests/unit/naive.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum {
    WORLDS = 40,
    WORLD_COMMANDS = 5000,
    CHECK_EVERY = 1000,
};
/* limits that nothing here reaches */
static const int64_t NOTIONAL_FAR = INT64_C(1) << 48, SHARES_FAR = INT64_C(1) << 30;
static_assert(WORLDS * WORLD_COMMANDS == 200000, "as many as the text below says");

static const struct card_size size = { NAIVE_SYMBOLS, NAIVE_ACCOUNTS, NAIVE_ORDERS, NAIVE_LEVELS };

static struct random draw;
static struct naive naive;
static struct engine *engine;
static struct event said[NAIVE_EVENTS];
static uint32_t said_count;
static uint64_t seen_kind[256], seen_reason[256], verdicts[16][2], uncrossed;

static uint32_t below(uint32_t bound) { return (uint32_t)random_below(&draw, bound); }

static bool one_in(uint32_t count) { return below(count) == 0; }

static int64_t between(int64_t low, int64_t high) {
    return low + (int64_t)random_below(&draw, (uint64_t)(high - low) + 1);
}

/* ---- commands */

enum { ACCOUNTS = 5, SESSIONS = 3 }; /* those that trade; three firms, two of two accounts */

static uint16_t any_symbol(void) {
    static const uint16_t often[] = { 0, 0, 0, 0, 0, 1, 1, 1, 2, 3 };
    return often[below(10)];
}

static uint16_t any_account(void) { return (uint16_t)below(ACCOUNTS); }

/* A price near the reference: on both sides of the edges of a small collar. */
static uint32_t any_price(uint16_t symbol) {
    const int64_t *row = naive.symbols[symbol];
    int64_t level = row[ROW_SYMBOL_REFERENCE] >= 0 ? row[ROW_SYMBOL_REFERENCE] : NAIVE_LEVELS / 2;
    level += between(-4, 4);
    if (one_in(12)) level += between(-8, 8);
    if (one_in(60)) level = one_in(2) ? between(-2, 2) : NAIVE_LEVELS - 1 + between(-2, 2);
    int64_t price_e4 = row[ROW_SYMBOL_BASE_E4] + level * row[ROW_SYMBOL_TICK_E4];
    if (one_in(100)) price_e4 += between(-1, 1);
    return price_e4 < 0 ? 0 : (uint32_t)price_e4;
}

static uint32_t any_quantity(uint16_t symbol) {
    uint32_t quantity = one_in(50) ? below(40) : 1 + below(12);
    uint32_t lot = (uint32_t)naive.symbols[symbol][ROW_SYMBOL_LOT];
    return one_in(20) ? quantity : (quantity + lot - 1) / lot * lot;
}

/* any_kind gives an order flags and the parts that go with them, now and then ones that do not. */
static void any_kind(struct command *c) {
    bool auction = c->symbol < NAIVE_SYMBOLS &&
                   naive.symbols[c->symbol][ROW_SYMBOL_STATE] == SYMBOL_STATE_AUCTION;
    switch (auction && !one_in(8) ? 6 + below(8) : below(14)) {
    case 0:
        c->flags = ORDER_IOC;
        break;
    case 1:
        c->flags = ORDER_IOC | ORDER_MARKET;
        break;
    case 2:
        c->flags = ORDER_IOC | ORDER_FOK;
        break;
    case 3:
        c->flags = (uint16_t)(ORDER_IOC | ORDER_FOK | (one_in(2) ? ORDER_MARKET : 0));
        break;
    case 4:
        c->flags = (uint16_t)(ORDER_IOC | (one_in(3) ? ORDER_MARKET : 0));
        c->quantity_min = below(c->quantity + (one_in(10) ? 2 : 1));
        break;
    case 5:
        c->flags = ORDER_POST_ONLY;
        break;
    case 6:
    case 7:
    case 8:
        c->shown = 1 + below(c->quantity < 2 ? 1 : c->quantity < 5 ? c->quantity - 1 : 4);
        if (one_in(40)) c->quantity = c->shown * 256 + below(2);
        if (!auction && one_in(8)) c->flags = ORDER_POST_ONLY;
        break;
    default:
        break;
    }
    if (c->flags & ORDER_MARKET) c->price_e4 = 0;
    if (one_in(80)) c->flags ^= (uint16_t)(1u << below(16));
    if (one_in(80)) c->shown = below(20);
    if (one_in(80)) c->quantity_min = below(3);
    if (one_in(80)) c->price_e4 = one_in(2) ? 0 : (uint32_t)random_next(&draw);
    if (one_in(2)) c->self_trade = (uint8_t)below(one_in(40) ? 7 : 5);
}

/* aim moves an order to the touch of the other side, and lets it ask for just what is there. */
static void aim(struct command *c) {
    if (c->symbol >= NAIVE_SYMBOLS || (c->flags & ORDER_MARKET) || one_in(2)) return;
    const struct naive_order *touch = naive_best(&naive, c->symbol, !c->side);
    if (!touch) return;
    int64_t ticks = between(-1, 1) * naive.symbols[c->symbol][ROW_SYMBOL_TICK_E4];
    c->price_e4 = (uint32_t)(touch->price_e4 + ticks);
    if (!(c->flags & (ORDER_IOC | ORDER_FOK)) || one_in(2)) return;
    int64_t there = naive_uncross_shares(&naive, c->symbol, !c->side, c->price_e4) + between(-1, 1);
    if (there < 1) return;
    if (c->flags & ORDER_FOK) c->quantity = (uint32_t)there;
    if (c->quantity_min > 0 && there <= c->quantity) c->quantity_min = (uint32_t)there;
}

static uint32_t next_handle(uint32_t slot) {
    return abi_handle(slot, abi_generation_next(naive.orders[slot].generation));
}

/* any_of_order names a resting order, if there is one, for CANCEL and REPLACE. */
static struct command any_of_order(uint8_t opcode) {
    uint32_t slot = below(NAIVE_ORDERS);
    for (int tries = 0; !naive.orders[slot].rests && tries < NAIVE_ORDERS; tries++)
        slot = (slot + 1) % NAIVE_ORDERS;
    const struct naive_order *o = &naive.orders[slot];
    struct command c = {
        .opcode = opcode,
        .side = o->side,
        .symbol = o->symbol,
        .account = o->account,
        .session = o->session,
        .order = abi_handle(slot, o->generation),
        .quantity = o->executed + below(o->leaves + 3),
    };
    if (one_in(10)) c.quantity = below(o->executed + 1);
    if (opcode == OPCODE_REPLACE && c.quantity == 0) c.quantity = 1;
    if (opcode == OPCODE_REPLACE) {
        if (one_in(3)) c.quantity = o->executed + any_quantity(o->symbol);
        c.price_e4 = any_price(o->symbol);
        c.client_ref = (uint32_t)random_next(&draw);
        any_kind(&c);
    }
    if (one_in(60)) c.side ^= 1;
    if (one_in(60)) c.account = (uint16_t)below(10);
    if (one_in(60)) c.session = (uint16_t)below(10);
    if (one_in(60)) c.symbol = (uint16_t)below(5);
    if (one_in(60)) c.order ^= 1u << below(32);
    return c;
}

static struct command any_sweep(void) {
    struct command c = { .opcode = OPCODE_SWEEP, .mode = (uint8_t)below(one_in(20) ? 256 : 32) };
    if (one_in(2)) c.mode |= FILTER_ACCOUNT | FILTER_SYMBOL; /* most sweeps leave some */
    if (c.mode & FILTER_SESSION) c.session = (uint16_t)below(SESSIONS);
    if (c.mode & FILTER_FIRM) c.firm = (uint16_t)below(3);
    if (c.mode & FILTER_ACCOUNT) c.account = any_account();
    if (c.mode & FILTER_SYMBOL) c.symbol = any_symbol();
    if (c.mode & FILTER_SIDE) c.side = (uint8_t)below(2);
    if (one_in(20)) c.session = (uint16_t)below(10);
    if (one_in(20)) c.firm = (uint16_t)below(10);
    if (one_in(20)) c.account = (uint16_t)below(10);
    if (one_in(20)) c.symbol = (uint16_t)below(6);
    return c;
}

static struct command any_new(void) {
    uint32_t slot = below(NAIVE_ORDERS);
    for (int tries = 0; naive.orders[slot].rests && tries < NAIVE_ORDERS; tries++)
        slot = (slot + 1) % NAIVE_ORDERS;
    if (naive.orders[slot].rests && !one_in(8))
        return one_in(4) ? any_sweep() : any_of_order(one_in(2) ? OPCODE_CANCEL : OPCODE_REPLACE);
    struct command c = {
        .opcode = OPCODE_NEW,
        .side = (uint8_t)below(2),
        .symbol = any_symbol(),
        .account = any_account(),
        .session = (uint16_t)below(SESSIONS),
        .order = next_handle(slot),
        .client_ref = (uint32_t)random_next(&draw),
    };
    c.price_e4 = any_price(c.symbol);
    c.quantity = any_quantity(c.symbol);
    any_kind(&c);
    aim(&c);
    const struct command *last = &naive.last_new[c.account];
    if (last->opcode != 0 && one_in(10)) { /* again, or nearly */
        c.symbol = last->symbol;
        c.side = last->side;
        c.price_e4 = last->price_e4;
        c.quantity = last->quantity;
        c.flags = last->flags;
        if (one_in(4)) c.symbol = any_symbol();
    }
    if (one_in(60)) c.order = (uint32_t)random_next(&draw) & 0xfff000ff;
    if (one_in(200)) c.symbol = (uint16_t)below(8);
    if (one_in(100)) c.account = (uint16_t)below(10);
    if (one_in(200)) c.session = (uint16_t)below(10);
    return c;
}

static struct command any_uncross(void) {
    uint16_t symbol = any_symbol();
    for (uint16_t i = 0; i < NAIVE_SYMBOLS; i++)
        if (naive.symbols[i][ROW_SYMBOL_STATE] == SYMBOL_STATE_AUCTION && !one_in(3)) symbol = i;
    struct command c = {
        .opcode = OPCODE_UNCROSS,
        .symbol = symbol,
        .price_e4 = any_price(symbol),
        .value = naive.symbols[symbol][ROW_SYMBOL_LAST_EVENT],
    };
    if (one_in(20)) c.value += between(-2, 2);
    if (one_in(50)) c.symbol = (uint16_t)below(8);
    return c;
}

static struct command any_symbol_row(void) {
    struct command c = { .opcode = OPCODE_SYMBOL, .symbol = any_symbol() };
    const int64_t *row = naive.symbols[c.symbol];
    static const uint8_t states[] = { 2, 2, 2, 2, 2, 1, 1, 1, 1, 3, 0 };
    switch (below(12)) {
    case 0:
    case 1:
        c.field = ROW_SYMBOL_BASE_E4;
        c.value = row[ROW_SYMBOL_BASE_E4] + between(-20, 20) * row[ROW_SYMBOL_TICK_E4];
        if (one_in(8)) c.value += between(-3, 3);
        break;
    case 2:
        c.field = ROW_SYMBOL_TICK_E4;
        c.value = 1 + below(10);
        break;
    case 3:
        c.field = ROW_SYMBOL_LOT;
        c.value = one_in(5) ? 1 + below(3) : 1;
        break;
    case 4:
    case 5:
        c.field = ROW_SYMBOL_REFERENCE;
        c.value = one_in(6) ? between(-2, NAIVE_LEVELS) : row[ROW_SYMBOL_REFERENCE];
        c.value += between(-2, 2);
        break;
    case 6:
        c.field = ROW_SYMBOL_COLLAR;
        c.value = one_in(6) ? between(-1, NAIVE_LEVELS) : between(2, 9);
        break;
    default:
        c.field = ROW_SYMBOL_STATE;
        c.value = states[below(sizeof states)];
        break;
    }
    if (one_in(40)) c.field = (uint8_t)below(10);
    return c;
}

/* near sets a limit a little above or below what is used; most limits are far away. */
static int64_t near(int64_t used, int64_t more, int64_t far) {
    int64_t value = one_in(4) ? used + between(-more, 2 * more) : far;
    return value < 0 ? 0 : value;
}

/* near_notional leaves room for exactly the account's last order, or not quite, or about that. */
static int64_t near_notional(uint16_t account, int64_t used_e4) {
    const struct command *last = &naive.last_new[account];
    int64_t room_e4 = (int64_t)last->price_e4 * last->quantity;
    return one_in(6) ? used_e4 + room_e4 - below(2) : near(used_e4, 20000, NOTIONAL_FAR);
}

static struct command any_account_row(void) {
    struct command c = { .opcode = OPCODE_ACCOUNT, .account = any_account() };
    struct naive_sum open = naive_sum(&naive, c.account, NAIVE_ANY, NAIVE_ANY, NULL);
    const int64_t *row = naive.accounts[c.account];
    int64_t values[NAIVE_FIELDS] = {
        [ROW_ACCOUNT_ENABLED] = !one_in(4),
        [ROW_ACCOUNT_FIRM] = below(3),
        [ROW_ACCOUNT_CURRENCY] = one_in(4) ? 0 : 840,
        [ROW_ACCOUNT_QUANTITY_MAX] = one_in(4) ? below(12) : LIMIT_QUANTITY_MAX,
        [ROW_ACCOUNT_NOTIONAL_MAX_E4] = near_notional(c.account, 0),
        [ROW_ACCOUNT_RATE_INTERVAL_NS] = one_in(3) ? below(20) : 0,
        [ROW_ACCOUNT_RATE_BURST_NS] = below(60),
        [ROW_ACCOUNT_DUPLICATE_NS] = one_in(2) ? below(20) : 0,
        [ROW_ACCOUNT_OPEN_MAX] = one_in(3) ? open.orders + below(3) : NAIVE_ORDERS,
        [ROW_ACCOUNT_GROSS_MAX_E4] = near_notional(c.account, open.notional_e4),
        [ROW_ACCOUNT_DAILY_MAX_E4] =
            near_notional(c.account, row[ROW_ACCOUNT_TRADED_E4] + open.notional_e4),
        [ROW_ACCOUNT_TRADED_E4] = one_in(2) ? 0 : below(100000),
        [ROW_ACCOUNT_SELF_TRADE] = one_in(2) ? 0 : below(5),
    };
    c.field = (uint8_t)(1 + below(19));
    c.value = values[c.field];
    if (one_in(40)) c.field = (uint8_t)below(22);
    return c;
}

static struct command any_position_row(void) {
    struct command c = {
        .opcode = OPCODE_POSITION,
        .symbol = any_symbol(),
        .account = any_account(),
        .field = (uint8_t)(1 + below(7)),
    };
    const int64_t *row = naive.positions[c.account][c.symbol];
    int64_t buys = naive_sum(&naive, c.account, c.symbol, SIDE_BUY, NULL).shares;
    int64_t sells = naive_sum(&naive, c.account, c.symbol, SIDE_SELL, NULL).shares;
    int64_t values[NAIVE_FIELDS] = {
        [ROW_POSITION_NET] = between(-20, 20),
        [ROW_POSITION_LONG_MAX] = near(row[ROW_POSITION_NET] + buys, 10, SHARES_FAR),
        [ROW_POSITION_SHORT_MAX] = near(sells - row[ROW_POSITION_NET], 10, SHARES_FAR),
        [ROW_POSITION_LOCATE] = near(sells - row[ROW_POSITION_NET], 10, SHARES_FAR),
        [ROW_POSITION_RESTRICTION] = one_in(3) ? below(9) : 0,
    };
    c.value = values[c.field];
    if (one_in(40)) c.field = (uint8_t)below(10);
    return c;
}

static struct command any_credit(void) {
    struct command c = { .opcode = OPCODE_CREDIT, .account = any_account() };
    int64_t have_e4 = naive_buying_power_e4(&naive, c.account, NULL);
    switch (below(6)) {
    case 0:
        c.value = between(0, 20000) - have_e4; /* leaves little */
        break;
    case 1:
        c.value = -have_e4 - between(-1, 1);
        break;
    case 2:
        c.value = INT64_MAX - naive.cash_e4[c.account];
        if (one_in(2) && c.value < INT64_MAX) c.value++;
        break;
    default:
        c.value = between(0, INT64_C(1) << (one_in(2) ? 15 : 40));
        break;
    }
    if (one_in(30)) c.account = (uint16_t)below(10);
    if (one_in(30)) c.value = (int64_t)random_next(&draw);
    return c;
}

static struct command any_kill(void) {
    static const uint8_t tables[] = { TABLE_ENGINE, TABLE_FIRM, TABLE_ACCOUNT, TABLE_SESSION };
    struct command c = {
        .opcode = OPCODE_KILL,
        .field = tables[below(4)],
        .mode = one_in(3) ? MODE_KILL : MODE_RELEASE,
    };
    if (c.field == TABLE_FIRM) c.firm = (uint16_t)below(3);
    if (c.field == TABLE_ACCOUNT) c.account = any_account();
    if (c.field == TABLE_SESSION) c.session = (uint16_t)below(SESSIONS);
    if (one_in(20)) c.field = (uint8_t)below(9);
    if (one_in(20)) c.firm = (uint16_t)below(10);
    if (one_in(10)) c.origin = (uint8_t)below(3);
    return c;
}

static struct command any_query(void) {
    struct command c = { .opcode = OPCODE_QUERY, .field = (uint8_t)below(one_in(20) ? 9 : 7) };
    bool loose = one_in(20);
    bool symbol = c.field == TABLE_SYMBOL || c.field == TABLE_POSITION;
    bool account = c.field == TABLE_ACCOUNT || c.field == TABLE_POSITION;
    if (symbol || loose) c.symbol = (uint16_t)below(loose ? 6 : 4);
    if (account || loose) c.account = (uint16_t)below(loose ? 10 : 8);
    if (c.field == TABLE_ORDER) c.order = below(loose ? 40 : NAIVE_ORDERS);
    if (c.field == TABLE_FIRM) c.firm = (uint16_t)below(8);
    if (c.field == TABLE_SESSION) c.session = (uint16_t)below(8);
    return c;
}

/* repair opens again a way that the last commands have closed; none may stay closed for long. */
static bool repair(struct command *c) {
    uint16_t account = any_account(), symbol = any_symbol();
    const int64_t *row = naive.symbols[symbol];
    *c = (struct command){ .opcode = OPCODE_KILL, .mode = MODE_RELEASE };
    if (naive.engine[ROW_ENGINE_KILLED]) return true;
    uint16_t firm = (uint16_t)below(3), session = (uint16_t)below(SESSIONS);
    if (naive.firms[firm][ROW_FIRM_KILLED]) {
        c->field = TABLE_FIRM;
        c->firm = firm;
        return true;
    }
    if (naive.sessions[session][ROW_SESSION_KILLED]) {
        c->field = TABLE_SESSION;
        c->session = session;
        return true;
    }
    if (naive.accounts[account][ROW_ACCOUNT_KILLED]) {
        c->field = TABLE_ACCOUNT;
        c->account = account;
        return true;
    }
    *c = (struct command){ .opcode = OPCODE_SYMBOL, .symbol = symbol };
    if (row[ROW_SYMBOL_REFERENCE] < 0) {
        c->field = ROW_SYMBOL_REFERENCE;
        c->value = between(0, NAIVE_LEVELS - 1);
        return true;
    }
    if (row[ROW_SYMBOL_STATE] == SYMBOL_STATE_HALTED ||
        row[ROW_SYMBOL_STATE] == SYMBOL_STATE_CLOSED) {
        c->field = ROW_SYMBOL_STATE;
        c->value = naive_crossed(&naive, symbol) ? SYMBOL_STATE_AUCTION : SYMBOL_STATE_OPEN;
        return true;
    }
    *c = (struct command){ .opcode = OPCODE_ACCOUNT, .account = account };
    c->field = ROW_ACCOUNT_ENABLED;
    c->value = 1;
    if (!naive.accounts[account][ROW_ACCOUNT_ENABLED]) return true;
    c->field = ROW_ACCOUNT_CURRENCY;
    c->value = 840;
    return naive.accounts[account][ROW_ACCOUNT_CURRENCY] == 0;
}

static struct command any_command(void) {
    struct command c;
    if (one_in(5) && repair(&c)) return c;
    uint32_t which = below(100);
    if (which < 50) return any_new();
    if (which < 58) return any_of_order(OPCODE_CANCEL);
    if (which < 71) return any_of_order(OPCODE_REPLACE);
    if (which < 72) return any_sweep();
    if (which < 77) return any_uncross();
    if (which < 84) return any_symbol_row();
    if (which < 89) return any_account_row();
    if (which < 93) return any_position_row();
    if (which < 95) return any_credit();
    if (which < 97) return any_kill();
    if (which < 99) return any_query();
    return (struct command){ .opcode = OPCODE_NOP };
}

/* ---- both sides */

static void keep(void *context, const struct event *event) {
    (void)context;
    assert_true(said_count < NAIVE_EVENTS);
    said[said_count++] = *event;
}

static void differ(const struct command *command, uint32_t at) {
    char asked[ABI_TEXT_BYTES], have[ABI_TEXT_BYTES] = "nothing", want[ABI_TEXT_BYTES] = "nothing";
    if (at < said_count) abi_event_text(&said[at], have);
    if (at < naive.event_count) abi_event_text(&naive.events[at], want);
    fail_msg("command %" PRIu64 ", %s, event %u:\n  engine  %s\n  law     %s", naive.commands,
             abi_command_text(command, asked), at, have, want);
}

/* apply gives both the same command and compares what they say. */
static void apply(const struct command *command, bool trusted) {
    said_count = 0;
    engine_apply(engine, command, trusted, keep, NULL);
    naive_apply(&naive, command, trusted);
    for (uint32_t i = 0; i < said_count && i < naive.event_count; i++)
        if (!abi_event_equal(&said[i], &naive.events[i])) differ(command, i);
    if (said_count != naive.event_count)
        differ(command, said_count < naive.event_count ? said_count : naive.event_count);
    for (uint32_t i = 0; i < said_count; i++) {
        seen_kind[said[i].kind]++;
        seen_reason[said[i].reason]++;
    }
    if (command->opcode < 16) verdicts[command->opcode][said[0].kind == KIND_REJECTED]++;
    if (command->opcode == OPCODE_UNCROSS && said_count > 1) uncrossed++;
}

static void set(uint8_t opcode, uint32_t symbol, uint32_t account, uint8_t field, int64_t value) {
    const struct command c = { .opcode = opcode,
                               .symbol = (uint16_t)symbol,
                               .account = (uint16_t)account,
                               .field = field,
                               .value = value };
    apply(&c, false);
    assert_int_not_equal(said[0].kind, KIND_REJECTED);
}

static void set_up(void) {
    static const struct {
        int64_t tick_e4, base_e4, reference;
    } symbols[NAIVE_SYMBOLS] = {
        { 10, 1000, 32 },
        { 1, 0, 4 },                         /* down to a price of 0 */
        { 7, LIMIT_PRICE_E4_MAX - 280, 38 }, /* level 40 is the last one with a price of 31 bits */
        { 5, 1160, 32 },                     /* prices that symbol 0 has too */
    };
    for (uint32_t i = 0; i < NAIVE_SYMBOLS; i++) {
        set(OPCODE_SYMBOL, i, 0, ROW_SYMBOL_TICK_E4, symbols[i].tick_e4);
        set(OPCODE_SYMBOL, i, 0, ROW_SYMBOL_BASE_E4, symbols[i].base_e4);
        set(OPCODE_SYMBOL, i, 0, ROW_SYMBOL_REFERENCE, symbols[i].reference);
        set(OPCODE_SYMBOL, i, 0, ROW_SYMBOL_COLLAR, 6);
        set(OPCODE_SYMBOL, i, 0, ROW_SYMBOL_STATE, SYMBOL_STATE_OPEN);
    }
    for (uint32_t i = 0; i < ACCOUNTS; i++) {
        set(OPCODE_ACCOUNT, 0, i, ROW_ACCOUNT_CURRENCY, 840);
        set(OPCODE_ACCOUNT, 0, i, ROW_ACCOUNT_FIRM, i / 2);
        set(OPCODE_ACCOUNT, 0, i, ROW_ACCOUNT_QUANTITY_MAX, LIMIT_QUANTITY_MAX);
        set(OPCODE_ACCOUNT, 0, i, ROW_ACCOUNT_NOTIONAL_MAX_E4, NOTIONAL_FAR);
        set(OPCODE_ACCOUNT, 0, i, ROW_ACCOUNT_OPEN_MAX, NAIVE_ORDERS);
        set(OPCODE_ACCOUNT, 0, i, ROW_ACCOUNT_GROSS_MAX_E4, NOTIONAL_FAR);
        set(OPCODE_ACCOUNT, 0, i, ROW_ACCOUNT_DAILY_MAX_E4, NOTIONAL_FAR);
        set(OPCODE_ACCOUNT, 0, i, ROW_ACCOUNT_ENABLED, 1);
        set(OPCODE_CREDIT, 0, i, 0, INT64_C(1) << 40);
        for (uint32_t s = 0; s < NAIVE_SYMBOLS; s++)
            for (uint8_t field = ROW_POSITION_LONG_MAX; field <= ROW_POSITION_LOCATE; field++)
                set(OPCODE_POSITION, s, i, field, SHARES_FAR);
    }
}

/* compare_rows asks both for every row there is. */
static void compare_rows(void) {
    static const struct {
        uint8_t table;
        uint32_t rows;
    } tables[] = {
        { TABLE_ENGINE, 1 },
        { TABLE_SYMBOL, NAIVE_SYMBOLS },
        { TABLE_ACCOUNT, NAIVE_ACCOUNTS },
        { TABLE_POSITION, NAIVE_ACCOUNTS * NAIVE_SYMBOLS },
        { TABLE_ORDER, NAIVE_ORDERS },
        { TABLE_FIRM, NAIVE_ACCOUNTS },
        { TABLE_SESSION, NAIVE_ACCOUNTS },
    };
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (uint32_t row = 0; row < tables[t].rows; row++) {
            struct command c = { .opcode = OPCODE_QUERY, .field = tables[t].table };
            if (c.field == TABLE_SYMBOL) c.symbol = (uint16_t)row;
            if (c.field == TABLE_ACCOUNT) c.account = (uint16_t)row;
            if (c.field == TABLE_ORDER) c.order = row;
            if (c.field == TABLE_FIRM) c.firm = (uint16_t)row;
            if (c.field == TABLE_SESSION) c.session = (uint16_t)row;
            if (c.field == TABLE_POSITION) {
                c.symbol = (uint16_t)(row % NAIVE_SYMBOLS);
                c.account = (uint16_t)(row / NAIVE_SYMBOLS);
            }
            apply(&c, false);
        }
}

static void world_run(uint64_t world) {
    naive_reset(&naive);
    engine_reset(engine);
    set_up();
    uint64_t stamp_ns = world % 8 == 7 ? INT64_MAX - 3000 : 0; /* past the last TAT */
    for (uint32_t i = 1; i <= WORLD_COMMANDS; i++) {
        struct command c = any_command();
        stamp_ns += one_in(20) ? below(100) : below(4);
        c.stamp_ns = one_in(30) ? stamp_ns - below(10) : stamp_ns;
        if (one_in(300)) ((uint8_t *)&c)[8 + below(56)] ^= (uint8_t)(1u << below(8));
        apply(&c, one_in(2));
        if (i % CHECK_EVERY != 0) continue;
        engine_check(engine);
        compare_rows();
    }
}

static void random_commands_do_what_the_law_says(void **state) {
    (void)state;
    const char *text = getenv("SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 1;
    print_message("seed %" PRIu64 "\n", seed);
    draw = random_seeded(seed);
    engine = engine_new(&size);
    assert_non_null(engine);
    for (uint64_t world = 0; world < WORLDS; world++) world_run(world);
    engine_delete(engine);
    for (unsigned opcode = OPCODE_NOP; opcode <= OPCODE_ALERT; opcode++)
        print_message("%-8s  %6" PRIu64 " taken  %6" PRIu64 " refused\n", abi_opcode_name(opcode),
                      verdicts[opcode][0], verdicts[opcode][1]);
    print_message("%" PRIu64 " trades, %" PRIu64 " new parts of icebergs, %" PRIu64
                  " auctions that traded\n",
                  seen_kind[KIND_TRADE], seen_kind[KIND_RESTATED], uncrossed);
}

/* After the run: a kind or a reason that never came up is a rule that was not tried. */
static void every_kind_and_reason_came_up(void **state) {
    (void)state;
#define CODE(group, name, number, meaning)                                                     \
    if (strcmp(#group, "KIND") == 0 && (number) != KIND_ALERT && seen_kind[(number)&0xff] < 5) \
        fail_msg("hardly seen: %s", #name);                                                    \
    if (strcmp(#group, "REASON") == 0 && seen_reason[(number)&0xff] < 5)                       \
        fail_msg("hardly seen: %s", #name);
#define LIMIT(name, number, meaning)
#define USE(opcode, part)
#define FLAG(group, name, bit, built, meaning)
#include "driver/abi/codes.def"
#undef CODE
#undef LIMIT
#undef USE
#undef FLAG
    assert_true(uncrossed >= 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_commands_do_what_the_law_says),
        cmocka_unit_test(every_kind_and_reason_came_up),
    };
    return cmocka_run_group_tests_name("engine_naive", tests, NULL, NULL);
}
