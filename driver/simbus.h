/* simbus.h: CARD=bus: a card that is another process, wirepit-card, reached through shared memory
 * as a real one is through its bus: posted writes, slow reads, events in the host's memory.
 *
 * No system call is made while commands go out and events come in. A host that waits for its
 * commands spins for SIMBUS_SPIN_NS and then sleeps at most SIMBUS_NAP_NS at a time, until the
 * card's process rings: with two cores for everybody the card and the clients need them more. */
#ifndef DRIVER_SIMBUS_H
#define DRIVER_SIMBUS_H

#include "driver/card.h"

enum {
    SIMBUS_SPIN_NS = 20000,
    SIMBUS_NAP_NS = 200000,
    SIMBUS_LOOK_NS = 10000000, /* so often the card's process is looked after */
};
#define SIMBUS_SILENCE_NS UINT64_C(3000000000) /* of a card's process that owes an answer: dead */

/* simbus_open connects to the wirepit-card that listens at path and gives a card fresh from reset,
   in REPLAY mode. Returns 0 and *card, which card_close gives back: the card's process then takes
   the next host. Or
     -ENOENT, -ECONNREFUSED   no card's process listens there
     -EBUSY     another host has the card
     -EPROTO    card's process and host were built from different tables or layouts
     -EIO       the card's process died, does not answer, or its card does not come up
     others     as socket(2), connect(2) and mmap(2) give them

   The card's process may die at any time: poll then returns -EIO within SIMBUS_LOOK_NS of being
   called, or SIMBUS_SILENCE_NS when it only hangs; reads give all ones, writes go nowhere. Such a
   card is closed and opened again. A write waits while the bus is full, SIMBUS_POSTS behind. */
int simbus_open(const char *path, struct card **card);

#endif /* DRIVER_SIMBUS_H */
