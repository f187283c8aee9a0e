/* frame.h: Ethernet frames as XDP programs see them, made by hand for tests. */
#ifndef TESTS_UNIT_FRAME_H
#define TESTS_UNIT_FRAME_H

#include "host/base/bytes.h"
#include <stddef.h>
#include <string.h>

/* Where what stands in a frame without VLAN tag and IP options. */
enum {
    FRAME_TYPE = 12,
    FRAME_IP = 14,
    FRAME_IP_TOTAL = 16,
    FRAME_IP_FRAGMENT = 20,
    FRAME_IP_PROTOCOL = 23,
    FRAME_IP_SOURCE = 26,
    FRAME_IP_TARGET = 30,
    FRAME_ARP_SOURCE = 28,
    FRAME_ARP_TARGET = 38,
    FRAME_TCP_PORT = 36,
    FRAME_TCP_LENGTH = 46,
    FRAME_TCP_FLAGS = 47,
    FRAME_TCP_END = 54,
    FRAME_BYTES_MIN = 60, /* Ethernet pads to this */
    FRAME_BYTES_MAX = 128
};
enum { FRAME_FIN = 1, FRAME_SYN = 2, FRAME_RST = 4, FRAME_ACK = 16 };

struct frame {
    uint8_t bytes[FRAME_BYTES_MAX];
    size_t length;
};

#define FRAME_ADDRESS(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

/* The Internet checksum of an even number of bytes, on top of what was summed before. */
static inline uint16_t frame_checksum(const uint8_t *bytes, size_t count, uint32_t sum) {
    for (size_t i = 0; i < count; i += 2) sum += bytes_get_be16(bytes + i);
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static inline struct frame frame_ip(uint8_t protocol, uint32_t source, uint32_t target,
                                    uint16_t total) {
    struct frame frame = { .length = FRAME_BYTES_MIN };
    memcpy(frame.bytes, "\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0\x45", 15);
    bytes_put_be16(frame.bytes + FRAME_IP_TOTAL, total);
    frame.bytes[FRAME_IP_FRAGMENT + 2] = 64; /* time to live */
    frame.bytes[FRAME_IP_PROTOCOL] = protocol;
    bytes_put_be32(frame.bytes + FRAME_IP_SOURCE, source);
    bytes_put_be32(frame.bytes + FRAME_IP_TARGET, target);
    bytes_put_be16(frame.bytes + FRAME_IP + 10, frame_checksum(frame.bytes + FRAME_IP, 20, 0));
    return frame;
}

/* A segment without data, from port 40,000. */
static inline struct frame frame_tcp(uint32_t source, uint32_t target, uint16_t port,
                                     uint8_t flags) {
    struct frame frame = frame_ip(6, source, target, 40);
    uint8_t *tcp = frame.bytes + 34;
    bytes_put_be16(tcp, 40000);
    bytes_put_be16(tcp + 2, port);
    bytes_put_be32(tcp + 4, 12345);
    tcp[12] = 5 << 4;
    tcp[13] = flags;
    bytes_put_be16(tcp + 14, 1024);
    uint32_t pseudo =
        6 + 20 + (source >> 16) + (source & 0xffff) + (target >> 16) + (target & 0xffff);
    bytes_put_be16(tcp + 16, frame_checksum(tcp, 20, pseudo));
    return frame;
}

/* An echo request without data. */
static inline struct frame frame_ping(uint32_t source, uint32_t target) {
    struct frame frame = frame_ip(1, source, target, 28);
    frame.bytes[34] = 8;
    bytes_put_be16(frame.bytes + 36, frame_checksum(frame.bytes + 34, 8, 0));
    return frame;
}

/* A request: who has target, tell source. */
static inline struct frame frame_arp(uint32_t source, uint32_t target) {
    struct frame frame = { .length = FRAME_BYTES_MIN };
    memcpy(frame.bytes,
           "\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\x02\x08\x06\0\x01\x08\0\x06\x04\0\x01\x02\0\0\0\0"
           "\x02",
           28);
    bytes_put_be32(frame.bytes + FRAME_ARP_SOURCE, source);
    bytes_put_be32(frame.bytes + FRAME_ARP_TARGET, target);
    return frame;
}

#endif /* TESTS_UNIT_FRAME_H */
