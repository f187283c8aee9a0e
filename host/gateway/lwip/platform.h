/* platform: what lwIP asks of whoever carries it: time, random numbers, initial sequence numbers,
 * checksums, and a last word. lwIP has one state a process, and so has this. */
#ifndef HOST_GATEWAY_LWIP_PLATFORM_H
#define HOST_GATEWAY_LWIP_PLATFORM_H

#include <stdint.h>

/* platform_set gives a secret key and a monotonic clock in nanoseconds, for all that follows. */
void platform_set(const uint64_t key[2], uint64_t (*clock_ns)(void));

/* platform_random draws from a generator seeded with the key. */
uint32_t platform_random(void);

/* platform_sequence is the initial sequence number of RFC 6528: a clock of 4 us and a hash of
   addresses and ports under the key. Another connection's numbers say nothing about it. */
uint32_t platform_sequence(uint32_t local, uint16_t local_port, uint32_t remote,
                           uint16_t remote_port);

/* platform_checksum is the one's complement sum of the Internet checksum, not inverted, in the
   machine's byte order. */
uint16_t platform_checksum(const void *bytes, int count);

/* platform_failed ends the process as a broken CHECK does: lwIP's state makes no sense. */
_Noreturn void platform_failed(const char *what, const char *file, int line);

#endif /* HOST_GATEWAY_LWIP_PLATFORM_H */
