#include "tests/fault/trader.h"
#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/base/err.h"
#include "tests/unit/market.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MESSAGE_ROOM = SOUP_HEADER_BYTES + OUCH_BYTES_MAX,
    RECENT_REFS = 400, /* among which one to cancel or replace is looked for */
    RECENT_TRIES = 8,
    NEAR_TICKS = 12,
    DEEP_TICKS = 900,
    QUANTITY = 200,
};
#define DAY_NS UINT64_C(86400000000000)

void trader_open(struct trader *trader, const struct trader_settings *settings) {
    memset(trader, 0, sizeof *trader);
    trader->settings = *settings;
    trader->socket = -1;
    trader->number = 1;
    ledger_open(&trader->ledger);
}

void trader_close(struct trader *trader) {
    trader_leave(trader);
    ledger_close(&trader->ledger);
    tape_clear(&trader->tape);
}

void trader_leave(struct trader *trader) {
    if (trader->socket >= 0) (void)close(trader->socket);
    trader->socket = -1;
    trader->state = TRADER_AWAY;
    trader->in_used = trader->out_used = 0;
    trader->asked = false;
}

int trader_connect(struct trader *trader, uint16_t port, uint64_t from) {
    static const int on = 1;
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(trader->state == TRADER_AWAY);
    CHECK(from >= 1);
    CHECK(from <= trader->tape.count + 1);
    trader->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (trader->socket < 0) return err_set(-errno, "socket: %s", strerror(errno));
    int code = 0;
    if (connect(trader->socket, (const struct sockaddr *)&at, sizeof at) != 0) code = -errno;
    if (code == 0 && fcntl(trader->socket, F_SETFL, O_NONBLOCK) != 0) code = -errno;
    if (code != 0) {
        trader_leave(trader);
        return err_set(code, "port %u: %s", port, strerror(-code));
    }
    (void)setsockopt(trader->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct soup_login login = { .sequence = from };
    venue_login(trader->settings.session, &login);
    trader->out_used = soup_encode_login_request(trader->out, &login);
    trader->number = from;
    trader->state = TRADER_LOGIN;
    trader->heard_ns = trader->sent_ns = 0;
    return 0;
}

/* ---- What it says ---- */

static void say(struct trader *trader, const struct ouch_message *message) {
    uint8_t *at = trader->out + trader->out_used;
    CHECK(TRADER_OUT_BYTES - trader->out_used >= MESSAGE_ROOM);
    int bytes = ouch_encode(message, at + SOUP_HEADER_BYTES, OUCH_BYTES_MAX);
    CHECK(bytes > 0);
    trader->out_used += soup_encode_header(at, SOUP_UNSEQUENCED, (size_t)bytes);
}

void trader_ask(struct trader *trader) {
    const struct ouch_message query = market_query();
    CHECK(trader->state >= TRADER_QUERY);
    say(trader, &query);
    trader->asked = true;
    trader->asked_ns = clock_wall_ns();
}

/* A price near the middle, where orders meet; or behind it, where they rest. */
static uint32_t price_draw(const struct trader *trader, struct random *random, char side) {
    uint32_t ticks = (uint32_t)random_below(random, NEAR_TICKS);
    bool behind = random_below(random, 3) != 0;
    if (trader->settings.deep && random_below(random, 50) != 0) {
        ticks = 1 + (uint32_t)random_below(random, DEEP_TICKS);
        behind = true;
    }
    bool down = (side == OUCH_SIDE_BUY) == behind;
    return down ? VENUE_REFERENCE_E4 - ticks * VENUE_TICK_E4
                : VENUE_REFERENCE_E4 + ticks * VENUE_TICK_E4;
}

static void enter(struct trader *trader, struct random *random) {
    char symbol[9], side = random_below(random, 2) == 0 ? OUCH_SIDE_BUY : OUCH_SIDE_SELL;
    uint32_t quantity = 1 + (uint32_t)random_below(random, QUANTITY);
    uint32_t price_e4 = price_draw(trader, random, side);
    venue_symbol((uint32_t)random_below(random, VENUE_SYMBOLS), symbol);
    switch (random_below(random, 100)) { /* what is to be refused, here or by the card */
    case 0:
        venue_symbol(VENUE_SYMBOLS, symbol);
        break;
    case 1:
        quantity = VENUE_QUANTITY_MAX + 1;
        break;
    case 2:
        price_e4++;
        break;
    default:
        break;
    }
    struct ouch_message message =
        market_enter(trader->ledger.next_ref, side, quantity, symbol, price_e4);
    if (random_below(random, 8) == 0) message.enter_order.tif = OUCH_TIF_IOC;
    ledger_asked(&trader->ledger, &message);
    say(trader, &message);
}

/* A reference of late that may be live, known to be so or not yet; 0 for none. */
static uint32_t recent_draw(const struct trader *trader, struct random *random) {
    uint32_t next = trader->ledger.next_ref;
    uint32_t span = next - 1 < RECENT_REFS ? next - 1 : RECENT_REFS;
    for (int i = 0; i < RECENT_TRIES && span > 0; i++) {
        uint32_t ref = next - 1 - (uint32_t)random_below(random, span);
        const struct ledger_order *order = ledger_find(&trader->ledger, ref);
        if (order == NULL) continue;
        if (order->state == LEDGER_LIVE || order->state == LEDGER_ASKED) return ref;
    }
    return 0;
}

static void change(struct trader *trader, struct random *random) {
    uint32_t ref = recent_draw(trader, random);
    const struct ledger_order *order = ledger_find(&trader->ledger, ref);
    if (order == NULL) return;
    struct ouch_message message;
    if (random_below(random, 2) == 0) {
        uint32_t quantity = random_below(random, 3) == 0 ? order->total / 2 : 0;
        message = market_cancel(ref, quantity);
    } else {
        uint32_t price_e4 = price_draw(trader, random, order->side);
        if (random_below(random, 20) == 0) price_e4++; /* invalid: the order goes */
        message = market_replace(ref, trader->ledger.next_ref,
                                 order->executed + 1 + (uint32_t)random_below(random, QUANTITY),
                                 price_e4);
        ledger_asked(&trader->ledger, &message);
    }
    say(trader, &message);
}

void trader_trade(struct trader *trader, struct random *random, uint32_t most) {
    if (trader->state != TRADER_READY) return;
    for (uint32_t i = 0; i < most; i++) {
        if (trader->ledger.waiting >= trader->settings.window ||
            TRADER_OUT_BYTES - trader->out_used < 2 * MESSAGE_ROOM)
            return;
        if (random_below(random, 4) == 0)
            change(trader, random);
        else
            enter(trader, random);
    }
}

/* ---- What it hears ---- */

static int violation(const struct trader *trader, uint64_t number) {
    return err_wrap(-EPROTO, "session %u, message %llu: ", trader->settings.session + 1,
                    (unsigned long long)number);
}

/* The answer to a query of an earlier connection may come first: it bears an earlier time. */
static bool is_ours(const struct trader *trader, uint64_t time_ns) {
    uint64_t since_ns = (time_ns + DAY_NS - trader->asked_ns % DAY_NS) % DAY_NS;
    return trader->asked && since_ns < DAY_NS / 2;
}

static int on_next(struct trader *trader, const struct ouch_account_query_response *response) {
    if (!is_ours(trader, response->time_ns)) return 0;
    trader->asked = false;
    int code = ledger_next(&trader->ledger, response->next_user_ref);
    if (code != 0 || trader->state != TRADER_QUERY) return code;
    trader->state = TRADER_READY;
    if (trader->settings.withdraws && trader->ledger.live > 0)
        return err_set(-EPROTO, "%u orders outlived the connection, and should not have",
                       trader->ledger.live);
    return 0;
}

static int on_sequenced(struct trader *trader, const struct soup_packet *packet) {
    struct ouch_message message;
    struct ouch_fault fault;
    uint64_t number = trader->number++;
    if (number <= trader->tape.count) {
        size_t bytes;
        const uint8_t *before = tape_message(&trader->tape, number, &bytes);
        trader->repeated++;
        if (bytes == packet->bytes && memcmp(before, packet->payload, bytes) == 0) return 0;
        (void)err_set(-EPROTO, "told differently from the first time");
        return violation(trader, number);
    }
    tape_add(&trader->tape, packet->payload, packet->bytes);
    int code = ouch_decode(OUCH_OUT, packet->payload, packet->bytes, &message, &fault);
    if (code == 0) code = ledger_told(&trader->ledger, &message);
    if (code == 0 && message.kind == OUCH_ACCOUNT_QUERY_RESPONSE)
        code = on_next(trader, &message.account_query_response);
    return code == 0 ? 0 : violation(trader, number);
}

static int on_packet(struct trader *trader, const struct soup_packet *packet) {
    struct soup_accepted accepted;
    uint32_t session = trader->settings.session + 1;
    switch (packet->type) {
    case SOUP_SEQUENCED:
        if (trader->state < TRADER_QUERY)
            return err_set(-EPROTO, "session %u: messages before the login is accepted", session);
        return on_sequenced(trader, packet);
    case SOUP_LOGIN_ACCEPTED:
        if (trader->state != TRADER_LOGIN || soup_decode_login_accepted(packet, &accepted) != 0 ||
            accepted.sequence != trader->number)
            return err_set(-EPROTO, "session %u: asked for message %llu and gets another", session,
                           (unsigned long long)trader->number);
        trader->state = TRADER_QUERY;
        trader->reconnects++;
        trader_ask(trader);
        return 0;
    case SOUP_LOGIN_REJECTED:
        trader->refused++;
        return -ENOTCONN;
    case SOUP_SERVER_HEARTBEAT:
        return 0;
    case SOUP_DEBUG:
        (void)snprintf(trader->said, sizeof trader->said, "%.*s", packet->bytes,
                       (const char *)packet->payload);
        return 0;
    default:
        return err_set(-EPROTO, "session %u: a packet of type '%c'", session, packet->type);
    }
}

static int hear(struct trader *trader) {
    size_t at = 0;
    int code = 0;
    while (code == 0) {
        struct soup_packet packet;
        int bytes = soup_parse(trader->in + at, trader->in_used - at, SOUP_FROM_SERVER,
                               SOUP_PAYLOAD_BYTES_MAX, &packet);
        if (bytes < 0) code = err_wrap(-EPROTO, "session %u: ", trader->settings.session + 1);
        if (bytes <= 0) break;
        at += (size_t)bytes;
        code = on_packet(trader, &packet);
    }
    trader->in_used -= at;
    memmove(trader->in, trader->in + at, trader->in_used);
    return code;
}

/* Hands the socket what waits. What was said to a client before its end is still read. */
static bool speak(struct trader *trader, uint64_t now_ns) {
    if (trader->sent_ns == 0) trader->sent_ns = now_ns;
    /* While the gateway's disk stalls there may be nothing to say for longer than a session lasts
       without a word. */
    if (trader->out_used == 0 && now_ns - trader->sent_ns >= SOUP_HEARTBEAT_NS)
        trader->out_used = soup_encode_client_heartbeat(trader->out);
    if (trader->out_used == 0) return false;
    ssize_t sent = send(trader->socket, trader->out, trader->out_used, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) trader->out_used = 0;
    if (sent <= 0) return false;
    trader->sent_ns = now_ns;
    trader->out_used -= (size_t)sent;
    memmove(trader->out, trader->out + sent, trader->out_used);
    return true;
}

int trader_pump(struct trader *trader, uint64_t now_ns) {
    if (trader->state == TRADER_AWAY) return 0;
    if (trader->heard_ns == 0) trader->heard_ns = now_ns;
    bool moved = speak(trader, now_ns), ended = false;
    while (!ended) {
        ssize_t count = recv(trader->socket, trader->in + trader->in_used,
                             TRADER_IN_BYTES - trader->in_used, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) break;
        ended = count <= 0;
        if (ended) break;
        moved = true;
        trader->heard_ns = now_ns;
        trader->in_used += (size_t)count;
        int code = hear(trader);
        if (code != 0 && code != -ENOTCONN) return code;
        ended = code != 0;
    }
    if (!ended) return moved;
    trader_leave(trader);
    return -ENOTCONN;
}
