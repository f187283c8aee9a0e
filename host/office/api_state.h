/* api_state: what the files of api share, and nobody else. */
#ifndef HOST_OFFICE_API_STATE_H
#define HOST_OFFICE_API_STATE_H

#include "host/office/api.h"

/* api_fail makes {code, message, details} and returns status; details is taken over, NULL for {}.
 */
unsigned api_fail(json_t **answer, unsigned status, const char *code, json_t *details,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));

/* api_broken answers 500 with err_text. */
unsigned api_broken(json_t **answer);

/* api_row finds the row that text means: 0 and *number, or 404. */
unsigned api_row(const struct api *api, enum names_kind kind, const char *text, int64_t *number,
                 json_t **answer);

/* api_name is a row's name, or null. */
json_t *api_name(const struct api *api, enum names_kind kind, int64_t number);

/* api_self_trade is the word for a SELF_TRADE_ mode. */
const char *api_self_trade(int64_t mode);

/* Resources. rest is what follows the resource's own path: "" or "/ID". */
typedef unsigned api_resource(struct api *api, const struct api_request *request, const char *rest,
                              json_t **answer);
api_resource api_health, api_status, api_symbols, api_book, api_orders, api_trades, api_accounts,
    api_positions, api_limits, api_alarms, api_verify;
api_resource api_set_limit, api_set_state, api_kill, api_release;

#endif /* HOST_OFFICE_API_STATE_H */
