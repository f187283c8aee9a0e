/* drive.h: one command at a time through a card: push, then poll until its last event has come. */
#ifndef TESTS_RTL_DRIVE_H
#define TESTS_RTL_DRIVE_H

#include "driver/card.h"

typedef void drive_see(void *context, const struct event *event);

/* drive carries out one command and shows each of its events to see. Returns 0, or what card_push
   or card_poll returned, with err_text; -ETIMEDOUT when the card does not end the command. Events
   of the card's own commands that come first are shown too. */
int drive(struct card *card, const struct command *command, drive_see *see, void *context);

#endif /* TESTS_RTL_DRIVE_H */
