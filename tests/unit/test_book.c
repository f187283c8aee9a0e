/* test_book: books folded from events made by hand, and events that cannot be true. */
#include "host/base/err.h"
#include "host/book/book.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct book_size size = { .symbols = 2, .orders = 16, .levels = 64 };
static uint64_t number;

static struct event entered(uint8_t kind, uint32_t handle, uint8_t side, uint32_t shares,
                            uint32_t price_e4) {
    return (struct event){ .number = ++number,
                           .kind = kind,
                           .flags = (uint16_t)(EVENT_END | (side == SIDE_SELL ? EVENT_SELL : 0)),
                           .order = handle,
                           .quantity = shares,
                           .leaves = shares,
                           .price_e4 = price_e4,
                           .account = 1 };
}

static struct event traded(uint32_t taker, uint32_t maker, uint32_t shares, uint32_t price_e4,
                           uint32_t left, uint32_t maker_left) {
    struct event event = { .number = ++number,
                           .kind = KIND_TRADE,
                           .flags = EVENT_END,
                           .order = taker,
                           .quantity = shares,
                           .leaves = left,
                           .price_e4 = price_e4 };
    event_set_maker(&event, maker);
    event_set_maker_leaves(&event, maker_left);
    return event;
}

static struct event canceled(uint32_t handle, uint32_t shares, uint32_t left) {
    return (struct event){ .number = ++number,
                           .kind = KIND_CANCELED,
                           .reason = REASON_USER,
                           .flags = EVENT_END,
                           .order = handle,
                           .quantity = shares,
                           .leaves = left };
}

static int fold(struct book *book, struct event event) {
    int error = book_event(book, &event);
    book_check(book);
    return error;
}

/* Bids of 10 at 100, 20 at 101 and 30 at 101; asks of 5 at 110. */
static int fill(void **state) {
    struct book *book = book_new(&size);
    if (!book) return -1;
    *state = book;
    number = 0;
    int error = fold(book, entered(KIND_ACCEPTED, abi_handle(1, 1), SIDE_BUY, 10, 100));
    if (!error) error = fold(book, entered(KIND_ACCEPTED, abi_handle(2, 1), SIDE_BUY, 20, 101));
    if (!error) error = fold(book, entered(KIND_ACCEPTED, abi_handle(3, 1), SIDE_BUY, 30, 101));
    if (!error) error = fold(book, entered(KIND_ACCEPTED, abi_handle(4, 1), SIDE_SELL, 5, 110));
    return error;
}

static int empty(void **state) {
    book_delete(*state);
    return 0;
}

static void levels_come_best_first(void **state) {
    struct book_level levels[4];
    assert_int_equal(book_levels(*state, 0, SIDE_BUY, levels, 4), 2);
    assert_int_equal(levels[0].price_e4, 101);
    assert_int_equal(levels[0].shares, 50);
    assert_int_equal(levels[0].orders, 2);
    assert_int_equal(levels[1].price_e4, 100);
    assert_int_equal(book_levels(*state, 0, SIDE_BUY, levels, 1), 1);
    assert_int_equal(book_levels(*state, 0, SIDE_SELL, levels, 4), 1);
    assert_int_equal(book_levels(*state, 1, SIDE_SELL, levels, 4), 0);
}

static void a_queue_is_oldest_first(void **state) {
    struct book_order orders[4];
    assert_int_equal(book_queue(*state, 0, SIDE_BUY, 101, orders, 4), 2);
    assert_int_equal(orders[0].handle, abi_handle(2, 1));
    assert_int_equal(orders[1].handle, abi_handle(3, 1));
    assert_int_equal(book_queue(*state, 0, SIDE_BUY, 102, orders, 4), 0);
}

static void a_trade_takes_shares_off_the_oldest_order(void **state) {
    struct event sell = entered(KIND_ACCEPTED, abi_handle(5, 1), SIDE_SELL, 25, 101);
    sell.flags &= (uint16_t)~EVENT_END;
    assert_int_equal(fold(*state, sell), 0);
    struct event first = traded(abi_handle(5, 1), abi_handle(2, 1), 20, 101, 5, 0);
    first.flags = EVENT_SELL;
    assert_int_equal(fold(*state, first), 0);
    assert_int_equal(fold(*state, traded(abi_handle(5, 1), abi_handle(3, 1), 5, 101, 0, 25)), 0);
    struct book_order order;
    assert_false(book_order(*state, 2, &order));
    assert_false(book_order(*state, 5, &order));
    assert_true(book_order(*state, 3, &order));
    assert_int_equal(order.leaves, 25);
    assert_int_equal(order.total, 30);
    assert_int_equal(book_symbol(*state, 0).last_e4, 101);
    assert_int_equal(book_symbol(*state, 0).shares, 25);
}

static void a_replaced_order_goes_to_the_back(void **state) {
    assert_int_equal(fold(*state, entered(KIND_REPLACED, abi_handle(2, 2), SIDE_BUY, 20, 101)), 0);
    struct book_order orders[4];
    assert_int_equal(book_queue(*state, 0, SIDE_BUY, 101, orders, 4), 2);
    assert_int_equal(orders[1].handle, abi_handle(2, 2));
}

static void a_cancel_keeps_the_place_or_takes_the_order_off(void **state) {
    assert_int_equal(fold(*state, canceled(abi_handle(2, 1), 5, 15)), 0);
    struct book_order orders[4];
    assert_int_equal(book_queue(*state, 0, SIDE_BUY, 101, orders, 4), 2);
    assert_int_equal(orders[0].leaves, 15);
    assert_int_equal(orders[0].total, 15);
    assert_int_equal(fold(*state, canceled(abi_handle(2, 1), 15, 0)), 0);
    assert_int_equal(book_live(*state), 3);
}

static void what_cannot_be_true_is_refused(void **state) {
    struct book *book = *state;
    struct event sell = entered(KIND_ACCEPTED, abi_handle(5, 1), SIDE_SELL, 25, 101);
    const struct {
        struct event event;
        const char *why;
    } rows[] = {
        { entered(KIND_ACCEPTED, abi_handle(2, 2), SIDE_BUY, 1, 90), "the slot holds an order" },
        { entered(KIND_REPLACED, abi_handle(2, 3), SIDE_BUY, 1, 90), "a generation is left out" },
        { entered(KIND_REPLACED, abi_handle(9, 1), SIDE_BUY, 1, 90), "nothing to replace" },
        { entered(KIND_ACCEPTED, abi_handle(16, 1), SIDE_BUY, 1, 90), "a slot beyond the last" },
        { entered(KIND_ACCEPTED, abi_handle(9, 1), SIDE_BUY, 0, 90), "an order for nothing" },

        { traded(abi_handle(4, 1), abi_handle(2, 1), 5, 101, 0, 15), "no order is arriving" },
        { canceled(abi_handle(2, 2), 20, 0), "another generation" },
        { canceled(abi_handle(2, 1), 19, 0), "a share is lost" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (book_event(book, &rows[i].event) != -EBADMSG) fail_msg("taken: %s", rows[i].why);
        book_check(book);
    }
    assert_int_equal(book_live(book), 4);
    sell.flags &= (uint16_t)~EVENT_END;
    assert_int_equal(book_event(book, &sell), 0);
    const struct event trades[] = {
        traded(abi_handle(5, 1), abi_handle(3, 1), 5, 101, 20, 25), /* ahead of an older order */
        traded(abi_handle(5, 1), abi_handle(1, 1), 5, 100, 20, 5),  /* through a better price */
        traded(abi_handle(5, 1), abi_handle(4, 1), 5, 110, 20, 0),  /* two sells */
        traded(abi_handle(5, 1), abi_handle(2, 1), 5, 101, 19, 15), /* a share is lost */
        traded(abi_handle(5, 1), abi_handle(2, 1), 0, 101, 25, 20), /* for nothing */
        traded(abi_handle(5, 1), abi_handle(2, 1), 21, 101, 4, 0),  /* more than rests */
    };
    for (size_t i = 0; i < sizeof trades / sizeof *trades; i++)
        assert_int_equal(book_event(book, &trades[i]), -EBADMSG);
    book_check(book);
    assert_int_equal(book_live(book), 4);
}

static void an_order_that_should_have_traded_is_refused(void **state) {
    assert_int_equal(fold(*state, entered(KIND_ACCEPTED, abi_handle(9, 1), SIDE_BUY, 1, 110)),
                     -EBADMSG);
    struct event ioc = entered(KIND_ACCEPTED, abi_handle(10, 1), SIDE_BUY, 1, 90);
    ioc.flags |= EVENT_IOC;
    assert_int_equal(fold(*state, ioc), -EBADMSG);
}

/* An iceberg of 30 that shows 10 rests behind 20; another sell of 12 arrives behind it. */
static void an_iceberg_goes_to_the_back_with_its_next_part(void **state) {
    struct event iceberg = entered(KIND_ACCEPTED, abi_handle(5, 1), SIDE_SELL, 30, 110);
    event_set_shown(&iceberg, 10);
    assert_int_equal(fold(*state, iceberg), 0);
    assert_int_equal(fold(*state, entered(KIND_ACCEPTED, abi_handle(6, 1), SIDE_SELL, 4, 110)), 0);
    struct book_level level;
    assert_int_equal(book_levels(*state, 0, SIDE_SELL, &level, 1), 1);
    assert_int_equal(level.shares, 39);
    assert_int_equal(level.displayed, 19);
    struct event buy = entered(KIND_ACCEPTED, abi_handle(7, 1), SIDE_BUY, 15, 110);
    buy.flags = 0;
    assert_int_equal(fold(*state, buy), 0);
    struct event trade = traded(abi_handle(7, 1), abi_handle(4, 1), 5, 110, 10, 0);
    trade.flags = 0;
    assert_int_equal(fold(*state, trade), 0);
    trade = traded(abi_handle(7, 1), abi_handle(5, 1), 11, 110, 0, 19);
    assert_int_equal(book_event(*state, &trade), -EBADMSG); /* more than it shows */
    trade = traded(abi_handle(7, 1), abi_handle(5, 1), 10, 110, 0, 20);
    trade.flags = 0;
    assert_int_equal(book_event(*state, &trade), 0);
    struct event restated = { .number = ++number,
                              .kind = KIND_RESTATED,
                              .flags = EVENT_END,
                              .order = abi_handle(5, 1),
                              .quantity = 11,
                              .leaves = 20,
                              .price_e4 = 110 };
    assert_int_equal(book_event(*state, &restated), -EBADMSG); /* more than it shows */
    restated.quantity = 10;
    restated.leaves = 19;
    assert_int_equal(book_event(*state, &restated), -EBADMSG); /* a share is lost */
    restated.leaves = 20;
    assert_int_equal(fold(*state, restated), 0);
    struct book_order orders[4];
    assert_int_equal(book_queue(*state, 0, SIDE_SELL, 110, orders, 4), 2);
    assert_int_equal(orders[0].handle, abi_handle(6, 1));
    assert_int_equal(orders[1].handle, abi_handle(5, 1));
    assert_int_equal(orders[1].displayed, 10);
    assert_int_equal(fold(*state, restated), -EBADMSG); /* it shows a part already */
    /* A cancel takes the reserve first. */
    assert_int_equal(fold(*state, canceled(abi_handle(5, 1), 12, 8)), 0);
    assert_true(book_order(*state, 5, &orders[0]));
    assert_int_equal(orders[0].displayed, 8);
}

static void two_of_one_firm_that_meet_lose_shares_and_one_goes_on(void **state) {
    struct event sell = entered(KIND_ACCEPTED, abi_handle(5, 1), SIDE_SELL, 25, 101);
    sell.flags &= (uint16_t)~EVENT_END;
    assert_int_equal(fold(*state, sell), 0);
    struct event maker = canceled(abi_handle(2, 1), 20, 0),
                 taker = canceled(abi_handle(5, 1), 20, 5);
    maker.flags = 0;
    maker.reason = taker.reason = REASON_SELF_TRADE;
    taker.flags = EVENT_SELL;
    assert_int_equal(fold(*state, maker), 0);
    assert_int_equal(fold(*state, taker), 0);
    maker = canceled(abi_handle(3, 1), 5, 25);
    maker.flags = 0;
    assert_int_equal(fold(*state, maker), 0);
    assert_int_equal(fold(*state, canceled(abi_handle(5, 1), 5, 0)), 0);
    struct book_order order;
    assert_true(book_order(*state, 3, &order));
    assert_int_equal(order.leaves, 25);
    assert_int_equal(order.total, 25);
    assert_false(book_order(*state, 5, &order));
    assert_int_equal(book_symbol(*state, 0).trades, 0);
}

static struct event phase(int64_t value) {
    return (struct event){ .number = ++number,
                           .kind = KIND_STATE,
                           .flags = EVENT_END,
                           .table = TABLE_SYMBOL,
                           .field = ROW_SYMBOL_STATE,
                           .value = value };
}

/* A crossed book only stands in an auction, and trades at one price between the limits. */
static void an_auctions_orders_rest_crossed_and_trade_buyer_first(void **state) {
    assert_int_equal(fold(*state, phase(SYMBOL_STATE_AUCTION)), 0);
    assert_int_equal(fold(*state, entered(KIND_ACCEPTED, abi_handle(5, 1), SIDE_SELL, 25, 99)), 0);
    const struct {
        struct event event;
        const char *why;
    } rows[] = {
        { traded(abi_handle(5, 1), abi_handle(2, 1), 20, 100, 5, 0), "seller first" },
        { traded(abi_handle(3, 1), abi_handle(5, 1), 20, 100, 10, 5), "an older bid rests" },
        { traded(abi_handle(1, 1), abi_handle(5, 1), 10, 100, 0, 15), "a better bid rests" },
        { traded(abi_handle(2, 1), abi_handle(5, 1), 20, 102, 0, 5), "above the bid" },
        { traded(abi_handle(2, 1), abi_handle(5, 1), 20, 98, 0, 5), "below the ask" },
        { traded(abi_handle(2, 1), abi_handle(5, 1), 21, 100, 0, 4), "more than the bid has" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (fold(*state, rows[i].event) != -EBADMSG) fail_msg("taken: %s", rows[i].why);
    struct event trade = traded(abi_handle(2, 1), abi_handle(5, 1), 20, 100, 0, 5);
    trade.flags = 0;
    assert_int_equal(fold(*state, trade), 0);
    assert_int_equal(fold(*state, traded(abi_handle(3, 1), abi_handle(5, 1), 5, 100, 25, 0)), 0);
    struct book_order order;
    assert_true(book_order(*state, 3, &order));
    assert_int_equal(order.leaves, 25);
    assert_int_equal(order.total, 30);
    assert_int_equal(book_live(*state), 3);
    assert_int_equal(book_symbol(*state, 0).last_e4, 100);
    assert_int_equal(book_symbol(*state, 0).shares, 25);
    /* Outside an auction two that rest never trade. */
    assert_int_equal(fold(*state, phase(SYMBOL_STATE_OPEN)), 0);
    assert_int_equal(fold(*state, traded(abi_handle(3, 1), abi_handle(4, 1), 5, 105, 20, 0)),
                     -EBADMSG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(levels_come_best_first, fill, empty),
        cmocka_unit_test_setup_teardown(a_queue_is_oldest_first, fill, empty),
        cmocka_unit_test_setup_teardown(a_trade_takes_shares_off_the_oldest_order, fill, empty),
        cmocka_unit_test_setup_teardown(a_replaced_order_goes_to_the_back, fill, empty),
        cmocka_unit_test_setup_teardown(a_cancel_keeps_the_place_or_takes_the_order_off, fill,
                                        empty),
        cmocka_unit_test_setup_teardown(what_cannot_be_true_is_refused, fill, empty),
        cmocka_unit_test_setup_teardown(an_order_that_should_have_traded_is_refused, fill, empty),
        cmocka_unit_test_setup_teardown(an_iceberg_goes_to_the_back_with_its_next_part, fill,
                                        empty),
        cmocka_unit_test_setup_teardown(two_of_one_firm_that_meet_lose_shares_and_one_goes_on, fill,
                                        empty),
        cmocka_unit_test_setup_teardown(an_auctions_orders_rest_crossed_and_trade_buyer_first, fill,
                                        empty),
    };
    return cmocka_run_group_tests_name("book", tests, NULL, NULL);
}
