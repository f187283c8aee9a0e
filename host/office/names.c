#include "host/office/names.h"
#include "host/base/err.h"
#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES_MAX = 4096 };

struct entry {
    char *name;
};

struct lists {
    struct entry *symbols, *firms, *accounts, *sessions;
    unsigned symbols_count, firms_count, accounts_count, sessions_count;
};

struct names {
    struct lists *lists; /* NULL without any */
};

static const cyaml_schema_field_t entry_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct entry, name, 1, CYAML_UNLIMITED),
    CYAML_FIELD_END
};
static const cyaml_schema_field_t session_fields[] = {
    CYAML_FIELD_STRING_PTR("username", CYAML_FLAG_POINTER, struct entry, name, 1, CYAML_UNLIMITED),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t entry_value = { CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT,
                                                                      struct entry, entry_fields) };
static const cyaml_schema_value_t session_value = { CYAML_VALUE_MAPPING(
    CYAML_FLAG_DEFAULT, struct entry, session_fields) };
static const cyaml_schema_field_t list_fields[] = {
    CYAML_FIELD_SEQUENCE("symbols", CYAML_FLAG_POINTER, struct lists, symbols, &entry_value, 0,
                         NAMES_MAX),
    CYAML_FIELD_SEQUENCE("firms", CYAML_FLAG_POINTER, struct lists, firms, &entry_value, 0,
                         NAMES_MAX),
    CYAML_FIELD_SEQUENCE("accounts", CYAML_FLAG_POINTER, struct lists, accounts, &entry_value, 0,
                         NAMES_MAX),
    CYAML_FIELD_SEQUENCE("sessions", CYAML_FLAG_POINTER, struct lists, sessions, &session_value, 0,
                         NAMES_MAX),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t list_value = { CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER,
                                                                     struct lists, list_fields) };

/* The rest of the file is the gateway's to read. */
static const cyaml_config_t settings = {
    .mem_fn = cyaml_mem,
    .log_level = CYAML_LOG_ERROR,
    .flags = CYAML_CFG_IGNORE_UNKNOWN_KEYS,
};

int names_load(const char *path, struct names **loaded) {
    struct names *names = calloc(1, sizeof *names);
    if (names == NULL) return err_set(-ENOMEM, "no memory for the names");
    if (path != NULL) {
        cyaml_err_t result =
            cyaml_load_file(path, &settings, &list_value, (cyaml_data_t **)&names->lists, NULL);
        if (result != CYAML_OK) {
            free(names);
            return err_set(result == CYAML_ERR_FILE_OPEN ? -ENOENT : -EINVAL,
                           "%s: %s; it is the gateway's configuration, as "
                           "host/package/wirepit.yaml",
                           path, cyaml_strerror(result));
        }
    }
    *loaded = names;
    return 0;
}

void names_free(struct names *names) {
    if (names == NULL) return;
    if (names->lists != NULL) (void)cyaml_free(&settings, &list_value, names->lists, 0);
    free(names);
}

static unsigned list_of(const struct names *names, enum names_kind kind,
                        const struct entry **list) {
    const struct lists *lists = names->lists;
    *list = NULL;
    if (lists == NULL) return 0;
    switch (kind) {
    case NAMES_SYMBOL:
        *list = lists->symbols;
        return lists->symbols_count;
    case NAMES_FIRM:
        *list = lists->firms;
        return lists->firms_count;
    case NAMES_ACCOUNT:
        *list = lists->accounts;
        return lists->accounts_count;
    case NAMES_SESSION:
        *list = lists->sessions;
        return lists->sessions_count;
    default:
        return 0;
    }
}

const char *names_of(const struct names *names, enum names_kind kind, int64_t number) {
    const struct entry *list;
    unsigned count = list_of(names, kind, &list);
    return number >= 0 && number < (int64_t)count ? list[number].name : NULL;
}

int64_t names_find(const struct names *names, enum names_kind kind, const char *text) {
    const struct entry *list;
    unsigned count = list_of(names, kind, &list);
    for (unsigned i = 0; i < count; i++)
        if (strcmp(list[i].name, text) == 0) return i;
    if (*text < '0' || *text > '9') return -1;
    char *end;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    return errno == 0 && *end == '\0' && number <= 65535 ? (int64_t)number : -1;
}

const char *names_kind_text(enum names_kind kind) {
    static const char *const words[NAMES_KINDS] = { "symbol", "firm", "account", "session" };
    return words[kind];
}
