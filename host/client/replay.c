#include "host/client/replay.h"
#include "host/base/check.h"
#include "host/base/err.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
    IN_BYTES = 65536,
    OUT_BYTES = 65536,
    FRAME_BYTES = SOUP_HEADER_BYTES + OUCH_BYTES_MAX, /* none of ours is longer */
    BATCH_ROWS = 128,                                 /* rows between two looks at the sockets */
    HOUSEKEEPING_MS = 100,                            /* heartbeats, timeouts, progress */
    CONNECT_MS = 5000,
};
#define LOGIN_NS   UINT64_C(5000000000)
#define GOODBYE_NS UINT64_C(2000000000)

enum link_state {
    LINK_LOGIN, /* login is sent */
    LINK_QUERY, /* logged in; asked for the next user reference */
    LINK_READY,
    LINK_LAST,   /* asked once more: all that belongs to earlier messages comes before the answer */
    LINK_LOGOUT, /* logout is sent; the gateway closes */
    LINK_CLOSED,
};

struct link {
    int fd;
    enum link_state state;
    bool blocked;  /* epoll waits for room in the socket */
    bool querying; /* strict: asked, to know what has executed */
    uint64_t sent_ns, got_ns, state_ns;
    size_t in_count, out_count;
    uint8_t in[IN_BYTES], out[OUT_BYTES];
};

struct replay {
    const struct replay_settings *settings;
    struct flow *flow;
    struct blotter *blotter;
    struct link *links;
    int epoll, timer;
    bool have_row, asked, rows_ended, finishing;
    struct flow_row row;
    uint64_t first_row_ns, start_ns, end_ns, drawn_ns;
    uint64_t rows_done, messages;
};

static uint64_t clock_ns(void) {
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* ---- one session's bytes --------------------------------------------------------------------- */

static uint32_t link_index(const struct replay *replay, const struct link *link) {
    return (uint32_t)(link - replay->links);
}

static const char *link_name(const struct replay *replay, const struct link *link) {
    return replay->settings->logins[link_index(replay, link)].username;
}

static void link_state(struct link *link, enum link_state state, uint64_t now_ns) {
    link->state = state;
    link->state_ns = now_ns;
}

static bool link_has_room(const struct link *link) {
    return link->out_count + FRAME_BYTES <= OUT_BYTES;
}

static void link_put(struct link *link, const struct ouch_message *message) {
    CHECK(link_has_room(link));
    uint8_t *at = link->out + link->out_count;
    int bytes = ouch_encode(message, at + SOUP_HEADER_BYTES, OUCH_BYTES_MAX);
    CHECK(bytes > 0);
    link->out_count += soup_encode_header(at, SOUP_UNSEQUENCED, (size_t)bytes);
}

static void link_query(struct link *link) {
    link_put(link, &(struct ouch_message){ .kind = OUCH_ACCOUNT_QUERY });
}

static int link_watch(struct replay *replay, struct link *link, int operation) {
    struct epoll_event event = { .events = EPOLLIN, .data.u32 = link_index(replay, link) };
    if (link->blocked) event.events |= EPOLLOUT;
    if (epoll_ctl(replay->epoll, operation, link->fd, &event) < 0)
        return err_set(-errno, "epoll: %s", strerror(errno));
    return 0;
}

/* link_flush hands the socket what waits for it. */
static int link_flush(struct replay *replay, struct link *link, uint64_t now_ns) {
    size_t done = 0;
    while (done < link->out_count) {
        ssize_t sent =
            send(link->fd, link->out + done, link->out_count - done, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
        if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) {
            done = link->out_count; /* reading finds what the gateway said before it closed */
            break;
        }
        if (sent < 0)
            return err_set(-errno, "session %s: send: %s", link_name(replay, link),
                           strerror(errno));
        done += (size_t)sent;
        link->sent_ns = now_ns;
    }
    link->out_count -= done;
    if (done > 0) memmove(link->out, link->out + done, link->out_count);
    bool blocked = link->out_count > 0;
    if (blocked == link->blocked) return 0;
    link->blocked = blocked;
    return link_watch(replay, link, EPOLL_CTL_MOD);
}

static void link_close(struct link *link, uint64_t now_ns) {
    (void)close(link->fd);
    link->fd = -1;
    link->out_count = 0;
    link_state(link, LINK_CLOSED, now_ns);
}

/* ---- what a session hears -------------------------------------------------------------------- */

static void on_next_ref(struct replay *replay, struct link *link, uint32_t next_ref,
                        uint64_t now_ns) {
    link->querying = false;
    if (link->state == LINK_QUERY) {
        blotter_start(replay->blotter, link_index(replay, link), next_ref);
        link_state(link, LINK_READY, now_ns);
    } else if (link->state == LINK_LAST) {
        link->out_count += soup_encode_logout(link->out + link->out_count);
        link_state(link, LINK_LOGOUT, now_ns);
    }
}

static int on_message(struct replay *replay, struct link *link, const struct soup_packet *packet,
                      uint64_t now_ns) {
    struct ouch_message message;
    struct ouch_fault fault;
    int error = ouch_decode(OUCH_OUT, packet->payload, packet->bytes, &message, &fault);
    if (error < 0) return err_wrap(error, "session %s: ", link_name(replay, link));
    if (message.kind == OUCH_ACCOUNT_QUERY_RESPONSE) {
        on_next_ref(replay, link, message.account_query_response.next_user_ref, now_ns);
        return 0;
    }
    /* What comes before the next user reference is known belongs to an earlier connection. */
    if (link->state < LINK_READY) return 0;
    error = blotter_answer(replay->blotter, link_index(replay, link), &message, now_ns);
    return error < 0 ? err_wrap(error, "%s: ", link_name(replay, link)) : 0;
}

static int on_packet(struct replay *replay, struct link *link, const struct soup_packet *packet,
                     uint64_t now_ns) {
    switch (packet->type) {
    case SOUP_SEQUENCED:
        return on_message(replay, link, packet, now_ns);
    case SOUP_LOGIN_ACCEPTED:
        if (link->state != LINK_LOGIN)
            return err_set(-EPROTO, "session %s: accepted twice", link_name(replay, link));
        link_query(link);
        link_state(link, LINK_QUERY, now_ns);
        return 0;
    case SOUP_LOGIN_REJECTED: {
        enum soup_reject reason = SOUP_NOT_AUTHORIZED;
        (void)soup_decode_login_rejected(packet, &reason);
        return err_set(-EACCES, "session %s: login rejected: %s", link_name(replay, link),
                       reason == SOUP_NOT_AUTHORIZED
                           ? "not authorised; check user name and password"
                           : "session not available; is it logged in elsewhere?");
    }
    case SOUP_END_OF_SESSION:
        if (link->state >= LINK_LOGOUT) return 0;
        return err_set(-ECONNRESET, "session %s: the gateway ended the session",
                       link_name(replay, link));
    default: /* heartbeats and debug text only show that the gateway is there */
        return 0;
    }
}

/* link_parse takes the whole packets off what was read. */
static int link_parse(struct replay *replay, struct link *link, uint64_t now_ns) {
    size_t at = 0;
    while (link->fd >= 0) {
        struct soup_packet packet;
        int bytes = soup_parse(link->in + at, link->in_count - at, SOUP_FROM_SERVER,
                               IN_BYTES - SOUP_HEADER_BYTES, &packet);
        if (bytes < 0) return err_wrap(bytes, "session %s: ", link_name(replay, link));
        if (bytes == 0) break;
        int error = on_packet(replay, link, &packet, now_ns);
        if (error < 0) return error;
        at += (size_t)bytes;
    }
    link->in_count -= at;
    if (at > 0) memmove(link->in, link->in + at, link->in_count);
    return 0;
}

static int link_read(struct replay *replay, struct link *link) {
    CHECK(link->in_count < IN_BYTES);
    ssize_t got =
        recv(link->fd, link->in + link->in_count, IN_BYTES - link->in_count, MSG_DONTWAIT);
    uint64_t now_ns = clock_ns();
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return 0;
    if (got <= 0 && link->state == LINK_LOGOUT) {
        link_close(link, now_ns);
        return 0;
    }
    if (got < 0) return err_set(-errno, "session %s: %s", link_name(replay, link), strerror(errno));
    if (got == 0)
        return err_set(-ECONNRESET, "session %s: the gateway closed the connection",
                       link_name(replay, link));
    link->got_ns = now_ns;
    link->in_count += (size_t)got;
    return link_parse(replay, link, now_ns);
}

/* ---- connecting ------------------------------------------------------------------------------ */

static int connect_wait(int fd, const struct addrinfo *address) {
    if (connect(fd, address->ai_addr, address->ai_addrlen) == 0) return 0;
    if (errno != EINPROGRESS) return -errno;
    struct pollfd one = { .fd = fd, .events = POLLOUT };
    if (poll(&one, 1, CONNECT_MS) <= 0) return -ETIMEDOUT;
    int error = 0;
    socklen_t bytes = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &bytes) < 0) return -errno;
    return -error;
}

static int link_open(struct replay *replay, struct link *link, const struct addrinfo *address) {
    const struct replay_settings *settings = replay->settings;
    link->fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (link->fd < 0) return err_set(-errno, "socket: %s", strerror(errno));
    int error = connect_wait(link->fd, address);
    if (error < 0)
        return err_set(error, "%s port %s: %s; is the gateway up?", settings->host, settings->port,
                       strerror(-error));
    int on = 1;
    (void)setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);

    const struct replay_login *user = &settings->logins[link_index(replay, link)];
    struct soup_login login = { .sequence = 0 };
    memcpy(login.username, user->username, sizeof login.username);
    memcpy(login.password, user->password, sizeof login.password);
    link->out_count = soup_encode_login_request(link->out, &login);
    uint64_t now_ns = clock_ns();
    link->got_ns = now_ns;
    link->sent_ns = now_ns;
    link_state(link, LINK_LOGIN, now_ns);
    return link_watch(replay, link, EPOLL_CTL_ADD);
}

static int links_open(struct replay *replay) {
    const struct replay_settings *settings = replay->settings;
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM }, *address;
    int failed = getaddrinfo(settings->host, settings->port, &hints, &address);
    if (failed != 0)
        return err_set(-EINVAL, "%s port %s: %s; check --host and --port", settings->host,
                       settings->port, gai_strerror(failed));
    int error = 0;
    for (uint32_t i = 0; i < settings->clients && error == 0; i++)
        error = link_open(replay, &replay->links[i], address);
    freeaddrinfo(address);
    return error;
}

/* ---- playing --------------------------------------------------------------------------------- */

static uint64_t pending_all(const struct replay *replay) {
    uint64_t pending = 0;
    for (uint32_t i = 0; i < replay->settings->clients; i++)
        pending += blotter_pending(replay->blotter, i);
    return pending;
}

static bool links_all(const struct replay *replay, enum link_state state) {
    for (uint32_t i = 0; i < replay->settings->clients; i++)
        if (replay->links[i].state != state) return false;
    return true;
}

static uint64_t row_due(const struct replay *replay) {
    uint64_t after_ns = replay->row.time_ns - replay->first_row_ns;
    __extension__ typedef unsigned __int128 wide;
    return replay->start_ns + (uint64_t)((wide)after_ns * 1000 / replay->settings->speed_milli);
}

/* strict_may_send says whether everything before the row has been answered. A replace carries the
   total of its chain, executed shares included, so first the session must have heard of them. */
static bool strict_may_send(struct replay *replay, struct link *link) {
    if (pending_all(replay) > 0 || link->querying) return false;
    if (replay->row.kind != FLOW_REPLACE || replay->asked) return true;
    if (!link_has_room(link)) return false;
    link_query(link);
    link->querying = true;
    replay->asked = true;
    return false;
}

/* rows_play sends the rows whose turn it is, at most a batch. Returns 1 when there may be more at
   once, 0 when something must happen first (at *due_ns, where that is a time), or an error. */
static int rows_play(struct replay *replay, uint64_t *due_ns) {
    enum replay_pace pace = replay->settings->pace;
    *due_ns = 0;
    for (int i = 0; i < BATCH_ROWS; i++) {
        if (!replay->have_row) {
            int given = flow_next(replay->flow, &replay->row);
            if (given < 0) return given;
            replay->rows_ended = given == 0;
            if (given == 0) return 0;
            replay->have_row = true;
            replay->asked = false;
            if (replay->start_ns == 0) {
                replay->start_ns = clock_ns();
                replay->first_row_ns = replay->row.time_ns;
            }
        }
        uint64_t now_ns = clock_ns();
        if (pace == REPLAY_REAL && row_due(replay) > now_ns) {
            *due_ns = row_due(replay);
            return 0;
        }
        struct link *link = &replay->links[blotter_route(replay->blotter, &replay->row)];
        if (pace == REPLAY_STRICT && !strict_may_send(replay, link)) return 0;
        if (!link_has_room(link)) return 0;
        struct ouch_message message;
        int sent = blotter_send(replay->blotter, &replay->row, now_ns, &message);
        if (sent == -EAGAIN) return 0;
        replay->have_row = false;
        replay->rows_done++;
        if (sent == 0) continue;
        link_put(link, &message);
        replay->messages++;
    }
    return 1;
}

static int links_flush(struct replay *replay) {
    uint64_t now_ns = clock_ns();
    for (uint32_t i = 0; i < replay->settings->clients; i++) {
        struct link *link = &replay->links[i];
        if (link->out_count == 0 || link->blocked) continue;
        int error = link_flush(replay, link, now_ns);
        if (error < 0) return error;
    }
    return 0;
}

/* link_check keeps a session alive and notices when the gateway is not. */
static int link_check(struct replay *replay, struct link *link, uint64_t now_ns) {
    const char *name = link_name(replay, link);
    if (link->state == LINK_CLOSED) return 0;
    if (link->state == LINK_LOGOUT) {
        if (now_ns - link->state_ns > GOODBYE_NS) link_close(link, now_ns);
        return 0;
    }
    if (now_ns - link->got_ns > SOUP_TIMEOUT_NS)
        return err_set(-ETIMEDOUT, "session %s: not a byte from the gateway for 15 s", name);
    if (link->state < LINK_READY && now_ns - link->state_ns > LOGIN_NS)
        return err_set(-ETIMEDOUT, "session %s: no answer to the %s for 5 s", name,
                       link->state == LINK_LOGIN ? "login" : "account query");
    if (link->state == LINK_LAST && now_ns - link->state_ns > replay->settings->answer_ns)
        return err_set(-ETIMEDOUT, "session %s: no answer to the last account query", name);
    if (blotter_pending(replay->blotter, link_index(replay, link)) > 0) {
        uint32_t user_ref;
        uint64_t oldest_ns = blotter_oldest(replay->blotter, link_index(replay, link), &user_ref);
        if (now_ns - oldest_ns > replay->settings->answer_ns)
            return err_set(-ETIMEDOUT,
                           "session %s: no answer to user reference %" PRIu32 " for %" PRIu64 " s",
                           name, user_ref, replay->settings->answer_ns / UINT64_C(1000000000));
    }
    if (now_ns - link->sent_ns >= SOUP_HEARTBEAT_NS && link->out_count == 0)
        link->out_count = soup_encode_client_heartbeat(link->out);
    return 0;
}

static void progress_draw(struct replay *replay, uint64_t now_ns, bool last) {
    enum { WIDTH = 40 };
    if (!replay->settings->progress) return;
    if (!last && now_ns - replay->drawn_ns < UINT64_C(100000000)) return;
    replay->drawn_ns = now_ns;
    uint64_t rows = flow_rows_max(replay->flow), done = last ? rows : replay->rows_done;
    int full = (int)(done * WIDTH / rows);
    char bar[WIDTH + 1];
    for (int i = 0; i < WIDTH; i++) bar[i] = i < full ? '#' : '.';
    bar[WIDTH] = '\0';
    const struct blotter_counts *counts = blotter_counts(replay->blotter);
    (void)fprintf(stderr, "\r[%s] %3" PRIu64 " %%  %" PRIu64 " orders  %" PRIu64 " fills%s", bar,
                  done * 100 / rows, counts->orders, counts->fills, last ? "\n" : "");
    (void)fflush(stderr);
}

static int timer_set(struct replay *replay, uint64_t due_ns) {
    struct itimerspec when = { .it_value = { .tv_sec = (time_t)(due_ns / UINT64_C(1000000000)),
                                             .tv_nsec = (long)(due_ns % UINT64_C(1000000000)) } };
    if (timerfd_settime(replay->timer, TFD_TIMER_ABSTIME, &when, NULL) < 0)
        return err_set(-errno, "timer: %s", strerror(errno));
    return 0;
}

/* events_take sleeps until something happens, and reads what has come. */
static int events_take(struct replay *replay, int timeout_ms) {
    struct epoll_event events[BLOTTER_SESSIONS_MAX + 1];
    int count = epoll_wait(replay->epoll, events, BLOTTER_SESSIONS_MAX + 1, timeout_ms);
    if (count < 0 && errno != EINTR) return err_set(-errno, "epoll: %s", strerror(errno));
    for (int i = 0; i < count; i++) {
        if (events[i].data.u32 == BLOTTER_SESSIONS_MAX) { /* the timer: reading it quietens it */
            uint64_t expired;
            (void)!read(replay->timer, &expired, sizeof expired);
            continue;
        }
        struct link *link = &replay->links[events[i].data.u32];
        if ((events[i].events & EPOLLOUT) != 0) {
            int error = link_flush(replay, link, clock_ns());
            if (error < 0) return error;
        }
        if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && link->fd >= 0) {
            int error = link_read(replay, link);
            if (error < 0) return error;
        }
    }
    return 0;
}

static void finish(struct replay *replay) {
    uint64_t now_ns = clock_ns();
    replay->finishing = true;
    replay->end_ns = now_ns;
    for (uint32_t i = 0; i < replay->settings->clients; i++) {
        link_query(&replay->links[i]);
        link_state(&replay->links[i], LINK_LAST, now_ns);
    }
}

static int replay_loop(struct replay *replay) {
    bool ready = false;
    uint64_t checked_ns = 0;
    while (!links_all(replay, LINK_CLOSED)) {
        uint64_t due_ns = 0;
        int more = 0;
        if (!ready) ready = links_all(replay, LINK_READY);
        if (ready && !replay->rows_ended) more = rows_play(replay, &due_ns);
        if (more < 0) return more;
        if (replay->rows_ended && !replay->finishing && pending_all(replay) == 0) finish(replay);

        uint64_t now_ns = clock_ns();
        if (now_ns - checked_ns > HOUSEKEEPING_MS * UINT64_C(1000000)) {
            checked_ns = now_ns;
            for (uint32_t i = 0; i < replay->settings->clients; i++) {
                int error = link_check(replay, &replay->links[i], now_ns);
                if (error < 0) return error;
            }
        }
        progress_draw(replay, now_ns, false);
        int error = links_flush(replay);
        if (error == 0 && due_ns != 0) error = timer_set(replay, due_ns);
        if (error == 0) error = events_take(replay, more == 1 ? 0 : HOUSEKEEPING_MS);
        if (error < 0) return error;
    }
    return 0;
}

/* ---- start and end --------------------------------------------------------------------------- */

static int replay_open(struct replay *replay) {
    struct blotter_settings settings = { .rows_max = flow_rows_max(replay->flow),
                                         .sessions = replay->settings->clients,
                                         .window = replay->settings->window };
    replay->blotter = blotter_new(&settings);
    replay->links = calloc(settings.sessions, sizeof *replay->links);
    if (replay->blotter == NULL || replay->links == NULL)
        return err_set(-ENOMEM, "no memory for %" PRIu64 " rows", settings.rows_max);
    for (uint32_t i = 0; i < settings.sessions; i++) replay->links[i].fd = -1;
    replay->epoll = epoll_create1(EPOLL_CLOEXEC);
    replay->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event event = { .events = EPOLLIN, .data.u32 = BLOTTER_SESSIONS_MAX };
    if (replay->epoll < 0 || replay->timer < 0 ||
        epoll_ctl(replay->epoll, EPOLL_CTL_ADD, replay->timer, &event) < 0)
        return err_set(-errno, "epoll: %s", strerror(errno));
    return links_open(replay);
}

static void replay_close(struct replay *replay) {
    if (replay->links != NULL)
        for (uint32_t i = 0; i < replay->settings->clients; i++)
            if (replay->links[i].fd >= 0) (void)close(replay->links[i].fd);
    if (replay->epoll >= 0) (void)close(replay->epoll);
    if (replay->timer >= 0) (void)close(replay->timer);
    free(replay->links);
    blotter_delete(replay->blotter);
}

int replay_run(struct flow *flow, const struct replay_settings *settings,
               struct replay_result *result) {
    CHECK(settings->clients >= 1);
    CHECK(settings->clients <= BLOTTER_SESSIONS_MAX);
    CHECK(settings->speed_milli >= 1);
    memset(result, 0, sizeof *result);
    if (settings->pace == REPLAY_REAL && !flow_timed(flow))
        return err_set(-EINVAL, "this flow carries no times; use --pace flat or --pace strict");

    struct replay replay = { .settings = settings, .flow = flow, .epoll = -1, .timer = -1 };
    int error = replay_open(&replay);
    if (error == 0) error = replay_loop(&replay);
    if (error == 0) progress_draw(&replay, clock_ns(), true);
    if (replay.blotter != NULL) {
        result->counts = *blotter_counts(replay.blotter);
        result->one_sided = blotter_one_sided(replay.blotter);
        result->open_shares = blotter_open_shares(replay.blotter);
    }
    result->flow = flow_counts(flow);
    result->messages = replay.messages;
    if (replay.end_ns == 0) replay.end_ns = clock_ns(); /* it broke off */
    if (replay.start_ns != 0) result->elapsed_ns = replay.end_ns - replay.start_ns;
    replay_close(&replay);
    return error;
}
