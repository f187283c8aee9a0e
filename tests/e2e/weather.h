/* weather: a wire with weather: the gateway in one network namespace, its clients in another, and
 * in a third, between them, a forwarder that loses frames both ways; and floods of SYNs, which
 * never leave this wire. The namespaces have no names and end with this process and its children.
 */
#ifndef TESTS_E2E_WEATHER_H
#define TESTS_E2E_WEATHER_H

#include <stdbool.h>
#include <stdint.h>

/* The gateway's address is lwIP's; the clients' kernel has two, and answers for no other. */
#define WEATHER_GATEWAY   "10.77.0.1"
#define WEATHER_INTERFACE "wirepit0" /* on the gateway's side */
#define WEATHER_CLIENT    0x0a4d0002u
#define WEATHER_NEIGHBOUR 0x0a4d0003u
#define WEATHER_STRANGERS 0x0a4d0004u /* and the addresses up to 10.77.0.254 */
enum { WEATHER_STRANGER_COUNT = 251 };

/* By direction: there is from clients to gateway, back the other. */
enum { WEATHER_THERE, WEATHER_BACK };
struct weather_counts {
    uint64_t frames[2], lost[2];
};

/* weather_enter makes the wire and puts this process on the clients' side. True when that is done;
   false after a line that begins with "skipped: " and says why this machine does not allow it. Call
   it first, once. */
bool weather_enter(uint64_t seed);
void weather_leave(void);

/* weather_lose loses so many of 100,000 frames from here on, at first none. */
void weather_lose(uint32_t per_100000);

/* weather_counts is what the forwarder has seen and lost. */
struct weather_counts weather_counts(void);

/* weather_gateway_side moves a child to the gateway's side, before exec. Returns 0 or -1. */
int weather_gateway_side(void);

/* What a flood sends: SYNs to the gateway's port, each from the next of some sources. */
struct weather_flood {
    uint16_t port;
    uint32_t first_source, source_count;
    uint32_t per_second, milliseconds;
};

/* weather_flood_start begins one in a process of its own; weather_flood_end waits for it and
   returns how many it has sent. One at a time. */
bool weather_flood_start(const struct weather_flood *flood);
uint64_t weather_flood_end(void);

#endif /* TESTS_E2E_WEATHER_H */
