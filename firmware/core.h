/* core.h: the life of the management core: boot, self-test, rounds of health, the host's commands.
 */
#ifndef FIRMWARE_CORE_H
#define FIRMWARE_CORE_H

#include "firmware/alerts.h"
#include "firmware/scrub.h"

struct core {
    struct alerts alerts;
    struct scrub scrub;
    uint32_t link;           /* DEVICE_LINK when the firmware began */
    uint32_t march_failed;   /* SELFTEST_DATA or 0 */
    uint32_t clock_ns;       /* REG_CLOCK_NS */
    uint32_t clocks_per_ms;  /* what it comes to */
    uint32_t clocks_counted; /* DEVICE_CLOCKS up to which UPTIME_MS counts */
    uint32_t next;           /* DEVICE_CLOCKS of the next round */
};

/* core_begin takes the core from reset to RUN or DEGRADED. *core is zero; march_failed is what the
   memory test of start.S found, 0 or SELFTEST_DATA. Image A with a good image B behind it returns
   false: the hardware begins B, and the caller waits to be reset. Else true: go on with core_step.
 */
bool core_begin(struct core *core, uint32_t march_failed);

/* core_step does what there is to do: a command of the host, a round that is due. Sleep then until
   the timer or a command. */
void core_step(struct core *core);

/* core_trap is told of a trap that nobody expected: logs it and begins image A if B runs, else the
   same one anew. The caller waits to be reset. */
void core_trap(uint32_t cause, uint32_t pc, uint32_t value);

#endif /* FIRMWARE_CORE_H */
