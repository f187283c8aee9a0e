#include "host/office/api.h"
#include "host/base/err.h"
#include "host/base/log.h"
#include "host/control/message.h"
#include "host/office/api_state.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

unsigned api_fail(json_t **answer, unsigned status, const char *code, json_t *details,
                  const char *format, ...) {
    char message[400];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    *answer = message_error(code, message, details);
    return status;
}

unsigned api_broken(json_t **answer) {
    log_line("a request failed: %s", err_text());
    return api_fail(answer, 500, "internal", NULL, "%s", err_text());
}

unsigned api_row(const struct api *api, enum names_kind kind, const char *text, int64_t *number,
                 json_t **answer) {
    char code[40];
    const char *word = names_kind_text(kind);
    struct fold *fold = office_fold(api->office);
    *number = names_find(office_names(api->office), kind, text);
    bool there = *number >= 0 && *number < office_settings(api->office)->fold.accounts;
    if (kind == NAMES_SYMBOL) there = *number >= 0 && fold_symbol(fold, (uint32_t)*number) != NULL;
    if (kind == NAMES_ACCOUNT)
        there = *number >= 0 && fold_account(fold, (uint32_t)*number) != NULL;
    if (there) return 0;
    (void)snprintf(code, sizeof code, "unknown_%s", word);
    return api_fail(answer, 404, code, NULL, "there is no %s \"%.64s\"", word, text);
}

json_t *api_name(const struct api *api, enum names_kind kind, int64_t number) {
    char text[24];
    const char *name = names_of(office_names(api->office), kind, number);
    if (number < 0) return json_null();
    if (name != NULL) return json_string(name);
    (void)snprintf(text, sizeof text, "%lld", (long long)number);
    return json_string(text);
}

static const struct {
    const char *method, *path;
    bool more; /* something may follow the path */
    api_resource *resource;
} resources[] = {
    { "GET", "/healthz", false, api_health },
    { "GET", "/api/v1/status", false, api_status },
    { "GET", "/api/v1/symbols", false, api_symbols },
    { "GET", "/api/v1/book", true, api_book },
    { "GET", "/api/v1/orders", true, api_orders },
    { "GET", "/api/v1/trades", false, api_trades },
    { "GET", "/api/v1/accounts", true, api_accounts },
    { "GET", "/api/v1/positions", false, api_positions },
    { "GET", "/api/v1/limits", false, api_limits },
    { "GET", "/api/v1/alarms", false, api_alarms },
    { "GET", "/api/v1/books/verify", false, api_verify },
    { "POST", "/api/v1/limits", false, api_set_limit },
    { "POST", "/api/v1/symbols", true, api_set_state },
    { "POST", "/api/v1/kill", false, api_kill },
    { "POST", "/api/v1/release", false, api_release },
};

unsigned api_answer(struct api *api, const struct api_request *request, json_t **answer) {
    bool known = false;
    *answer = NULL;
    for (size_t i = 0; i < sizeof resources / sizeof *resources; i++) {
        size_t bytes = strlen(resources[i].path);
        if (strncmp(request->path, resources[i].path, bytes) != 0) continue;
        const char *rest = request->path + bytes;
        if (*rest != '\0' && (!resources[i].more || *rest != '/')) continue;
        known = true;
        if (strcmp(request->method, resources[i].method) != 0) continue;
        return resources[i].resource(api, request, rest, answer);
    }
    if (known)
        return api_fail(answer, 405, "method_not_allowed", NULL, "%.80s does not take %.16s",
                        request->path, request->method);
    return api_fail(answer, 404, "unknown_resource", NULL,
                    "there is no %.80s; host/office/API.md lists what there is", request->path);
}
