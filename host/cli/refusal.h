/* refusal: why an order was refused, in the words that an operator steers with, and what to do
 * about it. */
#ifndef HOST_CLI_REFUSAL_H
#define HOST_CLI_REFUSAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* refusal_print writes the lines of an order that the office gave, the "refused" part of which is
   an object: the reason, its meaning, the limit with what it was and what the order came to, and
   the next step. What nothing is known of is left out. */
void refusal_print(FILE *out, bool color, const json_t *order);

#endif /* HOST_CLI_REFUSAL_H */
