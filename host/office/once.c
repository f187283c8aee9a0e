#include "host/office/once.h"
#include "host/base/err.h"
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a firm's accounts hold together. Currencies are not added up: each has a row of its own. */
struct firm {
    int64_t firm, currency;
    int64_t cash_e4, fees_e4, reserved_e4;
    int64_t bought, sold, long_shares, short_shares;
    uint32_t positions;
};

bool once_balanced(const struct office_proof *proof) {
    return proof->ledger_verified && proof->projections_equal && proof->card_agrees;
}

static struct firm *firm_of(struct firm *firms, uint32_t *count, int64_t number, int64_t currency) {
    for (uint32_t i = 0; i < *count; i++)
        if (firms[i].firm == number && firms[i].currency == currency) return &firms[i];
    firms[*count] = (struct firm){ .firm = number, .currency = currency };
    return &firms[(*count)++];
}

static void add_positions(struct office *office, uint32_t account, struct firm *firm) {
    const struct fold_options *options = &office_settings(office)->fold;
    for (uint32_t symbol = 0; symbol < options->symbols; symbol++) {
        const struct store_position *position = fold_position(office_fold(office), account, symbol);
        if (position == NULL) continue;
        firm->bought += position->bought;
        firm->sold += position->sold;
        firm->positions += position->net != 0;
        if (position->net > 0) firm->long_shares += position->net;
        if (position->net < 0) firm->short_shares -= position->net;
    }
}

/* firms has room for as many as there are accounts. */
static uint32_t gather(struct office *office, struct firm *firms) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < office_settings(office)->fold.accounts; i++) {
        const struct store_account *account = fold_account(office_fold(office), i);
        if (account == NULL) continue;
        struct firm *firm = firm_of(firms, &count, account->firm, account->currency);
        firm->cash_e4 += account->buying_power_e4 + account->reserved_e4 + account->proceeds_e4 -
                         account->fees_e4;
        firm->fees_e4 += account->fees_e4;
        firm->reserved_e4 += account->reserved_e4;
        add_positions(office, i, firm);
    }
    return count;
}

static struct firm *firms_new(struct office *office, uint32_t *count) {
    struct firm *firms = calloc(office_settings(office)->fold.accounts, sizeof *firms);
    if (firms != NULL) *count = gather(office, firms);
    return firms;
}

static void name_firm(const struct office *office, int64_t number, char text[40]) {
    const char *name = names_of(office_names(office), NAMES_FIRM, number);
    if (name != NULL)
        (void)snprintf(text, 40, "%.32s", name);
    else
        (void)snprintf(text, 40, "firm %" PRId64, number);
}

/* 1234567.8901 as 123.4567 */
static void money_text(int64_t value_e4, char text[32]) {
    uint64_t size = value_e4 < 0 ? -(uint64_t)value_e4 : (uint64_t)value_e4;
    (void)snprintf(text, 32, "%s%" PRIu64 ".%04" PRIu64, value_e4 < 0 ? "-" : "", size / 10000,
                   size % 10000);
}

void once_print(FILE *out, struct office *office, const struct office_proof *proof) {
    const struct fold_counts counts = fold_counts(office_fold(office));
    const struct store_progress *progress = fold_progress(office_fold(office));
    uint32_t count = 0;
    struct firm *firms = firms_new(office, &count);
    (void)fprintf(out,
                  "\nOffice\n  %" PRIu64 " orders (%" PRIu64 " open), %" PRIu64 " trades, %u "
                  "transfers between %u accounts of the ledger\n\n",
                  counts.orders, counts.orders_open, counts.trades,
                  ledger_transfers_count(fold_ledger(office_fold(office))),
                  ledger_accounts_count(fold_ledger(office_fold(office))));
    (void)fprintf(out, "  %-10s %22s %14s %9s %10s %10s\n", "firm", "cash", "fees", "positions",
                  "long", "short");
    for (uint32_t i = 0; firms != NULL && i < count; i++) {
        char name[40], cash[32], fees[32];
        if (firms[i].bought == 0 && firms[i].sold == 0) continue;
        name_firm(office, firms[i].firm, name);
        money_text(firms[i].cash_e4, cash);
        money_text(firms[i].fees_e4, fees);
        (void)fprintf(out, "  %-10s %22s %14s %9u %10" PRId64 " %10" PRId64 "\n", name, cash, fees,
                      firms[i].positions, firms[i].long_shares, firms[i].short_shares);
    }
    (void)fprintf(out,
                  "\n  books %s; projections %s the journal; %" PRId64
                  " rows of the card compared, %" PRId64 " differ\n",
                  proof->ledger_verified ? "balanced" : "NOT BALANCED",
                  proof->projections_equal ? "equal to" : "NOT EQUAL TO", progress->checked,
                  progress->differences);
    if (proof->text[0] != '\0') (void)fprintf(out, "  %s\n", proof->text);
    free(firms);
}

static json_t *firms_json(struct office *office) {
    uint32_t count = 0;
    struct firm *firms = firms_new(office, &count);
    json_t *list = json_array();
    for (uint32_t i = 0; firms != NULL && i < count; i++) {
        char name[40];
        name_firm(office, firms[i].firm, name);
        (void)json_array_append_new(
            list,
            json_pack("{sssIsIsIsIsIsIsIsIsIsI}", "firm", name, "number", (json_int_t)firms[i].firm,
                      "currency", (json_int_t)firms[i].currency, "cash_e4",
                      (json_int_t)firms[i].cash_e4, "reserved_e4", (json_int_t)firms[i].reserved_e4,
                      "fees_e4", (json_int_t)firms[i].fees_e4, "positions",
                      (json_int_t)firms[i].positions, "long_shares",
                      (json_int_t)firms[i].long_shares, "short_shares",
                      (json_int_t)firms[i].short_shares, "bought", (json_int_t)firms[i].bought,
                      "sold", (json_int_t)firms[i].sold));
    }
    free(firms);
    return list;
}

static json_t *view(struct office *office, const struct office_proof *proof) {
    const struct fold_counts counts = fold_counts(office_fold(office));
    const struct store_progress *progress = fold_progress(office_fold(office));
    char digest[2 * LEDGER_DIGEST_BYTES + 1];
    for (size_t i = 0; i < LEDGER_DIGEST_BYTES; i++)
        (void)snprintf(digest + 2 * i, 3, "%02x", proof->digest[i]);
    return json_pack(
        "{sbsbsbsbsssIsIsIsIsIsIsIsIsIsssIsIso}", "books_balanced", once_balanced(proof),
        "ledger_verified", proof->ledger_verified, "projections_equal", proof->projections_equal,
        "card_agrees", proof->card_agrees, "text", proof->text, "records",
        (json_int_t)progress->record, "orders", (json_int_t)counts.orders, "orders_open",
        (json_int_t)counts.orders_open, "trades", (json_int_t)counts.trades, "transfers",
        (json_int_t)ledger_transfers_count(fold_ledger(office_fold(office))), "accounts",
        (json_int_t)ledger_accounts_count(fold_ledger(office_fold(office))), "alarms",
        (json_int_t)counts.alarms, "rows_compared", (json_int_t)progress->checked, "differences",
        (json_int_t)progress->differences, "ledger_digest", digest, "maker_e4",
        (json_int_t)progress->maker_e4, "taker_e4", (json_int_t)progress->taker_e4, "firms",
        firms_json(office));
}

static int save(const char *path, json_t *json) {
    int code = json == NULL ? err_set(-ENOMEM, "no memory for %s", path) : 0;
    if (code == 0 && json_dump_file(json, path, JSON_INDENT(2)) != 0)
        code = err_set(-EIO, "%s: it cannot be written: %s", path, strerror(errno));
    json_decref(json);
    return code;
}

int once_save(const char *path, struct office *office, const struct office_proof *proof) {
    return save(path, view(office, proof));
}

int once_summarise(const char *path, struct office *office, const struct office_proof *proof) {
    json_error_t error;
    json_t *summary = json_load_file(path, 0, &error);
    if (!json_is_object(summary)) {
        json_decref(summary);
        return err_set(-EBADMSG, "%s: no JSON object to add to: %s", path, error.text);
    }
    (void)json_object_set_new(summary, "books_balanced", json_boolean(once_balanced(proof)));
    (void)json_object_set_new(summary, "office", view(office, proof));
    return save(path, summary);
}
