/* port_answer: what came back from the gateway's loop, as the JSON that the command port says;
 * host/control/README.md states it. */
#ifndef HOST_GATEWAY_PORT_ANSWER_H
#define HOST_GATEWAY_PORT_ANSWER_H

#include "host/gateway/port_mailbox.h"

/* port_answer makes the answer to a job that is done, all but its id; NULL without memory. It reads
   the port's status and counters, which are the thread's once their job is. */
json_t *port_answer(const struct port_control *port, const struct port_job *job);

#endif /* HOST_GATEWAY_PORT_ANSWER_H */
