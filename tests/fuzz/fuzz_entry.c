/* fuzz_entry: order entry on any messages of two sessions. An input is a run of messages, each
 * behind a byte that says whose it is (bit 0) and how many earlier ones are still under way (bits
 * 7:4), and a byte with its length. The engine's and our own tables must agree afterwards. */
#include "host/base/check.h"
#include "host/gateway/entry.h"
#include "tests/unit/market.h"

enum { EVENTS_MAX = 256, UNDER_WAY_MAX = 16 };

struct said {
    struct event events[EVENTS_MAX];
    uint32_t count;
};

static void keep_event(void *context, const struct event *event) {
    struct said *said = context;
    CHECK(said->count < EVENTS_MAX);
    said->events[said->count++] = *event;
}

/* Every answer is a message that a client can read. */
static void check_answer(void *context, uint16_t session, const uint8_t *bytes, size_t count) {
    struct ouch_message message;
    struct ouch_fault fault;
    (void)context;
    CHECK(session < MARKET_SESSIONS);
    CHECK(ouch_decode(OUCH_OUT, bytes, count, &message, &fault) == 0);
}

static void carry_out(struct engine *engine, struct entry *entry, struct entry_request *request) {
    static struct said said;
    struct entry_request follow_up;
    said.count = 0;
    if (request->header.action == ENTRY_COMMAND)
        engine_apply(engine, &request->command, false, keep_event, &said);
    if (entry_complete(entry, request, said.events, said.count, check_answer, NULL, &follow_up))
        carry_out(engine, entry, &follow_up);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    static struct entry_request queue[UNDER_WAY_MAX];
    static struct said said;
    static struct config config;
    static struct setup setup;
    if (config.symbol_count == 0) {
        CHECK(config_parse("market", (const uint8_t *)market_yaml, sizeof market_yaml - 1,
                           &config) == 0);
        CHECK(setup_make(&config, &market_size, &setup) == 0);
    }
    struct engine *engine = engine_new(&market_size);
    struct entry *entry = entry_new(&config, &market_size, 1);
    CHECK(engine != NULL);
    CHECK(entry != NULL);
    for (uint32_t i = 0; i < setup.count; i++) {
        said.count = 0;
        engine_apply(engine, &setup.commands[i], false, keep_event, &said);
    }
    uint32_t under_way = 0;
    for (size_t at = 0; at + 2 <= count;) {
        uint16_t session = bytes[at] & 1;
        uint32_t keep = bytes[at] >> 4;
        size_t length = bytes[at + 1];
        if (length > count - at - 2) length = count - at - 2;
        if (entry_message(entry, session, bytes + at + 2, length, 1, &queue[under_way]) > 0)
            under_way++;
        at += 2 + length;
        if (under_way <= keep && under_way < UNDER_WAY_MAX) continue;
        for (uint32_t i = 0; i < under_way; i++) carry_out(engine, entry, &queue[i]);
        under_way = 0;
    }
    for (uint32_t i = 0; i < under_way; i++) carry_out(engine, entry, &queue[i]);
    orders_check(entry_orders(entry));
    engine_check(engine);
    engine_delete(engine);
    entry_delete(entry);
    return 0;
}
