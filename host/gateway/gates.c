#include "host/gateway/gates.h"
#include <stdlib.h>

struct gates *gates_new(const struct card_size *size) {
    struct gates *gates = calloc(1, sizeof *gates);
    if (gates == NULL) return NULL;
    gates->symbols = size->symbols;
    gates->accounts = size->accounts;
    gates->killed = true;
    gates->symbol_state = calloc(size->symbols, sizeof *gates->symbol_state);
    gates->account_killed = calloc(size->accounts, sizeof *gates->account_killed);
    gates->firm_killed = calloc(size->accounts, sizeof *gates->firm_killed);
    gates->session_killed = calloc(size->accounts, sizeof *gates->session_killed);
    if (gates->symbol_state == NULL || gates->account_killed == NULL ||
        gates->firm_killed == NULL || gates->session_killed == NULL) {
        gates_delete(gates);
        return NULL;
    }
    return gates;
}

void gates_delete(struct gates *gates) {
    if (gates == NULL) return;
    free(gates->symbol_state);
    free(gates->account_killed);
    free(gates->firm_killed);
    free(gates->session_killed);
    free(gates);
}

void gates_event(struct gates *gates, const struct event *event) {
    if (event->kind != KIND_STATE) return;
    bool killed = event->value != 0;
    switch (event->table) {
    case TABLE_ENGINE:
        gates->killed = killed;
        break;
    case TABLE_SYMBOL:
        if (event->symbol < gates->symbols)
            gates->symbol_state[event->symbol] = (uint8_t)event->value;
        break;
    case TABLE_ACCOUNT:
        if (event->account < gates->accounts) gates->account_killed[event->account] = killed;
        break;
    case TABLE_FIRM: /* the firm stands in the account's place */
        if (event->account < gates->accounts) gates->firm_killed[event->account] = killed;
        break;
    case TABLE_SESSION:
        if (event->session < gates->accounts) gates->session_killed[event->session] = killed;
        break;
    default:
        break;
    }
}
