/* test_link: rtl/board/alveo_u50/link.v on configuration spaces as functions have them, and as none
 * should. */
#define BENCH_PORTS "tests/rtl/link.def"
#include "host/base/random.h"
#include "tests/rtl/bench.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { CONFIG_BYTES = 256, PAUSE_CLOCKS = 65536, READS_MAX = 60, NONE = CONFIG_BYTES };

struct fixture {
    struct bench *bench;
    struct ports ports;
    struct random random;
    uint32_t config[CONFIG_BYTES / 4];
    unsigned refused; /* the byte whose word is answered with an error; NONE is none */
    bool busy;
    uint8_t address;
    unsigned reads;
};

static void clock_once(struct fixture *link) {
    struct ports *p = &link->ports;
    p->m_axil_arready = !link->busy && random_below(&link->random, 2) != 0;
    p->m_axil_rvalid = p->m_axil_rvalid || (link->busy && random_below(&link->random, 2) != 0);
    p->m_axil_rdata = p->m_axil_rvalid ? link->config[link->address / 4] : 0x12345678;
    p->m_axil_rresp = p->m_axil_rvalid && link->refused / 4 == link->address / 4 ? 2 : 0;
    bench_settle(link->bench, p);
    bool asked = p->m_axil_arvalid && p->m_axil_arready;
    bool answered = p->m_axil_rvalid && p->m_axil_rready;
    if (asked) {
        link->address = p->m_axil_araddr;
        link->reads++;
    }
    bench_clock(link->bench, p);
    if (asked) link->busy = true;
    if (answered) {
        link->busy = false;
        p->m_axil_rvalid = 0;
    }
}

static void looks(struct fixture *link) {
    for (int i = 0; i < PAUSE_CLOCKS + 10 * READS_MAX; i++) clock_once(link);
}

/* count capabilities, 8 bytes and more each, of which the one at position is PCI Express. */
static void config_fill(struct fixture *link, unsigned count, unsigned position, uint32_t status) {
    memset(link->config, 0, sizeof link->config);
    link->config[0x34 / 4] = 0xabcdef00 | (count > 0 ? 0x40 : 0);
    for (unsigned i = 0, at = 0x40; i < count; i++) {
        unsigned next = at + (i == position ? 0x40 : 8);
        link->config[at / 4] = (i == position ? 0x10 : 0x05) | (i + 1 < count ? next << 8 : 0);
        if (i == position) link->config[at / 4 + 4] = status << 16 | 0x0040;
        at = next;
    }
}

static int setup(void **state) {
    static struct fixture link;
    link = (struct fixture){ .bench = bench_new(bench_seed()),
                             .random = random_seeded(1),
                             .refused = NONE };
    link.ports.rst = 1;
    bench_clock(link.bench, &link.ports);
    link.ports.rst = 0;
    *state = &link;
    return 0;
}

static int teardown(void **state) {
    bench_delete(((struct fixture *)*state)->bench);
    return 0;
}

static void link_is_as_the_status_says(void **state) {
    static const struct {
        unsigned count, position;
        uint32_t status;
        unsigned refused;
        bool up;
        uint16_t expected;
        const char *why;
    } row[] = {
        { 3, 1, 0x1103, NONE, true, 0x1031, "generation 3, 16 lanes" },
        { 3, 2, 0x1084, NONE, true, 0x0841, "generation 4, 8 lanes, the last capability" },
        { 1, 0, 0x0011, NONE, true, 0x0111, "generation 1, one lane, the only capability" },
        { 3, 1, 0xfbff, NONE, true, 0x3ff1, "all bits, training among them" },
        { 3, 1, 0x1103, NONE, false, 0, "down" },
        { 0, 9, 0, NONE, true, 1, "no capabilities" },
        { 3, 9, 0, NONE, true, 1, "none of PCI Express" },
        { 3, 1, 0x1103, 0x34, true, 1, "the list's beginning is refused" },
        { 3, 1, 0x1103, 0x48, true, 1, "the capability's head is refused" },
        { 3, 1, 0x1103, 0x58, true, 1, "the status is refused" },
        { 3, 1, 0x1103, NONE, true, 0x1031, "as at first" },
    };
    struct fixture *link = *state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        config_fill(link, row[i].count, row[i].position, row[i].status);
        link->refused = row[i].refused;
        link->ports.up_i = row[i].up;
        looks(link);
        looks(link);
        if (link->ports.link_o != row[i].expected)
            fail_msg("%s: %#x", row[i].why, link->ports.link_o);
    }
}

static void down_is_seen_at_once(void **state) {
    struct fixture *link = *state;
    config_fill(link, 2, 1, 0x1103);
    link->ports.up_i = 1;
    looks(link);
    looks(link);
    assert_int_equal(link->ports.link_o, 0x1031);
    link->ports.up_i = 0;
    clock_once(link);
    assert_int_equal(link->ports.link_o, 0);
    link->ports.up_i = 1;
    clock_once(link);
    assert_int_equal(link->ports.link_o, 1); /* what it was trained to is not known yet */
    looks(link);
    looks(link);
    assert_int_equal(link->ports.link_o, 0x1031);
}

static void a_list_without_end_ends(void **state) {
    struct fixture *link = *state;
    config_fill(link, 2, 9, 0);
    link->config[0x48 / 4] = 0x4005; /* back to the first */
    link->ports.up_i = 1;
    looks(link);
    assert_in_range(link->reads, 40, READS_MAX);
    assert_int_equal(link->ports.link_o, 1);

    memset(link->config, 0xff, sizeof link->config);
    link->reads = 0;
    looks(link);
    assert_in_range(link->reads, 40, READS_MAX);
    assert_int_equal(link->ports.link_o, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(link_is_as_the_status_says, setup, teardown),
        cmocka_unit_test_setup_teardown(down_is_seen_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_list_without_end_ends, setup, teardown),
    };
    return cmocka_run_group_tests_name("rtl link", tests, NULL, NULL);
}
