/* test_loss: orders over a wire that loses frames both ways, past the kernel: every stream is right
 * whatever is lost, and what came of the flow is what comes of it without a loss. */
#include "host/base/clock.h"
#include "tests/e2e/net.h"
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_BYTES = 128 };

static char folder[64]; /* of this process: two runs do not meet */

static pid_t gateway;

static const char *program(void) {
    const char *path = getenv("WIREPIT_GATEWAY");
    return path != NULL ? path : "build/plain/wirepit-gateway";
}

static const char *path_in(char path[PATH_BYTES], const char *name) {
    (void)snprintf(path, PATH_BYTES, "%s/%s", folder, name);
    return path;
}

static unsigned start(void) {
    int out[2];
    char line[128] = "", command[512];
    unsigned port = 0;
    (void)snprintf(command, sizeof command,
                   "rm -rf %s && mkdir -p %s && sed 's/durability: sync /durability: async /' "
                   "host/package/wirepit.yaml >%s/wirepit.yaml",
                   folder, folder, folder);
    assert_int_equal(system(command), 0);
    assert_int_equal(pipe(out), 0);
    gateway = fork();
    assert_true(gateway >= 0);
    if (gateway == 0) {
        char config[PATH_BYTES], journal[PATH_BYTES], json[PATH_BYTES], log[PATH_BYTES];
        const char *arguments[12 + NET_ARGUMENTS_MAX] = { program(),
                                                          "--config",
                                                          path_in(config, "wirepit.yaml"),
                                                          "--card",
                                                          "soft",
                                                          "--port",
                                                          "0",
                                                          "--journal",
                                                          path_in(journal, "journal"),
                                                          "--json",
                                                          path_in(json, "gateway.json") };
        int errors = open(path_in(log, "log"), O_WRONLY | O_CREAT | O_APPEND, 0644);
        for (int i = 0; i < NET_ARGUMENTS_MAX; i++) arguments[11 + i] = net_arguments()[i];
        if (net_gateway_side() != 0 || errors < 0 || dup2(out[1], STDOUT_FILENO) < 0 ||
            dup2(errors, STDERR_FILENO) < 0)
            _exit(9);
        (void)execv(program(), (char **)(uintptr_t)arguments);
        _exit(9);
    }
    (void)close(out[1]);
    FILE *stream = fdopen(out[0], "r");
    assert_non_null(stream);
    if (fgets(line, sizeof line, stream) == NULL ||
        sscanf(line, "listening on %*[0-9.]:%u", &port) != 1)
        fail_msg("%s does not come up, see %s/log", program(), folder);
    assert_int_equal(fclose(stream), 0);
    return port;
}

static void stop(void) {
    int status = 0;
    assert_int_equal(kill(gateway, SIGTERM), 0);
    assert_int_equal(waitpid(gateway, &status, 0), gateway);
    gateway = 0;
    assert_int_equal(status, 0);
}

static int tear_down(void **state) {
    (void)state;
    if (gateway > 0) {
        (void)kill(gateway, SIGKILL);
        (void)waitpid(gateway, NULL, 0);
    }
    return 0;
}

struct result {
    json_int_t orders, accepted, rejected, fills, shares, canceled, replaced;
};

/* One client, so that the order of requests, and with it every fill, is the flow's; and a small
   window, so that there are many frames to lose. */
static struct result play(uint32_t per_100000, uint32_t rows) {
    char command[512], path[PATH_BYTES];
    struct result result;
    json_error_t fault;
    unsigned port = start();
    uint64_t lost = net_lost(), from_ns = clock_monotonic_ns();
    net_lose(per_100000);
    (void)snprintf(
        command, sizeof command,
        "build/plain/wirepit-replay --host %s --port %u --flow day --rows %u --clients 1 "
        "--window 4 --json %s/replay.json >%s/replay",
        net_address(), port, rows, folder, folder);
    assert_int_equal(system(command), 0);
    print_message("%u of 100,000: %" PRIu64 " frames lost, %" PRIu64 " ms\n", per_100000,
                  net_lost() - lost, (clock_monotonic_ns() - from_ns) / 1000000);
    if (per_100000 >= 1000) assert_true(net_lost() > lost); /* else there may be none */
    net_lose(0);
    stop();
    json_t *json = json_load_file(path_in(path, "replay.json"), 0, &fault);
    assert_non_null(json);
    assert_int_equal(json_unpack(json, "{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "orders",
                                 &result.orders, "accepted", &result.accepted, "rejected",
                                 &result.rejected, "fills", &result.fills, "shares", &result.shares,
                                 "canceled", &result.canceled, "replaced", &result.replaced),
                     0);
    json_decref(json);
    json = json_load_file(path_in(path, "gateway.json"), 0, &fault);
    assert_non_null(json);
    assert_true(json_is_true(json_object_get(json, "journal_verified")));
    json_t *network = json_object_get(json, "network");
    assert_string_equal(json_string_value(json_object_get(json, "transport")), "lwip");
    assert_string_equal(json_string_value(json_object_get(json, "port")), net_port());
    assert_int_equal(json_integer_value(json_object_get(network, "accepted")), 1);
    assert_true(json_integer_value(json_object_get(network, "received")) > rows / 4);
    assert_int_equal(json_integer_value(json_object_get(network, "checksum_wrong")), 0);
    assert_int_equal(json_is_object(json_object_get(json, "steer")),
                     strcmp(net_port(), "af_xdp") == 0);
    json_decref(json);
    return result;
}

static void losses_change_nothing_but_the_time(void **state) {
    enum { ROWS = 8000 };
    (void)state;
    struct result whole = play(0, ROWS), some = play(100, ROWS), many = play(1000, ROWS);
    assert_true(whole.orders > ROWS / 3 && whole.fills > 0);
    assert_memory_equal(&some, &whole, sizeof whole);
    assert_memory_equal(&many, &whole, sizeof whole);
    char command[PATH_BYTES];
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test_teardown(
        losses_change_nothing_but_the_time, tear_down) };
    const char *text = getenv("SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 1;
    if (getenv("WIREPIT_PORT") == NULL) (void)setenv("WIREPIT_PORT", "af_packet", 1);
    (void)snprintf(folder, sizeof folder, "build/e2e/loss_%d", getpid());
    print_message("seed %" PRIu64 "\n", seed);
    if (!net_enter_lossy(seed)) return 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
