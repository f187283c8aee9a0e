/* siphash: SipHash-2-4 (Aumasson and Bernstein), a keyed hash that cannot be guessed without its
 * key. */
#ifndef HOST_GATEWAY_LWIP_SIPHASH_H
#define HOST_GATEWAY_LWIP_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_state {
    uint64_t a, b, c, d;
};

static inline uint64_t siphash_rotate(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

static inline void siphash_rounds(struct siphash_state *s, int count) {
    for (int i = 0; i < count; i++) {
        s->a += s->b;
        s->c += s->d;
        s->b = siphash_rotate(s->b, 13) ^ s->a;
        s->d = siphash_rotate(s->d, 16) ^ s->c;
        s->a = siphash_rotate(s->a, 32);
        s->c += s->b;
        s->a += s->d;
        s->b = siphash_rotate(s->b, 17) ^ s->c;
        s->d = siphash_rotate(s->d, 21) ^ s->a;
        s->c = siphash_rotate(s->c, 32);
    }
}

/* siphash hashes count bytes under a key. */
static inline uint64_t siphash(const uint64_t key[2], const void *bytes, size_t count) {
    const uint8_t *at = bytes;
    struct siphash_state s = { key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
                               key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u };
    for (size_t done = 0; done <= count; done += 8) {
        uint64_t word = 0;
        for (size_t i = 0; i < 8 && done + i < count; i++)
            word |= (uint64_t)at[done + i] << (8 * i);
        if (count - done < 8) word |= (uint64_t)(count & 0xff) << 56;
        s.d ^= word;
        siphash_rounds(&s, 2);
        s.a ^= word;
    }
    s.c ^= 0xff;
    siphash_rounds(&s, 4);
    return s.a ^ s.b ^ s.c ^ s.d;
}

#endif /* HOST_GATEWAY_LWIP_SIPHASH_H */
