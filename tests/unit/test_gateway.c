/* test_gateway: the loop between a client and the sequencer, on a transport and a clock of the
 * test: a pass takes as long as the test says.
 */
#include "host/base/clock.h"
#include "host/base/err.h"
#include "host/gateway/gateway.h"
#include "host/softcard/softcard.h"
#include "host/wire/soup.h"
#include "tests/unit/market.h"
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PASS_NS = 10000000, PASSES_A_SECOND = 100, FILLER_BYTES = 1000 };

/* ---- The clock, in place of host/base/clock.c ---- */

static uint64_t now_ns;

uint64_t clock_monotonic_ns(void) { return now_ns; }

uint64_t clock_wall_ns(void) { return UINT64_C(1790000000) * 1000000000 + now_ns; }

/* ---- One client ---- */

static struct {
    struct transport transport;
    uint8_t out[256]; /* what it sends once it is read */
    size_t out_used;
    size_t takes;    /* bytes that it reads in a pass */
    bool heartbeats; /* it sends one a second */
    bool opened, watched, dropped;
    uint64_t passes, passes_max, taken;
    volatile sig_atomic_t stop;
} client;

static int client_admit(struct transport *transport) {
    (void)transport;
    return 0;
}

static int client_wait(struct transport *transport, struct transport_event *events, int events_max,
                       uint64_t timeout_ns) {
    (void)transport;
    (void)events_max;
    (void)timeout_ns;
    now_ns += PASS_NS;
    if (client.passes++ == client.passes_max || client.dropped) client.stop = 1;
    if (client.heartbeats && client.passes % PASSES_A_SECOND == 0 &&
        client.out_used < sizeof client.out - SOUP_HEADER_BYTES)
        client.out_used += soup_encode_client_heartbeat(client.out + client.out_used);
    events[0] = (struct transport_event){ .connection = 0 };
    if (!client.opened) {
        client.opened = true;
        events[0].kinds = TRANSPORT_OPENED;
        return 1;
    }
    if (client.dropped || !client.watched || client.out_used == 0) return 0;
    events[0].kinds = TRANSPORT_READABLE;
    return 1;
}

static ssize_t client_read(struct transport *transport, uint32_t connection, void *bytes,
                           size_t room) {
    (void)transport;
    assert_int_equal(connection, 0);
    assert_true(room >= client.out_used);
    size_t count = client.out_used;
    memcpy(bytes, client.out, count);
    client.out_used = 0;
    return (ssize_t)count;
}

static ssize_t client_write(struct transport *transport, uint32_t connection, const void *bytes,
                            size_t count) {
    (void)transport;
    (void)connection;
    (void)bytes;
    if (count > client.takes) count = client.takes;
    client.taken += count;
    return (ssize_t)count;
}

static void client_watch(struct transport *transport, uint32_t connection, bool read, bool write) {
    (void)transport;
    (void)connection;
    (void)write;
    client.watched = read;
}

static void client_drop(struct transport *transport, uint32_t connection) {
    (void)transport;
    assert_int_equal(connection, 0);
    assert_false(client.dropped);
    client.dropped = true;
}

static const struct transport_operations client_operations = {
    .admit = client_admit,
    .wait = client_wait,
    .read = client_read,
    .write = client_write,
    .watch = client_watch,
    .drop = client_drop,
};

/* ---- The gateway ---- */

static struct {
    char directory[64];
    struct config config;
    struct setup setup;
    struct card *card;
    struct journal *journal;
    struct entry *entry;
    struct stream streams[MARKET_SESSIONS];
    struct sequencer *sequencer;
    struct gateway *gateway;
} desk;

static int open_desk(void **state) {
    (void)state;
    strcpy(desk.directory, "/tmp/test_gateway.XXXXXX");
    assert_non_null(mkdtemp(desk.directory));
    const struct journal_options options = { .directory = desk.directory,
                                             .flush = JOURNAL_ASYNC,
                                             .plain = true };
    struct journal_recovered recovered;
    now_ns = UINT64_C(1000000000);
    memset(&client, 0, sizeof client);
    client.transport = (struct transport){ .operations = &client_operations,
                                           .connections_max = gateway_connections(MARKET_SESSIONS),
                                           .name = "test" };
    client.watched = true;
    assert_int_equal(
        config_parse("market", (const uint8_t *)market_yaml, sizeof market_yaml - 1, &desk.config),
        0);
    assert_int_equal(setup_make(&desk.config, &market_size, &desk.setup), 0);
    assert_int_equal(softcard_open(&market_size, &desk.card), 0);
    assert_int_equal(journal_open(&options, &desk.journal, &recovered), 0);
    desk.entry = entry_new(&desk.config, &market_size, 7);
    assert_non_null(desk.entry);
    return 0;
}

/* Alice's stream has room for bytes_max, and so many messages are in it. */
static void begin(size_t bytes_max, uint32_t messages) {
    static const uint8_t filler[FILLER_BYTES];
    for (int i = 0; i < MARKET_SESSIONS; i++)
        assert_int_equal(stream_open(&desk.streams[i], i == ALICE ? bytes_max : 4096), 0);
    for (uint32_t i = 0; i < messages; i++)
        (void)stream_append(&desk.streams[ALICE], 1, filler, sizeof filler);
    const struct sequencer_parts sequencer = { .card = desk.card,
                                               .journal = desk.journal,
                                               .entry = desk.entry,
                                               .streams = desk.streams,
                                               .session_count = MARKET_SESSIONS,
                                               .events_max = engine_events_max(&market_size),
                                               .clock_ns = clock_monotonic_ns };
    desk.sequencer = sequencer_new(&sequencer);
    assert_non_null(desk.sequencer);
    const struct gateway_parts gateway = { .config = &desk.config,
                                           .card = desk.card,
                                           .sequencer = desk.sequencer,
                                           .streams = desk.streams,
                                           .entry = desk.entry,
                                           .transport = &client.transport,
                                           .session_name = "TEST" };
    desk.gateway = gateway_new(&gateway);
    assert_non_null(desk.gateway);
    card_go_live(desk.card);
    for (uint32_t i = 0; i < desk.setup.count; i++)
        assert_int_equal(sequencer_command(desk.sequencer, &desk.setup.commands[i]), 0);
    assert_int_equal(gateway_settle(desk.gateway), 0);
    struct soup_login login = { .username = "alice", .password = "pa", .sequence = 1 };
    client.out_used = soup_encode_login_request(client.out, &login);
}

/* Runs until the client is dropped or so many seconds have passed; whether it was dropped. */
static bool run(uint64_t seconds) {
    client.passes = 0;
    client.passes_max = seconds * PASSES_A_SECOND;
    client.stop = 0;
    if (gateway_run(desk.gateway, &client.stop) != 0) fail_msg("%s", err_text());
    return client.passes <= client.passes_max;
}

static int close_desk(void **state) {
    (void)state;
    char path[128];
    gateway_delete(desk.gateway);
    sequencer_delete(desk.sequencer);
    entry_delete(desk.entry);
    for (int i = 0; i < MARKET_SESSIONS; i++) stream_close(&desk.streams[i]);
    journal_close(desk.journal);
    card_close(desk.card);
    setup_free(&desk.setup);
    config_free(&desk.config);
    (void)snprintf(path, sizeof path, "%s/market-000001.wpj", desk.directory);
    assert_int_equal(unlink(path), 0);
    (void)snprintf(path, sizeof path, "%s/lock", desk.directory);
    (void)unlink(path);
    assert_int_equal(rmdir(desk.directory), 0);
    return 0;
}

/* ---- Tests ---- */

static void who_is_silent_is_dropped(void **state) {
    (void)state;
    begin(4096, 1);
    client.takes = 1 << 20;
    assert_true(run(30));
    assert_in_range(client.passes, 15 * PASSES_A_SECOND, 15 * PASSES_A_SECOND + 10);
}

static void who_sends_heartbeats_stays(void **state) {
    (void)state;
    begin(4096, 1);
    client.takes = 1 << 20;
    client.heartbeats = true;
    assert_false(run(30));
}

/* Reading it is held up while so much waits for it; heartbeats that it sends are not seen. */
static void who_is_catching_up_stays_while_it_reads(void **state) {
    (void)state;
    begin(16 << 20, 12 << 10);
    client.takes = 1000;
    client.heartbeats = true;
    assert_false(run(60));
    assert_true(client.taken >= 60 * client.takes * (PASSES_A_SECOND - 1));
}

static void who_is_catching_up_and_stops_reading_is_dropped(void **state) {
    (void)state;
    begin(16 << 20, 12 << 10);
    client.takes = 0;
    client.heartbeats = true;
    assert_true(run(60));
    assert_in_range(client.passes, 15 * PASSES_A_SECOND, 15 * PASSES_A_SECOND + 10);
}

static void who_has_all_of_a_full_stream_is_dropped(void **state) {
    (void)state;
    enum { FITTING = 4 }; /* of 4,096 bytes */
    begin(4096, FITTING + 1);
    client.takes = 100;
    client.heartbeats = true;
    assert_true(desk.streams[ALICE].full);
    assert_true(run(30));
    assert_int_equal(client.taken,
                     SOUP_LOGIN_ACCEPTED_BYTES + FITTING * (SOUP_HEADER_BYTES + FILLER_BYTES));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_desk, close_desk)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(who_is_silent_is_dropped),
        TEST(who_sends_heartbeats_stays),
        TEST(who_is_catching_up_stays_while_it_reads),
        TEST(who_is_catching_up_and_stops_reading_is_dropped),
        TEST(who_has_all_of_a_full_stream_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
