#include "tests/rtl/drive.h"
#include "host/base/err.h"
#include <errno.h>

enum { POLLS_MAX = 1 << 22, EVENTS = 64 };

int drive(struct card *card, const struct command *command, drive_see *see, void *context) {
    int error = card_push(card, command);
    if (error) return error;
    for (int polls = 0; polls < POLLS_MAX; polls++) {
        struct event events[EVENTS];
        int count = card_poll(card, events, EVENTS);
        if (count < 0) return count;
        bool ended = false;
        for (int i = 0; i < count; i++) {
            if (see) see(context, &events[i]);
            bool own = (events[i].flags & EVENT_CARD) && command->origin != ORIGIN_CARD;
            if ((events[i].flags & EVENT_END) && !own) ended = true;
        }
        if (ended) return 0;
    }
    return err_set(-ETIMEDOUT, "the card does not end the command %s",
                   abi_opcode_name(command->opcode));
}
