/* link: one connection's SoupBinTCP conversation, from the server's side, as a pure state machine:
 * bytes and times go in, what to do comes out.
 *
 * A connection first has to log in; then it carries messages until it logs out, breaks off or falls
 * silent. Nobody knows here whether a password is right. */
#ifndef HOST_GATEWAY_LINK_H
#define HOST_GATEWAY_LINK_H

#include "host/wire/soup.h"
#include <stdbool.h>

/* The longest message that is looked at; what is longer breaks the frame. */
enum { LINK_MESSAGE_BYTES_MAX = 1024, LINK_GARBAGE_MAX = 64 };

struct link {
    uint64_t received_ns, sent_ns; /* last */
    uint32_t garbage;              /* messages in a row that were none */
    bool open;                     /* logged in */
};

enum link_action {
    LINK_NOTHING,   /* no whole frame is there, or nothing is due */
    LINK_SKIP,      /* a frame that asks for nothing: take the next */
    LINK_LOGIN,     /* answer it: link_accept, or reject it and close */
    LINK_MESSAGE,   /* an unsequenced message */
    LINK_LOGOUT,    /* close */
    LINK_BROKEN,    /* close: err_text() says why */
    LINK_HEARTBEAT, /* send one */
};

struct link_step {
    size_t bytes;              /* of the frame: they are done with */
    struct soup_login login;   /* LINK_LOGIN */
    struct soup_packet packet; /* LINK_MESSAGE */
};

/* link_start begins with a connection that has just been opened. */
void link_start(struct link *link, uint64_t now_ns);

/* link_accept opens the link after a login. */
void link_accept(struct link *link);

/* link_received and link_sent note that bytes went over the connection. */
void link_received(struct link *link, uint64_t now_ns);
void link_sent(struct link *link, uint64_t now_ns);

/* link_read takes the first frame of what has been received and is not done with. */
enum link_action link_read(struct link *link, const uint8_t *bytes, size_t count,
                           struct link_step *step);

/* link_judge notes whether the last message made sense. LINK_BROKEN after more than
   LINK_GARBAGE_MAX in a row that did not, else LINK_NOTHING. */
enum link_action link_judge(struct link *link, bool sense);

/* link_time says what is due: LINK_HEARTBEAT, LINK_BROKEN when the client has been silent too long,
   or LINK_NOTHING. */
enum link_action link_time(const struct link *link, uint64_t now_ns);

#endif /* HOST_GATEWAY_LINK_H */
