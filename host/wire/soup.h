/* soup: SoupBinTCP 3.00, the session layer under OUCH. Frames are cut out of a byte stream and
 * written into one; login fields are read and written. Pure functions over byte ranges.
 *
 * A frame is a 16-bit big-endian length (of what follows it), a type byte and a payload. Sequenced
 * packets carry no number: both ends count them, the first is 1. */
#ifndef HOST_WIRE_SOUP_H
#define HOST_WIRE_SOUP_H

#include <stddef.h>
#include <stdint.h>

enum soup_type {
    SOUP_DEBUG = '+',            /* both ways: free text */
    SOUP_LOGIN_REQUEST = 'L',    /* client to server from here */
    SOUP_UNSEQUENCED = 'U',      /* a message that may be lost with the connection */
    SOUP_CLIENT_HEARTBEAT = 'R', /* nothing else was sent for SOUP_HEARTBEAT_NS */
    SOUP_LOGOUT = 'O',
    SOUP_LOGIN_ACCEPTED = 'A', /* server to client from here */
    SOUP_LOGIN_REJECTED = 'J', /* the server closes the connection after it */
    SOUP_SEQUENCED = 'S',      /* a message that can be had again by its number */
    SOUP_SERVER_HEARTBEAT = 'H',
    SOUP_END_OF_SESSION = 'Z', /* no further sequenced message, ever */
};

/* Why a login is rejected. */
enum soup_reject { SOUP_NOT_AUTHORIZED = 'A', SOUP_SESSION_NOT_AVAILABLE = 'S' };

/* Who sent the bytes that are parsed: some types travel one way only. */
enum soup_sender { SOUP_FROM_CLIENT, SOUP_FROM_SERVER };

enum {
    SOUP_HEADER_BYTES = 3, /* length and type: a frame is these and its payload */
    SOUP_PAYLOAD_BYTES_MAX = 65534,
    SOUP_FRAME_BYTES_MAX = SOUP_HEADER_BYTES + SOUP_PAYLOAD_BYTES_MAX,
    SOUP_LOGIN_REQUEST_BYTES = 49,
    SOUP_LOGIN_ACCEPTED_BYTES = 33,
    SOUP_LOGIN_REJECTED_BYTES = 4,
    SOUP_USERNAME_BYTES = 6,
    SOUP_PASSWORD_BYTES = 10,
    SOUP_SESSION_BYTES = 10,
    SOUP_SEQUENCE_BYTES = 20,
};

/* Send a heartbeat after this long without sending; drop the peer after that long without
   receiving. */
#define SOUP_HEARTBEAT_NS UINT64_C(1000000000)
#define SOUP_TIMEOUT_NS   UINT64_C(15000000000)

/* A packet inside the bytes it was parsed from; payload is valid as long as they are. */
struct soup_packet {
    uint8_t type;   /* enum soup_type */
    uint16_t bytes; /* of the payload */
    const uint8_t *payload;
};

/* The fields as C strings without their padding. */
struct soup_login {
    char username[SOUP_USERNAME_BYTES + 1];
    char password[SOUP_PASSWORD_BYTES + 1];
    char session[SOUP_SESSION_BYTES + 1]; /* "" asks for the current session */
    uint64_t sequence;                    /* first message wanted; 0 asks for the newest */
};

struct soup_accepted {
    char session[SOUP_SESSION_BYTES + 1];
    uint64_t sequence; /* number of the next sequenced message, from 1 */
};

/* soup_parse reads the frame at the start of a stream's unread bytes. It keeps no state: when more
   is needed, call again with the same bytes and what has arrived behind them. A packet whose
   payload is longer than payload_bytes_max (what the caller has room for) is malformed as soon as
   its header is there, as is a type that sender does not send or a length that its type does not
   have.

   Returns the bytes of the frame and fills packet; 0 when the frame is not whole; or -EBADMSG and
   says why in err_text(): the stream cannot be followed any further, close the connection. */
int soup_parse(const uint8_t *at, size_t bytes, enum soup_sender sender, size_t payload_bytes_max,
               struct soup_packet *packet);

/* soup_encode_... write one frame at `at`, which has room for it, and return its bytes. Payloads
   are at most SOUP_PAYLOAD_BYTES_MAX long and may be NULL when empty. Strings are at most as long
   as their fields. */
size_t soup_encode_debug(uint8_t *at, const char *text);
size_t soup_encode_login_request(uint8_t *at, const struct soup_login *login);
size_t soup_encode_unsequenced(uint8_t *at, const void *payload, size_t bytes);
size_t soup_encode_client_heartbeat(uint8_t *at);
size_t soup_encode_logout(uint8_t *at);
size_t soup_encode_login_accepted(uint8_t *at, const struct soup_accepted *accepted);
size_t soup_encode_login_rejected(uint8_t *at, enum soup_reject reason);
size_t soup_encode_sequenced(uint8_t *at, const void *payload, size_t bytes);
size_t soup_encode_server_heartbeat(uint8_t *at);
size_t soup_encode_end_of_session(uint8_t *at);

/* soup_encode_header writes length and type only, for a payload of payload_bytes that the caller
   has put, or will put, at `at` + SOUP_HEADER_BYTES itself. Returns the bytes of the whole frame.
 */
size_t soup_encode_header(uint8_t *at, enum soup_type type, size_t payload_bytes);

/* soup_decode_... read the payload of a packet that soup_parse gave and that has the type.
   Padding is strict: username and password to the left, session and sequence to the right of their
   fields, blanks only; letters are printable ASCII without blanks; a number has at least one digit
   and fits in 64 bits. A requested session may be blank, the other strings may not.

   Return 0, or -EBADMSG and say in err_text() which field is wrong. */
int soup_decode_login_request(const struct soup_packet *packet, struct soup_login *login);
int soup_decode_login_accepted(const struct soup_packet *packet, struct soup_accepted *accepted);
int soup_decode_login_rejected(const struct soup_packet *packet, enum soup_reject *reason);

/* soup_type_name is a packet type's name for people; "?" for a type that there is not. */
const char *soup_type_name(uint8_t type);

#endif /* HOST_WIRE_SOUP_H */
