/* test_bus: the Verilated card as a process of its own behind the shared-memory bus. It says what
 * the reference engine says; either side may die at any time, and the other goes on. */
#include "driver/abi/mgmt.h"
#include "driver/port.h"
#include "driver/simbus.h"
#include "driver/simbus_layout.h"
#include "host/base/clock.h"
#include "host/base/err.h"
#include "host/base/random.h"
#include "sim/bus.h"
#include "sim/bus_watch.h"
#include "sim/lockstep.h"
#include "tests/rtl/stimulus.h"
#include <errno.h>
#include <fcntl.h>
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

static char path[100], log_path[100];
static pid_t process; /* the card's */

static const struct command nop = { .opcode = OPCODE_NOP };
static const struct command release = {
    .opcode = OPCODE_KILL,
    .field = TABLE_ENGINE,
    .mode = MODE_RELEASE,
};

/* ---- The card's process ---- */

static volatile sig_atomic_t stop_asked;

static void on_signal(int signal) {
    (void)signal;
    stop_asked = 1;
}

static void serve(const struct bus_options *options, int ready) {
    struct bus *bus;
    int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0644);
    (void)signal(SIGTERM, on_signal);
    if (log < 0 || dup2(log, STDERR_FILENO) < 0 || bus_open(options, &bus) != 0) _exit(8);
    (void)!write(ready, "", 1);
    (void)close(ready);
    int code = bus_serve(bus, &stop_asked);
    bus_close(bus);
    _exit(code == 0 ? 0 : 7);
}

static void card_start(struct bus_options options) {
    int ready[2];
    char byte;
    options.path = path;
    if (options.spin_us == 0) options.spin_us = BUS_SPIN_US;
    assert_int_equal(pipe(ready), 0);
    (void)fflush(NULL);
    process = fork();
    assert_true(process >= 0);
    if (process == 0) {
        (void)close(ready[0]);
        serve(&options, ready[1]);
    }
    (void)close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
}

static int card_wait(void) {
    int status;
    assert_int_equal(waitpid(process, &status, 0), process);
    process = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void card_stop(void) {
    assert_int_equal(kill(process, SIGTERM), 0);
    assert_int_equal(card_wait(), 0);
}

static void card_kill_process(void) {
    assert_int_equal(kill(process, SIGKILL), 0);
    assert_int_equal(card_wait(), 1000 + SIGKILL);
}

static bool log_says(const char *words) {
    char line[1024];
    bool found = false;
    FILE *file = fopen(log_path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) found |= strstr(line, words) != NULL;
    (void)fclose(file);
    return found;
}

static void log_wait(const char *words, uint64_t within_ns) {
    const uint64_t from_ns = clock_monotonic_ns();
    while (!log_says(words)) {
        if (clock_monotonic_ns() - from_ns > within_ns) fail_msg("no \"%s\" in the log", words);
        (void)usleep(5000);
    }
}

static int set_up(void **state) {
    static unsigned number;
    (void)state;
    (void)mkdir("build/test_bus", 0777);
    (void)snprintf(path, sizeof path, "build/test_bus/%ld.%u", (long)getpid(), number);
    (void)snprintf(log_path, sizeof log_path, "build/test_bus/log.%u", number++);
    (void)unlink(log_path);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    if (process > 0) {
        (void)kill(process, SIGKILL);
        (void)waitpid(process, NULL, 0);
        process = 0;
    }
    (void)unlink(path);
    return 0;
}

/* ---- The host ---- */

/* The last host may not have been missed yet. */
static struct card *open_bus(void) {
    struct card *card = NULL;
    const uint64_t from_ns = clock_monotonic_ns();
    int error;
    while ((error = simbus_open(path, &card)) == -EBUSY)
        assert_true(clock_monotonic_ns() - from_ns < 5 * SECOND_NS);
    if (error != 0) print_error("%s\n", err_text());
    assert_int_equal(error, 0);
    return card;
}

static void push(struct card *card, struct command command) {
    assert_int_equal(card_push(card, &command), 0);
}

static struct event next(struct card *card) {
    struct event event;
    const uint64_t from_ns = clock_monotonic_ns();
    for (;;) {
        int count = card_poll(card, &event, 1);
        if (count < 0) print_error("%s\n", err_text());
        assert_true(count >= 0);
        if (count == 1) return event;
        assert_true(clock_monotonic_ns() - from_ns < 20 * SECOND_NS);
    }
}

static int poll_until_error(struct card *card) {
    struct event event;
    int count;
    while ((count = card_poll(card, &event, 1)) >= 0) continue;
    return count;
}

/* ---- Both sides well ---- */

static void a_card_comes_up_in_either_size(void **state) {
    (void)state;
    const struct card_size sizes[] = { SMALL, CARD_SIZE_DEFAULT };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        card_start((struct bus_options){ .size = sizes[i] });
        struct card *card = open_bus();
        assert_string_equal(card->name, "bus");
        assert_memory_equal(&card->size, &sizes[i], sizeof sizes[i]);
        assert_int_equal(card_read(card, REG_STATUS), STATUS_INIT_DONE | STATUS_KILLED);
        push(card, nop);
        assert_int_equal(next(card).kind, KIND_SET);
        card_close(card);
        card_stop();
        assert_int_equal(access(path, F_OK), -1);
    }
}

/* Commands in bursts, as in test_simlib, in lock-step with the engine. */
static void random_commands(unsigned commands, uint64_t seed) {
    struct card *card;
    assert_int_equal(
        lockstep_open(open_bus(),
                      &(struct lockstep_options){ .directory = "build/test_bus/differs" }, &card),
        0);
    struct random random = random_seeded(seed);
    struct stimulus *stimulus = stimulus_new(&card->size, seed);
    struct event events[64];
    const unsigned live_at = commands / 4;
    unsigned pushed = 0, ended = 0, trades = 0;
    struct command command;
    stimulus_next(stimulus, &command);
    const uint64_t from_ns = clock_monotonic_ns();
    while (ended < commands) {
        for (uint64_t burst = random_below(&random, 40); burst > 0 && pushed < commands; burst--) {
            if (pushed == live_at && ended < pushed) break;
            if (pushed == live_at) card_go_live(card);
            if (card_push(card, &command) != 0) break;
            pushed++;
            stimulus_next(stimulus, &command);
            if (pushed < live_at) command.stamp_ns = 10 * pushed;
        }
        if (random_below(&random, 50) == 0) card_set_time(card, 100000 + 1000 * (uint64_t)pushed);
        if (random_below(&random, 50) == 0) card_heartbeat(card);
        if (random_below(&random, 400) == 0) card_kill(card);
        if (random_below(&random, 2000) == 0) (void)usleep(2000); /* and the card sleeps */
        int count = card_poll(card, events, 1 + (uint32_t)random_below(&random, 64));
        if (count < 0) print_error("%s\n", err_text());
        assert_true(count >= 0);
        for (int i = 0; i < count; i++) {
            stimulus_see(stimulus, &events[i]);
            trades += events[i].kind == KIND_TRADE;
            ended += (events[i].flags & EVENT_END) != 0 &&
                     (ended < live_at || !(events[i].flags & EVENT_CARD));
        }
    }
    const uint64_t took_ns = clock_monotonic_ns() - from_ns;
    stimulus_delete(stimulus);
    assert_true(lockstep_counts(card).commands >= commands);
    assert_true(trades > commands / 200);
    card_snapshot(card);
    assert_int_equal(card_counter(card, COUNTER_TRADES), trades);
    assert_int_equal(card_counter(card, COUNTER_WINDOW_OVERRUN), 0);
    card_close(card);
    print_message("seed %llu: %u commands, %u trades, %llu commands a second\n",
                  (unsigned long long)seed, commands, trades,
                  (unsigned long long)(commands * SECOND_NS / took_ns));
}

static void random_commands_are_carried_out_as_the_engine_does(void **state) {
    (void)state;
    const char *text = getenv("SEED");
    const uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 1;
    for (unsigned ring_log2 = 4; ring_log2 <= 12; ring_log2 += 8) {
        card_start((struct bus_options){ .size = SMALL, .seed = seed, .ring_log2 = ring_log2 });
        random_commands(10000, seed + ring_log2); /* the second host finds what the first left */
        random_commands(5000, seed + ring_log2 + 1);
        card_stop();
    }
}

static void writes_beyond_the_ring_of_posts_wait_for_room(void **state) {
    (void)state;
    card_start((struct bus_options){ .size = SMALL });
    struct card *card = open_bus();
    for (uint32_t i = 1; i <= 3 * SIMBUS_POSTS; i++) card_write(card, REG_TIME_LOW, i);
    assert_int_equal(card_read(card, REG_TIME_LOW), 3 * SIMBUS_POSTS);
    card_close(card);
    card_stop();
}

/* All of BAR0: the page of the management core and the end of its load window too. */
static void the_whole_of_bar0_is_reached(void **state) {
    (void)state;
    card_start((struct bus_options){ .size = SMALL });
    struct card *card = open_bus();
    assert_int_equal(card_read(card, REG_LOAD), 0);
    card_write(card, LIMIT_BAR0_BYTES - 4, 1);
    for (int tries = 0; tries < 1000000; tries++)
        if ((card_read(card, REG_MGMT) & MGMT_STATE) >= MGMT_STATE_RUN) break;
    assert_int_equal(card_read(card, REG_PAGE), PAGE_MAGIC_VALUE);
    card_close(card);
    card_stop();
}

static void a_trace_is_written(void **state) {
    (void)state;
    card_start((struct bus_options){ .size = SMALL, .trace_path = "build/test_bus/wave.fst" });
    struct card *card = open_bus();
    push(card, nop);
    (void)next(card);
    card_close(card);
    card_stop();
    struct stat file;
    assert_int_equal(stat("build/test_bus/wave.fst", &file), 0);
    assert_true(file.st_size > 1000);
}

/* ---- Hosts that go ---- */

static void one_host_at_a_time(void **state) {
    (void)state;
    card_start((struct bus_options){ .size = SMALL });
    struct card *first = open_bus(), *second = NULL;
    assert_int_equal(simbus_open(path, &second), -EBUSY);
    assert_null(second);
    push(first, nop);
    assert_int_equal(next(first).number, 1);
    card_close(first);
    second = open_bus();
    push(second, nop);
    assert_int_equal(next(second).number, 1);
    card_close(second);
    card_stop();
}

/* A host that dies in the middle of everything; the next one resets and finds a fresh card. */
static void a_card_outlives_its_hosts(void **state) {
    (void)state;
    card_start((struct bus_options){ .size = SMALL });
    for (int life = 0; life < 5; life++) {
        (void)fflush(NULL);
        pid_t host = fork();
        assert_true(host >= 0);
        if (host == 0) {
            struct card *card = open_bus();
            card_go_live(card);
            for (int i = 0; i < 40 + life; i++) (void)card_push(card, i == 0 ? &release : &nop);
            (void)kill(getpid(), SIGKILL);
        }
        int status;
        assert_int_equal(waitpid(host, &status, 0), host);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGKILL);
        struct card *card = open_bus();
        assert_int_equal(card_read(card, REG_STATUS), STATUS_INIT_DONE | STATUS_KILLED);
        push(card, (struct command){ .opcode = OPCODE_NOP, .stamp_ns = 77 });
        struct event event = next(card);
        assert_int_equal(event.number, 1);
        assert_int_equal(event.stamp_ns, 77);
        card_close(card);
    }
    card_stop();
}

static void silence_closes_the_gate_in_real_time(void **state) {
    (void)state;
    struct event event;
    card_start((struct bus_options){ .size = SMALL });
    struct card *card = open_bus();
    card_write(card, REG_WATCHDOG_NS, 400000000);
    card_go_live(card);
    push(card, release);
    assert_int_equal(next(card).value, 0);
    for (int i = 0; i < 40; i++) { /* as long as three silences */
        card_heartbeat(card);
        (void)usleep(30000);
        assert_int_equal(card_poll(card, &event, 1), 0);
    }
    card_heartbeat(card);
    const uint64_t from_ns = clock_monotonic_ns();
    event = next(card);
    assert_true(clock_monotonic_ns() - from_ns > 350000000);
    assert_int_equal(event.kind, KIND_STATE);
    assert_int_equal(event.flags, EVENT_CARD | EVENT_END);
    assert_int_equal(event.value, 1);
    card_snapshot(card);
    assert_int_equal(card_counter(card, COUNTER_WATCHDOG), 1);
    assert_int_equal(card_counter(card, COUNTER_GATE_CLOSINGS), 1);
    assert_int_equal(card_read(card, REG_WATCHDOG_NS), 400000000);
    card_close(card);
    card_stop();
}

static void a_dead_host_is_missed_after_a_second(void **state) {
    (void)state;
    card_start((struct bus_options){ .size = SMALL });
    struct card *card = open_bus();
    card_go_live(card);
    push(card, release);
    (void)next(card);
    const uint64_t from_ns = clock_monotonic_ns();
    card_close(card);
    log_wait("the watchdog closes the gate", 20 * SECOND_NS);
    assert_true(clock_monotonic_ns() - from_ns > SECOND_NS * 9 / 10);
    card_stop();
}

/* ---- A card that goes ---- */

static void a_dead_card_is_an_error_and_a_new_one_is_reached(void **state) {
    (void)state;
    card_start((struct bus_options){ .size = SMALL });
    struct card *card = open_bus();
    push(card, nop);
    (void)next(card);
    card_kill_process();
    push(card, nop);
    uint64_t from_ns = clock_monotonic_ns();
    assert_int_equal(poll_until_error(card), -EIO);
    assert_non_null(strstr(err_text(), "died"));
    assert_true(clock_monotonic_ns() - from_ns < SECOND_NS);
    assert_int_equal(card_read(card, REG_STATUS), UINT32_MAX);
    card_kill(card); /* goes nowhere, and does not wait */
    card_write(card, REG_CONTROL, CONTROL_RESET);
    assert_int_equal(poll_until_error(card), -EIO); /* a reset does not raise the dead */
    card_close(card);
    assert_int_equal(simbus_open(path, &card), -ECONNREFUSED);
    assert_non_null(strstr(err_text(), "start the card"));

    card_start((struct bus_options){ .size = SMALL }); /* at the socket that was left */
    card = open_bus();
    push(card, nop);
    assert_int_equal(next(card).number, 1);
    card_stop(); /* it says that it ends */
    from_ns = clock_monotonic_ns();
    assert_int_equal(poll_until_error(card), -EIO);
    assert_non_null(strstr(err_text(), "ended"));
    assert_true(clock_monotonic_ns() - from_ns < SECOND_NS);
    card_close(card);
    assert_int_equal(simbus_open(path, &card), -ENOENT);
}

static void a_card_that_hangs_is_an_error_within_its_bound(void **state) {
    (void)state;
    card_start((struct bus_options){ .size = SMALL });
    struct card *card = open_bus();
    assert_int_equal(kill(process, SIGSTOP), 0);
    push(card, nop);
    const uint64_t from_ns = clock_monotonic_ns();
    assert_int_equal(poll_until_error(card), -EIO);
    const uint64_t took_ns = clock_monotonic_ns() - from_ns;
    assert_true(took_ns >= SIMBUS_SILENCE_NS);
    assert_true(took_ns < SIMBUS_SILENCE_NS + 2 * SECOND_NS);
    assert_non_null(strstr(err_text(), "hangs"));
    assert_int_equal(card_read(card, REG_DIGEST), UINT32_MAX);
    card_close(card);
    assert_int_equal(kill(process, SIGCONT), 0);
    card = open_bus();
    card_close(card);
    card_stop();
}

static void a_fault_of_the_rtl_is_told_and_the_card_made_anew(void **state) {
    (void)state;
    card_start((struct bus_options){ .size = SMALL });
    struct card *card = open_bus();
    struct port *port = (struct port *)(void *)card;
    port->operations->write(port, REG_RING_HIGH, 7); /* a ring where the host has no memory */
    port->operations->write(port, REG_RING_LOG2, port->ring_log2);
    push(card, nop);
    assert_int_equal(poll_until_error(card), -EIO);
    assert_non_null(strstr(err_text(), "outside"));
    card_close(card);
    card = open_bus();
    push(card, nop);
    assert_int_equal(next(card).number, 1);
    card_close(card);
    card_stop();
}

/* ---- Strangers ---- */

static int reach(void) {
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    strcpy(at.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

static void hosts_that_make_no_sense_are_let_go(void **state) {
    (void)state;
    const struct simbus_hello good = { .magic = SIMBUS_MAGIC,
                                       .version = SIMBUS_VERSION,
                                       .digest = abi_digest() };
    struct simbus_hello row[4] = { good, good, good, good };
    row[0].magic[0] = 'W';
    row[1].version++;
    row[2].digest ^= 1;
    card_start((struct bus_options){ .size = SMALL });
    for (int i = 0; i < 4; i++) {
        struct simbus_hello hello;
        int fd = reach();
        while (recv(fd, &hello, sizeof hello, 0) == 0 || (hello.flags & SIMBUS_BUSY) != 0) {
            (void)close(fd);
            fd = reach();
        }
        assert_int_equal(hello.digest, abi_digest());
        /* The last one is too short. */
        (void)!send(fd, &row[i], i == 3 ? sizeof row[i] - 1 : sizeof row[i], MSG_NOSIGNAL);
        assert_int_equal(recv(fd, &hello, sizeof hello, 0), 0); /* closed */
        (void)close(fd);
    }
    static const struct {
        uint32_t kind, address;
    } posts[] = { { 0, 0 },
                  { 99, 0 },
                  { SIMBUS_WINDOW, LIMIT_WINDOW_SLOTS },
                  { SIMBUS_WRITE, LIMIT_BAR0_BYTES },
                  { SIMBUS_READ, 2 } };
    for (size_t i = 0; i < sizeof posts / sizeof *posts; i++) {
        /* A post written behind the back of a good host. */
        struct card *card = open_bus();
        struct port *port = (struct port *)(void *)card;
        struct simbus_memory *memory = (struct simbus_memory *)port->ring - 1;
        (void)card_read(card, REG_STATUS);
        const uint64_t posted = atomic_load(&memory->answer.number);
        struct simbus_post *post = &memory->posts[posted % SIMBUS_POSTS];
        post->kind = posts[i].kind;
        post->address = posts[i].address;
        atomic_store(&post->number, posted + 1);
        assert_int_equal(poll_until_error(card), -EIO);
        assert_non_null(strstr(err_text(), "what no card takes"));
        card_close(card);
    }
    struct card *card = open_bus();
    push(card, nop);
    assert_int_equal(next(card).number, 1);
    card_close(card);
    card_stop();
}

/* Says a hello as a card's process does, perhaps with a memory, to the one host that comes. */
static void impostor(struct simbus_hello hello, size_t bytes, uint64_t memory_bytes) {
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    strcpy(at.sun_path, path);
    (void)unlink(path);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    if (bind(fd, (const struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 1) != 0) _exit(1);
    fd = accept(fd, NULL, NULL);
    union {
        char bytes[CMSG_SPACE(sizeof(int) * SIMBUS_FDS)];
        struct cmsghdr aligned;
    } control = { .bytes = { 0 } };
    struct iovec body = { .iov_base = &hello, .iov_len = bytes };
    struct msghdr message = { .msg_iov = &body, .msg_iovlen = 1 };
    if (memory_bytes != 0) {
        const int memory = fileno(tmpfile());
        int fds[SIMBUS_FDS] = { memory, memory, memory };
        if (ftruncate(fds[0], (off_t)memory_bytes) != 0) _exit(2);
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *passed = CMSG_FIRSTHDR(&message);
        passed->cmsg_level = SOL_SOCKET;
        passed->cmsg_type = SCM_RIGHTS;
        passed->cmsg_len = CMSG_LEN(sizeof fds);
        memcpy(CMSG_DATA(passed), fds, sizeof fds);
    }
    (void)!sendmsg(fd, &message, MSG_NOSIGNAL);
    (void)usleep(10000);
    _exit(0);
}

static void cards_that_make_no_sense_are_refused(void **state) {
    (void)state;
    const uint64_t bytes = simbus_memory_bytes(12);
    const struct simbus_hello good = { .magic = SIMBUS_MAGIC,
                                       .version = SIMBUS_VERSION,
                                       .digest = abi_digest(),
                                       .memory_bytes = bytes,
                                       .ring_log2 = 12,
                                       .posts_bytes = sizeof(struct simbus_post) * SIMBUS_POSTS,
                                       .head_bytes = sizeof(struct simbus_memory) };
    struct {
        struct simbus_hello hello;
        size_t bytes;
        uint64_t memory_bytes;
        int error;
        const char *says;
    } row[10];
    for (size_t i = 0; i < 10; i++) {
        row[i].hello = good;
        row[i].bytes = sizeof good;
        row[i].memory_bytes = bytes;
        row[i].error = -EPROTO;
        row[i].says = "sizes";
    }
    row[0].hello.magic[1] = 0, row[0].says = "no wirepit-card";
    row[1].bytes--, row[1].says = "no wirepit-card";
    row[2].hello.version++, row[2].says = "layout";
    row[3].hello.digest ^= 1, row[3].says = "tables";
    row[4].hello.memory_bytes++;
    row[5].hello.ring_log2 = 25;
    row[6].hello.posts_bytes++;
    row[7].memory_bytes = 0, row[7].says = "memory";
    row[8].memory_bytes--, row[8].says = "memory";
    row[9].error = -EIO, row[9].says = "died"; /* a good hello, and gone */
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct card *card = NULL;
        (void)fflush(NULL);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) impostor(row[i].hello, row[i].bytes, row[i].memory_bytes);
        int error;
        while ((error = simbus_open(path, &card)) == -ENOENT || error == -ECONNREFUSED) continue;
        if (error != row[i].error || strstr(err_text(), row[i].says) == NULL)
            fail_msg("row %zu: %d, %s", i, error, err_text());
        assert_null(card);
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        (void)unlink(path);
    }
}

static void options_and_paths_that_cannot_be_are_refused(void **state) {
    (void)state;
    char longest[200];
    struct bus *bus = NULL;
    struct card *card;
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    const struct {
        struct bus_options options;
        int error;
    } row[] = {
        { { .path = path, .size = { 2, 8, 64, 64 } }, -EINVAL },
        { { .path = path, .size = SMALL, .ring_log2 = 3 }, -EINVAL },
        { { .path = path, .size = SMALL, .ring_log2 = 25 }, -EINVAL },
        { { .path = longest, .size = SMALL }, -ENAMETOOLONG },
        { { .path = "/nowhere/socket", .size = SMALL }, -ENOENT },
        { { .path = path, .size = SMALL, .trace_path = "/nowhere/wave" }, -ENOENT },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        assert_int_equal(bus_open(&row[i].options, &bus), row[i].error);
        assert_null(bus);
    }
    assert_int_equal(simbus_open(longest, &card), -ENAMETOOLONG);
    card_start((struct bus_options){ .size = SMALL });
    assert_int_equal(bus_open(&(struct bus_options){ .path = path, .size = SMALL }, &bus),
                     -EADDRINUSE);
    assert_int_equal(access(path, F_OK), 0); /* it is the other's, and stays */
    card_stop();
}

/* ---- The watch ---- */

static void a_watch_counts_silence_while_live(void **state) {
    (void)state;
    enum { HEARTBEAT, LATE, LIVE, SET, RESET };
    static const struct {
        int what;
        uint64_t at_ms;
        uint32_t value;
        bool late;
        const char *why;
    } row[] = {
        { LATE, 2000, 0, false, "REPLAY mode" },
        { LIVE, 2000, 0, false, "" },
        { LATE, 2200, 0, false, "" },
        { LATE, 2400, 0, false, "" },
        { LATE, 2600, 0, false, "" },
        { LATE, 2800, 0, false, "" },
        { LATE, 2999, 0, false, "one short of the second that is the default" },
        { LATE, 3000, 0, true, "the second is over" },
        { LATE, 3200, 0, false, "and the next begins" },
        { HEARTBEAT, 3300, 0, false, "" },
        { LATE, 3400, 0, false, "" },
        { SET, 3400, 200000000, false, "" },
        { LATE, 3499, 0, false, "the silence so far counts" },
        { HEARTBEAT, 3499, 0, false, "at the last moment" },
        { LATE, 3698, 0, false, "" },
        { LATE, 3699, 0, true, "a short silence" },
        { SET, 3699, 300000000, false, "" },
        { LATE, 9000, 0, false, "a process that was held up counts a step" },
        { LATE, 9049, 0, false, "" },
        { LATE, 9050, 0, true, "and goes on from there" },
        { SET, 9050, 0, false, "" },
        { LATE, 9250, 0, false, "off" },
        { RESET, 9250, 0, false, "" },
        { SET, 9250, 1, false, "" },
        { LATE, 9300, 0, false, "REPLAY mode again" },
    };
    struct bus_watch watch;
    bus_watch_reset(&watch, 0);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        static const uint32_t regs[] = { [HEARTBEAT] = REG_HEARTBEAT,
                                         [LIVE] = REG_CONTROL,
                                         [SET] = REG_WATCHDOG_NS,
                                         [RESET] = REG_CONTROL };
        static const uint32_t control[] = { [LIVE] = CONTROL_GO_LIVE, [RESET] = CONTROL_RESET };
        const uint64_t at_ns = row[i].at_ms * 1000000;
        if (row[i].what == LATE) {
            if (bus_watch_late(&watch, at_ns) != row[i].late)
                fail_msg("at %u ms: %s", (unsigned)row[i].at_ms, row[i].why);
            continue;
        }
        const bool writes_control = regs[row[i].what] == REG_CONTROL;
        bus_watch_write(&watch, regs[row[i].what],
                        writes_control ? control[row[i].what] : row[i].value, at_ns);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_watch_counts_silence_while_live),
        cmocka_unit_test_setup_teardown(a_card_comes_up_in_either_size, set_up, tear_down),
        cmocka_unit_test_setup_teardown(random_commands_are_carried_out_as_the_engine_does, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(writes_beyond_the_ring_of_posts_wait_for_room, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_whole_of_bar0_is_reached, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_trace_is_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_host_at_a_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_card_outlives_its_hosts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(silence_closes_the_gate_in_real_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_dead_host_is_missed_after_a_second, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_dead_card_is_an_error_and_a_new_one_is_reached, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_card_that_hangs_is_an_error_within_its_bound, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_fault_of_the_rtl_is_told_and_the_card_made_anew, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(hosts_that_make_no_sense_are_let_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cards_that_make_no_sense_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(options_and_paths_that_cannot_be_are_refused, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests_name("bus", tests, NULL, NULL);
}
