/* setup: the configuration as commands, in the order a fresh card takes them: symbols, accounts
 * with their positions and buying power, and last the opening of the gate. */
#ifndef HOST_GATEWAY_SETUP_H
#define HOST_GATEWAY_SETUP_H

#include "driver/card.h"
#include "host/gateway/config.h"

struct setup {
    struct command *commands;
    uint32_t count;
};

/* setup_make makes the commands, which setup_free gives back. The same configuration always gives
   the same. Returns 0; or -EINVAL when the card is too small for it, with err_text saying for what;
   or -ENOMEM. */
int setup_make(const struct config *config, const struct card_size *size, struct setup *setup);
void setup_free(struct setup *setup);

/* setup_gate is the command that opens the gate for all (MODE_RELEASE) or closes it (MODE_KILL). */
struct command setup_gate(uint8_t mode);

#endif /* HOST_GATEWAY_SETUP_H */
