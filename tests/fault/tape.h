/* tape: every sequenced message that a session was told, by its number. */
#ifndef TESTS_FAULT_TAPE_H
#define TESTS_FAULT_TAPE_H

#include <stddef.h>
#include <stdint.h>

struct tape {
    uint8_t *bytes; /* of all messages, one behind the other */
    size_t used, room;
    size_t *ends; /* of each message */
    uint64_t count, ends_room;
};

/* tape_add appends message count + 1. tape_message gives the message of a number from 1 to count.
   tape_clear forgets all and gives the memory back. */
void tape_add(struct tape *tape, const uint8_t *message, size_t bytes);
const uint8_t *tape_message(const struct tape *tape, uint64_t number, size_t *bytes);
void tape_clear(struct tape *tape);

#endif /* TESTS_FAULT_TAPE_H */
