/* store64.h: 64 bytes to the card in as few bus writes as the processor can.
 *
 * The card's window takes a slot once all its 64 bytes have arrived, in whatever pieces, so every
 * way is right; they differ in what they cost on the bus: MOVDIR64B and a 512-bit store are one
 * write of 64 bytes, eight words are one where the memory is write-combined and eight elsewhere. */
#ifndef DRIVER_STORE64_H
#define DRIVER_STORE64_H

#include <stdbool.h>

enum store64_kind { STORE64_WORDS, STORE64_AVX512, STORE64_MOVDIR64B, STORE64_KINDS };

/* A way to store copies 64 bytes from anywhere to a 64-byte aligned place. When it returns, they
   are on their way: later stores do not pass them. */
typedef void store64_way(void *to, const void *from);

/* store64_get returns the way of this kind, NULL where the processor or the system lacks it.
   STORE64_WORDS is always there. */
store64_way *store64_get(enum store64_kind kind);

/* store64_best is the kind to take on this processor, asked at run time. */
enum store64_kind store64_best(void);

const char *store64_name(enum store64_kind kind);

#endif /* DRIVER_STORE64_H */
