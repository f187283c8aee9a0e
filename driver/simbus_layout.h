/* simbus_layout.h: what the two ends of the shared-memory bus agree on: driver/simbus.c on the
 * host's side, sim/bus.c on the side of the card's process.
 *
 * The host connects to a Unix socket (SOCK_SEQPACKET). The card's process says hello and passes
 * three descriptors: the memory, the bell of the card and the bell of the host (eventfds); the host
 * checks it and says hello back. From then on the socket only shows that the other one lives, and
 * everything goes through the memory, without system calls unless one side sleeps:
 *
 *   posts   host to card: register writes, window writes and register reads, in order, in one ring.
 *           A post is whole when its number is written; the card's process counts those it took.
 *   answer  card to host: the value of the read that the host waits for.
 *   ring    card to host: events and status line as port.h reads them.
 *
 * Who is about to sleep says so (asleep), then looks again; who has brought something and finds the
 * other asleep takes the word back and rings. Each word has one writer but asleep. */
#ifndef DRIVER_SIMBUS_LAYOUT_H
#define DRIVER_SIMBUS_LAYOUT_H

#include "driver/port.h"
#include <stdatomic.h>

#define SIMBUS_MAGIC "wirepit"

enum {
    SIMBUS_VERSION = 1, /* of this layout */
    SIMBUS_POSTS = 1 << 12,
    SIMBUS_FAULT_BYTES = 512,
};

/* The descriptors of the hello, in this order. */
enum { SIMBUS_FD_MEMORY, SIMBUS_FD_CARD_BELL, SIMBUS_FD_HOST_BELL, SIMBUS_FDS };

enum { SIMBUS_BUSY = 1 }; /* flag of the card's hello: another host has the card */

/* The host fills magic, version and digest, and leaves the rest 0. */
struct simbus_hello {
    char magic[8];
    uint32_t version, digest;
    uint64_t memory_bytes;
    uint64_t ring_address; /* as the card sees it */
    uint32_t ring_log2;
    uint32_t posts_bytes; /* of all posts */
    uint32_t head_bytes;  /* of what stands before the ring */
    uint32_t flags;
};

enum { SIMBUS_WRITE = 1, SIMBUS_WINDOW, SIMBUS_READ };

struct simbus_post {
    struct command command; /* WINDOW */
    uint32_t kind;
    uint32_t address; /* of the register; WINDOW: the slot */
    uint32_t value;   /* WRITE */
    uint32_t reserved[11];
    _Atomic uint64_t number; /* of the post, from 1; written last */
};

enum { SIMBUS_RUNS, SIMBUS_FAULT, SIMBUS_ENDED };

struct simbus_memory {
    struct {
        _Atomic uint32_t asleep;
        uint32_t reserved[15];
    } host;
    struct {
        _Atomic uint32_t asleep;
        _Atomic uint32_t state; /* not SIMBUS_RUNS: fault says why, and nothing moves any more */
        _Atomic uint64_t taken; /* posts */
        _Atomic uint64_t
            clocks; /* given to the card; they move while the host waits for anything */
        uint32_t reserved[10];
    } card;
    struct {
        _Atomic uint64_t number; /* of the post that is answered; written last */
        uint32_t value;
        uint32_t reserved[13];
    } answer;
    char fault[SIMBUS_FAULT_BYTES];
    struct simbus_post posts[SIMBUS_POSTS]; /* number n in place (n - 1) % SIMBUS_POSTS */
};

static_assert(sizeof(struct simbus_post) == 128, "a post fills two cache lines");
static_assert(offsetof(struct simbus_memory, card) == 64, "each side writes lines of its own");
static_assert(offsetof(struct simbus_memory, answer) == 128, "each side writes lines of its own");
static_assert(sizeof(struct simbus_memory) % PORT_SLOT_BYTES == 0, "the ring begins on a line");

/* simbus_memory_bytes is the size of the memory with a ring of this many events. */
static inline size_t simbus_memory_bytes(uint32_t ring_log2) {
    return sizeof(struct simbus_memory) + port_ring_bytes(ring_log2);
}

/* simbus_ring is where the ring begins. */
static inline void *simbus_ring(struct simbus_memory *memory) { return memory + 1; }

/* simbus_pause eases a loop that looks at shared memory. */
static inline void simbus_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

#endif /* DRIVER_SIMBUS_LAYOUT_H */
