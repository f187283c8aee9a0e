#include "host/client/generator.h"
#include "driver/abi/abi.h"
#include "host/base/check.h"
#include "host/base/random.h"
#include "host/client/ladder.h"
#include <stdlib.h>
#include <string.h>

static_assert((int)GENERATOR_LEVELS == (int)LADDER_LEVELS, "the day's band is one ladder");

/* Of 10,000 rows of the day; what is left over cancels. The published mix is what comes out, not
   what is drawn: a row that finds too few orders to cancel, or too many, does the other thing. */
enum {
    DAY_NEW = 4300,
    DAY_REPLACE = 810,
    DAY_TAKE = 330,
    DAY_REDUCE = 180,
    DAY_REFUSED = 60,
    DAY_PARTS = 10000,
};

enum {
    DAY_LIVE_MIN = 24,      /* orders of a symbol below which nothing is cancelled */
    DAY_LIVE_MAX = 2048,    /* and at which nothing is added; 16 times this fits in the card */
    DAY_MIDDLE = 2048,      /* level where the mid price starts */
    DAY_MIDDLE_RANGE = 900, /* ... and how far from there it walks */
    DAY_MIDDLE_ROWS = 64,   /* rows of a symbol between two steps of its mid price */
    DAY_SPREAD = 12,        /* standard deviation of a passive order's distance, ticks */
    DAY_BURST_ROWS = 48,    /* one row in so many starts a burst */
};

/* 09:30 in ns. */
#define DAY_START_NS UINT64_C(34200000000000)
/* Base of the gap between bursts; with bursts the mean is near 87 us, the published day's 268.7
   million messages in 6.5 hours. */
#define DAY_GAP_NS UINT64_C(28000)

enum { STREAM_SPREAD = 10, STREAM_MID = 10000, STREAM_MID_MIN = 9000, STREAM_MID_MAX = 11000 };

struct generator {
    enum generator_mode mode;
    struct random random;
    uint64_t rows, sequence;
    uint32_t number; /* of the next order */
    char symbol[FLOW_SYMBOL_BYTES + 1];
    int mid[GENERATOR_SYMBOLS]; /* stream: ticks; day: levels */
    uint64_t symbol_rows[GENERATOR_SYMBOLS];
    uint32_t popularity[GENERATOR_SYMBOLS]; /* cumulative, of symbols and of firms */
    uint64_t now_ns;
    uint32_t burst_left;
    unsigned burst_symbol;
    struct ladder_order *orders;
    uint32_t *live;
    struct ladder ladders[]; /* stream: 1; day: GENERATOR_SYMBOLS */
};

struct generator *generator_new(enum generator_mode mode, uint64_t seed, uint64_t rows,
                                const char *symbol) {
    CHECK(rows >= 1);
    CHECK(rows <= GENERATOR_ROWS_MAX);
    bool day = mode == GENERATOR_DAY;
    size_t ladders = day ? GENERATOR_SYMBOLS : 1;
    size_t live_max = day ? DAY_LIVE_MAX + 1 : (size_t)rows;

    struct generator *generator =
        calloc(1, sizeof *generator + ladders * sizeof generator->ladders[0]);
    if (generator == NULL) return NULL;
    generator->orders = calloc((size_t)rows + 1, sizeof *generator->orders);
    generator->live = calloc(ladders * live_max, sizeof *generator->live);
    if (generator->orders == NULL || generator->live == NULL) {
        generator_delete(generator);
        return NULL;
    }

    generator->mode = mode;
    generator->random = random_seeded(seed);
    generator->rows = rows;
    generator->number = 1;
    generator->now_ns = DAY_START_NS;
    strncpy(generator->symbol, symbol, FLOW_SYMBOL_BYTES);
    for (size_t i = 0; i < ladders; i++) {
        ladder_init(&generator->ladders[i], generator->orders, generator->live + i * live_max,
                    (uint32_t)live_max);
        generator->mid[i] = day ? DAY_MIDDLE : STREAM_MID;
    }
    uint32_t sum = 0;
    for (uint32_t i = 0; i < GENERATOR_SYMBOLS; i++) {
        sum += 720720 / (i + 1); /* Zipf; 720,720 is divisible by 1 to 16 */
        generator->popularity[i] = sum;
    }
    return generator;
}

void generator_delete(struct generator *generator) {
    if (generator == NULL) return;
    free(generator->orders);
    free(generator->live);
    free(generator);
}

static uint64_t below(struct generator *generator, uint64_t bound) {
    return random_below(&generator->random, bound);
}

/* |N(0, spread)| rounded down, by the sum of twelve 16-bit uniforms. */
static int distance(struct generator *generator, int spread) {
    int64_t sum = -12 * 32768;
    for (int i = 0; i < 3; i++) {
        uint64_t bits = random_next(&generator->random);
        for (int k = 0; k < 4; k++, bits >>= 16) sum += (int64_t)(bits & 0xffff);
    }
    return (int)((sum < 0 ? -sum : sum) * spread / 65536);
}

/* passive is a price on a side's own half, as mid is: at least one from the mid. */
static int passive(struct generator *generator, int mid, unsigned side, int spread) {
    int away = 1 + distance(generator, spread);
    return side == SIDE_BUY ? mid - away : mid + away;
}

static unsigned popular(struct generator *generator) {
    uint32_t drawn = (uint32_t)below(generator, generator->popularity[GENERATOR_SYMBOLS - 1]);
    unsigned i = 0;
    while (drawn >= generator->popularity[i]) i++;
    return i;
}

/* ---- stream: the order of the draws is the contract ------------------------------------------ */

static uint32_t stream_level(int tick) {
    CHECK(tick >= GENERATOR_STREAM_TICK_MIN);
    return (uint32_t)(tick - GENERATOR_STREAM_TICK_MIN);
}

static void stream_enter(struct generator *generator, struct flow_row *row, unsigned side, int tick,
                         uint32_t quantity, bool ioc) {
    row->kind = FLOW_NEW;
    row->order = generator->number;
    row->side = (uint8_t)side;
    row->price_e4 = (uint32_t)tick * GENERATOR_TICK_E4;
    row->quantity = quantity;
    row->ioc = ioc;
    ladder_add(generator->ladders, generator->number++, side, stream_level(tick), quantity, ioc);
}

static void stream_passive(struct generator *generator, struct flow_row *row) {
    unsigned side = (unsigned)(random_next(&generator->random) & 1);
    int tick = passive(generator, generator->mid[0], side, STREAM_SPREAD);
    stream_enter(generator, row, side, tick, 1 + (uint32_t)below(generator, 100), false);
}

static void stream_marketable(struct generator *generator, struct flow_row *row) {
    unsigned side = (unsigned)(random_next(&generator->random) & 1);
    int best = ladder_best(generator->ladders, side ^ 1u);
    int touch = best < 0 ? generator->mid[0] : best + GENERATOR_STREAM_TICK_MIN;
    int through = (int)below(generator, 4);
    uint32_t quantity = 1 + (uint32_t)below(generator, 100);
    bool ioc = (random_next(&generator->random) & 1) != 0;
    stream_enter(generator, row, side, side == SIDE_BUY ? touch + through : touch - through,
                 quantity, ioc);
}

static uint32_t stream_any(struct generator *generator) {
    struct ladder *ladder = generator->ladders;
    return ladder->live[below(generator, ladder->live_count)];
}

static void stream_replace(struct generator *generator, struct flow_row *row) {
    uint32_t number = stream_any(generator);
    unsigned side = generator->orders[number].side;
    int tick = passive(generator, generator->mid[0], side, STREAM_SPREAD);
    uint32_t quantity = 1 + (uint32_t)below(generator, 100);
    ladder_take_off(generator->ladders, number);
    ladder_add(generator->ladders, number, side, stream_level(tick), quantity, false);
    row->kind = FLOW_REPLACE;
    row->order = number;
    row->side = (uint8_t)side;
    row->price_e4 = (uint32_t)tick * GENERATOR_TICK_E4;
    row->quantity = quantity;
}

static void stream_next(struct generator *generator, struct flow_row *row) {
    memcpy(row->symbol, generator->symbol, sizeof row->symbol);
    if (generator->sequence < GENERATOR_PREFILL) {
        stream_passive(generator, row);
        return;
    }
    if (((generator->sequence - GENERATOR_PREFILL) & 1023) == 0) {
        uint64_t step = random_next(&generator->random) & 3;
        if (step == 0 && generator->mid[0] > STREAM_MID_MIN) generator->mid[0]--;
        if (step == 1 && generator->mid[0] < STREAM_MID_MAX) generator->mid[0]++;
    }
    uint64_t percent = below(generator, 100);
    bool cancel = percent >= 45 && percent < 90;
    if (cancel && generator->ladders[0].live_count < GENERATOR_PREFILL) percent = 0;
    if (percent < 45) {
        stream_passive(generator, row);
    } else if (percent < 90) {
        row->kind = FLOW_CANCEL;
        row->order = stream_any(generator);
        row->side = generator->orders[row->order].side;
        ladder_take_off(generator->ladders, (uint32_t)row->order);
    } else if (percent < 95) {
        stream_replace(generator, row);
    } else {
        stream_marketable(generator, row);
    }
}

/* ---- day ------------------------------------------------------------------------------------- */

static uint32_t day_price_e4(unsigned symbol, int level) {
    CHECK(level >= 0);
    return generator_base_e4(symbol) + (uint32_t)level * GENERATOR_TICK_E4;
}

/* Whole hundreds mostly. Takers are smaller than makers, so that most of them leave some. */
static uint32_t day_quantity(struct generator *generator, bool takes) {
    uint64_t bits = below(generator, 10);
    if (bits < 7) return 100 * (1 + (uint32_t)below(generator, takes ? 2 : 5));
    return 1 + (uint32_t)below(generator, takes ? 150 : 500);
}

static void day_enter(struct generator *generator, struct flow_row *row, unsigned symbol, int level,
                      uint32_t quantity, bool ioc) {
    row->kind = FLOW_NEW;
    row->order = generator->number;
    row->price_e4 = day_price_e4(symbol, level);
    row->quantity = quantity;
    row->ioc = ioc;
    generator->orders[generator->number].firm = (uint8_t)row->firm;
    ladder_add(&generator->ladders[symbol], generator->number++, row->side, (uint32_t)level,
               quantity, ioc);
}

/* An order that gateway or card must refuse; the generator's book does not have it. */
static void day_refused(struct generator *generator, struct flow_row *row, unsigned symbol) {
    int level = passive(generator, generator->mid[symbol], row->side, DAY_SPREAD);
    row->kind = FLOW_NEW;
    row->order = generator->number++;
    row->price_e4 = day_price_e4(symbol, level);
    row->quantity = day_quantity(generator, false);
    switch (below(generator, 4)) {
    case 0:
        row->price_e4 =
            day_price_e4(symbol, GENERATOR_LEVELS + (int)below(generator, GENERATOR_LEVELS));
        break;
    case 1:
        row->price_e4 += 1 + (uint32_t)below(generator, GENERATOR_TICK_E4 - 1);
        break;
    case 2:
        memcpy(row->symbol, "NOSUCH", sizeof "NOSUCH");
        break;
    default:
        row->quantity = GENERATOR_QUANTITY_REFUSED;
        break;
    }
}

static void day_take(struct generator *generator, struct flow_row *row, unsigned symbol) {
    int best = ladder_best(&generator->ladders[symbol], row->side ^ 1u);
    int touch = best < 0 ? generator->mid[symbol] : best;
    int through = (int)below(generator, 3);
    uint32_t quantity = day_quantity(generator, true);
    bool ioc = below(generator, 4) != 0;
    day_enter(generator, row, symbol, row->side == SIDE_BUY ? touch + through : touch - through,
              quantity, ioc);
}

/* day_change makes the row concern a resting order of the symbol. */
static void day_change(struct generator *generator, struct flow_row *row, unsigned symbol,
                       enum flow_kind kind) {
    struct ladder *ladder = &generator->ladders[symbol];
    uint32_t number = ladder->live[below(generator, ladder->live_count)];
    struct ladder_order *order = &generator->orders[number];
    row->order = number;
    row->side = order->side;
    row->firm = order->firm;
    row->kind = kind;
    if (kind == FLOW_REDUCE && order->quantity > 1) {
        row->quantity = 1 + (uint32_t)below(generator, order->quantity - 1);
        order->quantity -= row->quantity;
        return;
    }
    ladder_take_off(ladder, number);
    if (kind != FLOW_REPLACE) {
        row->kind = FLOW_CANCEL; /* a single share cannot be reduced */
        return;
    }
    int level = passive(generator, generator->mid[symbol], row->side, DAY_SPREAD);
    row->quantity = day_quantity(generator, false);
    row->price_e4 = day_price_e4(symbol, level);
    ladder_add(ladder, number, row->side, (uint32_t)level, row->quantity, false);
}

/* day_clock moves the time on: long gaps with a heavy tail, and bursts of one symbol in which all
   messages fall within a microsecond. */
static unsigned day_clock(struct generator *generator) {
    if (generator->burst_left > 0) {
        generator->burst_left--;
        generator->now_ns += below(generator, 3);
        return generator->burst_symbol;
    }
    unsigned tail = (unsigned)__builtin_ctzll(random_next(&generator->random) | 1u << 12);
    generator->now_ns += 1 + below(generator, DAY_GAP_NS << tail);
    unsigned symbol = popular(generator);
    if (below(generator, DAY_BURST_ROWS) == 0) {
        unsigned size = (unsigned)__builtin_ctzll(random_next(&generator->random) | 1u << 8);
        generator->burst_left = (UINT32_C(2) << size) - 1;
        if (generator->burst_left > GENERATOR_BURST_MAX - 1)
            generator->burst_left = GENERATOR_BURST_MAX - 1;
        generator->burst_symbol = symbol;
    }
    return symbol;
}

static void day_next(struct generator *generator, struct flow_row *row) {
    unsigned symbol = day_clock(generator);
    struct ladder *ladder = &generator->ladders[symbol];
    int *mid = &generator->mid[symbol];
    if (generator->symbol_rows[symbol]++ % DAY_MIDDLE_ROWS == 0) {
        uint64_t step = below(generator, 4);
        if (step == 0 && *mid > DAY_MIDDLE - DAY_MIDDLE_RANGE) --*mid;
        if (step == 1 && *mid < DAY_MIDDLE + DAY_MIDDLE_RANGE) ++*mid;
    }
    row->time_ns = generator->now_ns;
    memcpy(row->symbol, "DAY", 3);
    row->symbol[3] = (char)('0' + symbol / 10);
    row->symbol[4] = (char)('0' + symbol % 10);
    row->side = (uint8_t)(random_next(&generator->random) & 1);
    row->firm = (uint16_t)(1 + popular(generator));

    uint64_t part = below(generator, DAY_PARTS);
    bool enters = part < DAY_NEW + DAY_TAKE + DAY_REFUSED;
    bool few = ladder->live_count < DAY_LIVE_MIN, many = ladder->live_count >= DAY_LIVE_MAX;
    if (!enters && few) part = 0;
    if (enters && many) part = DAY_PARTS - 1;

    if (part < DAY_NEW) {
        int level = passive(generator, *mid, row->side, DAY_SPREAD);
        day_enter(generator, row, symbol, level, day_quantity(generator, false), false);
        return;
    }
    if ((part -= DAY_NEW) < DAY_TAKE) {
        day_take(generator, row, symbol);
        return;
    }
    if ((part -= DAY_TAKE) < DAY_REFUSED) {
        day_refused(generator, row, symbol);
        return;
    }
    if ((part -= DAY_REFUSED) < DAY_REPLACE) {
        day_change(generator, row, symbol, FLOW_REPLACE);
        return;
    }
    part -= DAY_REPLACE;
    day_change(generator, row, symbol, part < DAY_REDUCE ? FLOW_REDUCE : FLOW_CANCEL);
}

bool generator_next(struct generator *generator, struct flow_row *row) {
    if (generator->sequence == generator->rows) return false;
    memset(row, 0, sizeof *row);
    if (generator->mode == GENERATOR_STREAM)
        stream_next(generator, row);
    else
        day_next(generator, row);
    row->sequence = generator->sequence++;
    return true;
}
