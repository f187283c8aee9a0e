#include "host/wire/ouch.h"
#include "host/base/bytes.h"
#include "host/base/check.h"
#include "host/base/err.h"
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LENGTH_BYTES = 2, ELEMENT_BYTES = 2, SECONDS_OF_DAY = 86400 };
enum appendage { NEVER, OPTIONAL, ALWAYS };

enum { /* What a type takes on the wire. */
       BYTES_U8 = 1,
       BYTES_U16 = 2,
       BYTES_U32 = 4,
       BYTES_S32 = 4,
       BYTES_U64 = 8,
       BYTES_CHAR = 1,
       BYTES_TEXT4 = 4,
       BYTES_TEXT8 = 8,
       BYTES_TEXT14 = 14,
};

// clang-format off
/* struct layout_enter_order { uint8_t letter[1]; uint8_t user_ref[4]; ... }: the messages as bytes, to check that parts
   lie where the table says, without a hole. */
#define MSG(direction, KIND, kind, letter_, meaning)      struct layout_##kind { uint8_t letter[1];
#define PART(kind, part, type, offset, rule, meaning)     uint8_t part[BYTES_##type];
#define END(KIND, kind, body_bytes, appendage, bytes_min) };
#include "host/wire/ouch_messages.def"
#undef MSG
#undef PART
#undef END
#define MSG(direction, KIND, kind, letter, meaning)
#define PART(kind, part, type, offset, rule, meaning) \
    static_assert(offsetof(struct layout_##kind, part) == (offset), #kind "." #part " is not where ouch_messages.def puts it");
#define END(KIND, kind, body_bytes, appendage, bytes_min) \
    static_assert(sizeof(struct layout_##kind) == (body_bytes), #kind " has another length"); \
    static_assert((body_bytes) + ((appendage) == ALWAYS ? LENGTH_BYTES : 0) == (bytes_min), #kind " is shorter than its least"); \
    static_assert((bytes_min) <= OUCH_REPLACED_BYTES, #kind " is longer than OUCH_BYTES_MAX allows");
#include "host/wire/ouch_messages.def"
#undef MSG
#undef PART
#undef END

/* 0 + (2 + 8) + (2 + 4) + ... */
#define TAG(name, number, type, rule, reject, meaning)    + ELEMENT_BYTES + BYTES_##type
static_assert(0
#include "host/wire/ouch_tags.def"
    <= OUCH_TAGS_BYTES_MAX, "every known tag once fits");
#undef TAG

/* ---- names ---- */

const char *ouch_kind_name(enum ouch_kind kind) {
    switch (kind) {
    case OUCH_NOTHING: return "NOTHING";
#define MSG(direction, KIND, kind, letter, meaning)       case OUCH_##KIND: return #KIND;
#define PART(kind, part, type, offset, rule, meaning)
#define END(KIND, kind, body_bytes, appendage, bytes_min)
#include "host/wire/ouch_messages.def"
#undef MSG
#undef PART
#undef END
    case OUCH_KINDS: break;
    }
    return "?";
}

const char *ouch_reject_name(unsigned reason) {
    switch (reason) {
#define REJECT(name, number, meaning)                     case (number): return #name;
#include "host/wire/ouch_reject.def"
#undef REJECT
    default: return "?";
    }
}

const char *ouch_cancel_name(unsigned reason) {
    switch (reason) {
#define CANCEL(name, letter, meaning)                     case (letter): return #name;
#include "host/wire/ouch_cancel.def"
#undef CANCEL
    default: return "?";
    }
}

const char *ouch_fault_name(enum ouch_fault_kind kind) {
    switch (kind) {
    case OUCH_FAULT_NONE:          return "nothing";
    case OUCH_FAULT_TYPE:          return "unknown type";
    case OUCH_FAULT_SHORT:         return "too short";
    case OUCH_FAULT_LONG:          return "too long";
    case OUCH_FAULT_FIELD:         return "bad field";
    case OUCH_FAULT_TAG_EMPTY:     return "tag without a value";
    case OUCH_FAULT_TAG_CUT:       return "tag beyond the appendage";
    case OUCH_FAULT_TAG_UNKNOWN:   return "unknown tag";
    case OUCH_FAULT_TAG_SIZE:      return "tag of another size";
    case OUCH_FAULT_TAG_DUPLICATE: return "tag given twice";
    case OUCH_FAULT_TAG_VALUE:     return "bad tag value";
    }
    return "?";
}

static const char *tag_name(unsigned number) {
    switch (number) {
#define TAG(name, number, type, rule, reject, meaning)    case (number): return #name;
#include "host/wire/ouch_tags.def"
#undef TAG
    default: return "tag";
    }
}

/* Bytes of a tag's value; 0 for a tag that is not known. */
static size_t tag_bytes(unsigned number) {
    switch (number) {
#define TAG(name, number, type, rule, reject, meaning)    case (number): return BYTES_##type;
#include "host/wire/ouch_tags.def"
#undef TAG
    default: return 0;
    }
}

/* ---- rules ---- */

enum group { /* GROUP_SIDE */
#define GROUP(group, reject, meaning)                     GROUP_##group,
#define CODE(group, name, letter, meaning)
#include "host/wire/ouch_codes.def"
#undef GROUP
#undef CODE
    GROUPS
};

static bool letter_of(enum group group, char letter) {
    static const bool known[GROUPS][UINT8_MAX + 1] = {
#define GROUP(group, reject, meaning)
#define CODE(group, name, letter, meaning)                [GROUP_##group][letter] = true,
#include "host/wire/ouch_codes.def"
#undef GROUP
#undef CODE
    };
    return known[group][(uint8_t)letter];
}

static bool printable(const char *text, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        if (text[i] < ' ' || text[i] > '~') return false;
    return true;
}

static bool symbol(const char *text, size_t bytes) {
    while (bytes > 0 && text[bytes - 1] == ' ') bytes--;
    return printable(text, bytes) && memchr(text, ' ', bytes) == NULL;
}

/* RULE_SIDE(value): whether a value of a part or tag is good. Text decays to its array's first letter, so `bytes` says
   how much of it there is. */
#define RULE_ANY(value, bytes)           ((void)(value), true)
#define RULE_SHARES(value, bytes)        ((value) >= 1 && (value) <= OUCH_QUANTITY_MAX)
#define RULE_SHARES_OR_0(value, bytes)   ((value) <= OUCH_QUANTITY_MAX)
#define RULE_PRICE(value, bytes)         (((value) >= 1 && (value) <= OUCH_PRICE_MAX_E4) || \
                                          (value) == OUCH_PRICE_MARKET_E4 || (value) == OUCH_PRICE_CROSS_E4)
#define RULE_SYMBOL(value, bytes)        ((value)[0] != ' ' && symbol(value, bytes))
#define RULE_SYMBOL_OR_ALL(value, bytes) symbol(value, bytes)
#define RULE_TEXT(value, bytes)          printable(value, bytes)
#define RULE_PRINTABLE(value, bytes)     ((value) > ' ' && (value) <= '~')
#define RULE_SECONDS(value, bytes)       ((value) < SECONDS_OF_DAY)
#define RULE_CANCEL(value, bytes)        (*ouch_cancel_name((uint8_t)(value)) != '?')
#define RULE_REJECT(value, bytes)        (*ouch_reject_name(value) != '?')
#define RULE_SELF_MATCH(value, bytes)    ((value) == OUCH_CANCEL_SELF_MATCH)
#define RULE_DISPLAY_IN(value, bytes)    (letter_of(GROUP_DISPLAY, value) && (value) != OUCH_DISPLAY_CONFORMANT)
#define RULE_SIDE(value, bytes)          letter_of(GROUP_SIDE, value)
#define RULE_TIF(value, bytes)           letter_of(GROUP_TIF, value)
#define RULE_DISPLAY(value, bytes)       letter_of(GROUP_DISPLAY, value)
#define RULE_CAPACITY(value, bytes)      letter_of(GROUP_CAPACITY, value)
#define RULE_YES(value, bytes)           letter_of(GROUP_YES, value)
#define RULE_CROSS(value, bytes)         letter_of(GROUP_CROSS, value)
#define RULE_STATE(value, bytes)         letter_of(GROUP_STATE, value)
#define RULE_EVENT(value, bytes)         letter_of(GROUP_EVENT, value)
#define RULE_BROKEN(value, bytes)        letter_of(GROUP_BROKEN, value)
#define RULE_RESTATED(value, bytes)      letter_of(GROUP_RESTATED, value)
#define RULE_CUSTOMER(value, bytes)      letter_of(GROUP_CUSTOMER, value)
#define RULE_PRICE_TYPE(value, bytes)    letter_of(GROUP_PRICE_TYPE, value)
#define RULE_DISCRETION(value, bytes)    letter_of(GROUP_DISCRETION, value)
#define RULE_POST_ONLY(value, bytes)     letter_of(GROUP_POST_ONLY, value)
#define RULE_HANDLING(value, bytes)      letter_of(GROUP_HANDLING, value)
#define RULE_BBO_WEIGHT(value, bytes)    letter_of(GROUP_BBO_WEIGHT, value)

enum { /* REASON_SIDE == OUCH_REJECT_INVALID_SIDE: the answer when a part breaks the rule */
#define GROUP(group, reject, meaning)                     REASON_##group = OUCH_REJECT_##reject,
#define CODE(group, name, letter, meaning)
#include "host/wire/ouch_codes.def"
#undef GROUP
#undef CODE
    REASON_ANY = OUCH_REJECT_OTHER,
    REASON_SHARES = OUCH_REJECT_INVALID_QUANTITY,
    REASON_SHARES_OR_0 = OUCH_REJECT_INVALID_QUANTITY,
    REASON_PRICE = OUCH_REJECT_INVALID_PRICE,
    REASON_SYMBOL = OUCH_REJECT_INVALID_SYMBOL,
    REASON_SYMBOL_OR_ALL = OUCH_REJECT_INVALID_SYMBOL,
    REASON_TEXT = OUCH_REJECT_OTHER,
    REASON_PRINTABLE = OUCH_REJECT_OTHER,
    REASON_CANCEL = OUCH_REJECT_OTHER,
    REASON_REJECT = OUCH_REJECT_OTHER,
    REASON_SELF_MATCH = OUCH_REJECT_OTHER,
    REASON_DISPLAY_IN = OUCH_REJECT_INVALID_DISPLAY,
};

/* ---- decoding ---- */

static int fail(struct ouch_fault *fault, struct ouch_fault found, enum ouch_kind kind) {
    *fault = found;
    if (fault->part == NULL) fault->part = "";
    switch (found.kind) {
    case OUCH_FAULT_TYPE:
    case OUCH_FAULT_SHORT:
    case OUCH_FAULT_LONG:
        return err_set(-EBADMSG, "ouch: %s%s%s at byte %zu; not a message of OUCH 5.0",
                       kind == OUCH_NOTHING ? "" : ouch_kind_name(kind), kind == OUCH_NOTHING ? "" : ": ",
                       ouch_fault_name(found.kind), found.offset);
    case OUCH_FAULT_FIELD:
        return err_set(-EINVAL, "ouch: %s: %s breaks its rule; refuse it as %s", ouch_kind_name(kind), found.part,
                       ouch_reject_name(found.reject));
    default:
        return err_set(-EINVAL, "ouch: %s: %s (%s, number %u) at byte %zu; refuse it as %s", ouch_kind_name(kind),
                       ouch_fault_name(found.kind), found.part, found.tag, found.offset, ouch_reject_name(found.reject));
    }
}

#define GET_U8(to, at)      ((to) = *(at))
#define GET_U16(to, at)     ((to) = bytes_get_be16(at))
#define GET_U32(to, at)     ((to) = bytes_get_be32(at))
#define GET_S32(to, at)     ((to) = (int32_t)bytes_get_be32(at))
#define GET_U64(to, at)     ((to) = bytes_get_be64(at))
#define GET_CHAR(to, at)    ((to) = (char)*(at))
#define GET_TEXT4(to, at)   memcpy(to, at, BYTES_TEXT4)
#define GET_TEXT8(to, at)   memcpy(to, at, BYTES_TEXT8)
#define GET_TEXT14(to, at)  memcpy(to, at, BYTES_TEXT14)

/* check_tag: whether the value of a known tag of the right size keeps its rule. */
static bool check_tag(unsigned number, const uint8_t *value, enum ouch_reject *reject) {
    switch (number) {
#define TAG(name, number, type, rule, reject_, meaning) \
    case (number): { \
        OUCH_MEMBER_##type(held); \
        GET_##type(held, value); \
        *reject = OUCH_REJECT_##reject_; \
        return RULE_##rule(held, BYTES_##type); \
    }
#include "host/wire/ouch_tags.def"
#undef TAG
    default: return true;
    }
}
// clang-format on

/* Checks the appendage of the message of bytes at `at`, element by element, with one bit for each
   tag seen. offset is where it starts in the message. */
static int check_tags(enum ouch_direction direction, const uint8_t *at, size_t bytes, size_t offset,
                      enum ouch_kind kind, struct ouch_fault *fault) {
    uint64_t seen[4] = { 0 };
    while (offset < bytes) {
        size_t length = at[offset];
        struct ouch_fault found = { .reject = OUCH_REJECT_OTHER, .part = "tag", .offset = offset };
        if (length >= 1 && bytes - offset > 1) {
            found.tag = at[offset + 1];
            found.part = tag_name(found.tag);
        }
        size_t size = tag_bytes(found.tag);
        if (length < ELEMENT_BYTES)
            found.kind = OUCH_FAULT_TAG_EMPTY;
        else if (length > bytes - offset - 1)
            found.kind = OUCH_FAULT_TAG_CUT;
        else if (size == 0 && direction == OUCH_IN)
            found.kind = OUCH_FAULT_TAG_UNKNOWN;
        else if (size != 0 && size != length - 1)
            found.kind = OUCH_FAULT_TAG_SIZE;
        else if (seen[found.tag / 64] >> (found.tag % 64) & 1)
            found.kind = OUCH_FAULT_TAG_DUPLICATE;
        else if (!check_tag(found.tag, at + offset + ELEMENT_BYTES, &found.reject))
            found.kind = OUCH_FAULT_TAG_VALUE;
        if (found.kind != OUCH_FAULT_NONE) return fail(fault, found, kind);
        seen[found.tag / 64] |= UINT64_C(1) << (found.tag % 64);
        offset += 1 + length;
    }
    return 0;
}

/* Finds whether the bytes behind the body are an appendage that fills the message, and gives where
   its elements start. */
static enum ouch_fault_kind check_length(const uint8_t *at, size_t bytes, size_t body_bytes,
                                         enum appendage appendage, size_t *tags_offset,
                                         size_t *fault_offset) {
    *fault_offset = bytes;
    *tags_offset = bytes;
    if (bytes < body_bytes) return OUCH_FAULT_SHORT;
    if (bytes == body_bytes) return appendage == ALWAYS ? OUCH_FAULT_SHORT : OUCH_FAULT_NONE;
    if (appendage == NEVER) {
        *fault_offset = body_bytes;
        return OUCH_FAULT_LONG;
    }
    if (bytes - body_bytes < LENGTH_BYTES) return OUCH_FAULT_SHORT;

    size_t end = body_bytes + LENGTH_BYTES + bytes_get_be16(at + body_bytes);
    if (end > bytes) return OUCH_FAULT_SHORT;
    if (end < bytes) {
        *fault_offset = end;
        return OUCH_FAULT_LONG;
    }
    *tags_offset = body_bytes + LENGTH_BYTES;
    return OUCH_FAULT_NONE;
}

static enum ouch_kind kind_of(enum ouch_direction direction, uint8_t letter) {
    enum { IN = OUCH_IN << 8, OUT = OUCH_OUT << 8 };
    // clang-format off
    switch ((unsigned)direction << 8 | letter) {
#define MSG(direction, KIND, kind, letter, meaning)       case direction | (letter): return OUCH_##KIND;
#define PART(kind, part, type, offset, rule, meaning)
#define END(KIND, kind, body_bytes, appendage, bytes_min)
#include "host/wire/ouch_messages.def"
#undef MSG
#undef PART
#undef END
    default: return OUCH_NOTHING;
    }
    // clang-format on
}

struct shape {
    size_t body_bytes;
    enum appendage appendage;
    uint8_t letter;
};

// clang-format off
static const struct shape shapes[OUCH_KINDS] = {
#define MSG(direction, KIND, kind, letter_, meaning)      [OUCH_##KIND] = { .letter = (letter_),
#define PART(kind, part, type, offset, rule, meaning)
#define END(KIND, kind, body_bytes_, appendage_, bytes_min) .body_bytes = (body_bytes_), .appendage = (appendage_) },
#include "host/wire/ouch_messages.def"
#undef MSG
#undef PART
#undef END
};

/* get_enter_order(at, &message->enter_order): every part out of its bytes. */
#define MSG(direction, KIND, kind, letter, meaning) \
    static void get_##kind(const uint8_t *at, struct ouch_##kind *to) { \
        to->type = (char)at[0];
#define PART(kind, part, type, offset, rule, meaning)     GET_##type(to->part, at + (offset));
#define END(KIND, kind, body_bytes, appendage, bytes_min) }
#include "host/wire/ouch_messages.def"
#undef MSG
#undef PART
#undef END

/* check_enter_order(&message->enter_order, fault): the first part that breaks its rule. */
#define MSG(direction, KIND, kind, letter, meaning) \
    static int check_##kind(const struct ouch_##kind *of, struct ouch_fault *fault) { \
        enum ouch_kind named = OUCH_##KIND; \
        (void)of, (void)fault, (void)named;
#define PART(kind_, part_, type, offset_, rule, meaning) \
        if (!RULE_##rule(of->part_, BYTES_##type)) \
            return fail(fault, (struct ouch_fault){ .kind = OUCH_FAULT_FIELD, .reject = (enum ouch_reject)REASON_##rule, \
                                                    .part = #part_, .offset = (offset_) }, named);
#define END(KIND, kind, body_bytes, appendage, bytes_min) \
        return 0; \
    }
#include "host/wire/ouch_messages.def"
#undef MSG
#undef PART
#undef END

static int get_parts(const uint8_t *at, struct ouch_message *message, struct ouch_fault *fault) {
    switch (message->kind) {
#define MSG(direction, KIND, kind, letter, meaning) \
    case OUCH_##KIND: \
        get_##kind(at, &message->kind); \
        return check_##kind(&message->kind, fault);
#define PART(kind, part, type, offset, rule, meaning)
#define END(KIND, kind, body_bytes, appendage, bytes_min)
#include "host/wire/ouch_messages.def"
#undef MSG
#undef PART
#undef END
    case OUCH_NOTHING:
    case OUCH_KINDS: break;
    }
    CHECK(!"a kind of message");
    return 0;
}
// clang-format on

int ouch_decode(enum ouch_direction direction, const uint8_t *at, size_t bytes,
                struct ouch_message *message, struct ouch_fault *fault) {
    *fault = (struct ouch_fault){ .kind = OUCH_FAULT_NONE, .part = "" };
    message->kind = OUCH_NOTHING;
    message->tags = (struct ouch_tags){ 0 };

    struct ouch_fault found = { .reject = OUCH_REJECT_OTHER };
    if (bytes == 0) {
        found.kind = OUCH_FAULT_SHORT;
        return fail(fault, found, OUCH_NOTHING);
    }
    enum ouch_kind kind = kind_of(direction, at[0]);
    if (kind == OUCH_NOTHING) {
        found.kind = OUCH_FAULT_TYPE;
        return fail(fault, found, OUCH_NOTHING);
    }
    size_t tags_offset;
    found.kind = check_length(at, bytes, shapes[kind].body_bytes, shapes[kind].appendage,
                              &tags_offset, &found.offset);
    if (found.kind != OUCH_FAULT_NONE) return fail(fault, found, kind);

    message->kind = kind;
    int tags = check_tags(direction, at, bytes, tags_offset, kind, fault);
    if (tags == 0 && tags_offset < bytes)
        message->tags = (struct ouch_tags){ .at = at + tags_offset, .bytes = bytes - tags_offset };
    int parts = get_parts(at, message, fault); /* second: of two faults the part counts */
    return parts < 0 ? parts : tags;
}

/* ---- encoding ---- */

// clang-format off
#define PUT_U8(at, from)      (*(at) = (from))
#define PUT_U16(at, from)     bytes_put_be16(at, from)
#define PUT_U32(at, from)     bytes_put_be32(at, from)
#define PUT_U64(at, from)     bytes_put_be64(at, from)
#define PUT_CHAR(at, from)    (*(at) = (uint8_t)(from))
#define PUT_TEXT4(at, from)   memcpy(at, from, BYTES_TEXT4)
#define PUT_TEXT8(at, from)   memcpy(at, from, BYTES_TEXT8)
#define PUT_TEXT14(at, from)  memcpy(at, from, BYTES_TEXT14)

static void put_parts(const struct ouch_message *message, uint8_t *at) {
    switch (message->kind) {
#define MSG(direction, KIND, kind, letter, meaning)       case OUCH_##KIND:
#define PART(kind, part, type, offset, rule, meaning)     PUT_##type(at + (offset), message->kind.part);
#define END(KIND, kind, body_bytes, appendage, bytes_min) break;
#include "host/wire/ouch_messages.def"
#undef MSG
#undef PART
#undef END
    case OUCH_NOTHING:
    case OUCH_KINDS: break;
    }
}
// clang-format on

int ouch_encode(const struct ouch_message *message, uint8_t *at, size_t room) {
    CHECK(message->kind > OUCH_NOTHING);
    CHECK(message->kind < OUCH_KINDS);
    CHECK(message->tags.bytes <= UINT16_MAX);
    struct shape shape = shapes[message->kind];
    CHECK(message->tags.bytes == 0 || shape.appendage != NEVER);

    bool has_length = shape.appendage == ALWAYS || message->tags.bytes > 0;
    size_t bytes = shape.body_bytes + (has_length ? LENGTH_BYTES + message->tags.bytes : 0);
    if (bytes > room)
        return err_set(-ENOSPC, "ouch: %s takes %zu bytes, there is room for %zu",
                       ouch_kind_name(message->kind), bytes, room);

    at[0] = shape.letter;
    put_parts(message, at);
    if (has_length) bytes_put_be16(at + shape.body_bytes, (uint16_t)message->tags.bytes);
    if (message->tags.bytes > 0)
        memcpy(at + shape.body_bytes + LENGTH_BYTES, message->tags.at, message->tags.bytes);
    return (int)bytes;
}

/* ---- tags ---- */

bool ouch_tags_next(struct ouch_tags *rest, struct ouch_tag *tag) {
    if (rest->bytes == 0) return false;
    size_t length = rest->at[0];
    if (length < ELEMENT_BYTES) return false;
    if (length > rest->bytes - 1) return false;
    *tag = (struct ouch_tag){ .number = rest->at[1],
                              .bytes = (uint8_t)(length - 1),
                              .value = rest->at + ELEMENT_BYTES };
    rest->at += 1 + length;
    rest->bytes -= 1 + length;
    return true;
}

bool ouch_tags_find(struct ouch_tags tags, enum ouch_tag_number number, struct ouch_tag *tag) {
    struct ouch_tag next;
    while (ouch_tags_next(&tags, &next)) {
        if (next.number != number) continue;
        *tag = next;
        return true;
    }
    return false;
}

uint64_t ouch_tag_unsigned(const struct ouch_tag *tag) {
    CHECK(tag->bytes <= sizeof(uint64_t));
    uint64_t value = 0;
    for (size_t i = 0; i < tag->bytes; i++) value = value << 8 | tag->value[i];
    return value;
}

int64_t ouch_tag_signed(const struct ouch_tag *tag) {
    CHECK(tag->bytes >= 1);
    uint64_t value = ouch_tag_unsigned(tag);
    if (tag->value[0] & 0x80 && tag->bytes < sizeof value) value |= UINT64_MAX << (8 * tag->bytes);
    return (int64_t)value;
}

size_t ouch_tag_encode(uint8_t *at, enum ouch_tag_number number, uint64_t value) {
    size_t bytes = tag_bytes(number);
    CHECK(bytes > 0);
    at[0] = (uint8_t)(1 + bytes);
    at[1] = (uint8_t)number;
    for (size_t i = bytes; i > 0; i--, value >>= 8) at[1 + i] = (uint8_t)value;
    return ELEMENT_BYTES + bytes;
}

size_t ouch_tag_encode_text(uint8_t *at, enum ouch_tag_number number, const char *text) {
    CHECK(tag_bytes(number) == BYTES_TEXT4);
    char field[BYTES_TEXT4];
    ouch_field_put(field, sizeof field, text);
    at[0] = 1 + BYTES_TEXT4;
    at[1] = (uint8_t)number;
    memcpy(at + ELEMENT_BYTES, field, sizeof field);
    return ELEMENT_BYTES + sizeof field;
}

/* ---- text ---- */

void ouch_field_put(char *field, size_t bytes, const char *text) {
    size_t length = strnlen(text, bytes + 1);
    CHECK(length <= bytes);
    memset(field, ' ', bytes);
    memcpy(field, text, length);
}

char *ouch_field_text(const char *field, size_t bytes, char *text) {
    while (bytes > 0 && field[bytes - 1] == ' ') bytes--;
    memcpy(text, field, bytes);
    text[bytes] = '\0';
    return text;
}

struct words {
    char *text;
    size_t used;
};

/* Adds words; what does not fit is cut. */
static void __attribute__((format(printf, 2, 3)))
say(struct words *words, const char *format, ...) {
    va_list args;
    va_start(args, format);
    size_t room = OUCH_TEXT_BYTES - words->used;
    int length = vsnprintf(words->text + words->used, room, format, args);
    va_end(args);
    if (length > 0) words->used += (size_t)length < room ? (size_t)length : room - 1;
}

/* Blanks at the end are left out, but for a first one: it may be a letter that means something. */
static void say_letters(struct words *words, const char *letters, size_t bytes) {
    while (bytes > 1 && letters[bytes - 1] == ' ') bytes--;
    say(words, "'");
    for (size_t i = 0; i < bytes; i++) {
        if (letters[i] >= ' ' && letters[i] <= '~')
            say(words, "%c", letters[i]);
        else
            say(words, "\\x%02x", (uint8_t)letters[i]);
    }
    say(words, "'");
}

// clang-format off
#define SAY_U8(words, from)     say(words, "%u", (unsigned)(from))
#define SAY_U16(words, from)    say(words, "%u", (unsigned)(from))
#define SAY_U32(words, from)    say(words, "%" PRIu32, (from))
#define SAY_S32(words, from)    say(words, "%" PRId32, (from))
#define SAY_U64(words, from)    say(words, "%" PRIu64, (from))
#define SAY_CHAR(words, from)   say_letters(words, &(from), BYTES_CHAR)
#define SAY_TEXT4(words, from)  say_letters(words, (from), BYTES_TEXT4)
#define SAY_TEXT8(words, from)  say_letters(words, (from), BYTES_TEXT8)
#define SAY_TEXT14(words, from) say_letters(words, (from), BYTES_TEXT14)

static void say_parts(struct words *words, const struct ouch_message *message) {
    switch (message->kind) {
#define MSG(direction, KIND, kind, letter, meaning)       case OUCH_##KIND:
#define PART(kind, part, type, offset, rule, meaning)     say(words, " " #part "="); SAY_##type(words, message->kind.part);
#define END(KIND, kind, body_bytes, appendage, bytes_min) break;
#include "host/wire/ouch_messages.def"
#undef MSG
#undef PART
#undef END
    case OUCH_NOTHING:
    case OUCH_KINDS: break;
    }
}

static void say_tag(struct words *words, const struct ouch_tag *tag) {
    if (tag_bytes(tag->number) != tag->bytes) {
        say(words, " tag %u of %u bytes", tag->number, tag->bytes);
        return;
    }
    switch (tag->number) {
#define TAG(name, number, type, rule, reject, meaning) \
    case (number): { \
        OUCH_MEMBER_##type(held); \
        GET_##type(held, tag->value); \
        say(words, " " #name "="); \
        SAY_##type(words, held); \
        break; \
    }
#include "host/wire/ouch_tags.def"
#undef TAG
    default: break;
    }
}
// clang-format on

const char *ouch_message_text(const struct ouch_message *message, char *text) {
    struct words words = { .text = text };
    say(&words, "%s", ouch_kind_name(message->kind));
    say_parts(&words, message);
    struct ouch_tags rest = message->tags;
    struct ouch_tag tag;
    while (ouch_tags_next(&rest, &tag)) say_tag(&words, &tag);
    return text;
}
