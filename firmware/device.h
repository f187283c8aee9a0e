/* device.h: the only way to the hardware. On the card these are loads, stores and one instruction;
 * a unit test supplies functions of the same names. */
#ifndef FIRMWARE_DEVICE_H
#define FIRMWARE_DEVICE_H

#include "firmware/contract.h"

#if !__STDC_HOSTED__

/* device_read loads the 32-bit word at an address of a REGION_. */
static inline uint32_t device_read(uint32_t address) { return *(const volatile uint32_t *)address; }

/* device_write stores one. */
static inline void device_write(uint32_t address, uint32_t value) {
    *(volatile uint32_t *)address = value;
}

/* device_write_byte stores a byte; in REGION_PAGE only, devices take words. */
static inline void device_write_byte(uint32_t address, uint8_t value) {
    *(volatile uint8_t *)address = value;
}

#else

uint32_t device_read(uint32_t address);
void device_write(uint32_t address, uint32_t value);
void device_write_byte(uint32_t address, uint8_t value);

#endif

/* device_interrupt_comes sets the timer to clocks from now, lets its interrupt through, and says
   whether it was taken within ten times as long. COMPARE stays where it was set. */
bool device_interrupt_comes(uint32_t clocks);

/* What stands at an offset of the devices, of the page, of the card's registers. */
static inline uint32_t devices_read(uint32_t offset) {
    return device_read(REGION_DEVICES + offset);
}
static inline void devices_write(uint32_t offset, uint32_t value) {
    device_write(REGION_DEVICES + offset, value);
}
static inline uint32_t page_read(uint32_t offset) { return device_read(REGION_PAGE + offset); }
static inline void page_write(uint32_t offset, uint32_t value) {
    device_write(REGION_PAGE + offset, value);
}
static inline uint32_t registers_read(uint32_t reg) { return device_read(REGION_CARD + reg); }

#endif /* FIRMWARE_DEVICE_H */
