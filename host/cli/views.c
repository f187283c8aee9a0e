/* views: what can be seen: status, symbols, books, orders, trades, accounts, positions, limits. */
#include "host/base/err.h"
#include "host/cli/cli.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS(columns) (columns), (uint32_t)(sizeof(columns) / sizeof *(columns))

static const json_t *rows_of(const json_t *answer) { return json_object_get(answer, "items"); }

static void cell_money(struct table *table, const json_t *row, const char *key) {
    char text[TEXT_BYTES];
    bool there = json_is_integer(json_object_get(row, key));
    table_cell(table, "%s", there ? text_money(cli_number(row, key), text) : "-");
}

static void cell_count(struct table *table, const json_t *row, const char *key) {
    char text[TEXT_BYTES];
    bool there = json_is_integer(json_object_get(row, key));
    table_cell(table, "%s", there ? text_count(cli_number(row, key), text) : "-");
}

static void cell_text(struct table *table, const json_t *row, const char *key) {
    table_cell(table, "%s", cli_text(row, key));
}

static void paint_state(struct table *table, const char *state) {
    bool good = strcmp(state, "open") == 0 || strcmp(state, "ok") == 0;
    table_paint(table, good ? TABLE_GREEN : TABLE_YELLOW);
}

static bool no_words(int count, char **words) {
    if (count > 0) (void)cli_usage("\"%s\" is one word too many; see wirepit --help", words[0]);
    return count == 0;
}

/* Says where the next page begins, for a reader who wants it. */
static void say_more(const struct cli *cli, const json_t *answer) {
    const json_t *next = json_object_get(answer, "next");
    if (json_is_string(next))
        (void)fprintf(cli->out, "more: --cursor %s\n", json_string_value(next));
    else if (json_is_integer(next))
        (void)fprintf(cli->out, "more: --cursor %" PRId64 "\n", (int64_t)json_integer_value(next));
}

static void list_resource(const struct cli *cli, char resource[CLI_PATH_BYTES], const char *name) {
    (void)snprintf(resource, CLI_PATH_BYTES, "/api/v1/%s?limit=%u", name,
                   cli->limit != 0 ? cli->limit : 20);
    cli_filter(resource, "cursor", cli->cursor);
    cli_filter(resource, "account", cli->account);
    cli_filter(resource, "symbol", cli->symbol);
    cli_filter(resource, "session", cli->session);
    cli_filter(resource, "state", cli->state);
}

/* ---- Status ---- */

static void print_line(const struct cli *cli, const char *name, enum table_color paint,
                       const char *text) {
    (void)fprintf(cli->out, "%-11s %s%s%s\n", name,
                  paint == TABLE_PLAIN ? "" : text_paint(paint, cli->color), text,
                  paint == TABLE_PLAIN ? "" : text_paint(TABLE_PLAIN, cli->color));
}

static void print_gateway(struct cli *cli, const json_t *gateway) {
    char line[CLI_PATH_BYTES], one[TEXT_BYTES], two[TEXT_BYTES];
    const json_t *card = json_object_get(gateway, "card");
    const json_t *journal = json_object_get(gateway, "journal");
    bool open = strcmp(cli_text(card, "gate"), "open") == 0;
    (void)snprintf(
        line, sizeof line, "up, pid %" PRId64 ", clients at %s:%" PRId64 " (%s), session %s",
        cli_number(gateway, "pid"), cli_text(gateway, "address"), cli_number(gateway, "port"),
        cli_text(gateway, "transport"), cli_text(gateway, "session"));
    print_line(cli, "gateway", TABLE_GREEN, line);
    print_line(cli, "gate", open ? TABLE_GREEN : TABLE_RED,
               open ? "open" : "closed: every order is refused until `wirepit release all`");
    (void)snprintf(line, sizeof line,
                   "%s, %" PRId64 " symbols, %" PRId64 " accounts, %s orders, %" PRId64 " levels",
                   cli_text(card, "name"), cli_number(card, "symbols"),
                   cli_number(card, "accounts"), text_count(cli_number(card, "orders"), one),
                   cli_number(card, "levels"));
    print_line(cli, "card", TABLE_PLAIN, line);
    (void)snprintf(line, sizeof line, "%s commands, %s events",
                   text_count(cli_number(gateway, "commands"), one),
                   text_count(cli_number(gateway, "events"), two));
    print_line(cli, "carried out", TABLE_PLAIN, line);
    (void)snprintf(line, sizeof line, "%s, %s records, %s of them durable (%s)",
                   cli_text(journal, "directory"), text_count(cli_number(journal, "appended"), one),
                   text_count(cli_number(journal, "durable"), two),
                   cli_text(journal, "durability"));
    print_line(cli, "journal", TABLE_PLAIN, line);
}

static void print_killed(const struct cli *cli, const json_t *gateway, const char *list,
                         const char *what) {
    size_t index;
    json_t *row;
    json_array_foreach(json_object_get(gateway, list), index, row) {
        char line[CLI_PATH_BYTES];
        if (!cli_true(row, "killed")) continue;
        (void)snprintf(line, sizeof line,
                       "%s %s: its orders are refused until `wirepit release %s %s`", what,
                       cli_text(row, "name"), what, cli_text(row, "name"));
        print_line(cli, "killed", TABLE_RED, line);
    }
}

static void print_symbol_states(const struct cli *cli, const json_t *gateway) {
    size_t index, open = 0;
    json_t *row;
    char line[CLI_PATH_BYTES];
    const json_t *symbols = json_object_get(gateway, "symbols");
    json_array_foreach((json_t *)(uintptr_t)symbols, index, row) {
        const char *state = cli_text(row, "state");
        if (strcmp(state, "open") == 0) {
            open++;
            continue;
        }
        (void)snprintf(line, sizeof line, "%s is %s; `wirepit open %s` opens it",
                       cli_text(row, "name"), state, cli_text(row, "name"));
        print_line(cli, "symbol", TABLE_YELLOW, line);
    }
    (void)snprintf(line, sizeof line, "%zu of %zu open", open, json_array_size(symbols));
    print_line(cli, "symbols", TABLE_PLAIN, line);
}

static void print_sessions(struct cli *cli, const json_t *gateway) {
    static const struct table_column columns[] = {
        { "session", false, 0, false }, { "firm", false, 0, true },
        { "account", false, 2, false }, { "state", false, 0, false },
        { "answers", true, 1, false },  { "durable", true, 3, false },
        { "next ref", true, 1, false },
    };
    struct table *table = table_new(COLUMNS(columns));
    size_t index;
    json_t *row;
    json_array_foreach(json_object_get(gateway, "sessions"), index, row) {
        bool connected = cli_true(row, "connected"), killed = cli_true(row, "killed");
        cell_text(table, row, "name");
        cell_text(table, row, "firm");
        cell_text(table, row, "account");
        table_cell(table, "%s%s%s", connected ? "connected" : "away", killed ? ", killed" : "",
                   cli_true(row, "withdrawing") ? ", orders going" : "");
        table_paint(table, killed ? TABLE_RED : connected ? TABLE_GREEN : TABLE_DIM);
        cell_count(table, row, "answers");
        cell_count(table, row, "durable_answers");
        cell_count(table, row, "next_user_ref");
    }
    (void)fputc('\n', cli->out);
    (void)cli_end(cli, table, "no sessions");
}

static void print_office(const struct cli *cli, const json_t *office) {
    char line[CLI_PATH_BYTES], one[TEXT_BYTES], two[TEXT_BYTES];
    const json_t *counts = json_object_get(office, "counts");
    bool good = strcmp(cli_text(office, "status"), "ok") == 0;
    (void)snprintf(line, sizeof line, "%s%s%s, at record %s",
                   good ? "up" : "failing: ", good ? "" : cli_text(office, "reason"),
                   cli_true(office, "books_balanced") ? ", books balanced" : ", BOOKS NOT BALANCED",
                   text_count(cli_number(office, "position"), one));
    print_line(cli, "office", good && cli_true(office, "books_balanced") ? TABLE_GREEN : TABLE_RED,
               line);
    (void)snprintf(line, sizeof line, "%s orders, %s trades, %" PRId64 " alarms",
                   text_count(cli_number(counts, "orders"), one),
                   text_count(cli_number(counts, "trades"), two), cli_number(counts, "alarms"));
    print_line(cli, "", cli_number(counts, "alarms") > 0 ? TABLE_RED : TABLE_PLAIN, line);
}

static json_t *failure_now(int code) {
    return json_pack("{s:{s:s, s:s}}", "error", "code", code == -ETIMEDOUT ? "silent" : "down",
                     "message", err_text());
}

enum cli_exit cli_status(struct cli *cli, int count, char **words) {
    if (!no_words(count, words)) return CLI_USAGE;
    json_t *gateway = NULL, *office = NULL;
    int code = cli_gateway(cli, json_pack("{s:s}", "ask", "status"), &gateway);
    if (code != 0) gateway = failure_now(code);
    int office_code = cli_get(cli, &office, "/api/v1/status");
    if (office_code != 0) office = failure_now(office_code);
    enum cli_exit end = code == 0 ? CLI_DONE : CLI_DOWN;
    if (cli->json) {
        (void)cli_print_json(cli, json_pack("{s:o, s:o}", "gateway", gateway, "office", office));
        return end;
    }
    if (code == 0)
        print_gateway(cli, gateway);
    else
        print_line(cli, "gateway", TABLE_RED,
                   cli_text(json_object_get(gateway, "error"), "message"));
    if (office_code == 0)
        print_office(cli, office);
    else
        print_line(cli, "office", TABLE_YELLOW,
                   cli_text(json_object_get(office, "error"), "message"));
    if (code == 0) {
        print_symbol_states(cli, gateway);
        print_killed(cli, gateway, "firms", "firm");
        print_killed(cli, gateway, "accounts", "account");
        print_killed(cli, gateway, "sessions", "session");
        print_sessions(cli, gateway);
    }
    json_decref(gateway);
    json_decref(office);
    return end;
}

/* ---- Symbols and books ---- */

/* What the gateway knows: no prices. */
static enum cli_exit symbols_of_gateway(struct cli *cli) {
    static const struct table_column columns[] = {
        { "symbol", false, 0, true }, { "state", false, 0, false }, { "base", true, 0, false },
        { "tick", true, 0, false },   { "lot", true, 1, false },
    };
    json_t *answer, *row;
    size_t index;
    int code = cli_gateway(cli, json_pack("{s:s}", "ask", "status"), &answer);
    if (code != 0) return cli_fail(code);
    (void)fprintf(stderr,
                  "wirepit: the office is down, so there are no prices; `make up` starts it\n");
    if (cli->json) {
        json_t *symbols = json_incref(json_object_get(answer, "symbols"));
        json_decref(answer);
        return cli_print_json(cli, json_pack("{s:o}", "items", symbols));
    }
    struct table *table = table_new(COLUMNS(columns));
    json_array_foreach(json_object_get(answer, "symbols"), index, row) {
        cell_text(table, row, "name");
        cell_text(table, row, "state");
        paint_state(table, cli_text(row, "state"));
        cell_money(table, row, "base_e4");
        cell_money(table, row, "tick_e4");
        cell_count(table, row, "lot");
    }
    json_decref(answer);
    return cli_end(cli, table, "no symbols");
}

enum cli_exit cli_symbols(struct cli *cli, int count, char **words) {
    static const struct table_column columns[] = {
        { "symbol", false, 0, true }, { "state", false, 0, false }, { "bid", true, 0, false },
        { "shares", true, 2, false }, { "ask", true, 0, false },    { "shares", true, 2, false },
        { "last", true, 0, false },   { "trades", true, 1, false }, { "traded", true, 1, false },
        { "tick", true, 4, false },   { "lot", true, 5, false },
    };
    if (!no_words(count, words)) return CLI_USAGE;
    json_t *answer, *row;
    const json_t *rows;
    size_t index;
    int code = cli_get(cli, &answer, "/api/v1/symbols?limit=1000");
    if (code != 0 && cli_office_down(code)) return symbols_of_gateway(cli);
    if (code != 0) return cli_fail(code);
    if (cli->json) return cli_print_json(cli, answer);
    struct table *table = table_new(COLUMNS(columns));
    rows = rows_of(answer);
    json_array_foreach((json_t *)(uintptr_t)rows, index, row) {
        cell_text(table, row, "symbol");
        cell_text(table, row, "state");
        paint_state(table, cli_text(row, "state"));
        cell_money(table, row, "bid_e4");
        cell_count(table, row, "bid_shares");
        cell_money(table, row, "ask_e4");
        cell_count(table, row, "ask_shares");
        cell_money(table, row, "last_e4");
        cell_count(table, row, "trades");
        cell_count(table, row, "shares");
        cell_money(table, row, "tick_e4");
        cell_count(table, row, "lot");
    }
    json_decref(answer);
    return cli_end(cli, table, "no symbols");
}

enum { BOOK_MIDDLE = 12, BOOK_SHARES = 12, BAR_MIN = 4, BAR_MAX = 30 };

/* One level: bids on the left with their bar towards the middle, asks on the right. */
static void print_level(const struct cli *cli, const json_t *bid, const json_t *ask, uint64_t most,
                        uint32_t bar_width) {
    char bar[BAR_MAX + 1], shares[TEXT_BYTES], price[TEXT_BYTES];
    const char *green = text_paint(TABLE_GREEN, cli->color);
    const char *red = text_paint(TABLE_RED, cli->color), *end = text_paint(TABLE_PLAIN, cli->color);
    if (bid != NULL)
        (void)fprintf(cli->out, "%s%*s%s %*s %*s", green, (int)bar_width,
                      text_bar((uint64_t)cli_number(bid, "shares"), most, bar_width, bar), end,
                      BOOK_SHARES, text_count(cli_number(bid, "shares"), shares), BOOK_MIDDLE,
                      text_money(cli_number(bid, "price_e4"), price));
    else
        (void)fprintf(cli->out, "%*s", (int)bar_width + 2 + BOOK_SHARES + BOOK_MIDDLE, "");
    if (ask != NULL)
        (void)fprintf(cli->out, "  %-*s %-*s %s%s%s", BOOK_MIDDLE,
                      text_money(cli_number(ask, "price_e4"), price), BOOK_SHARES,
                      text_count(cli_number(ask, "shares"), shares), red,
                      text_bar((uint64_t)cli_number(ask, "shares"), most, bar_width, bar), end);
    (void)fputc('\n', cli->out);
}

static uint64_t most_shares(const json_t *levels, uint64_t most) {
    size_t index;
    json_t *level;
    json_array_foreach((json_t *)(uintptr_t)levels, index, level) {
        uint64_t shares = (uint64_t)cli_number(level, "shares");
        if (shares > most) most = shares;
    }
    return most;
}

static void print_book(const struct cli *cli, const json_t *answer) {
    char last[TEXT_BYTES], quantity[TEXT_BYTES], heading[CLI_PATH_BYTES];
    const json_t *bids = json_object_get(answer, "bids"), *asks = json_object_get(answer, "asks");
    uint64_t most = most_shares(asks, most_shares(bids, 0));
    uint32_t fixed = 2 * (BOOK_SHARES + BOOK_MIDDLE + 2) + 2;
    uint32_t bar_width = BAR_MAX;
    if (cli->width != 0)
        bar_width = cli->width > fixed + 2 * BAR_MIN ? (cli->width - fixed) / 2 : BAR_MIN;
    if (bar_width > BAR_MAX) bar_width = BAR_MAX;
    int64_t last_e4 = cli_number(answer, "last_e4");
    (void)snprintf(heading, sizeof heading, "%s  %s  last %s x %s  record %" PRId64,
                   cli_text(answer, "symbol"), cli_text(answer, "state"),
                   last_e4 != 0 ? text_money(last_e4, last) : "-",
                   last_e4 != 0 ? text_count(cli_number(answer, "last_quantity"), quantity) : "-",
                   cli_number(answer, "position"));
    (void)fprintf(cli->out, "%s%s%s\n", text_paint(TABLE_BOLD, cli->color), heading,
                  text_paint(TABLE_PLAIN, cli->color));
    (void)fprintf(cli->out, "%*s %*s %*s  %-*s %s\n", (int)bar_width, "", BOOK_SHARES, "shares",
                  BOOK_MIDDLE, "bid", BOOK_MIDDLE, "ask", "shares");
    size_t rows = json_array_size(bids) > json_array_size(asks) ? json_array_size(bids)
                                                                : json_array_size(asks);
    for (size_t i = 0; i < rows; i++)
        print_level(cli, json_array_get(bids, i), json_array_get(asks, i), most, bar_width);
    if (rows == 0) (void)fputs("nobody offers anything\n", cli->out);
}

enum cli_exit cli_book(struct cli *cli, int count, char **words) {
    char symbol[CLI_PATH_BYTES];
    json_t *answer;
    if (count != 1) return cli_usage("book takes one symbol: wirepit book DAY00");
    int code = cli_get(cli, &answer, "/api/v1/book/%s?depth=%u", cli_escape(words[0], symbol),
                       cli->depth != 0 ? cli->depth : 10);
    if (code != 0) return cli_fail(code);
    if (cli->json) return cli_print_json(cli, answer);
    print_book(cli, answer);
    json_decref(answer);
    return CLI_DONE;
}

/* ---- Orders and trades ---- */

static const json_t *why_of(const json_t *order) {
    const json_t *refused = json_object_get(order, "refused");
    return json_is_object(refused) ? refused : json_object_get(order, "ended");
}

enum cli_exit cli_orders(struct cli *cli, int count, char **words) {
    static const struct table_column columns[] = {
        { "id", true, 0, false },       { "session:ref", false, 1, false },
        { "account", false, 3, false }, { "side", false, 0, false },
        { "quantity", true, 0, false }, { "symbol", false, 0, false },
        { "price", true, 0, false },    { "executed", true, 2, false },
        { "state", false, 0, false },   { "why", false, 0, true },
        { "time", false, 4, false },
    };
    char resource[CLI_PATH_BYTES], text[TEXT_BYTES];
    json_t *answer, *row;
    const json_t *rows;
    size_t index;
    if (!no_words(count, words)) return CLI_USAGE;
    list_resource(cli, resource, "orders");
    int code = cli_get(cli, &answer, "%s", resource);
    if (code != 0) return cli_fail(code);
    if (cli->json) return cli_print_json(cli, answer);
    struct table *table = table_new(COLUMNS(columns));
    rows = rows_of(answer);
    json_array_foreach((json_t *)(uintptr_t)rows, index, row) {
        const char *state = cli_text(row, "state");
        table_cell(table, "%" PRId64, cli_number(row, "id"));
        table_cell(table, "%s:%" PRId64, cli_text(row, "session"), cli_number(row, "reference"));
        cell_text(table, row, "account");
        cell_text(table, row, "side");
        cell_count(table, row, "quantity");
        cell_text(table, row, "symbol");
        cell_money(table, row, "price_e4");
        cell_count(table, row, "executed");
        table_cell(table, "%s", state);
        if (strcmp(state, "refused") == 0) table_paint(table, TABLE_RED);
        cell_text(table, why_of(row), "reason");
        table_cell(table, "%s", text_time(cli_number(row, "entered_ns"), text));
    }
    (void)cli_end(cli, table, "no orders");
    say_more(cli, answer);
    json_decref(answer);
    return CLI_DONE;
}

/* What an operator can do about a limit that was in the way. */
static void say_remedy(const struct cli *cli, const json_t *order, const char *limit) {
    static const struct {
        const char *limit, *field;
        bool symbol;
    } row[] = {
        { "ACCOUNT.QUANTITY_MAX", "quantity_max", false },
        { "ACCOUNT.NOTIONAL_MAX_E4", "notional_max", false },
        { "ACCOUNT.ENABLED", "enabled", false },
        { "POSITION.LONG_MAX", "long_max", true },
        { "POSITION.SHORT_MAX", "short_max", true },
        { "POSITION.LOCATE", "locate", true },
        { "POSITION.RESTRICTION", "restriction", true },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        if (strcmp(row[i].limit, limit) == 0)
            (void)fprintf(cli->out, "to change   wirepit limits set %s %s VALUE%s%s\n",
                          cli_text(order, "account"), row[i].field,
                          row[i].symbol ? " --symbol " : "",
                          row[i].symbol ? cli_text(order, "symbol") : "");
}

static char *limit_text(const char *limit, const json_t *value, char *text) {
    size_t bytes = strlen(limit);
    bool money = bytes > 3 && strcmp(limit + bytes - 3, "_E4") == 0;
    if (!json_is_integer(value)) return memcpy(text, "-", sizeof "-");
    return money ? text_money(json_integer_value(value), text)
                 : text_count(json_integer_value(value), text);
}

static void print_refusal(const struct cli *cli, const json_t *order, const json_t *refused) {
    char limit_value[TEXT_BYTES], value[TEXT_BYTES];
    const char *limit = cli_text(refused, "limit");
    (void)fprintf(cli->out, "%srefused     %s%s\n", text_paint(TABLE_RED, cli->color),
                  cli_text(refused, "reason"), text_paint(TABLE_PLAIN, cli->color));
    (void)fprintf(cli->out, "because     %s\n", cli_text(refused, "meaning"));
    if (limit[0] == 0) return;
    (void)fprintf(cli->out, "limit       %s was %s", limit,
                  limit_text(limit, json_object_get(refused, "limit_value"), limit_value));
    if (json_is_integer(json_object_get(refused, "value")))
        (void)fprintf(cli->out, "; the order needed %s",
                      limit_text(limit, json_object_get(refused, "value"), value));
    (void)fputc('\n', cli->out);
    say_remedy(cli, order, limit);
}

static void print_order(const struct cli *cli, const json_t *order) {
    char one[TEXT_BYTES], two[TEXT_BYTES], three[TEXT_BYTES];
    const json_t *refused = json_object_get(order, "refused");
    const json_t *ended = json_object_get(order, "ended");
    (void)fprintf(cli->out, "order       %" PRId64 ", %s:%" PRId64 " of %s%s\n",
                  cli_number(order, "id"), cli_text(order, "session"),
                  cli_number(order, "reference"), cli_text(order, "account"),
                  cli_true(order, "ioc") ? ", immediate or cancel" : "");
    (void)fprintf(cli->out, "asked       %s %s %s at %s, %s UTC\n", cli_text(order, "side"),
                  text_count(cli_number(order, "quantity"), one), cli_text(order, "symbol"),
                  text_money(cli_number(order, "price_e4"), two),
                  text_time(cli_number(order, "entered_ns"), three));
    (void)fprintf(cli->out, "state       %s, %s executed, %s open\n", cli_text(order, "state"),
                  text_count(cli_number(order, "executed"), one),
                  text_count(cli_number(order, "leaves"), two));
    if (json_is_integer(json_object_get(order, "replaces")))
        (void)fprintf(cli->out, "replaces    order %" PRId64 "\n", cli_number(order, "replaces"));
    if (json_is_object(refused)) print_refusal(cli, order, refused);
    if (json_is_object(ended))
        (void)fprintf(cli->out, "ended       %s: %s\n", cli_text(ended, "reason"),
                      cli_text(ended, "meaning"));
}

enum cli_exit cli_order(struct cli *cli, int count, char **words) {
    char id[CLI_PATH_BYTES];
    json_t *answer;
    if (count != 1)
        return cli_usage("order takes one id, as wirepit orders lists them, or SESSION:REFERENCE");
    int code = cli_get(cli, &answer, "/api/v1/orders/%s", cli_escape(words[0], id));
    if (code != 0) return cli_fail(code);
    if (cli->json) return cli_print_json(cli, answer);
    print_order(cli, answer);
    json_decref(answer);
    return CLI_DONE;
}

enum cli_exit cli_trades(struct cli *cli, int count, char **words) {
    static const struct table_column columns[] = {
        { "match", true, 0, false },      { "time", false, 1, false },
        { "symbol", false, 0, false },    { "price", true, 0, false },
        { "quantity", true, 0, false },   { "buyer", false, 0, true },
        { "seller", false, 0, false },    { "aggressor", false, 2, false },
        { "buyer pays", true, 3, false }, { "seller pays", true, 3, false },
    };
    char resource[CLI_PATH_BYTES], text[TEXT_BYTES];
    json_t *answer, *row;
    const json_t *rows;
    size_t index;
    if (!no_words(count, words)) return CLI_USAGE;
    list_resource(cli, resource, "trades");
    int code = cli_get(cli, &answer, "%s", resource);
    if (code != 0) return cli_fail(code);
    if (cli->json) return cli_print_json(cli, answer);
    struct table *table = table_new(COLUMNS(columns));
    rows = rows_of(answer);
    json_array_foreach((json_t *)(uintptr_t)rows, index, row) {
        table_cell(table, "%" PRId64, cli_number(row, "match"));
        table_cell(table, "%s", text_time(cli_number(row, "time_ns"), text));
        cell_text(table, row, "symbol");
        cell_money(table, row, "price_e4");
        cell_count(table, row, "quantity");
        cell_text(table, row, "buy_account");
        cell_text(table, row, "sell_account");
        cell_text(table, row, "aggressor");
        cell_money(table, row, "buy_fee_e4");
        cell_money(table, row, "sell_fee_e4");
    }
    (void)cli_end(cli, table, "no trades");
    say_more(cli, answer);
    json_decref(answer);
    return CLI_DONE;
}

/* ---- Accounts and positions ---- */

static const char *account_state(const json_t *row) {
    if (cli_true(row, "killed")) return "killed";
    if (cli_true(row, "firm_killed")) return "firm killed";
    return cli_true(row, "enabled") ? "ok" : "disabled";
}

enum cli_exit cli_accounts(struct cli *cli, int count, char **words) {
    static const struct table_column columns[] = {
        { "account", false, 0, true },  { "firm", false, 2, false },
        { "state", false, 0, false },   { "currency", false, 3, false },
        { "cash", true, 0, false },     { "buying power", true, 1, false },
        { "reserved", true, 1, false }, { "proceeds", true, 3, false },
        { "fees", true, 2, false },
    };
    json_t *answer, *row;
    const json_t *rows;
    size_t index;
    char resource[CLI_PATH_BYTES];
    if (!no_words(count, words)) return CLI_USAGE;
    (void)snprintf(resource, sizeof resource, "/api/v1/accounts?limit=%u",
                   cli->limit != 0 ? cli->limit : 1000);
    cli_filter(resource, "cursor", cli->cursor);
    int code = cli_get(cli, &answer, "%s", resource);
    if (code != 0) return cli_fail(code);
    if (cli->json) return cli_print_json(cli, answer);
    struct table *table = table_new(COLUMNS(columns));
    rows = rows_of(answer);
    json_array_foreach((json_t *)(uintptr_t)rows, index, row) {
        cell_text(table, row, "account");
        cell_text(table, row, "firm");
        table_cell(table, "%s", account_state(row));
        paint_state(table, account_state(row));
        cell_text(table, row, "currency");
        cell_money(table, row, "cash_e4");
        cell_money(table, row, "buying_power_e4");
        cell_money(table, row, "reserved_e4");
        cell_money(table, row, "proceeds_e4");
        cell_money(table, row, "fees_e4");
    }
    (void)cli_end(cli, table, "no accounts");
    say_more(cli, answer);
    json_decref(answer);
    return CLI_DONE;
}

static enum cli_exit print_positions(struct cli *cli, const json_t *rows, bool accounts) {
    static const struct table_column columns[] = {
        { "symbol", false, 0, true },   { "net", true, 0, false },
        { "open buy", true, 1, false }, { "open sell", true, 1, false },
        { "bought", true, 2, false },   { "sold", true, 2, false },
        { "long max", true, 3, false }, { "short max", true, 3, false },
        { "locate", true, 4, false },   { "restricted", false, 2, false },
    };
    static const struct table_column with_account[] = {
        { "account", false, 0, true },     { "symbol", false, 0, false },
        { "net", true, 0, false },         { "open buy", true, 1, false },
        { "open sell", true, 1, false },   { "bought", true, 2, false },
        { "sold", true, 2, false },        { "long max", true, 3, false },
        { "short max", true, 3, false },   { "locate", true, 4, false },
        { "restricted", false, 2, false },
    };
    struct table *table = accounts ? table_new(COLUMNS(with_account)) : table_new(COLUMNS(columns));
    size_t index, at;
    json_t *row, *word;
    json_array_foreach((json_t *)(uintptr_t)rows, index, row) {
        char restricted[TEXT_BYTES] = "";
        size_t used = 0;
        json_array_foreach(json_object_get(row, "restriction"), at, word) {
            int more = snprintf(restricted + used, sizeof restricted - used, "%s%s",
                                used > 0 ? " " : "", json_string_value(word));
            if (more > 0 && used + (size_t)more < sizeof restricted) used += (size_t)more;
        }
        if (accounts) cell_text(table, row, "account");
        cell_text(table, row, "symbol");
        cell_count(table, row, "net");
        table_paint(table, cli_number(row, "net") < 0 ? TABLE_RED : TABLE_PLAIN);
        cell_count(table, row, "open_buy");
        cell_count(table, row, "open_sell");
        cell_count(table, row, "bought");
        cell_count(table, row, "sold");
        cell_count(table, row, "long_max");
        cell_count(table, row, "short_max");
        cell_count(table, row, "locate");
        table_cell(table, "%s", restricted);
    }
    return cli_end(cli, table, "no positions");
}

enum cli_exit cli_account(struct cli *cli, int count, char **words) {
    static const struct {
        const char *title, *key;
        bool count;
    } line[] = {
        { "cash", "cash_e4", false },
        { "buying power", "buying_power_e4", false },
        { "reserved", "reserved_e4", false },
        { "proceeds", "proceeds_e4", false },
        { "deposited", "deposited_e4", false },
        { "fees", "fees_e4", false },
        { "largest order", "quantity_max", true },
        { "and its value", "notional_max_e4", false },
    };
    char id[CLI_PATH_BYTES], text[TEXT_BYTES];
    json_t *answer;
    if (count != 1) return cli_usage("account takes one name: wirepit account account01");
    int code = cli_get(cli, &answer, "/api/v1/accounts/%s", cli_escape(words[0], id));
    if (code != 0) return cli_fail(code);
    if (cli->json) return cli_print_json(cli, answer);
    const char *state = account_state(answer);
    (void)fprintf(cli->out, "%s of %s, %s, %s%s%s\n", cli_text(answer, "account"),
                  cli_text(answer, "firm"), cli_text(answer, "currency"),
                  text_paint(strcmp(state, "ok") == 0 ? TABLE_GREEN : TABLE_RED, cli->color), state,
                  text_paint(TABLE_PLAIN, cli->color));
    for (size_t i = 0; i < sizeof line / sizeof *line; i++) {
        int64_t value = cli_number(answer, line[i].key);
        (void)fprintf(cli->out, "  %-14s %26s\n", line[i].title,
                      line[i].count ? text_count(value, text) : text_money(value, text));
    }
    (void)fputc('\n', cli->out);
    (void)print_positions(cli, json_object_get(answer, "positions"), false);
    json_decref(answer);
    return CLI_DONE;
}

enum cli_exit cli_positions(struct cli *cli, int count, char **words) {
    char resource[CLI_PATH_BYTES];
    json_t *answer;
    const json_t *rows;
    if (!no_words(count, words)) return CLI_USAGE;
    (void)snprintf(resource, sizeof resource, "/api/v1/positions?limit=%u%s",
                   cli->limit != 0 ? cli->limit : 100, cli->all ? "&all=1" : "");
    cli_filter(resource, "cursor", cli->cursor);
    cli_filter(resource, "account", cli->account);
    cli_filter(resource, "symbol", cli->symbol);
    int code = cli_get(cli, &answer, "%s", resource);
    if (code != 0) return cli_fail(code);
    if (cli->json) return cli_print_json(cli, answer);
    rows = rows_of(answer);
    (void)print_positions(cli, rows, true);
    say_more(cli, answer);
    json_decref(answer);
    return CLI_DONE;
}
