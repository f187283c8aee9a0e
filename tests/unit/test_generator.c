/* test_generator: the generated flows against digests of the common stream, and the day against the
 * figures that it follows. */
#include "driver/abi/abi.h"
#include "host/client/generator.h"
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

static uint64_t fnv1a(uint64_t hash, const void *bytes, size_t size) {
    const uint8_t *at = bytes;
    for (size_t i = 0; i < size; i++) hash = (hash ^ at[i]) * UINT64_C(1099511628211);
    return hash;
}

#define FNV1A_START UINT64_C(14695981039346656037)

/* digest hashes the CSV form, header included, of all that a generator gives. */
static uint64_t digest(enum generator_mode mode, uint64_t seed, uint64_t rows) {
    struct generator *generator = generator_new(mode, seed, rows, "STREAM");
    assert_non_null(generator);
    uint64_t hash = fnv1a(FNV1A_START, FLOW_TEXT_HEADER, sizeof FLOW_TEXT_HEADER - 1), given = 0;
    char text[FLOW_TEXT_BYTES];
    for (struct flow_row row; generator_next(generator, &row); given++) {
        assert_int_equal(row.sequence, given);
        hash = fnv1a(hash, text, flow_row_text(&row, GENERATOR_TICK_E4, text));
    }
    assert_int_equal(given, rows);
    generator_delete(generator);
    return hash;
}

static void the_stream_is_the_common_one_byte_for_byte(void **state) {
    (void)state;
    static const struct {
        uint64_t seed, rows, digest;
        const char *why;
    } row[] = {
        { 20260701, 10000, 0x7075c531ee2619d2, "the prefill" },
        { 20260701, 12000, 0xed52594a52c468fd, "and two steps of the mid price" },
        { 20260701, 310000, 0xaea44f83059d7bdb, "and the part that the RTL trades" },
        { 7, 11000, 0xa1617670978c702a, "another seed" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        if (digest(GENERATOR_STREAM, row[i].seed, row[i].rows) == row[i].digest) continue;
        fail_msg("seed %u, %u rows: %s", (unsigned)row[i].seed, (unsigned)row[i].rows, row[i].why);
    }
}

static void fewer_rows_are_the_start_of_more(void **state) {
    (void)state;
    struct generator *few = generator_new(GENERATOR_STREAM, 3, 10001, "X");
    struct generator *many = generator_new(GENERATOR_STREAM, 3, 20000, "X");
    struct flow_row a, b;
    for (int i = 0; i < 10001; i++) {
        assert_true(generator_next(few, &a));
        assert_true(generator_next(many, &b));
        assert_memory_equal(&a, &b, sizeof a);
    }
    assert_false(generator_next(few, &a));
    assert_true(generator_next(many, &b));
    generator_delete(few);
    generator_delete(many);
}

static void a_day_depends_on_its_seed_alone(void **state) {
    (void)state;
    assert_int_equal(digest(GENERATOR_DAY, 1, 5000), digest(GENERATOR_DAY, 1, 5000));
    assert_int_not_equal(digest(GENERATOR_DAY, 1, 5000), digest(GENERATOR_DAY, 2, 5000));
}

/* What is counted of a day. */
struct day {
    uint64_t rows, kinds[4], takes, by_symbol[GENERATOR_SYMBOLS], by_firm[GENERATOR_FIRMS];
    uint64_t unknown, off_tick, outside, large, burst_max, first_ns, last_ns;
};

enum { DAY_ROWS = 200000 };

/* day_count walks a day and checks each row: changes name an order that is not cancelled, of the
   same firm and symbol; prices and quantities are what generator.h says. */
static struct day day_count(uint64_t seed) {
    static struct {
        uint16_t firm;
        char symbol;
    } open[DAY_ROWS + 1];
    static uint64_t times[DAY_ROWS];
    struct day day = { 0 };
    memset(open, 0, sizeof open);
    struct generator *generator = generator_new(GENERATOR_DAY, seed, DAY_ROWS, "");
    uint64_t window = 0;
    for (struct flow_row row; generator_next(generator, &row); day.rows++) {
        assert_true(row.firm >= 1 && row.firm <= GENERATOR_FIRMS);
        assert_true(row.time_ns >= day.last_ns);
        if (day.rows == 0) day.first_ns = row.time_ns;
        day.last_ns = times[day.rows] = row.time_ns;
        while (row.time_ns - times[window] > 1000) window++;
        if (day.rows - window + 1 > day.burst_max) day.burst_max = day.rows - window + 1;
        day.kinds[row.kind]++;
        day.by_firm[row.firm - 1]++;
        assert_true(row.order >= 1 && row.order <= DAY_ROWS);

        if (row.symbol[0] == 'N') {
            assert_string_equal(row.symbol, "NOSUCH");
            assert_int_equal(row.kind, FLOW_NEW);
            day.unknown++;
            continue;
        }
        assert_memory_equal(row.symbol, "DAY", 3);
        unsigned symbol = (unsigned)(row.symbol[3] - '0') * 10 + (unsigned)(row.symbol[4] - '0');
        assert_true(symbol < GENERATOR_SYMBOLS);
        day.by_symbol[symbol]++;
        if (row.kind == FLOW_NEW) {
            assert_int_equal(open[row.order].firm, 0);
            open[row.order].firm = row.firm;
            open[row.order].symbol = (char)symbol;
            day.takes += row.ioc;
        } else {
            assert_int_equal(open[row.order].firm, row.firm);
            assert_int_equal(open[row.order].symbol, symbol);
        }
        if (row.kind == FLOW_CANCEL) {
            open[row.order].firm = UINT16_MAX;
            continue;
        }
        assert_true(row.quantity >= 1);
        if (row.quantity == GENERATOR_QUANTITY_REFUSED)
            day.large++;
        else
            assert_true(row.quantity <= GENERATOR_QUANTITY_MAX);
        if (row.kind == FLOW_REDUCE) continue;
        uint32_t base_e4 = generator_base_e4(symbol);
        assert_true(row.price_e4 >= base_e4);
        if ((row.price_e4 - base_e4) % GENERATOR_TICK_E4 != 0)
            day.off_tick++;
        else if (row.price_e4 >= base_e4 + GENERATOR_LEVELS * GENERATOR_TICK_E4)
            day.outside++;
    }
    generator_delete(generator);
    return day;
}

/* parts of 10,000 */
static uint64_t parts(uint64_t part, uint64_t whole) { return part * 10000 / whole; }

static void a_day_has_the_published_mix(void **state) {
    (void)state;
    struct day day = day_count(1);
    uint64_t refused = day.unknown + day.off_tick + day.outside + day.large;
    uint64_t added = day.kinds[FLOW_NEW] - day.takes - refused;
    assert_int_equal(day.rows, DAY_ROWS);
    assert_in_range(parts(added, day.rows), 4360 - 150, 4360 + 150);
    assert_in_range(parts(day.kinds[FLOW_CANCEL], day.rows), 4260 - 100, 4260 + 100);
    assert_in_range(parts(day.kinds[FLOW_REPLACE], day.rows), 810 - 50, 810 + 50);
    assert_in_range(parts(day.kinds[FLOW_REDUCE], day.rows), 100, 250);
    assert_in_range(parts(day.takes, day.rows), 150, 350);
}

static void a_day_has_each_kind_of_order_to_refuse(void **state) {
    (void)state;
    struct day day = day_count(2);
    static const uint64_t least = DAY_ROWS / 2000, most = DAY_ROWS / 400;
    assert_in_range(day.unknown, least, most);
    assert_in_range(day.off_tick, least, most);
    assert_in_range(day.outside, least, most);
    assert_in_range(day.large, least, most);
}

static void a_day_comes_in_bursts(void **state) {
    (void)state;
    struct day day = day_count(3);
    /* 501 within a microsecond, and now and then a neighbour that falls into it */
    assert_in_range(day.burst_max, GENERATOR_BURST_MAX, GENERATOR_BURST_MAX + 4);
    uint64_t gap_ns = (day.last_ns - day.first_ns) / day.rows;
    assert_in_range(gap_ns, 70000, 105000); /* 87,086 published */
}

static void few_symbols_and_firms_send_most_of_a_day(void **state) {
    (void)state;
    struct day day = day_count(4);
    /* Zipf over 16: the first has 1 / 3.38 of it, the last a sixteenth of that. */
    assert_in_range(parts(day.by_symbol[0], day.rows), 2600, 3300);
    assert_in_range(parts(day.by_symbol[15], day.rows), 100, 300);
    assert_in_range(parts(day.by_firm[0], day.rows), 2600, 3300);
    assert_in_range(parts(day.by_firm[15], day.rows), 100, 300);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_stream_is_the_common_one_byte_for_byte),
        cmocka_unit_test(fewer_rows_are_the_start_of_more),
        cmocka_unit_test(a_day_depends_on_its_seed_alone),
        cmocka_unit_test(a_day_has_the_published_mix),
        cmocka_unit_test(a_day_has_each_kind_of_order_to_refuse),
        cmocka_unit_test(a_day_comes_in_bursts),
        cmocka_unit_test(few_symbols_and_firms_send_most_of_a_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
