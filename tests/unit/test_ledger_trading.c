/* test_ledger_trading: the way of an order through the books, as host/ledger/README.md shows it,
 * and the defects that books like these are known for, which they must not have. */
#include "host/base/err.h"
#include "host/ledger/ledger.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { CASH = 1, SHARES = 2 };
enum { WORLD = 1, CLEARING, BUYER, SELLER, FEES };
enum { CODE_FUNDING = 1, CODE_ORDER, CODE_FILL, CODE_FEE };
enum { KIND_FUNDING = 1, KIND_ORDER, KIND_FILL, KIND_CANCEL };

static struct ledger_id account_id(uint64_t holder, uint32_t number) {
    return (struct ledger_id){ .high = number, .low = holder };
}

static struct ledger_id event_id(uint64_t kind, uint64_t leg, uint64_t number) {
    return (struct ledger_id){ .high = kind << 32 | leg, .low = number };
}

static struct ledger *market_open(void) {
    const struct ledger_options options = {
        .accounts_max = 16, .transfers_max = 256, .ledgers_max = 2, .chain_max = 16
    };
    struct ledger *ledger = NULL;
    if (ledger_open(&options, &ledger) != 0) fail_msg("%s", err_text());
    for (uint32_t number = CASH; number <= SHARES; number++) {
        for (uint64_t holder = WORLD; holder <= FEES; holder++) {
            struct ledger_account account = {
                .id = account_id(holder, number),
                .ledger = number,
                .code = 1,
                .flags = holder == WORLD ? 0 : LEDGER_DEBITS_MUST_NOT_EXCEED_CREDITS,
            };
            assert_int_equal(ledger_account_create(ledger, 0, &account), LEDGER_OK);
        }
    }
    return ledger;
}

static struct ledger_transfer leg_of(struct ledger_id id, uint64_t from, uint64_t to,
                                     uint32_t number, uint64_t amount, uint16_t code) {
    return (struct ledger_transfer){ .id = id,
                                     .debit = account_id(from, number),
                                     .credit = account_id(to, number),
                                     .amount = amount,
                                     .ledger = number,
                                     .code = code };
}

static void fund(struct ledger *ledger, uint64_t event, uint64_t holder, uint32_t number,
                 uint64_t amount) {
    struct ledger_transfer leg =
        leg_of(event_id(KIND_FUNDING, 0, event), WORLD, holder, number, amount, CODE_FUNDING);
    assert_int_equal(ledger_transfer_create(ledger, 0, &leg), LEDGER_OK);
}

/* ---- the pattern ----------------------------------------------------------------------------- */

/* ACCEPTED: a buy reserves its price times quantity, a sell its shares. */
static enum ledger_code order_accept(struct ledger *ledger, uint64_t order, uint64_t holder,
                                     uint32_t number, uint64_t amount) {
    struct ledger_transfer leg =
        leg_of(event_id(KIND_ORDER, 0, order), holder, CLEARING, number, amount, CODE_ORDER);
    leg.flags = LEDGER_PENDING;
    return ledger_transfer_create(ledger, 0, &leg);
}

/* CANCELED: what is left goes back (LEDGER_AMOUNT_ALL), or the part that was taken off. */
static struct ledger_transfer release_leg(struct ledger_id id, uint64_t order, uint64_t amount) {
    return (struct ledger_transfer){ .id = id,
                                     .pending = event_id(KIND_ORDER, 0, order),
                                     .amount = amount,
                                     .flags = LEDGER_VOID | LEDGER_PART };
}

static enum ledger_code order_cancel(struct ledger *ledger, uint64_t event, uint64_t order,
                                     uint64_t amount) {
    struct ledger_transfer leg = release_leg(event_id(KIND_CANCEL, 0, event), order, amount);
    return ledger_transfer_create(ledger, 0, &leg);
}

struct fill {
    uint64_t match, buy, sell; /* orders */
    uint64_t buyer, seller;
    uint64_t quantity, price, limit; /* limit: what the buy reserved a share at */
    uint64_t fee;
};

/* TRADE: cash and shares change hands through the clearing house, or nothing does. */
static enum ledger_code order_fill(struct ledger *ledger, const struct fill *fill) {
    struct ledger_chain chain = { .count = 0 };
    uint64_t cash = fill->price * fill->quantity;
    uint64_t better = (fill->limit - fill->price) * fill->quantity;
    struct ledger_transfer leg = {
        .id = event_id(KIND_FILL, 1, fill->match),
        .pending = event_id(KIND_ORDER, 0, fill->buy),
        .amount = cash,
        .flags = LEDGER_POST | LEDGER_PART,
    };
    ledger_chain_add(&chain, &leg);
    if (better != 0) {
        leg = release_leg(event_id(KIND_FILL, 2, fill->match), fill->buy, better);
        ledger_chain_add(&chain, &leg);
    }
    leg =
        leg_of(event_id(KIND_FILL, 3, fill->match), CLEARING, fill->seller, CASH, cash, CODE_FILL);
    ledger_chain_add(&chain, &leg);
    leg = (struct ledger_transfer){
        .id = event_id(KIND_FILL, 4, fill->match),
        .pending = event_id(KIND_ORDER, 0, fill->sell),
        .amount = fill->quantity,
        .flags = LEDGER_POST | LEDGER_PART,
    };
    ledger_chain_add(&chain, &leg);
    leg = leg_of(event_id(KIND_FILL, 5, fill->match), CLEARING, fill->buyer, SHARES, fill->quantity,
                 CODE_FILL);
    ledger_chain_add(&chain, &leg);
    if (fill->fee != 0) {
        leg = leg_of(event_id(KIND_FILL, 6, fill->match), fill->seller, FEES, CASH, fill->fee,
                     CODE_FEE);
        ledger_chain_add(&chain, &leg);
    }
    return ledger_chain_create(ledger, 0, &chain, NULL);
}

/* ---- facts ----------------------------------------------------------------------------------- */

static uint64_t has(const struct ledger *ledger, uint64_t holder, uint32_t number) {
    const struct ledger_account *account = ledger_account_find(ledger, account_id(holder, number));
    return account->credits_posted - account->debits_posted;
}

static uint64_t reserved(const struct ledger *ledger, uint64_t holder, uint32_t number) {
    return ledger_account_find(ledger, account_id(holder, number))->debits_pending;
}

static struct ledger_standing order_standing(const struct ledger *ledger, uint64_t order) {
    return ledger_standing(ledger, event_id(KIND_ORDER, 0, order));
}

static struct ledger *market_funded(void) {
    struct ledger *ledger = market_open();
    fund(ledger, 1, BUYER, CASH, 1000);
    fund(ledger, 2, SELLER, SHARES, 100);
    return ledger;
}

static void an_order_goes_through_the_books(void **state) {
    (void)state;
    struct ledger *ledger = market_funded();
    assert_int_equal(order_accept(ledger, 10, BUYER, CASH, 10 * 50), LEDGER_OK);
    assert_int_equal(order_accept(ledger, 11, SELLER, SHARES, 80), LEDGER_OK);
    assert_int_equal(reserved(ledger, BUYER, CASH), 500);
    assert_int_equal(order_accept(ledger, 12, BUYER, CASH, 501), LEDGER_EXCEEDS_CREDITS);

    /* 20 at 9, one better than the limit */
    struct fill fill = { .match = 1,
                         .buy = 10,
                         .sell = 11,
                         .buyer = BUYER,
                         .seller = SELLER,
                         .quantity = 20,
                         .price = 9,
                         .limit = 10,
                         .fee = 3 };
    assert_int_equal(order_fill(ledger, &fill), LEDGER_OK);
    assert_int_equal(order_fill(ledger, &fill), LEDGER_EXISTS);
    assert_int_equal(reserved(ledger, BUYER, CASH), 300);
    assert_int_equal(has(ledger, BUYER, CASH), 820);
    assert_int_equal(has(ledger, BUYER, SHARES), 20);
    assert_int_equal(has(ledger, SELLER, CASH), 177);
    assert_int_equal(has(ledger, SELLER, SHARES), 80);
    assert_int_equal(reserved(ledger, SELLER, SHARES), 60);
    assert_int_equal(has(ledger, FEES, CASH), 3);

    /* 5 fewer, then 25 at the limit: the buy order is done */
    assert_int_equal(order_cancel(ledger, 77, 10, 5 * 10), LEDGER_OK);
    fill = (struct fill){ 2, 10, 11, BUYER, SELLER, 25, 10, 10, 0 };
    assert_int_equal(order_fill(ledger, &fill), LEDGER_OK);
    assert_int_equal(order_standing(ledger, 10).state, LEDGER_STATE_POSTED);
    assert_int_equal(reserved(ledger, BUYER, CASH), 0);

    /* the sell order is cancelled */
    assert_int_equal(order_cancel(ledger, 78, 11, LEDGER_AMOUNT_ALL), LEDGER_OK);
    assert_int_equal(order_standing(ledger, 11).state, LEDGER_STATE_VOIDED);
    assert_int_equal(reserved(ledger, SELLER, SHARES), 0);
    assert_int_equal(has(ledger, SELLER, SHARES), 55);
    assert_int_equal(has(ledger, CLEARING, CASH), 0);
    assert_int_equal(has(ledger, CLEARING, SHARES), 0);
    ledger_check(ledger);
    ledger_close(ledger);
}

/* Z3: a debit that raises a balance. Amounts have no sign; one that is meant to be negative is the
   largest there is, and refused. */
static void a_debit_never_raises_a_balance(void **state) {
    (void)state;
    static const int64_t deltas[] = { -1, -5, INT64_MIN, 1001 };
    struct ledger *ledger = market_funded();
    for (size_t i = 0; i < sizeof deltas / sizeof *deltas; i++) {
        struct ledger_transfer leg = leg_of(event_id(KIND_FUNDING, 1, i + 1), BUYER, SELLER, CASH,
                                            (uint64_t)deltas[i], CODE_FUNDING);
        assert_int_not_equal(ledger_transfer_create(ledger, 0, &leg), LEDGER_OK);
        assert_int_equal(has(ledger, BUYER, CASH), 1000);
    }
    for (uint64_t i = 0; i < 10; i++) {
        struct ledger_transfer leg =
            leg_of(event_id(KIND_FUNDING, 2, i + 1), BUYER, SELLER, CASH, 100, CODE_FUNDING);
        assert_int_equal(ledger_transfer_create(ledger, 0, &leg), LEDGER_OK);
        assert_int_equal(has(ledger, BUYER, CASH), 900 - 100 * i);
        assert_int_equal(has(ledger, SELLER, CASH), 100 + 100 * i);
    }
    ledger_close(ledger);
}

/* The steps of a day; each is one call, and each succeeds. */
enum { STEPS = 9 };
static void step_do(struct ledger *ledger, int step) {
    struct fill fill = { 0, 10, 11, BUYER, SELLER, 10, 9, 10, 1 };
    struct ledger_transfer in = leg_of(event_id(KIND_FUNDING, 0, (uint64_t)step + 1), WORLD, BUYER,
                                       CASH, 1000, CODE_FUNDING);
    switch (step) {
    case 1:
        in.credit = account_id(SELLER, SHARES);
        in.debit = account_id(WORLD, SHARES);
        in.ledger = SHARES;
        break;
    case 2:
        (void)order_accept(ledger, 10, BUYER, CASH, 500);
        return;
    case 3:
        (void)order_accept(ledger, 11, SELLER, SHARES, 50);
        return;
    case 4:
    case 5:
    case 6:
        fill.match = (uint64_t)step;
        (void)order_fill(ledger, &fill);
        return;
    case 7:
        (void)order_cancel(ledger, 7, 10, LEDGER_AMOUNT_ALL);
        return;
    case 8:
        (void)order_cancel(ledger, 8, 11, 5);
        return;
    default:
        break;
    }
    (void)ledger_transfer_create(ledger, 0, &in);
}

/* Z4: debit and credit as two saves, and a crash between them. There is no between: whatever number
   of steps had been done, the books balance, and the day done again from the start ends the same.
 */
static void a_crash_between_any_two_steps_loses_nothing(void **state) {
    (void)state;
    uint8_t whole[LEDGER_DIGEST_BYTES], again[LEDGER_DIGEST_BYTES];
    struct ledger *ledger = market_open();
    for (int step = 0; step < STEPS; step++) step_do(ledger, step);
    assert_int_equal(ledger_transfers_count(ledger), 2 + 2 + 3 * 6 + 2);
    ledger_digest(ledger, whole);
    ledger_close(ledger);

    for (int crash = 0; crash <= STEPS; crash++) {
        ledger = market_open();
        for (int step = 0; step < crash; step++) step_do(ledger, step);
        ledger_check(ledger);
        for (int step = 0; step < STEPS; step++) step_do(ledger, step);
        ledger_digest(ledger, again);
        assert_memory_equal(whole, again, sizeof whole);
        ledger_close(ledger);
    }
}

/* Z4: the credit fails after the debit. Nothing is left to be paid back by hand. */
static void a_fill_whose_last_leg_fails_moves_nothing(void **state) {
    (void)state;
    struct ledger *ledger = market_funded();
    uint8_t before[LEDGER_DIGEST_BYTES], after[LEDGER_DIGEST_BYTES];
    assert_int_equal(order_accept(ledger, 10, BUYER, CASH, 500), LEDGER_OK);
    assert_int_equal(order_accept(ledger, 11, SELLER, SHARES, 50), LEDGER_OK);
    ledger_digest(ledger, before);
    struct fill fill = { 1, 10, 11, BUYER, SELLER, 10, 10, 10, 101 }; /* it gets 100 */
    assert_int_equal(order_fill(ledger, &fill), LEDGER_EXCEEDS_CREDITS);
    ledger_digest(ledger, after);
    assert_memory_equal(before, after, sizeof before);
    fill.seller = 99;
    fill.fee = 0;
    assert_int_equal(order_fill(ledger, &fill), LEDGER_CREDIT_ACCOUNT_NOT_FOUND);
    ledger_digest(ledger, after);
    assert_memory_equal(before, after, sizeof before);
    fill.seller = SELLER;
    fill.fee = 100;
    assert_int_equal(order_fill(ledger, &fill), LEDGER_OK);
    assert_int_equal(has(ledger, SELLER, CASH), 0);
    ledger_check(ledger);
    ledger_close(ledger);
}

/* Z6: a version check that cannot fail. Two withdrawals decided from one and the same look at the
   balance: the ledger looks again, and one of them is refused. */
static void of_two_who_saw_the_same_balance_one_gets_it(void **state) {
    (void)state;
    struct ledger *ledger = market_funded();
    uint64_t seen = has(ledger, BUYER, CASH);
    struct ledger_transfer batch[2];
    uint8_t codes[2];
    for (uint64_t i = 0; i < 2; i++)
        batch[i] = leg_of(event_id(KIND_FUNDING, 3, i + 1), BUYER, WORLD, CASH, seen, CODE_FUNDING);
    assert_int_equal(ledger_transfers_create(ledger, 0, batch, 2, codes), 1);
    assert_int_equal(codes[0], LEDGER_OK);
    assert_int_equal(codes[1], LEDGER_EXCEEDS_CREDITS);
    assert_int_equal(has(ledger, BUYER, CASH), 0);
    ledger_close(ledger);
}

/* Z7: money through floating point. A unit counts beside 2^53 of them, and ten tenths are one. */
static void no_unit_is_rounded_away(void **state) {
    (void)state;
    const uint64_t large = (UINT64_C(1) << 53) + 1;
    struct ledger *ledger = market_open();
    fund(ledger, 1, BUYER, CASH, large);
    assert_true(has(ledger, BUYER, CASH) == 9007199254740993u);
    fund(ledger, 2, BUYER, CASH, 1);
    assert_true(has(ledger, BUYER, CASH) == 9007199254740994u);
    assert_int_equal(order_accept(ledger, 10, BUYER, CASH, large + 2), LEDGER_EXCEEDS_CREDITS);
    assert_int_equal(order_accept(ledger, 10, BUYER, CASH, large + 1), LEDGER_OK);
    assert_int_equal(order_cancel(ledger, 1, 10, large), LEDGER_OK);
    assert_int_equal(order_standing(ledger, 10).left, 1);

    for (uint64_t i = 0; i < 10; i++) fund(ledger, 10 + i, SELLER, CASH, 1000); /* 0.1 */
    assert_int_equal(has(ledger, SELLER, CASH), 10000);
    ledger_check(ledger);
    ledger_close(ledger);
}

/* Z8: the remainder of an order is lost to the caller, so that a filled order rests again. */
static void what_is_left_of_an_order_is_kept_and_a_filled_order_stays_filled(void **state) {
    (void)state;
    struct ledger *ledger = market_funded();
    assert_int_equal(order_accept(ledger, 10, BUYER, CASH, 50 * 10), LEDGER_OK);
    assert_int_equal(order_accept(ledger, 11, SELLER, SHARES, 100), LEDGER_OK);
    struct fill fill = { 1, 10, 11, BUYER, SELLER, 10, 10, 10, 0 };
    for (; fill.match <= 5; fill.match++) {
        assert_int_equal(order_standing(ledger, 10).left, 500 - 100 * (fill.match - 1));
        assert_int_equal(order_standing(ledger, 11).left, 100 - 10 * (fill.match - 1));
        assert_int_equal(order_fill(ledger, &fill), LEDGER_OK);
    }
    assert_int_equal(order_standing(ledger, 10).left, 0);
    assert_int_equal(order_standing(ledger, 11).left, 50);
    assert_int_equal(order_fill(ledger, &fill), LEDGER_PENDING_TRANSFER_ALREADY_POSTED);
    fill.quantity = 1;
    assert_int_equal(order_fill(ledger, &fill), LEDGER_PENDING_TRANSFER_ALREADY_POSTED);
    assert_int_equal(has(ledger, BUYER, SHARES), 50);
    ledger_check(ledger);
    ledger_close(ledger);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_order_goes_through_the_books),
        cmocka_unit_test(a_debit_never_raises_a_balance),
        cmocka_unit_test(a_crash_between_any_two_steps_loses_nothing),
        cmocka_unit_test(a_fill_whose_last_leg_fails_moves_nothing),
        cmocka_unit_test(of_two_who_saw_the_same_balance_one_gets_it),
        cmocka_unit_test(no_unit_is_rounded_away),
        cmocka_unit_test(what_is_left_of_an_order_is_kept_and_a_filled_order_stays_filled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
