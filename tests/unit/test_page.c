/* test_page: the session's report is well formed whatever names and reasons there are, and shows
 * what was measured. */
#include "host/base/err.h"
#include "host/office/page.h"
#include "tests/unit/office_market.h"
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATH_BYTES = 128, PAGE_BYTES = 1 << 20, DEPTH_MAX = 32, STEPS = 400 };

static char directory[] = "/tmp/test_page.XXXXXX";
static struct office *office;

static const char *path_of(const char *name, char path[PATH_BYTES]) {
    (void)snprintf(path, PATH_BYTES, "%s/%s", directory, name);
    return path;
}

static void write_record(void *context, const struct journal_record *record) {
    assert_true(
        journal_append(context, record->kind, record->session, record->data, record->bytes) > 0);
}

/* Outside of where the random orders are, by an account that may. */
static void rest_on_both_sides(struct om *market) {
    uint32_t slot = 0;
    om_set(market, OPCODE_SYMBOL, 0, 0, ROW_SYMBOL_STATE, SYMBOL_STATE_OPEN);
    om_do(market,
          (struct command){ .opcode = OPCODE_KILL, .field = TABLE_FIRM, .mode = MODE_RELEASE });
    om_do(market, (struct command){ .opcode = OPCODE_CREDIT, .value = 500000000 });
    om_set(market, OPCODE_POSITION, 0, 0, ROW_POSITION_RESTRICTION, 0);
    om_set(market, OPCODE_POSITION, 0, 0, ROW_POSITION_LONG_MAX, 1000000);
    om_set(market, OPCODE_POSITION, 0, 0, ROW_POSITION_SHORT_MAX, 1000000);
    om_set(market, OPCODE_POSITION, 0, 0, ROW_POSITION_LOCATE, 1000000);
    for (uint8_t side = SIDE_BUY; side <= SIDE_SELL; side++) {
        while (market->slots[slot].live) slot++;
        om_new(market, slot, 0, 0, side, side == SIDE_BUY ? 101000 : 104500, 7, 0);
        assert_int_equal(market->last.kind, KIND_ACCEPTED);
    }
}

static int open_office(void **state) {
    (void)state;
    char journal_path[PATH_BYTES], store[PATH_BYTES], inputs[PATH_BYTES];
    struct journal *journal;
    struct journal_recovered recovered;
    struct om market;
    if (mkdtemp(directory) == NULL) return -1;
    const struct journal_options options = { .directory = path_of("journal", journal_path),
                                             .flush = JOURNAL_ASYNC };
    if (journal_open(&options, &journal, &recovered) != 0) return -1;
    om_open(&market, 1, write_record, journal);
    for (int i = 0; i < STEPS; i++) om_step(&market);
    rest_on_both_sides(&market);
    om_close(&market);
    int code = journal_wait(journal);
    journal_close(journal);
    const struct office_options office_options = { .journal = journal_path,
                                                   .store = path_of("office.db", store),
                                                   .inputs = path_of("inputs", inputs),
                                                   .fold = { .symbols = OM_SYMBOLS,
                                                             .accounts = OM_ACCOUNTS,
                                                             .orders = OM_ORDERS,
                                                             .levels = OM_LEVELS,
                                                             .transfers = 100000 },
                                                   .batch = 1000 };
    if (code == 0) code = office_open(&office_options, &office);
    while (code == 0 && (code = office_step(office)) > 0) code = 0;
    if (code != 0) print_error("%s\n", err_text());
    return code;
}

static int close_office(void **state) {
    (void)state;
    char command[PATH_BYTES + 8];
    office_close(office);
    (void)snprintf(command, sizeof command, "rm -r %s", directory);
    return system(command);
}

/* Reads a page as strictly as XML would have it: every tag closed in its order, attributes quoted,
   no bare < > or &, no control character. */
static void assert_well_formed(const char *page) {
    char open[DEPTH_MAX][16];
    int depth = 0;
    const char *at = page;
    assert_int_equal(strncmp(at, "<!DOCTYPE html>\n", 16), 0);
    for (at += 16; *at != '\0';) {
        assert_true((unsigned char)*at >= ' ' || *at == '\n');
        assert_true(*at != '>');
        if (*at == '&') {
            size_t name = strspn(at + 1, "#abcdefghijklmnopqrstuvwxyz0123456789");
            assert_true(name > 0 && at[name + 1] == ';');
        }
        if (*at != '<') {
            at++;
            continue;
        }
        bool ends = at[1] == '/';
        const char *name = at + 1 + ends;
        size_t bytes = 0;
        while (isalnum((unsigned char)name[bytes])) bytes++;
        assert_true(bytes > 0 && bytes < sizeof open[0]);
        for (at = name + bytes; *at == ' ';) {
            at += 1 +
                  strspn(at + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-0123456789");
            assert_true(at[0] == '=' && at[1] == '"');
            at = strpbrk(at + 2, "\"<");
            assert_true(at != NULL && *at == '"');
            at++;
        }
        bool alone = *at == '/';
        assert_true(at[alone] == '>');
        at += 1 + alone;
        if (ends) {
            assert_true(depth > 0 && strlen(open[depth - 1]) == bytes);
            assert_memory_equal(open[--depth], name, bytes);
        } else if (!alone) {
            assert_true(depth < DEPTH_MAX);
            (void)snprintf(open[depth++], sizeof open[0], "%.*s", (int)bytes, name);
        }
        /* A style holds no markup. */
        if (!ends && bytes == 5 && strncmp(name, "style", 5) == 0) at = strstr(at, "</style>");
        assert_non_null(at);
    }
    assert_int_equal(depth, 0);
}

static const char *page_of(json_t *summary) {
    static char page[PAGE_BYTES];
    memset(page, 0, sizeof page);
    FILE *out = fmemopen(page, sizeof page - 1, "w");
    assert_non_null(out);
    assert_non_null(summary);
    assert_int_equal(page_write(out, summary, office), 0);
    assert_int_equal(fclose(out), 0);
    json_decref(summary);
    assert_well_formed(page);
    return page;
}

static void assert_says(const char *page, const char *text) {
    if (strstr(page, text) == NULL) fail_msg("\"%s\" is not on the page", text);
}

static void text_is_escaped_in_one_place(void **state) {
    (void)state;
    char text[200] = "";
    FILE *out = fmemopen(text, sizeof text, "w");
    assert_non_null(out);
    page_text(out, "<a href=\"x\" b='y'>&\t\n\x01\x7f caf\xc3\xa9");
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text, "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;     caf\xc3\xa9");
}

static void the_page_shows_what_was_measured(void **state) {
    (void)state;
    const char *page = page_of(
        json_pack("{sssssssisisisisisis{sisisisisi}s{sisi}sb}", "flow", "day", "card", "sim",
                  "transport", "lwip", "clients", 4, "orders", 1234567, "fills", 1000, "rejected",
                  999, "messages_per_second", 0, "lockstep_differences", 0, "rtt_ns", "count", 10,
                  "p50", 123456, "p99", 1000000, "p999", 2000000, "max", 98765432, "card_rejects",
                  "OUTSIDE_BAND", 7, "ORDER_QUANTITY", 1, "books_balanced", 1));
    assert_says(page, "<b class=\"\">1,234,567</b><span>orders</span>");
    assert_says(page, "<b class=\"\">1,000</b><span>fills</span>");
    assert_says(page, "<b class=\"\">999</b><span>refused</span>");
    assert_says(page, "p50 123 \xc2\xb5s, max 98.8 ms");
    assert_says(page, ">OUTSIDE_BAND</text>");
    assert_says(page, "width=\"380.0\" height=\"18.0\""); /* the most frequent reason */
    assert_says(page, "width=\"54.3\" height=\"18.0\"");  /* a seventh of it */
    assert_says(page, "<b class=\"good\">balanced</b>");
    assert_says(page, "Depth of symbol 0 at the end");
    assert_null(strstr(page, "http"));
}

/* The bars of a plot are all the orders and fills that the office has. */
static void the_bars_add_up_to_orders_and_fills(void **state) {
    (void)state;
    static const char *const titles[] = { "Orders over the session", "Fills over the session" };
    const char *page = page_of(json_object());
    for (int i = 0; i < 2; i++) {
        const char *at = strstr(page, titles[i]);
        assert_non_null(at);
        const char *end = strstr(at, "</svg>");
        uint64_t sum = 0;
        while ((at = strstr(at, "class=\"first\"><title>")) != NULL && at < end)
            sum += strtoull(at += strlen("class=\"first\"><title>"), NULL, 10);
        assert_int_equal(sum,
                         store_count(office_store(office), i == 0 ? STORE_order : STORE_trade));
        assert_true(sum > 0);
        page = end;
    }
}

static void a_hostile_name_is_only_text(void **state) {
    (void)state;
    const char *page = page_of(json_pack(
        "{sss{si}s{sss[{sssi}]}}", "flow", "\"><script>x</script>", "card_rejects", "<b>&'\"", 3,
        "office", "text", "</section><i>", "firms", "firm", "<tr>&amp;", "bought", 1));
    assert_says(page, "&quot;&gt;&lt;script&gt;x&lt;/script&gt;");
    assert_says(page, "&lt;b&gt;&amp;&#39;&quot;");
    assert_says(page, "&lt;/section&gt;&lt;i&gt;");
    assert_says(page, "&lt;tr&gt;&amp;amp;");
    assert_null(strstr(page, "<script"));
}

/* Where nothing was measured there is no plot, and no division by it. */
static void an_empty_summary_makes_a_page(void **state) {
    (void)state;
    const char *page = page_of(json_object());
    assert_null(strstr(page, "<h2>Latency"));
    assert_null(strstr(page, "<h2>Refusals"));
    assert_null(strstr(page, "nan"));
    assert_null(strstr(page, "inf"));
    assert_says(page, "<b class=\"bad\">NOT balanced</b>");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_escaped_in_one_place),
        cmocka_unit_test(the_page_shows_what_was_measured),
        cmocka_unit_test(the_bars_add_up_to_orders_and_fills),
        cmocka_unit_test(a_hostile_name_is_only_text),
        cmocka_unit_test(an_empty_summary_makes_a_page),
    };
    return cmocka_run_group_tests(tests, open_office, close_office);
}
