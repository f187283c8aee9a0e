/* lockstep: random commands, or a flow, through the Verilated card and the reference engine side by
 * side; the first event that differs stops it, with both records in words and a waveform in
 * build/lockstep/.
 *
 *   lockstep [--commands N] [--seed S] [--flow FILE|stream|day] [--size default|small]
 *            [--wave no] [--json FILE]
 *
 * Random commands go to the small card, where edges are near, for most of the run and to the
 * default one for the rest. For a part of each run, or all of it, stamps are given (REPLAY mode),
 * then the card's clock gives them. Gaps in the window, split writes and a slow event ring come
 * and go. Every row of the card is asked for and compared at the end of each run, and in between on
 * the small card. What no engine knows is held against bounds: an event's clocks, and STATUS.
 */
#include "host/base/err.h"
#include "host/base/random.h"
#include "sim/model.h"
#include "sim/simlib.h"
#include "tests/rtl/desk.h"
#include "tests/rtl/stimulus.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    STALLS = COUNTER_STALL_AGAIN - COUNTER_STALL_ACCOUNT + 1,
    EVENT_CLOCKS_MIN = 7, /* see rtl/core/README.md; the last register is not in them */
    EVENT_CLOCKS_MAX = UINT16_MAX,
};

struct totals {
    uint64_t commands, differences, clocks, rows;
    uint64_t stalls[STALLS]; /* of the card's counters from STALL_ACCOUNT on */
    uint64_t kinds[256];     /* of events */
    uint64_t reasons[256];   /* of the rejected ones */
};

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void progress(const char *what, uint64_t done, uint64_t of) {
    if (!isatty(STDERR_FILENO) || done % 8192 != 0) return;
    fprintf(stderr, "\r%s: %" PRIu64 " of %" PRIu64 " commands, %d %%", what, done, of,
            (int)(done * 100 / of));
    if (done == of) fprintf(stderr, "\r\033[K");
}

struct watch {
    struct stimulus *stimulus;
    struct totals *totals;
};

static void count(struct totals *totals, const struct event *event) {
    totals->kinds[event->kind]++;
    totals->reasons[event->reason] += event->kind == KIND_REJECTED;
}

static void watch_random(void *context, const struct event *event) {
    struct watch *watch = context;
    stimulus_see(watch->stimulus, event);
    count(watch->totals, event);
}

/* Adds what the card was given and found to the totals, and closes it. */
static int finish(struct card *card, struct totals *totals, int error) {
    struct lockstep_counts counts = simlib_counts(card);
    totals->commands += counts.commands;
    totals->differences += counts.differences;
    totals->clocks += simlib_clocks(card);
    if (!error) {
        card_write(card, REG_CONTROL, CONTROL_SNAPSHOT);
        for (uint32_t i = 0; i < STALLS; i++)
            totals->stalls[i] += card_read(card, REG_COUNTERS + 8 * (COUNTER_STALL_ACCOUNT + i));
    }
    card_close(card);
    if (error) fprintf(stderr, "lockstep: %s\n", err_text());
    return error;
}

/* in_time says whether an event's clocks can be what went by since its command was pushed. */
static int in_time(const struct event *event, uint64_t passed) {
    uint64_t clocks = event->clocks;
    if (clocks == EVENT_CLOCKS_MAX ? passed >= clocks
                                   : clocks >= EVENT_CLOCKS_MIN && clocks <= passed)
        return 0;
    return err_set(-EPROTO, "event %" PRIu64 " says that it took %" PRIu64 " clocks, of %" PRIu64,
                   event->number, clocks, passed);
}

/* ask queries one row and takes what the card says of it; the lock-step compares. */
static int ask(struct card *card, const struct command *query, struct totals *totals) {
    int error;
    while ((error = card_push(card, query)) == -EAGAIN) {
        struct event event;
        int got = card_poll(card, &event, 1);
        if (got < 0) return got;
    }
    totals->rows++;
    for (bool ended = false; !error && !ended;) {
        struct event events[32];
        int got = card_poll(card, events, 32);
        if (got < 0) error = got;
        for (int i = 0; i < got; i++) {
            ended = ended || events[i].flags & EVENT_END;
            if (query->field == TABLE_ENGINE &&
                !(card_read(card, REG_STATUS) & STATUS_KILLED) == !!events[i].value)
                error = err_set(-EPROTO, "STATUS and the engine's row differ in KILLED");
        }
    }
    return error;
}

/* census asks for every row of the card, while nothing else is under way. */
static int census(struct card *card, struct totals *totals) {
    const struct card_size *size = &card->size;
    struct command query = { .opcode = OPCODE_QUERY, .field = TABLE_ENGINE };
    int error = ask(card, &query, totals);
    for (uint32_t i = 0; !error && i < size->symbols; i++) {
        query = (struct command){ .opcode = OPCODE_QUERY, .field = TABLE_SYMBOL };
        query.symbol = (uint16_t)i;
        error = ask(card, &query, totals);
    }
    for (uint32_t i = 0; !error && i < size->accounts; i++) {
        struct command of[] = { { .field = TABLE_ACCOUNT, .account = (uint16_t)i },
                                { .field = TABLE_FIRM, .firm = (uint16_t)i },
                                { .field = TABLE_SESSION, .session = (uint16_t)i } };
        for (size_t k = 0; !error && k < sizeof of / sizeof *of; k++) {
            of[k].opcode = OPCODE_QUERY;
            error = ask(card, &of[k], totals);
        }
        for (uint32_t symbol = 0; !error && symbol < size->symbols; symbol++) {
            query = (struct command){ .opcode = OPCODE_QUERY, .field = TABLE_POSITION };
            query.account = (uint16_t)i;
            query.symbol = (uint16_t)symbol;
            error = ask(card, &query, totals);
        }
    }
    for (uint32_t i = 0; !error && i < size->orders; i++) {
        query = (struct command){ .opcode = OPCODE_QUERY, .field = TABLE_ORDER, .order = i };
        error = ask(card, &query, totals);
    }
    return error;
}

/* Commands are pushed until the card has no room, then events are polled: so many are under way at
 * a time. */
static int run_random(const struct card_size *size, uint64_t commands, uint64_t seed, bool no_wave,
                      struct totals *totals) {
    struct random random = random_seeded(seed ^ 0x6f646473);
    struct simlib_options options = { .size = *size, .seed = seed, .record_bytes = no_wave };
    options.event_stall_odds = random_below(&random, 2) ? (uint32_t)random_below(&random, 200) : 0;
    options.window_gap_odds = random_below(&random, 2) ? (uint32_t)random_below(&random, 128) : 0;
    options.window_split_odds = random_below(&random, 2) ? (uint32_t)random_below(&random, 256) : 0;
    options.ring_log2 = 4 + (uint32_t)random_below(&random, 5);
    struct card *card;
    int error = simlib_open(&options, &card);
    if (error) {
        fprintf(stderr, "lockstep: %s\n", err_text());
        return error;
    }
    struct watch watch = { .stimulus = stimulus_new(size, seed), .totals = totals };
    enum { UNDER_WAY_MAX = 1024 };
    static uint64_t pushed_at[UNDER_WAY_MAX]; /* in clocks */
    uint64_t pushed = 0, live_from = commands * (1 + random_below(&random, 10)) / 10;
    if (random_below(&random, 2)) live_from = commands;
    uint64_t stamp_ns =
        live_from == commands ? random_below(&random, UINT64_C(1) << random_below(&random, 63)) : 0;
    struct command command;
    bool waiting = false;
    enum { CENSUS_COMMANDS = 1000 };
    uint64_t ended = 0, census_at = CENSUS_COMMANDS;
    while (!error && ended < commands) {
        if (pushed == live_from && ended == pushed) card_go_live(card);
        if (ended == pushed && ended >= census_at && size->orders < 4096) {
            error = census(card, totals);
            census_at = ended + CENSUS_COMMANDS;
            if (error) break;
        }
        bool gap = random_below(&random, 4) == 0;
        while (!gap && pushed < commands && (pushed != live_from || ended == pushed)) {
            if (!waiting) {
                stimulus_next(watch.stimulus, &command);
                stamp_ns += random_below(&random, 100);
                if (random_below(&random, 4000) == 0)
                    stamp_ns += UINT64_C(1) << random_below(&random, 40);
                if (pushed < live_from)
                    command.stamp_ns = stamp_ns - (stamp_ns > 50 ? random_below(&random, 50) : 0);
                waiting = true;
            }
            if (command.opcode == OPCODE_UNCROSS && ended < pushed) break;
            stimulus_settle(watch.stimulus, &command);
            uint64_t at = simlib_clocks(card);
            error = pushed - ended == UNDER_WAY_MAX ? -EAGAIN : card_push(card, &command);
            if (error) break;
            waiting = false;
            pushed_at[pushed++ % UNDER_WAY_MAX] = at;
            gap = random_below(&random, 6) == 0;
        }
        if (error == -EAGAIN) error = 0;
        struct event events[32];
        int got = error ? error : card_poll(card, events, 1 + (uint32_t)random_below(&random, 32));
        if (got < 0) error = got;
        for (int i = 0; i < got; i++) {
            watch_random(&watch, &events[i]);
            if (!error)
                error = in_time(&events[i], simlib_clocks(card) - pushed_at[ended % UNDER_WAY_MAX]);
            if (events[i].flags & EVENT_END && ++ended <= commands)
                progress("random", ended, commands);
        }
    }
    stimulus_delete(watch.stimulus);
    if (!error) error = census(card, totals);
    return finish(card, totals, error);
}

static void watch_flow(void *context, const struct event *event) { count(context, event); }

static int run_flow(const char *source, uint64_t seed, uint64_t rows, struct totals *totals) {
    struct simlib_options options = { .seed = seed };
    struct flow_settings settings = {
        .symbol = "AAPL", .tick_e4 = FLOW_TICK_E4, .seed = seed, .rows = rows
    };
    struct flow *flow;
    struct card *card;
    int error = flow_open(&flow, source, &settings);
    if (error) {
        fprintf(stderr, "lockstep: %s\n", err_text());
        return error;
    }
    error = simlib_open(&options, &card);
    if (error) {
        fprintf(stderr, "lockstep: %s\n", err_text());
        flow_close(flow);
        return error;
    }
    card_go_live(card);
    /* The band of a file is laid around its first order. */
    struct flow_row row;
    struct desk *desk = NULL;
    int got = 0;
    uint64_t done = 0;
    while (!error && (got = flow_next(flow, &row)) > 0) {
        if (!desk) {
            uint32_t half = card->size.levels / 2 * FLOW_TICK_E4;
            desk = desk_new(
                card, row.price_e4 > half ? row.price_e4 - row.price_e4 % FLOW_TICK_E4 - half : 0,
                16);
            error = desk_open(desk);
        }
        if (!error) error = desk_row(desk, &row, watch_flow, totals);
        progress(source, ++done, flow_rows_max(flow));
    }
    if (got < 0) error = got;
    desk_delete(desk);
    flow_close(flow);
    return finish(card, totals, error);
}

struct choices {
    uint64_t commands, seed;
    const char *flow, *size, *json;
    bool no_wave;
};

static int parse(int argc, char **argv, struct choices *choices) {
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (!value) return -EINVAL;
        if (strcmp(argv[i], "--commands") == 0)
            choices->commands = strtoull(value, NULL, 0);
        else if (strcmp(argv[i], "--seed") == 0)
            choices->seed = strtoull(value, NULL, 0);
        else if (strcmp(argv[i], "--flow") == 0)
            choices->flow = *value ? value : NULL;
        else if (strcmp(argv[i], "--size") == 0)
            choices->size = value;
        else if (strcmp(argv[i], "--json") == 0)
            choices->json = value;
        else if (strcmp(argv[i], "--wave") == 0)
            choices->no_wave = strcmp(value, "no") == 0;
        else
            return -EINVAL;
    }
    return choices->commands > 0 ? 0 : -EINVAL;
}

int main(int argc, char **argv) {
    struct choices choices = { .commands = 100000, .seed = 1 };
    if (parse(argc, argv, &choices) != 0) {
        fprintf(stderr, "usage: lockstep [--commands N] [--seed S] [--flow FILE|stream|day] "
                        "[--size default|small] [--wave no] [--json FILE]\n");
        return 2;
    }
    struct totals totals = { 0 };
    size_t sizes_count;
    const struct card_size *sizes = model_sizes(&sizes_count);
    double from = now();
    int error = 0;
    printf("seed %" PRIu64 "\n", choices.seed);
    if (choices.flow) {
        error = run_flow(choices.flow, choices.seed, choices.commands, &totals);
    } else {
        /* Runs with a seed, a time and a back-pressure of their own; about a tenth of the commands
         * goes to the default size. Long ones are for generations, which wrap around, and since it
         * takes long to ask for all rows of the default size. */
        enum { RUN = 10000, RUN_LONG = 50000, LONG_EVERY = 5, BIG_EVERY = 20 };
        uint64_t runs = 0;
        for (uint64_t left = choices.commands; left > 0 && !error; runs++) {
            bool big = choices.size ? strcmp(choices.size, "default") == 0
                                    : runs % BIG_EVERY == BIG_EVERY - 1;
            uint64_t run = big || runs % LONG_EVERY == LONG_EVERY - 1 ? RUN_LONG : RUN;
            uint64_t part = left < run ? left : run;
            error = run_random(&sizes[big || sizes_count == 1 ? 0 : 1], part,
                               choices.seed + (runs << 32), choices.no_wave, &totals);
            left -= part;
        }
    }
    double seconds = now() - from;
    double clocks = totals.commands ? (double)totals.clocks / (double)totals.commands : 0;
    double rate = seconds > 0 ? (double)totals.commands / seconds : 0;
    printf("lock-step: %" PRIu64 " commands, %" PRIu64 " differences; %" PRIu64
           " rows compared; %.1f clocks a command, %.0f commands/s\n",
           totals.commands, totals.differences, totals.rows, clocks, rate);
    for (unsigned i = 0; i < STALLS; i++)
        printf("  %-18s %8" PRIu64 "\n", abi_counter_name(COUNTER_STALL_ACCOUNT + i),
               totals.stalls[i]);
    for (unsigned kind = 1; kind <= KIND_ALERT; kind++)
        if (totals.kinds[kind])
            printf("  %-18s %8" PRIu64 "\n", abi_kind_name(kind), totals.kinds[kind]);
    printf("  and of those rejected\n");
    for (unsigned reason = 0; reason < 256; reason++)
        if (totals.reasons[reason])
            printf("  %-18s %8" PRIu64 "\n", abi_reason_name(reason), totals.reasons[reason]);
    if (choices.json) {
        FILE *json = fopen(choices.json, "w");
        if (!json) {
            perror(choices.json);
            return 2;
        }
        fprintf(json,
                "{\"commands\": %" PRIu64 ", \"differences\": %" PRIu64
                ", \"rows_compared\": %" PRIu64
                ", \"clocks_per_command\": %.2f, \"commands_per_second\": %.0f, \"seed\": %" PRIu64
                "}\n",
                totals.commands, totals.differences, totals.rows, clocks, rate, choices.seed);
        if (fclose(json) != 0) return 2;
    }
    return error != 0 || totals.differences != 0;
}
