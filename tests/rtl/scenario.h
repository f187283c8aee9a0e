/* scenario.h: the rules of the engine as a text that every card runs: tests/rtl/scenarios.txt.
 *
 *   == title                        a scenario; the card is reset and the lines above the first
 * scenario run first COMMAND -> EVENT ; EVENT        one command, and all its events # text for the
 * reader
 *
 * Commands                                          Events
 *   NEW slot side quantity @price                     KIND REASON part=value ...
 *   CANCEL slot total                                 the reason is left out where there is none;
 * parts that are REPLACE slot total @price                         named must have the value,
 * others are not looked at; order and SYMBOL row FIELD = value   (+= adjusts)           maker are
 * slots, ioc and sell are flags (0 or 1) ACCOUNT row FIELD = value POSITION account symbol FIELD =
 * value CREDIT account value KILL TABLE row, RELEASE TABLE row QUERY TABLE row [row] NOP each
 * followed by any part=value of struct command, which overrides; gen=n sets the generation of the
 * handle. A NEW is for account 0, session 0, symbol 0 unless it says otherwise; CANCEL and REPLACE
 * name what was entered in the slot. */
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
