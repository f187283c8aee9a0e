#include "host/gateway/port_request.h"
#include "driver/firmware.h"
#include "host/base/err.h"
#include <errno.h>

bool port_request_allowed(uint8_t opcode) {
    switch (opcode) {
    case OPCODE_NOP:
    case OPCODE_SYMBOL:
    case OPCODE_ACCOUNT:
    case OPCODE_POSITION:
    case OPCODE_CREDIT:
    case OPCODE_KILL:
    case OPCODE_QUERY:
        return true;
    default:
        return false;
    }
}

static int refuse(struct port_request *request, const char *code) {
    request->code = code;
    return -EINVAL;
}

static int read_id(const json_t *json, struct port_request *request) {
    json_t *id = json_object_get(json, "id");
    bool fits = id == NULL || json_is_null(id) || json_is_integer(id) ||
                (json_is_string(id) && json_string_length(id) <= PORT_ID_BYTES_MAX);
    if (!fits) {
        (void)err_set(-EINVAL, "\"id\" is a whole number or a text of at most %d bytes",
                      PORT_ID_BYTES_MAX);
        return refuse(request, "bad_request");
    }
    if (id == NULL) return 0;
    json_decref(request->id);
    request->id = json_incref(id);
    return 0;
}

static int read_command(const json_t *json, message_find *find, void *context,
                        struct port_request *request) {
    request->ask = PORT_COMMAND;
    if (message_command_read(json, find, context, &request->command) != 0)
        return refuse(request, "bad_command");
    if (!port_request_allowed(request->command.opcode)) {
        (void)err_set(-EINVAL,
                      "%s is for a session's orders; operators ask for KILL, SYMBOL, ACCOUNT, "
                      "POSITION, CREDIT, QUERY and NOP",
                      abi_opcode_name(request->command.opcode));
        return refuse(request, "not_allowed");
    }
    if (request->command.stamp_ns != 0 || request->command.origin != 0) {
        (void)err_set(-EINVAL, "\"stamp_ns\" and \"origin\" are the card's to say; leave them out");
        return refuse(request, "bad_command");
    }
    return 0;
}

/* The scope is written as that of a KILL. */
static int read_withdraw(const json_t *json, message_find *find, void *context,
                         struct port_request *request) {
    request->ask = PORT_WITHDRAW;
    if (json_object_get(json, "opcode") != NULL) {
        (void)err_set(-EINVAL, "\"withdraw\" has no opcode; leave it out");
        return refuse(request, "bad_request");
    }
    json_t *command = json_deep_copy(json);
    if (command == NULL || json_object_set_new(command, "opcode", json_integer(OPCODE_KILL)) != 0) {
        json_decref(command);
        (void)err_set(-EINVAL, "\"withdraw\" is an object with field, firm, account or session");
        return refuse(request, "bad_request");
    }
    int code = message_command_read(command, find, context, &request->command);
    json_decref(command);
    if (code != 0) return refuse(request, "bad_request");
    uint8_t field = request->command.field;
    if (field != TABLE_ENGINE && field != TABLE_FIRM && field != TABLE_ACCOUNT &&
        field != TABLE_SESSION) {
        (void)err_set(-EINVAL,
                      "\"withdraw\" takes off orders of ENGINE (all), FIRM, ACCOUNT or SESSION");
        return refuse(request, "bad_request");
    }
    return 0;
}

static int read_ask(const char *ask, struct port_request *request) {
    static const struct {
        const char *name;
        enum port_ask ask;
    } row[] = { { "status", PORT_STATUS },
                { "counters", PORT_COUNTERS },
                { "card", PORT_CARD },
                { "log", PORT_LOG },
                { "action", PORT_PROGRESS } };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        if (strcmp(ask, row[i].name) != 0) continue;
        request->ask = row[i].ask;
        return 0;
    }
    (void)err_set(-EINVAL, "\"ask\" is status, counters, card, log or action, not \"%.40s\"", ask);
    return refuse(request, "bad_request");
}

static int read_action(const char *action, struct port_request *request) {
    static const struct {
        const char *name;
        enum port_action_kind kind;
    } row[] = { { "restart", PORT_RESTART },
                { "selftest", PORT_SELFTEST },
                { "update", PORT_UPDATE } };
    request->ask = PORT_ACTION;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        if (strcmp(action, row[i].name) != 0) continue;
        request->action = row[i].kind;
        return 0;
    }
    (void)err_set(-EINVAL, "\"card\" is restart, selftest or update, not \"%.40s\"", action);
    return refuse(request, "bad_request");
}

static int digit(char letter) {
    if (letter >= '0' && letter <= '9') return letter - '0';
    if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
    if (letter >= 'A' && letter <= 'F') return letter - 'A' + 10;
    return -1;
}

/* A piece of the file as pairs of hexadecimal digits, and where in the file it stands. */
static int read_piece(const json_t *json, struct port_request *request) {
    const json_t *offset = json_object_get(json, "offset"), *data = json_object_get(json, "data");
    request->ask = PORT_PIECE;
    if (!json_is_integer(offset) || !json_is_string(data) || json_object_size(json) != 2) {
        (void)err_set(-EINVAL, "\"firmware\" is an object with \"offset\", a whole number, and "
                               "\"data\", a text, and nothing else");
        return refuse(request, "bad_request");
    }
    json_int_t at = json_integer_value(offset);
    size_t letters = json_string_length(data);
    const char *text = json_string_value(data);
    if (at < 0 || at >= FIRMWARE_FILE_BYTES_MAX) {
        (void)err_set(-EINVAL, "\"offset\" is from 0 to %d", FIRMWARE_FILE_BYTES_MAX - 1);
        return refuse(request, "bad_request");
    }
    if (letters == 0 || letters % 2 != 0 || letters > 2 * (size_t)PORT_PIECE_BYTES_MAX) {
        (void)err_set(-EINVAL, "\"data\" is 1 to %d bytes, two hexadecimal digits each",
                      PORT_PIECE_BYTES_MAX);
        return refuse(request, "bad_request");
    }
    for (size_t i = 0; i < letters / 2; i++) {
        int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            (void)err_set(-EINVAL, "\"data\": byte %zu is no pair of hexadecimal digits", i);
            return refuse(request, "bad_request");
        }
        request->piece[i] = (uint8_t)(high << 4 | low);
    }
    request->offset = (uint32_t)at;
    request->bytes = (uint32_t)(letters / 2);
    return 0;
}

static int read_object(const json_t *json, message_find *find, void *context,
                       struct port_request *request) {
    int code = read_id(json, request);
    if (code != 0) return code;
    const json_t *command = json_object_get(json, "command");
    const json_t *withdraw = json_object_get(json, "withdraw");
    const json_t *piece = json_object_get(json, "firmware");
    const char *ask = json_string_value(json_object_get(json, "ask"));
    const char *action = json_string_value(json_object_get(json, "card"));
    int asked =
        (command != NULL) + (withdraw != NULL) + (piece != NULL) + (ask != NULL) + (action != NULL);
    size_t known = (json_object_get(json, "id") != NULL) + (size_t)asked;
    if (asked != 1 || known != json_object_size(json)) {
        (void)err_set(-EINVAL,
                      "a request has \"id\" and one of \"command\", \"withdraw\", \"ask\", "
                      "\"card\" and \"firmware\", and nothing else");
        return refuse(request, "bad_request");
    }
    if (command != NULL) return read_command(command, find, context, request);
    if (withdraw != NULL) return read_withdraw(withdraw, find, context, request);
    if (piece != NULL) return read_piece(piece, request);
    return ask != NULL ? read_ask(ask, request) : read_action(action, request);
}

int port_request_read(const char *line, size_t bytes, message_find *find, void *context,
                      struct port_request *request) {
    json_error_t error;
    *request = (struct port_request){ .id = json_null() };
    json_t *json = json_loadb(line, bytes, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(json)) {
        (void)err_set(-EINVAL, "a request is a JSON object on one line%s%s",
                      json == NULL ? ": " : "", json == NULL ? error.text : "");
        json_decref(json);
        return refuse(request, "bad_request");
    }
    int code = read_object(json, find, context, request);
    json_decref(json);
    return code;
}
