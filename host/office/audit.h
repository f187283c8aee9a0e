/* audit: asks the card, at quiet moments, to say its rows. The answers come through the journal,
 * where the fold compares them at the very record they stand for; nothing is compared here, so that
 * there is no race. */
#ifndef HOST_OFFICE_AUDIT_H
#define HOST_OFFICE_AUDIT_H

#include "host/control/control.h"
#include "host/office/office.h"

enum { AUDIT_QUIET_MS = 500, AUDIT_COMMANDS = 256 };

/* What was asked, and when. A zeroed audit has asked nothing. */
struct audit {
    uint64_t seen;     /* office_activity at the last look */
    uint64_t since_ns; /* when it last changed */
    uint64_t checked;  /* activity that all rows have been asked for */
    uint64_t retry_ns; /* after a failure: not before */
    uint32_t next;     /* row to ask for; 0 begins a round */
    bool under_way;
};

/* audit_pass looks at the time (monotonic) and asks for some rows if it is quiet. A round asks
   for each account, each position that is active and each symbol; activity ends it, and the next
   quiet moment begins another. Returns 0; or a negative errno when the gateway could not be asked,
   with err_text; it is asked again 5 s later. */
int audit_pass(struct audit *audit, struct office *office, struct control *gateway,
               uint64_t now_ns);

#endif /* HOST_OFFICE_AUDIT_H */
