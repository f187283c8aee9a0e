/* test_split: rtl/board/alveo_u50/split.v between a PCIe block, registers and a command window, all
 * three modelled here. The model of what must come out is bytes: every byte with a strobe is
 * written once, in order, where its address says; every byte from a read's address on is there. */
#define BENCH_PORTS "tests/rtl/split.def"
#include "host/base/random.h"
#include "tests/rtl/bench.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum {
    WORDS = 16,
    BEAT_BYTES = 64,
    BEATS_MAX = 4,
    REGISTER_BYTES = 0x8000,
    BAR2 = 0x10000,
    WINDOW_BYTES = 0x800,
    OKAY = 0,
    SLVERR = 2,
    FULL = 6, /* AXI size of 64 bytes */
    WAIT_MAX = 100000,
    LOG_MAX = 256
};

struct beat {
    uint32_t word[WORDS];
    uint64_t strobe;
};

struct fixture {
    struct bench *bench;
    struct ports ports;
    struct random random;
    unsigned eager; /* of 8: how often a side is ready or moves on */
    uint64_t clocks;
    uint32_t registers[REGISTER_BYTES / 4];
    bool address_taken, data_taken, read_taken, window_taken; /* by the models */
    uint32_t address, data, read_address;
    uint8_t strobe, window_beats;
    uint32_t window_address;
    bool window_ended;
    struct beat window[LOG_MAX]; /* beats that came to the window */
    uint32_t window_at[LOG_MAX];
    unsigned window_count, register_writes;
    uint32_t order[LOG_MAX]; /* addresses of all writes, BAR2 with its bit */
    unsigned orders;
    uint8_t window_answer;
    bool aw, w, b, ar, r; /* what moved between PCIe block and module in the last clock */
    struct beat shown;
    uint8_t shown_last, shown_answer, shown_id, answer, answer_id;
};

static bool moves(struct fixture *split) { return random_below(&split->random, 8) < split->eager; }

static void ordered(struct fixture *split, uint32_t address) {
    if (split->orders < LOG_MAX) split->order[split->orders++] = address;
}

/* One clock, of which the caller has set what the PCIe block drives. A model whose answer stands
   keeps it until it is taken. */
static void clock_once(struct fixture *split) {
    struct ports *p = &split->ports;
    p->m_axil_awready = !split->address_taken && moves(split);
    p->m_axil_wready = !split->data_taken && moves(split);
    p->m_axil_bvalid =
        p->m_axil_bvalid || (split->address_taken && split->data_taken && moves(split));
    p->m_axil_bresp = split->strobe == 15 ? OKAY : SLVERR;
    p->m_axil_arready = !split->read_taken && moves(split);
    p->m_axil_rvalid = p->m_axil_rvalid || (split->read_taken && moves(split));
    p->m_axil_rdata = p->m_axil_rvalid ? split->registers[split->read_address / 4] : 0xdeadbeef;
    p->m_axi_awready = !split->window_taken && moves(split);
    bool addressed = split->window_taken || (p->m_axi_awvalid && p->m_axi_awready);
    p->m_axi_wready = addressed && !split->window_ended && moves(split);
    p->m_axi_bvalid = p->m_axi_bvalid || (split->window_ended && moves(split));
    p->m_axi_bresp = split->window_answer;
    bench_settle(split->bench, p);
    split->aw = p->s_axi_awvalid && p->s_axi_awready;
    split->w = p->s_axi_wvalid && p->s_axi_wready;
    split->b = p->s_axi_bvalid && p->s_axi_bready;
    split->ar = p->s_axi_arvalid && p->s_axi_arready;
    split->r = p->s_axi_rvalid && p->s_axi_rready;
    split->answer = p->s_axi_bresp;
    split->answer_id = p->s_axi_bid;
    memcpy(split->shown.word, p->s_axi_rdata, sizeof split->shown.word);
    split->shown_last = p->s_axi_rlast;
    split->shown_answer = p->s_axi_rresp;
    split->shown_id = p->s_axi_rid;

    if (p->m_axil_awvalid && p->m_axil_awready) {
        split->address_taken = true;
        split->address = p->m_axil_awaddr;
    }
    if (p->m_axil_wvalid && p->m_axil_wready) {
        split->data_taken = true;
        split->data = p->m_axil_wdata;
        split->strobe = p->m_axil_wstrb;
    }
    bool answered = p->m_axil_bvalid && p->m_axil_bready;
    if (answered) {
        split->address_taken = split->data_taken = false;
        split->register_writes++;
        ordered(split, split->address);
        for (int byte = 0; byte < 4; byte++) {
            uint32_t mask = 0xffu << (8 * byte);
            if (split->strobe >> byte & 1)
                split->registers[split->address / 4] =
                    (split->registers[split->address / 4] & ~mask) | (split->data & mask);
        }
    }
    if (p->m_axil_arvalid && p->m_axil_arready) {
        split->read_taken = true;
        split->read_address = p->m_axil_araddr;
    }
    bool shown = p->m_axil_rvalid && p->m_axil_rready;
    if (shown) split->read_taken = false;
    if (p->m_axi_awvalid && p->m_axi_awready) {
        split->window_taken = true;
        split->window_address = p->m_axi_awaddr;
        split->window_beats = p->m_axi_awlen;
    }
    if (p->m_axi_wvalid && p->m_axi_wready) {
        assert_true(split->window_count < LOG_MAX);
        struct beat *beat = &split->window[split->window_count];
        memcpy(beat->word, p->m_axi_wdata, sizeof beat->word);
        beat->strobe = p->m_axi_wstrb;
        split->window_at[split->window_count++] = split->window_address;
        split->window_ended = p->m_axi_wlast;
        ordered(split, BAR2 + split->window_address);
    }
    bool ended = p->m_axi_bvalid && p->m_axi_bready;
    if (ended) split->window_taken = split->window_ended = false;
    bench_clock(split->bench, p);
    split->clocks++;
    if (answered) p->m_axil_bvalid = 0;
    if (shown) p->m_axil_rvalid = 0;
    if (ended) p->m_axi_bvalid = 0;
}

/* write_beats makes a write and returns its answer. Address and data come independently. */
static unsigned write_beats(struct fixture *split, uint32_t address, uint8_t size,
                            const struct beat *beats, unsigned count) {
    struct ports *p = &split->ports;
    bool addressed = false;
    unsigned sent = 0;
    p->s_axi_awid = (uint8_t)random_below(&split->random, 16);
    p->s_axi_awaddr = address;
    p->s_axi_awlen = (uint8_t)(count - 1);
    p->s_axi_awsize = size;
    for (int clock = 0; clock < WAIT_MAX; clock++) {
        if (!addressed && moves(split)) p->s_axi_awvalid = 1;
        if (sent < count && moves(split)) p->s_axi_wvalid = 1;
        if (sent < count) {
            memcpy(p->s_axi_wdata, beats[sent].word, sizeof beats[sent].word);
            p->s_axi_wstrb = beats[sent].strobe;
            p->s_axi_wlast = sent == count - 1;
        }
        p->s_axi_bready = moves(split);
        clock_once(split);
        if (split->aw) addressed = true, p->s_axi_awvalid = 0;
        if (split->w) sent++, p->s_axi_wvalid = 0;
        if (!split->b) continue;
        assert_true(addressed);
        assert_int_equal(sent, count);
        assert_int_equal(split->answer_id, p->s_axi_awid);
        p->s_axi_bready = 0;
        return split->answer;
    }
    fail_msg("no answer to a write at %#x", address);
    return SLVERR;
}

/* read_beats makes a read and returns the worst of its answers. */
static unsigned read_beats(struct fixture *split, uint32_t address, uint8_t size,
                           struct beat *beats, unsigned count) {
    struct ports *p = &split->ports;
    unsigned got = 0, answer = OKAY;
    p->s_axi_arid = (uint8_t)random_below(&split->random, 16);
    p->s_axi_araddr = address;
    p->s_axi_arlen = (uint8_t)(count - 1);
    p->s_axi_arsize = size;
    p->s_axi_arvalid = 1;
    for (int clock = 0; clock < WAIT_MAX; clock++) {
        p->s_axi_rready = moves(split);
        clock_once(split);
        if (split->ar) p->s_axi_arvalid = 0;
        if (!split->r) continue;
        assert_int_equal(split->shown_id, p->s_axi_arid);
        assert_int_equal(split->shown_last, got == count - 1);
        beats[got++] = split->shown;
        answer |= split->shown_answer;
        if (got < count) continue;
        p->s_axi_rready = 0;
        return answer;
    }
    fail_msg("no answer to a read at %#x", address);
    return SLVERR;
}

static void beats_random(struct fixture *split, struct beat *beats, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        for (int word = 0; word < WORDS; word++)
            beats[i].word[word] = (uint32_t)random_next(&split->random);
}

static int setup(void **state) {
    static struct fixture split;
    split = (struct fixture){ .bench = bench_new(1), .random = random_seeded(1), .eager = 8 };
    for (uint32_t i = 0; i < REGISTER_BYTES / 4; i++) split.registers[i] = 0x51000000 + i;
    split.ports.rst = 1;
    bench_clock(split.bench, &split.ports);
    split.ports.rst = 0;
    *state = &split;
    return 0;
}

static int teardown(void **state) {
    bench_delete(((struct fixture *)*state)->bench);
    return 0;
}

/* What a processor's stores and loads to BAR0 may look like on the bus. */
static void registers_are_written(void **state) {
    static const struct {
        uint32_t address;
        uint8_t size;
        uint64_t strobe;
        unsigned writes, answer;
        const char *why;
    } row[] = {
        { 0x0000, 2, 0xf, 1, OKAY, "the first register, narrow" },
        { 0x001c, 2, UINT64_C(0xf) << 28, 1, OKAY, "narrow, in its lanes" },
        { 0x001c, FULL, UINT64_C(0xf) << 28, 1, OKAY, "the whole bus, one word of it" },
        { 0x0000, FULL, UINT64_C(0xf) << 28, 1, OKAY, "the strobes say where, not the address" },
        { 0x7ffc, 2, UINT64_C(0xf) << 60, 1, OKAY, "the last register" },
        { 0x4038, FULL, UINT64_C(0xff) << 56, 2, OKAY, "64 bits are two registers" },
        { 0x4000, FULL, UINT64_MAX, 16, OKAY, "a whole line" },
        { 0x4000, FULL, UINT64_C(0xf00f), 2, OKAY, "with a gap" },
        { 0x4004, FULL, UINT64_C(0x30), 1, SLVERR, "half a register: the registers refuse it" },
        { 0x4000, FULL, 0, 0, OKAY, "nothing" },
        { 0x8000, FULL, UINT64_MAX, 0, SLVERR, "just behind the registers" },
        { 0xfffc, 2, UINT64_C(0xf) << 60, 0, SLVERR, "the end of BAR0's half" },
        { 0x10800, FULL, UINT64_MAX, 0, SLVERR, "just behind the window" },
        { 0x1ffc0, FULL, UINT64_MAX, 0, SLVERR, "the end of all" },
    };
    static uint32_t before[REGISTER_BYTES / 4];
    struct fixture *split = *state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct beat beat = { .strobe = row[i].strobe };
        beats_random(split, &beat, 1);
        memcpy(before, split->registers, sizeof before);
        split->register_writes = 0;
        unsigned answer = write_beats(split, row[i].address, row[i].size, &beat, 1);
        if (answer != row[i].answer || split->register_writes != row[i].writes)
            fail_msg("%s: answer %u, %u writes", row[i].why, answer, split->register_writes);
        for (uint32_t byte = 0; byte < BEAT_BYTES && row[i].writes > 0; byte++)
            if (row[i].strobe >> byte & 1)
                ((uint8_t *)before)[(row[i].address & ~63u) + byte] = ((uint8_t *)beat.word)[byte];
        assert_memory_equal(before, split->registers, sizeof before);
    }
    assert_int_equal(split->window_count, 0);
}

static void registers_are_read(void **state) {
    static const struct {
        uint32_t address;
        uint8_t size;
        unsigned beats, first, words; /* that must be there in the first beat */
        const char *why;
    } row[] = {
        { 0x0000, 2, 1, 0, 1, "the first register, narrow" },
        { 0x001c, 2, 1, 7, 1, "narrow, in its lane" },
        { 0x001c, FULL, 1, 7, 9, "the whole bus from its address on" },
        { 0x0000, FULL, 1, 0, 16, "a whole line" },
        { 0x7ffc, 2, 1, 15, 1, "the last register" },
        { 0x7fc0, FULL, 1, 0, 16, "the last line" },
        { 0x0038, 3, 1, 14, 2, "64 bits" },
        { 0x003d, 0, 1, 15, 1, "a byte" },
        { 0x1004, FULL, 3, 1, 15, "a burst that begins within a line" },
        { 0x1008, 2, 4, 2, 1, "a narrow burst" },
        { 0x8000, FULL, 2, 0, 0, "just behind the registers: zeros" },
        { 0x10000, FULL, 1, 0, 0, "the window: zeros" },
        { 0x10800, 2, 1, 0, 0, "behind the window: zeros" },
    };
    struct fixture *split = *state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct beat beats[BEATS_MAX];
        unsigned answer = read_beats(split, row[i].address, row[i].size, beats, row[i].beats);
        assert_int_equal(answer, OKAY);
        for (unsigned word = 0; word < WORDS; word++) {
            bool there = word >= row[i].first && word < row[i].first + row[i].words;
            uint32_t expected = there ? split->registers[row[i].address / 64 * 16 + word] : 0;
            if (beats[0].word[word] != expected)
                fail_msg("%s: word %u is %#x", row[i].why, word, beats[0].word[word]);
        }
        if (row[i].words == 0) continue;
        for (unsigned beat = 1; beat < row[i].beats; beat++) {
            uint32_t at = (row[i].address >> row[i].size << row[i].size) + (beat << row[i].size);
            for (uint32_t here = at; here < at + (1u << row[i].size); here += 4)
                if (beats[beat].word[here / 4 % 16] != split->registers[here / 4])
                    fail_msg("%s: beat %u, %#x", row[i].why, beat, here);
        }
    }
}

static void window_gets_what_comes(void **state) {
    struct fixture *split = *state;
    struct beat beats[BEATS_MAX];
    for (uint32_t slot = 0; slot < WINDOW_BYTES / BEAT_BYTES; slot++) {
        unsigned count = 1 + slot % BEATS_MAX; /* the window itself refuses bursts */
        beats_random(split, beats, count);
        for (unsigned i = 0; i < count; i++) beats[i].strobe = random_next(&split->random);
        split->window_count = 0;
        split->window_answer = slot % 2 ? SLVERR : OKAY;
        unsigned answer = write_beats(split, BAR2 + slot * BEAT_BYTES, FULL, beats, count);
        assert_int_equal(answer, split->window_answer);
        assert_int_equal(split->window_count, count);
        assert_int_equal(split->window_at[0], slot * BEAT_BYTES);
        assert_int_equal(split->window_beats, count - 1);
        assert_memory_equal(split->window, beats, count * sizeof *beats);
    }
    assert_int_equal(split->register_writes, 0);
}

static void window_write_takes_four_clocks(void **state) {
    struct fixture *split = *state;
    struct ports *p = &split->ports;
    unsigned answers = 0;
    p->s_axi_awvalid = p->s_axi_wvalid = p->s_axi_wlast = p->s_axi_bready = 1;
    p->s_axi_awaddr = BAR2;
    p->s_axi_awsize = FULL;
    p->s_axi_wstrb = UINT64_MAX;
    for (int clock = 0; clock < 100; clock++) {
        clock_once(split);
        answers += split->b;
    }
    assert_int_equal(answers, 25);
}

/* A read that comes with a write sees what the write wrote, and writes stay in order over both
   ports. */
static void order_is_kept(void **state) {
    struct fixture *split = *state;
    struct ports *p = &split->ports;
    struct beat beat = { .strobe = UINT64_MAX };
    beats_random(split, &beat, 1);
    memcpy(p->s_axi_wdata, beat.word, sizeof beat.word);
    p->s_axi_awaddr = p->s_axi_araddr = 0x40;
    p->s_axi_awsize = p->s_axi_arsize = FULL;
    p->s_axi_wstrb = UINT64_MAX;
    p->s_axi_awvalid = p->s_axi_arvalid = p->s_axi_wvalid = p->s_axi_wlast = 1;
    p->s_axi_bready = p->s_axi_rready = 1;
    bool answered = false, seen = false;
    for (int clock = 0; clock < 1000 && !seen; clock++) {
        clock_once(split);
        if (split->aw) p->s_axi_awvalid = 0;
        if (split->w) p->s_axi_wvalid = 0;
        if (split->ar) p->s_axi_arvalid = 0;
        answered = answered || split->b;
        seen = split->r;
        if (split->ar) assert_true(answered);
    }
    assert_true(seen);
    assert_memory_equal(split->shown.word, beat.word, sizeof beat.word);

    p->s_axi_bready = p->s_axi_rready = 0;
    split->orders = 0;
    split->eager = 3;
    uint32_t expected[40];
    for (int i = 0; i < 40; i++) {
        bool window = random_below(&split->random, 2) != 0;
        uint32_t at = (uint32_t)random_below(&split->random, 512) * 4;
        expected[i] = window ? BAR2 + at / 64 * 64 : at;
        beat.strobe = window ? UINT64_MAX : UINT64_C(0xf) << at % 64;
        (void)write_beats(split, expected[i], window ? FULL : 2, &beat, 1);
    }
    assert_int_equal(split->orders, 40);
    assert_memory_equal(expected, split->order, sizeof expected);
}

static void random_accesses_match_memory(void **state) {
    static uint32_t memory[REGISTER_BYTES / 4];
    struct fixture *split = *state;
    split->random = random_seeded(bench_seed());
    memcpy(memory, split->registers, sizeof memory);
    for (int i = 0; i < 20000; i++) {
        if (i % 100 == 0) split->eager = 1 + (unsigned)random_below(&split->random, 8);
        struct beat beats[BEATS_MAX];
        uint8_t size = (uint8_t)random_below(&split->random, FULL + 1);
        unsigned count = 1 + (unsigned)random_below(&split->random, BEATS_MAX);
        uint32_t address = (uint32_t)random_below(&split->random, REGISTER_BYTES - 4 * BEAT_BYTES);
        uint32_t first = address >> size << size;
        if (random_below(&split->random, 2) != 0) {
            beats_random(split, beats, count);
            for (unsigned beat = 0; beat < count; beat++) {
                uint32_t from = beat == 0 ? address : first + (beat << size);
                uint32_t end = first + ((beat + 1) << size);
                beats[beat].strobe = 0;
                for (uint32_t byte = from; byte < end; byte++) {
                    if (random_below(&split->random, 4) == 0) continue;
                    beats[beat].strobe |= UINT64_C(1) << byte % 64;
                    ((uint8_t *)memory)[byte] = ((uint8_t *)beats[beat].word)[byte % 64];
                }
            }
            (void)write_beats(split, address, size, beats, count);
            assert_memory_equal(memory, split->registers, sizeof memory);
        } else {
            assert_int_equal(read_beats(split, address, size, beats, count), OKAY);
            for (unsigned beat = 0; beat < count; beat++) {
                uint32_t from = beat == 0 ? address : first + (beat << size);
                for (uint32_t byte = from; byte < first + ((beat + 1) << size); byte++)
                    assert_int_equal(((uint8_t *)beats[beat].word)[byte % 64],
                                     ((uint8_t *)memory)[byte]);
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(registers_are_written, setup, teardown),
        cmocka_unit_test_setup_teardown(registers_are_read, setup, teardown),
        cmocka_unit_test_setup_teardown(window_gets_what_comes, setup, teardown),
        cmocka_unit_test_setup_teardown(window_write_takes_four_clocks, setup, teardown),
        cmocka_unit_test_setup_teardown(order_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(random_accesses_match_memory, setup, teardown),
    };
    return cmocka_run_group_tests_name("rtl split", tests, NULL, NULL);
}
