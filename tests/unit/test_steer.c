/* test_steer: what the XDP program of host/bpf says of a frame, by running it in the kernel on
 * frames made here; nothing is attached to an interface. Time is given. Without root or a kernel
 * that can, the cases that run the program are skipped. */
#include "host/base/err.h"
#include "host/base/random.h"
#include "host/bpf/steer.h"
#include "tests/unit/frame.h"
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/libbpf.h>

enum { PORT = 7001, OTHER_PORT = 7003 };
#define HERE      FRAME_ADDRESS(10, 9, 0, 1)
#define ALSO_HERE FRAME_ADDRESS(10, 9, 0, 3)
#define CLIENT    FRAME_ADDRESS(10, 9, 8, 7)
#define NEIGHBOUR FRAME_ADDRESS(10, 9, 8, 8)
#define MS        UINT64_C(1000000)
#define SECOND    UINT64_C(1000000000)
#define NO_LIMITS ((struct steer_limits){ 0 })

static const struct steer_prefix everybody = { .bits = 0 };
static struct steer *steer;
static int xdp_socket = -1;
static uint64_t now_ns;
static char refusal[512]; /* why programs cannot be run here; empty when they can */

static struct steer_prefix prefix_of(uint32_t address, uint8_t bits) {
    return (struct steer_prefix){ .address.s_addr = htonl(address), .bits = bits };
}

static struct steer_endpoint endpoint_of(uint32_t address, uint16_t port) {
    return (struct steer_endpoint){ .address.s_addr = htonl(address), .port = port };
}

/* Loads the program for two endpoints and everybody, with arp and icmp, and a socket. */
static void load(struct steer_limits limits) {
    if (refusal[0] != '\0') skip();
    const struct steer_endpoint endpoints[] = { endpoint_of(HERE, PORT),
                                                endpoint_of(ALSO_HERE, OTHER_PORT) };
    const struct steer_options options = { .endpoints = endpoints,
                                           .endpoint_count = 2,
                                           .allowed = &everybody,
                                           .allowed_count = 1,
                                           .limits = limits,
                                           .sources_max = STEER_SOURCES_MIN,
                                           .arp = true,
                                           .icmp = true,
                                           .clock_given = true };
    assert_int_equal(steer_load(&options, &steer), 0);
    assert_int_equal(steer_socket_set(steer, xdp_socket), 0);
    now_ns = 1000 * SECOND;
    steer_clock_set(steer, now_ns);
}

static int unload(void **state) {
    (void)state;
    int code = steer_detach(steer);
    steer = NULL;
    return code;
}

static void wait_ns(uint64_t ns) {
    now_ns += ns;
    steer_clock_set(steer, now_ns);
}

static int verdict_of(enum steer_counter counter) {
    enum { REDIRECT = XDP_REDIRECT, PASS = XDP_PASS, DROP = XDP_DROP };
    static const int verdicts[] = {
#define COUNTER(name, word, verdict, meaning) verdict,
#include "host/bpf/steer.def"
#undef COUNTER
    };
    return verdicts[counter];
}

/* Runs the program on a frame and returns the one counter that has risen, by one. */
static enum steer_counter fate(const struct frame *frame) {
    uint64_t before[STEER_COUNTERS], after[STEER_COUNTERS];
    assert_int_equal(steer_count(steer, before), 0);
    int verdict = steer_run(steer, frame->bytes, frame->length);
    assert_int_equal(steer_count(steer, after), 0);
    enum steer_counter risen = STEER_COUNTERS;
    for (enum steer_counter i = 0; i < STEER_COUNTERS; i++) {
        if (after[i] == before[i]) continue;
        assert_int_equal(after[i], before[i] + 1);
        assert_int_equal(risen, STEER_COUNTERS);
        risen = i;
    }
    assert_int_not_equal(risen, STEER_COUNTERS);
    assert_int_equal(verdict, verdict_of(risen));
    return risen;
}

static void expect(const struct frame *frame, enum steer_counter expected, const char *why) {
    enum steer_counter found = fate(frame);
    if (found != expected)
        fail_msg("%s: %s, not %s", why, steer_counter_name(found), steer_counter_name(expected));
}

static enum steer_counter fate_from(uint32_t source, uint8_t flags) {
    struct frame frame = frame_tcp(source, HERE, PORT, flags);
    return fate(&frame);
}

/* Sends until one is refused, which must be for this reason; returns how many passed. */
static uint32_t passes(uint32_t source, uint8_t flags, enum steer_counter refused) {
    uint32_t count = 0;
    enum steer_counter found;
    while ((found = fate_from(source, flags)) == STEER_STEERED_TCP) count++;
    assert_int_equal(found, refused);
    return count;
}

/* ---- What a frame is ---- */

/* A row changes a good frame: its length unless 0, and some bytes. */
struct change {
    enum steer_counter fate;
    size_t length;
    struct {
        uint8_t at, count, bytes[4];
    } poke[3];
    const char *why;
};

static void expect_changes(struct frame good, const struct change *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct frame frame = good;
        if (rows[i].length != 0) frame.length = rows[i].length;
        for (size_t k = 0; k < 3; k++)
            memcpy(frame.bytes + rows[i].poke[k].at, rows[i].poke[k].bytes, rows[i].poke[k].count);
        expect(&frame, rows[i].fate, rows[i].why);
    }
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void a_segment_is_ours_or_the_kernels_or_wrong(void **state) {
    (void)state;
    // clang-format off
    static const struct change rows[] = {
        { STEER_STEERED_TCP,       0,  { { 0 } }, "a good segment" },
        { STEER_STEERED_TCP,       54, { { 0 } }, "no padding" },
        { STEER_DROPPED_MALFORMED, 53, { { 0 } }, "one byte of the header is missing" },
        { STEER_DROPPED_MALFORMED, 38, { { 0 } }, "the ports are the last that is there" },
        { STEER_PASSED,            37, { { 0 } }, "half a port is none" },
        { STEER_PASSED,            34, { { 0 } }, "an IP header and nothing else" },
        { STEER_PASSED,            33, { { 0 } }, "less than an IP header" },
        { STEER_PASSED,            14, { { 0 } }, "an Ethernet header and nothing else" },
        { STEER_PASSED,            0,  { { 12, 2, { 0x86, 0xdd } } }, "IPv6" },
        { STEER_PASSED,            0,  { { 12, 2, { 0x81, 0x00 } } }, "a VLAN tag" },
        { STEER_PASSED,            0,  { { 12, 2, { 0x88, 0xa8 } } }, "a provider's VLAN tag" },
        { STEER_PASSED,            0,  { { 14, 1, { 0x65 } } }, "version 6 under IPv4's type" },
        { STEER_PASSED,            0,  { { 14, 1, { 0x44 } } }, "an IP header of 16 bytes" },
        { STEER_DROPPED_OPTIONS,   60, { { 14, 1, { 0x46 } }, { 16, 2, { 0, 44 } }, { 40, 2, { 0x1b, 0x59 } } }, "4 bytes of options" },
        { STEER_PASSED,            60, { { 14, 1, { 0x46 } }, { 16, 2, { 0, 44 } } }, "options, and another port behind them" },
        { STEER_DROPPED_OPTIONS,   94, { { 14, 1, { 0x4f } }, { 16, 2, { 0, 80 } }, { 76, 2, { 0x1b, 0x59 } } }, "40 bytes of options" },
        { STEER_PASSED,            77, { { 14, 1, { 0x4f } }, { 76, 2, { 0x1b, 0x59 } } }, "options up to the end of the frame" },
        { STEER_STEERED_TCP,       0,  { { 20, 1, { 0x40 } } }, "don't fragment" },
        { STEER_DROPPED_FRAGMENT,  0,  { { 20, 1, { 0x20 } } }, "the first fragment" },
        { STEER_PASSED,            0,  { { 20, 1, { 0x20 } }, { 36, 2, { 0x1b, 0x5a } } }, "the first fragment, of another port" },
        { STEER_PASSED,            0,  { { 20, 2, { 0x20, 1 } } }, "a later fragment: the port is not a port" },
        { STEER_PASSED,            0,  { { 20, 2, { 0x1f, 0xff } } }, "the last fragment that can be" },
        { STEER_PASSED,            0,  { { 23, 1, { 17 } } }, "UDP" },
        { STEER_PASSED,            0,  { { 36, 2, { 0x1b, 0x58 } } }, "port 7000" },
        { STEER_PASSED,            0,  { { 36, 2, { 0x1b, 0x5a } } }, "port 7002" },
        { STEER_PASSED,            0,  { { 36, 2, { 0x1b, 0x5b } } }, "the port of the other address" },
        { STEER_STEERED_TCP,       0,  { { 30, 4, { 10, 9, 0, 3 } }, { 36, 2, { 0x1b, 0x5b } } }, "the other endpoint" },
        { STEER_PASSED,            0,  { { 30, 4, { 10, 9, 0, 0 } } }, "an address below" },
        { STEER_PASSED,            0,  { { 30, 4, { 10, 9, 0, 2 } } }, "an address above" },
        { STEER_DROPPED_MALFORMED, 0,  { { 16, 2, { 0, 39 } } }, "a length of less than both headers" },
        { STEER_STEERED_TCP,       0,  { { 16, 2, { 0, 46 } } }, "a length of all the frame" },
        { STEER_DROPPED_MALFORMED, 0,  { { 16, 2, { 0, 47 } } }, "a length of more than the frame" },
        { STEER_DROPPED_MALFORMED, 0,  { { 46, 1, { 0x40 } } }, "a TCP header of 16 bytes" },
        { STEER_DROPPED_MALFORMED, 0,  { { 46, 1, { 0x60 } } }, "a TCP header longer than the packet" },
        { STEER_STEERED_TCP,       0,  { { 46, 1, { 0x60 } }, { 16, 2, { 0, 44 } } }, "a TCP header as long as the packet" },
        { STEER_DROPPED_SOURCE,    0,  { { 26, 4, { 0, 255, 255, 255 } } }, "the last of this network" },
        { STEER_STEERED_TCP,       0,  { { 26, 4, { 1, 0, 0, 0 } } }, "one above it" },
        { STEER_STEERED_TCP,       0,  { { 26, 4, { 126, 255, 255, 255 } } }, "one below loopback" },
        { STEER_DROPPED_SOURCE,    0,  { { 26, 4, { 127, 0, 0, 0 } } }, "the first of loopback" },
        { STEER_DROPPED_SOURCE,    0,  { { 26, 4, { 127, 255, 255, 255 } } }, "the last of loopback" },
        { STEER_STEERED_TCP,       0,  { { 26, 4, { 128, 0, 0, 0 } } }, "one above it" },
        { STEER_STEERED_TCP,       0,  { { 26, 4, { 223, 255, 255, 255 } } }, "one below multicast" },
        { STEER_DROPPED_SOURCE,    0,  { { 26, 4, { 224, 0, 0, 0 } } }, "the first of multicast" },
        { STEER_DROPPED_SOURCE,    0,  { { 26, 4, { 255, 255, 255, 255 } } }, "broadcast" },
        { STEER_DROPPED_SOURCE,    0,  { { 26, 4, { 10, 9, 0, 1 } } }, "from ourselves" },
        { STEER_STEERED_TCP,       0,  { { 26, 4, { 10, 9, 0, 2 } } }, "one above ourselves" },
    };
    // clang-format on
    load(NO_LIMITS);
    expect_changes(frame_tcp(CLIENT, HERE, PORT, FRAME_ACK), rows, COUNT(rows));
}

static void ping_goes_to_the_socket_where_it_answers(void **state) {
    (void)state;
    static const struct change rows[] = {
        { STEER_STEERED_ICMP, 0, { { 0 } }, "an echo request" },
        { STEER_STEERED_ICMP, 42, { { 0 } }, "as short as it can be" },
        { STEER_DROPPED_MALFORMED, 41, { { 0 } }, "a byte of it is missing" },
        { STEER_DROPPED_MALFORMED, 0, { { 16, 2, { 0, 27 } } }, "a length of 7 bytes of ICMP" },
        { STEER_PASSED, 0, { { 30, 4, { 10, 9, 0, 2 } } }, "to an address that is not ours" },
        { STEER_STEERED_ICMP, 0, { { 30, 4, { 10, 9, 0, 3 } } }, "to the other endpoint's" },
        { STEER_DROPPED_FRAGMENT, 0, { { 20, 1, { 0x20 } } }, "the first fragment of a long one" },
    };
    load((struct steer_limits){ .source_packets = { 1, 4 } });
    expect_changes(frame_ping(CLIENT, HERE), rows, COUNT(rows));
    struct frame ping = frame_ping(CLIENT, HERE);
    expect(&ping, STEER_STEERED_ICMP, "the last token of the source");
    expect(&ping, STEER_DROPPED_RATE, "ICMP is of the source's packets");
}

static void arp_for_our_addresses_goes_to_the_socket(void **state) {
    (void)state;
    static const struct change rows[] = {
        { STEER_STEERED_ARP, 0, { { 0 } }, "a request" },
        { STEER_STEERED_ARP, 42, { { 0 } }, "without padding" },
        { STEER_PASSED, 41, { { 0 } }, "a byte is missing" },
        { STEER_PASSED, 0, { { 38, 4, { 10, 9, 0, 2 } } }, "somebody else's address" },
        { STEER_STEERED_ARP, 0, { { 38, 4, { 10, 9, 0, 3 } } }, "the other endpoint's address" },
        { STEER_STEERED_ARP, 0, { { 21, 1, { 2 } } }, "an answer to us" },
    };
    load(NO_LIMITS);
    assert_int_equal(steer_forget(steer, everybody), 0); /* ARP is of no source's */
    expect_changes(frame_arp(CLIENT, HERE), rows, COUNT(rows));
}

static void arp_and_ping_stay_with_the_kernel_if_it_answers(void **state) {
    (void)state;
    if (refusal[0] != '\0') skip();
    const struct steer_endpoint endpoint = endpoint_of(HERE, PORT);
    const struct steer_options options = {
        .endpoints = &endpoint, .endpoint_count = 1, .allowed = &everybody, .allowed_count = 1
    };
    assert_int_equal(steer_load(&options, &steer), 0);
    assert_int_equal(steer_socket_set(steer, xdp_socket), 0);
    struct frame arp = frame_arp(CLIENT, HERE), ping = frame_ping(CLIENT, HERE);
    struct frame tcp = frame_tcp(CLIENT, HERE, PORT, FRAME_SYN);
    expect(&arp, STEER_PASSED, "ARP");
    expect(&ping, STEER_PASSED, "ping");
    expect(&tcp, STEER_STEERED_TCP, "TCP goes to the socket all the same");
}

static void without_a_socket_the_kernel_answers(void **state) {
    (void)state;
    load(NO_LIMITS);
    assert_int_equal(fate_from(CLIENT, FRAME_SYN), STEER_STEERED_TCP);
    assert_int_equal(steer_socket_set(steer, -1), 0);
    assert_int_equal(fate_from(CLIENT, FRAME_SYN), STEER_PASSED_NO_SOCKET);
    struct frame arp = frame_arp(CLIENT, HERE);
    expect(&arp, STEER_PASSED_NO_SOCKET, "ARP");
    assert_int_equal(steer_socket_set(steer, xdp_socket), 0);
    assert_int_equal(fate_from(CLIENT, FRAME_SYN), STEER_STEERED_TCP);
}

/* ---- Who may send ---- */

static void the_longest_prefix_decides(void **state) {
    (void)state;
    // clang-format off
    static const struct { uint32_t source; bool allowed; const char *why; } rows[] = {
        { FRAME_ADDRESS(10, 0, 255, 255), false, "below the /16" },
        { FRAME_ADDRESS(10, 1, 0, 0),     true,  "its first" },
        { FRAME_ADDRESS(10, 1, 255, 255), true,  "its last" },
        { FRAME_ADDRESS(10, 2, 0, 0),     false, "above it" },
        { FRAME_ADDRESS(10, 1, 1, 255),   true,  "below the denied /24" },
        { FRAME_ADDRESS(10, 1, 2, 0),     false, "its first" },
        { FRAME_ADDRESS(10, 1, 2, 255),   false, "its last" },
        { FRAME_ADDRESS(10, 1, 3, 0),     true,  "above it" },
        { FRAME_ADDRESS(10, 1, 2, 2),     false, "below the one that is allowed in it" },
        { FRAME_ADDRESS(10, 1, 2, 3),     true,  "that one" },
        { FRAME_ADDRESS(10, 1, 2, 4),     false, "above it" },
    };
    // clang-format on
    load(NO_LIMITS);
    assert_int_equal(steer_forget(steer, everybody), 0);
    assert_int_equal(fate_from(CLIENT, FRAME_ACK), STEER_DROPPED_DENIED); /* nobody */
    assert_int_equal(steer_allow(steer, prefix_of(FRAME_ADDRESS(10, 1, 0, 0), 16)), 0);
    assert_int_equal(steer_deny(steer, prefix_of(FRAME_ADDRESS(10, 1, 2, 0), 24)), 0);
    assert_int_equal(steer_allow(steer, prefix_of(FRAME_ADDRESS(10, 1, 2, 3), 32)), 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct frame frame = frame_tcp(rows[i].source, HERE, PORT, FRAME_SYN);
        expect(&frame, rows[i].allowed ? STEER_STEERED_TCP : STEER_DROPPED_DENIED, rows[i].why);
    }
}

static void prefixes_change_at_run_time(void **state) {
    (void)state;
    load(NO_LIMITS);
    struct steer_prefix client = prefix_of(CLIENT, 32);
    assert_int_equal(fate_from(CLIENT, FRAME_ACK), STEER_STEERED_TCP);
    assert_int_equal(steer_deny(steer, client), 0);
    assert_int_equal(fate_from(CLIENT, FRAME_ACK), STEER_DROPPED_DENIED);
    assert_int_equal(fate_from(NEIGHBOUR, FRAME_ACK), STEER_STEERED_TCP);
    assert_int_equal(steer_allow(steer, client), 0);
    assert_int_equal(fate_from(CLIENT, FRAME_ACK), STEER_STEERED_TCP);
    assert_int_equal(steer_deny(steer, client), 0);
    assert_int_equal(steer_forget(steer, client), 0);
    assert_int_equal(fate_from(CLIENT, FRAME_ACK), STEER_STEERED_TCP);
    assert_int_equal(steer_forget(steer, client), -ENOENT);
}

static void the_list_of_prefixes_has_an_end(void **state) {
    (void)state;
    load(NO_LIMITS); /* with one prefix */
    for (uint32_t i = 1; i < STEER_PREFIXES_MAX; i++)
        assert_int_equal(steer_deny(steer, prefix_of(CLIENT + i, 32)), 0);
    assert_int_equal(steer_deny(steer, prefix_of(CLIENT, 32)), -ENOSPC);
    assert_int_equal(fate_from(CLIENT + STEER_PREFIXES_MAX - 1, FRAME_ACK), STEER_DROPPED_DENIED);
    assert_int_equal(fate_from(CLIENT, FRAME_ACK), STEER_STEERED_TCP);
    assert_int_equal(steer_forget(steer, prefix_of(CLIENT + 1, 32)), 0);
    assert_int_equal(steer_deny(steer, prefix_of(CLIENT, 32)), 0);
}

/* ---- How much ---- */

static void a_source_has_its_burst_and_then_its_rate(void **state) {
    (void)state;
    static const struct steer_limit limits[] = {
        { 1000, 1 }, { 1000, 2 }, { 1000, 50 }, { STEER_RATE_MAX, 3 }, { 1, 7 }
    };
    load(NO_LIMITS);
    for (uint32_t i = 0; i < COUNT(limits); i++) {
        uint32_t source = CLIENT + 2 * i;
        uint64_t interval_ns = SECOND / limits[i].per_second;
        struct steer_limits all = { .source_packets = limits[i] };
        assert_int_equal(steer_limits_set(steer, &all), 0);
        assert_int_equal(passes(source, FRAME_ACK, STEER_DROPPED_RATE), limits[i].burst);
        wait_ns(interval_ns - 1);
        assert_int_equal(fate_from(source, FRAME_ACK), STEER_DROPPED_RATE);
        wait_ns(1);
        assert_int_equal(passes(source, FRAME_ACK, STEER_DROPPED_RATE), 1);
        if (limits[i].burst > 1) {
            wait_ns((limits[i].burst - 1) * interval_ns);
            assert_int_equal(passes(source, FRAME_ACK, STEER_DROPPED_RATE), limits[i].burst - 1);
        }
        wait_ns(1000 * SECOND); /* idle for long, and yet no more than its burst */
        assert_int_equal(passes(source, FRAME_ACK, STEER_DROPPED_RATE), limits[i].burst);
        assert_int_equal(fate_from(source + 1, FRAME_ACK), STEER_STEERED_TCP); /* its neighbour */
    }
}

static void no_limit_is_none(void **state) {
    (void)state;
    load(NO_LIMITS);
    for (int i = 0; i < 3000; i++)
        assert_int_equal(fate_from(CLIENT, FRAME_SYN), STEER_STEERED_TCP);
}

static void only_a_syn_without_ack_counts_as_one(void **state) {
    (void)state;
    load((struct steer_limits){ .source_syns = { 1, 3 } });
    static const uint8_t others[] = { 0, FRAME_ACK, FRAME_FIN, FRAME_RST, FRAME_SYN | FRAME_ACK };
    for (size_t i = 0; i < 4 * COUNT(others); i++)
        assert_int_equal(fate_from(CLIENT, others[i % COUNT(others)]), STEER_STEERED_TCP);
    assert_int_equal(passes(CLIENT, FRAME_SYN, STEER_DROPPED_SYN_SOURCE), 3);
    assert_int_equal(fate_from(CLIENT, FRAME_SYN | FRAME_FIN), STEER_DROPPED_SYN_SOURCE);
    assert_int_equal(fate_from(CLIENT, FRAME_ACK), STEER_STEERED_TCP); /* sessions go on */
    assert_int_equal(fate_from(NEIGHBOUR, FRAME_SYN), STEER_STEERED_TCP);
    wait_ns(SECOND - 1);
    assert_int_equal(fate_from(CLIENT, FRAME_SYN), STEER_DROPPED_SYN_SOURCE);
    wait_ns(1);
    assert_int_equal(passes(CLIENT, FRAME_SYN, STEER_DROPPED_SYN_SOURCE), 1);
}

static void syns_of_all_sources_have_a_limit_too(void **state) {
    (void)state;
    load((struct steer_limits){ .all_syns = { 10, 5 } });
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(fate_from(CLIENT + i, FRAME_SYN), STEER_STEERED_TCP);
    assert_int_equal(fate_from(CLIENT + 5, FRAME_SYN), STEER_DROPPED_SYN_ALL);
    assert_int_equal(fate_from(CLIENT + 5, FRAME_ACK), STEER_STEERED_TCP);
    wait_ns(100 * MS - 1);
    assert_int_equal(fate_from(CLIENT + 5, FRAME_SYN), STEER_DROPPED_SYN_ALL);
    wait_ns(1);
    assert_int_equal(passes(CLIENT + 5, FRAME_SYN, STEER_DROPPED_SYN_ALL), 1);
}

static void who_floods_spends_nothing_of_the_others(void **state) {
    (void)state;
    load((struct steer_limits){
        .source_packets = { 1000, 20 }, .source_syns = { 1, 4 }, .all_syns = { 1, 5 } });
    assert_int_equal(passes(CLIENT, FRAME_SYN, STEER_DROPPED_SYN_SOURCE), 4);
    for (int i = 5; i < 20; i++)
        assert_int_equal(fate_from(CLIENT, FRAME_SYN), STEER_DROPPED_SYN_SOURCE);
    assert_int_equal(fate_from(CLIENT, FRAME_SYN), STEER_DROPPED_RATE);   /* SYNs are packets */
    assert_int_equal(fate_from(NEIGHBOUR, FRAME_SYN), STEER_STEERED_TCP); /* the fifth of all */
    assert_int_equal(fate_from(NEIGHBOUR, FRAME_SYN), STEER_DROPPED_SYN_ALL);
}

static void denied_and_malformed_frames_take_no_tokens(void **state) {
    (void)state;
    load((struct steer_limits){ .source_packets = { 1, 2 } });
    struct frame broken = frame_tcp(CLIENT, HERE, PORT, FRAME_ACK);
    broken.length = FRAME_TCP_END - 1;
    assert_int_equal(steer_deny(steer, prefix_of(CLIENT, 32)), 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(fate_from(CLIENT, FRAME_ACK), STEER_DROPPED_DENIED);
    assert_int_equal(steer_allow(steer, prefix_of(CLIENT, 32)), 0);
    for (int i = 0; i < 5; i++) expect(&broken, STEER_DROPPED_MALFORMED, "broken");
    assert_int_equal(passes(CLIENT, FRAME_ACK, STEER_DROPPED_RATE), 2);
}

static void arp_has_a_limit_of_its_own(void **state) {
    (void)state;
    load((struct steer_limits){ .all_arps = { 10, 2 } });
    struct frame ours = frame_arp(CLIENT, HERE), other = frame_arp(CLIENT, CLIENT + 1);
    for (int i = 0; i < 5; i++) expect(&other, STEER_PASSED, "not ours: no token");
    expect(&ours, STEER_STEERED_ARP, "the first");
    expect(&ours, STEER_STEERED_ARP, "the second");
    expect(&ours, STEER_DROPPED_ARP, "one above the burst");
    wait_ns(100 * MS - 1);
    expect(&ours, STEER_DROPPED_ARP, "a nanosecond early");
    wait_ns(1);
    expect(&ours, STEER_STEERED_ARP, "in time");
}

static void changed_limits_are_in_force_at_once(void **state) {
    (void)state;
    const struct steer_limits slow = { .source_packets = { 1, 100 } },
                              fast = { .source_packets = { 1000, 10 } };
    load(slow);
    assert_int_equal(passes(CLIENT, FRAME_ACK, STEER_DROPPED_RATE), 100);
    /* The bucket owes 100 s, which the new limit could not: it begins anew. */
    assert_int_equal(steer_limits_set(steer, &fast), 0);
    assert_int_equal(passes(CLIENT, FRAME_ACK, STEER_DROPPED_RATE), 10);

    /* As much as the new limit, the clocks of processors and nothing else could make of it: kept.
     */
    assert_int_equal(steer_limits_set(steer, &slow), 0);
    assert_int_equal(passes(NEIGHBOUR, FRAME_ACK, STEER_DROPPED_RATE), 100);
    wait_ns(100 * SECOND - (SECOND + 10 * MS));
    assert_int_equal(steer_limits_set(steer, &fast), 0);
    assert_int_equal(fate_from(NEIGHBOUR, FRAME_ACK), STEER_DROPPED_RATE);
    wait_ns(SECOND + MS - 1);
    assert_int_equal(fate_from(NEIGHBOUR, FRAME_ACK), STEER_DROPPED_RATE);
    wait_ns(1);
    assert_int_equal(passes(NEIGHBOUR, FRAME_ACK, STEER_DROPPED_RATE), 1);
}

static void a_refused_limit_changes_nothing(void **state) {
    (void)state;
    load((struct steer_limits){ .source_packets = { 1, 2 } });
    const struct steer_limits wrong = { .all_arps = { 1, 0 } };
    assert_int_equal(steer_limits_set(steer, &wrong), -EINVAL);
    assert_non_null(strstr(err_text(), "ARP"));
    assert_int_equal(passes(CLIENT, FRAME_ACK, STEER_DROPPED_RATE), 2);
}

static void more_sources_than_the_table_holds_are_served(void **state) {
    (void)state;
    load((struct steer_limits){ .source_packets = { 1, 1 } });
    for (uint32_t i = 0; i < 4 * STEER_SOURCES_MIN; i++)
        assert_int_equal(fate_from(FRAME_ADDRESS(11, 0, 0, 0) + i, FRAME_ACK), STEER_STEERED_TCP);
    assert_int_equal(fate_from(FRAME_ADDRESS(11, 0, 0, 0) + 4 * STEER_SOURCES_MIN - 1, FRAME_ACK),
                     STEER_DROPPED_RATE); /* the last is still known */
}

static void the_kernels_clock_counts_unless_time_is_given(void **state) {
    (void)state;
    if (refusal[0] != '\0') skip();
    const struct steer_endpoint endpoint = endpoint_of(HERE, PORT);
    const struct steer_options options = { .endpoints = &endpoint,
                                           .endpoint_count = 1,
                                           .allowed = &everybody,
                                           .allowed_count = 1,
                                           .limits = { .source_packets = { 20, 1 } } };
    assert_int_equal(steer_load(&options, &steer), 0);
    assert_int_equal(steer_socket_set(steer, xdp_socket), 0);
    /* Busy machines hold a test up; within 50 ms two frames must meet once. */
    bool refused = false;
    for (int i = 0; i < 100 && !refused; i++)
        refused = fate_from(CLIENT, FRAME_ACK) == STEER_DROPPED_RATE;
    assert_true(refused);
    (void)usleep(60000);
    assert_int_equal(fate_from(CLIENT, FRAME_ACK), STEER_STEERED_TCP);
}

/* ---- Against a second opinion ---- */

/* The rules again, without limits, as plainly as they can be said. */
static enum steer_counter model(const struct frame *frame) {
    const uint8_t *b = frame->bytes;
    size_t length = frame->length;
    uint16_t type = bytes_get_be16(b + FRAME_TYPE);
    if (type == 0x0806) {
        if (length < 42) return STEER_PASSED;
        uint32_t target = bytes_get_be32(b + FRAME_ARP_TARGET);
        return target == HERE || target == ALSO_HERE ? STEER_STEERED_ARP : STEER_PASSED;
    }
    if (type != 0x0800 || length < 34 || b[FRAME_IP] >> 4 != 4) return STEER_PASSED;
    size_t header = (size_t)(b[FRAME_IP] & 15) * 4, at = FRAME_IP + header;
    uint16_t total = bytes_get_be16(b + FRAME_IP_TOTAL);
    uint16_t fragment = bytes_get_be16(b + FRAME_IP_FRAGMENT);
    uint32_t source = bytes_get_be32(b + FRAME_IP_SOURCE);
    uint32_t target = bytes_get_be32(b + FRAME_IP_TARGET);
    bool tcp = b[FRAME_IP_PROTOCOL] == 6;
    if (header < 20 || (fragment & 0x1fff) != 0) return STEER_PASSED;
    if (tcp) {
        if (length < at + 4) return STEER_PASSED;
        uint16_t port = bytes_get_be16(b + at + 2);
        if (!(target == HERE && port == PORT) && !(target == ALSO_HERE && port == OTHER_PORT))
            return STEER_PASSED;
    } else if (b[FRAME_IP_PROTOCOL] != 1 || (target != HERE && target != ALSO_HERE)) {
        return STEER_PASSED;
    }
    if ((fragment & 0x2000) != 0) return STEER_DROPPED_FRAGMENT;
    if (header != 20) return STEER_DROPPED_OPTIONS;
    size_t need = tcp ? 40 : 28;
    if (at - header + total > length || total < need) return STEER_DROPPED_MALFORMED;
    if (tcp && (b[at + 12] >> 4 < 5 || total < header + (size_t)(b[at + 12] >> 4) * 4))
        return STEER_DROPPED_MALFORMED;
    uint8_t first = (uint8_t)(source >> 24);
    if (first == 0 || first == 127 || first >= 224 || source == target) return STEER_DROPPED_SOURCE;
    return first == 10 ? (tcp ? STEER_STEERED_TCP : STEER_STEERED_ICMP) : STEER_DROPPED_DENIED;
}

static void random_frames_fare_as_the_model_says(void **state) {
    (void)state;
    const char *text = getenv("SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 1;
    struct random random = random_seeded(seed);
    uint64_t met[STEER_COUNTERS] = { 0 };
    load(NO_LIMITS);
    assert_int_equal(steer_forget(steer, everybody), 0);
    assert_int_equal(steer_allow(steer, prefix_of(FRAME_ADDRESS(10, 0, 0, 0), 8)), 0);
    for (int i = 0; i < 20000; i++) {
        struct frame frame = frame_tcp(CLIENT, HERE, PORT, (uint8_t)random_below(&random, 64));
        uint64_t kind = random_below(&random, 4);
        if (kind == 0) frame = frame_ping(CLIENT, HERE);
        if (kind == 1) frame = frame_arp(CLIENT, HERE);
        for (uint64_t pokes = random_below(&random, 4); pokes > 0; pokes--) {
            uint64_t at = 12 + random_below(&random, 36);
            uint64_t how = random_below(&random, 3);
            uint8_t was = frame.bytes[at];
            if (how == 0) frame.bytes[at] = (uint8_t)random_next(&random);
            if (how == 1) frame.bytes[at] = (uint8_t)(was + random_below(&random, 5) - 2);
            if (how == 2) frame.bytes[at] = (uint8_t)(was ^ 1u << random_below(&random, 8));
        }
        if (random_below(&random, 4) == 0) frame.length = 14 + random_below(&random, 50);
        enum steer_counter found = fate(&frame), expected = model(&frame);
        met[found]++;
        if (found != expected)
            fail_msg("seed %llu, frame %d: %s, the model says %s", (unsigned long long)seed, i,
                     steer_counter_name(found), steer_counter_name(expected));
    }
    print_message("seed %llu\n", (unsigned long long)seed);
    for (enum steer_counter c = STEER_STEERED_TCP; c <= STEER_DROPPED_DENIED; c++)
        if (c != STEER_PASSED_NO_SOCKET && met[c] == 0)
            fail_msg("no frame of 20,000 was %s", steer_counter_name(c));
}

/* ---- What is asked for ---- */

static void prefixes_are_read_strictly(void **state) {
    (void)state;
    // clang-format off
    static const struct { const char *text; int code; uint32_t address; uint8_t bits; } rows[] = {
        { "10.1.2.3",            0,       FRAME_ADDRESS(10, 1, 2, 3),         32 },
        { "10.1.2.3/32",         0,       FRAME_ADDRESS(10, 1, 2, 3),         32 },
        { "10.1.0.0/16",         0,       FRAME_ADDRESS(10, 1, 0, 0),         16 },
        { "128.0.0.0/1",         0,       FRAME_ADDRESS(128, 0, 0, 0),        1 },
        { "0.0.0.0/0",           0,       0,                                  0 },
        { "255.255.255.255/32",  0,       FRAME_ADDRESS(255, 255, 255, 255),  32 },
        { "10.1.2.3/33",         -EINVAL, 0, 0 }, { "10.1.2.3/31",   -EINVAL, 0, 0 },
        { "10.1.2.3/",           -EINVAL, 0, 0 }, { "10.1.2.3/-1",   -EINVAL, 0, 0 },
        { "10.1.2.3/032",        -EINVAL, 0, 0 }, { "10.1.2.3/32 ",  -EINVAL, 0, 0 },
        { "10.1.2.3/3x",         -EINVAL, 0, 0 }, { "",              -EINVAL, 0, 0 },
        { "10.1.2",              -EINVAL, 0, 0 }, { "10.1.2.256",    -EINVAL, 0, 0 },
        { "255.255.255.2555/32", -EINVAL, 0, 0 }, { "::1/128",       -EINVAL, 0, 0 },
        { "0.0.0.1/0",           -EINVAL, 0, 0 }, { "/8",            -EINVAL, 0, 0 },
    };
    // clang-format on
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct steer_prefix prefix = { .bits = 77 };
        assert_int_equal(steer_prefix_parse(rows[i].text, &prefix), rows[i].code);
        if (rows[i].code != 0) {
            assert_int_equal(prefix.bits, 77);
            continue;
        }
        assert_int_equal(ntohl(prefix.address.s_addr), rows[i].address);
        assert_int_equal(prefix.bits, rows[i].bits);
    }
}

/* What steer_load says of options; what it takes it may still be refused by the kernel. */
static int said_of(const struct steer_options *options) {
    struct steer *loaded = NULL;
    int code = steer_load(options, &loaded);
    (void)steer_detach(loaded);
    return code == -EINVAL ? code : 0;
}

static void options_have_limits(void **state) {
    (void)state;
    struct steer_endpoint endpoints[STEER_ENDPOINTS_MAX + 1];
    for (uint32_t i = 0; i <= STEER_ENDPOINTS_MAX; i++) endpoints[i] = endpoint_of(HERE + i, PORT);
    struct steer_prefix prefix = prefix_of(CLIENT, 32);
    const struct steer_options good = {
        .endpoints = endpoints, .endpoint_count = 1, .allowed = &prefix, .allowed_count = 1
    };
    struct steer_options options = good;
    assert_int_equal(said_of(&options), 0);
    options.endpoint_count = 0;
    assert_int_equal(said_of(&options), -EINVAL);
    options.endpoint_count = STEER_ENDPOINTS_MAX;
    assert_int_equal(said_of(&options), 0);
    options.endpoint_count = STEER_ENDPOINTS_MAX + 1;
    assert_int_equal(said_of(&options), -EINVAL);

    options = good;
    options.allowed_count = STEER_PREFIXES_MAX + 1;
    assert_int_equal(said_of(&options), -EINVAL);
    options.allowed_count = 1;
    prefix.bits = 33;
    assert_int_equal(said_of(&options), -EINVAL);
    prefix.bits = 31;
    assert_int_equal(said_of(&options), -EINVAL);

    options = good;
    prefix.bits = 32;
    options.sources_max = STEER_SOURCES_MIN - 1;
    assert_int_equal(said_of(&options), -EINVAL);
    options.sources_max = STEER_SOURCES_MIN;
    assert_int_equal(said_of(&options), 0);
    options.sources_max = STEER_SOURCES_MAX + 1;
    assert_int_equal(said_of(&options), -EINVAL);

    endpoints[0].port = 0;
    assert_int_equal(said_of(&good), -EINVAL);
    endpoints[0] = endpoint_of(0, PORT);
    assert_int_equal(said_of(&good), -EINVAL);
}

static void rates_and_bursts_have_limits(void **state) {
    (void)state;
    static const struct {
        struct steer_limit limit;
        int code;
    } rows[] = {
        { { 0, 0 }, 0 },
        { { 0, UINT32_MAX }, 0 },
        { { 1, 0 }, -EINVAL },
        { { 1, 1 }, 0 },
        { { STEER_RATE_MAX, 1 }, 0 },
        { { STEER_RATE_MAX + 1, 1 }, -EINVAL },
        { { 1, STEER_BURST_MAX }, 0 },
        { { 1, STEER_BURST_MAX + 1 }, -EINVAL },
    };
    const struct steer_endpoint endpoint = endpoint_of(HERE, PORT);
    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t which = 0; which < 4; which++) {
            struct steer_options options = { .endpoints = &endpoint, .endpoint_count = 1 };
            struct steer_limit *limits[] = { &options.limits.source_packets,
                                             &options.limits.source_syns, &options.limits.all_syns,
                                             &options.limits.all_arps };
            *limits[which] = rows[i].limit;
            assert_int_equal(said_of(&options), rows[i].code);
        }
    struct steer_options options = { .endpoints = &endpoint,
                                     .endpoint_count = 1,
                                     .limits = STEER_LIMITS_DEFAULT };
    assert_int_equal(said_of(&options), 0);
}

static void an_interface_that_is_not_there_is_named(void **state) {
    (void)state;
    const struct steer_endpoint endpoint = endpoint_of(HERE, PORT);
    const struct steer_options options = { .interface = "wirepit-none",
                                           .endpoints = &endpoint,
                                           .endpoint_count = 1 };
    struct steer *none = NULL;
    assert_int_equal(steer_attach(&options, &none), -ENODEV);
    assert_non_null(strstr(err_text(), "wirepit-none"));
    assert_int_equal(steer_sweep("wirepit-none"), -ENODEV);
    assert_null(none);
    assert_int_equal(steer_detach(none), 0);
}

/* ---- */

static int setup(void **state) {
    (void)state;
    const struct steer_endpoint endpoint = endpoint_of(HERE, PORT);
    const struct steer_options options = { .endpoints = &endpoint, .endpoint_count = 1 };
    struct steer *probe = NULL;
    int code = steer_load(&options, &probe);
    (void)steer_detach(probe);
    xdp_socket = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
    bool able = libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_XDP, NULL) == 1 &&
                libbpf_probe_bpf_map_type(BPF_MAP_TYPE_XSKMAP, NULL) == 1;
    if (code == -EPERM || (code == -ENOTSUP && !able)) {
        (void)snprintf(refusal, sizeof refusal, "%s", err_text());
    } else if (code != 0) {
        print_error("%s\n", err_text());
        return -1;
    } else if (xdp_socket < 0) {
        (void)snprintf(refusal, sizeof refusal, "an AF_XDP socket: %s", strerror(errno));
    }
    if (refusal[0] != '\0') print_message("skipped: %s\n", refusal);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    if (xdp_socket >= 0) (void)close(xdp_socket);
    return 0;
}

#define RUNS(name) cmocka_unit_test_teardown(name, unload)

int main(void) {
    const struct CMUnitTest tests[] = {
        RUNS(a_segment_is_ours_or_the_kernels_or_wrong),
        RUNS(ping_goes_to_the_socket_where_it_answers),
        RUNS(arp_for_our_addresses_goes_to_the_socket),
        RUNS(arp_and_ping_stay_with_the_kernel_if_it_answers),
        RUNS(without_a_socket_the_kernel_answers),
        RUNS(the_longest_prefix_decides),
        RUNS(prefixes_change_at_run_time),
        RUNS(the_list_of_prefixes_has_an_end),
        RUNS(a_source_has_its_burst_and_then_its_rate),
        RUNS(no_limit_is_none),
        RUNS(only_a_syn_without_ack_counts_as_one),
        RUNS(syns_of_all_sources_have_a_limit_too),
        RUNS(who_floods_spends_nothing_of_the_others),
        RUNS(denied_and_malformed_frames_take_no_tokens),
        RUNS(arp_has_a_limit_of_its_own),
        RUNS(changed_limits_are_in_force_at_once),
        RUNS(a_refused_limit_changes_nothing),
        RUNS(more_sources_than_the_table_holds_are_served),
        RUNS(the_kernels_clock_counts_unless_time_is_given),
        RUNS(random_frames_fare_as_the_model_says),
        cmocka_unit_test(prefixes_are_read_strictly),
        cmocka_unit_test(options_have_limits),
        cmocka_unit_test(rates_and_bursts_have_limits),
        cmocka_unit_test(an_interface_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
