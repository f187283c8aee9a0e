#include "host/gateway/recovery.h"
#include "host/base/check.h"
#include "host/base/err.h"
#include "host/gateway/port_request.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define ANSWER_BOUND_NS UINT64_C(10000000000) /* the card's, for one command */

/* An answer that must be recorded next. */
struct answer {
    uint16_t session, bytes;
    size_t at;
};

struct replay {
    const struct recovery_parts *parts;
    struct recovery *recovery;
    bool have_input;
    uint16_t input_session;
    uint32_t input_bytes;
    uint8_t input[sizeof(struct entry_header) + ENTRY_MESSAGE_BYTES_MAX];
    struct entry_request request;
    struct event *events;
    uint32_t event_count, event_next;
    struct answer *answers;
    uint32_t answer_count, answer_next, answers_room;
    uint8_t *bytes; /* of the answers */
    size_t bytes_used, bytes_room;
    int failed; /* growing one of them */
};

/* ---- What must be recorded ---- */

static void *grown(void *at, size_t bytes) { return realloc(at, bytes); }

static void keep_answer(void *context, uint16_t session, const uint8_t *message, size_t bytes) {
    struct replay *replay = context;
    if (replay->answer_count == replay->answers_room) {
        uint32_t room = replay->answers_room == 0 ? 64 : 2 * replay->answers_room;
        void *answers = grown(replay->answers, room * sizeof *replay->answers);
        if (answers == NULL) goto failed;
        replay->answers = answers;
        replay->answers_room = room;
    }
    if (replay->bytes_room - replay->bytes_used < bytes) {
        size_t room = 2 * replay->bytes_room + OUCH_BYTES_MAX;
        void *more = grown(replay->bytes, room);
        if (more == NULL) goto failed;
        replay->bytes = more;
        replay->bytes_room = room;
    }
    memcpy(replay->bytes + replay->bytes_used, message, bytes);
    replay->answers[replay->answer_count++] =
        (struct answer){ .session = session, .bytes = (uint16_t)bytes, .at = replay->bytes_used };
    replay->bytes_used += bytes;
    return;

failed:
    replay->failed = err_set(-ENOMEM, "no memory for the answers of a command");
}

static bool group_ended(const struct replay *replay) {
    return replay->event_next == replay->event_count && replay->answer_next == replay->answer_count;
}

/* ---- Doing it again ---- */

static int carry_out(struct replay *replay, const struct command *command) {
    const struct recovery_parts *parts = replay->parts;
    struct recovery *recovery = replay->recovery;
    uint64_t from_ns = parts->clock_ns();
    int pushed = card_push(parts->card, command);
    CHECK(pushed == 0); /* nothing else is at the card */
    replay->event_count = replay->event_next = 0;
    for (;;) {
        if (replay->event_count == parts->events_max)
            return err_set(-EIO, "the card's answer has no end");
        struct event *event = &replay->events[replay->event_count];
        int count = card_poll(parts->card, event, 1);
        if (count < 0) return count;
        if (count == 0) {
            if (parts->clock_ns() - from_ns > ANSWER_BOUND_NS)
                return err_set(-EIO, "the card does not answer");
            continue;
        }
        replay->event_count++;
        recovery->events++;
        if (parts->gates != NULL) gates_event(parts->gates, event);
        if ((event->flags & EVENT_END) != 0) break;
    }
    recovery->commands++;
    recovery->last_stamp_ns = command->stamp_ns;
    return 0;
}

static int finish(struct replay *replay) {
    struct recovery *recovery = replay->recovery;
    struct entry_request follow_up;
    replay->answer_count = replay->answer_next = 0;
    replay->bytes_used = 0;
    if (entry_complete(replay->parts->entry, &replay->request, replay->events, replay->event_count,
                       keep_answer, replay, &follow_up)) {
        if (recovery->follow_up_count == ENTRY_REQUESTS_MAX)
            return err_set(-EBADMSG, "too many replacements are not followed up");
        recovery->follow_ups[recovery->follow_up_count++] = follow_up;
    }
    return replay->failed;
}

/* A follow-up that was carried out is owed no more. */
static int pay_follow_up(struct recovery *recovery, const struct command *command) {
    if (recovery->follow_up_count == 0 || recovery->follow_ups[0].command.order != command->order ||
        recovery->follow_ups[0].session != command->session)
        return err_set(-EBADMSG, "it follows up no replacement");
    recovery->follow_up_count--;
    memmove(&recovery->follow_ups[0], &recovery->follow_ups[1],
            recovery->follow_up_count * sizeof recovery->follow_ups[0]);
    return 0;
}

static int replay_setup(struct replay *replay, const struct command *command) {
    const struct setup *setup = replay->parts->setup;
    struct recovery *recovery = replay->recovery;
    if (recovery->setup_done == setup->count) { /* an operator's, from the command port */
        if (command->origin == ORIGIN_HOST && port_request_allowed(command->opcode)) return 0;
        return err_set(-EBADMSG, "it is a %s, which no operator can have asked for",
                       abi_opcode_name(command->opcode));
    }
    struct command expected = setup->commands[recovery->setup_done];
    expected.stamp_ns = command->stamp_ns;
    if (memcmp(&expected, command, sizeof expected) != 0)
        return err_set(-EBADMSG, "it is not what the configuration makes command %u of",
                       recovery->setup_done + 1);
    recovery->setup_done++;
    return 0;
}

/* All that a card does by itself is to close its gate and to say how it is. */
static int check_own(const struct command *command) {
    if (abi_own(command)) return 0;
    return err_set(-EBADMSG, "no card gives itself such a command");
}

static int replay_command(struct replay *replay, const struct journal_record *record) {
    struct command command;
    int code = 0;
    if (record->bytes != sizeof command) return err_set(-EBADMSG, "it has %u bytes", record->bytes);
    memcpy(&command, record->data, sizeof command);
    replay->request = (struct entry_request){ .command = command };
    replay->request.header.action = ENTRY_COMMAND;
    replay->request.header.origin = ENTRY_ADMINISTRATION;
    bool have_input = replay->have_input;
    replay->have_input = false;
    /* The card's own command may stand behind an input whose command a crash has cut off. */
    if (have_input && command.origin != ORIGIN_CARD) {
        code = entry_restore(replay->parts->entry, replay->input_session, replay->input,
                             replay->input_bytes, &command, &replay->request);
        if (code == 0 && replay->request.header.origin == ENTRY_FOLLOW_UP)
            code = pay_follow_up(replay->recovery, &command);
    } else if (command.origin == ORIGIN_CARD) {
        code = check_own(&command);
    } else {
        code = replay_setup(replay, &command);
    }
    if (code == 0) code = carry_out(replay, &command);
    return code == 0 ? finish(replay) : code;
}

static int replay_input(struct replay *replay, const struct journal_record *record) {
    if (record->bytes < sizeof(struct entry_header) || record->bytes > sizeof replay->input)
        return err_set(-EBADMSG, "it has %u bytes", record->bytes);
    struct entry_header header;
    memcpy(&header, record->data, sizeof header);
    memcpy(replay->input, record->data, record->bytes);
    replay->input_bytes = record->bytes;
    replay->input_session = record->session;
    replay->have_input = header.action == ENTRY_COMMAND;
    if (replay->have_input) return 0;
    int code = entry_restore(replay->parts->entry, record->session, replay->input, record->bytes,
                             NULL, &replay->request);
    replay->event_count = replay->event_next = 0;
    return code == 0 ? finish(replay) : code;
}

static int check_event(struct replay *replay, const struct journal_record *record) {
    char ours[ABI_TEXT_BYTES], theirs[ABI_TEXT_BYTES];
    struct event event = { .number = 0 };
    if (record->bytes != LIMIT_EVENT_BYTES)
        return err_set(-EBADMSG, "it has %u bytes", record->bytes);
    memcpy(&event, record->data, LIMIT_EVENT_BYTES);
    if (replay->event_next == replay->event_count)
        return err_set(-EPROTO, "the card says nothing where the journal has: %s",
                       abi_event_text(&event, theirs));
    const struct event *said = &replay->events[replay->event_next++];
    if (abi_event_equal(said, &event)) return 0;
    return err_set(-EPROTO, "the card says: %s; the journal has: %s", abi_event_text(said, ours),
                   abi_event_text(&event, theirs));
}

/* A stream that is full has ended there before, too; the sequencer goes on from that. */
static void put_answer(struct replay *replay, const struct answer *answer, uint64_t record) {
    (void)stream_append(&replay->parts->streams[answer->session], record,
                        replay->bytes + answer->at, answer->bytes);
}

static int check_answer(struct replay *replay, const struct journal_record *record) {
    if (replay->answer_next == replay->answer_count)
        return err_set(-EPROTO, "the journal has an answer where none is due");
    const struct answer *answer = &replay->answers[replay->answer_next++];
    if (answer->session != record->session || answer->bytes != record->bytes ||
        memcmp(replay->bytes + answer->at, record->data, record->bytes) != 0)
        return err_set(-EPROTO, "session %u's answer comes out differently", record->session);
    put_answer(replay, answer, record->sequence);
    return 0;
}

static int check_note(struct replay *replay, const struct journal_record *record) {
    const char *identity = replay->parts->identity;
    if (record->sequence != 1) return 0; /* for people */
    replay->recovery->identified = true;
    if (record->bytes == strlen(identity) && memcmp(record->data, identity, record->bytes) == 0)
        return 0;
    return err_set(
        -EINVAL, "the journal was begun with other symbols, firms, accounts or sessions; give that "
                 "configuration back or name a new --journal");
}

static int replay_record(struct replay *replay, const struct journal_record *record) {
    bool within = record->kind == JOURNAL_EVENT || record->kind == JOURNAL_SESSION_OUTPUT;
    if (!within && !group_ended(replay))
        return err_set(-EPROTO, "events or answers of the command before it are missing");
    if (record->sequence == 1 && record->kind != JOURNAL_NOTE)
        return err_set(-EBADMSG, "it is not the note that a market's journal begins with");
    switch (record->kind) {
    case JOURNAL_COMMAND:
        return replay_command(replay, record);
    case JOURNAL_EVENT:
        return check_event(replay, record);
    case JOURNAL_SESSION_INPUT:
        return replay_input(replay, record);
    case JOURNAL_SESSION_OUTPUT:
        return check_answer(replay, record);
    case JOURNAL_NOTE: /* stands in no group: an input before it has lost its command */
        replay->have_input = false;
        return check_note(replay, record);
    default:
        return err_set(-EBADMSG, "its kind, %u, is unknown", record->kind);
    }
}

/* What the crash cut off the last group. */
static int append_rest(struct replay *replay) {
    struct journal *journal = replay->parts->journal;
    while (replay->event_next < replay->event_count) {
        int64_t appended = journal_append(journal, JOURNAL_EVENT, 0,
                                          &replay->events[replay->event_next], LIMIT_EVENT_BYTES);
        if (appended == -ENOBUFS)
            appended = journal_wait(journal);
        else if (appended > 0)
            replay->event_next++;
        if (appended < 0) return (int)appended;
    }
    while (replay->answer_next < replay->answer_count) {
        const struct answer *answer = &replay->answers[replay->answer_next];
        int64_t appended = journal_append(journal, JOURNAL_SESSION_OUTPUT, answer->session,
                                          replay->bytes + answer->at, answer->bytes);
        if (appended == -ENOBUFS) {
            appended = journal_wait(journal);
        } else if (appended > 0) {
            put_answer(replay, answer, (uint64_t)appended);
            replay->answer_next++;
        }
        if (appended < 0) return (int)appended;
    }
    return journal_wait(journal);
}

int recovery_run(const struct recovery_parts *parts, struct recovery *recovery) {
    struct journal_reader *reader;
    struct journal_record record;
    struct replay replay = { .parts = parts, .recovery = recovery };
    *recovery = (struct recovery){ .commands = 0 };
    replay.events = calloc(parts->events_max, sizeof *replay.events);
    if (replay.events == NULL) return err_set(-ENOMEM, "no memory to replay the journal");
    int code = journal_reader_open(parts->directory, &reader);
    if (code != 0) goto no_reader;
    while ((code = journal_reader_next(reader, &record)) > 0) {
        code = replay_record(&replay, &record);
        if (code == 0) continue;
        (void)err_wrap(code, "%s: record %" PRIu64 ": ", parts->directory, record.sequence);
        break;
    }
    if (code == 0) code = append_rest(&replay);
    if (code == 0)
        for (uint32_t i = 0; i < parts->session_count; i++)
            (void)stream_release(&parts->streams[i], journal_durable(parts->journal));
    if (code == 0) entry_settle(parts->entry);
    journal_reader_close(reader);
no_reader:
    free(replay.events);
    free(replay.answers);
    free(replay.bytes);
    return code;
}

static const char identity_format[] =
    "wirepit market journal 1, configuration %016" PRIx64 ", session ";

void recovery_identity(uint64_t config_digest, const char *session, char *text) {
    char head[RECOVERY_IDENTITY_BYTES];
    CHECK(strlen(session) <= RECOVERY_SESSION_BYTES);
    (void)snprintf(head, sizeof head, identity_format, config_digest);
    (void)snprintf(text, RECOVERY_IDENTITY_BYTES, "%s%s", head, session);
}

int recovery_session(const char *directory, char session[RECOVERY_SESSION_BYTES + 1]) {
    struct journal_reader *reader;
    struct journal_record record;
    char head[RECOVERY_IDENTITY_BYTES];
    int code = journal_reader_open(directory, &reader);
    if (code != 0) return code;
    int found = journal_reader_next(reader, &record);
    if (found == 1) {
        size_t bytes = (size_t)snprintf(head, sizeof head, identity_format, (uint64_t)0);
        if (record.kind != JOURNAL_NOTE || record.bytes <= bytes ||
            record.bytes > bytes + RECOVERY_SESSION_BYTES) {
            found = err_set(-EBADMSG,
                            "%s: record 1 is not the note that a market's journal begins with",
                            directory);
        } else {
            memcpy(session, record.data + bytes, record.bytes - bytes);
            session[record.bytes - bytes] = 0;
        }
    }
    journal_reader_close(reader);
    return found;
}
