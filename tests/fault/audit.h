/* audit: what clients were told, held against what the journal and the book hold. */
#ifndef TESTS_FAULT_AUDIT_H
#define TESTS_FAULT_AUDIT_H

#include "tests/fault/ledger.h"
#include "tests/fault/tape.h"
#include <stdbool.h>

/* The last whole block of a journal, as far as a crash may tear it: not when a later file has
   begun, which happens only once it is flushed. */
struct audit_tail {
    char path[512]; /* of its file */
    uint64_t offset;
    uint32_t bytes;      /* 0 when there is none */
    uint64_t torn_bytes; /* behind it */
    bool told;           /* a client was told something that is in it */
};

/* What was compared. */
struct audit_counts {
    uint64_t records, commands, events, answers, trades, open_orders;
};

/* audit_told checks that all that the sessions were told is in the journal, under the same numbers:
   nothing acknowledged is lost. tail says where a crash may have torn it. Returns 0; -EPROTO when
   it is not so, -EBADMSG when the journal is damaged; err_text says what. */
int audit_told(const char *journal, const struct tape *const *tapes, uint32_t sessions,
               struct audit_tail *tail);

/* audit_day checks a day that has ended with everything told:
     what the sessions were told is all that the journal holds for them, byte for byte;
     a fresh engine says the journal's events for the journal's commands;
     each trade was told twice, to the one that took and the one that rested, with the same shares
     and price, and is one of the engine's;
     the engine's book holds the orders that clients have open, with the same shares, and no other.
   Returns 0, -EPROTO or -EBADMSG as above. */
int audit_day(const char *journal, const struct tape *const *tapes,
              const struct ledger *const *ledgers, uint32_t sessions, struct audit_counts *counts);

#endif /* TESTS_FAULT_AUDIT_H */
