#include "firmware/selftest.h"
#include "firmware/device.h"
#include "firmware/limits.h"

static bool power_of_two(uint32_t reg, uint32_t min, uint32_t max) {
    uint32_t value = registers_read(reg);
    return value >= min && value <= max && (value & (value - 1)) == 0;
}

uint32_t selftest_run(void) {
    uint32_t failed = 0;
    if (registers_read(REG_DIGEST) != ABI_DIGEST) failed |= SELFTEST_ABI;
    /* The bounds of struct card_size in driver/card.h. */
    if (!power_of_two(REG_SYMBOLS, 2, 1u << 16) || !power_of_two(REG_ACCOUNTS, 2, 1u << 16) ||
        !power_of_two(REG_ORDERS, 2, 1u << LIMIT_SLOT_BITS) || !power_of_two(REG_LEVELS, 64, 4096))
        failed |= SELFTEST_PARAMETERS;
    if (!device_interrupt_comes(TIMER_CLOCKS)) failed |= SELFTEST_TIMER;
    return failed;
}
