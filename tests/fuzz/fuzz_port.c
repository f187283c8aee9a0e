/* fuzz_port: any bytes as a line on the command port. What is taken is of an opcode that operators
 * may use and can be written and read again, or a piece that lies within a firmware file; what is
 * not is refused with a word and a sentence. */
#include "driver/firmware.h"
#include "host/base/check.h"
#include "host/base/err.h"
#include "host/gateway/port_request.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static int find(void *context, unsigned table, const char *name) {
    (void)context;
    return (int)table * 100 + (int)strlen(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    struct port_request request;
    if (port_request_read((const char *)data, bytes, find, NULL, &request) != 0) {
        CHECK(request.code != NULL && request.code[0] != 0);
        CHECK(err_text()[0] != 0);
        json_decref(request.id);
        return 0;
    }
    if (request.ask == PORT_COMMAND) {
        struct command again;
        CHECK(port_request_allowed(request.command.opcode));
        CHECK(request.command.stamp_ns == 0 && request.command.origin == 0);
        json_t *json = message_command_write(&request.command);
        if ((request.command.reserved >> 63) == 0) { /* JSON's integers have a sign */
            CHECK(message_command_read(json, NULL, NULL, &again) == 0);
            CHECK(memcmp(&again, &request.command, sizeof again) == 0);
        }
        json_decref(json);
    }
    if (request.ask == PORT_PIECE) {
        CHECK(request.bytes > 0 && request.bytes <= PORT_PIECE_BYTES_MAX);
        CHECK(request.offset < FIRMWARE_FILE_BYTES_MAX);
    }
    if (request.ask == PORT_ACTION)
        CHECK(request.action >= PORT_RESTART && request.action <= PORT_UPDATE);
    json_decref(request.id);
    return 0;
}
