/* random.h: pseudo-random numbers from a seed, the same on every machine. xoshiro256** seeded by
   splitmix64 (Blackman and Vigna); the common benchmark stream is drawn from this generator, so its
   numbers never change. */
#ifndef HOST_BASE_RANDOM_H
#define HOST_BASE_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state[4];
};

static inline struct random random_seeded(uint64_t seed) {
    struct random random;
    for (int i = 0; i < 4; i++) {
        seed += 0x9e3779b97f4a7c15u;
        uint64_t z = seed;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        random.state[i] = z ^ (z >> 31);
    }
    return random;
}

static inline uint64_t random_rotate(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

/* random_next draws 64 bits. */
static inline uint64_t random_next(struct random *random) {
    uint64_t *s = random->state;
    uint64_t result = random_rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = random_rotate(s[3], 45);
    return result;
}

/* random_below draws from 0 to bound - 1; bound > 0. */
static inline uint64_t random_below(struct random *random, uint64_t bound) {
    __extension__ typedef unsigned __int128 wide;
    return (uint64_t)(((wide)random_next(random) * bound) >> 64);
}

#endif /* HOST_BASE_RANDOM_H */
