/* test_refusal: what an operator reads about an order that was refused. */
#include "driver/abi/abi.h"
#include "host/cli/refusal.h"
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <stdlib.h>
#include <string.h>

static char *print(const char *reason, const char *limit, const char *values) {
    char json[512], *text = NULL;
    size_t bytes = 0;
    (void)snprintf(json, sizeof json,
                   "{\"account\":\"a1\",\"symbol\":\"ABC\",\"session\":\"alice\",\"refused\":"
                   "{\"reason\":\"%s\",\"meaning\":\"why\",\"limit\":%s%s}}",
                   reason, limit, values);
    json_t *order = json_loads(json, 0, NULL);
    assert_non_null(order);
    FILE *out = open_memstream(&text, &bytes);
    assert_non_null(out);
    refusal_print(out, false, order);
    assert_int_equal(fclose(out), 0);
    json_decref(order);
    return text;
}

static void a_refusal_says_what_was_in_the_way_and_what_to_do(void **state) {
    (void)state;
    // clang-format off
    static const struct {
        const char *reason, *limit, *values, *says, *why;
    } row[] = {
        { "ORDER_QUANTITY", "\"ACCOUNT.QUANTITY_MAX\"", ",\"limit_value\":1000,\"value\":1001",
          "refused     ORDER_QUANTITY\nbecause     why\n"
          "limit       quantity_max of a1 was 1,000; the order came to 1,001\n"
          "next        wirepit limits set a1 quantity_max VALUE\n", "a count" },
        { "ORDER_NOTIONAL", "\"ACCOUNT.NOTIONAL_MAX_E4\"", ",\"limit_value\":15000,\"value\":22625000",
          "notional_max of a1 was 1.50; the order came to 2,262.50\n", "money" },
        { "MESSAGE_RATE", "\"ACCOUNT.RATE_BURST_NS\"", ",\"limit_value\":20000,\"value\":1500000",
          "rate_burst of a1 was 20.0 us; its messages were 1.5 ms ahead of their rate\n", "a time" },
        { "DUPLICATE", "\"ACCOUNT.DUPLICATE_NS\"", ",\"limit_value\":1000000000,\"value\":0",
          "duplicate of a1 was 1.0 s; the same order had been taken 0 ns before\n", "none of it" },
        { "OPEN_ORDERS", "\"ACCOUNT.OPEN_MAX\"", ",\"limit_value\":7,\"value\":8",
          "open_orders of a1 was 7; with this order there would have been 8\n", "orders" },
        { "GROSS_NOTIONAL", "\"ACCOUNT.GROSS_MAX_E4\"", ",\"limit_value\":10000,\"value\":10001",
          "open_notional of a1 was 1.00; with this order it would have come to 1.0001\n", "money" },
        { "DAILY_NOTIONAL", "\"ACCOUNT.DAILY_MAX_E4\"", ",\"limit_value\":0,\"value\":10000",
          "next        wirepit limits set a1 daily_notional VALUE\n", "what to do" },
        { "KIND_NOT_ALLOWED", "\"SYMBOL.STATE\"", ",\"limit_value\":1,\"value\":2",
          "limit       ABC was in its auction, which takes limit orders for the day\n", "a state" },
        { "OUTSIDE_BAND", "\"SYMBOL.BASE_E4\"", ",\"limit_value\":509500,\"value\":887200",
          "prices of ABC end at 50.95; the order asked for 88.72\n", "an end, not the base" },
        { "SHORT_LIMIT", "\"POSITION.SHORT_MAX\"", ",\"limit_value\":5,\"value\":6",
          "next        wirepit limits set a1 short_max VALUE --symbol ABC\n", "one of two limits" },
        { "SHORT_LIMIT", "\"POSITION.LOCATE\"", ",\"limit_value\":5,\"value\":6",
          "next        wirepit limits set a1 locate VALUE --symbol ABC\n", "the other" },
        { "SESSION_KILLED", "\"SESSION.KILLED\"", ",\"limit_value\":1,\"value\":0",
          "next        wirepit release session alice\n", "who is killed has a name" },
        { "SYMBOL_HALTED", "\"SYMBOL.STATE\"", ",\"limit_value\":3,\"value\":2",
          "next        wirepit open ABC\n", "a state is no number" },
        { "gateway: INVALID_SYMBOL", "null", ",\"limit_value\":null,\"value\":null",
          "limit       there is no symbol ABC\n", "it never came to the card" },
        { "CREDIT_SHORT", "\"ACCOUNT.RESERVED_E4\"", ",\"limit_value\":10000,\"value\":20000",
          "limit       ACCOUNT.RESERVED_E4 was 1.00; the order came to 2.00\n", "nothing known but numbers" },
    };
    // clang-format on
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        char *text = print(row[i].reason, row[i].limit, row[i].values);
        if (strstr(text, row[i].says) == NULL) fail_msg("%s: %s", row[i].why, text);
        assert_null(strchr(text, '{'));
        free(text);
    }
}

static void what_is_not_known_is_not_said(void **state) {
    (void)state;
    char *text = print("ORDER_QUANTITY", "null", "");
    assert_string_equal(text, "refused     ORDER_QUANTITY\nbecause     why\n"
                              "next        wirepit limits set a1 quantity_max VALUE\n");
    free(text);
    text = print("STALE", "null", "");
    assert_string_equal(text, "refused     STALE\nbecause     why\n");
    free(text);
}

static void every_reason_is_printed_whole(void **state) {
    (void)state;
    unsigned known = 0;
    for (unsigned reason = 0; reason < 256; reason++) {
        const char *name = abi_reason_name(reason);
        if (name == NULL || strcmp(name, "?") == 0) continue;
        char *text = print(name, "null", "");
        assert_non_null(strstr(text, name));
        assert_null(strchr(text, '{'));
        assert_null(strchr(text, '}'));
        known++;
        free(text);
    }
    assert_true(known > 30);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_says_what_was_in_the_way_and_what_to_do),
        cmocka_unit_test(what_is_not_known_is_not_said),
        cmocka_unit_test(every_reason_is_printed_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
