/* fold_state: what the files of fold share, and nobody else. */
#ifndef HOST_OFFICE_FOLD_STATE_H
#define HOST_OFFICE_FOLD_STATE_H

#include "host/office/fold.h"

/* What a row is about: it is there, and it has changed since the last flush. */
struct fold_mark {
    bool known, dirty;
};

struct fold_account_state {
    struct fold_mark mark;
    struct store_account row; /* money is the ledger's and filled in when it is asked for */
    uint32_t ledger;          /* currency of its cash accounts; 0 before the first CREDIT or buy */
    const struct ledger_account *power, *proceeds, *outside, *fees;
    uint64_t rate_tat_ns; /* the card's RATE_TAT_NS */
    uint64_t entered_ns;  /* stamp of its last NEW that was accepted */
};

struct fold_position_state {
    struct fold_mark mark;
    struct store_position row; /* net and open_sell are the ledger's */
    const struct ledger_account *holding;
};

/* What rests in a slot of the card. */
struct fold_order {
    struct store_order row; /* row.state is STORE_ORDER_OPEN while it is live */
    uint32_t generation;
    struct ledger_id reservation;
};

struct fold {
    struct fold_options options;
    struct store *store; /* NULL until fold_attach */
    struct ledger *ledger;
    struct book *book;
    struct store_progress progress;
    struct fold_counts counts;
    uint64_t transfers_written;
    int failed; /* the fold is over */

    struct fold_mark *symbol_marks;
    struct store_symbol *symbols;
    struct fold_mark *firm_marks, *session_marks;
    struct store_firm *firms;
    struct store_session *sessions;
    struct fold_account_state *accounts;
    struct fold_position_state *positions; /* account * symbols + symbol */
    struct fold_order *orders;
    struct store_balance *balances; /* as written, for fold_flush */

    bool have_command;
    bool ended; /* the command's last event has come */
    struct command command;
    uint64_t record; /* that is being folded */
    struct ledger_chain chain;
    const struct event *event; /* that the chain belongs to */
};

/* Rows, made known and marked as changed. The index is below the options'. */
struct fold_account_state *fold_touch_account(struct fold *fold, uint32_t account);
struct fold_position_state *fold_touch_position(struct fold *fold, uint32_t account,
                                                uint32_t symbol);
struct store_symbol *fold_touch_symbol(struct fold *fold, uint32_t symbol);
struct store_firm *fold_touch_firm(struct fold *fold, uint32_t firm);
struct store_session *fold_touch_session(struct fold *fold, uint32_t session);
static inline struct fold_position_state *fold_position_at(const struct fold *fold,
                                                           uint32_t account, uint32_t symbol) {
    return &fold->positions[(size_t)account * fold->options.symbols + symbol];
}

/* ---- fold_books.c: events as transfers. Each returns 0, or -EBADMSG or -ENOSPC with err_text. */

enum { FOLD_HOUSE = 0x10000 }; /* holder of what belongs to no account */

/* Both sides of a fill, as they were before it. */
struct fold_fill {
    struct fold_order *buy, *sell;
    uint32_t quantity, price_e4;
    int64_t buy_fee_e4, sell_fee_e4;
};

int books_reserve(struct fold *fold, const struct event *event, struct fold_order *order,
                  const struct fold_order *replaced);
int books_release(struct fold *fold, const struct event *event, const struct fold_order *order,
                  uint32_t quantity);
int books_fill(struct fold *fold, const struct event *event, const struct fold_fill *fill);
int books_credit(struct fold *fold, const struct event *event, int64_t amount_e4);
int books_adjust(struct fold *fold, const struct event *event, int64_t net);

/* books_money fills in the money of an account's row, books_shares the shares of a position's. */
void books_money(const struct fold_account_state *account, struct store_account *row);
void books_shares(const struct fold_position_state *position, struct store_position *row);

/* books_balance is what a ledger's account holds, reservations not taken off. */
int64_t books_balance(const struct ledger_account *account);

/* ---- fold_rows.c: rows of the card. */

/* rows_set takes a SET or STATE event, rows_compare a ROW or CREDITED one: it is compared with what
   the fold has come to. Return 0, or a negative errno. */
int rows_set(struct fold *fold, const struct event *event);
int rows_compare(struct fold *fold, const struct event *event);

/* rows_alarm puts an alarm. account and symbol are -1 where none is concerned. */
int rows_alarm(struct fold *fold, const char *kind, int64_t account, int64_t symbol,
               int64_t expected, int64_t found, const char *format, ...)
    __attribute__((format(printf, 7, 8)));

/* ---- fold_refusal.c */

/* refusal_explain fills limit_row, limit_value and value of a refused order's row: which limit was
   in the way, what it was and what the order needed; and the price of a market order, which the
   card does not say then. old is the order it would have replaced. */
void refusal_explain(struct fold *fold, const struct fold_order *old, struct store_order *row);

#endif /* HOST_OFFICE_FOLD_STATE_H */
