/* port.h: the part of every transport that does not depend on how the card is reached: credits of
 * the command window, the event ring with its phase bit, opening and reset.
 *
 * A transport fills struct port with its ways to reach registers and window and with memory that
 * the card writes events to, and calls port_open; from then on &port.card is a struct card. */
#ifndef DRIVER_PORT_H
#define DRIVER_PORT_H

#include "driver/card.h"

enum {
    PORT_SLOT_BYTES = 64,   /* of the window and of the ring */
    PORT_RING_LOG2_MIN = 4, /* RING_LOG2 of regs.def says the same */
    PORT_RING_LOG2_MAX = 24,
};

struct port;

/* What a transport can do. None of them waits but read; progress may give up the processor for
   some microseconds while the card has commands. */
struct port_operations {
    /* read and write reach the 32-bit register at reg of BAR0. Writes are posted: they take effect
       in the order in which they and window writes were made. */
    uint32_t (*read)(struct port *port, uint32_t reg);
    void (*write)(struct port *port, uint32_t reg, uint32_t value);

    /* window_write stores 64 bytes in a slot of BAR2, posted. */
    void (*window_write)(struct port *port, uint32_t slot, const struct command *command);

    /* progress is called when the ring is empty and while the card is initialised. Real hardware
       goes on by itself and does nothing here; a model is given clocks. Returns 0, or a negative
       errno with err_text when the card will never answer. */
    int (*progress)(struct port *port);

    /* close gives back all that the transport's open took, struct port included. */
    void (*close)(struct port *port);
};

struct port {
    struct card card; /* first: a struct card * of a port is a struct port * */

    /* The transport fills these before port_open. */
    const struct port_operations *operations;
    void *ring;            /* port_ring_bytes(ring_log2), 64-byte aligned; the transport owns it */
    uint64_t ring_address; /* of the ring as the card sees it, 64-byte aligned */
    uint32_t ring_log2;    /* events the ring holds, as a power of two */
    uint32_t init_tries_max; /* reads of STATUS, with progress between, before init has failed */

    /* The port's own. */
    uint64_t pushed;   /* window slots filled since reset */
    uint64_t taken;    /* of them the card is known to have taken */
    uint64_t consumed; /* events read since reset */
    uint64_t told;     /* consumed as the card knows it */
    uint64_t ended;    /* pushed commands whose last event has been read */
    uint64_t replayed; /* commands pushed before the card went live; all while it has not */
    int dead;          /* negative errno after which nothing works until reset, or 0 */
};

/* port_ring_bytes is the size of the memory of a ring: its slots and the status line behind them.
 */
static inline size_t port_ring_bytes(uint32_t ring_log2) {
    return (((size_t)1 << ring_log2) + 1) * PORT_SLOT_BYTES;
}

/* port_open checks that card and host agree (card_check), resets the card, waits for its tables and
   hands it the ring. name is what the summary calls the card and must outlive it. Returns 0 and
   port->card is open, to be closed by card_close; or, leaving what the transport holds to the
   transport:
     -EPROTO   built from different tables
     -EIO      the card does not finish its initialisation, or its parameters make no sense */
int port_open(struct port *port, const char *name);

/* port_outstanding counts the commands pushed whose last event has not been read. */
static inline uint64_t port_outstanding(const struct port *port) {
    return port->pushed - port->ended;
}

/* port_ready says whether an event waits in the ring. */
bool port_ready(const struct port *port);

/* port_fails says whether the status line tells of something that ends all waiting: the card has
   stopped, or an event that it has written is not in the ring. The next poll says which. */
bool port_fails(const struct port *port);

/* What callers of card_write should know: writing CONTROL_RESET through a port waits for the
   tables to be swept and gives the card its ring again; everything not polled is gone. The
   registers of the ring belong to the port: writing them is a broken invariant. CONTROL_GO_LIVE is
   meant for a card with nothing outstanding. */

#endif /* DRIVER_PORT_H */
