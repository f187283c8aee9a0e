#include "host/gateway/orders.h"
#include "driver/abi/abi.h"
#include "host/base/check.h"
#include <stdlib.h>

/* Orders are numbered from 1; 0 is none. */
struct slot {
    uint32_t live;       /* number of the order that the card has in it */
    uint16_t generation; /* last one that the card took */
    bool taken;
};

struct orders {
    struct order *pool; /* [0] is not used */
    struct slot *slots;
    uint32_t *free_slots; /* a stack */
    uint32_t *buckets;    /* open addressing: numbers of orders */
    uint64_t seed;
    uint32_t slot_count, pool_count, bucket_mask;
    uint32_t free_count, pool_free;
    bool restoring; /* the free slots are not kept until orders_settle */
};

struct orders *orders_new(uint32_t slots, uint32_t changes_max, uint64_t seed) {
    CHECK(slots >= 2);
    CHECK(slots <= 1u << LIMIT_SLOT_BITS);
    struct orders *orders = calloc(1, sizeof *orders);
    if (orders == NULL) return NULL;
    uint32_t pool = slots + changes_max;
    uint32_t buckets = 4;
    while (buckets < 2 * pool) buckets *= 2; /* at most half full */
    orders->seed = seed;
    orders->slot_count = slots;
    orders->pool_count = pool;
    orders->bucket_mask = buckets - 1;
    orders->pool = calloc(pool + 1, sizeof *orders->pool);
    orders->slots = calloc(slots, sizeof *orders->slots);
    orders->free_slots = calloc(slots, sizeof *orders->free_slots);
    orders->buckets = calloc(buckets, sizeof *orders->buckets);
    if (orders->pool == NULL || orders->slots == NULL || orders->free_slots == NULL ||
        orders->buckets == NULL) {
        orders_delete(orders);
        return NULL;
    }
    for (uint32_t i = pool; i >= 1; i--) {
        orders->pool[i].next_free = orders->pool_free;
        orders->pool_free = i;
    }
    orders_settle(orders);
    return orders;
}

void orders_delete(struct orders *orders) {
    if (orders == NULL) return;
    free(orders->pool);
    free(orders->slots);
    free(orders->free_slots);
    free(orders->buckets);
    free(orders);
}

void orders_settle(struct orders *orders) {
    orders->restoring = false;
    orders->free_count = 0;
    for (uint32_t i = orders->slot_count; i > 0; i--)
        if (!orders->slots[i - 1].taken) orders->free_slots[orders->free_count++] = i - 1;
}

/* ---- The map from session and reference to order ---- */

static uint32_t home(const struct orders *orders, uint16_t session, uint32_t user_ref) {
    uint64_t key = ((uint64_t)session << 32 | user_ref) ^ orders->seed;
    key = (key ^ key >> 33) * 0xff51afd7ed558ccdu;
    key = ((key ^ key >> 33) + orders->seed) * 0xc4ceb9fe1a85ec53u;
    return (uint32_t)(key >> 32) & orders->bucket_mask;
}

/* The bucket that holds the reference, or the empty one where it would go. */
static uint32_t bucket_of(const struct orders *orders, uint16_t session, uint32_t user_ref) {
    uint32_t bucket = home(orders, session, user_ref);
    for (uint32_t number; (number = orders->buckets[bucket]) != 0;
         bucket = (bucket + 1) & orders->bucket_mask) {
        const struct order *order = &orders->pool[number];
        if (order->session == session && order->user_ref == user_ref) break;
    }
    return bucket;
}

static void map_remove(struct orders *orders, const struct order *order) {
    uint32_t hole = bucket_of(orders, order->session, order->user_ref);
    CHECK(orders->buckets[hole] != 0);
    orders->buckets[hole] = 0;
    /* What stands behind the hole moves up if its home is not between the hole and it. */
    for (uint32_t at = (hole + 1) & orders->bucket_mask; orders->buckets[at] != 0;
         at = (at + 1) & orders->bucket_mask) {
        const struct order *moved = &orders->pool[orders->buckets[at]];
        uint32_t distance =
            (at - home(orders, moved->session, moved->user_ref)) & orders->bucket_mask;
        if (distance < ((at - hole) & orders->bucket_mask)) continue;
        orders->buckets[hole] = orders->buckets[at];
        orders->buckets[at] = 0;
        hole = at;
    }
}

/* Takes an order from the pool and puts it into the map; NULL if either cannot be. */
static struct order *take(struct orders *orders, uint16_t session, uint32_t user_ref) {
    uint32_t bucket = bucket_of(orders, session, user_ref);
    if (orders->pool_free == 0 || orders->buckets[bucket] != 0) return NULL;
    struct order *order = &orders->pool[orders->pool_free];
    orders->buckets[bucket] = orders->pool_free;
    orders->pool_free = order->next_free;
    *order = (struct order){ .session = session, .user_ref = user_ref };
    return order;
}

static void give_back(struct orders *orders, struct order *order) {
    map_remove(orders, order);
    *order = (struct order){ .state = ORDER_FREE, .next_free = orders->pool_free };
    orders->pool_free = (uint32_t)(order - orders->pool);
}

/* ---- What is asked for ---- */

struct order *orders_enter(struct orders *orders, uint16_t session, uint32_t user_ref) {
    CHECK(!orders->restoring);
    if (orders->free_count == 0) return NULL;
    struct order *order = take(orders, session, user_ref);
    CHECK(order != NULL); /* the pool has one for every slot, and references rise */
    uint32_t slot = orders->free_slots[--orders->free_count];
    orders->slots[slot].taken = true;
    order->handle = abi_handle(slot, abi_generation_next(orders->slots[slot].generation));
    order->state = ORDER_ENTERING;
    return order;
}

struct order *orders_enter_at(struct orders *orders, uint16_t session, uint32_t user_ref,
                              uint32_t handle) {
    uint32_t slot = abi_slot(handle);
    if (slot >= orders->slot_count || orders->slots[slot].taken ||
        abi_generation_next(orders->slots[slot].generation) != abi_generation(handle))
        return NULL;
    struct order *order = take(orders, session, user_ref);
    if (order == NULL) return NULL;
    orders->restoring = true;
    orders->slots[slot].taken = true;
    order->handle = handle;
    order->state = ORDER_ENTERING;
    return order;
}

struct order *orders_change(struct orders *orders, const struct order *old, uint32_t user_ref) {
    struct order *order = take(orders, old->session, user_ref);
    if (order == NULL) return NULL;
    *order = *old;
    order->user_ref = user_ref;
    order->handle =
        abi_handle(abi_slot(old->handle), abi_generation_next(abi_generation(old->handle)));
    order->state = ORDER_CHANGING;
    return order;
}

struct order *orders_find(struct orders *orders, uint16_t session, uint32_t user_ref) {
    uint32_t number = orders->buckets[bucket_of(orders, session, user_ref)];
    return number == 0 ? NULL : &orders->pool[number];
}

/* ---- What the card says ---- */

struct order *orders_live(struct orders *orders, uint32_t handle) {
    uint32_t slot = abi_slot(handle);
    if (slot >= orders->slot_count || orders->slots[slot].live == 0) return NULL;
    struct order *order = &orders->pool[orders->slots[slot].live];
    return order->handle == handle ? order : NULL;
}

void orders_accept(struct orders *orders, struct order *order) {
    CHECK(order->state == ORDER_ENTERING || order->state == ORDER_CHANGING);
    struct slot *slot = &orders->slots[abi_slot(order->handle)];
    CHECK(slot->taken);
    if (order->state == ORDER_CHANGING) {
        CHECK(slot->live != 0);
        give_back(orders, &orders->pool[slot->live]);
    } else {
        CHECK(slot->live == 0);
    }
    slot->live = (uint32_t)(order - orders->pool);
    slot->generation = (uint16_t)abi_generation(order->handle);
    order->state = ORDER_LIVE;
}

void orders_drop(struct orders *orders, struct order *order) {
    CHECK(order->state != ORDER_FREE);
    if (order->state != ORDER_CHANGING) {
        uint32_t index = abi_slot(order->handle);
        struct slot *slot = &orders->slots[index];
        CHECK(slot->taken);
        slot->taken = false;
        slot->live = 0;
        if (!orders->restoring) orders->free_slots[orders->free_count++] = index;
    }
    give_back(orders, order);
}

struct order *orders_next(struct orders *orders, uint16_t session, uint32_t *slot, uint32_t steps) {
    for (; *slot < orders->slot_count && steps > 0; steps--) {
        uint32_t live = orders->slots[(*slot)++].live;
        if (live != 0 && orders->pool[live].session == session) return &orders->pool[live];
    }
    return NULL;
}

uint32_t orders_slots(const struct orders *orders) { return orders->slot_count; }

uint32_t orders_free(const struct orders *orders) { return orders->free_count; }

void orders_check(const struct orders *orders) {
    uint32_t taken = 0, mapped = 0, in_use = 0;
    for (uint32_t i = 0; i < orders->slot_count; i++) {
        const struct slot *slot = &orders->slots[i];
        taken += slot->taken;
        if (slot->live == 0) continue;
        CHECK(slot->taken);
        CHECK(orders->pool[slot->live].state == ORDER_LIVE);
        CHECK(orders->pool[slot->live].handle == abi_handle(i, slot->generation));
    }
    if (!orders->restoring) CHECK(taken + orders->free_count == orders->slot_count);
    for (uint32_t i = 0; i <= orders->bucket_mask; i++) mapped += orders->buckets[i] != 0;
    for (uint32_t i = 1; i <= orders->pool_count; i++) {
        const struct order *order = &orders->pool[i];
        if (order->state == ORDER_FREE) continue;
        in_use++;
        CHECK(orders->buckets[bucket_of(orders, order->session, order->user_ref)] == i);
    }
    CHECK(mapped == in_use);
}
