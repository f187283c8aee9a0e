/* wirepit-replay: plays order flow to a gateway, as a trading firm would, and reports what
 * happened. */
#include "host/base/err.h"
#include "host/client/generator.h"
#include "host/client/report.h"
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "wirepit-replay plays order flow to a gateway as N firms over N sessions and measures each "
    "round trip.\n"
    "\n"
    "  wirepit-replay --port N [options]                          play a flow\n"
    "  wirepit-replay report REPLAY.json GATEWAY.json [--json FILE]  merge both sides' figures\n"
    "  wirepit-replay generate stream|day|FILE [options]          print a flow as CSV\n"
    "\n"
    "  --flow FILE|stream|day    LOBSTER message file, CSV flow or generator   (day)\n"
    "  --symbol NAME             symbol of a file or of the stream             (AAPL; stream: "
    "STREAM)\n"
    "  --tick N                  price of one tick of a CSV flow, 1/10000      (100)\n"
    "  --seed N                  of the generator                              (20260701)\n"
    "  --rows N                  at most so many rows; 0 is all                (0)\n"
    "  --host NAME, --port N     of the gateway                                (127.0.0.1, none)\n"
    "  --clients N               sessions, 1 to 64                             (4)\n"
    "  --login-pattern U:P       their users; %02d is their number             "
    "(firm%02d:secret%02d)\n"
    "  --login USER:PASSWORD     one session; repeat for more\n"
    "  --pace real|flat|strict   at the flow's times, flat out, or one by one  (flat)\n"
    "  --speed X                 real: times faster than the flow, as 0.5      (1)\n"
    "  --window N                messages of a session without answer          (64)\n"
    "  --answer-seconds N        give up on an answer after                    (30)\n"
    "  --progress                draw a bar, on a terminal\n"
    "  --json FILE               write the figures there\n"
    "\n"
    "  wirepit-replay --port 26400 --clients 16 --pace real --progress\n"
    "  wirepit-replay --port 26400 --flow AAPL_message_50.csv --symbol AAPL --pace strict\n"
    "  wirepit-replay generate stream --rows 310000 >stream.csv\n";

enum option_id {
    OPTION_HELP = 1,
    OPTION_FLOW,
    OPTION_SYMBOL,
    OPTION_TICK,
    OPTION_SEED,
    OPTION_ROWS,
    OPTION_HOST,
    OPTION_PORT,
    OPTION_CLIENTS,
    OPTION_PATTERN,
    OPTION_LOGIN,
    OPTION_PACE,
    OPTION_SPEED,
    OPTION_WINDOW,
    OPTION_ANSWER,
    OPTION_PROGRESS,
    OPTION_JSON
};

// clang-format off
static const struct option option_table[] = {
    { "help",           no_argument,       NULL, OPTION_HELP },
    { "flow",           required_argument, NULL, OPTION_FLOW },
    { "symbol",         required_argument, NULL, OPTION_SYMBOL },
    { "tick",           required_argument, NULL, OPTION_TICK },
    { "seed",           required_argument, NULL, OPTION_SEED },
    { "rows",           required_argument, NULL, OPTION_ROWS },
    { "host",           required_argument, NULL, OPTION_HOST },
    { "port",           required_argument, NULL, OPTION_PORT },
    { "clients",        required_argument, NULL, OPTION_CLIENTS },
    { "login-pattern",  required_argument, NULL, OPTION_PATTERN },
    { "login",          required_argument, NULL, OPTION_LOGIN },
    { "pace",           required_argument, NULL, OPTION_PACE },
    { "speed",          required_argument, NULL, OPTION_SPEED },
    { "window",         required_argument, NULL, OPTION_WINDOW },
    { "answer-seconds", required_argument, NULL, OPTION_ANSWER },
    { "progress",       no_argument,       NULL, OPTION_PROGRESS },
    { "json",           required_argument, NULL, OPTION_JSON },
    { NULL, 0, NULL, 0 },
};
// clang-format on

struct options {
    const char *flow, *symbol, *pattern, *json, *pace;
    struct flow_settings source;
    struct replay_settings play;
    struct replay_login logins[BLOTTER_SESSIONS_MAX];
    uint32_t login_count; /* given one by one */
    bool help;
};

/* ---- values ---------------------------------------------------------------------------------- */

static int number_read(const char *name, const char *text, uint64_t min, uint64_t max,
                       uint64_t *number) {
    uint64_t value = 0;
    bool whole = *text != '\0';
    for (const char *at = text; whole && *at != '\0'; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        whole = *at >= '0' && *at <= '9' && value <= (max - digit) / 10 && digit <= max;
        value = value * 10 + digit;
    }
    if (!whole || value < min)
        return err_set(-EINVAL, "--%s %s: give a number from %" PRIu64 " to %" PRIu64, name, text,
                       min, max);
    *number = value;
    return 0;
}

/* speed_read reads a decimal number with at most three decimals as thousandths. */
static int speed_read(const char *text, uint64_t *milli) {
    enum { WHOLE_MAX = 1000000 };
    uint64_t whole = 0, part = 0, unit = 1000;
    const char *at = text;
    bool digits = false;
    for (; *at >= '0' && *at <= '9' && whole <= WHOLE_MAX; at++, digits = true)
        whole = whole * 10 + (uint64_t)(*at - '0');
    if (*at == '.')
        for (at++; *at >= '0' && *at <= '9' && unit > 1; at++, digits = true) {
            unit /= 10;
            part += (uint64_t)(*at - '0') * unit;
        }
    if (!digits || *at != '\0' || whole > WHOLE_MAX || whole * 1000 + part == 0)
        return err_set(-EINVAL, "--speed %s: give a number from 0.001 to 1000000", text);
    *milli = whole * 1000 + part;
    return 0;
}

/* login_read cuts USER:PASSWORD. */
static int login_read(const char *text, struct replay_login *login) {
    const char *colon = strchr(text, ':');
    size_t user = colon == NULL ? 0 : (size_t)(colon - text);
    size_t password = colon == NULL ? 0 : strlen(colon + 1);
    if (user < 1 || user > SOUP_USERNAME_BYTES || password < 1 || password > SOUP_PASSWORD_BYTES)
        return err_set(
            -EINVAL, "login \"%.*s:...\": give USER:PASSWORD, 1 to %d and 1 to %d characters",
            (int)(user > 32 ? 32 : user), text, SOUP_USERNAME_BYTES, SOUP_PASSWORD_BYTES);
    memset(login, 0, sizeof *login);
    memcpy(login->username, text, user);
    memcpy(login->password, colon + 1, password);
    return 0;
}

/* logins_make fills in users by the pattern, whose %02d are their numbers from 1. */
static int logins_make(struct options *options) {
    for (uint32_t i = 0; i < options->play.clients; i++) {
        char text[64];
        size_t at = 0;
        for (const char *from = options->pattern; *from != '\0'; from++) {
            if (at + 3 > sizeof text)
                return err_set(-EINVAL, "--login-pattern %s: too long", options->pattern);
            if (*from != '%') {
                text[at++] = *from;
                continue;
            }
            if (strncmp(from, "%02d", 4) != 0)
                return err_set(-EINVAL, "--login-pattern %s: only %%02d may follow a %%",
                               options->pattern);
            text[at++] = (char)('0' + (i + 1) / 10);
            text[at++] = (char)('0' + (i + 1) % 10);
            from += 3;
        }
        text[at] = '\0';
        int error = login_read(text, &options->logins[i]);
        if (error < 0) return error;
    }
    return 0;
}

static int pace_read(const char *text, enum replay_pace *pace) {
    static const char *const names[] = {
        [REPLAY_REAL] = "real", [REPLAY_FLAT] = "flat", [REPLAY_STRICT] = "strict"
    };
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) != 0) continue;
        *pace = (enum replay_pace)i;
        return 0;
    }
    return err_set(-EINVAL, "--pace %s: give real, flat or strict", text);
}

static int option_take(struct options *options, int id, const char *value) {
    uint64_t number = 0;
    int error = 0;
    switch (id) {
    case OPTION_HELP:
        options->help = true;
        break;
    case OPTION_FLOW:
        options->flow = value;
        break;
    case OPTION_SYMBOL:
        options->symbol = value;
        break;
    case OPTION_TICK:
        error = number_read("tick", value, 1, UINT32_MAX, &number);
        options->source.tick_e4 = (uint32_t)number;
        break;
    case OPTION_SEED:
        error = number_read("seed", value, 0, UINT64_MAX, &options->source.seed);
        break;
    case OPTION_ROWS:
        error = number_read("rows", value, 0, GENERATOR_ROWS_MAX, &options->source.rows);
        break;
    case OPTION_HOST:
        options->play.host = value;
        break;
    case OPTION_PORT:
        error = number_read("port", value, 1, 65535, &number);
        options->play.port = value;
        break;
    case OPTION_CLIENTS:
        error = number_read("clients", value, 1, BLOTTER_SESSIONS_MAX, &number);
        options->play.clients = (uint32_t)number;
        break;
    case OPTION_PATTERN:
        options->pattern = value;
        break;
    case OPTION_LOGIN:
        if (options->login_count == BLOTTER_SESSIONS_MAX)
            return err_set(-EINVAL, "--login: at most %d", BLOTTER_SESSIONS_MAX);
        error = login_read(value, &options->logins[options->login_count++]);
        break;
    case OPTION_PACE:
        error = pace_read(value, &options->play.pace);
        options->pace = value;
        break;
    case OPTION_SPEED:
        error = speed_read(value, &options->play.speed_milli);
        break;
    case OPTION_WINDOW:
        error = number_read("window", value, 1, BLOTTER_WINDOW_MAX, &number);
        options->play.window = (uint32_t)number;
        break;
    case OPTION_ANSWER:
        error = number_read("answer-seconds", value, 1, 86400, &number);
        options->play.answer_ns = number * UINT64_C(1000000000);
        break;
    case OPTION_PROGRESS:
        options->play.progress = isatty(STDERR_FILENO) == 1;
        break;
    case OPTION_JSON:
        options->json = value;
        break;
    default: /* getopt has said what it did not know */
        error = err_set(-EINVAL, "see --help");
        break;
    }
    return error;
}

static int options_read(struct options *options, int argc, char **argv) {
    *options = (struct options){
        .flow = "day",
        .pattern = "firm%02d:secret%02d",
        .pace = "flat",
        .source = { .tick_e4 = FLOW_TICK_E4, .seed = 20260701 },
        .play = { .host = "127.0.0.1",
                  .clients = 4,
                  .window = 64,
                  .pace = REPLAY_FLAT,
                  .speed_milli = 1000,
                  .answer_ns = UINT64_C(30000000000) },
    };
    for (int id; (id = getopt_long(argc, argv, "h", option_table, NULL)) != -1;) {
        int error = option_take(options, id == 'h' ? OPTION_HELP : id, optarg);
        if (error < 0) return error;
    }
    options->play.logins = options->logins;
    return 0;
}

/* ---- the commands ---------------------------------------------------------------------------- */

static int flow_start(struct options *options, struct flow **flow) {
    if (options->symbol == NULL)
        options->symbol = strcmp(options->flow, "stream") == 0 ? "STREAM" : "AAPL";
    options->source.symbol = options->symbol;
    return flow_open(flow, options->flow, &options->source);
}

static int command_play(struct options *options) {
    if (options->play.port == NULL)
        return err_set(-EINVAL, "give the gateway's --port; it prints it when it starts");
    int error = 0;
    if (options->login_count > 0)
        options->play.clients = options->login_count;
    else
        error = logins_make(options);
    struct flow *flow = NULL;
    if (error == 0) error = flow_start(options, &flow);
    if (error < 0) return error;

    static struct replay_result result;
    error = replay_run(flow, &options->play, &result);
    flow_close(flow);
    struct report_run run = { options->flow, options->pace, options->play.clients };
    if (error == 0 || result.messages > 0) report_replay_print(stdout, &run, &result);
    if (error == 0 && options->json != NULL)
        error = report_replay_save(options->json, &run, &result);
    return error;
}

static int command_generate(struct options *options, const char *source) {
    struct flow *flow;
    struct flow_row row;
    char text[FLOW_TEXT_BYTES];
    options->flow = source;
    int given = flow_start(options, &flow);
    if (given < 0) return given;
    bool failed = fputs(FLOW_TEXT_HEADER, stdout) == EOF;
    while (!failed && (given = flow_next(flow, &row)) > 0) {
        size_t bytes = flow_row_text(&row, options->source.tick_e4, text);
        failed = fwrite(text, 1, bytes, stdout) != bytes;
    }
    flow_close(flow);
    if (given < 0) return given;
    failed = failed || fflush(stdout) != 0;
    return failed ? err_set(-EIO, "standard output: %s", strerror(errno)) : 0;
}

int main(int argc, char **argv) {
    struct options options;
    int error = options_read(&options, argc, argv);
    int words = argc - optind;
    char **word = argv + optind;
    if (error < 0) {
        /* said below */
    } else if (options.help) {
        (void)fputs(help, stdout);
    } else if (words == 0) {
        error = command_play(&options);
    } else if (words == 3 && strcmp(word[0], "report") == 0) {
        error = report_merge(word[1], word[2], options.json, stdout);
    } else if (words == 2 && strcmp(word[0], "generate") == 0) {
        error = command_generate(&options, word[1]);
    } else {
        error = err_set(-EINVAL, "\"%s\" with %d words behind it; see --help", word[0], words - 1);
    }
    if (error == 0) return 0;
    (void)fflush(stdout);
    (void)fprintf(stderr, "wirepit-replay: %s\n", err_text());
    return 1;
}
