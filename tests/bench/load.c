#include "tests/bench/load.h"
#include "host/base/bytes.h"
#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/base/err.h"
#include "tests/fault/venue.h"
#include "tests/unit/market.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    IN_BYTES = 128 << 10,
    OUT_BYTES = 64 << 10,
    WINDOW_MAX = 1024,
    FRAME_BYTES = SOUP_HEADER_BYTES + OUCH_ENTER_ORDER_BYTES,
    USER_REF_AT = SOUP_HEADER_BYTES + 1,
    PERIODS = 3,       /* of which the best counts: the others had to share their processors */
    ANSWER_REF_AT = 9, /* of an Accepted or Rejected message */
};
#define SILENCE_NS UINT64_C(10000000000)

struct client {
    int socket;
    bool trading;
    uint32_t next_ref, answered_ref;
    uint64_t sent_ns[WINDOW_MAX]; /* by reference */
    uint8_t frames[2][FRAME_BYTES];
    size_t in_used, out_used;
    uint8_t in[IN_BYTES], out[OUT_BYTES];
};

struct load {
    const struct load_settings *settings;
    struct load_result *result;  /* the best period */
    struct load_result period;   /* this one */
    uint64_t period_ns, periods; /* since when; how many have ended */
    struct client *clients;
};

static int client_open(const struct load_settings *settings, uint32_t session,
                       struct client *client) {
    static const int on = 1;
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(settings->port) };
    CHECK(inet_pton(AF_INET, settings->address, &at.sin_addr) == 1);
    client->next_ref = client->answered_ref = 1;
    client->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->socket < 0 ||
        connect(client->socket, (const struct sockaddr *)&at, sizeof at) != 0 ||
        fcntl(client->socket, F_SETFL, O_NONBLOCK) != 0)
        return err_set(-errno, "session %u at %s port %u: %s", session + 1, settings->address,
                       settings->port, strerror(errno));
    (void)setsockopt(client->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);

    struct soup_login login = { .sequence = 0 };
    venue_login(session, &login);
    client->out_used = soup_encode_login_request(client->out, &login);
    char symbol[9];
    venue_symbol(session % VENUE_SYMBOLS, symbol);
    for (int i = 0; i < 2; i++) {
        const struct ouch_message message =
            market_enter(0, i == 0 ? OUCH_SIDE_BUY : OUCH_SIDE_SELL, 1, symbol, VENUE_REFERENCE_E4);
        int bytes =
            ouch_encode(&message, client->frames[i] + SOUP_HEADER_BYTES, OUCH_ENTER_ORDER_BYTES);
        CHECK(bytes == OUCH_ENTER_ORDER_BYTES);
        CHECK(soup_encode_header(client->frames[i], SOUP_UNSEQUENCED, (size_t)bytes) ==
              FRAME_BYTES);
    }
    return 0;
}

static void enter_orders(const struct load *load, struct client *client) {
    while (client->next_ref - client->answered_ref < load->settings->window &&
           OUT_BYTES - client->out_used >= FRAME_BYTES) {
        uint8_t *at = client->out + client->out_used;
        memcpy(at, client->frames[client->next_ref % 2], FRAME_BYTES);
        bytes_put_be32(at + USER_REF_AT, client->next_ref);
        client->sent_ns[client->next_ref % WINDOW_MAX] = clock_monotonic_ns();
        client->next_ref++;
        client->out_used += FRAME_BYTES;
    }
}

static int take_packet(struct load *load, struct client *client, const struct soup_packet *packet,
                       uint64_t now_ns) {
    if (packet->type == SOUP_LOGIN_ACCEPTED) client->trading = true;
    if (packet->type == SOUP_LOGIN_REJECTED) return err_set(-EACCES, "a login is refused");
    if (packet->type != SOUP_SEQUENCED || packet->bytes < ANSWER_REF_AT + 4) return 0;
    if (packet->payload[0] == 'J')
        return err_set(-EPROTO, "order %u is rejected",
                       bytes_get_be32(packet->payload + ANSWER_REF_AT));
    if (packet->payload[0] != 'A') return 0;
    uint32_t ref = bytes_get_be32(packet->payload + ANSWER_REF_AT);
    if (ref != client->answered_ref)
        return err_set(-EPROTO, "order %u is accepted where order %u waits", ref,
                       client->answered_ref);
    client->answered_ref++;
    if (load->period_ns != 0) {
        load->period.orders++;
        histogram_add(&load->period.rtt, now_ns - client->sent_ns[ref % WINDOW_MAX]);
    }
    return 0;
}

/* Returns 1 when bytes came, 0 when none did, or an error. */
static int hear(struct load *load, struct client *client) {
    ssize_t count =
        recv(client->socket, client->in + client->in_used, IN_BYTES - client->in_used, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (count <= 0) return err_set(-ECONNRESET, "the other side closed a connection");
    uint64_t now_ns = clock_monotonic_ns();
    client->in_used += (size_t)count;
    size_t at = 0;
    for (;;) {
        struct soup_packet packet;
        int bytes = soup_parse(client->in + at, client->in_used - at, SOUP_FROM_SERVER,
                               SOUP_PAYLOAD_BYTES_MAX, &packet);
        if (bytes < 0) return bytes;
        if (bytes == 0) break;
        at += (size_t)bytes;
        int code = take_packet(load, client, &packet, now_ns);
        if (code != 0) return code;
    }
    client->in_used -= at;
    memmove(client->in, client->in + at, client->in_used);
    return 1;
}

static int speak(struct client *client) {
    if (client->out_used == 0) return 0;
    ssize_t sent = send(client->socket, client->out, client->out_used, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (sent < 0) return err_set(-errno, "send: %s", strerror(errno));
    client->out_used -= (size_t)sent;
    memmove(client->out, client->out + sent, client->out_used);
    return 0;
}

static void period_end(struct load *load, uint64_t now_ns) {
    load->period.elapsed_ns = now_ns - load->period_ns;
    if (load->period.orders > load->result->orders) *load->result = load->period;
    memset(&load->period, 0, sizeof load->period);
    load->period_ns = now_ns;
    load->periods++;
}

static int loop(struct load *load) {
    const struct load_settings *settings = load->settings;
    uint64_t from_ns = clock_monotonic_ns(), heard_ns = from_ns, now_ns = from_ns;
    while (load->periods < PERIODS) {
        if (load->period_ns == 0 && now_ns - from_ns >= settings->warm_ns)
            load->period_ns = now_ns;
        else if (load->period_ns != 0 && now_ns - load->period_ns >= settings->count_ns / PERIODS)
            period_end(load, now_ns);
        for (uint32_t i = 0; i < settings->sessions; i++) {
            struct client *client = &load->clients[i];
            int heard = hear(load, client);
            if (heard > 0) heard_ns = now_ns;
            if (client->trading) enter_orders(load, client);
            int code = heard < 0 ? heard : speak(client);
            if (code < 0) return code;
        }
        now_ns = clock_monotonic_ns();
        if (now_ns - heard_ns > SILENCE_NS) return err_set(-ETIMEDOUT, "nothing is heard for 10 s");
    }
    return 0;
}

int load_run(const struct load_settings *settings, struct load_result *result) {
    CHECK(settings->window >= 1);
    CHECK(settings->window < WINDOW_MAX);
    memset(result, 0, sizeof *result);
    struct load load = { .settings = settings,
                         .result = result,
                         .clients = calloc(settings->sessions, sizeof *load.clients) };
    if (load.clients == NULL) return err_set(-ENOMEM, "no memory for the clients");
    for (uint32_t i = 0; i < settings->sessions; i++) load.clients[i].socket = -1;
    int code = 0;
    for (uint32_t i = 0; i < settings->sessions && code == 0; i++)
        code = client_open(settings, i, &load.clients[i]);
    if (code == 0) code = loop(&load);
    for (uint32_t i = 0; i < settings->sessions; i++)
        if (load.clients[i].socket >= 0) (void)close(load.clients[i].socket);
    free(load.clients);
    return code;
}
