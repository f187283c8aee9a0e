/* test_gateway: wirepit-gateway as its clients and its operator meet it, over real sockets and
 * across restarts. The program's path is in WIREPIT_GATEWAY, else build/plain/wirepit-gateway; over
 * the kernel's TCP, or past it as WIREPIT_PORT says. */
#include "host/base/bytes.h"
#include "host/base/clock.h"
#include "host/journal/journal.h"
#include "host/wire/soup.h"
#include "tests/e2e/net.h"
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
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PRICE = 900100, WAIT_MS = 20000, PATH_BYTES = 256 };

/* ---- The program ---- */

static struct {
    char directory[64], config[PATH_BYTES], journal[PATH_BYTES], json[PATH_BYTES];
    bool release;
    pid_t pid;
    uint16_t port;
} gateway;

static const char *program(void) {
    const char *path = getenv("WIREPIT_GATEWAY");
    return path != NULL ? path : "build/plain/wirepit-gateway";
}

static void path_in(char path[PATH_BYTES], const char *name) {
    int written = snprintf(path, PATH_BYTES, "%s/%s", gateway.directory, name);
    assert_true(written > 0 && written < PATH_BYTES);
}

/* Writes the market's configuration, with one piece of it exchanged. */
static void configure(const char *from, const char *to) {
    const char *at = strstr(market_yaml, from);
    assert_non_null(at);
    path_in(gateway.config, "market.yaml");
    path_in(gateway.journal, "journal");
    FILE *file = fopen(gateway.config, "w");
    assert_non_null(file);
    (void)fprintf(file, "%.*s%s%s", (int)(at - market_yaml), market_yaml, to, at + strlen(from));
    assert_int_equal(fclose(file), 0);
}

/* Starts it and reads the port it prints; 0 when it ends without one. file_bytes_max bounds its
   files, 0 does not. */
static uint16_t try_start(const char *card, rlim_t file_bytes_max) {
    int out[2];
    char log[PATH_BYTES], line[128] = "";
    path_in(log, "log");
    assert_int_equal(pipe(out), 0);
    gateway.pid = fork();
    assert_true(gateway.pid >= 0);
    if (gateway.pid == 0) {
        struct rlimit limit = { .rlim_cur = file_bytes_max, .rlim_max = file_bytes_max };
        int errors = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
        if (errors < 0 || dup2(out[1], STDOUT_FILENO) < 0 || dup2(errors, STDERR_FILENO) < 0)
            _exit(9);
        (void)close(out[0]);
        (void)close(out[1]);
        if (file_bytes_max != 0 && setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(9);
        const char *arguments[13 + NET_ARGUMENTS_MAX] = {
            program(), "--config", gateway.config, "--card",    card, "--journal", gateway.journal,
            "--port",  "0",        "--json",       gateway.json
        };
        int count = 11;
        if (gateway.release) arguments[count++] = "--release";
        for (int i = 0; i < NET_ARGUMENTS_MAX; i++) arguments[count + i] = net_arguments()[i];
        if (net_gateway_side() != 0) _exit(9);
        (void)execv(program(), (char **)(uintptr_t)arguments);
        _exit(9);
    }
    (void)close(out[1]);
    FILE *stream = fdopen(out[0], "r");
    assert_non_null(stream);
    if (fgets(line, sizeof line, stream) == NULL) line[0] = 0;
    assert_int_equal(fclose(stream), 0);
    unsigned port = 0;
    if (sscanf(line, "listening on %*[0-9.]:%u", &port) != 1) return 0;
    net_gateway_up();
    return (uint16_t)port;
}

static int wait_exit(void) {
    int status = 0;
    assert_int_equal(waitpid(gateway.pid, &status, 0), gateway.pid);
    gateway.pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void start(void) {
    gateway.port = try_start("soft", 0);
    if (gateway.port == 0)
        fail_msg("%s does not come up, see %s/log", program(), gateway.directory);
}

static void stop(void) {
    assert_int_equal(kill(gateway.pid, SIGTERM), 0);
    assert_int_equal(wait_exit(), 0);
}

static void crash(void) {
    assert_int_equal(kill(gateway.pid, SIGKILL), 0);
    assert_int_equal(wait_exit(), 1000 + SIGKILL);
}

static bool file_says(const char *path, const char *words) {
    char line[2048];
    bool found = false;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL)
        if (strstr(line, words) != NULL) found = true;
    (void)fclose(file);
    return found;
}

static bool log_says(const char *words) {
    char path[PATH_BYTES];
    path_in(path, "log");
    return file_says(path, words);
}

/* A directory of its own for each test, without what an earlier run left. */
static int set_up(void **state) {
    static unsigned number;
    char command[PATH_BYTES + 64];
    (void)state;
    (void)snprintf(gateway.directory, sizeof gateway.directory, "build/e2e/gateway_%02u", ++number);
    (void)snprintf(command, sizeof command, "rm -rf %s && mkdir -p %s", gateway.directory,
                   gateway.directory);
    assert_int_equal(system(command), 0);
    path_in(gateway.json, "gateway.json");
    gateway.release = false;
    configure("card: soft", "card: soft");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    if (gateway.pid > 0) {
        (void)kill(gateway.pid, SIGKILL);
        (void)waitpid(gateway.pid, NULL, 0);
        gateway.pid = 0;
    }
    return 0;
}

/* ---- A client ---- */

struct client {
    int socket;
    size_t used;
    uint8_t bytes[SOUP_FRAME_BYTES_MAX];
    struct ouch_message message; /* the last one */
    uint64_t sequence;           /* of the next one */
    char session[SOUP_SESSION_BYTES + 1];
};

static struct client alice, bob, other;

static void put(struct client *client, const void *bytes, size_t count) {
    assert_int_equal(send(client->socket, bytes, count, MSG_NOSIGNAL), count);
}

static void reach(struct client *client) {
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(gateway.port) };
    at.sin_addr.s_addr = inet_addr(net_address());
    client->used = 0;
    client->socket = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(client->socket >= 0);
    assert_int_equal(connect(client->socket, (const struct sockaddr *)&at, sizeof at), 0);
}

static void leave(struct client *client) { assert_int_equal(close(client->socket), 0); }

/* Waits for a frame and takes it; its type, 0 when the gateway has closed. */
static uint8_t frame(struct client *client, struct soup_packet *packet) {
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
            return packet->type;
        }
        struct pollfd ready = { .fd = client->socket, .events = POLLIN };
        assert_int_equal(poll(&ready, 1, WAIT_MS), 1);
        ssize_t count = recv(client->socket, client->bytes + client->used,
                             sizeof client->bytes - client->used, 0);
        if (count <= 0) return 0;
        client->used += (size_t)count;
    }
}

/* Logs in and gives the answer's type. */
static uint8_t log_in(struct client *client, const char *user, const char *password,
                      const char *session, uint64_t sequence) {
    struct soup_login login = { .sequence = sequence };
    struct soup_accepted accepted;
    struct soup_packet packet;
    uint8_t bytes[SOUP_LOGIN_REQUEST_BYTES];
    strcpy(login.username, user);
    strcpy(login.password, password);
    strcpy(login.session, session);
    reach(client);
    put(client, bytes, soup_encode_login_request(bytes, &login));
    uint8_t type = frame(client, &packet);
    if (type == SOUP_LOGIN_ACCEPTED) {
        assert_int_equal(soup_decode_login_accepted(&packet, &accepted), 0);
        client->sequence = accepted.sequence;
        strcpy(client->session, accepted.session);
    }
    if (type == SOUP_LOGIN_REJECTED) {
        enum soup_reject reason;
        assert_int_equal(soup_decode_login_rejected(&packet, &reason), 0);
        assert_int_equal(frame(client, &packet), 0); /* and closes */
        leave(client);
        return (uint8_t)reason;
    }
    return type;
}

static void tell_bytes(struct client *client, const void *message, size_t count) {
    uint8_t bytes[2048];
    put(client, bytes, soup_encode_unsequenced(bytes, message, count));
}

static void tell(struct client *client, struct ouch_message message) {
    uint8_t bytes[OUCH_BYTES_MAX];
    int count = ouch_encode(&message, bytes, sizeof bytes);
    assert_true(count > 0);
    tell_bytes(client, bytes, (size_t)count);
}

/* Waits for the next sequenced message. */
static const struct ouch_message *hear(struct client *client, enum ouch_kind kind) {
    struct soup_packet packet;
    struct ouch_fault fault;
    uint8_t type;
    while ((type = frame(client, &packet)) == SOUP_SERVER_HEARTBEAT) continue;
    assert_int_equal(type, SOUP_SEQUENCED);
    assert_int_equal(ouch_decode(OUCH_OUT, packet.payload, packet.bytes, &client->message, &fault),
                     0);
    assert_string_equal(ouch_kind_name(client->message.kind), ouch_kind_name(kind));
    client->sequence++;
    return &client->message;
}

static void hear_rejected(struct client *client, uint32_t user_ref, enum ouch_reject reason) {
    const struct ouch_rejected *rejected = &hear(client, OUCH_REJECTED)->rejected;
    assert_int_equal(rejected->user_ref, user_ref);
    assert_int_equal(rejected->reason, reason);
}

static uint32_t next_reference(struct client *client) {
    tell(client, market_query());
    return hear(client, OUCH_ACCOUNT_QUERY_RESPONSE)->account_query_response.next_user_ref;
}

/* Logs in, which may have to wait until the gateway has noticed that the last connection is gone.
 */
static void log_in_again(struct client *client, const char *user, const char *password,
                         uint64_t sequence) {
    uint64_t from_ns = clock_monotonic_ns();
    uint8_t type;
    while ((type = log_in(client, user, password, "", sequence)) == SOUP_SESSION_NOT_AVAILABLE)
        assert_true(clock_monotonic_ns() - from_ns < UINT64_C(1000000) * WAIT_MS);
    assert_int_equal(type, SOUP_LOGIN_ACCEPTED);
}

static void alice_and_bob(void) {
    assert_int_equal(log_in(&alice, "alice", "pa", "", 0), SOUP_LOGIN_ACCEPTED);
    assert_int_equal(log_in(&bob, "bob", "pb", "", 0), SOUP_LOGIN_ACCEPTED);
}

/* ---- Tests ---- */

static void a_login_needs_name_password_and_session(void **state) {
    (void)state;
    start();
    assert_int_equal(log_in(&alice, "alice", "pb", "", 0), SOUP_NOT_AUTHORIZED);
    assert_int_equal(log_in(&alice, "nobody", "pa", "", 0), SOUP_NOT_AUTHORIZED);
    assert_int_equal(log_in(&alice, "alice", "pa", "YESTERDAY", 0), SOUP_SESSION_NOT_AVAILABLE);
    assert_int_equal(log_in(&alice, "alice", "pa", "", 2),
                     SOUP_SESSION_NOT_AVAILABLE); /* not there yet */
    assert_int_equal(log_in(&alice, "alice", "pa", "", 1), SOUP_LOGIN_ACCEPTED);
    assert_int_equal(alice.sequence, 1);
    assert_int_equal(log_in(&other, "alice", "pa", "", 1), SOUP_SESSION_NOT_AVAILABLE); /* twice */
    assert_int_equal(log_in(&bob, "bob", "pb", alice.session, 0), SOUP_LOGIN_ACCEPTED);
    assert_int_equal(next_reference(&alice), 1); /* and she still trades */
    leave(&alice);
    leave(&bob);
    stop();
}

static void two_firms_trade(void **state) {
    (void)state;
    start();
    alice_and_bob();
    tell(&alice, market_enter(1, 'S', 100, "ABC", PRICE));
    (void)hear(&alice, OUCH_ACCEPTED);
    tell(&bob, market_enter(1, 'B', 40, "ABC", PRICE));
    (void)hear(&bob, OUCH_ACCEPTED);
    assert_int_equal(hear(&bob, OUCH_EXECUTED)->executed.liquidity, 'R');
    assert_int_equal(hear(&alice, OUCH_EXECUTED)->executed.liquidity, 'A');
    assert_int_equal(alice.message.executed.match, bob.message.executed.match);
    leave(&alice);
    leave(&bob);
    stop();
}

static void the_verilated_card_trades_and_restarts(void **state) {
    (void)state;
    for (int life = 0; life < 2; life++) {
        gateway.port = try_start("sim", 0);
        if (gateway.port == 0) fail_msg("no card, see %s/log", gateway.directory);
        alice_and_bob();
        uint32_t ref = next_reference(&alice);
        assert_int_equal(next_reference(&bob), ref);
        tell(&alice, market_enter(ref, 'S', 10, "ABC", PRICE));
        (void)hear(&alice, OUCH_ACCEPTED);
        tell(&bob, market_enter(ref, 'B', 10, "ABC", PRICE));
        (void)hear(&bob, OUCH_ACCEPTED);
        assert_int_equal(hear(&bob, OUCH_EXECUTED)->executed.quantity, 10);
        (void)hear(&alice, OUCH_EXECUTED);
        leave(&alice);
        leave(&bob);
        stop();
    }
}

static void nonsense_is_refused_and_only_broken_frames_end_the_connection(void **state) {
    (void)state;
    struct soup_packet packet;
    start();
    alice_and_bob();
    tell_bytes(&alice, "", 0);
    hear_rejected(&alice, 0, OUCH_REJECT_OTHER);
    tell_bytes(&alice, "O", 1);
    hear_rejected(&alice, 0, OUCH_REJECT_OTHER);
    tell_bytes(&alice, "\xff garbage", 9);
    hear_rejected(&alice, 0, OUCH_REJECT_OTHER);
    tell(&alice, market_enter(1, 'B', 1, "NONE", PRICE));
    hear_rejected(&alice, 1, OUCH_REJECT_INVALID_SYMBOL);
    tell(&alice, market_enter(2, 'B', 1000000, "ABC", PRICE));
    hear_rejected(&alice, 2, OUCH_REJECT_INVALID_QUANTITY);
    tell(&alice, market_enter(3, 'B', 1, "ABC", PRICE));
    (void)hear(&alice, OUCH_ACCEPTED);
    put(&alice, "\xff\xff\xff\xff", 4); /* no frame of a client */
    assert_int_equal(frame(&alice, &packet), 0);
    leave(&alice);
    assert_int_equal(next_reference(&bob), 1); /* who notices nothing */
    log_in_again(&alice, "alice", "pa", 0);
    tell(&alice, market_cancel(3, 0)); /* she does not cancel on disconnect */
    assert_int_equal(hear(&alice, OUCH_CANCELED)->canceled.quantity, 1);
    leave(&alice);
    leave(&bob);
    stop();
}

static void a_full_book_refuses_and_trading_goes_on(void **state) {
    enum { SLOTS = 64 };
    (void)state;
    configure("card: soft", "card: soft, soft_orders: 64");
    start();
    alice_and_bob();
    for (uint32_t i = 1; i <= SLOTS; i++) {
        tell(&alice, market_enter(i, 'S', 1, "ABC", PRICE));
        (void)hear(&alice, OUCH_ACCEPTED);
    }
    tell(&alice, market_enter(SLOTS + 1, 'S', 1, "ABC", PRICE));
    hear_rejected(&alice, SLOTS + 1, OUCH_REJECT_PROCESSING_ERROR);
    tell(&alice, market_cancel(1, 0));
    (void)hear(&alice, OUCH_CANCELED);
    tell(&bob, market_enter(1, 'B', 1, "ABC", PRICE));
    (void)hear(&bob, OUCH_ACCEPTED);
    (void)hear(&bob, OUCH_EXECUTED);
    assert_int_equal(hear(&alice, OUCH_EXECUTED)->executed.user_ref, 2);
    leave(&alice);
    leave(&bob);
    stop();
}

static void messages_are_sent_again_from_any_number(void **state) {
    (void)state;
    enum { MESSAGES = 600 };
    start();
    assert_int_equal(log_in(&alice, "alice", "pa", "", 0), SOUP_LOGIN_ACCEPTED);
    for (uint32_t i = 1; i <= MESSAGES; i++) tell(&alice, market_enter(i, 'B', 1, "NONE", PRICE));
    for (uint32_t i = 1; i <= MESSAGES; i++) hear_rejected(&alice, i, OUCH_REJECT_INVALID_SYMBOL);
    leave(&alice);
    static const uint64_t from[] = { 1, 2, 255, 256, 257, 258, 512, MESSAGES, MESSAGES + 1, 0 };
    for (size_t i = 0; i < sizeof from / sizeof *from; i++) {
        log_in_again(&alice, "alice", "pa", from[i]);
        uint64_t first = from[i] == 0 ? MESSAGES + 1 : from[i];
        assert_int_equal(alice.sequence, first);
        for (uint64_t number = first; number <= MESSAGES; number++)
            hear_rejected(&alice, (uint32_t)number, OUCH_REJECT_INVALID_SYMBOL);
        leave(&alice);
    }
    stop();
}

static void a_quiet_gateway_sends_heartbeats(void **state) {
    (void)state;
    struct soup_packet packet;
    start();
    assert_int_equal(log_in(&alice, "alice", "pa", "", 0), SOUP_LOGIN_ACCEPTED);
    uint64_t from_ns = clock_monotonic_ns();
    assert_int_equal(frame(&alice, &packet), SOUP_SERVER_HEARTBEAT);
    assert_true(clock_monotonic_ns() - from_ns > SOUP_HEARTBEAT_NS / 2);
    leave(&alice);
    stop();
}

/* What a restart must leave as it was: the sequence, the live order, the references. */
static void see_it_all_again(uint64_t messages) {
    log_in_again(&alice, "alice", "pa", 1);
    assert_int_equal(hear(&alice, OUCH_ACCEPTED)->accepted.user_ref, 1);
    assert_int_equal(hear(&alice, OUCH_EXECUTED)->executed.quantity, 40);
    assert_int_equal(hear(&alice, OUCH_REPLACED)->replaced.user_ref, 2);
    assert_int_equal(alice.sequence, messages + 1);
    assert_int_equal(next_reference(&alice), 3);
    tell(&alice, market_cancel(2, 0));
    assert_int_equal(hear(&alice, OUCH_CANCELED)->canceled.quantity, 80);
    /* Bob's resting order was taken off: he cancels on disconnect. */
    log_in_again(&bob, "bob", "pb", 3);
    assert_int_equal(hear(&bob, OUCH_ACCEPTED)->accepted.user_ref, 2);
    assert_int_equal(hear(&bob, OUCH_CANCELED)->canceled.reason, OUCH_CANCEL_SUPERVISORY);
    leave(&alice);
    leave(&bob);
}

static void trade_before_a_restart(void) {
    start();
    alice_and_bob();
    tell(&alice, market_enter(1, 'S', 100, "ABC", PRICE));
    (void)hear(&alice, OUCH_ACCEPTED);
    tell(&bob, market_enter(1, 'B', 40, "ABC", PRICE));
    (void)hear(&bob, OUCH_ACCEPTED);
    (void)hear(&bob, OUCH_EXECUTED);
    (void)hear(&alice, OUCH_EXECUTED);
    tell(&bob, market_enter(2, 'B', 7, "ABC", 900000));
    (void)hear(&bob, OUCH_ACCEPTED);
    tell(&alice, market_replace(1, 2, 120, PRICE + 100));
    (void)hear(&alice, OUCH_REPLACED);
}

static void a_restart_keeps_sequence_and_orders(void **state) {
    (void)state;
    trade_before_a_restart();
    stop(); /* with both connected */
    leave(&alice);
    leave(&bob);
    start();
    see_it_all_again(3);
    stop();
}

static void a_crash_with_a_torn_tail_loses_nothing_acknowledged(void **state) {
    (void)state;
    char path[PATH_BYTES + 32];
    trade_before_a_restart();
    crash();
    leave(&alice);
    leave(&bob);
    (void)snprintf(path, sizeof path, "%s/market-000001.wpj", gateway.journal);
    FILE *file = fopen(path, "ab");
    assert_non_null(file);
    assert_int_equal(fwrite("torn in the middle of a block", 1, 29, file), 29);
    assert_int_equal(fclose(file), 0);
    start();
    see_it_all_again(3);
    assert_true(log_says("cut"));
    crash();
    start(); /* and once more, after a crash of the recovered one */
    log_in_again(&alice, "alice", "pa", 1);
    (void)hear(&alice, OUCH_ACCEPTED);
    leave(&alice);
    stop();
}

static void another_configuration_is_refused(void **state) {
    (void)state;
    start();
    stop();
    configure("tick: '0.01'", "tick: '0.02'");
    assert_int_equal(try_start("soft", 0), 0);
    assert_int_equal(wait_exit(), 1);
    assert_true(log_says("begun with other symbols"));
    configure("card: soft", "card: hard");
    assert_int_equal(try_start("soft", 0), 0);
    assert_int_equal(wait_exit(), 1);
    assert_true(log_says("market.yaml: "));
}

/* Writes the closing that a card whose host fell silent would have said. */
static void close_gate_in_journal(void) {
    const struct journal_options options = { .directory = gateway.journal };
    struct command closing = setup_gate(MODE_KILL);
    struct journal_recovered recovered;
    struct journal *journal;
    closing.origin = ORIGIN_CARD;
    closing.stamp_ns = clock_wall_ns();
    assert_int_equal(journal_open(&options, &journal, &recovered), 0);
    assert_true(journal_append(journal, JOURNAL_COMMAND, 0, &closing, sizeof closing) > 0);
    assert_int_equal(journal_wait(journal), 0);
    journal_close(journal);
}

/* What --verify says of the journal, without the figures. */
static bool verify_says(const char *words) {
    char path[PATH_BYTES], command[5 * PATH_BYTES];
    path_in(path, "verify");
    (void)snprintf(command, sizeof command, "%s --config %s --card soft --journal %s --verify >%s",
                   program(), gateway.config, gateway.journal, path);
    assert_int_equal(system(command), 0);
    return file_says(path, words);
}

static void a_closed_gate_is_said_and_released_on_request(void **state) {
    (void)state;
    static const struct {
        bool closes, release, open;
        const char *said;
    } row[] = {
        { false, false, true, "" },
        { true, false, false, "the card's gate was closed before this start" },
        { false, true, true, "--release: the card's gate is open again" },
        { false, false, true, "" },
        { false, true, true, "--release: the card's gate is open anyway" },
    };
    for (uint32_t i = 0; i < sizeof row / sizeof *row; i++) {
        if (row[i].closes) {
            close_gate_in_journal();
            assert_true(verify_says("true but not whole: of the last command's events 1 are"));
        }
        gateway.release = row[i].release;
        assert_false(row[i].said[0] != 0 && log_says(row[i].said));
        start();
        assert_true(row[i].said[0] == 0 || log_says(row[i].said));
        assert_int_equal(log_in(&alice, "alice", "pa", "", 0), SOUP_LOGIN_ACCEPTED);
        tell(&alice, market_enter(i + 1, 'B', 1, "ABC", PRICE));
        (void)hear(&alice, row[i].open ? OUCH_ACCEPTED : OUCH_REJECTED);
        leave(&alice);
        stop();
        assert_true(
            file_says(gateway.json, row[i].open ? "\"gate\": \"open\"" : "\"gate\": \"closed\""));
        assert_true(file_says(gateway.json, "\"journal_verified\": true"));
        assert_true(verify_says("whole and true"));
    }
}

static void a_full_disk_stops_trading_and_says_so(void **state) {
    enum { FILE_BYTES = 64 << 10 };
    (void)state;
    struct soup_packet packet;
    gateway.port = try_start("soft", FILE_BYTES);
    assert_int_not_equal(gateway.port, 0);
    assert_int_equal(log_in(&alice, "alice", "pa", "", 0), SOUP_LOGIN_ACCEPTED);
    uint32_t ref = 0, accepted = 0;
    uint8_t type = SOUP_SEQUENCED;
    while (type != 0) {
        uint8_t bytes[OUCH_BYTES_MAX + SOUP_HEADER_BYTES];
        struct ouch_message message = market_enter(++ref, 'B', 1, "NONE", PRICE);
        int count = ouch_encode(&message, bytes + SOUP_HEADER_BYTES, OUCH_BYTES_MAX);
        size_t whole = soup_encode_header(bytes, SOUP_UNSEQUENCED, (size_t)count);
        if (send(alice.socket, bytes, whole, MSG_NOSIGNAL) < 0) break;
        while ((type = frame(&alice, &packet)) == SOUP_SERVER_HEARTBEAT) continue;
        accepted += type == SOUP_SEQUENCED;
        assert_true(ref < 10000);
    }
    leave(&alice);
    assert_int_equal(wait_exit(), 1);
    assert_true(log_says("trading is stopped, the card's gate closed"));
    /* With room again, everything that was answered is there. */
    start();
    log_in_again(&alice, "alice", "pa", 1);
    for (uint32_t i = 1; i <= accepted; i++) hear_rejected(&alice, i, OUCH_REJECT_INVALID_SYMBOL);
    leave(&alice);
    stop();
}

static void who_floods_or_does_not_read_suffers_alone(void **state) {
    (void)state;
    uint8_t flood[64 * 5];
    size_t count = 0;
    start();
    alice_and_bob();
    struct ouch_message query = market_query();
    for (int i = 0; i < 64; i++) {
        uint8_t bytes[8];
        int length = ouch_encode(&query, bytes, sizeof bytes);
        count += soup_encode_unsequenced(flood + count, bytes, (size_t)length);
    }
    assert_int_equal(fcntl(alice.socket, F_SETFL, O_NONBLOCK), 0);
    size_t sent = 0;
    uint64_t from_ns = clock_monotonic_ns(), slowest_ns = 0;
    while (clock_monotonic_ns() - from_ns < UINT64_C(1500000000)) {
        ssize_t more = send(alice.socket, flood + sent % count, count - sent % count, MSG_NOSIGNAL);
        if (more > 0) {
            sent += (size_t)more;
            continue;
        }
        assert_int_equal(errno, EAGAIN);
        uint64_t asked_ns = clock_monotonic_ns();
        assert_int_equal(next_reference(&bob), 1);
        uint64_t waited_ns = clock_monotonic_ns() - asked_ns;
        if (waited_ns > slowest_ns) slowest_ns = waited_ns;
    }
    print_message("flooded with %zu bytes; the other waited at most %llu us\n", sent,
                  (unsigned long long)(slowest_ns / 1000));
    assert_int_equal(next_reference(&bob), 1);
    assert_true(slowest_ns < UINT64_C(1000000000));
    leave(&alice);
    leave(&bob);
    stop();
}

/* The frames of a login and a request, one byte a segment, while another trades. */
static void who_sends_a_byte_at_a_time_is_understood_and_holds_nobody_up(void **state) {
    static const int on = 1;
    (void)state;
    uint8_t bytes[512];
    struct soup_packet packet;
    struct soup_login login = { .username = "alice", .password = "pa" };
    struct ouch_message query = market_query();
    uint64_t slowest_ns = 0;
    start();
    assert_int_equal(log_in(&bob, "bob", "pb", "", 0), SOUP_LOGIN_ACCEPTED);
    reach(&alice);
    assert_int_equal(setsockopt(alice.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
    size_t count = soup_encode_login_request(bytes, &login);
    int length = ouch_encode(&query, bytes + count + SOUP_HEADER_BYTES, OUCH_BYTES_MAX);
    count += soup_encode_header(bytes + count, SOUP_UNSEQUENCED, (size_t)length);
    for (size_t i = 0; i < count; i++) {
        put(&alice, bytes + i, 1);
        uint64_t asked_ns = clock_monotonic_ns();
        assert_int_equal(next_reference(&bob), 1);
        uint64_t waited_ns = clock_monotonic_ns() - asked_ns;
        if (waited_ns > slowest_ns) slowest_ns = waited_ns;
    }
    assert_int_equal(frame(&alice, &packet), SOUP_LOGIN_ACCEPTED);
    assert_int_equal(
        hear(&alice, OUCH_ACCOUNT_QUERY_RESPONSE)->account_query_response.next_user_ref, 1);
    print_message("%zu bytes one by one; the other waited at most %llu us\n", count,
                  (unsigned long long)(slowest_ns / 1000));
    assert_true(slowest_ns < UINT64_C(1000000000));
    leave(&alice);
    leave(&bob);
    stop();
}

static uint16_t inverted_sum(const void *bytes, size_t count, uint32_t sum) {
    const uint8_t *at = bytes;
    for (size_t i = 0; i < count; i++) sum += (uint32_t)at[i] << (i % 2 == 0 ? 8 : 0);
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    return htons((uint16_t)~sum);
}

/* A SYN from a source that does not exist. */
static void send_syn(int raw, uint32_t number) {
    struct {
        struct iphdr ip;
        struct tcphdr tcp;
    } packet = { .ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP } };
    struct sockaddr_in to = { .sin_family = AF_INET };
    to.sin_addr.s_addr = inet_addr(net_address());
    packet.ip.tot_len = htons(sizeof packet);
    packet.ip.daddr = to.sin_addr.s_addr;
    packet.ip.saddr = htonl(0x0a4d0000u + 3 + number % 250);
    packet.tcp.source = htons((uint16_t)(1024 + number / 250));
    packet.tcp.dest = htons(gateway.port);
    packet.tcp.seq = htonl(number * 64000);
    packet.tcp.doff = 5;
    packet.tcp.syn = 1;
    packet.tcp.window = htons(65535);
    uint32_t pseudo = IPPROTO_TCP + sizeof packet.tcp;
    for (int i = 0; i < 2; i++) {
        uint32_t address = ntohl(i == 0 ? packet.ip.saddr : packet.ip.daddr);
        pseudo += (address >> 16) + (address & 0xffff);
    }
    packet.tcp.check = inverted_sum(&packet.tcp, sizeof packet.tcp, pseudo);
    (void)sendto(raw, &packet, sizeof packet, MSG_DONTWAIT, (const struct sockaddr *)&to,
                 sizeof to);
}

/* Past the kernel only: the kernel's TCP keeps itself. */
static void a_flood_of_syns_harms_no_session(void **state) {
    enum { PER_SECOND = 20000, SECONDS = 2, STEP_MS = 1 };
    (void)state;
    if (net_port() == NULL) skip();
    int raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    assert_true(raw >= 0);
    uint64_t slowest_ns = 0;
    uint32_t sent = 0;
    start();
    assert_int_equal(log_in(&bob, "bob", "pb", "", 0), SOUP_LOGIN_ACCEPTED);
    uint64_t from_ns = clock_monotonic_ns(), gone_ns;
    while ((gone_ns = clock_monotonic_ns() - from_ns) < SECONDS * UINT64_C(1000000000)) {
        for (; sent < gone_ns / (1000000000 / PER_SECOND); sent++) send_syn(raw, sent);
        uint64_t asked_ns = clock_monotonic_ns();
        assert_int_equal(next_reference(&bob), 1);
        uint64_t waited_ns = clock_monotonic_ns() - asked_ns;
        if (waited_ns > slowest_ns) slowest_ns = waited_ns;
    }
    print_message("%u SYNs; a session waited at most %llu us\n", sent,
                  (unsigned long long)(slowest_ns / 1000));
    assert_true(slowest_ns < UINT64_C(1000000000));
    assert_int_equal(log_in(&alice, "alice", "pa", "", 0), SOUP_LOGIN_ACCEPTED);
    assert_int_equal(next_reference(&alice), 1);
    assert_int_equal(close(raw), 0);
    leave(&alice);
    leave(&bob);
    stop();
}

static void who_half_closes_is_dropped_and_may_come_back(void **state) {
    (void)state;
    struct soup_packet packet;
    start();
    assert_int_equal(log_in(&alice, "alice", "pa", "", 0), SOUP_LOGIN_ACCEPTED);
    assert_int_equal(next_reference(&alice), 1);
    assert_int_equal(shutdown(alice.socket, SHUT_WR), 0);
    assert_int_equal(frame(&alice, &packet), 0);
    leave(&alice);
    log_in_again(&alice, "alice", "pa", 1);
    (void)hear(&alice, OUCH_ACCOUNT_QUERY_RESPONSE);
    leave(&alice);
    stop();
}

static void idle_connections_make_room_for_those_that_log_in(void **state) {
    enum { IDLE = 60 };
    (void)state;
    static struct client idle[IDLE];
    start();
    assert_int_equal(log_in(&alice, "alice", "pa", "", 0), SOUP_LOGIN_ACCEPTED);
    for (int i = 0; i < IDLE; i++) reach(&idle[i]);
    assert_int_equal(log_in(&bob, "bob", "pb", "", 0), SOUP_LOGIN_ACCEPTED);
    assert_int_equal(next_reference(&alice), 1);
    assert_int_equal(next_reference(&bob), 1);
    for (int i = 0; i < IDLE; i++) leave(&idle[i]);
    leave(&alice);
    leave(&bob);
    stop();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_login_needs_name_password_and_session),
        TEST(two_firms_trade),
        TEST(the_verilated_card_trades_and_restarts),
        TEST(nonsense_is_refused_and_only_broken_frames_end_the_connection),
        TEST(a_full_book_refuses_and_trading_goes_on),
        TEST(messages_are_sent_again_from_any_number),
        TEST(a_quiet_gateway_sends_heartbeats),
        TEST(a_restart_keeps_sequence_and_orders),
        TEST(a_crash_with_a_torn_tail_loses_nothing_acknowledged),
        TEST(another_configuration_is_refused),
        TEST(a_closed_gate_is_said_and_released_on_request),
        TEST(a_full_disk_stops_trading_and_says_so),
        TEST(who_floods_or_does_not_read_suffers_alone),
        TEST(who_sends_a_byte_at_a_time_is_understood_and_holds_nobody_up),
        TEST(a_flood_of_syns_harms_no_session),
        TEST(who_half_closes_is_dropped_and_may_come_back),
        TEST(idle_connections_make_room_for_those_that_log_in),
    };
    if (!net_enter()) return 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
