/* test_blotter: what a trading firm knows of its orders, told answer by answer. */
#include "driver/abi/abi.h"
#include "host/base/err.h"
#include "host/base/random.h"
#include "host/client/blotter.h"
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct blotter *blotter;
static uint64_t now_ns;

static int open_blotter(uint32_t sessions, uint32_t window) {
    struct blotter_settings settings = { .rows_max = 1000, .sessions = sessions, .window = window };
    blotter = blotter_new(&settings);
    if (blotter == NULL) return -1;
    for (uint32_t i = 0; i < sessions; i++) blotter_start(blotter, i, 1);
    now_ns = 1000;
    return 0;
}

static int one_session(void **state) {
    (void)state;
    return open_blotter(1, 4);
}

static int two_sessions(void **state) {
    (void)state;
    return open_blotter(2, 64);
}

static int close_blotter(void **state) {
    (void)state;
    blotter_delete(blotter);
    return 0;
}

/* ---- rows that are sent ---------------------------------------------------------------------- */

static struct ouch_message sent;

static int send_row(struct flow_row row) {
    memcpy(row.symbol, "DAY00", sizeof "DAY00");
    memset(&sent, 0, sizeof sent);
    return blotter_send(blotter, &row, now_ns, &sent);
}

static int send_new(uint64_t order, uint32_t quantity) {
    return send_row((struct flow_row){
        .kind = FLOW_NEW, .order = order, .price_e4 = 10000, .quantity = quantity, .firm = 1 });
}

static int send_change(enum flow_kind kind, uint64_t order, uint32_t quantity) {
    return send_row(
        (struct flow_row){ .kind = kind, .order = order, .price_e4 = 10100, .quantity = quantity });
}

/* ---- answers --------------------------------------------------------------------------------- */

static int accept_order(uint32_t ref, uint32_t quantity, char state) {
    struct ouch_message message = {
        .kind = OUCH_ACCEPTED, .accepted = { .user_ref = ref, .quantity = quantity, .state = state }
    };
    return blotter_answer(blotter, 0, &message, now_ns);
}

static int replace_order(uint32_t orig, uint32_t ref, uint32_t quantity) {
    struct ouch_message message = { .kind = OUCH_REPLACED,
                                    .replaced = { .orig_user_ref = orig,
                                                  .user_ref = ref,
                                                  .quantity = quantity,
                                                  .state = OUCH_STATE_LIVE } };
    return blotter_answer(blotter, 0, &message, now_ns);
}

static int cancel_order(uint32_t ref, uint32_t quantity, char reason) {
    struct ouch_message message = { .kind = OUCH_CANCELED,
                                    .canceled = {
                                        .user_ref = ref, .quantity = quantity, .reason = reason } };
    return blotter_answer(blotter, 0, &message, now_ns);
}

static int reject_order(uint32_t ref, uint16_t reason) {
    struct ouch_message message = { .kind = OUCH_REJECTED,
                                    .rejected = { .user_ref = ref, .reason = reason } };
    return blotter_answer(blotter, 0, &message, now_ns);
}

static int execute_order(uint32_t session, uint32_t ref, uint32_t quantity, char liquidity,
                         uint64_t match) {
    struct ouch_message message = { .kind = OUCH_EXECUTED,
                                    .executed = { .user_ref = ref,
                                                  .quantity = quantity,
                                                  .price_e4 = 10000,
                                                  .liquidity = liquidity,
                                                  .match = match } };
    return blotter_answer(blotter, session, &message, now_ns);
}

/* ---- sending --------------------------------------------------------------------------------- */

static void an_order_is_entered_with_the_next_reference(void **state) {
    (void)state;
    assert_int_equal(send_row((struct flow_row){ .kind = FLOW_NEW,
                                                 .order = 7,
                                                 .price_e4 = 123400,
                                                 .quantity = 300,
                                                 .side = SIDE_SELL,
                                                 .ioc = true }),
                     1);
    assert_int_equal(sent.kind, OUCH_ENTER_ORDER);
    assert_int_equal(sent.enter_order.user_ref, 1);
    assert_int_equal(sent.enter_order.side, OUCH_SIDE_SELL);
    assert_int_equal(sent.enter_order.quantity, 300);
    assert_int_equal(sent.enter_order.price_e4, 123400);
    assert_int_equal(sent.enter_order.tif, OUCH_TIF_IOC);
    assert_memory_equal(sent.enter_order.symbol, "DAY00   ", 8);
    assert_memory_equal(sent.enter_order.client_order_id, "7             ", 14);
    assert_int_equal(send_new(8, 1), 1);
    assert_int_equal(sent.enter_order.user_ref, 2);
    assert_int_equal(sent.enter_order.side, OUCH_SIDE_BUY);
    assert_int_equal(sent.enter_order.tif, OUCH_TIF_DAY);
}

static void what_is_entered_is_valid_ouch(void **state) {
    (void)state;
    uint8_t bytes[OUCH_BYTES_MAX];
    struct ouch_message back;
    struct ouch_fault fault;
    assert_int_equal(send_new(1, 100), 1);
    int length = ouch_encode(&sent, bytes, sizeof bytes);
    assert_int_equal(ouch_decode(OUCH_IN, bytes, (size_t)length, &back, &fault), 0);
    assert_int_equal(send_change(FLOW_REPLACE, 1, 100), 1);
    length = ouch_encode(&sent, bytes, sizeof bytes);
    assert_int_equal(ouch_decode(OUCH_IN, bytes, (size_t)length, &back, &fault), 0);
    assert_int_equal(send_change(FLOW_CANCEL, 1, 0), 1);
    length = ouch_encode(&sent, bytes, sizeof bytes);
    assert_int_equal(ouch_decode(OUCH_IN, bytes, (size_t)length, &back, &fault), 0);
}

static void references_go_on_from_the_gateways_answer(void **state) {
    (void)state;
    struct blotter_settings settings = { .rows_max = 10, .sessions = 1, .window = 4 };
    blotter_delete(blotter);
    blotter = blotter_new(&settings);
    blotter_start(blotter, 0, 41);
    assert_int_equal(send_new(1, 10), 1);
    assert_int_equal(sent.enter_order.user_ref, 41);
    assert_int_equal(accept_order(41, 10, OUCH_STATE_LIVE), 0);
    /* an order of an earlier connection is none of ours, and no fault */
    assert_int_equal(execute_order(0, 40, 5, 'A', 1), 0);
    assert_int_equal(cancel_order(40, 5, OUCH_CANCEL_USER), 0);
    assert_int_equal(blotter_counts(blotter)->earlier, 2);
    assert_int_equal(execute_order(0, 42, 5, 'A', 1), -EPROTO);
}

static void the_window_holds_so_many_and_not_one_more(void **state) {
    (void)state;
    for (uint64_t i = 1; i <= 4; i++) assert_int_equal(send_new(i, 10), 1);
    assert_int_equal(blotter_pending(blotter, 0), 4);
    assert_int_equal(send_new(5, 10), -EAGAIN);
    assert_int_equal(blotter_counts(blotter)->orders, 4);
    assert_int_equal(accept_order(1, 10, OUCH_STATE_LIVE), 0);
    assert_int_equal(send_new(5, 10), 1);
    assert_int_equal(sent.enter_order.user_ref, 5);
}

static void a_change_goes_to_the_session_that_entered_the_order(void **state) {
    (void)state;
    int used[2] = { 0, 0 };
    for (uint64_t order = 1; order <= 64; order++) {
        struct flow_row row = { .kind = FLOW_NEW, .order = order, .quantity = 1, .price_e4 = 1 };
        uint32_t session = blotter_route(blotter, &row);
        used[session]++;
        if (order % 2 == 0) row.firm = (uint16_t)(1 + order % 3); /* firms 1 to 3 on two sessions */
        uint32_t entered = blotter_route(blotter, &row);
        if (row.firm != 0) assert_int_equal(entered, (row.firm - 1) % 2);
        assert_int_equal(blotter_send(blotter, &row, 1, &sent), 1);
        struct flow_row change = { .kind = FLOW_CANCEL, .order = order };
        assert_int_equal(blotter_route(blotter, &change), entered);
        struct ouch_message accepted = { .kind = OUCH_ACCEPTED,
                                         .accepted = { .user_ref = sent.enter_order.user_ref,
                                                       .quantity = 1 } };
        assert_int_equal(blotter_answer(blotter, entered, &accepted, 2), 0);
    }
    assert_in_range(used[0], 16, 48); /* the hash does not favour a session */
}

static void the_round_trip_is_from_sending_to_the_first_answer(void **state) {
    (void)state;
    assert_int_equal(send_new(1, 10), 1);
    now_ns += 50;
    assert_int_equal(accept_order(1, 10, OUCH_STATE_LIVE), 0);
    now_ns += 1000;
    assert_int_equal(execute_order(0, 1, 10, 'A', 1), 0);
    assert_int_equal(blotter_counts(blotter)->rtt.count, 1);
    assert_int_equal(blotter_counts(blotter)->rtt.max, 50);
}

/* ---- orders that end ------------------------------------------------------------------------- */

static void nothing_is_sent_for_a_dead_order(void **state) {
    (void)state;
    assert_int_equal(send_change(FLOW_CANCEL, 99, 0), 0); /* never entered */
    assert_int_equal(send_new(1, 10), 1);
    assert_int_equal(reject_order(1, OUCH_REJECT_INVALID_SYMBOL), 0);
    assert_int_equal(send_change(FLOW_CANCEL, 1, 0), 0);
    assert_int_equal(send_new(2, 10), 1);
    assert_int_equal(accept_order(2, 10, OUCH_STATE_DEAD), 0);
    assert_int_equal(send_change(FLOW_REPLACE, 2, 5), 0);
    assert_int_equal(send_new(3, 10), 1);
    assert_int_equal(accept_order(3, 10, OUCH_STATE_LIVE), 0);
    assert_int_equal(execute_order(0, 3, 9, 'A', 1), 0);
    assert_int_equal(send_change(FLOW_REDUCE, 3, 1), 1); /* one share is left */
    assert_int_equal(execute_order(0, 3, 1, 'A', 2), 0);
    assert_int_equal(send_change(FLOW_CANCEL, 3, 0), 0);
    assert_int_equal(blotter_counts(blotter)->skipped, 4);
    assert_int_equal(blotter_counts(blotter)->rejects[OUCH_REJECT_INVALID_SYMBOL], 1);
    assert_int_equal(blotter_pending(blotter, 0), 0);
}

static void a_cancel_that_comes_too_late_is_overtaken(void **state) {
    (void)state;
    assert_int_equal(send_new(1, 10), 1);
    assert_int_equal(accept_order(1, 10, OUCH_STATE_LIVE), 0);
    assert_int_equal(send_change(FLOW_CANCEL, 1, 0), 1);
    assert_int_equal(execute_order(0, 1, 4, 'A', 1), 0);
    assert_int_equal(blotter_pending(blotter, 0), 1); /* still live: the answer must come */
    assert_int_equal(execute_order(0, 1, 6, 'A', 2), 0);
    assert_int_equal(blotter_pending(blotter, 0), 0);
    assert_int_equal(blotter_counts(blotter)->overtaken, 1);
    assert_int_equal(blotter_counts(blotter)->rtt.count, 1); /* the order's own */
}

static void a_dead_order_takes_along_all_that_was_on_its_way(void **state) {
    (void)state;
    assert_int_equal(send_new(1, 10), 1);
    assert_int_equal(send_change(FLOW_REPLACE, 1, 20), 1); /* reference 2 */
    assert_int_equal(send_change(FLOW_REPLACE, 1, 30), 1); /* reference 3 replaces 2 */
    assert_int_equal(sent.replace_order.orig_user_ref, 2);
    assert_int_equal(send_change(FLOW_CANCEL, 1, 0), 1);
    assert_int_equal(sent.cancel_order.user_ref, 3);
    assert_int_equal(reject_order(1, OUCH_REJECT_HALTED), 0);
    assert_int_equal(blotter_pending(blotter, 0), 0);
    assert_int_equal(blotter_counts(blotter)->overtaken, 3);
    assert_int_equal(send_change(FLOW_CANCEL, 1, 0), 0);
}

static void an_unasked_cancel_is_no_answer_to_a_reduction(void **state) {
    (void)state;
    assert_int_equal(send_new(1, 10), 1);
    assert_int_equal(accept_order(1, 10, OUCH_STATE_LIVE), 0);
    assert_int_equal(send_change(FLOW_REDUCE, 1, 3), 1);
    assert_int_equal(sent.cancel_order.quantity, 7); /* the intended total */
    assert_int_equal(cancel_order(1, 2, OUCH_CANCEL_SUPERVISORY), 0);
    assert_int_equal(blotter_pending(blotter, 0), 1);
    assert_int_equal(cancel_order(1, 1, OUCH_CANCEL_USER), 0);
    assert_int_equal(blotter_pending(blotter, 0), 0);
    assert_int_equal(blotter_open_shares(blotter), 7);
    assert_int_equal(blotter_counts(blotter)->canceled, 2);
    assert_int_equal(blotter_counts(blotter)->canceled_shares, 3);
}

static void reductions_carry_the_total_whatever_has_executed(void **state) {
    (void)state;
    assert_int_equal(send_new(1, 10), 1);
    assert_int_equal(accept_order(1, 10, OUCH_STATE_LIVE), 0);
    assert_int_equal(execute_order(0, 1, 4, 'A', 1), 0);
    assert_int_equal(send_change(FLOW_REDUCE, 1, 3), 1);
    assert_int_equal(sent.cancel_order.quantity, 7);
    assert_int_equal(cancel_order(1, 3, OUCH_CANCEL_USER), 0);
    assert_int_equal(blotter_open_shares(blotter), 3);
    assert_int_equal(send_change(FLOW_REDUCE, 1, 6), 1); /* one share less than the total */
    assert_int_equal(sent.cancel_order.quantity, 1);
    assert_int_equal(send_change(FLOW_REDUCE, 1, 1), 1); /* all of it */
    assert_int_equal(sent.cancel_order.quantity, 0);
}

/* ---- replaces -------------------------------------------------------------------------------- */

static void a_replace_carries_the_total_of_its_chain(void **state) {
    (void)state;
    assert_int_equal(send_new(1, 10), 1);
    assert_int_equal(accept_order(1, 10, OUCH_STATE_LIVE), 0);
    assert_int_equal(execute_order(0, 1, 4, 'A', 1), 0);
    assert_int_equal(send_change(FLOW_REPLACE, 1, 50), 1);
    assert_int_equal(sent.kind, OUCH_REPLACE_ORDER);
    assert_int_equal(sent.replace_order.orig_user_ref, 1);
    assert_int_equal(sent.replace_order.user_ref, 2);
    assert_int_equal(sent.replace_order.quantity, 54);
    assert_int_equal(sent.replace_order.price_e4, 10100);
    assert_int_equal(execute_order(0, 1, 1, 'A', 2), 0); /* before the replace arrived */
    assert_int_equal(replace_order(1, 2, 49), 0);
    assert_int_equal(blotter_open_shares(blotter), 49);
    assert_int_equal(send_change(FLOW_REPLACE, 1, 7), 1);
    assert_int_equal(sent.replace_order.quantity, 12); /* five have executed */
    assert_int_equal(sent.replace_order.orig_user_ref, 2);
    assert_int_equal(blotter_counts(blotter)->replaced, 1);
}

static void a_refused_replacement_leaves_the_order(void **state) {
    (void)state;
    assert_int_equal(send_new(1, 10), 1);
    assert_int_equal(accept_order(1, 10, OUCH_STATE_LIVE), 0);
    assert_int_equal(send_change(FLOW_REPLACE, 1, 50), 1);
    assert_int_equal(send_change(FLOW_REPLACE, 1, 60), 1);
    assert_int_equal(reject_order(2, OUCH_REJECT_HALTED), 0);
    assert_int_equal(blotter_pending(blotter, 0), 0); /* the second one replaces nothing */
    assert_int_equal(blotter_counts(blotter)->overtaken, 1);
    assert_int_equal(send_change(FLOW_CANCEL, 1, 0), 1);
    assert_int_equal(sent.cancel_order.user_ref, 1);
    assert_int_equal(cancel_order(1, 10, OUCH_CANCEL_USER), 0);
    assert_int_equal(blotter_open_shares(blotter), 0);
}

static void a_replacement_with_bad_details_takes_the_order_off(void **state) {
    (void)state;
    assert_int_equal(send_new(1, 10), 1);
    assert_int_equal(accept_order(1, 10, OUCH_STATE_LIVE), 0);
    assert_int_equal(send_change(FLOW_REPLACE, 1, 50), 1);
    assert_int_equal(cancel_order(1, 10, OUCH_CANCEL_USER), 0);
    assert_int_equal(blotter_pending(blotter, 0), 0);
    assert_int_equal(send_change(FLOW_CANCEL, 1, 0), 0);
    /* and the same, said with the replacement's reference */
    assert_int_equal(send_new(2, 10), 1);
    assert_int_equal(accept_order(3, 10, OUCH_STATE_LIVE), 0);
    assert_int_equal(send_change(FLOW_REPLACE, 2, 50), 1);
    assert_int_equal(cancel_order(4, 10, OUCH_CANCEL_USER), 0);
    assert_int_equal(blotter_pending(blotter, 0), 0);
    assert_int_equal(blotter_open_shares(blotter), 0);
}

/* ---- trades ---------------------------------------------------------------------------------- */

static void a_trade_is_counted_once_and_its_maker_compared(void **state) {
    (void)state;
    struct flow_row maker = {
        .kind = FLOW_NEW, .order = 1, .quantity = 10, .price_e4 = 10000, .firm = 1
    };
    struct flow_row other = maker, taker = maker;
    other.order = 2;
    taker.order = FLOW_ORDER_OWN | 3;
    taker.maker = 1;
    taker.firm = 2;
    assert_int_equal(blotter_send(blotter, &maker, 1, &sent), 1);
    assert_int_equal(blotter_send(blotter, &other, 1, &sent), 1);
    assert_int_equal(blotter_send(blotter, &taker, 1, &sent), 1);
    assert_int_equal(accept_order(1, 10, OUCH_STATE_LIVE), 0);
    assert_int_equal(accept_order(2, 10, OUCH_STATE_LIVE), 0);
    struct ouch_message accepted = { .kind = OUCH_ACCEPTED,
                                     .accepted = { .user_ref = 1, .quantity = 10 } };
    assert_int_equal(blotter_answer(blotter, 1, &accepted, 2), 0);

    assert_int_equal(execute_order(1, 1, 3, 'R', 77), 0);
    assert_int_equal(blotter_one_sided(blotter), 1);
    assert_int_equal(blotter_counts(blotter)->makers_named, 0); /* the maker is not known yet */
    assert_int_equal(execute_order(0, 1, 3, 'A', 77), 0);
    assert_int_equal(execute_order(0, 2, 4, 'A', 78), 0); /* either side may come first */
    assert_int_equal(execute_order(1, 1, 4, 'R', 78), 0);
    assert_int_equal(blotter_one_sided(blotter), 0);
    assert_int_equal(blotter_counts(blotter)->fills, 2);
    assert_int_equal(blotter_counts(blotter)->executed, 4);
    assert_int_equal(blotter_counts(blotter)->shares, 7);
    assert_int_equal(blotter_counts(blotter)->makers_named, 2);
    assert_int_equal(blotter_counts(blotter)->makers_right, 1);
}

static void the_sides_of_an_auctions_trade_both_rested(void **state) {
    (void)state;
    for (uint32_t ref = 1; ref <= 4; ref++) {
        assert_int_equal(send_new(ref, 10), 1);
        assert_int_equal(accept_order(ref, 10, OUCH_STATE_LIVE), 0);
    }
    assert_int_equal(execute_order(0, 1, 5, 'O', 1), 0);
    assert_int_equal(execute_order(0, 2, 5, 'O', 1), 0);
    assert_int_equal(blotter_one_sided(blotter), 0);
    assert_int_equal(blotter_counts(blotter)->fills, 1);
    assert_int_equal(execute_order(0, 3, 5, 'O', 2), 0);
    assert_int_equal(execute_order(0, 4, 5, 'R', 2), -EPROTO); /* there nobody takes */
}

static void answers_that_make_no_sense_are_told(void **state) {
    (void)state;
    assert_int_equal(accept_order(1, 10, OUCH_STATE_LIVE), -EPROTO); /* nothing was entered */
    assert_int_equal(reject_order(1, OUCH_REJECT_OTHER), -EPROTO);
    assert_int_equal(send_new(1, 10), 1);
    assert_int_equal(execute_order(0, 1, 1, 'A', 1), -EPROTO); /* before it was accepted */
    assert_int_equal(cancel_order(1, 1, OUCH_CANCEL_USER), -EPROTO);
    assert_int_equal(accept_order(1, 10, OUCH_STATE_LIVE), 0);
    assert_int_equal(accept_order(1, 10, OUCH_STATE_LIVE), -EPROTO);
    assert_int_equal(reject_order(1, OUCH_REJECT_OTHER), -EPROTO);
    assert_int_equal(replace_order(1, 1, 10), -EPROTO);
    assert_int_equal(execute_order(0, 1, 11, 'A', 1), -EPROTO);
    assert_int_equal(cancel_order(1, 11, OUCH_CANCEL_USER), -EPROTO);
    assert_int_equal(execute_order(0, 1, 1, 'A', 0), -EPROTO);
    assert_non_null(strstr(err_text(), "match number 0"));
    assert_int_equal(execute_order(0, 1, 5, 'A', 1), 0);
    assert_int_equal(execute_order(0, 1, 5, 'A', 1), -EPROTO); /* both sides rest */
}

/* ---- at random ------------------------------------------------------------------------------- */

/* Many trades whose sides arrive in any order: the table that joins them loses none. */
static void sides_of_many_trades_meet_in_any_order(void **state) {
    (void)state;
    enum { TRADES = 900, SIDES = 2 * TRADES };
    uint64_t seed = 20261120;
    print_message("seed %" PRIu64 "\n", seed);
    struct random random = random_seeded(seed);
    static struct {
        uint64_t match;
        bool took;
    } side[SIDES];
    for (size_t i = 0; i < SIDES; i++) {
        side[i].match = 1 + (i / 2) * 4096; /* numbers that a weak hash would pile up */
        side[i].took = i % 2;
    }
    for (size_t i = SIDES - 1; i > 0; i--) {
        size_t j = random_below(&random, i + 1);
        uint64_t match = side[i].match;
        bool took = side[i].took;
        side[i] = side[j];
        side[j].match = match;
        side[j].took = took;
    }
    assert_int_equal(send_new(1, TRADES), 1);
    assert_int_equal(accept_order(1, TRADES, OUCH_STATE_LIVE), 0);
    assert_int_equal(send_new(2, TRADES), 1);
    assert_int_equal(accept_order(2, TRADES, OUCH_STATE_LIVE), 0);
    for (size_t i = 0; i < SIDES; i++)
        assert_int_equal(
            execute_order(0, side[i].took ? 2 : 1, 1, side[i].took ? 'R' : 'A', side[i].match), 0);
    assert_int_equal(blotter_one_sided(blotter), 0);
    assert_int_equal(blotter_counts(blotter)->fills, TRADES);
    assert_int_equal(blotter_open_shares(blotter), 0);
}

int main(void) {
#define ONE(test) cmocka_unit_test_setup_teardown(test, one_session, close_blotter)
#define TWO(test) cmocka_unit_test_setup_teardown(test, two_sessions, close_blotter)
    const struct CMUnitTest tests[] = {
        ONE(an_order_is_entered_with_the_next_reference),
        ONE(what_is_entered_is_valid_ouch),
        ONE(references_go_on_from_the_gateways_answer),
        ONE(the_window_holds_so_many_and_not_one_more),
        TWO(a_change_goes_to_the_session_that_entered_the_order),
        ONE(the_round_trip_is_from_sending_to_the_first_answer),
        ONE(nothing_is_sent_for_a_dead_order),
        ONE(a_cancel_that_comes_too_late_is_overtaken),
        ONE(a_dead_order_takes_along_all_that_was_on_its_way),
        ONE(an_unasked_cancel_is_no_answer_to_a_reduction),
        ONE(reductions_carry_the_total_whatever_has_executed),
        ONE(a_replace_carries_the_total_of_its_chain),
        ONE(a_refused_replacement_leaves_the_order),
        ONE(a_replacement_with_bad_details_takes_the_order_off),
        TWO(a_trade_is_counted_once_and_its_maker_compared),
        ONE(the_sides_of_an_auctions_trade_both_rested),
        ONE(answers_that_make_no_sense_are_told),
        ONE(sides_of_many_trades_meet_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
