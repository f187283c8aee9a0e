#define _GNU_SOURCE /* unshare, setns */
#include "tests/e2e/net.h"
#include "host/base/random.h"
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_ether.h>

static pid_t holder; /* of the gateway's namespace */
static pid_t relay;  /* loses frames */

const char *net_port(void) {
    const char *port = getenv("WIREPIT_PORT");
    return port == NULL || strcmp(port, "none") == 0 ? NULL : port;
}

const char *net_address(void) { return net_port() == NULL ? "127.0.0.1" : "10.77.0.1"; }

static bool is_tap(void) { return net_port() != NULL && strcmp(net_port(), "tap") == 0; }

const char *const *net_arguments(void) {
    static const char *list[NET_ARGUMENTS_MAX];
    const char *const all[] = { "--listen", "10.77.0.1", "--transport", "lwip",
                                "--nic",    NULL,        "--interface", "wirepit0" };
    if (net_port() == NULL) return list;
    memcpy(list, all, sizeof all);
    list[5] = net_port();
    return list;
}

static bool write_file(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool written = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    (void)close(fd);
    return written;
}

/* A namespace of one's own, for whoever is not root with a user namespace around it. */
static bool enter_own(void) {
    char map[64];
    if (geteuid() == 0) return unshare(CLONE_NEWNET) == 0;
    uid_t user = geteuid();
    gid_t group = getegid();
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return false;
    (void)snprintf(map, sizeof map, "0 %u 1", user);
    if (!write_file("/proc/self/uid_map", map)) return false;
    (void)write_file("/proc/self/setgroups", "deny");
    (void)snprintf(map, sizeof map, "0 %u 1", group);
    return write_file("/proc/self/gid_map", map);
}

/* A process that is nothing but a namespace, and ends with this one. */
static bool hold(void) {
    int ready[2];
    char byte = 0;
    if (pipe(ready) != 0) return false;
    holder = fork();
    if (holder == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        byte = unshare(CLONE_NEWNET) == 0;
        if (write(ready[1], &byte, 1) != 1) _exit(1);
        (void)close(ready[0]);
        (void)close(ready[1]);
        for (;;) (void)pause();
    }
    bool held = holder > 0 && read(ready[0], &byte, 1) == 1 && byte == 1;
    (void)close(ready[0]);
    (void)close(ready[1]);
    return held;
}

/* The namespace vanishes with its process, and takes the wire along. */
static void let_go(void) {
    if (relay > 0) (void)kill(relay, SIGKILL);
    if (holder > 0) (void)kill(holder, SIGKILL);
}

static bool make_wire(void) {
    char command[512];
    if (is_tap()) return system("ip link set lo up") == 0;
    (void)snprintf(command, sizeof command,
                   "sysctl -qw net.ipv6.conf.default.disable_ipv6=1; ip link set lo up && "
                   "ip link add wirepit1 type veth peer name wirepit0 netns %d && "
                   "ip address add 10.77.0.2/24 dev wirepit1 && ip link set wirepit1 up && "
                   "ethtool -K wirepit1 tx off >/dev/null && "
                   "nsenter --net=/proc/%d/ns/net ip link set wirepit0 up",
                   holder, holder);
    return system(command) == 0;
}

/* Both ends of the relay are on the clients' side, where nobody may answer for them. The clients
   send again after 5 ms instead of 200, so that a test with losses ends. */
static bool make_lossy_wire(void) {
    char command[1024];
    (void)snprintf(command, sizeof command,
                   "sysctl -qw net.ipv6.conf.default.disable_ipv6=1; ip link set lo up && "
                   "ip link add relay0 type veth peer name wirepit0 netns %d && "
                   "ip link add wirepit1 type veth peer name relay1 && "
                   "ip link set relay0 arp off up && ip link set relay1 arp off up && "
                   "ip address add 10.77.0.2/24 dev wirepit1 && ip link set wirepit1 up && "
                   "ethtool -K wirepit1 tx off tso off gso off gro off >/dev/null && "
                   "ip route replace 10.77.0.0/24 dev wirepit1 src 10.77.0.2 rto_min 5ms && "
                   "nsenter --net=/proc/%d/ns/net ip link set wirepit0 up",
                   holder, holder);
    return system(command) == 0;
}

/* ---- The relay ---- */

static struct relay_share {
    _Atomic uint32_t per_100000;
    _Atomic uint64_t lost;
} * share;

static int open_link(const char *name) {
    int link = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
    struct sockaddr_ll at = { .sll_family = AF_PACKET,
                              .sll_protocol = htons(ETH_P_ALL),
                              .sll_ifindex = (int)if_nametoindex(name) };
    if (link < 0 || bind(link, (const struct sockaddr *)&at, sizeof at) != 0) return -1;
    return link;
}

static void relay_one(int from, int to, struct random *random) {
    uint8_t frame[2048];
    struct sockaddr_ll at = { .sll_family = AF_PACKET };
    socklen_t bytes = sizeof at;
    ssize_t count =
        recvfrom(from, frame, sizeof frame, MSG_DONTWAIT, (struct sockaddr *)&at, &bytes);
    if (count <= 0 || at.sll_pkttype == PACKET_OUTGOING) return;
    if (random_below(random, 100000) <
        atomic_load_explicit(&share->per_100000, memory_order_relaxed))
        (void)atomic_fetch_add_explicit(&share->lost, 1, memory_order_relaxed);
    else
        (void)send(to, frame, (size_t)count, 0);
}

static bool start_relay(uint64_t seed) {
    struct random random = random_seeded(seed);
    struct pollfd links[2] = { { .fd = open_link("relay0"), .events = POLLIN },
                               { .fd = open_link("relay1"), .events = POLLIN } };
    if (links[0].fd < 0 || links[1].fd < 0) return false;
    relay = fork();
    if (relay == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            (void)poll(links, 2, -1);
            for (int i = 0; i < 2; i++)
                if (links[i].revents != 0) relay_one(links[i].fd, links[1 - i].fd, &random);
        }
    }
    (void)close(links[0].fd);
    (void)close(links[1].fd);
    return relay > 0;
}

void net_lose(uint32_t per_100000) {
    atomic_store_explicit(&share->per_100000, per_100000, memory_order_relaxed);
}

uint64_t net_lost(void) { return atomic_load_explicit(&share->lost, memory_order_relaxed); }

static bool make_relay(uint64_t seed) {
    share = mmap(NULL, sizeof *share, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return share != MAP_FAILED && make_lossy_wire() && start_relay(seed);
}

/* ---- Entering ---- */

static bool enter(bool lossy, uint64_t seed) {
    const char *port = net_port();
    const char *why = NULL;
    if (port == NULL) return true;
    if (strcmp(port, "af_xdp") == 0 && geteuid() != 0)
        why = "af_xdp needs root";
    else if (!enter_own())
        why = "neither root nor user namespaces";
    else if (!is_tap() && !hold())
        why = "no second namespace";
    else if (atexit(let_go) != 0 || !(lossy ? make_relay(seed) : make_wire()))
        why = "no wire: ip, ethtool and nsenter are needed, and veth in the kernel";
    if (why != NULL)
        (void)printf("skipped: port %s cannot be tested on this machine: %s\n", port, why);
    else
        (void)printf("port %s\n", port);
    (void)fflush(stdout); /* before any fork */
    return why == NULL;
}

bool net_enter(void) { return enter(false, 0); }
bool net_enter_lossy(uint64_t seed) { return enter(true, seed); }

int net_gateway_side(void) {
    char path[64];
    if (net_port() == NULL || is_tap()) return 0;
    (void)snprintf(path, sizeof path, "/proc/%d/ns/net", holder);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    int code = setns(fd, CLONE_NEWNET);
    (void)close(fd);
    return code;
}

void net_gateway_up(void) {
    if (is_tap() &&
        system("ip address add 10.77.0.2/24 dev wirepit0 && ip link set wirepit0 up") != 0)
        (void)fprintf(stderr, "the tap of the gateway is not there\n");
}
