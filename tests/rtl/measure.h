/* measure: what commands cost the core, in clocks from their taking to their events' leaving
 * (meter.h). test_clocks asserts it, `make clocks` prints it. */
#ifndef TESTS_RTL_MEASURE_H
#define TESTS_RTL_MEASURE_H

#include "tests/rtl/meter.h"

/* Each alone in an idle core. Where the figure is a range, both ends are here. */
struct measured {
    uint64_t verdict_min, verdict_max; /* of NEW, CANCEL, REPLACE, refused or not */
    uint64_t add;                      /* an order that rests: its last event */
    uint64_t cancel;                   /* CANCEL, REPLACE downwards: the last event, the longest */
    uint64_t first_trade;              /* the first TRADE, the longest */
    uint64_t per_fill;                 /* from one TRADE to the next, the longest */
    uint64_t worst; /* any command's last event, less per_fill for each resting order's
                       event; SWEEP, UNCROSS and what counts levels left out */
    uint8_t worst_opcode;
    uint64_t count_levels;  /* FOK that looks at every level of a full band: its last event */
    uint64_t sweep_slots;   /* SWEEP that meets nothing */
    uint64_t envelope_less; /* by so much less the event's own count of clocks is */
};

/* measure_directed opens a market in the meter, which is fresh, and gives commands made for each
   figure, then random_commands drawn from seed for the worst and for the verdict's ends. Returns 0,
   or -EPROTO with err_text when an event is not the one the figure is about; or as meter_play. */
int measure_directed(struct meter *meter, uint64_t random_commands, uint64_t seed,
                     struct measured *measured);

/* Of a tape given as fast as the core takes it. */
struct paced {
    uint64_t commands, clocks; /* from the taking of the first one counted to the last event */
    uint64_t events, trades;
};

/* measure_back_to_back plays the commands and counts from the one numbered from on. */
int measure_back_to_back(struct meter *meter, const struct command *commands, uint64_t count,
                         uint64_t from, struct paced *paced);

/* measure_mean_e2 is clocks a command, in hundredths, rounded up. */
uint64_t measure_mean_e2(const struct paced *paced);

/* At an offered load. */
struct loaded {
    unsigned percent; /* of what the core did back to back */
    struct spread {
        uint64_t p50, p99, p999, max;
    } taken, arrived; /* clocks to the last event, from the taking and from the arrival */
};

/* measure_loaded plays the commands at percent of the rate of paced, the time between arrivals
   drawn from seed: each clock brings one or none, whatever came before. The first from ones open
   the market: they are given at once and not counted. */
int measure_loaded(struct meter *meter, const struct command *commands, uint64_t count,
                   uint64_t from, const struct paced *paced, unsigned percent, uint64_t seed,
                   struct loaded *loaded);

#endif /* TESTS_RTL_MEASURE_H */
