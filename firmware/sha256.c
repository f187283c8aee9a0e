#include "firmware/sha256.h"

static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static const uint32_t beginning[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static uint32_t turn(uint32_t x, unsigned by) { return x >> by | x << (32 - by); }

static void compress(uint32_t state[8], const uint8_t *at) {
    /* All 64 words at once, not 16 in a ring: an index that is masked costs three instructions. */
    uint32_t words[64];
    for (uint32_t *word = words; word < words + 16; word++, at += 4)
        *word = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    for (uint32_t *word = words + 16; word < words + 64; word++) {
        uint32_t x = word[-15], y = word[-2];
        *word = word[-16] + (turn(x, 7) ^ turn(x, 18) ^ x >> 3) + word[-7] +
                (turn(y, 17) ^ turn(y, 19) ^ y >> 10);
    }
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (int i = 0; i < 64; i++) {
        uint32_t first = h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + (((f ^ g) & e) ^ g) +
                         constants[i] + words[i];
        uint32_t second = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + (((a | b) & c) | (a & b));
        h = g;
        g = f;
        f = e;
        e = d + first;
        d = c;
        c = b;
        b = a;
        a = first + second;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
}

void sha256_begin(struct sha256 *sha) {
    for (int i = 0; i < 8; i++) sha->state[i] = beginning[i];
    sha->bytes = 0;
}

void sha256_add(struct sha256 *sha, const uint8_t *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        sha->block[sha->bytes++ % SHA256_BLOCK_BYTES] = bytes[i];
        if (sha->bytes % SHA256_BLOCK_BYTES == 0) compress(sha->state, sha->block);
    }
}

void sha256_end(struct sha256 *sha, uint8_t digest[SHA256_BYTES]) {
    uint32_t bits = sha->bytes << 3;
    uint8_t end[8] = { 0, 0, 0, 0, 0, 0, 0, 0 };
    for (int i = 4; i < 8; i++, bits <<= 8) end[i] = (uint8_t)(bits >> 24);
    uint8_t mark = 0x80;
    do {
        sha256_add(sha, &mark, 1);
        mark = 0;
    } while (sha->bytes % SHA256_BLOCK_BYTES != SHA256_BLOCK_BYTES - sizeof end);
    sha256_add(sha, end, sizeof end);
    for (unsigned i = 0; i < SHA256_BYTES; i++)
        digest[i] = (uint8_t)(sha->state[i / 4] >> (24 - i % 4 * 8));
}
