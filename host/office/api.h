/* api: the control API of API.md, apart from HTTP: a request in, a status and JSON out. server
 * carries it over a Unix socket. */
#ifndef HOST_OFFICE_API_H
#define HOST_OFFICE_API_H

#include "host/control/control.h"
#include "host/office/office.h"
#include <jansson.h>

enum { API_BODY_BYTES_MAX = 4096 };

/* What the resources need. All of it stays the caller's. */
struct api {
    struct office *office;
    struct control *gateway; /* its command port; NULL for none */
    const char *gateway_path;
    char gateway_error[400]; /* why the last call failed; "" when it did not */
    const char *failure;     /* why the books stand still; NULL while they do not */
    uint64_t (*wall_ns)(void);
};

/* A request. argument gives a parameter behind the question mark, or NULL. */
struct api_request {
    const char *method, *path;
    const char *body;
    size_t body_bytes;
    const char *(*argument)(void *context, const char *name);
    void *context;
};

/* api_answer carries it out and returns the HTTP status; *answer is the body, which the caller
   json_decref()s. */
unsigned api_answer(struct api *api, const struct api_request *request, json_t **answer);

#endif /* HOST_OFFICE_API_H */
