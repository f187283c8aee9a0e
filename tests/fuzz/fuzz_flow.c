/* fuzz_flow: any bytes as a flow's file: rows keep what flow.h promises, and read the same once
 * written as CSV. */
#include "driver/abi/abi.h"
#include "host/base/check.h"
#include "host/client/flow.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const struct flow_settings settings = { .symbol = "FUZZ", .tick_e4 = 1 };

static void row_check(const struct flow_row *row) {
    CHECK(row->order != 0);
    CHECK(row->kind <= FLOW_REDUCE);
    CHECK(row->kind == FLOW_CANCEL || row->quantity >= 1);
    CHECK(row->price_e4 <= LIMIT_PRICE_E4_MAX);
    CHECK(row->side == SIDE_BUY || row->side == SIDE_SELL);
    CHECK(row->kind == FLOW_NEW || !row->ioc);
    CHECK(row->time_ns < UINT64_C(86400000000000));
    CHECK(strcmp(row->symbol, "FUZZ") == 0);
}

/* The rows as CSV say the same; those with ids of the reader's own making have no CSV form. */
static void text_check(const struct flow_row *row) {
    char text[sizeof FLOW_TEXT_HEADER + 2 * FLOW_TEXT_BYTES];
    struct flow_row entered = *row, back;
    struct flow *flow;
    if ((row->order & FLOW_ORDER_OWN) != 0) return;
    size_t length = sizeof FLOW_TEXT_HEADER - 1;
    memcpy(text, FLOW_TEXT_HEADER, length);
    entered.kind = FLOW_NEW;
    entered.ioc = false;
    if (entered.quantity == 0) entered.quantity = 1;
    if (row->kind != FLOW_NEW) length += flow_row_text(&entered, 1, text + length);
    length += flow_row_text(row, 1, text + length);
    CHECK(flow_open_bytes(&flow, "text", text, length, &settings) == 0);
    CHECK(flow_next(flow, &back) == 1);
    if (row->kind != FLOW_NEW) CHECK(flow_next(flow, &back) == 1);
    CHECK(back.sequence == row->sequence);
    CHECK(back.kind == row->kind);
    CHECK(back.order == row->order);
    if (row->kind != FLOW_CANCEL) CHECK(back.quantity == row->quantity);
    if (row->kind == FLOW_NEW) CHECK(back.ioc == row->ioc);
    if (row->kind == FLOW_NEW || row->kind == FLOW_REPLACE) CHECK(back.price_e4 == row->price_e4);
    CHECK(flow_next(flow, &back) == 0);
    flow_close(flow);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct flow *flow;
    if (flow_open_bytes(&flow, "fuzz", bytes, size, &settings) < 0) return 0;
    struct flow_row row;
    uint64_t rows = 0;
    while (flow_next(flow, &row) == 1) {
        row_check(&row);
        text_check(&row);
        rows++;
    }
    CHECK(rows <= flow_rows_max(flow));
    CHECK(flow_counts(flow).rows == rows);
    CHECK(flow_next(flow, &row) == 0);
    flow_close(flow);
    return 0;
}
