/* entry: order entry as a fold: what clients ask in OUCH becomes commands, and what the card says
 * of them becomes OUCH again.
 *
 * No socket, no card, no journal, no clock: a live gateway and one that reads its journal back run
 * the same code, and give the same messages. A request is made by entry_message (or
 * entry_withdraw), is carried out by whoever drives the card, and is finished by entry_complete in
 * the order it was made.
 *
 * What is decided while earlier requests are still under way (is the reference used, is the order
 * known) stands in the request; what depends on their outcome is decided by entry_complete. */
#ifndef HOST_GATEWAY_ENTRY_H
#define HOST_GATEWAY_ENTRY_H

#include "driver/card.h"
#include "host/gateway/config.h"
#include "host/gateway/orders.h"
#include "host/wire/ouch.h"

enum { ENTRY_MESSAGE_BYTES_MAX = 320, ENTRY_REQUESTS_MAX = 1024 };
static_assert(OUCH_ENTER_ORDER_BYTES + OUCH_TAGS_BYTES_MAX <= ENTRY_MESSAGE_BYTES_MAX,
              "a request holds the longest message");

/* Who asks. These numbers and those of enum entry_action are in journals and never change. */
enum entry_origin {
    ENTRY_CLIENT = 1,     /* a message of the session */
    ENTRY_WITHDRAWAL,     /* the session's cancel on disconnect */
    ENTRY_FOLLOW_UP,      /* takes off the order that an invalid replacement named */
    ENTRY_ADMINISTRATION, /* the gateway: configuration, the card's own commands; never journaled as
                             input */
};

enum entry_action {
    ENTRY_COMMAND = 1,   /* the request's command goes to the card */
    ENTRY_REJECT,        /* refused here: Rejected */
    ENTRY_CANCEL_REJECT, /* refused here: Cancel Reject */
    ENTRY_QUERY,         /* Account Query */
    ENTRY_LOGIN,         /* for the record only, these three */
    ENTRY_LOGOUT,
    ENTRY_DISCONNECT,
};

/* What of a request goes into the journal, before the client's message. */
struct entry_header {
    uint64_t time_ns;  /* nanoseconds since the epoch */
    uint8_t origin;    /* enum entry_origin */
    uint8_t action;    /* enum entry_action */
    uint8_t consumes;  /* REJECT: the message's UserRefNum is used up */
    uint8_t over_long; /* REJECT: the message was longer than what is kept of it, and not read */
    uint16_t reject;   /* REJECT: enum ouch_reject */
    uint16_t reserved_b;
};
static_assert(sizeof(struct entry_header) == 16, "the header has no hole");

struct entry_request {
    struct entry_header header;
    uint16_t session;
    uint16_t bytes; /* of the message */
    uint16_t tags_at, tags_bytes;
    uint32_t user_ref, user_ref_before;
    enum ouch_kind kind; /* of the message; OUCH_NOTHING for none that is one */
    struct order *order; /* NEW, REPLACE: what it will be */
    struct command command;
    char client_order_id[14];
    uint8_t message[ENTRY_MESSAGE_BYTES_MAX];
    uint64_t read_ns, queued_ns; /* monotonic, for whoever measures */
};

/* Takes an OUCH message for a session, which is only good during the call. */
typedef void entry_output(void *context, uint16_t session, const uint8_t *message, size_t bytes);

struct entry;

/* entry_new makes the state of all of config's sessions, without an order. config stays the
   caller's and outlives it. NULL without memory. */
struct entry *entry_new(const struct config *config, const struct card_size *size, uint64_t seed);
void entry_delete(struct entry *entry);

/* entry_message reads a client's message and says what becomes of it:
     1        request is filled and will be completed; the caller never has more than
              ENTRY_REQUESTS_MAX under way
     0        nothing, ever: it is a retransmission, or about an order that is dead
     -EAGAIN  it is about a replacement that is still under way: nothing was done; complete what is
              under way, then give it again */
int entry_message(struct entry *entry, uint16_t session, const uint8_t *message, size_t bytes,
                  uint64_t time_ns, struct entry_request *request);

/* entry_withdraw makes the request that takes off a live order. */
void entry_withdraw(const struct order *order, uint64_t time_ns, struct entry_request *request);

/* entry_complete finishes a request: events are all of its command's, none without one. It calls
   output for each answer. True when follow_up is filled with a request that must be carried out as
   well. */
bool entry_complete(struct entry *entry, struct entry_request *request, const struct event *events,
                    uint32_t event_count, entry_output *output, void *context,
                    struct entry_request *follow_up);

/* entry_restore makes a request again from what a journal holds: the input record and, with action
   ENTRY_COMMAND, the command record behind it. Returns 0; or -EBADMSG and says what of it cannot
   be. entry_settle ends restoring: after it, messages are taken. */
int entry_restore(struct entry *entry, uint16_t session, const uint8_t *input, size_t bytes,
                  const struct command *command, struct entry_request *request);
void entry_settle(struct entry *entry);

/* entry_orders is the table of orders. */
struct orders *entry_orders(struct entry *entry);

/* entry_next_user_ref is the lowest reference that a session may use next. */
uint32_t entry_next_user_ref(const struct entry *entry, uint16_t session);

/* Refusals since entry_new, for the summary: the engine's by REASON_, those made here by OUCH
 * reason. */
uint64_t entry_refused(const struct entry *entry, uint8_t reason);
uint64_t entry_rejected(const struct entry *entry, uint16_t reject);

#endif /* HOST_GATEWAY_ENTRY_H */
