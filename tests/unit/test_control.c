/* test_control: the client against servers that answer, refuse, talk nonsense, say nothing or hang
 * up. The servers are threads of the test, at sockets in a directory of its own. */
#include "host/base/clock.h"
#include "host/base/err.h"
#include "host/control/control.h"
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { TIMEOUT_MS = 5000, SHORT_MS = 150, ANSWER_BYTES = 5 << 20 };

static char directory[] = "/tmp/test_control.XXXXXX";
static char path[64];

/* One connection: reads until a request is whole, then gives the answers one by one. */
struct server {
    pthread_t thread;
    int listener;
    const char *until;      /* a request ends with it */
    const char *answers[4]; /* NULL ends: the connection is closed */
    bool silent;            /* says nothing and waits for the client to go */
};

static void *serve(void *context) {
    struct server *server = context;
    static char in[1 << 16];
    int client = accept(server->listener, NULL, NULL);
    if (client < 0) return NULL;
    for (int i = 0; i < 4 && server->answers[i] != NULL; i++) {
        size_t used = 0;
        ssize_t count;
        do {
            count = recv(client, in + used, sizeof in - 1 - used, 0);
            if (count > 0) used += (size_t)count;
            in[used] = 0;
        } while (count > 0 && strstr(in, server->until) == NULL);
        const char *answer = server->answers[i];
        for (size_t left = strlen(answer); left > 0;) {
            ssize_t sent = send(client, answer, left, MSG_NOSIGNAL);
            if (sent <= 0) break;
            answer += sent;
            left -= (size_t)sent;
        }
    }
    while (server->silent && recv(client, in, sizeof in, 0) > 0) continue;
    (void)close(client);
    return NULL;
}

static void serve_at(struct server *server) {
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    (void)unlink(path);
    memcpy(at.sun_path, path, strlen(path) + 1);
    server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(server->listener >= 0);
    assert_int_equal(bind(server->listener, (const struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(server->listener, 4), 0);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void serve_end(struct server *server) {
    assert_int_equal(pthread_join(server->thread, NULL), 0);
    (void)close(server->listener);
    (void)unlink(path);
}

static const struct command nop = { .opcode = OPCODE_NOP };

static int ask_one(const char *answer, struct control_answer *said, struct control **control) {
    struct server server = { .until = "\n", .answers = { answer } };
    serve_at(&server);
    assert_int_equal(control_open(path, TIMEOUT_MS, control), 0);
    int code = control_command(*control, &nop, said);
    serve_end(&server);
    return code;
}

static void an_answer_gives_events(void **state) {
    (void)state;
    struct control *control;
    struct control_answer answer;
    assert_int_equal(ask_one("{\"id\":1,\"command\":9,\"record\":30,\"events_total\":70,"
                             "\"events\":[{\"number\":5,\"kind\":\"SET\"}]}\n",
                             &answer, &control),
                     0);
    assert_int_equal(answer.command, 9);
    assert_int_equal(answer.record, 30);
    assert_int_equal(answer.events_total, 70);
    assert_int_equal(answer.event_count, 1);
    assert_int_equal(answer.events[0].kind, KIND_SET);
    control_close(control);
}

static void a_refusal_is_told_in_its_own_words(void **state) {
    (void)state;
    struct control *control;
    struct control_answer answer;
    assert_int_equal(ask_one("{\"id\":1,\"error\":{\"code\":\"not_allowed\",\"message\":\"no\","
                             "\"details\":{\"a\":1}}}\n",
                             &answer, &control),
                     -EREMOTEIO);
    assert_string_equal(control_refused(control)->code, "not_allowed");
    assert_string_equal(control_refused(control)->message, "no");
    assert_string_equal(control_refused(control)->details, "{\"a\":1}");
    assert_string_equal(err_text(), "no");
    control_close(control);
    assert_int_equal(ask_one("{\"id\":1,\"error\":7}\n", &answer, &control), -EREMOTEIO);
    assert_string_equal(control_refused(control)->code, "unknown");
    assert_string_equal(control_refused(control)->details, "{}");
    control_close(control);
}

static void what_is_no_answer_is_called_so(void **state) {
    (void)state;
    static const char *const bad[] = {
        "hello\n",
        "\n",
        "{\"id\":2}\n", /* another's */
        "{\"id\":\"1\"}\n",
        "{\"id\":1}\n",
        "{\"id\":1,\"command\":1,\"record\":1,\"events_total\":1,\"events\":[]}\n",
        "{\"id\":1,\"command\":1,\"record\":1,\"events_total\":0,\"events\":[{}]}\n",
        "{\"id\":1,\"command\":1,\"record\":1,\"events_total\":1,\"events\":[{\"wings\":1}]}\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct control *control;
        struct control_answer answer;
        int code = ask_one(bad[i], &answer, &control);
        if (code != -EPROTO) fail_msg("%d for %s", code, bad[i]);
        control_close(control);
    }
}

static void an_answer_without_an_end_is_bounded(void **state) {
    (void)state;
    struct control *control;
    struct control_answer answer;
    char *long_one = malloc(ANSWER_BYTES + 1);
    assert_non_null(long_one);
    memset(long_one, ' ', ANSWER_BYTES);
    long_one[ANSWER_BYTES] = 0;
    struct server server = { .until = "\n", .answers = { long_one } };
    serve_at(&server);
    assert_int_equal(control_open(path, TIMEOUT_MS, &control), 0);
    assert_int_equal(control_command(control, &nop, &answer), -EPROTO);
    assert_non_null(strstr(err_text(), "more than"));
    control_close(control);
    serve_end(&server);
    free(long_one);
}

static void silence_ends_in_time(void **state) {
    (void)state;
    struct control *control;
    struct control_answer answer;
    struct server server = { .until = "\n", .silent = true };
    serve_at(&server);
    assert_int_equal(control_open(path, SHORT_MS, &control), 0);
    uint64_t from_ns = clock_monotonic_ns();
    assert_int_equal(control_command(control, &nop, &answer), -ETIMEDOUT);
    uint64_t took_ms = (clock_monotonic_ns() - from_ns) / 1000000;
    assert_true(took_ms >= SHORT_MS && took_ms < 10000);
    control_close(control);
    serve_end(&server);
}

static void hanging_up_and_nobody_there_are_told_apart(void **state) {
    (void)state;
    struct control *control;
    struct control_answer answer;
    struct server server = { .until = "\n" }; /* closes at once */
    serve_at(&server);
    assert_int_equal(control_open(path, TIMEOUT_MS, &control), 0);
    int code = control_command(control, &nop, &answer);
    assert_true(code == -ECONNRESET || code == -EPIPE);
    serve_end(&server);
    assert_int_equal(control_command(control, &nop, &answer), -ENOENT);
    assert_non_null(strstr(err_text(), "is down"));
    control_close(control);
    char long_path[200];
    memset(long_path, 'a', sizeof long_path);
    long_path[108] = 0; /* one more than a socket's path may have */
    assert_int_equal(control_open(long_path, TIMEOUT_MS, &control), -ENAMETOOLONG);
    long_path[107] = 0;
    assert_int_equal(control_open(long_path, TIMEOUT_MS, &control), 0);
    control_close(control);
}

/* ---- The office ---- */

static int get_one(const char *answer, uint32_t timeout_ms, struct control_office **office,
                   json_t **json) {
    struct server server = { .until = "\r\n\r\n", .answers = { answer }, .silent = answer == NULL };
    serve_at(&server);
    assert_int_equal(control_office_open(path, timeout_ms, office), 0);
    int code = control_office_get(*office, "/api/v1/status", json);
    if (answer == NULL) {
        control_office_close(*office);
        *office = NULL;
    }
    serve_end(&server);
    return code;
}

static void the_office_answers_over_http(void **state) {
    (void)state;
    struct control_office *office;
    json_t *json;
    assert_int_equal(get_one("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{\"a\": 1}", TIMEOUT_MS,
                             &office, &json),
                     0);
    assert_int_equal(control_office_status(office), 200);
    assert_int_equal(json_integer_value(json_object_get(json, "a")), 1);
    json_decref(json);
    control_office_close(office);
    assert_int_equal(get_one("HTTP/1.1 404 Not Found\r\nContent-Length: 45\r\n\r\n"
                             "{\"code\":\"unknown_order\",\"message\":\"no order\"}",
                             TIMEOUT_MS, &office, &json),
                     -EREMOTEIO);
    assert_int_equal(control_office_status(office), 404);
    assert_string_equal(control_office_refused(office)->code, "unknown_order");
    control_office_close(office);
    assert_int_equal(
        get_one("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", TIMEOUT_MS, &office, &json),
        -EPROTO);
    control_office_close(office);
    assert_int_equal(get_one("nonsense\r\n\r\n", TIMEOUT_MS, &office, &json), -EIO);
    control_office_close(office);
    assert_int_equal(get_one(NULL, SHORT_MS, &office, &json), -ETIMEDOUT);
}

static void an_office_that_is_down_is_called_so(void **state) {
    (void)state;
    struct control_office *office;
    json_t *json;
    assert_int_equal(control_office_open(path, TIMEOUT_MS, &office), 0);
    assert_int_equal(control_office_get(office, "/api/v1/status", &json), -ECONNREFUSED);
    assert_non_null(strstr(err_text(), "the office is down"));
    control_office_close(office);
}

static int make_directory(void **state) {
    (void)state;
    if (mkdtemp(directory) == NULL) return -1;
    (void)snprintf(path, sizeof path, "%s/socket", directory);
    return 0;
}

static int remove_directory(void **state) {
    (void)state;
    (void)unlink(path);
    return rmdir(directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_gives_events),
        cmocka_unit_test(a_refusal_is_told_in_its_own_words),
        cmocka_unit_test(what_is_no_answer_is_called_so),
        cmocka_unit_test(an_answer_without_an_end_is_bounded),
        cmocka_unit_test(silence_ends_in_time),
        cmocka_unit_test(hanging_up_and_nobody_there_are_told_apart),
        cmocka_unit_test(the_office_answers_over_http),
        cmocka_unit_test(an_office_that_is_down_is_called_so),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
