/* tape: an order flow as the commands a host would send, all known beforehand, so that they can be
 * given to a card as fast as it takes them.
 *
 * The flow is played once into the soft card (desk.h), which says what each order comes to. Orders
 * get the slot that has been free for longest: a host learns late that a slot is free and does not
 * enter the next order into it within a few clocks. */
#ifndef TESTS_RTL_TAPE_H
#define TESTS_RTL_TAPE_H

#include "host/client/flow.h"
#include "tests/rtl/desk.h"

struct tape {
    struct command *commands;
    uint64_t count;
    uint64_t setup; /* the first so many are rows: accounts, symbol, the gate */
};

/* tape_make plays the source, "stream", "day" or a file, for a card of the default size; base_e4
   and accounts are desk_new's. Returns 0 and the tape, which tape_free gives back, or an error as
   flow_open and drive. */
int tape_make(struct tape *tape, const char *source, const struct flow_settings *settings,
              uint32_t base_e4, uint32_t accounts);
void tape_free(struct tape *tape);

#endif /* TESTS_RTL_TAPE_H */
