/* test_window: rtl/bus/window.v takes commands whole and in order, however their bytes arrive. */
#define BENCH_PORTS "tests/rtl/window.def"
#include "driver/abi/abi.h"
#include "host/base/random.h"
#include "tests/rtl/bench.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { SLOTS = LIMIT_WINDOW_SLOTS, BYTES = sizeof(struct command), LATENCY = 2, SLVERR = 2 };
#define ALL_BYTES UINT64_MAX

struct fixture {
    struct bench *bench;
    struct ports ports;
    uint64_t clock;
    uint64_t out;        /* commands that left */
    uint64_t offered_at; /* clock in which the last m_command rose */
    uint64_t partials, overruns;
    struct random random;
};

static void command_fill(uint8_t *bytes, uint64_t number) {
    struct random random = random_seeded(number);
    for (int i = 0; i < BYTES; i++) bytes[i] = (uint8_t)random_next(&random);
}

/* One clock; a command that leaves must be the next one, whole. */
static void window_clock(struct fixture *window) {
    struct ports *ports = &window->ports;
    ports->time_ns_i = 1000 + window->clock;
    bench_settle(window->bench, ports);
    bool leaves = ports->m_command_tvalid && ports->m_command_tready, was = ports->m_command_tvalid;
    if (ports->m_command_tvalid) {
        uint8_t expected[BYTES];
        command_fill(expected, window->out);
        assert_memory_equal(ports->m_command_tdata, expected, BYTES);
    }
    bench_clock(window->bench, ports);
    window->clock++;
    window->out += leaves;
    window->partials += ports->partial_o;
    window->overruns += ports->overrun_o;
    if (ports->m_command_tvalid && (!was || leaves)) window->offered_at = window->clock;
}

static void window_idle(struct fixture *window, int clocks) {
    for (int i = 0; i < clocks; i++) window_clock(window);
}

/* Writes the bytes of strobe of command number into its slot, address and data in one clock, or the
   address first. Returns bresp. */
static int window_write(struct fixture *window, uint64_t number, uint64_t strobe, bool early) {
    struct ports *ports = &window->ports;
    uint8_t bytes[BYTES];
    command_fill(bytes, number);
    for (int i = 0; i < BYTES; i++) /* what is not written must not be taken */
        if (!(strobe >> i & 1)) bytes[i] = (uint8_t)random_next(&window->random);
    ports->s_axi_awaddr = (uint16_t)(number % SLOTS * BYTES);
    ports->s_axi_awlen = 0;
    ports->s_axi_awvalid = 1;
    if (early) {
        bench_settle(window->bench, ports);
        assert_true(ports->s_axi_awready);
        window_clock(window);
        ports->s_axi_awvalid = 0;
        ports->s_axi_awaddr = (uint16_t)~ports->s_axi_awaddr; /* it was taken */
    }
    memcpy(ports->s_axi_wdata, bytes, BYTES);
    ports->s_axi_wstrb = strobe;
    ports->s_axi_wlast = 1;
    ports->s_axi_wvalid = 1;
    for (int wait = 0;; wait++) {
        assert_in_range(wait, 0, 100);
        bench_settle(window->bench, ports);
        bool address = ports->s_axi_awready, data = ports->s_axi_wready;
        window_clock(window);
        if (address) ports->s_axi_awvalid = 0;
        if (data) break;
    }
    ports->s_axi_wvalid = 0;
    assert_true(ports->s_axi_bvalid);
    return ports->s_axi_bresp;
}

static int setup(void **state) {
    static struct fixture window;
    uint64_t seed = bench_seed();
    window = (struct fixture){ .bench = bench_new(seed), .random = random_seeded(seed) };
    window.ports.rst = 1;
    window_clock(&window);
    window.ports.rst = 0;
    window.ports.s_axi_bready = 1;
    window_idle(&window, SLOTS);
    *state = &window;
    return 0;
}

static int teardown(void **state) {
    bench_delete(((struct fixture *)*state)->bench);
    return 0;
}

static void command_takes_two_clocks(void **state) {
    struct fixture *window = *state;
    assert_int_equal(window_write(window, 0, ALL_BYTES, false), 0);
    uint64_t written = window->clock - 1; /* the clock whose edge took the beat */
    window_idle(window, 4);
    assert_int_equal(window->offered_at - written, LATENCY);
    assert_int_equal(window->ports.m_command_tuser, 1000 + written);
}

static void takes_a_write_a_clock_and_gives_a_command_a_clock(void **state) {
    struct fixture *window = *state;
    window->ports.m_command_tready = 1;
    uint64_t before = window->clock;
    for (uint64_t number = 0; number < 100; number++)
        window_write(window, number, ALL_BYTES, false);
    assert_int_equal(window->clock - before, 100);
    window_idle(window, LATENCY);
    assert_int_equal(window->out, 100);
    assert_int_equal(window->ports.slots_taken_o, 100);
}

static void waits_for_whichever_byte_is_last(void **state) {
    struct fixture *window = *state;
    window->ports.m_command_tready = 1;
    for (uint64_t number = 0; number < BYTES; number++) {
        uint64_t last = 1ull << number;
        window_write(window, number, ALL_BYTES ^ last, false);
        window_idle(window, 5);
        assert_int_equal(window->out, number);
        assert_int_equal(window->ports.slots_taken_o, number);
        window_write(window, number, last, number % 2);
        window_idle(window, LATENCY);
        assert_int_equal(window->out, number + 1);
    }
    assert_int_equal(window->partials, 2 * BYTES);
}

static void later_slot_waits_for_an_earlier_one(void **state) {
    struct fixture *window = *state;
    window->ports.m_command_tready = 1;
    for (uint64_t number = SLOTS - 1; number > 0; number--)
        window_write(window, number, ALL_BYTES, false);
    window_idle(window, 5);
    assert_int_equal(window->out, 0);
    uint64_t arrived = window->clock;
    window_write(window, 0, ALL_BYTES, false);
    window_idle(window, LATENCY);
    assert_int_equal(window->out, 1);
    assert_true(window->ports.m_command_tvalid);
    assert_true(window->ports.m_command_tuser < 1000 + arrived);
    window_idle(window, SLOTS);
    assert_int_equal(window->out, SLOTS);
}

static void write_over_a_waiting_byte_is_dropped_whole(void **state) {
    struct fixture *window = *state;
    for (uint64_t number = 0; number < 2; number++) window_write(window, number, 1, false);
    window_write(window, 0, ALL_BYTES, false); /* byte 0 waits: nothing of it counts */
    window_write(window, 1, 1, false);
    window_clock(window);
    assert_int_equal(window->overruns, 2);
    window_write(window, 0, ALL_BYTES ^ 1, false); /* so nothing is in the way of the rest */
    window_write(window, 1, ALL_BYTES ^ 1, false);
    window_clock(window);
    assert_int_equal(window->overruns, 2);

    /* 0 is offered, so its slot is free; 1 waits whole, so its slot is not, until 0 has left. */
    window_idle(window, LATENCY);
    window_write(window, SLOTS, 2, false);
    window_write(window, 1 + SLOTS, 2, false);
    window_clock(window);
    assert_int_equal(window->overruns, 3);
    window->ports.m_command_tready = 1;
    window_idle(window, 4);
    assert_int_equal(window->out, 2);
    window_write(window, 1 + SLOTS, 2, false);
    window_clock(window);
    assert_int_equal(window->overruns, 3);
}

static void longer_bursts_are_refused(void **state) {
    struct fixture *window = *state;
    struct ports *ports = &window->ports;
    static const int lengths[] = { 2, 3, 4, 256 };
    for (size_t row = 0; row < sizeof lengths / sizeof *lengths; row++) {
        for (int early = 0; early < 2; early++) {
            ports->s_axi_awvalid = 1;
            ports->s_axi_awaddr = 0;
            ports->s_axi_awlen = (uint8_t)(lengths[row] - 1);
            ports->s_axi_wstrb = ALL_BYTES;
            if (early) {
                window_clock(window);
                ports->s_axi_awvalid = 0;
            }
            for (int beat = 1; beat <= lengths[row]; beat++) {
                ports->s_axi_wvalid = 1;
                ports->s_axi_wlast = beat == lengths[row];
                bench_settle(window->bench, ports);
                assert_true(ports->s_axi_wready);
                window_clock(window);
                ports->s_axi_awvalid = 0;
                assert_int_equal(ports->s_axi_bvalid, beat == lengths[row]);
            }
            assert_int_equal(ports->s_axi_bresp, SLVERR);
            ports->s_axi_wvalid = 0;
            window_idle(window, 4);
            assert_false(ports->s_axi_bvalid);
            assert_false(ports->m_command_tvalid);
        }
    }
    assert_int_equal(window->overruns, 0);
    assert_int_equal(window_write(window, 0, ALL_BYTES, false), 0);
    window_idle(window, LATENCY);
    assert_true(ports->m_command_tvalid);
}

static void answer_waits_and_holds_the_next_write(void **state) {
    struct fixture *window = *state;
    window->ports.s_axi_bready = 0;
    window_write(window, 0, ALL_BYTES, false);
    window->ports.s_axi_wvalid = 1;
    window->ports.s_axi_awvalid = 1;
    for (int i = 0; i < 5; i++) {
        bench_settle(window->bench, &window->ports);
        assert_false(window->ports.s_axi_wready);
        window_clock(window);
        assert_true(window->ports.s_axi_bvalid);
        window->ports.s_axi_awvalid = 0; /* the address is taken ahead */
    }
    window->ports.s_axi_bready = 1;
    bench_settle(window->bench, &window->ports);
    assert_true(window->ports.s_axi_wready);
}

static void hold_takes_no_write(void **state) {
    struct fixture *window = *state;
    window->ports.hold_i = 1;
    window->ports.s_axi_wvalid = 1;
    window->ports.s_axi_awvalid = 1;
    bench_settle(window->bench, &window->ports);
    assert_false(window->ports.s_axi_wready);
    window->ports.hold_i = 0;
    bench_settle(window->bench, &window->ports);
    assert_true(window->ports.s_axi_wready);
}

static void clear_forgets_what_waited(void **state) {
    struct fixture *window = *state;
    window->ports.m_command_tready = 1;
    for (uint64_t number = 0; number < SLOTS + 5; number++) /* into the second pass */
        window_write(window, number, ALL_BYTES, false);
    for (uint64_t number = SLOTS + 5; number < SLOTS + 20; number++)
        window_write(window, number, 0xffff0000, false);
    window->ports.clear_i = 1;
    window_clock(window);
    window->ports.clear_i = 0;
    window->ports.s_axi_wvalid = 1;
    window->ports.s_axi_awvalid = 1;
    window->ports.s_axi_wstrb = 0;
    for (int i = 0; i < SLOTS; i++) {
        bench_settle(window->bench, &window->ports);
        assert_false(window->ports.s_axi_wready);
        window_clock(window);
        window->ports.s_axi_awvalid = 0; /* the address is taken ahead */
    }
    bench_settle(window->bench, &window->ports);
    assert_true(window->ports.s_axi_wready);
    window_clock(window);
    window->ports.s_axi_wvalid = 0;
    assert_int_equal(window->ports.slots_taken_o, 0);
    window->out = 0;
    for (uint64_t number = 0; number < SLOTS; number++)
        window_write(window, number, ALL_BYTES, false);
    window_idle(window, LATENCY);
    assert_int_equal(window->out, SLOTS);
    assert_int_equal(window->overruns, 0);
}

/* As a processor with write combining: many slots open at once, each in pieces, in any order, as
   far as credits go; gaps, a slow sink and a slow taker of answers. */
static void random_pieces_come_out_whole_and_in_order(void **state) {
    struct fixture *window = *state;
    enum { COMMANDS = 3000 };
    uint64_t left[SLOTS] = { 0 }, next = 0;
    unsigned take_of_8 = 8;
    while (window->out < COMMANDS) {
        if (random_below(&window->random, 200) == 0)
            take_of_8 = (unsigned)random_below(&window->random, 9);
        window->ports.m_command_tready = random_below(&window->random, 8) < take_of_8;
        window->ports.s_axi_bready = random_below(&window->random, 4) != 0;
        uint64_t taken = window->ports.slots_taken_o;
        while (next < COMMANDS && next < taken + SLOTS) left[next++ % SLOTS] = ALL_BYTES;
        uint64_t pick = taken + random_below(&window->random, SLOTS);
        uint64_t piece = left[pick % SLOTS];
        if (take_of_8 == 0 && random_below(&window->random, 50) == 0) take_of_8 = 8;
        if (pick >= next || piece == 0 || random_below(&window->random, 4) == 0) {
            window_clock(window);
            continue;
        }
        switch (random_below(&window->random, 4)) {
        case 0:
            piece &= random_next(&window->random);
            break;
        case 1:
            piece &= 0xffffull << 16 * random_below(&window->random, 4);
            break;
        case 2:
            piece &= 1ull << random_below(&window->random, BYTES);
            break;
        default:
            break;
        }
        left[pick % SLOTS] &= ~piece;
        window->ports.s_axi_bready = 1;
        window_write(window, pick, piece, random_below(&window->random, 2));
    }
    window_clock(window);
    assert_int_equal(window->out, COMMANDS);
    assert_int_equal(window->ports.slots_taken_o, COMMANDS);
    assert_int_equal(window->overruns, 0);
    assert_false(window->ports.m_command_tvalid);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(command_takes_two_clocks, setup, teardown),
        cmocka_unit_test_setup_teardown(takes_a_write_a_clock_and_gives_a_command_a_clock, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(waits_for_whichever_byte_is_last, setup, teardown),
        cmocka_unit_test_setup_teardown(later_slot_waits_for_an_earlier_one, setup, teardown),
        cmocka_unit_test_setup_teardown(write_over_a_waiting_byte_is_dropped_whole, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(longer_bursts_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(answer_waits_and_holds_the_next_write, setup, teardown),
        cmocka_unit_test_setup_teardown(hold_takes_no_write, setup, teardown),
        cmocka_unit_test_setup_teardown(clear_forgets_what_waited, setup, teardown),
        cmocka_unit_test_setup_teardown(random_pieces_come_out_whole_and_in_order, setup, teardown),
    };
    return cmocka_run_group_tests_name("rtl window", tests, NULL, NULL);
}
