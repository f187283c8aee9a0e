/* test_mgmt: rtl/mgmt/mgmt.v with the real firmware in it: how it begins, what it shows and says,
 * how it is given another image, and what it does when that image or a memory is bad. */
#define BENCH_PORTS "tests/rtl/mgmt.def"
#include "driver/abi/abi.h"
#include "driver/abi/mgmt.h"
#include "tests/rtl/bench.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
    BEGIN_CLOCKS_MAX = 400000,   /* until a page is there; the march over the data memory is most */
    CHECK_CLOCKS_MAX = 16000000, /* and image B is looked at */
    SILENT_CLOCKS_MAX = 20000000, /* and the watchdog, 2^23 in this bench, has run out */
    ROUND_CLOCKS = 30000,         /* a round of health and a little more */
    ALERTS_MAX = 64,
    LINK = 16 << 8 | 3 << 4 | 1,
};

struct image {
    uint32_t words[REGION_IMAGE_BYTES / 4];
    uint32_t count;
};

struct fixture {
    struct bench *bench;
    struct ports ports;
    uint64_t clock, corrected, closings;
    bool replay; /* no alert is taken */
    struct {
        uint8_t code;
        int32_t value;
    } alerts[ALERTS_MAX];
    unsigned alert_count;
};

/* What the core sees of the card's registers. */
static uint32_t card_register(uint32_t reg, bool replay) {
    switch (reg) {
    case REG_DIGEST:
        return abi_digest();
    case REG_SYMBOLS:
        return 4;
    case REG_ACCOUNTS:
        return 8;
    case REG_ORDERS:
    case REG_LEVELS:
        return 64;
    case REG_STATUS:
        return replay ? STATUS_INIT_DONE : STATUS_INIT_DONE | STATUS_LIVE;
    case REG_CLOCK_NS:
        return 4;
    default:
        return 0;
    }
}

static void step(struct fixture *fixture) {
    struct ports *ports = &fixture->ports;
    bench_settle(fixture->bench, ports);
    /* The registers answer in the next clock or later, as when the host reads them too. */
    const uint32_t reg = 4u * ports->card_index_o;
    ports->card_data_i = reg == REG_MGMT ? ports->status_o : card_register(reg, fixture->replay);
    ports->card_ready_i = ports->card_valid_o && fixture->clock % 3 == 0;
    ports->alerted_i = ports->alert_o && !fixture->replay;
    if (ports->alerted_i) {
        assert_true(fixture->alert_count < ALERTS_MAX);
        fixture->alerts[fixture->alert_count].code = ports->alert_code_o;
        fixture->alerts[fixture->alert_count++].value = (int32_t)ports->alert_value_o;
    }
    bench_clock(fixture->bench, ports);
    fixture->clock++;
    fixture->corrected += ports->corrected_o;
    fixture->closings += ports->gate_o;
}

static void steps(struct fixture *fixture, uint64_t clocks) {
    while (clocks-- > 0) step(fixture);
}

static uint32_t page(struct fixture *fixture, uint32_t offset) {
    fixture->ports.page_index_i = (uint16_t)(offset / 4);
    step(fixture);
    return fixture->ports.page_data_o;
}

static uint32_t status(const struct fixture *fixture, int mask) {
    const uint32_t field = (uint32_t)mask;
    return (fixture->ports.status_o & field) / (field & ~(field - 1));
}

static void control(struct fixture *fixture, uint32_t bits) {
    fixture->ports.control_i = 1;
    fixture->ports.control_data_i = bits;
    step(fixture);
    fixture->ports.control_i = 0;
    steps(fixture, 2);
}

/* Until the core says RUN or DEGRADED; the clocks it took, 0 when it did not within clocks_max. */
static uint64_t until_run(struct fixture *fixture, uint64_t clocks_max) {
    for (uint64_t clocks = 1; clocks <= clocks_max; clocks++) {
        step(fixture);
        if (status(fixture, MGMT_STATE) >= MGMT_STATE_RUN) return clocks;
    }
    return 0;
}

static uint32_t ask(struct fixture *fixture, uint32_t command, uint32_t argument) {
    fixture->ports.mailbox_i = 1;
    fixture->ports.mailbox_data_i = argument << 8 | command;
    step(fixture);
    fixture->ports.mailbox_i = 0;
    for (int wait = 0; wait < 100000; wait++) {
        step(fixture);
        if (!status(fixture, MGMT_FULL)) return fixture->ports.mailbox_reply_o;
    }
    fail_msg("the mailbox is not answered");
    return 0;
}

/* Whether the log holds the text; it has not wrapped. */
static bool logged(struct fixture *fixture, const char *text) {
    char log[PAGE_LOG_BYTES + 1];
    uint32_t written = page(fixture, PAGE_LOG_WRITTEN);
    assert_true(written < PAGE_LOG_BYTES);
    for (uint32_t at = 0; at < PAGE_LOG_BYTES; at += 4) {
        uint32_t word = page(fixture, PAGE_LOG + at);
        memcpy(log + at, &word, sizeof word);
    }
    log[written] = 0;
    return strstr(log, text) != NULL;
}

static struct image image_read(const char *path) {
    static struct image image;
    FILE *file = fopen(path, "re");
    if (file == NULL) fail_msg("%s is not there; `make firmware` builds it", path);
    image.count = (uint32_t)fread(image.words, 4, sizeof image.words / 4, file);
    (void)fclose(file);
    assert_true(image.count > IMAGE_HEADER_BYTES / 4);
    assert_int_equal(image.words[IMAGE_BYTES / 4], image.count * 4);
    return image;
}

static void load(struct fixture *fixture, const struct image *image, uint32_t words) {
    struct ports *ports = &fixture->ports;
    control(fixture, MGMT_CONTROL_OPEN);
    assert_int_equal(status(fixture, MGMT_OPEN), 1);
    for (uint32_t i = 0; i < words; i++) {
        ports->load_i = 1;
        ports->load_index_i = (uint16_t)i;
        ports->load_data_i = image->words[i];
        step(fixture);
    }
    ports->load_i = 0;
    control(fixture, MGMT_CONTROL_CLOSE);
    assert_int_equal(status(fixture, MGMT_OPEN), 0);
}

static unsigned alerted(const struct fixture *fixture, uint8_t code) {
    unsigned count = 0;
    for (unsigned i = 0; i < fixture->alert_count; i++) count += fixture->alerts[i].code == code;
    return count;
}

static int setup(void **state) {
    static struct fixture fixture;
    fixture = (struct fixture){ .bench = bench_new(bench_seed()) };
    fixture.ports.temperature_i = 4500;
    fixture.ports.vccint_i = 850;
    fixture.ports.vccaux_i = 1800;
    fixture.ports.link_i = LINK;
    fixture.ports.rst = 1;
    steps(&fixture, 4);
    fixture.ports.rst = 0;
    *state = &fixture;
    return until_run(&fixture, BEGIN_CLOCKS_MAX) == 0;
}

static int teardown(void **state) {
    bench_delete(((struct fixture *)*state)->bench);
    return 0;
}

static void it_begins_and_shows_what_it_measures(void **state) {
    struct fixture *fixture = *state;
    steps(fixture, 3 * ROUND_CLOCKS);
    assert_int_equal(status(fixture, MGMT_STATE), MGMT_STATE_RUN);
    assert_int_equal(status(fixture, MGMT_BOOTS), 1);
    assert_int_equal(page(fixture, PAGE_MAGIC), PAGE_MAGIC_VALUE);
    assert_int_equal(page(fixture, PAGE_ABI_DIGEST), abi_digest());
    assert_int_equal(page(fixture, PAGE_SELFTEST), 0);
    assert_int_equal(page(fixture, PAGE_BOOT_RESULT), BOOT_NONE);
    assert_int_equal(page(fixture, PAGE_TEMPERATURE), 4500);
    assert_int_equal(page(fixture, PAGE_VCCINT), 850);
    assert_int_equal(page(fixture, PAGE_VCCAUX), 1800);
    assert_int_equal(page(fixture, PAGE_LINK), LINK);
    assert_in_range(page(fixture, PAGE_ROUNDS), 2, 5);
    assert_true(logged(fixture, "runs, image A"));
    assert_int_equal(fixture->alert_count, 0);
    assert_int_equal(fixture->corrected, 0); /* the image's check bits are what the RTL makes */
}

/* Every limit one below and one above. The first value is within, the second outside. */
static void a_reading_out_of_range_is_an_alert(void **state) {
    struct fixture *fixture = *state;
    struct ports *ports = &fixture->ports;
    const struct {
        uint16_t *input;
        uint16_t within, outside, well;
        uint8_t alert;
    } row[] = {
        { &ports->temperature_i, 8500, 8501, 4500, ALERT_TEMPERATURE },
        { &ports->temperature_i, 0, 0xffff, 4500, ALERT_TEMPERATURE },
        { &ports->vccint_i, 876, 877, 850, ALERT_VCCINT },
        { &ports->vccint_i, 825, 824, 850, ALERT_VCCINT },
        { &ports->vccaux_i, 1854, 1855, 1800, ALERT_VCCAUX },
        { &ports->vccaux_i, 1746, 1745, 1800, ALERT_VCCAUX },
        { &ports->link_i, LINK, LINK & ~1, LINK, ALERT_LINK },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        fixture->alert_count = 0;
        *row[i].input = row[i].within;
        steps(fixture, 2 * ROUND_CLOCKS);
        assert_int_equal(fixture->alert_count, 0);
        assert_int_equal(page(fixture, PAGE_ALARMS), 0);
        *row[i].input = row[i].outside;
        steps(fixture, 2 * ROUND_CLOCKS);
        assert_int_equal(fixture->alert_count, 1);
        assert_int_equal(fixture->alerts[0].code, row[i].alert);
        assert_int_equal(page(fixture, PAGE_ALARMS), 1u << row[i].alert);
        *row[i].input = row[i].well;
        steps(fixture, 2 * ROUND_CLOCKS);
        assert_int_equal(fixture->alert_count, 2);
        assert_int_equal(fixture->alerts[1].code, row[i].alert | ALERT_CLEARED);
        assert_int_equal(page(fixture, PAGE_ALARMS), 0);
    }
    assert_int_equal(fixture->closings, 0);
    assert_int_equal((int32_t)page(fixture, PAGE_TEMPERATURE_MIN), -1);
    assert_int_equal(page(fixture, PAGE_TEMPERATURE_MAX), 8501);
}

static void a_die_that_burns_closes_the_gate(void **state) {
    struct fixture *fixture = *state;
    fixture->ports.temperature_i = 9500;
    steps(fixture, 2 * ROUND_CLOCKS);
    assert_int_equal(fixture->closings, 0);
    fixture->ports.temperature_i = 9501;
    steps(fixture, 2 * ROUND_CLOCKS);
    assert_int_equal(fixture->closings, 1);
    assert_int_equal(alerted(fixture, ALERT_CRITICAL), 1);
}

/* While what was said is said again there is no gate to close. */
static void a_die_that_burns_while_replaying_closes_the_gate_of_the_live_card(void **state) {
    struct fixture *fixture = *state;
    fixture->replay = true;
    fixture->ports.temperature_i = 9501;
    steps(fixture, 2 * ROUND_CLOCKS);
    assert_int_equal(fixture->closings, 0);
    assert_int_equal(page(fixture, PAGE_ALARMS), 1u << ALERT_TEMPERATURE);
    fixture->replay = false;
    steps(fixture, 3 * ROUND_CLOCKS);
    assert_int_equal(fixture->closings, 1);
    assert_int_equal(alerted(fixture, ALERT_CRITICAL), 1);
}

static void an_alert_waits_until_it_is_taken(void **state) {
    struct fixture *fixture = *state;
    fixture->replay = true;
    fixture->ports.temperature_i = 9000;
    steps(fixture, 2 * ROUND_CLOCKS);
    fixture->ports.vccint_i = 900;
    steps(fixture, 2 * ROUND_CLOCKS);
    assert_int_equal(fixture->alert_count, 0);
    fixture->replay = false;
    steps(fixture, 3 * ROUND_CLOCKS);
    assert_int_equal(alerted(fixture, ALERT_TEMPERATURE), 1);
    assert_int_equal(alerted(fixture, ALERT_VCCINT), 1);
}

static void the_mailbox_is_answered(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(ask(fixture, MAILBOX_VERSION, 0), page(fixture, PAGE_VERSION));
    assert_int_equal(ask(fixture, MAILBOX_STATE, 0), MGMT_STATE_RUN);
    assert_int_equal(ask(fixture, MAILBOX_LOG_LEVEL, LOG_LEVEL_DEBUG), LOG_LEVEL_INFO);
    assert_int_equal(ask(fixture, MAILBOX_LOG_LEVEL, LOG_LEVEL_DEBUG + 1), MAILBOX_UNKNOWN);
    assert_int_equal(page(fixture, PAGE_LOG_LEVEL), LOG_LEVEL_DEBUG);
    assert_int_equal(ask(fixture, MAILBOX_SELFTEST, 0), 0);
    assert_int_equal(ask(fixture, 77, 0), MAILBOX_UNKNOWN);
    assert_int_equal(ask(fixture, MAILBOX_REBOOT, 0), 0);
    while (status(fixture, MGMT_STATE) != MGMT_STATE_RESET) step(fixture);
    assert_true(until_run(fixture, BEGIN_CLOCKS_MAX) != 0);
    assert_int_equal(status(fixture, MGMT_BOOTS), 2);
}

static void a_good_image_runs(void **state) {
    struct fixture *fixture = *state;
    struct image image = image_read("build/firmware/wirepit-firmware.image");
    load(fixture, &image, image.count);
    uint64_t clocks = until_run(fixture, CHECK_CLOCKS_MAX);
    printf("image B of %u bytes runs %llu clocks after its load\n", image.count * 4,
           (unsigned long long)clocks);
    assert_true(clocks != 0);
    assert_int_equal(status(fixture, MGMT_SLOT), 1);
    assert_int_equal(page(fixture, PAGE_SLOT), 1);
    assert_int_equal(page(fixture, PAGE_BOOT_RESULT), BOOT_GOOD);
    assert_true(logged(fixture, "runs, image B"));

    /* A reset of the card begins A, which takes B again. */
    fixture->ports.restart_i = 1;
    step(fixture);
    fixture->ports.restart_i = 0;
    steps(fixture, 4);
    assert_int_equal(status(fixture, MGMT_SLOT), 0);
    assert_true(until_run(fixture, CHECK_CLOCKS_MAX) != 0);
    assert_int_equal(status(fixture, MGMT_SLOT), 1);
    assert_int_equal(fixture->alert_count, 0);
}

static void an_image_that_is_not_whole_is_left_alone(void **state) {
    struct fixture *fixture = *state;
    const struct image image = image_read("build/firmware/wirepit-firmware.image");
    static const struct {
        const char *what;
        uint32_t at, flip;
        uint32_t boot;
    } row[] = {
        { "its magic", IMAGE_MAGIC, 1, BOOT_MAGIC },
        { "its length", IMAGE_BYTES, 1u << 20, BOOT_LENGTH },
        { "its tables", IMAGE_ABI_DIGEST, 1, BOOT_ABI },
        { "its CRC", IMAGE_CRC32, 1, BOOT_CRC },
        { "its code", 0x400, 1u << 7, BOOT_CRC },
        { "its digest", IMAGE_SHA256 + 16, 1u << 31, BOOT_DIGEST },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct image bad = image;
        bad.words[row[i].at / 4] ^= row[i].flip;
        fixture->alert_count = 0;
        load(fixture, &bad, bad.count);
        assert_true(until_run(fixture, CHECK_CLOCKS_MAX) != 0);
        steps(fixture, ROUND_CLOCKS);
        if (page(fixture, PAGE_BOOT_RESULT) != row[i].boot)
            fail_msg("%s: BOOT_RESULT is %u", row[i].what, page(fixture, PAGE_BOOT_RESULT));
        assert_int_equal(status(fixture, MGMT_SLOT), 0);
        assert_int_equal(status(fixture, MGMT_STATE), MGMT_STATE_RUN);
        assert_int_equal(alerted(fixture, ALERT_FIRMWARE), 1);
        assert_int_equal(fixture->alerts[0].value, (int32_t)row[i].boot);
    }
}

static void a_load_that_breaks_off_leaves_image_a(void **state) {
    struct fixture *fixture = *state;
    struct image image = image_read("build/firmware/wirepit-firmware.image");
    load(fixture, &image, image.count / 2);
    assert_true(until_run(fixture, CHECK_CLOCKS_MAX) != 0);
    assert_int_equal(status(fixture, MGMT_SLOT), 0);
    assert_int_equal(page(fixture, PAGE_BOOT_RESULT), BOOT_CRC);

    /* The host dies with the window open: A runs, and B is not tried. */
    control(fixture, MGMT_CONTROL_OPEN);
    assert_true(until_run(fixture, BEGIN_CLOCKS_MAX) != 0);
    assert_int_equal(status(fixture, MGMT_LOADED), 0);
    assert_int_equal(page(fixture, PAGE_BOOT_RESULT), BOOT_NONE);

    load(fixture, &image, image.count);
    assert_true(until_run(fixture, CHECK_CLOCKS_MAX) != 0);
    assert_int_equal(status(fixture, MGMT_SLOT), 1);
}

/* Signed and whole, but it fails as soon as it runs. */
static void an_image_that_fails_is_left_for_a(void **state) {
    struct fixture *fixture = *state;
    static const char *const paths[] = { "build/firmware/trap.image", "build/firmware/hang.image" };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct image image = image_read(paths[i]);
        fixture->alert_count = 0;
        load(fixture, &image, image.count);
        for (int wait = 0; wait < SILENT_CLOCKS_MAX && !status(fixture, MGMT_FAILED); wait++)
            step(fixture);
        assert_int_equal(status(fixture, MGMT_FAILED), 1);
        assert_true(until_run(fixture, CHECK_CLOCKS_MAX) != 0);
        steps(fixture, ROUND_CLOCKS);
        assert_int_equal(status(fixture, MGMT_SLOT), 0);
        assert_int_equal(status(fixture, MGMT_LOADED), 0);
        assert_int_equal(page(fixture, PAGE_BOOT_RESULT), BOOT_FAILED);
        assert_int_equal(alerted(fixture, ALERT_FIRMWARE), 1);
    }
}

/* An alert is a command: one that the engine does not know would be refused, and nobody could say
   whose it was. */
static void only_alerts_are_handed_over(void **state) {
    struct fixture *fixture = *state;
    struct image image = image_read("build/firmware/babble.image");
    load(fixture, &image, image.count);
    for (int wait = 0; wait < SILENT_CLOCKS_MAX && !status(fixture, MGMT_FAILED); wait++)
        step(fixture);
    assert_int_equal(status(fixture, MGMT_FAILED), 1);
    assert_int_equal(fixture->alert_count, 2 * ALERT_CRITICAL);
    for (unsigned i = 0; i < ALERT_CRITICAL; i++) {
        assert_int_equal(fixture->alerts[i].code, i + 1);
        assert_int_equal(fixture->alerts[ALERT_CRITICAL + i].code, ALERT_CLEARED | (i + 1));
    }
}

static void one_wrong_bit_is_put_right(void **state) {
    struct fixture *fixture = *state;
    /* A word that is written again before the scrub comes by is right again by itself. */
    for (int wait = 0; wait < 4000 && fixture->corrected < 5; wait++) {
        fixture->ports.inject_i = wait % 4 == 0 ? MEMORY_MANAGEMENT : 0;
        steps(fixture, ROUND_CLOCKS);
    }
    assert_int_equal(fixture->corrected, 5);
    fixture->ports.inject_i = 0;
    steps(fixture, 2 * ROUND_CLOCKS);
    assert_int_equal(page(fixture, PAGE_SCRUB_CORRECTED), 5);
    assert_int_equal(alerted(fixture, ALERT_MEMORY), 1);
    assert_int_equal(status(fixture, MGMT_MEMORY), 0);
    assert_int_equal(status(fixture, MGMT_STATE), MGMT_STATE_RUN);
}

static void two_wrong_bits_stop_it_until_it_begins_anew(void **state) {
    struct fixture *fixture = *state;
    fixture->ports.inject_i = MEMORY_MANAGEMENT_TWO;
    steps(fixture, ROUND_CLOCKS);
    fixture->ports.inject_i = 0;
    for (int wait = 0; wait < 400 && !status(fixture, MGMT_MEMORY); wait++)
        steps(fixture, ROUND_CLOCKS);
    assert_int_equal(status(fixture, MGMT_MEMORY), 1);
    assert_int_equal(status(fixture, MGMT_STATE), MGMT_STATE_RESET);
    steps(fixture, 1 << 24); /* the watchdog does not begin it */
    assert_int_equal(status(fixture, MGMT_MEMORY), 1);
    assert_int_equal(fixture->closings, 0);
    control(fixture, MGMT_CONTROL_RESTART);
    assert_true(until_run(fixture, BEGIN_CLOCKS_MAX) != 0);
    assert_int_equal(status(fixture, MGMT_MEMORY), 0);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(it_begins_and_shows_what_it_measures),
        CASE(a_reading_out_of_range_is_an_alert),
        CASE(a_die_that_burns_closes_the_gate),
        CASE(a_die_that_burns_while_replaying_closes_the_gate_of_the_live_card),
        CASE(an_alert_waits_until_it_is_taken),
        CASE(the_mailbox_is_answered),
        CASE(a_good_image_runs),
        CASE(an_image_that_is_not_whole_is_left_alone),
        CASE(a_load_that_breaks_off_leaves_image_a),
        CASE(an_image_that_fails_is_left_for_a),
        CASE(only_alerts_are_handed_over),
        CASE(one_wrong_bit_is_put_right),
        CASE(two_wrong_bits_stop_it_until_it_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
