/* replay: plays a flow to a gateway as N firms over N TCP sessions, SoupBinTCP and OUCH 5.0 inside.
 *
 * One thread, non-blocking sockets, epoll. The client logs in, asks for the next user reference,
 * plays, waits for every answer, asks once more so that all that was on its way has come, logs out.
 */
#ifndef HOST_CLIENT_REPLAY_H
#define HOST_CLIENT_REPLAY_H

#include "host/client/blotter.h"
#include "host/wire/soup.h"

enum replay_pace {
    REPLAY_REAL,   /* each row at its time, if the window lets it */
    REPLAY_FLAT,   /* as fast as windows and sockets take it, in the flow's order */
    REPLAY_STRICT, /* one message at a time: the next one when the last one's answer has come */
};

struct replay_login {
    char username[SOUP_USERNAME_BYTES + 1];
    char password[SOUP_PASSWORD_BYTES + 1];
};

struct replay_settings {
    const char *host, *port;
    const struct replay_login *logins;
    uint32_t clients; /* how many: 1 to BLOTTER_SESSIONS_MAX */
    uint32_t window;  /* of a session, as in blotter.h */
    enum replay_pace pace;
    uint64_t speed_milli; /* REPLAY_REAL: 1000 is the flow's own speed; at least 1 */
    uint64_t answer_ns;   /* an answer that takes longer will not come */
    bool progress;        /* draw a bar on stderr */
};

struct replay_result {
    struct blotter_counts counts;
    struct flow_counts flow;
    uint64_t messages;    /* sent */
    uint64_t elapsed_ns;  /* from the first message to the last answer */
    uint64_t one_sided;   /* trades whose other side is not ours */
    uint64_t open_shares; /* what our orders have left at the end */
};

/* replay_run plays flow to its end. Returns 0 and fills result; or a negative errno and err_text(),
   which names the session where there is one; result then says how far it came. */
int replay_run(struct flow *flow, const struct replay_settings *settings,
               struct replay_result *result);

#endif /* HOST_CLIENT_REPLAY_H */
