/* steer_maps.h: what the program and its loader lay out alike: keys and values of the maps. */
#ifndef HOST_BPF_STEER_MAPS_H
#define HOST_BPF_STEER_MAPS_H

#include <linux/types.h>

#define STEER_PROGRAM "wirepit_steer" /* the kernel keeps 15 characters of a program's name */

enum counter {
#define COUNTER(name, word, verdict, meaning) COUNTER_##name,
#include "host/bpf/steer.def"
#undef COUNTER
    COUNTERS
};

/* The buckets: two of every source, two that all share. */
enum limit { LIMIT_SOURCE_PACKETS, LIMIT_SOURCE_SYNS, LIMIT_ALL_SYNS, LIMIT_ALL_ARPS, LIMITS };

/* A bucket is full at its time and owes tokens until then: it gives one while that is at most
   slack_ns away, for interval_ns. An interval of 0 is no limit. */
struct limit_value {
    __u64 interval_ns, slack_ns;
};

struct source_value {
    __u64 packets_full_ns, syns_full_ns;
};

/* Addresses and ports as on the wire. */
struct endpoint_key {
    __u32 address;
    __u16 port, zero;
};

struct prefix_key {
    __u32 bits, address;
};

enum prefix_value { PREFIX_DENIED, PREFIX_ALLOWED };

#endif /* HOST_BPF_STEER_MAPS_H */
