/* hooks: where lwIP calls us instead of deciding itself. */
#ifndef HOST_GATEWAY_LWIP_HOOKS_H
#define HOST_GATEWAY_LWIP_HOOKS_H

#include "host/gateway/lwip/platform.h"

/* The initial sequence number of a connection, see platform_sequence. */
#define LWIP_HOOK_TCP_ISN(local, local_port, remote, remote_port) \
    platform_sequence((local)->addr, (local_port), (remote)->addr, (remote_port))

#endif /* HOST_GATEWAY_LWIP_HOOKS_H */
