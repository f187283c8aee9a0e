/* test_table: tables in a given width, the little texts in them, and what doctor says of a machine.
 */
#include "host/cli/doctor.h"
#include "host/cli/table.h"
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct table_column columns[] = { { "name", false, 0, true },
                                               { "count", true, 0, false },
                                               { "note", false, 2, false },
                                               { "more", false, 1, false } };

static char *print(uint32_t width, bool color) {
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    assert_non_null(out);
    struct table *table = table_new(columns, 4);
    table_cell(table, "a rather long name");
    table_cell(table, "%d", 12345);
    table_paint(table, TABLE_RED);
    table_cell(table, "noted");
    table_cell(table, "more of it");
    table_cell(table, "b");
    table_cell(table, "7");
    table_cell(table, "%s", "");
    table_cell(table, "x");
    table_print(table, out, width, color, "nothing");
    table_delete(table);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void a_table_takes_the_room_it_needs(void **state) {
    (void)state;
    char *text = print(0, false);
    assert_string_equal(text, "name                count  note   more\n"
                              "a rather long name  12345  noted  more of it\n"
                              "b                       7         x\n");
    free(text);
}

/* A line may be as wide as the terminal, never wider, until only what must stay is left. */
static void a_table_fits_every_width(void **state) {
    (void)state;
    for (uint32_t width = 15; width <= 60; width++) { /* 8 + 2 + 5 is the least */
        char *text = print(width, false), *at = text;
        while (*at != 0) {
            size_t line = strcspn(at, "\n");
            if (line > width) fail_msg("width %u: %zu wide: %.*s", width, line, (int)line, at);
            at += line + 1;
        }
        assert_non_null(strstr(text, "12345"));
        if (width >= 44) assert_non_null(strstr(text, "noted"));
        free(text);
    }
}

static void columns_go_by_rank(void **state) {
    (void)state;
    char *text = print(27, false); /* 8 + 5 + 10 and two gaps: the note has gone, more stays */
    assert_null(strstr(text, "note"));
    assert_non_null(strstr(text, "more of it"));
    assert_non_null(strstr(text, ".."));
    free(text);
}

static void decimal_points_stand_below_each_other(void **state) {
    (void)state;
    static const struct table_column money[] = { { "price", true, 0, false },
                                                 { "fee", true, 0, false } };
    static const char *const cells[] = { "1,234.50", "-0.29", "9.1234", "-", "7", "0.0001" };
    char *text = NULL;
    size_t bytes = 0;
    for (uint32_t width = 0; width <= 20; width += 4) {
        FILE *out = open_memstream(&text, &bytes);
        assert_non_null(out);
        struct table *table = table_new(TABLE_COLUMNS(money));
        for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) table_cell(table, "%s", cells[i]);
        table_print(table, out, width, false, NULL);
        table_delete(table);
        assert_int_equal(fclose(out), 0);
        assert_string_equal(text, "     price      fee\n"
                                  "1,234.50    -0.29\n"
                                  "    9.1234        -\n"
                                  "         7   0.0001\n");
        free(text);
    }
}

static void colour_is_there_only_when_asked_for(void **state) {
    (void)state;
    char *plain = print(0, false), *painted = print(0, true);
    assert_null(strchr(plain, '\033'));
    assert_non_null(strstr(painted, "\033[31m12345\033[0m"));
    free(plain);
    free(painted);
}

static void numbers_are_written_for_people(void **state) {
    (void)state;
    static const struct {
        int64_t value;
        const char *money, *count;
    } row[] = {
        { 0, "0.00", "0" },
        { 1, "0.0001", "1" },
        { 99, "0.0099", "99" },
        { 100, "0.01", "100" },
        { 999, "0.0999", "999" },
        { 1000, "0.10", "1,000" },
        { -1, "-0.0001", "-1" },
        { 10000000, "1,000.00", "10,000,000" },
        { -12345678, "-1,234.5678", "-12,345,678" },
        { INT64_MAX, "922,337,203,685,477.5807", "9,223,372,036,854,775,807" },
        { INT64_MIN, "-922,337,203,685,477.5808", "-9,223,372,036,854,775,808" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        char text[TEXT_BYTES];
        assert_string_equal(text_money(row[i].value, text), row[i].money);
        assert_string_equal(text_count(row[i].value, text), row[i].count);
    }
}

static void bars_and_durations_have_their_edges(void **state) {
    (void)state;
    char text[TEXT_BYTES];
    assert_string_equal(text_bar(0, 10, 10, text), "");
    assert_string_equal(text_bar(1, 1000, 10, text), "#");
    assert_string_equal(text_bar(5, 10, 10, text), "#####");
    assert_string_equal(text_bar(10, 10, 10, text), "##########");
    assert_string_equal(text_bar(11, 10, 10, text), "##########");
    assert_string_equal(text_bar(UINT64_MAX, UINT64_MAX, 3, text), "###");
    assert_string_equal(text_bar(0, 0, 10, text), "");
    assert_string_equal(text_duration(999, text), "999 ns");
    assert_string_equal(text_duration(1000, text), "1.0 us");
    assert_string_equal(text_duration(999999, text), "999.9 us");
    assert_string_equal(text_duration(1000000, text), "1.0 ms");
    assert_string_equal(text_duration(2500000000, text), "2.5 s");
    assert_string_equal(text_time(1790000000123456789, text), "14:13:20.123456");
}

/* ---- Doctor, on machines made of files ---- */

static char root[] = "/tmp/test_table.XXXXXX";

static void put(const char *path, const char *text) {
    char command[400], full[300];
    (void)snprintf(command, sizeof command, "mkdir -p \"$(dirname '%s%s')\"", root, path);
    assert_int_equal(system(command), 0);
    (void)snprintf(full, sizeof full, "%s%s", root, path);
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    (void)fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static const char *state_of(const json_t *checks, const char *name) {
    size_t index;
    json_t *row;
    json_array_foreach((json_t *)(uintptr_t)checks, index, row) {
        const char *state = json_string_value(json_object_get(row, "state"));
        const char *advice = json_string_value(json_object_get(row, "advice"));
        if (strcmp(json_string_value(json_object_get(row, "check")), name) != 0) continue;
        assert_int_equal(strcmp(state, "good") == 0, advice[0] == 0); /* what to do about each */
        return state;
    }
    fail_msg("no check of %s", name);
    return "";
}

static void doctor_tells_good_from_fair(void **state) {
    (void)state;
    char command[100];
    assert_non_null(mkdtemp(root));
    json_t *bare = doctor_check(root, root);
    assert_string_equal(state_of(bare, "huge pages"), "fair");
    assert_string_equal(state_of(bare, "cores"), "fair");
    assert_string_equal(state_of(bare, "network"), "fair");
    assert_string_equal(state_of(bare, "BPF"), "fair");
    json_decref(bare);
    put("/proc/meminfo", "MemTotal: 1 kB\nHugePages_Total:     512\nHugepagesize:  2048 kB\n");
    put("/proc/self/status", "CapEff:\t000001ffffffffff\n");
    put("/sys/devices/system/cpu/isolated", "2-3\n");
    put("/sys/class/net/eth0/operstate", "up\n");
    put("/sys/class/net/eth0/device/vendor", "0x10ee\n");
    put("/sys/kernel/btf/vmlinux", "types\n");
    json_t *whole = doctor_check(root, root);
    assert_string_equal(state_of(whole, "huge pages"), "good");
    assert_string_equal(state_of(whole, "cores"), "good");
    assert_string_equal(state_of(whole, "network"), "good");
    assert_string_equal(state_of(whole, "BPF"), "good");
    json_decref(whole);
    put("/proc/self/status", "CapEff:\t0000000000000000\n");
    json_t *poor = doctor_check(root, "/nowhere/at/all");
    assert_string_equal(state_of(poor, "BPF"), "fair");
    assert_string_equal(state_of(poor, "disk flush"), "bad");
    json_decref(poor);
    (void)snprintf(command, sizeof command, "rm -rf %s", root);
    assert_int_equal(system(command), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_takes_the_room_it_needs),
        cmocka_unit_test(a_table_fits_every_width),
        cmocka_unit_test(columns_go_by_rank),
        cmocka_unit_test(decimal_points_stand_below_each_other),
        cmocka_unit_test(colour_is_there_only_when_asked_for),
        cmocka_unit_test(numbers_are_written_for_people),
        cmocka_unit_test(bars_and_durations_have_their_edges),
        cmocka_unit_test(doctor_tells_good_from_fair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
