/* gates: who may trade and which symbols do, folded from events: the gate for all, the kill bits,
 * the symbols' states. As a card is after reset: the gate closed, the symbols too, nobody killed.
 */
#ifndef HOST_GATEWAY_GATES_H
#define HOST_GATEWAY_GATES_H

#include "driver/card.h"

struct gates {
    uint32_t symbols, accounts; /* rows; as many firms and sessions as accounts */
    bool killed;
    uint8_t *symbol_state; /* SYMBOL_STATE_ */
    bool *account_killed, *firm_killed, *session_killed;
};

/* gates_new returns NULL without memory. */
struct gates *gates_new(const struct card_size *size);
void gates_delete(struct gates *gates);

/* gates_event folds one event; those that open or close nothing are passed over. */
void gates_event(struct gates *gates, const struct event *event);

#endif /* HOST_GATEWAY_GATES_H */
