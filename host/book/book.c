#include "host/book/book.h"
#include "host/base/check.h"
#include "host/base/err.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

enum { NO_SLOT = UINT32_MAX };

struct slot {
    struct book_order order;
    bool live;
    bool arriving; /* accepted, not yet known to rest: it may be filled or cancelled within its
                      command */
    bool ioc;
    uint32_t previous, next;
};

struct level {
    struct book_level book;
    uint32_t head, tail; /* slots, oldest first */
};

/* One side of one symbol: its levels in an array, the best last, so that changes at the best move
 * little. */
struct side {
    struct level *levels;
    uint32_t count;
};

struct book {
    struct book_size size;
    struct slot *slots;
    struct side *sides; /* symbol * 2 + side */
    struct book_symbol *symbols;
    struct level *memory;
    uint32_t live;
    uint32_t arriving; /* slot of the order whose command is under way; NO_SLOT is none */
};

struct book *book_new(const struct book_size *size) {
    struct book *book = calloc(1, sizeof *book);
    if (!book) return NULL;
    book->size = *size;
    book->arriving = NO_SLOT;
    book->slots = calloc(size->orders, sizeof *book->slots);
    book->sides = calloc((size_t)size->symbols * 2, sizeof *book->sides);
    book->symbols = calloc(size->symbols, sizeof *book->symbols);
    book->memory = calloc((size_t)size->symbols * 2 * size->levels, sizeof *book->memory);
    if (!book->slots || !book->sides || !book->symbols || !book->memory) {
        book_delete(book);
        return NULL;
    }
    for (size_t i = 0; i < (size_t)size->symbols * 2; i++)
        book->sides[i].levels = book->memory + i * size->levels;
    return book;
}

void book_delete(struct book *book) {
    if (!book) return;
    free(book->slots);
    free(book->sides);
    free(book->symbols);
    free(book->memory);
    free(book);
}

/* worse says whether a price lies behind another on a side's queue. */
static bool worse(uint8_t side, uint32_t price_e4, uint32_t than_e4) {
    return side == SIDE_BUY ? price_e4 < than_e4 : price_e4 > than_e4;
}

static struct side *side_of(const struct book *book, uint16_t symbol, uint8_t side) {
    return &book->sides[(size_t)symbol * 2 + side];
}

/* find says where a price's level lies in the array, or belongs. */
static uint32_t find(const struct side *side, uint8_t which, uint32_t price_e4) {
    uint32_t low = 0, high = side->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (worse(which, side->levels[middle].book.price_e4, price_e4))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct level *level_at(const struct side *side, uint8_t which, uint32_t price_e4) {
    uint32_t at = find(side, which, price_e4);
    bool there = at < side->count && side->levels[at].book.price_e4 == price_e4;
    return there ? &side->levels[at] : NULL;
}

/* append puts a slot's order at the end of its level. */
static void append(struct book *book, uint32_t at) {
    struct slot *slot = &book->slots[at];
    const struct book_order *order = &slot->order;
    struct side *side = side_of(book, order->symbol, order->side);
    struct level *level = level_at(side, order->side, order->price_e4);
    if (!level) {
        CHECK(side->count < book->size.levels);
        uint32_t place = find(side, order->side, order->price_e4);
        memmove(&side->levels[place + 1], &side->levels[place],
                (side->count - place) * sizeof *side->levels);
        level = &side->levels[place];
        *level =
            (struct level){ .book.price_e4 = order->price_e4, .head = NO_SLOT, .tail = NO_SLOT };
        side->count++;
    }
    slot->previous = level->tail;
    slot->next = NO_SLOT;
    if (level->tail == NO_SLOT)
        level->head = at;
    else
        book->slots[level->tail].next = at;
    level->tail = at;
    level->book.orders++;
    level->book.shares += order->leaves;
    level->book.displayed += order->displayed;
    slot->live = true;
    book->live++;
}

/* remove_order takes a live order out of its level, and the level away with its last one. */
static void remove_order(struct book *book, uint32_t at) {
    struct slot *slot = &book->slots[at];
    const struct book_order *order = &slot->order;
    struct side *side = side_of(book, order->symbol, order->side);
    struct level *level = level_at(side, order->side, order->price_e4);
    CHECK(level);
    if (slot->previous == NO_SLOT)
        level->head = slot->next;
    else
        book->slots[slot->previous].next = slot->next;
    if (slot->next == NO_SLOT)
        level->tail = slot->previous;
    else
        book->slots[slot->next].previous = slot->previous;
    level->book.orders--;
    level->book.shares -= order->leaves;
    level->book.displayed -= order->displayed;
    if (level->book.orders == 0) {
        uint32_t place = (uint32_t)(level - side->levels);
        memmove(level, level + 1, (side->count - place - 1) * sizeof *level);
        side->count--;
    }
    slot->live = false;
    book->live--;
}

static uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* reduce leaves shares of a live order, so many of them displayed, or takes it off the book. */
static void reduce(struct book *book, uint32_t at, uint32_t leaves, uint32_t displayed) {
    struct book_order *order = &book->slots[at].order;
    if (leaves == 0) {
        remove_order(book, at);
        return;
    }
    struct side *side = side_of(book, order->symbol, order->side);
    struct book_level *level = &level_at(side, order->side, order->price_e4)->book;
    level->shares -= order->leaves - leaves;
    level->displayed -= order->displayed - displayed;
    order->leaves = leaves;
    order->displayed = displayed;
}

/* ---- events
 * ----------------------------------------------------------------------------------------------------
 */

static int contradiction(const struct event *event, const char *why) {
    char text[ABI_TEXT_BYTES];
    return err_set(-EBADMSG, "event %" PRIu64 " contradicts the book: %s: %s", event->number, why,
                   abi_event_text(event, text));
}

/* known finds the order of a handle that rests or is arriving. */
static struct slot *known(struct book *book, uint32_t handle) {
    uint32_t at = abi_slot(handle);
    if (at >= book->size.orders) return NULL;
    struct slot *slot = &book->slots[at];
    return (slot->live || slot->arriving) && slot->order.handle == handle ? slot : NULL;
}

static int entered(struct book *book, const struct event *event) {
    uint32_t at = abi_slot(event->order), generation = abi_generation(event->order);
    if (event->symbol >= book->size.symbols || at >= book->size.orders)
        return contradiction(event, "no such symbol or slot");
    struct slot *slot = &book->slots[at];
    uint32_t executed = event->quantity - event->leaves;
    if (event->leaves == 0 || event->leaves > event->quantity)
        return contradiction(event, "leaves are not from 1 to the total");
    if (event->kind == KIND_ACCEPTED && (slot->live || slot->arriving || executed != 0))
        return contradiction(event, "the slot holds an order");
    if (event->kind == KIND_REPLACED) {
        if (!slot->live || generation != abi_generation_next(abi_generation(slot->order.handle)))
            return contradiction(event, "no order of the generation before");
        if (executed != slot->order.total - slot->order.leaves)
            return contradiction(event, "executed shares differ");
        remove_order(book, at);
    }
    slot->order = (struct book_order){
        .handle = event->order,
        .symbol = event->symbol,
        .account = event->account,
        .session = event->session,
        .side = event->flags & EVENT_SELL ? SIDE_SELL : SIDE_BUY,
        .price_e4 = event->price_e4,
        .total = event->quantity,
        .leaves = event->leaves,
        .client_ref = event_client_ref(event),
        .shown = event_shown(event),
        .entered_ns = event->stamp_ns,
    };
    slot->ioc = event->flags & EVENT_IOC;
    slot->arriving = true;
    book->arriving = at;
    return 0;
}

/* not_first says why a live order could not trade at a price, NULL if it can: it must be the oldest
 * of its side's best level. */
static const char *not_first(struct book *book, const struct slot *slot, uint32_t price_e4) {
    const struct book_order *order = &slot->order;
    const struct side *side = side_of(book, order->symbol, order->side);
    const struct level *top = &side->levels[side->count - 1];
    if (top->book.price_e4 != order->price_e4) return "a better price rests";
    if (top->head != abi_slot(order->handle)) return "an older order rests at this price";
    if (worse(order->side, order->price_e4, price_e4)) return "beyond the order's limit";
    return NULL;
}

static void trade_resting(struct book *book, const struct slot *slot, uint32_t quantity) {
    const struct book_order *order = &slot->order;
    reduce(book, abi_slot(order->handle), order->leaves - quantity, order->displayed - quantity);
}

static int traded(struct book *book, const struct event *event) {
    struct slot *taker = known(book, event->order), *maker = known(book, event_maker(event));
    if (!taker) return contradiction(event, "the incoming order is unknown");
    if (!maker || !maker->live) return contradiction(event, "the resting order is unknown");
    uint8_t other = maker->order.side;
    bool auction = taker->live; /* both rest: an UNCROSS */
    if (other == taker->order.side || maker->order.symbol != taker->order.symbol)
        return contradiction(event, "the orders do not face each other");
    if (auction &&
        (book->symbols[event->symbol].state != SYMBOL_STATE_AUCTION || other != SIDE_SELL))
        return contradiction(event, "resting orders trade, but not in an auction, buyer first");
    if (!auction && maker->order.price_e4 != event->price_e4)
        return contradiction(event, "not the resting order's price");
    const char *why = not_first(book, maker, event->price_e4);
    if (!why && auction) why = not_first(book, taker, event->price_e4);
    if (!why && worse(other, event->price_e4, taker->order.price_e4))
        why = "beyond the order's limit";
    if (why) return contradiction(event, why);
    if (event->quantity == 0 || event->quantity > maker->order.displayed ||
        (auction && event->quantity > taker->order.displayed) ||
        maker->order.leaves != event->quantity + event_maker_leaves(event) ||
        taker->order.leaves != event->quantity + event->leaves)
        return contradiction(event, "shares are lost or made up");
    if (auction)
        trade_resting(book, taker, event->quantity);
    else
        taker->order.leaves -= event->quantity;
    trade_resting(book, maker, event->quantity);
    struct book_symbol *symbol = &book->symbols[event->symbol];
    symbol->last_e4 = event->price_e4;
    symbol->last_quantity = event->quantity;
    symbol->trades++;
    symbol->shares += event->quantity;
    return 0;
}

/* restated: an iceberg's next part is shown, at the back. */
static int restated(struct book *book, const struct event *event) {
    struct slot *slot = known(book, event->order);
    if (!slot || !slot->live) return contradiction(event, "the order is unknown");
    struct book_order *order = &slot->order;
    if (order->displayed != 0 || order->leaves != event->leaves ||
        event->quantity != least(order->shown, order->leaves))
        return contradiction(event, "not what the iceberg shows next");
    uint32_t at = abi_slot(event->order);
    remove_order(book, at);
    order->displayed = event->quantity;
    order->entered_ns = event->stamp_ns;
    append(book, at);
    return 0;
}

static int canceled(struct book *book, const struct event *event) {
    struct slot *slot = known(book, event->order);
    if (!slot) return contradiction(event, "the order is unknown");
    struct book_order *order = &slot->order;
    if (order->leaves != event->quantity + event->leaves)
        return contradiction(event, "shares are lost or made up");
    order->total -= event->quantity;
    if (slot->live)
        reduce(book, abi_slot(event->order), event->leaves, least(order->displayed, event->leaves));
    else
        order->leaves = event->leaves;
    return 0;
}

/* settle ends a command: what is left of its order rests. */
static int settle(struct book *book, const struct event *event) {
    uint32_t at = book->arriving;
    if (at == NO_SLOT) return 0;
    book->arriving = NO_SLOT;
    struct slot *slot = &book->slots[at];
    slot->arriving = false;
    if (slot->order.leaves == 0) return 0;
    slot->order.displayed =
        slot->order.shown > 0 ? least(slot->order.shown, slot->order.leaves) : slot->order.leaves;
    bool matches = book->symbols[slot->order.symbol].state != SYMBOL_STATE_AUCTION;
    const struct side *other = side_of(book, slot->order.symbol, !slot->order.side);
    uint32_t best_e4 = other->count ? other->levels[other->count - 1].book.price_e4 : 0;
    if (slot->ioc) return contradiction(event, "an IOC order would rest");
    if (matches && other->count && !worse(!slot->order.side, best_e4, slot->order.price_e4))
        return contradiction(event, "the order would rest against a price it can trade with");
    append(book, at);
    return 0;
}

int book_event(struct book *book, const struct event *event) {
    int error = 0;
    switch (event->kind) {
    case KIND_ACCEPTED:
    case KIND_REPLACED:
        error = entered(book, event);
        break;
    case KIND_TRADE:
        error = traded(book, event);
        break;
    case KIND_CANCELED:
        error = canceled(book, event);
        break;
    case KIND_RESTATED:
        error = restated(book, event);
        break;
    case KIND_STATE:
        if (event->table == TABLE_SYMBOL && event->symbol < book->size.symbols)
            book->symbols[event->symbol].state = (uint8_t)event->value;
        break;
    default:
        break;
    }
    if (!error && event->flags & EVENT_END) error = settle(book, event);
    return error;
}

/* ---- questions
 * -------------------------------------------------------------------------------------------------
 */

uint32_t book_levels(const struct book *book, uint16_t symbol, uint8_t side,
                     struct book_level *levels, uint32_t levels_max) {
    const struct side *of = side_of(book, symbol, side);
    uint32_t count = of->count < levels_max ? of->count : levels_max;
    for (uint32_t i = 0; i < count; i++) levels[i] = of->levels[of->count - 1 - i].book;
    return count;
}

bool book_order(const struct book *book, uint32_t slot, struct book_order *order) {
    if (slot >= book->size.orders || !book->slots[slot].live) return false;
    *order = book->slots[slot].order;
    return true;
}

uint32_t book_queue(const struct book *book, uint16_t symbol, uint8_t side, uint32_t price_e4,
                    struct book_order *orders, uint32_t orders_max) {
    const struct level *level = level_at(side_of(book, symbol, side), side, price_e4);
    uint32_t count = 0;
    for (uint32_t at = level ? level->head : NO_SLOT; at != NO_SLOT && count < orders_max;
         at = book->slots[at].next)
        orders[count++] = book->slots[at].order;
    return count;
}

struct book_symbol book_symbol(const struct book *book, uint16_t symbol) {
    CHECK(symbol < book->size.symbols);
    return book->symbols[symbol];
}

uint32_t book_live(const struct book *book) { return book->live; }

void book_check(const struct book *book) {
    uint32_t queued = 0;
    for (size_t i = 0; i < (size_t)book->size.symbols * 2; i++) {
        const struct side *side = &book->sides[i];
        for (uint32_t n = 0; n < side->count; n++) {
            const struct level *level = &side->levels[n];
            CHECK(n == 0 || worse(i % 2, side->levels[n - 1].book.price_e4, level->book.price_e4));
            uint32_t orders = 0, previous = NO_SLOT;
            uint64_t shares = 0, displayed = 0;
            for (uint32_t at = level->head; at != NO_SLOT; at = book->slots[at].next) {
                const struct slot *slot = &book->slots[at];
                CHECK(slot->live && slot->previous == previous);
                CHECK(slot->order.price_e4 == level->book.price_e4 && slot->order.leaves > 0);
                CHECK(slot->order.symbol == i / 2 && slot->order.side == i % 2);
                previous = at;
                shares += slot->order.leaves;
                displayed += slot->order.displayed;
                CHECK(slot->order.displayed > 0 && slot->order.displayed <= slot->order.leaves);
                CHECK(++orders <= level->book.orders);
            }
            CHECK(level->tail == previous && orders == level->book.orders && orders > 0);
            CHECK(shares == level->book.shares && displayed == level->book.displayed);
            queued += orders;
        }
    }
    CHECK(queued == book->live);
}
