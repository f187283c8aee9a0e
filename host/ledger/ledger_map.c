/* ledger_map: ids to indexes, for accounts, transfers and ledger numbers. The ids themselves stand
 * in the rows; a slot has enough of the hash to look at few rows that are not the one. */
#include "host/base/check.h"
#include "host/ledger/ledger_state.h"

static uint64_t multiply_fold(uint64_t a, uint64_t b) {
    ledger_wide product = (ledger_wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t id_hash(const struct ledger *ledger, struct ledger_id id) {
    uint64_t first = multiply_fold(id.low ^ ledger->options.seed, 0x9e3779b97f4a7c15u);
    return multiply_fold(first ^ id.high, 0xbf58476d1ce4e5b9u ^ ledger->options.seed << 1);
}

static struct ledger_id row_id(const struct ledger *ledger, const struct ledger_map *map,
                               uint32_t index) {
    if (map == &ledger->transfer_map) return ledger->transfers[index].id;
    if (map == &ledger->account_map) return ledger->accounts[index].id;
    return (struct ledger_id){ .low = ledger->numbers[index] };
}

uint32_t ledger_map_find(const struct ledger *ledger, const struct ledger_map *map,
                         struct ledger_id id) {
    uint64_t hash = id_hash(ledger, id);
    uint32_t tag = (uint32_t)(hash >> 32);
    for (uint64_t at = hash & map->mask;; at = (at + 1) & map->mask) {
        const struct ledger_slot *slot = &map->slots[at];
        if (slot->next == 0) return LEDGER_NONE;
        if (slot->tag == tag && ledger_id_equal(row_id(ledger, map, slot->next - 1), id))
            return slot->next - 1;
    }
}

uint32_t ledger_map_find_number(const struct ledger *ledger, uint32_t number) {
    return ledger_map_find(ledger, &ledger->ledger_map, (struct ledger_id){ .low = number });
}

void ledger_map_put(const struct ledger *ledger, struct ledger_map *map, struct ledger_id id,
                    uint32_t index) {
    uint64_t hash = id_hash(ledger, id), at = hash & map->mask;
    while (map->slots[at].next != 0) at = (at + 1) & map->mask;
    map->slots[at] = (struct ledger_slot){ .tag = (uint32_t)(hash >> 32), .next = index + 1 };
}

void ledger_map_drop_last(const struct ledger *ledger, struct ledger_map *map, struct ledger_id id,
                          uint32_t index) {
    uint64_t at = id_hash(ledger, id) & map->mask;
    while (map->slots[at].next != index + 1) {
        CHECK(map->slots[at].next != 0);
        at = (at + 1) & map->mask;
    }
    map->slots[at] = (struct ledger_slot){ .next = 0 };
}

void ledger_map_prefetch(const struct ledger *ledger, const struct ledger_map *map,
                         struct ledger_id id) {
    __builtin_prefetch(&map->slots[id_hash(ledger, id) & map->mask]);
}
