/* test_flow: the readers of order flow: what a line becomes, what is left out, what is refused. */
#include "driver/abi/abi.h"
#include "host/base/err.h"
#include "host/client/flow.h"
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CSV FLOW_TEXT_HEADER

static const struct flow_settings settings = { .symbol = "AAPL", .tick_e4 = 100, .seed = 1 };

static struct flow *open_text(const char *text) {
    struct flow *flow = NULL;
    if (flow_open_bytes(&flow, "f", text, strlen(text), &settings) != 0) fail_msg("%s", err_text());
    return flow;
}

/* expect gives the next row, and compares what tests look at. */
static struct flow_row expect(struct flow *flow, enum flow_kind kind, uint64_t order, unsigned side,
                              uint32_t price_e4, uint32_t quantity) {
    struct flow_row row;
    if (flow_next(flow, &row) != 1) fail_msg("no row: %s", err_text());
    assert_int_equal(row.kind, kind);
    assert_int_equal(row.order, order);
    assert_int_equal(row.quantity, quantity);
    assert_string_equal(row.symbol, "AAPL");
    if (kind != FLOW_NEW && kind != FLOW_REPLACE) return row;
    assert_int_equal(row.side, side);
    assert_int_equal(row.price_e4, price_e4);
    return row;
}

static void expect_end(struct flow *flow) {
    struct flow_row row;
    assert_int_equal(flow_next(flow, &row), 0);
    assert_int_equal(flow_next(flow, &row), 0);
    flow_close(flow);
}

static void lobster_lines_become_rows(void **state) {
    (void)state;
    struct flow *flow = open_text("34200.004241176,1,16113575,18,5853300,1\n"
                                  "34200.00426064,1,16113584,30,5853400,-1\n"
                                  "34201,2,16113575,8,5853300,1\n"
                                  "34201.5,4,16113584,5,5853400,-1\n"
                                  "34202.123456789,3,16113575,10,5853300,1\n");
    assert_true(flow_timed(flow));
    struct flow_row row = expect(flow, FLOW_NEW, 16113575, SIDE_BUY, 5853300, 18);
    assert_int_equal(row.time_ns, 34200004241176);
    assert_int_equal(row.sequence, 0);
    assert_false(row.ioc);
    row = expect(flow, FLOW_NEW, 16113584, SIDE_SELL, 5853400, 30);
    assert_int_equal(row.time_ns, 34200004260640);
    row = expect(flow, FLOW_REDUCE, 16113575, 0, 0, 8);
    assert_int_equal(row.time_ns, 34201000000000);
    row = expect(flow, FLOW_NEW, FLOW_ORDER_OWN | 4, SIDE_BUY, 5853400, 5);
    assert_true(row.ioc);
    assert_int_equal(row.maker, 16113584);
    assert_int_equal(row.time_ns, 34201500000000);
    row = expect(flow, FLOW_CANCEL, 16113575, 0, 0, 10);
    assert_int_equal(row.time_ns, 34202123456789);
    assert_int_equal(row.sequence, 4);
    expect_end(flow);
}

static void a_sold_makers_taker_buys_and_the_other_way_round(void **state) {
    (void)state;
    struct flow *flow = open_text("1.0,1,5,10,100,1\n1.0,4,5,10,100,1\n");
    (void)expect(flow, FLOW_NEW, 5, SIDE_BUY, 100, 10);
    (void)expect(flow, FLOW_NEW, FLOW_ORDER_OWN | 2, SIDE_SELL, 100, 10);
    expect_end(flow);
}

static void lobster_leaves_out_and_counts_what_it_cannot_play(void **state) {
    (void)state;
    struct flow *flow = open_text("1.0,3,1,10,100,1\n"   /* deleted, never entered */
                                  "1.0,2,1,10,100,1\n"   /* reduced, never entered */
                                  "1.0,4,2,10,100,-1\n"  /* executed, never entered */
                                  "1.0,5,0,10,100,-1\n"  /* hidden */
                                  "1.0,7,0,0,-1,-1\n"    /* halt */
                                  "1.0,6,-1,10,100,-1\n" /* auction */
                                  "1.0,1,9,10,100,-1");
    (void)expect(flow, FLOW_NEW, 9, SIDE_SELL, 100, 10);
    struct flow_counts counts = flow_counts(flow);
    assert_int_equal(counts.rows, 1);
    assert_int_equal(counts.earlier_cancels, 2);
    assert_int_equal(counts.earlier_executed, 1);
    assert_int_equal(counts.hidden, 1);
    assert_int_equal(counts.halts, 2);
    expect_end(flow);
}

static void times_are_rounded_to_nanoseconds(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t time_ns;
        const char *why;
    } row[] = {
        { "0", 0, "midnight" },
        { "86399.999999999", 86399999999999, "the last nanosecond" },
        { "1.5", 1500000000, "fewer digits" },
        { "35821.088778456004", 35821088778456, "digits that floating point left" },
        { "1.0000000004", 1000000000, "below a half" },
        { "1.0000000005", 1000000001, "a half" },
        { "1.9999999996", 2000000000, "into the next second" },
        { "1.123456789012345678", 1123456789, "as many digits as are read" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "%s,1,1,1,1,1\n", row[i].text);
        struct flow *flow = open_text(text);
        struct flow_row given;
        assert_int_equal(flow_next(flow, &given), 1);
        if (given.time_ns != row[i].time_ns) fail_msg("%s: %s", row[i].text, row[i].why);
        flow_close(flow);
    }
}

static void csv_lines_become_rows(void **state) {
    (void)state;
    struct flow *flow = open_text(CSV "0,N,1,B,9996,29,0\r\n"
                                      "1,N,2,S,9990,30,1\n"
                                      "2,R,1,B,9995,7,0\n"
                                      "3,D,1,,,5,\n"
                                      "4,C,1,,,,\n"
                                      "5,C,77,,,,\n");
    assert_false(flow_timed(flow));
    assert_false(expect(flow, FLOW_NEW, 1, SIDE_BUY, 999600, 29).ioc);
    assert_true(expect(flow, FLOW_NEW, 2, SIDE_SELL, 999000, 30).ioc);
    (void)expect(flow, FLOW_REPLACE, 1, SIDE_BUY, 999500, 7);
    (void)expect(flow, FLOW_REDUCE, 1, 0, 0, 5);
    assert_int_equal(expect(flow, FLOW_CANCEL, 1, 0, 0, 0).sequence, 4);
    struct flow_row row;
    assert_int_equal(flow_next(flow, &row), 0);
    assert_int_equal(flow_counts(flow).earlier_cancels, 1);
    expect_end(flow);
}

static void a_line_that_makes_no_sense_is_named(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
    } row[] = {
        { "", "f: empty" },
        { "\n", "f:1: the first line is \"\"" },
        { "hello\n", "f:1: the first line is \"hello\"" },
        { "seq,type,order_id,side,price,qty\n", "f:1: the first line" },
        { "1.0,1,1,1,1,1\n1.0,1,1,1,1\n", "f:2: the line is \"1.0,1,1,1,1\"; give 6 fields" },
        { "1.0,1,1,1,1,1\n\n", "f:2: the line is \"\"; give 6 fields" },
        { "1.0,1,1,1,1,1\n1.0,1,2,1,1,1,\n", "f:2: the line" },
        { "1.0,1,1,1,1,1\n1.0,1,2,1,1,1,,,,,,\n", "f:2: the line" },
        { "1.0,1,1,1,1,1\n0.9,1,2,1,1,1\n", "f:2: time is \"0.9\"; give times that do not" },
        { "86399,1,1,1,1,1\n86400,1,2,1,1,1\n", "f:2: time is \"86400\"" },
        { "1.0,1,1,1,1,1\n1.,1,2,1,1,1\n", "f:2: time is \"1.\"" },
        { "1.0,1,1,1,1,1\n1.0123456789012345678,1,2,1,1,1\n", "f:2: time" },
        { "1.0,0,1,1,1,1\n", "f:1: type is \"0\"; give 1 to 7" },
        { "1.0,8,1,1,1,1\n", "f:1: type is \"8\"" },
        { "1.0,,1,1,1,1\n", "f:1: type is \"\"" },
        { "1.0,1,0,1,1,1\n", "f:1: order id is \"0\"" },
        { "1.0,1,9223372036854775808,1,1,1\n", "f:1: order id" },
        { "1.0,1,99999999999999999999999,1,1,1\n", "f:1: order id is \"99999999999999999999999\"" },
        { "1.0,1,1,0,1,1\n", "f:1: size is \"0\"" },
        { "1.0,1,1,4294967296,1,1\n", "f:1: size" },
        { "1.0,1,1,1,0,1\n", "f:1: price is \"0\"" },
        { "1.0,1,1,1,2147483648,1\n", "f:1: price" },
        { "1.0,1,1,1,-5,1\n", "f:1: price is \"-5\"" },
        { "1.0,1,1,1,1,0\n", "f:1: direction is \"0\"" },
        { "1.0,1,1,1,1,+1\n", "f:1: direction" },
        { "1.0,1,7,1,1,1\n1.0,1,7,1,1,1\n",
          "f:2: order id is \"7\"; give an id that the file has" },
        { CSV "x,N,1,B,1,1,0\n", "f:2: seq is \"x\"" },
        { CSV "0,n,1,B,1,1,0\n", "f:2: type is \"n\"; give N, C, R or D" },
        { CSV "0,NN,1,B,1,1,0\n", "f:2: type" },
        { CSV "0,N,0,B,1,1,0\n", "f:2: order_id is \"0\"" },
        { CSV "0,N,1,b,1,1,0\n", "f:2: side is \"b\"; give B or S" },
        { CSV "0,N,1,B,21474837,1,0\n", "f:2: price is \"21474837\"" },
        { CSV "0,N,1,B,1.5,1,0\n", "f:2: price is \"1.5\"" },
        { CSV "0,N,1,B,1,0,0\n", "f:2: qty is \"0\"" },
        { CSV "0,N,1,B,1,1,2\n", "f:2: ioc is \"2\"; give 0 or 1" },
        { CSV "0,N,1,B,1,1,0\n1,R,1,B,1,1,1\n", "f:3: ioc is \"1\"; give 0 in a replace" },
        { CSV "0,N,1,B,1,1,0\n1,N,1,B,1,1,0\n", "f:3: order id is \"1\"" },
        { CSV "0,N,1,B,1,1,0\n1,D,1,,,,\n", "f:3: qty is \"\"" },
        { CSV "0,N,1,B,1,1\n", "f:2: the line is \"0,N,1,B,1,1\"; give 7 fields" },
        { CSV "\t,N,1,B,1,1,0\n", "f:2: seq is \"?\"" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct flow *flow = NULL;
        struct flow_row given;
        int error = flow_open_bytes(&flow, "f", row[i].text, strlen(row[i].text), &settings);
        while (error == 0 && (error = flow_next(flow, &given)) == 1) error = 0;
        if (error != -EINVAL) fail_msg("row %zu is taken: %s", i, row[i].text);
        if (strncmp(err_text(), row[i].says, strlen(row[i].says)) != 0)
            fail_msg("row %zu says \"%s\", not \"%s\"", i, err_text(), row[i].says);
        if (flow != NULL) assert_int_equal(flow_next(flow, &given), 0);
        flow_close(flow);
    }
}

static void values_at_their_limits_are_taken(void **state) {
    (void)state;
    struct flow *flow =
        open_text("86399.999999999,1,9223372036854775807,4294967295,2147483647,1\n");
    (void)expect(flow, FLOW_NEW, INT64_MAX, SIDE_BUY, INT32_MAX, UINT32_MAX);
    expect_end(flow);
    flow = open_text(CSV "18446744073709551615,N,9223372036854775807,S,21474836,4294967295,0\n");
    assert_int_equal(expect(flow, FLOW_NEW, INT64_MAX, SIDE_SELL, 2147483600, UINT32_MAX).sequence,
                     UINT64_MAX);
    expect_end(flow);
}

static void a_line_of_256_bytes_is_read_and_one_of_257_is_not(void **state) {
    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        char text[512] = CSV "0,N,", *at = text + strlen(text);
        size_t zeros = 256 + extra - strlen("0,N,1,B,1,1,0");
        memset(at, '0', zeros);
        memcpy(at + zeros, "1,B,1,1,0", sizeof "1,B,1,1,0");
        struct flow *flow = open_text(text);
        struct flow_row row;
        assert_int_equal(flow_next(flow, &row), extra == 0 ? 1 : -EINVAL);
        flow_close(flow);
    }
}

static void settings_are_checked_at_their_limits(void **state) {
    (void)state;
    static const struct {
        const char *symbol;
        uint32_t tick_e4;
        int error;
        const char *why;
    } row[] = {
        { "A", 1, 0, "shortest symbol, smallest tick" },
        { "ABCDEFGH", LIMIT_TICK_E4_MAX, 0, "longest symbol, largest tick" },
        { "", 1, -EINVAL, "no symbol" },
        { NULL, 1, -EINVAL, "none at all" },
        { "ABCDEFGHI", 1, -EINVAL, "one letter too many" },
        { "A B", 1, -EINVAL, "a blank inside" },
        { "A", 0, -EINVAL, "no tick" },
        { "A", LIMIT_TICK_E4_MAX + 1, -EINVAL, "a tick above the largest" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct flow *flow = NULL;
        struct flow_settings given = { .symbol = row[i].symbol, .tick_e4 = row[i].tick_e4 };
        if (flow_open_bytes(&flow, "f", CSV, strlen(CSV), &given) != row[i].error)
            fail_msg("%s", row[i].why);
        flow_close(flow);
    }
}

static void no_more_rows_are_given_than_asked_for(void **state) {
    (void)state;
    struct flow_settings two = { .symbol = "AAPL", .tick_e4 = 100, .rows = 2 };
    static const char text[] = "1.0,1,1,1,1,1\n1.0,1,2,1,1,1\n1.0,1,3,1,1,1\n";
    struct flow *flow = NULL;
    assert_int_equal(flow_open_bytes(&flow, "f", text, strlen(text), &two), 0);
    assert_int_equal(flow_rows_max(flow), 2);
    (void)expect(flow, FLOW_NEW, 1, SIDE_BUY, 1, 1);
    (void)expect(flow, FLOW_NEW, 2, SIDE_BUY, 1, 1);
    expect_end(flow);
}

static void sources_that_cannot_be_read_say_why(void **state) {
    (void)state;
    struct flow *flow = NULL;
    assert_int_equal(flow_open(&flow, "/nonexistent/flow.csv", &settings), -ENOENT);
    assert_non_null(strstr(err_text(), "/nonexistent/flow.csv"));
    assert_int_equal(flow_open(&flow, "/", &settings), -EINVAL);
    assert_non_null(strstr(err_text(), "not a regular file"));
    assert_int_equal(flow_open(&flow, "/dev/zero", &settings), -EINVAL);
    struct flow_settings many = settings;
    many.rows = 100000001;
    assert_int_equal(flow_open(&flow, "day", &many), -EINVAL);
    assert_null(flow);
}

static void a_file_reads_as_its_bytes_do(void **state) {
    (void)state;
    char path[] = "/tmp/test_flow.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    static const char text[] = CSV "0,N,1,B,9996,29,0\n1,C,1,,,,";
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    struct flow *flow = NULL;
    assert_int_equal(flow_open(&flow, path, &settings), 0);
    (void)expect(flow, FLOW_NEW, 1, SIDE_BUY, 999600, 29);
    (void)expect(flow, FLOW_CANCEL, 1, 0, 0, 0);
    expect_end(flow);
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(path), 0);
}

/* What the generator gives, written as CSV and read again, is the same flow. */
static void rows_survive_the_csv_form(void **state) {
    (void)state;
    enum { ROWS = 20000 };
    struct flow_settings stream = { .symbol = "AAPL", .tick_e4 = 100, .seed = 9, .rows = ROWS };
    struct flow *flow = NULL, *again = NULL;
    struct flow_row row, back;
    assert_int_equal(flow_open(&flow, "stream", &stream), 0);
    assert_int_equal(flow_rows_max(flow), ROWS);
    assert_false(flow_timed(flow));
    char *text = malloc(ROWS * FLOW_TEXT_BYTES);
    size_t bytes = strlen(CSV);
    memcpy(text, CSV, bytes);
    while (flow_next(flow, &row) == 1) bytes += flow_row_text(&row, 100, text + bytes);
    flow_close(flow);

    assert_int_equal(flow_open(&flow, "stream", &stream), 0);
    assert_int_equal(flow_open_bytes(&again, "f", text, bytes, &stream), 0);
    for (int i = 0; i < ROWS; i++) {
        assert_int_equal(flow_next(flow, &row), 1);
        assert_int_equal(flow_next(again, &back), 1);
        assert_int_equal(back.sequence, row.sequence);
        assert_int_equal(back.kind, row.kind);
        assert_int_equal(back.order, row.order);
        if (row.kind == FLOW_CANCEL) continue;
        assert_int_equal(back.side, row.side);
        assert_int_equal(back.price_e4, row.price_e4);
        assert_int_equal(back.quantity, row.quantity);
        assert_int_equal(back.ioc, row.ioc);
    }
    expect_end(flow);
    expect_end(again);
    free(text);
}

static void a_day_is_timed(void **state) {
    (void)state;
    struct flow *flow = NULL;
    assert_int_equal(flow_open(&flow, "day", &settings), 0);
    assert_true(flow_timed(flow));
    assert_int_equal(flow_rows_max(flow), FLOW_DAY_ROWS);
    flow_close(flow);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lobster_lines_become_rows),
        cmocka_unit_test(a_sold_makers_taker_buys_and_the_other_way_round),
        cmocka_unit_test(lobster_leaves_out_and_counts_what_it_cannot_play),
        cmocka_unit_test(times_are_rounded_to_nanoseconds),
        cmocka_unit_test(csv_lines_become_rows),
        cmocka_unit_test(a_line_that_makes_no_sense_is_named),
        cmocka_unit_test(values_at_their_limits_are_taken),
        cmocka_unit_test(a_line_of_256_bytes_is_read_and_one_of_257_is_not),
        cmocka_unit_test(settings_are_checked_at_their_limits),
        cmocka_unit_test(no_more_rows_are_given_than_asked_for),
        cmocka_unit_test(sources_that_cannot_be_read_say_why),
        cmocka_unit_test(a_file_reads_as_its_bytes_do),
        cmocka_unit_test(rows_survive_the_csv_form),
        cmocka_unit_test(a_day_is_timed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
