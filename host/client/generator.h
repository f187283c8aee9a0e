/* generator.h: order flow from a seed: the same rows on every machine, integer arithmetic only.
 *
 * GENERATOR_STREAM  the common benchmark stream: one symbol, ticks around 10,000, a mid price that
 *     walks slowly; 45 % passive limits, 45 % cancels, 5 % replaces, 5 % marketable limits, half of
 *     them IOC; the first GENERATOR_PREFILL rows fill the book. No times. Prices need levels from
 *     GENERATOR_STREAM_TICK_MIN on, 4,096 of them. Its rows never change.
 * GENERATOR_DAY     a day of GENERATOR_SYMBOLS symbols and GENERATOR_FIRMS firms whose mix and
 * bursts follow a published Nasdaq day: 43.6 % adds, 42.6 % deletes, 8.1 % replaces, the rest
 * orders that take and partial cancels; up to GENERATOR_BURST_MAX messages within a microsecond;
 * few symbols and firms send most of it. A small share must be refused: a price outside the band, a
 * price off the tick, an unknown symbol, GENERATOR_QUANTITY_REFUSED shares (no other order has more
 * than GENERATOR_QUANTITY_MAX).
 *
 * The symbols of the day are DAY00 to DAY15: tick GENERATOR_TICK_E4, base price generator_base_e4,
 * a band of GENERATOR_LEVELS ticks from there, trading around the band's middle. */
#ifndef HOST_CLIENT_GENERATOR_H
#define HOST_CLIENT_GENERATOR_H

#include "host/client/flow.h"

enum generator_mode { GENERATOR_STREAM, GENERATOR_DAY };

enum {
    GENERATOR_SYMBOLS = 16,
    GENERATOR_FIRMS = 16,
    GENERATOR_LEVELS = 4096,
    GENERATOR_TICK_E4 = 100,
    GENERATOR_PREFILL = 10000,
    GENERATOR_STREAM_TICK_MIN = 8000,
    GENERATOR_BURST_MAX = 501,
    GENERATOR_QUANTITY_MAX = 1000,
    GENERATOR_QUANTITY_REFUSED = 500000,
    GENERATOR_ROWS_MAX = 100000000,
};

/* generator_base_e4 is the lowest price of symbol 0 to GENERATOR_SYMBOLS - 1 of the day: 10.00,
   25.00, ... 235.00. */
static inline uint32_t generator_base_e4(unsigned symbol) { return 100000u + 150000u * symbol; }

struct generator;

/* generator_new makes a generator that gives rows rows, 1 to GENERATOR_ROWS_MAX. symbol is the text
   of the stream's one symbol; the day has its own. NULL without memory. Nothing is allocated later.
 */
struct generator *generator_new(enum generator_mode mode, uint64_t seed, uint64_t rows,
                                const char *symbol);
void generator_delete(struct generator *generator);

/* generator_next fills the next row in constant time, whatever the book holds, but for the orders
   that an incoming order fills. Returns false after the last one. */
bool generator_next(struct generator *generator, struct flow_row *row);

#endif /* HOST_CLIENT_GENERATOR_H */
