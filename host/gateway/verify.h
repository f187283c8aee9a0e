/* verify: proof that a journal is true and whole: its blocks chain, and a fresh engine says the
 * same events for its commands. */
#ifndef HOST_GATEWAY_VERIFY_H
#define HOST_GATEWAY_VERIFY_H

#include "driver/card.h"
#include "host/journal/journal.h"

struct verify_result {
    struct journal_report journal;
    uint64_t commands, events; /* carried out and compared */
    uint64_t events_missing;   /* of the last command, which a crash may have cut off; 0 for none */
};

/* verify_run checks the journal in directory on a card that is fresh from reset, which stays the
   caller's. Returns 0: all that is there is true, and whole unless result->events_missing is above
   0; the next start appends those. Or a negative errno, and err_text says what is wrong where:
     -EBADMSG  the journal is damaged
     -EPROTO   an event differs
     others    as card and files give them */
int verify_run(const char *directory, struct card *card, struct verify_result *result);

#endif /* HOST_GATEWAY_VERIFY_H */
