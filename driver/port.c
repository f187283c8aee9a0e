#include "driver/port.h"
#include "host/base/check.h"
#include "host/base/err.h"
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>

static_assert(sizeof(struct command) == PORT_SLOT_BYTES, "a command fills a slot of the window");
static_assert(sizeof(struct event) == PORT_SLOT_BYTES, "an event fills a slot of the ring");
static_assert(sizeof(struct status) == PORT_SLOT_BYTES, "so does the status line");

static struct port *port_of(struct card *card) { return (struct port *)(void *)card; }

/* port_die keeps the first error; whoever called gets it, and a plainer text ever after. */
static int port_die(struct port *port, int code) {
    port->dead = code;
    return code;
}

static int port_dead(const struct port *port) {
    return err_set(port->dead, "card %s: stopped by an earlier error; reset it and replay",
                   port->card.name);
}

static uint32_t port_room(const struct port *port) {
    return LIMIT_WINDOW_SLOTS - (uint32_t)(port->pushed - port->taken);
}

/* port_credit takes the low byte of the count of slots taken, as an event carries it. The status
   line may have told a later count already: it is written when the ring's last event is, and read
   when that one was not yet seen, so an event can be behind it by no more than a window. */
static int port_credit(struct port *port, uint8_t credits) {
    uint32_t ahead = (uint8_t)(credits - (uint8_t)port->taken);
    if (ahead <= port->pushed - port->taken) {
        port->taken += ahead;
        return 0;
    }
    if (ahead >= 256 - LIMIT_WINDOW_SLOTS) return 0;
    return err_set(-EIO,
                   "card %s: event %" PRIu64 " says that %u slots more are taken of %" PRIu64
                   " that wait; reset the card and replay",
                   port->card.name, port->consumed + 1, ahead, port->pushed - port->taken);
}

/* The words of the status line: read as the card writes them. */
static uint64_t port_line(const struct port *port, size_t offset) {
    const char *line = (const char *)port->ring + ((size_t)PORT_SLOT_BYTES << port->ring_log2);
    return atomic_load_explicit((const _Atomic uint64_t *)(const void *)(line + offset),
                                memory_order_acquire);
}

/* The line is written behind the events that it counts: what it counts and the ring does not hold
   was lost on its way. */
static uint64_t port_lost(const struct port *port) {
    uint64_t written = port_line(port, offsetof(struct status, events));
    return written > port->consumed && !port_ready(port) ? written : 0;
}

bool port_fails(const struct port *port) {
    return port_line(port, offsetof(struct status, stopped)) != 0 || port_lost(port) != 0;
}

/* port_status reads the status line. Only when the ring is empty, else port_credit could not tell
   an old count from a new one. */
static int port_status(struct port *port) {
    uint64_t taken = port_line(port, offsetof(struct status, slots_taken));
    unsigned stopped = (unsigned)port_line(port, offsetof(struct status, stopped));
    uint64_t written = port_lost(port);
    if (stopped == STOP_HUNG)
        return err_set(-EIO,
                       "card %s: its engine hangs: a command was neither ended nor answered; the "
                       "gate is closed; reset the card and replay",
                       port->card.name);
    if (stopped != 0)
        return err_set(-EIO,
                       "card %s: a row of its table %s is not what was written; it has stopped and "
                       "said nothing since; reset the card and replay",
                       port->card.name, abi_memory_name(stopped));
    if (written != 0)
        return err_set(-EIO,
                       "card %s: it has written %" PRIu64 " events and event %" PRIu64
                       " is not there: a write of its own to memory was lost; look at the PCIe "
                       "link and the IOMMU's log, then reset the card and replay",
                       port->card.name, written, port->consumed + 1);
    if (taken <= port->taken) return 0;
    if (taken > port->pushed)
        return err_set(-EIO,
                       "card %s: its status line says %" PRIu64 " slots taken of %" PRIu64
                       " pushed; reset the card and replay",
                       port->card.name, taken, port->pushed);
    port->taken = taken;
    return 0;
}

/* port_count checks an event's place in the sequence and sees which commands are through. In LIVE
   mode only what the card asked itself says EVENT_CARD: no pushed command ends there. */
static int port_count(struct port *port, const struct event *event) {
    if (event->number != port->consumed + 1)
        return err_set(
            -EIO, "card %s: event %" PRIu64 " where %" PRIu64 " was due; reset the card and replay",
            port->card.name, event->number, port->consumed + 1);
    if (event->flags & EVENT_END &&
        (!(event->flags & EVENT_CARD) || port->ended < port->replayed)) {
        if (port->ended == port->pushed)
            return err_set(-EIO,
                           "card %s: event %" PRIu64 " ends a command beyond the %" PRIu64
                           " pushed; reset the card and replay",
                           port->card.name, event->number, port->pushed);
        port->ended++;
    }
    return 0;
}

/* The first pass over the ring is written with phase 1, the next with 0, and so on. The acquire is
   what makes the rest of the event readable behind it. */
bool port_ready(const struct port *port) {
    struct event *ring = port->ring;
    struct event *slot = &ring[port->consumed & (((uint64_t)1 << port->ring_log2) - 1)];
    uint8_t due = ((port->consumed >> port->ring_log2) & 1) ^ 1;
    uint8_t phase = atomic_load_explicit((_Atomic uint8_t *)&slot->phase, memory_order_acquire);
    return (phase & 1) == due;
}

/* port_take copies what the ring holds. Returns the count or a negative errno. */
static int port_take(struct port *port, struct event *events, uint32_t events_max) {
    const struct event *ring = port->ring;
    uint64_t mask = ((uint64_t)1 << port->ring_log2) - 1;
    uint32_t count = 0;
    for (; count < events_max && port_ready(port); count++) {
        const struct event *slot = &ring[port->consumed & mask];
        events[count] = *slot;
        events[count].credits = 0;
        events[count].phase = 0;
        int error = port_credit(port, slot->credits);
        if (error == 0) error = port_count(port, slot);
        if (error != 0) return error;
        port->consumed++;
    }
    return (int)count;
}

/* port_tell gives the card room in quarters of the ring: a posted write each event would cost more
   than the event, and a card that is stalled has three quarters for us to read meanwhile. */
static void port_tell(struct port *port) {
    if (port->consumed - port->told < (uint64_t)1 << (port->ring_log2 - 2)) return;
    port->operations->write(port, REG_RING_CONSUMED, (uint32_t)port->consumed);
    port->told = port->consumed;
}

static int port_push(struct card *card, const struct command *command) {
    struct port *port = port_of(card);
    if (port->dead != 0) return port_dead(port);
    if (port_room(port) == 0) return -EAGAIN;
    port->operations->window_write(port, (uint32_t)(port->pushed % LIMIT_WINDOW_SLOTS), command);
    port->pushed++;
    return 0;
}

static int port_poll(struct card *card, struct event *events, uint32_t events_max) {
    struct port *port = port_of(card);
    if (port->dead != 0) return port_dead(port);
    int count = port_take(port, events, events_max);
    if (count == 0 && events_max != 0) {
        int error = port->operations->progress(port);
        if (error == 0) error = port_take(port, events, events_max);
        if (error == 0) error = port_status(port);
        count = error;
    }
    if (count < 0) return port_die(port, count);
    port_tell(port);
    return count;
}

/* port_start resets the card, waits for its tables and begins the ring at slot 0. The ring is
   cleared, since in the first pass a slot is valid when its phase bit is 1; and only behind the
   reads, since until the posted reset takes effect the card may still write events. */
static int port_start(struct port *port) {
    port->operations->write(port, REG_CONTROL, CONTROL_RESET);
    port->pushed = port->taken = port->consumed = port->told = port->ended = 0;
    port->replayed = UINT64_MAX;
    port->dead = 0;

    uint32_t tries = 0, status;
    while ((status = port->operations->read(port, REG_STATUS)) == UINT32_MAX ||
           !(status & (uint32_t)STATUS_INIT_DONE)) {
        if (status == UINT32_MAX) return port_die(port, card_gone(&port->card));
        int error = port->operations->progress(port);
        if (error == 0 && ++tries >= port->init_tries_max)
            error = err_set(-EIO,
                            "card %s: STATUS.INIT_DONE still clear after %u reads; the card hangs "
                            "in reset, load its image again",
                            port->card.name, tries);
        if (error != 0) return port_die(port, error);
    }
    memset(port->ring, 0, port_ring_bytes(port->ring_log2));
    port->operations->write(port, REG_RING_LOW, (uint32_t)port->ring_address);
    port->operations->write(port, REG_RING_HIGH, (uint32_t)(port->ring_address >> 32));
    port->operations->write(port, REG_RING_CONSUMED, 0);
    port->operations->write(port, REG_RING_LOG2, port->ring_log2);
    return 0;
}

static uint32_t port_read(struct card *card, uint32_t reg) {
    struct port *port = port_of(card);
    return port->operations->read(port, reg);
}

static void port_write(struct card *card, uint32_t reg, uint32_t value) {
    struct port *port = port_of(card);
    CHECK(reg != REG_RING_LOW);
    CHECK(reg != REG_RING_HIGH);
    CHECK(reg != REG_RING_LOG2);
    CHECK(reg != REG_RING_CONSUMED);
    if (reg == REG_CONTROL && value & CONTROL_RESET) {
        /* A failure is kept in dead, and the next push or poll returns it. */
        (void)port_start(port);
        return;
    }
    if (reg == REG_CONTROL && value & CONTROL_GO_LIVE && port->replayed == UINT64_MAX)
        port->replayed = port->pushed;
    port->operations->write(port, reg, value);
}

static void port_close(struct card *card) {
    struct port *port = port_of(card);
    port->operations->close(port);
}

int port_open(struct port *port, const char *name) {
    static const struct card_operations operations = {
        .push = port_push,
        .poll = port_poll,
        .read = port_read,
        .write = port_write,
        .close = port_close,
    };
    CHECK(port->operations != NULL);
    CHECK(port->ring != NULL);
    CHECK(((uintptr_t)port->ring & (PORT_SLOT_BYTES - 1)) == 0);
    CHECK((port->ring_address & (PORT_SLOT_BYTES - 1)) == 0);
    CHECK(port->ring_log2 >= PORT_RING_LOG2_MIN);
    CHECK(port->ring_log2 <= PORT_RING_LOG2_MAX);
    port->card.operations = &operations;
    port->card.name = name;

    int error = card_check(&port->card);
    if (error != 0) return error;
    const struct card_size *size = &port->card.size;
    if (!card_size_valid(size))
        return err_set(-EIO,
                       "card %s: says %u symbols, %u accounts, %u orders, %u levels, which no card "
                       "can have; load its image again",
                       name, size->symbols, size->accounts, size->orders, size->levels);
    return port_start(port);
}
