/* records: the market journal, read without anybody's help: verified, or its end shown. */
#include "host/base/err.h"
#include "host/cli/cli.h"
#include "host/journal/journal.h"
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { TAIL_DEFAULT = 20, TAIL_MAX = 10000, LINE_BYTES = 640 };

static const char *const kinds[JOURNAL_KINDS] = {
    "", "command", "event", "input", "output", "note"
};

/* ---- Verify ---- */

static json_t *report_json(const char *directory, const struct journal_report *report, bool good,
                           const char *hash) {
    json_t *records = json_object();
    for (int kind = 1; kind < JOURNAL_KINDS; kind++)
        (void)json_object_set_new(records, kinds[kind],
                                  json_integer((json_int_t)report->records[kind]));
    json_t *answer =
        json_pack("{s:b, s:s, s:I, s:I, s:I, s:I, s:i, s:o, s:s}", "verified", (int)good,
                  "directory", directory, "records_total", (json_int_t)report->records_total,
                  "blocks", (json_int_t)report->blocks, "bytes", (json_int_t)report->bytes,
                  "torn_bytes", (json_int_t)report->torn_bytes, "files", (int)report->files,
                  "records", records, "last_hash", hash);
    if (!good) (void)json_object_set_new(answer, "error", json_string(err_text()));
    return answer;
}

static void print_report(const struct cli *cli, const struct journal_report *report,
                         const char *hash) {
    char text[TEXT_BYTES];
    (void)fprintf(cli->out, "%s%s: whole%s, every checksum, hash and link is right\n",
                  text_paint(TABLE_GREEN, cli->color), cli->journal_path,
                  text_paint(TABLE_PLAIN, cli->color));
    (void)fprintf(cli->out, "  %s records", text_count((int64_t)report->records_total, text));
    (void)fprintf(cli->out, " in %s blocks", text_count((int64_t)report->blocks, text));
    (void)fprintf(cli->out, ", %u file%s, %s bytes\n", report->files, report->files == 1 ? "" : "s",
                  text_count((int64_t)report->bytes, text));
    for (int kind = 1; kind < JOURNAL_KINDS; kind++)
        (void)fprintf(cli->out, "  %-8s %14s\n", kinds[kind],
                      text_count((int64_t)report->records[kind], text));
    (void)fprintf(cli->out, "  last hash %s\n", hash);
    if (report->torn_bytes > 0)
        (void)fprintf(cli->out,
                      "  %s bytes behind the last whole block: being written, or left by a crash; "
                      "the next start cuts them\n",
                      text_count((int64_t)report->torn_bytes, text));
}

static enum cli_exit verify(struct cli *cli) {
    struct journal_report report;
    char hash[2 * JOURNAL_HASH_BYTES + 1];
    int code = journal_verify(cli->journal_path, &report);
    for (size_t i = 0; i < JOURNAL_HASH_BYTES; i++)
        (void)snprintf(hash + 2 * i, 3, "%02x", report.last_hash[i]);
    if (cli->json)
        (void)cli_print_json(cli, report_json(cli->journal_path, &report, code == 0, hash));
    else if (code == 0)
        print_report(cli, &report, hash);
    else
        (void)cli_fail(code);
    return code == 0 ? CLI_DONE : CLI_REFUSED;
}

/* ---- Tail ---- */

/* What a record says, on one line. Control characters become dots: notes come from outside. */
static void describe(const struct journal_record *record, char line[LINE_BYTES]) {
    struct command command;
    struct event event = { .number = 0 };
    char text[ABI_TEXT_BYTES];
    switch (record->kind) {
    case JOURNAL_COMMAND:
        if (record->bytes != sizeof command) break;
        memcpy(&command, record->data, sizeof command);
        (void)snprintf(line, LINE_BYTES, "%s", abi_command_text(&command, text));
        return;
    case JOURNAL_EVENT:
        if (record->bytes != LIMIT_EVENT_BYTES) break;
        memcpy(&event, record->data, LIMIT_EVENT_BYTES);
        (void)snprintf(line, LINE_BYTES, "%s", abi_event_text(&event, text));
        return;
    case JOURNAL_NOTE:
        (void)snprintf(line, LINE_BYTES, "%.*s", (int)record->bytes, (const char *)record->data);
        for (char *at = line; *at != 0; at++)
            if (!isprint((unsigned char)*at)) *at = '.';
        return;
    default:
        break;
    }
    (void)snprintf(line, LINE_BYTES, "session %u, %u bytes", record->session, record->bytes);
}

static void print_record(struct cli *cli, const struct journal_record *record) {
    static const enum table_color paints[JOURNAL_KINDS] = { [JOURNAL_COMMAND] = TABLE_BOLD,
                                                            [JOURNAL_SESSION_INPUT] = TABLE_DIM,
                                                            [JOURNAL_SESSION_OUTPUT] = TABLE_DIM,
                                                            [JOURNAL_NOTE] = TABLE_YELLOW };
    char line[LINE_BYTES];
    unsigned kind = record->kind < JOURNAL_KINDS ? record->kind : 0;
    describe(record, line);
    if (cli->json) {
        json_t *json =
            json_pack("{s:I, s:I, s:s, s:i, s:i, s:s}", "record", (json_int_t)record->sequence,
                      "block", (json_int_t)record->block, "kind", kinds[kind], "session",
                      (int)record->session, "bytes", (int)record->bytes, "text", line);
        (void)json_dumpf(json, cli->out, JSON_COMPACT);
        (void)fputc('\n', cli->out);
        json_decref(json);
        return;
    }
    uint32_t fixed = 18; /* number and kind */
    int most = cli->width > fixed + 10 ? (int)(cli->width - fixed) : LINE_BYTES;
    const char *end = paints[kind] == TABLE_PLAIN ? "" : text_paint(TABLE_PLAIN, cli->color);
    const char *begin = paints[kind] == TABLE_PLAIN ? "" : text_paint(paints[kind], cli->color);
    (void)fprintf(cli->out, "%9" PRIu64 " %-7s %s%.*s%s\n", record->sequence, kinds[kind], begin,
                  most, line, end);
}

/* The last records are known only at the end, so the number of records is counted first. */
static int count_records(const char *directory, uint64_t *count) {
    struct journal_reader *reader;
    struct journal_record record;
    *count = 0;
    int code = journal_reader_open(directory, &reader);
    if (code != 0) return code;
    while ((code = journal_reader_next(reader, &record)) > 0) *count = record.sequence;
    journal_reader_close(reader);
    return code;
}

static enum cli_exit tail(struct cli *cli) {
    enum { PAUSE_MS = 200 };
    struct pollfd reader_gone = { .fd = fileno(cli->out) }; /* told without being asked for */
    struct journal_reader *reader;
    struct journal_record record;
    uint64_t count, shown = cli->limit != 0 ? cli->limit : TAIL_DEFAULT;
    int code = count_records(cli->journal_path, &count);
    if (code == 0) code = journal_reader_open(cli->journal_path, &reader);
    if (code != 0) {
        (void)cli_fail(code);
        return CLI_REFUSED;
    }
    while (code >= 0) {
        while ((code = journal_reader_next(reader, &record)) > 0)
            if (record.sequence + shown > count) print_record(cli, &record);
        bool failed = fflush(cli->out) != 0 || ferror(cli->out);
        if (!cli->follow || code < 0 || failed || poll(&reader_gone, 1, PAUSE_MS) > 0) break;
    }
    journal_reader_close(reader);
    if (code == 0) return CLI_DONE;
    (void)cli_fail(code);
    return CLI_REFUSED;
}

enum cli_exit cli_journal(struct cli *cli, int count, char **words) {
    if (count == 1 && strcmp(words[0], "verify") == 0) return verify(cli);
    if (count == 1 && strcmp(words[0], "tail") == 0) return tail(cli);
    return cli_usage("journal does what? wirepit journal verify | tail");
}

/* ---- Books of account ---- */

/* Money is said as NAME_e4, shares as NAME. */
static void cell_amount(struct table *table, const json_t *row, const char *name) {
    char key[64], text[TEXT_BYTES];
    (void)snprintf(key, sizeof key, "%s_e4", name);
    bool money = json_object_get(row, key) != NULL;
    table_cell(table, "%s",
               money ? text_money(cli_number(row, key), text)
                     : text_count(cli_number(row, name), text));
}

static void print_ledgers(struct cli *cli, json_t *rows) {
    static const struct table_column columns[] = {
        { "ledger", false, 0, true },          { "debits", true, 0, false },
        { "credits", true, 0, false },         { "debits pending", true, 1, false },
        { "credits pending", true, 1, false },
    };
    struct table *table = table_new(TABLE_COLUMNS(columns));
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row) {
        table_cell(table, "%s", cli_text(row, "ledger"));
        cell_amount(table, row, "debits");
        cell_amount(table, row, "credits");
        cell_amount(table, row, "debits_pending");
        cell_amount(table, row, "credits_pending");
    }
    (void)cli_print_table(cli, table, "no ledgers");
}

enum cli_exit cli_books(struct cli *cli, int count, char **words) {
    char text[TEXT_BYTES];
    json_t *answer;
    if (count != 1 || strcmp(words[0], "verify") != 0)
        return cli_usage("books does what? wirepit books verify");
    int code = cli_get(cli, &answer, "/api/v1/books/verify");
    if (code != 0) return cli_fail(code);
    bool good = cli_true(answer, "balanced") && cli_true(answer, "ledger_verified") &&
                cli_true(answer, "projections_equal") && cli_true(answer, "card_agrees");
    if (cli->json) {
        (void)cli_print_json(cli, answer);
        return good ? CLI_DONE : CLI_REFUSED;
    }
    int64_t compared = cli_number(answer, "compared");
    const struct {
        const char *key, *yes, *no;
    } line[] = {
        { "ledger_verified",
          "ledger verified: debits equal credits, every balance is what its transfers say",
          "LEDGER NOT VERIFIED: its balances are not what its transfers say" },
        { "projections_equal", "tables equal to what both journals say, folded once more",
          "TABLES DIFFER FROM THE JOURNALS" },
        { "card_agrees",
          compared > 0 ? "card agrees: each row that it was asked for is what the books say"
                       : "card not asked yet: that is after half a second without trading",
          "CARD DIFFERS FROM THE BOOKS: wirepit alarms names the accounts" },
    };
    for (size_t i = 0; i < sizeof line / sizeof *line; i++) {
        bool yes = cli_true(answer, line[i].key);
        (void)fprintf(cli->out, "%s%s%s\n", text_paint(yes ? TABLE_GREEN : TABLE_RED, cli->color),
                      yes ? line[i].yes : line[i].no, text_paint(TABLE_PLAIN, cli->color));
    }
    (void)fprintf(cli->out, "%s accounts", text_count(cli_number(answer, "accounts"), text));
    (void)fprintf(cli->out, ", %s transfers", text_count(cli_number(answer, "transfers"), text));
    (void)fprintf(cli->out, ", %s fields compared with the card", text_count(compared, text));
    (void)fprintf(cli->out, ", at record %s\n", text_count(cli_number(answer, "position"), text));
    if (cli_text(answer, "text")[0] != 0) (void)fprintf(cli->out, "%s\n", cli_text(answer, "text"));
    (void)fputc('\n', cli->out);
    print_ledgers(cli, json_object_get(answer, "ledgers"));
    json_decref(answer);
    return good ? CLI_DONE : CLI_REFUSED;
}
