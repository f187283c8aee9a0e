#include "host/gateway/port_request.h"
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
    if (strcmp(ask, "status") == 0)
        request->ask = PORT_STATUS;
    else if (strcmp(ask, "counters") == 0)
        request->ask = PORT_COUNTERS;
    else {
        (void)err_set(-EINVAL, "\"ask\" is status or counters, not \"%.40s\"", ask);
        return refuse(request, "bad_request");
    }
    return 0;
}

static int read_object(const json_t *json, message_find *find, void *context,
                       struct port_request *request) {
    int code = read_id(json, request);
    if (code != 0) return code;
    const json_t *command = json_object_get(json, "command");
    const json_t *withdraw = json_object_get(json, "withdraw");
    const char *ask = json_string_value(json_object_get(json, "ask"));
    size_t known = (json_object_get(json, "id") != NULL) + (size_t)(command != NULL) +
                   (size_t)(withdraw != NULL) + (size_t)(ask != NULL);
    if ((command != NULL) + (withdraw != NULL) + (ask != NULL) != 1 ||
        known != json_object_size(json)) {
        (void)err_set(-EINVAL, "a request has \"id\" and one of \"command\", \"withdraw\" and "
                               "\"ask\", and nothing else");
        return refuse(request, "bad_request");
    }
    if (command != NULL) return read_command(command, find, context, request);
    if (withdraw != NULL) return read_withdraw(withdraw, find, context, request);
    return read_ask(ask, request);
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
