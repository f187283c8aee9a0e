/* test_board_card: registers, window and events of the card through one AXI port as a PCIe block
 * offers it: what the first hour with a board tries, here with the card's own bus. */
#define BENCH_PORTS "tests/rtl/board_card.def"
#include "driver/abi/abi.h"
#include "tests/rtl/bench.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { BAR2 = 0x10000, RING_LOG2 = 4, SLOTS = 1 << RING_LOG2, LINE = 64, WORD = 2, WHOLE = 6 };

struct fixture {
    struct bench *bench;
    struct ports ports;
    struct event ring[SLOTS + 1];
    unsigned pushed;
    bool written;
};

static void step(struct fixture *card) {
    struct ports *ports = &card->ports;
    ports->m_axi_bvalid = card->written;
    bench_settle(card->bench, ports);
    card->written = ports->m_axi_wvalid;
    if (card->written) {
        assert_true(ports->m_axi_awvalid);
        assert_in_range(ports->m_axi_awaddr / LINE, 0, SLOTS);
        memcpy(&card->ring[ports->m_axi_awaddr / LINE], ports->m_axi_wdata, LINE);
    }
    bench_clock(card->bench, ports);
}

static unsigned bus_write(struct fixture *card, uint32_t address, uint8_t size, const void *line,
                          uint64_t strobe) {
    struct ports *ports = &card->ports;
    memcpy(ports->s_axi_wdata, line, LINE);
    ports->s_axi_wstrb = strobe;
    ports->s_axi_awaddr = address;
    ports->s_axi_awsize = size;
    ports->s_axi_awvalid = ports->s_axi_wvalid = 1;
    for (int i = 0; i < 2000; i++) {
        bench_settle(card->bench, ports);
        bool address_taken = ports->s_axi_awready, data_taken = ports->s_axi_wready;
        bool answered = ports->s_axi_bvalid;
        step(card);
        if (address_taken) ports->s_axi_awvalid = 0;
        if (data_taken) ports->s_axi_wvalid = 0;
        if (answered) return ports->s_axi_bresp;
    }
    fail_msg("no answer");
    return 3;
}

static void put(struct fixture *card, uint32_t reg, uint32_t value) {
    uint32_t line[16] = { 0 };
    line[reg % LINE / 4] = value;
    assert_int_equal(bus_write(card, reg, WORD, line, UINT64_C(0xf) << reg % LINE), 0);
}

static void bus_read(struct fixture *card, uint32_t address, uint8_t size, uint32_t *line) {
    struct ports *ports = &card->ports;
    ports->s_axi_araddr = address;
    ports->s_axi_arsize = size;
    ports->s_axi_arvalid = 1;
    for (int i = 0; i < 2000; i++) {
        bench_settle(card->bench, ports);
        bool taken = ports->s_axi_arready, shown = ports->s_axi_rvalid;
        if (shown) memcpy(line, ports->s_axi_rdata, LINE);
        step(card);
        if (taken) ports->s_axi_arvalid = 0;
        if (shown) return;
    }
    fail_msg("no answer");
}

static uint32_t get(struct fixture *card, uint32_t reg) {
    uint32_t line[16];
    bus_read(card, reg, WORD, line);
    return line[reg % LINE / 4];
}

static void ring_start(struct fixture *card) {
    for (int i = 0; !(get(card, REG_STATUS) & STATUS_INIT_DONE); i++) assert_true(i < 1000);
    memset(card->ring, 0, sizeof card->ring);
    card->pushed = 0;
    put(card, REG_RING_LOW, 0);
    put(card, REG_RING_LOG2, RING_LOG2);
}

/* A command as a processor without 64-byte stores may send it: in pieces, the last first. */
static void push(struct fixture *card, const struct command *command, unsigned pieces) {
    uint32_t address = BAR2 + card->pushed++ % LIMIT_WINDOW_SLOTS * LINE;
    for (unsigned piece = pieces; piece-- > 0;) {
        unsigned bytes = LINE / pieces;
        uint64_t strobe = pieces == 1 ? UINT64_MAX : ((UINT64_C(1) << bytes) - 1) << piece * bytes;
        assert_int_equal(bus_write(card, address, WHOLE, command, strobe), 0);
    }
}

static int setup(void **state) {
    static struct fixture card;
    card = (struct fixture){ .bench = bench_new(bench_seed()) };
    card.ports.rst = 1;
    step(&card);
    card.ports.rst = 0;
    ring_start(&card);
    *state = &card;
    return 0;
}

static int teardown(void **state) {
    bench_delete(((struct fixture *)*state)->bench);
    return 0;
}

static void registers_answer(void **state) {
    struct fixture *card = *state;
    uint32_t line[16];
    assert_int_equal(get(card, REG_DIGEST), abi_digest());
    bus_read(card, REG_DIGEST, WHOLE, line);
    assert_int_equal(line[REG_DIGEST / 4], abi_digest());
    assert_int_equal(line[REG_ORDERS / 4], 65536);
    put(card, REG_HEARTBEAT, 0x12345678);
    assert_int_equal(get(card, REG_HEARTBEAT), 0x12345678);
}

static void commands_become_events(void **state) {
    struct fixture *card = *state;
    for (unsigned pieces = 1, events = 0; pieces <= 16; pieces *= 2) {
        struct command command = { .quantity = 1 };
        push(card, &command, pieces);
        for (int i = 0; i < 100; i++) step(card);
        events++;
        assert_int_equal(card->ring[events - 1].number, events);
        assert_int_equal(card->ring[events - 1].phase, 1);
        assert_int_equal(card->ring[events].phase, 0);
    }
}

/* A write right behind a reset waits until the reset is over: it is neither lost nor undone. */
static void reset_goes_through(void **state) {
    struct fixture *card = *state;
    struct command command = { .quantity = 1 };
    for (uint32_t round = 1; round <= 3; round++) {
        put(card, REG_CONTROL, CONTROL_RESET);
        put(card, REG_HEARTBEAT, round);
        ring_start(card);
        assert_int_equal(get(card, REG_HEARTBEAT), round);
        push(card, &command, 2);
        for (int i = 0; i < 100; i++) step(card);
        assert_int_equal(card->ring[0].number, 1);
        assert_int_equal(card->ring[0].phase, 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(registers_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(commands_become_events, setup, teardown),
        cmocka_unit_test_setup_teardown(reset_goes_through, setup, teardown),
    };
    return cmocka_run_group_tests_name("rtl board_card", tests, NULL, NULL);
}
