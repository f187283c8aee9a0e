/* test_soup: SoupBinTCP frames and logins against bytes written by hand, at the edges of every
 * field, and cut at every place a stream can be cut. */
#include "host/base/err.h"
#include "host/base/random.h"
#include "host/wire/soup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BYTES(literal)  (const uint8_t *)(literal), sizeof(literal) - 1
#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* Offsets below count from the start of the frame. */
#define LOGIN_REQUEST \
    "\x00\x2f"        \
    "L"               \
    "firm1 "          \
    "secret    "      \
    " 20261120A"      \
    "                  42"
#define LOGIN_ACCEPTED \
    "\x00\x1f"         \
    "A"                \
    " 20261120A"       \
    "                 101"

/* parse, with all the room there can be. */
static int parse(enum soup_sender sender, const uint8_t *at, size_t bytes,
                 struct soup_packet *packet) {
    return soup_parse(at, bytes, sender, SOUP_PAYLOAD_BYTES_MAX, packet);
}

static void every_packet_is_parsed(void **state) {
    (void)state;
    static const struct {
        const char *why;
        const uint8_t *frame;
        size_t bytes;
        bool client, server;
        uint8_t type;
        size_t payload_bytes;
    } row[] = {
        { "debug", BYTES("\x00\x03+hi"), true, true, '+', 2 },
        { "debug without text", BYTES("\x00\x01+"), true, true, '+', 0 },
        { "login request", BYTES(LOGIN_REQUEST), true, false, 'L', 46 },
        { "login accepted", BYTES(LOGIN_ACCEPTED), false, true, 'A', 30 },
        { "login rejected", BYTES("\x00\x02JA"), false, true, 'J', 1 },
        { "sequenced", BYTES("\x00\x04Sabc"), false, true, 'S', 3 },
        { "unsequenced", BYTES("\x00\x04Uabc"), true, false, 'U', 3 },
        { "unsequenced, empty", BYTES("\x00\x01U"), true, false, 'U', 0 },
        { "server heartbeat", BYTES("\x00\x01H"), false, true, 'H', 0 },
        { "client heartbeat", BYTES("\x00\x01R"), true, false, 'R', 0 },
        { "logout", BYTES("\x00\x01O"), true, false, 'O', 0 },
        { "end of session", BYTES("\x00\x01Z"), false, true, 'Z', 0 },
    };
    for (size_t i = 0; i < COUNT_OF(row); i++) {
        for (int sender = SOUP_FROM_CLIENT; sender <= SOUP_FROM_SERVER; sender++) {
            bool sends = sender == SOUP_FROM_CLIENT ? row[i].client : row[i].server;
            struct soup_packet packet = { 0 };
            int got = parse((enum soup_sender)sender, row[i].frame, row[i].bytes, &packet);
            if (got != (sends ? (int)row[i].bytes : -EBADMSG))
                fail_msg("%s from sender %d: %d", row[i].why, sender, got);
            if (!sends) continue;
            assert_int_equal(packet.type, row[i].type);
            assert_int_equal(packet.bytes, row[i].payload_bytes);
            assert_ptr_equal(packet.payload, row[i].frame + 3);
        }
    }
}

static void every_encoder_writes_the_frame(void **state) {
    (void)state;
    uint8_t at[64];
    struct soup_login login = {
        .username = "firm1", .password = "secret", .session = "20261120A", .sequence = 42
    };
    assert_int_equal(soup_encode_login_request(at, &login), SOUP_LOGIN_REQUEST_BYTES);
    assert_memory_equal(at, LOGIN_REQUEST, SOUP_LOGIN_REQUEST_BYTES);
    struct soup_accepted accepted = { .session = "20261120A", .sequence = 101 };
    assert_int_equal(soup_encode_login_accepted(at, &accepted), SOUP_LOGIN_ACCEPTED_BYTES);
    assert_memory_equal(at, LOGIN_ACCEPTED, SOUP_LOGIN_ACCEPTED_BYTES);
    assert_int_equal(soup_encode_login_rejected(at, SOUP_SESSION_NOT_AVAILABLE), 4);
    assert_memory_equal(at, "\x00\x02JS", 4);
    assert_int_equal(soup_encode_login_rejected(at, SOUP_NOT_AUTHORIZED), 4);
    assert_memory_equal(at, "\x00\x02JA", 4);
    assert_int_equal(soup_encode_sequenced(at, "abc", 3), 6);
    assert_memory_equal(at, "\x00\x04Sabc", 6);
    assert_int_equal(soup_encode_sequenced(at, NULL, 0), 3);
    assert_memory_equal(at, "\x00\x01S", 3);
    assert_int_equal(soup_encode_unsequenced(at, "abcd", 4), 7);
    assert_memory_equal(at, "\x00\x05Uabcd", 7);
    assert_int_equal(soup_encode_client_heartbeat(at), 3);
    assert_memory_equal(at, "\x00\x01R", 3);
    assert_int_equal(soup_encode_server_heartbeat(at), 3);
    assert_memory_equal(at, "\x00\x01H", 3);
    assert_int_equal(soup_encode_logout(at), 3);
    assert_memory_equal(at, "\x00\x01O", 3);
    assert_int_equal(soup_encode_end_of_session(at), 3);
    assert_memory_equal(at, "\x00\x01Z", 3);
    assert_int_equal(soup_encode_debug(at, "hi"), 5);
    assert_memory_equal(at, "\x00\x03+hi", 5);
    memset(at, '.', sizeof at);
    assert_int_equal(soup_encode_header(at, SOUP_SEQUENCED, 0x1234), 0x1237);
    assert_memory_equal(at, "\x12\x35S.", 4);
}

static void widest_login_fields_fill_their_places(void **state) {
    (void)state;
    uint8_t at[SOUP_LOGIN_REQUEST_BYTES];
    struct soup_login login = { .username = "sixsix",
                                .password = "tenletters",
                                .session = "0123456789",
                                .sequence = UINT64_MAX };
    (void)soup_encode_login_request(at, &login);
    assert_memory_equal(at + 3, "sixsixtenletters012345678918446744073709551615", 46);

    struct soup_packet packet;
    struct soup_login back;
    assert_int_equal(parse(SOUP_FROM_CLIENT, at, sizeof at, &packet), (int)sizeof at);
    assert_int_equal(soup_decode_login_request(&packet, &back), 0);
    assert_string_equal(back.username, "sixsix");
    assert_string_equal(back.password, "tenletters");
    assert_string_equal(back.session, "0123456789");
    assert_true(back.sequence == UINT64_MAX);
}

static void login_request_fields_are_strict(void **state) {
    (void)state;
    static const struct {
        const char *why;
        size_t offset; /* from the start of the payload */
        const char *put;
        int result;
        const char *says; /* in the error's text, or the value that is read */
    } row[] = {
        { "as it is", 0, "", 0, "" },
        { "username, one letter", 0, "x     ", 0, "" },
        { "username blank", 0, "      ", -EBADMSG, "username" },
        { "username to the right", 0, " firm1", -EBADMSG, "username" },
        { "username with a gap", 0, "fi m1 ", -EBADMSG, "username" },
        { "username with a control letter", 0, "fi\x1fm1 ", -EBADMSG, "username" },
        { "username with the last letter", 0, "fi~m1 ", 0, "" },
        { "username, one beyond it", 0, "fi\x7fm1 ", -EBADMSG, "username" },
        { "username not ASCII", 0, "fi\xe9m1 ", -EBADMSG, "username" },
        { "password full", 6, "tenletters", 0, "" },
        { "password blank", 6, "          ", -EBADMSG, "password" },
        { "password to the right", 6, "    secret", -EBADMSG, "password" },
        { "session blank is the current one", 16, "          ", 0, "" },
        { "session to the left", 16, "20261120A ", -EBADMSG, "session" },
        { "session with a gap", 16, " 2026 120A", -EBADMSG, "session" },
        { "sequence 0 is the newest", 26, "                   0", 0, "" },
        { "sequence with zeros before it", 26, "00000000000000000042", 0, "" },
        { "sequence blank", 26, "                    ", -EBADMSG, "sequence is blank" },
        { "sequence to the left", 26, "42                  ", -EBADMSG, "sequence" },
        { "sequence negative", 26, "                 -42", -EBADMSG, "sequence" },
        { "sequence, one below 0", 26, "                 4/2", -EBADMSG, "sequence" },
        { "sequence, one above 9", 26, "                 4:2", -EBADMSG, "sequence" },
        { "sequence, largest", 26, "18446744073709551615", 0, "" },
        { "sequence, one above it", 26, "18446744073709551616", -EBADMSG, "larger" },
        { "sequence, ten times it", 26, "99999999999999999999", -EBADMSG, "larger" },
    };
    for (size_t i = 0; i < COUNT_OF(row); i++) {
        uint8_t frame[] = LOGIN_REQUEST;
        memcpy(frame + 3 + row[i].offset, row[i].put, strlen(row[i].put));
        struct soup_packet packet;
        struct soup_login login = { .username = "before" };
        assert_int_equal(parse(SOUP_FROM_CLIENT, frame, SOUP_LOGIN_REQUEST_BYTES, &packet),
                         SOUP_LOGIN_REQUEST_BYTES);
        int result = soup_decode_login_request(&packet, &login);
        if (result != row[i].result) fail_msg("%s: %d", row[i].why, result);
        if (result < 0) {
            if (strstr(err_text(), row[i].says) == NULL)
                fail_msg("%s: \"%s\" does not say %s", row[i].why, err_text(), row[i].says);
            if (strstr(err_text(), "secret") != NULL)
                fail_msg("%s: a password is told", row[i].why);
            assert_string_equal(login.username, "before");
        }
    }
}

static void login_request_fields_are_read(void **state) {
    (void)state;
    struct soup_packet packet;
    struct soup_login login;
    assert_int_equal(parse(SOUP_FROM_CLIENT, BYTES(LOGIN_REQUEST), &packet), 49);
    assert_int_equal(soup_decode_login_request(&packet, &login), 0);
    assert_string_equal(login.username, "firm1");
    assert_string_equal(login.password, "secret");
    assert_string_equal(login.session, "20261120A");
    assert_true(login.sequence == 42);

    uint8_t blank[] = LOGIN_REQUEST;
    memset(blank + 3 + 16, ' ', 10);
    assert_int_equal(parse(SOUP_FROM_CLIENT, blank, 49, &packet), 49);
    assert_int_equal(soup_decode_login_request(&packet, &login), 0);
    assert_string_equal(login.session, "");
}

static void login_answers_are_read(void **state) {
    (void)state;
    struct soup_packet packet;
    struct soup_accepted accepted;
    assert_int_equal(parse(SOUP_FROM_SERVER, BYTES(LOGIN_ACCEPTED), &packet), 33);
    assert_int_equal(soup_decode_login_accepted(&packet, &accepted), 0);
    assert_string_equal(accepted.session, "20261120A");
    assert_true(accepted.sequence == 101);

    uint8_t frame[] = LOGIN_ACCEPTED;
    memcpy(frame + 13, "                   1", 20);
    assert_int_equal(parse(SOUP_FROM_SERVER, frame, 33, &packet), 33);
    assert_int_equal(soup_decode_login_accepted(&packet, &accepted), 0);
    assert_true(accepted.sequence == 1);
    memcpy(frame + 13, "                   0", 20);
    assert_int_equal(soup_decode_login_accepted(&packet, &accepted), -EBADMSG);
    memcpy(frame, LOGIN_ACCEPTED, 33);
    memset(frame + 3, ' ', 10);
    assert_int_equal(soup_decode_login_accepted(&packet, &accepted), -EBADMSG);

    for (unsigned code = 0; code < 256; code++) {
        uint8_t rejected[4] = { 0, 2, 'J', (uint8_t)code };
        enum soup_reject reason;
        assert_int_equal(parse(SOUP_FROM_SERVER, rejected, 4, &packet), 4);
        bool known = code == 'A' || code == 'S';
        assert_int_equal(soup_decode_login_rejected(&packet, &reason), known ? 0 : -EBADMSG);
        if (known) assert_int_equal(reason, code);
    }
}

static void only_the_ten_types_are_taken(void **state) {
    (void)state;
    for (unsigned type = 0; type < 256; type++) {
        uint8_t frame[3] = { 0, 1, (uint8_t)type };
        struct soup_packet packet;
        bool client = type != 0 && strchr("+UROL", (int)type) != NULL;
        bool server = type != 0 && strchr("+SHZAJ", (int)type) != NULL;
        bool wrong_length = type != 0 && strchr("LAJ", (int)type) != NULL; /* never empty */
        assert_int_equal(parse(SOUP_FROM_CLIENT, frame, 3, &packet),
                         client && !wrong_length ? 3 : -EBADMSG);
        assert_int_equal(parse(SOUP_FROM_SERVER, frame, 3, &packet),
                         server && !wrong_length ? 3 : -EBADMSG);
        assert_true(strcmp(soup_type_name((uint8_t)type), "?") != 0 ? client || server
                                                                    : !client && !server);
    }
}

static void wrong_lengths_are_refused_at_the_header(void **state) {
    (void)state;
    static const struct {
        const char *why;
        enum soup_sender sender;
        const char *header;
        size_t bytes;
        int result;
    } row[] = {
        { "nothing yet", SOUP_FROM_CLIENT, "", 0, 0 },
        { "half a length", SOUP_FROM_CLIENT, "\x00", 1, 0 },
        { "length 0, known without a type", SOUP_FROM_CLIENT, "\x00\x00", 2, -EBADMSG },
        { "a length only", SOUP_FROM_CLIENT, "\x00\x01", 2, 0 },
        { "login request, one short", SOUP_FROM_CLIENT, "\x00\x2eL", 3, -EBADMSG },
        { "login request", SOUP_FROM_CLIENT, "\x00\x2fL", 3, 0 },
        { "login request, one long", SOUP_FROM_CLIENT, "\x00\x30L", 3, -EBADMSG },
        { "login accepted, one short", SOUP_FROM_SERVER, "\x00\x1e\x41", 3, -EBADMSG },
        { "login accepted", SOUP_FROM_SERVER, "\x00\x1f\x41", 3, 0 },
        { "login accepted, one long", SOUP_FROM_SERVER, "\x00\x20\x41", 3, -EBADMSG },
        { "login rejected, one short", SOUP_FROM_SERVER, "\x00\x01J", 3, -EBADMSG },
        { "login rejected, one long", SOUP_FROM_SERVER, "\x00\x03J", 3, -EBADMSG },
        { "heartbeat, one long", SOUP_FROM_CLIENT, "\x00\x02R", 3, -EBADMSG },
        { "server heartbeat, one long", SOUP_FROM_SERVER, "\x00\x02H", 3, -EBADMSG },
        { "logout, one long", SOUP_FROM_CLIENT, "\x00\x02O", 3, -EBADMSG },
        { "end of session, one long", SOUP_FROM_SERVER, "\x00\x02Z", 3, -EBADMSG },
    };
    for (size_t i = 0; i < COUNT_OF(row); i++) {
        struct soup_packet packet;
        int got = parse(row[i].sender, (const uint8_t *)row[i].header, row[i].bytes, &packet);
        if (got != row[i].result) fail_msg("%s: %d", row[i].why, got);
    }
}

static void payloads_over_the_callers_room_are_refused(void **state) {
    (void)state;
    struct soup_packet packet;
    const uint8_t *frame = (const uint8_t *)"\x00\x05Uabcd";
    assert_int_equal(soup_parse(frame, 7, SOUP_FROM_CLIENT, 5, &packet), 7);
    assert_int_equal(soup_parse(frame, 7, SOUP_FROM_CLIENT, 4, &packet), 7);
    assert_int_equal(soup_parse(frame, 7, SOUP_FROM_CLIENT, 3, &packet), -EBADMSG);
    assert_int_equal(soup_parse(frame, 3, SOUP_FROM_CLIENT, 3, &packet), -EBADMSG);

    static uint8_t large[SOUP_FRAME_BYTES_MAX], payload[SOUP_PAYLOAD_BYTES_MAX];
    memset(payload, 'x', sizeof payload);
    assert_int_equal(soup_encode_sequenced(large, payload, sizeof payload), sizeof large);
    assert_memory_equal(large, "\xff\xffS", 3);
    assert_int_equal(parse(SOUP_FROM_SERVER, large, sizeof large - 1, &packet), 0);
    assert_int_equal(parse(SOUP_FROM_SERVER, large, sizeof large, &packet), (int)sizeof large);
    assert_int_equal(packet.bytes, SOUP_PAYLOAD_BYTES_MAX);
}

static uint64_t seed_of_run(void) {
    const char *text = getenv("SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 1;
    print_message("seed %llu\n", (unsigned long long)seed);
    return seed;
}

enum { STREAM_BYTES_MAX = 1 << 16, FRAMES = 400 };

struct stream {
    uint8_t bytes[STREAM_BYTES_MAX];
    size_t used, frames, end[FRAMES];
};

/* Fills a stream with the client's packets, sizes near the edges first. */
static void stream_fill(struct stream *stream, struct random *random) {
    *stream = (struct stream){ 0 };
    while (stream->frames < FRAMES) {
        uint8_t *at = stream->bytes + stream->used, payload[256];
        size_t bytes = (size_t)random_below(random, random_below(random, 2) ? 4 : sizeof payload);
        for (size_t i = 0; i < bytes; i++) payload[i] = (uint8_t)random_next(random);
        struct soup_login login = { .username = "u",
                                    .password = "p",
                                    .sequence = random_next(random) >> random_below(random, 64) };
        switch (random_below(random, 6)) {
        case 0:
            stream->used += soup_encode_client_heartbeat(at);
            break;
        case 1:
            stream->used += soup_encode_login_request(at, &login);
            break;
        case 2:
            stream->used += soup_encode_logout(at);
            break;
        case 3:
            stream->used += soup_encode_debug(at, "text");
            break;
        default:
            stream->used += soup_encode_unsequenced(at, payload, bytes);
            break;
        }
        stream->end[stream->frames++] = stream->used;
    }
}

/* Gives the parser `step` more bytes at a time, 0 for a random number, and checks every frame's
   end and that nothing is given early. */
static void stream_check(const struct stream *stream, struct random *random, size_t step) {
    size_t arrived = 0, read = 0, frame = 0;
    while (arrived < stream->used) {
        size_t more = step > 0 ? step : 1 + (size_t)random_below(random, 300);
        arrived = arrived + more < stream->used ? arrived + more : stream->used;
        uint8_t *copy = malloc(arrived - read); /* so that a sanitizer sees a read behind it */
        assert_non_null(copy);
        memcpy(copy, stream->bytes + read, arrived - read);
        size_t taken = 0;
        for (;;) {
            struct soup_packet packet;
            int got = parse(SOUP_FROM_CLIENT, copy + taken, arrived - read - taken, &packet);
            assert_true(got >= 0);
            if (got == 0) break;
            assert_ptr_equal(packet.payload, copy + taken + 3);
            taken += (size_t)got;
            assert_int_equal(packet.bytes, got - 3);
            assert_true(frame < stream->frames);
            assert_int_equal(read + taken, stream->end[frame]);
            frame++;
        }
        free(copy);
        read += taken;
        assert_true(frame == stream->frames || stream->end[frame] > arrived);
    }
    assert_int_equal(frame, stream->frames);
    assert_int_equal(read, stream->used);
}

static void frames_are_found_however_the_stream_is_cut(void **state) {
    (void)state;
    struct random random = random_seeded(seed_of_run());
    static struct stream stream;
    for (int round = 0; round < 20; round++) {
        stream_fill(&stream, &random);
        stream_check(&stream, &random, 1);
        stream_check(&stream, &random, 2);
        stream_check(&stream, &random, stream.used);
        stream_check(&stream, &random, 0);
    }
}

static void random_logins_come_back(void **state) {
    (void)state;
    struct random random = random_seeded(seed_of_run());
    for (int round = 0; round < 20000; round++) {
        struct soup_login login = { .sequence = random_next(&random) >> random_below(&random, 64) };
        char *field[] = { login.username, login.password, login.session };
        size_t width[] = { 6, 10, 10 };
        for (size_t i = 0; i < 3; i++) {
            size_t least = i < 2; /* only the session may be blank */
            size_t bytes = least + (size_t)random_below(&random, width[i] + 1 - least);
            for (size_t j = 0; j < bytes; j++)
                field[i][j] = (char)('!' + random_below(&random, '~' - '!' + 1));
        }
        uint8_t at[SOUP_LOGIN_REQUEST_BYTES];
        struct soup_packet packet;
        struct soup_login back;
        memset(&back, 0, sizeof back);
        (void)soup_encode_login_request(at, &login);
        assert_int_equal(parse(SOUP_FROM_CLIENT, at, sizeof at, &packet), (int)sizeof at);
        assert_int_equal(soup_decode_login_request(&packet, &back), 0);
        assert_string_equal(back.username, login.username);
        assert_string_equal(back.password, login.password);
        assert_string_equal(back.session, login.session);
        assert_true(back.sequence == login.sequence);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_packet_is_parsed),
        cmocka_unit_test(every_encoder_writes_the_frame),
        cmocka_unit_test(widest_login_fields_fill_their_places),
        cmocka_unit_test(login_request_fields_are_strict),
        cmocka_unit_test(login_request_fields_are_read),
        cmocka_unit_test(login_answers_are_read),
        cmocka_unit_test(only_the_ten_types_are_taken),
        cmocka_unit_test(wrong_lengths_are_refused_at_the_header),
        cmocka_unit_test(payloads_over_the_callers_room_are_refused),
        cmocka_unit_test(frames_are_found_however_the_stream_is_cut),
        cmocka_unit_test(random_logins_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
