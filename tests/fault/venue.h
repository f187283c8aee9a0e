/* venue: a market to break or to measure: its configuration, written for so many sessions, and the
 * gateway's process that serves it. Sessions are named c001, c002, ... */
#ifndef TESTS_FAULT_VENUE_H
#define TESTS_FAULT_VENUE_H

#include "host/wire/soup.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    VENUE_PATH_BYTES = 256,
    VENUE_SESSIONS_MAX = 200,
    VENUE_SYMBOLS = 4,
    VENUE_FIRMS = 4,
    VENUE_REFERENCE_E4 = 1004000, /* of every symbol; a tick is VENUE_TICK_E4 */
    VENUE_TICK_E4 = 100,
    VENUE_QUANTITY_MAX = 1000, /* of one order; above it the card refuses */
};

struct venue_settings {
    const char *directory;    /* for configuration, log and journal; must be there */
    const char *program;      /* the gateway */
    const char *card;         /* sim, soft, bus */
    const char *card_program; /* for bus */
    uint32_t sessions;
    bool asynchronous;
    bool withdraws;               /* every second session cancels on disconnect */
    uint64_t journal_file;        /* bytes of a journal's file; 0 is the default */
    const char *address;          /* it listens on; NULL is loopback */
    const char *const *arguments; /* more of them for the program, ended by NULL; NULL is none */
    int (*enter)(void);           /* called in its process before it is the gateway; 0 goes on */
};

struct venue {
    struct venue_settings settings;
    char config[VENUE_PATH_BYTES], journal[VENUE_PATH_BYTES], log[VENUE_PATH_BYTES],
        json[VENUE_PATH_BYTES], card_socket[VENUE_PATH_BYTES];
    pid_t card_pid; /* of the card's process, 0 while there is none */
    pid_t pid;      /* 0 while it does not run */
    int output;     /* its standard output, -1 once read */
    uint16_t port;  /* 0 until it listens */
};

/* venue_open writes the configuration. Returns 0, or a negative errno and says why. */
int venue_open(struct venue *venue, const struct venue_settings *settings);

/* venue_spawn starts the gateway and does not wait. venue_ready waits up to timeout_ms until it
   listens: 0, -ETIMEDOUT, or -ECHILD when it ended instead; venue_wait then gives its exit code. */
int venue_spawn(struct venue *venue);
int venue_ready(struct venue *venue, int timeout_ms);

/* venue_kill ends it at once, by SIGKILL; venue_stop asks it to end, by SIGTERM. venue_wait waits
   for its end: the exit code, or 1000 and the signal's number. All need one that was spawned. */
void venue_kill(struct venue *venue);
int venue_stop(struct venue *venue);
int venue_wait(struct venue *venue);

/* venue_card_start starts the process of a card on a bus and waits until it is ready;
   venue_card_kill ends it by SIGKILL. */
int venue_card_start(struct venue *venue);
void venue_card_kill(struct venue *venue);

/* venue_log_says looks for words in what the gateway logged since venue_open. */
bool venue_log_says(const struct venue *venue, const char *words);

/* venue_withdraws says whether a session cancels on disconnect. venue_login fills in its name and
   password, and nothing else. */
bool venue_withdraws(const struct venue *venue, uint32_t session);
void venue_login(uint32_t session, struct soup_login *login);

/* venue_symbol writes a symbol's name. */
void venue_symbol(uint32_t symbol, char name[9]);

#endif /* TESTS_FAULT_VENUE_H */
