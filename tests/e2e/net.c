#define _GNU_SOURCE /* unshare, setns */
#include "tests/e2e/net.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static pid_t holder; /* of the gateway's namespace */

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

bool net_enter(void) {
    const char *port = net_port();
    const char *why = NULL;
    if (port == NULL) return true;
    if (strcmp(port, "af_xdp") == 0 && geteuid() != 0)
        why = "af_xdp needs root";
    else if (!enter_own())
        why = "neither root nor user namespaces";
    else if (!is_tap() && !hold())
        why = "no second namespace";
    else if (atexit(let_go) != 0 || !make_wire())
        why = "no wire: ip, ethtool and nsenter are needed, and veth in the kernel";
    if (why != NULL)
        (void)printf("skipped: port %s cannot be tested on this machine: %s\n", port, why);
    else
        (void)printf("port %s\n", port);
    (void)fflush(stdout); /* before any fork */
    return why == NULL;
}

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
