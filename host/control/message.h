/* message: commands and events as JSON objects, each part by its name in wire.def. Parts that are
 * zero are left out when writing and may be left out when reading.
 *
 *   {"opcode":"KILL","field":"FIRM","mode":"KILL","firm":"firm01"}
 *   {"number":812,"command":790,"kind":"STATE","flags":1,"value":1,"table":"FIRM","field":"KILLED"}
 *
 * Opcodes, sides, modes, tables, kinds and reasons are the names of codes.def; fields of a row
 * those of rows.def. A number is taken wherever a name is. */
#ifndef HOST_CONTROL_MESSAGE_H
#define HOST_CONTROL_MESSAGE_H

#include "driver/abi/abi.h"
#include <jansson.h>

/* message_find gives the row of TABLE_SYMBOL, TABLE_ACCOUNT, TABLE_FIRM or TABLE_SESSION that a
   name means, or -1. */
typedef int message_find(void *context, unsigned table, const char *name);

/* message_command_read fills command from a JSON object. find resolves names of symbol, account,
   firm and session and may be NULL where only numbers are taken. Returns 0; or -EINVAL for an
   unknown part, a value that is no number or name, or one that its part does not hold: err_text
   names the part. Nothing else is judged: that is the card's. */
int message_command_read(const json_t *json, message_find *find, void *context,
                         struct command *command);

/* message_event_read is the same for an event. */
int message_event_read(const json_t *json, struct event *event);

/* message_command_write and message_event_write make a new object; NULL without memory. */
json_t *message_command_write(const struct command *command);
json_t *message_event_write(const struct event *event);

/* message_error makes {"code", "message", "details"}; details is taken over, NULL for {}. */
json_t *message_error(const char *code, const char *message, json_t *details);

#endif /* HOST_CONTROL_MESSAGE_H */
