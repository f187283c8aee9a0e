/* stimulus.h: random commands that crowd the edges: one level, empty levels, the band's ends and
 * its moving base, stale handles, a full book, limits about to overflow, kill bits, firms that meet
 * themselves, icebergs, auctions, sweeps, bits where none belong.
 *
 * It learns from the events what rests where, so that most commands mean something; it needs no
 * model of the engine. */
#ifndef TESTS_RTL_STIMULUS_H
#define TESTS_RTL_STIMULUS_H

#include "driver/card.h"

struct stimulus;

/* stimulus_new draws from seed for a card of this size; stimulus_delete gives it back. */
struct stimulus *stimulus_new(const struct card_size *size, uint64_t seed);
void stimulus_delete(struct stimulus *stimulus);

/* stimulus_next fills the next command; the first ones set up symbols and accounts and open the
 * gate. */
void stimulus_next(struct stimulus *stimulus, struct command *command);

/* An UNCROSS that is to be up to date says this; stimulus_settle puts the number of the symbol's
 * last event in its place, once every command before it is answered. */
enum { STIMULUS_LAST_EVENT = -1 };
void stimulus_settle(const struct stimulus *stimulus, struct command *command);

/* stimulus_see takes an event of the card; every event must be shown, in order. */
void stimulus_see(struct stimulus *stimulus, const struct event *event);

#endif /* TESTS_RTL_STIMULUS_H */
