/* api_write: what the API does: commands for the gateway's sequencer, answered with the events that
 * prove them, and noted in the office's own journal. */
#include "host/base/err.h"
#include "host/base/log.h"
#include "host/control/message.h"
#include "host/office/api_state.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Bodies ---- */

static unsigned read_body(const struct api_request *request, json_t **body, json_t **answer) {
    json_error_t error;
    *body = json_loadb(request->body, request->body_bytes, JSON_REJECT_DUPLICATES, &error);
    if (json_is_object(*body)) return 0;
    unsigned status =
        api_fail(answer, 400, "bad_request", NULL, "the body is no JSON object: %.120s",
                 *body == NULL ? error.text : "it is something else");
    json_decref(*body);
    *body = NULL;
    return status;
}

/* A misspelt field must not pass for one that is left out. */
static unsigned only(const json_t *body, const char *const names[], json_t **answer) {
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)body, name, value) {
        size_t i = 0;
        while (names[i] != NULL && strcmp(names[i], name) != 0) i++;
        if (names[i] == NULL)
            return api_fail(answer, 400, "bad_request", NULL, "\"%.40s\" is no field of this body",
                            name);
    }
    return 0;
}

/* A row, given by name or number. */
static unsigned row_in(const struct api *api, enum names_kind kind, const json_t *value,
                       const char *field, uint16_t *number, json_t **answer) {
    char text[24];
    int64_t found;
    if (json_is_integer(value))
        (void)snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (!json_is_string(value))
        return api_fail(answer, 400, "bad_request", NULL, "\"%s\" is the name or number of a %s",
                        field, names_kind_text(kind));
    unsigned status =
        api_row(api, kind, json_is_string(value) ? json_string_value(value) : text, &found, answer);
    if (status == 0) *number = (uint16_t)found;
    return status;
}

/* ---- Through the gateway ---- */

static void note(struct api *api, const struct command *command, unsigned status,
                 const struct control_answer *proof) {
    json_t *json = json_pack("{sosisIsI}", "command", message_command_write(command), "status",
                             (int)status, "number", (json_int_t)(proof ? proof->command : 0),
                             "record", (json_int_t)(proof ? proof->record : 0));
    char *text = json_dumps(json, JSON_COMPACT);
    if (text == NULL || office_request(api->office, api->wall_ns(), text) != 0)
        log_line("a request is not noted: %s", text == NULL ? "no memory" : err_text());
    free(text);
    json_decref(json);
}

static unsigned not_taken(struct api *api, int code, json_t **answer) {
    if (code == -EREMOTEIO) {
        const struct control_error *error = control_refused(api->gateway);
        json_t *details = json_loads(error->details, 0, NULL);
        return api_fail(answer, 502, "gateway_refused",
                        json_pack("{s{sssssO}}", "gateway", "code", error->code, "message",
                                  error->message, "details",
                                  details != NULL ? details : json_null()),
                        "the gateway does not take it: %s", error->message);
    }
    (void)snprintf(api->gateway_error, sizeof api->gateway_error, "%s", err_text());
    bool silent = code == -ETIMEDOUT || code == -EPROTO;
    return api_fail(
        answer, 503, silent ? "gateway_silent" : "gateway_down", NULL, "%s%s", err_text(),
        silent ? "; whether it was carried out is not known: look before asking again" : "");
}

static unsigned forward(struct api *api, const struct command *command, json_t **answer) {
    struct control_answer proof;
    if (api->gateway == NULL)
        return api_fail(answer, 503, "gateway_down", NULL,
                        "this office was started without --gateway");
    int code = control_command(api->gateway, command, &proof);
    if (code != 0) {
        unsigned status = not_taken(api, code, answer);
        note(api, command, status, NULL);
        return status;
    }
    api->gateway_error[0] = '\0';
    json_t *events = json_array();
    for (uint32_t i = 0; i < proof.event_count; i++)
        (void)json_array_append_new(events, message_event_write(&proof.events[i]));
    if (proof.event_count > 0 && proof.events[0].kind == KIND_REJECTED) {
        unsigned reason = proof.events[0].reason;
        note(api, command, 409, &proof);
        unsigned status =
            api_fail(answer, 409, "refused",
                     json_pack("{sssIsIsO}", "reason", abi_reason_name(reason), "command",
                               (json_int_t)proof.command, "record", (json_int_t)proof.record,
                               "event", json_array_get(events, 0)),
                     "the card refuses it: %s", abi_reason_name(reason));
        json_decref(events);
        return status;
    }
    note(api, command, 200, &proof);
    *answer = json_pack("{sIsIso}", "command", (json_int_t)proof.command, "record",
                        (json_int_t)proof.record, "events", events);
    return 200;
}

/* ---- Limits ---- */

static const char *const self_trades[] = { "none", "newest", "oldest", "both", "decrement" };
enum { SELF_TRADES = sizeof self_trades / sizeof *self_trades };
static_assert(SELF_TRADES == SELF_TRADE_DECREMENT + 1, "every mode has its word");

const char *api_self_trade(int64_t mode) {
    return mode >= 0 && mode < SELF_TRADES ? self_trades[mode] : "?";
}

static const struct {
    const char *name;
    uint8_t table, field;
} limits[] = {
    { "quantity_max", TABLE_ACCOUNT, ROW_ACCOUNT_QUANTITY_MAX },
    { "notional_max_e4", TABLE_ACCOUNT, ROW_ACCOUNT_NOTIONAL_MAX_E4 },
    { "enabled", TABLE_ACCOUNT, ROW_ACCOUNT_ENABLED },
    { "open_orders", TABLE_ACCOUNT, ROW_ACCOUNT_OPEN_MAX },
    { "open_notional_e4", TABLE_ACCOUNT, ROW_ACCOUNT_GROSS_MAX_E4 },
    { "daily_notional_e4", TABLE_ACCOUNT, ROW_ACCOUNT_DAILY_MAX_E4 },
    { "rate_interval_ns", TABLE_ACCOUNT, ROW_ACCOUNT_RATE_INTERVAL_NS },
    { "rate_burst_ns", TABLE_ACCOUNT, ROW_ACCOUNT_RATE_BURST_NS },
    { "duplicate_ns", TABLE_ACCOUNT, ROW_ACCOUNT_DUPLICATE_NS },
    { "self_trade", TABLE_ACCOUNT, ROW_ACCOUNT_SELF_TRADE },
    { "long_max", TABLE_POSITION, ROW_POSITION_LONG_MAX },
    { "short_max", TABLE_POSITION, ROW_POSITION_SHORT_MAX },
    { "locate", TABLE_POSITION, ROW_POSITION_LOCATE },
    { "restriction", TABLE_POSITION, ROW_POSITION_RESTRICTION },
};

/* A limit's value; that of self_trade is a word. */
static unsigned limit_value(const json_t *value, bool word, bool adjust, int64_t *number,
                            json_t **answer) {
    const char *text = json_string_value(value);
    if (word) {
        for (*number = 0; *number < SELF_TRADES; ++*number)
            if (!adjust && text != NULL && strcmp(text, self_trades[*number]) == 0) return 0;
        return api_fail(answer, 400, "bad_request", NULL,
                        "\"value\" of self_trade is none, newest, oldest, both or decrement, "
                        "without \"adjust\"");
    }
    if (!json_is_integer(value) && !json_is_boolean(value))
        return api_fail(answer, 400, "bad_request", NULL, "\"value\" is a whole number");
    *number = json_is_boolean(value) ? json_is_true(value) : json_integer_value(value);
    return 0;
}

static unsigned limit_command(const struct api *api, const json_t *body, struct command *command,
                              json_t **answer) {
    static const char *const names[] = { "account", "symbol", "field", "value", "adjust", NULL };
    const char *field = json_string_value(json_object_get(body, "field"));
    const json_t *symbol = json_object_get(body, "symbol");
    const json_t *value = json_object_get(body, "value"), *adjust = json_object_get(body, "adjust");
    size_t i = 0;
    unsigned status = only(body, names, answer);
    if (status != 0) return status;
    while (i < sizeof limits / sizeof *limits &&
           (field == NULL || strcmp(limits[i].name, field) != 0))
        i++;
    if (i == sizeof limits / sizeof *limits)
        return api_fail(answer, 400, "bad_request", NULL,
                        "\"field\" is quantity_max, notional_max_e4, open_orders, "
                        "open_notional_e4, daily_notional_e4, rate_interval_ns, rate_burst_ns, "
                        "duplicate_ns, self_trade or enabled, and with a symbol long_max, "
                        "short_max, locate or restriction");
    bool of_position = limits[i].table == TABLE_POSITION;
    if (of_position != (symbol != NULL))
        return api_fail(answer, 400, "bad_request", NULL,
                        of_position ? "%s is a limit in one symbol: add \"symbol\""
                                    : "%s is a limit of the whole account: leave out \"symbol\"",
                        limits[i].name);
    if (adjust != NULL && !json_is_boolean(adjust))
        return api_fail(answer, 400, "bad_request", NULL, "\"adjust\" is true or false");
    bool word = !of_position && limits[i].field == ROW_ACCOUNT_SELF_TRADE;
    int64_t number = 0;
    status = limit_value(value, word, json_is_true(adjust), &number, answer);
    if (status != 0) return status;
    *command = (struct command){
        .opcode = of_position ? OPCODE_POSITION : OPCODE_ACCOUNT,
        .field = limits[i].field,
        .mode = json_is_true(adjust) ? MODE_ADJUST : MODE_SET,
        .value = number,
    };
    status = row_in(api, NAMES_ACCOUNT, json_object_get(body, "account"), "account",
                    &command->account, answer);
    if (status == 0 && of_position)
        status = row_in(api, NAMES_SYMBOL, symbol, "symbol", &command->symbol, answer);
    return status;
}

unsigned api_set_limit(struct api *api, const struct api_request *request, const char *rest,
                       json_t **answer) {
    struct command command;
    json_t *body;
    (void)rest;
    unsigned status = read_body(request, &body, answer);
    if (status != 0) return status;
    status = limit_command(api, body, &command, answer);
    json_decref(body);
    return status != 0 ? status : forward(api, &command, answer);
}

/* ---- Symbols ---- */

unsigned api_set_state(struct api *api, const struct api_request *request, const char *rest,
                       json_t **answer) {
    static const char *const names[] = { "state", NULL };
    static const struct {
        const char *name;
        int64_t value;
    } states[] = { { "open", SYMBOL_STATE_OPEN },
                   { "halted", SYMBOL_STATE_HALTED },
                   { "closed", SYMBOL_STATE_CLOSED } };
    const char *slash = strrchr(rest, '/');
    char symbol[64];
    int64_t number;
    json_t *body;
    if (slash == NULL || slash == rest || strcmp(slash, "/state") != 0)
        return api_fail(answer, 405, "method_not_allowed", NULL,
                        "%.80s does not take POST; /api/v1/symbols/SYMBOL/state does",
                        request->path);
    (void)snprintf(symbol, sizeof symbol, "%.*s",
                   (int)(slash - rest - 1 < 63 ? slash - rest - 1 : 63), rest + 1);
    unsigned status = api_row(api, NAMES_SYMBOL, symbol, &number, answer);
    if (status == 0) status = read_body(request, &body, answer);
    if (status != 0) return status;
    const char *state = json_string_value(json_object_get(body, "state"));
    size_t i = 0;
    while (i < 3 && (state == NULL || strcmp(states[i].name, state) != 0)) i++;
    status = only(body, names, answer);
    if (status == 0 && i == 3)
        status = api_fail(answer, 400, "bad_request", NULL, "\"state\" is open, halted or closed");
    json_decref(body);
    if (status != 0) return status;
    const struct command command = { .opcode = OPCODE_SYMBOL,
                                     .field = ROW_SYMBOL_STATE,
                                     .mode = MODE_SET,
                                     .symbol = (uint16_t)number,
                                     .value = states[i].value };
    return forward(api, &command, answer);
}

/* ---- Kill and release ---- */

static unsigned kill_command(const struct api *api, const json_t *body, struct command *command,
                             json_t **answer) {
    static const char *const names[] = { "scope", "name", NULL };
    const char *scope = json_string_value(json_object_get(body, "scope"));
    const json_t *name = json_object_get(body, "name");
    unsigned status = only(body, names, answer);
    if (status != 0) return status;
    if (scope != NULL && strcmp(scope, "firm") == 0) {
        command->field = TABLE_FIRM;
        return row_in(api, NAMES_FIRM, name, "name", &command->firm, answer);
    }
    if (scope != NULL && strcmp(scope, "account") == 0) {
        command->field = TABLE_ACCOUNT;
        return row_in(api, NAMES_ACCOUNT, name, "name", &command->account, answer);
    }
    if (scope != NULL && strcmp(scope, "session") == 0) {
        command->field = TABLE_SESSION;
        return row_in(api, NAMES_SESSION, name, "name", &command->session, answer);
    }
    if (scope == NULL || strcmp(scope, "global") != 0 || name != NULL)
        return api_fail(answer, 400, "bad_request", NULL,
                        "\"scope\" is global, without a name, or firm, account or session with "
                        "\"name\"");
    command->field = TABLE_ENGINE;
    return 0;
}

static unsigned gate(struct api *api, const struct api_request *request, uint8_t mode,
                     json_t **answer) {
    struct command command = { .opcode = OPCODE_KILL, .mode = mode };
    json_t *body;
    unsigned status = read_body(request, &body, answer);
    if (status != 0) return status;
    status = kill_command(api, body, &command, answer);
    json_decref(body);
    return status != 0 ? status : forward(api, &command, answer);
}

unsigned api_kill(struct api *api, const struct api_request *request, const char *rest,
                  json_t **answer) {
    (void)rest;
    return gate(api, request, MODE_KILL, answer);
}

unsigned api_release(struct api *api, const struct api_request *request, const char *rest,
                     json_t **answer) {
    (void)rest;
    return gate(api, request, MODE_RELEASE, answer);
}
