/* orders: which order of the card a client's reference means, and which slots are free.
 *
 * A client names an order by session and UserRefNum, the card by a handle: slot and generation. An
 * order is here from the moment it is asked for until it is known to be dead, so that what a client
 * sends behind it, without waiting, finds it: its handle is predicted, and if the prediction fails
 * the card knows no such order. A replacement is an order of its own that takes the slot when the
 * card says so. A slot is free again when the command that closed it has come back whole.
 *
 * All memory is taken by orders_new. */
#ifndef HOST_GATEWAY_ORDERS_H
#define HOST_GATEWAY_ORDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum order_state {
    ORDER_FREE,     /* not in use */
    ORDER_ENTERING, /* asked for; holds its slot */
    ORDER_CHANGING, /* asked for in place of another */
    ORDER_LIVE,     /* the card has it */
};

struct order {
    uint32_t user_ref;
    uint32_t handle;    /* predicted until it is live */
    uint64_t order_ref; /* OUCH order reference number, once accepted */
    uint16_t session, account, symbol;
    uint8_t state;                                          /* enum order_state */
    uint8_t side;                                           /* SIDE_ */
    char side_letter, tif, display, capacity, sweep, cross; /* as OUCH spells them */
    char client_order_id[14];
    uint32_t next_free;
};

struct orders;

/* orders_new makes the table for a card of `slots` order slots, with at most changes_max
   replacements under way at a time. seed keys the hash, so that no client can aim at its buckets.
   NULL without memory. */
struct orders *orders_new(uint32_t slots, uint32_t changes_max, uint64_t seed);
void orders_delete(struct orders *orders);

/* orders_enter gives a new order a slot that is free and a handle; NULL when none is. The reference
   is not in use. */
struct order *orders_enter(struct orders *orders, uint16_t session, uint32_t user_ref);

/* orders_enter_at does the same for the handle that a journal names; NULL when that cannot be: the
   slot is out of range or taken, the generation not the next one, or the reference in use. Then,
   before orders_enter is used, orders_settle. */
struct order *orders_enter_at(struct orders *orders, uint16_t session, uint32_t user_ref,
                              uint32_t handle);

/* orders_settle finds the free slots after orders_enter_at. */
void orders_settle(struct orders *orders);

/* orders_change makes the replacement of an order: a copy with another reference and the handle it
   will have. NULL when changes_max are under way or the reference is in use. */
struct order *orders_change(struct orders *orders, const struct order *old, uint32_t user_ref);

/* orders_find gives the order that a client's reference means; NULL for one that is dead or never
   was. */
struct order *orders_find(struct orders *orders, uint16_t session, uint32_t user_ref);

/* orders_live gives the live order of a handle; NULL if there is none. */
struct order *orders_live(struct orders *orders, uint32_t handle);

/* orders_accept makes an order that was entering or changing live, under its handle. The one that
   it replaces goes. */
void orders_accept(struct orders *orders, struct order *order);

/* orders_drop forgets an order, and frees its slot if it held one. */
void orders_drop(struct orders *orders, struct order *order);

/* orders_next walks the live orders of a session by slot: it gives the first one in slot *slot or
   above and moves *slot behind it; NULL at the end. At most `steps` slots are looked at: *slot says
   how far it came. */
struct order *orders_next(struct orders *orders, uint16_t session, uint32_t *slot, uint32_t steps);

/* orders_slots is the card's number of slots, orders_free how many of them are free. */
uint32_t orders_slots(const struct orders *orders);
uint32_t orders_free(const struct orders *orders);

/* orders_check walks everything and CHECKs that it agrees. Slow; for tests. */
void orders_check(const struct orders *orders);

#endif /* HOST_GATEWAY_ORDERS_H */
