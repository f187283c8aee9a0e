/* test_monitor: rtl/board/alveo_u50/monitor.v against the formulas of UG580, with the DRP of the
 * system monitor modelled here: it answers a read after some clocks, or not at all. */
#define BENCH_PORTS "tests/rtl/monitor.def"
#include "host/base/random.h"
#include "tests/rtl/bench.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SENSORS = 3, CLOCKS_OF_OWN = 19, SILENCE_CLOCKS = 65536 };
#define NO_DEGREES INT16_MIN

struct fixture {
    struct bench *bench;
    struct ports ports;
    uint16_t code[SENSORS];
    unsigned delay; /* clocks from a read to its answer, 1 at least */
    bool dumb;      /* no answer */
    unsigned due;   /* clocks to the answer under way, 0 is none */
    unsigned address;
    uint64_t clocks, reads, overlaps, strangers;
};

static void clock_once(struct fixture *monitor) {
    struct ports *ports = &monitor->ports;
    ports->drp_ready_i = monitor->due == 1;
    ports->drp_data_i = monitor->due == 1 ? monitor->code[monitor->address] : 0xaaaa;
    if (monitor->due > 0) monitor->due--;
    bool enable = ports->drp_enable_o;
    unsigned address = ports->drp_address_o;
    bench_clock(monitor->bench, ports);
    monitor->clocks++;
    if (!enable) return;
    monitor->reads++;
    monitor->overlaps += monitor->due > 0;
    monitor->strangers += address >= SENSORS;
    if (monitor->dumb || address >= SENSORS) return;
    monitor->address = address;
    monitor->due = monitor->delay;
}

/* Long enough for a whole round after whatever was under way. */
static void rounds(struct fixture *monitor, unsigned count) {
    unsigned clocks = count * SENSORS * (monitor->delay + CLOCKS_OF_OWN);
    for (unsigned i = 0; i < clocks; i++) clock_once(monitor);
}

static int setup(void **state) {
    static struct fixture monitor;
    monitor = (struct fixture){ .bench = bench_new(bench_seed()), .delay = 1 };
    monitor.ports.rst = 1;
    bench_clock(monitor.bench, &monitor.ports);
    monitor.ports.rst = 0;
    *state = &monitor;
    return 0;
}

static int teardown(void **state) {
    bench_delete(((struct fixture *)*state)->bench);
    return 0;
}

static double degrees_e2(unsigned code) { return (code * 509.3140064 / 65536 - 280.2308787) * 100; }
static double millivolts(unsigned code) { return code * 3.0 / 65536 * 1000; }

static void check_value(double formula, int value, unsigned code) {
    if (fabs(formula - value) > 0.54) fail_msg("code %u: %d for %f", code, value, formula);
}

static void check_outputs(const struct fixture *monitor) {
    const struct ports *ports = &monitor->ports;
    check_value(degrees_e2(monitor->code[0]), (int16_t)ports->temperature_o, monitor->code[0]);
    check_value(millivolts(monitor->code[1]), ports->vccint_o, monitor->code[1]);
    check_value(millivolts(monitor->code[2]), ports->vccaux_o, monitor->code[2]);
}

static void edges_are_as_the_manual_says(void **state) {
    static const struct {
        uint16_t code;
        int degrees_e2, millivolts;
        const char *why;
    } row[] = {
        { 0x0000, -28023, 0, "the least code" },
        { 0x0001, -28022, 0, "one above it" },
        { 0xffff, 22908, 3000, "the greatest code" },
        { 0x8000, -2557, 1500, "half of the range" },
        { 36058, -1, 1651, "just below 0 degrees" },
        { 36059, 0, 1651, "0 degrees" },
        { 46996, 8500, 2151, "85 degrees, where the alarm stands" },
        { 48283, 9500, 2210, "95 degrees, where the gate is closed" },
        { 18568, -13593, 850, "VCCINT of 0.85 V" },
        { 39322, 2536, 1800, "VCCAUX of 1.8 V" },
    };
    struct fixture *monitor = *state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        for (int sensor = 0; sensor < SENSORS; sensor++) monitor->code[sensor] = row[i].code;
        rounds(monitor, 2);
        if ((int16_t)monitor->ports.temperature_o != row[i].degrees_e2 ||
            monitor->ports.vccint_o != row[i].millivolts ||
            monitor->ports.vccaux_o != row[i].millivolts)
            fail_msg("%s: %d, %d, %d", row[i].why, (int16_t)monitor->ports.temperature_o,
                     monitor->ports.vccint_o, monitor->ports.vccaux_o);
        check_outputs(monitor);
    }
}

static void every_code_is_within_half_a_unit(void **state) {
    struct fixture *monitor = *state;
    for (unsigned code = 0; code <= UINT16_MAX; code++) {
        /* Three codes at once, so that one sensor's is not shown as another's. */
        monitor->code[0] = (uint16_t)code;
        monitor->code[1] = (uint16_t)(code * 3);
        monitor->code[2] = (uint16_t)~code;
        rounds(monitor, 2);
        check_outputs(monitor);
    }
}

static void a_round_takes_the_answers_and_19_clocks_each(void **state) {
    struct fixture *monitor = *state;
    for (unsigned delay = 1; delay < 20; delay += 6) {
        monitor->delay = delay;
        rounds(monitor, 2);
        uint64_t reads = monitor->reads;
        rounds(monitor, 10);
        assert_int_equal(monitor->reads - reads, 10 * SENSORS);
    }
    assert_int_equal(monitor->overlaps, 0);
    assert_int_equal(monitor->strangers, 0);
}

static void one_sensor_moves_one_output(void **state) {
    struct fixture *monitor = *state;
    struct random random = random_seeded(bench_seed());
    for (unsigned i = 0; i < 2000; i++) {
        monitor->delay = 1 + (unsigned)random_below(&random, 12);
        monitor->code[random_below(&random, SENSORS)] = (uint16_t)random_next(&random);
        rounds(monitor, 2);
        check_outputs(monitor);
    }
    assert_int_equal(monitor->overlaps, 0);
}

static void check_silent(const struct fixture *monitor) {
    assert_int_equal((int16_t)monitor->ports.temperature_o, NO_DEGREES);
    assert_int_equal(monitor->ports.vccint_o, 0);
    assert_int_equal(monitor->ports.vccaux_o, 0);
}

static void silence_is_shown_and_ends(void **state) {
    struct fixture *monitor = *state;
    check_silent(monitor); /* as reset leaves it */
    for (int sensor = 0; sensor < SENSORS; sensor++) monitor->code[sensor] = 40000;
    rounds(monitor, 2);
    check_outputs(monitor);

    monitor->dumb = true;
    monitor->due = 0;
    for (int i = 0; i < SILENCE_CLOCKS - 40; i++) clock_once(monitor);
    check_outputs(monitor); /* not yet */
    uint64_t reads = monitor->reads;
    for (int i = 0; i < 10 * SILENCE_CLOCKS; i++) clock_once(monitor);
    check_silent(monitor);
    assert_in_range(monitor->reads - reads, 9, 10);

    monitor->dumb = false;
    for (int i = 0; i < 2 * SILENCE_CLOCKS; i++) clock_once(monitor);
    check_outputs(monitor);

    monitor->ports.rst = 1;
    bench_clock(monitor->bench, &monitor->ports);
    monitor->ports.rst = 0;
    monitor->due = 0;
    check_silent(monitor);
    rounds(monitor, 2);
    check_outputs(monitor);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(edges_are_as_the_manual_says, setup, teardown),
        cmocka_unit_test_setup_teardown(every_code_is_within_half_a_unit, setup, teardown),
        cmocka_unit_test_setup_teardown(a_round_takes_the_answers_and_19_clocks_each, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(one_sensor_moves_one_output, setup, teardown),
        cmocka_unit_test_setup_teardown(silence_is_shown_and_ends, setup, teardown),
    };
    return cmocka_run_group_tests_name("rtl monitor", tests, NULL, NULL);
}
