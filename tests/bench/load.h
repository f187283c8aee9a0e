/* load: clients that enter orders as fast as their windows let them, and count what comes back.
 * They are all in one process that polls.
 *
 * A session buys and sells one share at one price in turn, so that its orders meet and none stay.
 */
#ifndef TESTS_BENCH_LOAD_H
#define TESTS_BENCH_LOAD_H

#include "host/base/histogram.h"
#include <stdint.h>

struct load_settings {
    const char *address;
    uint16_t port;
    uint32_t sessions; /* of a venue, from the first */
    uint32_t window;   /* orders of a session without an answer */
    uint64_t warm_ns;  /* before anything is counted */
    uint64_t count_ns; /* in periods, of which the best is the result */
};

struct load_result {
    uint64_t orders, elapsed_ns;
    struct histogram rtt; /* from an order's last byte sent to its Accepted, in nanoseconds */
};

/* load_run returns 0, or a negative errno and says why. */
int load_run(const struct load_settings *settings, struct load_result *result);

#endif /* TESTS_BENCH_LOAD_H */
