/* api_read: what the API says: rows of the store and of the fold as JSON. */
#include "host/base/err.h"
#include "host/office/api_state.h"
#include "host/wire/ouch.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT_DEFAULT = 100, DEPTH_DEFAULT = 10, DEPTH_MAX = 4096 };

/* ---- Parameters ---- */

static unsigned whole(const struct api_request *request, const char *name, int64_t min, int64_t max,
                      int64_t *value, bool *given, json_t **answer) {
    const char *text = request->argument(request->context, name);
    if (given != NULL) *given = text != NULL;
    if (text == NULL) return 0;
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno == 0 && *text != '\0' && *end == '\0' && number >= min && number <= max) {
        *value = number;
        return 0;
    }
    return api_fail(answer, 400, "bad_request", NULL,
                    "%s is a whole number from %" PRId64 " to %" PRId64 ", not \"%.40s\"", name,
                    min, max, text);
}

static unsigned page(const struct api_request *request, struct store_query *query,
                     json_t **answer) {
    int64_t limit = LIMIT_DEFAULT;
    unsigned status = whole(request, "limit", 1, STORE_PAGE_MAX, &limit, NULL, answer);
    if (status == 0)
        status = whole(request, "cursor", INT64_MIN, INT64_MAX, &query->after, &query->have_after,
                       answer);
    query->limit = (uint32_t)limit;
    return status;
}

/* A filter by a row of the card: its column must be the named row. */
static unsigned filter(const struct api *api, const struct api_request *request,
                       enum names_kind kind, const char *column, const char *other,
                       struct store_query *query, json_t **answer) {
    const char *text = request->argument(request->context, names_kind_text(kind));
    int64_t number;
    if (text == NULL) return 0;
    unsigned status = api_row(api, kind, text, &number, answer);
    if (status != 0) return status;
    query->matches[query->match_count].column = column;
    query->matches[query->match_count].other = other;
    query->matches[query->match_count++].value = number;
    return 0;
}

/* ---- Lists ---- */

typedef json_t *row_json(struct api *api, const void *row);

static unsigned list(struct api *api, enum store_table table, const struct store_query *query,
                     size_t row_bytes, row_json *make, json_t **answer) {
    bool more = false;
    char *rows = calloc(query->limit, row_bytes);
    int count = rows != NULL ? store_list(office_store(api->office), table, query, rows, &more)
                             : err_set(-ENOMEM, "no memory for a page");
    if (count < 0) {
        free(rows);
        return api_broken(answer);
    }
    json_t *items = json_array();
    int64_t last = 0;
    for (int i = 0; i < count; i++) {
        const char *row = rows + (size_t)i * row_bytes;
        (void)json_array_append_new(items, make(api, row));
        memcpy(&last, row, sizeof last); /* the key is the first column */
    }
    free(rows);
    *answer = json_pack("{sososI}", "items", items, "next", more ? json_integer(last) : json_null(),
                        "position", (json_int_t)fold_progress(office_fold(api->office))->record);
    return 200;
}

static json_t *integer_or_null(int64_t value, bool there) {
    return there ? json_integer(value) : json_null();
}

/* ---- Status ---- */

unsigned api_health(struct api *api, const struct api_request *request, const char *rest,
                    json_t **answer) {
    (void)request;
    (void)rest;
    *answer = api->failure == NULL
                  ? json_pack("{ss}", "status", "ok")
                  : json_pack("{ssss}", "status", "failing", "reason", api->failure);
    return api->failure == NULL ? 200 : 503;
}

static json_t *alarm_json(struct api *api, const void *row) {
    const struct store_alarm *alarm = row;
    return json_pack("{sIsIsIsssososIsIss}", "number", (json_int_t)alarm->number, "time_ns",
                     (json_int_t)alarm->time_ns, "position", (json_int_t)alarm->record, "kind",
                     alarm->kind, "account", api_name(api, NAMES_ACCOUNT, alarm->account), "symbol",
                     api_name(api, NAMES_SYMBOL, alarm->symbol), "expected",
                     (json_int_t)alarm->expected, "found", (json_int_t)alarm->found, "text",
                     alarm->text);
}

/* The alarm that came last, or null. */
static json_t *last_alarm(struct api *api) {
    uint64_t count = fold_counts(office_fold(api->office)).alarms;
    struct store_alarm alarm;
    bool found =
        count > 0 && store_get(office_store(api->office), STORE_alarm, (int64_t)count, &alarm) == 1;
    return found ? alarm_json(api, &alarm) : json_null();
}

unsigned api_status(struct api *api, const struct api_request *request, const char *rest,
                    json_t **answer) {
    struct fold *fold = office_fold(api->office);
    const struct store_progress *progress = fold_progress(fold);
    const struct fold_counts counts = fold_counts(fold);
    const struct fold_options *options = &office_settings(api->office)->fold;
    json_int_t symbols = 0, accounts = 0;
    (void)request;
    (void)rest;
    for (uint32_t i = 0; i < options->symbols; i++) symbols += fold_symbol(fold, i) != NULL;
    for (uint32_t i = 0; i < options->accounts; i++) accounts += fold_account(fold, i) != NULL;
    json_t *json = json_pack(
        "{sssIsIsbsosi}", "status", api->failure == NULL ? "ok" : "failing", "position",
        (json_int_t)progress->record, "time_ns", (json_int_t)progress->time_ns, "killed",
        progress->killed != 0, "reason",
        api->failure == NULL ? json_null() : json_string(api->failure), "schema", store_version());
    (void)json_object_set_new(json, "books_balanced",
                              json_boolean(api->failure == NULL && progress->differences == 0));
    (void)json_object_set_new(
        json, "gateway",
        json_pack("{soso}", "port",
                  api->gateway_path != NULL ? json_string(api->gateway_path) : json_null(),
                  "last_error",
                  api->gateway_error[0] != '\0' ? json_string(api->gateway_error) : json_null()));
    (void)json_object_set_new(json, "counts",
                              json_pack("{sIsIsIsIsIsIsI}", "symbols", symbols, "accounts",
                                        accounts, "orders", (json_int_t)counts.orders,
                                        "orders_open", (json_int_t)counts.orders_open, "trades",
                                        (json_int_t)counts.trades, "transfers",
                                        (json_int_t)ledger_transfers_count(fold_ledger(fold)),
                                        "alarms", (json_int_t)counts.alarms));
    (void)json_object_set_new(json, "check",
                              json_pack("{sIsIsI}", "rows", (json_int_t)progress->checked,
                                        "differences", (json_int_t)progress->differences,
                                        "last_position", (json_int_t)progress->checked_record));
    (void)json_object_set_new(json, "last_alarm", last_alarm(api));
    (void)json_object_set_new(json, "fees",
                              json_pack("{sIsI}", "maker_e4", (json_int_t)progress->maker_e4,
                                        "taker_e4", (json_int_t)progress->taker_e4));
    *answer = json;
    return 200;
}

/* ---- Symbols and books ---- */

static const char *state_text(int64_t state) {
    static const char *const words[] = { "closed", "auction", "open", "halted" };
    return state >= 0 && state < 4 ? words[state] : "?";
}

static json_t *symbol_json(struct api *api, const void *row) {
    const struct store_symbol *symbol = row;
    const struct book *book = fold_book(office_fold(api->office));
    struct book_level bid = { .shares = 0 }, ask = { .shares = 0 };
    bool bids = book_levels(book, (uint16_t)symbol->number, SIDE_BUY, &bid, 1) > 0;
    bool asks = book_levels(book, (uint16_t)symbol->number, SIDE_SELL, &ask, 1) > 0;
    json_t *json =
        json_pack("{sosIsssIsIsIsosIsIsI}", "symbol", api_name(api, NAMES_SYMBOL, symbol->number),
                  "number", (json_int_t)symbol->number, "state", state_text(symbol->state),
                  "base_e4", (json_int_t)symbol->base_e4, "tick_e4", (json_int_t)symbol->tick_e4,
                  "lot", (json_int_t)symbol->lot, "reference_e4",
                  integer_or_null(symbol->base_e4 + symbol->reference * symbol->tick_e4,
                                  symbol->reference >= 0),
                  "collar", (json_int_t)symbol->collar, "trades", (json_int_t)symbol->trades,
                  "shares", (json_int_t)symbol->shares);
    (void)json_object_set_new(json, "bid_e4", integer_or_null(bid.price_e4, bids));
    (void)json_object_set_new(json, "bid_shares", json_integer((json_int_t)bid.shares));
    (void)json_object_set_new(json, "ask_e4", integer_or_null(ask.price_e4, asks));
    (void)json_object_set_new(json, "ask_shares", json_integer((json_int_t)ask.shares));
    (void)json_object_set_new(json, "last_e4",
                              integer_or_null(symbol->last_e4, symbol->last_e4 != 0));
    (void)json_object_set_new(json, "last_quantity", json_integer(symbol->last_quantity));
    return json;
}

unsigned api_symbols(struct api *api, const struct api_request *request, const char *rest,
                     json_t **answer) {
    struct store_query query = { .limit = 0 };
    (void)rest;
    unsigned status = page(request, &query, answer);
    return status != 0
               ? status
               : list(api, STORE_symbol, &query, sizeof(struct store_symbol), symbol_json, answer);
}

static json_t *levels_json(const struct book *book, uint16_t symbol, uint8_t side, uint32_t depth) {
    struct book_level *levels = calloc(depth, sizeof *levels);
    uint32_t count = levels != NULL ? book_levels(book, symbol, side, levels, depth) : 0;
    json_t *array = json_array();
    for (uint32_t i = 0; i < count; i++)
        (void)json_array_append_new(
            array, json_pack("{sIsIsI}", "price_e4", (json_int_t)levels[i].price_e4, "shares",
                             (json_int_t)levels[i].shares, "orders", (json_int_t)levels[i].orders));
    free(levels);
    return array;
}

unsigned api_book(struct api *api, const struct api_request *request, const char *rest,
                  json_t **answer) {
    struct fold *fold = office_fold(api->office);
    int64_t number, depth = DEPTH_DEFAULT;
    unsigned status = api_row(api, NAMES_SYMBOL, *rest == '/' ? rest + 1 : rest, &number, answer);
    if (status == 0) status = whole(request, "depth", 1, DEPTH_MAX, &depth, NULL, answer);
    if (status != 0) return status;
    const struct store_symbol *symbol = fold_symbol(fold, (uint32_t)number);
    *answer =
        json_pack("{sosIsssIsosIsoso}", "symbol", api_name(api, NAMES_SYMBOL, number), "number",
                  (json_int_t)number, "state", state_text(symbol->state), "position",
                  (json_int_t)fold_progress(fold)->record, "last_e4",
                  integer_or_null(symbol->last_e4, symbol->last_e4 != 0), "last_quantity",
                  (json_int_t)symbol->last_quantity, "bids",
                  levels_json(fold_book(fold), (uint16_t)number, SIDE_BUY, (uint32_t)depth), "asks",
                  levels_json(fold_book(fold), (uint16_t)number, SIDE_SELL, (uint32_t)depth));
    return 200;
}

/* ---- Orders and trades ---- */

static const char *const order_states[] = {
    "?", "open", "filled", "canceled", "replaced", "refused"
};

static const char *reject_meaning(int64_t reject) {
    switch (reject) {
#define REJECT(name, number, meaning) \
    case number:                      \
        return meaning;
#include "host/wire/ouch_reject.def"
#undef REJECT
    default:
        return "?";
    }
}

static json_t *refusal_json(const struct store_order *order) {
    char text[64];
    if (order->state != STORE_ORDER_REFUSED) return json_null();
    if (order->by_gateway) {
        (void)snprintf(text, sizeof text, "gateway: %s", ouch_reject_name((unsigned)order->reason));
        return json_pack("{sssssosososs}", "reason", text, "meaning", reject_meaning(order->reason),
                         "limit", json_null(), "limit_value", json_null(), "value", json_null(),
                         "asked_symbol", order->asked);
    }
    const struct abi_row *row = order->limit_row != 0 ? abi_row((unsigned)order->limit_row >> 8,
                                                                (unsigned)order->limit_row & 0xff)
                                                      : NULL;
    (void)snprintf(text, sizeof text, "%s.%s", row != NULL ? row->table : "",
                   row != NULL ? row->name : "");
    return json_pack("{sssssososo}", "reason", abi_reason_name((unsigned)order->reason), "meaning",
                     abi_reason_meaning((unsigned)order->reason), "limit",
                     row != NULL ? json_string(text) : json_null(), "limit_value",
                     integer_or_null(order->limit_value, row != NULL), "value",
                     integer_or_null(order->value, row != NULL));
}

static json_t *order_json(struct api *api, const void *row) {
    const struct store_order *order = row;
    bool ended = order->state == STORE_ORDER_CANCELED;
    json_t *symbol = order->symbol < 0 && order->asked[0] != '\0'
                         ? json_string(order->asked)
                         : api_name(api, NAMES_SYMBOL, order->symbol);
    json_t *json =
        json_pack("{sIsosIsIsososssIsIsIsIss}", "id", (json_int_t)order->id, "session",
                  api_name(api, NAMES_SESSION, order->session), "session_number",
                  (json_int_t)order->session, "reference", (json_int_t)order->reference, "account",
                  api_name(api, NAMES_ACCOUNT, order->account), "symbol", symbol, "side",
                  order->side == SIDE_BUY ? "buy" : "sell", "price_e4", (json_int_t)order->price_e4,
                  "quantity", (json_int_t)order->quantity, "executed", (json_int_t)order->executed,
                  "leaves", (json_int_t)order->leaves, "state", order_states[order->state]);
    (void)json_object_set_new(json, "ioc", json_boolean(order->ioc != 0));
    (void)json_object_set_new(json, "entered_ns", json_integer(order->entered_ns));
    (void)json_object_set_new(json, "changed_ns", json_integer(order->changed_ns));
    (void)json_object_set_new(json, "replaces",
                              integer_or_null(order->replaces, order->replaces != 0));
    (void)json_object_set_new(json, "ended",
                              ended ? json_pack("{ssss}", "reason",
                                                abi_reason_name((unsigned)order->reason), "meaning",
                                                abi_reason_meaning((unsigned)order->reason))
                                    : json_null());
    (void)json_object_set_new(json, "refused", refusal_json(order));
    return json;
}

/* SESSION:REFERENCE, the latest of that number; session names have no colon that is not theirs. */
static unsigned order_of_client(struct api *api, const char *text, const char *colon,
                                struct store_order *order, int *found, json_t **answer) {
    char session[64], *end;
    int64_t number;
    bool more;
    (void)snprintf(session, sizeof session, "%.*s", (int)(colon - text < 63 ? colon - text : 63),
                   text);
    unsigned status = api_row(api, NAMES_SESSION, session, &number, answer);
    if (status != 0) return status;
    errno = 0;
    long long reference = strtoll(colon + 1, &end, 10);
    if (errno != 0 || *end != '\0' || end == colon + 1 || reference < 0) return 0;
    struct store_query query = { .newest_first = true,
                                 .limit = 1,
                                 .match_count = 2,
                                 .matches = { { "session", NULL, number },
                                              { "reference", NULL, reference } } };
    *found = store_list(office_store(api->office), STORE_order, &query, order, &more);
    return 0;
}

static unsigned one_order(struct api *api, const char *text, json_t **answer) {
    struct store_order order;
    const char *colon = strrchr(text, ':');
    int found = 0;
    if (colon != NULL) {
        unsigned status = order_of_client(api, text, colon, &order, &found, answer);
        if (status != 0) return status;
    } else if (*text >= '0' && *text <= '9') {
        char *end;
        errno = 0;
        long long id = strtoll(text, &end, 10);
        if (errno == 0 && *end == '\0')
            found = store_get(office_store(api->office), STORE_order, id, &order);
    }
    if (found < 0) return api_broken(answer);
    if (found == 0)
        return api_fail(answer, 404, "unknown_order", NULL,
                        "there is no order \"%.64s\"; an order is named by its id, or by "
                        "SESSION:REFERENCE",
                        text);
    *answer = order_json(api, &order);
    return 200;
}

unsigned api_orders(struct api *api, const struct api_request *request, const char *rest,
                    json_t **answer) {
    struct store_query query = { .newest_first = true };
    if (*rest == '/') return one_order(api, rest + 1, answer);
    unsigned status = page(request, &query, answer);
    if (status == 0) status = filter(api, request, NAMES_ACCOUNT, "account", NULL, &query, answer);
    if (status == 0) status = filter(api, request, NAMES_SYMBOL, "symbol", NULL, &query, answer);
    if (status == 0) status = filter(api, request, NAMES_SESSION, "session", NULL, &query, answer);
    if (status != 0) return status;
    const char *state = request->argument(request->context, "state");
    if (state != NULL) {
        int64_t number = 1;
        while (number <= STORE_ORDER_REFUSED && strcmp(order_states[number], state) != 0) number++;
        if (number > STORE_ORDER_REFUSED)
            return api_fail(answer, 400, "bad_request", NULL,
                            "state is open, filled, canceled, replaced or refused, not \"%.40s\"",
                            state);
        query.matches[query.match_count].column = "state";
        query.matches[query.match_count].other = NULL;
        query.matches[query.match_count++].value = number;
    }
    return list(api, STORE_order, &query, sizeof(struct store_order), order_json, answer);
}

static json_t *trade_json(struct api *api, const void *row) {
    static const char *const sides[] = { "buy", "sell", "none" };
    const struct store_trade *trade = row;
    return json_pack(
        "{sIsosIsIsIsIsososssIsIsI}", "match", (json_int_t)trade->match, "symbol",
        api_name(api, NAMES_SYMBOL, trade->symbol), "price_e4", (json_int_t)trade->price_e4,
        "quantity", (json_int_t)trade->quantity, "buy_order", (json_int_t)trade->buy_order,
        "sell_order", (json_int_t)trade->sell_order, "buy_account",
        api_name(api, NAMES_ACCOUNT, trade->buy_account), "sell_account",
        api_name(api, NAMES_ACCOUNT, trade->sell_account), "aggressor", sides[trade->aggressor],
        "buy_fee_e4", (json_int_t)trade->buy_fee_e4, "sell_fee_e4", (json_int_t)trade->sell_fee_e4,
        "time_ns", (json_int_t)trade->time_ns);
}

unsigned api_trades(struct api *api, const struct api_request *request, const char *rest,
                    json_t **answer) {
    struct store_query query = { .newest_first = true };
    (void)rest;
    unsigned status = page(request, &query, answer);
    if (status == 0)
        status = filter(api, request, NAMES_ACCOUNT, "buy_account", "sell_account", &query, answer);
    if (status == 0) status = filter(api, request, NAMES_SYMBOL, "symbol", NULL, &query, answer);
    return status != 0
               ? status
               : list(api, STORE_trade, &query, sizeof(struct store_trade), trade_json, answer);
}

/* ---- Accounts and positions ---- */

static json_t *currency_json(int64_t number) {
    static const struct {
        int64_t number;
        const char *name;
    } row[] = { { 840, "USD" }, { 978, "EUR" }, { 826, "GBP" }, { 756, "CHF" },
                { 392, "JPY" }, { 156, "CNY" }, { 124, "CAD" }, { 752, "SEK" } };
    char text[24];
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        if (row[i].number == number) return json_string(row[i].name);
    (void)snprintf(text, sizeof text, "%03" PRId64, number);
    return json_string(text);
}

static json_t *account_json(struct api *api, const void *row) {
    const struct store_account *account = row;
    int64_t cash_e4 =
        account->buying_power_e4 + account->reserved_e4 + account->proceeds_e4 - account->fees_e4;
    json_t *json = json_pack(
        "{sosIsosIsosbsbsb}", "account", api_name(api, NAMES_ACCOUNT, account->number), "number",
        (json_int_t)account->number, "firm", api_name(api, NAMES_FIRM, account->firm),
        "firm_number", (json_int_t)account->firm, "currency", currency_json(account->currency),
        "enabled", account->enabled != 0, "killed", account->killed != 0, "firm_killed",
        fold_firm_killed(office_fold(api->office), (uint32_t)account->firm));
    const struct {
        const char *name;
        int64_t value;
    } fields[] = {
        { "buying_power_e4", account->buying_power_e4 },
        { "reserved_e4", account->reserved_e4 },
        { "deposited_e4", account->deposited_e4 },
        { "proceeds_e4", account->proceeds_e4 },
        { "fees_e4", account->fees_e4 },
        { "cash_e4", cash_e4 },
        { "quantity_max", account->quantity_max },
        { "notional_max_e4", account->notional_max_e4 },
        { "open_count", account->open_count },
        { "gross_e4", account->gross_e4 },
        { "traded_e4", account->traded_e4 },
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        (void)json_object_set_new(json, fields[i].name, json_integer(fields[i].value));
    return json;
}

static json_t *restriction_json(int64_t bits) {
    json_t *array = json_array();
    if (bits & RESTRICT_NO_BUY) (void)json_array_append_new(array, json_string("no_buy"));
    if (bits & RESTRICT_NO_SELL) (void)json_array_append_new(array, json_string("no_sell"));
    if (bits & RESTRICT_CLOSE_ONLY) (void)json_array_append_new(array, json_string("close_only"));
    return array;
}

static json_t *position_json(struct api *api, const void *row) {
    const struct store_position *position = row;
    json_t *json = json_pack(
        "{sosIsosI}", "account", api_name(api, NAMES_ACCOUNT, position->account), "account_number",
        (json_int_t)position->account, "symbol", api_name(api, NAMES_SYMBOL, position->symbol),
        "symbol_number", (json_int_t)position->symbol);
    const struct {
        const char *name;
        int64_t value;
    } fields[] = {
        { "net", position->net },
        { "open_buy", position->open_buy },
        { "open_sell", position->open_sell },
        { "bought", position->bought },
        { "sold", position->sold },
        { "bought_e4", position->bought_e4 },
        { "sold_e4", position->sold_e4 },
        { "long_max", position->long_max },
        { "short_max", position->short_max },
        { "locate", position->locate },
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        (void)json_object_set_new(json, fields[i].name, json_integer(fields[i].value));
    (void)json_object_set_new(json, "restriction", restriction_json(position->restriction));
    return json;
}

static unsigned one_account(struct api *api, const char *text, json_t **answer) {
    int64_t number;
    unsigned status = api_row(api, NAMES_ACCOUNT, text, &number, answer);
    if (status != 0) return status;
    struct fold *fold = office_fold(api->office);
    json_t *json = account_json(api, fold_account(fold, (uint32_t)number));
    json_t *positions = json_array();
    for (uint32_t i = 0; i < office_settings(api->office)->fold.symbols; i++) {
        const struct store_position *position = fold_position(fold, (uint32_t)number, i);
        if (position != NULL && position->active)
            (void)json_array_append_new(positions, position_json(api, position));
    }
    (void)json_object_set_new(json, "positions", positions);
    (void)json_object_set_new(json, "position", json_integer(fold_progress(fold)->record));
    *answer = json;
    return 200;
}

unsigned api_accounts(struct api *api, const struct api_request *request, const char *rest,
                      json_t **answer) {
    struct store_query query = { .limit = 0 };
    if (*rest == '/') return one_account(api, rest + 1, answer);
    unsigned status = page(request, &query, answer);
    return status != 0 ? status
                       : list(api, STORE_account, &query, sizeof(struct store_account),
                              account_json, answer);
}

unsigned api_positions(struct api *api, const struct api_request *request, const char *rest,
                       json_t **answer) {
    struct store_query query = { .limit = 0 };
    int64_t all = 0;
    (void)rest;
    unsigned status = page(request, &query, answer);
    if (status == 0) status = whole(request, "all", 0, 1, &all, NULL, answer);
    if (status == 0) status = filter(api, request, NAMES_ACCOUNT, "account", NULL, &query, answer);
    if (status == 0) status = filter(api, request, NAMES_SYMBOL, "symbol", NULL, &query, answer);
    if (status != 0) return status;
    if (!all) {
        query.matches[query.match_count].column = "active";
        query.matches[query.match_count].other = NULL;
        query.matches[query.match_count++].value = 1;
    }
    return list(api, STORE_position, &query, sizeof(struct store_position), position_json, answer);
}

/* ---- Limits ---- */

static bool same_limits(const struct store_position *a, const struct store_position *b) {
    return a->long_max == b->long_max && a->short_max == b->short_max && a->locate == b->locate;
}

/* The limits that most of an account's symbols have; all zero without any. */
static struct store_position common_limits(struct api *api, uint32_t account) {
    struct fold *fold = office_fold(api->office);
    uint32_t symbols = office_settings(api->office)->fold.symbols, most = 0;
    struct store_position common = { .key = 0 };
    for (uint32_t i = 0; i < symbols; i++) {
        const struct store_position *one = fold_position(fold, account, i);
        uint32_t count = 0;
        if (one == NULL) continue;
        for (uint32_t k = 0; k < symbols; k++) {
            const struct store_position *other = fold_position(fold, account, k);
            count += other != NULL && same_limits(one, other);
        }
        if (count > most) common = *one;
        if (count > most) most = count;
    }
    return common;
}

static json_t *limits_json(struct api *api, const void *row) {
    const struct store_account *account = row;
    struct fold *fold = office_fold(api->office);
    struct store_position common = common_limits(api, (uint32_t)account->number);
    json_t *exceptions = json_array();
    for (uint32_t i = 0; i < office_settings(api->office)->fold.symbols; i++) {
        const struct store_position *position = fold_position(fold, (uint32_t)account->number, i);
        if (position == NULL || (same_limits(position, &common) && position->restriction == 0))
            continue;
        (void)json_array_append_new(
            exceptions,
            json_pack("{sosIsIsIso}", "symbol", api_name(api, NAMES_SYMBOL, i), "long_max",
                      (json_int_t)position->long_max, "short_max", (json_int_t)position->short_max,
                      "locate", (json_int_t)position->locate, "restriction",
                      restriction_json(position->restriction)));
    }
    json_t *json =
        json_pack("{sosIsbsbsssosIsIsI}", "account", api_name(api, NAMES_ACCOUNT, account->number),
                  "account_number", (json_int_t)account->number, "enabled", account->enabled != 0,
                  "killed", account->killed != 0, "self_trade", api_self_trade(account->self_trade),
                  "exceptions", exceptions, "long_max", (json_int_t)common.long_max, "short_max",
                  (json_int_t)common.short_max, "locate", (json_int_t)common.locate);
    const struct {
        const char *name;
        int64_t value;
    } fields[] = {
        { "quantity_max", account->quantity_max },
        { "notional_max_e4", account->notional_max_e4 },
        { "open_orders", account->open_max },
        { "open_notional_e4", account->gross_max_e4 },
        { "daily_notional_e4", account->daily_max_e4 },
        { "rate_interval_ns", account->rate_interval_ns },
        { "rate_burst_ns", account->rate_burst_ns },
        { "duplicate_ns", account->duplicate_ns },
        { "open_count", account->open_count },
        { "gross_e4", account->gross_e4 },
        { "traded_e4", account->traded_e4 },
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        (void)json_object_set_new(json, fields[i].name, json_integer(fields[i].value));
    return json;
}

unsigned api_limits(struct api *api, const struct api_request *request, const char *rest,
                    json_t **answer) {
    struct store_query query = { .limit = 0 };
    (void)rest;
    unsigned status = page(request, &query, answer);
    if (status == 0) status = filter(api, request, NAMES_ACCOUNT, "number", NULL, &query, answer);
    return status != 0 ? status
                       : list(api, STORE_account, &query, sizeof(struct store_account), limits_json,
                              answer);
}

/* ---- Alarms and proof ---- */

unsigned api_alarms(struct api *api, const struct api_request *request, const char *rest,
                    json_t **answer) {
    struct store_query query = { .newest_first = true };
    (void)rest;
    unsigned status = page(request, &query, answer);
    return status != 0
               ? status
               : list(api, STORE_alarm, &query, sizeof(struct store_alarm), alarm_json, answer);
}

static json_t *ledgers_json(struct api *api) {
    const struct ledger *ledger = fold_ledger(office_fold(api->office));
    uint32_t symbols = office_settings(api->office)->fold.symbols;
    json_t *array = json_array();
    for (uint32_t number = 1; number < FOLD_LEDGER_SYMBOLS + symbols; number++) {
        struct ledger_totals totals;
        if (number == 1000) number = FOLD_LEDGER_SYMBOLS; /* behind the last currency */
        if (!ledger_totals(ledger, number, &totals)) continue;
        bool cash = number < FOLD_LEDGER_SYMBOLS;
        (void)json_array_append_new(
            array, json_pack("{sosssIsIsIsI}", "ledger",
                             cash ? currency_json(number)
                                  : api_name(api, NAMES_SYMBOL, number - FOLD_LEDGER_SYMBOLS),
                             "kind", cash ? "currency" : "symbol", cash ? "debits_e4" : "debits",
                             (json_int_t)totals.debits_posted, cash ? "credits_e4" : "credits",
                             (json_int_t)totals.credits_posted,
                             cash ? "debits_pending_e4" : "debits_pending",
                             (json_int_t)totals.debits_pending,
                             cash ? "credits_pending_e4" : "credits_pending",
                             (json_int_t)totals.credits_pending));
    }
    return array;
}

unsigned api_verify(struct api *api, const struct api_request *request, const char *rest,
                    json_t **answer) {
    struct office_proof proof;
    const struct ledger *ledger = fold_ledger(office_fold(api->office));
    char digest[2 * LEDGER_DIGEST_BYTES + 1];
    (void)request;
    (void)rest;
    if (office_prove(api->office, true, &proof) != 0) return api_broken(answer);
    for (size_t i = 0; i < LEDGER_DIGEST_BYTES; i++)
        (void)snprintf(digest + 2 * i, 3, "%02x", proof.digest[i]);
    *answer = json_pack("{sbsbsbsbsIsIsIsIssss}", "balanced",
                        proof.ledger_verified && proof.projections_equal && proof.card_agrees,
                        "ledger_verified", proof.ledger_verified, "projections_equal",
                        proof.projections_equal, "card_agrees", proof.card_agrees, "compared",
                        (json_int_t)fold_progress(office_fold(api->office))->checked, "accounts",
                        (json_int_t)ledger_accounts_count(ledger), "transfers",
                        (json_int_t)ledger_transfers_count(ledger), "position",
                        (json_int_t)fold_progress(office_fold(api->office))->record, "digest",
                        digest, "text", proof.text);
    (void)json_object_set_new(*answer, "ledgers", ledgers_json(api));
    return 200;
}
