/* steer.bpf: decide for each frame whether the AF_XDP socket gets it, the kernel, or nobody.
 *
 * What cannot be recognised as ours goes to the kernel; what is ours and is not right is dropped.
 * The order is: whole, a possible source, allowed, source's rate, source's SYNs, all SYNs: so that
 * a source spends what it shares with others only while it keeps to its own limits. */
#include "host/bpf/steer_maps.h"
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* A compare-and-swap that loses this often refuses its token; each loss is another's progress. */
enum { TAKE_TRIES = 8 };

/* No two clocks of the machine differ by as much. A bucket that owes more than its limit allows,
   and this, was filled under another limit. */
#define FOREIGN_NS 1000000000ull

enum { ARP_REQUEST_BYTES = 28, ARP_TARGET_AT = 24 };
enum { FRAGMENT_MORE = 0x2000, FRAGMENT_OFFSET = 0x1fff };

/* The loader puts the port's own map in this one's place. */
struct {
    __uint(type, BPF_MAP_TYPE_XSKMAP);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} sockets SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 64);
    __type(key, struct endpoint_key);
    __type(value, __u32);
} endpoints SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 64);
    __type(key, __u32);
    __type(value, __u32);
} addresses SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(max_entries, 1024);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct prefix_key);
    __type(value, __u32);
} prefixes SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 65536);
    __type(key, __u32);
    __type(value, struct source_value);
} sources SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, LIMITS);
    __type(key, __u32);
    __type(value, struct limit_value);
} limits SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, COUNTERS);
    __type(key, __u32);
    __type(value, __u64);
} counters SEC(".maps");

const volatile __u32 steers_arp, steers_icmp, clock_given;
__u64 clock_ns, all_syns_full_ns, all_arps_full_ns;

static __always_inline int end_frame(enum counter which, int verdict) {
    __u32 key = which;
    __u64 *count = bpf_map_lookup_elem(&counters, &key);
    if (count) ++*count;
    return verdict;
}

#define PASS(which) end_frame(which, XDP_PASS)
#define DROP(which) end_frame(which, XDP_DROP)

/* The sockets are looked up first so that the counters tell a queue without one. */
static __always_inline int redirect_frame(struct xdp_md *context, enum counter which) {
    __u32 queue = context->rx_queue_index;
    if (!bpf_map_lookup_elem(&sockets, &queue)) return PASS(COUNTER_PASSED_NO_SOCKET);
    return end_frame(which, (int)bpf_redirect_map(&sockets, queue, XDP_PASS));
}

static __always_inline __u64 read_clock(void) {
    return clock_given ? *(volatile __u64 *)&clock_ns : bpf_ktime_get_ns();
}

static __always_inline int take_token(__u64 *full_ns, enum limit which, __u64 now_ns) {
    __u32 key = which;
    const struct limit_value *limit = bpf_map_lookup_elem(&limits, &key);
    if (!limit) return 0;
    __u64 interval_ns = limit->interval_ns, slack_ns = limit->slack_ns;
    if (interval_ns == 0) return 1;
#pragma clang loop unroll(disable)
    for (int i = 0; i < TAKE_TRIES; i++) {
        __u64 stored_ns = *(volatile __u64 *)full_ns;
        __u64 from_ns = stored_ns > now_ns ? stored_ns : now_ns;
        if (from_ns - now_ns > slack_ns + interval_ns + FOREIGN_NS) from_ns = now_ns;
        if (from_ns - now_ns > slack_ns) return 0;
        if (__sync_val_compare_and_swap(full_ns, stored_ns, from_ns + interval_ns) == stored_ns)
            return 1;
    }
    return 0;
}

static __always_inline struct source_value *find_source(__u32 address) {
    struct source_value *source = bpf_map_lookup_elem(&sources, &address);
    if (source) return source;
    struct source_value fresh = { 0, 0 };
    bpf_map_update_elem(&sources, &address, &fresh, BPF_NOEXIST); /* or another just did */
    return bpf_map_lookup_elem(&sources, &address);
}

/* "This network", loopback, multicast, reserved and broadcast never send. */
static __always_inline int is_possible_source(__u32 address) {
    __u32 first = bpf_ntohl(address) >> 24;
    return first != 0 && first != 127 && first < 224;
}

static __always_inline int decide_arp(struct xdp_md *context, void *at, void *end) {
    const __u8 *arp = at;
    if (!steers_arp || arp + ARP_REQUEST_BYTES > (const __u8 *)end) return PASS(COUNTER_PASSED);
    __u32 target;
    __builtin_memcpy(&target, arp + ARP_TARGET_AT, sizeof target);
    if (!bpf_map_lookup_elem(&addresses, &target)) return PASS(COUNTER_PASSED);
    if (!take_token(&all_arps_full_ns, LIMIT_ALL_ARPS, read_clock()))
        return DROP(COUNTER_DROPPED_ARP);
    return redirect_frame(context, COUNTER_STEERED_ARP);
}

/* Ours: of a steered endpoint, or ICMP to its address. tcp is NULL for ICMP. */
static __always_inline int decide_ours(struct xdp_md *context, const struct iphdr *ip,
                                       const struct tcphdr *tcp, void *end) {
    __u32 ip_bytes = (__u32)ip->ihl * 4, total_bytes = bpf_ntohs(ip->tot_len);
    if (ip->frag_off & bpf_htons(FRAGMENT_MORE)) return DROP(COUNTER_DROPPED_FRAGMENT);
    if (ip_bytes != sizeof *ip) return DROP(COUNTER_DROPPED_OPTIONS);
    if (total_bytes > (__u64)end - (__u64)ip) return DROP(COUNTER_DROPPED_MALFORMED);
    if (tcp) {
        if ((void *)(tcp + 1) > end) return DROP(COUNTER_DROPPED_MALFORMED);
        __u32 tcp_bytes = (__u32)tcp->doff * 4;
        if (tcp_bytes < sizeof *tcp) return DROP(COUNTER_DROPPED_MALFORMED);
        if (total_bytes < ip_bytes + tcp_bytes) return DROP(COUNTER_DROPPED_MALFORMED);
    } else if (total_bytes < ip_bytes + 8) {
        return DROP(COUNTER_DROPPED_MALFORMED);
    }

    __u32 address = ip->saddr;
    if (!is_possible_source(address) || address == ip->daddr) return DROP(COUNTER_DROPPED_SOURCE);
    struct prefix_key key = { .bits = 32, .address = address };
    const __u32 *allowed = bpf_map_lookup_elem(&prefixes, &key);
    if (!allowed || *allowed != PREFIX_ALLOWED) return DROP(COUNTER_DROPPED_DENIED);

    struct source_value *source = find_source(address);
    if (!source) return DROP(COUNTER_DROPPED_TABLE);
    __u64 now_ns = read_clock();
    if (!take_token(&source->packets_full_ns, LIMIT_SOURCE_PACKETS, now_ns))
        return DROP(COUNTER_DROPPED_RATE);
    if (!tcp) return redirect_frame(context, COUNTER_STEERED_ICMP);
    if (tcp->syn && !tcp->ack) {
        if (!take_token(&source->syns_full_ns, LIMIT_SOURCE_SYNS, now_ns))
            return DROP(COUNTER_DROPPED_SYN_SOURCE);
        if (!take_token(&all_syns_full_ns, LIMIT_ALL_SYNS, now_ns))
            return DROP(COUNTER_DROPPED_SYN_ALL);
    }
    return redirect_frame(context, COUNTER_STEERED_TCP);
}

static __always_inline int decide_ip(struct xdp_md *context, void *at, void *end) {
    const struct iphdr *ip = at;
    if ((void *)(ip + 1) > end || ip->version != 4) return PASS(COUNTER_PASSED);
    __u32 ip_bytes = (__u32)ip->ihl * 4, address = ip->daddr;
    if (ip_bytes < sizeof *ip) return PASS(COUNTER_PASSED);
    /* Later fragments carry no port. They go to the kernel, which never gets the first of ours. */
    if (ip->frag_off & bpf_htons(FRAGMENT_OFFSET)) return PASS(COUNTER_PASSED);
    if (ip->protocol == IPPROTO_ICMP) {
        if (!steers_icmp || !bpf_map_lookup_elem(&addresses, &address)) return PASS(COUNTER_PASSED);
        return decide_ours(context, ip, 0, end);
    }
    if (ip->protocol != IPPROTO_TCP) return PASS(COUNTER_PASSED);
    const struct tcphdr *tcp = (const void *)((const __u8 *)ip + ip_bytes);
    if ((void *)(&tcp->dest + 1) > end) return PASS(COUNTER_PASSED);
    struct endpoint_key key = { .address = address, .port = tcp->dest, .zero = 0 };
    if (!bpf_map_lookup_elem(&endpoints, &key)) return PASS(COUNTER_PASSED);
    return decide_ours(context, ip, tcp, end);
}

SEC("xdp") int wirepit_steer(struct xdp_md *context) {
    void *at = (void *)(long)context->data, *end = (void *)(long)context->data_end;
    const struct ethhdr *ethernet = at;
    if ((void *)(ethernet + 1) > end) return PASS(COUNTER_PASSED);
    if (ethernet->h_proto == bpf_htons(ETH_P_ARP))
        return decide_arp(context, at + sizeof *ethernet, end);
    if (ethernet->h_proto == bpf_htons(ETH_P_IP))
        return decide_ip(context, at + sizeof *ethernet, end);
    return PASS(COUNTER_PASSED);
}

char program_license[] SEC("license") = "Apache-2.0"; /* it calls no helper that asks for the GPL */
