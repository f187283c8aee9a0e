#define BENCH_PORTS "tests/rtl/core.def"
#include "tests/rtl/meter.h"
#include "host/base/check.h"
#include "host/base/err.h"
#include "tests/rtl/bench.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { CLOCK_NS = 4, QUIET_CLOCKS_MAX = 1 << 20 };

_Static_assert(sizeof(struct command) == sizeof((struct ports *)0)->s_command_tdata, "a command");
_Static_assert(sizeof(struct event) == sizeof((struct ports *)0)->m_event_tdata, "an event");

struct meter {
    struct bench *bench;
    struct ports ports;
    uint64_t clock;
};

static void clock_once(struct meter *meter) {
    bench_clock(meter->bench, &meter->ports);
    meter->clock++;
}

struct meter *meter_new(uint64_t seed) {
    struct meter *meter = calloc(1, sizeof *meter);
    CHECK(meter);
    meter->bench = bench_new(seed);
    meter->ports.m_event_tready = 1;
    meter->ports.rst = 1;
    for (int i = 0; i < 8; i++) clock_once(meter);
    meter->ports.rst = 0;
    for (int i = 0; i < QUIET_CLOCKS_MAX && !meter->ports.init_done_o; i++) clock_once(meter);
    CHECK(meter->ports.init_done_o);
    return meter;
}

void meter_delete(struct meter *meter) {
    bench_delete(meter->bench);
    free(meter);
}

int meter_rest(struct meter *meter) {
    for (int i = 0; i < QUIET_CLOCKS_MAX; i++) {
        if (!meter->ports.busy_o) return 0;
        clock_once(meter);
    }
    return err_set(-ETIMEDOUT, "the core is busy for %d clocks with nothing to do",
                   QUIET_CLOCKS_MAX);
}

uint64_t meter_clock(const struct meter *meter) { return meter->clock; }

/* An event belongs to the oldest command that has not ended. */
static bool note(struct timing *timing, const struct event *event, bool first, uint64_t clock) {
    if (first) {
        timing->first = clock;
        timing->kind = event->kind;
        timing->trades = 0;
    }
    timing->last = clock;
    timing->trades += event->kind == KIND_TRADE;
    return event->flags & EVENT_END;
}

int meter_play(struct meter *meter, const struct command *commands, uint64_t count,
               const uint64_t *due, struct timing *timing, meter_see *see, void *context) {
    struct ports *ports = &meter->ports;
    uint64_t from = meter->clock, moved = meter->clock;
    struct timing spare;
    bool first = true;
    for (uint64_t taken = 0, ended = 0; ended < count;) {
        uint64_t at = from + (due && taken < count ? due[taken] : 0);
        bool offer = taken < count && meter->clock >= at;
        ports->s_command_tvalid = offer;
        if (offer) {
            memcpy(ports->s_command_tdata, &commands[taken], sizeof commands[taken]);
            uint64_t stamp_ns = meter->clock * CLOCK_NS;
            memcpy(ports->s_command_tdata, &stamp_ns, sizeof stamp_ns);
        }
        bench_settle(meter->bench, ports);
        if (offer && ports->s_command_tready) {
            if (timing) timing[taken] = (struct timing){ .due = at, .taken = meter->clock };
            taken++;
            moved = meter->clock;
        }
        if (ports->m_event_tvalid) {
            struct event event;
            memcpy(&event, ports->m_event_tdata, sizeof event);
            CHECK(ended < taken);
            if (see) see(context, &event, meter->clock);
            first = note(timing ? &timing[ended] : &spare, &event, first, meter->clock);
            ended += first;
            moved = meter->clock;
        }
        clock_once(meter);
        if (meter->clock - moved > QUIET_CLOCKS_MAX && (!due || taken == count || offer))
            return err_set(-ETIMEDOUT,
                           "the core neither takes a command nor says an event for %d clocks; "
                           "%" PRIu64 " of %" PRIu64 " commands have ended",
                           QUIET_CLOCKS_MAX, ended, count);
    }
    ports->s_command_tvalid = 0;
    return 0;
}
