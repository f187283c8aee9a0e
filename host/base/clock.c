#include "host/base/clock.h"
#include <time.h>

static uint64_t read_clock(clockid_t clock) {
    struct timespec now;
    (void)clock_gettime(clock, &now); /* these two cannot fail */
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

uint64_t clock_monotonic_ns(void) { return read_clock(CLOCK_MONOTONIC); }

uint64_t clock_wall_ns(void) { return read_clock(CLOCK_REALTIME); }
