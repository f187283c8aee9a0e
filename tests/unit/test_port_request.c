/* test_port_request: lines on the command port, and the gates that commands open and close. */
#include "host/base/err.h"
#include "host/control/control.h"
#include "host/gateway/gates.h"
#include "host/gateway/port_request.h"
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <errno.h>
#include <stdio.h>

static int find(void *context, unsigned table, const char *name) {
    (void)context;
    return table == TABLE_FIRM && strcmp(name, "firm02") == 0 ? 1 : -1;
}

static int read_line(const char *line, struct port_request *request) {
    return port_request_read(line, strlen(line), find, NULL, request);
}

static void requests_are_read(void **state) {
    (void)state;
    struct port_request request;
    assert_int_equal(read_line("{\"id\":7,\"command\":{\"opcode\":\"KILL\",\"field\":\"FIRM\","
                               "\"firm\":\"firm02\"}}",
                               &request),
                     0);
    assert_int_equal(request.ask, PORT_COMMAND);
    assert_int_equal(request.command.firm, 1);
    assert_int_equal(json_integer_value(request.id), 7);
    json_decref(request.id);
    assert_int_equal(read_line("{\"ask\":\"status\"}", &request), 0);
    assert_int_equal(request.ask, PORT_STATUS);
    assert_true(json_is_null(request.id));
    json_decref(request.id);
    assert_int_equal(read_line("{\"id\":\"a\",\"ask\":\"counters\"}", &request), 0);
    assert_int_equal(request.ask, PORT_COUNTERS);
    json_decref(request.id);
    assert_int_equal(read_line("{\"withdraw\":{\"field\":\"FIRM\",\"firm\":1}}", &request), 0);
    assert_int_equal(request.ask, PORT_WITHDRAW);
    assert_int_equal(request.command.field, TABLE_FIRM);
    json_decref(request.id);
    assert_int_equal(read_line("{\"withdraw\":{\"field\":\"ACCOUNT\",\"account\":1}}", &request),
                     0);
    assert_int_equal(request.command.field, TABLE_ACCOUNT);
    assert_int_equal(request.command.account, 1);
    json_decref(request.id);
}

static void requests_of_the_card_are_read(void **state) {
    (void)state;
    static const struct {
        const char *line;
        enum port_ask ask;
        enum port_action_kind action;
    } row[] = {
        { "{\"ask\":\"card\"}", PORT_CARD, 0 },
        { "{\"ask\":\"log\"}", PORT_LOG, 0 },
        { "{\"ask\":\"action\"}", PORT_PROGRESS, 0 },
        { "{\"card\":\"restart\"}", PORT_ACTION, PORT_RESTART },
        { "{\"card\":\"selftest\"}", PORT_ACTION, PORT_SELFTEST },
        { "{\"card\":\"update\"}", PORT_ACTION, PORT_UPDATE },
    };
    struct port_request request;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        assert_int_equal(read_line(row[i].line, &request), 0);
        assert_int_equal(request.ask, row[i].ask);
        assert_int_equal(request.action, row[i].action);
        json_decref(request.id);
    }
}

/* As many bytes as a piece may have at most, and one more. */
static void a_piece_of_firmware_is_read_to_its_bounds(void **state) {
    (void)state;
    static char line[4 * PORT_PIECE_BYTES_MAX];
    struct port_request request;
    for (int more = 0; more < 2; more++) {
        int used = snprintf(line, sizeof line, "{\"firmware\":{\"offset\":16447,\"data\":\"");
        for (int i = 0; i < PORT_PIECE_BYTES_MAX + more; i++)
            used += snprintf(line + used, sizeof line - (size_t)used, "%02x", i & 255);
        (void)snprintf(line + used, sizeof line - (size_t)used, "\"}}");
        assert_true(strlen(line) < CONTROL_LINE_BYTES_MAX);
        assert_int_equal(read_line(line, &request), more == 0 ? 0 : -EINVAL);
        json_decref(request.id);
        if (more > 0) break;
        assert_int_equal(request.ask, PORT_PIECE);
        assert_int_equal(request.offset, 16447);
        assert_int_equal(request.bytes, PORT_PIECE_BYTES_MAX);
        assert_int_equal(request.piece[255], 255);
        assert_int_equal(request.piece[PORT_PIECE_BYTES_MAX - 1], 255);
    }
}

static void nonsense_is_refused_with_a_word_and_a_sentence(void **state) {
    (void)state;
    static const struct {
        const char *line, *code;
    } row[] = {
        { "", "bad_request" },
        { "hello", "bad_request" },
        { "[1]", "bad_request" },
        { "{}", "bad_request" },
        { "{\"id\":1}", "bad_request" },
        { "{\"id\":1.5,\"ask\":\"status\"}", "bad_request" },
        { "{\"id\":1,\"id\":2,\"ask\":\"status\"}", "bad_request" },
        { "{\"ask\":\"status\",\"more\":1}", "bad_request" },
        { "{\"ask\":\"status\",\"command\":{\"opcode\":1}}", "bad_request" },
        { "{\"ask\":\"weather\"}", "bad_request" },
        { "{\"ask\":7}", "bad_request" },
        { "{\"command\":7}", "bad_command" },
        { "{\"command\":{\"opcode\":\"FLY\"}}", "bad_command" },
        { "{\"command\":{\"opcode\":\"NEW\"}}", "not_allowed" },
        { "{\"command\":{\"opcode\":\"CANCEL\"}}", "not_allowed" },
        { "{\"command\":{\"opcode\":\"REPLACE\"}}", "not_allowed" },
        { "{\"command\":{\"opcode\":\"SWEEP\"}}", "not_allowed" },
        { "{\"command\":{\"opcode\":\"UNCROSS\"}}", "not_allowed" },
        { "{\"command\":{\"opcode\":13}}", "not_allowed" },
        { "{\"command\":{\"opcode\":\"NOP\",\"stamp_ns\":1}}", "bad_command" },
        { "{\"command\":{\"opcode\":\"NOP\",\"origin\":1}}", "bad_command" },
        { "{\"card\":7}", "bad_request" },
        { "{\"card\":\"reset\"}", "bad_request" },
        { "{\"card\":\"restart\",\"ask\":\"card\"}", "bad_request" },
        { "{\"firmware\":7}", "bad_request" },
        { "{\"firmware\":{\"offset\":0}}", "bad_request" },
        { "{\"firmware\":{\"data\":\"00\"}}", "bad_request" },
        { "{\"firmware\":{\"offset\":0,\"data\":\"00\",\"more\":1}}", "bad_request" },
        { "{\"firmware\":{\"offset\":-1,\"data\":\"00\"}}", "bad_request" },
        { "{\"firmware\":{\"offset\":16448,\"data\":\"00\"}}", "bad_request" },
        { "{\"firmware\":{\"offset\":0,\"data\":\"\"}}", "bad_request" },
        { "{\"firmware\":{\"offset\":0,\"data\":\"0\"}}", "bad_request" },
        { "{\"firmware\":{\"offset\":0,\"data\":\"0g\"}}", "bad_request" },
        { "{\"firmware\":{\"offset\":0,\"data\":\"\u00e9\"}}", "bad_request" },
        { "{\"withdraw\":7}", "bad_request" },
        { "{\"withdraw\":{\"field\":\"POSITION\"}}", "bad_request" },
        { "{\"withdraw\":{\"opcode\":\"KILL\"}}", "bad_request" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct port_request request;
        (void)err_set(0, "%s", "");
        if (read_line(row[i].line, &request) != -EINVAL) fail_msg("taken: %s", row[i].line);
        assert_non_null(request.code);
        assert_string_equal(request.code, row[i].code);
        assert_true(err_text()[0] != 0);
        json_decref(request.id);
    }
}

static void an_id_is_kept_up_to_its_bound(void **state) {
    (void)state;
    for (int bytes = PORT_ID_BYTES_MAX - 1; bytes <= PORT_ID_BYTES_MAX + 1; bytes++) {
        char line[200];
        struct port_request request;
        (void)snprintf(line, sizeof line, "{\"id\":\"%0*d\",\"ask\":\"status\"}", bytes, 1);
        int code = read_line(line, &request);
        assert_int_equal(code, bytes <= PORT_ID_BYTES_MAX ? 0 : -EINVAL);
        assert_int_equal(json_is_null(request.id), bytes > PORT_ID_BYTES_MAX);
        json_decref(request.id);
    }
}

static void gates_follow_what_the_card_says(void **state) {
    (void)state;
    const struct card_size size = { .symbols = 4, .accounts = 8, .orders = 64, .levels = 64 };
    struct gates *gates = gates_new(&size);
    assert_non_null(gates);
    assert_true(gates->killed); /* as after reset */
    assert_int_equal(gates->symbol_state[3], SYMBOL_STATE_CLOSED);
    const struct event open = { .kind = KIND_STATE, .table = TABLE_ENGINE };
    gates_event(gates, &open);
    assert_false(gates->killed);
    const struct event firm = { .kind = KIND_STATE, .table = TABLE_FIRM, .account = 7, .value = 1 };
    gates_event(gates, &firm);
    assert_true(gates->firm_killed[7]);
    assert_false(gates->account_killed[7]);
    const struct event session = {
        .kind = KIND_STATE, .table = TABLE_SESSION, .session = 2, .value = 1
    };
    gates_event(gates, &session);
    assert_true(gates->session_killed[2]);
    const struct event halt = {
        .kind = KIND_STATE, .table = TABLE_SYMBOL, .symbol = 3, .value = SYMBOL_STATE_HALTED
    };
    gates_event(gates, &halt);
    assert_int_equal(gates->symbol_state[3], SYMBOL_STATE_HALTED);
    const struct event outside = {
        .kind = KIND_STATE, .table = TABLE_FIRM, .account = 8, .value = 1
    };
    gates_event(gates, &outside); /* one above the last row: passed over */
    const struct event row = { .kind = KIND_ROW, .table = TABLE_FIRM, .account = 1, .value = 1 };
    gates_event(gates, &row);
    assert_false(gates->firm_killed[1]);
    gates_delete(gates);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_read),
        cmocka_unit_test(requests_of_the_card_are_read),
        cmocka_unit_test(a_piece_of_firmware_is_read_to_its_bounds),
        cmocka_unit_test(nonsense_is_refused_with_a_word_and_a_sentence),
        cmocka_unit_test(an_id_is_kept_up_to_its_bound),
        cmocka_unit_test(gates_follow_what_the_card_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
