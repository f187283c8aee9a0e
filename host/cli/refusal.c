#include "host/cli/refusal.h"
#include "host/cli/table.h"
#include <string.h>

/* A reason, and the limit where it has several; what stood in the way, and the next step. In both
   {account}, {symbol} and {session} are the order's, {limit} what the limit was and {value} what
   the order came to. */
struct hint {
    const char *reason, *limit, *found, *advice;
};

// clang-format off
static const struct hint hints[] = {
    { "PRICE_OFF_TICK", NULL, "prices of {symbol} go in steps of {limit}; the order asked for {value}", "the client sends whole steps; `wirepit symbols` shows them" },
    { "ODD_LOT", NULL, "quantities of {symbol} are whole lots of {limit}; the order asked for {value}", "the client sends whole lots; `wirepit symbols` shows them" },
    { "OUTSIDE_BAND", NULL, "prices of {symbol} end at {limit}; the order asked for {value}", "the client sends another price; base and tick in the configuration say where prices begin and end" },
    { "OUTSIDE_COLLAR", NULL, "{symbol} takes prices up to {limit} ticks from its reference; this was {value} away", "the client sends a closer price; collar in the configuration says how close" },
    { "NO_REFERENCE", NULL, "{symbol} has no price that others are measured from", "reference in the configuration gives it one" },
    { "UNKNOWN_ORDER", NULL, "the order that it replaces or cancels was no longer open", "nothing: it had traded, or was taken off, before this came" },
    { "KILLED", NULL, "all were killed", "wirepit release all" },
    { "FIRM_KILLED", NULL, "the firm of {account} was killed", "wirepit release firm NAME; `wirepit accounts` shows the firm" },
    { "ACCOUNT_KILLED", NULL, "{account} was killed", "wirepit release account {account}" },
    { "SESSION_KILLED", NULL, "session {session} was killed", "wirepit release session {session}" },
    { "ACCOUNT_DISABLED", NULL, "enabled of {account} was {limit}", "wirepit limits set {account} enabled 1" },
    { "SYMBOL_CLOSED", NULL, "{symbol} was closed", "wirepit open {symbol}" },
    { "SYMBOL_HALTED", NULL, "{symbol} was halted", "wirepit open {symbol}" },
    { "RESTRICTED", NULL, "restriction of {account} in {symbol} was {limit}: 1 no buying, 2 no selling, 4 only closing, or their sum", "wirepit limits set {account} restriction 0 --symbol {symbol}" },
    { "KIND_NOT_ALLOWED", NULL, "{symbol} was in its auction, which takes limit orders for the day", "the client sends such an order, or waits until {symbol} is open" },
    { "MESSAGE_RATE", NULL, "rate_burst of {account} was {limit}; its messages were {value} ahead of their rate", "the client sends fewer; or wirepit limits set {account} rate_burst VALUE, or rate_interval, what each one costs" },
    { "DUPLICATE", NULL, "duplicate of {account} was {limit}; the same order had been taken {value} before", "the client waits as long; or wirepit limits set {account} duplicate VALUE" },
    { "OPEN_ORDERS", NULL, "open_orders of {account} was {limit}; with this order there would have been {value}", "wirepit limits set {account} open_orders VALUE" },
    { "GROSS_NOTIONAL", NULL, "open_notional of {account} was {limit}; with this order it would have come to {value}", "wirepit limits set {account} open_notional VALUE" },
    { "DAILY_NOTIONAL", NULL, "daily_notional of {account} was {limit}; with this order it could have come to {value}", "wirepit limits set {account} daily_notional VALUE" },
    { "ORDER_QUANTITY", NULL, "quantity_max of {account} was {limit}; the order came to {value}", "wirepit limits set {account} quantity_max VALUE" },
    { "ORDER_NOTIONAL", NULL, "notional_max of {account} was {limit}; the order came to {value}", "wirepit limits set {account} notional_max VALUE" },
    { "POSITION_LIMIT", NULL, "long_max of {account} in {symbol} was {limit}; with this order it could have come to {value}", "wirepit limits set {account} long_max VALUE --symbol {symbol}" },
    { "SHORT_LIMIT", "POSITION.SHORT_MAX", "short_max of {account} in {symbol} was {limit}; with this order it could have come to {value}", "wirepit limits set {account} short_max VALUE --symbol {symbol}" },
    { "SHORT_LIMIT", "POSITION.LOCATE", "locate of {account} in {symbol} was {limit}; with this order the short could have come to {value}", "wirepit limits set {account} locate VALUE --symbol {symbol}" },
    { "BUYING_POWER", NULL, "{account} could spend {limit}; the order came to {value}", "cancel open buys: `wirepit account {account}` shows what they reserve" },
    { "gateway: INVALID_SYMBOL", NULL, "there is no symbol {symbol}", "the client sends another; `wirepit symbols` lists them" },
};
// clang-format on

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

/* A limit's value in its unit, which the end of its name tells; "?" for none. */
static const char *value_text(const char *limit, const json_t *value, char text[TEXT_BYTES]) {
    size_t bytes = strlen(limit);
    bool money = bytes > 3 && strcmp(limit + bytes - 3, "_E4") == 0;
    bool time = bytes > 3 && strcmp(limit + bytes - 3, "_NS") == 0;
    if (!json_is_integer(value)) return "?";
    if (time) return text_duration((uint64_t)json_integer_value(value), text);
    return money ? text_money(json_integer_value(value), text)
                 : text_count(json_integer_value(value), text);
}

static const struct hint *hint_find(const char *reason, const char *limit) {
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        if (strcmp(hints[i].reason, reason) == 0 &&
            (hints[i].limit == NULL || strcmp(hints[i].limit, limit) == 0))
            return &hints[i];
    return NULL;
}

/* Writes a text of a hint with what its braces stand for. */
static void print_filled(FILE *out, const char *text, const json_t *order) {
    const json_t *refused = json_object_get(order, "refused");
    const char *limit = text_of(refused, "limit");
    char limit_text[TEXT_BYTES], order_text[TEXT_BYTES];
    const struct {
        const char *name, *text;
    } row[] = {
        { "{account}", text_of(order, "account") },
        { "{symbol}", text_of(order, "symbol") },
        { "{session}", text_of(order, "session") },
        { "{limit}", value_text(limit, json_object_get(refused, "limit_value"), limit_text) },
        { "{value}", value_text(limit, json_object_get(refused, "value"), order_text) },
    };
    while (*text != 0) {
        size_t i = 0, rows = sizeof row / sizeof *row;
        while (i < rows && strncmp(text, row[i].name, strlen(row[i].name)) != 0) i++;
        if (i == rows) {
            (void)fputc(*text++, out);
            continue;
        }
        (void)fputs(row[i].text, out);
        text += strlen(row[i].name);
    }
    (void)fputc('\n', out);
}

void refusal_print(FILE *out, bool color, const json_t *order) {
    const json_t *refused = json_object_get(order, "refused");
    const char *reason = text_of(refused, "reason"), *limit = text_of(refused, "limit");
    const struct hint *hint = hint_find(reason, limit);
    (void)fprintf(out, "%srefused     %s%s\n", text_paint(TABLE_RED, color), reason,
                  text_paint(TABLE_PLAIN, color));
    (void)fprintf(out, "because     %s\n", text_of(refused, "meaning"));
    if (hint != NULL) {
        bool told = json_is_integer(json_object_get(refused, "limit_value"));
        if (told || strstr(hint->found, "{limit}") == NULL) {
            (void)fputs("limit       ", out);
            print_filled(out, hint->found, order);
        }
        (void)fputs("next        ", out);
        print_filled(out, hint->advice, order);
    } else if (limit[0] != 0) {
        (void)fprintf(out, "limit       %s", limit);
        print_filled(out, " was {limit}; the order came to {value}", order);
    }
}
