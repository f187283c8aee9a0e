#include "host/control/failure.h"
#include <stdio.h>
#include <stdlib.h>

void failure_read(const json_t *json, struct control_error *error) {
    const char *code = json_string_value(json_object_get(json, "code"));
    const char *message = json_string_value(json_object_get(json, "message"));
    const json_t *details = json_object_get(json, "details");
    char *text = json_is_object(details) ? json_dumps(details, JSON_COMPACT) : NULL;
    (void)snprintf(error->code, sizeof error->code, "%s", code != NULL ? code : "unknown");
    (void)snprintf(error->message, sizeof error->message, "%s",
                   message != NULL ? message : "it was refused without a reason");
    bool fits = text != NULL && strlen(text) < sizeof error->details;
    (void)snprintf(error->details, sizeof error->details, "%s", fits ? text : "{}");
    free(text);
}
