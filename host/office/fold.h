/* fold: the office's state machine: records of the market journal and inputs of the office's own go
 * in, the ledger and the projections come out. The same two journals give the same ledger, to the
 * unit, and the same tables, row by row.
 *
 * No clock, no socket, no randomness. It believes nobody: events must follow one another, books and
 * ledger must take every one of them, and what the card says of its own rows (CREDITED, ROW) must
 * be what the events have led to; a row that differs is an alarm that names the account. An event
 * that books or ledger refuse ends the fold: a wrong book is never let through.
 *
 * README.md shows which transfers an event becomes. */
#ifndef HOST_OFFICE_FOLD_H
#define HOST_OFFICE_FOLD_H

#include "driver/abi/abi.h"
#include "host/book/book.h"
#include "host/journal/journal.h"
#include "host/ledger/ledger.h"
#include "host/store/store.h"

enum fold_holder {
#define HOLDER(name, number, bounded, text) FOLD_##name = (number),
#define MOVE(name, number, text)
#include "host/office/fold_codes.def"
#undef HOLDER
#undef MOVE
};

enum fold_move {
#define HOLDER(name, number, bounded, text)
#define MOVE(name, number, text) FOLD_MOVE_##name = (number),
#include "host/office/fold_codes.def"
#undef HOLDER
#undef MOVE
};

/* Ledgers: a currency has its ISO 4217 number, a symbol this and its row. */
enum { FOLD_LEDGER_SYMBOLS = 0x10000 };

/* Capacity, taken at start; tables as large as the card's, or larger. */
struct fold_options {
    uint32_t symbols, accounts, orders, levels;
    uint32_t transfers; /* of the ledger: about 8 a trade, 2 an order */
};

#define FOLD_OPTIONS_DEFAULT \
    ((struct fold_options){  \
        .symbols = 64, .accounts = 256, .orders = 65536, .levels = 4096, .transfers = 8000000 })

/* What a transaction of the office asks of the fold, from its own journal. */
enum fold_input_kind { FOLD_INPUT_FEES, FOLD_INPUT_REQUEST };

struct fold_input {
    enum fold_input_kind kind;
    uint64_t sequence; /* of the office's journal */
    uint64_t record;   /* of the market journal: it comes behind this one */
    uint64_t time_ns;
    int64_t maker_e4, taker_e4; /* FEES: a share, at most FOLD_FEE_MAX_E4 either way */
    const char *text;           /* REQUEST */
};

#define FOLD_FEE_MAX_E4 INT64_C(10000)

struct fold;

/* fold_open makes a fold before the first record. 0, or -EINVAL, -ENOMEM with err_text. */
int fold_open(const struct fold_options *options, struct fold **fold);
void fold_close(struct fold *fold);

/* fold_record takes the next record of the market journal, fold_input the next input; inputs come
   in the order of both journals: an input of record N behind record N. Return 0, or a negative
   errno after which the fold is over, with err_text naming the record:
     -EBADMSG  it cannot be true of these books
     -ENOSPC   the ledger or a table is full; says which option makes it larger
     others    as the store gives them */
int fold_record(struct fold *fold, const struct journal_record *record);
int fold_input(struct fold *fold, const struct fold_input *input);

/* fold_attach begins writing to store, which must hold what the fold has come to: nothing, before
   the first record; else as fold_compare says. fold_flush puts what has changed since then or since
   the last flush, apart from rows that were put as they came about; inside a transaction. Between
   begin and commit of the store records and inputs are folded and flushed. */
void fold_attach(struct fold *fold, struct store *store);
int fold_flush(struct fold *fold);

/* fold_compare says whether the tables of state (accounts, positions, symbols, firms, sessions,
   balances) and the counts of orders, trades, transfers and alarms are the fold's. 0; or -EBADMSG,
   with err_text naming the first row that differs. */
int fold_compare(struct fold *fold, struct store *store);

/* fold_verify proves the books at a quiet moment: ledger_verify, nothing left in clearing, every
   reservation that of an open order, positions and orders equal. 0, or -EBADMSG and what differs.
 */
int fold_verify(struct fold *fold);

/* What there is; good until the next record. */
const struct store_progress *fold_progress(const struct fold *fold);
const struct ledger *fold_ledger(const struct fold *fold);
const struct book *fold_book(const struct fold *fold);

/* Rows as they stand; NULL for one that the card has not, or that was never set up. */
const struct store_symbol *fold_symbol(const struct fold *fold, uint32_t number);
const struct store_account *fold_account(struct fold *fold, uint32_t number);
const struct store_position *fold_position(struct fold *fold, uint32_t account, uint32_t symbol);
bool fold_firm_killed(const struct fold *fold, uint32_t firm);

/* fold_counts: rows written or to be written. */
struct fold_counts {
    uint64_t orders, orders_open, trades, transfers, alarms, requests;
};
struct fold_counts fold_counts(const struct fold *fold);

const char *fold_holder_text(uint16_t number);
const char *fold_move_text(uint16_t number);

#endif /* HOST_OFFICE_FOLD_H */
