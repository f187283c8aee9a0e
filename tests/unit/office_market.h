/* office_market: a small market on the soft card whose commands and events are shown record by
 * record, as a gateway's journal holds them. Random from a seed, close to the limits: little buying
 * power, positions that hit their bounds, orders of every kind, replacements, cancels, firms that
 * meet themselves, auctions, sweeps, credits back and forth, kills, and every row queried now and
 * then. */
#ifndef TESTS_UNIT_OFFICE_MARKET_H
#define TESTS_UNIT_OFFICE_MARKET_H

#include "host/base/check.h"
#include "host/base/random.h"
#include "host/journal/journal.h"
#include "host/softcard/softcard.h"

enum { OM_SYMBOLS = 2, OM_ACCOUNTS = 4, OM_ORDERS = 64, OM_LEVELS = 64 };

static const struct card_size om_size = {
    .symbols = OM_SYMBOLS, .accounts = OM_ACCOUNTS, .orders = OM_ORDERS, .levels = OM_LEVELS
};

typedef void om_see(void *context, const struct journal_record *record);

struct om {
    struct card *card;
    struct random draw;
    om_see *see;
    void *context;
    uint64_t records, commands, time_ns;
    struct command entered;       /* the last NEW at random */
    struct event last;            /* verdict of the last command */
    uint64_t changed[OM_SYMBOLS]; /* number of the last event that changed the symbol */
    uint64_t kinds[16], canceled[256], refused[256]; /* events of a kind; by reason */
    uint64_t crossed;                                /* trades of auctions */
    struct {
        bool live;
        uint8_t side;
        uint16_t account, symbol;
        uint32_t generation;
    } slots[OM_ORDERS];
};

static inline void om_show(struct om *om, uint8_t kind, const void *data, uint32_t bytes) {
    uint64_t aligned[8];
    CHECK(bytes <= sizeof aligned);
    memcpy(aligned, data, bytes);
    const struct journal_record record = {
        .sequence = ++om->records, .data = (const uint8_t *)aligned, .bytes = bytes, .kind = kind
    };
    om->see(om->context, &record);
}

static inline void om_learn(struct om *om, const struct event *event) {
    uint32_t slot = abi_slot(event->order);
    if (abi_changes_symbol(event)) om->changed[event->symbol] = event->number;
    switch (event->kind) {
    case KIND_ACCEPTED:
    case KIND_REPLACED:
        om->slots[slot].live = true;
        om->slots[slot].side = event->flags & EVENT_SELL ? SIDE_SELL : SIDE_BUY;
        om->slots[slot].account = event->account;
        om->slots[slot].symbol = event->symbol;
        om->slots[slot].generation = abi_generation(event->order);
        break;
    case KIND_CANCELED:
        if (event->leaves == 0) om->slots[slot].live = false;
        break;
    case KIND_TRADE:
        if (event->leaves == 0) om->slots[slot].live = false;
        if (event_maker_leaves(event) == 0) om->slots[abi_slot(event_maker(event))].live = false;
        break;
    default:
        break;
    }
}

/* Carries out one command and shows its records. */
static inline void om_do(struct om *om, struct command command) {
    struct event events[256];
    command.stamp_ns = om->time_ns += 1000;
    CHECK(card_push(om->card, &command) == 0);
    om_show(om, JOURNAL_COMMAND, &command, sizeof command);
    om->commands++;
    bool first = true;
    for (bool ended = false; !ended;) {
        int count = card_poll(om->card, events, 256);
        CHECK(count > 0);
        for (int i = 0; i < count; i++) {
            if (first) om->last = events[i];
            first = false;
            om_learn(om, &events[i]);
            om->kinds[events[i].kind]++;
            if (events[i].kind == KIND_CANCELED) om->canceled[events[i].reason]++;
            if (events[i].kind == KIND_REJECTED) om->refused[events[i].reason]++;
            om->crossed += events[i].kind == KIND_TRADE && command.opcode == OPCODE_UNCROSS;
            om_show(om, JOURNAL_EVENT, &events[i], LIMIT_EVENT_BYTES);
            ended = (events[i].flags & EVENT_END) != 0;
        }
    }
}

static inline void om_set(struct om *om, uint8_t opcode, uint16_t account, uint16_t symbol,
                          uint8_t field, int64_t value) {
    om_do(om, (struct command){ .opcode = opcode,
                                .account = account,
                                .symbol = symbol,
                                .field = field,
                                .value = value });
}

/* Two symbols around 10.00 with a tick of 0.01; four accounts of two firms in dollars. */
static inline void om_open(struct om *om, uint64_t seed, om_see *see, void *context) {
    *om = (struct om){ .draw = random_seeded(seed), .see = see, .context = context };
    CHECK(softcard_open(&om_size, &om->card) == 0);
    for (uint16_t symbol = 0; symbol < OM_SYMBOLS; symbol++) {
        om_set(om, OPCODE_SYMBOL, 0, symbol, ROW_SYMBOL_TICK_E4, 100);
        om_set(om, OPCODE_SYMBOL, 0, symbol, ROW_SYMBOL_BASE_E4, 100000);
        om_set(om, OPCODE_SYMBOL, 0, symbol, ROW_SYMBOL_REFERENCE, 30);
        om_set(om, OPCODE_SYMBOL, 0, symbol, ROW_SYMBOL_COLLAR, 40);
        om_set(om, OPCODE_SYMBOL, 0, symbol, ROW_SYMBOL_STATE, SYMBOL_STATE_OPEN);
    }
    for (uint16_t account = 0; account < OM_ACCOUNTS; account++) {
        om_set(om, OPCODE_ACCOUNT, account, 0, ROW_ACCOUNT_FIRM, account / 2);
        om_set(om, OPCODE_ACCOUNT, account, 0, ROW_ACCOUNT_CURRENCY, 840);
        om_set(om, OPCODE_ACCOUNT, account, 0, ROW_ACCOUNT_QUANTITY_MAX, 1000);
        om_set(om, OPCODE_ACCOUNT, account, 0, ROW_ACCOUNT_OPEN_MAX, 1000);
        om_set(om, OPCODE_ACCOUNT, account, 0, ROW_ACCOUNT_GROSS_MAX_E4,
               INT64_C(0x1fffffffffffffff));
        om_set(om, OPCODE_ACCOUNT, account, 0, ROW_ACCOUNT_DAILY_MAX_E4,
               INT64_C(0x1fffffffffffffff));
        om_set(om, OPCODE_ACCOUNT, account, 0, ROW_ACCOUNT_NOTIONAL_MAX_E4, 90000000);
        om_set(om, OPCODE_ACCOUNT, account, 0, ROW_ACCOUNT_ENABLED, 1);
        for (uint16_t symbol = 0; symbol < OM_SYMBOLS; symbol++) {
            om_set(om, OPCODE_POSITION, account, symbol, ROW_POSITION_LONG_MAX, 3000);
            om_set(om, OPCODE_POSITION, account, symbol, ROW_POSITION_SHORT_MAX, 3000);
            om_set(om, OPCODE_POSITION, account, symbol, ROW_POSITION_LOCATE, 2000);
        }
        om_do(om,
              (struct command){ .opcode = OPCODE_CREDIT, .account = account, .value = 500000000 });
    }
    om_do(om, (struct command){ .opcode = OPCODE_KILL, .mode = MODE_RELEASE });
}

static inline void om_close(struct om *om) { card_close(om->card); }

/* A NEW as the command has it, but for order, session and reference. */
static inline void om_enter(struct om *om, uint32_t slot, struct command command) {
    command.opcode = OPCODE_NEW;
    command.session = command.account;
    command.order = abi_handle(slot, abi_generation_next(om->slots[slot].generation));
    command.client_ref = (uint32_t)om->commands;
    om_do(om, command);
}

static inline void om_new(struct om *om, uint32_t slot, uint16_t account, uint16_t symbol,
                          uint8_t side, uint32_t price_e4, uint32_t quantity, uint16_t flags) {
    om_enter(om, slot,
             (struct command){ .side = side,
                               .flags = flags,
                               .symbol = symbol,
                               .account = account,
                               .quantity = quantity,
                               .price_e4 = price_e4 });
}

/* CANCEL or REPLACE of what rests in the slot. */
static inline void om_amend(struct om *om, uint32_t slot, struct command command) {
    command.side = om->slots[slot].side;
    command.symbol = om->slots[slot].symbol;
    command.account = command.session = om->slots[slot].account;
    command.order = abi_handle(slot, om->slots[slot].generation);
    if (command.opcode == OPCODE_REPLACE) command.client_ref = (uint32_t)om->commands;
    om_do(om, command);
}

static inline void om_change(struct om *om, uint8_t opcode, uint32_t slot, uint32_t price_e4,
                             uint32_t quantity) {
    om_amend(om, slot,
             (struct command){ .opcode = opcode,
                               .quantity = quantity,
                               .price_e4 = opcode == OPCODE_REPLACE ? price_e4 : 0 });
}

/* Ends an auction: at some price its crossed orders can trade. */
static inline void om_uncross(struct om *om, uint16_t symbol) {
    for (uint32_t price_e4 = 102700; price_e4 <= 103300; price_e4 += 100)
        om_do(om, (struct command){ .opcode = OPCODE_UNCROSS,
                                    .symbol = symbol,
                                    .price_e4 = price_e4,
                                    .value = (int64_t)om->changed[symbol] });
    om_set(om, OPCODE_SYMBOL, 0, symbol, ROW_SYMBOL_STATE, SYMBOL_STATE_OPEN);
}

static inline void om_query_all(struct om *om) {
    om_do(om, (struct command){ .opcode = OPCODE_QUERY, .field = TABLE_ENGINE });
    for (uint16_t account = 0; account < OM_ACCOUNTS; account++) {
        om_do(om, (struct command){
                      .opcode = OPCODE_QUERY, .field = TABLE_ACCOUNT, .account = account });
        om_do(om, (struct command){ .opcode = OPCODE_QUERY, .field = TABLE_FIRM, .firm = account });
        om_do(om, (struct command){
                      .opcode = OPCODE_QUERY, .field = TABLE_SESSION, .session = account });
        for (uint16_t symbol = 0; symbol < OM_SYMBOLS; symbol++)
            om_do(om, (struct command){ .opcode = OPCODE_QUERY,
                                        .field = TABLE_POSITION,
                                        .account = account,
                                        .symbol = symbol });
    }
    for (uint16_t symbol = 0; symbol < OM_SYMBOLS; symbol++)
        om_do(om,
              (struct command){ .opcode = OPCODE_QUERY, .field = TABLE_SYMBOL, .symbol = symbol });
    for (uint32_t slot = 0; slot < OM_ORDERS; slot++)
        om_do(om, (struct command){ .opcode = OPCODE_QUERY, .field = TABLE_ORDER, .order = slot });
}

/* An operator's doing: money in and out, positions, kills, bands that move, halts. */
static inline void om_steer(struct om *om) {
    uint16_t account = (uint16_t)random_below(&om->draw, OM_ACCOUNTS);
    uint16_t symbol = (uint16_t)random_below(&om->draw, OM_SYMBOLS);
    int64_t amount = (int64_t)random_below(&om->draw, 700000000) - 100000000;
    switch (random_below(&om->draw, 8)) {
    case 0:
    case 1:
        om_do(om, (struct command){ .opcode = OPCODE_CREDIT, .account = account, .value = amount });
        break;
    case 2:
        om_set(om, OPCODE_POSITION, account, symbol, ROW_POSITION_NET, amount % 2500);
        break;
    case 3:
        om_do(om, (struct command){ .opcode = OPCODE_KILL,
                                    .field = TABLE_FIRM,
                                    .firm = (uint16_t)(account / 2),
                                    .mode = random_below(&om->draw, 4) == 0 ? MODE_KILL
                                                                            : MODE_RELEASE });
        break;
    case 4:
        om_set(om, OPCODE_SYMBOL, 0, symbol, ROW_SYMBOL_BASE_E4,
               100000 + 100 * (int64_t)random_below(&om->draw, 8));
        break;
    case 5:
        om_set(om, OPCODE_SYMBOL, 0, symbol, ROW_SYMBOL_REFERENCE,
               25 + (int64_t)random_below(&om->draw, 10));
        break;
    case 6:
        om_set(om, OPCODE_POSITION, account, symbol, ROW_POSITION_RESTRICTION,
               random_below(&om->draw, 3) == 0 ? 4 : 0);
        break;
    default:
        om_set(om, OPCODE_SYMBOL, 0, symbol, ROW_SYMBOL_STATE, SYMBOL_STATE_OPEN);
        break;
    }
}

/* An operator's doing, of what limits an account as a whole. */
static inline void om_limit(struct om *om) {
    static const struct {
        uint8_t field;
        int64_t tight, wide;
    } row[] = { { ROW_ACCOUNT_OPEN_MAX, 8, 1000 },
                { ROW_ACCOUNT_GROSS_MAX_E4, 100000000, INT64_C(0x1fffffffffffffff) },
                { ROW_ACCOUNT_DAILY_MAX_E4, 800000000, INT64_C(0x1fffffffffffffff) },
                { ROW_ACCOUNT_TRADED_E4, 700000000, 0 },
                { ROW_ACCOUNT_RATE_INTERVAL_NS, 7000, 0 },
                { ROW_ACCOUNT_RATE_BURST_NS, 20000, 0 },
                { ROW_ACCOUNT_DUPLICATE_NS, 100000, 0 } };
    uint16_t account = (uint16_t)random_below(&om->draw, OM_ACCOUNTS);
    uint64_t i = random_below(&om->draw, 2 * sizeof row / sizeof *row);
    if (i < sizeof row / sizeof *row)
        om_set(om, OPCODE_ACCOUNT, account, 0, row[i].field,
               random_below(&om->draw, 3) == 0 ? row[i].tight : row[i].wide);
    else
        om_set(om, OPCODE_ACCOUNT, account, 0, ROW_ACCOUNT_SELF_TRADE,
               (int64_t)random_below(&om->draw, 5));
}

/* What moves many orders at once. */
static inline void om_phase(struct om *om) {
    uint16_t symbol = (uint16_t)random_below(&om->draw, OM_SYMBOLS);
    switch (random_below(&om->draw, 6)) {
    case 0:
        om_do(om, (struct command){ .opcode = OPCODE_SWEEP,
                                    .mode = FILTER_ACCOUNT | FILTER_SYMBOL,
                                    .account = (uint16_t)random_below(&om->draw, OM_ACCOUNTS),
                                    .symbol = symbol });
        break;
    case 1:
        om_set(om, OPCODE_SYMBOL, 0, symbol, ROW_SYMBOL_STATE, SYMBOL_STATE_AUCTION);
        break;
    default:
        om_uncross(om, symbol);
        break;
    }
}

/* A limit order becomes one of another kind. */
static inline void om_kind(struct om *om, struct command *command) {
    command->self_trade = random_below(&om->draw, 3) == 0 ? (uint8_t)random_below(&om->draw, 5) : 0;
    switch (random_below(&om->draw, 16)) {
    case 0:
        command->flags = ORDER_IOC | ORDER_MARKET;
        command->price_e4 = 0;
        break;
    case 1:
        command->flags = ORDER_IOC | ORDER_FOK;
        break;
    case 2:
        command->flags = ORDER_IOC;
        command->quantity_min = 1 + (uint32_t)random_below(&om->draw, command->quantity);
        break;
    case 3:
        command->flags = ORDER_POST_ONLY;
        break;
    case 4:
    case 5:
    case 6:
        command->shown = command->quantity / (2 + (uint32_t)random_below(&om->draw, 6));
        break;
    case 7:
    case 8:
    case 9:
        command->flags = ORDER_IOC;
        break;
    default:
        break;
    }
}

static inline void om_step(struct om *om) {
    uint32_t slot = (uint32_t)random_below(&om->draw, OM_ORDERS);
    uint32_t price_e4 = 102700 + 100 * (uint32_t)random_below(&om->draw, 7);
    uint32_t quantity = 1 + (uint32_t)random_below(&om->draw, 600);
    uint64_t what = random_below(&om->draw, 100);
    struct command command = { .quantity = quantity, .price_e4 = price_e4 };
    if (what == 0) {
        om_steer(om);
        om_limit(om);
    } else if (what == 1) {
        om_phase(om);
    } else if (!om->slots[slot].live) {
        command.account = (uint16_t)random_below(&om->draw, OM_ACCOUNTS);
        command.symbol = (uint16_t)random_below(&om->draw, OM_SYMBOLS);
        command.side = (uint8_t)random_below(&om->draw, 2);
        om_kind(om, &command);
        if (om->entered.quantity != 0 && random_below(&om->draw, 10) == 0) command = om->entered;
        om->entered = command;
        om_enter(om, slot, command);
    } else if (what < 40) {
        command.opcode = OPCODE_REPLACE;
        om_kind(om, &command);
        om_amend(om, slot, command);
    } else {
        om_change(om, OPCODE_CANCEL, slot, 0, what < 60 ? quantity : 0);
    }
}

#endif /* TESTS_UNIT_OFFICE_MARKET_H */
