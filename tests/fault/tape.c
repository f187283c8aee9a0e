#include "tests/fault/tape.h"
#include "host/base/check.h"
#include <stdlib.h>
#include <string.h>

void tape_add(struct tape *tape, const uint8_t *message, size_t bytes) {
    if (tape->room - tape->used < bytes) {
        tape->room = 2 * tape->room + (64 << 10) + bytes;
        tape->bytes = realloc(tape->bytes, tape->room);
        CHECK(tape->bytes != NULL);
    }
    if (tape->count == tape->ends_room) {
        tape->ends_room = 2 * tape->ends_room + 1024;
        tape->ends = realloc(tape->ends, tape->ends_room * sizeof *tape->ends);
        CHECK(tape->ends != NULL);
    }
    memcpy(tape->bytes + tape->used, message, bytes);
    tape->used += bytes;
    tape->ends[tape->count++] = tape->used;
}

const uint8_t *tape_message(const struct tape *tape, uint64_t number, size_t *bytes) {
    CHECK(number >= 1);
    CHECK(number <= tape->count);
    size_t from = number == 1 ? 0 : tape->ends[number - 2];
    *bytes = tape->ends[number - 1] - from;
    return tape->bytes + from;
}

void tape_clear(struct tape *tape) {
    free(tape->bytes);
    free(tape->ends);
    *tape = (struct tape){ .count = 0 };
}
