#define _GNU_SOURCE /* vasprintf */
#include "host/cli/table.h"
#include "host/base/check.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { GAP = 2, FLEXIBLE_MIN = 8 };

struct cell {
    char *text;
    enum table_color color;
};

struct table {
    const struct table_column *columns;
    uint32_t column_count;
    struct cell *cells;
    size_t count, room;
};

static void *need(void *memory) {
    if (memory != NULL) return memory;
    (void)fputs("wirepit: no memory\n", stderr);
    exit(EXIT_FAILURE);
}

struct table *table_new(const struct table_column *columns, uint32_t count) {
    struct table *table = need(calloc(1, sizeof *table));
    table->columns = columns;
    table->column_count = count;
    return table;
}

void table_delete(struct table *table) {
    if (table == NULL) return;
    for (size_t i = 0; i < table->count; i++) free(table->cells[i].text);
    free(table->cells);
    free(table);
}

void table_cell(struct table *table, const char *format, ...) {
    va_list arguments;
    if (table->count == table->room) {
        table->room = table->room == 0 ? 64 : 2 * table->room;
        table->cells = need(realloc(table->cells, table->room * sizeof *table->cells));
    }
    char *text = NULL;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0) text = NULL;
    va_end(arguments);
    table->cells[table->count++] = (struct cell){ .text = need(text) };
}

void table_paint(struct table *table, enum table_color color) {
    CHECK(table->count > 0);
    table->cells[table->count - 1].color = color;
}

/* ---- Layout ---- */

/* The bytes from the decimal point on. */
static uint32_t fraction_bytes(const char *text) {
    const char *point = strrchr(text, '.');
    return point != NULL ? (uint32_t)strlen(point) : 0;
}

/* The longest fraction of each column on the right, 0 of the others. */
static void measure_fractions(const struct table *table, uint32_t *fractions) {
    for (size_t i = 0; i < table->count; i++) {
        uint32_t column = (uint32_t)(i % table->column_count);
        uint32_t bytes = table->columns[column].right ? fraction_bytes(table->cells[i].text) : 0;
        if (bytes > fractions[column]) fractions[column] = bytes;
    }
}

/* The blanks behind a number whose fraction is shorter; none behind what has no point, as "-". */
static uint32_t fraction_pad(const char *text, uint32_t longest) {
    uint32_t bytes = fraction_bytes(text);
    return bytes > 0 && bytes < longest ? longest - bytes : 0;
}

static uint32_t row_width(const struct table *table, const uint32_t *widths) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < table->column_count; i++)
        if (widths[i] > 0) sum += widths[i] + (sum > 0 ? GAP : 0);
    return sum;
}

/* The column that goes next, or column_count when all that are left stay. */
static uint32_t most_dispensable(const struct table *table, const uint32_t *widths) {
    uint32_t found = table->column_count;
    for (uint32_t i = 0; i < table->column_count; i++) {
        if (widths[i] == 0 || table->columns[i].rank == 0) continue;
        if (found == table->column_count || table->columns[i].rank >= table->columns[found].rank)
            found = i;
    }
    return found;
}

/* Widths of the columns, 0 for one that is left out. */
static void lay_out(const struct table *table, uint32_t width, const uint32_t *fractions,
                    uint32_t *widths) {
    for (uint32_t i = 0; i < table->column_count; i++)
        widths[i] = (uint32_t)strlen(table->columns[i].title);
    for (size_t i = 0; i < table->count; i++) {
        const char *text = table->cells[i].text;
        size_t column = i % table->column_count;
        uint32_t bytes = (uint32_t)strlen(text) + fraction_pad(text, fractions[column]);
        uint32_t *at = &widths[column];
        if (bytes > *at) *at = bytes;
    }
    for (uint32_t i = 0; i < table->column_count; i++)
        if (widths[i] == 0) widths[i] = 1; /* empty is not left out */
    if (width == 0) return;

    uint32_t flexible = 0;
    while (flexible < table->column_count && !table->columns[flexible].flexible) flexible++;
    while (row_width(table, widths) > width) {
        uint32_t over = row_width(table, widths) - width;
        if (flexible < table->column_count && widths[flexible] > FLEXIBLE_MIN) {
            uint32_t spare = widths[flexible] - FLEXIBLE_MIN;
            uint32_t column = most_dispensable(table, widths);
            /* Cutting comes first while it suffices, else columns go. */
            if (over <= spare || column == table->column_count) {
                widths[flexible] -= over < spare ? over : spare;
                continue;
            }
        }
        uint32_t column = most_dispensable(table, widths);
        if (column == table->column_count) return; /* what stays is wider than the terminal */
        widths[column] = 0;
        if (column == flexible) flexible = table->column_count;
    }
}

static const char *code_of(enum table_color color) {
    static const char *const codes[] = {
        [TABLE_PLAIN] = "",         [TABLE_BOLD] = "\033[1m",    [TABLE_DIM] = "\033[2m",
        [TABLE_GREEN] = "\033[32m", [TABLE_YELLOW] = "\033[33m", [TABLE_RED] = "\033[31m"
    };
    return codes[color];
}

const char *text_paint(enum table_color paint, bool color) {
    if (!color) return "";
    return paint == TABLE_PLAIN ? "\033[0m" : code_of(paint);
}

/* behind is how many of the blanks of a cell on the right stand behind it. */
static void print_cell(FILE *out, const char *text, uint32_t width, bool right, uint32_t behind,
                       bool last, enum table_color paint, bool color) {
    uint32_t bytes = (uint32_t)strlen(text);
    bool cut = bytes > width;
    uint32_t shown = cut ? (width > 2 ? width - 2 : 0) : bytes;
    uint32_t pad = cut ? 0 : width - bytes;
    bool painted = color && paint != TABLE_PLAIN && bytes > 0;
    uint32_t after = !right || behind > pad ? pad : behind;
    (void)fprintf(out, "%*s%s%.*s%s%s", (int)(pad - after), "", painted ? code_of(paint) : "",
                  (int)shown, text, cut ? ".." : "", painted ? "\033[0m" : "");
    if (!last) (void)fprintf(out, "%*s", (int)after, "");
}

void table_print(const struct table *table, FILE *out, uint32_t width, bool color,
                 const char *empty) {
    if (table->count == 0 && empty != NULL) {
        (void)fprintf(out, "%s\n", empty);
        return;
    }
    uint32_t *widths = need(calloc(table->column_count, sizeof *widths));
    uint32_t *fractions = need(calloc(table->column_count, sizeof *fractions));
    measure_fractions(table, fractions);
    lay_out(table, width, fractions, widths);
    uint32_t last = 0;
    for (uint32_t i = 0; i < table->column_count; i++)
        if (widths[i] > 0) last = i;
    size_t rows = table->count / table->column_count;
    for (size_t row = 0; row <= rows; row++) {
        bool first = true;
        for (uint32_t i = 0; i <= last; i++) {
            if (widths[i] == 0) continue;
            const struct cell *cell =
                row == 0 ? NULL : &table->cells[(row - 1) * table->column_count + i];
            if (!first) (void)fprintf(out, "%*s", GAP, "");
            first = false;
            const char *text = cell != NULL ? cell->text : table->columns[i].title;
            print_cell(out, text, widths[i], table->columns[i].right,
                       cell != NULL ? fraction_pad(text, fractions[i]) : 0, i == last,
                       cell != NULL ? cell->color : TABLE_BOLD, color);
        }
        (void)fputc('\n', out);
    }
    free(widths);
    free(fractions);
}

/* ---- Little texts ---- */

char *text_count(int64_t value, char *text) {
    char digits[24];
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    int count = snprintf(digits, sizeof digits, "%" PRIu64, magnitude);
    char *at = text;
    if (value < 0) *at++ = '-';
    for (int i = 0; i < count; i++) {
        if (i > 0 && (count - i) % 3 == 0) *at++ = ',';
        *at++ = digits[i];
    }
    *at = 0;
    return text;
}

char *text_money(int64_t value_e4, char *text) {
    char whole[TEXT_BYTES];
    uint64_t magnitude = value_e4 < 0 ? 0 - (uint64_t)value_e4 : (uint64_t)value_e4;
    uint64_t part = magnitude % 10000;
    (void)text_count((int64_t)(magnitude / 10000), whole);
    const char *sign = value_e4 < 0 ? "-" : "";
    if (part % 100 == 0)
        (void)snprintf(text, TEXT_BYTES, "%s%.30s.%02u", sign, whole, (unsigned)(part / 100));
    else
        (void)snprintf(text, TEXT_BYTES, "%s%.30s.%04u", sign, whole, (unsigned)part);
    return text;
}

char *text_bar(uint64_t part, uint64_t whole, uint32_t width, char *text) {
    __extension__ typedef unsigned __int128 wide;
    uint64_t marks = whole == 0 ? 0 : (uint64_t)((wide)part * width / whole);
    if (marks > width) marks = width;
    if (marks == 0 && part > 0 && width > 0) marks = 1;
    memset(text, '#', marks);
    text[marks] = 0;
    return text;
}

char *text_time(int64_t time_ns, char *text) {
    time_t seconds = (time_t)(time_ns / 1000000000);
    struct tm utc;
    if (gmtime_r(&seconds, &utc) == NULL) utc = (struct tm){ .tm_hour = 0 };
    (void)snprintf(text, TEXT_BYTES, "%02d:%02d:%02d.%06d", utc.tm_hour, utc.tm_min, utc.tm_sec,
                   (int)(time_ns % 1000000000 / 1000));
    return text;
}

char *text_duration(uint64_t ns, char *text) {
    static const struct {
        uint64_t unit;
        const char *name;
    } row[] = { { 1000000000, "s" }, { 1000000, "ms" }, { 1000, "us" } };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        if (ns < row[i].unit) continue;
        (void)snprintf(text, TEXT_BYTES, "%" PRIu64 ".%u %s", ns / row[i].unit,
                       (unsigned)(ns % row[i].unit * 10 / row[i].unit), row[i].name);
        return text;
    }
    (void)snprintf(text, TEXT_BYTES, "%" PRIu64 " ns", ns);
    return text;
}
