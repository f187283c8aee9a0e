/* test_orders: the table of orders, and streams of messages, against plain arrays. */
#include "driver/abi/abi.h"
#include "host/base/bytes.h"
#include "host/base/random.h"
#include "host/gateway/orders.h"
#include "host/gateway/stream.h"
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <errno.h>

enum { SLOTS = 16, CHANGES = 4 };

static void a_slot_goes_through_its_generations(void **state) {
    (void)state;
    struct orders *orders = orders_new(2, CHANGES, 1);
    for (uint32_t i = 1; i <= 3u << LIMIT_GENERATION_BITS; i++) {
        struct order *order = orders_enter(orders, 0, i);
        assert_int_equal(abi_generation(order->handle), i % (1u << LIMIT_GENERATION_BITS));
        uint32_t handle = order->handle;
        assert_null(orders_live(orders, handle));
        orders_accept(orders, order);
        assert_ptr_equal(orders_live(orders, handle), order);
        orders_drop(orders, order);
        assert_null(orders_live(orders, handle));
        assert_null(orders_find(orders, 0, i));
    }
    orders_check(orders);
    orders_delete(orders);
}

static void a_refused_order_leaves_its_generation_unused(void **state) {
    (void)state;
    struct orders *orders = orders_new(2, CHANGES, 1);
    uint32_t handle = orders_enter(orders, 0, 1)->handle;
    orders_drop(orders, orders_find(orders, 0, 1));
    assert_int_equal(orders_enter(orders, 0, 2)->handle, handle);
    orders_delete(orders);
}

static void all_slots_are_given_and_no_more(void **state) {
    (void)state;
    struct orders *orders = orders_new(SLOTS, CHANGES, 1);
    for (uint32_t i = 1; i <= SLOTS; i++) assert_non_null(orders_enter(orders, 0, i));
    assert_null(orders_enter(orders, 0, SLOTS + 1));
    assert_int_equal(orders_free(orders), 0);
    orders_drop(orders, orders_find(orders, 0, 5));
    assert_non_null(orders_enter(orders, 0, SLOTS + 1));
    orders_check(orders);
    orders_delete(orders);
}

static void replacements_take_the_slot_and_are_bounded(void **state) {
    (void)state;
    struct orders *orders = orders_new(2, CHANGES, 1);
    struct order *order = orders_enter(orders, 7, 1);
    orders_accept(orders, order);
    (void)orders_enter(orders, 7, 100);
    for (uint32_t i = 2; i < 2 + CHANGES; i++) assert_non_null(orders_change(orders, order, i));
    assert_null(orders_change(orders, order, 50));
    struct order *next = orders_find(orders, 7, 2);
    assert_null(orders_change(orders, order, 3)); /* in use */
    assert_int_equal(abi_slot(next->handle), abi_slot(order->handle));
    assert_int_equal(abi_generation(next->handle), abi_generation(order->handle) + 1);
    orders_accept(orders, next);
    assert_null(orders_find(orders, 7, 1));
    assert_ptr_equal(orders_live(orders, next->handle), next);
    for (uint32_t i = 3; i < 2 + CHANGES; i++) orders_drop(orders, orders_find(orders, 7, i));
    orders_check(orders);
    orders_delete(orders);
}

static void a_journals_handle_must_be_possible(void **state) {
    (void)state;
    struct orders *orders = orders_new(SLOTS, CHANGES, 1);
    assert_null(orders_enter_at(orders, 0, 1, abi_handle(SLOTS, 1)));
    assert_null(orders_enter_at(orders, 0, 1, abi_handle(3, 0)));
    assert_null(orders_enter_at(orders, 0, 1, abi_handle(3, 2)));
    assert_non_null(orders_enter_at(orders, 0, 1, abi_handle(3, 1)));
    assert_null(orders_enter_at(orders, 0, 2, abi_handle(3, 1)));
    assert_null(orders_enter_at(orders, 0, 1, abi_handle(4, 1)));
    assert_non_null(orders_enter_at(orders, 1, 1, abi_handle(4, 1)));
    orders_drop(orders, orders_find(orders, 0, 1)); /* refused again */
    orders_settle(orders);
    assert_int_equal(orders_free(orders), SLOTS - 1);
    orders_check(orders);
    orders_delete(orders);
}

static void references_are_found_whatever_else_comes_and_goes(void **state) {
    (void)state;
    enum { ROUNDS = 200000, REFS = 64, SESSIONS = 4 };
    struct order *known[SESSIONS][REFS] = { { NULL } };
    uint64_t seed = 3;
    print_message("seed %llu\n", (unsigned long long)seed);
    struct random random = random_seeded(seed);
    struct orders *orders = orders_new(SLOTS, CHANGES, random_next(&random));
    for (int i = 0; i < ROUNDS; i++) {
        uint16_t session = (uint16_t)random_below(&random, SESSIONS);
        uint32_t ref = (uint32_t)random_below(&random, REFS);
        struct order **here = &known[session][ref];
        assert_ptr_equal(orders_find(orders, session, ref), *here);
        if (*here != NULL) {
            orders_drop(orders, *here);
            *here = NULL;
        } else if (orders_free(orders) > 0) {
            *here = orders_enter(orders, session, ref);
        }
        if (i % 1000 == 0) orders_check(orders);
    }
    orders_delete(orders);
}

static void a_stream_gives_every_message_by_its_number(void **state) {
    (void)state;
    enum { MESSAGES = 3 * STREAM_PLACE_EVERY + 2 };
    struct stream stream;
    struct stream_cursor cursor;
    const uint8_t *frame;
    assert_int_equal(stream_open(&stream, 1 << 20), 0);
    for (uint32_t i = 1; i <= MESSAGES; i++) {
        uint8_t message[STREAM_MESSAGE_BYTES_MAX] = { 0 };
        bytes_put_be32(message, i);
        assert_int_equal(stream_append(&stream, 10 * i, message, 4 + i % 90), 0);
    }
    assert_int_equal(stream_seek(&stream, 2, &cursor), -ERANGE); /* nothing is released */
    assert_false(stream_release(&stream, 9));
    assert_true(stream_release(&stream, 10));
    assert_int_equal(stream.released, 1);
    assert_true(stream_release(&stream, 10 * MESSAGES - 1));
    assert_int_equal(stream.released, MESSAGES - 1);
    assert_int_equal(stream_seek(&stream, 0, &cursor), -ERANGE);
    assert_int_equal(stream_seek(&stream, MESSAGES + 1, &cursor), -ERANGE);
    for (uint32_t from = 1; from <= MESSAGES; from++) {
        assert_int_equal(stream_seek(&stream, from, &cursor), 0);
        if (from == MESSAGES) break;
        assert_int_equal(stream_next(&stream, &cursor, &frame), 3 + 4 + from % 90);
        assert_int_equal(bytes_get_be16(frame), 1 + 4 + from % 90);
        assert_int_equal(frame[2], 'S');
        assert_int_equal(bytes_get_be32(frame + 3), from);
    }
    assert_int_equal(stream_next(&stream, &cursor, &frame), 0);
    assert_true(stream_release(&stream, 10 * MESSAGES));
    assert_true(stream_next(&stream, &cursor, &frame) > 0);
    stream_close(&stream);
}

static void a_full_stream_says_so_for_good(void **state) {
    (void)state;
    enum { BYTES = 5 + STREAM_ENTRY_BYTES };
    struct stream stream;
    assert_int_equal(stream_open(&stream, 3 * BYTES + BYTES - 1), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(stream_append(&stream, 1, (const uint8_t *)"12345", 5), 0);
    assert_int_equal(stream_append(&stream, 1, (const uint8_t *)"1234", 4), 0);
    assert_int_equal(stream_room(&stream), 0);
    stream_close(&stream);

    /* What came before the first message without room must not have a gap behind it. */
    assert_int_equal(stream_open(&stream, 3 * BYTES + BYTES - 1), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(stream_append(&stream, 1, (const uint8_t *)"12345", 5), 0);
    assert_int_equal(stream_append(&stream, 1, (const uint8_t *)"12345", 5), -ENOSPC);
    assert_int_equal(stream_append(&stream, 1, (const uint8_t *)"1234", 4), -ENOSPC);
    stream_close(&stream);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slot_goes_through_its_generations),
        cmocka_unit_test(a_refused_order_leaves_its_generation_unused),
        cmocka_unit_test(all_slots_are_given_and_no_more),
        cmocka_unit_test(replacements_take_the_slot_and_are_bounded),
        cmocka_unit_test(a_journals_handle_must_be_possible),
        cmocka_unit_test(references_are_found_whatever_else_comes_and_goes),
        cmocka_unit_test(a_stream_gives_every_message_by_its_number),
        cmocka_unit_test(a_full_stream_says_so_for_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
