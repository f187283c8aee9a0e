#include "host/store/store.h"
#include "host/base/check.h"
#include "host/base/err.h"
#include <blake2.h>
#include <errno.h>
#include <sqlite3.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    APPLICATION_ID = 0x57495245, /* "WIRE" */
    COLUMNS_MAX = 24,
    SQL_BYTES = 2048,
    BUSY_MS = 5000,
};

struct column {
    const char *name;
    size_t at;
    uint32_t text_bytes; /* with its terminator; 0 for an integer */
};

struct table {
    const char *name;
    size_t bytes; /* of a row */
    uint32_t column_count;
    struct column columns[COLUMNS_MAX];
};

// clang-format off
/* tables[STORE_order] = { "orders", sizeof(struct store_order), 21, { { "id", 0, 0 }, ... } } */
#define ROWS(name, table, meaning)          enum { COLUMNS_##name = 0
#define INTEGER(name, column, meaning)      +1
#define TEXT(name, column, bytes, meaning)  +1
#define DONE(name)                          };
#include "host/store/store_rows.def"
#undef ROWS
#undef INTEGER
#undef TEXT
#undef DONE

static const struct table tables[STORE_TABLES] = {
#define ROWS(name, table, meaning)          [STORE_##name] = { table, sizeof(struct store_##name), COLUMNS_##name, {
#define INTEGER(name, column, meaning)      { #column, offsetof(struct store_##name, column), 0 },
#define TEXT(name, column, bytes, meaning)  { #column, offsetof(struct store_##name, column), (bytes) + 1 },
#define DONE(name)                          } },
#include "host/store/store_rows.def"
#undef ROWS
#undef INTEGER
#undef TEXT
#undef DONE
};

static const struct { int number; const char *sql; } steps[] = {
#define STEP(number, sql) { number, sql },
#include "host/store/store_steps.def"
#undef STEP
};
// clang-format on

enum { STEPS = sizeof steps / sizeof *steps };

struct store {
    sqlite3 *database;
    sqlite3_stmt *put[STORE_TABLES], *get[STORE_TABLES];
    bool within; /* a transaction */
    char path[256];
};

static int code_of(int result) {
    switch (result & 0xff) {
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return -EBADMSG;
    case SQLITE_CANTOPEN:
        return -ENOENT;
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return -EACCES;
    default:
        return -EIO;
    }
}

static int failed(const struct store *store, const char *what) {
    int code = code_of(sqlite3_errcode(store->database));
    return err_set(code, "%s: %s: %s", store->path, what, sqlite3_errmsg(store->database));
}

static int run(struct store *store, const char *sql) {
    if (sqlite3_exec(store->database, sql, NULL, NULL, NULL) == SQLITE_OK) return 0;
    return failed(store, "SQL");
}

/* ---- The schema ---- */

static int pragma_value(struct store *store, const char *sql, int *value) {
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(store->database, sql, -1, &statement, NULL);
    if (result == SQLITE_OK) result = sqlite3_step(statement);
    if (result == SQLITE_ROW) *value = sqlite3_column_int(statement, 0);
    (void)sqlite3_finalize(statement);
    return result == SQLITE_ROW ? 0 : failed(store, sql);
}

static int bring_up(struct store *store, int version) {
    char sql[SQL_BYTES];
    for (size_t i = 0; i < STEPS; i++) {
        CHECK(steps[i].number == (int)i + 1);
        if (steps[i].number <= version) continue;
        int code = run(store, "BEGIN IMMEDIATE");
        if (code != 0) return code;
        (void)snprintf(sql, sizeof sql, "PRAGMA user_version = %d; PRAGMA application_id = %d",
                       steps[i].number, APPLICATION_ID);
        code = run(store, steps[i].sql);
        if (code == 0) code = run(store, sql);
        if (code == 0) code = run(store, "COMMIT");
        if (code != 0) {
            (void)sqlite3_exec(store->database, "ROLLBACK", NULL, NULL, NULL);
            return err_wrap(code, "step %d of the schema: ", steps[i].number);
        }
    }
    return 0;
}

static int check_schema(struct store *store) {
    int version = 0, application = 0, objects = 0;
    int code = pragma_value(store, "PRAGMA user_version", &version);
    if (code == 0) code = pragma_value(store, "PRAGMA application_id", &application);
    if (code == 0) code = pragma_value(store, "SELECT count(*) FROM sqlite_schema", &objects);
    if (code != 0) return code;
    bool fresh = version == 0 && application == 0 && objects == 0;
    if (!fresh && (application != APPLICATION_ID || version < 1))
        return err_set(-EBADMSG, "%s: a database of another program; choose another file",
                       store->path);
    if (version > STEPS)
        return err_set(-EPROTO,
                       "%s: its schema is version %d, this program knows up to %d; use the newer "
                       "program, or remove the file to have it made again from the journals",
                       store->path, version, STEPS);
    return bring_up(store, version);
}

/* ---- Statements ---- */

static size_t append(char *sql, size_t at, const char *text) {
    size_t bytes = strlen(text);
    CHECK(at + bytes < SQL_BYTES);
    memcpy(sql + at, text, bytes + 1);
    return at + bytes;
}

static size_t append_columns(char *sql, size_t at, const struct table *table) {
    for (uint32_t i = 0; i < table->column_count; i++) {
        if (i > 0) at = append(sql, at, ",");
        at = append(sql, at, table->columns[i].name);
    }
    return at;
}

static size_t append_select(char *sql, const struct table *table) {
    size_t at = append(sql, 0, "SELECT ");
    at = append_columns(sql, at, table);
    at = append(sql, at, " FROM ");
    return append(sql, at, table->name);
}

static int prepare(struct store *store, const char *sql, sqlite3_stmt **statement) {
    if (sqlite3_prepare_v2(store->database, sql, -1, statement, NULL) == SQLITE_OK) return 0;
    return failed(store, sql);
}

static int prepare_table(struct store *store, int number) {
    const struct table *table = &tables[number];
    char sql[SQL_BYTES];
    size_t at = append(sql, 0, "INSERT OR REPLACE INTO ");
    at = append(sql, at, table->name);
    at = append(sql, at, " (");
    at = append_columns(sql, at, table);
    at = append(sql, at, ") VALUES (?");
    for (uint32_t i = 1; i < table->column_count; i++) at = append(sql, at, ",?");
    (void)append(sql, at, ")");
    int code = prepare(store, sql, &store->put[number]);
    if (code != 0) return code;

    at = append_select(sql, table);
    at = append(sql, at, " WHERE ");
    at = append(sql, at, table->columns[0].name);
    (void)append(sql, at, " = ?");
    return prepare(store, sql, &store->get[number]);
}

int store_open(const char *path, struct store **store) {
    CHECK(path != NULL);
    struct store *made = calloc(1, sizeof *made);
    if (made == NULL) return err_set(-ENOMEM, "%s: no memory", path);
    (void)snprintf(made->path, sizeof made->path, "%s", path);
    int code = 0;
    if (sqlite3_open_v2(path, &made->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) !=
        SQLITE_OK)
        code = failed(made, "it cannot be opened");
    if (code == 0) (void)sqlite3_busy_timeout(made->database, BUSY_MS);
    /* A machine that dies may lose the last transactions, each as a whole: they are folded again.
     */
    if (code == 0) code = run(made, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
    if (code == 0) code = check_schema(made);
    for (int i = 0; code == 0 && i < STORE_TABLES; i++) code = prepare_table(made, i);
    if (code != 0) {
        store_close(made);
        return code;
    }
    *store = made;
    return 0;
}

void store_close(struct store *store) {
    if (store == NULL) return;
    for (int i = 0; i < STORE_TABLES; i++) {
        (void)sqlite3_finalize(store->put[i]);
        (void)sqlite3_finalize(store->get[i]);
    }
    (void)sqlite3_close(store->database);
    free(store);
}

int store_version(void) { return STEPS; }

/* ---- Writing ---- */

int store_begin(struct store *store) {
    CHECK(!store->within);
    int code = run(store, "BEGIN IMMEDIATE");
    store->within = code == 0;
    return code;
}

int store_commit(struct store *store, const struct store_progress *progress) {
    int code = store_put(store, STORE_progress, progress);
    if (code == 0) code = run(store, "COMMIT");
    if (code == 0) store->within = false;
    return code;
}

void store_abandon(struct store *store) {
    if (store->within) (void)sqlite3_exec(store->database, "ROLLBACK", NULL, NULL, NULL);
    store->within = false;
}

static int64_t integer_at(const void *row, const struct column *column) {
    int64_t value;
    memcpy(&value, (const char *)row + column->at, sizeof value);
    return value;
}

int store_put(struct store *store, enum store_table number, const void *row) {
    CHECK(store->within);
    const struct table *table = &tables[number];
    sqlite3_stmt *statement = store->put[number];
    for (uint32_t i = 0; i < table->column_count; i++) {
        const struct column *column = &table->columns[i];
        int result = column->text_bytes == 0
                         ? sqlite3_bind_int64(statement, (int)i + 1, integer_at(row, column))
                         : sqlite3_bind_text(statement, (int)i + 1, (const char *)row + column->at,
                                             -1, SQLITE_STATIC);
        if (result != SQLITE_OK) return failed(store, table->name);
    }
    int result = sqlite3_step(statement);
    int code = result == SQLITE_DONE ? 0 : failed(store, table->name);
    (void)sqlite3_reset(statement);
    return code;
}

/* ---- Reading ---- */

static void read_row(sqlite3_stmt *statement, const struct table *table, void *row) {
    memset(row, 0, table->bytes);
    for (uint32_t i = 0; i < table->column_count; i++) {
        const struct column *column = &table->columns[i];
        char *at = (char *)row + column->at;
        if (column->text_bytes == 0) {
            int64_t value = sqlite3_column_int64(statement, (int)i);
            memcpy(at, &value, sizeof value);
        } else {
            const unsigned char *text = sqlite3_column_text(statement, (int)i);
            (void)snprintf(at, column->text_bytes, "%s", text != NULL ? (const char *)text : "");
        }
    }
}

int store_get(struct store *store, enum store_table number, int64_t key, void *row) {
    const struct table *table = &tables[number];
    sqlite3_stmt *statement = store->get[number];
    if (sqlite3_bind_int64(statement, 1, key) != SQLITE_OK) return failed(store, table->name);
    int result = sqlite3_step(statement);
    int code = result == SQLITE_ROW ? 1 : result == SQLITE_DONE ? 0 : failed(store, table->name);
    if (code == 1) read_row(statement, table, row);
    (void)sqlite3_reset(statement);
    return code;
}

static const char *column_named(const struct table *table, const char *name) {
    for (uint32_t i = 0; i < table->column_count; i++)
        if (strcmp(table->columns[i].name, name) == 0) return table->columns[i].name;
    CHECK(!"a query names a column of store_rows.def");
    return NULL;
}

/* ?1 is the key that was last, ?2 the limit, ?3 and on the values of the matches. */
static void write_query(char *sql, const struct table *table, const struct store_query *query) {
    char text[16];
    size_t at = append_select(sql, table);
    at = append(sql, at, " WHERE 1");
    if (query->have_after) {
        at = append(sql, at, " AND ");
        at = append(sql, at, table->columns[0].name);
        at = append(sql, at, query->newest_first ? " < ?1" : " > ?1");
    }
    for (uint32_t i = 0; i < query->match_count; i++) {
        (void)snprintf(text, sizeof text, " = ?%u", i + 3);
        at = append(sql, at, " AND (");
        at = append(sql, at, column_named(table, query->matches[i].column));
        at = append(sql, at, text);
        if (query->matches[i].other != NULL) {
            at = append(sql, at, " OR ");
            at = append(sql, at, column_named(table, query->matches[i].other));
            at = append(sql, at, text);
        }
        at = append(sql, at, ")");
    }
    at = append(sql, at, " ORDER BY ");
    at = append(sql, at, table->columns[0].name);
    at = append(sql, at, query->newest_first ? " DESC" : " ASC");
    (void)append(sql, at, " LIMIT ?2");
}

int store_list(struct store *store, enum store_table number, const struct store_query *query,
               void *rows, bool *more) {
    CHECK(query->limit >= 1 && query->limit <= STORE_PAGE_MAX);
    CHECK(query->match_count <= STORE_MATCHES_MAX);
    const struct table *table = &tables[number];
    sqlite3_stmt *statement = NULL;
    char sql[SQL_BYTES];
    write_query(sql, table, query);
    int code = prepare(store, sql, &statement);
    if (code != 0) return code;
    int result = sqlite3_bind_int64(statement, 2, (int64_t)query->limit + 1);
    if (result == SQLITE_OK && query->have_after)
        result = sqlite3_bind_int64(statement, 1, query->after);
    for (uint32_t i = 0; result == SQLITE_OK && i < query->match_count; i++)
        result = sqlite3_bind_int64(statement, (int)i + 3, query->matches[i].value);
    uint32_t count = 0;
    *more = false;
    if (result == SQLITE_OK) result = sqlite3_step(statement);
    while (result == SQLITE_ROW && count < query->limit) {
        read_row(statement, table, (char *)rows + count++ * table->bytes);
        result = sqlite3_step(statement);
    }
    *more = result == SQLITE_ROW;
    code = result == SQLITE_ROW || result == SQLITE_DONE ? (int)count : failed(store, table->name);
    (void)sqlite3_finalize(statement);
    return code;
}

int64_t store_count(struct store *store, enum store_table number) {
    char sql[SQL_BYTES];
    sqlite3_stmt *statement = NULL;
    size_t at = append(sql, 0, "SELECT count(*) FROM ");
    (void)append(sql, at, tables[number].name);
    int code = prepare(store, sql, &statement);
    if (code != 0) return code;
    int64_t count = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0)
                                                          : failed(store, tables[number].name);
    (void)sqlite3_finalize(statement);
    return count;
}

const char *store_table_name(enum store_table table) { return tables[table].name; }

int store_digest(struct store *store, enum store_table number, uint8_t digest[STORE_DIGEST_BYTES]) {
    const struct table *table = &tables[number];
    sqlite3_stmt *statement = NULL;
    blake2b_state state;
    char sql[SQL_BYTES];
    size_t at = append_select(sql, table);
    at = append(sql, at, " ORDER BY ");
    (void)append(sql, at, table->columns[0].name);
    int code = prepare(store, sql, &statement);
    if (code != 0) return code;
    (void)blake2b_init(&state, STORE_DIGEST_BYTES);
    int result;
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        for (uint32_t i = 0; i < table->column_count; i++) {
            int64_t value = sqlite3_column_int64(statement, (int)i);
            if (table->columns[i].text_bytes != 0) {
                const unsigned char *text = sqlite3_column_text(statement, (int)i);
                value = sqlite3_column_bytes(statement, (int)i);
                (void)blake2b_update(&state, text, (size_t)value);
            }
            (void)blake2b_update(&state, (const uint8_t *)&value, sizeof value);
        }
    }
    code = result == SQLITE_DONE ? 0 : failed(store, table->name);
    (void)sqlite3_finalize(statement);
    (void)blake2b_final(&state, digest, STORE_DIGEST_BYTES);
    return code;
}
