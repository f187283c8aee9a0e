/* fold_books: events as transfers of the ledger, each event one linked chain. */
#include "host/base/check.h"
#include "host/base/err.h"
#include "host/office/fold_state.h"
#include <errno.h>
#include <inttypes.h>

/* Legs of a chain; with the event's number they are the transfer's id. The numbers are in stores.
 */
enum leg {
    LEG_RESERVE = 1,
    LEG_RELEASE,
    LEG_PAY,
    LEG_BETTER,
    LEG_RECEIVE,
    LEG_DELIVER,
    LEG_HOLD,
    LEG_BUY_FEE,
    LEG_SELL_FEE,
    LEG_CREDIT,
    LEG_ADJUST,
};

int64_t books_balance(const struct ledger_account *account) {
    if (account == NULL) return 0;
    return (int64_t)(account->credits_posted - account->debits_posted);
}

static uint64_t reserved(const struct ledger_account *account) {
    return account != NULL ? account->debits_pending : 0;
}

void books_money(const struct fold_account_state *account, struct store_account *row) {
    row->reserved_e4 = (int64_t)reserved(account->power);
    row->buying_power_e4 = books_balance(account->power) - row->reserved_e4;
    row->deposited_e4 = -books_balance(account->outside);
    row->fees_e4 = books_balance(account->fees);
    row->proceeds_e4 = books_balance(account->proceeds) + row->fees_e4;
}

void books_shares(const struct fold_position_state *position, struct store_position *row) {
    row->net = books_balance(position->holding);
    row->open_sell = (int64_t)reserved(position->holding);
    row->active = row->net != 0 || row->open_buy != 0 || row->open_sell != 0 || row->bought != 0 ||
                  row->sold != 0;
}

/* ---- Accounts, opened when they are first needed ---- */

static struct ledger_id id_of(enum fold_holder holder, uint32_t ledger, uint32_t owner) {
    return (struct ledger_id){ .high = (uint64_t)holder << 32 | ledger,
                               .low = (uint64_t)owner + 1 };
}

static bool bounded(enum fold_holder holder) {
    switch (holder) {
#define HOLDER(name, number, bound, text) \
    case FOLD_##name:                     \
        return bound;
#define MOVE(name, number, text)
#include "host/office/fold_codes.def"
#undef HOLDER
#undef MOVE
    }
    return true;
}

static int refused(const struct fold *fold, enum ledger_code code, const char *what) {
    bool full = code == LEDGER_ACCOUNTS_FULL || code == LEDGER_LEDGERS_FULL ||
                code == LEDGER_TRANSFERS_FULL;
    return err_set(full ? -ENOSPC : -EBADMSG, "event %" PRIu64 ": the ledger refuses %s: %s%s",
                   fold->event->number, what, ledger_code_text(code),
                   full ? "; start the office with larger --transfers, --accounts or --symbols"
                        : "");
}

static int open_account(struct fold *fold, enum fold_holder holder, uint32_t ledger, uint32_t owner,
                        const struct ledger_account **opened) {
    struct ledger_id id = id_of(holder, ledger, owner);
    if (*opened != NULL) return 0;
    *opened = ledger_account_find(fold->ledger, id);
    if (*opened != NULL) return 0;
    struct ledger_account account = {
        .id = id,
        .ledger = ledger,
        .code = (uint16_t)holder,
        .flags = bounded(holder) ? LEDGER_DEBITS_MUST_NOT_EXCEED_CREDITS : 0,
    };
    enum ledger_code code = ledger_account_create(fold->ledger, fold->event->stamp_ns, &account);
    if (code != LEDGER_OK) return refused(fold, code, "an account");
    *opened = ledger_account_find(fold->ledger, id);
    CHECK(*opened != NULL);
    return 0;
}

/* An account's cash is in the currency it had when money first came; rows_set says so if that is
   changed. */
static int open_cash(struct fold *fold, uint32_t number) {
    struct fold_account_state *account = fold_touch_account(fold, number);
    const struct ledger_account *clearing = NULL;
    if (account->ledger != 0) return 0;
    uint32_t ledger = (uint32_t)account->row.currency;
    if (ledger == 0)
        return err_set(-EBADMSG, "event %" PRIu64 ": money for account %u, which has no currency",
                       fold->event->number, number);
    int code = open_account(fold, FOLD_BUYING_POWER, ledger, number, &account->power);
    if (code == 0) code = open_account(fold, FOLD_PROCEEDS, ledger, number, &account->proceeds);
    if (code == 0) code = open_account(fold, FOLD_OUTSIDE, ledger, number, &account->outside);
    if (code == 0) code = open_account(fold, FOLD_FEES, ledger, number, &account->fees);
    if (code == 0) code = open_account(fold, FOLD_CLEARING, ledger, FOLD_HOUSE, &clearing);
    if (code == 0) account->ledger = ledger;
    return code;
}

static int open_shares(struct fold *fold, uint32_t account, uint32_t symbol) {
    struct fold_position_state *position = fold_touch_position(fold, account, symbol);
    const struct ledger_account *clearing = NULL;
    uint32_t ledger = FOLD_LEDGER_SYMBOLS + symbol;
    int code = open_account(fold, FOLD_HOLDING, ledger, account, &position->holding);
    return code == 0 ? open_account(fold, FOLD_CLEARING, ledger, FOLD_HOUSE, &clearing) : code;
}

static int open_both(struct fold *fold, const struct store_order *row) {
    int code = open_cash(fold, (uint32_t)row->account);
    return code == 0 ? open_shares(fold, (uint32_t)row->account, (uint32_t)row->symbol) : code;
}

/* ---- Chains ---- */

static struct ledger_id leg_id(const struct fold *fold, enum leg leg) {
    return (struct ledger_id){ .high = leg, .low = fold->event->number };
}

static void add_move(struct fold *fold, enum leg leg, struct ledger_id from, struct ledger_id to,
                     uint32_t ledger, uint64_t amount, enum fold_move why, uint16_t flags) {
    struct ledger_transfer transfer = {
        .id = leg_id(fold, leg),
        .debit = from,
        .credit = to,
        .amount = amount,
        .ledger = ledger,
        .code = (uint16_t)why,
        .flags = flags,
    };
    ledger_chain_add(&fold->chain, &transfer);
}

/* Posts or voids a part of a reservation; with a quantity of nothing there is nothing to do. */
static void add_part(struct fold *fold, enum leg leg, struct ledger_id reservation, uint64_t amount,
                     uint16_t flags) {
    struct ledger_transfer transfer = {
        .id = leg_id(fold, leg),
        .pending = reservation,
        .amount = amount,
        .flags = (uint16_t)(flags | LEDGER_PART),
    };
    if (amount != 0) ledger_chain_add(&fold->chain, &transfer);
}

static int finish(struct fold *fold, const char *what) {
    enum ledger_code code =
        ledger_chain_create(fold->ledger, fold->event->stamp_ns, &fold->chain, NULL);
    return code == LEDGER_OK ? 0 : refused(fold, code, what);
}

static struct ledger_id cash_of(const struct fold *fold, enum fold_holder holder, int64_t account) {
    return id_of(holder, fold->accounts[account].ledger, (uint32_t)account);
}

static struct ledger_id shares_of(enum fold_holder holder, int64_t symbol, int64_t account) {
    return id_of(holder, FOLD_LEDGER_SYMBOLS + (uint32_t)symbol, (uint32_t)account);
}

static uint64_t reservation_of(const struct fold_order *order, uint64_t quantity) {
    return order->row.side == SIDE_BUY ? quantity * (uint64_t)order->row.price_e4 : quantity;
}

/* ACCEPTED, REPLACED: a buy reserves cash, a sell shares; the order it replaces gives back. */
int books_reserve(struct fold *fold, const struct event *event, struct fold_order *order,
                  const struct fold_order *replaced) {
    const struct store_order *row = &order->row;
    fold->event = event;
    int code = open_both(fold, row);
    if (code != 0) return code;
    if (replaced != NULL)
        add_part(fold, LEG_RELEASE, replaced->reservation,
                 reservation_of(replaced, (uint64_t)replaced->row.leaves), LEDGER_VOID);
    order->reservation = leg_id(fold, LEG_RESERVE);
    uint64_t amount = reservation_of(order, (uint64_t)row->leaves);
    if (row->side == SIDE_BUY) {
        uint32_t ledger = fold->accounts[row->account].ledger;
        add_move(fold, LEG_RESERVE, cash_of(fold, FOLD_BUYING_POWER, row->account),
                 id_of(FOLD_CLEARING, ledger, FOLD_HOUSE), ledger, amount, FOLD_MOVE_RESERVATION,
                 LEDGER_PENDING);
    } else {
        add_move(fold, LEG_RESERVE, shares_of(FOLD_HOLDING, row->symbol, row->account),
                 shares_of(FOLD_CLEARING, row->symbol, FOLD_HOUSE),
                 FOLD_LEDGER_SYMBOLS + (uint32_t)row->symbol, amount, FOLD_MOVE_RESERVATION,
                 LEDGER_PENDING);
    }
    return finish(fold, "a reservation");
}

/* CANCELED: what is taken off goes back. */
int books_release(struct fold *fold, const struct event *event, const struct fold_order *order,
                  uint32_t quantity) {
    fold->event = event;
    add_part(fold, LEG_RELEASE, order->reservation, reservation_of(order, quantity), LEDGER_VOID);
    return finish(fold, "a release");
}

static void add_fee(struct fold *fold, enum leg leg, int64_t account, int64_t fee_e4) {
    struct ledger_id payer = cash_of(fold, FOLD_PROCEEDS, account);
    struct ledger_id house = cash_of(fold, FOLD_FEES, account);
    uint32_t ledger = fold->accounts[account].ledger;
    if (fee_e4 > 0)
        add_move(fold, leg, payer, house, ledger, (uint64_t)fee_e4, FOLD_MOVE_FEE, 0);
    else if (fee_e4 < 0)
        add_move(fold, leg, house, payer, ledger, (uint64_t)-fee_e4, FOLD_MOVE_FEE, 0);
}

/* TRADE: cash one way, shares the other, fees of both, all or nothing. */
int books_fill(struct fold *fold, const struct event *event, const struct fold_fill *fill) {
    const struct store_order *buy = &fill->buy->row, *sell = &fill->sell->row;
    fold->event = event;
    uint32_t cash_ledger = fold->accounts[buy->account].ledger;
    uint32_t share_ledger = FOLD_LEDGER_SYMBOLS + (uint32_t)buy->symbol;
    int code = open_shares(fold, (uint32_t)buy->account, (uint32_t)buy->symbol);
    if (code == 0 && cash_ledger != fold->accounts[sell->account].ledger)
        code = err_set(-EBADMSG,
                       "event %" PRIu64 ": accounts %" PRId64 " and %" PRId64
                       " trade in different currencies",
                       event->number, buy->account, sell->account);
    if (code != 0) return code;
    struct ledger_id cash = id_of(FOLD_CLEARING, cash_ledger, FOLD_HOUSE);
    struct ledger_id shares = shares_of(FOLD_CLEARING, buy->symbol, FOLD_HOUSE);
    uint64_t paid_e4 = (uint64_t)fill->price_e4 * fill->quantity;
    uint64_t better_e4 = ((uint64_t)buy->price_e4 - fill->price_e4) * fill->quantity;

    add_part(fold, LEG_PAY, fill->buy->reservation, paid_e4, LEDGER_POST);
    add_part(fold, LEG_BETTER, fill->buy->reservation, better_e4, LEDGER_VOID);
    add_move(fold, LEG_RECEIVE, cash, cash_of(fold, FOLD_PROCEEDS, sell->account), cash_ledger,
             paid_e4, FOLD_MOVE_FILL, 0);
    add_part(fold, LEG_DELIVER, fill->sell->reservation, fill->quantity, LEDGER_POST);
    add_move(fold, LEG_HOLD, shares, shares_of(FOLD_HOLDING, buy->symbol, buy->account),
             share_ledger, fill->quantity, FOLD_MOVE_FILL, 0);
    add_fee(fold, LEG_BUY_FEE, buy->account, fill->buy_fee_e4);
    add_fee(fold, LEG_SELL_FEE, sell->account, fill->sell_fee_e4);
    return finish(fold, "a trade");
}

/* CREDITED. */
int books_credit(struct fold *fold, const struct event *event, int64_t amount_e4) {
    fold->event = event;
    int code = open_cash(fold, event->account);
    if (code != 0 || amount_e4 == 0) return code;
    struct ledger_id outside = cash_of(fold, FOLD_OUTSIDE, event->account);
    struct ledger_id power = cash_of(fold, FOLD_BUYING_POWER, event->account);
    uint32_t ledger = fold->accounts[event->account].ledger;
    if (amount_e4 > 0)
        add_move(fold, LEG_CREDIT, outside, power, ledger, (uint64_t)amount_e4, FOLD_MOVE_CREDIT,
                 0);
    else
        add_move(fold, LEG_CREDIT, power, outside, ledger, -(uint64_t)amount_e4, FOLD_MOVE_CREDIT,
                 0);
    return finish(fold, "a credit");
}

/* SET of POSITION NET: shares come from outside, or go there. */
int books_adjust(struct fold *fold, const struct event *event, int64_t net) {
    fold->event = event;
    int code = open_shares(fold, event->account, event->symbol);
    uint32_t ledger = FOLD_LEDGER_SYMBOLS + event->symbol;
    const struct ledger_account *found = NULL;
    if (code == 0) code = open_account(fold, FOLD_OUTSIDE, ledger, event->account, &found);
    if (code != 0) return code;
    int64_t by =
        net - books_balance(fold_position_at(fold, event->account, event->symbol)->holding);
    struct ledger_id outside = shares_of(FOLD_OUTSIDE, event->symbol, event->account);
    struct ledger_id holding = shares_of(FOLD_HOLDING, event->symbol, event->account);
    if (by > 0)
        add_move(fold, LEG_ADJUST, outside, holding, ledger, (uint64_t)by, FOLD_MOVE_ADJUSTMENT, 0);
    else if (by < 0)
        add_move(fold, LEG_ADJUST, holding, outside, ledger, (uint64_t)-by, FOLD_MOVE_ADJUSTMENT,
                 0);
    return finish(fold, "an adjustment");
}
