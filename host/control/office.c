#include "host/base/err.h"
#include "host/control/control.h"
#include "host/control/failure.h"
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>

enum { URL_BYTES = 1024 };

struct control_office {
    CURL *curl;
    struct curl_slist *headers;
    char *body; /* of the answer */
    size_t bytes;
    long status;
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    struct control_error refused;
};

static size_t take(char *bytes, size_t size, size_t count, void *context) {
    struct control_office *office = context;
    size_t more = size * count;
    if (office->bytes + more > CONTROL_ANSWER_BYTES_MAX) return 0; /* ends the transfer */
    char *body = realloc(office->body, office->bytes + more + 1);
    if (body == NULL) return 0;
    office->body = body;
    memcpy(body + office->bytes, bytes, more);
    office->bytes += more;
    return more;
}

int control_office_open(const char *path, uint32_t timeout_ms, struct control_office **office) {
    struct control_office *made = calloc(1, sizeof *made);
    if (made == NULL) return err_set(-ENOMEM, "no memory for a client of %s", path);
    int code = 0;
    if (strlen(path) >= sizeof made->path)
        code = err_set(-ENAMETOOLONG,
                       "%s: a socket's path has at most %zu bytes; choose a shorter one", path,
                       sizeof made->path - 1);
    (void)snprintf(made->path, sizeof made->path, "%s", path);
    made->curl = code == 0 ? curl_easy_init() : NULL;
    made->headers = curl_slist_append(NULL, "Content-Type: application/json");
    if (code == 0 && (made->curl == NULL || made->headers == NULL))
        code = err_set(-ENOMEM, "no memory for a client of %s", path);
    if (code != 0) {
        control_office_close(made);
        return code;
    }
    (void)curl_easy_setopt(made->curl, CURLOPT_UNIX_SOCKET_PATH, made->path);
    (void)curl_easy_setopt(made->curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    (void)curl_easy_setopt(made->curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(made->curl, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(made->curl, CURLOPT_HTTPHEADER, made->headers);
    (void)curl_easy_setopt(made->curl, CURLOPT_WRITEFUNCTION, take);
    (void)curl_easy_setopt(made->curl, CURLOPT_WRITEDATA, made);
    *office = made;
    return 0;
}

void control_office_close(struct control_office *office) {
    if (office == NULL) return;
    if (office->curl != NULL) curl_easy_cleanup(office->curl);
    curl_slist_free_all(office->headers);
    free(office->body);
    free(office);
}

long control_office_status(const struct control_office *office) { return office->status; }

const struct control_error *control_office_refused(const struct control_office *office) {
    return &office->refused;
}

static int transfer(struct control_office *office) {
    office->bytes = 0;
    office->status = 0;
    CURLcode result = curl_easy_perform(office->curl);
    switch (result) {
    case CURLE_OK:
        (void)curl_easy_getinfo(office->curl, CURLINFO_RESPONSE_CODE, &office->status);
        return 0;
    case CURLE_COULDNT_CONNECT:
        return err_set(-ECONNREFUSED,
                       "the office is down: nobody listens at %s; `make up` starts it",
                       office->path);
    case CURLE_OPERATION_TIMEDOUT:
        return err_set(-ETIMEDOUT, "%s: no answer in time; see the office's log", office->path);
    case CURLE_WRITE_ERROR:
        return err_set(-EPROTO, "%s: an answer of more than %d bytes; ask for a shorter page",
                       office->path, CONTROL_ANSWER_BYTES_MAX);
    default:
        return err_set(-EIO, "%s: %s", office->path, curl_easy_strerror(result));
    }
}

/* The answer is JSON, or an error's JSON, or none at all. */
static int read_body(struct control_office *office, json_t **answer) {
    json_t *json = office->bytes > 0 ? json_loadb(office->body, office->bytes, 0, NULL) : NULL;
    if (office->status >= 400) {
        const json_t *error = json_object_get(json, "error");
        failure_read(error != NULL ? error : json, &office->refused);
        json_decref(json);
        return err_set(-EREMOTEIO, "%s", office->refused.message);
    }
    if (json == NULL && office->status == 204) json = json_object();
    if (json == NULL)
        return err_set(-EPROTO, "%s: what came back with status %ld is no JSON", office->path,
                       office->status);
    *answer = json;
    return 0;
}

int control_office_send(struct control_office *office, const char *method, const char *resource,
                        const json_t *body, json_t **answer) {
    char url[URL_BYTES];
    int written = snprintf(url, sizeof url, "http://office%s", resource);
    if (written < 0 || written >= URL_BYTES)
        return err_set(-EMSGSIZE, "%.60s...: a resource of more than %d bytes", resource,
                       URL_BYTES);
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    if (body != NULL && text == NULL) return err_set(-ENOMEM, "no memory for a request");
    bool get = strcmp(method, "GET") == 0;
    (void)curl_easy_setopt(office->curl, CURLOPT_URL, url);
    if (get)
        (void)curl_easy_setopt(office->curl, CURLOPT_HTTPGET, 1L);
    else
        (void)curl_easy_setopt(office->curl, CURLOPT_POSTFIELDS, text != NULL ? text : "");
    (void)curl_easy_setopt(office->curl, CURLOPT_CUSTOMREQUEST, get ? NULL : method);
    int code = transfer(office);
    (void)curl_easy_setopt(office->curl, CURLOPT_POSTFIELDS, NULL); /* text goes */
    free(text);
    return code == 0 ? read_body(office, answer) : code;
}

int control_office_get(struct control_office *office, const char *resource, json_t **answer) {
    return control_office_send(office, "GET", resource, NULL, answer);
}
