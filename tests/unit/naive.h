/* naive: the law of the engine (design, section 5) done the slow way: one array of orders that is
 * walked for everything, no levels, no bitmap, no sum that a walk can give. What the books and
 * limits say is in the rows as they were set, in the orders, and in the money that came and went.
 */
#ifndef TESTS_UNIT_NAIVE_H
#define TESTS_UNIT_NAIVE_H

#include "driver/abi/abi.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef __int128 naive_wide;

enum {
    NAIVE_SYMBOLS = 4,
    NAIVE_ACCOUNTS = 8,
    NAIVE_ORDERS = 32,
    NAIVE_LEVELS = 64,
    NAIVE_FIELDS = 20,
    NAIVE_EVENTS = 4096,
    NAIVE_ANY = -1,
    NAIVE_NOBODY = -1,
};

struct naive_order {
    bool rests;
    uint8_t side;
    uint16_t session, account, symbol;
    uint32_t generation, price_e4, executed, leaves, shown, displayed, client_ref;
    uint64_t queued; /* the smaller, the older */
};

struct naive {
    uint64_t commands, number, stamp_ns, queued;
    int64_t engine[NAIVE_FIELDS]; /* rows, by the field's number */
    int64_t symbols[NAIVE_SYMBOLS][NAIVE_FIELDS];
    int64_t accounts[NAIVE_ACCOUNTS][NAIVE_FIELDS];
    int64_t positions[NAIVE_ACCOUNTS][NAIVE_SYMBOLS][NAIVE_FIELDS];
    int64_t firms[NAIVE_ACCOUNTS][NAIVE_FIELDS];
    int64_t sessions[NAIVE_ACCOUNTS][NAIVE_FIELDS];
    int64_t cash_e4[NAIVE_ACCOUNTS]; /* credited, less what buys have paid */
    struct command last_new[NAIVE_ACCOUNTS];
    uint64_t last_new_ns[NAIVE_ACCOUNTS];
    struct naive_order orders[NAIVE_ORDERS];

    const struct command *command; /* the one that is carried out, and what was said of it */
    bool by_card;
    struct event events[NAIVE_EVENTS];
    uint32_t event_count;
};

static inline void naive_reset(struct naive *naive) {
    memset(naive, 0, sizeof *naive);
    naive->engine[ROW_ENGINE_KILLED] = 1;
    for (int i = 0; i < NAIVE_SYMBOLS; i++) {
        naive->symbols[i][ROW_SYMBOL_LOT] = 1;
        naive->symbols[i][ROW_SYMBOL_REFERENCE] = -1;
    }
}

/* ---- what is said */

static inline void naive_say(struct naive *naive, struct event event) {
    assert(naive->event_count < NAIVE_EVENTS);
    event.number = ++naive->number;
    event.command = naive->commands;
    event.stamp_ns = naive->stamp_ns;
    if (naive->by_card) event.flags |= EVENT_CARD;
    bool row = event.kind == KIND_SET || event.kind == KIND_STATE;
    bool of_order = event.kind == KIND_ACCEPTED || event.kind == KIND_REPLACED ||
                    event.kind == KIND_CANCELED || event.kind == KIND_TRADE ||
                    event.kind == KIND_RESTATED;
    if (of_order || (row && event.table == TABLE_SYMBOL))
        naive->symbols[event.symbol][ROW_SYMBOL_LAST_EVENT] = (int64_t)event.number;
    naive->events[naive->event_count++] = event;
}

static inline struct event naive_of_order(const struct naive *naive,
                                          const struct naive_order *order, uint8_t kind) {
    return (struct event){
        .kind = kind,
        .flags = order->side == SIDE_SELL ? EVENT_SELL : 0,
        .symbol = order->symbol,
        .account = order->account,
        .order = abi_handle((uint32_t)(order - naive->orders), order->generation),
        .leaves = order->leaves,
        .price_e4 = order->price_e4,
        .session = order->session,
    };
}

static inline void naive_say_canceled(struct naive *naive, const struct naive_order *order,
                                      uint8_t reason, uint32_t quantity) {
    struct event event = naive_of_order(naive, order, KIND_CANCELED);
    event.reason = reason;
    event.quantity = quantity;
    naive_say(naive, event);
}

static inline void naive_say_row(struct naive *naive, uint8_t kind, uint8_t table, uint8_t field,
                                 int64_t value) {
    const struct command *command = naive->command;
    naive_say(naive, (struct event){
                         .kind = kind,
                         .symbol = command->symbol,
                         .account = table == TABLE_FIRM ? command->firm : command->account,
                         .order = command->order,
                         .value = value,
                         .session = command->session,
                         .table = table,
                         .field = field,
                     });
}

/* ---- what a walk over the orders gives */

struct naive_sum {
    int64_t orders, shares, notional_e4;
};

/* naive_sum adds up resting orders; NAIVE_ANY leaves a part open, but is left out. */
static inline struct naive_sum naive_sum(const struct naive *naive, int account, int symbol,
                                         int side, const struct naive_order *but) {
    struct naive_sum sum = { 0 };
    for (const struct naive_order *o = naive->orders; o < naive->orders + NAIVE_ORDERS; o++) {
        if (!o->rests || o == but) continue;
        if (account != NAIVE_ANY && o->account != account) continue;
        if (symbol != NAIVE_ANY && o->symbol != symbol) continue;
        if (side != NAIVE_ANY && o->side != side) continue;
        sum.orders++;
        sum.shares += o->leaves;
        sum.notional_e4 += (int64_t)o->price_e4 * o->leaves;
    }
    return sum;
}

static inline int64_t naive_buying_power_e4(const struct naive *naive, int account,
                                            const struct naive_order *but) {
    return naive->cash_e4[account] -
           naive_sum(naive, account, NAIVE_ANY, SIDE_BUY, but).notional_e4;
}

/* naive_better: price first, then time. */
static inline bool naive_better(const struct naive_order *a, const struct naive_order *b) {
    if (a->price_e4 != b->price_e4)
        return a->side == SIDE_BUY ? a->price_e4 > b->price_e4 : a->price_e4 < b->price_e4;
    return a->queued < b->queued;
}

static inline struct naive_order *naive_best(struct naive *naive, int symbol, int side) {
    struct naive_order *best = NULL;
    for (struct naive_order *o = naive->orders; o < naive->orders + NAIVE_ORDERS; o++)
        if (o->rests && o->symbol == symbol && o->side == side && (!best || naive_better(o, best)))
            best = o;
    return best;
}

static inline bool naive_crossed(struct naive *naive, int symbol) {
    const struct naive_order *bid = naive_best(naive, symbol, SIDE_BUY);
    const struct naive_order *ask = naive_best(naive, symbol, SIDE_SELL);
    return bid && ask && bid->price_e4 >= ask->price_e4;
}

/* naive_in_band and naive_in_collar take a price on its tick. */
static inline bool naive_in_band(const struct naive *naive, int symbol, int64_t price_e4) {
    const int64_t *row = naive->symbols[symbol];
    int64_t highest_e4 = row[ROW_SYMBOL_BASE_E4] + (NAIVE_LEVELS - 1) * row[ROW_SYMBOL_TICK_E4];
    return price_e4 >= row[ROW_SYMBOL_BASE_E4] && price_e4 <= highest_e4;
}

static inline bool naive_in_collar(const struct naive *naive, int symbol, int64_t price_e4) {
    const int64_t *row = naive->symbols[symbol];
    int64_t reference_e4 =
        row[ROW_SYMBOL_BASE_E4] + row[ROW_SYMBOL_REFERENCE] * row[ROW_SYMBOL_TICK_E4];
    return llabs(price_e4 - reference_e4) <= row[ROW_SYMBOL_COLLAR] * row[ROW_SYMBOL_TICK_E4];
}

/* ---- checks */

static inline bool naive_known_symbol(const struct naive *naive, int symbol) {
    return symbol < NAIVE_SYMBOLS && naive->symbols[symbol][ROW_SYMBOL_TICK_E4] != 0;
}

static inline bool naive_known_account(const struct naive *naive, int account) {
    return account < NAIVE_ACCOUNTS && naive->accounts[account][ROW_ACCOUNT_CURRENCY] != 0;
}

/* naive_form is check 1 of NEW and REPLACE. */
static inline uint8_t naive_form(const struct naive *naive) {
    const struct command *c = naive->command;
    bool ioc = c->flags & ORDER_IOC, market = c->flags & ORDER_MARKET, fok = c->flags & ORDER_FOK;
    if (c->flags & ~(ORDER_IOC | ORDER_MARKET | ORDER_FOK | ORDER_POST_ONLY))
        return REASON_MALFORMED;
    if (c->side > 1 || abi_slot(c->order) >= NAIVE_ORDERS || c->session >= NAIVE_ACCOUNTS)
        return REASON_MALFORMED;
    if (c->quantity < 1 || c->quantity > LIMIT_QUANTITY_MAX || c->self_trade > 4)
        return REASON_MALFORMED;
    if (market ? c->price_e4 != 0 : c->price_e4 < 1 || c->price_e4 > LIMIT_PRICE_E4_MAX)
        return REASON_MALFORMED;
    if ((market || fok) && !ioc) return REASON_MALFORMED;
    if ((c->flags & ORDER_POST_ONLY) && ioc) return REASON_MALFORMED;
    if (c->quantity_min != 0 && (!ioc || fok)) return REASON_MALFORMED;
    if (c->quantity_min > c->quantity) return REASON_MALFORMED;
    if (c->shown != 0) {
        if (ioc || c->shown >= c->quantity) return REASON_MALFORMED;
        uint32_t parts = (c->quantity + c->shown - 1) / c->shown;
        if (parts > 256) return REASON_MALFORMED;
    }
    if (!naive_known_symbol(naive, c->symbol)) return REASON_NONE;
    const int64_t *row = naive->symbols[c->symbol];
    if (!market && (c->price_e4 - row[ROW_SYMBOL_BASE_E4]) % row[ROW_SYMBOL_TICK_E4] != 0)
        return REASON_PRICE_OFF_TICK;
    if (c->quantity % row[ROW_SYMBOL_LOT] != 0) return REASON_ODD_LOT;
    return REASON_NONE;
}

/* naive_named finds the order that CANCEL or REPLACE names: check 2. */
static inline struct naive_order *naive_named(struct naive *naive) {
    const struct command *c = naive->command;
    struct naive_order *o = &naive->orders[abi_slot(c->order)];
    bool same = o->rests && o->generation == abi_generation(c->order) && o->session == c->session &&
                o->account == c->account && o->symbol == c->symbol && o->side == c->side;
    return same ? o : NULL;
}

/* naive_admitted is checks 3 to 5. */
static inline uint8_t naive_admitted(const struct naive *naive) {
    const struct command *c = naive->command;
    if (!naive_known_symbol(naive, c->symbol)) return REASON_UNKNOWN_SYMBOL;
    if (!naive_known_account(naive, c->account)) return REASON_UNKNOWN_ACCOUNT;
    const int64_t *account = naive->accounts[c->account];
    if (naive->engine[ROW_ENGINE_KILLED]) return REASON_KILLED;
    if (naive->firms[account[ROW_ACCOUNT_FIRM]][ROW_FIRM_KILLED]) return REASON_FIRM_KILLED;
    if (account[ROW_ACCOUNT_KILLED]) return REASON_ACCOUNT_KILLED;
    if (naive->sessions[c->session][ROW_SESSION_KILLED]) return REASON_SESSION_KILLED;
    if (!account[ROW_ACCOUNT_ENABLED]) return REASON_ACCOUNT_DISABLED;
    int64_t state = naive->symbols[c->symbol][ROW_SYMBOL_STATE];
    if (state == SYMBOL_STATE_CLOSED) return REASON_SYMBOL_CLOSED;
    if (state == SYMBOL_STATE_HALTED) return REASON_SYMBOL_HALTED;
    if (state == SYMBOL_STATE_AUCTION && c->flags != 0) return REASON_KIND_NOT_ALLOWED;
    return REASON_NONE;
}

/* naive_restricted is check 6. */
static inline bool naive_restricted(const int64_t *position, uint8_t side, int64_t with_open) {
    int64_t bits = position[ROW_POSITION_RESTRICTION], net = position[ROW_POSITION_NET];
    if (side == SIDE_BUY && (bits & RESTRICT_NO_BUY)) return true;
    if (side == SIDE_SELL && (bits & RESTRICT_NO_SELL)) return true;
    if (!(bits & RESTRICT_CLOSE_ONLY)) return false;
    int64_t closes = side == SIDE_BUY ? -net : net;
    return closes <= 0 || with_open > closes;
}

/* naive_throttled is check 7; it charges what passes. */
static inline bool naive_throttled(struct naive *naive) {
    int64_t *account = naive->accounts[naive->command->account];
    naive_wide tat = account[ROW_ACCOUNT_RATE_TAT_NS], stamp = naive->stamp_ns;
    if (account[ROW_ACCOUNT_RATE_INTERVAL_NS] == 0) return false;
    if (tat - stamp > account[ROW_ACCOUNT_RATE_BURST_NS]) return true;
    tat = (tat > stamp ? tat : stamp) + account[ROW_ACCOUNT_RATE_INTERVAL_NS];
    account[ROW_ACCOUNT_RATE_TAT_NS] = tat > INT64_MAX ? INT64_MAX : (int64_t)tat;
    return false;
}

static inline bool naive_duplicate(const struct naive *naive) {
    const struct command *c = naive->command, *last = &naive->last_new[c->account];
    int64_t window_ns = naive->accounts[c->account][ROW_ACCOUNT_DUPLICATE_NS];
    if (c->opcode == OPCODE_REPLACE || window_ns == 0 || last->opcode == 0) return false;
    return last->symbol == c->symbol && last->side == c->side && last->price_e4 == c->price_e4 &&
           last->quantity == c->quantity &&
           (naive_wide)naive->stamp_ns <= (naive_wide)naive->last_new_ns[c->account] + window_ns;
}

/* naive_over_position is check 13. */
static inline uint8_t naive_over_position(const int64_t *position, uint8_t side,
                                          int64_t with_open) {
    int64_t net = position[ROW_POSITION_NET];
    if (side == SIDE_BUY)
        return net + with_open <= position[ROW_POSITION_LONG_MAX] ? REASON_NONE
                                                                  : REASON_POSITION_LIMIT;
    bool is_short = with_open > (net > 0 ? net : 0);
    if (!is_short) return REASON_NONE;
    bool allowed = net - with_open >= -position[ROW_POSITION_SHORT_MAX] &&
                   net - with_open >= -position[ROW_POSITION_LOCATE];
    return allowed ? REASON_NONE : REASON_SHORT_LIMIT;
}

/* naive_within is checks 6 to 16 for so many shares at a price, which is negative where a market
 * order has none: as if the old order, if there is one, were gone. */
static inline uint8_t naive_within(struct naive *naive, const struct naive_order *old,
                                   int64_t shares, int64_t price_e4) {
    const struct command *c = naive->command;
    const int64_t *account = naive->accounts[c->account];
    const int64_t *position = naive->positions[c->account][c->symbol];
    int64_t with_open = naive_sum(naive, c->account, c->symbol, c->side, old).shares + shares;
    struct naive_sum open = naive_sum(naive, c->account, NAIVE_ANY, NAIVE_ANY, old);
    bool has_price = price_e4 >= 0 && price_e4 <= LIMIT_PRICE_E4_MAX;
    int64_t notional_e4 = has_price ? shares * price_e4 : 0;

    if (naive_restricted(position, c->side, with_open)) return REASON_RESTRICTED;
    if (naive_throttled(naive)) return REASON_MESSAGE_RATE;
    if (shares > account[ROW_ACCOUNT_QUANTITY_MAX]) return REASON_ORDER_QUANTITY;
    if (notional_e4 > account[ROW_ACCOUNT_NOTIONAL_MAX_E4]) return REASON_ORDER_NOTIONAL;
    bool no_reference = naive->symbols[c->symbol][ROW_SYMBOL_REFERENCE] < 0;
    if (no_reference && (c->flags & ORDER_MARKET)) return REASON_NO_REFERENCE;
    if (!has_price || !naive_in_band(naive, c->symbol, price_e4)) return REASON_OUTSIDE_BAND;
    if (no_reference) return REASON_NO_REFERENCE;
    if (!naive_in_collar(naive, c->symbol, price_e4)) return REASON_OUTSIDE_COLLAR;
    if (naive_duplicate(naive)) return REASON_DUPLICATE;
    if (open.orders + 1 > account[ROW_ACCOUNT_OPEN_MAX]) return REASON_OPEN_ORDERS;
    uint8_t reason = naive_over_position(position, c->side, with_open);
    if (reason != REASON_NONE) return reason;
    naive_wide gross_e4 = (naive_wide)open.notional_e4 + notional_e4;
    if (gross_e4 > account[ROW_ACCOUNT_GROSS_MAX_E4]) return REASON_GROSS_NOTIONAL;
    if (account[ROW_ACCOUNT_TRADED_E4] + gross_e4 > account[ROW_ACCOUNT_DAILY_MAX_E4])
        return REASON_DAILY_NOTIONAL;
    if (c->side == SIDE_BUY && notional_e4 > naive_buying_power_e4(naive, c->account, old))
        return REASON_BUYING_POWER;
    return REASON_NONE;
}

/* naive_price is what the order is limited to: of a market order the collar's edge, clipped to the
 * band; -1 if there is none. */
static inline int64_t naive_price(const struct naive *naive) {
    const struct command *c = naive->command;
    const int64_t *row = naive->symbols[c->symbol];
    if (!(c->flags & ORDER_MARKET)) return c->price_e4;
    if (row[ROW_SYMBOL_REFERENCE] < 0) return -1;
    int64_t far = c->side == SIDE_BUY ? row[ROW_SYMBOL_COLLAR] : -row[ROW_SYMBOL_COLLAR];
    int64_t level = row[ROW_SYMBOL_REFERENCE] + far;
    if (level < 0) level = 0;
    if (level > NAIVE_LEVELS - 1) level = NAIVE_LEVELS - 1;
    return row[ROW_SYMBOL_BASE_E4] + level * row[ROW_SYMBOL_TICK_E4];
}

/* ---- trading */

/* naive_fill books one side of a trade. */
static inline void naive_fill(struct naive *naive, struct naive_order *order, uint32_t quantity,
                              int64_t price_e4) {
    bool buys = order->side == SIDE_BUY;
    order->executed += quantity;
    order->leaves -= quantity;
    naive->accounts[order->account][ROW_ACCOUNT_TRADED_E4] += price_e4 * quantity;
    naive->positions[order->account][order->symbol][ROW_POSITION_NET] +=
        buys ? (int64_t)quantity : -(int64_t)quantity;
    if (buys) naive->cash_e4[order->account] -= price_e4 * quantity;
    if (!order->rests) return;
    order->displayed -= quantity;
    order->rests = order->leaves > 0;
}

static inline void naive_trade(struct naive *naive, struct naive_order *order,
                               struct naive_order *maker, uint32_t quantity, uint32_t price_e4) {
    naive_fill(naive, order, quantity, price_e4);
    naive_fill(naive, maker, quantity, price_e4);
    struct event event = naive_of_order(naive, order, KIND_TRADE);
    event.quantity = quantity;
    event.price_e4 = price_e4;
    event_set_maker(&event, abi_handle((uint32_t)(maker - naive->orders), maker->generation));
    event_set_maker_leaves(&event, maker->leaves);
    naive_say(naive, event);
}

static inline uint32_t naive_part(const struct naive_order *order) {
    bool iceberg = order->shown > 0 && order->shown < order->leaves;
    return iceberg ? order->shown : order->leaves;
}

/* naive_refill shows an iceberg's next part once the last one is gone. */
static inline void naive_refill(struct naive *naive, struct naive_order *order) {
    if (!order->rests || order->displayed > 0) return;
    order->displayed = naive_part(order);
    order->queued = ++naive->queued;
    struct event event = naive_of_order(naive, order, KIND_RESTATED);
    event.quantity = order->displayed;
    naive_say(naive, event);
}

/* naive_take takes shares off an order, hidden ones first, and says so. */
static inline void naive_take(struct naive *naive, struct naive_order *order, uint32_t quantity,
                              uint8_t reason) {
    order->leaves -= quantity;
    if (order->displayed > order->leaves) order->displayed = order->leaves;
    if (order->leaves == 0) order->rests = false;
    naive_say_canceled(naive, order, reason, quantity);
}

static inline int64_t naive_firm(const struct naive *naive, const struct naive_order *order) {
    return naive->accounts[order->account][ROW_ACCOUNT_FIRM];
}

static inline bool naive_meets(const struct naive_order *order, const struct naive_order *other) {
    return order->side == SIDE_BUY ? other->price_e4 <= order->price_e4
                                   : other->price_e4 >= order->price_e4;
}

/* naive_hopeless says why a FOK, minimum or post-only order ends before it trades. */
static inline uint8_t naive_hopeless(const struct naive *naive, const struct naive_order *order,
                                     uint8_t mode) {
    const struct command *c = naive->command;
    uint64_t there = 0;
    bool meets = false, own = false;
    for (const struct naive_order *o = naive->orders; o < naive->orders + NAIVE_ORDERS; o++) {
        if (!o->rests || o->symbol != order->symbol || o->side == order->side) continue;
        own |= naive_firm(naive, o) == naive_firm(naive, order);
        if (!naive_meets(order, o)) continue;
        meets = true;
        there += o->leaves;
    }
    if (c->flags & ORDER_POST_ONLY) return meets ? REASON_POST_ONLY : REASON_NONE;
    uint32_t least = c->flags & ORDER_FOK ? order->leaves : c->quantity_min;
    if (least == 0) return REASON_NONE;
    if (mode != SELF_TRADE_NONE && own) return REASON_SELF_TRADE;
    return there < least || order->leaves < least ? REASON_MINIMUM : REASON_NONE;
}

static inline void naive_halt(struct naive *naive, uint16_t symbol) {
    naive->symbols[symbol][ROW_SYMBOL_STATE] = SYMBOL_STATE_HALTED;
    naive_say(naive, (struct event){
                         .kind = KIND_STATE,
                         .reason = REASON_HALT,
                         .symbol = symbol,
                         .value = SYMBOL_STATE_HALTED,
                         .table = TABLE_SYMBOL,
                         .field = ROW_SYMBOL_STATE,
                     });
}

/* naive_match trades the order with what meets it; says why its rest must go, if it must. */
static inline uint8_t naive_match(struct naive *naive, struct naive_order *order, uint8_t mode) {
    while (order->leaves > 0) {
        struct naive_order *maker = naive_best(naive, order->symbol, !order->side);
        if (!maker || !naive_meets(order, maker)) break;
        if (!naive_in_collar(naive, order->symbol, maker->price_e4)) {
            naive_halt(naive, order->symbol);
            return REASON_HALT;
        }
        bool own = mode != SELF_TRADE_NONE && naive_firm(naive, maker) == naive_firm(naive, order);
        uint32_t both = maker->leaves < order->leaves ? maker->leaves : order->leaves;
        if (own && mode == SELF_TRADE_NEWEST) return REASON_SELF_TRADE;
        if (own && mode == SELF_TRADE_DECREMENT) {
            naive_take(naive, maker, both, REASON_SELF_TRADE);
            naive_take(naive, order, both, REASON_SELF_TRADE);
            continue;
        }
        if (own) {
            naive_take(naive, maker, maker->leaves, REASON_SELF_TRADE);
            if (mode == SELF_TRADE_BOTH) return REASON_SELF_TRADE;
            continue;
        }
        uint32_t quantity = order->leaves < maker->displayed ? order->leaves : maker->displayed;
        naive_trade(naive, order, maker, quantity, maker->price_e4);
        naive_refill(naive, maker);
    }
    return naive->command->flags & ORDER_IOC ? REASON_IOC : REASON_NONE;
}

/* naive_enter puts the order that the command describes into its slot and the market. */
static inline void naive_enter(struct naive *naive, uint32_t executed, uint32_t shares,
                               int64_t price_e4, uint8_t verdict) {
    const struct command *c = naive->command;
    struct naive_order *order = &naive->orders[abi_slot(c->order)];
    *order = (struct naive_order){
        .side = c->side,
        .session = c->session,
        .account = c->account,
        .symbol = c->symbol,
        .generation = abi_generation_next(order->generation),
        .price_e4 = (uint32_t)price_e4,
        .executed = executed,
        .leaves = shares,
        .shown = c->shown,
        .client_ref = c->client_ref,
    };
    struct event event = naive_of_order(naive, order, verdict);
    if (c->flags & ORDER_IOC) event.flags |= EVENT_IOC;
    event.quantity = c->quantity;
    event_set_client_ref(&event, c->client_ref);
    event_set_shown(&event, c->shown);
    naive_say(naive, event);

    uint8_t mode = c->self_trade ? c->self_trade
                                 : (uint8_t)naive->accounts[c->account][ROW_ACCOUNT_SELF_TRADE];
    uint8_t reason = REASON_NONE;
    if (naive->symbols[c->symbol][ROW_SYMBOL_STATE] != SYMBOL_STATE_AUCTION) {
        reason = naive_hopeless(naive, order, mode);
        if (reason == REASON_NONE) reason = naive_match(naive, order, mode);
    }
    if (order->leaves == 0) return;
    if (reason != REASON_NONE) {
        naive_take(naive, order, order->leaves, reason);
        return;
    }
    order->rests = true;
    order->displayed = naive_part(order);
    order->queued = ++naive->queued;
}

/* ---- commands: each says why it is refused, or carries out and says what it did */

static inline uint8_t naive_new(struct naive *naive) {
    const struct command *c = naive->command;
    uint8_t reason = naive_form(naive);
    if (reason != REASON_NONE) return reason;
    const struct naive_order *there = &naive->orders[abi_slot(c->order)];
    if (there->rests || abi_generation(c->order) != ((there->generation + 1) & 0xfff))
        return REASON_SLOT_BUSY;
    reason = naive_admitted(naive);
    if (reason != REASON_NONE) return reason;
    int64_t price_e4 = naive_price(naive);
    reason = naive_within(naive, NULL, c->quantity, price_e4);
    if (reason != REASON_NONE) return reason;
    naive->last_new[c->account] = *c;
    naive->last_new_ns[c->account] = naive->stamp_ns;
    naive_enter(naive, 0, c->quantity, price_e4, KIND_ACCEPTED);
    return REASON_NONE;
}

static inline uint8_t naive_replace(struct naive *naive) {
    const struct command *c = naive->command;
    uint8_t reason = naive_form(naive);
    if (reason != REASON_NONE) return reason;
    struct naive_order *old = naive_named(naive);
    if (!old) return REASON_UNKNOWN_ORDER;
    if (c->quantity <= old->executed) {
        naive_take(naive, old, old->leaves, REASON_USER);
        return REASON_NONE;
    }
    reason = naive_admitted(naive);
    if (reason != REASON_NONE) return reason;
    uint32_t executed = old->executed, shares = c->quantity - executed;
    int64_t price_e4 = naive_price(naive);
    reason = naive_within(naive, old, shares, price_e4);
    if (reason != REASON_NONE) return reason;
    naive_enter(naive, executed, shares, price_e4, KIND_REPLACED);
    return REASON_NONE;
}

static inline uint8_t naive_cancel(struct naive *naive) {
    const struct command *c = naive->command;
    if (c->side > 1 || abi_slot(c->order) >= NAIVE_ORDERS || c->session >= NAIVE_ACCOUNTS ||
        c->quantity > LIMIT_QUANTITY_MAX)
        return REASON_MALFORMED;
    struct naive_order *order = naive_named(naive);
    if (!order) return REASON_UNKNOWN_ORDER;
    int64_t leaves = (int64_t)c->quantity - order->executed;
    if (leaves < 0) leaves = 0;
    uint32_t off = leaves < order->leaves ? order->leaves - (uint32_t)leaves : 0;
    naive_take(naive, order, off, REASON_USER);
    return REASON_NONE;
}

static inline uint8_t naive_sweep(struct naive *naive) {
    const struct command *c = naive->command;
    const struct {
        uint8_t bit;
        uint32_t value, count;
    } parts[] = {
        { FILTER_SESSION, c->session, NAIVE_ACCOUNTS },
        { FILTER_FIRM, c->firm, NAIVE_ACCOUNTS },
        { FILTER_ACCOUNT, c->account, NAIVE_ACCOUNTS },
        { FILTER_SYMBOL, c->symbol, NAIVE_SYMBOLS },
        { FILTER_SIDE, c->side, 2 },
    };
    uint8_t known = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        known |= parts[i].bit;
        if (parts[i].value >= (c->mode & parts[i].bit ? parts[i].count : 1))
            return REASON_MALFORMED;
    }
    if (c->mode & ~known) return REASON_MALFORMED;
    uint32_t swept = 0;
    for (uint32_t slot = 0; slot < NAIVE_ORDERS; slot++) {
        struct naive_order *o = &naive->orders[slot];
        if (!o->rests) continue;
        if ((c->mode & FILTER_SESSION) && o->session != c->session) continue;
        if ((c->mode & FILTER_FIRM) && naive_firm(naive, o) != c->firm) continue;
        if ((c->mode & FILTER_ACCOUNT) && o->account != c->account) continue;
        if ((c->mode & FILTER_SYMBOL) && o->symbol != c->symbol) continue;
        if ((c->mode & FILTER_SIDE) && o->side != c->side) continue;
        naive_take(naive, o, o->leaves, REASON_SWEPT);
        swept++;
    }
    naive_say(naive, (struct event){
                         .kind = KIND_SWEPT,
                         .flags = c->side == SIDE_SELL ? EVENT_SELL : 0,
                         .symbol = c->symbol,
                         .account = c->account,
                         .quantity = swept,
                         .session = c->session,
                     });
    return REASON_NONE;
}

/* naive_uncross_shares is what one side would trade at the price. */
static inline int64_t naive_uncross_shares(const struct naive *naive, int symbol, int side,
                                           int64_t price_e4) {
    int64_t shares = 0;
    for (const struct naive_order *o = naive->orders; o < naive->orders + NAIVE_ORDERS; o++)
        if (o->rests && o->symbol == symbol && o->side == side &&
            (side == SIDE_BUY ? o->price_e4 >= price_e4 : o->price_e4 <= price_e4))
            shares += o->leaves;
    return shares;
}

/* naive_stays_crossed takes the shares off both sides, best first, looks, and puts them back. */
static inline bool naive_stays_crossed(struct naive *naive, int symbol, int64_t shares) {
    struct naive_order saved[NAIVE_ORDERS];
    memcpy(saved, naive->orders, sizeof saved);
    for (int side = 0; side < 2; side++)
        for (int64_t left = shares; left > 0;) {
            struct naive_order *o = naive_best(naive, symbol, side);
            uint32_t off = o->leaves < left ? o->leaves : (uint32_t)left;
            o->leaves -= off;
            o->rests = o->leaves > 0;
            left -= off;
        }
    bool crossed = naive_crossed(naive, symbol);
    memcpy(naive->orders, saved, sizeof saved);
    return crossed;
}

static inline uint8_t naive_uncross(struct naive *naive) {
    const struct command *c = naive->command;
    if (c->price_e4 < 1 || c->price_e4 > LIMIT_PRICE_E4_MAX) return REASON_MALFORMED;
    if (!naive_known_symbol(naive, c->symbol)) return REASON_UNKNOWN_SYMBOL;
    const int64_t *row = naive->symbols[c->symbol];
    if ((c->price_e4 - row[ROW_SYMBOL_BASE_E4]) % row[ROW_SYMBOL_TICK_E4] != 0)
        return REASON_PRICE_OFF_TICK;
    if (row[ROW_SYMBOL_STATE] != SYMBOL_STATE_AUCTION) return REASON_KIND_NOT_ALLOWED;
    if (c->value != row[ROW_SYMBOL_LAST_EVENT]) return REASON_STALE;
    if (!naive_in_band(naive, c->symbol, c->price_e4)) return REASON_OUTSIDE_BAND;
    if (row[ROW_SYMBOL_REFERENCE] < 0) return REASON_NO_REFERENCE;
    if (!naive_in_collar(naive, c->symbol, c->price_e4)) return REASON_OUTSIDE_COLLAR;
    int64_t bids = naive_uncross_shares(naive, c->symbol, SIDE_BUY, c->price_e4);
    int64_t asks = naive_uncross_shares(naive, c->symbol, SIDE_SELL, c->price_e4);
    int64_t left = bids < asks ? bids : asks;
    if (naive_stays_crossed(naive, c->symbol, left)) return REASON_BOOK_CROSSED;
    naive_say(naive, (struct event){
                         .kind = KIND_SET,
                         .symbol = c->symbol,
                         .price_e4 = c->price_e4,
                         .value = left,
                         .table = TABLE_SYMBOL,
                     });
    while (left > 0) {
        struct naive_order *bid = naive_best(naive, c->symbol, SIDE_BUY);
        struct naive_order *ask = naive_best(naive, c->symbol, SIDE_SELL);
        uint32_t quantity = bid->displayed < ask->displayed ? bid->displayed : ask->displayed;
        naive_trade(naive, bid, ask, quantity, c->price_e4);
        naive_refill(naive, ask);
        naive_refill(naive, bid);
        left -= quantity;
    }
    return REASON_NONE;
}

/* ---- rows */

/* naive_row is the row that a command names in a table; NULL if there is none, or if an index that
 * the table does not take is not zero. The rows of orders are none of these. */
static inline int64_t *naive_row(struct naive *naive, uint8_t table) {
    const struct command *c = naive->command;
    bool symbol = table == TABLE_SYMBOL || table == TABLE_POSITION;
    bool account = table == TABLE_ACCOUNT || table == TABLE_POSITION;
    if (table > TABLE_SESSION) return NULL;
    if (symbol ? c->symbol >= NAIVE_SYMBOLS : c->symbol != 0) return NULL;
    if (account ? c->account >= NAIVE_ACCOUNTS : c->account != 0) return NULL;
    if (table == TABLE_ORDER ? c->order >= NAIVE_ORDERS : c->order != 0) return NULL;
    if (table == TABLE_FIRM ? c->firm >= NAIVE_ACCOUNTS : c->firm != 0) return NULL;
    if (table == TABLE_SESSION ? c->session >= NAIVE_ACCOUNTS : c->session != 0) return NULL;
    if (table == TABLE_SYMBOL) return naive->symbols[c->symbol];
    if (table == TABLE_ACCOUNT) return naive->accounts[c->account];
    if (table == TABLE_POSITION) return naive->positions[c->account][c->symbol];
    if (table == TABLE_FIRM) return naive->firms[c->firm];
    if (table == TABLE_SESSION) return naive->sessions[c->session];
    return naive->engine;
}

static inline int64_t naive_order_field(const struct naive_order *o, uint8_t field) {
    if (field == ROW_ORDER_LIVE) return o->rests;
    if (field == ROW_ORDER_GENERATION) return o->generation;
    if (!o->rests) return 0;
    const int64_t values[NAIVE_FIELDS] = {
        [ROW_ORDER_SESSION] = o->session,   [ROW_ORDER_ACCOUNT] = o->account,
        [ROW_ORDER_SYMBOL] = o->symbol,     [ROW_ORDER_SIDE] = o->side,
        [ROW_ORDER_PRICE_E4] = o->price_e4, [ROW_ORDER_EXECUTED] = o->executed,
        [ROW_ORDER_LEAVES] = o->leaves,     [ROW_ORDER_CLIENT_REF] = o->client_ref,
        [ROW_ORDER_SHOWN] = o->shown,       [ROW_ORDER_DISPLAYED] = o->displayed,
    };
    return values[field];
}

/* naive_field says a field of the row that the command names. */
static inline int64_t naive_field(struct naive *naive, uint8_t table, uint8_t field) {
    const struct command *c = naive->command;
    if (table == TABLE_ORDER) return naive_order_field(&naive->orders[c->order], field);
    struct naive_sum open = naive_sum(naive, c->account, NAIVE_ANY, NAIVE_ANY, NULL);
    switch (table << 8 | field) {
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_BUYING_POWER_E4:
        return naive_buying_power_e4(naive, c->account, NULL);
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_RESERVED_E4:
        return naive_sum(naive, c->account, NAIVE_ANY, SIDE_BUY, NULL).notional_e4;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_OPEN_COUNT:
        return open.orders;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_GROSS_E4:
        return open.notional_e4;
    case TABLE_POSITION << 8 | ROW_POSITION_OPEN_BUY:
        return naive_sum(naive, c->account, c->symbol, SIDE_BUY, NULL).shares;
    case TABLE_POSITION << 8 | ROW_POSITION_OPEN_SELL:
        return naive_sum(naive, c->account, c->symbol, SIDE_SELL, NULL).shares;
    default:
        return naive_row(naive, table)[field];
    }
}

/* naive_move_base moves the band; every order keeps its price, or it does not move. */
static inline uint8_t naive_move_base(struct naive *naive, int64_t base_e4) {
    uint16_t symbol = naive->command->symbol;
    int64_t *row = naive->symbols[symbol];
    int64_t by_e4 = base_e4 - row[ROW_SYMBOL_BASE_E4];
    if (naive_sum(naive, NAIVE_ANY, symbol, NAIVE_ANY, NULL).orders == 0) {
        row[ROW_SYMBOL_BASE_E4] = base_e4;
        row[ROW_SYMBOL_REFERENCE] = -1;
        return REASON_NONE;
    }
    if (by_e4 % row[ROW_SYMBOL_TICK_E4] != 0) return REASON_PRICE_OFF_TICK;
    row[ROW_SYMBOL_BASE_E4] = base_e4;
    for (const struct naive_order *o = naive->orders; o < naive->orders + NAIVE_ORDERS; o++)
        if (o->rests && o->symbol == symbol && !naive_in_band(naive, symbol, o->price_e4)) {
            row[ROW_SYMBOL_BASE_E4] = base_e4 - by_e4;
            return REASON_BAND_OCCUPIED;
        }
    if (row[ROW_SYMBOL_REFERENCE] < 0) return REASON_NONE;
    int64_t reference = row[ROW_SYMBOL_REFERENCE] - by_e4 / row[ROW_SYMBOL_TICK_E4];
    row[ROW_SYMBOL_REFERENCE] = reference >= 0 && reference < NAIVE_LEVELS ? reference : -1;
    return REASON_NONE;
}

static inline uint8_t naive_set_symbol(struct naive *naive, uint8_t field, int64_t value) {
    uint16_t symbol = naive->command->symbol;
    int64_t *row = naive->symbols[symbol];
    if (field == ROW_SYMBOL_BASE_E4) return naive_move_base(naive, value);
    if (field == ROW_SYMBOL_STATE && value == SYMBOL_STATE_OPEN && naive_crossed(naive, symbol))
        return REASON_BOOK_CROSSED;
    if ((field == ROW_SYMBOL_REFERENCE || field == ROW_SYMBOL_COLLAR) && value >= NAIVE_LEVELS)
        return REASON_MALFORMED;
    if (field == ROW_SYMBOL_TICK_E4) {
        if (naive_sum(naive, NAIVE_ANY, symbol, NAIVE_ANY, NULL).orders > 0)
            return REASON_BAND_OCCUPIED;
        row[ROW_SYMBOL_REFERENCE] = -1;
    }
    row[field] = value;
    return REASON_NONE;
}

static inline uint8_t naive_set(struct naive *naive, uint8_t table) {
    const struct command *c = naive->command;
    const struct abi_row *row = abi_row(table, c->field);
    int64_t *values = naive_row(naive, table);
    if (!row || row->access != ABI_SET || c->mode > MODE_ADJUST || !values) return REASON_MALFORMED;
    naive_wide value = c->value;
    if (c->mode == MODE_ADJUST) value += values[c->field];
    if (value < row->min || value > row->max) return REASON_MALFORMED;
    if (table == TABLE_SYMBOL) {
        uint8_t reason = naive_set_symbol(naive, c->field, (int64_t)value);
        if (reason != REASON_NONE) return reason;
    } else {
        if (table == TABLE_ACCOUNT && c->field == ROW_ACCOUNT_FIRM) {
            if (value >= NAIVE_ACCOUNTS) return REASON_MALFORMED;
            if (naive_sum(naive, c->account, NAIVE_ANY, NAIVE_ANY, NULL).orders > 0)
                return REASON_ORDERS_OPEN;
        }
        values[c->field] = (int64_t)value;
    }
    bool state = table == TABLE_SYMBOL && c->field == ROW_SYMBOL_STATE;
    naive_say_row(naive, state ? KIND_STATE : KIND_SET, table, c->field, (int64_t)value);
    return REASON_NONE;
}

static inline uint8_t naive_credit(struct naive *naive) {
    const struct command *c = naive->command;
    if (!naive_known_account(naive, c->account)) return REASON_UNKNOWN_ACCOUNT;
    naive_wide cash_e4 = (naive_wide)naive->cash_e4[c->account] + c->value;
    if (cash_e4 > INT64_MAX) return REASON_CREDIT_OVERFLOW;
    if ((naive_wide)naive_buying_power_e4(naive, c->account, NULL) + c->value < 0)
        return REASON_CREDIT_SHORT;
    naive->cash_e4[c->account] = (int64_t)cash_e4;
    naive_say_row(naive, KIND_CREDITED, 0, 0, naive_buying_power_e4(naive, c->account, NULL));
    return REASON_NONE;
}

static inline uint8_t naive_kill(struct naive *naive) {
    const struct command *c = naive->command;
    static const uint8_t bits[] = {
        [TABLE_ENGINE] = ROW_ENGINE_KILLED,
        [TABLE_ACCOUNT] = ROW_ACCOUNT_KILLED,
        [TABLE_FIRM] = ROW_FIRM_KILLED,
        [TABLE_SESSION] = ROW_SESSION_KILLED,
    };
    int64_t *values = naive_row(naive, c->field);
    if (!values || bits[c->field] == 0 || c->mode > MODE_RELEASE) return REASON_MALFORMED;
    values[bits[c->field]] = c->mode == MODE_KILL;
    naive_say_row(naive, KIND_STATE, c->field, bits[c->field], c->mode == MODE_KILL);
    return REASON_NONE;
}

static inline uint8_t naive_query(struct naive *naive) {
    uint8_t table = naive->command->field;
    if (!naive_row(naive, table)) return REASON_MALFORMED;
    for (uint8_t field = 1; abi_row(table, field); field++)
        naive_say_row(naive, KIND_ROW, table, field, naive_field(naive, table, field));
    return REASON_NONE;
}

static inline uint8_t naive_carry_out(struct naive *naive, bool trusted) {
    const struct command *c = naive->command;
    const uint8_t *used = abi_used(c->opcode);
    if (!used) return REASON_MALFORMED;
    for (size_t i = 0; i < sizeof *c; i++)
        if (((const uint8_t *)c)[i] & ~used[i]) return REASON_MALFORMED;
    if (c->origin > ORIGIN_CARD || (c->origin == ORIGIN_CARD && !trusted)) return REASON_MALFORMED;
    switch (c->opcode) {
    case OPCODE_NEW:
        return naive_new(naive);
    case OPCODE_CANCEL:
        return naive_cancel(naive);
    case OPCODE_REPLACE:
        return naive_replace(naive);
    case OPCODE_SWEEP:
        return naive_sweep(naive);
    case OPCODE_SYMBOL:
        return naive_set(naive, TABLE_SYMBOL);
    case OPCODE_ACCOUNT:
        return naive_set(naive, TABLE_ACCOUNT);
    case OPCODE_POSITION:
        return naive_set(naive, TABLE_POSITION);
    case OPCODE_CREDIT:
        return naive_credit(naive);
    case OPCODE_UNCROSS:
        return naive_uncross(naive);
    case OPCODE_KILL:
        return naive_kill(naive);
    case OPCODE_QUERY:
        return naive_query(naive);
    case OPCODE_ALERT:
        if (c->origin == ORIGIN_HOST || (c->field & 0x7f) == 0 || (c->field & 0x7f) > 8)
            return REASON_MALFORMED;
        naive_say_row(naive, KIND_ALERT, 0, c->field, c->value);
        return REASON_NONE;
    default:
        naive_say_row(naive, KIND_SET, 0, 0, 0);
        return REASON_NONE;
    }
}

/* naive_apply carries out one command; what it says of it is in events. */
static inline void naive_apply(struct naive *naive, const struct command *command, bool trusted) {
    naive->command = command;
    naive->by_card = trusted && command->origin == ORIGIN_CARD;
    naive->event_count = 0;
    naive->commands++;
    if (command->stamp_ns > naive->stamp_ns) naive->stamp_ns = command->stamp_ns;
    uint8_t reason = naive_carry_out(naive, trusted);
    if (reason != REASON_NONE)
        naive_say(naive, (struct event){
                             .kind = KIND_REJECTED,
                             .reason = reason,
                             .flags = command->side == SIDE_SELL ? EVENT_SELL : 0,
                             .symbol = command->symbol,
                             .account = command->account,
                             .order = command->order,
                             .quantity = command->quantity,
                             .price_e4 = command->price_e4,
                             .value = command->client_ref,
                             .session = command->session,
                             .field = command->opcode,
                         });
    naive->events[naive->event_count - 1].flags |= EVENT_END;
}

#endif /* TESTS_UNIT_NAIVE_H */
