/* test_store: the projections' tables: rows, pages, transactions, versions. */
#include "host/base/err.h"
#include "host/store/store.h"
#include <errno.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64], path[96];

static int make_directory(void **state) {
    (void)state;
    (void)snprintf(directory, sizeof directory, "/tmp/wirepit_store_XXXXXX");
    if (mkdtemp(directory) == NULL) return -1;
    (void)snprintf(path, sizeof path, "%s/office.db", directory);
    return 0;
}

static int remove_directory(void **state) {
    static const char *const endings[] = { "", "-wal", "-shm" };
    char name[128];
    (void)state;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        (void)snprintf(name, sizeof name, "%s%s", path, endings[i]);
        (void)unlink(name);
    }
    return rmdir(directory);
}

static struct store *open_at(const char *where) {
    struct store *store = NULL;
    if (store_open(where, &store) != 0) fail_msg("%s", err_text());
    return store;
}

static void put_orders(struct store *store, int64_t from, int64_t to) {
    for (int64_t id = from; id <= to; id++) {
        struct store_order order = {
            .id = id, .account = id % 2, .symbol = id % 3, .state = STORE_ORDER_OPEN, .reason = -id
        };
        assert_int_equal(store_put(store, STORE_order, &order), 0);
    }
}

static void run_sql(const char *sql) {
    sqlite3 *database = NULL;
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
}

static void every_column_comes_back_as_it_was_put(void **state) {
    (void)state;
    struct store *store = open_at(":memory:");
    assert_int_equal(store_begin(store), 0);
    /* All bytes of the integers differ, so that no two columns can be mixed up. */
#define ROWS(name, table, meaning)    \
    {                                 \
        struct store_##name put, got; \
        memset(&put, 0, sizeof put);  \
        int64_t next = 7;
#define INTEGER(name, column, meaning)     put.column = next++;
#define TEXT(name, column, bytes, meaning) (void)snprintf(put.column, sizeof put.column, #column);
#define DONE(name)                                                \
    assert_int_equal(store_put(store, STORE_##name, &put), 0);    \
    assert_int_equal(store_get(store, STORE_##name, 7, &got), 1); \
    assert_memory_equal(&put, &got, sizeof put);                  \
    assert_int_equal(store_get(store, STORE_##name, 8, &got), 0); \
    }
#include "host/store/store_rows.def"
#undef ROWS
#undef INTEGER
#undef TEXT
#undef DONE
    store_abandon(store);
    store_close(store);
}

static void the_ends_of_integers_are_kept(void **state) {
    static const int64_t ends[] = { INT64_MIN, -1, 0, 1, INT64_MAX };
    (void)state;
    struct store *store = open_at(":memory:");
    assert_int_equal(store_begin(store), 0);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct store_order order = { .id = ends[i], .value = ends[i] }, got;
        assert_int_equal(store_put(store, STORE_order, &order), 0);
        assert_int_equal(store_get(store, STORE_order, ends[i], &got), 1);
        assert_true(got.value == ends[i]);
    }
    store_abandon(store);
    store_close(store);
}

static void a_transaction_is_there_whole_or_not_at_all(void **state) {
    struct store_progress progress = { .id = 1, .record = 10 };
    (void)state;
    struct store *store = open_at(path);
    assert_int_equal(store_begin(store), 0);
    put_orders(store, 1, 5);
    assert_int_equal(store_commit(store, &progress), 0);
    assert_int_equal(store_begin(store), 0);
    put_orders(store, 6, 9);
    store_close(store); /* in the middle of it */

    store = open_at(path);
    assert_int_equal(store_count(store, STORE_order), 5);
    assert_int_equal(store_get(store, STORE_progress, 1, &progress), 1);
    assert_int_equal(progress.record, 10);
    assert_int_equal(store_begin(store), 0);
    put_orders(store, 6, 9);
    store_abandon(store);
    assert_int_equal(store_count(store, STORE_order), 5);
    store_close(store);
}

static void pages_follow_one_another_without_a_gap_while_rows_come(void **state) {
    (void)state;
    struct store *store = open_at(":memory:");
    struct store_order rows[4];
    bool more = true;
    int64_t seen = 0, expect = 20;
    assert_int_equal(store_begin(store), 0);
    put_orders(store, 1, 20);
    struct store_query query = { .newest_first = true, .limit = 4 };
    while (more) {
        int count = store_list(store, STORE_order, &query, rows, &more);
        for (int i = 0; i < count; i++) assert_int_equal(rows[i].id, expect--);
        seen += count;
        query.have_after = true;
        query.after = rows[count - 1].id;
        put_orders(store, 21 + seen, 22 + seen); /* meanwhile */
    }
    assert_int_equal(seen, 20);
    store_abandon(store);
    store_close(store);
}

static void a_page_of_exactly_all_rows_has_none_behind_it(void **state) {
    static const struct {
        uint32_t limit;
        int count;
        bool more;
    } row[] = { { 6, 6, true }, { 7, 7, false }, { 8, 7, false } };
    (void)state;
    struct store *store = open_at(":memory:");
    struct store_order rows[8];
    bool more;
    assert_int_equal(store_begin(store), 0);
    put_orders(store, 1, 7);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct store_query query = { .limit = row[i].limit };
        assert_int_equal(store_list(store, STORE_order, &query, rows, &more), row[i].count);
        assert_int_equal(more, row[i].more);
        assert_int_equal(rows[0].id, 1);
    }
    store_abandon(store);
    store_close(store);
}

static void matches_narrow_a_page(void **state) {
    (void)state;
    struct store *store = open_at(":memory:");
    struct store_order rows[20];
    struct store_trade trades[4];
    bool more;
    assert_int_equal(store_begin(store), 0);
    put_orders(store, 1, 12);
    struct store_query both = { .limit = 20,
                                .match_count = 2,
                                .matches = { { "account", NULL, 1 }, { "symbol", NULL, 0 } } };
    assert_int_equal(store_list(store, STORE_order, &both, rows, &more), 2);
    assert_int_equal(rows[0].id, 3);
    assert_int_equal(rows[1].id, 9);
    for (int64_t match = 1; match <= 3; match++) {
        struct store_trade trade = {
            .match = match, .quantity = 1, .buy_account = match, .sell_account = match + 1
        };
        assert_int_equal(store_put(store, STORE_trade, &trade), 0);
    }
    struct store_query either = { .limit = 4,
                                  .match_count = 1,
                                  .matches = { { "buy_account", "sell_account", 2 } } };
    assert_int_equal(store_list(store, STORE_trade, &either, trades, &more), 2);
    assert_int_equal(trades[0].match, 1);
    assert_int_equal(trades[1].match, 2);
    store_abandon(store);
    store_close(store);
}

static void equal_tables_have_equal_digests_and_others_have_not(void **state) {
    uint8_t one[STORE_DIGEST_BYTES], two[STORE_DIGEST_BYTES];
    (void)state;
    struct store *a = open_at(":memory:"), *b = open_at(":memory:");
    assert_int_equal(store_begin(a), 0);
    assert_int_equal(store_begin(b), 0);
    put_orders(a, 1, 9);
    put_orders(b, 5, 9); /* another order of writing */
    put_orders(b, 1, 4);
    assert_int_equal(store_digest(a, STORE_order, one), 0);
    assert_int_equal(store_digest(b, STORE_order, two), 0);
    assert_memory_equal(one, two, sizeof one);
    struct store_order changed;
    assert_int_equal(store_get(b, STORE_order, 4, &changed), 1);
    changed.leaves++;
    assert_int_equal(store_put(b, STORE_order, &changed), 0);
    assert_int_equal(store_digest(b, STORE_order, two), 0);
    assert_memory_not_equal(one, two, sizeof one);
    store_abandon(a);
    store_abandon(b);
    store_close(a);
    store_close(b);
}

static void an_earlier_schema_is_brought_up_with_its_rows(void **state) {
    struct store_progress progress = { .id = 1, .record = 3 };
    (void)state;
    struct store *store = open_at(path);
    assert_int_equal(store_begin(store), 0);
    put_orders(store, 1, 3);
    assert_int_equal(store_commit(store, &progress), 0);
    store_close(store);
    run_sql("DROP INDEX orders_of_session; DROP INDEX orders_of_account;"
            "DROP INDEX trades_of_symbol; PRAGMA user_version = 1;"
            "ALTER TABLE symbols DROP COLUMN last_event;"
            "ALTER TABLE accounts DROP COLUMN rate_interval_ns;"
            "ALTER TABLE accounts DROP COLUMN rate_burst_ns;"
            "ALTER TABLE accounts DROP COLUMN duplicate_ns;"
            "ALTER TABLE accounts DROP COLUMN open_max;"
            "ALTER TABLE accounts DROP COLUMN open_count;"
            "ALTER TABLE accounts DROP COLUMN gross_max_e4;"
            "ALTER TABLE accounts DROP COLUMN gross_e4;"
            "ALTER TABLE accounts DROP COLUMN daily_max_e4;"
            "ALTER TABLE accounts DROP COLUMN traded_e4;"
            "ALTER TABLE accounts DROP COLUMN self_trade;");
    store = open_at(path);
    assert_int_equal(store_count(store, STORE_order), 3);
    store_close(store);
    run_sql("DROP INDEX orders_of_session"); /* fails unless the step has made it again */
}

static void a_store_that_is_not_ours_to_read_is_refused_and_said(void **state) {
    struct store *store = NULL;
    (void)state;
    store_close(open_at(path));
    run_sql("PRAGMA user_version = 4");
    assert_int_equal(store_version(), 3);
    assert_int_equal(store_open(path, &store), -EPROTO);
    assert_non_null(strstr(err_text(), "version 4"));
    run_sql("PRAGMA user_version = 3; PRAGMA application_id = 5");
    assert_int_equal(store_open(path, &store), -EBADMSG);
    assert_non_null(strstr(err_text(), "another program"));

    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 200; i++) assert_true(fputs("this is no database. ", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(store_open(path, &store), -EBADMSG);
    assert_int_equal(store_open("/nowhere/office.db", &store), -ENOENT);
    assert_null(store);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_column_comes_back_as_it_was_put),
        cmocka_unit_test(the_ends_of_integers_are_kept),
        cmocka_unit_test_setup_teardown(a_transaction_is_there_whole_or_not_at_all, make_directory,
                                        remove_directory),
        cmocka_unit_test(pages_follow_one_another_without_a_gap_while_rows_come),
        cmocka_unit_test(a_page_of_exactly_all_rows_has_none_behind_it),
        cmocka_unit_test(matches_narrow_a_page),
        cmocka_unit_test(equal_tables_have_equal_digests_and_others_have_not),
        cmocka_unit_test_setup_teardown(an_earlier_schema_is_brought_up_with_its_rows,
                                        make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(a_store_that_is_not_ours_to_read_is_refused_and_said,
                                        make_directory, remove_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
