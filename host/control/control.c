#include "host/control/control.h"
#include "host/base/clock.h"
#include "host/base/err.h"
#include "host/control/failure.h"
#include "host/control/message.h"
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { IN_BYTES = 64 << 10 };

struct control {
    struct sockaddr_un at;
    uint32_t timeout_ms;
    int socket; /* -1 while there is no connection */
    int64_t id; /* of the last request */
    char *in;
    size_t in_from, in_to, in_room;
    struct control_error refused;
};

int control_open(const char *path, uint32_t timeout_ms, struct control **control) {
    struct control *made = calloc(1, sizeof *made);
    if (made == NULL) return err_set(-ENOMEM, "no memory for a client of %s", path);
    size_t bytes = strlen(path) + 1;
    made->in = malloc(IN_BYTES);
    int code = 0;
    if (made->in == NULL) code = err_set(-ENOMEM, "no memory for a client of %s", path);
    if (bytes > sizeof made->at.sun_path)
        code = err_set(-ENAMETOOLONG,
                       "%s: a socket's path has at most %zu bytes; choose a shorter one", path,
                       sizeof made->at.sun_path - 1);
    if (code != 0) {
        free(made->in);
        free(made);
        return code;
    }
    made->at.sun_family = AF_UNIX;
    memcpy(made->at.sun_path, path, bytes);
    made->timeout_ms = timeout_ms;
    made->socket = -1;
    made->in_room = IN_BYTES;
    *control = made;
    return 0;
}

static void disconnect(struct control *control) {
    if (control->socket >= 0) (void)close(control->socket);
    control->socket = -1;
    control->in_from = control->in_to = 0;
}

void control_close(struct control *control) {
    if (control == NULL) return;
    disconnect(control);
    free(control->in);
    free(control);
}

const struct control_error *control_refused(const struct control *control) {
    return &control->refused;
}

/* ---- Bytes ---- */

static uint64_t deadline(const struct control *control) {
    return clock_monotonic_ns() + (uint64_t)control->timeout_ms * 1000000;
}

static int connect_now(struct control *control) {
    char byte;
    /* The other side may have ended it since the last call, and owes nothing. */
    if (control->socket >= 0 &&
        (recv(control->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN))
        disconnect(control);
    if (control->socket >= 0) return 0;
    int made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (made < 0) return err_set(-errno, "socket: %s", strerror(errno));
    if (connect(made, (const struct sockaddr *)&control->at, sizeof control->at) != 0) {
        int code = -errno;
        (void)close(made);
        if (code == -ENOENT || code == -ECONNREFUSED)
            return err_set(code, "the gateway is down: nobody listens at %s; `make up` starts it",
                           control->at.sun_path);
        return err_set(code, "%s: %s", control->at.sun_path, strerror(-code));
    }
    control->socket = made;
    return 0;
}

/* Waits for the socket; 0, or -ETIMEDOUT. */
static int wait_for(struct control *control, short events, uint64_t until_ns) {
    for (;;) {
        uint64_t now_ns = clock_monotonic_ns();
        struct pollfd ready = { .fd = control->socket, .events = events };
        int count =
            now_ns < until_ns ? poll(&ready, 1, (int)((until_ns - now_ns) / 1000000) + 1) : 0;
        if (count > 0) return 0;
        if (count == 0)
            return err_set(-ETIMEDOUT,
                           "%s: no answer within %u ms; `wirepit status` says how it is",
                           control->at.sun_path, control->timeout_ms);
        if (errno != EINTR) return err_set(-errno, "poll: %s", strerror(errno));
    }
}

static int broken(const struct control *control, int code) {
    return err_set(code, "%s: the gateway broke off: %s", control->at.sun_path, strerror(-code));
}

static int send_all(struct control *control, const char *bytes, size_t count, uint64_t until_ns) {
    while (count > 0) {
        ssize_t sent = send(control->socket, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            bytes += sent;
            count -= (size_t)sent;
            continue;
        }
        if (errno != EAGAIN && errno != EINTR) return broken(control, -errno);
        int code = wait_for(control, POLLOUT, until_ns);
        if (code != 0) return code;
    }
    return 0;
}

/* Room for more input; what was taken makes way first. */
static int make_room(struct control *control) {
    control->in_to -= control->in_from;
    memmove(control->in, control->in + control->in_from, control->in_to);
    control->in_from = 0;
    if (control->in_to < control->in_room) return 0;
    if (control->in_room >= CONTROL_ANSWER_BYTES_MAX)
        return err_set(-EPROTO, "%s: an answer of more than %d bytes", control->at.sun_path,
                       CONTROL_ANSWER_BYTES_MAX);
    char *more = realloc(control->in, 2 * control->in_room);
    if (more == NULL) return err_set(-ENOMEM, "no memory for an answer");
    control->in = more;
    control->in_room *= 2;
    return 0;
}

/* Gives the next line, without its newline; good until the next call. */
static int read_line(struct control *control, uint64_t until_ns, const char **line, size_t *bytes) {
    size_t looked = 0;
    for (;;) {
        const char *from = control->in + control->in_from;
        size_t there = control->in_to - control->in_from;
        const char *end = memchr(from + looked, '\n', there - looked);
        if (end != NULL) {
            *line = from;
            *bytes = (size_t)(end - from);
            control->in_from += *bytes + 1;
            return 0;
        }
        looked = there;
        int code = make_room(control);
        if (code == 0) code = wait_for(control, POLLIN, until_ns);
        if (code != 0) return code;
        ssize_t count = recv(control->socket, control->in + control->in_to,
                             control->in_room - control->in_to, MSG_DONTWAIT);
        if (count == 0) return broken(control, -ECONNRESET);
        if (count < 0 && errno != EAGAIN && errno != EINTR) return broken(control, -errno);
        if (count > 0) control->in_to += (size_t)count;
    }
}

/* ---- Requests ---- */

/* Sends a copy of the request with the next id. */
static int send_request(struct control *control, const json_t *request, uint64_t until_ns) {
    json_t *copy = json_copy((json_t *)(uintptr_t)request);
    char *line = NULL;
    int code = 0;
    if (copy == NULL || json_object_set_new(copy, "id", json_integer(++control->id)) != 0 ||
        (line = json_dumps(copy, JSON_COMPACT)) == NULL)
        code = err_set(-ENOMEM, "no memory for a request");
    json_decref(copy);
    size_t bytes = line != NULL ? strlen(line) : 0;
    if (bytes >= CONTROL_LINE_BYTES_MAX)
        code = err_set(-EMSGSIZE, "a request of %zu bytes; the gateway takes %d", bytes,
                       CONTROL_LINE_BYTES_MAX - 1);
    if (code == 0) {
        line[bytes] = '\n'; /* in place of the terminator */
        code = send_all(control, line, bytes + 1, until_ns);
    }
    free(line);
    return code;
}

/* Receives the answer to the request with this id. */
static int receive(struct control *control, int64_t id, uint64_t until_ns, json_t **answer) {
    const char *line = NULL;
    size_t bytes = 0;
    int code = read_line(control, until_ns, &line, &bytes);
    if (code != 0) return code;
    json_t *json = json_loadb(line, bytes, 0, NULL);
    const json_t *said = json_object_get(json, "id"), *error = json_object_get(json, "error");
    if (error != NULL) {
        failure_read(error, &control->refused);
        code = err_set(-EREMOTEIO, "%s", control->refused.message);
        if (json_is_null(said)) disconnect(control); /* it could not even tell which */
    } else if (!json_is_integer(said) || json_integer_value(said) != id) {
        code = err_set(-EPROTO, "%s: what came back is no answer: %.80s", control->at.sun_path,
                       bytes > 0 ? line : "");
    }
    if (code == 0)
        *answer = json;
    else
        json_decref(json);
    return code;
}

/* A connection that is behind its answers is of no use. */
static int ended(struct control *control, int code) {
    if (code != 0 && code != -EREMOTEIO) disconnect(control);
    return code;
}

int control_ask(struct control *control, const json_t *request, json_t **answer) {
    uint64_t until_ns = deadline(control);
    int code = connect_now(control);
    if (code == 0) code = send_request(control, request, until_ns);
    if (code == 0) code = receive(control, control->id, until_ns, answer);
    return ended(control, code);
}

/* ---- Commands ---- */

static int send_command(struct control *control, const struct command *command, uint64_t until_ns) {
    json_t *request = json_pack("{s:o}", "command", message_command_write(command));
    if (request == NULL) return err_set(-ENOMEM, "no memory for a command");
    int code = send_request(control, request, until_ns);
    json_decref(request);
    return code;
}

static int read_answer(const struct control *control, const json_t *json,
                       struct control_answer *answer) {
    json_int_t command, record, total;
    json_t *events;
    *answer = (struct control_answer){ .command = 0 };
    if (json_unpack((json_t *)(uintptr_t)json, "{s:I, s:I, s:I, s:o}", "command", &command,
                    "record", &record, "events_total", &total, "events", &events) != 0 ||
        json_array_size(events) == 0 || json_array_size(events) > CONTROL_EVENTS_MAX ||
        total < (json_int_t)json_array_size(events))
        return err_set(-EPROTO, "%s: an answer to a command lacks command, record or events",
                       control->at.sun_path);
    answer->command = (uint64_t)command;
    answer->record = (uint64_t)record;
    answer->events_total = (uint32_t)total;
    answer->event_count = (uint32_t)json_array_size(events);
    for (uint32_t i = 0; i < answer->event_count; i++) {
        int code = message_event_read(json_array_get(events, i), &answer->events[i]);
        if (code != 0) return err_wrap(-EPROTO, "%s: ", control->at.sun_path);
    }
    return 0;
}

static int receive_command(struct control *control, int64_t id, uint64_t until_ns,
                           struct control_answer *answer) {
    json_t *json = NULL;
    int code = receive(control, id, until_ns, &json);
    if (code != 0) return code;
    code = read_answer(control, json, answer);
    json_decref(json);
    return code;
}

int control_commands(struct control *control, const struct command *commands, uint32_t count,
                     control_answered *answered, void *context) {
    struct control_answer *answer = malloc(sizeof *answer);
    if (answer == NULL) return err_set(-ENOMEM, "no memory for an answer");
    int code = connect_now(control);
    int64_t first = control->id + 1;
    uint32_t sent = 0, got = 0;
    while (code == 0 && got < count) {
        uint64_t until_ns = deadline(control); /* each answer has the whole of it */
        while (code == 0 && sent < count && sent - got < CONTROL_COMMANDS_MAX)
            code = send_command(control, &commands[sent++], until_ns);
        if (code == 0) code = receive_command(control, first + got, until_ns, answer);
        if (code == 0) answered(context, got++, answer);
    }
    if (code == -EREMOTEIO && got + 1 < sent)
        disconnect(control); /* others' answers would follow */
    free(answer);
    return ended(control, code);
}

static void keep_answer(void *context, uint32_t index, const struct control_answer *answer) {
    (void)index;
    *(struct control_answer *)context = *answer;
}

int control_command(struct control *control, const struct command *command,
                    struct control_answer *answer) {
    return control_commands(control, command, 1, keep_answer, answer);
}
