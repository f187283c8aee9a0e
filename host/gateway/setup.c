#include "host/gateway/setup.h"
#include "host/base/check.h"
#include "host/base/err.h"
#include <errno.h>
#include <stdlib.h>

enum { SYMBOL_COMMANDS = 6, ACCOUNT_COMMANDS = 13, POSITION_COMMANDS = 3 };

static void add(struct setup *setup, struct command command) {
    setup->commands[setup->count++] = command;
}

static void add_symbol(struct setup *setup, uint16_t index, const struct config_symbol *symbol) {
    /* The tick comes first, since it forgets the reference; the state last. */
    const struct {
        uint8_t field;
        int64_t value;
    } row[SYMBOL_COMMANDS] = {
        { ROW_SYMBOL_TICK_E4, symbol->tick_e4 }, { ROW_SYMBOL_BASE_E4, symbol->base_e4 },
        { ROW_SYMBOL_LOT, symbol->lot },         { ROW_SYMBOL_REFERENCE, symbol->reference },
        { ROW_SYMBOL_COLLAR, symbol->collar },   { ROW_SYMBOL_STATE, symbol->state },
    };
    for (size_t i = 0; i < SYMBOL_COMMANDS; i++)
        add(setup, (struct command){ .opcode = OPCODE_SYMBOL,
                                     .symbol = index,
                                     .field = row[i].field,
                                     .mode = MODE_SET,
                                     .value = row[i].value });
}

static void add_position(struct setup *setup, uint16_t account, uint16_t symbol,
                         const struct config_position *position) {
    const struct {
        uint8_t field;
        int64_t value;
    } row[POSITION_COMMANDS] = {
        { ROW_POSITION_LONG_MAX, position->long_max },
        { ROW_POSITION_SHORT_MAX, position->short_max },
        { ROW_POSITION_LOCATE, position->locate },
    };
    for (size_t i = 0; i < POSITION_COMMANDS; i++)
        if (row[i].value != 0) /* as reset leaves it */
            add(setup, (struct command){ .opcode = OPCODE_POSITION,
                                         .account = account,
                                         .symbol = symbol,
                                         .field = row[i].field,
                                         .mode = MODE_SET,
                                         .value = row[i].value });
}

static void add_account(struct setup *setup, const struct config *config, uint16_t index) {
    const struct config_account *account = &config->accounts[index];
    const struct {
        uint8_t field;
        int64_t value;
    } row[] = {
        { ROW_ACCOUNT_FIRM, account->firm },
        { ROW_ACCOUNT_CURRENCY, account->currency },
        { ROW_ACCOUNT_QUANTITY_MAX, account->order_quantity },
        { ROW_ACCOUNT_NOTIONAL_MAX_E4, account->order_notional_e4 },
        { ROW_ACCOUNT_OPEN_MAX, account->open_orders },
        { ROW_ACCOUNT_GROSS_MAX_E4, account->open_notional_e4 },
        { ROW_ACCOUNT_DAILY_MAX_E4, account->daily_notional_e4 },
        { ROW_ACCOUNT_RATE_INTERVAL_NS, account->rate_interval_ns },
        { ROW_ACCOUNT_RATE_BURST_NS, account->rate_burst_ns },
        { ROW_ACCOUNT_DUPLICATE_NS, account->duplicate_ns },
        { ROW_ACCOUNT_SELF_TRADE, account->self_trade },
        { ROW_ACCOUNT_ENABLED, 1 },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        add(setup, (struct command){ .opcode = OPCODE_ACCOUNT,
                                     .account = index,
                                     .field = row[i].field,
                                     .mode = MODE_SET,
                                     .value = row[i].value });
    for (uint32_t symbol = 0; symbol < config->symbol_count; symbol++) {
        const struct config_position *position = &account->position;
        for (uint32_t i = 0; i < account->exception_count; i++)
            if (account->exceptions[i].symbol == symbol)
                position = &account->exceptions[i].position;
        add_position(setup, index, (uint16_t)symbol, position);
    }
    if (account->buying_power_e4 > 0)
        add(setup, (struct command){ .opcode = OPCODE_CREDIT,
                                     .account = index,
                                     .value = account->buying_power_e4 });
}

static int fits(const char *what, uint32_t count, uint32_t most) {
    if (count <= most) return 0;
    return err_set(-EINVAL,
                   "the configuration has %u %s, the card room for %u; take some out or take a "
                   "larger card",
                   count, what, most);
}

static int fits_band(const struct config_symbol *symbol, uint32_t levels) {
    if (symbol->reference >= (int32_t)levels)
        return err_set(-EINVAL,
                       "symbol %s: its reference is %d levels above the base, the card has %u",
                       symbol->name, symbol->reference, levels);
    if (symbol->collar >= levels)
        return err_set(-EINVAL, "symbol %s: its collar is %u levels, the card takes at most %u",
                       symbol->name, symbol->collar, levels - 1);
    return 0;
}

struct command setup_gate(uint8_t mode) {
    return (struct command){ .opcode = OPCODE_KILL, .field = TABLE_ENGINE, .mode = mode };
}

int setup_make(const struct config *config, const struct card_size *size, struct setup *setup) {
    *setup = (struct setup){ .count = 0 };
    int code = fits("symbols", config->symbol_count, size->symbols);
    if (code == 0) code = fits("accounts", config->account_count, size->accounts);
    if (code == 0) code = fits("firms", config->firm_count, size->accounts);
    if (code == 0) code = fits("sessions", config->session_count, size->accounts);
    for (uint32_t i = 0; code == 0 && i < config->symbol_count; i++)
        code = fits_band(&config->symbols[i], size->levels);
    if (code != 0) return code;

    size_t most = (size_t)config->symbol_count * SYMBOL_COMMANDS +
                  (size_t)config->account_count *
                      (ACCOUNT_COMMANDS + (size_t)config->symbol_count * POSITION_COMMANDS) +
                  1;
    setup->commands = calloc(most, sizeof *setup->commands);
    if (setup->commands == NULL) return err_set(-ENOMEM, "no memory for the first commands");
    for (uint32_t i = 0; i < config->symbol_count; i++)
        add_symbol(setup, (uint16_t)i, &config->symbols[i]);
    for (uint32_t i = 0; i < config->account_count; i++) add_account(setup, config, (uint16_t)i);
    add(setup, setup_gate(MODE_RELEASE));
    CHECK(setup->count <= most);
    return 0;
}

void setup_free(struct setup *setup) {
    free(setup->commands);
    *setup = (struct setup){ .count = 0 };
}
