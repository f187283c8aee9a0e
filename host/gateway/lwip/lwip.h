/* lwip: the transport over lwIP's TCP and a port that carries Ethernet frames, without the kernel.
 *
 * lwIP is built with our options (lwipopts.h) and runs in transport_wait and the other operations:
 * frames first, then timers, which never catch up what a hole in the schedule made them miss, so
 * that it does not look like lost acknowledgements. Nothing is allocated after lwip_open.
 *
 * Who does not read keeps at most 64 KiB unsent here; who half-opens is forgotten after 200 ms; who
 * is dropped has 2 s to take what was sent. */
#ifndef HOST_GATEWAY_LWIP_LWIP_H
#define HOST_GATEWAY_LWIP_LWIP_H

#include "host/gateway/lwip/nic.h"
#include "host/gateway/transport.h"

enum {
    LWIP_CONNECTIONS_MAX = 256,
    LWIP_HALF_OPEN_MS = 200, /* for the last part of the handshake */
    LWIP_LINGER_MS = 2000,   /* for a dropped connection to take what was sent */
    LWIP_NEIGHBOURS_MAX = 64,
    LWIP_PORT_DEFAULT = 26400,
};

/* A host whose MAC address is known for good: nobody can say another. */
struct lwip_neighbour {
    uint32_t address; /* network byte order, as all addresses here */
    uint8_t mac[NIC_MAC_BYTES];
};

struct lwip_options {
    struct nic *nic; /* lwip_open takes it over when it returns 0 */
    uint32_t address, netmask;
    uint32_t router; /* 0 for none */
    uint16_t port;   /* 0 is LWIP_PORT_DEFAULT: all ports are free */
    uint32_t connections_max;
    const struct lwip_neighbour *neighbours;
    uint32_t neighbour_count;
    uint64_t key[2];            /* random and secret: sequence numbers come from it */
    uint64_t (*clock_ns)(void); /* monotonic */
};

/* What happened since lwip_open. */
struct lwip_counts {
    struct nic_counts nic;
    uint64_t accepted;
    uint64_t refused;        /* no room for one more connection */
    uint64_t reaped;         /* half-open for too long */
    uint64_t cut;            /* dropped, and did not take what was sent */
    uint64_t checksum_wrong; /* frames */
};

/* lwip_open begins to answer ARP and ping on the address, and TCP once transport_admit was called.
   One a process at a time. Returns 0 and *transport, which transport_close gives back together with
   the nic; or a negative errno, with err_text saying what to do. */
int lwip_open(const struct lwip_options *options, struct transport **transport);

struct lwip_counts lwip_counts(const struct transport *transport);

#endif /* HOST_GATEWAY_LWIP_LWIP_H */
