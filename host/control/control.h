/* control: the operator's side of Wirepit: a client of the gateway's command port and of the
 * office's control API, both on Unix sockets.
 *
 * The command port takes and gives JSON, a line each (host/control/README.md states them); the
 * office speaks HTTP. Every call waits for its answer, at most as long as the client was opened
 * for. A client belongs to one thread. Whoever keeps it open after a call that failed with anything
 * but -EREMOTEIO gets a new connection with the next call. */
#ifndef HOST_CONTROL_CONTROL_H
#define HOST_CONTROL_CONTROL_H

#include "driver/abi/abi.h"
#include <jansson.h>

enum {
    CONTROL_LINE_BYTES_MAX = 4096,      /* of a request, its newline included */
    CONTROL_ANSWER_BYTES_MAX = 4 << 20, /* of an answer */
    CONTROL_COMMANDS_MAX = 32,          /* under way on one connection */
    CONTROL_EVENTS_MAX = 64,            /* of one command that are said; the rest is counted */
    CONTROL_TIMEOUT_MS = 5000,          /* what waits long enough for an idle machine */
};

/* What the other side found wrong, in its own words. */
struct control_error {
    char code[40];     /* a word for programs: "unknown_symbol" */
    char message[400]; /* a sentence for people */
    char details[400]; /* a JSON object as text; "{}" when there is nothing to add */
};

/* What became of one command. */
struct control_answer {
    uint64_t command; /* its number */
    uint64_t record;  /* of the journal: its last one, which is durable */
    uint32_t events_total;
    uint32_t event_count; /* of them in events: at most CONTROL_EVENTS_MAX */
    struct event events[CONTROL_EVENTS_MAX];
};

struct control;

/* control_open makes a client of the command port at path. It connects with the first call, so that
   this only fails with -ENAMETOOLONG or -ENOMEM. control_close gives it back; NULL is fine. */
int control_open(const char *path, uint32_t timeout_ms, struct control **control);
void control_close(struct control *control);

/* control_command puts one command through the gateway's sequencer, in order with all others, and
   fills answer once its events are durable. A command that the card refuses is answered too: its
   first event is REJECTED. stamp_ns and origin of the command are 0. control_commands does the same
   for many, up to CONTROL_COMMANDS_MAX under way at a time, and calls answered for each in order.

   Return 0; or a negative errno, and err_text says what and what to do:
     -ENOENT, -ECONNREFUSED  nobody listens at the path: the gateway is down
     -ETIMEDOUT              no answer in time; whether the command was carried out is not known
     -EREMOTEIO              the gateway refused to take it: control_refused says why
     -EPROTO                 what came back is no answer
     others                  as the system calls give them */
int control_command(struct control *control, const struct command *command,
                    struct control_answer *answer);
typedef void control_answered(void *context, uint32_t index, const struct control_answer *answer);
int control_commands(struct control *control, const struct command *commands, uint32_t count,
                     control_answered *answered, void *context);

/* control_ask sends any request, to which it adds the id, and gives the answer, which the caller
   json_decref()s. The request stays the caller's. Returns as control_command. */
int control_ask(struct control *control, const json_t *request, json_t **answer);

/* control_refused says what -EREMOTEIO was about; good until the next call. */
const struct control_error *control_refused(const struct control *control);

/* ---- The office ------------------------------------------------------------------------------ */

struct control_office;

/* control_office_open makes a client of the API on the Unix socket at path; as control_open. */
int control_office_open(const char *path, uint32_t timeout_ms, struct control_office **office);
void control_office_close(struct control_office *office);

/* control_office_get and control_office_send ask for a resource such as "/api/v1/accounts?limit=10"
   and give the JSON that came back, which the caller json_decref()s; method is "POST", "PUT" or
   "DELETE" and body stays the caller's, NULL for none. Return as control_command, -EREMOTEIO for
   every status of 400 and above. control_office_status is the HTTP status of the last answer. */
int control_office_get(struct control_office *office, const char *resource, json_t **answer);
int control_office_send(struct control_office *office, const char *method, const char *resource,
                        const json_t *body, json_t **answer);
long control_office_status(const struct control_office *office);
const struct control_error *control_office_refused(const struct control_office *office);

#endif /* HOST_CONTROL_CONTROL_H */
