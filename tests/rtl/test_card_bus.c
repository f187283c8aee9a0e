/* test_card_bus: the card's ports from outside, with tests/rtl/card_bus_core.v for a core: stamps,
 * the kill's place among the commands, credits, counters, reset. */
#define BENCH_PORTS "tests/rtl/card_bus.def"
#include "driver/abi/abi.h"
#include "host/base/random.h"
#include "tests/rtl/bench.h"
#include "tests/rtl/regs_access.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* LATENCY: a command's last byte to its event on m_axi: window 2, ingress 1, FIFO 2, writer 1, and
   2 of the stand-in core. */
enum { RING_LOG2 = 4, SLOTS = 1 << RING_LOG2, LATENCY = 8 };

struct fixture {
    struct bench *bench;
    struct ports ports;
    struct random random;
    uint64_t clock, pushed, read, written_at;
    struct event ring[SLOTS + 1];
    unsigned bus_of_8; /* how often the host's bus takes an address or data */
    bool answer;
    uint8_t credits;
    uint64_t address_valid, data_valid, address, answers;
    struct event data;
};

static void step(void *context) {
    struct fixture *card = context;
    struct ports *ports = &card->ports;
    ports->m_axi_awready = !card->address_valid && random_below(&card->random, 8) < card->bus_of_8;
    ports->m_axi_wready = !card->data_valid && random_below(&card->random, 8) < card->bus_of_8;
    ports->m_axi_bvalid = card->answer && card->answers > 0;
    card->answers -= ports->m_axi_bvalid;
    bench_settle(card->bench, ports);
    if (ports->m_axi_awvalid && ports->m_axi_awready) {
        card->address = ports->m_axi_awaddr;
        card->address_valid = 1;
    }
    if (ports->m_axi_wvalid && ports->m_axi_wready) {
        memcpy(&card->data, ports->m_axi_wdata, sizeof card->data);
        card->data_valid = 1;
    }
    if (card->address_valid && card->data_valid) {
        assert_in_range(card->address / sizeof card->data, 0, SLOTS);
        card->ring[card->address / sizeof card->data] = card->data;
        card->address_valid = card->data_valid = 0;
        card->answers++;
        card->written_at = card->clock;
    }
    bench_clock(card->bench, ports);
    card->clock++;
}

static void steps(struct fixture *card, int clocks) {
    for (int i = 0; i < clocks; i++) step(card);
}

static void put(struct fixture *card, uint32_t reg, uint32_t value) {
    assert_int_equal(regs_write(card->bench, &card->ports, reg, value, 0xf, step, card), REGS_OKAY);
}

static uint32_t get(struct fixture *card, uint32_t reg) {
    return regs_read(card->bench, &card->ports, reg, step, card);
}

static uint64_t counter(struct fixture *card, uint32_t number) {
    return get(card, REG_COUNTERS + 8 * number) | (uint64_t)get(card, REG_COUNTERS + 8 * number + 4)
                                                      << 32;
}

static void ring_start(struct fixture *card) {
    memset(card->ring, 0, sizeof card->ring);
    card->read = 0;
    put(card, REG_RING_LOW, 0);
    put(card, REG_RING_LOG2, RING_LOG2);
}

static void wait_init(struct fixture *card) {
    for (int i = 0; !(get(card, REG_STATUS) & STATUS_INIT_DONE); i++) assert_true(i < 1000);
}

static void push(struct fixture *card, const struct command *command) {
    struct ports *ports = &card->ports;
    ports->s_axi_awaddr = (uint16_t)(card->pushed++ % LIMIT_WINDOW_SLOTS * sizeof *command);
    ports->s_axi_awvalid = ports->s_axi_wvalid = ports->s_axi_wlast = ports->s_axi_bready = 1;
    ports->s_axi_wstrb = UINT64_MAX;
    memcpy(ports->s_axi_wdata, command, sizeof *command);
    for (int wait = 0; ports->s_axi_wvalid; wait++) {
        assert_true(wait < 1000);
        bench_settle(card->bench, ports);
        bool address = ports->s_axi_awready, data = ports->s_axi_wready;
        step(card);
        if (address) ports->s_axi_awvalid = 0;
        if (data) ports->s_axi_wvalid = 0;
    }
}

/* The next event, if it is there; the room is given back. */
static bool poll(struct fixture *card, struct event *event) {
    const struct event *next = &card->ring[card->read % SLOTS];
    if (next->phase != (~(card->read >> RING_LOG2) & 1)) return false;
    *event = *next;
    card->credits = event->credits;
    card->read++;
    assert_int_equal(event->number, card->read);
    put(card, REG_RING_CONSUMED, (uint32_t)card->read);
    return true;
}

static struct event event_wait(struct fixture *card) {
    struct event event;
    for (int i = 0; !poll(card, &event); i++) {
        assert_true(i < 2000);
        step(card);
    }
    return event;
}

static int setup(void **state) {
    static struct fixture card;
    uint64_t seed = bench_seed();
    card = (struct fixture){
        .bench = bench_new(seed), .random = random_seeded(seed), .bus_of_8 = 8, .answer = true
    };
    card.ports.rst = 1;
    step(&card);
    card.ports.rst = 0;
    steps(&card, 2);
    wait_init(&card);
    ring_start(&card);
    *state = &card;
    return 0;
}

static int teardown(void **state) {
    bench_delete(((struct fixture *)*state)->bench);
    return 0;
}

static const struct command release = { .opcode = OPCODE_KILL, .mode = MODE_RELEASE };

static void command_takes_eight_clocks_to_its_event(void **state) {
    struct fixture *card = *state;
    push(card, &(struct command){ .opcode = OPCODE_NOP, .order = 5 });
    uint64_t written = card->clock - 1;
    steps(card, 20);
    assert_int_equal(card->written_at - written, LATENCY);
    assert_int_equal(card->ring[0].order, 5);
    assert_int_equal(card->ring[0].credits, 1);
}

static void replay_keeps_stamps_but_never_backwards(void **state) {
    struct fixture *card = *state;
    static const struct {
        uint64_t given, expected;
        const char *why;
    } row[] = {
        { 0, 0, "as given" },
        { 1000, 1000, "far behind the clock" },
        { 999, 1000, "backwards" },
        { UINT64_MAX - 1, UINT64_MAX - 1, "far ahead of the clock" },
        { 5, UINT64_MAX - 1, "backwards again" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        push(card, &(struct command){ .stamp_ns = row[i].given, .opcode = OPCODE_NOP });
        if (event_wait(card).stamp_ns != row[i].expected) fail_msg("%s", row[i].why);
    }
}

static void live_stamps_are_the_arrival(void **state) {
    struct fixture *card = *state;
    put(card, REG_TIME_LOW, 0);
    put(card, REG_TIME_HIGH, 1);
    uint64_t set_at = card->clock; /* the time was set by the edge before */
    put(card, REG_CONTROL, CONTROL_GO_LIVE);
    /* The second waits long behind the first, and still has the time at which it arrived. */
    push(card, &(struct command){ .stamp_ns = 7, .opcode = OPCODE_NOP, .price_e4 = 500 });
    uint64_t first = (1ull << 32) + 4 * (card->clock - 1 - set_at);
    push(card, &(struct command){ .opcode = OPCODE_NOP });
    assert_true(event_wait(card).stamp_ns == first);
    assert_true(event_wait(card).stamp_ns == first + 4);
}

static void only_a_replay_may_say_card(void **state) {
    struct fixture *card = *state;
    const struct command command = { .opcode = OPCODE_NOP, .origin = ORIGIN_CARD };
    push(card, &command);
    struct event event = event_wait(card);
    assert_int_not_equal(event.kind, KIND_REJECTED);
    assert_true(event.flags & EVENT_CARD);
    put(card, REG_CONTROL, CONTROL_GO_LIVE);
    push(card, &command);
    assert_int_equal(event_wait(card).kind, KIND_REJECTED);
}

static void kill_passes_all_that_wait(void **state) {
    struct fixture *card = *state;
    put(card, REG_CONTROL, CONTROL_GO_LIVE);
    push(card, &release);
    event_wait(card);
    assert_false(get(card, REG_STATUS) & STATUS_KILLED);
    /* The first is with the core, the second is offered to it: neither can be taken back. */
    for (uint32_t i = 0; i < 10; i++)
        push(card, &(struct command){ .opcode = OPCODE_NOP, .order = i, .price_e4 = 100 });
    put(card, REG_CONTROL, CONTROL_KILL);
    for (uint32_t i = 0; i < 2; i++) assert_int_equal(event_wait(card).order, i);
    struct event kill = event_wait(card);
    assert_int_equal(kill.field, OPCODE_KILL);
    assert_int_equal(kill.table, TABLE_ENGINE);
    assert_true(kill.flags & EVENT_CARD);
    assert_true(get(card, REG_STATUS) & STATUS_KILLED);
    uint64_t stamp = kill.stamp_ns;
    for (uint32_t i = 2; i < 10; i++) {
        struct event event = event_wait(card);
        assert_int_equal(event.order, i);
        assert_true(event.stamp_ns >= stamp); /* they arrived earlier, but stamps never fall */
        assert_int_equal(event.flags & EVENT_CARD, 0);
    }
    assert_int_equal(card->credits, 11); /* a kill takes no slot */
    put(card, REG_CONTROL, CONTROL_SNAPSHOT);
    assert_int_equal(counter(card, COUNTER_GATE_CLOSINGS), 1);
}

static void kill_happens_only_live_and_only_open(void **state) {
    struct fixture *card = *state;
    struct event event;
    push(card, &release);
    event_wait(card);
    put(card, REG_CONTROL, CONTROL_KILL); /* REPLAY: forgotten, not put off */
    put(card, REG_CONTROL, CONTROL_GO_LIVE);
    steps(card, 100);
    assert_false(poll(card, &event));
    put(card, REG_CONTROL, CONTROL_KILL);
    put(card, REG_CONTROL, CONTROL_KILL);
    assert_int_equal(event_wait(card).field, OPCODE_KILL);
    put(card, REG_CONTROL, CONTROL_KILL); /* closed already */
    steps(card, 100);
    assert_false(poll(card, &event));
    /* A release is with the core as the kill comes: the gate ends closed. */
    struct command slow = release;
    slow.price_e4 = 200;
    push(card, &slow);
    steps(card, 10);
    put(card, REG_CONTROL, CONTROL_KILL);
    assert_int_equal(event_wait(card).flags & EVENT_CARD, 0);
    assert_true(event_wait(card).flags & EVENT_CARD);
    assert_true(get(card, REG_STATUS) & STATUS_KILLED);
    put(card, REG_CONTROL, CONTROL_SNAPSHOT);
    assert_int_equal(counter(card, COUNTER_GATE_CLOSINGS), 2);
}

static void go_live_and_kill_in_one_write_close(void **state) {
    struct fixture *card = *state;
    push(card, &release);
    event_wait(card);
    put(card, REG_CONTROL, CONTROL_GO_LIVE | CONTROL_KILL);
    assert_int_equal(event_wait(card).field, OPCODE_KILL);
}

static void silence_closes_the_gate_and_is_counted(void **state) {
    struct fixture *card = *state;
    struct event event;
    put(card, REG_WATCHDOG_NS, 4000); /* 1,000 clocks */
    push(card, &release);
    event_wait(card);
    put(card, REG_CONTROL, CONTROL_GO_LIVE);
    for (int i = 0; i < 4; i++) {
        steps(card, 900);
        put(card, REG_HEARTBEAT, 1);
    }
    assert_false(poll(card, &event));
    steps(card, 900);
    assert_false(poll(card, &event));
    steps(card, 200);
    event = event_wait(card);
    assert_int_equal(event.field, OPCODE_KILL);
    assert_true(event.flags & EVENT_CARD);
    assert_true(get(card, REG_STATUS) & STATUS_KILLED);
    /* Closed already: the silence is counted, nothing is said. */
    steps(card, 1000);
    assert_false(poll(card, &event));
    put(card, REG_CONTROL, CONTROL_SNAPSHOT);
    assert_int_equal(counter(card, COUNTER_WATCHDOG), 2);
    assert_int_equal(counter(card, COUNTER_GATE_CLOSINGS), 1);
    /* A release by a host that has no heartbeat does not last. */
    push(card, &release);
    assert_int_equal(event_wait(card).flags & EVENT_CARD, 0);
    assert_true(event_wait(card).flags & EVENT_CARD);
}

static void counters_count_and_are_latched(void **state) {
    struct fixture *card = *state;
    static const uint8_t kinds[] = { KIND_ACCEPTED, KIND_REJECTED, KIND_REPLACED, KIND_CANCELED,
                                     KIND_TRADE };
    for (uint32_t i = 0; i < 5; i++) {
        push(card, &(struct command){
                       .opcode = OPCODE_NOP, .side = kinds[i], .quantity = i + 1, .shown = 1000 });
        for (uint32_t j = 0; j <= i; j++) event_wait(card);
    }
    assert_int_equal(counter(card, COUNTER_EVENTS), 0); /* not latched yet */
    put(card, REG_CONTROL, CONTROL_SNAPSHOT);
    push(card, &(struct command){ .opcode = OPCODE_NOP });
    event_wait(card);
    static const struct {
        uint32_t number;
        uint64_t value;
    } row[] = {
        { COUNTER_COMMANDS, 5 },       { COUNTER_EVENTS, 15 },
        { COUNTER_ACCEPTED, 1 },       { COUNTER_REJECTED, 2 },
        { COUNTER_REPLACED, 3 },       { COUNTER_CANCELED, 4 },
        { COUNTER_TRADES, 5 },         { COUNTER_RING_STALLS, 0 },
        { COUNTER_WATCHDOG, 0 },       { COUNTER_TRADED_SHARES, 5000 },
        { COUNTER_GATE_CLOSINGS, 0 },  { COUNTER_WINDOW_PARTIAL, 0 },
        { COUNTER_WINDOW_OVERRUN, 0 },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        assert_int_equal(counter(card, row[i].number), row[i].value);
    assert_true(counter(card, COUNTER_BUSY_CLOCKS) >= 15);
}

static void full_ring_stalls_the_core_and_is_counted(void **state) {
    struct fixture *card = *state;
    push(card, &(struct command){ .opcode = OPCODE_NOP, .quantity = 100 });
    steps(card, 300);
    put(card, REG_CONTROL, CONTROL_SNAPSHOT);
    assert_int_equal(counter(card, COUNTER_EVENTS), SLOTS);
    assert_true(counter(card, COUNTER_RING_STALLS) > 200);
    assert_int_equal(counter(card, COUNTER_COMMANDS), 0);
    for (uint32_t i = 0; i < 100; i++) event_wait(card);
    put(card, REG_CONTROL, CONTROL_SNAPSHOT);
    assert_int_equal(counter(card, COUNTER_COMMANDS), 1);
}

static void refused_ring_write_is_a_fault(void **state) {
    struct fixture *card = *state;
    card->ports.m_axi_bresp = 2;
    push(card, &(struct command){ .opcode = OPCODE_NOP });
    steps(card, 20);
    assert_true(get(card, REG_STATUS) & STATUS_FAULT);
    card->ports.m_axi_bresp = 0;
    put(card, REG_CONTROL, CONTROL_RESET);
    steps(card, 10);
    assert_false(get(card, REG_STATUS) & STATUS_FAULT);
}

static void reset_drains_then_starts_afresh(void **state) {
    struct fixture *card = *state;
    put(card, REG_CONTROL, CONTROL_GO_LIVE);
    push(card, &release);
    for (uint32_t i = 0; i < 20; i++)
        push(card, &(struct command){ .opcode = OPCODE_NOP, .quantity = 3 });
    card->answer = false;
    steps(card, 30);
    put(card, REG_CONTROL, CONTROL_RESET);
    assert_int_equal(get(card, REG_STATUS) & STATUS_INIT_DONE, 0);
    steps(card, 50);
    assert_true(get(card, REG_STATUS) & STATUS_LIVE); /* answers are still to come */
    card->answer = true;
    steps(card, 60);
    assert_int_equal(card->answers, 0);
    assert_int_equal(get(card, REG_STATUS) & STATUS_LIVE, 0);
    wait_init(card);
    assert_int_equal(get(card, REG_STATUS), STATUS_INIT_DONE | STATUS_KILLED);
    assert_int_equal(get(card, REG_RING_LOG2), 0);
    ring_start(card);
    card->pushed = 0;
    push(card, &(struct command){ .opcode = OPCODE_NOP, .order = 77, .stamp_ns = 3 });
    struct event event = event_wait(card);
    assert_int_equal(event.order, 77);
    assert_int_equal(event.stamp_ns, 3);
    assert_int_equal(event.command, 1);
    assert_int_equal(event.credits, 1);
}

static void random_traffic_loses_nothing(void **state) {
    struct fixture *card = *state;
    uint64_t taken = 0, done = 0, seen = 0;
    struct event event;
    static uint32_t orders[LIMIT_WINDOW_SLOTS * 4];
    while (done < 2000) {
        if (random_below(&card->random, 500) == 0)
            card->bus_of_8 = 1 + (unsigned)random_below(&card->random, 8);
        taken += (uint8_t)(card->credits - (uint8_t)taken);
        if (card->pushed < taken + LIMIT_WINDOW_SLOTS && random_below(&card->random, 4)) {
            uint32_t order = (uint32_t)random_next(&card->random);
            orders[card->pushed % (LIMIT_WINDOW_SLOTS * 4)] = order;
            push(card, &(struct command){ .opcode = OPCODE_NOP,
                                          .order = order,
                                          .quantity = (uint32_t)random_below(&card->random, 4) });
        } else {
            step(card);
        }
        while (random_below(&card->random, 3) && poll(card, &event)) {
            assert_int_equal(event.command, done + 1);
            assert_int_equal(event.order, orders[done % (LIMIT_WINDOW_SLOTS * 4)]);
            done += event.flags & EVENT_END;
            seen++;
        }
    }
    assert_true(seen > done);
    put(card, REG_CONTROL, CONTROL_SNAPSHOT);
    assert_int_equal(counter(card, COUNTER_WINDOW_OVERRUN), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(command_takes_eight_clocks_to_its_event, setup, teardown),
        cmocka_unit_test_setup_teardown(replay_keeps_stamps_but_never_backwards, setup, teardown),
        cmocka_unit_test_setup_teardown(live_stamps_are_the_arrival, setup, teardown),
        cmocka_unit_test_setup_teardown(only_a_replay_may_say_card, setup, teardown),
        cmocka_unit_test_setup_teardown(kill_passes_all_that_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(kill_happens_only_live_and_only_open, setup, teardown),
        cmocka_unit_test_setup_teardown(go_live_and_kill_in_one_write_close, setup, teardown),
        cmocka_unit_test_setup_teardown(silence_closes_the_gate_and_is_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(counters_count_and_are_latched, setup, teardown),
        cmocka_unit_test_setup_teardown(full_ring_stalls_the_core_and_is_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(refused_ring_write_is_a_fault, setup, teardown),
        cmocka_unit_test_setup_teardown(reset_drains_then_starts_afresh, setup, teardown),
        cmocka_unit_test_setup_teardown(random_traffic_loses_nothing, setup, teardown),
    };
    return cmocka_run_group_tests_name("rtl card_bus", tests, NULL, NULL);
}
