/* test_disk: disks that are full or fail under a gateway: it stops trading, says why to its clients
 * and its operator, and has acknowledged nothing that is not there when the disk is well again. The
 * disks are file systems of a mount namespace of this process's own, below build/fault/. */
#define _GNU_SOURCE
#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/base/err.h"
#include "host/base/log.h"
#include "host/engine/engine.h"
#include "host/gateway/gateway.h"
#include "host/gateway/recovery.h"
#include "host/gateway/tcp.h"
#include "host/softcard/softcard.h"
#include "tests/fault/audit.h"
#include "tests/fault/trader.h"
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRADERS = 2, BATCH = 32, READY_MS = 60000, PATH_BYTES = 300, COMMAND_BYTES = 1024 };
#define BOUND_NS UINT64_C(60000000000)

static struct {
    char directory[128];
    struct venue venue;
    struct trader traders[TRADERS];
    struct random random;
} desk;

static const char *program(void) {
    const char *path = getenv("WIREPIT_GATEWAY");
    return path != NULL ? path : "build/plain/wirepit-gateway";
}

/* ---- Disks ---- */

static bool write_text(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0) (void)close(fd);
    return written;
}

/* As root a mount namespace is enough; otherwise it needs a user namespace of our own. */
static bool namespace_enter(void) {
    char map[64];
    (void)snprintf(map, sizeof map, "0 %u 1", (unsigned)geteuid());
    bool entered = unshare(CLONE_NEWNS) == 0;
    if (!entered && unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0)
        entered =
            write_text("/proc/self/setgroups", "deny") && write_text("/proc/self/uid_map", map);
    return entered && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static void shell(const char *format, const char *path) {
    char command[COMMAND_BYTES];
    (void)snprintf(command, sizeof command, format, path, path);
    if (system(command) != 0) fail_msg("failed: %s", command);
}

static void path_in(char path[PATH_BYTES], const char *name) {
    (void)snprintf(path, PATH_BYTES, "%s/%s", desk.directory, name);
}

/* ---- The market ---- */

static int set_up(void **state) {
    static unsigned number;
    (void)state;
    memset(&desk, 0, sizeof desk);
    (void)snprintf(desk.directory, sizeof desk.directory, "build/fault/disk_%02u", ++number);
    shell("rm -rf '%s' && mkdir -p '%s/journal'", desk.directory);
    desk.random = random_seeded(20261121);
    return 0;
}

static int tear_down(void **state) {
    char path[PATH_BYTES];
    (void)state;
    for (uint32_t i = 0; i < TRADERS; i++) trader_close(&desk.traders[i]);
    if (desk.venue.pid > 0) venue_kill(&desk.venue);
    path_in(path, "journal");
    (void)umount2(path, MNT_DETACH);
    path_in(path, "disk");
    (void)umount2(path, MNT_DETACH);
    return 0;
}

static void market_open(void) {
    const struct venue_settings settings = { .directory = desk.directory,
                                             .program = program(),
                                             .card = "soft",
                                             .sessions = TRADERS,
                                             .withdraws = true };
    if (venue_open(&desk.venue, &settings) != 0) fail_msg("%s", err_text());
    for (uint32_t i = 0; i < TRADERS; i++)
        trader_open(&desk.traders[i],
                    &(struct trader_settings){
                        .session = i, .window = 32, .withdraws = venue_withdraws(&desk.venue, i) });
}

static void start(void) {
    if (venue_spawn(&desk.venue) != 0 || venue_ready(&desk.venue, READY_MS) != 0)
        fail_msg("%s", err_text());
}

static void connect_all(void) {
    for (uint32_t i = 0; i < TRADERS; i++)
        if (trader_connect(&desk.traders[i], desk.venue.port, desk.traders[i].tape.count + 1) != 0)
            fail_msg("%s", err_text());
}

/* Serves all once; how many are still connected. */
static uint32_t serve(void) {
    uint32_t connected = 0;
    for (uint32_t i = 0; i < TRADERS; i++) {
        int code = trader_pump(&desk.traders[i], clock_monotonic_ns());
        if (code < 0 && code != -ENOTCONN) fail_msg("%s", err_text());
        connected += desk.traders[i].state != TRADER_AWAY;
    }
    return connected;
}

/* Everybody hears all there is, and has nothing under way. */
static void settle(void) {
    uint64_t from_ns = clock_monotonic_ns();
    for (int round = 0; round < 2; round++) {
        uint32_t settled = 0;
        while (settled < TRADERS) {
            settled = 0;
            assert_int_equal(serve(), TRADERS);
            for (uint32_t i = 0; i < TRADERS; i++)
                settled += desk.traders[i].state == TRADER_READY && !desk.traders[i].asked;
            assert_true(clock_monotonic_ns() - from_ns < BOUND_NS);
        }
        if (round == 0)
            for (uint32_t i = 0; i < TRADERS; i++) trader_ask(&desk.traders[i]);
    }
}

/* Trades until the gateway has dropped everybody. */
static void trade_to_the_end(void) {
    uint64_t from_ns = clock_monotonic_ns();
    do {
        for (uint32_t i = 0; i < TRADERS; i++) trader_trade(&desk.traders[i], &desk.random, BATCH);
        assert_true(clock_monotonic_ns() - from_ns < BOUND_NS);
    } while (serve() > 0);
}

static void tapes_of(const struct tape *tapes[TRADERS], const struct ledger *ledgers[TRADERS]) {
    for (uint32_t i = 0; i < TRADERS; i++) {
        tapes[i] = &desk.traders[i].tape;
        ledgers[i] = &desk.traders[i].ledger;
    }
}

static void all_told_is_recorded(void) {
    const struct tape *tapes[TRADERS];
    const struct ledger *ledgers[TRADERS];
    struct audit_tail tail;
    tapes_of(tapes, ledgers);
    if (audit_told(desk.venue.journal, tapes, TRADERS, &tail) != 0) fail_msg("%s", err_text());
}

static void it_stopped_and_said(const char *why) {
    char said[128];
    assert_int_equal(venue_wait(&desk.venue), 1);
    assert_true(venue_log_says(&desk.venue, "trading is stopped, the card's gate closed"));
    assert_true(venue_log_says(&desk.venue, why));
    (void)snprintf(said, sizeof said, "trading is stopped: %s", why);
    for (uint32_t i = 0; i < TRADERS; i++)
        assert_memory_equal(desk.traders[i].said, said, strlen(said));
    all_told_is_recorded();
}

/* Everything that was told is there, once, and trading goes on. */
static void it_goes_on(void) {
    const struct tape *tapes[TRADERS];
    const struct ledger *ledgers[TRADERS];
    struct audit_counts counts;
    start();
    connect_all();
    settle();
    for (int i = 0; i < 100; i++) {
        for (uint32_t j = 0; j < TRADERS; j++) trader_trade(&desk.traders[j], &desk.random, BATCH);
        assert_int_equal(serve(), TRADERS);
    }
    for (uint32_t i = 0; i < TRADERS; i++) trader_ask(&desk.traders[i]);
    settle();
    venue_kill(&desk.venue);
    while (serve() > 0) continue;
    tapes_of(tapes, ledgers);
    if (audit_day(desk.venue.journal, tapes, ledgers, TRADERS, &counts) != 0)
        fail_msg("%s", err_text());
    print_message("%llu answers, %llu trades, %llu orders open\n",
                  (unsigned long long)counts.answers, (unsigned long long)counts.trades,
                  (unsigned long long)counts.open_orders);
    assert_true(counts.trades > 0);
}

/* ---- Tests ---- */

static void a_full_disk_stops_trading_and_room_brings_it_back(void **state) {
    (void)state;
    char path[PATH_BYTES];
    path_in(path, "journal");
    if (mount("tmpfs", path, "tmpfs", 0, "size=1536k") != 0) skip();
    market_open();
    start();
    connect_all();
    trade_to_the_end();
    it_stopped_and_said(strerror(ENOSPC));

    /* Started on the same disk it must not trade either: what it would say could not be kept. */
    assert_int_equal(venue_spawn(&desk.venue), 0);
    if (venue_ready(&desk.venue, READY_MS) == 0) {
        connect_all();
        trade_to_the_end();
    }
    assert_int_equal(venue_wait(&desk.venue), 1);
    all_told_is_recorded();

    assert_int_equal(mount("tmpfs", path, "tmpfs", MS_REMOUNT, "size=64m"), 0);
    it_goes_on();
}

/* ---- A gateway in a process of ours, whose disk we take away ---- */

static const char *lost_disk; /* what the journal's file becomes */

/* Puts another file under the descriptor of the journal's file. */
static void lose_disk(int signal) {
    char path[64], at[PATH_BYTES];
    (void)signal;
    int lost = open(lost_disk, O_RDWR | O_CLOEXEC);
    for (int fd = 3; fd < 64; fd++) {
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t bytes = readlink(path, at, sizeof at - 1);
        if (bytes < 0) continue;
        at[bytes] = 0;
        if (strstr(at, ".wpj") != NULL && dup2(lost, fd) < 0) _exit(9);
    }
}

/* Runs what the program runs, until its disk is lost; the exit code is the program's. */
static _Noreturn void serve_until_lost(int output) {
    static struct config config;
    static struct recovery recovery;
    static struct stream streams[TRADERS];
    static const volatile sig_atomic_t stop = 0;
    const struct card_size size = CARD_SIZE_DEFAULT;
    struct setup setup;
    struct card *card;
    struct transport *transport;
    struct journal *journal;
    struct journal_recovered recovered;
    int log = open(desk.venue.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    CHECK(dup2(log, STDERR_FILENO) >= 0);
    CHECK(config_load(desk.venue.config, &config) == 0);
    CHECK(softcard_open(&size, &card) == 0);
    CHECK(journal_open(&(struct journal_options){ .directory = config.journal }, &journal,
                       &recovered) == 0);
    CHECK(setup_make(&config, &size, &setup) == 0);
    for (int i = 0; i < TRADERS; i++) CHECK(stream_open(&streams[i], 64 << 20) == 0);
    CHECK(tcp_open(config.listen, 0, gateway_connections(TRADERS), &transport) == 0);
    char identity[RECOVERY_IDENTITY_BYTES];
    recovery_identity(config_digest(&config), "LOST", identity);
    CHECK(journal_append(journal, JOURNAL_NOTE, 0, identity, (uint32_t)strlen(identity)) > 0);
    const struct sequencer_parts sequencer = { .card = card,
                                               .journal = journal,
                                               .entry = entry_new(&config, &size, 1),
                                               .streams = streams,
                                               .session_count = TRADERS,
                                               .events_max = engine_events_max(&size),
                                               .commands = recovery.commands,
                                               .events = recovery.events,
                                               .clock_ns = clock_monotonic_ns };
    const struct gateway_parts parts = { .config = &config,
                                         .card = card,
                                         .sequencer = sequencer_new(&sequencer),
                                         .streams = streams,
                                         .entry = sequencer.entry,
                                         .transport = transport,
                                         .session_name = "LOST" };
    struct gateway *gateway = gateway_new(&parts);
    card_go_live(card);
    card_set_time(card, clock_wall_ns());
    for (uint32_t i = 0; i < setup.count; i++) {
        CHECK(sequencer_command(parts.sequencer, &setup.commands[i]) == 0);
        CHECK(gateway_settle(gateway) == 0);
    }
    CHECK(transport_admit(transport) == 0);
    CHECK(signal(SIGUSR1, lose_disk) != SIG_ERR);
    CHECK(write(output, &transport->port, sizeof transport->port) == sizeof transport->port);
    int code = gateway_run(gateway, &stop);
    log_line("%s", err_text());
    _exit(code != 0 && (card_read(card, REG_STATUS) & STATUS_KILLED) != 0 ? 1 : 9);
}

static void lose(const char *becomes, const char *why) {
    int ends[2];
    market_open();
    lost_disk = becomes;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    desk.venue.pid = fork();
    assert_true(desk.venue.pid >= 0);
    if (desk.venue.pid == 0) serve_until_lost(ends[1]);
    (void)close(ends[1]);
    assert_int_equal(read(ends[0], &desk.venue.port, sizeof desk.venue.port),
                     sizeof desk.venue.port);
    (void)close(ends[0]);
    connect_all();
    settle();
    for (int i = 0; i < 200; i++) {
        for (uint32_t j = 0; j < TRADERS; j++) trader_trade(&desk.traders[j], &desk.random, BATCH);
        assert_int_equal(serve(), TRADERS);
    }
    /* Nothing is under way when the disk goes: of a write already begun the flush would find the
       other file, and fail for another reason than the one asked for. */
    for (uint32_t i = 0; i < TRADERS; i++) trader_ask(&desk.traders[i]);
    settle();
    assert_int_equal(kill(desk.venue.pid, SIGUSR1), 0);
    trade_to_the_end();
    it_stopped_and_said(why);
    it_goes_on();
}

/* Writing where a process has no memory fails with EIO. */
static void a_write_that_fails_stops_trading_and_a_restart_goes_on(void **state) {
    (void)state;
    lose("/proc/self/mem", strerror(EIO));
}

/* The null device takes everything, and cannot be flushed. */
static void a_flush_that_fails_stops_trading_and_a_restart_goes_on(void **state) {
    (void)state;
    lose("/dev/null", strerror(EINVAL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_full_disk_stops_trading_and_room_brings_it_back),
        TEST(a_write_that_fails_stops_trading_and_a_restart_goes_on),
        TEST(a_flush_that_fails_stops_trading_and_a_restart_goes_on),
    };
    if (!namespace_enter()) {
        (void)fprintf(stderr, "test_disk: no mount namespace for us here: not tested\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
