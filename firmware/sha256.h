/* sha256.h: SHA-256 (FIPS 180-4) for a processor with neither multiplication nor rotation. */
#ifndef FIRMWARE_SHA256_H
#define FIRMWARE_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_BYTES = 32, SHA256_BLOCK_BYTES = 64 };

struct sha256 {
    uint32_t state[8];
    uint32_t bytes; /* so far: below 2^29, so that the count of bits fits a word */
    uint8_t block[SHA256_BLOCK_BYTES];
};

/* sha256_begin starts a hash, sha256_add takes count more bytes, sha256_end writes the digest. */
void sha256_begin(struct sha256 *sha);
void sha256_add(struct sha256 *sha, const uint8_t *bytes, size_t count);
void sha256_end(struct sha256 *sha, uint8_t digest[SHA256_BYTES]);

#endif /* FIRMWARE_SHA256_H */
