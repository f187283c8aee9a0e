#include "sim/simlib.h"
#include "driver/abi/mgmt.h"
#include "driver/port.h"
#include "host/base/check.h"
#include "host/base/err.h"
#include "sim/model.h"
#include "sim/trace.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    PATH_BYTES = 4096,
    BOOT_STEP = 4096,         /* clocks between two looks at the management core */
    INIT_TRIES_MAX = 1 << 18, /* a try gives about 20 clocks; the sweep takes one for each order */
};

/* Where the ring lies as the card sees it: no round number, so that a bit of the address that got
   lost on its way is seen. */
static const uint64_t ring_address = 0x12345678c0;

enum { RECORD_READ, RECORD_WRITE, RECORD_WINDOW };

/* One call to the model that is more than clocks. A window write is followed by its 64 bytes. */
struct recorded {
    uint64_t clock; /* before the call */
    uint16_t kind, address;
    uint32_t value;
};

struct simlib {
    struct port port;
    struct model *model;
    struct model_options model_options;

    char *record;
    size_t record_bytes, record_used;
    bool record_full;

    struct trace trace;

    char wave_text[PATH_BYTES + 128];
};

static struct simlib *simlib_of(struct port *port) { return (struct simlib *)(void *)port; }

static void record_add(struct simlib *simlib, unsigned kind, uint32_t address, uint32_t value,
                       const struct command *command) {
    const size_t bytes = sizeof(struct recorded) + (command != NULL ? sizeof *command : 0);
    if (simlib->record_full || simlib->record_bytes - simlib->record_used < bytes) {
        simlib->record_full = true;
        return;
    }
    const struct recorded recorded = {
        .clock = model_clocks(simlib->model),
        .kind = (uint16_t)kind,
        .address = (uint16_t)address,
        .value = value,
    };
    memcpy(simlib->record + simlib->record_used, &recorded, sizeof recorded);
    if (command != NULL)
        memcpy(simlib->record + simlib->record_used + sizeof recorded, command, sizeof *command);
    simlib->record_used += bytes;
}

static uint32_t simlib_read(struct port *port, uint32_t reg) {
    struct simlib *simlib = simlib_of(port);
    record_add(simlib, RECORD_READ, reg, 0, NULL);
    return model_read(simlib->model, reg);
}

static void simlib_write(struct port *port, uint32_t reg, uint32_t value) {
    struct simlib *simlib = simlib_of(port);
    record_add(simlib, RECORD_WRITE, reg, value, NULL);
    model_write(simlib->model, reg, value);
}

static void simlib_window_write(struct port *port, uint32_t slot, const struct command *command) {
    struct simlib *simlib = simlib_of(port);
    const uint32_t address = slot * PORT_SLOT_BYTES;
    record_add(simlib, RECORD_WINDOW, address, 0, command);
    model_window_write(simlib->model, address, command, UINT64_MAX);
}

/* The port asks for clocks when its ring is empty. Without a command outstanding nothing need come:
   a few, so that the card's own doings go on. */
static int simlib_progress(struct port *port) {
    struct simlib *simlib = simlib_of(port);
    const bool due = port_outstanding(port) != 0;
    uint64_t left = due ? SIMLIB_ANSWER_CLOCKS_MAX : SIMLIB_IDLE_CLOCKS;
    trace_turn(&simlib->trace, simlib->model);
    while (left != 0 && !port_ready(port) && !port_fails(port) &&
           model_fault(simlib->model) == NULL)
        left -= model_run(simlib->model, left);
    if (model_fault(simlib->model) != NULL)
        return err_set(-EIO, "card sim: %s", model_fault(simlib->model));
    if (due && !port_ready(port) && !port_fails(port) &&
        model_read(simlib->model, REG_DIGEST) == UINT32_MAX)
        return card_gone(&port->card);
    if (due && !port_ready(port) && !port_fails(port))
        return err_set(-EIO,
                       "card sim: no event within %d clocks while %" PRIu64
                       " commands are outstanding: the RTL hangs",
                       SIMLIB_ANSWER_CLOCKS_MAX, port_outstanding(port));
    return 0;
}

static void simlib_free(struct simlib *simlib) {
    if (simlib->model != NULL) model_delete(simlib->model);
    free(simlib->record);
    free(simlib->port.ring);
    free(simlib);
}

static void simlib_close(struct port *port) { simlib_free(simlib_of(port)); }

/* A second run of what the card was asked to do; its waveform begins at a clock. */
struct again {
    struct model *model;
    const char *path;
    uint64_t begin;
    bool traced;
};

static int again_trace(struct again *again) {
    if (again->traced || model_clocks(again->model) < again->begin) return 0;
    again->traced = true;
    return model_trace_start(again->model, again->path);
}

static int again_until(struct again *again, uint64_t clock) {
    int error = again_trace(again);
    while (error == 0 && model_clocks(again->model) < clock) {
        model_clock(again->model);
        error = again_trace(again);
    }
    return error;
}

/* again_run does what the record says at the clocks it says, and ends at clock end. */
static int again_run(struct again *again, const struct simlib *simlib, uint64_t end) {
    for (size_t at = 0; at < simlib->record_used;) {
        struct recorded recorded;
        memcpy(&recorded, simlib->record + at, sizeof recorded);
        at += sizeof recorded;
        int error = again_until(again, recorded.clock);
        if (error != 0) return error;
        switch (recorded.kind) {
        case RECORD_READ:
            (void)model_read(again->model, recorded.address);
            break;
        case RECORD_WRITE:
            model_write(again->model, recorded.address, recorded.value);
            break;
        default:
            model_window_write(again->model, recorded.address, simlib->record + at, UINT64_MAX);
            at += sizeof(struct command);
            break;
        }
    }
    return again_until(again, end);
}

/* wave_write keeps the waveform of the clocks up to now. The same calls at the same clocks give the
   same waves, so nothing needs to be traced before it is known that it will be wanted. */
static int wave_write(const struct simlib *simlib, const char *path) {
    const uint64_t end = model_clocks(simlib->model);
    struct model_options options = simlib->model_options;
    options.memory = calloc(1, options.memory_bytes);
    if (options.memory == NULL) return err_set(-ENOMEM, "no memory for a second ring");
    struct again again = {
        .model = model_new(&options),
        .path = path,
        .begin = end > SIMLIB_WAVE_CLOCKS ? end - SIMLIB_WAVE_CLOCKS : 0,
    };
    int error = again.model != NULL ? again_run(&again, simlib, end) : -ENOMEM;
    if (error == 0 && model_digest(again.model) != model_digest(simlib->model))
        error = err_set(-EIO, "a second run did not write the same events at the same clocks");
    if (again.model != NULL) model_delete(again.model);
    free(options.memory);
    return error;
}

/* difference is called when lock-step has found one, or the card has stopped. */
static const char *difference(void *context, const char *directory) {
    struct simlib *simlib = context;
    char *text = simlib->wave_text;
    const size_t bytes = sizeof simlib->wave_text;
    if (simlib->trace.path[0] != 0) {
        snprintf(text, bytes, "the waveform up to there is in %s", simlib->trace.path);
        trace_stop(&simlib->trace, simlib->model);
        return text;
    }
    if (simlib->record_full) {
        snprintf(text, bytes,
                 "no waveform: the record of %zu bytes was full; run it again with a trace",
                 simlib->record_bytes);
        return text;
    }
    char path[PATH_BYTES];
    int length = snprintf(path, sizeof path, "%s/wave.fst", directory);
    if (length < 0 || (size_t)length >= sizeof path)
        snprintf(text, bytes, "no waveform: the path is too long");
    else if (wave_write(simlib, path) != 0)
        snprintf(text, bytes, "no waveform: %s", err_text());
    else
        snprintf(text, bytes, "the waveform of the last %d clocks is in %s", SIMLIB_WAVE_CLOCKS,
                 path);
    return text;
}

static int options_check(const struct simlib_options *options) {
    if (options->ring_log2 != 0 &&
        (options->ring_log2 < PORT_RING_LOG2_MIN || options->ring_log2 > PORT_RING_LOG2_MAX))
        return err_set(-EINVAL, "card sim: ring_log2 is %u; it must be %d to %d",
                       options->ring_log2, PORT_RING_LOG2_MIN, PORT_RING_LOG2_MAX);
    if (options->event_stall_odds >= MODEL_ODDS || options->window_gap_odds >= MODEL_ODDS ||
        options->window_split_odds > MODEL_ODDS)
        return err_set(-EINVAL, "card sim: odds are out of %d, and stalls and gaps must end",
                       MODEL_ODDS);
    return 0;
}

/* ready makes model and ring; what it has taken when it fails is given back by the caller. */
static int ready(struct simlib *simlib, const struct simlib_options *options) {
    static const struct card_size none;
    const uint32_t ring_log2 = options->ring_log2 != 0 ? options->ring_log2 : SIMLIB_RING_LOG2;
    simlib->record_bytes =
        options->record_bytes != 0 ? options->record_bytes : (size_t)SIMLIB_RECORD_BYTES;
    simlib->record = malloc(simlib->record_bytes);
    simlib->port.ring = aligned_alloc(PORT_SLOT_BYTES, port_ring_bytes(ring_log2));
    if (simlib->record == NULL || simlib->port.ring == NULL)
        return err_set(-ENOMEM, "card sim: no memory for a ring of 2^%u events", ring_log2);
    memset(simlib->port.ring, 0, port_ring_bytes(ring_log2));
    simlib->model_options = (struct model_options){
        .size = memcmp(&options->size, &none, sizeof none) == 0 ? CARD_SIZE_DEFAULT : options->size,
        .seed = options->seed,
        .memory = simlib->port.ring,
        .memory_address = ring_address,
        .memory_bytes = port_ring_bytes(ring_log2),
        .event_stall_odds = options->event_stall_odds,
        .window_gap_odds = options->window_gap_odds,
        .window_split_odds = options->window_split_odds,
    };
    simlib->model = model_new(&simlib->model_options);
    if (simlib->model == NULL) return -EINVAL;
    if (options->trace_path != NULL) {
        int error =
            trace_start(&simlib->trace, simlib->model, options->trace_path, options->trace_clocks);
        if (error != 0) return error;
    }

    static const struct port_operations operations = {
        .read = simlib_read,
        .write = simlib_write,
        .window_write = simlib_window_write,
        .progress = simlib_progress,
        .close = simlib_close,
    };
    simlib->port.operations = &operations;
    simlib->port.ring_address = ring_address;
    simlib->port.ring_log2 = ring_log2;
    simlib->port.init_tries_max = INIT_TRIES_MAX;
    int error = port_open(&simlib->port, "sim");
    if (error != 0 || !options->boot) return error;
    for (uint64_t left = SIMLIB_BOOT_CLOCKS_MAX; left > BOOT_STEP; left -= BOOT_STEP) {
        for (int i = 0; i < BOOT_STEP; i++) model_clock(simlib->model);
        if ((simlib_read(&simlib->port, REG_MGMT) & MGMT_STATE) >= MGMT_STATE_RUN) return 0;
    }
    return err_set(-EIO, "card sim: its management core does not run within %d clocks of a reset",
                   SIMLIB_BOOT_CLOCKS_MAX);
}

int simlib_open(const struct simlib_options *options, struct card **card) {
    int error = options_check(options);
    if (error != 0) return error;
    struct simlib *simlib = calloc(1, sizeof *simlib);
    if (simlib == NULL) return err_set(-ENOMEM, "card sim: no memory");
    error = ready(simlib, options);
    if (error != 0) {
        simlib_free(simlib);
        return error;
    }
    if (options->lockstep_off) {
        *card = &simlib->port.card;
        return 0;
    }
    const struct lockstep_options lockstep = {
        .directory = options->lockstep_directory,
        .on_difference = difference,
        .context = simlib,
    };
    error = lockstep_open(&simlib->port.card, &lockstep, card);
    if (error != 0) simlib_free(simlib);
    return error;
}

struct lockstep_counts simlib_counts(const struct card *card) {
    if (lockstep_inner(card) == NULL) return (struct lockstep_counts){ 0 };
    return lockstep_counts(card);
}

uint64_t simlib_clocks(const struct card *card) {
    const struct card *inner = lockstep_inner(card);
    if (inner == NULL) inner = card;
    CHECK(strcmp(inner->name, "sim") == 0);
    return model_clocks(((const struct simlib *)(const void *)inner)->model);
}

struct model *simlib_model(struct card *card) {
    struct card *inner = lockstep_inner(card);
    if (inner == NULL) inner = card;
    CHECK(strcmp(inner->name, "sim") == 0);
    return ((struct simlib *)(void *)inner)->model;
}
