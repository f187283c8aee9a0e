/* test_ledger: host/ledger/: every rule by hand, at its edge; what cannot be, made so, and found.
 * test_ledger_random has the rules in combination, test_ledger_trading the way of an order. */
#include "host/base/err.h"
#include "host/ledger/ledger_state.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { SECOND = 1000000000 };
enum { CASH = 1, SHARES = 2 };
enum { HOLDS = LEDGER_DEBITS_MUST_NOT_EXCEED_CREDITS };
enum { OWES = LEDGER_CREDITS_MUST_NOT_EXCEED_DEBITS };

/* Accounts that a ledger under test has. */
enum { WORLD = 1, ALICE, BOB, DEBTOR, VAULT, OUTSIDE_SHARES };

static const struct ledger_options usual = {
    .accounts_max = 8, .transfers_max = 64, .ledgers_max = 3, .chain_max = 4, .seed = 7
};

static struct ledger_id id_of(uint64_t number) { return (struct ledger_id){ .low = number }; }

static struct ledger *ledger_empty(struct ledger_options options) {
    struct ledger *ledger = NULL;
    if (ledger_open(&options, &ledger) != 0) fail_msg("%s", err_text());
    return ledger;
}

static struct ledger_account account_of(uint64_t id, uint32_t number, unsigned flags) {
    return (struct ledger_account){
        .id = id_of(id), .ledger = number, .code = 1, .flags = (uint16_t)flags
    };
}

/* ALICE and BOB hold, VAULT holds shares, DEBTOR owes; WORLD and OUTSIDE_SHARES may do as they
   like. */
static struct ledger *ledger_with(struct ledger_options options) {
    static const struct {
        uint64_t id;
        uint32_t number;
        unsigned flags;
    } row[] = {
        { WORLD, CASH, 0 },     { ALICE, CASH, HOLDS },   { BOB, CASH, HOLDS },
        { DEBTOR, CASH, OWES }, { VAULT, SHARES, HOLDS }, { OUTSIDE_SHARES, SHARES, 0 },
    };
    struct ledger *ledger = ledger_empty(options);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct ledger_account account = account_of(row[i].id, row[i].number, row[i].flags);
        assert_int_equal(ledger_account_create(ledger, 0, &account), LEDGER_OK);
    }
    return ledger;
}

static struct ledger_transfer move(uint64_t id, uint64_t debit, uint64_t credit, uint64_t amount,
                                   unsigned flags) {
    return (struct ledger_transfer){
        .id = id_of(id),
        .debit = id_of(debit),
        .credit = id_of(credit),
        .amount = amount,
        .ledger = debit >= VAULT ? SHARES : CASH,
        .code = 1,
        .flags = (uint16_t)flags,
    };
}

static struct ledger_transfer end(uint64_t id, uint64_t pending, uint64_t amount, unsigned flags) {
    return (struct ledger_transfer){
        .id = id_of(id), .pending = id_of(pending), .amount = amount, .flags = (uint16_t)flags
    };
}

static void create(struct ledger *ledger, uint64_t time_ns, struct ledger_transfer transfer,
                   enum ledger_code want) {
    enum ledger_code have = ledger_transfer_create(ledger, time_ns, &transfer);
    if (have != want)
        fail_msg("transfer %llu: %s, not %s", (unsigned long long)transfer.id.low,
                 ledger_code_name(have), ledger_code_name(want));
}

static void balances_are(const struct ledger *ledger, uint64_t account, uint64_t debits_pending,
                         uint64_t debits_posted, uint64_t credits_pending,
                         uint64_t credits_posted) {
    const struct ledger_account *found = ledger_account_find(ledger, id_of(account));
    assert_non_null(found);
    assert_int_equal(found->debits_pending, debits_pending);
    assert_int_equal(found->debits_posted, debits_posted);
    assert_int_equal(found->credits_pending, credits_pending);
    assert_int_equal(found->credits_posted, credits_posted);
}

static void done(struct ledger *ledger) {
    ledger_check(ledger);
    ledger_close(ledger);
}

/* ---- options and accounts -------------------------------------------------------------------- */

static void capacities_out_of_range_are_refused(void **state) {
    (void)state;
    static const struct {
        struct ledger_options options;
        int code;
        const char *named;
    } row[] = {
        { { 1, 1, 1, 1, 0 }, 0, NULL },
        { { 0, 1, 1, 1, 0 }, -EINVAL, "accounts_max" },
        { { 1, 0, 1, 1, 0 }, -EINVAL, "transfers_max" },
        { { 1, 1, 0, 1, 0 }, -EINVAL, "ledgers_max" },
        { { 1, 1, 1, 0, 0 }, -EINVAL, "chain_max" },
        { { 1, 4, 1, 4, 0 }, 0, NULL },
        { { 1, 4, 1, 5, 0 }, -EINVAL, "chain_max: 5" },
        { { LEDGER_TRANSFERS_LIMIT + 1u, 1, 1, 1, 0 }, -EINVAL, "accounts_max" },
        { { 1, LEDGER_TRANSFERS_LIMIT + 1u, 1, 1, 0 }, -EINVAL, "transfers_max" },
        { { 1, 1, LEDGER_TRANSFERS_LIMIT + 1u, 1, 0 }, -EINVAL, "ledgers_max" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct ledger *ledger = NULL;
        assert_int_equal(ledger_open(&row[i].options, &ledger), row[i].code);
        if (row[i].code != 0) assert_non_null(strstr(err_text(), row[i].named));
        assert_true((row[i].code == 0) == (ledger != NULL));
        ledger_close(ledger);
    }
}

static void an_account_is_judged_field_by_field(void **state) {
    (void)state;
    static const struct {
        struct ledger_account account;
        enum ledger_code code;
    } row[] = {
        { { .id = { 0, 9 }, .ledger = 1, .code = 1 }, LEDGER_OK },
        { { .id = { 0, 9 }, .ledger = 1, .code = 1 }, LEDGER_EXISTS },
        { { .id = { 0, 9 }, .ledger = 1, .code = 1, .flags = HOLDS },
          LEDGER_EXISTS_WITH_DIFFERENT_FLAGS },
        { { .id = { 0, 9 }, .ledger = 1, .code = 1, .user_data_32 = 1 },
          LEDGER_EXISTS_WITH_DIFFERENT_USER_DATA },
        { { .id = { 0, 9 }, .ledger = 2, .code = 1 }, LEDGER_EXISTS_WITH_DIFFERENT_LEDGER },
        { { .id = { 0, 9 }, .ledger = 1, .code = 2 }, LEDGER_EXISTS_WITH_DIFFERENT_CODE },
        { { .id = { 9, 0 }, .ledger = 1, .code = 1, .flags = OWES }, LEDGER_OK },
        { { .id = { 0, 0 }, .ledger = 1, .code = 1 }, LEDGER_ID_MUST_NOT_BE_ZERO },
        { { .id = { UINT64_MAX, UINT64_MAX }, .ledger = 1, .code = 1 }, LEDGER_ID_MUST_NOT_BE_MAX },
        { { .id = { UINT64_MAX, UINT64_MAX - 1 }, .ledger = UINT32_MAX, .code = UINT16_MAX },
          LEDGER_OK },
        { { .id = { 0, 8 }, .ledger = 1, .code = 1, .flags = LEDGER_CLOSED },
          LEDGER_RESERVED_FLAG },
        { { .id = { 0, 8 }, .ledger = 1, .code = 1, .flags = 8 }, LEDGER_RESERVED_FLAG },
        { { .id = { 0, 8 }, .ledger = 1, .code = 1, .flags = HOLDS | OWES },
          LEDGER_FLAGS_ARE_MUTUALLY_EXCLUSIVE },
        { { .id = { 0, 8 }, .ledger = 1, .code = 1, .credits_posted = 1 },
          LEDGER_BALANCES_MUST_BE_ZERO },
        { { .id = { 0, 8 }, .ledger = 0, .code = 1 }, LEDGER_LEDGER_MUST_NOT_BE_ZERO },
        { { .id = { 0, 8 }, .ledger = 1, .code = 0 }, LEDGER_CODE_MUST_NOT_BE_ZERO },
        { { .id = { 0, 7 }, .ledger = 3, .code = 1 }, LEDGER_LEDGERS_FULL },
        { { .id = { 0, 7 }, .ledger = 1, .code = 1 }, LEDGER_OK },
        { { .id = { 0, 6 }, .ledger = 1, .code = 1 }, LEDGER_ACCOUNTS_FULL },
        { { .id = { 0, 7 }, .ledger = 1, .code = 1 }, LEDGER_EXISTS },
    };
    struct ledger *ledger = ledger_empty((struct ledger_options){ 4, 1, 2, 1, 0 });
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        enum ledger_code code = ledger_account_create(ledger, 5, &row[i].account);
        if (code != row[i].code)
            fail_msg("row %zu: %s, not %s", i, ledger_code_name(code),
                     ledger_code_name(row[i].code));
    }
    assert_int_equal(ledger_accounts_count(ledger), 4);
    assert_null(ledger_account_find(ledger, id_of(8)));
    struct ledger_totals totals;
    assert_true(ledger_totals(ledger, UINT32_MAX, &totals));
    assert_false(ledger_totals(ledger, 3, &totals));
    done(ledger);
}

/* ---- bounds ---------------------------------------------------------------------------------- */

static void a_bound_holds_to_the_unit(void **state) {
    (void)state;
    struct ledger *ledger = ledger_with(usual);
    create(ledger, 0, move(1, ALICE, WORLD, 1, 0), LEDGER_EXCEEDS_CREDITS);
    create(ledger, 0, move(1, WORLD, ALICE, 100, 0), LEDGER_OK);
    create(ledger, 0, move(2, ALICE, BOB, 101, 0), LEDGER_EXCEEDS_CREDITS);
    create(ledger, 0, move(2, ALICE, BOB, 99, 0), LEDGER_OK);
    create(ledger, 0, move(3, ALICE, BOB, 2, 0), LEDGER_EXCEEDS_CREDITS);
    create(ledger, 0, move(3, ALICE, BOB, 1, 0), LEDGER_OK);
    create(ledger, 0, move(4, ALICE, BOB, 1, 0), LEDGER_EXCEEDS_CREDITS);
    balances_are(ledger, ALICE, 0, 100, 0, 100);
    balances_are(ledger, BOB, 0, 0, 0, 100);

    /* the mirror: what is credited to a debtor is at most what it owes */
    create(ledger, 0, move(5, WORLD, DEBTOR, 1, 0), LEDGER_EXCEEDS_DEBITS);
    create(ledger, 0, move(5, DEBTOR, WORLD, 10, 0), LEDGER_OK);
    create(ledger, 0, move(6, WORLD, DEBTOR, 11, 0), LEDGER_EXCEEDS_DEBITS);
    create(ledger, 0, move(6, WORLD, DEBTOR, 10, 0), LEDGER_OK);
    create(ledger, 0, move(7, WORLD, DEBTOR, 1, 0), LEDGER_EXCEEDS_DEBITS);
    done(ledger);
}

static void what_is_reserved_is_spent_and_what_is_coming_is_not_there(void **state) {
    (void)state;
    struct ledger *ledger = ledger_with(usual);
    create(ledger, 0, move(1, WORLD, ALICE, 100, 0), LEDGER_OK);
    create(ledger, 0, move(2, ALICE, BOB, 60, LEDGER_PENDING), LEDGER_OK);
    balances_are(ledger, ALICE, 60, 0, 0, 100);
    balances_are(ledger, BOB, 0, 0, 60, 0);
    create(ledger, 0, move(3, ALICE, WORLD, 41, 0), LEDGER_EXCEEDS_CREDITS);
    create(ledger, 0, move(3, ALICE, WORLD, 41, LEDGER_PENDING), LEDGER_EXCEEDS_CREDITS);
    create(ledger, 0, move(3, ALICE, WORLD, 40, 0), LEDGER_OK);
    create(ledger, 0, move(4, BOB, WORLD, 1, 0), LEDGER_EXCEEDS_CREDITS);
    create(ledger, 0, end(5, 2, LEDGER_AMOUNT_ALL, LEDGER_POST), LEDGER_OK);
    create(ledger, 0, move(4, BOB, WORLD, 60, 0), LEDGER_OK);
    balances_are(ledger, ALICE, 0, 100, 0, 100);
    done(ledger);
}

/* ---- two phases ------------------------------------------------------------------------------ */

static void a_reservation_ends_once(void **state) {
    (void)state;
    struct ledger *ledger = ledger_with(usual);
    create(ledger, 0, move(1, WORLD, ALICE, 100, 0), LEDGER_OK);
    for (uint64_t id = 10; id < 14; id++)
        create(ledger, 0, move(id, ALICE, BOB, 10, LEDGER_PENDING), LEDGER_OK);

    create(ledger, 0, end(20, 10, 11, LEDGER_POST), LEDGER_EXCEEDS_PENDING_TRANSFER_AMOUNT);
    create(ledger, 0, end(20, 10, 9, LEDGER_POST), LEDGER_OK); /* the rest goes back */
    balances_are(ledger, ALICE, 30, 9, 0, 100);
    create(ledger, 0, end(21, 10, 1, LEDGER_POST), LEDGER_PENDING_TRANSFER_ALREADY_POSTED);
    create(ledger, 0, end(21, 10, 1, LEDGER_VOID), LEDGER_PENDING_TRANSFER_ALREADY_POSTED);

    create(ledger, 0, end(22, 11, 9, LEDGER_VOID), LEDGER_PENDING_HAS_DIFFERENT_AMOUNT);
    create(ledger, 0, end(22, 11, 11, LEDGER_VOID), LEDGER_EXCEEDS_PENDING_TRANSFER_AMOUNT);
    create(ledger, 0, end(22, 11, 10, LEDGER_VOID), LEDGER_OK);
    create(ledger, 0, end(23, 11, 10, LEDGER_VOID), LEDGER_PENDING_TRANSFER_ALREADY_VOIDED);
    create(ledger, 0, end(23, 11, 10, LEDGER_POST), LEDGER_PENDING_TRANSFER_ALREADY_VOIDED);
    balances_are(ledger, ALICE, 20, 9, 0, 100);
    balances_are(ledger, BOB, 0, 0, 20, 9);

    create(ledger, 0, end(24, 12, 10, LEDGER_POST), LEDGER_OK);
    create(ledger, 0, end(25, 13, LEDGER_AMOUNT_ALL, LEDGER_VOID), LEDGER_OK);
    balances_are(ledger, ALICE, 0, 19, 0, 100);
    create(ledger, 0, end(26, 1, 1, LEDGER_POST), LEDGER_PENDING_TRANSFER_NOT_PENDING);
    create(ledger, 0, end(26, 24, 1, LEDGER_POST), LEDGER_PENDING_TRANSFER_NOT_PENDING);
    create(ledger, 0, end(26, 99, 1, LEDGER_POST), LEDGER_PENDING_TRANSFER_NOT_FOUND);
    done(ledger);
}

static void parts_keep_the_rest_to_the_last_unit(void **state) {
    (void)state;
    struct ledger *ledger = ledger_with(usual);
    create(ledger, 0, move(1, WORLD, ALICE, 100, 0), LEDGER_OK);
    create(ledger, 0, move(2, ALICE, BOB, 10, LEDGER_PENDING), LEDGER_OK);
    create(ledger, 0, end(3, 2, 4, LEDGER_POST | LEDGER_PART), LEDGER_OK);
    create(ledger, 0, end(4, 2, 3, LEDGER_VOID | LEDGER_PART), LEDGER_OK);
    create(ledger, 0, end(5, 2, 0, LEDGER_VOID | LEDGER_PART), LEDGER_AMOUNT_MUST_NOT_BE_ZERO);
    create(ledger, 0, end(5, 2, 4, LEDGER_POST | LEDGER_PART),
           LEDGER_EXCEEDS_PENDING_TRANSFER_AMOUNT);
    struct ledger_standing standing = ledger_standing(ledger, id_of(2));
    assert_int_equal(standing.state, LEDGER_STATE_PENDING);
    assert_int_equal(standing.left, 3);
    balances_are(ledger, ALICE, 3, 4, 0, 100);
    create(ledger, 0, end(5, 2, 2, LEDGER_POST | LEDGER_PART), LEDGER_OK);
    assert_int_equal(ledger_standing(ledger, id_of(2)).left, 1);
    create(ledger, 0, end(6, 2, 1, LEDGER_POST | LEDGER_PART), LEDGER_OK);
    standing = ledger_standing(ledger, id_of(2));
    assert_int_equal(standing.state, LEDGER_STATE_POSTED);
    assert_int_equal(standing.left, 0);
    create(ledger, 0, end(7, 2, LEDGER_AMOUNT_ALL, LEDGER_POST | LEDGER_PART),
           LEDGER_PENDING_TRANSFER_ALREADY_POSTED);
    balances_are(ledger, ALICE, 0, 7, 0, 100);
    balances_are(ledger, BOB, 0, 0, 0, 7);
    done(ledger);
}

static void a_reservation_expires_at_its_second_and_not_before(void **state) {
    (void)state;
    struct ledger *ledger = ledger_with(usual);
    struct ledger_transfer pending = move(2, ALICE, BOB, 10, LEDGER_PENDING);
    create(ledger, 5, move(1, WORLD, ALICE, 100, 0), LEDGER_OK);
    pending.timeout_s = 1;
    create(ledger, 5, pending, LEDGER_OK);
    pending.id = id_of(3);
    create(ledger, 5, pending, LEDGER_OK);
    pending.id = id_of(4);
    pending.timeout_s = 2;
    create(ledger, 5, pending, LEDGER_OK);

    create(ledger, SECOND + 4, end(10, 2, 10, LEDGER_POST), LEDGER_OK);
    balances_are(ledger, ALICE, 20, 10, 0, 100);
    create(ledger, SECOND + 5, end(11, 3, 10, LEDGER_POST), LEDGER_PENDING_TRANSFER_EXPIRED);
    create(ledger, SECOND + 5, end(11, 3, 10, LEDGER_VOID), LEDGER_PENDING_TRANSFER_EXPIRED);
    balances_are(ledger, ALICE, 10, 10, 0, 100);
    assert_int_equal(ledger_standing(ledger, id_of(3)).state, LEDGER_STATE_EXPIRED);
    assert_int_equal(ledger_standing(ledger, id_of(2)).state, LEDGER_STATE_POSTED);

    /* time does not go back, and the money comes back before the transfers of its instant */
    create(ledger, 0, end(12, 4, 1, LEDGER_POST | LEDGER_PART), LEDGER_OK);
    assert_int_equal(ledger_time_ns(ledger), SECOND + 5);
    create(ledger, 2 * (uint64_t)SECOND + 5, move(13, ALICE, WORLD, 89, 0), LEDGER_OK);
    balances_are(ledger, ALICE, 0, 100, 0, 100);
    balances_are(ledger, BOB, 0, 0, 0, 11);
    done(ledger);
}

static void expiries_come_one_by_one_the_earliest_first(void **state) {
    (void)state;
    static const uint32_t timeouts[] = { 3, 1, 2, 1, 5, 2 };
    static const uint32_t order[] = { 2, 4, 3, 6, 1 };
    struct ledger *ledger = ledger_with(usual);
    create(ledger, 0, move(1, WORLD, ALICE, 100, 0), LEDGER_OK);
    for (uint32_t i = 0; i < 6; i++) {
        struct ledger_transfer pending = move(10 + i, ALICE, BOB, 1, LEDGER_PENDING);
        pending.timeout_s = timeouts[i];
        create(ledger, 0, pending, LEDGER_OK);
    }
    for (uint32_t i = 0; i < 5; i++) {
        uint32_t index;
        assert_true(ledger_expire(ledger, 4 * (uint64_t)SECOND, &index));
        assert_int_equal(index, order[i]);
        assert_int_equal(ledger_time_ns(ledger), timeouts[index - 1] * (uint64_t)SECOND);
        ledger_check(ledger);
    }
    uint32_t index;
    assert_false(ledger_expire(ledger, 4 * (uint64_t)SECOND, &index));
    assert_int_equal(ledger_time_ns(ledger), 4 * (uint64_t)SECOND);
    balances_are(ledger, ALICE, 1, 0, 0, 100);
    done(ledger);
}

static void a_timeout_fits_in_its_clock_or_is_refused(void **state) {
    (void)state;
    struct ledger *ledger = ledger_with(usual);
    const uint64_t last = UINT64_MAX - 1 - SECOND; /* expires one before the end of time */
    struct ledger_transfer pending = move(2, WORLD, BOB, 10, LEDGER_PENDING);
    pending.timeout_s = 1;
    create(ledger, last, pending, LEDGER_OK);
    assert_int_equal(ledger_standing(ledger, id_of(2)).expires_ns, UINT64_MAX - 1);
    pending.id = id_of(3);
    create(ledger, last + 1, pending, LEDGER_OVERFLOWS_TIMEOUT);
    create(ledger, UINT64_MAX - 1, end(4, 2, 1, LEDGER_POST), LEDGER_PENDING_TRANSFER_EXPIRED);
    pending.timeout_s = 0;
    create(ledger, UINT64_MAX, pending, LEDGER_OK);
    assert_int_equal(ledger_standing(ledger, id_of(3)).expires_ns, UINT64_MAX);
    done(ledger);
}

/* ---- the top of 64 bits ---------------------------------------------------------------------- */

static void no_balance_overflows(void **state) {
    (void)state;
    struct ledger *ledger = ledger_with(usual);
    const uint64_t top = UINT64_MAX;
    create(ledger, 0, move(1, WORLD, ALICE, top - 1, 0), LEDGER_OK);
    create(ledger, 0, move(2, WORLD, BOB, 2, 0), LEDGER_OVERFLOWS_DEBITS_POSTED);
    create(ledger, 0, move(2, WORLD, BOB, 2, LEDGER_PENDING), LEDGER_OVERFLOWS_DEBITS);
    create(ledger, 0, move(2, WORLD, BOB, 1, LEDGER_PENDING), LEDGER_OK);
    create(ledger, 0, move(3, WORLD, BOB, 1, 0), LEDGER_OVERFLOWS_DEBITS);
    create(ledger, 0, move(3, WORLD, BOB, top, LEDGER_PENDING), LEDGER_OVERFLOWS_DEBITS_PENDING);
    create(ledger, 0, end(3, 2, 1, LEDGER_POST), LEDGER_OK);
    balances_are(ledger, WORLD, 0, top, 0, 0);

    /* the same of the credit side; ALICE has top - 1 */
    create(ledger, 0, move(4, DEBTOR, ALICE, 2, 0), LEDGER_OVERFLOWS_CREDITS_POSTED);
    create(ledger, 0, move(4, DEBTOR, ALICE, 2, LEDGER_PENDING), LEDGER_OVERFLOWS_CREDITS);
    create(ledger, 0, move(4, DEBTOR, ALICE, 1, LEDGER_PENDING), LEDGER_OK);
    create(ledger, 0, move(5, DEBTOR, ALICE, 1, 0), LEDGER_OVERFLOWS_CREDITS);
    create(ledger, 0, move(5, BOB, ALICE, top, LEDGER_PENDING), LEDGER_OVERFLOWS_CREDITS_PENDING);

    /* sums over many accounts have more room than one account */
    create(ledger, 0, move(6, ALICE, BOB, top - 1, 0), LEDGER_OK);
    create(ledger, 0, move(7, ALICE, BOB, 1, 0), LEDGER_OVERFLOWS_CREDITS_POSTED);
    struct ledger_totals totals;
    assert_true(ledger_totals(ledger, CASH, &totals));
    assert_true(totals.debits_posted > top);
    done(ledger);
}

static void an_amount_of_all_ones_is_an_amount_where_nothing_is_left(void **state) {
    (void)state;
    struct ledger *ledger = ledger_with(usual);
    create(ledger, 0, move(1, WORLD, ALICE, LEDGER_AMOUNT_ALL, 0), LEDGER_OK);
    balances_are(ledger, ALICE, 0, 0, 0, UINT64_MAX);
    create(ledger, 0, move(2, ALICE, BOB, LEDGER_AMOUNT_ALL, LEDGER_PENDING), LEDGER_OK);
    create(ledger, 0, end(3, 2, LEDGER_AMOUNT_ALL, LEDGER_POST), LEDGER_OK);
    balances_are(ledger, BOB, 0, 0, 0, UINT64_MAX);
    done(ledger);
}

/* ---- balancing and closing ------------------------------------------------------------------- */

static void balancing_moves_what_there_is(void **state) {
    (void)state;
    struct ledger *ledger = ledger_with(usual);
    const unsigned sweep = LEDGER_BALANCING_DEBIT, settle = LEDGER_BALANCING_CREDIT;
    create(ledger, 0, move(1, ALICE, BOB, LEDGER_AMOUNT_ALL, sweep), LEDGER_EXCEEDS_CREDITS);
    create(ledger, 0, move(1, WORLD, ALICE, 100, 0), LEDGER_OK);
    create(ledger, 0, move(2, ALICE, WORLD, 30, LEDGER_PENDING), LEDGER_OK);
    create(ledger, 0, move(3, ALICE, BOB, 69, sweep), LEDGER_OK);
    assert_int_equal(ledger_transfer_find(ledger, id_of(3))->moved, 69);
    create(ledger, 0, move(4, ALICE, BOB, 2, sweep), LEDGER_OK);
    assert_int_equal(ledger_transfer_find(ledger, id_of(4))->moved, 1);
    create(ledger, 0, move(4, ALICE, BOB, 2, sweep), LEDGER_EXISTS);
    create(ledger, 0, move(4, ALICE, BOB, 1, sweep), LEDGER_EXISTS_WITH_DIFFERENT_AMOUNT);
    create(ledger, 0, move(5, ALICE, BOB, 1, sweep), LEDGER_EXCEEDS_CREDITS);

    create(ledger, 0, move(6, BOB, DEBTOR, 1, settle), LEDGER_EXCEEDS_DEBITS);
    create(ledger, 0, move(6, DEBTOR, WORLD, 25, 0), LEDGER_OK);
    create(ledger, 0, move(7, BOB, DEBTOR, LEDGER_AMOUNT_ALL, sweep | settle), LEDGER_OK);
    assert_int_equal(ledger_transfer_find(ledger, id_of(7))->moved, 25);
    create(ledger, 0, move(8, BOB, DEBTOR, LEDGER_AMOUNT_ALL, sweep | settle),
           LEDGER_EXCEEDS_DEBITS);
    balances_are(ledger, BOB, 0, 25, 0, 70);
    done(ledger);
}

static void a_closed_account_gives_back_and_nothing_else(void **state) {
    (void)state;
    struct ledger *ledger = ledger_with(usual);
    create(ledger, 0, move(1, WORLD, ALICE, 100, 0), LEDGER_OK);
    create(ledger, 0, move(2, ALICE, BOB, 10, LEDGER_PENDING), LEDGER_OK);
    create(ledger, 0, move(3, ALICE, WORLD, 0, LEDGER_CLOSING_DEBIT),
           LEDGER_CLOSING_MUST_BE_PENDING);
    create(ledger, 0, move(3, ALICE, WORLD, 0, LEDGER_PENDING | LEDGER_CLOSING_DEBIT), LEDGER_OK);
    assert_true(ledger_account_find(ledger, id_of(ALICE))->flags & LEDGER_CLOSED);
    create(ledger, 0, move(4, ALICE, BOB, 1, 0), LEDGER_DEBIT_ACCOUNT_ALREADY_CLOSED);
    create(ledger, 0, move(4, WORLD, ALICE, 1, 0), LEDGER_CREDIT_ACCOUNT_ALREADY_CLOSED);
    create(ledger, 0, end(4, 2, 1, LEDGER_POST), LEDGER_DEBIT_ACCOUNT_ALREADY_CLOSED);
    create(ledger, 0, end(4, 3, LEDGER_AMOUNT_ALL, LEDGER_POST),
           LEDGER_DEBIT_ACCOUNT_ALREADY_CLOSED);
    create(ledger, 0, end(4, 2, LEDGER_AMOUNT_ALL, LEDGER_VOID), LEDGER_OK);
    create(ledger, 0, end(5, 3, 0, LEDGER_VOID), LEDGER_OK);
    create(ledger, 0, move(6, ALICE, BOB, 1, 0), LEDGER_OK);

    /* closed for a second, both sides */
    struct ledger_transfer both =
        move(7, ALICE, BOB, 5, LEDGER_PENDING | LEDGER_CLOSING_DEBIT | LEDGER_CLOSING_CREDIT);
    both.timeout_s = 1;
    create(ledger, 0, both, LEDGER_OK);
    create(ledger, SECOND - 1, move(8, WORLD, BOB, 1, 0), LEDGER_CREDIT_ACCOUNT_ALREADY_CLOSED);
    create(ledger, SECOND, move(8, WORLD, BOB, 1, 0), LEDGER_OK);

    /* an account that is closed by a chain that fails stays open */
    struct ledger_transfer chain[] = {
        move(9, ALICE, BOB, 5, LEDGER_PENDING | LEDGER_CLOSING_DEBIT | LEDGER_LINKED),
        move(10, ALICE, BOB, 1, 0),
    };
    uint8_t codes[2];
    assert_int_equal(ledger_transfers_create(ledger, SECOND, chain, 2, codes), 2);
    assert_int_equal(codes[1], LEDGER_DEBIT_ACCOUNT_ALREADY_CLOSED);
    create(ledger, SECOND, move(10, ALICE, BOB, 1, 0), LEDGER_OK);
    done(ledger);
}

/* ---- chains ---------------------------------------------------------------------------------- */

static void a_chain_is_done_whole_or_not_at_all(void **state) {
    (void)state;
    struct ledger *ledger = ledger_with(usual);
    create(ledger, 0, move(1, WORLD, ALICE, 100, 0), LEDGER_OK);
    create(ledger, 0, move(2, ALICE, BOB, 10, LEDGER_PENDING), LEDGER_OK);
    uint8_t before[LEDGER_DIGEST_BYTES], after[LEDGER_DIGEST_BYTES];
    ledger_digest(ledger, before);

    struct ledger_transfer batch[] = {
        end(3, 2, 4, LEDGER_POST | LEDGER_PART | LEDGER_LINKED),
        move(4, OUTSIDE_SHARES, VAULT, 1, LEDGER_LINKED),
        move(5, BOB, WORLD, 5, LEDGER_LINKED), /* one more than it has just got */
        move(6, WORLD, BOB, 1, 0),
    };
    batch[1].timeout_s = 0;
    uint8_t codes[4];
    assert_int_equal(ledger_transfers_create(ledger, 0, batch, 4, codes), 4);
    assert_int_equal(codes[0], LEDGER_LINKED_EVENT_FAILED);
    assert_int_equal(codes[1], LEDGER_LINKED_EVENT_FAILED);
    assert_int_equal(codes[2], LEDGER_EXCEEDS_CREDITS);
    assert_int_equal(codes[3], LEDGER_LINKED_EVENT_FAILED);
    ledger_digest(ledger, after);
    assert_memory_equal(before, after, sizeof before);
    ledger_check(ledger);

    /* the same ids are free, and with one unit less it is all done */
    batch[2].amount = 4;
    assert_int_equal(ledger_transfers_create(ledger, 0, batch, 4, codes), 0);
    balances_are(ledger, BOB, 0, 4, 6, 5);
    balances_are(ledger, VAULT, 0, 0, 0, 1);

    /* again: it had been done */
    assert_int_equal(ledger_transfers_create(ledger, 0, batch, 4, codes), 4);
    assert_int_equal(codes[0], LEDGER_EXISTS);
    assert_int_equal(codes[3], LEDGER_LINKED_EVENT_FAILED);
    assert_int_equal(ledger_transfers_count(ledger), 6);
    done(ledger);
}

static void an_expiry_made_in_a_failed_chain_never_comes(void **state) {
    (void)state;
    struct ledger *ledger = ledger_with(usual);
    struct ledger_transfer chain[] = {
        move(1, WORLD, ALICE, 10, LEDGER_PENDING | LEDGER_LINKED),
        move(2, ALICE, BOB, 1, 0),
    };
    chain[0].timeout_s = 1;
    uint8_t codes[2];
    uint32_t index;
    assert_int_equal(ledger_transfers_create(ledger, 0, chain, 2, codes), 2);
    assert_false(ledger_expire(ledger, 2 * (uint64_t)SECOND, &index));
    done(ledger);
}

static void chains_end_in_their_batch_and_fit(void **state) {
    (void)state;
    struct ledger *ledger = ledger_with(usual); /* chain_max is 4 */
    struct ledger_transfer batch[6];
    uint8_t codes[6];
    for (uint64_t i = 0; i < 6; i++) batch[i] = move(10 + i, WORLD, ALICE, 1, LEDGER_LINKED);
    batch[0].flags = 0;
    assert_int_equal(ledger_transfers_create(ledger, 0, batch, 4, codes), 3);
    assert_int_equal(codes[0], LEDGER_OK);
    assert_int_equal(codes[1], LEDGER_LINKED_EVENT_FAILED);
    assert_int_equal(codes[3], LEDGER_LINKED_EVENT_CHAIN_OPEN);
    create(ledger, 0, batch[1], LEDGER_LINKED_EVENT_CHAIN_OPEN);

    batch[5].flags = 0;
    assert_int_equal(ledger_transfers_create(ledger, 0, batch + 1, 5, codes), 5);
    assert_int_equal(codes[0], LEDGER_LINKED_EVENT_CHAIN_TOO_LONG);
    assert_int_equal(codes[4], LEDGER_LINKED_EVENT_FAILED);
    assert_int_equal(ledger_transfers_create(ledger, 0, batch + 2, 4, codes), 0);
    balances_are(ledger, ALICE, 0, 0, 0, 5);
    assert_int_equal(ledger_transfers_create(ledger, 0, NULL, 0, NULL), 0);
    done(ledger);
}

static void an_id_twice_in_a_chain_fails_it(void **state) {
    (void)state;
    struct ledger *ledger = ledger_with(usual);
    struct ledger_transfer chain[] = { move(1, WORLD, ALICE, 1, LEDGER_LINKED),
                                       move(1, WORLD, ALICE, 1, 0) };
    uint8_t codes[2];
    assert_int_equal(ledger_transfers_create(ledger, 0, chain, 2, codes), 2);
    assert_int_equal(codes[1], LEDGER_EXISTS_WITH_DIFFERENT_FLAGS);
    assert_int_equal(ledger_transfers_count(ledger), 0);
    done(ledger);
}

static void a_chain_is_built_leg_by_leg(void **state) {
    (void)state;
    struct ledger *ledger = ledger_with(usual);
    struct ledger_chain chain = { .count = 0 };
    uint32_t failed = 99;
    assert_int_equal(ledger_chain_create(ledger, 0, &chain, &failed), LEDGER_OK);
    struct ledger_transfer in = move(1, WORLD, ALICE, 10, LEDGER_LINKED);
    struct ledger_transfer out = move(2, ALICE, BOB, 11, LEDGER_LINKED);
    ledger_chain_add(&chain, &in);
    ledger_chain_add(&chain, &out);
    assert_int_equal(ledger_chain_create(ledger, 0, &chain, &failed), LEDGER_EXCEEDS_CREDITS);
    assert_int_equal(failed, 1);
    assert_int_equal(chain.count, 0);
    out.amount = 10;
    ledger_chain_add(&chain, &in);
    ledger_chain_add(&chain, &out);
    assert_int_equal(ledger_chain_create(ledger, 0, &chain, NULL), LEDGER_OK);
    ledger_chain_add(&chain, &in);
    ledger_chain_add(&chain, &out);
    assert_int_equal(ledger_chain_create(ledger, 0, &chain, &failed), LEDGER_EXISTS);
    assert_int_equal(failed, 0);
    balances_are(ledger, BOB, 0, 0, 0, 10);
    done(ledger);
}

/* ---- ids and capacity ------------------------------------------------------------------------ */

static void the_same_again_is_done_once_and_another_under_its_id_never(void **state) {
    (void)state;
    struct ledger *ledger = ledger_with(usual);
    struct ledger_transfer first = move(1, WORLD, ALICE, 10, LEDGER_PENDING);
    first.timeout_s = 9;
    create(ledger, 0, first, LEDGER_OK);
    create(ledger, 0, first, LEDGER_EXISTS);
    create(ledger, 1, *ledger_transfer_find(ledger, id_of(1)), LEDGER_EXISTS);

    struct ledger_transfer other = first;
    other.flags = 0;
    create(ledger, 1, other, LEDGER_EXISTS_WITH_DIFFERENT_FLAGS);
    other = first;
    other.pending = id_of(2);
    create(ledger, 1, other, LEDGER_EXISTS_WITH_DIFFERENT_PENDING_ID);
    other = first;
    other.timeout_s = 8;
    create(ledger, 1, other, LEDGER_EXISTS_WITH_DIFFERENT_TIMEOUT);
    other = first;
    other.debit = id_of(BOB);
    create(ledger, 1, other, LEDGER_EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID);
    other = first;
    other.credit = id_of(BOB);
    create(ledger, 1, other, LEDGER_EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID);
    other = first;
    other.amount = 11;
    create(ledger, 1, other, LEDGER_EXISTS_WITH_DIFFERENT_AMOUNT);
    other = first;
    other.user_data_128.high = 1;
    create(ledger, 1, other, LEDGER_EXISTS_WITH_DIFFERENT_USER_DATA);
    other = first;
    other.user_data_64 = 1;
    create(ledger, 1, other, LEDGER_EXISTS_WITH_DIFFERENT_USER_DATA);
    other = first;
    other.user_data_32 = 1;
    create(ledger, 1, other, LEDGER_EXISTS_WITH_DIFFERENT_USER_DATA);
    other = first;
    other.ledger = SHARES;
    create(ledger, 1, other, LEDGER_EXISTS_WITH_DIFFERENT_LEDGER);
    other = first;
    other.code = 2;
    create(ledger, 1, other, LEDGER_EXISTS_WITH_DIFFERENT_CODE);
    assert_int_equal(ledger_transfers_count(ledger), 1);

    /* a post, spelled out or not, also when what it posted has long ended */
    create(ledger, 1, end(2, 1, 3, LEDGER_POST), LEDGER_OK);
    create(ledger, 1, end(2, 1, 3, LEDGER_POST), LEDGER_EXISTS);
    create(ledger, 1, *ledger_transfer_find(ledger, id_of(2)), LEDGER_EXISTS);
    create(ledger, 1, end(2, 1, 4, LEDGER_POST), LEDGER_EXISTS_WITH_DIFFERENT_AMOUNT);
    done(ledger);
}

static void a_post_agrees_with_its_pending_transfer(void **state) {
    (void)state;
    struct ledger *ledger = ledger_with(usual);
    create(ledger, 0, move(1, WORLD, ALICE, 10, LEDGER_PENDING), LEDGER_OK);
    struct ledger_transfer post = end(2, 1, 10, LEDGER_POST);
    post.debit = id_of(BOB);
    create(ledger, 0, post, LEDGER_PENDING_HAS_DIFFERENT_DEBIT_ACCOUNT_ID);
    post.debit = id_of(WORLD);
    post.credit = id_of(BOB);
    create(ledger, 0, post, LEDGER_PENDING_HAS_DIFFERENT_CREDIT_ACCOUNT_ID);
    post.credit = id_of(ALICE);
    post.ledger = SHARES;
    create(ledger, 0, post, LEDGER_PENDING_HAS_DIFFERENT_LEDGER);
    post.ledger = CASH;
    post.code = 2;
    create(ledger, 0, post, LEDGER_PENDING_HAS_DIFFERENT_CODE);
    post.code = 1;
    create(ledger, 0, post, LEDGER_OK);
    done(ledger);
}

static void a_transfer_stays_in_its_ledger(void **state) {
    (void)state;
    struct ledger *ledger = ledger_with(usual);
    create(ledger, 0, move(1, WORLD, VAULT, 1, 0), LEDGER_ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER);
    struct ledger_transfer transfer = move(1, WORLD, ALICE, 1, 0);
    transfer.ledger = SHARES;
    create(ledger, 0, transfer, LEDGER_TRANSFER_MUST_HAVE_THE_SAME_LEDGER);
    create(ledger, 0, move(1, WORLD, WORLD, 1, 0), LEDGER_ACCOUNTS_MUST_BE_DIFFERENT);
    create(ledger, 0, move(1, WORLD, 99, 1, 0), LEDGER_CREDIT_ACCOUNT_NOT_FOUND);
    create(ledger, 0, move(1, 99, WORLD, 1, 0), LEDGER_DEBIT_ACCOUNT_NOT_FOUND);
    done(ledger);
}

static void a_full_ledger_says_so_and_knows_what_it_has(void **state) {
    (void)state;
    struct ledger_options options = usual;
    options.transfers_max = 4;
    struct ledger *ledger = ledger_with(options);
    create(ledger, 0, move(1, WORLD, ALICE, 1, LEDGER_PENDING), LEDGER_OK);
    create(ledger, 0, move(2, WORLD, ALICE, 1, 0), LEDGER_OK);
    create(ledger, 0, move(3, WORLD, ALICE, 1, 0), LEDGER_OK);
    struct ledger_transfer chain[] = { move(4, WORLD, ALICE, 1, LEDGER_LINKED),
                                       move(5, WORLD, ALICE, 1, 0) };
    uint8_t codes[2];
    assert_int_equal(ledger_transfers_create(ledger, 0, chain, 2, codes), 2);
    assert_int_equal(codes[1], LEDGER_TRANSFERS_FULL);
    create(ledger, 0, move(4, WORLD, ALICE, 1, 0), LEDGER_OK);
    create(ledger, 0, move(5, WORLD, ALICE, 1, 0), LEDGER_TRANSFERS_FULL);
    create(ledger, 0, end(5, 1, 1, LEDGER_POST), LEDGER_TRANSFERS_FULL);
    create(ledger, 0, move(4, WORLD, ALICE, 1, 0), LEDGER_EXISTS);
    done(ledger);
}

static void ids_differ_in_any_bit(void **state) {
    (void)state;
    struct ledger_options options = usual;
    options.transfers_max = 128;
    struct ledger *ledger = ledger_with(options);
    for (int bit = 0; bit < 128; bit++) {
        struct ledger_transfer transfer = move(0, WORLD, ALICE, 1, 0);
        if (bit < 64)
            transfer.id.low = UINT64_C(1) << bit;
        else
            transfer.id.high = UINT64_C(1) << (bit - 64);
        create(ledger, 0, transfer, LEDGER_OK);
        create(ledger, 0, transfer, LEDGER_EXISTS);
    }
    balances_are(ledger, ALICE, 0, 0, 0, 128);
    done(ledger);
}

/* ---- digest and proof ------------------------------------------------------------------------ */

static void the_digest_is_of_the_state_and_of_nothing_else(void **state) {
    (void)state;
    struct ledger_options options = usual;
    options.seed = 99;
    options.transfers_max = 100;
    struct ledger *one = ledger_with(usual), *two = ledger_with(options);
    uint8_t first[LEDGER_DIGEST_BYTES], second[LEDGER_DIGEST_BYTES];
    create(one, 5, move(1, WORLD, ALICE, 10, LEDGER_PENDING), LEDGER_OK);
    create(two, 5, move(2, ALICE, WORLD, 10, 0), LEDGER_EXCEEDS_CREDITS);
    create(two, 5, move(1, WORLD, ALICE, 10, LEDGER_PENDING), LEDGER_OK);
    ledger_digest(one, first);
    ledger_digest(two, second);
    assert_memory_equal(first, second, sizeof first);
    (void)ledger_transfers_create(two, 6, NULL, 0, NULL); /* only time goes on */
    ledger_digest(two, second);
    assert_memory_not_equal(first, second, sizeof first);
    create(one, 6, end(3, 1, 10, LEDGER_POST), LEDGER_OK);
    create(two, 6, end(3, 1, 9, LEDGER_POST), LEDGER_OK);
    ledger_digest(one, first);
    ledger_digest(two, second);
    assert_memory_not_equal(first, second, sizeof first);

    /* of an empty ledger it is the hash of 16 zero bytes: time, and two counts */
    struct ledger *empty = ledger_empty(usual);
    ledger_digest(empty, first);
    static const uint8_t known[4] = { 0x94, 0xc1, 0xc0, 0x88 };
    assert_memory_equal(first, known, sizeof known);
    ledger_close(empty);
    ledger_close(one);
    ledger_close(two);
}

/* What cannot be, done by hand. */
static void damage_balance(struct ledger *ledger) { ledger->accounts[1].credits_posted++; }
static void damage_reserved(struct ledger *ledger) { ledger->accounts[1].debits_pending--; }
static void damage_flags(struct ledger *ledger) { ledger->accounts[1].flags |= LEDGER_CLOSED; }
static void damage_moved(struct ledger *ledger) { ledger->transfers[0].moved++; }
static void damage_left(struct ledger *ledger) { ledger->rows[1].left--; }
static void damage_state(struct ledger *ledger) { ledger->rows[1].state = LEDGER_STATE_VOIDED; }
static void damage_time(struct ledger *ledger) { ledger->transfers[0].time_ns = 1000; }
static void damage_expiry(struct ledger *ledger) { ledger->expiries[0].expires_ns++; }
static void damage_expiries(struct ledger *ledger) { ledger->expiries_count--; }
static void damage_sums(struct ledger *ledger) { ledger->totals[0].debits_posted++; }
static void damage_fingerprint(struct ledger *ledger) { ledger->fingerprint++; }
static void damage_ledger(struct ledger *ledger) { ledger->accounts[0].ledger = SHARES; }
static void damage_id(struct ledger *ledger) { ledger->transfers[0].id.high++; }
static void damage_account_id(struct ledger *ledger) { ledger->accounts[5].id.high++; }
static void damage_pending(struct ledger *ledger) { ledger->transfers[2].pending = id_of(1); }
static void damage_bound(struct ledger *ledger) {
    /* money out of nothing, on both sides and in the sums */
    ledger->accounts[1].debits_posted += 1000;
    ledger->accounts[2].credits_posted += 1000;
    ledger->totals[0].debits_posted += 1000;
    ledger->totals[0].credits_posted += 1000;
}

static struct ledger *ledger_in_use(void) {
    struct ledger *ledger = ledger_with(usual);
    create(ledger, 0, move(1, WORLD, ALICE, 100, 0), LEDGER_OK);
    struct ledger_transfer pending = move(2, ALICE, BOB, 10, LEDGER_PENDING);
    pending.timeout_s = 1;
    create(ledger, 0, pending, LEDGER_OK);
    create(ledger, 0, end(3, 2, 4, LEDGER_POST | LEDGER_PART), LEDGER_OK);
    return ledger;
}

static const struct {
    void (*damage)(struct ledger *ledger);
    const char *named;
} damages[] = {
    { damage_balance, "balance" },
    { damage_reserved, "reservations" },
    { damage_flags, "flags" },
    { damage_moved, "balance" },
    { damage_left, "left" },
    { damage_state, "left" },
    { damage_time, "time" },
    { damage_expiry, "expiry" },
    { damage_expiries, "expire" },
    { damage_sums, "running sums" },
    { damage_fingerprint, "memory" },
    { damage_ledger, "ledger" },
    { damage_id, "id" },
    { damage_account_id, "id" },
    { damage_pending, "pending" },
    { damage_bound, "balance" },
};

static void verify_finds_every_damage(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        struct ledger *ledger = ledger_in_use();
        assert_int_equal(ledger_verify(ledger), 0);
        damages[i].damage(ledger);
        if (ledger_verify(ledger) != -EBADMSG) fail_msg("damage %zu is not found", i);
        if (strstr(err_text(), damages[i].named) == NULL) fail_msg("damage %zu: %s", i, err_text());
        ledger_close(ledger);
    }
}

/* Runs act in a child and says whether it was stopped by a CHECK. */
static bool stops(void (*act)(struct ledger *ledger)) {
    struct ledger *ledger = ledger_in_use();
    (void)fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit none = { 0, 0 };
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)signal(SIGABRT, SIG_DFL);
        int nowhere = open("/dev/null", O_WRONLY);
        if (nowhere >= 0) (void)dup2(nowhere, STDERR_FILENO);
        act(ledger);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    ledger_close(ledger);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void act_nothing(struct ledger *ledger) {
    struct ledger_transfer transfer = move(9, ALICE, BOB, 1, 0);
    (void)ledger_transfer_create(ledger, 0, &transfer);
    ledger_check(ledger);
}

static void act_check(struct ledger *ledger) {
    damage_balance(ledger);
    ledger_check(ledger);
}

/* the sums are not equal any more when the next transfer ends */
static void act_sums(struct ledger *ledger) {
    damage_sums(ledger);
    act_nothing(ledger);
}

/* an account beyond its bound is in the next transfer */
static void act_bound(struct ledger *ledger) {
    struct ledger_transfer transfer = move(9, WORLD, ALICE, 1, 0);
    ledger->accounts[1].debits_posted += 1000;
    (void)ledger_transfer_create(ledger, 0, &transfer);
}

/* a reservation that is more than its account has reserved */
static void act_release(struct ledger *ledger) {
    struct ledger_transfer transfer = end(9, 2, LEDGER_AMOUNT_ALL, LEDGER_VOID);
    ledger->accounts[1].debits_pending = 5;
    (void)ledger_transfer_create(ledger, 0, &transfer);
}

static void act_index(struct ledger *ledger) { (void)ledger_transfer_at(ledger, 3); }

static void a_wrong_book_stops_the_process(void **state) {
    (void)state;
    assert_false(stops(act_nothing));
    assert_true(stops(act_check));
    assert_true(stops(act_sums));
    assert_true(stops(act_bound));
    assert_true(stops(act_release));
    assert_true(stops(act_index));
}

static void every_code_has_a_name_and_a_text(void **state) {
    (void)state;
    assert_string_equal(ledger_code_name(LEDGER_EXCEEDS_CREDITS), "EXCEEDS_CREDITS");
    assert_non_null(strstr(ledger_code_text(LEDGER_EXCEEDS_CREDITS), "less than that"));
    assert_null(ledger_code_name((enum ledger_code)255));
    assert_null(ledger_code_text((enum ledger_code)256));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(capacities_out_of_range_are_refused),
        cmocka_unit_test(an_account_is_judged_field_by_field),
        cmocka_unit_test(a_bound_holds_to_the_unit),
        cmocka_unit_test(what_is_reserved_is_spent_and_what_is_coming_is_not_there),
        cmocka_unit_test(a_reservation_ends_once),
        cmocka_unit_test(parts_keep_the_rest_to_the_last_unit),
        cmocka_unit_test(a_reservation_expires_at_its_second_and_not_before),
        cmocka_unit_test(expiries_come_one_by_one_the_earliest_first),
        cmocka_unit_test(a_timeout_fits_in_its_clock_or_is_refused),
        cmocka_unit_test(no_balance_overflows),
        cmocka_unit_test(an_amount_of_all_ones_is_an_amount_where_nothing_is_left),
        cmocka_unit_test(balancing_moves_what_there_is),
        cmocka_unit_test(a_closed_account_gives_back_and_nothing_else),
        cmocka_unit_test(a_chain_is_done_whole_or_not_at_all),
        cmocka_unit_test(an_expiry_made_in_a_failed_chain_never_comes),
        cmocka_unit_test(chains_end_in_their_batch_and_fit),
        cmocka_unit_test(an_id_twice_in_a_chain_fails_it),
        cmocka_unit_test(a_chain_is_built_leg_by_leg),
        cmocka_unit_test(the_same_again_is_done_once_and_another_under_its_id_never),
        cmocka_unit_test(a_post_agrees_with_its_pending_transfer),
        cmocka_unit_test(a_transfer_stays_in_its_ledger),
        cmocka_unit_test(a_full_ledger_says_so_and_knows_what_it_has),
        cmocka_unit_test(ids_differ_in_any_bit),
        cmocka_unit_test(the_digest_is_of_the_state_and_of_nothing_else),
        cmocka_unit_test(verify_finds_every_damage),
        cmocka_unit_test(a_wrong_book_stops_the_process),
        cmocka_unit_test(every_code_has_a_name_and_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
