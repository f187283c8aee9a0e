#include "host/control/message.h"
#include "host/base/err.h"
#include <errno.h>
#include <inttypes.h>

/* A part of a record. */
struct part {
    const char *name;
    uint16_t offset, bytes;
    bool is_signed;
};

/* A code by its group and number. */
struct name {
    const char *group, *name;
    uint8_t number;
};

// clang-format off
/* command_parts, event_parts, status_parts */
#define MSG(name, meaning)                      static const struct part name##_parts[] __attribute__((unused)) = {
#define PART(name, part, type, offset, meaning) { #part, offset, sizeof(type), (type)-1 < (type)1 },
#define ALIAS(name, alias, type, offset, meaning)
#define END(name, size)                         };
#include "driver/abi/wire.def"
#undef MSG
#undef PART
#undef ALIAS
#undef END

static const struct name names[] = {
#define CODE(group, name, number, meaning) { #group, #name, number },
#define LIMIT(name, number, meaning)
#define USE(opcode, part)
#define FLAG(group, name, bit, built, meaning)
#include "driver/abi/codes.def"
#undef CODE
#undef LIMIT
#undef USE
#undef FLAG
};
// clang-format on

enum { COMMAND_PARTS = sizeof command_parts / sizeof *command_parts };
enum { EVENT_PARTS = sizeof event_parts / sizeof *event_parts };
static const unsigned no_table = 255;

/* ---- Names ---- */

static const char *code_name(const char *group, uint64_t number) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].number == number && strcmp(names[i].group, group) == 0) return names[i].name;
    return NULL;
}

static int64_t code_number(const char *group, const char *name) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i].name, name) == 0 && strcmp(names[i].group, group) == 0)
            return names[i].number;
    return -1;
}

static int64_t field_number(unsigned table, const char *name) {
    const struct abi_row *row;
    for (unsigned number = 1; (row = abi_row(table, number)) != NULL; number++)
        if (strcmp(row->name, name) == 0) return number;
    return -1;
}

/* The table whose fields a command names; no_table where field is a table itself, or nothing. */
static unsigned command_table(unsigned opcode) {
    switch (opcode) {
    case OPCODE_SYMBOL:
        return TABLE_SYMBOL;
    case OPCODE_ACCOUNT:
        return TABLE_ACCOUNT;
    case OPCODE_POSITION:
        return TABLE_POSITION;
    default:
        return no_table;
    }
}

static unsigned event_table(const struct event *event) {
    bool named = event->kind == KIND_SET || event->kind == KIND_STATE || event->kind == KIND_ROW;
    return named ? event->table : no_table;
}

/* The group that names a part's numbers, NULL for a part that is just a number. */
static const char *part_group(const char *part) {
    static const struct {
        const char *part, *group;
    } row[] = {
        { "opcode", "OPCODE" }, { "side", "SIDE" },     { "mode", "MODE" },
        { "kind", "KIND" },     { "reason", "REASON" }, { "table", "TABLE" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        if (strcmp(row[i].part, part) == 0) return row[i].group;
    return NULL;
}

/* What a name means in a part, or -1. table is that of the part `field`. */
static int64_t name_number(const char *part, const char *name, unsigned table, message_find *find,
                           void *context) {
    static const struct {
        const char *part;
        unsigned table;
    } row[] = { { "symbol", TABLE_SYMBOL },
                { "account", TABLE_ACCOUNT },
                { "firm", TABLE_FIRM },
                { "session", TABLE_SESSION } };
    const char *group = part_group(part);
    if (group != NULL) return code_number(group, name);
    if (strcmp(part, "field") == 0)
        return table == no_table ? code_number("TABLE", name) : field_number(table, name);
    for (size_t i = 0; find != NULL && i < sizeof row / sizeof *row; i++)
        if (strcmp(row[i].part, part) == 0) return find(context, row[i].table, name);
    return -1;
}

/* ---- Parts ---- */

static int64_t part_get(const void *record, const struct part *part) {
    uint64_t value = 0;
    memcpy(&value, (const char *)record + part->offset, part->bytes); /* little-endian, both */
    return (int64_t)value;
}

static bool part_holds(const struct part *part, int64_t value) {
    if (part->bytes == 8) return part->is_signed || value >= 0;
    return value >= 0 && value >> (8 * part->bytes) == 0;
}

static void part_set(void *record, const struct part *part, int64_t value) {
    memcpy((char *)record + part->offset, &value, part->bytes);
}

static int part_read(void *record, const struct part *part, const json_t *value, unsigned table,
                     message_find *find, void *context) {
    int64_t number;
    if (json_is_integer(value)) {
        number = json_integer_value(value);
        if (!part_holds(part, number))
            return err_set(-EINVAL, "\"%s\": %" PRId64 " does not fit its %u bytes", part->name,
                           number, part->bytes);
    } else if (json_is_string(value)) {
        number = name_number(part->name, json_string_value(value), table, find, context);
        if (number < 0 || !part_holds(part, number))
            return err_set(-EINVAL, "there is no %s \"%.40s\"", part->name,
                           json_string_value(value));
    } else {
        return err_set(-EINVAL, "\"%s\" is neither a whole number nor a name", part->name);
    }
    part_set(record, part, number);
    return 0;
}

/* Every key must be a part. */
static int keys_known(const json_t *json, const struct part *parts, uint32_t count,
                      const char *record) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)json, key, value) {
        uint32_t i = 0;
        while (i < count && strcmp(parts[i].name, key) != 0) i++;
        if (i == count) return err_set(-EINVAL, "\"%.40s\" is no part of a %s", key, record);
    }
    return 0;
}

/* ---- Records ---- */

int message_command_read(const json_t *json, message_find *find, void *context,
                         struct command *command) {
    *command = (struct command){ .opcode = 0 };
    if (!json_is_object(json)) return err_set(-EINVAL, "\"command\" is no object");
    int code = keys_known(json, command_parts, COMMAND_PARTS, "command");
    for (uint32_t i = 0; code == 0 && i < COMMAND_PARTS; i++) {
        const json_t *value = json_object_get(json, command_parts[i].name);
        if (value != NULL) /* the opcode stands before the field in the record */
            code = part_read(command, &command_parts[i], value, command_table(command->opcode),
                             find, context);
    }
    if (code == 0 && command->opcode == 0)
        code = err_set(-EINVAL, "\"opcode\" is missing: it is KILL, SYMBOL, QUERY, ...");
    return code;
}

int message_event_read(const json_t *json, struct event *event) {
    *event = (struct event){ .number = 0 };
    if (!json_is_object(json)) return err_set(-EINVAL, "an event is no object");
    int code = keys_known(json, event_parts, EVENT_PARTS, "event");
    for (uint32_t i = 0; code == 0 && i < EVENT_PARTS; i++) {
        const json_t *value = json_object_get(json, event_parts[i].name);
        if (value != NULL) /* kind and table stand before the field in the record */
            code = part_read(event, &event_parts[i], value, event_table(event), NULL, NULL);
    }
    return code;
}

/* A part's number by its name where it has one. */
static json_t *part_write(const char *part, int64_t number, unsigned table) {
    const char *group = part_group(part), *name = NULL;
    if (group != NULL && strcmp(group, "MODE") != 0) name = code_name(group, (uint64_t)number);
    if (strcmp(part, "field") == 0 && table != no_table) {
        const struct abi_row *row = abi_row(table, (unsigned)number);
        if (row != NULL) name = row->name;
    }
    return name != NULL ? json_string(name) : json_integer(number);
}

static json_t *record_write(const void *record, const struct part *parts, uint32_t count,
                            unsigned table) {
    json_t *json = json_object();
    for (uint32_t i = 0; json != NULL && i < count; i++) {
        int64_t number = part_get(record, &parts[i]);
        if (number == 0) continue;
        if (json_object_set_new(json, parts[i].name, part_write(parts[i].name, number, table)) !=
            0) {
            json_decref(json);
            return NULL;
        }
    }
    return json;
}

json_t *message_command_write(const struct command *command) {
    return record_write(command, command_parts, COMMAND_PARTS, command_table(command->opcode));
}

json_t *message_event_write(const struct event *event) {
    return record_write(event, event_parts, EVENT_PARTS, event_table(event));
}

json_t *message_error(const char *code, const char *message, json_t *details) {
    return json_pack("{s:s, s:s, s:o}", "code", code, "message", message, "details",
                     details != NULL ? details : json_object());
}
