/* test_fold: the office's books, by hand at the edges, and at random against the engine's own rows:
 * whatever the card says of buying power, positions and orders must be what the ledger has come to.
 */
#include "host/base/err.h"
#include "host/office/fold.h"
#include "host/wire/ouch.h"
#include "tests/unit/office_market.h"
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct fold_options small = { .symbols = OM_SYMBOLS,
                                           .accounts = OM_ACCOUNTS,
                                           .orders = OM_ORDERS,
                                           .levels = OM_LEVELS,
                                           .transfers = 400000 };

/* A fold that is shown a market. */
struct bench {
    struct om market;
    struct fold *fold;
    struct store *store; /* NULL for none */
    int code;            /* of the first record that was refused */
    void (*spoil)(struct event *event);
};

static void see(void *context, const struct journal_record *record) {
    struct bench *bench = context;
    struct journal_record shown = *record;
    uint64_t aligned[8];
    if (bench->spoil != NULL && record->kind == JOURNAL_EVENT) {
        struct event event = { .number = 0 };
        memcpy(&event, record->data, LIMIT_EVENT_BYTES);
        bench->spoil(&event);
        memcpy(aligned, &event, LIMIT_EVENT_BYTES);
        shown.data = (const uint8_t *)aligned;
    }
    int code = bench->code == 0 ? fold_record(bench->fold, &shown) : 0;
    if (code != 0) bench->code = code;
}

static void bench_open(struct bench *bench, const struct fold_options *options, uint64_t seed) {
    *bench = (struct bench){ .code = 0 };
    if (fold_open(options, &bench->fold) != 0) fail_msg("%s", err_text());
    assert_int_equal(store_open(":memory:", &bench->store), 0);
    assert_int_equal(store_begin(bench->store), 0);
    fold_attach(bench->fold, bench->store);
    om_open(&bench->market, seed, see, bench);
}

static void bench_close(struct bench *bench) {
    om_close(&bench->market);
    fold_close(bench->fold);
    store_abandon(bench->store);
    store_close(bench->store);
}

static void assert_proven(struct bench *bench) {
    if (bench->code != 0 || fold_verify(bench->fold) != 0 || fold_flush(bench->fold) != 0 ||
        fold_compare(bench->fold, bench->store) != 0)
        fail_msg("%s", err_text());
    if (fold_progress(bench->fold)->differences != 0) {
        struct store_alarm alarm;
        assert_int_equal(store_get(bench->store, STORE_alarm, 1, &alarm), 1);
        fail_msg("record %" PRId64 ": %s", alarm.record, alarm.text);
    }
}

static void set_fees(struct bench *bench, int64_t maker_e4, int64_t taker_e4) {
    const struct fold_input input = {
        .kind = FOLD_INPUT_FEES,
        .sequence = (uint64_t)fold_progress(bench->fold)->input + 1,
        .record = (uint64_t)fold_progress(bench->fold)->record,
        .maker_e4 = maker_e4,
        .taker_e4 = taker_e4,
    };
    assert_int_equal(fold_input(bench->fold, &input), 0);
}

static struct store_order last_order(struct bench *bench) {
    struct store_order order;
    bool more;
    const struct store_query query = { .newest_first = true, .limit = 1 };
    assert_int_equal(store_list(bench->store, STORE_order, &query, &order, &more), 1);
    return order;
}

/* ---- By hand ---- */

static void cash_and_shares_change_hands_and_fees_are_paid(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench, &small, 1);
    set_fees(&bench, -20, 30);
    om_new(&bench.market, 1, 0, 0, SIDE_SELL, 103000, 100, 0);
    assert_int_equal(fold_position(bench.fold, 0, 0)->open_sell, 100);
    om_new(&bench.market, 2, 2, 0, SIDE_BUY, 103200, 150, 0); /* 100 of it two ticks better */

    const struct store_account *buyer = fold_account(bench.fold, 2);
    assert_int_equal(buyer->reserved_e4, 50 * 103200);
    assert_int_equal(buyer->buying_power_e4, 500000000 - 100 * 103000 - 50 * 103200);
    assert_int_equal(buyer->fees_e4, 30 * 100);
    assert_int_equal(buyer->proceeds_e4, 0);
    const struct store_account *seller = fold_account(bench.fold, 0);
    assert_int_equal(seller->buying_power_e4, 500000000); /* sales never add to it */
    assert_int_equal(seller->proceeds_e4, 100 * 103000);
    assert_int_equal(seller->fees_e4, -20 * 100);
    assert_int_equal(seller->deposited_e4, 500000000);
    assert_int_equal(fold_position(bench.fold, 0, 0)->net, -100);
    assert_int_equal(fold_position(bench.fold, 2, 0)->net, 100);
    assert_int_equal(fold_position(bench.fold, 2, 0)->open_buy, 50);

    struct store_trade trade;
    bool more;
    const struct store_query first = { .limit = 1 };
    assert_int_equal(store_list(bench.store, STORE_trade, &first, &trade, &more), 1);
    assert_int_equal(trade.aggressor, SIDE_BUY);
    assert_int_equal(trade.buy_fee_e4, 3000);
    assert_int_equal(trade.sell_fee_e4, -2000);

    om_change(&bench.market, OPCODE_CANCEL, 2, 0, 120); /* 30 less */
    assert_int_equal(fold_account(bench.fold, 2)->reserved_e4, 20 * 103200);
    om_change(&bench.market, OPCODE_REPLACE, 2, 102900, 130);
    assert_int_equal(fold_account(bench.fold, 2)->reserved_e4, 30 * 102900);
    struct store_order order = last_order(&bench), replaced;
    assert_int_equal(order.state, STORE_ORDER_OPEN);
    assert_int_equal(order.executed, 100);
    assert_int_equal(order.leaves, 30);
    assert_int_equal(store_get(bench.store, STORE_order, order.replaces, &replaced), 1);
    assert_int_equal(replaced.state, STORE_ORDER_REPLACED);
    om_change(&bench.market, OPCODE_CANCEL, 2, 0, 0);
    assert_int_equal(fold_account(bench.fold, 2)->reserved_e4, 0);
    assert_int_equal(fold_account(bench.fold, 2)->buying_power_e4, 500000000 - 100 * 103000);
    assert_int_equal(fold_counts(bench.fold).orders_open, 0);
    om_query_all(&bench.market);
    assert_proven(&bench);
    bench_close(&bench);
}

static void a_firm_that_trades_with_itself_keeps_its_money(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench, &small, 1);
    om_new(&bench.market, 1, 3, 1, SIDE_BUY, 103000, 40, 0);
    om_new(&bench.market, 2, 3, 1, SIDE_SELL, 103000, 40, ORDER_IOC);
    const struct store_account *account = fold_account(bench.fold, 3);
    assert_int_equal(account->buying_power_e4 + account->proceeds_e4, 500000000);
    assert_int_equal(fold_position(bench.fold, 3, 1)->net, 0);
    assert_proven(&bench);
    bench_close(&bench);
}

/* What is reserved is at the price that the card took the order for, and every cancel gives its
   part back, whoever's order it is. */
static void orders_of_every_kind_reserve_and_give_back(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench, &small, 1);
    om_set(&bench.market, OPCODE_ACCOUNT, 0, 0, ROW_ACCOUNT_SELF_TRADE, SELF_TRADE_DECREMENT);
    /* An iceberg rests and is bought at the market: 106300 is the band's last price. */
    om_enter(
        &bench.market, 1,
        (struct command){
            .account = 2, .side = SIDE_SELL, .quantity = 100, .shown = 40, .price_e4 = 103000 });
    om_new(&bench.market, 2, 0, 0, SIDE_BUY, 0, 60, ORDER_IOC | ORDER_MARKET);
    assert_int_equal(bench.market.last.price_e4, 106300);
    const struct store_account *account = fold_account(bench.fold, 0);
    assert_int_equal(account->reserved_e4, 0);
    assert_int_equal(account->buying_power_e4, 500000000 - 60 * 103000);
    assert_int_equal(account->traded_e4, 60 * 103000);
    assert_int_equal(last_order(&bench).price_e4, 106300);
    assert_int_equal(last_order(&bench).ioc, 1);
    account = fold_account(bench.fold, 2);
    assert_int_equal(account->gross_e4, 40 * 103000);
    assert_int_equal(account->open_count, 1);
    /* A part of a resting buy of the same firm goes; the order stays. */
    om_new(&bench.market, 3, 0, 1, SIDE_BUY, 103000, 50, 0);
    om_new(&bench.market, 4, 1, 1, SIDE_SELL, 102900, 30, 0);
    assert_int_equal(fold_account(bench.fold, 0)->reserved_e4, 20 * 103000); /* 1 lets it trade */
    om_new(&bench.market, 5, 0, 1, SIDE_SELL, 102900, 8, 0);
    account = fold_account(bench.fold, 0);
    assert_int_equal(account->reserved_e4, 12 * 103000);
    assert_int_equal(account->gross_e4, 12 * 103000);
    assert_int_equal(account->open_count, 1);
    assert_int_equal(fold_position(bench.fold, 0, 1)->open_buy, 12);
    assert_int_equal(fold_position(bench.fold, 0, 1)->open_sell, 0);
    assert_int_equal(last_order(&bench).state, STORE_ORDER_CANCELED);
    assert_int_equal(last_order(&bench).reason, REASON_SELF_TRADE);
    om_do(&bench.market, (struct command){ .opcode = OPCODE_SWEEP });
    assert_int_equal(fold_account(bench.fold, 0)->reserved_e4, 0);
    assert_int_equal(fold_counts(bench.fold).orders_open, 0);
    om_query_all(&bench.market);
    assert_proven(&bench);
    bench_close(&bench);
}

static void an_auctions_trade_has_one_price_two_who_rested_and_no_fees(void **state) {
    (void)state;
    struct bench bench;
    struct store_trade trade;
    bool more;
    const struct store_query first = { .limit = 1 };
    bench_open(&bench, &small, 1);
    set_fees(&bench, -20, 30);
    om_set(&bench.market, OPCODE_SYMBOL, 0, 0, ROW_SYMBOL_STATE, SYMBOL_STATE_AUCTION);
    om_new(&bench.market, 1, 0, 0, SIDE_BUY, 103200, 150, 0);
    om_new(&bench.market, 2, 2, 0, SIDE_SELL, 102900, 100, 0);
    assert_int_equal(fold_account(bench.fold, 0)->reserved_e4, 150 * 103200);
    om_do(&bench.market, (struct command){ .opcode = OPCODE_UNCROSS,
                                           .price_e4 = 103000,
                                           .value = (int64_t)bench.market.changed[0] });
    assert_int_equal(store_list(bench.store, STORE_trade, &first, &trade, &more), 1);
    assert_int_equal(trade.price_e4, 103000);
    assert_int_equal(trade.quantity, 100);
    assert_int_equal(trade.aggressor, STORE_NO_SIDE);
    assert_int_equal(trade.buy_account, 0);
    assert_int_equal(trade.sell_account, 2);
    assert_int_equal(trade.buy_fee_e4, 0);
    assert_int_equal(trade.sell_fee_e4, 0);
    const struct store_account *buyer = fold_account(bench.fold, 0);
    assert_int_equal(buyer->reserved_e4, 50 * 103200);
    assert_int_equal(buyer->buying_power_e4, 500000000 - 100 * 103000 - 50 * 103200);
    assert_int_equal(buyer->fees_e4, 0);
    assert_int_equal(fold_account(bench.fold, 2)->proceeds_e4, 100 * 103000);
    om_set(&bench.market, OPCODE_SYMBOL, 0, 0, ROW_SYMBOL_STATE, SYMBOL_STATE_OPEN);
    om_query_all(&bench.market);
    assert_proven(&bench);
    bench_close(&bench);
}

static void a_refusal_names_the_limit_its_value_and_what_was_needed(void **state) {
    (void)state;
    static const struct {
        uint8_t side;
        uint32_t price_e4, quantity;
        int64_t reason, table, field, limit, value;
    } row[] = {
        { SIDE_BUY, 103000, 1001, REASON_ORDER_QUANTITY, TABLE_ACCOUNT, ROW_ACCOUNT_QUANTITY_MAX,
          1000, 1001 },
        { SIDE_BUY, 103000, 900, REASON_ORDER_NOTIONAL, TABLE_ACCOUNT, ROW_ACCOUNT_NOTIONAL_MAX_E4,
          90000000, 92700000 },
        { SIDE_BUY, 103050, 1, REASON_PRICE_OFF_TICK, TABLE_SYMBOL, ROW_SYMBOL_TICK_E4, 100,
          103050 },
        { SIDE_BUY, 99900, 1, REASON_OUTSIDE_BAND, TABLE_SYMBOL, ROW_SYMBOL_BASE_E4, 100000,
          99900 },
        { SIDE_BUY, 106400, 1, REASON_OUTSIDE_BAND, TABLE_SYMBOL, ROW_SYMBOL_BASE_E4, 106300,
          106400 },
        { SIDE_SELL, 103000, 851, REASON_SHORT_LIMIT, TABLE_POSITION, ROW_POSITION_LOCATE, 850,
          851 },
        { SIDE_BUY, 103000, 501, REASON_POSITION_LIMIT, TABLE_POSITION, ROW_POSITION_LONG_MAX, 500,
          501 },
        { SIDE_BUY, 103000, 98, REASON_BUYING_POWER, TABLE_ACCOUNT, ROW_ACCOUNT_BUYING_POWER_E4,
          10000000, 10094000 },
    };
    struct bench bench;
    bench_open(&bench, &small, 1);
    om_set(&bench.market, OPCODE_POSITION, 1, 0, ROW_POSITION_LOCATE, 850);
    om_set(&bench.market, OPCODE_POSITION, 1, 0, ROW_POSITION_LONG_MAX, 500);
    om_do(&bench.market,
          (struct command){ .opcode = OPCODE_CREDIT, .account = 1, .value = -490000000 });
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        om_new(&bench.market, 5, 1, 0, row[i].side, row[i].price_e4, row[i].quantity, 0);
        struct store_order order = last_order(&bench);
        assert_int_equal(order.state, STORE_ORDER_REFUSED);
        assert_int_equal(order.reason, row[i].reason);
        assert_int_equal(order.limit_row, row[i].table << 8 | row[i].field);
        assert_int_equal(order.limit_value, row[i].limit);
        assert_int_equal(order.value, row[i].value);
    }
    om_new(&bench.market, 5, 1, 0, SIDE_BUY, 103000, 97, 0); /* the most that buying power takes */
    assert_int_equal(last_order(&bench).state, STORE_ORDER_OPEN);
    assert_proven(&bench);
    bench_close(&bench);
}

static void a_refusal_names_what_the_whole_account_may_have_and_do(void **state) {
    (void)state;
    static const struct {
        uint8_t field;
        int64_t limit, reason, value;
    } row[] = {
        { ROW_ACCOUNT_OPEN_MAX, 1, REASON_OPEN_ORDERS, 2 },
        { ROW_ACCOUNT_GROSS_MAX_E4, 30 * 103000 - 1, REASON_GROSS_NOTIONAL, 30 * 103000 },
        { ROW_ACCOUNT_DAILY_MAX_E4, 35 * 103000 - 1, REASON_DAILY_NOTIONAL, 35 * 103000 },
        { ROW_ACCOUNT_DUPLICATE_NS, 50000, REASON_DUPLICATE, 0 },
        { ROW_ACCOUNT_RATE_BURST_NS, 100000, REASON_MESSAGE_RATE, 0 },
    };
    struct bench bench;
    bench_open(&bench, &small, 1);
    /* Account 1 has traded 5 and has 20 open; what it asks for is 10 more at the same price. */
    om_new(&bench.market, 1, 2, 0, SIDE_SELL, 103000, 5, 0);
    om_new(&bench.market, 2, 1, 0, SIDE_BUY, 103000, 25, 0);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        int64_t value = row[i].value, before;
        const struct abi_row *field = abi_row(TABLE_ACCOUNT, row[i].field);
        om_set(&bench.market, OPCODE_ACCOUNT, 1, 0, row[i].field, row[i].limit);
        if (row[i].reason == REASON_DUPLICATE) {
            om_new(&bench.market, 3, 1, 0, SIDE_BUY, 103000, 10, 0);
            before = (int64_t)bench.market.time_ns;
            om_change(&bench.market, OPCODE_CANCEL, 3, 0, 0);
            value = (int64_t)bench.market.time_ns + 1000 - before;
        } else if (row[i].reason == REASON_MESSAGE_RATE) {
            om_set(&bench.market, OPCODE_ACCOUNT, 1, 0, ROW_ACCOUNT_RATE_INTERVAL_NS, 1000000);
            om_new(&bench.market, 3, 1, 0, SIDE_BUY, 103000, 9, 0);
            value = 1000000 - 1000; /* a message that came 1000 ns before has cost it */
            om_set(&bench.market, OPCODE_ACCOUNT, 1, 0, ROW_ACCOUNT_SELF_TRADE, 0);
            value -= 1000;
        }
        om_new(&bench.market, 5, 1, 0, SIDE_BUY, 103000, 10, 0);
        struct store_order order = last_order(&bench);
        assert_int_equal(order.state, STORE_ORDER_REFUSED);
        assert_int_equal(order.reason, row[i].reason);
        assert_int_equal(order.limit_row, TABLE_ACCOUNT << 8 | row[i].field);
        assert_int_equal(order.limit_value, row[i].limit);
        assert_int_equal(order.value, value);
        om_set(&bench.market, OPCODE_ACCOUNT, 1, 0, row[i].field,
               row[i].field == ROW_ACCOUNT_DUPLICATE_NS ? 0 : field->max);
    }
    /* A replacement is judged without the order that it replaces. */
    om_set(&bench.market, OPCODE_ACCOUNT, 1, 0, ROW_ACCOUNT_RATE_INTERVAL_NS, 0);
    om_change(&bench.market, OPCODE_CANCEL, 3, 0, 0);
    om_set(&bench.market, OPCODE_ACCOUNT, 1, 0, ROW_ACCOUNT_GROSS_MAX_E4, 21 * 103000);
    om_change(&bench.market, OPCODE_REPLACE, 2, 103000, 27);
    assert_int_equal(last_order(&bench).reason, REASON_GROSS_NOTIONAL);
    assert_int_equal(last_order(&bench).value, 22 * 103000);
    om_change(&bench.market, OPCODE_REPLACE, 2, 103000, 26);
    assert_int_equal(last_order(&bench).state, STORE_ORDER_OPEN);
    /* A market order's price is what the card would have given it. */
    om_new(&bench.market, 5, 1, 0, SIDE_BUY, 0, 10, ORDER_IOC | ORDER_MARKET);
    assert_int_equal(last_order(&bench).reason, REASON_GROSS_NOTIONAL);
    assert_int_equal(last_order(&bench).price_e4, 106300);
    assert_int_equal(last_order(&bench).value, 21 * 103000 + 10 * 106300);
    om_query_all(&bench.market);
    assert_proven(&bench);
    bench_close(&bench);
}

static void an_order_that_the_gateway_refused_is_kept_with_its_reason(void **state) {
    (void)state;
    struct bench bench;
    uint8_t input[16 + OUCH_BYTES_MAX] = { [8] = 1, [9] = 2, [12] = 0x17 };
    struct ouch_message message = { .kind = OUCH_ENTER_ORDER };
    message.enter_order = (struct ouch_enter_order){ .user_ref = 77,
                                                     .side = OUCH_SIDE_SELL,
                                                     .quantity = 5,
                                                     .price_e4 = 12345,
                                                     .tif = OUCH_TIF_DAY,
                                                     .display = OUCH_DISPLAY_VISIBLE,
                                                     .capacity = OUCH_CAPACITY_PRINCIPAL,
                                                     .sweep = OUCH_YES_NO,
                                                     .cross = OUCH_CROSS_CONTINUOUS };
    ouch_field_put(message.enter_order.symbol, 8, "NOPE");
    ouch_field_put(message.enter_order.client_order_id, 14, "mine");
    int bytes = ouch_encode(&message, input + 16, OUCH_BYTES_MAX);
    assert_true(bytes > 0);
    bench_open(&bench, &small, 1);
    struct journal_record record = { .sequence = ++bench.market.records,
                                     .data = input,
                                     .bytes = 16 + (uint32_t)bytes,
                                     .session = 3,
                                     .kind = JOURNAL_SESSION_INPUT };
    assert_int_equal(fold_record(bench.fold, &record), 0);
    struct store_order order = last_order(&bench);
    assert_int_equal(order.by_gateway, 1);
    assert_int_equal(order.reason, OUCH_REJECT_INVALID_SYMBOL);
    assert_int_equal(order.session, 3);
    assert_int_equal(order.reference, 77);
    assert_int_equal(order.side, SIDE_SELL);
    assert_string_equal(order.asked, "NOPE");
    record.sequence++;
    record.bytes = 15;
    assert_int_equal(fold_record(bench.fold, &record), -EBADMSG);
    bench_close(&bench);
}

/* ---- What cannot be ---- */

static int64_t spoil_account, spoil_field;
static void spoil_row(struct event *event) {
    if (event->kind == KIND_ROW && event->table == TABLE_ACCOUNT &&
        event->account == spoil_account && event->field == spoil_field)
        event->value += 1;
}

static void a_row_that_differs_by_one_is_an_alarm_that_names_the_account(void **state) {
    (void)state;
    struct bench bench;
    struct store_alarm alarm;
    bench_open(&bench, &small, 1);
    om_query_all(&bench.market);
    assert_int_equal(fold_counts(bench.fold).alarms, 0);
    static const uint8_t others[] = { ROW_ACCOUNT_OPEN_COUNT, ROW_ACCOUNT_GROSS_E4,
                                      ROW_ACCOUNT_TRADED_E4, ROW_ACCOUNT_RATE_TAT_NS };
    spoil_account = 2;
    for (size_t i = 0; i < sizeof others; i++) { /* every one of these is compared */
        struct bench other;
        bench_open(&other, &small, 1);
        spoil_field = others[i];
        other.spoil = spoil_row;
        om_query_all(&other.market);
        assert_int_equal(fold_progress(other.fold)->differences, 1);
        bench_close(&other);
    }
    spoil_field = ROW_ACCOUNT_BUYING_POWER_E4;
    bench.spoil = spoil_row;
    om_query_all(&bench.market);
    assert_int_equal(bench.code, 0);
    assert_int_equal(fold_counts(bench.fold).alarms, 1);
    assert_int_equal(fold_progress(bench.fold)->differences, 1);
    assert_int_equal(store_get(bench.store, STORE_alarm, 1, &alarm), 1);
    assert_int_equal(alarm.account, 2);
    assert_int_equal(alarm.expected, 500000000);
    assert_int_equal(alarm.found, 500000001);
    assert_non_null(strstr(alarm.text, "account 2"));
    assert_non_null(strstr(alarm.text, "BUYING_POWER_E4"));
    bench_close(&bench);
}

static void spoil_number(struct event *event) { event->number++; }
static void spoil_command(struct event *event) { event->command--; }
static void spoil_maker(struct event *event) {
    if (event->kind == KIND_TRADE) event_set_maker(event, event_maker(event) + 1);
}
static void spoil_quantity(struct event *event) {
    if (event->kind == KIND_CANCELED) event->quantity++;
}

static void an_event_that_cannot_be_stops_the_books(void **state) {
    (void)state;
    static void (*const spoil[])(struct event *) = { spoil_number, spoil_command, spoil_maker,
                                                     spoil_quantity };
    for (size_t i = 0; i < sizeof spoil / sizeof *spoil; i++) {
        struct bench bench;
        bench_open(&bench, &small, 1);
        om_new(&bench.market, 1, 0, 0, SIDE_SELL, 103000, 100, 0);
        bench.spoil = spoil[i];
        om_new(&bench.market, 2, 2, 0, SIDE_BUY, 103000, 150, ORDER_IOC);
        assert_int_equal(bench.code, -EBADMSG);
        assert_non_null(strstr(err_text(), "record "));
        const struct journal_record next = { .sequence = 1 };
        assert_int_equal(fold_record(bench.fold, &next), -EBADMSG); /* and it stays */
        bench_close(&bench);
    }
}

static void records_without_their_order_are_refused(void **state) {
    (void)state;
    struct fold *fold = NULL;
    const struct command command = { .opcode = OPCODE_NOP };
    const struct event event = { .number = 1, .command = 1, .kind = KIND_SET, .flags = EVENT_END };
    const struct {
        const char *why;
        struct journal_record record;
    } row[] = {
        { "the second record first",
          { .sequence = 2, .data = (const uint8_t *)&command, .bytes = 64, .kind = 1 } },
        { "an event without a command",
          { .sequence = 1, .data = (const uint8_t *)&event, .bytes = 60, .kind = 2 } },
        { "a short command",
          { .sequence = 1, .data = (const uint8_t *)&command, .bytes = 63, .kind = 1 } },
        { "a long event",
          { .sequence = 1, .data = (const uint8_t *)&event, .bytes = 61, .kind = 2 } },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        assert_int_equal(fold_open(&small, &fold), 0);
        if (fold_record(fold, &row[i].record) != -EBADMSG) fail_msg("%s", row[i].why);
        fold_close(fold);
    }
}

static void an_input_belongs_behind_its_record(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench, &small, 1);
    struct fold_input input = { .kind = FOLD_INPUT_FEES,
                                .sequence = 1,
                                .record = (uint64_t)fold_progress(bench.fold)->record + 1 };
    assert_int_equal(fold_input(bench.fold, &input), -EBADMSG);
    bench_close(&bench);
    bench_open(&bench, &small, 1);
    input.record--;
    input.maker_e4 = FOLD_FEE_MAX_E4;
    assert_int_equal(fold_input(bench.fold, &input), 0);
    assert_int_equal(fold_input(bench.fold, &input), -EBADMSG); /* twice */
    bench_close(&bench);
    bench_open(&bench, &small, 1);
    input.maker_e4++;
    assert_int_equal(fold_input(bench.fold, &input), -EBADMSG);
    bench_close(&bench);
}

static void a_full_ledger_stops_the_books_and_says_which_option_helps(void **state) {
    (void)state;
    struct fold_options options = small;
    struct bench bench;
    options.transfers = LEDGER_LEGS_MAX; /* the least; four deposits, the rest orders */
    bench_open(&bench, &options, 1);
    for (uint32_t slot = 0; slot < LEDGER_LEGS_MAX - 4; slot++)
        om_new(&bench.market, slot, 0, 0, SIDE_SELL, 103000, 1, 0);
    assert_int_equal(bench.code, 0);
    om_new(&bench.market, LEDGER_LEGS_MAX - 4, 0, 0, SIDE_SELL, 103000, 1, 0);
    assert_int_equal(bench.code, -ENOSPC);
    assert_non_null(strstr(err_text(), "--transfers"));
    bench_close(&bench);
}

/* ---- At random ---- */

static uint64_t seed(void) {
    const char *text = getenv("SEED");
    return text != NULL ? strtoull(text, NULL, 10) : 1;
}

static void the_books_are_what_the_card_says_after_random_trading(void **state) {
    (void)state;
    struct bench bench;
    uint64_t most_open = 0;
    print_message("seed %" PRIu64 "\n", seed());
    bench_open(&bench, &small, seed());
    set_fees(&bench, -20, 30);
    for (int round = 0; round < 60; round++) {
        for (int i = 0; i < 700; i++) om_step(&bench.market);
        most_open = fold_counts(bench.fold).orders_open > most_open
                        ? fold_counts(bench.fold).orders_open
                        : most_open;
        om_query_all(&bench.market);
        assert_proven(&bench);
    }
    /* It was a market worth looking at. */
    print_message("%" PRIu64 " orders, %" PRIu64 " trades, %" PRId64 " fields compared\n",
                  fold_counts(bench.fold).orders, fold_counts(bench.fold).trades,
                  fold_progress(bench.fold)->checked);
    static const uint8_t canceled[] = { REASON_IOC, REASON_POST_ONLY, REASON_MINIMUM, REASON_SWEPT,
                                        REASON_SELF_TRADE };
    static const uint8_t refused[] = { REASON_MESSAGE_RATE,   REASON_DUPLICATE,
                                       REASON_OPEN_ORDERS,    REASON_GROSS_NOTIONAL,
                                       REASON_DAILY_NOTIONAL, REASON_KIND_NOT_ALLOWED };
    assert_true(fold_counts(bench.fold).trades > 300);
    assert_true(bench.market.crossed > 10);
    assert_true(bench.market.kinds[KIND_RESTATED] > 30);
    for (size_t i = 0; i < sizeof canceled; i++)
        if (bench.market.canceled[canceled[i]] < 5)
            fail_msg("hardly any %s", abi_reason_name(canceled[i]));
    for (size_t i = 0; i < sizeof refused; i++)
        if (bench.market.refused[refused[i]] == 0) fail_msg("no %s", abi_reason_name(refused[i]));
    assert_true(most_open > 0);
    bench_close(&bench);
}

static void the_same_records_give_the_same_ledger_and_tables(void **state) {
    (void)state;
    struct bench one, two;
    uint8_t a[LEDGER_DIGEST_BYTES], b[LEDGER_DIGEST_BYTES];
    bench_open(&one, &small, seed() + 1);
    struct fold_options larger = small; /* capacity does not show */
    larger.accounts = 16;
    larger.symbols = 8;
    larger.transfers *= 2;
    bench_open(&two, &larger, seed() + 1);
    for (int i = 0; i < 3000; i++) {
        om_step(&one.market);
        om_step(&two.market);
        if (i % 7 == 0) assert_int_equal(fold_flush(one.fold), 0); /* transactions do not either */
    }
    assert_int_equal(fold_flush(one.fold), 0);
    assert_int_equal(fold_flush(two.fold), 0);
    ledger_digest(fold_ledger(one.fold), a);
    ledger_digest(fold_ledger(two.fold), b);
    assert_memory_equal(a, b, sizeof a);
    for (int table = 0; table < STORE_TABLES; table++) {
        assert_int_equal(store_digest(one.store, (enum store_table)table, a), 0);
        assert_int_equal(store_digest(two.store, (enum store_table)table, b), 0);
        if (memcmp(a, b, sizeof a) != 0)
            fail_msg("%s differ", store_table_name((enum store_table)table));
    }
    bench_close(&one);
    bench_close(&two);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cash_and_shares_change_hands_and_fees_are_paid),
        cmocka_unit_test(a_firm_that_trades_with_itself_keeps_its_money),
        cmocka_unit_test(orders_of_every_kind_reserve_and_give_back),
        cmocka_unit_test(an_auctions_trade_has_one_price_two_who_rested_and_no_fees),
        cmocka_unit_test(a_refusal_names_the_limit_its_value_and_what_was_needed),
        cmocka_unit_test(a_refusal_names_what_the_whole_account_may_have_and_do),
        cmocka_unit_test(an_order_that_the_gateway_refused_is_kept_with_its_reason),
        cmocka_unit_test(a_row_that_differs_by_one_is_an_alarm_that_names_the_account),
        cmocka_unit_test(an_event_that_cannot_be_stops_the_books),
        cmocka_unit_test(records_without_their_order_are_refused),
        cmocka_unit_test(an_input_belongs_behind_its_record),
        cmocka_unit_test(a_full_ledger_stops_the_books_and_says_which_option_helps),
        cmocka_unit_test(the_books_are_what_the_card_says_after_random_trading),
        cmocka_unit_test(the_same_records_give_the_same_ledger_and_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
