/* abi.h: the C view of the contract between card and host: wire.def, codes.def, rows.def and
 * regs.def.
 *
 * struct command, struct event and struct status are the records; CODE groups become enum constants
 * (OPCODE_NEW, REASON_RESTRICTED), limits LIMIT_, flag bits ORDER_IOC, rows ROW_SYMBOL_TICK_E4,
 * registers REG_ and their fields as masks (STATUS_LIVE). The reference page (build/abi.md) says
 * what each means. */
#ifndef DRIVER_ABI_ABI_H
#define DRIVER_ABI_ABI_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// clang-format off
/* struct command { uint64_t stamp_ns; ... }; */
#define MSG(name, meaning)                       struct name {
#define PART(name, part, type, offset, meaning)  type part;
#define ALIAS(name, alias, type, offset, meaning)
#define END(name, size)                          };
#include "driver/abi/wire.def"
#undef MSG
#undef PART
#undef ALIAS
#undef END

/* static inline uint32_t event_maker(const struct event *); */
#define MSG(name, meaning)
#define PART(name, part, type, offset, meaning) \
    static_assert(offsetof(struct name, part) == (offset), #name "." #part " is not where wire.def puts it");
#define ALIAS(name, alias, type, offset, meaning) \
    static_assert((offset) + sizeof(type) <= sizeof(struct name), #name "." #alias " lies outside"); \
    static inline type name##_##alias(const struct name *record) { \
        type value; \
        memcpy(&value, (const char *)record + (offset), sizeof value); \
        return value; \
    } \
    static inline void name##_set_##alias(struct name *record, type value) { \
        memcpy((char *)record + (offset), &value, sizeof value); \
    }
#define END(name, size) static_assert(sizeof(struct name) == (size), #name " has a hole");
#include "driver/abi/wire.def"
#undef MSG
#undef PART
#undef ALIAS
#undef END

enum { /* OPCODE_NEW == 2, ORDER_IOC == 1 << 0 */
#define CODE(group, name, number, meaning)       group##_##name = (number),
#define LIMIT(name, number, meaning)             LIMIT_##name = (number),
#define USE(opcode, part)
#define FLAG(group, name, bit, built, meaning)   group##_##name = 1 << (bit),
#include "driver/abi/codes.def"
#include "driver/abi/version.def"
#undef CODE
#undef LIMIT
#undef USE
#undef FLAG
};

enum { /* ROW_SYMBOL_TICK_E4 == 3 */
#define ROW(table, name, number, access, min, max, meaning) ROW_##table##_##name = (number),
#include "driver/abi/rows.def"
#undef ROW
};

enum { /* REG_CONTROL == 0x01c */
#define REG(name, offset, access, reset, meaning) REG_##name = (offset),
#define FIELD(name, field, lsb, width, meaning)
#include "driver/abi/regs.def"
#undef REG
#undef FIELD
};

enum { /* STATUS_LIVE == 1 << 1 */
#define REG(name, offset, access, reset, meaning)
#define FIELD(name, field, lsb, width, meaning) name##_##field = (int)(((1ull << (width)) - 1u) << (lsb)),
#include "driver/abi/regs.def"
#undef REG
#undef FIELD
};
// clang-format on

static_assert(offsetof(struct event, clocks) == LIMIT_EVENT_BYTES, "the envelope ends the event");

/* abi_handle packs a slot and a generation into an order's handle. */
static inline uint32_t abi_handle(uint32_t slot, uint32_t generation) {
    return slot | generation << LIMIT_SLOT_BITS;
}

static inline uint32_t abi_slot(uint32_t handle) { return handle & ((1u << LIMIT_SLOT_BITS) - 1u); }

static inline uint32_t abi_generation(uint32_t handle) { return handle >> LIMIT_SLOT_BITS; }

/* abi_generation_next is the generation after one, modulo 2^LIMIT_GENERATION_BITS. */
static inline uint32_t abi_generation_next(uint32_t generation) {
    return (generation + 1u) & ((1u << LIMIT_GENERATION_BITS) - 1u);
}

/* abi_event_equal compares two events without their envelopes. */
static inline bool abi_event_equal(const struct event *a, const struct event *b) {
    return memcmp(a, b, LIMIT_EVENT_BYTES) == 0;
}

/* abi_changes_symbol says whether an event changes its symbol or the symbol's book: the last one
 * that does is what an UNCROSS must name. */
bool abi_changes_symbol(const struct event *event);

/* abi_own_command makes the command that the card gave itself from the event it said of it: the
 * gate's closing, or an ALERT. */
struct command abi_own_command(const struct event *event);

/* abi_own says whether a card may give itself this command; the stamp is not looked at. */
bool abi_own(const struct command *command);

/* What a field of a row allows. */
enum abi_access { ABI_SET, ABI_READ, ABI_LATER };

struct abi_row {
    const char *table, *name;
    uint8_t table_number, number;
    enum abi_access access;
    int64_t min, max;
};

/* abi_row returns the field of a table, or NULL where rows.def has none. */
const struct abi_row *abi_row(unsigned table, unsigned number);

/* abi_digest returns a 32-bit FNV-1a hash of wire.def, codes.def and rows.def, meanings left out.
   A card and a host built from tables that differ differ in it. */
uint32_t abi_digest(void);

/* abi_used points to 64 bytes: 0xff where the opcode uses the byte of a command, 0 elsewhere. The
   stamp, opcode and origin bytes are always used. NULL for an opcode without USE lines that is
   still to be built or unknown. */
const uint8_t *abi_used(unsigned opcode);

/* abi_order_flags_built is the mask of the ORDER_ bits that engines take. */
uint16_t abi_order_flags_built(void);

/* The names of the tables, for people; "?" for a number without one. */
const char *abi_opcode_name(unsigned opcode);
const char *abi_kind_name(unsigned kind);
const char *abi_reason_name(unsigned reason);
const char *abi_table_name(unsigned table);
const char *abi_counter_name(unsigned counter);
const char *abi_memory_name(unsigned memory);
const char *abi_reason_meaning(unsigned reason); /* a sentence */
const char *abi_stop_meaning(unsigned stop);     /* of a MEMORY_ or STOP_ number; a sentence */
const char *abi_alert_name(unsigned alert);      /* without ALERT_CLEARED */

enum { ABI_TEXT_BYTES = 512 };

/* A code of mgmt.def: "BOOT", "ABI", 4, "It was built for another card." */
struct abi_code {
    const char *group, *name;
    uint32_t number;
    const char *meaning;
};

/* abi_mgmt_code finds a code by its group and number; one that says so where mgmt.def has none. */
const struct abi_code *abi_mgmt_code(const char *group, int64_t number);

/* abi_alert_text writes what an ALERT says, with its value in its unit: "TEMPERATURE 92.50 C",
   "FIRMWARE Its SHA-256 is wrong.", "LINK is over"; into text of ABI_TEXT_BYTES, and returns it. */
const char *abi_alert_text(unsigned field, int64_t value, char *text);

/* abi_command_text and abi_event_text write the record in words, its zero parts left out, into text
   of ABI_TEXT_BYTES, and return text. */
const char *abi_command_text(const struct command *command, char *text);
const char *abi_event_text(const struct event *event, char *text);

#endif /* DRIVER_ABI_ABI_H */
