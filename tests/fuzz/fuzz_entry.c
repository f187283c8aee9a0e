/* fuzz_entry: order entry on any messages of two sessions. An input is a run of messages, each
 * behind a byte that says whose it is (bit 0), how many earlier ones are still under way (bits 7:4)
 * and, with the byte behind it, the message's length (bits 2:1 are the length's bits 9:8). The
 * engine's and our own tables must agree afterwards, and what a journal would hold of it all must
 * be restored to the same answers. */
#include "host/base/check.h"
#include "host/gateway/entry.h"
#include "tests/unit/market.h"

enum { EVENTS_MAX = 256, UNDER_WAY_MAX = 16, TAPE_MAX = 4096 };

struct said {
    struct event events[EVENTS_MAX];
    uint32_t count;
};

/* A request as a journal holds it, and the digest of its answers. */
struct taped {
    struct command command;
    uint64_t answers;
    uint16_t session, bytes;
    uint8_t input[sizeof(struct entry_header) + ENTRY_MESSAGE_BYTES_MAX];
};

struct desk {
    struct engine *engine;
    struct entry *entry;
    struct taped *tape; /* NULL while it is restored */
    uint32_t taped;
    uint64_t answers;
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
    struct desk *desk = context;
    CHECK(session < MARKET_SESSIONS);
    CHECK(ouch_decode(OUCH_OUT, bytes, count, &message, &fault) == 0);
    desk->answers = (desk->answers ^ session) * 0x100000001b3u;
    for (size_t i = 0; i < count; i++) desk->answers = (desk->answers ^ bytes[i]) * 0x100000001b3u;
}

static void tape(struct desk *desk, const struct entry_request *request) {
    CHECK(desk->taped < TAPE_MAX);
    struct taped *taped = &desk->tape[desk->taped++];
    taped->command = request->command;
    taped->session = request->session;
    taped->bytes = (uint16_t)(sizeof request->header + request->bytes);
    memcpy(taped->input, &request->header, sizeof request->header);
    memcpy(taped->input + sizeof request->header, request->message, request->bytes);
}

static void carry_out(struct desk *desk, struct entry_request *request) {
    static struct said said;
    struct entry_request follow_up;
    said.count = 0;
    desk->answers = 0;
    if (desk->tape != NULL) tape(desk, request);
    if (request->header.action == ENTRY_COMMAND)
        engine_apply(desk->engine, &request->command, false, keep_event, &said);
    bool follows = entry_complete(desk->entry, request, said.events, said.count, check_answer, desk,
                                  &follow_up);
    if (desk->tape == NULL) return; /* what follows is on the tape */
    desk->tape[desk->taped - 1].answers = desk->answers;
    if (follows) carry_out(desk, &follow_up);
}

static struct desk desk_open(const struct config *config, const struct setup *setup) {
    static struct said said;
    struct desk desk = { .engine = engine_new(&market_size),
                         .entry = entry_new(config, &market_size, 1) };
    CHECK(desk.engine != NULL);
    CHECK(desk.entry != NULL);
    for (uint32_t i = 0; i < setup->count; i++) {
        said.count = 0;
        engine_apply(desk.engine, &setup->commands[i], false, keep_event, &said);
    }
    return desk;
}

static void desk_close(struct desk *desk) {
    orders_check(entry_orders(desk->entry));
    engine_check(desk->engine);
    engine_delete(desk->engine);
    entry_delete(desk->entry);
}

static void restore(struct desk *desk, const struct taped *taped) {
    struct entry_request request;
    struct entry_header header;
    memcpy(&header, taped->input, sizeof header);
    const struct command *command = header.action == ENTRY_COMMAND ? &taped->command : NULL;
    CHECK(entry_restore(desk->entry, taped->session, taped->input, taped->bytes, command,
                        &request) == 0);
    carry_out(desk, &request);
    CHECK(desk->answers == taped->answers);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    static struct entry_request queue[UNDER_WAY_MAX];
    static struct taped taped[TAPE_MAX];
    static struct config config;
    static struct setup setup;
    if (config.symbol_count == 0) {
        CHECK(config_parse("market", (const uint8_t *)market_yaml, sizeof market_yaml - 1,
                           &config) == 0);
        CHECK(setup_make(&config, &market_size, &setup) == 0);
    }
    struct desk desk = desk_open(&config, &setup);
    desk.tape = taped;
    uint32_t under_way = 0;
    /* A request may bring another one, which follows it up. */
    for (size_t at = 0; at + 2 <= count && desk.taped < TAPE_MAX - 2 * UNDER_WAY_MAX;) {
        uint16_t session = bytes[at] & 1;
        uint32_t keep = bytes[at] >> 4;
        size_t length = (size_t)(bytes[at] & 6) << 7 | bytes[at + 1];
        if (length > count - at - 2) length = count - at - 2;
        if (entry_message(desk.entry, session, bytes + at + 2, length, 1, &queue[under_way]) > 0)
            under_way++;
        at += 2 + length;
        if (under_way <= keep && under_way < UNDER_WAY_MAX) continue;
        for (uint32_t i = 0; i < under_way; i++) carry_out(&desk, &queue[i]);
        under_way = 0;
    }
    for (uint32_t i = 0; i < under_way; i++) carry_out(&desk, &queue[i]);
    desk_close(&desk);

    struct desk again = desk_open(&config, &setup);
    for (uint32_t i = 0; i < desk.taped; i++) restore(&again, &taped[i]);
    desk_close(&again);
    return 0;
}
