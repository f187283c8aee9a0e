/* test_weather: the gateway past the kernel, on AF_XDP, in bad weather: wires that lose frames,
 * floods of SYNs, and clients that behave badly. Who is behind it may suffer; nobody else does. */
#include "host/base/clock.h"
#include "host/base/histogram.h"
#include "host/wire/soup.h"
#include "tests/e2e/weather.h"
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
#include <inttypes.h>
#include <jansson.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FOLDER "build/e2e/weather"
#define MS_NS  UINT64_C(1000000)
enum { PRICE = 900100, WAIT_MS = 10000, COMMAND_BYTES = 1024 };

/* ---- The gateway ---- */

static pid_t gateway;
static uint16_t port;
static json_t *figures; /* of its last run */

static const char *program(void) {
    const char *path = getenv("WIREPIT_GATEWAY");
    return path != NULL ? path : "build/plain/wirepit-gateway";
}

static bool try_start(void) {
    int out[2];
    char line[128] = "";
    assert_int_equal(pipe(out), 0);
    gateway = fork();
    assert_true(gateway >= 0);
    if (gateway == 0) {
        const char *const arguments[] = { program(),
                                          "--config",
                                          FOLDER "/config.yaml",
                                          "--card",
                                          "soft",
                                          "--journal",
                                          FOLDER "/journal",
                                          "--json",
                                          FOLDER "/gateway.json",
                                          "--listen",
                                          WEATHER_GATEWAY,
                                          "--port",
                                          "0",
                                          "--transport",
                                          "lwip",
                                          "--nic",
                                          "af_xdp",
                                          "--interface",
                                          WEATHER_INTERFACE,
                                          NULL };
        int errors = open(FOLDER "/log", O_WRONLY | O_CREAT | O_APPEND, 0644);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (weather_gateway_side() != 0 || errors < 0 || dup2(out[1], STDOUT_FILENO) < 0 ||
            dup2(errors, STDERR_FILENO) < 0)
            _exit(9);
        (void)close(out[0]);
        (void)execv(program(), (char **)(uintptr_t)arguments);
        _exit(9);
    }
    (void)close(out[1]);
    FILE *stream = fdopen(out[0], "r");
    assert_non_null(stream);
    if (fgets(line, sizeof line, stream) == NULL) line[0] = 0;
    assert_int_equal(fclose(stream), 0);
    return sscanf(line, "listening on %*[0-9.]:%hu", &port) == 1;
}

static void start(void) {
    if (!try_start()) fail_msg("%s does not come up, see " FOLDER "/log", program());
}

/* Has it started with text, in which answers do not wait for the disk: its flushes would hide what
   the weather does. settings are more ones of the port. */
static void configure(const char *text, const char *settings) {
    static const char usual[] = "durability: sync", card[] = "card: ";
    const char *first = strstr(text, usual), *second = strstr(text, card);
    assert_true(first != NULL && second != NULL && first < second);
    FILE *file = fopen(FOLDER "/config.yaml", "w");
    assert_non_null(file);
    (void)fprintf(file, "%.*sdurability: async%.*s%s%s", (int)(first - text), text,
                  (int)(second - first) - (int)strlen(usual), first + strlen(usual), settings,
                  second);
    assert_int_equal(fclose(file), 0);
}

static void write_market(const char *settings) {
    char text[COMMAND_BYTES];
    (void)snprintf(text, sizeof text, "nic: {port: af_xdp%s}, ", settings);
    configure(market_yaml, text);
}

static void start_market(const char *settings) {
    write_market(settings);
    start();
}

/* The configuration that is shipped. */
static void start_example(void) {
    static char text[1 << 16];
    FILE *file = fopen("host/package/wirepit.yaml", "r");
    assert_non_null(file);
    size_t bytes = fread(text, 1, sizeof text - 1, file);
    assert_true(bytes > 0 && bytes < sizeof text - 1);
    (void)fclose(file);
    configure(text, "");
    start();
}

/* Ends it, has the journal verified by a process of its own, and reads the figures. */
static void stop(void) {
    char command[COMMAND_BYTES];
    int status = 0;
    assert_int_equal(kill(gateway, SIGTERM), 0);
    assert_int_equal(waitpid(gateway, &status, 0), gateway);
    gateway = 0;
    assert_int_equal(status, 0);
    (void)snprintf(command, sizeof command,
                   "%s --config " FOLDER "/config.yaml --card soft --journal " FOLDER
                   "/journal --listen " WEATHER_GATEWAY
                   " --transport lwip --nic af_xdp --interface " WEATHER_INTERFACE
                   " --verify >" FOLDER "/verified",
                   program());
    assert_int_equal(system(command), 0);
    figures = json_load_file(FOLDER "/gateway.json", 0, NULL);
    assert_non_null(figures);
    assert_true(json_is_true(json_object_get(figures, "journal_verified")));
    assert_string_equal(json_string_value(json_object_get(figures, "port")), "af_xdp");
    assert_string_equal(json_string_value(json_object_get(figures, "transport")), "lwip");
}

static json_int_t steered(const char *counter) {
    const json_t *count = json_object_get(json_object_get(figures, "steer"), counter);
    assert_true(json_is_integer(count));
    return json_integer_value(count);
}

static int set_up(void **state) {
    (void)state;
    weather_lose(0);
    return system("rm -rf " FOLDER " && mkdir -p " FOLDER);
}

/* ---- A client, which returns false where it is refused, cut off or left waiting ---- */

struct client {
    int socket;
    size_t used;
    uint8_t bytes[SOUP_FRAME_BYTES_MAX];
    struct ouch_message message; /* the last one */
};

static struct client trader, rude;

static bool reach(struct client *client, uint32_t source, int wait_ms) {
    static const int on = 1;
    const struct timeval limit = { .tv_sec = WAIT_MS / 1000 };
    struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(source) };
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
    int error = 0;
    socklen_t bytes = sizeof error;
    to.sin_addr.s_addr = inet_addr(WEATHER_GATEWAY);
    client->used = 0;
    client->socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct pollfd ready = { .fd = client->socket, .events = POLLOUT };
    (void)setsockopt(client->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(client->socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    (void)setsockopt(client->socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (bind(client->socket, (const struct sockaddr *)&from, sizeof from) == 0 &&
        (connect(client->socket, (const struct sockaddr *)&to, sizeof to) == 0 ||
         errno == EINPROGRESS) &&
        poll(&ready, 1, wait_ms) == 1 &&
        getsockopt(client->socket, SOL_SOCKET, SO_ERROR, &error, &bytes) == 0 && error == 0 &&
        fcntl(client->socket, F_SETFL, 0) == 0)
        return true;
    (void)close(client->socket);
    return false;
}

static bool put(struct client *client, const void *bytes, size_t count) {
    return send(client->socket, bytes, count, MSG_NOSIGNAL) == (ssize_t)count;
}

/* Waits for a frame and takes it; its type, 0 when there is none. */
static uint8_t frame(struct client *client, struct soup_packet *packet) {
    static uint8_t taken[SOUP_FRAME_BYTES_MAX];
    for (;;) {
        int bytes = soup_parse(client->bytes, client->used, SOUP_FROM_SERVER,
                               SOUP_PAYLOAD_BYTES_MAX, packet);
        if (bytes < 0) return 0;
        if (bytes > 0) {
            memcpy(taken, client->bytes, (size_t)bytes);
            packet->payload = taken + SOUP_HEADER_BYTES;
            client->used -= (size_t)bytes;
            memmove(client->bytes, client->bytes + bytes, client->used);
            return packet->type;
        }
        ssize_t count = recv(client->socket, client->bytes + client->used,
                             sizeof client->bytes - client->used, 0);
        if (count <= 0) return 0;
        client->used += (size_t)count;
    }
}

static size_t login_bytes(uint8_t *bytes, const char *user, const char *password) {
    struct soup_login login = { .sequence = 0 };
    (void)snprintf(login.username, sizeof login.username, "%s", user);
    (void)snprintf(login.password, sizeof login.password, "%s", password);
    return soup_encode_login_request(bytes, &login);
}

/* Logs in from an address. Whose last connection has just ended may have to ask again. */
static bool log_in(struct client *client, uint32_t source, const char *user, const char *password,
                   int wait_ms) {
    uint64_t from_ns = clock_monotonic_ns();
    uint8_t bytes[SOUP_LOGIN_REQUEST_BYTES];
    struct soup_packet packet;
    uint8_t type = SOUP_LOGIN_REJECTED;
    while (type == SOUP_LOGIN_REJECTED && clock_monotonic_ns() - from_ns < WAIT_MS * MS_NS) {
        if (!reach(client, source, wait_ms)) return false;
        if (put(client, bytes, login_bytes(bytes, user, password))) type = frame(client, &packet);
        if (type != SOUP_LOGIN_ACCEPTED) (void)close(client->socket);
    }
    return type == SOUP_LOGIN_ACCEPTED;
}

static size_t message_bytes(uint8_t *bytes, struct ouch_message message) {
    int count = ouch_encode(&message, bytes + SOUP_HEADER_BYTES, OUCH_BYTES_MAX);
    return soup_encode_header(bytes, SOUP_UNSEQUENCED, (size_t)count);
}

static bool hear(struct client *client, enum ouch_kind kind) {
    struct soup_packet packet;
    struct ouch_fault fault;
    uint8_t type;
    while ((type = frame(client, &packet)) == SOUP_SERVER_HEARTBEAT) continue;
    return type == SOUP_SEQUENCED &&
           ouch_decode(OUCH_OUT, packet.payload, packet.bytes, &client->message, &fault) == 0 &&
           client->message.kind == kind;
}

static bool ask(struct client *client, struct ouch_message message, enum ouch_kind answer) {
    uint8_t bytes[SOUP_HEADER_BYTES + OUCH_BYTES_MAX];
    return put(client, bytes, message_bytes(bytes, message)) && hear(client, answer);
}

/* ---- Who behaves well ---- */

/* Enters and cancels orders for so long, one after the other, as it may be done in any weather. */
static void trade(uint32_t milliseconds, const char *weather) {
    static struct histogram trips;
    static uint32_t reference;
    uint64_t from_ns = clock_monotonic_ns(), asked_ns;
    trips = (struct histogram){ .count = 0 };
    assert_true(ask(&trader, market_query(), OUCH_ACCOUNT_QUERY_RESPONSE));
    reference = trader.message.account_query_response.next_user_ref;
    while ((asked_ns = clock_monotonic_ns()) - from_ns < milliseconds * MS_NS) {
        if (!ask(&trader, market_enter(reference, 'B', 1, "ABC", PRICE), OUCH_ACCEPTED))
            fail_msg("%s: order %u is not accepted", weather, reference);
        assert_int_equal(trader.message.accepted.user_ref, reference);
        histogram_add(&trips, clock_monotonic_ns() - asked_ns);
        if (!ask(&trader, market_cancel(reference, 0), OUCH_CANCELED))
            fail_msg("%s: order %u is not canceled", weather, reference);
        assert_int_equal(trader.message.canceled.user_ref, reference++);
    }
    struct histogram_summary said = histogram_summarise(&trips);
    print_message("%s: %" PRIu64 " round trips of another, p50 %" PRIu64 " us, p99 %" PRIu64
                  " us, max %" PRIu64 " us\n",
                  weather, said.count, said.p50 / 1000, said.p99 / 1000, said.max / 1000);
    assert_true(said.count > 10);
}

static void trader_arrives(void) {
    assert_true(log_in(&trader, WEATHER_CLIENT, "bob", "pb", WAIT_MS));
}

/* ---- Who does something beside, in a process of its own ---- */

struct outcome {
    uint32_t tries, successes;
    uint64_t slowest_ns;
};

static struct outcome *outcome;
static pid_t beside;

/* For so long from source; says whether all went as it must. */
static void begin(bool (*act)(uint64_t until_ns, uint32_t source), uint32_t milliseconds,
                  uint32_t source) {
    *outcome = (struct outcome){ .tries = 0 };
    beside = fork();
    assert_true(beside >= 0);
    if (beside > 0) return;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    _exit(act(clock_monotonic_ns() + milliseconds * MS_NS, source) ? 0 : 1);
}

static void end(void) {
    int status = 0;
    assert_int_equal(waitpid(beside, &status, 0), beside);
    beside = 0;
    assert_int_equal(status, 0);
}

static int tear_down(void **state) {
    (void)state;
    if (beside > 0 && kill(beside, SIGKILL) == 0) (void)waitpid(beside, NULL, 0);
    if (gateway > 0 && kill(gateway, SIGKILL) == 0) (void)waitpid(gateway, NULL, 0);
    beside = gateway = 0;
    json_decref(figures);
    figures = NULL;
    return 0;
}

/* A new client after the other; each may take a second. */
static bool newcomers(uint64_t until_ns, uint32_t source) {
    static const struct timespec nap = { .tv_nsec = 50 * (long)MS_NS };
    for (uint64_t from_ns; (from_ns = clock_monotonic_ns()) < until_ns;
         (void)nanosleep(&nap, NULL)) {
        bool in = log_in(&rude, source, "alice", "pa", 900) &&
                  ask(&rude, market_query(), OUCH_ACCOUNT_QUERY_RESPONSE);
        uint64_t took_ns = clock_monotonic_ns() - from_ns;
        outcome->tries++;
        outcome->successes += in;
        if (in && took_ns > outcome->slowest_ns) outcome->slowest_ns = took_ns;
        if (in) (void)close(rude.socket);
    }
    return true;
}

/* ---- Losses ---- */

/* Runs it again where no connection came about: a handshake that lost a frame may end with a reset,
   and nothing was ordered by then. A stream that breaks later is not forgiven. */
static int run_replay(const char *command) {
    int code = system(command);
    for (int i = 0; code != 0 && i < 2; i++) {
        if (system("grep -q 'is the gateway up' " FOLDER "/complaint") != 0) break;
        print_message("a handshake failed and is tried again\n");
        code = system(command);
    }
    if (code != 0 && system("cat " FOLDER "/complaint") != 0) print_message("no complaint\n");
    return code;
}

/* What came of a flow, for the client and for the gateway. */
static json_t *play(uint32_t per_100000, const char *pace, uint32_t rows) {
    static const char *const kept[] = { "orders",   "accepted", "rejected", "fills",  "shares",
                                        "executed", "canceled", "replaced", "rejects" };
    static const char *const held[] = { "commands", "events" };
    char command[COMMAND_BYTES];
    json_t *result = json_object();
    assert_int_equal(set_up(NULL), 0);
    start_example();
    struct weather_counts before = weather_counts();
    uint64_t from_ns = clock_monotonic_ns();
    weather_lose(per_100000);
    (void)snprintf(command, sizeof command,
                   "build/plain/wirepit-replay --host " WEATHER_GATEWAY
                   " --port %u --flow day --rows %u --clients 4 --window 4 --pace %s --json " FOLDER
                   "/replay.json >" FOLDER "/replay 2>" FOLDER "/complaint",
                   port, rows, pace);
    assert_int_equal(run_replay(command), 0);
    struct weather_counts after = weather_counts();
    uint64_t there = after.lost[WEATHER_THERE] - before.lost[WEATHER_THERE];
    uint64_t back = after.lost[WEATHER_BACK] - before.lost[WEATHER_BACK];
    print_message("%s, %u of 100,000: lost %" PRIu64 " of %" PRIu64 " there, %" PRIu64
                  " of %" PRIu64 " back, %" PRIu64 " ms\n",
                  pace, per_100000, there, after.frames[0] - before.frames[0], back,
                  after.frames[1] - before.frames[1], (clock_monotonic_ns() - from_ns) / MS_NS);
    assert_true(per_100000 == 0 ? there + back == 0 : there > 0 && back > 0);
    weather_lose(0);
    stop();

    json_t *replay = json_load_file(FOLDER "/replay.json", 0, NULL);
    assert_non_null(replay);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        (void)json_object_set(result, kept[i], json_object_get(replay, kept[i]));
    for (size_t i = 0; i < sizeof held / sizeof *held; i++)
        (void)json_object_set(result, held[i], json_object_get(figures, held[i]));
    json_decref(replay);
    json_decref(figures);
    figures = NULL;
    json_int_t orders = json_integer_value(json_object_get(result, "orders"));
    assert_true(orders > rows / 4);
    assert_int_equal(orders, json_integer_value(json_object_get(result, "accepted")) +
                                 json_integer_value(json_object_get(result, "rejected")));
    return result;
}

/* One message at a time the same flow gives the same trades, whatever is lost on the way. */
static void losses_change_nothing_but_the_time(void **state) {
    enum { ROWS = 10000 };
    (void)state;
    json_t *whole = play(0, "strict", ROWS);
    static const uint32_t losses[] = { 100, 1000 };
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
        json_t *some = play(losses[i], "strict", ROWS);
        assert_true(json_equal(some, whole));
        json_decref(some);
    }
    assert_true(json_integer_value(json_object_get(whole, "fills")) > 0);
    json_decref(whole);
}

static void sessions_that_send_at_once_lose_nothing_either(void **state) {
    (void)state;
    json_decref(play(100, "flat", 40000));
    json_decref(play(1000, "flat", 6000));
}

/* ---- Floods of SYNs ---- */

enum { FLOOD_PER_SECOND = 20000, FLOOD_MS = 3000 };

/* Returns how many SYNs were sent, while a session trades and others try to come in. */
static uint64_t flood(uint32_t first, uint32_t count, const char *name) {
    const struct weather_flood syns = { .port = port,
                                        .first_source = first,
                                        .source_count = count,
                                        .per_second = FLOOD_PER_SECOND,
                                        .milliseconds = FLOOD_MS };
    trader_arrives();
    trade(300, "fair weather");
    assert_true(weather_flood_start(&syns));
    begin(newcomers, FLOOD_MS - 200, WEATHER_CLIENT);
    trade(FLOOD_MS, name);
    end();
    uint64_t sent = weather_flood_end();
    print_message("%s: %" PRIu64 " SYNs; %u of %u new clients got in, in at most %" PRIu64 " us\n",
                  name, sent, outcome->successes, outcome->tries, outcome->slowest_ns / 1000);
    assert_true(sent > (uint64_t)FLOOD_PER_SECOND * FLOOD_MS / 1000 / 2);
    /* When it is over all who may come in do. */
    assert_true(log_in(&rude, WEATHER_NEIGHBOUR, "alice", "pa", WAIT_MS));
    assert_true(ask(&rude, market_query(), OUCH_ACCOUNT_QUERY_RESPONSE));
    (void)close(rude.socket);
    (void)close(trader.socket);
    stop();
    return sent;
}

static void syns_of_strangers_harm_nobody(void **state) {
    (void)state;
    start_market(", allow: [10.77.0.2/31]");
    uint64_t sent = flood(WEATHER_STRANGERS, WEATHER_STRANGER_COUNT, "SYNs of strangers");
    assert_int_equal(outcome->successes, outcome->tries);
    assert_true(outcome->tries > 10);
    assert_true((uint64_t)steered("dropped_denied") > sent * 9 / 10);
    assert_int_equal(steered("dropped_syn_all"), 0);
}

static void syns_of_one_source_harm_that_source_only(void **state) {
    (void)state;
    start_market("");
    uint64_t sent = flood(WEATHER_NEIGHBOUR, 1, "SYNs of one source");
    assert_int_equal(outcome->successes, outcome->tries);
    assert_true(outcome->tries > 10);
    assert_true((uint64_t)steered("dropped_syn_source") > sent / 2);
    assert_int_equal(steered("dropped_syn_all"), 0);
}

/* Sources that nobody can tell from clients: a session goes on, new ones are a lottery until it is
   over. */
static void syns_of_made_up_clients_harm_no_session(void **state) {
    (void)state;
    start_market("");
    uint64_t sent = flood(WEATHER_STRANGERS, WEATHER_STRANGER_COUNT, "SYNs of made-up clients");
    assert_true((uint64_t)steered("dropped_syn_all") > sent / 2);
}

/* ---- Rude clients ---- */

/* As many requests as fit, whose answers are read as they come. */
static bool floods(uint64_t until_ns, uint32_t source) {
    static uint8_t block[64 * 16], answers[1 << 16];
    size_t count = 0, at = 0, one = 0;
    if (!log_in(&rude, source, "alice", "pa", WAIT_MS)) return false;
    for (int i = 0; i < 64; i++) count += one = message_bytes(block + count, market_query());
    uint64_t sent = 0, read = 0;
    while (clock_monotonic_ns() < until_ns) {
        ssize_t more = send(rude.socket, block + at, count - at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (more < 0 && errno != EAGAIN) return false;
        if (more > 0) sent += (size_t)more, at = (at + (size_t)more) % count;
        more = recv(rude.socket, answers, sizeof answers, MSG_DONTWAIT);
        if (more == 0 || (more < 0 && errno != EAGAIN)) return false;
        if (more > 0) read += (size_t)more;
    }
    outcome->tries = (uint32_t)(sent / one);
    return read > sent / one; /* answers are longer than their share of that */
}

static bool sends_a_byte_at_a_time(uint64_t until_ns, uint32_t source) {
    uint8_t bytes[SOUP_LOGIN_REQUEST_BYTES + SOUP_HEADER_BYTES + OUCH_BYTES_MAX];
    struct soup_packet packet;
    if (!reach(&rude, source, WAIT_MS)) return false;
    size_t count = login_bytes(bytes, "alice", "pa");
    for (size_t i = 0; i < count; i++)
        if (!put(&rude, bytes + i, 1)) return false;
    if (frame(&rude, &packet) != SOUP_LOGIN_ACCEPTED) return false;
    for (; clock_monotonic_ns() < until_ns; outcome->tries++) {
        count = message_bytes(bytes, market_enter(outcome->tries + 1, 'S', 1, "NONE", PRICE));
        for (size_t i = 0; i < count; i++)
            if (!put(&rude, bytes + i, 1)) return false;
        if (!hear(&rude, OUCH_REJECTED) || rude.message.rejected.user_ref != outcome->tries + 1)
            return false;
    }
    return outcome->tries > 0;
}

/* Asks until nothing more goes, and keeps it that way. */
static bool never_reads(uint64_t until_ns, uint32_t source) {
    static const struct timespec nap = { .tv_nsec = (long)MS_NS };
    uint8_t bytes[SOUP_HEADER_BYTES + OUCH_BYTES_MAX];
    if (!log_in(&rude, source, "alice", "pa", WAIT_MS)) return false;
    size_t count = message_bytes(bytes, market_query());
    while (clock_monotonic_ns() < until_ns) {
        ssize_t sent = send(rude.socket, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent == (ssize_t)count) {
            outcome->tries++;
        } else if (sent < 0 && errno == EAGAIN) {
            outcome->successes++; /* it is held up */
            (void)nanosleep(&nap, NULL);
        } else {
            return false;
        }
    }
    return outcome->successes > 0;
}

static bool half_closes(uint64_t until_ns, uint32_t source) {
    struct soup_packet packet;
    for (; clock_monotonic_ns() < until_ns; outcome->tries++) {
        if (!log_in(&rude, source, "alice", "pa", WAIT_MS) ||
            !ask(&rude, market_query(), OUCH_ACCOUNT_QUERY_RESPONSE) ||
            shutdown(rude.socket, SHUT_WR) != 0)
            return false;
        uint8_t type;
        while ((type = frame(&rude, &packet)) == SOUP_SERVER_HEARTBEAT) continue;
        if (type != 0) return false;
        (void)close(rude.socket);
    }
    return outcome->tries > 0;
}

static void who_is_rude_suffers_alone(void **state) {
    enum { RUDE_MS = 1500 };
    (void)state;
    static const struct {
        const char *name;
        bool (*act)(uint64_t until_ns, uint32_t source);
    } row[] = { { "one floods", floods },
                { "one sends a byte at a time", sends_a_byte_at_a_time },
                { "one never reads", never_reads },
                { "one half-closes", half_closes } };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        assert_int_equal(set_up(NULL), 0);
        start_market("");
        trader_arrives();
        begin(row[i].act, RUDE_MS, WEATHER_NEIGHBOUR);
        trade(RUDE_MS, row[i].name);
        end();
        print_message("%s: %u times\n", row[i].name, outcome->tries);
        trade(100, "when that one has gone");
        assert_true(log_in(&rude, WEATHER_NEIGHBOUR, "alice", "pa", WAIT_MS)); /* may come back */
        (void)close(rude.socket);
        (void)close(trader.socket);
        stop();
        json_decref(figures);
        figures = NULL;
    }
}

/* ---- A port that is not free yet ---- */

/* Takes the queue as a port does, for so long. */
static bool hold_queue(uint64_t until_ns, uint32_t unused) {
    enum { SLOTS = 64, SLOT_BYTES = 2048 };
    static const int slots = SLOTS;
    (void)unused;
    if (weather_gateway_side() != 0) return false;
    int queue = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
    void *memory =
        mmap(NULL, SLOTS * SLOT_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (queue < 0 || memory == MAP_FAILED) return false;
    const struct xdp_umem_reg umem = { .addr = (uint64_t)(uintptr_t)memory,
                                       .len = SLOTS * SLOT_BYTES,
                                       .chunk_size = SLOT_BYTES };
    const struct sockaddr_xdp at = { .sxdp_family = AF_XDP,
                                     .sxdp_ifindex = if_nametoindex(WEATHER_INTERFACE) };
    if (setsockopt(queue, SOL_XDP, XDP_UMEM_REG, &umem, sizeof umem) != 0) return false;
    static const int rings[] = { XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, XDP_RX_RING };
    for (size_t i = 0; i < sizeof rings / sizeof *rings; i++)
        if (setsockopt(queue, SOL_XDP, rings[i], &slots, sizeof slots) != 0) return false;
    if (bind(queue, (const struct sockaddr *)&at, sizeof at) != 0) return false;
    outcome->successes = 1;
    while (clock_monotonic_ns() < until_ns) (void)usleep(1000);
    return true;
}

static void begin_to_hold(uint32_t milliseconds) {
    begin(hold_queue, milliseconds, 0);
    while (*(volatile uint32_t *)&outcome->successes == 0 && waitpid(beside, NULL, WNOHANG) == 0)
        (void)usleep(1000);
    assert_int_equal(outcome->successes, 1);
}

static void a_queue_that_is_let_go_in_time_is_waited_for(void **state) {
    (void)state;
    begin_to_hold(700);
    start_market("");
    end();
    trader_arrives();
    trade(100, "after waiting for the queue");
    (void)close(trader.socket);
    stop();
}

static void a_queue_that_is_kept_is_named(void **state) {
    char said[8192];
    (void)state;
    begin_to_hold(WAIT_MS);
    write_market("");
    assert_false(try_start());
    int status = 0;
    assert_int_equal(waitpid(gateway, &status, 0), gateway);
    gateway = 0;
    assert_int_equal(WEXITSTATUS(status), 1);
    FILE *file = fopen(FOLDER "/log", "r");
    assert_non_null(file);
    said[fread(said, 1, sizeof said - 1, file)] = 0;
    (void)fclose(file);
    assert_non_null(
        strstr(said, "another process has the first receive queue of interface wirepit0"));
}

/* ---- ---- */

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_queue_that_is_let_go_in_time_is_waited_for),
        TEST(a_queue_that_is_kept_is_named),
        TEST(losses_change_nothing_but_the_time),
        TEST(sessions_that_send_at_once_lose_nothing_either),
        TEST(syns_of_strangers_harm_nobody),
        TEST(syns_of_one_source_harm_that_source_only),
        TEST(syns_of_made_up_clients_harm_no_session),
        TEST(who_is_rude_suffers_alone),
    };
    const char *text = getenv("SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 1;
    print_message("seed %" PRIu64 "\n", seed);
    outcome =
        mmap(NULL, sizeof *outcome, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (outcome == MAP_FAILED) return 1;
    if (!weather_enter(seed)) return 0;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    weather_leave();
    return failed;
}
