/* inputs: the office's own journal: what operators and the configuration asked of it, each with the
 * record of the market journal behind which it counts. Replaying both journals gives the same
 * ledger.
 *
 * A record is a note of JSON: {"record": 812, "time_ns": ..., "fees": {"maker_e4": -20, "taker_e4":
 * 30}}, or with "request" for what an operator asked and what came of it. */
#ifndef HOST_OFFICE_INPUTS_H
#define HOST_OFFICE_INPUTS_H

#include "host/office/fold.h"

struct inputs;

/* inputs_open opens the journal in a directory, which it makes if it is missing, and reads what
   is there. Only one process can have it open. 0, or a negative errno with err_text. */
int inputs_open(const char *directory, struct inputs **inputs);
void inputs_close(struct inputs *inputs);

/* inputs_count and inputs_at are what there is, in order; good until the next append. */
uint32_t inputs_count(const struct inputs *inputs);
const struct fold_input *inputs_at(const struct inputs *inputs, uint32_t index);

/* inputs_fees and inputs_request append and wait until it is durable. text is a JSON object. */
int inputs_fees(struct inputs *inputs, uint64_t record, uint64_t time_ns, int64_t maker_e4,
                int64_t taker_e4);
int inputs_request(struct inputs *inputs, uint64_t record, uint64_t time_ns, const char *text);

/* inputs_parse reads one note: 0 and *input, its text (if any) in room; or -EBADMSG. */
int inputs_parse(const char *note, size_t bytes, struct fold_input *input, char *room,
                 size_t room_bytes);

#endif /* HOST_OFFICE_INPUTS_H */
