/* fold_refusal: which limit an order that the card refused ran into, and by how much. */
#include "host/office/fold_state.h"

struct refusal {
    struct store_order *row;
    const struct fold_order *old; /* NULL for a NEW */
    const struct store_symbol *symbol;
    struct store_account account;
    struct store_position position;
    uint64_t ahead_ns;   /* that the account's messages were of their rate */
    uint64_t since_ns;   /* its last order was accepted */
    int64_t quantity;    /* that would be open */
    int64_t notional_e4; /* of that */
    uint32_t levels;
};

static void say(struct refusal *refusal, uint8_t table, uint8_t field, int64_t limit,
                int64_t value) {
    refusal->row->limit_row = table << 8 | field;
    refusal->row->limit_value = limit;
    refusal->row->value = value;
}

static void explain_price(struct refusal *refusal) {
    const struct store_symbol *symbol = refusal->symbol;
    int64_t price_e4 = refusal->row->price_e4;
    if (refusal->row->reason == REASON_OUTSIDE_BAND) {
        int64_t top_e4 = symbol->base_e4 + (refusal->levels - 1) * symbol->tick_e4;
        say(refusal, TABLE_SYMBOL, ROW_SYMBOL_BASE_E4,
            price_e4 < symbol->base_e4 ? symbol->base_e4 : top_e4, price_e4);
    } else if (symbol->tick_e4 > 0) {
        int64_t level = (price_e4 - symbol->base_e4) / symbol->tick_e4;
        int64_t distance = level - symbol->reference;
        say(refusal, TABLE_SYMBOL, ROW_SYMBOL_COLLAR, symbol->collar,
            distance < 0 ? -distance : distance);
    }
}

/* Limits on what an account holds and has open, as if the old order were gone. */
static void explain_position(struct refusal *refusal) {
    const struct store_position *position = &refusal->position;
    int64_t old = refusal->old != NULL ? refusal->old->row.leaves : 0;
    if (refusal->row->reason == REASON_POSITION_LIMIT) {
        say(refusal, TABLE_POSITION, ROW_POSITION_LONG_MAX, position->long_max,
            position->net + position->open_buy - old + refusal->quantity);
        return;
    }
    int64_t is_short = -(position->net - (position->open_sell - old) - refusal->quantity);
    if (position->short_max <= position->locate)
        say(refusal, TABLE_POSITION, ROW_POSITION_SHORT_MAX, position->short_max, is_short);
    else
        say(refusal, TABLE_POSITION, ROW_POSITION_LOCATE, position->locate, is_short);
}

static void explain_money(struct refusal *refusal) {
    int64_t power_e4 = refusal->account.buying_power_e4;
    const struct fold_order *old = refusal->old;
    if (old != NULL && old->row.side == SIDE_BUY) power_e4 += old->row.price_e4 * old->row.leaves;
    say(refusal, TABLE_ACCOUNT, ROW_ACCOUNT_BUYING_POWER_E4, power_e4, refusal->notional_e4);
}

/* Limits on all that an account has open or does, as if the old order were gone. */
static void explain_total(struct refusal *refusal) {
    const struct store_account *account = &refusal->account;
    const struct fold_order *old = refusal->old;
    int64_t gross_e4 = account->gross_e4 + refusal->notional_e4;
    if (old != NULL) gross_e4 -= old->row.price_e4 * old->row.leaves;
    if (refusal->row->reason == REASON_OPEN_ORDERS)
        say(refusal, TABLE_ACCOUNT, ROW_ACCOUNT_OPEN_MAX, account->open_max,
            account->open_count + (old == NULL));
    else if (refusal->row->reason == REASON_GROSS_NOTIONAL)
        say(refusal, TABLE_ACCOUNT, ROW_ACCOUNT_GROSS_MAX_E4, account->gross_max_e4, gross_e4);
    else
        say(refusal, TABLE_ACCOUNT, ROW_ACCOUNT_DAILY_MAX_E4, account->daily_max_e4,
            account->traded_e4 + gross_e4);
}

static void explain(struct refusal *refusal) {
    switch (refusal->row->reason) {
    case REASON_PRICE_OFF_TICK:
        say(refusal, TABLE_SYMBOL, ROW_SYMBOL_TICK_E4, refusal->symbol->tick_e4,
            refusal->row->price_e4);
        break;
    case REASON_ODD_LOT:
        say(refusal, TABLE_SYMBOL, ROW_SYMBOL_LOT, refusal->symbol->lot, refusal->row->quantity);
        break;
    case REASON_SYMBOL_CLOSED:
    case REASON_SYMBOL_HALTED:
    case REASON_KIND_NOT_ALLOWED:
        say(refusal, TABLE_SYMBOL, ROW_SYMBOL_STATE, refusal->symbol->state, SYMBOL_STATE_OPEN);
        break;
    case REASON_NO_REFERENCE:
        say(refusal, TABLE_SYMBOL, ROW_SYMBOL_REFERENCE, refusal->symbol->reference, 0);
        break;
    case REASON_OUTSIDE_BAND:
    case REASON_OUTSIDE_COLLAR:
        explain_price(refusal);
        break;
    case REASON_KILLED:
        say(refusal, TABLE_ENGINE, ROW_ENGINE_KILLED, 1, 0);
        break;
    case REASON_FIRM_KILLED:
        say(refusal, TABLE_FIRM, ROW_FIRM_KILLED, 1, 0);
        break;
    case REASON_ACCOUNT_KILLED:
        say(refusal, TABLE_ACCOUNT, ROW_ACCOUNT_KILLED, 1, 0);
        break;
    case REASON_SESSION_KILLED:
        say(refusal, TABLE_SESSION, ROW_SESSION_KILLED, 1, 0);
        break;
    case REASON_ACCOUNT_DISABLED:
        say(refusal, TABLE_ACCOUNT, ROW_ACCOUNT_ENABLED, refusal->account.enabled, 1);
        break;
    case REASON_RESTRICTED:
        say(refusal, TABLE_POSITION, ROW_POSITION_RESTRICTION, refusal->position.restriction,
            refusal->quantity);
        break;
    case REASON_MESSAGE_RATE:
        say(refusal, TABLE_ACCOUNT, ROW_ACCOUNT_RATE_BURST_NS, refusal->account.rate_burst_ns,
            (int64_t)refusal->ahead_ns);
        break;
    case REASON_DUPLICATE:
        say(refusal, TABLE_ACCOUNT, ROW_ACCOUNT_DUPLICATE_NS, refusal->account.duplicate_ns,
            (int64_t)refusal->since_ns);
        break;
    case REASON_OPEN_ORDERS:
    case REASON_GROSS_NOTIONAL:
    case REASON_DAILY_NOTIONAL:
        explain_total(refusal);
        break;
    case REASON_ORDER_QUANTITY:
        say(refusal, TABLE_ACCOUNT, ROW_ACCOUNT_QUANTITY_MAX, refusal->account.quantity_max,
            refusal->quantity);
        break;
    case REASON_ORDER_NOTIONAL:
        say(refusal, TABLE_ACCOUNT, ROW_ACCOUNT_NOTIONAL_MAX_E4, refusal->account.notional_max_e4,
            refusal->notional_e4);
        break;
    case REASON_POSITION_LIMIT:
    case REASON_SHORT_LIMIT:
        explain_position(refusal);
        break;
    case REASON_BUYING_POWER:
        explain_money(refusal);
        break;
    default:
        break;
    }
}

/* The price that the card gives a market order: the collar's edge, clipped to the band. */
static int64_t market_price(const struct store_symbol *symbol, int64_t side, uint32_t levels) {
    int64_t edge = symbol->reference + (side == SIDE_BUY ? symbol->collar : -symbol->collar);
    if (symbol->reference < 0) return 0;
    if (edge < 0) edge = 0;
    if (edge >= levels) edge = (int64_t)levels - 1;
    return symbol->base_e4 + edge * symbol->tick_e4;
}

void refusal_explain(struct fold *fold, const struct fold_order *old, struct store_order *row) {
    if (row->account < 0 || row->account >= fold->options.accounts || row->symbol < 0 ||
        row->symbol >= fold->options.symbols)
        return; /* a command that names no row of ours has no limit */
    const struct fold_account_state *account = &fold->accounts[row->account];
    const struct fold_position_state *position =
        fold_position_at(fold, (uint32_t)row->account, (uint32_t)row->symbol);
    uint64_t stamp_ns = (uint64_t)row->entered_ns;
    if (fold->command.flags & ORDER_MARKET)
        row->price_e4 = market_price(&fold->symbols[row->symbol], row->side, fold->options.levels);
    struct refusal refusal = {
        .row = row,
        .old = old,
        .symbol = &fold->symbols[row->symbol],
        .account = account->row,
        .position = position->row,
        .ahead_ns = account->rate_tat_ns > stamp_ns ? account->rate_tat_ns - stamp_ns : 0,
        .since_ns = stamp_ns - account->entered_ns,
        .quantity = row->quantity - (old != NULL ? old->row.executed : 0),
        .levels = fold->options.levels,
    };
    refusal.notional_e4 = refusal.quantity * row->price_e4;
    books_money(account, &refusal.account);
    books_shares(position, &refusal.position);
    explain(&refusal);
}
