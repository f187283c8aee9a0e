#define _GNU_SOURCE /* pipe2 */
#include "tests/fault/venue.h"
#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/base/err.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const char head_yaml[] = "gateway:\n"
                                "  listen: %s\n"
                                "  port: 0\n"
                                "  durability: %s\n"
                                "  journal: %s\n"
                                "  card: %s\n"
                                "  card_socket: %s\n";
static const char symbol_yaml[] =
    "  - { name: VEN%02u, base: \"90.00\", tick: \"0.01\", lot: 1, reference: "
    "\"100.40\", collar: 3000, state: open }\n";
static const char account_yaml[] =
    "  - { name: account%u, firm: firm%u, currency: USD, order_quantity: %d, order_notional: "
    "\"1000000\",\n"
    "      buying_power: \"900000000000\", long: 1000000000000, short: 1000000000000, locate: "
    "1000000000000 }\n";
static const char session_yaml[] =
    "  - { username: c%03u, password: secret%03u, firm: firm%u, account: "
    "account%u, cancel_on_disconnect: %s }\n";

static void path_in(const struct venue *venue, const char *name, char path[VENUE_PATH_BYTES]) {
    int bytes = snprintf(path, VENUE_PATH_BYTES, "%s/%s", venue->settings.directory, name);
    CHECK(bytes > 0);
    CHECK(bytes < VENUE_PATH_BYTES);
}

bool venue_withdraws(const struct venue *venue, uint32_t session) {
    return venue->settings.withdraws && session % 2 == 1;
}

void venue_login(uint32_t session, struct soup_login *login) {
    (void)snprintf(login->username, sizeof login->username, "c%03u", session % 1000 + 1);
    (void)snprintf(login->password, sizeof login->password, "secret%03u", session % 1000 + 1);
}

void venue_symbol(uint32_t symbol, char name[9]) {
    (void)snprintf(name, 9, "VEN%02u", symbol % 100);
}

static const char *address_of(const struct venue_settings *settings) {
    return settings->address != NULL ? settings->address : "127.0.0.1";
}

int venue_open(struct venue *venue, const struct venue_settings *settings) {
    CHECK(settings->sessions >= 1);
    CHECK(settings->sessions <= VENUE_SESSIONS_MAX);
    *venue = (struct venue){ .settings = *settings, .output = -1 };
    path_in(venue, "venue.yaml", venue->config);
    path_in(venue, "journal", venue->journal);
    path_in(venue, "gateway.log", venue->log);
    path_in(venue, "gateway.json", venue->json);
    path_in(venue, "card.socket", venue->card_socket);
    FILE *file = fopen(venue->config, "w");
    if (file == NULL) return err_set(-errno, "%s: %s", venue->config, strerror(errno));
    (void)fprintf(file, head_yaml, address_of(settings), settings->asynchronous ? "async" : "sync",
                  venue->journal, settings->card, venue->card_socket);
    if (settings->journal_file != 0)
        (void)fprintf(file, "  journal_file: %llu\n", (unsigned long long)settings->journal_file);
    (void)fputs("symbols:\n", file);
    for (unsigned i = 0; i < VENUE_SYMBOLS; i++) (void)fprintf(file, symbol_yaml, i);
    (void)fputs("firms:\n", file);
    for (unsigned i = 0; i < VENUE_FIRMS; i++)
        (void)fprintf(file, "  - { name: firm%u, ouch_firm: F%u }\n", i, i);
    (void)fputs("accounts:\n", file);
    for (unsigned i = 0; i < VENUE_FIRMS; i++)
        (void)fprintf(file, account_yaml, i, i, VENUE_QUANTITY_MAX);
    (void)fputs("sessions:\n", file);
    for (unsigned i = 0; i < settings->sessions; i++)
        (void)fprintf(file, session_yaml, i + 1, i + 1, i % VENUE_FIRMS, i % VENUE_FIRMS,
                      venue_withdraws(venue, i) ? "true" : "false");
    if (fclose(file) != 0) return err_set(-errno, "%s: %s", venue->config, strerror(errno));
    return 0;
}

/* What the gateway's process does before it is the gateway. It ends with whoever started it. */
static _Noreturn void become_gateway(const struct venue *venue, int output, pid_t parent) {
    const struct venue_settings *settings = &venue->settings;
    enum { ARGUMENTS_MAX = 24 };
    const char *arguments[ARGUMENTS_MAX] = { settings->program, "--config", venue->config, "--json",
                                             venue->json };
    for (size_t i = 0; settings->arguments != NULL && settings->arguments[i] != NULL; i++) {
        CHECK(i + 6 < ARGUMENTS_MAX);
        arguments[i + 5] = settings->arguments[i];
    }
    int log = open(venue->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    bool fit = log >= 0 && dup2(output, STDOUT_FILENO) >= 0 && dup2(log, STDERR_FILENO) >= 0 &&
               prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
    if (fit && settings->enter != NULL) fit = settings->enter() == 0;
    if (fit) (void)execv(settings->program, (char *const *)(uintptr_t)arguments);
    _exit(9);
}

int venue_spawn(struct venue *venue) {
    CHECK(venue->pid == 0);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return err_set(-errno, "pipe: %s", strerror(errno));
    pid_t parent = getpid();
    venue->port = 0;
    venue->pid = fork();
    if (venue->pid == 0) become_gateway(venue, ends[1], parent);
    (void)close(ends[1]);
    venue->output = ends[0];
    if (venue->pid > 0) return 0;
    (void)close(ends[0]);
    venue->pid = 0;
    venue->output = -1;
    return err_set(-errno, "fork: %s", strerror(errno));
}

/* Reads what a process prints until its first line is there. Returns 0, -ETIMEDOUT, or -ECHILD when
   it has ended. */
static int line_read(int output, char *line, size_t room, int timeout_ms) {
    size_t used = 0;
    uint64_t until_ns = clock_monotonic_ns() + (uint64_t)timeout_ms * 1000000;
    while (memchr(line, '\n', used) == NULL && used < room - 1) {
        uint64_t now_ns = clock_monotonic_ns();
        struct pollfd ready = { .fd = output, .events = POLLIN };
        int left_ms = now_ns < until_ns ? (int)((until_ns - now_ns) / 1000000) + 1 : 0;
        if (poll(&ready, 1, left_ms) == 0 && now_ns >= until_ns) return -ETIMEDOUT;
        if (ready.revents == 0) continue;
        ssize_t count = read(output, line + used, room - 1 - used);
        if (count <= 0) return -ECHILD;
        used += (size_t)count;
    }
    line[used] = 0;
    return 0;
}

static void output_close(struct venue *venue) {
    if (venue->output >= 0) (void)close(venue->output);
    venue->output = -1;
}

int venue_ready(struct venue *venue, int timeout_ms) {
    char line[128];
    int code = line_read(venue->output, line, sizeof line, timeout_ms);
    if (code == -ETIMEDOUT)
        return err_set(code, "%s does not listen after %d ms; see %s", venue->settings.program,
                       timeout_ms, venue->log);
    if (code != 0)
        return err_set(code, "%s ended before it listened; see %s", venue->settings.program,
                       venue->log);
    unsigned port = 0;
    if (sscanf(line, "listening on %*[0-9.]:%u", &port) != 1 || port > UINT16_MAX)
        return err_set(-EPROTO, "%s said \"%s\", not where it listens", venue->settings.program,
                       line);
    venue->port = (uint16_t)port;
    return 0;
}

int venue_wait(struct venue *venue) {
    int status = 0;
    CHECK(venue->pid > 0);
    while (waitpid(venue->pid, &status, 0) != venue->pid) CHECK(errno == EINTR);
    venue->pid = 0;
    output_close(venue);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

void venue_kill(struct venue *venue) {
    CHECK(venue->pid > 0);
    CHECK(kill(venue->pid, SIGKILL) == 0);
    (void)venue_wait(venue);
}

int venue_stop(struct venue *venue) {
    CHECK(venue->pid > 0);
    CHECK(kill(venue->pid, SIGTERM) == 0);
    return venue_wait(venue);
}

/* ---- The card's process ---- */

int venue_card_start(struct venue *venue) {
    enum { CARD_READY_MS = 30000 };
    const char *program = venue->settings.card_program;
    char line[VENUE_PATH_BYTES + 64];
    int ends[2];
    CHECK(venue->card_pid == 0);
    if (pipe2(ends, O_CLOEXEC) != 0) return err_set(-errno, "pipe: %s", strerror(errno));
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        int log = open(venue->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        if (log >= 0 && dup2(ends[1], STDOUT_FILENO) >= 0 && dup2(log, STDERR_FILENO) >= 0 &&
            prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent)
            (void)execl(program, program, "--socket", venue->card_socket, (char *)NULL);
        _exit(9);
    }
    (void)close(ends[1]);
    int code = pid < 0 ? -errno : line_read(ends[0], line, sizeof line, CARD_READY_MS);
    (void)close(ends[0]);
    if (pid > 0) venue->card_pid = pid;
    return code == 0 ? 0 : err_set(code, "%s does not come up: %s", program, strerror(-code));
}

void venue_card_kill(struct venue *venue) {
    CHECK(venue->card_pid > 0);
    CHECK(kill(venue->card_pid, SIGKILL) == 0);
    while (waitpid(venue->card_pid, NULL, 0) != venue->card_pid) CHECK(errno == EINTR);
    venue->card_pid = 0;
}

bool venue_log_says(const struct venue *venue, const char *words) {
    char line[2048];
    bool found = false;
    FILE *file = fopen(venue->log, "r");
    if (file == NULL) return false;
    while (!found && fgets(line, sizeof line, file) != NULL) found = strstr(line, words) != NULL;
    (void)fclose(file);
    return found;
}
