/* guest.h: what the program in the guest and the one on the host (qemu_main.c) agree on.
 *
 * The guest speaks in lines on its console:
 *   ask stop | continue | term | kill   what shall happen to the card's process
 *   result NAME NUMBER | text NAME TEXT what was measured or found
 *   record ADDRESS COMMANDS EVENTS      physical address of a struct guest_record
 *   guest: failed: WHY, guest: done     the end */
#ifndef TESTS_QEMU_GUEST_H
#define TESTS_QEMU_GUEST_H

#include "driver/card.h"

enum { GUEST_COMMANDS_MAX = 8192, GUEST_EVENTS_MAX = 3 * GUEST_COMMANDS_MAX };

/* Commands as they were pushed, with the stamps that their events have, and all their events. */
struct guest_record {
    struct command commands[GUEST_COMMANDS_MAX];
    struct event events[GUEST_EVENTS_MAX];
};

/* guest_plain zeroes the bytes of the envelope, which depend on when, not on what. */
static inline struct event guest_plain(struct event event) {
    event.clocks = 0;
    event.credits = 0;
    event.phase = 0;
    return event;
}

#endif /* TESTS_QEMU_GUEST_H */
