/* sequencer: the one order of everything: requests go to the card as commands, what comes back goes
 * into the journal, and answers into the sessions' streams, from where they leave once the journal
 * has them.
 *
 * A session whose stream is full is over: its orders are taken off, whatever its policy, and what
 * it would still be told is in the journal alone.
 *
 * Requests wait in one bounded queue, in the order they were made, until their command's last event
 * has come; a request that needs no card waits its turn all the same. A journal group is input (but
 * for the gateway's own commands), command, its events, its answers and is appended at once.
 * Nothing here waits, but for a journal whose buffer is full. */
#ifndef HOST_GATEWAY_SEQUENCER_H
#define HOST_GATEWAY_SEQUENCER_H

#include "host/base/histogram.h"
#include "host/gateway/entry.h"
#include "host/gateway/gates.h"
#include "host/gateway/stream.h"
#include "host/journal/journal.h"

/* sequencer_done takes what came of a command that sequencer_ask queued: its events, and the record
   of the journal that must be durable before anybody hears of them. */
typedef void sequencer_done(void *context, uint32_t ticket, const struct event *events,
                            uint32_t event_count, uint64_t record);

/* All of it stays the caller's. */
struct sequencer_parts {
    struct card *card;
    struct journal *journal;
    struct entry *entry;
    struct stream *streams; /* of each session */
    uint32_t session_count;
    uint32_t events_max;        /* of one command */
    uint64_t commands, events;  /* that the journal holds and the card has carried out */
    uint64_t (*clock_ns)(void); /* monotonic, for heartbeats and measurements */
    struct gates *gates;        /* NULL for none: told of every event */
};

/* What was measured, in nanoseconds but for the clocks. */
struct sequencer_times {
    struct histogram clocks;  /* of the card, per order command */
    struct histogram gateway; /* bytes read to request queued, and last event to answers queued */
    struct histogram card;    /* request queued to last event */
    struct histogram flush;   /* answers queued to journal durable */
};

struct sequencer;

/* sequencer_new returns NULL without memory. It goes on to take off the orders of sessions whose
   stream is full. */
struct sequencer *sequencer_new(const struct sequencer_parts *parts);
void sequencer_delete(struct sequencer *sequencer);

/* sequencer_message takes a client's message, read at read_ns. Returns 0; -EAGAIN when the queue is
   full or the message waits for an earlier one: pass, then give it again; or -ENOSPC when the
   session's stream is nearly full: the session is over. */
int sequencer_message(struct sequencer *sequencer, uint16_t session, const uint8_t *message,
                      size_t bytes, uint64_t read_ns, uint64_t wall_ns);

/* sequencer_command queues a command of the gateway's own, sequencer_follow_up a request that
   entry_complete gave to whoever restored the journal. Return 0 or -EAGAIN. */
int sequencer_command(struct sequencer *sequencer, const struct command *command);
int sequencer_follow_up(struct sequencer *sequencer, const struct entry_request *request);

/* sequencer_ask queues a command that an operator asked for; note, of at most
   ENTRY_MESSAGE_BYTES_MAX bytes, says who, and stands before it in the journal. What comes of it is
   told by ticket, above 0, to whoever sequencer_tell named. Returns 0 or -EAGAIN. */
int sequencer_ask(struct sequencer *sequencer, const struct command *command, const char *note,
                  uint32_t ticket);
void sequencer_tell(struct sequencer *sequencer, sequencer_done *done, void *context);

/* sequencer_withdraw takes off all orders of a session, once what it asked before is done.
   sequencer_withdrawing says whether that is still going on. */
void sequencer_withdraw(struct sequencer *sequencer, uint16_t session);
bool sequencer_withdrawing(const struct sequencer *sequencer, uint16_t session);

/* sequencer_record notes ENTRY_LOGIN, ENTRY_LOGOUT or ENTRY_DISCONNECT of a session in the journal,
   and why. Returns 0 or a negative errno once the journal has failed. */
int sequencer_record(struct sequencer *sequencer, uint16_t session, enum entry_action action,
                     const char *text, uint64_t wall_ns);

/* sequencer_pass moves everything as far as it goes. Returns 1 when something moved, 0 when not; or
   a negative errno after which nothing moves any more: the card or the journal has failed, err_text
   says how. Answers that were not durable by then never leave. */
int sequencer_pass(struct sequencer *sequencer, uint64_t wall_ns);

/* sequencer_idle: nothing is queued and nothing waits for the journal. sequencer_at_card: the card
   has something to do. */
bool sequencer_idle(const struct sequencer *sequencer);
bool sequencer_at_card(const struct sequencer *sequencer);

uint64_t sequencer_commands(const struct sequencer *sequencer);
uint64_t sequencer_events(const struct sequencer *sequencer);

/* sequencer_closings counts the times the card has closed its gate without a command. */
uint64_t sequencer_closings(const struct sequencer *sequencer);

/* sequencer_alerts counts the ALERTs that the card has said without a command, and gives the last.
 */
uint64_t sequencer_alerts(const struct sequencer *sequencer, struct event *last);

const struct sequencer_times *sequencer_times(const struct sequencer *sequencer);

/* sequencer_refused is the first command of the gateway's own that the card refused, NULL while
   there is none; *reason is its REASON_. */
const struct command *sequencer_refused(const struct sequencer *sequencer, uint8_t *reason);

#endif /* HOST_GATEWAY_SEQUENCER_H */
