/* limits.h: what the firmware holds to be healthy, how often it looks, and why these numbers. */
#ifndef FIRMWARE_LIMITS_H
#define FIRMWARE_LIMITS_H

enum {
    /* Clocks between two rounds of health: 100 us at 250 MHz. Ten rounds see a voltage that drops
       for a millisecond. */
    HEALTH_CLOCKS = 25000,

    /* Of the die, 0.01 degrees Celsius. The timing of the design is closed for 0 to 85, the
       commercial grade; above 95 a wrong result is likelier than a late one, so the gate closes. */
    TEMPERATURE_LOW = 0,
    TEMPERATURE_HIGH = 8500,
    TEMPERATURE_CRITICAL = 9500,
    TEMPERATURE_HYSTERESIS = 200, /* an alarm ends this far inside; a sensor's noise is less */

    /* Millivolts: 0.85 V and 1.80 V, each with the 3 % that the device's specification gives. */
    VCCINT_LOW = 825,
    VCCINT_HIGH = 876,
    VCCAUX_LOW = 1746,
    VCCAUX_HIGH = 1854,
    VOLTAGE_HYSTERESIS = 5,

    /* Words that a round of health reads: all 10,240 of the memories in 160 rounds, 16 ms. */
    SCRUB_WORDS = 64,

    /* Corrected words above which an alert goes out: an upset now and then is what ECC is for, a
       handful between two alerts is a memory that wears out. */
    CORRECTED_MAX = 4,

    /* Clocks that the self-test sets the timer to; it waits ten times as long. */
    TIMER_CLOCKS = 1000,
};

#endif /* FIRMWARE_LIMITS_H */
