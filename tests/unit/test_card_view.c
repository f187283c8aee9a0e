/* test_card_view: what operators read of the card, whole and in narrow terminals, from the
 * registers of a card that the test fills to the letters on the screen. */
#include "host/cli/card_view.h"
#include "host/gateway/port_health.h"
#include "tests/unit/fake_card.h"
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <stdlib.h>

static struct fake_card fake;
static struct port_look look;
static struct port_action action;
static char *text; /* what was written last */
static json_t *answer;
static struct cli cli;

static int fresh(void **state) {
    (void)state;
    fake_fill(&fake);
    look = (struct port_look){ .what = 0 };
    action = (struct port_action){ .kind = 0 };
    return 0;
}

static int clean(void **state) {
    (void)state;
    json_decref(answer);
    answer = NULL;
    free(text);
    text = NULL;
    return 0;
}

static void begin(uint32_t width, bool color) {
    static size_t bytes;
    free(text);
    text = NULL;
    cli = (struct cli){ .width = width, .color = color };
    cli.out = open_memstream(&text, &bytes);
    assert_non_null(cli.out);
}

static const char *end(void) {
    assert_int_equal(fclose(cli.out), 0);
    return text;
}

static const json_t *card(void) {
    port_look_begin(&look, PORT_LOOK_CARD, &fake.card);
    while (!port_look_step(&look, &fake.card)) continue;
    json_decref(answer);
    answer = port_health_card("fake", &look.picture, &action);
    return json_object_get(answer, "card");
}

static const char *info(uint32_t width) {
    begin(width, false);
    card_view_info(&cli, card());
    return end();
}

static const char *health(uint32_t width) {
    begin(width, false);
    card_view_health(&cli, card());
    return end();
}

/* The digest changes with the tables: it is no part of what is looked at here. */
static const char *without_digest(const char *shown) {
    char *at = text, digest[12];
    (void)snprintf(digest, sizeof digest, "%08x", abi_digest());
    while ((at = strstr(at, digest)) != NULL) memset(at, 'd', 8);
    return shown;
}

static void fits(const char *shown, uint32_t width) {
    while (*shown != 0) {
        size_t line = strcspn(shown, "\n");
        if (line > width) fail_msg("width %u: %zu wide: %.*s", width, line, (int)line, shown);
        shown += line + 1;
    }
}

static void a_card_that_is_well(void **state) {
    (void)state;
    fake_core(&fake);
    assert_string_equal(without_digest(info(80)),
                        "card         fake\n"
                        "tables       digest dddddddd, registers 1.4\n"
                        "sizes        64 symbols, 256 accounts, 65,536 orders, 4,096 levels\n"
                        "state        LIVE\n"
                        "gate         open\n"
                        "fault        none\n"
                        "stopped by   nothing\n"
                        "management   RUN, image A, begun 1 time, up 1 d 2 h 3 min\n"
                        "firmware     1.2.3, tables dddddddd, logs INFO and worse\n"
                        "image B      No image B was loaded.\n");
    assert_string_equal(without_digest(info(40)), "card         fake\n"
                                                  "tables       digest dddddddd, registers\n"
                                                  "             1.4\n"
                                                  "sizes        64 symbols, 256 accounts,\n"
                                                  "             65,536 orders, 4,096 levels\n"
                                                  "state        LIVE\n"
                                                  "gate         open\n"
                                                  "fault        none\n"
                                                  "stopped by   nothing\n"
                                                  "management   RUN, image A, begun 1 time,\n"
                                                  "             up 1 d 2 h 3 min\n"
                                                  "firmware     1.2.3, tables dddddddd,\n"
                                                  "             logs INFO and worse\n"
                                                  "image B      No image B was loaded.\n");
    assert_string_equal(health(80),
                        "card         fake\n"
                        "management   RUN: Well.\n"
                        "measure        now  unit    min    max  limits         state\n"
                        "temperature  45.12  C     44.00  46.50  0.00 to 85.00  ok\n"
                        "vccint         851  mV      848    853  825 to 876     ok\n"
                        "vccaux        1802  mV     1799   1804  1746 to 1854   ok\n"
                        "PCIe link    up, generation 3, 8 lanes\n"
                        "self-test    passed\n"
                        "alarms       none\n"
                        "since boot   none\n"
                        "scrubbing    77 rounds, 0 words put right\n"
                        "memory       0 put right, 0 fatal\n"
                        "gate         closed 0 times by the card, heartbeat missed 0 times\n"
                        "health       good\n");
    assert_string_equal(health(40), "card         fake\n"
                                    "management   RUN: Well.\n"
                                    "measure        now  unit  state\n"
                                    "temperature  45.12  C     ok\n"
                                    "vccint         851  mV    ok\n"
                                    "vccaux        1802  mV    ok\n"
                                    "PCIe link    up, generation 3, 8 lanes\n"
                                    "self-test    passed\n"
                                    "alarms       none\n"
                                    "since boot   none\n"
                                    "scrubbing    77 rounds, 0 words put\n"
                                    "             right\n"
                                    "memory       0 put right, 0 fatal\n"
                                    "gate         closed 0 times by the card,\n"
                                    "             heartbeat missed 0 times\n"
                                    "health       good\n");
}

static void a_card_that_is_ill(void **state) {
    (void)state;
    fake_core(&fake);
    fake_page(&fake, PAGE_TEMPERATURE, 8501);
    fake_page(&fake, PAGE_TEMPERATURE_MAX, 8501);
    fake_page(&fake, PAGE_VCCINT, 824);
    fake_page(&fake, PAGE_SELFTEST, SELFTEST_TIMER);
    fake_page(&fake, PAGE_ALARMS, 1u << ALERT_TEMPERATURE | 1u << ALERT_VCCINT);
    fake_page(&fake, PAGE_ALARMS_SEEN, 1u << ALERT_TEMPERATURE | 1u << ALERT_VCCINT);
    fake.registers[REG_MGMT / 4] = MGMT_STATE_DEGRADED | MGMT_FAILED | 3u << 16;
    action =
        (struct port_action){ .kind = PORT_SELFTEST, .end = PORT_FAILED, .result = SELFTEST_TIMER };
    assert_string_equal(
        health(80),
        "card         fake\n"
        "management   DEGRADED: Runs, but a self-test failed.\n"
        "measure        now  unit    min    max  limits         state\n"
        "temperature  85.01  C     44.00  85.01  0.00 to 85.00  WARNING: high\n"
        "vccint         824  mV      848    853  825 to 876     WARNING: low\n"
        "vccaux        1802  mV     1799   1804  1746 to 1854   ok\n"
        "PCIe link    up, generation 3, 8 lanes\n"
        "self-test    TIMER failed\n"
        "alarms       TEMPERATURE VCCINT\n"
        "since boot   TEMPERATURE VCCINT\n"
        "scrubbing    77 rounds, 0 words put right\n"
        "memory       0 put right, 0 fatal\n"
        "gate         closed 0 times by the card, heartbeat missed 0 times\n"
        "last action  selftest: failed: TIMER (the timer interrupt did not come.)\n"
        "WARNING      the management core is DEGRADED: Runs, but a self-test failed.\n"
        "WARNING      image B began and failed; image A runs until B is loaded again:\n"
        "             `wirepit card firmware update FILE`\n"
        "WARNING      temperature is 85.01 C, above its limit of 85.00 C: see to the\n"
        "             card's cooling\n"
        "WARNING      vccint is 824 mV, below its limit of 825 mV: see to the card's\n"
        "             power supply\n"
        "WARNING      self-test TIMER failed: the timer interrupt did not come. `wirepit\n"
        "             card selftest` does it again\n"
        "WARNING      alarm TEMPERATURE stands; `wirepit card log` says since when\n"
        "WARNING      alarm VCCINT stands; `wirepit card log` says since when\n");
    assert_string_equal(health(40), "card         fake\n"
                                    "management   DEGRADED: Runs, but a\n"
                                    "             self-test failed.\n"
                                    "measure        now  unit  state\n"
                                    "temperature  85.01  C     WARNING: high\n"
                                    "vccint         824  mV    WARNING: low\n"
                                    "vccaux        1802  mV    ok\n"
                                    "PCIe link    up, generation 3, 8 lanes\n"
                                    "self-test    TIMER failed\n"
                                    "alarms       TEMPERATURE VCCINT\n"
                                    "since boot   TEMPERATURE VCCINT\n"
                                    "scrubbing    77 rounds, 0 words put\n"
                                    "             right\n"
                                    "memory       0 put right, 0 fatal\n"
                                    "gate         closed 0 times by the card,\n"
                                    "             heartbeat missed 0 times\n"
                                    "last action  selftest: failed: TIMER\n"
                                    "             (the timer interrupt did\n"
                                    "             not come.)\n"
                                    "WARNING      the management core is\n"
                                    "             DEGRADED: Runs, but a\n"
                                    "             self-test failed.\n"
                                    "WARNING      image B began and failed;\n"
                                    "             image A runs until B is\n"
                                    "             loaded again: `wirepit card\n"
                                    "             firmware update FILE`\n"
                                    "WARNING      temperature is 85.01 C,\n"
                                    "             above its limit of 85.00 C:\n"
                                    "             see to the card's cooling\n"
                                    "WARNING      vccint is 824 mV, below its\n"
                                    "             limit of 825 mV: see to the\n"
                                    "             card's power supply\n"
                                    "WARNING      self-test TIMER failed: the\n"
                                    "             timer interrupt did not\n"
                                    "             come. `wirepit card\n"
                                    "             selftest` does it again\n"
                                    "WARNING      alarm TEMPERATURE stands;\n"
                                    "             `wirepit card log` says\n"
                                    "             since when\n"
                                    "WARNING      alarm VCCINT stands;\n"
                                    "             `wirepit card log` says\n"
                                    "             since when\n");
}

static void a_card_without_the_core(void **state) {
    (void)state;
    assert_string_equal(health(80),
                        "card         fake\n"
                        "management   the fake card has no management core\n"
                        "memory       0 put right, 0 fatal\n"
                        "gate         closed 0 times by the card, heartbeat missed 0 times\n"
                        "health       good\n");
    assert_non_null(strstr(info(80), "the fake card has no management core"));
}

static void a_card_that_does_not_answer(void **state) {
    (void)state;
    memset(fake.registers, 0xff, sizeof fake.registers);
    assert_string_equal(
        health(80),
        "card         fake\n"
        "WARNING      the card does not answer, every read gives all ones: it has lost\n"
        "             power, its link or its image; see to it, then start the gateway\n"
        "             again: its start is reset and replay\n");
    assert_non_null(strstr(info(80), "does not answer"));
}

static void every_width_is_kept(void **state) {
    (void)state;
    fake_core(&fake);
    fake_page(&fake, PAGE_TEMPERATURE, 9501);
    fake.registers[REG_MGMT / 4] |= MGMT_FAILED;
    for (uint32_t width = 40; width <= 120; width++) {
        fits(info(width), width);
        fits(health(width), width);
        assert_non_null(strstr(text, "WARNING: critical"));
    }
}

static void warnings_are_red(void **state) {
    (void)state;
    fake_core(&fake);
    fake_page(&fake, PAGE_VCCAUX, 1855);
    begin(80, true);
    card_view_health(&cli, card());
    (void)end();
    assert_non_null(strstr(text, "\033[31mWARNING: high\033[0m"));
    assert_non_null(strstr(text, "\033[31mvccaux is 1855 mV"));
}

/* ---- Counters ---- */

static json_t *clocks_of(const uint64_t commands[9]) {
    json_t *rows = json_array();
    for (uint32_t i = 0; i < 9; i++)
        (void)json_array_append_new(rows, json_pack("{s:i, s:I}", "within", i == 8 ? 0 : 8 << i,
                                                    "commands", (json_int_t)commands[i]));
    return rows;
}

static void clocks_are_drawn(void **state) {
    (void)state;
    static const uint64_t commands[9] = { 0, 41234, 9000, 700, 120, 0, 0, 30, 1 };
    json_t *rows = clocks_of(commands);
    json_t *stalls =
        json_pack("{s:i, s:i, s:i, s:i, s:i, s:i}", "STALL_ACCOUNT", 1200, "STALL_BOOK", 300,
                  "STALL_ALONE", 0, "STALL_EVENT", 7, "RING_STALLS", 0, "STALL_AGAIN", 3);
    static const uint32_t widths[] = { 80, 40 };
    static const char *const shown[] = {
        "clocks in the core, 51,085 commands\n"
        "within 8        0.00 %              0\n"
        "within 16      80.71 %         41,234  ########################################\n"
        "within 32      17.61 %          9,000  ########\n"
        "within 64       1.37 %            700  #\n"
        "within 128      0.23 %            120  #\n"
        "within 256      0.00 %              0\n"
        "within 512      0.00 %              0\n"
        "within 1,024    0.05 %             30  #\n"
        "over 1,024      0.00 %              1  #\n"
        "p50    over 8, within 16 clocks\n"
        "p99    over 32, within 64 clocks\n"
        "p99.9  over 64, within 128 clocks\n"
        "stalls by cause, 1,507 clocks\n"
        "same account   79.62 %          1,200  ########################################\n"
        "book trades    19.90 %            300  ##########\n"
        "no order        0.00 %              0\n"
        "event leaves    0.46 %              7  #\n"
        "ring is full    0.00 %              0\n"
        "taken again  3 times\n",
        "clocks in the core, 51,085 commands\n"
        "within 8        0.00 %\n"
        "within 16      80.71 %  ################\n"
        "within 32      17.61 %  ###\n"
        "within 64       1.37 %  #\n"
        "within 128      0.23 %  #\n"
        "within 256      0.00 %\n"
        "within 512      0.00 %\n"
        "within 1,024    0.05 %  #\n"
        "over 1,024      0.00 %  #\n"
        "p50    over 8, within 16 clocks\n"
        "p99    over 32, within 64 clocks\n"
        "p99.9  over 64, within 128 clocks\n"
        "stalls by cause, 1,507 clocks\n"
        "same account   79.62 %  ################\n"
        "book trades    19.90 %  ####\n"
        "no order        0.00 %\n"
        "event leaves    0.46 %  #\n"
        "ring is full    0.00 %\n"
        "taken again  3 times\n"
    };
    for (int i = 0; i < 2; i++) {
        begin(widths[i], false);
        card_view_clocks(&cli, rows);
        card_view_stalls(&cli, stalls);
        assert_string_equal(end(), shown[i]);
        fits(text, widths[i]);
    }
    json_decref(rows);
    json_decref(stalls);
}

static void bounds_hold_to_the_command(void **state) {
    (void)state;
    static const struct {
        uint64_t commands[9];
        uint32_t parts;
        int64_t over, within;
        bool any;
        const char *why;
    } row[] = {
        { { 0 }, 50000, 0, 0, false, "nothing" },
        { { 1 }, 99900, 0, 8, true, "one" },
        { { 1, 1 }, 50000, 0, 8, true, "just half" },
        { { 1, 2 }, 50000, 8, 16, true, "less than half" },
        { { 99, 1 }, 99000, 0, 8, true, "99 of 100" },
        { { 98, 2 }, 99000, 8, 16, true, "98 of 100" },
        { { 999, 0, 0, 0, 0, 0, 0, 0, 1 }, 99900, 0, 8, true, "999 of 1,000" },
        { { 998, 0, 0, 0, 0, 0, 0, 0, 2 }, 99900, 1024, 0, true, "behind the last bound" },
        { { 0, 0, INT64_MAX }, 99900, 16, 32, true, "no wrap" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        int64_t over, within;
        json_t *rows = clocks_of(row[i].commands);
        bool any = card_view_bounds(rows, row[i].parts, &over, &within);
        if (any != row[i].any || (any && (over != row[i].over || within != row[i].within)))
            fail_msg("%s: %d, over %ld, within %ld", row[i].why, any, (long)over, (long)within);
        json_decref(rows);
    }
}

static void counters_keep_what_matters_in_narrow_terminals(void **state) {
    (void)state;
    json_t *counters =
        json_pack("{s:i, s:i, s:i}", "COMMANDS", 1234567, "WINDOW_OVERRUN", 2, "STALL_BOOK", 99);
    begin(80, false);
    card_view_counters(&cli, counters);
    assert_string_equal(
        end(),
        "counter             value  unit      what it counts\n"
        "COMMANDS        1,234,567  commands  Commands carried out.\n"
        "WINDOW_OVERRUN          2  writes    Window writes to a byte that was waiting ..\n"
        "STALL_BOOK             99  clocks    Clocks in which an order waited for the b..\n");
    begin(40, false);
    card_view_counters(&cli, counters);
    assert_string_equal(end(), "counter             value  unit\n"
                               "COMMANDS        1,234,567  commands\n"
                               "WINDOW_OVERRUN          2  writes\n"
                               "STALL_BOOK             99  clocks\n");
    json_decref(counters);
}

/* ---- Log ---- */

static const char *log_lines(uint32_t lines) {
    port_look_begin(&look, PORT_LOOK_LOG, &fake.card);
    while (!port_look_step(&look, &fake.card)) continue;
    json_decref(answer);
    answer = port_health_log("fake", &look.picture);
    begin(0, false);
    card_view_log(&cli, answer, lines);
    return end();
}

static void the_last_lines_of_the_log_are_shown(void **state) {
    (void)state;
    fake_core(&fake);
    assert_string_equal(log_lines(3), "");
    fake_log(&fake, 0, "1 begins\n2 tests\n3 runs\n");
    assert_string_equal(log_lines(9), "1 begins\n2 tests\n3 runs\n");
    assert_string_equal(log_lines(1), "3 runs\n");
    assert_string_equal(log_lines(2), "2 tests\n3 runs\n");
    for (uint32_t i = 0; i < 400; i++) fake_log(&fake, 7 * i, "a line\n"); /* wraps mid-line */
    fake_log(&fake, 2800, "the last\n");
    assert_memory_equal(log_lines(1000), "a line\na line\n", 14);
    assert_string_equal(log_lines(2), "a line\nthe last\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_card_that_is_well, fresh, clean),
        cmocka_unit_test_setup_teardown(a_card_that_is_ill, fresh, clean),
        cmocka_unit_test_setup_teardown(a_card_without_the_core, fresh, clean),
        cmocka_unit_test_setup_teardown(a_card_that_does_not_answer, fresh, clean),
        cmocka_unit_test_setup_teardown(every_width_is_kept, fresh, clean),
        cmocka_unit_test_setup_teardown(warnings_are_red, fresh, clean),
        cmocka_unit_test_setup_teardown(clocks_are_drawn, fresh, clean),
        cmocka_unit_test_setup_teardown(bounds_hold_to_the_command, fresh, clean),
        cmocka_unit_test_setup_teardown(counters_keep_what_matters_in_narrow_terminals, fresh,
                                        clean),
        cmocka_unit_test_setup_teardown(the_last_lines_of_the_log_are_shown, fresh, clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
