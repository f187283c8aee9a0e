/* store: projections of the journals as tables that can be asked, in SQLite.
 *
 * A store is never the truth: it can be thrown away and is made again from the journals. What makes
 * it safe to keep is that every transaction also writes how far the journals are folded
 * (store_progress): after a crash at any instant it holds what it held after some transaction,
 * whole. One process writes; others may read the file with SQLite at the same time.
 *
 * store_rows.def has the tables; each row of it is a struct here: struct store_order and so on. */
#ifndef HOST_STORE_STORE_H
#define HOST_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

// clang-format off
/* struct store_order { int64_t id, session, ...; }; */
#define ROWS(name, table, meaning)          struct store_##name {
#define INTEGER(name, column, meaning)      int64_t column;
#define TEXT(name, column, bytes, meaning)  char column[(bytes) + 1];
#define DONE(name)                          };
#include "host/store/store_rows.def"
#undef ROWS
#undef INTEGER
#undef TEXT
#undef DONE

enum store_table { /* STORE_order, ... */
#define ROWS(name, table, meaning)          STORE_##name,
#define INTEGER(name, column, meaning)
#define TEXT(name, column, bytes, meaning)
#define DONE(name)
#include "host/store/store_rows.def"
#undef ROWS
#undef INTEGER
#undef TEXT
#undef DONE
    STORE_TABLES
};
// clang-format on

/* What became of an order. The numbers are in stores. */
enum store_order_state {
    STORE_ORDER_OPEN = 1,
    STORE_ORDER_FILLED = 2,
    STORE_ORDER_CANCELED = 3,
    STORE_ORDER_REPLACED = 4,
    STORE_ORDER_REFUSED = 5,
};

/* In place of a SIDE_: of neither. */
enum { STORE_NO_SIDE = 2 };

enum { STORE_DIGEST_BYTES = 32, STORE_MATCHES_MAX = 4, STORE_PAGE_MAX = 1000 };

struct store;

/* store_open opens the store at path, makes it if there is none, and brings its schema up to date;
   ":memory:" is one that goes with the process. 0, or a negative errno with err_text:
     -EBADMSG  the file is no store of ours, or is damaged
     -EPROTO   a newer program has brought its schema to a version that this one does not know
     others    as SQLite maps them */
int store_open(const char *path, struct store **store);
void store_close(struct store *store);

/* store_version is the version of the schema that this program writes. */
int store_version(void);

/* store_begin starts a transaction and store_commit ends it, with how far it has come; what was put
   since then is there, all of it, or after a crash none of it. store_abandon ends it without a
   trace. The first two return 0 or a negative errno. */
int store_begin(struct store *store);
int store_commit(struct store *store, const struct store_progress *progress);
void store_abandon(struct store *store);

/* store_put writes a row, in place of one with the same key; inside a transaction. row points to
   the table's struct. Returns 0 or a negative errno. */
int store_put(struct store *store, enum store_table table, const void *row);

/* store_get reads the row of a key: 1 and *row is filled, 0 when there is none, or a negative
   errno. */
int store_get(struct store *store, enum store_table table, int64_t key, void *row);

/* A page of a table. A match keeps rows whose column holds value, or whose other column does. */
struct store_query {
    bool newest_first; /* by key, downwards */
    bool have_after;
    int64_t after;  /* the key that the last page ended with */
    uint32_t limit; /* 1 to STORE_PAGE_MAX */
    uint32_t match_count;
    struct {
        const char *column, *other; /* names of store_rows.def; other may be NULL */
        int64_t value;
    } matches[STORE_MATCHES_MAX];
};

/* store_list fills rows, an array of limit structs of the table, and returns how many; or a
   negative errno. *more says whether others follow. */
int store_list(struct store *store, enum store_table table, const struct store_query *query,
               void *rows, bool *more);

/* store_count counts a table's rows; or a negative errno. */
int64_t store_count(struct store *store, enum store_table table);

/* store_table_name is what SQL calls a table. */
const char *store_table_name(enum store_table table);

/* store_digest hashes all rows of a table (BLAKE2b-256), in the order of their keys: two stores
   that hold the same have the same. 0 or a negative errno. */
int store_digest(struct store *store, enum store_table table, uint8_t digest[STORE_DIGEST_BYTES]);

#endif /* HOST_STORE_STORE_H */
