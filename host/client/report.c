#include "host/client/report.h"
#include "host/base/err.h"
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT_TEXT_BYTES = 32, BAR_WIDTH = 30 };

/* ---- text ------------------------------------------------------------------------------------ */

/* count_text writes 1234567 as "1,234,567" and returns text. */
static const char *count_text(int64_t count, char *text) {
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRId64, count);
    int at = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0 && digits[i - 1] != '-') text[at++] = ',';
        text[at++] = digits[i];
    }
    text[at] = '\0';
    return text;
}

/* time_text writes nanoseconds with a unit that people can read. */
static const char *time_text(int64_t ns, char *text) {
    if (ns < 10000)
        (void)snprintf(text, COUNT_TEXT_BYTES, "%" PRId64 " ns", ns);
    else if (ns < 10000000)
        (void)snprintf(text, COUNT_TEXT_BYTES, "%" PRId64 ".%" PRId64 " us", ns / 1000,
                       ns / 100 % 10);
    else if (ns < INT64_C(10000000000))
        (void)snprintf(text, COUNT_TEXT_BYTES, "%" PRId64 ".%" PRId64 " ms", ns / 1000000,
                       ns / 100000 % 10);
    else
        (void)snprintf(text, COUNT_TEXT_BYTES, "%" PRId64 ".%" PRId64 " s", ns / 1000000000,
                       ns / 100000000 % 10);
    return text;
}

static const char *bar_text(int64_t part, int64_t whole, char *text) {
    int64_t full = whole > 0 && part > 0 ? part * BAR_WIDTH / whole : 0;
    if (full > BAR_WIDTH) full = BAR_WIDTH;
    if (full == 0 && part > 0) full = 1;
    memset(text, '#', (size_t)full);
    text[full] = '\0';
    return text;
}

static void count_line(FILE *out, const char *name, int64_t count) {
    char text[COUNT_TEXT_BYTES];
    (void)fprintf(out, "  %-26s %15s\n", name, count_text(count, text));
}

/* words_text writes INVALID_PRICE as "invalid price". */
static const char *words_text(const char *name, char *text) {
    size_t at = 0;
    for (; name[at] != '\0' && at < COUNT_TEXT_BYTES - 1; at++) {
        bool capital = name[at] >= 'A' && name[at] <= 'Z';
        text[at] = capital ? (char)(name[at] - 'A' + 'a') : name[at] == '_' ? ' ' : name[at];
    }
    text[at] = '\0';
    return text;
}

/* The reject reasons with a bar each; rejects is an object of counts. */
static void rejects_print(FILE *out, json_t *rejects) {
    char text[COUNT_TEXT_BYTES], words[COUNT_TEXT_BYTES], bar[BAR_WIDTH + 1];
    const char *name;
    json_t *count;
    int64_t most = 0;
    json_object_foreach(rejects, name, count) {
        if (json_integer_value(count) > most) most = json_integer_value(count);
    }
    json_object_foreach(rejects, name, count) {
        (void)fprintf(out, "    %-24s %15s  %s\n", words_text(name, words),
                      count_text(json_integer_value(count), text),
                      bar_text(json_integer_value(count), most, bar));
    }
}

/* ---- a replay -------------------------------------------------------------------------------- */

static json_t *rejects_json(const struct blotter_counts *counts) {
    json_t *rejects = json_object();
    for (unsigned i = 0; i < BLOTTER_REJECTS; i++)
        if (counts->rejects[i] > 0)
            (void)json_object_set_new(rejects, i == 0 ? "unknown code" : ouch_reject_name(i),
                                      json_integer((json_int_t)counts->rejects[i]));
    return rejects;
}

/* A share for people and programs that compare it, from two counts; null where there is nothing to
   share. */
static json_t *share_json(uint64_t part, uint64_t whole) {
    return whole == 0 ? json_null() : json_real((double)part / (double)whole);
}

static uint64_t rate(uint64_t count, uint64_t elapsed_ns) {
    __extension__ typedef unsigned __int128 wide;
    return elapsed_ns == 0 ? 0 : (uint64_t)((wide)count * UINT64_C(1000000000) / elapsed_ns);
}

static json_t *replay_json(const struct report_run *run, const struct replay_result *result) {
    const struct blotter_counts *counts = &result->counts;
    struct histogram_summary rtt = histogram_summarise(&counts->rtt);
    json_t *json = json_pack("{s:s, s:s, s:I}", "flow", run->flow, "pace", run->pace, "clients",
                             (json_int_t)run->clients);
    // clang-format off
    const struct { const char *name; uint64_t count; } row[] = {
        { "rows",             result->flow.rows },
        { "orders",           counts->orders },
        { "accepted",         counts->accepted },
        { "rejected",         counts->rejected },
        { "fills",            counts->fills },
        { "shares",           counts->shares },
        { "executed",         counts->executed },
        { "canceled",         counts->canceled },
        { "canceled_shares",  counts->canceled_shares },
        { "replaces",         counts->replaces },
        { "replaced",         counts->replaced },
        { "cancels",          counts->cancels },
        { "skipped",          counts->skipped },
        { "overtaken",        counts->overtaken },
        { "earlier",          counts->earlier },
        { "one_sided",        result->one_sided },
        { "open_shares",      result->open_shares },
        { "makers_named",     counts->makers_named },
        { "makers_right",     counts->makers_right },
        { "left_out_hidden",  result->flow.hidden },
        { "left_out_halts",   result->flow.halts },
        { "left_out_cancels", result->flow.earlier_cancels },
        { "left_out_executed", result->flow.earlier_executed },
        { "messages",         result->messages },
        { "messages_per_second", rate(result->messages, result->elapsed_ns) },
    };
    // clang-format on
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        (void)json_object_set_new(json, row[i].name, json_integer((json_int_t)row[i].count));
    (void)json_object_set_new(json, "seconds", json_real((double)result->elapsed_ns / 1e9));
    (void)json_object_set_new(json, "rejects", rejects_json(counts));
    (void)json_object_set_new(json, "makers_right_share",
                              share_json(counts->makers_right, counts->makers_named));
    (void)json_object_set_new(json, "rtt_ns",
                              json_pack("{s:I, s:I, s:I, s:I, s:I}", "count", (json_int_t)rtt.count,
                                        "p50", (json_int_t)rtt.p50, "p99", (json_int_t)rtt.p99,
                                        "p999", (json_int_t)rtt.p999, "max", (json_int_t)rtt.max));
    return json;
}

static int json_save(const char *path, const json_t *json) {
    if (json == NULL) return err_set(-ENOMEM, "%s: no memory", path);
    FILE *file = fopen(path, "we");
    if (file == NULL) return err_set(-errno, "%s: %s", path, strerror(errno));
    int failed = json_dumpf(json, file, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    failed |= fputc('\n', file) == EOF;
    failed |= fclose(file) != 0;
    return failed ? err_set(-EIO, "%s: could not be written; is the disk full?", path) : 0;
}

int report_replay_save(const char *path, const struct report_run *run,
                       const struct replay_result *result) {
    json_t *json = replay_json(run, result);
    int error = json_save(path, json);
    json_decref(json);
    return error;
}

static void makers_print(FILE *out, int64_t right, int64_t named) {
    if (named == 0) return;
    int64_t parts = right * 10000 / named;
    (void)fprintf(out,
                  "  %-26s %12" PRId64 ".%02" PRId64 " %%  of %" PRId64
                  " trades whose maker the flow names\n",
                  "makers' right share", parts / 100, parts % 100, named);
}

void report_replay_print(FILE *out, const struct report_run *run,
                         const struct replay_result *result) {
    const struct blotter_counts *counts = &result->counts;
    struct histogram_summary rtt = histogram_summarise(&counts->rtt);
    char a[COUNT_TEXT_BYTES], b[COUNT_TEXT_BYTES], c[COUNT_TEXT_BYTES], d[COUNT_TEXT_BYTES];
    (void)fprintf(out, "%s, %s, %" PRIu32 " clients: %s messages", run->flow, run->pace,
                  run->clients, count_text((int64_t)result->messages, a));
    (void)fprintf(out, " in %s, %s a second\n", time_text((int64_t)result->elapsed_ns, a),
                  count_text((int64_t)rate(result->messages, result->elapsed_ns), b));
    count_line(out, "orders", (int64_t)counts->orders);
    count_line(out, "accepted", (int64_t)counts->accepted);
    count_line(out, "rejected", (int64_t)counts->rejected);
    json_t *rejects = rejects_json(counts);
    rejects_print(out, rejects);
    json_decref(rejects);
    count_line(out, "fills", (int64_t)counts->fills);
    count_line(out, "shares", (int64_t)counts->shares);
    count_line(out, "canceled", (int64_t)counts->canceled);
    count_line(out, "replaced", (int64_t)counts->replaced);
    if (result->one_sided > 0)
        count_line(out, "other side not of this run", (int64_t)result->one_sided);
    if (counts->skipped > 0) count_line(out, "rows of dead orders", (int64_t)counts->skipped);
    if (counts->overtaken > 0) count_line(out, "overtaken", (int64_t)counts->overtaken);
    makers_print(out, (int64_t)counts->makers_right, (int64_t)counts->makers_named);
    (void)fprintf(out, "  round trip: p50 %s, p99 %s, p99.9 %s, max %s\n",
                  time_text((int64_t)rtt.p50, a), time_text((int64_t)rtt.p99, b),
                  time_text((int64_t)rtt.p999, c), time_text((int64_t)rtt.max, d));
}

/* ---- replay and gateway together ------------------------------------------------------------- */

static json_t *json_load_object(const char *path) {
    json_error_t fault;
    json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, &fault);
    if (json == NULL) {
        if (fault.line > 0)
            (void)err_set(-EBADMSG, "%s:%d: %s", path, fault.line, fault.text);
        else
            (void)err_set(-EBADMSG, "%s: %s", path, fault.text);
        return NULL;
    }
    if (json_is_object(json)) return json;
    json_decref(json);
    (void)err_set(-EBADMSG, "%s: not a JSON object", path);
    return NULL;
}

/* One part of the summary: where it comes from and what it is. */
struct part {
    const char *name;
    bool gateway; /* from the gateway's file, else the replay's */
    json_type type;
    const char *inner[4]; /* integers that an object must have; NULL for the rest */
};

// clang-format off
static const struct part parts[] = {
    { "flow",                 false, JSON_STRING,  { NULL } },
    { "pace",                 false, JSON_STRING,  { NULL } },
    { "clients",              false, JSON_INTEGER, { NULL } },
    { "card",                 true,  JSON_STRING,  { NULL } },
    { "transport",            true,  JSON_STRING,  { NULL } },
    { "port",                 true,  JSON_STRING,  { NULL } },
    { "orders",               false, JSON_INTEGER, { NULL } },
    { "accepted",             false, JSON_INTEGER, { NULL } },
    { "rejected",             false, JSON_INTEGER, { NULL } },
    { "rejects",              false, JSON_OBJECT,  { NULL } },
    { "fills",                false, JSON_INTEGER, { NULL } },
    { "shares",               false, JSON_INTEGER, { NULL } },
    { "canceled",             false, JSON_INTEGER, { NULL } },
    { "replaced",             false, JSON_INTEGER, { NULL } },
    { "makers_named",         false, JSON_INTEGER, { NULL } },
    { "makers_right",         false, JSON_INTEGER, { NULL } },
    { "messages",             false, JSON_INTEGER, { NULL } },
    { "messages_per_second",  false, JSON_INTEGER, { NULL } },
    { "seconds",              false, JSON_REAL,    { NULL } },
    { "rtt_ns",               false, JSON_OBJECT,  { "p50", "p99", "p999", "max" } },
    { "commands",             true,  JSON_INTEGER, { NULL } },
    { "events",               true,  JSON_INTEGER, { NULL } },
    { "lockstep_differences", true,  JSON_INTEGER, { NULL } },
    { "journal_records",      true,  JSON_INTEGER, { NULL } },
    { "clocks",               true,  JSON_OBJECT,  { "p50", "p99", "p999", "max" } },
    { "gateway_ns",           true,  JSON_OBJECT,  { "p50", "p99", "p999", "max" } },
    { "flush_ns",             true,  JSON_OBJECT,  { "p50", "p99", "p999", "max" } },
};
// clang-format on

static int part_check(const char *path, const struct part *part, const json_t *value) {
    if (value == NULL)
        return err_set(-EBADMSG, "%s: \"%s\" is missing; was it written by this version?", path,
                       part->name);
    if (json_typeof(value) != part->type)
        return err_set(-EBADMSG, "%s: \"%s\" has the wrong type", path, part->name);
    for (size_t i = 0; i < 4 && part->inner[i] != NULL; i++)
        if (!json_is_integer(json_object_get(value, part->inner[i])))
            return err_set(-EBADMSG, "%s: \"%s\" has no integer \"%s\"", path, part->name,
                           part->inner[i]);
    return 0;
}

/* summary_fill copies the parts of both files into summary. */
static int summary_fill(json_t *summary, const char *replay_path, json_t *replay,
                        const char *gateway_path, json_t *gateway) {
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const struct part *part = &parts[i];
        json_t *value = json_object_get(part->gateway ? gateway : replay, part->name);
        int error = part_check(part->gateway ? gateway_path : replay_path, part, value);
        if (error < 0) return error;
        (void)json_object_set(summary, part->name, value);
    }
    json_t *verified = json_object_get(gateway, "journal_verified");
    if (!json_is_boolean(verified))
        return err_set(-EBADMSG, "%s: \"journal_verified\" is not true or false", gateway_path);
    (void)json_object_set(summary, "journal_verified", verified);
    json_t *share = json_object_get(replay, "makers_right_share");
    if (!json_is_number(share) && !json_is_null(share))
        return err_set(-EBADMSG, "%s: \"makers_right_share\" is not a number or null", replay_path);
    (void)json_object_set(summary, "makers_right_share", share);
    json_t *card_ns =
        json_object_get(gateway, "card_ns"); /* wall time, which a card may not have */
    if (json_is_object(card_ns)) (void)json_object_set(summary, "card_ns", card_ns);
    json_t *steer = json_object_get(gateway, "steer"); /* where an XDP program steers */
    if (json_is_object(steer)) (void)json_object_set(summary, "steer", steer);
    json_t *refused = json_object_get(gateway, "rejects");
    if (json_is_object(refused)) (void)json_object_set(summary, "card_rejects", refused);
    return 0;
}

static int64_t integer_of(const json_t *summary, const char *name) {
    return json_integer_value(json_object_get(summary, name));
}

static const char *string_of(const json_t *summary, const char *name) {
    return json_string_value(json_object_get(summary, name));
}

/* One line of the split: quantiles, and a bar of the median as part of the whole trip. */
static void split_print(FILE *out, const char *name, json_t *times, int64_t whole) {
    static const char *const quantile[] = { "p50", "p99", "p999", "max" };
    char text[COUNT_TEXT_BYTES], bar[BAR_WIDTH + 1];
    if (times == NULL) return;
    (void)fprintf(out, "    %-18s", name);
    for (size_t i = 0; i < sizeof quantile / sizeof *quantile; i++) {
        int64_t value = integer_of(times, quantile[i]);
        (void)fprintf(out, " %11s", whole > 0 ? time_text(value, text) : count_text(value, text));
    }
    if (whole > 0) (void)fprintf(out, "  %s", bar_text(integer_of(times, "p50"), whole, bar));
    (void)fputc('\n', out);
}

/* What the XDP program did with the frames, and why it dropped any. */
static void steer_print(FILE *out, json_t *steer) {
    static const char *const verdict[] = { "steered_", "passed", "dropped_" };
    int64_t sum[3] = { 0 };
    char text[COUNT_TEXT_BYTES], words[COUNT_TEXT_BYTES];
    const char *name, *before = " (";
    json_t *count;
    if (steer == NULL) return;
    json_object_foreach(steer, name, count) {
        for (int i = 0; i < 3; i++)
            if (strncmp(name, verdict[i], strlen(verdict[i])) == 0)
                sum[i] += json_integer_value(count);
    }
    (void)fprintf(out, "frames: %s steered", count_text(sum[0], text));
    (void)fprintf(out, ", %s passed", count_text(sum[1], text));
    (void)fprintf(out, ", %s dropped", count_text(sum[2], text));
    json_object_foreach(steer, name, count) {
        if (strncmp(name, verdict[2], strlen(verdict[2])) != 0 || json_integer_value(count) == 0)
            continue;
        (void)fprintf(out, "%s%s %s", before, words_text(name + strlen(verdict[2]), words),
                      count_text(json_integer_value(count), text));
        before = ", ";
    }
    (void)fprintf(out, "%s\n", sum[2] > 0 ? ")" : "");
}

static void summary_print(FILE *out, json_t *summary) {
    static const char *const counts[] = { "orders", "accepted", "rejected" };
    static const char *const others[] = { "fills", "shares", "canceled", "replaced" };
    char text[COUNT_TEXT_BYTES];
    json_t *rtt = json_object_get(summary, "rtt_ns");
    (void)fprintf(out, "\n%s through the card \"%s\", %s, %" PRId64 " clients\n",
                  string_of(summary, "flow"), string_of(summary, "card"),
                  string_of(summary, "pace"), integer_of(summary, "clients"));
    (void)fprintf(out, "transport %s, port %s\n", string_of(summary, "transport"),
                  string_of(summary, "port"));
    steer_print(out, json_object_get(summary, "steer"));
    if (strcmp(string_of(summary, "pace"), "flat") == 0)
        (void)fprintf(
            out,
            "sessions race at this pace: trades differ from run to run, those of strict do not\n");
    (void)fprintf(out, "\n");
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        count_line(out, counts[i], integer_of(summary, counts[i]));
    rejects_print(out, json_object_get(summary, "rejects"));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        count_line(out, others[i], integer_of(summary, others[i]));
    makers_print(out, integer_of(summary, "makers_right"), integer_of(summary, "makers_named"));
    count_line(out, "messages a second", integer_of(summary, "messages_per_second"));

    (void)fprintf(out, "\n  the way of an order    %11s %11s %11s %11s\n", "p50", "p99", "p99.9",
                  "max");
    int64_t whole = integer_of(rtt, "p50");
    split_print(out, "round trip", rtt, whole);
    split_print(out, "  gateway", json_object_get(summary, "gateway_ns"), whole);
    split_print(out, "  card", json_object_get(summary, "card_ns"), whole);
    split_print(out, "  disk flush", json_object_get(summary, "flush_ns"), whole);
    bool soft = strcmp(string_of(summary, "card"), "soft") == 0;
    if (!soft) split_print(out, "card, in clocks", json_object_get(summary, "clocks"), 0);

    (void)fprintf(out, "\n  %-26s %15s\n", "lock-step differences",
                  soft ? "not compared"
                       : count_text(integer_of(summary, "lockstep_differences"), text));
    (void)fprintf(out, "  %-26s %15s\n", "journal",
                  json_is_true(json_object_get(summary, "journal_verified")) ? "verified"
                                                                             : "NOT VERIFIED");
    count_line(out, "journal records", integer_of(summary, "journal_records"));
}

int report_merge(const char *replay_path, const char *gateway_path, const char *path, FILE *out) {
    json_t *summary = json_object();
    json_t *replay = json_load_object(replay_path);
    json_t *gateway = replay == NULL ? NULL : json_load_object(gateway_path);
    int error = -EBADMSG;
    if (gateway != NULL) error = summary_fill(summary, replay_path, replay, gateway_path, gateway);
    if (error == 0) summary_print(out, summary);
    if (error == 0 && path != NULL) error = json_save(path, summary);
    if (error == 0 && integer_of(summary, "lockstep_differences") != 0)
        error = err_set(-EPROTO, "%s: card and reference engine differ", gateway_path);
    if (error == 0 && !json_is_true(json_object_get(summary, "journal_verified")))
        error = err_set(-EPROTO, "%s: the journal is not verified", gateway_path);
    json_decref(summary);
    json_decref(replay);
    json_decref(gateway);
    return error;
}
