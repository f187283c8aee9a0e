/* steer: an XDP program that hands order-entry traffic to an AF_XDP socket, keeps off who has no
 * business there, and leaves everything else to the kernel.
 *
 * Order of use, all in the network namespace of the interface:
 *   1. steer_sweep    before the port is opened: removes what a crashed predecessor left
 *   2.                DPDK's net_af_xdp opens the port and attaches a program of its own
 *   3. steer_attach   puts ours in its place, over the same map of sockets
 *   4. steer_detach   before the port is closed: puts the port's program back
 * A port that cannot have it (-EPERM, -ENOTSUP) goes on without: net_af_xdp's own program then
 * hands every frame of the interface to the socket.
 *
 * IPv4 only; frames with a VLAN tag, IPv6 and whatever else go to the kernel. The calls are for
 * start, stop and the operator, not for the poll loop; one thread at a time. */
#ifndef HOST_BPF_STEER_H
#define HOST_BPF_STEER_H

#include "host/bpf/steer_limits.h"
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STEER_ENDPOINTS_MAX = 64, STEER_PREFIXES_MAX = 1024, STEER_SOURCES_DEFAULT = 65536 };
enum { STEER_SOURCES_MIN = 1024, STEER_SOURCES_MAX = 1 << 20 };

/* steer.def's counters: STEER_STEERED_TCP, ... */
enum steer_counter {
#define COUNTER(name, word, verdict, meaning) STEER_##name,
#include "host/bpf/steer.def"
#undef COUNTER
    STEER_COUNTERS
};

/* A TCP endpoint whose traffic goes to the socket. */
struct steer_endpoint {
    struct in_addr address;
    uint16_t port; /* 1 to 65,535, in the host's byte order */
};

/* All addresses that begin with the first `bits` bits of address. */
struct steer_prefix {
    struct in_addr address;
    uint8_t bits; /* 0 to 32; the bits of address beyond are 0 */
};

struct steer_options {
    const char *interface;
    const struct steer_endpoint *endpoints;
    uint32_t endpoint_count; /* 1 to STEER_ENDPOINTS_MAX */
    /* Who may send to the endpoints. None means nobody; 0.0.0.0/0 means everybody. */
    const struct steer_prefix *allowed;
    uint32_t allowed_count; /* to STEER_PREFIXES_MAX */
    struct steer_limits limits;
    uint32_t sources_max; /* sources whose rates are kept; 0 is STEER_SOURCES_DEFAULT */
    /* Whether ARP for, and ICMP to, the endpoints' addresses go to the socket too. Yes where the
       addresses are lwIP's alone; no where the kernel has them as well and answers for both. */
    bool arp, icmp;
    bool clock_given; /* for tests: time is what steer_clock_set says */
};

struct steer;

/* steer_prefix_parse reads "10.1.0.0/16" or "10.1.2.3", which is /32. Returns 0 and *prefix, or
   -EINVAL with err_text naming text and what is wrong with it. */
int steer_prefix_parse(const char *text, struct steer_prefix *prefix);

/* steer_sweep detaches our program from an interface on which nobody uses it any more; where there
   is none it does nothing. The program that net_af_xdp attaches by itself is left: the next
   net_af_xdp takes it over. Returns 1 if it removed one, 0 if there was nothing to remove, or a
   negative errno with err_text saying what to do:
     -ENODEV   there is no such interface
     -EBUSY    another process steers it, or it carries a program that is not ours
     -EPERM, -ENOTSUP   as steer_attach; only if there is something to remove */
int steer_sweep(const char *interface);

/* steer_attach replaces the program of net_af_xdp on options->interface by ours, atomically: no
   frame meets an interface without a program. Returns 0 and *steer, which steer_detach gives back;
   or leaves the interface as it was and returns a negative errno, with err_text saying what to do:
     -EPERM    not privileged enough: root, or CAP_BPF, CAP_NET_ADMIN and CAP_SYS_ADMIN
     -ENOTSUP  this kernel cannot
     -ENODEV   there is no such interface
     -ENOENT   no program with a map of AF_XDP sockets is attached: open the port first
     -EBUSY    another process steers the interface, or it changed programs meanwhile
     -EINVAL   an option is out of its range */
int steer_attach(const struct steer_options *options, struct steer **steer);

/* steer_load is steer_attach without an interface: the program with a map of sockets of its own,
   which only steer_run calls. */
int steer_load(const struct steer_options *options, struct steer **steer);

/* steer_detach puts the program back that steer_attach found, if ours is still there, and frees
   steer in any case. NULL is nothing to detach. Returns 0, or a negative errno if ours may still be
   attached; steer_sweep removes it then. */
int steer_detach(struct steer *steer);

/* steer_allow lets a prefix in, steer_deny keeps it out, steer_forget takes back what was said of
   it. The longest prefix that holds a source decides. In force with the next frame; connections of
   a source that is denied fall silent. Return 0; -ENOSPC with STEER_PREFIXES_MAX prefixes known;
   -ENOENT to forget what was never said; -EINVAL as steer_prefix says. */
int steer_allow(struct steer *steer, struct steer_prefix prefix);
int steer_deny(struct steer *steer, struct steer_prefix prefix);
int steer_forget(struct steer *steer, struct steer_prefix prefix);

/* steer_limits_set changes the limits, in force with the next frame. What sources have used of
   their buckets stays used, for a second at most beyond what the new limits allow. Returns 0 or
   -EINVAL, with the limits as they were. */
int steer_limits_set(struct steer *steer, const struct steer_limits *limits);

/* steer_count adds up the counters of all processors since the program was loaded. Returns 0 or a
   negative errno. */
int steer_count(const struct steer *steer, uint64_t counters[STEER_COUNTERS]);

/* steer_counter_name is the counter's name as a summary prints it: "steered_tcp". */
const char *steer_counter_name(enum steer_counter counter);

/* steer_counter_meaning is the words of steer.def. */
const char *steer_counter_meaning(enum steer_counter counter);

/* steer_run gives the program one frame as if it had arrived on queue 0, and returns what it says:
   XDP_PASS, XDP_DROP or XDP_REDIRECT; or a negative errno. The frame goes nowhere. bytes is at
   least 14, as an Ethernet header has. */
int steer_run(struct steer *steer, const void *frame, size_t bytes);

/* steer_socket_set gives queue 0 of a steer_load program an AF_XDP socket, or with -1 takes it
   away. Returns 0 or a negative errno. */
int steer_socket_set(struct steer *steer, int socket);

/* steer_clock_set says what time it is, for a program with clock_given. */
void steer_clock_set(struct steer *steer, uint64_t now_ns);

#endif /* HOST_BPF_STEER_H */
