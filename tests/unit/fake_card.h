/* fake_card: a card of registers alone, which a test fills; what is written is kept in order, and
 * a hook answers as a management core would. */
#ifndef TESTS_UNIT_FAKE_CARD_H
#define TESTS_UNIT_FAKE_CARD_H

#include "driver/abi/mgmt.h"
#include "driver/card.h"

enum { FAKE_WRITES_MAX = 8192, FAKE_BYTES = 0x8000 };

struct fake_card {
    struct card card;
    uint32_t registers[FAKE_BYTES / 4];
    uint32_t reads, writes; /* ever */
    struct {
        uint32_t reg, value;
    } written[FAKE_WRITES_MAX];
    void (*hook)(struct fake_card *fake, uint32_t reg, uint32_t value); /* behind a write */
};

static inline struct fake_card *fake_of(struct card *card) {
    return (struct fake_card *)(void *)card;
}

static inline uint32_t fake_read(struct card *card, uint32_t reg) {
    fake_of(card)->reads++;
    return fake_of(card)->registers[reg / 4];
}

static inline void fake_write(struct card *card, uint32_t reg, uint32_t value) {
    struct fake_card *fake = fake_of(card);
    if (fake->writes < FAKE_WRITES_MAX) {
        fake->written[fake->writes].reg = reg;
        fake->written[fake->writes].value = value;
    }
    fake->writes++;
    if (fake->hook != NULL) fake->hook(fake, reg, value);
}

static inline void fake_page(struct fake_card *fake, uint32_t offset, uint32_t value) {
    fake->registers[(REG_PAGE + offset) / 4] = value;
}

static inline void fake_counter(struct fake_card *fake, unsigned counter, uint64_t value) {
    fake->registers[REG_COUNTERS / 4 + 2 * counter] = (uint32_t)value;
    fake->registers[REG_COUNTERS / 4 + 2 * counter + 1] = (uint32_t)(value >> 32);
}

/* fake_log writes text into the log as the firmware does, after so many bytes before it. */
static inline void fake_log(struct fake_card *fake, uint32_t before, const char *text) {
    uint32_t bytes = (uint32_t)strlen(text);
    for (uint32_t i = 0; i < bytes; i++) {
        uint32_t at = (before + i) % PAGE_LOG_BYTES, shift = 8 * (at % 4);
        uint32_t *word = &fake->registers[(REG_PAGE + PAGE_LOG + at) / 4];
        *word = (*word & ~(0xffu << shift)) | (uint32_t)(uint8_t)text[i] << shift;
    }
    fake_page(fake, PAGE_LOG_WRITTEN, before + bytes);
}

/* fake_fill makes a card as the soft one is: LIVE and well, without a management core. */
static inline void fake_fill(struct fake_card *fake) {
    static const struct card_operations operations = { .read = fake_read, .write = fake_write };
    memset(fake, 0, sizeof *fake);
    fake->card = (struct card){ .operations = &operations, .name = "fake" };
    fake->registers[REG_DIGEST / 4] = abi_digest();
    fake->registers[REG_VERSION / 4] = (uint32_t)LIMIT_ABI_MAJOR << 16 | LIMIT_ABI_MINOR;
    fake->registers[REG_SYMBOLS / 4] = 64;
    fake->registers[REG_ACCOUNTS / 4] = 256;
    fake->registers[REG_ORDERS / 4] = 65536;
    fake->registers[REG_LEVELS / 4] = 4096;
    fake->registers[REG_STATUS / 4] = STATUS_INIT_DONE | STATUS_LIVE;
    fake->registers[REG_CLOCK_NS / 4] = 4;
}

/* fake_core adds a management core that has begun once and is well. */
static inline void fake_core(struct fake_card *fake) {
    static const struct {
        uint32_t offset, value;
    } row[] = {
        { PAGE_MAGIC, PAGE_MAGIC_VALUE },
        { PAGE_VERSION, 1u << 16 | 2u << 8 | 3u },
        { PAGE_STATE, MGMT_STATE_RUN },
        { PAGE_BOOT_RESULT, BOOT_NONE },
        { PAGE_UPTIME_MS, 93784000 },
        { PAGE_ROUNDS, 12345 },
        { PAGE_TEMPERATURE, 4512 },
        { PAGE_TEMPERATURE_MIN, 4400 },
        { PAGE_TEMPERATURE_MAX, 4650 },
        { PAGE_TEMPERATURE_LOW, 0 },
        { PAGE_TEMPERATURE_HIGH, 8500 },
        { PAGE_TEMPERATURE_CRITICAL, 9500 },
        { PAGE_VCCINT, 851 },
        { PAGE_VCCINT_MIN, 848 },
        { PAGE_VCCINT_MAX, 853 },
        { PAGE_VCCINT_LOW, 825 },
        { PAGE_VCCINT_HIGH, 876 },
        { PAGE_VCCAUX, 1802 },
        { PAGE_VCCAUX_MIN, 1799 },
        { PAGE_VCCAUX_MAX, 1804 },
        { PAGE_VCCAUX_LOW, 1746 },
        { PAGE_VCCAUX_HIGH, 1854 },
        { PAGE_LINK, 1u | 3u << 4 | 8u << 8 },
        { PAGE_SCRUB_ROUNDS, 77 },
        { PAGE_LOG_LEVEL, LOG_LEVEL_INFO },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        fake_page(fake, row[i].offset, row[i].value);
    fake_page(fake, PAGE_ABI_DIGEST, abi_digest());
    fake->registers[REG_MGMT / 4] = MGMT_STATE_RUN | 1u << 16;
}

#endif /* TESTS_UNIT_FAKE_CARD_H */
