/* steer_limits: how often sources may send to a steered interface. Apart from steer.h, so that a
 * configuration can hold them without the headers of sockets. */
#ifndef HOST_BPF_STEER_LIMITS_H
#define HOST_BPF_STEER_LIMITS_H

#include <stdint.h>

enum { STEER_RATE_MAX = 10 * 1000 * 1000, STEER_BURST_MAX = 1000 * 1000 };

/* A token bucket: burst at once, then per_second. 0 per second is no limit; else 1 to
   STEER_RATE_MAX, and a burst of 1 to STEER_BURST_MAX. The rate is rounded up to whole nanoseconds
   between tokens. */
struct steer_limit {
    uint32_t per_second, burst;
};

struct steer_limits {
    struct steer_limit source_packets; /* of one source: TCP and ICMP */
    struct steer_limit source_syns;    /* of one source; each is a packet as well */
    struct steer_limit all_syns;       /* of all sources together */
    struct steer_limit all_arps;       /* of all stations together */
};

/* STEER_LIMITS_DEFAULT: a source may be as fast as a veth gets; its SYNs open 128 sessions at once.
   1,000 SYN/s keep lwIP's 255 half-open connections free while its reaper takes 200 ms. */
#define STEER_LIMITS_DEFAULT                                      \
    ((struct steer_limits){ .source_packets = { 1000000, 65536 }, \
                            .source_syns = { 200, 128 },          \
                            .all_syns = { 1000, 200 },            \
                            .all_arps = { 1000, 200 } })

#endif /* HOST_BPF_STEER_LIMITS_H */
