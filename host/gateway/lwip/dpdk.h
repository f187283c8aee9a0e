/* dpdk: a nic over DPDK: an AF_XDP or AF_PACKET socket on an interface, a tap interface of its own,
 * or a physical NIC that EAL arguments name.
 *
 * No hugepages are needed. The loop's thread stays free to run on every CPU it could run on. A port
 * of the kernel sleeps on its socket, so that an idle process takes no CPU; a physical one naps. */
#ifndef HOST_GATEWAY_LWIP_DPDK_H
#define HOST_GATEWAY_LWIP_DPDK_H

#include "host/gateway/lwip/nic.h"

enum dpdk_port {
    DPDK_AUTO,      /* af_xdp; or, with a line that says why not, af_packet */
    DPDK_AF_XDP,    /* needs root, or CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF and CAP_SYS_ADMIN */
    DPDK_AF_PACKET, /* needs CAP_NET_RAW: root in a user namespace is enough, as for tap */
    DPDK_TAP,       /* makes the interface, which the kernel's side then configures */
    DPDK_EAL,       /* the first port that EAL finds by its arguments */
};

struct dpdk_options {
    enum dpdk_port port;
    const char *interface; /* not with DPDK_EAL */
    /* More EAL arguments, separated by blanks, or "". With DPDK_EAL they say all about devices and
       memory, as "-a 0000:03:00.0". */
    const char *eal;
    uint32_t address; /* that the port will answer for, network byte order */
};

/* dpdk_open starts DPDK, which a process can do once, and the port. Returns 0 and *nic, which
   nic_close gives back; or a negative errno, with err_text saying what to do. */
int dpdk_open(const struct dpdk_options *options, struct nic **nic);

/* dpdk_port_name is "auto", "af_xdp", ...; dpdk_port_parse reads it: 0, or -EINVAL and says what it
 * may be. */
const char *dpdk_port_name(enum dpdk_port port);

#endif /* HOST_GATEWAY_LWIP_DPDK_H */
