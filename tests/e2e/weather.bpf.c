/* weather.bpf.c: bad weather between two interfaces: what comes in by one goes out by the other,
 * unless it is lost. Which frame is lost depends on the seed, the direction and the frame's number
 * alone. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

const volatile __u32 way_out[2]; /* interface numbers: of what comes in by the other */
const volatile __u64 seed;
__u32 per_100000; /* are lost */
__u64 frames[2], lost[2];

/* splitmix64 (Vigna). */
static __u64 drawn(__u64 number) {
    __u64 z = seed + number * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int forward(__u32 direction) {
    __u64 number = __sync_fetch_and_add(&frames[direction], 1);
    if (drawn(2 * number + direction) % 100000 < per_100000) {
        __sync_fetch_and_add(&lost[direction], 1);
        return TC_ACT_SHOT;
    }
    return (int)bpf_redirect(way_out[direction], 0);
}

SEC("tc") int weather_there(struct __sk_buff *frame) {
    (void)frame;
    return forward(0);
}

SEC("tc") int weather_back(struct __sk_buff *frame) {
    (void)frame;
    return forward(1);
}

char LICENSE[] SEC("license") = "Apache-2.0";
