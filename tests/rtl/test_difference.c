/* test_difference: lock-step over a soft card that can be made to lie. Whatever it lies about is
 * found, and what it says truly is not. */
#include "host/base/err.h"
#include "host/softcard/softcard.h"
#include "sim/lockstep.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

static const char *const directory = "build/test_difference/deep";

/* A card between lock-step and the soft card. */
struct liar {
    struct card card;
    struct card *inner;
    uint64_t at;       /* number of the event that is changed; 0 is none */
    unsigned byte;     /* which of its bytes */
    bool drop, repeat; /* the event is left out, or said twice */
    int poll_error;
};

static struct liar *liar_of(struct card *card) { return (struct liar *)(void *)card; }

static int liar_push(struct card *card, const struct command *command) {
    return card_push(liar_of(card)->inner, command);
}

static int liar_poll(struct card *card, struct event *events, uint32_t events_max) {
    struct liar *liar = liar_of(card);
    if (liar->poll_error != 0) return err_set(liar->poll_error, "the liar is silent");
    if (events_max < 2) return 0;
    int count = card_poll(liar->inner, events, 1);
    if (count != 1 || events[0].number != liar->at) return count;
    if (liar->drop) return card_poll(liar->inner, events, 1);
    if (liar->repeat) {
        events[1] = events[0];
        return 2;
    }
    ((uint8_t *)events)[liar->byte] ^= 0x10;
    return count;
}

static uint32_t liar_read(struct card *card, uint32_t reg) {
    return card_read(liar_of(card)->inner, reg);
}

static void liar_write(struct card *card, uint32_t reg, uint32_t value) {
    card_write(liar_of(card)->inner, reg, value);
}

static void liar_close(struct card *card) {
    card_close(liar_of(card)->inner);
    free(liar_of(card));
}

static unsigned told; /* how often on_difference was called */

static const char *tell(void *context, const char *where) {
    assert_ptr_equal(context, &told);
    assert_string_equal(where, directory);
    told++;
    return "told";
}

static struct card *lying_open(struct liar **liar) {
    static const struct card_operations operations = {
        .push = liar_push,
        .poll = liar_poll,
        .read = liar_read,
        .write = liar_write,
        .close = liar_close,
    };
    static const struct card_size small = {
        .symbols = 4, .accounts = 8, .orders = 64, .levels = 64
    };
    *liar = calloc(1, sizeof **liar);
    assert_non_null(*liar);
    assert_int_equal(softcard_open(&small, &(*liar)->inner), 0);
    (*liar)->card =
        (struct card){ .operations = &operations, .size = (*liar)->inner->size, .name = "liar" };
    const struct lockstep_options options = { .directory = directory,
                                              .on_difference = tell,
                                              .context = &told };
    struct card *card;
    assert_int_equal(lockstep_open(&(*liar)->card, &options, &card), 0);
    assert_ptr_equal(lockstep_inner(card), &(*liar)->card);
    assert_null(lockstep_inner(&(*liar)->card));
    return card;
}

static const struct command nop = { .opcode = OPCODE_NOP, .stamp_ns = 1234 };
static const struct command query = { .opcode = OPCODE_QUERY, .field = TABLE_SYMBOL };
static const struct command release = {
    .opcode = OPCODE_KILL,
    .field = TABLE_ENGINE,
    .mode = MODE_RELEASE,
};
static const struct command recorded = {
    .opcode = OPCODE_KILL,
    .origin = ORIGIN_CARD,
    .field = TABLE_ENGINE,
};

/* Polls until nothing comes; the count of events, or what poll failed with. */
static int poll_all(struct card *card) {
    struct event events[8];
    int all = 0;
    for (;;) {
        int count = card_poll(card, events, 8);
        if (count <= 0) return count < 0 ? count : all;
        all += count;
    }
}

static void push(struct card *card, struct command command) {
    assert_int_equal(card_push(card, &command), 0);
}

static bool file_says(const char *name, const char *text) {
    char path[256];
    static char content[1 << 16];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "r");
    if (file == NULL) return false;
    size_t length = fread(content, 1, sizeof content - 1, file);
    fclose(file);
    content[length] = 0;
    return strstr(content, text) != NULL;
}

static void files_remove(void) {
    char path[256];
    snprintf(path, sizeof path, "%s/difference.txt", directory);
    remove(path);
    snprintf(path, sizeof path, "%s/commands.txt", directory);
    remove(path);
}

static void an_honest_card_passes(void **state) {
    (void)state;
    struct liar *liar;
    struct card *card = lying_open(&liar);
    push(card, nop);
    push(card, query);
    push(card, (struct command){ .opcode = 200 });
    push(card, recorded);
    assert_int_equal(poll_all(card), 3 + ROW_SYMBOL_LAST_EVENT);
    card_go_live(card);
    card_set_time(card, 5555);
    push(card, release);
    push(card, nop);
    assert_int_equal(poll_all(card), 2);
    struct lockstep_counts counts = lockstep_counts(card);
    assert_int_equal(counts.commands, 6);
    assert_int_equal(counts.events, 5 + ROW_SYMBOL_LAST_EVENT);
    assert_int_equal(counts.differences, 0);
    assert_string_equal(card->name, "liar");
    assert_int_equal(card->size.orders, 64);
    card_close(card);
}

static void the_gate_closing_by_itself_is_no_difference(void **state) {
    (void)state;
    struct liar *liar;
    struct card *card = lying_open(&liar);
    card_go_live(card);
    push(card, release);
    assert_int_equal(poll_all(card), 1);
    push(card, nop);
    card_kill(card);
    push(card, nop);
    assert_int_equal(poll_all(card), 3);
    push(card, recorded); /* malformed: the host may not say so now */
    assert_int_equal(poll_all(card), 1);
    assert_int_equal(lockstep_counts(card).commands, 5);
    card_close(card);
}

static void commands_pushed_before_and_polled_behind_going_live_are_compared(void **state) {
    (void)state;
    struct liar *liar;
    struct card *card = lying_open(&liar);
    push(card, recorded);
    push(card, nop);
    card_go_live(card);
    assert_int_equal(poll_all(card), 2);
    assert_int_equal(lockstep_counts(card).differences, 0);
    card_close(card);
}

static void every_byte_counts_but_for_the_envelope(void **state) {
    (void)state;
    for (unsigned byte = 0; byte < sizeof(struct event); byte++) {
        struct liar *liar;
        struct card *card = lying_open(&liar);
        liar->at = 2;
        liar->byte = byte;
        push(card, nop);
        push(card, nop);
        push(card, nop);
        const bool envelope = byte >= LIMIT_EVENT_BYTES;
        assert_int_equal(poll_all(card), envelope ? 3 : -EPROTO);
        assert_int_equal(lockstep_counts(card).differences, envelope ? 0 : 1);
        assert_int_equal(lockstep_counts(card).events, envelope ? 3 : 1);
        card_close(card);
    }
}

static void a_difference_is_written_down_and_stops_the_card(void **state) {
    (void)state;
    files_remove();
    told = 0;
    struct liar *liar;
    struct card *card = lying_open(&liar);
    liar->at = 2;
    liar->byte = offsetof(struct event, value);
    push(card, nop);
    push(card, nop);
    push(card, query);
    assert_int_equal(poll_all(card), -EPROTO);
    assert_non_null(strstr(err_text(), "event 2 of card liar"));
    assert_non_null(strstr(err_text(), "told"));
    assert_int_equal(told, 1);
    assert_true(file_says("difference.txt", "equal before it: 1 commands, 1 events"));
    assert_true(file_says("difference.txt", "command 2: NOP stamp_ns=1234"));
    assert_true(file_says("difference.txt", "card says: SET number=2 command=2"));
    assert_true(file_says("difference.txt", "value=16"));
    assert_true(file_says("difference.txt", "engine says: SET number=2 command=2"));
    assert_true(file_says("difference.txt", "bytes that differ: 48\n"));
    assert_true(file_says("commands.txt", "1 NOP stamp_ns=1234\n2 NOP stamp_ns=1234\n"));
    assert_true(file_says("commands.txt", "- QUERY field=1\n"));

    assert_int_equal(poll_all(card), -EPROTO);
    assert_int_equal(card_push(card, &nop), -EPROTO);
    assert_int_equal(told, 1);

    liar->at = 0;
    card_write(card, REG_CONTROL, CONTROL_RESET);
    push(card, nop);
    assert_int_equal(poll_all(card), 1);
    assert_int_equal(lockstep_counts(card).differences, 1);
    card_close(card);
}

static void an_event_left_out_is_found(void **state) {
    (void)state;
    struct liar *liar;
    struct card *card = lying_open(&liar);
    liar->at = 2;
    liar->drop = true;
    push(card, query);
    assert_int_equal(poll_all(card), -EPROTO);
    card_close(card);
}

static void an_event_too_many_is_found(void **state) {
    (void)state;
    files_remove();
    struct liar *liar;
    struct card *card = lying_open(&liar);
    liar->at = 1;
    liar->repeat = true;
    push(card, nop);
    assert_int_equal(poll_all(card), -EPROTO);
    assert_non_null(strstr(err_text(), "without a command"));
    assert_true(file_says("difference.txt", "engine says: no event"));
    card_close(card);
}

static void a_card_that_stops_leaves_its_commands(void **state) {
    (void)state;
    files_remove();
    told = 0;
    struct liar *liar;
    struct card *card = lying_open(&liar);
    push(card, nop);
    assert_int_equal(poll_all(card), 1);
    push(card, query);
    liar->poll_error = -EIO;
    assert_int_equal(poll_all(card), -EIO);
    assert_non_null(strstr(err_text(), "the liar is silent"));
    assert_int_equal(told, 1);
    assert_true(file_says("commands.txt", "1 NOP"));
    assert_true(file_says("commands.txt", "- QUERY"));
    assert_int_equal(lockstep_counts(card).differences, 0);
    assert_int_equal(poll_all(card), -EIO);
    assert_int_equal(told, 1);
    card_close(card);
}

static void a_full_window_is_passed_on(void **state) {
    (void)state;
    struct liar *liar;
    struct card *card = lying_open(&liar);
    for (unsigned i = 0; i < LIMIT_WINDOW_SLOTS; i++) push(card, nop);
    assert_int_equal(card_push(card, &nop), -EAGAIN);
    assert_int_equal(poll_all(card), LIMIT_WINDOW_SLOTS);
    assert_int_equal(lockstep_counts(card).commands, LIMIT_WINDOW_SLOTS);
    card_close(card);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_honest_card_passes),
        cmocka_unit_test(the_gate_closing_by_itself_is_no_difference),
        cmocka_unit_test(commands_pushed_before_and_polled_behind_going_live_are_compared),
        cmocka_unit_test(every_byte_counts_but_for_the_envelope),
        cmocka_unit_test(a_difference_is_written_down_and_stops_the_card),
        cmocka_unit_test(an_event_left_out_is_found),
        cmocka_unit_test(an_event_too_many_is_found),
        cmocka_unit_test(a_card_that_stops_leaves_its_commands),
        cmocka_unit_test(a_full_window_is_passed_on),
    };
    return cmocka_run_group_tests_name("difference", tests, NULL, NULL);
}
