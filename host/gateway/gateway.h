/* gateway: clients on one side, card and journal on the other, in one loop of one thread.
 *
 * A pass takes what clients sent, moves requests through card and journal, and sends answers that
 * are durable. It polls while there is something to do and a little longer, and sleeps in the
 * transport otherwise. Whoever floods, sends nonsense, does not read or goes away is held up or
 * dropped alone: input and output of a connection are bounded, a turn takes a bounded number of
 * messages, and reading stops while the queue to the card is full. */
#ifndef HOST_GATEWAY_GATEWAY_H
#define HOST_GATEWAY_GATEWAY_H

#include "host/gateway/config.h"
#include "host/gateway/port_control.h"
#include "host/gateway/sequencer.h"
#include "host/gateway/transport.h"
#include <signal.h>

/* All of it stays the caller's. */
struct gateway_parts {
    const struct config *config;
    struct card *card; /* live */
    struct sequencer *sequencer;
    struct stream *streams; /* of each session */
    struct entry *entry;
    struct transport *transport; /* for gateway_connections of the sessions */
    const char *session_name;    /* SoupBinTCP session */
};

struct gateway;

/* gateway_connections is how many connections serve so many sessions: one each and some that are
   not logged in. */
static inline uint32_t gateway_connections(uint32_t sessions) { return sessions + 16; }

/* gateway_new returns NULL without memory. */
struct gateway *gateway_new(const struct gateway_parts *parts);
void gateway_delete(struct gateway *gateway);

/* gateway_control names the command port that is served beside the clients, NULL for none. */
void gateway_control(struct gateway *gateway, struct port_control *port);

/* gateway_settle runs without clients until all that is queued is done and durable. Returns 0, or a
   negative errno once card or journal has failed. */
int gateway_settle(struct gateway *gateway);

/* gateway_run serves the clients that the transport admits until *stop is not 0, then ends what is
   under way. Returns 0; or a negative errno once card, journal or transport has failed: the gate of
   the card is closed, all clients are dropped, err_text says why. */
int gateway_run(struct gateway *gateway, const volatile sig_atomic_t *stop);

/* gateway_logins counts the logins that were accepted. */
uint64_t gateway_logins(const struct gateway *gateway);

#endif /* HOST_GATEWAY_GATEWAY_H */
