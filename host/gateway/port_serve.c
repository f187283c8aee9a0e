#define _GNU_SOURCE /* struct ucred, accept4 */
#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/base/err.h"
#include "host/base/log.h"
#include "host/gateway/port_answer.h"
#include "host/gateway/port_mailbox.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 16 };
#define STUCK_NS UINT64_C(10000000000) /* a client that reads nothing for so long is dropped */

struct connection {
    int socket; /* -1 for none */
    uint32_t generation;
    uint32_t under_way; /* jobs */
    struct ucred who;
    char in[CONTROL_LINE_BYTES_MAX];
    size_t in_used;
    bool over; /* the client has sent all, or its last line was none: answers, then the end */
    char *out; /* answers, each with its newline */
    size_t out_from, out_to, out_room;
    uint64_t asked_ns; /* when it last said something */
    uint64_t stuck_ns; /* since when it takes nothing; 0 while it does */
};

/* What is handed over in one place has one job under way at a time. */
enum share { SHARE_NOTHING, SHARE_STATUS, SHARE_READING, SHARE_PROGRESS, SHARES };

struct port_serve {
    pthread_t thread;
    bool started;
    int listener;
    uint32_t answered;      /* jobs that came back */
    bool under_way[SHARES]; /* by enum share */
    struct piece_owner {
        uint32_t connection, generation;
        uint32_t bytes; /* of the file that are there */
    } file;
    uint32_t turn;
    struct connection connections[PORT_CONNECTIONS_MAX];
};

/* ---- Answers ---- */

static void drop(struct connection *connection) {
    (void)close(connection->socket);
    free(connection->out);
    uint32_t generation = connection->generation + 1;
    *connection = (struct connection){ .socket = -1, .generation = generation };
}

/* Queues an answer; it is taken over. A connection without memory for it ends. */
static void say(struct connection *connection, const json_t *id, json_t *answer) {
    char *text = NULL;
    if (answer != NULL && json_object_set(answer, "id", (json_t *)(uintptr_t)id) == 0)
        text = json_dumps(answer, JSON_COMPACT);
    json_decref(answer);
    size_t bytes = text != NULL ? strlen(text) + 1 : 0;
    if (text != NULL && connection->out_room - connection->out_to < bytes) {
        char *more = realloc(connection->out, connection->out_to + bytes);
        if (more != NULL) {
            connection->out = more;
            connection->out_room = connection->out_to + bytes;
        }
    }
    if (text == NULL || connection->out_room - connection->out_to < bytes) {
        log_line("command port: no memory for an answer; the client is dropped");
        drop(connection);
    } else {
        text[bytes - 1] = '\n';
        memcpy(connection->out + connection->out_to, text, bytes);
        connection->out_to += bytes;
    }
    free(text);
}

static void say_error(struct connection *connection, const json_t *id, const char *code,
                      const char *message) {
    say(connection, id, json_pack("{s:o}", "error", message_error(code, message, NULL)));
}

static enum share share_of(enum port_ask ask) {
    switch (ask) {
    case PORT_STATUS:
        return SHARE_STATUS;
    case PORT_COUNTERS:
    case PORT_CARD:
    case PORT_LOG:
        return SHARE_READING;
    case PORT_PROGRESS:
        return SHARE_PROGRESS;
    default:
        return SHARE_NOTHING;
    }
}

/* Passes on what has come back from the loop. */
static void answer_jobs(struct port_control *port) {
    struct port_serve *serve = port->serve;
    uint32_t done = atomic_load_explicit(&port->done, memory_order_acquire);
    for (; serve->answered != done; serve->answered++) {
        struct port_job *job = port_job(port, serve->answered);
        struct connection *connection = &serve->connections[job->connection];
        serve->under_way[share_of(job->ask)] = false;
        if (connection->socket >= 0 && connection->generation == job->generation) {
            connection->under_way--;
            say(connection, job->id, port_answer(port, job));
        }
        json_decref(job->id);
        job->id = NULL;
    }
}

/* ---- Requests ---- */

static const char *row_name(const struct config *config, unsigned table, uint32_t index) {
    switch (table) {
    case TABLE_SYMBOL:
        return index < config->symbol_count ? config->symbols[index].name : NULL;
    case TABLE_ACCOUNT:
        return index < config->account_count ? config->accounts[index].name : NULL;
    case TABLE_FIRM:
        return index < config->firm_count ? config->firms[index].name : NULL;
    case TABLE_SESSION:
        return index < config->session_count ? config->sessions[index].username : NULL;
    default:
        return NULL;
    }
}

static int find_name(void *context, unsigned table, const char *name) {
    const char *at;
    for (uint32_t i = 0; (at = row_name(context, table, i)) != NULL; i++)
        if (strcmp(at, name) == 0) return (int)i;
    return -1;
}

static bool ring_full(const struct port_control *port) {
    uint32_t asked = atomic_load_explicit(&port->asked, memory_order_relaxed);
    return asked - port->serve->answered == PORT_JOBS_MAX;
}

/* What stands before a command in the journal: who asked, and for what action of the card. */
static void write_note(const struct port_control *port, const struct connection *connection,
                       struct port_job *job) {
    char what[PORT_NOTE_BYTES / 2] = "";
    if (job->ask == PORT_ACTION && job->action == PORT_RESTART)
        (void)snprintf(what, sizeof what, ": restart the management core");
    else if (job->ask == PORT_ACTION && job->action == PORT_SELFTEST)
        (void)snprintf(what, sizeof what, ": self-test of the card");
    else if (job->ask == PORT_ACTION) {
        uint32_t version = firmware_word(port->image, IMAGE_VERSION);
        (void)snprintf(what, sizeof what, ": update the firmware to %u.%u.%u", version >> 16,
                       version >> 8 & 255u, version & 255u);
    }
    (void)snprintf(job->note, sizeof job->note, "asked by uid %u, pid %d%s",
                   (unsigned)connection->who.uid, (int)connection->who.pid, what);
}

/* ---- Firmware ---- */

static bool owns_file(const struct port_control *port, uint32_t index) {
    const struct port_serve *serve = port->serve;
    return serve->file.connection == index &&
           serve->file.generation == serve->connections[index].generation;
}

static const char *busy_file(void) {
    (void)err_set(-EBUSY, "a firmware update is under way; `wirepit card health` says when it is "
                          "over");
    return "busy";
}

/* Keeps a piece of a file. One file at a time: whoever begins one at offset 0 has it. Returns
   NULL, or the word for why not; err_text says it to people. */
static const char *keep_piece(struct port_control *port, uint32_t index,
                              const struct port_request *piece) {
    struct port_serve *serve = port->serve;
    if (atomic_load_explicit(&port->image_taken, memory_order_acquire)) return busy_file();
    if (piece->offset == 0)
        serve->file = (struct piece_owner){ .connection = index,
                                            .generation = serve->connections[index].generation };
    if (!owns_file(port, index) || piece->offset != serve->file.bytes) {
        (void)err_set(-EINVAL,
                      "a firmware file is sent from offset 0 on without a gap, by one connection");
        return "bad_request";
    }
    if (piece->bytes > sizeof port->image - piece->offset) {
        (void)err_set(-EFBIG, "a signed firmware file has %zu bytes at most; is it another file?",
                      sizeof port->image);
        return "bad_firmware";
    }
    memcpy(port->image + piece->offset, piece->piece, piece->bytes);
    serve->file.bytes += piece->bytes;
    return NULL;
}

/* Takes the file for the loop, if its signature is good. As keep_piece;
   the loop gives it back. */
static const char *take_file(struct port_control *port, uint32_t index) {
    size_t bytes = 0;
    const char *key = port->parts.firmware_key;
    if (atomic_load_explicit(&port->image_taken, memory_order_acquire)) return busy_file();
    if (!owns_file(port, index) || port->serve->file.bytes == 0) {
        (void)err_set(-EINVAL, "no firmware file was sent before; send its pieces, then ask");
        return "bad_request";
    }
    if (key[0] == 0) {
        (void)err_set(-EACCES, "this gateway takes no firmware: it knows nobody who may sign it; "
                               "name the key's file as firmware_key of its configuration, or with "
                               "--firmware-key, and start it again");
        return "not_allowed";
    }
    if (firmware_check("the file", port->image, port->serve->file.bytes, key, &bytes) != 0)
        return "bad_firmware";
    port->image_bytes = (uint32_t)bytes;
    atomic_store_explicit(&port->image_taken, true, memory_order_release);
    return NULL;
}

/* False when the request has to wait: the ring is full, or one of its kind is under way. */
static bool hand_over(struct port_control *port, uint32_t index,
                      const struct port_request *request) {
    struct port_serve *serve = port->serve;
    struct connection *connection = &serve->connections[index];
    uint32_t asked = atomic_load_explicit(&port->asked, memory_order_relaxed);
    if (ring_full(port)) return false;
    enum share share = share_of(request->ask);
    if (share != SHARE_NOTHING && serve->under_way[share]) return false;
    struct port_job *job = port_job(port, asked);
    job->ask = request->ask;
    job->command = request->command;
    job->connection = index;
    job->generation = connection->generation;
    job->id = json_incref(request->id);
    job->action = request->action;
    write_note(port, connection, job);
    connection->under_way++;
    serve->under_way[share] = true;
    atomic_store_explicit(&port->asked, asked + 1, memory_order_release);
    return true;
}

/* What of a request is the thread's: pieces of a file, and to look at the whole. False when it is
   refused: code and err_text say why. */
static bool take_firmware(struct port_control *port, uint32_t index, struct port_request *request) {
    request->code = NULL;
    if (request->ask == PORT_PIECE)
        request->code = keep_piece(port, index, request);
    else if (request->ask == PORT_ACTION && request->action == PORT_UPDATE)
        request->code = take_file(port, index);
    return request->code == NULL;
}

/* Takes the line at the front of the input. False when there is none, or it must wait. */
static bool take_line(struct port_control *port, uint32_t index) {
    struct connection *connection = &port->serve->connections[index];
    if (connection->socket < 0 || connection->in_used == 0) return false;
    if (connection->under_way == CONTROL_COMMANDS_MAX || connection->out_to > 0) return false;
    char *end = memchr(connection->in, '\n', connection->in_used);
    if (end == NULL) {
        if (connection->in_used < sizeof connection->in) return false;
        connection->in_used = 0;
        connection->over = true;
        (void)err_set(-EMSGSIZE, "a request is a line of at most %d bytes",
                      CONTROL_LINE_BYTES_MAX - 1);
        say_error(connection, json_null(), "too_long", err_text());
        return false;
    }
    size_t bytes = (size_t)(end - connection->in);
    struct port_request request;
    bool good = port_request_read(connection->in, bytes, find_name,
                                  (void *)(uintptr_t)port->parts.config, &request) == 0;
    bool job = good && request.ask != PORT_PIECE;
    if (job && ring_full(port)) {
        json_decref(request.id);
        return false;
    }
    if (good && !take_firmware(port, index, &request)) good = job = false;
    if (job && !hand_over(port, index, &request)) {
        json_decref(request.id);
        return false;
    }
    connection->in_used -= bytes + 1;
    memmove(connection->in, end + 1, connection->in_used);
    if (!good)
        say_error(connection, request.id, request.code, err_text());
    else if (!job)
        say(connection, request.id, json_pack("{s:i}", "bytes", (int)port->serve->file.bytes));
    json_decref(request.id);
    return true;
}

static void read_some(struct connection *connection) {
    size_t room = sizeof connection->in - connection->in_used;
    ssize_t count = recv(connection->socket, connection->in + connection->in_used, room, 0);
    if (count > 0) {
        connection->in_used += (size_t)count;
        connection->asked_ns = clock_monotonic_ns();
    } else if (count == 0) {
        connection->over = true;
    } else if (errno != EAGAIN && errno != EINTR) {
        drop(connection);
    }
}

static void write_some(struct connection *connection, uint64_t now_ns) {
    ssize_t count = send(connection->socket, connection->out + connection->out_from,
                         connection->out_to - connection->out_from, MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN && errno != EINTR) {
        drop(connection);
        return;
    }
    if (count > 0) {
        connection->out_from += (size_t)count;
        connection->stuck_ns = 0;
    } else if (connection->stuck_ns == 0) {
        connection->stuck_ns = now_ns;
    }
    if (connection->out_from < connection->out_to) return;
    free(connection->out);
    connection->out = NULL;
    connection->out_from = connection->out_to = connection->out_room = 0;
}

static bool idle(const struct connection *connection) {
    return connection->socket >= 0 && connection->under_way == 0 && connection->out_to == 0 &&
           connection->in_used == 0;
}

/* A number for the next client: a free one, else that of whoever has asked nothing for longest, who
   is dropped; PORT_CONNECTIONS_MAX while all are busy. */
static uint32_t make_place(struct port_serve *serve, bool dropping) {
    uint32_t place = PORT_CONNECTIONS_MAX;
    for (uint32_t i = 0; i < PORT_CONNECTIONS_MAX; i++) {
        const struct connection *connection = &serve->connections[i];
        if (connection->socket < 0) return i;
        if (idle(connection) && (place == PORT_CONNECTIONS_MAX ||
                                 connection->asked_ns < serve->connections[place].asked_ns))
            place = i;
    }
    if (place < PORT_CONNECTIONS_MAX && dropping) drop(&serve->connections[place]);
    return place;
}

static void accept_one(struct port_serve *serve) {
    int client = accept4(serve->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0) return; /* it has gone again */
    uint32_t place = make_place(serve, true);
    if (place == PORT_CONNECTIONS_MAX) { /* the last idle one has asked something meanwhile */
        (void)close(client);
        return;
    }
    struct connection *connection = &serve->connections[place];
    socklen_t bytes = sizeof connection->who;
    connection->socket = client;
    connection->asked_ns = clock_monotonic_ns();
    if (getsockopt(client, SOL_SOCKET, SO_PEERCRED, &connection->who, &bytes) != 0)
        drop(connection);
}

/* ---- The thread ---- */

/* A connection is read while its input has room and its answers are taken. */
static short wanted(const struct connection *connection) {
    bool read =
        !connection->over && connection->out_to == 0 && connection->in_used < sizeof connection->in;
    return (short)((read ? POLLIN : 0) | (connection->out_to > 0 ? POLLOUT : 0));
}

static void wait_some(struct port_control *port) {
    enum { LISTENER = PORT_CONNECTIONS_MAX, WAKE, ALL };
    struct port_serve *serve = port->serve;
    struct pollfd ready[ALL];
    for (uint32_t i = 0; i < PORT_CONNECTIONS_MAX; i++) {
        short events = wanted(&serve->connections[i]);
        /* Nothing wanted: not even to hear that it has gone, which would not wait. */
        ready[i] = (struct pollfd){ .fd = events != 0 ? serve->connections[i].socket : -1,
                                    .events = events };
    }
    bool room = make_place(serve, false) < PORT_CONNECTIONS_MAX;
    ready[LISTENER] = (struct pollfd){ .fd = room ? serve->listener : -1, .events = POLLIN };
    ready[WAKE] = (struct pollfd){ .fd = port->wake, .events = POLLIN };
    if (poll(ready, ALL, 1000) <= 0) return;
    uint64_t now_ns = clock_monotonic_ns(), sum;
    if (ready[WAKE].revents != 0) (void)!read(port->wake, &sum, sizeof sum);
    for (uint32_t i = 0; i < PORT_CONNECTIONS_MAX; i++) {
        struct connection *connection = &serve->connections[i];
        if ((ready[i].revents & (POLLOUT | POLLERR | POLLHUP)) != 0 && connection->out_to > 0)
            write_some(connection, now_ns);
        else if (ready[i].revents != 0 && connection->socket >= 0)
            read_some(connection);
    }
    if (ready[LISTENER].revents != 0) accept_one(serve);
}

/* Turn by turn, so that nobody's requests come before everybody else's. */
static void take_lines(struct port_control *port) {
    struct port_serve *serve = port->serve;
    bool moved = true;
    serve->turn++;
    while (moved) {
        moved = false;
        for (uint32_t i = 0; i < PORT_CONNECTIONS_MAX; i++)
            moved |= take_line(port, (serve->turn + i) % PORT_CONNECTIONS_MAX);
    }
}

static void end_some(struct port_serve *serve, uint64_t now_ns) {
    for (uint32_t i = 0; i < PORT_CONNECTIONS_MAX; i++) {
        struct connection *connection = &serve->connections[i];
        if (connection->socket < 0) continue;
        bool whole_line = memchr(connection->in, '\n', connection->in_used) != NULL;
        bool done = connection->over && connection->out_to == 0 && connection->under_way == 0 &&
                    !whole_line;
        bool stuck = connection->stuck_ns != 0 && now_ns - connection->stuck_ns > STUCK_NS;
        if (stuck) log_line("command port: pid %d dropped, it does not read", connection->who.pid);
        if (done || stuck) drop(connection);
    }
}

static void *serve_run(void *context) {
    struct port_control *port = context;
    while (!atomic_load_explicit(&port->stop, memory_order_acquire)) {
        answer_jobs(port);
        take_lines(port);
        end_some(port->serve, clock_monotonic_ns());
        wait_some(port);
    }
    return NULL;
}

/* Tells who still waits that nothing will come. */
static void say_end(struct port_control *port) {
    struct port_serve *serve = port->serve;
    answer_jobs(port);
    uint32_t asked = atomic_load_explicit(&port->asked, memory_order_relaxed);
    for (; serve->answered != asked; serve->answered++) {
        struct port_job *job = port_job(port, serve->answered);
        struct connection *connection = &serve->connections[job->connection];
        if (connection->socket >= 0 && connection->generation == job->generation)
            say_error(connection, job->id, "stopped",
                      "the gateway ends; whether it was carried out stands in the journal");
        json_decref(job->id);
    }
    for (uint32_t i = 0; i < PORT_CONNECTIONS_MAX; i++) {
        struct connection *connection = &serve->connections[i];
        if (connection->socket >= 0 && connection->out_to > 0)
            write_some(connection, clock_monotonic_ns());
        if (connection->socket >= 0) drop(connection);
    }
}

/* ---- Open and close ---- */

/* Makes way at the path: a socket at which nobody answers is what a dead gateway left. */
static int clear_path(const struct sockaddr_un *at) {
    struct stat there;
    if (lstat(at->sun_path, &there) != 0) return 0;
    if (!S_ISSOCK(there.st_mode))
        return err_set(-EADDRINUSE, "%s: it is there and no socket; name another with --control",
                       at->sun_path);
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0) return err_set(-errno, "socket: %s", strerror(errno));
    int answered = connect(probe, (const struct sockaddr *)at, sizeof *at);
    bool dead = answered != 0 && errno == ECONNREFUSED;
    (void)close(probe);
    if (!dead)
        return err_set(-EADDRINUSE,
                       "%s: another gateway answers there; end it, or name another with --control",
                       at->sun_path);
    if (unlink(at->sun_path) != 0) return err_set(-errno, "%s: %s", at->sun_path, strerror(errno));
    return 0;
}

static int listen_at(struct port_serve *serve, const char *path) {
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof at.sun_path)
        return err_set(-ENAMETOOLONG,
                       "%s: a socket's path has at most %zu bytes; name another with --control",
                       path, sizeof at.sun_path - 1);
    memcpy(at.sun_path, path, strlen(path) + 1);
    int code = clear_path(&at);
    if (code != 0) return code;
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0) return err_set(-errno, "socket: %s", strerror(errno));
    /* Before the name exists, so that nobody else gets in between. */
    if (fchmod(listener, 0600) != 0 ||
        bind(listener, (const struct sockaddr *)&at, sizeof at) != 0 ||
        listen(listener, BACKLOG) != 0) {
        code = err_set(-errno, "%s: %s; name another with --control", path, strerror(errno));
        (void)close(listener);
        return code;
    }
    serve->listener = listener;
    return 0;
}

/* Signals are the loop's. */
static int start_thread(struct port_control *port) {
    sigset_t all, before;
    (void)sigfillset(&all);
    CHECK(pthread_sigmask(SIG_BLOCK, &all, &before) == 0);
    int code = pthread_create(&port->serve->thread, NULL, serve_run, port);
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    if (code != 0) return err_set(-code, "thread: %s", strerror(code));
    port->serve->started = true;
    return 0;
}

int port_serve_open(struct port_control *port) {
    struct port_serve *serve = calloc(1, sizeof *serve);
    if (serve == NULL) return err_set(-ENOMEM, "no memory for the command port");
    port->serve = serve;
    serve->listener = -1;
    for (uint32_t i = 0; i < PORT_CONNECTIONS_MAX; i++) serve->connections[i].socket = -1;
    int code = listen_at(serve, port->parts.path);
    return code == 0 ? start_thread(port) : code;
}

void port_serve_close(struct port_control *port) {
    struct port_serve *serve = port->serve;
    if (serve == NULL) return;
    if (serve->started) {
        const uint64_t one = 1;
        atomic_store_explicit(&port->stop, true, memory_order_release);
        (void)!write(port->wake, &one, sizeof one);
        CHECK(pthread_join(serve->thread, NULL) == 0);
        say_end(port);
    }
    if (serve->listener >= 0) {
        (void)unlink(port->parts.path);
        (void)close(serve->listener);
    }
    free(serve);
    port->serve = NULL;
}
