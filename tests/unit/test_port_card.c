/* test_port_card: what operators ask of the card, a few registers a turn: looks at a card of
 * registers alone, and actions against a management core that the tests play. */
#include "host/gateway/port_card.h"
#include "host/gateway/port_health.h"
#include "tests/unit/fake_card.h"
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>

static struct fake_card fake;
static struct port_look look;
static struct port_action action;

static int fresh(void **state) {
    (void)state;
    fake_fill(&fake);
    look = (struct port_look){ .what = 0 };
    action = (struct port_action){ .kind = 0 };
    return 0;
}

/* ---- Looks ---- */

/* The whole look, no turn of which may have more reads than it may. */
static void take_look(enum port_look_what what) {
    port_look_begin(&look, what, &fake.card);
    bool last = false;
    for (uint32_t turns = 0; !last; turns++) {
        uint32_t reads = fake.reads, writes = fake.writes;
        last = port_look_step(&look, &fake.card);
        assert_true(fake.reads - reads <= PORT_TURN_READS);
        assert_int_equal(fake.writes, writes);
        assert_true(turns < 1000);
    }
    assert_int_equal(look.what, 0);
}

static json_t *answer; /* of the last question */

static const json_t *ask_card(void) {
    take_look(PORT_LOOK_CARD);
    json_decref(answer);
    answer = port_health_card("fake", &look.picture, &action);
    assert_non_null(answer);
    return json_object_get(answer, "card");
}

static const json_t *ask_log(void) {
    take_look(PORT_LOOK_LOG);
    json_decref(answer);
    answer = port_health_log("fake", &look.picture);
    assert_non_null(answer);
    return answer;
}

static const char *warning(const json_t *card, size_t index) {
    const char *text = json_string_value(json_array_get(json_object_get(card, "warnings"), index));
    return text != NULL ? text : "";
}

static void expect_warnings(const json_t *card, size_t count, const char *words, const char *why) {
    size_t said = json_array_size(json_object_get(card, "warnings"));
    if (said != count) fail_msg("%s: %zu warnings, first: %s", why, said, warning(card, 0));
    if (count > 0 && strstr(warning(card, 0), words) == NULL)
        fail_msg("%s: \"%s\" is not in \"%s\"", why, words, warning(card, 0));
    assert_int_equal(json_is_true(json_object_get(card, "healthy")), count == 0);
}

static void a_card_without_the_core_is_well(void **state) {
    (void)state;
    const json_t *card = ask_card();
    expect_warnings(card, 0, "", "no core");
    assert_true(json_is_null(json_object_get(card, "management")));
    assert_string_equal(json_string_value(json_object_get(card, "state")), "LIVE");
    assert_int_equal(json_integer_value(json_object_get(card, "orders")), 65536);
    const json_t *text = ask_log();
    assert_true(json_is_false(json_object_get(text, "core")));
    assert_string_equal(json_string_value(json_object_get(text, "text")), "");
}

static void a_bus_of_all_ones_is_said(void **state) {
    (void)state;
    memset(fake.registers, 0xff, sizeof fake.registers);
    const json_t *card = ask_card();
    expect_warnings(card, 1, "the card does not answer", "all ones");
    assert_true(json_is_false(json_object_get(card, "answers")));
    assert_true(json_is_false(json_object_get(ask_log(), "answers")));
    assert_int_equal(port_action_check(&action, &fake.card), PORT_REFUSED_GONE);
}

static void a_core_that_is_well_has_no_warnings(void **state) {
    (void)state;
    fake_core(&fake);
    const json_t *card = ask_card(), *core = json_object_get(card, "management");
    expect_warnings(card, 0, "", "well");
    assert_string_equal(json_string_value(json_object_get(core, "version")), "1.2.3");
    assert_string_equal(json_string_value(json_object_get(core, "state")), "RUN");
    assert_string_equal(json_string_value(json_object_get(core, "slot")), "A");
    const json_t *link = json_object_get(core, "link");
    assert_int_equal(json_integer_value(json_object_get(link, "generation")), 3);
    assert_int_equal(json_integer_value(json_object_get(link, "lanes")), 8);
}

static void each_limit_is_met_to_the_digit(void **state) {
    (void)state;
    static const struct {
        uint32_t offset;
        int32_t value;
        const char *words; /* NULL for well */
        const char *why;
    } row[] = {
        { PAGE_TEMPERATURE, 0, NULL, "the least itself" },
        { PAGE_TEMPERATURE, -1, "temperature is -0.01 C, below its limit of 0.00 C", "one below" },
        { PAGE_TEMPERATURE, INT32_MIN, "temperature is -21474836.48 C", "no wrap at the bottom" },
        { PAGE_TEMPERATURE, 8500, NULL, "the most itself" },
        { PAGE_TEMPERATURE, 8501, "temperature is 85.01 C, above its limit of 85.00 C", "above" },
        { PAGE_TEMPERATURE, 9500, "above its limit of 85.00 C", "critical itself" },
        { PAGE_TEMPERATURE, 9501, "at which the firmware closes the gate", "above critical" },
        { PAGE_VCCINT, 825, NULL, "the least itself" },
        { PAGE_VCCINT, 824, "vccint is 824 mV, below its limit of 825 mV", "one below" },
        { PAGE_VCCINT, 876, NULL, "the most itself" },
        { PAGE_VCCINT, 877, "vccint is 877 mV, above its limit of 876 mV", "one above" },
        { PAGE_VCCAUX, 1746, NULL, "the least itself" },
        { PAGE_VCCAUX, 1745, "vccaux is 1745 mV, below", "one below" },
        { PAGE_VCCAUX, 1854, NULL, "the most itself" },
        { PAGE_VCCAUX, 1855, "vccaux is 1855 mV, above", "one above" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        fake_fill(&fake);
        fake_core(&fake);
        fake_page(&fake, row[i].offset, (uint32_t)row[i].value);
        expect_warnings(ask_card(), row[i].words != NULL, row[i].words, row[i].why);
    }
}

static void what_is_wrong_is_said_once_each(void **state) {
    (void)state;
    const uint32_t page = REG_PAGE, boots = 1u << 16;
    const struct {
        uint32_t reg, value;
        const char *words;
    } row[] = {
        { REG_DIGEST, 1, "another image was loaded" },
        { REG_STATUS, STATUS_LIVE | STATUS_INIT_DONE | STATUS_FAULT, "event ring" },
        { REG_STATUS, STATUS_LIVE | STATUS_INIT_DONE | MEMORY_ORDER << 8, "has stopped: ORDER" },
        { REG_STATUS, STATUS_LIVE | STATUS_INIT_DONE | STOP_HUNG << 8, "has stopped" },
        { REG_MGMT, MGMT_STATE_RESET | boots, "does not run, it is in state RESET" },
        { REG_MGMT, MGMT_STATE_BOOT | boots, "in state BOOT" },
        { REG_MGMT, MGMT_STATE_SELFTEST | boots, "in state SELFTEST" },
        { REG_MGMT, MGMT_STATE_DEGRADED | boots, "DEGRADED" },
        { REG_MGMT, 15 | boots, "in state ?" },
        { REG_MGMT, MGMT_STATE_RUN | MGMT_MEMORY | boots, "stands still" },
        { REG_MGMT, MGMT_STATE_RUN | MGMT_FAILED | boots, "image B began and failed" },
        { page + PAGE_MAGIC, 0, "its page is not filled" },
        { page + PAGE_ABI_DIGEST, 7, "the firmware is built from tables 00000007" },
        { page + PAGE_BOOT_RESULT, BOOT_CRC, "image B was not taken: Its CRC-32 is wrong" },
        { page + PAGE_SELFTEST, SELFTEST_TIMER, "self-test TIMER failed" },
        { page + PAGE_ALARMS, 1u << ALERT_LINK, "alarm LINK stands" },
        { page + PAGE_LINK, 3u << 4, "link is down" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        fake_fill(&fake);
        fake_core(&fake);
        fake.registers[row[i].reg / 4] = row[i].value;
        expect_warnings(ask_card(), 1, row[i].words, row[i].words);
    }
    fake_fill(&fake);
    fake_counter(&fake, COUNTER_ECC_FATAL, UINT64_C(1) << 32);
    expect_warnings(ask_card(), 1, "4294967296 memory errors", "both words of a counter");
    fake_fill(&fake); /* two bits of one thing */
    fake_core(&fake);
    fake_page(&fake, PAGE_BOOT_RESULT, BOOT_FAILED);
    fake.registers[REG_MGMT / 4] |= MGMT_FAILED;
    expect_warnings(ask_card(), 1, "image B began and failed", "failed, twice");
    fake_fill(&fake); /* what may be is no warning */
    fake_core(&fake);
    fake_counter(&fake, COUNTER_ECC_CORRECTED, 5);
    fake_page(&fake, PAGE_ALARMS_SEEN, 1u << ALERT_TEMPERATURE);
    fake_page(&fake, PAGE_BOOT_RESULT, BOOT_GOOD);
    fake.registers[REG_STATUS / 4] |= STATUS_KILLED;
    expect_warnings(ask_card(), 0, "", "what may be");
}

static void the_counters_are_of_one_instant(void **state) {
    (void)state;
    (void)ask_card();
    assert_int_equal(fake.writes, 1);
    assert_int_equal(fake.written[0].reg, REG_CONTROL);
    assert_int_equal(fake.written[0].value, CONTROL_SNAPSHOT);
}

static const char *log_text(void) { return json_string_value(json_object_get(ask_log(), "text")); }

static int64_t log_number(const char *key) {
    return json_integer_value(json_object_get(answer, key));
}

static void a_log_is_read_to_its_last_byte(void **state) {
    (void)state;
    fake_core(&fake);
    assert_string_equal(log_text(), "");
    fake_log(&fake, 0, "one\ntwo\n");
    assert_string_equal(log_text(), "one\ntwo\n");
    assert_int_equal(log_number("from"), 0);
    assert_int_equal(log_number("written"), 8);
    fake_log(&fake, 8, "\001\377\t~"); /* what a terminal would not bear */
    assert_string_equal(log_text(), "one\ntwo\n???~");
}

static void a_log_that_has_wrapped_begins_in_the_middle(void **state) {
    (void)state;
    fake_core(&fake);
    char full[PAGE_LOG_BYTES + 1];
    memset(full, 'a', PAGE_LOG_BYTES);
    full[PAGE_LOG_BYTES] = 0;
    fake_log(&fake, 0, full);
    assert_int_equal(strlen(log_text()), PAGE_LOG_BYTES); /* full to the byte */
    assert_int_equal(log_number("from"), 0);
    fake_log(&fake, PAGE_LOG_BYTES, "bc");
    const char *text = log_text();
    assert_int_equal(strlen(text), PAGE_LOG_BYTES);
    assert_string_equal(text + PAGE_LOG_BYTES - 3, "abc");
    assert_int_equal(log_number("from"), 2);
    fake_log(&fake, UINT32_MAX - 1, "xyz"); /* past the end of the count */
    text = log_text();
    assert_int_equal(log_number("written"), 1);
    assert_string_equal(text, "z");
}

/* The firmware writes on while the log is read: the words at its front are newer than they look. */
static void what_is_overwritten_meanwhile_is_left_out(void **state) {
    (void)state;
    fake_core(&fake);
    for (uint32_t i = 0; i < 3 * PAGE_LOG_BYTES / 8; i++) fake_log(&fake, 8 * i, "line 12\n");
    port_look_begin(&look, PORT_LOOK_LOG, &fake.card);
    for (int i = 0; i < 100; i++) assert_false(port_look_step(&look, &fake.card));
    fake_log(&fake, 3 * PAGE_LOG_BYTES, "NEWLINE\n");
    while (!port_look_step(&look, &fake.card)) continue;
    json_decref(answer);
    answer = port_health_log("fake", &look.picture);
    assert_int_equal(log_number("from"), 2 * PAGE_LOG_BYTES + 8);
    assert_int_equal(log_number("written"), 3 * PAGE_LOG_BYTES);
    const char *text = json_string_value(json_object_get(answer, "text"));
    assert_int_equal(strlen(text), PAGE_LOG_BYTES - 8);
    assert_null(strstr(text, "NEW"));
}

/* ---- Actions ---- */

static uint32_t boots_after; /* of the core that the next hook plays */

static void begin_anew(uint32_t mgmt) {
    boots_after++;
    fake.registers[REG_MGMT / 4] = (mgmt & 0xffffu) | boots_after << 16;
}

static void good_core(struct fake_card *card, uint32_t reg, uint32_t value) {
    uint32_t *mgmt = &card->registers[REG_MGMT / 4];
    if (reg == REG_MGMT_CONTROL && value == MGMT_CONTROL_RESTART) begin_anew(MGMT_STATE_RUN);
    if (reg == REG_MGMT_CONTROL && value == MGMT_CONTROL_OPEN)
        begin_anew(MGMT_STATE_RUN | MGMT_OPEN);
    if (reg == REG_MGMT_CONTROL && value == MGMT_CONTROL_CLOSE) {
        begin_anew(MGMT_STATE_RUN | MGMT_SLOT | MGMT_LOADED);
        fake_page(card, PAGE_BOOT_RESULT, BOOT_GOOD);
    }
    if (reg == REG_MAILBOX) {
        *mgmt |= MGMT_FULL;
        card->registers[REG_MAILBOX_REPLY / 4] = 0;
    }
}

/* Steps until the action ends, or so many times. Time moves by PORT_ACTION_LOOK_NS a step. */
static uint32_t run(enum port_action_kind kind, const uint8_t *image, uint32_t bytes,
                    uint32_t steps_max) {
    uint64_t now_ns = 1000000000;
    uint32_t steps = 0;
    port_action_begin(&action, kind, image, bytes, now_ns);
    for (; port_action_busy(&action) && steps < steps_max; steps++) {
        uint32_t reads = fake.reads, writes = fake.writes;
        now_ns += PORT_ACTION_LOOK_NS;
        port_action_step(&action, &fake.card, now_ns);
        assert_true(fake.reads - reads <= PORT_TURN_READS);
        assert_true(fake.writes - writes <= PORT_TURN_WRITES);
        assert_true(fake.reads - reads + fake.writes - writes <= 4);
    }
    return steps;
}

static void expect_end(enum port_action_end end, const char *words) {
    assert_int_equal(action.end, end);
    json_t *json = port_health_action(&action);
    const char *text = json_string_value(json_object_get(json, "text"));
    if (strstr(text, words) == NULL) fail_msg("\"%s\" is not in \"%s\"", words, text);
    json_decref(json);
}

static int fresh_core(void **state) {
    (void)fresh(state);
    fake_core(&fake);
    fake.hook = good_core;
    boots_after = 1;
    return 0;
}

static void an_action_needs_the_core_and_no_other(void **state) {
    (void)state;
    assert_int_equal(port_action_check(&action, &fake.card), PORT_TAKEN);
    port_action_begin(&action, PORT_SELFTEST, NULL, 0, 1);
    assert_int_equal(port_action_check(&action, &fake.card), PORT_REFUSED_BUSY);
    action.end = PORT_DONE;
    assert_int_equal(port_action_check(&action, &fake.card), PORT_TAKEN);
    fake.registers[REG_MGMT / 4] = 0;
    assert_int_equal(port_action_check(&action, &fake.card), PORT_REFUSED_NO_CORE);
}

static void a_restart_ends_with_the_new_core(void **state) {
    (void)state;
    (void)run(PORT_RESTART, NULL, 0, 100);
    expect_end(PORT_DONE, "firmware 1.2.3 runs from image A");
    assert_int_equal(fake.writes, 1);
}

static void a_selftest_gives_its_bits(void **state) {
    (void)state;
    static const struct {
        uint32_t reply;
        enum port_action_end end;
        const char *words;
    } row[] = {
        { 0, PORT_DONE, "everything that was tested is well" },
        { SELFTEST_DATA | SELFTEST_TIMER, PORT_FAILED, "DATA (the march" },
        { MAILBOX_UNKNOWN, PORT_FAILED, "knows no self-test" },
        { 1u << 31, PORT_FAILED, "? (" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        (void)run(PORT_SELFTEST, NULL, 0, 10);
        assert_int_equal(action.end, PORT_UNDER_WAY); /* it is not answered yet */
        fake.registers[REG_MAILBOX_REPLY / 4] = row[i].reply;
        fake.registers[REG_MGMT / 4] &= ~(uint32_t)MGMT_FULL;
        port_action_step(&action, &fake.card, UINT64_C(2000000000));
        expect_end(row[i].end, row[i].words);
    }
    assert_int_equal(fake.written[0].reg, REG_MAILBOX);
    assert_int_equal(fake.written[0].value, MAILBOX_SELFTEST);
}

static void a_full_mailbox_is_waited_for(void **state) {
    (void)state;
    fake.registers[REG_MGMT / 4] |= MGMT_FULL;
    (void)run(PORT_SELFTEST, NULL, 0, 10);
    assert_int_equal(fake.writes, 0); /* a write would do nothing */
    fake.registers[REG_MGMT / 4] &= ~(uint32_t)MGMT_FULL;
    port_action_step(&action, &fake.card, UINT64_C(2000000000));
    assert_int_equal(fake.writes, 1);
}

static void waiting_ends(void **state) {
    (void)state;
    (void)run(PORT_SELFTEST, NULL, 0, 10);
    port_action_step(&action, &fake.card, 1000000000 + PORT_ACTION_WAIT_NS);
    assert_int_equal(action.end, PORT_UNDER_WAY); /* the bound itself */
    port_action_step(&action, &fake.card, 1000000000 + PORT_ACTION_WAIT_NS + PORT_ACTION_LOOK_NS);
    expect_end(PORT_SILENT, "did not answer within 60 s");

    (void)run(PORT_SELFTEST, NULL, 0, 10);
    expect_end(PORT_UNDER_WAY, "under way");
    begin_anew(MGMT_STATE_RUN);
    port_action_step(&action, &fake.card, UINT64_C(2000000000));
    assert_int_equal(action.end, PORT_UNDER_WAY); /* it asks only now: the mailbox was full */
    begin_anew(MGMT_STATE_RUN);
    port_action_step(&action, &fake.card, UINT64_C(3000000000));
    expect_end(PORT_ANEW, "began anew");

    (void)run(PORT_SELFTEST, NULL, 0, 10);
    fake.registers[REG_MGMT / 4] |= MGMT_MEMORY;
    port_action_step(&action, &fake.card, UINT64_C(2000000000));
    expect_end(PORT_STANDING, "stands still");

    fake.registers[REG_MGMT / 4] = MGMT_STATE_RUN | 9u << 16;
    (void)run(PORT_SELFTEST, NULL, 0, 10);
    fake.registers[REG_MGMT / 4] = UINT32_MAX;
    port_action_step(&action, &fake.card, UINT64_C(2000000000));
    expect_end(PORT_GONE, "does not answer");
}

/* Whoever waits looks once in PORT_ACTION_LOOK_NS, however often the loop turns. */
static void waiting_costs_few_reads(void **state) {
    (void)state;
    (void)run(PORT_SELFTEST, NULL, 0, 10);
    uint32_t reads = fake.reads;
    uint64_t now_ns = UINT64_C(2000000000);
    for (uint32_t i = 0; i < 100; i++)
        port_action_step(&action, &fake.card, now_ns + i * PORT_ACTION_LOOK_NS / 100);
    assert_int_equal(fake.reads - reads, 1);
}

static void an_image_is_loaded_word_by_word(void **state) {
    (void)state;
    static uint8_t image[REGION_UPDATE_BYTES];
    for (uint32_t i = 0; i < sizeof image; i++) image[i] = (uint8_t)(i * 7 + (i >> 8));
    static const uint32_t sizes[] = { 4, 8, 16, 20, REGION_UPDATE_BYTES };
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        (void)fresh_core(state);
        uint32_t words = REGION_UPDATE_BYTES / 4; /* all of the slot; zero behind the image */
        uint32_t steps = run(PORT_UPDATE, image, sizes[k], 10000);
        expect_end(PORT_DONE, "firmware 1.2.3 runs from image B");
        assert_int_equal(fake.writes, words + 2);
        assert_int_equal(fake.written[0].value, MGMT_CONTROL_OPEN);
        assert_int_equal(fake.written[words + 1].value, MGMT_CONTROL_CLOSE);
        for (uint32_t i = 0; i < words; i++) {
            uint32_t word = 0;
            if (4 * i < sizes[k]) memcpy(&word, image + 4 * i, 4);
            assert_int_equal(fake.written[1 + i].reg, REG_LOAD + 4 * i);
            assert_int_equal(fake.written[1 + i].value, word);
        }
        assert_int_equal(steps, 1 + (words + 3) / 4 + 3);
    }
}

static void bad_core(struct fake_card *card, uint32_t reg, uint32_t value) {
    good_core(card, reg, value);
    if (reg != REG_MGMT_CONTROL || value != MGMT_CONTROL_CLOSE) return;
    card->registers[REG_MGMT / 4] &= ~(uint32_t)MGMT_SLOT;
    fake_page(card, PAGE_BOOT_RESULT, BOOT_DIGEST);
}

static void shut_core(struct fake_card *card, uint32_t reg, uint32_t value) {
    good_core(card, reg, value);
    card->registers[REG_MGMT / 4] &= ~(uint32_t)MGMT_OPEN;
}

static void an_image_that_is_not_taken_is_said(void **state) {
    (void)state;
    static const uint8_t image[64] = { 1 };
    fake.hook = bad_core;
    (void)run(PORT_UPDATE, image, sizeof image, 10000);
    expect_end(PORT_FAILED, "does not take the image: Its SHA-256 is wrong. Image A runs");
    (void)fresh_core(state);
    fake.hook = shut_core;
    (void)run(PORT_UPDATE, image, sizeof image, 10000);
    expect_end(PORT_SHUT, "the load window was not open");
    assert_int_equal(fake.written[fake.writes - 1].value, MGMT_CONTROL_CLOSE); /* all the same */
}

static int end_all(void **state) {
    (void)state;
    json_decref(answer);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_card_without_the_core_is_well, fresh),
        cmocka_unit_test_setup(a_bus_of_all_ones_is_said, fresh),
        cmocka_unit_test_setup(a_core_that_is_well_has_no_warnings, fresh),
        cmocka_unit_test_setup(each_limit_is_met_to_the_digit, fresh),
        cmocka_unit_test_setup(what_is_wrong_is_said_once_each, fresh),
        cmocka_unit_test_setup(the_counters_are_of_one_instant, fresh),
        cmocka_unit_test_setup(a_log_is_read_to_its_last_byte, fresh),
        cmocka_unit_test_setup(a_log_that_has_wrapped_begins_in_the_middle, fresh),
        cmocka_unit_test_setup(what_is_overwritten_meanwhile_is_left_out, fresh),
        cmocka_unit_test_setup(an_action_needs_the_core_and_no_other, fresh_core),
        cmocka_unit_test_setup(a_restart_ends_with_the_new_core, fresh_core),
        cmocka_unit_test_setup(a_selftest_gives_its_bits, fresh_core),
        cmocka_unit_test_setup(a_full_mailbox_is_waited_for, fresh_core),
        cmocka_unit_test_setup(waiting_ends, fresh_core),
        cmocka_unit_test_setup(waiting_costs_few_reads, fresh_core),
        cmocka_unit_test_setup(an_image_is_loaded_word_by_word, fresh_core),
        cmocka_unit_test_setup(an_image_that_is_not_taken_is_said, fresh_core),
    };
    return cmocka_run_group_tests(tests, NULL, end_all);
}
