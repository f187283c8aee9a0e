/* selftest.h: is the card one that this firmware can look after? */
#ifndef FIRMWARE_SELFTEST_H
#define FIRMWARE_SELFTEST_H

#include "firmware/contract.h"

/* selftest_run tests digest, parameters and timer interrupt and returns the SELFTEST_ bits that
   failed. The memory's march is start.S's: it needs the memory for itself. Moves COMPARE. */
uint32_t selftest_run(void);

#endif /* FIRMWARE_SELFTEST_H */
