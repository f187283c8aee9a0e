/* model.h: the Verilated card, one clock at a time. The only C++ of the tree (model.cpp) is behind
 * this face.
 *
 * Register and window writes are posted: they wait in one queue and enter the card in order as
 * clocks pass. Events go to memory of the caller's. The same options and the same calls at the same
 * clocks give the same waveform, bit for bit. */
#ifndef SIM_MODEL_H
#define SIM_MODEL_H

#include "driver/card.h"

#ifdef __cplusplus
extern "C" {
#endif

struct model;

enum {
    MODEL_POSTED_MAX = 256, /* writes that wait; one more gives the card clocks first */
    MODEL_ODDS = 256,       /* the *_odds of the options are out of this many */
};

struct model_options {
    struct card_size size; /* one of model_sizes */
    uint64_t seed;         /* of what registers hold before reset and of all odds */

    /* Memory that the card may write to, from address on, as the card sees it. The caller's. */
    void *memory;
    uint64_t memory_address;
    size_t memory_bytes;

    /* In each clock: that the card's event channel is held up; that a window write is kept back;
       that it comes as two or more beats with complementary strobes, the last bytes first or not.
     */
    uint32_t event_stall_odds, window_gap_odds, window_split_odds;
};

/* model_sizes returns the sizes the RTL is Verilated for, the default first, and their count. */
const struct card_size *model_sizes(size_t *count);

/* model_new makes a model, in reset for its first clocks. NULL when no model has the size or
   without memory; err_text says which. */
struct model *model_new(const struct model_options *options);
void model_delete(struct model *model);

/* model_memory_move says that from now on the memory lies at address as the card sees it, and that
   bytes of it, at most memory_bytes of the options, may be written. For a card that is told at run
   time where its ring is; only while it writes nothing. */
void model_memory_move(struct model *model, uint64_t address, size_t bytes);

/* model_reset holds rst for a few clocks and forgets what waits to be written. */
void model_reset(struct model *model);

/* model_clock gives the card one clock. */
void model_clock(struct model *model);

/* model_run gives up to clocks_max clocks and stops early behind a clock in which the card wrote to
   memory. Returns the clocks given. */
uint64_t model_run(struct model *model, uint64_t clocks_max);

/* model_clocks counts the clocks since model_new. */
uint64_t model_clocks(const struct model *model);

/* model_interrupts counts the card's interrupts since model_new. */
uint64_t model_interrupts(const struct model *model);

/* model_digest is a hash of all that the card has written, where and in which clock. Two runs of
   which it is the same went the same way. */
uint64_t model_digest(const struct model *model);

/* model_read reads a register behind all posted writes: gives the clocks that takes. A card that
   does not answer is a fault, and all ones are returned. */
uint32_t model_read(struct model *model, uint32_t reg);

/* model_write posts a write of a register; model_window_write posts a write to BAR2: 64 bytes at
   address (a multiple of 64), of which those count whose bit of strobes is set. */
void model_write(struct model *model, uint32_t reg, uint32_t value);
void model_window_write(struct model *model, uint32_t address, const void *bytes, uint64_t strobes);

/* What is about the card, as its monitor and its PCIe block say: units of driver/abi/mgmt.def. A
   new model is at 45.00 degrees Celsius, 850 and 1,800 millivolts, with a link of 16 lanes of the
   third generation. */
struct model_surroundings {
    int16_t temperature;
    uint16_t vccint, vccaux, link;
};
void model_surround(struct model *model, const struct model_surroundings *surroundings);

/* What can go wrong with a bus. model_drop loses the next write of the card whose place in the
   memory lies in [from, until): it is answered well and never seen. model_unplug makes every read
   return all ones, every write go nowhere and the card write nothing, until model_plug. */
void model_drop(struct model *model, uint64_t from, uint64_t until);
void model_unplug(struct model *model);
void model_plug(struct model *model);

/* model_posted counts the writes that wait to enter the card. */
unsigned model_posted(const struct model *model);

/* model_fault is NULL while all is well, else what went wrong first, for a person: an assertion of
   the RTL, a write outside the memory, a bus that breaks its protocol or does not answer. */
const char *model_fault(const struct model *model);

/* model_trace_start writes a waveform (FST) of everything from the next clock on to path; 0, or
   -errno with err_text. model_trace_stop ends it; a model that is deleted stops by itself. */
int model_trace_start(struct model *model, const char *path);
void model_trace_stop(struct model *model);

#ifdef __cplusplus
}
#endif

#endif /* SIM_MODEL_H */
