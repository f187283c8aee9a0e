/* table: rows of text in columns that fit the terminal, and the little texts that stand in them.
 *
 * What is too wide loses columns by rank, then the flexible column is cut with "..". In a column on
 * the right decimal points stand below each other. Colour is the caller's decision. */
#ifndef HOST_CLI_TABLE_H
#define HOST_CLI_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum table_color { TABLE_PLAIN, TABLE_BOLD, TABLE_DIM, TABLE_GREEN, TABLE_YELLOW, TABLE_RED };

struct table_column {
    const char *title;
    bool right;    /* numbers */
    uint8_t rank;  /* 0 stays; of the others the highest goes first */
    bool flexible; /* may be cut; at most one column */
};

struct table;

/* The columns of an array and how many there are, as table_new takes them. */
#define TABLE_COLUMNS(columns) (columns), (uint32_t)(sizeof(columns) / sizeof *(columns))

/* table_new makes an empty table; columns stay the caller's. It ends the process without memory, as
   a command line tool may. table_delete gives it back. */
struct table *table_new(const struct table_column *columns, uint32_t count);
void table_delete(struct table *table);

/* table_cell adds the next cell, row after row; table_paint colours it. */
void table_cell(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
void table_paint(struct table *table, enum table_color color);

/* table_print writes the table in at most width columns, 0 for as many as it takes, and nothing but
   text unless color. A table without rows prints empty, where that is not NULL. */
void table_print(const struct table *table, FILE *out, uint32_t width, bool color,
                 const char *empty);

enum { TEXT_BYTES = 40 };

/* text_money writes 1/10000 units as "-1,234.50": two decimals, four where they are needed.
   text_count writes "1,234,567"; text_bar up to width marks for part of whole, at least one for
   more than nothing; text_time a time since the epoch as "14:03:59.123456" in UTC. All return text,
   of TEXT_BYTES but for text_bar, of width + 1. */
char *text_money(int64_t value_e4, char *text);
char *text_count(int64_t value, char *text);
char *text_bar(uint64_t part, uint64_t whole, uint32_t width, char *text);
char *text_time(int64_t time_ns, char *text);

/* text_duration writes nanoseconds as "850 ns", "12.3 us", "4.5 ms", "2.0 s". */
char *text_duration(uint64_t ns, char *text);

/* text_paint starts a colour, TABLE_PLAIN ends it; nothing unless color. */
const char *text_paint(enum table_color paint, bool color);

#endif /* HOST_CLI_TABLE_H */
