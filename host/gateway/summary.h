/* summary: what a run of the gateway did, as JSON, for reports and tests. */
#ifndef HOST_GATEWAY_SUMMARY_H
#define HOST_GATEWAY_SUMMARY_H

#include "host/bpf/steer.h"
#include "host/gateway/lwip/lwip.h"
#include "host/gateway/sequencer.h"

struct summary {
    const char *card, *transport, *port;
    const struct sequencer *sequencer;
    const struct entry *entry;
    const struct lwip_counts *network; /* NULL with the kernel's TCP */
    const uint64_t *steering;          /* of each enum steer_counter, NULL without */
    uint64_t lockstep_differences;
    bool gate_open; /* the next start lets orders pass */
    bool journal_verified;
    uint64_t journal_records;
    uint64_t logins;
    uint32_t sessions;
};

/* summary_write writes it to the file at path, whole or not at all. Returns 0 or a negative errno.
 */
int summary_write(const char *path, const struct summary *summary);

#endif /* HOST_GATEWAY_SUMMARY_H */
