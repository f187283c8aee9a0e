/* firmware_model.h: what the firmware sees of the card, as a few arrays: the device_ functions of
 * firmware/device.h for one test program. It records what is done to it and fails the test where
 * the hardware would answer with an access fault. */
#ifndef TESTS_UNIT_FIRMWARE_MODEL_H
#define TESTS_UNIT_FIRMWARE_MODEL_H

#include "driver/firmware.h"
#include "firmware/device.h"
#include "firmware/limits.h"
#include "host/base/random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include <cmocka.h>

enum { MODEL_KEPT = 64 };

static struct model {
    uint32_t image[REGION_IMAGE_BYTES / 4], update[REGION_UPDATE_BYTES / 4],
        data[REGION_DATA_BYTES / 4], page[REGION_PAGE_BYTES / 4];
    uint32_t devices[REGION_DEVICES_BYTES / 4], registers[REGION_CARD_BYTES / 4];
    uint32_t clocks;
    bool replay;       /* an alert that is handed over is never taken */
    bool timer_works;  /* its interrupt comes */
    uint32_t scrubbed; /* reads of the three memories */
    uint32_t boots, boot_to, replies, reply, gate_closings, watchdogs, alerts;
    struct {
        uint32_t code;
        int32_t value;
    } alert[MODEL_KEPT];
} model;

uint32_t device_read(uint32_t address) {
    assert_int_equal(address % 4, 0);
    uint32_t index = (address & 0x0fffffffu) / 4;
    if (address < REGION_IMAGE + REGION_IMAGE_BYTES) {
        model.scrubbed++;
        return model.image[index];
    }
    if (address - REGION_UPDATE < REGION_UPDATE_BYTES) {
        model.scrubbed++;
        return model.update[index];
    }
    if (address - REGION_DATA < REGION_DATA_BYTES) {
        model.scrubbed++;
        return model.data[index];
    }
    if (address - REGION_PAGE < REGION_PAGE_BYTES) return model.page[index];
    if (address - REGION_CARD < REGION_CARD_BYTES) return model.registers[index];
    assert_true(address - REGION_DEVICES < REGION_DEVICES_BYTES);
    return index == DEVICE_CLOCKS / 4 ? model.clocks : model.devices[index];
}

void device_write(uint32_t address, uint32_t value) {
    assert_int_equal(address % 4, 0);
    if (address - REGION_PAGE < REGION_PAGE_BYTES) {
        model.page[(address - REGION_PAGE) / 4] = value;
        return;
    }
    assert_true(address - REGION_DEVICES < REGION_DEVICES_BYTES);
    switch (address - REGION_DEVICES) {
    case DEVICE_BOOT:
        model.boots++;
        model.boot_to = value;
        break;
    case DEVICE_WATCHDOG:
        model.watchdogs++;
        break;
    case DEVICE_MAILBOX_REPLY:
        model.replies++;
        model.reply = value;
        model.devices[DEVICE_MAILBOX_FULL / 4] = 0;
        break;
    case DEVICE_ALERT:
        assert_int_equal(model.devices[DEVICE_ALERT / 4], 0); /* it would be lost */
        assert_true(model.alerts < MODEL_KEPT);
        model.alert[model.alerts].code = value;
        model.alert[model.alerts].value = (int32_t)model.devices[DEVICE_ALERT_VALUE / 4];
        model.alerts++;
        model.devices[DEVICE_ALERT / 4] = model.replay;
        break;
    case DEVICE_GATE:
        model.gate_closings += value & 1;
        break;
    case DEVICE_STATE:
    case DEVICE_COMPARE:
    case DEVICE_ALERT_VALUE:
        model.devices[(address - REGION_DEVICES) / 4] = value;
        break;
    default:
        fail_msg("a write to the device at 0x%02x", address - REGION_DEVICES);
    }
}

void device_write_byte(uint32_t address, uint8_t value) {
    assert_true(address - REGION_PAGE < REGION_PAGE_BYTES);
    uint32_t shift = address % 4 * 8, *word = &model.page[(address - REGION_PAGE) / 4];
    *word = (*word & ~(0xffu << shift)) | (uint32_t)value << shift;
}

bool device_interrupt_comes(uint32_t clocks) {
    model.devices[DEVICE_COMPARE / 4] = model.clocks + clocks;
    model.clocks += clocks;
    return model.timer_works;
}

/* model_begin is a card as it comes up, well, with image A and without B. */
static inline void model_begin(void) {
    model = (struct model){ .timer_works = true };
    model.registers[REG_DIGEST / 4] = ABI_DIGEST;
    model.registers[REG_SYMBOLS / 4] = CARD_SIZE_DEFAULT.symbols;
    model.registers[REG_ACCOUNTS / 4] = CARD_SIZE_DEFAULT.accounts;
    model.registers[REG_ORDERS / 4] = CARD_SIZE_DEFAULT.orders;
    model.registers[REG_LEVELS / 4] = CARD_SIZE_DEFAULT.levels;
    model.registers[REG_STATUS / 4] = STATUS_INIT_DONE | STATUS_LIVE;
    model.registers[REG_CLOCK_NS / 4] = 4;
    model.devices[DEVICE_TEMPERATURE / 4] = 4500;
    model.devices[DEVICE_VCCINT / 4] = 850;
    model.devices[DEVICE_VCCAUX / 4] = 1800;
    model.devices[DEVICE_LINK / 4] = 0x831;
}

/* model_log returns what the ring holds, oldest first, as a string. */
static inline const char *model_log(void) {
    static char text[PAGE_LOG_BYTES + 1];
    uint32_t written = model.page[PAGE_LOG_WRITTEN / 4];
    uint32_t count = written < PAGE_LOG_BYTES ? written : PAGE_LOG_BYTES;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = PAGE_LOG + (written - count + i) % PAGE_LOG_BYTES;
        text[i] = (char)(model.page[at / 4] >> at % 4 * 8);
    }
    text[count] = '\0';
    return text;
}

static inline void put_word(uint8_t *image, size_t offset, uint32_t word) {
    for (size_t i = 0; i < 4; i++) image[offset + i] = (uint8_t)(word >> 8 * i);
}

/* model_seal fills in the header of bytes of an image. */
static inline void model_seal(uint8_t *image, uint32_t bytes) {
    put_word(image, IMAGE_MAGIC, IMAGE_MAGIC_VALUE);
    put_word(image, IMAGE_BYTES, bytes);
    put_word(image, IMAGE_ABI_DIGEST, ABI_DIGEST);
    put_word(image, IMAGE_CRC32,
             (uint32_t)crc32(0, image + IMAGE_HEADER_BYTES, bytes - IMAGE_HEADER_BYTES));
    assert_int_equal(firmware_sha256(image, bytes, image + IMAGE_SHA256), 0);
}

/* model_image makes an image of random code. */
static inline void model_image(uint8_t *image, uint32_t bytes, struct random *random) {
    for (uint32_t i = 0; i < bytes; i++) image[i] = (uint8_t)random_next(random);
    model_seal(image, bytes);
}

/* model_load puts count bytes into slot B and zeros behind them. */
static inline void model_load(const uint8_t *image, uint32_t count) {
    memset(model.update, 0, sizeof model.update);
    for (uint32_t i = 0; i < count; i++) model.update[i / 4] |= (uint32_t)image[i] << i % 4 * 8;
    model.devices[DEVICE_SLOT / 4] = 2;
}

/* model_seed is SEED of the environment, printed, or a fixed one. */
static inline uint64_t model_seed(void) {
    const char *text = getenv("SEED");
    uint64_t seed = text ? strtoull(text, NULL, 10) : 1;
    print_message("seed %llu\n", (unsigned long long)seed);
    return seed;
}

#endif /* TESTS_UNIT_FIRMWARE_MODEL_H */
