/* network: the transport that the configuration asks for: the kernel's TCP, or lwIP on a port of
 * DPDK, steered by an XDP program where that is possible. */
#ifndef HOST_GATEWAY_LWIP_NETWORK_H
#define HOST_GATEWAY_LWIP_NETWORK_H

#include "host/bpf/steer.h"
#include "host/gateway/config.h"
#include "host/gateway/lwip/lwip.h"

struct network {
    struct transport *transport; /* NULL while there is none */
    const char *port;            /* "none" with the kernel's TCP, else the nic's name */
    struct steer *steer;         /* NULL without */
};

/* network_open opens it. Returns 0 and fills network, which network_close gives back; or a negative
   errno, with err_text saying what to do. A port without XDP steering is told of in the log. */
int network_open(const struct config *config, uint32_t connections_max, struct network *network);
void network_close(struct network *network);

#endif /* HOST_GATEWAY_LWIP_NETWORK_H */
