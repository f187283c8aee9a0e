/* blotter.h: what trading firms know of their own orders: rows of a flow become OUCH messages,
 * answers become counts.
 *
 * Pure: no sockets, no clock; time comes in with each call. One blotter serves all sessions of a
 * replay, so that both sides of a trade meet in it. All memory is taken by blotter_new.
 *
 * OUCH gives no answer to a cancel or replace of a dead order. The blotter does not wait for one:
 * it sends nothing for an order that it knows to be dead, and when an order dies while such a
 * message is on its way, the message counts as overtaken. So every message is answered or
 * overtaken, and nothing needs a timeout. */
#ifndef HOST_CLIENT_BLOTTER_H
#define HOST_CLIENT_BLOTTER_H

#include "host/base/histogram.h"
#include "host/client/flow.h"
#include "host/wire/ouch.h"

enum { BLOTTER_SESSIONS_MAX = 64, BLOTTER_WINDOW_MAX = 4096, BLOTTER_REJECTS = 64 };

struct blotter_settings {
    uint64_t rows_max; /* of the flow */
    uint32_t sessions; /* 1 to BLOTTER_SESSIONS_MAX */
    uint32_t window;   /* unanswered messages of a session: 1 to BLOTTER_WINDOW_MAX */
};

struct blotter_counts {
    uint64_t orders, replaces, cancels; /* sent: Enter, Replace, Cancel (whole or in part) */
    uint64_t skipped;                   /* rows not sent: their order is dead */
    uint64_t overtaken;                 /* sent, and the order was dead before they arrived */
    uint64_t earlier;                   /* answers to orders from before blotter_start */
    uint64_t accepted, replaced, rejected;
    uint64_t executed;                   /* Executed messages */
    uint64_t fills, shares;              /* trades, each once, and their shares */
    uint64_t canceled, canceled_shares;  /* Canceled messages, and what they took off */
    uint64_t makers_named, makers_right; /* trades whose flow names the resting order; as named */
    uint64_t rejects[BLOTTER_REJECTS];   /* by OUCH reject code */
    struct histogram rtt;                /* ns from sending to the first answer */
};

struct blotter;

/* blotter_new makes a blotter that knows no order; blotter_delete gives it back. NULL without
 * memory. */
struct blotter *blotter_new(const struct blotter_settings *settings);
void blotter_delete(struct blotter *blotter);

/* blotter_start says the user reference that the session's next message has. Call it once a
   session, before its first message. */
void blotter_start(struct blotter *blotter, uint32_t session, uint32_t user_ref);

/* blotter_route is the session that the row goes to: the one that entered the order; for a new
   order the flow's firm or else a hash of the order's id. */
uint32_t blotter_route(const struct blotter *blotter, const struct flow_row *row);

/* blotter_send makes the message of a row, to be sent by session blotter_route(row). Returns 1 and
   fills message, which counts as sent at now_ns; 0 when there is nothing to send, the order being
   dead or unknown; -EAGAIN when the session's window is full. */
int blotter_send(struct blotter *blotter, const struct flow_row *row, uint64_t now_ns,
                 struct ouch_message *message);

/* blotter_answer takes a message that the session received. Returns 0, or -EPROTO and err_text()
   when it contradicts what the blotter knows: an answer to nothing, more shares than are open, a
   trade whose sides differ. */
int blotter_answer(struct blotter *blotter, uint32_t session, const struct ouch_message *message,
                   uint64_t now_ns);

/* blotter_pending counts the session's messages that wait for an answer. blotter_oldest is when the
   oldest of them was sent, and its user reference; call it only while there is one. */
uint32_t blotter_pending(const struct blotter *blotter, uint32_t session);
uint64_t blotter_oldest(const struct blotter *blotter, uint32_t session, uint32_t *user_ref);

/* blotter_one_sided counts the trades of which only one side has been seen: 0 once all is received,
   if nobody else trades. */
uint64_t blotter_one_sided(const struct blotter *blotter);

const struct blotter_counts *blotter_counts(const struct blotter *blotter);

/* blotter_open_shares adds up what the blotter's orders have left. Slow; for checks at the end. */
uint64_t blotter_open_shares(const struct blotter *blotter);

#endif /* HOST_CLIENT_BLOTTER_H */
