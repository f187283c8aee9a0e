/* doctor: what of this machine keeps Wirepit from its best, and what to do about each. It only
 * looks, but for a small file that it writes and flushes where the journal is. */
#ifndef HOST_CLI_DOCTOR_H
#define HOST_CLI_DOCTOR_H

#include <jansson.h>

/* doctor_check makes a list of {"check", "state", "found", "advice"}; state is "good", "fair"
   (works, but slower or less exact) or "bad". root is put before /proc and /sys, "" on a real
   machine; directory is where the flush is timed, NULL to leave that out. */
json_t *doctor_check(const char *root, const char *directory);

#endif /* HOST_CLI_DOCTOR_H */
