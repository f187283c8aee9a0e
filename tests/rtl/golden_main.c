/* golden: the trades that twelve independent engines agree on, from the reference engine and from
 * the RTL.
 *
 *   golden [--data DIRECTORY] [--json FILE]
 *
 * The hash is FNV-1a of 64 bits, byte by byte, over six little-endian words a trade: the number 1,
 * the taker message's sequence, the price in ticks, the quantity, the maker's and the taker's order
 * id. */
#include "host/base/err.h"
#include "host/client/generator.h"
#include "host/softcard/softcard.h"
#include "sim/simlib.h"
#include "tests/rtl/desk.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* The first 10,000 rows of the common stream fill its book and are not counted unless the run says
 * so. */
struct golden {
    const char *name, *source; /* a generator, or a file below the data directory */
    uint64_t rows, uncounted;
    uint32_t base_e4;
    uint64_t trades, hash;
};

static const struct golden stream = {
    "common stream", "stream", 2010000, 10000, 800000, 249622, UINT64_C(0x8e99cdc05677680c)
};
static const struct golden start = {
    "its first 310,000 rows", "stream", 310000, 0, 800000, 40807, UINT64_C(0x3042d9b103e9725c)
};
static const struct golden aapl = { "AAPL replay", "aapl_replay.csv",           0, 0, 370000,
                                    4104,          UINT64_C(0x71d63e1b50c5b17e) };

struct tally {
    const struct golden *golden;
    const struct desk *desk;
    uint64_t row, sequence, order;
    uint64_t trades, hash;
};

static uint64_t hash_word(uint64_t hash, uint64_t word) {
    for (int i = 0; i < 8; i++) hash = (hash ^ (word >> 8 * i & 0xff)) * UINT64_C(1099511628211);
    return hash;
}

static void see(void *context, const struct event *event) {
    struct tally *tally = context;
    if (event->kind != KIND_TRADE || tally->row < tally->golden->uncounted) return;
    const uint64_t words[] = { 1,
                               tally->sequence,
                               event->price_e4 / FLOW_TICK_E4,
                               event->quantity,
                               desk_order(tally->desk, abi_slot(event_maker(event))),
                               tally->order };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        tally->hash = hash_word(tally->hash, words[i]);
    tally->trades++;
}

static int play(const struct golden *golden, const char *source, struct card *card,
                struct tally *tally) {
    struct flow *flow;
    struct flow_settings settings = {
        .symbol = "GOLDEN", .tick_e4 = FLOW_TICK_E4, .seed = 20260701, .rows = golden->rows
    };
    int error = flow_open(&flow, source, &settings);
    if (error) return error;
    struct desk *desk = desk_new(card, golden->base_e4, 16);
    *tally =
        (struct tally){ .golden = golden, .desk = desk, .hash = UINT64_C(1469598103934665603) };
    error = desk_open(desk);
    bool shows = isatty(STDERR_FILENO);
    struct flow_row row;
    int got = 0;
    while (!error && (got = flow_next(flow, &row)) > 0) {
        tally->sequence = row.sequence;
        tally->order = row.order;
        error = desk_row(desk, &row, see, tally);
        tally->row++;
        if (shows && tally->row % 65536 == 0)
            fprintf(stderr, "\r%s: %" PRIu64 " rows", golden->name, tally->row);
    }
    if (shows) fprintf(stderr, "\r\033[K");
    desk_delete(desk);
    flow_close(flow);
    return error ? error : got;
}

/* A run's result goes to the screen and, as one object, to the list in json. */
static int run(const struct golden *golden, const char *source, bool rtl, FILE *json) {
    struct card *card;
    struct simlib_options options = { 0 };
    struct card_size size = CARD_SIZE_DEFAULT;
    int error = rtl ? simlib_open(&options, &card) : softcard_open(&size, &card);
    if (error) {
        fprintf(stderr, "golden: %s\n", err_text());
        return 1;
    }
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    struct tally tally;
    error = play(golden, source, card, &tally);
    clock_gettime(CLOCK_MONOTONIC, &to);
    uint64_t differences = rtl ? simlib_counts(card).differences : 0;
    card_close(card);
    double seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
    bool right =
        !error && tally.trades == golden->trades && tally.hash == golden->hash && differences == 0;
    const char *engine = rtl ? "rtl" : "engine";
    printf("%-6s  %-24s  %7" PRIu64 " trades  hash %016" PRIx64 "  %6.1f s  %s\n", engine,
           golden->name, tally.trades, tally.hash, seconds, right ? "ok" : "WRONG");
    if (error) fprintf(stderr, "golden: %s\n", err_text());
    if (!right && !error)
        fprintf(stderr, "golden: %s should give %" PRIu64 " trades, hash %016" PRIx64 "\n",
                golden->name, golden->trades, golden->hash);
    if (json)
        fprintf(json,
                "%s\n  {\"engine\": \"%s\", \"flow\": \"%s\", \"trades\": %" PRIu64
                ", \"hash\": \"%016" PRIx64 "\", \"ok\": %s}",
                ftell(json) > 2 ? "," : "", engine, golden->name, tally.trades, tally.hash,
                right ? "true" : "false");
    return !right;
}

int main(int argc, char **argv) {
    const char *data = NULL, *json_path = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--data") == 0 && i + 1 < argc) {
            data = argv[++i];
        } else if (strcmp(argv[i], "--json") == 0 && i + 1 < argc) {
            json_path = argv[++i];
        } else {
            fprintf(stderr, "usage: golden [--data DIRECTORY] [--json FILE]\n");
            return 2;
        }
    }
    if (data && access(data, R_OK) != 0) {
        fprintf(stderr, "golden: %s: %s; name the directory of the flows, or none\n", data,
                strerror(errno));
        return 2;
    }
    FILE *json = json_path ? fopen(json_path, "w") : NULL;
    if (json_path && !json) {
        perror(json_path);
        return 2;
    }
    if (json) fputs("[ ", json);
    int wrong = run(&stream, stream.source, false, json) + run(&start, start.source, false, json) +
                run(&start, start.source, true, json);
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", data ? data : "", aapl.source);
    if (data && access(path, R_OK) == 0)
        wrong += run(&aapl, path, false, json) + run(&aapl, path, true, json);
    else
        printf("        %-24s  left out: %s\n", aapl.name,
               data ? "no such file in the data directory" : "no data directory");
    if (json) {
        fputs("\n]\n", json);
        if (fclose(json) != 0) wrong++;
    }
    return wrong != 0;
}
