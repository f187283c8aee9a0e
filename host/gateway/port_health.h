/* port_health: what a picture of the card means, as JSON: every number with its unit, and a
 * sentence for each that is not as it should be. Pure. host/control/README.md states the members.
 */
#ifndef HOST_GATEWAY_PORT_HEALTH_H
#define HOST_GATEWAY_PORT_HEALTH_H

#include "host/gateway/port_card.h"
#include <jansson.h>

/* port_health_card is the answer to `"ask": "card"`: what the card called name is and how it is,
   with the last action. `healthy` is false when something is out of its range, a self-test failed,
   the management core does not run, or the card does not answer: `warnings` say which and what to
   do. A card without a management core has `management` null and nothing to warn of. */
json_t *port_health_card(const char *name, const struct port_picture *picture,
                         const struct port_action *action);

/* port_health_log is the answer to `"ask": "log"`: `text`, the bytes of the log from number `from`
   up to `written`, without those that were overwritten while it was read; what is no ASCII is '?'.
   Both numbers are modulo 2 to the 32. `boots` tells a log from that before a restart. */
json_t *port_health_log(const char *name, const struct port_picture *picture);

/* port_health_action is the last action, null before the first. */
json_t *port_health_action(const struct port_action *action);

#endif /* HOST_GATEWAY_PORT_HEALTH_H */
