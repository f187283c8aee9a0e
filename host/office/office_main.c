/* wirepit-office: the books of account behind every trade. */
#include "host/base/clock.h"
#include "host/base/err.h"
#include "host/base/log.h"
#include "host/office/audit.h"
#include "host/office/once.h"
#include "host/office/page.h"
#include "host/office/server.h"
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH_DEFAULT = 20000, IDLE_MS = 20, GATEWAY_TIMEOUT_MS = 2000 };

struct settings {
    struct office_options office;
    const char *json, *summary, *report, *gateway, *socket;
    bool once;
    char inputs[256];
};

static volatile sig_atomic_t stop_asked;

static void on_signal(int signal) {
    (void)signal;
    stop_asked = 1;
}

static const char help[] =
    "usage: wirepit-office --journal DIR --store FILE --socket PATH [options]\n"
    "       wirepit-office --journal DIR --store FILE --once [options]\n"
    "\n"
    "Folds the gateway's journal into a double-entry ledger and tables that can be asked, and\n"
    "serves the control API on a Unix socket. Ends cleanly on SIGINT and SIGTERM; killed, it goes\n"
    "on where it was.\n"
    "\n"
    "  --journal DIR    the gateway's journal\n"
    "  --store FILE     SQLite file of the tables, made or continued\n"
    "  --inputs DIR     the office's own journal [FILE.inputs]\n"
    "  --config FILE    the gateway's configuration, for the names of symbols, firms and accounts\n"
    "  --socket PATH    where the control API listens\n"
    "  --gateway PATH   the gateway's command port; without it nothing is steered or compared\n"
    "  --once           fold what is there, prove it, print it and end; 1 if the books are wrong\n"
    "  --json FILE      with --once: the same as JSON\n"
    "  --summary FILE   with --once: add books_balanced and office to this JSON object\n"
    "  --report FILE    with --summary: the session as an HTML page with plots\n"
    "  --maker N        fee of a share for the resting side, in 1/10000; below 0 is paid to it "
    "[-20]\n"
    "  --taker N        fee of a share for the incoming side, in 1/10000 [30]\n"
    "  --batch N        records of one transaction at most [20000]\n"
    "  --symbols N, --accounts N, --orders N  rows of the tables, at least the card's "
    "[64, 256, 65536]\n"
    "  --transfers N    most transfers of the ledger, about 200 bytes each when used [8000000]\n"
    "  --help           this\n"
    "\n"
    "examples\n"
    "  wirepit-office --journal build/up/journal --store build/up/office.db \\\n"
    "      --socket build/up/office.socket --gateway build/up/gateway.socket \\\n"
    "      --config host/package/wirepit.yaml\n"
    "  wirepit-office --journal build/run/journal --store build/run/office.db --once\n";

static int read_number(const char *name, const char *text, long min, long max, long *value) {
    char *end;
    errno = 0;
    *value = strtol(text, &end, 10);
    if (errno == 0 && *text != '\0' && *end == '\0' && *value >= min && *value <= max) return 0;
    return err_set(-EINVAL, "--%s is a whole number from %ld to %ld, not \"%s\"", name, min, max,
                   text);
}

/* What is not given lies where the rest does. */
static int settle_paths(struct settings *settings) {
    struct office_options *office = &settings->office;
    if (office->journal == NULL || office->store == NULL)
        return err_set(-EINVAL, "--journal DIR and --store FILE are needed; try --help");
    if (office->inputs != NULL) return 0;
    int written = snprintf(settings->inputs, sizeof settings->inputs, "%s.inputs", office->store);
    office->inputs = settings->inputs;
    return written > 0 && written < (int)sizeof settings->inputs
               ? 0
               : err_set(-EINVAL, "--store: the name is too long");
}

static int read_options(int count, char **arguments, struct settings *settings) {
    struct office_options *office = &settings->office;
    static const struct option known[] = {
        { "journal", required_argument, NULL, 'j' },
        { "store", required_argument, NULL, 's' },
        { "inputs", required_argument, NULL, 'i' },
        { "config", required_argument, NULL, 'c' },
        { "once", no_argument, NULL, 'o' },
        { "json", required_argument, NULL, 'J' },
        { "summary", required_argument, NULL, 'S' },
        { "maker", required_argument, NULL, 'm' },
        { "taker", required_argument, NULL, 't' },
        { "batch", required_argument, NULL, 'b' },
        { "symbols", required_argument, NULL, 'y' },
        { "accounts", required_argument, NULL, 'a' },
        { "orders", required_argument, NULL, 'O' },
        { "transfers", required_argument, NULL, 'T' },
        { "report", required_argument, NULL, 'r' },
        { "gateway", required_argument, NULL, 'g' },
        { "socket", required_argument, NULL, 'u' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    for (int key, at = 0; (key = getopt_long(count, arguments, "", known, &at)) != -1;) {
        long value = 0;
        int code = 0;
        switch (key) {
        case 'j':
            office->journal = optarg;
            break;
        case 's':
            office->store = optarg;
            break;
        case 'i':
            office->inputs = optarg;
            break;
        case 'c':
            office->config = optarg;
            break;
        case 'g':
            settings->gateway = optarg;
            break;
        case 'u':
            settings->socket = optarg;
            break;
        case 'o':
            settings->once = true;
            break;
        case 'J':
            settings->json = optarg;
            break;
        case 'S':
            settings->summary = optarg;
            break;
        case 'r':
            settings->report = optarg;
            break;
        case 'm':
            code = read_number(known[at].name, optarg, -FOLD_FEE_MAX_E4, FOLD_FEE_MAX_E4, &value);
            office->maker_e4 = value;
            break;
        case 't':
            code = read_number(known[at].name, optarg, -FOLD_FEE_MAX_E4, FOLD_FEE_MAX_E4, &value);
            office->taker_e4 = value;
            break;
        case 'b':
            code = read_number(known[at].name, optarg, 1, 1000000, &value);
            office->batch = (uint32_t)value;
            break;
        case 'y':
            code = read_number(known[at].name, optarg, 1, 65536, &value);
            office->fold.symbols = (uint32_t)value;
            break;
        case 'a':
            code = read_number(known[at].name, optarg, 1, 65536, &value);
            office->fold.accounts = (uint32_t)value;
            break;
        case 'O':
            code = read_number(known[at].name, optarg, 1, 1 << LIMIT_SLOT_BITS, &value);
            office->fold.orders = (uint32_t)value;
            break;
        case 'T':
            code = read_number(known[at].name, optarg, LEDGER_LEGS_MAX, LEDGER_TRANSFERS_LIMIT,
                               &value);
            office->fold.transfers = (uint32_t)value;
            break;
        case 'h':
            (void)fputs(help, stdout);
            return 1;
        default:
            return err_set(-EINVAL, "try --help");
        }
        if (code != 0) return code;
    }
    if (optind < count)
        return err_set(-EINVAL, "\"%s\" is no option; try --help", arguments[optind]);
    if ((settings->json != NULL || settings->summary != NULL) && !settings->once)
        return err_set(-EINVAL, "--json and --summary go with --once");
    if (settings->report != NULL && settings->summary == NULL)
        return err_set(-EINVAL, "--report draws what is in the summary; give --summary too");
    if (settings->once == (settings->socket != NULL))
        return err_set(-EINVAL, "either --socket PATH or --once; try --help");
    return settle_paths(settings);
}

static int run_once(const struct settings *settings, struct office *office) {
    struct office_proof proof;
    int code;
    while ((code = office_step(office)) > 0) continue;
    if (code == 0) code = office_prove(office, true, &proof);
    if (code != 0) return code;
    once_print(stdout, office, &proof);
    if (settings->json != NULL) code = once_save(settings->json, office, &proof);
    if (code == 0 && settings->summary != NULL)
        code = once_summarise(settings->summary, office, &proof);
    if (code == 0 && settings->report != NULL)
        code = page_save(settings->report, settings->summary, office);
    if (code == 0 && !once_balanced(&proof)) code = err_set(-EBADMSG, "%s", proof.text);
    return code;
}

/* ---- The daemon ---- */

struct daemon {
    struct api api;
    struct server *server;
    struct control *gateway;
    struct audit audit;
    char failure[400];
};

static void pass(struct daemon *daemon, struct office *office) {
    int moved = daemon->api.failure == NULL ? office_step(office) : 0;
    if (moved < 0) {
        /* What is there can still be read; nothing more is booked. */
        (void)snprintf(daemon->failure, sizeof daemon->failure, "%s", err_text());
        daemon->api.failure = daemon->failure;
        log_line("wirepit-office: the books stand still: %s", daemon->failure);
    }
    server_wait(daemon->server, moved > 0 ? 0 : IDLE_MS);
    server_pass(daemon->server);
    if (daemon->gateway == NULL || daemon->api.failure != NULL || moved > 0) return;
    if (audit_pass(&daemon->audit, office, daemon->gateway, clock_monotonic_ns()) == 0) return;
    if (strcmp(daemon->api.gateway_error, err_text()) == 0) return;
    (void)snprintf(daemon->api.gateway_error, sizeof daemon->api.gateway_error, "%s", err_text());
    log_line("the card cannot be asked for its rows: %s", daemon->api.gateway_error);
}

static int serve(const struct settings *settings, struct office *office) {
    struct daemon daemon = { .server = NULL };
    struct sigaction action = { .sa_handler = on_signal };
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    daemon.api = (struct api){ .office = office,
                               .gateway_path = settings->gateway,
                               .wall_ns = clock_wall_ns };
    int code = 0;
    if (settings->gateway != NULL)
        code = control_open(settings->gateway, GATEWAY_TIMEOUT_MS, &daemon.gateway);
    daemon.api.gateway = daemon.gateway;
    if (code == 0) code = server_open(settings->socket, &daemon.api, &daemon.server);
    if (code == 0) log_line("the office is open at %s", settings->socket);
    while (code == 0 && !stop_asked) pass(&daemon, office);
    if (code == 0 && daemon.api.failure != NULL) code = err_set(-EBADMSG, "%s", daemon.failure);
    server_close(daemon.server);
    control_close(daemon.gateway);
    return code;
}

int main(int count, char **arguments) {
    static struct settings settings = {
        .office = { .maker_e4 = -20, .taker_e4 = 30, .batch = BATCH_DEFAULT }
    };
    struct office *office = NULL;
    settings.office.fold = FOLD_OPTIONS_DEFAULT;
    int code = read_options(count, arguments, &settings);
    if (code == 1) return EXIT_SUCCESS;
    if (code == 0) code = office_open(&settings.office, &office);
    if (code == 0) code = settings.once ? run_once(&settings, office) : serve(&settings, office);
    if (code != 0) (void)fprintf(stderr, "wirepit-office: %s\n", err_text());
    office_close(office);
    return code == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
