/* bench_ledger [--transfers N] [--directory DIRECTORY] [--json FILE] [--commit TEXT]: how fast the
 * office keeps its books on one core, and how fast SQLite takes the same transfers.
 *
 * A market of 64 accounts and 64 symbols is written as a journal first; that is not measured. Then
 * the journal is read (every hash checked), folded and booked, once without the tables and once
 * with them, as wirepit-office does. SQLite posts what the ledger has posted, with as little as
 * keeps the same books: integer keys, prepared statements, bounds as CHECKs, a write-ahead log, one
 * flush a commit. Fails if the three do not end with the same balances. */
#include "host/base/clock.h"
#include "host/base/err.h"
#include "host/base/random.h"
#include "host/office/fold.h"
#include "host/softcard/softcard.h"
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ACCOUNTS = 64, SYMBOLS = 64, BATCH = 8189, DEFAULT_TRANSFERS = 1000000 };
enum { TRANSFERS_A_ROUND = 8, RECORDS_A_TRANSACTION = 8192, ROWS_MAX = 16 };
enum { BASE_E4 = 100000, TICK_E4 = 100, REFERENCE = 1000 };

static void fail(const char *what, const char *why) {
    (void)fprintf(stderr, "bench_ledger: %s: %s\n", what, why);
    exit(1);
}

static void must(int code, const char *what) {
    if (code < 0) fail(what, err_text());
}

/* ---- results --------------------------------------------------------------------------------- */

static struct row {
    const char *name, *unit;
    uint64_t value;
} rows[ROWS_MAX];
static uint32_t rows_count;

static void row_add(const char *name, uint64_t value, const char *unit) {
    rows[rows_count++] = (struct row){ .name = name, .value = value, .unit = unit };
    (void)printf("%-26s %12" PRIu64 " %s\n", name, value, unit);
    (void)fflush(stdout);
}

static void rows_save(const char *path, const char *commit, double ratio) {
    FILE *file = fopen(path, "w");
    if (file == NULL) fail(path, "cannot be written");
    (void)fprintf(file, "{\"commit\": \"%s\", \"books_to_sqlite\": %.1f, \"rows\": [", commit,
                  ratio);
    for (uint32_t i = 0; i < rows_count; i++)
        (void)fprintf(file, "%s\n  {\"name\": \"%s\", \"value\": %" PRIu64 ", \"unit\": \"%s\"}",
                      i == 0 ? "" : ",", rows[i].name, rows[i].value, rows[i].unit);
    (void)fputs("\n]}\n", file);
    if (fclose(file) != 0) fail(path, "cannot be written");
}

/* Time of the clock on the wall, and of this thread on its processor. */
struct watch {
    uint64_t wall_ns, cpu_ns;
};

static struct watch watch_now(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (struct watch){ .wall_ns = clock_monotonic_ns(),
                           .cpu_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec };
}

static uint64_t rate(uint64_t count, uint64_t ns) {
    return ns == 0 ? 0 : count * UINT64_C(1000000000) / ns;
}

/* ---- the market, as a journal ---------------------------------------------------------------- */

struct market {
    struct card *card;
    struct journal *journal;
    uint64_t time_ns;
};

static void market_append(struct market *market, enum journal_kind kind, const void *data,
                          uint32_t bytes) {
    int64_t code = journal_append(market->journal, kind, 0, data, bytes);
    if (code == -ENOBUFS) {
        must(journal_wait(market->journal), "journal");
        code = journal_append(market->journal, kind, 0, data, bytes);
    }
    if (code < 0) fail("journal", err_text());
}

static void market_do(struct market *market, struct command command) {
    struct event events[16];
    command.stamp_ns = market->time_ns += 1000;
    must(card_push(market->card, &command), "card");
    market_append(market, JOURNAL_COMMAND, &command, sizeof command);
    for (bool ended = false; !ended;) {
        int count = card_poll(market->card, events, 16);
        must(count, "card");
        for (int i = 0; i < count; i++) {
            if (events[i].kind == KIND_REJECTED) fail("market", abi_reason_name(events[i].reason));
            market_append(market, JOURNAL_EVENT, &events[i], LIMIT_EVENT_BYTES);
            ended = (events[i].flags & EVENT_END) != 0;
        }
    }
}

static void market_set(struct market *market, uint8_t opcode, uint32_t account, uint32_t symbol,
                       uint8_t field, int64_t value) {
    market_do(market, (struct command){ .opcode = opcode,
                                        .account = (uint16_t)account,
                                        .symbol = (uint16_t)symbol,
                                        .field = field,
                                        .value = value });
}

static void market_open(struct market *market) {
    for (uint32_t symbol = 0; symbol < SYMBOLS; symbol++) {
        market_set(market, OPCODE_SYMBOL, 0, symbol, ROW_SYMBOL_TICK_E4, TICK_E4);
        market_set(market, OPCODE_SYMBOL, 0, symbol, ROW_SYMBOL_BASE_E4, BASE_E4);
        market_set(market, OPCODE_SYMBOL, 0, symbol, ROW_SYMBOL_REFERENCE, REFERENCE);
        market_set(market, OPCODE_SYMBOL, 0, symbol, ROW_SYMBOL_COLLAR, REFERENCE);
        market_set(market, OPCODE_SYMBOL, 0, symbol, ROW_SYMBOL_STATE, SYMBOL_STATE_OPEN);
    }
    for (uint32_t account = 0; account < ACCOUNTS; account++) {
        market_set(market, OPCODE_ACCOUNT, account, 0, ROW_ACCOUNT_FIRM, account);
        market_set(market, OPCODE_ACCOUNT, account, 0, ROW_ACCOUNT_CURRENCY, 840);
        market_set(market, OPCODE_ACCOUNT, account, 0, ROW_ACCOUNT_QUANTITY_MAX, 1000);
        market_set(market, OPCODE_ACCOUNT, account, 0, ROW_ACCOUNT_OPEN_MAX, 0xfffff);
        market_set(market, OPCODE_ACCOUNT, account, 0, ROW_ACCOUNT_GROSS_MAX_E4,
                   INT64_C(0x1fffffffffffffff));
        market_set(market, OPCODE_ACCOUNT, account, 0, ROW_ACCOUNT_DAILY_MAX_E4,
                   INT64_C(0x1fffffffffffffff));
        market_set(market, OPCODE_ACCOUNT, account, 0, ROW_ACCOUNT_NOTIONAL_MAX_E4,
                   INT64_C(1) << 40);
        market_set(market, OPCODE_ACCOUNT, account, 0, ROW_ACCOUNT_ENABLED, 1);
        for (uint32_t symbol = 0; symbol < SYMBOLS; symbol++) {
            market_set(market, OPCODE_POSITION, account, symbol, ROW_POSITION_LONG_MAX,
                       INT64_C(1) << 40);
            market_set(market, OPCODE_POSITION, account, symbol, ROW_POSITION_SHORT_MAX,
                       INT64_C(1) << 40);
            market_set(market, OPCODE_POSITION, account, symbol, ROW_POSITION_LOCATE,
                       INT64_C(1) << 40);
        }
        market_do(market, (struct command){ .opcode = OPCODE_CREDIT,
                                            .account = (uint16_t)account,
                                            .value = INT64_C(1) << 55 });
    }
    market_do(market, (struct command){ .opcode = OPCODE_KILL, .mode = MODE_RELEASE });
}

/* A sell rests, a larger and better buy takes it, and what is left of the buy is cancelled. */
static void market_round(struct market *market, struct random *draw, uint32_t round) {
    uint32_t generation = (round + 1) & ((1u << LIMIT_GENERATION_BITS) - 1);
    uint16_t symbol = (uint16_t)random_below(draw, SYMBOLS);
    uint32_t quantity = 1 + (uint32_t)random_below(draw, 500);
    uint32_t price_e4 = BASE_E4 + TICK_E4 * (1 + (uint32_t)random_below(draw, 1000));
    struct command sell = { .opcode = OPCODE_NEW,
                            .side = SIDE_SELL,
                            .symbol = symbol,
                            .account = (uint16_t)random_below(draw, ACCOUNTS),
                            .order = abi_handle(0, generation),
                            .quantity = quantity,
                            .price_e4 = price_e4 };
    struct command buy = sell;
    buy.side = SIDE_BUY;
    buy.account = (uint16_t)random_below(draw, ACCOUNTS);
    buy.order = abi_handle(1, generation);
    buy.quantity = quantity + 1 + (uint32_t)random_below(draw, 400);
    buy.price_e4 = price_e4 + TICK_E4;
    struct command cancel = { .opcode = OPCODE_CANCEL,
                              .side = SIDE_BUY,
                              .symbol = symbol,
                              .account = buy.account,
                              .order = buy.order };
    market_do(market, sell);
    market_do(market, buy);
    market_do(market, cancel);
}

static void market_write(const char *directory, uint32_t rounds) {
    struct market market = { .time_ns = 0 };
    struct random draw = random_seeded(1);
    struct journal_recovered recovered;
    const struct journal_options options = { .directory = directory, .flush = JOURNAL_ASYNC };
    must(journal_open(&options, &market.journal, &recovered), "journal");
    must(softcard_open(&CARD_SIZE_DEFAULT, &market.card), "card");
    market_open(&market);
    for (uint32_t round = 0; round < rounds; round++) market_round(&market, &draw, round);
    must(journal_wait(market.journal), "journal");
    journal_close(market.journal);
    card_close(market.card);
}

/* ---- the books ------------------------------------------------------------------------------- */

/* Reads, folds and books the whole journal; into a store's tables too unless path is NULL. */
static struct fold *books_keep(const char *directory, const char *path, uint32_t transfers) {
    struct fold_options options = FOLD_OPTIONS_DEFAULT;
    struct journal_reader *reader;
    struct journal_record record;
    struct store *store = NULL;
    struct fold *fold;
    uint64_t records = 0;
    options.transfers = transfers;
    must(fold_open(&options, &fold), "fold");
    must(journal_reader_open(directory, &reader), "journal");
    if (path != NULL) {
        must(store_open(path, &store), "store");
        fold_attach(fold, store);
    }
    struct watch from = watch_now();
    for (int more = 1; more != 0;) {
        if (store != NULL) must(store_begin(store), "store");
        for (uint32_t i = 0; i < RECORDS_A_TRANSACTION; i++) {
            more = journal_reader_next(reader, &record);
            must(more, "journal");
            if (more == 0) break;
            must(fold_record(fold, &record), "fold");
            records++;
        }
        if (store == NULL) continue;
        must(fold_flush(fold), "fold");
        must(store_commit(store, fold_progress(fold)), "store");
    }
    struct watch to = watch_now();
    uint32_t count = ledger_transfers_count(fold_ledger(fold));
    if (path == NULL) {
        row_add("records", records, "records");
        row_add("transfers", count, "transfers");
    }
    row_add(path == NULL ? "books" : "books and tables", rate(count, to.wall_ns - from.wall_ns),
            "transfers/s");
    row_add(path == NULL ? "books, processor" : "books and tables, processor",
            rate(count, to.cpu_ns - from.cpu_ns), "transfers/cpu-s");
    must(fold_verify(fold), "books");
    journal_reader_close(reader);
    store_close(store);
    return fold;
}

/* ---- SQLite ---------------------------------------------------------------------------------- */

static sqlite3 *database;

static void sql(const char *text) {
    if (sqlite3_exec(database, text, NULL, NULL, NULL) != SQLITE_OK)
        fail(text, sqlite3_errmsg(database));
}

static sqlite3_stmt *sql_prepare(const char *text) {
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(database, text, -1, &statement, NULL) != SQLITE_OK)
        fail(text, sqlite3_errmsg(database));
    return statement;
}

static void sql_step(sqlite3_stmt *statement, const int64_t *values, int count) {
    for (int i = 0; i < count; i++) (void)sqlite3_bind_int64(statement, i + 1, values[i]);
    if (sqlite3_step(statement) != SQLITE_DONE || sqlite3_changes(database) != 1)
        fail(sqlite3_sql(statement), sqlite3_errmsg(database));
    (void)sqlite3_reset(statement);
}

enum { DEBIT_MOVE, CREDIT_MOVE, PENDING_TAKE, TRANSFER_ADD, STATEMENTS };
static sqlite3_stmt *statements[STATEMENTS];

/* What SQLite is asked to do for each transfer of the ledger: rows by their index. */
struct posting {
    uint32_t debit, credit, pending;
    int64_t reserved, posted, back; /* back: of what the pending one has reserved */
};
static struct posting *postings;
static uint32_t postings_count;

static uint32_t account_index(const struct ledger *ledger, struct ledger_id id) {
    const struct ledger_account *account = ledger_account_find(ledger, id);
    uint32_t index = (uint32_t)(account - ledger_account_at(ledger, 0));
    if (account == NULL || ledger_account_at(ledger, index) != account)
        fail("compare", "the ledger's accounts are not in one piece");
    return index;
}

static void postings_make(const struct ledger *ledger) {
    postings_count = ledger_transfers_count(ledger);
    postings = calloc(postings_count, sizeof *postings);
    if (postings == NULL) fail("postings", "no memory");
    for (uint32_t i = 0; i < postings_count; i++) {
        const struct ledger_transfer *transfer = ledger_transfer_at(ledger, i);
        const struct ledger_transfer *pending = transfer;
        struct posting *posting = &postings[i];
        int64_t moved = (int64_t)transfer->moved;
        if ((transfer->flags & (LEDGER_POST | LEDGER_VOID)) != 0) {
            pending = ledger_transfer_find(ledger, transfer->pending);
            posting->pending = (uint32_t)(pending - ledger_transfer_at(ledger, 0));
            posting->back = moved;
        }
        if ((transfer->flags & LEDGER_PENDING) != 0) posting->reserved = moved;
        if ((transfer->flags & (LEDGER_PENDING | LEDGER_VOID)) == 0) posting->posted = moved;
        posting->debit = account_index(ledger, pending->debit);
        posting->credit = account_index(ledger, pending->credit);
    }
}

static void sqlite_post(uint32_t index) {
    const struct posting *posting = &postings[index];
    int64_t pending = posting->reserved - posting->back;
    if (posting->back != 0)
        sql_step(statements[PENDING_TAKE], (int64_t[]){ posting->back, posting->pending }, 2);
    sql_step(statements[DEBIT_MOVE], (int64_t[]){ pending, posting->posted, posting->debit }, 3);
    sql_step(statements[CREDIT_MOVE], (int64_t[]){ pending, posting->posted, posting->credit }, 3);
    sql_step(statements[TRANSFER_ADD],
             (int64_t[]){ index, posting->debit, posting->credit, posting->pending,
                          posting->reserved + posting->posted + posting->back, posting->reserved },
             6);
}

static void sqlite_compare(const struct ledger *ledger) {
    sqlite3_stmt *found = sql_prepare("select debits_pending, debits_posted, credits_pending, "
                                      "credits_posted from account order by id");
    uint32_t count = 0;
    for (; sqlite3_step(found) == SQLITE_ROW; count++) {
        const struct ledger_account *account = ledger_account_at(ledger, count);
        if (account->debits_pending != (uint64_t)sqlite3_column_int64(found, 0) ||
            account->debits_posted != (uint64_t)sqlite3_column_int64(found, 1) ||
            account->credits_pending != (uint64_t)sqlite3_column_int64(found, 2) ||
            account->credits_posted != (uint64_t)sqlite3_column_int64(found, 3))
            fail("compare", "the ledger and SQLite have different balances");
    }
    if (count != ledger_accounts_count(ledger)) fail("compare", "accounts are missing");
    (void)sqlite3_finalize(found);
}

static uint64_t sqlite_run(const struct ledger *ledger, const char *path) {
    postings_make(ledger);
    if (sqlite3_open(path, &database) != SQLITE_OK) fail(path, sqlite3_errmsg(database));
    sql("pragma journal_mode = wal");
    sql("pragma synchronous = full");
    sql("pragma cache_size = -262144");
    sql("create table account(id integer primary key, debits_pending integer not null default 0 "
        "check(debits_pending >= 0), debits_posted integer not null default 0, credits_pending "
        "integer not null default 0 check(credits_pending >= 0), credits_posted integer not null "
        "default 0, holds integer not null, "
        "check(holds = 0 or debits_pending + debits_posted <= credits_posted)) strict");
    sql("create table transfer(id integer primary key, debit integer not null, credit integer not "
        "null, pending integer not null, amount integer not null, left integer not null "
        "check(left >= 0)) strict");
    statements[DEBIT_MOVE] =
        sql_prepare("update account set debits_pending = debits_pending + ?1, debits_posted = "
                    "debits_posted + ?2 where id = ?3");
    statements[CREDIT_MOVE] =
        sql_prepare("update account set credits_pending = credits_pending + ?1, credits_posted = "
                    "credits_posted + ?2 where id = ?3");
    statements[PENDING_TAKE] = sql_prepare("update transfer set left = left - ?1 where id = ?2");
    statements[TRANSFER_ADD] = sql_prepare("insert into transfer values(?1,?2,?3,?4,?5,?6)");
    sqlite3_stmt *account = sql_prepare("insert into account(id, holds) values(?1, ?2)");
    sql("begin immediate");
    for (uint32_t i = 0; i < ledger_accounts_count(ledger); i++) {
        uint16_t flags = ledger_account_at(ledger, i)->flags;
        sql_step(account, (int64_t[]){ i, (flags & LEDGER_DEBITS_MUST_NOT_EXCEED_CREDITS) != 0 },
                 2);
    }
    sql("commit");
    (void)sqlite3_finalize(account);

    struct watch from = watch_now();
    for (uint32_t at = 0; at < postings_count; at += BATCH) {
        uint32_t end = postings_count - at > BATCH ? at + BATCH : postings_count;
        sql("begin immediate");
        for (uint32_t i = at; i < end; i++) sqlite_post(i);
        sql("commit");
    }
    struct watch to = watch_now();
    row_add("SQLite", rate(postings_count, to.wall_ns - from.wall_ns), "transfers/s");
    row_add("SQLite, processor", rate(postings_count, to.cpu_ns - from.cpu_ns), "transfers/cpu-s");
    sqlite_compare(ledger);
    for (int i = 0; i < STATEMENTS; i++) (void)sqlite3_finalize(statements[i]);
    (void)sqlite3_close(database);
    free(postings);
    return rate(postings_count, to.wall_ns - from.wall_ns);
}

int main(int argc, char **argv) {
    static const struct option options[] = { { "transfers", required_argument, NULL, 't' },
                                             { "directory", required_argument, NULL, 'd' },
                                             { "json", required_argument, NULL, 'j' },
                                             { "commit", required_argument, NULL, 'c' },
                                             { NULL, 0, NULL, 0 } };
    const char *parent = "build", *json = "build/bench_ledger.json", *commit = "";
    uint64_t transfers = DEFAULT_TRANSFERS;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 't') transfers = strtoull(optarg, NULL, 10);
        if (option == 'd') parent = optarg;
        if (option == 'j') json = optarg;
        if (option == 'c') commit = optarg;
        if (option == '?') return 2;
    }
    if (transfers < 1000 || transfers > 50000000) fail("--transfers", "1000 to 50000000");

    char directory[256], journal[300], tables[300], plain[300], command[400];
    (void)snprintf(directory, sizeof directory, "%s/bench_ledger.XXXXXX", parent);
    if (mkdtemp(directory) == NULL) fail(directory, "cannot be made");
    (void)snprintf(journal, sizeof journal, "%s/journal", directory);
    (void)snprintf(tables, sizeof tables, "%s/tables", directory);
    (void)snprintf(plain, sizeof plain, "%s/plain", directory);

    uint32_t room = (uint32_t)transfers + (uint32_t)(transfers / 4) + 10000;
    market_write(journal, (uint32_t)(transfers / TRANSFERS_A_ROUND));
    struct fold *fold = books_keep(journal, NULL, room);
    uint64_t books = rows[2].value;
    struct fold *again = books_keep(journal, tables, room);
    uint8_t first[LEDGER_DIGEST_BYTES], second[LEDGER_DIGEST_BYTES];
    ledger_digest(fold_ledger(fold), first);
    ledger_digest(fold_ledger(again), second);
    if (memcmp(first, second, sizeof first) != 0) fail("compare", "two folds, two ledgers");
    fold_close(again);
    uint64_t sqlite = sqlite_run(fold_ledger(fold), plain);
    fold_close(fold);
    (void)printf("the books take %.1f times what SQLite takes\n", (double)books / (double)sqlite);
    rows_save(json, commit, (double)books / (double)sqlite);
    (void)snprintf(command, sizeof command, "rm -r %s", directory);
    return system(command) == 0 ? 0 : 1;
}
