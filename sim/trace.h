/* trace: the waveform of a model while it runs, in files of bounded length: what was written last
 * is at the path, what was before it at <path>.before. */
#ifndef SIM_TRACE_H
#define SIM_TRACE_H

#include "sim/model.h"

enum { TRACE_PATH_BYTES = 4096, TRACE_CLOCKS = 1 << 20 };

struct trace {
    char path[TRACE_PATH_BYTES]; /* empty: no trace */
    uint64_t since;              /* the clock its file begins at */
    uint32_t clocks;             /* of a file */
};

/* trace_start begins a trace of model at path, in files of so many clocks; 0 is TRACE_CLOCKS.
   Returns 0, or -errno with err_text. */
int trace_start(struct trace *trace, struct model *model, const char *path, uint32_t clocks);

/* trace_turn begins a new file when the current one is long. A disk that refuses ends the trace,
   not the card. */
void trace_turn(struct trace *trace, struct model *model);

/* trace_stop ends the trace, if there is one. */
void trace_stop(struct trace *trace, struct model *model);

#endif /* SIM_TRACE_H */
