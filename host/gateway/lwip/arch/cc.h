/* cc: what lwIP asks of compiler and machine; it includes this by this name. */
#ifndef HOST_GATEWAY_LWIP_ARCH_CC_H
#define HOST_GATEWAY_LWIP_ARCH_CC_H

#include "host/gateway/lwip/platform.h"
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/time.h>

#define LWIP_TIMEVAL_PRIVATE    0
#define LWIP_ERRNO_STDINCLUDE   1
#define LWIP_RAND()             platform_random()
#define LWIP_CHKSUM             platform_checksum
#define LWIP_PLATFORM_ASSERT(x) platform_failed((x), __FILE__, __LINE__)
#define LWIP_PLATFORM_DIAG(x)   ((void)0)

#endif /* HOST_GATEWAY_LWIP_ARCH_CC_H */
