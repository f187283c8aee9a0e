#include "firmware/log.h"
#include "firmware/device.h"

_Static_assert((PAGE_LOG_BYTES & (PAGE_LOG_BYTES - 1)) == 0, "the ring wraps by a mask");
_Static_assert(PAGE_LOG + PAGE_LOG_BYTES == REGION_PAGE_BYTES, "the ring ends the page");

static const char level_names[4][10] = { "error: ", "warning: ", "info: ", "debug: " };

void log_begin(void) {
    /* While the page is filled its magic stands inverted (core_begin): the log is good in both. */
    uint32_t magic = page_read(PAGE_MAGIC);
    if (magic != (uint32_t)PAGE_MAGIC_VALUE && magic != ~(uint32_t)PAGE_MAGIC_VALUE)
        page_write(PAGE_LOG_WRITTEN, 0);
    page_write(PAGE_LOG_LEVEL, LOG_LEVEL_INFO);
}

static void add(struct line *line, char c) {
    if (line->used < sizeof line->text - 1) line->text[line->used++] = c; /* the newline's place */
}

struct line *line_text(struct line *line, const char *text) {
    while (*text) add(line, *text++);
    return line;
}

struct line *line_number(struct line *line, uint32_t value, uint32_t width) {
    char digits[10];
    uint32_t count = 0;
    do {
        uint32_t rest = value / 10;
        digits[count++] = (char)('0' + (value - rest * 10));
        value = rest;
    } while (value);
    for (; width > count; width--) add(line, ' ');
    while (count) add(line, digits[--count]);
    return line;
}

static uint32_t size_of(int32_t value) {
    return value < 0 ? 0u - (uint32_t)value : (uint32_t)value;
}

struct line *line_signed(struct line *line, int32_t value) {
    if (value < 0) add(line, '-');
    return line_number(line, size_of(value), 0);
}

struct line *line_hundredths(struct line *line, int32_t value) {
    uint32_t whole = size_of(value) / 100, part = size_of(value) - whole * 100;
    if (value < 0) add(line, '-');
    (void)line_number(line, whole, 0);
    (void)line_text(line, part < 10 ? ".0" : ".");
    return line_number(line, part, 0);
}

struct line *line_hex(struct line *line, uint32_t value) {
    (void)line_text(line, "0x");
    for (int shift = 28; shift >= 0; shift -= 4) add(line, "0123456789abcdef"[value >> shift & 15]);
    return line;
}

void line_begin(struct line *line, uint32_t level) {
    line->level = level;
    line->used = 0;
    (void)line_text(line, "[");
    (void)line_number(line, page_read(PAGE_UPTIME_MS), 7);
    (void)line_text(line, " ms] ");
    (void)line_text(line, level_names[level & 3]);
}

void line_end(struct line *line) {
    if (line->level > page_read(PAGE_LOG_LEVEL)) return;
    line->text[line->used++] = '\n';
    uint32_t written = page_read(PAGE_LOG_WRITTEN);
    for (uint32_t i = 0; i < line->used; i++)
        device_write_byte(REGION_PAGE + PAGE_LOG + ((written + i) & (PAGE_LOG_BYTES - 1)),
                          (uint8_t)line->text[i]);
    page_write(PAGE_LOG_WRITTEN, written + line->used);
}

void log_text(uint32_t level, const char *text) {
    struct line line;
    line_begin(&line, level);
    line_end(line_text(&line, text));
}

void log_numbered(uint32_t level, const char *text, uint32_t value) {
    struct line line;
    line_begin(&line, level);
    line_end(line_number(line_text(&line, text), value, 0));
}
