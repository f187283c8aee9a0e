/* flow.h: order flow: what trading firms would send, row by row, from a file or a generator.
 *
 * Three sources, one kind of row:
 *   LOBSTER message files   time, type, order id, size, price, direction. A visible execution
 * becomes an IOC order from the other side at the maker's price, with the maker noted; a partial
 * cancel becomes REDUCE. CSV                     header `seq,type,order_id,side,price,qty,ioc`,
 * prices in ticks. the generator           generator.h, by the names "stream" and "day". A file's
 * format is found from its first line. Nothing in a file is trusted: an error names the line, the
 * cause and what would be right. Rows that concern orders from before the file began are left out
 * and counted. */
#ifndef HOST_CLIENT_FLOW_H
#define HOST_CLIENT_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum flow_kind {
    FLOW_NEW,     /* enter an order */
    FLOW_CANCEL,  /* take the order off */
    FLOW_REPLACE, /* the order goes to the back with this quantity left and this price */
    FLOW_REDUCE,  /* take quantity off the order; it keeps its place */
};

enum { FLOW_SYMBOL_BYTES = 8, FLOW_TICK_E4 = 100 };

/* Rows of the generator when nobody says how many. */
enum { FLOW_STREAM_ROWS = 310000, FLOW_DAY_ROWS = 60000 };

/* The ids of orders that a reader makes up (an execution has none in LOBSTER) have this bit. */
#define FLOW_ORDER_OWN (UINT64_C(1) << 63)

struct flow_row {
    uint64_t sequence; /* as the source numbers it; LOBSTER: line - 1 */
    uint64_t time_ns;  /* since midnight; 0 in a source without times */
    uint64_t order;    /* the flow's id of the order, unique in the flow */
    uint64_t maker;    /* NEW: the resting order that the source says it trades with; 0 none */
    uint32_t price_e4; /* NEW, REPLACE */
    uint32_t quantity; /* NEW, REPLACE: shares; REDUCE: shares to take off */
    enum flow_kind kind;
    uint8_t side;  /* SIDE_ of driver/abi; NEW only */
    bool ioc;      /* NEW: what does not trade at once is cancelled */
    uint16_t firm; /* who enters it, from 1; 0: whoever plays the flow decides */
    char symbol[FLOW_SYMBOL_BYTES + 1]; /* text, ended by 0 */
};

struct flow_settings {
    const char *symbol; /* of files, which name none: 1 to FLOW_SYMBOL_BYTES characters */
    uint32_t tick_e4;   /* of CSV files, whose prices are in ticks; 1 to LIMIT_TICK_E4_MAX */
    uint64_t seed;      /* of the generator */
    uint64_t rows;      /* most rows to give; 0: all of a file, and of the generator its default */
};

/* What a reader left out, and why. */
struct flow_counts {
    uint64_t rows;             /* given */
    uint64_t hidden;           /* executions of hidden orders */
    uint64_t halts;            /* trading halts and auction trades */
    uint64_t earlier_cancels;  /* cancels and replaces of orders the file did not enter */
    uint64_t earlier_executed; /* executions of orders the file did not enter */
};

struct flow;

/* flow_open opens the source: "stream", "day", or the path of a file, which is read as a whole.
   Returns 0 and a flow that flow_close gives back, or a negative errno and err_text(). */
int flow_open(struct flow **flow, const char *source, const struct flow_settings *settings);

/* flow_open_bytes reads a file's content from memory, which is copied; name is for messages. */
int flow_open_bytes(struct flow **flow, const char *name, const void *bytes, size_t size,
                    const struct flow_settings *settings);

/* flow_close gives back what flow_open took. flow may be NULL. */
void flow_close(struct flow *flow);

/* flow_next fills row. Returns 1, 0 at the end, or -EINVAL and err_text() for a line that makes no
   sense; the flow has then ended. */
int flow_next(struct flow *flow, struct flow_row *row);

/* flow_rows_max bounds the rows that the flow will give, from the start. */
uint64_t flow_rows_max(const struct flow *flow);

/* flow_timed says whether rows carry times. */
bool flow_timed(const struct flow *flow);

/* flow_counts is what was given and left out up to here. */
struct flow_counts flow_counts(const struct flow *flow);

enum { FLOW_TEXT_BYTES = 128 };
#define FLOW_TEXT_HEADER "seq,type,order_id,side,price,qty,ioc\n"

/* flow_row_text writes the row as a line of the CSV form, with its newline, into text of
   FLOW_TEXT_BYTES and returns its length. The price is rounded down to whole ticks. REDUCE is
   written as type D with its quantity, which the CSV reader takes too. */
size_t flow_row_text(const struct flow_row *row, uint32_t tick_e4, char *text);

#endif /* HOST_CLIENT_FLOW_H */
