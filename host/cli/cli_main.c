/* wirepit: the operator's tool: see and steer a running gateway and its office. */
#include "host/base/err.h"
#include "host/cli/cli.h"
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum option_id {
    OPTION_HELP = 1,
    OPTION_JSON,
    OPTION_WATCH,
    OPTION_DIR,
    OPTION_GATEWAY,
    OPTION_OFFICE,
    OPTION_JOURNAL,
    OPTION_TIMEOUT,
    OPTION_ACCOUNT, /* from here on: of some commands only */
    OPTION_SYMBOL,
    OPTION_SESSION,
    OPTION_STATE,
    OPTION_CURSOR,
    OPTION_LIMIT,
    OPTION_DEPTH,
    OPTION_FOLLOW,
    OPTION_CANCEL,
    OPTION_ALL,
    OPTION_ADJUST,
    OPTION_YES,
    OPTION_MANAGEMENT,
};

// clang-format off
static const struct option option_table[] = {
    { "help",    no_argument,       NULL, OPTION_HELP }, /* and -h */
    { "json",    no_argument,       NULL, OPTION_JSON },
    { "watch",   optional_argument, NULL, OPTION_WATCH },
    { "dir",     required_argument, NULL, OPTION_DIR },
    { "gateway", required_argument, NULL, OPTION_GATEWAY },
    { "office",  required_argument, NULL, OPTION_OFFICE },
    { "journal", required_argument, NULL, OPTION_JOURNAL },
    { "timeout", required_argument, NULL, OPTION_TIMEOUT },
    { "account", required_argument, NULL, OPTION_ACCOUNT },
    { "symbol",  required_argument, NULL, OPTION_SYMBOL },
    { "session", required_argument, NULL, OPTION_SESSION },
    { "state",   required_argument, NULL, OPTION_STATE },
    { "cursor",  required_argument, NULL, OPTION_CURSOR },
    { "limit",   required_argument, NULL, OPTION_LIMIT },
    { "depth",   required_argument, NULL, OPTION_DEPTH },
    { "follow",  no_argument,       NULL, OPTION_FOLLOW },
    { "cancel",  no_argument,       NULL, OPTION_CANCEL },
    { "all",     no_argument,       NULL, OPTION_ALL },
    { "adjust",  no_argument,       NULL, OPTION_ADJUST },
    { "yes",     no_argument,       NULL, OPTION_YES },
    { "management", no_argument,    NULL, OPTION_MANAGEMENT },
    { NULL, 0, NULL, 0 },
};

#define TAKES(id) (1u << (id))
enum { PAGE = TAKES(OPTION_LIMIT) | TAKES(OPTION_CURSOR),
       WHOSE = TAKES(OPTION_ACCOUNT) | TAKES(OPTION_SYMBOL),
       CARD_TAKES = TAKES(OPTION_LIMIT) | TAKES(OPTION_FOLLOW) | TAKES(OPTION_YES) | TAKES(OPTION_MANAGEMENT) };

/* Every command: its words, what it does, more about that, an example, and the options it takes beside those of all. */
static const struct verb {
    const char *name, *words, *text, *more, *example;
    cli_run *run;
    unsigned takes;
    bool watch; /* may be repeated */
} verbs[] = {
    { "status", "", "gateway, card, journal, office and sessions", "", "wirepit status --watch", cli_status, 0, true },
    { "symbols", "", "every symbol with its best prices", "", "wirepit symbols", cli_symbols, 0, true },
    { "book", "SYMBOL", "the ladder of one symbol", "--depth N levels [10]", "wirepit book DAY03 --watch", cli_book, TAKES(OPTION_DEPTH), true },
    { "orders", "", "latest orders", "--account, --symbol, --session NAME, --state open|filled|canceled|replaced|refused", "wirepit orders --state refused --limit 5", cli_orders, PAGE | WHOSE | TAKES(OPTION_SESSION) | TAKES(OPTION_STATE), true },
    { "order", "ID", "one order, and why it was refused", "ID is what wirepit orders shows, or SESSION:REFERENCE, the number the client gave it", "wirepit order firm01:42", cli_order, 0, true },
    { "trades", "", "latest trades", "--account, --symbol NAME; a fee below 0 is paid to the account", "wirepit trades --symbol DAY03", cli_trades, PAGE | WHOSE, true },
    { "accounts", "", "cash, buying power and fees of every account", "", "wirepit accounts", cli_accounts, PAGE, true },
    { "account", "ID", "one account with its positions", "", "wirepit account account01", cli_account, 0, true },
    { "positions", "", "what accounts hold", "--account, --symbol NAME, --all: flat ones too", "wirepit positions --symbol DAY03", cli_positions, PAGE | WHOSE | TAKES(OPTION_ALL), true },
    { "limits", "[ACCOUNT]", "limits of accounts; of one, also the symbols with others", "", "wirepit limits account01", cli_limits, WHOSE | TAKES(OPTION_ADJUST), false },
    { "limits set", "ACCOUNT FIELD VALUE", "change a limit", "FIELD of an account: quantity_max, notional_max, enabled (0 or 1); open_orders, open_notional, daily_notional, or none\n    rate_interval (what a message costs), rate_burst, duplicate (a time such as 20us, or none)\n    self_trade (none, newest, oldest, both, decrement): what goes when orders of the same firm meet\n    FIELD with --symbol NAME: long_max, short_max, locate, restriction (1 no buying, 2 no selling, 4 only closing, or their sum)\n    --adjust adds VALUE; one below 0 goes behind --: limits set account01 quantity_max --adjust -- -100", "wirepit limits set account01 quantity_max 500000", cli_limits, WHOSE | TAKES(OPTION_ADJUST), false },
    { "alarms", "", "where books and card differ, and what else went wrong in the office", "", "wirepit alarms", cli_alarms, PAGE, true },
    { "halt", "SYMBOL", "refuse orders in a symbol", "", "wirepit halt DAY03", cli_halt, 0, false },
    { "open", "SYMBOL", "take orders in a symbol again", "", "wirepit open DAY03", cli_open, 0, false },
    { "kill", "all | firm|account|session NAME", "refuse all their orders; works with the office down", "--cancel takes off open orders too; release gives none back", "wirepit kill firm firm02 --cancel", cli_kill, TAKES(OPTION_CANCEL), false },
    { "release", "all | firm|account|session NAME", "take their orders again", "", "wirepit release firm firm02", cli_release, 0, false },
    { "journal", "verify", "check every checksum, hash and link of the journal", "", "wirepit journal verify", cli_journal, TAKES(OPTION_LIMIT) | TAKES(OPTION_FOLLOW), false },
    { "journal tail", "", "the journal's last records in words", "--limit N records [20], --follow: and all that come", "wirepit journal tail --follow", cli_journal, TAKES(OPTION_LIMIT) | TAKES(OPTION_FOLLOW), false },
    { "books", "verify", "debits and credits, ledger and tables", "", "wirepit books verify", cli_books, 0, false },
    { "card", "info | health | counters | histogram", "what the card is, how it is, has counted, and how long it takes", "health ends with 1 when a value is out of its range, a self-test failed, the management core does not run,\n    or the card does not answer; a card without a management core is well. info ends with 1 only for the last", "wirepit card health", cli_card, CARD_TAKES, true },
    { "card log", "", "the last lines that the card's firmware logged", "--limit N lines [20], --follow: and all that come", "wirepit card log --follow", cli_card, CARD_TAKES, false },
    { "card selftest", "", "let the card's management core test itself; trading does not see it", "ends with 1 when something failed", "wirepit card selftest", cli_card, CARD_TAKES, false },
    { "card reset", "--management --yes", "begin the management core anew; trading does not see it", "the whole card is reset by starting the gateway again: its start is reset and replay", "wirepit card reset --management --yes", cli_card, CARD_TAKES, false },
    { "card firmware", "update FILE", "load a signed image into the management core's slot B", "the gateway checks the signature against its firmware_key; an image that fails leaves image A running", "wirepit card firmware update wirepit-firmware.bin", cli_card, CARD_TAKES, false },
    { "doctor", "", "what of this machine is in the way, and what to do", "", "wirepit doctor", cli_doctor, 0, false },
};
// clang-format on

enum { VERBS = sizeof verbs / sizeof *verbs, HELP_COLUMN = 42 };

static volatile sig_atomic_t stop_asked;

static void on_signal(int signal) {
    (void)signal;
    stop_asked = 1;
}

/* ---- Help ---- */

static void print_help(void) {
    (void)printf("wirepit shows and steers a running Wirepit: gateway, card, journal and office.\n"
                 "\n"
                 "  wirepit COMMAND [options]\n"
                 "\n");
    for (size_t i = 0; i < VERBS; i++) {
        bool words = verbs[i].words[0] != 0;
        int used = printf("  %s%s%s", verbs[i].name, words ? " " : "", verbs[i].words);
        (void)printf("%*s%s\n", used < HELP_COLUMN ? HELP_COLUMN - used : 1, "", verbs[i].text);
    }
    (void)printf(
        "\n"
        "  --json            the answer as JSON\n"
        "  --watch[=SECONDS] again and again [1], until interrupted\n"
        "  --dir DIR         where gateway.socket, office.socket and journal are\n"
        "                    [WIREPIT_DIR, else build/up]\n"
        "  --gateway PATH, --office PATH, --journal DIR  the same one by one\n"
        "  --limit N, --cursor C  so many rows, and from where an earlier page ended\n"
        "  --timeout MS      give up on an answer after [%d]\n"
        "  --help, -h        this; behind a command, its own; so does wirepit help COMMAND\n"
        "\n"
        "exit codes: 0 done; 1 refused, or what was checked is not right; 2 wrong usage;\n"
        "3 gateway or office is down or does not answer\n"
        "\n"
        "examples\n"
        "  wirepit status --watch\n"
        "  wirepit book DAY03 --watch\n"
        "  wirepit orders --state refused --limit 5\n"
        "  wirepit order firm01:42\n"
        "  wirepit limits set account01 quantity_max 500000\n"
        "  wirepit kill firm firm02 --cancel\n"
        "  wirepit journal verify\n",
        CONTROL_TIMEOUT_MS);
}

static void print_verb_help(const char *name) {
    size_t bytes = strlen(name);
    for (size_t i = 0; i < VERBS; i++) {
        bool same = strncmp(verbs[i].name, name, bytes) == 0 &&
                    (verbs[i].name[bytes] == 0 || verbs[i].name[bytes] == ' ');
        if (!same) continue;
        bool words = verbs[i].words[0] != 0, more = verbs[i].more[0] != 0;
        (void)printf("wirepit %s%s%s\n    %s\n%s%s%s    example: %s\n", verbs[i].name,
                     words ? " " : "", verbs[i].words, verbs[i].text, more ? "    " : "",
                     verbs[i].more, more ? "\n" : "", verbs[i].example);
    }
}

/* ---- Options ---- */

struct arguments {
    struct cli cli;
    const char *directory, *gateway, *office, *journal;
    unsigned given; /* TAKES of what was */
    uint32_t watch_ms;
    bool watch, help;
};

static int number_read(const char *name, const char *text, uint32_t max, uint32_t *number) {
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (end == text || *end != 0 || errno != 0 || value < 1 || value > max || *text == '-')
        return err_set(-EINVAL, "--%s %s: give a number from 1 to %u", name, text, max);
    *number = (uint32_t)value;
    return 0;
}

/* What a list prints behind its rows; the office knows more of it. */
static int cursor_read(const char *text, const char **cursor) {
    if (text[0] == 0 || text[strspn(text, "0123456789")] != 0)
        return err_set(-EINVAL, "--cursor %s: give the number that stood behind \"more:\"", text);
    *cursor = text;
    return 0;
}

/* Seconds with at most three decimals, as 0.5, from 0.1 to 3600. */
static int watch_read(const char *text, uint32_t *milliseconds) {
    char *end;
    errno = 0;
    unsigned long whole = strtoul(text, &end, 10), part = 0, unit = 100;
    bool good = end != text && errno == 0 && whole <= 3600 && *text != '-';
    if (good && *end == '.')
        for (end++; *end >= '0' && *end <= '9' && unit > 0; end++, unit /= 10)
            part += (unsigned long)(*end - '0') * unit;
    *milliseconds = (uint32_t)(whole * 1000 + part);
    if (!good || *end != 0 || *milliseconds < 100)
        return err_set(-EINVAL, "--watch=%s: give seconds from 0.1 to 3600", text);
    return 0;
}

static int take_option(struct arguments *arguments, int id) {
    struct cli *cli = &arguments->cli;
    if (id >= OPTION_ACCOUNT) arguments->given |= TAKES(id);
    switch (id) {
    case OPTION_HELP:
    case 'h':
        arguments->help = true;
        return 0;
    case OPTION_JSON:
        cli->json = true;
        return 0;
    case OPTION_WATCH:
        arguments->watch = true;
        return optarg != NULL ? watch_read(optarg, &arguments->watch_ms) : 0;
    case OPTION_DIR:
        arguments->directory = optarg;
        return 0;
    case OPTION_GATEWAY:
        arguments->gateway = optarg;
        return 0;
    case OPTION_OFFICE:
        arguments->office = optarg;
        return 0;
    case OPTION_JOURNAL:
        arguments->journal = optarg;
        return 0;
    case OPTION_TIMEOUT:
        return number_read("timeout", optarg, 600000, &cli->timeout_ms);
    case OPTION_ACCOUNT:
        cli->account = optarg;
        return 0;
    case OPTION_SYMBOL:
        cli->symbol = optarg;
        return 0;
    case OPTION_SESSION:
        cli->session = optarg;
        return 0;
    case OPTION_STATE:
        cli->state = optarg;
        return 0;
    case OPTION_CURSOR:
        return cursor_read(optarg, &cli->cursor);
    case OPTION_LIMIT:
        return number_read("limit", optarg, 1000, &cli->limit);
    case OPTION_DEPTH:
        return number_read("depth", optarg, 4096, &cli->depth);
    case OPTION_FOLLOW:
        cli->follow = true;
        return 0;
    case OPTION_CANCEL:
        cli->cancel = true;
        return 0;
    case OPTION_ALL:
        cli->all = true;
        return 0;
    case OPTION_ADJUST:
        cli->adjust = true;
        return 0;
    case OPTION_YES:
        cli->yes = true;
        return 0;
    case OPTION_MANAGEMENT:
        cli->management = true;
        return 0;
    default: /* getopt has named it */
        if (optopt >= '0' && optopt <= '9')
            return err_set(-EINVAL, "a number below 0 goes behind --, as in: limits set account01 "
                                    "quantity_max --adjust -- -100");
        return err_set(-EINVAL, "try wirepit --help");
    }
}

static int take_path(char path[CLI_PATH_BYTES], const char *given, const char *directory,
                     const char *name) {
    int written = given != NULL ? snprintf(path, CLI_PATH_BYTES, "%s", given)
                                : snprintf(path, CLI_PATH_BYTES, "%s/%s", directory, name);
    if (written >= 0 && written < CLI_PATH_BYTES) return 0;
    return err_set(-ENAMETOOLONG, "%s: a path of more than %d bytes", name, CLI_PATH_BYTES - 1);
}

static int place(struct arguments *arguments) {
    struct cli *cli = &arguments->cli;
    const char *directory = arguments->directory;
    if (directory == NULL) directory = getenv("WIREPIT_DIR");
    if (directory == NULL) directory = "build/up";
    int code = take_path(cli->gateway_path, arguments->gateway, directory, "gateway.socket");
    if (code == 0)
        code = take_path(cli->office_path, arguments->office, directory, "office.socket");
    if (code == 0) code = take_path(cli->journal_path, arguments->journal, directory, "journal");
    return code;
}

/* ---- Running ---- */

static void measure_terminal(struct cli *cli) {
    struct winsize size = { .ws_col = 0 };
    const char *term = getenv("TERM"), *columns = getenv("COLUMNS");
    bool terminal = isatty(STDOUT_FILENO) == 1;
    cli->color =
        terminal && getenv("NO_COLOR") == NULL && (term == NULL || strcmp(term, "dumb") != 0);
    cli->width = 0;
    if (!terminal) return;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) cli->width = size.ws_col;
    unsigned long wanted = columns != NULL ? strtoul(columns, NULL, 10) : 0;
    if (wanted > 0 && wanted <= UINT16_MAX) cli->width = (uint32_t)wanted;
}

/* Each picture is made in memory and shown at once, so that nothing flickers. */
static enum cli_exit show(struct arguments *arguments, const struct verb *verb, int count,
                          char **words) {
    struct cli *cli = &arguments->cli;
    char *text = NULL;
    size_t bytes = 0;
    bool clear = isatty(STDOUT_FILENO) == 1 && !cli->json;
    measure_terminal(cli);
    cli->out = open_memstream(&text, &bytes);
    if (cli->out == NULL) return cli_fail(err_set(-ENOMEM, "no memory"));
    enum cli_exit end = verb->run(cli, count, words);
    (void)fclose(cli->out);
    if (clear) (void)fputs("\033[H\033[J", stdout);
    (void)fwrite(text, 1, bytes, stdout);
    (void)fflush(stdout);
    free(text);
    return end;
}

static enum cli_exit watch(struct arguments *arguments, const struct verb *verb, int count,
                           char **words) {
    const struct timespec pause = { .tv_sec = (time_t)(arguments->watch_ms / 1000),
                                    .tv_nsec = (long)(arguments->watch_ms % 1000) * 1000000 };
    struct sigaction action = { .sa_handler = on_signal };
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    enum cli_exit end = CLI_DONE;
    arguments->cli.watched = true;
    while (stop_asked == 0 && !ferror(stdout)) {
        end = show(arguments, verb, count, words);
        if (end == CLI_USAGE) break;
        if (stop_asked == 0) (void)nanosleep(&pause, NULL);
    }
    return stop_asked != 0 ? CLI_DONE : end;
}

static const struct verb *verb_find(const char *name) {
    for (size_t i = 0; i < VERBS; i++)
        if (strcmp(verbs[i].name, name) == 0) return &verbs[i];
    return NULL;
}

static const char *option_name(unsigned taken) {
    for (size_t i = 0; option_table[i].name != NULL; i++)
        if (TAKES(option_table[i].val) == taken) return option_table[i].name;
    return "?";
}

static enum cli_exit run(struct arguments *arguments, int count, char **words) {
    const struct verb *verb = count > 0 ? verb_find(words[0]) : NULL;
    if (count == 0)
        return cli_usage("say what: status, book, orders, kill, ...; wirepit --help lists all");
    if (verb == NULL) return cli_usage("\"%s\" is no command; wirepit --help lists them", words[0]);
    unsigned foreign = arguments->given & ~verb->takes;
    if (foreign != 0)
        return cli_usage("%s has no option --%s; try wirepit %s --help", verb->name,
                         option_name(foreign & -foreign), verb->name);
    if (arguments->watch && !verb->watch)
        return cli_usage("%s cannot be watched%s", verb->name,
                         strcmp(verb->name, "journal") == 0
                             ? "; wirepit journal tail --follow goes on and on"
                             : "");
    if (arguments->watch) return watch(arguments, verb, count - 1, words + 1);
    measure_terminal(&arguments->cli);
    arguments->cli.out = stdout;
    return verb->run(&arguments->cli, count - 1, words + 1);
}

static enum cli_exit help(int count, char **words) {
    if (count == 0) {
        print_help();
        return CLI_DONE;
    }
    if (verb_find(words[0]) == NULL)
        return cli_usage("\"%s\" is no command; wirepit --help lists them", words[0]);
    print_verb_help(words[0]);
    return CLI_DONE;
}

/* What could not be printed was not done. A reader who has gone, as head does, needs no message. */
static enum cli_exit finish(enum cli_exit end) {
    struct stat out;
    if (fflush(stdout) == 0 && !ferror(stdout)) return end;
    bool pipe = fstat(STDOUT_FILENO, &out) == 0 && (S_ISFIFO(out.st_mode) || S_ISSOCK(out.st_mode));
    if (!pipe)
        (void)fputs("wirepit: standard output took not all of it; is its disk full?\n", stderr);
    return end == CLI_DONE ? CLI_REFUSED : end;
}

int main(int count, char **words) {
    struct arguments arguments = { .watch_ms = 1000 };
    arguments.cli.timeout_ms = CONTROL_TIMEOUT_MS;
    int code = 0;
    for (int id; code == 0 && (id = getopt_long(count, words, "h", option_table, NULL)) != -1;)
        code = take_option(&arguments, id);
    if (code == 0) code = place(&arguments);
    if (code != 0) return (int)cli_usage("%s", err_text());
    (void)signal(SIGPIPE, SIG_IGN);
    count -= optind, words += optind;
    bool help_word = count > 0 && strcmp(words[0], "help") == 0;
    enum cli_exit end = arguments.help || help_word ? help(count - help_word, words + help_word)
                                                    : run(&arguments, count, words);
    cli_disconnect(&arguments.cli);
    return (int)finish(end);
}
