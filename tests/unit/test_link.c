/* test_link: one connection's conversation, with time as an argument. */
#include "host/base/err.h"
#include "host/gateway/link.h"
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

static struct link line;
static struct link_step step;
static uint8_t bytes[4096];

static int start(void **state) {
    (void)state;
    link_start(&line, 0);
    return 0;
}

static const struct soup_login login = { .username = "alice", .password = "secret", .sequence = 7 };

static void a_login_comes_out_however_its_bytes_come_in(void **state) {
    (void)state;
    size_t count = soup_encode_login_request(bytes, &login);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(link_read(&line, bytes, i, &step), LINK_NOTHING);
    assert_int_equal(link_read(&line, bytes, count, &step), LINK_LOGIN);
    assert_int_equal(step.bytes, count);
    assert_string_equal(step.login.username, "alice");
    assert_string_equal(step.login.password, "secret");
    assert_int_equal(step.login.sequence, 7);
}

static void messages_need_a_login_first_and_one_is_enough(void **state) {
    (void)state;
    size_t count = soup_encode_unsequenced(bytes, "hello", 5);
    assert_int_equal(link_read(&line, bytes, count, &step), LINK_BROKEN);
    link_accept(&line);
    assert_int_equal(link_read(&line, bytes, count, &step), LINK_MESSAGE);
    assert_int_equal(step.packet.bytes, 5);
    assert_memory_equal(step.packet.payload, "hello", 5);
    count = soup_encode_login_request(bytes, &login);
    assert_int_equal(link_read(&line, bytes, count, &step), LINK_BROKEN);
}

static void heartbeats_and_debug_text_ask_for_nothing(void **state) {
    (void)state;
    size_t count = soup_encode_client_heartbeat(bytes);
    assert_int_equal(link_read(&line, bytes, count, &step), LINK_SKIP);
    count = soup_encode_debug(bytes, "what is the matter");
    assert_int_equal(link_read(&line, bytes, count, &step), LINK_SKIP);
    assert_int_equal(step.bytes, count);
    count = soup_encode_logout(bytes);
    assert_int_equal(link_read(&line, bytes, count, &step), LINK_LOGOUT);
}

static void what_is_no_frame_breaks_the_link(void **state) {
    (void)state;
    link_accept(&line);
    /* No type, a type that only a server sends, one that there is not, one byte too long. */
    assert_int_equal(link_read(&line, (const uint8_t *)"\0\0", 3, &step), LINK_BROKEN);
    size_t count = soup_encode_sequenced(bytes, "x", 1);
    assert_int_equal(link_read(&line, bytes, count, &step), LINK_BROKEN);
    assert_int_equal(link_read(&line, (const uint8_t *)"\0\1?", 3, &step), LINK_BROKEN);
    static uint8_t payload[LINK_MESSAGE_BYTES_MAX + 1];
    count = soup_encode_unsequenced(bytes, payload, LINK_MESSAGE_BYTES_MAX);
    assert_int_equal(link_read(&line, bytes, count, &step), LINK_MESSAGE);
    count = soup_encode_unsequenced(bytes, payload, LINK_MESSAGE_BYTES_MAX + 1);
    assert_int_equal(link_read(&line, bytes, count, &step), LINK_BROKEN);
}

static void silence_ends_the_link_and_ours_is_broken_by_heartbeats(void **state) {
    (void)state;
    const uint64_t from = 1000;
    link_start(&line, from);
    /* Before the login nothing is sent. */
    assert_int_equal(link_time(&line, from + SOUP_HEARTBEAT_NS), LINK_NOTHING);
    link_accept(&line);
    assert_int_equal(link_time(&line, from + SOUP_HEARTBEAT_NS - 1), LINK_NOTHING);
    assert_int_equal(link_time(&line, from + SOUP_HEARTBEAT_NS), LINK_HEARTBEAT);
    link_sent(&line, from + SOUP_HEARTBEAT_NS);
    assert_int_equal(link_time(&line, from + 2 * SOUP_HEARTBEAT_NS - 1), LINK_NOTHING);
    assert_int_equal(link_time(&line, from + 2 * SOUP_HEARTBEAT_NS), LINK_HEARTBEAT);
    link_received(&line, from + 5);
    link_sent(&line, from + SOUP_TIMEOUT_NS);
    assert_int_equal(link_time(&line, from + 5 + SOUP_TIMEOUT_NS - 1), LINK_NOTHING);
    assert_int_equal(link_time(&line, from + 5 + SOUP_TIMEOUT_NS), LINK_BROKEN);
    assert_non_null(strstr(err_text(), "15 s"));
}

static void noise_in_a_row_ends_the_link(void **state) {
    (void)state;
    for (int i = 0; i < LINK_GARBAGE_MAX; i++)
        assert_int_equal(link_judge(&line, false), LINK_NOTHING);
    assert_int_equal(link_judge(&line, true), LINK_NOTHING);
    for (int i = 0; i < LINK_GARBAGE_MAX; i++)
        assert_int_equal(link_judge(&line, false), LINK_NOTHING);
    assert_int_equal(link_judge(&line, false), LINK_BROKEN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_login_comes_out_however_its_bytes_come_in, start),
        cmocka_unit_test_setup(messages_need_a_login_first_and_one_is_enough, start),
        cmocka_unit_test_setup(heartbeats_and_debug_text_ask_for_nothing, start),
        cmocka_unit_test_setup(what_is_no_frame_breaks_the_link, start),
        cmocka_unit_test_setup(silence_ends_the_link_and_ours_is_broken_by_heartbeats, start),
        cmocka_unit_test_setup(noise_in_a_row_ends_the_link, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
