/* alerts.h: alarms that stand, and what of them the host has still to be told.
 *
 * The card takes an alert at a time, and in REPLAY mode none; so what is to be said is kept as bits
 * by ALERT_ code, and nobody waits. However long the card takes none, the host hears of a code that
 * it was raised, once, with the last value, and if it stands no more, that it was cleared. */
#ifndef FIRMWARE_ALERTS_H
#define FIRMWARE_ALERTS_H

#include "firmware/contract.h"

enum { ALERTS_END = ALERT_CRITICAL + 1 };

/* Zero is none. */
struct alerts {
    uint32_t standing, unsaid, told;                 /* bit n: ALERT_ n */
    int32_t raised[ALERTS_END], cleared[ALERTS_END]; /* values */
};

/* alerts_raise says that an alarm begins, or that one which stands is to be said again. */
void alerts_raise(struct alerts *alerts, uint32_t code, int32_t value);

/* alerts_clear ends one; nothing if it does not stand. */
void alerts_clear(struct alerts *alerts, uint32_t code, int32_t value);

/* alerts_stands says whether it does. */
static inline bool alerts_stands(const struct alerts *alerts, uint32_t code) {
    return (alerts->standing >> code & 1u) != 0;
}

/* alerts_step hands the next alert to the card if the card takes one, the highest code first. */
void alerts_step(struct alerts *alerts);

#endif /* FIRMWARE_ALERTS_H */
