/* test_firmware_core: the firmware from reset on, over a model of what it sees: boot, self-test,
 * limits, alerts, scrub, log, commands, traps. */
#include "firmware/core.h"
#include "firmware/health.h"
#include "firmware/log.h"
#include "firmware/version.h"
#include "tests/unit/firmware_model.h"

static struct core core;

static bool boot(void) {
    core = (struct core){ 0 };
    return core_begin(&core, 0);
}

/* next_round lets the timer come. */
static void next_round(void) {
    model.clocks = model.devices[DEVICE_COMPARE / 4];
    core_step(&core);
}

static void rounds(int count) {
    while (count-- > 0) next_round();
}

static uint32_t page(uint32_t offset) { return model.page[offset / 4]; }

static int fresh(void **state) {
    (void)state;
    model_begin();
    return 0;
}

static int running(void **state) {
    (void)fresh(state);
    return boot() ? 0 : -1;
}

/* said says whether the log has the text. */
static bool said(const char *text) { return strstr(model_log(), text) != NULL; }

static void put_good_b(void) {
    static uint8_t image[1024];
    struct random random = random_seeded(5);
    model_image(image, sizeof image, &random);
    model_load(image, sizeof image);
}

/* ---- boot ----------------------------------------------------------------------------------- */

static void image_a_runs_when_there_is_no_other(void **state) {
    (void)state;
    for (size_t i = 0; i < REGION_PAGE_BYTES / 4; i++) model.page[i] = 0xdeadbeef;
    assert_true(boot());
    assert_int_equal(page(PAGE_MAGIC), PAGE_MAGIC_VALUE);
    assert_int_equal(page(PAGE_VERSION), FIRMWARE_VERSION);
    assert_int_equal(page(PAGE_ABI_DIGEST), abi_digest());
    assert_int_equal(page(PAGE_STATE), MGMT_STATE_RUN);
    assert_int_equal(model.devices[DEVICE_STATE / 4], MGMT_STATE_RUN);
    assert_int_equal(page(PAGE_SLOT), 0);
    assert_int_equal(page(PAGE_BOOT_RESULT), BOOT_NONE);
    assert_int_equal(page(PAGE_SELFTEST), 0);
    assert_int_equal(page(PAGE_UPTIME_MS), 0);
    assert_int_equal(page(PAGE_ROUNDS), 0);
    assert_int_equal(page(PAGE_ALARMS_SEEN), 0);
    assert_int_equal(page(PAGE_SCRUB_ROUNDS), 0);
    assert_int_equal(page(PAGE_TEMPERATURE_HIGH), 8500);
    assert_int_equal(page(PAGE_TEMPERATURE_CRITICAL), 9500);
    assert_int_equal(page(PAGE_VCCINT_LOW), 825);
    assert_int_equal(page(PAGE_VCCAUX_HIGH), 1854);
    assert_int_equal(page(PAGE_LOG_LEVEL), LOG_LEVEL_INFO);
    assert_string_equal(model_log(), "[      0 ms] info: firmware 1.0.0 runs, image A\n");
    assert_int_equal(model.boots, 0);
    assert_true(model.watchdogs > 0);
}

static void a_good_image_b_is_begun(void **state) {
    (void)state;
    put_good_b();
    assert_false(boot());
    assert_int_equal(model.boots, 1);
    assert_int_equal(model.boot_to, BOOT_TO_B);
    assert_int_not_equal(page(PAGE_MAGIC), PAGE_MAGIC_VALUE);

    model.devices[DEVICE_SLOT / 4] = 3;
    model.scrubbed = 0;
    assert_true(boot());
    assert_int_equal(model.scrubbed, 0); /* B looks at nobody */
    assert_int_equal(model.boots, 1);
    assert_int_equal(page(PAGE_SLOT), 1);
    assert_int_equal(page(PAGE_BOOT_RESULT), BOOT_GOOD);
    assert_true(said("image B is good and begins\n"));
    assert_true(said("firmware 1.0.0 runs, image B\n"));
}

static void a_bad_image_b_is_refused_and_said(void **state) {
    (void)state;
    put_good_b();
    model.update[100] ^= 1;
    assert_true(boot());
    assert_int_equal(model.boots, 0);
    assert_int_equal(page(PAGE_SLOT), 0);
    assert_int_equal(page(PAGE_BOOT_RESULT), BOOT_CRC);
    assert_int_equal(page(PAGE_STATE), MGMT_STATE_RUN);
    assert_true(said("error: image B not taken: CRC-32 wrong\n"));
    next_round();
    assert_int_equal(model.alerts, 1);
    assert_int_equal(model.alert[0].code, ALERT_FIRMWARE);
    assert_int_equal(model.alert[0].value, BOOT_CRC);
}

static void an_image_b_that_failed_is_said(void **state) {
    (void)state;
    model.registers[REG_MGMT / 4] = MGMT_FAILED;
    assert_true(boot());
    assert_int_equal(page(PAGE_BOOT_RESULT), BOOT_FAILED);
    assert_true(said("error: image B not taken: began and failed\n"));
    next_round();
    assert_int_equal(model.alert[0].code, ALERT_FIRMWARE);
    assert_int_equal(model.alert[0].value, BOOT_FAILED);
}

/* ---- self-test --------------------------------------------------------------------------------
 */

static void every_self_test_can_fail(void **state) {
    (void)state;
    static const struct {
        uint32_t reg, value; /* of the card */
        uint32_t failed;
        const char *why;
    } row[] = {
        { REG_SYMBOLS, 2, 0, "the fewest symbols" },
        { REG_SYMBOLS, 1, SELFTEST_PARAMETERS, "one fewer" },
        { REG_SYMBOLS, 65536, 0, "the most" },
        { REG_SYMBOLS, 131072, SELFTEST_PARAMETERS, "a power too many" },
        { REG_SYMBOLS, 65, SELFTEST_PARAMETERS, "no power of two" },
        { REG_ACCOUNTS, 0, SELFTEST_PARAMETERS, "none" },
        { REG_ACCOUNTS, 3, SELFTEST_PARAMETERS, "no power of two" },
        { REG_ORDERS, 1u << LIMIT_SLOT_BITS, 0, "as many as a handle has room for" },
        { REG_ORDERS, 2u << LIMIT_SLOT_BITS, SELFTEST_PARAMETERS, "more" },
        { REG_LEVELS, 64, 0, "the fewest levels" },
        { REG_LEVELS, 32, SELFTEST_PARAMETERS, "fewer" },
        { REG_LEVELS, 8192, SELFTEST_PARAMETERS, "too many" },
        { REG_DIGEST, 0, SELFTEST_ABI, "a card of other tables" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        model_begin();
        model.registers[row[i].reg / 4] = row[i].value;
        assert_true(boot());
        if (page(PAGE_SELFTEST) != row[i].failed) fail_msg("%s", row[i].why);
        assert_int_equal(page(PAGE_STATE), row[i].failed ? MGMT_STATE_DEGRADED : MGMT_STATE_RUN);
        assert_int_equal(model.devices[DEVICE_STATE / 4], page(PAGE_STATE));
        next_round();
        assert_int_equal(model.alerts, row[i].failed ? 1 : 0);
        if (row[i].failed) {
            assert_int_equal(model.alert[0].code, ALERT_SELFTEST);
            assert_int_equal(model.alert[0].value, row[i].failed);
            assert_true(said("error: self-test failed, bits "));
        }
    }
}

static void a_timer_that_is_silent_and_a_wrong_memory_degrade(void **state) {
    (void)state;
    model.timer_works = false;
    core = (struct core){ 0 };
    assert_true(core_begin(&core, SELFTEST_DATA));
    assert_int_equal(page(PAGE_SELFTEST), SELFTEST_DATA | SELFTEST_TIMER);
    assert_int_equal(page(PAGE_STATE), MGMT_STATE_DEGRADED);
    assert_true(said("error: self-test failed, bits 9\n"));
}

/* ---- health ------------------------------------------------------------------------------------
 */

static void each_limit_is_where_it_says(void **state) {
    (void)state;
    static const struct {
        uint32_t device;
        uint32_t alert;
        int32_t inside, outside; /* next to each other */
        const char *text;
    } row[] = {
        { DEVICE_TEMPERATURE, ALERT_TEMPERATURE, 8500, 8501,
          "warning: temperature 85.01 C above 85.00 C\n" },
        { DEVICE_TEMPERATURE, ALERT_TEMPERATURE, 0, -1,
          "warning: temperature -0.01 C below 0.00 C\n" },
        { DEVICE_VCCINT, ALERT_VCCINT, 876, 877, "warning: VCCINT 877 mV above 876 mV\n" },
        { DEVICE_VCCINT, ALERT_VCCINT, 825, 824, "warning: VCCINT 824 mV below 825 mV\n" },
        { DEVICE_VCCAUX, ALERT_VCCAUX, 1854, 1855, "warning: VCCAUX 1855 mV above 1854 mV\n" },
        { DEVICE_VCCAUX, ALERT_VCCAUX, 1746, 1745, "warning: VCCAUX 1745 mV below 1746 mV\n" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        model_begin();
        assert_true(boot());
        model.devices[row[i].device / 4] = (uint32_t)row[i].inside;
        next_round();
        assert_int_equal(page(PAGE_ALARMS), 0);
        assert_int_equal(model.alerts, 0);
        model.devices[row[i].device / 4] = (uint32_t)row[i].outside;
        rounds(5);
        assert_int_equal(page(PAGE_ALARMS), 1u << row[i].alert);
        assert_int_equal(model.alerts, 1); /* once, not each round */
        assert_int_equal(model.alert[0].code, row[i].alert);
        assert_int_equal(model.alert[0].value, row[i].outside);
        assert_true(said(row[i].text));
        assert_int_equal(model.gate_closings, 0);
    }
}

static void an_alarm_ends_well_inside(void **state) {
    (void)state;
    static const struct {
        uint32_t device, alert;
        int32_t outside, stands, ends;
        const char *text;
    } row[] = {
        { DEVICE_TEMPERATURE, ALERT_TEMPERATURE, 8501, 8301, 8300, "temperature 83.00 C" },
        { DEVICE_TEMPERATURE, ALERT_TEMPERATURE, -4000, 199, 200, "temperature 2.00 C" },
        { DEVICE_VCCINT, ALERT_VCCINT, 877, 872, 871, "VCCINT 871 mV" },
        { DEVICE_VCCINT, ALERT_VCCINT, 0, 829, 830, "VCCINT 830 mV" },
        { DEVICE_VCCAUX, ALERT_VCCAUX, 1855, 1850, 1849, "VCCAUX 1849 mV" },
        { DEVICE_VCCAUX, ALERT_VCCAUX, 1745, 1750, 1751, "VCCAUX 1751 mV" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        model_begin();
        assert_true(boot());
        model.devices[row[i].device / 4] = (uint32_t)row[i].outside;
        next_round();
        model.devices[row[i].device / 4] = (uint32_t)row[i].stands;
        rounds(3);
        assert_int_equal(page(PAGE_ALARMS), 1u << row[i].alert);
        assert_int_equal(model.alerts, 1);
        model.devices[row[i].device / 4] = (uint32_t)row[i].ends;
        rounds(3);
        assert_int_equal(page(PAGE_ALARMS), 0);
        assert_int_equal(page(PAGE_ALARMS_SEEN), 1u << row[i].alert);
        assert_int_equal(model.alerts, 2);
        assert_int_equal(model.alert[1].code, row[i].alert | ALERT_CLEARED);
        assert_int_equal(model.alert[1].value, row[i].ends);
        assert_true(said(row[i].text));
        assert_true(said(" within limits\n"));
    }
}

static void too_hot_closes_the_gate_once(void **state) {
    (void)state;
    model.devices[DEVICE_TEMPERATURE / 4] = TEMPERATURE_CRITICAL;
    rounds(3);
    assert_int_equal(model.gate_closings, 0);
    model.devices[DEVICE_TEMPERATURE / 4] = TEMPERATURE_CRITICAL + 1;
    rounds(5);
    assert_int_equal(model.gate_closings, 1);
    assert_int_equal(page(PAGE_ALARMS), 1u << ALERT_CRITICAL | 1u << ALERT_TEMPERATURE);
    assert_true(said("error: temperature 95.01 C, gate closed: above 95.00 C\n"));
    assert_int_equal(model.alert[1].code, ALERT_CRITICAL);
    assert_int_equal(model.alert[1].value, TEMPERATURE_CRITICAL + 1);
    model.devices[DEVICE_TEMPERATURE / 4] = TEMPERATURE_CRITICAL - TEMPERATURE_HYSTERESIS + 1;
    rounds(2);
    model.devices[DEVICE_TEMPERATURE / 4] = TEMPERATURE_CRITICAL + 100;
    rounds(2);
    assert_int_equal(model.gate_closings, 1); /* the same heat */
    model.devices[DEVICE_TEMPERATURE / 4] = TEMPERATURE_CRITICAL - TEMPERATURE_HYSTERESIS;
    rounds(2);
    assert_int_equal(page(PAGE_ALARMS), 1u << ALERT_TEMPERATURE);
    assert_int_equal(model.alert[2].code, ALERT_CRITICAL | ALERT_CLEARED);
    model.devices[DEVICE_TEMPERATURE / 4] = TEMPERATURE_CRITICAL + 1;
    rounds(2);
    assert_int_equal(model.gate_closings, 2);
}

static void too_hot_in_replay_mode_closes_the_gate_once_live(void **state) {
    (void)state;
    model.registers[REG_STATUS / 4] = STATUS_INIT_DONE;
    model.devices[DEVICE_TEMPERATURE / 4] = TEMPERATURE_CRITICAL + 1;
    rounds(3);
    assert_int_equal(model.gate_closings, 0); /* the hardware would not take it */
    assert_int_equal(page(PAGE_ALARMS), 1u << ALERT_TEMPERATURE);
    model.registers[REG_STATUS / 4] |= STATUS_LIVE;
    rounds(3);
    assert_int_equal(model.gate_closings, 1);
    assert_int_equal(page(PAGE_ALARMS), 1u << ALERT_CRITICAL | 1u << ALERT_TEMPERATURE);
}

static void extremes_are_kept(void **state) {
    (void)state;
    static const int32_t readings[] = { 4500, 3000, 5000, -200, 9000, 4000 };
    for (size_t i = 0; i < sizeof readings / sizeof *readings; i++) {
        model.devices[DEVICE_TEMPERATURE / 4] = (uint32_t)readings[i];
        model.devices[DEVICE_VCCINT / 4] = (uint32_t)(850 + (int32_t)i);
        model.devices[DEVICE_VCCAUX / 4] = (uint32_t)(1800 - (int32_t)i);
        next_round();
    }
    assert_int_equal((int32_t)page(PAGE_TEMPERATURE), 4000);
    assert_int_equal((int32_t)page(PAGE_TEMPERATURE_MIN), -200);
    assert_int_equal((int32_t)page(PAGE_TEMPERATURE_MAX), 9000);
    assert_int_equal(page(PAGE_VCCINT), 855);
    assert_int_equal(page(PAGE_VCCINT_MIN), 850);
    assert_int_equal(page(PAGE_VCCINT_MAX), 855);
    assert_int_equal(page(PAGE_VCCAUX_MIN), 1795);
    assert_int_equal(page(PAGE_VCCAUX_MAX), 1800);
}

static void a_link_that_changes_is_an_alarm_until_it_is_back(void **state) {
    (void)state;
    model.devices[DEVICE_LINK / 4] = 0x431;
    rounds(2);
    assert_int_equal(page(PAGE_LINK), 0x431);
    assert_int_equal(page(PAGE_ALARMS), 1u << ALERT_LINK);
    assert_int_equal(model.alert[0].code, ALERT_LINK);
    assert_int_equal(model.alert[0].value, 0x431);
    assert_true(said("warning: link 0x00000431 was 0x00000831\n"));
    model.devices[DEVICE_LINK / 4] = 0x831;
    rounds(2);
    assert_int_equal(page(PAGE_ALARMS), 0);
    assert_int_equal(model.alert[1].code, ALERT_LINK | ALERT_CLEARED);
}

static void rounds_come_with_the_timer_and_feed_the_watchdog(void **state) {
    (void)state;
    uint32_t fed = model.watchdogs;
    model.clocks = model.devices[DEVICE_COMPARE / 4] - 1;
    core_step(&core);
    assert_int_equal(page(PAGE_ROUNDS), 0);
    model.clocks++;
    core_step(&core);
    assert_int_equal(page(PAGE_ROUNDS), 1);
    assert_int_equal(model.watchdogs, fed + 1);
    assert_int_equal(model.devices[DEVICE_COMPARE / 4], model.clocks + HEALTH_CLOCKS);
    core_step(&core);
    assert_int_equal(page(PAGE_ROUNDS), 1);
}

static void uptime_goes_on_past_the_end_of_the_clocks(void **state) {
    (void)state;
    /* 18 s in which CLOCKS, 32 bits of 4 ns, wraps once. */
    enum { ROUNDS = 180000 };
    rounds(ROUNDS);
    assert_int_equal(page(PAGE_ROUNDS), ROUNDS);
    assert_in_range(page(PAGE_UPTIME_MS), ROUNDS / 10, ROUNDS / 10 + 1);
    /* A slower clock counts as what it is from then on; an impossible one as the last. */
    uint32_t before = page(PAGE_UPTIME_MS);
    model.registers[REG_CLOCK_NS / 4] = 8;
    rounds(1000);
    assert_in_range(page(PAGE_UPTIME_MS) - before, 199, 201);
    before = page(PAGE_UPTIME_MS);
    model.registers[REG_CLOCK_NS / 4] = 0;
    rounds(1000);
    assert_in_range(page(PAGE_UPTIME_MS) - before, 199, 201);
}

/* ---- alerts that nobody takes ------------------------------------------------------------------
 */

static void what_cannot_be_said_is_kept(void **state) {
    (void)state;
    model.replay = true;
    model.devices[DEVICE_VCCINT / 4] = 900;
    next_round(); /* handed over, and not taken */
    model.devices[DEVICE_VCCINT / 4] = 850;
    model.devices[DEVICE_VCCAUX / 4] = 1900;
    rounds(3);
    model.devices[DEVICE_VCCAUX / 4] = 1800; /* raised and cleared in between */
    model.devices[DEVICE_TEMPERATURE / 4] = 9600;
    rounds(3);
    model.devices[DEVICE_TEMPERATURE / 4] = 9000; /* raised, cleared */
    rounds(3);
    model.devices[DEVICE_TEMPERATURE / 4] = 9700; /* and raised again */
    rounds(100);
    assert_int_equal(model.alerts, 1);
    assert_int_equal(model.alert[0].code, ALERT_VCCINT);
    assert_int_equal(model.gate_closings, 2); /* the gate waits for nobody */
    assert_int_equal(page(PAGE_ALARMS), 1u << ALERT_CRITICAL | 1u << ALERT_TEMPERATURE);

    model.replay = false;
    model.devices[DEVICE_ALERT / 4] = 0; /* LIVE */
    rounds(20);
    static const struct {
        uint32_t code;
        int32_t value;
    } expected[] = {
        { ALERT_VCCINT, 900 },
        { ALERT_CRITICAL, 9700 },
        { ALERT_VCCAUX, 1900 },
        { ALERT_VCCAUX | ALERT_CLEARED, 1800 },
        { ALERT_VCCINT | ALERT_CLEARED, 850 },
        { ALERT_TEMPERATURE, 9600 },
    };
    assert_int_equal(model.alerts, sizeof expected / sizeof *expected);
    for (size_t i = 0; i < model.alerts; i++) {
        assert_int_equal(model.alert[i].code, expected[i].code);
        assert_int_equal(model.alert[i].value, expected[i].value);
    }
}

/* However alarms come and go and however seldom the card takes an alert: in the end the host knows
   what stands, hears of a code nothing twice in a row but a raise, and of every code that stood. */
static void the_host_knows_in_the_end(void **state) {
    (void)state;
    struct random random = random_seeded(model_seed());
    for (int i = 0; i < 2000; i++) {
        model_begin();
        struct alerts alerts = { 0 };
        uint32_t known = 0, heard = 0, raised = 0;
        for (int step = 0; step < 60; step++) {
            uint32_t code = 1 + (uint32_t)random_below(&random, ALERTS_END - 1);
            if (random_below(&random, 2)) {
                alerts_raise(&alerts, code, step);
                raised |= 1u << code;
            } else {
                alerts_clear(&alerts, code, step);
            }
            model.devices[DEVICE_ALERT / 4] = random_below(&random, 4) != 0;
            if (step >= 40) model.devices[DEVICE_ALERT / 4] = 0;
            uint32_t before = model.alerts;
            for (int again = 0; again < (step == 59 ? 20 : 1); again++) alerts_step(&alerts);
            for (; before < model.alerts; before++) {
                uint32_t bit = 1u << (model.alert[before].code & 0x7f);
                if (model.alert[before].code & ALERT_CLEARED) {
                    assert_true(known & bit);
                    known &= ~bit;
                } else {
                    known |= bit;
                }
                heard |= bit;
            }
            model.alerts = 0;
        }
        assert_int_equal(known, alerts.standing);
        assert_int_equal(heard, raised);
        assert_int_equal(page(PAGE_ALARMS), alerts.standing);
        assert_int_equal(page(PAGE_ALARMS_SEEN), raised);
    }
}

/* ---- scrub -------------------------------------------------------------------------------------
 */

static void the_scrub_reads_every_word(void **state) {
    (void)state;
    enum { WORDS = (REGION_IMAGE_BYTES + REGION_UPDATE_BYTES + REGION_DATA_BYTES) / 4 };
    model.scrubbed = 0;
    rounds(WORDS / SCRUB_WORDS - 1);
    assert_int_equal(page(PAGE_SCRUB_ROUNDS), 0);
    next_round();
    assert_int_equal(page(PAGE_SCRUB_ROUNDS), 1);
    assert_int_equal(model.scrubbed, WORDS);
    rounds(3 * WORDS / SCRUB_WORDS);
    assert_int_equal(page(PAGE_SCRUB_ROUNDS), 4);
}

static void corrected_words_are_said_above_a_number(void **state) {
    (void)state;
    enum {
        PASS = (REGION_IMAGE_BYTES + REGION_UPDATE_BYTES + REGION_DATA_BYTES) / 4 / SCRUB_WORDS
    };
    model.devices[DEVICE_CORRECTED / 4] = UINT32_MAX - 1; /* it wraps on the way */
    assert_true(boot());
    model.devices[DEVICE_CORRECTED / 4] += CORRECTED_MAX;
    next_round();
    assert_int_equal(page(PAGE_SCRUB_CORRECTED), model.devices[DEVICE_CORRECTED / 4]);
    assert_int_equal(model.alerts, 0);
    model.devices[DEVICE_CORRECTED / 4] += 1;
    rounds(3);
    assert_int_equal(model.alerts, 1);
    assert_int_equal(model.alert[0].code, ALERT_MEMORY);
    assert_int_equal(model.alert[0].value, CORRECTED_MAX + 1);
    assert_true(said("warning: memory words put right: 5\n"));
    model.devices[DEVICE_CORRECTED / 4] += CORRECTED_MAX + 2;
    next_round();
    assert_int_equal(model.alerts, 2); /* it stands, and is said again */
    assert_int_equal(model.alert[1].value, CORRECTED_MAX + 2);
    rounds(PASS); /* ends the pass in which it was */
    assert_int_equal(page(PAGE_ALARMS), 1u << ALERT_MEMORY);
    rounds(PASS);
    assert_int_equal(page(PAGE_ALARMS), 0);
    assert_int_equal(model.alert[2].code, ALERT_MEMORY | ALERT_CLEARED);
}

/* ---- log ---------------------------------------------------------------------------------------
 */

static void the_log_wraps(void **state) {
    (void)state;
    static char all[200000];
    size_t used = strlen(model_log());
    memcpy(all, model_log(), used);
    struct random random = random_seeded(model_seed());
    for (uint32_t i = 0; i < 2000; i++) {
        char text[80];
        size_t length = random_below(&random, 40);
        memset(text, 'a' + (int)(i % 26), length);
        text[length] = '\0';
        log_numbered(LOG_LEVEL_ERROR, text, i);
        used +=
            (size_t)snprintf(all + used, sizeof all - used, "[      0 ms] error: %s%u\n", text, i);
        assert_int_equal(page(PAGE_LOG_WRITTEN), used);
        const char *tail = used > PAGE_LOG_BYTES ? all + used - PAGE_LOG_BYTES : all;
        assert_string_equal(model_log(), tail);
    }
}

static void lines_say_numbers_as_people_do(void **state) {
    (void)state;
    struct line line;
    model.page[PAGE_UPTIME_MS / 4] = 123;
    line_begin(&line, LOG_LEVEL_WARNING);
    line_hundredths(line_text(&line, "temperature "), 9250);
    line_end(line_text(&line, " C"));
    assert_true(said("[    123 ms] warning: temperature 92.50 C\n"));

    static const struct {
        int32_t value;
        const char *hundredths, *whole;
    } row[] = {
        { 0, "0.00", "0" },
        { 5, "0.05", "5" },
        { -5, "-0.05", "-5" },
        { 100, "1.00", "100" },
        { -100, "-1.00", "-100" },
        { 99999, "999.99", "99999" },
        { INT32_MAX, "21474836.47", "2147483647" },
        { INT32_MIN, "-21474836.48", "-2147483648" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "debug: %s %s\n", row[i].hundredths, row[i].whole);
        model.page[PAGE_LOG_LEVEL / 4] = LOG_LEVEL_DEBUG;
        line_begin(&line, LOG_LEVEL_DEBUG);
        line_end(line_signed(line_text(line_hundredths(&line, row[i].value), " "), row[i].value));
        if (!said(text)) fail_msg("%s", model_log());
    }

    /* A day's uptime takes the room it needs; the largest number too. */
    model.page[PAGE_UPTIME_MS / 4] = UINT32_MAX;
    log_text(LOG_LEVEL_ERROR, "x");
    assert_true(said("[4294967295 ms] error: x\n"));
}

static void a_line_too_long_keeps_its_newline(void **state) {
    (void)state;
    char text[300];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    uint32_t before = page(PAGE_LOG_WRITTEN);
    log_text(LOG_LEVEL_ERROR, text);
    struct line line;
    assert_int_equal(page(PAGE_LOG_WRITTEN) - before, sizeof line.text);
    assert_int_equal(model_log()[page(PAGE_LOG_WRITTEN) - 1], '\n');
}

static void the_log_outlives_a_boot(void **state) {
    (void)state;
    core_trap(5, 0x1234, 0x60000000);
    assert_true(boot());
    assert_true(said("error: trap: cause 0x00000005 at 0x00001234 value 0x60000000\n"));
    assert_true(said("runs, image A\n"));
    /* Also one that was broken off before the page was filled. */
    model.page[PAGE_MAGIC / 4] = ~(uint32_t)PAGE_MAGIC_VALUE;
    assert_true(boot());
    assert_true(said("error: trap: cause"));
    model.page[PAGE_MAGIC / 4] = 0; /* power-up */
    assert_true(boot());
    assert_false(said("error: trap: cause"));
}

/* ---- commands ----------------------------------------------------------------------------------
 */

static uint32_t command(uint32_t word) {
    uint32_t before = model.replies;
    model.devices[DEVICE_MAILBOX / 4] = word;
    model.devices[DEVICE_MAILBOX_FULL / 4] = 1;
    core_step(&core);
    assert_int_equal(model.replies, before + 1);
    return model.reply;
}

static void commands_are_answered(void **state) {
    (void)state;
    assert_int_equal(command(MAILBOX_VERSION), FIRMWARE_VERSION);
    assert_int_equal(command(MAILBOX_STATE), MGMT_STATE_RUN);
    assert_int_equal(command(MAILBOX_LOG_LEVEL | LOG_LEVEL_ERROR << 8), LOG_LEVEL_INFO);
    assert_int_equal(command(MAILBOX_LOG_LEVEL | LOG_LEVEL_DEBUG << 8), LOG_LEVEL_ERROR);
    assert_int_equal(command(MAILBOX_LOG_LEVEL | (LOG_LEVEL_DEBUG + 1) << 8), MAILBOX_UNKNOWN);
    assert_int_equal(page(PAGE_LOG_LEVEL), LOG_LEVEL_DEBUG);
    assert_int_equal(command(0), MAILBOX_UNKNOWN);
    assert_int_equal(command(MAILBOX_REBOOT + 1), MAILBOX_UNKNOWN);
    assert_int_equal(command(0xff), MAILBOX_UNKNOWN);
    assert_true(said("warning: unknown command 255\n"));
    assert_int_equal(model.boots, 0);
    assert_int_equal(page(PAGE_ROUNDS), 0); /* a command is no round */
    assert_int_equal(command(MAILBOX_REBOOT), 0);
    assert_int_equal(model.boots, 1);
    assert_int_equal(model.boot_to, BOOT_TO_SAME);
}

static void a_level_leaves_out_what_is_less(void **state) {
    (void)state;
    assert_int_equal(command(MAILBOX_LOG_LEVEL | LOG_LEVEL_ERROR << 8), LOG_LEVEL_INFO);
    uint32_t before = page(PAGE_LOG_WRITTEN);
    log_text(LOG_LEVEL_WARNING, "quiet");
    assert_int_equal(page(PAGE_LOG_WRITTEN), before);
    log_text(LOG_LEVEL_ERROR, "loud");
    assert_true(said("loud\n"));
}

static void the_self_test_can_be_asked_for_again(void **state) {
    (void)state;
    assert_int_equal(command(MAILBOX_SELFTEST), 0);
    model.registers[REG_LEVELS / 4] = 100;
    model.timer_works = false;
    assert_int_equal(command(MAILBOX_SELFTEST), SELFTEST_PARAMETERS | SELFTEST_TIMER);
    assert_int_equal(command(MAILBOX_STATE), MGMT_STATE_DEGRADED);
    assert_int_equal(page(PAGE_SELFTEST), SELFTEST_PARAMETERS | SELFTEST_TIMER);
    next_round();
    assert_int_equal(model.alert[0].code, ALERT_SELFTEST);
    model.registers[REG_LEVELS / 4] = 64;
    model.timer_works = true;
    assert_int_equal(command(MAILBOX_SELFTEST), 0);
    assert_int_equal(command(MAILBOX_STATE), MGMT_STATE_RUN);
    uint32_t before = page(PAGE_ROUNDS); /* the timer is the rounds' again */
    next_round();
    assert_int_equal(page(PAGE_ROUNDS), before + 1);
    assert_int_equal(model.alert[1].code, ALERT_SELFTEST | ALERT_CLEARED);
}

static void a_trap_begins_the_image_that_works(void **state) {
    (void)state;
    core_trap(2, 0x194c, 0);
    assert_int_equal(model.boot_to, BOOT_TO_SAME);
    assert_true(said("error: trap: cause 0x00000002 at 0x0000194c value 0x00000000\n"));
    model.devices[DEVICE_SLOT / 4] = 3;
    core_trap(2, 0x194c, 0);
    assert_int_equal(model.boot_to, BOOT_TO_A);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(image_a_runs_when_there_is_no_other, fresh),
        cmocka_unit_test_setup(a_good_image_b_is_begun, fresh),
        cmocka_unit_test_setup(a_bad_image_b_is_refused_and_said, fresh),
        cmocka_unit_test_setup(an_image_b_that_failed_is_said, fresh),
        cmocka_unit_test_setup(every_self_test_can_fail, fresh),
        cmocka_unit_test_setup(a_timer_that_is_silent_and_a_wrong_memory_degrade, fresh),
        cmocka_unit_test_setup(each_limit_is_where_it_says, fresh),
        cmocka_unit_test_setup(an_alarm_ends_well_inside, fresh),
        cmocka_unit_test_setup(too_hot_closes_the_gate_once, running),
        cmocka_unit_test_setup(too_hot_in_replay_mode_closes_the_gate_once_live, running),
        cmocka_unit_test_setup(extremes_are_kept, running),
        cmocka_unit_test_setup(a_link_that_changes_is_an_alarm_until_it_is_back, running),
        cmocka_unit_test_setup(rounds_come_with_the_timer_and_feed_the_watchdog, running),
        cmocka_unit_test_setup(uptime_goes_on_past_the_end_of_the_clocks, running),
        cmocka_unit_test_setup(what_cannot_be_said_is_kept, running),
        cmocka_unit_test_setup(the_host_knows_in_the_end, fresh),
        cmocka_unit_test_setup(the_scrub_reads_every_word, running),
        cmocka_unit_test_setup(corrected_words_are_said_above_a_number, fresh),
        cmocka_unit_test_setup(the_log_wraps, running),
        cmocka_unit_test_setup(lines_say_numbers_as_people_do, running),
        cmocka_unit_test_setup(a_line_too_long_keeps_its_newline, running),
        cmocka_unit_test_setup(the_log_outlives_a_boot, running),
        cmocka_unit_test_setup(commands_are_answered, running),
        cmocka_unit_test_setup(a_level_leaves_out_what_is_less, running),
        cmocka_unit_test_setup(the_self_test_can_be_asked_for_again, running),
        cmocka_unit_test_setup(a_trap_begins_the_image_that_works, running),
    };
    return cmocka_run_group_tests_name("firmware_core", tests, NULL, NULL);
}
