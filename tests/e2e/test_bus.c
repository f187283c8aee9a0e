/* test_bus: gateway and card as two processes, and what happens when one of them dies or stops
 * under load. The programs are those beside the path in WIREPIT_GATEWAY, else in build/plain. */
#include "host/base/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATH_BYTES = 256, ARGUMENTS = 24 };
#define SECOND_NS UINT64_C(1000000000)

static char programs[PATH_BYTES], directory[64];
static pid_t card, gateway, client;
static unsigned port;

/* ---- Programs ---- */

static void path_in(char path[PATH_BYTES], const char *in, const char *name) {
    int written = snprintf(path, PATH_BYTES, "%s/%s", in, name);
    assert_true(written > 0 && written < PATH_BYTES);
}

/* Starts a program with its output in <directory>/<name>.out and what it logs in <name>.log. */
static pid_t run(const char *name, const char *const *arguments) {
    char program[PATH_BYTES], out[PATH_BYTES], log[PATH_BYTES], short_name[64];
    const char *list[ARGUMENTS] = { program };
    path_in(program, programs, name);
    (void)snprintf(short_name, sizeof short_name, "%s.out", name);
    path_in(out, directory, short_name);
    (void)snprintf(short_name, sizeof short_name, "%s.log", name);
    path_in(log, directory, short_name);
    for (int i = 0; arguments[i] != NULL; i++) list[i + 1] = arguments[i];
    (void)unlink(out);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int output = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0644);
        int errors = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
        if (output < 0 || errors < 0 || dup2(output, STDOUT_FILENO) < 0 ||
            dup2(errors, STDERR_FILENO) < 0)
            _exit(9);
        (void)execv(program, (char *const *)list);
        _exit(9);
    }
    return pid;
}

/* The exit code, 1000 + the signal that ended it, or -1 when it still runs after within_ns. */
static int ended(pid_t *pid, uint64_t within_ns) {
    const uint64_t from_ns = clock_monotonic_ns();
    int status;
    while (waitpid(*pid, &status, WNOHANG) == 0) {
        if (clock_monotonic_ns() - from_ns > within_ns) return -1;
        (void)usleep(2000);
    }
    *pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void end(pid_t *pid) {
    assert_int_equal(kill(*pid, SIGKILL), 0);
    assert_int_equal(ended(pid, 5 * SECOND_NS), 1000 + SIGKILL);
}

static bool says(const char *file, const char *words) {
    char path[PATH_BYTES], line[4096];
    bool found = false;
    path_in(path, directory, file);
    FILE *stream = fopen(path, "r");
    while (stream != NULL && fgets(line, sizeof line, stream) != NULL)
        found |= strstr(line, words) != NULL;
    if (stream != NULL) (void)fclose(stream);
    return found;
}

/* Reads the port, once it is printed; false when the program ends before. */
static bool listening(pid_t *pid, const char *file) {
    char path[PATH_BYTES], line[256];
    path_in(path, directory, file);
    for (const uint64_t from_ns = clock_monotonic_ns();;) {
        FILE *stream = fopen(path, "r");
        const char *colon = NULL;
        if (stream != NULL && fgets(line, sizeof line, stream) != NULL) colon = strrchr(line, ':');
        const bool there = stream != NULL && strstr(line, "listening on") != NULL;
        if (stream != NULL) (void)fclose(stream);
        if (colon != NULL) port = (unsigned)strtoul(colon + 1, NULL, 10);
        if (there) return true;
        int status;
        if (waitpid(*pid, &status, WNOHANG) == *pid) {
            *pid = 0;
            return false;
        }
        assert_true(clock_monotonic_ns() - from_ns < 60 * SECOND_NS);
        (void)usleep(2000);
        line[0] = 0;
    }
}

static void card_start(void) {
    char at[PATH_BYTES];
    path_in(at, directory, "card.socket");
    card = run("wirepit-card", (const char *const[]){ "--socket", at, NULL });
    assert_true(listening(&card, "wirepit-card.out"));
}

static bool gateway_start(void) {
    char at[PATH_BYTES], journal[PATH_BYTES];
    path_in(at, directory, "card.socket");
    path_in(journal, directory, "journal");
    gateway = run("wirepit-gateway",
                  (const char *const[]){ "--config", "host/package/wirepit.yaml", "--card", "bus",
                                         "--card-socket", at, "--journal", journal, "--port", "0",
                                         "--transport", "kernel", NULL });
    return listening(&gateway, "wirepit-gateway.out");
}

static void gateway_stop(void) {
    assert_int_equal(kill(gateway, SIGTERM), 0);
    assert_int_equal(ended(&gateway, 30 * SECOND_NS), 0);
}

static void client_start(const char *rows) {
    char number[16];
    (void)snprintf(number, sizeof number, "%u", port);
    client = run("wirepit-replay", (const char *const[]){ "--port", number, "--flow", "day",
                                                          "--rows", rows, "--clients", "4", NULL });
}

static void client_forget(void) {
    (void)kill(client, SIGKILL);
    (void)ended(&client, 5 * SECOND_NS);
}

static void verify(void) {
    char journal[PATH_BYTES];
    path_in(journal, directory, "journal");
    pid_t pid =
        run("wirepit-gateway", (const char *const[]){ "--config", "host/package/wirepit.yaml",
                                                      "--journal", journal, "--verify", NULL });
    assert_int_equal(ended(&pid, 60 * SECOND_NS), 0);
    assert_true(says("wirepit-gateway.out", "whole and true"));
}

static int set_up(void **state) {
    static unsigned number;
    char command[PATH_BYTES + 64];
    (void)state;
    const char *program = getenv("WIREPIT_GATEWAY");
    (void)snprintf(command, sizeof command, "%s",
                   program != NULL ? program : "build/plain/wirepit-gateway");
    (void)snprintf(programs, sizeof programs, "%s", dirname(command));
    (void)snprintf(directory, sizeof directory, "build/e2e/bus_%02u", ++number);
    (void)snprintf(command, sizeof command, "rm -rf %s && mkdir -p %s", directory, directory);
    return system(command);
}

static int tear_down(void **state) {
    (void)state;
    pid_t *const all[] = { &client, &gateway, &card };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (*all[i] <= 0) continue;
        (void)kill(*all[i], SIGKILL);
        (void)waitpid(*all[i], NULL, 0);
        *all[i] = 0;
    }
    return 0;
}

/* ---- Tests ---- */

static void a_day_is_traded_through_the_cards_process(void **state) {
    (void)state;
    card_start();
    assert_true(gateway_start());
    client_start("5000");
    assert_int_equal(ended(&client, 60 * SECOND_NS), 0);
    gateway_stop();
    verify();
    assert_int_equal(kill(card, SIGTERM), 0);
    assert_int_equal(ended(&card, 5 * SECOND_NS), 0);
}

static void without_a_card_the_gateway_says_how_to_get_one(void **state) {
    (void)state;
    assert_false(gateway_start());
    assert_true(says("wirepit-gateway.log", "start the card: wirepit-card --socket"));
    card_start();
    assert_true(gateway_start());
    const pid_t first = gateway;
    assert_false(gateway_start());
    assert_true(says("wirepit-gateway.log", "another host has the card"));
    gateway = first;
    gateway_stop();
}

static void the_card_outlives_gateways_killed_under_load(void **state) {
    (void)state;
    card_start();
    for (unsigned life = 0; life < 3; life++) {
        assert_true(gateway_start());
        client_start("0");
        (void)usleep(200000 + 70000 * life);
        end(&gateway);
        client_forget();
    }
    assert_true(gateway_start());
    assert_true(says("wirepit-gateway.log", "commands replayed"));
    gateway_stop();
    verify();
}

static void the_gateway_says_that_the_card_died_and_goes_on_with_a_new_one(void **state) {
    (void)state;
    for (unsigned life = 0; life < 2; life++) {
        card_start();
        assert_true(gateway_start());
        client_start("0");
        (void)usleep(300000);
        if (life == 1) client_forget(); /* the second one dies while nothing happens */
        end(&card);
        assert_int_equal(ended(&gateway, 10 * SECOND_NS), 1);
        if (life == 0) client_forget();
        assert_true(says("wirepit-gateway.log", "its process has died"));
        verify();
    }
    card_start();
    assert_true(gateway_start());
    gateway_stop();
    verify();
}

/* What the gateway had said before it stopped goes on to be true: the closing is in the journal. */
static void a_gateway_that_stands_still_finds_its_gate_closed(void **state) {
    (void)state;
    card_start();
    assert_true(gateway_start());
    assert_int_equal(kill(gateway, SIGSTOP), 0);
    for (const uint64_t from_ns = clock_monotonic_ns();
         !says("wirepit-card.log", "the watchdog closes the gate");) {
        assert_true(clock_monotonic_ns() - from_ns < 20 * SECOND_NS);
        (void)usleep(10000);
    }
    assert_int_equal(kill(gateway, SIGCONT), 0);
    for (const uint64_t from_ns = clock_monotonic_ns();
         !says("wirepit-gateway.log", "the card has closed its gate");) {
        assert_true(clock_monotonic_ns() - from_ns < 5 * SECOND_NS);
        (void)usleep(10000);
    }
    gateway_stop();
    verify();
    assert_true(gateway_start()); /* it is replayed as it was */
    gateway_stop();
    verify();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_day_is_traded_through_the_cards_process, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(without_a_card_the_gateway_says_how_to_get_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_card_outlives_gateways_killed_under_load, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            the_gateway_says_that_the_card_died_and_goes_on_with_a_new_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_gateway_that_stands_still_finds_its_gate_closed, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests_name("bus end to end", tests, NULL, NULL);
}
