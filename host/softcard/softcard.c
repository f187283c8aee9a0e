#include "host/softcard/softcard.h"
#include "host/base/check.h"
#include "host/base/err.h"
#include "host/engine/engine.h"
#include <errno.h>
#include <stdlib.h>

/* There are as many as the registers have room for; those without a name read 0. */
enum { COUNTERS = (REG_COUNTERS_END - REG_COUNTERS) / 8 };

struct softcard {
    struct card card;
    struct engine *engine;
    bool live;
    uint64_t time_ns;

    struct command window[LIMIT_WINDOW_SLOTS]; /* pushed, not yet carried out */
    uint32_t window_first, window_count;

    struct event *ring; /* said, not yet polled; a power of two */
    uint32_t ring_mask;
    uint64_t written, consumed;

    uint64_t counters[COUNTERS], latched[COUNTERS];
    uint32_t registers[REG_COUNTERS / 4]; /* of those that read back what was written */
};

static struct softcard *softcard_of(struct card *card) { return (struct softcard *)(void *)card; }

static void count_event(struct softcard *soft, const struct event *event) {
    uint64_t *counters = soft->counters;
    counters[COUNTER_EVENTS]++;
    switch (event->kind) {
    case KIND_ACCEPTED:
        counters[COUNTER_ACCEPTED]++;
        break;
    case KIND_REJECTED:
        counters[COUNTER_REJECTED]++;
        break;
    case KIND_REPLACED:
        counters[COUNTER_REPLACED]++;
        break;
    case KIND_CANCELED:
        counters[COUNTER_CANCELED]++;
        break;
    case KIND_TRADE:
        counters[COUNTER_TRADES]++;
        counters[COUNTER_TRADED_SHARES] += event->quantity;
        break;
    default:
        break;
    }
}

static void keep_event(void *context, const struct event *event) {
    struct softcard *soft = context;
    CHECK(soft->written - soft->consumed <= soft->ring_mask);
    soft->ring[soft->written++ & soft->ring_mask] = *event;
    count_event(soft, event);
}

static void carry_out(struct softcard *soft, const struct command *command, bool trusted) {
    engine_apply(soft->engine, command, trusted, keep_event, soft);
    soft->counters[COUNTER_COMMANDS]++;
}

/* A command is stamped when its last byte has arrived, here when it is pushed; the engine sees to
   it that stamps do not run backwards. */
static int softcard_push(struct card *card, const struct command *command) {
    struct softcard *soft = softcard_of(card);
    if (soft->window_count == LIMIT_WINDOW_SLOTS) return -EAGAIN;
    struct command *slot =
        &soft->window[(soft->window_first + soft->window_count) % LIMIT_WINDOW_SLOTS];
    *slot = *command;
    if (soft->live) slot->stamp_ns = soft->time_ns;
    soft->window_count++;
    return 0;
}

/* One command at a time, so that the ring stays in the cache: the next one is carried out when the
   caller has taken all that the last one said. Like a card whose ring is full, it waits with the
   rest. */
static int softcard_poll(struct card *card, struct event *events, uint32_t events_max) {
    struct softcard *soft = softcard_of(card);
    uint32_t count = 0;
    while (count < events_max) {
        if (soft->consumed == soft->written) {
            if (soft->window_count == 0) break;
            const struct command *command = &soft->window[soft->window_first];
            carry_out(soft, command, !soft->live);
            soft->window_first = (soft->window_first + 1) % LIMIT_WINDOW_SLOTS;
            soft->window_count--;
        }
        events[count++] = soft->ring[soft->consumed++ & soft->ring_mask];
    }
    return (int)count;
}

static void reset(struct softcard *soft) {
    engine_reset(soft->engine);
    soft->live = false;
    soft->time_ns = 0;
    soft->window_first = soft->window_count = 0;
    soft->written = soft->consumed = 0;
    memset(soft->counters, 0, sizeof soft->counters);
    memset(soft->latched, 0, sizeof soft->latched);
#define REG(name, offset, access, reset, meaning) \
    if ((offset) < REG_COUNTERS) soft->registers[(offset) / 4] = (reset);
#define FIELD(name, field, lsb, width, meaning)
#include "driver/abi/regs.def"
#undef REG
#undef FIELD
}

/* The card closes its gate by a command of its own, ahead of all that waits. In REPLAY mode the
   recorded one comes with the other commands. keep_event has room: KILL says one event, and
   softcard_open has left some beyond what one command can say. */
static void kill(struct softcard *soft) {
    if (!soft->live || engine_killed(soft->engine)) return;
    const struct command command = {
        .stamp_ns = soft->time_ns,
        .opcode = OPCODE_KILL,
        .origin = ORIGIN_CARD,
        .field = TABLE_ENGINE,
        .mode = MODE_KILL,
    };
    carry_out(soft, &command, true);
    soft->counters[COUNTER_GATE_CLOSINGS]++;
}

static void control(struct softcard *soft, uint32_t value) {
    if (value & CONTROL_RESET) {
        reset(soft);
        return;
    }
    if (value & CONTROL_GO_LIVE) soft->live = true;
    if (value & CONTROL_KILL) kill(soft);
    if (value & CONTROL_SNAPSHOT) memcpy(soft->latched, soft->counters, sizeof soft->latched);
}

static uint32_t softcard_read(struct card *card, uint32_t reg) {
    const struct softcard *soft = softcard_of(card);
    switch (reg) {
    case REG_DIGEST:
        return abi_digest();
    case REG_VERSION:
        return (uint32_t)LIMIT_ABI_MAJOR << 16 | LIMIT_ABI_MINOR;
    case REG_SYMBOLS:
        return card->size.symbols;
    case REG_ACCOUNTS:
        return card->size.accounts;
    case REG_ORDERS:
        return card->size.orders;
    case REG_LEVELS:
        return card->size.levels;
    case REG_STATUS:
        return (uint32_t)(STATUS_INIT_DONE | (soft->live ? STATUS_LIVE : 0) |
                          (engine_killed(soft->engine) ? STATUS_KILLED : 0));
    default:
        break;
    }
    if (reg >= REG_COUNTERS && reg < REG_COUNTERS_END)
        return (uint32_t)(soft->latched[(reg - REG_COUNTERS) / 8] >> (reg & 4 ? 32 : 0));
    return reg < REG_COUNTERS ? soft->registers[reg / 4] : 0;
}

static void softcard_write(struct card *card, uint32_t reg, uint32_t value) {
    struct softcard *soft = softcard_of(card);
    switch (reg) {
    case REG_CONTROL:
        control(soft, value);
        break;
    case REG_TIME_HIGH: {
        uint64_t time_ns = (uint64_t)value << 32 | soft->registers[REG_TIME_LOW / 4];
        if (time_ns > soft->time_ns) soft->time_ns = time_ns;
        break;
    }
    case REG_RING_LOW:
    case REG_RING_HIGH:
    case REG_RING_LOG2:
    case REG_RING_CONSUMED:
    case REG_TIME_LOW:
    case REG_CLOCK_NS:
    case REG_HEARTBEAT:
    case REG_WATCHDOG_NS:
    case REG_INJECT: /* it has no tables that could be wrong */
    case REG_WAKE:   /* nor anybody who would ring */
        soft->registers[reg / 4] = value;
        break;
    default: /* read only, or a hole */
        break;
    }
}

static void softcard_close(struct card *card) {
    struct softcard *soft = softcard_of(card);
    engine_delete(soft->engine);
    free(soft->ring);
    free(soft);
}

int softcard_open(const struct card_size *size, struct card **card) {
    static const struct card_operations operations = {
        .push = softcard_push,
        .poll = softcard_poll,
        .read = softcard_read,
        .write = softcard_write,
        .close = softcard_close,
    };
    if (!card_size_valid(size))
        return err_set(-EINVAL,
                       "card soft: %u symbols, %u accounts, %u orders, %u levels: each must be a "
                       "power of two within what card.h allows",
                       size->symbols, size->accounts, size->orders, size->levels);

    struct softcard *soft = calloc(1, sizeof *soft);
    if (soft == NULL) return err_set(-ENOMEM, "card soft: no memory");
    soft->card = (struct card){ .operations = &operations, .size = *size, .name = "soft" };
    /* A command's events and the gate's closings while they wait. */
    uint32_t slots = 64;
    while (slots < engine_events_max(size) + 64) slots *= 2;
    soft->ring_mask = slots - 1;
    soft->ring = calloc(slots, sizeof *soft->ring);
    soft->engine = engine_new(size);
    if (soft->ring == NULL || soft->engine == NULL) {
        if (soft->engine != NULL) engine_delete(soft->engine);
        free(soft->ring);
        free(soft);
        return err_set(-ENOMEM, "card soft: no memory for %u orders", size->orders);
    }
    reset(soft);
    *card = &soft->card;
    return 0;
}
