/* recovery: what a journal holds, done again: its commands on a fresh card in REPLAY mode, its
 * inputs through order entry. Every event and every answer must come out as it is recorded.
 *
 * The last group of the journal may lack its end, where a crash cut it: the card says its events
 * again and they are appended. An input without its command was never carried out and counts for
 * nothing. */
#ifndef HOST_GATEWAY_RECOVERY_H
#define HOST_GATEWAY_RECOVERY_H

#include "host/gateway/entry.h"
#include "host/gateway/gates.h"
#include "host/gateway/setup.h"
#include "host/gateway/stream.h"
#include "host/journal/journal.h"

/* All of it stays the caller's. */
struct recovery_parts {
    const char *directory;   /* of the journal */
    struct journal *journal; /* the same, open for writing */
    struct card *card;       /* fresh from reset */
    struct entry *entry;
    struct stream *streams;
    uint32_t session_count;
    const struct setup *setup;
    const char *identity; /* the journal's first note, see recovery_identity */
    uint32_t events_max;  /* of one command */
    uint64_t (*clock_ns)(void);
    struct gates *gates; /* NULL for none: told of every event */
};

struct recovery {
    uint64_t commands, events;
    uint64_t last_stamp_ns;
    uint32_t setup_done;      /* of the setup's commands */
    bool identified;          /* the journal has its first note */
    uint32_t follow_up_count; /* asked for, not carried out yet */
    struct entry_request follow_ups[ENTRY_REQUESTS_MAX];
};

/* recovery_run replays the journal. Returns 0 and fills recovery; the card is still in REPLAY mode.
   Or a negative errno, with err_text naming the record and what is wrong with it:
     -EINVAL   the journal was begun with another configuration
     -EPROTO   an event or an answer comes out differently
     -EBADMSG  a record makes no sense, or is none that this gateway writes
     others    of card and journal */
int recovery_run(const struct recovery_parts *parts, struct recovery *recovery);

/* recovery_identity writes the text of the first note, of at most RECOVERY_IDENTITY_BYTES with its
   end: the configuration's digest and the SoupBinTCP session name. recovery_session reads that name
   back from the first note of a journal: 1 and name filled, 0 for a journal without records, or a
   negative errno. */
enum { RECOVERY_IDENTITY_BYTES = 96, RECOVERY_SESSION_BYTES = 10 };
void recovery_identity(uint64_t config_digest, const char *session, char *text);
int recovery_session(const char *directory, char session[RECOVERY_SESSION_BYTES + 1]);

#endif /* HOST_GATEWAY_RECOVERY_H */
