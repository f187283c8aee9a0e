/* log.h: lines of text in the page's ring, for people.
 *
 * All that the log knows stands in the page (LOG_WRITTEN, LOG_LEVEL, UPTIME_MS), so that a trap may
 * log from anywhere and the lines of a failed image are still there when the next one begins. */
#ifndef FIRMWARE_LOG_H
#define FIRMWARE_LOG_H

#include "firmware/contract.h"

/* A line being made. What does not fit is left out; the newline always fits. */
struct line {
    uint32_t level; /* LOG_LEVEL_ */
    uint32_t used;
    char text[96];
};

/* log_begin goes on where the ring was left, or begins it where the page was never filled: at
   power-up its memory may hold anything. */
void log_begin(void);

/* line_begin starts a line with the uptime and the level: "[    123 ms] warning: ". */
void line_begin(struct line *line, uint32_t level);

/* These add to it; each returns the line. */
struct line *line_text(struct line *line, const char *text);
struct line *line_number(struct line *line, uint32_t value, uint32_t width); /* padded left */
struct line *line_signed(struct line *line, int32_t value);
struct line *line_hundredths(struct line *line, int32_t value); /* 9250: "92.50" */
struct line *line_hex(struct line *line, uint32_t value);       /* "0x0000006f" */

/* line_end writes it to the ring, unless LOG_LEVEL says that it is too little to be logged.
   LOG_WRITTEN moves when the last byte is there. */
void line_end(struct line *line);

/* log_text is a line of text alone; log_numbered one with a number behind the text. */
void log_text(uint32_t level, const char *text);
void log_numbered(uint32_t level, const char *text, uint32_t value);

#endif /* FIRMWARE_LOG_H */
