/* simlib.h: CARD=sim: the Verilated card inside the caller's process, driven through the same port
 * as a real one and in lock-step with the reference engine.
 *
 * Time is virtual: the card gets clocks only inside the calls of card.h. While a command is
 * outstanding a poll gives clocks until an event arrives; otherwise it gives a few. The card's
 * clock moves by CLOCK_NS a clock, and forward by card_set_time. Same options and same calls, same
 * events. */
#ifndef SIM_SIMLIB_H
#define SIM_SIMLIB_H

#include "sim/lockstep.h"
#include "sim/model.h"

enum {
    SIMLIB_RING_LOG2 = 12,              /* events of the ring unless the options say otherwise */
    SIMLIB_IDLE_CLOCKS = 16,            /* of a poll with nothing outstanding */
    SIMLIB_BOOT_CLOCKS_MAX = 1 << 20,   /* until the firmware runs */
    SIMLIB_ANSWER_CLOCKS_MAX = 1 << 22, /* without an event while a command is outstanding: dead */
    SIMLIB_RECORD_BYTES = 256 << 20,    /* touched only as far as it is used */
    SIMLIB_WAVE_CLOCKS = 8192,          /* of the waveform before a difference */
};

/* All zero is the default: the default size, no trace, in lock-step, nothing held up. */
struct simlib_options {
    struct card_size size;  /* all zero is CARD_SIZE_DEFAULT; sizes as model_sizes has them */
    uint64_t seed;          /* of what registers hold before reset, and of the odds */
    uint32_t ring_log2;     /* 0 is SIMLIB_RING_LOG2 */
    const char *trace_path; /* waveform while the card runs, about 12 times slower; NULL is none */
    uint32_t trace_clocks;  /* of one file; see sim/trace.h */
    bool boot; /* give clocks until the management core runs: an idle card gets few, and says
                  meanwhile that it does not; 0.5 s at the default size */
    bool lockstep_off;
    const char *lockstep_directory; /* NULL is build/lockstep */
    size_t record_bytes; /* for the calls that the waveform of a difference is made from; 0 is
                            SIMLIB_RECORD_BYTES, about three million commands */

    /* Out of MODEL_ODDS, see sim/model.h. */
    uint32_t event_stall_odds, window_gap_odds, window_split_odds;
};

/* simlib_open makes the card, fresh from reset and in REPLAY mode. Returns 0 and *card, which
   card_close gives back; or
     -EINVAL   no model of this size is built; a ring or odds out of range
     -EPROTO   the RTL was Verilated from other tables
     -EIO      the card does not come up
     -ENOMEM   and others of the trace file */
int simlib_open(const struct simlib_options *options, struct card **card);

/* simlib_counts says what lock-step has compared; all zero with lockstep_off. */
struct lockstep_counts simlib_counts(const struct card *card);

/* simlib_clocks counts the clocks the card was given, those of its reset included. */
uint64_t simlib_clocks(const struct card *card);

/* simlib_model is the model behind such a card, for what card.h has no word for: what is about it,
   a bus that fails. A difference that lock-step finds behind a failure has no waveform. */
struct model *simlib_model(struct card *card);

#endif /* SIM_SIMLIB_H */
