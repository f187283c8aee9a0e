/* ledger_transfer: one transfer: judged, done, undone, expired. */
#include "host/base/check.h"
#include "host/ledger/ledger_state.h"
#include <string.h>

enum { FLAGS_ALL = (LEDGER_CLOSING_CREDIT << 1) - 1 };
enum { FLAGS_FINISH = LEDGER_POST | LEDGER_VOID };
enum { FLAGS_BALANCING = LEDGER_BALANCING_DEBIT | LEDGER_BALANCING_CREDIT };
enum { FLAGS_CLOSING = LEDGER_CLOSING_DEBIT | LEDGER_CLOSING_CREDIT };

/* What a transfer that may be done is going to do. */
struct plan {
    uint32_t debit, credit, pending; /* indexes */
    uint64_t moved;
    uint64_t left; /* POST, VOID: what the pending transfer will have left */
    uint64_t expires_ns;
    uint32_t ledger;
    uint16_t code;
};

/* ---- balances and the sums over them --------------------------------------------------------- */

static uint64_t mix(uint64_t value) {
    value = (value ^ value >> 32) * 0xd6e8feb86659fd93u;
    value = (value ^ value >> 32) * 0xd6e8feb86659fd93u;
    return value ^ value >> 32;
}

uint64_t ledger_balances_hash(uint32_t index, const struct ledger_balances *balances) {
    uint64_t hash = mix(index + 1u);
    hash = mix(hash ^ balances->debits_pending);
    hash = mix(hash ^ balances->debits_posted);
    hash = mix(hash ^ balances->credits_pending);
    hash = mix(hash ^ balances->credits_posted);
    return mix(hash ^ balances->flags);
}

uint64_t ledger_row_hash(uint32_t index, uint64_t left, uint32_t state) {
    return mix(mix(~(uint64_t)index ^ (uint64_t)state << 40) ^ left);
}

struct ledger_balances ledger_balances_of(const struct ledger_account *account) {
    return (struct ledger_balances){
        .debits_pending = account->debits_pending,
        .debits_posted = account->debits_posted,
        .credits_pending = account->credits_pending,
        .credits_posted = account->credits_posted,
        .flags = account->flags,
    };
}

bool ledger_bounds_hold(const struct ledger_balances *balances) {
    ledger_wide debits = (ledger_wide)balances->debits_pending + balances->debits_posted;
    ledger_wide credits = (ledger_wide)balances->credits_pending + balances->credits_posted;
    if (debits > UINT64_MAX || credits > UINT64_MAX) return false;
    if ((balances->flags & LEDGER_DEBITS_MUST_NOT_EXCEED_CREDITS) != 0)
        return debits <= balances->credits_posted;
    if ((balances->flags & LEDGER_CREDITS_MUST_NOT_EXCEED_DEBITS) != 0)
        return credits <= balances->debits_posted;
    return true;
}

/* Every change of a balance goes through here, so that the sums are of what stands in the accounts,
   not of what was meant. */
static void account_write(struct ledger *ledger, uint32_t index,
                          const struct ledger_balances *after) {
    struct ledger_account *account = &ledger->accounts[index];
    struct ledger_totals *totals = &ledger->totals[ledger->account_ledgers[index]];
    struct ledger_balances before = ledger_balances_of(account);
    account->debits_pending = after->debits_pending;
    account->debits_posted = after->debits_posted;
    account->credits_pending = after->credits_pending;
    account->credits_posted = after->credits_posted;
    account->flags = after->flags;
    totals->debits_pending += (ledger_wide)after->debits_pending - before.debits_pending;
    totals->debits_posted += (ledger_wide)after->debits_posted - before.debits_posted;
    totals->credits_pending += (ledger_wide)after->credits_pending - before.credits_pending;
    totals->credits_posted += (ledger_wide)after->credits_posted - before.credits_posted;
    ledger->fingerprint +=
        ledger_balances_hash(index, after) - ledger_balances_hash(index, &before);
}

static void row_write(struct ledger *ledger, uint32_t index, uint64_t left, uint32_t state) {
    struct ledger_row *row = &ledger->rows[index];
    ledger->fingerprint +=
        ledger_row_hash(index, left, state) - ledger_row_hash(index, row->left, row->state);
    row->left = left;
    row->state = state;
}

/* What must hold whenever two accounts have been written. */
static void pair_check(const struct ledger *ledger, uint32_t debit, uint32_t credit) {
    CHECK(ledger->account_ledgers[debit] == ledger->account_ledgers[credit]);
    const struct ledger_totals *totals = &ledger->totals[ledger->account_ledgers[debit]];
    CHECK(totals->debits_pending == totals->credits_pending);
    CHECK(totals->debits_posted == totals->credits_posted);
    struct ledger_balances debit_balances = ledger_balances_of(&ledger->accounts[debit]);
    struct ledger_balances credit_balances = ledger_balances_of(&ledger->accounts[credit]);
    CHECK(ledger_bounds_hold(&debit_balances));
    CHECK(ledger_bounds_hold(&credit_balances));
}

/* ---- judging --------------------------------------------------------------------------------- */

static bool id_max(struct ledger_id id) { return (id.high & id.low) == UINT64_MAX; }

/* A post or a void may leave a field to its pending transfer. */
static enum ledger_code same_again(const struct ledger_transfer *asked,
                                   const struct ledger_transfer *done) {
    bool finish = (asked->flags & FLAGS_FINISH) != 0;
    if (asked->flags != done->flags) return LEDGER_EXISTS_WITH_DIFFERENT_FLAGS;
    if (!ledger_id_equal(asked->pending, done->pending))
        return LEDGER_EXISTS_WITH_DIFFERENT_PENDING_ID;
    if (asked->timeout_s != done->timeout_s) return LEDGER_EXISTS_WITH_DIFFERENT_TIMEOUT;
    if (!ledger_id_equal(asked->debit, done->debit) && !(finish && ledger_id_zero(asked->debit)))
        return LEDGER_EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID;
    if (!ledger_id_equal(asked->credit, done->credit) && !(finish && ledger_id_zero(asked->credit)))
        return LEDGER_EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID;
    if (asked->amount != done->amount) return LEDGER_EXISTS_WITH_DIFFERENT_AMOUNT;
    if (!ledger_id_equal(asked->user_data_128, done->user_data_128) ||
        asked->user_data_64 != done->user_data_64 || asked->user_data_32 != done->user_data_32)
        return LEDGER_EXISTS_WITH_DIFFERENT_USER_DATA;
    if (asked->ledger != done->ledger && !(finish && asked->ledger == 0))
        return LEDGER_EXISTS_WITH_DIFFERENT_LEDGER;
    if (asked->code != done->code && !(finish && asked->code == 0))
        return LEDGER_EXISTS_WITH_DIFFERENT_CODE;
    return LEDGER_EXISTS;
}

/* What can be said of a transfer without looking at anything else. */
static enum ledger_code form_judge(const struct ledger_transfer *transfer) {
    unsigned flags = transfer->flags;
    unsigned phase = flags & (LEDGER_PENDING | FLAGS_FINISH);
    bool finish = (flags & FLAGS_FINISH) != 0;
    if ((phase & (phase - 1)) != 0 || (finish && (flags & (FLAGS_BALANCING | FLAGS_CLOSING)) != 0))
        return LEDGER_FLAGS_ARE_MUTUALLY_EXCLUSIVE;
    if ((flags & LEDGER_PART) != 0 && !finish) return LEDGER_PART_NEEDS_POST_OR_VOID;
    if ((flags & FLAGS_CLOSING) != 0 && phase != LEDGER_PENDING)
        return LEDGER_CLOSING_MUST_BE_PENDING;
    if (transfer->timeout_s != 0 && phase != LEDGER_PENDING) return LEDGER_TIMEOUT_NEEDS_PENDING;

    if (finish) {
        if (ledger_id_zero(transfer->pending)) return LEDGER_PENDING_ID_MUST_NOT_BE_ZERO;
        if (id_max(transfer->pending)) return LEDGER_PENDING_ID_MUST_NOT_BE_MAX;
        if (ledger_id_equal(transfer->pending, transfer->id))
            return LEDGER_PENDING_ID_MUST_BE_DIFFERENT;
        /* the void of a transfer that reserves nothing and only closes has nothing to give back */
        bool whole_void = (flags & (LEDGER_VOID | LEDGER_PART)) == LEDGER_VOID;
        if (transfer->amount == 0 && !whole_void) return LEDGER_AMOUNT_MUST_NOT_BE_ZERO;
        return LEDGER_OK;
    }
    if (!ledger_id_zero(transfer->pending)) return LEDGER_PENDING_ID_MUST_BE_ZERO;
    if (ledger_id_zero(transfer->debit)) return LEDGER_DEBIT_ACCOUNT_ID_MUST_NOT_BE_ZERO;
    if (ledger_id_zero(transfer->credit)) return LEDGER_CREDIT_ACCOUNT_ID_MUST_NOT_BE_ZERO;
    if (ledger_id_equal(transfer->debit, transfer->credit))
        return LEDGER_ACCOUNTS_MUST_BE_DIFFERENT;
    if (transfer->amount == 0 && (flags & FLAGS_CLOSING) == 0)
        return LEDGER_AMOUNT_MUST_NOT_BE_ZERO;
    if (transfer->ledger == 0) return LEDGER_LEDGER_MUST_NOT_BE_ZERO;
    if (transfer->code == 0) return LEDGER_CODE_MUST_NOT_BE_ZERO;
    return LEDGER_OK;
}

static enum ledger_code finish_judge(const struct ledger *ledger,
                                     const struct ledger_transfer *transfer, struct plan *plan) {
    plan->pending = ledger_map_find(ledger, &ledger->transfer_map, transfer->pending);
    if (plan->pending == LEDGER_NONE) return LEDGER_PENDING_TRANSFER_NOT_FOUND;
    const struct ledger_transfer *pending = &ledger->transfers[plan->pending];
    const struct ledger_row *row = &ledger->rows[plan->pending];
    if (row->state == LEDGER_STATE_DONE) return LEDGER_PENDING_TRANSFER_NOT_PENDING;
    if (!ledger_id_zero(transfer->debit) && !ledger_id_equal(transfer->debit, pending->debit))
        return LEDGER_PENDING_HAS_DIFFERENT_DEBIT_ACCOUNT_ID;
    if (!ledger_id_zero(transfer->credit) && !ledger_id_equal(transfer->credit, pending->credit))
        return LEDGER_PENDING_HAS_DIFFERENT_CREDIT_ACCOUNT_ID;
    if (transfer->ledger != 0 && transfer->ledger != pending->ledger)
        return LEDGER_PENDING_HAS_DIFFERENT_LEDGER;
    if (transfer->code != 0 && transfer->code != pending->code)
        return LEDGER_PENDING_HAS_DIFFERENT_CODE;
    if (row->state == LEDGER_STATE_POSTED) return LEDGER_PENDING_TRANSFER_ALREADY_POSTED;
    if (row->state == LEDGER_STATE_VOIDED) return LEDGER_PENDING_TRANSFER_ALREADY_VOIDED;
    if (row->state == LEDGER_STATE_EXPIRED) return LEDGER_PENDING_TRANSFER_EXPIRED;

    bool part = (transfer->flags & LEDGER_PART) != 0;
    bool voids = (transfer->flags & LEDGER_VOID) != 0;
    plan->moved = transfer->amount == LEDGER_AMOUNT_ALL ? row->left : transfer->amount;
    if (plan->moved > row->left) return LEDGER_EXCEEDS_PENDING_TRANSFER_AMOUNT;
    if (voids && !part && plan->moved != row->left) return LEDGER_PENDING_HAS_DIFFERENT_AMOUNT;
    plan->left = part ? row->left - plan->moved : 0;
    plan->debit = row->debit;
    plan->credit = row->credit;
    plan->ledger = pending->ledger;
    plan->code = transfer->code != 0 ? transfer->code : pending->code;

    /* what is reserved on a closed account can be given back, nothing else */
    if (voids) return LEDGER_OK;
    if ((ledger->accounts[plan->debit].flags & LEDGER_CLOSED) != 0)
        return LEDGER_DEBIT_ACCOUNT_ALREADY_CLOSED;
    if ((ledger->accounts[plan->credit].flags & LEDGER_CLOSED) != 0)
        return LEDGER_CREDIT_ACCOUNT_ALREADY_CLOSED;
    return LEDGER_OK;
}

static uint64_t least(uint64_t amount, ledger_wide have, ledger_wide used) {
    if (used >= have) return 0;
    return have - used < amount ? (uint64_t)(have - used) : amount;
}

static enum ledger_code begin_judge(const struct ledger *ledger,
                                    const struct ledger_transfer *transfer, struct plan *plan) {
    unsigned flags = transfer->flags;
    plan->debit = ledger_map_find(ledger, &ledger->account_map, transfer->debit);
    if (plan->debit == LEDGER_NONE) return LEDGER_DEBIT_ACCOUNT_NOT_FOUND;
    plan->credit = ledger_map_find(ledger, &ledger->account_map, transfer->credit);
    if (plan->credit == LEDGER_NONE) return LEDGER_CREDIT_ACCOUNT_NOT_FOUND;
    const struct ledger_account *debit = &ledger->accounts[plan->debit];
    const struct ledger_account *credit = &ledger->accounts[plan->credit];
    if (debit->ledger != credit->ledger) return LEDGER_ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER;
    if (debit->ledger != transfer->ledger) return LEDGER_TRANSFER_MUST_HAVE_THE_SAME_LEDGER;
    plan->ledger = transfer->ledger;
    plan->code = transfer->code;
    if ((debit->flags & LEDGER_CLOSED) != 0) return LEDGER_DEBIT_ACCOUNT_ALREADY_CLOSED;
    if ((credit->flags & LEDGER_CLOSED) != 0) return LEDGER_CREDIT_ACCOUNT_ALREADY_CLOSED;

    ledger_wide debits = (ledger_wide)debit->debits_pending + debit->debits_posted;
    ledger_wide credits = (ledger_wide)credit->credits_pending + credit->credits_posted;
    uint64_t moved = transfer->amount;
    if ((flags & LEDGER_BALANCING_DEBIT) != 0) moved = least(moved, debit->credits_posted, debits);
    bool debit_empty = moved == 0;
    if ((flags & LEDGER_BALANCING_CREDIT) != 0)
        moved = least(moved, credit->debits_posted, credits);
    plan->moved = moved;

    if ((flags & LEDGER_PENDING) != 0) {
        if (moved > UINT64_MAX - debit->debits_pending) return LEDGER_OVERFLOWS_DEBITS_PENDING;
        if (moved > UINT64_MAX - credit->credits_pending) return LEDGER_OVERFLOWS_CREDITS_PENDING;
    } else {
        if (moved > UINT64_MAX - debit->debits_posted) return LEDGER_OVERFLOWS_DEBITS_POSTED;
        if (moved > UINT64_MAX - credit->credits_posted) return LEDGER_OVERFLOWS_CREDITS_POSTED;
    }
    if (debits + moved > UINT64_MAX) return LEDGER_OVERFLOWS_DEBITS;
    if (credits + moved > UINT64_MAX) return LEDGER_OVERFLOWS_CREDITS;

    plan->expires_ns = UINT64_MAX;
    if (transfer->timeout_s != 0) {
        ledger_wide expires_ns = (ledger_wide)transfer->timeout_s * 1000000000u + ledger->time_ns;
        if (expires_ns >= UINT64_MAX) return LEDGER_OVERFLOWS_TIMEOUT;
        plan->expires_ns = (uint64_t)expires_ns;
    }

    if (moved == 0 && (flags & FLAGS_BALANCING) != 0 && transfer->amount != 0)
        return (flags & LEDGER_BALANCING_DEBIT) != 0 && debit_empty ? LEDGER_EXCEEDS_CREDITS
                                                                    : LEDGER_EXCEEDS_DEBITS;
    if ((debit->flags & LEDGER_DEBITS_MUST_NOT_EXCEED_CREDITS) != 0 &&
        debits + moved > debit->credits_posted)
        return LEDGER_EXCEEDS_CREDITS;
    if ((credit->flags & LEDGER_CREDITS_MUST_NOT_EXCEED_DEBITS) != 0 &&
        credits + moved > credit->debits_posted)
        return LEDGER_EXCEEDS_DEBITS;
    return LEDGER_OK;
}

static enum ledger_code transfer_judge(const struct ledger *ledger,
                                       const struct ledger_transfer *transfer, struct plan *plan) {
    if ((transfer->flags & ~FLAGS_ALL) != 0) return LEDGER_RESERVED_FLAG;
    if (ledger_id_zero(transfer->id)) return LEDGER_ID_MUST_NOT_BE_ZERO;
    if (id_max(transfer->id)) return LEDGER_ID_MUST_NOT_BE_MAX;
    uint32_t there = ledger_map_find(ledger, &ledger->transfer_map, transfer->id);
    if (there != LEDGER_NONE) return same_again(transfer, &ledger->transfers[there]);

    *plan = (struct plan){ .pending = LEDGER_NONE, .expires_ns = UINT64_MAX };
    enum ledger_code code = form_judge(transfer);
    if (code != LEDGER_OK) return code;
    code = (transfer->flags & FLAGS_FINISH) != 0 ? finish_judge(ledger, transfer, plan)
                                                 : begin_judge(ledger, transfer, plan);
    if (code != LEDGER_OK) return code;
    return ledger->transfers_count == ledger->options.transfers_max ? LEDGER_TRANSFERS_FULL
                                                                    : LEDGER_OK;
}

/* ---- doing and undoing ----------------------------------------------------------------------- */

/* Takes `back` off what both accounts of a pending transfer have reserved and posts `post`. A
   closing transfer that ends opens its accounts. */
static void pending_release(struct ledger *ledger, uint32_t index, uint64_t back, uint64_t post,
                            bool ends) {
    const struct ledger_row *row = &ledger->rows[index];
    unsigned flags = ledger->transfers[index].flags;
    struct ledger_balances debit = ledger_balances_of(&ledger->accounts[row->debit]);
    struct ledger_balances credit = ledger_balances_of(&ledger->accounts[row->credit]);
    CHECK(debit.debits_pending >= back);
    CHECK(credit.credits_pending >= back);
    debit.debits_pending -= back;
    credit.credits_pending -= back;
    debit.debits_posted += post;
    credit.credits_posted += post;
    if (ends && (flags & LEDGER_CLOSING_DEBIT) != 0) debit.flags &= (uint16_t)~LEDGER_CLOSED;
    if (ends && (flags & LEDGER_CLOSING_CREDIT) != 0) credit.flags &= (uint16_t)~LEDGER_CLOSED;
    account_write(ledger, row->debit, &debit);
    account_write(ledger, row->credit, &credit);
    pair_check(ledger, row->debit, row->credit);
}

static void begin_apply(struct ledger *ledger, const struct ledger_transfer *transfer,
                        const struct plan *plan) {
    struct ledger_balances debit = ledger_balances_of(&ledger->accounts[plan->debit]);
    struct ledger_balances credit = ledger_balances_of(&ledger->accounts[plan->credit]);
    if ((transfer->flags & LEDGER_PENDING) != 0) {
        debit.debits_pending += plan->moved;
        credit.credits_pending += plan->moved;
    } else {
        debit.debits_posted += plan->moved;
        credit.credits_posted += plan->moved;
    }
    if ((transfer->flags & LEDGER_CLOSING_DEBIT) != 0) debit.flags |= LEDGER_CLOSED;
    if ((transfer->flags & LEDGER_CLOSING_CREDIT) != 0) credit.flags |= LEDGER_CLOSED;
    account_write(ledger, plan->debit, &debit);
    account_write(ledger, plan->credit, &credit);
    pair_check(ledger, plan->debit, plan->credit);
}

static void transfer_apply(struct ledger *ledger, const struct ledger_transfer *transfer,
                           const struct plan *plan) {
    CHECK(ledger->undos_count < ledger->options.chain_max);
    struct ledger_undo *undo = &ledger->undos[ledger->undos_count++];
    undo->debit = ledger_balances_of(&ledger->accounts[plan->debit]);
    undo->credit = ledger_balances_of(&ledger->accounts[plan->credit]);
    undo->debit_index = plan->debit;
    undo->credit_index = plan->credit;
    undo->pending_index = plan->pending;

    if (plan->pending != LEDGER_NONE) {
        const struct ledger_row *pending = &ledger->rows[plan->pending];
        undo->left = pending->left;
        undo->state = pending->state;
        bool posts = (transfer->flags & LEDGER_POST) != 0;
        bool ends = plan->left == 0;
        CHECK(pending->left >= plan->left);
        pending_release(ledger, plan->pending, pending->left - plan->left, posts ? plan->moved : 0,
                        ends);
        uint32_t ended = posts ? LEDGER_STATE_POSTED : LEDGER_STATE_VOIDED;
        row_write(ledger, plan->pending, plan->left, ends ? ended : LEDGER_STATE_PENDING);
    } else {
        begin_apply(ledger, transfer, plan);
    }

    uint32_t index = ledger->transfers_count++;
    bool pending = (transfer->flags & LEDGER_PENDING) != 0;
    struct ledger_transfer *kept = &ledger->transfers[index];
    *kept = *transfer;
    kept->debit = ledger->accounts[plan->debit].id;
    kept->credit = ledger->accounts[plan->credit].id;
    kept->ledger = plan->ledger;
    kept->code = plan->code;
    kept->moved = plan->moved;
    kept->time_ns = ledger->time_ns;
    ledger->rows[index] = (struct ledger_row){
        .left = pending ? plan->moved : 0,
        .expires_ns = plan->expires_ns,
        .debit = plan->debit,
        .credit = plan->credit,
        .state = pending ? LEDGER_STATE_PENDING : LEDGER_STATE_DONE,
    };
    ledger->fingerprint +=
        ledger_row_hash(index, ledger->rows[index].left, ledger->rows[index].state);
    ledger_map_put(ledger, &ledger->transfer_map, transfer->id, index);
}

static void transfer_undo(struct ledger *ledger) {
    const struct ledger_undo *undo = &ledger->undos[--ledger->undos_count];
    uint32_t index = --ledger->transfers_count;
    struct ledger_row *row = &ledger->rows[index];
    ledger_map_drop_last(ledger, &ledger->transfer_map, ledger->transfers[index].id, index);
    ledger->fingerprint -= ledger_row_hash(index, row->left, row->state);
    if (undo->pending_index != LEDGER_NONE)
        row_write(ledger, undo->pending_index, undo->left, undo->state);
    account_write(ledger, undo->credit_index, &undo->credit);
    account_write(ledger, undo->debit_index, &undo->debit);
    pair_check(ledger, undo->debit_index, undo->credit_index);
}

/* ---- expiry ---------------------------------------------------------------------------------- */

static bool expiry_before(const struct ledger_expiry *a, const struct ledger_expiry *b) {
    return a->expires_ns != b->expires_ns ? a->expires_ns < b->expires_ns : a->index < b->index;
}

static void expiry_push(struct ledger *ledger, struct ledger_expiry expiry) {
    CHECK(ledger->expiries_count < ledger->options.transfers_max);
    uint32_t at = ledger->expiries_count++;
    for (; at > 0 && expiry_before(&expiry, &ledger->expiries[(at - 1) / 2]); at = (at - 1) / 2)
        ledger->expiries[at] = ledger->expiries[(at - 1) / 2];
    ledger->expiries[at] = expiry;
}

static struct ledger_expiry expiry_pop(struct ledger *ledger) {
    struct ledger_expiry *heap = ledger->expiries;
    struct ledger_expiry first = heap[0], last = heap[--ledger->expiries_count];
    uint32_t count = ledger->expiries_count, at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= count) break;
        if (child + 1 < count && expiry_before(&heap[child + 1], &heap[child])) child++;
        if (!expiry_before(&heap[child], &last)) break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return first;
}

bool ledger_expire(struct ledger *ledger, uint64_t time_ns, uint32_t *index) {
    while (ledger->expiries_count > 0 && ledger->expiries[0].expires_ns <= time_ns) {
        struct ledger_expiry first = expiry_pop(ledger);
        const struct ledger_row *row = &ledger->rows[first.index];
        if (row->state != LEDGER_STATE_PENDING) continue;
        CHECK(first.expires_ns >= ledger->time_ns);
        ledger->time_ns = first.expires_ns;
        pending_release(ledger, first.index, row->left, 0, true);
        row_write(ledger, first.index, 0, LEDGER_STATE_EXPIRED);
        *index = first.index;
        return true;
    }
    if (time_ns > ledger->time_ns) ledger->time_ns = time_ns;
    return false;
}

/* ---- a chain --------------------------------------------------------------------------------- */

enum ledger_code ledger_chain_carry(struct ledger *ledger, const struct ledger_transfer *transfers,
                                    uint32_t count, uint32_t *failed) {
    CHECK(ledger->undos_count == 0);
    CHECK(count <= ledger->options.chain_max);
    uint64_t fingerprint = ledger->fingerprint;
    uint32_t first = ledger->transfers_count;

    for (uint32_t i = 0; i < count; i++) {
        struct plan plan;
        enum ledger_code code = transfer_judge(ledger, &transfers[i], &plan);
        if (code == LEDGER_OK) {
            transfer_apply(ledger, &transfers[i], &plan);
            continue;
        }
        while (ledger->undos_count > 0) transfer_undo(ledger);
        CHECK(ledger->transfers_count == first);
        CHECK(ledger->fingerprint == fingerprint);
        *failed = i;
        return code;
    }
    CHECK(ledger->transfers_count == first + count);
    ledger->undos_count = 0;

    /* only what stays is going to expire */
    for (uint32_t i = first; i < ledger->transfers_count; i++) {
        const struct ledger_row *row = &ledger->rows[i];
        if (row->expires_ns != UINT64_MAX)
            expiry_push(ledger, (struct ledger_expiry){ row->expires_ns, i });
    }
    return LEDGER_OK;
}
