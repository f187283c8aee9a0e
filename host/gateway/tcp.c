#define _GNU_SOURCE /* accept4, epoll_pwait2 */
#include "host/gateway/tcp.h"
#include "host/base/check.h"
#include "host/base/err.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_EVENTS = 64, ACCEPTS = 16, BACKLOG = 64 };
#define LISTENER UINT32_MAX

struct tcp {
    struct transport transport; /* first: callers hold this */
    int listener, epoll;
    int *sockets; /* of each connection, -1 for none */
    uint32_t *watched;
};

static int watch_socket(struct tcp *tcp, int operation, int socket, uint32_t number,
                        uint32_t events) {
    struct epoll_event event = { .events = events, .data = { .u32 = number } };
    return epoll_ctl(tcp->epoll, operation, socket, &event) == 0 ? 0 : -errno;
}

static int tcp_admit(struct transport *transport) {
    struct tcp *tcp = (struct tcp *)transport;
    if (listen(tcp->listener, BACKLOG) != 0)
        return err_set(-errno, "listen on port %u: %s", transport->port, strerror(errno));
    int code = watch_socket(tcp, EPOLL_CTL_ADD, tcp->listener, LISTENER, EPOLLIN);
    return code == 0 ? 0 : err_set(code, "epoll: %s", strerror(-code));
}

static uint32_t free_number(const struct tcp *tcp) {
    uint32_t number = 0;
    while (number < tcp->transport.connections_max && tcp->sockets[number] >= 0) number++;
    return number;
}

/* While all numbers are taken, clients wait in the kernel's queue. */
static int accept_some(struct tcp *tcp, struct transport_event *events, int events_max) {
    static const int on = 1;
    int count = 0;
    for (int i = 0; i < ACCEPTS && count < events_max; i++) {
        uint32_t number = free_number(tcp);
        if (number == tcp->transport.connections_max) break;
        int socket = accept4(tcp->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (socket < 0) break; /* none left, or one that has gone again */
        (void)setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (watch_socket(tcp, EPOLL_CTL_ADD, socket, number, EPOLLIN) != 0) {
            (void)close(socket);
            continue;
        }
        tcp->sockets[number] = socket;
        tcp->watched[number] = EPOLLIN;
        events[count++] =
            (struct transport_event){ .connection = number, .kinds = TRANSPORT_OPENED };
    }
    return count;
}

static int tcp_wait(struct transport *transport, struct transport_event *events, int events_max,
                    uint64_t timeout_ns) {
    struct tcp *tcp = (struct tcp *)transport;
    struct epoll_event ready[WAIT_EVENTS];
    struct timespec timeout = { .tv_sec = (time_t)(timeout_ns / UINT64_C(1000000000)),
                                .tv_nsec = (long)(timeout_ns % UINT64_C(1000000000)) };
    /* What is left of events_max after these is for clients that connect. */
    int most = events_max - ACCEPTS < WAIT_EVENTS ? events_max - ACCEPTS : WAIT_EVENTS;
    CHECK(most > 0);
    int found = epoll_pwait2(tcp->epoll, ready, most, &timeout, NULL);
    if (found < 0) return errno == EINTR ? 0 : err_set(-errno, "epoll: %s", strerror(errno));
    int count = 0;
    for (int i = 0; i < found; i++) {
        if (ready[i].data.u32 == LISTENER) {
            count += accept_some(tcp, events + count, events_max - count);
            continue;
        }
        uint32_t kinds = 0;
        if ((ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) kinds |= TRANSPORT_READABLE;
        if ((ready[i].events & EPOLLOUT) != 0) kinds |= TRANSPORT_WRITABLE;
        events[count++] =
            (struct transport_event){ .connection = ready[i].data.u32, .kinds = kinds };
    }
    return count;
}

static ssize_t tcp_read(struct transport *transport, uint32_t connection, void *bytes,
                        size_t room) {
    struct tcp *tcp = (struct tcp *)transport;
    ssize_t count = recv(tcp->sockets[connection], bytes, room, 0);
    if (count > 0) return count;
    if (count == 0) return -ENODATA;
    return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

static ssize_t tcp_write(struct transport *transport, uint32_t connection, const void *bytes,
                         size_t count) {
    struct tcp *tcp = (struct tcp *)transport;
    ssize_t sent = send(tcp->sockets[connection], bytes, count, MSG_NOSIGNAL);
    if (sent >= 0) return sent;
    return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

static void tcp_watch(struct transport *transport, uint32_t connection, bool read, bool write) {
    struct tcp *tcp = (struct tcp *)transport;
    uint32_t events = (read ? (uint32_t)EPOLLIN : 0) | (write ? (uint32_t)EPOLLOUT : 0);
    if (tcp->watched[connection] == events) return;
    tcp->watched[connection] = events;
    (void)watch_socket(tcp, EPOLL_CTL_MOD, tcp->sockets[connection], connection, events);
}

static void tcp_drop(struct transport *transport, uint32_t connection) {
    struct tcp *tcp = (struct tcp *)transport;
    CHECK(tcp->sockets[connection] >= 0);
    (void)shutdown(tcp->sockets[connection], SHUT_WR);
    (void)close(tcp->sockets[connection]); /* takes it out of epoll too */
    tcp->sockets[connection] = -1;
}

static void tcp_close(struct transport *transport) {
    struct tcp *tcp = (struct tcp *)transport;
    for (uint32_t i = 0; tcp->sockets != NULL && i < transport->connections_max; i++)
        if (tcp->sockets[i] >= 0) (void)close(tcp->sockets[i]);
    if (tcp->listener >= 0) (void)close(tcp->listener);
    if (tcp->epoll >= 0) (void)close(tcp->epoll);
    free(tcp->sockets);
    free(tcp->watched);
    free(tcp);
}

static const struct transport_operations tcp_operations = { .admit = tcp_admit,
                                                            .wait = tcp_wait,
                                                            .read = tcp_read,
                                                            .write = tcp_write,
                                                            .watch = tcp_watch,
                                                            .drop = tcp_drop,
                                                            .close = tcp_close };

static int bind_listener(struct tcp *tcp, const char *address, uint16_t port) {
    static const int on = 1;
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
    socklen_t bytes = sizeof at;
    if (inet_pton(AF_INET, address, &at.sin_addr) != 1)
        return err_set(-EINVAL, "\"%s\" is no IPv4 address", address);
    tcp->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    tcp->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (tcp->listener < 0 || tcp->epoll < 0) return err_set(-errno, "socket: %s", strerror(errno));
    (void)setsockopt(tcp->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(tcp->listener, (const struct sockaddr *)&at, sizeof at) != 0)
        return err_set(-errno, "%s port %u: %s; choose another with --port", address, port,
                       strerror(errno));
    if (getsockname(tcp->listener, (struct sockaddr *)&at, &bytes) != 0)
        return err_set(-errno, "%s: %s", address, strerror(errno));
    tcp->transport.port = ntohs(at.sin_port);
    return 0;
}

int tcp_open(const char *address, uint16_t port, uint32_t connections_max,
             struct transport **transport) {
    struct tcp *tcp = calloc(1, sizeof *tcp);
    if (tcp == NULL) return err_set(-ENOMEM, "no memory for %u connections", connections_max);
    tcp->transport = (struct transport){ .operations = &tcp_operations,
                                         .connections_max = connections_max,
                                         .name = "kernel" };
    tcp->listener = tcp->epoll = -1;
    tcp->sockets = calloc(connections_max, sizeof *tcp->sockets);
    tcp->watched = calloc(connections_max, sizeof *tcp->watched);
    int code = 0;
    if (tcp->sockets == NULL || tcp->watched == NULL)
        code = err_set(-ENOMEM, "no memory for %u connections", connections_max);
    for (uint32_t i = 0; tcp->sockets != NULL && i < connections_max; i++) tcp->sockets[i] = -1;
    if (code == 0) code = bind_listener(tcp, address, port);
    if (code != 0) {
        tcp_close(&tcp->transport);
        return code;
    }
    *transport = &tcp->transport;
    return 0;
}
