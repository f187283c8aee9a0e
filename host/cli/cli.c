#define _GNU_SOURCE /* vasprintf */
#include "host/cli/cli.h"
#include "host/base/err.h"
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void cli_close(struct cli *cli) {
    control_close(cli->gateway);
    control_office_close(cli->office);
    cli->gateway = NULL;
    cli->office = NULL;
}

/* ---- Failures ---- */

enum cli_exit cli_fail(int code) {
    (void)fprintf(stderr, "wirepit: %s\n", err_text());
    bool down = code == -ENOENT || code == -ECONNREFUSED || code == -ETIMEDOUT ||
                code == -ECONNRESET || code == -EPIPE;
    return down ? CLI_DOWN : CLI_REFUSED;
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

bool cli_office_down(int code) { return code == -ECONNREFUSED || code == -ENOENT; }

/* ---- Asking ---- */

int cli_gateway(struct cli *cli, json_t *request, json_t **answer) {
    int code = 0;
    if (cli->gateway == NULL)
        code = control_open(cli->gateway_path, cli->timeout_ms, &cli->gateway);
    if (code == 0) code = control_ask(cli->gateway, request, answer);
    json_decref(request);
    return code;
}

int cli_command(struct cli *cli, json_t *command, json_t **answer) {
    return cli_gateway(cli, json_pack("{s:o}", "command", command), answer);
}

static int open_office(struct cli *cli) {
    if (cli->office != NULL) return 0;
    return control_office_open(cli->office_path, cli->timeout_ms, &cli->office);
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
    return code;
}

int cli_post(struct cli *cli, const char *resource, json_t *body, json_t **answer) {
    int code = open_office(cli);
    if (code == 0) code = control_office_send(cli->office, "POST", resource, body, answer);
    json_decref(body);
    return code;
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

enum cli_exit cli_end(struct cli *cli, struct table *table, const char *empty) {
    table_print(table, cli->out, cli->width, cli->color, empty);
    table_delete(table);
    return CLI_DONE;
}
