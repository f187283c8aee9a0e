/* test_entry: what becomes of OUCH requests, over the reference engine. */
#include "host/base/random.h"
#include "tests/unit/market.h"
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <errno.h>
#include <stdlib.h>

enum { PRICE = 900100, EVENTS_MAX = 256 };

struct told {
    uint16_t session;
    struct ouch_message message;
};

static struct config config;
static struct setup setup;
static struct engine *engine;
static struct entry *entry;
static struct told told[MARKET_ANSWERS_MAX];
static unsigned told_count, told_next;
static struct event events[EVENTS_MAX];
static uint32_t event_count;
static uint64_t now_ns;

/* ---- The market's machinery ---- */

static void keep_event(void *context, const struct event *event) {
    (void)context;
    assert_true(event_count < EVENTS_MAX);
    events[event_count++] = *event;
}

static void keep_answer(void *context, uint16_t session, const uint8_t *bytes, size_t count) {
    struct ouch_fault fault;
    (void)context;
    assert_true(told_count < MARKET_ANSWERS_MAX);
    told[told_count].session = session;
    /* Tags point into bytes that are gone after this; tests look at them here only. */
    assert_int_equal(ouch_decode(OUCH_OUT, bytes, count, &told[told_count].message, &fault), 0);
    told_count++;
}

static int open_market(void **state) {
    (void)state;
    assert_int_equal(
        config_parse("market", (const uint8_t *)market_yaml, sizeof market_yaml - 1, &config), 0);
    assert_int_equal(setup_make(&config, &market_size, &setup), 0);
    engine = engine_new(&market_size);
    entry = entry_new(&config, &market_size, 1);
    told_count = told_next = 0;
    now_ns = UINT64_C(86400) * 1000000000 * 3;
    for (uint32_t i = 0; i < setup.count; i++) {
        event_count = 0;
        engine_apply(engine, &setup.commands[i], false, keep_event, NULL);
        if (events[0].kind == KIND_REJECTED)
            fail_msg("%s", abi_command_text(&setup.commands[i], (char[ABI_TEXT_BYTES]){ 0 }));
    }
    return 0;
}

static int close_market(void **state) {
    (void)state;
    orders_check(entry_orders(entry));
    engine_check(engine);
    engine_delete(engine);
    entry_delete(entry);
    setup_free(&setup);
    config_free(&config);
    return 0;
}

static int ask_bytes(uint16_t session, const uint8_t *bytes, size_t count,
                     struct entry_request *request) {
    return entry_message(entry, session, bytes, count, ++now_ns, request);
}

static int ask(uint16_t session, struct ouch_message message, struct entry_request *request) {
    uint8_t bytes[OUCH_BYTES_MAX];
    int count = ouch_encode(&message, bytes, sizeof bytes);
    assert_true(count > 0);
    return ask_bytes(session, bytes, (size_t)count, request);
}

/* Carries out a request and what follows from it. */
static void carry_out(struct entry_request *request) {
    struct entry_request follow_up;
    event_count = 0;
    request->command.stamp_ns = ++now_ns;
    if (request->header.action == ENTRY_COMMAND)
        engine_apply(engine, &request->command, false, keep_event, NULL);
    if (entry_complete(entry, request, events, event_count, keep_answer, NULL, &follow_up))
        carry_out(&follow_up);
}

static void send(uint16_t session, struct ouch_message message) {
    struct entry_request request;
    if (ask(session, message, &request) > 0) carry_out(&request);
}

static void administer(struct command command) {
    struct entry_request request = { .command = command };
    request.header.action = ENTRY_COMMAND;
    request.header.origin = ENTRY_ADMINISTRATION;
    carry_out(&request);
}

/* The next answer, which is of this kind and for this session. */
static const struct ouch_message *hear(uint16_t session, enum ouch_kind kind) {
    assert_true(told_next < told_count);
    const struct told *next = &told[told_next++];
    assert_string_equal(ouch_kind_name(next->message.kind), ouch_kind_name(kind));
    assert_int_equal(next->session, session);
    return &next->message;
}

static void hear_nothing(void) { assert_int_equal(told_next, told_count); }

static void hear_rejected(uint16_t session, uint32_t user_ref, enum ouch_reject reason) {
    const struct ouch_message *message = hear(session, OUCH_REJECTED);
    assert_int_equal(message->rejected.user_ref, user_ref);
    assert_string_equal(ouch_reject_name(message->rejected.reason), ouch_reject_name(reason));
    hear_nothing();
}

static void hear_canceled(uint16_t session, uint32_t user_ref, uint32_t quantity, char reason) {
    const struct ouch_message *message = hear(session, OUCH_CANCELED);
    assert_int_equal(message->canceled.user_ref, user_ref);
    assert_int_equal(message->canceled.quantity, quantity);
    assert_int_equal(message->canceled.reason, reason);
}

/* The session's next UserRefNum, as an Account Query says it. */
static uint32_t next_reference(uint16_t session) {
    send(session, market_query());
    return hear(session, OUCH_ACCOUNT_QUERY_RESPONSE)->account_query_response.next_user_ref;
}

/* ---- Enter ---- */

static void an_order_is_accepted_as_it_was_entered(void **state) {
    (void)state;
    send(ALICE, market_enter(7, OUCH_SIDE_SHORT, 100, "ABC", PRICE));
    const struct ouch_accepted *accepted = &hear(ALICE, OUCH_ACCEPTED)->accepted;
    assert_int_equal(accepted->user_ref, 7);
    assert_int_equal(accepted->side, OUCH_SIDE_SHORT);
    assert_int_equal(accepted->quantity, 100);
    assert_memory_equal(accepted->symbol, "ABC     ", 8);
    assert_int_equal(accepted->price_e4, PRICE);
    assert_int_equal(accepted->tif, OUCH_TIF_DAY);
    assert_int_equal(accepted->capacity, OUCH_CAPACITY_PRINCIPAL);
    assert_int_equal(accepted->state, OUCH_STATE_LIVE);
    assert_memory_equal(accepted->client_order_id, "client's name ", 14);
    assert_true(accepted->order_ref > 0);
    assert_int_equal(accepted->time_ns, 2); /* since midnight: asked at 1, carried out at 2 */
    hear_nothing();
}

static void a_trade_is_told_to_both_sides_at_the_makers_price(void **state) {
    (void)state;
    send(ALICE, market_enter(1, OUCH_SIDE_SELL, 100, "ABC", PRICE));
    send(BOB, market_enter(1, OUCH_SIDE_BUY, 30, "ABC", PRICE + 500));
    (void)hear(ALICE, OUCH_ACCEPTED);
    (void)hear(BOB, OUCH_ACCEPTED);
    const struct ouch_executed maker = hear(ALICE, OUCH_EXECUTED)->executed;
    const struct ouch_executed taker = hear(BOB, OUCH_EXECUTED)->executed;
    assert_int_equal(maker.liquidity, 'A');
    assert_int_equal(taker.liquidity, 'R');
    assert_int_equal(maker.match, taker.match);
    assert_int_equal(maker.quantity, 30);
    assert_int_equal(taker.quantity, 30);
    assert_int_equal(maker.price_e4, PRICE);
    assert_int_equal(taker.price_e4, PRICE);
    hear_nothing();
    /* Bob's order is dead: a cancel of it is not answered; Alice's lives with 70. */
    send(BOB, market_cancel(1, 0));
    hear_nothing();
    send(ALICE, market_cancel(1, 0));
    hear_canceled(ALICE, 1, 70, OUCH_CANCEL_USER);
}

static void what_an_ioc_cannot_trade_is_cancelled(void **state) {
    (void)state;
    send(ALICE, market_enter(1, OUCH_SIDE_SELL, 10, "ABC", PRICE));
    struct ouch_message ioc = market_enter(1, OUCH_SIDE_BUY, 25, "ABC", PRICE);
    ioc.enter_order.tif = OUCH_TIF_IOC;
    send(BOB, ioc);
    (void)hear(ALICE, OUCH_ACCEPTED);
    assert_int_equal(hear(BOB, OUCH_ACCEPTED)->accepted.tif, OUCH_TIF_IOC);
    (void)hear(ALICE, OUCH_EXECUTED);
    (void)hear(BOB, OUCH_EXECUTED);
    hear_canceled(BOB, 1, 15, OUCH_CANCEL_IOC);
    hear_nothing();
    assert_int_equal(orders_free(entry_orders(entry)), market_size.orders);
}

struct refusal {
    const char *why;
    enum ouch_reject reason;
    struct ouch_message message;
};

static void orders_are_refused_with_the_protocols_reason(void **state) {
    (void)state;
    /* clang-format off */
    struct refusal row[] = {
        { "unknown symbol",        OUCH_REJECT_INVALID_SYMBOL,        market_enter(1, 'B', 100, "XYZ", PRICE) },
        { "off its tick",          OUCH_REJECT_INVALID_PRICE,         market_enter(1, 'B', 100, "ABC", PRICE + 1) },
        { "below the band",        OUCH_REJECT_INVALID_PRICE,         market_enter(1, 'B', 100, "ABC", 899900) },
        { "above the band",        OUCH_REJECT_INVALID_PRICE,         market_enter(1, 'B', 100, "ABC", 906400) },
        { "odd lot",               OUCH_REJECT_INVALID_QUANTITY,      market_enter(1, 'B', 150, "LOTS", 50000) },
        { "beyond the collar",     OUCH_REJECT_RISK_FAT_FINGER,       market_enter(1, 'B', 100, "LOTS", 55500) },
        { "closed",                OUCH_REJECT_DESTINATION_CLOSED,    market_enter(1, 'B', 100, "SHUT", 50000) },
        { "halted",                OUCH_REJECT_HALTED,                market_enter(1, 'B', 100, "HALT", 50000) },
        { "order quantity",        OUCH_REJECT_RISK_MAX_QUANTITY,     market_enter(1, 'B', 1001, "ABC", PRICE) },
        { "no quantity",           OUCH_REJECT_INVALID_QUANTITY,      market_enter(1, 'B', 0, "ABC", PRICE) },
        { "no side",               OUCH_REJECT_INVALID_SIDE,          market_enter(1, 'Q', 1, "ABC", PRICE) },
        { "no price",              OUCH_REJECT_INVALID_PRICE,         market_enter(1, 'B', 1, "ABC", 0) },
        { "market order",          OUCH_REJECT_RISK_MARKET_NOT_ALLOWED, market_enter(1, 'B', 1, "ABC", OUCH_PRICE_MARKET_E4) },
        { "extended hours",        OUCH_REJECT_OTHER,                 market_enter(1, 'B', 1, "ABC", PRICE) },
        { "hidden",                OUCH_REJECT_INVALID_DISPLAY,       market_enter(1, 'B', 1, "ABC", PRICE) },
        { "intermarket sweep",     OUCH_REJECT_ISO_NOT_ALLOWED,       market_enter(1, 'B', 1, "ABC", PRICE) },
        { "opening cross",         OUCH_REJECT_INVALID_CROSS,         market_enter(1, 'B', 1, "ABC", PRICE) },
    };
    /* clang-format on */
    row[13].message.enter_order.tif = OUCH_TIF_EXTENDED;
    row[14].message.enter_order.display = OUCH_DISPLAY_HIDDEN;
    row[15].message.enter_order.sweep = OUCH_YES_YES;
    row[16].message.enter_order.cross = OUCH_CROSS_OPENING;
    for (uint32_t i = 0; i < sizeof row / sizeof *row; i++) {
        print_message("%s\n", row[i].why);
        row[i].message.enter_order.user_ref = i + 1;
        send(ALICE, row[i].message);
        hear_rejected(ALICE, i + 1, row[i].reason);
        assert_int_equal(next_reference(ALICE), i + 2); /* a rejected reference is used up */
    }
    /* The edges that pass: band, collar, quantity, lot. */
    uint32_t ref = sizeof row / sizeof *row + 1;
    send(ALICE, market_enter(ref, 'B', 1000, "ABC", 900000));
    (void)hear(ALICE, OUCH_ACCEPTED);
    send(ALICE, market_enter(ref + 1, 'S', 1, "ABC", 906300));
    (void)hear(ALICE, OUCH_ACCEPTED);
    send(ALICE, market_enter(ref + 2, 'S', 200, "LOTS", 55000));
    (void)hear(ALICE, OUCH_ACCEPTED);
    hear_nothing();
}

static void options_that_are_not_offered_are_refused(void **state) {
    (void)state;
    static const struct {
        enum ouch_tag_number tag;
        uint64_t value;
        enum ouch_reject reason; /* 0: taken */
    } row[] = {
        { OUCH_TAG_MIN_QUANTITY, 100, OUCH_REJECT_INVALID_MIN_QUANTITY },
        { OUCH_TAG_MIN_QUANTITY, 0, 0 },
        { OUCH_TAG_MAX_FLOOR, 10, OUCH_REJECT_INVALID_MAX_FLOOR },
        { OUCH_TAG_PRICE_TYPE, OUCH_PRICE_TYPE_MIDPOINT, OUCH_REJECT_PEGGING_NOT_ALLOWED },
        { OUCH_TAG_PRICE_TYPE, OUCH_PRICE_TYPE_LIMIT, 0 },
        { OUCH_TAG_PEG_OFFSET, 1, OUCH_REJECT_PEGGING_NOT_ALLOWED },
        { OUCH_TAG_DISCRETION_PRICE, PRICE, OUCH_REJECT_PEGGING_NOT_ALLOWED },
        { OUCH_TAG_POST_ONLY, OUCH_POST_ONLY_POST_ONLY, OUCH_REJECT_OTHER },
        { OUCH_TAG_POST_ONLY, OUCH_POST_ONLY_NO, 0 },
        { OUCH_TAG_EXPIRE_TIME, 60, OUCH_REJECT_OTHER },
        { OUCH_TAG_TRADE_NOW, OUCH_YES_YES, OUCH_REJECT_OTHER },
        { OUCH_TAG_HANDLING, OUCH_HANDLING_RETAIL_1, OUCH_REJECT_RETAIL_NOT_ALLOWED },
        { OUCH_TAG_USER_REF_INDEX, 1, OUCH_REJECT_OTHER },
        { OUCH_TAG_GROUP_ID, 9, 0 },
        { OUCH_TAG_SHARES_LOCATED, OUCH_YES_YES, 0 },
    };
    for (uint32_t i = 0; i < sizeof row / sizeof *row; i++) {
        uint8_t tags[16];
        struct ouch_message message = market_enter(i + 1, 'B', 1, "ABC", PRICE);
        message.tags = (struct ouch_tags){ tags, ouch_tag_encode(tags, row[i].tag, row[i].value) };
        send(ALICE, message);
        if (row[i].reason != 0) {
            hear_rejected(ALICE, i + 1, row[i].reason);
        } else {
            (void)hear(ALICE, OUCH_ACCEPTED);
            hear_nothing();
        }
    }
}

static void the_firm_tag_chooses_among_the_firms_accounts(void **state) {
    (void)state;
    static const struct {
        const char *firm;
        uint32_t quantity;
        enum ouch_reject reason;
    } row[] = {
        { "F1", 6, 0 },
        { "", 6, 0 },
        { "A3", 6, OUCH_REJECT_RISK_MAX_QUANTITY }, /* that account's limit is 5 */
        { "A3", 5, 0 },
        { "F2", 6, OUCH_REJECT_FIRM_NOT_AUTHORIZED },
        { "NONE", 6, OUCH_REJECT_FIRM_NOT_AUTHORIZED },
    };
    for (uint32_t i = 0; i < sizeof row / sizeof *row; i++) {
        uint8_t tags[16];
        struct ouch_message message = market_enter(i + 1, 'B', row[i].quantity, "ABC", PRICE);
        message.tags =
            (struct ouch_tags){ tags, ouch_tag_encode_text(tags, OUCH_TAG_FIRM, row[i].firm) };
        send(ALICE, message);
        if (row[i].reason != 0)
            hear_rejected(ALICE, i + 1, row[i].reason);
        else
            (void)hear(ALICE, OUCH_ACCEPTED);
    }
}

static void a_reference_that_does_not_rise_is_a_retransmission(void **state) {
    (void)state;
    send(ALICE, market_enter(5, 'B', 1, "ABC", PRICE));
    (void)hear(ALICE, OUCH_ACCEPTED);
    send(ALICE, market_enter(5, 'B', 1, "ABC", PRICE));
    send(ALICE, market_enter(4, 'B', 1, "ABC", PRICE));
    send(ALICE, market_enter(0, 'B', 1, "ABC", PRICE));
    hear_nothing();
    send(ALICE, market_enter(6, 'B', 1, "ABC", PRICE));
    (void)hear(ALICE, OUCH_ACCEPTED);
    send(BOB, market_enter(1, 'B', 1, "ABC", PRICE)); /* another session counts for itself */
    (void)hear(BOB, OUCH_ACCEPTED);
    send(ALICE, market_enter(UINT32_MAX, 'B', 1, "ABC", PRICE));
    (void)hear(ALICE, OUCH_ACCEPTED);
    hear_nothing();
}

static void a_full_book_refuses_and_takes_again_when_an_order_goes(void **state) {
    (void)state;
    uint32_t slots = market_size.orders;
    for (uint32_t i = 1; i <= slots; i++) {
        send(ALICE, market_enter(i, 'B', 1, "ABC", PRICE));
        (void)hear(ALICE, OUCH_ACCEPTED);
    }
    send(ALICE, market_enter(slots + 1, 'B', 1, "ABC", PRICE));
    hear_rejected(ALICE, slots + 1, OUCH_REJECT_PROCESSING_ERROR);
    send(ALICE, market_replace(3, slots + 2, 2, PRICE)); /* needs no slot */
    (void)hear(ALICE, OUCH_REPLACED);
    send(ALICE, market_cancel(9, 0));
    hear_canceled(ALICE, 9, 1, OUCH_CANCEL_USER);
    send(ALICE, market_enter(slots + 3, 'B', 1, "ABC", PRICE));
    (void)hear(ALICE, OUCH_ACCEPTED);
    hear_nothing();
}

/* ---- Cancel ---- */

static void a_cancel_reduces_to_a_total_and_keeps_the_rest(void **state) {
    (void)state;
    send(ALICE, market_enter(1, 'S', 100, "ABC", PRICE));
    send(BOB, market_enter(1, 'B', 30, "ABC", PRICE));
    told_next = told_count;
    send(ALICE, market_cancel(1, 100)); /* no less than it is: nothing to say */
    send(ALICE, market_cancel(1, 500));
    hear_nothing();
    send(ALICE, market_cancel(1, 50)); /* 30 are executed: 20 stay */
    hear_canceled(ALICE, 1, 50, OUCH_CANCEL_USER);
    send(ALICE, market_cancel(1, 30)); /* no more than executed: it dies */
    hear_canceled(ALICE, 1, 20, OUCH_CANCEL_USER);
    send(ALICE, market_cancel(1, 0));
    send(ALICE, market_cancel(77, 0));
    hear_nothing();
}

static void nobody_cancels_the_order_of_another(void **state) {
    (void)state;
    send(ALICE, market_enter(1, 'S', 100, "ABC", PRICE));
    (void)hear(ALICE, OUCH_ACCEPTED);
    send(BOB, market_cancel(1, 0));
    send(ALICE_2, market_cancel(1, 0));
    send(BOB, market_replace(1, 2, 10, PRICE));
    hear_nothing();
    send(ALICE, market_cancel(1, 0));
    hear_canceled(ALICE, 1, 100, OUCH_CANCEL_USER);
}

/* ---- Replace ---- */

static void a_replacement_counts_what_the_chain_has_executed(void **state) {
    (void)state;
    send(ALICE, market_enter(1, 'S', 100, "ABC", PRICE));
    send(BOB, market_enter(1, 'B', 30, "ABC", PRICE));
    told_next = told_count;
    send(ALICE, market_replace(1, 2, 120, PRICE + 100));
    const struct ouch_replaced *replaced = &hear(ALICE, OUCH_REPLACED)->replaced;
    assert_int_equal(replaced->orig_user_ref, 1);
    assert_int_equal(replaced->user_ref, 2);
    assert_int_equal(replaced->quantity, 90);
    assert_int_equal(replaced->side, OUCH_SIDE_SELL);
    assert_memory_equal(replaced->symbol, "ABC     ", 8);
    assert_memory_equal(replaced->client_order_id, "replaced      ", 14);
    send(ALICE, market_cancel(1, 0)); /* the old reference is dead */
    hear_nothing();
    send(ALICE, market_replace(2, 3, 30, PRICE)); /* no more than it has executed */
    hear_canceled(ALICE, 2, 90, OUCH_CANCEL_USER);
    hear_nothing();
    assert_int_equal(orders_free(entry_orders(entry)), market_size.orders);
}

static void a_replacement_of_a_dead_order_is_silent_and_uses_no_reference(void **state) {
    (void)state;
    send(ALICE, market_enter(1, 'S', 100, "ABC", PRICE));
    send(ALICE, market_cancel(1, 0));
    told_next = told_count;
    send(ALICE, market_replace(1, 2, 50, PRICE));
    send(ALICE, market_replace(40, 2, 50, PRICE));
    hear_nothing();
    assert_int_equal(next_reference(ALICE), 2);
}

static void an_invalid_replacement_takes_the_order_off(void **state) {
    (void)state;
    struct ouch_message row[] = {
        market_replace(0, 0, 0, PRICE),                       /* no shares: seen by the gateway */
        market_replace(0, 0, 10, OUCH_PRICE_MARKET_E4),       /* at the market */
        market_replace(0, 0, 10, PRICE + 1),                  /* off its tick: seen by the engine */
        market_replace(0, 0, MARKET_QUANTITY_MAX + 1, PRICE), /* above the account's limit */
        market_replace(0, 0, 10, 906400),                     /* above the band */
    };
    uint32_t ref = 1;
    for (uint32_t i = 0; i < sizeof row / sizeof *row; i++) {
        send(ALICE, market_enter(ref, 'S', 100, "ABC", PRICE));
        (void)hear(ALICE, OUCH_ACCEPTED);
        row[i].replace_order.orig_user_ref = ref;
        row[i].replace_order.user_ref = ref + 1;
        send(ALICE, row[i]);
        hear_canceled(ALICE, ref, 100, OUCH_CANCEL_SYSTEM);
        hear_nothing();
        assert_int_equal(next_reference(ALICE), ref + 1); /* not used up */
        ref++;
    }
}

static void a_replacement_at_a_closed_gate_is_rejected_and_the_order_stays(void **state) {
    (void)state;
    send(ALICE, market_enter(1, 'S', 100, "ABC", PRICE));
    (void)hear(ALICE, OUCH_ACCEPTED);
    administer((struct command){ .opcode = OPCODE_KILL, .field = TABLE_ENGINE, .mode = MODE_KILL });
    send(ALICE, market_replace(1, 2, 50, PRICE));
    hear_rejected(ALICE, 2, OUCH_REJECT_DESTINATION_CLOSED);
    assert_int_equal(next_reference(ALICE), 3);
    send(ALICE, market_enter(3, 'S', 100, "ABC", PRICE));
    hear_rejected(ALICE, 3, OUCH_REJECT_DESTINATION_CLOSED);
    send(ALICE, market_cancel(1, 0)); /* cancels always work */
    hear_canceled(ALICE, 1, 100, OUCH_CANCEL_USER);
}

/* ---- Without waiting for answers ---- */

static void requests_behind_one_another_find_their_orders(void **state) {
    (void)state;
    static struct entry_request request[3];
    assert_int_equal(ask(ALICE, market_enter(1, 'S', 100, "ABC", PRICE), &request[0]), 1);
    assert_int_equal(ask(ALICE, market_cancel(1, 95), &request[1]), 1);
    assert_int_equal(ask(ALICE, market_replace(1, 2, 90, PRICE), &request[2]), 1);
    for (int i = 0; i < 3; i++) carry_out(&request[i]);
    (void)hear(ALICE, OUCH_ACCEPTED);
    hear_canceled(ALICE, 1, 5, OUCH_CANCEL_USER);
    assert_int_equal(hear(ALICE, OUCH_REPLACED)->replaced.user_ref, 2);
    hear_nothing();
}

static void what_names_a_replacement_waits_until_it_is_known(void **state) {
    (void)state;
    static struct entry_request request[2], waiting;
    assert_int_equal(ask(ALICE, market_enter(1, 'S', 100, "ABC", PRICE), &request[0]), 1);
    assert_int_equal(ask(ALICE, market_replace(1, 2, 90, PRICE), &request[1]), 1);
    assert_int_equal(ask(ALICE, market_replace(2, 3, 80, PRICE), &waiting), -EAGAIN);
    assert_int_equal(ask(ALICE, market_replace(2, 3, 0, PRICE), &waiting), -EAGAIN);
    assert_int_equal(ask(ALICE, market_cancel(2, 0), &waiting), -EAGAIN);
    carry_out(&request[0]);
    assert_int_equal(ask(ALICE, market_cancel(2, 0), &waiting), -EAGAIN);
    carry_out(&request[1]);
    told_next = told_count;
    send(ALICE, market_replace(2, 3, 80, PRICE)); /* its reference was not used up */
    assert_int_equal(hear(ALICE, OUCH_REPLACED)->replaced.user_ref, 3);
    send(ALICE, market_cancel(3, 0));
    hear_canceled(ALICE, 3, 80, OUCH_CANCEL_USER);
}

/* Its handle would have been that of the replacement that came first. */
static void a_replacement_of_a_second_replacement_does_not_hit_the_first(void **state) {
    (void)state;
    static struct entry_request request[3], waiting;
    assert_int_equal(ask(ALICE, market_enter(1, 'S', 100, "ABC", PRICE), &request[0]), 1);
    assert_int_equal(ask(ALICE, market_replace(1, 2, 90, PRICE), &request[1]), 1);
    assert_int_equal(ask(ALICE, market_replace(1, 3, 80, PRICE), &request[2]), 1);
    assert_int_equal(ask(ALICE, market_replace(3, 4, 70, PRICE), &waiting), -EAGAIN);
    for (int i = 0; i < 3; i++) carry_out(&request[i]);
    (void)hear(ALICE, OUCH_ACCEPTED);
    assert_int_equal(hear(ALICE, OUCH_REPLACED)->replaced.user_ref, 2);
    assert_int_equal(ask(ALICE, market_replace(3, 4, 70, PRICE), &waiting), 0);
    assert_int_equal(ask(ALICE, market_cancel(3, 0), &waiting), 0);
    hear_nothing();
    send(ALICE, market_cancel(2, 0));
    hear_canceled(ALICE, 2, 90, OUCH_CANCEL_USER);
}

/* A filled order's slot is free before the replacement behind the fill is known to have failed. */
static void a_cancel_of_a_failed_replacement_does_not_hit_who_has_its_slot(void **state) {
    (void)state;
    static struct entry_request request[3], waiting;
    send(ALICE, market_enter(1, 'S', 100, "ABC", PRICE));
    assert_int_equal(ask(BOB, market_enter(1, 'B', 100, "ABC", PRICE), &request[0]), 1);
    assert_int_equal(ask(ALICE, market_replace(1, 2, 90, PRICE), &request[1]), 1);
    carry_out(&request[0]);
    for (uint32_t i = 3; i < 5; i++) /* one of them takes its slot */
        send(ALICE, market_enter(i, 'S', 10, "ABC", PRICE));
    told_next = told_count;
    assert_int_equal(ask(ALICE, market_cancel(2, 0), &waiting), -EAGAIN);
    carry_out(&request[1]);
    assert_int_equal(ask(ALICE, market_cancel(2, 0), &waiting), 0);
    hear_nothing();
}

static void what_follows_a_refused_order_is_silent(void **state) {
    (void)state;
    static struct entry_request request[3];
    assert_int_equal(ask(ALICE, market_enter(1, 'S', 100, "ABC", PRICE + 1), &request[0]), 1);
    assert_int_equal(ask(ALICE, market_replace(1, 2, 90, PRICE), &request[1]), 1);
    assert_int_equal(ask(ALICE, market_cancel(1, 0), &request[2]), 1);
    for (int i = 0; i < 3; i++) carry_out(&request[i]);
    hear_rejected(ALICE, 1, OUCH_REJECT_INVALID_PRICE);
    assert_int_equal(orders_free(entry_orders(entry)), market_size.orders);
    assert_int_equal(next_reference(ALICE), 2);
}

static void of_two_replacements_of_one_order_the_first_counts(void **state) {
    (void)state;
    static struct entry_request request[3];
    assert_int_equal(ask(ALICE, market_enter(1, 'S', 100, "ABC", PRICE), &request[0]), 1);
    assert_int_equal(ask(ALICE, market_replace(1, 2, 90, PRICE), &request[1]), 1);
    assert_int_equal(ask(ALICE, market_replace(1, 3, 80, PRICE), &request[2]), 1);
    for (int i = 0; i < 3; i++) carry_out(&request[i]);
    (void)hear(ALICE, OUCH_ACCEPTED);
    assert_int_equal(hear(ALICE, OUCH_REPLACED)->replaced.user_ref, 2);
    hear_nothing();
    assert_int_equal(next_reference(ALICE), 3);
    send(ALICE, market_cancel(2, 0));
    hear_canceled(ALICE, 2, 90, OUCH_CANCEL_USER);
}

static void a_slot_is_free_once_the_fill_that_ends_it_has_come_back(void **state) {
    (void)state;
    static struct entry_request request[2];
    for (uint32_t i = 1; i <= market_size.orders - 1; i++)
        send(ALICE, market_enter(i, 'S', 1, "ABC", PRICE));
    uint32_t ref = market_size.orders;
    told_next = told_count;
    /* Bob's order fills Alice's first. Until that has come back, the book is full. */
    assert_int_equal(ask(BOB, market_enter(1, 'B', 1, "ABC", PRICE), &request[0]), 1);
    assert_int_equal(ask(ALICE, market_enter(ref, 'S', 1, "ABC", PRICE), &request[1]), 1);
    carry_out(&request[0]);
    carry_out(&request[1]);
    (void)hear(BOB, OUCH_ACCEPTED);
    (void)hear(ALICE, OUCH_EXECUTED);
    (void)hear(BOB, OUCH_EXECUTED);
    hear_rejected(ALICE, ref, OUCH_REJECT_PROCESSING_ERROR);
    assert_int_equal(orders_free(entry_orders(entry)), 2);
}

/* ---- What is no order ---- */

static void what_is_no_message_is_rejected_and_harms_nothing(void **state) {
    (void)state;
    static struct entry_request request;
    uint8_t enter[OUCH_BYTES_MAX];
    struct ouch_message message = market_enter(1, 'B', 1, "ABC", PRICE);
    int count = ouch_encode(&message, enter, sizeof enter);
    uint8_t noise[ENTRY_MESSAGE_BYTES_MAX + 1];
    memset(noise, 'O', sizeof noise);
    const struct {
        const uint8_t *bytes;
        size_t count;
    } row[] = { { enter, 0 },
                { enter, 1 },
                { enter, (size_t)count - 1 },
                { (const uint8_t *)"z", 1 },
                { (const uint8_t *)"A not what a client says", 24 },
                { noise, sizeof noise - 1 },
                { noise, sizeof noise } };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        assert_int_equal(ask_bytes(ALICE, row[i].bytes, row[i].count, &request), 1);
        carry_out(&request);
        hear_rejected(ALICE, 0, OUCH_REJECT_OTHER);
    }
    assert_int_equal(next_reference(ALICE), 1);
    send(ALICE, message);
    (void)hear(ALICE, OUCH_ACCEPTED);
}

static void features_that_are_not_offered_are_refused(void **state) {
    (void)state;
    struct ouch_message message = { .kind = OUCH_MASS_CANCEL };
    send(ALICE, market_enter(1, 'S', 1, "ABC", PRICE));
    (void)hear(ALICE, OUCH_ACCEPTED);
    message.mass_cancel.user_ref = 2;
    ouch_field_put(message.mass_cancel.firm, 4, "F1");
    ouch_field_put(message.mass_cancel.symbol, 8, "");
    send(ALICE, message);
    hear_rejected(ALICE, 2, OUCH_REJECT_CANCEL_NOT_ALLOWED);
    message = (struct ouch_message){ .kind = OUCH_DISABLE_ENTRY };
    message.disable_entry.user_ref = 3;
    ouch_field_put(message.disable_entry.firm, 4, "F1");
    send(ALICE, message);
    hear_rejected(ALICE, 3, OUCH_REJECT_OTHER);
    message = (struct ouch_message){ .kind = OUCH_MODIFY_ORDER };
    message.modify_order = (struct ouch_modify_order){ .user_ref = 1, .side = 'T', .quantity = 1 };
    send(ALICE, message);
    assert_int_equal(hear(ALICE, OUCH_CANCEL_REJECT)->cancel_reject.user_ref, 1);
    message.modify_order.user_ref = 9; /* of no order */
    send(ALICE, message);
    hear_nothing();
}

static void a_withdrawal_says_who_wished_it(void **state) {
    (void)state;
    static struct entry_request request;
    uint32_t slot = 0;
    send(BOB, market_enter(1, 'S', 10, "ABC", PRICE));
    send(ALICE, market_enter(1, 'S', 10, "ABC", PRICE));
    told_next = told_count;
    struct order *order = orders_next(entry_orders(entry), BOB, &slot, market_size.orders);
    assert_non_null(order);
    entry_withdraw(order, 1, &request);
    carry_out(&request);
    hear_canceled(BOB, 1, 10, OUCH_CANCEL_SUPERVISORY);
    assert_null(orders_next(entry_orders(entry), BOB, &slot, market_size.orders));
}

/* ---- Anything at all ---- */

/* Requests at random, several under way at a time: the tables agree at the end, each live order
   rests in the engine and is found. */
static void random_requests_leave_the_tables_whole(void **state) {
    (void)state;
    enum { ROUNDS = 20000, UNDER_WAY = 8 };
    static struct entry_request request[UNDER_WAY];
    uint64_t seed = 20261120;
    print_message("seed %llu\n", (unsigned long long)seed);
    struct random random = random_seeded(seed);
    uint32_t refs[MARKET_SESSIONS] = { 0 };
    for (int round = 0; round < ROUNDS; round++) {
        unsigned count = 0;
        for (unsigned i = 0; i < UNDER_WAY; i++) {
            uint16_t session = (uint16_t)random_below(&random, MARKET_SESSIONS);
            uint32_t old = refs[session] - (uint32_t)random_below(&random, 30);
            uint32_t quantity = (uint32_t)random_below(&random, 20);
            uint32_t price_e4 = 900000 + 100 * (uint32_t)random_below(&random, 66);
            char side = random_below(&random, 2) == 0 ? 'B' : 'S';
            struct ouch_message message;
            switch (random_below(&random, 4)) {
            case 0:
                message = market_cancel(old, quantity / 2);
                break;
            case 1:
                message = market_replace(old, ++refs[session], quantity, price_e4);
                break;
            default:
                message = market_enter(++refs[session], side, quantity, "ABC", price_e4);
                if (random_below(&random, 4) == 0) message.enter_order.tif = OUCH_TIF_IOC;
                break;
            }
            count += ask(session, message, &request[count]) > 0;
        }
        for (unsigned i = 0; i < count; i++) carry_out(&request[i]);
        told_count = told_next = 0;
        if (round % 1000 == 0) {
            orders_check(entry_orders(entry));
            engine_check(engine);
        }
    }
    uint32_t live = 0;
    for (uint16_t session = 0; session < MARKET_SESSIONS; session++) {
        uint32_t slot = 0;
        for (struct order *order;
             (order = orders_next(entry_orders(entry), session, &slot, market_size.orders));) {
            assert_ptr_equal(orders_find(entry_orders(entry), session, order->user_ref), order);
            live++;
        }
    }
    assert_int_equal(live + orders_free(entry_orders(entry)), market_size.orders);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_market, close_market)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(an_order_is_accepted_as_it_was_entered),
        TEST(a_trade_is_told_to_both_sides_at_the_makers_price),
        TEST(what_an_ioc_cannot_trade_is_cancelled),
        TEST(orders_are_refused_with_the_protocols_reason),
        TEST(options_that_are_not_offered_are_refused),
        TEST(the_firm_tag_chooses_among_the_firms_accounts),
        TEST(a_reference_that_does_not_rise_is_a_retransmission),
        TEST(a_full_book_refuses_and_takes_again_when_an_order_goes),
        TEST(a_cancel_reduces_to_a_total_and_keeps_the_rest),
        TEST(nobody_cancels_the_order_of_another),
        TEST(a_replacement_counts_what_the_chain_has_executed),
        TEST(a_replacement_of_a_dead_order_is_silent_and_uses_no_reference),
        TEST(an_invalid_replacement_takes_the_order_off),
        TEST(a_replacement_at_a_closed_gate_is_rejected_and_the_order_stays),
        TEST(requests_behind_one_another_find_their_orders),
        TEST(what_names_a_replacement_waits_until_it_is_known),
        TEST(a_replacement_of_a_second_replacement_does_not_hit_the_first),
        TEST(a_cancel_of_a_failed_replacement_does_not_hit_who_has_its_slot),
        TEST(what_follows_a_refused_order_is_silent),
        TEST(of_two_replacements_of_one_order_the_first_counts),
        TEST(a_slot_is_free_once_the_fill_that_ends_it_has_come_back),
        TEST(what_is_no_message_is_rejected_and_harms_nothing),
        TEST(features_that_are_not_offered_are_refused),
        TEST(a_withdrawal_says_who_wished_it),
        TEST(random_requests_leave_the_tables_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
