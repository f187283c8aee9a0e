/* failure: {code, message, details} as both sides of the control API say it, read. */
#ifndef HOST_CONTROL_FAILURE_H
#define HOST_CONTROL_FAILURE_H

#include "host/control/control.h"

/* failure_read fills error from JSON; what is missing or of another type becomes "unknown", a
   sentence that says so, and "{}". */
void failure_read(const json_t *json, struct control_error *error);

#endif /* HOST_CONTROL_FAILURE_H */
