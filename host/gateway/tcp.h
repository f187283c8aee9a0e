/* tcp: the transport over the kernel's TCP, with epoll. */
#ifndef HOST_GATEWAY_TCP_H
#define HOST_GATEWAY_TCP_H

#include "host/gateway/transport.h"

/* tcp_open binds to an IPv4 address and a port, 0 for one that is free, and takes all memory it
   will need. Returns 0 and *transport, which transport_close gives back; or a negative errno, with
   err_text saying what to do. */
int tcp_open(const char *address, uint16_t port, uint32_t connections_max,
             struct transport **transport);

#endif /* HOST_GATEWAY_TCP_H */
