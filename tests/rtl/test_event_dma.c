/* test_event_dma: rtl/bus/event_dma.v fills the ring in order, never overruns it, and tells an idle
 * host its credits. */
#define BENCH_PORTS "tests/rtl/event_dma.def"
#include "driver/abi/abi.h"
#include "host/base/random.h"
#include "tests/rtl/bench.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum {
    RING_LOG2 = 4,
    SLOTS = 1 << RING_LOG2,
    FLIGHT_MAX = 16,
    STATUS_WAIT = 64,
    COUNT_WAIT = 1024,
    SLVERR = 2
};
#define RING_BASE 0xfffffe00ull /* the ring lies across 4 GiB */

struct fixture {
    struct bench *bench;
    struct ports ports;
    struct random random;
    uint64_t taken;                /* events given to the writer */
    uint64_t addressed, delivered; /* writes seen on aw and on w */
    uint64_t answered;
    uint64_t status_lines;
    uint64_t address[64]; /* of the writes whose data has not come, modulo 64 */
    struct event event[64];
    uint64_t landed; /* writes with both */
    struct event ring[2 * SLOTS];
    struct status status;
    int answer; /* bresp to give, -1 for none */
};

static void event_fill(struct event *event, uint64_t number) {
    struct random random = random_seeded(number);
    uint64_t words[sizeof *event / 8];
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) words[i] = random_next(&random);
    memcpy(event, words, sizeof *event);
    event->number = number + 1;
    event->credits = 0;
    event->phase = 0;
}

/* One clock with the inputs as they stand. Whatever lands is put into the host's memory. */
static void dma_clock(struct fixture *dma) {
    struct ports *ports = &dma->ports;
    struct event event;
    event_fill(&event, dma->taken);
    memcpy(ports->s_event_tdata, &event, sizeof event);
    ports->m_axi_bvalid = dma->answer >= 0 && dma->answered < dma->landed;
    ports->m_axi_bresp = (uint8_t)(dma->answer & 3);
    bench_settle(dma->bench, ports);
    if (ports->m_axi_awvalid && ports->m_axi_awready)
        dma->address[dma->addressed++ % 64] = ports->m_axi_awaddr;
    if (ports->m_axi_wvalid && ports->m_axi_wready)
        memcpy(&dma->event[dma->delivered++ % 64], ports->m_axi_wdata, sizeof event);
    while (dma->landed < dma->addressed && dma->landed < dma->delivered) {
        uint64_t offset = dma->address[dma->landed % 64] - ports->ring_base_i;
        const struct event *line = &dma->event[dma->landed++ % 64];
        assert_int_equal(offset % sizeof event, 0);
        if (offset >> ports->ring_log2_i == sizeof event) {
            memcpy(&dma->status, line, sizeof dma->status);
            dma->status_lines++;
        } else {
            assert_true(offset < sizeof dma->ring);
            dma->ring[offset / sizeof event] = *line;
        }
    }
    dma->answered += ports->m_axi_bvalid;
    bool takes = ports->s_event_tvalid && ports->s_event_tready;
    bench_clock(dma->bench, ports);
    dma->taken += takes;
}

static void dma_clocks(struct fixture *dma, int clocks) {
    for (int i = 0; i < clocks; i++) dma_clock(dma);
}

static void ring_start(struct fixture *dma, uint8_t log2) {
    dma->ports.ring_log2_i = log2;
    dma->ports.ring_start_i = 1;
    dma_clock(dma);
    dma->ports.ring_start_i = 0;
}

/* Event number n as the ring of 2^log2 slots should hold it. */
static void ring_holds(struct fixture *dma, uint64_t n, unsigned log2) {
    struct event expected;
    event_fill(&expected, n);
    const struct event *found = &dma->ring[n & ((1u << log2) - 1)];
    assert_true(abi_event_equal(found, &expected));
    assert_int_equal(found->phase, ~(n >> log2) & 1);
}

static int setup(void **state) {
    static struct fixture dma;
    uint64_t seed = bench_seed();
    dma = (struct fixture){ .bench = bench_new(seed), .random = random_seeded(seed) };
    dma.ports.ring_base_i = RING_BASE;
    dma.ports.m_axi_awready = dma.ports.m_axi_wready = 1;
    dma.ports.rst = 1;
    dma_clock(&dma);
    dma.ports.rst = 0;
    *state = &dma;
    return 0;
}

static int teardown(void **state) {
    bench_delete(((struct fixture *)*state)->bench);
    return 0;
}

static void event_takes_one_clock(void **state) {
    struct fixture *dma = *state;
    ring_start(dma, RING_LOG2);
    dma->ports.m_axi_awready = dma->ports.m_axi_wready = 0;
    dma->ports.slots_taken_i = 0x1fe;
    dma->ports.s_event_tvalid = 1;
    dma_clock(dma);
    assert_int_equal(dma->taken, 1);
    struct ports *ports = &dma->ports;
    assert_true(ports->m_axi_awvalid);
    assert_true(ports->m_axi_wvalid);
    assert_int_equal(ports->m_axi_awaddr, RING_BASE);
    assert_int_equal(ports->m_axi_awlen, 0);   /* one beat */
    assert_int_equal(ports->m_axi_awsize, 6);  /* of 64 bytes */
    assert_int_equal(ports->m_axi_awburst, 1); /* INCR */
    assert_true(ports->m_axi_wlast);
    assert_true(ports->m_axi_wstrb == UINT64_MAX);
    ports->m_axi_awready = ports->m_axi_wready = 1;
    dma_clock(dma);
    ring_holds(dma, 0, RING_LOG2);
    assert_int_equal(dma->ring[0].credits, 0xfe);
}

static void writes_an_event_a_clock(void **state) {
    struct fixture *dma = *state;
    ring_start(dma, 5);
    dma->ports.s_event_tvalid = 1;
    dma_clocks(dma, 32);
    assert_int_equal(dma->taken, 32);
}

static void without_a_ring_events_wait(void **state) {
    struct fixture *dma = *state;
    dma->ports.s_event_tvalid = 1;
    dma->ports.slots_taken_i = 3;
    for (int i = 0; i < 2 * STATUS_WAIT; i++) {
        dma_clock(dma);
        assert_true(dma->ports.stalled_o);
    }
    assert_int_equal(dma->taken, 0);
    dma->ports.s_event_tvalid = 0;
    dma_clocks(dma, 2 * STATUS_WAIT);
    assert_int_equal(dma->addressed, 0);
}

static void full_ring_stalls_and_loses_nothing(void **state) {
    struct fixture *dma = *state;
    ring_start(dma, RING_LOG2);
    dma->ports.s_event_tvalid = 1;
    for (int i = 0; i < SLOTS; i++) {
        assert_int_equal(dma->taken, i);
        dma_clock(dma);
    }
    dma_clocks(dma, 20);
    assert_int_equal(dma->taken, SLOTS);
    assert_true(dma->ports.stalled_o);
    for (unsigned n = 0; n < SLOTS; n++) ring_holds(dma, n, RING_LOG2);
    dma->ports.ring_consumed_i = 1; /* room for exactly one */
    dma_clocks(dma, 20);
    assert_int_equal(dma->taken, SLOTS + 1);
    ring_holds(dma, SLOTS, RING_LOG2);
    dma->ports.ring_consumed_i = SLOTS + 2; /* more than was written is no room */
    dma_clocks(dma, 20);
    assert_int_equal(dma->taken, SLOTS + 1);
    dma->ports.ring_consumed_i = SLOTS + 1;
    dma_clocks(dma, 20);
    assert_int_equal(dma->taken, 2 * SLOTS + 1);
    for (unsigned n = SLOTS + 1; n <= 2 * SLOTS; n++) ring_holds(dma, n, RING_LOG2);
}

static void ring_restarts_at_slot_0_phase_1(void **state) {
    struct fixture *dma = *state;
    ring_start(dma, RING_LOG2);
    dma->ports.s_event_tvalid = 1;
    dma_clocks(dma, SLOTS);
    dma->ports.ring_consumed_i = SLOTS;
    dma_clocks(dma, 3); /* in the second pass */
    dma->ports.s_event_tvalid = 0;
    dma_clocks(dma, 3);
    dma->ports.ring_consumed_i = 0;
    ring_start(dma, RING_LOG2 + 1);
    dma->taken = 0;
    dma->ports.s_event_tvalid = 1;
    dma_clocks(dma, 40);
    assert_int_equal(dma->taken, 2 * SLOTS);
    for (unsigned n = 0; n < 2 * SLOTS; n++) ring_holds(dma, n, RING_LOG2 + 1);
}

static void idle_card_says_its_status_once(void **state) {
    struct fixture *dma = *state;
    ring_start(dma, RING_LOG2);
    dma_clocks(dma, 2 * STATUS_WAIT);
    assert_int_equal(dma->status_lines, 0); /* nothing was taken, nothing to say */
    dma->ports.s_event_tvalid = 1;
    dma_clock(dma);
    dma->ports.s_event_tvalid = 0;
    dma->ports.slots_taken_i = 0x123456789abull;
    dma->ports.commands_i = 7;
    dma->ports.events_i = 9;
    dma->ports.time_ns_i = 11;
    dma_clocks(dma, STATUS_WAIT);
    assert_int_equal(dma->addressed, 1);
    assert_false(dma->ports.m_axi_awvalid); /* not yet */
    dma_clock(dma);
    assert_true(dma->ports.m_axi_awvalid);
    dma_clocks(dma, 3 * STATUS_WAIT);
    assert_int_equal(dma->status_lines, 1);
    struct status expected = {
        .slots_taken = 0x123456789abull, .commands = 7, .events = 9, .time_ns = 11
    };
    assert_memory_equal(&dma->status, &expected, sizeof expected);
    dma->ports.slots_taken_i++;
    dma_clocks(dma, 4);
    assert_int_equal(dma->status_lines, 2);
    dma->ports.s_event_tvalid = 1; /* an event tells as well */
    dma->ports.slots_taken_i++;
    dma_clock(dma);
    dma->ports.s_event_tvalid = 0;
    dma_clocks(dma, 2 * STATUS_WAIT);
    assert_int_equal(dma->status_lines, 2);
    assert_int_equal(dma->ring[1].credits, (uint8_t)(expected.slots_taken + 2));
    dma_clocks(dma, COUNT_WAIT); /* only to say that there was one more event */
    assert_int_equal(dma->status_lines, 3);
    dma_clocks(dma, 3 * COUNT_WAIT);
    assert_int_equal(dma->status_lines, 3);
}

static void stops_at_the_most_in_flight(void **state) {
    struct fixture *dma = *state;
    dma->answer = -1;
    ring_start(dma, 5);
    dma->ports.s_event_tvalid = 1;
    dma_clocks(dma, 40);
    assert_int_equal(dma->taken, FLIGHT_MAX);
    assert_false(dma->ports.stalled_o); /* that is not for want of room */
    dma->answer = 0;
    dma_clock(dma);
    dma->answer = -1;
    dma_clocks(dma, 5);
    assert_int_equal(dma->taken, FLIGHT_MAX + 1);
}

static void error_answer_stops_it_until_reset(void **state) {
    struct fixture *dma = *state;
    ring_start(dma, RING_LOG2);
    dma->ports.s_event_tvalid = 1;
    dma_clock(dma);
    dma->ports.s_event_tvalid = 0;
    dma_clocks(dma, 4);
    assert_false(dma->ports.fault_o);
    dma->answer = SLVERR;
    dma->ports.s_event_tvalid = 1;
    dma_clock(dma);
    dma->ports.s_event_tvalid = 0;
    dma_clocks(dma, 4);
    dma->answer = 0;
    assert_true(dma->ports.fault_o);
    dma->ports.s_event_tvalid = 1;
    dma_clocks(dma, 2 * STATUS_WAIT);
    assert_int_equal(dma->taken, 2);
    dma->ports.rst = 1;
    dma_clock(dma);
    dma->ports.rst = 0;
    assert_false(dma->ports.fault_o);
    ring_start(dma, RING_LOG2);
    dma_clocks(dma, 4);
    assert_true(dma->taken > 2);
}

static void drains_before_it_is_idle(void **state) {
    struct fixture *dma = *state;
    dma->answer = -1;
    ring_start(dma, RING_LOG2);
    assert_true(dma->ports.idle_o);
    dma->ports.m_axi_awready = 0;
    dma->ports.s_event_tvalid = 1;
    dma_clock(dma);
    dma->ports.drain_i = 1;
    dma_clocks(dma, 10);
    assert_int_equal(dma->taken, 1);
    assert_false(dma->ports.idle_o);
    dma->ports.m_axi_awready = 1;
    dma_clocks(dma, 3);
    assert_false(dma->ports.idle_o); /* the answer is still to come */
    dma->answer = 0;
    dma_clocks(dma, 2);
    assert_true(dma->ports.idle_o);
    assert_int_equal(dma->taken, 1);
}

static void random_stalls_keep_the_order(void **state) {
    struct fixture *dma = *state;
    ring_start(dma, RING_LOG2);
    uint64_t read = 0;
    uint8_t credits = 0;
    struct ports *ports = &dma->ports;
    for (int clock = 0; clock < 60000; clock++) {
        uint64_t draw = random_next(&dma->random);
        bool slow = clock / 1000 % 2;
        ports->m_axi_awready = slow ? (draw & 7) == 0 : (draw & 3) != 0;
        ports->m_axi_wready = slow ? (draw >> 4 & 7) == 0 : (draw >> 4 & 3) != 0;
        dma->answer = draw >> 8 & 1 ? 0 : -1;
        ports->s_event_tvalid = clock / 3000 % 2 ? (draw >> 12 & 255) == 0 : (draw >> 12 & 3) != 0;
        ports->slots_taken_i += (draw >> 20 & 63) == 0;
        dma_clock(dma);
        const struct event *next = &dma->ring[read % SLOTS];
        if ((draw >> 32 & 3) == 0 && dma->landed > 0 &&
            next->phase == (~(read >> RING_LOG2) & 1)) { /* as a host sees that it is there */
            assert_true(read < dma->taken);
            ring_holds(dma, read, RING_LOG2);
            assert_true((uint8_t)(next->credits - credits) < 128);
            credits = next->credits;
            read++;
        }
        if ((draw >> 36 & 7) == 0) ports->ring_consumed_i = (uint32_t)read;
        assert_true(dma->taken - ports->ring_consumed_i <= SLOTS);
    }
    assert_true(read > 1000);
    assert_true(dma->status_lines > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(event_takes_one_clock, setup, teardown),
        cmocka_unit_test_setup_teardown(writes_an_event_a_clock, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_ring_events_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(full_ring_stalls_and_loses_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(ring_restarts_at_slot_0_phase_1, setup, teardown),
        cmocka_unit_test_setup_teardown(idle_card_says_its_status_once, setup, teardown),
        cmocka_unit_test_setup_teardown(stops_at_the_most_in_flight, setup, teardown),
        cmocka_unit_test_setup_teardown(error_answer_stops_it_until_reset, setup, teardown),
        cmocka_unit_test_setup_teardown(drains_before_it_is_idle, setup, teardown),
        cmocka_unit_test_setup_teardown(random_stalls_keep_the_order, setup, teardown),
    };
    return cmocka_run_group_tests_name("rtl event_dma", tests, NULL, NULL);
}
