#include "firmware/loader.h"
#include "firmware/crc32.h"
#include "firmware/device.h"
#include "firmware/sha256.h"

static uint32_t update_read(uint32_t offset) { return device_read(REGION_UPDATE + offset); }

/* read_bytes takes words from slot B as the bytes that the host wrote, least first. */
static void read_bytes(uint32_t offset, uint8_t *bytes, uint32_t count) {
    for (uint32_t i = 0; i < count; i += 4) {
        uint32_t word = update_read(offset + i);
        bytes[i] = (uint8_t)word;
        bytes[i + 1] = (uint8_t)(word >> 8);
        bytes[i + 2] = (uint8_t)(word >> 16);
        bytes[i + 3] = (uint8_t)(word >> 24);
    }
}

uint32_t loader_check(void) {
    if (update_read(IMAGE_MAGIC) != IMAGE_MAGIC_VALUE) return BOOT_MAGIC;
    uint32_t image_bytes = update_read(IMAGE_BYTES);
    if (image_bytes <= IMAGE_HEADER_BYTES || image_bytes > REGION_UPDATE_BYTES || image_bytes % 4)
        return BOOT_LENGTH;
    if (update_read(IMAGE_ABI_DIGEST) != registers_read(REG_DIGEST)) return BOOT_ABI;

    struct sha256 sha;
    uint8_t bytes[SHA256_BLOCK_BYTES];
    uint32_t crc = 0;
    sha256_begin(&sha);
    read_bytes(0, bytes, IMAGE_SHA256);
    sha256_add(&sha, bytes, IMAGE_SHA256);
    for (uint32_t at = IMAGE_HEADER_BYTES; at < image_bytes;) {
        devices_write(DEVICE_WATCHDOG, 1);
        uint32_t count = image_bytes - at < sizeof bytes ? image_bytes - at : sizeof bytes;
        read_bytes(at, bytes, count);
        crc = crc32_add(crc, bytes, count);
        sha256_add(&sha, bytes, count);
        at += count;
    }
    if (crc != update_read(IMAGE_CRC32)) return BOOT_CRC;

    uint8_t digest[SHA256_BYTES], differs = 0;
    sha256_end(&sha, digest);
    read_bytes(IMAGE_SHA256, bytes, SHA256_BYTES);
    for (int i = 0; i < SHA256_BYTES; i++) differs |= (uint8_t)(digest[i] ^ bytes[i]);
    return differs ? BOOT_DIGEST : BOOT_GOOD;
}

const char *loader_reason(uint32_t boot) {
    static const char reasons[][24] = {
        [BOOT_NONE] = "none loaded",        [BOOT_GOOD] = "good",
        [BOOT_MAGIC] = "no firmware image", [BOOT_LENGTH] = "impossible length",
        [BOOT_ABI] = "for another card",    [BOOT_CRC] = "CRC-32 wrong",
        [BOOT_DIGEST] = "SHA-256 wrong",    [BOOT_FAILED] = "began and failed",
    };
    return boot < sizeof reasons / sizeof *reasons ? reasons[boot] : "?";
}
