/* test_replay: a replay over real sockets against a gateway of a few lines, which takes every
 * order, matches none, and misbehaves when told to. */
#include "driver/abi/abi.h"
#include "host/base/err.h"
#include "host/client/replay.h"
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS_MAX = 8, ORDERS_MAX = 4096, IN_BYTES = 65536 };

enum manner {
    GOOD,
    PIECES,      /* answers leave byte by byte */
    REFUSES,     /* rejects every login */
    HANGS_UP,    /* closes when the tenth order comes */
    SILENT,      /* takes orders and says nothing more */
    GARBAGE,     /* answers the first order with nonsense */
    CONTRADICTS, /* accepts an order that nobody entered */
};

struct peer {
    int fd;
    size_t in_count;
    uint8_t in[IN_BYTES];
    uint32_t next_ref;
    uint32_t leaves[ORDERS_MAX];
};

/* The gateway runs in a thread of its own; the test looks at it after it has been joined. */
struct gateway {
    pthread_t thread;
    int listener;
    enum manner manner;
    uint32_t first_ref;
    uint32_t peers, orders, logouts, queries, unanswered_max;
    struct peer peer[CLIENTS_MAX];
};

static void put(struct gateway *gateway, struct peer *peer, const uint8_t *bytes, size_t count) {
    size_t step = gateway->manner == PIECES ? 1 : count;
    for (size_t at = 0; at < count; at += step)
        if (send(peer->fd, bytes + at, step, MSG_NOSIGNAL) < 0) return;
}

static void answer(struct gateway *gateway, struct peer *peer, const struct ouch_message *message) {
    uint8_t body[OUCH_BYTES_MAX], frame[SOUP_HEADER_BYTES + OUCH_BYTES_MAX];
    int bytes = ouch_encode(message, body, sizeof body);
    put(gateway, peer, frame, soup_encode_sequenced(frame, body, (size_t)bytes));
}

static void take_off(struct gateway *gateway, struct peer *peer, uint32_t ref, uint32_t quantity,
                     char reason) {
    peer->leaves[ref] -= quantity;
    answer(gateway, peer,
           &(struct ouch_message){
               .kind = OUCH_CANCELED,
               .canceled = { .user_ref = ref, .quantity = quantity, .reason = reason } });
}

static void enter(struct gateway *gateway, struct peer *peer,
                  const struct ouch_enter_order *order) {
    gateway->orders++;
    if (gateway->manner == SILENT) return;
    if (gateway->manner == HANGS_UP && gateway->orders == 10) {
        (void)shutdown(peer->fd, SHUT_RDWR);
        return;
    }
    if (gateway->manner == GARBAGE) {
        put(gateway, peer, (const uint8_t *)"\0\3Sxx", 5);
        return;
    }
    uint32_t ref = order->user_ref + (gateway->manner == CONTRADICTS ? 100 : 0);
    if (memcmp(order->symbol, "NOSUCH  ", 8) == 0) {
        struct ouch_message rejected = { .kind = OUCH_REJECTED,
                                         .rejected = { .user_ref = ref,
                                                       .reason = OUCH_REJECT_INVALID_SYMBOL } };
        answer(gateway, peer, &rejected);
        return;
    }
    struct ouch_message accepted = { .kind = OUCH_ACCEPTED,
                                     .accepted = { .user_ref = ref,
                                                   .side = order->side,
                                                   .quantity = order->quantity,
                                                   .price_e4 = order->price_e4,
                                                   .tif = order->tif,
                                                   .display = order->display,
                                                   .capacity = order->capacity,
                                                   .sweep = order->sweep,
                                                   .cross = order->cross,
                                                   .state = OUCH_STATE_LIVE } };
    memcpy(accepted.accepted.symbol, order->symbol, 8);
    memcpy(accepted.accepted.client_order_id, order->client_order_id, 14);
    peer->leaves[ref % ORDERS_MAX] = order->quantity;
    answer(gateway, peer, &accepted);
    if (order->tif == OUCH_TIF_IOC) take_off(gateway, peer, ref, order->quantity, OUCH_CANCEL_IOC);
}

static void replace(struct gateway *gateway, struct peer *peer,
                    const struct ouch_replace_order *order) {
    if (peer->leaves[order->orig_user_ref] == 0) return;
    peer->leaves[order->orig_user_ref] = 0;
    peer->leaves[order->user_ref] = order->quantity;
    struct ouch_message replaced = { .kind = OUCH_REPLACED,
                                     .replaced = { .orig_user_ref = order->orig_user_ref,
                                                   .user_ref = order->user_ref,
                                                   .side = OUCH_SIDE_BUY,
                                                   .quantity = order->quantity,
                                                   .price_e4 = order->price_e4,
                                                   .tif = order->tif,
                                                   .display = order->display,
                                                   .capacity = OUCH_CAPACITY_PRINCIPAL,
                                                   .sweep = order->sweep,
                                                   .cross = OUCH_CROSS_CONTINUOUS,
                                                   .state = OUCH_STATE_LIVE } };
    memcpy(replaced.replaced.symbol, "DAY00   ", 8);
    memset(replaced.replaced.client_order_id, ' ', 14);
    answer(gateway, peer, &replaced);
}

static void on_ouch(struct gateway *gateway, struct peer *peer, const struct soup_packet *packet) {
    struct ouch_message message;
    struct ouch_fault fault;
    if (ouch_decode(OUCH_IN, packet->payload, packet->bytes, &message, &fault) < 0) abort();
    switch (message.kind) {
    case OUCH_ENTER_ORDER:
        enter(gateway, peer, &message.enter_order);
        break;
    case OUCH_REPLACE_ORDER:
        replace(gateway, peer, &message.replace_order);
        break;
    case OUCH_CANCEL_ORDER: {
        uint32_t ref = message.cancel_order.user_ref, total = message.cancel_order.quantity;
        if (peer->leaves[ref] > total)
            take_off(gateway, peer, ref, peer->leaves[ref] - total, OUCH_CANCEL_USER);
        break;
    }
    default:
        gateway->queries++;
        answer(gateway, peer,
               &(struct ouch_message){
                   .kind = OUCH_ACCOUNT_QUERY_RESPONSE,
                   .account_query_response = { .next_user_ref = gateway->first_ref } });
        break;
    }
}

/* on_packet returns false when the connection is over. */
static bool on_packet(struct gateway *gateway, struct peer *peer,
                      const struct soup_packet *packet) {
    uint8_t frame[64];
    if (packet->type == SOUP_LOGIN_REQUEST) {
        if (gateway->manner == REFUSES) {
            put(gateway, peer, frame, soup_encode_login_rejected(frame, SOUP_NOT_AUTHORIZED));
            return false;
        }
        struct soup_accepted accepted = { .session = "DAY", .sequence = 2 };
        put(gateway, peer, frame, soup_encode_login_accepted(frame, &accepted));
        /* something of an earlier connection that comes along */
        answer(gateway, peer,
               &(struct ouch_message){
                   .kind = OUCH_CANCELED,
                   .canceled = { .user_ref = 4000, .quantity = 1, .reason = OUCH_CANCEL_USER } });
    }
    if (packet->type == SOUP_UNSEQUENCED) on_ouch(gateway, peer, packet);
    if (packet->type == SOUP_LOGOUT) {
        gateway->logouts++;
        return false;
    }
    return true;
}

/* peer_read takes what has come. More than one whole message at once was sent without waiting. */
static bool peer_read(struct gateway *gateway, struct peer *peer) {
    ssize_t got = recv(peer->fd, peer->in + peer->in_count, IN_BYTES - peer->in_count, 0);
    if (got <= 0) return false;
    peer->in_count += (size_t)got;
    struct soup_packet packet;
    size_t at = 0;
    uint32_t together = 0;
    for (int bytes; (bytes = soup_parse(peer->in + at, peer->in_count - at, SOUP_FROM_CLIENT, 1024,
                                        &packet)) > 0;
         at += (size_t)bytes) {
        together += packet.type == SOUP_UNSEQUENCED;
        if (together > gateway->unanswered_max) gateway->unanswered_max = together;
        if (!on_packet(gateway, peer, &packet)) return false;
    }
    peer->in_count -= at;
    memmove(peer->in, peer->in + at, peer->in_count);
    return true;
}

/* gateway_run serves until all who came have gone. */
static void *gateway_run(void *context) {
    struct gateway *gateway = context;
    uint32_t open = 0;
    do {
        struct pollfd polled[CLIENTS_MAX + 1] = { { .fd = gateway->listener, .events = POLLIN } };
        for (uint32_t i = 0; i < gateway->peers; i++)
            polled[i + 1] = (struct pollfd){ .fd = gateway->peer[i].fd, .events = POLLIN };
        uint32_t peers = gateway->peers;
        if (poll(polled, peers + 1, -1) < 0) abort();
        if ((polled[0].revents & POLLIN) != 0) {
            gateway->peer[gateway->peers++].fd = accept(gateway->listener, NULL, NULL);
            open++;
        }
        for (uint32_t i = 0; i < peers; i++) {
            if (polled[i + 1].revents == 0 || peer_read(gateway, &gateway->peer[i])) continue;
            (void)close(gateway->peer[i].fd);
            gateway->peer[i].fd = -1;
            open--;
        }
    } while (open > 0);
    return NULL;
}

static struct gateway gateway;
static struct replay_login logins[CLIENTS_MAX];

/* play runs a flow of CSV or LOBSTER lines, or a generator's, against a gateway of that manner. */
static int play(enum manner manner, uint32_t clients, enum replay_pace pace, struct flow *flow,
                struct replay_result *result) {
    gateway = (struct gateway){ .manner = manner, .first_ref = 1 };
    gateway.listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t bytes = sizeof address;
    assert_int_equal(bind(gateway.listener, (struct sockaddr *)&address, bytes), 0);
    assert_int_equal(listen(gateway.listener, CLIENTS_MAX), 0);
    assert_int_equal(getsockname(gateway.listener, (struct sockaddr *)&address, &bytes), 0);
    char port[8];
    (void)snprintf(port, sizeof port, "%d", ntohs(address.sin_port));
    for (uint32_t i = 0; i < clients; i++) {
        memcpy(logins[i].username, "firm0x", sizeof "firm0x");
        logins[i].username[5] = (char)('1' + i);
        memcpy(logins[i].password, "secret", sizeof "secret");
    }
    struct replay_settings settings = { .host = "127.0.0.1",
                                        .port = port,
                                        .logins = logins,
                                        .clients = clients,
                                        .window = 16,
                                        .pace = pace,
                                        .speed_milli = 2000,
                                        .answer_ns = UINT64_C(300000000) };
    assert_int_equal(pthread_create(&gateway.thread, NULL, gateway_run, &gateway), 0);
    int error = replay_run(flow, &settings, result);
    assert_int_equal(pthread_join(gateway.thread, NULL), 0);
    (void)close(gateway.listener);
    flow_close(flow);
    return error;
}

static struct flow *flow_of(const char *source, uint64_t rows) {
    struct flow_settings settings = { .symbol = "TEST", .tick_e4 = 100, .seed = 5, .rows = rows };
    struct flow *flow = NULL;
    int error = strchr(source, '\n') == NULL
                    ? flow_open(&flow, source, &settings)
                    : flow_open_bytes(&flow, "flow", source, strlen(source), &settings);
    if (error < 0) fail_msg("%s", err_text());
    return flow;
}

static struct replay_result result;

static void a_day_is_played_to_its_end(void **state) {
    (void)state;
    if (play(GOOD, 4, REPLAY_FLAT, flow_of("day", 3000), &result) != 0) fail_msg("%s", err_text());
    const struct blotter_counts *counts = &result.counts;
    assert_int_equal(result.flow.rows, 3000);
    assert_int_equal(counts->orders + counts->replaces + counts->cancels + counts->skipped, 3000);
    assert_int_equal(result.messages, 3000 - counts->skipped);
    assert_int_equal(counts->accepted + counts->rejected, counts->orders);
    assert_int_equal(counts->rejects[OUCH_REJECT_INVALID_SYMBOL], counts->rejected);
    assert_true(counts->rejected > 0);
    assert_int_equal(gateway.orders, counts->orders);
    assert_int_equal(counts->rtt.count + counts->overtaken, result.messages);
    assert_int_equal(gateway.peers, 4);
    assert_int_equal(gateway.logouts, 4);
    assert_int_equal(gateway.queries, 8); /* at the start and at the end */
    uint64_t open = 0;
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < ORDERS_MAX; k++) open += gateway.peer[i].leaves[k];
    assert_int_equal(result.open_shares, open);
    assert_true(gateway.unanswered_max > 1); /* many messages a write */
}

static void answers_may_come_byte_by_byte(void **state) {
    (void)state;
    if (play(PIECES, 2, REPLAY_FLAT, flow_of("day", 500), &result) != 0) fail_msg("%s", err_text());
    assert_int_equal(result.flow.rows, 500);
    assert_int_equal(gateway.logouts, 2);
}

static void strict_waits_for_each_answer(void **state) {
    (void)state;
    if (play(GOOD, 3, REPLAY_STRICT, flow_of("day", 1000), &result) != 0)
        fail_msg("%s", err_text());
    assert_int_equal(result.flow.rows, 1000);
    assert_int_equal(gateway.unanswered_max, 1);
    assert_int_equal(result.counts.overtaken, 0);
    /* one more question before each replace, so that its total is right */
    assert_int_equal(gateway.queries, 6 + result.counts.replaces);
}

static void real_pace_takes_as_long_as_the_flow(void **state) {
    (void)state;
    static const char lines[] = "1.00,1,1,1,100,1\n1.10,1,2,1,100,1\n1.20,3,1,1,100,1\n";
    if (play(GOOD, 1, REPLAY_REAL, flow_of(lines, 0), &result) != 0) fail_msg("%s", err_text());
    assert_int_equal(result.counts.orders, 2);
    assert_int_equal(result.counts.cancels, 1);
    /* 0.2 s at twice the speed; no upper bound that a busy machine could miss */
    assert_true(result.elapsed_ns >= 100000000);
}

static void a_flow_without_times_has_no_real_pace(void **state) {
    (void)state;
    struct replay_settings settings = { .clients = 1, .speed_milli = 1, .pace = REPLAY_REAL };
    struct flow *flow = flow_of("stream", 10);
    assert_int_equal(replay_run(flow, &settings, &result), -EINVAL);
    assert_non_null(strstr(err_text(), "--pace flat"));
    flow_close(flow);
}

static void a_gateway_that_misbehaves_ends_the_replay(void **state) {
    (void)state;
    static const struct {
        enum manner manner;
        int error;
        const char *says;
    } row[] = {
        { REFUSES, -EACCES, "session firm01: login rejected" },
        { HANGS_UP, -ECONNRESET, "closed the connection" },
        { SILENT, -ETIMEDOUT, "no answer to user reference" },
        { GARBAGE, -EBADMSG, "session firm0" },
        { CONTRADICTS, -EPROTO, "no such order waits" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        int error = play(row[i].manner, 1, REPLAY_FLAT, flow_of("day", 200), &result);
        if (error != row[i].error || strstr(err_text(), row[i].says) == NULL)
            fail_msg("row %zu: %d, %s", i, error, err_text());
    }
}

static void a_gateway_that_is_not_there_is_named(void **state) {
    (void)state;
    struct replay_settings settings = { .host = "127.0.0.1",
                                        .port = "1",
                                        .logins = logins,
                                        .clients = 1,
                                        .window = 1,
                                        .speed_milli = 1,
                                        .pace = REPLAY_FLAT };
    struct flow *flow = flow_of("stream", 10);
    assert_int_equal(replay_run(flow, &settings, &result), -ECONNREFUSED);
    assert_non_null(strstr(err_text(), "127.0.0.1 port 1"));
    flow_close(flow);
}

static void a_bad_line_in_the_middle_ends_the_replay(void **state) {
    (void)state;
    static const char lines[] = FLOW_TEXT_HEADER "0,N,1,B,100,1,0\n1,X,2,B,100,1,0\n";
    assert_int_equal(play(GOOD, 1, REPLAY_FLAT, flow_of(lines, 0), &result), -EINVAL);
    assert_non_null(strstr(err_text(), "flow:3: type"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_day_is_played_to_its_end),
        cmocka_unit_test(answers_may_come_byte_by_byte),
        cmocka_unit_test(strict_waits_for_each_answer),
        cmocka_unit_test(real_pace_takes_as_long_as_the_flow),
        cmocka_unit_test(a_flow_without_times_has_no_real_pace),
        cmocka_unit_test(a_gateway_that_misbehaves_ends_the_replay),
        cmocka_unit_test(a_gateway_that_is_not_there_is_named),
        cmocka_unit_test(a_bad_line_in_the_middle_ends_the_replay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
