/* ledger: what a session's client knows of its orders: what it asked, and what became of it as far
 * as it was told. It believes nothing that does not follow from what it asked. */
#ifndef TESTS_FAULT_LEDGER_H
#define TESTS_FAULT_LEDGER_H

#include "host/wire/ouch.h"

enum ledger_state {
    LEDGER_FREE,    /* the reference was never used, or what used it was lost and is forgotten */
    LEDGER_ASKED,   /* sent; nothing was told of it */
    LEDGER_LIVE,    /* accepted, or put in another's place */
    LEDGER_DONE,    /* filled, cancelled or replaced */
    LEDGER_REFUSED, /* rejected */
    LEDGER_SILENT,  /* a replacement that came to nothing */
};

struct ledger_order {
    uint8_t state; /* enum ledger_state */
    char side, tif;
    uint32_t previous; /* the reference that it replaces, 0 for an Enter Order */
    uint32_t price_e4;
    uint32_t total; /* asked for the whole chain */
    uint32_t executed, leaves;
    char symbol[8];
    char client_order_id[14];
};

struct ledger {
    struct ledger_order *orders; /* by reference */
    uint32_t next_ref;           /* the next one to use */
    uint32_t room;
    uint32_t waiting; /* Enter Orders that nothing was told of */
    uint32_t live;    /* orders */
    uint64_t entered, accepted, executed, canceled, replaced, rejected;
};

void ledger_open(struct ledger *ledger);
void ledger_close(struct ledger *ledger);

/* ledger_asked notes an Enter Order or a Replace Order that is sent, which uses next_ref. */
void ledger_asked(struct ledger *ledger, const struct ouch_message *message);

/* ledger_told takes a message of the session. Returns 0, or -EPROTO when it does not follow from
   what was asked and told before: err_text says why. */
int ledger_told(struct ledger *ledger, const struct ouch_message *message);

/* ledger_next takes the gateway's answer to an Account Query behind which nothing was sent:
   what was asked from next_ref on is lost, everything before it must have been told. Returns 0 or
   -EPROTO. */
int ledger_next(struct ledger *ledger, uint32_t next_ref);

/* ledger_find gives the order of a reference; NULL for one that was never asked. */
const struct ledger_order *ledger_find(const struct ledger *ledger, uint32_t user_ref);

#endif /* TESTS_FAULT_LEDGER_H */
