/* bus.h: the card's end of the shared-memory bus: the Verilated card for whatever host connects: a
 * process that uses driver/simbus.h, or QEMU, whose guest then has a PCI device that driver/vfio.h
 * drives.
 *
 * One host at a time; its memory is made for it and goes with it, the card stays. A host that dies
 * leaves the card as it is, for the next one to reset. The card gets clocks while something is
 * under way and a few more; then the process spins for a while and sleeps until the host rings. */
#ifndef SIM_BUS_H
#define SIM_BUS_H

#include "driver/card.h"
#include <signal.h>

enum {
    BUS_RING_LOG2 = 12,              /* events of the ring unless the options say otherwise */
    BUS_SPIN_US = 50,                /* likewise */
    BUS_SETTLE_CLOCKS = 256,         /* with nothing under way: the status line is out by then */
    BUS_ANSWER_CLOCKS_MAX = 1 << 22, /* without an event while one is due: the RTL hangs */
};

struct bus_options {
    const char *path;      /* of the socket */
    const char *guest_ram; /* QEMU connects: the file that holds its guest's memory; NULL: a host */
    struct card_size size; /* one of model_sizes */
    uint64_t seed;         /* of what registers hold before reset */
    uint32_t ring_log2;    /* 0 is BUS_RING_LOG2 */
    const char *trace_path; /* waveform, ten times slower; NULL is none */
    uint32_t spin_us;       /* looked for posts so long before sleeping; 0 sleeps at once */
};

struct bus;

/* bus_open makes the card and listens. Returns 0 and *bus, which bus_close gives back; or
     -EINVAL       no model of this size, or a ring out of range
     -EADDRINUSE   another process listens at the path
     others        of the socket and the trace file */
int bus_open(const struct bus_options *options, struct bus **bus);
void bus_close(struct bus *bus);

/* bus_serve serves hosts until *stop is not 0; it looks at least each 100 ms. Returns 0, or a
   negative errno when the socket fails or no new model can be made after a fault of the RTL. */
int bus_serve(struct bus *bus, const volatile sig_atomic_t *stop);

#endif /* SIM_BUS_H */
