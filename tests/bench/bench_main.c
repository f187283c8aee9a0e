/* bench: how long an order takes and how many go in a second, beside what the transport takes for
 * nothing and what the disk takes for a flush, in one run on one machine. README.md of this
 * directory says what the rows mean. */
#define _GNU_SOURCE
#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/base/err.h"
#include "tests/bench/echo.h"
#include "tests/bench/load.h"
#include "tests/e2e/net.h"
#include "tests/fault/venue.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    ROWS_MAX = 96,
    NAME_BYTES = 80,
    SESSIONS = 100,
    WINDOW = 64,
    FLUSHES = 300,
    FLUSH_BYTES = 4096,
    READY_MS = 60000,
    SKIPPED = 2, /* exit code of a part that this machine does not allow */
};
#define ECHO_NS UINT64_C(1000000000)
#define RTT_NS  UINT64_C(1200000000)
#define RATE_NS UINT64_C(1500000000)
#define WARM_NS UINT64_C(300000000)

static const char directory[] = "build/bench";

struct row {
    char name[NAME_BYTES], unit[16], baseline[NAME_BYTES];
    double value, baseline_value;
};

/* In memory that is shared with the parts, which are processes of their own. */
struct rows {
    uint32_t count;
    struct row row[ROWS_MAX];
};

struct bench {
    const char *program, *json, *commit;
    struct rows *rows;
};

/* ---- Processors ---- */

/* Both sides spin, so they must not meet: clients have the last processor, servers the others.
   Where there is only one, they share it. */
static void processors_take(bool client) {
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    cpu_set_t set;
    CPU_ZERO(&set);
    for (long i = 0; i < count && i < CPU_SETSIZE; i++)
        if (client == (i == count - 1)) CPU_SET((size_t)i, &set);
    if (count > 1) (void)sched_setaffinity(0, sizeof set, &set);
}

/* What a server does before it serves. */
static int server_side(void) {
    processors_take(false);
    return net_gateway_side();
}

/* ---- Rows ---- */

static const struct row *row_find(const struct bench *bench, const char *name) {
    for (uint32_t i = 0; i < bench->rows->count; i++)
        if (strcmp(bench->rows->row[i].name, name) == 0) return &bench->rows->row[i];
    return NULL;
}

static void row_add(struct bench *bench, const char *name, double value, const char *unit,
                    const char *baseline) {
    CHECK(bench->rows->count < ROWS_MAX);
    struct row *row = &bench->rows->row[bench->rows->count];
    const struct row *found = row_find(bench, baseline);
    (void)snprintf(row->name, sizeof row->name, "%s", name);
    (void)snprintf(row->unit, sizeof row->unit, "%s", unit);
    row->value = value;
    row->baseline[0] = 0;
    row->baseline_value = 0;
    if (found != NULL && found->value > 0) {
        (void)snprintf(row->baseline, sizeof row->baseline, "%s", found->name);
        row->baseline_value = found->value;
    }
    bench->rows->count++;
    (void)printf("%-52s %12.1f %-9s", row->name, row->value, row->unit);
    if (row->baseline[0] != 0)
        (void)printf(" %8.2f x %s", row->value / row->baseline_value, row->baseline);
    (void)printf("\n");
    (void)fflush(stdout);
}

/* Two rows, each beside the same quantile of the baseline. */
static void rows_add(struct bench *bench, const char *name, const struct histogram *histogram,
                     const char *baseline) {
    static const struct {
        const char *name;
        uint32_t parts;
    } quantiles[] = { { "p50", 50000 }, { "p99", 99000 } };
    for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++) {
        char whole[NAME_BYTES], beside[NAME_BYTES];
        (void)snprintf(whole, sizeof whole, "%s, %s", name, quantiles[i].name);
        (void)snprintf(beside, sizeof beside, "%s, %s", baseline, quantiles[i].name);
        row_add(bench, whole, (double)histogram_quantile(histogram, quantiles[i].parts) / 1000,
                "us", beside);
    }
}

/* ---- The disk ---- */

static int measure_flush(struct bench *bench) {
    static struct histogram histogram;
    static const uint8_t block[FLUSH_BYTES];
    char path[64];
    (void)snprintf(path, sizeof path, "%s/flush", directory);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) return err_set(-errno, "%s: %s", path, strerror(errno));
    int code = 0;
    for (int i = 0; i < FLUSHES && code == 0; i++) {
        uint64_t from_ns = clock_monotonic_ns();
        if (write(fd, block, sizeof block) != sizeof block || fdatasync(fd) != 0)
            code = err_set(-errno, "%s: %s", path, strerror(errno));
        histogram_add(&histogram, clock_monotonic_ns() - from_ns);
    }
    (void)close(fd);
    (void)unlink(path);
    if (code == 0) rows_add(bench, "disk flush", &histogram, "");
    return code;
}

/* ---- Empty echoes ---- */

/* What serves an echo: the transport that the gateway would have, or the kernel's TCP in its place
   at the other end of the same wire. */
struct echo {
    const char *name;
    const char *transport; /* kernel, lwip */
};

static bool shell(const char *command) { return system(command) == 0; }

static _Noreturn void be_echo(const struct venue *venue, const struct echo *echo, int output,
                              pid_t parent) {
    static struct config config;
    bool kernel = strcmp(echo->transport, "kernel") == 0;
    int log = open(venue->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    bool fit = prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent && server_side() == 0 &&
               dup2(log, STDERR_FILENO) >= 0 && dup2(log, STDOUT_FILENO) >= 0;
    if (fit && kernel && net_port() != NULL)
        fit = shell("ip address add 10.77.0.1/24 dev wirepit0 && ethtool -K wirepit0 tx off");
    int code = fit ? config_load(venue->config, &config) : -EPERM;
    if (code == 0) code = config_set(&config, CONFIG_SET_TRANSPORT, echo->transport);
    if (code == 0 && !kernel) code = config_set(&config, CONFIG_SET_NIC, net_port());
    if (code == 0 && !kernel) code = config_set(&config, CONFIG_SET_INTERFACE, "wirepit0");
    if (code == 0) code = echo_serve(&config, output);
    (void)fprintf(stderr, "bench: %s: %s\n", echo->name, err_text());
    _exit(EXIT_FAILURE);
}

static int measure_echo(struct bench *bench, const struct venue *venue, const struct echo *echo,
                        const char *baseline) {
    static struct histogram histogram;
    uint16_t port = 0;
    int ends[2], code;
    if (pipe2(ends, O_CLOEXEC) != 0) return err_set(-errno, "pipe: %s", strerror(errno));
    pid_t parent = getpid(), server = fork();
    if (server == 0) be_echo(venue, echo, ends[1], parent);
    (void)close(ends[1]);
    if (server < 0 || read(ends[0], &port, sizeof port) != sizeof port) {
        code = err_set(-EPROTO, "%s does not come up, see %s", echo->name, venue->log);
    } else {
        net_gateway_up();
        code = echo_measure(net_address(), port, ECHO_NS, &histogram);
    }
    (void)close(ends[0]);
    if (server > 0) {
        (void)kill(server, SIGKILL);
        (void)waitpid(server, NULL, 0);
    }
    if (strcmp(echo->transport, "kernel") == 0 && net_port() != NULL) {
        pid_t tidy = fork();
        if (tidy == 0)
            _exit(net_gateway_side() != 0 || !shell("ip address del 10.77.0.1/24 dev wirepit0"));
        (void)waitpid(tidy, NULL, 0);
    }
    if (code == 0) rows_add(bench, echo->name, &histogram, baseline);
    return code;
}

/* ---- Orders ---- */

/* One gateway with one card, and what is asked of it. */
struct run {
    const char *name; /* of transport and card */
    const char *card;
    bool asynchronous;
    uint32_t sessions;
    uint32_t window; /* 1 measures the round trip */
    const char *baseline;
};

static int venue_fresh(const struct bench *bench, const struct run *run, struct venue *venue) {
    const struct venue_settings settings = { .directory = directory,
                                             .program = bench->program,
                                             .card = run->card,
                                             .sessions = SESSIONS,
                                             .asynchronous = run->asynchronous,
                                             .address = net_address(),
                                             .arguments = net_arguments(),
                                             .enter = server_side };
    if (!shell("rm -rf build/bench/journal")) return err_set(-EIO, "build/bench/journal: busy");
    return venue_open(venue, &settings);
}

static int measure_orders(struct bench *bench, const struct run *run) {
    static struct load_result result;
    struct venue venue;
    bool rtt = run->window == 1;
    int code = venue_fresh(bench, run, &venue);
    if (code == 0) code = venue_spawn(&venue);
    if (code != 0) return code;
    code = venue_ready(&venue, READY_MS);
    if (code == 0) {
        net_gateway_up();
        const struct load_settings load = { .address = net_address(),
                                            .port = venue.port,
                                            .sessions = run->sessions,
                                            .window = run->window,
                                            .warm_ns = WARM_NS,
                                            .count_ns = rtt ? RTT_NS : RATE_NS };
        code = load_run(&load, &result);
    }
    venue_kill(&venue);
    if (code != 0) return err_wrap(code, "%s: ", run->name);
    char name[NAME_BYTES];
    const char *durability = run->asynchronous ? "async" : "sync";
    if (rtt) {
        (void)snprintf(name, sizeof name, "order, %s, %s", run->name, durability);
        rows_add(bench, name, &result.rtt, run->baseline);
        return 0;
    }
    (void)snprintf(name, sizeof name, "orders, %s, %s, %u session%s", run->name, durability,
                   run->sessions, run->sessions == 1 ? "" : "s");
    row_add(bench, name, (double)result.orders * 1e9 / (double)result.elapsed_ns, "orders/s",
            run->baseline);
    return 0;
}

/* ---- Parts ---- */

/* All that one transport is measured by. */
static int measure_transport(struct bench *bench, const char *port) {
    char with_soft[NAME_BYTES], with_sim[NAME_BYTES], echo_name[NAME_BYTES];
    const char *empty = "echo, kernel TCP, loopback";
    struct venue venue;
    int code = venue_fresh(bench, &(struct run){ .card = "soft" }, &venue);
    (void)snprintf(echo_name, sizeof echo_name, "echo, lwIP, %s", port != NULL ? port : "");
    (void)snprintf(with_soft, sizeof with_soft, "%s%s + soft card",
                   port != NULL ? "lwIP, " : "kernel TCP", port != NULL ? port : "");
    (void)snprintf(with_sim, sizeof with_sim, "%s%s + Verilated card",
                   port != NULL ? "lwIP, " : "kernel TCP", port != NULL ? port : "");
    if (port != NULL && strcmp(port, "tap") != 0) empty = "echo, kernel TCP, veth";
    if (code == 0 && (port == NULL || strcmp(port, "tap") != 0))
        code = measure_echo(bench, &venue, &(struct echo){ empty, "kernel" }, "");
    if (code == 0 && port != NULL)
        code = measure_echo(bench, &venue, &(struct echo){ echo_name, "lwip" }, empty);
    const struct run runs[] = {
        { with_soft, "soft", true, 1, 1, empty },
        { with_soft, "soft", false, 1, 1, "disk flush" },
        { with_sim, "sim", true, 1, 1, empty },
        { with_sim, "sim", false, 1, 1, "disk flush" },
        { with_soft, "soft", true, 1, WINDOW, "" },
        { with_soft, "soft", true, 10, WINDOW, "" },
        { with_soft, "soft", true, 100, WINDOW, "" },
        { with_soft, "soft", false, 10, WINDOW, "" },
        { with_sim, "sim", true, 10, WINDOW, "" },
    };
    for (size_t i = 0; i < sizeof runs / sizeof *runs && code == 0; i++)
        code = measure_orders(bench, &runs[i]);
    return code;
}

/* The transport past the kernel is measured in network namespaces, so in a process of its own. The
   first port that the machine allows is taken. */
static int measure_bypass(struct bench *bench) {
    static const char *const ports[] = { "af_xdp", "af_packet", "tap" };
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
        int status = 0;
        pid_t part = fork();
        if (part < 0) return err_set(-errno, "fork: %s", strerror(errno));
        if (part == 0) {
            CHECK(setenv("WIREPIT_PORT", ports[i], 1) == 0);
            if (!net_enter()) exit(SKIPPED);
            int code = measure_transport(bench, ports[i]);
            if (code != 0) (void)fprintf(stderr, "bench: %s\n", err_text());
            exit(code == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
        }
        CHECK(waitpid(part, &status, 0) == part);
        if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS) return 0;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != SKIPPED)
            return err_set(-EPROTO, "lwIP over %s could not be measured; see %s/gateway.log",
                           ports[i], directory);
    }
    (void)printf("lwIP is not measured: this machine allows none of its ports\n");
    return 0;
}

/* ---- The report ---- */

static void machine_text(char *text, size_t room) {
    char line[256] = "";
    (void)snprintf(text, room, "%ld processors", sysconf(_SC_NPROCESSORS_ONLN));
    FILE *file = fopen("/proc/cpuinfo", "r");
    if (file == NULL) return;
    while (fgets(line, sizeof line, file) != NULL) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || colon == NULL) continue;
        (void)snprintf(text, room, "%ld x %.*s", sysconf(_SC_NPROCESSORS_ONLN),
                       (int)strcspn(colon + 2, "\n\"\\"), colon + 2);
        break;
    }
    (void)fclose(file);
}

static int report_save(const struct bench *bench) {
    char machine[200];
    machine_text(machine, sizeof machine);
    FILE *file = fopen(bench->json, "w");
    if (file == NULL) return err_set(-errno, "%s: %s", bench->json, strerror(errno));
    (void)fprintf(file, "{\"machine\": \"%s\", \"commit\": \"%s\", \"rows\": [", machine,
                  bench->commit);
    for (uint32_t i = 0; i < bench->rows->count; i++) {
        const struct row *row = &bench->rows->row[i];
        (void)fprintf(file, "%s\n  {\"name\": \"%s\", \"value\": %.1f, \"unit\": \"%s\", ",
                      i == 0 ? "" : ",", row->name, row->value, row->unit);
        if (row->baseline[0] == 0)
            (void)fprintf(file, "\"baseline\": null, \"baseline_value\": null, \"ratio\": null}");
        else
            (void)fprintf(file, "\"baseline\": \"%s\", \"baseline_value\": %.1f, \"ratio\": %.3f}",
                          row->baseline, row->baseline_value, row->value / row->baseline_value);
    }
    (void)fputs("\n]}\n", file);
    return fclose(file) == 0 ? 0 : err_set(-EIO, "%s: cannot be written", bench->json);
}

static const char help[] = "usage: bench [options]\n"
                           "\n"
                           "  --gateway FILE  the program [build/plain/wirepit-gateway]\n"
                           "  --json FILE     the rows [build/bench.json]\n"
                           "  --commit TEXT   what is measured, for the record [unknown]\n";

static int options_read(int count, char **arguments, struct bench *bench) {
    static const struct option known[] = {
        { "gateway", required_argument, NULL, 'g' },
        { "json", required_argument, NULL, 'j' },
        { "commit", required_argument, NULL, 'c' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    for (int key; (key = getopt_long(count, arguments, "", known, NULL)) != -1;) {
        switch (key) {
        case 'g':
            bench->program = optarg;
            break;
        case 'j':
            bench->json = optarg;
            break;
        case 'c':
            bench->commit = optarg;
            break;
        case 'h':
            (void)fputs(help, stdout);
            return 1;
        default:
            return err_set(-EINVAL, "try --help");
        }
    }
    return 0;
}

int main(int count, char **arguments) {
    struct bench bench = { .program = "build/plain/wirepit-gateway",
                           .json = "build/bench.json",
                           .commit = "unknown" };
    int code = options_read(count, arguments, &bench);
    if (code == 1) return EXIT_SUCCESS;
    bench.rows =
        mmap(NULL, sizeof *bench.rows, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(bench.rows != MAP_FAILED);
    if (code == 0 && !shell("mkdir -p build/bench")) code = err_set(-EIO, "build/bench: not made");
    CHECK(unsetenv("WIREPIT_PORT") == 0);
    processors_take(true);
    if (code == 0) code = measure_flush(&bench);
    if (code == 0) code = measure_transport(&bench, NULL);
    if (code == 0) code = measure_bypass(&bench);
    if (code == 0) code = report_save(&bench);
    (void)shell("rm -rf build/bench/journal");
    if (code == 0) return EXIT_SUCCESS;
    (void)fprintf(stderr, "bench: %s\n", err_text());
    return EXIT_FAILURE;
}
