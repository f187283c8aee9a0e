/* test_ivshmem: the Verilated card as the device that QEMU shows its guest, without QEMU: this
 * process is the server's client, and the driver's layer over shared memory drives what comes. */
#include "driver/simbus_layout.h"
#include "driver/vfio_inner.h"
#include "host/base/clock.h"
#include "host/base/err.h"
#include "sim/bus.h"
#include "sim/ivshmem.h"
#include "sim/lockstep.h"
#include "tests/rtl/stimulus.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SMALL \
    { .symbols = 4, .accounts = 8, .orders = 64, .levels = 64 }
#define SECOND_NS UINT64_C(1000000000)
enum { RAM_BYTES = 1 << 20, RING_AT = 0x3fc0, RING_LOG2 = 8, SPIN_US = 1000000 };

static char path[100], log_path[100], ram_path[100];
static pid_t process; /* the card's */
static char *ram;     /* the guest's memory */
static volatile sig_atomic_t stop_asked;

static const struct command nop = { .opcode = OPCODE_NOP };

/* ---- The card's process ---- */

static void on_signal(int signal) {
    (void)signal;
    stop_asked = 1;
}

static void serve(int ready) {
    struct bus *bus;
    const struct bus_options options = { .path = path,
                                         .guest_ram = ram_path,
                                         .size = SMALL,
                                         .ring_log2 = RING_LOG2,
                                         .spin_us = SPIN_US };
    int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0644);
    (void)signal(SIGTERM, on_signal);
    if (log < 0 || dup2(log, STDERR_FILENO) < 0 || bus_open(&options, &bus) != 0) _exit(8);
    (void)!write(ready, "", 1);
    int code = bus_serve(bus, &stop_asked);
    bus_close(bus);
    _exit(code == 0 ? 0 : 7);
}

static void card_end(int signal) {
    int status;
    assert_int_equal(kill(process, signal), 0);
    assert_int_equal(waitpid(process, &status, 0), process);
    process = 0;
}

static int set_up(void **state) {
    static unsigned number;
    int ready[2];
    char byte;
    (void)state;
    (void)mkdir("build/test_ivshmem", 0777);
    (void)snprintf(path, sizeof path, "build/test_ivshmem/%ld.%u", (long)getpid(), number);
    (void)snprintf(log_path, sizeof log_path, "build/test_ivshmem/log.%u", number);
    (void)snprintf(ram_path, sizeof ram_path, "build/test_ivshmem/ram.%ld.%u", (long)getpid(),
                   number++);
    (void)unlink(log_path);
    int file = open(ram_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, RAM_BYTES) != 0 || pipe(ready) != 0) return -1;
    ram = mmap(NULL, RAM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    (void)close(file);
    if (ram == MAP_FAILED) return -1;
    (void)fflush(NULL);
    process = fork();
    if (process == 0) serve(ready[1]);
    (void)close(ready[1]);
    if (read(ready[0], &byte, 1) != 1) return -1;
    return close(ready[0]);
}

static int tear_down(void **state) {
    (void)state;
    if (process > 0) card_end(SIGKILL);
    (void)munmap(ram, RAM_BYTES);
    (void)unlink(ram_path);
    (void)unlink(path);
    return 0;
}

static void log_wait(const char *words) {
    const uint64_t from_ns = clock_monotonic_ns();
    for (;;) {
        char text[4096];
        FILE *file = fopen(log_path, "r");
        assert_non_null(file);
        text[fread(text, 1, sizeof text - 1, file)] = 0;
        (void)fclose(file);
        if (strstr(text, words) != NULL) return;
        if (clock_monotonic_ns() - from_ns > 5 * SECOND_NS) fail_msg("no \"%s\" in the log", words);
        (void)usleep(5000);
    }
}

/* ---- QEMU ---- */

struct guest {
    int socket, our_bell, card_bell;
    struct simbus_memory *memory; /* BAR2 */
    size_t bytes;
    uint32_t doorbell[4]; /* BAR0 */
};

/* The next message; false when the server has closed. */
static bool hear(int socket, int64_t *number, int *fd) {
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } control;
    struct iovec body = { .iov_base = number, .iov_len = sizeof *number };
    struct msghdr message = { .msg_iov = &body,
                              .msg_iovlen = 1,
                              .msg_control = control.bytes,
                              .msg_controllen = sizeof control.bytes };
    *fd = -1;
    ssize_t count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_WAITALL);
    const struct cmsghdr *passed = CMSG_FIRSTHDR(&message);
    if (count > 0 && passed != NULL) memcpy(fd, CMSG_DATA(passed), sizeof *fd);
    return count == (ssize_t)sizeof *number;
}

static int reach(void) {
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    strcpy(at.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

/* QEMU's own order: version, our number, memory, the other's bell, ours. */
static struct guest guest_start(void) {
    static const int64_t due[] = { 0, 1, -1, 0, 1 };
    struct guest guest = { .socket = reach() };
    int fds[5];
    for (int i = 0; i < 5; i++) {
        int64_t number;
        assert_true(hear(guest.socket, &number, &fds[i]));
        assert_int_equal(number, due[i]);
        assert_int_equal(fds[i] >= 0, i >= 2);
    }
    struct stat memory;
    assert_int_equal(fstat(fds[2], &memory), 0);
    guest.bytes = (size_t)memory.st_size;
    assert_int_equal(guest.bytes & (guest.bytes - 1), 0); /* a BAR's size is a power of two */
    assert_true(guest.bytes >= sizeof(struct simbus_memory) + sizeof(struct simbus_hello));
    guest.memory = mmap(NULL, guest.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fds[2], 0);
    assert_true(guest.memory != MAP_FAILED);
    (void)close(fds[2]);
    guest.card_bell = fds[3];
    guest.our_bell = fds[4];
    return guest;
}

static void guest_end(struct guest *guest) {
    (void)munmap(guest->memory, guest->bytes);
    (void)close(guest->socket);
    (void)close(guest->card_bell);
    (void)close(guest->our_bell);
}

/* ---- The driver in it ---- */

static struct vfio driver(struct guest *guest) {
    return (struct vfio){
        .device = { .address = "0000:00:01.0" },
        .layout = vfio_layout_of(0x1af4, 0x1110),
        .container = -1,
        .group = -1,
        .fd = -1,
        .event = guest->our_bell,
        .registers = { .at = (char *)guest->memory },
        .window = { .at = (char *)guest->memory->posts },
        .bell = { .at = (char *)guest->doorbell },
        .store = store64_get(store64_best()),
        .spin_ns = VFIO_SPIN_NS,
        .port = { .operations = &vfio_operations,
                  .ring = ram + RING_AT,
                  .ring_address = RING_AT,
                  .ring_log2 = RING_LOG2,
                  .init_tries_max = 1 << 20 },
    };
}

static struct card *opened(struct vfio *vfio) {
    int error = vfio_ivshmem.begin(vfio);
    if (error == 0) error = port_open(&vfio->port, "vfio");
    if (error != 0) fail_msg("%s", err_text());
    return &vfio->port.card;
}

static struct event next(struct card *card) {
    struct event event;
    const uint64_t from_ns = clock_monotonic_ns();
    for (;;) {
        int count = card_poll(card, &event, 1);
        if (count < 0) fail_msg("%s", err_text());
        if (count == 1) return event;
        assert_true(clock_monotonic_ns() - from_ns < 20 * SECOND_NS);
    }
}

static void random_commands_are_carried_out_as_the_engine_does(void **state) {
    (void)state;
    enum { COMMANDS = 5000, BURST = 20 };
    const char *text = getenv("SEED");
    const uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 1;
    struct guest guest = guest_start();
    struct vfio *vfio = malloc(sizeof *vfio); /* card_close gives it back */
    struct card *card;
    assert_non_null(vfio);
    *vfio = driver(&guest);
    vfio->event = fcntl(guest.our_bell, F_DUPFD_CLOEXEC, 0);
    const struct lockstep_options options = { .directory = "build/test_ivshmem/differs" };
    assert_int_equal(lockstep_open(opened(vfio), &options, &card), 0);
    struct stimulus *stimulus = stimulus_new(&card->size, seed);
    unsigned pushed = 0, ended = 0;
    while (ended < COMMANDS) {
        struct event events[64];
        for (int i = 0; i < BURST && pushed < COMMANDS; i++, pushed++) {
            struct command command;
            stimulus_next(stimulus, &command);
            command.stamp_ns = 10 * (uint64_t)pushed;
            int error;
            while ((error = card_push(card, &command)) == -EAGAIN) {
                const struct event event = next(card);
                stimulus_see(stimulus, &event);
                ended += (event.flags & EVENT_END) != 0;
            }
            assert_int_equal(error, 0);
        }
        int count = card_poll(card, events, 64);
        if (count < 0) fail_msg("seed %llu: %s", (unsigned long long)seed, err_text());
        for (int i = 0; i < count; i++) {
            stimulus_see(stimulus, &events[i]);
            ended += (events[i].flags & EVENT_END) != 0;
        }
    }
    stimulus_delete(stimulus);
    assert_int_equal(lockstep_counts(card).commands, COMMANDS);
    print_message("seed %llu: %llu naps, %llu interrupts\n", (unsigned long long)seed,
                  (unsigned long long)vfio->facts.naps, (unsigned long long)vfio->facts.interrupts);
    assert_true(vfio->facts.interrupts > 0);
    card_close(card);

    /* Drivers that die leave posts under way; the next one finds a fresh card behind them. */
    for (int i = 0; i < 3; i++) {
        struct vfio dead = driver(&guest);
        struct card *left = opened(&dead);
        for (int j = 0; j < 10 + i; j++) assert_int_equal(card_push(left, &nop), 0);
    }
    struct vfio again = driver(&guest);
    struct card *fresh = opened(&again);
    assert_int_equal(card_push(fresh, &nop), 0);
    assert_int_equal(next(fresh).number, 1);
    guest_end(&guest);
}

static void posts_beyond_their_ring_wait_for_room(void **state) {
    (void)state;
    struct guest guest = guest_start();
    struct vfio vfio = driver(&guest);
    struct card *card = opened(&vfio);
    for (uint32_t i = 1; i <= 3 * SIMBUS_POSTS; i++) card_write(card, REG_TIME_LOW, i);
    assert_int_equal(card_read(card, REG_TIME_LOW), 3 * SIMBUS_POSTS);
    guest_end(&guest);
}

static void one_guest_at_a_time(void **state) {
    (void)state;
    struct guest first = guest_start();
    int second = reach(), fd;
    int64_t number;
    assert_false(hear(second, &number, &fd));
    (void)close(second);
    guest_end(&first);
    log_wait("closed the bus");
    first = guest_start();
    struct vfio vfio = driver(&first);
    (void)opened(&vfio);
    guest_end(&first);
}

/* The ring where the guest has no memory, and one that is too large: the card's events go nowhere,
   nobody's memory is hurt, and a driver that does it right comes up. */
static void a_ring_that_cannot_be_is_logged(void **state) {
    (void)state;
    struct guest guest = guest_start();
    struct vfio vfio = driver(&guest);
    vfio.port.ring_address = RAM_BYTES - 64;
    struct card *card = opened(&vfio);
    assert_int_equal(card_push(card, &nop), 0);
    log_wait("is not in");
    struct event event;
    for (int i = 0; i < 1000; i++) assert_int_equal(card_poll(card, &event, 1), 0);

    vfio = driver(&guest);
    vfio.port.ring_log2 = RING_LOG2 + 1;
    card = opened(&vfio);
    log_wait("is the most here");

    vfio = driver(&guest);
    card = opened(&vfio);
    assert_int_equal(card_push(card, &nop), 0);
    assert_int_equal(next(card).number, 1);
    guest_end(&guest);
}

static void a_memory_that_makes_no_sense_is_refused(void **state) {
    (void)state;
    struct guest guest = guest_start();
    struct simbus_hello *hello = (struct simbus_hello *)(void *)(guest.memory + 1);
    struct vfio vfio = driver(&guest);
    hello->version++;
    assert_int_equal(vfio_ivshmem.begin(&vfio), -EPROTO);
    assert_non_null(strstr(err_text(), "rebuild"));
    hello->magic[0] = 0;
    assert_int_equal(vfio_ivshmem.begin(&vfio), -EPROTO);
    assert_non_null(strstr(err_text(), "start QEMU with"));
    guest_end(&guest);
}

static void a_card_that_ends_answers_all_ones(void **state) {
    (void)state;
    struct event event;
    struct guest guest = guest_start();
    struct vfio vfio = driver(&guest);
    struct card *card = opened(&vfio);
    assert_int_equal(card_push(card, &nop), 0);
    (void)next(card);
    card_end(SIGTERM);
    const uint64_t from_ns = clock_monotonic_ns();
    int count;
    while ((count = card_poll(card, &event, 1)) == 0) continue;
    assert_int_equal(count, -EIO);
    assert_non_null(strstr(err_text(), "has ended; start it"));
    assert_true(clock_monotonic_ns() - from_ns < SECOND_NS);
    assert_int_equal(card_read(card, REG_DIGEST), UINT32_MAX);
    guest_end(&guest);
}

static void a_card_that_is_killed_answers_all_ones_within_its_bound(void **state) {
    (void)state;
    struct event event;
    struct guest guest = guest_start();
    struct vfio vfio = driver(&guest);
    struct card *card = opened(&vfio);
    card_end(SIGKILL);
    const uint64_t from_ns = clock_monotonic_ns();
    assert_int_equal(card_read(card, REG_STATUS), UINT32_MAX);
    assert_true(clock_monotonic_ns() - from_ns < VFIO_SILENCE_NS + SECOND_NS);
    assert_int_equal(card_poll(card, &event, 1), -EIO);
    assert_non_null(strstr(err_text(), "has not answered for 3 s"));
    guest_end(&guest);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(random_commands_are_carried_out_as_the_engine_does),
        TEST(posts_beyond_their_ring_wait_for_room),
        TEST(one_guest_at_a_time),
        TEST(a_ring_that_cannot_be_is_logged),
        TEST(a_memory_that_makes_no_sense_is_refused),
        TEST(a_card_that_ends_answers_all_ones),
        TEST(a_card_that_is_killed_answers_all_ones_within_its_bound),
    };
    return cmocka_run_group_tests_name("ivshmem", tests, NULL, NULL);
}
