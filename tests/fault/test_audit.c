/* test_audit: the checker of the fault campaign notices what it is there for. A small day is traded
 * with a real gateway; then what the clients were told, or what they believe, is made wrong in one
 * place at a time. */
#include "host/base/clock.h"
#include "host/base/err.h"
#include "tests/fault/audit.h"
#include "tests/fault/trader.h"
#include "tests/unit/market.h"
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { TRADERS = 2, ORDERS = 400 };
#define BOUND_NS UINT64_C(30000000000)

static struct venue venue;
static struct trader traders[TRADERS];
static const struct tape *tapes[TRADERS];
static const struct ledger *ledgers[TRADERS];

static const char *program(void) {
    const char *path = getenv("WIREPIT_GATEWAY");
    return path != NULL ? path : "build/plain/wirepit-gateway";
}

/* Serves both until they are ready and have nothing to ask. */
static void serve(struct random *random, uint64_t entered) {
    uint64_t from_ns = clock_monotonic_ns();
    for (uint32_t settled = 0; settled < TRADERS;) {
        settled = 0;
        for (uint32_t i = 0; i < TRADERS; i++) {
            struct trader *trader = &traders[i];
            if (trader->ledger.entered < entered) trader_trade(trader, random, 8);
            if (trader_pump(trader, clock_monotonic_ns()) < 0)
                fail_msg("session %u: its connection has ended: %s", i, err_text());
            settled += trader->state == TRADER_READY && !trader->asked &&
                       trader->ledger.entered >= entered;
        }
        assert_true(clock_monotonic_ns() - from_ns < BOUND_NS);
    }
}

static int trade_a_day(void **state) {
    struct random random = random_seeded(20261121);
    (void)state;
    assert_int_equal(system("rm -rf build/fault/audit && mkdir -p build/fault/audit"), 0);
    const struct venue_settings settings = {
        .directory = "build/fault/audit", .program = program(), .card = "soft", .sessions = TRADERS
    };
    if (venue_open(&venue, &settings) != 0 || venue_spawn(&venue) != 0 ||
        venue_ready(&venue, 30000) != 0)
        fail_msg("%s", err_text());
    for (uint32_t i = 0; i < TRADERS; i++) {
        trader_open(&traders[i], &(struct trader_settings){ .session = i, .window = 16 });
        if (trader_connect(&traders[i], venue.port, 1) != 0) fail_msg("%s", err_text());
        tapes[i] = &traders[i].tape;
        ledgers[i] = &traders[i].ledger;
    }
    serve(&random, ORDERS);
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < TRADERS; i++) trader_ask(&traders[i]);
        serve(&random, 0);
    }
    uint64_t later_ns = clock_monotonic_ns() + SOUP_HEARTBEAT_NS;
    assert_true(trader_pump(&traders[0], later_ns) >= 0);
    assert_int_equal(traders[0].sent_ns, later_ns); /* who is silent says so */
    venue_kill(&venue);
    return 0;
}

static int tidy_up(void **state) {
    (void)state;
    for (uint32_t i = 0; i < TRADERS; i++) trader_close(&traders[i]);
    return 0;
}

static int audit(void) {
    struct audit_tail tail;
    struct audit_counts counts;
    int code = audit_told(venue.journal, tapes, TRADERS, &tail);
    return code == 0 ? audit_day(venue.journal, tapes, ledgers, TRADERS, &counts) : code;
}

static void expect_wrong(const char *words) {
    assert_int_equal(audit(), -EPROTO);
    if (strstr(err_text(), words) == NULL) fail_msg("said \"%s\", not \"%s\"", err_text(), words);
}

/* The number of a session's last message of a kind. */
static uint64_t last_of(uint32_t session, char letter) {
    for (uint64_t number = tapes[session]->count; number >= 1; number--) {
        size_t bytes;
        if (tape_message(tapes[session], number, &bytes)[0] == letter) return number;
    }
    fail_msg("session %u was told nothing of kind %c", session, letter);
    return 0;
}

static uint8_t *message_of(uint32_t session, uint64_t number) {
    size_t bytes;
    return (uint8_t *)(uintptr_t)tape_message(tapes[session], number, &bytes);
}

static void an_honest_day_is_right(void **state) {
    struct audit_counts counts;
    (void)state;
    if (audit() != 0) fail_msg("%s", err_text());
    assert_int_equal(audit_day(venue.journal, tapes, ledgers, TRADERS, &counts), 0);
    assert_true(counts.trades > 50);
    assert_true(counts.open_orders > 10);
}

static void a_message_that_the_journal_lacks_is_noticed(void **state) {
    (void)state;
    tape_add(&traders[0].tape, message_of(0, 1), 13);
    expect_wrong("something acknowledged is lost");
    traders[0].tape.count--;
    an_honest_day_is_right(state);
}

static void a_message_that_was_never_told_is_noticed(void **state) {
    (void)state;
    traders[1].tape.count--;
    expect_wrong("was never told its message");
    traders[1].tape.count++;
}

static void a_message_that_was_told_differently_is_noticed(void **state) {
    (void)state;
    uint8_t *message = message_of(1, last_of(1, 'A'));
    message[17] ^= 1;
    expect_wrong("told something else");
    message[17] ^= 1;
}

static void an_order_that_only_the_client_has_is_noticed(void **state) {
    (void)state;
    traders[0].ledger.live++;
    expect_wrong("orders open, the book");
    traders[0].ledger.live--;
}

static void an_order_with_other_shares_is_noticed(void **state) {
    (void)state;
    struct ledger *ledger = &traders[1].ledger;
    uint32_t ref = 1;
    while (ledger_find(ledger, ref) == NULL || ledger_find(ledger, ref)->state != LEDGER_LIVE)
        ref++;
    ledger->orders[ref].leaves++;
    expect_wrong("and its client does not");
    ledger->orders[ref].leaves--;
    ledger->orders[ref].state = LEDGER_DONE;
    expect_wrong("and its client does not");
    ledger->orders[ref].state = LEDGER_LIVE;
    an_honest_day_is_right(state);
}

/* ---- The ledger ---- */

static struct ouch_message accepted(const struct ouch_message *enter) {
    struct ouch_message message = { .kind = OUCH_ACCEPTED };
    message.accepted = (struct ouch_accepted){ .user_ref = enter->enter_order.user_ref,
                                               .side = enter->enter_order.side,
                                               .quantity = enter->enter_order.quantity,
                                               .price_e4 = enter->enter_order.price_e4,
                                               .tif = enter->enter_order.tif };
    memcpy(message.accepted.symbol, enter->enter_order.symbol, sizeof message.accepted.symbol);
    memcpy(message.accepted.client_order_id, enter->enter_order.client_order_id,
           sizeof message.accepted.client_order_id);
    return message;
}

static struct ouch_message executed(uint32_t ref, uint32_t quantity, uint32_t price_e4) {
    struct ouch_message message = { .kind = OUCH_EXECUTED };
    message.executed = (struct ouch_executed){
        .user_ref = ref, .quantity = quantity, .price_e4 = price_e4, .liquidity = 'A', .match = 1
    };
    return message;
}

static void a_ledger_believes_only_what_follows(void **state) {
    (void)state;
    struct ledger ledger;
    ledger_open(&ledger);
    const struct ouch_message enter = market_enter(1, 'S', 100, "ABC", 900100);
    struct ouch_message message = accepted(&enter);
    assert_int_equal(ledger_told(&ledger, &message), -EPROTO); /* nobody asked */
    ledger_asked(&ledger, &enter);
    message.accepted.quantity = 99;
    assert_int_equal(ledger_told(&ledger, &message), -EPROTO); /* as another */
    message.accepted.quantity = 100;
    assert_int_equal(ledger_told(&ledger, &message), 0);
    assert_int_equal(ledger_told(&ledger, &message), -EPROTO); /* again */

    message = executed(1, 101, 900100);
    assert_int_equal(ledger_told(&ledger, &message), -EPROTO); /* more than there is */
    message = executed(1, 100, 900000);
    assert_int_equal(ledger_told(&ledger, &message), -EPROTO); /* beyond its limit */
    message = executed(1, 100, 900200);
    assert_int_equal(ledger_told(&ledger, &message), -EPROTO); /* rested at another price */
    message = executed(1, 100, 900100);
    assert_int_equal(ledger_told(&ledger, &message), 0);
    assert_int_equal(ledger_told(&ledger, &message), -EPROTO); /* not live */
    message = (struct ouch_message){ .kind = OUCH_CANCELED };
    message.canceled = (struct ouch_canceled){ .user_ref = 1, .quantity = 1 };
    assert_int_equal(ledger_told(&ledger, &message), -EPROTO);
    ledger_close(&ledger);
}

static void a_ledger_knows_which_references_are_used(void **state) {
    (void)state;
    struct ledger ledger;
    ledger_open(&ledger);
    for (uint32_t ref = 1; ref <= 3; ref++) {
        const struct ouch_message enter = market_enter(ref, 'S', 100, "ABC", 900100);
        ledger_asked(&ledger, &enter);
        struct ouch_message message = accepted(&enter);
        if (ref == 1) assert_int_equal(ledger_told(&ledger, &message), 0);
    }
    assert_int_equal(ledger_next(&ledger, 0), -EPROTO);
    assert_int_equal(ledger_next(&ledger, 5), -EPROTO); /* never used */
    assert_int_equal(ledger_next(&ledger, 3), -EPROTO); /* 2 was taken, and nothing told of it */
    ledger_close(&ledger);

    ledger_open(&ledger);
    const struct ouch_message enter = market_enter(1, 'S', 100, "ABC", 900100);
    const struct ouch_message message = accepted(&enter);
    ledger_asked(&ledger, &enter);
    assert_int_equal(ledger_next(&ledger, 1), 0); /* lost, and free again */
    assert_null(ledger_find(&ledger, 1));
    ledger_asked(&ledger, &enter);
    assert_int_equal(ledger_told(&ledger, &message), 0);
    assert_int_equal(ledger_next(&ledger, 1), -EPROTO); /* it is used */
    ledger_close(&ledger);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_honest_day_is_right),
        cmocka_unit_test(a_message_that_the_journal_lacks_is_noticed),
        cmocka_unit_test(a_message_that_was_never_told_is_noticed),
        cmocka_unit_test(a_message_that_was_told_differently_is_noticed),
        cmocka_unit_test(an_order_that_only_the_client_has_is_noticed),
        cmocka_unit_test(an_order_with_other_shares_is_noticed),
        cmocka_unit_test(a_ledger_believes_only_what_follows),
        cmocka_unit_test(a_ledger_knows_which_references_are_used),
    };
    return cmocka_run_group_tests(tests, trade_a_day, tidy_up);
}
