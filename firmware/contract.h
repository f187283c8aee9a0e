/* contract.h: the numbers of driver/abi that the firmware uses, and the digest of the tables.
 *
 * On the card there is no C library, so driver/abi/abi.h cannot be included there; the tables can.
 */
#ifndef FIRMWARE_CONTRACT_H
#define FIRMWARE_CONTRACT_H

#include "build/firmware/digest.h"
#include "driver/abi/mgmt.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if __STDC_HOSTED__
#include "driver/abi/abi.h"
#else
// clang-format off
enum { /* ALERT_LINK == 4, LIMIT_SLOT_BITS == 20 */
#define CODE(group, name, number, meaning)     group##_##name = (number),
#define LIMIT(name, number, meaning)           LIMIT_##name = (number),
#define USE(opcode, part)
#define FLAG(group, name, bit, built, meaning)
#include "driver/abi/codes.def"
#undef CODE
#undef LIMIT
#undef USE
#undef FLAG
};

enum { /* REG_MGMT == 0x048 */
#define REG(name, offset, access, reset, meaning) REG_##name = (offset),
#define FIELD(name, field, lsb, width, meaning)
#include "driver/abi/regs.def"
#undef REG
#undef FIELD
};

enum { /* MGMT_FAILED == 1 << 9 */
#define REG(name, offset, access, reset, meaning)
#define FIELD(name, field, lsb, width, meaning) name##_##field = (int)(((1ull << (width)) - 1u) << (lsb)),
#include "driver/abi/regs.def"
#undef REG
#undef FIELD
};
// clang-format on
#endif

#endif /* FIRMWARE_CONTRACT_H */
