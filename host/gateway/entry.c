#include "host/gateway/entry.h"
#include "host/base/check.h"
#include "host/base/err.h"
#include <errno.h>
#include <stdlib.h>

enum { REJECTS = 64, REASONS = 256, DAY_S = 86400 };
enum { ICEBERG_PARTS_MAX = 256 }; /* of an iceberg's total in what it shows: the card's bound */

/* Liquidity flags of an execution; strategies of an AIQ Canceled, as what became of the order. */
enum { LIQUIDITY_ADDED = 'A', LIQUIDITY_REMOVED = 'R', LIQUIDITY_CROSS = 'O' };
enum { STRATEGY_OLDEST = 'O', STRATEGY_NEWEST = 'W', STRATEGY_DECREMENT = 'D' };

struct session {
    uint32_t used;      /* highest UserRefNum taken, requests under way included */
    uint32_t completed; /* the same, of completed requests only */
};

struct entry {
    const struct config *config;
    struct orders *orders;
    struct session *sessions;
    uint16_t *symbol_buckets; /* open addressing: symbol + 1 */
    uint64_t *symbol_names;   /* as on the wire */
    uint32_t symbol_mask;
    uint64_t refused[REASONS], rejected[REJECTS];
};

/* ---- Tables ---- */

enum on_replace { KEEP, TAKE_OFF, SILENT };

static const struct answer {
    uint16_t reject;
    uint8_t replace;
} answers[REASONS] = {
#define ANSWER(reason, reject, replace) [REASON_##reason] = { OUCH_REJECT_##reject, replace },
#define CANCEL(reason, letter)
#include "host/gateway/reasons.def"
#undef ANSWER
#undef CANCEL
};

static const char cancel_letters[REASONS] = {
#define ANSWER(reason, reject, replace)
#define CANCEL(reason, letter) [REASON_##reason] = OUCH_CANCEL_##letter,
#include "host/gateway/reasons.def"
#undef ANSWER
#undef CANCEL
};

/* ---- Symbols by name ---- */

static uint64_t name_word(const char name[CONFIG_SYMBOL_BYTES]) {
    uint64_t word;
    memcpy(&word, name, sizeof word);
    return word;
}

static uint32_t name_home(const struct entry *entry, uint64_t word) {
    return (uint32_t)((word * 0x9e3779b97f4a7c15u) >> 32) & entry->symbol_mask;
}

static uint32_t name_bucket(const struct entry *entry, uint64_t word) {
    uint32_t bucket = name_home(entry, word);
    while (entry->symbol_buckets[bucket] != 0 &&
           entry->symbol_names[entry->symbol_buckets[bucket] - 1] != word)
        bucket = (bucket + 1) & entry->symbol_mask;
    return bucket;
}

/* The symbol's row, -1 for a name that the configuration does not have. */
static int symbol_find(const struct entry *entry, const char name[CONFIG_SYMBOL_BYTES]) {
    return entry->symbol_buckets[name_bucket(entry, name_word(name))] - 1;
}

/* ---- Making it ---- */

struct entry *entry_new(const struct config *config, const struct card_size *size, uint64_t seed) {
    struct entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL) return NULL;
    uint32_t buckets = 4;
    while (buckets < 2 * config->symbol_count) buckets *= 2;
    entry->config = config;
    entry->symbol_mask = buckets - 1;
    entry->orders = orders_new(size->orders, ENTRY_REQUESTS_MAX, seed);
    entry->sessions = calloc(config->session_count, sizeof *entry->sessions);
    entry->symbol_buckets = calloc(buckets, sizeof *entry->symbol_buckets);
    entry->symbol_names = calloc(config->symbol_count, sizeof *entry->symbol_names);
    if (entry->orders == NULL || entry->sessions == NULL || entry->symbol_buckets == NULL ||
        entry->symbol_names == NULL) {
        entry_delete(entry);
        return NULL;
    }
    for (uint32_t i = 0; i < config->symbol_count; i++) {
        char name[CONFIG_SYMBOL_BYTES];
        ouch_field_put(name, sizeof name, config->symbols[i].name);
        entry->symbol_names[i] = name_word(name);
        entry->symbol_buckets[name_bucket(entry, name_word(name))] = (uint16_t)(i + 1);
    }
    return entry;
}

void entry_delete(struct entry *entry) {
    if (entry == NULL) return;
    orders_delete(entry->orders);
    free(entry->sessions);
    free(entry->symbol_buckets);
    free(entry->symbol_names);
    free(entry);
}

struct orders *entry_orders(struct entry *entry) {
    return entry->orders;
}

uint32_t entry_next_user_ref(const struct entry *entry, uint16_t session) {
    return entry->sessions[session].used + 1;
}

uint64_t entry_refused(const struct entry *entry, uint8_t reason) { return entry->refused[reason]; }

uint64_t entry_rejected(const struct entry *entry, uint16_t reject) {
    return reject < REJECTS ? entry->rejected[reject] : 0;
}

/* ---- What a client asks ---- */

/* The account that a Firm tag chooses: the session's own for blank or the firm's name, another of
   the same firm by that account's name; -1 for any other. */
static int account_choose(const struct entry *entry, uint16_t session, const struct ouch_tag *tag) {
    const struct config *config = entry->config;
    const struct config_session *own = &config->sessions[session];
    char name[CONFIG_FIRM_BYTES + 1];
    CHECK(tag->bytes == CONFIG_FIRM_BYTES);
    ouch_field_text((const char *)tag->value, tag->bytes, name);
    if (name[0] == 0 || strcmp(name, config->firms[own->firm].ouch_firm) == 0) return own->account;
    for (uint32_t i = 0; i < config->account_count; i++)
        if (config->accounts[i].firm == own->firm &&
            strcmp(name, config->accounts[i].ouch_firm) == 0)
            return (int)i;
    return -1;
}

/* What of an option is not offered: the reason to refuse it with, 0 for what means nothing to us or
   nothing at all. The list is in the room's README. */
static uint16_t tag_refusal(const struct ouch_tag *tag) {
    uint64_t value = tag->bytes <= 8 ? ouch_tag_unsigned(tag) : 0;
    switch (tag->number) {
    case OUCH_TAG_FIRM:
    case OUCH_TAG_CUSTOMER_TYPE:
    case OUCH_TAG_GROUP_ID:
    case OUCH_TAG_SHARES_LOCATED:
    case OUCH_TAG_LOCATE_BROKER:
    case OUCH_TAG_MIN_QUANTITY: /* these three are terms_read's */
    case OUCH_TAG_MAX_FLOOR:
    case OUCH_TAG_POST_ONLY:
        return 0;
    case OUCH_TAG_RANDOM_RESERVES:
        return value == 0 ? 0 : OUCH_REJECT_INVALID_MAX_FLOOR;
    case OUCH_TAG_PRICE_TYPE:
        return value == OUCH_PRICE_TYPE_LIMIT ? 0 : OUCH_REJECT_PEGGING_NOT_ALLOWED;
    case OUCH_TAG_PEG_OFFSET:
    case OUCH_TAG_DISCRETION_OFFSET:
        return value == 0 ? 0 : OUCH_REJECT_PEGGING_NOT_ALLOWED;
    case OUCH_TAG_DISCRETION_PRICE:
    case OUCH_TAG_DISCRETION_TYPE:
        return OUCH_REJECT_PEGGING_NOT_ALLOWED;
    case OUCH_TAG_ROUTE:
        return value == 0x20202020 ? 0 : OUCH_REJECT_ROUTING_NOT_ALLOWED;
    case OUCH_TAG_EXPIRE_TIME:
    case OUCH_TAG_USER_REF_INDEX:
        return value == 0 ? 0 : OUCH_REJECT_OTHER;
    case OUCH_TAG_TRADE_NOW:
        return value == OUCH_YES_NO ? 0 : OUCH_REJECT_OTHER;
    case OUCH_TAG_HANDLING:
        return value == OUCH_HANDLING_RETAIL_1 || value == OUCH_HANDLING_RETAIL_2 ||
                       value == OUCH_HANDLING_RETAIL_PRICE
                   ? OUCH_REJECT_RETAIL_NOT_ALLOWED
                   : OUCH_REJECT_OTHER;
    case OUCH_TAG_BBO_WEIGHT:
        return value == OUCH_BBO_WEIGHT_UNSPECIFIED ? 0 : OUCH_REJECT_OTHER;
    default:
        return OUCH_REJECT_OTHER;
    }
}

static uint16_t tags_refusal(struct ouch_tags tags) {
    struct ouch_tag tag;
    while (ouch_tags_next(&tags, &tag)) {
        uint16_t reject = tag_refusal(&tag);
        if (reject != 0) return reject;
    }
    return 0;
}

/* What Enter and Replace have in common. */
struct asked {
    uint32_t quantity;
    uint64_t price_e4;
    char tif, display, sweep;
    struct ouch_tags tags;
};

/* The same as the card has it. */
struct terms {
    uint32_t quantity, price_e4, shown, quantity_min;
    uint16_t flags; /* ORDER_ */
};

static bool at_market(uint64_t price_e4) { return price_e4 >= OUCH_PRICE_MARKET_E4; }

/* What a time in force comes to: an order at the market waits for nobody. */
static char tif_of(char tif, uint64_t price_e4) { return at_market(price_e4) ? OUCH_TIF_IOC : tif; }

static uint64_t tag_or_zero(struct ouch_tags tags, enum ouch_tag_number number) {
    struct ouch_tag tag;
    return ouch_tags_find(tags, number, &tag) ? ouch_tag_unsigned(&tag) : 0;
}

/* What of it we do not offer, or does not go together: the reason to refuse it with; or 0, and
   terms is filled. The card takes all terms that this gives. */
static uint16_t terms_read(const struct asked *asked, struct terms *terms) {
    if (asked->tif != OUCH_TIF_DAY && asked->tif != OUCH_TIF_IOC) return OUCH_REJECT_OTHER;
    if (asked->display != OUCH_DISPLAY_VISIBLE) return OUCH_REJECT_INVALID_DISPLAY;
    if (asked->sweep != OUCH_YES_NO) return OUCH_REJECT_ISO_NOT_ALLOWED;
    uint16_t refusal = tags_refusal(asked->tags);
    if (refusal != 0) return refusal;

    bool market = at_market(asked->price_e4);
    bool ioc = tif_of(asked->tif, asked->price_e4) == OUCH_TIF_IOC;
    bool post_only = tag_or_zero(asked->tags, OUCH_TAG_POST_ONLY) == OUCH_POST_ONLY_POST_ONLY;
    uint32_t quantity_min = (uint32_t)tag_or_zero(asked->tags, OUCH_TAG_MIN_QUANTITY);
    uint32_t shown = (uint32_t)tag_or_zero(asked->tags, OUCH_TAG_MAX_FLOOR);
    bool whole = quantity_min == asked->quantity;
    if (quantity_min > 0 && (!ioc || quantity_min > asked->quantity))
        return OUCH_REJECT_INVALID_MIN_QUANTITY;
    if (shown > 0 &&
        (ioc || shown >= asked->quantity || asked->quantity > (uint64_t)shown * ICEBERG_PARTS_MAX))
        return OUCH_REJECT_INVALID_MAX_FLOOR;
    if (post_only && ioc) return OUCH_REJECT_OTHER;
    *terms = (struct terms){
        .quantity = asked->quantity,
        .price_e4 = market ? 0 : (uint32_t)asked->price_e4,
        .shown = shown,
        .quantity_min = whole ? 0 : quantity_min,
        .flags = (uint16_t)((ioc ? ORDER_IOC : 0) | (market ? ORDER_MARKET : 0) |
                            (whole ? ORDER_FOK : 0) | (post_only ? ORDER_POST_ONLY : 0)),
    };
    return 0;
}

static bool reject(struct entry_request *request, uint16_t reason, bool consumes) {
    request->header.action = ENTRY_REJECT;
    request->header.reject = reason;
    request->header.consumes = consumes;
    return true;
}

/* Uses up the message's reference, or says that it is a retransmission. */
static bool use_reference(struct entry *entry, struct entry_request *request) {
    struct session *session = &entry->sessions[request->session];
    if (request->user_ref <= session->used) return false;
    request->user_ref_before = session->used;
    session->used = request->user_ref;
    return true;
}

/* A command about an order that is known. */
static struct command order_command(uint8_t opcode, const struct order *order) {
    return (struct command){ .opcode = opcode,
                             .side = order->side,
                             .symbol = order->symbol,
                             .account = order->account,
                             .session = order->session,
                             .order = order->handle };
}

static struct command entering_command(uint8_t opcode, const struct order *order, uint32_t handle,
                                       const struct terms *terms) {
    struct command command = order_command(opcode, order);
    command.order = handle;
    command.flags = terms->flags;
    command.quantity = terms->quantity;
    command.price_e4 = terms->price_e4;
    command.shown = terms->shown;
    command.quantity_min = terms->quantity_min;
    command.client_ref = order->user_ref;
    return command;
}

/* Fills an order as an Enter Order says it. */
static void describe_enter(struct order *order, const struct ouch_enter_order *enter, int symbol,
                           int account) {
    order->symbol = (uint16_t)symbol;
    order->account = (uint16_t)account;
    order->side = enter->side == OUCH_SIDE_BUY ? SIDE_BUY : SIDE_SELL;
    order->side_letter = enter->side;
    order->tif = tif_of(enter->tif, enter->price_e4);
    order->display = enter->display;
    order->capacity = enter->capacity;
    order->sweep = enter->sweep;
    order->cross = enter->cross;
    memcpy(order->client_order_id, enter->client_order_id, sizeof order->client_order_id);
}

static void describe_replace(struct order *order, const struct ouch_replace_order *replace) {
    order->tif = tif_of(replace->tif, replace->price_e4);
    order->display = replace->display;
    order->sweep = replace->sweep;
    memcpy(order->client_order_id, replace->client_order_id, sizeof order->client_order_id);
}

static int ask_enter(struct entry *entry, const struct ouch_message *message, uint16_t refusal,
                     struct entry_request *request) {
    const struct ouch_enter_order *enter = &message->enter_order;
    if (!use_reference(entry, request)) return 0;
    if (refusal != 0) return reject(request, refusal, true);

    int symbol = symbol_find(entry, enter->symbol);
    if (symbol < 0) return reject(request, OUCH_REJECT_INVALID_SYMBOL, true);
    if (enter->cross != OUCH_CROSS_CONTINUOUS)
        return reject(request, OUCH_REJECT_INVALID_CROSS, true);
    const struct asked asked = { .quantity = enter->quantity,
                                 .price_e4 = enter->price_e4,
                                 .tif = enter->tif,
                                 .display = enter->display,
                                 .sweep = enter->sweep,
                                 .tags = message->tags };
    struct terms terms;
    refusal = terms_read(&asked, &terms);
    if (refusal != 0) return reject(request, refusal, true);
    struct ouch_tag tag;
    int account = entry->config->sessions[request->session].account;
    if (ouch_tags_find(message->tags, OUCH_TAG_FIRM, &tag))
        account = account_choose(entry, request->session, &tag);
    if (account < 0) return reject(request, OUCH_REJECT_FIRM_NOT_AUTHORIZED, true);

    struct order *order = orders_enter(entry->orders, request->session, request->user_ref);
    if (order == NULL) return reject(request, OUCH_REJECT_PROCESSING_ERROR, true); /* full book */
    describe_enter(order, enter, symbol, account);
    request->order = order;
    request->header.action = ENTRY_COMMAND;
    request->command = entering_command(OPCODE_NEW, order, order->handle, &terms);
    return 1;
}

/* A replacement's handle is only known when the card has said it: the order that it is to replace
   may be replaced by another meanwhile, or die and leave its slot to a third. */
static bool uncertain(const struct order *order) { return order->state == ORDER_CHANGING; }

static void take_off(struct entry_request *request, const struct order *order) {
    request->header.action = ENTRY_COMMAND;
    request->command = order_command(OPCODE_CANCEL, order);
}

static int ask_replace(struct entry *entry, const struct ouch_message *message, uint16_t refusal,
                       struct entry_request *request) {
    const struct ouch_replace_order *replace = &message->replace_order;
    const struct order *old = orders_find(entry->orders, request->session, replace->orig_user_ref);
    if (old == NULL || request->user_ref <= entry->sessions[request->session].used) return false;
    if (uncertain(old)) return -EAGAIN;
    const struct asked asked = { .quantity = replace->quantity,
                                 .price_e4 = replace->price_e4,
                                 .tif = replace->tif,
                                 .display = replace->display,
                                 .sweep = replace->sweep,
                                 .tags = message->tags };
    struct terms terms;
    if (refusal != 0 || terms_read(&asked, &terms) != 0) {
        take_off(request, old);
        return 1;
    }
    (void)use_reference(entry, request);
    struct order *order = orders_change(entry->orders, old, request->user_ref);
    CHECK(order != NULL); /* references rise, and the requests under way are bounded */
    describe_replace(order, replace);
    request->order = order;
    request->header.action = ENTRY_COMMAND;
    request->command = entering_command(OPCODE_REPLACE, order, old->handle, &terms);
    return 1;
}

static int ask_cancel(struct entry *entry, const struct ouch_cancel_order *cancel, uint16_t refusal,
                      struct entry_request *request) {
    const struct order *order = orders_find(entry->orders, request->session, cancel->user_ref);
    if (order == NULL || refusal != 0) return 0;
    if (uncertain(order)) return -EAGAIN;
    take_off(request, order);
    request->command.quantity = cancel->quantity;
    return 1;
}

static void remember(struct entry_request *request, const struct ouch_message *message) {
    request->kind = message->kind;
    switch (message->kind) {
    case OUCH_ENTER_ORDER:
        request->user_ref = message->enter_order.user_ref;
        memcpy(request->client_order_id, message->enter_order.client_order_id,
               sizeof request->client_order_id);
        break;
    case OUCH_REPLACE_ORDER:
        request->user_ref = message->replace_order.user_ref;
        memcpy(request->client_order_id, message->replace_order.client_order_id,
               sizeof request->client_order_id);
        break;
    case OUCH_CANCEL_ORDER:
        request->user_ref = message->cancel_order.user_ref;
        break;
    case OUCH_MODIFY_ORDER:
        request->user_ref = message->modify_order.user_ref;
        break;
    case OUCH_MASS_CANCEL:
        request->user_ref = message->mass_cancel.user_ref;
        break;
    case OUCH_DISABLE_ENTRY:
        request->user_ref = message->disable_entry.user_ref;
        break;
    case OUCH_ENABLE_ENTRY:
        request->user_ref = message->enable_entry.user_ref;
        break;
    default:
        break;
    }
    if (message->tags.bytes > 0) {
        request->tags_at = (uint16_t)(message->tags.at - request->message);
        request->tags_bytes = (uint16_t)message->tags.bytes;
    }
}

/* Starts a request with the message in it. A message that is too long to be one is cut. */
static void start(struct entry_request *request, enum entry_origin origin, uint16_t session,
                  uint64_t time_ns, const uint8_t *message, size_t bytes) {
    /* The message's bytes behind its length are never read: not cleared. */
    request->header = (struct entry_header){ .time_ns = time_ns, .origin = (uint8_t)origin };
    request->session = session;
    request->bytes = (uint16_t)(bytes < ENTRY_MESSAGE_BYTES_MAX ? bytes : ENTRY_MESSAGE_BYTES_MAX);
    request->tags_at = request->tags_bytes = 0;
    request->user_ref = request->user_ref_before = 0;
    request->kind = OUCH_NOTHING;
    request->order = NULL;
    request->command = (struct command){ .opcode = 0 };
    request->read_ns = request->queued_ns = 0;
    memset(request->client_order_id, ' ', sizeof request->client_order_id);
    if (request->bytes > 0) memcpy(request->message, message, request->bytes);
}

int entry_message(struct entry *entry, uint16_t session, const uint8_t *bytes, size_t count,
                  uint64_t time_ns, struct entry_request *request) {
    CHECK(session < entry->config->session_count);
    struct ouch_message message;
    struct ouch_fault fault;
    start(request, ENTRY_CLIENT, session, time_ns, bytes, count);
    if (count > ENTRY_MESSAGE_BYTES_MAX) {
        request->header.over_long = 1;
        return reject(request, OUCH_REJECT_OTHER, false);
    }
    int decoded = ouch_decode(OUCH_IN, request->message, count, &message, &fault);
    if (decoded == -EBADMSG) return reject(request, (uint16_t)fault.reject, false);
    remember(request, &message);
    uint16_t refusal = decoded == 0 ? 0 : (uint16_t)fault.reject;

    switch (message.kind) {
    case OUCH_ENTER_ORDER:
        return ask_enter(entry, &message, refusal, request);
    case OUCH_REPLACE_ORDER:
        return ask_replace(entry, &message, refusal, request);
    case OUCH_CANCEL_ORDER:
        return ask_cancel(entry, &message.cancel_order, refusal, request);
    case OUCH_MODIFY_ORDER:
        /* A Rejected message would name a live order. */
        if (orders_find(entry->orders, session, request->user_ref) == NULL) return false;
        request->header.action = ENTRY_CANCEL_REJECT;
        return true;
    case OUCH_MASS_CANCEL:
        return use_reference(entry, request) &&
               reject(request, OUCH_REJECT_CANCEL_NOT_ALLOWED, true);
    case OUCH_DISABLE_ENTRY:
    case OUCH_ENABLE_ENTRY:
        return use_reference(entry, request) && reject(request, OUCH_REJECT_OTHER, true);
    case OUCH_ACCOUNT_QUERY:
        request->header.action = ENTRY_QUERY;
        return true;
    default:
        return reject(request, OUCH_REJECT_OTHER, false);
    }
}

void entry_withdraw(const struct order *order, uint64_t time_ns, struct entry_request *request) {
    start(request, ENTRY_WITHDRAWAL, order->session, time_ns, NULL, 0);
    take_off(request, order);
}

/* ---- What becomes of it ---- */

struct answering {
    entry_output *output;
    void *context;
    uint64_t midnight_ns; /* time since midnight, UTC */
    const struct event *events;
    uint32_t event_count;
};

static void say(const struct answering *answering, uint16_t session,
                const struct ouch_message *message) {
    uint8_t bytes[OUCH_BYTES_MAX];
    int count = ouch_encode(message, bytes, sizeof bytes);
    CHECK(count > 0);
    answering->output(answering->context, session, bytes, (size_t)count);
}

static struct ouch_tags request_tags(const struct entry_request *request) {
    return (struct ouch_tags){ .at = request->message + request->tags_at,
                               .bytes = request->tags_bytes };
}

static void say_rejected(const struct answering *answering, const struct entry_request *request,
                         uint32_t user_ref, uint16_t reason) {
    struct ouch_message message = { .kind = OUCH_REJECTED };
    message.rejected = (struct ouch_rejected){ .time_ns = answering->midnight_ns,
                                               .user_ref = user_ref,
                                               .reason = reason };
    memcpy(message.rejected.client_order_id, request->client_order_id,
           sizeof request->client_order_id);
    say(answering, request->session, &message);
}

static void symbol_field(const struct entry *entry, uint16_t symbol, char field[8]) {
    memcpy(field, &entry->symbol_names[symbol], sizeof(uint64_t));
}

/* The price that an order is taken at. A market order's is the card's; where the protocol has no
   such price, it is still the market. */
static uint64_t price_taken(const struct event *event) {
    return event->price_e4 > 0 && event->price_e4 <= OUCH_PRICE_MAX_E4 ? event->price_e4
                                                                       : OUCH_PRICE_MARKET_E4;
}

static void say_accepted(const struct entry *entry, const struct answering *answering,
                         const struct entry_request *request, const struct order *order,
                         const struct event *event) {
    struct ouch_message message = { .kind = OUCH_ACCEPTED, .tags = request_tags(request) };
    message.accepted = (struct ouch_accepted){ .time_ns = answering->midnight_ns,
                                               .user_ref = order->user_ref,
                                               .side = order->side_letter,
                                               .quantity = event->quantity,
                                               .price_e4 = price_taken(event),
                                               .tif = order->tif,
                                               .display = order->display,
                                               .order_ref = order->order_ref,
                                               .capacity = order->capacity,
                                               .sweep = order->sweep,
                                               .cross = order->cross,
                                               .state = OUCH_STATE_LIVE };
    symbol_field(entry, order->symbol, message.accepted.symbol);
    memcpy(message.accepted.client_order_id, order->client_order_id, sizeof order->client_order_id);
    say(answering, order->session, &message);
}

static void say_replaced(const struct entry *entry, const struct answering *answering,
                         const struct entry_request *request, const struct order *order,
                         uint32_t orig_user_ref, const struct event *event) {
    struct ouch_message message = { .kind = OUCH_REPLACED, .tags = request_tags(request) };
    message.replaced = (struct ouch_replaced){ .time_ns = answering->midnight_ns,
                                               .orig_user_ref = orig_user_ref,
                                               .user_ref = order->user_ref,
                                               .side = order->side_letter,
                                               .quantity = event->leaves,
                                               .price_e4 = price_taken(event),
                                               .tif = order->tif,
                                               .display = order->display,
                                               .order_ref = order->order_ref,
                                               .capacity = order->capacity,
                                               .sweep = order->sweep,
                                               .cross = order->cross,
                                               .state = OUCH_STATE_LIVE };
    symbol_field(entry, order->symbol, message.replaced.symbol);
    memcpy(message.replaced.client_order_id, order->client_order_id, sizeof order->client_order_id);
    say(answering, order->session, &message);
}

static void say_executed(const struct answering *answering, const struct order *order,
                         const struct event *event, char liquidity) {
    struct ouch_message message = { .kind = OUCH_EXECUTED };
    message.executed = (struct ouch_executed){ .time_ns = answering->midnight_ns,
                                               .user_ref = order->user_ref,
                                               .quantity = event->quantity,
                                               .price_e4 = event->price_e4,
                                               .liquidity = liquidity,
                                               .match = event->number };
    say(answering, order->session, &message);
}

/* The letter of a cancel: whose wish it was stands in the request, anything else in the event. */
static char cancel_letter(const struct entry_request *request, const struct event *event) {
    if (event->reason == REASON_USER && request->header.origin == ENTRY_WITHDRAWAL)
        return OUCH_CANCEL_SUPERVISORY;
    if (event->reason == REASON_USER && request->command.opcode == OPCODE_CANCEL &&
        (request->header.origin == ENTRY_FOLLOW_UP || request->kind == OUCH_REPLACE_ORDER))
        return OUCH_CANCEL_SYSTEM;
    char letter = cancel_letters[event->reason];
    return letter != 0 ? letter : OUCH_CANCEL_SYSTEM;
}

static bool prevented(const struct event *event) {
    return event->kind == KIND_CANCELED && event->reason == REASON_SELF_TRADE;
}

/* What was left of the incoming order before an event of its command: each event that concerns it
   says what is left behind it. */
static uint32_t incoming_leaves(const struct answering *answering, const struct event *event) {
    const struct event *before = event - 1;
    while (before->order != answering->events[0].order) before--;
    return before->leaves;
}

/* A resting order and the incoming one of its firm have met. Both are told of the meeting, if both
   lost shares by it; an incoming order that goes alone has met one that the card does not name:
   quantity and price are 0 then. */
static void say_prevented(const struct answering *answering, const struct order *order,
                          const struct event *event) {
    const struct event *events = answering->events;
    CHECK(events[0].kind == KIND_ACCEPTED || events[0].kind == KIND_REPLACED);
    bool incoming = event->order == events[0].order;
    const struct event *other = incoming ? event - 1 : event + 1;
    bool both = other < events + answering->event_count && prevented(other) &&
                (other->order == events[0].order) != incoming;
    const struct event *resting = incoming ? other : event;
    uint32_t quantity = 0, left = incoming_leaves(answering, incoming && both ? other : event);
    if (!incoming || both) quantity = resting->quantity < left ? resting->quantity : left;
    char alone = incoming ? STRATEGY_NEWEST : STRATEGY_OLDEST;
    struct ouch_message message = { .kind = OUCH_AIQ_CANCELED };
    message.aiq_canceled = (struct ouch_aiq_canceled){
        .time_ns = answering->midnight_ns,
        .user_ref = order->user_ref,
        .quantity = event->quantity,
        .reason = OUCH_CANCEL_SELF_MATCH,
        .quantity_prevented = quantity,
        .price_e4 = quantity > 0 ? resting->price_e4 : 0,
        .liquidity = incoming ? LIQUIDITY_REMOVED : LIQUIDITY_ADDED,
        .strategy = both && other->quantity == event->quantity ? STRATEGY_DECREMENT : alone,
    };
    say(answering, order->session, &message);
}

static void on_canceled(struct entry *entry, const struct answering *answering,
                        const struct entry_request *request, const struct event *event) {
    struct order *order = orders_live(entry->orders, event->order);
    CHECK(order != NULL);
    struct ouch_message message = { .kind = OUCH_CANCELED };
    message.canceled = (struct ouch_canceled){ .time_ns = answering->midnight_ns,
                                               .user_ref = order->user_ref,
                                               .quantity = event->quantity,
                                               .reason = cancel_letter(request, event) };
    /* A cancel to a size that the order does not exceed takes nothing off and is not answered. */
    if (prevented(event))
        say_prevented(answering, order, event);
    else if (event->quantity > 0)
        say(answering, order->session, &message);
    if (event->leaves == 0) orders_drop(entry->orders, order);
}

/* An iceberg shows its next part. */
static void on_restated(struct entry *entry, const struct answering *answering,
                        const struct event *event) {
    const struct order *order = orders_live(entry->orders, event->order);
    CHECK(order != NULL);
    uint8_t tags[OUCH_TAGS_BYTES_MAX];
    size_t bytes = ouch_tag_encode(tags, OUCH_TAG_DISPLAY_QUANTITY, event->quantity);
    struct ouch_message message = { .kind = OUCH_RESTATED, .tags = { .at = tags, .bytes = bytes } };
    message.restated = (struct ouch_restated){ .time_ns = answering->midnight_ns,
                                               .user_ref = order->user_ref,
                                               .reason = OUCH_RESTATED_REFRESH };
    say(answering, order->session, &message);
}

static void fill(struct entry *entry, const struct answering *answering, const struct event *event,
                 uint32_t handle, uint32_t leaves, char liquidity) {
    struct order *order = orders_live(entry->orders, handle);
    CHECK(order != NULL);
    say_executed(answering, order, event, liquidity);
    if (leaves == 0) orders_drop(entry->orders, order);
}

/* In an UNCROSS both orders rested. */
static void on_trade(struct entry *entry, const struct answering *answering,
                     const struct entry_request *request, const struct event *event) {
    bool cross = request->command.opcode == OPCODE_UNCROSS;
    fill(entry, answering, event, event_maker(event), event_maker_leaves(event),
         cross ? LIQUIDITY_CROSS : LIQUIDITY_ADDED);
    fill(entry, answering, event, event->order, event->leaves,
         cross ? LIQUIDITY_CROSS : LIQUIDITY_REMOVED);
}

static void on_accepted(struct entry *entry, const struct answering *answering,
                        struct entry_request *request, const struct event *event) {
    struct order *order = request->order;
    CHECK(order != NULL);
    CHECK(order->handle == event->order);
    request->order = NULL;
    order->order_ref = event->command;
    if (event->kind == KIND_ACCEPTED) {
        orders_accept(entry->orders, order);
        say_accepted(entry, answering, request, order, event);
        return;
    }
    const struct order *old = orders_live(entry->orders, request->command.order);
    CHECK(old != NULL);
    uint32_t orig_user_ref = old->user_ref;
    orders_accept(entry->orders, order);
    say_replaced(entry, answering, request, order, orig_user_ref, event);
}

/* The reference of a replacement that came to nothing may be used again, unless a later one has
 * been. */
static void unuse_reference(struct entry *entry, struct entry_request *request) {
    struct session *session = &entry->sessions[request->session];
    if (session->used == request->user_ref) session->used = request->user_ref_before;
    request->user_ref = 0;
}

/* True when follow_up has to take off the order that stays. */
static bool on_rejected(struct entry *entry, const struct answering *answering,
                        struct entry_request *request, const struct event *event,
                        struct entry_request *follow_up) {
    uint16_t session = request->session;
    if (request->command.opcode == OPCODE_NEW) {
        entry->refused[event->reason]++;
        say_rejected(answering, request, request->user_ref, answers[event->reason].reject);
        return false;
    }
    if (request->command.opcode != OPCODE_REPLACE) return false; /* of a dead order: silence */

    enum on_replace on_replace = (enum on_replace)answers[event->reason].replace;
    if (on_replace != SILENT) entry->refused[event->reason]++;
    switch (on_replace) {
    case KEEP:
        say_rejected(answering, request, request->user_ref, answers[event->reason].reject);
        return false;
    case SILENT:
        unuse_reference(entry, request);
        return false;
    case TAKE_OFF:
        break;
    }
    unuse_reference(entry, request);
    start(follow_up, ENTRY_FOLLOW_UP, session, event->stamp_ns, NULL, 0);
    follow_up->header.action = ENTRY_COMMAND;
    follow_up->command = (struct command){ .opcode = OPCODE_CANCEL,
                                           .side = request->command.side,
                                           .symbol = request->command.symbol,
                                           .account = request->command.account,
                                           .session = session,
                                           .order = request->command.order };
    return true;
}

/* What is answered without the card. */
static void complete_here(struct entry *entry, const struct answering *answering,
                          const struct entry_request *request) {
    struct ouch_message message = { .kind = OUCH_NOTHING };
    switch (request->header.action) {
    case ENTRY_REJECT:
        if (request->header.reject < REJECTS) entry->rejected[request->header.reject]++;
        say_rejected(answering, request, request->header.consumes ? request->user_ref : 0,
                     request->header.reject);
        break;
    case ENTRY_CANCEL_REJECT:
        message.kind = OUCH_CANCEL_REJECT;
        message.cancel_reject = (struct ouch_cancel_reject){ .time_ns = answering->midnight_ns,
                                                             .user_ref = request->user_ref };
        say(answering, request->session, &message);
        break;
    case ENTRY_QUERY:
        message.kind = OUCH_ACCOUNT_QUERY_RESPONSE;
        message.account_query_response = (struct ouch_account_query_response){
            .time_ns = answering->midnight_ns,
            .next_user_ref = entry->sessions[request->session].completed + 1
        };
        say(answering, request->session, &message);
        break;
    default:
        break; /* for the record only */
    }
}

static bool on_event(struct entry *entry, const struct answering *answering,
                     struct entry_request *request, const struct event *event,
                     struct entry_request *follow_up) {
    switch (event->kind) {
    case KIND_ACCEPTED:
    case KIND_REPLACED:
        on_accepted(entry, answering, request, event);
        return false;
    case KIND_REJECTED:
        return on_rejected(entry, answering, request, event, follow_up);
    case KIND_CANCELED:
        on_canceled(entry, answering, request, event);
        return false;
    case KIND_TRADE:
        on_trade(entry, answering, request, event);
        return false;
    case KIND_RESTATED:
        on_restated(entry, answering, event);
        return false;
    default:
        return false; /* rows and states concern no order; of a sweep each order has been told */
    }
}

bool entry_complete(struct entry *entry, struct entry_request *request, const struct event *events,
                    uint32_t event_count, entry_output *output, void *context,
                    struct entry_request *follow_up) {
    struct answering answering = {
        .output = output, .context = context, .events = events, .event_count = event_count
    };
    uint64_t time_ns = event_count > 0 ? events[0].stamp_ns : request->header.time_ns;
    answering.midnight_ns = time_ns % (DAY_S * UINT64_C(1000000000));

    bool follows = false;
    if (request->header.action != ENTRY_COMMAND) complete_here(entry, &answering, request);
    for (uint32_t i = 0; i < event_count; i++)
        if (on_event(entry, &answering, request, &events[i], follow_up)) follows = true;
    if (request->order != NULL) { /* refused, or replaced by nothing */
        orders_drop(entry->orders, request->order);
        request->order = NULL;
    }
    if (request->header.origin != ENTRY_CLIENT) return follows;

    bool consumes = request->header.action == ENTRY_COMMAND
                        ? request->command.opcode != OPCODE_CANCEL && request->user_ref != 0
                        : request->header.consumes != 0;
    struct session *session = &entry->sessions[request->session];
    if (consumes && request->user_ref > session->completed) session->completed = request->user_ref;
    return follows;
}

/* ---- From a journal ---- */

static int restore_order(struct entry *entry, const struct ouch_message *message,
                         struct entry_request *request) {
    const struct command *command = &request->command;
    if (message->kind == OUCH_ENTER_ORDER && command->opcode == OPCODE_NEW) {
        int symbol = symbol_find(entry, message->enter_order.symbol);
        if (symbol != command->symbol || command->account >= entry->config->account_count)
            return err_set(-EBADMSG, "an order's symbol or account is not the configuration's");
        struct order *order =
            orders_enter_at(entry->orders, request->session, request->user_ref, command->order);
        if (order == NULL)
            return err_set(-EBADMSG, "order %u of session %u cannot have handle %08x",
                           request->user_ref, request->session, command->order);
        describe_enter(order, &message->enter_order, symbol, command->account);
        request->order = order;
        return 0;
    }
    if (message->kind == OUCH_REPLACE_ORDER && command->opcode == OPCODE_REPLACE) {
        /* An order that died while this was under way is gone; the card refuses it again. */
        const struct order *old = orders_live(entry->orders, command->order);
        if (old == NULL) return 0;
        request->order = orders_change(entry->orders, old, request->user_ref);
        if (request->order == NULL)
            return err_set(-EBADMSG, "order %u of session %u is there twice", request->user_ref,
                           request->session);
        describe_replace(request->order, &message->replace_order);
        return 0;
    }
    if (command->opcode == OPCODE_CANCEL) return 0;
    return err_set(-EBADMSG, "a message that is no %s asked for one",
                   abi_opcode_name(command->opcode));
}

int entry_restore(struct entry *entry, uint16_t session, const uint8_t *input, size_t bytes,
                  const struct command *command, struct entry_request *request) {
    struct entry_header header;
    if (session >= entry->config->session_count)
        return err_set(-EBADMSG, "session %u is not in the configuration", session);
    if (bytes < sizeof header || bytes > sizeof header + ENTRY_MESSAGE_BYTES_MAX)
        return err_set(-EBADMSG, "an input record of %zu bytes", bytes);
    memcpy(&header, input, sizeof header);
    start(request, header.origin, session, header.time_ns, input + sizeof header,
          bytes - sizeof header);
    request->header = header;
    if (header.origin < ENTRY_CLIENT || header.origin > ENTRY_FOLLOW_UP)
        return err_set(-EBADMSG, "an input record of origin %u", header.origin);
    if (header.action < ENTRY_COMMAND || header.action > ENTRY_DISCONNECT)
        return err_set(-EBADMSG, "an input record with action %u", header.action);
    if (header.over_long > (header.action == ENTRY_REJECT))
        return err_set(-EBADMSG, "an input record that is over-long and was not refused for it");

    struct ouch_message message = { .kind = OUCH_NOTHING };
    struct ouch_fault fault;
    bool named =
        header.origin == ENTRY_CLIENT && header.action <= ENTRY_QUERY && header.over_long == 0;
    if (named &&
        ouch_decode(OUCH_IN, request->message, request->bytes, &message, &fault) != -EBADMSG)
        remember(request, &message);
    request->user_ref_before = entry->sessions[session].used;
    if (header.action != ENTRY_COMMAND) {
        if (header.consumes && request->user_ref > entry->sessions[session].used)
            entry->sessions[session].used = request->user_ref;
        return 0;
    }
    if (command == NULL) return err_set(-EBADMSG, "an input record without its command");
    request->command = *command;
    if (command->session != session || command->origin != ORIGIN_HOST ||
        (command->opcode != OPCODE_NEW && command->opcode != OPCODE_CANCEL &&
         command->opcode != OPCODE_REPLACE))
        return err_set(-EBADMSG, "session %u's input is followed by another's command", session);
    if (header.origin != ENTRY_CLIENT) {
        if (command->opcode == OPCODE_CANCEL) return 0;
        return err_set(-EBADMSG, "the gateway itself asks for no %s",
                       abi_opcode_name(command->opcode));
    }
    if (command->opcode != OPCODE_CANCEL && request->user_ref > entry->sessions[session].used)
        entry->sessions[session].used = request->user_ref;
    return restore_order(entry, &message, request);
}

void entry_settle(struct entry *entry) {
    orders_settle(entry->orders);
    for (uint32_t i = 0; i < entry->config->session_count; i++)
        entry->sessions[i].used = entry->sessions[i].completed;
}
