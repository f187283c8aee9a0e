/* wirepit-office: the books of account behind every trade. */
#include "host/base/err.h"
#include "host/base/log.h"
#include "host/office/once.h"
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH_DEFAULT = 20000 };

struct settings {
    struct office_options office;
    const char *json, *summary;
    bool once;
    char inputs[256];
};

static const char help[] =
    "usage: wirepit-office --journal DIR --store FILE [options]\n"
    "\n"
    "Folds the gateway's journal into a double-entry ledger and tables that can be asked.\n"
    "\n"
    "  --journal DIR    the gateway's journal\n"
    "  --store FILE     SQLite file of the tables; made if it is missing, continued if it is "
    "there\n"
    "  --inputs DIR     the office's own journal [FILE.inputs]\n"
    "  --config FILE    the gateway's configuration, for the names of symbols, firms and accounts\n"
    "  --once           fold what is there, prove it, print it and end; 1 if the books are wrong\n"
    "  --json FILE      with --once: the same as JSON\n"
    "  --summary FILE   with --once: add books_balanced and office to this JSON object\n"
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
    "  wirepit-office --journal build/run/journal --store build/run/office.db --once\n";

static int read_number(const char *name, const char *text, long min, long max, long *value) {
    char *end;
    errno = 0;
    *value = strtol(text, &end, 10);
    if (errno == 0 && *text != '\0' && *end == '\0' && *value >= min && *value <= max) return 0;
    return err_set(-EINVAL, "--%s is a whole number from %ld to %ld, not \"%s\"", name, min, max,
                   text);
}

static int read_options(int count, char **arguments, struct settings *settings) {
    struct office_options *office = &settings->office;
    static const struct option known[] = {
        { "journal", required_argument, NULL, 'j' }, { "store", required_argument, NULL, 's' },
        { "inputs", required_argument, NULL, 'i' },  { "config", required_argument, NULL, 'c' },
        { "once", no_argument, NULL, 'o' },          { "json", required_argument, NULL, 'J' },
        { "summary", required_argument, NULL, 'S' }, { "maker", required_argument, NULL, 'm' },
        { "taker", required_argument, NULL, 't' },   { "batch", required_argument, NULL, 'b' },
        { "symbols", required_argument, NULL, 'y' }, { "accounts", required_argument, NULL, 'a' },
        { "orders", required_argument, NULL, 'O' },  { "transfers", required_argument, NULL, 'T' },
        { "help", no_argument, NULL, 'h' },          { NULL, 0, NULL, 0 },
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
        case 'o':
            settings->once = true;
            break;
        case 'J':
            settings->json = optarg;
            break;
        case 'S':
            settings->summary = optarg;
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
            code = read_number(known[at].name, optarg, 1, LEDGER_TRANSFERS_LIMIT, &value);
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
    if (office->journal == NULL || office->store == NULL)
        return err_set(-EINVAL, "--journal DIR and --store FILE are needed; try --help");
    if ((settings->json != NULL || settings->summary != NULL) && !settings->once)
        return err_set(-EINVAL, "--json and --summary go with --once");
    if (office->inputs != NULL) return 0;
    int written = snprintf(settings->inputs, sizeof settings->inputs, "%s.inputs", office->store);
    office->inputs = settings->inputs;
    return written > 0 && written < (int)sizeof settings->inputs
               ? 0
               : err_set(-EINVAL, "--store: the name is too long");
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
    if (code == 0 && !once_balanced(&proof)) code = err_set(-EBADMSG, "%s", proof.text);
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
    if (code == 0) code = run_once(&settings, office);
    if (code != 0) (void)fprintf(stderr, "wirepit-office: %s\n", err_text());
    office_close(office);
    return code == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
