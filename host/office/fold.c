#include "host/office/fold.h"
#include "host/base/check.h"
#include "host/base/err.h"
#include "host/office/fold_state.h"
#include "host/wire/ouch.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* What stands before the client's message in a session's input: host/gateway/README.md. */
struct input_header {
    uint64_t time_ns;
    uint8_t origin, action, consumes, over_long;
    uint16_t reject, reserved;
};
enum { INPUT_REJECT = 2 }; /* as action: refused by the gateway, the card never saw it */

/* ---- Memory ---- */

static int check_options(const struct fold_options *options) {
    const struct {
        const char *name;
        uint32_t value, min, max;
    } row[] = {
        { "symbols", options->symbols, 1, 65536 },
        { "accounts", options->accounts, 1, 65536 },
        { "orders", options->orders, 1, 1u << LIMIT_SLOT_BITS },
        { "levels", options->levels, 1, 4096 },
        { "transfers", options->transfers, LEDGER_LEGS_MAX, LEDGER_TRANSFERS_LIMIT },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        if (row[i].value < row[i].min || row[i].value > row[i].max)
            return err_set(-EINVAL, "%s: %u is not %u to %u", row[i].name, row[i].value, row[i].min,
                           row[i].max);
    if ((uint64_t)options->accounts * options->symbols > 1u << 26)
        return err_set(-EINVAL, "accounts times symbols: at most %u", 1u << 26);
    return 0;
}

static int open_ledger(struct fold *fold) {
    const struct fold_options *options = &fold->options;
    /* an account's cash and fees, its shares and where they came from, and the house's */
    uint64_t accounts_max =
        (uint64_t)options->accounts * (4 + 2 * (uint64_t)options->symbols) + options->symbols + 180;
    const struct ledger_options ledger = {
        .accounts_max = accounts_max < UINT32_MAX / 4 ? (uint32_t)accounts_max : UINT32_MAX / 4,
        .transfers_max = options->transfers,
        .ledgers_max = options->symbols + 180, /* there are about as many currencies */
        .chain_max = LEDGER_LEGS_MAX,
    };
    int code = ledger_open(&ledger, &fold->ledger);
    if (code != 0) return code;
    fold->balances = calloc(ledger.accounts_max, sizeof *fold->balances);
    return fold->balances != NULL ? 0 : err_set(-ENOMEM, "no memory for the balances");
}

int fold_open(const struct fold_options *options, struct fold **opened) {
    int code = check_options(options);
    if (code != 0) return code;
    struct fold *fold = calloc(1, sizeof *fold);
    if (fold == NULL) return err_set(-ENOMEM, "no memory for the books");
    fold->options = *options;
    fold->progress = (struct store_progress){ .id = 1, .killed = 1 };
    const struct book_size size = { .symbols = options->symbols,
                                    .orders = options->orders,
                                    .levels = options->levels };
    size_t positions = (size_t)options->accounts * options->symbols;
    fold->book = book_new(&size);
    fold->symbol_marks = calloc(options->symbols, sizeof *fold->symbol_marks);
    fold->symbols = calloc(options->symbols, sizeof *fold->symbols);
    fold->firm_marks = calloc(options->accounts, sizeof *fold->firm_marks);
    fold->session_marks = calloc(options->accounts, sizeof *fold->session_marks);
    fold->firms = calloc(options->accounts, sizeof *fold->firms);
    fold->sessions = calloc(options->accounts, sizeof *fold->sessions);
    fold->accounts = calloc(options->accounts, sizeof *fold->accounts);
    fold->positions = calloc(positions, sizeof *fold->positions);
    fold->orders = calloc(options->orders, sizeof *fold->orders);
    if (fold->book == NULL || fold->symbol_marks == NULL || fold->symbols == NULL ||
        fold->firm_marks == NULL || fold->session_marks == NULL || fold->firms == NULL ||
        fold->sessions == NULL || fold->accounts == NULL || fold->positions == NULL ||
        fold->orders == NULL)
        code = err_set(-ENOMEM, "no memory for the books");
    if (code == 0) code = open_ledger(fold);
    if (code != 0) {
        fold_close(fold);
        return code;
    }
    /* As reset leaves the card. */
    for (uint32_t i = 0; i < options->symbols; i++)
        fold->symbols[i] = (struct store_symbol){ .number = i, .lot = 1, .reference = -1 };
    fold->ended = true;
    *opened = fold;
    return 0;
}

void fold_close(struct fold *fold) {
    if (fold == NULL) return;
    if (fold->ledger != NULL) ledger_close(fold->ledger);
    book_delete(fold->book);
    free(fold->symbol_marks);
    free(fold->symbols);
    free(fold->firm_marks);
    free(fold->session_marks);
    free(fold->firms);
    free(fold->sessions);
    free(fold->accounts);
    free(fold->positions);
    free(fold->orders);
    free(fold->balances);
    free(fold);
}

static void touch(struct fold_mark *mark) { *mark = (struct fold_mark){ true, true }; }

struct fold_account_state *fold_touch_account(struct fold *fold, uint32_t account) {
    CHECK(account < fold->options.accounts);
    fold->accounts[account].row.number = account;
    touch(&fold->accounts[account].mark);
    return &fold->accounts[account];
}

struct fold_position_state *fold_touch_position(struct fold *fold, uint32_t account,
                                                uint32_t symbol) {
    CHECK(account < fold->options.accounts);
    CHECK(symbol < fold->options.symbols);
    struct fold_position_state *position = fold_position_at(fold, account, symbol);
    position->row.key = (int64_t)account << 16 | symbol;
    position->row.account = account;
    position->row.symbol = symbol;
    touch(&position->mark);
    return position;
}

struct store_symbol *fold_touch_symbol(struct fold *fold, uint32_t symbol) {
    CHECK(symbol < fold->options.symbols);
    touch(&fold->symbol_marks[symbol]);
    return &fold->symbols[symbol];
}

struct store_firm *fold_touch_firm(struct fold *fold, uint32_t firm) {
    CHECK(firm < fold->options.accounts);
    fold->firms[firm].number = firm;
    touch(&fold->firm_marks[firm]);
    return &fold->firms[firm];
}

struct store_session *fold_touch_session(struct fold *fold, uint32_t session) {
    CHECK(session < fold->options.accounts);
    fold->sessions[session].number = session;
    touch(&fold->session_marks[session]);
    return &fold->sessions[session];
}

/* ---- Orders ---- */

static int put_order(struct fold *fold, const struct store_order *row) {
    return fold->store != NULL ? store_put(fold->store, STORE_order, row) : 0;
}

static void know_session(struct fold *fold, uint32_t session) {
    if (!fold->session_marks[session].known) (void)fold_touch_session(fold, session);
}

/* An order that is no longer open is written, and its slot is free. */
static int end_order(struct fold *fold, struct fold_order *order, int64_t state, int64_t reason) {
    order->row.state = state;
    order->row.reason = reason;
    fold->counts.orders_open--;
    fold_touch_account(fold, (uint32_t)order->row.account)->row.open_count--;
    return put_order(fold, &order->row);
}

static struct fold_order *order_of(struct fold *fold, uint32_t handle) {
    struct fold_order *order = &fold->orders[abi_slot(handle)];
    CHECK(order->row.state == STORE_ORDER_OPEN); /* the book has it */
    return order;
}

/* open_change moves shares into and out of what the account has open. */
static int open_change(struct fold *fold, const struct store_order *row, int64_t by) {
    fold_touch_account(fold, (uint32_t)row->account)->row.gross_e4 += row->price_e4 * by;
    if (row->side == SIDE_SELL) return 0;
    struct fold_position_state *position =
        fold_touch_position(fold, (uint32_t)row->account, (uint32_t)row->symbol);
    position->row.open_buy += by;
    return 0;
}

/* What a message costs its account: check 7. */
static void charge(struct fold *fold, uint32_t number, uint64_t stamp_ns) {
    struct fold_account_state *account = &fold->accounts[number];
    uint64_t interval_ns = (uint64_t)account->row.rate_interval_ns;
    uint64_t latest_ns = (uint64_t)abi_row(TABLE_ACCOUNT, ROW_ACCOUNT_RATE_TAT_NS)->max;
    if (interval_ns == 0) return;
    uint64_t from_ns = account->rate_tat_ns > stamp_ns ? account->rate_tat_ns : stamp_ns;
    account->rate_tat_ns = from_ns > latest_ns - interval_ns ? latest_ns : from_ns + interval_ns;
}

static int take_order(struct fold *fold, const struct event *event) {
    const struct fold_options *options = &fold->options;
    if (event->account >= options->accounts || event->session >= options->accounts)
        return err_set(-EBADMSG,
                       "account %u or session %u is beyond the office's tables; start it "
                       "with larger --accounts",
                       event->account, event->session);
    struct fold_order *slot = &fold->orders[abi_slot(event->order)], before = *slot;
    bool replaces = event->kind == KIND_REPLACED;
    *slot = (struct fold_order){
        .generation = abi_generation(event->order),
        .row = { .id = (int64_t)fold->record,
                 .session = event->session,
                 .reference = event_client_ref(event),
                 .account = event->account,
                 .symbol = event->symbol,
                 .side = event->flags & EVENT_SELL ? SIDE_SELL : SIDE_BUY,
                 .ioc = (event->flags & EVENT_IOC) != 0,
                 .price_e4 = event->price_e4,
                 .quantity = event->quantity,
                 .executed = event->quantity - event->leaves,
                 .leaves = event->leaves,
                 .state = STORE_ORDER_OPEN,
                 .replaces = replaces ? before.row.id : 0,
                 .command = (int64_t)event->command,
                 .entered_ns = (int64_t)event->stamp_ns,
                 .changed_ns = (int64_t)event->stamp_ns },
    };
    know_session(fold, event->session);
    charge(fold, event->account, event->stamp_ns);
    if (!replaces) fold->accounts[event->account].entered_ns = event->stamp_ns;
    fold->counts.orders++;
    fold->counts.orders_open++;
    int code = books_reserve(fold, event, slot, replaces ? &before : NULL);
    if (code == 0 && replaces) {
        code = open_change(fold, &before.row, -before.row.leaves);
        before.row.leaves = 0;
        before.row.changed_ns = (int64_t)event->stamp_ns;
        if (code == 0) code = end_order(fold, &before, STORE_ORDER_REPLACED, REASON_NONE);
    }
    fold_touch_account(fold, event->account)->row.open_count++;
    if (code == 0) code = open_change(fold, &slot->row, slot->row.leaves);
    return code == 0 ? put_order(fold, &slot->row) : code;
}

static int fill_order(struct fold *fold, struct fold_order *order, const struct event *event) {
    order->row.executed += event->quantity;
    order->row.leaves -= event->quantity;
    order->row.changed_ns = (int64_t)event->stamp_ns;
    int code = open_change(fold, &order->row, -(int64_t)event->quantity);
    if (code != 0) return code;
    if (order->row.leaves == 0) return end_order(fold, order, STORE_ORDER_FILLED, REASON_NONE);
    return put_order(fold, &order->row);
}

static void count_trade(struct fold *fold, const struct store_trade *trade) {
    int64_t money_e4 = trade->price_e4 * trade->quantity;
    struct store_symbol *symbol = fold_touch_symbol(fold, (uint32_t)trade->symbol);
    symbol->last_e4 = trade->price_e4;
    symbol->last_quantity = trade->quantity;
    symbol->trades++;
    symbol->shares += trade->quantity;
    struct store_position *buyer =
        &fold_touch_position(fold, (uint32_t)trade->buy_account, (uint32_t)trade->symbol)->row;
    buyer->bought += trade->quantity;
    buyer->bought_e4 += money_e4;
    struct store_position *seller =
        &fold_touch_position(fold, (uint32_t)trade->sell_account, (uint32_t)trade->symbol)->row;
    seller->sold += trade->quantity;
    seller->sold_e4 += money_e4;
    fold_touch_account(fold, (uint32_t)trade->buy_account)->row.traded_e4 += money_e4;
    fold_touch_account(fold, (uint32_t)trade->sell_account)->row.traded_e4 += money_e4;
    fold->counts.trades++;
}

static int take_trade(struct fold *fold, const struct event *event) {
    struct fold_order *taker = order_of(fold, event->order);
    struct fold_order *maker = order_of(fold, event_maker(event));
    bool auction = fold->command.opcode == OPCODE_UNCROSS; /* both rested: nobody made or took */
    bool buys = taker->row.side == SIDE_BUY;
    int64_t quantity = event->quantity, paying = auction ? 0 : quantity;
    int64_t taker_e4 = fold->progress.taker_e4 * paying,
            maker_e4 = fold->progress.maker_e4 * paying;
    const struct fold_fill fill = {
        .buy = buys ? taker : maker,
        .sell = buys ? maker : taker,
        .quantity = event->quantity,
        .price_e4 = event->price_e4,
        .buy_fee_e4 = buys ? taker_e4 : maker_e4,
        .sell_fee_e4 = buys ? maker_e4 : taker_e4,
    };
    int code = books_fill(fold, event, &fill);
    if (code != 0) return code;
    const struct store_trade trade = {
        .match = (int64_t)event->number,
        .record = (int64_t)fold->record,
        .time_ns = (int64_t)event->stamp_ns,
        .symbol = event->symbol,
        .price_e4 = event->price_e4,
        .quantity = quantity,
        .aggressor = auction ? STORE_NO_SIDE : taker->row.side,
        .buy_order = fill.buy->row.id,
        .sell_order = fill.sell->row.id,
        .buy_account = fill.buy->row.account,
        .sell_account = fill.sell->row.account,
        .buy_fee_e4 = fill.buy_fee_e4,
        .sell_fee_e4 = fill.sell_fee_e4,
    };
    count_trade(fold, &trade);
    code = fill_order(fold, taker, event);
    if (code == 0) code = fill_order(fold, maker, event);
    if (code == 0 && fold->store != NULL) code = store_put(fold->store, STORE_trade, &trade);
    return code;
}

static int take_cancel(struct fold *fold, const struct event *event) {
    struct fold_order *order = order_of(fold, event->order);
    int code = books_release(fold, event, order, event->quantity);
    if (code == 0) code = open_change(fold, &order->row, -(int64_t)event->quantity);
    if (code != 0) return code;
    (void)fold_touch_account(fold, (uint32_t)order->row.account);
    (void)fold_touch_position(fold, (uint32_t)order->row.account, (uint32_t)order->row.symbol);
    order->row.leaves -= event->quantity;
    order->row.changed_ns = (int64_t)event->stamp_ns;
    if (order->row.leaves == 0) return end_order(fold, order, STORE_ORDER_CANCELED, event->reason);
    return put_order(fold, &order->row);
}

static int take_refusal(struct fold *fold, const struct event *event) {
    if (event->field != OPCODE_NEW && event->field != OPCODE_REPLACE) return 0;
    struct fold_order *old = NULL;
    if (event->field == OPCODE_REPLACE && abi_slot(event->order) < fold->options.orders) {
        old = &fold->orders[abi_slot(event->order)];
        if (old->row.state != STORE_ORDER_OPEN || old->generation != abi_generation(event->order))
            old = NULL;
    }
    struct store_order row = {
        .id = (int64_t)fold->record,
        .session = event->session,
        .reference = event_client_ref(event),
        .account = event->account,
        .symbol = event->symbol,
        .side = event->flags & EVENT_SELL ? SIDE_SELL : SIDE_BUY,
        .ioc = (fold->command.flags & ORDER_IOC) != 0,
        .price_e4 = event->price_e4,
        .quantity = event->quantity,
        .state = STORE_ORDER_REFUSED,
        .reason = event->reason,
        .replaces = old != NULL ? old->row.id : 0,
        .command = (int64_t)event->command,
        .entered_ns = (int64_t)event->stamp_ns,
        .changed_ns = (int64_t)event->stamp_ns,
    };
    if (event->session < fold->options.accounts) know_session(fold, event->session);
    refusal_explain(fold, old, &row);
    /* Reasons are numbered in the order of the checks: the message had been paid for. */
    if (event->reason > REASON_MESSAGE_RATE && event->account < fold->options.accounts)
        charge(fold, event->account, event->stamp_ns);
    fold->counts.orders++;
    return put_order(fold, &row);
}

/* ---- Records ---- */

static int take_event(struct fold *fold, const struct event *event) {
    char text[ABI_TEXT_BYTES];
    int code = 0;
    switch (event->kind) {
    case KIND_ACCEPTED:
    case KIND_REPLACED:
        return take_order(fold, event);
    case KIND_TRADE:
        return take_trade(fold, event);
    case KIND_CANCELED:
        return take_cancel(fold, event);
    case KIND_REJECTED:
        return take_refusal(fold, event);
    case KIND_STATE:
    case KIND_SET:
        return rows_set(fold, event);
    case KIND_CREDITED:
        if (event->account >= fold->options.accounts)
            return err_set(-EBADMSG,
                           "account %u is beyond the office's tables; start it with "
                           "larger --accounts",
                           event->account);
        code = books_credit(fold, event, fold->command.value);
        return code == 0 ? rows_compare(fold, event) : code;
    case KIND_ROW:
        return rows_compare(fold, event);
    case KIND_ALERT:
        return rows_alarm(fold, "card", -1, -1, 0, event->value, "the card says %s",
                          abi_alert_text(event->field, event->value, text));
    case KIND_SWEPT:
    case KIND_RESTATED: /* the book's alone */
        return 0;
    default:
        return err_set(-EBADMSG, "an event of kind %u, which this office does not know",
                       event->kind);
    }
}

static int fold_event(struct fold *fold, const struct journal_record *record) {
    struct event event = { .number = 0 };
    if (record->bytes != LIMIT_EVENT_BYTES)
        return err_set(-EBADMSG, "an event of %u bytes", record->bytes);
    memcpy(&event, record->data, LIMIT_EVENT_BYTES);
    if (!fold->have_command || fold->ended)
        return err_set(-EBADMSG, "event %" PRIu64 " belongs to no command", event.number);
    if (event.number != (uint64_t)fold->progress.events + 1)
        return err_set(-EBADMSG, "event %" PRIu64 " behind event %" PRId64, event.number,
                       fold->progress.events);
    if (event.command != (uint64_t)fold->progress.commands)
        return err_set(-EBADMSG, "event %" PRIu64 " is of command %" PRIu64 ", not of %" PRId64,
                       event.number, event.command, fold->progress.commands);
    int code = book_event(fold->book, &event);
    if (code != 0) return code;
    if (abi_changes_symbol(&event) && event.symbol < fold->options.symbols)
        fold_touch_symbol(fold, event.symbol)->last_event = (int64_t)event.number;
    fold->progress.events++;
    fold->progress.time_ns = (int64_t)event.stamp_ns;
    fold->ended = (event.flags & EVENT_END) != 0;
    return take_event(fold, &event);
}

static int fold_command(struct fold *fold, const struct journal_record *record) {
    if (record->bytes != sizeof fold->command)
        return err_set(-EBADMSG, "a command of %u bytes", record->bytes);
    if (!fold->ended)
        return err_set(-EBADMSG, "a command before the last event of command %" PRId64,
                       fold->progress.commands);
    memcpy(&fold->command, record->data, sizeof fold->command);
    fold->have_command = true;
    fold->ended = false;
    fold->progress.commands++;
    return 0;
}

/* An order that the gateway refused: the card never saw it. */
static int fold_session_input(struct fold *fold, const struct journal_record *record) {
    struct input_header header;
    struct ouch_message message;
    struct ouch_fault fault;
    if (record->bytes < sizeof header)
        return err_set(-EBADMSG, "a session's input of %u bytes", record->bytes);
    if (record->session < fold->options.accounts) know_session(fold, record->session);
    memcpy(&header, record->data, sizeof header);
    if (header.action != INPUT_REJECT) return 0;
    if (ouch_decode(OUCH_IN, record->data + sizeof header, record->bytes - sizeof header, &message,
                    &fault) != 0)
        message.kind = OUCH_NOTHING;
    struct store_order row = {
        .id = (int64_t)record->sequence,
        .session = record->session,
        .account = -1,
        .symbol = -1,
        .state = STORE_ORDER_REFUSED,
        .reason = header.reject,
        .by_gateway = 1,
        .entered_ns = (int64_t)header.time_ns,
        .changed_ns = (int64_t)header.time_ns,
    };
    if (message.kind == OUCH_ENTER_ORDER) {
        const struct ouch_enter_order *enter = &message.enter_order;
        row.reference = enter->user_ref;
        row.side = enter->side == OUCH_SIDE_BUY ? SIDE_BUY : SIDE_SELL;
        row.ioc = enter->tif == OUCH_TIF_IOC || enter->price_e4 >= OUCH_PRICE_MARKET_E4;
        row.price_e4 = (int64_t)enter->price_e4;
        row.quantity = enter->quantity;
        (void)ouch_field_text(enter->symbol, sizeof enter->symbol, row.asked);
    } else if (message.kind == OUCH_REPLACE_ORDER) {
        const struct ouch_replace_order *replace = &message.replace_order;
        row.reference = replace->user_ref;
        row.price_e4 = (int64_t)replace->price_e4;
        row.quantity = replace->quantity;
    }
    fold->counts.orders++;
    return put_order(fold, &row);
}

static int named(struct fold *fold, int code, const char *what, uint64_t sequence) {
    if (code == 0) return 0;
    fold->failed = code;
    return err_wrap(code, "%s %" PRIu64 ": ", what, sequence);
}

int fold_record(struct fold *fold, const struct journal_record *record) {
    int code = 0;
    if (fold->failed != 0) return err_set(fold->failed, "the books have stopped");
    if (record->sequence != (uint64_t)fold->progress.record + 1)
        return named(fold, err_set(-EBADMSG, "it follows record %" PRId64, fold->progress.record),
                     "record", record->sequence);
    fold->record = record->sequence;
    switch (record->kind) {
    case JOURNAL_COMMAND:
        code = fold_command(fold, record);
        break;
    case JOURNAL_EVENT:
        code = fold_event(fold, record);
        break;
    case JOURNAL_SESSION_INPUT:
        code = fold_session_input(fold, record);
        break;
    default:
        break;
    }
    fold->progress.record = (int64_t)record->sequence;
    return named(fold, code, "record", record->sequence);
}

int fold_input(struct fold *fold, const struct fold_input *input) {
    int code = 0;
    if (fold->failed != 0) return err_set(fold->failed, "the books have stopped");
    if (input->sequence <= (uint64_t)fold->progress.input)
        return named(fold, err_set(-EBADMSG, "it follows input %" PRId64, fold->progress.input),
                     "input", input->sequence);
    if (input->record != (uint64_t)fold->progress.record)
        return named(fold,
                     err_set(-EBADMSG, "it belongs behind record %" PRIu64 ", not %" PRId64,
                             input->record, fold->progress.record),
                     "input", input->sequence);
    fold->progress.input = (int64_t)input->sequence;
    if (input->kind == FOLD_INPUT_FEES) {
        if (input->maker_e4 < -FOLD_FEE_MAX_E4 || input->maker_e4 > FOLD_FEE_MAX_E4 ||
            input->taker_e4 < -FOLD_FEE_MAX_E4 || input->taker_e4 > FOLD_FEE_MAX_E4)
            code = err_set(-EBADMSG, "a fee beyond 1.0000 a share");
        fold->progress.maker_e4 = input->maker_e4;
        fold->progress.taker_e4 = input->taker_e4;
        return named(fold, code, "input", input->sequence);
    }
    struct store_request request = {
        .number = (int64_t)input->sequence,
        .record = (int64_t)input->record,
        .time_ns = (int64_t)input->time_ns,
    };
    (void)snprintf(request.text, sizeof request.text, "%s", input->text);
    fold->counts.requests++;
    if (fold->store != NULL) code = store_put(fold->store, STORE_request, &request);
    return named(fold, code, "input", input->sequence);
}

/* ---- The store ---- */

static void fill_balance(const struct ledger_account *account, uint32_t index,
                         struct store_balance *balance) {
    *balance = (struct store_balance){
        .number = index + 1,
        .id_high = (int64_t)account->id.high,
        .id_low = (int64_t)account->id.low,
        .ledger = account->ledger,
        .code = account->code,
        .debits_pending = (int64_t)account->debits_pending,
        .debits_posted = (int64_t)account->debits_posted,
        .credits_pending = (int64_t)account->credits_pending,
        .credits_posted = (int64_t)account->credits_posted,
    };
}

static int put_transfer(struct fold *fold, uint32_t index) {
    const struct ledger_transfer *transfer = ledger_transfer_at(fold->ledger, index);
    const struct store_transfer row = {
        .number = index + 1,
        .id_high = (int64_t)transfer->id.high,
        .id_low = (int64_t)transfer->id.low,
        .debit_high = (int64_t)transfer->debit.high,
        .debit_low = (int64_t)transfer->debit.low,
        .credit_high = (int64_t)transfer->credit.high,
        .credit_low = (int64_t)transfer->credit.low,
        .pending_high = (int64_t)transfer->pending.high,
        .pending_low = (int64_t)transfer->pending.low,
        .amount = (int64_t)transfer->moved,
        .ledger = transfer->ledger,
        .code = transfer->code,
        .flags = transfer->flags,
        .time_ns = (int64_t)transfer->time_ns,
    };
    return store_put(fold->store, STORE_transfer, &row);
}

/* A row of state: table counts from 0 to STATE_TABLES - 1, index from 0 until there is none. */
struct state_row {
    enum store_table table;
    int64_t key;
    const void *row; /* good until the next one */
    size_t bytes;
    struct fold_mark *mark;
};

static bool row_at(struct fold *fold, uint32_t table, uint32_t index, struct state_row *row) {
    const struct fold_options *options = &fold->options;
    uint32_t symbol;
    switch (table) {
    case 0:
        if (index >= options->symbols) return false;
        *row = (struct state_row){ STORE_symbol, index, &fold->symbols[index],
                                   sizeof *fold->symbols, &fold->symbol_marks[index] };
        return true;
    case 1:
        if (index >= options->accounts) return false;
        *row = (struct state_row){ STORE_firm, index, &fold->firms[index], sizeof *fold->firms,
                                   &fold->firm_marks[index] };
        return true;
    case 2:
        if (index >= options->accounts) return false;
        *row = (struct state_row){ STORE_session, index, &fold->sessions[index],
                                   sizeof *fold->sessions, &fold->session_marks[index] };
        return true;
    case 3:
        if (index >= options->accounts) return false;
        books_money(&fold->accounts[index], &fold->accounts[index].row);
        *row = (struct state_row){ STORE_account, index, &fold->accounts[index].row,
                                   sizeof fold->accounts->row, &fold->accounts[index].mark };
        return true;
    default:
        if (index >= options->accounts * options->symbols) return false;
        symbol = index % options->symbols;
        books_shares(&fold->positions[index], &fold->positions[index].row);
        *row =
            (struct state_row){ STORE_position, (int64_t)(index / options->symbols) << 16 | symbol,
                                &fold->positions[index].row, sizeof fold->positions->row,
                                &fold->positions[index].mark };
        return true;
    }
}

enum { STATE_TABLES = 5 };

void fold_attach(struct fold *fold, struct store *store) {
    struct state_row row;
    CHECK(fold->store == NULL);
    fold->store = store;
    if (fold->progress.record == 0) return;
    for (uint32_t table = 0; table < STATE_TABLES; table++)
        for (uint32_t i = 0; row_at(fold, table, i, &row); i++) row.mark->dirty = false;
    for (uint32_t i = 0; i < ledger_accounts_count(fold->ledger); i++)
        fill_balance(ledger_account_at(fold->ledger, i), i, &fold->balances[i]);
    fold->transfers_written = ledger_transfers_count(fold->ledger);
}

int fold_flush(struct fold *fold) {
    struct state_row row;
    int code = 0;
    CHECK(fold->store != NULL);
    for (uint32_t table = 0; table < STATE_TABLES; table++) {
        for (uint32_t i = 0; code == 0 && row_at(fold, table, i, &row); i++) {
            if (!row.mark->dirty) continue;
            code = store_put(fold->store, row.table, row.row);
            row.mark->dirty = false;
        }
    }
    for (uint32_t i = 0; code == 0 && i < ledger_accounts_count(fold->ledger); i++) {
        struct store_balance balance;
        fill_balance(ledger_account_at(fold->ledger, i), i, &balance);
        if (memcmp(&balance, &fold->balances[i], sizeof balance) == 0) continue;
        fold->balances[i] = balance;
        code = store_put(fold->store, STORE_balance, &balance);
    }
    while (code == 0 && fold->transfers_written < ledger_transfers_count(fold->ledger))
        code = put_transfer(fold, (uint32_t)fold->transfers_written++);
    return code;
}

/* ---- Proof ---- */

static int differ(enum store_table table, int64_t key) {
    return err_set(-EBADMSG,
                   "%s, row %" PRId64 ": the store does not hold what the journals say; stop the "
                   "office, remove the store and start it again: it is made anew",
                   store_table_name(table), key);
}

static int compare_row(struct store *store, const struct state_row *row) {
    union {
        struct store_symbol symbol;
        struct store_firm firm;
        struct store_session session;
        struct store_account account;
        struct store_position position;
        struct store_balance balance;
    } there;
    int found = store_get(store, row->table, row->key, &there);
    if (found < 0) return found;
    return found == 1 && memcmp(&there, row->row, row->bytes) == 0 ? 0
                                                                   : differ(row->table, row->key);
}

static int compare_count(struct store *store, enum store_table table, uint64_t count) {
    int64_t there = store_count(store, table);
    if (there < 0) return (int)there;
    if ((uint64_t)there == count) return 0;
    return err_set(-EBADMSG, "%s: the store has %" PRId64 " rows, the journals say %" PRIu64,
                   store_table_name(table), there, count);
}

static int compare_state(struct fold *fold, struct store *store) {
    struct state_row row = { .table = 0 };
    int code = 0;
    for (uint32_t table = 0; code == 0 && table < STATE_TABLES; table++) {
        uint64_t known = 0;
        enum store_table of = STORE_symbol;
        for (uint32_t i = 0; code == 0 && row_at(fold, table, i, &row); i++) {
            of = row.table;
            if (!row.mark->known) continue;
            known++;
            code = compare_row(store, &row);
        }
        if (code == 0) code = compare_count(store, of, known);
    }
    for (uint32_t i = 0; code == 0 && i < ledger_accounts_count(fold->ledger); i++) {
        struct store_balance balance;
        fill_balance(ledger_account_at(fold->ledger, i), i, &balance);
        row = (struct state_row){ STORE_balance, i + 1, &balance, sizeof balance, NULL };
        code = compare_row(store, &row);
    }
    return code;
}

int fold_compare(struct fold *fold, struct store *store) {
    const struct {
        enum store_table table;
        uint64_t count;
    } rows[] = {
        { STORE_balance, ledger_accounts_count(fold->ledger) },
        { STORE_transfer, ledger_transfers_count(fold->ledger) },
        { STORE_order, fold->counts.orders },
        { STORE_trade, fold->counts.trades },
        { STORE_alarm, fold->counts.alarms },
        { STORE_request, fold->counts.requests },
    };
    int code = compare_state(fold, store);
    for (size_t i = 0; code == 0 && i < sizeof rows / sizeof *rows; i++)
        code = compare_count(store, rows[i].table, rows[i].count);
    return code;
}

/* What open orders say must be reserved. */
struct sums {
    int64_t *reserved_e4, *gross_e4, *open_count; /* of accounts */
    int64_t *open_buy, *open_sell;                /* of positions */
};

static int add_order(struct fold *fold, const struct fold_order *order, struct sums *sums) {
    const struct store_order *row = &order->row;
    struct ledger_standing standing = ledger_standing(fold->ledger, order->reservation);
    size_t position = (size_t)row->account * fold->options.symbols + (size_t)row->symbol;
    bool buys = row->side == SIDE_BUY;
    int64_t held = buys ? row->leaves * row->price_e4 : row->leaves;
    sums->gross_e4[row->account] += row->leaves * row->price_e4;
    sums->open_count[row->account]++;
    if (buys) {
        sums->reserved_e4[row->account] += held;
        sums->open_buy[position] += row->leaves;
    } else {
        sums->open_sell[position] += row->leaves;
    }
    if (standing.state == LEDGER_STATE_PENDING && standing.left == (uint64_t)held) return 0;
    return err_set(-EBADMSG,
                   "order %" PRId64 " of account %" PRId64 " should have %" PRId64
                   " reserved, the ledger has %" PRIu64,
                   row->id, row->account, held, standing.left);
}

static int verify_sums(struct fold *fold, const struct sums *sums) {
    for (uint32_t i = 0; i < fold->options.accounts; i++) {
        struct store_account row = fold->accounts[i].row;
        books_money(&fold->accounts[i], &row);
        if (row.reserved_e4 != sums->reserved_e4[i] || row.buying_power_e4 < 0)
            return err_set(-EBADMSG,
                           "account %u: %" PRId64 " reserved, its open buys need %" PRId64, i,
                           row.reserved_e4, sums->reserved_e4[i]);
        if (row.gross_e4 != sums->gross_e4[i] || row.open_count != sums->open_count[i])
            return err_set(-EBADMSG,
                           "account %u: %" PRId64 " orders of %" PRId64 " open, there are %" PRId64
                           " of %" PRId64,
                           i, row.open_count, row.gross_e4, sums->open_count[i], sums->gross_e4[i]);
    }
    for (uint32_t i = 0; i < fold->options.accounts * fold->options.symbols; i++) {
        struct store_position row = fold->positions[i].row;
        books_shares(&fold->positions[i], &row);
        if (row.open_buy != sums->open_buy[i] || row.open_sell != sums->open_sell[i])
            return err_set(-EBADMSG,
                           "account %u, symbol %u: open %" PRId64 " to buy and %" PRId64
                           " to sell, its orders say %" PRId64 " and %" PRId64,
                           i / fold->options.symbols, i % fold->options.symbols, row.open_buy,
                           row.open_sell, sums->open_buy[i], sums->open_sell[i]);
    }
    return 0;
}

static int verify_clearing(const struct fold *fold) {
    for (uint32_t i = 0; i < ledger_accounts_count(fold->ledger); i++) {
        const struct ledger_account *account = ledger_account_at(fold->ledger, i);
        if (account->code == FOLD_CLEARING && books_balance(account) != 0)
            return err_set(-EBADMSG, "ledger %u: %" PRId64 " is left in clearing", account->ledger,
                           books_balance(account));
    }
    return 0;
}

int fold_verify(struct fold *fold) {
    size_t positions = (size_t)fold->options.accounts * fold->options.symbols;
    struct sums sums = {
        .reserved_e4 = calloc(fold->options.accounts, sizeof *sums.reserved_e4),
        .gross_e4 = calloc(fold->options.accounts, sizeof *sums.gross_e4),
        .open_count = calloc(fold->options.accounts, sizeof *sums.open_count),
        .open_buy = calloc(positions, sizeof *sums.open_buy),
        .open_sell = calloc(positions, sizeof *sums.open_sell),
    };
    int code = 0;
    if (sums.reserved_e4 == NULL || sums.gross_e4 == NULL || sums.open_count == NULL ||
        sums.open_buy == NULL || sums.open_sell == NULL)
        code = err_set(-ENOMEM, "no memory to verify the books");
    if (code == 0) code = ledger_verify(fold->ledger);
    if (code == 0) code = verify_clearing(fold);
    for (uint32_t i = 0; code == 0 && i < fold->options.orders; i++)
        if (fold->orders[i].row.state == STORE_ORDER_OPEN)
            code = add_order(fold, &fold->orders[i], &sums);
    if (code == 0) code = verify_sums(fold, &sums);
    free(sums.reserved_e4);
    free(sums.gross_e4);
    free(sums.open_count);
    free(sums.open_buy);
    free(sums.open_sell);
    return code;
}

/* ---- Questions ---- */

const struct store_progress *fold_progress(const struct fold *fold) { return &fold->progress; }
const struct ledger *fold_ledger(const struct fold *fold) { return fold->ledger; }
const struct book *fold_book(const struct fold *fold) { return fold->book; }
struct fold_counts fold_counts(const struct fold *fold) {
    return fold->counts;
}

const struct store_symbol *fold_symbol(const struct fold *fold, uint32_t number) {
    if (number >= fold->options.symbols || !fold->symbol_marks[number].known) return NULL;
    return &fold->symbols[number];
}

const struct store_account *fold_account(struct fold *fold, uint32_t number) {
    if (number >= fold->options.accounts || !fold->accounts[number].mark.known) return NULL;
    books_money(&fold->accounts[number], &fold->accounts[number].row);
    return &fold->accounts[number].row;
}

const struct store_position *fold_position(struct fold *fold, uint32_t account, uint32_t symbol) {
    if (account >= fold->options.accounts || symbol >= fold->options.symbols) return NULL;
    struct fold_position_state *position = fold_position_at(fold, account, symbol);
    if (!position->mark.known) return NULL;
    books_shares(position, &position->row);
    return &position->row;
}

bool fold_firm_killed(const struct fold *fold, uint32_t firm) {
    return firm < fold->options.accounts && fold->firms[firm].killed != 0;
}

const char *fold_holder_text(uint16_t number) {
    switch (number) {
#define HOLDER(name, value, bound, text) \
    case FOLD_##name:                    \
        return text;
#define MOVE(name, value, text)
#include "host/office/fold_codes.def"
#undef HOLDER
#undef MOVE
    default:
        return "?";
    }
}

const char *fold_move_text(uint16_t number) {
    switch (number) {
#define HOLDER(name, value, bound, text)
#define MOVE(name, value, text) \
    case FOLD_MOVE_##name:      \
        return text;
#include "host/office/fold_codes.def"
#undef HOLDER
#undef MOVE
    default:
        return "?";
    }
}
