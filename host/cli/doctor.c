#include "host/cli/doctor.h"
#include "host/base/clock.h"
#include "host/cli/cli.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/timex.h>
#include <unistd.h>

enum {
    FLUSHES = 21,
    FLUSH_BYTES = 4096,
    FOUND_BYTES = 400,
    CAPABILITY_NET_ADMIN = 12,
    CAPABILITY_SYS_ADMIN = 21,
    CAPABILITY_BPF = 39
};

struct doctor {
    const char *root, *directory;
    json_t *checks;
};

static void say(struct doctor *doctor, const char *check, const char *state, const char *found,
                const char *advice) {
    (void)json_array_append_new(doctor->checks,
                                json_pack("{s:s, s:s, s:s, s:s}", "check", check, "state", state,
                                          "found", found, "advice", advice));
}

/* The first line of a file, without its newline; "" when there is none. */
static const char *line_of(const struct doctor *doctor, const char *path, char line[FOUND_BYTES]) {
    char full[CLI_PATH_BYTES];
    line[0] = 0;
    (void)snprintf(full, sizeof full, "%s%s", doctor->root, path);
    FILE *file = fopen(full, "r");
    if (file == NULL) return line;
    if (fgets(line, FOUND_BYTES, file) == NULL) line[0] = 0;
    (void)fclose(file);
    line[strcspn(line, "\n")] = 0;
    return line;
}

/* The number behind "Name:" in a file of such lines; -1 when there is none. base is 10 or 16. */
static int64_t number_of(const struct doctor *doctor, const char *path, const char *name,
                         int base) {
    char full[CLI_PATH_BYTES], line[FOUND_BYTES];
    int64_t found = -1;
    (void)snprintf(full, sizeof full, "%s%s", doctor->root, path);
    FILE *file = fopen(full, "r");
    if (file == NULL) return -1;
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
            found = (int64_t)strtoull(line + strlen(name) + 1, NULL, base);
    (void)fclose(file);
    return found;
}

/* ---- Memory and cores ---- */

static void check_hugepages(struct doctor *doctor) {
    char found[FOUND_BYTES];
    int64_t total = number_of(doctor, "/proc/meminfo", "HugePages_Total", 10);
    int64_t kilobytes = number_of(doctor, "/proc/meminfo", "Hugepagesize", 10);
    if (total > 0 && kilobytes > 0) {
        (void)snprintf(found, sizeof found, "%" PRId64 " of %" PRId64 " KiB", total, kilobytes);
        say(doctor, "huge pages", "good", found, "");
        return;
    }
    say(doctor, "huge pages", "fair", "none are reserved",
        "sysctl vm.nr_hugepages=512; without them DPDK uses small pages, which is fine for a "
        "try-out");
}

static void check_cores(struct doctor *doctor) {
    char isolated[FOUND_BYTES], found[2 * FOUND_BYTES];
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    (void)line_of(doctor, "/sys/devices/system/cpu/isolated", isolated);
    (void)snprintf(found, sizeof found, "%ld online, isolated: %s", online,
                   isolated[0] != 0 ? isolated : "none");
    if (isolated[0] != 0)
        say(doctor, "cores", "good", found, "");
    else
        say(doctor, "cores", "fair", found,
            online > 2
                ? "boot with isolcpus=N nohz_full=N and start the gateway with taskset -c N, "
                  "so that nothing else runs beside its loop"
                : "with two cores or fewer nothing can be isolated: figures of latency show "
                  "the neighbours too");
}

static void check_memlock(struct doctor *doctor) {
    char found[FOUND_BYTES];
    struct rlimit limit;
    if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0) return;
    if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= UINT64_C(64) << 20) {
        say(doctor, "locked memory", "good", "enough", "");
        return;
    }
    (void)snprintf(found, sizeof found, "%" PRIu64 " KiB", (uint64_t)limit.rlim_cur / 1024);
    say(doctor, "locked memory", "fair", found,
        "ulimit -l unlimited: AF_XDP sockets and io_uring buffers are locked");
}

/* ---- Network and BPF ---- */

static void check_nic(struct doctor *doctor) {
    char path[CLI_PATH_BYTES], found[FOUND_BYTES] = "", state[FOUND_BYTES];
    size_t used = 0;
    bool physical = false;
    (void)snprintf(path, sizeof path, "%s/sys/class/net", doctor->root);
    DIR *directory = opendir(path);
    struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "lo") == 0) continue;
        char device[CLI_PATH_BYTES + 300];
        (void)snprintf(device, sizeof device, "%s/%s/device", path, entry->d_name);
        bool real = access(device, F_OK) == 0;
        physical |= real;
        (void)snprintf(device, sizeof device, "/sys/class/net/%s/operstate", entry->d_name);
        int more =
            snprintf(found + used, sizeof found - used, "%s%s %.20s%s", used > 0 ? ", " : "",
                     entry->d_name, line_of(doctor, device, state), real ? "" : " (virtual)");
        if (more > 0 && used + (size_t)more < sizeof found) used += (size_t)more;
    }
    if (directory != NULL) (void)closedir(directory);
    if (physical)
        say(doctor, "network", "good", found, "");
    else
        say(doctor, "network", "fair", used > 0 ? found : "no interface but loopback",
            "no NIC of its own: clients are served by the kernel's TCP, or --transport lwip "
            "--nic af_packet | tap");
}

static void check_bpf(struct doctor *doctor) {
    char full[CLI_PATH_BYTES];
    int64_t capabilities = number_of(doctor, "/proc/self/status", "CapEff", 16);
    uint64_t mask = capabilities < 0 ? 0 : (uint64_t)capabilities;
    bool bpf = (mask >> CAPABILITY_BPF & 1) != 0 || (mask >> CAPABILITY_SYS_ADMIN & 1) != 0;
    bool admin = (mask >> CAPABILITY_NET_ADMIN & 1) != 0;
    (void)snprintf(full, sizeof full, "%s/sys/kernel/btf/vmlinux", doctor->root);
    if (access(full, R_OK) != 0)
        say(doctor, "BPF", "fair", "the kernel says nothing of its types (no BTF)",
            "a kernel with CONFIG_DEBUG_INFO_BTF=y, as Debian's, allows XDP steering; without it "
            "the kernel's TCP serves");
    else if (!bpf || !admin)
        say(doctor, "BPF", "fair", "this user may not load programs",
            "run the gateway as root, or give it CAP_BPF and CAP_NET_ADMIN, for XDP steering");
    else
        say(doctor, "BPF", "good", "programs can be loaded", "");
}

/* ---- Clock and disk ---- */

static void check_clock(struct doctor *doctor) {
    char source[FOUND_BYTES], found[2 * FOUND_BYTES];
    struct timex state = { .modes = 0 };
    int told = adjtimex(&state);
    bool steered = told >= 0 && told != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
    (void)line_of(doctor, "/sys/devices/system/clocksource/clocksource0/current_clocksource",
                  source);
    (void)snprintf(found, sizeof found, "%s, %s, source %s",
                   steered ? "steered" : "not steered by anybody",
                   steered && state.maxerror < 100000 ? "within 0.1 s" : "error unknown",
                   source[0] != 0 ? source : "unknown");
    bool fast = strcmp(source, "tsc") == 0 || strstr(source, "arch_sys_counter") != NULL ||
                strcmp(source, "kvm-clock") == 0;
    if (steered && fast)
        say(doctor, "clock", "good", found, "");
    else if (!steered)
        say(doctor, "clock", "fair", found,
            "install chrony (or ptp4l with a NIC that stamps): records carry UTC, and regulators "
            "ask for 100 us of it");
    else
        say(doctor, "clock", "fair", found,
            "boot with clocksource=tsc if the processor's is stable: reading this one is slow");
}

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The median of some flushes as the journal does them; 0 when it cannot be told. */
static uint64_t time_flush(const char *directory) {
    static const char block[FLUSH_BYTES];
    char path[CLI_PATH_BYTES];
    uint64_t times[FLUSHES];
    (void)snprintf(path, sizeof path, "%s/.wirepit-doctor.XXXXXX", directory);
    int file = mkstemp(path);
    if (file < 0) return 0;
    (void)unlink(path);
    int done = 0;
    for (; done < FLUSHES; done++) {
        uint64_t from_ns = clock_monotonic_ns();
        if (pwrite(file, block, sizeof block, (off_t)done * FLUSH_BYTES) != FLUSH_BYTES ||
            fdatasync(file) != 0)
            break;
        times[done] = clock_monotonic_ns() - from_ns;
    }
    (void)close(file);
    if (done < FLUSHES) return 0;
    qsort(times, FLUSHES, sizeof *times, compare);
    return times[FLUSHES / 2] > 0 ? times[FLUSHES / 2] : 1;
}

static void check_flush(struct doctor *doctor) {
    char found[FOUND_BYTES], text[TEXT_BYTES];
    if (doctor->directory == NULL) return;
    uint64_t median_ns = time_flush(doctor->directory);
    if (median_ns == 0) {
        (void)snprintf(found, sizeof found, "%.200s: %s", doctor->directory, strerror(errno));
        say(doctor, "disk flush", "bad", found,
            "name a directory that can be written with --dir, or make it: the journal goes there");
        return;
    }
    (void)snprintf(found, sizeof found, "%s in %.200s", text_duration(median_ns, text),
                   doctor->directory);
    if (median_ns < 20000)
        say(doctor, "disk flush", "fair", found,
            "too fast for a disk: memory, or a cache that loses it with the power; keep the "
            "journal elsewhere");
    else if (median_ns <= 1000000)
        say(doctor, "disk flush", "good", found, "");
    else
        say(doctor, "disk flush", "fair", found,
            "every answer waits for it: use a disk with power-loss protection, or durability: "
            "async if an answer may be lost with the machine");
}

json_t *doctor_check(const char *root, const char *directory) {
    struct doctor doctor = { .root = root, .directory = directory, .checks = json_array() };
    if (doctor.checks == NULL) return NULL;
    check_hugepages(&doctor);
    check_cores(&doctor);
    check_memlock(&doctor);
    check_nic(&doctor);
    check_bpf(&doctor);
    check_clock(&doctor);
    check_flush(&doctor);
    return doctor.checks;
}

/* ---- The command ---- */

/* The nearest directory above the journal that is there. */
static void flush_directory(const struct cli *cli, char directory[CLI_PATH_BYTES]) {
    (void)snprintf(directory, CLI_PATH_BYTES, "%s", cli->journal_path);
    while (access(directory, W_OK) != 0) {
        char *slash = strrchr(directory, '/');
        if (slash == NULL || slash == directory) {
            (void)snprintf(directory, CLI_PATH_BYTES, ".");
            return;
        }
        *slash = 0;
    }
}

enum cli_exit cli_doctor(struct cli *cli, int count, char **words) {
    char directory[CLI_PATH_BYTES];
    size_t index;
    json_t *row;
    enum cli_exit end = CLI_DONE;
    if (count > 0) return cli_usage("doctor takes no words, not \"%s\"", words[0]);
    flush_directory(cli, directory);
    json_t *checks = doctor_check("", directory);
    json_array_foreach(checks, index, row) {
        const char *state = cli_text(row, "state"), *advice = cli_text(row, "advice");
        bool good = strcmp(state, "good") == 0, bad = strcmp(state, "bad") == 0;
        if (bad) end = CLI_REFUSED;
        if (cli->json) continue;
        enum table_color paint = good ? TABLE_GREEN : bad ? TABLE_RED : TABLE_YELLOW;
        (void)fprintf(cli->out, "%s%-4s%s  %-13s  %s\n", text_paint(paint, cli->color), state,
                      text_paint(TABLE_PLAIN, cli->color), cli_text(row, "check"),
                      cli_text(row, "found"));
        if (advice[0] != 0) (void)fprintf(cli->out, "      -> %s\n", advice);
    }
    if (cli->json) {
        (void)cli_print_json(cli, checks);
        return end;
    }
    json_decref(checks);
    return end;
}
