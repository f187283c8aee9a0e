/* views: what can be seen: status, symbols, books, orders, trades, accounts, positions, limits,
 * alarms. */
#include "host/base/err.h"
#include "host/cli/cli.h"
#include "host/cli/refusal.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static json_t *rows_of(const json_t *answer) { return json_object_get(answer, "items"); }

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
    if (count > 0)
        (void)cli_usage("\"%s\" is one word too many; what the command takes says its --help",
                        words[0]);
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
    json_t *symbols = json_object_get(gateway, "symbols");
    json_array_foreach(symbols, index, row) {
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
    struct table *table = table_new(TABLE_COLUMNS(columns));
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
    (void)cli_print_table(cli, table, "no sessions");
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
    const json_t *alarm = json_object_get(office, "last_alarm");
    if (!json_is_object(alarm)) return;
    (void)snprintf(line, sizeof line, "%s%s%s; `wirepit alarms` lists all",
                   cli_text(alarm, "account"), cli_text(alarm, "account")[0] != 0 ? ": " : "",
                   cli_text(alarm, "text"));
    print_line(cli, "alarm", TABLE_RED, line);
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
    struct table *table = table_new(TABLE_COLUMNS(columns));
    json_array_foreach(json_object_get(answer, "symbols"), index, row) {
        cell_text(table, row, "name");
        cell_text(table, row, "state");
        paint_state(table, cli_text(row, "state"));
        cell_money(table, row, "base_e4");
        cell_money(table, row, "tick_e4");
        cell_count(table, row, "lot");
    }
    json_decref(answer);
    return cli_print_table(cli, table, "no symbols");
}

enum cli_exit cli_symbols(struct cli *cli, int count, char **words) {
    static const struct table_column columns[] = {
        { "symbol", false, 0, true }, { "state", false, 0, false }, { "bid", true, 0, false },
        { "shares", true, 2, false }, { "ask", true, 0, false },    { "shares", true, 2, false },
        { "last", true, 0, false },   { "trades", true, 1, false }, { "traded", true, 1, false },
        { "tick", true, 4, false },   { "lot", true, 5, false },
    };
    if (!no_words(count, words)) return CLI_USAGE;
    json_t *answer, *row, *rows;
    size_t index;
    int code = cli_get(cli, &answer, "/api/v1/symbols?limit=1000");
    if (code != 0 && cli_down(code)) return symbols_of_gateway(cli);
    if (code != 0) return cli_fail(code);
    if (cli->json) return cli_print_json(cli, answer);
    struct table *table = table_new(TABLE_COLUMNS(columns));
    rows = rows_of(answer);
    json_array_foreach(rows, index, row) {
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
    return cli_print_table(cli, table, "no symbols");
}

enum { PRICE_WIDTH = 12, SHARES_WIDTH = 12, BAR_MIN = 4, BAR_MAX = 30 };

/* How wide the columns of a ladder are, on either side. */
struct ladder {
    int price, shares, bar;
    uint64_t shares_max; /* has the longest bar */
};

/* One level: bids on the left with their bar towards the middle, asks on the right. */
static void print_level(const struct cli *cli, const struct ladder *ladder, const json_t *bid,
                        const json_t *ask) {
    char bar[BAR_MAX + 1], shares[TEXT_BYTES], price[TEXT_BYTES];
    const char *green = text_paint(TABLE_GREEN, cli->color);
    const char *red = text_paint(TABLE_RED, cli->color), *end = text_paint(TABLE_PLAIN, cli->color);
    uint64_t bid_shares = (uint64_t)cli_number(bid, "shares");
    uint64_t ask_shares = (uint64_t)cli_number(ask, "shares");
    uint32_t bar_width = (uint32_t)ladder->bar;
    if (bid != NULL)
        (void)fprintf(cli->out, "%s%*s%s %*s %*s", green, ladder->bar,
                      text_bar(bid_shares, ladder->shares_max, bar_width, bar), end, ladder->shares,
                      text_count((int64_t)bid_shares, shares), ladder->price,
                      text_money(cli_number(bid, "price_e4"), price));
    else
        (void)fprintf(cli->out, "%*s", ladder->bar + 2 + ladder->shares + ladder->price, "");
    if (ask != NULL)
        (void)fprintf(cli->out, "  %-*s %-*s %s%s%s", ladder->price,
                      text_money(cli_number(ask, "price_e4"), price), ladder->shares,
                      text_count((int64_t)ask_shares, shares), red,
                      text_bar(ask_shares, ladder->shares_max, bar_width, bar), end);
    (void)fputc('\n', cli->out);
}

/* The widths that the levels of a side need at least. */
static void measure_side(struct ladder *ladder, json_t *levels) {
    char text[TEXT_BYTES];
    size_t index;
    json_t *level;
    json_array_foreach(levels, index, level) {
        uint64_t shares = (uint64_t)cli_number(level, "shares");
        int shares_width = (int)strlen(text_count((int64_t)shares, text));
        int price_width = (int)strlen(text_money(cli_number(level, "price_e4"), text));
        if (shares > ladder->shares_max) ladder->shares_max = shares;
        if (shares_width > ladder->shares) ladder->shares = shares_width;
        if (price_width > ladder->price) ladder->price = price_width;
    }
}

/* Columns keep their width from picture to picture where there is room; in a narrow terminal they
   are as wide as they must be. */
static struct ladder ladder_lay_out(json_t *bids, json_t *asks, uint32_t width) {
    struct ladder ladder = { .price = sizeof "bid" - 1, .shares = sizeof "shares" - 1 };
    const int gaps = 6;
    measure_side(&ladder, bids);
    measure_side(&ladder, asks);
    bool roomy = width == 0 || (int)width >= gaps + 2 * (PRICE_WIDTH + SHARES_WIDTH + BAR_MIN);
    if (roomy && ladder.price < PRICE_WIDTH) ladder.price = PRICE_WIDTH;
    if (roomy && ladder.shares < SHARES_WIDTH) ladder.shares = SHARES_WIDTH;
    ladder.bar = width == 0 ? BAR_MAX : ((int)width - gaps) / 2 - ladder.price - ladder.shares;
    if (ladder.bar > BAR_MAX) ladder.bar = BAR_MAX;
    if (ladder.bar < 1) ladder.bar = 1;
    return ladder;
}

static void print_book(const struct cli *cli, const json_t *answer) {
    char last[TEXT_BYTES], quantity[TEXT_BYTES], heading[CLI_PATH_BYTES];
    json_t *bids = json_object_get(answer, "bids"), *asks = json_object_get(answer, "asks");
    struct ladder ladder = ladder_lay_out(bids, asks, cli->width);
    int64_t last_e4 = cli_number(answer, "last_e4");
    (void)snprintf(heading, sizeof heading, "%s  %s  last %s x %s  record %" PRId64,
                   cli_text(answer, "symbol"), cli_text(answer, "state"),
                   last_e4 != 0 ? text_money(last_e4, last) : "-",
                   last_e4 != 0 ? text_count(cli_number(answer, "last_quantity"), quantity) : "-",
                   cli_number(answer, "position"));
    (void)fprintf(cli->out, "%s%s%s\n", text_paint(TABLE_BOLD, cli->color), heading,
                  text_paint(TABLE_PLAIN, cli->color));
    (void)fprintf(cli->out, "%*s %*s %*s  %-*s %s\n", ladder.bar, "", ladder.shares, "shares",
                  ladder.price, "bid", ladder.price, "ask", "shares");
    size_t rows = json_array_size(bids) > json_array_size(asks) ? json_array_size(bids)
                                                                : json_array_size(asks);
    for (size_t i = 0; i < rows; i++)
        print_level(cli, &ladder, json_array_get(bids, i), json_array_get(asks, i));
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
        { "id", true, 0, false },       { "session:ref", false, 4, false },
        { "account", false, 6, false }, { "side", false, 2, false },
        { "quantity", true, 1, false }, { "symbol", false, 0, false },
        { "price", true, 0, false },    { "executed", true, 5, false },
        { "state", false, 0, false },   { "why", false, 3, true },
        { "time", false, 7, false },
    };
    char resource[CLI_PATH_BYTES], text[TEXT_BYTES];
    json_t *answer, *row, *rows;
    size_t index;
    if (!no_words(count, words)) return CLI_USAGE;
    list_resource(cli, resource, "orders");
    int code = cli_get(cli, &answer, "%s", resource);
    if (code != 0) return cli_fail(code);
    if (cli->json) return cli_print_json(cli, answer);
    struct table *table = table_new(TABLE_COLUMNS(columns));
    rows = rows_of(answer);
    json_array_foreach(rows, index, row) {
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
    (void)cli_print_table(cli, table, "no orders");
    say_more(cli, answer);
    json_decref(answer);
    return CLI_DONE;
}

static void print_order(const struct cli *cli, const json_t *order) {
    char one[TEXT_BYTES], two[TEXT_BYTES], three[TEXT_BYTES];
    const json_t *refused = json_object_get(order, "refused");
    const json_t *ended = json_object_get(order, "ended");
    const char *account =
        cli_text(order, "account"); /* "" when it got no further than the gateway */
    (void)fprintf(cli->out, "order       %" PRId64 ", %s:%" PRId64 "%s%s%s\n",
                  cli_number(order, "id"), cli_text(order, "session"),
                  cli_number(order, "reference"), account[0] != 0 ? " of " : "", account,
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
    if (json_is_object(refused)) refusal_print(cli->out, cli->color, order);
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
        { "match", true, 2, false },     { "time", false, 3, false },
        { "symbol", false, 0, false },   { "price", true, 0, false },
        { "quantity", true, 0, false },  { "buyer", false, 0, true },
        { "seller", false, 1, false },   { "aggressor", false, 4, false },
        { "buyer fee", true, 5, false }, { "seller fee", true, 5, false },
    };
    char resource[CLI_PATH_BYTES], text[TEXT_BYTES];
    json_t *answer, *row, *rows;
    size_t index;
    if (!no_words(count, words)) return CLI_USAGE;
    list_resource(cli, resource, "trades");
    int code = cli_get(cli, &answer, "%s", resource);
    if (code != 0) return cli_fail(code);
    if (cli->json) return cli_print_json(cli, answer);
    struct table *table = table_new(TABLE_COLUMNS(columns));
    rows = rows_of(answer);
    json_array_foreach(rows, index, row) {
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
    (void)cli_print_table(cli, table, "no trades");
    say_more(cli, answer);
    json_decref(answer);
    return CLI_DONE;
}

enum cli_exit cli_alarms(struct cli *cli, int count, char **words) {
    static const struct table_column columns[] = {
        { "alarm", true, 0, false },   { "time", false, 2, false },   { "record", true, 3, false },
        { "account", false, 0, true }, { "symbol", false, 1, false }, { "what", false, 0, false },
    };
    char resource[CLI_PATH_BYTES], text[TEXT_BYTES];
    json_t *answer, *row, *rows;
    size_t index;
    if (!no_words(count, words)) return CLI_USAGE;
    list_resource(cli, resource, "alarms");
    int code = cli_get(cli, &answer, "%s", resource);
    if (code != 0) return cli_fail(code);
    if (cli->json) return cli_print_json(cli, answer);
    struct table *table = table_new(TABLE_COLUMNS(columns));
    rows = rows_of(answer);
    json_array_foreach(rows, index, row) {
        table_cell(table, "%" PRId64, cli_number(row, "number"));
        table_cell(table, "%s", text_time(cli_number(row, "time_ns"), text));
        cell_count(table, row, "position");
        cell_text(table, row, "account");
        cell_text(table, row, "symbol");
        cell_text(table, row, "text");
    }
    (void)cli_print_table(cli, table, "no alarms: the books and the card agree");
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
    json_t *answer, *row, *rows;
    size_t index;
    char resource[CLI_PATH_BYTES];
    if (!no_words(count, words)) return CLI_USAGE;
    (void)snprintf(resource, sizeof resource, "/api/v1/accounts?limit=%u",
                   cli->limit != 0 ? cli->limit : 1000);
    cli_filter(resource, "cursor", cli->cursor);
    int code = cli_get(cli, &answer, "%s", resource);
    if (code != 0) return cli_fail(code);
    if (cli->json) return cli_print_json(cli, answer);
    struct table *table = table_new(TABLE_COLUMNS(columns));
    rows = rows_of(answer);
    json_array_foreach(rows, index, row) {
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
    (void)cli_print_table(cli, table, "no accounts");
    say_more(cli, answer);
    json_decref(answer);
    return CLI_DONE;
}

static enum cli_exit print_positions(struct cli *cli, json_t *rows, bool accounts) {
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
    struct table *table =
        accounts ? table_new(TABLE_COLUMNS(with_account)) : table_new(TABLE_COLUMNS(columns));
    char text[TEXT_BYTES];
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row) {
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
        table_cell(table, "%s", cli_restriction(row, text));
    }
    return cli_print_table(cli, table, "no positions");
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
        { "open orders", "open_count", true },
        { "and their value", "gross_e4", false },
        { "traded today", "traded_e4", false },
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
        (void)(line[i].count ? text_count(value, text) : text_money(value, text));
        int whole = (int)strcspn(text, "."); /* points stand below each other */
        (void)fprintf(cli->out, "  %-15s %16.*s%s\n", line[i].title, whole, text, text + whole);
    }
    (void)fputc('\n', cli->out);
    (void)print_positions(cli, json_object_get(answer, "positions"), false);
    json_decref(answer);
    return CLI_DONE;
}

enum cli_exit cli_positions(struct cli *cli, int count, char **words) {
    char resource[CLI_PATH_BYTES];
    json_t *answer;
    if (!no_words(count, words)) return CLI_USAGE;
    (void)snprintf(resource, sizeof resource, "/api/v1/positions?limit=%u%s",
                   cli->limit != 0 ? cli->limit : 100, cli->all ? "&all=1" : "");
    cli_filter(resource, "cursor", cli->cursor);
    cli_filter(resource, "account", cli->account);
    cli_filter(resource, "symbol", cli->symbol);
    int code = cli_get(cli, &answer, "%s", resource);
    if (code != 0) return cli_fail(code);
    if (cli->json) return cli_print_json(cli, answer);
    (void)print_positions(cli, rows_of(answer), true);
    say_more(cli, answer);
    json_decref(answer);
    return CLI_DONE;
}
