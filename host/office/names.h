/* names: what the configuration calls the rows of the card: symbols, firms, accounts, sessions. For
 * people only: nothing is decided by a name. */
#ifndef HOST_OFFICE_NAMES_H
#define HOST_OFFICE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum names_kind { NAMES_SYMBOL, NAMES_FIRM, NAMES_ACCOUNT, NAMES_SESSION, NAMES_KINDS };

struct names;

/* names_load reads them from the gateway's configuration at path; NULL makes a set without names.
   0, or -EINVAL, -ENOENT, -ENOMEM with err_text. */
int names_load(const char *path, struct names **names);
void names_free(struct names *names);

/* names_of gives a row's name, or NULL. */
const char *names_of(const struct names *names, enum names_kind kind, int64_t number);

/* names_find gives the row that text means, a name or else a number, or -1. */
int64_t names_find(const struct names *names, enum names_kind kind, const char *text);

/* names_kind_text is the word for one of them: "symbol". */
const char *names_kind_text(enum names_kind kind);

#endif /* HOST_OFFICE_NAMES_H */
