/* port_mailbox: what the command port's thread and the gateway's loop share: a ring of jobs that
 * come back in the order they were given.
 *
 * The thread fills job[asked] and counts asked up; the loop takes it, fills it and counts done up.
 * Whoever has not counted yet owns the job; counters are released by the one and acquired by the
 * other. */
#ifndef HOST_GATEWAY_PORT_MAILBOX_H
#define HOST_GATEWAY_PORT_MAILBOX_H

#include "driver/firmware.h"
#include "host/control/control.h"
#include "host/gateway/port_control.h"
#include "host/gateway/port_request.h"
#include <stdatomic.h>

enum { PORT_NOTE_BYTES = 96 };

/* What STATUS copies. Rows are those of the configuration. */
struct port_status {
    bool killed;
    uint64_t commands, events, appended, durable;
    uint8_t *symbol_state;
    bool *account_killed, *firm_killed, *session_killed;
    bool *connected, *withdrawing;
    uint64_t *answers, *released; /* of each session's stream */
    uint32_t *next_user_ref;
};

/* What COUNTERS copies, a little in each pass. */
struct port_counters {
    uint64_t values[PORT_COUNTER_COUNT];
    struct sequencer_times times;
};

struct port_job {
    /* The thread's. */
    enum port_ask ask;
    struct command command;
    enum port_action_kind action;
    char note[PORT_NOTE_BYTES];
    uint32_t connection, generation;
    json_t *id;
    /* The loop's. */
    bool ready;
    uint64_t record; /* that must be durable before it is said */
    uint64_t number; /* of the command */
    uint32_t events_total, event_count, sessions;
    enum port_refusal refusal; /* of an action */
    struct event events[CONTROL_EVENTS_MAX];
};

struct port_control {
    struct port_parts parts;
    char path[CONFIG_PATH_BYTES]; /* what parts.path says; the caller's may be gone by the end */
    atomic_uint asked, done;
    atomic_bool stop;
    int wake; /* eventfd: the loop tells the thread */

    /* The loop's. */
    uint32_t taken, completed;
    uint32_t counting;     /* steps of the COUNTERS that is under way; 0 for none */
    uint32_t reading_job;  /* of COUNTERS or of the look */
    uint32_t asked_action; /* ticket of the one whose record is under way; 0 for none */
    struct port_action action;

    /* Handed over with the one job of its kind that is under way. */
    struct port_status status;
    struct port_counters counters;
    struct port_look look;
    struct port_action look_action; /* as it was when the look ended */
    struct port_action progress;
    struct port_job jobs[PORT_JOBS_MAX];

    /* The thread fills it while it is not taken, and takes it for an UPDATE; the loop gives it
     * back. */
    atomic_bool image_taken;
    uint8_t image[FIRMWARE_FILE_BYTES_MAX];
    uint32_t image_bytes; /* without the signature */

    struct port_serve *serve; /* the thread's */
};

static inline struct port_job *port_job(struct port_control *port, uint32_t index) {
    return &port->jobs[index % PORT_JOBS_MAX];
}

/* port_serve_open starts the thread, port_serve_close ends it. */
int port_serve_open(struct port_control *port);
void port_serve_close(struct port_control *port);

#endif /* HOST_GATEWAY_PORT_MAILBOX_H */
