#include "sim/lockstep.h"
#include "host/base/check.h"
#include "host/base/err.h"
#include "host/engine/engine.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* A command as it was pushed or, if the card asked it itself, as it must have been. */
struct kept {
    struct command command;
    uint64_t number; /* as the events call it; 0 until its first event */
    bool pushed_in_replay;
};

struct lockstep {
    struct card card;
    struct card *inner;
    struct engine *engine;
    struct lockstep_options options;
    struct lockstep_counts counts;

    /* Pushed and not yet answered are kept[answered] to kept[pushed - 1], modulo LOCKSTEP_KEPT;
       those before are kept until they are overwritten, for the list. */
    struct kept *kept;
    uint64_t pushed, answered;

    /* The command whose events are arriving: asked says what it is, expected what it says. */
    struct kept asked;
    struct event *expected;
    uint32_t expected_max, expected_count, expected_next;

    /* The last ones answered, in the order of the card; with the card's own among them. */
    struct kept *carried;
    uint64_t carried_count;

    bool live;
    int stopped; /* negative errno after which nothing works until reset, or 0 */
};

static struct lockstep *lockstep_of(struct card *card) { return (struct lockstep *)(void *)card; }

static void keep_expected(void *context, const struct event *event) {
    struct lockstep *lockstep = context;
    CHECK(lockstep->expected_count < lockstep->expected_max);
    lockstep->expected[lockstep->expected_count++] = *event;
}

static void bytes_text(FILE *file, const void *record, size_t bytes) {
    const uint8_t *at = record;
    for (size_t i = 0; i < bytes; i++)
        fprintf(file, "%s%02x", i == 0 ? "    " : i % 16 == 0 ? "\n    " : " ", at[i]);
    fputc('\n', file);
}

static void event_text(FILE *file, const char *whose, const struct event *event) {
    char text[ABI_TEXT_BYTES];
    if (event == NULL) {
        fprintf(file, "%s: no event\n", whose);
        return;
    }
    fprintf(file, "%s: %s\n", whose, abi_event_text(event, text));
    bytes_text(file, event, LIMIT_EVENT_BYTES);
}

static int directory_make(const char *path) {
    char part[4096];
    for (const char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
        size_t length = slash != NULL ? (size_t)(slash - path) : strlen(path);
        if (length >= sizeof part) return -ENAMETOOLONG;
        memcpy(part, path, length);
        part[length] = 0;
        if (mkdir(part, 0777) != 0 && errno != EEXIST) return -errno;
        if (slash == NULL) return 0;
    }
}

static FILE *file_create(const char *directory, const char *name) {
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/%s", directory, name);
    if (length < 0 || (size_t)length >= sizeof path) return NULL;
    return fopen(path, "w");
}

static int difference_write(const struct lockstep *lockstep, const char *directory, const char *why,
                            const struct event *theirs, const struct event *ours) {
    char text[ABI_TEXT_BYTES];
    FILE *file = file_create(directory, "difference.txt");
    if (file == NULL) return -errno;
    fprintf(file, "card %s and the reference engine differ: %s\n", lockstep->inner->name, why);
    fprintf(file, "equal before it: %" PRIu64 " commands, %" PRIu64 " events\n\n",
            lockstep->counts.commands, lockstep->counts.events);
    if (lockstep->asked.number != 0) {
        fprintf(file, "command %" PRIu64 ": %s\n", lockstep->asked.number,
                abi_command_text(&lockstep->asked.command, text));
        bytes_text(file, &lockstep->asked.command, sizeof lockstep->asked.command);
    } else {
        fprintf(file, "no command\n");
    }
    event_text(file, "card says", theirs);
    event_text(file, "engine says", ours);
    if (theirs != NULL && ours != NULL) {
        const uint8_t *a = (const uint8_t *)theirs, *b = (const uint8_t *)ours;
        fprintf(file, "bytes that differ:");
        for (unsigned i = 0; i < LIMIT_EVENT_BYTES; i++)
            if (a[i] != b[i]) fprintf(file, " %u", i);
        fputc('\n', file);
    }
    return fclose(file) == 0 ? 0 : -errno;
}

static int commands_write(const struct lockstep *lockstep, const char *directory) {
    char text[ABI_TEXT_BYTES];
    FILE *file = file_create(directory, "commands.txt");
    if (file == NULL) return -errno;
    uint64_t end = lockstep->carried_count;
    uint64_t first = end > LOCKSTEP_KEPT ? end - LOCKSTEP_KEPT : 0;
    fprintf(file,
            "the commands since reset, the last one differs; the first %" PRIu64 " are left out\n",
            first);
    for (uint64_t i = first; i < end; i++) {
        const struct kept *kept = &lockstep->carried[i % LOCKSTEP_KEPT];
        fprintf(file, "%" PRIu64 " %s\n", kept->number, abi_command_text(&kept->command, text));
    }
    fprintf(file, "pushed, without an event yet:\n");
    for (uint64_t i = lockstep->answered; i < lockstep->pushed; i++)
        fprintf(file, "- %s\n", abi_command_text(&lockstep->kept[i % LOCKSTEP_KEPT].command, text));
    return fclose(file) == 0 ? 0 : -errno;
}

static const char *directory_of(const struct lockstep *lockstep) {
    return lockstep->options.directory != NULL ? lockstep->options.directory : "build/lockstep";
}

static const char *more_of(const struct lockstep *lockstep) {
    if (lockstep->options.on_difference == NULL) return "nothing else is known";
    return lockstep->options.on_difference(lockstep->options.context, directory_of(lockstep));
}

/* stopped adds to what the card's own error says which commands led to it. */
static int stopped(struct lockstep *lockstep, int code) {
    char why[1024];
    const char *directory = directory_of(lockstep);
    snprintf(why, sizeof why, "%s", err_text());
    lockstep->stopped = code;
    int error = directory_make(directory);
    if (error == 0) error = commands_write(lockstep, directory);
    if (error != 0)
        return err_set(code, "%s; its commands could not be written to %s: %s; %s", why, directory,
                       strerror(-error), more_of(lockstep));
    return err_set(code, "%s; its commands are in %s/commands.txt; %s", why, directory,
                   more_of(lockstep));
}

/* differ writes down the first difference and says so. The card is dead from here on. */
static int differ(struct lockstep *lockstep, const char *why, const struct event *theirs,
                  const struct event *ours) {
    const char *directory = directory_of(lockstep);
    lockstep->stopped = -EPROTO;
    lockstep->counts.differences = 1;
    int error = directory_make(directory);
    if (error == 0) error = difference_write(lockstep, directory, why, theirs, ours);
    if (error == 0) error = commands_write(lockstep, directory);
    const char *more = more_of(lockstep);
    if (error != 0)
        return err_set(-EPROTO,
                       "lock-step: event %" PRIu64 " of card %s: %s; it could not be written to "
                       "%s: %s; %s",
                       theirs->number, lockstep->inner->name, why, directory, strerror(-error),
                       more);
    return err_set(-EPROTO,
                   "lock-step: event %" PRIu64 " of card %s: %s; both records are in "
                   "%s/difference.txt, the commands in %s/commands.txt; %s",
                   theirs->number, lockstep->inner->name, why, directory, directory, more);
}

/* command_next finds the command that an event begins. The card's own is told by EVENT_CARD; only
   a recorded one that was pushed in REPLAY mode says the same. */
static bool command_next(struct lockstep *lockstep, const struct event *event, bool *trusted) {
    const bool waits = lockstep->answered != lockstep->pushed;
    const bool by_card = event->flags & EVENT_CARD;
    const struct kept *head = &lockstep->kept[lockstep->answered % LOCKSTEP_KEPT];
    const bool recorded = waits && head->command.origin == ORIGIN_CARD && head->pushed_in_replay;
    if (by_card && lockstep->live && !recorded) {
        lockstep->asked = (struct kept){ .command = abi_own_command(event) };
        *trusted = true;
        return true;
    }
    if (!waits) return false;
    lockstep->asked = *head;
    lockstep->answered++;
    if (lockstep->live) lockstep->asked.command.stamp_ns = event->stamp_ns;
    /* What was pushed just before the card went live may have been taken before or behind it. */
    *trusted = !lockstep->live || (recorded && by_card);
    return true;
}

/* compare takes one event of the card; 0, or -EPROTO when the engine says otherwise. */
static int compare(struct lockstep *lockstep, const struct event *event) {
    if (lockstep->expected_next == lockstep->expected_count) {
        bool trusted;
        lockstep->expected_next = lockstep->expected_count = 0;
        if (!command_next(lockstep, event, &trusted)) {
            lockstep->asked = (struct kept){ .number = 0 };
            return differ(lockstep, "an event without a command", event, NULL);
        }
        engine_apply(lockstep->engine, &lockstep->asked.command, trusted, keep_expected, lockstep);
        CHECK(lockstep->expected_count > 0);
        lockstep->asked.number = lockstep->expected[0].command;
        lockstep->carried[lockstep->carried_count++ % LOCKSTEP_KEPT] = lockstep->asked;
    }
    const struct event *ours = &lockstep->expected[lockstep->expected_next];
    if (!abi_event_equal(event, ours)) return differ(lockstep, "the events differ", event, ours);
    lockstep->expected_next++;
    lockstep->counts.events++;
    if (lockstep->expected_next == lockstep->expected_count) lockstep->counts.commands++;
    return 0;
}

static int stopped_before(const struct lockstep *lockstep) {
    return err_set(lockstep->stopped,
                   "lock-step: card %s was stopped by an earlier error; reset it and replay",
                   lockstep->inner->name);
}

static int lockstep_push(struct card *card, const struct command *command) {
    struct lockstep *lockstep = lockstep_of(card);
    if (lockstep->stopped != 0) return stopped_before(lockstep);
    if (lockstep->pushed - lockstep->answered == LOCKSTEP_KEPT) return -EAGAIN;
    int error = card_push(lockstep->inner, command);
    if (error == -EAGAIN) return error;
    if (error != 0) return stopped(lockstep, error);
    lockstep->kept[lockstep->pushed++ % LOCKSTEP_KEPT] =
        (struct kept){ .command = *command, .pushed_in_replay = !lockstep->live };
    return 0;
}

static int lockstep_poll(struct card *card, struct event *events, uint32_t events_max) {
    struct lockstep *lockstep = lockstep_of(card);
    if (lockstep->stopped != 0) return stopped_before(lockstep);
    int count = card_poll(lockstep->inner, events, events_max);
    if (count < 0) return stopped(lockstep, count);
    for (int i = 0; i < count; i++) {
        int error = compare(lockstep, &events[i]);
        if (error != 0) return error;
    }
    return count;
}

static uint32_t lockstep_read(struct card *card, uint32_t reg) {
    return card_read(lockstep_of(card)->inner, reg);
}

static void lockstep_write(struct card *card, uint32_t reg, uint32_t value) {
    struct lockstep *lockstep = lockstep_of(card);
    if (reg == REG_CONTROL && value & CONTROL_RESET) {
        engine_reset(lockstep->engine);
        lockstep->pushed = lockstep->answered = lockstep->carried_count = 0;
        lockstep->expected_count = lockstep->expected_next = 0;
        lockstep->live = false;
        lockstep->stopped = 0;
    } else if (reg == REG_CONTROL && value & CONTROL_GO_LIVE) {
        lockstep->live = true;
    }
    card_write(lockstep->inner, reg, value);
}

static void lockstep_free(struct lockstep *lockstep) {
    if (lockstep->engine != NULL) engine_delete(lockstep->engine);
    free(lockstep->expected);
    free(lockstep->carried);
    free(lockstep->kept);
    free(lockstep);
}

static void lockstep_close(struct card *card) {
    struct lockstep *lockstep = lockstep_of(card);
    card_close(lockstep->inner);
    lockstep_free(lockstep);
}

static const struct card_operations operations = {
    .push = lockstep_push,
    .poll = lockstep_poll,
    .read = lockstep_read,
    .write = lockstep_write,
    .close = lockstep_close,
};

int lockstep_open(struct card *inner, const struct lockstep_options *options, struct card **card) {
    struct lockstep *lockstep = calloc(1, sizeof *lockstep);
    if (lockstep == NULL) return err_set(-ENOMEM, "lock-step: no memory");
    lockstep->card =
        (struct card){ .operations = &operations, .size = inner->size, .name = inner->name };
    lockstep->inner = inner;
    lockstep->options = *options;
    lockstep->expected_max = engine_events_max(&inner->size);
    lockstep->expected = calloc(lockstep->expected_max, sizeof *lockstep->expected);
    lockstep->kept = calloc(LOCKSTEP_KEPT, sizeof *lockstep->kept);
    lockstep->carried = calloc(LOCKSTEP_KEPT, sizeof *lockstep->carried);
    lockstep->engine = engine_new(&inner->size);
    if (lockstep->expected == NULL || lockstep->kept == NULL || lockstep->carried == NULL ||
        lockstep->engine == NULL) {
        lockstep_free(lockstep);
        return err_set(-ENOMEM, "lock-step: no memory for %u orders", inner->size.orders);
    }
    *card = &lockstep->card;
    return 0;
}

struct card *lockstep_inner(const struct card *card) {
    if (card->operations != &operations) return NULL;
    return ((const struct lockstep *)(const void *)card)->inner;
}

struct lockstep_counts lockstep_counts(const struct card *card) {
    CHECK(card->operations == &operations);
    return ((const struct lockstep *)(const void *)card)->counts;
}
