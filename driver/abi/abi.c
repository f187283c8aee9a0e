#include "driver/abi/abi.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

// clang-format off
uint32_t abi_digest(void) {
    static const char *const table[] = {
#define MSG(name, meaning)                         "M" #name ";",
#define PART(name, part, type, offset, meaning)    "P" #name "," #part "," #type "," #offset ";",
#define ALIAS(name, alias, type, offset, meaning)  "A" #name "," #alias "," #type "," #offset ";",
#define END(name, size)                            "E" #name "," #size ";",
#include "driver/abi/wire.def"
#undef MSG
#undef PART
#undef ALIAS
#undef END
#define CODE(group, name, number, meaning)         "C" #group "," #name "," #number ";",
#define LIMIT(name, number, meaning)               "L" #name "," #number ";",
#define USE(opcode, part)                          "U" #opcode "," #part ";",
#define FLAG(group, name, bit, built, meaning)     "F" #group "," #name "," #bit "," #built ";",
#include "driver/abi/codes.def"
#undef CODE
#undef LIMIT
#undef USE
#undef FLAG
#define ROW(table, name, number, access, min, max, meaning) \
                                                   "R" #table "," #name "," #number "," #access "," #min "," #max ";",
#include "driver/abi/rows.def"
#undef ROW
    };
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        for (const char *at = table[i]; *at; at++) hash = (hash ^ (uint8_t)*at) * 16777619u;
    return hash;
}

struct command abi_own_command(const struct event *event) {
    if (event->kind == KIND_ALERT)
        return (struct command){
            .stamp_ns = event->stamp_ns,
            .opcode = OPCODE_ALERT,
            .origin = ORIGIN_CARD,
            .field = event->field,
            .value = event->value,
        };
    return (struct command){
        .stamp_ns = event->stamp_ns,
        .opcode = OPCODE_KILL,
        .origin = ORIGIN_CARD,
        .field = TABLE_ENGINE,
        .mode = MODE_KILL,
    };
}

bool abi_own(const struct command *command) {
    const unsigned alert = command->field & ~(unsigned)ALERT_CLEARED;
    if (command->opcode == OPCODE_ALERT && (alert == 0 || alert > ALERT_CRITICAL)) return false;
    const struct event said = {
        .stamp_ns = command->stamp_ns,
        .kind = command->opcode == OPCODE_ALERT ? KIND_ALERT : KIND_STATE,
        .field = command->field,
        .value = command->value,
    };
    const struct command own = abi_own_command(&said);
    return memcmp(&own, command, sizeof own) == 0;
}

/* Every register has its own offset: an equal pair is an equal case, which does not compile. Numbers of codes and rows
   are compared by tests/unit/test_abi.c. */
void abi_offsets_differ(uint32_t offset);
void abi_offsets_differ(uint32_t offset) {
    switch (offset) {
#define REG(name, offset, access, reset, meaning) case (offset):
#define FIELD(name, field, lsb, width, meaning)
#include "driver/abi/regs.def"
#undef REG
#undef FIELD
    default: break;
    }
}

static const struct abi_row rows[] = {
#define SET   ABI_SET
#define READ  ABI_READ
#define LATER ABI_LATER
#define ROW(table, name, number, access, min, max, meaning) { #table, #name, TABLE_##table, number, access, min, max },
#include "driver/abi/rows.def"
#undef ROW
#undef SET
#undef READ
#undef LATER
};

/* One byte mask for each opcode that has USE lines; the macro compares the opcode's name, so the table needs no order. */
const uint8_t *abi_used(unsigned opcode) {
    static const struct { uint16_t opcode; uint16_t offset; uint16_t bytes; } use[] = {
#define CODE(group, name, number, meaning)
#define LIMIT(name, number, meaning)
#define USE(opcode, part) { OPCODE_##opcode, offsetof(struct command, part), sizeof(((struct command *)0)->part) },
#define FLAG(group, name, bit, built, meaning)
#include "driver/abi/codes.def"
#undef USE
#undef FLAG
#undef CODE
#undef LIMIT
    };
    enum { OPCODES = 16, ALWAYS = 10 }; /* stamp_ns, opcode, origin */
    static_assert(offsetof(struct command, side) == ALWAYS, "the parts that every command uses come first");
    static _Thread_local uint8_t mask[OPCODES][sizeof(struct command)];
    static _Thread_local bool known[OPCODES], filled;
    if (!filled) {
        known[OPCODE_NOP] = true;
        for (size_t i = 0; i < sizeof use / sizeof *use; i++) {
            known[use[i].opcode] = true;
            memset(&mask[use[i].opcode][use[i].offset], 0xff, use[i].bytes);
        }
        for (size_t i = 0; i < OPCODES; i++) memset(mask[i], 0xff, ALWAYS);
        filled = true;
    }
    return opcode < OPCODES && known[opcode] ? mask[opcode] : NULL;
}

uint16_t abi_order_flags_built(void) {
    unsigned mask = 0;
#define CODE(group, name, number, meaning)
#define LIMIT(name, number, meaning)
#define USE(opcode, part)
#define FLAG(group, name, bit, built, meaning) \
    if ((built) && strcmp(#group, "ORDER") == 0) mask |= 1u << (bit);
#include "driver/abi/codes.def"
#undef FLAG
#undef CODE
#undef LIMIT
#undef USE
    return (uint16_t)mask;
}

struct name { const char *group; unsigned number; const char *text, *meaning; };

static const struct name *name_row(const char *group, unsigned number) {
    static const struct name names[] = {
#define CODE(group, name, number, meaning) { #group, number, #name, meaning },
#define LIMIT(name, number, meaning)
#define USE(opcode, part)
#define FLAG(group, name, bit, built, meaning)
#include "driver/abi/codes.def"
#undef CODE
#undef LIMIT
#undef USE
#undef FLAG
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].number == number && strcmp(names[i].group, group) == 0) return &names[i];
    static const struct name none = { .text = "?", .meaning = "?" };
    return &none;
}
// clang-format on

static const char *name_find(const char *group, unsigned number) {
    return name_row(group, number)->text;
}

const struct abi_row *abi_row(unsigned table, unsigned number) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].table_number == table && rows[i].number == number) return &rows[i];
    return NULL;
}

bool abi_changes_symbol(const struct event *event) {
    switch (event->kind) {
    case KIND_ACCEPTED:
    case KIND_REPLACED:
    case KIND_CANCELED:
    case KIND_TRADE:
    case KIND_RESTATED:
        return true;
    case KIND_SET:
    case KIND_STATE:
        return event->table == TABLE_SYMBOL;
    default:
        return false;
    }
}

const char *abi_reason_meaning(unsigned reason) { return name_row("REASON", reason)->meaning; }

const char *abi_stop_meaning(unsigned stop) {
    const struct name *memory = name_row("MEMORY", stop);
    return memory->group != NULL ? memory->meaning : name_row("STOP", stop)->meaning;
}

const char *abi_opcode_name(unsigned opcode) { return name_find("OPCODE", opcode); }

const char *abi_kind_name(unsigned kind) { return name_find("KIND", kind); }

const char *abi_reason_name(unsigned reason) { return name_find("REASON", reason); }

const char *abi_table_name(unsigned table) { return name_find("TABLE", table); }

const char *abi_counter_name(unsigned counter) { return name_find("COUNTER", counter); }

const char *abi_memory_name(unsigned memory) { return name_find("MEMORY", memory); }
const char *abi_alert_name(unsigned alert) { return name_find("ALERT", alert); }

/* A text that grows within ABI_TEXT_BYTES and is cut at its end. */
struct text {
    char *at;
    size_t used;
};

__attribute__((format(printf, 2, 3))) static void text_add(struct text *text, const char *format,
                                                           ...) {
    va_list args;
    va_start(args, format);
    int added = vsnprintf(text->at + text->used, ABI_TEXT_BYTES - text->used, format, args);
    va_end(args);
    if (added < 0) return;
    text->used += (size_t)added;
    if (text->used > ABI_TEXT_BYTES - 1) text->used = ABI_TEXT_BYTES - 1;
}

static void text_part(struct text *text, const char *name, int64_t value) {
    if (value != 0) text_add(text, " %s=%" PRId64, name, value);
}

static void text_order(struct text *text, const char *name, uint32_t handle) {
    if (handle != 0) text_add(text, " %s=%u.%u", name, abi_slot(handle), abi_generation(handle));
}

const char *abi_command_text(const struct command *command, char *out) {
    struct text text = { .at = out };
    text_add(&text, "%s", abi_opcode_name(command->opcode));
    if (command->opcode > OPCODE_ALERT) text_part(&text, "opcode", command->opcode);
    text_part(&text, "origin", command->origin);
    text_part(&text, "stamp_ns", (int64_t)command->stamp_ns);
    text_order(&text, "order", command->order);
    text_part(&text, "side", command->side);
    text_part(&text, "symbol", command->symbol);
    text_part(&text, "account", command->account);
    text_part(&text, "session", command->session);
    text_part(&text, "firm", command->firm);
    text_part(&text, "quantity", command->quantity);
    text_part(&text, "price_e4", command->price_e4);
    text_part(&text, "flags", command->flags);
    text_part(&text, "field", command->field);
    text_part(&text, "mode", command->mode);
    text_part(&text, "value", command->value);
    text_part(&text, "self_trade", command->self_trade);
    text_part(&text, "shown", command->shown);
    text_part(&text, "quantity_min", command->quantity_min);
    text_part(&text, "client_ref", command->client_ref);
    text_part(&text, "reserved", (int64_t)command->reserved);
    return out;
}

const char *abi_event_text(const struct event *event, char *out) {
    struct text text = { .at = out };
    text_add(&text, "%s", abi_kind_name(event->kind));
    if (event->reason != REASON_NONE) text_add(&text, "(%s)", abi_reason_name(event->reason));
    text_add(&text, " number=%" PRIu64 " command=%" PRIu64 " stamp_ns=%" PRIu64, event->number,
             event->command, event->stamp_ns);
    text_order(&text, "order", event->order);
    text_part(&text, "symbol", event->symbol);
    text_part(&text, "account", event->account);
    text_part(&text, "session", event->session);
    text_part(&text, "quantity", event->quantity);
    text_part(&text, "leaves", event->leaves);
    text_part(&text, "price_e4", event->price_e4);
    if (event->kind == KIND_TRADE) {
        text_order(&text, "maker", event_maker(event));
        text_part(&text, "maker_leaves", event_maker_leaves(event));
    } else {
        text_part(&text, "value", event->value);
    }
    if (event->kind == KIND_SET || event->kind == KIND_STATE || event->kind == KIND_ROW) {
        const struct abi_row *row = abi_row(event->table, event->field);
        text_add(&text, " %s.%s", abi_table_name(event->table), row ? row->name : "-");
    } else if (event->kind == KIND_REJECTED) {
        text_add(&text, " of %s", abi_opcode_name(event->field));
    } else {
        text_part(&text, "table", event->table);
        text_part(&text, "field", event->field);
    }
    if (event->flags & EVENT_SELL) text_add(&text, " sell");
    if (event->flags & EVENT_IOC) text_add(&text, " ioc");
    if (event->flags & EVENT_CARD) text_add(&text, " origin=card");
    if (event->flags & EVENT_END) text_add(&text, " end");
    return out;
}

const struct abi_code *abi_mgmt_code(const char *group, int64_t number) {
    static const struct abi_code unknown = { "?", "?", 0, "no code of this host's tables" };
    static const struct abi_code codes[] = {
// clang-format off
#define REGION(name, address, bytes, meaning)
#define DEVICE(name, offset, access, meaning)
#define PAGE(name, offset, unit, meaning)
#define IMAGE(name, offset, meaning)
#define CODE(group, name, number, meaning) { #group, #name, number, meaning },
#include "driver/abi/mgmt.def"
#undef REGION
#undef DEVICE
#undef PAGE
#undef IMAGE
#undef CODE
        // clang-format on
    };
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i].number == number && strcmp(codes[i].group, group) == 0) return &codes[i];
    return &unknown;
}

const char *abi_alert_text(unsigned field, int64_t value, char *text) {
    const unsigned alert = field & ~(unsigned)ALERT_CLEARED;
    const char *over = field & ALERT_CLEARED ? " is over" : "";
    const uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    switch (alert) {
    case ALERT_TEMPERATURE:
    case ALERT_CRITICAL:
        (void)snprintf(text, ABI_TEXT_BYTES, "%s%s, %s%" PRIu64 ".%02" PRIu64 " C",
                       abi_alert_name(alert), over, value < 0 ? "-" : "", size / 100, size % 100);
        break;
    case ALERT_VCCINT:
    case ALERT_VCCAUX:
        (void)snprintf(text, ABI_TEXT_BYTES, "%s%s, %" PRId64 " mV", abi_alert_name(alert), over,
                       value);
        break;
    case ALERT_FIRMWARE:
        (void)snprintf(text, ABI_TEXT_BYTES, "%s%s, image B was not taken: %s",
                       abi_alert_name(alert), over, abi_mgmt_code("BOOT", value)->meaning);
        break;
    case ALERT_MEMORY:
        (void)snprintf(text, ABI_TEXT_BYTES, "%s%s, %" PRId64 " words put right",
                       abi_alert_name(alert), over, value);
        break;
    default:
        (void)snprintf(text, ABI_TEXT_BYTES, "%s%s, %#" PRIx64, abi_alert_name(alert), over,
                       (uint64_t)value);
    }
    return text;
}
