/* test_sequencer: requests through soft card and journal, and what a restart makes of the journal.
 */
#include "host/base/bytes.h"
#include "host/base/clock.h"
#include "host/base/err.h"
#include "host/base/random.h"
#include "host/gateway/link.h"
#include "host/gateway/recovery.h"
#include "host/gateway/sequencer.h"
#include "host/gateway/verify.h"
#include "host/softcard/softcard.h"
#include "tests/unit/market.h"
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PRICE = 900100, STREAM_BYTES = 4 << 20 };

static size_t stream_bytes = STREAM_BYTES;

static const char identity[] = "a market for tests";

/* A gateway without its connections. */
struct desk {
    struct card *card;
    struct journal *journal;
    struct entry *entry;
    struct stream streams[MARKET_SESSIONS];
    struct sequencer *sequencer;
    struct recovery recovery;
    uint32_t refs[MARKET_SESSIONS];
};

static char directory[64];
static struct config config;
static struct setup setup;
static uint64_t wall_ns = UINT64_C(1790000000) * 1000000000;

static void file_path(char path[128]) {
    (void)snprintf(path, 128, "%s/market-000001.wpj", directory);
}

static void make_directory(void) {
    strcpy(directory, "/tmp/test_sequencer.XXXXXX");
    assert_non_null(mkdtemp(directory));
}

static void remove_directory(void) {
    char path[128];
    file_path(path);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/lock", directory);
    (void)unlink(path);
    assert_int_equal(rmdir(directory), 0);
}

static int open_directory(void **state) {
    (void)state;
    make_directory();
    assert_int_equal(
        config_parse("market", (const uint8_t *)market_yaml, sizeof market_yaml - 1, &config), 0);
    assert_int_equal(setup_make(&config, &market_size, &setup), 0);
    return 0;
}

static int close_directory(void **state) {
    (void)state;
    remove_directory();
    setup_free(&setup);
    config_free(&config);
    return 0;
}

/* Opens card and journal, and recovers what the journal holds. Returns recovery_run's code. */
static int desk_recover(struct desk *desk) {
    const struct journal_options options = { .directory = directory,
                                             .flush = JOURNAL_ASYNC,
                                             .plain = true };
    struct journal_recovered recovered;
    *desk = (struct desk){ .card = NULL };
    assert_int_equal(softcard_open(&market_size, &desk->card), 0);
    if (journal_open(&options, &desk->journal, &recovered) != 0) fail_msg("%s", err_text());
    desk->entry = entry_new(&config, &market_size, 7);
    for (int i = 0; i < MARKET_SESSIONS; i++)
        assert_int_equal(stream_open(&desk->streams[i], stream_bytes), 0);
    const struct recovery_parts parts = { .directory = directory,
                                          .journal = desk->journal,
                                          .card = desk->card,
                                          .entry = desk->entry,
                                          .streams = desk->streams,
                                          .session_count = MARKET_SESSIONS,
                                          .setup = &setup,
                                          .identity = identity,
                                          .events_max = engine_events_max(&market_size),
                                          .clock_ns = clock_monotonic_ns };
    return recovery_run(&parts, &desk->recovery);
}

static void settle(struct desk *desk) {
    while (!sequencer_idle(desk->sequencer))
        if (sequencer_pass(desk->sequencer, wall_ns += 1000) < 0) fail_msg("%s", err_text());
}

/* Goes on where recovery ended, as the program does. */
static void desk_begin(struct desk *desk) {
    if (!desk->recovery.identified)
        assert_true(journal_append(desk->journal, JOURNAL_NOTE, 0, identity, sizeof identity - 1) >
                    0);
    const struct sequencer_parts parts = { .card = desk->card,
                                           .journal = desk->journal,
                                           .entry = desk->entry,
                                           .streams = desk->streams,
                                           .session_count = MARKET_SESSIONS,
                                           .events_max = engine_events_max(&market_size),
                                           .commands = desk->recovery.commands,
                                           .events = desk->recovery.events,
                                           .clock_ns = clock_monotonic_ns };
    desk->sequencer = sequencer_new(&parts);
    assert_non_null(desk->sequencer);
    card_go_live(desk->card);
    card_set_time(desk->card, wall_ns);
    for (uint32_t i = desk->recovery.setup_done; i < setup.count; i++)
        assert_int_equal(sequencer_command(desk->sequencer, &setup.commands[i]), 0);
    for (uint32_t i = 0; i < desk->recovery.follow_up_count; i++)
        assert_int_equal(sequencer_follow_up(desk->sequencer, &desk->recovery.follow_ups[i]), 0);
    settle(desk);
    uint8_t reason;
    assert_null(sequencer_refused(desk->sequencer, &reason));
    for (uint16_t i = 0; i < MARKET_SESSIONS; i++)
        desk->refs[i] = entry_next_user_ref(desk->entry, i) - 1;
}

static void desk_open(struct desk *desk) {
    if (desk_recover(desk) != 0) fail_msg("%s", err_text());
    desk_begin(desk);
}

static void desk_close(struct desk *desk) {
    orders_check(entry_orders(desk->entry));
    sequencer_delete(desk->sequencer);
    entry_delete(desk->entry);
    for (int i = 0; i < MARKET_SESSIONS; i++) stream_close(&desk->streams[i]);
    journal_close(desk->journal);
    card_close(desk->card);
}

static int send(struct desk *desk, uint16_t session, struct ouch_message message) {
    uint8_t bytes[OUCH_BYTES_MAX];
    int count = ouch_encode(&message, bytes, sizeof bytes);
    assert_true(count > 0);
    return sequencer_message(desk->sequencer, session, bytes, (size_t)count, 0, wall_ns);
}

/* Sends what three firms might send, a few at a time. */
static void trade(struct desk *desk, struct random *random, int messages) {
    for (int i = 0; i < messages; i++) {
        uint16_t session = (uint16_t)random_below(random, MARKET_SESSIONS);
        uint32_t *ref = &desk->refs[session];
        uint32_t old = *ref - (uint32_t)random_below(random, 20);
        uint32_t quantity = 1 + (uint32_t)random_below(random, 20);
        uint32_t price_e4 = 900000 + 100 * (uint32_t)random_below(random, 66);
        struct ouch_message message;
        switch (random_below(random, 8)) {
        case 0:
            message = market_cancel(old, quantity / 2);
            break;
        case 1:
        case 2:
            message = market_replace(old, ++*ref, quantity, price_e4);
            break;
        case 3:
            message = market_query();
            break;
        default:
            message = market_enter(++*ref, random_below(random, 2) ? 'B' : 'S', quantity,
                                   random_below(random, 20) ? "ABC" : "XYZ", price_e4);
            break;
        }
        int sent = send(desk, session, message);
        if (sent == -EAGAIN) { /* it names a replacement that is still under way */
            settle(desk);
            sent = send(desk, session, message);
        }
        assert_int_equal(sent, 0);
        if (random_below(random, 4) == 0)
            assert_true(sequencer_pass(desk->sequencer, wall_ns += 1000) >= 0);
    }
}

/* The frames of a stream are the same bytes whatever records hold them. */
static size_t copy_stream(const struct stream *stream, uint8_t *bytes) {
    struct stream_cursor cursor;
    const uint8_t *frame;
    size_t used = 0;
    assert_int_equal(stream_seek(stream, 1, &cursor), 0);
    for (size_t count; (count = stream_next(stream, &cursor, &frame)) > 0; used += count)
        memcpy(bytes + used, frame, count);
    return used;
}

static struct verify_result verified(void) {
    struct verify_result result;
    struct card *card;
    assert_int_equal(softcard_open(&market_size, &card), 0);
    if (verify_run(directory, card, &result) != 0) fail_msg("%s", err_text());
    card_close(card);
    return result;
}

static void verify_journal(void) { assert_int_equal(verified().events_missing, 0); }

static uint64_t seed_of_run(void) {
    const char *text = getenv("SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 1;
    print_message("seed %llu\n", (unsigned long long)seed);
    return seed;
}

/* ---- Tests ---- */

static void answers_leave_when_the_journal_has_them(void **state) {
    (void)state;
    static struct desk desk;
    desk_open(&desk);
    struct stream *stream = &desk.streams[ALICE];
    assert_int_equal(send(&desk, ALICE, market_enter(1, 'B', 1, "ABC", PRICE)), 0);
    assert_int_equal(stream->count, 0);
    settle(&desk);
    assert_int_equal(stream->count, 1);
    assert_int_equal(stream->released, 1);
    /* A message whose record is not durable stays. */
    assert_int_equal(
        stream_append(stream, journal_durable(desk.journal) + 1, (const uint8_t *)"x", 1), 0);
    assert_false(stream_release(stream, journal_durable(desk.journal)));
    desk_close(&desk);
    verify_journal();
}

static void a_full_queue_takes_no_more_until_it_moves(void **state) {
    (void)state;
    static struct desk desk;
    desk_open(&desk);
    for (uint32_t i = 0; i < ENTRY_REQUESTS_MAX; i++)
        assert_int_equal(send(&desk, ALICE, market_query()), 0);
    assert_int_equal(send(&desk, ALICE, market_query()), -EAGAIN);
    assert_true(sequencer_pass(desk.sequencer, wall_ns) >= 0);
    assert_int_equal(send(&desk, ALICE, market_query()), 0);
    settle(&desk);
    assert_int_equal(desk.streams[ALICE].count, ENTRY_REQUESTS_MAX + 1);
    desk_close(&desk);
}

static void a_stream_that_is_nearly_full_ends_the_session(void **state) {
    (void)state;
    static struct desk desk;
    static uint8_t filler[1000];
    desk_open(&desk);
    struct stream *stream = &desk.streams[ALICE];
    while (stream_room(stream) >= STREAM_BYTES / 8)
        assert_int_equal(stream_append(stream, 1, filler, sizeof filler), 0);
    assert_int_equal(send(&desk, ALICE, market_query()), -ENOSPC);
    assert_int_equal(send(&desk, BOB, market_query()), 0);
    settle(&desk);
    desk_close(&desk);
}

/* Orders that are open may bring more than what is kept for them. */
static void a_stream_that_is_full_takes_the_sessions_orders_off(void **state) {
    (void)state;
    enum { SMALL = 4096 };
    static struct desk desk;
    static uint8_t before[SMALL], after[SMALL];
    stream_bytes = SMALL;
    desk_open(&desk);
    struct stream *stream = &desk.streams[ALICE];
    stream_close(&desk.streams[BOB]); /* it is not about Bob's */
    assert_int_equal(stream_open(&desk.streams[BOB], STREAM_BYTES), 0);
    for (uint32_t i = 1; i <= 20; i++)
        assert_int_equal(send(&desk, ALICE, market_enter(i, 'S', 20, "ABC", PRICE)), 0);
    settle(&desk);
    uint32_t filled = 0;
    while (!stream->full) {
        assert_int_equal(send(&desk, BOB, market_enter(++filled, 'B', 1, "ABC", PRICE)), 0);
        assert_true(filled < 20 * 20);
        settle(&desk);
    }
    assert_int_equal(orders_free(entry_orders(desk.entry)), market_size.orders);
    assert_int_equal(send(&desk, ALICE, market_query()), -ENOSPC);
    assert_int_equal(send(&desk, ALICE_2, market_enter(1, 'B', 1, "ABC", PRICE)), 0);
    settle(&desk);
    assert_int_equal(desk.streams[ALICE_2].count, 1);
    assert_int_equal(stream->released, stream->count);
    size_t used = copy_stream(stream, before);
    desk_close(&desk);
    verify_journal();

    stream_bytes = SMALL;
    desk_open(&desk); /* Bob's is now over as well */
    assert_true(desk.streams[ALICE].full);
    assert_int_equal(copy_stream(&desk.streams[ALICE], after), used);
    assert_memory_equal(after, before, used);
    assert_int_equal(send(&desk, ALICE, market_query()), -ENOSPC);
    assert_int_equal(send(&desk, ALICE_2, market_query()), 0);
    settle(&desk);
    desk_close(&desk);
    verify_journal();
    stream_bytes = STREAM_BYTES;
}

/* As when a crash comes between the answer that had no room and the orders' end. */
static void a_restart_takes_the_orders_of_a_full_stream_off(void **state) {
    (void)state;
    enum { SMALL = 4096 };
    static struct desk desk;
    desk_open(&desk);
    for (uint32_t i = 1; i <= 60; i++)
        assert_int_equal(send(&desk, ALICE, market_enter(i, 'S', 20, "ABC", PRICE)), 0);
    assert_int_equal(send(&desk, BOB, market_enter(1, 'S', 20, "ABC", PRICE)), 0);
    settle(&desk);
    assert_int_equal(orders_free(entry_orders(desk.entry)), market_size.orders - 61);
    desk_close(&desk);
    stream_bytes = SMALL;
    desk_open(&desk);
    assert_true(desk.streams[ALICE].full);
    assert_int_equal(orders_free(entry_orders(desk.entry)), market_size.orders - 1);
    desk_close(&desk);
    stream_bytes = STREAM_BYTES;
    verify_journal();
}

static void a_restart_finds_everything_as_it_was(void **state) {
    (void)state;
    static struct desk desk;
    static uint8_t before[MARKET_SESSIONS][STREAM_BYTES], after[STREAM_BYTES];
    size_t bytes[MARKET_SESSIONS];
    uint32_t refs[MARKET_SESSIONS];
    struct random random = random_seeded(seed_of_run());
    for (int life = 0; life < 4; life++) {
        desk_open(&desk);
        for (uint16_t i = 0; i < MARKET_SESSIONS && life > 0; i++) {
            assert_int_equal(copy_stream(&desk.streams[i], after), bytes[i]);
            assert_memory_equal(after, before[i], bytes[i]);
            assert_int_equal(entry_next_user_ref(desk.entry, i), refs[i]);
        }
        trade(&desk, &random, 3000);
        settle(&desk);
        for (uint16_t i = 0; i < MARKET_SESSIONS; i++) {
            bytes[i] = copy_stream(&desk.streams[i], before[i]);
            refs[i] = entry_next_user_ref(desk.entry, i);
        }
        desk_close(&desk);
        verify_journal();
    }
}

static void a_torn_journal_is_completed_and_what_was_durable_is_kept(void **state) {
    (void)state;
    static struct desk desk;
    static uint8_t before[MARKET_SESSIONS][STREAM_BYTES], after[STREAM_BYTES];
    size_t bytes[MARKET_SESSIONS];
    char path[128];
    struct stat stat_;
    struct random random = random_seeded(seed_of_run());
    file_path(path);
    desk_open(&desk);
    trade(&desk, &random, 1000);
    settle(&desk);
    for (int tear = 0; tear < 60; tear++) {
        trade(&desk, &random, 60);
        settle(&desk);
        for (uint16_t i = 0; i < MARKET_SESSIONS; i++)
            bytes[i] = copy_stream(&desk.streams[i], before[i]);
        desk_close(&desk);
        /* Up to several blocks go, the last of them in the middle. */
        assert_int_equal(stat(path, &stat_), 0);
        assert_int_equal(truncate(path, stat_.st_size - (off_t)random_below(&random, 6000)), 0);
        desk_open(&desk);
        for (uint16_t i = 0; i < MARKET_SESSIONS; i++) {
            size_t left = copy_stream(&desk.streams[i], after);
            assert_true(left <= bytes[i]);
            assert_memory_equal(after, before[i], left);
        }
    }
    desk_close(&desk);
    verify_journal();
}

/* What is kept of it may read as a message of its own, with a name to be rejected under. */
static void an_over_long_message_is_rejected_the_same_after_a_restart(void **state) {
    (void)state;
    static struct desk desk;
    static uint8_t bytes[LINK_MESSAGE_BYTES_MAX], before[STREAM_BYTES], after[STREAM_BYTES];
    static const size_t row[] = { ENTRY_MESSAGE_BYTES_MAX, ENTRY_MESSAGE_BYTES_MAX + 1,
                                  sizeof bytes };
    struct ouch_message enter = market_enter(1, 'B', 1, "ABC", PRICE);
    int count = ouch_encode(&enter, bytes, sizeof bytes);
    assert_int_equal(count, OUCH_ENTER_ORDER_BYTES);
    for (uint32_t at = OUCH_ENTER_ORDER_BYTES; at < sizeof bytes;
         at += 3) /* options 2 bytes long */
        bytes[at] = 2;
    bytes_put_be16(bytes + OUCH_ENTER_ORDER_BYTES - 2,
                   ENTRY_MESSAGE_BYTES_MAX - OUCH_ENTER_ORDER_BYTES);
    desk_open(&desk);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        assert_int_equal(sequencer_message(desk.sequencer, ALICE, bytes, row[i], 0, wall_ns), 0);
    settle(&desk);
    assert_int_equal(desk.streams[ALICE].count, sizeof row / sizeof *row);
    size_t used = copy_stream(&desk.streams[ALICE], before);
    desk_close(&desk);
    desk_open(&desk);
    assert_int_equal(copy_stream(&desk.streams[ALICE], after), used);
    assert_memory_equal(after, before, used);
    desk_close(&desk);
}

/* Puts the first records of the journal in `from` into the directory of the test. Returns whether
   there were so many. */
static bool copy_records(const char *from, uint64_t records) {
    const struct journal_options options = { .directory = directory,
                                             .flush = JOURNAL_ASYNC,
                                             .plain = true };
    struct journal_recovered recovered;
    struct journal *journal;
    struct journal_reader *reader;
    struct journal_record record;
    assert_int_equal(journal_open(&options, &journal, &recovered), 0);
    assert_int_equal(journal_reader_open(from, &reader), 0);
    uint64_t copied = 0;
    while (copied < records && journal_reader_next(reader, &record) == 1) {
        assert_true(journal_append(journal, (enum journal_kind)record.kind, record.session,
                                   record.data, record.bytes) > 0);
        copied++;
    }
    journal_reader_close(reader);
    assert_int_equal(journal_wait(journal), 0);
    journal_close(journal);
    return copied == records;
}

static void a_journal_without_its_last_events_is_not_called_whole(void **state) {
    (void)state;
    static struct desk desk;
    char whole[sizeof directory];
    desk_open(&desk);
    assert_int_equal(send(&desk, ALICE, market_enter(1, 'B', 1, "ABC", PRICE)), 0);
    settle(&desk);
    uint64_t resting = journal_appended(desk.journal); /* its answer */
    assert_int_equal(send(&desk, BOB, market_enter(1, 'S', 1, "ABC", PRICE)), 0);
    settle(&desk);
    desk_close(&desk);
    strcpy(whole, directory);
    const struct {
        uint64_t records, missing;
        const char *why;
    } row[] = {
        { resting, 0, "behind an answer" },
        { resting + 1, 0, "behind an input, which counts for nothing" },
        { resting + 2, 2, "behind its command" },
        { resting + 3, 1, "behind ACCEPTED" },
        { resting + 4, 0, "behind TRADE: the answers are order entry's" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        make_directory();
        assert_true(copy_records(whole, row[i].records));
        uint64_t missing = verified().events_missing;
        if (missing != row[i].missing) fail_msg("%s: %u missing", row[i].why, (unsigned)missing);
        desk_open(&desk);
        desk_close(&desk);
        assert_int_equal(verified().events_missing, 0);
        remove_directory();
    }
    strcpy(directory, whole);
}

/* Blocks end where they are full, and a crash leaves whole blocks: any record may be the last. What
   goes on behind it is trading, or the card that closes its gate by itself. */
static void a_journal_that_ends_at_any_record_is_completed(void **state) {
    (void)state;
    static struct desk desk;
    static uint8_t before[MARKET_SESSIONS][STREAM_BYTES], after[STREAM_BYTES];
    enum { SETUP_STEP = 7 };
    char whole[sizeof directory];
    size_t bytes[MARKET_SESSIONS];
    struct random random = random_seeded(seed_of_run());
    desk_open(&desk);
    uint64_t after_setup = journal_appended(desk.journal);
    trade(&desk, &random, 60);
    settle(&desk);
    for (uint16_t i = 0; i < MARKET_SESSIONS; i++)
        bytes[i] = copy_stream(&desk.streams[i], before[i]);
    desk_close(&desk);
    strcpy(whole, directory);
    uint64_t records = 1;
    bool more = true, closes = false;
    for (; more || closes; records += closes ? 0 : records < after_setup ? SETUP_STEP : 1) {
        make_directory();
        more = copy_records(whole, records);
        closes = !closes;
        desk_open(&desk);
        for (uint16_t i = 0; i < MARKET_SESSIONS; i++) {
            size_t left = copy_stream(&desk.streams[i], after);
            assert_true(left <= bytes[i]);
            assert_memory_equal(after, before[i], left);
        }
        if (closes) card_kill(desk.card);
        trade(&desk, &random, 5);
        settle(&desk);
        desk_close(&desk);
        verify_journal();
        if (desk_recover(&desk) != 0) fail_msg("%s", err_text()); /* and once more */
        desk_close(&desk);
        remove_directory();
    }
    strcpy(directory, whole);
    assert_true(records > after_setup + 100);
}

/* Copies the journal in `from` into the directory of the test and puts an input, if there is one,
   and a command behind it. Their group is cut off behind the command. */
static void forge(const char *from, const struct entry_header *header,
                  const struct ouch_message *message, const struct command *command) {
    const struct journal_options options = { .directory = directory,
                                             .flush = JOURNAL_ASYNC,
                                             .plain = true };
    struct journal_recovered recovered;
    struct journal *journal;
    uint8_t input[sizeof *header + OUCH_BYTES_MAX];
    (void)copy_records(from, UINT64_MAX);
    assert_int_equal(journal_open(&options, &journal, &recovered), 0);
    if (header != NULL) {
        int bytes = 0;
        memcpy(input, header, sizeof *header);
        if (message->kind != OUCH_NOTHING)
            bytes = ouch_encode(message, input + sizeof *header, OUCH_BYTES_MAX);
        assert_true(bytes >= 0);
        assert_true(journal_append(journal, JOURNAL_SESSION_INPUT, command->session, input,
                                   (uint32_t)sizeof *header + (uint32_t)bytes) > 0);
    }
    assert_true(journal_append(journal, JOURNAL_COMMAND, 0, command, sizeof *command) > 0);
    assert_int_equal(journal_wait(journal), 0);
    journal_close(journal);
}

/* Each of them chains; the card would carry out each. */
static void a_journal_that_is_not_ours_is_refused(void **state) {
    (void)state;
    static struct desk desk;
    enum { NONE, CLIENT = ENTRY_CLIENT, OUTSIDE = 77 };
    char whole[sizeof directory];
    desk_open(&desk);
    assert_int_equal(send(&desk, ALICE, market_enter(1, 'B', 10, "ABC", PRICE)), 0);
    settle(&desk);
    const struct order *live = orders_find(entry_orders(desk.entry), ALICE, 1);
    assert_non_null(live);
    struct order probe = *orders_enter(entry_orders(desk.entry), ALICE, 2);
    const struct command cancel = { .opcode = OPCODE_CANCEL, .order = live->handle };
    const struct command enter = { .opcode = OPCODE_NEW,
                                   .order = probe.handle,
                                   .quantity = 1,
                                   .price_e4 = PRICE,
                                   .client_ref = 2 };
    struct command replace = enter;
    replace.opcode = OPCODE_REPLACE;
    replace.order = live->handle;
    orders_drop(entry_orders(desk.entry), orders_find(entry_orders(desk.entry), ALICE, 2));
    desk_close(&desk);
    strcpy(whole, directory);

    struct command kill = setup_gate(MODE_KILL), release = setup_gate(MODE_RELEASE), firm = kill;
    kill.origin = release.origin = firm.origin = ORIGIN_CARD;
    firm.field = TABLE_FIRM;
    struct command limit = { .opcode = OPCODE_SYMBOL, .field = ROW_SYMBOL_COLLAR, .value = 5 };
    struct command own_limit = limit, strange_limit = limit;
    own_limit.origin = ORIGIN_CARD;
    strange_limit.origin = ORIGIN_CARD + 1;
    struct command own_enter = enter, own_cancel = cancel, stranger = enter;
    own_enter.origin = own_cancel.origin = ORIGIN_CARD;
    stranger.origin = ORIGIN_CARD + 1;
    const struct ouch_message nothing = { .kind = OUCH_NOTHING };
    const struct ouch_message asks = market_enter(2, 'B', 1, "ABC", PRICE);
    const struct command alert = { .opcode = OPCODE_ALERT,
                                   .origin = ORIGIN_CARD,
                                   .field = ALERT_TEMPERATURE | ALERT_CLEARED,
                                   .value = -5 };
    struct command operators_alert = alert, strange_alert = alert, firms_alert = alert;
    operators_alert.origin = ORIGIN_HOST;
    strange_alert.field = ALERT_CRITICAL + 1;
    firms_alert.firm = 1;
    const struct {
        struct command command;
        const struct ouch_message *message;
        int code;
        uint8_t origin, action, over_long;
        const char *why;
    } row[] = {
        { kill, &nothing, 0, NONE, 0, 0, "the card closes its gate" },
        { release, &nothing, -EBADMSG, NONE, 0, 0, "it does not open it" },
        { firm, &nothing, -EBADMSG, NONE, 0, 0, "nor close it to one firm" },
        { own_limit, &nothing, -EBADMSG, NONE, 0, 0, "nor set limits" },
        { alert, &nothing, 0, NONE, 0, 0, "it says how it is" },
        { operators_alert, &nothing, -EBADMSG, NONE, 0, 0, "nobody says it for it" },
        { strange_alert, &nothing, -EBADMSG, NONE, 0, 0, "what is there to say" },
        { firms_alert, &nothing, -EBADMSG, NONE, 0, 0, "of itself" },
        { limit, &nothing, 0, NONE, 0, 0, "an operator does" },
        { strange_limit, &nothing, -EBADMSG, NONE, 0, 0, "nobody else" },
        { cancel, &nothing, -EBADMSG, NONE, 0, 0, "but cancels nothing" },
        { own_enter, &nothing, -EBADMSG, NONE, 0, 0, "the card does not trade" },
        { own_cancel, &nothing, -EBADMSG, NONE, 0, 0, "nor cancel" },
        { own_enter, &asks, -EBADMSG, CLIENT, ENTRY_COMMAND, 0, "not for a client either" },
        { stranger, &nothing, -EBADMSG, NONE, 0, 0, "there is no third origin" },
        { stranger, &asks, -EBADMSG, CLIENT, ENTRY_COMMAND, 0, "not for a client either" },
        { enter, &nothing, -EBADMSG, NONE, 0, 0, "an order that nobody asked for" },
        { enter, &asks, 0, CLIENT, ENTRY_COMMAND, 0, "one that was asked for" },
        { enter, &nothing, -EBADMSG, CLIENT, ENTRY_COMMAND, 0, "one by no message" },
        { cancel, &nothing, 0, ENTRY_WITHDRAWAL, ENTRY_COMMAND, 0, "a withdrawal cancels" },
        { enter, &nothing, -EBADMSG, ENTRY_WITHDRAWAL, ENTRY_COMMAND, 0, "it enters nothing" },
        { replace, &nothing, -EBADMSG, ENTRY_WITHDRAWAL, ENTRY_COMMAND, 0, "nor replaces" },
        { enter, &nothing, -EBADMSG, ENTRY_FOLLOW_UP, ENTRY_COMMAND, 0, "nor a follow-up" },
        { cancel, &nothing, -EBADMSG, ENTRY_FOLLOW_UP, ENTRY_COMMAND, 0, "one of nothing" },
        { enter, &asks, -EBADMSG, ENTRY_ADMINISTRATION, ENTRY_COMMAND, 0, "never an input" },
        { enter, &asks, -EBADMSG, OUTSIDE, ENTRY_COMMAND, 0, "no such origin" },
        { enter, &asks, -EBADMSG, CLIENT, 0, 0, "no such action" },
        { enter, &asks, -EBADMSG, CLIENT, ENTRY_DISCONNECT + 1, 0, "no such action" },
        { enter, &asks, -EBADMSG, CLIENT, ENTRY_COMMAND, 1, "over-long and carried out" },
        { kill, &asks, -EBADMSG, CLIENT, ENTRY_REJECT, 2, "over-long is a yes or no" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const struct entry_header header = { .origin = row[i].origin,
                                             .action = row[i].action,
                                             .over_long = row[i].over_long };
        make_directory();
        forge(whole, row[i].origin == NONE ? NULL : &header, row[i].message, &row[i].command);
        int code = desk_recover(&desk);
        if (code != row[i].code)
            fail_msg("%s: %d, not %d: %s", row[i].why, code, row[i].code, err_text());
        desk_close(&desk);
        remove_directory();
    }
    strcpy(directory, whole);
}

/* Copies a journal with some bytes of one record changed, and the rest of it or not. */
static void mutate(const char *from, uint64_t record_at, bool rest, struct random *random) {
    const struct journal_options options = { .directory = directory,
                                             .flush = JOURNAL_ASYNC,
                                             .plain = true };
    struct journal_recovered recovered;
    struct journal *journal;
    struct journal_reader *reader;
    struct journal_record record;
    uint8_t data[STREAM_MESSAGE_BYTES_MAX];
    assert_int_equal(journal_open(&options, &journal, &recovered), 0);
    assert_int_equal(journal_reader_open(from, &reader), 0);
    while (journal_reader_next(reader, &record) == 1) {
        if (record.sequence > record_at && !rest) break;
        assert_true(record.bytes <= sizeof data);
        memcpy(data, record.data, record.bytes);
        for (uint64_t i = 0; record.sequence == record_at && i <= random_below(random, 3); i++) {
            uint8_t *at = &data[random_below(random, record.bytes)];
            *at = (uint8_t)(random_below(random, 2) ? random_below(random, 16)
                                                    : *at ^ UINT64_C(1) << random_below(random, 8));
        }
        assert_true(journal_append(journal, (enum journal_kind)record.kind, record.session, data,
                                   record.bytes) > 0);
    }
    journal_reader_close(reader);
    assert_int_equal(journal_wait(journal), 0);
    journal_close(journal);
}

static void a_journal_with_any_record_changed_is_read_or_refused(void **state) {
    (void)state;
    static struct desk desk;
    enum { ROUNDS = 600 };
    char whole[sizeof directory];
    unsigned refused = 0;
    struct random random = random_seeded(seed_of_run());
    desk_open(&desk);
    uint64_t after_setup = journal_appended(desk.journal);
    trade(&desk, &random, 60);
    settle(&desk);
    card_kill(desk.card);
    trade(&desk, &random, 5);
    settle(&desk);
    uint64_t records = journal_appended(desk.journal);
    desk_close(&desk);
    strcpy(whole, directory);
    for (int i = 0; i < ROUNDS; i++) {
        make_directory();
        uint64_t first = random_below(&random, 8) == 0 ? 2 : after_setup + 1;
        mutate(whole, first + random_below(&random, records + 1 - first),
               random_below(&random, 4) == 0, &random);
        int code = desk_recover(&desk);
        if (code != 0 && code != -EBADMSG && code != -EPROTO)
            fail_msg("round %d: %d: %s", i, code, err_text());
        refused += code != 0;
        desk_close(&desk);
        remove_directory();
    }
    strcpy(directory, whole);
    print_message("%u of %u refused\n", refused, (unsigned)ROUNDS);
    assert_in_range(refused, ROUNDS / 4, ROUNDS - 1);
}

static void another_configuration_does_not_continue_a_journal(void **state) {
    (void)state;
    static struct desk desk;
    desk_open(&desk);
    desk_close(&desk);
    setup.commands[3].value++;
    assert_int_equal(desk_recover(&desk), -EBADMSG);
    assert_non_null(strstr(err_text(), "record 8")); /* a note, then commands and their events */
    desk_close(&desk);
}

static void a_withdrawal_takes_off_the_sessions_orders_only(void **state) {
    (void)state;
    static struct desk desk;
    desk_open(&desk);
    for (uint32_t i = 1; i <= 20; i++) {
        assert_int_equal(send(&desk, ALICE, market_enter(i, 'B', 1, "ABC", PRICE)), 0);
        assert_int_equal(send(&desk, BOB, market_enter(i, 'B', 1, "ABC", PRICE)), 0);
    }
    sequencer_withdraw(desk.sequencer, BOB); /* with all of it still under way */
    assert_true(sequencer_withdrawing(desk.sequencer, BOB));
    settle(&desk);
    assert_false(sequencer_withdrawing(desk.sequencer, BOB));
    assert_int_equal(orders_free(entry_orders(desk.entry)), market_size.orders - 20);
    assert_int_equal(desk.streams[BOB].count, 40);
    assert_int_equal(desk.streams[ALICE].count, 20);
    desk_close(&desk);
    verify_journal();
}

static void a_gate_that_closes_by_itself_is_in_the_journal(void **state) {
    (void)state;
    static struct desk desk;
    desk_open(&desk);
    assert_int_equal(send(&desk, ALICE, market_enter(1, 'B', 1, "ABC", PRICE)), 0);
    settle(&desk);
    card_kill(desk.card);
    assert_int_equal(send(&desk, ALICE, market_enter(2, 'B', 1, "ABC", PRICE)), 0);
    for (int i = 0; i < 100; i++) assert_true(sequencer_pass(desk.sequencer, wall_ns += 1000) >= 0);
    settle(&desk);
    assert_int_equal(entry_refused(desk.entry, REASON_KILLED), 1);
    desk_close(&desk);
    verify_journal();
    desk_open(&desk); /* and stays closed over a restart */
    assert_int_equal(send(&desk, ALICE, market_enter(3, 'B', 1, "ABC", PRICE)), 0);
    settle(&desk);
    assert_int_equal(entry_refused(desk.entry, REASON_KILLED), 2); /* the replayed one and this */
    const struct command release = setup_gate(MODE_RELEASE);
    assert_int_equal(sequencer_command(desk.sequencer, &release), 0);
    assert_int_equal(send(&desk, ALICE, market_enter(4, 'B', 1, "ABC", PRICE)), 0);
    settle(&desk);
    assert_int_equal(entry_refused(desk.entry, REASON_KILLED), 2);
    desk_close(&desk);
    verify_journal();
    desk_open(&desk); /* and stays open */
    assert_int_equal(send(&desk, ALICE, market_enter(5, 'B', 1, "ABC", PRICE)), 0);
    settle(&desk);
    assert_int_equal(entry_refused(desk.entry, REASON_KILLED), 2);
    desk_close(&desk);
}

/* A card that counts what the watchdog would hear. */
static struct {
    struct card_operations operations;
    const struct card_operations *soft;
    unsigned heartbeats;
} heard;

static void hear_write(struct card *card, uint32_t reg, uint32_t value) {
    heard.heartbeats += reg == REG_HEARTBEAT;
    heard.soft->write(card, reg, value);
}

static uint64_t clock_of_test_ns;

static uint64_t test_clock_ns(void) { return clock_of_test_ns; }

static void the_heartbeat_goes_on_when_the_wall_clock_is_set(void **state) {
    (void)state;
    static struct desk desk;
    desk_open(&desk);
    heard.soft = desk.card->operations;
    heard.operations = *heard.soft;
    heard.operations.write = hear_write;
    desk.card->operations = &heard.operations;
    heard.heartbeats = 0;
    clock_of_test_ns = UINT64_C(5000000000);
    const struct sequencer_parts parts = { .card = desk.card,
                                           .journal = desk.journal,
                                           .entry = desk.entry,
                                           .streams = desk.streams,
                                           .session_count = MARKET_SESSIONS,
                                           .events_max = engine_events_max(&market_size),
                                           .commands = sequencer_commands(desk.sequencer),
                                           .events = sequencer_events(desk.sequencer),
                                           .clock_ns = test_clock_ns };
    sequencer_delete(desk.sequencer);
    desk.sequencer = sequencer_new(&parts);
    assert_non_null(desk.sequencer);
    const uint64_t hour_ns = UINT64_C(3600000000000);
    const uint64_t row[] = { wall_ns, wall_ns - hour_ns, wall_ns + hour_ns, wall_ns };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        for (uint64_t ms = 0; ms < 1000; ms++) {
            assert_true(sequencer_pass(desk.sequencer, row[i] + ms * 1000000) >= 0);
            clock_of_test_ns += 1000000;
        }
    assert_int_equal(heard.heartbeats, 4 * 10);
    desk_close(&desk);
}

static void without_room_on_disk_nothing_is_answered(void **state) {
    (void)state;
    static struct desk desk;
    char path[128];
    struct stat stat_;
    struct rlimit old, tight;
    file_path(path);
    desk_open(&desk);
    assert_int_equal(stat(path, &stat_), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    tight = old;
    tight.rlim_cur = (rlim_t)stat_.st_size + 10;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    assert_int_equal(send(&desk, ALICE, market_enter(1, 'B', 1, "ABC", PRICE)), 0);
    int code = 0;
    for (int i = 0; i < 100 && code >= 0; i++) code = sequencer_pass(desk.sequencer, wall_ns);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_true(code < 0);
    assert_int_equal(sequencer_pass(desk.sequencer, wall_ns), code); /* for good */
    assert_int_equal(desk.streams[ALICE].released, 0);
    desk_close(&desk);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_directory, close_directory)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(answers_leave_when_the_journal_has_them),
        TEST(a_full_queue_takes_no_more_until_it_moves),
        TEST(a_stream_that_is_nearly_full_ends_the_session),
        TEST(a_stream_that_is_full_takes_the_sessions_orders_off),
        TEST(a_restart_takes_the_orders_of_a_full_stream_off),
        TEST(a_restart_finds_everything_as_it_was),
        TEST(a_torn_journal_is_completed_and_what_was_durable_is_kept),
        TEST(an_over_long_message_is_rejected_the_same_after_a_restart),
        TEST(a_journal_without_its_last_events_is_not_called_whole),
        TEST(a_journal_that_ends_at_any_record_is_completed),
        TEST(a_journal_that_is_not_ours_is_refused),
        TEST(a_journal_with_any_record_changed_is_read_or_refused),
        TEST(another_configuration_does_not_continue_a_journal),
        TEST(a_withdrawal_takes_off_the_sessions_orders_only),
        TEST(a_gate_that_closes_by_itself_is_in_the_journal),
        TEST(the_heartbeat_goes_on_when_the_wall_clock_is_set),
        TEST(without_room_on_disk_nothing_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
