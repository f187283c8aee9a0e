/* fuzz_ouch: any bytes as an OUCH 5.0 message. Bit 0 of the first byte is the direction. What is
 * taken is written again and gives the same bytes; what is refused says why; what is a message with
 * a bad part still holds its parts as they came. */
#include "host/base/check.h"
#include "host/base/err.h"
#include "host/wire/ouch.h"
#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* Writes message and compares with what it was read from. A message that was taken comes back
   whole, but for an appendage's length of 0, which may be left out. Of one that was refused at
   least the parts come back: its tags may be gone, and their length then differs. */
static void write_again(const struct ouch_message *message, const uint8_t *data, size_t bytes,
                        bool taken) {
    enum { LENGTH_BYTES = 2 };
    static uint8_t at[1 << 17];
    int result = ouch_encode(message, at, sizeof at);
    CHECK(result > 0);
    size_t length = (size_t)result, same = 0;
    CHECK(length <= bytes);
    while (same < length && at[same] == data[same]) same++;
    if (taken) {
        CHECK(same == length);
        bool left_out =
            length + LENGTH_BYTES == bytes && data[length] == 0 && data[length + 1] == 0;
        CHECK(length == bytes || left_out);
    } else {
        CHECK(same + LENGTH_BYTES >= length);
    }
    CHECK(ouch_encode(message, at, length) == result);
    CHECK(ouch_encode(message, at, length - 1) == -ENOSPC);
}

static void read_tags(struct ouch_tags tags) {
    struct ouch_tag tag, found;
    size_t bytes = 0;
    struct ouch_tags rest = tags;
    while (ouch_tags_next(&rest, &tag)) {
        CHECK(tag.bytes >= 1);
        bytes += 2u + tag.bytes;
        CHECK(ouch_tags_find(tags, (enum ouch_tag_number)tag.number, &found));
        CHECK(found.value == tag.value); /* no tag is there twice */
        if (tag.bytes > 8) continue;
        uint64_t value = ouch_tag_unsigned(&tag);
        if (tag.bytes == 8) CHECK((uint64_t)ouch_tag_signed(&tag) == value);
    }
    CHECK(rest.bytes == 0);
    CHECK(bytes == tags.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    if (bytes == 0) return 0;
    enum ouch_direction direction = data[0] & 1 ? OUCH_OUT : OUCH_IN;
    data++, bytes--;

    struct ouch_message message;
    struct ouch_fault fault;
    int result = ouch_decode(direction, data, bytes, &message, &fault);
    if (result == -EBADMSG) {
        CHECK(message.kind == OUCH_NOTHING);
        CHECK(fault.kind >= OUCH_FAULT_TYPE);
        CHECK(fault.kind <= OUCH_FAULT_LONG);
        CHECK(fault.offset <= bytes);
        CHECK(err_text()[0] != '\0');
        return 0;
    }
    CHECK(message.kind != OUCH_NOTHING);
    char text[OUCH_TEXT_BYTES];
    CHECK(strlen(ouch_message_text(&message, text)) < sizeof text);
    write_again(&message, data, bytes, result == 0);
    read_tags(message.tags);
    if (result == 0) {
        CHECK(fault.kind == OUCH_FAULT_NONE);
        return 0;
    }
    CHECK(result == -EINVAL);
    CHECK(fault.kind >= OUCH_FAULT_FIELD);
    CHECK(fault.offset < bytes);
    CHECK(fault.part[0] != '\0');
    CHECK(ouch_reject_name(fault.reject)[0] != '?');
    return 0;
}
