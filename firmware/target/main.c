/* main: called by start.S with a stack and clear memory; its return is a wait for the next reset.
 */
#include "firmware/core.h"
#include "firmware/device.h"

/* Images that fail when they begin as B, to try what the card does then. */
#define TRAP   1
#define HANG   2
#define BABBLE 3 /* hands over whatever may be an alert, then hangs */
#ifndef BROKEN
#define BROKEN 0
#endif

static struct core core;

void main(uint32_t march_failed);

void main(uint32_t march_failed) {
    if (BROKEN == TRAP) __asm__ volatile(".word 0");
    while (BROKEN == HANG) continue;
    if (BROKEN == BABBLE) {
        for (uint32_t code = 0; code < 256; code++) devices_write(DEVICE_ALERT, code);
        return;
    }
    if (!core_begin(&core, march_failed)) return;
    for (;;) {
        core_step(&core);
        __asm__ volatile("wfi" ::: "memory");
    }
}
