/* meter: the core alone at the default size, watched at its ports: when a command is taken, when
 * its events leave.
 *
 * A clock has a number. A command is taken in the clock in which s_command's valid and ready meet;
 * an event leaves in the clock in which m_event's do. The sink is always ready. What is counted is
 * the difference of the two numbers, so that one register between them counts 1. */
#ifndef TESTS_RTL_METER_H
#define TESTS_RTL_METER_H

#include "driver/abi/abi.h"

struct meter;

/* What happened to one command, in numbers of clocks since the meter's reset. */
struct timing {
    uint64_t due;   /* it arrived before the core */
    uint64_t taken; /* by the core */
    uint64_t first; /* its first event left: the verdict of an order */
    uint64_t last;  /* its last event left */
    uint32_t trades;
    uint8_t kind; /* of the first event */
};

/* meter_see is shown each event and the clock it left in, if one is given. */
typedef void meter_see(void *context, const struct event *event, uint64_t clock);

/* meter_new makes a core, reset and swept; what has no initial value is drawn from seed.
   meter_delete gives it back. */
struct meter *meter_new(uint64_t seed);
void meter_delete(struct meter *meter);

/* meter_play gives count commands, one after another as fast as they are taken, and waits for the
   last one's last event. due says for each how many clocks after the call it arrives, never
   falling; NULL is all at once. timing has room for count, or is NULL. Returns 0, or -ETIMEDOUT
   with err_text when the core does not go on. */
int meter_play(struct meter *meter, const struct command *commands, uint64_t count,
               const uint64_t *due, struct timing *timing, meter_see *see, void *context);

/* meter_rest gives clocks until the core says that it is not busy, so that what comes next finds it
   idle. Returns 0, or -ETIMEDOUT with err_text. */
int meter_rest(struct meter *meter);

/* meter_clock is the number of the current clock. */
uint64_t meter_clock(const struct meter *meter);

#endif /* TESTS_RTL_METER_H */
