/* softcard.h: CARD=soft: card.h's operations over the reference engine, in process.
 *
 * What a host can observe of a card is here: window of LIMIT_WINDOW_SLOTS commands, registers,
 * counters, REPLAY and LIVE mode, the gate that closes past everything that waits. Commands are
 * carried out inside card_poll. Time stands still but for card_set_time: it is the caller who says
 * how late it is. Clocks are not modelled: events say 0, and so do the counters of clocks. The
 * watchdog has nothing to watch: while the host is silent the card does not run either. */
#ifndef HOST_SOFTCARD_SOFTCARD_H
#define HOST_SOFTCARD_SOFTCARD_H

#include "driver/card.h"

/* softcard_open makes a card of this size, fresh from reset and in REPLAY mode. Returns 0 and
 *card, which card_close gives back; -EINVAL for a size that no card can have; or -ENOMEM. */
int softcard_open(const struct card_size *size, struct card **card);

#endif /* HOST_SOFTCARD_SOFTCARD_H */
