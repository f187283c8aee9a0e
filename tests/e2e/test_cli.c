/* test_cli: the command port and the wirepit tool as an operator meets them, beside clients who
 * trade, across restarts, and with neighbours on the port who misbehave. The programs are in the
 * directory WIREPIT_PROGRAMS, else build/plain. */
#include "host/base/clock.h"
#include "host/control/control.h"
#include "host/wire/soup.h"
#include "tests/unit/market.h"
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PRICE = 900100, WAIT_MS = 20000, PATH_BYTES = 256, OUTPUT_BYTES = 1 << 16 };

/* ---- The gateway ---- */

static struct {
    char directory[64], config[PATH_BYTES], journal[PATH_BYTES], socket[PATH_BYTES];
    pid_t pid;
    const char *card;
    uint16_t port;
} gateway;

static void path_in(char path[PATH_BYTES], const char *name) {
    (void)snprintf(path, PATH_BYTES, "%s/%s", gateway.directory, name);
}

static const char *program(const char *name) {
    static char path[PATH_BYTES];
    const char *directory = getenv("WIREPIT_PROGRAMS");
    (void)snprintf(path, sizeof path, "%s/%s", directory != NULL ? directory : "build/plain", name);
    return path;
}

/* Starts it on a command port; NULL is the one beside the journal. 0 when it does not come up. */
static uint16_t try_start(const char *control) {
    int out[2];
    char log[PATH_BYTES], line[128] = "";
    path_in(log, "log");
    assert_int_equal(pipe(out), 0);
    gateway.pid = fork();
    assert_true(gateway.pid >= 0);
    if (gateway.pid == 0) {
        int errors = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
        if (errors < 0 || dup2(out[1], STDOUT_FILENO) < 0 || dup2(errors, STDERR_FILENO) < 0)
            _exit(9);
        (void)close(out[0]);
        (void)close(out[1]);
        (void)execl(program("wirepit-gateway"), "wirepit-gateway", "--config", gateway.config,
                    "--card", gateway.card, "--journal", gateway.journal, "--port", "0",
                    control != NULL ? "--control" : (char *)NULL, control, (char *)NULL);
        _exit(9);
    }
    (void)close(out[1]);
    FILE *stream = fdopen(out[0], "r");
    assert_non_null(stream);
    if (fgets(line, sizeof line, stream) == NULL) line[0] = 0;
    assert_int_equal(fclose(stream), 0);
    unsigned port = 0;
    if (sscanf(line, "listening on 127.0.0.1:%u", &port) != 1) return 0;
    return (uint16_t)port;
}

static void start(void) {
    gateway.port = try_start(NULL);
    if (gateway.port == 0) fail_msg("the gateway does not come up, see %s/log", gateway.directory);
}

static int end(int signal) {
    int status = 0;
    assert_int_equal(kill(gateway.pid, signal), 0);
    assert_int_equal(waitpid(gateway.pid, &status, 0), gateway.pid);
    gateway.pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static int set_up(void **state) {
    static unsigned number;
    char command[PATH_BYTES];
    (void)state;
    (void)snprintf(gateway.directory, sizeof gateway.directory, "build/e2e/cli_%02u", ++number);
    (void)snprintf(command, sizeof command, "rm -rf %s && mkdir -p %s", gateway.directory,
                   gateway.directory);
    assert_int_equal(system(command), 0);
    gateway.card = "soft";
    path_in(gateway.config, "market.yaml");
    path_in(gateway.journal, "journal");
    path_in(gateway.socket, "gateway.socket");
    FILE *file = fopen(gateway.config, "w");
    assert_non_null(file);
    (void)fputs(market_yaml, file);
    assert_int_equal(fclose(file), 0);
    return 0;
}

static pid_t bystander; /* a process that is none of the programs; 0 for none */

static int tear_down(void **state) {
    (void)state;
    if (gateway.pid > 0) (void)end(SIGKILL);
    if (bystander > 0) {
        (void)kill(bystander, SIGKILL);
        (void)waitpid(bystander, NULL, 0);
        bystander = 0;
    }
    return 0;
}

/* ---- The tool ---- */

static char output[OUTPUT_BYTES];

/* Runs the tool with these words; its exit code, and what it said in output. */
static int wirepit(const char *words) {
    char command[1024];
    (void)snprintf(command, sizeof command, "%s --dir %s %s 2>&1", program("wirepit"),
                   gateway.directory, words);
    FILE *stream = popen(command, "r");
    assert_non_null(stream);
    size_t used = fread(output, 1, sizeof output - 1, stream);
    output[used] = 0;
    int status = pclose(stream);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void says(const char *words) {
    if (strstr(output, words) == NULL) fail_msg("\"%s\" is not in:\n%s", words, output);
}

static json_t *wirepit_json(const char *words) {
    assert_int_equal(wirepit(words), 0);
    json_t *json = json_loads(output, 0, NULL);
    if (json == NULL) fail_msg("%s says no JSON:\n%s", words, output);
    return json;
}

/* ---- Clients ---- */

struct client {
    int socket;
    size_t used;
    uint8_t bytes[SOUP_FRAME_BYTES_MAX];
    struct ouch_message message;
};

static struct client alice, bob;

/* Waits for a frame of a type and takes it. */
static void frame(struct client *client, uint8_t type, struct soup_packet *packet) {
    static uint8_t taken[SOUP_FRAME_BYTES_MAX];
    for (;;) {
        int bytes = soup_parse(client->bytes, client->used, SOUP_FROM_SERVER,
                               SOUP_PAYLOAD_BYTES_MAX, packet);
        assert_true(bytes >= 0);
        if (bytes > 0) {
            memcpy(taken, client->bytes, (size_t)bytes);
            packet->payload = taken + SOUP_HEADER_BYTES;
            client->used -= (size_t)bytes;
            memmove(client->bytes, client->bytes + bytes, client->used);
            if (packet->type == SOUP_SERVER_HEARTBEAT) continue;
            assert_int_equal(packet->type, type);
            return;
        }
        struct pollfd ready = { .fd = client->socket, .events = POLLIN };
        assert_int_equal(poll(&ready, 1, WAIT_MS), 1);
        ssize_t count = recv(client->socket, client->bytes + client->used,
                             sizeof client->bytes - client->used, 0);
        assert_true(count > 0);
        client->used += (size_t)count;
    }
}

static void log_in(struct client *client, const char *user, const char *password) {
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(gateway.port) };
    struct soup_login login = { .sequence = 0 };
    struct soup_packet packet;
    uint8_t bytes[SOUP_LOGIN_REQUEST_BYTES];
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    client->used = 0;
    client->socket = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(client->socket, (const struct sockaddr *)&at, sizeof at), 0);
    (void)snprintf(login.username, sizeof login.username, "%s", user);
    (void)snprintf(login.password, sizeof login.password, "%s", password);
    size_t count = soup_encode_login_request(bytes, &login);
    assert_int_equal(send(client->socket, bytes, count, 0), count);
    frame(client, SOUP_LOGIN_ACCEPTED, &packet);
}

static void tell(struct client *client, struct ouch_message message) {
    uint8_t bytes[OUCH_BYTES_MAX], packet[2 * OUCH_BYTES_MAX];
    int count = ouch_encode(&message, bytes, sizeof bytes);
    assert_true(count > 0);
    size_t all = soup_encode_unsequenced(packet, bytes, (size_t)count);
    assert_int_equal(send(client->socket, packet, all, 0), all);
}

static const struct ouch_message *hear(struct client *client, enum ouch_kind kind) {
    struct soup_packet packet;
    struct ouch_fault fault;
    frame(client, SOUP_SEQUENCED, &packet);
    assert_int_equal(ouch_decode(OUCH_OUT, packet.payload, packet.bytes, &client->message, &fault),
                     0);
    assert_string_equal(ouch_kind_name(client->message.kind), ouch_kind_name(kind));
    return &client->message;
}

static void trade(struct client *client, uint32_t user_ref, uint32_t quantity,
                  enum ouch_kind kind) {
    tell(client, market_enter(user_ref, 'S', quantity, "ABC", PRICE + user_ref * 100));
    (void)hear(client, kind);
}

/* ---- A neighbour on the port ---- */

static int reach_port(void) {
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    assert_true(strlen(gateway.socket) < sizeof at.sun_path);
    memcpy(at.sun_path, gateway.socket, strlen(gateway.socket) + 1);
    int made = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(made >= 0);
    assert_int_equal(connect(made, (const struct sockaddr *)&at, sizeof at), 0);
    return made;
}

/* Reads a line; false at the end of the stream. */
static bool line_from(int socket, char *line, size_t room) {
    size_t used = 0;
    for (;;) {
        struct pollfd ready = { .fd = socket, .events = POLLIN };
        assert_int_equal(poll(&ready, 1, WAIT_MS), 1);
        char letter;
        if (recv(socket, &letter, 1, 0) <= 0) return false;
        if (letter == '\n') break;
        assert_true(used < room - 1);
        line[used++] = letter;
    }
    line[used] = 0;
    return true;
}

static void send_text(int socket, const char *text) {
    assert_int_equal(send(socket, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* ---- Tests ---- */

static void status_says_who_and_what_is_there(void **state) {
    (void)state;
    struct stat there;
    start();
    log_in(&alice, "alice", "pa");
    assert_int_equal(stat(gateway.socket, &there), 0);
    assert_true(S_ISSOCK(there.st_mode));
    assert_int_equal(there.st_mode & 0777, 0600);
    json_t *status = wirepit_json("status --json"), *row;
    const json_t *of_gateway = json_object_get(status, "gateway");
    const json_t *sessions = json_object_get(of_gateway, "sessions");
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(of_gateway, "card"), "gate")), "open");
    assert_int_equal(json_array_size(sessions), MARKET_SESSIONS);
    row = json_array_get(sessions, ALICE);
    assert_string_equal(json_string_value(json_object_get(row, "name")), "alice");
    assert_true(json_is_true(json_object_get(row, "connected")));
    assert_false(json_is_true(json_object_get(json_array_get(sessions, BOB), "connected")));
    assert_int_equal(json_integer_value(json_object_get(of_gateway, "port")), gateway.port);
    json_decref(status);
    assert_int_equal(wirepit("status"), 0);
    says("the office is down");
    says("HALT is halted");
    assert_null(strchr(output, '\033')); /* no colour but on a terminal */
    assert_int_equal(wirepit("symbols"), 0);
    says("LOTS");
    assert_int_equal(wirepit("card info"), 0);
    says("soft");
    (void)close(alice.socket);
    assert_int_equal(end(SIGTERM), 0);
    assert_int_equal(access(gateway.socket, F_OK), -1);
}

static void a_killed_firm_is_refused_until_released_restarts_or_not(void **state) {
    (void)state;
    start();
    log_in(&alice, "alice", "pa");
    log_in(&bob, "bob", "pb");
    trade(&alice, 1, 10, OUCH_ACCEPTED);
    assert_int_equal(wirepit("kill firm f1"), 0);
    says("firm f1 killed");
    trade(&alice, 2, 10, OUCH_REJECTED);
    trade(&bob, 1, 10, OUCH_ACCEPTED); /* only f1 is */
    assert_int_equal(end(SIGKILL), 1000 + SIGKILL);
    (void)close(alice.socket);
    (void)close(bob.socket);
    start(); /* takes the dead one's socket over */
    assert_int_equal(wirepit("status"), 0);
    says("firm f1: its orders are refused");
    log_in(&alice, "alice", "pa");
    trade(&alice, 3, 10, OUCH_REJECTED);
    assert_int_equal(wirepit("release firm f1"), 0);
    trade(&alice, 4, 10, OUCH_ACCEPTED);
    assert_int_equal(wirepit("kill all"), 0);
    trade(&alice, 5, 10, OUCH_REJECTED);
    assert_int_equal(wirepit("status"), 0);
    says("closed: every order is refused");
    assert_int_equal(wirepit("release all"), 0);
    assert_int_equal(wirepit("kill session alice"), 0);
    trade(&alice, 6, 10, OUCH_REJECTED);
    assert_int_equal(wirepit("release session alice"), 0);
    assert_int_equal(wirepit("kill account a1"), 0);
    trade(&alice, 7, 10, OUCH_REJECTED);
    assert_int_equal(wirepit("release account a1"), 0);
    trade(&alice, 8, 10, OUCH_ACCEPTED);
    (void)close(alice.socket);
    assert_int_equal(end(SIGTERM), 0);
    assert_int_equal(wirepit("journal verify"), 0); /* needs nobody */
    says("whole");
    assert_int_equal(wirepit("journal tail --limit 1000"), 0);
    says("asked by uid");
    char command[1024];
    (void)snprintf(command, sizeof command, "%s --config %s --card soft --journal %s --verify",
                   program("wirepit-gateway"), gateway.config, gateway.journal);
    assert_int_equal(system(command), 0);
}

static void open_orders_are_taken_off_on_request(void **state) {
    (void)state;
    start();
    log_in(&alice, "alice", "pa");
    log_in(&bob, "bob", "pb");
    trade(&alice, 1, 10, OUCH_ACCEPTED);
    trade(&alice, 2, 20, OUCH_ACCEPTED);
    trade(&bob, 1, 30, OUCH_ACCEPTED);
    assert_int_equal(wirepit("kill firm f1 --cancel"), 0);
    assert_int_equal(hear(&alice, OUCH_CANCELED)->canceled.user_ref, 1);
    assert_int_equal(hear(&alice, OUCH_CANCELED)->canceled.user_ref, 2);
    says("the open orders of 2 sessions are being taken off");
    tell(&bob, market_cancel(1, 0)); /* his is there still */
    assert_int_equal(hear(&bob, OUCH_CANCELED)->canceled.user_ref, 1);
    assert_int_equal(wirepit("release firm f1"), 0);
    trade(&alice, 3, 10, OUCH_ACCEPTED);
    trade(&bob, 2, 30, OUCH_ACCEPTED);
    assert_int_equal(wirepit("kill account a1 --cancel"), 0);
    assert_int_equal(hear(&alice, OUCH_CANCELED)->canceled.user_ref, 3);
    tell(&bob, market_cancel(2, 0)); /* of another account */
    assert_int_equal(hear(&bob, OUCH_CANCELED)->canceled.user_ref, 2);
    (void)close(alice.socket);
    (void)close(bob.socket);
    assert_int_equal(end(SIGTERM), 0);
}

static void symbols_and_limits_are_changed_without_an_office(void **state) {
    (void)state;
    start();
    log_in(&alice, "alice", "pa");
    assert_int_equal(wirepit("halt ABC"), 0);
    trade(&alice, 1, 10, OUCH_REJECTED);
    assert_int_equal(wirepit("open ABC"), 0);
    trade(&alice, 2, MARKET_QUANTITY_MAX, OUCH_ACCEPTED);
    trade(&alice, 3, MARKET_QUANTITY_MAX + 1, OUCH_REJECTED);
    assert_int_equal(wirepit("limits set a1 quantity_max 1001"), 0);
    trade(&alice, 4, MARKET_QUANTITY_MAX + 1, OUCH_ACCEPTED);
    trade(&alice, 5, MARKET_QUANTITY_MAX + 2, OUCH_REJECTED);
    assert_int_equal(wirepit("limits set a1 quantity_max --adjust -- -1"), 0);
    trade(&alice, 6, MARKET_QUANTITY_MAX + 1, OUCH_REJECTED);
    assert_int_equal(wirepit("limits set a1 notional_max 0.0001"), 0);
    trade(&alice, 7, 1, OUCH_REJECTED);
    assert_int_equal(wirepit("limits set a1 quantity_max 1000000"), 2); /* the card's bound */
    says("quantity_max is from 0 to 999,999");
    assert_int_equal(wirepit("limits set a1 quantity_max 999999"), 0);
    assert_int_equal(wirepit("limits set a1 quantity_max --adjust 1"), 1); /* the card's to judge */
    says("MALFORMED: Check 1");
    assert_int_equal(wirepit("limits set a1 restriction 8 --symbol ABC"), 2);
    assert_int_equal(wirepit("limits set a1 enabled 2"), 2);
    assert_int_equal(wirepit("limits set a1 quantity_max -1"), 2);
    says("a number below 0 goes behind --");
    assert_int_equal(wirepit("limits set a1 long_max 7"), 2);
    assert_int_equal(wirepit("limits set a1 long_max 7 --symbol ABC"), 0);
    assert_int_equal(wirepit("limits set a1 wings 7"), 2);
    assert_int_equal(wirepit("limits set a1 notional_max 1.23456"), 2);
    assert_int_equal(wirepit("limits set a1 quantity_max 99999999999999999999"), 2);
    static const struct {
        const char *words;
        int code;
        const char *says;
    } row[] = {
        { "open_orders 1048576", 2, "open_orders is from 0 to 1,048,575" },
        { "open_orders 1048575", 0, "a1 open_orders set to 1048575" },
        { "open_orders none", 0, "a1 open_orders set to none" },
        { "open_notional 230584300921369.3952", 2, "open_notional is from 0.00 to" },
        { "open_notional 230584300921369.3951", 0, "set to 230584300921369.3951" },
        { "daily_notional none", 0, "a1 daily_notional set to none" },
        { "rate_interval 5s", 2, "rate_interval is from 0 ns to 4.2 s" },
        { "rate_interval 4294967295", 0, "a1 rate_interval set to 4294967295" },
        { "rate_interval 4294967296ns", 2, "rate_interval is from" },
        { "rate_interval 10us", 0, "a1 rate_interval set to 10us" },
        { "rate_burst 4s", 0, "a1 rate_burst set to 4s" },
        { "rate_burst 4h", 2, "give a time such as 500ns, 20us, 3ms or 1s, or none" },
        { "rate_burst ms", 2, "give a time" },
        { "rate_burst 9223372036854775807s", 2, "give a time" },
        { "duplicate 1.5ms", 2, "give a time" },
        { "duplicate none", 0, "a1 duplicate set to none" },
        { "rate_interval none", 0, "a1 rate_interval set to none" },
        { "self_trade newest", 0, "a1 self_trade set to newest" },
        { "self_trade 1", 2, "give none, newest, oldest, both or decrement" },
        { "self_trade both --adjust", 2, "leave out --adjust" },
        { "self_trade none", 0, "a1 self_trade set to none" },
        { "quantity_max none", 2, "give a whole number" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        char words[128];
        (void)snprintf(words, sizeof words, "limits set a1 %s", row[i].words);
        if (wirepit(words) != row[i].code) fail_msg("%s", words);
        says(row[i].says);
    }
    assert_int_equal(wirepit("limits set a1 open_orders 1"), 0);
    trade(&alice, 8, 1, OUCH_REJECTED);
    (void)close(alice.socket);
    assert_int_equal(end(SIGTERM), 0);
}

static void exit_codes_tell_what_went_wrong(void **state) {
    (void)state;
    static const struct {
        const char *words;
        int code;
    } up[] = {
        { "--help", 0 },
        { "kill --help", 0 },
        { "doctor", 0 },
        { "card counters --json", 0 },
        { "card histogram", 0 },
        { "kill firm nobody", 1 },
        { "halt NOPE", 1 },
        { "", 2 },
        { "fly", 2 },
        { "kill", 2 },
        { "kill firm", 2 },
        { "kill all f1", 2 },
        { "status --depth 3", 2 },
        { "status --limit 0", 2 },
        { "kill all --watch", 2 },
        { "-h", 0 },
        { "help", 0 },
        { "help kill", 0 },
        { "kill --help", 0 },
        { "help fly", 2 },
        { "orders --cursor 1x", 2 },
        { "symbols ABC", 2 },
        { "status --watch=0.05", 2 },
        { "orders --limit 1001", 2 },
        { "books verify", 3 }, /* the office's, which is down */
        { "orders", 3 },
        { "book ABC", 3 },
    };
    start();
    for (size_t i = 0; i < sizeof up / sizeof *up; i++) {
        int code = wirepit(up[i].words);
        if (code != up[i].code)
            fail_msg("wirepit %s ends with %d, not %d:\n%s", up[i].words, code, up[i].code, output);
        assert_true(output[0] != 0);
    }
    assert_int_equal(end(SIGTERM), 0);
    assert_int_equal(wirepit("kill all"), 3);
    says("the gateway is down");
    assert_int_equal(wirepit("status"), 3);
    says("make up");
    assert_int_equal(wirepit("journal verify --journal /nowhere"), 1);
    assert_int_equal(wirepit("status --dir /nowhere"), 3); /* the last --dir counts */
    says("there is no directory /nowhere");
}

static void what_is_not_there_is_named_and_where_to_look(void **state) {
    (void)state;
    start();
    assert_int_equal(wirepit("kill firm nobody"), 1);
    says("there is no firm \"nobody\"; `wirepit status` shows firms");
    assert_int_equal(wirepit("halt NOPE"), 1);
    says("there is no symbol \"NOPE\"");
    assert_int_equal(end(SIGTERM), 0);
}

/* Who follows the journal into a pipe ends with its reader, and what cannot be written is said. */
static void a_reader_who_goes_is_noticed(void **state) {
    (void)state;
    char command[1024];
    start();
    (void)snprintf(command, sizeof command,
                   "timeout 10 %s --dir %s journal tail --limit 3 --follow | head -n 1 >/dev/null; "
                   "%s --dir %s journal tail >/dev/full 2>%s/full; test $? -eq 1 && grep -q "
                   "'disk full' %s/full",
                   program("wirepit"), gateway.directory, program("wirepit"), gateway.directory,
                   gateway.directory, gateway.directory);
    uint64_t from_ns = clock_monotonic_ns();
    int code = system(command);
    if (code != 0) fail_msg("ends with %d", code);
    assert_true(clock_monotonic_ns() - from_ns < UINT64_C(9000000000));
    assert_int_equal(end(SIGTERM), 0);
}

static void a_damaged_journal_is_found(void **state) {
    (void)state;
    char path[PATH_BYTES + 32];
    start();
    assert_int_equal(end(SIGTERM), 0);
    (void)snprintf(path, sizeof path, "%s/market-000001.wpj", gateway.journal);
    int file = open(path, O_RDWR);
    assert_true(file >= 0);
    uint8_t byte;
    assert_int_equal(pread(file, &byte, 1, 200), 1);
    byte ^= 1;
    assert_int_equal(pwrite(file, &byte, 1, 200), 1);
    assert_int_equal(close(file), 0);
    assert_int_equal(wirepit("journal verify"), 1);
    says("market-000001.wpj");
    assert_int_equal(wirepit("journal verify --json"), 1);
}

static void what_is_asked_at_once_is_answered_in_order(void **state) {
    (void)state;
    enum { COMMANDS = 3 * CONTROL_COMMANDS_MAX + 1 };
    char line[8192], text[256];
    start();
    int one = reach_port(), two = reach_port();
    int64_t numbers[2] = { 0, 0 };
    for (int i = 0; i < COMMANDS; i++) {
        (void)snprintf(text, sizeof text,
                       "{\"id\":%d,\"command\":{\"opcode\":\"SYMBOL\",\"symbol\":\"ABC\","
                       "\"field\":\"COLLAR\",\"value\":%d}}\n",
                       i, i % 60);
        send_text(one, text);
        send_text(two, text);
    }
    for (int i = 0; i < 2 * COMMANDS; i++) {
        int64_t *number = &numbers[i % 2];
        assert_true(line_from(i % 2 == 0 ? one : two, line, sizeof line));
        json_t *answer = json_loads(line, 0, NULL);
        assert_int_equal(json_integer_value(json_object_get(answer, "id")), i / 2);
        assert_true(json_integer_value(json_object_get(answer, "command")) > *number);
        *number = json_integer_value(json_object_get(answer, "command"));
        json_decref(answer);
    }
    (void)close(one);
    (void)close(two);
    assert_int_equal(end(SIGTERM), 0);
}

static void an_answer_is_in_the_journal_by_then(void **state) {
    (void)state;
    struct control *control;
    struct control_answer answer;
    const struct command query = { .opcode = OPCODE_QUERY, .field = TABLE_ACCOUNT, .account = 1 };
    start();
    assert_int_equal(control_open(gateway.socket, WAIT_MS, &control), 0);
    assert_int_equal(control_command(control, &query, &answer), 0);
    assert_true(answer.event_count > 1);
    assert_int_equal(answer.event_count, answer.events_total);
    assert_int_equal(answer.events[0].kind, KIND_ROW);
    assert_int_equal(answer.events[0].account, 1);
    assert_int_equal(end(SIGKILL), 1000 + SIGKILL);
    json_t *verified = wirepit_json("journal verify --json");
    assert_true((uint64_t)json_integer_value(json_object_get(verified, "records_total")) >=
                answer.record);
    json_decref(verified);
    assert_true(control_command(control, &query, &answer) < 0); /* and says so */
    start();
    assert_int_equal(control_command(control, &query, &answer), 0); /* the same client goes on */
    control_close(control);
    assert_int_equal(end(SIGTERM), 0);
}

static void who_talks_nonsense_suffers_alone(void **state) {
    (void)state;
    char line[8192], long_line[CONTROL_LINE_BYTES_MAX + 1];
    start();
    log_in(&alice, "alice", "pa");
    int rude = reach_port();
    send_text(rude, "nonsense\n\n{\"id\":5,\"command\":{\"opcode\":\"NEW\"}}\n");
    for (int i = 0; i < 3; i++) {
        assert_true(line_from(rude, line, sizeof line));
        assert_non_null(strstr(line, "\"error\""));
    }
    assert_non_null(strstr(line, "not_allowed"));
    send_text(rude, "{\"id\":6,\"ask\":\"status\"}\n"); /* and is served still */
    assert_true(line_from(rude, line, sizeof line));
    assert_non_null(strstr(line, "\"sessions\""));

    /* The longest line is taken, one byte more is none. */
    memset(long_line, ' ', sizeof long_line);
    memcpy(long_line, "{\"id\":7,\"ask\":\"counters\"}", 25);
    long_line[CONTROL_LINE_BYTES_MAX - 1] = '\n';
    assert_int_equal(send(rude, long_line, CONTROL_LINE_BYTES_MAX, 0), CONTROL_LINE_BYTES_MAX);
    assert_true(line_from(rude, line, sizeof line));
    assert_non_null(strstr(line, "COMMANDS"));
    long_line[CONTROL_LINE_BYTES_MAX - 1] = ' ';
    long_line[CONTROL_LINE_BYTES_MAX] = '\n';
    assert_int_equal(send(rude, long_line, sizeof long_line, 0), sizeof long_line);
    assert_true(line_from(rude, line, sizeof line));
    assert_non_null(strstr(line, "too_long"));
    assert_false(line_from(rude, line, sizeof line)); /* that was the end */
    (void)close(rude);
    trade(&alice, 1, 10, OUCH_ACCEPTED);
    (void)close(alice.socket);
    assert_int_equal(end(SIGTERM), 0);
}

static void who_does_not_read_holds_up_nobody(void **state) {
    (void)state;
    enum { DEAF = 15 }; /* and one more connection is for the tool */
    static const char ask[] = "{\"ask\":\"status\"}\n";
    int deaf[DEAF];
    start();
    log_in(&alice, "alice", "pa");
    for (int i = 0; i < DEAF; i++) {
        deaf[i] = reach_port();
        for (int n = 0; n < 20000; n++) /* until nothing more is taken */
            if (send(deaf[i], ask, sizeof ask - 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) break;
    }
    for (uint32_t i = 1; i <= 20; i++) trade(&alice, i, 10, OUCH_ACCEPTED);
    assert_int_equal(wirepit("kill firm f2"), 0);
    assert_int_equal(wirepit("status"), 0);
    for (int i = 0; i < DEAF; i++) (void)close(deaf[i]);
    assert_int_equal(wirepit("release firm f2"), 0);
    (void)close(alice.socket);
    assert_int_equal(end(SIGTERM), 0);
}

static void who_asks_nothing_makes_way(void **state) {
    (void)state;
    enum { IDLE = 16 }; /* as many as there are places */
    int quiet[IDLE];
    char line[8192];
    struct control *control;
    json_t *answer, *ask = json_pack("{s:s}", "ask", "counters");
    start();
    assert_int_equal(control_open(gateway.socket, WAIT_MS, &control), 0);
    assert_int_equal(control_ask(control, ask, &answer), 0); /* the first, and idle for longest */
    json_decref(answer);
    for (int i = 0; i < IDLE; i++) {
        quiet[i] = reach_port();
        send_text(quiet[i], "{\"ask\":\"counters\"}\n");
        assert_true(line_from(quiet[i], line, sizeof line));
    }
    assert_int_equal(control_ask(control, ask, &answer), 0); /* it was dropped, and comes again */
    json_decref(answer);
    assert_false(line_from(quiet[0], line, sizeof line)); /* at the cost of the next */
    send_text(quiet[IDLE - 1], "{\"ask\":\"counters\"}\n");
    assert_true(line_from(quiet[IDLE - 1], line, sizeof line));
    for (int i = 0; i < IDLE; i++) (void)close(quiet[i]);
    json_decref(ask);
    control_close(control);
    assert_int_equal(end(SIGTERM), 0);
}

static void the_ports_name_must_be_free(void **state) {
    (void)state;
    char other[PATH_BYTES];
    int status;
    path_in(other, "taken");
    FILE *file = fopen(other, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(try_start(other), 0); /* it is no socket, and asked for by name */
    assert_int_equal(waitpid(gateway.pid, &status, 0), gateway.pid);
    gateway.pid = 0;
    assert_int_equal(WEXITSTATUS(status), 1);
    assert_int_equal(access(other, F_OK), 0); /* and nobody removed it */
    path_in(other, "elsewhere");
    gateway.port = try_start(other);
    assert_true(gateway.port != 0);
    char words[PATH_BYTES + 32];
    (void)snprintf(words, sizeof words, "status --gateway %s", other);
    assert_int_equal(wirepit(words), 0);
    assert_int_equal(wirepit("status"), 3);
    assert_int_equal(end(SIGTERM), 0);
}

/* ---- An office of canned answers ---- */

static const struct {
    const char *resource, *answer;
} canned[] = {
    { "GET /api/v1/book/ABC?depth=2",
      "{'symbol':'ABC','state':'open','position':9,'last_e4':900100,'last_quantity':5,"
      "'bids':[{'price_e4':900000,'shares':1000,'orders':2},{'price_e4':899900,'shares':10,"
      "'orders':1}],'asks':[{'price_e4':900200,'shares':500,'orders':1}]}" },
    { "GET /api/v1/orders/alice:7",
      "{'id':44,'session':'alice','reference':7,'account':'a1','symbol':'ABC','side':'buy',"
      "'price_e4':900100,'quantity':1001,'executed':0,'leaves':0,'state':'refused','ioc':false,"
      "'entered_ns':1790000000123456789,'replaces':null,'ended':null,'refused':{'reason':"
      "'ORDER_QUANTITY','meaning':'Check 8: more than the account\\'s largest order.','limit':"
      "'ACCOUNT.QUANTITY_MAX','limit_value':1000,'value':1001}}" },
    { "GET /api/v1/orders?limit=1&state=refused",
      "{'items':[{'id':44,'session':'alice','reference':7,'account':'a1','symbol':'ABC','side':"
      "'buy','price_e4':900100,'quantity':1001,'executed':0,'state':'refused','entered_ns':1,"
      "'refused':{'reason':'ORDER_QUANTITY'}}],'next':'c1','position':9}" },
    { "GET /api/v1/accounts/a%201",
      "{'account':'a 1','firm':'f1','currency':'USD','enabled':true,'killed':false,'firm_killed':"
      "true,'cash_e4':-12345,'positions':[{'symbol':'ABC','net':-40,'open_buy':1,'restriction':"
      "['no_buy','close_only']}]}" },
    { "GET /api/v1/books/verify",
      "{'balanced':true,'ledger_verified':false,'projections_equal':true,'card_agrees':false,"
      "'compared':12,'accounts':3,"
      "'transfers':5,'position':9,'text':'account 2 differs','ledgers':[]}" },
    { "GET /api/v1/alarms?limit=1",
      "{'items':[{'number':2,'time_ns':1,'position':44,'kind':'difference','account':'a1','symbol':"
      "null,'expected':4,'found':5,'text':'account 1: the card says ACCOUNT.BUYING_POWER_E4 5, the "
      "books 4'}],'next':2,'position':44}" },
    { "GET /api/v1/limits?limit=1000&account=a1",
      "{'items':[{'account':'a1','enabled':true,'killed':false,'quantity_max':7,'notional_max_e4':"
      "10000,'open_orders':1048575,'open_notional_e4':20000,'daily_notional_e4':"
      "2305843009213693951,'rate_interval_ns':10000,'rate_burst_ns':0,'duplicate_ns':0,"
      "'self_trade':'oldest','open_count':3,'gross_e4':15000,'traded_e4':5000,'long_max':1,"
      "'short_max':2,'locate':3,'exceptions':[]}]}" },
    { "POST /api/v1/limits",
      "{'command':5,'record':9,'events':[{'kind':'SET','stamp_ns':1790000000123456789}]}" },
};

static void canned_answer(const char *request, char *answer, size_t room) {
    char body[2048] = "{'code':'unknown_order','message':'there is no order'}";
    const char *status = "404 Not Found";
    for (size_t i = 0; i < sizeof canned / sizeof *canned; i++) {
        size_t bytes = strlen(canned[i].resource);
        if (strncmp(request, canned[i].resource, bytes) != 0 || request[bytes] != ' ') continue;
        (void)snprintf(body, sizeof body, "%s", canned[i].answer);
        status = "200 OK";
    }
    for (char *at = body; *at != 0; at++) {
        if (*at == '\\')
            memmove(at, at + 1, strlen(at)); /* what follows it stays as it is */
        else if (*at == '\'')
            *at = '"';
    }
    (void)snprintf(answer, room,
                   "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", status,
                   strlen(body), body);
}

/* Serves until a connection says nothing. */
static void *office(void *context) {
    int listener = *(int *)context;
    for (;;) {
        char request[8192] = "", answer[4096];
        int client = accept(listener, NULL, NULL);
        assert_true(client >= 0);
        size_t used = 0;
        ssize_t count = 1;
        while (count > 0 && strstr(request, "\r\n\r\n") == NULL) {
            count = recv(client, request + used, sizeof request - 1 - used, 0);
            if (count > 0) used += (size_t)count;
            request[used] = 0;
        }
        if (used > 0) {
            canned_answer(request, answer, sizeof answer);
            (void)send(client, answer, strlen(answer), MSG_NOSIGNAL);
        }
        (void)shutdown(client, SHUT_WR);
        (void)recv(client, request, sizeof request, 0); /* a body, or the end */
        (void)close(client);
        if (used == 0) return NULL;
    }
}

static void what_the_office_says_is_shown(void **state) {
    (void)state;
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    pthread_t thread;
    path_in(gateway.socket, "office.socket"); /* for reach_port */
    memcpy(at.sun_path, gateway.socket, strlen(gateway.socket) + 1);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (const struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(pthread_create(&thread, NULL, office, &listener), 0);
    assert_int_equal(wirepit("book ABC --depth 2"), 0);
    says("ABC  open  last 90.01 x 5");
    says("##############################        1,000        90.00  90.02        500          "
         "###############\n");
    says("                             #           10        89.99\n");
    assert_int_equal(wirepit("order alice:7"), 0);
    says("buy 1,001 ABC at 90.01");
    says("more than the account's largest order");
    says("quantity_max of a1 was 1,000; the order came to 1,001");
    says("wirepit limits set a1 quantity_max VALUE");
    assert_int_equal(wirepit("orders --state refused --limit 1"), 0);
    says("alice:7");
    says("more: --cursor c1");
    assert_int_equal(wirepit("account 'a 1'"), 0);
    says("firm killed");
    says("  cash                          -1.2345\n  buying power                   0.00\n");
    says("no_buy close_only");
    assert_int_equal(wirepit("books verify"), 1); /* not all is well */
    says("LEDGER NOT VERIFIED");
    says("account 2 differs");
    says("CARD DIFFERS FROM THE BOOKS: wirepit alarms names the accounts");
    says("12 fields compared with the card");
    assert_int_equal(wirepit("alarms --limit 1"), 0);
    says("a1");
    says("the card says ACCOUNT.BUYING_POWER_E4 5");
    says("more: --cursor 2");
    assert_int_equal(wirepit("limits set a1 quantity_max 7"), 0);
    says("a1 quantity_max set to 7: command 5, 14:13:20.123456 UTC, record 9");
    assert_int_equal(wirepit("limits a1"), 0);
    says("of the whole account    limit   now\n");
    says("open_orders              none     3\n");
    says("open_notional          2.00    1.50\n");
    says("daily_notional           none  2.00\n");
    says("rate_interval         10.0 us");
    says("self_trade             oldest");
    assert_int_equal(wirepit("order nobody:1"), 1);
    says("there is no order; `wirepit orders` lists those there are");
    (void)close(reach_port());
    assert_int_equal(pthread_join(thread, NULL), 0);
    (void)close(listener);
}

/* ---- Up and down ---- */

/* Runs up.sh with its state in the test's directory; its exit code, and what it said in output. */
static int up(const char *word, const char *card) {
    char command[1024], directory[PATH_BYTES];
    (void)snprintf(directory, sizeof directory, "%s", program("wirepit"));
    *strrchr(directory, '/') = 0;
    (void)snprintf(command, sizeof command,
                   "UP=%s CONFIG=%s PROGRAMS=%s CARD=%s TCP_PORT=0 host/package/up.sh %s 2>&1",
                   gateway.directory, gateway.config, directory, card, word);
    FILE *stream = popen(command, "r");
    assert_non_null(stream);
    size_t used = fread(output, 1, sizeof output - 1, stream);
    output[used] = 0;
    int status = pclose(stream);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static pid_t pid_in(const char *name) {
    char path[PATH_BYTES];
    int pid = 0;
    path_in(path, name);
    FILE *file = fopen(path, "r");
    if (file == NULL) return 0;
    if (fscanf(file, "%d", &pid) != 1) pid = 0;
    (void)fclose(file);
    return pid;
}

static int take_down(void **state) {
    int code = up("stop", "soft");
    return tear_down(state) == 0 ? code : -1;
}

static void up_starts_and_down_ends_exactly_its_own(void **state) {
    (void)state;
    char path[PATH_BYTES];
    bystander = fork();
    assert_true(bystander >= 0);
    if (bystander == 0) {
        (void)close(STDOUT_FILENO); /* whoever reads it waits for nobody but the test */
        (void)close(STDERR_FILENO);
        (void)pause();
        _exit(0);
    }
    if (up("start", "soft") != 0) fail_msg("%s", output);
    says("make down");
    pid_t first = pid_in("gateway.pid");
    assert_true(first > 0);
    assert_int_equal(wirepit("status"), 0);
    says("books balanced");
    if (up("start", "soft") != 0) fail_msg("%s", output);
    says("runs already");
    assert_int_equal(pid_in("gateway.pid"), first);
    if (up("stop", "soft") != 0) fail_msg("%s", output);
    char exe[64], target[PATH_BYTES]; /* gone, or dead and not buried yet */
    (void)snprintf(exe, sizeof exe, "/proc/%d/exe", (int)first);
    assert_int_equal(readlink(exe, target, sizeof target), -1);
    assert_int_equal(wirepit("status"), 3);

    /* A process id that is another's by now is left alone. */
    path_in(path, "gateway.pid");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fprintf(file, "%d\n", (int)bystander);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(up("stop", "soft"), 0);
    assert_int_equal(kill(bystander, 0), 0);
    assert_int_equal(waitpid(bystander, NULL, WNOHANG), 0);

    assert_int_equal(up("start", "wood"), 1); /* says why, and leaves nothing behind */
    says("wood");
    assert_int_equal(pid_in("gateway.pid"), 0);
    assert_int_equal(up("start", "tin"), 1); /* and nothing of what was wrong before */
    says("tin");
    assert_null(strstr(output, "wood"));
}

/* In a network of its own, which a tap of this machine reaches. */
static void up_brings_lwip_with_an_interface(void **state) {
    (void)state;
    char command[1024], directory[PATH_BYTES];
    if (geteuid() != 0 || system("unshare --net true 2>/dev/null") != 0 ||
        access("/dev/net/tun", W_OK) != 0) {
        print_message("skipped: no network namespaces or no taps here\n");
        skip();
    }
    (void)snprintf(directory, sizeof directory, "%s", program("wirepit"));
    *strrchr(directory, '/') = 0;
    (void)snprintf(
        command, sizeof command,
        "UP=%s PROGRAMS=%s CARD=soft unshare --net sh -c 'exec >$UP/lwip 2>&1; ip link set lo up; "
        "TRANSPORT=lwip PORT=af_xdp host/package/up.sh start; test $? -eq 1 || exit 2; "
        "TRANSPORT=lwip host/package/up.sh start || exit 3; "
        "timeout 60 $PROGRAMS/wirepit-replay --host 10.77.0.1 --port 26400 --clients 2 --rows 200; "
        "played=$?; UP=$UP/other TRANSPORT=lwip host/package/up.sh start && played=4; "
        "host/package/up.sh stop; exit $played'",
        gateway.directory, directory);
    int code = system(command);
    if (code != 0) fail_msg("ends with %d, see %s/lwip", WEXITSTATUS(code), gateway.directory);
}

/* ---- The card ---- */

/* Starts with a key that may sign firmware; the file need not be there before it is used. */
static void start_with_key(const char *card, const char *key) {
    FILE *file = fopen(gateway.config, "w");
    assert_non_null(file);
    (void)fprintf(file,
                  "gateway: {listen: 127.0.0.1, port: 0, durability: sync, journal: j, "
                  "card: soft, firmware_key: %s}\n%s",
                  key, strchr(market_yaml, '\n') + 1);
    assert_int_equal(fclose(file), 0);
    gateway.card = card;
    start();
}

static void a_card_without_the_core_is_shown_and_left_alone(void **state) {
    (void)state;
    static const struct {
        const char *words;
        int code;
        const char *says;
    } row[] = {
        { "info", 0, "the soft card has no management core" },
        { "health", 0, "the soft card has no management core" },
        { "health --json", 0, "\"healthy\": true" },
        { "counters", 0, "commands  Commands carried out." },
        { "counters --json", 0, "\"CLOCKS_MORE\": 0" },
        { "histogram", 0, "clocks in the core" },
        { "histogram --json", 0, "\"STALL_ACCOUNT\"" },
        { "log", 0, "has no management core, and so no log" },
        { "log --follow", 0, "has no management core, and so no log" },
        { "log --json --limit 3", 0, "\"core\": false" },
        { "selftest", 1, "this card has no management core" },
        { "reset", 2, "the whole card is reset by starting the gateway again" },
        { "reset --management", 2, "add --yes" },
        { "reset --management --yes", 1, "this card has no management core" },
        { "reset --watch", 2, "cannot be watched" },
        { "log --watch", 2, "--follow goes on and on" },
        { "info --limit 3", 2, "go with wirepit card log" },
        { "health --yes", 2, "go with wirepit card reset" },
        { "health twice", 2, "card does what?" },
        { "firmware", 2, "firmware update FILE" },
        { "firmware update", 2, "firmware update FILE" },
        { "firmware update /nowhere", 1, "/nowhere: No such file" },
        { "firmware update tests", 1, "no regular file" },
        { "firmware update Makefile", 1, "it knows nobody who may sign it" },
        { "firmware update build/plain/wirepit", 1, "is it another file?" },
    };
    start();
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        char words[128];
        (void)snprintf(words, sizeof words, "card %s", row[i].words);
        int code = wirepit(words);
        if (code != row[i].code)
            fail_msg("wirepit %s ends with %d, not %d:\n%s", words, code, row[i].code, output);
        says(row[i].says);
    }
    assert_int_equal(end(SIGTERM), 0);
    start_with_key("soft", "/nowhere");
    assert_int_equal(wirepit("card firmware update Makefile"), 1);
    says("no firmware image");
    assert_int_equal(end(SIGTERM), 0);
    assert_int_equal(wirepit("card health"), 3);
}

/* Orders go on while operators look at the card in every way at once. */
static void looks_do_not_hold_up_trading(void **state) {
    (void)state;
    enum { LOOKS = 30, NEIGHBOURS = 4 };
    static const char *const asks[] = { "card", "counters", "log", "action" };
    int sockets[NEIGHBOURS];
    char line[1 << 15], text[64];
    start();
    log_in(&alice, "alice", "pa");
    for (int i = 0; i < NEIGHBOURS; i++) sockets[i] = reach_port();
    for (int i = 0; i < LOOKS * NEIGHBOURS; i++) {
        (void)snprintf(text, sizeof text, "{\"id\":%d,\"ask\":\"%s\"}\n", i,
                       asks[(i + i / NEIGHBOURS) % 4]);
        send_text(sockets[i % NEIGHBOURS], text);
    }
    for (uint32_t i = 1; i <= 20; i++) trade(&alice, i, 10, OUCH_ACCEPTED);
    for (int i = 0; i < LOOKS * NEIGHBOURS; i++) {
        assert_true(line_from(sockets[i % NEIGHBOURS], line, sizeof line));
        json_t *answer = json_loads(line, 0, NULL);
        assert_int_equal(json_integer_value(json_object_get(answer, "id")), i);
        assert_null(json_object_get(answer, "error"));
        json_decref(answer);
    }
    for (int i = 0; i < NEIGHBOURS; i++) (void)close(sockets[i]);
    (void)close(alice.socket);
    assert_int_equal(end(SIGTERM), 0);
}

static void expect_error(int socket, const char *request, const char *code) {
    char line[4096];
    send_text(socket, request);
    assert_true(line_from(socket, line, sizeof line));
    json_t *answer = json_loads(line, 0, NULL);
    const char *said = json_string_value(json_object_get(json_object_get(answer, "error"), "code"));
    if (said == NULL || strcmp(said, code) != 0) fail_msg("not %s: %s", code, line);
    json_decref(answer);
}

/* A file comes in order and from one connection, or not at all. */
static void pieces_of_firmware_belong_to_whoever_began(void **state) {
    (void)state;
    char line[4096];
    start_with_key("soft", "/nowhere");
    int one = reach_port(), two = reach_port();
    expect_error(one, "{\"card\":\"update\"}\n", "bad_request");
    expect_error(one, "{\"firmware\":{\"offset\":4,\"data\":\"00\"}}\n", "bad_request");
    send_text(one, "{\"firmware\":{\"offset\":0,\"data\":\"00010203\"}}\n");
    assert_true(line_from(one, line, sizeof line));
    assert_non_null(strstr(line, "\"bytes\": 4") != NULL ? line : strstr(line, "\"bytes\":4"));
    expect_error(two, "{\"firmware\":{\"offset\":4,\"data\":\"00\"}}\n", "bad_request");
    expect_error(two, "{\"card\":\"update\"}\n", "bad_request");
    expect_error(one, "{\"firmware\":{\"offset\":5,\"data\":\"00\"}}\n", "bad_request");
    expect_error(one, "{\"card\":\"update\"}\n", "bad_firmware");
    send_text(two, "{\"firmware\":{\"offset\":0,\"data\":\"00\"}}\n"); /* begins anew */
    assert_true(line_from(two, line, sizeof line));
    expect_error(one, "{\"card\":\"update\"}\n", "bad_request");
    (void)close(one);
    (void)close(two);
    assert_int_equal(end(SIGTERM), 0);
}

/* The Verilated card has the core, and firmware of this build: tested, begun anew and updated while
   somebody trades, and all of it in the journal. */
static void a_management_core_is_tested_reset_and_updated(void **state) {
    (void)state;
    start_with_key("sim", "build/firmware/key_public.pem");
    log_in(&alice, "alice", "pa");
    assert_int_equal(wirepit("card selftest"), 0);
    says("everything that was tested is well");
    trade(&alice, 1, 10, OUCH_ACCEPTED);
    assert_int_equal(wirepit("card reset --management --yes"), 0);
    says("runs from image A");
    assert_int_equal(wirepit("card firmware update build/firmware/hang.image"), 1);
    says("the image is not signed");
    assert_int_equal(wirepit("card firmware update build/firmware/trap.bin"), 1);
    says("the card does not take the image: It began and failed");
    assert_int_equal(wirepit("card health"), 1);
    says("image B began and failed");
    log_in(&bob, "bob", "pb"); /* alice was silent for 15 s, and may be dropped */
    trade(&bob, 1, 10, OUCH_ACCEPTED);
    json_t *done = wirepit_json("card firmware update build/firmware/wirepit-firmware.bin --json");
    assert_string_equal(json_string_value(json_object_get(done, "state")), "done");
    json_decref(done);
    assert_int_equal(wirepit("card health"), 0);
    says("update: firmware");
    (void)close(alice.socket);
    (void)close(bob.socket);
    log_in(&alice, "alice2", "pc");
    trade(&alice, 1, 10, OUCH_ACCEPTED);
    (void)close(alice.socket);
    assert_int_equal(end(SIGTERM), 0);
    assert_int_equal(wirepit("journal tail --limit 1000"), 0);
    says(": self-test of the card");
    says(": restart the management core");
    says(": update the firmware to");
    assert_int_equal(wirepit("journal verify"), 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(status_says_who_and_what_is_there),
        TEST(a_killed_firm_is_refused_until_released_restarts_or_not),
        TEST(open_orders_are_taken_off_on_request),
        TEST(symbols_and_limits_are_changed_without_an_office),
        TEST(exit_codes_tell_what_went_wrong),
        TEST(what_is_not_there_is_named_and_where_to_look),
        TEST(a_reader_who_goes_is_noticed),
        TEST(a_damaged_journal_is_found),
        TEST(what_is_asked_at_once_is_answered_in_order),
        TEST(an_answer_is_in_the_journal_by_then),
        TEST(who_talks_nonsense_suffers_alone),
        TEST(who_does_not_read_holds_up_nobody),
        TEST(who_asks_nothing_makes_way),
        TEST(the_ports_name_must_be_free),
        TEST(what_the_office_says_is_shown),
        TEST(a_card_without_the_core_is_shown_and_left_alone),
        TEST(looks_do_not_hold_up_trading),
        TEST(pieces_of_firmware_belong_to_whoever_began),
        TEST(a_management_core_is_tested_reset_and_updated),
        cmocka_unit_test_setup_teardown(up_starts_and_down_ends_exactly_its_own, set_up, take_down),
        cmocka_unit_test_setup_teardown(up_brings_lwip_with_an_interface, set_up, take_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
