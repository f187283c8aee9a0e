/* test_abi: the tables of the contract against themselves: numbers that must differ, lists without
 * gaps, masks. */
#include "driver/abi/abi.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    const char *group, *name;
    unsigned number;
} codes[] = {
#define CODE(group, name, number, meaning) { #group, #name, number },
#define LIMIT(name, number, meaning)
#define USE(opcode, part)
#define FLAG(group, name, bit, built, meaning)
#include "driver/abi/codes.def"
#undef CODE
#undef LIMIT
#undef USE
#undef FLAG
};
enum { CODES = sizeof codes / sizeof *codes };

static bool same(const char *a, const char *b) { return strcmp(a, b) == 0; }

static void no_two_codes_of_a_group_share_a_number(void **state) {
    (void)state;
    /* MODE serves two kinds of command, which never meet. */
    for (int i = 0; i < CODES; i++)
        for (int j = 0; j < i; j++)
            if (same(codes[i].group, codes[j].group) && !same(codes[i].group, "MODE") &&
                codes[i].number == codes[j].number)
                fail_msg("%s_%s and %s are both %u", codes[i].group, codes[i].name, codes[j].name,
                         codes[i].number);
}

static void every_code_fits_its_part(void **state) {
    (void)state;
    for (int i = 0; i < CODES; i++)
        if (codes[i].number > UINT8_MAX)
            fail_msg("%s_%s is more than a byte holds", codes[i].group, codes[i].name);
}

static void names_are_found_by_number(void **state) {
    (void)state;
    for (int i = 0; i < CODES; i++) {
        if (same(codes[i].group, "OPCODE"))
            assert_string_equal(abi_opcode_name(codes[i].number), codes[i].name);
        if (same(codes[i].group, "REASON"))
            assert_string_equal(abi_reason_name(codes[i].number), codes[i].name);
        if (same(codes[i].group, "KIND"))
            assert_string_equal(abi_kind_name(codes[i].number), codes[i].name);
        if (same(codes[i].group, "COUNTER"))
            assert_string_equal(abi_counter_name(codes[i].number), codes[i].name);
    }
    assert_string_equal(abi_opcode_name(0), "?");
    assert_string_equal(abi_reason_name(255), "?");
}

static void fields_of_a_table_are_numbered_without_gaps(void **state) {
    (void)state;
    int fields = 0, seen = 0;
#define ROW(table, name, number, access, min, max, meaning) fields++;
#include "driver/abi/rows.def"
#undef ROW
    for (unsigned table = 0; table <= TABLE_SESSION; table++) {
        assert_null(abi_row(table, 0));
        for (unsigned number = 1; abi_row(table, number); number++) {
            const struct abi_row *row = abi_row(table, number);
            assert_true(row->min <= row->max);
            seen++;
        }
    }
    assert_int_equal(seen, fields); /* fewer: two fields share a number, or one lies behind a gap */
}

static void a_mask_covers_what_the_opcode_uses_and_nothing_else(void **state) {
    (void)state;
    const uint8_t *used = abi_used(OPCODE_CANCEL);
    assert_non_null(used);
    assert_int_equal(used[offsetof(struct command, stamp_ns)], 0xff);
    assert_int_equal(used[offsetof(struct command, quantity)], 0xff);
    assert_int_equal(used[offsetof(struct command, quantity) + 3], 0xff);
    assert_int_equal(used[offsetof(struct command, price_e4)], 0);
    assert_int_equal(used[offsetof(struct command, reserved)], 0);
    assert_non_null(abi_used(OPCODE_NOP));
    assert_non_null(abi_used(OPCODE_SWEEP));
    assert_null(abi_used(OPCODE_ALERT + 1));
    assert_null(abi_used(0));
    assert_null(abi_used(255));
}

static void counters_lie_below_the_end_of_their_registers(void **state) {
    (void)state;
    for (int i = 0; i < CODES; i++)
        if (same(codes[i].group, "COUNTER"))
            assert_true(REG_COUNTERS + 8 * (codes[i].number + 1) <= REG_COUNTERS_END);
}

static void a_text_is_cut_at_its_end(void **state) {
    (void)state;
    char text[ABI_TEXT_BYTES];
    struct command command;
    memset(&command, 0xff, sizeof command);
    assert_true(strlen(abi_command_text(&command, text)) < ABI_TEXT_BYTES);
    struct event event;
    memset(&event, 0xff, sizeof event);
    assert_true(strlen(abi_event_text(&event, text)) < ABI_TEXT_BYTES);
}

static void an_alert_has_its_unit(void **state) {
    (void)state;
    char text[ABI_TEXT_BYTES];
    assert_string_equal(abi_alert_text(ALERT_TEMPERATURE, 9250, text), "TEMPERATURE, 92.50 C");
    assert_string_equal(abi_alert_text(ALERT_TEMPERATURE | ALERT_CLEARED, -5, text),
                        "TEMPERATURE is over, -0.05 C");
    assert_string_equal(abi_alert_text(ALERT_VCCINT, 824, text), "VCCINT, 824 mV");
    assert_string_equal(
        abi_alert_text(ALERT_FIRMWARE, 7, text),
        "FIRMWARE, image B was not taken: It began and failed: a trap, or silence.");
    assert_string_equal(abi_alert_text(ALERT_FIRMWARE, 99, text),
                        "FIRMWARE, image B was not taken: no code of this host's tables");
    assert_string_equal(abi_alert_text(ALERT_LINK, 0x1030, text), "LINK, 0x1030");
    assert_string_equal(abi_alert_text(ALERT_MEMORY, 5, text), "MEMORY, 5 words put right");
}

static void what_the_card_said_of_itself_is_a_command(void **state) {
    (void)state;
    const struct event closed = { .kind = KIND_STATE, .stamp_ns = 7, .value = 1 };
    struct command command = abi_own_command(&closed);
    assert_int_equal(command.opcode, OPCODE_KILL);
    assert_int_equal(command.stamp_ns, 7);
    assert_true(abi_own(&command));
    command.mode = MODE_RELEASE;
    assert_false(abi_own(&command));

    const struct event alert = {
        .kind = KIND_ALERT, .stamp_ns = 8, .field = ALERT_LINK | ALERT_CLEARED, .value = -3
    };
    command = abi_own_command(&alert);
    assert_int_equal(command.opcode, OPCODE_ALERT);
    assert_int_equal(command.field, ALERT_LINK | ALERT_CLEARED);
    assert_int_equal(command.value, -3);
    for (unsigned field = 0; field < 256; field++) {
        command.field = (uint8_t)field;
        assert_int_equal(abi_own(&command), (field & 127) >= 1 && (field & 127) <= ALERT_CRITICAL);
    }
    command.field = ALERT_LINK;
    command.origin = ORIGIN_HOST;
    assert_false(abi_own(&command));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_two_codes_of_a_group_share_a_number),
        cmocka_unit_test(every_code_fits_its_part),
        cmocka_unit_test(names_are_found_by_number),
        cmocka_unit_test(fields_of_a_table_are_numbered_without_gaps),
        cmocka_unit_test(a_mask_covers_what_the_opcode_uses_and_nothing_else),
        cmocka_unit_test(counters_lie_below_the_end_of_their_registers),
        cmocka_unit_test(a_text_is_cut_at_its_end),
        cmocka_unit_test(an_alert_has_its_unit),
        cmocka_unit_test(what_the_card_said_of_itself_is_a_command),
    };
    return cmocka_run_group_tests_name("abi", tests, NULL, NULL);
}
