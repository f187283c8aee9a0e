#define _GNU_SOURCE /* memfd_create, accept4 */
#include "sim/bus.h"
#include "driver/simbus_layout.h"
#include "host/base/clock.h"
#include "host/base/err.h"
#include "host/base/log.h"
#include "sim/bus_watch.h"
#include "sim/ivshmem.h"
#include "sim/trace.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    SLICE_CLOCKS = 8, /* between two looks at the posts: less than a command takes */
    BATCH = 64,       /* posts taken at a time */
    TEND_TURNS = 256, /* between two looks at the time */
    SLEEP_MS = 50,    /* the watchdog wants to be looked after */
    BACKLOG = 4,
};
#define TEND_NS  UINT64_C(10000000)
#define GREET_NS UINT64_C(5000000000) /* for the host's hello */

static const uint64_t host_ring_address = 0x2345678c0; /* as the card sees it */

struct host {
    int socket; /* -1: nobody is there */
    int fds[SIMBUS_FDS];
    bool greeted; /* its hello has come */
    uint64_t since_ns;
    struct simbus_memory *memory;
    void *ring;       /* where its events go; NULL while that is nowhere */
    void *guest_ring; /* the mapping of a guest's */
    size_t guest_ring_bytes;
    uint64_t taken;
};

struct bus {
    struct bus_options options;
    int listener;
    struct sockaddr_un at;
    struct host host;
    struct model *model;
    struct trace trace;
    struct event *ring; /* what the card writes to; the host's is a copy */
    uint32_t ring_log2; /* of the ring; a guest chooses it, up to that of the options */
    uint32_t ring_log2_max;
    uint64_t ring_address;
    size_t memory_bytes;

    /* As port.h counts them, from the posts that go past and the events that come. */
    bool ring_on;
    uint64_t pushed, ended, live_from; /* live_from: pushed when it went LIVE, or UINT64_MAX */
    uint64_t produced;
    uint32_t consumed;

    struct bus_watch watch;
    bool silent;      /* the host, as the log says */
    uint64_t still;   /* clocks without a post or an event */
    uint64_t owed;    /* clocks without an event while one is due */
    uint64_t idle_ns; /* since when nothing is under way; 0 while something is */
    uint64_t tended_ns;
    unsigned turns;
};

/* ---- The card ---- */

static int card_make(struct bus *bus) {
    const struct model_options options = { .size = bus->options.size,
                                           .seed = bus->options.seed,
                                           .memory = bus->ring,
                                           .memory_address = bus->ring_address,
                                           .memory_bytes = port_ring_bytes(bus->ring_log2) };
    bus->model = model_new(&options);
    if (bus->model == NULL) return -EINVAL;
    if (bus->options.trace_path == NULL) return 0;
    return trace_start(&bus->trace, bus->model, bus->options.trace_path, 0);
}

static void ring_restart(struct bus *bus, bool on) {
    bus->ring_on = on;
    bus->produced = 0;
    bus->consumed = 0;
}

static bool ring_full(const struct bus *bus) {
    return (uint32_t)bus->produced - bus->consumed >= UINT32_C(1) << bus->ring_log2;
}

/* Whether the card owes an event that it has room for. */
static bool due(const struct bus *bus) {
    return bus->ring_on && bus->pushed != bus->ended && !ring_full(bus);
}

static void count_event(struct bus *bus, const struct event *event) {
    if ((event->flags & EVENT_END) == 0) return;
    if ((event->flags & EVENT_CARD) != 0 && bus->ended >= bus->live_from) return;
    if (bus->ended != bus->pushed) bus->ended++;
}

/* The status line goes over when it has changed: what the host looks at is written last. */
static void copy_status(const struct bus *bus, struct event *to) {
    const size_t slots = (size_t)1 << bus->ring_log2;
    struct status now, before;
    memcpy(&now, &bus->ring[slots], sizeof now);
    memcpy(&before, &to[slots], sizeof before);
    if (memcmp(&now, &before, sizeof now) == 0) return;
    char *line = (char *)&to[slots];
    static_assert(offsetof(struct status, slots_taken) == 0, "it is left out of the first copy");
    memcpy(line + sizeof now.slots_taken, (char *)&now + sizeof now.slots_taken,
           sizeof now - sizeof now.slots_taken);
    atomic_store_explicit((_Atomic uint64_t *)(void *)line, now.slots_taken, memory_order_release);
}

static void host_wake(struct host *host) {
    atomic_thread_fence(memory_order_seq_cst);
    _Atomic uint32_t *asleep = &host->memory->host.asleep;
    if (atomic_load_explicit(asleep, memory_order_relaxed) == 0) return;
    if (atomic_exchange_explicit(asleep, 0, memory_order_relaxed) == 0) return;
    const uint64_t one = 1;
    (void)!write(host->fds[SIMBUS_FD_HOST_BELL], &one, sizeof one);
}

/* carry_events brings the host what the card has written. The model fills a slot in no particular
   order; in the host's memory the phase comes last. True when there was any. */
static bool carry_events(struct bus *bus) {
    if (!bus->ring_on) return false;
    const uint64_t mask = ((uint64_t)1 << bus->ring_log2) - 1;
    struct event *to = bus->host.ring;
    const uint64_t before = bus->produced;
    for (;; bus->produced++) {
        const struct event *from = &bus->ring[bus->produced & mask];
        const uint8_t phase = ((bus->produced >> bus->ring_log2) & 1) ^ 1;
        if ((from->phase & 1) != phase) break;
        count_event(bus, from);
        if (to == NULL) continue;
        struct event *slot = &to[bus->produced & mask];
        memcpy(slot, from, offsetof(struct event, phase));
        atomic_store_explicit((_Atomic uint8_t *)&slot->phase, from->phase, memory_order_release);
    }
    if (to != NULL) copy_status(bus, to);
    if (bus->produced == before) return false;
    if (to != NULL) host_wake(&bus->host);
    return true;
}

/* ---- The host ---- */

static void guest_ring_end(struct host *host) {
    if (host->guest_ring != NULL) (void)munmap(host->guest_ring, host->guest_ring_bytes);
    host->guest_ring = NULL;
}

static void host_drop(struct bus *bus, const char *why) {
    struct host *host = &bus->host;
    if (host->socket < 0) return;
    log_line("wirepit-card: the host is gone: %s", why);
    (void)close(host->socket);
    for (int i = 0; i < SIMBUS_FDS; i++)
        if (host->fds[i] >= 0) (void)close(host->fds[i]);
    if (host->memory != NULL) (void)munmap(host->memory, bus->memory_bytes);
    guest_ring_end(host);
    *host = (struct host){ .socket = -1, .fds = { -1, -1, -1 } };
}

/* The host's memory is sealed: neither side can take it away below the other. */
static int host_memory(struct bus *bus) {
    struct host *host = &bus->host;
    int memory = memfd_create("wirepit-card", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    host->fds[SIMBUS_FD_MEMORY] = memory;
    host->fds[SIMBUS_FD_CARD_BELL] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    host->fds[SIMBUS_FD_HOST_BELL] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    for (int i = 0; i < SIMBUS_FDS; i++)
        if (host->fds[i] < 0) return -errno;
    if (ftruncate(memory, (off_t)bus->memory_bytes) != 0) return -errno;
    if (fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) return -errno;
    void *mapped = mmap(NULL, bus->memory_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    if (mapped == MAP_FAILED) return -errno;
    host->memory = mapped;
    if (bus->options.guest_ram == NULL) host->ring = simbus_ring(host->memory);
    return 0;
}

static struct simbus_hello hello_of(const struct bus *bus, uint32_t flags) {
    return (struct simbus_hello){ .magic = SIMBUS_MAGIC,
                                  .version = SIMBUS_VERSION,
                                  .digest = abi_digest(),
                                  .memory_bytes = bus->memory_bytes,
                                  .ring_address = bus->ring_address,
                                  .ring_log2 = bus->ring_log2,
                                  .posts_bytes = sizeof(struct simbus_post) * SIMBUS_POSTS,
                                  .head_bytes = sizeof(struct simbus_memory),
                                  .flags = flags };
}

static bool hello_say(const struct bus *bus, int socket, const int *fds, uint32_t flags) {
    struct simbus_hello hello = hello_of(bus, flags);
    union {
        char bytes[CMSG_SPACE(sizeof(int) * SIMBUS_FDS)];
        struct cmsghdr aligned;
    } control = { .bytes = { 0 } };
    struct iovec body = { .iov_base = &hello, .iov_len = sizeof hello };
    struct msghdr message = { .msg_iov = &body, .msg_iovlen = 1 };
    if (fds != NULL) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *passed = CMSG_FIRSTHDR(&message);
        passed->cmsg_level = SOL_SOCKET;
        passed->cmsg_type = SCM_RIGHTS;
        passed->cmsg_len = CMSG_LEN(sizeof(int) * SIMBUS_FDS);
        memcpy(CMSG_DATA(passed), fds, sizeof(int) * SIMBUS_FDS);
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL) == sizeof hello;
}

/* What comes on the socket is the host's hello, or its end. */
static void host_hear(struct bus *bus) {
    struct simbus_hello hello;
    ssize_t count = recv(bus->host.socket, &hello, sizeof hello, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) {
        host_drop(bus, "it has closed the bus");
    } else if (bus->host.greeted || count != sizeof hello ||
               memcmp(hello.magic, SIMBUS_MAGIC, sizeof SIMBUS_MAGIC) != 0 ||
               hello.version != SIMBUS_VERSION || hello.digest != abi_digest()) {
        host_drop(bus, "its hello is not that of a host of this build; rebuild one");
    } else {
        bus->host.greeted = true;
        log_line("wirepit-card: a host is there");
    }
}

/* A guest finds the hello where a host's ring would be, and says none: its driver comes and goes
   while QEMU stays. */
static void guest_greet(struct bus *bus) {
    const struct simbus_hello hello = hello_of(bus, 0);
    memcpy(bus->host.memory + 1, &hello, sizeof hello);
    const struct ivshmem ivshmem = { .memory = bus->host.fds[SIMBUS_FD_MEMORY],
                                     .our_bell = bus->host.fds[SIMBUS_FD_CARD_BELL],
                                     .guest_bell = bus->host.fds[SIMBUS_FD_HOST_BELL] };
    bus->host.greeted = ivshmem_hello(bus->host.socket, &ivshmem);
    if (bus->host.greeted)
        log_line("wirepit-card: QEMU is there");
    else
        host_drop(bus, "QEMU does not wait for its device");
}

/* A host that finds another one there is told so. */
static void host_take(struct bus *bus, uint64_t now_ns) {
    int socket = accept4(bus->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket < 0) return;
    if (bus->host.socket >= 0) host_hear(bus); /* it may be gone and its successor be here */
    if (bus->host.socket >= 0) {
        if (bus->options.guest_ram == NULL) (void)hello_say(bus, socket, NULL, SIMBUS_BUSY);
        (void)close(socket);
        return;
    }
    bus->host.socket = socket;
    bus->host.since_ns = now_ns;
    int error = host_memory(bus);
    if (error != 0)
        host_drop(bus, strerror(-error));
    else if (bus->options.guest_ram != NULL)
        guest_greet(bus);
    else if (!hello_say(bus, socket, bus->host.fds, 0))
        host_drop(bus, "it does not wait for the hello");
}

/* host_fault tells the host why nothing will move any more, and lets it go. */
static void host_fault(struct bus *bus, uint32_t state, const char *why) {
    struct simbus_memory *memory = bus->host.memory;
    if (memory != NULL) {
        (void)snprintf(memory->fault, sizeof memory->fault, "%s", why);
        atomic_store_explicit(&memory->card.state, state, memory_order_release);
        host_wake(&bus->host);
    }
    host_drop(bus, why);
}

/* ---- What the host posts ---- */

/* guest_ring_start maps the ring that a guest's driver has asked the card to write to. Its address
   is that of the guest's memory: QEMU's IOMMU is not between. On a fault the card goes on and the
   guest hears nothing of it, as from a card whose writes an IOMMU refuses. */
static void guest_ring_start(struct bus *bus, uint32_t ring_log2) {
    struct host *host = &bus->host;
    const uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    const uint64_t from = bus->ring_address / page_bytes * page_bytes;
    guest_ring_end(host);
    host->ring = NULL;
    if (ring_log2 < PORT_RING_LOG2_MIN || ring_log2 > bus->ring_log2_max) {
        log_line("wirepit-card: the guest wants a ring of 2^%u events, 2^%u is the most here: its "
                 "events are lost",
                 ring_log2, bus->ring_log2_max);
        return;
    }
    bus->ring_log2 = ring_log2;
    const size_t bytes = port_ring_bytes(ring_log2);
    model_memory_move(bus->model, bus->ring_address, bytes);

    struct stat ram;
    void *mapped = MAP_FAILED;
    int file = open(bus->options.guest_ram, O_RDWR | O_CLOEXEC);
    host->guest_ring_bytes = (size_t)(bus->ring_address - from) + bytes;
    if (file >= 0 && fstat(file, &ram) == 0 && bus->ring_address <= (uint64_t)ram.st_size &&
        (uint64_t)ram.st_size - bus->ring_address >= bytes)
        mapped = mmap(NULL, host->guest_ring_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file,
                      (off_t)from);
    if (file >= 0) (void)close(file);
    if (mapped == MAP_FAILED) {
        log_line("wirepit-card: the guest's ring at %#" PRIx64 " is not in %s: its events are lost",
                 bus->ring_address, bus->options.guest_ram);
        return;
    }
    host->guest_ring = mapped;
    host->ring = (char *)mapped + (bus->ring_address - from);
}

static void see_write(struct bus *bus, uint32_t reg, uint32_t value) {
    const bool guest = bus->options.guest_ram != NULL;
    if (reg == REG_CONTROL && (value & CONTROL_RESET) != 0) {
        ring_restart(bus, false);
        bus->pushed = bus->ended = 0;
        bus->live_from = UINT64_MAX;
    } else if (reg == REG_CONTROL && (value & CONTROL_GO_LIVE) != 0) {
        if (bus->live_from == UINT64_MAX) bus->live_from = bus->pushed;
    } else if (reg == REG_RING_CONSUMED) {
        bus->consumed = value;
    } else if (reg == REG_RING_LOW && guest) {
        bus->ring_address = (bus->ring_address & ~UINT64_C(0xffffffff)) | value;
    } else if (reg == REG_RING_HIGH && guest) {
        bus->ring_address = (bus->ring_address & UINT64_C(0xffffffff)) | (uint64_t)value << 32;
    } else if (reg == REG_RING_LOG2) {
        /* Once all that was written before is through, nothing writes to the old ring. */
        (void)model_read(bus->model, REG_STATUS);
        if (guest) guest_ring_start(bus, value);
        memset(bus->ring, 0, port_ring_bytes(bus->ring_log2));
        ring_restart(bus, value == bus->ring_log2);
    }
    if (reg == REG_HEARTBEAT) bus->silent = false;
    bus_watch_write(&bus->watch, reg, value, clock_monotonic_ns());
}

/* True while the post makes sense. */
static bool take_post(struct bus *bus, const struct simbus_post *post) {
    const uint32_t kind = post->kind, address = post->address;
    if (kind == SIMBUS_WINDOW) {
        if (address >= LIMIT_WINDOW_SLOTS) return false;
        const struct command command = post->command;
        model_window_write(bus->model, address * PORT_SLOT_BYTES, &command, UINT64_MAX);
        bus->pushed++;
        return true;
    }
    if (address % 4 != 0 || address >= LIMIT_BAR0_BYTES) return false;
    if (kind == SIMBUS_WRITE) {
        const uint32_t value = post->value;
        see_write(bus, address, value);
        model_write(bus->model, address, value);
        return true;
    }
    if (kind != SIMBUS_READ) return false;
    bus->host.memory->answer.value = model_read(bus->model, address);
    (void)carry_events(bus); /* as on a real bus: what was written before the answer is there */
    atomic_store_explicit(&bus->host.memory->answer.number, bus->host.taken + 1,
                          memory_order_release);
    host_wake(&bus->host);
    return true;
}

static const struct simbus_post *next_post(const struct bus *bus) {
    if (!bus->host.greeted) return NULL;
    const struct simbus_post *post = &bus->host.memory->posts[bus->host.taken % SIMBUS_POSTS];
    uint64_t number = atomic_load_explicit(&post->number, memory_order_acquire);
    return number == bus->host.taken + 1 ? post : NULL;
}

static bool take_posts(struct bus *bus) {
    const struct simbus_post *post;
    unsigned count = 0;
    for (; count < BATCH && (post = next_post(bus)) != NULL; count++) {
        if (!take_post(bus, post)) {
            host_fault(bus, SIMBUS_FAULT, "the host posts what no card takes; rebuild it");
            return true;
        }
        bus->host.taken++;
    }
    if (count != 0) {
        atomic_store_explicit(&bus->host.memory->card.taken, bus->host.taken, memory_order_release);
        if (bus->host.taken % (SIMBUS_POSTS / 4) < count) host_wake(&bus->host);
    }
    return count != 0;
}

/* ---- The loop ---- */

/* watchdog_fire lets the watchdog of the RTL see a silence that was as long as it allows: with
   WATCHDOG_NS lowered for a few clocks it has come to its end, once. */
static void watchdog_fire(struct bus *bus) {
    enum { CLOCKS = 32 };
    if (!bus->silent)
        log_line("wirepit-card: no heartbeat for %u ms: the watchdog closes the gate",
                 bus->watch.watchdog_ns / 1000000);
    bus->silent = true;
    while (model_posted(bus->model) != 0 && model_fault(bus->model) == NULL)
        model_clock(bus->model);
    for (int i = 0; i < 2 * CLOCKS; i++) model_clock(bus->model);
    model_write(bus->model, REG_WATCHDOG_NS, CLOCKS * bus->watch.clock_ns);
    model_write(bus->model, REG_WATCHDOG_NS, bus->watch.watchdog_ns);
    bus->still = 0;
}

/* tend looks after what needs system calls. */
static void tend(struct bus *bus, uint64_t now_ns) {
    bus->tended_ns = now_ns;
    struct pollfd lines[] = {
        { .fd = bus->listener, .events = POLLIN },
        { .fd = bus->host.socket, .events = POLLIN },
    };
    if (poll(lines, 2, 0) > 0) {
        if (lines[1].revents != 0) host_hear(bus);
        if (lines[0].revents != 0) host_take(bus, now_ns);
    }
    if (bus->host.socket >= 0 && !bus->host.greeted && now_ns - bus->host.since_ns > GREET_NS)
        host_drop(bus, "it says no hello");
    /* A heartbeat that waits to be taken has been heard. */
    if (next_post(bus) == NULL && bus_watch_late(&bus->watch, now_ns)) watchdog_fire(bus);
}

/* rest spins, and sleeps when nothing comes of it. */
static void rest(struct bus *bus, uint64_t now_ns) {
    if (bus->idle_ns == 0) bus->idle_ns = now_ns;
    if (now_ns - bus->idle_ns < (uint64_t)bus->options.spin_us * 1000) {
        for (int i = 0; i < 16 && next_post(bus) == NULL; i++) simbus_pause();
        return;
    }
    _Atomic uint32_t *asleep =
        bus->host.memory != NULL ? &bus->host.memory->card.asleep : &(_Atomic uint32_t){ 0 };
    atomic_store_explicit(asleep, 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
    if (next_post(bus) == NULL) {
        struct pollfd lines[] = {
            { .fd = bus->host.fds[SIMBUS_FD_CARD_BELL], .events = POLLIN },
            { .fd = bus->host.socket, .events = POLLIN },
            { .fd = bus->listener, .events = POLLIN },
        };
        uint64_t rings;
        int count = poll(lines, 3, SLEEP_MS);
        if (count > 0 && lines[0].revents != 0)
            (void)!read(bus->host.fds[SIMBUS_FD_CARD_BELL], &rings, sizeof rings);
        if (count <= 0 || lines[1].revents != 0 || lines[2].revents != 0) bus->tended_ns = 0;
    }
    atomic_store_explicit(asleep, 0, memory_order_relaxed);
}

/* give gives the card clocks while it has something to do. */
static void give(struct bus *bus) {
    bus->idle_ns = 0;
    const uint64_t given = model_run(bus->model, SLICE_CLOCKS);
    const bool carried = carry_events(bus);
    bus->still = carried ? 0 : bus->still + given;
    bus->owed = carried || !due(bus) ? 0 : bus->owed + given;
    if (bus->host.memory != NULL)
        atomic_store_explicit(&bus->host.memory->card.clocks, model_clocks(bus->model),
                              memory_order_relaxed);
    trace_turn(&bus->trace, bus->model);
}

/* A card that is broken ends its host and is made anew. */
static int fault_check(struct bus *bus) {
    char why[SIMBUS_FAULT_BYTES];
    if (model_fault(bus->model) != NULL)
        (void)snprintf(why, sizeof why, "%s", model_fault(bus->model));
    else if (bus->owed >= BUS_ANSWER_CLOCKS_MAX)
        (void)snprintf(why, sizeof why,
                       "no event within %d clocks while %" PRIu64
                       " commands are outstanding: the RTL hangs",
                       BUS_ANSWER_CLOCKS_MAX, bus->pushed - bus->ended);
    else
        return 0;
    host_fault(bus, SIMBUS_FAULT, why);
    trace_stop(&bus->trace, bus->model);
    model_delete(bus->model);
    bus->pushed = bus->ended = 0;
    bus->live_from = UINT64_MAX;
    bus->owed = 0;
    ring_restart(bus, false);
    bus_watch_reset(&bus->watch, clock_monotonic_ns());
    return card_make(bus);
}

int bus_serve(struct bus *bus, const volatile sig_atomic_t *stop) {
    int code = 0;
    while (*stop == 0 && code == 0) {
        if (take_posts(bus)) bus->still = 0;
        const bool busy =
            due(bus) || model_posted(bus->model) != 0 || bus->still < BUS_SETTLE_CLOCKS;
        if (busy) give(bus);
        code = fault_check(bus);
        if (busy && ++bus->turns % TEND_TURNS != 0) continue;
        const uint64_t now_ns = clock_monotonic_ns();
        if (!busy) rest(bus, now_ns);
        if (now_ns - bus->tended_ns >= TEND_NS) tend(bus, clock_monotonic_ns());
    }
    host_fault(bus, SIMBUS_ENDED, "its process has been ended");
    return code;
}

/* ---- Opening ---- */

/* A socket that a dead process left behind is taken away; one that somebody listens at is not. */
static int listen_at(struct bus *bus, const char *path) {
    if (strlen(path) >= sizeof bus->at.sun_path)
        return err_set(-ENAMETOOLONG, "%s: a socket's path has at most %zu bytes", path,
                       sizeof bus->at.sun_path - 1);
    bus->at.sun_family = AF_UNIX;
    memcpy(bus->at.sun_path, path, strlen(path));
    const struct sockaddr *at = (const struct sockaddr *)&bus->at;
    const int kind = bus->options.guest_ram != NULL ? SOCK_STREAM : SOCK_SEQPACKET;
    bus->listener = socket(AF_UNIX, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (bus->listener < 0) return err_set(-errno, "%s: socket: %s", path, strerror(errno));

    int probe = socket(AF_UNIX, kind | SOCK_CLOEXEC, 0);
    if (probe < 0) return err_set(-errno, "%s: socket: %s", path, strerror(errno));
    const bool taken = connect(probe, at, sizeof bus->at) == 0;
    const bool left = !taken && errno == ECONNREFUSED;
    (void)close(probe);
    if (taken) {
        bus->at.sun_path[0] = 0; /* it is another's */
        return err_set(-EADDRINUSE, "%s: a card listens there already; end it or take another path",
                       path);
    }
    if (left) (void)unlink(path);

    const mode_t before = umask(0077); /* who may connect may trade */
    int bound = bind(bus->listener, at, sizeof bus->at);
    int error = errno;
    (void)umask(before);
    if (bound != 0) {
        bus->at.sun_path[0] = 0;
        return err_set(-error, "%s: %s", path, strerror(error));
    }
    if (listen(bus->listener, BACKLOG) != 0)
        return err_set(-errno, "%s: listen: %s", path, strerror(errno));
    return 0;
}

static int ready(struct bus *bus) {
    const uint32_t ring_log2 = bus->ring_log2;
    if (ring_log2 < PORT_RING_LOG2_MIN || ring_log2 > PORT_RING_LOG2_MAX)
        return err_set(-EINVAL, "a ring of 2^%u events: it must be 2^%d to 2^%d", ring_log2,
                       PORT_RING_LOG2_MIN, PORT_RING_LOG2_MAX);
    bus->ring_log2_max = ring_log2;
    bus->ring_address = host_ring_address;
    bus->memory_bytes =
        bus->options.guest_ram == NULL
            ? simbus_memory_bytes(ring_log2)
            : ivshmem_bytes(sizeof(struct simbus_memory) + sizeof(struct simbus_hello));
    bus->ring = aligned_alloc(PORT_SLOT_BYTES, port_ring_bytes(ring_log2));
    if (bus->ring == NULL)
        return err_set(-ENOMEM, "no memory for a ring of 2^%u events", ring_log2);
    memset(bus->ring, 0, port_ring_bytes(ring_log2));
    bus->live_from = UINT64_MAX;
    bus_watch_reset(&bus->watch, clock_monotonic_ns());
    int error = card_make(bus);
    return error != 0 ? error : listen_at(bus, bus->options.path);
}

int bus_open(const struct bus_options *options, struct bus **bus) {
    struct bus *made = calloc(1, sizeof *made);
    if (made == NULL) return err_set(-ENOMEM, "no memory for the bus");
    made->options = *options;
    made->listener = -1;
    made->host = (struct host){ .socket = -1, .fds = { -1, -1, -1 } };
    made->ring_log2 = options->ring_log2 != 0 ? options->ring_log2 : BUS_RING_LOG2;
    int error = ready(made);
    if (error != 0) {
        bus_close(made);
        return error;
    }
    *bus = made;
    return 0;
}

void bus_close(struct bus *bus) {
    if (bus == NULL) return;
    host_drop(bus, "its card is closed");
    if (bus->listener >= 0) (void)close(bus->listener);
    if (bus->at.sun_path[0] != 0) (void)unlink(bus->at.sun_path);
    if (bus->model != NULL) model_delete(bus->model);
    free(bus->ring);
    free(bus);
}
