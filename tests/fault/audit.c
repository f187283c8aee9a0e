#include "tests/fault/audit.h"
#include "host/base/check.h"
#include "host/base/err.h"
#include "host/engine/engine.h"
#include "host/journal/walk.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SESSIONS_MAX = 256 };

/* ---- What was told is in the journal ---- */

/* The answer that a record is, as its session counts them; each is compared with what was told. */
static int answer_check(const struct tape *const *tapes, uint32_t sessions, uint64_t *counts,
                        const struct journal_record *record, bool *told) {
    if (record->session >= sessions)
        return err_set(-EPROTO, "an answer for session %u, which there is not", record->session);
    const struct tape *tape = tapes[record->session];
    uint64_t number = ++counts[record->session];
    if (number > tape->count) return 0;
    size_t bytes;
    const uint8_t *message = tape_message(tape, number, &bytes);
    *told = true;
    if (bytes == record->bytes && memcmp(message, record->data, bytes) == 0) return 0;
    return err_set(-EPROTO,
                   "session %u was told something else as message %" PRIu64 " than is recorded",
                   record->session + 1, number);
}

static int all_recorded(const struct tape *const *tapes, uint32_t sessions,
                        const uint64_t *counts) {
    for (uint32_t i = 0; i < sessions; i++)
        if (tapes[i]->count > counts[i])
            return err_set(-EPROTO,
                           "session %u was told %" PRIu64 " messages, and the journal has %" PRIu64
                           " of them: something acknowledged is lost",
                           i + 1, tapes[i]->count, counts[i]);
    return 0;
}

static int block_check_told(const uint8_t *block, const struct tape *const *tapes,
                            uint32_t sessions, uint64_t *counts, bool *told) {
    struct journal_record record;
    uint32_t at = 0;
    int got;
    while ((got = block_record_get(block + BLOCK_HEADER_BYTES, block_payload_bytes(block), &at,
                                   &record)) > 0) {
        if (record.kind != JOURNAL_SESSION_OUTPUT) continue;
        int code = answer_check(tapes, sessions, counts, &record, told);
        if (code != 0) return code;
    }
    return got;
}

int audit_told(const char *journal, const struct tape *const *tapes, uint32_t sessions,
               struct audit_tail *tail) {
    uint64_t counts[SESSIONS_MAX] = { 0 };
    struct walk walk = { .file_fd = -1 };
    const uint8_t *block;
    CHECK(sessions <= SESSIONS_MAX);
    *tail = (struct audit_tail){ .bytes = 0 };
    int directory = open(journal, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return err_set(-errno, "%s: %s", journal, strerror(errno));
    int code = walk_open(&walk, journal, directory);
    while (code == 0 && (code = walk_next(&walk, &block)) > 0) {
        char name[WALK_NAME_BYTES];
        walk_file_name(walk.file, name);
        (void)snprintf(tail->path, sizeof tail->path, "%s/%s", journal, name);
        tail->bytes = BLOCK_HEADER_BYTES + block_payload_bytes(block);
        tail->offset = walk.offset - tail->bytes;
        tail->told = false;
        code = block_check_told(block, tapes, sessions, counts, &tail->told);
    }
    tail->torn_bytes = walk.torn_bytes;
    if (walk.offset == 0) tail->bytes = 0;
    walk_close(&walk);
    (void)close(directory);
    return code == 0 ? all_recorded(tapes, sessions, counts) : code;
}

/* ---- The day ---- */

struct open_order {
    uint32_t handle; /* 0: none; generations begin at 1 */
    uint32_t user_ref, leaves, price_e4;
    uint16_t session, account, symbol;
    uint8_t side;
};

/* A trade as the engine said it, and which of its sides were told. */
struct trade {
    uint64_t number;
    uint32_t quantity, price_e4;
    bool took, rested;
};

struct day {
    const struct tape *const *tapes;
    const struct ledger *const *ledgers;
    uint32_t sessions;
    struct audit_counts *counts;
    struct engine *engine;
    struct event *events; /* of the last command */
    uint32_t event_count, event_next, events_max;
    struct command command; /* the last one */
    struct open_order *slots;
    struct trade *trades;
    uint64_t trade_count, trade_room;
    uint64_t answers[SESSIONS_MAX];
};

static void on_event(void *context, const struct event *event) {
    struct day *day = context;
    CHECK(day->event_count < day->events_max);
    day->events[day->event_count++] = *event;
}

static struct open_order *slot_of(struct day *day, uint32_t handle) {
    return &day->slots[handle & ((1u << LIMIT_SLOT_BITS) - 1)];
}

static void shrink(struct day *day, uint32_t handle, uint32_t leaves) {
    struct open_order *order = slot_of(day, handle);
    CHECK(order->handle == handle);
    order->leaves = leaves;
    if (leaves == 0) order->handle = 0;
}

static void trade_add(struct day *day, const struct event *event) {
    if (day->trade_count == day->trade_room) {
        day->trade_room = 2 * day->trade_room + 1024;
        day->trades = realloc(day->trades, day->trade_room * sizeof *day->trades);
        CHECK(day->trades != NULL);
    }
    day->trades[day->trade_count++] = (struct trade){ .number = event->number,
                                                      .quantity = event->quantity,
                                                      .price_e4 = event->price_e4 };
}

/* The open orders, folded from what the engine says. */
static void fold(struct day *day, const struct event *event) {
    const struct command *command = &day->command;
    switch (event->kind) {
    case KIND_ACCEPTED:
    case KIND_REPLACED:
        *slot_of(day, event->order) = (struct open_order){ .handle = event->order,
                                                           .user_ref = event_client_ref(event),
                                                           .leaves = event->leaves,
                                                           .price_e4 = event->price_e4,
                                                           .session = event->session,
                                                           .account = event->account,
                                                           .symbol = event->symbol,
                                                           .side = command->side };
        break;
    case KIND_CANCELED:
        shrink(day, event->order, event->leaves);
        break;
    case KIND_TRADE:
        shrink(day, event_maker(event), event_maker_leaves(event));
        shrink(day, event->order, event->leaves);
        trade_add(day, event);
        break;
    default:
        break;
    }
}

static void apply(struct day *day, const struct command *command) {
    day->command = *command;
    day->event_count = day->event_next = 0;
    engine_apply(day->engine, command, true, on_event, day);
    for (uint32_t i = 0; i < day->event_count; i++) fold(day, &day->events[i]);
}

static int quiet(const struct day *day) {
    if (day->event_next == day->event_count) return 0;
    return err_set(-EPROTO, "the engine says more than the journal has of the command before it");
}

static int take_record(struct day *day, const struct journal_record *record) {
    struct command command;
    struct event event = { .number = 0 };
    char ours[ABI_TEXT_BYTES], theirs[ABI_TEXT_BYTES];
    bool told = false;
    int code;
    switch (record->kind) {
    case JOURNAL_COMMAND:
        code = quiet(day);
        if (code != 0) return code;
        if (record->bytes != sizeof command) return err_set(-EPROTO, "a command of another size");
        memcpy(&command, record->data, sizeof command);
        apply(day, &command);
        day->counts->commands++;
        return 0;
    case JOURNAL_EVENT:
        if (record->bytes != LIMIT_EVENT_BYTES) return err_set(-EPROTO, "an event of another size");
        memcpy(&event, record->data, LIMIT_EVENT_BYTES);
        if (day->event_next == day->event_count)
            return err_set(-EPROTO, "the engine does not say: %s", abi_event_text(&event, theirs));
        day->counts->events++;
        if (abi_event_equal(&day->events[day->event_next++], &event)) return 0;
        return err_set(-EPROTO, "the engine says: %s; the journal has: %s",
                       abi_event_text(&day->events[day->event_next - 1], ours),
                       abi_event_text(&event, theirs));
    case JOURNAL_SESSION_OUTPUT:
        day->counts->answers++;
        code = answer_check(day->tapes, day->sessions, day->answers, record, &told);
        if (code != 0 || told) return code;
        return err_set(-EPROTO, "session %u was never told its message %" PRIu64,
                       record->session + 1, day->answers[record->session]);
    default:
        return 0;
    }
}

static int take_journal(struct day *day, const char *journal) {
    struct journal_reader *reader;
    struct journal_record record;
    int code = journal_reader_open(journal, &reader);
    if (code != 0) return code;
    while ((code = journal_reader_next(reader, &record)) > 0) {
        day->counts->records++;
        code = take_record(day, &record);
        if (code == 0) continue;
        (void)err_wrap(code, "record %" PRIu64 ": ", record.sequence);
        break;
    }
    journal_reader_close(reader);
    if (code == 0) code = quiet(day);
    return code == 0 ? all_recorded(day->tapes, day->sessions, day->answers) : code;
}

/* ---- Trades ---- */

static struct trade *trade_find(struct day *day, uint64_t number) {
    uint64_t from = 0, to = day->trade_count;
    while (from < to) {
        uint64_t middle = from + (to - from) / 2;
        if (day->trades[middle].number < number)
            from = middle + 1;
        else
            to = middle;
    }
    bool found = from < day->trade_count && day->trades[from].number == number;
    return found ? &day->trades[from] : NULL;
}

static int take_side(struct day *day, uint32_t session, const struct ouch_executed *executed) {
    struct trade *trade = trade_find(day, executed->match);
    if (trade == NULL)
        return err_set(-EPROTO, "session %u was told of trade %" PRIu64 ", which never was",
                       session + 1, executed->match);
    if (trade->quantity != executed->quantity || trade->price_e4 != executed->price_e4)
        return err_set(-EPROTO, "session %u was told another quantity or price of trade %" PRIu64,
                       session + 1, executed->match);
    bool *side = executed->liquidity == 'R' ? &trade->took : &trade->rested;
    if (*side)
        return err_set(-EPROTO, "one side of trade %" PRIu64 " was told twice", executed->match);
    *side = true;
    return 0;
}

static int take_trades(struct day *day) {
    for (uint32_t session = 0; session < day->sessions; session++) {
        const struct tape *tape = day->tapes[session];
        for (uint64_t number = 1; number <= tape->count; number++) {
            struct ouch_message message;
            struct ouch_fault fault;
            size_t bytes;
            const uint8_t *at = tape_message(tape, number, &bytes);
            if (ouch_decode(OUCH_OUT, at, bytes, &message, &fault) != 0) return -EPROTO;
            if (message.kind != OUCH_EXECUTED) continue;
            int code = take_side(day, session, &message.executed);
            if (code != 0) return code;
        }
    }
    for (uint64_t i = 0; i < day->trade_count; i++)
        if (!day->trades[i].took || !day->trades[i].rested)
            return err_set(-EPROTO, "a side of trade %" PRIu64 " was never told",
                           day->trades[i].number);
    day->counts->trades = day->trade_count;
    return 0;
}

/* ---- The book ---- */

/* The engine is asked to cancel an order that the client has open: it must say the same shares. */
static int ask_book(struct day *day, const struct open_order *order) {
    const struct ledger_order *known =
        order->session < day->sessions ? ledger_find(day->ledgers[order->session], order->user_ref)
                                       : NULL;
    if (known == NULL || known->state != LEDGER_LIVE || known->leaves != order->leaves ||
        known->price_e4 != order->price_e4)
        return err_set(-EPROTO,
                       "the book has %u shares of session %u's order %u, and its client does not",
                       order->leaves, order->session + 1, order->user_ref);
    struct command command = { .stamp_ns = day->command.stamp_ns,
                               .opcode = OPCODE_CANCEL,
                               .side = order->side,
                               .symbol = order->symbol,
                               .account = order->account,
                               .session = order->session,
                               .order = order->handle };
    uint32_t leaves = order->leaves;
    apply(day, &command);
    if (day->event_count == 1 && day->events[0].kind == KIND_CANCELED &&
        day->events[0].quantity == leaves && day->events[0].leaves == 0)
        return 0;
    return err_set(-EPROTO, "the engine does not have the order %u of session %u that it said",
                   order->user_ref, order->session + 1);
}

static int take_book(struct day *day) {
    uint64_t known = 0;
    engine_check(day->engine);
    for (uint32_t i = 0; i < day->sessions; i++) known += day->ledgers[i]->live;
    for (uint32_t i = 0; i < CARD_SIZE_DEFAULT.orders; i++) {
        if (day->slots[i].handle == 0) continue;
        day->counts->open_orders++;
        int code = ask_book(day, &day->slots[i]);
        if (code != 0) return code;
    }
    if (known != day->counts->open_orders)
        return err_set(-EPROTO, "clients have %" PRIu64 " orders open, the book %" PRIu64, known,
                       day->counts->open_orders);
    engine_check(day->engine);
    return 0;
}

int audit_day(const char *journal, const struct tape *const *tapes,
              const struct ledger *const *ledgers, uint32_t sessions, struct audit_counts *counts) {
    const struct card_size size = CARD_SIZE_DEFAULT;
    CHECK(sessions <= SESSIONS_MAX);
    *counts = (struct audit_counts){ .records = 0 };
    struct day day = { .tapes = tapes,
                       .ledgers = ledgers,
                       .sessions = sessions,
                       .counts = counts,
                       .engine = engine_new(&size),
                       .events_max = engine_events_max(&size) };
    day.events = calloc(day.events_max, sizeof *day.events);
    day.slots = calloc(size.orders, sizeof *day.slots);
    CHECK(day.engine != NULL);
    CHECK(day.events != NULL);
    CHECK(day.slots != NULL);
    int code = take_journal(&day, journal);
    if (code == 0) code = take_trades(&day);
    if (code == 0) code = take_book(&day);
    engine_delete(day.engine);
    free(day.events);
    free(day.slots);
    free(day.trades);
    return code;
}
