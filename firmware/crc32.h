/* crc32.h: CRC-32 of IEEE 802.3, reflected, as zlib's crc32. */
#ifndef FIRMWARE_CRC32_H
#define FIRMWARE_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* crc32_add goes on from crc, which is 0 at first, over count bytes. */
uint32_t crc32_add(uint32_t crc, const uint8_t *bytes, size_t count);

#endif /* FIRMWARE_CRC32_H */
