/* echo: what a transport takes for nothing: a server that sends back what it gets, over the same
 * transports as the gateway, and a client that measures it. */
#ifndef TESTS_BENCH_ECHO_H
#define TESTS_BENCH_ECHO_H

#include "host/base/histogram.h"
#include "host/gateway/config.h"

enum { ECHO_BYTES = 64 };

/* echo_serve answers on the transport that config asks for, without end. It writes its port to
   output once it listens. Returns a negative errno when it cannot. */
int echo_serve(const struct config *config, int output);

/* echo_measure sends ECHO_BYTES and waits for them, one at a time, for so long, in periods of
   which the best is the result. Returns 0 and fills rtt with nanoseconds; or a negative errno and
   says why. */
int echo_measure(const char *address, uint16_t port, uint64_t duration_ns, struct histogram *rtt);

#endif /* TESTS_BENCH_ECHO_H */
