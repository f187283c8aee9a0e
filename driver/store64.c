#include "driver/store64.h"
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>
#endif

enum { WORDS = 8 };

/* Volatile, so that each word is stored once and as a word. */
static void store_words(void *to, const void *from) {
    volatile uint64_t *words = to;
    uint64_t value[WORDS];
    memcpy(value, from, sizeof value);
    for (int i = 0; i < WORDS; i++) words[i] = value[i];
#ifdef __x86_64__
    _mm_sfence(); /* a write-combining buffer is given away, full or not */
#else
    atomic_thread_fence(memory_order_seq_cst);
#endif
}

#ifdef __x86_64__

__attribute__((target("avx512f"))) static void store_avx512(void *to, const void *from) {
    _mm512_stream_si512(to, _mm512_loadu_si512(from));
    _mm_sfence();
}

__attribute__((target("movdir64b"))) static void store_movdir64b(void *to, const void *from) {
    _movdir64b(to, from);
    _mm_sfence(); /* it is ordered as weakly as a write-combined store */
}

static bool has_movdir64b(void) {
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (c & bit_MOVDIR64B) != 0;
}

store64_way *store64_get(enum store64_kind kind) {
    switch (kind) {
    case STORE64_MOVDIR64B:
        return has_movdir64b() ? store_movdir64b : NULL;
    case STORE64_AVX512:
        return __builtin_cpu_supports("avx512f") ? store_avx512 : NULL; /* asks the system too */
    case STORE64_WORDS:
    case STORE64_KINDS:
        break;
    }
    return kind == STORE64_WORDS ? store_words : NULL;
}

#else

store64_way *store64_get(enum store64_kind kind) {
    return kind == STORE64_WORDS ? store_words : NULL;
}

#endif

enum store64_kind store64_best(void) {
    enum store64_kind kind = STORE64_KINDS - 1;
    while (store64_get(kind) == NULL) kind--;
    return kind;
}

const char *store64_name(enum store64_kind kind) {
    static const char *const names[STORE64_KINDS] = {
        [STORE64_WORDS] = "eight words",
        [STORE64_AVX512] = "AVX-512",
        [STORE64_MOVDIR64B] = "MOVDIR64B",
    };
    return names[kind];
}
