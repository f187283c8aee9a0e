/* page: the report of a finished session as one HTML file that needs nothing else: plots are SVG,
 * in light and dark. */
#ifndef HOST_OFFICE_PAGE_H
#define HOST_OFFICE_PAGE_H

#include "host/office/office.h"
#include <jansson.h>
#include <stdio.h>

/* page_text writes text with what HTML reads as markup escaped: & < > " '. Control characters,
   which no HTML file may hold, become spaces. Everything on a page that was not written here goes
   through it. */
void page_text(FILE *out, const char *text);

/* page_write writes the page: figures, latencies and refusals from summary, as `make run` leaves it
   (what it lacks is left out of the page), orders and fills over time, and depth, from the office.
   Returns 0, or a negative errno as the store gives it. */
int page_write(FILE *out, const json_t *summary, struct office *office);

/* page_save writes it to the file at path, from the summary in the file at summary_path. 0, or a
   negative errno with err_text. */
int page_save(const char *path, const char *summary_path, struct office *office);

#endif /* HOST_OFFICE_PAGE_H */
