#include "host/cli/card_view.h"
#include <inttypes.h>
#include <string.h>

enum { NAME_WIDTH = 13, LINE_BYTES = 512 };

__extension__ typedef unsigned __int128 wide;

/* ---- Lines ---- */

/* A name and a text behind it, broken between words where the terminal ends. */
static void print_line(const struct cli *cli, const char *name, enum table_color paint,
                       const char *text) {
    const char *begin = paint == TABLE_PLAIN ? "" : text_paint(paint, cli->color);
    const char *end = paint == TABLE_PLAIN ? "" : text_paint(TABLE_PLAIN, cli->color);
    size_t room = cli->width > NAME_WIDTH + 10 ? cli->width - NAME_WIDTH : LINE_BYTES;
    do {
        size_t bytes = strlen(text), shown = bytes;
        if (bytes > room) {
            shown = room;
            while (shown > 0 && text[shown] != ' ') shown--;
            if (shown == 0) shown = room; /* a word that is longer than the line */
        }
        (void)fprintf(cli->out, "%-*s%s%.*s%s\n", NAME_WIDTH, name, begin, (int)shown, text, end);
        name = "";
        text += shown;
        while (*text == ' ') text++;
    } while (*text != 0);
}

static void join_words(const json_t *words, char text[LINE_BYTES]) {
    size_t index, used = 0;
    json_t *word;
    text[0] = 0;
    json_array_foreach((json_t *)(uintptr_t)words, index, word) {
        int more = snprintf(text + used, LINE_BYTES - used, "%s%s", used > 0 ? " " : "",
                            json_string_value(word));
        if (more > 0 && used + (size_t)more < LINE_BYTES) used += (size_t)more;
    }
}

static void print_warnings(const struct cli *cli, const json_t *card) {
    size_t index;
    json_t *word;
    json_array_foreach(json_object_get(card, "warnings"), index, word)
        print_line(cli, "WARNING", TABLE_RED, json_string_value(word));
}

static bool has_core(const json_t *card) {
    return json_is_object(json_object_get(card, "management"));
}

static void print_no_core(const struct cli *cli, const json_t *card) {
    char line[LINE_BYTES];
    (void)snprintf(line, sizeof line, "the %s card has no management core", cli_text(card, "name"));
    print_line(cli, "management", TABLE_PLAIN, line);
}

/* ---- What it is ---- */

static const char *uptime_text(int64_t milliseconds, char text[TEXT_BYTES]) {
    int64_t seconds = milliseconds / 1000;
    if (seconds < 3600)
        (void)snprintf(text, TEXT_BYTES, "%" PRId64 " min %" PRId64 " s", seconds / 60,
                       seconds % 60);
    else
        (void)snprintf(text, TEXT_BYTES, "%" PRId64 " d %" PRId64 " h %" PRId64 " min",
                       seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60);
    return text;
}

static void print_core(const struct cli *cli, const json_t *core) {
    char line[LINE_BYTES], text[TEXT_BYTES];
    bool page = cli_true(core, "page");
    (void)snprintf(line, sizeof line, "%s, image %s, begun %" PRId64 " time%s%s%s",
                   cli_text(core, "state"), cli_text(core, "slot"), cli_number(core, "boots"),
                   cli_number(core, "boots") == 1 ? "" : "s", page ? ", up " : "",
                   page ? uptime_text(cli_number(core, "uptime_ms"), text) : "");
    print_line(cli, "management", TABLE_PLAIN, line);
    if (!page) return;
    (void)snprintf(line, sizeof line, "%s, tables %s, logs %s and worse", cli_text(core, "version"),
                   cli_text(core, "digest"), cli_text(core, "log_level"));
    print_line(cli, "firmware", TABLE_PLAIN, line);
    print_line(cli, "image B", TABLE_PLAIN, cli_text(core, "boot_meaning"));
}

void card_view_info(struct cli *cli, const json_t *card) {
    char line[LINE_BYTES], counts[4][TEXT_BYTES];
    print_line(cli, "card", TABLE_BOLD, cli_text(card, "name"));
    if (cli_true(card, "answers")) {
        bool open = strcmp(cli_text(card, "gate"), "open") == 0;
        bool live = strcmp(cli_text(card, "state"), "LIVE") == 0;
        const char *stopped = cli_text(card, "stopped_by");
        (void)snprintf(line, sizeof line, "digest %s, registers %s", cli_text(card, "digest"),
                       cli_text(card, "version"));
        print_line(cli, "tables", TABLE_PLAIN, line);
        (void)snprintf(line, sizeof line, "%s symbols, %s accounts, %s orders, %s levels",
                       text_count(cli_number(card, "symbols"), counts[0]),
                       text_count(cli_number(card, "accounts"), counts[1]),
                       text_count(cli_number(card, "orders"), counts[2]),
                       text_count(cli_number(card, "levels"), counts[3]));
        print_line(cli, "sizes", TABLE_PLAIN, line);
        print_line(cli, "state", live ? TABLE_GREEN : TABLE_RED, cli_text(card, "state"));
        print_line(cli, "gate", open ? TABLE_GREEN : TABLE_RED, cli_text(card, "gate"));
        print_line(cli, "fault", cli_true(card, "fault") ? TABLE_RED : TABLE_PLAIN,
                   cli_true(card, "fault") ? "a write to the event ring failed" : "none");
        print_line(cli, "stopped by", stopped[0] != 0 ? TABLE_RED : TABLE_PLAIN,
                   stopped[0] != 0 ? stopped : "nothing");
        if (has_core(card))
            print_core(cli, json_object_get(card, "management"));
        else
            print_no_core(cli, card);
    }
    print_warnings(cli, card);
}

/* ---- How it is ---- */

/* Numbers of a measure in the unit that people use: "45.12" for 4512 of 0.01 C. */
static const char *measure_text(const json_t *row, const char *key, char text[TEXT_BYTES]) {
    int64_t value = cli_number(row, key);
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    if (strcmp(cli_text(row, "unit"), "0.01 C") == 0)
        (void)snprintf(text, TEXT_BYTES, "%s%" PRIu64 ".%02" PRIu64, value < 0 ? "-" : "",
                       magnitude / 100, magnitude % 100);
    else
        (void)snprintf(text, TEXT_BYTES, "%" PRId64, value);
    return text;
}

static void print_measures(struct cli *cli, const json_t *rows) {
    static const struct table_column columns[] = {
        { "measure", false, 0, true }, { "now", true, 0, false }, { "unit", false, 0, false },
        { "min", true, 2, false },     { "max", true, 2, false }, { "limits", false, 1, false },
        { "state", false, 0, false },
    };
    struct table *table = table_new(TABLE_COLUMNS(columns));
    char text[TEXT_BYTES], most[TEXT_BYTES];
    size_t index;
    json_t *row;
    json_array_foreach((json_t *)(uintptr_t)rows, index, row) {
        const char *state = cli_text(row, "state");
        bool good = strcmp(state, "ok") == 0;
        table_cell(table, "%s", cli_text(row, "name"));
        table_cell(table, "%s", measure_text(row, "now", text));
        table_cell(table, "%s", strcmp(cli_text(row, "unit"), "mV") == 0 ? "mV" : "C");
        table_cell(table, "%s", measure_text(row, "min", text));
        table_cell(table, "%s", measure_text(row, "max", text));
        table_cell(table, "%s to %s", measure_text(row, "low", text),
                   measure_text(row, "high", most));
        table_cell(table, "%s%s", good ? "" : "WARNING: ", state);
        table_paint(table, good ? TABLE_GREEN : TABLE_RED);
    }
    (void)cli_print_table(cli, table, NULL);
}

static void print_page(struct cli *cli, const json_t *core) {
    char line[LINE_BYTES], words[LINE_BYTES], one[TEXT_BYTES], two[TEXT_BYTES];
    const json_t *link = json_object_get(core, "link");
    print_measures(cli, json_object_get(core, "measures"));
    (void)snprintf(line, sizeof line, "%s, generation %" PRId64 ", %" PRId64 " lanes",
                   cli_true(link, "up") ? "up" : "DOWN", cli_number(link, "generation"),
                   cli_number(link, "lanes"));
    print_line(cli, "PCIe link", cli_true(link, "up") ? TABLE_PLAIN : TABLE_RED, line);
    join_words(json_object_get(core, "selftest_failed"), words);
    (void)snprintf(line, sizeof line, "%.200s%s", words[0] != 0 ? words : "passed",
                   words[0] != 0 ? " failed" : "");
    print_line(cli, "self-test", words[0] != 0 ? TABLE_RED : TABLE_PLAIN, line);
    join_words(json_object_get(core, "alarms"), words);
    print_line(cli, "alarms", words[0] != 0 ? TABLE_RED : TABLE_PLAIN,
               words[0] != 0 ? words : "none");
    join_words(json_object_get(core, "alarms_seen"), words);
    print_line(cli, "since boot", TABLE_PLAIN, words[0] != 0 ? words : "none");
    (void)snprintf(line, sizeof line, "%s rounds, %s words put right",
                   text_count(cli_number(core, "scrub_rounds"), one),
                   text_count(cli_number(core, "scrub_corrected_words"), two));
    print_line(cli, "scrubbing", TABLE_PLAIN, line);
}

static void print_action(const struct cli *cli, const json_t *action) {
    char line[LINE_BYTES];
    if (!json_is_object(action)) return;
    (void)snprintf(line, sizeof line, "%s: %.400s", cli_text(action, "name"),
                   cli_text(action, "text"));
    print_line(cli, "last action",
               strcmp(cli_text(action, "state"), "failed") == 0 ? TABLE_YELLOW : TABLE_PLAIN, line);
}

void card_view_health(struct cli *cli, const json_t *card) {
    char line[LINE_BYTES], texts[4][TEXT_BYTES];
    const json_t *core = json_object_get(card, "management");
    const json_t *counters = json_object_get(card, "counters");
    print_line(cli, "card", TABLE_BOLD, cli_text(card, "name"));
    if (cli_true(card, "answers")) {
        if (has_core(card)) {
            bool runs = strcmp(cli_text(core, "state"), "RUN") == 0;
            (void)snprintf(line, sizeof line, "%s: %.400s", cli_text(core, "state"),
                           cli_text(core, "state_meaning"));
            print_line(cli, "management", runs ? TABLE_GREEN : TABLE_RED, line);
        } else {
            print_no_core(cli, card);
        }
        if (has_core(card) && cli_true(core, "page")) print_page(cli, core);
        (void)snprintf(line, sizeof line, "%s put right, %s fatal",
                       text_count(cli_number(counters, "ECC_CORRECTED"), texts[0]),
                       text_count(cli_number(counters, "ECC_FATAL"), texts[1]));
        print_line(cli, "memory", TABLE_PLAIN, line);
        (void)snprintf(line, sizeof line, "closed %s times by the card, heartbeat missed %s times",
                       text_count(cli_number(counters, "GATE_CLOSINGS"), texts[2]),
                       text_count(cli_number(counters, "WATCHDOG"), texts[3]));
        print_line(cli, "gate", TABLE_PLAIN, line);
    }
    print_action(cli, json_object_get(card, "action"));
    print_warnings(cli, card);
    if (cli_true(card, "healthy")) print_line(cli, "health", TABLE_GREEN, "good");
}

/* ---- Counters ---- */

/* What a counter counts, for a reader who compares two of them. */
static const char *unit_of(const char *counter) {
    static const struct {
        const char *name, *unit;
    } row[] = {
        { "COMMANDS", "commands" },     { "TRADED_SHARES", "shares" },
        { "BUSY_CLOCKS", "clocks" },    { "RING_STALLS", "clocks" },
        { "GATE_CLOSINGS", "times" },   { "WINDOW_PARTIAL", "writes" },
        { "WINDOW_OVERRUN", "writes" }, { "ECC_CORRECTED", "words" },
        { "ECC_FATAL", "words" },       { "WATCHDOG", "times" },
        { "STALL_AGAIN", "times" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        if (strcmp(counter, row[i].name) == 0) return row[i].unit;
    if (strncmp(counter, "STALL_", 6) == 0) return "clocks";
    return strncmp(counter, "CLOCKS_", 7) == 0 ? "commands" : "events";
}

/* Those that are above 0 only when something was wrong. */
static bool bad_counter(const char *counter) {
    static const char *const bad[] = { "GATE_CLOSINGS", "WINDOW_PARTIAL", "WINDOW_OVERRUN",
                                       "ECC_FATAL", "WATCHDOG" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (strcmp(counter, bad[i]) == 0) return true;
    return false;
}

void card_view_counters(struct cli *cli, const json_t *counters) {
    static const struct table_column columns[] = { { "counter", false, 0, false },
                                                   { "value", true, 0, false },
                                                   { "unit", false, 1, false },
                                                   { "what it counts", false, 2, true } };
    struct table *table = table_new(TABLE_COLUMNS(columns));
    char text[TEXT_BYTES];
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)counters, key, value) {
        table_cell(table, "%s", key);
        table_cell(table, "%s", text_count(json_integer_value(value), text));
        if (bad_counter(key) && json_integer_value(value) > 0) table_paint(table, TABLE_YELLOW);
        table_cell(table, "%s", unit_of(key));
        table_cell(table, "%s", cli_meaning("COUNTER", key));
    }
    (void)cli_print_table(cli, table, "no counters");
}

/* ---- Distribution ---- */

static uint64_t sum_of(const json_t *clocks, uint64_t *largest) {
    uint64_t sum = 0;
    size_t index;
    json_t *row;
    *largest = 0;
    json_array_foreach((json_t *)(uintptr_t)clocks, index, row) {
        uint64_t commands = (uint64_t)cli_number(row, "commands");
        sum += commands;
        if (commands > *largest) *largest = commands;
    }
    return sum;
}

bool card_view_bounds(const json_t *clocks, uint32_t parts, int64_t *over, int64_t *within) {
    uint64_t largest, sum = sum_of(clocks, &largest), seen = 0;
    size_t index;
    json_t *row;
    *over = *within = 0;
    json_array_foreach((json_t *)(uintptr_t)clocks, index, row) {
        seen += (uint64_t)cli_number(row, "commands");
        *within = cli_number(row, "within");
        if (seen > 0 && (wide)seen * 100000 >= (wide)sum * parts) return true;
        *over = *within;
    }
    return false;
}

/* A share of a whole in percent, two decimals; rounded down, so that only all is 100. */
static const char *share_text(uint64_t part, uint64_t whole, char text[TEXT_BYTES]) {
    unsigned parts = (unsigned)((wide)part * 10000 / whole);
    (void)snprintf(text, TEXT_BYTES, "%u.%02u %%", parts / 100, parts % 100);
    return text;
}

static const char *within_text(int64_t over, int64_t within, char text[TEXT_BYTES]) {
    char bound[TEXT_BYTES];
    if (within > 0)
        (void)snprintf(text, TEXT_BYTES, "within %s", text_count(within, bound));
    else
        (void)snprintf(text, TEXT_BYTES, "over %s", text_count(over, bound));
    return text;
}

static void print_title(const struct cli *cli, const char *title, uint64_t count,
                        const char *counted) {
    char text[TEXT_BYTES];
    (void)fprintf(cli->out, "%s%s%s, %s %s\n", text_paint(TABLE_BOLD, cli->color), title,
                  text_paint(TABLE_PLAIN, cli->color), text_count((int64_t)count, text), counted);
}

enum { BAR_MAX = 40, SHARE_WIDTH = 24, COUNT_WIDTH = 15 };

/* A row of a distribution: its name, its share of the whole, its count where the terminal is wide
   enough for it beside a bar, and the bar, which is as long as part is of largest. */
static void print_row(const struct cli *cli, const char *name, uint64_t part, uint64_t whole,
                      uint64_t largest) {
    char share[TEXT_BYTES], count[TEXT_BYTES] = "", bar[BAR_MAX + 1];
    uint32_t width = cli->width == 0 ? UINT32_MAX : cli->width;
    bool counted = width >= SHARE_WIDTH + COUNT_WIDTH + BAR_MAX / 2;
    uint32_t beside = SHARE_WIDTH + (counted ? COUNT_WIDTH : 0);
    uint32_t room = width > beside ? width - beside : 0;
    (void)text_bar(part, largest, room < BAR_MAX ? room : BAR_MAX, bar);
    (void)fprintf(cli->out, "%-12s %9s", name, share_text(part, whole, share));
    if (counted) (void)fprintf(cli->out, " %14s", text_count((int64_t)part, count));
    (void)fprintf(cli->out, "%s%s\n", bar[0] != 0 ? "  " : "", bar);
}

void card_view_clocks(struct cli *cli, const json_t *clocks) {
    static const struct {
        const char *name;
        uint32_t parts;
    } quantiles[] = { { "p50", 50000 }, { "p99", 99000 }, { "p99.9", 99900 } };
    uint64_t largest, sum = sum_of(clocks, &largest);
    char text[TEXT_BYTES];
    int64_t over = 0, within = 0;
    size_t index;
    json_t *row;
    print_title(cli, "clocks in the core", sum, "commands");
    if (sum == 0) {
        (void)fputs("no commands measured: the reference engine counts no clocks\n", cli->out);
        return;
    }
    json_array_foreach((json_t *)(uintptr_t)clocks, index, row) {
        uint64_t commands = (uint64_t)cli_number(row, "commands");
        within = cli_number(row, "within");
        print_row(cli, within_text(over, within, text), commands, sum, largest);
        over = within;
    }
    for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++) {
        char low[TEXT_BYTES];
        (void)card_view_bounds(clocks, quantiles[i].parts, &over, &within);
        (void)fprintf(cli->out, "%-6s over %s", quantiles[i].name, text_count(over, low));
        if (within > 0) (void)fprintf(cli->out, ", within %s", text_count(within, text));
        (void)fputs(" clocks\n", cli->out);
    }
}

void card_view_stalls(struct cli *cli, const json_t *counters) {
    static const struct {
        const char *name, *cause;
    } row[] = {
        { "STALL_ACCOUNT", "same account" }, { "STALL_BOOK", "book trades" },
        { "STALL_ALONE", "no order" },       { "STALL_EVENT", "event leaves" },
        { "RING_STALLS", "ring is full" },
    };
    uint64_t sum = 0, largest = 0;
    char count[TEXT_BYTES];
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        uint64_t clocks = (uint64_t)cli_number(counters, row[i].name);
        sum += clocks;
        if (clocks > largest) largest = clocks;
    }
    print_title(cli, "stalls by cause", sum, "clocks");
    for (size_t i = 0; i < sizeof row / sizeof *row && sum > 0; i++) {
        uint64_t clocks = (uint64_t)cli_number(counters, row[i].name);
        print_row(cli, row[i].cause, clocks, sum, largest);
    }
    if (cli_number(counters, "STALL_AGAIN") > 0)
        (void)fprintf(cli->out, "taken again  %s times\n",
                      text_count(cli_number(counters, "STALL_AGAIN"), count));
}

/* ---- Log ---- */

void card_view_log(struct cli *cli, const json_t *log, uint32_t lines_max) {
    const char *text = cli_text(log, "text");
    if (cli_number(log, "from") != 0) { /* it begins in the middle of a line */
        const char *whole = strchr(text, '\n');
        text = whole != NULL ? whole + 1 : "";
    }
    uint32_t lines = 0;
    for (const char *at = text; *at != 0; at++)
        if (*at == '\n') lines++;
    for (; lines > lines_max; lines--) text = strchr(text, '\n') + 1;
    (void)fputs(text, cli->out);
}
