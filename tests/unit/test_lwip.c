/* test_lwip: the transport over lwIP, on a wire made of memory and a clock that the test turns. The
 * clients are built from single frames, so that they can do what no kernel's client would. */
#include "host/base/err.h"
#include "host/base/random.h"
#include "host/gateway/lwip/lwip.h"
#include "host/gateway/lwip/platform.h"
#include "host/gateway/lwip/siphash.h"
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    QUEUE = 4096, /* frames on the wire */
    GATEWAY_PORT = 26400,
    ETH_BYTES = 14,
    IP_BYTES = 20,
    TCP_BYTES = 20,
    HEADERS = ETH_BYTES + IP_BYTES + TCP_BYTES,
    MS_NS = 1000000,
    EVENTS = 96,
    NETWORK = 0x0a4d0000, /* 10.77.0.0/16 */
    GATEWAY = NETWORK + 1,
    CLIENT = NETWORK + 2, /* the neighbour */
};
enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

static const uint8_t gateway_mac[6] = { 2, 0, 0, 0, 0, 1 }, client_mac[6] = { 2, 0, 0, 0, 0, 2 };

/* ---- The wire ---- */

struct frame {
    uint32_t count;
    uint8_t bytes[NIC_FRAME_BYTES_MAX];
};

static struct wire {
    struct nic nic;
    struct frame in[QUEUE], out[QUEUE];
    uint32_t in_from, in_to, out_count;
    uint64_t now_ns;
    int lose; /* so many frames to come are lost on their way to the clients */
    bool closed;
} wire;

static uint64_t wire_clock(void) { return wire.now_ns; }

static uint32_t wire_receive(struct nic *nic, struct nic_frame *frames, uint32_t frames_max) {
    uint32_t count = 0;
    (void)nic;
    while (count < frames_max && wire.in_from < wire.in_to) {
        const struct frame *frame = &wire.in[wire.in_from++];
        frames[count++] = (struct nic_frame){ .bytes = frame->bytes, .count = frame->count };
    }
    return count;
}

static uint8_t *wire_reserve(struct nic *nic, uint32_t bytes) {
    (void)nic;
    if (wire.out_count == QUEUE) return NULL;
    assert_true(bytes <= NIC_FRAME_BYTES_MAX);
    wire.out[wire.out_count].count = bytes;
    return wire.out[wire.out_count++].bytes;
}

static void wire_flush(struct nic *nic) { (void)nic; }

static int wire_wait(struct nic *nic, uint64_t timeout_ns) {
    (void)nic;
    wire.now_ns += timeout_ns;
    return 0;
}

static bool wire_linked(struct nic *nic) {
    (void)nic;
    return true;
}

static struct nic_counts wire_counts(struct nic *nic) {
    (void)nic;
    return (struct nic_counts){ .sent = wire.out_count };
}

static void wire_close(struct nic *nic) {
    (void)nic;
    wire.closed = true;
}

static const struct nic_operations wire_operations = { .receive = wire_receive,
                                                       .reserve = wire_reserve,
                                                       .flush = wire_flush,
                                                       .wait = wire_wait,
                                                       .linked = wire_linked,
                                                       .counts = wire_counts,
                                                       .close = wire_close };

/* ---- The transport ---- */

static struct transport *transport;
static struct transport_event events[EVENTS];
static int event_count;

static const struct lwip_neighbour neighbour = { .mac = { 2, 0, 0, 0, 0, 2 } };

static struct lwip_options options_with(uint32_t connections_max) {
    static struct lwip_neighbour list[1];
    list[0] = neighbour;
    list[0].address = htonl(CLIENT);
    wire.nic = (struct nic){ .operations = &wire_operations, .name = "wire" };
    memcpy(wire.nic.mac, gateway_mac, sizeof gateway_mac);
    return (struct lwip_options){ .nic = &wire.nic,
                                  .address = htonl(GATEWAY),
                                  .netmask = htonl(0xffff0000),
                                  .port = GATEWAY_PORT,
                                  .connections_max = connections_max,
                                  .neighbours = list,
                                  .neighbour_count = 1,
                                  .key = { 1, 2 },
                                  .clock_ns = wire_clock };
}

static void open_for(uint32_t connections_max) {
    const struct lwip_options options = options_with(connections_max);
    memset(&wire, 0, sizeof wire);
    wire.now_ns = UINT64_C(1000000000);
    (void)options_with(connections_max);
    assert_int_equal(lwip_open(&options, &transport), 0);
    assert_int_equal(transport_admit(transport), 0);
}

static int close_it(void **state) {
    (void)state;
    if (transport != NULL) {
        transport_close(transport);
        if (!wire.closed) return -1;
    }
    transport = NULL;
    return 0;
}

/* Delivers what is on the wire without letting time pass, then lets time pass. */
static void pass(uint64_t time_ns) {
    uint64_t until_ns = wire.now_ns + time_ns;
    do {
        event_count = transport_wait(transport, events, EVENTS, 0);
        assert_true(event_count >= 0);
        if (wire.in_from == wire.in_to) wire.in_from = wire.in_to = 0;
        if (wire.now_ns < until_ns) wire.now_ns += MS_NS;
    } while (wire.in_to != 0 || wire.now_ns < until_ns);
}

static uint32_t kinds_of(uint32_t connection) {
    uint32_t kinds = 0;
    for (int i = 0; i < event_count; i++)
        if (events[i].connection == connection) kinds |= events[i].kinds;
    return kinds;
}

/* The connection that was opened in the last pass. */
static uint32_t opened(void) {
    for (int i = 0; i < event_count; i++)
        if (events[i].kinds == TRANSPORT_OPENED) return events[i].connection;
    fail_msg("nobody was let in");
    return 0;
}

/* ---- A client, frame by frame ---- */

struct client {
    uint32_t address;
    uint16_t port;
    uint16_t window;
    uint32_t sequence, acknowledged; /* to send next, to expect next */
    uint32_t heard;                  /* bytes in order */
    unsigned flags;                  /* of all that came since they were cleared */
    uint8_t bytes[1 << 17];
};

static void put16(uint8_t *at, unsigned value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}
static void put32(uint8_t *at, uint32_t value) {
    put16(at, value >> 16);
    put16(at + 2, value & 0xffff);
}
static unsigned get16(const uint8_t *at) { return (unsigned)(at[0] << 8 | at[1]); }
static uint32_t get32(const uint8_t *at) { return (uint32_t)get16(at) << 16 | get16(at + 2); }

static uint32_t sum_of(const uint8_t *bytes, size_t count) {
    uint32_t sum = 0;
    for (size_t i = 0; i < count; i++) sum += (uint32_t)bytes[i] << (i % 2 == 0 ? 8 : 0);
    return sum;
}
static unsigned folded(uint32_t sum) {
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
}

static struct frame *frame_new(void) {
    assert_true(wire.in_to < QUEUE);
    struct frame *frame = &wire.in[wire.in_to++];
    memset(frame, 0, sizeof *frame);
    return frame;
}

static void frame_ip(struct frame *frame, uint32_t from, uint8_t protocol, size_t payload) {
    uint8_t *eth = frame->bytes, *ip = eth + ETH_BYTES;
    memcpy(eth, gateway_mac, 6);
    memcpy(eth + 6, client_mac, 6);
    put16(eth + 12, 0x0800);
    ip[0] = 0x45;
    put16(ip + 2, (unsigned)(IP_BYTES + payload));
    ip[8] = 64;
    ip[9] = protocol;
    put32(ip + 12, from);
    put32(ip + 16, GATEWAY);
    put16(ip + 10, folded(sum_of(ip, IP_BYTES)));
    frame->count = (uint32_t)(ETH_BYTES + IP_BYTES + payload);
}

/* Puts a segment on the wire, from a place in the stream. */
static void say_at(const struct client *client, uint32_t sequence, unsigned flags,
                   const void *bytes, size_t count) {
    struct frame *frame = frame_new();
    uint8_t *ip = frame->bytes + ETH_BYTES, *tcp = ip + IP_BYTES;
    frame_ip(frame, client->address, 6, TCP_BYTES + count);
    put16(tcp, client->port);
    put16(tcp + 2, GATEWAY_PORT);
    put32(tcp + 4, sequence);
    put32(tcp + 8, client->acknowledged);
    tcp[12] = 5 << 4;
    tcp[13] = (uint8_t)flags;
    put16(tcp + 14, client->window);
    if (count > 0) memcpy(tcp + TCP_BYTES, bytes, count);
    uint32_t sum = sum_of(ip + 12, 8) + 6 + (uint32_t)(TCP_BYTES + count);
    put16(tcp + 16, folded(sum + sum_of(tcp, TCP_BYTES + count)));
}

static void say(struct client *client, unsigned flags, const void *bytes, size_t count) {
    say_at(client, client->sequence, flags, bytes, count);
    client->sequence += (uint32_t)count + ((flags & (SYN | FIN)) != 0);
}

/* Takes one frame that the gateway sent. */
static void hear_frame(struct client *client, const struct frame *frame) {
    const uint8_t *ip = frame->bytes + ETH_BYTES, *tcp = ip + IP_BYTES;
    if (get16(frame->bytes + 12) != 0x0800 || ip[9] != 6) return;
    if (get32(ip + 16) != client->address || get16(tcp + 2) != client->port) return;
    uint32_t whole = get16(ip + 2), header = (uint32_t)(tcp[12] >> 4) * 4;
    uint32_t count = whole - IP_BYTES - header, sequence = get32(tcp + 4);
    assert_int_equal(folded(sum_of(ip, IP_BYTES)), 0);
    assert_int_equal(
        folded(sum_of(ip + 12, 8) + 6 + whole - IP_BYTES + sum_of(tcp, whole - IP_BYTES)), 0);
    client->flags |= tcp[13];
    if ((tcp[13] & RST) != 0) return;
    if ((tcp[13] & SYN) != 0) client->acknowledged = sequence + 1;
    if (sequence != client->acknowledged) return; /* seen, or too early */
    assert_true(client->heard + count <= sizeof client->bytes);
    memcpy(client->bytes + client->heard, tcp + header, count);
    client->heard += count;
    client->acknowledged += count + ((tcp[13] & FIN) != 0);
}

/* Takes all that the gateway sent, for one client or two, and clears the wire. */
static void hear(struct client *client, struct client *other) {
    for (uint32_t i = 0; i < wire.out_count; i++) {
        if (wire.lose > 0) {
            wire.lose--;
            continue;
        }
        hear_frame(client, &wire.out[i]);
        if (other != NULL) hear_frame(other, &wire.out[i]);
    }
    wire.out_count = 0;
}

static struct client *client_new(uint16_t port) {
    struct client *client = test_calloc(1, sizeof *client);
    assert_non_null(client);
    *client = (struct client){
        .address = CLIENT, .port = port, .window = 65535, .sequence = 1000u * port
    };
    return client;
}

static uint32_t connect_to(struct client *client) {
    client->flags = 0;
    say(client, SYN, NULL, 0);
    pass(0);
    hear(client, NULL);
    assert_int_equal(client->flags, SYN | ACK);
    say(client, ACK, NULL, 0);
    pass(0);
    return opened();
}

static void client_free(struct client *client) { test_free(client); }

/* A question and its answer. */
static void still_served(struct client *client, uint32_t connection) {
    char asked[5] = "ask!", got[8];
    uint32_t before = client->heard;
    say(client, ACK | PSH, asked, 4);
    pass(0);
    assert_true((kinds_of(connection) & TRANSPORT_READABLE) != 0);
    assert_int_equal(transport_read(transport, connection, got, sizeof got), 4);
    assert_memory_equal(got, asked, 4);
    assert_int_equal(transport_write(transport, connection, "told", 4), 4);
    pass(0);
    hear(client, NULL);
    assert_int_equal(client->heard, before + 4);
    assert_memory_equal(client->bytes + before, "told", 4);
    say(client, ACK, NULL, 0);
    pass(0);
}

/* ---- The platform ---- */

static void siphash_gives_its_authors_vectors(void **state) {
    (void)state;
    static const uint64_t key[2] = { 0x0706050403020100u, 0x0f0e0d0c0b0a0908u };
    static const struct {
        size_t count;
        uint64_t hash;
    } row[] = { { 0, 0x726fdb47dd0e0e31u },
                { 1, 0x74f839c593dc67fdu },
                { 7, 0xab0200f58b01d137u },
                { 8, 0x93f5f5799a932462u },
                { 15, 0xa129ca6149be45e5u } };
    uint8_t bytes[16];
    for (uint8_t i = 0; i < sizeof bytes; i++) bytes[i] = i;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        assert_true(siphash(key, bytes, row[i].count) == row[i].hash);
}

static void the_checksum_is_that_of_every_length_and_place(void **state) {
    (void)state;
    struct random random = random_seeded(7);
    uint8_t bytes[256];
    for (int round = 0; round < 64; round++) {
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = round == 0 ? 0xff : (uint8_t)random_next(&random);
        for (int from = 0; from < 4; from++)
            for (int count = 0; count <= 200; count++) {
                unsigned right = folded(sum_of(bytes + from, (size_t)count));
                assert_int_equal(ntohs((uint16_t)~platform_checksum(bytes + from, count)), right);
            }
    }
}

static void sequence_numbers_grow_and_cannot_be_guessed(void **state) {
    (void)state;
    static const uint64_t key[2] = { 3, 4 }, other_key[2] = { 3, 5 };
    wire.now_ns = UINT64_C(1000000000);
    platform_set(key, wire_clock);
    uint32_t first = platform_sequence(1, 2, 3, 4);
    assert_int_equal(platform_sequence(1, 2, 3, 4), first);
    wire.now_ns += 3999;
    assert_int_equal(platform_sequence(1, 2, 3, 4), first);
    wire.now_ns += 1;
    assert_int_equal(platform_sequence(1, 2, 3, 4), first + 1);
    assert_int_not_equal(platform_sequence(1, 2, 3, 5) - first, 1);
    assert_int_not_equal(platform_sequence(1, 3, 3, 4) - first, 1);
    platform_set(other_key, wire_clock);
    assert_int_not_equal(platform_sequence(1, 2, 3, 4), first + 1);
}

/* ---- Opening ---- */

static void what_cannot_be_is_refused(void **state) {
    (void)state;
    struct lwip_neighbour far[LWIP_NEIGHBOURS_MAX + 1] = { { .address = htonl(0x08080808) } };
    static const struct {
        uint32_t connections, address, netmask;
        int code;
        const char *said;
    } row[] = {
        { LWIP_CONNECTIONS_MAX + 1, GATEWAY, 0xffff0000, -E2BIG, "up to 256 connections, not 257" },
        { 4, GATEWAY, 0xff00ff00, -EINVAL, "netmask" },
        { 4, GATEWAY, 0, -EINVAL, "netmask" },
        { 4, NETWORK, 0xffff0000, -EINVAL, "not one of a host" },
        { 4, NETWORK + 0xffff, 0xffff0000, -EINVAL, "not one of a host" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct lwip_options options = options_with(row[i].connections);
        options.address = htonl(row[i].address);
        options.netmask = htonl(row[i].netmask);
        assert_int_equal(lwip_open(&options, &transport), row[i].code);
        assert_non_null(strstr(err_text(), row[i].said));
    }
    struct lwip_options options = options_with(4);
    options.neighbours = far;
    assert_int_equal(lwip_open(&options, &transport), -EINVAL);
    assert_non_null(strstr(err_text(), "neighbour 1"));
    options.neighbour_count = LWIP_NEIGHBOURS_MAX + 1;
    assert_int_equal(lwip_open(&options, &transport), -E2BIG);
    open_for(LWIP_CONNECTIONS_MAX);
    struct transport *second;
    options = options_with(4);
    assert_int_equal(lwip_open(&options, &second), -EBUSY);
}

static void the_address_answers_arp_and_ping(void **state) {
    (void)state;
    open_for(4);
    wire.out_count = 0;
    struct frame *frame = frame_new();
    static const uint8_t arp[] = { 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 9, 10, 77, 0, 9 };
    memset(frame->bytes, 0xff, 6);
    put16(frame->bytes + 12, 0x0806);
    memcpy(frame->bytes + 14, arp, sizeof arp);
    put32(frame->bytes + 38, GATEWAY);
    frame->count = 60;
    pass(0);
    assert_int_equal(wire.out_count, 1);
    assert_int_equal(get16(wire.out[0].bytes + 20), 2);
    assert_memory_equal(wire.out[0].bytes + 22, gateway_mac, 6);
    wire.out_count = 0;
    frame = frame_new();
    frame_ip(frame, CLIENT, 1, 8);
    frame->bytes[34] = 8;
    put16(frame->bytes + 36, folded(sum_of(frame->bytes + 34, 8)));
    pass(0);
    assert_int_equal(wire.out_count, 1);
    assert_int_equal(wire.out[0].bytes[34], 0); /* echo reply */
    wire.out_count = 0;
    frame = frame_new(); /* the same for another station */
    *frame = wire.in[0];
    frame_ip(frame, CLIENT, 1, 8);
    frame->bytes[5] = 77;
    pass(0);
    assert_int_equal(wire.out_count, 0);
}

/* ---- Streams ---- */

static void bytes_arrive_in_order_and_the_end_after_them(void **state) {
    (void)state;
    char got[64];
    struct client *client = client_new(5000);
    open_for(4);
    uint32_t connection = connect_to(client);
    still_served(client, connection);
    for (char letter = 'a'; letter <= 'z'; letter++) say(client, ACK | PSH, &letter, 1);
    say(client, ACK | FIN, NULL, 0);
    pass(0);
    assert_int_equal(transport_read(transport, connection, got, 20), 20);
    assert_int_equal(transport_read(transport, connection, got + 20, 20), 6);
    assert_memory_equal(got, "abcdefghijklmnopqrstuvwxyz", 26);
    assert_int_equal(transport_read(transport, connection, got, 20), -ENODATA);
    assert_int_equal(transport_write(transport, connection, "bye", 3), 3); /* half-closed */
    client->flags = 0;
    transport_drop(transport, connection);
    pass(0);
    hear(client, NULL);
    assert_memory_equal(client->bytes + client->heard - 3, "bye", 3);
    assert_int_equal(client->flags & (FIN | RST), FIN);
    client_free(client);
}

static void what_came_too_early_waits_for_what_is_missing(void **state) {
    (void)state;
    char got[64];
    struct client *client = client_new(5000);
    open_for(4);
    uint32_t connection = connect_to(client);
    for (uint32_t i = 9; i > 0; i--) {
        char letter = (char)('0' + i);
        say_at(client, client->sequence + i, ACK, &letter, 1);
    }
    pass(0);
    assert_int_equal(transport_read(transport, connection, got, sizeof got), 0);
    say(client, ACK, "0", 1);
    pass(0);
    assert_int_equal(transport_read(transport, connection, got, sizeof got), 10);
    assert_memory_equal(got, "0123456789", 10);
    client_free(client);
}

static void a_reset_is_told(void **state) {
    (void)state;
    char got[8];
    struct client *client = client_new(5000);
    open_for(4);
    uint32_t connection = connect_to(client);
    say(client, RST, NULL, 0);
    pass(0);
    assert_int_equal(kinds_of(connection), TRANSPORT_READABLE);
    assert_int_equal(transport_read(transport, connection, got, sizeof got), -ECONNRESET);
    assert_int_equal(transport_write(transport, connection, "x", 1), -ECONNRESET);
    transport_drop(transport, connection);
    client_free(client);
}

static void what_is_lost_is_sent_again_soon(void **state) {
    enum { ROUNDS = 20, SLOWEST_MS = 140 };
    (void)state;
    struct client *client = client_new(5000);
    uint32_t worst_ms = 0;
    open_for(4);
    uint32_t connection = connect_to(client);
    hear(client, NULL);
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t before = client->heard, waited_ms = 0;
        assert_int_equal(transport_write(transport, connection, "once", 4), 4);
        pass(0);
        wire.lose = 1;
        hear(client, NULL);
        assert_int_equal(client->heard, before);
        for (; client->heard == before; waited_ms++) {
            assert_true(waited_ms <= SLOWEST_MS);
            pass(MS_NS);
            hear(client, NULL);
        }
        if (waited_ms > worst_ms) worst_ms = waited_ms;
        say(client, ACK, NULL, 0);
        pass(0);
        still_served(client, connection); /* which measures a round trip */
    }
    print_message("the slowest came after %u ms\n", worst_ms);
    client_free(client);
}

static void what_was_sent_leaves_before_the_end(void **state) {
    (void)state;
    struct client *client = client_new(5000);
    open_for(4);
    uint32_t connection = connect_to(client);
    hear(client, NULL);
    assert_int_equal(transport_write(transport, connection, "last", 4), 4);
    wire.lose = 1;
    hear(client, NULL);
    assert_int_equal(close_it(NULL), 0);
    hear(client, NULL);
    assert_memory_equal(client->bytes, "last", 4);
    client_free(client);
}

/* ---- Who harms only himself ---- */

/* Fills a connection's buffers by writes of so many bytes; how many went in. */
static size_t fill(uint32_t connection, size_t piece) {
    static const uint8_t zeros[1 << 16];
    size_t total = 0;
    for (ssize_t sent = 1; sent > 0; total += (size_t)sent) {
        sent = transport_write(transport, connection, zeros, piece);
        assert_true(sent >= 0);
        wire.out_count = 0;
    }
    return total;
}

static void nobody_reads_and_everybody_has_room(void **state) {
    enum { OTHERS = LWIP_CONNECTIONS_MAX - 1 };
    (void)state;
    struct client *good = client_new(4999);
    open_for(LWIP_CONNECTIONS_MAX);
    uint32_t served = connect_to(good);
    static uint32_t connections[OTHERS];
    struct client *idle = client_new(0);
    for (uint16_t i = 0; i < OTHERS; i++) {
        *idle = (struct client){ .address = CLIENT, .port = (uint16_t)(5000 + i), .window = 65535 };
        connections[i] = connect_to(idle);
    }
    for (int i = 0; i < OTHERS; i++) {
        size_t total = fill(connections[i], i % 2 == 0 ? 1 << 16 : 40);
        assert_true(total <= 65535);
        /* Segments of 536 bytes, as none were asked for; or pieces, as many as may wait. */
        assert_true(total >= (i % 2 == 0 ? 40 * 536 : 100 * 40));
    }
    still_served(good, served);
    transport_watch(transport, connections[0], false, true);
    pass(0);
    assert_int_equal(kinds_of(connections[0]), 0);
    for (int i = 0; i < OTHERS; i++) transport_drop(transport, connections[i]);
    pass((LWIP_LINGER_MS - 200) * (uint64_t)MS_NS);
    assert_int_equal(lwip_counts(transport).cut, 0);
    pass(400 * (uint64_t)MS_NS);
    assert_int_equal(lwip_counts(transport).cut, OTHERS);
    wire.out_count = 0;
    still_served(good, served);
    client_free(idle);
    client_free(good);
}

static void streams_with_holes_take_no_memory_from_others(void **state) {
    enum { OTHERS = 100, PIECES = 64 };
    (void)state;
    struct client *good = client_new(4999), *bad = client_new(0);
    open_for(OTHERS + 1);
    uint32_t served = connect_to(good);
    for (uint16_t i = 0; i < OTHERS; i++) {
        *bad = (struct client){ .address = CLIENT, .port = (uint16_t)(5000 + i), .window = 65535 };
        (void)connect_to(bad);
        for (uint32_t j = 1; j <= PIECES; j++) say_at(bad, bad->sequence + 2 * j, ACK, "x", 1);
        pass(0);
        wire.out_count = 0;
    }
    still_served(good, served);
    client_free(bad);
    client_free(good);
}

static void who_half_opens_is_forgotten_after_200_ms(void **state) {
    (void)state;
    struct client *client = client_new(5000);
    open_for(4);
    say(client, SYN, NULL, 0);
    pass((LWIP_HALF_OPEN_MS - 10) * (uint64_t)MS_NS);
    assert_int_equal(lwip_counts(transport).reaped, 0);
    pass(70 * (uint64_t)MS_NS);
    assert_int_equal(lwip_counts(transport).reaped, 1);
    hear(client, NULL);
    client->flags = 0;
    say(client, ACK, NULL, 0); /* too late */
    pass(0);
    hear(client, NULL);
    assert_int_equal(client->flags & RST, RST);
    client_free(client);
}

static void a_flood_of_syns_leaves_sessions_alone(void **state) {
    enum { SYNS = 4000, PER_MS = 20 };
    (void)state;
    struct client *good = client_new(4999), *spoofed = client_new(0), *late = client_new(6000);
    open_for(8);
    uint32_t served = connect_to(good);
    for (uint32_t i = 0; i < SYNS; i++) {
        *spoofed = (struct client){ .address = NETWORK + 0x100 + i,
                                    .port = (uint16_t)(1000 + i),
                                    .window = 65535 };
        say(spoofed, SYN, NULL, 0);
        if (i % PER_MS != 0) continue;
        pass(MS_NS);
        wire.out_count = 0;
        if (i % 400 == 0) still_served(good, served);
    }
    still_served(good, served);
    pass(300 * (uint64_t)MS_NS);
    wire.out_count = 0;
    still_served(late, connect_to(late));
    print_message("%llu half-open connections forgotten\n",
                  (unsigned long long)lwip_counts(transport).reaped);
    assert_true(lwip_counts(transport).reaped >= 255);
    client_free(late);
    client_free(spoofed);
    client_free(good);
}

static void more_clients_than_numbers_wait_and_then_are_refused(void **state) {
    enum { NUMBERS = 2, LOBBY = 64 };
    (void)state;
    static struct client clients[NUMBERS + LOBBY + 1];
    uint32_t first = 0;
    open_for(NUMBERS);
    for (uint16_t i = 0; i < NUMBERS + LOBBY + 1; i++) {
        struct client *client = &clients[i];
        *client =
            (struct client){ .address = CLIENT, .port = (uint16_t)(5000 + i), .window = 65535 };
        say(client, SYN, NULL, 0);
        pass(0);
        hear(client, NULL);
        client->flags = 0;
        say(client, ACK | PSH, "hello", 5);
        pass(0);
        if (i == 0) first = opened();
        hear(client, NULL);
        assert_int_equal(client->flags & RST, i < NUMBERS + LOBBY ? 0 : RST);
    }
    assert_int_equal(lwip_counts(transport).refused, 1);
    transport_drop(transport, first);
    pass(0);
    assert_int_equal(opened(), first);
    char got[8];
    pass(0);
    assert_int_equal(transport_read(transport, first, got, sizeof got), 5);
    hear(&clients[NUMBERS], NULL);
    still_served(&clients[NUMBERS], first); /* who came first */
}

static void garbage_on_the_wire_does_no_harm(void **state) {
    enum { FRAMES = 30000 };
    (void)state;
    const char *text = getenv("SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 1;
    struct random random = random_seeded(seed);
    struct client *good = client_new(4999), *bad = client_new(5000);
    print_message("seed %llu\n", (unsigned long long)seed);
    open_for(8);
    uint32_t served = connect_to(good);
    for (int i = 0; i < FRAMES; i++) {
        static const unsigned flags[] = { SYN, ACK, ACK | PSH, FIN | ACK, RST, SYN | FIN, 0 };
        uint8_t bytes[32] = "some bytes";
        bad->port = (uint16_t)(5000 + random_below(&random, 4));
        bad->window = (uint16_t)random_next(&random);
        say(bad, flags[random_below(&random, 7)], bytes, random_below(&random, sizeof bytes));
        struct frame *frame = &wire.in[wire.in_to - 1];
        if (random_below(&random, 2) == 0)
            frame->bytes[random_below(&random, frame->count)] ^= (uint8_t)random_next(&random);
        if (random_below(&random, 4) == 0) frame->count = (uint32_t)random_below(&random, 80);
        if (get32(frame->bytes + 26) == CLIENT && get16(frame->bytes + 34) == good->port)
            frame->count = 0;
        if (i % 16 != 0) continue;
        pass(random_below(&random, 4) == 0 ? MS_NS : 0);
        for (int j = 0; j < event_count; j++)
            if (events[j].connection != served && (events[j].kinds & TRANSPORT_READABLE) != 0 &&
                transport_read(transport, events[j].connection, bytes, sizeof bytes) < 0)
                transport_drop(transport, events[j].connection);
        hear(bad, NULL);
    }
    pass(300 * (uint64_t)MS_NS);
    wire.out_count = 0;
    still_served(good, served);
    client_free(bad);
    client_free(good);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siphash_gives_its_authors_vectors),
        cmocka_unit_test(the_checksum_is_that_of_every_length_and_place),
        cmocka_unit_test(sequence_numbers_grow_and_cannot_be_guessed),
        cmocka_unit_test_teardown(what_cannot_be_is_refused, close_it),
        cmocka_unit_test_teardown(the_address_answers_arp_and_ping, close_it),
        cmocka_unit_test_teardown(bytes_arrive_in_order_and_the_end_after_them, close_it),
        cmocka_unit_test_teardown(what_came_too_early_waits_for_what_is_missing, close_it),
        cmocka_unit_test_teardown(a_reset_is_told, close_it),
        cmocka_unit_test_teardown(what_is_lost_is_sent_again_soon, close_it),
        cmocka_unit_test_teardown(what_was_sent_leaves_before_the_end, close_it),
        cmocka_unit_test_teardown(nobody_reads_and_everybody_has_room, close_it),
        cmocka_unit_test_teardown(streams_with_holes_take_no_memory_from_others, close_it),
        cmocka_unit_test_teardown(who_half_opens_is_forgotten_after_200_ms, close_it),
        cmocka_unit_test_teardown(a_flood_of_syns_leaves_sessions_alone, close_it),
        cmocka_unit_test_teardown(more_clients_than_numbers_wait_and_then_are_refused, close_it),
        cmocka_unit_test_teardown(garbage_on_the_wire_does_no_harm, close_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
