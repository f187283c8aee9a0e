#include "sim/bus_watch.h"
#include "driver/abi/abi.h"

static uint32_t reset_value(uint32_t reg) {
    switch (reg) {
#define REG(name, offset, access, reset, meaning) \
    case offset:                                  \
        return reset;
#define FIELD(name, field, lsb, width, meaning)
#include "driver/abi/regs.def"
#undef REG
#undef FIELD
    default:
        return 0;
    }
}

void bus_watch_reset(struct bus_watch *watch, uint64_t now_ns) {
    *watch = (struct bus_watch){ .watchdog_ns = reset_value(REG_WATCHDOG_NS),
                                 .clock_ns = reset_value(REG_CLOCK_NS),
                                 .looked_ns = now_ns };
}

void bus_watch_write(struct bus_watch *watch, uint32_t reg, uint32_t value, uint64_t now_ns) {
    switch (reg) {
    case REG_CONTROL:
        if ((value & CONTROL_RESET) != 0) {
            bus_watch_reset(watch, now_ns);
        } else if ((value & CONTROL_GO_LIVE) != 0 && !watch->live) {
            watch->live = true;
            watch->silence_ns = 0;
            watch->looked_ns = now_ns;
        }
        break;
    case REG_HEARTBEAT:
        watch->silence_ns = 0;
        watch->looked_ns = now_ns;
        break;
    case REG_WATCHDOG_NS:
        watch->watchdog_ns = value;
        break;
    case REG_CLOCK_NS:
        if (value >= 1 && value <= 255) watch->clock_ns = value;
        break;
    default:
        break;
    }
}

bool bus_watch_late(struct bus_watch *watch, uint64_t now_ns) {
    uint64_t step_ns = now_ns - watch->looked_ns;
    watch->looked_ns = now_ns;
    if (!watch->live || watch->watchdog_ns == 0) {
        watch->silence_ns = 0;
        return false;
    }
    watch->silence_ns += step_ns < BUS_WATCH_STEP_NS ? step_ns : BUS_WATCH_STEP_NS;
    if (watch->silence_ns < watch->watchdog_ns) return false;
    watch->silence_ns = 0;
    return true;
}
