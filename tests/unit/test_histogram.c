/* test_histogram: quantiles of host/base/histogram.h against a sorted array. */
#include "host/base/histogram.h"
#include "host/base/random.h"
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <stdlib.h>

static struct histogram histogram;

static int fresh(void **state) {
    (void)state;
    histogram = (struct histogram){ 0 };
    return 0;
}

static void an_empty_histogram_says_zero(void **state) {
    (void)state;
    assert_int_equal(histogram_quantile(&histogram, 50000), 0);
    assert_int_equal(histogram_summarise(&histogram).max, 0);
}

static void values_at_bucket_edges_are_never_understated(void **state) {
    (void)state;
    static const uint64_t row[] = {
        0,         1, 63, 64, 65, 127, 128, 129, 255, 4095, UINT32_MAX, 1ull << 32, UINT64_MAX - 1,
        UINT64_MAX
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        histogram = (struct histogram){ 0 };
        histogram_add(&histogram, row[i]);
        histogram_add(&histogram, UINT64_MAX); /* so that max does not hide the bucket's end */
        uint64_t said = histogram_quantile(&histogram, 50000);
        assert_true(said >= row[i]);
        assert_true(said - row[i] <= row[i] / HISTOGRAM_STEPS);
    }
}

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void quantiles_follow_a_sorted_array(void **state) {
    (void)state;
    enum { N = 20000 };
    static uint64_t values[N];
    uint64_t seed = 42;
    print_message("seed %llu\n", (unsigned long long)seed);
    struct random random = random_seeded(seed);
    for (int i = 0; i < N; i++) {
        values[i] = random_next(&random) >> random_below(&random, 64);
        histogram_add(&histogram, values[i]);
    }
    qsort(values, N, sizeof *values, compare);
    static const uint32_t parts[] = { 1, 1000, 50000, 99000, 99900, 99999, 100000 };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        uint64_t rank = ((uint64_t)N * parts[i] + 99999) / 100000;
        uint64_t exact = values[rank - 1], said = histogram_quantile(&histogram, parts[i]);
        assert_true(said >= exact);
        assert_true(said - exact <= exact / HISTOGRAM_STEPS);
    }
    assert_int_equal(histogram.max, values[N - 1]);
    assert_int_equal(histogram_quantile(&histogram, 100000), values[N - 1]);
}

static void merging_is_adding_both(void **state) {
    (void)state;
    static struct histogram other;
    histogram_add(&histogram, 10);
    histogram_add(&other, 1000);
    histogram_add(&other, 30);
    histogram_merge(&histogram, &other);
    assert_int_equal(histogram.count, 3);
    assert_int_equal(histogram.max, 1000);
    assert_int_equal(histogram_quantile(&histogram, 50000), 30);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_empty_histogram_says_zero, fresh),
        cmocka_unit_test_setup(values_at_bucket_edges_are_never_understated, fresh),
        cmocka_unit_test_setup(quantiles_follow_a_sorted_array, fresh),
        cmocka_unit_test_setup(merging_is_adding_both, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
