#include "host/office/office.h"
#include "host/base/check.h"
#include "host/base/err.h"
#include "host/base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct office {
    struct office_options options;
    struct names *names;
    struct inputs *inputs;
    struct store *store;
    struct fold *fold;
    struct journal_reader *reader;
    uint32_t inputs_done;
    uint64_t activity;
    uint64_t alarms_said;
    int directory; /* of the market journal */
    int file;      /* the last one of it that was flushed, or -1 */
    uint32_t file_number;
    int failed;
};

/* ---- Both journals, in one order ---- */

/* Takes the inputs that belong behind the record that was folded last, at most up to one. */
static int take_inputs(struct office *office, struct fold *fold, uint32_t *done, uint64_t last) {
    while (*done < inputs_count(office->inputs)) {
        const struct fold_input *input = inputs_at(office->inputs, *done);
        if (input->sequence > last || input->record > (uint64_t)fold_progress(fold)->record)
            return 0;
        int code = fold_input(fold, input);
        if (code != 0) return code;
        ++*done;
    }
    return 0;
}

/* Folds up to a position in both journals. */
static int fold_until(struct office *office, struct fold *fold, struct journal_reader *reader,
                      const struct store_progress *until, uint32_t *done) {
    struct journal_record record;
    for (;;) {
        int code = take_inputs(office, fold, done, (uint64_t)until->input);
        if (code != 0) return code;
        if (fold_progress(fold)->record == until->record) break;
        code = journal_reader_next(reader, &record);
        if (code < 0) return code;
        if (code == 0)
            return err_set(-EBADMSG,
                           "%s ends with record %" PRId64 ", the store %s is made of %" PRId64
                           "; the journal has lost its end, or belongs to another store",
                           office->options.journal, fold_progress(fold)->record,
                           office->options.store, until->record);
        code = fold_record(fold, &record);
        if (code != 0) return code;
    }
    if (fold_progress(fold)->input == until->input) return 0;
    return err_set(-EBADMSG,
                   "%s ends with input %" PRId64 ", the store %s is made of %" PRId64
                   "; the office's journal belongs to another store",
                   office->options.inputs, fold_progress(fold)->input, office->options.store,
                   until->input);
}

/* ---- Start ---- */

static int resume(struct office *office) {
    struct store_progress until = { .id = 1 };
    int found = store_get(office->store, STORE_progress, 1, &until);
    if (found < 0) return found;
    if (found == 0) {
        fold_attach(office->fold, office->store);
        return 0;
    }
    int code = fold_until(office, office->fold, office->reader, &until, &office->inputs_done);
    if (code == 0 && memcmp(&until, fold_progress(office->fold), sizeof until) != 0)
        code = err_set(-EBADMSG,
                       "%s: its position is not what the journals say; remove it and start again: "
                       "it is made anew",
                       office->options.store);
    if (code == 0) code = fold_compare(office->fold, office->store);
    if (code == 0) fold_attach(office->fold, office->store);
    return code;
}

/* The fees of the options become an input, unless they hold already. */
static int set_fees(struct office *office) {
    const struct office_options *options = &office->options;
    const struct fold_input *last = NULL;
    int64_t maker_e4 = 0, taker_e4 = 0;
    for (uint32_t i = 0; i < inputs_count(office->inputs); i++) {
        last = inputs_at(office->inputs, i);
        if (last->kind != FOLD_INPUT_FEES) continue;
        maker_e4 = last->maker_e4;
        taker_e4 = last->taker_e4;
    }
    if (maker_e4 == options->maker_e4 && taker_e4 == options->taker_e4) return 0;
    /* Behind all that was asked before, which may be further than the store has come. */
    uint64_t record = (uint64_t)fold_progress(office->fold)->record;
    if (last != NULL && last->record > record) record = last->record;
    return inputs_fees(office->inputs, record, (uint64_t)fold_progress(office->fold)->time_ns,
                       options->maker_e4, options->taker_e4);
}

int office_open(const struct office_options *options, struct office **opened) {
    struct office *office = calloc(1, sizeof *office);
    if (office == NULL) return err_set(-ENOMEM, "no memory for the office");
    office->options = *options;
    office->file = -1;
    office->directory = open(options->journal, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int code = office->directory >= 0
                   ? 0
                   : err_set(-errno, "%s: %s; --journal names the gateway's journal, a directory",
                             options->journal, strerror(errno));
    if (code == 0) code = names_load(options->config, &office->names);
    if (code == 0) code = inputs_open(options->inputs, &office->inputs);
    if (code == 0) code = store_open(options->store, &office->store);
    if (code == 0) code = fold_open(&options->fold, &office->fold);
    if (code == 0) code = journal_reader_open(options->journal, &office->reader);
    if (code == 0) code = resume(office);
    if (code == 0) code = set_fees(office);
    if (code == 0) office->alarms_said = fold_counts(office->fold).alarms;
    if (code != 0) {
        office_close(office);
        return code;
    }
    *opened = office;
    return 0;
}

void office_close(struct office *office) {
    if (office == NULL) return;
    journal_reader_close(office->reader);
    fold_close(office->fold);
    store_close(office->store);
    inputs_close(office->inputs);
    names_free(office->names);
    if (office->file >= 0) (void)close(office->file);
    if (office->directory >= 0) (void)close(office->directory);
    free(office);
}

/* ---- Tail ---- */

/* A reader sees a block before its flush has ended. What it has read is flushed here, so that the
   books can never know of more than the journal has after the machine has died. */
static int flush_market(struct office *office) {
    char name[32];
    for (;;) {
        if (office->file >= 0 && fdatasync(office->file) != 0)
            return err_set(-errno, "%s: flush: %s", office->options.journal, strerror(errno));
        (void)snprintf(name, sizeof name, "market-%06" PRIu32 ".wpj", office->file_number + 1);
        int next = openat(office->directory, name, O_RDONLY | O_CLOEXEC);
        if (next < 0 && errno == ENOENT) return 0;
        if (next < 0)
            return err_set(-errno, "%s/%s: %s", office->options.journal, name, strerror(errno));
        if (office->file >= 0) (void)close(office->file);
        office->file = next;
        office->file_number++;
    }
}

/* Folds up to a batch; the number of records and inputs is in *count. */
static int fold_batch(struct office *office, uint32_t *count) {
    struct journal_record record;
    while (*count < office->options.batch) {
        uint32_t before = office->inputs_done;
        int code = take_inputs(office, office->fold, &office->inputs_done, UINT64_MAX);
        *count += office->inputs_done - before;
        if (code != 0) return code;
        code = journal_reader_next(office->reader, &record);
        if (code <= 0) return code;
        code = fold_record(office->fold, &record);
        if (code != 0) return code;
        if (record.kind == JOURNAL_EVENT && record.data[offsetof(struct event, kind)] != KIND_ROW)
            office->activity++;
        ++*count;
    }
    return 0;
}

static int step(struct office *office, uint32_t *count) {
    int code = store_begin(office->store);
    if (code == 0) code = fold_batch(office, count);
    if (code == 0 && *count == 0) {
        store_abandon(office->store);
        return 0;
    }
    if (code == 0) code = fold_flush(office->fold);
    if (code == 0) code = flush_market(office);
    if (code == 0) code = store_commit(office->store, fold_progress(office->fold));
    if (code != 0) store_abandon(office->store);
    return code;
}

/* Alarms that are in the store are said, once. */
static int say_alarms(struct office *office) {
    struct store_alarm alarm;
    int found = 0;
    while (office->alarms_said < fold_counts(office->fold).alarms) {
        found = store_get(office->store, STORE_alarm, (int64_t)++office->alarms_said, &alarm);
        if (found < 0) return found;
        if (found == 1)
            log_line("alarm %" PRId64 ": record %" PRId64 ": %s", alarm.number, alarm.record,
                     alarm.text);
    }
    return 0;
}

int office_step(struct office *office) {
    uint32_t count = 0;
    if (office->failed != 0) return office->failed;
    office->failed = step(office, &count);
    if (office->failed == 0) office->failed = say_alarms(office);
    return office->failed != 0 ? office->failed : count > 0;
}

uint64_t office_activity(const struct office *office) { return office->activity; }

int office_request(struct office *office, uint64_t time_ns, const char *text) {
    if (office->failed != 0) return err_set(office->failed, "the books have stopped");
    return inputs_request(office->inputs, (uint64_t)fold_progress(office->fold)->record, time_ns,
                          text);
}

/* ---- Proof ---- */

static int compare_tables(struct office *office, struct store *again, struct office_proof *proof) {
    uint8_t ours[STORE_DIGEST_BYTES], theirs[STORE_DIGEST_BYTES];
    for (int table = 0; table < STORE_TABLES; table++) {
        int code = store_digest(office->store, (enum store_table)table, ours);
        if (code == 0) code = store_digest(again, (enum store_table)table, theirs);
        if (code != 0) return code;
        if (memcmp(ours, theirs, sizeof ours) == 0) continue;
        proof->projections_equal = false;
        (void)snprintf(proof->text, sizeof proof->text,
                       "%s: the table %s is not what the journals say; remove the store and start "
                       "again: it is made anew",
                       office->options.store, store_table_name((enum store_table)table));
        return 0;
    }
    return 0;
}

static int fold_again(struct office *office, struct office_proof *proof) {
    struct fold *fold = NULL;
    struct store *store = NULL;
    struct journal_reader *reader = NULL;
    uint32_t done = 0;
    int code = fold_open(&office->options.fold, &fold);
    if (code == 0) code = store_open(":memory:", &store);
    if (code == 0) code = journal_reader_open(office->options.journal, &reader);
    if (code == 0) code = store_begin(store);
    if (code == 0) {
        fold_attach(fold, store);
        code = fold_until(office, fold, reader, fold_progress(office->fold), &done);
    }
    if (code == 0) code = fold_flush(fold);
    if (code == 0) code = store_commit(store, fold_progress(fold));
    if (code == 0) code = compare_tables(office, store, proof);
    journal_reader_close(reader);
    fold_close(fold);
    store_close(store);
    return code;
}

int office_prove(struct office *office, bool again, struct office_proof *proof) {
    const struct store_progress *progress = fold_progress(office->fold);
    *proof = (struct office_proof){ .projections_equal = true,
                                    .card_agrees = progress->differences == 0 };
    ledger_digest(fold_ledger(office->fold), proof->digest);
    if (!proof->card_agrees)
        (void)snprintf(proof->text, sizeof proof->text,
                       "%" PRId64
                       " fields that the card said differ from the books; see the alarms",
                       progress->differences);
    int code = fold_verify(office->fold);
    proof->ledger_verified = code == 0;
    if (code == 0) code = fold_compare(office->fold, office->store);
    if (code != 0) {
        if (code != -EBADMSG) return code;
        proof->projections_equal = false;
        (void)snprintf(proof->text, sizeof proof->text, "%s", err_text());
        return 0;
    }
    return again ? fold_again(office, proof) : 0;
}

struct fold *office_fold(struct office *office) {
    return office->fold;
}
struct store *office_store(struct office *office) {
    return office->store;
}
const struct names *office_names(const struct office *office) { return office->names; }
const struct office_options *office_settings(const struct office *office) {
    return &office->options;
}
