#include "tests/rtl/measure.h"
#include "host/base/check.h"
#include "host/base/err.h"
#include "host/base/random.h"
#include "tests/rtl/stimulus.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ACCOUNTS = 16, EVENTS_MAX = 8192 };

struct measure {
    struct meter *meter;
    struct measured *measured;
    int error;

    /* of the command under way */
    struct timing timing;
    struct event events[EVENTS_MAX];
    uint64_t clocks[EVENTS_MAX];
    uint32_t count;
};

static uint64_t larger(uint64_t a, uint64_t b) { return a > b ? a : b; }

static void hear(void *context, const struct event *event, uint64_t clock) {
    struct measure *measure = context;
    CHECK(measure->count < EVENTS_MAX);
    measure->clocks[measure->count] = clock;
    measure->events[measure->count++] = *event;
}

/* alone carries out one command in an idle core. */
static void alone(struct measure *measure, const struct command *command) {
    if (!measure->error) measure->error = meter_rest(measure->meter);
    if (measure->error) return;
    measure->count = 0;
    measure->error = meter_play(measure->meter, command, 1, NULL, &measure->timing, hear, measure);
}

/* give checks what the command comes to by its first event. */
static void give(struct measure *measure, const struct command *command, unsigned kind) {
    alone(measure, command);
    if (!measure->error && measure->timing.kind != kind)
        measure->error =
            err_set(-EPROTO, "a %s is answered by %s %s, not by %s",
                    abi_opcode_name(command->opcode), abi_kind_name(measure->timing.kind),
                    abi_reason_name(measure->events[0].reason), abi_kind_name(kind));
}

static uint64_t to_last(const struct measure *measure) {
    return measure->timing.last - measure->timing.taken;
}

static void verdict(struct measure *measure) {
    struct measured *measured = measure->measured;
    uint64_t clocks = measure->timing.first - measure->timing.taken;
    if (measured->verdict_max == 0 || clocks < measured->verdict_min)
        measured->verdict_min = clocks;
    measured->verdict_max = larger(measured->verdict_max, clocks);
    measured->envelope_less = clocks - measure->events[0].clocks;
}

static void worst(struct measure *measure, const struct command *command) {
    uint8_t opcode = command->opcode;
    bool counts = command->flags & ORDER_FOK || command->quantity_min > 0;
    if (opcode == OPCODE_SWEEP || opcode == OPCODE_UNCROSS || counts) return;
    uint64_t resting = 0;
    for (uint32_t i = 0; i < measure->count; i++) {
        const struct event *event = &measure->events[i];
        resting += event->kind == KIND_TRADE || event->kind == KIND_RESTATED ||
                   event->reason == REASON_SELF_TRADE;
    }
    uint64_t clocks = to_last(measure), fills = resting * measure->measured->per_fill;
    if (clocks <= fills || clocks - fills <= measure->measured->worst) return;
    measure->measured->worst = clocks - fills;
    measure->measured->worst_opcode = opcode;
}

static void row(struct measure *measure, uint8_t opcode, uint16_t account, uint8_t field,
                int64_t value) {
    give(measure,
         &(struct command){ .opcode = opcode, .account = account, .field = field, .value = value },
         opcode == OPCODE_CREDIT                                ? KIND_CREDITED
         : opcode == OPCODE_SYMBOL && field == ROW_SYMBOL_STATE ? KIND_STATE
                                                                : KIND_SET);
}

/* Symbol 0 has levels of 10 from 1000 on; the accounts may do anything. */
static void open_market(struct measure *measure) {
    row(measure, OPCODE_SYMBOL, 0, ROW_SYMBOL_TICK_E4, 10);
    row(measure, OPCODE_SYMBOL, 0, ROW_SYMBOL_BASE_E4, 1000);
    row(measure, OPCODE_SYMBOL, 0, ROW_SYMBOL_REFERENCE, 50);
    row(measure, OPCODE_SYMBOL, 0, ROW_SYMBOL_COLLAR, 4000);
    row(measure, OPCODE_SYMBOL, 0, ROW_SYMBOL_STATE, SYMBOL_STATE_OPEN);
    for (uint16_t account = 0; account < ACCOUNTS; account++) {
        row(measure, OPCODE_ACCOUNT, account, ROW_ACCOUNT_CURRENCY, 840);
        row(measure, OPCODE_ACCOUNT, account, ROW_ACCOUNT_QUANTITY_MAX, 1000);
        row(measure, OPCODE_ACCOUNT, account, ROW_ACCOUNT_OPEN_MAX, 0xfffff);
        row(measure, OPCODE_ACCOUNT, account, ROW_ACCOUNT_GROSS_MAX_E4,
            INT64_C(0x1fffffffffffffff));
        row(measure, OPCODE_ACCOUNT, account, ROW_ACCOUNT_DAILY_MAX_E4,
            INT64_C(0x1fffffffffffffff));
        row(measure, OPCODE_ACCOUNT, account, ROW_ACCOUNT_NOTIONAL_MAX_E4, 1000000000);
        row(measure, OPCODE_ACCOUNT, account, ROW_ACCOUNT_ENABLED, 1);
        row(measure, OPCODE_CREDIT, account, 0, INT64_C(1) << 40);
        row(measure, OPCODE_POSITION, account, ROW_POSITION_LONG_MAX, 100000);
        row(measure, OPCODE_POSITION, account, ROW_POSITION_SHORT_MAX, 100000);
        row(measure, OPCODE_POSITION, account, ROW_POSITION_LOCATE, 100000);
    }
    struct command release = { .opcode = OPCODE_KILL, .mode = MODE_RELEASE };
    give(measure, &release, KIND_STATE);
}

static struct command order(uint8_t opcode, uint32_t slot, uint8_t side, uint32_t price_e4,
                            uint32_t quantity) {
    uint16_t account = (uint16_t)(slot % ACCOUNTS);
    return (struct command){ .opcode = opcode,
                             .order = abi_handle(slot, 1),
                             .side = side,
                             .account = account,
                             .session = account,
                             .price_e4 = price_e4,
                             .quantity = quantity };
}

static void give_order(struct measure *measure, const struct command *command, unsigned kind) {
    give(measure, command, kind);
    if (!measure->error) verdict(measure);
    if (!measure->error) worst(measure, command);
}

/* One refusal of each kind of check: form, tick, an account's limit, a stale handle, the band, an
   account that is not there. */
static void refuse(struct measure *measure) {
    struct command refused[] = {
        order(OPCODE_NEW, 1, SIDE_BUY, 1500, 0),    order(OPCODE_NEW, 1, SIDE_BUY, 1001, 10),
        order(OPCODE_NEW, 1, SIDE_BUY, 1500, 1001), order(OPCODE_NEW, 1, SIDE_BUY, 1500, 10),
        order(OPCODE_NEW, 1, SIDE_BUY, 100000, 10), order(OPCODE_NEW, 1, SIDE_SELL, 1500, 10),
        order(OPCODE_CANCEL, 1, SIDE_SELL, 0, 0),   order(OPCODE_REPLACE, 1, SIDE_SELL, 1500, 10)
    };
    refused[3].order = abi_handle(1, 2);
    refused[5].account = ACCOUNTS + 1;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        give_order(measure, &refused[i], KIND_REJECTED);
}

/* Fifty orders at a level that was empty, some reduced, some replaced downwards, all taken off: the
   oldest, from the middle, the last. */
static void add_and_cancel(struct measure *measure) {
    enum { FIRST = 100, LAST = 149 };
    struct measured *measured = measure->measured;
    for (uint32_t slot = FIRST; slot <= LAST; slot++) {
        struct command command = order(OPCODE_NEW, slot, SIDE_BUY, 1200, 10);
        give_order(measure, &command, KIND_ACCEPTED);
        measured->add = larger(measured->add, to_last(measure));
    }
    struct command down[] = { order(OPCODE_CANCEL, 120, SIDE_BUY, 0, 4),
                              order(OPCODE_REPLACE, 121, SIDE_BUY, 1200, 4) };
    give_order(measure, &down[0], KIND_CANCELED);
    measured->cancel = larger(measured->cancel, to_last(measure));
    give_order(measure, &down[1], KIND_REPLACED);
    measured->cancel = larger(measured->cancel, to_last(measure));
    static const uint32_t early[] = { 100, 130, 149 };
    for (size_t i = 0; i < sizeof early / sizeof *early; i++) {
        struct command command = order(OPCODE_CANCEL, early[i], SIDE_BUY, 0, 0);
        give_order(measure, &command, KIND_CANCELED);
        measured->cancel = larger(measured->cancel, to_last(measure));
    }
    for (uint32_t slot = FIRST + 1; slot < LAST; slot++) {
        if (slot == 130) continue;
        struct command command = order(OPCODE_CANCEL, slot, SIDE_BUY, 0, 0);
        if (slot == 121) command.order = abi_handle(slot, 2); /* it was replaced */
        give_order(measure, &command, KIND_CANCELED);
        measured->cancel = larger(measured->cancel, to_last(measure));
    }
}

/* One order takes forty: four at each of eight levels side by side, then eight that lie far apart,
   each in a word of the bitmap of its own. Makers of one account in a row are among them. */
static void sweep(struct measure *measure) {
    struct measured *measured = measure->measured;
    uint32_t slot = 200;
    for (uint32_t level = 0; level < 8; level++)
        for (uint32_t i = 0; i < 4; i++, slot++) {
            struct command command = order(OPCODE_NEW, slot, SIDE_SELL, 2000 + 10 * level, 10);
            if (i == 2) command.account = command.session = (uint16_t)((slot - 1) % ACCOUNTS);
            give_order(measure, &command, KIND_ACCEPTED);
        }
    for (uint32_t i = 0; i < 8; i++, slot++) {
        struct command command = order(OPCODE_NEW, slot, SIDE_SELL, 5000 + 4000 * i, 10);
        give_order(measure, &command, KIND_ACCEPTED);
    }
    /* The first one empties its level, with the next one in the next word. */
    struct command first = order(OPCODE_NEW, slot++, SIDE_SELL, 1990, 10);
    give_order(measure, &first, KIND_ACCEPTED);
    struct command taker = order(OPCODE_NEW, slot++, SIDE_BUY, 40000, 10 * 41);
    give(measure, &taker, KIND_ACCEPTED);
    if (measure->error) return;
    verdict(measure);
    if (measure->timing.trades != 41) {
        measure->error = err_set(-EPROTO, "an order that takes 41 orders traded %u times",
                                 measure->timing.trades);
        return;
    }
    uint64_t before = 0;
    for (uint32_t i = 0; i < measure->count; i++) {
        if (measure->events[i].kind != KIND_TRADE) continue;
        if (before == 0)
            measured->first_trade =
                larger(measured->first_trade, measure->clocks[i] - measure->timing.taken);
        else
            measured->per_fill = larger(measured->per_fill, measure->clocks[i] - before);
        before = measure->clocks[i];
    }
    worst(measure, &taker);
}

/* The first trade leaves something at its level; empties it, with the next one in another word of
   the bitmap; and does that with the taker going on to the next one. */
static void first_trades(struct measure *measure) {
    static const struct {
        uint32_t quantity, limit;
    } takers[] = { { 10, 3000 }, { 20, 3000 }, { 30, 9000 } };
    struct measured *measured = measure->measured;
    uint32_t slot = 300;
    for (size_t t = 0; t < sizeof takers / sizeof *takers; t++, slot += 4) {
        struct command maker = order(OPCODE_NEW, slot, SIDE_SELL, 3000, 20);
        struct command behind = order(OPCODE_NEW, slot + 1, SIDE_SELL, 9000, 20);
        struct command taker =
            order(OPCODE_NEW, slot + 2, SIDE_BUY, takers[t].limit, takers[t].quantity);
        struct command clear = order(OPCODE_NEW, slot + 3, SIDE_BUY, 9000, 1000);
        clear.flags = ORDER_IOC;
        give_order(measure, &maker, KIND_ACCEPTED);
        give_order(measure, &behind, KIND_ACCEPTED);
        give_order(measure, &taker, KIND_ACCEPTED);
        if (measure->error) return;
        uint32_t at = 0;
        while (at < measure->count && measure->events[at].kind != KIND_TRADE) at++;
        if (at == measure->count) {
            measure->error = err_set(-EPROTO, "an order that crosses does not trade");
            return;
        }
        measured->first_trade =
            larger(measured->first_trade, measure->clocks[at] - measure->timing.taken);
        give_order(measure, &clear, KIND_ACCEPTED);
    }
}

/* A share rests at every level of symbol 1: a FOK for one more looks at all of them. */
static void count_levels(struct measure *measure) {
    const struct card_size size = CARD_SIZE_DEFAULT;
    const struct command rows[] = {
        { .opcode = OPCODE_SYMBOL, .symbol = 1, .field = ROW_SYMBOL_TICK_E4, .value = 10 },
        { .opcode = OPCODE_SYMBOL, .symbol = 1, .field = ROW_SYMBOL_BASE_E4, .value = 1000 },
        { .opcode = OPCODE_SYMBOL, .symbol = 1, .field = ROW_SYMBOL_REFERENCE, .value = 2048 },
        { .opcode = OPCODE_SYMBOL, .symbol = 1, .field = ROW_SYMBOL_COLLAR, .value = 4095 },
        { .opcode = OPCODE_POSITION, .symbol = 1, .field = ROW_POSITION_SHORT_MAX, .value = 9999 },
        { .opcode = OPCODE_POSITION, .symbol = 1, .field = ROW_POSITION_LOCATE, .value = 9999 },
        { .opcode = OPCODE_POSITION, .symbol = 1, .field = ROW_POSITION_LONG_MAX, .value = 9999 },
        { .opcode = OPCODE_ACCOUNT, .field = ROW_ACCOUNT_QUANTITY_MAX, .value = 9999 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) give(measure, &rows[i], KIND_SET);
    const struct command open = {
        .opcode = OPCODE_SYMBOL, .symbol = 1, .field = ROW_SYMBOL_STATE, .value = SYMBOL_STATE_OPEN
    };
    give(measure, &open, KIND_STATE);
    uint32_t first = 30000;
    for (uint32_t level = 0; level < size.levels && !measure->error; level++) {
        struct command one = order(OPCODE_NEW, first + level, SIDE_SELL, 1000 + 10 * level, 1);
        one.symbol = 1;
        one.account = one.session = 0;
        give_order(measure, &one, KIND_ACCEPTED);
    }
    struct command all = order(OPCODE_NEW, first + size.levels, SIDE_BUY,
                               1000 + 10 * (size.levels - 1), size.levels + 1);
    all.symbol = 1;
    all.account = all.session = 0;
    all.flags = ORDER_IOC | ORDER_FOK;
    give_order(measure, &all, KIND_ACCEPTED);
    if (measure->error) return;
    if (measure->count != 2 || measure->events[1].reason != REASON_MINIMUM) {
        measure->error = err_set(-EPROTO, "a FOK for more than there is trades");
        return;
    }
    measure->measured->count_levels = to_last(measure);
    const struct command nothing = { .opcode = OPCODE_SWEEP, .mode = FILTER_SYMBOL, .symbol = 2 };
    give(measure, &nothing, KIND_SWEPT);
    measure->measured->sweep_slots = to_last(measure);
    const struct command clear = { .opcode = OPCODE_SWEEP, .mode = FILTER_SYMBOL, .symbol = 1 };
    give(measure, &clear, KIND_CANCELED);
}

static bool is_order(uint8_t opcode) {
    return opcode == OPCODE_NEW || opcode == OPCODE_CANCEL || opcode == OPCODE_REPLACE;
}

/* Commands of every opcode, each alone. */
static void draw(struct measure *measure, uint64_t commands, uint64_t seed) {
    struct card_size size = CARD_SIZE_DEFAULT;
    struct stimulus *stimulus = stimulus_new(&size, seed);
    for (uint64_t i = 0; i < commands && !measure->error; i++) {
        struct command command;
        stimulus_next(stimulus, &command);
        alone(measure, &command);
        if (measure->error) break;
        for (uint32_t n = 0; n < measure->count; n++) stimulus_see(stimulus, &measure->events[n]);
        if (is_order(command.opcode)) verdict(measure);
        worst(measure, &command);
    }
    stimulus_delete(stimulus);
}

int measure_directed(struct meter *meter, uint64_t random_commands, uint64_t seed,
                     struct measured *measured) {
    *measured = (struct measured){ 0 };
    struct measure *measure = calloc(1, sizeof *measure);
    CHECK(measure);
    measure->meter = meter;
    measure->measured = measured;
    open_market(measure);
    refuse(measure);
    add_and_cancel(measure);
    sweep(measure);
    first_trades(measure);
    count_levels(measure);
    draw(measure, random_commands, seed);
    int error = measure->error;
    free(measure);
    return error;
}

/* ---- flows ---------------------------------------------------------------------------------- */

static void count_event(void *context, const struct event *event, uint64_t clock) {
    struct paced *paced = context;
    (void)clock;
    paced->events++;
    paced->trades += event->kind == KIND_TRADE;
}

int measure_back_to_back(struct meter *meter, const struct command *commands, uint64_t count,
                         uint64_t from, struct paced *paced) {
    CHECK(from < count);
    *paced = (struct paced){ .commands = count - from };
    int error = meter_play(meter, commands, from, NULL, NULL, NULL, NULL);
    uint64_t begin = meter_clock(meter);
    if (!error)
        error = meter_play(meter, commands + from, count - from, NULL, NULL, count_event, paced);
    paced->clocks = meter_clock(meter) - begin;
    return error;
}

uint64_t measure_mean_e2(const struct paced *paced) {
    return (paced->clocks * 100 + paced->commands - 1) / paced->commands;
}

static int ascending(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static struct spread spread_of(uint64_t *clocks, uint64_t count) {
    qsort(clocks, count, sizeof *clocks, ascending);
    return (struct spread){ clocks[count / 2], clocks[count - 1 - count / 100],
                            clocks[count - 1 - count / 1000], clocks[count - 1] };
}

int measure_loaded(struct meter *meter, const struct command *commands, uint64_t count,
                   uint64_t from, const struct paced *paced, unsigned percent, uint64_t seed,
                   struct loaded *loaded) {
    CHECK(from < count && percent > 0);
    uint64_t counted = count - from, at = 0;
    struct timing *timing = calloc(counted, sizeof *timing);
    uint64_t *due = calloc(counted, sizeof *due);
    CHECK(timing && due);
    /* The odds of an arrival in a clock, out of paced->clocks * 100. */
    struct random random = random_seeded(seed);
    uint64_t odds = paced->commands * percent, of = paced->clocks * 100;
    for (uint64_t i = 0; i < counted; i++) {
        while (random_below(&random, of) >= odds) at++;
        due[i] = at++;
    }
    int error = meter_play(meter, commands, from, NULL, NULL, NULL, NULL);
    if (!error) error = meter_play(meter, commands + from, counted, due, timing, NULL, NULL);
    if (!error) {
        loaded->percent = percent;
        for (uint64_t i = 0; i < counted; i++) due[i] = timing[i].last - timing[i].taken;
        loaded->taken = spread_of(due, counted);
        for (uint64_t i = 0; i < counted; i++) due[i] = timing[i].last - timing[i].due;
        loaded->arrived = spread_of(due, counted);
    }
    free(timing);
    free(due);
    return error;
}
