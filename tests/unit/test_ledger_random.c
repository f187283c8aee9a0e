/* test_ledger_random: host/ledger/ against test_ledger_model.h: batches that crowd the edges (exact
 * balances, the last unit, ids used twice, chains that fail in the middle, values at the top of 64
 * bits, full tables), compared code by code and balance by balance. SEED draws others. */
#include "host/base/check.h"
#include "host/base/err.h"
#include "host/base/random.h"
#include "tests/unit/test_ledger_model.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { WORLDS = 2000, BATCHES = 40, BATCH_MAX = 12 };

/* One run, kept to be played again. */
struct call {
    uint64_t time_ns;
    bool account;
    struct ledger_account asked_account;
    struct ledger_transfer asked[BATCH_MAX];
    uint32_t count;
};

static struct random draw;
static struct model model;
static struct call calls[2 * BATCHES + 64];
static uint32_t calls_count;
static uint32_t seen[UINT8_MAX + 1];

static bool one_in(uint64_t n) { return random_below(&draw, n) == 0; }

static struct ledger *ledger_make(struct ledger_options options) {
    struct ledger *ledger = NULL;
    if (ledger_open(&options, &ledger) != 0) fail_msg("%s", err_text());
    return ledger;
}

static struct ledger_id any_id(uint64_t below) {
    if (one_in(150)) return (struct ledger_id){ 0, 0 };
    if (one_in(150)) return (struct ledger_id){ UINT64_MAX, UINT64_MAX };
    /* ids that share a half with others */
    if (one_in(40)) return (struct ledger_id){ 1 + random_below(&draw, 3), 0 };
    return (struct ledger_id){ 0, 1 + random_below(&draw, below) };
}

static struct ledger_account any_account(void) {
    struct ledger_account account = {
        .id = any_id(12),
        .ledger = 1 + (uint32_t)random_below(&draw, one_in(6) ? 4 : 2),
        .code = 1,
        .flags = (uint16_t)(one_in(2)   ? 0
                            : one_in(3) ? 2
                                        : 1),
    };
    if (one_in(30)) account.flags = (uint16_t)random_below(&draw, 8);
    if (one_in(30)) account.flags = (uint16_t)(1u << random_below(&draw, 16));
    if (one_in(30)) account.code = (uint16_t)random_below(&draw, 3);
    if (one_in(30)) account.ledger = 0;
    if (one_in(30)) account.user_data_128.high = 1;
    if (one_in(30)) account.user_data_64 = 1;
    if (one_in(30)) account.user_data_32 = 1;
    if (one_in(40)) account.debits_pending = 1;
    if (one_in(40)) account.debits_posted = 1;
    if (one_in(40)) account.credits_pending = 1;
    if (one_in(40)) account.credits_posted = 1;
    return account;
}

/* Near what the accounts have, or near a limit of the numbers. */
static uint64_t any_amount(const struct ledger_transfer *transfer, bool big) {
    model_wide base;
    switch (random_below(&draw, big ? 9 : 7)) {
    case 0:
        base = model_sum(&model, transfer->debit, MODEL_CREDITS, false) -
               model_sum(&model, transfer->debit, MODEL_DEBITS, false) -
               model_sum(&model, transfer->debit, MODEL_DEBITS, true);
        break;
    case 1:
        base = model_sum(&model, transfer->credit, MODEL_DEBITS, false) -
               model_sum(&model, transfer->credit, MODEL_CREDITS, false) -
               model_sum(&model, transfer->credit, MODEL_CREDITS, true);
        break;
    case 2:
        base = 100;
        break;
    case 7:
        base = (model_wide)UINT64_MAX -
               model_sum(&model, transfer->debit, MODEL_DEBITS, one_in(2)) -
               (one_in(2) ? model_sum(&model, transfer->debit, MODEL_DEBITS, one_in(2)) : 0);
        break;
    case 8:
        base = (model_wide)UINT64_MAX -
               model_sum(&model, transfer->credit, MODEL_CREDITS, one_in(2)) -
               (one_in(2) ? model_sum(&model, transfer->credit, MODEL_CREDITS, one_in(2)) : 0);
        break;
    default:
        base = 1 + (model_wide)random_below(&draw, 20);
    }
    base += (model_wide)random_below(&draw, 3) - 1;
    if (base < 0) base = 0;
    return base > UINT64_MAX ? UINT64_MAX : (uint64_t)base;
}

static struct ledger_id some_account(void) {
    if (one_in(25) || model.accounts_count == 0) return any_id(12);
    return model.accounts[random_below(&draw, model.accounts_count)].id;
}

static struct ledger_transfer any_begin(bool big) {
    struct ledger_transfer transfer = {
        .debit = some_account(),
        .credit = some_account(),
        .code = 1,
        .flags = (uint16_t)(one_in(2) ? LEDGER_PENDING : 0),
    };
    /* mostly two accounts of one ledger */
    const struct ledger_account *debit = model_account(&model, transfer.debit);
    for (int i = 0; i < 20 && debit != NULL && !one_in(20); i++) {
        const struct ledger_account *credit = model_account(&model, transfer.credit);
        if (credit != NULL && credit != debit && credit->ledger == debit->ledger) break;
        transfer.credit = some_account();
    }
    transfer.ledger = debit != NULL ? debit->ledger : 1;
    transfer.amount = any_amount(&transfer, big);
    if (one_in(12)) transfer.flags |= LEDGER_BALANCING_DEBIT;
    if (one_in(12)) transfer.flags |= LEDGER_BALANCING_CREDIT;
    if ((transfer.flags & (LEDGER_BALANCING_DEBIT | LEDGER_BALANCING_CREDIT)) != 0 && one_in(2))
        transfer.amount = LEDGER_AMOUNT_ALL;
    if ((transfer.flags & LEDGER_PENDING) != 0) {
        if (one_in(2)) transfer.timeout_s = 1 + (uint32_t)random_below(&draw, 3);
        if (one_in(20)) transfer.flags |= LEDGER_CLOSING_DEBIT;
        if (one_in(20)) transfer.flags |= LEDGER_CLOSING_CREDIT;
        if (one_in(60)) transfer.timeout_s = UINT32_MAX;
    }
    return transfer;
}

static struct ledger_transfer any_end(void) {
    struct ledger_transfer transfer = {
        .flags = (uint16_t)(one_in(2) ? LEDGER_POST : LEDGER_VOID),
        .pending = any_id(100),
        .amount = LEDGER_AMOUNT_ALL,
    };
    if (model.transfers_count == 0) return transfer;
    /* mostly one that is pending */
    const struct model_transfer *pending = NULL;
    for (int i = 0; i < 10; i++) {
        pending = &model.transfers[random_below(&draw, model.transfers_count)];
        if (pending->state == LEDGER_STATE_PENDING) break;
    }
    if (!one_in(30)) transfer.pending = pending->asked.id;
    if (one_in(2)) transfer.flags |= LEDGER_PART;
    if (!one_in(3)) transfer.amount = pending->left + random_below(&draw, 3) - 1;
    if (one_in(3)) transfer.amount = random_below(&draw, 4);
    if (one_in(4)) transfer.debit = pending->asked.debit;
    if (one_in(4)) transfer.credit = pending->asked.credit;
    if (one_in(4)) transfer.ledger = pending->asked.ledger;
    if (one_in(4)) transfer.code = pending->asked.code;
    return transfer;
}

/* Makes one field of a transfer something else. */
static void spoil(struct ledger_transfer *transfer) {
    switch (random_below(&draw, 14)) {
    case 0:
        transfer->debit = any_id(12);
        break;
    case 1:
        transfer->credit = any_id(12);
        break;
    case 2:
        transfer->pending = any_id(100);
        break;
    case 3:
        transfer->amount += random_below(&draw, 3) - 1;
        break;
    case 4:
        transfer->timeout_s = (uint32_t)random_below(&draw, 2);
        break;
    case 5:
        transfer->ledger = (uint32_t)random_below(&draw, 4);
        break;
    case 6:
        transfer->code = (uint16_t)random_below(&draw, 3);
        break;
    case 7:
        transfer->flags ^= (uint16_t)(1u << random_below(&draw, 16));
        break;
    case 8:
        transfer->user_data_128.low ^= 1;
        break;
    case 9:
        transfer->user_data_64 ^= 1;
        break;
    case 10:
        transfer->user_data_32 ^= 1;
        break;
    case 11:
        transfer->pending = transfer->id;
        break;
    case 12:
        transfer->credit = transfer->debit;
        break;
    default:
        transfer->id = any_id(100);
        break;
    }
}

static struct ledger_transfer any_transfer(const struct ledger_transfer *batch, uint32_t at,
                                           bool big) {
    struct ledger_transfer transfer;
    if (one_in(10) && model.transfers_count > 0) {
        /* again, as it was asked for or nearly so */
        transfer = model.transfers[random_below(&draw, model.transfers_count)].asked;
        if (one_in(2)) spoil(&transfer);
        return transfer;
    }
    transfer = one_in(2) ? any_begin(big) : any_end();
    transfer.id = any_id(200);
    if (one_in(12)) spoil(&transfer);
    if (one_in(4)) transfer.flags |= LEDGER_LINKED;
    /* what the one before it began, in the same batch */
    if (at > 0 && one_in(6)) {
        bool ends = (transfer.flags & (LEDGER_POST | LEDGER_VOID)) != 0;
        if (ends) transfer.pending = batch[at - 1].id;
    }
    return transfer;
}

static void states_compare(const struct ledger *ledger) {
    assert_int_equal(ledger_time_ns(ledger), model.time_ns);
    assert_int_equal(ledger_accounts_count(ledger), model.accounts_count);
    for (uint32_t i = 0; i < model.accounts_count; i++) {
        const struct ledger_account *account = ledger_account_at(ledger, i);
        struct ledger_id id = model.accounts[i].id;
        assert_ptr_equal(ledger_account_find(ledger, id), account);
        assert_true(account->debits_pending == model_sum(&model, id, MODEL_DEBITS, true));
        assert_true(account->debits_posted == model_sum(&model, id, MODEL_DEBITS, false));
        assert_true(account->credits_pending == model_sum(&model, id, MODEL_CREDITS, true));
        assert_true(account->credits_posted == model_sum(&model, id, MODEL_CREDITS, false));
        assert_int_equal((account->flags & LEDGER_CLOSED) != 0, model_closed(&model, id));
        assert_int_equal(account->flags & ~LEDGER_CLOSED, model.accounts[i].flags);
        assert_int_equal(account->time_ns, model.accounts[i].time_ns);
    }
    assert_int_equal(ledger_transfers_count(ledger), model.transfers_count);
    for (uint32_t i = 0; i < model.transfers_count; i++) {
        const struct ledger_transfer *transfer = ledger_transfer_at(ledger, i);
        const struct model_transfer *want = &model.transfers[i];
        assert_ptr_equal(ledger_transfer_find(ledger, want->asked.id), transfer);
        struct ledger_standing standing = ledger_standing(ledger, want->asked.id);
        assert_int_equal(standing.state, want->state);
        assert_int_equal(standing.left, want->left);
        assert_int_equal(transfer->moved, want->moved);
        assert_true(ledger_id_equal(transfer->debit, want->asked.debit));
        assert_true(ledger_id_equal(transfer->credit, want->asked.credit));
        assert_int_equal(transfer->ledger, want->asked.ledger);
        assert_int_equal(transfer->code, want->asked.code);
    }
    for (uint32_t number = 1; number <= 4; number++) {
        struct ledger_totals totals;
        if (!ledger_totals(ledger, number, &totals)) continue;
        assert_true(totals.debits_pending == totals.credits_pending);
        assert_true(totals.debits_posted == totals.credits_posted);
        model_wide posted = 0;
        for (uint32_t i = 0; i < model.accounts_count; i++)
            if (model.accounts[i].ledger == number)
                posted += model_sum(&model, model.accounts[i].id, MODEL_DEBITS, false);
        assert_true((model_wide)totals.debits_posted == posted);
    }
}

/* The same calls, chain by chain, in a ledger of other capacity and seed. */
static void calls_replay(const struct ledger *ledger, struct ledger_options options) {
    options.seed = ~options.seed;
    options.accounts_max += 1;
    struct ledger *other = ledger_make(options);
    for (uint32_t i = 0; i < calls_count; i++) {
        const struct call *call = &calls[i];
        if (call->account) {
            if (ledger_accounts_count(other) < model.options.accounts_max)
                (void)ledger_account_create(other, call->time_ns, &call->asked_account);
            continue;
        }
        uint8_t codes[BATCH_MAX];
        if (call->count == 0)
            (void)ledger_transfers_create(other, call->time_ns, call->asked, 0, codes);
        for (uint32_t at = 0, last; at < call->count; at = last + 1) {
            for (last = at; last + 1 < call->count && (call->asked[last].flags & LEDGER_LINKED);)
                last++;
            (void)ledger_transfers_create(other, call->time_ns, call->asked + at, last - at + 1,
                                          codes);
        }
    }
    uint8_t mine[LEDGER_DIGEST_BYTES], theirs[LEDGER_DIGEST_BYTES];
    ledger_digest(ledger, mine);
    ledger_digest(other, theirs);
    assert_memory_equal(mine, theirs, sizeof mine);
    ledger_close(other);
}

static uint64_t any_time(uint64_t time_ns) {
    switch (random_below(&draw, 6)) {
    case 0:
        return time_ns == 0 ? 0 : time_ns - 1;
    case 1:
        return time_ns + 1;
    case 2:
        return time_ns + 999999999;
    case 3:
        return time_ns + 1000000000;
    case 4:
        return time_ns + random_below(&draw, UINT64_C(4000000000));
    default:
        return time_ns;
    }
}

static void world_run(uint64_t world) {
    struct ledger_options options = {
        .accounts_max = 8 + (uint32_t)random_below(&draw, 4),
        .transfers_max = (uint32_t)(one_in(4) ? 20 : MODEL_TRANSFERS),
        .ledgers_max = 1 + (uint32_t)random_below(&draw, 4),
        .chain_max = 2 + (uint32_t)random_below(&draw, 5),
        .seed = random_next(&draw),
    };
    struct ledger *ledger = ledger_make(options);
    memset(&model, 0, sizeof model);
    model.options = options;
    calls_count = 0;
    bool big = one_in(3);
    uint64_t time_ns = one_in(8) ? UINT64_MAX - UINT64_C(150000000000) : 0;

    for (uint32_t batch = 0; batch < BATCHES; batch++) {
        time_ns = any_time(time_ns);
        for (int tries = batch == 0 ? 12 : one_in(3); tries > 0; tries--) {
            struct call *call = &calls[calls_count++];
            *call = (struct call){ .time_ns = time_ns, .account = true };
            call->asked_account = any_account();
            enum ledger_code want = model_account_create(&model, time_ns, &call->asked_account);
            enum ledger_code have = ledger_account_create(ledger, time_ns, &call->asked_account);
            seen[have]++;
            if (have != want)
                fail_msg("world %llu: account: %s, the rules say %s", (unsigned long long)world,
                         ledger_code_name(have), ledger_code_name(want));
        }
        struct call *call = &calls[calls_count++];
        *call = (struct call){ .time_ns = time_ns };
        call->count = (uint32_t)random_below(&draw, BATCH_MAX + 1);
        for (uint32_t i = 0; i < call->count; i++)
            call->asked[i] = any_transfer(call->asked, i, big);
        uint8_t want[BATCH_MAX], have[BATCH_MAX];
        model_transfers_create(&model, time_ns, call->asked, call->count, want);
        uint32_t refused = ledger_transfers_create(ledger, time_ns, call->asked, call->count, have);
        for (uint32_t i = 0; i < call->count; i++) {
            seen[have[i]]++;
            refused -= have[i] != LEDGER_OK;
            if (have[i] != want[i])
                fail_msg("world %llu, batch %u, transfer %u: %s, the rules say %s",
                         (unsigned long long)world, batch, i,
                         ledger_code_name((enum ledger_code)have[i]),
                         ledger_code_name((enum ledger_code)want[i]));
        }
        assert_int_equal(refused, 0);
        states_compare(ledger);
        if (batch % 8 == 7) ledger_check(ledger);
    }
    calls_replay(ledger, options);
    ledger_close(ledger);
}

static void random_batches_do_what_the_rules_say(void **state) {
    (void)state;
    const char *text = getenv("SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 1;
    print_message("seed %llu\n", (unsigned long long)seed);
    draw = random_seeded(seed);
    for (uint64_t world = 0; world < WORLDS; world++) world_run(world);
}

/* After the run: a code that never came up is a rule that was not tried. */
static void every_code_came_up(void **state) {
    (void)state;
#define LEDGER_CODE(name, number, text) \
    if (seen[number] == 0) fail_msg("never seen: %s", #name);
#include "host/ledger/ledger_codes.def"
#undef LEDGER_CODE
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_batches_do_what_the_rules_say),
        cmocka_unit_test(every_code_came_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
