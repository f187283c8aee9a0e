/* lockstep.h: a card whose every event is compared with what the reference engine says, bit for
 * bit, the envelope left out.
 *
 * It wraps any struct card. Commands are kept as they are pushed; when the first event of one
 * arrives, the reference engine carries it out: in REPLAY mode at the command's own stamp, in LIVE
 * mode at the stamp of the event. An event that says EVENT_CARD without such a command waiting is
 * the gate closing by itself: a KILL of origin CARD. */
#ifndef SIM_LOCKSTEP_H
#define SIM_LOCKSTEP_H

#include "driver/card.h"

enum { LOCKSTEP_KEPT = 1 << 16 }; /* commands kept for the list that a difference writes */

struct lockstep_options {
    /* Where the first difference is described; made when it is needed. NULL is build/lockstep. */
    const char *directory;

    /* Called once, behind the other files, to add what else is known (a waveform). Returns a text
       for err_text that says what it wrote, never NULL. NULL: nothing is added. */
    const char *(*on_difference)(void *context, const char *directory);
    void *context;
};

struct lockstep_counts {
    uint64_t commands;    /* whose last event was compared and is the same */
    uint64_t events;      /* that were compared and are the same */
    uint64_t differences; /* 0 or 1: the first one stops the card */
};

/* lockstep_open wraps inner, a card fresh from reset, and owns it from then on. Returns 0 and
   *card, or -ENOMEM and inner stays the caller's.

   card_poll then returns -EPROTO at the first difference and for ever after: directory holds
   difference.txt (the command and both events, in words and bytes) and commands.txt (the last
   LOCKSTEP_KEPT commands, with stamps). An error of inner's is passed on with commands.txt written.
   card_write of CONTROL_RESET starts afresh but for the counts. */
int lockstep_open(struct card *inner, const struct lockstep_options *options, struct card **card);

/* lockstep_inner returns the card that is wrapped, or NULL when card is not of lockstep_open. */
struct card *lockstep_inner(const struct card *card);

/* lockstep_counts says what has been compared since lockstep_open. card is of lockstep_open. */
struct lockstep_counts lockstep_counts(const struct card *card);

#endif /* SIM_LOCKSTEP_H */
