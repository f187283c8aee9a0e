#include "host/client/ladder.h"
#include "driver/abi/abi.h"
#include "host/base/check.h"
#include <string.h>

void ladder_init(struct ladder *ladder, struct ladder_order *orders, uint32_t *live,
                 uint32_t live_max) {
    memset(ladder, 0, sizeof *ladder);
    ladder->orders = orders;
    ladder->live = live;
    ladder->live_max = live_max;
}

int ladder_best(const struct ladder *ladder, unsigned side) {
    uint64_t summary = ladder->summary[side];
    if (summary == 0) return -1;
    int word = side == SIDE_BUY ? 63 - __builtin_clzll(summary) : __builtin_ctzll(summary);
    uint64_t bits = ladder->words[side][word];
    int bit = side == SIDE_BUY ? 63 - __builtin_clzll(bits) : __builtin_ctzll(bits);
    return word * 64 + bit;
}

static void level_mark(struct ladder *ladder, unsigned side, uint32_t level, bool occupied) {
    uint64_t *word = &ladder->words[side][level / 64];
    if (occupied) {
        *word |= UINT64_C(1) << level % 64;
        ladder->summary[side] |= UINT64_C(1) << level / 64;
        return;
    }
    *word &= ~(UINT64_C(1) << level % 64);
    if (*word == 0) ladder->summary[side] &= ~(UINT64_C(1) << level / 64);
}

void ladder_take_off(struct ladder *ladder, uint32_t number) {
    struct ladder_order *order = &ladder->orders[number];
    struct ladder_level *level = &ladder->levels[order->side][order->level];
    CHECK(order->position < ladder->live_count);
    CHECK(ladder->live[order->position] == number);

    if (order->previous != 0)
        ladder->orders[order->previous].next = order->next;
    else
        level->head = order->next;
    if (order->next != 0)
        ladder->orders[order->next].previous = order->previous;
    else
        level->tail = order->previous;
    if (level->head == 0) level_mark(ladder, order->side, order->level, false);

    uint32_t last = ladder->live[--ladder->live_count];
    ladder->live[order->position] = last;
    ladder->orders[last].position = order->position;
}

static uint32_t ladder_match(struct ladder *ladder, unsigned side, uint32_t limit,
                             uint32_t quantity) {
    unsigned other = side == SIDE_BUY ? SIDE_SELL : SIDE_BUY;
    while (quantity > 0) {
        int best = ladder_best(ladder, other);
        if (best < 0) break;
        if (side == SIDE_BUY ? (uint32_t)best > limit : (uint32_t)best < limit) break;

        uint32_t number = ladder->levels[other][best].head;
        struct ladder_order *maker = &ladder->orders[number];
        uint32_t traded = maker->quantity < quantity ? maker->quantity : quantity;
        maker->quantity -= traded;
        quantity -= traded;
        if (maker->quantity == 0) ladder_take_off(ladder, number);
    }
    return quantity;
}

void ladder_add(struct ladder *ladder, uint32_t number, unsigned side, uint32_t level,
                uint32_t quantity, bool ioc) {
    CHECK(level < LADDER_LEVELS);
    quantity = ladder_match(ladder, side, level, quantity);
    if (quantity == 0 || ioc) return;

    CHECK(ladder->live_count < ladder->live_max);
    struct ladder_level *at = &ladder->levels[side][level];
    struct ladder_order *order = &ladder->orders[number];
    order->quantity = quantity;
    order->next = 0;
    order->previous = at->tail;
    order->position = ladder->live_count;
    order->level = (uint16_t)level;
    order->side = (uint8_t)side;
    if (at->tail != 0)
        ladder->orders[at->tail].next = number;
    else
        at->head = number;
    at->tail = number;
    level_mark(ladder, side, level, true);
    ladder->live[ladder->live_count++] = number;
}
