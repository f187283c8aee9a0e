/* card_view: the answers about the card as people read them, in cli->width columns. They write to
 * cli->out and change nothing. */
#ifndef HOST_CLI_CARD_VIEW_H
#define HOST_CLI_CARD_VIEW_H

#include "host/cli/cli.h"

/* card_view_info writes what the card is, card_view_health how it is: card is the member `card` of
   the answer to "card". Both end with its warnings. */
void card_view_info(struct cli *cli, const json_t *card);
void card_view_health(struct cli *cli, const json_t *card);

/* card_view_counters writes the member `counters` of the answer to "counters", with their units. */
void card_view_counters(struct cli *cli, const json_t *counters);

/* card_view_clocks writes its member `clocks` as bars, with the bounds between which half, 99 % and
   99.9 % of the commands end; card_view_stalls why the card waited, from `counters`. */
void card_view_clocks(struct cli *cli, const json_t *clocks);
void card_view_stalls(struct cli *cli, const json_t *counters);

/* card_view_log writes the last lines of the answer to "log", at most lines_max whole ones. */
void card_view_log(struct cli *cli, const json_t *log, uint32_t lines_max);

/* card_view_bounds says between which bounds the command lies that parts of 100,000 of all are not
   slower than: *over, 0 for none, and *within, 0 for none. False when there are no commands. */
bool card_view_bounds(const json_t *clocks, uint32_t parts, int64_t *over, int64_t *within);

#endif /* HOST_CLI_CARD_VIEW_H */
