/* test-qemu: the vfio driver in a guest of QEMU's, on a PCI device that is the Verilated card.
 *
 * Starts wirepit-card and QEMU, does to the card's process what the guest asks for, and compares
 * the events that the guest has recorded with those of the Verilated card in process, which is
 * itself in lock-step with the reference engine. All that is started ends with this program. */
#define _GNU_SOURCE /* memfd_create */
#include "driver/card.h"
#include "host/base/clock.h"
#include "host/base/err.h"
#include "sim/simlib.h"
#include "tests/qemu/guest.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND_NS UINT64_C(1000000000)
#define SMALL     ((struct card_size){ .symbols = 4, .accounts = 8, .orders = 64, .levels = 64 })
enum {
    RAM_MB = 256,
    SECONDS_MAX = 240, /* for all of it, on a machine that others keep busy */
    RESULTS_MAX = 64,
    NAME_BYTES = 48,
    TEXT_BYTES = 256,
    LINE_BYTES = 512,
    ARGUMENTS_MAX = 64,
};

struct result {
    char name[NAME_BYTES], text[TEXT_BYTES];
    bool number;
};

struct session {
    const char *programs, *directory, *json;
    bool whole;
    unsigned commands;
    uint64_t seed;

    int ram; /* memfd: the guest's memory */
    char ram_path[64], socket[128];
    pid_t card, qemu;
    int console; /* of the guest */
    FILE *log;
    bool done, failed;

    struct guest_record *record;
    unsigned command_count, event_count;
    struct result results[RESULTS_MAX];
    unsigned result_count;
    unsigned iommu_faults; /* that QEMU has told of */
};

__attribute__((format(printf, 2, 3))) static int fails(struct session *session, const char *format,
                                                       ...) {
    va_list args;
    va_start(args, format);
    (void)fputs("test-qemu: ", stdout);
    (void)vprintf(format, args);
    (void)putchar('\n');
    va_end(args);
    session->failed = true;
    return -1;
}

/* ---- Processes ---- */

/* start runs a program whose output comes back through the descriptor that is returned. */
static int start(const char *const *arguments, pid_t *pid) {
    int output[2];
    if (pipe2(output, O_CLOEXEC) != 0) return -1;
    (void)fflush(NULL);
    const pid_t parent = getpid();
    *pid = fork();
    if (*pid == 0) {
        char *copy[ARGUMENTS_MAX] = { NULL };
        for (int i = 0; i < ARGUMENTS_MAX - 1 && arguments[i] != NULL; i++)
            copy[i] = strdup(arguments[i]);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* nothing outlives this program */
        if (getppid() != parent) _exit(126);
        int null = open("/dev/null", O_RDONLY);
        if (dup2(null, 0) < 0 || dup2(output[1], 1) < 0 || dup2(output[1], 2) < 0) _exit(126);
        (void)execvp(copy[0], copy);
        _exit(127);
    }
    (void)close(output[1]);
    if (*pid > 0) return output[0];
    (void)close(output[0]);
    return -1;
}

static void finish(pid_t *pid, int signal) {
    if (*pid <= 0) return;
    (void)kill(*pid, signal);
    (void)kill(*pid, SIGCONT);
    (void)waitpid(*pid, NULL, 0);
    *pid = 0;
}

/* The card's log goes to a pipe that nobody reads behind the first line: it says little. */
static int card_start(struct session *session) {
    char program[160], line[LINE_BYTES];
    (void)snprintf(program, sizeof program, "%s/wirepit-card", session->programs);
    (void)snprintf(session->socket, sizeof session->socket, "%s/card.%ld", session->directory,
                   (long)getpid());
    const char *arguments[] = { program,
                                "--ivshmem",
                                session->socket,
                                "--guest-ram",
                                session->ram_path,
                                "--size",
                                session->whole ? "default" : "small",
                                NULL };
    int output = start(arguments, &session->card);
    FILE *said = output >= 0 ? fdopen(output, "r") : NULL;
    if (said == NULL) return fails(session, "%s: %s", program, strerror(errno));
    while (fgets(line, sizeof line, said) != NULL)
        if (strncmp(line, "listening", strlen("listening")) == 0) return 0;
    return fails(session, "%s does not listen: %s", program, line);
}

static int qemu_start(struct session *session) {
    char backend[128], chardev[192], kernel[160], initrd[160], append[256], memory[16];
    (void)snprintf(backend, sizeof backend,
                   "memory-backend-file,id=ram,share=on,mem-path=%s,size=%dM", session->ram_path,
                   RAM_MB);
    (void)snprintf(chardev, sizeof chardev, "socket,path=%s,id=card", session->socket);
    (void)snprintf(kernel, sizeof kernel, "%s/vmlinuz", session->directory);
    (void)snprintf(initrd, sizeof initrd, "%s/initrd", session->directory);
    (void)snprintf(memory, sizeof memory, "%d", RAM_MB);
    (void)snprintf(append, sizeof append,
                   "console=ttyS0 intel_iommu=on iommu=pt quiet loglevel=3 panic=-1 "
                   "wirepit=\"%u %" PRIu64 " %s\"",
                   session->commands, session->seed, session->whole ? "whole" : "short");
    /* TCG, said so: where /dev/kvm is there but does not work, QEMU hangs. */
    const char *arguments[] = { "qemu-system-x86_64",
                                "-accel",
                                "tcg,thread=multi",
                                "-M",
                                "q35,memory-backend=ram,kernel-irqchip=split",
                                "-cpu",
                                "max",
                                "-m",
                                memory,
                                "-object",
                                backend,
                                "-device",
                                "intel-iommu,intremap=on",
                                "-chardev",
                                chardev,
                                "-device",
                                "ivshmem-doorbell,chardev=card,vectors=1",
                                "-device",
                                "edu,dma_mask=0xffffffffff",
                                "-device",
                                "bochs-display",
                                "-device",
                                "pci-testdev,membar=4096",
                                "-display",
                                "none",
                                "-monitor",
                                "none",
                                "-serial",
                                "stdio",
                                "-no-reboot",
                                "-nodefaults",
                                "-kernel",
                                kernel,
                                "-initrd",
                                initrd,
                                "-append",
                                append,
                                NULL };
    session->console = start(arguments, &session->qemu);
    return session->console >= 0 ? 0 : fails(session, "qemu-system-x86_64: %s", strerror(errno));
}

/* ---- What the guest says ---- */

static void keep(struct session *session, const char *name, const char *text, bool number) {
    if (session->result_count == RESULTS_MAX) return;
    struct result *result = &session->results[session->result_count++];
    (void)snprintf(result->name, sizeof result->name, "%s", name);
    (void)snprintf(result->text, sizeof result->text, "%s", text);
    result->number = number;
}

static int signal_card(struct session *session, const char *what) {
    static const struct {
        const char *what;
        int signal;
    } row[] = {
        { "stop", SIGSTOP }, { "continue", SIGCONT }, { "term", SIGTERM }, { "kill", SIGKILL }
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        if (strcmp(what, row[i].what) == 0) return kill(session->card, row[i].signal);
    return fails(session, "the guest asks for \"%s\"", what);
}

/* The record is read from the guest's memory, which is this program's file. */
static int take_record(struct session *session, const char *text) {
    uint64_t address;
    if (sscanf(text, "%" SCNu64 " %u %u", &address, &session->command_count,
               &session->event_count) != 3 ||
        session->command_count > GUEST_COMMANDS_MAX || session->event_count > GUEST_EVENTS_MAX)
        return fails(session, "the guest's record is \"%s\"", text);
    if (pread(session->ram, session->record, sizeof *session->record, (off_t)address) !=
        (ssize_t)sizeof *session->record)
        return fails(session, "the guest's record at %#" PRIx64 ": %s", address, strerror(errno));
    return 0;
}

static int take_line(struct session *session, char *line) {
    line[strcspn(line, "\r\n")] = 0;
    (void)fprintf(session->log, "%s\n", line);
    (void)fflush(session->log);
    char *rest = strchr(line, ' ');
    if (rest == NULL) return 0;
    session->iommu_faults += strstr(line, "vtd_iommu_translate") != NULL;
    if (strncmp(line, "ask ", 4) == 0) return signal_card(session, rest + 1);
    if (strncmp(line, "record ", 7) == 0) return take_record(session, rest + 1);
    if (strncmp(line, "result ", 7) == 0 || strncmp(line, "text ", 5) == 0) {
        char *value = strchr(rest + 1, ' ');
        if (value == NULL) return 0;
        *value = 0;
        keep(session, rest + 1, value + 1, *line == 'r');
    } else if (strncmp(line, "guest: ", 7) == 0) {
        (void)printf("%s\n", line);
        if (strcmp(line, "guest: done") == 0) session->done = true;
        if (strncmp(line, "guest: failed", 13) == 0) session->failed = true;
    }
    return 0;
}

static int watch(struct session *session) {
    char text[LINE_BYTES];
    size_t used = 0;
    const uint64_t until_ns = clock_monotonic_ns() + SECONDS_MAX * SECOND_NS;
    for (;;) {
        struct pollfd line = { .fd = session->console, .events = POLLIN };
        if (clock_monotonic_ns() >= until_ns)
            return fails(session,
                         "the guest is not done after %d s; its console is in %s/console.log",
                         SECONDS_MAX, session->directory);
        if (poll(&line, 1, 1000) == 0) continue;
        ssize_t count = read(session->console, text + used, sizeof text - 1 - used);
        if (count <= 0) return 0; /* QEMU has ended */
        used += (size_t)count;
        text[used] = 0;
        char *from = text, *end;
        while ((end = strchr(from, '\n')) != NULL) {
            *end = 0;
            if (take_line(session, from) != 0) return -1;
            from = end + 1;
        }
        used -= (size_t)(from - text);
        memmove(text, from, used);
        if (used == sizeof text - 1) used = 0; /* a firmware's banner */
    }
}

/* ---- The same commands in process ---- */

static int compare(struct session *session) {
    const struct simlib_options options = { .size = session->whole ? CARD_SIZE_DEFAULT : SMALL,
                                            .lockstep_directory = session->directory };
    struct card *card;
    if (simlib_open(&options, &card) != 0) return fails(session, "%s", err_text());
    unsigned pushed = 0, seen = 0;
    int code = 0;
    while (code == 0 && seen < session->event_count) {
        struct event events[64];
        while (pushed < session->command_count &&
               card_push(card, &session->record->commands[pushed]) == 0)
            pushed++;
        int count = card_poll(card, events, 64);
        if (count < 0) code = fails(session, "in process: %s", err_text());
        if (count == 0 && pushed == session->command_count)
            code = fails(session, "in process there are %u events, through VFIO %u", seen,
                         session->event_count);
        for (int i = 0; code == 0 && i < count; i++, seen++) {
            const struct event here = guest_plain(events[i]);
            const struct event there = guest_plain(session->record->events[seen]);
            if (seen >= session->event_count || memcmp(&here, &there, sizeof here) != 0)
                code = fails(session,
                             "event %u differs: in process number %" PRIu64
                             " kind %u, through VFIO number %" PRIu64 " kind %u",
                             seen + 1, here.number, here.kind, there.number, there.kind);
        }
    }
    if (code == 0 && card_poll(card, &(struct event){ 0 }, 1) != 0)
        code = fails(session, "in process there are more events than through VFIO");
    card_close(card);
    char number[24];
    (void)snprintf(number, sizeof number, "%u", seen);
    keep(session, "events_equal", number, true);
    return code;
}

static int write_json(struct session *session, uint64_t took_ns) {
    FILE *file = fopen(session->json, "we");
    if (file == NULL) return fails(session, "%s: %s", session->json, strerror(errno));
    (void)fprintf(file, "{\n  \"passed\": %s,\n  \"seed\": %" PRIu64 ",\n  \"wall_ms\": %" PRIu64,
                  session->failed ? "false" : "true", session->seed, took_ns / 1000000);
    for (unsigned i = 0; i < session->result_count; i++) {
        const struct result *result = &session->results[i];
        const char *quote = result->number ? "" : "\"";
        (void)fprintf(file, ",\n  \"%s\": %s", result->name, quote);
        for (const char *c = result->text; *c != 0; c++)
            (void)fprintf(file, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
        (void)fputs(quote, file);
    }
    (void)fputs("\n}\n", file);
    return fclose(file) == 0 ? 0 : fails(session, "%s: %s", session->json, strerror(errno));
}

/* ---- All of it ---- */

static int session_open(struct session *session) {
    char path[160];
    session->record = calloc(1, sizeof *session->record);
    session->ram = memfd_create("guest", MFD_CLOEXEC);
    (void)snprintf(session->ram_path, sizeof session->ram_path, "/proc/%ld/fd/%d", (long)getpid(),
                   session->ram);
    if (session->record == NULL || session->ram < 0 ||
        ftruncate(session->ram, (off_t)RAM_MB << 20) != 0)
        return fails(session, "no memory for a guest of %d MB", RAM_MB);
    (void)snprintf(path, sizeof path, "%s/console.log", session->directory);
    session->log = fopen(path, "we");
    if (session->log == NULL) return fails(session, "%s: %s", path, strerror(errno));
    return 0;
}

static int run(struct session *session) {
    if (session_open(session) != 0 || card_start(session) != 0 || qemu_start(session) != 0 ||
        watch(session) != 0)
        return -1;
    if (!session->done && !session->failed)
        (void)fails(session, "the guest ended without a word; its console is in %s/console.log",
                    session->directory);
    char number[24];
    (void)snprintf(number, sizeof number, "%u", session->iommu_faults);
    keep(session, "iommu_faults", number, true);
    if (session->event_count != 0) (void)compare(session);
    return session->failed ? -1 : 0;
}

int main(int count, char **arguments) {
    static struct session session;
    if (count != 6) {
        (void)fprintf(stderr, "usage: test-qemu PROGRAMS DIRECTORY short|whole COMMANDS JSON\n");
        return EXIT_FAILURE;
    }
    const char *seed = getenv("SEED");
    session.programs = arguments[1];
    session.directory = arguments[2];
    session.whole = strcmp(arguments[3], "whole") == 0;
    session.commands = (unsigned)strtoul(arguments[4], NULL, 10);
    session.json = arguments[5];
    session.seed = seed != NULL ? strtoull(seed, NULL, 10) : 1;
    const uint64_t from_ns = clock_monotonic_ns();
    int code = run(&session);
    finish(&session.qemu, SIGKILL);
    finish(&session.card, SIGTERM);
    (void)unlink(session.socket);
    const uint64_t took_ns = clock_monotonic_ns() - from_ns;
    if (write_json(&session, took_ns) != 0) code = -1;
    for (unsigned i = 0; i < session.result_count; i++)
        (void)printf("  %-24s %s\n", session.results[i].name, session.results[i].text);
    (void)printf("test-qemu: %s, seed %" PRIu64 ", %" PRIu64 ".%" PRIu64 " s; %s\n",
                 code == 0 ? "passed" : "FAILED", session.seed, took_ns / SECOND_NS,
                 took_ns / (SECOND_NS / 10) % 10, session.json);
    return code == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
