/* trader: a firm's client that trades at random, loses its connection, comes back with the number
 * of the message it has next, and notices everything that does not fit what it was told before. */
#ifndef TESTS_FAULT_TRADER_H
#define TESTS_FAULT_TRADER_H

#include "host/base/random.h"
#include "tests/fault/ledger.h"
#include "tests/fault/tape.h"
#include "tests/fault/venue.h"

enum trader_state {
    TRADER_AWAY,
    TRADER_LOGIN, /* login is sent */
    TRADER_QUERY, /* logged in; asked for the next user reference, behind which all is told */
    TRADER_READY, /* may trade */
};

enum { TRADER_IN_BYTES = 128 << 10, TRADER_OUT_BYTES = 32 << 10 };

struct trader_settings {
    uint32_t session;
    uint32_t window; /* Enter Orders without an answer */
    bool withdraws;  /* its orders are taken off when its connection ends */
    bool deep;       /* orders keep their distance, so that thousands rest */
};

struct trader {
    struct trader_settings settings;
    enum trader_state state;
    int socket; /* -1 while away */
    struct ledger ledger;
    struct tape tape;
    uint64_t number;   /* of the next sequenced message */
    uint64_t heard_ns; /* monotonic, when the gateway said something last */
    uint64_t sent_ns;  /* monotonic, when this said something last */
    bool asked;        /* an Account Query is on its way, said at asked_ns of the wall clock */
    uint64_t asked_ns;
    char said[128];                         /* the last Debug packet */
    uint64_t reconnects, refused, repeated; /* logins; logins refused; messages told again */
    size_t in_used, out_used;
    uint8_t in[TRADER_IN_BYTES], out[TRADER_OUT_BYTES];
};

void trader_open(struct trader *trader, const struct trader_settings *settings);
void trader_close(struct trader *trader);

/* trader_connect logs in at a port of loopback and asks to be told from a number on, from 1 to
   tape.count + 1: what was told before must come again byte for byte. Returns 0, or a negative
   errno of connect(2). */
int trader_connect(struct trader *trader, uint16_t port, uint64_t from);

/* trader_leave closes the connection as it is. */
void trader_leave(struct trader *trader);

/* trader_pump reads what is there and sends what waits, or a heartbeat after a second of silence.
   Returns 1 when something moved, 0 when not; -ENOTCONN when the connection has ended or the login
   was refused, and the trader is away; -EPROTO when what it was told cannot be: err_text says what.
 */
int trader_pump(struct trader *trader, uint64_t now_ns);

/* trader_trade puts up to `most` random messages into the output as far as its window goes. */
void trader_trade(struct trader *trader, struct random *random, uint32_t most);

/* trader_ask puts an Account Query behind everything; asked is true until it is answered. */
void trader_ask(struct trader *trader);

#endif /* TESTS_FAULT_TRADER_H */
