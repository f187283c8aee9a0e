#include "host/gateway/gateway.h"
#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/base/err.h"
#include "host/base/log.h"
#include "host/gateway/link.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    IN_BYTES = 64 << 10,
    OUT_BYTES = 64 << 10,
    TURN_MESSAGES = 32,      /* of one connection in a pass */
    BACKLOG_BYTES = 4 << 20, /* unsent output of a session above which it is not read */
    EVENTS = 96,
    SPIN_NS = 50000,      /* polling goes on so long after the last move */
    FLUSH_NAP_NS = 50000, /* while only the disk is at work */
    SLEEP_NS = 100000000,
    TIMER_NS = 10000000,
};
#define STOP_BOUND_NS UINT64_C(10000000000) /* for what is under way at the end */

struct connection {
    bool used, readable, closing;
    uint16_t session; /* while link.open */
    struct link link;
    struct stream_cursor cursor;
    uint64_t arrival; /* how many came before it */
    uint64_t read_ns;
    uint64_t stuck_ns; /* since when the client takes no output; 0 while it does */
    uint8_t *in, *out;
    size_t in_from, in_to, out_from, out_to;
};

struct gateway {
    struct gateway_parts parts;
    struct connection *connections;
    int32_t *connected; /* of each session: its connection, -1 for none */
    uint8_t *buffers;
    uint32_t count, turn;
    uint64_t arrivals, logins, timer_ns;
    uint64_t wall_ns; /* when bytes were read last; no message is stamped earlier than it came */
    struct port_control *port;
    uint64_t closings; /* of the gate by the card, as far as they are reported */
    uint64_t alerts;   /* of the card, likewise */
};

struct gateway *gateway_new(const struct gateway_parts *parts) {
    struct gateway *gateway = calloc(1, sizeof *gateway);
    if (gateway == NULL) return NULL;
    gateway->parts = *parts;
    gateway->count = parts->transport->connections_max;
    gateway->connections = calloc(gateway->count, sizeof *gateway->connections);
    gateway->connected = calloc(parts->config->session_count, sizeof *gateway->connected);
    gateway->buffers = calloc(gateway->count, IN_BYTES + OUT_BYTES);
    if (gateway->connections == NULL || gateway->connected == NULL || gateway->buffers == NULL) {
        gateway_delete(gateway);
        return NULL;
    }
    for (uint32_t i = 0; i < gateway->count; i++) {
        gateway->connections[i].in = gateway->buffers + (size_t)i * (IN_BYTES + OUT_BYTES);
        gateway->connections[i].out = gateway->connections[i].in + IN_BYTES;
    }
    for (uint32_t i = 0; i < parts->config->session_count; i++) gateway->connected[i] = -1;
    return gateway;
}

void gateway_delete(struct gateway *gateway) {
    if (gateway == NULL) return;
    free(gateway->connections);
    free(gateway->connected);
    free(gateway->buffers);
    free(gateway);
}

void gateway_control(struct gateway *gateway, struct port_control *port) { gateway->port = port; }

uint64_t gateway_logins(const struct gateway *gateway) { return gateway->logins; }

/* ---- Connections ---- */

static const char *user(const struct gateway *gateway, uint16_t session) {
    return gateway->parts.config->sessions[session].username;
}

static void drop(struct gateway *gateway, uint32_t index, enum entry_action action,
                 const char *why) {
    struct connection *connection = &gateway->connections[index];
    if (connection->link.open) {
        uint16_t session = connection->session;
        log_line("%s: %s", user(gateway, session), why);
        (void)sequencer_record(gateway->parts.sequencer, session, action, why, clock_wall_ns());
        gateway->connected[session] = -1;
        if (gateway->parts.config->sessions[session].cancel_on_disconnect)
            sequencer_withdraw(gateway->parts.sequencer, session);
    } else {
        log_line("connection %u: %s", index, why);
    }
    transport_drop(gateway->parts.transport, index);
    connection->used = connection->link.open = false;
}

/* Makes room for the next client, at the cost of the one that has been longest without a login. */
static void spare(struct gateway *gateway) {
    uint32_t used = 0, oldest = gateway->count;
    for (uint32_t i = 0; i < gateway->count; i++) {
        const struct connection *connection = &gateway->connections[i];
        if (!connection->used) continue;
        used++;
        if (!connection->link.open && (oldest == gateway->count ||
                                       connection->arrival < gateway->connections[oldest].arrival))
            oldest = i;
    }
    if (used == gateway->count && oldest != gateway->count)
        drop(gateway, oldest, ENTRY_DISCONNECT, "dropped, others wait and it has not logged in");
}

static void opened(struct gateway *gateway, uint32_t index, uint64_t now_ns) {
    struct connection *connection = &gateway->connections[index];
    connection->used = true;
    connection->readable = connection->closing = false;
    connection->arrival = gateway->arrivals++;
    connection->stuck_ns = 0;
    connection->in_from = connection->in_to = connection->out_from = connection->out_to = 0;
    link_start(&connection->link, now_ns);
    spare(gateway);
}

/* Room for count more bytes of output, NULL when there is none. */
static uint8_t *out_room(struct connection *connection, size_t count) {
    if (OUT_BYTES - connection->out_to < count && connection->out_from > 0) {
        connection->out_to -= connection->out_from;
        memmove(connection->out, connection->out + connection->out_from, connection->out_to);
        connection->out_from = 0;
    }
    if (OUT_BYTES - connection->out_to < count) return NULL;
    return connection->out + connection->out_to;
}

/* ---- Input ---- */

static int find_session(const struct config *config, const char *username) {
    for (uint32_t i = 0; i < config->session_count; i++)
        if (strcmp(config->sessions[i].username, username) == 0) return (int)i;
    return -1;
}

/* Compares in a time that does not tell how much of it is right. */
static bool password_right(const char *right, const char *given) {
    char a[CONFIG_PASSWORD_BYTES + 1] = "", b[CONFIG_PASSWORD_BYTES + 1] = "";
    unsigned differs = 0;
    memcpy(a, right, strlen(right));
    memcpy(b, given, strlen(given));
    for (size_t i = 0; i < sizeof a; i++) differs |= (unsigned)(a[i] ^ b[i]);
    return differs == 0;
}

static void refuse_login(struct connection *connection, enum soup_reject reason) {
    uint8_t *at = out_room(connection, SOUP_LOGIN_REJECTED_BYTES);
    if (at != NULL) connection->out_to += soup_encode_login_rejected(at, reason);
    connection->closing = true;
}

/* False when the login has to wait: the session's orders are still being taken off. */
static bool login(struct gateway *gateway, uint32_t index, const struct soup_login *login) {
    struct connection *connection = &gateway->connections[index];
    const struct config *config = gateway->parts.config;
    int session = find_session(config, login->username);
    if (session < 0 || !password_right(config->sessions[session].password, login->password)) {
        log_line("connection %u: login of \"%s\" refused: wrong name or password", index,
                 login->username);
        refuse_login(connection, SOUP_NOT_AUTHORIZED);
        return true;
    }
    if (sequencer_withdrawing(gateway->parts.sequencer, (uint16_t)session)) return false;
    const struct stream *stream = &gateway->parts.streams[session];
    uint64_t number = login->sequence == 0 ? stream->released + 1 : login->sequence;
    const char *why = NULL;
    if (gateway->connected[session] >= 0)
        why = "it is logged in already";
    else if (login->session[0] != 0 && strcmp(login->session, gateway->parts.session_name) != 0)
        why = "there is no such session";
    else if (stream_seek(stream, number, &connection->cursor) != 0)
        why = "it asks for a message that is not there yet";
    if (why != NULL) {
        log_line("%s: login refused: %s", login->username, why);
        refuse_login(connection, SOUP_SESSION_NOT_AVAILABLE);
        return true;
    }
    struct soup_accepted accepted = { .sequence = number };
    memcpy(accepted.session, gateway->parts.session_name,
           strlen(gateway->parts.session_name) + 1); /* at most as long */
    uint8_t *at = out_room(connection, SOUP_LOGIN_ACCEPTED_BYTES);
    CHECK(at != NULL); /* nothing was sent before it */
    connection->out_to += soup_encode_login_accepted(at, &accepted);
    connection->session = (uint16_t)session;
    link_accept(&connection->link);
    gateway->connected[session] = (int32_t)index;
    gateway->logins++;
    (void)sequencer_record(gateway->parts.sequencer, (uint16_t)session, ENTRY_LOGIN,
                           login->username, clock_wall_ns());
    return true;
}

/* Messages that cannot be told from noise count against the client. */
static bool known_letter(const struct soup_packet *packet) {
    return packet->bytes > 0 && strchr("OUXMCDEQ", packet->payload[0]) != NULL &&
           packet->payload[0] != 0;
}

/* Takes one frame. False when the connection has no more for this pass: none is whole, it must
   wait, or it is gone. */
static bool take_frame(struct gateway *gateway, uint32_t index) {
    struct connection *connection = &gateway->connections[index];
    struct link_step step;
    enum link_action action = link_read(&connection->link, connection->in + connection->in_from,
                                        connection->in_to - connection->in_from, &step);
    switch (action) {
    case LINK_NOTHING:
    case LINK_HEARTBEAT:
        return false;
    case LINK_SKIP:
        break;
    case LINK_LOGIN:
        if (!login(gateway, index, &step.login)) return false;
        break;
    case LINK_MESSAGE: {
        int taken =
            sequencer_message(gateway->parts.sequencer, connection->session, step.packet.payload,
                              step.packet.bytes, connection->read_ns, gateway->wall_ns);
        if (taken == -EAGAIN) {
            connection->read_ns = clock_monotonic_ns(); /* what it waits for is the card */
            return false;
        }
        if (taken < 0 || link_judge(&connection->link, known_letter(&step.packet)) == LINK_BROKEN) {
            drop(gateway, index, ENTRY_DISCONNECT, err_text());
            return false;
        }
        break;
    }
    case LINK_LOGOUT:
        drop(gateway, index, ENTRY_LOGOUT, "logged out");
        return false;
    case LINK_BROKEN:
        drop(gateway, index, ENTRY_DISCONNECT, err_text());
        return false;
    }
    connection->in_from += step.bytes;
    return !connection->closing;
}

/* The output that is waiting for the client, in bytes. */
static size_t backlog(const struct gateway *gateway, const struct connection *connection) {
    if (!connection->link.open) return 0;
    return gateway->parts.streams[connection->session].used - connection->cursor.offset;
}

static bool read_some(struct gateway *gateway, uint32_t index, uint64_t now_ns) {
    struct connection *connection = &gateway->connections[index];
    if (connection->in_from == connection->in_to) connection->in_from = connection->in_to = 0;
    if (IN_BYTES - connection->in_to < LINK_MESSAGE_BYTES_MAX + SOUP_HEADER_BYTES) {
        connection->in_to -= connection->in_from;
        memmove(connection->in, connection->in + connection->in_from, connection->in_to);
        connection->in_from = 0;
    }
    if (connection->in_to == IN_BYTES) return false;
    ssize_t count =
        transport_read(gateway->parts.transport, index, connection->in + connection->in_to,
                       IN_BYTES - connection->in_to);
    connection->readable = false;
    if (count == 0) return false;
    if (count < 0) {
        drop(gateway, index, ENTRY_DISCONNECT,
             count == -ENODATA ? "closed by the client" : "broken off by the client");
        return true;
    }
    connection->in_to += (size_t)count;
    connection->read_ns = now_ns;
    gateway->wall_ns = clock_wall_ns();
    link_received(&connection->link, now_ns);
    return true;
}

/* Takes frames as far as the turn goes. */
static bool take_frames(struct gateway *gateway, uint32_t index, int *turn) {
    bool moved = false;
    while (*turn > 0 && take_frame(gateway, index)) {
        moved = true;
        (*turn)--;
    }
    return moved;
}

static bool serve_input(struct gateway *gateway, uint32_t index, uint64_t now_ns) {
    struct connection *connection = &gateway->connections[index];
    if (!connection->used || connection->closing) return false;
    /* What is there already comes first: a client whose queue is full is not read. */
    int turn = TURN_MESSAGES;
    bool moved = take_frames(gateway, index, &turn);
    if (!connection->used || connection->closing) return true;
    bool held = backlog(gateway, connection) > BACKLOG_BYTES ||
                connection->in_to - connection->in_from > IN_BYTES / 2;
    transport_watch(gateway->parts.transport, index, !held, connection->stuck_ns != 0);
    /* Who is not read cannot be silent; whether it reads is seen from what it takes. */
    if (held) link_received(&connection->link, now_ns);
    if (!connection->readable || held || !read_some(gateway, index, now_ns)) return moved;
    if (connection->used) (void)take_frames(gateway, index, &turn);
    return true;
}

/* ---- Output ---- */

/* Whether the client has all that its stream will ever hold. */
static bool ended(const struct gateway *gateway, const struct connection *connection) {
    if (!connection->link.open) return false;
    const struct stream *stream = &gateway->parts.streams[connection->session];
    return stream->full && connection->cursor.number > stream->count;
}

static bool serve_output(struct gateway *gateway, uint32_t index, uint64_t now_ns) {
    struct connection *connection = &gateway->connections[index];
    if (!connection->used) return false;
    if (connection->link.open) {
        const struct stream *stream = &gateway->parts.streams[connection->session];
        for (;;) {
            struct stream_cursor before = connection->cursor;
            const uint8_t *frame;
            size_t bytes = stream_next(stream, &connection->cursor, &frame);
            if (bytes == 0) break;
            uint8_t *at = out_room(connection, bytes);
            if (at == NULL) {
                connection->cursor = before;
                break;
            }
            memcpy(at, frame, bytes);
            connection->out_to += bytes;
        }
    }
    if (connection->out_from == connection->out_to) {
        if (connection->closing)
            drop(gateway, index, ENTRY_DISCONNECT, "closed");
        else if (ended(gateway, connection))
            drop(gateway, index, ENTRY_DISCONNECT, "dropped, its messages fill its stream");
        return false;
    }
    ssize_t sent =
        transport_write(gateway->parts.transport, index, connection->out + connection->out_from,
                        connection->out_to - connection->out_from);
    if (sent < 0) {
        drop(gateway, index, ENTRY_DISCONNECT, "broken off by the client");
        return true;
    }
    connection->out_from += (size_t)sent;
    bool stuck = connection->out_from != connection->out_to;
    if (!stuck) connection->out_from = connection->out_to = 0;
    if (sent > 0 || !stuck)
        connection->stuck_ns = stuck ? now_ns : 0;
    else if (connection->stuck_ns == 0)
        connection->stuck_ns = now_ns;
    if (sent > 0) link_sent(&connection->link, now_ns);
    return sent > 0;
}

static void serve_time(struct gateway *gateway, uint32_t index, uint64_t now_ns) {
    struct connection *connection = &gateway->connections[index];
    if (!connection->used) return;
    if (connection->stuck_ns != 0 && now_ns - connection->stuck_ns >= SOUP_TIMEOUT_NS) {
        drop(gateway, index, ENTRY_DISCONNECT, "dropped, it does not read");
        return;
    }
    switch (link_time(&connection->link, now_ns)) {
    case LINK_HEARTBEAT: {
        uint8_t *at = out_room(connection, SOUP_HEADER_BYTES);
        if (at != NULL && connection->out_from == connection->out_to)
            connection->out_to += soup_encode_server_heartbeat(at);
        break;
    }
    case LINK_BROKEN:
        drop(gateway, index, ENTRY_DISCONNECT, err_text());
        break;
    default:
        break;
    }
}

/* ---- The loop ---- */

/* Nobody but an operator opens what the card has closed. */
static void report_gate(struct gateway *gateway) {
    uint64_t closings = sequencer_closings(gateway->parts.sequencer);
    if (closings == gateway->closings) return;
    gateway->closings = closings;
    log_line(
        "the card has closed its gate: its watchdog did not hear this process in time, or "
        "CONTROL.KILL was written; orders are refused until an operator releases it, or a start "
        "with --release");
}

/* Several at once are one line here; the journal has them all. */
static void report_alerts(struct gateway *gateway) {
    struct event alert;
    uint64_t alerts = sequencer_alerts(gateway->parts.sequencer, &alert);
    if (alerts == gateway->alerts) return;
    gateway->alerts = alerts;
    char text[ABI_TEXT_BYTES];
    log_line("the card says %s; `wirepit card health` tells more",
             abi_alert_text(alert.field, alert.value, text));
}

/* A pass over everything. 1 when something moved, 0 when not, or a negative errno. */
static int pass(struct gateway *gateway, uint64_t timeout_ns, bool taking) {
    struct transport_event events[EVENTS];
    int count = transport_wait(gateway->parts.transport, events, EVENTS, timeout_ns);
    if (count < 0) return count;
    uint64_t now_ns = clock_monotonic_ns();
    bool moved = false;
    gateway->wall_ns = clock_wall_ns();
    for (int i = 0; i < count; i++) {
        uint32_t index = events[i].connection;
        if ((events[i].kinds & TRANSPORT_OPENED) != 0)
            opened(gateway, index, now_ns);
        else if (gateway->connections[index].used && (events[i].kinds & TRANSPORT_READABLE) != 0)
            gateway->connections[index].readable = true;
    }
    gateway->turn++; /* nobody is always first */
    for (uint32_t i = 0; i < gateway->count && taking; i++)
        moved |= serve_input(gateway, (gateway->turn + i) % gateway->count, now_ns);
    if (gateway->port != NULL) moved |= port_control_pass(gateway->port, gateway->connected);
    int passed = sequencer_pass(gateway->parts.sequencer, gateway->wall_ns);
    if (passed < 0) return passed;
    report_gate(gateway);
    report_alerts(gateway);
    for (uint32_t i = 0; i < gateway->count; i++) moved |= serve_output(gateway, i, now_ns);
    if (now_ns - gateway->timer_ns >= TIMER_NS) {
        gateway->timer_ns = now_ns;
        for (uint32_t i = 0; i < gateway->count; i++) serve_time(gateway, i, now_ns);
    }
    return moved || passed > 0;
}

static uint64_t nap_ns(const struct gateway *gateway, uint64_t moved_ns) {
    const struct sequencer *sequencer = gateway->parts.sequencer;
    if (sequencer_at_card(sequencer)) return 0;
    if (!sequencer_idle(sequencer)) return FLUSH_NAP_NS;
    if (clock_monotonic_ns() - moved_ns < SPIN_NS) return 0;
    return gateway->port != NULL ? PORT_PASS_NS : SLEEP_NS;
}

int gateway_settle(struct gateway *gateway) {
    while (!sequencer_idle(gateway->parts.sequencer)) {
        int passed = sequencer_pass(gateway->parts.sequencer, clock_wall_ns());
        if (passed < 0) return passed;
    }
    return 0;
}

/* Output that is durable and not sent yet. */
static bool owes(const struct gateway *gateway) {
    for (uint32_t i = 0; i < gateway->count; i++) {
        const struct connection *connection = &gateway->connections[i];
        if (connection->used &&
            (connection->out_from != connection->out_to ||
             (connection->link.open &&
              connection->cursor.number <= gateway->parts.streams[connection->session].released)))
            return true;
    }
    return false;
}

/* A last word, behind the frames that are whole, for whoever still takes it. */
static void say_why(struct gateway *gateway, uint32_t index, const char *why) {
    struct connection *connection = &gateway->connections[index];
    uint8_t *at = out_room(connection, SOUP_HEADER_BYTES + strlen(why));
    if (at == NULL) return;
    connection->out_to += soup_encode_debug(at, why);
    (void)transport_write(gateway->parts.transport, index, connection->out + connection->out_from,
                          connection->out_to - connection->out_from);
}

static void drop_all(struct gateway *gateway, const char *why, const char *said) {
    for (uint32_t i = 0; i < gateway->count; i++) {
        if (!gateway->connections[i].used) continue;
        say_why(gateway, i, said);
        drop(gateway, i, ENTRY_DISCONNECT, why);
    }
}

int gateway_run(struct gateway *gateway, const volatile sig_atomic_t *stop) {
    int code = 0;
    uint64_t moved_ns = clock_monotonic_ns(), stop_ns = 0;
    uint64_t timeout_ns = 0;
    while (code >= 0) {
        bool stopping = *stop != 0;
        if (stopping && stop_ns == 0) stop_ns = clock_monotonic_ns();
        code = pass(gateway, timeout_ns, !stopping);
        if (code < 0) break;
        if (code > 0) moved_ns = clock_monotonic_ns();
        timeout_ns = code > 0 ? 0 : nap_ns(gateway, moved_ns);
        if (!stopping) continue;
        bool done = sequencer_idle(gateway->parts.sequencer) && !owes(gateway);
        if (done || clock_monotonic_ns() - stop_ns > STOP_BOUND_NS) break;
        if (timeout_ns > FLUSH_NAP_NS) timeout_ns = FLUSH_NAP_NS;
    }
    if (code < 0) {
        char why[512];
        strncpy(why, err_text(), sizeof why - 1);
        why[sizeof why - 1] = 0;
        card_kill(gateway->parts.card);
        log_line("trading is stopped, the card's gate closed: %s", why);
        char said[128];
        (void)snprintf(said, sizeof said,
                       "trading is stopped: %s; log in again later, from the message you have next",
                       strerror(-code));
        drop_all(gateway, "dropped, trading is stopped", said);
        return err_set(code, "%s", why);
    }
    drop_all(gateway, "dropped, the gateway ends", "the gateway ends");
    return gateway_settle(gateway);
}
