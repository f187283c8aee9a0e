#include "host/gateway/sequencer.h"
#include "host/base/check.h"
#include "host/base/err.h"
#include "host/base/log.h"
#include "host/gateway/setup.h"
#include <errno.h>
#include <stdlib.h>

enum {
    POLL_EVENTS = 64,      /* taken from the card at a time */
    POLL_ROUNDS = 16,      /* of a pass */
    WALK_SLOTS = 4096,     /* looked at for a session's orders in a pass */
    FLUSH_SAMPLES = 4096,  /* answers whose wait for the journal is measured at a time */
    TIME_STEP_NS = 100000, /* the card's clock is moved at most this often */
    HEARTBEAT_NS = 100000000,
    STREAM_RESERVE_PARTS = 8, /* part of a stream kept for what its orders may still bring */
};

enum walk { WALK_NONE, WALK_WAITING, WALK_GOING };

struct session {
    uint32_t under_way; /* requests in the queue */
    uint32_t walk_slot;
    uint8_t walk; /* enum walk */
};

struct flush_sample {
    uint64_t record, answered_ns;
};

struct sequencer {
    struct sequencer_parts parts;
    struct session *sessions;
    uint32_t walks; /* sessions whose orders are being taken off */

    /* The queue: requests from head to tail; those before `pushed` are with the card. */
    struct entry_request *queue;
    uint32_t head, pushed, tail;
    uint32_t at_card;

    struct event *events; /* of the command that is coming back */
    uint32_t event_count, events_max;

    uint64_t commands, event_numbers;
    uint64_t closings;     /* of the gate, by the card itself */
    uint64_t alerts;       /* said by the card itself */
    struct event alert;    /* the last */
    uint64_t time_set_ns;  /* by the wall clock */
    uint64_t heartbeat_ns; /* when the next one is due, by the monotonic clock */
    struct sequencer_times times;
    struct flush_sample samples[FLUSH_SAMPLES];
    uint32_t sample_head, sample_tail;
    sequencer_done *done; /* of what operators ask; NULL for nobody */
    void *done_context;
    struct command refused;
    uint8_t refused_reason;
    int failed;
};

struct sequencer *sequencer_new(const struct sequencer_parts *parts) {
    struct sequencer *sequencer = calloc(1, sizeof *sequencer);
    if (sequencer == NULL) return NULL;
    sequencer->parts = *parts;
    sequencer->commands = parts->commands;
    sequencer->event_numbers = parts->events;
    sequencer->events_max = parts->events_max;
    sequencer->sessions = calloc(parts->session_count, sizeof *sequencer->sessions);
    sequencer->queue = calloc(ENTRY_REQUESTS_MAX, sizeof *sequencer->queue);
    sequencer->events = calloc(sequencer->events_max, sizeof *sequencer->events);
    if (sequencer->sessions == NULL || sequencer->queue == NULL || sequencer->events == NULL) {
        sequencer_delete(sequencer);
        return NULL;
    }
    for (uint32_t i = 0; i < parts->session_count; i++)
        if (parts->streams[i].full) sequencer_withdraw(sequencer, (uint16_t)i);
    return sequencer;
}

void sequencer_delete(struct sequencer *sequencer) {
    if (sequencer == NULL) return;
    free(sequencer->sessions);
    free(sequencer->queue);
    free(sequencer->events);
    free(sequencer);
}

/* ---- The queue: indices run freely, modulo its size ---- */

static_assert((ENTRY_REQUESTS_MAX & (ENTRY_REQUESTS_MAX - 1)) == 0, "indices wrap");

static struct entry_request *at(struct sequencer *sequencer, uint32_t index) {
    return &sequencer->queue[index % ENTRY_REQUESTS_MAX];
}

static bool full(const struct sequencer *sequencer) {
    return sequencer->tail - sequencer->head == ENTRY_REQUESTS_MAX;
}

static void queued(struct sequencer *sequencer) {
    sequencer->sessions[at(sequencer, sequencer->tail)->session].under_way++;
    sequencer->tail++;
}

int sequencer_message(struct sequencer *sequencer, uint16_t session, const uint8_t *message,
                      size_t bytes, uint64_t read_ns, uint64_t wall_ns) {
    const struct stream *stream = &sequencer->parts.streams[session];
    if (full(sequencer)) return -EAGAIN;
    if (stream_room(stream) < stream->size / STREAM_RESERVE_PARTS)
        return err_set(-ENOSPC, "the session's messages fill %zu bytes; raise its stream's size",
                       stream->used);
    struct entry_request *request = at(sequencer, sequencer->tail);
    int made = entry_message(sequencer->parts.entry, session, message, bytes, wall_ns, request);
    if (made <= 0) return made;
    request->read_ns = read_ns;
    request->queued_ns = sequencer->parts.clock_ns();
    queued(sequencer);
    return 0;
}

int sequencer_command(struct sequencer *sequencer, const struct command *command) {
    if (full(sequencer)) return -EAGAIN;
    struct entry_request *request = at(sequencer, sequencer->tail);
    memset(request, 0, sizeof *request);
    request->header.origin = ENTRY_ADMINISTRATION;
    request->header.action = ENTRY_COMMAND;
    request->command = *command;
    queued(sequencer);
    return 0;
}

int sequencer_ask(struct sequencer *sequencer, const struct command *command, const char *note,
                  uint32_t ticket) {
    size_t bytes = strlen(note);
    CHECK(bytes <= ENTRY_MESSAGE_BYTES_MAX && ticket > 0);
    int code = sequencer_command(sequencer, command);
    if (code != 0) return code;
    struct entry_request *request = at(sequencer, sequencer->tail - 1);
    memcpy(request->message, note, bytes);
    request->bytes = (uint16_t)bytes;
    request->user_ref = ticket;
    return 0;
}

void sequencer_tell(struct sequencer *sequencer, sequencer_done *done, void *context) {
    sequencer->done = done;
    sequencer->done_context = context;
}

int sequencer_follow_up(struct sequencer *sequencer, const struct entry_request *request) {
    if (full(sequencer)) return -EAGAIN;
    *at(sequencer, sequencer->tail) = *request;
    queued(sequencer);
    return 0;
}

/* ---- Cancel on disconnect ---- */

void sequencer_withdraw(struct sequencer *sequencer, uint16_t session) {
    struct session *state = &sequencer->sessions[session];
    if (state->walk == WALK_NONE) sequencer->walks++;
    state->walk = WALK_WAITING;
    state->walk_slot = 0;
}

bool sequencer_withdrawing(const struct sequencer *sequencer, uint16_t session) {
    return sequencer->sessions[session].walk != WALK_NONE;
}

/* Queues cancels as far as there is room, from slot to slot; the queue's bound paces it. */
static bool walk(struct sequencer *sequencer, uint16_t session, uint64_t wall_ns) {
    struct session *state = &sequencer->sessions[session];
    struct orders *orders = entry_orders(sequencer->parts.entry);
    if (state->walk == WALK_WAITING) {
        if (state->under_way > 0) return false;
        state->walk = WALK_GOING;
    }
    uint32_t from = state->walk_slot, slots = orders_slots(orders);
    while (!full(sequencer) && state->walk_slot < slots && state->walk_slot - from < WALK_SLOTS) {
        const struct order *order = orders_next(orders, session, &state->walk_slot, WALK_SLOTS);
        if (order == NULL) break;
        entry_withdraw(order, wall_ns, at(sequencer, sequencer->tail));
        queued(sequencer);
    }
    if (state->walk_slot == slots && state->under_way == 0) {
        state->walk = WALK_NONE;
        sequencer->walks--;
    }
    return true;
}

static bool walk_all(struct sequencer *sequencer, uint64_t wall_ns) {
    bool moved = false;
    if (sequencer->walks == 0) return false;
    for (uint32_t i = 0; i < sequencer->parts.session_count; i++)
        if (sequencer->sessions[i].walk != WALK_NONE && walk(sequencer, (uint16_t)i, wall_ns))
            moved = true;
    return moved;
}

/* ---- Into the journal ---- */

/* Appends a record; waits for a flush when the buffer is full, which a command with thousands of
   fills may do. Returns its sequence or a negative errno. */
static int64_t append(struct sequencer *sequencer, enum journal_kind kind, uint16_t session,
                      const void *data, uint32_t bytes) {
    struct journal *journal = sequencer->parts.journal;
    int64_t sequence = journal_append(journal, kind, session, data, bytes);
    while (sequence == -ENOBUFS) {
        int waited = journal_wait(journal);
        if (waited != 0) return waited;
        sequence = journal_append(journal, kind, session, data, bytes);
    }
    return sequence;
}

static void keep_failure(struct sequencer *sequencer, int64_t code) {
    if (code < 0 && sequencer->failed == 0) sequencer->failed = (int)code;
}

static void append_input(struct sequencer *sequencer, const struct entry_request *request) {
    uint8_t record[sizeof request->header + ENTRY_MESSAGE_BYTES_MAX];
    memcpy(record, &request->header, sizeof request->header);
    memcpy(record + sizeof request->header, request->message, request->bytes);
    keep_failure(sequencer, append(sequencer, JOURNAL_SESSION_INPUT, request->session, record,
                                   (uint32_t)sizeof request->header + request->bytes));
}

static void append_answer(void *context, uint16_t session, const uint8_t *message, size_t bytes) {
    struct sequencer *sequencer = context;
    int64_t record = append(sequencer, JOURNAL_SESSION_OUTPUT, session, message, (uint32_t)bytes);
    keep_failure(sequencer, record);
    if (record < 0) return;
    /* The reserve that sequencer_message keeps is there for this, but an order may be filled by as
       many others as it has shares. */
    struct stream *stream = &sequencer->parts.streams[session];
    bool was_full = stream->full;
    if (stream_append(stream, (uint64_t)record, message, bytes) == 0 || was_full) return;
    log_line("session %u: its messages fill %zu bytes: it is over, its orders are taken off; what "
             "follows is in the journal from record %lld on",
             session, stream->used, (long long)record);
    sequencer_withdraw(sequencer, session);
}

int sequencer_record(struct sequencer *sequencer, uint16_t session, enum entry_action action,
                     const char *text, uint64_t wall_ns) {
    struct entry_request request = { .session = session };
    request.header = (struct entry_header){ .time_ns = wall_ns,
                                            .origin = ENTRY_CLIENT,
                                            .action = (uint8_t)action };
    size_t bytes = strlen(text);
    if (bytes > ENTRY_MESSAGE_BYTES_MAX) bytes = ENTRY_MESSAGE_BYTES_MAX;
    memcpy(request.message, text, bytes);
    request.bytes = (uint16_t)bytes;
    append_input(sequencer, &request);
    return sequencer->failed;
}

/* ---- What comes back ---- */

static void measure(struct sequencer *sequencer, const struct entry_request *request,
                    uint64_t polled_ns) {
    if (request->header.origin != ENTRY_CLIENT || request->header.action != ENTRY_COMMAND) return;
    uint64_t answered_ns = sequencer->parts.clock_ns();
    struct sequencer_times *times = &sequencer->times;
    histogram_add(&times->clocks, sequencer->events[sequencer->event_count - 1].clocks);
    histogram_add(&times->gateway,
                  request->queued_ns - request->read_ns + (answered_ns - polled_ns));
    histogram_add(&times->card, polled_ns - request->queued_ns);
    if (sequencer->sample_tail - sequencer->sample_head == FLUSH_SAMPLES) return;
    sequencer->samples[sequencer->sample_tail++ % FLUSH_SAMPLES] =
        (struct flush_sample){ .record = journal_appended(sequencer->parts.journal),
                               .answered_ns = answered_ns };
}

/* Ends the request at the head, whose events are all there. */
static void complete(struct sequencer *sequencer, uint64_t polled_ns) {
    struct entry_request *request = at(sequencer, sequencer->head);
    struct entry_request follow_up;
    bool asked = request->header.origin == ENTRY_ADMINISTRATION && request->user_ref > 0;
    if (request->header.origin != ENTRY_ADMINISTRATION) append_input(sequencer, request);
    if (asked)
        keep_failure(sequencer,
                     append(sequencer, JOURNAL_NOTE, 0, request->message, request->bytes));
    if (request->header.action == ENTRY_COMMAND) {
        request->command.stamp_ns = sequencer->events[0].stamp_ns;
        keep_failure(sequencer, append(sequencer, JOURNAL_COMMAND, 0, &request->command,
                                       sizeof request->command));
        for (uint32_t i = 0; i < sequencer->event_count; i++)
            keep_failure(sequencer, append(sequencer, JOURNAL_EVENT, 0, &sequencer->events[i],
                                           LIMIT_EVENT_BYTES));
        if (request->header.origin == ENTRY_ADMINISTRATION && !asked &&
            sequencer->events[0].kind == KIND_REJECTED && sequencer->refused.opcode == 0) {
            sequencer->refused = request->command;
            sequencer->refused_reason = sequencer->events[0].reason;
        }
    }
    bool follows = entry_complete(sequencer->parts.entry, request, sequencer->events,
                                  sequencer->event_count, append_answer, sequencer, &follow_up);
    measure(sequencer, request, polled_ns);
    if (asked && sequencer->done != NULL)
        sequencer->done(sequencer->done_context, request->user_ref, sequencer->events,
                        sequencer->event_count, journal_appended(sequencer->parts.journal));
    sequencer->event_count = 0;
    sequencer->sessions[request->session].under_way--;
    sequencer->head++;
    if (follows) CHECK(sequencer_follow_up(sequencer, &follow_up) == 0); /* one place is free */
}

/* The card has closed its gate or said an ALERT without a command: its own one goes into the
   journal as it reads in a replay. */
static void complete_own(struct sequencer *sequencer) {
    const struct command command = abi_own_command(&sequencer->events[0]);
    keep_failure(sequencer, append(sequencer, JOURNAL_COMMAND, 0, &command, sizeof command));
    for (uint32_t i = 0; i < sequencer->event_count; i++)
        keep_failure(sequencer,
                     append(sequencer, JOURNAL_EVENT, 0, &sequencer->events[i], LIMIT_EVENT_BYTES));
    if (command.opcode == OPCODE_ALERT) {
        sequencer->alerts++;
        sequencer->alert = sequencer->events[0];
    } else {
        sequencer->closings++;
    }
    sequencer->event_count = 0;
}

/* Ends requests at the head that need no card. */
static bool complete_waiting(struct sequencer *sequencer) {
    bool moved = false;
    while (sequencer->event_count == 0 && sequencer->head != sequencer->pushed &&
           at(sequencer, sequencer->head)->header.action != ENTRY_COMMAND) {
        complete(sequencer, 0);
        moved = true;
    }
    return moved;
}

/* The card is trusted no further than it can be checked. */
static int take_event(struct sequencer *sequencer, const struct event *event, uint64_t polled_ns) {
    bool first = sequencer->event_count == 0;
    bool own = (event->flags & EVENT_CARD) != 0;
    if (event->number != sequencer->event_numbers + 1)
        return err_set(-EIO, "the card said event %llu behind event %llu; reset it by a restart",
                       (unsigned long long)event->number,
                       (unsigned long long)sequencer->event_numbers);
    if (event->command != sequencer->commands + 1)
        return err_set(-EIO,
                       "the card said command %llu behind command %llu; reset it by a restart",
                       (unsigned long long)event->command, (unsigned long long)sequencer->commands);
    if (first && !own && sequencer->at_card == 0)
        return err_set(-EIO, "the card answered a command that nobody gave; reset it by a restart");
    if (own && event->kind != KIND_STATE && event->kind != KIND_ALERT)
        return err_set(-EIO,
                       "the card says %s of itself, which no card does; reset it by a restart",
                       abi_kind_name(event->kind));
    if (sequencer->event_count == sequencer->events_max)
        return err_set(-EIO, "the card's answer has no end; reset it by a restart");
    sequencer->events[sequencer->event_count++] = *event;
    sequencer->event_numbers++;
    if (sequencer->parts.gates != NULL) gates_event(sequencer->parts.gates, event);
    if ((event->flags & EVENT_END) == 0) return 0;

    sequencer->commands++;
    if (own) {
        complete_own(sequencer);
        return 0;
    }
    sequencer->at_card--;
    complete(sequencer, polled_ns);
    (void)complete_waiting(sequencer);
    return 0;
}

static int poll_card(struct sequencer *sequencer) {
    struct event events[POLL_EVENTS];
    bool moved = false;
    for (int round = 0; round < POLL_ROUNDS; round++) {
        int count = card_poll(sequencer->parts.card, events, POLL_EVENTS);
        if (count < 0) return count;
        if (count == 0) break;
        moved = true;
        uint64_t polled_ns = sequencer->parts.clock_ns();
        for (int i = 0; i < count; i++) {
            int code = take_event(sequencer, &events[i], polled_ns);
            if (code != 0) return code;
        }
        if (sequencer->failed != 0) return sequencer->failed;
    }
    return moved;
}

/* ---- A pass ---- */

static bool push_card(struct sequencer *sequencer) {
    bool moved = false;
    for (; sequencer->pushed != sequencer->tail; sequencer->pushed++) {
        const struct entry_request *request = at(sequencer, sequencer->pushed);
        if (request->header.action == ENTRY_COMMAND) {
            if (card_push(sequencer->parts.card, &request->command) != 0) break;
            sequencer->at_card++;
        }
        moved = true;
    }
    return moved;
}

static void keep_time(struct sequencer *sequencer, uint64_t wall_ns) {
    struct card *card = sequencer->parts.card;
    if (wall_ns >= sequencer->time_set_ns + TIME_STEP_NS) {
        sequencer->time_set_ns = wall_ns;
        card_set_time(card, wall_ns);
    }
    uint64_t now_ns = sequencer->parts.clock_ns();
    if (now_ns >= sequencer->heartbeat_ns) {
        sequencer->heartbeat_ns = now_ns + HEARTBEAT_NS;
        card_heartbeat(card);
    }
}

static int flush(struct sequencer *sequencer) {
    struct journal *journal = sequencer->parts.journal;
    if (journal_appended(journal) != journal_durable(journal)) {
        int committed = journal_commit(journal);
        if (committed != 0) return committed;
    }
    int moved = journal_poll(journal);
    if (moved <= 0) return moved;

    uint64_t durable = journal_durable(journal), now_ns = sequencer->parts.clock_ns();
    for (uint32_t i = 0; i < sequencer->parts.session_count; i++)
        (void)stream_release(&sequencer->parts.streams[i], durable);
    while (sequencer->sample_head != sequencer->sample_tail) {
        const struct flush_sample *sample =
            &sequencer->samples[sequencer->sample_head % FLUSH_SAMPLES];
        if (sample->record > durable) break;
        histogram_add(&sequencer->times.flush, now_ns - sample->answered_ns);
        sequencer->sample_head++;
    }
    return 1;
}

int sequencer_pass(struct sequencer *sequencer, uint64_t wall_ns) {
    if (sequencer->failed != 0) return sequencer->failed;
    keep_time(sequencer, wall_ns);
    bool moved = walk_all(sequencer, wall_ns);
    moved |= push_card(sequencer);
    moved |= complete_waiting(sequencer);
    int polled = poll_card(sequencer);
    int flushed = polled < 0 ? polled : flush(sequencer);
    if (flushed < 0) {
        keep_failure(sequencer, flushed);
        return flushed;
    }
    return moved || polled > 0 || flushed > 0;
}

bool sequencer_idle(const struct sequencer *sequencer) {
    const struct journal *journal = sequencer->parts.journal;
    return sequencer->head == sequencer->tail && sequencer->walks == 0 &&
           journal_appended(journal) == journal_durable(journal);
}

bool sequencer_at_card(const struct sequencer *sequencer) {
    return sequencer->at_card > 0 || sequencer->pushed != sequencer->tail || sequencer->walks > 0;
}

uint64_t sequencer_commands(const struct sequencer *sequencer) { return sequencer->commands; }

uint64_t sequencer_events(const struct sequencer *sequencer) { return sequencer->event_numbers; }

uint64_t sequencer_alerts(const struct sequencer *sequencer, struct event *last) {
    *last = sequencer->alert;
    return sequencer->alerts;
}

uint64_t sequencer_closings(const struct sequencer *sequencer) { return sequencer->closings; }

const struct sequencer_times *sequencer_times(const struct sequencer *sequencer) {
    return &sequencer->times;
}

const struct command *sequencer_refused(const struct sequencer *sequencer, uint8_t *reason) {
    *reason = sequencer->refused_reason;
    return sequencer->refused.opcode != 0 ? &sequencer->refused : NULL;
}
