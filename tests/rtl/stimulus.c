#include "tests/rtl/stimulus.h"
#include "host/base/check.h"
#include "host/base/random.h"
#include <stdlib.h>

/* Of a large card only so many rows are used: a corner is as good as the whole, and crowds sooner.
 */
enum { SYMBOLS_USED = 8, ACCOUNTS_USED = 16, SLOTS_USED = 4096, MOOD_COMMANDS = 1500 };

/* What a mood breaks is put right after a while, so that no later one starves: commands wait in a
 * ring, one is given in so many. */
enum { REPAIRS = 256, REPAIR_ODDS = 6 };

enum action {
    NEW,
    CANCEL,
    REPLACE,
    SYMBOL,
    ACCOUNT,
    POSITION,
    CREDIT,
    KILL,
    QUERY,
    SWEEP,
    UNCROSS,
    NOP,
    BITS,
    ACTIONS
};

/* A mood lasts for MOOD_COMMANDS commands. Weights are out of their sum; odds are one in so many, 0
 * is never. */
struct mood {
    uint16_t weight[ACTIONS];
    uint16_t spread;   /* levels around the reference that prices are drawn from */
    uint32_t quantity; /* most of one order */
    uint16_t ioc_odds;
    uint16_t stale_odds; /* a CANCEL or REPLACE that names its order wrongly */
    uint16_t wild_odds;  /* a price anywhere, band's ends most of all */
    uint16_t full;       /* NEW goes on until so many of 256 slots rest */
    uint16_t kind_odds;  /* an order that is no plain limit order */
    uint16_t self_odds;  /* an order with a self-trade mode */
    uint16_t near_odds;  /* a row that is said gets limits just above what it holds */
    const char *why;
};

// clang-format off
static const struct mood moods[] = {
    /* NEW CANC REPL SYM ACC POS CRE KILL QUE SWE UNC NOP BIT  spread quant ioc stale wild full kind self near */
    { { 40, 25, 15, 1, 1, 2, 2, 0, 2, 0, 0, 1, 1 },      6,  100,  6,  30,  40, 200,  8,  0, 0, "an ordinary book" },
    { { 45, 30, 25, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0 },      1,   20,  4,   0,   0, 200, 20, 20, 0, "one level, to and fro" },
    { { 60, 10,  5, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0 },      3,    5, 20,   0,   0, 256, 30,  0, 0, "many small orders: a full book" },
    { { 50,  5, 20, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0 },     12,  900,  2,   0,   0, 128,  4,  0, 0, "orders that empty levels" },
    { { 30, 20, 20, 20, 0, 0, 0, 0, 2, 0, 0, 0, 0 },     8,   50,  6,  20,   3,  64, 10,  0, 0, "the base moves under orders" },
    { { 30, 30, 30, 2, 0, 0, 0, 0, 5, 0, 0, 0, 0 },      5,   50,  6,   2,   5, 128, 10, 10, 0, "stale handles and strangers" },
    { { 40, 10, 20, 2, 10, 20, 20, 0, 3, 0, 0, 0, 0 },   4,  300,  6,  50,  20, 128, 10, 10, 0, "limits about to be met or to overflow" },
    { { 40, 20, 15, 4, 3, 1, 0, 12, 4, 2, 0, 0, 0 },     4,   60,  6,  30,  20, 128, 10, 10, 0, "kill and release, open and halt" },
    { { 20, 10, 10, 5, 5, 5, 5, 3, 5, 2, 2, 2, 50 },     4,   60,  6,  30,  20, 128,  6,  6, 0, "bits where none belong" },
    { { 50, 15, 20, 0, 2, 0, 1, 0, 2, 0, 0, 0, 0 },      2,   40,  6,   0,   0, 160,  6,  1, 0, "orders of one firm meet" },
    { { 55, 15, 20, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0 },      2,  300,  4,   0,   0, 160,  1,  8, 0, "icebergs, minimums, all or nothing" },
    { { 50, 10, 15, 12, 0, 0, 1, 0, 2, 1, 10, 0, 0 },    3,   60, 30,   0,  30, 128,  3, 20, 0, "auctions" },
    { { 60, 10, 10, 0, 0, 0, 1, 1, 2, 6, 0, 0, 0 },      6,   60, 10,   0,   0, 256, 10, 10, 0, "many are swept away" },
    { { 50, 10, 25, 1, 12, 0, 2, 0, 3, 0, 0, 0, 0 },     4,   60, 10,   0,   0, 128, 10, 10, 0, "rates, repetitions, sums of the account" },
    { { 50, 10, 20, 0, 1, 0, 3, 0, 2, 0, 0, 0, 0 },     5, 60000, 8,   0,   0, 160,  6, 12, 0, "shares by the ten thousand" },
    { { 50, 12, 24, 4, 0, 0, 2, 0, 2, 1, 3, 0, 0 },     3, LIMIT_QUANTITY_MAX, 8, 0, 60, 200, 6, 12, 0, "shares by the million" },
    { { 40, 10, 20, 0, 1, 1, 1, 0, 25, 0, 0, 0, 0 },     4,  300,  6,   0,   0, 128, 10, 10, 2, "limits where the sums are" },
    { { 20, 15, 60, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0 },      2,  900,  6,   0,   0,   8,  4, 10, 0, "few orders, over and over" },
};
// clang-format on
enum { MOODS = sizeof moods / sizeof *moods };

/* What is known of a slot. */
struct slot {
    bool live;
    uint32_t place; /* in the list of live or of free slots */
    uint32_t order; /* handle last used */
    struct command entry;
    uint32_t executed, leaves;
    uint64_t asked; /* the last command of it, counted; 0 when it is answered */
};

struct symbol {
    int64_t base_e4, tick_e4, reference, lot;
    uint64_t last_event;
    bool auction;
};

struct stimulus {
    struct random random;
    struct card_size size;
    uint32_t symbols, accounts, slots;
    uint64_t count;
    const struct mood *mood;
    struct slot *slot;
    uint32_t *live, *free, live_count, free_count;
    struct symbol *symbol;
    struct command repair[REPAIRS];
    uint32_t repairs_made, repairs_given;
    struct command last_new;
    int64_t gross_e4, net; /* as the row said that is being said */
};

static uint64_t below(struct stimulus *stimulus, uint64_t bound) {
    return random_below(&stimulus->random, bound);
}

static bool one_in(struct stimulus *stimulus, uint32_t odds) {
    return odds != 0 && below(stimulus, odds) == 0;
}

/* Accounts with an odd number have limits that hardly anything meets, and the last symbol any price
   and tick: there sums grow to the bits that a plain order never reaches. */
static bool is_rich(uint16_t account) { return account % 2; }

static bool is_dear(const struct stimulus *stimulus, uint16_t symbol) {
    return symbol + 1u == stimulus->symbols;
}

static uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }

struct stimulus *stimulus_new(const struct card_size *size, uint64_t seed) {
    struct stimulus *stimulus = calloc(1, sizeof *stimulus);
    CHECK(stimulus);
    stimulus->random = random_seeded(seed);
    stimulus->size = *size;
    stimulus->symbols = least(size->symbols, SYMBOLS_USED);
    stimulus->accounts = least(size->accounts, ACCOUNTS_USED);
    stimulus->slots = least(size->orders, SLOTS_USED);
    stimulus->slot = calloc(stimulus->slots, sizeof *stimulus->slot);
    stimulus->live = calloc(stimulus->slots, sizeof *stimulus->live);
    stimulus->free = calloc(stimulus->slots, sizeof *stimulus->free);
    stimulus->symbol = calloc(stimulus->symbols, sizeof *stimulus->symbol);
    CHECK(stimulus->slot && stimulus->live && stimulus->free && stimulus->symbol);
    for (uint32_t i = 0; i < stimulus->slots; i++) {
        stimulus->slot[i].order = abi_handle(i, 0);
        stimulus->slot[i].place = i;
        stimulus->free[i] = i;
    }
    stimulus->free_count = stimulus->slots;
    for (uint32_t i = 0; i < stimulus->symbols; i++) stimulus->symbol[i].reference = -1;
    return stimulus;
}

void stimulus_delete(struct stimulus *stimulus) {
    if (!stimulus) return;
    free(stimulus->slot);
    free(stimulus->live);
    free(stimulus->free);
    free(stimulus->symbol);
    free(stimulus);
}

/* ---- what the events tell
 * ---------------------------------------------------------------------------------------- */

static void move(struct stimulus *stimulus, uint32_t slot, uint32_t *from, uint32_t *from_count,
                 uint32_t *to, uint32_t *to_count) {
    uint32_t place = stimulus->slot[slot].place, last = from[--*from_count];
    from[place] = last;
    stimulus->slot[last].place = place;
    stimulus->slot[slot].place = *to_count;
    to[(*to_count)++] = slot;
}

static void set_leaves(struct stimulus *stimulus, uint32_t slot, uint32_t leaves) {
    if (slot >= stimulus->slots) return; /* a flipped bit entered it */
    struct slot *known = &stimulus->slot[slot];
    known->leaves = leaves;
    if (leaves > 0 && !known->live) {
        move(stimulus, slot, stimulus->free, &stimulus->free_count, stimulus->live,
             &stimulus->live_count);
        known->live = true;
    } else if (leaves == 0 && known->live) {
        move(stimulus, slot, stimulus->live, &stimulus->live_count, stimulus->free,
             &stimulus->free_count);
        known->live = false;
    }
}

static void row(struct command *command, uint8_t opcode, uint8_t field, int64_t value) {
    command->opcode = opcode;
    command->field = field;
    command->value = value;
}

static void repair(struct stimulus *stimulus, const struct command *command) {
    if (stimulus->repairs_made - stimulus->repairs_given < REPAIRS)
        stimulus->repair[stimulus->repairs_made++ % REPAIRS] = *command;
}

static void see_state(struct stimulus *stimulus, const struct event *event) {
    struct command command = { .symbol = event->symbol };
    if (event->table == TABLE_SYMBOL) {
        row(&command, OPCODE_SYMBOL, ROW_SYMBOL_STATE, SYMBOL_STATE_OPEN);
        if (event->symbol < stimulus->symbols)
            stimulus->symbol[event->symbol].auction = event->value == SYMBOL_STATE_AUCTION;
        bool stays = event->value == SYMBOL_STATE_AUCTION && stimulus->mood->weight[UNCROSS] > 0;
        if (event->value != SYMBOL_STATE_OPEN && !stays) repair(stimulus, &command);
        return;
    }
    row(&command, OPCODE_KILL, event->table, 0);
    command.mode = MODE_RELEASE;
    if (event->table == TABLE_FIRM) command.firm = event->account;
    if (event->table == TABLE_ACCOUNT) command.account = event->account;
    if (event->table == TABLE_SESSION) command.session = event->session;
    if (event->value) repair(stimulus, &command);
}

static int64_t notional_max(uint16_t account) {
    return INT64_C(1) << (is_rich(account) ? LIMIT_NOTIONAL_BITS - 1 : 40);
}

/* repaired says what a field should be again, or that its value lets orders through as it is. */
static bool repaired(const struct stimulus *stimulus, const struct event *event, int64_t *value) {
    const int64_t levels = stimulus->size.levels, now = event->value;
    switch (event->table << 8 | event->field) {
    case TABLE_SYMBOL << 8 | ROW_SYMBOL_REFERENCE:
        *value = levels / 2;
        return now < levels / 8 || now > levels - levels / 8;
    case TABLE_SYMBOL << 8 | ROW_SYMBOL_COLLAR:
        *value = levels - 1;
        return now < levels / 2;
    case TABLE_SYMBOL << 8 | ROW_SYMBOL_TICK_E4:
        *value = 50;
        return now > 1000 && !is_dear(stimulus, event->symbol);
    case TABLE_SYMBOL << 8 | ROW_SYMBOL_BASE_E4:
        *value = 1000;
        return now > 1000000 && !is_dear(stimulus, event->symbol);
    case TABLE_SYMBOL << 8 | ROW_SYMBOL_LOT:
        *value = 1;
        return now > 5;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_ENABLED:
        *value = 1;
        return now == 0;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_CURRENCY:
        *value = 840;
        return now == 0;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_QUANTITY_MAX:
        *value = is_rich(event->account) ? LIMIT_QUANTITY_MAX : 900;
        return now < 100;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_NOTIONAL_MAX_E4:
        *value = notional_max(event->account);
        return now < INT64_C(1) << 28;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_OPEN_MAX:
        *value = 4096;
        return now < 40;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_GROSS_MAX_E4:
        *value = INT64_C(1) << (is_rich(event->account) ? 60 : 50);
        return now < INT64_C(1) << 40;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_DAILY_MAX_E4:
        *value = INT64_C(1) << (is_rich(event->account) ? 60 : 58);
        return now < INT64_C(1) << 52;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_TRADED_E4:
        *value = 0;
        return now > INT64_C(1) << 50;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_RATE_INTERVAL_NS:
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_DUPLICATE_NS:
        *value = 0;
        return now > 100;
    case TABLE_POSITION << 8 | ROW_POSITION_RESTRICTION:
        *value = 0;
        return now != 0;
    case TABLE_POSITION << 8 | ROW_POSITION_LONG_MAX:
    case TABLE_POSITION << 8 | ROW_POSITION_SHORT_MAX:
    case TABLE_POSITION << 8 | ROW_POSITION_LOCATE:
        *value = 100000;
        return now < 2000;
    default:
        return false;
    }
}

static void give_row(struct stimulus *stimulus, const struct event *event, uint8_t opcode,
                     uint8_t field, int64_t value) {
    struct command command = { .symbol = event->table == TABLE_POSITION ? event->symbol : 0,
                               .account = event->account };
    row(&command, opcode, field, value);
    repair(stimulus, &command);
}

static void draw_new(struct stimulus *stimulus, struct command *command);
static uint32_t draw_price(struct stimulus *stimulus, uint16_t at);

/* see_sums sets a limit so that an order that follows it just meets it or just does not, unless
   what is under way moves the sum, or so that some order will. */
static void see_sums(struct stimulus *stimulus, const struct event *event) {
    const int64_t now = event->value;
    const uint16_t what = (uint16_t)(event->table << 8 | event->field);
    if (what == (TABLE_ACCOUNT << 8 | ROW_ACCOUNT_GROSS_E4)) stimulus->gross_e4 = now;
    if (what == (TABLE_POSITION << 8 | ROW_POSITION_NET)) stimulus->net = now;
    if (!one_in(stimulus, stimulus->mood->near_odds)) return;
    struct command order = { 0 };
    draw_new(stimulus, &order);
    order.account = event->account;
    if (event->table == TABLE_POSITION) {
        order.symbol = event->symbol;
        order.price_e4 = draw_price(stimulus, order.symbol);
    }
    int64_t few = order.quantity - (int64_t)below(stimulus, 2);
    int64_t more_e4 = (int64_t)order.quantity * order.price_e4 - (int64_t)below(stimulus, 2);
    if (one_in(stimulus, 3)) few = (int64_t)below(stimulus, 200);
    if (one_in(stimulus, 3)) more_e4 = (int64_t)below(stimulus, UINT64_C(1) << below(stimulus, 34));
    switch (what) {
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_BUYING_POWER_E4:
        order.side = SIDE_BUY;
        give_row(stimulus, event, OPCODE_CREDIT, 0, more_e4 - now);
        break;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_OPEN_COUNT:
        give_row(stimulus, event, OPCODE_ACCOUNT, ROW_ACCOUNT_OPEN_MAX,
                 now + (int64_t)below(stimulus, 3));
        break;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_GROSS_E4:
        give_row(stimulus, event, OPCODE_ACCOUNT, ROW_ACCOUNT_GROSS_MAX_E4, now + more_e4);
        break;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_TRADED_E4:
        give_row(stimulus, event, OPCODE_ACCOUNT, ROW_ACCOUNT_DAILY_MAX_E4,
                 stimulus->gross_e4 + now + more_e4);
        break;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_RATE_TAT_NS:
        give_row(stimulus, event, OPCODE_ACCOUNT, ROW_ACCOUNT_RATE_INTERVAL_NS,
                 (int64_t)below(stimulus, 200));
        give_row(stimulus, event, OPCODE_ACCOUNT, ROW_ACCOUNT_RATE_BURST_NS,
                 (int64_t)below(stimulus, UINT64_C(1) << below(stimulus, 14)));
        break;
    case TABLE_ACCOUNT << 8 | ROW_ACCOUNT_DUPLICATE_NS:
        give_row(stimulus, event, OPCODE_ACCOUNT, ROW_ACCOUNT_DUPLICATE_NS,
                 (int64_t)below(stimulus, UINT64_C(1) << below(stimulus, 33)));
        repair(stimulus, &order);
        break;
    case TABLE_POSITION << 8 | ROW_POSITION_OPEN_BUY:
        order.side = SIDE_BUY;
        if (stimulus->net + now + few < 0) return;
        give_row(stimulus, event, OPCODE_POSITION, ROW_POSITION_LONG_MAX,
                 stimulus->net + now + few);
        break;
    case TABLE_POSITION << 8 | ROW_POSITION_OPEN_SELL:
        order.side = SIDE_SELL;
        if (now - stimulus->net + few < 0) return;
        give_row(stimulus, event, OPCODE_POSITION,
                 one_in(stimulus, 2) ? ROW_POSITION_SHORT_MAX : ROW_POSITION_LOCATE,
                 now - stimulus->net + few);
        break;
    case TABLE_POSITION << 8 | ROW_POSITION_RESTRICTION:
        give_row(stimulus, event, OPCODE_POSITION, ROW_POSITION_RESTRICTION,
                 one_in(stimulus, 4) ? RESTRICT_CLOSE_ONLY : 0);
        break;
    default:
        return;
    }
    repair(stimulus, &order);
}

static void see_row(struct stimulus *stimulus, const struct event *event) {
    static const uint8_t opcodes[] = { [TABLE_SYMBOL] = OPCODE_SYMBOL,
                                       [TABLE_ACCOUNT] = OPCODE_ACCOUNT,
                                       [TABLE_POSITION] = OPCODE_POSITION };
    if (event->table == TABLE_ENGINE || event->field == 0) return; /* a NOP's, an UNCROSS's */
    struct command command = { .symbol = event->symbol, .account = event->account };
    int64_t value;
    bool meant = event->table != TABLE_SYMBOL && stimulus->mood->near_odds > 0;
    if (!meant && repaired(stimulus, event, &value)) {
        row(&command, opcodes[event->table], event->field, value);
        repair(stimulus, &command);
    }
    if (event->table != TABLE_SYMBOL || event->symbol >= stimulus->symbols) return;
    struct symbol *symbol = &stimulus->symbol[event->symbol];
    if (event->field == ROW_SYMBOL_BASE_E4) symbol->base_e4 = event->value;
    if (event->field == ROW_SYMBOL_TICK_E4) symbol->tick_e4 = event->value;
    if (event->field == ROW_SYMBOL_LOT) symbol->lot = event->value;
    if (event->field == ROW_SYMBOL_REFERENCE) symbol->reference = event->value;
    if (event->field == ROW_SYMBOL_TICK_E4 ||
        event->field == ROW_SYMBOL_BASE_E4) { /* they may forget the reference */
        row(&command, OPCODE_SYMBOL, ROW_SYMBOL_REFERENCE, stimulus->size.levels / 2);
        repair(stimulus, &command);
    }
}

static void see_fill(struct stimulus *stimulus, uint32_t slot, uint32_t quantity, uint32_t leaves) {
    if (slot < stimulus->slots) stimulus->slot[slot].executed += quantity;
    set_leaves(stimulus, slot, leaves);
}

/* loosen puts the limit right that refused an order. */
static void loosen(struct stimulus *stimulus, const struct event *event) {
    static const struct {
        uint8_t reason, opcode, field;
        int64_t value;
    } cures[] = {
        { REASON_RESTRICTED, OPCODE_POSITION, ROW_POSITION_RESTRICTION, 0 },
        { REASON_MESSAGE_RATE, OPCODE_ACCOUNT, ROW_ACCOUNT_RATE_INTERVAL_NS, 0 },
        { REASON_OPEN_ORDERS, OPCODE_ACCOUNT, ROW_ACCOUNT_OPEN_MAX, 4096 },
        { REASON_POSITION_LIMIT, OPCODE_POSITION, ROW_POSITION_LONG_MAX, INT64_C(1) << 45 },
        { REASON_SHORT_LIMIT, OPCODE_POSITION, ROW_POSITION_SHORT_MAX, INT64_C(1) << 45 },
        { REASON_SHORT_LIMIT, OPCODE_POSITION, ROW_POSITION_LOCATE, INT64_C(1) << 45 },
        { REASON_GROSS_NOTIONAL, OPCODE_ACCOUNT, ROW_ACCOUNT_GROSS_MAX_E4, INT64_C(1) << 60 },
        { REASON_DAILY_NOTIONAL, OPCODE_ACCOUNT, ROW_ACCOUNT_DAILY_MAX_E4, INT64_C(1) << 60 },
        { REASON_BUYING_POWER, OPCODE_CREDIT, 0, INT64_C(1) << 44 },
    };
    for (size_t i = 0; i < sizeof cures / sizeof *cures; i++) {
        if (cures[i].reason != event->reason) continue;
        struct command command = { .account = event->account };
        if (cures[i].opcode == OPCODE_POSITION) command.symbol = event->symbol;
        row(&command, cures[i].opcode, cures[i].field, cures[i].value);
        repair(stimulus, &command);
    }
}

/* A refusal that would go on for ever calls for its cure. */
static void see_rejected(struct stimulus *stimulus, const struct event *event) {
    struct command open = { .symbol = event->symbol };
    row(&open, OPCODE_SYMBOL, ROW_SYMBOL_STATE, SYMBOL_STATE_OPEN);
    if (event->reason == REASON_BOOK_CROSSED && event->field == OPCODE_SYMBOL &&
        one_in(stimulus, 4)) {
        struct command sweep = { .opcode = OPCODE_SWEEP,
                                 .mode = FILTER_SYMBOL,
                                 .symbol = event->symbol };
        repair(stimulus, &sweep);
        repair(stimulus, &open);
    } else if (event->reason == REASON_KIND_NOT_ALLOWED && event->field == OPCODE_NEW &&
               one_in(stimulus, 30)) {
        repair(stimulus, &open);
    } else if (event->reason >= REASON_RESTRICTED && stimulus->mood->near_odds == 0 &&
               one_in(stimulus, 12)) {
        loosen(stimulus, event);
    }
}

void stimulus_see(struct stimulus *stimulus, const struct event *event) {
    uint32_t slot = abi_slot(event->order);
    if (abi_changes_symbol(event) && event->symbol < stimulus->symbols)
        stimulus->symbol[event->symbol].last_event = event->number;
    if (slot < stimulus->slots) stimulus->slot[slot].asked = 0;
    switch (event->kind) {
    case KIND_ACCEPTED:
    case KIND_REPLACED:
        if (slot >= stimulus->slots) break;
        stimulus->slot[slot].order = event->order;
        stimulus->slot[slot].executed = event->quantity - event->leaves;
        stimulus->slot[slot].entry = (struct command){
            .side = event->flags & EVENT_SELL ? SIDE_SELL : SIDE_BUY,
            .symbol = event->symbol,
            .account = event->account,
            .session = event->session,
        };
        set_leaves(stimulus, slot, event->leaves);
        break;
    case KIND_TRADE:
        see_fill(stimulus, slot, event->quantity, event->leaves);
        see_fill(stimulus, abi_slot(event_maker(event)), event->quantity,
                 event_maker_leaves(event));
        break;
    case KIND_CANCELED:
        set_leaves(stimulus, slot, event->leaves);
        break;
    case KIND_REJECTED:
        see_rejected(stimulus, event);
        break;
    case KIND_STATE:
        see_state(stimulus, event);
        break;
    case KIND_SET:
        see_row(stimulus, event);
        break;
    case KIND_ROW:
        if (stimulus->mood->near_odds > 0) see_sums(stimulus, event);
        break;
    default:
        break;
    }
}

/* ---- commands
 * ----------------------------------------------------------------------------------------------------
 */

/* Of the last symbol: a band of such ticks may begin as high as prices reach. */
static int64_t draw_tick(struct stimulus *stimulus) {
    int64_t most = LIMIT_PRICE_E4_MAX / 2 / (int64_t)stimulus->size.levels;
    int64_t tick_e4 = 1 + (int64_t)below(stimulus, UINT64_C(2) << below(stimulus, 20));
    return tick_e4 < most ? tick_e4 : most;
}

static int64_t draw_base(struct stimulus *stimulus) {
    return (int64_t)below(stimulus, LIMIT_PRICE_E4_MAX / 2) + LIMIT_PRICE_E4_MAX / 4;
}

/* set_up gives the commands with which everything begins; false when they are over. */
static bool set_up(struct stimulus *stimulus, struct command *command) {
    enum { SYMBOL_STEPS = 5, ACCOUNT_STEPS = 9, POSITION_STEPS = 3 };
    uint64_t step = stimulus->count;
    if (step < (uint64_t)stimulus->symbols * SYMBOL_STEPS) {
        command->symbol = (uint16_t)(step / SYMBOL_STEPS);
        switch (step % SYMBOL_STEPS) {
        case 0:
            row(command, OPCODE_SYMBOL, ROW_SYMBOL_TICK_E4, (int64_t)(1 + below(stimulus, 3) * 49));
            if (is_dear(stimulus, command->symbol)) command->value = draw_tick(stimulus);
            break;
        case 1:
            row(command, OPCODE_SYMBOL, ROW_SYMBOL_BASE_E4, (int64_t)below(stimulus, 100000));
            if (is_dear(stimulus, command->symbol)) command->value = draw_base(stimulus);
            break;
        case 2:
            row(command, OPCODE_SYMBOL, ROW_SYMBOL_REFERENCE, stimulus->size.levels / 2);
            break;
        case 3:
            row(command, OPCODE_SYMBOL, ROW_SYMBOL_COLLAR, stimulus->size.levels - 1);
            break;
        default:
            row(command, OPCODE_SYMBOL, ROW_SYMBOL_STATE, SYMBOL_STATE_OPEN);
        }
        return true;
    }
    step -= (uint64_t)stimulus->symbols * SYMBOL_STEPS;
    if (step < (uint64_t)stimulus->accounts * ACCOUNT_STEPS) {
        command->account = (uint16_t)(step / ACCOUNT_STEPS);
        switch (step % ACCOUNT_STEPS) {
        case 0:
            row(command, OPCODE_ACCOUNT, ROW_ACCOUNT_CURRENCY, 840);
            break;
        case 1:
            row(command, OPCODE_ACCOUNT, ROW_ACCOUNT_FIRM,
                (int64_t)below(stimulus, stimulus->accounts / 2));
            break;
        case 2:
            row(command, OPCODE_ACCOUNT, ROW_ACCOUNT_QUANTITY_MAX,
                command->account % 2 ? LIMIT_QUANTITY_MAX : 990);
            break;
        case 3:
            row(command, OPCODE_ACCOUNT, ROW_ACCOUNT_NOTIONAL_MAX_E4,
                notional_max(command->account));
            break;
        case 4:
            row(command, OPCODE_CREDIT, 0, INT64_C(1) << (is_rich(command->account) ? 61 : 44));
            break;
        case 5:
            row(command, OPCODE_ACCOUNT, ROW_ACCOUNT_OPEN_MAX, 4096);
            break;
        case 6:
            row(command, OPCODE_ACCOUNT, ROW_ACCOUNT_GROSS_MAX_E4,
                INT64_C(1) << (is_rich(command->account) ? 60 : 50));
            break;
        case 7:
            row(command, OPCODE_ACCOUNT, ROW_ACCOUNT_DAILY_MAX_E4, INT64_C(1) << 58);
            break;
        default:
            row(command, OPCODE_ACCOUNT, ROW_ACCOUNT_ENABLED, 1);
        }
        return true;
    }
    step -= (uint64_t)stimulus->accounts * ACCOUNT_STEPS;
    if (step < (uint64_t)stimulus->accounts * stimulus->symbols * POSITION_STEPS) {
        uint64_t position = step / POSITION_STEPS;
        command->account = (uint16_t)(position / stimulus->symbols);
        command->symbol = (uint16_t)(position % stimulus->symbols);
        row(command, OPCODE_POSITION, (uint8_t)(ROW_POSITION_LONG_MAX + step % POSITION_STEPS),
            command->account % 2 ? INT64_C(1) << 45 : 100000);
        return true;
    }
    if (step == (uint64_t)stimulus->accounts * stimulus->symbols * POSITION_STEPS) {
        command->opcode = OPCODE_KILL;
        command->mode = MODE_RELEASE;
        return true;
    }
    return false;
}

static uint32_t draw_price(struct stimulus *stimulus, uint16_t at) {
    const struct symbol *symbol = &stimulus->symbol[at < stimulus->symbols ? at : 0];
    int64_t levels = stimulus->size.levels;
    int64_t level = symbol->reference < 0 ? levels / 2 : symbol->reference;
    level += (int64_t)below(stimulus, 2u * stimulus->mood->spread + 1) - stimulus->mood->spread;
    if (one_in(stimulus, stimulus->mood->wild_odds)) {
        int64_t ends[] = {
            -1, 0, 1, levels - 1, levels, (int64_t)below(stimulus, (uint64_t)levels)
        };
        level = ends[below(stimulus, sizeof ends / sizeof *ends)];
    }
    int64_t price_e4 = symbol->base_e4 + level * (symbol->tick_e4 ? symbol->tick_e4 : 1);
    if (one_in(stimulus, 200)) price_e4++;
    return (uint32_t)price_e4;
}

static uint32_t draw_quantity(struct stimulus *stimulus, uint16_t at) {
    uint64_t lot = (uint64_t)stimulus->symbol[at < stimulus->symbols ? at : 0].lot;
    uint64_t quantity = 1 + below(stimulus, stimulus->mood->quantity);
    if (one_in(stimulus, 20)) quantity = 1 + below(stimulus, UINT64_C(1) << below(stimulus, 20));
    if (one_in(stimulus, 300)) return (uint32_t)(LIMIT_QUANTITY_MAX - 1 + below(stimulus, 3));
    if (lot > 1 && !one_in(stimulus, 20)) quantity += lot - quantity % lot;
    return (uint32_t)quantity;
}

/* draw_kind makes another kind of order of a plain one, now and then one that does not exist. */
static void draw_kind(struct stimulus *stimulus, struct command *command) {
    uint32_t quantity = command->quantity;
    if (one_in(stimulus, stimulus->mood->self_odds))
        command->self_trade = (uint8_t)(below(stimulus, 5) + one_in(stimulus, 50));
    if (!one_in(stimulus, stimulus->mood->kind_odds)) return;
    switch (below(stimulus, 6)) {
    case 0:
        command->flags = ORDER_IOC | ORDER_MARKET;
        command->price_e4 = 0;
        break;
    case 1:
        command->flags = ORDER_IOC | ORDER_FOK;
        break;
    case 2:
        command->flags = ORDER_IOC;
        command->quantity_min = 1 + (uint32_t)below(stimulus, quantity + one_in(stimulus, 9));
        break;
    case 3:
        command->flags = ORDER_POST_ONLY;
        break;
    default:
        command->flags = one_in(stimulus, 9) ? ORDER_POST_ONLY : 0;
        command->shown = 1 + (uint32_t)below(stimulus, quantity > 1 ? quantity - 1 : 1);
        if (!one_in(stimulus, 3))
            command->shown = 1 + quantity / (2 + (uint32_t)below(stimulus, 9));
        if (one_in(stimulus, 20)) command->shown = quantity / 256 + (uint32_t)below(stimulus, 2);
    }
    if (one_in(stimulus, 30)) command->flags ^= (uint16_t)(1u << below(stimulus, 5));
    if (one_in(stimulus, 60)) command->quantity_min = (uint32_t)below(stimulus, quantity + 2);
    if (one_in(stimulus, 60)) command->price_e4 = 0;
}

/* is_asked says whether a command of the slot is likely to be under way. Most others leave it
   alone, or most would be refused. */
static bool is_asked(struct stimulus *stimulus, uint32_t at) {
    enum { UNDER_WAY = 60, RACE_ODDS = 6 };
    uint64_t asked = stimulus->slot[at].asked;
    return asked > 0 && stimulus->count - asked < UNDER_WAY && !one_in(stimulus, RACE_ODDS);
}

static void draw_new(struct stimulus *stimulus, struct command *command) {
    uint32_t slot = 0; /* its generations wrap around */
    bool first = one_in(stimulus, 3) && !stimulus->slot[0].live;
    for (int tries = 0; stimulus->free_count > 0 && tries < 6; tries++) {
        if (!first || tries > 0) slot = stimulus->free[below(stimulus, stimulus->free_count)];
        if (!is_asked(stimulus, slot)) break;
    }
    if (one_in(stimulus, 100)) slot = (uint32_t)below(stimulus, stimulus->slots);
    stimulus->slot[slot].asked = stimulus->count;
    uint32_t generation = abi_generation_next(abi_generation(stimulus->slot[slot].order));
    if (one_in(stimulus, 100)) generation ^= 1;
    command->opcode = OPCODE_NEW;
    command->order = abi_handle(slot, generation);
    command->symbol = (uint16_t)below(stimulus, stimulus->symbols + one_in(stimulus, 100));
    command->account = (uint16_t)below(stimulus, stimulus->accounts + one_in(stimulus, 100));
    command->session = command->account;
    if (one_in(stimulus, 4)) command->session = (uint16_t)below(stimulus, stimulus->accounts);
    command->side = (uint8_t)below(stimulus, 2);
    command->flags = one_in(stimulus, stimulus->mood->ioc_odds) ? ORDER_IOC : 0;
    command->price_e4 = draw_price(stimulus, command->symbol);
    command->quantity = draw_quantity(stimulus, command->symbol);
    if (command->quantity > 990 && !one_in(stimulus, 8)) command->account |= 1; /* a rich one */
    command->client_ref = (uint32_t)random_next(&stimulus->random);
    draw_kind(stimulus, command);
    if (one_in(stimulus, 8) && stimulus->last_new.opcode == OPCODE_NEW) {
        uint32_t order = command->order;
        *command = stimulus->last_new; /* once more, in another slot */
        command->order = order;
        if (one_in(stimulus, 4)) command->quantity++;
    }
    stimulus->last_new = *command;
}

static void draw_sweep(struct stimulus *stimulus, struct command *command) {
    command->opcode = OPCODE_SWEEP;
    command->mode = (uint8_t)below(stimulus, 32);
    if (one_in(stimulus, 40)) command->mode ^= (uint8_t)(1u << below(stimulus, 8));
    uint32_t accounts = stimulus->accounts + one_in(stimulus, 60);
    if (command->mode & FILTER_SESSION) command->session = (uint16_t)below(stimulus, accounts);
    if (command->mode & FILTER_FIRM) command->firm = (uint16_t)below(stimulus, accounts);
    if (command->mode & FILTER_ACCOUNT) command->account = (uint16_t)below(stimulus, accounts);
    if (command->mode & FILTER_SYMBOL)
        command->symbol = (uint16_t)below(stimulus, stimulus->symbols + one_in(stimulus, 60));
    if (command->mode & FILTER_SIDE) command->side = (uint8_t)below(stimulus, 2);
    if (one_in(stimulus, 60)) command->account ^= 1;
}

static void draw_uncross(struct stimulus *stimulus, struct command *command) {
    command->opcode = OPCODE_UNCROSS;
    command->symbol = (uint16_t)below(stimulus, stimulus->symbols + one_in(stimulus, 60));
    for (int tries = 0; tries < 8 && command->symbol < stimulus->symbols &&
                        !stimulus->symbol[command->symbol].auction;
         tries++)
        command->symbol = (uint16_t)below(stimulus, stimulus->symbols);
    command->price_e4 = draw_price(stimulus, command->symbol);
    command->value = STIMULUS_LAST_EVENT;
    if (one_in(stimulus, 20)) command->value = (int64_t)below(stimulus, 1000);
}

void stimulus_settle(const struct stimulus *stimulus, struct command *command) {
    if (command->opcode != OPCODE_UNCROSS || command->value != STIMULUS_LAST_EVENT) return;
    command->value = command->symbol < stimulus->symbols
                         ? (int64_t)stimulus->symbol[command->symbol].last_event
                         : 1;
}

/* draw_named names a resting order for CANCEL or REPLACE, now and then wrongly; NULL if none is at
   rest that no other command is about to change. */
static const struct slot *draw_named(struct stimulus *stimulus, struct command *command,
                                     uint8_t opcode) {
    uint32_t at = stimulus->live_count > 0 && !one_in(stimulus, 30)
                      ? stimulus->live[below(stimulus, stimulus->live_count)]
                      : (uint32_t)below(stimulus, stimulus->slots);
    for (int tries = 0; tries < 4 && stimulus->live_count > 0 && is_asked(stimulus, at); tries++)
        at = stimulus->live[below(stimulus, stimulus->live_count)];
    struct slot *slot = &stimulus->slot[at];
    if (is_asked(stimulus, at)) return NULL;
    slot->asked = stimulus->count;
    *command = slot->entry;
    command->opcode = opcode;
    command->order = slot->order;
    if (one_in(stimulus, stimulus->mood->stale_odds)) {
        switch (below(stimulus, 6)) {
        case 0:
            command->order ^= 1u << LIMIT_SLOT_BITS;
            break;
        case 1:
            command->order = abi_handle(at, abi_generation(slot->order) - 1u);
            break;
        case 2:
            command->session ^= 1;
            break;
        case 3:
            command->account ^= 1;
            break;
        case 4:
            command->symbol ^= 1;
            break;
        default:
            command->side ^= 1;
        }
    }
    return slot;
}

static void draw_symbol(struct stimulus *stimulus, struct command *command) {
    uint16_t at = (uint16_t)below(stimulus, stimulus->symbols);
    const struct symbol *symbol = &stimulus->symbol[at];
    int64_t levels = stimulus->size.levels, tick_e4 = symbol->tick_e4 ? symbol->tick_e4 : 1;
    command->symbol = at;
    switch (below(stimulus, 10)) {
    case 0:
        row(command, OPCODE_SYMBOL, ROW_SYMBOL_TICK_E4,
            (int64_t)below(stimulus, one_in(stimulus, 4) ? 1u << 21 : 60));
        if (is_dear(stimulus, at)) command->value = draw_tick(stimulus);
        break;
    case 1:
        row(command, OPCODE_SYMBOL, ROW_SYMBOL_LOT,
            (int64_t)below(stimulus, one_in(stimulus, 9) ? 70000 : 6));
        break;
    case 2:
        row(command, OPCODE_SYMBOL, ROW_SYMBOL_REFERENCE,
            levels / 2 + (int64_t)below(stimulus, 9) - 4);
        if (one_in(stimulus, 8))
            command->value = (int64_t)below(stimulus, (uint64_t)levels + 3) - 2;
        break;
    case 3:
        row(command, OPCODE_SYMBOL, ROW_SYMBOL_COLLAR,
            one_in(stimulus, 3) ? (int64_t)below(stimulus, 8)
                                : levels - (int64_t)below(stimulus, 3));
        break;
    case 4:
        row(command, OPCODE_SYMBOL, ROW_SYMBOL_STATE,
            stimulus->mood->weight[UNCROSS] > 0 && one_in(stimulus, 2) ? SYMBOL_STATE_AUCTION
            : one_in(stimulus, 4)                                      ? (int64_t)below(stimulus, 5)
                                                                       : SYMBOL_STATE_OPEN);
        break;
    default: /* by a few levels, by about a band, or anywhere */
        row(command, OPCODE_SYMBOL, ROW_SYMBOL_BASE_E4,
            tick_e4 * ((int64_t)below(stimulus, 9) - 4));
        command->mode = MODE_ADJUST;
        if (one_in(stimulus, 6))
            command->value = tick_e4 * (one_in(stimulus, 2) ? levels / 2 : -levels / 2);
        if (one_in(stimulus, 10)) command->value++;
        if (one_in(stimulus, 20)) {
            command->mode = MODE_SET;
            command->value =
                (int64_t)below(stimulus, one_in(stimulus, 4) ? UINT64_C(1) << 32 : 100000);
            if (is_dear(stimulus, at)) command->value = draw_base(stimulus);
        }
    }
}

/* draw_edge draws a 64-bit value, most of them at the ends of something. */
static int64_t draw_edge(struct stimulus *stimulus) {
    int64_t value = (int64_t)(UINT64_C(1) << below(stimulus, 64));
    value = (int64_t)((uint64_t)value + below(stimulus, 3) - 1);
    return one_in(stimulus, 2) ? value : (int64_t)(0 - (uint64_t)value);
}

static void draw_account(struct stimulus *stimulus, struct command *command) {
    command->account = (uint16_t)below(stimulus, stimulus->accounts);
    if (one_in(stimulus, 50))
        command->account = (uint16_t)(stimulus->size.accounts - below(stimulus, 2));
    command->mode = one_in(stimulus, 8) ? MODE_ADJUST : MODE_SET;
    switch (below(stimulus, 14)) {
    case 6:
        row(command, OPCODE_ACCOUNT, ROW_ACCOUNT_RATE_INTERVAL_NS,
            (int64_t)below(stimulus, one_in(stimulus, 9) ? UINT64_C(1) << 33 : 3000));
        break;
    case 7:
        row(command, OPCODE_ACCOUNT, ROW_ACCOUNT_RATE_BURST_NS, (int64_t)below(stimulus, 9000));
        break;
    case 8:
        row(command, OPCODE_ACCOUNT, ROW_ACCOUNT_DUPLICATE_NS,
            (int64_t)below(stimulus, one_in(stimulus, 9) ? UINT64_C(1) << 33 : 6000));
        break;
    case 9:
        row(command, OPCODE_ACCOUNT, ROW_ACCOUNT_OPEN_MAX,
            (int64_t)below(stimulus, one_in(stimulus, 9) ? 1u << 21 : 200));
        break;
    case 10:
        row(command, OPCODE_ACCOUNT, ROW_ACCOUNT_GROSS_MAX_E4,
            INT64_C(1) << (24 + below(stimulus, 38)));
        break;
    case 11:
        row(command, OPCODE_ACCOUNT, ROW_ACCOUNT_DAILY_MAX_E4,
            INT64_C(1) << (30 + below(stimulus, 32)));
        break;
    case 12:
        row(command, OPCODE_ACCOUNT, ROW_ACCOUNT_TRADED_E4,
            INT64_C(1) << (24 + below(stimulus, 38)));
        break;
    case 13:
        row(command, OPCODE_ACCOUNT, ROW_ACCOUNT_SELF_TRADE, (int64_t)below(stimulus, 6));
        break;
    case 0:
        row(command, OPCODE_ACCOUNT, ROW_ACCOUNT_ENABLED, !one_in(stimulus, 3));
        break;
    case 1:
        row(command, OPCODE_ACCOUNT, ROW_ACCOUNT_FIRM,
            (int64_t)below(stimulus, stimulus->accounts + one_in(stimulus, 9)));
        break;
    case 2:
        row(command, OPCODE_ACCOUNT, ROW_ACCOUNT_CURRENCY,
            one_in(stimulus, 9) ? (int64_t)below(stimulus, 1002) : 840);
        break;
    case 3:
        row(command, OPCODE_ACCOUNT, ROW_ACCOUNT_QUANTITY_MAX,
            (int64_t)below(stimulus, one_in(stimulus, 9) ? 1u << 20 : 1000));
        break;
    case 4:
        row(command, OPCODE_ACCOUNT, ROW_ACCOUNT_NOTIONAL_MAX_E4,
            INT64_C(1) << (18 + below(stimulus, 34)));
        break;
    default:
        row(command, OPCODE_ACCOUNT, (uint8_t)below(stimulus, 21), draw_edge(stimulus));
    }
}

static void draw_position(struct stimulus *stimulus, struct command *command) {
    command->account = (uint16_t)below(stimulus, stimulus->accounts);
    command->symbol = (uint16_t)below(stimulus, stimulus->symbols);
    command->mode = one_in(stimulus, 3) ? MODE_ADJUST : MODE_SET;
    switch (below(stimulus, 8)) {
    case 0:
        row(command, OPCODE_POSITION, ROW_POSITION_NET, (int64_t)below(stimulus, 2000) - 1000);
        break;
    case 1:
        row(command, OPCODE_POSITION, ROW_POSITION_RESTRICTION,
            one_in(stimulus, 3) ? (int64_t)below(stimulus, 9) : 0);
        break;
    case 2:
        row(command, OPCODE_POSITION, (uint8_t)below(stimulus, 9), draw_edge(stimulus));
        break;
    default:
        row(command, OPCODE_POSITION, (uint8_t)(ROW_POSITION_LONG_MAX + below(stimulus, 3)),
            (int64_t)below(stimulus, 4000));
    }
}

static void draw_kill(struct stimulus *stimulus, struct command *command) {
    static const uint8_t scopes[] = { TABLE_ENGINE, TABLE_FIRM, TABLE_ACCOUNT, TABLE_SESSION };
    command->opcode = OPCODE_KILL;
    command->field = scopes[below(stimulus, 4)];
    command->mode = one_in(stimulus, 4) ? MODE_KILL : MODE_RELEASE;
    uint16_t row_index = (uint16_t)below(stimulus, stimulus->accounts);
    if (command->field == TABLE_FIRM) command->firm = row_index;
    if (command->field == TABLE_ACCOUNT) command->account = row_index;
    if (command->field == TABLE_SESSION) command->session = row_index;
    if (one_in(stimulus, 20)) command->field = (uint8_t)below(stimulus, 9);
}

static void draw_query(struct stimulus *stimulus, struct command *command) {
    command->opcode = OPCODE_QUERY;
    command->field = (uint8_t)below(stimulus, 7);
    uint16_t account = (uint16_t)below(stimulus, stimulus->accounts);
    switch (command->field) {
    case TABLE_SYMBOL:
        command->symbol = (uint16_t)below(stimulus, stimulus->symbols);
        break;
    case TABLE_ACCOUNT:
        command->account = account;
        break;
    case TABLE_POSITION:
        command->account = account;
        command->symbol = (uint16_t)below(stimulus, stimulus->symbols);
        break;
    case TABLE_ORDER:
        command->order = (uint32_t)below(stimulus, stimulus->slots);
        break;
    case TABLE_FIRM:
        command->firm = account;
        break;
    case TABLE_SESSION:
        command->session = account;
        break;
    default:
        break;
    }
}

static void draw(struct stimulus *stimulus, struct command *command, enum action action) {
    switch (action) {
    case NEW:
        draw_new(stimulus, command);
        break;
    case CANCEL: {
        const struct slot *slot = draw_named(stimulus, command, OPCODE_CANCEL);
        if (!slot) {
            draw_new(stimulus, command);
            break;
        }
        uint32_t total = slot->executed + slot->leaves;
        if (!one_in(stimulus, 3)) command->quantity = (uint32_t)below(stimulus, total + 2);
        break;
    }
    case REPLACE: {
        const struct slot *slot = draw_named(stimulus, command, OPCODE_REPLACE);
        if (!slot) {
            draw_new(stimulus, command);
            break;
        }
        command->flags = one_in(stimulus, stimulus->mood->ioc_odds) ? ORDER_IOC : 0;
        command->price_e4 = draw_price(stimulus, command->symbol);
        command->quantity = slot->executed + draw_quantity(stimulus, command->symbol);
        if (one_in(stimulus, 10)) command->quantity = slot->executed + (uint32_t)below(stimulus, 2);
        command->client_ref = (uint32_t)random_next(&stimulus->random);
        draw_kind(stimulus, command);
        break;
    }
    case SWEEP:
        draw_sweep(stimulus, command);
        break;
    case UNCROSS:
        draw_uncross(stimulus, command);
        break;
    case SYMBOL:
        draw_symbol(stimulus, command);
        break;
    case ACCOUNT:
        draw_account(stimulus, command);
        break;
    case POSITION:
        draw_position(stimulus, command);
        break;
    case CREDIT:
        row(command, OPCODE_CREDIT, 0,
            (int64_t)below(stimulus, UINT64_C(1) << 40) - (INT64_C(1) << 38));
        command->account = (uint16_t)below(stimulus, stimulus->accounts + one_in(stimulus, 50));
        if (one_in(stimulus, 8)) command->value = draw_edge(stimulus);
        break;
    case KILL:
        draw_kill(stimulus, command);
        break;
    case QUERY:
        draw_query(stimulus, command);
        break;
    case NOP:
        command->opcode = one_in(stimulus, 2) ? OPCODE_NOP : OPCODE_ALERT;
        if (command->opcode == OPCODE_NOP) break;
        command->origin = one_in(stimulus, 10) ? ORIGIN_HOST : ORIGIN_CARD;
        command->field = (uint8_t)(below(stimulus, ALERT_CRITICAL + 2) + 128 * below(stimulus, 2));
        command->value = draw_edge(stimulus);
        break;
    default: /* any other action with a bit or two where none belongs, or another opcode */
        draw(stimulus, command, (enum action)below(stimulus, BITS));
        for (uint64_t flips = 1 + below(stimulus, 2); flips > 0; flips--) {
            uint64_t bit = 8 * offsetof(struct command, opcode) + below(stimulus, 56 * 8);
            ((uint8_t *)command)[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        if (one_in(stimulus, 4)) command->opcode = (uint8_t)below(stimulus, 16);
    }
}

void stimulus_next(struct stimulus *stimulus, struct command *command) {
    *command = (struct command){ 0 };
    bool setting_up = set_up(stimulus, command);
    if (stimulus->count++ % MOOD_COMMANDS == 0 || !stimulus->mood)
        stimulus->mood = &moods[below(stimulus, MOODS)];
    if (setting_up) return;
    if (stimulus->repairs_made != stimulus->repairs_given &&
        (stimulus->mood->near_odds > 0 || one_in(stimulus, REPAIR_ODDS))) {
        *command = stimulus->repair[stimulus->repairs_given++ % REPAIRS];
        return;
    }

    const struct mood *mood = stimulus->mood;
    uint64_t sum = 0;
    for (int i = 0; i < ACTIONS; i++) sum += mood->weight[i];
    uint64_t drawn = below(stimulus, sum);
    enum action action = NEW;
    while (drawn >= mood->weight[action]) drawn -= mood->weight[action++];
    /* On a large card a sweep looks at so many slots that all else would wait for it. */
    if (action == SWEEP && stimulus->size.orders > SLOTS_USED && !one_in(stimulus, 50))
        action = NEW;
    if (action == NEW &&
        (uint64_t)stimulus->live_count * 256 > (uint64_t)mood->full * stimulus->slots)
        action = CANCEL;
    if ((action == CANCEL || action == REPLACE) && stimulus->live_count == 0) action = NEW;
    draw(stimulus, command, action);
}
