#define _GNU_SOURCE /* setns, unshare */
#include "tests/e2e/weather.h"
#include "host/base/clock.h"
#include "tests/unit/frame.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Generated code, not held to our warnings. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverlength-strings"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#include "build/bpf/weather.skel.h"
#pragma GCC diagnostic pop

/* Where what stands in a frame of frame_tcp. */
enum { TCP = 34, TCP_SEQUENCE = 38, TCP_CHECKSUM = 50 };

static int gateway_side = -1, middle = -1, client_side = -1;
static struct weather_program *forwarder;
static pid_t flooder;
static _Atomic uint64_t *flooded;

/* ---- The wire ---- */

static int new_side(void) {
    return unshare(CLONE_NEWNET) == 0 ? open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC) : -1;
}

static bool run_in(int side, const char *commands) {
    return setns(side, CLONE_NEWNET) == 0 && system(commands) == 0;
}

/* The MAC addresses are those of frame.h. The clients send again after 5 ms instead of 200, so that
   a test with losses ends. */
static bool make_wire(void) {
    char command[1024];
    int pid = (int)getpid();
    (void)snprintf(command, sizeof command,
                   "sysctl -qw net.ipv6.conf.default.disable_ipv6=1; "
                   "ip link add relay0 type veth peer name " WEATHER_INTERFACE
                   " netns /proc/%d/fd/%d && "
                   "ip link add relay1 type veth peer name wirepit1 netns /proc/%d/fd/%d && "
                   "ip link set relay0 up && ip link set relay1 up",
                   pid, gateway_side, pid, client_side);
    return run_in(gateway_side, "sysctl -qw net.ipv6.conf.default.disable_ipv6=1") &&
           run_in(client_side, "sysctl -qw net.ipv6.conf.default.disable_ipv6=1") &&
           run_in(middle, command) &&
           run_in(gateway_side,
                  "ip link set " WEATHER_INTERFACE
                  " address 02:00:00:00:00:01 && ip link set " WEATHER_INTERFACE " up") &&
           run_in(client_side,
                  "ip link set lo up && ip link set wirepit1 address 02:00:00:00:00:02 && "
                  "ethtool -K wirepit1 tx off tso off gso off gro off >/dev/null && "
                  "ip address add 10.77.0.2/24 dev wirepit1 && "
                  "ip address add 10.77.0.3/32 dev wirepit1 && ip link set wirepit1 up && "
                  "ip route replace 10.77.0.0/24 dev wirepit1 src 10.77.0.2 rto_min 5ms");
}

static int attach(const char *interface, const struct bpf_program *program) {
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)if_nametoindex(interface),
                .attach_point = BPF_TC_INGRESS);
    LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = bpf_program__fd(program));
    int code = bpf_tc_hook_create(&hook);
    return code != 0 ? code : bpf_tc_attach(&hook, &options);
}

/* Returns 0 or a negative errno. */
static int make_forwarder(uint64_t seed) {
    if (setns(middle, CLONE_NEWNET) != 0) return -errno;
    forwarder = weather_program__open();
    if (forwarder == NULL) return -errno;
    forwarder->rodata->way_out[WEATHER_THERE] = if_nametoindex("relay0");
    forwarder->rodata->way_out[WEATHER_BACK] = if_nametoindex("relay1");
    forwarder->rodata->seed = seed;
    int code = weather_program__load(forwarder);
    if (code == 0) code = attach("relay1", forwarder->progs.weather_there);
    if (code == 0) code = attach("relay0", forwarder->progs.weather_back);
    return code;
}

static const char *make_weather(uint64_t seed) {
    static char why[128];
    if (geteuid() != 0) return "AF_XDP and tc need root";
    int socket_of_xdp = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (socket_of_xdp < 0) return "no AF_XDP sockets";
    (void)close(socket_of_xdp);
    flooded =
        mmap(NULL, sizeof *flooded, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    gateway_side = new_side();
    middle = new_side();
    client_side = new_side();
    if (flooded == MAP_FAILED || gateway_side < 0 || middle < 0 || client_side < 0)
        return "no network namespaces";
    if (!make_wire()) return "no wire: ip and ethtool are needed, and veth in the kernel";
    int code = make_forwarder(seed);
    if (code == 0) return setns(client_side, CLONE_NEWNET) == 0 ? NULL : "no way back";
    (void)snprintf(why, sizeof why, "no tc-BPF forwarder: %s", strerror(-code));
    return why;
}

bool weather_enter(uint64_t seed) {
    const char *why = make_weather(seed);
    if (why != NULL) {
        weather_leave();
        (void)printf("skipped: no weather on this machine: %s\n", why);
        (void)fflush(stdout);
    }
    return why == NULL;
}

void weather_leave(void) {
    if (flooder > 0) (void)kill(flooder, SIGKILL);
    if (flooder > 0) (void)waitpid(flooder, NULL, 0);
    flooder = 0;
    weather_program__destroy(forwarder);
    forwarder = NULL;
}

int weather_gateway_side(void) { return setns(gateway_side, CLONE_NEWNET); }

/* ---- Losses ---- */

void weather_lose(uint32_t per_100000) { forwarder->bss->per_100000 = per_100000; }

struct weather_counts weather_counts(void) {
    struct weather_counts counts;
    for (int i = 0; i < 2; i++) {
        counts.frames[i] = forwarder->bss->frames[i];
        counts.lost[i] = forwarder->bss->lost[i];
    }
    return counts;
}

/* ---- Floods ---- */

/* No two within four billion have the same source, port and sequence number. */
static struct frame make_syn(const struct weather_flood *flood, uint32_t number) {
    uint32_t source = flood->first_source + number % flood->source_count;
    struct frame frame = frame_tcp(source, FRAME_ADDRESS(10, 77, 0, 1), flood->port, FRAME_SYN);
    uint8_t *tcp = frame.bytes + TCP;
    bytes_put_be16(tcp, (uint16_t)(1024 + number / flood->source_count % 60000));
    bytes_put_be32(frame.bytes + TCP_SEQUENCE, number * 64000);
    bytes_put_be16(frame.bytes + TCP_CHECKSUM, 0);
    uint32_t pseudo = 6 + 20;
    for (int at = FRAME_IP_SOURCE; at < FRAME_IP_TARGET + 4; at += 2)
        pseudo += bytes_get_be16(frame.bytes + at);
    bytes_put_be16(frame.bytes + TCP_CHECKSUM, frame_checksum(tcp, 20, pseudo));
    return frame;
}

static void send_flood(const struct weather_flood *flood) {
    static const struct timespec nap = { .tv_nsec = 1000000 };
    struct sockaddr_ll to = { .sll_family = AF_PACKET,
                              .sll_ifindex = (int)if_nametoindex("wirepit1") };
    int wire = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    uint64_t from_ns = clock_monotonic_ns(), end_ns = (uint64_t)flood->milliseconds * 1000000;
    uint64_t gone_ns, sent = 0;
    if (wire < 0) _exit(1);
    while ((gone_ns = clock_monotonic_ns() - from_ns) < end_ns) {
        for (uint64_t due = gone_ns * flood->per_second / 1000000000; sent < due; sent++) {
            struct frame syn = make_syn(flood, (uint32_t)sent);
            (void)sendto(wire, syn.bytes, syn.length, 0, (const struct sockaddr *)&to, sizeof to);
        }
        atomic_store(flooded, sent);
        (void)nanosleep(&nap, NULL);
    }
    _exit(0);
}

bool weather_flood_start(const struct weather_flood *flood) {
    atomic_store(flooded, 0);
    flooder = fork();
    if (flooder == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        send_flood(flood);
    }
    return flooder > 0;
}

uint64_t weather_flood_end(void) {
    (void)waitpid(flooder, NULL, 0);
    flooder = 0;
    return atomic_load(flooded);
}
