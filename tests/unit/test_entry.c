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
    uint64_t displayed; /* of a Restated */
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
    struct ouch_message *message = &told[told_count].message;
    if (ouch_decode(OUCH_OUT, bytes, count, message, &fault) != 0) fail_msg("%s", fault.part);
    struct ouch_tag tag;
    bool restated = ouch_tags_find(message->tags, OUCH_TAG_DISPLAY_QUANTITY, &tag);
    told[told_count++].displayed = restated ? ouch_tag_unsigned(&tag) : 0;
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
        { "above the largest price", OUCH_REJECT_INVALID_PRICE,       market_enter(1, 'B', 1, "ABC", OUCH_PRICE_MAX_E4 + 1) },
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
        { OUCH_TAG_RANDOM_RESERVES, 1, OUCH_REJECT_INVALID_MAX_FLOOR },
        { OUCH_TAG_POST_ONLY, OUCH_POST_ONLY_POST_ONLY, 0 },
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
        market_replace(0, 0, 10, PRICE),                      /* hidden */
        market_replace(0, 0, 10, PRICE + 1),                  /* off its tick: seen by the engine */
        market_replace(0, 0, MARKET_QUANTITY_MAX + 1, PRICE), /* above the account's limit */
        market_replace(0, 0, 10, 906400),                     /* above the band */
    };
    row[1].replace_order.display = OUCH_DISPLAY_HIDDEN;
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

/* ---- Kinds of orders ---- */

/* The options of an order, which stand in tags. */
struct kind {
    uint32_t quantity, min, floor;
    bool post_only;
};

static struct ouch_tags kind_tags(const struct kind *kind, uint8_t tags[OUCH_TAGS_BYTES_MAX]) {
    size_t bytes = 0;
    if (kind->min > 0) bytes += ouch_tag_encode(tags, OUCH_TAG_MIN_QUANTITY, kind->min);
    if (kind->floor > 0) bytes += ouch_tag_encode(tags + bytes, OUCH_TAG_MAX_FLOOR, kind->floor);
    if (kind->post_only)
        bytes += ouch_tag_encode(tags + bytes, OUCH_TAG_POST_ONLY, OUCH_POST_ONLY_POST_ONLY);
    return (struct ouch_tags){ .at = tags, .bytes = bytes };
}

static void send_kind(uint16_t session, struct ouch_message message, char tif,
                      const struct kind *kind) {
    uint8_t tags[OUCH_TAGS_BYTES_MAX];
    if (message.kind == OUCH_ENTER_ORDER)
        message.enter_order.tif = tif;
    else
        message.replace_order.tif = tif;
    message.tags = kind_tags(kind, tags);
    send(session, message);
}

static void an_order_becomes_a_command_of_its_kind_or_is_refused(void **state) {
    (void)state;
    enum { DAY = OUCH_TIF_DAY, IOC = OUCH_TIF_IOC };
    enum { BAD_MIN = OUCH_REJECT_INVALID_MIN_QUANTITY, BAD_FLOOR = OUCH_REJECT_INVALID_MAX_FLOOR };
    enum { MARKET = OUCH_PRICE_MARKET_E4, CROSS = OUCH_PRICE_CROSS_E4, OTHER = OUCH_REJECT_OTHER };
    enum { AT_MARKET = ORDER_MARKET | ORDER_IOC };
    static const struct {
        const char *why;
        char tif;
        uint32_t price_e4;
        struct kind kind;
        uint16_t reject, flags;
        uint32_t min, shown;
    } row[] = {
        { "a limit for the day", DAY, PRICE, { 100, 0, 0, false }, 0, 0, 0, 0 },
        { "at once", IOC, PRICE, { 100, 0, 0, false }, 0, ORDER_IOC, 0, 0 },
        { "at the market", IOC, MARKET, { 100, 0, 0, false }, 0, AT_MARKET, 0, 0 },
        { "the same for the day", DAY, MARKET, { 100, 0, 0, false }, 0, AT_MARKET, 0, 0 },
        { "in a cross's words", DAY, CROSS, { 100, 0, 0, false }, 0, AT_MARKET, 0, 0 },
        { "the least minimum", IOC, PRICE, { 100, 1, 0, false }, 0, ORDER_IOC, 1, 0 },
        { "the most", IOC, PRICE, { 100, 99, 0, false }, 0, ORDER_IOC, 99, 0 },
        { "all", IOC, PRICE, { 100, 100, 0, false }, 0, ORDER_IOC | ORDER_FOK, 0, 0 },
        { "more than all", IOC, PRICE, { 100, 101, 0, false }, BAD_MIN, 0, 0, 0 },
        { "a minimum for the day", DAY, PRICE, { 100, 1, 0, false }, BAD_MIN, 0, 0, 0 },
        { "all for the day", DAY, PRICE, { 100, 100, 0, false }, BAD_MIN, 0, 0, 0 },
        { "a minimum at the market", DAY, MARKET, { 100, 50, 0, false }, 0, AT_MARKET, 50, 0 },
        { "all at the market", IOC, CROSS, { 1, 1, 0, false }, 0, AT_MARKET | ORDER_FOK, 0, 0 },
        { "the least iceberg", DAY, PRICE, { 256, 0, 1, false }, 0, 0, 0, 1 },
        { "too many parts", DAY, PRICE, { 257, 0, 1, false }, BAD_FLOOR, 0, 0, 0 },
        { "the next that holds them", DAY, PRICE, { 512, 0, 2, false }, 0, 0, 0, 2 },
        { "nearly all shown", DAY, PRICE, { 100, 0, 99, false }, 0, 0, 0, 99 },
        { "all shown", DAY, PRICE, { 100, 0, 100, false }, BAD_FLOOR, 0, 0, 0 },
        { "an iceberg at once", IOC, PRICE, { 100, 0, 10, false }, BAD_FLOOR, 0, 0, 0 },
        { "an iceberg at the market", DAY, MARKET, { 100, 0, 10, false }, BAD_FLOOR, 0, 0, 0 },
        { "post-only", DAY, PRICE, { 100, 0, 0, true }, 0, ORDER_POST_ONLY, 0, 0 },
        { "post-only, an iceberg", DAY, PRICE, { 100, 0, 10, true }, 0, ORDER_POST_ONLY, 0, 10 },
        { "post-only at once", IOC, PRICE, { 100, 0, 0, true }, OTHER, 0, 0, 0 },
        { "post-only at the market", DAY, MARKET, { 100, 0, 0, true }, OTHER, 0, 0, 0 },
    };
    for (uint32_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct entry_request request;
        uint8_t tags[OUCH_TAGS_BYTES_MAX];
        struct ouch_message enter =
            market_enter(3 * i + 1, 'B', row[i].kind.quantity, "ABC", row[i].price_e4);
        print_message("%s\n", row[i].why);
        enter.enter_order.tif = row[i].tif;
        enter.tags = kind_tags(&row[i].kind, tags);
        assert_int_equal(ask(ALICE, enter, &request), 1);
        struct command command = request.command;
        carry_out(&request);
        if (row[i].reject != 0) {
            hear_rejected(ALICE, 3 * i + 1, row[i].reject);
        } else {
            bool market = row[i].flags & ORDER_MARKET;
            assert_int_equal(command.flags, row[i].flags);
            assert_int_equal(command.price_e4, market ? 0 : row[i].price_e4);
            assert_int_equal(command.quantity, row[i].kind.quantity);
            assert_int_equal(command.quantity_min, row[i].min);
            assert_int_equal(command.shown, row[i].shown);
            (void)hear(ALICE, OUCH_ACCEPTED);
        }
        /* A replacement says the same in the same way; a refused one takes the order off. */
        send(ALICE, market_enter(3 * i + 2, 'B', 10, "ABC", PRICE));
        told_next = told_count;
        struct ouch_message replace =
            market_replace(3 * i + 2, 3 * i + 3, row[i].kind.quantity, row[i].price_e4);
        replace.replace_order.tif = row[i].tif;
        replace.tags = kind_tags(&row[i].kind, tags);
        assert_int_equal(ask(ALICE, replace, &request), 1);
        command = request.command;
        carry_out(&request);
        if (row[i].reject != 0) {
            hear_canceled(ALICE, 3 * i + 2, 10, OUCH_CANCEL_SYSTEM);
        } else {
            assert_int_equal(command.flags, row[i].flags);
            assert_int_equal(command.quantity_min, row[i].min);
            assert_int_equal(command.shown, row[i].shown);
            (void)hear(ALICE, OUCH_REPLACED);
        }
        administer((struct command){ .opcode = OPCODE_SWEEP });
        told_next = told_count;
        assert_int_equal(orders_free(entry_orders(entry)), market_size.orders);
    }
}

static void set_symbol(uint16_t symbol, uint8_t field, int64_t value) {
    administer((struct command){
        .opcode = OPCODE_SYMBOL, .symbol = symbol, .field = field, .value = value });
    assert_int_not_equal(events[0].kind, KIND_REJECTED);
}

static void a_market_order_is_told_the_cards_price_and_that_it_waits_for_nobody(void **state) {
    (void)state;
    const struct kind plain = { .quantity = 0 };
    send(ALICE, market_enter(1, OUCH_SIDE_SELL, 10, "ABC", PRICE));
    send_kind(BOB, market_enter(1, OUCH_SIDE_BUY, 25, "ABC", OUCH_PRICE_MARKET_E4), OUCH_TIF_DAY,
              &plain);
    (void)hear(ALICE, OUCH_ACCEPTED);
    const struct ouch_accepted accepted = hear(BOB, OUCH_ACCEPTED)->accepted;
    assert_int_equal(accepted.price_e4, 906300); /* the band's end, inside the collar's */
    assert_int_equal(accepted.tif, OUCH_TIF_IOC);
    (void)hear(ALICE, OUCH_EXECUTED);
    assert_int_equal(hear(BOB, OUCH_EXECUTED)->executed.price_e4, PRICE);
    hear_canceled(BOB, 1, 15, OUCH_CANCEL_IOC);
    /* A replacement at the market. */
    send(ALICE, market_enter(2, OUCH_SIDE_SELL, 10, "ABC", PRICE));
    send(BOB, market_enter(2, OUCH_SIDE_BUY, 5, "ABC", PRICE - 100));
    told_next = told_count;
    send_kind(BOB, market_replace(2, 3, 5, OUCH_PRICE_CROSS_E4), OUCH_TIF_DAY, &plain);
    const struct ouch_replaced replaced = hear(BOB, OUCH_REPLACED)->replaced;
    assert_int_equal(replaced.price_e4, 906300);
    assert_int_equal(replaced.tif, OUCH_TIF_IOC);
    (void)hear(ALICE, OUCH_EXECUTED);
    (void)hear(BOB, OUCH_EXECUTED);
    hear_nothing();
    /* OUCH has no price 0, and none between its largest and the market's. */
    static const uint32_t base_e4[] = { 0, OUCH_PRICE_MAX_E4 + 1 };
    administer((struct command){
        .opcode = OPCODE_ACCOUNT, .field = ROW_ACCOUNT_NOTIONAL_MAX_E4, .value = INT64_MAX >> 12 });
    for (uint32_t i = 0; i < 2; i++) {
        set_symbol(1, ROW_SYMBOL_BASE_E4, base_e4[i]);
        set_symbol(1, ROW_SYMBOL_REFERENCE, 0);
        send(ALICE, market_enter(3 + i, OUCH_SIDE_SELL, 100, "LOTS", OUCH_PRICE_MARKET_E4));
        assert_int_equal(hear(ALICE, OUCH_ACCEPTED)->accepted.price_e4, OUCH_PRICE_MARKET_E4);
        assert_int_equal(events[0].price_e4, base_e4[i]);
        hear_canceled(ALICE, 3 + i, 100, OUCH_CANCEL_IOC);
    }
}

static void what_may_not_trade_is_cancelled_with_its_reason(void **state) {
    (void)state;
    const struct kind post_only = { .post_only = true }, least = { .min = 11 }, all = { .min = 12 };
    send(ALICE, market_enter(1, OUCH_SIDE_SELL, 10, "ABC", PRICE));
    (void)hear(ALICE, OUCH_ACCEPTED);
    send_kind(BOB, market_enter(1, OUCH_SIDE_BUY, 12, "ABC", PRICE), OUCH_TIF_DAY, &post_only);
    (void)hear(BOB, OUCH_ACCEPTED);
    hear_canceled(BOB, 1, 12, OUCH_CANCEL_POST_ONLY);
    send_kind(BOB, market_enter(2, OUCH_SIDE_BUY, 12, "ABC", PRICE), OUCH_TIF_IOC, &least);
    (void)hear(BOB, OUCH_ACCEPTED);
    hear_canceled(BOB, 2, 12, OUCH_CANCEL_IOC);
    send_kind(BOB, market_enter(3, OUCH_SIDE_BUY, 12, "ABC", PRICE), OUCH_TIF_IOC, &all);
    (void)hear(BOB, OUCH_ACCEPTED);
    hear_canceled(BOB, 3, 12, OUCH_CANCEL_IOC);
    send_kind(BOB, market_enter(4, OUCH_SIDE_BUY, 12, "ABC", PRICE - 100), OUCH_TIF_DAY,
              &post_only);
    (void)hear(BOB, OUCH_ACCEPTED);
    hear_nothing();
}

static void an_iceberg_tells_each_part_that_it_shows(void **state) {
    (void)state;
    const struct kind iceberg = { .floor = 10 };
    send_kind(ALICE, market_enter(1, OUCH_SIDE_SELL, 25, "ABC", PRICE), OUCH_TIF_DAY, &iceberg);
    assert_int_equal(hear(ALICE, OUCH_ACCEPTED)->accepted.quantity, 25);
    send(BOB, market_enter(1, OUCH_SIDE_BUY, 22, "ABC", PRICE));
    (void)hear(BOB, OUCH_ACCEPTED);
    static const uint32_t parts[] = { 10, 10, 2 }, next[] = { 10, 5, 0 };
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(hear(ALICE, OUCH_EXECUTED)->executed.quantity, parts[i]);
        assert_int_equal(hear(BOB, OUCH_EXECUTED)->executed.quantity, parts[i]);
        if (next[i] == 0) continue;
        const struct ouch_restated restated = hear(ALICE, OUCH_RESTATED)->restated;
        assert_int_equal(restated.user_ref, 1);
        assert_int_equal(restated.reason, OUCH_RESTATED_REFRESH);
        assert_int_equal(told[told_next - 1].displayed, next[i]);
    }
    hear_nothing();
    send(ALICE, market_cancel(1, 0));
    hear_canceled(ALICE, 1, 3, OUCH_CANCEL_USER);
}

/* ---- Orders of one firm ---- */

static void prevent(uint8_t mode) {
    for (uint16_t account = 0; account < 3; account++)
        administer((struct command){ .opcode = OPCODE_ACCOUNT,
                                     .account = account,
                                     .field = ROW_ACCOUNT_SELF_TRADE,
                                     .value = mode });
}

static void hear_prevented(uint16_t session, uint32_t user_ref, uint32_t quantity,
                           uint32_t quantity_prevented, uint64_t price_e4, char strategy) {
    const struct ouch_aiq_canceled aiq = hear(session, OUCH_AIQ_CANCELED)->aiq_canceled;
    assert_int_equal(aiq.user_ref, user_ref);
    assert_int_equal(aiq.quantity, quantity);
    assert_int_equal(aiq.reason, OUCH_CANCEL_SELF_MATCH);
    assert_int_equal(aiq.quantity_prevented, quantity_prevented);
    assert_int_equal(aiq.price_e4, price_e4);
    assert_int_equal(aiq.liquidity, session == ALICE ? 'A' : 'R');
    assert_int_equal(aiq.strategy, strategy);
}

/* Alice has sold 10 and 8 at two prices; her firm's other session buys 15 with a limit beyond. */
static void orders_of_one_firm_that_meet_are_told_so(void **state) {
    (void)state;
    static const uint8_t modes[] = { SELF_TRADE_NEWEST, SELF_TRADE_OLDEST, SELF_TRADE_BOTH,
                                     SELF_TRADE_DECREMENT };
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t ref = 2 * i + 1;
        prevent(modes[i]);
        send(ALICE, market_enter(ref, OUCH_SIDE_SELL, 10, "ABC", PRICE));
        send(ALICE, market_enter(ref + 1, OUCH_SIDE_SELL, 8, "ABC", PRICE + 100));
        told_next = told_count;
        send(ALICE_2, market_enter(ref, OUCH_SIDE_BUY, 15, "ABC", PRICE + 200));
        (void)hear(ALICE_2, OUCH_ACCEPTED);
        switch (modes[i]) {
        case SELF_TRADE_NEWEST: /* whom it met is not said */
            hear_prevented(ALICE_2, ref, 15, 0, 0, 'W');
            break;
        case SELF_TRADE_OLDEST:
            hear_prevented(ALICE, ref, 10, 10, PRICE, 'O');
            hear_prevented(ALICE, ref + 1, 8, 8, PRICE + 100, 'O');
            break;
        case SELF_TRADE_BOTH:
            hear_prevented(ALICE, ref, 10, 10, PRICE, 'O');
            hear_prevented(ALICE_2, ref, 15, 10, PRICE, 'W');
            break;
        default: /* part of a resting order goes; its rest stays */
            hear_prevented(ALICE, ref, 10, 10, PRICE, 'D');
            hear_prevented(ALICE_2, ref, 10, 10, PRICE, 'D');
            hear_prevented(ALICE, ref + 1, 5, 5, PRICE + 100, 'D');
            hear_prevented(ALICE_2, ref, 5, 5, PRICE + 100, 'D');
            hear_nothing();
            send(ALICE, market_cancel(ref + 1, 0));
            hear_canceled(ALICE, ref + 1, 3, OUCH_CANCEL_USER);
            break;
        }
        hear_nothing();
        administer((struct command){ .opcode = OPCODE_SWEEP });
        told_next = told_count;
    }
}

static void a_resting_order_that_is_larger_is_prevented_for_what_would_have_traded(void **state) {
    (void)state;
    prevent(SELF_TRADE_OLDEST);
    send(ALICE, market_enter(1, OUCH_SIDE_SELL, 100, "ABC", PRICE));
    send(BOB, market_enter(1, OUCH_SIDE_SELL, 4, "ABC", PRICE - 100));
    told_next = told_count;
    send(ALICE_2, market_enter(1, OUCH_SIDE_BUY, 15, "ABC", PRICE)); /* 4 of it trade with Bob */
    (void)hear(ALICE_2, OUCH_ACCEPTED);
    (void)hear(BOB, OUCH_EXECUTED);
    (void)hear(ALICE_2, OUCH_EXECUTED);
    hear_prevented(ALICE, 1, 100, 11, PRICE, 'O');
    hear_nothing();
    /* All or nothing, against the own firm's orders: nothing, and whom it met is not said. */
    const struct kind all = { .min = 5 };
    send(ALICE, market_enter(2, OUCH_SIDE_SELL, 100, "ABC", PRICE + 100));
    told_next = told_count;
    send_kind(ALICE_2, market_enter(2, OUCH_SIDE_BUY, 5, "ABC", PRICE + 100), OUCH_TIF_IOC, &all);
    (void)hear(ALICE_2, OUCH_ACCEPTED);
    hear_prevented(ALICE_2, 2, 5, 0, 0, 'W');
    hear_nothing();
}

/* ---- Auctions and sweeps ---- */

static void an_auctions_trades_are_told_to_both_who_rested(void **state) {
    (void)state;
    set_symbol(0, ROW_SYMBOL_STATE, SYMBOL_STATE_AUCTION);
    send(ALICE, market_enter(1, OUCH_SIDE_SELL, 10, "ABC", PRICE));
    send(BOB, market_enter(1, OUCH_SIDE_BUY, 25, "ABC", PRICE + 200));
    (void)hear(ALICE, OUCH_ACCEPTED);
    (void)hear(BOB, OUCH_ACCEPTED);
    hear_nothing();
    struct ouch_message ioc = market_enter(2, OUCH_SIDE_BUY, 1, "ABC", PRICE);
    ioc.enter_order.tif = OUCH_TIF_IOC;
    send(BOB, ioc);
    hear_rejected(BOB, 2, OUCH_REJECT_INVALID_CROSS);
    administer((struct command){ .opcode = OPCODE_QUERY, .field = TABLE_SYMBOL });
    int64_t last_event = 0;
    for (uint32_t i = 0; i < event_count; i++)
        if (events[i].field == ROW_SYMBOL_LAST_EVENT) last_event = events[i].value;
    administer(
        (struct command){ .opcode = OPCODE_UNCROSS, .price_e4 = PRICE + 100, .value = last_event });
    const struct ouch_executed seller = hear(ALICE, OUCH_EXECUTED)->executed;
    const struct ouch_executed buyer = hear(BOB, OUCH_EXECUTED)->executed;
    assert_int_equal(seller.price_e4, PRICE + 100);
    assert_int_equal(seller.liquidity, 'O');
    assert_int_equal(buyer.liquidity, 'O');
    assert_int_equal(buyer.match, seller.match);
    assert_int_equal(buyer.quantity, 10);
    hear_nothing();
    send(ALICE, market_cancel(1, 0)); /* it is dead */
    send(BOB, market_cancel(1, 0));
    hear_canceled(BOB, 1, 15, OUCH_CANCEL_USER);
}

static void a_sweep_tells_each_order_that_it_takes_off(void **state) {
    (void)state;
    send(ALICE, market_enter(1, OUCH_SIDE_SELL, 10, "ABC", PRICE));
    send(BOB, market_enter(1, OUCH_SIDE_SELL, 20, "ABC", PRICE));
    send(ALICE, market_enter(2, OUCH_SIDE_SELL, 30, "ABC", PRICE));
    told_next = told_count;
    administer((struct command){ .opcode = OPCODE_SWEEP, .mode = FILTER_ACCOUNT, .account = 0 });
    hear_canceled(ALICE, 1, 10, OUCH_CANCEL_SUPERVISORY);
    hear_canceled(ALICE, 2, 30, OUCH_CANCEL_SUPERVISORY);
    hear_nothing();
    assert_int_equal(orders_free(entry_orders(entry)), market_size.orders - 1);
}

static void an_account_that_asks_too_often_or_twice_is_refused(void **state) {
    (void)state;
    administer((struct command){
        .opcode = OPCODE_ACCOUNT, .field = ROW_ACCOUNT_DUPLICATE_NS, .value = 1000 });
    send(ALICE, market_enter(1, 'B', 10, "ABC", PRICE));
    (void)hear(ALICE, OUCH_ACCEPTED);
    send(ALICE, market_enter(2, 'B', 10, "ABC", PRICE));
    hear_rejected(ALICE, 2, OUCH_REJECT_RISK_DUPLICATE_RATE);
    administer(
        (struct command){ .opcode = OPCODE_ACCOUNT, .field = ROW_ACCOUNT_OPEN_MAX, .value = 1 });
    send(ALICE, market_enter(3, 'B', 11, "ABC", PRICE));
    hear_rejected(ALICE, 3, OUCH_REJECT_RISK_AGGREGATE_EXPOSURE);
    administer((struct command){
        .opcode = OPCODE_ACCOUNT, .field = ROW_ACCOUNT_RATE_INTERVAL_NS, .value = 1000000 });
    send(ALICE, market_replace(1, 4, 11, PRICE));
    (void)hear(ALICE, OUCH_REPLACED);
    send(ALICE, market_replace(4, 5, 12, PRICE)); /* too early: the order stays */
    hear_rejected(ALICE, 5, OUCH_REJECT_RISK_PORT_RATE);
    send(ALICE, market_cancel(4, 0));
    hear_canceled(ALICE, 4, 11, OUCH_CANCEL_USER);
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
            struct kind kind = { .quantity = quantity };
            uint8_t tags[OUCH_TAGS_BYTES_MAX];
            if (random_below(&random, 4) == 0) kind.min = (uint32_t)random_below(&random, 22);
            if (random_below(&random, 4) == 0) kind.floor = (uint32_t)random_below(&random, 8);
            if (random_below(&random, 8) == 0) kind.post_only = true;
            if (random_below(&random, 8) == 0) price_e4 = OUCH_PRICE_MARKET_E4;
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
            if (message.kind != OUCH_CANCEL_ORDER) message.tags = kind_tags(&kind, tags);
            count += ask(session, message, &request[count]) > 0;
        }
        for (unsigned i = 0; i < count; i++) carry_out(&request[i]);
        if (random_below(&random, 20) == 0) prevent((uint8_t)random_below(&random, 5));
        if (random_below(&random, 50) == 0)
            administer((struct command){ .opcode = OPCODE_SWEEP,
                                         .mode = FILTER_SIDE,
                                         .side = (uint8_t)random_below(&random, 2) });
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
        TEST(an_order_becomes_a_command_of_its_kind_or_is_refused),
        TEST(a_market_order_is_told_the_cards_price_and_that_it_waits_for_nobody),
        TEST(what_may_not_trade_is_cancelled_with_its_reason),
        TEST(an_iceberg_tells_each_part_that_it_shows),
        TEST(orders_of_one_firm_that_meet_are_told_so),
        TEST(a_resting_order_that_is_larger_is_prevented_for_what_would_have_traded),
        TEST(an_auctions_trades_are_told_to_both_who_rested),
        TEST(a_sweep_tells_each_order_that_it_takes_off),
        TEST(an_account_that_asks_too_often_or_twice_is_refused),
        TEST(what_is_no_message_is_rejected_and_harms_nothing),
        TEST(features_that_are_not_offered_are_refused),
        TEST(a_withdrawal_says_who_wished_it),
        TEST(random_requests_leave_the_tables_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
