#include "host/engine/engine.h"
#include "host/base/check.h"
#include "host/engine/bitmap.h"
#include <stdlib.h>

enum { NO_SLOT = UINT32_MAX, ICEBERG_PARTS_MAX = 256 };

/* Rows are as rows.def states them. */
struct symbol {
    uint8_t state;
    uint32_t base_e4;
    uint32_t base_index; /* where the band's lowest level lies among the levels, which are used
                            modulo their count */
    uint32_t tick_e4;    /* 0 until the symbol is set up */
    uint32_t lot;
    int32_t reference;
    uint32_t collar;
    uint64_t last_event;       /* the last one that changed the symbol or its book */
    struct bitmap occupied[2]; /* by side: a bit is set iff its level's count is not 0 */
};

struct account {
    bool enabled, killed;
    uint16_t firm;
    uint16_t currency; /* 0 until the account is set up */
    uint32_t quantity_max;
    int64_t notional_max_e4;
    /* buying_power_e4 + reserved_e4 never overflows: CREDIT sees to it, and all else moves money
       between the two or takes it from them. */
    int64_t buying_power_e4;
    int64_t reserved_e4;
    uint32_t rate_interval_ns, rate_burst_ns, duplicate_ns;
    uint64_t rate_tat_ns; /* within the row's bound, where it stays */
    uint32_t open_max, open_count;
    /* Of both sides. Bounds of rows.def keep gross_e4 + traded_e4 within 63 bits. */
    int64_t gross_max_e4, gross_e4, daily_max_e4, traded_e4;
    uint8_t self_trade;
    struct {
        bool any;
        uint8_t side;
        uint16_t symbol;
        uint32_t price_e4, quantity;
        uint64_t stamp_ns;
    } last_new; /* the last one accepted, as its command had it */
};

struct position {
    int64_t net, open_buy, open_sell;
    int64_t long_max, short_max, locate;
    uint8_t restriction;
};

struct order {
    bool live;
    uint8_t side;
    uint16_t generation, session, account, symbol;
    uint32_t level; /* as an index into the levels, base_index included */
    uint32_t price_e4;
    uint32_t executed, leaves;
    uint32_t shown;     /* of an iceberg; 0 of others */
    uint32_t displayed; /* of leaves; all but for an iceberg */
    uint32_t client_ref;
    uint32_t previous, next; /* slots in the level's queue, oldest first; NO_SLOT ends it */
};

/* A level's word has meaning only while its bit is set. */
struct level {
    uint32_t head, tail, count;
    uint64_t shares;
};

struct engine {
    struct card_size size;
    uint64_t commands, events, stamp_ns;
    bool killed;
    bool *firm_killed, *session_killed;
    uint32_t *firm_open; /* open orders: (firm * symbols + symbol) * 2 + side */
    struct symbol *symbols;
    struct account *accounts;
    struct position *positions; /* account * symbols + symbol */
    struct order *orders;
    struct level *levels; /* (symbol * 2 + side) * levels + level */
};

/* One command on its way through the engine. The event before last is held back until it is known
 * whether it was the last. */
struct run {
    struct engine *engine;
    const struct command *command;
    engine_emit *emit;
    void *context;
    bool by_card; /* not merely claimed by the host */
    struct event held;
    bool holding;
};

struct engine *engine_new(const struct card_size *size) {
    CHECK(card_size_valid(size) && size->levels <= BITMAP_BITS);
    struct engine *engine = calloc(1, sizeof *engine);
    if (!engine) return NULL;
    engine->size = *size;
    engine->firm_killed = calloc(size->accounts, sizeof *engine->firm_killed);
    engine->session_killed = calloc(size->accounts, sizeof *engine->session_killed);
    engine->firm_open =
        calloc((size_t)size->accounts * size->symbols * 2, sizeof *engine->firm_open);
    engine->symbols = calloc(size->symbols, sizeof *engine->symbols);
    engine->accounts = calloc(size->accounts, sizeof *engine->accounts);
    engine->positions = calloc((size_t)size->accounts * size->symbols, sizeof *engine->positions);
    engine->orders = calloc(size->orders, sizeof *engine->orders);
    engine->levels = calloc((size_t)size->symbols * 2 * size->levels, sizeof *engine->levels);
    if (!engine->firm_killed || !engine->session_killed || !engine->firm_open || !engine->symbols ||
        !engine->accounts || !engine->positions || !engine->orders || !engine->levels) {
        engine_delete(engine);
        return NULL;
    }
    engine_reset(engine);
    return engine;
}

void engine_delete(struct engine *engine) {
    if (!engine) return;
    free(engine->firm_killed);
    free(engine->session_killed);
    free(engine->firm_open);
    free(engine->symbols);
    free(engine->accounts);
    free(engine->positions);
    free(engine->orders);
    free(engine->levels);
    free(engine);
}

void engine_reset(struct engine *engine) {
    const struct card_size *size = &engine->size;
    engine->commands = engine->events = engine->stamp_ns = 0;
    engine->killed = true;
    memset(engine->firm_killed, 0, size->accounts * sizeof *engine->firm_killed);
    memset(engine->session_killed, 0, size->accounts * sizeof *engine->session_killed);
    memset(engine->firm_open, 0,
           (size_t)size->accounts * size->symbols * 2 * sizeof *engine->firm_open);
    memset(engine->symbols, 0, size->symbols * sizeof *engine->symbols);
    memset(engine->accounts, 0, size->accounts * sizeof *engine->accounts);
    memset(engine->positions, 0,
           (size_t)size->accounts * size->symbols * sizeof *engine->positions);
    memset(engine->orders, 0, size->orders * sizeof *engine->orders);
    for (uint32_t i = 0; i < size->symbols; i++) {
        engine->symbols[i].lot = 1;
        engine->symbols[i].reference = -1;
    }
}

uint32_t engine_events_max(const struct card_size *size) {
    return size->orders * 2 * ICEBERG_PARTS_MAX + 8;
}

bool engine_killed(const struct engine *engine) { return engine->killed; }

/* ---- events
 * ----------------------------------------------------------------------------------------------------
 */

static void run_emit(struct run *run, const struct event *event) {
    if (run->holding) run->emit(run->context, &run->held);
    run->held = *event;
    run->held.number = ++run->engine->events;
    run->held.command = run->engine->commands;
    run->held.stamp_ns = run->engine->stamp_ns;
    if (abi_changes_symbol(event))
        run->engine->symbols[event->symbol].last_event = run->held.number;
    if (run->by_card) run->held.flags |= EVENT_CARD;
    run->holding = true;
}

static void run_end(struct run *run) {
    CHECK(run->holding);
    run->held.flags |= EVENT_END;
    run->emit(run->context, &run->held);
}

static void reject(struct run *run, uint8_t reason) {
    const struct command *command = run->command;
    struct event event = {
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
    };
    run_emit(run, &event);
}

static void emit_value(struct run *run, uint8_t kind, uint8_t table, uint8_t field, int64_t value) {
    const struct command *command = run->command;
    struct event event = {
        .kind = kind,
        .symbol = command->symbol,
        .account = table == TABLE_FIRM ? command->firm : command->account,
        .order = command->order,
        .value = value,
        .session = command->session,
        .table = table,
        .field = field,
    };
    run_emit(run, &event);
}

static void emit_canceled(struct run *run, const struct order *order, uint32_t handle,
                          uint8_t reason, uint32_t quantity) {
    struct event event = {
        .kind = KIND_CANCELED,
        .reason = reason,
        .flags = order->side == SIDE_SELL ? EVENT_SELL : 0,
        .symbol = order->symbol,
        .account = order->account,
        .order = handle,
        .quantity = quantity,
        .leaves = order->leaves,
        .price_e4 = order->price_e4,
        .session = order->session,
    };
    run_emit(run, &event);
}

/* emit_trade says that the order in one slot traded with the resting order in another. */
static void emit_trade(struct run *run, uint32_t slot, uint32_t maker_slot, uint32_t quantity,
                       uint32_t price_e4) {
    const struct order *order = &run->engine->orders[slot];
    const struct order *maker = &run->engine->orders[maker_slot];
    struct event trade = {
        .kind = KIND_TRADE,
        .flags = order->side == SIDE_SELL ? EVENT_SELL : 0,
        .symbol = order->symbol,
        .account = order->account,
        .order = abi_handle(slot, order->generation),
        .quantity = quantity,
        .leaves = order->leaves,
        .price_e4 = price_e4,
        .session = order->session,
    };
    event_set_maker(&trade, abi_handle(maker_slot, maker->generation));
    event_set_maker_leaves(&trade, maker->leaves);
    run_emit(run, &trade);
}

/* ---- rows
 * ------------------------------------------------------------------------------------------------------
 */

static struct position *position_of(struct engine *engine, uint32_t account, uint32_t symbol) {
    return &engine->positions[(size_t)account * engine->size.symbols + symbol];
}

static struct level *level_of(struct engine *engine, uint32_t symbol, uint32_t side,
                              uint32_t level) {
    return &engine->levels[((size_t)symbol * 2 + side) * engine->size.levels + level];
}

/* rank is how many levels a level lies above the band's lowest. */
static uint32_t rank(const struct engine *engine, const struct symbol *symbol, uint32_t level) {
    return (level - symbol->base_index) & (engine->size.levels - 1);
}

/* best finds the side's best level: the highest bid, the lowest ask. */
static bool best(const struct engine *engine, const struct symbol *symbol, uint32_t side,
                 uint32_t *level) {
    uint32_t lowest = symbol->base_index;
    uint32_t highest = (symbol->base_index - 1) & (engine->size.levels - 1);
    return side == SIDE_BUY ? bitmap_find_down(&symbol->occupied[side], highest, level)
                            : bitmap_find_up(&symbol->occupied[side], lowest, level);
}

/* ---- the book
 * --------------------------------------------------------------------------------------------------
 */

static uint32_t *firm_open_of(struct engine *engine, const struct order *order) {
    size_t firm = engine->accounts[order->account].firm;
    return &engine->firm_open[(firm * engine->size.symbols + order->symbol) * 2 + order->side];
}

/* book_queue puts an order at the back of its level. */
static void book_queue(struct engine *engine, uint32_t slot) {
    struct order *order = &engine->orders[slot];
    struct level *level = level_of(engine, order->symbol, order->side, order->level);
    struct bitmap *occupied = &engine->symbols[order->symbol].occupied[order->side];
    order->next = NO_SLOT;
    if (bitmap_test(occupied, order->level)) {
        order->previous = level->tail;
        engine->orders[level->tail].next = slot;
        level->tail = slot;
        level->count++;
        level->shares += order->leaves;
    } else {
        order->previous = NO_SLOT;
        *level = (struct level){ .head = slot, .tail = slot, .count = 1, .shares = order->leaves };
        bitmap_set(occupied, order->level);
    }
}

/* book_append makes an order rest. */
static void book_append(struct engine *engine, uint32_t slot) {
    struct order *order = &engine->orders[slot];
    book_queue(engine, slot);
    order->live = true;
    order->displayed = order->leaves;
    if (order->shown > 0 && order->shown < order->leaves) order->displayed = order->shown;
    *firm_open_of(engine, order) += 1;
    engine->accounts[order->account].open_count++;
}

/* book_unlink takes a live order with its leaves out of its level. */
static void book_unlink(struct engine *engine, uint32_t slot) {
    struct order *order = &engine->orders[slot];
    struct level *level = level_of(engine, order->symbol, order->side, order->level);
    if (order->previous == NO_SLOT)
        level->head = order->next;
    else
        engine->orders[order->previous].next = order->next;
    if (order->next == NO_SLOT)
        level->tail = order->previous;
    else
        engine->orders[order->next].previous = order->previous;
    level->count--;
    level->shares -= order->leaves;
    if (level->count == 0)
        bitmap_clear(&engine->symbols[order->symbol].occupied[order->side], order->level);
}

/* book_remove ends a live order: its level, its firm and its account count it no more. */
static void book_remove(struct engine *engine, uint32_t slot) {
    struct order *order = &engine->orders[slot];
    book_unlink(engine, slot);
    order->live = false;
    *firm_open_of(engine, order) -= 1;
    engine->accounts[order->account].open_count--;
}

/* book_reduce takes shares off a live order, its reserve first; it keeps its place while any are
 * left. The caller books them. */
static void book_reduce(struct engine *engine, uint32_t slot, uint32_t off) {
    struct order *order = &engine->orders[slot];
    if (off == order->leaves)
        book_remove(engine, slot);
    else
        level_of(engine, order->symbol, order->side, order->level)->shares -= off;
    order->leaves -= off;
    if (order->displayed > order->leaves) order->displayed = order->leaves;
}

/* account_open and account_close move quantity into and out of the account's open orders, its price
 * reserved for buys. */
static void account_open(struct engine *engine, const struct order *order, uint32_t quantity) {
    struct position *position = position_of(engine, order->account, order->symbol);
    struct account *account = &engine->accounts[order->account];
    int64_t notional_e4 = (int64_t)order->price_e4 * quantity;
    account->gross_e4 += notional_e4;
    if (order->side == SIDE_SELL) {
        position->open_sell += quantity;
        return;
    }
    position->open_buy += quantity;
    account->buying_power_e4 -= notional_e4;
    account->reserved_e4 += notional_e4;
}

static void account_close(struct engine *engine, const struct order *order, uint32_t quantity) {
    struct position *position = position_of(engine, order->account, order->symbol);
    struct account *account = &engine->accounts[order->account];
    int64_t notional_e4 = (int64_t)order->price_e4 * quantity;
    account->gross_e4 -= notional_e4;
    if (order->side == SIDE_SELL) {
        position->open_sell -= quantity;
        return;
    }
    position->open_buy -= quantity;
    account->buying_power_e4 += notional_e4;
    account->reserved_e4 -= notional_e4;
}

/* account_fill books a fill of the order at price_e4: a buy pays it and gets back what it reserved
 * beyond it. */
static void account_fill(struct engine *engine, const struct order *order, uint32_t quantity,
                         uint32_t price_e4) {
    account_close(engine, order, quantity);
    struct position *position = position_of(engine, order->account, order->symbol);
    struct account *account = &engine->accounts[order->account];
    account->traded_e4 += (int64_t)price_e4 * quantity;
    if (order->side == SIDE_SELL) {
        position->net -= quantity;
        return;
    }
    position->net += quantity;
    account->buying_power_e4 -= (int64_t)price_e4 * quantity;
}

/* restate shows an iceberg's next part, at the back of its level, once the last one has traded. */
static void restate(struct run *run, uint32_t slot) {
    struct engine *engine = run->engine;
    struct order *order = &engine->orders[slot];
    if (order->displayed > 0 || order->leaves == 0) return;
    book_unlink(engine, slot);
    book_queue(engine, slot);
    order->displayed = order->shown < order->leaves ? order->shown : order->leaves;
    struct event event = {
        .kind = KIND_RESTATED,
        .flags = order->side == SIDE_SELL ? EVENT_SELL : 0,
        .symbol = order->symbol,
        .account = order->account,
        .order = abi_handle(slot, order->generation),
        .quantity = order->displayed,
        .leaves = order->leaves,
        .price_e4 = order->price_e4,
        .session = order->session,
    };
    run_emit(run, &event);
}

/* fill_resting books what a resting order trades, and takes it off its level. */
static void fill_resting(struct engine *engine, uint32_t slot, uint32_t quantity,
                         uint32_t price_e4) {
    struct order *order = &engine->orders[slot];
    account_fill(engine, order, quantity, price_e4);
    uint32_t displayed = order->displayed - quantity;
    book_reduce(engine, slot, quantity);
    order->displayed = displayed;
    order->executed += quantity;
}

/* Why the incoming order's matching ended. */
enum outcome { MATCHED, HALTED, SELF_TRADED };

/* prevent keeps two orders of one firm from trading, as the incoming order's mode has it; says
 * whether the incoming one goes on. */
static bool prevent(struct run *run, uint32_t slot, uint32_t maker_slot, uint8_t mode) {
    struct engine *engine = run->engine;
    struct order *order = &engine->orders[slot], *maker = &engine->orders[maker_slot];
    if (mode == SELF_TRADE_NEWEST) return false;
    uint32_t off = maker->leaves;
    if (mode == SELF_TRADE_DECREMENT && order->leaves < off) off = order->leaves;
    account_close(engine, maker, off);
    book_reduce(engine, maker_slot, off);
    emit_canceled(run, maker, abi_handle(maker_slot, maker->generation), REASON_SELF_TRADE, off);
    if (mode == SELF_TRADE_BOTH) return false;
    if (mode == SELF_TRADE_OLDEST) return true;
    account_close(engine, order, off);
    order->leaves -= off;
    emit_canceled(run, order, abi_handle(slot, order->generation), REASON_SELF_TRADE, off);
    return true;
}

/* match fills the incoming order in its slot, which is in no queue yet. */
static enum outcome match(struct run *run, uint32_t slot, uint8_t self_trade) {
    struct engine *engine = run->engine;
    struct order *order = &engine->orders[slot];
    struct symbol *symbol = &engine->symbols[order->symbol];
    uint32_t other = !order->side, limit = rank(engine, symbol, order->level), index;

    while (order->leaves > 0 && best(engine, symbol, other, &index)) {
        uint32_t there = rank(engine, symbol, index);
        if (order->side == SIDE_BUY ? there > limit : there < limit) return MATCHED;
        if (abs((int32_t)there - symbol->reference) > (int32_t)symbol->collar) {
            symbol->state = SYMBOL_STATE_HALTED;
            struct event halt = { .kind = KIND_STATE,
                                  .reason = REASON_HALT,
                                  .symbol = order->symbol,
                                  .value = SYMBOL_STATE_HALTED,
                                  .table = TABLE_SYMBOL,
                                  .field = ROW_SYMBOL_STATE };
            run_emit(run, &halt);
            return HALTED;
        }
        uint32_t maker_slot = level_of(engine, order->symbol, other, index)->head;
        struct order *maker = &engine->orders[maker_slot];
        if (self_trade != SELF_TRADE_NONE &&
            engine->accounts[maker->account].firm == engine->accounts[order->account].firm) {
            if (!prevent(run, slot, maker_slot, self_trade)) return SELF_TRADED;
            continue;
        }
        uint32_t quantity = order->leaves < maker->displayed ? order->leaves : maker->displayed;
        account_fill(engine, order, quantity, maker->price_e4);
        order->leaves -= quantity;
        order->executed += quantity;
        fill_resting(engine, maker_slot, quantity, maker->price_e4);
        emit_trade(run, slot, maker_slot, quantity, maker->price_e4);
        restate(run, maker_slot);
    }
    return MATCHED;
}

/* ---- orders
 * ----------------------------------------------------------------------------------------------------
 */

/* A NEW or REPLACE in the checks: what it would leave open, and what the old order of a REPLACE
 * gives back first. */
struct proposal {
    const struct order *old; /* NULL for a NEW */
    uint32_t quantity;
    uint32_t price_e4; /* of a market order too; 0 where it can have none */
    int64_t notional_e4;
    bool in_band;
    uint32_t rank;
};

/* check_price is check 1 as far as it needs the symbol's row: price on its tick, quantity in lots.
 */
static uint8_t check_price(const struct engine *engine, const struct command *command) {
    if (command->symbol >= engine->size.symbols) return REASON_NONE;
    const struct symbol *symbol = &engine->symbols[command->symbol];
    if (symbol->tick_e4 == 0) return REASON_NONE;
    int64_t above_base = (int64_t)command->price_e4 - symbol->base_e4;
    if (!(command->flags & ORDER_MARKET) && above_base % symbol->tick_e4 != 0)
        return REASON_PRICE_OFF_TICK;
    return command->quantity % symbol->lot == 0 ? REASON_NONE : REASON_ODD_LOT;
}

/* check_known is check 3. */
static uint8_t check_known(const struct engine *engine, const struct command *command) {
    if (command->symbol >= engine->size.symbols || engine->symbols[command->symbol].tick_e4 == 0)
        return REASON_UNKNOWN_SYMBOL;
    if (command->account >= engine->size.accounts ||
        engine->accounts[command->account].currency == 0)
        return REASON_UNKNOWN_ACCOUNT;
    return REASON_NONE;
}

/* check_permitted is checks 4 and 5. */
static uint8_t check_permitted(const struct engine *engine, const struct command *command) {
    const struct account *account = &engine->accounts[command->account];
    if (engine->killed) return REASON_KILLED;
    if (engine->firm_killed[account->firm]) return REASON_FIRM_KILLED;
    if (account->killed) return REASON_ACCOUNT_KILLED;
    if (engine->session_killed[command->session]) return REASON_SESSION_KILLED;
    if (!account->enabled) return REASON_ACCOUNT_DISABLED;
    switch (engine->symbols[command->symbol].state) {
    case SYMBOL_STATE_OPEN:
        return REASON_NONE;
    case SYMBOL_STATE_AUCTION:
        return command->flags == 0 ? REASON_NONE : REASON_KIND_NOT_ALLOWED;
    case SYMBOL_STATE_HALTED:
        return REASON_SYMBOL_HALTED;
    default:
        return REASON_SYMBOL_CLOSED;
    }
}

static int64_t above_zero(int64_t value) { return value > 0 ? value : 0; }

static bool check_restriction(const struct position *position, uint8_t side, int64_t open,
                              int64_t quantity) {
    uint8_t no_side = side == SIDE_BUY ? RESTRICT_NO_BUY : RESTRICT_NO_SELL;
    if (position->restriction & no_side) return false;
    if (!(position->restriction & RESTRICT_CLOSE_ONLY)) return true;
    int64_t closable = above_zero(side == SIDE_BUY ? -position->net : position->net);
    return open + quantity <= closable;
}

/* charge is check 7, the generic cell rate algorithm without its division (ITU-T I.371, annex A):
 * the message is too early while TAT lies further ahead of its stamp than the burst. */
static bool charge(struct account *account, uint64_t stamp_ns) {
    if (account->rate_interval_ns == 0) return true;
    uint64_t tat_ns = account->rate_tat_ns;
    if (tat_ns > stamp_ns && tat_ns - stamp_ns > account->rate_burst_ns) return false;
    uint64_t latest_ns = (uint64_t)abi_row(TABLE_ACCOUNT, ROW_ACCOUNT_RATE_TAT_NS)->max;
    if (stamp_ns > tat_ns) tat_ns = stamp_ns;
    account->rate_tat_ns = tat_ns > latest_ns - account->rate_interval_ns
                               ? latest_ns
                               : tat_ns + account->rate_interval_ns;
    return true;
}

/* is_duplicate is check 11. */
static bool is_duplicate(const struct account *account, const struct command *command,
                         uint64_t stamp_ns) {
    return account->duplicate_ns != 0 && account->last_new.any &&
           account->last_new.symbol == command->symbol && account->last_new.side == command->side &&
           account->last_new.price_e4 == command->price_e4 &&
           account->last_new.quantity == command->quantity &&
           stamp_ns - account->last_new.stamp_ns <= account->duplicate_ns;
}

/* check_position is check 13, with open orders counted as filled. */
static uint8_t check_position(const struct position *position, uint8_t side, int64_t open,
                              int64_t quantity) {
    if (side == SIDE_BUY)
        return position->net + open + quantity > position->long_max ? REASON_POSITION_LIMIT
                                                                    : REASON_NONE;
    bool is_short = open + quantity > above_zero(position->net);
    int64_t short_max =
        position->short_max < position->locate ? position->short_max : position->locate;
    return is_short && position->net - open - quantity < -short_max ? REASON_SHORT_LIMIT
                                                                    : REASON_NONE;
}

/* check_limits is checks 6 to 16, all computed as if the old order were gone. */
static uint8_t check_limits(struct engine *engine, const struct command *command,
                            const struct proposal *proposal) {
    const struct symbol *symbol = &engine->symbols[command->symbol];
    struct account *account = &engine->accounts[command->account];
    const struct position *position = position_of(engine, command->account, command->symbol);
    bool buys = command->side == SIDE_BUY;
    int64_t open = buys ? position->open_buy : position->open_sell;
    uint32_t open_count = account->open_count;
    int64_t buying_power_e4 = account->buying_power_e4, gross_e4 = account->gross_e4;
    if (proposal->old) {
        int64_t old_e4 = (int64_t)proposal->old->price_e4 * proposal->old->leaves;
        open -= proposal->old->leaves;
        open_count--;
        if (buys) buying_power_e4 += old_e4;
        gross_e4 -= old_e4;
    }

    if (!check_restriction(position, command->side, open, proposal->quantity))
        return REASON_RESTRICTED;
    if (!charge(account, engine->stamp_ns)) return REASON_MESSAGE_RATE;
    if (proposal->quantity > account->quantity_max) return REASON_ORDER_QUANTITY;
    if (proposal->notional_e4 > account->notional_max_e4) return REASON_ORDER_NOTIONAL;
    if (!proposal->in_band) return REASON_OUTSIDE_BAND;
    if (symbol->reference < 0) return REASON_NO_REFERENCE;
    if (abs((int32_t)proposal->rank - symbol->reference) > (int32_t)symbol->collar)
        return REASON_OUTSIDE_COLLAR;
    if (!proposal->old && is_duplicate(account, command, engine->stamp_ns)) return REASON_DUPLICATE;
    if (open_count + 1 > account->open_max) return REASON_OPEN_ORDERS;
    uint8_t reason = check_position(position, command->side, open, proposal->quantity);
    if (reason != REASON_NONE) return reason;
    if (gross_e4 + proposal->notional_e4 > account->gross_max_e4) return REASON_GROSS_NOTIONAL;
    if (account->traded_e4 + gross_e4 + proposal->notional_e4 > account->daily_max_e4)
        return REASON_DAILY_NOTIONAL;
    return buys && proposal->notional_e4 > buying_power_e4 ? REASON_BUYING_POWER : REASON_NONE;
}

/* can_trade says whether the other side's levels up to the order's limit hold what it needs. */
static bool can_trade(const struct engine *engine, const struct order *order, uint32_t needs) {
    const struct symbol *symbol = &engine->symbols[order->symbol];
    uint32_t other = !order->side;
    if (needs > order->leaves) return false;
    uint64_t shares = 0;
    uint32_t limit = rank(engine, symbol, order->level), at = limit;
    /* from the limit back to the touch */
    for (uint32_t levels = other == SIDE_SELL ? limit + 1 : engine->size.levels - limit;
         levels > 0 && shares < needs; levels--) {
        uint32_t index = (symbol->base_index + at) & (engine->size.levels - 1);
        if (bitmap_test(&symbol->occupied[other], index))
            shares +=
                engine->levels[((size_t)order->symbol * 2 + other) * engine->size.levels + index]
                    .shares;
        at += other == SIDE_SELL ? -1u : 1u;
    }
    return shares >= needs;
}

/* would_cross says whether the order meets the best of the other side. */
static bool would_cross(const struct engine *engine, const struct order *order) {
    const struct symbol *symbol = &engine->symbols[order->symbol];
    uint32_t index, limit = rank(engine, symbol, order->level);
    if (!best(engine, symbol, !order->side, &index)) return false;
    uint32_t there = rank(engine, symbol, index);
    return order->side == SIDE_BUY ? there <= limit : there >= limit;
}

/* trade_incoming matches an order that was taken, as its kind allows; returns why what is left of
 * it may not rest, REASON_NONE if it may. */
static uint8_t trade_incoming(struct run *run, uint32_t slot) {
    struct engine *engine = run->engine;
    const struct command *command = run->command;
    const struct order *order = &engine->orders[slot];
    const struct account *account = &engine->accounts[order->account];
    uint8_t mode =
        command->self_trade != SELF_TRADE_NONE ? command->self_trade : account->self_trade;
    if (engine->symbols[order->symbol].state == SYMBOL_STATE_AUCTION) return REASON_NONE;
    if (command->flags & ORDER_POST_ONLY && would_cross(engine, order)) return REASON_POST_ONLY;
    uint32_t needs = command->flags & ORDER_FOK ? order->leaves : command->quantity_min;
    if (needs > 0) {
        size_t book = ((size_t)account->firm * engine->size.symbols + order->symbol) * 2;
        if (mode != SELF_TRADE_NONE && engine->firm_open[book + !order->side] > 0)
            return REASON_SELF_TRADE;
        if (!can_trade(engine, order, needs)) return REASON_MINIMUM;
    }
    switch (match(run, slot, mode)) {
    case HALTED:
        return REASON_HALT;
    case SELF_TRADED:
        return REASON_SELF_TRADE;
    default:
        return command->flags & ORDER_IOC ? REASON_IOC : REASON_NONE;
    }
}

/* enter takes the order that fills its slot, in no queue yet, into the market: verdict, fills,
 * rest. */
static void enter(struct run *run, uint32_t slot, uint8_t verdict) {
    struct engine *engine = run->engine;
    struct order *order = &engine->orders[slot];
    bool ioc = run->command->flags & ORDER_IOC;
    uint16_t flags = order->side == SIDE_SELL ? EVENT_SELL : 0;
    struct event event = {
        .kind = verdict,
        .flags = (uint16_t)(flags | (ioc ? EVENT_IOC : 0)),
        .symbol = order->symbol,
        .account = order->account,
        .order = abi_handle(slot, order->generation),
        .quantity = order->executed + order->leaves,
        .leaves = order->leaves,
        .price_e4 = order->price_e4,
        .session = order->session,
    };
    event_set_client_ref(&event, order->client_ref);
    event_set_shown(&event, order->shown);
    run_emit(run, &event);
    account_open(engine, order, order->leaves);

    uint8_t reason = trade_incoming(run, slot);
    if (order->leaves == 0) return;
    if (reason == REASON_NONE) {
        book_append(engine, slot);
        return;
    }
    uint32_t rest = order->leaves;
    account_close(engine, order, rest);
    order->leaves = 0;
    emit_canceled(run, order, abi_handle(slot, order->generation), reason, rest);
}

/* order_write writes a NEW's or REPLACE's terms into its slot. */
static void order_write(struct engine *engine, const struct command *command, uint32_t slot,
                        uint32_t executed, const struct proposal *proposal) {
    struct order *order = &engine->orders[slot];
    const struct symbol *symbol = &engine->symbols[command->symbol];
    order->live = false;
    order->generation = (uint16_t)abi_generation_next(order->generation);
    order->session = command->session;
    order->account = command->account;
    order->symbol = command->symbol;
    order->side = command->side;
    order->level = (symbol->base_index + proposal->rank) & (engine->size.levels - 1);
    order->price_e4 = proposal->price_e4;
    order->executed = executed;
    order->leaves = proposal->quantity;
    order->shown = command->shown;
    order->client_ref = command->client_ref;
}

static bool order_form(const struct engine *engine, const struct command *command) {
    return command->side <= SIDE_SELL && abi_slot(command->order) < engine->size.orders &&
           command->session < engine->size.accounts && command->quantity <= LIMIT_QUANTITY_MAX;
}

/* kind_form says whether flags and parts make a kind of order: section 5, order kinds. */
static bool kind_form(const struct command *command) {
    bool ioc = command->flags & ORDER_IOC, fok = command->flags & ORDER_FOK;
    if (command->flags & ~abi_order_flags_built() || command->self_trade > SELF_TRADE_DECREMENT)
        return false;
    if (command->flags & (ORDER_MARKET | ORDER_FOK) && !ioc) return false;
    if (command->flags & ORDER_POST_ONLY && ioc) return false;
    if (command->quantity_min > 0 && (!ioc || fok || command->quantity_min > command->quantity))
        return false;
    if (command->shown == 0) return true;
    return !ioc && command->shown < command->quantity &&
           command->quantity <= (uint64_t)command->shown * ICEBERG_PARTS_MAX;
}

static bool entry_form(const struct engine *engine, const struct command *command) {
    bool market = command->flags & ORDER_MARKET;
    return order_form(engine, command) && command->quantity > 0 &&
           (command->price_e4 == 0) == market && command->price_e4 <= LIMIT_PRICE_E4_MAX &&
           kind_form(command);
}

/* order_named is check 2 of CANCEL and REPLACE. */
static bool order_named(const struct engine *engine, const struct command *command) {
    const struct order *order = &engine->orders[abi_slot(command->order)];
    return order->live && order->generation == abi_generation(command->order) &&
           order->session == command->session && order->account == command->account &&
           order->symbol == command->symbol && order->side == command->side;
}

/* market_price gives a market order the collar's edge, clipped to the band. */
static void market_price(const struct engine *engine, const struct symbol *symbol, uint8_t side,
                         struct proposal *proposal) {
    proposal->in_band = true;
    if (symbol->reference < 0) return;
    int64_t edge = side == SIDE_BUY ? (int64_t)symbol->reference + symbol->collar
                                    : (int64_t)symbol->reference - symbol->collar;
    int64_t last = engine->size.levels - 1;
    edge = edge < 0 ? 0 : edge > last ? last : edge;
    int64_t price_e4 = symbol->base_e4 + edge * symbol->tick_e4;
    proposal->rank = (uint32_t)edge;
    proposal->in_band = price_e4 <= LIMIT_PRICE_E4_MAX;
    if (proposal->in_band) proposal->price_e4 = (uint32_t)price_e4;
}

static struct proposal propose(const struct engine *engine, const struct command *command,
                               const struct order *old) {
    const struct symbol *symbol = &engine->symbols[command->symbol];
    struct proposal proposal = { .old = old,
                                 .quantity = command->quantity - (old ? old->executed : 0) };
    if (command->flags & ORDER_MARKET) {
        market_price(engine, symbol, command->side, &proposal);
    } else {
        proposal.price_e4 = command->price_e4;
        if (command->price_e4 >= symbol->base_e4)
            proposal.rank = (command->price_e4 - symbol->base_e4) / symbol->tick_e4;
        proposal.in_band =
            command->price_e4 >= symbol->base_e4 && proposal.rank < engine->size.levels;
    }
    proposal.notional_e4 = (int64_t)proposal.price_e4 * proposal.quantity;
    return proposal;
}

static uint8_t apply_new(struct run *run) {
    struct engine *engine = run->engine;
    const struct command *command = run->command;
    if (!entry_form(engine, command)) return REASON_MALFORMED;
    uint8_t reason = check_price(engine, command);
    if (reason != REASON_NONE) return reason;

    uint32_t slot = abi_slot(command->order);
    const struct order *order = &engine->orders[slot];
    if (order->live || abi_generation(command->order) != abi_generation_next(order->generation))
        return REASON_SLOT_BUSY;
    reason = check_known(engine, command);
    if (reason == REASON_NONE) reason = check_permitted(engine, command);
    if (reason != REASON_NONE) return reason;
    struct proposal proposal = propose(engine, command, NULL);
    reason = check_limits(engine, command, &proposal);
    if (reason != REASON_NONE) return reason;

    struct account *account = &engine->accounts[command->account];
    account->last_new.any = true;
    account->last_new.side = command->side;
    account->last_new.symbol = command->symbol;
    account->last_new.price_e4 = command->price_e4;
    account->last_new.quantity = command->quantity;
    account->last_new.stamp_ns = engine->stamp_ns;
    order_write(engine, command, slot, 0, &proposal);
    enter(run, slot, KIND_ACCEPTED);
    return REASON_NONE;
}

/* reduce takes shares off the order in a slot and says so. */
static void reduce(struct run *run, uint32_t slot, uint32_t off, uint8_t reason) {
    struct engine *engine = run->engine;
    const struct order *order = &engine->orders[slot];
    account_close(engine, order, off);
    book_reduce(engine, slot, off);
    emit_canceled(run, order, abi_handle(slot, order->generation), reason, off);
}

static uint8_t apply_cancel(struct run *run) {
    struct engine *engine = run->engine;
    const struct command *command = run->command;
    if (!order_form(engine, command)) return REASON_MALFORMED;
    if (!order_named(engine, command)) return REASON_UNKNOWN_ORDER;
    uint32_t slot = abi_slot(command->order);
    const struct order *order = &engine->orders[slot];
    uint32_t leaves = command->quantity > order->executed ? command->quantity - order->executed : 0;
    reduce(run, slot, leaves < order->leaves ? order->leaves - leaves : 0, REASON_USER);
    return REASON_NONE;
}

static uint8_t apply_replace(struct run *run) {
    struct engine *engine = run->engine;
    const struct command *command = run->command;
    if (!entry_form(engine, command)) return REASON_MALFORMED;
    uint8_t reason = check_price(engine, command);
    if (reason != REASON_NONE) return reason;
    if (!order_named(engine, command)) return REASON_UNKNOWN_ORDER;

    uint32_t slot = abi_slot(command->order);
    struct order *order = &engine->orders[slot];
    if (command->quantity <= order->executed) {
        reduce(run, slot, order->leaves, REASON_USER);
        return REASON_NONE;
    }
    reason = check_known(engine, command); /* the account's currency may have been taken back */
    if (reason == REASON_NONE) reason = check_permitted(engine, command);
    if (reason != REASON_NONE) return reason;
    struct proposal proposal = propose(engine, command, order);
    reason = check_limits(engine, command, &proposal);
    if (reason != REASON_NONE) return reason;

    account_close(engine, order, order->leaves);
    book_remove(engine, slot);
    order_write(engine, command, slot, order->executed, &proposal);
    enter(run, slot, KIND_REPLACED);
    return REASON_NONE;
}

/* ---- rows by command
 * ------------------------------------------------------------------------------------------- */

/* field_value says a field of a row; the row exists, the field is not LATER. */
static int64_t field_value(struct engine *engine, const struct command *command, uint8_t table,
                           uint8_t field) {
    const struct symbol *symbol = &engine->symbols[command->symbol];
    const struct account *account = &engine->accounts[command->account];
    const struct position *position = position_of(engine, command->account, command->symbol);
    const struct order *order = &engine->orders[abi_slot(command->order)];
    switch (table << 8 | field) {
    case TABLE_ENGINE << 8 | ROW_ENGINE_KILLED:
        return engine->killed;
    case TABLE_SYMBOL << 8 | ROW_SYMBOL_STATE:
        return symbol->state;
    case TABLE_SYMBOL << 8 | ROW_SYMBOL_BASE_E4:
        return symbol->base_e4;
    case TABLE_SYMBOL << 8 | ROW_SYMBOL_TICK_E4:
        return symbol->tick_e4;
    case TABLE_SYMBOL << 8 | ROW_SYMBOL_LOT:
        return symbol->lot;
    case TABLE_SYMBOL << 8 | ROW_SYMBOL_REFERENCE:
        return symbol->reference;
    case TABLE_SYMBOL << 8 | ROW_SYMBOL_COLLAR:
        return symbol->collar;
    case TABLE_SYMBOL << 8 | ROW_SYMBOL_LAST_EVENT:
        return (int64_t)symbol->last_event;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_ENABLED:
        return account->enabled;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_FIRM:
        return account->firm;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_CURRENCY:
        return account->currency;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_QUANTITY_MAX:
        return account->quantity_max;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_NOTIONAL_MAX_E4:
        return account->notional_max_e4;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_BUYING_POWER_E4:
        return account->buying_power_e4;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_RESERVED_E4:
        return account->reserved_e4;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_KILLED:
        return account->killed;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_RATE_INTERVAL_NS:
        return account->rate_interval_ns;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_RATE_BURST_NS:
        return account->rate_burst_ns;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_RATE_TAT_NS:
        return (int64_t)account->rate_tat_ns;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_DUPLICATE_NS:
        return account->duplicate_ns;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_OPEN_MAX:
        return account->open_max;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_OPEN_COUNT:
        return account->open_count;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_GROSS_MAX_E4:
        return account->gross_max_e4;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_GROSS_E4:
        return account->gross_e4;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_DAILY_MAX_E4:
        return account->daily_max_e4;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_TRADED_E4:
        return account->traded_e4;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_SELF_TRADE:
        return account->self_trade;
    case TABLE_POSITION << 8 | ROW_POSITION_NET:
        return position->net;
    case TABLE_POSITION << 8 | ROW_POSITION_OPEN_BUY:
        return position->open_buy;
    case TABLE_POSITION << 8 | ROW_POSITION_OPEN_SELL:
        return position->open_sell;
    case TABLE_POSITION << 8 | ROW_POSITION_LONG_MAX:
        return position->long_max;
    case TABLE_POSITION << 8 | ROW_POSITION_SHORT_MAX:
        return position->short_max;
    case TABLE_POSITION << 8 | ROW_POSITION_LOCATE:
        return position->locate;
    case TABLE_POSITION << 8 | ROW_POSITION_RESTRICTION:
        return position->restriction;
    case TABLE_ORDER << 8 | ROW_ORDER_LIVE:
        return order->live;
    case TABLE_ORDER << 8 | ROW_ORDER_GENERATION:
        return order->generation;
    case TABLE_ORDER << 8 | ROW_ORDER_SESSION:
        return order->live ? order->session : 0;
    case TABLE_ORDER << 8 | ROW_ORDER_ACCOUNT:
        return order->live ? order->account : 0;
    case TABLE_ORDER << 8 | ROW_ORDER_SYMBOL:
        return order->live ? order->symbol : 0;
    case TABLE_ORDER << 8 | ROW_ORDER_SIDE:
        return order->live ? order->side : 0;
    case TABLE_ORDER << 8 | ROW_ORDER_PRICE_E4:
        return order->live ? order->price_e4 : 0;
    case TABLE_ORDER << 8 | ROW_ORDER_EXECUTED:
        return order->live ? order->executed : 0;
    case TABLE_ORDER << 8 | ROW_ORDER_LEAVES:
        return order->live ? order->leaves : 0;
    case TABLE_ORDER << 8 | ROW_ORDER_CLIENT_REF:
        return order->live ? order->client_ref : 0;
    case TABLE_ORDER << 8 | ROW_ORDER_SHOWN:
        return order->live ? order->shown : 0;
    case TABLE_ORDER << 8 | ROW_ORDER_DISPLAYED:
        return order->live ? order->displayed : 0;
    case TABLE_FIRM << 8 | ROW_FIRM_KILLED:
        return engine->firm_killed[command->firm];
    case TABLE_SESSION << 8 | ROW_SESSION_KILLED:
        return engine->session_killed[command->session];
    default:
        CHECK(!"rows.def has a built field that the engine cannot say");
        return 0;
    }
}

/* crossed says whether the best bid would trade with the best ask. */
static bool crossed(const struct engine *engine, const struct symbol *symbol) {
    uint32_t bid, ask;
    return best(engine, symbol, SIDE_BUY, &bid) && best(engine, symbol, SIDE_SELL, &ask) &&
           rank(engine, symbol, bid) >= rank(engine, symbol, ask);
}

/* move_base moves the band under resting orders: by whole ticks, and only if every one keeps a
 * level. */
static uint8_t move_base(const struct engine *engine, struct symbol *symbol, uint32_t base_e4) {
    bool bids = !bitmap_empty(&symbol->occupied[SIDE_BUY]);
    bool asks = !bitmap_empty(&symbol->occupied[SIDE_SELL]);
    if (!bids && !asks) {
        symbol->base_e4 = base_e4;
        symbol->base_index = 0;
        symbol->reference = -1;
        return REASON_NONE;
    }
    int64_t by_e4 = (int64_t)base_e4 - symbol->base_e4;
    if (by_e4 % symbol->tick_e4 != 0) return REASON_PRICE_OFF_TICK;
    int64_t by = by_e4 / symbol->tick_e4, levels = engine->size.levels;
    uint32_t last = (symbol->base_index - 1) & (engine->size.levels - 1);
    for (int side = 0; side < 2; side++) {
        uint32_t low, high;
        const struct bitmap *occupied = &symbol->occupied[side];
        if (!bitmap_find_up(occupied, symbol->base_index, &low)) continue;
        CHECK(bitmap_find_down(occupied, last, &high));
        if (rank(engine, symbol, low) < by || rank(engine, symbol, high) - by >= levels)
            return REASON_BAND_OCCUPIED;
    }
    symbol->base_e4 = base_e4;
    symbol->base_index = (uint32_t)(symbol->base_index + by) & (engine->size.levels - 1);
    if (symbol->reference >= 0) {
        int64_t reference = symbol->reference - by;
        symbol->reference = reference >= 0 && reference < levels ? (int32_t)reference : -1;
    }
    return REASON_NONE;
}

static uint8_t set_symbol(const struct engine *engine, struct symbol *symbol, uint8_t field,
                          int64_t value) {
    switch (field) {
    case ROW_SYMBOL_STATE:
        if (value == SYMBOL_STATE_OPEN && crossed(engine, symbol)) return REASON_BOOK_CROSSED;
        symbol->state = (uint8_t)value;
        return REASON_NONE;
    case ROW_SYMBOL_BASE_E4:
        return move_base(engine, symbol, (uint32_t)value);
    case ROW_SYMBOL_TICK_E4:
        for (int side = 0; side < 2; side++)
            if (!bitmap_empty(&symbol->occupied[side])) return REASON_BAND_OCCUPIED;
        symbol->tick_e4 = (uint32_t)value;
        symbol->reference = -1;
        return REASON_NONE;
    case ROW_SYMBOL_LOT:
        symbol->lot = (uint32_t)value;
        return REASON_NONE;
    case ROW_SYMBOL_REFERENCE:
        if (value >= engine->size.levels) return REASON_MALFORMED;
        symbol->reference = (int32_t)value;
        return REASON_NONE;
    case ROW_SYMBOL_COLLAR:
        if (value >= engine->size.levels) return REASON_MALFORMED;
        symbol->collar = (uint32_t)value;
        return REASON_NONE;
    default:
        CHECK(!"rows.def lets a symbol field be set that the engine does not know");
        return REASON_MALFORMED;
    }
}

static uint8_t set_account(const struct engine *engine, struct account *account, uint8_t field,
                           int64_t value) {
    switch (field) {
    case ROW_ACCOUNT_ENABLED:
        account->enabled = value;
        return REASON_NONE;
    case ROW_ACCOUNT_FIRM:
        if (value >= engine->size.accounts) return REASON_MALFORMED;
        if (account->open_count > 0) return REASON_ORDERS_OPEN;
        account->firm = (uint16_t)value;
        return REASON_NONE;
    case ROW_ACCOUNT_CURRENCY:
        account->currency = (uint16_t)value;
        return REASON_NONE;
    case ROW_ACCOUNT_QUANTITY_MAX:
        account->quantity_max = (uint32_t)value;
        return REASON_NONE;
    case ROW_ACCOUNT_NOTIONAL_MAX_E4:
        account->notional_max_e4 = value;
        return REASON_NONE;
    case ROW_ACCOUNT_RATE_INTERVAL_NS:
        account->rate_interval_ns = (uint32_t)value;
        return REASON_NONE;
    case ROW_ACCOUNT_RATE_BURST_NS:
        account->rate_burst_ns = (uint32_t)value;
        return REASON_NONE;
    case ROW_ACCOUNT_DUPLICATE_NS:
        account->duplicate_ns = (uint32_t)value;
        return REASON_NONE;
    case ROW_ACCOUNT_OPEN_MAX:
        account->open_max = (uint32_t)value;
        return REASON_NONE;
    case ROW_ACCOUNT_GROSS_MAX_E4:
        account->gross_max_e4 = value;
        return REASON_NONE;
    case ROW_ACCOUNT_DAILY_MAX_E4:
        account->daily_max_e4 = value;
        return REASON_NONE;
    case ROW_ACCOUNT_TRADED_E4:
        account->traded_e4 = value;
        return REASON_NONE;
    case ROW_ACCOUNT_SELF_TRADE:
        account->self_trade = (uint8_t)value;
        return REASON_NONE;
    default:
        CHECK(!"rows.def lets an account field be set that the engine does not know");
        return REASON_MALFORMED;
    }
}

static uint8_t set_position(struct position *position, uint8_t field, int64_t value) {
    switch (field) {
    case ROW_POSITION_NET:
        position->net = value;
        return REASON_NONE;
    case ROW_POSITION_LONG_MAX:
        position->long_max = value;
        return REASON_NONE;
    case ROW_POSITION_SHORT_MAX:
        position->short_max = value;
        return REASON_NONE;
    case ROW_POSITION_LOCATE:
        position->locate = value;
        return REASON_NONE;
    case ROW_POSITION_RESTRICTION:
        position->restriction = (uint8_t)value;
        return REASON_NONE;
    default:
        CHECK(!"rows.def lets a position field be set that the engine does not know");
        return REASON_MALFORMED;
    }
}

/* row_exists says whether the indexes that the table takes name a row, and all other indexes are
 * zero. */
static bool row_exists(const struct engine *engine, const struct command *command, uint8_t table) {
    bool by_symbol = table == TABLE_SYMBOL || table == TABLE_POSITION;
    bool by_account = table == TABLE_ACCOUNT || table == TABLE_POSITION;
    return table <= TABLE_SESSION && command->symbol < (by_symbol ? engine->size.symbols : 1) &&
           command->account < (by_account ? engine->size.accounts : 1) &&
           command->order < (table == TABLE_ORDER ? engine->size.orders : 1) &&
           command->firm < (table == TABLE_FIRM ? engine->size.accounts : 1) &&
           command->session < (table == TABLE_SESSION ? engine->size.accounts : 1);
}

static uint8_t apply_row(struct run *run, uint8_t table) {
    struct engine *engine = run->engine;
    const struct command *command = run->command;
    const struct abi_row *row = abi_row(table, command->field);
    if (!row || row->access != ABI_SET || command->mode > MODE_ADJUST ||
        !row_exists(engine, command, table))
        return REASON_MALFORMED;
    int64_t value = command->value;
    if (command->mode == MODE_ADJUST &&
        __builtin_add_overflow(field_value(engine, command, table, command->field), value, &value))
        return REASON_MALFORMED;
    if (value < row->min || value > row->max) return REASON_MALFORMED;

    uint8_t reason;
    if (table == TABLE_SYMBOL)
        reason = set_symbol(engine, &engine->symbols[command->symbol], command->field, value);
    else if (table == TABLE_ACCOUNT)
        reason = set_account(engine, &engine->accounts[command->account], command->field, value);
    else
        reason = set_position(position_of(engine, command->account, command->symbol),
                              command->field, value);
    if (reason != REASON_NONE) return reason;
    bool state = table == TABLE_SYMBOL && command->field == ROW_SYMBOL_STATE;
    emit_value(run, state ? KIND_STATE : KIND_SET, table, command->field, value);
    return REASON_NONE;
}

static uint8_t apply_credit(struct run *run) {
    struct engine *engine = run->engine;
    const struct command *command = run->command;
    if (command->account >= engine->size.accounts ||
        engine->accounts[command->account].currency == 0)
        return REASON_UNKNOWN_ACCOUNT;
    struct account *account = &engine->accounts[command->account];
    int64_t sum;
    if (__builtin_add_overflow(account->buying_power_e4 + account->reserved_e4, command->value,
                               &sum))
        return REASON_CREDIT_OVERFLOW;
    if (account->buying_power_e4 + command->value < 0) return REASON_CREDIT_SHORT;
    account->buying_power_e4 += command->value;
    emit_value(run, KIND_CREDITED, 0, 0, account->buying_power_e4);
    return REASON_NONE;
}

static uint8_t apply_kill(struct run *run) {
    struct engine *engine = run->engine;
    const struct command *command = run->command;
    if (command->mode > MODE_RELEASE || !row_exists(engine, command, command->field))
        return REASON_MALFORMED;
    bool killed = command->mode == MODE_KILL;
    uint8_t field;
    switch (command->field) {
    case TABLE_ENGINE:
        engine->killed = killed;
        field = ROW_ENGINE_KILLED;
        break;
    case TABLE_FIRM:
        engine->firm_killed[command->firm] = killed;
        field = ROW_FIRM_KILLED;
        break;
    case TABLE_ACCOUNT:
        engine->accounts[command->account].killed = killed;
        field = ROW_ACCOUNT_KILLED;
        break;
    case TABLE_SESSION:
        engine->session_killed[command->session] = killed;
        field = ROW_SESSION_KILLED;
        break;
    default:
        return REASON_MALFORMED;
    }
    emit_value(run, KIND_STATE, command->field, field, killed);
    return REASON_NONE;
}

static uint8_t apply_query(struct run *run) {
    struct engine *engine = run->engine;
    const struct command *command = run->command;
    uint8_t table = command->field;
    if (!row_exists(engine, command, table)) return REASON_MALFORMED;
    const struct abi_row *row;
    for (uint8_t field = 1; (row = abi_row(table, field)) != NULL; field++)
        if (row->access != ABI_LATER)
            emit_value(run, KIND_ROW, table, field, field_value(engine, command, table, field));
    return REASON_NONE;
}

/* sweep_form: a part that the filter names is an index or a side, any other is zero. */
static bool sweep_form(const struct engine *engine, const struct command *command) {
    uint8_t mode = command->mode;
    return mode < 2 * FILTER_SIDE &&
           command->session < (mode & FILTER_SESSION ? engine->size.accounts : 1) &&
           command->firm < (mode & FILTER_FIRM ? engine->size.accounts : 1) &&
           command->account < (mode & FILTER_ACCOUNT ? engine->size.accounts : 1) &&
           command->symbol < (mode & FILTER_SYMBOL ? engine->size.symbols : 1) &&
           command->side <= (mode & FILTER_SIDE ? SIDE_SELL : 0);
}

static bool sweep_meets(const struct engine *engine, const struct command *command,
                        const struct order *order) {
    uint8_t mode = command->mode;
    return order->live && (!(mode & FILTER_SESSION) || order->session == command->session) &&
           (!(mode & FILTER_FIRM) || engine->accounts[order->account].firm == command->firm) &&
           (!(mode & FILTER_ACCOUNT) || order->account == command->account) &&
           (!(mode & FILTER_SYMBOL) || order->symbol == command->symbol) &&
           (!(mode & FILTER_SIDE) || order->side == command->side);
}

static uint8_t apply_sweep(struct run *run) {
    struct engine *engine = run->engine;
    const struct command *command = run->command;
    if (!sweep_form(engine, command)) return REASON_MALFORMED;
    uint32_t count = 0;
    for (uint32_t slot = 0; slot < engine->size.orders; slot++) {
        if (!sweep_meets(engine, command, &engine->orders[slot])) continue;
        reduce(run, slot, engine->orders[slot].leaves, REASON_SWEPT);
        count++;
    }
    struct event event = { .kind = KIND_SWEPT,
                           .flags = command->side == SIDE_SELL ? EVENT_SELL : 0,
                           .symbol = command->symbol,
                           .account = command->account,
                           .quantity = count,
                           .session = command->session };
    run_emit(run, &event);
    return REASON_NONE;
}

/* crossing_shares counts the shares of one side that would trade at a rank, which need be none of a
 * level. */
static uint64_t crossing_shares(const struct engine *engine, uint32_t at, uint8_t side,
                                uint32_t least_rank) {
    const struct symbol *symbol = &engine->symbols[at];
    uint64_t shares = 0;
    uint32_t last = side == SIDE_BUY ? engine->size.levels - 1 : least_rank;
    for (uint32_t r = side == SIDE_BUY ? least_rank : 0; r <= last; r++) {
        uint32_t index = (symbol->base_index + r) & (engine->size.levels - 1);
        if (bitmap_test(&symbol->occupied[side], index))
            shares += engine->levels[((size_t)at * 2 + side) * engine->size.levels + index].shares;
    }
    return shares;
}

/* stays_crossed says whether a bid and an ask that do not both trade at the rank would meet: the
   side that trades whole has a next level beyond it, and the other one is longer than all that
   stands against it from there on. */
static bool stays_crossed(const struct engine *engine, uint32_t at, uint32_t price_rank,
                          uint64_t bids, uint64_t asks) {
    const struct symbol *symbol = &engine->symbols[at];
    uint32_t levels = engine->size.levels, index;
    uint32_t next_up = (symbol->base_index + price_rank + 1) & (levels - 1);
    uint32_t next_down = (symbol->base_index + price_rank - 1) & (levels - 1);
    if (bids < asks && price_rank > 0 &&
        bitmap_find_down(&symbol->occupied[SIDE_BUY], next_down, &index) &&
        rank(engine, symbol, index) < price_rank)
        return crossing_shares(engine, at, SIDE_SELL, rank(engine, symbol, index)) > bids;
    if (asks < bids && price_rank + 1 < levels &&
        bitmap_find_up(&symbol->occupied[SIDE_SELL], next_up, &index) &&
        rank(engine, symbol, index) > price_rank)
        return crossing_shares(engine, at, SIDE_BUY, rank(engine, symbol, index)) > asks;
    return false;
}

/* pair trades the oldest of the best bids with the oldest of the best asks. */
static uint32_t pair(struct run *run, uint32_t price_e4, uint64_t left) {
    struct engine *engine = run->engine;
    uint32_t at = run->command->symbol, bid_index, ask_index;
    const struct symbol *symbol = &engine->symbols[at];
    CHECK(best(engine, symbol, SIDE_BUY, &bid_index) &&
          best(engine, symbol, SIDE_SELL, &ask_index));
    uint32_t bid = level_of(engine, at, SIDE_BUY, bid_index)->head;
    uint32_t ask = level_of(engine, at, SIDE_SELL, ask_index)->head;
    uint32_t quantity = engine->orders[bid].displayed;
    if (engine->orders[ask].displayed < quantity) quantity = engine->orders[ask].displayed;
    CHECK(quantity <= left);
    fill_resting(engine, bid, quantity, price_e4);
    fill_resting(engine, ask, quantity, price_e4);
    emit_trade(run, bid, ask, quantity, price_e4);
    restate(run, ask);
    restate(run, bid);
    return quantity;
}

static uint8_t apply_uncross(struct run *run) {
    struct engine *engine = run->engine;
    const struct command *command = run->command;
    if (command->price_e4 == 0 || command->price_e4 > LIMIT_PRICE_E4_MAX) return REASON_MALFORMED;
    if (command->symbol >= engine->size.symbols || engine->symbols[command->symbol].tick_e4 == 0)
        return REASON_UNKNOWN_SYMBOL;
    const struct symbol *symbol = &engine->symbols[command->symbol];
    int64_t above_base = (int64_t)command->price_e4 - symbol->base_e4;
    if (above_base % symbol->tick_e4 != 0) return REASON_PRICE_OFF_TICK;
    if (symbol->state != SYMBOL_STATE_AUCTION) return REASON_KIND_NOT_ALLOWED;
    if ((uint64_t)command->value != symbol->last_event) return REASON_STALE;
    int64_t at = above_base / symbol->tick_e4;
    if (at < 0 || at >= engine->size.levels) return REASON_OUTSIDE_BAND;
    if (symbol->reference < 0) return REASON_NO_REFERENCE;
    if (llabs(at - symbol->reference) > symbol->collar) return REASON_OUTSIDE_COLLAR;
    uint64_t bids = crossing_shares(engine, command->symbol, SIDE_BUY, (uint32_t)at);
    uint64_t asks = crossing_shares(engine, command->symbol, SIDE_SELL, (uint32_t)at);
    if (stays_crossed(engine, command->symbol, (uint32_t)at, bids, asks))
        return REASON_BOOK_CROSSED;

    uint64_t left = bids < asks ? bids : asks;
    struct event verdict = { .kind = KIND_SET,
                             .symbol = command->symbol,
                             .price_e4 = command->price_e4,
                             .value = (int64_t)left,
                             .table = TABLE_SYMBOL };
    run_emit(run, &verdict);
    while (left > 0) left -= pair(run, command->price_e4, left);
    return REASON_NONE;
}

/* form_holds is check 1 as far as it is the same for all: a known opcode, no unused part, an origin
 * that may be. */
static bool form_holds(const struct command *command, bool trusted) {
    const uint8_t *used = abi_used(command->opcode);
    if (!used) return false;
    const uint8_t *bytes = (const uint8_t *)command;
    for (size_t i = 0; i < sizeof *command; i++)
        if (bytes[i] & ~used[i]) return false;
    return command->origin == ORIGIN_HOST || (command->origin == ORIGIN_CARD && trusted);
}

/* The card's word of itself changes nothing; it is in order with all else, that is all. */
static uint8_t apply_alert(struct run *run) {
    const struct command *command = run->command;
    unsigned alert = command->field & ~(unsigned)ALERT_CLEARED;
    if (command->origin != ORIGIN_CARD || alert == 0 || alert > ALERT_CRITICAL)
        return REASON_MALFORMED;
    emit_value(run, KIND_ALERT, 0, command->field, command->value);
    return REASON_NONE;
}

/* carry_out does what the command asks and says REASON_NONE, or says why not and has changed
 * nothing. */
static uint8_t carry_out(struct run *run) {
    switch (run->command->opcode) {
    case OPCODE_NOP:
        emit_value(run, KIND_SET, 0, 0, 0);
        return REASON_NONE;
    case OPCODE_NEW:
        return apply_new(run);
    case OPCODE_CANCEL:
        return apply_cancel(run);
    case OPCODE_REPLACE:
        return apply_replace(run);
    case OPCODE_SWEEP:
        return apply_sweep(run);
    case OPCODE_UNCROSS:
        return apply_uncross(run);
    case OPCODE_SYMBOL:
        return apply_row(run, TABLE_SYMBOL);
    case OPCODE_ACCOUNT:
        return apply_row(run, TABLE_ACCOUNT);
    case OPCODE_POSITION:
        return apply_row(run, TABLE_POSITION);
    case OPCODE_CREDIT:
        return apply_credit(run);
    case OPCODE_KILL:
        return apply_kill(run);
    case OPCODE_QUERY:
        return apply_query(run);
    case OPCODE_ALERT:
        return apply_alert(run);
    default:
        CHECK(!"codes.def has a built opcode that the engine does not carry out");
        return REASON_MALFORMED;
    }
}

void engine_apply(struct engine *engine, const struct command *command, bool trusted,
                  engine_emit *emit, void *context) {
    struct run run = { .engine = engine, .command = command, .emit = emit, .context = context };
    engine->commands++;
    if (command->stamp_ns > engine->stamp_ns) engine->stamp_ns = command->stamp_ns;
    run.by_card = trusted && command->origin == ORIGIN_CARD;
    uint8_t reason = form_holds(command, trusted) ? carry_out(&run) : REASON_MALFORMED;
    if (reason != REASON_NONE) reject(&run, reason);
    run_end(&run);
}

/* ---- invariants
 * ------------------------------------------------------------------------------------------------
 */

/* check_level walks one level's queue and returns how many orders it holds. */
static uint32_t check_level(const struct engine *engine, uint32_t symbol, uint32_t side,
                            uint32_t index) {
    const struct level *level =
        &engine->levels[((size_t)symbol * 2 + side) * engine->size.levels + index];
    uint32_t count = 0, previous = NO_SLOT;
    uint64_t shares = 0;
    for (uint32_t slot = level->head; slot != NO_SLOT; slot = engine->orders[slot].next) {
        const struct order *order = &engine->orders[slot];
        CHECK(order->live && order->leaves > 0);
        CHECK(order->symbol == symbol && order->side == side && order->level == index);
        CHECK(order->previous == previous);
        previous = slot;
        CHECK(order->displayed > 0 && order->displayed <= order->leaves);
        CHECK(order->shown > 0 ? order->displayed <= order->shown
                               : order->displayed == order->leaves);
        shares += order->leaves;
        CHECK(++count <= level->count);
    }
    CHECK(level->tail == previous && level->count == count && level->shares == shares);
    CHECK(count > 0);
    return count;
}

void engine_check(const struct engine *engine) {
    const struct card_size *size = &engine->size;
    uint32_t queued = 0, live = 0;
    for (uint32_t s = 0; s < size->symbols; s++) {
        const struct symbol *symbol = &engine->symbols[s];
        for (uint32_t side = 0; side < 2; side++)
            for (uint32_t index = 0; index < size->levels; index++)
                if (bitmap_test(&symbol->occupied[side], index))
                    queued += check_level(engine, s, side, index);
        CHECK(symbol->state != SYMBOL_STATE_OPEN || !crossed(engine, symbol));
    }
    for (uint32_t account = 0; account < size->accounts; account++)
        for (uint32_t s = 0; s < size->symbols; s++) {
            const struct position *position =
                &engine->positions[(size_t)account * size->symbols + s];
            CHECK(position->open_buy >= 0 && position->open_sell >= 0);
        }
    int64_t *reserved_e4 = calloc(size->accounts, sizeof *reserved_e4);
    int64_t *gross_e4 = calloc(size->accounts, sizeof *gross_e4);
    uint32_t *open_count = calloc(size->accounts, sizeof *open_count);
    int64_t *open = calloc((size_t)size->accounts * size->symbols * 2, sizeof *open);
    uint32_t *firm_open = calloc((size_t)size->accounts * size->symbols * 2, sizeof *firm_open);
    CHECK(reserved_e4 && gross_e4 && open_count && open && firm_open);
    for (uint32_t slot = 0; slot < size->orders; slot++) {
        const struct order *order = &engine->orders[slot];
        if (!order->live) continue;
        live++;
        const struct symbol *symbol = &engine->symbols[order->symbol];
        CHECK(order->price_e4 ==
              symbol->base_e4 + rank(engine, symbol, order->level) * symbol->tick_e4);
        CHECK(order->executed + order->leaves <= LIMIT_QUANTITY_MAX);
        open_count[order->account]++;
        firm_open[((size_t)engine->accounts[order->account].firm * size->symbols + order->symbol) *
                      2 +
                  order->side]++;
        gross_e4[order->account] += (int64_t)order->price_e4 * order->leaves;
        if (order->side == SIDE_BUY)
            reserved_e4[order->account] += (int64_t)order->price_e4 * order->leaves;
        open[((size_t)order->account * size->symbols + order->symbol) * 2 + order->side] +=
            order->leaves;
    }
    CHECK(live == queued);
    for (uint32_t account = 0; account < size->accounts; account++) {
        CHECK(engine->accounts[account].reserved_e4 == reserved_e4[account]);
        CHECK(engine->accounts[account].gross_e4 == gross_e4[account]);
        CHECK(engine->accounts[account].open_count == open_count[account]);
        CHECK(engine->accounts[account].buying_power_e4 >= 0);
    }
    for (size_t i = 0; i < (size_t)size->accounts * size->symbols; i++) {
        CHECK(engine->positions[i].open_buy == open[i * 2]);
        CHECK(engine->positions[i].open_sell == open[i * 2 + 1]);
    }
    CHECK(memcmp(firm_open, engine->firm_open,
                 (size_t)size->accounts * size->symbols * 2 * sizeof *firm_open) == 0);
    free(reserved_e4);
    free(gross_e4);
    free(open_count);
    free(open);
    free(firm_open);
}
