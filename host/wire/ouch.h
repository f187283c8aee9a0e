/* ouch: OUCH 5.0, the order-entry messages inside SoupBinTCP packets, both ways. Layouts, letters,
 * tags and reasons are the ouch_*.def tables; this header and ouch.c derive from them. Pure
 * functions over byte ranges. */
#ifndef HOST_WIRE_OUCH_H
#define HOST_WIRE_OUCH_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OUCH_QUANTITY_MAX = 999999 }; /* shares of one order, over its whole chain */

/* Prices are in 1/10000 dollars. The largest limit is $199,999.9900; two prices above it mean "at
   the market", the second in a cross. */
enum {
    OUCH_PRICE_MAX_E4 = 0x7735939c,
    OUCH_PRICE_MARKET_E4 = 0x77359400,
    OUCH_PRICE_CROSS_E4 = 0x7fffffff,
};

// clang-format off
enum ouch_kind { /* OUCH_ENTER_ORDER, ..., OUCH_ACCEPTED, ... */
    OUCH_NOTHING,
#define MSG(direction, KIND, kind, letter, meaning)          OUCH_##KIND,
#define PART(kind, part, type, offset, rule, meaning)
#define END(KIND, kind, body_bytes, appendage, bytes_min)
#include "host/wire/ouch_messages.def"
#undef MSG
#undef PART
#undef END
    OUCH_KINDS,
};

enum { /* OUCH_SIDE_BUY == 'B', OUCH_TIF_IOC == '3' */
#define GROUP(group, reject, meaning)
#define CODE(group, name, letter, meaning)                   OUCH_##group##_##name = (letter),
#include "host/wire/ouch_codes.def"
#undef GROUP
#undef CODE
};

enum ouch_reject {
#define REJECT(name, number, meaning)                        OUCH_REJECT_##name = (number),
#include "host/wire/ouch_reject.def"
#undef REJECT
};

enum ouch_cancel {
#define CANCEL(name, letter, meaning)                        OUCH_CANCEL_##name = (letter),
#include "host/wire/ouch_cancel.def"
#undef CANCEL
};

enum ouch_tag_number { /* OUCH_TAG_MIN_QUANTITY == 3 */
#define TAG(name, number, type, rule, reject, meaning)       OUCH_TAG_##name = (number),
#include "host/wire/ouch_tags.def"
#undef TAG
};

/* Text fields hold the bytes of the wire: blanks behind the letters, no terminator. */
#define OUCH_MEMBER_U8(part)     uint8_t part
#define OUCH_MEMBER_U16(part)    uint16_t part
#define OUCH_MEMBER_U32(part)    uint32_t part
#define OUCH_MEMBER_S32(part)    int32_t part
#define OUCH_MEMBER_U64(part)    uint64_t part
#define OUCH_MEMBER_CHAR(part)   char part
#define OUCH_MEMBER_TEXT4(part)  char part[4]
#define OUCH_MEMBER_TEXT8(part)  char part[8]
#define OUCH_MEMBER_TEXT14(part) char part[14]

/* struct ouch_enter_order { uint32_t user_ref; char side; ... }; the letter of the message is its
   kind, so that no struct is empty each starts with it. */
#define MSG(direction, KIND, kind, letter, meaning)          struct ouch_##kind { char type;
#define PART(kind, part, type, offset, rule, meaning)        OUCH_MEMBER_##type(part);
#define END(KIND, kind, body_bytes, appendage, bytes_min)    };
#include "host/wire/ouch_messages.def"
#undef MSG
#undef PART
#undef END

enum { /* OUCH_ENTER_ORDER_BYTES == 47: the shortest form of each message */
#define MSG(direction, KIND, kind, letter, meaning)
#define PART(kind, part, type, offset, rule, meaning)
#define END(KIND, kind, body_bytes, appendage, bytes_min)    OUCH_##KIND##_BYTES = (bytes_min),
#include "host/wire/ouch_messages.def"
#undef MSG
#undef PART
#undef END
};
// clang-format on

enum {
    OUCH_TAGS_BYTES_MAX = 256, /* every known tag once fits */
    OUCH_BYTES_MAX = OUCH_REPLACED_BYTES + OUCH_TAGS_BYTES_MAX,
};

/* The appendage: tag-value elements behind one another, without the length before them. bytes is 0
   when there is none. */
struct ouch_tags {
    const uint8_t *at;
    size_t bytes;
};

struct ouch_tag {
    uint8_t number;
    uint8_t bytes;        /* of the value, at least 1 */
    const uint8_t *value; /* inside the appendage */
};

/* A message of either direction. kind says which member of the union holds it. */
struct ouch_message {
    enum ouch_kind kind;
    struct ouch_tags tags;
    // clang-format off
    union { /* struct ouch_enter_order enter_order; ... */
#define MSG(direction, KIND, kind, letter, meaning)          struct ouch_##kind kind;
#define PART(kind, part, type, offset, rule, meaning)
#define END(KIND, kind, body_bytes, appendage, bytes_min)
#include "host/wire/ouch_messages.def"
#undef MSG
#undef PART
#undef END
    };
    // clang-format on
};

/* The same letter means different messages to the host and to the client. */
enum ouch_direction { OUCH_IN, OUCH_OUT };

/* What is wrong with a message. */
enum ouch_fault_kind {
    OUCH_FAULT_NONE,
    OUCH_FAULT_TYPE,          /* no message of this direction has the letter */
    OUCH_FAULT_SHORT,         /* ends inside its body or before the end of its appendage */
    OUCH_FAULT_LONG,          /* bytes behind its end */
    OUCH_FAULT_FIELD,         /* part holds a value against its rule */
    OUCH_FAULT_TAG_EMPTY,     /* an element of length 0, or of length 1: a tag without a value */
    OUCH_FAULT_TAG_CUT,       /* an element reaches beyond the appendage */
    OUCH_FAULT_TAG_UNKNOWN,   /* from a client only: an option nobody can honour is refused */
    OUCH_FAULT_TAG_SIZE,      /* a value of another size than its tag has */
    OUCH_FAULT_TAG_DUPLICATE, /* a tag for the second time */
    OUCH_FAULT_TAG_VALUE,     /* a value against its tag's rule */
};

struct ouch_fault {
    enum ouch_fault_kind kind;
    enum ouch_reject reject; /* what to answer in a Rejected message */
    const char *part; /* FIELD: the part's name; TAG_...: the tag's, or "tag"; otherwise "" */
    uint8_t tag;      /* TAG_...: the tag's number, if there is one */
    size_t offset;    /* of the first byte that is wrong */
};

/* ouch_decode reads the message that fills [at, at + bytes): the payload of one SoupBinTCP packet.
   message->tags points into it. A client's tags are checked to the last one; tags that a host sends
   and that we do not know are left to the caller.

   Returns 0; or a negative errno, fills fault and says why in err_text():
     -EBADMSG  it is no message (TYPE, SHORT, LONG); message->kind is OUCH_NOTHING
     -EINVAL   it is one and nothing may be done with it but to refuse it: a part or a tag is wrong.
               All parts of message are as received, for the answer; tags is empty if they are what
               is wrong */
int ouch_decode(enum ouch_direction direction, const uint8_t *at, size_t bytes,
                struct ouch_message *message, struct ouch_fault *fault);

/* ouch_encode writes message at `at`, its appendage copied from message->tags (which may not lie
   inside the bytes written). The `type` members of the union are ignored. Values are written as
   they are, good or bad. Returns the bytes written; or -ENOSPC when room is too small; err_text()
   says so. OUCH_BYTES_MAX is room enough for a message with at most OUCH_TAGS_BYTES_MAX of tags. */
int ouch_encode(const struct ouch_message *message, uint8_t *at, size_t room);

/* ouch_tags_next takes the first element off rest and gives it. Returns false at the end, and at
   an element that is cut or has no value, which a decoded message does not have. */
bool ouch_tags_next(struct ouch_tags *rest, struct ouch_tag *tag);

/* ouch_tags_find gives the element with the number; false when there is none. */
bool ouch_tags_find(struct ouch_tags tags, enum ouch_tag_number number, struct ouch_tag *tag);

/* ouch_tag_unsigned and ouch_tag_signed give the value of a tag of at most 8 bytes as a big-endian
   number; a letter is its ASCII code. */
uint64_t ouch_tag_unsigned(const struct ouch_tag *tag);
int64_t ouch_tag_signed(const struct ouch_tag *tag);

/* ouch_tag_encode writes one element of a known tag at `at`, which has room for 10 bytes, and
   returns the bytes written. Of value the low bytes are taken, as many as the tag has: a signed
   value is passed converted to uint64_t. ouch_tag_encode_text does it for tags that hold text:
   at most 4 letters, padded. */
size_t ouch_tag_encode(uint8_t *at, enum ouch_tag_number number, uint64_t value);
size_t ouch_tag_encode_text(uint8_t *at, enum ouch_tag_number number, const char *text);

/* ouch_field_put fills a text field of `bytes` with text and blanks behind it; text is at most that
   long. ouch_field_text makes a C string of one, without the blanks; text has room for bytes + 1.
   Returns text. */
void ouch_field_put(char *field, size_t bytes, const char *text);
char *ouch_field_text(const char *field, size_t bytes, char *text);

/* The names of kinds and reasons, for people; "?" for one that there is not. */
const char *ouch_kind_name(enum ouch_kind kind);
const char *ouch_reject_name(unsigned reason);
const char *ouch_cancel_name(unsigned reason);
const char *ouch_fault_name(enum ouch_fault_kind kind);

enum { OUCH_TEXT_BYTES = 1024 };

/* ouch_message_text writes message in words, every part and tag with its name, into text of
   OUCH_TEXT_BYTES, and returns text. Letters that cannot be printed are written as \xNN. */
const char *ouch_message_text(const struct ouch_message *message, char *text);

#endif /* HOST_WIRE_OUCH_H */
