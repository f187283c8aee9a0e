/* ledger_verify: the whole state again, from the transfers alone; and its hash. */
#include "host/base/check.h"
#include "host/base/err.h"
#include "host/base/log.h"
#include "host/ledger/ledger_state.h"
#include <blake2.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* What the transfers say. */
struct copy {
    struct ledger_balances *balances; /* by account */
    uint64_t *left;                   /* by transfer */
    uint8_t *states;
};

static int wrong(const char *what, struct ledger_id id, const char *how) {
    return err_set(-EBADMSG,
                   "ledger: %s %016" PRIx64 "%016" PRIx64 ": %s; stop, and replay the journal",
                   what, id.high, id.low, how);
}

static int wrong_ledger(uint32_t number, const char *how) {
    return err_set(-EBADMSG, "ledger %u: %s; stop, and replay the journal", number, how);
}

static bool add(uint64_t *sum, uint64_t amount) {
    return !__builtin_add_overflow(*sum, amount, sum);
}
static bool take(uint64_t *sum, uint64_t amount) {
    return !__builtin_sub_overflow(*sum, amount, sum);
}

/* A transfer that begins something. */
static int begin_refold(const struct ledger *ledger, const struct copy *copy, uint32_t index) {
    const struct ledger_transfer *transfer = &ledger->transfers[index];
    const struct ledger_row *row = &ledger->rows[index];
    struct ledger_balances *debit = &copy->balances[row->debit];
    struct ledger_balances *credit = &copy->balances[row->credit];
    if ((transfer->flags & LEDGER_PENDING) == 0) {
        if (!add(&debit->debits_posted, transfer->moved) ||
            !add(&credit->credits_posted, transfer->moved))
            return wrong("transfer", transfer->id, "its accounts overflow");
        return 0;
    }
    copy->states[index] = LEDGER_STATE_PENDING;
    copy->left[index] = transfer->moved;
    uint64_t expires_ns = UINT64_MAX;
    if (transfer->timeout_s != 0)
        expires_ns = transfer->time_ns + transfer->timeout_s * UINT64_C(1000000000);
    if (row->expires_ns != expires_ns) return wrong("transfer", transfer->id, "wrong expiry");
    return 0;
}

/* A transfer that posts or voids another. */
static int finish_refold(const struct ledger *ledger, const struct copy *copy, uint32_t index) {
    const struct ledger_transfer *transfer = &ledger->transfers[index];
    uint32_t pending = ledger_map_find(ledger, &ledger->transfer_map, transfer->pending);
    if (pending == LEDGER_NONE || pending >= index)
        return wrong("transfer", transfer->id, "no pending transfer before it");
    const struct ledger_row *row = &ledger->rows[pending];
    if (copy->states[pending] != LEDGER_STATE_PENDING || row->expires_ns <= transfer->time_ns)
        return wrong("transfer", transfer->id, "its pending transfer had ended");
    if (row->debit != ledger->rows[index].debit || row->credit != ledger->rows[index].credit)
        return wrong("transfer", transfer->id, "other accounts than its pending transfer");
    if (!take(&copy->left[pending], transfer->moved))
        return wrong("transfer", transfer->id, "more than was reserved");
    bool posts = (transfer->flags & LEDGER_POST) != 0;
    if (posts && (!add(&copy->balances[row->debit].debits_posted, transfer->moved) ||
                  !add(&copy->balances[row->credit].credits_posted, transfer->moved)))
        return wrong("transfer", transfer->id, "its accounts overflow");
    if ((transfer->flags & LEDGER_PART) == 0) copy->left[pending] = 0;
    if (copy->left[pending] == 0)
        copy->states[pending] = posts ? LEDGER_STATE_POSTED : LEDGER_STATE_VOIDED;
    return 0;
}

static int transfers_refold(const struct ledger *ledger, const struct copy *copy) {
    uint64_t time_ns = 0;
    for (uint32_t i = 0; i < ledger->transfers_count; i++) {
        const struct ledger_transfer *transfer = &ledger->transfers[i];
        const struct ledger_row *row = &ledger->rows[i];
        if (ledger_map_find(ledger, &ledger->transfer_map, transfer->id) != i)
            return wrong("transfer", transfer->id, "its id does not lead to it");
        if (row->debit >= ledger->accounts_count || row->credit >= ledger->accounts_count ||
            row->debit == row->credit ||
            !ledger_id_equal(ledger->accounts[row->debit].id, transfer->debit) ||
            !ledger_id_equal(ledger->accounts[row->credit].id, transfer->credit) ||
            ledger->accounts[row->debit].ledger != transfer->ledger ||
            ledger->accounts[row->credit].ledger != transfer->ledger)
            return wrong("transfer", transfer->id, "not between two accounts of its ledger");
        if (transfer->time_ns < time_ns || transfer->time_ns > ledger->time_ns)
            return wrong("transfer", transfer->id, "out of the order of time");
        time_ns = transfer->time_ns;
        bool finish = (transfer->flags & (LEDGER_POST | LEDGER_VOID)) != 0;
        int code = finish ? finish_refold(ledger, copy, i) : begin_refold(ledger, copy, i);
        if (code != 0) return code;
    }
    return 0;
}

/* What is still pending counts in both accounts, and closes them if it is to. */
static int pending_refold(const struct ledger *ledger, const struct copy *copy,
                          uint64_t *fingerprint, uint32_t *expiring) {
    for (uint32_t i = 0; i < ledger->transfers_count; i++) {
        const struct ledger_transfer *transfer = &ledger->transfers[i];
        const struct ledger_row *row = &ledger->rows[i];
        *fingerprint += ledger_row_hash(i, row->left, row->state);
        if (copy->states[i] == LEDGER_STATE_PENDING && row->state == LEDGER_STATE_EXPIRED) {
            if (row->left != 0 || row->expires_ns > ledger->time_ns)
                return wrong("transfer", transfer->id, "expired before its time");
            continue;
        }
        if (row->state != copy->states[i] || row->left != copy->left[i])
            return wrong("transfer", transfer->id, "not what is left of it");
        if (row->state != LEDGER_STATE_PENDING) continue;
        if (row->expires_ns < ledger->time_ns)
            return wrong("transfer", transfer->id, "still pending after its time");
        *expiring += row->expires_ns != UINT64_MAX;
        struct ledger_balances *debit = &copy->balances[row->debit];
        struct ledger_balances *credit = &copy->balances[row->credit];
        if (!add(&debit->debits_pending, row->left) || !add(&credit->credits_pending, row->left))
            return wrong("transfer", transfer->id, "its accounts overflow");
        if ((transfer->flags & LEDGER_CLOSING_DEBIT) != 0) debit->flags |= LEDGER_CLOSED;
        if ((transfer->flags & LEDGER_CLOSING_CREDIT) != 0) credit->flags |= LEDGER_CLOSED;
    }
    return 0;
}

static int accounts_compare(const struct ledger *ledger, const struct copy *copy,
                            uint64_t *fingerprint) {
    const unsigned bounds =
        LEDGER_DEBITS_MUST_NOT_EXCEED_CREDITS | LEDGER_CREDITS_MUST_NOT_EXCEED_DEBITS;
    for (uint32_t i = 0; i < ledger->accounts_count; i++) {
        const struct ledger_account *account = &ledger->accounts[i];
        struct ledger_balances have = ledger_balances_of(account), *want = &copy->balances[i];
        want->flags |= (uint16_t)(account->flags & bounds);
        if (ledger_map_find(ledger, &ledger->account_map, account->id) != i)
            return wrong("account", account->id, "its id does not lead to it");
        if (have.debits_pending != want->debits_pending ||
            have.credits_pending != want->credits_pending)
            return wrong("account", account->id, "reservations are not what its transfers say");
        if (have.debits_posted != want->debits_posted ||
            have.credits_posted != want->credits_posted)
            return wrong("account", account->id, "balance is not what its transfers say");
        if (have.flags != want->flags)
            return wrong("account", account->id, "flags are not what its transfers say");
        if (!ledger_bounds_hold(&have)) return wrong("account", account->id, "beyond its bound");
        *fingerprint += ledger_balances_hash(i, &have);
    }
    return 0;
}

static int totals_compare(const struct ledger *ledger) {
    struct ledger_totals *sums = calloc(ledger->options.ledgers_max, sizeof *sums);
    if (sums == NULL) return err_set(-ENOMEM, "ledger: no memory to verify");
    int code = 0;
    for (uint32_t i = 0; i < ledger->accounts_count && code == 0; i++) {
        const struct ledger_account *account = &ledger->accounts[i];
        uint32_t number = ledger->account_ledgers[i];
        if (number >= ledger->ledgers_count || ledger->numbers[number] != account->ledger) {
            code = wrong("account", account->id, "not in its ledger");
            break;
        }
        sums[number].debits_pending += account->debits_pending;
        sums[number].debits_posted += account->debits_posted;
        sums[number].credits_pending += account->credits_pending;
        sums[number].credits_posted += account->credits_posted;
    }
    for (uint32_t i = 0; i < ledger->ledgers_count && code == 0; i++) {
        const struct ledger_totals *have = &ledger->totals[i], *sum = &sums[i];
        uint32_t number = ledger->numbers[i];
        if (ledger_map_find_number(ledger, number) != i)
            code = wrong_ledger(number, "its number does not lead to it");
        else if (sum->debits_posted != sum->credits_posted)
            code = wrong_ledger(number, "debits are not credits");
        else if (sum->debits_pending != sum->credits_pending)
            code = wrong_ledger(number, "pending debits are not pending credits");
        else if (have->debits_pending != sum->debits_pending ||
                 have->debits_posted != sum->debits_posted ||
                 have->credits_pending != sum->credits_pending ||
                 have->credits_posted != sum->credits_posted)
            code = wrong_ledger(number, "the running sums are not those of the accounts");
    }
    free(sums);
    return code;
}

static int expiries_compare(const struct ledger *ledger, uint32_t expiring) {
    uint32_t pending = 0;
    for (uint32_t i = 0; i < ledger->expiries_count; i++) {
        const struct ledger_expiry *expiry = &ledger->expiries[i];
        if (expiry->index >= ledger->transfers_count ||
            ledger->rows[expiry->index].expires_ns != expiry->expires_ns)
            return err_set(-EBADMSG, "ledger: expiry %u is not that of its transfer", i);
        if (i > 0 && ledger->expiries[(i - 1) / 2].expires_ns > expiry->expires_ns)
            return err_set(-EBADMSG, "ledger: expiry %u is out of order", i);
        pending += ledger->rows[expiry->index].state == LEDGER_STATE_PENDING;
    }
    if (pending == expiring) return 0;
    return err_set(-EBADMSG, "ledger: %u transfers will expire, %u are due to", expiring, pending);
}

int ledger_verify(const struct ledger *ledger) {
    CHECK(ledger != NULL);
    size_t accounts = ledger->accounts_count, transfers = ledger->transfers_count;
    struct copy copy = {
        .balances = calloc(accounts + 1, sizeof *copy.balances),
        .left = calloc(transfers + 1, sizeof *copy.left),
        .states = calloc(transfers + 1, sizeof *copy.states),
    };
    int code = 0;
    if (copy.balances == NULL || copy.left == NULL || copy.states == NULL)
        code = err_set(-ENOMEM, "ledger: no memory to verify");
    uint64_t fingerprint = 0;
    uint32_t expiring = 0;
    if (code == 0) code = transfers_refold(ledger, &copy);
    if (code == 0) code = pending_refold(ledger, &copy, &fingerprint, &expiring);
    if (code == 0) code = accounts_compare(ledger, &copy, &fingerprint);
    if (code == 0) code = totals_compare(ledger);
    if (code == 0) code = expiries_compare(ledger, expiring);
    if (code == 0 && fingerprint != ledger->fingerprint)
        code = err_set(-EBADMSG, "ledger: memory was changed outside of any transfer");
    free(copy.balances);
    free(copy.left);
    free(copy.states);
    return code;
}

void ledger_check(const struct ledger *ledger) {
    int verified = ledger_verify(ledger);
    if (verified != 0) log_line("%s", err_text());
    CHECK(verified == 0);
}

/* ---- the hash of all of it ------------------------------------------------------------------- */

/* Fields one after another, little-endian: the layout of a struct does not count. */
struct fields {
    uint8_t bytes[256];
    size_t count;
};

static void field_put(struct fields *fields, uint64_t value, unsigned bytes) {
    CHECK(fields->count + bytes <= sizeof fields->bytes);
    for (unsigned i = 0; i < bytes; i++) fields->bytes[fields->count++] = (uint8_t)(value >> 8 * i);
}

static void field_put_id(struct fields *fields, struct ledger_id id) {
    field_put(fields, id.low, 8);
    field_put(fields, id.high, 8);
}

static void fields_flush(struct fields *fields, blake2b_state *hash) {
    CHECK(blake2b_update(hash, fields->bytes, fields->count) == 0);
    fields->count = 0;
}

static void account_put(struct fields *fields, const struct ledger_account *account) {
    field_put_id(fields, account->id);
    field_put(fields, account->debits_pending, 8);
    field_put(fields, account->debits_posted, 8);
    field_put(fields, account->credits_pending, 8);
    field_put(fields, account->credits_posted, 8);
    field_put_id(fields, account->user_data_128);
    field_put(fields, account->user_data_64, 8);
    field_put(fields, account->user_data_32, 4);
    field_put(fields, account->ledger, 4);
    field_put(fields, account->code, 2);
    field_put(fields, account->flags, 2);
    field_put(fields, account->time_ns, 8);
}

static void transfer_put(struct fields *fields, const struct ledger_transfer *transfer,
                         const struct ledger_row *row) {
    field_put_id(fields, transfer->id);
    field_put_id(fields, transfer->debit);
    field_put_id(fields, transfer->credit);
    field_put_id(fields, transfer->pending);
    field_put_id(fields, transfer->user_data_128);
    field_put(fields, transfer->amount, 8);
    field_put(fields, transfer->moved, 8);
    field_put(fields, transfer->user_data_64, 8);
    field_put(fields, transfer->user_data_32, 4);
    field_put(fields, transfer->timeout_s, 4);
    field_put(fields, transfer->ledger, 4);
    field_put(fields, transfer->code, 2);
    field_put(fields, transfer->flags, 2);
    field_put(fields, transfer->time_ns, 8);
    field_put(fields, row->left, 8);
    field_put(fields, row->state, 1);
}

void ledger_digest(const struct ledger *ledger, uint8_t digest[LEDGER_DIGEST_BYTES]) {
    CHECK(ledger != NULL);
    blake2b_state hash;
    struct fields fields = { .count = 0 };
    CHECK(blake2b_init(&hash, LEDGER_DIGEST_BYTES) == 0);
    field_put(&fields, ledger->time_ns, 8);
    field_put(&fields, ledger->accounts_count, 4);
    field_put(&fields, ledger->transfers_count, 4);
    fields_flush(&fields, &hash);
    for (uint32_t i = 0; i < ledger->accounts_count; i++) {
        account_put(&fields, &ledger->accounts[i]);
        fields_flush(&fields, &hash);
    }
    for (uint32_t i = 0; i < ledger->transfers_count; i++) {
        transfer_put(&fields, &ledger->transfers[i], &ledger->rows[i]);
        fields_flush(&fields, &hash);
    }
    CHECK(blake2b_final(&hash, digest, LEDGER_DIGEST_BYTES) == 0);
}
