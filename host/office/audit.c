#include "host/office/audit.h"

enum { RETRY_S = 5 };

static const struct fold_options *sizes(struct office *office) {
    return &office_settings(office)->fold;
}

/* Rows are numbered: accounts, then symbols, then positions. False behind the last one; a row that
   is not asked for leaves opcode at 0. */
static bool query_for(struct office *office, uint32_t row, struct command *command) {
    struct fold *fold = office_fold(office);
    uint32_t accounts = sizes(office)->accounts, symbols = sizes(office)->symbols;
    *command = (struct command){ .opcode = 0 };
    if (row < accounts) {
        if (fold_account(fold, row) != NULL)
            *command = (struct command){ .opcode = OPCODE_QUERY,
                                         .field = TABLE_ACCOUNT,
                                         .account = (uint16_t)row };
        return true;
    }
    row -= accounts;
    if (row < symbols) {
        if (fold_symbol(fold, row) != NULL)
            *command = (struct command){ .opcode = OPCODE_QUERY,
                                         .field = TABLE_SYMBOL,
                                         .symbol = (uint16_t)row };
        return true;
    }
    row -= symbols;
    if (row >= accounts * symbols) return false;
    const struct store_position *position = fold_position(fold, row / symbols, row % symbols);
    if (position != NULL && position->active)
        *command = (struct command){ .opcode = OPCODE_QUERY,
                                     .field = TABLE_POSITION,
                                     .account = (uint16_t)(row / symbols),
                                     .symbol = (uint16_t)(row % symbols) };
    return true;
}

static void ignore(void *context, uint32_t index, const struct control_answer *answer) {
    (void)context;
    (void)index;
    (void)answer;
}

static int ask(struct audit *audit, struct office *office, struct control *gateway) {
    struct command commands[AUDIT_COMMANDS];
    uint32_t count = 0;
    bool more = true;
    while (count < AUDIT_COMMANDS && (more = query_for(office, audit->next, &commands[count]))) {
        audit->next++;
        count += commands[count].opcode != 0;
    }
    if (!more) {
        audit->under_way = false;
        audit->checked = audit->seen;
        audit->next = 0;
    }
    return count > 0 ? control_commands(gateway, commands, count, ignore, NULL) : 0;
}

int audit_pass(struct audit *audit, struct office *office, struct control *gateway,
               uint64_t now_ns) {
    uint64_t activity = office_activity(office);
    if (activity != audit->seen) {
        audit->seen = activity;
        audit->since_ns = now_ns;
        audit->under_way = false;
        audit->next = 0;
    }
    bool quiet = now_ns - audit->since_ns >= AUDIT_QUIET_MS * UINT64_C(1000000);
    if (!quiet || now_ns < audit->retry_ns) return 0;
    if (!audit->under_way && audit->checked == audit->seen) return 0;
    audit->under_way = true;
    int code = ask(audit, office, gateway);
    if (code != 0) {
        audit->retry_ns = now_ns + RETRY_S * UINT64_C(1000000000);
        audit->checked = UINT64_MAX; /* from the start again */
        audit->under_way = false;
        audit->next = 0;
    }
    return code;
}
