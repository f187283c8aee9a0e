/* test_ledger_model: the rules of host/ledger/ledger.h done the slow way: two lists, no balances,
 * no undo. A balance is what a walk over all transfers adds up to, a chain is tried on a copy of
 * everything. Sums are 128 bits wide, so that nothing here can overflow. */
#ifndef TESTS_UNIT_TEST_LEDGER_MODEL_H
#define TESTS_UNIT_TEST_LEDGER_MODEL_H

#include "host/ledger/ledger.h"
#include <string.h>

__extension__ typedef __int128 model_wide;

enum { MODEL_ACCOUNTS = 16, MODEL_TRANSFERS = 160 };

struct model_transfer {
    struct ledger_transfer asked; /* a post or a void with the fields of its pending transfer */
    enum ledger_state state;
    uint64_t moved, left;
    model_wide expires_ns; /* -1 is never */
};

struct model {
    struct ledger_options options;
    uint64_t time_ns;
    struct ledger_account accounts[MODEL_ACCOUNTS]; /* as asked for */
    uint32_t accounts_count;
    struct model_transfer transfers[MODEL_TRANSFERS];
    uint32_t transfers_count;
};

enum model_side { MODEL_DEBITS, MODEL_CREDITS };

static inline bool model_is_one_of(unsigned flags, unsigned set) { return (flags & set) != 0; }

/* What one side of an account adds up to. */
static inline model_wide model_sum(const struct model *model, struct ledger_id account,
                                   enum model_side side, bool pending) {
    model_wide sum = 0;
    for (uint32_t i = 0; i < model->transfers_count; i++) {
        const struct model_transfer *transfer = &model->transfers[i];
        struct ledger_id mine =
            side == MODEL_DEBITS ? transfer->asked.debit : transfer->asked.credit;
        if (!ledger_id_equal(mine, account)) continue;
        bool reserves = model_is_one_of(transfer->asked.flags, LEDGER_PENDING);
        bool voids = model_is_one_of(transfer->asked.flags, LEDGER_VOID);
        if (pending && reserves) sum += transfer->left;
        if (!pending && !reserves && !voids) sum += transfer->moved;
    }
    return sum;
}

static inline bool model_closed(const struct model *model, struct ledger_id account) {
    for (uint32_t i = 0; i < model->transfers_count; i++) {
        const struct model_transfer *transfer = &model->transfers[i];
        if (transfer->state != LEDGER_STATE_PENDING) continue;
        if (model_is_one_of(transfer->asked.flags, LEDGER_CLOSING_DEBIT) &&
            ledger_id_equal(transfer->asked.debit, account))
            return true;
        if (model_is_one_of(transfer->asked.flags, LEDGER_CLOSING_CREDIT) &&
            ledger_id_equal(transfer->asked.credit, account))
            return true;
    }
    return false;
}

static inline const struct ledger_account *model_account(const struct model *model,
                                                         struct ledger_id id) {
    for (uint32_t i = 0; i < model->accounts_count; i++)
        if (ledger_id_equal(model->accounts[i].id, id)) return &model->accounts[i];
    return NULL;
}

static inline struct model_transfer *model_transfer(struct model *model, struct ledger_id id) {
    for (uint32_t i = 0; i < model->transfers_count; i++)
        if (ledger_id_equal(model->transfers[i].asked.id, id)) return &model->transfers[i];
    return NULL;
}

static inline void model_clock(struct model *model, uint64_t time_ns) {
    if (time_ns > model->time_ns) model->time_ns = time_ns;
    for (uint32_t i = 0; i < model->transfers_count; i++) {
        struct model_transfer *transfer = &model->transfers[i];
        if (transfer->state != LEDGER_STATE_PENDING || transfer->expires_ns < 0) continue;
        if (transfer->expires_ns > model->time_ns) continue;
        transfer->state = LEDGER_STATE_EXPIRED;
        transfer->left = 0;
    }
}

#define MODEL_REFUSE_IF(condition, name)     \
    do {                                     \
        if (condition) return LEDGER_##name; \
    } while (0)

static inline bool model_same_user_data(struct ledger_id a, uint64_t a64, uint32_t a32,
                                        struct ledger_id b, uint64_t b64, uint32_t b32) {
    return ledger_id_equal(a, b) && a64 == b64 && a32 == b32;
}

static inline enum ledger_code model_account_create(struct model *model, uint64_t time_ns,
                                                    const struct ledger_account *asked) {
    const struct ledger_id none = { 0, 0 }, max = { UINT64_MAX, UINT64_MAX };
    model_clock(model, time_ns);
    MODEL_REFUSE_IF(asked->flags > 3, RESERVED_FLAG);
    MODEL_REFUSE_IF(ledger_id_equal(asked->id, none), ID_MUST_NOT_BE_ZERO);
    MODEL_REFUSE_IF(ledger_id_equal(asked->id, max), ID_MUST_NOT_BE_MAX);
    const struct ledger_account *there = model_account(model, asked->id);
    if (there != NULL) {
        MODEL_REFUSE_IF(there->flags != asked->flags, EXISTS_WITH_DIFFERENT_FLAGS);
        MODEL_REFUSE_IF(!model_same_user_data(there->user_data_128, there->user_data_64,
                                              there->user_data_32, asked->user_data_128,
                                              asked->user_data_64, asked->user_data_32),
                        EXISTS_WITH_DIFFERENT_USER_DATA);
        MODEL_REFUSE_IF(there->ledger != asked->ledger, EXISTS_WITH_DIFFERENT_LEDGER);
        MODEL_REFUSE_IF(there->code != asked->code, EXISTS_WITH_DIFFERENT_CODE);
        return LEDGER_EXISTS;
    }
    MODEL_REFUSE_IF(asked->flags == 3, FLAGS_ARE_MUTUALLY_EXCLUSIVE);
    MODEL_REFUSE_IF(asked->debits_pending != 0 || asked->debits_posted != 0 ||
                        asked->credits_pending != 0 || asked->credits_posted != 0,
                    BALANCES_MUST_BE_ZERO);
    MODEL_REFUSE_IF(asked->ledger == 0, LEDGER_MUST_NOT_BE_ZERO);
    MODEL_REFUSE_IF(asked->code == 0, CODE_MUST_NOT_BE_ZERO);
    MODEL_REFUSE_IF(model->accounts_count >= model->options.accounts_max, ACCOUNTS_FULL);
    uint32_t ledgers = 0;
    bool known = false;
    for (uint32_t i = 0; i < model->accounts_count; i++) {
        bool first = true;
        for (uint32_t k = 0; k < i; k++)
            if (model->accounts[k].ledger == model->accounts[i].ledger) first = false;
        if (first) ledgers++;
        if (model->accounts[i].ledger == asked->ledger) known = true;
    }
    MODEL_REFUSE_IF(!known && ledgers >= model->options.ledgers_max, LEDGERS_FULL);
    model->accounts[model->accounts_count] = *asked;
    model->accounts[model->accounts_count].time_ns = model->time_ns;
    model->accounts_count++;
    return LEDGER_OK;
}

static inline enum ledger_code model_again(const struct ledger_transfer *there,
                                           const struct ledger_transfer *asked) {
    const struct ledger_id none = { 0, 0 };
    bool ends = model_is_one_of(asked->flags, LEDGER_POST | LEDGER_VOID);
    bool any_debit = ends && ledger_id_equal(asked->debit, none);
    bool any_credit = ends && ledger_id_equal(asked->credit, none);
    MODEL_REFUSE_IF(there->flags != asked->flags, EXISTS_WITH_DIFFERENT_FLAGS);
    MODEL_REFUSE_IF(!ledger_id_equal(there->pending, asked->pending),
                    EXISTS_WITH_DIFFERENT_PENDING_ID);
    MODEL_REFUSE_IF(there->timeout_s != asked->timeout_s, EXISTS_WITH_DIFFERENT_TIMEOUT);
    MODEL_REFUSE_IF(!any_debit && !ledger_id_equal(there->debit, asked->debit),
                    EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID);
    MODEL_REFUSE_IF(!any_credit && !ledger_id_equal(there->credit, asked->credit),
                    EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID);
    MODEL_REFUSE_IF(there->amount != asked->amount, EXISTS_WITH_DIFFERENT_AMOUNT);
    MODEL_REFUSE_IF(!model_same_user_data(there->user_data_128, there->user_data_64,
                                          there->user_data_32, asked->user_data_128,
                                          asked->user_data_64, asked->user_data_32),
                    EXISTS_WITH_DIFFERENT_USER_DATA);
    MODEL_REFUSE_IF(!(ends && asked->ledger == 0) && there->ledger != asked->ledger,
                    EXISTS_WITH_DIFFERENT_LEDGER);
    MODEL_REFUSE_IF(!(ends && asked->code == 0) && there->code != asked->code,
                    EXISTS_WITH_DIFFERENT_CODE);
    return LEDGER_EXISTS;
}

/* Post or void. */
static inline enum ledger_code model_end(struct model *model, const struct ledger_transfer *asked) {
    const struct ledger_id none = { 0, 0 }, max = { UINT64_MAX, UINT64_MAX };
    bool part = model_is_one_of(asked->flags, LEDGER_PART);
    bool posts = model_is_one_of(asked->flags, LEDGER_POST);
    MODEL_REFUSE_IF(ledger_id_equal(asked->pending, none), PENDING_ID_MUST_NOT_BE_ZERO);
    MODEL_REFUSE_IF(ledger_id_equal(asked->pending, max), PENDING_ID_MUST_NOT_BE_MAX);
    MODEL_REFUSE_IF(ledger_id_equal(asked->pending, asked->id), PENDING_ID_MUST_BE_DIFFERENT);
    MODEL_REFUSE_IF(asked->amount == 0 && (posts || part), AMOUNT_MUST_NOT_BE_ZERO);
    struct model_transfer *pending = model_transfer(model, asked->pending);
    MODEL_REFUSE_IF(pending == NULL, PENDING_TRANSFER_NOT_FOUND);
    MODEL_REFUSE_IF(!model_is_one_of(pending->asked.flags, LEDGER_PENDING),
                    PENDING_TRANSFER_NOT_PENDING);
    MODEL_REFUSE_IF(!ledger_id_equal(asked->debit, none) &&
                        !ledger_id_equal(asked->debit, pending->asked.debit),
                    PENDING_HAS_DIFFERENT_DEBIT_ACCOUNT_ID);
    MODEL_REFUSE_IF(!ledger_id_equal(asked->credit, none) &&
                        !ledger_id_equal(asked->credit, pending->asked.credit),
                    PENDING_HAS_DIFFERENT_CREDIT_ACCOUNT_ID);
    MODEL_REFUSE_IF(asked->ledger != 0 && asked->ledger != pending->asked.ledger,
                    PENDING_HAS_DIFFERENT_LEDGER);
    MODEL_REFUSE_IF(asked->code != 0 && asked->code != pending->asked.code,
                    PENDING_HAS_DIFFERENT_CODE);
    MODEL_REFUSE_IF(pending->state == LEDGER_STATE_POSTED, PENDING_TRANSFER_ALREADY_POSTED);
    MODEL_REFUSE_IF(pending->state == LEDGER_STATE_VOIDED, PENDING_TRANSFER_ALREADY_VOIDED);
    MODEL_REFUSE_IF(pending->state == LEDGER_STATE_EXPIRED, PENDING_TRANSFER_EXPIRED);
    uint64_t moved = asked->amount == LEDGER_AMOUNT_ALL ? pending->left : asked->amount;
    MODEL_REFUSE_IF(moved > pending->left, EXCEEDS_PENDING_TRANSFER_AMOUNT);
    MODEL_REFUSE_IF(!posts && !part && moved < pending->left, PENDING_HAS_DIFFERENT_AMOUNT);
    MODEL_REFUSE_IF(posts && model_closed(model, pending->asked.debit),
                    DEBIT_ACCOUNT_ALREADY_CLOSED);
    MODEL_REFUSE_IF(posts && model_closed(model, pending->asked.credit),
                    CREDIT_ACCOUNT_ALREADY_CLOSED);
    MODEL_REFUSE_IF(model->transfers_count >= model->options.transfers_max, TRANSFERS_FULL);

    struct model_transfer *done = &model->transfers[model->transfers_count++];
    *done = (struct model_transfer){ .asked = *asked, .moved = moved, .expires_ns = -1 };
    done->asked.debit = pending->asked.debit;
    done->asked.credit = pending->asked.credit;
    done->asked.ledger = pending->asked.ledger;
    done->asked.code = pending->asked.code;
    pending->left = part ? pending->left - moved : 0;
    if (pending->left == 0) pending->state = posts ? LEDGER_STATE_POSTED : LEDGER_STATE_VOIDED;
    return LEDGER_OK;
}

static inline enum ledger_code model_transfer_create(struct model *model,
                                                     const struct ledger_transfer *asked) {
    const struct ledger_id none = { 0, 0 }, max = { UINT64_MAX, UINT64_MAX };
    const model_wide top = UINT64_MAX;
    unsigned flags = asked->flags;
    bool reserves = model_is_one_of(flags, LEDGER_PENDING);
    bool posts = model_is_one_of(flags, LEDGER_POST);
    bool voids = model_is_one_of(flags, LEDGER_VOID);
    bool closes = model_is_one_of(flags, LEDGER_CLOSING_DEBIT | LEDGER_CLOSING_CREDIT);
    bool balances_debit = model_is_one_of(flags, LEDGER_BALANCING_DEBIT);
    bool balances_credit = model_is_one_of(flags, LEDGER_BALANCING_CREDIT);
    MODEL_REFUSE_IF(flags >= 512, RESERVED_FLAG);
    MODEL_REFUSE_IF(ledger_id_equal(asked->id, none), ID_MUST_NOT_BE_ZERO);
    MODEL_REFUSE_IF(ledger_id_equal(asked->id, max), ID_MUST_NOT_BE_MAX);
    struct model_transfer *there = model_transfer(model, asked->id);
    if (there != NULL) return model_again(&there->asked, asked);
    MODEL_REFUSE_IF(reserves + posts + voids > 1, FLAGS_ARE_MUTUALLY_EXCLUSIVE);
    MODEL_REFUSE_IF((posts || voids) && (closes || balances_debit || balances_credit),
                    FLAGS_ARE_MUTUALLY_EXCLUSIVE);
    MODEL_REFUSE_IF(model_is_one_of(flags, LEDGER_PART) && !posts && !voids,
                    PART_NEEDS_POST_OR_VOID);
    MODEL_REFUSE_IF(closes && !reserves, CLOSING_MUST_BE_PENDING);
    MODEL_REFUSE_IF(asked->timeout_s != 0 && !reserves, TIMEOUT_NEEDS_PENDING);
    if (posts || voids) return model_end(model, asked);

    MODEL_REFUSE_IF(!ledger_id_equal(asked->pending, none), PENDING_ID_MUST_BE_ZERO);
    MODEL_REFUSE_IF(ledger_id_equal(asked->debit, none), DEBIT_ACCOUNT_ID_MUST_NOT_BE_ZERO);
    MODEL_REFUSE_IF(ledger_id_equal(asked->credit, none), CREDIT_ACCOUNT_ID_MUST_NOT_BE_ZERO);
    MODEL_REFUSE_IF(ledger_id_equal(asked->debit, asked->credit), ACCOUNTS_MUST_BE_DIFFERENT);
    MODEL_REFUSE_IF(asked->amount == 0 && !closes, AMOUNT_MUST_NOT_BE_ZERO);
    MODEL_REFUSE_IF(asked->ledger == 0, LEDGER_MUST_NOT_BE_ZERO);
    MODEL_REFUSE_IF(asked->code == 0, CODE_MUST_NOT_BE_ZERO);
    const struct ledger_account *debit = model_account(model, asked->debit);
    const struct ledger_account *credit = model_account(model, asked->credit);
    MODEL_REFUSE_IF(debit == NULL, DEBIT_ACCOUNT_NOT_FOUND);
    MODEL_REFUSE_IF(credit == NULL, CREDIT_ACCOUNT_NOT_FOUND);
    MODEL_REFUSE_IF(debit->ledger != credit->ledger, ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER);
    MODEL_REFUSE_IF(debit->ledger != asked->ledger, TRANSFER_MUST_HAVE_THE_SAME_LEDGER);
    MODEL_REFUSE_IF(model_closed(model, asked->debit), DEBIT_ACCOUNT_ALREADY_CLOSED);
    MODEL_REFUSE_IF(model_closed(model, asked->credit), CREDIT_ACCOUNT_ALREADY_CLOSED);

    model_wide out_pending = model_sum(model, asked->debit, MODEL_DEBITS, true);
    model_wide out_posted = model_sum(model, asked->debit, MODEL_DEBITS, false);
    model_wide out_have = model_sum(model, asked->debit, MODEL_CREDITS, false);
    model_wide in_pending = model_sum(model, asked->credit, MODEL_CREDITS, true);
    model_wide in_posted = model_sum(model, asked->credit, MODEL_CREDITS, false);
    model_wide in_owed = model_sum(model, asked->credit, MODEL_DEBITS, false);
    model_wide amount = asked->amount;
    model_wide held = out_have - out_posted - out_pending;
    model_wide owed = in_owed - in_posted - in_pending;
    enum ledger_code nothing = LEDGER_OK;
    if (balances_debit && held < amount) amount = held > 0 ? held : 0;
    if (balances_debit && held <= 0 && asked->amount != 0) nothing = LEDGER_EXCEEDS_CREDITS;
    if (balances_credit && owed < amount) amount = owed > 0 ? owed : 0;
    if (balances_credit && owed <= 0 && asked->amount != 0 && nothing == LEDGER_OK)
        nothing = LEDGER_EXCEEDS_DEBITS;

    MODEL_REFUSE_IF(reserves && out_pending + amount > top, OVERFLOWS_DEBITS_PENDING);
    MODEL_REFUSE_IF(reserves && in_pending + amount > top, OVERFLOWS_CREDITS_PENDING);
    MODEL_REFUSE_IF(!reserves && out_posted + amount > top, OVERFLOWS_DEBITS_POSTED);
    MODEL_REFUSE_IF(!reserves && in_posted + amount > top, OVERFLOWS_CREDITS_POSTED);
    MODEL_REFUSE_IF(out_pending + out_posted + amount > top, OVERFLOWS_DEBITS);
    MODEL_REFUSE_IF(in_pending + in_posted + amount > top, OVERFLOWS_CREDITS);
    model_wide expires_ns = -1;
    if (asked->timeout_s != 0)
        expires_ns = (model_wide)model->time_ns + (model_wide)asked->timeout_s * 1000000000;
    MODEL_REFUSE_IF(expires_ns >= top, OVERFLOWS_TIMEOUT);
    if (nothing != LEDGER_OK) return nothing;
    MODEL_REFUSE_IF(debit->flags == LEDGER_DEBITS_MUST_NOT_EXCEED_CREDITS &&
                        out_pending + out_posted + amount > out_have,
                    EXCEEDS_CREDITS);
    MODEL_REFUSE_IF(credit->flags == LEDGER_CREDITS_MUST_NOT_EXCEED_DEBITS &&
                        in_pending + in_posted + amount > in_owed,
                    EXCEEDS_DEBITS);
    MODEL_REFUSE_IF(model->transfers_count >= model->options.transfers_max, TRANSFERS_FULL);

    model->transfers[model->transfers_count++] = (struct model_transfer){
        .asked = *asked,
        .state = reserves ? LEDGER_STATE_PENDING : LEDGER_STATE_DONE,
        .moved = (uint64_t)amount,
        .left = reserves ? (uint64_t)amount : 0,
        .expires_ns = expires_ns,
    };
    return LEDGER_OK;
}

static inline void model_transfers_create(struct model *model, uint64_t time_ns,
                                          const struct ledger_transfer *asked, uint32_t count,
                                          uint8_t *codes) {
    model_clock(model, time_ns);
    for (uint32_t first = 0, last; first < count; first = last + 1) {
        for (last = first; last < count && model_is_one_of(asked[last].flags, LEDGER_LINKED);)
            last++;
        bool open = last == count;
        if (open) last--;
        uint32_t length = last - first + 1, failed = first;
        enum ledger_code code = LEDGER_OK;
        if (open) {
            failed = last;
            code = LEDGER_LINKED_EVENT_CHAIN_OPEN;
        } else if (length > model->options.chain_max) {
            code = LEDGER_LINKED_EVENT_CHAIN_TOO_LONG;
        } else {
            static struct model before;
            before = *model;
            for (uint32_t i = first; i <= last && code == LEDGER_OK; i++) {
                code = model_transfer_create(model, &asked[i]);
                failed = i;
            }
            if (code != LEDGER_OK) *model = before;
        }
        for (uint32_t i = first; i <= last; i++)
            codes[i] = code == LEDGER_OK ? LEDGER_OK : LEDGER_LINKED_EVENT_FAILED;
        if (code != LEDGER_OK) codes[failed] = (uint8_t)code;
    }
}

#endif /* TESTS_UNIT_TEST_LEDGER_MODEL_H */
