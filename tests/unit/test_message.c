/* test_message: commands and events as JSON, there and back, and what is refused. */
#include "host/base/err.h"
#include "host/base/random.h"
#include "host/control/message.h"
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int find(void *context, unsigned table, const char *name) {
    assert_ptr_equal(context, &find);
    if (table == TABLE_FIRM && strcmp(name, "firm02") == 0) return 1;
    if (table == TABLE_SYMBOL && strcmp(name, "DAY03") == 0) return 3;
    if (table == TABLE_ACCOUNT && strcmp(name, "far") == 0) return 70000; /* no part holds it */
    return -1;
}

static int read_text(const char *text, struct command *command) {
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    int code = message_command_read(json, find, (void *)(uintptr_t)&find, command);
    json_decref(json);
    return code;
}

static void names_and_numbers_mean_the_same(void **state) {
    (void)state;
    struct command by_name, by_number;
    assert_int_equal(
        read_text(
            "{\"opcode\":\"KILL\",\"field\":\"FIRM\",\"mode\":\"RELEASE\",\"firm\":\"firm02\"}",
            &by_name),
        0);
    assert_int_equal(read_text("{\"opcode\":11,\"field\":5,\"mode\":1,\"firm\":1}", &by_number), 0);
    assert_memory_equal(&by_name, &by_number, sizeof by_name);
    assert_int_equal(by_name.opcode, OPCODE_KILL);
    assert_int_equal(by_name.field, TABLE_FIRM);
    assert_int_equal(by_name.mode, MODE_RELEASE);
    assert_int_equal(by_name.firm, 1);
}

static void a_field_is_of_the_table_that_the_opcode_sets(void **state) {
    (void)state;
    struct command command;
    assert_int_equal(
        read_text("{\"field\":\"LOCATE\",\"value\":-7,\"opcode\":\"POSITION\"}", &command), 0);
    assert_int_equal(command.field, ROW_POSITION_LOCATE);
    assert_int_equal(command.value, -7);
    assert_int_equal(read_text("{\"opcode\":\"SYMBOL\",\"field\":\"LOCATE\"}", &command), -EINVAL);
    assert_non_null(strstr(err_text(), "LOCATE"));
}

static void what_does_not_fit_or_is_unknown_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
    } row[] = {
        { "{\"opcode\":1,\"symbol\":65536}", "symbol" },
        { "{\"opcode\":1,\"symbol\":-1}", "symbol" },
        { "{\"opcode\":256}", "opcode" },
        { "{\"opcode\":\"FLY\"}", "FLY" },
        { "{\"opcode\":1,\"account\":\"far\"}", "account" },
        { "{\"opcode\":1,\"firm\":\"nobody\"}", "nobody" },
        { "{\"opcode\":1,\"wings\":2}", "wings" },
        { "{\"opcode\":1,\"value\":1.5}", "value" },
        { "{\"opcode\":1,\"value\":null}", "value" },
        { "{\"symbol\":1}", "opcode" },
        { "[]", "object" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct command command;
        assert_int_equal(read_text(row[i].text, &command), -EINVAL);
        if (strstr(err_text(), row[i].says) == NULL)
            fail_msg("%s: \"%s\" does not name %s", row[i].text, err_text(), row[i].says);
    }
    struct command command;
    assert_int_equal(read_text("{\"opcode\":1,\"symbol\":65535}", &command), 0);
    assert_int_equal(command.symbol, 65535);
}

static uint64_t seed_from_environment(void) {
    const char *text = getenv("SEED");
    return text != NULL ? strtoull(text, NULL, 10) : 1;
}

static void records_survive_the_way_there_and_back(void **state) {
    (void)state;
    uint64_t seed = seed_from_environment();
    struct random random = random_seeded(seed);
    (void)printf("seed %llu\n", (unsigned long long)seed);
    for (int i = 0; i < 5000; i++) {
        struct event event, event_back;
        struct command command, command_back;
        uint8_t bytes[sizeof event];
        for (size_t at = 0; at < sizeof bytes; at++)
            bytes[at] = random_below(&random, 3) == 0 ? (uint8_t)random_next(&random) : 0;
        memcpy(&event, bytes, sizeof event);
        memcpy(&command, bytes, sizeof command);
        event.number &= INT64_MAX; /* JSON's integers have a sign */
        event.command &= INT64_MAX;
        event.stamp_ns &= INT64_MAX;
        command.stamp_ns &= INT64_MAX;
        command.reserved &= INT64_MAX;
        if (random_below(&random, 2) == 0) event.kind = (uint8_t)(1 + random_below(&random, 12));
        if (command.opcode == 0) command.opcode = OPCODE_SYMBOL;
        json_t *json = message_event_write(&event);
        assert_int_equal(message_event_read(json, &event_back), 0);
        assert_memory_equal(&event, &event_back, sizeof event);
        json_decref(json);
        json = message_command_write(&command);
        assert_int_equal(message_command_read(json, NULL, NULL, &command_back), 0);
        assert_memory_equal(&command, &command_back, sizeof command);
        json_decref(json);
    }
}

static void an_event_is_written_in_words(void **state) {
    (void)state;
    const struct event event = { .number = 812,
                                 .command = 790,
                                 .kind = KIND_STATE,
                                 .reason = REASON_HALT,
                                 .value = 3,
                                 .table = TABLE_SYMBOL,
                                 .field = ROW_SYMBOL_STATE };
    json_t *json = message_event_write(&event);
    char *text = json_dumps(json, JSON_COMPACT);
    assert_string_equal(text,
                        "{\"number\":812,\"command\":790,\"kind\":\"STATE\",\"reason\":\"HALT\","
                        "\"value\":3,\"table\":\"SYMBOL\",\"field\":\"STATE\"}");
    free(text);
    json_decref(json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_numbers_mean_the_same),
        cmocka_unit_test(a_field_is_of_the_table_that_the_opcode_sets),
        cmocka_unit_test(what_does_not_fit_or_is_unknown_is_refused),
        cmocka_unit_test(records_survive_the_way_there_and_back),
        cmocka_unit_test(an_event_is_written_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
