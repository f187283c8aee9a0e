#define _GNU_SOURCE /* vasprintf */
#include "host/cli/cli.h"
#include "host/base/err.h"
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void cli_disconnect(struct cli *cli) {
    control_close(cli->gateway);
    control_office_close(cli->office);
    cli->gateway = NULL;
    cli->office = NULL;
}

/* ---- Failures ---- */

bool cli_down(int code) { return code == -ECONNREFUSED || code == -ENOENT; }

/* A socket whose directory is not there either: most likely the tool was started elsewhere. */
static int explain_down(int code, const char *path) {
    char directory[CLI_PATH_BYTES];
    (void)snprintf(directory, sizeof directory, "%s", path);
    char *slash = strrchr(directory, '/');
    if (!cli_down(code) || slash == NULL || slash == directory) return code;
    *slash = 0;
    if (access(directory, F_OK) == 0) return code;
    return err_set(
        code,
        "there is no directory %s, so nothing runs there; `make up` makes build/up where "
        "it is run: name that with --dir or WIREPIT_DIR",
        directory);
}

/* Where the names are that were asked for and are not there. */
static int explain_unknown(int code, const struct control_error *error) {
    static const struct {
        const char *code, *list;
    } row[] = {
        { "unknown_symbol", "symbols" },
        { "unknown_account", "accounts" },
        { "unknown_session", "status" },
        { "unknown_order", "orders" },
    };
    if (code != -EREMOTEIO) return code;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        if (strcmp(row[i].code, error->code) == 0)
            return err_set(code, "%s; `wirepit %s` lists those there are", error->message,
                           row[i].list);
    return code;
}

enum cli_exit cli_fail(int code) {
    (void)fprintf(stderr, "wirepit: %s\n", err_text());
    bool silent = cli_down(code) || code == -ETIMEDOUT || code == -ECONNRESET || code == -EPIPE;
    return silent ? CLI_DOWN : CLI_REFUSED;
}

enum cli_exit cli_usage(const char *format, ...) {
    va_list arguments;
    (void)fputs("wirepit: ", stderr);
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
    return CLI_USAGE;
}

/* ---- Asking ---- */

int cli_gateway(struct cli *cli, json_t *request, json_t **answer) {
    int code = 0;
    if (cli->gateway == NULL)
        code = control_open(cli->gateway_path, cli->timeout_ms, &cli->gateway);
    if (code == 0) code = control_ask(cli->gateway, request, answer);
    json_decref(request);
    return explain_down(code, cli->gateway_path);
}

int cli_command(struct cli *cli, json_t *command, json_t **answer) {
    return cli_gateway(cli, json_pack("{s:o}", "command", command), answer);
}

static int open_office(struct cli *cli) {
    if (cli->office != NULL) return 0;
    return control_office_open(cli->office_path, cli->timeout_ms, &cli->office);
}

/* What an answer of the office, or none, means to whoever asked. */
static int explain_office(const struct cli *cli, int code) {
    if (cli->office != NULL) code = explain_unknown(code, control_office_refused(cli->office));
    return explain_down(code, cli->office_path);
}

int cli_get(struct cli *cli, json_t **answer, const char *format, ...) {
    va_list arguments;
    char *resource = NULL;
    va_start(arguments, format);
    if (vasprintf(&resource, format, arguments) < 0) resource = NULL;
    va_end(arguments);
    if (resource == NULL) return err_set(-ENOMEM, "no memory");
    int code = open_office(cli);
    if (code == 0) code = control_office_get(cli->office, resource, answer);
    free(resource);
    return explain_office(cli, code);
}

int cli_post(struct cli *cli, const char *resource, json_t *body, json_t **answer) {
    int code = open_office(cli);
    if (code == 0) code = control_office_send(cli->office, "POST", resource, body, answer);
    json_decref(body);
    return explain_office(cli, code);
}

char *cli_escape(const char *value, char *text) {
    static const char hex[] = "0123456789ABCDEF";
    char *at = text;
    for (; *value != 0 && at < text + CLI_PATH_BYTES - 4; value++) {
        unsigned char letter = (unsigned char)*value;
        if (isalnum(letter) || strchr("-_.~:", letter) != NULL) {
            *at++ = (char)letter;
            continue;
        }
        *at++ = '%';
        *at++ = hex[letter >> 4];
        *at++ = hex[letter & 15];
    }
    *at = 0;
    return text;
}

void cli_filter(char resource[CLI_PATH_BYTES], const char *name, const char *value) {
    char escaped[CLI_PATH_BYTES];
    if (value == NULL) return;
    size_t used = strlen(resource);
    (void)snprintf(resource + used, CLI_PATH_BYTES - used, "&%s=%s", name,
                   cli_escape(value, escaped));
}

/* ---- Printing ---- */

enum cli_exit cli_print_json(struct cli *cli, json_t *answer) {
    (void)json_dumpf(answer, cli->out, JSON_INDENT(2));
    (void)fputc('\n', cli->out);
    json_decref(answer);
    return CLI_DONE;
}

int64_t cli_number(const json_t *object, const char *key) {
    return json_integer_value(json_object_get(object, key));
}

const char *cli_text(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

bool cli_true(const json_t *object, const char *key) {
    return json_is_true(json_object_get(object, key));
}

enum cli_exit cli_print_table(struct cli *cli, struct table *table, const char *empty) {
    table_print(table, cli->out, cli->width, cli->color, empty);
    table_delete(table);
    return CLI_DONE;
}

const char *cli_restriction(const json_t *row, char *text) {
    size_t index, used = 0;
    json_t *word;
    text[0] = 0;
    json_array_foreach(json_object_get(row, "restriction"), index, word) {
        int more = snprintf(text + used, TEXT_BYTES - used, "%s%s", used > 0 ? " " : "",
                            json_string_value(word));
        if (more > 0 && used + (size_t)more < TEXT_BYTES) used += (size_t)more;
    }
    return text;
}

const char *cli_meaning(const char *group, const char *name) {
    static const struct {
        const char *group, *name, *meaning;
    } row[] = {
// clang-format off
#define CODE(group, name, number, meaning) { #group, #name, meaning },
#define LIMIT(name, number, meaning)
#define USE(opcode, part)
#define FLAG(group, name, bit, built, meaning)
#include "driver/abi/codes.def"
#undef CODE
#undef LIMIT
#undef USE
#undef FLAG
        // clang-format on
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        if (strcmp(row[i].group, group) == 0 && strcmp(row[i].name, name) == 0)
            return row[i].meaning;
    return "";
}
