/* desk.h: what trading firms know of their own orders: rows of a flow become OUCH messages, answers
 * become counts.
 *
 * Pure: no sockets, no clock; time comes in with each call. One desk serves all sessions of a
 * replay, so that both sides of a trade meet in it. All memory is taken by desk_new.
 *
 * OUCH gives no answer to a cancel or replace of a dead order. The desk does not wait for one: it
 * sends nothing for an order that it knows to be dead, and when an order dies while such a message
 * is on its way, the message counts as overtaken. So every message is answered or overtaken, and
 * nothing needs a timeout. */
#ifndef HOST_CLIENT_DESK_H
#define HOST_CLIENT_DESK_H

#include "host/base/histogram.h"
#include "host/client/flow.h"
#include "host/wire/ouch.h"

enum { DESK_SESSIONS_MAX = 64, DESK_WINDOW_MAX = 4096, DESK_REJECTS = 64 };

struct desk_settings {
    uint64_t rows_max; /* of the flow */
    uint32_t sessions; /* 1 to DESK_SESSIONS_MAX */
    uint32_t
        window; /* most messages of one session that wait for an answer, 1 to DESK_WINDOW_MAX */
};

struct desk_counts {
    uint64_t orders, replaces, cancels; /* sent: Enter, Replace, Cancel (whole or in part) */
    uint64_t skipped;                   /* rows not sent: their order is dead */
    uint64_t overtaken;                 /* sent, and the order was dead before they arrived */
    uint64_t earlier;                   /* answers to orders from before desk_start */
    uint64_t accepted, replaced, rejected;
    uint64_t executed;                   /* Executed messages */
    uint64_t fills, shares;              /* trades, each once, and their shares */
    uint64_t canceled, canceled_shares;  /* Canceled messages, and what they took off */
    uint64_t makers_named, makers_right; /* trades whose flow names the resting order; as named */
    uint64_t rejects[DESK_REJECTS];      /* by OUCH reject code */
    struct histogram rtt;                /* ns from sending to the first answer */
};

struct desk;

/* desk_new makes a desk that knows no order; desk_delete gives it back. NULL without memory. */
struct desk *desk_new(const struct desk_settings *settings);
void desk_delete(struct desk *desk);

/* desk_start says the user reference that the session's next message has. Call it once a session,
   before its first message. */
void desk_start(struct desk *desk, uint32_t session, uint32_t user_ref);

/* desk_route is the session that the row goes to: the one that entered the order; for a new order
   the flow's firm or else a hash of the order's id. */
uint32_t desk_route(const struct desk *desk, const struct flow_row *row);

/* desk_send makes the message of a row, to be sent by session desk_route(row). Returns 1 and fills
   message, which counts as sent at now_ns; 0 when there is nothing to send, the order being dead or
   unknown; -EAGAIN when the session's window is full. */
int desk_send(struct desk *desk, const struct flow_row *row, uint64_t now_ns,
              struct ouch_message *message);

/* desk_answer takes a message that the session received. Returns 0, or -EPROTO and err_text() when
   it contradicts what the desk knows: an answer to nothing, more shares than are open, a trade
   whose sides differ. */
int desk_answer(struct desk *desk, uint32_t session, const struct ouch_message *message,
                uint64_t now_ns);

/* desk_pending counts the session's messages that wait for an answer. desk_oldest is when the
   oldest of them was sent, and its user reference; call it only while there is one. */
uint32_t desk_pending(const struct desk *desk, uint32_t session);
uint64_t desk_oldest(const struct desk *desk, uint32_t session, uint32_t *user_ref);

/* desk_one_sided counts the trades of which only one side has been seen: 0 once all is received, if
   nobody else trades. */
uint64_t desk_one_sided(const struct desk *desk);

const struct desk_counts *desk_counts(const struct desk *desk);

/* desk_open_shares adds up what the desk's orders have left. Slow; for checks at the end. */
uint64_t desk_open_shares(const struct desk *desk);

#endif /* HOST_CLIENT_DESK_H */
