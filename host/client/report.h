/* report: what a replay and its gateway measured, as JSON for programs and as text for people. */
#ifndef HOST_CLIENT_REPORT_H
#define HOST_CLIENT_REPORT_H

#include "host/client/replay.h"
#include <stdio.h>

/* What a replay was told, for the record. */
struct report_run {
    const char *flow, *pace;
    uint32_t clients;
};

/* report_replay_print writes a few lines about a replay. */
void report_replay_print(FILE *out, const struct report_run *run,
                         const struct replay_result *result);

/* report_replay_save writes them as JSON to the file at path. Returns 0, or a negative errno and
   err_text(). */
int report_replay_save(const char *path, const struct report_run *run,
                       const struct replay_result *result);

/* report_merge reads what report_replay_save and the gateway wrote, prints the summary of the whole
   way of an order to out, and writes it as JSON to the file at path unless that is NULL. Returns 0;
   or a negative errno and err_text():
     -EBADMSG  a file is not what it should be
     -EPROTO   the summary is written and bad news: lock-step differences, or a journal that is not
               verified
     others    as open(2), read(2) and write(2) give them */
int report_merge(const char *replay_path, const char *gateway_path, const char *path, FILE *out);

#endif /* HOST_CLIENT_REPORT_H */
