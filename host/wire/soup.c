#include "host/wire/soup.h"
#include "host/base/bytes.h"
#include "host/base/check.h"
#include "host/base/err.h"
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

enum { LENGTH_BYTES = 2, VARIABLE = -1 };

/* Fields of the login packets, offsets from the start of the payload. */
enum {
    REQUEST_USERNAME = 0,
    REQUEST_PASSWORD = 6,
    REQUEST_SESSION = 16,
    REQUEST_SEQUENCE = 26,
    ACCEPTED_SESSION = 0,
    ACCEPTED_SEQUENCE = 10,
};

_Static_assert(SOUP_HEADER_BYTES + REQUEST_SEQUENCE + SOUP_SEQUENCE_BYTES ==
                   SOUP_LOGIN_REQUEST_BYTES,
               "the sequence ends a login request");
_Static_assert(SOUP_HEADER_BYTES + ACCEPTED_SEQUENCE + SOUP_SEQUENCE_BYTES ==
                   SOUP_LOGIN_ACCEPTED_BYTES,
               "the sequence ends a login accepted");
_Static_assert(LENGTH_BYTES + UINT16_MAX == SOUP_FRAME_BYTES_MAX, "the length has 16 bits");

struct kind {
    const char *name;
    bool client, server; /* who sends it */
    int payload_bytes;
};

// clang-format off
static struct kind kind_of(uint8_t type) {
    switch (type) {
    case SOUP_DEBUG:            return (struct kind){ "debug",            true,  true,  VARIABLE };
    case SOUP_LOGIN_REQUEST:    return (struct kind){ "login request",    true,  false, 46 };
    case SOUP_UNSEQUENCED:      return (struct kind){ "unsequenced data", true,  false, VARIABLE };
    case SOUP_CLIENT_HEARTBEAT: return (struct kind){ "client heartbeat", true,  false, 0 };
    case SOUP_LOGOUT:           return (struct kind){ "logout request",   true,  false, 0 };
    case SOUP_LOGIN_ACCEPTED:   return (struct kind){ "login accepted",   false, true,  30 };
    case SOUP_LOGIN_REJECTED:   return (struct kind){ "login rejected",   false, true,  1 };
    case SOUP_SEQUENCED:        return (struct kind){ "sequenced data",   false, true,  VARIABLE };
    case SOUP_SERVER_HEARTBEAT: return (struct kind){ "server heartbeat", false, true,  0 };
    case SOUP_END_OF_SESSION:   return (struct kind){ "end of session",   false, true,  0 };
    default:                    return (struct kind){ "?",                false, false, 0 };
    }
}
// clang-format on

const char *soup_type_name(uint8_t type) { return kind_of(type).name; }

int soup_parse(const uint8_t *at, size_t bytes, enum soup_sender sender, size_t payload_bytes_max,
               struct soup_packet *packet) {
    if (bytes < LENGTH_BYTES) return 0;
    size_t length = bytes_get_be16(at);
    if (length == 0)
        return err_set(-EBADMSG, "soup: a frame of length 0 has no type; close the connection");
    if (bytes < SOUP_HEADER_BYTES) return 0;

    uint8_t type = at[LENGTH_BYTES];
    struct kind kind = kind_of(type);
    if (!(sender == SOUP_FROM_CLIENT ? kind.client : kind.server))
        return err_set(-EBADMSG, "soup: a %s sends no packet of type 0x%02x (%s)",
                       sender == SOUP_FROM_CLIENT ? "client" : "server", type, kind.name);

    size_t payload_bytes = length - 1;
    if (kind.payload_bytes != VARIABLE && payload_bytes != (size_t)kind.payload_bytes)
        return err_set(-EBADMSG, "soup: %s has %zu bytes of payload; it always has %d", kind.name,
                       payload_bytes, kind.payload_bytes);
    if (payload_bytes > payload_bytes_max)
        return err_set(-EBADMSG, "soup: %s has %zu bytes of payload; at most %zu are taken here",
                       kind.name, payload_bytes, payload_bytes_max);

    size_t frame_bytes = LENGTH_BYTES + length;
    if (bytes < frame_bytes) return 0;
    *packet = (struct soup_packet){ .type = type,
                                    .bytes = (uint16_t)payload_bytes,
                                    .payload = at + SOUP_HEADER_BYTES };
    return (int)frame_bytes;
}

/* ---- encoders ---- */

size_t soup_encode_header(uint8_t *at, enum soup_type type, size_t payload_bytes) {
    CHECK(payload_bytes <= SOUP_PAYLOAD_BYTES_MAX);
    bytes_put_be16(at, (uint16_t)(payload_bytes + 1));
    at[LENGTH_BYTES] = (uint8_t)type;
    return SOUP_HEADER_BYTES + payload_bytes;
}

static size_t encode(uint8_t *at, enum soup_type type, const void *payload, size_t bytes) {
    size_t frame_bytes = soup_encode_header(at, type, bytes);
    if (bytes > 0) memcpy(at + SOUP_HEADER_BYTES, payload, bytes);
    return frame_bytes;
}

/* text is in an array of width + 1, or shorter. */
static size_t text_bytes(const char *text, size_t width) {
    size_t bytes = strnlen(text, width + 1);
    CHECK(bytes <= width);
    return bytes;
}

static void put_left(uint8_t *field, size_t width, const char *text) {
    size_t bytes = text_bytes(text, width);
    memset(field, ' ', width);
    memcpy(field, text, bytes);
}

static void put_right(uint8_t *field, size_t width, const char *text) {
    size_t bytes = text_bytes(text, width);
    memset(field, ' ', width);
    memcpy(field + (width - bytes), text, bytes);
}

static void put_number(uint8_t *field, size_t width, uint64_t number) {
    memset(field, ' ', width);
    do {
        field[--width] = (uint8_t)('0' + number % 10);
        number /= 10;
    } while (number > 0);
}

size_t soup_encode_debug(uint8_t *at, const char *text) {
    return encode(at, SOUP_DEBUG, text, strlen(text));
}

size_t soup_encode_login_request(uint8_t *at, const struct soup_login *login) {
    uint8_t *payload = at + SOUP_HEADER_BYTES;
    put_left(payload + REQUEST_USERNAME, SOUP_USERNAME_BYTES, login->username);
    put_left(payload + REQUEST_PASSWORD, SOUP_PASSWORD_BYTES, login->password);
    put_right(payload + REQUEST_SESSION, SOUP_SESSION_BYTES, login->session);
    put_number(payload + REQUEST_SEQUENCE, SOUP_SEQUENCE_BYTES, login->sequence);
    return soup_encode_header(at, SOUP_LOGIN_REQUEST, SOUP_LOGIN_REQUEST_BYTES - SOUP_HEADER_BYTES);
}

size_t soup_encode_unsequenced(uint8_t *at, const void *payload, size_t bytes) {
    return encode(at, SOUP_UNSEQUENCED, payload, bytes);
}

size_t soup_encode_client_heartbeat(uint8_t *at) {
    return encode(at, SOUP_CLIENT_HEARTBEAT, NULL, 0);
}

size_t soup_encode_logout(uint8_t *at) { return encode(at, SOUP_LOGOUT, NULL, 0); }

size_t soup_encode_login_accepted(uint8_t *at, const struct soup_accepted *accepted) {
    uint8_t *payload = at + SOUP_HEADER_BYTES;
    put_right(payload + ACCEPTED_SESSION, SOUP_SESSION_BYTES, accepted->session);
    put_number(payload + ACCEPTED_SEQUENCE, SOUP_SEQUENCE_BYTES, accepted->sequence);
    return soup_encode_header(at, SOUP_LOGIN_ACCEPTED,
                              SOUP_LOGIN_ACCEPTED_BYTES - SOUP_HEADER_BYTES);
}

size_t soup_encode_login_rejected(uint8_t *at, enum soup_reject reason) {
    uint8_t code = (uint8_t)reason;
    return encode(at, SOUP_LOGIN_REJECTED, &code, sizeof code);
}

size_t soup_encode_sequenced(uint8_t *at, const void *payload, size_t bytes) {
    return encode(at, SOUP_SEQUENCED, payload, bytes);
}

size_t soup_encode_server_heartbeat(uint8_t *at) {
    return encode(at, SOUP_SERVER_HEARTBEAT, NULL, 0);
}

size_t soup_encode_end_of_session(uint8_t *at) { return encode(at, SOUP_END_OF_SESSION, NULL, 0); }

/* ---- decoders of login fields ---- */

enum padding { LEFT, RIGHT }; /* where the letters stand */

/* Values are not repeated in messages: one of the fields is a password. */
static int get_text(const uint8_t *field, size_t width, enum padding stands, const char *name,
                    char *text) {
    size_t first = 0, end = width;
    if (stands == LEFT)
        while (end > 0 && field[end - 1] == ' ') end--;
    else
        while (first < width && field[first] == ' ') first++;
    for (size_t i = first; i < end; i++) {
        if (field[i] <= ' ' || field[i] > '~')
            return err_set(-EBADMSG,
                           "soup: %s has 0x%02x at byte %zu of %zu; letters stand together at the "
                           "%s, padded with blanks",
                           name, field[i], i, width, stands == LEFT ? "left" : "right");
    }
    memcpy(text, field + first, end - first);
    text[end - first] = '\0';
    return 0;
}

static int get_number(const uint8_t *field, size_t width, const char *name, uint64_t *number) {
    size_t first = 0;
    while (first < width && field[first] == ' ') first++;
    if (first == width) return err_set(-EBADMSG, "soup: %s is blank; send a number", name);

    uint64_t value = 0;
    for (size_t i = first; i < width; i++) {
        if (field[i] < '0' || field[i] > '9')
            return err_set(-EBADMSG, "soup: %s has 0x%02x at byte %zu of %zu; send digits only",
                           name, field[i], i, width);
        uint64_t digit = (uint64_t)(field[i] - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return err_set(-EBADMSG, "soup: %s is larger than %" PRIu64, name, UINT64_MAX);
        value = value * 10 + digit;
    }
    *number = value;
    return 0;
}

int soup_decode_login_request(const struct soup_packet *packet, struct soup_login *login) {
    CHECK(packet->type == SOUP_LOGIN_REQUEST);
    CHECK(packet->bytes == SOUP_LOGIN_REQUEST_BYTES - SOUP_HEADER_BYTES);
    const uint8_t *payload = packet->payload;
    struct soup_login found;
    int result = get_text(payload + REQUEST_USERNAME, SOUP_USERNAME_BYTES, LEFT, "login username",
                          found.username);
    if (result < 0) return result;
    if (found.username[0] == '\0') return err_set(-EBADMSG, "soup: login username is blank");
    result = get_text(payload + REQUEST_PASSWORD, SOUP_PASSWORD_BYTES, LEFT, "login password",
                      found.password);
    if (result < 0) return result;
    if (found.password[0] == '\0') return err_set(-EBADMSG, "soup: login password is blank");
    result = get_text(payload + REQUEST_SESSION, SOUP_SESSION_BYTES, RIGHT, "requested session",
                      found.session);
    if (result < 0) return result;
    result = get_number(payload + REQUEST_SEQUENCE, SOUP_SEQUENCE_BYTES, "requested sequence",
                        &found.sequence);
    if (result < 0) return result;
    *login = found;
    return 0;
}

int soup_decode_login_accepted(const struct soup_packet *packet, struct soup_accepted *accepted) {
    CHECK(packet->type == SOUP_LOGIN_ACCEPTED);
    CHECK(packet->bytes == SOUP_LOGIN_ACCEPTED_BYTES - SOUP_HEADER_BYTES);
    const uint8_t *payload = packet->payload;
    struct soup_accepted found;
    int result = get_text(payload + ACCEPTED_SESSION, SOUP_SESSION_BYTES, RIGHT, "accepted session",
                          found.session);
    if (result < 0) return result;
    if (found.session[0] == '\0') return err_set(-EBADMSG, "soup: accepted session is blank");
    result = get_number(payload + ACCEPTED_SEQUENCE, SOUP_SEQUENCE_BYTES, "accepted sequence",
                        &found.sequence);
    if (result < 0) return result;
    if (found.sequence == 0)
        return err_set(-EBADMSG, "soup: accepted sequence is 0; the first message has number 1");
    *accepted = found;
    return 0;
}

int soup_decode_login_rejected(const struct soup_packet *packet, enum soup_reject *reason) {
    CHECK(packet->type == SOUP_LOGIN_REJECTED);
    CHECK(packet->bytes == SOUP_LOGIN_REJECTED_BYTES - SOUP_HEADER_BYTES);
    uint8_t code = packet->payload[0];
    if (code != SOUP_NOT_AUTHORIZED && code != SOUP_SESSION_NOT_AVAILABLE)
        return err_set(-EBADMSG, "soup: login rejected for reason 0x%02x; A and S are known", code);
    *reason = (enum soup_reject)code;
    return 0;
}
