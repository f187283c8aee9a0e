#include "host/gateway/port_card.h"
#include "host/base/check.h"

static_assert(sizeof((struct port_picture *)0)->words == PAGE_LOG, "a word for each of the page");

/* ---- Looks ---- */

static const uint32_t register_list[] = { REG_DIGEST,   REG_VERSION,  REG_SYMBOLS,
                                          REG_ACCOUNTS, REG_ORDERS,   REG_LEVELS,
                                          REG_STATUS,   REG_CLOCK_NS, REG_MGMT };

/* Counters that say how well the card is. */
static const uint8_t counter_list[] = { COUNTER_GATE_CLOSINGS, COUNTER_ECC_CORRECTED,
                                        COUNTER_ECC_FATAL, COUNTER_WATCHDOG };

static const uint32_t page_list[] = {
#define REGION(name, address, bytes, meaning)
#define DEVICE(name, offset, access, meaning)
#define PAGE(name, offset, unit, meaning) (offset),
#define IMAGE(name, offset, meaning)
#define CODE(group, name, number, meaning)
#include "driver/abi/mgmt.def"
#undef REGION
#undef DEVICE
#undef PAGE
#undef IMAGE
#undef CODE
};

enum {
    REGISTERS = sizeof register_list / sizeof *register_list,
    COUNTERS = sizeof counter_list / sizeof *counter_list,
    WORDS = sizeof page_list / sizeof *page_list,
    LOG_WORDS = PAGE_LOG_BYTES / 4,
};

static uint32_t read_page(struct card *card, uint32_t offset) {
    return card_read(card, REG_PAGE + offset);
}

/* One step of the card's picture, two reads at most. True when it was the last. */
static bool step_card(struct port_look *look, struct card *card) {
    struct port_picture *picture = &look->picture;
    uint32_t step = look->step++;
    if (step < REGISTERS) {
        uint32_t reg = register_list[step];
        picture->registers[reg / 4] = card_read(card, reg);
        picture->gone = picture->registers[REG_DIGEST / 4] == UINT32_MAX;
        return picture->gone;
    }
    step -= REGISTERS;
    if (step < COUNTERS) {
        picture->counters[counter_list[step]] = card_counter(card, counter_list[step]);
        return false;
    }
    step -= COUNTERS;
    /* A card without the core need not have the page either. */
    if (picture->registers[REG_MGMT / 4] == 0) return true;
    uint32_t value = read_page(card, page_list[step]);
    if (page_list[step] < PAGE_LOG) picture->words[page_list[step] / 4] = value;
    if (page_list[step] == PAGE_MAGIC) picture->page = value == PAGE_MAGIC_VALUE;
    return !picture->page || step + 1 == WORDS;
}

/* The count of written bytes stands around the log, so that what was overwritten meanwhile is
   known. */
static bool step_log(struct port_look *look, struct card *card) {
    struct port_picture *picture = &look->picture;
    uint32_t step = look->step++;
    if (step == 0) {
        picture->registers[REG_DIGEST / 4] = card_read(card, REG_DIGEST);
        picture->registers[REG_MGMT / 4] = card_read(card, REG_MGMT);
        picture->gone = picture->registers[REG_DIGEST / 4] == UINT32_MAX;
        return picture->gone || picture->registers[REG_MGMT / 4] == 0;
    }
    if (step == 1) {
        picture->page = read_page(card, PAGE_MAGIC) == PAGE_MAGIC_VALUE;
        picture->log_before = read_page(card, PAGE_LOG_WRITTEN);
        return !picture->page;
    }
    step -= 2;
    for (uint32_t i = 0; i < PORT_TURN_READS && step < LOG_WORDS / PORT_TURN_READS; i++) {
        uint32_t at = 4 * (step * PORT_TURN_READS + i), value = read_page(card, PAGE_LOG + at);
        for (uint32_t byte = 0; byte < 4; byte++)
            picture->log[at + byte] = (uint8_t)(value >> 8 * byte);
    }
    if (step < LOG_WORDS / PORT_TURN_READS) return false;
    picture->log_written = read_page(card, PAGE_LOG_WRITTEN);
    return true;
}

void port_look_begin(struct port_look *look, enum port_look_what what, struct card *card) {
    CHECK(look->what == 0);
    *look = (struct port_look){ .what = what };
    if (what == PORT_LOOK_CARD) card_snapshot(card);
}

bool port_look_step(struct port_look *look, struct card *card) {
    CHECK(look->what != 0);
    bool last = look->what == PORT_LOOK_CARD ? step_card(look, card) : step_log(look, card);
    if (last) look->what = 0;
    return last;
}

/* ---- Actions ---- */

enum phase {
    PHASE_BEGIN,   /* the first write */
    PHASE_LOAD,    /* the image, word by word */
    PHASE_CLOSE,   /* the load window */
    PHASE_BOOT,    /* until the core has begun and says how it is */
    PHASE_VERSION, /* of the firmware that runs now */
    PHASE_FREE,    /* until the mailbox is */
    PHASE_ANSWER,  /* until it is again */
};

enum port_refusal port_action_check(const struct port_action *action, struct card *card) {
    if (port_action_busy(action)) return PORT_REFUSED_BUSY;
    uint32_t mgmt = card_read(card, REG_MGMT);
    if (mgmt == UINT32_MAX) return PORT_REFUSED_GONE;
    return mgmt == 0 ? PORT_REFUSED_NO_CORE : PORT_TAKEN;
}

void port_action_begin(struct port_action *action, enum port_action_kind kind, const uint8_t *image,
                       uint32_t image_bytes, uint64_t now_ns) {
    CHECK(!port_action_busy(action));
    CHECK(image_bytes % 4 == 0);
    CHECK(image_bytes <= REGION_UPDATE_BYTES);
    *action = (struct port_action){ .kind = kind,
                                    .end = PORT_UNDER_WAY,
                                    .image_bytes = image_bytes,
                                    .bytes_max = kind == PORT_UPDATE ? REGION_UPDATE_BYTES : 0,
                                    .phase = kind == PORT_SELFTEST ? PHASE_FREE : PHASE_BEGIN,
                                    .begun_ns = now_ns,
                                    .image = image };
}

static uint32_t boots_of(uint32_t mgmt) { return mgmt & (uint32_t)MGMT_BOOTS; }

/* Zero behind the image: the core reads all of the slot, and a word with two wrong bits there would
   stop it again and again. */
static uint32_t image_word(const struct port_action *action) {
    if (action->bytes >= action->image_bytes) return 0;
    const uint8_t *at = action->image + action->bytes;
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void begin(struct port_action *action, struct card *card) {
    if (action->kind == PORT_UPDATE) {
        card_write(card, REG_MGMT_CONTROL, MGMT_CONTROL_OPEN);
        action->phase = PHASE_LOAD;
        return;
    }
    action->boots = boots_of(card_read(card, REG_MGMT));
    card_write(card, REG_MGMT_CONTROL, MGMT_CONTROL_RESTART);
    action->phase = PHASE_BOOT;
}

static void load(struct port_action *action, struct card *card) {
    for (uint32_t i = 0; i < PORT_TURN_WRITES && action->bytes < action->bytes_max; i++) {
        card_write(card, REG_LOAD + action->bytes, image_word(action));
        action->bytes += 4;
    }
    if (action->bytes == action->bytes_max) action->phase = PHASE_CLOSE;
}

/* What the core says counts once it has begun behind the close. The window is closed in any case:
   an open one leaves the card without an image B. */
static void close_window(struct port_action *action, struct card *card) {
    action->mgmt = card_read(card, REG_MGMT);
    action->boots = boots_of(action->mgmt);
    card_write(card, REG_MGMT_CONTROL, MGMT_CONTROL_CLOSE);
    action->phase = PHASE_BOOT;
    if (action->mgmt == UINT32_MAX)
        action->end = PORT_GONE;
    else if ((action->mgmt & (uint32_t)MGMT_OPEN) == 0)
        action->end = PORT_SHUT;
}

/* Whoever waits learns first whether there is still something to wait for. */
static bool waits(struct port_action *action, struct card *card, uint64_t now_ns) {
    if (now_ns - action->look_ns < PORT_ACTION_LOOK_NS) return true;
    action->look_ns = now_ns;
    action->mgmt = card_read(card, REG_MGMT);
    if (action->mgmt == UINT32_MAX)
        action->end = PORT_GONE;
    else if ((action->mgmt & (uint32_t)MGMT_MEMORY) != 0)
        action->end = PORT_STANDING;
    else if (now_ns - action->begun_ns > PORT_ACTION_WAIT_NS)
        action->end = PORT_SILENT;
    return !port_action_busy(action);
}

static void boot(struct port_action *action, struct card *card) {
    uint32_t state = action->mgmt & (uint32_t)MGMT_STATE;
    if (boots_of(action->mgmt) == action->boots ||
        (state != MGMT_STATE_RUN && state != MGMT_STATE_DEGRADED))
        return;
    action->result = card_read(card, REG_PAGE + PAGE_BOOT_RESULT);
    action->phase = PHASE_VERSION;
}

static void say_booted(struct port_action *action, struct card *card) {
    action->version = card_read(card, REG_PAGE + PAGE_VERSION);
    bool runs = (action->mgmt & (uint32_t)MGMT_SLOT) != 0 && action->result == BOOT_GOOD;
    action->end = action->kind == PORT_UPDATE && !runs ? PORT_FAILED : PORT_DONE;
}

static void answer(struct port_action *action, struct card *card) {
    if (boots_of(action->mgmt) != action->boots) {
        action->end = PORT_ANEW;
        return;
    }
    if ((action->mgmt & (uint32_t)MGMT_FULL) != 0) return;
    action->result = card_read(card, REG_MAILBOX_REPLY);
    action->end = action->result == 0 ? PORT_DONE : PORT_FAILED;
}

static void ask(struct port_action *action, struct card *card) {
    if ((action->mgmt & (uint32_t)MGMT_FULL) != 0) return;
    action->boots = boots_of(action->mgmt);
    card_write(card, REG_MAILBOX, MAILBOX_SELFTEST);
    action->phase = PHASE_ANSWER;
}

void port_action_step(struct port_action *action, struct card *card, uint64_t now_ns) {
    CHECK(port_action_busy(action));
    switch ((enum phase)action->phase) {
    case PHASE_BEGIN:
        begin(action, card);
        break;
    case PHASE_LOAD:
        load(action, card);
        break;
    case PHASE_CLOSE:
        close_window(action, card);
        break;
    case PHASE_BOOT:
        if (!waits(action, card, now_ns)) boot(action, card);
        break;
    case PHASE_VERSION:
        say_booted(action, card);
        break;
    case PHASE_FREE:
        if (!waits(action, card, now_ns)) ask(action, card);
        break;
    case PHASE_ANSWER:
        if (!waits(action, card, now_ns)) answer(action, card);
        break;
    }
}
