/* port_request: what a line on the command port asks. Pure; host/control/README.md states the
 * lines. */
#ifndef HOST_GATEWAY_PORT_REQUEST_H
#define HOST_GATEWAY_PORT_REQUEST_H

#include "host/control/message.h"
#include "host/gateway/port_card.h"

enum { PORT_ID_BYTES_MAX = 64, PORT_PIECE_BYTES_MAX = 1024 };

enum port_ask {
    PORT_COMMAND = 1, /* through the sequencer */
    PORT_WITHDRAW,    /* take off the orders of a session, of an account's or firm's, of all */
    PORT_STATUS,
    PORT_COUNTERS,
    PORT_CARD,     /* a look */
    PORT_LOG,      /* of the firmware */
    PORT_PROGRESS, /* of the last action */
    PORT_ACTION,
    PORT_PIECE, /* of a firmware file, for an action to come */
};

struct port_request {
    json_t *id; /* integer, string or null; the caller's to json_decref, also after a failure */
    enum port_ask ask;
    struct command command; /* WITHDRAW: field, firm, account and session say whose */
    enum port_action_kind action;
    uint32_t offset, bytes; /* of the piece in its file */
    uint8_t piece[PORT_PIECE_BYTES_MAX];
    const char *code; /* after a failure: a word for programs; err_text is for people */
};

/* port_request_read reads a line without its newline. find is message_find's. Returns 0, or -EINVAL
   and fills code; err_text says why. */
int port_request_read(const char *line, size_t bytes, message_find *find, void *context,
                      struct port_request *request);

/* port_request_allowed says whether operators may ask for commands of an opcode: those that concern
   no order. */
bool port_request_allowed(uint8_t opcode);

#endif /* HOST_GATEWAY_PORT_REQUEST_H */
