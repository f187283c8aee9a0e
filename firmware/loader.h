/* loader.h: is the image in slot B one to hand the core to? */
#ifndef FIRMWARE_LOADER_H
#define FIRMWARE_LOADER_H

#include "firmware/contract.h"

/* loader_check reads REGION_UPDATE and returns BOOT_GOOD, or the first of BOOT_MAGIC, _LENGTH,
   _ABI, _CRC and _DIGEST that it finds. It reads nothing behind the image's length. The signature
   is not looked at: the host checks it before it loads (driver/firmware.h). */
uint32_t loader_check(void);

/* loader_reason says a BOOT_ code in words, for the log. */
const char *loader_reason(uint32_t boot);

#endif /* FIRMWARE_LOADER_H */
