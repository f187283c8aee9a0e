/* fold_rows: what the card says of its rows: fields that are set, and rows that are compared. */
#include "host/base/err.h"
#include "host/office/fold_state.h"
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

int rows_alarm(struct fold *fold, const char *kind, int64_t account, int64_t symbol,
               int64_t expected, int64_t found, const char *format, ...) {
    struct store_alarm alarm = {
        .number = (int64_t)++fold->counts.alarms,
        .record = (int64_t)fold->record,
        .time_ns = fold->progress.time_ns,
        .account = account,
        .symbol = symbol,
        .expected = expected,
        .found = found,
    };
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(alarm.text, sizeof alarm.text, format, arguments);
    va_end(arguments);
    (void)snprintf(alarm.kind, sizeof alarm.kind, "%s", kind);
    if (fold->store == NULL) return 0;
    return store_put(fold->store, STORE_alarm, &alarm);
}

/* ---- Fields ---- */

static int64_t *symbol_field(struct store_symbol *symbol, uint8_t field) {
    switch (field) {
    case ROW_SYMBOL_STATE:
        return &symbol->state;
    case ROW_SYMBOL_BASE_E4:
        return &symbol->base_e4;
    case ROW_SYMBOL_TICK_E4:
        return &symbol->tick_e4;
    case ROW_SYMBOL_LOT:
        return &symbol->lot;
    case ROW_SYMBOL_REFERENCE:
        return &symbol->reference;
    case ROW_SYMBOL_COLLAR:
        return &symbol->collar;
    case ROW_SYMBOL_LAST_EVENT:
        return &symbol->last_event;
    default:
        return NULL;
    }
}

static int64_t *account_field(struct store_account *account, uint8_t field) {
    switch (field) {
    case ROW_ACCOUNT_ENABLED:
        return &account->enabled;
    case ROW_ACCOUNT_FIRM:
        return &account->firm;
    case ROW_ACCOUNT_CURRENCY:
        return &account->currency;
    case ROW_ACCOUNT_QUANTITY_MAX:
        return &account->quantity_max;
    case ROW_ACCOUNT_NOTIONAL_MAX_E4:
        return &account->notional_max_e4;
    case ROW_ACCOUNT_BUYING_POWER_E4:
        return &account->buying_power_e4;
    case ROW_ACCOUNT_RESERVED_E4:
        return &account->reserved_e4;
    case ROW_ACCOUNT_KILLED:
        return &account->killed;
    case ROW_ACCOUNT_RATE_INTERVAL_NS:
        return &account->rate_interval_ns;
    case ROW_ACCOUNT_RATE_BURST_NS:
        return &account->rate_burst_ns;
    case ROW_ACCOUNT_DUPLICATE_NS:
        return &account->duplicate_ns;
    case ROW_ACCOUNT_OPEN_MAX:
        return &account->open_max;
    case ROW_ACCOUNT_OPEN_COUNT:
        return &account->open_count;
    case ROW_ACCOUNT_GROSS_MAX_E4:
        return &account->gross_max_e4;
    case ROW_ACCOUNT_GROSS_E4:
        return &account->gross_e4;
    case ROW_ACCOUNT_DAILY_MAX_E4:
        return &account->daily_max_e4;
    case ROW_ACCOUNT_TRADED_E4:
        return &account->traded_e4;
    case ROW_ACCOUNT_SELF_TRADE:
        return &account->self_trade;
    default:
        return NULL;
    }
}

static int64_t *position_field(struct store_position *position, uint8_t field) {
    switch (field) {
    case ROW_POSITION_NET:
        return &position->net;
    case ROW_POSITION_OPEN_BUY:
        return &position->open_buy;
    case ROW_POSITION_OPEN_SELL:
        return &position->open_sell;
    case ROW_POSITION_LONG_MAX:
        return &position->long_max;
    case ROW_POSITION_SHORT_MAX:
        return &position->short_max;
    case ROW_POSITION_LOCATE:
        return &position->locate;
    case ROW_POSITION_RESTRICTION:
        return &position->restriction;
    default:
        return NULL;
    }
}

static bool order_field(const struct fold *fold, uint32_t slot, uint8_t field, int64_t *value) {
    const struct fold_order *order = &fold->orders[slot];
    struct book_order resting = { .shown = 0 };
    (void)book_order(fold->book, slot, &resting);
    bool live = order->row.state == STORE_ORDER_OPEN;
    const struct store_order none = { .id = 0 }, *row = live ? &order->row : &none;
    switch (field) {
    case ROW_ORDER_LIVE:
        *value = live;
        return true;
    case ROW_ORDER_GENERATION:
        *value = order->generation;
        return true;
    case ROW_ORDER_SESSION:
        *value = row->session;
        return true;
    case ROW_ORDER_ACCOUNT:
        *value = row->account;
        return true;
    case ROW_ORDER_SYMBOL:
        *value = row->symbol;
        return true;
    case ROW_ORDER_SIDE:
        *value = row->side;
        return true;
    case ROW_ORDER_PRICE_E4:
        *value = row->price_e4;
        return true;
    case ROW_ORDER_EXECUTED:
        *value = row->executed;
        return true;
    case ROW_ORDER_LEAVES:
        *value = row->leaves;
        return true;
    case ROW_ORDER_CLIENT_REF:
        *value = row->reference;
        return true;
    case ROW_ORDER_SHOWN:
        *value = resting.shown;
        return true;
    case ROW_ORDER_DISPLAYED:
        *value = resting.displayed;
        return true;
    default:
        return false;
    }
}

/* ---- SET, STATE ---- */

static int unknown_row(const struct fold *fold, const struct event *event) {
    char text[ABI_TEXT_BYTES];
    (void)fold;
    return err_set(-EBADMSG,
                   "a row that is beyond the office's tables, or a field that rows.def has not "
                   "(start the office with larger --accounts or --symbols): %s",
                   abi_event_text(event, text));
}

/* The band moves: with orders resting the reference stays where it is in money, as far as the band
   still holds it; without, it is forgotten. */
static void set_base(struct fold *fold, uint32_t number, int64_t base_e4) {
    struct store_symbol *symbol = fold_touch_symbol(fold, number);
    struct book_level level;
    bool resting = book_levels(fold->book, (uint16_t)number, SIDE_BUY, &level, 1) > 0 ||
                   book_levels(fold->book, (uint16_t)number, SIDE_SELL, &level, 1) > 0;
    int64_t reference = -1;
    if (resting && symbol->reference >= 0 && symbol->tick_e4 > 0)
        reference = symbol->reference - (base_e4 - symbol->base_e4) / symbol->tick_e4;
    symbol->base_e4 = base_e4;
    symbol->reference = reference >= 0 && reference < fold->options.levels ? reference : -1;
}

static int set_symbol(struct fold *fold, const struct event *event) {
    if (event->symbol >= fold->options.symbols) return unknown_row(fold, event);
    if (event->field == 0) return 0; /* the verdict of an UNCROSS */
    struct store_symbol *symbol = fold_touch_symbol(fold, event->symbol);
    int64_t *field = symbol_field(symbol, event->field);
    if (field == NULL) return unknown_row(fold, event);
    if (event->field == ROW_SYMBOL_BASE_E4) {
        set_base(fold, event->symbol, event->value);
        return 0;
    }
    *field = event->value;
    if (event->field == ROW_SYMBOL_TICK_E4) symbol->reference = -1;
    return 0;
}

static int set_account(struct fold *fold, const struct event *event) {
    if (event->account >= fold->options.accounts) return unknown_row(fold, event);
    struct fold_account_state *account = fold_touch_account(fold, event->account);
    int64_t *field = account_field(&account->row, event->field);
    if (field == NULL) return unknown_row(fold, event);
    *field = event->value;
    if (event->field == ROW_ACCOUNT_FIRM) (void)fold_touch_firm(fold, (uint32_t)event->value);
    if (event->field == ROW_ACCOUNT_CURRENCY && account->ledger != 0 && event->value != 0 &&
        (int64_t)account->ledger != event->value)
        return rows_alarm(fold, "currency", event->account, -1, account->ledger, event->value,
                          "account %u: its currency becomes %" PRId64
                          " while its money is in %u; it stays there",
                          event->account, event->value, account->ledger);
    return 0;
}

static int set_position(struct fold *fold, const struct event *event) {
    if (event->account >= fold->options.accounts || event->symbol >= fold->options.symbols)
        return unknown_row(fold, event);
    struct fold_position_state *position = fold_touch_position(fold, event->account, event->symbol);
    int64_t *field = position_field(&position->row, event->field);
    if (field == NULL) return unknown_row(fold, event);
    if (event->field == ROW_POSITION_NET) return books_adjust(fold, event, event->value);
    *field = event->value;
    return 0;
}

int rows_set(struct fold *fold, const struct event *event) {
    switch (event->table) {
    case TABLE_ENGINE: /* a NOP says an empty SET */
        if (event->field == ROW_ENGINE_KILLED) fold->progress.killed = event->value;
        return 0;
    case TABLE_SYMBOL:
        return set_symbol(fold, event);
    case TABLE_ACCOUNT:
        return set_account(fold, event);
    case TABLE_POSITION:
        return set_position(fold, event);
    case TABLE_FIRM:
        if (event->account >= fold->options.accounts) return unknown_row(fold, event);
        fold_touch_firm(fold, event->account)->killed = event->value;
        return 0;
    case TABLE_SESSION:
        if (event->session >= fold->options.accounts) return unknown_row(fold, event);
        fold_touch_session(fold, event->session)->killed = event->value;
        return 0;
    default:
        return unknown_row(fold, event);
    }
}

/* ---- ROW, CREDITED ---- */

static bool ours(struct fold *fold, const struct event *event, int64_t *value) {
    const struct fold_options *options = &fold->options;
    int64_t *field = NULL;
    struct store_account account;
    struct store_position position;
    struct store_symbol symbol;
    switch (event->table) {
    case TABLE_ENGINE:
        *value = fold->progress.killed;
        return event->field == ROW_ENGINE_KILLED;
    case TABLE_SYMBOL:
        if (event->symbol >= options->symbols) return false;
        symbol = fold->symbols[event->symbol];
        field = symbol_field(&symbol, event->field);
        break;
    case TABLE_ACCOUNT:
        if (event->account >= options->accounts) return false;
        if (event->field == ROW_ACCOUNT_RATE_TAT_NS) {
            *value = (int64_t)fold->accounts[event->account].rate_tat_ns;
            return true;
        }
        account = fold->accounts[event->account].row;
        books_money(&fold->accounts[event->account], &account);
        field = account_field(&account, event->field);
        break;
    case TABLE_POSITION: {
        if (event->account >= options->accounts || event->symbol >= options->symbols) return false;
        const struct fold_position_state *held =
            fold_position_at(fold, event->account, event->symbol);
        position = held->row;
        books_shares(held, &position);
        field = position_field(&position, event->field);
        break;
    }
    case TABLE_ORDER:
        return abi_slot(event->order) < options->orders &&
               order_field(fold, abi_slot(event->order), event->field, value);
    case TABLE_FIRM:
        if (event->account >= options->accounts) return false;
        field = &fold->firms[event->account].killed;
        break;
    case TABLE_SESSION:
        if (event->session >= options->accounts) return false;
        field = &fold->sessions[event->session].killed;
        break;
    default:
        return false;
    }
    if (field != NULL) *value = *field;
    return field != NULL;
}

static int differs(struct fold *fold, const struct event *event, uint8_t table, uint8_t field,
                   int64_t value) {
    const struct abi_row *row = abi_row(table, field);
    bool of_account = table == TABLE_ACCOUNT || table == TABLE_POSITION;
    bool of_symbol = table == TABLE_SYMBOL || table == TABLE_POSITION;
    char which[64] = "";
    if (table == TABLE_POSITION)
        (void)snprintf(which, sizeof which, "account %u, symbol %u: ", event->account,
                       event->symbol);
    else if (of_account)
        (void)snprintf(which, sizeof which, "account %u: ", event->account);
    else if (of_symbol)
        (void)snprintf(which, sizeof which, "symbol %u: ", event->symbol);
    fold->progress.differences++;
    return rows_alarm(fold, "difference", of_account ? event->account : -1,
                      of_symbol ? event->symbol : -1, value, event->value,
                      "%sthe card says %s.%s %" PRId64 ", the books %" PRId64, which,
                      abi_table_name(table), row != NULL ? row->name : "?", event->value, value);
}

int rows_compare(struct fold *fold, const struct event *event) {
    struct event row = *event;
    if (event->kind == KIND_CREDITED) {
        row.table = TABLE_ACCOUNT;
        row.field = ROW_ACCOUNT_BUYING_POWER_E4;
    }
    int64_t value = 0;
    if (!ours(fold, &row, &value)) return unknown_row(fold, event);
    fold->progress.checked++;
    fold->progress.checked_record = (int64_t)fold->record;
    if (value == event->value) return 0;
    return differs(fold, event, row.table, row.field, value);
}
