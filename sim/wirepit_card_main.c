/* wirepit-card: the Verilated card as a process of its own, for a host that says CARD=bus, or as a
 * PCI device for a guest of QEMU's. */
#include "host/base/err.h"
#include "sim/bus.h"
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static volatile sig_atomic_t stop_asked;

static void on_signal(int signal) {
    (void)signal;
    stop_asked = 1;
}

static const char help[] =
    "usage: wirepit-card --socket PATH [options]\n"
    "       wirepit-card --ivshmem PATH --guest-ram FILE [options]\n"
    "\n"
    "The Verilated card behind a shared-memory bus. It serves one host after another, outlives\n"
    "them, and says \"listening on PATH\" when it is ready. Ends cleanly on SIGINT and SIGTERM.\n"
    "\n"
    "  --socket PATH          Unix socket at which a host finds it\n"
    "  --ivshmem PATH         Unix socket at which QEMU finds it (-device ivshmem-doorbell): the\n"
    "                         card is then a PCI device of the guest's\n"
    "  --guest-ram FILE       the guest's memory (-object memory-backend-file,share=on), to which\n"
    "                         the card writes its events\n"
    "  --size default|small   what the RTL was Verilated for [default]\n"
    "  --seed N               of what registers hold before reset [1]\n"
    "  --trace FILE           waveform (FST), ten times slower\n"
    "  --spin N               microseconds it looks for work before it sleeps [50]\n"
    "  --help                 this\n"
    "\n"
    "example\n"
    "  wirepit-card --socket build/run/card.socket &\n"
    "  wirepit-gateway --config host/package/wirepit.yaml --card bus\n";

static int read_number(const char *name, const char *text, uint64_t max, uint64_t *number) {
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != 0 || *text == '-' || *number > max)
        return err_set(-EINVAL, "%s %s: it is a number from 0 to %llu", name, text,
                       (unsigned long long)max);
    return 0;
}

static int read_size(const char *text, struct card_size *size) {
    static const struct {
        const char *name;
        struct card_size size;
    } sizes[] = {
#define SIZE(name, symbols, accounts, orders, levels) \
    { #name, { symbols, accounts, orders, levels } },
#include "sim/sizes.def"
#undef SIZE
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (strcmp(text, sizes[i].name) != 0) continue;
        *size = sizes[i].size;
        return 0;
    }
    return err_set(-EINVAL, "--size %s: it is one of sim/sizes.def: default or small", text);
}

/* Returns 0 to go on, 1 when there is nothing left to do, or -EINVAL. */
static int read_options(int count, char **arguments, struct bus_options *options) {
    static const struct option known[] = {
        { "socket", required_argument, NULL, 's' },
        { "ivshmem", required_argument, NULL, 'i' },
        { "guest-ram", required_argument, NULL, 'g' },
        { "size", required_argument, NULL, 'z' },
        { "seed", required_argument, NULL, 'e' },
        { "trace", required_argument, NULL, 't' },
        { "spin", required_argument, NULL, 'p' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    bool ivshmem = false;
    for (int key; (key = getopt_long(count, arguments, "", known, NULL)) != -1;) {
        uint64_t number = 0;
        int error = 0;
        switch (key) {
        case 's':
        case 'i':
            if (options->path != NULL)
                return err_set(-EINVAL, "one of --socket and --ivshmem, once; try --help");
            options->path = optarg;
            ivshmem = key == 'i';
            break;
        case 'g':
            options->guest_ram = optarg;
            break;
        case 'z':
            error = read_size(optarg, &options->size);
            break;
        case 'e':
            error = read_number("--seed", optarg, UINT64_MAX, &options->seed);
            break;
        case 't':
            options->trace_path = optarg;
            break;
        case 'p':
            error = read_number("--spin", optarg, 1000000, &number);
            options->spin_us = (uint32_t)number;
            break;
        case 'h':
            (void)fputs(help, stdout);
            return 1;
        default:
            return err_set(-EINVAL, "try --help");
        }
        if (error != 0) return error;
    }
    if (optind < count)
        return err_set(-EINVAL, "\"%s\" is no option; try --help", arguments[optind]);
    if (options->path == NULL) return err_set(-EINVAL, "--socket PATH is missing; try --help");
    if (ivshmem != (options->guest_ram != NULL))
        return err_set(-EINVAL, "--ivshmem and --guest-ram go together; try --help");
    return 0;
}

int main(int count, char **arguments) {
    struct bus_options options = { .size = CARD_SIZE_DEFAULT, .seed = 1, .spin_us = BUS_SPIN_US };
    struct bus *bus = NULL;
    struct sigaction action = { .sa_handler = on_signal };
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);

    int code = read_options(count, arguments, &options);
    if (code == 1) return EXIT_SUCCESS;
    if (code == 0) code = bus_open(&options, &bus);
    if (code == 0) {
        (void)printf("listening on %s\n", options.path);
        (void)fflush(stdout);
        code = bus_serve(bus, &stop_asked);
        bus_close(bus);
    }
    if (code == 0) return EXIT_SUCCESS;
    (void)fprintf(stderr, "wirepit-card: %s\n", err_text());
    return EXIT_FAILURE;
}
