/* market: a small market for tests of order entry: its configuration, the engine behind it, clients
 * who speak OUCH, and what they were told. */
#ifndef TESTS_UNIT_MARKET_H
#define TESTS_UNIT_MARKET_H

#include "host/engine/engine.h"
#include "host/gateway/entry.h"
#include "host/gateway/setup.h"

/* Sessions of the market: ALICE and ALICE_2 belong to firm F1, BOB to F2. */
enum { ALICE, BOB, ALICE_2, MARKET_SESSIONS };
enum { MARKET_ANSWERS_MAX = 4096, MARKET_QUANTITY_MAX = 1000 };

static const char market_yaml[] =
    "gateway: {listen: 127.0.0.1, port: 0, durability: sync, journal: j, card: soft}\n"
    "symbols:\n"
    "  - {name: ABC, base: '90.00', tick: '0.01', lot: 1, reference: '90.32', collar: 63, state: "
    "open}\n"
    "  - {name: LOTS, base: '5', tick: '0.05', lot: 100, reference: '5', collar: 10, state: open}\n"
    "  - {name: SHUT, base: '5', tick: '0.05', lot: 1, reference: '5', collar: 10, state: closed}\n"
    "  - {name: HALT, base: '5', tick: '0.05', lot: 1, reference: '5', collar: 10, state: halted}\n"
    "firms:\n"
    "  - {name: f1, ouch_firm: F1}\n"
    "  - {name: f2, ouch_firm: F2}\n"
    "accounts:\n"
    "  - {name: a1, firm: f1, currency: USD, order_quantity: 1000, order_notional: '100000',\n"
    "     buying_power: '1000000', long: 5000, short: 5000, locate: 5000}\n"
    "  - {name: a2, firm: f2, currency: USD, order_quantity: 1000, order_notional: '100000',\n"
    "     buying_power: '1000000', long: 5000, short: 5000, locate: 5000,\n"
    "     positions: [{symbol: ABC, long: 4000, short: 4000, locate: 3000}]}\n"
    "  - {name: a3, ouch_firm: A3, firm: f1, currency: USD, order_quantity: 5, order_notional: "
    "'100000',\n"
    "     buying_power: '1000000', long: 5000, short: 5000, locate: 5000}\n"
    "sessions:\n"
    "  - {username: alice, password: pa, firm: f1, account: a1, cancel_on_disconnect: false}\n"
    "  - {username: bob, password: pb, firm: f2, account: a2, cancel_on_disconnect: true}\n"
    "  - {username: alice2, password: pc, firm: f1, account: a1, cancel_on_disconnect: false}\n";

static const struct card_size market_size = {
    .symbols = 4, .accounts = 8, .orders = 64, .levels = 64
};

/* ---- Messages as a client makes them ---- */

static inline struct ouch_message market_enter(uint32_t user_ref, char side, uint32_t quantity,
                                               const char *symbol, uint32_t price_e4) {
    struct ouch_message message = { .kind = OUCH_ENTER_ORDER };
    message.enter_order = (struct ouch_enter_order){ .user_ref = user_ref,
                                                     .side = side,
                                                     .quantity = quantity,
                                                     .price_e4 = price_e4,
                                                     .tif = OUCH_TIF_DAY,
                                                     .display = OUCH_DISPLAY_VISIBLE,
                                                     .capacity = OUCH_CAPACITY_PRINCIPAL,
                                                     .sweep = OUCH_YES_NO,
                                                     .cross = OUCH_CROSS_CONTINUOUS };
    ouch_field_put(message.enter_order.symbol, 8, symbol);
    ouch_field_put(message.enter_order.client_order_id, 14, "client's name");
    return message;
}

static inline struct ouch_message market_replace(uint32_t orig_user_ref, uint32_t user_ref,
                                                 uint32_t quantity, uint32_t price_e4) {
    struct ouch_message message = { .kind = OUCH_REPLACE_ORDER };
    message.replace_order = (struct ouch_replace_order){ .orig_user_ref = orig_user_ref,
                                                         .user_ref = user_ref,
                                                         .quantity = quantity,
                                                         .price_e4 = price_e4,
                                                         .tif = OUCH_TIF_DAY,
                                                         .display = OUCH_DISPLAY_VISIBLE,
                                                         .sweep = OUCH_YES_NO };
    ouch_field_put(message.replace_order.client_order_id, 14, "replaced");
    return message;
}

static inline struct ouch_message market_cancel(uint32_t user_ref, uint32_t quantity) {
    struct ouch_message message = { .kind = OUCH_CANCEL_ORDER };
    message.cancel_order = (struct ouch_cancel_order){ .user_ref = user_ref, .quantity = quantity };
    return message;
}

static inline struct ouch_message market_query(void) {
    return (struct ouch_message){ .kind = OUCH_ACCOUNT_QUERY };
}

#endif /* TESTS_UNIT_MARKET_H */
