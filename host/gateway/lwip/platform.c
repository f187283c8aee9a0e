#include "host/gateway/lwip/platform.h"
#include "host/base/check.h"
#include "host/base/random.h"
#include "host/gateway/lwip/siphash.h"
#include <stddef.h>
#include <string.h>

static struct {
    uint64_t key[2];
    uint64_t (*clock_ns)(void);
    struct random random;
} platform;

uint32_t sys_now(void); /* by this name lwIP asks for milliseconds */

uint32_t sys_now(void) { return (uint32_t)(platform.clock_ns() / 1000000); }

void platform_set(const uint64_t key[2], uint64_t (*clock_ns)(void)) {
    CHECK(clock_ns != NULL);
    platform.key[0] = key[0];
    platform.key[1] = key[1];
    platform.clock_ns = clock_ns;
    platform.random = random_seeded(siphash(key, "random", 6));
}

uint32_t platform_random(void) { return (uint32_t)random_next(&platform.random); }

uint32_t platform_sequence(uint32_t local, uint16_t local_port, uint32_t remote,
                           uint16_t remote_port) {
    const uint32_t tuple[3] = { local, remote, (uint32_t)local_port << 16 | remote_port };
    uint32_t ticks = (uint32_t)(platform.clock_ns() / 4000);
    return ticks + (uint32_t)siphash(platform.key, tuple, sizeof tuple);
}

/* Adds 32 bits at a time into 64, which cannot overflow below 16 GiB, and folds at the end. */
uint16_t platform_checksum(const void *bytes, int count) {
    const uint8_t *at = bytes;
    uint64_t sum = 0;
    for (; count >= 16; count -= 16, at += 16) {
        uint64_t words[2];
        memcpy(words, at, sizeof words);
        sum += (words[0] & UINT32_MAX) + (words[0] >> 32);
        sum += (words[1] & UINT32_MAX) + (words[1] >> 32);
    }
    for (; count >= 2; count -= 2, at += 2) {
        uint16_t word;
        memcpy(&word, at, sizeof word);
        sum += word;
    }
    if (count > 0) sum += *at; /* the byte that is missing counts as zero */
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & UINT16_MAX) + (sum >> 16);
    sum = (sum & UINT16_MAX) + (sum >> 16);
    return (uint16_t)sum;
}

_Noreturn void platform_failed(const char *what, const char *file, int line) {
    check_failed(what, file, line, "lwIP");
}
