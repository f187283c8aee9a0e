/* port_control: the gateway's command port: operators ask on a Unix socket, in JSON lines, for
 * commands, the state of things and figures.
 *
 * A thread of its own owns socket, text and JSON. The gateway's loop sees finished records in a
 * ring of PORT_JOBS_MAX and does for each what takes microseconds; a command goes into the same
 * queue as everybody's and is answered when the journal has it. Who asks too much, reads too little
 * or says nonsense holds up himself: so many requests and bytes a connection, so many connections.
 */
#ifndef HOST_GATEWAY_PORT_CONTROL_H
#define HOST_GATEWAY_PORT_CONTROL_H

#include "host/gateway/config.h"
#include "host/gateway/gates.h"
#include "host/gateway/sequencer.h"

enum {
    PORT_JOBS_MAX = 64, /* under way, of all connections */
    PORT_CONNECTIONS_MAX = 16,
    PORT_PASS_NS = 10000000, /* the loop comes by at least this often */
};

/* All of it stays the caller's, and stays where it is but for the path. */
struct port_parts {
    const char *path; /* of the socket; what is longer than a socket's may be is refused */
    const struct config *config;
    struct card *card;
    struct journal *journal;
    struct sequencer *sequencer;
    const struct gates *gates;
    const struct stream *streams; /* of each session */
    const struct entry *entry;
    const char *firmware_key; /* PEM file of who may sign firmware; "" takes none */
    const char *transport, *session_name;
    const char *address; /* and port that clients connect to */
    uint16_t port;
};

struct port_control;

/* port_control_open listens at the path, with mode 0600; a socket that a dead gateway left there
   makes way. Returns 0, or a negative errno and says why: -EADDRINUSE when somebody answers there,
   or when something that is no socket has the name. port_control_close tells who still waits that
   the gateway ends, and removes the socket; NULL is fine. */
int port_control_open(const struct port_parts *parts, struct port_control **port);
void port_control_close(struct port_control *port);

/* port_control_pass is the loop's part: it takes what was asked and gives back what is done.
   connected[i] is the connection of session i, -1 for none. True when something moved. It may call
   the sequencer. */
bool port_control_pass(struct port_control *port, const int32_t *connected);

/* port_control_done is the sequencer_done for commands of a port, its context the port. */
void port_control_done(void *context, uint32_t ticket, const struct event *events,
                       uint32_t event_count, uint64_t record);

#endif /* HOST_GATEWAY_PORT_CONTROL_H */
