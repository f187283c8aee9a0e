/* test_fifo: rtl/bus/fifo.v keeps items in order and loses none, with gaps and with a slow sink. */
#define BENCH_PORTS "tests/rtl/fifo.def"
#include "host/base/random.h"
#include "tests/rtl/bench.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { DEPTH = 16, LATENCY = 2 };

struct fixture {
    struct bench *bench;
    struct ports ports;
    uint64_t put, got; /* items in and out, numbered by their content */
};

static void item_fill(uint32_t *words, uint64_t number) {
    struct random random = random_seeded(number);
    for (int i = 0; i < 16; i++) words[i] = (uint32_t)random_next(&random);
}

/* One clock with these wishes; what moves is numbered and checked. */
static void fifo_clock(struct fixture *fifo, bool put, bool take) {
    struct ports *ports = &fifo->ports;
    ports->s_item_tvalid = put;
    ports->m_item_tready = take;
    item_fill(ports->s_item_tdata, fifo->put);
    bench_settle(fifo->bench, ports);
    bool moves_in = put && ports->s_item_tready, moves_out = take && ports->m_item_tvalid;
    if (ports->m_item_tvalid) {
        uint32_t expected[16];
        assert_in_range(fifo->got, 0, fifo->put - 1);
        item_fill(expected, fifo->got);
        assert_memory_equal(ports->m_item_tdata, expected, sizeof expected);
    }
    bench_clock(fifo->bench, ports);
    fifo->put += moves_in;
    fifo->got += moves_out;
}

static int setup(void **state) {
    static struct fixture fifo;
    fifo = (struct fixture){ .bench = bench_new(bench_seed()) };
    fifo.ports.rst = 1;
    bench_clock(fifo.bench, &fifo.ports);
    fifo.ports.rst = 0;
    *state = &fifo;
    return 0;
}

static int teardown(void **state) {
    bench_delete(((struct fixture *)*state)->bench);
    return 0;
}

static void is_empty_after_reset(void **state) {
    struct fixture *fifo = *state;
    for (int i = 0; i < 3; i++) fifo_clock(fifo, true, false);
    fifo->ports.s_item_tvalid = 0;
    fifo->ports.rst = 1;
    bench_clock(fifo->bench, &fifo->ports);
    fifo->ports.rst = 0;
    fifo->got = fifo->put;
    for (int i = 0; i < 4; i++) {
        fifo_clock(fifo, false, true);
        assert_false(fifo->ports.m_item_tvalid);
    }
}

static void item_takes_two_clocks(void **state) {
    struct fixture *fifo = *state;
    fifo_clock(fifo, true, false);
    for (int clock = 1; clock < LATENCY; clock++) {
        assert_false(fifo->ports.m_item_tvalid);
        fifo_clock(fifo, false, false);
    }
    assert_true(fifo->ports.m_item_tvalid);
}

static void moves_one_item_a_clock(void **state) {
    struct fixture *fifo = *state;
    for (int i = 0; i < 100; i++) fifo_clock(fifo, true, true);
    assert_int_equal(fifo->put, 100);
    assert_int_equal(fifo->got, 100 - LATENCY);
}

static void holds_its_depth_and_the_offered_item(void **state) {
    struct fixture *fifo = *state;
    for (int i = 0; i < DEPTH + 1; i++) {
        fifo_clock(fifo, true, false);
        assert_int_equal(fifo->put, i + 1);
    }
    assert_false(fifo->ports.s_item_tready);
    for (int i = 0; i < 3; i++) fifo_clock(fifo, true, false);
    assert_int_equal(fifo->put, DEPTH + 1);
    fifo_clock(fifo, false, true);
    assert_true(fifo->ports.s_item_tready);
    for (int i = 0; i < DEPTH; i++) fifo_clock(fifo, false, true);
    assert_int_equal(fifo->got, DEPTH + 1);
    assert_false(fifo->ports.m_item_tvalid);
}

static void every_short_stream_passes_whole(void **state) {
    struct fixture *fifo = *state;
    for (unsigned length = 1; length <= 4; length++) {
        uint64_t end = fifo->put + length;
        for (int clock = 0; clock < 20; clock++) fifo_clock(fifo, fifo->put < end, clock % 3 == 2);
        assert_int_equal(fifo->got, end);
    }
}

static void random_gaps_and_stalls_lose_nothing(void **state) {
    struct fixture *fifo = *state;
    struct random random = random_seeded(bench_seed());
    for (unsigned phase = 0; phase < 50; phase++) {
        uint64_t put_of_8 = random_below(&random, 9), take_of_8 = random_below(&random, 9);
        for (unsigned clock = 0; clock < 400; clock++)
            fifo_clock(fifo, random_below(&random, 8) < put_of_8,
                       random_below(&random, 8) < take_of_8);
    }
    for (int i = 0; i < DEPTH + LATENCY; i++) fifo_clock(fifo, false, true);
    assert_int_equal(fifo->got, fifo->put);
    assert_true(fifo->put > 5000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(is_empty_after_reset, setup, teardown),
        cmocka_unit_test_setup_teardown(item_takes_two_clocks, setup, teardown),
        cmocka_unit_test_setup_teardown(moves_one_item_a_clock, setup, teardown),
        cmocka_unit_test_setup_teardown(holds_its_depth_and_the_offered_item, setup, teardown),
        cmocka_unit_test_setup_teardown(every_short_stream_passes_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(random_gaps_and_stalls_lose_nothing, setup, teardown),
    };
    return cmocka_run_group_tests_name("rtl fifo", tests, NULL, NULL);
}
