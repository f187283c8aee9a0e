/* test_ouch: OUCH 5.0 messages against bytes written by hand from the specification's tables, not
 * by the encoder; then every field's edges, every length, the appendage's elements, and random
 * messages there and back. */
#include "host/base/err.h"
#include "host/base/random.h"
#include "host/wire/ouch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* One message of each kind, no two fields alike. Lengths and offsets are the specification's. */
// clang-format off
#define TIME "\x00\x00\x1f\x1a\xd9\x30\xa0\x07"
#define ENTER     "O" "\x01\x02\x03\x04" "T" "\x00\x01\xe2\x40" "AAPL    " "\x00\x00\x00\x00\x00\x1c\x9c\x38" "3" "A" "P" "Y" "C" \
                  "my first order" "\x00\x00"
#define REPLACE   "U" "\x01\x02\x03\x04" "\x01\x02\x03\x05" "\x00\x01\xe2\x40" "\x00\x00\x00\x00\x77\x35\x93\x9c" "6" "N" "N" \
                  "second        " "\x00\x00"
#define CANCEL_IN "X" "\x01\x02\x03\x04" "\x00\x00\x01\xf4"
#define MODIFY    "M" "\x01\x02\x03\x04" "E" "\x00\x00\x01\xf4"
#define MASS      "C" "\x01\x02\x03\x04" "FIRM" "MSFT    " "\x00\x00"
#define DISABLE   "D" "\x01\x02\x03\x04" "FRM " "\x00\x00"
#define ENABLE    "E" "\x01\x02\x03\x04" "    " "\x00\x00"
#define QUERY     "Q"
#define EVENT     "S" TIME "E"
#define ACCEPTED  "A" TIME "\x01\x02\x03\x04" "S" "\x00\x01\xe2\x40" "AAPL    " "\x00\x00\x00\x00\x00\x1c\x9c\x38" "E" "Z" \
                  "\x11\x12\x13\x14\x15\x16\x17\x18" "R" "N" "H" "D" "my first order" "\x00\x00"
#define REPLACED  "U" TIME "\x01\x02\x03\x04" "\x01\x02\x03\x05" "B" "\x00\x01\xe2\x40" "ZVZZT   " \
                  "\x00\x00\x00\x00\x7f\xff\xff\xff" "5" "Y" "\x11\x12\x13\x14\x15\x16\x17\x18" "O" "Y" "A" "L" "second        " "\x00\x00"
#define CANCELED  "C" TIME "\x01\x02\x03\x04" "\x00\x00\x00\x64" "e"
#define AIQ       "D" TIME "\x01\x02\x03\x04" "\x00\x00\x00\x64" "Q" "\x00\x00\x00\x32" "\x00\x00\x00\x00\x00\x1c\x9c\x38" "R" "b"
#define EXECUTED  "E" TIME "\x01\x02\x03\x04" "\x00\x00\x00\x64" "\x00\x00\x00\x00\x00\x1c\x9c\x38" "A" \
                  "\x21\x22\x23\x24\x25\x26\x27\x28" "\x00\x00"
#define BROKEN    "B" TIME "\x01\x02\x03\x04" "\x21\x22\x23\x24\x25\x26\x27\x28" "X" "my first order"
#define REJECTED  "J" TIME "\x01\x02\x03\x04" "\x00\x2a" "my first order"
#define PENDING   "P" TIME "\x01\x02\x03\x04"
#define CANCEL_NO "I" TIME "\x01\x02\x03\x04"
#define PRIORITY  "T" TIME "\x01\x02\x03\x04" "\x00\x00\x00\x00\x00\x1c\x9c\x38" "N" "\x11\x12\x13\x14\x15\x16\x17\x18"
#define MODIFIED  "M" TIME "\x01\x02\x03\x04" "T" "\x00\x00\x00\x64"
#define RESTATED  "R" TIME "\x01\x02\x03\x04" "P" "\x00\x0a" "\x09\x17\x00\x00\x00\x00\x00\x1c\x9c\x38"
#define MASS_YES  "X" TIME "\x01\x02\x03\x04" "FIRM" "        " "\x00\x00"
#define DISABLED  "G" TIME "\x01\x02\x03\x04" "FIRM" "\x00\x00"
#define ENABLED   "K" TIME "\x01\x02\x03\x04" "FIRM" "\x00\x00"
#define NEXT_REF  "Q" TIME "\x01\x02\x03\x05"

enum appendage { NEVER, OPTIONAL, ALWAYS };

static const struct vector {
    enum ouch_kind kind;
    enum ouch_direction direction;
    const char *bytes;
    size_t length, least; /* of this message; of the shortest of its kind */
    enum appendage appendage;
} vectors[] = {
#define VECTOR(kind, direction, bytes, least, appendage) { kind, direction, bytes, sizeof(bytes) - 1, least, appendage }
    VECTOR(OUCH_ENTER_ORDER,            OUCH_IN,  ENTER,     47, ALWAYS),
    VECTOR(OUCH_REPLACE_ORDER,          OUCH_IN,  REPLACE,   40, ALWAYS),
    VECTOR(OUCH_CANCEL_ORDER,           OUCH_IN,  CANCEL_IN,  9, OPTIONAL),
    VECTOR(OUCH_MODIFY_ORDER,           OUCH_IN,  MODIFY,    10, OPTIONAL),
    VECTOR(OUCH_MASS_CANCEL,            OUCH_IN,  MASS,      19, ALWAYS),
    VECTOR(OUCH_DISABLE_ENTRY,          OUCH_IN,  DISABLE,   11, ALWAYS),
    VECTOR(OUCH_ENABLE_ENTRY,           OUCH_IN,  ENABLE,    11, ALWAYS),
    VECTOR(OUCH_ACCOUNT_QUERY,          OUCH_IN,  QUERY,      1, OPTIONAL),
    VECTOR(OUCH_SYSTEM_EVENT,           OUCH_OUT, EVENT,     10, NEVER),
    VECTOR(OUCH_ACCEPTED,               OUCH_OUT, ACCEPTED,  64, ALWAYS),
    VECTOR(OUCH_REPLACED,               OUCH_OUT, REPLACED,  68, ALWAYS),
    VECTOR(OUCH_CANCELED,               OUCH_OUT, CANCELED,  18, OPTIONAL),
    VECTOR(OUCH_AIQ_CANCELED,           OUCH_OUT, AIQ,       32, OPTIONAL),
    VECTOR(OUCH_EXECUTED,               OUCH_OUT, EXECUTED,  36, ALWAYS),
    VECTOR(OUCH_BROKEN_TRADE,           OUCH_OUT, BROKEN,    36, OPTIONAL),
    VECTOR(OUCH_REJECTED,               OUCH_OUT, REJECTED,  29, OPTIONAL),
    VECTOR(OUCH_CANCEL_PENDING,         OUCH_OUT, PENDING,   13, OPTIONAL),
    VECTOR(OUCH_CANCEL_REJECT,          OUCH_OUT, CANCEL_NO, 13, OPTIONAL),
    VECTOR(OUCH_PRIORITY_UPDATE,        OUCH_OUT, PRIORITY,  30, OPTIONAL),
    VECTOR(OUCH_MODIFIED,               OUCH_OUT, MODIFIED,  18, OPTIONAL),
    VECTOR(OUCH_RESTATED,               OUCH_OUT, RESTATED,  16, ALWAYS),
    VECTOR(OUCH_MASS_CANCEL_RESPONSE,   OUCH_OUT, MASS_YES,  27, ALWAYS),
    VECTOR(OUCH_DISABLE_RESPONSE,       OUCH_OUT, DISABLED,  19, ALWAYS),
    VECTOR(OUCH_ENABLE_RESPONSE,        OUCH_OUT, ENABLED,   19, ALWAYS),
    VECTOR(OUCH_ACCOUNT_QUERY_RESPONSE, OUCH_OUT, NEXT_REF,  13, OPTIONAL),
};
static_assert(COUNT_OF(vectors) == OUCH_KINDS - 1, "one vector a kind");
// clang-format on

static const struct vector *vector_of(enum ouch_kind kind) {
    for (size_t i = 0; i < COUNT_OF(vectors); i++)
        if (vectors[i].kind == kind) return &vectors[i];
    fail_msg("no vector of kind %d", kind);
    return NULL;
}

/* Decodes from a copy of exactly that length, so that a sanitizer sees a read behind it. The copy
   lives until the next call. */
static int decode(enum ouch_direction direction, const void *bytes, size_t length,
                  struct ouch_message *message, struct ouch_fault *fault) {
    static uint8_t *copy;
    free(copy);
    copy = malloc(length > 0 ? length : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    return ouch_decode(direction, copy, length, message, fault);
}

static struct ouch_message decoded(enum ouch_kind kind) {
    const struct vector *vector = vector_of(kind);
    struct ouch_message message;
    struct ouch_fault fault;
    if (decode(vector->direction, vector->bytes, vector->length, &message, &fault) != 0)
        fail_msg("%s", err_text());
    assert_int_equal(message.kind, kind);
    assert_int_equal(fault.kind, OUCH_FAULT_NONE);
    return message;
}

static const uint64_t time_ns = UINT64_C(0x00001f1ad930a007);
static const uint64_t order_ref = UINT64_C(0x1112131415161718);
static const uint64_t match = UINT64_C(0x2122232425262728);
static const uint32_t user_ref = 0x01020304;

static void inbound_fields_are_where_the_specification_says(void **state) {
    (void)state;
    struct ouch_enter_order enter = decoded(OUCH_ENTER_ORDER).enter_order;
    assert_int_equal(enter.user_ref, user_ref);
    assert_int_equal(enter.side, OUCH_SIDE_SHORT);
    assert_int_equal(enter.quantity, 123456);
    assert_memory_equal(enter.symbol, "AAPL    ", 8);
    assert_int_equal(enter.price_e4, 1875000);
    assert_int_equal(enter.tif, OUCH_TIF_IOC);
    assert_int_equal(enter.display, OUCH_DISPLAY_ATTRIBUTABLE);
    assert_int_equal(enter.capacity, OUCH_CAPACITY_PRINCIPAL);
    assert_int_equal(enter.sweep, OUCH_YES_YES);
    assert_int_equal(enter.cross, OUCH_CROSS_CLOSING);
    assert_memory_equal(enter.client_order_id, "my first order", 14);

    struct ouch_replace_order replace = decoded(OUCH_REPLACE_ORDER).replace_order;
    assert_int_equal(replace.orig_user_ref, user_ref);
    assert_int_equal(replace.user_ref, user_ref + 1);
    assert_int_equal(replace.quantity, 123456);
    assert_int_equal(replace.price_e4, 1999999900);
    assert_int_equal(replace.tif, OUCH_TIF_TIME);
    assert_int_equal(replace.display, OUCH_DISPLAY_HIDDEN);
    assert_int_equal(replace.sweep, OUCH_YES_NO);
    assert_memory_equal(replace.client_order_id, "second        ", 14);

    struct ouch_cancel_order cancel = decoded(OUCH_CANCEL_ORDER).cancel_order;
    assert_int_equal(cancel.user_ref, user_ref);
    assert_int_equal(cancel.quantity, 500);

    struct ouch_modify_order modify = decoded(OUCH_MODIFY_ORDER).modify_order;
    assert_int_equal(modify.user_ref, user_ref);
    assert_int_equal(modify.side, OUCH_SIDE_SHORT_EXEMPT);
    assert_int_equal(modify.quantity, 500);

    struct ouch_mass_cancel mass = decoded(OUCH_MASS_CANCEL).mass_cancel;
    assert_int_equal(mass.user_ref, user_ref);
    assert_memory_equal(mass.firm, "FIRM", 4);
    assert_memory_equal(mass.symbol, "MSFT    ", 8);

    struct ouch_disable_entry disable = decoded(OUCH_DISABLE_ENTRY).disable_entry;
    assert_int_equal(disable.user_ref, user_ref);
    assert_memory_equal(disable.firm, "FRM ", 4);
    struct ouch_enable_entry enable = decoded(OUCH_ENABLE_ENTRY).enable_entry;
    assert_int_equal(enable.user_ref, user_ref);
    assert_memory_equal(enable.firm, "    ", 4);
    assert_int_equal(decoded(OUCH_ACCOUNT_QUERY).tags.bytes, 0);
}

static void outbound_fields_of_orders_are_where_the_specification_says(void **state) {
    (void)state;
    struct ouch_accepted accepted = decoded(OUCH_ACCEPTED).accepted;
    assert_true(accepted.time_ns == time_ns);
    assert_int_equal(accepted.user_ref, user_ref);
    assert_int_equal(accepted.side, OUCH_SIDE_SELL);
    assert_int_equal(accepted.quantity, 123456);
    assert_memory_equal(accepted.symbol, "AAPL    ", 8);
    assert_int_equal(accepted.price_e4, 1875000);
    assert_int_equal(accepted.tif, OUCH_TIF_AFTER_HOURS);
    assert_int_equal(accepted.display, OUCH_DISPLAY_CONFORMANT);
    assert_true(accepted.order_ref == order_ref);
    assert_int_equal(accepted.capacity, OUCH_CAPACITY_RISKLESS);
    assert_int_equal(accepted.sweep, OUCH_YES_NO);
    assert_int_equal(accepted.cross, OUCH_CROSS_HALT_IPO);
    assert_int_equal(accepted.state, OUCH_STATE_DEAD);
    assert_memory_equal(accepted.client_order_id, "my first order", 14);

    struct ouch_replaced replaced = decoded(OUCH_REPLACED).replaced;
    assert_true(replaced.time_ns == time_ns);
    assert_int_equal(replaced.orig_user_ref, user_ref);
    assert_int_equal(replaced.user_ref, user_ref + 1);
    assert_int_equal(replaced.side, OUCH_SIDE_BUY);
    assert_int_equal(replaced.quantity, 123456);
    assert_memory_equal(replaced.symbol, "ZVZZT   ", 8);
    assert_int_equal(replaced.price_e4, OUCH_PRICE_CROSS_E4);
    assert_int_equal(replaced.tif, OUCH_TIF_EXTENDED);
    assert_int_equal(replaced.display, OUCH_DISPLAY_VISIBLE);
    assert_true(replaced.order_ref == order_ref);
    assert_int_equal(replaced.capacity, OUCH_CAPACITY_OTHER);
    assert_int_equal(replaced.sweep, OUCH_YES_YES);
    assert_int_equal(replaced.cross, OUCH_CROSS_AFTER_HOURS_CLOSE);
    assert_int_equal(replaced.state, OUCH_STATE_LIVE);
    assert_memory_equal(replaced.client_order_id, "second        ", 14);

    struct ouch_priority_update priority = decoded(OUCH_PRIORITY_UPDATE).priority_update;
    assert_true(priority.time_ns == time_ns);
    assert_int_equal(priority.user_ref, user_ref);
    assert_int_equal(priority.price_e4, 1875000);
    assert_int_equal(priority.display, OUCH_DISPLAY_HIDDEN);
    assert_true(priority.order_ref == order_ref);

    struct ouch_modified modified = decoded(OUCH_MODIFIED).modified;
    assert_true(modified.time_ns == time_ns);
    assert_int_equal(modified.user_ref, user_ref);
    assert_int_equal(modified.side, OUCH_SIDE_SHORT);
    assert_int_equal(modified.quantity, 100);

    struct ouch_message restated = decoded(OUCH_RESTATED);
    struct ouch_tag tag;
    assert_true(restated.restated.time_ns == time_ns);
    assert_int_equal(restated.restated.user_ref, user_ref);
    assert_int_equal(restated.restated.reason, OUCH_RESTATED_PRICE);
    assert_true(ouch_tags_find(restated.tags, OUCH_TAG_DISPLAY_PRICE, &tag));
    assert_int_equal(ouch_tag_unsigned(&tag), 1875000);
}

static void outbound_fields_of_trades_are_where_the_specification_says(void **state) {
    (void)state;
    struct ouch_canceled canceled = decoded(OUCH_CANCELED).canceled;
    assert_true(canceled.time_ns == time_ns);
    assert_int_equal(canceled.user_ref, user_ref);
    assert_int_equal(canceled.quantity, 100);
    assert_int_equal(canceled.reason, OUCH_CANCEL_DIRECT_LISTING);

    struct ouch_aiq_canceled aiq = decoded(OUCH_AIQ_CANCELED).aiq_canceled;
    assert_true(aiq.time_ns == time_ns);
    assert_int_equal(aiq.user_ref, user_ref);
    assert_int_equal(aiq.quantity, 100);
    assert_int_equal(aiq.reason, OUCH_CANCEL_SELF_MATCH);
    assert_int_equal(aiq.quantity_prevented, 50);
    assert_int_equal(aiq.price_e4, 1875000);
    assert_int_equal(aiq.liquidity, 'R');
    assert_int_equal(aiq.strategy, 'b');

    struct ouch_executed executed = decoded(OUCH_EXECUTED).executed;
    assert_true(executed.time_ns == time_ns);
    assert_int_equal(executed.user_ref, user_ref);
    assert_int_equal(executed.quantity, 100);
    assert_int_equal(executed.price_e4, 1875000);
    assert_int_equal(executed.liquidity, 'A');
    assert_true(executed.match == match);

    struct ouch_broken_trade broken = decoded(OUCH_BROKEN_TRADE).broken_trade;
    assert_true(broken.time_ns == time_ns);
    assert_int_equal(broken.user_ref, user_ref);
    assert_true(broken.match == match);
    assert_int_equal(broken.reason, OUCH_BROKEN_EXTERNAL);
    assert_memory_equal(broken.client_order_id, "my first order", 14);
}

static void outbound_fields_of_answers_are_where_the_specification_says(void **state) {
    (void)state;
    struct ouch_system_event event = decoded(OUCH_SYSTEM_EVENT).system_event;
    assert_true(event.time_ns == time_ns);
    assert_int_equal(event.event, OUCH_EVENT_END_OF_DAY);

    struct ouch_rejected rejected = decoded(OUCH_REJECTED).rejected;
    assert_true(rejected.time_ns == time_ns);
    assert_int_equal(rejected.user_ref, user_ref);
    assert_int_equal(rejected.reason, OUCH_REJECT_RISK_DUPLICATE_RATE);
    assert_memory_equal(rejected.client_order_id, "my first order", 14);

    struct ouch_cancel_pending pending = decoded(OUCH_CANCEL_PENDING).cancel_pending;
    assert_true(pending.time_ns == time_ns);
    assert_int_equal(pending.user_ref, user_ref);
    struct ouch_cancel_reject refused = decoded(OUCH_CANCEL_REJECT).cancel_reject;
    assert_true(refused.time_ns == time_ns);
    assert_int_equal(refused.user_ref, user_ref);

    struct ouch_mass_cancel_response mass = decoded(OUCH_MASS_CANCEL_RESPONSE).mass_cancel_response;
    assert_true(mass.time_ns == time_ns);
    assert_int_equal(mass.user_ref, user_ref);
    assert_memory_equal(mass.firm, "FIRM", 4);
    assert_memory_equal(mass.symbol, "        ", 8);
    struct ouch_disable_response disabled = decoded(OUCH_DISABLE_RESPONSE).disable_response;
    assert_true(disabled.time_ns == time_ns);
    assert_int_equal(disabled.user_ref, user_ref);
    assert_memory_equal(disabled.firm, "FIRM", 4);
    struct ouch_enable_response enabled = decoded(OUCH_ENABLE_RESPONSE).enable_response;
    assert_true(enabled.time_ns == time_ns);
    assert_int_equal(enabled.user_ref, user_ref);
    assert_memory_equal(enabled.firm, "FIRM", 4);

    struct ouch_account_query_response next =
        decoded(OUCH_ACCOUNT_QUERY_RESPONSE).account_query_response;
    assert_true(next.time_ns == time_ns);
    assert_int_equal(next.next_user_ref, user_ref + 1);
}

static void encoder_writes_the_same_bytes(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        struct ouch_message message = decoded(vectors[i].kind);
        uint8_t at[128];
        memset(at, 0xa5, sizeof at);
        assert_int_equal(ouch_encode(&message, at, vectors[i].length), (int)vectors[i].length);
        assert_memory_equal(at, vectors[i].bytes, vectors[i].length);
        assert_int_equal(at[vectors[i].length], 0xa5);
        memset(at, 0xa5, sizeof at);
        assert_int_equal(ouch_encode(&message, at, vectors[i].length - 1), -ENOSPC);
        assert_int_equal(at[0], 0xa5);
    }
}

static void check_refused(const struct vector *vector, const void *bytes, size_t length,
                          enum ouch_fault_kind kind, size_t offset) {
    struct ouch_message message;
    struct ouch_fault fault;
    int result = decode(vector->direction, bytes, length, &message, &fault);
    if (result != -EBADMSG || fault.kind != kind || fault.offset != offset)
        fail_msg("%s of %zu bytes: %d, %s at %zu", ouch_kind_name(vector->kind), length, result,
                 ouch_fault_name(fault.kind), fault.offset);
    assert_int_equal(message.kind, OUCH_NOTHING);
    assert_non_null(strstr(err_text(), ouch_fault_name(kind)));
}

static void every_shorter_message_is_too_short(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(vectors); i++)
        for (size_t length = 0; length < vectors[i].length; length++)
            check_refused(&vectors[i], vectors[i].bytes, length, OUCH_FAULT_SHORT, length);
}

static void every_longer_message_is_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        const struct vector *vector = &vectors[i];
        uint8_t bytes[128] = { 0 };
        memcpy(bytes, vector->bytes, vector->length);
        size_t length = vector->length;
        if (vector->appendage != OPTIONAL) {
            check_refused(vector, bytes, length + 1, OUCH_FAULT_LONG, length);
            check_refused(vector, bytes, length + 2, OUCH_FAULT_LONG, length);
            continue;
        }
        /* One more byte is half of an appendage's length, two more say that it is empty. */
        check_refused(vector, bytes, length + 1, OUCH_FAULT_SHORT, length + 1);
        struct ouch_message message;
        struct ouch_fault fault;
        assert_int_equal(decode(vector->direction, bytes, length + 2, &message, &fault), 0);
        assert_int_equal(message.tags.bytes, 0);
        check_refused(vector, bytes, length + 3, OUCH_FAULT_LONG, length + 2);
        bytes[length + 1] = 1;
        check_refused(vector, bytes, length + 2, OUCH_FAULT_SHORT, length + 2);
        bytes[length] = 0xff; /* the longest there is */
        check_refused(vector, bytes, length + 2, OUCH_FAULT_SHORT, length + 2);
    }
}

static void only_letters_of_the_direction_are_messages(void **state) {
    (void)state;
    for (unsigned letter = 0; letter < 256; letter++) {
        for (int direction = OUCH_IN; direction <= OUCH_OUT; direction++) {
            const char *letters = direction == OUCH_IN ? "OUXMCDEQ" : "SAUCDEBJPITMRXGKQ";
            bool known = letter != 0 && strchr(letters, (int)letter) != NULL;
            uint8_t bytes[300] = { (uint8_t)letter };
            struct ouch_message message;
            struct ouch_fault fault;
            int result =
                decode((enum ouch_direction)direction, bytes, sizeof bytes, &message, &fault);
            assert_int_equal(result, -EBADMSG);
            assert_int_equal(fault.kind, known ? OUCH_FAULT_LONG : OUCH_FAULT_TYPE);
        }
    }
}

/* A field's bytes are replaced, and the message is taken or refused for that field. */
static void check_field(const char *why, enum ouch_kind kind, size_t offset, const void *put,
                        size_t bytes, bool good, const char *part, enum ouch_reject reject) {
    const struct vector *vector = vector_of(kind);
    uint8_t changed[128];
    memcpy(changed, vector->bytes, vector->length);
    memcpy(changed + offset, put, bytes);
    struct ouch_message message;
    struct ouch_fault fault;
    int result = decode(vector->direction, changed, vector->length, &message, &fault);
    if (result != (good ? 0 : -EINVAL))
        fail_msg("%s.%s, %s: %d", ouch_kind_name(kind), part, why, result);
    assert_int_equal(message.kind, kind);
    if (!good) {
        assert_int_equal(fault.kind, OUCH_FAULT_FIELD);
        assert_string_equal(fault.part, part);
        assert_int_equal(fault.offset, offset);
        if (fault.reject != reject)
            fail_msg("%s.%s, %s: to be refused as %s", ouch_kind_name(kind), part, why,
                     ouch_reject_name(fault.reject));
        assert_non_null(strstr(err_text(), part));
    }
    uint8_t back[128]; /* parts are as received, good or bad */
    assert_int_equal(ouch_encode(&message, back, sizeof back), (int)vector->length);
    assert_memory_equal(back, changed, vector->length);
}

static void letters_are_those_of_the_specification(void **state) {
    (void)state;
    static const struct {
        enum ouch_kind kind;
        size_t offset;
        const char *part, *letters;
        enum ouch_reject reject;
    } row[] = {
        { OUCH_ENTER_ORDER, 5, "side", "BSTE", OUCH_REJECT_INVALID_SIDE },
        { OUCH_ENTER_ORDER, 26, "tif", "0356E", OUCH_REJECT_OTHER },
        { OUCH_ENTER_ORDER, 27, "display", "YNA", OUCH_REJECT_INVALID_DISPLAY },
        { OUCH_ENTER_ORDER, 28, "capacity", "AOPR", OUCH_REJECT_OTHER },
        { OUCH_ENTER_ORDER, 29, "sweep", "YN", OUCH_REJECT_OTHER },
        { OUCH_ENTER_ORDER, 30, "cross", "NOCHSREA", OUCH_REJECT_INVALID_CROSS },
        { OUCH_REPLACE_ORDER, 21, "tif", "0356E", OUCH_REJECT_OTHER },
        { OUCH_REPLACE_ORDER, 22, "display", "YNA", OUCH_REJECT_INVALID_DISPLAY },
        { OUCH_REPLACE_ORDER, 23, "sweep", "YN", OUCH_REJECT_OTHER },
        { OUCH_MODIFY_ORDER, 5, "side", "BSTE", OUCH_REJECT_INVALID_SIDE },
        { OUCH_SYSTEM_EVENT, 9, "event", "SE", OUCH_REJECT_OTHER },
        { OUCH_ACCEPTED, 13, "side", "BSTE", OUCH_REJECT_INVALID_SIDE },
        { OUCH_ACCEPTED, 34, "tif", "0356E", OUCH_REJECT_OTHER },
        { OUCH_ACCEPTED, 35, "display", "YNAZ", OUCH_REJECT_INVALID_DISPLAY },
        { OUCH_ACCEPTED, 44, "capacity", "AOPR", OUCH_REJECT_OTHER },
        { OUCH_ACCEPTED, 45, "sweep", "YN", OUCH_REJECT_OTHER },
        { OUCH_ACCEPTED, 46, "cross", "NOCHSREA", OUCH_REJECT_INVALID_CROSS },
        { OUCH_ACCEPTED, 47, "state", "LD", OUCH_REJECT_OTHER },
        { OUCH_REPLACED, 17, "side", "BSTE", OUCH_REJECT_INVALID_SIDE },
        { OUCH_REPLACED, 38, "tif", "0356E", OUCH_REJECT_OTHER },
        { OUCH_REPLACED, 39, "display", "YNAZ", OUCH_REJECT_INVALID_DISPLAY },
        { OUCH_REPLACED, 48, "capacity", "AOPR", OUCH_REJECT_OTHER },
        { OUCH_REPLACED, 49, "sweep", "YN", OUCH_REJECT_OTHER },
        { OUCH_REPLACED, 50, "cross", "NOCHSREA", OUCH_REJECT_INVALID_CROSS },
        { OUCH_REPLACED, 51, "state", "LD", OUCH_REJECT_OTHER },
        { OUCH_CANCELED, 17, "reason", "DEFGHIKQSTUXZe", OUCH_REJECT_OTHER },
        { OUCH_AIQ_CANCELED, 17, "reason", "Q", OUCH_REJECT_OTHER },
        { OUCH_BROKEN_TRADE, 21, "reason", "ECSX", OUCH_REJECT_OTHER },
        { OUCH_PRIORITY_UPDATE, 21, "display", "YNAZ", OUCH_REJECT_INVALID_DISPLAY },
        { OUCH_MODIFIED, 13, "side", "BSTE", OUCH_REJECT_INVALID_SIDE },
        { OUCH_RESTATED, 13, "reason", "RP", OUCH_REJECT_OTHER },
    };
    for (size_t i = 0; i < COUNT_OF(row); i++) {
        for (unsigned letter = 0; letter < 256; letter++) {
            bool good = letter != 0 && strchr(row[i].letters, (int)letter) != NULL;
            uint8_t put = (uint8_t)letter;
            char why[32];
            (void)snprintf(why, sizeof why, "letter 0x%02x", letter);
            check_field(why, row[i].kind, row[i].offset, &put, 1, good, row[i].part, row[i].reject);
        }
    }
}

static void flags_are_printable(void **state) {
    (void)state;
    static const struct {
        uint8_t letter;
        bool good;
    } row[] = { { 0, false },  { ' ', false },  { '!', true },   { 'R', true },
                { '~', true }, { 0x7f, false }, { 0x80, false }, { 0xff, false } };
    for (size_t i = 0; i < COUNT_OF(row); i++) {
        check_field("flag", OUCH_EXECUTED, 25, &row[i].letter, 1, row[i].good, "liquidity",
                    OUCH_REJECT_OTHER);
        check_field("flag", OUCH_AIQ_CANCELED, 30, &row[i].letter, 1, row[i].good, "liquidity",
                    OUCH_REJECT_OTHER);
        check_field("flag", OUCH_AIQ_CANCELED, 31, &row[i].letter, 1, row[i].good, "strategy",
                    OUCH_REJECT_OTHER);
    }
}

static void quantities_end_at_999999(void **state) {
    (void)state;
    static const struct {
        enum ouch_kind kind;
        size_t offset;
        const char *part;
        bool zero;
    } field[] = {
        { OUCH_ENTER_ORDER, 6, "quantity", false },
        { OUCH_REPLACE_ORDER, 9, "quantity", false },
        { OUCH_CANCEL_ORDER, 5, "quantity", true },
        { OUCH_MODIFY_ORDER, 6, "quantity", false },
        { OUCH_ACCEPTED, 14, "quantity", false },
        { OUCH_REPLACED, 18, "quantity", true },
        { OUCH_CANCELED, 13, "quantity", true },
        { OUCH_AIQ_CANCELED, 13, "quantity", true },
        { OUCH_EXECUTED, 13, "quantity", false },
        { OUCH_MODIFIED, 14, "quantity", true },
        { OUCH_AIQ_CANCELED, 18, "quantity_prevented", true },
    };
    for (size_t i = 0; i < COUNT_OF(field); i++) {
        const struct {
            const char *why;
            const char *put;
            bool good;
        } row[] = {
            { "none", "\x00\x00\x00\x00", field[i].zero },
            { "one", "\x00\x00\x00\x01", true },
            { "one below the limit", "\x00\x0f\x42\x3e", true },
            { "the limit", "\x00\x0f\x42\x3f", true },
            { "one above it", "\x00\x0f\x42\x40", false },
            { "negative, if it were signed", "\x80\x00\x00\x01", false },
            { "all ones", "\xff\xff\xff\xff", false },
        };
        for (size_t j = 0; j < COUNT_OF(row); j++)
            check_field(row[j].why, field[i].kind, field[i].offset, row[j].put, 4, row[j].good,
                        field[i].part, OUCH_REJECT_INVALID_QUANTITY);
    }
}

static void prices_end_at_the_limit_or_mean_the_market(void **state) {
    (void)state;
    static const struct {
        enum ouch_kind kind;
        size_t offset;
    } field[] = {
        { OUCH_ENTER_ORDER, 18 }, { OUCH_REPLACE_ORDER, 13 }, { OUCH_ACCEPTED, 26 },
        { OUCH_REPLACED, 30 },    { OUCH_EXECUTED, 17 },      { OUCH_PRIORITY_UPDATE, 13 }
    };
    static const struct {
        const char *why;
        const char *put;
        bool good;
    } row[] = {
        { "nothing", "\x00\x00\x00\x00\x00\x00\x00\x00", false },
        { "the least", "\x00\x00\x00\x00\x00\x00\x00\x01", true },
        { "one below the limit", "\x00\x00\x00\x00\x77\x35\x93\x9b", true },
        { "$199,999.9900", "\x00\x00\x00\x00\x77\x35\x93\x9c", true },
        { "one above it", "\x00\x00\x00\x00\x77\x35\x93\x9d", false },
        { "one below the market", "\x00\x00\x00\x00\x77\x35\x93\xff", false },
        { "$200,000.0000, the market", "\x00\x00\x00\x00\x77\x35\x94\x00", true },
        { "one above the market", "\x00\x00\x00\x00\x77\x35\x94\x01", false },
        { "one below the market in a cross", "\x00\x00\x00\x00\x7f\xff\xff\xfe", false },
        { "$214,748.3647, the market in a cross", "\x00\x00\x00\x00\x7f\xff\xff\xff", true },
        { "one above it", "\x00\x00\x00\x00\x80\x00\x00\x00", false },
        { "good if only 32 bits counted", "\x00\x00\x00\x01\x00\x00\x00\x01", false },
        { "negative, if it were signed", "\xff\xff\xff\xff\xff\xff\xff\xff", false },
    };
    for (size_t i = 0; i < COUNT_OF(field); i++)
        for (size_t j = 0; j < COUNT_OF(row); j++)
            check_field(row[j].why, field[i].kind, field[i].offset, row[j].put, 8, row[j].good,
                        "price_e4", OUCH_REJECT_INVALID_PRICE);
}

static void symbols_are_padded_behind(void **state) {
    (void)state;
    static const struct {
        enum ouch_kind kind;
        size_t offset;
        bool blank;
    } field[] = { { OUCH_ENTER_ORDER, 10, false },
                  { OUCH_MASS_CANCEL, 9, true },
                  { OUCH_ACCEPTED, 18, false },
                  { OUCH_REPLACED, 22, false },
                  { OUCH_MASS_CANCEL_RESPONSE, 17, true } };
    for (size_t i = 0; i < COUNT_OF(field); i++) {
        const struct {
            const char *why;
            const char *put;
            bool good;
        } row[] = {
            { "one letter", "A       ", true },
            { "full", "ABCDEFGH", true },
            { "with a suffix", "BRK.A   ", true },
            { "blank", "        ", field[i].blank },
            { "to the right", "    AAPL", false },
            { "a gap", "BRK A   ", false },
            { "a gap before the last letter", "ABCDEF H", false },
            { "padded with zeros", "AAPL\x00\x00\x00\x00", false },
            { "all zeros", "\x00\x00\x00\x00\x00\x00\x00\x00", false },
            { "a control letter", "AA\x1fL    ", false },
            { "the last letter of ASCII", "AA~L    ", true },
            { "one beyond it", "AA\x7fL    ", false },
            { "not ASCII", "AA\xc4L    ", false },
        };
        for (size_t j = 0; j < COUNT_OF(row); j++)
            check_field(row[j].why, field[i].kind, field[i].offset, row[j].put, 8, row[j].good,
                        "symbol", OUCH_REJECT_INVALID_SYMBOL);
    }
}

static void text_is_printable(void **state) {
    (void)state;
    static const struct {
        enum ouch_kind kind;
        size_t offset, bytes;
        const char *part;
        bool any;
    } field[] = {
        { OUCH_ENTER_ORDER, 31, 14, "client_order_id", false },
        { OUCH_REPLACE_ORDER, 24, 14, "client_order_id", false },
        { OUCH_MASS_CANCEL, 5, 4, "firm", false },
        { OUCH_DISABLE_ENTRY, 5, 4, "firm", false },
        { OUCH_ENABLE_ENTRY, 5, 4, "firm", false },
        { OUCH_ACCEPTED, 48, 14, "client_order_id", false },
        { OUCH_REPLACED, 52, 14, "client_order_id", false },
        { OUCH_BROKEN_TRADE, 22, 14, "client_order_id", false },
        { OUCH_REJECTED, 15, 14, "client_order_id", true }, /* given back, good or bad */
        { OUCH_MASS_CANCEL_RESPONSE, 13, 4, "firm", false },
        { OUCH_DISABLE_RESPONSE, 13, 4, "firm", false },
        { OUCH_ENABLE_RESPONSE, 13, 4, "firm", false },
    };
    for (size_t i = 0; i < COUNT_OF(field); i++) {
        for (size_t j = 0; j < field[i].bytes; j++) {
            for (unsigned letter = 0; letter < 256; letter++) {
                uint8_t put[14];
                memset(put, ' ', sizeof put);
                put[j] = (uint8_t)letter;
                bool good = field[i].any || (letter >= 0x20 && letter < 0x7f);
                check_field("letter", field[i].kind, field[i].offset, put, field[i].bytes, good,
                            field[i].part, OUCH_REJECT_OTHER);
            }
        }
    }
}

static void reject_reasons_are_1_to_0x33(void **state) {
    (void)state;
    for (unsigned reason = 0; reason < 0x10000; reason++) {
        bool known = reason >= 1 && reason <= 0x33;
        assert_true((ouch_reject_name(reason)[0] != '?') == known);
        if (reason > 0x40 && reason % 0x100 != 1) continue;
        uint8_t put[2] = { (uint8_t)(reason >> 8), (uint8_t)reason };
        check_field("reason", OUCH_REJECTED, 13, put, 2, known, "reason", OUCH_REJECT_OTHER);
    }
    assert_int_equal(OUCH_REJECT_QUOTE_UNAVAILABLE, 0x0001);
    assert_int_equal(OUCH_REJECT_INVALID_SIDE, 0x0009);
    assert_int_equal(OUCH_REJECT_OTHER, 0x000f);
    assert_int_equal(OUCH_REJECT_INVALID_QUANTITY, 0x0013);
    assert_int_equal(OUCH_REJECT_INVALID_SYMBOL, 0x0017);
    assert_int_equal(OUCH_REJECT_INVALID_PRICE, 0x001d);
    assert_int_equal(OUCH_REJECT_NOTIONAL_EXCEEDS_MAX, 0x001f);
    assert_int_equal(OUCH_REJECT_RISK_AGGREGATE_EXPOSURE, 0x0020);
    assert_int_equal(OUCH_REJECT_RISK_ORDER_NOTIONAL, 0x0030);
    assert_int_equal(OUCH_REJECT_RISK_IPO_MARKET_BUY, 0x0033);
    assert_string_equal(ouch_cancel_name('I'), "IOC");
    assert_string_equal(ouch_cancel_name('A'), "?");
}

static void first_bad_part_is_named(void **state) {
    (void)state;
    uint8_t bytes[] = ENTER;
    bytes[5] = 'x';          /* side */
    memset(bytes + 6, 0, 4); /* quantity */
    struct ouch_message message;
    struct ouch_fault fault;
    assert_int_equal(decode(OUCH_IN, bytes, 47, &message, &fault), -EINVAL);
    assert_string_equal(fault.part, "side");
    bytes[5] = 'B';
    assert_int_equal(decode(OUCH_IN, bytes, 47, &message, &fault), -EINVAL);
    assert_string_equal(fault.part, "quantity");
    assert_int_equal(message.enter_order.user_ref, user_ref);
    assert_memory_equal(message.enter_order.client_order_id, "my first order", 14);
}

/* Decodes the message of a kind with these elements behind it; bytes is theirs. */
static int decode_tags(enum ouch_kind kind, const void *tags, size_t bytes,
                       struct ouch_message *message, struct ouch_fault *fault) {
    const struct vector *vector = vector_of(kind);
    uint8_t whole[600];
    size_t body = vector->appendage == ALWAYS ? vector->least - 2 : vector->least;
    memcpy(whole, vector->bytes, body);
    whole[body] = (uint8_t)(bytes >> 8);
    whole[body + 1] = (uint8_t)bytes;
    memcpy(whole + body + 2, tags, bytes);
    return decode(vector->direction, whole, body + 2 + bytes, message, fault);
}

static void elements_of_the_appendage_are_checked(void **state) {
    (void)state;
    static const struct {
        const char *why;
        const char *tags;
        size_t bytes;
        enum ouch_fault_kind kind;
        uint8_t tag;
        const char *part;
        size_t offset; /* behind the appendage's length */
    } row[] = {
#define TAGS(literal) literal, sizeof(literal) - 1
        { "one tag", TAGS("\x02\x0cP"), OUCH_FAULT_NONE, 0, "", 0 },
        { "two tags", TAGS("\x02\x0cP\x05\x03\x00\x00\x00\x64"), OUCH_FAULT_NONE, 0, "", 0 },
        { "the same, other order", TAGS("\x05\x03\x00\x00\x00\x64\x02\x0cP"), OUCH_FAULT_NONE, 0,
          "", 0 },
        { "length 0", TAGS("\x00"), OUCH_FAULT_TAG_EMPTY, 0, "tag", 0 },
        { "length 0 before a good one", TAGS("\x00\x02\x0cP"), OUCH_FAULT_TAG_EMPTY, 0, "tag", 0 },
        { "length 0 behind a good one", TAGS("\x02\x0cP\x00"), OUCH_FAULT_TAG_EMPTY, 0, "tag", 3 },
        { "a tag without a value", TAGS("\x01\x0c"), OUCH_FAULT_TAG_EMPTY, 12, "POST_ONLY", 0 },
        { "a length alone", TAGS("\x02"), OUCH_FAULT_TAG_CUT, 0, "tag", 0 },
        { "no value", TAGS("\x02\x0c"), OUCH_FAULT_TAG_CUT, 12, "POST_ONLY", 0 },
        { "three of four bytes", TAGS("\x05\x03\x00\x00\x00"), OUCH_FAULT_TAG_CUT, 3,
          "MIN_QUANTITY", 0 },
        { "one byte behind a good one", TAGS("\x02\x0cP\x02"), OUCH_FAULT_TAG_CUT, 0, "tag", 3 },
        { "the longest", TAGS("\xff\x0cP"), OUCH_FAULT_TAG_CUT, 12, "POST_ONLY", 0 },
        { "twice", TAGS("\x02\x0cP\x02\x0cP"), OUCH_FAULT_TAG_DUPLICATE, 12, "POST_ONLY", 3 },
        { "twice, apart", TAGS("\x02\x0cP\x02\x1c\x01\x02\x0cN"), OUCH_FAULT_TAG_DUPLICATE, 12,
          "POST_ONLY", 6 },
        { "one byte too many", TAGS("\x03\x0cPP"), OUCH_FAULT_TAG_SIZE, 12, "POST_ONLY", 0 },
        { "one byte too few", TAGS("\x04\x03\x00\x00\x64"), OUCH_FAULT_TAG_SIZE, 3, "MIN_QUANTITY",
          0 },
        { "a number that is not given", TAGS("\x05\x08\x00\x00\x00\x00"), OUCH_FAULT_TAG_UNKNOWN, 8,
          "tag", 0 },
        { "number 0", TAGS("\x02\x00P"), OUCH_FAULT_TAG_UNKNOWN, 0, "tag", 0 },
        { "one above the last number", TAGS("\x02\x1d\x01"), OUCH_FAULT_TAG_UNKNOWN, 29, "tag", 0 },
        { "the last number there can be", TAGS("\x02\xffx"), OUCH_FAULT_TAG_UNKNOWN, 255, "tag",
          0 },
        { "a value that is not", TAGS("\x02\x0cY"), OUCH_FAULT_TAG_VALUE, 12, "POST_ONLY", 0 },
    };
    for (size_t i = 0; i < COUNT_OF(row); i++) {
        struct ouch_message message;
        struct ouch_fault fault;
        int result = decode_tags(OUCH_ENTER_ORDER, row[i].tags, row[i].bytes, &message, &fault);
        if (result != (row[i].kind == OUCH_FAULT_NONE ? 0 : -EINVAL) || fault.kind != row[i].kind)
            fail_msg("%s: %d, %s", row[i].why, result, ouch_fault_name(fault.kind));
        assert_int_equal(message.enter_order.user_ref, user_ref);
        if (result == 0) {
            assert_int_equal(message.tags.bytes, row[i].bytes);
            assert_memory_equal(message.tags.at, row[i].tags, row[i].bytes);
            continue;
        }
        assert_int_equal(message.tags.bytes, 0);
        if (fault.tag != row[i].tag || strcmp(fault.part, row[i].part) != 0)
            fail_msg("%s: tag %u, %s", row[i].why, fault.tag, fault.part);
        assert_int_equal(fault.offset, 47 + row[i].offset);
        assert_int_equal(fault.reject, OUCH_REJECT_OTHER);
    }
}

// clang-format off
static void every_tag_has_its_size_and_values(void **state) {
    (void)state;
    static const struct {
        uint8_t number;
        size_t bytes;
        const char *good[3], *bad[3];
        enum ouch_reject reject;
    } row[] = {
        {  1, 8, { "\x00\x00\x00\x00\x00\x00\x00\x00", "\xff\xff\xff\xff\xff\xff\xff\xff" }, { 0 }, 0 },
        {  2, 4, { "FIRM", "F   ", "    " }, { "F\x00\x00\x00", "\xff   " }, OUCH_REJECT_FIRM_NOT_AUTHORIZED },
        {  3, 4, { "\x00\x00\x00\x00", "\x00\x0f\x42\x3f" }, { "\x00\x0f\x42\x40" }, OUCH_REJECT_INVALID_MIN_QUANTITY },
        {  4, 1, { "R", "N" }, { "Y", "" }, OUCH_REJECT_RETAIL_NOT_ALLOWED },
        {  5, 4, { "\x00\x00\x00\x00", "\x00\x0f\x42\x3f" }, { "\x00\x0f\x42\x40" }, OUCH_REJECT_INVALID_MAX_FLOOR },
        {  6, 1, { "L", "Q", "m" }, { "l", "N" }, OUCH_REJECT_INVALID_PEG_TYPE },
        {  7, 4, { "\x80\x00\x00\x00", "\x7f\xff\xff\xff" }, { 0 }, 0 },
        {  9, 8, { "\x00\x00\x00\x00\x77\x35\x93\x9c" },
                 { "\x00\x00\x00\x00\x77\x35\x93\x9d", "\x00\x00\x00\x00\x00\x00\x00\x00" }, OUCH_REJECT_INVALID_PRICE },
        { 10, 1, { "L", "P", "R" }, { "Q", "m" }, OUCH_REJECT_INVALID_PEG_TYPE },
        { 11, 4, { "\xff\xff\xff\xff" }, { 0 }, 0 },
        { 12, 1, { "P", "N" }, { "Y", " " }, OUCH_REJECT_OTHER },
        { 13, 4, { "\x00\x0f\x42\x3f" }, { "\x00\x0f\x42\x40" }, OUCH_REJECT_OTHER },
        { 14, 4, { "SCAN" }, { "\x01\x01\x01\x01" }, OUCH_REJECT_INVALID_DESTINATION },
        { 15, 4, { "\x00\x00\x00\x00", "\x00\x01\x51\x7f" }, { "\x00\x01\x51\x80" }, OUCH_REJECT_OTHER },
        { 16, 1, { "Y", "N" }, { "P" }, OUCH_REJECT_OTHER },
        { 17, 1, { "I", "B", "D" }, { "A" }, OUCH_REJECT_OTHER },
        { 18, 1, { "0", " ", "N" }, { "4" }, OUCH_REJECT_OTHER },
        { 22, 4, { "\x00\x0f\x42\x3f" }, { "\x00\x0f\x42\x40" }, OUCH_REJECT_OTHER },
        { 23, 8, { "\x00\x00\x00\x00\x00\x00\x00\x01" }, { "\x00\x00\x00\x00\x80\x00\x00\x00" }, OUCH_REJECT_OTHER },
        { 24, 2, { "\x00\x00", "\xff\xff" }, { 0 }, 0 },
        { 25, 1, { "Y", "N" }, { "y" }, OUCH_REJECT_OTHER },
        { 26, 4, { "BRKR" }, { "BRK\x7f" }, OUCH_REJECT_OTHER },
        { 27, 1, { "B", "E" }, { "X" }, OUCH_REJECT_INVALID_SIDE },
        { 28, 1, { "\x00", "\xff" }, { 0 }, 0 },
    };
    // clang-format on
    bool known[256] = { false };
    for (size_t i = 0; i < COUNT_OF(row); i++) {
        known[row[i].number] = true;
        for (size_t j = 0; j < 6; j++) {
            const char *value = j < 3 ? row[i].good[j] : row[i].bad[j - 3];
            if (value == NULL) continue;
            uint8_t tags[10] = { (uint8_t)(row[i].bytes + 1), row[i].number };
            memcpy(tags + 2, value, row[i].bytes);
            struct ouch_message message;
            struct ouch_fault fault;
            int result = decode_tags(OUCH_ENTER_ORDER, tags, row[i].bytes + 2, &message, &fault);
            if (result != (j < 3 ? 0 : -EINVAL))
                fail_msg("tag %u, value %zu: %d", row[i].number, j, result);
            if (j < 3) continue;
            assert_int_equal(fault.kind, OUCH_FAULT_TAG_VALUE);
            assert_int_equal(fault.tag, row[i].number);
            assert_int_equal(fault.reject, row[i].reject);
        }
    }
    for (unsigned number = 0; number < 256; number++) {
        for (uint8_t bytes = 1; bytes < 12; bytes++) {
            uint8_t tags[16] = { (uint8_t)(bytes + 1), (uint8_t)number };
            struct ouch_message message;
            struct ouch_fault fault;
            int result = decode_tags(OUCH_ENTER_ORDER, tags, bytes + 2u, &message, &fault);
            size_t size = 0;
            for (size_t i = 0; i < COUNT_OF(row); i++)
                if (row[i].number == number) size = row[i].bytes;
            if (!known[number]) {
                assert_int_equal(result, -EINVAL);
                assert_int_equal(fault.kind, OUCH_FAULT_TAG_UNKNOWN);
            } else if (bytes != size) {
                assert_int_equal(fault.kind, OUCH_FAULT_TAG_SIZE);
            } else {
                assert_true(fault.kind == OUCH_FAULT_NONE || fault.kind == OUCH_FAULT_TAG_VALUE);
            }
        }
    }
}

static void letters_of_tags_are_those_of_the_specification(void **state) {
    (void)state;
    static const struct {
        uint8_t number;
        const char *letters;
    } row[] = { { 4, "RN" },      { 6, "LPMRQm" },   { 10, "LPMR" }, { 12, "PN" },  { 16, "YN" },
                { 17, "IOTQBD" }, { 18, "0123 SN" }, { 25, "YN" },   { 27, "BSTE" } };
    for (size_t i = 0; i < COUNT_OF(row); i++) {
        for (unsigned letter = 0; letter < 256; letter++) {
            bool good = letter != 0 && strchr(row[i].letters, (int)letter) != NULL;
            uint8_t tags[] = { 2, row[i].number, (uint8_t)letter };
            struct ouch_message message;
            struct ouch_fault fault;
            int result = decode_tags(OUCH_ENTER_ORDER, tags, sizeof tags, &message, &fault);
            if (result != (good ? 0 : -EINVAL))
                fail_msg("tag %u, letter 0x%02x: %d", row[i].number, letter, result);
            if (!good) assert_int_equal(fault.kind, OUCH_FAULT_TAG_VALUE);
        }
    }
}

static void unknown_tags_of_a_host_are_left_to_the_caller(void **state) {
    (void)state;
    struct ouch_message message;
    struct ouch_fault fault;
    struct ouch_tag tag;
    assert_int_equal(decode_tags(OUCH_EXECUTED, "\x02\x1c\x07\x04\xc8xyz", 8, &message, &fault), 0);
    struct ouch_tags rest = message.tags;
    assert_true(ouch_tags_next(&rest, &tag));
    assert_int_equal(tag.number, OUCH_TAG_USER_REF_INDEX);
    assert_int_equal(tag.bytes, 1);
    assert_int_equal(ouch_tag_unsigned(&tag), 7);
    assert_true(ouch_tags_next(&rest, &tag));
    assert_int_equal(tag.number, 200);
    assert_int_equal(tag.bytes, 3);
    assert_memory_equal(tag.value, "xyz", 3);
    assert_false(ouch_tags_next(&rest, &tag));
    assert_false(ouch_tags_find(message.tags, OUCH_TAG_MIN_QUANTITY, &tag));
    assert_true(ouch_tags_find(message.tags, OUCH_TAG_USER_REF_INDEX, &tag));

    assert_int_equal(decode_tags(OUCH_EXECUTED, "\x02\xc8x\x02\xc8x", 6, &message, &fault),
                     -EINVAL);
    assert_int_equal(fault.kind, OUCH_FAULT_TAG_DUPLICATE);
    assert_int_equal(fault.tag, 200);
}

static void iterating_stops_at_a_broken_element(void **state) {
    (void)state;
    struct ouch_tag tag;
    static const struct {
        const char *tags;
        size_t bytes;
    } row[] = { { "", 0 }, { "\x00", 1 }, { "\x01\x0c", 2 }, { "\x02", 1 }, { "\x03\x0cP", 3 } };
    for (size_t i = 0; i < COUNT_OF(row); i++) {
        struct ouch_tags rest = { .at = (const uint8_t *)row[i].tags, .bytes = row[i].bytes };
        assert_false(ouch_tags_next(&rest, &tag));
    }
}

static void tags_are_written_as_the_specification_says(void **state) {
    (void)state;
    uint8_t at[10];
    assert_int_equal(ouch_tag_encode(at, OUCH_TAG_MIN_QUANTITY, 0x01020304), 6);
    assert_memory_equal(at, "\x05\x03\x01\x02\x03\x04", 6);
    assert_int_equal(ouch_tag_encode(at, OUCH_TAG_POST_ONLY, OUCH_POST_ONLY_POST_ONLY), 3);
    assert_memory_equal(at, "\x02\x0cP", 3);
    assert_int_equal(ouch_tag_encode(at, OUCH_TAG_PEG_OFFSET, (uint64_t)INT64_C(-2)), 6);
    assert_memory_equal(at, "\x05\x07\xff\xff\xff\xfe", 6);
    assert_int_equal(ouch_tag_encode(at, OUCH_TAG_DISCRETION_PRICE, UINT64_C(0x0102030405060708)),
                     10);
    assert_memory_equal(at, "\x09\x09\x01\x02\x03\x04\x05\x06\x07\x08", 10);
    assert_int_equal(ouch_tag_encode(at, OUCH_TAG_GROUP_ID, 0xabcd), 4);
    assert_memory_equal(at, "\x03\x18\xab\xcd", 4);
    assert_int_equal(ouch_tag_encode_text(at, OUCH_TAG_FIRM, "FI"), 6);
    assert_memory_equal(at,
                        "\x05\x02"
                        "FI  ",
                        6);

    struct ouch_tag tag = { .number = OUCH_TAG_PEG_OFFSET, .bytes = 4 };
    tag.value = (const uint8_t *)"\xff\xff\xff\xfe";
    assert_true(ouch_tag_signed(&tag) == -2);
    assert_true(ouch_tag_unsigned(&tag) == 0xfffffffe);
    tag.value = (const uint8_t *)"\x7f\xff\xff\xff";
    assert_true(ouch_tag_signed(&tag) == 0x7fffffff);
    tag = (struct ouch_tag){ .bytes = 8,
                             .value = (const uint8_t *)"\x80\x00\x00\x00\x00\x00\x00\x01" };
    assert_true(ouch_tag_signed(&tag) == INT64_MIN + 1);
}

static void text_fields_are_padded_and_trimmed(void **state) {
    (void)state;
    char field[8], text[9];
    ouch_field_put(field, sizeof field, "AAPL");
    assert_memory_equal(field, "AAPL    ", 8);
    assert_string_equal(ouch_field_text(field, sizeof field, text), "AAPL");
    ouch_field_put(field, sizeof field, "ABCDEFGH");
    assert_memory_equal(field, "ABCDEFGH", 8);
    assert_string_equal(ouch_field_text(field, sizeof field, text), "ABCDEFGH");
    ouch_field_put(field, sizeof field, "");
    assert_string_equal(ouch_field_text(field, sizeof field, text), "");
}

static void messages_are_told_in_words(void **state) {
    (void)state;
    char text[OUCH_TEXT_BYTES];
    struct ouch_message message = decoded(OUCH_ENTER_ORDER);
    uint8_t tags[16];
    size_t bytes = ouch_tag_encode(tags, OUCH_TAG_PEG_OFFSET, (uint64_t)INT64_C(-100));
    bytes += ouch_tag_encode(tags + bytes, OUCH_TAG_BBO_WEIGHT, OUCH_BBO_WEIGHT_UNSPECIFIED);
    message.tags = (struct ouch_tags){ .at = tags, .bytes = bytes };
    message.enter_order.client_order_id[2] = '\n';
    assert_string_equal(
        ouch_message_text(&message, text),
        "ENTER_ORDER user_ref=16909060 side='T' quantity=123456 symbol='AAPL' price_e4=1875000 "
        "tif='3' display='A' capacity='P' sweep='Y' cross='C' client_order_id='my\\x0afirst order' "
        "PEG_OFFSET=-100 BBO_WEIGHT=' '");
    message = (struct ouch_message){ .kind = OUCH_NOTHING };
    assert_string_equal(ouch_message_text(&message, text), "NOTHING");

    /* The longest text there is: every letter to be escaped, and more tags than there is room for.
     */
    uint8_t many[3 * 255];
    for (size_t i = 0; i < 255; i++) memcpy(many + 3 * i, "\x02\xc8x", 3);
    message = decoded(OUCH_REPLACED);
    memset(&message.replaced, 0xff, sizeof message.replaced);
    message.tags = (struct ouch_tags){ .at = many, .bytes = sizeof many };
    assert_int_equal(strlen(ouch_message_text(&message, text)), OUCH_TEXT_BYTES - 1);
}

static uint64_t seed_of_run(void) {
    const char *text = getenv("SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 1;
    print_message("seed %llu\n", (unsigned long long)seed);
    return seed;
}

static uint64_t draw(struct random *random) {
    return random_next(random) >> random_below(random, 64);
}

/* Random bytes over a vector: often still a message, good or bad. Whatever is taken is written as
   the same bytes, and what is refused holds its parts. */
static void random_changes_come_back_or_are_refused(void **state) {
    (void)state;
    struct random random = random_seeded(seed_of_run());
    size_t taken = 0, refused = 0, broken = 0;
    for (int round = 0; round < 200000; round++) {
        const struct vector *vector = &vectors[random_below(&random, COUNT_OF(vectors))];
        uint8_t bytes[128] = { 0 };
        memcpy(bytes, vector->bytes, vector->length);
        size_t length = vector->length + (random_below(&random, 8) == 0);
        for (uint64_t changes = random_below(&random, 3); changes > 0; changes--) {
            uint64_t at = random_below(&random, length);
            uint8_t bit = (uint8_t)(1u << random_below(&random, 8));
            bytes[at] = random_below(&random, 2) ? (uint8_t)random_next(&random)
                                                 : (uint8_t)(bytes[at] ^ bit);
        }
        struct ouch_message message;
        struct ouch_fault fault;
        uint8_t back[128];
        int result = decode(vector->direction, bytes, length, &message, &fault);
        if (result == -EBADMSG) {
            assert_int_equal(message.kind, OUCH_NOTHING);
            broken++;
            continue;
        }
        int written = ouch_encode(&message, back, sizeof back);
        assert_true(written > 0);
        if (result == 0) {
            assert_int_equal(written, (int)length);
            assert_memory_equal(back, bytes, length);
            taken++;
        } else {
            assert_int_equal(result, -EINVAL);
            size_t tags_length = message.tags.bytes == 0 ? 2 : 0; /* not as it came */
            assert_memory_equal(back, bytes, (size_t)written - tags_length);
            refused++;
        }
    }
    assert_true(taken > 1000);
    assert_true(refused > 1000);
    assert_true(broken > 1000);
}

/* Draws a field of a type; letters are chosen from the rule's, written here again. */
// clang-format off
static char pick(struct random *random, const char *letters) { return letters[random_below(random, strlen(letters))]; }
static void draw_text(struct random *random, char *field, size_t bytes, size_t least, bool gaps) {
    size_t letters = least + (size_t)random_below(random, bytes + 1 - least);
    memset(field, ' ', bytes);
    for (size_t i = 0; i < letters; i++) field[i] = (char)((gaps ? ' ' : '!') + (char)random_below(random, gaps ? 95 : 94));
}
static uint64_t draw_price(struct random *random) {
    switch (random_below(random, 8)) {
    case 0: return 0x77359400;
    case 1: return 0x7fffffff;
    case 2: return 0x7735939c;
    default: return 1 + random_below(random, 0x7735939c);
    }
}
#define DRAW_ANY_U32(to)       ((to) = (uint32_t)draw(&random))
#define DRAW_ANY_U64(to)       ((to) = draw(&random))
#define DRAW_ANY_TEXT14(to)    draw_text(&random, to, 14, 0, true)
#define DRAW_SHARES_U32(to)    ((to) = 1 + (uint32_t)random_below(&random, 999999))
#define DRAW_SHARES_OR_0_U32(to) ((to) = (uint32_t)random_below(&random, 1000000))
#define DRAW_PRICE_U64(to)     ((to) = draw_price(&random))
#define DRAW_SYMBOL_TEXT8(to)  draw_text(&random, to, 8, 1, false)
#define DRAW_SYMBOL_OR_ALL_TEXT8(to) draw_text(&random, to, 8, 0, false)
#define DRAW_TEXT_TEXT4(to)    draw_text(&random, to, 4, 0, true)
#define DRAW_TEXT_TEXT14(to)   draw_text(&random, to, 14, 0, true)
#define DRAW_REJECT_U16(to)    ((to) = (uint16_t)(1 + random_below(&random, 0x33)))
#define DRAW_PRINTABLE_CHAR(to) ((to) = (char)('!' + (char)random_below(&random, 94)))
#define DRAW_SIDE_CHAR(to)     ((to) = pick(&random, "BSTE"))
#define DRAW_TIF_CHAR(to)      ((to) = pick(&random, "0356E"))
#define DRAW_DISPLAY_IN_CHAR(to) ((to) = pick(&random, "YNA"))
#define DRAW_DISPLAY_CHAR(to)  ((to) = pick(&random, "YNAZ"))
#define DRAW_CAPACITY_CHAR(to) ((to) = pick(&random, "AOPR"))
#define DRAW_YES_CHAR(to)      ((to) = pick(&random, "YN"))
#define DRAW_CROSS_CHAR(to)    ((to) = pick(&random, "NOCHSREA"))
#define DRAW_STATE_CHAR(to)    ((to) = pick(&random, "LD"))
#define DRAW_EVENT_CHAR(to)    ((to) = pick(&random, "SE"))
#define DRAW_CANCEL_CHAR(to)   ((to) = pick(&random, "DEFGHIKQSTUXZe"))
#define DRAW_SELF_MATCH_CHAR(to) ((to) = 'Q')
#define DRAW_BROKEN_CHAR(to)   ((to) = pick(&random, "ECSX"))
#define DRAW_RESTATED_CHAR(to) ((to) = pick(&random, "RP"))

/* Half of the time no tags; otherwise each of six with even odds. */
static size_t draw_tags(struct random *random, uint8_t *at) {
    size_t bytes = 0;
    uint64_t which = random_below(random, 2) ? random_next(random) : 0;
    if (which & 1) bytes += ouch_tag_encode(at + bytes, OUCH_TAG_PEG_OFFSET, draw(random));
    if (which & 2) bytes += ouch_tag_encode(at + bytes, OUCH_TAG_DISCRETION_PRICE, draw_price(random));
    if (which & 4) bytes += ouch_tag_encode(at + bytes, OUCH_TAG_GROUP_ID, draw(random));
    if (which & 8) bytes += ouch_tag_encode(at + bytes, OUCH_TAG_USER_REF_INDEX, draw(random));
    if (which & 16) bytes += ouch_tag_encode_text(at + bytes, OUCH_TAG_ROUTE, "SCAN");
    if (which & 32) bytes += ouch_tag_encode(at + bytes, OUCH_TAG_EXPIRE_TIME, random_below(random, 86400));
    return bytes;
}

static void random_messages_come_back(void **state) {
    (void)state;
    struct random random = random_seeded(seed_of_run());
    for (int round = 0; round < 100000; round++) {
        struct ouch_message sent = { .kind = (enum ouch_kind)(1 + random_below(&random, OUCH_KINDS - 1)) }, got;
        const struct vector *vector = vector_of(sent.kind);
        uint8_t tags[OUCH_TAGS_BYTES_MAX], at[OUCH_BYTES_MAX];
        if (vector->appendage != NEVER) sent.tags = (struct ouch_tags){ .at = tags, .bytes = draw_tags(&random, tags) };
        switch (sent.kind) {
#define MSG(direction, KIND, kind, letter, meaning)       case OUCH_##KIND:
#define PART(kind, part, type, offset, rule, meaning)     DRAW_##rule##_##type(sent.kind.part);
#define END(KIND, kind, body_bytes, appendage, bytes_min) break;
#include "host/wire/ouch_messages.def"
#undef MSG
#undef PART
#undef END
        case OUCH_NOTHING:
        case OUCH_KINDS: break;
        }
        int bytes = ouch_encode(&sent, at, sizeof at);
        assert_true(bytes >= (int)vector->least);
        struct ouch_fault fault;
        if (decode(vector->direction, at, (size_t)bytes, &got, &fault) != 0) fail_msg("round %d: %s", round, err_text());
        assert_int_equal(got.kind, sent.kind);
        assert_int_equal(got.tags.bytes, sent.tags.bytes);
        if (sent.tags.bytes > 0) assert_memory_equal(got.tags.at, sent.tags.at, sent.tags.bytes);
        switch (sent.kind) {
#define MSG(direction, KIND, kind, letter, meaning)       case OUCH_##KIND:
#define PART(kind, part, type, offset, rule, meaning) \
            assert_memory_equal(&got.kind.part, &sent.kind.part, sizeof sent.kind.part);
#define END(KIND, kind, body_bytes, appendage, bytes_min) break;
#include "host/wire/ouch_messages.def"
#undef MSG
#undef PART
#undef END
        case OUCH_NOTHING:
        case OUCH_KINDS: break;
        }
    }
}
// clang-format on

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inbound_fields_are_where_the_specification_says),
        cmocka_unit_test(outbound_fields_of_orders_are_where_the_specification_says),
        cmocka_unit_test(outbound_fields_of_trades_are_where_the_specification_says),
        cmocka_unit_test(outbound_fields_of_answers_are_where_the_specification_says),
        cmocka_unit_test(encoder_writes_the_same_bytes),
        cmocka_unit_test(every_shorter_message_is_too_short),
        cmocka_unit_test(every_longer_message_is_refused),
        cmocka_unit_test(only_letters_of_the_direction_are_messages),
        cmocka_unit_test(letters_are_those_of_the_specification),
        cmocka_unit_test(flags_are_printable),
        cmocka_unit_test(quantities_end_at_999999),
        cmocka_unit_test(prices_end_at_the_limit_or_mean_the_market),
        cmocka_unit_test(symbols_are_padded_behind),
        cmocka_unit_test(text_is_printable),
        cmocka_unit_test(reject_reasons_are_1_to_0x33),
        cmocka_unit_test(first_bad_part_is_named),
        cmocka_unit_test(elements_of_the_appendage_are_checked),
        cmocka_unit_test(every_tag_has_its_size_and_values),
        cmocka_unit_test(letters_of_tags_are_those_of_the_specification),
        cmocka_unit_test(unknown_tags_of_a_host_are_left_to_the_caller),
        cmocka_unit_test(iterating_stops_at_a_broken_element),
        cmocka_unit_test(tags_are_written_as_the_specification_says),
        cmocka_unit_test(text_fields_are_padded_and_trimmed),
        cmocka_unit_test(messages_are_told_in_words),
        cmocka_unit_test(random_changes_come_back_or_are_refused),
        cmocka_unit_test(random_messages_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
