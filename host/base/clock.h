/* clock: the two clocks of the machine, in nanoseconds. What decides takes time as an argument;
 * these are read at the edge only. */
#ifndef HOST_BASE_CLOCK_H
#define HOST_BASE_CLOCK_H

#include <stdint.h>

/* clock_monotonic_ns never goes back; its zero means nothing. clock_wall_ns counts from the epoch,
   in UTC. */
uint64_t clock_monotonic_ns(void);
uint64_t clock_wall_ns(void);

#endif /* HOST_BASE_CLOCK_H */
