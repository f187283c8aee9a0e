/* book.h: order-level books folded from events: the same events, the same books.
 *
 * One writer; nothing is allocated after book_new. The fold believes nobody: an event that
 * contradicts the books, a trade ahead of an older order or through a better price among them, is
 * refused and named. */
#ifndef HOST_BOOK_BOOK_H
#define HOST_BOOK_BOOK_H

#include "driver/abi/abi.h"

struct book;

/* Sizes are those of the card whose events are folded. */
struct book_size {
    uint32_t symbols, orders, levels;
};

struct book_order {
    uint32_t handle; /* slot and generation */
    uint16_t symbol, account, session;
    uint8_t side; /* SIDE_ */
    uint32_t price_e4;
    uint32_t total;            /* shares: executed + leaves */
    uint32_t leaves;           /* shares that are open, never 0 */
    uint32_t shown, displayed; /* of an iceberg: how much at a time, or 0; of leaves now */
    uint32_t client_ref;
    uint64_t entered_ns; /* stamp of its place in the queue */
};

struct book_level {
    uint32_t price_e4;
    uint32_t orders;
    uint64_t shares, displayed; /* icebergs: not all of it is displayed */
};

/* What is known of a symbol beside its orders. */
struct book_symbol {
    uint8_t state;                   /* SYMBOL_STATE_ */
    uint32_t last_e4, last_quantity; /* of the last trade; 0 before the first */
    uint64_t trades, shares;         /* traded since book_new */
};

/* book_new makes empty books, as a card is after reset; NULL without memory. book_delete gives them
 * back. */
struct book *book_new(const struct book_size *size);
void book_delete(struct book *book);

/* book_event folds one event. Returns 0, or -EBADMSG and err_text for one that cannot be true of
   these books, which it leaves as they were. Events that concern no book (SET, ROW, ...) are passed
   over. */
int book_event(struct book *book, const struct event *event);

/* book_levels writes up to levels_max levels of a side, the best first, and returns their count. */
uint32_t book_levels(const struct book *book, uint16_t symbol, uint8_t side,
                     struct book_level *levels, uint32_t levels_max);

/* book_order fills order with what rests in the slot, and says whether anything does. */
bool book_order(const struct book *book, uint32_t slot, struct book_order *order);

/* book_queue writes up to orders_max orders of one level, the oldest first, and returns their
 * count. */
uint32_t book_queue(const struct book *book, uint16_t symbol, uint8_t side, uint32_t price_e4,
                    struct book_order *orders, uint32_t orders_max);

/* book_symbol says what is known of a symbol; symbol is below book_size.symbols. */
struct book_symbol book_symbol(const struct book *book, uint16_t symbol);

/* book_live counts the orders that rest, over all symbols. */
uint32_t book_live(const struct book *book);

/* book_check CHECKs that queues, levels and orders agree. Slow; for tests. */
void book_check(const struct book *book);

#endif /* HOST_BOOK_BOOK_H */
