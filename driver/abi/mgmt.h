/* mgmt.h: the C view of mgmt.def, for the host and for the firmware: nothing but numbers.
 *
 * REGION_DATA is an address, REGION_DATA_BYTES its size; DEVICE_, PAGE_ and IMAGE_ are offsets; the
 * codes are as mgmt.def names them. */
#ifndef DRIVER_ABI_MGMT_H
#define DRIVER_ABI_MGMT_H

// clang-format off
enum {
#define REGION(name, address, bytes, meaning)  REGION_##name = (address), REGION_##name##_BYTES = (bytes),
#define DEVICE(name, offset, access, meaning)  DEVICE_##name = (offset),
#define PAGE(name, offset, unit, meaning)      PAGE_##name = (offset),
#define IMAGE(name, offset, meaning)           IMAGE_##name = (offset),
#define CODE(group, name, number, meaning)     group##_##name = (number),
#include "driver/abi/mgmt.def"
#undef REGION
#undef DEVICE
#undef PAGE
#undef IMAGE
#undef CODE
};
// clang-format on

#endif /* DRIVER_ABI_MGMT_H */
