/* fuzz_soup: any bytes as a SoupBinTCP stream. The first byte says who sends (bit 0) and how much
 * room there is for a payload (the others). Parsed at once and parsed byte by byte, a stream gives
 * the same packets and ends the same way; logins that are read can be written and read again. */
#include "host/base/check.h"
#include "host/base/err.h"
#include "host/wire/soup.h"
#include <stdbool.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void login_request(const struct soup_packet *packet) {
    struct soup_login login, again;
    if (soup_decode_login_request(packet, &login) < 0) {
        CHECK(err_text()[0] != '\0');
        return;
    }
    uint8_t at[SOUP_LOGIN_REQUEST_BYTES];
    struct soup_packet back;
    CHECK(soup_encode_login_request(at, &login) == sizeof at);
    CHECK(soup_parse(at, sizeof at, SOUP_FROM_CLIENT, sizeof at, &back) == sizeof at);
    CHECK(soup_decode_login_request(&back, &again) == 0);
    CHECK(strcmp(login.username, again.username) == 0);
    CHECK(strcmp(login.password, again.password) == 0);
    CHECK(strcmp(login.session, again.session) == 0);
    CHECK(login.sequence == again.sequence);
}

static void login_accepted(const struct soup_packet *packet) {
    struct soup_accepted accepted, again;
    if (soup_decode_login_accepted(packet, &accepted) < 0) return;
    uint8_t at[SOUP_LOGIN_ACCEPTED_BYTES];
    struct soup_packet back;
    CHECK(soup_encode_login_accepted(at, &accepted) == sizeof at);
    CHECK(soup_parse(at, sizeof at, SOUP_FROM_SERVER, sizeof at, &back) == sizeof at);
    CHECK(soup_decode_login_accepted(&back, &again) == 0);
    CHECK(strcmp(accepted.session, again.session) == 0);
    CHECK(accepted.sequence == again.sequence);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    if (bytes == 0) return 0;
    enum soup_sender sender = data[0] & 1 ? SOUP_FROM_SERVER : SOUP_FROM_CLIENT;
    size_t room = data[0] >> 1;
    data++, bytes--;

    size_t read = 0;
    for (;;) {
        struct soup_packet packet, slow;
        int got = soup_parse(data + read, bytes - read, sender, room, &packet);
        int slow_got = 0;
        size_t arrived = 0;
        while (slow_got == 0 && arrived < bytes - read)
            slow_got = soup_parse(data + read, ++arrived, sender, room, &slow);
        CHECK(slow_got == got);
        if (got <= 0) break;

        CHECK(arrived == (size_t)got);
        CHECK(got == SOUP_HEADER_BYTES + packet.bytes);
        CHECK(packet.payload == data + read + SOUP_HEADER_BYTES);
        CHECK(packet.type == slow.type);
        CHECK(packet.bytes <= room);
        if (packet.type == SOUP_LOGIN_REQUEST) login_request(&packet);
        if (packet.type == SOUP_LOGIN_ACCEPTED) login_accepted(&packet);
        enum soup_reject reason;
        if (packet.type == SOUP_LOGIN_REJECTED) (void)soup_decode_login_rejected(&packet, &reason);
        read += (size_t)got;
    }
    return 0;
}
