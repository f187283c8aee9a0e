/* card: what the card is, how it is, what it has counted, how long things took, and what operators
 * do to its management core; all of it through the command port. */
#include "driver/abi/mgmt.h"
#include "host/base/clock.h"
#include "host/base/err.h"
#include "host/cli/card_view.h"
#include "host/cli/cli.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- What can be seen ---- */

/* What is in order ends with 0, what is not with 1, so that health may be watched by a program. */
static enum cli_exit look(struct cli *cli, bool health) {
    json_t *answer;
    int code = cli_gateway(cli, json_pack("{s:s}", "ask", "card"), &answer);
    if (code != 0) return cli_fail(code);
    const json_t *card = json_object_get(answer, "card");
    bool failed = health ? !cli_true(card, "healthy") : !cli_true(card, "answers");
    if (cli->json) {
        json_t *kept = json_incref((json_t *)(uintptr_t)card);
        json_decref(answer);
        (void)cli_print_json(cli, kept);
        return failed ? CLI_REFUSED : CLI_DONE;
    }
    if (health)
        card_view_health(cli, card);
    else
        card_view_info(cli, card);
    json_decref(answer);
    return failed ? CLI_REFUSED : CLI_DONE;
}

static enum cli_exit counters(struct cli *cli) {
    json_t *answer;
    int code = cli_gateway(cli, json_pack("{s:s}", "ask", "counters"), &answer);
    if (code != 0) return cli_fail(code);
    json_t *rows = json_object_get(answer, "counters");
    if (cli->json) {
        json_t *kept = json_incref(rows);
        json_decref(answer);
        return cli_print_json(cli, kept);
    }
    card_view_counters(cli, rows);
    json_decref(answer);
    return CLI_DONE;
}

/* ---- Distributions ---- */

enum { BAR_WIDTH = 40 };

/* The bar of a row is as long as its value is of the largest. */
static void print_distribution(struct cli *cli, const char *title, const json_t *histogram,
                               bool clocks) {
    char text[TEXT_BYTES], bar[BAR_WIDTH + 1];
    size_t index;
    json_t *row;
    uint64_t max = (uint64_t)cli_number(histogram, "max");
    (void)fprintf(cli->out, "%s%s%s, %s measured\n", text_paint(TABLE_BOLD, cli->color), title,
                  text_paint(TABLE_PLAIN, cli->color),
                  text_count(cli_number(histogram, "count"), text));
    uint32_t width = cli->width == 0 || cli->width > 22 + BAR_WIDTH ? BAR_WIDTH : 10;
    json_array_foreach(json_object_get(histogram, "distribution"), index, row) {
        uint64_t parts = (uint64_t)cli_number(row, "parts");
        uint64_t value = (uint64_t)cli_number(row, "value");
        char share[TEXT_BYTES];
        if (parts % 1000 == 0)
            (void)snprintf(share, sizeof share, "%" PRIu64 " %%", parts / 1000);
        else
            (void)snprintf(share, sizeof share, "%" PRIu64 ".%02" PRIu64 " %%", parts / 1000,
                           parts % 1000 / 10);
        if (clocks)
            (void)snprintf(text, sizeof text, "%" PRIu64, value);
        else
            (void)text_duration(value, text);
        (void)fprintf(cli->out, "%9s %10s  %s\n", share, text, text_bar(value, max, width, bar));
    }
}

static enum cli_exit histogram(struct cli *cli) {
    static const struct {
        const char *key, *title;
        bool clocks;
    } row[] = {
        { "card_clocks", "card, in its own clocks, order by order", true },
        { "card_ns", "card and its bus, as the gateway sees it", false },
        { "gateway_ns", "gateway", false },
        { "flush_ns", "answer until the journal is durable", false },
    };
    json_t *answer;
    int code = cli_gateway(cli, json_pack("{s:s}", "ask", "counters"), &answer);
    if (code != 0) return cli_fail(code);
    json_t *rows = json_object_get(answer, "histograms"), *counted;
    counted = json_object_get(answer, "counters");
    if (cli->json) {
        json_t *kept = json_incref(rows), *stalls = json_object(), *value;
        const char *key;
        json_object_foreach(counted, key, value) if (strstr(key, "STALL") != NULL)(void)
            json_object_set(stalls, key, value);
        (void)json_object_set(kept, "clocks", json_object_get(answer, "clocks"));
        (void)json_object_set_new(kept, "stalls", stalls);
        json_decref(answer);
        return cli_print_json(cli, kept);
    }
    card_view_clocks(cli, json_object_get(answer, "clocks"));
    card_view_stalls(cli, counted);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        print_distribution(cli, row[i].title, json_object_get(rows, row[i].key), row[i].clocks);
    json_decref(answer);
    return CLI_DONE;
}

/* ---- The firmware's log ---- */

enum { LOG_LINES = 20, FOLLOW_MS = 500 };

static int ask_log(struct cli *cli, json_t **answer) {
    int code = cli_gateway(cli, json_pack("{s:s}", "ask", "log"), answer);
    if (code != 0) return code;
    bool there = cli_true(*answer, "answers");
    if (there) return 0;
    json_decref(*answer);
    return err_set(-EIO, "the card does not answer, every read gives all ones; see to its power "
                         "and link, then start the gateway again");
}

/* What has come since byte number next of the log that was begun boots times. */
static void print_news(struct cli *cli, const json_t *log, uint32_t next, int64_t boots) {
    const char *text = cli_text(log, "text");
    uint32_t from = (uint32_t)cli_number(log, "from"),
             written = (uint32_t)cli_number(log, "written");
    if (cli_number(log, "boots") != boots) {
        (void)fputs("-- the management core began anew\n", cli->out);
        next = from;
    }
    if ((int32_t)(from - next) > 0) {
        (void)fprintf(cli->out, "-- %" PRIu32 " bytes were overwritten before they were read\n",
                      from - next);
        next = from;
    }
    if ((int32_t)(written - next) > 0) (void)fputs(text + (next - from), cli->out);
}

static enum cli_exit follow(struct cli *cli, uint32_t next, int64_t boots) {
    struct pollfd reader_gone = { .fd = fileno(cli->out) }; /* told without being asked for */
    json_t *log;
    while (fflush(cli->out) == 0 && !ferror(cli->out) && poll(&reader_gone, 1, FOLLOW_MS) == 0) {
        int code = ask_log(cli, &log);
        if (code != 0) return cli_fail(code);
        if (cli->json && (uint32_t)cli_number(log, "written") != next) {
            (void)json_dumpf(log, cli->out, JSON_COMPACT);
            (void)fputc('\n', cli->out);
        } else if (!cli->json) {
            print_news(cli, log, next, boots);
        }
        next = (uint32_t)cli_number(log, "written");
        boots = cli_number(log, "boots");
        json_decref(log);
    }
    return CLI_DONE;
}

static enum cli_exit show_log(struct cli *cli) {
    json_t *log;
    int code = ask_log(cli, &log);
    if (code != 0) return cli_fail(code);
    uint32_t next = (uint32_t)cli_number(log, "written");
    int64_t boots = cli_number(log, "boots");
    bool core = cli_true(log, "core"), page = cli_true(log, "page");
    const char *text = cli_text(log, "text");
    bool whole = text[0] == 0 || text[strlen(text) - 1] == '\n';
    if (cli->json) {
        (void)json_dumpf(log, cli->out, cli->follow ? JSON_COMPACT : JSON_INDENT(2));
        (void)fputc('\n', cli->out);
    } else if (core && page) {
        card_view_log(cli, log, cli->limit != 0 ? cli->limit : LOG_LINES);
        if (!whole && !cli->follow) (void)fputc('\n', cli->out);
    } else {
        (void)fprintf(cli->out,
                      core ? "the %s card's firmware has not filled its page; `wirepit card "
                             "health` says how it is\n"
                           : "the %s card has no management core, and so no log\n",
                      cli_text(log, "name"));
    }
    json_decref(log);
    return cli->follow && core ? follow(cli, next, boots) : CLI_DONE;
}

/* ---- Actions ---- */

/* The gateway gives an action up after 60 s; whoever waits longer has lost it. */
enum { ACTION_WAIT_MS = 70000, ACTION_POLL_MS = 50 };

/* On a terminal alone: a simulated card takes ten seconds over an image. */
static void show_wait(const json_t *action, uint64_t waited_ns) {
    if (isatty(STDERR_FILENO) != 1) return;
    int64_t bytes = cli_number(action, "bytes"), bytes_max = cli_number(action, "bytes_max");
    if (strcmp(cli_text(action, "state"), "running") != 0)
        (void)fprintf(stderr, "\r\033[K");
    else if (bytes_max != 0 && bytes < bytes_max)
        (void)fprintf(stderr, "\rloading, %" PRId64 " %%\033[K", bytes * 100 / bytes_max);
    else if (waited_ns > UINT64_C(1000000000))
        (void)fprintf(stderr, "\rthe management core works on it, %" PRIu64 " s\033[K",
                      waited_ns / 1000000000);
}

static int wait_action(struct cli *cli, json_t **action) {
    const struct timespec pause = { .tv_nsec = ACTION_POLL_MS * 1000000L };
    const uint64_t begun_ns = clock_monotonic_ns();
    const uint64_t until_ns = begun_ns + ACTION_WAIT_MS * UINT64_C(1000000);
    json_t *answer;
    for (;;) {
        int code = cli_gateway(cli, json_pack("{s:s}", "ask", "action"), &answer);
        if (code != 0) return code;
        *action = json_incref(json_object_get(answer, "action"));
        json_decref(answer);
        if (!cli->json) show_wait(*action, clock_monotonic_ns() - begun_ns);
        if (strcmp(cli_text(*action, "state"), "running") != 0) return 0;
        json_decref(*action);
        if (clock_monotonic_ns() > until_ns)
            return err_set(-ETIMEDOUT,
                           "the card is not done within %d s; `wirepit card health` "
                           "says how it is",
                           ACTION_WAIT_MS / 1000);
        (void)nanosleep(&pause, NULL);
    }
}

/* Asks for an action, waits for its end and says it. */
static enum cli_exit act(struct cli *cli, const char *name) {
    json_t *answer, *action;
    int code = cli_gateway(cli, json_pack("{s:s}", "card", name), &answer);
    if (code != 0) return cli_fail(code);
    int64_t record = cli_number(answer, "record");
    json_decref(answer);
    code = wait_action(cli, &action);
    if (code != 0) return cli_fail(code);
    bool done = strcmp(cli_text(action, "state"), "done") == 0;
    if (cli->json) {
        (void)json_object_set_new(action, "record", json_integer(record));
        (void)cli_print_json(cli, action);
        return done ? CLI_DONE : CLI_REFUSED;
    }
    if (done)
        (void)fprintf(cli->out, "%s: %s; record %" PRId64 " of the journal\n", name,
                      cli_text(action, "text"), record);
    else
        (void)fprintf(stderr, "wirepit: %s: %s\n", name, cli_text(action, "text"));
    json_decref(action);
    return done ? CLI_DONE : CLI_REFUSED;
}

static enum cli_exit reset(struct cli *cli) {
    if (!cli->management)
        return cli_usage(
            "the whole card is reset by starting the gateway again (make down, make up): its start "
            "is reset and replay, and proves that nothing has changed. The management core alone, "
            "which trading does not see: wirepit card reset --management --yes");
    if (!cli->yes)
        return cli_usage("the management core will begin anew; trading does not see it, its log "
                         "stays, its least and greatest values are lost. If you mean it, add "
                         "--yes");
    return act(cli, "restart");
}

/* ---- Firmware ---- */

enum { FILE_BYTES_MAX = REGION_IMAGE_BYTES + IMAGE_SIGNATURE_BYTES, PIECE_BYTES = 1024 };

/* Reads a file that may be a signed image, as far as its length tells. Returns its bytes, or a
   negative errno and says why. */
static int read_file(const char *path, uint8_t bytes[FILE_BYTES_MAX]) {
    struct stat there;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), used = 0, code = 0;
    if (file < 0) return err_set(-errno, "%s: %s", path, strerror(errno));
    if (fstat(file, &there) != 0 || !S_ISREG(there.st_mode))
        code = err_set(-EINVAL,
                       "%s: it is no regular file; give a signed image, as "
                       "build/firmware/wirepit-firmware.bin",
                       path);
    else if (there.st_size == 0 || there.st_size > FILE_BYTES_MAX)
        code = err_set(-EFBIG,
                       "%s: %" PRId64 " bytes; a signed image has 1 to %d; is it another "
                       "file?",
                       path, (int64_t)there.st_size, FILE_BYTES_MAX);
    while (code == 0 && used < FILE_BYTES_MAX) {
        ssize_t count = read(file, bytes + used, (size_t)(FILE_BYTES_MAX - used));
        if (count < 0) code = err_set(-errno, "%s: %s", path, strerror(errno));
        if (count <= 0) break;
        used += (int)count;
    }
    (void)close(file);
    return code != 0 ? code : used;
}

static int send_piece(struct cli *cli, const uint8_t *bytes, int offset, int count) {
    static const char hex[] = "0123456789abcdef";
    char data[2 * PIECE_BYTES + 1];
    json_t *answer;
    for (int i = 0; i < count; i++) {
        data[2 * i] = hex[bytes[offset + i] >> 4];
        data[2 * i + 1] = hex[bytes[offset + i] & 15];
    }
    data[2 * count] = 0;
    int code = cli_gateway(
        cli, json_pack("{s:{s:i, s:s}}", "firmware", "offset", offset, "data", data), &answer);
    if (code == 0) json_decref(answer);
    return code;
}

static enum cli_exit firmware(struct cli *cli, const char *path) {
    uint8_t bytes[FILE_BYTES_MAX];
    int count = read_file(path, bytes), code = 0;
    if (count < 0) {
        (void)cli_fail(count);
        return CLI_REFUSED; /* nobody is down */
    }
    for (int at = 0; code == 0 && at < count; at += PIECE_BYTES)
        code = send_piece(cli, bytes, at, count - at < PIECE_BYTES ? count - at : PIECE_BYTES);
    return code != 0 ? cli_fail(code) : act(cli, "update");
}

/* ---- Words ---- */

enum cli_exit cli_card(struct cli *cli, int count, char **words) {
    const char *word = count > 0 ? words[0] : "";
    bool alone = count == 1, is_log = strcmp(word, "log") == 0,
         is_reset = strcmp(word, "reset") == 0;
    bool changes = is_reset || strcmp(word, "selftest") == 0 || strcmp(word, "firmware") == 0;
    if (cli->watched && (changes || is_log))
        return cli_usage("card %s cannot be watched%s", word,
                         is_log ? "; wirepit card log --follow goes on and on" : "");
    if ((cli->follow || cli->limit != 0) && !is_log)
        return cli_usage("--follow and --limit go with wirepit card log");
    if ((cli->yes || cli->management) && !is_reset)
        return cli_usage("--yes and --management go with wirepit card reset");
    if (alone && strcmp(word, "info") == 0) return look(cli, false);
    if (alone && strcmp(word, "health") == 0) return look(cli, true);
    if (alone && strcmp(word, "counters") == 0) return counters(cli);
    if (alone && strcmp(word, "histogram") == 0) return histogram(cli);
    if (alone && is_log) return show_log(cli);
    if (alone && is_reset) return reset(cli);
    if (alone && strcmp(word, "selftest") == 0) return act(cli, "selftest");
    if (count == 3 && strcmp(word, "firmware") == 0 && strcmp(words[1], "update") == 0)
        return firmware(cli, words[2]);
    return cli_usage("card does what? wirepit card info | health | counters | histogram | log | "
                     "reset | selftest | firmware update FILE");
}
