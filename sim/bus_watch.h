/* bus_watch: a host's silence in real time.
 *
 * The watchdog of the RTL counts clocks, and a card that gets clocks only while there is work would
 * never see its host fall silent. So the card's process looks at the registers that go past, keeps
 * the time itself, and lets the watchdog see what the host would have been silent for. */
#ifndef SIM_BUS_WATCH_H
#define SIM_BUS_WATCH_H

#include <stdbool.h>
#include <stdint.h>

enum { BUS_WATCH_STEP_NS = 250000000 }; /* a longer time without a look was the process's own */

struct bus_watch {
    bool live;
    uint32_t watchdog_ns, clock_ns; /* as the registers hold them */
    uint64_t silence_ns, looked_ns;
};

/* bus_watch_reset is the card's reset at time now_ns: REPLAY mode, registers at their reset values.
 */
void bus_watch_reset(struct bus_watch *watch, uint64_t now_ns);

/* bus_watch_write sees a register write that goes to the card. Other registers than those of the
   watchdog say nothing. */
void bus_watch_write(struct bus_watch *watch, uint32_t reg, uint32_t value, uint64_t now_ns);

/* bus_watch_late is true each time the silence has come to WATCHDOG_NS of a LIVE card. Time in
   which nobody looked for more than BUS_WATCH_STEP_NS counts as that: a process that was held up
   must not take it for the host's silence. */
bool bus_watch_late(struct bus_watch *watch, uint64_t now_ns);

#endif /* SIM_BUS_WATCH_H */
