#include "tests/rtl/scenario.h"
#include "host/base/check.h"
#include "host/base/err.h"
#include "tests/rtl/drive.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    LINE_BYTES = 2048,
    SETUP_LINES_MAX = 256,
    EVENTS_MAX = 1024,
    SLOTS_MAX = 65536,
    SYMBOLS_MAX = 65536,
    WORDS_MAX = 24
};

struct play {
    struct card *card;
    const char *path;
    int line;
    struct command entry[SLOTS_MAX]; /* what was last entered in the slot */
    uint32_t generation[SLOTS_MAX];
    uint64_t last_event[SYMBOLS_MAX]; /* the last one that changed the symbol or its book */
    struct event events[EVENTS_MAX];
    int event_count;
    struct scenario_counts counts;
};

static int bad(const struct play *play, const char *what, const char *word) {
    return err_set(-EINVAL, "%s:%d: %s: %s", play->path, play->line, what,
                   word ? word : "end of line");
}

static bool number(const char *word, int64_t *value) {
    char *end;
    errno = 0;
    *value = word && *word == '-' ? strtoll(word, &end, 0)
                                  : (int64_t)strtoull(word ? word : "", &end, 0);
    return word && *word && !*end && !errno;
}

/* Names to numbers through the tables of the contract. */
static bool named(const char *word, const char *(*name)(unsigned), unsigned *value) {
    for (unsigned i = 0; word && i < 256; i++)
        if (strcmp(name(i), word) == 0) return *value = i, true;
    return false;
}

static bool row_named(unsigned table, const char *word, uint8_t *field) {
    const struct abi_row *row;
    for (*field = 1; (row = abi_row(table, *field)) != NULL; ++*field)
        if (strcmp(row->name, word) == 0) return true;
    return false;
}

/* last_number reads `last`, `last-1` or `last+1`: the symbol's last event, or one near it. */
static bool last_number(const struct play *play, const char *word, uint16_t symbol,
                        int64_t *value) {
    if (!word || strncmp(word, "last", 4) != 0) return false;
    int64_t more = 0;
    if (word[4] == '+' || word[4] == '-' ? !number(word + 5, &more) : word[4] != '\0') return false;
    *value = (int64_t)play->last_event[symbol] + (word[4] == '-' ? -more : more);
    return true;
}

static int split(char *text, char **words) {
    int count = 0;
    for (char *word = strtok(text, " \t\n"); word && count < WORDS_MAX;
         word = strtok(NULL, " \t\n"))
        words[count++] = word;
    words[count] = NULL;
    return count;
}

/* ---- commands
 * ----------------------------------------------------------------------------------------------------
 */

/* set_part writes one part of the command by its name in wire.def. */
static bool set_part(struct command *command, const char *part, int64_t value) {
#define MSG(name, meaning)
#define END(name, size)
#define ALIAS(name, alias, type, offset, meaning)
#define PART(name, p, type, offset, meaning)                         \
    if (sizeof #name == sizeof "command" && strcmp(part, #p) == 0) { \
        type typed = (type)value;                                    \
        memcpy((char *)command + (offset), &typed, sizeof typed);    \
        return true;                                                 \
    }
#include "driver/abi/wire.def"
#undef MSG
#undef END
#undef ALIAS
#undef PART
    return false;
}

static uint16_t order_flag(const char *word) {
    static const struct {
        const char *word;
        uint16_t flag;
    } flags[] = {
        { "ioc", ORDER_IOC },
        { "market", ORDER_MARKET },
        { "fok", ORDER_FOK },
        { "post_only", ORDER_POST_ONLY },
    };
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (strcmp(word, flags[i].word) == 0) return flags[i].flag;
    return 0;
}

static int read_overrides(const struct play *play, char **words, struct command *command) {
    for (; *words; words++) {
        char *equals = strchr(*words, '=');
        int64_t value;
        uint16_t flag = order_flag(*words);
        if (flag) {
            command->flags |= flag;
            continue;
        }
        if (!equals || !number(equals + 1, &value)) return bad(play, "not part=number", *words);
        *equals = '\0';
        if (strcmp(*words, "gen") == 0)
            command->order = abi_handle(abi_slot(command->order), (uint32_t)value & 0xfff);
        else if (!set_part(command, *words, value))
            return bad(play, "no such part of a command", *words);
    }
    return 0;
}

static bool has_word(char **words, const char *word) {
    for (; *words; words++)
        if (strcmp(*words, word) == 0) return true;
    return false;
}

/* read_order reads NEW, CANCEL and REPLACE: slot [side] quantity [@price]. */
static int read_order(const struct play *play, char ***words, struct command *command) {
    char **word = *words;
    uint8_t opcode = command->opcode;
    int64_t slot, quantity, price_e4 = 0;
    if (!number(*word, &slot) || slot < 0 || slot >= SLOTS_MAX)
        return bad(play, "not a slot", *word);
    word++;
    if (opcode != OPCODE_NEW) *command = play->entry[slot];
    command->opcode = opcode;
    uint32_t generation = play->generation[slot];
    command->order = abi_handle(
        (uint32_t)slot, opcode == OPCODE_NEW ? abi_generation_next(generation) : generation);
    if (opcode == OPCODE_NEW) {
        if (!*word || (strcmp(*word, "buy") != 0 && strcmp(*word, "sell") != 0))
            return bad(play, "not buy or sell", *word);
        command->side = strcmp(*word++, "sell") == 0 ? SIDE_SELL : SIDE_BUY;
    }
    if (!number(*word, &quantity)) return bad(play, "not a quantity", *word);
    word++;
    command->quantity = (uint32_t)quantity;
    bool priced = *word && **word == '@';
    if (opcode != OPCODE_CANCEL && (priced || !has_word(word, "market"))) {
        if (!priced || !number(*word + 1, &price_e4)) return bad(play, "not @price", *word);
        word++;
    }
    command->price_e4 = (uint32_t)price_e4;
    *words = word;
    return 0;
}

/* read_row reads SYMBOL, ACCOUNT and POSITION: row [row] FIELD = value. */
static int read_row(const struct play *play, char ***words, struct command *command,
                    unsigned table) {
    char **word = *words;
    int64_t first, second = 0, value;
    if (!number(*word, &first)) return bad(play, "not a row", *word);
    word++;
    if (table == TABLE_POSITION && !number(*word++, &second))
        return bad(play, "not a symbol", word[-1]);
    if (!*word || !row_named(table, *word, &command->field))
        return bad(play, "no such field", *word);
    word++;
    if (!*word || (strcmp(*word, "=") != 0 && strcmp(*word, "+=") != 0))
        return bad(play, "not = or +=", *word);
    command->mode = strcmp(*word++, "=") == 0 ? MODE_SET : MODE_ADJUST;
    if (!number(*word, &value)) return bad(play, "not a value", *word);
    word++;
    command->value = value;
    command->symbol = (uint16_t)(table == TABLE_SYMBOL ? first : second);
    command->account = (uint16_t)(table == TABLE_SYMBOL ? 0 : first);
    *words = word;
    return 0;
}

/* read_index reads the TABLE and rows of KILL, RELEASE and QUERY. */
static int read_index(const struct play *play, char ***words, struct command *command) {
    unsigned table;
    int64_t row[2] = { 0 };
    char **word = *words;
    if (!named(*word, abi_table_name, &table)) return bad(play, "no such table", *word);
    word++;
    for (int i = 0; i < 2 && number(*word, &row[i]); i++) word++;
    command->field = (uint8_t)table;
    if (table == TABLE_SYMBOL) command->symbol = (uint16_t)row[0];
    if (table == TABLE_ACCOUNT || table == TABLE_POSITION) command->account = (uint16_t)row[0];
    if (table == TABLE_POSITION) command->symbol = (uint16_t)row[1];
    if (table == TABLE_ORDER) command->order = (uint32_t)row[0];
    if (table == TABLE_FIRM) command->firm = (uint16_t)row[0];
    if (table == TABLE_SESSION) command->session = (uint16_t)row[0];
    *words = word;
    return 0;
}

/* read_sweep reads part=value of SWEEP's filter and sets the part's bit with it. */
static int read_sweep(const struct play *play, char ***words, struct command *command) {
    static const struct {
        const char *part;
        uint8_t bit;
    } filters[] = {
        { "session=", FILTER_SESSION }, { "firm=", FILTER_FIRM }, { "account=", FILTER_ACCOUNT },
        { "symbol=", FILTER_SYMBOL },   { "side=", FILTER_SIDE },
    };
    char **word = *words;
    for (; *word; word++) {
        uint8_t bit = 0;
        for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
            if (strncmp(*word, filters[i].part, strlen(filters[i].part)) == 0) bit = filters[i].bit;
        if (bit == 0) break;
        int64_t value;
        char *equals = strchr(*word, '=');
        if (!number(equals + 1, &value)) return bad(play, "not part=number", *word);
        *equals = '\0';
        CHECK(set_part(command, *word, value));
        command->mode |= bit;
    }
    *words = word;
    return 0;
}

/* read_uncross reads symbol @price and event=number or last. */
static int read_uncross(const struct play *play, char ***words, struct command *command) {
    char **word = *words;
    int64_t symbol, price_e4;
    if (!number(*word, &symbol)) return bad(play, "not a symbol", *word);
    word++;
    if (!*word || **word != '@' || !number(*word + 1, &price_e4))
        return bad(play, "not @price", *word);
    word++;
    command->symbol = (uint16_t)symbol;
    command->price_e4 = (uint32_t)price_e4;
    bool numbered = *word && strncmp(*word, "event=", 6) == 0;
    if (numbered ? !number(*word + 6, &command->value)
                 : !last_number(play, *word, command->symbol, &command->value))
        return bad(play, "not event=number or last", *word);
    *words = word + 1;
    return 0;
}

static int read_command(const struct play *play, char *text, struct command *command) {
    char *words[WORDS_MAX + 1], **word = words + 1;
    if (split(text, words) == 0) return bad(play, "no command", NULL);
    *command = (struct command){ 0 };
    unsigned opcode;
    bool release = strcmp(words[0], "RELEASE") == 0;
    if (!named(release ? "KILL" : words[0], abi_opcode_name, &opcode))
        return bad(play, "no such command", words[0]);
    command->opcode = (uint8_t)opcode;
    int64_t first;
    int error = 0;
    switch (opcode) {
    case OPCODE_NEW:
    case OPCODE_CANCEL:
    case OPCODE_REPLACE:
        error = read_order(play, &word, command);
        break;
    case OPCODE_SWEEP:
        error = read_sweep(play, &word, command);
        break;
    case OPCODE_UNCROSS:
        error = read_uncross(play, &word, command);
        break;
    case OPCODE_SYMBOL:
        error = read_row(play, &word, command, TABLE_SYMBOL);
        break;
    case OPCODE_ACCOUNT:
        error = read_row(play, &word, command, TABLE_ACCOUNT);
        break;
    case OPCODE_POSITION:
        error = read_row(play, &word, command, TABLE_POSITION);
        break;
    case OPCODE_KILL:
        error = read_index(play, &word, command);
        command->mode = release ? MODE_RELEASE : MODE_KILL;
        break;
    case OPCODE_QUERY:
        error = read_index(play, &word, command);
        break;
    case OPCODE_CREDIT:
        if (!number(word[0], &first) || !number(word[1], &command->value))
            return bad(play, "not an account and a value", word[0]);
        command->account = (uint16_t)first;
        word += 2;
        break;
    default:
        break;
    }
    return error ? error : read_overrides(play, word, command);
}

/* ---- events
 * ------------------------------------------------------------------------------------------------------
 */

static bool part_of(const struct event *event, const char *part, int64_t *value) {
    if (strcmp(part, "order") == 0) return *value = abi_slot(event->order), true;
    if (strcmp(part, "gen") == 0) return *value = abi_generation(event->order), true;
    if (strcmp(part, "maker") == 0) return *value = abi_slot(event_maker(event)), true;
    if (strcmp(part, "maker_leaves") == 0) return *value = event_maker_leaves(event), true;
    if (strcmp(part, "client_ref") == 0) return *value = event_client_ref(event), true;
    if (strcmp(part, "shown") == 0) return *value = event_shown(event), true;
    if (strcmp(part, "ioc") == 0) return *value = !!(event->flags & EVENT_IOC), true;
    if (strcmp(part, "sell") == 0) return *value = !!(event->flags & EVENT_SELL), true;
    if (strcmp(part, "card") == 0) return *value = !!(event->flags & EVENT_CARD), true;
#define MSG(name, meaning)
#define END(name, size)
#define ALIAS(name, alias, type, offset, meaning)
#define PART(name, p, type, offset, meaning)                          \
    if (sizeof #name == sizeof "event" && strcmp(part, #p) == 0) {    \
        type typed;                                                   \
        memcpy(&typed, (const char *)event + (offset), sizeof typed); \
        return *value = (int64_t)typed, true;                         \
    }
#include "driver/abi/wire.def"
#undef MSG
#undef END
#undef ALIAS
#undef PART
    return false;
}

static int differs(const struct play *play, const char *what, const struct event *event) {
    char text[ABI_TEXT_BYTES];
    return err_set(-EPROTO, "%s:%d: %s; the card says %s", play->path, play->line, what,
                   event ? abi_event_text(event, text) : "nothing more");
}

static int check_event(const struct play *play, char *text, const struct event *event) {
    char *words[WORDS_MAX + 1], **word = words + 1;
    unsigned kind, reason = REASON_NONE;
    if (split(text, words) == 0 || !named(words[0], abi_kind_name, &kind))
        return bad(play, "no such event", words[0]);
    if (*word && named(*word, abi_reason_name, &reason)) word++;
    if (!event) return differs(play, "one more event is expected", NULL);
    if (event->kind != kind) return differs(play, "another kind of event is expected", event);
    if (event->reason != reason) return differs(play, "another reason is expected", event);
    for (; *word; word++) {
        char *equals = strchr(*word, '=');
        int64_t want, got;
        if (!equals || !number(equals + 1, &want)) return bad(play, "not part=number", *word);
        *equals = '\0';
        if (!part_of(event, *word, &got)) return bad(play, "no such part of an event", *word);
        char what[128];
        snprintf(what, sizeof what, "%s should be %" PRId64 " and is %" PRId64, *word, want, got);
        if (want != got) return differs(play, what, event);
    }
    return 0;
}

/* changes_symbol: what UNCROSS calls a change of the symbol or its book. */
static bool changes_symbol(const struct event *event) {
    return event->kind == KIND_ACCEPTED || event->kind == KIND_REPLACED ||
           event->kind == KIND_CANCELED || event->kind == KIND_TRADE ||
           event->kind == KIND_RESTATED ||
           ((event->kind == KIND_SET || event->kind == KIND_STATE) && event->table == TABLE_SYMBOL);
}

static void see(void *context, const struct event *event) {
    struct play *play = context;
    CHECK(play->event_count < EVENTS_MAX);
    play->events[play->event_count++] = *event;
    if (changes_symbol(event)) play->last_event[event->symbol] = event->number;
    uint32_t slot = abi_slot(event->order);
    if (event->kind != KIND_ACCEPTED && event->kind != KIND_REPLACED) return;
    CHECK(slot < SLOTS_MAX);
    play->generation[slot] = abi_generation(event->order);
    play->entry[slot] = (struct command){
        .side = event->flags & EVENT_SELL ? SIDE_SELL : SIDE_BUY,
        .symbol = event->symbol,
        .account = event->account,
        .session = event->session,
    };
}

/* ---- the file
 * ----------------------------------------------------------------------------------------------------
 */

static int play_command(struct play *play, const struct command *command) {
    play->event_count = 0;
    int error = drive(play->card, command, see, play);
    if (error) return err_wrap(error, "%s:%d: ", play->path, play->line);
    play->counts.commands++;
    return 0;
}

/* check_row asks for the row that a line with == names, and compares the fields that it names. */
static int check_row(struct play *play, char *text) {
    char *words[WORDS_MAX + 1], **word = words;
    struct command query = { .opcode = OPCODE_QUERY };
    (void)split(text, words);
    int error = read_index(play, &word, &query);
    if (!error) error = play_command(play, &query);
    if (error) return error;
    for (; *word; word += 3) {
        uint8_t field;
        int64_t want;
        if (!row_named(query.field, *word, &field)) return bad(play, "no such field", *word);
        if (!word[1] || strcmp(word[1], "==") != 0) return bad(play, "not ==", word[1]);
        if (!number(word[2], &want) && !last_number(play, word[2], query.symbol, &want))
            return bad(play, "not a value", word[2]);
        if (play->event_count < field) return differs(play, "one more row is expected", NULL);
        const struct event *row = &play->events[field - 1];
        if (row->kind != KIND_ROW || row->table != query.field || row->field != field)
            return differs(play, "another row is expected", row);
        char what[128];
        snprintf(what, sizeof what, "%s should be %" PRId64 " and is %" PRId64, *word, want,
                 row->value);
        if (row->value != want) return differs(play, what, row);
        play->counts.events++;
    }
    return 0;
}

static int run_line(struct play *play, const char *line) {
    char text[LINE_BYTES];
    snprintf(text, sizeof text, "%s", line);
    if (strstr(text, " == ")) return check_row(play, text);
    char *arrow = strstr(text, "->");
    if (!arrow) return bad(play, "no -> and events", text);
    *arrow = '\0';
    struct command command;
    int error = read_command(play, text, &command);
    if (error) return error;
    error = play_command(play, &command);
    if (error) return error;

    char *parts[EVENTS_MAX], *at = arrow + 2;
    int count = 0;
    for (char *next; at; at = next) {
        next = strchr(at, ';');
        if (next) *next++ = '\0';
        if (count == EVENTS_MAX) return bad(play, "too many events", at);
        parts[count++] = at;
    }
    for (int i = 0; i < count; i++) {
        error = check_event(play, parts[i], i < play->event_count ? &play->events[i] : NULL);
        if (error) return error;
        play->counts.events++;
        if (!!(play->events[i].flags & EVENT_END) != (i == play->event_count - 1))
            return differs(play, "the end mark belongs on the last event alone", &play->events[i]);
    }
    if (count < play->event_count)
        return differs(play, "no more events are expected", &play->events[count]);
    return 0;
}

/* reset makes the card fresh and plays the lines above the first scenario. */
static int reset(struct play *play, char (*setup)[LINE_BYTES], int lines) {
    card_write(play->card, REG_CONTROL, CONTROL_RESET);
    for (int polls = 0; !(card_read(play->card, REG_STATUS) & STATUS_INIT_DONE); polls++) {
        struct event event;
        int got = card_poll(play->card, &event, 1);
        if (got < 0) return got;
        if (polls > 1 << 20) return err_set(-ETIMEDOUT, "the card does not come out of reset");
    }
    memset(play->generation, 0, sizeof play->generation);
    memset(play->last_event, 0, sizeof play->last_event);
    for (int i = 0; i < lines; i++) {
        int error = run_line(play, setup[i]);
        if (error) return err_wrap(error, "set-up line %d: ", i + 1);
    }
    return 0;
}

int scenario_run(struct card *card, const char *path, struct scenario_counts *counts) {
    FILE *file = fopen(path, "r");
    if (!file) return err_set(-errno, "%s: %s", path, strerror(errno));
    struct play *play = calloc(1, sizeof *play);
    char(*setup)[LINE_BYTES] = calloc(SETUP_LINES_MAX, sizeof *setup);
    CHECK(play && setup);
    play->card = card;
    play->path = path;
    int setup_lines = 0, error = 0;
    char line[LINE_BYTES];
    while (!error && fgets(line, sizeof line, file)) {
        play->line++;
        line[strcspn(line, "#\n")] = '\0';
        size_t blank = strspn(line, " \t");
        if (line[blank] == '\0') continue;
        if (strncmp(line, "==", 2) == 0) {
            play->counts.scenarios++;
            error = reset(play, setup, setup_lines);
        } else if (play->counts.scenarios == 0) {
            CHECK(setup_lines < SETUP_LINES_MAX);
            memcpy(setup[setup_lines++], line, sizeof line);
        } else {
            error = run_line(play, line);
        }
    }
    (void)fclose(file);
    *counts = play->counts;
    free(setup);
    free(play);
    return error;
}
