#include "sim/trace.h"
#include "host/base/err.h"
#include <errno.h>
#include <stdio.h>

int trace_start(struct trace *trace, struct model *model, const char *path, uint32_t clocks) {
    if (strlen(path) >= sizeof trace->path)
        return err_set(-EINVAL, "card sim: the path of the trace is too long");
    int error = model_trace_start(model, path);
    if (error != 0) return error;
    memcpy(trace->path, path, strlen(path) + 1);
    trace->since = model_clocks(model);
    trace->clocks = clocks != 0 ? clocks : TRACE_CLOCKS;
    return 0;
}

void trace_turn(struct trace *trace, struct model *model) {
    if (trace->path[0] == 0 || model_clocks(model) - trace->since < trace->clocks) return;
    char before[TRACE_PATH_BYTES + 16];
    (void)snprintf(before, sizeof before, "%s.before", trace->path);
    model_trace_stop(model);
    if (rename(trace->path, before) != 0 || model_trace_start(model, trace->path) != 0) {
        trace->path[0] = 0;
        return;
    }
    trace->since = model_clocks(model);
}

void trace_stop(struct trace *trace, struct model *model) {
    if (trace->path[0] == 0) return;
    model_trace_stop(model);
    trace->path[0] = 0;
}
