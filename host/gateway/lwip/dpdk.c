#define _GNU_SOURCE /* ppoll, sched_getaffinity */
#include "host/gateway/lwip/dpdk.h"
#include "host/base/check.h"
#include "host/base/err.h"
#include "host/base/log.h"
#include <assert.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/if_xdp.h>
#include <linux/sockios.h>

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_log.h>
#include <rte_mbuf.h>

enum {
    BUFFERS = 8192, /* of frames: the rings of the port and what is under way */
    BUFFER_CACHE = 256,
    RING = 2048,
    SEND_BURST = 64,
    SEND_TRIES = 64, /* while the port's queue is full */
    SOCKETS_MAX = 4,
    FDS_MAX = 4096, /* looked through for the port's sockets */
    NAP_NS = 20000, /* of a port that cannot wake us */
    ARGUMENTS_MAX = 48,
    AF_XDP_MTU_MAX = 3498, /* native XDP on a veth takes no more in one page */
    BUSY_TRIES = 50,       /* while somebody still has the queue: a second */
    BUSY_NAP_NS = 20000000,
};

struct dpdk {
    struct nic nic; /* first: callers hold this */
    uint16_t port;
    struct rte_mempool *pool;
    struct rte_mbuf *received[NIC_BURST]; /* lent out until the next nic_receive */
    struct rte_mbuf *queued[SEND_BURST];
    uint32_t received_count, queued_count;
    struct pollfd sockets[SOCKETS_MAX]; /* that become readable with a frame */
    nfds_t socket_count;
    uint64_t received_total, sent_total, dropped_total;
};

/* ---- Frames ---- */

static uint32_t dpdk_receive(struct nic *nic, struct nic_frame *frames, uint32_t frames_max) {
    struct dpdk *dpdk = (struct dpdk *)nic;
    uint32_t most = frames_max < NIC_BURST ? frames_max : NIC_BURST, count = 0;
    rte_pktmbuf_free_bulk(dpdk->received, dpdk->received_count);
    dpdk->received_count = rte_eth_rx_burst(dpdk->port, 0, dpdk->received, (uint16_t)most);
    dpdk->received_total += dpdk->received_count;
    for (uint32_t i = 0; i < dpdk->received_count; i++) {
        const struct rte_mbuf *frame = dpdk->received[i];
        if (frame->nb_segs != 1) continue; /* longer than any frame we take */
        frames[count++] = (struct nic_frame){ .bytes = rte_pktmbuf_mtod(frame, const uint8_t *),
                                              .count = frame->data_len };
    }
    return count;
}

static void dpdk_flush(struct nic *nic) {
    struct dpdk *dpdk = (struct dpdk *)nic;
    uint32_t sent = 0;
    for (int i = 0; sent < dpdk->queued_count && i < SEND_TRIES; i++)
        sent += rte_eth_tx_burst(dpdk->port, 0, dpdk->queued + sent,
                                 (uint16_t)(dpdk->queued_count - sent));
    rte_pktmbuf_free_bulk(dpdk->queued + sent, dpdk->queued_count - sent);
    dpdk->sent_total += sent;
    dpdk->dropped_total += dpdk->queued_count - sent;
    dpdk->queued_count = 0;
}

static uint8_t *dpdk_reserve(struct nic *nic, uint32_t bytes) {
    struct dpdk *dpdk = (struct dpdk *)nic;
    CHECK(bytes <= NIC_FRAME_BYTES_MAX);
    if (dpdk->queued_count == SEND_BURST) dpdk_flush(nic);
    struct rte_mbuf *frame = rte_pktmbuf_alloc(dpdk->pool);
    char *room = frame == NULL ? NULL : rte_pktmbuf_append(frame, (uint16_t)bytes);
    if (room == NULL) {
        rte_pktmbuf_free(frame);
        dpdk->dropped_total++;
        return NULL;
    }
    dpdk->queued[dpdk->queued_count++] = frame;
    return (uint8_t *)room;
}

static int dpdk_wait(struct nic *nic, uint64_t timeout_ns) {
    struct dpdk *dpdk = (struct dpdk *)nic;
    if (dpdk->socket_count == 0 && timeout_ns > NAP_NS) timeout_ns = NAP_NS;
    struct timespec timeout = { .tv_sec = (time_t)(timeout_ns / UINT64_C(1000000000)),
                                .tv_nsec = (long)(timeout_ns % UINT64_C(1000000000)) };
    int ready = ppoll(dpdk->sockets, dpdk->socket_count, &timeout, NULL);
    return ready < 0 && errno == EINTR ? -EINTR : 0;
}

static bool dpdk_linked(struct nic *nic) {
    struct dpdk *dpdk = (struct dpdk *)nic;
    struct rte_eth_link link = { .link_status = RTE_ETH_LINK_DOWN };
    return rte_eth_link_get_nowait(dpdk->port, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

static struct nic_counts dpdk_counts(struct nic *nic) {
    struct dpdk *dpdk = (struct dpdk *)nic;
    struct rte_eth_stats stats = { .imissed = 0 };
    (void)rte_eth_stats_get(dpdk->port, &stats);
    return (struct nic_counts){ .received = dpdk->received_total,
                                .sent = dpdk->sent_total,
                                .dropped = dpdk->dropped_total,
                                .missed = stats.imissed + stats.rx_nombuf };
}

static void dpdk_close(struct nic *nic) {
    struct dpdk *dpdk = (struct dpdk *)nic;
    rte_pktmbuf_free_bulk(dpdk->received, dpdk->received_count);
    rte_pktmbuf_free_bulk(dpdk->queued, dpdk->queued_count);
    (void)rte_eth_dev_stop(dpdk->port);
    (void)rte_eth_dev_close(dpdk->port); /* takes the port's XDP program off */
    (void)rte_eal_cleanup();
    free(dpdk);
}

static const struct nic_operations dpdk_operations = { .receive = dpdk_receive,
                                                       .reserve = dpdk_reserve,
                                                       .flush = dpdk_flush,
                                                       .wait = dpdk_wait,
                                                       .linked = dpdk_linked,
                                                       .counts = dpdk_counts,
                                                       .close = dpdk_close };

/* ---- Start of DPDK ---- */

/* The main thread may run wherever it could before: a thread bound to one CPU would wait for
   whoever else runs there. As "0@(0,1,5)". */
static int lcores_text(char *text, size_t room) {
    cpu_set_t allowed;
    size_t at = 0;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return err_set(-errno, "sched_getaffinity: %s", strerror(errno));
    for (int cpu = 0; cpu < CPU_SETSIZE && at < room; cpu++) {
        if (!CPU_ISSET((size_t)cpu, &allowed)) continue;
        int written = snprintf(text + at, room - at, "%s%d", at == 0 ? "0@(" : ",", cpu);
        CHECK(written > 0);
        at += (size_t)written;
    }
    if (at + 2 > room) return err_set(-E2BIG, "too many CPUs to name; bind it with taskset");
    text[at] = ')';
    text[at + 1] = 0;
    return 0;
}

static int start_eal(const struct dpdk_options *options) {
    char lcores[1024], program[] = "wirepit-gateway";
    char *words = strdup(options->eal);
    char *arguments[ARGUMENTS_MAX] = { program };
    static const char *const always[] = { "--no-telemetry", "--log-level=error" };
    static const char *const kernel[] = { "--no-huge", "--no-shconf", "-m", "64", "--no-pci" };
    int count = 1;
    if (words == NULL) return err_set(-ENOMEM, "no memory for EAL's arguments");
    int code = lcores_text(lcores, sizeof lcores);
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        arguments[count++] = strdup(always[i]);
    for (size_t i = 0; options->port != DPDK_EAL && i < sizeof kernel / sizeof *kernel; i++)
        arguments[count++] = strdup(kernel[i]);
    arguments[count++] = strdup("--lcores");
    arguments[count++] = lcores;
    char *rest = words;
    for (char *word; code == 0 && (word = strsep(&rest, " ")) != NULL;) {
        if (*word == 0) continue;
        if (count == ARGUMENTS_MAX - 1)
            code = err_set(-E2BIG, "more than %d EAL arguments", ARGUMENTS_MAX - 1);
        else
            arguments[count++] = word;
    }
    /* libxdp's dispatcher needs kernel features that are often missing, and says so at length. */
    (void)setenv("LIBXDP_SKIP_DISPATCHER", "1", 0);
    if (code == 0 && rte_eal_init(count, arguments) < 0)
        code =
            err_set(-rte_errno, "DPDK does not start: %s; its own words are above%s",
                    rte_strerror(rte_errno),
                    options->port == DPDK_EAL
                        ? "; a physical NIC wants hugepages, or --no-huge -m 64 among its arguments"
                        : "");
    return code; /* EAL keeps its arguments for good */
}

/* ---- The port ---- */

static const char *const port_names[] = { [DPDK_AUTO] = "auto",
                                          [DPDK_AF_XDP] = "af_xdp",
                                          [DPDK_AF_PACKET] = "af_packet",
                                          [DPDK_TAP] = "tap",
                                          [DPDK_EAL] = "eal" };

const char *dpdk_port_name(enum dpdk_port port) { return port_names[port]; }

/* Whether the kernel has the address too, and would refuse the connections that lwIP takes. */
static bool kernel_has(uint32_t address) {
    struct ifaddrs *list = NULL;
    bool found = false;
    if (getifaddrs(&list) != 0) return false;
    for (const struct ifaddrs *at = list; at != NULL; at = at->ifa_next) {
        struct sockaddr_in ipv4;
        if (at->ifa_addr == NULL || at->ifa_addr->sa_family != AF_INET) continue;
        memcpy(&ipv4, at->ifa_addr, sizeof ipv4);
        found |= ipv4.sin_addr.s_addr == address;
    }
    freeifaddrs(list);
    return found;
}

static int ask_interface(struct ifreq *request, unsigned long what) {
    int socket_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket_ < 0) return -errno;
    int code = ioctl(socket_, what, request) == 0 ? 0 : -errno;
    (void)close(socket_);
    return code;
}

/* Binds a socket to the first receive queue as DPDK will, and gives it back: 0 or a negative errno.
   It insists on zero copies, which a veth cannot: so it is refused only after the queue was found
   free, and leaves no trace that would keep the queue busy. */
static int try_queue(const char *interface) {
    enum { SLOTS = 2, SLOT_BYTES = 2048 };
    static const int slots = SLOTS,
                     rings[] = { XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, XDP_RX_RING };
    int code = 0, queue = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (queue < 0) return -errno;
    void *memory =
        mmap(NULL, SLOTS * SLOT_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const struct xdp_umem_reg umem = { .addr = (uint64_t)(uintptr_t)memory,
                                       .len = SLOTS * SLOT_BYTES,
                                       .chunk_size = SLOT_BYTES };
    const struct sockaddr_xdp at = { .sxdp_family = AF_XDP,
                                     .sxdp_flags = XDP_ZEROCOPY,
                                     .sxdp_ifindex = if_nametoindex(interface) };
    if (memory == MAP_FAILED || setsockopt(queue, SOL_XDP, XDP_UMEM_REG, &umem, sizeof umem) != 0)
        code = -errno;
    for (size_t i = 0; code == 0 && i < sizeof rings / sizeof *rings; i++)
        if (setsockopt(queue, SOL_XDP, rings[i], &slots, sizeof slots) != 0) code = -errno;
    if (code == 0 && bind(queue, (const struct sockaddr *)&at, sizeof at) != 0) code = -errno;
    (void)close(queue);
    if (memory != MAP_FAILED) (void)munmap(memory, SLOTS * SLOT_BYTES);
    return code;
}

/* The queue of a process that has ended stays busy for some milliseconds. DPDK would fail, and lose
   the buffers it had ready for it. What else is wrong DPDK will find. */
static int await_queue(const char *interface) {
    static const struct timespec nap = { .tv_nsec = BUSY_NAP_NS };
    int code = try_queue(interface);
    for (int i = 0; code == -EBUSY && i < BUSY_TRIES; i++) {
        (void)nanosleep(&nap, NULL);
        code = try_queue(interface);
    }
    if (code == -EBUSY)
        return err_set(code,
                       "another process has the first receive queue of interface %s; end that one "
                       "first",
                       interface);
    if (code == 0) (void)nanosleep(&nap, NULL); /* it can copy nothing, and was ours for a moment */
    return 0;
}

/* What would make the port fail later, or silently, is said here in words. */
static int check_interface(const struct dpdk_options *options, enum dpdk_port port) {
    const char *name = options->interface;
    struct ifreq request = { .ifr_ifindex = 0 };
    if (strlen(name) == 0 || strlen(name) >= IFNAMSIZ)
        return err_set(-EINVAL, "\"%s\" is no interface name of 1 to %d characters", name,
                       IFNAMSIZ - 1);
    if (kernel_has(options->address))
        return err_set(-EADDRINUSE,
                       "the kernel has the listen address too and would refuse its connections; "
                       "give the gateway one of its own, or use --transport kernel");
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    if (port == DPDK_TAP)
        return if_nametoindex(name) == 0
                   ? 0
                   : err_set(-EEXIST, "interface %s is there already; tap makes its own", name);
    if (if_nametoindex(name) == 0)
        return err_set(-ENODEV, "there is no interface %s in this network namespace", name);
    if (ask_interface(&request, SIOCGIFFLAGS) != 0)
        return err_set(-ENODEV, "interface %s: %s", name, strerror(errno));
    if ((request.ifr_flags & IFF_UP) == 0)
        return err_set(-ENETDOWN, "interface %s is down: ip link set %s up", name, name);
    if (port != DPDK_AF_XDP) return 0;
    if (ask_interface(&request, SIOCGIFMTU) == 0 && request.ifr_mtu > AF_XDP_MTU_MAX)
        return err_set(-EMSGSIZE,
                       "interface %s has an MTU of %d, XDP takes up to %d: "
                       "ip link set %s mtu 1500 (and its peer)",
                       name, request.ifr_mtu, AF_XDP_MTU_MAX, name);
    struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
    request.ifr_data = (void *)&channels;
    if (ask_interface(&request, SIOCETHTOOL) == 0 &&
        (channels.rx_count > 1 || channels.combined_count > 1))
        log_line("port af_xdp: interface %s has several receive queues and only the first is read: "
                 "ethtool -L %s combined 1",
                 name, name);
    return await_queue(name);
}

static int add_device(const struct dpdk_options *options, enum dpdk_port port, uint16_t *found) {
    char device[32], arguments[128];
    (void)snprintf(device, sizeof device, "net_%s0", port_names[port]);
    (void)snprintf(arguments, sizeof arguments,
                   port == DPDK_AF_XDP ? "iface=%s,busy_budget=0" : "iface=%s", options->interface);
    int code = rte_eal_hotplug_add("vdev", device, arguments);
    if (code != 0) return err_set(code, "DPDK refuses it: %s", rte_strerror(-code));
    if (rte_eth_dev_get_port_by_name(device, found) != 0)
        return err_set(-ENODEV, "DPDK has no port for it");
    return 0;
}

static int start_port(struct dpdk *dpdk) {
    const struct rte_eth_conf plain = { .rxmode = { .mq_mode = RTE_ETH_MQ_RX_NONE } };
    struct rte_ether_addr mac;
    int code = rte_eth_dev_configure(dpdk->port, 1, 1, &plain);
    if (code == 0) code = rte_eth_rx_queue_setup(dpdk->port, 0, RING, 0, NULL, dpdk->pool);
    if (code == 0) code = rte_eth_tx_queue_setup(dpdk->port, 0, RING, 0, NULL);
    if (code == 0) code = rte_eth_dev_start(dpdk->port);
    if (code == 0) code = rte_eth_macaddr_get(dpdk->port, &mac);
    if (code != 0) return err_set(code, "DPDK does not start it: %s", rte_strerror(-code));
    memcpy(dpdk->nic.mac, mac.addr_bytes, NIC_MAC_BYTES);
    return 0;
}

/* DPDK does not give the sockets of its ports away: they are the process's only ones of their
   kind. */
static void find_sockets(struct dpdk *dpdk, enum dpdk_port port) {
    for (int fd = 3; fd < FDS_MAX && dpdk->socket_count < SOCKETS_MAX; fd++) {
        int domain = 0;
        socklen_t bytes = sizeof domain;
        char link[64], path[64] = "";
        bool is_socket = getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &bytes) == 0;
        (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        if ((port == DPDK_AF_XDP && is_socket && domain == AF_XDP) ||
            (port == DPDK_AF_PACKET && is_socket && domain == AF_PACKET) ||
            (port == DPDK_TAP && readlink(link, path, sizeof path - 1) > 0 &&
             strcmp(path, "/dev/net/tun") == 0))
            dpdk->sockets[dpdk->socket_count++] = (struct pollfd){ .fd = fd, .events = POLLIN };
    }
}

static int open_port(struct dpdk *dpdk, const struct dpdk_options *options, enum dpdk_port port) {
    bool asked = false; /* DPDK, and what it refuses it does not explain */
    int code = 0;
    if (port == DPDK_EAL) {
        dpdk->port = (uint16_t)rte_eth_find_next(0);
        if (dpdk->port >= RTE_MAX_ETHPORTS)
            code = err_set(-ENODEV,
                           "EAL finds no port by \"%s\"; bind the NIC to vfio-pci "
                           "(dpdk-devbind.py) and name it, as -a 0000:03:00.0",
                           options->eal);
    } else {
        code = check_interface(options, port);
        asked = code == 0;
        if (code == 0) code = add_device(options, port, &dpdk->port);
    }
    if (code == 0) {
        code = start_port(dpdk);
        if (code != 0) (void)rte_eth_dev_close(dpdk->port);
    }
    if (code != 0) {
        if (asked && port == DPDK_AF_XDP)
            code = err_wrap(code, "it needs root outside of a user namespace, or CAP_NET_ADMIN, "
                                  "CAP_NET_RAW, CAP_BPF and CAP_SYS_ADMIN; ");
        else if (asked && port != DPDK_EAL)
            code = err_wrap(code, "it needs root, which a user namespace can give; ");
        return err_wrap(code, "port %s on %s: ", port_names[port],
                        port == DPDK_EAL ? "the NIC" : options->interface);
    }
    dpdk->nic.operations = &dpdk_operations;
    dpdk->nic.name = port_names[port];
    if (port == DPDK_TAP) dpdk->nic.mac[NIC_MAC_BYTES - 1] ^= 1; /* the kernel's end has that one */
    find_sockets(dpdk, port);
    return 0;
}

int dpdk_open(const struct dpdk_options *options, struct nic **nic) {
    struct dpdk *dpdk = calloc(1, sizeof *dpdk);
    if (dpdk == NULL) return err_set(-ENOMEM, "no memory for the port");
    int code = start_eal(options);
    if (code == 0) {
        dpdk->pool = rte_pktmbuf_pool_create("frames", BUFFERS - 1, BUFFER_CACHE, 0,
                                             RTE_MBUF_DEFAULT_BUF_SIZE, 0);
        if (dpdk->pool == NULL)
            code = err_set(-rte_errno, "DPDK has no memory for %d frames: %s", BUFFERS,
                           rte_strerror(rte_errno));
    }
    if (code == 0) {
        code = open_port(dpdk, options, options->port == DPDK_AUTO ? DPDK_AF_XDP : options->port);
        if (code != 0 && options->port == DPDK_AUTO) {
            log_line("%s; af_packet instead", err_text());
            code = open_port(dpdk, options, DPDK_AF_PACKET);
        }
    }
    if (code != 0) {
        free(dpdk);
        return code;
    }
    *nic = &dpdk->nic;
    return 0;
}
