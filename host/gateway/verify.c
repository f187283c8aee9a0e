#include "host/gateway/verify.h"
#include "host/base/err.h"
#include <errno.h>
#include <inttypes.h>

static int verify_command(struct card *card, const struct journal_record *record) {
    struct command command;
    if (record->bytes != sizeof command) return err_set(-EBADMSG, "it has %u bytes", record->bytes);
    memcpy(&command, record->data, sizeof command);
    int pushed = card_push(card, &command);
    return pushed == 0 ? 0 : err_set(-EPROTO, "the command before it has more events");
}

static int verify_event(struct card *card, const struct journal_record *record) {
    char ours[ABI_TEXT_BYTES], theirs[ABI_TEXT_BYTES];
    struct event said, event = { .number = 0 };
    if (record->bytes != LIMIT_EVENT_BYTES)
        return err_set(-EBADMSG, "it has %u bytes", record->bytes);
    memcpy(&event, record->data, LIMIT_EVENT_BYTES);
    int count = card_poll(card, &said, 1);
    if (count < 0) return count;
    if (count == 0)
        return err_set(-EPROTO, "the engine says nothing where the journal has: %s",
                       abi_event_text(&event, theirs));
    if (abi_event_equal(&said, &event)) return 0;
    return err_set(-EPROTO, "the engine says: %s; the journal has: %s", abi_event_text(&said, ours),
                   abi_event_text(&event, theirs));
}

/* Before the next command, everything the engine said must have been in the journal. */
static int verify_quiet(struct card *card) {
    char text[ABI_TEXT_BYTES];
    struct event said;
    int count = card_poll(card, &said, 1);
    if (count <= 0) return count;
    return err_set(-EPROTO, "before it the engine says what the journal has not: %s",
                   abi_event_text(&said, text));
}

/* Behind the last command, what the engine goes on to say is missing. */
static int count_missing(struct card *card, struct verify_result *result) {
    struct event said;
    int count;
    while ((count = card_poll(card, &said, 1)) > 0) result->events_missing++;
    return count;
}

static int verify_record(struct card *card, const struct journal_record *record,
                         struct verify_result *result) {
    int code = 0;
    switch (record->kind) {
    case JOURNAL_COMMAND:
        code = verify_quiet(card);
        if (code == 0) code = verify_command(card, record);
        result->commands += code == 0;
        return code;
    case JOURNAL_EVENT:
        code = verify_event(card, record);
        result->events += code == 0;
        return code;
    default:
        return 0;
    }
}

int verify_run(const char *directory, struct card *card, struct verify_result *result) {
    struct journal_reader *reader;
    struct journal_record record;
    *result = (struct verify_result){ .commands = 0 };
    int code = journal_verify(directory, &result->journal);
    if (code != 0) return code;
    code = journal_reader_open(directory, &reader);
    if (code != 0) return code;
    while ((code = journal_reader_next(reader, &record)) > 0) {
        code = verify_record(card, &record, result);
        if (code == 0) continue;
        (void)err_wrap(code, "%s: record %" PRIu64 ": ", directory, record.sequence);
        break;
    }
    if (code == 0) code = count_missing(card, result);
    journal_reader_close(reader);
    return code;
}
