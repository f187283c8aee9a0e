/* ledger_state: what a ledger is made of. For this room and its tests. */
#ifndef HOST_LEDGER_LEDGER_STATE_H
#define HOST_LEDGER_LEDGER_STATE_H

#include "host/ledger/ledger.h"

#define LEDGER_NONE UINT32_MAX /* as an index */

__extension__ typedef unsigned __int128 ledger_wide;

/* From an id to an index. Open addressing, linear probing, at most half full. Only the entry that
   was put in last can be taken out: its slot was empty before it, so it is empty again. */
struct ledger_slot {
    uint32_t tag;  /* bits of the hash that do not choose the slot */
    uint32_t next; /* index + 1; 0 is an empty slot */
};

struct ledger_map {
    struct ledger_slot *slots;
    uint64_t mask;
};

/* The part of an account that transfers change. */
struct ledger_balances {
    uint64_t debits_pending, debits_posted, credits_pending, credits_posted;
    uint16_t flags;
};

/* What the ledger keeps of a transfer beside the transfer itself. */
struct ledger_row {
    uint64_t left;
    uint64_t expires_ns;
    uint32_t debit, credit; /* indexes */
    uint32_t state;         /* enum ledger_state */
};

/* A pending transfer that will expire, in a binary heap with the earliest on top. It stays there
   when it is posted or voided, and goes when its time has come. */
struct ledger_expiry {
    uint64_t expires_ns;
    uint32_t index;
};

/* What one transfer of a chain changed, as it was before. */
struct ledger_undo {
    struct ledger_balances debit, credit;
    uint64_t left; /* of the pending transfer that it posts or voids */
    uint32_t state;
    uint32_t debit_index, credit_index, pending_index;
};

struct ledger {
    struct ledger_options options;
    uint64_t time_ns;

    struct ledger_account *accounts;
    uint32_t *account_ledgers; /* index of the account's ledger */
    struct ledger_map account_map;
    uint32_t accounts_count;

    struct ledger_transfer *transfers;
    struct ledger_row *rows;
    struct ledger_map transfer_map;
    uint32_t transfers_count;

    uint32_t *numbers; /* of the ledgers, in the order of their first accounts */
    struct ledger_totals *totals;
    struct ledger_map ledger_map;
    uint32_t ledgers_count;

    struct ledger_expiry *expiries;
    uint32_t expiries_count;

    struct ledger_undo *undos;
    uint32_t undos_count;

    /* Sum over all balances and all that is left of pending transfers of a hash of each. Every
       change subtracts the hash of what was and adds that of what is: a chain that was undone must
       bring it back to where it was. */
    uint64_t fingerprint;
};

/* ---- shared by the files of this room -------------------------------------------------------- */

uint32_t ledger_map_find(const struct ledger *ledger, const struct ledger_map *map,
                         struct ledger_id id);
uint32_t ledger_map_find_number(const struct ledger *ledger, uint32_t number);

/* The two terms of the fingerprint. */
uint64_t ledger_balances_hash(uint32_t index, const struct ledger_balances *balances);
uint64_t ledger_row_hash(uint32_t index, uint64_t left, uint32_t state);

struct ledger_balances ledger_balances_of(const struct ledger_account *account);

/* ledger_bounds_hold says whether an account holds to the bound of its flags. */
bool ledger_bounds_hold(const struct ledger_balances *balances);

/* ledger_chain_carry does count transfers that belong together, whole or not at all; on a refusal
 *failed is the one that was refused. */
enum ledger_code ledger_chain_carry(struct ledger *ledger, const struct ledger_transfer *transfers,
                                    uint32_t count, uint32_t *failed);

void ledger_map_put(const struct ledger *ledger, struct ledger_map *map, struct ledger_id id,
                    uint32_t index);
void ledger_map_drop_last(const struct ledger *ledger, struct ledger_map *map, struct ledger_id id,
                          uint32_t index);

/* ledger_map_prefetch asks for the slot of an id ahead of its use. */
void ledger_map_prefetch(const struct ledger *ledger, const struct ledger_map *map,
                         struct ledger_id id);

#endif /* HOST_LEDGER_LEDGER_STATE_H */
