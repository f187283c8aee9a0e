#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/base/err.h"
#include "host/gateway/port_mailbox.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

static_assert((PORT_JOBS_MAX & (PORT_JOBS_MAX - 1)) == 0, "indices wrap");

/* ---- Open and close ---- */

static int make_status(const struct config *config, struct port_status *status) {
    uint32_t sessions = config->session_count;
    status->symbol_state = calloc(config->symbol_count, sizeof *status->symbol_state);
    status->account_killed = calloc(config->account_count, sizeof *status->account_killed);
    status->firm_killed = calloc(config->firm_count, sizeof *status->firm_killed);
    status->session_killed = calloc(sessions, sizeof *status->session_killed);
    status->connected = calloc(sessions, sizeof *status->connected);
    status->withdrawing = calloc(sessions, sizeof *status->withdrawing);
    status->answers = calloc(sessions, sizeof *status->answers);
    status->released = calloc(sessions, sizeof *status->released);
    status->next_user_ref = calloc(sessions, sizeof *status->next_user_ref);
    bool whole = status->symbol_state != NULL && status->account_killed != NULL &&
                 status->firm_killed != NULL && status->session_killed != NULL &&
                 status->connected != NULL && status->withdrawing != NULL &&
                 status->answers != NULL && status->released != NULL &&
                 status->next_user_ref != NULL;
    return whole ? 0 : err_set(-ENOMEM, "no memory for the command port");
}

static void free_status(struct port_status *status) {
    free(status->symbol_state);
    free(status->account_killed);
    free(status->firm_killed);
    free(status->session_killed);
    free(status->connected);
    free(status->withdrawing);
    free(status->answers);
    free(status->released);
    free(status->next_user_ref);
}

int port_control_open(const struct port_parts *parts, struct port_control **port) {
    struct port_control *made = calloc(1, sizeof *made);
    if (made == NULL) return err_set(-ENOMEM, "no memory for the command port");
    made->parts = *parts;
    (void)snprintf(made->path, sizeof made->path, "%s", parts->path);
    made->parts.path = made->path;
    int code = make_status(parts->config, &made->status);
    made->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (code == 0 && made->wake < 0) code = err_set(-errno, "eventfd: %s", strerror(errno));
    if (code == 0) code = port_serve_open(made);
    if (code != 0) {
        port_control_close(made);
        return code;
    }
    *port = made;
    return 0;
}

void port_control_close(struct port_control *port) {
    if (port == NULL) return;
    port_serve_close(port);
    if (port->wake >= 0) (void)close(port->wake);
    free_status(&port->status);
    free(port);
}

/* ---- The loop ---- */

static void copy_status(struct port_control *port, const int32_t *connected) {
    const struct port_parts *parts = &port->parts;
    const struct config *config = parts->config;
    const struct gates *gates = parts->gates;
    struct port_status *status = &port->status;
    status->killed = gates->killed;
    status->commands = sequencer_commands(parts->sequencer);
    status->events = sequencer_events(parts->sequencer);
    status->appended = journal_appended(parts->journal);
    status->durable = journal_durable(parts->journal);
    memcpy(status->symbol_state, gates->symbol_state, config->symbol_count);
    memcpy(status->account_killed, gates->account_killed, config->account_count * sizeof(bool));
    memcpy(status->firm_killed, gates->firm_killed, config->firm_count * sizeof(bool));
    memcpy(status->session_killed, gates->session_killed, config->session_count * sizeof(bool));
    for (uint32_t i = 0; i < config->session_count; i++) {
        status->connected[i] = connected[i] >= 0;
        status->withdrawing[i] = sequencer_withdrawing(parts->sequencer, (uint16_t)i);
        status->answers[i] = parts->streams[i].count;
        status->released[i] = parts->streams[i].released;
        status->next_user_ref[i] = entry_next_user_ref(parts->entry, (uint16_t)i);
    }
}

/* The image is the thread's again. */
static void give_back(struct port_control *port) {
    atomic_store_explicit(&port->image_taken, false, memory_order_release);
}

/* Its cancels are queued as there is room, after what the sessions asked before. A session trades
   for one account, so that an account's orders are those of its sessions. */
static void withdraw(struct port_control *port, struct port_job *job) {
    const struct config *config = port->parts.config;
    const struct command *scope = &job->command;
    for (uint32_t i = 0; i < config->session_count; i++) {
        bool meant =
            scope->field == TABLE_ENGINE ||
            (scope->field == TABLE_FIRM && config->sessions[i].firm == scope->firm) ||
            (scope->field == TABLE_ACCOUNT && config->sessions[i].account == scope->account) ||
            (scope->field == TABLE_SESSION && i == scope->session);
        if (!meant) continue;
        sequencer_withdraw(port->parts.sequencer, (uint16_t)i);
        job->sessions++;
    }
    job->record = journal_appended(port->parts.journal);
    job->ready = true;
}

/* An action begins once its record is on its way to the journal: a NOP behind a note that says who
   asked for what. So it is found where every other command of an operator is. */
static bool take_action(struct port_control *port, struct port_job *job, uint32_t index) {
    const struct command record = { .opcode = OPCODE_NOP };
    job->refusal = port_action_check(&port->action, port->parts.card);
    if (job->refusal == PORT_TAKEN && port->asked_action != 0) job->refusal = PORT_REFUSED_BUSY;
    if (job->refusal != PORT_TAKEN) {
        if (job->action == PORT_UPDATE) give_back(port);
        job->ready = true;
        return true;
    }
    uint32_t ticket = index % PORT_JOBS_MAX + 1;
    if (sequencer_ask(port->parts.sequencer, &record, job->note, ticket) != 0) return false;
    port->asked_action = ticket;
    return true;
}

static void begin_action(struct port_control *port, const struct port_job *job) {
    bool update = job->action == PORT_UPDATE;
    port->asked_action = 0;
    port_action_begin(&port->action, job->action, update ? port->image : NULL,
                      update ? port->image_bytes : 0, clock_monotonic_ns());
}

/* False when the sequencer has no room; the job is taken in a later pass. */
static bool take(struct port_control *port, uint32_t index, const int32_t *connected) {
    struct port_job *job = port_job(port, index);
    job->ready = false;
    job->record = job->number = 0;
    job->events_total = job->event_count = job->sessions = 0;
    switch (job->ask) {
    case PORT_COMMAND: /* tickets are above 0 */
        return sequencer_ask(port->parts.sequencer, &job->command, job->note,
                             index % PORT_JOBS_MAX + 1) == 0;
    case PORT_WITHDRAW:
        withdraw(port, job);
        break;
    case PORT_STATUS:
        copy_status(port, connected);
        job->ready = true;
        break;
    case PORT_COUNTERS:
        card_snapshot(port->parts.card);
        port->counting = 1;
        port->reading_job = index;
        break;
    case PORT_CARD:
    case PORT_LOG:
        port_look_begin(&port->look, job->ask == PORT_CARD ? PORT_LOOK_CARD : PORT_LOOK_LOG,
                        port->parts.card);
        port->reading_job = index;
        break;
    case PORT_PROGRESS:
        port->progress = port->action;
        job->ready = true;
        break;
    case PORT_ACTION:
        return take_action(port, job, index);
    case PORT_PIECE: /* the thread's alone */
        CHECK(job->ask != PORT_PIECE);
        break;
    }
    return true;
}

void port_control_done(void *context, uint32_t ticket, const struct event *events,
                       uint32_t event_count, uint64_t record) {
    struct port_control *port = context;
    CHECK(ticket >= 1 && ticket <= PORT_JOBS_MAX);
    struct port_job *job = &port->jobs[ticket - 1];
    job->number = events[0].command;
    job->record = record;
    job->events_total = event_count;
    job->event_count = event_count < CONTROL_EVENTS_MAX ? event_count : CONTROL_EVENTS_MAX;
    memcpy(job->events, events, job->event_count * sizeof *events);
    job->ready = true;
    if (port->asked_action == ticket) begin_action(port, job);
}

/* One register or one histogram a pass: reads across a bus are slow. */
static void count_on(struct port_control *port) {
    const struct sequencer_times *from = sequencer_times(port->parts.sequencer);
    struct sequencer_times *to = &port->counters.times;
    uint32_t step = port->counting++ - 1;
    switch (step) {
    case PORT_COUNTER_COUNT:
        to->clocks = from->clocks;
        break;
    case PORT_COUNTER_COUNT + 1:
        to->gateway = from->gateway;
        break;
    case PORT_COUNTER_COUNT + 2:
        to->card = from->card;
        break;
    case PORT_COUNTER_COUNT + 3:
        to->flush = from->flush;
        port->counting = 0;
        port_job(port, port->reading_job)->ready = true;
        break;
    default:
        port->counters.values[step] = card_counter(port->parts.card, step);
        break;
    }
}

bool port_control_pass(struct port_control *port, const int32_t *connected) {
    bool moved = false;
    uint32_t asked = atomic_load_explicit(&port->asked, memory_order_acquire);
    for (; port->taken != asked && take(port, port->taken, connected); port->taken++) moved = true;
    if (port->counting > 0) {
        count_on(port);
        moved = true;
    }
    if (port->look.what != 0) {
        if (port_look_step(&port->look, port->parts.card)) {
            port->look_action = port->action;
            port_job(port, port->reading_job)->ready = true;
        }
        moved = true;
    }
    if (port_action_busy(&port->action)) {
        port_action_step(&port->action, port->parts.card, clock_monotonic_ns());
        if (port->action.kind == PORT_UPDATE && !port_action_busy(&port->action)) give_back(port);
        moved = true;
    }
    if (port->completed == port->taken) return moved;

    uint64_t durable = journal_durable(port->parts.journal);
    uint32_t before = port->completed;
    while (port->completed != port->taken && port_job(port, port->completed)->ready &&
           port_job(port, port->completed)->record <= durable)
        port->completed++;
    if (port->completed == before) return moved;
    atomic_store_explicit(&port->done, port->completed, memory_order_release);
    const uint64_t one = 1;
    (void)!write(port->wake, &one, sizeof one); /* a full counter wakes too */
    return true;
}
