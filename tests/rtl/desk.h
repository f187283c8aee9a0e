/* desk.h: order flow straight into a card, without a gateway: rows of a flow become commands, order
 * ids become handles.
 *
 * For golden answers and lock-step: one symbol for each name of the flow, orders spread over a few
 * accounts with limits that refuse nothing. */
#ifndef TESTS_RTL_DESK_H
#define TESTS_RTL_DESK_H

#include "host/client/flow.h"
#include "tests/rtl/drive.h"

struct desk;

/* desk_new makes a desk for a card whose symbols have a band from base_e4 on (0: the band of the
   flow's generator for its symbols); accounts is how many accounts orders are spread over.
   desk_delete gives it back. */
struct desk *desk_new(struct card *card, uint32_t base_e4, uint32_t accounts);
void desk_delete(struct desk *desk);

/* desk_open sets up accounts and the gate; symbols are set up when their first row comes. Errors as
 * drive. */
int desk_open(struct desk *desk);

/* desk_row carries out one row; a row of an order that is not live any more does nothing. Each
   event of the row's command goes to see. Returns 0 or an error as drive. */
int desk_row(struct desk *desk, const struct flow_row *row, drive_see *see, void *context);

/* desk_order says the flow's id of the order last entered in a slot. */
uint64_t desk_order(const struct desk *desk, uint32_t slot);

/* desk_commands counts the commands given. */
uint64_t desk_commands(const struct desk *desk);

#endif /* TESTS_RTL_DESK_H */
