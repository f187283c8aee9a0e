/* test_report: the figures of a replay and of its gateway become one summary, or say why not. */
#include "host/base/err.h"
#include "host/client/report.h"
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/test_report.XXXXXX";
static char replay_path[64], gateway_path[64], summary_path[64];

static int make_folder(void **state) {
    (void)state;
    if (mkdtemp(folder) == NULL) return -1;
    (void)snprintf(replay_path, sizeof replay_path, "%s/replay.json", folder);
    (void)snprintf(gateway_path, sizeof gateway_path, "%s/gateway.json", folder);
    (void)snprintf(summary_path, sizeof summary_path, "%s/summary.json", folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    (void)unlink(replay_path);
    (void)unlink(gateway_path);
    (void)unlink(summary_path);
    return rmdir(folder);
}

#define TIMES "{\"p50\": 1500, \"p99\": 2, \"p999\": 3, \"max\": 20000000}"

static const char good[] =
    "{\"card\": \"sim\", \"transport\": \"lwip\", \"port\": \"af_xdp\", \"commands\": 10, "
    "\"events\": 20,"
    " \"lockstep_differences\": 0, \"journal_verified\": true,"
    " \"journal_records\": 1234567, \"clocks\": " TIMES ", \"gateway_ns\": " TIMES
    ", \"flush_ns\": " TIMES ", \"rejects\": {\"OUTSIDE_BAND\": 3}, \"sessions\": 4}";

static void write_text(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) != EOF);
    assert_int_equal(fclose(file), 0);
}

static void write_replay(void) {
    static struct replay_result result;
    memset(&result, 0, sizeof result);
    result.counts.orders = 3000;
    result.counts.accepted = 2997;
    result.counts.rejected = 3;
    result.counts.rejects[OUCH_REJECT_INVALID_PRICE] = 2;
    result.counts.rejects[0] = 1;
    result.counts.fills = 40;
    result.counts.makers_named = 1000;
    result.counts.makers_right = 979;
    result.messages = 3000;
    result.elapsed_ns = UINT64_C(1500000000);
    for (uint64_t i = 1; i <= 60; i++) histogram_add(&result.counts.rtt, i);
    struct report_run run = { .flow = "day", .pace = "flat", .clients = 4 };
    assert_int_equal(report_replay_save(replay_path, &run, &result), 0);
}

/* merge gives what report_merge returns, and what it printed. */
static int merge(char *text, size_t bytes) {
    FILE *out = tmpfile();
    assert_non_null(out);
    int error = report_merge(replay_path, gateway_path, summary_path, out);
    rewind(out);
    text[fread(text, 1, bytes - 1, out)] = '\0';
    (void)fclose(out);
    return error;
}

static int64_t of(json_t *json, const char *name) {
    assert_true(json_is_integer(json_object_get(json, name)));
    return json_integer_value(json_object_get(json, name));
}

static void both_sides_make_a_summary(void **state) {
    (void)state;
    char text[8192];
    write_replay();
    write_text(gateway_path, good);
    if (merge(text, sizeof text) != 0) fail_msg("%s", err_text());
    json_t *json = json_load_file(summary_path, 0, NULL);
    assert_non_null(json);
    assert_int_equal(of(json, "orders"), 3000);
    assert_int_equal(of(json, "accepted"), 2997);
    assert_int_equal(of(json, "rejected"), 3);
    assert_int_equal(of(json, "fills"), 40);
    assert_int_equal(of(json, "canceled"), 0);
    assert_int_equal(of(json, "lockstep_differences"), 0);
    assert_int_equal(of(json, "messages_per_second"), 2000);
    assert_true(json_is_true(json_object_get(json, "journal_verified")));
    assert_string_equal(json_string_value(json_object_get(json, "card")), "sim");
    assert_string_equal(json_string_value(json_object_get(json, "transport")), "lwip");
    assert_string_equal(json_string_value(json_object_get(json, "port")), "af_xdp");
    double share = json_real_value(json_object_get(json, "makers_right_share"));
    assert_true(share >= 0.979 && share < 0.97901);
    json_t *rtt = json_object_get(json, "rtt_ns");
    assert_int_equal(of(rtt, "p50"), 30);
    assert_int_equal(of(rtt, "p99"), 60);
    assert_int_equal(of(rtt, "p999"), 60);
    assert_int_equal(of(rtt, "max"), 60);
    assert_int_equal(of(json_object_get(json, "clocks"), "p50"), 1500);
    json_t *rejects = json_object_get(json, "rejects");
    assert_int_equal(of(rejects, "INVALID_PRICE"), 2);
    assert_int_equal(of(rejects, "unknown code"), 1);
    json_decref(json);
    static const char *const said[] = { "1,234,567", "invalid price", "97.90 %", "verified",
                                        "1500 ns",   "20.0 ms",       "3,000" };
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        if (strstr(text, said[i]) == NULL) fail_msg("\"%s\" is not in:\n%s", said[i], text);
}

/* spoil writes the gateway's file with one text for another. */
static void spoil(const char *from, const char *to) {
    char text[2048];
    const char *at = strstr(good, from);
    assert_non_null(at);
    (void)snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
    write_text(gateway_path, text);
}

static void what_became_of_the_frames_is_one_line(void **state) {
    (void)state;
    static const struct {
        const char *steer, *says;
    } row[] = {
        { "{\"steered_tcp\": 1200, \"steered_arp\": 34, \"passed\": 5, \"passed_no_socket\": 1, "
          "\"dropped_denied\": 1000, \"dropped_rate\": 0, \"dropped_syn_all\": 7}",
          "frames: 1,234 steered, 6 passed, 1,007 dropped (denied 1,000, syn all 7)\n" },
        { "{\"steered_tcp\": 1, \"dropped_rate\": 0}", "frames: 1 steered, 0 passed, 0 dropped\n" },
    };
    char text[8192], with[256];
    write_replay();
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        (void)snprintf(with, sizeof with, "{\"steer\": %s, \"card\"", row[i].steer);
        spoil("{\"card\"", with);
        if (merge(text, sizeof text) != 0) fail_msg("%s", err_text());
        if (strstr(text, row[i].says) == NULL) fail_msg("not \"%s\":\n%s", row[i].says, text);
        json_t *json = json_load_file(summary_path, 0, NULL);
        assert_int_equal(of(json_object_get(json, "steer"), "dropped_rate"), 0);
        json_decref(json);
    }
    write_text(gateway_path, good);
    assert_int_equal(merge(text, sizeof text), 0);
    assert_null(strstr(text, "frames: ")); /* nobody steers */
}

static void bad_news_is_written_and_fails(void **state) {
    (void)state;
    char text[8192];
    write_replay();
    spoil("\"lockstep_differences\": 0", "\"lockstep_differences\": 1");
    assert_int_equal(merge(text, sizeof text), -EPROTO);
    assert_non_null(strstr(err_text(), "differ"));
    assert_int_equal(access(summary_path, R_OK), 0);
    spoil("\"journal_verified\": true", "\"journal_verified\": false");
    assert_int_equal(merge(text, sizeof text), -EPROTO);
    assert_non_null(strstr(err_text(), "not verified"));
    assert_non_null(strstr(text, "NOT VERIFIED"));
}

static void a_file_that_is_not_what_it_should_be_is_named(void **state) {
    (void)state;
    static const struct {
        const char *from, *to, *says;
    } row[] = {
        { "\"card\": \"sim\",", "", "\"card\" is missing" },
        { "\"commands\": 10", "\"commands\": \"10\"", "\"commands\" has the wrong type" },
        { "\"p99\": 2", "\"p99\": 2.5", "\"clocks\" has no integer \"p99\"" },
        { "true", "1", "\"journal_verified\" is not true or false" },
        { "}", "", "gateway.json:1:" },
    };
    char text[8192];
    write_replay();
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        spoil(row[i].from, row[i].to);
        assert_int_equal(merge(text, sizeof text), -EBADMSG);
        if (strstr(err_text(), row[i].says) == NULL) fail_msg("row %zu: %s", i, err_text());
    }
    write_text(gateway_path, "[1]");
    assert_int_equal(merge(text, sizeof text), -EBADMSG);
    assert_non_null(strstr(err_text(), "not a JSON object"));
    assert_int_equal(unlink(gateway_path), 0);
    assert_int_equal(merge(text, sizeof text), -EBADMSG);
    assert_non_null(strstr(err_text(), "gateway.json"));
}

static void a_flow_that_names_no_makers_has_no_share(void **state) {
    (void)state;
    static struct replay_result result;
    struct report_run run = { .flow = "day", .pace = "flat", .clients = 1 };
    assert_int_equal(report_replay_save(replay_path, &run, &result), 0);
    json_t *json = json_load_file(replay_path, 0, NULL);
    assert_true(json_is_null(json_object_get(json, "makers_right_share")));
    assert_int_equal(of(json, "messages_per_second"), 0);
    json_decref(json);
}

static void a_file_that_cannot_be_written_is_named(void **state) {
    (void)state;
    static struct replay_result result;
    struct report_run run = { .flow = "day", .pace = "flat", .clients = 1 };
    assert_int_equal(report_replay_save("/nonexistent/x.json", &run, &result), -ENOENT);
    assert_non_null(strstr(err_text(), "/nonexistent/x.json"));
    assert_int_equal(report_replay_save("/dev/full", &run, &result), -EIO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_make_a_summary),
        cmocka_unit_test(what_became_of_the_frames_is_one_line),
        cmocka_unit_test(bad_news_is_written_and_fails),
        cmocka_unit_test(a_file_that_is_not_what_it_should_be_is_named),
        cmocka_unit_test(a_flow_that_names_no_makers_has_no_share),
        cmocka_unit_test(a_file_that_cannot_be_written_is_named),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
