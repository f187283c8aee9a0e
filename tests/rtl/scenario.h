/* scenario.h: the rules of the engine as a text that every card runs: tests/rtl/scenarios.txt.
 *
 *   == title                      a scenario: the card is reset and given the lines above the first
 *   COMMAND -> EVENT ; EVENT      one command, and all its events
 *   TABLE row FIELD == value ...  the row is queried; each field named must have its value
 *   # text for the reader
 *
 * Commands
 *   NEW slot side quantity @price    no @price for a market order
 *   CANCEL slot total
 *   REPLACE slot total @price
 *   SWEEP part=value ...             session, firm, account, symbol, side: sets the FILTER_ bit too
 *   UNCROSS symbol @price last       or event=number. last is the symbol's last event; last-1
 *                                    and last+1 are the numbers beside it
 *   SYMBOL row FIELD = value         += adjusts
 *   ACCOUNT row FIELD = value
 *   POSITION account symbol FIELD = value
 *   CREDIT account value
 *   KILL TABLE row, RELEASE TABLE row
 *   QUERY TABLE row [row]
 *   NOP
 * each followed by ioc, market, fok and post_only, which set a flag, and by any part=value of
 * struct command, which overrides. stamp_ns is the command's time; without it no time passes. gen
 * is the generation of the handle. A NEW is for account 0, session 0, symbol 0 unless it says
 * otherwise; CANCEL and REPLACE name what was entered in the slot.
 *
 * Events
 *   KIND REASON part=value ...       no reason where there is none; parts that are named must have
 *                                    the value, others are not looked at. order and maker are
 *                                    slots, gen is the order's generation; ioc, sell and card are
 *                                    flags (0 or 1) */
#ifndef TESTS_RTL_SCENARIO_H
#define TESTS_RTL_SCENARIO_H

#include "driver/card.h"

struct scenario_counts {
    uint32_t scenarios, commands, events;
};

/* scenario_run plays the file against a card in REPLAY mode. Returns 0 and the counts; -EINVAL for
   a line that cannot be read, -EPROTO for an event that is not what the line says: err_text names
   file, line, both. Or an error as drive. */
int scenario_run(struct card *card, const char *path, struct scenario_counts *counts);

#endif /* TESTS_RTL_SCENARIO_H */
