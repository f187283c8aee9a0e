#include "tests/bench/echo.h"
#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/base/err.h"
#include "host/gateway/lwip/network.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 16, EVENTS = 64, PIECE_BYTES = 16 << 10, PERIODS = 4 };
#define SILENCE_NS UINT64_C(10000000000)

/* What a connection sent goes back at once; a client waits for it before it sends more. */
static void answer(struct transport *transport, uint32_t connection) {
    uint8_t bytes[PIECE_BYTES];
    ssize_t count = transport_read(transport, connection, bytes, sizeof bytes);
    if (count < 0) transport_drop(transport, connection);
    for (ssize_t done = 0; done < count;) {
        ssize_t sent = transport_write(transport, connection, bytes + done, (size_t)(count - done));
        if (sent < 0) {
            transport_drop(transport, connection);
            return;
        }
        done += sent;
    }
}

int echo_serve(const struct config *config, int output) {
    struct network network;
    int code = network_open(config, CONNECTIONS, &network);
    if (code == 0) code = transport_admit(network.transport);
    if (code != 0) return code;
    if (write(output, &network.transport->port, sizeof network.transport->port) !=
        sizeof network.transport->port)
        return -EPIPE;
    for (;;) {
        struct transport_event events[EVENTS];
        int count = transport_wait(network.transport, events, EVENTS, 0);
        if (count < 0) return count;
        for (int i = 0; i < count; i++)
            if ((events[i].kinds & TRANSPORT_READABLE) != 0)
                answer(network.transport, events[i].connection);
    }
}

static int turn(int fd, uint8_t bytes[ECHO_BYTES]) {
    if (send(fd, bytes, ECHO_BYTES, MSG_NOSIGNAL) != ECHO_BYTES)
        return err_set(-errno, "send: %s", strerror(errno));
    uint64_t from_ns = clock_monotonic_ns();
    for (size_t got = 0; got < ECHO_BYTES;) {
        ssize_t count = recv(fd, bytes + got, ECHO_BYTES - got, 0);
        if (count > 0) got += (size_t)count;
        if (count == 0) return err_set(-ECONNRESET, "the echo closed the connection");
        if (count < 0 && errno != EAGAIN && errno != EINTR)
            return err_set(-errno, "recv: %s", strerror(errno));
        if (clock_monotonic_ns() - from_ns > SILENCE_NS)
            return err_set(-ETIMEDOUT, "no echo for 10 s");
    }
    return 0;
}

int echo_measure(const char *address, uint16_t port, uint64_t duration_ns, struct histogram *rtt) {
    static const int on = 1;
    uint8_t bytes[ECHO_BYTES] = { 0 };
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
    CHECK(inet_pton(AF_INET, address, &at.sin_addr) == 1);
    memset(rtt, 0, sizeof *rtt);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int code = 0;
    if (fd < 0 || connect(fd, (const struct sockaddr *)&at, sizeof at) != 0 ||
        fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        code = err_set(-errno, "echo at %s port %u: %s", address, port, strerror(errno));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    for (int i = 0; i < PERIODS && code == 0; i++) {
        static struct histogram period;
        uint64_t from_ns = clock_monotonic_ns(), now_ns = from_ns;
        memset(&period, 0, sizeof period);
        while (code == 0 && now_ns - from_ns < duration_ns / PERIODS) {
            uint64_t sent_ns = clock_monotonic_ns();
            code = turn(fd, bytes);
            now_ns = clock_monotonic_ns();
            if (code == 0) histogram_add(&period, now_ns - sent_ns);
        }
        if (period.count > rtt->count) *rtt = period;
    }
    if (fd >= 0) (void)close(fd);
    return code;
}
