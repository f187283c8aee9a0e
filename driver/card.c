#include "driver/card.h"
#include "host/base/err.h"
#include <errno.h>

static bool power_of_two(uint32_t value, uint32_t min, uint32_t max) {
    return value >= min && value <= max && (value & (value - 1)) == 0;
}

bool card_size_valid(const struct card_size *size) {
    return power_of_two(size->symbols, 2, 1u << 16) && power_of_two(size->accounts, 2, 1u << 16) &&
           power_of_two(size->orders, 2, 1u << LIMIT_SLOT_BITS) &&
           power_of_two(size->levels, 64, 4096);
}

int card_gone(const struct card *card) {
    return err_set(-EIO,
                   "card %s: every read gives all ones: it has lost power, its link or its image; "
                   "see to it, then reset the card and replay",
                   card->name);
}

int card_check(struct card *card) {
    uint32_t theirs = card_read(card, REG_DIGEST);
    if (theirs == UINT32_MAX) return card_gone(card);
    if (theirs != abi_digest())
        return err_set(
            -EPROTO,
            "card %s: built from tables %08x, this host from %08x; rebuild the older of the two",
            card->name, theirs, abi_digest());
    uint32_t version = card_read(card, REG_VERSION);
    uint32_t major = (version & (uint32_t)VERSION_MAJOR) >> 16;
    if (major != LIMIT_ABI_MAJOR)
        return err_set(-EPROTO,
                       "card %s: registers of version %u, this host drives %u; rebuild one",
                       card->name, major, LIMIT_ABI_MAJOR);
    card->size = (struct card_size){ .symbols = card_read(card, REG_SYMBOLS),
                                     .accounts = card_read(card, REG_ACCOUNTS),
                                     .orders = card_read(card, REG_ORDERS),
                                     .levels = card_read(card, REG_LEVELS) };
    return 0;
}

void card_go_live(struct card *card) { card_write(card, REG_CONTROL, CONTROL_GO_LIVE); }

void card_kill(struct card *card) { card_write(card, REG_CONTROL, CONTROL_KILL); }

void card_heartbeat(struct card *card) { card_write(card, REG_HEARTBEAT, 1); }

void card_set_time(struct card *card, uint64_t time_ns) {
    card_write(card, REG_TIME_LOW, (uint32_t)time_ns);
    card_write(card, REG_TIME_HIGH, (uint32_t)(time_ns >> 32));
}

void card_snapshot(struct card *card) { card_write(card, REG_CONTROL, CONTROL_SNAPSHOT); }

uint64_t card_counter(struct card *card, unsigned counter) {
    uint32_t reg = REG_COUNTERS + 8u * counter;
    return card_read(card, reg) | (uint64_t)card_read(card, reg + 4u) << 32;
}
