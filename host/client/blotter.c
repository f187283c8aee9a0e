#include "host/client/blotter.h"
#include "driver/abi/abi.h"
#include "host/base/check.h"
#include "host/base/err.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum order_state { ORDER_SENT, ORDER_LIVE, ORDER_DEAD };

/* One user reference: an order, or what a replace makes of one. */
struct order {
    uint64_t id;    /* the flow's */
    uint64_t named; /* the resting order that the flow says it trades with; 0 none */
    uint32_t user_ref;
    uint32_t total;    /* intended, of the whole chain */
    uint32_t executed; /* of the chain, as far as known */
    uint32_t leaves;
    uint32_t previous; /* what it replaces; 0 none */
    uint8_t session;
    uint8_t state;
};

/* A message without an answer. A CANCEL concerns the order, a REPLACE makes it. */
enum pending_kind { PENDING_NEW, PENDING_CANCEL, PENDING_REPLACE };

struct pending {
    uint64_t sent_ns;
    uint32_t order;
    enum pending_kind kind;
};

struct port {
    uint32_t *orders; /* by user reference less the first one */
    uint32_t first_ref, count;
    struct pending *pending; /* oldest first */
    uint32_t pending_count;
};

/* A trade of which one side has been seen. */
struct half {
    uint64_t match; /* 0 free */
    uint64_t price_e4;
    uint64_t id, named; /* of that side's order, as in struct order */
    uint32_t quantity;
    bool took, crossed; /* crossed: in an auction, where nobody takes */
};

struct blotter {
    struct blotter_settings settings;
    struct blotter_counts counts;
    struct port ports[BLOTTER_SESSIONS_MAX];
    struct order *orders; /* from 1 */
    uint32_t order_count;
    uint32_t *by_id; /* hash from the flow's id to the newest of the order's chain; 0 free */
    struct half *halves;
    uint64_t halves_count;
    uint64_t mask; /* of both hashes */
};

/* ---- memory ---------------------------------------------------------------------------------- */

struct blotter *blotter_new(const struct blotter_settings *settings) {
    CHECK(settings->sessions >= 1);
    CHECK(settings->sessions <= BLOTTER_SESSIONS_MAX);
    CHECK(settings->window >= 1);
    CHECK(settings->window <= BLOTTER_WINDOW_MAX);
    CHECK(settings->rows_max < UINT32_MAX);

    struct blotter *blotter = calloc(1, sizeof *blotter);
    if (blotter == NULL) return NULL;
    blotter->settings = *settings;
    uint64_t slots = 16;
    while (slots < 2 * (settings->rows_max + 1)) slots *= 2;
    blotter->mask = slots - 1;
    blotter->orders = calloc((size_t)settings->rows_max + 1, sizeof *blotter->orders);
    blotter->by_id = calloc(slots, sizeof *blotter->by_id);
    blotter->halves = calloc(slots, sizeof *blotter->halves);
    bool whole = blotter->orders != NULL && blotter->by_id != NULL && blotter->halves != NULL;
    for (uint32_t i = 0; i < settings->sessions; i++) {
        struct port *port = &blotter->ports[i];
        port->orders = calloc((size_t)settings->rows_max + 1, sizeof *port->orders);
        port->pending = calloc(settings->window, sizeof *port->pending);
        whole = whole && port->orders != NULL && port->pending != NULL;
    }
    if (whole) return blotter;
    blotter_delete(blotter);
    return NULL;
}

void blotter_delete(struct blotter *blotter) {
    if (blotter == NULL) return;
    for (uint32_t i = 0; i < blotter->settings.sessions; i++) {
        free(blotter->ports[i].orders);
        free(blotter->ports[i].pending);
    }
    free(blotter->orders);
    free(blotter->by_id);
    free(blotter->halves);
    free(blotter);
}

void blotter_start(struct blotter *blotter, uint32_t session, uint32_t user_ref) {
    CHECK(session < blotter->settings.sessions);
    CHECK(blotter->ports[session].count == 0);
    blotter->ports[session].first_ref = user_ref;
}

static uint64_t hash_mix(uint64_t key) {
    key = (key ^ key >> 32) * UINT64_C(0x9e3779b97f4a7c15);
    return key ^ key >> 29;
}

/* by_id_find gives the place of an id: its order's, or a free one. */
static uint32_t *by_id_find(const struct blotter *blotter, uint64_t id) {
    uint64_t i = hash_mix(id) & blotter->mask;
    while (blotter->by_id[i] != 0 && blotter->orders[blotter->by_id[i]].id != id)
        i = (i + 1) & blotter->mask;
    return &blotter->by_id[i];
}

/* order_of gives the order that a user reference of the session names; 0 none. */
static uint32_t order_of(const struct blotter *blotter, uint32_t session, uint32_t user_ref) {
    const struct port *port = &blotter->ports[session];
    uint32_t at = user_ref - port->first_ref;
    return at < port->count ? port->orders[at] : 0;
}

/* ---- sending --------------------------------------------------------------------------------- */

uint32_t blotter_route(const struct blotter *blotter, const struct flow_row *row) {
    uint32_t known = *by_id_find(blotter, row->order);
    if (known != 0) return blotter->orders[known].session;
    if (row->firm != 0) return (row->firm - 1u) % blotter->settings.sessions;
    return (uint32_t)(hash_mix(row->order) % blotter->settings.sessions);
}

static void pending_add(struct blotter *blotter, uint32_t session, enum pending_kind kind,
                        uint32_t order, uint64_t now_ns) {
    struct port *port = &blotter->ports[session];
    CHECK(port->pending_count < blotter->settings.window);
    port->pending[port->pending_count++] = (struct pending){ now_ns, order, kind };
}

/* order_add makes an order of the session with the next user reference. */
static uint32_t order_add(struct blotter *blotter, uint32_t session, const struct flow_row *row) {
    struct port *port = &blotter->ports[session];
    CHECK(blotter->order_count < blotter->settings.rows_max);
    uint32_t number = ++blotter->order_count;
    blotter->orders[number] = (struct order){ .id = row->order,
                                              .named = row->maker,
                                              .user_ref = port->first_ref + port->count,
                                              .total = row->quantity,
                                              .session = (uint8_t)session,
                                              .state = ORDER_SENT };
    port->orders[port->count++] = number;
    return number;
}

static void order_name(const struct order *order, char *field, size_t bytes) {
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64, order->id % UINT64_C(100000000000000));
    ouch_field_put(field, bytes, text);
}

static int send_new(struct blotter *blotter, const struct flow_row *row, uint64_t now_ns,
                    struct ouch_message *message) {
    uint32_t session = blotter_route(blotter, row);
    uint32_t number = order_add(blotter, session, row);
    struct order *order = &blotter->orders[number];
    *by_id_find(blotter, row->order) = number;
    pending_add(blotter, session, PENDING_NEW, number, now_ns);
    blotter->counts.orders++;

    message->kind = OUCH_ENTER_ORDER;
    message->enter_order = (struct ouch_enter_order){
        .user_ref = order->user_ref,
        .side = row->side == SIDE_BUY ? OUCH_SIDE_BUY : OUCH_SIDE_SELL,
        .quantity = row->quantity,
        .price_e4 = row->price_e4,
        .tif = row->ioc ? OUCH_TIF_IOC : OUCH_TIF_DAY,
        .display = OUCH_DISPLAY_VISIBLE,
        .capacity = OUCH_CAPACITY_PRINCIPAL,
        .sweep = OUCH_YES_NO,
        .cross = OUCH_CROSS_CONTINUOUS,
    };
    ouch_field_put(message->enter_order.symbol, sizeof message->enter_order.symbol, row->symbol);
    order_name(order, message->enter_order.client_order_id,
               sizeof message->enter_order.client_order_id);
    return 1;
}

/* chain_executed is what is known to have traded of the chain that ends in an order: a replacement
   that is still on its way has not heard of it. */
static uint32_t chain_executed(const struct blotter *blotter, const struct order *order) {
    while (order->state == ORDER_SENT && order->previous != 0)
        order = &blotter->orders[order->previous];
    return order->executed;
}

static int send_replace(struct blotter *blotter, const struct flow_row *row, uint32_t old,
                        uint64_t now_ns, struct ouch_message *message) {
    const struct order *replaced = &blotter->orders[old];
    uint32_t session = replaced->session;
    uint32_t number = order_add(blotter, session, row);
    struct order *order = &blotter->orders[number];
    order->previous = old;
    order->total = chain_executed(blotter, replaced) + row->quantity;
    *by_id_find(blotter, row->order) = number;
    pending_add(blotter, session, PENDING_REPLACE, number, now_ns);
    blotter->counts.replaces++;

    message->kind = OUCH_REPLACE_ORDER;
    message->replace_order = (struct ouch_replace_order){
        .orig_user_ref = replaced->user_ref,
        .user_ref = order->user_ref,
        .quantity = order->total,
        .price_e4 = row->price_e4,
        .tif = OUCH_TIF_DAY,
        .display = OUCH_DISPLAY_VISIBLE,
        .sweep = OUCH_YES_NO,
    };
    order_name(order, message->replace_order.client_order_id,
               sizeof message->replace_order.client_order_id);
    return 1;
}

/* order_live gives the order of a chain that a message can still concern; 0 none. A replacement
   that was refused leaves what it would have replaced. */
static uint32_t order_live(const struct blotter *blotter, uint32_t newest) {
    while (newest != 0 && blotter->orders[newest].state == ORDER_DEAD)
        newest = blotter->orders[newest].previous;
    return newest;
}

int blotter_send(struct blotter *blotter, const struct flow_row *row, uint64_t now_ns,
                 struct ouch_message *message) {
    uint32_t session = blotter_route(blotter, row);
    if (blotter->ports[session].pending_count == blotter->settings.window) return -EAGAIN;
    uint32_t *newest = by_id_find(blotter, row->order);
    message->tags = (struct ouch_tags){ NULL, 0 };
    if (row->kind == FLOW_NEW) {
        CHECK(*newest == 0);
        return send_new(blotter, row, now_ns, message);
    }

    uint32_t live = order_live(blotter, *newest);
    if (live == 0) {
        blotter->counts.skipped++;
        return 0;
    }
    *newest = live;
    struct order *order = &blotter->orders[live];
    if (row->kind == FLOW_REPLACE) return send_replace(blotter, row, live, now_ns, message);

    bool all = row->kind == FLOW_CANCEL || row->quantity >= order->total;
    order->total = all ? 0 : order->total - row->quantity;
    pending_add(blotter, session, PENDING_CANCEL, live, now_ns);
    blotter->counts.cancels++;
    message->kind = OUCH_CANCEL_ORDER;
    message->cancel_order =
        (struct ouch_cancel_order){ .user_ref = order->user_ref, .quantity = order->total };
    return 1;
}

/* ---- answers --------------------------------------------------------------------------------- */

static int answer_error(uint32_t session, uint32_t user_ref, const char *what) {
    return err_set(-EPROTO, "session %" PRIu32 ", user reference %" PRIu32 ": %s", session + 1,
                   user_ref, what);
}

static void pending_remove(struct port *port, uint32_t at) {
    port->pending_count--;
    memmove(&port->pending[at], &port->pending[at + 1],
            (port->pending_count - at) * sizeof port->pending[0]);
}

/* An order that the session entered before the blotter began may still trade or be cancelled. */
static bool is_earlier(struct blotter *blotter, uint32_t session, uint32_t user_ref) {
    if (user_ref >= blotter->ports[session].first_ref) return false;
    blotter->counts.earlier++;
    return true;
}

/* pending_answer ends the oldest message of the kind and order, if there is one, at now_ns. */
static bool pending_answer(struct blotter *blotter, uint32_t order, enum pending_kind kind,
                           uint64_t now_ns) {
    struct port *port = &blotter->ports[blotter->orders[order].session];
    for (uint32_t i = 0; i < port->pending_count; i++) {
        if (port->pending[i].order != order || port->pending[i].kind != kind) continue;
        histogram_add(&blotter->counts.rtt, now_ns - port->pending[i].sent_ns);
        pending_remove(port, i);
        return true;
    }
    return false;
}

/* order_die ends an order, and with it all that is on its way to it and will not be answered. */
static void order_die(struct blotter *blotter, uint32_t number) {
    struct order *order = &blotter->orders[number];
    struct port *port = &blotter->ports[order->session];
    order->state = ORDER_DEAD;
    for (uint32_t i = 0; i < port->pending_count;) {
        uint32_t concerned = port->pending[i].order;
        bool cancels = port->pending[i].kind == PENDING_CANCEL && concerned == number;
        bool replaces = port->pending[i].kind == PENDING_REPLACE &&
                        blotter->orders[concerned].previous == number;
        if (!cancels && !replaces) {
            i++;
            continue;
        }
        pending_remove(port, i);
        blotter->counts.overtaken++;
        if (replaces) {
            order_die(blotter, concerned); /* it may end messages before i too */
            i = 0;
        }
    }
}

static int on_accepted(struct blotter *blotter, uint32_t session,
                       const struct ouch_accepted *accepted, uint64_t now_ns) {
    uint32_t number = order_of(blotter, session, accepted->user_ref);
    if (number == 0 || !pending_answer(blotter, number, PENDING_NEW, now_ns))
        return answer_error(session, accepted->user_ref, "accepted, but no such order waits");
    struct order *order = &blotter->orders[number];
    order->state = ORDER_LIVE;
    order->leaves = accepted->quantity;
    blotter->counts.accepted++;
    if (accepted->state == OUCH_STATE_DEAD) {
        order->leaves = 0;
        order_die(blotter, number);
    }
    return 0;
}

static int on_replaced(struct blotter *blotter, uint32_t session,
                       const struct ouch_replaced *replaced, uint64_t now_ns) {
    uint32_t number = order_of(blotter, session, replaced->user_ref);
    uint32_t old = order_of(blotter, session, replaced->orig_user_ref);
    if (number == 0 || old == 0 || blotter->orders[number].previous != old ||
        blotter->orders[old].state != ORDER_LIVE ||
        !pending_answer(blotter, number, PENDING_REPLACE, now_ns))
        return answer_error(session, replaced->user_ref, "replaced, but no such replace waits");
    struct order *order = &blotter->orders[number];
    order->state = ORDER_LIVE;
    order->executed = blotter->orders[old].executed;
    order->leaves = replaced->quantity;
    blotter->orders[old].leaves = 0;
    blotter->counts.replaced++;
    order_die(blotter, old);
    if (order->leaves == 0 || replaced->state == OUCH_STATE_DEAD) {
        order->leaves = 0;
        order_die(blotter, number);
    }
    return 0;
}

static int on_canceled(struct blotter *blotter, uint32_t session, uint32_t user_ref,
                       uint32_t quantity, bool by_user, uint64_t now_ns) {
    if (is_earlier(blotter, session, user_ref)) return 0;
    uint32_t number = order_of(blotter, session, user_ref);
    if (number == 0) return answer_error(session, user_ref, "cancelled, but not an order of ours");
    /* A replace to no more than has executed ends the order it replaces. */
    if (blotter->orders[number].state == ORDER_SENT && blotter->orders[number].previous != 0) {
        (void)pending_answer(blotter, number, PENDING_REPLACE, now_ns);
        uint32_t old = blotter->orders[number].previous;
        order_die(blotter, number);
        number = old;
    }
    struct order *order = &blotter->orders[number];
    if (order->state != ORDER_LIVE)
        return answer_error(session, user_ref, "cancelled, but the order is not live");
    if (quantity > order->leaves)
        return answer_error(session, user_ref, "more shares cancelled than are open");
    if (by_user) (void)pending_answer(blotter, number, PENDING_CANCEL, now_ns);
    order->leaves -= quantity;
    blotter->counts.canceled++;
    blotter->counts.canceled_shares += quantity;
    if (order->leaves == 0) order_die(blotter, number);
    return 0;
}

static int on_rejected(struct blotter *blotter, uint32_t session,
                       const struct ouch_rejected *rejected, uint64_t now_ns) {
    uint32_t number = order_of(blotter, session, rejected->user_ref);
    if (number == 0)
        return answer_error(session, rejected->user_ref, "rejected, but not an order of ours");
    bool entered = pending_answer(blotter, number, PENDING_NEW, now_ns) ||
                   pending_answer(blotter, number, PENDING_REPLACE, now_ns);
    if (!entered && !pending_answer(blotter, number, PENDING_CANCEL, now_ns))
        return answer_error(session, rejected->user_ref, "rejected, but nothing waits");
    blotter->counts.rejected++;
    blotter->counts.rejects[rejected->reason < BLOTTER_REJECTS ? rejected->reason : 0]++;
    if (entered) order_die(blotter, number);
    return 0;
}

/* ---- trades ---------------------------------------------------------------------------------- */

static void trade_count(struct blotter *blotter, const struct half *taker,
                        const struct half *maker) {
    if (taker->named == 0) return;
    blotter->counts.makers_named++;
    if (taker->named == maker->id) blotter->counts.makers_right++;
}

/* half_remove frees a place and moves back what was put behind it for want of it. */
static void half_remove(struct blotter *blotter, uint64_t at) {
    uint64_t next = at;
    for (;;) {
        next = (next + 1) & blotter->mask;
        if (blotter->halves[next].match == 0) break;
        uint64_t home = hash_mix(blotter->halves[next].match) & blotter->mask;
        if (((next - home) & blotter->mask) < ((next - at) & blotter->mask)) continue;
        blotter->halves[at] = blotter->halves[next];
        at = next;
    }
    blotter->halves[at].match = 0;
    blotter->halves_count--;
}

/* half_meet joins one side of a trade with the other, or keeps it until that comes. */
static int half_meet(struct blotter *blotter, uint32_t session, uint32_t user_ref,
                     const struct half *half) {
    uint64_t at = hash_mix(half->match) & blotter->mask;
    while (blotter->halves[at].match != 0 && blotter->halves[at].match != half->match)
        at = (at + 1) & blotter->mask;
    struct half *other = &blotter->halves[at];
    if (other->match == 0) {
        if (blotter->halves_count > blotter->settings.rows_max)
            return answer_error(session, user_ref, "more trades than orders could make");
        *other = *half;
        blotter->halves_count++;
        blotter->counts.fills++;
        blotter->counts.shares += half->quantity;
        return 0;
    }
    if (other->quantity != half->quantity || other->price_e4 != half->price_e4 ||
        other->crossed != half->crossed || (!half->crossed && other->took == half->took))
        return answer_error(session, user_ref, "the two sides of the trade do not fit");
    if (!half->crossed) trade_count(blotter, half->took ? half : other, half->took ? other : half);
    half_remove(blotter, at);
    return 0;
}

static int on_executed(struct blotter *blotter, uint32_t session,
                       const struct ouch_executed *executed) {
    if (is_earlier(blotter, session, executed->user_ref)) return 0;
    uint32_t number = order_of(blotter, session, executed->user_ref);
    struct order *order = &blotter->orders[number];
    if (number == 0 || order->state != ORDER_LIVE)
        return answer_error(session, executed->user_ref, "executed, but the order is not live");
    if (executed->quantity > order->leaves)
        return answer_error(session, executed->user_ref, "more shares executed than are open");
    if (executed->match == 0)
        return answer_error(session, executed->user_ref, "executed with match number 0");
    order->leaves -= executed->quantity;
    order->executed += executed->quantity;
    blotter->counts.executed++;
    struct half half = { .match = executed->match,
                         .price_e4 = executed->price_e4,
                         .id = order->id,
                         .named = order->named,
                         .quantity = executed->quantity,
                         .took = executed->liquidity == 'R',
                         .crossed = executed->liquidity == 'O' };
    if (order->leaves == 0) order_die(blotter, number);
    return half_meet(blotter, session, executed->user_ref, &half);
}

int blotter_answer(struct blotter *blotter, uint32_t session, const struct ouch_message *message,
                   uint64_t now_ns) {
    CHECK(session < blotter->settings.sessions);
    switch (message->kind) {
    case OUCH_ACCEPTED:
        return on_accepted(blotter, session, &message->accepted, now_ns);
    case OUCH_REPLACED:
        return on_replaced(blotter, session, &message->replaced, now_ns);
    case OUCH_CANCELED:
        return on_canceled(blotter, session, message->canceled.user_ref, message->canceled.quantity,
                           message->canceled.reason == OUCH_CANCEL_USER, now_ns);
    case OUCH_AIQ_CANCELED:
        return on_canceled(blotter, session, message->aiq_canceled.user_ref,
                           message->aiq_canceled.quantity, false, now_ns);
    case OUCH_EXECUTED:
        return on_executed(blotter, session, &message->executed);
    case OUCH_REJECTED:
        return on_rejected(blotter, session, &message->rejected, now_ns);
    default: /* nothing that changes what an order has left */
        return 0;
    }
}

/* ---- questions ------------------------------------------------------------------------------- */

uint32_t blotter_pending(const struct blotter *blotter, uint32_t session) {
    return blotter->ports[session].pending_count;
}

uint64_t blotter_oldest(const struct blotter *blotter, uint32_t session, uint32_t *user_ref) {
    const struct port *port = &blotter->ports[session];
    CHECK(port->pending_count > 0);
    *user_ref = blotter->orders[port->pending[0].order].user_ref;
    return port->pending[0].sent_ns;
}

uint64_t blotter_one_sided(const struct blotter *blotter) { return blotter->halves_count; }

const struct blotter_counts *blotter_counts(const struct blotter *blotter) {
    return &blotter->counts;
}

uint64_t blotter_open_shares(const struct blotter *blotter) {
    uint64_t shares = 0;
    for (uint32_t i = 1; i <= blotter->order_count; i++)
        if (blotter->orders[i].state == ORDER_LIVE) shares += blotter->orders[i].leaves;
    return shares;
}
