/* net: a wire between a gateway past the kernel and its clients: a network namespace for each, with
 * a veth between them, that vanish with the test's processes whatever happens.
 *
 * WIREPIT_PORT says which port the gateway takes: af_xdp, af_packet or tap; without it, the
 * kernel's TCP on loopback. */
#ifndef TESTS_E2E_NET_H
#define TESTS_E2E_NET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* net_enter puts the calling process into the clients' namespace and makes the gateway's. True when
   that is done, or not needed; false, after a line that begins with "skipped: " and says why, when
   this machine does not allow the port. Call it first, once. */
bool net_enter(void);

/* net_enter_lossy is net_enter with a relay in the wire, which loses frames both ways: so many of
   100,000, at first none, by net_lose. Not with tap. */
bool net_enter_lossy(uint64_t seed);
void net_lose(uint32_t per_100000);

/* net_lost is how many it has lost. */
uint64_t net_lost(void);

/* net_port is the port's name, NULL for the kernel's TCP; net_address is where the gateway
   listens. */
const char *net_port(void);
const char *net_address(void);

/* net_gateway_side moves a child into the gateway's namespace, before exec. Returns 0 or -1. */
int net_gateway_side(void);

/* net_gateway_up finishes the wire once the gateway listens: a tap is there only then. */
void net_gateway_up(void);

/* net_arguments is the gateway's options for it, ended by NULL. */
enum { NET_ARGUMENTS_MAX = 12 };
const char *const *net_arguments(void);

#endif /* TESTS_E2E_NET_H */
