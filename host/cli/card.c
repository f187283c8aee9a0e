/* card: what the card is, what it has counted, and how long things took, from the command port. */
#include "host/cli/cli.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static enum cli_exit info(struct cli *cli) {
    static const char *const counts[] = { "symbols", "accounts", "orders", "levels" };
    json_t *answer;
    char text[TEXT_BYTES];
    int code = cli_gateway(cli, json_pack("{s:s}", "ask", "status"), &answer);
    if (code != 0) return cli_fail(code);
    const json_t *card = json_object_get(answer, "card");
    if (cli->json) {
        json_t *whole = json_deep_copy(card);
        (void)json_object_set(whole, "abi", json_object_get(answer, "abi"));
        json_decref(answer);
        return cli_print_json(cli, whole);
    }
    (void)fprintf(cli->out, "card      %s\n", cli_text(card, "name"));
    (void)fprintf(cli->out, "gate      %s\n", cli_text(card, "gate"));
    (void)fprintf(cli->out, "tables    digest %s, version %d.%d\n", cli_text(answer, "abi"),
                  LIMIT_ABI_MAJOR, LIMIT_ABI_MINOR);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        (void)fprintf(cli->out, "%-9s %s\n", counts[i],
                      text_count(cli_number(card, counts[i]), text));
    json_decref(answer);
    return CLI_DONE;
}

static enum cli_exit counters(struct cli *cli) {
    static const struct table_column columns[] = { { "counter", false, 0, false },
                                                   { "value", true, 0, false },
                                                   { "what it counts", false, 0, true } };
    json_t *answer, *value;
    const char *key;
    char text[TEXT_BYTES];
    int code = cli_gateway(cli, json_pack("{s:s}", "ask", "counters"), &answer);
    if (code != 0) return cli_fail(code);
    json_t *rows = json_object_get(answer, "counters");
    if (cli->json) {
        json_t *kept = json_incref(rows);
        json_decref(answer);
        return cli_print_json(cli, kept);
    }
    struct table *table = table_new(TABLE_COLUMNS(columns));
    json_object_foreach(rows, key, value) {
        table_cell(table, "%s", key);
        table_cell(table, "%s", text_count(json_integer_value(value), text));
        table_cell(table, "%s", cli_meaning("COUNTER", key));
    }
    json_decref(answer);
    return cli_print_table(cli, table, "no counters");
}

enum { BAR_WIDTH = 40 };

/* The bar of a row is as long as its value is of the largest. */
static void print_distribution(struct cli *cli, const char *title, const json_t *histogram,
                               bool clocks) {
    char text[TEXT_BYTES], bar[BAR_WIDTH + 1];
    size_t index;
    json_t *row;
    uint64_t max = (uint64_t)cli_number(histogram, "max");
    (void)fprintf(cli->out, "%s%s%s, %s measured\n", text_paint(TABLE_BOLD, cli->color), title,
                  text_paint(TABLE_PLAIN, cli->color),
                  text_count(cli_number(histogram, "count"), text));
    uint32_t width = cli->width == 0 || cli->width > 22 + BAR_WIDTH ? BAR_WIDTH : 10;
    json_array_foreach(json_object_get(histogram, "distribution"), index, row) {
        uint64_t parts = (uint64_t)cli_number(row, "parts");
        uint64_t value = (uint64_t)cli_number(row, "value");
        char share[TEXT_BYTES];
        if (parts % 1000 == 0)
            (void)snprintf(share, sizeof share, "%" PRIu64 " %%", parts / 1000);
        else
            (void)snprintf(share, sizeof share, "%" PRIu64 ".%02" PRIu64 " %%", parts / 1000,
                           parts % 1000 / 10);
        if (clocks)
            (void)snprintf(text, sizeof text, "%" PRIu64, value);
        else
            (void)text_duration(value, text);
        (void)fprintf(cli->out, "%9s %10s  %s\n", share, text, text_bar(value, max, width, bar));
    }
}

static enum cli_exit histogram(struct cli *cli) {
    static const struct {
        const char *key, *title;
        bool clocks;
    } row[] = {
        { "card_clocks", "card, in its own clocks", true },
        { "card_ns", "card and its bus, as the gateway sees it", false },
        { "gateway_ns", "gateway", false },
        { "flush_ns", "answer until the journal is durable", false },
    };
    json_t *answer;
    int code = cli_gateway(cli, json_pack("{s:s}", "ask", "counters"), &answer);
    if (code != 0) return cli_fail(code);
    json_t *rows = json_object_get(answer, "histograms");
    if (cli->json) {
        json_t *kept = json_incref(rows);
        json_decref(answer);
        return cli_print_json(cli, kept);
    }
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        print_distribution(cli, row[i].title, json_object_get(rows, row[i].key), row[i].clocks);
    json_decref(answer);
    return CLI_DONE;
}

enum cli_exit cli_card(struct cli *cli, int count, char **words) {
    if (count == 1 && strcmp(words[0], "info") == 0) return info(cli);
    if (count == 1 && strcmp(words[0], "counters") == 0) return counters(cli);
    if (count == 1 && strcmp(words[0], "histogram") == 0) return histogram(cli);
    return cli_usage("card says what? wirepit card info | counters | histogram");
}
