/* engine.h: the reference engine: what a command does, said in C. The RTL gives the same events bit
 * for bit.
 *
 * Pure: no I/O, no clock, no allocation after engine_new; time comes in with each command.
 * The law is design section 5, restated rule by rule in host/engine/README.md and
 * tests/rtl/scenarios.txt. */
#ifndef HOST_ENGINE_ENGINE_H
#define HOST_ENGINE_ENGINE_H

#include "driver/card.h"

struct engine;

/* engine_emit takes one event; the engine keeps nothing of it. The envelope is zero. */
typedef void engine_emit(void *context, const struct event *event);

/* engine_new makes an engine as a fresh card is after reset; engine_delete gives it back. NULL
 * without memory. */
struct engine *engine_new(const struct card_size *size);
void engine_delete(struct engine *engine);

/* engine_reset makes it fresh again. */
void engine_reset(struct engine *engine);

/* engine_apply carries out one command and emits its events, the verdict first, EVENT_END on the
   last: at least one, at most engine_events_max. command->stamp_ns is the command's time; the
   engine never lets it run backwards (a smaller stamp becomes the last one).
   ORIGIN_CARD is malformed unless trusted: set it for what the card itself asks and in a replay,
   never for what a host pushes to a live card. */
void engine_apply(struct engine *engine, const struct command *command, bool trusted,
                  engine_emit *emit, void *context);

/* engine_events_max bounds the events of one command: every part of every iceberg filled and
 * restated, verdict, halt and cancel. */
uint32_t engine_events_max(const struct card_size *size);

/* engine_killed says whether the gate is closed for all. */
bool engine_killed(const struct engine *engine);

/* engine_check walks every table and CHECKs what must hold: lists whole, bit set iff level not
   empty, level sums and position sums equal to their orders', reservations equal to open buys, no
   book crossed. Slow; for tests. */
void engine_check(const struct engine *engine);

#endif /* HOST_ENGINE_ENGINE_H */
