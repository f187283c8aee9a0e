#define _GNU_SOURCE /* ppoll */
#include "driver/simbus.h"
#include "driver/simbus_layout.h"
#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/base/err.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    HELLO_SECONDS = 5,
    INIT_TRIES_MAX = 1 << 18, /* a try gives at least 20 clocks; the sweep takes one an order */
    LOOK_GAP = 10,            /* looks this many times too late say nothing of the card's silence */
};

struct simbus {
    struct port port;
    struct simbus_memory *memory;
    size_t memory_bytes;
    int socket;
    int fds[SIMBUS_FDS];
    uint64_t posted;
    uint64_t taken; /* of them, as last seen */
    bool broken;
    char why[SIMBUS_FAULT_BYTES + 128];

    uint64_t dry_consumed, dry_ns; /* since when this many events are all there are */
    uint64_t looked_ns;            /* when the card's process was last looked after */
    uint64_t clocks, moved_ns;     /* what it had given then, and since when it had */
};

static struct simbus *simbus_of(struct port *port) { return (struct simbus *)(void *)port; }

static int broken(const struct simbus *bus) { return err_set(-EIO, "%s", bus->why); }

static int breaks(struct simbus *bus, const char *why) {
    if (!bus->broken)
        (void)snprintf(bus->why, sizeof bus->why,
                       "card bus: %s; see to wirepit-card, then reset and replay", why);
    bus->broken = true;
    return broken(bus);
}

/* ---- Waiting ---- */

/* What the card's process says of itself: no system call. */
static int state_check(struct simbus *bus) {
    if (bus->broken) return broken(bus);
    uint32_t state = atomic_load_explicit(&bus->memory->card.state, memory_order_acquire);
    if (state == SIMBUS_RUNS) return 0;
    char text[SIMBUS_FAULT_BYTES];
    memcpy(text, bus->memory->fault, sizeof text);
    text[sizeof text - 1] = 0;
    return breaks(bus, text);
}

/* look asks the system whether the card's process lives, and sees whether it moves. owed: the host
   waits for something. What was not watched all along says nothing of silence. */
static int look(struct simbus *bus, bool owed, uint64_t now_ns) {
    if (now_ns - bus->looked_ns < SIMBUS_LOOK_NS) return 0;
    bool watched = now_ns - bus->looked_ns < (uint64_t)SIMBUS_LOOK_NS * LOOK_GAP;
    bus->looked_ns = now_ns;
    struct pollfd line = { .fd = bus->socket, .events = POLLIN };
    if (poll(&line, 1, 0) > 0 && line.revents != 0) {
        /* It may have said why before it went. */
        int error = state_check(bus);
        return error != 0 ? error : breaks(bus, "its process has died");
    }
    uint64_t clocks = atomic_load_explicit(&bus->memory->card.clocks, memory_order_relaxed);
    if (clocks != bus->clocks || !owed || !watched) {
        bus->clocks = clocks;
        bus->moved_ns = now_ns;
    } else if (now_ns - bus->moved_ns >= SIMBUS_SILENCE_NS) {
        return breaks(bus, "its process hangs: it was given time to answer and gave no clocks");
    }
    return 0;
}

typedef bool condition(const struct simbus *bus);

static bool answered(const struct simbus *bus) {
    return atomic_load_explicit(&bus->memory->answer.number, memory_order_acquire) == bus->posted;
}

static bool has_room(const struct simbus *bus) {
    return bus->posted - atomic_load_explicit(&bus->memory->card.taken, memory_order_acquire) <
           SIMBUS_POSTS;
}

static bool has_event(const struct simbus *bus) { return port_ready(&bus->port); }

/* nap sleeps until the card's process rings, unless what is waited for is there. */
static void nap(struct simbus *bus, condition *come) {
    atomic_store_explicit(&bus->memory->host.asleep, 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
    if (!come(bus)) {
        struct pollfd lines[] = {
            { .fd = bus->fds[SIMBUS_FD_HOST_BELL], .events = POLLIN },
            { .fd = bus->socket, .events = POLLIN },
        };
        const struct timespec most = { .tv_nsec = SIMBUS_NAP_NS };
        uint64_t rings;
        if (ppoll(lines, 2, &most, NULL) > 0 && (lines[0].revents & POLLIN) != 0)
            (void)!read(bus->fds[SIMBUS_FD_HOST_BELL], &rings, sizeof rings);
    }
    atomic_store_explicit(&bus->memory->host.asleep, 0, memory_order_relaxed);
}

/* await returns 0 once come says so, or -EIO. */
static int await(struct simbus *bus, condition *come) {
    uint64_t from_ns = clock_monotonic_ns();
    for (unsigned spins = 1; !come(bus); spins++) {
        simbus_pause();
        if (spins % 64 != 0) continue;
        int error = state_check(bus);
        uint64_t now_ns = clock_monotonic_ns();
        if (error == 0) error = look(bus, true, now_ns);
        if (error != 0) return error;
        if (now_ns - from_ns < SIMBUS_SPIN_NS) continue;
        nap(bus, come);
        spins = 63; /* look after every nap */
    }
    return 0;
}

/* ---- What port.h asks ---- */

/* post_begin gives the place of the next post, NULL once the bus is broken. */
static struct simbus_post *post_begin(struct simbus *bus) {
    if (bus->broken) return NULL;
    if (bus->posted - bus->taken == SIMBUS_POSTS) {
        if (!has_room(bus) && await(bus, has_room) != 0) return NULL;
        bus->taken = atomic_load_explicit(&bus->memory->card.taken, memory_order_acquire);
    }
    return &bus->memory->posts[bus->posted % SIMBUS_POSTS];
}

static void post_end(struct simbus *bus, struct simbus_post *post) {
    atomic_store_explicit(&post->number, ++bus->posted, memory_order_release);
    atomic_thread_fence(memory_order_seq_cst);
    _Atomic uint32_t *asleep = &bus->memory->card.asleep;
    if (atomic_load_explicit(asleep, memory_order_relaxed) == 0) return;
    if (atomic_exchange_explicit(asleep, 0, memory_order_relaxed) == 0) return;
    const uint64_t one = 1;
    (void)!write(bus->fds[SIMBUS_FD_CARD_BELL], &one, sizeof one);
}

static void simbus_write(struct port *port, uint32_t reg, uint32_t value) {
    struct simbus *bus = simbus_of(port);
    struct simbus_post *post = post_begin(bus);
    if (post == NULL) return;
    post->kind = SIMBUS_WRITE;
    post->address = reg;
    post->value = value;
    post_end(bus, post);
}

static void simbus_window_write(struct port *port, uint32_t slot, const struct command *command) {
    struct simbus *bus = simbus_of(port);
    struct simbus_post *post = post_begin(bus);
    if (post == NULL) return;
    post->command = *command;
    post->kind = SIMBUS_WINDOW;
    post->address = slot;
    post_end(bus, post);
}

/* A bus that is broken reads all ones, as a card that has fallen off a real one does. */
static uint32_t simbus_read(struct port *port, uint32_t reg) {
    struct simbus *bus = simbus_of(port);
    struct simbus_post *post = post_begin(bus);
    if (post == NULL) return UINT32_MAX;
    post->kind = SIMBUS_READ;
    post->address = reg;
    post_end(bus, post);
    if (await(bus, answered) != 0) return UINT32_MAX;
    return bus->memory->answer.value;
}

static int simbus_progress(struct port *port) {
    struct simbus *bus = simbus_of(port);
    const bool owed = port_outstanding(port) != 0;
    int error = state_check(bus);
    uint64_t now_ns = clock_monotonic_ns();
    if (error == 0) error = look(bus, owed, now_ns);
    if (error != 0) return error;
    if (!owed || port->consumed != bus->dry_consumed || bus->dry_ns == 0) {
        bus->dry_consumed = port->consumed;
        bus->dry_ns = now_ns;
    } else if (now_ns - bus->dry_ns >= SIMBUS_SPIN_NS) {
        nap(bus, has_event);
    }
    simbus_pause();
    return 0;
}

static void simbus_free(struct simbus *bus) {
    if (bus->memory != NULL) (void)munmap(bus->memory, bus->memory_bytes);
    for (int i = 0; i < SIMBUS_FDS; i++)
        if (bus->fds[i] >= 0) (void)close(bus->fds[i]);
    if (bus->socket >= 0) (void)close(bus->socket);
    free(bus);
}

static void simbus_close(struct port *port) { simbus_free(simbus_of(port)); }

/* ---- Opening ---- */

static int reach(struct simbus *bus, const char *path) {
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof at.sun_path)
        return err_set(-ENAMETOOLONG, "card bus: %s: a socket's path has at most %zu bytes", path,
                       sizeof at.sun_path - 1);
    memcpy(at.sun_path, path, strlen(path));
    bus->socket = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (bus->socket < 0) return err_set(-errno, "card bus: %s: socket: %s", path, strerror(errno));
    const struct timeval most = { .tv_sec = HELLO_SECONDS };
    (void)setsockopt(bus->socket, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    if (connect(bus->socket, (const struct sockaddr *)&at, sizeof at) == 0) return 0;
    return err_set(-errno, "card bus: %s: %s; start the card: wirepit-card --socket %s", path,
                   strerror(errno), path);
}

/* hear takes the card's hello and the descriptors that come with it. */
static int hear(struct simbus *bus, const char *path, struct simbus_hello *hello) {
    union {
        char bytes[CMSG_SPACE(sizeof bus->fds)];
        struct cmsghdr aligned;
    } control;
    struct iovec body = { .iov_base = hello, .iov_len = sizeof *hello };
    struct msghdr message = { .msg_iov = &body,
                              .msg_iovlen = 1,
                              .msg_control = control.bytes,
                              .msg_controllen = sizeof control.bytes };
    ssize_t count = recvmsg(bus->socket, &message, MSG_CMSG_CLOEXEC);
    if (count < 0)
        return err_set(-EIO, "card bus: %s: the card's process says no hello: %s", path,
                       strerror(errno));
    const struct cmsghdr *passed = CMSG_FIRSTHDR(&message);
    if (passed != NULL && passed->cmsg_type == SCM_RIGHTS &&
        passed->cmsg_len == CMSG_LEN(sizeof bus->fds))
        memcpy(bus->fds, CMSG_DATA(passed), sizeof bus->fds);
    if (count != sizeof *hello || memcmp(hello->magic, SIMBUS_MAGIC, sizeof SIMBUS_MAGIC) != 0)
        return err_set(-EPROTO, "card bus: %s: this is no wirepit-card, or one of another layout",
                       path);
    return 0;
}

static int hello_check(const struct simbus *bus, const char *path,
                       const struct simbus_hello *hello) {
    if (hello->version != SIMBUS_VERSION)
        return err_set(-EPROTO, "card bus: %s: layout %u, this host's is %u; rebuild one", path,
                       hello->version, SIMBUS_VERSION);
    if (hello->digest != abi_digest())
        return err_set(
            -EPROTO,
            "card bus: %s: built from tables %08x, this host from %08x; rebuild the older of the "
            "two",
            path, hello->digest, abi_digest());
    if ((hello->flags & SIMBUS_BUSY) != 0)
        return err_set(-EBUSY, "card bus: %s: another host has the card; end it first", path);
    if (hello->ring_log2 < PORT_RING_LOG2_MIN || hello->ring_log2 > PORT_RING_LOG2_MAX ||
        hello->memory_bytes != simbus_memory_bytes(hello->ring_log2) ||
        hello->head_bytes != sizeof(struct simbus_memory) ||
        hello->posts_bytes != sizeof(struct simbus_post) * SIMBUS_POSTS ||
        hello->ring_address % PORT_SLOT_BYTES != 0)
        return err_set(-EPROTO, "card bus: %s: its sizes are not this host's; rebuild one", path);
    struct stat memory;
    if (bus->fds[SIMBUS_FD_MEMORY] < 0 || fstat(bus->fds[SIMBUS_FD_MEMORY], &memory) != 0 ||
        (uint64_t)memory.st_size != hello->memory_bytes)
        return err_set(-EPROTO, "card bus: %s: it passes no memory of the size it says", path);
    return 0;
}

static int attach(struct simbus *bus, const char *path, const struct simbus_hello *hello) {
    void *memory = mmap(NULL, hello->memory_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
                        bus->fds[SIMBUS_FD_MEMORY], 0);
    if (memory == MAP_FAILED)
        return err_set(-errno, "card bus: %s: map: %s", path, strerror(errno));
    bus->memory = memory;
    bus->memory_bytes = hello->memory_bytes;
    const struct simbus_hello ours = { .magic = SIMBUS_MAGIC,
                                       .version = SIMBUS_VERSION,
                                       .digest = abi_digest() };
    if (send(bus->socket, &ours, sizeof ours, MSG_NOSIGNAL) != sizeof ours)
        return err_set(-EIO, "card bus: %s: the card's process has gone: %s", path,
                       strerror(errno));

    static const struct port_operations operations = {
        .read = simbus_read,
        .write = simbus_write,
        .window_write = simbus_window_write,
        .progress = simbus_progress,
        .close = simbus_close,
    };
    bus->port.operations = &operations;
    bus->port.ring = simbus_ring(bus->memory);
    bus->port.ring_address = hello->ring_address;
    bus->port.ring_log2 = hello->ring_log2;
    bus->port.init_tries_max = INIT_TRIES_MAX;
    int error = port_open(&bus->port, "bus");
    /* What a broken bus reads makes no sense; the cause is that it is broken. */
    return bus->broken ? broken(bus) : error;
}

int simbus_open(const char *path, struct card **card) {
    struct simbus *bus = calloc(1, sizeof *bus);
    if (bus == NULL) return err_set(-ENOMEM, "card bus: no memory");
    bus->socket = -1;
    for (int i = 0; i < SIMBUS_FDS; i++) bus->fds[i] = -1;
    struct simbus_hello hello;
    int error = reach(bus, path);
    if (error == 0) error = hear(bus, path, &hello);
    if (error == 0) error = hello_check(bus, path, &hello);
    if (error == 0) error = attach(bus, path, &hello);
    if (error != 0) {
        simbus_free(bus);
        return error;
    }
    *card = &bus->port.card;
    return 0;
}
