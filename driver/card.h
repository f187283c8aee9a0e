/* card.h: the card, whatever it is made of: one table of operations that every transport fills.
 *
 * The caller pushes commands and polls events; both never wait. Single-threaded: one owner calls
 * everything. A transport allocates at open and never after. */
#ifndef DRIVER_CARD_H
#define DRIVER_CARD_H

#include "driver/abi/abi.h"

/* Sizes of the card's tables. Each is a power of two. */
struct card_size {
    uint32_t symbols;  /* 2 to 65,536 */
    uint32_t accounts; /* 2 to 65,536; as many firms and sessions */
    uint32_t orders;   /* 2 to 2^LIMIT_SLOT_BITS */
    uint32_t levels;   /* 64 to 4,096 */
};

/* CARD_SIZE_DEFAULT is what the RTL's parameters are when nobody sets them. */
#define CARD_SIZE_DEFAULT \
    ((struct card_size){ .symbols = 64, .accounts = 256, .orders = 65536, .levels = 4096 })

/* card_size_valid says whether a card can have this size. */
bool card_size_valid(const struct card_size *size);

struct card;

struct card_operations {
    int (*push)(struct card *card, const struct command *command);
    int (*poll)(struct card *card, struct event *events, uint32_t events_max);
    uint32_t (*read)(struct card *card, uint32_t reg);
    void (*write)(struct card *card, uint32_t reg, uint32_t value);
    void (*close)(struct card *card);
};

/* Every transport's own struct begins with this one. */
struct card {
    const struct card_operations *operations;
    struct card_size size;
    const char *name; /* "sim", "soft", ...: what the summary calls it */
};

/* card_push hands a command to the card. It is taken in order; its events come from card_poll.
   Returns 0, or -EAGAIN when the card has no room: poll, then push again. The card keeps nothing of
   *command. */
static inline int card_push(struct card *card, const struct command *command) {
    return card->operations->push(card, command);
}

/* card_poll copies up to events_max events that have arrived, in order, and gives the card room for
   as many more. Returns their count, 0 when there is none yet; or a negative errno, with err_text,
   after which the card is dead until reset:
     -EIO     the card does not answer, or what it wrote makes no sense
     -EPROTO  lock-step: card and reference engine differ; the text names the files with both */
static inline int card_poll(struct card *card, struct event *events, uint32_t events_max) {
    return card->operations->poll(card, events, events_max);
}

/* card_read and card_write reach the registers of regs.def. Reads are slow on a real bus: never
 * while trading. */
static inline uint32_t card_read(struct card *card, uint32_t reg) {
    return card->operations->read(card, reg);
}

static inline void card_write(struct card *card, uint32_t reg, uint32_t value) {
    card->operations->write(card, reg, value);
}

/* card_close gives back all that the transport's open took. */
static inline void card_close(struct card *card) { card->operations->close(card); }

/* card_check reads digest, version and parameters, fills card->size and returns 0; -EPROTO when
   card and host were built from different tables, with err_text saying which side to rebuild; or
   -EIO when nobody answers. Transports call it in their open. */
int card_check(struct card *card);

/* card_gone returns -EIO with the text of a card whose reads give all ones: what a bus gives for
   what nobody answers. A register may hold them, DIGEST does not. */
int card_gone(const struct card *card);

/* card_go_live ends REPLAY mode: from here on the card stamps commands by its own clock. */
void card_go_live(struct card *card);

/* card_kill closes the gate at once, by register, past everything that waits in the window. It
   appears among the events as a KILL of origin CARD, without a command having been pushed. */
void card_kill(struct card *card);

/* card_heartbeat says that the host lives. A LIVE card that has not heard it for WATCHDOG_NS closes
   its gate as card_kill does; a posted write. */
void card_heartbeat(struct card *card);

/* card_set_time moves the card's clock forward to time_ns (nanoseconds since the epoch), never
 * back. Two posted writes. */
void card_set_time(struct card *card, uint64_t time_ns);

/* card_counter reads one latched 64-bit counter; card_snapshot latches all of them at one instant.
 */
void card_snapshot(struct card *card);
uint64_t card_counter(struct card *card, unsigned counter);

#endif /* DRIVER_CARD_H */
