/* bitmap.h: which levels of one side are occupied: 64 words of 64 bits and a summary word, so that
   the nearest occupied level is two find-first steps away, never a scan. Levels lie on a circle: a
   search wraps at the end. */
#ifndef HOST_ENGINE_BITMAP_H
#define HOST_ENGINE_BITMAP_H

#include <stdbool.h>
#include <stdint.h>

enum { BITMAP_BITS = 4096 };

struct bitmap {
    uint64_t summary; /* bit w is set iff words[w] is not 0 */
    uint64_t words[BITMAP_BITS / 64];
};

static inline bool bitmap_empty(const struct bitmap *map) { return map->summary == 0; }

static inline bool bitmap_test(const struct bitmap *map, uint32_t bit) {
    return map->words[bit / 64] >> bit % 64 & 1;
}

static inline void bitmap_set(struct bitmap *map, uint32_t bit) {
    map->words[bit / 64] |= UINT64_C(1) << bit % 64;
    map->summary |= UINT64_C(1) << bit / 64;
}

static inline void bitmap_clear(struct bitmap *map, uint32_t bit) {
    map->words[bit / 64] &= ~(UINT64_C(1) << bit % 64);
    if (map->words[bit / 64] == 0) map->summary &= ~(UINT64_C(1) << bit / 64);
}

/* bitmap_find_up finds the first set bit at or above from, going on at 0 after the last; false if
   none is set. bitmap_find_down the first at or below from, going on at the last after 0. */
static inline bool bitmap_find_up(const struct bitmap *map, uint32_t from, uint32_t *found) {
    if (map->summary == 0) return false;
    uint32_t word = from / 64;
    uint64_t here = map->words[word] & ~UINT64_C(0) << from % 64;
    if (here == 0) {
        uint64_t above = word == 63 ? 0 : map->summary & ~UINT64_C(0) << (word + 1);
        word = (uint32_t)__builtin_ctzll(above ? above : map->summary);
        here = map->words[word];
    }
    *found = word * 64 + (uint32_t)__builtin_ctzll(here);
    return true;
}

static inline bool bitmap_find_down(const struct bitmap *map, uint32_t from, uint32_t *found) {
    if (map->summary == 0) return false;
    uint32_t word = from / 64;
    uint64_t here = map->words[word] & ~UINT64_C(0) >> (63 - from % 64);
    if (here == 0) {
        uint64_t below = word == 0 ? 0 : map->summary & ~UINT64_C(0) >> (64 - word);
        word = 63 - (uint32_t)__builtin_clzll(below ? below : map->summary);
        here = map->words[word];
    }
    *found = word * 64 + 63 - (uint32_t)__builtin_clzll(here);
    return true;
}

#endif /* HOST_ENGINE_BITMAP_H */
