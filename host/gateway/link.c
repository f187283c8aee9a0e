#include "host/gateway/link.h"
#include "host/base/err.h"
#include <errno.h>

void link_start(struct link *link, uint64_t now_ns) {
    *link = (struct link){ .received_ns = now_ns, .sent_ns = now_ns };
}

void link_accept(struct link *link) { link->open = true; }

void link_received(struct link *link, uint64_t now_ns) { link->received_ns = now_ns; }

void link_sent(struct link *link, uint64_t now_ns) { link->sent_ns = now_ns; }

enum link_action link_read(struct link *link, const uint8_t *bytes, size_t count,
                           struct link_step *step) {
    int frame = soup_parse(bytes, count, SOUP_FROM_CLIENT, LINK_MESSAGE_BYTES_MAX, &step->packet);
    if (frame < 0) return LINK_BROKEN;
    if (frame == 0) return LINK_NOTHING;
    step->bytes = (size_t)frame;
    switch (step->packet.type) {
    case SOUP_LOGIN_REQUEST:
        if (link->open) {
            (void)err_set(-EBADMSG, "a second login on one connection");
            return LINK_BROKEN;
        }
        return soup_decode_login_request(&step->packet, &step->login) == 0 ? LINK_LOGIN
                                                                           : LINK_BROKEN;
    case SOUP_UNSEQUENCED:
        if (!link->open) {
            (void)err_set(-EBADMSG, "a message before the login");
            return LINK_BROKEN;
        }
        return LINK_MESSAGE;
    case SOUP_LOGOUT:
        return LINK_LOGOUT;
    default: /* heartbeats and debug text, before the login too */
        return LINK_SKIP;
    }
}

enum link_action link_judge(struct link *link, bool sense) {
    link->garbage = sense ? 0 : link->garbage + 1;
    if (link->garbage <= LINK_GARBAGE_MAX) return LINK_NOTHING;
    (void)err_set(-EBADMSG, "%u messages in a row that are none", link->garbage);
    return LINK_BROKEN;
}

enum link_action link_time(const struct link *link, uint64_t now_ns) {
    if (now_ns - link->received_ns >= SOUP_TIMEOUT_NS) {
        (void)err_set(-ETIMEDOUT, "nothing received for %llu s",
                      (unsigned long long)(SOUP_TIMEOUT_NS / UINT64_C(1000000000)));
        return LINK_BROKEN;
    }
    if (link->open && now_ns - link->sent_ns >= SOUP_HEARTBEAT_NS) return LINK_HEARTBEAT;
    return LINK_NOTHING;
}
