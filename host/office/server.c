#include "host/office/server.h"
#include "host/base/err.h"
#include "host/control/message.h"
#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 64, SILENCE_S = 15, BACKLOG = 16, MEMORY_BYTES = 32768 };

struct server {
    struct api *api;
    struct MHD_Daemon *daemon;
    struct sockaddr_un address;
    bool bound;
};

/* A request's body, as far as it has come. */
struct body {
    size_t bytes; /* API_BODY_BYTES_MAX + 1: too many */
    char text[API_BODY_BYTES_MAX];
};

static const char *argument_of(void *context, const char *name) {
    return MHD_lookup_connection_value(context, MHD_GET_ARGUMENT_KIND, name);
}

static enum MHD_Result send_json(struct MHD_Connection *connection, unsigned status,
                                 json_t *answer) {
    char *text = answer != NULL ? json_dumps(answer, JSON_COMPACT) : NULL;
    json_decref(answer);
    if (text == NULL) return MHD_NO; /* without memory the connection ends */
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(text);
        return MHD_NO;
    }
    (void)MHD_add_response_header(response, "Content-Type", "application/json");
    (void)MHD_add_response_header(response, "Cache-Control", "no-store");
    enum MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}

/* Called once when the header has come, then for each part of the body, then once more. */
static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_bytes, void **state) {
    struct server *server = context;
    struct body *body = *state;
    (void)version;
    if (body == NULL) {
        *state = calloc(1, sizeof *body);
        return *state != NULL ? MHD_YES : MHD_NO;
    }
    if (*upload_bytes > 0) {
        if (*upload_bytes <= API_BODY_BYTES_MAX - body->bytes &&
            body->bytes <= API_BODY_BYTES_MAX) {
            memcpy(body->text + body->bytes, upload, *upload_bytes);
            body->bytes += *upload_bytes;
        } else {
            body->bytes = API_BODY_BYTES_MAX + 1;
        }
        *upload_bytes = 0;
        return MHD_YES;
    }
    if (body->bytes > API_BODY_BYTES_MAX)
        return send_json(connection, 413,
                         message_error("body_too_large", "a body has at most 4,096 bytes", NULL));
    const struct api_request request = { .method = method,
                                         .path = url,
                                         .body = body->text,
                                         .body_bytes = body->bytes,
                                         .argument = argument_of,
                                         .context = connection };
    json_t *answer = NULL;
    unsigned status = api_answer(server->api, &request, &answer);
    return send_json(connection, status, answer);
}

static void forget(void *context, struct MHD_Connection *connection, void **state,
                   enum MHD_RequestTerminationCode why) {
    (void)context;
    (void)connection;
    (void)why;
    free(*state);
    *state = NULL;
}

/* A socket file that nobody listens at is left over from a process that was killed. */
static int clear_way(const struct sockaddr_un *address) {
    int tried = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (tried < 0) return err_set(-errno, "a socket: %s", strerror(errno));
    int connected = connect(tried, (const struct sockaddr *)address, sizeof *address);
    int why = connected == 0 ? 0 : errno;
    (void)close(tried);
    if (connected == 0)
        return err_set(-EADDRINUSE,
                       "%s: somebody listens there; stop that office, or choose "
                       "another --socket",
                       address->sun_path);
    if (why == ECONNREFUSED && unlink(address->sun_path) != 0)
        return err_set(-errno, "%s: %s", address->sun_path, strerror(errno));
    return 0;
}

static int listen_at(struct server *server, int *listener) {
    int code = clear_way(&server->address);
    if (code != 0) return code;
    *listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*listener < 0) return err_set(-errno, "a socket: %s", strerror(errno));
    mode_t mask = umask(0177);
    int bound = bind(*listener, (const struct sockaddr *)&server->address, sizeof server->address);
    (void)umask(mask);
    server->bound = bound == 0;
    if (bound == 0 && listen(*listener, BACKLOG) == 0) return 0;
    code = err_set(-errno, "%s: %s", server->address.sun_path, strerror(errno));
    (void)close(*listener);
    return code;
}

int server_open(const char *path, struct api *api, struct server **opened) {
    struct server *server = calloc(1, sizeof *server);
    int listener = -1;
    if (server == NULL) return err_set(-ENOMEM, "no memory for the API");
    server->api = api;
    server->address.sun_family = AF_UNIX;
    int code = 0;
    if (strlen(path) >= sizeof server->address.sun_path)
        code = err_set(-ENAMETOOLONG, "%s: a socket's path has at most %zu bytes", path,
                       sizeof server->address.sun_path - 1);
    (void)snprintf(server->address.sun_path, sizeof server->address.sun_path, "%s", path);
    if (code == 0) code = listen_at(server, &listener);
    if (code == 0) {
        server->daemon = MHD_start_daemon(
            MHD_USE_EPOLL, 0, NULL, NULL, handle, server, MHD_OPTION_LISTEN_SOCKET, listener,
            MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
            (unsigned)SILENCE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_BYTES,
            MHD_OPTION_NOTIFY_COMPLETED, forget, NULL, MHD_OPTION_END);
        if (server->daemon == NULL) {
            code = err_set(-EIO, "%s: the HTTP library does not start", path);
            (void)close(listener);
        }
    }
    if (code != 0) {
        server_close(server);
        return code;
    }
    *opened = server;
    return 0;
}

void server_close(struct server *server) {
    if (server == NULL) return;
    if (server->daemon != NULL) MHD_stop_daemon(server->daemon); /* closes the listener too */
    if (server->bound) (void)unlink(server->address.sun_path);
    free(server);
}

void server_wait(const struct server *server, int timeout_ms) {
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    MHD_UNSIGNED_LONG_LONG due = 0;
    if (MHD_get_timeout(server->daemon, &due) == MHD_YES && due < (unsigned)timeout_ms)
        timeout_ms = (int)due;
    struct pollfd polled = { .fd = info != NULL ? info->epoll_fd : -1, .events = POLLIN };
    (void)poll(&polled, 1, timeout_ms);
}

void server_pass(struct server *server) { (void)MHD_run(server->daemon); }
