/* ladder.h: one symbol's book for the generator: levels in an array, orders in a shared one.
 *
 * Every operation takes constant time, but for the orders that a match fills. An order's number is
 * its index in the shared array; whoever owns the array gives out the numbers, from 1. */
#ifndef HOST_CLIENT_LADDER_H
#define HOST_CLIENT_LADDER_H

#include <stdbool.h>
#include <stdint.h>

enum { LADDER_LEVELS = 4096, LADDER_WORDS = LADDER_LEVELS / 64 };

struct ladder_order {
    uint32_t quantity;       /* left */
    uint32_t next, previous; /* on its level; 0 none */
    uint32_t position;       /* in the list of live orders */
    uint16_t level;
    uint8_t side;
    uint8_t firm;
};

struct ladder_level {
    uint32_t head, tail; /* oldest and newest order; 0 none */
};

struct ladder {
    struct ladder_order *orders; /* shared */
    uint32_t *live;              /* numbers of the resting orders, in no order */
    uint32_t live_count, live_max;
    struct ladder_level levels[2][LADDER_LEVELS];
    uint64_t words[2][LADDER_WORDS]; /* a bit for each level that is not empty */
    uint64_t summary[2];             /* a bit for each word that is not 0 */
};

/* ladder_init makes an empty book over a shared array of orders and a list of live_max numbers. */
void ladder_init(struct ladder *ladder, struct ladder_order *orders, uint32_t *live,
                 uint32_t live_max);

/* ladder_best is the best level of a side, or -1 when it is empty. */
int ladder_best(const struct ladder *ladder, unsigned side);

/* ladder_add enters an order that is not in the book: it trades with what it crosses, price then
   time, and what is left rests, unless ioc. side, level < LADDER_LEVELS. */
void ladder_add(struct ladder *ladder, uint32_t number, unsigned side, uint32_t level,
                uint32_t quantity, bool ioc);

/* ladder_take_off removes a resting order. */
void ladder_take_off(struct ladder *ladder, uint32_t number);

#endif /* HOST_CLIENT_LADDER_H */
