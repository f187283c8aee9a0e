/* clocks: what commands cost the core, in clocks, beside what they must and should cost.
 *
 *   clocks [--data DIRECTORY] [--rows N] [--load N] [--seed S] [--json FILE]
 *
 * Costs of single commands and means over two flows are taken at the ports of the core alone
 * (meter.h), at the default size; the flows are given as fast as the core takes them, their orders
 * spread over 16 accounts. Then the common stream is offered at ten rates: the clocks from taking
 * and from arrival to the last event. Last, the stream goes through the whole card, and its
 * counters say what held it up. --rows and --load bound the rows of the stream for means and rates.
 */
#include "host/base/err.h"
#include "host/client/generator.h"
#include "sim/simlib.h"
#include "tests/rtl/measure.h"
#include "tests/rtl/tape.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ACCOUNTS = 16, LOADS = 10, RANDOM_COMMANDS = 20000, COUNTERS_MAX = 32 };

struct choices {
    const char *data, *json;
    uint64_t rows, load, seed;
};

struct results {
    struct measured measured;
    struct paced common, aapl;
    char aapl_without[512]; /* why there is no aapl; empty when there is */
    struct loaded loaded[LOADS];
    uint64_t card_commands, card_clocks;
    uint64_t counters[COUNTERS_MAX]; /* those of stalls */
};

/* Stalls are whatever counters of the card's table are called so. */
static const struct {
    const char *name;
    unsigned counter;
} counters[] = {
#define CODE(group, name, number, meaning) { #group "_" #name, number },
#define LIMIT(name, number, meaning)
#define USE(opcode, part)
#define FLAG(group, name, bit, built, meaning)
#include "driver/abi/codes.def"
#undef CODE
#undef LIMIT
#undef USE
#undef FLAG
};

static const char *stall_name(size_t i) {
    static const char group[] = "COUNTER_";
    const char *name = counters[i].name;
    if (strncmp(name, group, sizeof group - 1) != 0 || !strstr(name, "STALL")) return NULL;
    return name + sizeof group - 1;
}

static int stream_tape(struct tape *tape, const struct choices *choices) {
    struct flow_settings settings = {
        .symbol = "CLOCKS", .tick_e4 = FLOW_TICK_E4, .seed = 20260701, .rows = choices->rows
    };
    return tape_make(tape, "stream", &settings, 0, ACCOUNTS);
}

/* Rows that fill the stream's book are not counted. */
static uint64_t stream_from(const struct tape *tape) { return tape->setup + GENERATOR_PREFILL; }

static int means(const struct choices *choices, const struct tape *stream,
                 struct results *results) {
    struct meter *meter = meter_new(choices->seed);
    int error = measure_back_to_back(meter, stream->commands, stream->count, stream_from(stream),
                                     &results->common);
    meter_delete(meter);
    if (error) return error;

    char path[4096];
    snprintf(path, sizeof path, "%s/aapl_replay.csv", choices->data ? choices->data : "");
    if (!choices->data || access(path, R_OK) != 0) {
        snprintf(results->aapl_without, sizeof results->aapl_without, "left out: %s",
                 choices->data ? "no aapl_replay.csv in the data directory (DATA=)"
                               : "no data directory (DATA=)");
        return 0;
    }
    struct flow_settings settings = { .symbol = "AAPL", .tick_e4 = FLOW_TICK_E4 };
    struct tape tape;
    error = tape_make(&tape, path, &settings, 370000, ACCOUNTS);
    if (error) return error;
    meter = meter_new(choices->seed);
    error = measure_back_to_back(meter, tape.commands, tape.count, tape.setup, &results->aapl);
    meter_delete(meter);
    tape_free(&tape);
    return error;
}

static int loads(const struct choices *choices, const struct tape *stream,
                 struct results *results) {
    uint64_t from = stream_from(stream), count = from + choices->load;
    if (count > stream->count) count = stream->count;
    int error = 0;
    for (unsigned i = 0; i < LOADS && !error; i++) {
        struct meter *meter = meter_new(choices->seed);
        error = measure_loaded(meter, stream->commands, count, from, &results->common,
                               (i + 1) * 100 / LOADS, choices->seed + i, &results->loaded[i]);
        meter_delete(meter);
    }
    return error;
}

/* The whole card: commands through the window, events through the ring. */
static int stalls(const struct choices *choices, const struct tape *stream,
                  struct results *results) {
    uint64_t from = stream_from(stream), count = from + choices->load;
    if (count > stream->count) count = stream->count;
    struct simlib_options options = { .seed = choices->seed, .lockstep_off = true };
    struct card *card;
    int error = simlib_open(&options, &card);
    if (error) return error;
    card_go_live(card);
    uint64_t pushed = 0, ended = 0, begin = 0;
    while (!error && ended < count) {
        while (pushed < (ended < from ? from : count) &&
               (error = card_push(card, &stream->commands[pushed])) == 0)
            pushed++;
        if (error == -EAGAIN) error = 0;
        struct event events[64];
        int got = error ? error : card_poll(card, events, 64);
        if (got < 0) error = got;
        for (int i = 0; i < got; i++) ended += events[i].flags & EVENT_END ? 1 : 0;
        if (begin == 0 && ended >= from) begin = simlib_clocks(card);
    }
    results->card_commands = count - from;
    results->card_clocks = simlib_clocks(card) - begin;
    if (!error) {
        card_snapshot(card);
        for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
            if (stall_name(i) && counters[i].counter < COUNTERS_MAX)
                results->counters[counters[i].counter] = card_counter(card, counters[i].counter);
    }
    card_close(card);
    return error;
}

/* ---- what is printed ------------------------------------------------------------------------- */

static void print_line(const char *what, uint64_t is_e2, unsigned must, unsigned aim) {
    printf("  %-52s", what);
    if (is_e2 % 100)
        printf(" %5" PRIu64 ".%02" PRIu64, is_e2 / 100, is_e2 % 100);
    else
        printf(" %8" PRIu64, is_e2 / 100);
    if (must == 0)
        printf("\n");
    else
        printf("  %5u %5u  %s\n", must, aim,
               is_e2 > 100 * must  ? "over"
               : is_e2 > 100 * aim ? "met"
                                   : "met, and the aim");
}

static void print_figures(const struct results *results) {
    const struct measured *measured = &results->measured;
    printf("clocks from a command's taking to its events' leaving the core, default size\n");
    printf("  %-52s %8s  %5s %5s\n", "", "is", "must", "aim");
    print_line("verdict", 100 * measured->verdict_max, 8, 4);
    printf("    of every order and every refusal alike: %s\n",
           measured->verdict_min == measured->verdict_max ? "yes" : "NO");
    print_line("resting add: last event", 100 * measured->add, 14, 8);
    print_line("cancel, replace down: last event", 100 * measured->cancel, 14, 8);
    print_line("first TRADE", 100 * measured->first_trade, 16, 10);
    print_line("each further fill, level crossings included", 100 * measured->per_fill, 3, 1);
    print_line("mean, common stream, back to back", measure_mean_e2(&results->common), 5, 2);
    if (results->aapl_without[0])
        printf("  %-52s %s\n", "mean, AAPL replay, back to back", results->aapl_without);
    else
        print_line("mean, AAPL replay, back to back", measure_mean_e2(&results->aapl), 5, 2);
    print_line("worst of any command apart from its fills", 100 * measured->worst, 0, 0);
    print_line("FOK or minimum that counts all 4,096 levels", 100 * measured->count_levels, 0, 0);
    print_line("SWEEP of 65,536 slots that meets nothing", 100 * measured->sweep_slots, 0, 0);
    printf("    %s; the events' own count is %" PRIu64 " less: it ends before the last register\n",
           abi_opcode_name(measured->worst_opcode), measured->envelope_less);
}

/* A bar is as long as the clocks' logarithm to base 2, five characters for a doubling. */
static void print_bar(uint64_t clocks) {
    uint64_t whole = 0, scaled = clocks;
    while (scaled >= 2) scaled /= 2, whole++;
    uint64_t rest = (clocks - (UINT64_C(1) << whole)) * 5 >> whole;
    for (uint64_t i = 0; i < whole * 5 + rest && i < 70; i++) putchar('#');
    putchar('\n');
}

static void print_loads(const struct results *results) {
    printf("\nclocks to the last event against offered load, common stream; 100 %% is one command "
           "in %" PRIu64 ".%02" PRIu64 " clocks\n",
           measure_mean_e2(&results->common) / 100, measure_mean_e2(&results->common) % 100);
    printf("        from taking                     from arrival\n");
    printf("  load    p50    p99  p99.9    max      p50    p99  p99.9    max   p99 from arrival\n");
    for (unsigned i = 0; i < LOADS; i++) {
        const struct loaded *loaded = &results->loaded[i];
        const struct spread *taken = &loaded->taken, *arrived = &loaded->arrived;
        printf(" %4u%% %6" PRIu64 " %6" PRIu64 " %6" PRIu64 " %6" PRIu64 "   %6" PRIu64 " %6" PRIu64
               " %6" PRIu64 " %6" PRIu64 "   ",
               loaded->percent, taken->p50, taken->p99, taken->p999, taken->max, arrived->p50,
               arrived->p99, arrived->p999, arrived->max);
        print_bar(arrived->p99);
    }
}

static void print_stalls(const struct results *results) {
    uint64_t mean_e2 = results->card_clocks * 100 / results->card_commands;
    printf("\nthe whole card, window to ring, back to back: %" PRIu64 ".%02" PRIu64
           " clocks a command; stalls by its counters, clocks of %" PRIu64 "\n",
           mean_e2 / 100, mean_e2 % 100, results->card_clocks);
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
        if (stall_name(i) && counters[i].counter < COUNTERS_MAX)
            printf("  %-52s %8" PRIu64 "\n", stall_name(i), results->counters[counters[i].counter]);
}

static int write_json(const char *path, const struct results *results) {
    FILE *json = fopen(path, "w");
    if (!json) return err_set(-errno, "%s: %s", path, strerror(errno));
    const struct measured *measured = &results->measured;
    uint64_t common = measure_mean_e2(&results->common);
    fprintf(json,
            "{\"verdict\": %" PRIu64 ", \"verdict_constant\": %s, \"add\": %" PRIu64
            ", \"cancel\": %" PRIu64 ", \"first_trade\": %" PRIu64 ", \"per_fill\": %" PRIu64
            ", \"mean_common\": %" PRIu64 ".%02" PRIu64,
            measured->verdict_max,
            measured->verdict_min == measured->verdict_max ? "true" : "false", measured->add,
            measured->cancel, measured->first_trade, measured->per_fill, common / 100,
            common % 100);
    if (results->aapl_without[0]) {
        fprintf(json, ", \"mean_aapl\": null");
    } else {
        uint64_t aapl = measure_mean_e2(&results->aapl);
        fprintf(json, ", \"mean_aapl\": %" PRIu64 ".%02" PRIu64, aapl / 100, aapl % 100);
    }
    fprintf(json, ", \"count_levels\": %" PRIu64 ", \"sweep_slots\": %" PRIu64,
            measured->count_levels, measured->sweep_slots);
    fprintf(json, ", \"worst\": %" PRIu64 ", \"worst_of\": \"%s\",\n \"load\": [", measured->worst,
            abi_opcode_name(measured->worst_opcode));
    for (unsigned i = 0; i < LOADS; i++) {
        const struct loaded *loaded = &results->loaded[i];
        const struct spread *taken = &loaded->taken, *arrived = &loaded->arrived;
        fprintf(json,
                "%s\n  {\"percent\": %u, \"taken\": [%" PRIu64 ", %" PRIu64 ", %" PRIu64
                ", %" PRIu64 "], \"arrived\": [%" PRIu64 ", %" PRIu64 ", %" PRIu64 ", %" PRIu64
                "]}",
                i ? "," : "", loaded->percent, taken->p50, taken->p99, taken->p999, taken->max,
                arrived->p50, arrived->p99, arrived->p999, arrived->max);
    }
    fprintf(json, "],\n \"card\": {\"commands\": %" PRIu64 ", \"clocks\": %" PRIu64,
            results->card_commands, results->card_clocks);
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
        if (stall_name(i) && counters[i].counter < COUNTERS_MAX)
            fprintf(json, ", \"%s\": %" PRIu64, stall_name(i),
                    results->counters[counters[i].counter]);
    fprintf(json, "}}\n");
    return fclose(json) == 0 ? 0 : err_set(-EIO, "%s: %s", path, strerror(errno));
}

static int parse(int argc, char **argv, struct choices *choices) {
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (!value) return -EINVAL;
        if (strcmp(argv[i], "--data") == 0)
            choices->data = value;
        else if (strcmp(argv[i], "--json") == 0)
            choices->json = value;
        else if (strcmp(argv[i], "--rows") == 0)
            choices->rows = strtoull(value, NULL, 0);
        else if (strcmp(argv[i], "--load") == 0)
            choices->load = strtoull(value, NULL, 0);
        else if (strcmp(argv[i], "--seed") == 0)
            choices->seed = strtoull(value, NULL, 0);
        else
            return -EINVAL;
    }
    return choices->rows > GENERATOR_PREFILL + 1000 && choices->rows <= GENERATOR_ROWS_MAX &&
                   choices->load >= 1000
               ? 0
               : -EINVAL;
}

static int run(const struct choices *choices, struct results *results) {
    struct meter *meter = meter_new(choices->seed);
    int error = measure_directed(meter, RANDOM_COMMANDS, choices->seed, &results->measured);
    meter_delete(meter);
    if (error) return error;
    struct tape stream;
    error = stream_tape(&stream, choices);
    if (error) return error;
    error = means(choices, &stream, results);
    if (!error) {
        print_figures(results);
        fflush(stdout);
        error = loads(choices, &stream, results);
    }
    if (!error) print_loads(results);
    if (!error) error = stalls(choices, &stream, results);
    if (!error) print_stalls(results);
    tape_free(&stream);
    return error;
}

int main(int argc, char **argv) {
    struct choices choices = { .rows = 2010000, .load = 100000, .seed = 1 };
    if (parse(argc, argv, &choices) != 0) {
        fprintf(stderr,
                "usage: clocks [--data DIRECTORY] [--rows N] [--load N] [--seed S] [--json "
                "FILE]; N counts rows of the stream, more than %d and at least 1000\n",
                GENERATOR_PREFILL + 1000);
        return 2;
    }
    static struct results results;
    printf("seed %" PRIu64 "\n", choices.seed);
    int error = run(&choices, &results);
    if (!error && choices.json) error = write_json(choices.json, &results);
    if (error) fprintf(stderr, "clocks: %s\n", err_text());
    return error ? 1 : 0;
}
