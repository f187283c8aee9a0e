/* ledger: who owns what: accounts, and transfers between two of them.
 *
 * Double entry. A transfer debits one account and credits another with the same amount, so that in
 * every ledger (a currency or a security, by number) debits equal credits, always. Amounts are
 * whole units of the ledger: 1/10000 of a currency unit, one share. What an account holds is its
 * credits less its debits; the accounts of those we owe grow by credits.
 *
 * Two phases. A PENDING transfer reserves: it can be posted (whole, or in parts), voided, or expire
 * at its timeout, and counts against the bounds of its accounts as if it had happened. So a post or
 * a void can never fail for lack of money.
 *
 * Nothing is edited and nothing deleted; a mistake is put right by a transfer back. A refused
 * transfer leaves no trace, and its id can be used again. The same transfer twice is done once: the
 * second one is answered with LEDGER_EXISTS.
 *
 * Same calls, same state: time comes in as an argument and nothing else does. What may not be is
 * refused with a code of its own (ledger_codes.def, in the order of the checks); what cannot be, if
 * it is found after all, is a CHECK and stops the process. All memory is taken by ledger_open. One
 * thread.
 *
 * README.md shows how orders, fills and cancels become transfers. */
#ifndef HOST_LEDGER_LEDGER_H
#define HOST_LEDGER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Accounts and transfers have ids chosen by the caller, apart from each other; neither zero nor all
   ones. */
struct ledger_id {
    uint64_t high, low;
};

static inline bool ledger_id_equal(struct ledger_id a, struct ledger_id b) {
    return a.high == b.high && a.low == b.low;
}

static inline bool ledger_id_zero(struct ledger_id id) { return (id.high | id.low) == 0; }

enum ledger_code {
#define LEDGER_CODE(name, number, text) LEDGER_##name = (number),
#include "host/ledger/ledger_codes.def"
#undef LEDGER_CODE
};

/* Flags of an account. The first two exclude each other. */
enum {
    LEDGER_DEBITS_MUST_NOT_EXCEED_CREDITS = 1 << 0, /* holds at least what is taken from it */
    LEDGER_CREDITS_MUST_NOT_EXCEED_DEBITS = 1 << 1, /* its mirror */
    LEDGER_CLOSED = 1 << 2, /* set and cleared by closing transfers, never by the caller */
};

/* Flags of a transfer. */
enum {
    LEDGER_LINKED = 1 << 0,           /* the next one of the batch belongs to the same chain */
    LEDGER_PENDING = 1 << 1,          /* reserve only */
    LEDGER_POST = 1 << 2,             /* carry out the pending transfer; the rest is given back */
    LEDGER_VOID = 1 << 3,             /* give it back */
    LEDGER_PART = 1 << 4,             /* with POST or VOID: the rest stays pending */
    LEDGER_BALANCING_DEBIT = 1 << 5,  /* at most what the debit account holds, less reservations */
    LEDGER_BALANCING_CREDIT = 1 << 6, /* at most what the credit account is owed, its mirror */
    LEDGER_CLOSING_DEBIT = 1 << 7,    /* with PENDING: close the debit account; a void opens it */
    LEDGER_CLOSING_CREDIT = 1 << 8,   /* the same for the credit account */
};

/* As an amount: all that is left of a pending transfer (POST, VOID), all there is (BALANCING). In
   any other transfer it is an amount like any other. */
#define LEDGER_AMOUNT_ALL UINT64_MAX

/* An account. The caller gives id, user data, ledger, code and the bound; the rest must be zero and
   is the ledger's. */
struct ledger_account {
    struct ledger_id id;
    uint64_t debits_pending, debits_posted, credits_pending, credits_posted;
    struct ledger_id user_data_128;
    uint64_t user_data_64;
    uint32_t user_data_32;
    uint32_t ledger; /* currency or security; not 0 */
    uint16_t code;   /* type of account; not 0 */
    uint16_t flags;
    uint64_t time_ns; /* when it was created */
};

/* A transfer. The caller gives all but moved and time_ns. For a post or a void debit, credit,
   ledger and code may be 0, and are then those of the pending transfer; user data is its own. */
struct ledger_transfer {
    struct ledger_id id;
    struct ledger_id debit, credit; /* accounts */
    struct ledger_id pending;       /* POST, VOID: the transfer that reserved */
    struct ledger_id user_data_128;
    uint64_t amount;
    uint64_t moved; /* what was reserved, posted or given back after BALANCING and AMOUNT_ALL */
    uint64_t user_data_64;
    uint32_t user_data_32;
    uint32_t timeout_s; /* PENDING: expires so many seconds after its time; 0 never */
    uint32_t ledger;    /* not 0 */
    uint16_t code;      /* why: reservation, fill, fee; not 0 */
    uint16_t flags;
    uint64_t time_ns; /* the ledger's time when it was done */
};

enum ledger_state {
    LEDGER_STATE_DONE,    /* not a pending transfer: there is nothing to come */
    LEDGER_STATE_PENDING, /* reserves what is left */
    LEDGER_STATE_POSTED,  /* ended by a post */
    LEDGER_STATE_VOIDED,  /* ended by a void */
    LEDGER_STATE_EXPIRED, /* ended by its timeout */
};

/* What became of a transfer. */
struct ledger_standing {
    enum ledger_state state;
    uint64_t left;       /* still reserved */
    uint64_t expires_ns; /* UINT64_MAX is never */
};

/* Sums over all accounts of a ledger. Each pair is equal. */
struct ledger_totals {
    __extension__ unsigned __int128 debits_pending, credits_pending, debits_posted, credits_posted;
};

/* Capacity, taken at start; each at least 1. */
struct ledger_options {
    uint32_t accounts_max;
    uint32_t transfers_max; /* about 200 bytes each */
    uint32_t ledgers_max;
    uint32_t chain_max; /* transfers of one chain */
    uint64_t seed; /* keys the hashes of ids, so that nobody outside can aim at them; it does not
                      show in any result */
};

enum { LEDGER_TRANSFERS_LIMIT = 1 << 30, LEDGER_DIGEST_BYTES = 32 };

struct ledger;

/* ledger_open makes an empty ledger. 0 and *opened, which ledger_close releases; -EINVAL for an
   option out of range, -ENOMEM. */
int ledger_open(const struct ledger_options *options, struct ledger **opened);
void ledger_close(struct ledger *ledger);

/* ledger_account_create opens an account. */
enum ledger_code ledger_account_create(struct ledger *ledger, uint64_t time_ns,
                                       const struct ledger_account *account);

/* ledger_transfers_create does a batch of transfers, one after another, and gives each its code in
   codes. A chain is a run of LINKED transfers and the one behind them: all of it is done, or none;
   then the one that was refused says why, the others say LEDGER_LINKED_EVENT_FAILED. Returns how
   many were not done.

   First everything that has expired at time_ns is given back. The ledger's time does not go back: a
   time_ns before the latest one counts as the latest. */
uint32_t ledger_transfers_create(struct ledger *ledger, uint64_t time_ns,
                                 const struct ledger_transfer *transfers, uint32_t count,
                                 uint8_t *codes);

/* ledger_transfer_create does one; it must not be LINKED. */
enum ledger_code ledger_transfer_create(struct ledger *ledger, uint64_t time_ns,
                                        const struct ledger_transfer *transfer);

/* ledger_expire gives back one pending transfer that has expired at time_ns, the earliest first
   (then the oldest), and its index; false when there is none. For who must know which: call it
   until false before a batch of the same time. */
bool ledger_expire(struct ledger *ledger, uint64_t time_ns, uint32_t *index);

/* ---- chains ---------------------------------------------------------------------------------- */

enum { LEDGER_LEGS_MAX = 32 };

/* One event of the market as one chain, leg by leg. A zeroed chain is empty. */
struct ledger_chain {
    struct ledger_transfer legs[LEDGER_LEGS_MAX];
    uint8_t codes[LEDGER_LEGS_MAX]; /* of the last ledger_chain_create */
    uint32_t count;
};

/* ledger_chain_add appends a copy of leg and links the one before to it. At most LEDGER_LEGS_MAX.
 */
void ledger_chain_add(struct ledger_chain *chain, const struct ledger_transfer *leg);

/* ledger_chain_create does the chain, whole or not at all, and empties it. Returns LEDGER_OK, or
   why it was not done and in *failed (if not NULL) which leg said so. LEDGER_EXISTS: it had been
   done before. An empty chain is done. */
enum ledger_code ledger_chain_create(struct ledger *ledger, uint64_t time_ns,
                                     struct ledger_chain *chain, uint32_t *failed);

/* ---- what there is --------------------------------------------------------------------------- */

/* Rows are valid until ledger_close, in the order they were created, at index 0 to count - 1; their
   balances change with every transfer. find gives NULL for an id that is not there. */
uint32_t ledger_accounts_count(const struct ledger *ledger);
const struct ledger_account *ledger_account_at(const struct ledger *ledger, uint32_t index);
const struct ledger_account *ledger_account_find(const struct ledger *ledger, struct ledger_id id);

uint32_t ledger_transfers_count(const struct ledger *ledger);
const struct ledger_transfer *ledger_transfer_at(const struct ledger *ledger, uint32_t index);
const struct ledger_transfer *ledger_transfer_find(const struct ledger *ledger,
                                                   struct ledger_id id);

/* ledger_standing says what became of a transfer that is there. */
struct ledger_standing ledger_standing(const struct ledger *ledger, struct ledger_id id);
struct ledger_standing ledger_standing_at(const struct ledger *ledger, uint32_t index);

/* ledger_time_ns is the latest time it was given. */
uint64_t ledger_time_ns(const struct ledger *ledger);

/* ledger_totals fills in the sums of one ledger; false if no account belongs to it. */
bool ledger_totals(const struct ledger *ledger, uint32_t number, struct ledger_totals *totals);

/* ledger_code_name and ledger_code_text give a code as in ledger_codes.def, the name as written
   ("EXCEEDS_CREDITS"); NULL for a number that is none. */
const char *ledger_code_name(enum ledger_code code);
const char *ledger_code_text(enum ledger_code code);

/* ---- proof ----------------------------------------------------------------------------------- */

/* ledger_verify computes everything again from the transfers and compares: balances, what is left
   of pending transfers, sums, bounds, hashes, expiries. 0, or -EBADMSG with what differs. Takes
   memory for its copy, else -ENOMEM. What every transfer keeps (sums equal, bounds held, chains
   whole) is checked as it happens; this one is for quiet moments. */
int ledger_verify(const struct ledger *ledger);

/* ledger_check is ledger_verify that says what differs and stops. */
void ledger_check(const struct ledger *ledger);

/* ledger_digest is the BLAKE2b-256 hash of the whole state: two ledgers that were given the same
   have the same, on any machine. It does not depend on capacity or seed. */
void ledger_digest(const struct ledger *ledger, uint8_t digest[LEDGER_DIGEST_BYTES]);

#endif /* HOST_LEDGER_LEDGER_H */
