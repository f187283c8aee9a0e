/* bench_ledger [TRANSFERS [DIRECTORY]]: how fast host/ledger/ takes transfers on one core, and how
 * fast SQLite takes the same ones (write-ahead log, one flush a commit) in DIRECTORY, by default
 * /tmp. Prints rows "name value unit"; fails if the two end with different balances.
 *
 * The transfers are those of a market: an order reserves cash, a fill is a chain of four legs, what
 * is left of the order is voided. Accounts are funded first; that is not measured. SQLite is asked
 * for as little as keeps the same books: integer keys, prepared statements, bounds as CHECKs. */
#include "host/base/clock.h"
#include "host/base/err.h"
#include "host/base/random.h"
#include "host/ledger/ledger.h"
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FIRMS = 256, SYMBOLS = 64, BATCH = 8189, DEFAULT_TRANSFERS = 1000000 };
enum { LEDGER_CASH = 1 }; /* ledger of a symbol: 2 + symbol */
enum { CODE_FUNDING = 1, CODE_FILL = 2, CODE_ORDER = 3 };
enum { ACCOUNTS_MAX = (FIRMS + 2) * (SYMBOLS + 1) };

static struct ledger_transfer *transfers;
static uint32_t transfers_count, funding_count;

/* Holder 0 is the outside world, 1 the clearing house, firms follow. */
static uint64_t account_number(uint32_t holder, uint32_t ledger) {
    return 1 + (uint64_t)(ledger - 1) * (FIRMS + 2) + holder;
}

static void fail(const char *what, const char *why) {
    (void)fprintf(stderr, "bench_ledger: %s: %s\n", what, why);
    exit(1);
}

static uint64_t transfer_add(uint32_t from, uint32_t to, uint32_t ledger, uint64_t amount,
                             unsigned flags, uint64_t pending, unsigned code) {
    uint64_t id = transfers_count + 1;
    transfers[transfers_count++] = (struct ledger_transfer){
        .id = { .low = id },
        .debit = { .low = account_number(from, ledger) },
        .credit = { .low = account_number(to, ledger) },
        .pending = { .low = pending },
        .amount = amount,
        .ledger = ledger,
        .code = (uint16_t)code,
        .flags = (uint16_t)flags,
    };
    return id;
}

static void transfers_make(uint32_t count) {
    struct random draw = random_seeded(1);
    for (uint32_t firm = 0; firm < FIRMS; firm++)
        for (uint32_t ledger = LEDGER_CASH; ledger <= LEDGER_CASH + SYMBOLS; ledger++)
            (void)transfer_add(0, 2 + firm, ledger, UINT64_C(1) << 50, 0, 0, CODE_FUNDING);
    funding_count = transfers_count;
    while (transfers_count < funding_count + count) {
        uint32_t buyer = 2 + (uint32_t)random_below(&draw, FIRMS);
        uint32_t seller = 2 + (uint32_t)random_below(&draw, FIRMS);
        uint32_t shares = LEDGER_CASH + 1 + (uint32_t)random_below(&draw, SYMBOLS);
        uint64_t price_e4 = 100000 + random_below(&draw, 1000) * 100;
        uint64_t quantity = 2 + random_below(&draw, 500);
        uint64_t filled = 1 + random_below(&draw, quantity - 1);
        uint64_t order =
            transfer_add(buyer, 1, LEDGER_CASH, price_e4 * quantity, LEDGER_PENDING, 0, CODE_ORDER);
        (void)transfer_add(buyer, 1, LEDGER_CASH, price_e4 * filled,
                           LEDGER_POST | LEDGER_PART | LEDGER_LINKED, order, CODE_ORDER);
        (void)transfer_add(1, seller, LEDGER_CASH, price_e4 * filled, LEDGER_LINKED, 0, CODE_FILL);
        (void)transfer_add(seller, 1, shares, filled, LEDGER_LINKED, 0, CODE_FILL);
        (void)transfer_add(1, buyer, shares, filled, 0, 0, CODE_FILL);
        (void)transfer_add(buyer, 1, LEDGER_CASH, price_e4 * (quantity - filled), LEDGER_VOID,
                           order, CODE_ORDER);
    }
}

static uint64_t cpu_ns(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void row_print(const char *name, uint64_t value, const char *unit) {
    (void)printf("%s %" PRIu64 " %s\n", name, value, unit);
    (void)fflush(stdout);
}

static uint64_t rate(uint64_t count, uint64_t ns) {
    return ns == 0 ? 0 : count * UINT64_C(1000000000) / ns;
}

/* A batch ends where no chain is open. */
static uint32_t batch_count(uint32_t from, uint32_t to) {
    uint32_t end = to - from > BATCH ? from + BATCH : to;
    while ((transfers[end - 1].flags & LEDGER_LINKED) != 0) end--;
    return end - from;
}

/* ---- the ledger ------------------------------------------------------------------------------ */

static void ledger_take(struct ledger *ledger, uint32_t from, uint32_t to) {
    uint8_t codes[BATCH];
    for (uint32_t at = from, count; at < to; at += count) {
        count = batch_count(at, to);
        if (ledger_transfers_create(ledger, at, transfers + at, count, codes) == 0) continue;
        for (uint32_t i = 0; i < count; i++)
            if (codes[i] != LEDGER_OK) fail("transfer", ledger_code_name(codes[i]));
    }
}

static struct ledger *ledger_run(void) {
    const struct ledger_options options = {
        .accounts_max = ACCOUNTS_MAX,
        .transfers_max = transfers_count,
        .ledgers_max = SYMBOLS + 1,
        .chain_max = 16,
        .seed = 1,
    };
    struct ledger *ledger;
    if (ledger_open(&options, &ledger) != 0) fail("open", err_text());
    for (uint32_t number = LEDGER_CASH; number <= LEDGER_CASH + SYMBOLS; number++) {
        for (uint32_t holder = 0; holder < FIRMS + 2; holder++) {
            struct ledger_account account = {
                .id = { .low = account_number(holder, number) },
                .ledger = number,
                .code = 1,
                .flags = holder == 0 ? 0 : LEDGER_DEBITS_MUST_NOT_EXCEED_CREDITS,
            };
            enum ledger_code code = ledger_account_create(ledger, 0, &account);
            if (code != LEDGER_OK) fail("account", ledger_code_name(code));
        }
    }
    ledger_take(ledger, 0, funding_count);

    uint64_t wall = clock_monotonic_ns(), cpu = cpu_ns();
    ledger_take(ledger, funding_count, transfers_count);
    cpu = cpu_ns() - cpu;
    wall = clock_monotonic_ns() - wall;
    uint32_t count = transfers_count - funding_count;
    row_print("ledger_transfers", count, "transfers");
    row_print("ledger_rate", rate(count, wall), "transfers/s");
    row_print("ledger_rate_cpu", rate(count, cpu), "transfers/cpu-s");

    uint8_t digest[LEDGER_DIGEST_BYTES];
    wall = clock_monotonic_ns();
    ledger_check(ledger);
    row_print("ledger_verify", (clock_monotonic_ns() - wall) / 1000000, "ms");
    wall = clock_monotonic_ns();
    ledger_digest(ledger, digest);
    row_print("ledger_digest", (clock_monotonic_ns() - wall) / 1000000, "ms");
    return ledger;
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

static void sql_step(sqlite3_stmt *statement, const uint64_t *values, int count) {
    for (int i = 0; i < count; i++)
        (void)sqlite3_bind_int64(statement, i + 1, (sqlite3_int64)values[i]);
    if (sqlite3_step(statement) != SQLITE_DONE || sqlite3_changes(database) != 1)
        fail(sqlite3_sql(statement), sqlite3_errmsg(database));
    (void)sqlite3_reset(statement);
}

enum { DEBIT_MOVE, CREDIT_MOVE, PENDING_TAKE, TRANSFER_ADD, STATEMENTS };
static sqlite3_stmt *statements[STATEMENTS];

static void sqlite_transfer(const struct ledger_transfer *transfer) {
    bool reserves = (transfer->flags & LEDGER_PENDING) != 0;
    bool posts = (transfer->flags & LEDGER_POST) != 0;
    bool voids = (transfer->flags & LEDGER_VOID) != 0;
    uint64_t back = posts || voids ? transfer->amount : 0;
    uint64_t pending = (reserves ? transfer->amount : 0) - back;
    uint64_t posted = reserves || voids ? 0 : transfer->amount;
    if (back != 0)
        sql_step(statements[PENDING_TAKE], (uint64_t[]){ back, transfer->pending.low }, 2);
    sql_step(statements[DEBIT_MOVE], (uint64_t[]){ pending, posted, transfer->debit.low }, 3);
    sql_step(statements[CREDIT_MOVE], (uint64_t[]){ pending, posted, transfer->credit.low }, 3);
    sql_step(statements[TRANSFER_ADD],
             (uint64_t[]){ transfer->id.low, transfer->debit.low, transfer->credit.low,
                           transfer->pending.low, transfer->amount, transfer->flags, transfer->code,
                           reserves ? transfer->amount : 0 },
             8);
}

static void sqlite_take(uint32_t from, uint32_t to) {
    for (uint32_t at = from, count; at < to; at += count) {
        count = batch_count(at, to);
        sql("begin immediate");
        for (uint32_t i = 0; i < count; i++) sqlite_transfer(&transfers[at + i]);
        sql("commit");
    }
}

static void sqlite_compare(const struct ledger *ledger) {
    sqlite3_stmt *rows = sql_prepare("select debits_pending, debits_posted, credits_pending, "
                                     "credits_posted, id from account order by id");
    uint32_t count = 0;
    while (sqlite3_step(rows) == SQLITE_ROW) {
        struct ledger_id id = { .low = (uint64_t)sqlite3_column_int64(rows, 4) };
        const struct ledger_account *account = ledger_account_find(ledger, id);
        if (account == NULL || account->debits_pending != (uint64_t)sqlite3_column_int64(rows, 0) ||
            account->debits_posted != (uint64_t)sqlite3_column_int64(rows, 1) ||
            account->credits_pending != (uint64_t)sqlite3_column_int64(rows, 2) ||
            account->credits_posted != (uint64_t)sqlite3_column_int64(rows, 3))
            fail("compare", "the ledger and SQLite have different balances");
        count++;
    }
    if (count != ledger_accounts_count(ledger)) fail("compare", "accounts are missing");
    (void)sqlite3_finalize(rows);
}

static void sqlite_run(const struct ledger *ledger, const char *path) {
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
        "null, pending integer not null, amount integer not null, flags integer not null, code "
        "integer not null, left integer not null check(left >= 0)) strict");
    statements[DEBIT_MOVE] =
        sql_prepare("update account set debits_pending = debits_pending + ?1, debits_posted = "
                    "debits_posted + ?2 where id = ?3");
    statements[CREDIT_MOVE] =
        sql_prepare("update account set credits_pending = credits_pending + ?1, credits_posted = "
                    "credits_posted + ?2 where id = ?3");
    statements[PENDING_TAKE] = sql_prepare("update transfer set left = left - ?1 where id = ?2");
    statements[TRANSFER_ADD] = sql_prepare("insert into transfer values(?1,?2,?3,?4,?5,?6,?7,?8)");
    sqlite3_stmt *account = sql_prepare("insert into account(id, holds) values(?1, ?2)");
    sql("begin immediate");
    for (uint32_t i = 0; i < ledger_accounts_count(ledger); i++) {
        const struct ledger_account *row = ledger_account_at(ledger, i);
        sql_step(account, (uint64_t[]){ row->id.low, row->flags != 0 }, 2);
    }
    sql("commit");
    (void)sqlite3_finalize(account);
    sqlite_take(0, funding_count);

    uint64_t wall = clock_monotonic_ns(), cpu = cpu_ns();
    sqlite_take(funding_count, transfers_count);
    cpu = cpu_ns() - cpu;
    wall = clock_monotonic_ns() - wall;
    uint32_t count = transfers_count - funding_count;
    row_print("sqlite_transfers", count, "transfers");
    row_print("sqlite_batch", BATCH, "transfers/commit");
    row_print("sqlite_rate", rate(count, wall), "transfers/s");
    row_print("sqlite_rate_cpu", rate(count, cpu), "transfers/cpu-s");
    sqlite_compare(ledger);
    for (int i = 0; i < STATEMENTS; i++) (void)sqlite3_finalize(statements[i]);
    (void)sqlite3_close(database);
}

int main(int argc, char **argv) {
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : DEFAULT_TRANSFERS;
    if (count < 1 || count > 100000000) fail("TRANSFERS", "1 to 100000000");
    transfers = calloc(count + FIRMS * (SYMBOLS + 1) + 8, sizeof *transfers);
    if (transfers == NULL) fail("transfers", "no memory");
    transfers_make((uint32_t)count);

    char directory[256], path[sizeof directory + 16];
    (void)snprintf(directory, sizeof directory, "%s/bench_ledger.XXXXXX",
                   argc > 2 ? argv[2] : "/tmp");
    if (mkdtemp(directory) == NULL) fail(directory, "cannot be made");
    (void)snprintf(path, sizeof path, "%s/books", directory);

    struct ledger *ledger = ledger_run();
    sqlite_run(ledger, path);
    ledger_close(ledger);
    free(transfers);
    (void)unlink(path); /* SQLite has taken its log away with the last connection */
    return rmdir(directory) == 0 ? 0 : 1;
}
