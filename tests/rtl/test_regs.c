/* test_regs: every register of regs.def through rtl/bus/regs.v: its reset value, its access, and
 * what it does. */
#define BENCH_PORTS "tests/rtl/regs.def"
#include "driver/abi/abi.h"
#include "tests/rtl/bench.h"
#include "tests/rtl/regs_access.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { RO, RW, WO };

static const struct reg {
    const char *name;
    uint32_t offset;
    int access;
    uint32_t reset;
} regs[] = {
// clang-format off
#define REG(name, offset, access, reset, meaning) { #name, offset, access, reset },
#define FIELD(name, field, lsb, width, meaning)
#include "driver/abi/regs.def"
#undef REG
#undef FIELD
    // clang-format on
};

enum { REGS = sizeof regs / sizeof *regs };

struct fixture {
    struct bench *bench;
    struct ports ports;
    uint64_t clock, kills, snapshots, starts, resets;
    uint64_t watchdogs, watchdog_at; /* count, and the clock of the last one */
};

static void step(void *context) {
    struct fixture *fixture = context;
    bench_clock(fixture->bench, &fixture->ports);
    fixture->clock++;
    fixture->watchdogs += fixture->ports.watchdog_o;
    if (fixture->ports.watchdog_o) fixture->watchdog_at = fixture->clock;
    fixture->kills += fixture->ports.kill_o;
    fixture->snapshots += fixture->ports.snapshot_o;
    fixture->starts += fixture->ports.ring_start_o;
    fixture->resets += fixture->ports.reset_o;
}

static void put(struct fixture *fixture, uint32_t reg, uint32_t value) {
    assert_int_equal(regs_write(fixture->bench, &fixture->ports, reg, value, 0xf, step, fixture),
                     REGS_OKAY);
    step(fixture); /* a pulse comes with the answer and ends here */
}

static uint32_t get(struct fixture *fixture, uint32_t reg) {
    uint32_t value = regs_read(fixture->bench, &fixture->ports, reg, step, fixture);
    assert_int_equal(fixture->ports.s_axil_rresp, REGS_OKAY);
    return value;
}

static int setup(void **state) {
    static struct fixture fixture;
    fixture = (struct fixture){ .bench = bench_new(bench_seed()) };
    fixture.ports.rst = 1;
    step(&fixture);
    fixture.ports.rst = 0;
    step(&fixture);
    fixture.resets = 0;
    *state = &fixture;
    return 0;
}

static int teardown(void **state) {
    bench_delete(((struct fixture *)*state)->bench);
    return 0;
}

static uint32_t fixed(uint32_t offset) { /* what a register that only reads says at reset */
    switch (offset) {
    case REG_DIGEST:
        return abi_digest();
    case REG_VERSION:
        return LIMIT_ABI_MINOR | (uint32_t)LIMIT_ABI_MAJOR << 16;
    case REG_SYMBOLS:
        return 64;
    case REG_ACCOUNTS:
        return 256;
    case REG_ORDERS:
        return 65536;
    case REG_LEVELS:
        return 4096;
    default:
        return 0;
    }
}

static void all_have_their_reset_value(void **state) {
    for (int i = 0; i < REGS; i++) {
        uint32_t expected = regs[i].access == RW ? regs[i].reset : fixed(regs[i].offset);
        uint32_t found = get(*state, regs[i].offset);
        if (found != expected) fail_msg("%s reads %08x after reset", regs[i].name, found);
    }
}

static uint32_t sample(uint32_t offset, unsigned which) { /* values that the register may hold */
    static const uint32_t any[] = { 0xa5a5a5a5, 0x5a5a5a5a, UINT32_MAX };
    if (offset == REG_RING_LOG2) return (uint32_t[]){ 4, 24, 0 }[which];
    if (offset == REG_CLOCK_NS) return (uint32_t[]){ 1, 255, 4 }[which];
    if (offset == REG_INJECT) return any[which] & 31;
    return offset == REG_RING_LOW ? any[which] & ~63u : any[which];
}

static void read_write_registers_keep_what_is_written(void **state) {
    for (unsigned which = 0; which < 3; which++) {
        /* RING_LOG2 goes first, since it takes RING_CONSUMED back to 0. */
        put(*state, REG_RING_LOG2, sample(REG_RING_LOG2, which));
        for (int i = 0; i < REGS; i++)
            if (regs[i].access == RW && regs[i].offset != REG_RING_LOG2)
                put(*state, regs[i].offset, sample(regs[i].offset, which));
        for (int i = 0; i < REGS; i++)
            if (regs[i].access == RW)
                if (get(*state, regs[i].offset) != sample(regs[i].offset, which))
                    fail_msg("%s is %08x, not %08x", regs[i].name, get(*state, regs[i].offset),
                             sample(regs[i].offset, which));
    }
}

static void other_registers_do_not_change_by_a_write(void **state) {
    for (uint32_t offset = 0; offset < 0x1000; offset += 4) {
        bool acts = false;
        for (int i = 0; i < REGS; i++) acts |= regs[i].offset == offset && regs[i].access != RO;
        if (!acts) put(*state, offset, UINT32_MAX);
    }
    all_have_their_reset_value(state);
    for (uint32_t offset = 0; offset < 0x1000; offset += 4) {
        bool named = false;
        for (int i = 0; i < REGS; i++) named |= regs[i].offset == offset;
        if (!named) assert_int_equal(get(*state, offset), 0);
    }
}

static void values_out_of_range_are_not_taken(void **state) {
    static const struct {
        uint32_t reg, value;
        bool taken;
        const char *why;
    } row[] = {
        { REG_RING_LOG2, 3, false, "one below the smallest ring" },
        { REG_RING_LOG2, 4, true, "the smallest ring" },
        { REG_RING_LOG2, 24, true, "the largest ring" },
        { REG_RING_LOG2, 25, false, "one above the largest ring" },
        { REG_RING_LOG2, 0, true, "no ring" },
        { REG_RING_LOG2, 36, false, "4 with a bit too many" },
        { REG_CLOCK_NS, 1, true, "the slowest step" },
        { REG_CLOCK_NS, 0, false, "a clock that stands" },
        { REG_CLOCK_NS, 255, true, "the longest step" },
        { REG_CLOCK_NS, 256, false, "one above it" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        uint32_t before = get(*state, row[i].reg);
        put(*state, row[i].reg, row[i].value);
        if (get(*state, row[i].reg) != (row[i].taken ? row[i].value : before))
            fail_msg("%s", row[i].why);
    }
    assert_int_equal(((struct fixture *)*state)->starts, 3);
}

static void narrow_write_is_refused(void **state) {
    struct fixture *fixture = *state;
    for (uint8_t strobe = 0; strobe < 0xf; strobe++)
        assert_int_equal(
            regs_write(fixture->bench, &fixture->ports, REG_HEARTBEAT, 1, strobe, step, fixture),
            REGS_SLVERR);
    assert_int_equal(get(fixture, REG_HEARTBEAT), 0);
}

static void write_and_read_take_one_clock(void **state) {
    struct fixture *fixture = *state;
    struct ports *ports = &fixture->ports;
    *ports = (struct ports){ .s_axil_awvalid = 1,
                             .s_axil_wvalid = 1,
                             .s_axil_wstrb = 0xf,
                             .s_axil_awaddr = REG_RING_CONSUMED,
                             .s_axil_wdata = 77,
                             .s_axil_bready = 1,
                             .s_axil_rready = 1 };
    step(fixture);
    assert_true(ports->s_axil_bvalid);
    assert_int_equal(ports->ring_consumed_o, 77);
    ports->s_axil_awvalid = ports->s_axil_wvalid = 0;
    ports->s_axil_arvalid = 1;
    ports->s_axil_araddr = REG_RING_CONSUMED;
    step(fixture);
    assert_true(ports->s_axil_rvalid);
    assert_int_equal(ports->s_axil_rdata, 77);
    assert_false(ports->s_axil_bvalid);
}

static void address_may_come_first_and_answers_wait(void **state) {
    struct fixture *fixture = *state;
    struct ports *ports = &fixture->ports;
    ports->s_axil_awvalid = 1;
    ports->s_axil_awaddr = REG_HEARTBEAT;
    step(fixture);
    ports->s_axil_awvalid = 0;
    ports->s_axil_awaddr = REG_RING_HIGH;
    step(fixture);
    ports->s_axil_wvalid = 1;
    ports->s_axil_wdata = 5;
    ports->s_axil_wstrb = 0xf;
    step(fixture);
    ports->s_axil_awvalid = 1; /* the next one must wait for the answer to be taken */
    ports->s_axil_wdata = 6;
    for (int i = 0; i < 4; i++) {
        bench_settle(fixture->bench, ports);
        assert_true(ports->s_axil_bvalid);
        assert_false(ports->s_axil_wready);
        step(fixture);
        ports->s_axil_awvalid = 0;
    }
    assert_int_equal(ports->ring_base_o >> 32, 0);
    ports->s_axil_bready = 1;
    step(fixture);
    assert_int_equal(ports->ring_base_o >> 32, 6);
    ports->s_axil_wvalid = 0;
    assert_int_equal(get(fixture, REG_HEARTBEAT), 5);
}

static void control_bits_act(void **state) {
    struct fixture *fixture = *state;
    put(fixture, REG_CONTROL, CONTROL_SNAPSHOT);
    assert_int_equal(fixture->snapshots, 1);
    put(fixture, REG_CONTROL, CONTROL_KILL);
    assert_int_equal(fixture->kills, 1);
    assert_false(fixture->ports.live_o);
    put(fixture, REG_CONTROL, CONTROL_GO_LIVE);
    assert_true(fixture->ports.live_o);
    put(fixture, REG_CONTROL, 0);
    assert_true(fixture->ports.live_o);
    assert_int_equal(fixture->snapshots, 1);
    assert_int_equal(fixture->kills, 1);
    assert_int_equal(get(fixture, REG_STATUS), STATUS_LIVE);
    fixture->ports.init_done_i = fixture->ports.killed_i = 1;
    assert_int_equal(get(fixture, REG_STATUS), STATUS_LIVE | STATUS_INIT_DONE | STATUS_KILLED);
    fixture->ports.fault_i = 1;
    fixture->ports.killed_i = 0;
    assert_int_equal(get(fixture, REG_STATUS), STATUS_LIVE | STATUS_INIT_DONE | STATUS_FAULT);
    fixture->ports.fault_i = 0;
    fixture->ports.stopped_i = MEMORY_LEVEL;
    assert_int_equal(get(fixture, REG_STATUS), STATUS_LIVE | STATUS_INIT_DONE | MEMORY_LEVEL << 8);
}

static void a_memory_error_is_made_only_in_replay(void **state) {
    struct fixture *fixture = *state;
    put(fixture, REG_INJECT, MEMORY_ORDER);
    assert_int_equal(get(fixture, REG_INJECT), MEMORY_ORDER);
    assert_int_equal(fixture->ports.inject_o, MEMORY_ORDER);
    put(fixture, REG_CONTROL, CONTROL_GO_LIVE);
    assert_int_equal(fixture->ports.inject_o, 0);
}

/* The watchdog of 10 clocks of 10 ns, live and just heard: what is written takes effect at clock 0.
 */
static void watchdog_start(struct fixture *fixture) {
    put(fixture, REG_CLOCK_NS, 10);
    put(fixture, REG_WATCHDOG_NS, 100);
    put(fixture, REG_CONTROL, CONTROL_GO_LIVE);
    regs_write(fixture->bench, &fixture->ports, REG_HEARTBEAT, 1, 0xf, step, fixture);
    fixture->clock = fixture->kills = fixture->watchdogs = 0;
}

/* A heartbeat that takes effect at this clock. */
static void heartbeat_at(struct fixture *fixture, uint64_t clock) {
    while (fixture->clock < clock - 1) step(fixture);
    regs_write(fixture->bench, &fixture->ports, REG_HEARTBEAT, 1, 0xf, step, fixture);
    assert_int_equal(fixture->clock, clock);
}

static void silence_fires_the_watchdog_to_the_clock(void **state) {
    struct fixture *fixture = *state;
    watchdog_start(fixture);
    for (int i = 0; i < 10; i++) step(fixture); /* 100 ns are over */
    assert_int_equal(fixture->watchdogs, 0);
    step(fixture);
    assert_int_equal(fixture->watchdogs, 1);
    assert_int_equal(fixture->kills, 1);
    assert_int_equal(fixture->watchdog_at, 11);
    step(fixture); /* a pulse */
    assert_int_equal(fixture->kills, 1);
    while (fixture->watchdogs < 2) step(fixture); /* and again, should the gate be open again */
    assert_int_equal(fixture->watchdog_at, 22);
    assert_int_equal(fixture->kills, 2);
}

static void heartbeat_is_heard_up_to_the_last_clock(void **state) {
    static const struct {
        uint64_t heartbeat, fires;
        const char *why;
    } row[] = {
        { 1, 12, "early: silence begins anew" },
        { 10, 21, "one clock before the last" },
        { 11, 22, "in the last clock" },
        { 12, 11, "one clock late" },
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        watchdog_start(fixture);
        heartbeat_at(fixture, row[i].heartbeat);
        while (fixture->watchdogs == 0 && fixture->clock < 100) step(fixture);
        if (fixture->watchdog_at != row[i].fires)
            fail_msg("%s: fired at %u", row[i].why, (unsigned)fixture->watchdog_at);
    }
    for (uint64_t clock = 11; clock < 1000; clock += 11) {
        if (clock == 11) watchdog_start(fixture);
        heartbeat_at(fixture, clock);
    }
    assert_int_equal(fixture->watchdogs, 0);
}

static void watchdog_is_off_in_replay_at_zero_and_after_reset(void **state) {
    struct fixture *fixture = *state;
    put(fixture, REG_CLOCK_NS, 255);
    put(fixture, REG_WATCHDOG_NS, 1);
    for (int i = 0; i < 1000; i++) step(fixture);
    assert_int_equal(fixture->watchdogs, 0); /* REPLAY mode */
    put(fixture, REG_WATCHDOG_NS, 0);
    put(fixture, REG_CONTROL, CONTROL_GO_LIVE);
    for (int i = 0; i < 1000; i++) step(fixture);
    assert_int_equal(fixture->watchdogs, 0); /* off */
    put(fixture, REG_WATCHDOG_NS, 256);
    for (int i = 0; i < 10; i++) step(fixture);
    assert_true(fixture->watchdogs > 1);
    put(fixture, REG_WATCHDOG_NS, UINT32_MAX); /* the largest does not wrap */
    fixture->watchdogs = 0;
    for (int i = 0; i < 1000; i++) step(fixture);
    assert_int_equal(fixture->watchdogs, 0);
    put(fixture, REG_WATCHDOG_NS, 1000); /* less than the silence so far: at once */
    step(fixture);
    assert_int_equal(fixture->watchdogs, 1);
    fixture->ports.quiet_i = 1;
    put(fixture, REG_CONTROL, CONTROL_RESET);
    for (int i = 0; i < 10; i++) step(fixture);
    fixture->watchdogs = 0;
    assert_int_equal(get(fixture, REG_WATCHDOG_NS), 1000000000);
    put(fixture, REG_CONTROL, CONTROL_GO_LIVE);
    for (int i = 0; i < 1000; i++) step(fixture);
    assert_int_equal(fixture->watchdogs, 0);
}

static void narrow_heartbeat_is_none(void **state) {
    struct fixture *fixture = *state;
    watchdog_start(fixture);
    while (fixture->watchdogs == 0 && fixture->clock < 100)
        regs_write(fixture->bench, &fixture->ports, REG_HEARTBEAT, 1, 0x7, step, fixture);
    assert_int_equal(fixture->watchdog_at, 11);
}

static void ring_start_takes_consumed_back(void **state) {
    struct fixture *fixture = *state;
    put(fixture, REG_RING_CONSUMED, 9);
    put(fixture, REG_RING_LOG2, 10);
    assert_int_equal(fixture->starts, 1);
    assert_int_equal(fixture->ports.ring_log2_o, 10);
    assert_int_equal(fixture->ports.ring_consumed_o, 0);
}

static void clock_moves_forward_only(void **state) {
    struct fixture *fixture = *state;
    struct ports *ports = &fixture->ports;
    uint64_t before = ports->time_ns_o;
    step(fixture);
    assert_int_equal(ports->time_ns_o - before, 4);
    put(fixture, REG_CLOCK_NS, 255);
    before = ports->time_ns_o;
    step(fixture);
    assert_int_equal(ports->time_ns_o - before, 255);
    put(fixture, REG_TIME_LOW, 0x89abcdef);
    assert_true(ports->time_ns_o < 1000000);
    regs_write(fixture->bench, ports, REG_TIME_HIGH, 0x1234567, 0xf, step, fixture);
    assert_true(ports->time_ns_o == 0x123456789abcdefull);
    before = ports->time_ns_o;
    put(fixture, REG_TIME_LOW, 0);
    regs_write(fixture->bench, ports, REG_TIME_HIGH, 0x1234567, 0xf, step, fixture);
    assert_true(ports->time_ns_o > before);
    assert_int_equal(get(fixture, REG_TIME_HIGH), 0);
}

static void counters_are_read_in_halves(void **state) {
    struct fixture *fixture = *state;
    for (uint32_t n = 0; n < (REG_COUNTERS_END - REG_COUNTERS) / 8; n++) {
        fixture->ports.counter_i = 0x1234567800000000u | n;
        assert_int_equal(get(fixture, REG_COUNTERS + 8 * n), n);
        assert_int_equal(get(fixture, REG_COUNTERS + 8 * n + 4), 0x12345678);
        fixture->ports.s_axil_araddr = (uint16_t)(REG_COUNTERS + 8 * n);
        bench_settle(fixture->bench, &fixture->ports);
        assert_int_equal(fixture->ports.counter_index_o, n);
    }
    fixture->ports.counter_i = UINT64_MAX;
    assert_int_equal(get(fixture, REG_COUNTERS - 4), 0);
    assert_int_equal(get(fixture, REG_COUNTERS_END), 0);
}

static void reset_waits_for_quiet_and_forgets_all(void **state) {
    struct fixture *fixture = *state;
    struct ports *ports = &fixture->ports;
    read_write_registers_keep_what_is_written(state);
    put(fixture, REG_CONTROL, CONTROL_GO_LIVE);
    ports->init_done_i = 1;
    assert_true(get(fixture, REG_STATUS) & STATUS_INIT_DONE);
    put(fixture, REG_CONTROL, CONTROL_RESET);
    assert_true(ports->hold_o);
    for (int i = 0; i < 5; i++) step(fixture);
    assert_int_equal(fixture->resets, 0);
    assert_false(get(fixture, REG_STATUS) & STATUS_INIT_DONE); /* as the core still has it */
    ports->s_axil_wvalid = ports->s_axil_awvalid = 1;
    bench_settle(fixture->bench, ports);
    assert_false(ports->s_axil_wready); /* else it would be lost */
    ports->s_axil_wvalid = ports->s_axil_awvalid = 0;
    ports->quiet_i = 1;
    for (int i = 0; i < 5; i++) step(fixture);
    assert_int_equal(fixture->resets, 1);
    assert_false(ports->hold_o);
    ports->init_done_i = 0;
    all_have_their_reset_value(state);
    assert_true(ports->time_ns_o < 4000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_have_their_reset_value, setup, teardown),
        cmocka_unit_test_setup_teardown(read_write_registers_keep_what_is_written, setup, teardown),
        cmocka_unit_test_setup_teardown(other_registers_do_not_change_by_a_write, setup, teardown),
        cmocka_unit_test_setup_teardown(values_out_of_range_are_not_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(narrow_write_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(write_and_read_take_one_clock, setup, teardown),
        cmocka_unit_test_setup_teardown(address_may_come_first_and_answers_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(control_bits_act, setup, teardown),
        cmocka_unit_test_setup_teardown(a_memory_error_is_made_only_in_replay, setup, teardown),
        cmocka_unit_test_setup_teardown(silence_fires_the_watchdog_to_the_clock, setup, teardown),
        cmocka_unit_test_setup_teardown(heartbeat_is_heard_up_to_the_last_clock, setup, teardown),
        cmocka_unit_test_setup_teardown(watchdog_is_off_in_replay_at_zero_and_after_reset, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(narrow_heartbeat_is_none, setup, teardown),
        cmocka_unit_test_setup_teardown(ring_start_takes_consumed_back, setup, teardown),
        cmocka_unit_test_setup_teardown(clock_moves_forward_only, setup, teardown),
        cmocka_unit_test_setup_teardown(counters_are_read_in_halves, setup, teardown),
        cmocka_unit_test_setup_teardown(reset_waits_for_quiet_and_forgets_all, setup, teardown),
    };
    return cmocka_run_group_tests_name("rtl regs", tests, NULL, NULL);
}
