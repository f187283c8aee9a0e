/* header: the first 64 bytes of the image. wirepit-image fills in what is zero. */
#include "firmware/contract.h"
#include "firmware/version.h"

_Static_assert(IMAGE_HEADER_BYTES == 64, "the jump knows it");

__attribute__((section(".header"), used)) const uint32_t header[IMAGE_HEADER_BYTES / 4] = {
    [IMAGE_JUMP / 4] = 0x0400006f, /* j . + 64 */
    [IMAGE_VERSION / 4] = FIRMWARE_VERSION,
    [IMAGE_ABI_DIGEST / 4] = ABI_DIGEST,
};
