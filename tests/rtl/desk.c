#include "tests/rtl/desk.h"
#include "host/base/check.h"
#include "host/base/err.h"
#include "host/client/generator.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { SYMBOLS_MAX = 64 };

struct entry {
    uint64_t order; /* the flow's id; 0 is none */
    uint32_t slot;
};

struct held {
    uint64_t order;
    uint32_t handle, executed, leaves;
    uint16_t symbol, account;
    uint8_t side;
};

struct desk {
    struct card *card;
    uint32_t base_e4, accounts, symbols;
    char symbol[SYMBOLS_MAX][FLOW_SYMBOL_BYTES + 1];
    uint64_t commands;
    struct held *held;   /* by slot */
    uint32_t *free_slot; /* a stack */
    uint32_t free_count;
    struct entry *map; /* open addressing over live orders, removal by shifting back */
    uint32_t map_mask;
    drive_see *see;
    void *context;
};

struct desk *desk_new(struct card *card, uint32_t base_e4, uint32_t accounts) {
    struct desk *desk = calloc(1, sizeof *desk);
    CHECK(desk);
    desk->card = card;
    desk->base_e4 = base_e4;
    desk->accounts = accounts < card->size.accounts ? accounts : card->size.accounts;
    desk->held = calloc(card->size.orders, sizeof *desk->held);
    desk->free_slot = calloc(card->size.orders, sizeof *desk->free_slot);
    desk->map_mask = card->size.orders * 4 - 1;
    desk->map = calloc((size_t)desk->map_mask + 1, sizeof *desk->map);
    CHECK(desk->held && desk->free_slot && desk->map);
    for (uint32_t i = card->size.orders; i > 0; i--) {
        desk->held[i - 1].handle = abi_handle(i - 1, 0);
        desk->free_slot[desk->free_count++] = i - 1;
    }
    return desk;
}

void desk_delete(struct desk *desk) {
    if (!desk) return;
    free(desk->held);
    free(desk->free_slot);
    free(desk->map);
    free(desk);
}

uint64_t desk_order(const struct desk *desk, uint32_t slot) { return desk->held[slot].order; }

uint64_t desk_commands(const struct desk *desk) { return desk->commands; }

/* ---- order ids to slots
 * ------------------------------------------------------------------------------------------ */

static uint32_t map_home(const struct desk *desk, uint64_t order) {
    return (uint32_t)((order * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & desk->map_mask;
}

static uint32_t map_find(const struct desk *desk, uint64_t order) {
    uint32_t at = map_home(desk, order);
    while (desk->map[at].order != 0 && desk->map[at].order != order) at = (at + 1) & desk->map_mask;
    return at;
}

static void map_remove(struct desk *desk, uint64_t order) {
    uint32_t hole = map_find(desk, order);
    CHECK(desk->map[hole].order == order);
    desk->map[hole].order = 0;
    for (uint32_t at = (hole + 1) & desk->map_mask; desk->map[at].order != 0;
         at = (at + 1) & desk->map_mask) {
        struct entry moved = desk->map[at];
        desk->map[at].order = 0;
        desk->map[map_find(desk, moved.order)] = moved;
    }
}

/* ---- events
 * ------------------------------------------------------------------------------------------------------
 */

static void left(struct desk *desk, uint32_t handle, uint32_t traded, uint32_t leaves) {
    struct held *held = &desk->held[abi_slot(handle)];
    held->executed += traded;
    held->leaves = leaves;
    if (leaves > 0) return;
    map_remove(desk, held->order);
    desk->free_slot[desk->free_count++] = abi_slot(handle);
}

static void see_event(void *context, const struct event *event) {
    struct desk *desk = context;
    struct held *held = &desk->held[abi_slot(event->order)];
    if (desk->see) desk->see(desk->context, event);
    switch (event->kind) {
    case KIND_ACCEPTED:
    case KIND_REPLACED:
        held->handle = event->order;
        held->leaves = event->leaves;
        held->executed = event->quantity - event->leaves;
        break;
    case KIND_REJECTED:
        if (event->field == OPCODE_NEW)
            left(desk, abi_handle(abi_slot(event->order), abi_generation(held->handle)), 0, 0);
        break;
    case KIND_TRADE:
        left(desk, event_maker(event), event->quantity, event_maker_leaves(event));
        left(desk, event->order, event->quantity, event->leaves);
        break;
    case KIND_CANCELED:
        left(desk, event->order, 0, event->leaves);
        break;
    default:
        break;
    }
}

static int give(struct desk *desk, const struct command *command) {
    desk->commands++;
    return drive(desk->card, command, see_event, desk);
}

/* ---- set-up
 * ------------------------------------------------------------------------------------------------------
 */

static int set(struct desk *desk, uint8_t opcode, uint16_t symbol, uint16_t account, uint8_t field,
               int64_t value) {
    struct command command = {
        .opcode = opcode, .symbol = symbol, .account = account, .field = field, .value = value
    };
    return give(desk, &command);
}

int desk_open(struct desk *desk) {
    int error = 0;
    for (uint16_t account = 0; account < desk->accounts && !error; account++) {
        error = set(desk, OPCODE_ACCOUNT, 0, account, ROW_ACCOUNT_CURRENCY, 840);
        if (!error)
            error =
                set(desk, OPCODE_ACCOUNT, 0, account, ROW_ACCOUNT_QUANTITY_MAX, LIMIT_QUANTITY_MAX);
        if (!error)
            error = set(desk, OPCODE_ACCOUNT, 0, account, ROW_ACCOUNT_NOTIONAL_MAX_E4,
                        INT64_C(0x7ffffffffffff));
        if (!error) error = set(desk, OPCODE_ACCOUNT, 0, account, ROW_ACCOUNT_OPEN_MAX, 0xfffff);
        if (!error)
            error = set(desk, OPCODE_ACCOUNT, 0, account, ROW_ACCOUNT_GROSS_MAX_E4,
                        INT64_C(0x1fffffffffffffff));
        if (!error)
            error = set(desk, OPCODE_ACCOUNT, 0, account, ROW_ACCOUNT_DAILY_MAX_E4,
                        INT64_C(0x1fffffffffffffff));
        if (!error) error = set(desk, OPCODE_CREDIT, 0, account, 0, INT64_C(1) << 61);
        if (!error) error = set(desk, OPCODE_ACCOUNT, 0, account, ROW_ACCOUNT_ENABLED, 1);
    }
    struct command release = { .opcode = OPCODE_KILL, .mode = MODE_RELEASE };
    return error ? error : give(desk, &release);
}

static int open_symbol(struct desk *desk, uint16_t symbol, uint32_t base_e4) {
    const int64_t shares = INT64_C(1) << 40, levels = desk->card->size.levels;
    int error = set(desk, OPCODE_SYMBOL, symbol, 0, ROW_SYMBOL_TICK_E4, FLOW_TICK_E4);
    if (!error) error = set(desk, OPCODE_SYMBOL, symbol, 0, ROW_SYMBOL_BASE_E4, base_e4);
    if (!error) error = set(desk, OPCODE_SYMBOL, symbol, 0, ROW_SYMBOL_REFERENCE, levels / 2);
    if (!error) error = set(desk, OPCODE_SYMBOL, symbol, 0, ROW_SYMBOL_COLLAR, levels - 1);
    if (!error) error = set(desk, OPCODE_SYMBOL, symbol, 0, ROW_SYMBOL_STATE, SYMBOL_STATE_OPEN);
    for (uint16_t account = 0; account < desk->accounts && !error; account++) {
        error = set(desk, OPCODE_POSITION, symbol, account, ROW_POSITION_LONG_MAX, shares);
        if (!error)
            error = set(desk, OPCODE_POSITION, symbol, account, ROW_POSITION_SHORT_MAX, shares);
        if (!error)
            error = set(desk, OPCODE_POSITION, symbol, account, ROW_POSITION_LOCATE, shares);
    }
    return error;
}

/* find_symbol says the symbol's row; a name that is new is set up. One behind the last for names
 * that are too many. */
static int find_symbol(struct desk *desk, const char *name, uint16_t *symbol) {
    for (uint16_t i = 0; i < desk->symbols; i++)
        if (strcmp(desk->symbol[i], name) == 0) {
            *symbol = i;
            return 0;
        }
    *symbol = (uint16_t)desk->symbols;
    if (desk->symbols == SYMBOLS_MAX || desk->symbols == desk->card->size.symbols) return 0;
    memcpy(desk->symbol[desk->symbols++], name, sizeof desk->symbol[0]);
    unsigned day;
    uint32_t base_e4 = desk->base_e4;
    if (base_e4 == 0) base_e4 = GENERATOR_STREAM_TICK_MIN * FLOW_TICK_E4;
    if (sscanf(name, "DAY%2u", &day) == 1 && day < GENERATOR_SYMBOLS)
        base_e4 = generator_base_e4(day);
    return open_symbol(desk, *symbol, base_e4);
}

/* ---- rows
 * --------------------------------------------------------------------------------------------------------
 */

static int new_order(struct desk *desk, const struct flow_row *row) {
    uint16_t symbol;
    int error = find_symbol(desk, row->symbol, &symbol);
    if (error) return error;
    if (desk->free_count == 0)
        return err_set(-ENOSPC, "order %llu: no free slot", (unsigned long long)row->order);
    uint32_t slot = desk->free_slot[--desk->free_count];
    struct held *held = &desk->held[slot];
    held->order = row->order;
    held->symbol = symbol;
    held->account = (uint16_t)(row->order % desk->accounts);
    held->side = row->side;
    held->executed = 0;
    desk->map[map_find(desk, row->order)] = (struct entry){ .order = row->order, .slot = slot };
    struct command command = {
        .opcode = OPCODE_NEW,
        .side = row->side,
        .flags = row->ioc ? ORDER_IOC : 0,
        .symbol = symbol,
        .account = held->account,
        .session = held->account,
        .order = abi_handle(slot, abi_generation_next(abi_generation(held->handle))),
        .quantity = row->quantity,
        .price_e4 = row->price_e4,
    };
    return give(desk, &command);
}

int desk_row(struct desk *desk, const struct flow_row *row, drive_see *see, void *context) {
    desk->see = see;
    desk->context = context;
    if (row->kind == FLOW_NEW) return new_order(desk, row);
    const struct entry *entry = &desk->map[map_find(desk, row->order)];
    if (entry->order == 0) return 0;
    const struct held *held = &desk->held[entry->slot];
    struct command command = {
        .opcode = row->kind == FLOW_REPLACE ? OPCODE_REPLACE : OPCODE_CANCEL,
        .side = held->side,
        .symbol = held->symbol,
        .account = held->account,
        .session = held->account,
        .order = held->handle,
    };
    if (row->kind == FLOW_REPLACE) {
        command.quantity = held->executed + row->quantity;
        command.price_e4 = row->price_e4;
    } else if (row->kind == FLOW_REDUCE && row->quantity < held->leaves) {
        command.quantity = held->executed + held->leaves - row->quantity;
    }
    return give(desk, &command);
}
