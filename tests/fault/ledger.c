#include "tests/fault/ledger.h"
#include "host/base/check.h"
#include "host/base/err.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void ledger_open(struct ledger *ledger) { *ledger = (struct ledger){ .next_ref = 1 }; }

void ledger_close(struct ledger *ledger) {
    free(ledger->orders);
    *ledger = (struct ledger){ .next_ref = 1 };
}

static struct ledger_order *find(const struct ledger *ledger, uint32_t user_ref) {
    if (user_ref == 0 || user_ref >= ledger->room) return NULL;
    struct ledger_order *order = &ledger->orders[user_ref];
    return order->state == LEDGER_FREE ? NULL : order;
}

const struct ledger_order *ledger_find(const struct ledger *ledger, uint32_t user_ref) {
    return find(ledger, user_ref);
}

static struct ledger_order *place(struct ledger *ledger, uint32_t user_ref) {
    if (user_ref >= ledger->room) {
        uint32_t room = 2 * user_ref + 1024;
        ledger->orders = realloc(ledger->orders, room * sizeof *ledger->orders);
        CHECK(ledger->orders != NULL);
        memset(ledger->orders + ledger->room, 0, (room - ledger->room) * sizeof *ledger->orders);
        ledger->room = room;
    }
    return &ledger->orders[user_ref];
}

void ledger_asked(struct ledger *ledger, const struct ouch_message *message) {
    struct ledger_order *order = place(ledger, ledger->next_ref);
    CHECK(order->state == LEDGER_FREE);
    order->state = LEDGER_ASKED;
    if (message->kind == OUCH_ENTER_ORDER) {
        const struct ouch_enter_order *enter = &message->enter_order;
        CHECK(enter->user_ref == ledger->next_ref);
        order->side = enter->side;
        order->tif = enter->tif;
        order->previous = 0;
        order->price_e4 = (uint32_t)enter->price_e4;
        order->total = enter->quantity;
        memcpy(order->symbol, enter->symbol, sizeof order->symbol);
        memcpy(order->client_order_id, enter->client_order_id, sizeof order->client_order_id);
        ledger->waiting++;
        ledger->entered++;
    } else {
        const struct ouch_replace_order *replace = &message->replace_order;
        CHECK(message->kind == OUCH_REPLACE_ORDER);
        CHECK(replace->user_ref == ledger->next_ref);
        const struct ledger_order *old = find(ledger, replace->orig_user_ref);
        CHECK(old != NULL);
        order->side = old->side;
        order->tif = replace->tif;
        order->previous = replace->orig_user_ref;
        order->price_e4 = (uint32_t)replace->price_e4;
        order->total = replace->quantity;
        memcpy(order->symbol, old->symbol, sizeof order->symbol);
        memcpy(order->client_order_id, replace->client_order_id, sizeof order->client_order_id);
    }
    order->executed = order->leaves = 0;
    ledger->next_ref++;
}

/* ---- What is told ---- */

static int wrong(uint32_t user_ref, const char *what) {
    return err_set(-EPROTO, "reference %u: %s", user_ref, what);
}

static void end(struct ledger *ledger, struct ledger_order *order) {
    order->state = LEDGER_DONE;
    order->leaves = 0;
    ledger->live--;
}

static void begin(struct ledger *ledger, struct ledger_order *order, uint32_t leaves) {
    order->state = LEDGER_LIVE;
    order->leaves = leaves;
    ledger->live++;
}

static int told_accepted(struct ledger *ledger, const struct ouch_accepted *accepted) {
    struct ledger_order *order = find(ledger, accepted->user_ref);
    if (order == NULL) return wrong(accepted->user_ref, "accepted, and nobody asked for it");
    if (order->state != LEDGER_ASKED) return wrong(accepted->user_ref, "accepted again");
    if (order->previous != 0) return wrong(accepted->user_ref, "accepted, and is a replacement");
    if (order->side != accepted->side || order->total != accepted->quantity ||
        order->price_e4 != accepted->price_e4 || order->tif != accepted->tif ||
        memcmp(order->symbol, accepted->symbol, sizeof order->symbol) != 0 ||
        memcmp(order->client_order_id, accepted->client_order_id, sizeof order->client_order_id) !=
            0)
        return wrong(accepted->user_ref, "accepted as another than the one that was asked for");
    begin(ledger, order, accepted->quantity);
    ledger->waiting--;
    ledger->accepted++;
    return 0;
}

static int told_replaced(struct ledger *ledger, const struct ouch_replaced *replaced) {
    struct ledger_order *order = find(ledger, replaced->user_ref);
    struct ledger_order *old = find(ledger, replaced->orig_user_ref);
    if (order == NULL || order->state != LEDGER_ASKED || order->previous != replaced->orig_user_ref)
        return wrong(replaced->user_ref, "put in another's place, and nobody asked for that");
    if (old == NULL || old->state != LEDGER_LIVE)
        return wrong(replaced->user_ref, "put in the place of an order that is not live");
    if (order->total <= old->executed || replaced->quantity != order->total - old->executed)
        return wrong(replaced->user_ref, "replaced with another quantity than its chain leaves");
    if (order->side != replaced->side || order->price_e4 != replaced->price_e4)
        return wrong(replaced->user_ref, "replaced by another than was asked for");
    order->executed = old->executed;
    end(ledger, old);
    begin(ledger, order, replaced->quantity);
    ledger->replaced++;
    return 0;
}

static int told_canceled(struct ledger *ledger, const struct ouch_canceled *canceled) {
    struct ledger_order *order = find(ledger, canceled->user_ref);
    if (order == NULL || order->state != LEDGER_LIVE)
        return wrong(canceled->user_ref, "cancelled, and is not live");
    if (canceled->quantity == 0 || canceled->quantity > order->leaves)
        return wrong(canceled->user_ref, "cancelled by more than it has left");
    order->leaves -= canceled->quantity;
    order->total -= canceled->quantity;
    ledger->canceled++;
    if (order->leaves == 0) end(ledger, order);
    return 0;
}

static int told_executed(struct ledger *ledger, const struct ouch_executed *executed) {
    struct ledger_order *order = find(ledger, executed->user_ref);
    if (order == NULL || order->state != LEDGER_LIVE)
        return wrong(executed->user_ref, "executed, and is not live");
    if (executed->quantity > order->leaves)
        return wrong(executed->user_ref, "executed for more than it has left");
    bool better = order->side == OUCH_SIDE_BUY ? executed->price_e4 <= order->price_e4
                                               : executed->price_e4 >= order->price_e4;
    if (!better) return wrong(executed->user_ref, "executed beyond its limit");
    if (executed->liquidity == 'A' && executed->price_e4 != order->price_e4)
        return wrong(executed->user_ref, "rested, and executed at another price than its own");
    order->leaves -= executed->quantity;
    order->executed += executed->quantity;
    ledger->executed++;
    if (order->leaves == 0) end(ledger, order);
    return 0;
}

static int told_rejected(struct ledger *ledger, const struct ouch_rejected *rejected) {
    struct ledger_order *order = find(ledger, rejected->user_ref);
    if (order == NULL || order->state != LEDGER_ASKED)
        return wrong(rejected->user_ref, "rejected, and nothing was asked that waits");
    order->state = LEDGER_REFUSED;
    if (order->previous == 0) ledger->waiting--;
    ledger->rejected++;
    return 0;
}

int ledger_told(struct ledger *ledger, const struct ouch_message *message) {
    switch (message->kind) {
    case OUCH_ACCEPTED:
        return told_accepted(ledger, &message->accepted);
    case OUCH_REPLACED:
        return told_replaced(ledger, &message->replaced);
    case OUCH_CANCELED:
        return told_canceled(ledger, &message->canceled);
    case OUCH_EXECUTED:
        return told_executed(ledger, &message->executed);
    case OUCH_REJECTED:
        return told_rejected(ledger, &message->rejected);
    case OUCH_ACCOUNT_QUERY_RESPONSE:
        return 0;
    default:
        return err_set(-EPROTO, "a message of kind %s, which nobody asked for",
                       ouch_kind_name(message->kind));
    }
}

int ledger_next(struct ledger *ledger, uint32_t next_ref) {
    if (next_ref == 0 || next_ref > ledger->next_ref)
        return err_set(-EPROTO, "the next reference is %u, and only those below %u were used",
                       next_ref, ledger->next_ref);
    for (uint32_t ref = 1; ref < ledger->next_ref; ref++) {
        struct ledger_order *order = &ledger->orders[ref];
        if (order->state == LEDGER_ASKED) {
            if (ref < next_ref && order->previous == 0)
                return wrong(ref, "taken by the gateway, and nothing was ever told of it");
            if (order->previous == 0) ledger->waiting--;
            order->state = ref < next_ref ? LEDGER_SILENT : LEDGER_FREE;
        } else if (ref >= next_ref && order->state == LEDGER_SILENT) {
            order->state = LEDGER_FREE;
        } else if (ref >= next_ref && order->state != LEDGER_FREE) {
            return wrong(ref, "was told of, and is offered for use again");
        }
    }
    ledger->next_ref = next_ref;
    return 0;
}
