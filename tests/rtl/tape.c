#include "tests/rtl/tape.h"
#include "host/base/check.h"
#include "host/softcard/softcard.h"
#include <stdlib.h>

/* A card between the desk and the soft card, which keeps what passes. Orders have the desk's slot
   there and one of the tape's own on the tape. */
struct recorder {
    struct card card; /* first: what the desk sees */
    struct card *inner;
    struct tape *tape;
    uint64_t room;
    uint32_t *handle;     /* on the tape, by the desk's slot */
    uint32_t *generation; /* by the tape's slot */
    uint32_t *free_slot;  /* a ring: taken at the front, given back behind */
    uint64_t taken, given;
};

static uint32_t slot_mask(const struct recorder *recorder) {
    return recorder->card.size.orders - 1;
}

static struct command on_tape(struct recorder *recorder, const struct command *command) {
    struct command copy = *command;
    uint32_t desk_slot = abi_slot(command->order);
    if (command->opcode == OPCODE_NEW) {
        CHECK(recorder->taken < recorder->given);
        uint32_t slot = recorder->free_slot[recorder->taken++ & slot_mask(recorder)];
        recorder->handle[desk_slot] =
            abi_handle(slot, abi_generation_next(recorder->generation[slot]));
    }
    if (command->opcode == OPCODE_NEW || command->opcode == OPCODE_CANCEL ||
        command->opcode == OPCODE_REPLACE)
        copy.order = recorder->handle[desk_slot];
    return copy;
}

static int recorder_push(struct card *card, const struct command *command) {
    struct recorder *recorder = (struct recorder *)(void *)card;
    struct tape *tape = recorder->tape;
    int error = card_push(recorder->inner, command);
    if (error) return error;
    if (tape->count == recorder->room) {
        recorder->room = recorder->room ? recorder->room * 2 : 1 << 16;
        tape->commands = realloc(tape->commands, recorder->room * sizeof *tape->commands);
        CHECK(tape->commands);
    }
    if (command->opcode == OPCODE_NEW && tape->setup == 0) tape->setup = tape->count;
    tape->commands[tape->count++] = on_tape(recorder, command);
    return 0;
}

static void order_ends(struct recorder *recorder, uint32_t order) {
    uint32_t handle = recorder->handle[abi_slot(order)];
    recorder->free_slot[recorder->given++ & slot_mask(recorder)] = abi_slot(handle);
}

static void recorder_see(struct recorder *recorder, const struct event *event) {
    uint32_t handle = recorder->handle[abi_slot(event->order)];
    switch (event->kind) {
    case KIND_ACCEPTED:
        recorder->generation[abi_slot(handle)] = abi_generation(handle);
        break;
    case KIND_REPLACED: {
        uint32_t generation = abi_generation_next(abi_generation(handle));
        recorder->generation[abi_slot(handle)] = generation;
        recorder->handle[abi_slot(event->order)] = abi_handle(abi_slot(handle), generation);
        break;
    }
    case KIND_REJECTED:
        if (event->field == OPCODE_NEW) order_ends(recorder, event->order);
        break;
    case KIND_TRADE:
        if (event_maker_leaves(event) == 0) order_ends(recorder, event_maker(event));
        if (event->leaves == 0) order_ends(recorder, event->order);
        break;
    case KIND_CANCELED:
        if (event->leaves == 0) order_ends(recorder, event->order);
        break;
    default:
        break;
    }
}

static int recorder_poll(struct card *card, struct event *events, uint32_t events_max) {
    struct recorder *recorder = (struct recorder *)(void *)card;
    int got = card_poll(recorder->inner, events, events_max);
    for (int i = 0; i < got; i++) recorder_see(recorder, &events[i]);
    return got;
}

static int play(struct recorder *recorder, struct flow *flow, uint32_t base_e4, uint32_t accounts) {
    struct desk *desk = desk_new(&recorder->card, base_e4, accounts);
    int error = desk_open(desk), got = 0;
    struct flow_row row;
    while (!error && (got = flow_next(flow, &row)) > 0) error = desk_row(desk, &row, NULL, NULL);
    desk_delete(desk);
    return error ? error : got;
}

int tape_make(struct tape *tape, const char *source, const struct flow_settings *settings,
              uint32_t base_e4, uint32_t accounts) {
    static const struct card_operations operations = { .push = recorder_push,
                                                       .poll = recorder_poll };
    struct flow *flow;
    int error = flow_open(&flow, source, settings);
    if (error) return error;
    struct card_size size = CARD_SIZE_DEFAULT;
    *tape = (struct tape){ 0 };
    struct recorder recorder = { .card = { &operations, size, "tape" }, .tape = tape };
    recorder.handle = calloc(size.orders, sizeof *recorder.handle);
    recorder.generation = calloc(size.orders, sizeof *recorder.generation);
    recorder.free_slot = calloc(size.orders, sizeof *recorder.free_slot);
    CHECK(recorder.handle && recorder.generation && recorder.free_slot);
    for (uint32_t slot = 0; slot < size.orders; slot++) recorder.free_slot[recorder.given++] = slot;
    error = softcard_open(&size, &recorder.inner);
    if (!error) {
        error = play(&recorder, flow, base_e4, accounts);
        card_close(recorder.inner);
    }
    free(recorder.handle);
    free(recorder.generation);
    free(recorder.free_slot);
    flow_close(flow);
    if (error) tape_free(tape);
    return error;
}

void tape_free(struct tape *tape) {
    free(tape->commands);
    *tape = (struct tape){ 0 };
}
