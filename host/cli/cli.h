/* cli: what every command of the wirepit tool has: where gateway, office and journal are, how to
 * print, and how to end. */
#ifndef HOST_CLI_CLI_H
#define HOST_CLI_CLI_H

#include "host/cli/table.h"
#include "host/control/control.h"

/* Exit codes; --help states them. */
enum cli_exit {
    CLI_DONE = 0,
    CLI_REFUSED = 1, /* refused, or what was checked is not right */
    CLI_USAGE = 2,
    CLI_DOWN = 3, /* nobody there, or no answer in time */
};

enum { CLI_PATH_BYTES = 512 };

struct cli {
    /* Options, NULL or 0 where they were not given. */
    const char *account, *symbol, *session, *state, *cursor;
    uint32_t limit, depth;
    bool follow, cancel, all, adjust, yes, management;
    bool watched; /* again and again */

    char gateway_path[CLI_PATH_BYTES], office_path[CLI_PATH_BYTES], journal_path[CLI_PATH_BYTES];
    uint32_t timeout_ms;
    bool json, color;
    uint32_t width; /* of the terminal; 0 when there is none */
    FILE *out;
    struct control *gateway; /* opened when first needed */
    struct control_office *office;
};

/* cli_disconnect gives back the clients. */
void cli_disconnect(struct cli *cli);

/* cli_fail says err_text on standard error and gives the exit code for a negative errno; whatever
   the other side refused is CLI_REFUSED. cli_usage says what is wrong with the command line. */
enum cli_exit cli_fail(int code);
enum cli_exit cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* cli_gateway asks the command port, cli_command puts a command given as JSON through it; request
   and command are taken over. cli_get and cli_post ask the office. Return 0 and *answer, which the
   caller json_decref()s, or a negative errno with err_text. */
int cli_gateway(struct cli *cli, json_t *request, json_t **answer);
int cli_command(struct cli *cli, json_t *command, json_t **answer);
int cli_get(struct cli *cli, json_t **answer, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int cli_post(struct cli *cli, const char *resource, json_t *body, json_t **answer);

/* cli_down says whether a failure means that there is nobody to ask. */
bool cli_down(int code);

/* cli_filter appends "&name=value" to a resource, the value percent-encoded; nothing when it is
   NULL. cli_escape encodes a value alone, into text of CLI_PATH_BYTES. */
void cli_filter(char resource[CLI_PATH_BYTES], const char *name, const char *value);
char *cli_escape(const char *value, char *text);

/* cli_print_json prints an answer as it came and gives it back. */
enum cli_exit cli_print_json(struct cli *cli, json_t *answer);

/* What an object holds under a key: 0, "" or false where it is not there or of another type. */
int64_t cli_number(const json_t *object, const char *key);
const char *cli_text(const json_t *object, const char *key);
bool cli_true(const json_t *object, const char *key);

/* cli_restriction writes what is restricted in a row, as "no_buy close_only", into text of
   TEXT_BYTES, and gives text. */
const char *cli_restriction(const json_t *row, char *text);

/* cli_meaning is what codes.def says of a code, such as "COUNTER" and "EVENTS"; "" for none. */
const char *cli_meaning(const char *group, const char *name);

/* cli_print_table prints a table in the terminal's width and gives it back. */
enum cli_exit cli_print_table(struct cli *cli, struct table *table, const char *empty);

/* ---- Commands: the words behind the command's own, and how many ---- */
typedef enum cli_exit cli_run(struct cli *cli, int count, char **words);

cli_run cli_status, cli_symbols, cli_book, cli_orders, cli_order, cli_trades, cli_accounts,
    cli_account, cli_positions, cli_limits, cli_alarms, cli_halt, cli_open, cli_kill, cli_release,
    cli_journal, cli_books, cli_card, cli_doctor;

#endif /* HOST_CLI_CLI_H */
