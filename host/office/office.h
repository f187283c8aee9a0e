/* office: keeps the books: tails the market journal, folds it and the office's own journal, and
 * writes ledger and projections in transactions that also say how far they have come.
 *
 * Only what is durable is folded into a transaction: the market journal's file is flushed before
 * each. After a crash, and at every start, the ledger is made again from both journals and compared
 * with the store at the position it stands for; then it goes on from there. Single-threaded. */
#ifndef HOST_OFFICE_OFFICE_H
#define HOST_OFFICE_OFFICE_H

#include "host/office/fold.h"
#include "host/office/inputs.h"
#include "host/office/names.h"

struct office_options {
    const char *journal; /* directory of the market journal */
    const char *store;   /* file */
    const char *inputs;  /* directory of the office's own journal */
    const char *config;  /* the gateway's, for names; NULL for none */
    struct fold_options fold;
    int64_t maker_e4, taker_e4; /* fee a share; a change is an input */
    uint32_t batch;             /* records of one transaction at most */
};

/* What office_prove found. */
struct office_proof {
    bool ledger_verified;   /* and reservations, clearing and sums of orders */
    bool projections_equal; /* the store holds what the journals say */
    bool card_agrees;       /* nothing that the card said of its rows differed */
    char text[400];         /* what is wrong; "" when nothing is */
    uint8_t digest[LEDGER_DIGEST_BYTES];
};

struct office;

/* office_open reads back all that the store stands for, which takes as long as folding it. 0, or a
   negative errno with err_text: -EBADMSG where journals and store contradict each other. */
int office_open(const struct office_options *options, struct office **office);
void office_close(struct office *office);

/* office_step folds what has come, at most a batch, and commits it. Returns 1 when there was
   something, 0 when there was nothing, or a negative errno after which the books stand still. */
int office_step(struct office *office);

/* office_activity counts the events so far that were not answers to a QUERY. */
uint64_t office_activity(const struct office *office);

/* office_request notes in the office's own journal what an operator asked and what came of it. */
int office_request(struct office *office, uint64_t time_ns, const char *text);

/* office_prove verifies the books; with again both journals are folded once more, into a store in
   memory, and every table is compared. Returns 0, or a negative errno if it could not be done;
   what is wrong with the books is in proof. */
int office_prove(struct office *office, bool again, struct office_proof *proof);

struct fold *office_fold(struct office *office);
struct store *office_store(struct office *office);
const struct names *office_names(const struct office *office);
const struct office_options *office_settings(const struct office *office);

#endif /* HOST_OFFICE_OFFICE_H */
