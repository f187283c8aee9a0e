/* transport: byte streams to and from clients, whatever carries them: one table of operations that
 * every implementation fills. Nothing here waits but transport_wait. Single-threaded.
 *
 * Connections have numbers from 0 to connections_max - 1, which are used again. */
#ifndef HOST_GATEWAY_TRANSPORT_H
#define HOST_GATEWAY_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum transport_kind {
    TRANSPORT_OPENED = 1,   /* a client is there */
    TRANSPORT_READABLE = 2, /* bytes or the end of the stream are there */
    TRANSPORT_WRITABLE = 4, /* there is room again */
};

struct transport_event {
    uint32_t connection;
    uint32_t kinds; /* enum transport_kind, added up */
};

struct transport;

struct transport_operations {
    int (*admit)(struct transport *transport);
    int (*wait)(struct transport *transport, struct transport_event *events, int events_max,
                uint64_t timeout_ns);
    ssize_t (*read)(struct transport *transport, uint32_t connection, void *bytes, size_t room);
    ssize_t (*write)(struct transport *transport, uint32_t connection, const void *bytes,
                     size_t count);
    void (*watch)(struct transport *transport, uint32_t connection, bool read, bool write);
    void (*drop)(struct transport *transport, uint32_t connection);
    void (*close)(struct transport *transport);
};

/* Every implementation's own struct begins with this one. */
struct transport {
    const struct transport_operations *operations;
    uint32_t connections_max;
    uint16_t port; /* that clients reach */
    const char *name;
};

/* transport_admit lets clients connect from here on. Returns 0 or a negative errno. */
static inline int transport_admit(struct transport *transport) {
    return transport->operations->admit(transport);
}

/* transport_wait waits up to timeout_ns, 0 not at all, until something happens, and says what.
   Returns the number of events, or a negative errno. A connection is told about until it is read
   empty, for writing only while it is watched. */
static inline int transport_wait(struct transport *transport, struct transport_event *events,
                                 int events_max, uint64_t timeout_ns) {
    return transport->operations->wait(transport, events, events_max, timeout_ns);
}

/* transport_read returns how many bytes it took, 0 when none are there, -ENODATA at the end of the
   stream, or another negative errno when the connection has failed. transport_write the same for
   what it could send. */
static inline ssize_t transport_read(struct transport *transport, uint32_t connection, void *bytes,
                                     size_t room) {
    return transport->operations->read(transport, connection, bytes, room);
}

static inline ssize_t transport_write(struct transport *transport, uint32_t connection,
                                      const void *bytes, size_t count) {
    return transport->operations->write(transport, connection, bytes, count);
}

/* transport_watch says what transport_wait shall tell of a connection: at first that it is
 * readable. */
static inline void transport_watch(struct transport *transport, uint32_t connection, bool read,
                                   bool write) {
    transport->operations->watch(transport, connection, read, write);
}

/* transport_drop closes a connection; its number is free. */
static inline void transport_drop(struct transport *transport, uint32_t connection) {
    transport->operations->drop(transport, connection);
}

static inline void transport_close(struct transport *transport) {
    transport->operations->close(transport);
}

#endif /* HOST_GATEWAY_TRANSPORT_H */
