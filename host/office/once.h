/* once: the office's view of a finished journal, as JSON for programs and as text for people. */
#ifndef HOST_OFFICE_ONCE_H
#define HOST_OFFICE_ONCE_H

#include "host/office/office.h"
#include <stdio.h>

/* once_print writes cash, positions and fees of each firm, and whether the books balance. */
void once_print(FILE *out, struct office *office, const struct office_proof *proof);

/* once_save writes them as JSON to the file at path. once_summarise adds "books_balanced" and
   "office" to the JSON object in the file at path. 0, or a negative errno with err_text. */
int once_save(const char *path, struct office *office, const struct office_proof *proof);
int once_summarise(const char *path, struct office *office, const struct office_proof *proof);

/* once_balanced: the books are verified, the store is what the journals say, the card agrees. */
bool once_balanced(const struct office_proof *proof);

#endif /* HOST_OFFICE_ONCE_H */
