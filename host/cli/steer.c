/* steer: what an operator changes: limits, symbols' states, kill bits.
 *
 * Kill and release go to the gateway's command port at once, so that they work with the office
 * down. The others go through the office, which keeps a record of who asked what, and straight to
 * the gateway when it is down. */
#include "host/base/check.h"
#include "host/base/err.h"
#include "host/cli/cli.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The events that prove it: refused or done. what is said when it is done. */
static enum cli_exit prove(struct cli *cli, json_t *answer, const char *what) {
    char text[TEXT_BYTES];
    const json_t *event = json_array_get(json_object_get(answer, "events"), 0);
    bool refused = strcmp(cli_text(event, "kind"), "REJECTED") == 0;
    if (cli->json) {
        (void)cli_print_json(cli, answer);
        return refused ? CLI_REFUSED : CLI_DONE;
    }
    if (refused)
        (void)fprintf(stderr, "wirepit: the card refuses it: %s: %s\n", cli_text(event, "reason"),
                      cli_meaning("REASON", cli_text(event, "reason")));
    else
        (void)fprintf(cli->out, "%s: command %s, %s UTC, record %" PRId64 " of the journal\n", what,
                      text_count(cli_number(answer, "command"), text),
                      text_time(cli_number(event, "stamp_ns"), (char[TEXT_BYTES]){ 0 }),
                      cli_number(answer, "record"));
    json_decref(answer);
    return refused ? CLI_REFUSED : CLI_DONE;
}

/* Through the office, or without it. Both are taken over. */
static int ask_either(struct cli *cli, const char *resource, json_t *body, json_t *command,
                      json_t **answer) {
    int code = cli_post(cli, resource, body, answer);
    if (!cli_down(code)) {
        json_decref(command);
        return code;
    }
    return cli_command(cli, command, answer);
}

/* ---- Kill and release ---- */

struct scope {
    const char *word, *table, *part;
};

static const struct scope scopes[] = { { "all", "ENGINE", NULL },
                                       { "firm", "FIRM", "firm" },
                                       { "account", "ACCOUNT", "account" },
                                       { "session", "SESSION", "session" } };

static const struct scope *scope_find(const char *word) {
    for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++)
        if (strcmp(scopes[i].word, word) == 0) return &scopes[i];
    return NULL;
}

static json_t *scope_json(const struct scope *scope, const char *name) {
    json_t *json = json_pack("{s:s}", "field", scope->table);
    if (scope->part != NULL) (void)json_object_set_new(json, scope->part, json_string(name));
    return json;
}

/* Takes off the orders that rest; the gateway does it in its own time. */
static enum cli_exit withdraw(struct cli *cli, const struct scope *scope, const char *name) {
    json_t *answer;
    int code = cli_gateway(cli, json_pack("{s:o}", "withdraw", scope_json(scope, name)), &answer);
    if (code != 0) return cli_fail(code);
    int64_t sessions = cli_number(answer, "sessions");
    if (!cli->json)
        (void)fprintf(cli->out,
                      "the open orders of %" PRId64
                      " session%s are being taken off; `wirepit status` says "
                      "\"orders going\" until they are\n",
                      sessions, sessions == 1 ? "" : "s");
    json_decref(answer);
    return CLI_DONE;
}

static enum cli_exit switch_gate(struct cli *cli, int count, char **words, bool kill) {
    const char *verb = kill ? "kill" : "release";
    const struct scope *scope = count > 0 ? scope_find(words[0]) : NULL;
    if (scope == NULL || count != (scope->part == NULL ? 1 : 2))
        return cli_usage("%s what? wirepit %s all | firm NAME | account NAME | session NAME", verb,
                         verb);
    const char *name = scope->part != NULL ? words[1] : "";
    json_t *command = scope_json(scope, name), *answer;
    (void)json_object_set_new(command, "opcode", json_string("KILL"));
    (void)json_object_set_new(command, "mode", json_string(kill ? "KILL" : "RELEASE"));
    int code = cli_command(cli, command, &answer);
    if (code == -EREMOTEIO)
        code = err_set(code, "%s; `wirepit status` shows firms, accounts and sessions",
                       control_refused(cli->gateway)->message);
    if (code != 0) return cli_fail(code);
    char what[CLI_PATH_BYTES];
    (void)snprintf(what, sizeof what, "%s%s%s %s", scope->word, name[0] != 0 ? " " : "", name,
                   kill ? "killed" : "released");
    enum cli_exit end = prove(cli, answer, what);
    return end == CLI_DONE && cli->cancel ? withdraw(cli, scope, name) : end;
}

enum cli_exit cli_kill(struct cli *cli, int count, char **words) {
    return switch_gate(cli, count, words, true);
}

enum cli_exit cli_release(struct cli *cli, int count, char **words) {
    return switch_gate(cli, count, words, false);
}

/* ---- Symbols ---- */

static enum cli_exit set_state(struct cli *cli, int count, char **words, const char *state,
                               int number) {
    char resource[CLI_PATH_BYTES], escaped[CLI_PATH_BYTES], what[CLI_PATH_BYTES];
    json_t *answer;
    if (count != 1)
        return cli_usage("which symbol? wirepit %s DAY00",
                         number == SYMBOL_STATE_OPEN ? "open" : "halt");
    (void)snprintf(resource, sizeof resource, "/api/v1/symbols/%.300s/state",
                   cli_escape(words[0], escaped));
    json_t *command = json_pack("{s:s, s:s, s:s, s:s, s:i}", "opcode", "SYMBOL", "symbol", words[0],
                                "field", "STATE", "mode", "SET", "value", number);
    int code = ask_either(cli, resource, json_pack("{s:s}", "state", state), command, &answer);
    if (code != 0) return cli_fail(code);
    (void)snprintf(what, sizeof what, "%.400s %s", words[0], state);
    return prove(cli, answer, what);
}

enum cli_exit cli_halt(struct cli *cli, int count, char **words) {
    return set_state(cli, count, words, "halted", SYMBOL_STATE_HALTED);
}

enum cli_exit cli_open(struct cli *cli, int count, char **words) {
    return set_state(cli, count, words, "open", SYMBOL_STATE_OPEN);
}

/* ---- Limits ---- */

enum unit { COUNT, MONEY, DURATION, MODE };

/* field is the office's name of it, row the card's. Of those that may be none, none is the largest
   count or money, and no time. */
struct limit {
    const char *name, *field, *row;
    enum unit unit;
    bool symbol, optional;
};

static const struct limit limits[] = {
    { "quantity_max", "quantity_max", "QUANTITY_MAX", COUNT, false, false },
    { "notional_max", "notional_max_e4", "NOTIONAL_MAX_E4", MONEY, false, false },
    { "enabled", "enabled", "ENABLED", COUNT, false, false },
    { "open_orders", "open_orders", "OPEN_MAX", COUNT, false, true },
    { "open_notional", "open_notional_e4", "GROSS_MAX_E4", MONEY, false, true },
    { "daily_notional", "daily_notional_e4", "DAILY_MAX_E4", MONEY, false, true },
    { "rate_interval", "rate_interval_ns", "RATE_INTERVAL_NS", DURATION, false, true },
    { "rate_burst", "rate_burst_ns", "RATE_BURST_NS", DURATION, false, true },
    { "duplicate", "duplicate_ns", "DUPLICATE_NS", DURATION, false, true },
    { "self_trade", "self_trade", "SELF_TRADE", MODE, false, false },
    { "long_max", "long_max", "LONG_MAX", COUNT, true, false },
    { "short_max", "short_max", "SHORT_MAX", COUNT, true, false },
    { "locate", "locate", "LOCATE", COUNT, true, false },
    { "restriction", "restriction", "RESTRICTION", COUNT, true, false },
};

static const char *const modes[] = { "none", "newest", "oldest", "both", "decrement" };

static const struct abi_row *limit_row(const struct limit *limit) {
    unsigned number = 1;
    const struct abi_row *row;
    while ((row = abi_row(limit->symbol ? TABLE_POSITION : TABLE_ACCOUNT, number)) != NULL &&
           strcmp(row->name, limit->row) != 0)
        number++;
    CHECK(row != NULL);
    return row;
}

static const struct limit *limit_find(const char *name) {
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        if (strcmp(limits[i].name, name) == 0) return &limits[i];
    return NULL;
}

/* A whole number, or for money a decimal one with at most four decimals. */
static int number_read(const char *text, bool money, int64_t *value) {
    const char *at = text;
    bool negative = *at == '-', digits = false;
    int64_t number = 0;
    if (negative) at++;
    int decimals = -1; /* none yet */
    for (; *at != 0; at++) {
        if (*at == '.' && money && decimals < 0 && digits) {
            decimals = 0;
            continue;
        }
        if (*at < '0' || *at > '9' || decimals == 4) return -EINVAL;
        digits = true;
        if (decimals >= 0) decimals++;
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, *at - '0', &number))
            return -EINVAL;
    }
    for (int i = decimals < 0 ? 0 : decimals; money && i < 4; i++)
        if (__builtin_mul_overflow(number, 10, &number)) return -EINVAL;
    *value = negative ? -number : number;
    return digits && decimals != 0 ? 0 : -EINVAL;
}

/* A whole number of ns, us, ms or s, which stands behind it; without it, of ns. */
static int duration_read(const char *text, int64_t *value_ns) {
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = { { "", 1 }, { "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 } };
    char number[TEXT_BYTES];
    size_t bytes = strspn(text, "-0123456789");
    (void)snprintf(number, sizeof number, "%.*s", (int)bytes, text);
    if (bytes >= sizeof number || number_read(number, false, value_ns) != 0) return -EINVAL;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(text + bytes, units[i].name) == 0)
            return __builtin_mul_overflow(*value_ns, units[i].ns, value_ns) ? -EINVAL : 0;
    return -EINVAL;
}

static int value_read(const struct limit *limit, const char *text, int64_t *value) {
    if (limit->optional && strcmp(text, "none") == 0) {
        *value = limit->unit == DURATION ? 0 : limit_row(limit)->max;
        return 0;
    }
    if (limit->unit == DURATION) return duration_read(text, value);
    if (limit->unit != MODE) return number_read(text, limit->unit == MONEY, value);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(text, modes[i]) != 0) continue;
        *value = (int64_t)i;
        return 0;
    }
    return -EINVAL;
}

static const char *value_text(enum unit unit, int64_t value, char text[TEXT_BYTES]) {
    if (unit == MONEY) return text_money(value, text);
    return unit == DURATION ? text_duration((uint64_t)value, text) : text_count(value, text);
}

/* What stands for a limit: its value in its unit, or "none". */
static const char *limit_text(const struct limit *limit, const json_t *account,
                              char text[TEXT_BYTES]) {
    int64_t value = cli_number(account, limit->field);
    if (limit->unit == MODE) return cli_text(account, limit->field);
    bool none = value == (limit->unit == DURATION ? 0 : limit_row(limit)->max);
    return limit->optional && none ? "none" : value_text(limit->unit, value, text);
}

/* What the card would refuse, said in the limit's own words. A change is the card's to judge. */
static int range_check(const struct limit *limit, int64_t value) {
    const struct abi_row *row = limit_row(limit);
    char from[TEXT_BYTES], to[TEXT_BYTES];
    if (value >= row->min && value <= row->max) return 0;
    return err_set(-ERANGE, "%s is from %s to %s", limit->name,
                   value_text(limit->unit, row->min, from), value_text(limit->unit, row->max, to));
}

static enum cli_exit value_usage(const struct limit *limit, const char *text) {
    static const char *const asks[] = {
        [COUNT] = "a whole number",
        [MONEY] = "an amount such as 50000000.00",
        [DURATION] = "a time such as 500ns, 20us, 3ms or 1s",
        [MODE] = "none, newest, oldest, both or decrement",
    };
    return cli_usage("%s: give %s%s", text, asks[limit->unit], limit->optional ? ", or none" : "");
}

static enum cli_exit limits_set(struct cli *cli, int count, char **words) {
    char what[CLI_PATH_BYTES];
    int64_t value;
    json_t *answer;
    if (count != 3)
        return cli_usage("set what? wirepit limits set ACCOUNT FIELD VALUE [--symbol SYMBOL]");
    const struct limit *limit = limit_find(words[1]);
    if (limit == NULL)
        return cli_usage(
            "\"%s\" is no limit: it is quantity_max, notional_max, open_orders, open_notional, "
            "daily_notional, rate_interval, rate_burst, duplicate, self_trade or enabled, and with "
            "--symbol long_max, short_max, locate or restriction",
            words[1]);
    if (limit->symbol != (cli->symbol != NULL))
        return cli_usage(limit->symbol ? "%s is a limit in one symbol: add --symbol NAME"
                                       : "%s is a limit of the whole account: leave out --symbol",
                         limit->name);
    if (limit->unit == MODE && cli->adjust)
        return cli_usage("%s is a word: leave out --adjust", limit->name);
    if (value_read(limit, words[2], &value) != 0) return value_usage(limit, words[2]);
    if (!cli->adjust && range_check(limit, value) != 0)
        return cli_usage("%s: %s", words[2], err_text());
    json_t *given =
        limit->unit == MODE ? json_string(modes[value]) : json_integer((json_int_t)value);
    json_t *body =
        json_pack("{s:s, s:s, s:o}", "account", words[0], "field", limit->field, "value", given);
    json_t *command =
        json_pack("{s:s, s:s, s:s, s:s, s:I}", "opcode", limit->symbol ? "POSITION" : "ACCOUNT",
                  "account", words[0], "field", limit->row, "mode", cli->adjust ? "ADJUST" : "SET",
                  "value", (json_int_t)value);
    if (cli->adjust) (void)json_object_set_new(body, "adjust", json_true());
    if (limit->symbol) {
        (void)json_object_set_new(body, "symbol", json_string(cli->symbol));
        (void)json_object_set_new(command, "symbol", json_string(cli->symbol));
    }
    int code = ask_either(cli, "/api/v1/limits", body, command, &answer);
    if (code != 0) return cli_fail(code);
    (void)snprintf(what, sizeof what, "%.200s %s%s%.100s %s %.60s", words[0], limit->name,
                   limit->symbol ? " in " : "", limit->symbol ? cli->symbol : "",
                   cli->adjust ? "changed by" : "set to", words[2]);
    return prove(cli, answer, what);
}

/* The symbols in which an account has other limits than in most. */
static void print_exceptions(struct cli *cli, const json_t *account) {
    static const struct table_column columns[] = {
        { "symbol", false, 0, true },       { "long_max", true, 0, false },
        { "short_max", true, 1, false },    { "locate", true, 2, false },
        { "restriction", false, 3, false },
    };
    static const char *const counts[] = { "long_max", "short_max", "locate" };
    char text[TEXT_BYTES];
    json_t *rows = json_object_get(account, "exceptions"), *row;
    size_t index;
    if (json_array_size(rows) == 0) return;
    struct table *table = table_new(TABLE_COLUMNS(columns));
    json_array_foreach(rows, index, row) {
        table_cell(table, "%s", cli_text(row, "symbol"));
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
            table_cell(table, "%s", text_count(cli_number(row, counts[i]), text));
        table_cell(table, "%s", cli_restriction(row, text));
    }
    (void)fprintf(cli->out, "\nsymbols that differ\n");
    (void)cli_print_table(cli, table, NULL);
}

/* The limits of one account as a whole, and how near it is to them. */
static void print_whole(struct cli *cli, const json_t *account) {
    static const struct table_column columns[] = { { "of the whole account", false, 0, true },
                                                   { "limit", true, 0, false },
                                                   { "now", true, 0, false } };
    static const struct {
        const char *limit, *now;
        enum unit unit;
    } used[] = { { "open_orders", "open_count", COUNT },
                 { "open_notional", "gross_e4", MONEY },
                 { "daily_notional", NULL, MONEY } };
    char text[TEXT_BYTES];
    struct table *table = table_new(TABLE_COLUMNS(columns));
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        const struct limit *limit = &limits[i];
        if (!limit->optional && limit->unit != MODE) continue;
        table_cell(table, "%s", limit->name);
        table_cell(table, "%s", limit_text(limit, account, text));
        const char *now = "";
        for (size_t k = 0; k < sizeof used / sizeof *used; k++) {
            if (strcmp(used[k].limit, limit->name) != 0) continue;
            int64_t value = used[k].now != NULL ? cli_number(account, used[k].now)
                                                : cli_number(account, "traded_e4") +
                                                      cli_number(account, "gross_e4");
            now = value_text(used[k].unit, value, text);
        }
        table_cell(table, "%s", now);
    }
    (void)fputc('\n', cli->out);
    (void)cli_print_table(cli, table, NULL);
}

enum cli_exit cli_limits(struct cli *cli, int count, char **words) {
    static const struct table_column columns[] = {
        { "account", false, 0, true },        { "enabled", false, 1, false },
        { "quantity_max", true, 0, false },   { "notional_max", true, 0, false },
        { "long_max", true, 2, false },       { "short_max", true, 2, false },
        { "locate", true, 3, false },         { "symbols that differ", true, 4, false },
        { "open_orders", true, 5, false },    { "open_notional", true, 6, false },
        { "daily_notional", true, 6, false }, { "rate_interval", true, 7, false },
        { "rate_burst", true, 7, false },     { "duplicate", true, 7, false },
        { "self_trade", false, 5, false },
    };
    static const char *const counts[] = { "long_max", "short_max", "locate" };
    char resource[CLI_PATH_BYTES] = "/api/v1/limits?limit=1000", text[TEXT_BYTES];
    json_t *answer, *row;
    size_t index;
    if (count > 0 && strcmp(words[0], "set") == 0) return limits_set(cli, count - 1, words + 1);
    if (count > 1) return cli_usage("limits takes an account, or set ACCOUNT FIELD VALUE");
    cli_filter(resource, "account", count == 1 ? words[0] : cli->account);
    int code = cli_get(cli, &answer, "%s", resource);
    if (code != 0) return cli_fail(code);
    if (cli->json) return cli_print_json(cli, answer);
    struct table *table = table_new(TABLE_COLUMNS(columns));
    json_array_foreach(json_object_get(answer, "items"), index, row) {
        table_cell(table, "%s", cli_text(row, "account"));
        table_cell(table, "%s%s", cli_true(row, "enabled") ? "yes" : "no",
                   cli_true(row, "killed") ? ", killed" : "");
        table_cell(table, "%s", text_count(cli_number(row, "quantity_max"), text));
        table_cell(table, "%s", text_money(cli_number(row, "notional_max_e4"), text));
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
            table_cell(table, "%s", text_count(cli_number(row, counts[i]), text));
        table_cell(table, "%zu", json_array_size(json_object_get(row, "exceptions")));
        for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
            if (limits[i].optional || limits[i].unit == MODE)
                table_cell(table, "%s", limit_text(&limits[i], row, text));
    }
    (void)cli_print_table(cli, table, "no accounts");
    row = json_array_get(json_object_get(answer, "items"), 0);
    if (count == 1 && row != NULL) {
        print_whole(cli, row);
        print_exceptions(cli, row);
    }
    json_decref(answer);
    return CLI_DONE;
}
