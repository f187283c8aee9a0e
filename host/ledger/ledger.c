#include "host/ledger/ledger.h"
#include "host/base/check.h"
#include "host/base/err.h"
#include "host/ledger/ledger_state.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* How far ahead of the transfer at hand a batch asks for memory. */
enum { PREFETCH_AHEAD = 8 };

static_assert(sizeof(struct ledger_id) == 16, "an id is 128 bits");
static_assert(sizeof(struct ledger_transfer) == 128, "a transfer fills two cache lines");

/* ---- start and end --------------------------------------------------------------------------- */

static bool map_make(struct ledger_map *map, uint32_t rows_max) {
    uint64_t slots = 2;
    while (slots < 2 * (uint64_t)rows_max) slots *= 2;
    map->mask = slots - 1;
    map->slots = calloc(slots, sizeof *map->slots);
    return map->slots != NULL;
}

static int option_check(const char *name, uint32_t value, uint32_t max) {
    if (value >= 1 && value <= max) return 0;
    return err_set(-EINVAL, "ledger, %s: %u; 1 to %u are possible", name, value, max);
}

int ledger_open(const struct ledger_options *options, struct ledger **opened) {
    CHECK(options != NULL);
    CHECK(opened != NULL);
    uint32_t limit = LEDGER_TRANSFERS_LIMIT;
    int code = option_check("accounts_max", options->accounts_max, limit);
    if (code == 0) code = option_check("transfers_max", options->transfers_max, limit);
    if (code == 0) code = option_check("ledgers_max", options->ledgers_max, limit);
    if (code == 0) code = option_check("chain_max", options->chain_max, options->transfers_max);
    if (code != 0) return code;

    struct ledger *ledger = calloc(1, sizeof *ledger);
    if (ledger == NULL) return err_set(-ENOMEM, "ledger: no memory");
    ledger->options = *options;
    ledger->accounts = calloc(options->accounts_max, sizeof *ledger->accounts);
    ledger->account_ledgers = calloc(options->accounts_max, sizeof *ledger->account_ledgers);
    ledger->transfers = calloc(options->transfers_max, sizeof *ledger->transfers);
    ledger->rows = calloc(options->transfers_max, sizeof *ledger->rows);
    ledger->numbers = calloc(options->ledgers_max, sizeof *ledger->numbers);
    ledger->totals = calloc(options->ledgers_max, sizeof *ledger->totals);
    ledger->expiries = calloc(options->transfers_max, sizeof *ledger->expiries);
    ledger->undos = calloc(options->chain_max, sizeof *ledger->undos);
    bool maps = map_make(&ledger->account_map, options->accounts_max) &&
                map_make(&ledger->transfer_map, options->transfers_max) &&
                map_make(&ledger->ledger_map, options->ledgers_max);
    if (!maps || ledger->accounts == NULL || ledger->account_ledgers == NULL ||
        ledger->transfers == NULL || ledger->rows == NULL || ledger->numbers == NULL ||
        ledger->totals == NULL || ledger->expiries == NULL || ledger->undos == NULL) {
        ledger_close(ledger);
        return err_set(-ENOMEM, "ledger: no memory for %u accounts and %u transfers; ask for fewer",
                       options->accounts_max, options->transfers_max);
    }
    *opened = ledger;
    return 0;
}

void ledger_close(struct ledger *ledger) {
    if (ledger == NULL) return;
    free(ledger->accounts);
    free(ledger->account_ledgers);
    free(ledger->account_map.slots);
    free(ledger->transfers);
    free(ledger->rows);
    free(ledger->transfer_map.slots);
    free(ledger->numbers);
    free(ledger->totals);
    free(ledger->ledger_map.slots);
    free(ledger->expiries);
    free(ledger->undos);
    free(ledger);
}

/* ---- accounts -------------------------------------------------------------------------------- */

static void time_advance(struct ledger *ledger, uint64_t time_ns) {
    uint32_t index;
    while (ledger_expire(ledger, time_ns, &index)) continue;
}

static enum ledger_code account_again(const struct ledger_account *asked,
                                      const struct ledger_account *there) {
    if (asked->flags != (there->flags & ~LEDGER_CLOSED)) return LEDGER_EXISTS_WITH_DIFFERENT_FLAGS;
    if (!ledger_id_equal(asked->user_data_128, there->user_data_128) ||
        asked->user_data_64 != there->user_data_64 || asked->user_data_32 != there->user_data_32)
        return LEDGER_EXISTS_WITH_DIFFERENT_USER_DATA;
    if (asked->ledger != there->ledger) return LEDGER_EXISTS_WITH_DIFFERENT_LEDGER;
    if (asked->code != there->code) return LEDGER_EXISTS_WITH_DIFFERENT_CODE;
    return LEDGER_EXISTS;
}

static enum ledger_code account_judge(const struct ledger *ledger,
                                      const struct ledger_account *account) {
    const unsigned bounds =
        LEDGER_DEBITS_MUST_NOT_EXCEED_CREDITS | LEDGER_CREDITS_MUST_NOT_EXCEED_DEBITS;
    if ((account->flags & ~bounds) != 0) return LEDGER_RESERVED_FLAG;
    if (ledger_id_zero(account->id)) return LEDGER_ID_MUST_NOT_BE_ZERO;
    if ((account->id.high & account->id.low) == UINT64_MAX) return LEDGER_ID_MUST_NOT_BE_MAX;
    uint32_t there = ledger_map_find(ledger, &ledger->account_map, account->id);
    if (there != LEDGER_NONE) return account_again(account, &ledger->accounts[there]);
    if (account->flags == bounds) return LEDGER_FLAGS_ARE_MUTUALLY_EXCLUSIVE;
    if ((account->debits_pending | account->debits_posted | account->credits_pending |
         account->credits_posted) != 0)
        return LEDGER_BALANCES_MUST_BE_ZERO;
    if (account->ledger == 0) return LEDGER_LEDGER_MUST_NOT_BE_ZERO;
    if (account->code == 0) return LEDGER_CODE_MUST_NOT_BE_ZERO;
    if (ledger->accounts_count == ledger->options.accounts_max) return LEDGER_ACCOUNTS_FULL;
    if (ledger->ledgers_count == ledger->options.ledgers_max &&
        ledger_map_find_number(ledger, account->ledger) == LEDGER_NONE)
        return LEDGER_LEDGERS_FULL;
    return LEDGER_OK;
}

enum ledger_code ledger_account_create(struct ledger *ledger, uint64_t time_ns,
                                       const struct ledger_account *account) {
    CHECK(ledger != NULL);
    CHECK(account != NULL);
    time_advance(ledger, time_ns);
    enum ledger_code code = account_judge(ledger, account);
    if (code != LEDGER_OK) return code;

    uint32_t number = ledger_map_find_number(ledger, account->ledger);
    if (number == LEDGER_NONE) {
        number = ledger->ledgers_count++;
        ledger->numbers[number] = account->ledger;
        ledger_map_put(ledger, &ledger->ledger_map, (struct ledger_id){ .low = account->ledger },
                       number);
    }
    uint32_t index = ledger->accounts_count++;
    ledger->accounts[index] = *account;
    ledger->accounts[index].time_ns = ledger->time_ns;
    ledger->account_ledgers[index] = number;
    struct ledger_balances balances = ledger_balances_of(account);
    ledger->fingerprint += ledger_balances_hash(index, &balances);
    ledger_map_put(ledger, &ledger->account_map, account->id, index);
    return LEDGER_OK;
}

/* ---- transfers ------------------------------------------------------------------------------- */

static uint32_t chain_length(const struct ledger_transfer *transfers, uint32_t count, bool *open) {
    uint32_t length = 0;
    while (length < count && (transfers[length].flags & LEDGER_LINKED) != 0) length++;
    *open = length == count;
    return *open ? length : length + 1;
}

uint32_t ledger_transfers_create(struct ledger *ledger, uint64_t time_ns,
                                 const struct ledger_transfer *transfers, uint32_t count,
                                 uint8_t *codes) {
    CHECK(ledger != NULL);
    CHECK(transfers != NULL || count == 0);
    CHECK(codes != NULL || count == 0);
    time_advance(ledger, time_ns);

    uint32_t refused = 0, length, asked = 0;
    for (uint32_t at = 0; at < count; at += length) {
        bool open;
        length = chain_length(transfers + at, count - at, &open);
        for (; asked < count && asked < at + length + PREFETCH_AHEAD; asked++)
            ledger_map_prefetch(ledger, &ledger->transfer_map, transfers[asked].id);

        uint32_t failed = 0;
        enum ledger_code code;
        if (open) {
            failed = length - 1;
            code = LEDGER_LINKED_EVENT_CHAIN_OPEN;
        } else if (length > ledger->options.chain_max) {
            code = LEDGER_LINKED_EVENT_CHAIN_TOO_LONG;
        } else {
            code = ledger_chain_carry(ledger, transfers + at, length, &failed);
        }
        memset(codes + at, code == LEDGER_OK ? LEDGER_OK : LEDGER_LINKED_EVENT_FAILED, length);
        if (code == LEDGER_OK) continue;
        codes[at + failed] = (uint8_t)code;
        refused += length;
    }
    return refused;
}

enum ledger_code ledger_transfer_create(struct ledger *ledger, uint64_t time_ns,
                                        const struct ledger_transfer *transfer) {
    uint8_t code;
    (void)ledger_transfers_create(ledger, time_ns, transfer, 1, &code);
    return (enum ledger_code)code;
}

void ledger_chain_add(struct ledger_chain *chain, const struct ledger_transfer *leg) {
    CHECK(chain != NULL);
    CHECK(leg != NULL);
    CHECK(chain->count < LEDGER_LEGS_MAX);
    if (chain->count > 0) chain->legs[chain->count - 1].flags |= LEDGER_LINKED;
    chain->legs[chain->count] = *leg;
    chain->legs[chain->count].flags &= (uint16_t)~LEDGER_LINKED;
    chain->count++;
}

enum ledger_code ledger_chain_create(struct ledger *ledger, uint64_t time_ns,
                                     struct ledger_chain *chain, uint32_t *failed) {
    CHECK(chain != NULL);
    CHECK(chain->count <= LEDGER_LEGS_MAX);
    uint32_t count = chain->count;
    chain->count = 0;
    if (ledger_transfers_create(ledger, time_ns, chain->legs, count, chain->codes) == 0)
        return LEDGER_OK;
    uint32_t leg = 0;
    while (chain->codes[leg] == LEDGER_LINKED_EVENT_FAILED) leg++;
    if (failed != NULL) *failed = leg;
    return (enum ledger_code)chain->codes[leg];
}

/* ---- what there is --------------------------------------------------------------------------- */

uint32_t ledger_accounts_count(const struct ledger *ledger) { return ledger->accounts_count; }

const struct ledger_account *ledger_account_at(const struct ledger *ledger, uint32_t index) {
    CHECK(index < ledger->accounts_count);
    return &ledger->accounts[index];
}

const struct ledger_account *ledger_account_find(const struct ledger *ledger, struct ledger_id id) {
    uint32_t index = ledger_map_find(ledger, &ledger->account_map, id);
    return index == LEDGER_NONE ? NULL : &ledger->accounts[index];
}

uint32_t ledger_transfers_count(const struct ledger *ledger) { return ledger->transfers_count; }

const struct ledger_transfer *ledger_transfer_at(const struct ledger *ledger, uint32_t index) {
    CHECK(index < ledger->transfers_count);
    return &ledger->transfers[index];
}

const struct ledger_transfer *ledger_transfer_find(const struct ledger *ledger,
                                                   struct ledger_id id) {
    uint32_t index = ledger_map_find(ledger, &ledger->transfer_map, id);
    return index == LEDGER_NONE ? NULL : &ledger->transfers[index];
}

struct ledger_standing ledger_standing(const struct ledger *ledger, struct ledger_id id) {
    uint32_t index = ledger_map_find(ledger, &ledger->transfer_map, id);
    CHECK(index != LEDGER_NONE);
    return ledger_standing_at(ledger, index);
}

struct ledger_standing ledger_standing_at(const struct ledger *ledger, uint32_t index) {
    CHECK(index < ledger->transfers_count);
    const struct ledger_row *row = &ledger->rows[index];
    return (struct ledger_standing){
        .state = (enum ledger_state)row->state,
        .left = row->left,
        .expires_ns = row->expires_ns,
    };
}

uint64_t ledger_time_ns(const struct ledger *ledger) { return ledger->time_ns; }

bool ledger_totals(const struct ledger *ledger, uint32_t number, struct ledger_totals *totals) {
    uint32_t index = ledger_map_find_number(ledger, number);
    if (index == LEDGER_NONE) return false;
    *totals = ledger->totals[index];
    return true;
}

static const struct {
    const char *name, *text;
} words[UINT8_MAX + 1] = {
#define LEDGER_CODE(name, number, text) [number] = { #name, text },
#include "host/ledger/ledger_codes.def"
#undef LEDGER_CODE
};

const char *ledger_code_name(enum ledger_code code) {
    return (unsigned)code <= UINT8_MAX ? words[code].name : NULL;
}

const char *ledger_code_text(enum ledger_code code) {
    return (unsigned)code <= UINT8_MAX ? words[code].text : NULL;
}
