#include "host/client/flow.h"
#include "driver/abi/abi.h"
#include "host/base/check.h"
#include "host/base/err.h"
#include "host/client/generator.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_BYTES_MAX = 256, FIELDS_MAX = 8 };
#define FILE_BYTES_MAX (INT64_C(1) << 32)

enum format { FORMAT_GENERATOR, FORMAT_LOBSTER, FORMAT_CSV };

/* A field of a line: not ended by 0. */
struct field {
    const char *at;
    size_t bytes;
};

struct flow {
    enum format format;
    struct generator *generator;
    char name[128]; /* of the source, for messages */
    char symbol[FLOW_SYMBOL_BYTES + 1];
    uint32_t tick_e4;
    uint64_t rows_max;
    struct flow_counts counts;
    char *bytes; /* the file; at is the next line */
    size_t size, at;
    uint64_t line; /* number of the line that was read last, from 1 */
    uint64_t time_ns;
    bool ended;
    uint64_t *entered; /* ids of the orders entered: a hash set of entered_mask + 1 words, 0 free */
    uint64_t entered_mask;
};

/* ---- the ids that were entered --------------------------------------------------------------- */

static uint64_t *entered_find(const struct flow *flow, uint64_t order) {
    uint64_t i = (order * UINT64_C(0x9e3779b97f4a7c15) >> 20) & flow->entered_mask;
    while (flow->entered[i] != 0 && flow->entered[i] != order) i = (i + 1) & flow->entered_mask;
    return &flow->entered[i];
}

static bool entered_has(const struct flow *flow, uint64_t order) {
    return *entered_find(flow, order) == order;
}

/* ---- fields ---------------------------------------------------------------------------------- */

static int line_error(struct flow *flow, const char *what, struct field field, const char *want) {
    flow->ended = true;
    int shown = (int)(field.bytes < 24 ? field.bytes : 24);
    char text[25];
    for (int i = 0; i < shown; i++)
        text[i] = field.at[i] >= ' ' && field.at[i] <= '~' ? field.at[i] : '?';
    text[shown] = '\0';
    return err_set(-EINVAL, "%s:%" PRIu64 ": %s is \"%s\"; give %s", flow->name, flow->line, what,
                   text, want);
}

/* field_number reads decimal digits, at least one and nothing else, up to max. */
static bool field_number(struct field field, uint64_t max, uint64_t *number) {
    uint64_t value = 0;
    if (field.bytes == 0) return false;
    for (size_t i = 0; i < field.bytes; i++) {
        if (field.at[i] < '0' || field.at[i] > '9') return false;
        uint64_t digit = (uint64_t)(field.at[i] - '0');
        if (digit > max || value > (max - digit) / 10) return false;
        value = value * 10 + digit;
    }
    *number = value;
    return true;
}

static bool field_is(struct field field, const char *text) {
    return field.bytes == strlen(text) && memcmp(field.at, text, field.bytes) == 0;
}

/* field_time reads seconds since midnight, rounded to a nanosecond: files that went through
   floating point have digits behind the ninth decimal. */
static bool field_time(struct field field, uint64_t *time_ns) {
    enum { DECIMALS = 9, DECIMALS_MAX = 18 };
    const char *point = memchr(field.at, '.', field.bytes);
    struct field whole = field;
    uint64_t seconds, part = 0;
    if (point != NULL) {
        whole.bytes = (size_t)(point - field.at);
        struct field decimals = { point + 1, field.bytes - whole.bytes - 1 };
        if (decimals.bytes > DECIMALS_MAX || !field_number(decimals, UINT64_MAX, &part))
            return false;
        for (size_t i = decimals.bytes; i < DECIMALS; i++) part *= 10;
        bool up = decimals.bytes > DECIMALS && decimals.at[DECIMALS] >= '5';
        for (size_t i = DECIMALS; i < decimals.bytes; i++) part /= 10;
        part += up;
    }
    if (!field_number(whole, 86399, &seconds)) return false;
    *time_ns = seconds * UINT64_C(1000000000) + part;
    return true;
}

/* line_next gives the next line without its end. Returns 1, or 0 at the end of the file. */
static int line_next(struct flow *flow, struct field *line) {
    if (flow->at == flow->size) return 0;
    const char *start = flow->bytes + flow->at;
    const char *end = memchr(start, '\n', flow->size - flow->at);
    line->at = start;
    line->bytes = end == NULL ? flow->size - flow->at : (size_t)(end - start);
    flow->at += line->bytes + (end != NULL);
    flow->line++;
    if (line->bytes > 0 && line->at[line->bytes - 1] == '\r') line->bytes--;
    return 1;
}

/* line_split cuts a line at its commas. Returns the count of fields, or FIELDS_MAX + 1 when there
   are more than that. */
static size_t line_split(struct field line, struct field *fields) {
    size_t count = 0;
    const char *end = line.at + line.bytes;
    for (const char *at = line.at;; at++) {
        if (count == FIELDS_MAX) return FIELDS_MAX + 1;
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma == NULL ? end : comma;
        fields[count++] = (struct field){ at, (size_t)(stop - at) };
        if (comma == NULL) return count;
        at = comma;
    }
}

static int line_fields(struct flow *flow, struct field line, struct field *fields, size_t want) {
    char wanted[32];
    if (line.bytes > LINE_BYTES_MAX) return line_error(flow, "the line", line, "at most 256 bytes");
    size_t count = line_split(line, fields);
    if (count == want) return 0;
    (void)snprintf(wanted, sizeof wanted, "%zu fields with commas", want);
    return line_error(flow, "the line", line, wanted);
}

static int order_enter(struct flow *flow, struct field field, uint64_t order) {
    uint64_t *place = entered_find(flow, order);
    if (*place == order)
        return line_error(flow, "order id", field, "an id that the file has not entered before");
    *place = order;
    return 0;
}

/* ---- LOBSTER --------------------------------------------------------------------------------- */

enum { LOBSTER_TIME, LOBSTER_TYPE, LOBSTER_ORDER, LOBSTER_SIZE, LOBSTER_PRICE, LOBSTER_DIRECTION };
enum { LOBSTER_FIELDS = 6 };

/* lobster_order reads what types 1 to 4 have. */
static int lobster_order(struct flow *flow, const struct field *fields, struct flow_row *row) {
    uint64_t size, price;
    if (!field_number(fields[LOBSTER_ORDER], FLOW_ORDER_OWN - 1, &row->order) || row->order == 0)
        return line_error(flow, "order id", fields[LOBSTER_ORDER], "a number from 1 to 2^63 - 1");
    if (!field_number(fields[LOBSTER_SIZE], UINT32_MAX, &size) || size == 0)
        return line_error(flow, "size", fields[LOBSTER_SIZE], "shares from 1 to 4294967295");
    if (!field_number(fields[LOBSTER_PRICE], LIMIT_PRICE_E4_MAX, &price) || price == 0)
        return line_error(flow, "price", fields[LOBSTER_PRICE],
                          "dollars times 10000 from 1 to 2147483647");
    bool buys = field_is(fields[LOBSTER_DIRECTION], "1");
    if (!buys && !field_is(fields[LOBSTER_DIRECTION], "-1"))
        return line_error(flow, "direction", fields[LOBSTER_DIRECTION], "1 (buy) or -1 (sell)");
    row->quantity = (uint32_t)size;
    row->price_e4 = (uint32_t)price;
    row->side = buys ? SIDE_BUY : SIDE_SELL;
    return 0;
}

/* lobster_row reads one line. Returns 1, 0 for a line that is left out, or an error. */
static int lobster_row(struct flow *flow, struct field line, struct flow_row *row) {
    struct field fields[FIELDS_MAX];
    int error = line_fields(flow, line, fields, LOBSTER_FIELDS);
    if (error < 0) return error;
    if (!field_time(fields[LOBSTER_TIME], &row->time_ns))
        return line_error(flow, "time", fields[LOBSTER_TIME],
                          "seconds since midnight, as 34200.004241176");
    if (row->time_ns < flow->time_ns)
        return line_error(flow, "time", fields[LOBSTER_TIME], "times that do not run backwards");
    flow->time_ns = row->time_ns;

    uint64_t type;
    if (!field_number(fields[LOBSTER_TYPE], 7, &type) || type == 0)
        return line_error(flow, "type", fields[LOBSTER_TYPE], "1 to 7");
    if (type >= 5) {
        if (type == 5)
            flow->counts.hidden++;
        else
            flow->counts.halts++;
        return 0;
    }
    error = lobster_order(flow, fields, row);
    if (error < 0) return error;
    row->sequence = flow->line - 1;
    if (type == 1) {
        row->kind = FLOW_NEW;
        error = order_enter(flow, fields[LOBSTER_ORDER], row->order);
        return error < 0 ? error : 1;
    }
    if (!entered_has(flow, row->order)) {
        if (type == 4)
            flow->counts.earlier_executed++;
        else
            flow->counts.earlier_cancels++;
        return 0;
    }
    if (type == 4) {
        row->kind = FLOW_NEW;
        row->maker = row->order;
        row->order = FLOW_ORDER_OWN | flow->line;
        row->side ^= 1;
        row->ioc = true;
        return 1;
    }
    row->kind = type == 2 ? FLOW_REDUCE : FLOW_CANCEL;
    return 1;
}

/* ---- CSV ------------------------------------------------------------------------------------- */

enum { CSV_SEQUENCE, CSV_TYPE, CSV_ORDER, CSV_SIDE, CSV_PRICE, CSV_QUANTITY, CSV_IOC, CSV_FIELDS };

static int csv_price(struct flow *flow, const struct field *fields, struct flow_row *row) {
    uint64_t ticks;
    if (!field_number(fields[CSV_PRICE], LIMIT_PRICE_E4_MAX / flow->tick_e4, &ticks))
        return line_error(flow, "price", fields[CSV_PRICE],
                          "ticks whose price is at most 2147483647 / 10000");
    row->price_e4 = (uint32_t)ticks * flow->tick_e4;
    bool buys = field_is(fields[CSV_SIDE], "B");
    if (!buys && !field_is(fields[CSV_SIDE], "S"))
        return line_error(flow, "side", fields[CSV_SIDE], "B or S");
    row->side = buys ? SIDE_BUY : SIDE_SELL;
    row->ioc = field_is(fields[CSV_IOC], "1");
    if (!row->ioc && !field_is(fields[CSV_IOC], "0"))
        return line_error(flow, "ioc", fields[CSV_IOC], "0 or 1");
    return 0;
}

static int csv_row(struct flow *flow, struct field line, struct flow_row *row) {
    struct field fields[FIELDS_MAX];
    int error = line_fields(flow, line, fields, CSV_FIELDS);
    if (error < 0) return error;
    if (!field_number(fields[CSV_SEQUENCE], UINT64_MAX, &row->sequence))
        return line_error(flow, "seq", fields[CSV_SEQUENCE], "a number");
    char type = fields[CSV_TYPE].bytes == 1 ? fields[CSV_TYPE].at[0] : '?';
    switch (type) {
    case 'N':
        row->kind = FLOW_NEW;
        break;
    case 'C':
        row->kind = FLOW_CANCEL;
        break;
    case 'R':
        row->kind = FLOW_REPLACE;
        break;
    case 'D':
        row->kind = FLOW_REDUCE;
        break;
    default:
        return line_error(flow, "type", fields[CSV_TYPE], "N, C, R or D");
    }
    if (!field_number(fields[CSV_ORDER], FLOW_ORDER_OWN - 1, &row->order) || row->order == 0)
        return line_error(flow, "order_id", fields[CSV_ORDER], "a number from 1 to 2^63 - 1");
    if (row->kind != FLOW_CANCEL) {
        uint64_t quantity;
        if (!field_number(fields[CSV_QUANTITY], UINT32_MAX, &quantity) || quantity == 0)
            return line_error(flow, "qty", fields[CSV_QUANTITY], "shares from 1 to 4294967295");
        row->quantity = (uint32_t)quantity;
    }
    if (row->kind == FLOW_NEW || row->kind == FLOW_REPLACE) {
        error = csv_price(flow, fields, row);
        if (error < 0) return error;
    }
    if (row->kind == FLOW_REPLACE && row->ioc)
        return line_error(flow, "ioc", fields[CSV_IOC], "0 in a replace");
    if (row->kind == FLOW_NEW) {
        error = order_enter(flow, fields[CSV_ORDER], row->order);
        return error < 0 ? error : 1;
    }
    if (entered_has(flow, row->order)) return 1;
    flow->counts.earlier_cancels++;
    return 0;
}

/* ---- open, next, close ----------------------------------------------------------------------- */

static int settings_check(const struct flow_settings *settings) {
    size_t bytes = settings->symbol == NULL ? 0 : strlen(settings->symbol);
    if (bytes < 1 || bytes > FLOW_SYMBOL_BYTES)
        return err_set(-EINVAL, "symbol \"%s\": give 1 to 8 characters",
                       settings->symbol == NULL ? "" : settings->symbol);
    for (size_t i = 0; i < bytes; i++)
        if (settings->symbol[i] <= ' ' || settings->symbol[i] > '~')
            return err_set(-EINVAL, "symbol: character %zu cannot be printed; give ASCII", i + 1);
    if (settings->tick_e4 < 1 || settings->tick_e4 > LIMIT_TICK_E4_MAX)
        return err_set(-EINVAL, "tick of %" PRIu32 " / 10000: give 1 to %d", settings->tick_e4,
                       LIMIT_TICK_E4_MAX);
    return 0;
}

static struct flow *flow_make(const char *name, const struct flow_settings *settings) {
    struct flow *flow = calloc(1, sizeof *flow);
    if (flow == NULL) {
        (void)err_set(-ENOMEM, "%s: no memory", name);
        return NULL;
    }
    (void)snprintf(flow->name, sizeof flow->name, "%s", name);
    (void)snprintf(flow->symbol, sizeof flow->symbol, "%s", settings->symbol);
    flow->tick_e4 = settings->tick_e4;
    return flow;
}

static int generator_open(struct flow **result, const char *source,
                          const struct flow_settings *settings) {
    bool day = strcmp(source, "day") == 0;
    uint64_t rows = settings->rows;
    if (rows == 0) rows = day ? FLOW_DAY_ROWS : FLOW_STREAM_ROWS;
    if (rows > GENERATOR_ROWS_MAX)
        return err_set(-EINVAL, "%s: %" PRIu64 " rows: give at most %d", source, rows,
                       GENERATOR_ROWS_MAX);
    struct flow *flow = flow_make(source, settings);
    if (flow == NULL) return -ENOMEM;
    flow->format = FORMAT_GENERATOR;
    flow->rows_max = rows;
    flow->generator = generator_new(day ? GENERATOR_DAY : GENERATOR_STREAM, settings->seed, rows,
                                    settings->symbol);
    if (flow->generator == NULL) {
        flow_close(flow);
        return err_set(-ENOMEM, "%s: no memory for %" PRIu64 " rows", source, rows);
    }
    *result = flow;
    return 0;
}

/* format_find looks at the first line, and reads past it where it is a header. */
static int format_find(struct flow *flow) {
    struct field line, fields[FIELDS_MAX];
    uint64_t time_ns;
    if (line_next(flow, &line) == 0)
        return err_set(-EINVAL, "%s: empty; give a LOBSTER message file or a CSV flow", flow->name);
    if (field_is(line, "seq,type,order_id,side,price,qty,ioc")) {
        flow->format = FORMAT_CSV;
        return 0;
    }
    if (line_split(line, fields) == LOBSTER_FIELDS && field_time(fields[LOBSTER_TIME], &time_ns)) {
        flow->format = FORMAT_LOBSTER;
        flow->at = 0;
        flow->line = 0;
        return 0;
    }
    return line_error(flow, "the first line", line,
                      "\"seq,type,order_id,side,price,qty,ioc\" (CSV) or the six fields of a "
                      "LOBSTER message file");
}

/* flow_start takes the file in flow->bytes from here. */
static int flow_start(struct flow *flow, const struct flow_settings *settings) {
    int error = format_find(flow);
    if (error < 0) return error;

    uint64_t lines = 1;
    for (size_t i = 0; i < flow->size; i++) lines += flow->bytes[i] == '\n';
    flow->rows_max = lines;
    if (settings->rows != 0 && settings->rows < lines) flow->rows_max = settings->rows;
    uint64_t words = 16;
    while (words < 2 * lines) words *= 2;
    flow->entered_mask = words - 1;
    flow->entered = calloc(words, sizeof *flow->entered);
    if (flow->entered == NULL) return err_set(-ENOMEM, "%s: no memory", flow->name);
    return 0;
}

int flow_open_bytes(struct flow **result, const char *name, const void *bytes, size_t size,
                    const struct flow_settings *settings) {
    int error = settings_check(settings);
    if (error < 0) return error;
    struct flow *flow = flow_make(name, settings);
    if (flow == NULL) return -ENOMEM;
    flow->bytes = malloc(size + 1);
    if (flow->bytes == NULL) {
        flow_close(flow);
        return err_set(-ENOMEM, "%s: no memory for %zu bytes", name, size);
    }
    if (size > 0) memcpy(flow->bytes, bytes, size);
    flow->size = size;
    error = flow_start(flow, settings);
    if (error < 0) {
        flow_close(flow);
        return error;
    }
    *result = flow;
    return 0;
}

/* file_read fills flow->bytes. A file that shrinks meanwhile is cut there. */
static int file_read(struct flow *flow, int fd) {
    struct stat status;
    if (fstat(fd, &status) < 0) return err_set(-errno, "%s: %s", flow->name, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return err_set(-EINVAL, "%s: not a regular file; give a flow's file, \"stream\" or \"day\"",
                       flow->name);
    if (status.st_size > FILE_BYTES_MAX)
        return err_set(-EFBIG, "%s: larger than 4 GiB; cut it into parts", flow->name);
    flow->bytes = malloc((size_t)status.st_size + 1);
    if (flow->bytes == NULL) return err_set(-ENOMEM, "%s: no memory", flow->name);
    while (flow->size < (size_t)status.st_size) {
        ssize_t got = read(fd, flow->bytes + flow->size, (size_t)status.st_size - flow->size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return err_set(-errno, "%s: %s", flow->name, strerror(errno));
        if (got == 0) break;
        flow->size += (size_t)got;
    }
    return 0;
}

int flow_open(struct flow **result, const char *source, const struct flow_settings *settings) {
    int error = settings_check(settings);
    if (error < 0) return error;
    if (strcmp(source, "stream") == 0 || strcmp(source, "day") == 0)
        return generator_open(result, source, settings);

    int fd = open(source, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not block */
    if (fd < 0)
        return err_set(-errno, "%s: %s; give a flow's file, \"stream\" or \"day\"", source,
                       strerror(errno));
    struct flow *flow = flow_make(source, settings);
    error = flow == NULL ? -ENOMEM : file_read(flow, fd);
    (void)close(fd);
    if (error == 0) error = flow_start(flow, settings);
    if (error < 0) {
        flow_close(flow);
        return error;
    }
    *result = flow;
    return 0;
}

void flow_close(struct flow *flow) {
    if (flow == NULL) return;
    generator_delete(flow->generator);
    free(flow->entered);
    free(flow->bytes);
    free(flow);
}

int flow_next(struct flow *flow, struct flow_row *row) {
    if (flow->ended || flow->counts.rows == flow->rows_max) return 0;
    if (flow->format == FORMAT_GENERATOR) {
        CHECK(generator_next(flow->generator, row));
        flow->counts.rows++;
        return 1;
    }
    struct field line;
    while (line_next(flow, &line) == 1) {
        memset(row, 0, sizeof *row);
        memcpy(row->symbol, flow->symbol, sizeof row->symbol);
        int given =
            flow->format == FORMAT_CSV ? csv_row(flow, line, row) : lobster_row(flow, line, row);
        if (given < 0) return given;
        if (given == 0) continue;
        flow->counts.rows++;
        return 1;
    }
    return 0;
}

uint64_t flow_rows_max(const struct flow *flow) { return flow->rows_max; }

bool flow_timed(const struct flow *flow) {
    if (flow->generator != NULL) return strcmp(flow->name, "day") == 0;
    return flow->format == FORMAT_LOBSTER;
}

struct flow_counts flow_counts(const struct flow *flow) {
    return flow->counts;
}

size_t flow_row_text(const struct flow_row *row, uint32_t tick_e4, char *text) {
    static const char letters[] = {
        [FLOW_NEW] = 'N', [FLOW_CANCEL] = 'C', [FLOW_REPLACE] = 'R', [FLOW_REDUCE] = 'D'
    };
    CHECK(tick_e4 > 0);
    int bytes = snprintf(text, FLOW_TEXT_BYTES, "%" PRIu64 ",%c,%" PRIu64, row->sequence,
                         letters[row->kind], row->order);
    size_t at = (size_t)bytes;
    if (row->kind == FLOW_CANCEL) {
        bytes = snprintf(text + at, FLOW_TEXT_BYTES - at, ",,,,\n");
    } else if (row->kind == FLOW_REDUCE) {
        bytes = snprintf(text + at, FLOW_TEXT_BYTES - at, ",,,%" PRIu32 ",\n", row->quantity);
    } else {
        bytes = snprintf(text + at, FLOW_TEXT_BYTES - at, ",%c,%" PRIu32 ",%" PRIu32 ",%d\n",
                         row->side == SIDE_BUY ? 'B' : 'S', row->price_e4 / tick_e4, row->quantity,
                         row->ioc);
    }
    return at + (size_t)bytes;
}
