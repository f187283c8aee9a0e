/* test_journal: host/journal/ on real files: what is appended comes back, what a crash leaves is
 * cut and nothing else is, and no changed bit goes unseen. */
#include "driver/abi/abi.h"
#include "host/base/err.h"
#include "host/base/random.h"
#include "host/journal/block.h"
#include "host/journal/walk.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64];
static char first_file[96];

static int directory_make(void **state) {
    (void)state;
    (void)snprintf(directory, sizeof directory, "/tmp/test_journal.XXXXXX");
    assert_non_null(mkdtemp(directory));
    (void)snprintf(first_file, sizeof first_file, "%s/market-000001.wpj", directory);
    return 0;
}

static int directory_remove(void **state) {
    (void)state;
    DIR *entries = opendir(directory);
    assert_non_null(entries);
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;)
        (void)unlinkat(dirfd(entries), entry->d_name, 0);
    (void)closedir(entries);
    return rmdir(directory);
}

static struct journal *open_with(struct journal_options options,
                                 struct journal_recovered *recovered) {
    struct journal *journal = NULL;
    struct journal_recovered found;
    options.directory = directory;
    int code = journal_open(&options, &journal, recovered ? recovered : &found);
    if (code != 0) fail_msg("journal_open: %d, %s", code, err_text());
    return journal;
}

static struct journal *open_plain(struct journal_recovered *recovered) {
    return open_with((struct journal_options){ .plain = true }, recovered);
}

static int open_code(void) {
    struct journal_options options = { .directory = directory, .plain = true };
    struct journal *journal = NULL;
    struct journal_recovered recovered;
    int code = journal_open(&options, &journal, &recovered);
    if (code == 0) journal_close(journal);
    return code;
}

static void note(struct journal *journal, const char *text) {
    assert_true(journal_append(journal, JOURNAL_NOTE, 0, text, (uint32_t)strlen(text)) > 0);
}

/* sequence_data fills bytes of a record so that its sequence can be told from them; no zeros. */
static void sequence_data(uint64_t sequence, uint8_t *data, uint32_t bytes) {
    for (uint32_t i = 0; i < bytes; i++) data[i] = (uint8_t)(1 + (sequence * 31 + i * 7) % 255);
}

/* append_blocks makes so many blocks of one event and one session record each. */
static void append_blocks(struct journal *journal, unsigned blocks) {
    uint8_t data[LIMIT_EVENT_BYTES];
    for (unsigned i = 0; i < blocks; i++) {
        sequence_data(journal_appended(journal) + 1, data, LIMIT_EVENT_BYTES);
        assert_true(journal_append(journal, JOURNAL_EVENT, 0, data, LIMIT_EVENT_BYTES) > 0);
        sequence_data(journal_appended(journal) + 1, data, 13);
        assert_true(journal_append(journal, JOURNAL_SESSION_INPUT, 7, data, 13) > 0);
        assert_int_equal(journal_wait(journal), 0);
    }
}

/* expect_records reads everything and expects what append_blocks made, and nothing else. */
static void expect_records(uint64_t records) {
    struct journal_reader *reader;
    struct journal_record record;
    uint8_t data[LIMIT_EVENT_BYTES];
    assert_int_equal(journal_reader_open(directory, &reader), 0);
    for (uint64_t sequence = 1; sequence <= records; sequence++) {
        assert_int_equal(journal_reader_next(reader, &record), 1);
        assert_int_equal(record.sequence, sequence);
        assert_int_equal(record.block, (sequence + 1) / 2);
        assert_int_equal(record.kind, sequence % 2 ? JOURNAL_EVENT : JOURNAL_SESSION_INPUT);
        assert_int_equal(record.bytes, sequence % 2 ? LIMIT_EVENT_BYTES : 13);
        assert_int_equal(record.session, sequence % 2 ? 0 : 7);
        sequence_data(sequence, data, record.bytes);
        assert_memory_equal(record.data, data, record.bytes);
    }
    assert_int_equal(journal_reader_next(reader, &record), 0);
    journal_reader_close(reader);
}

static uint8_t *file_read(const char *path, size_t *bytes) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *bytes = (size_t)ftell(file);
    rewind(file);
    uint8_t *content = malloc(*bytes + 1);
    assert_non_null(content);
    assert_int_equal(fread(content, 1, *bytes, file), *bytes);
    (void)fclose(file);
    return content;
}

static void file_write(const char *path, const uint8_t *content, size_t bytes) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
}

static void file_append(const char *path, const uint8_t *content, size_t bytes) {
    FILE *file = fopen(path, "ab");
    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
}

static size_t file_bytes(const char *path) {
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return (size_t)status.st_size;
}

/* block_starts finds where each block of the first file starts; the last entry is its end. */
static unsigned block_starts(const uint8_t *content, size_t bytes, size_t *starts) {
    unsigned blocks = 0;
    size_t at = 0;
    while (at < bytes) {
        starts[blocks++] = at;
        at += BLOCK_HEADER_BYTES + block_payload_bytes(content + at);
    }
    assert_int_equal(at, bytes);
    starts[blocks] = bytes;
    return blocks;
}

/* ---- append, commit, read back --------------------------------------------------------------- */

static void test_every_kind_comes_back(void **state) {
    (void)state;
    struct command command = { .opcode = OPCODE_NEW, .stamp_ns = 12345, .price_e4 = 1000000 };
    struct event event = { .number = 1, .kind = KIND_ACCEPTED, .field = 9 };
    struct journal_recovered recovered;
    struct journal *journal = open_with((struct journal_options){ 0 }, &recovered);
    assert_int_equal(recovered.records, 0);
    assert_int_equal(recovered.files, 1);
    assert_int_equal(journal_append(journal, JOURNAL_SESSION_INPUT, 65535, "L", 1), 1);
    assert_int_equal(journal_append(journal, JOURNAL_COMMAND, 0, &command, sizeof command), 2);
    assert_int_equal(journal_append(journal, JOURNAL_EVENT, 0, &event, LIMIT_EVENT_BYTES), 3);
    assert_int_equal(journal_append(journal, JOURNAL_SESSION_OUTPUT, 0, NULL, 0), 4);
    assert_int_equal(journal_append(journal, JOURNAL_NOTE, 0, "12345678", 8), 5);
    assert_int_equal(journal_append(journal, JOURNAL_NOTE, 0, "123456789", 9), 6);
    assert_int_equal(journal_durable(journal), 0);
    assert_int_equal(journal_appended(journal), 6);
    assert_int_equal(journal_wait(journal), 0);
    assert_int_equal(journal_durable(journal), 6);
    assert_int_equal(journal_poll(journal), 1);
    assert_int_equal(journal_poll(journal), 0);

    static const struct {
        uint8_t kind;
        uint16_t session;
        uint32_t bytes;
    } row[] = {
        { JOURNAL_SESSION_INPUT, 65535, 1 }, { JOURNAL_COMMAND, 0, 64 }, { JOURNAL_EVENT, 0, 60 },
        { JOURNAL_SESSION_OUTPUT, 0, 0 },    { JOURNAL_NOTE, 0, 8 },     { JOURNAL_NOTE, 0, 9 },
    };
    const void *data[] = { "L", &command, &event, "", "12345678", "123456789" };
    struct journal_reader *reader;
    struct journal_record record;
    assert_int_equal(journal_reader_open(directory, &reader), 0);
    for (unsigned i = 0; i < sizeof row / sizeof *row; i++) {
        assert_int_equal(journal_reader_next(reader, &record), 1);
        assert_int_equal(record.sequence, i + 1);
        assert_int_equal(record.block, 1);
        assert_int_equal(record.kind, row[i].kind);
        assert_int_equal(record.session, row[i].session);
        assert_int_equal(record.bytes, row[i].bytes);
        assert_int_equal((uintptr_t)record.data % 8, 0);
        assert_memory_equal(record.data, data[i], row[i].bytes);
    }
    assert_int_equal(journal_reader_next(reader, &record), 0);
    journal_reader_close(reader);
    journal_close(journal);
}

static void test_uncommitted_records_are_not_seen(void **state) {
    (void)state;
    struct journal *journal = open_plain(NULL);
    struct journal_reader *reader;
    struct journal_record record;
    assert_int_equal(journal_reader_open(directory, &reader), 0);
    assert_int_equal(journal_reader_next(reader, &record), 0);
    note(journal, "one");
    assert_int_equal(journal_poll(journal), 0);
    assert_int_equal(journal_reader_next(reader, &record), 0);
    assert_int_equal(journal_commit(journal), 0);
    assert_int_equal(journal_reader_next(reader, &record), 1);
    assert_int_equal(journal_reader_next(reader, &record), 0);
    note(journal, "two");
    journal_close(journal);
    assert_int_equal(journal_reader_next(reader, &record), 0);
    journal_reader_close(reader);
}

static void test_committing_nothing_writes_nothing(void **state) {
    (void)state;
    struct journal *journal = open_plain(NULL);
    assert_int_equal(journal_commit(journal), 0);
    assert_int_equal(journal_wait(journal), 0);
    assert_int_equal(journal_poll(journal), 0);
    assert_int_equal(file_bytes(first_file), 0);
    journal_close(journal);
}

static void test_one_flush_takes_many_records(void **state) {
    (void)state;
    struct journal *journal = open_with((struct journal_options){ 0 }, NULL);
    if (!journal_uses_io_uring(journal)) print_message("no io_uring here: plain writes instead\n");
    note(journal, "first");
    assert_int_equal(journal_commit(journal), 0); /* in flight, or with plain writes done */
    bool flying = journal_durable(journal) == 0;
    for (int i = 0; i < 999; i++) {
        note(journal, "while it is in flight");
        if (flying) assert_int_equal(journal_commit(journal), 0);
    }
    /* nothing has been polled: nothing has moved, whatever the disk has done */
    if (flying) assert_int_equal(journal_durable(journal), 0);
    assert_int_equal(journal_wait(journal), 0);
    assert_int_equal(journal_durable(journal), 1000);

    assert_int_equal(journal_flush_histogram(journal)->count, 2);
    assert_true(journal_flush_histogram(journal)->max > 0);
    journal_close(journal);

    struct journal_report report;
    assert_int_equal(journal_verify(directory, &report), 0);
    assert_int_equal(report.blocks, 2);
    assert_int_equal(report.records_total, 1000);
}

static void test_poll_starts_the_commit_that_waited(void **state) {
    (void)state;
    struct journal *journal = open_with((struct journal_options){ 0 }, NULL);
    note(journal, "first");
    assert_int_equal(journal_commit(journal), 0);
    note(journal, "second");
    assert_int_equal(journal_commit(journal), 0);
    unsigned moved = 0;
    for (int tries = 0; journal_durable(journal) < 2 && tries < 20000; tries++) {
        int polled = journal_poll(journal);
        assert_true(polled >= 0);
        moved += (unsigned)polled;
        usleep(100);
    }
    assert_int_equal(journal_durable(journal), 2);
    assert_in_range(moved, 1, 2);
    journal_close(journal);
}

static void test_full_buffer_says_so_and_recovers(void **state) {
    (void)state;
    struct journal *journal =
        open_with((struct journal_options){ .block_bytes_max = JOURNAL_BLOCK_BYTES_MIN }, NULL);
    uint32_t bytes = journal_record_bytes_max(journal);
    assert_int_equal(bytes, 4096 - BLOCK_HEADER_BYTES - BLOCK_RECORD_HEADER_BYTES);
    uint8_t *data = calloc(1, bytes + 1);
    assert_non_null(data);
    assert_int_equal(journal_append(journal, JOURNAL_NOTE, 0, data, bytes + 1), -EMSGSIZE);
    assert_int_equal(journal_append(journal, JOURNAL_NOTE, 0, data, UINT32_MAX), -EMSGSIZE);
    assert_int_equal(journal_append(journal, JOURNAL_NOTE, 0, data, bytes), 1);
    assert_int_equal(journal_append(journal, JOURNAL_NOTE, 0, NULL, 0), -ENOBUFS);
    assert_int_equal(journal_appended(journal), 1);
    assert_int_equal(journal_wait(journal), 0);
    /* one byte of data less than the block has left, as much, and one more */
    assert_int_equal(journal_append(journal, JOURNAL_NOTE, 0, data, bytes - 16), 2);
    assert_int_equal(journal_append(journal, JOURNAL_NOTE, 0, data, 9), -ENOBUFS);
    assert_int_equal(journal_append(journal, JOURNAL_NOTE, 0, data, 8), 3);
    assert_int_equal(journal_append(journal, JOURNAL_NOTE, 0, data, 0), -ENOBUFS);
    assert_int_equal(journal_wait(journal), 0);
    free(data);
    journal_close(journal);

    struct journal_report report;
    assert_int_equal(journal_verify(directory, &report), 0);
    assert_int_equal(report.records_total, 3);
    assert_int_equal(report.bytes, 2 * 4096);
}

static void test_reopening_continues(void **state) {
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct journal_recovered recovered;
        struct journal *journal = open_with((struct journal_options){ .plain = i % 2 }, &recovered);
        assert_int_equal(recovered.records, 6 * i);
        assert_int_equal(recovered.blocks, 3 * i);
        assert_int_equal(recovered.cut_bytes, 0);
        assert_string_equal(recovered.cut_line, "");
        assert_int_equal(journal_durable(journal), 6 * i);
        assert_int_equal(journal_poll(journal), 0);
        append_blocks(journal, 3);
        journal_close(journal);
    }
    expect_records(24);
}

static void test_options_out_of_range_are_refused(void **state) {
    (void)state;
    static const struct {
        uint32_t block;
        uint64_t file;
        int code;
        const char *why;
    } row[] = {
        { 4096, 4096, 0, "both at their least" },
        { 4095, 1 << 30, -EINVAL, "a block one below" },
        { 1 << 20, 1 << 20, 0, "both at a block's most" },
        { (1 << 20) + 1, 1 << 30, -EINVAL, "a block one above" },
        { 8192, 8191, -EINVAL, "a file that one block would outgrow" },
    };
    for (unsigned i = 0; i < sizeof row / sizeof *row; i++) {
        struct journal_options options = { .directory = directory,
                                           .block_bytes_max = row[i].block,
                                           .file_bytes_max = row[i].file };
        struct journal *journal = NULL;
        struct journal_recovered recovered;
        int code = journal_open(&options, &journal, &recovered);
        if (code != row[i].code) fail_msg("%s: %d, %s", row[i].why, code, err_text());
        journal_close(journal);
    }
    struct journal_options nowhere = { .directory = "" };
    struct journal *journal;
    struct journal_recovered recovered;
    assert_int_equal(journal_open(&nowhere, &journal, &recovered), -EINVAL);
    nowhere.directory = "/tmp/test_journal.is.not/there";
    assert_int_equal(journal_open(&nowhere, &journal, &recovered), -ENOENT);
    nowhere.directory = "/dev/null";
    assert_int_equal(journal_open(&nowhere, &journal, &recovered), -ENOTDIR);
    struct journal_reader *reader;
    assert_int_equal(journal_reader_open("/tmp/test_journal.is.not", &reader), -ENOENT);
}

/* ---- files ----------------------------------------------------------------------------------- */

static void test_files_roll_before_they_outgrow(void **state) {
    (void)state;
    /* one full block of 4096 bytes each commit; 8192 take two of them exactly */
    struct journal_options options = { .block_bytes_max = 4096, .file_bytes_max = 8192 };
    struct journal *journal = open_with(options, NULL);
    uint32_t bytes = journal_record_bytes_max(journal);
    uint8_t *data = malloc(bytes);
    assert_non_null(data);
    for (uint64_t sequence = 1; sequence <= 5; sequence++) {
        sequence_data(sequence, data, bytes);
        assert_int_equal(journal_append(journal, JOURNAL_NOTE, 0, data, bytes), sequence);
        assert_int_equal(journal_wait(journal), 0);
    }
    journal_close(journal);

    char path[96];
    static const size_t expected[] = { 8192, 8192, 4096 };
    for (unsigned file = 1; file <= 3; file++) {
        (void)snprintf(path, sizeof path, "%s/market-%06u.wpj", directory, file);
        assert_int_equal(file_bytes(path), expected[file - 1]);
    }
    struct journal_recovered recovered;
    journal = open_with(options, &recovered);
    assert_int_equal(recovered.records, 5);
    assert_int_equal(recovered.files, 3);
    note(journal, "six");
    assert_int_equal(journal_wait(journal), 0);
    journal_close(journal);
    struct journal_report report;
    assert_int_equal(journal_verify(directory, &report), 0);
    assert_int_equal(report.files, 3);
    assert_int_equal(report.records[JOURNAL_NOTE], 6);

    /* a torn tail may be in the last file only, and no file may be missing */
    (void)snprintf(path, sizeof path, "%s/market-000002.wpj", directory);
    assert_int_equal(truncate(path, 8191), 0);
    assert_int_equal(open_code(), -EBADMSG);
    assert_int_equal(file_bytes(path), 8191);
    assert_int_equal(truncate(path, 4096), 0); /* whole blocks, one of them gone */
    assert_int_equal(open_code(), -EBADMSG);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(open_code(), -EBADMSG);
    assert_non_null(strstr(err_text(), "market-000002.wpj: missing"));
    assert_int_equal(journal_verify(directory, &report), -EBADMSG);
    free(data);
}

static void test_reader_follows_a_growing_journal_over_files(void **state) {
    (void)state;
    struct journal *journal = open_with(
        (struct journal_options){ .block_bytes_max = 4096, .file_bytes_max = 4096 }, NULL);
    struct journal_reader *reader;
    struct journal_record record;
    uint8_t data[LIMIT_EVENT_BYTES];
    assert_int_equal(journal_reader_open(directory, &reader), 0);
    for (uint64_t sequence = 1; sequence <= 200; sequence += 2) {
        append_blocks(journal, 1);
        for (uint64_t i = sequence; i < sequence + 2; i++) {
            assert_int_equal(journal_reader_next(reader, &record), 1);
            assert_int_equal(record.sequence, i);
            sequence_data(i, data, record.bytes);
            assert_memory_equal(record.data, data, record.bytes);
        }
        assert_int_equal(journal_reader_next(reader, &record), 0);
    }
    journal_reader_close(reader);
    journal_close(journal);
    struct journal_report report;
    assert_int_equal(journal_verify(directory, &report), 0);
    assert_true(report.files > 2);
}

static void test_reader_waits_for_the_rest_of_a_block(void **state) {
    (void)state;
    struct journal *journal = open_plain(NULL);
    append_blocks(journal, 3);
    journal_close(journal);
    size_t bytes, starts[4];
    uint8_t *content = file_read(first_file, &bytes);
    assert_int_equal(block_starts(content, bytes, starts), 3);

    file_write(first_file, content, 0);
    struct journal_reader *reader;
    struct journal_record record;
    assert_int_equal(journal_reader_open(directory, &reader), 0);
    uint64_t said = 0;
    for (size_t there = 1; there <= bytes; there++) {
        file_append(first_file, content + there - 1, 1);
        int got;
        while ((got = journal_reader_next(reader, &record)) == 1) said++;
        if (got != 0) fail_msg("%zu bytes: %d, %s", there, got, err_text());
        uint64_t whole = there >= starts[3]   ? 6
                         : there >= starts[2] ? 4
                         : there >= starts[1] ? 2
                                              : 0;
        assert_int_equal(said, whole);
    }
    journal_reader_close(reader);
    free(content);
}

static void test_second_writer_is_refused(void **state) {
    (void)state;
    struct journal *journal = open_plain(NULL);
    assert_int_equal(open_code(), -EWOULDBLOCK);
    assert_non_null(strstr(err_text(), directory));
    append_blocks(journal, 1);
    journal_close(journal);
    assert_int_equal(open_code(), 0);
}

/* ---- what a crash leaves --------------------------------------------------------------------- */

static void test_tail_torn_at_any_byte_is_cut(void **state) {
    (void)state;
    struct journal *journal = open_plain(NULL);
    append_blocks(journal, 3);
    journal_close(journal);
    size_t bytes, starts[4];
    uint8_t *content = file_read(first_file, &bytes);
    assert_int_equal(block_starts(content, bytes, starts), 3);

    for (size_t there = starts[2]; there <= bytes; there++) {
        file_write(first_file, content, there);
        bool whole = there == bytes;
        uint64_t torn = whole ? 0 : there - starts[2];
        struct journal_report report;
        assert_int_equal(journal_verify(directory, &report), 0);
        assert_int_equal(report.torn_bytes, torn);
        assert_int_equal(report.blocks, whole ? 3 : 2);

        struct journal_recovered recovered;
        journal = open_plain(&recovered);
        assert_int_equal(recovered.records, whole ? 6 : 4);
        assert_int_equal(recovered.cut_bytes, torn);
        assert_int_equal(recovered.cut_line[0] != 0, torn > 0);
        assert_string_equal(recovered.cut_file, torn > 0 ? "market-000001.wpj" : "");
        assert_int_equal(journal_durable(journal), recovered.records);
        append_blocks(journal, 2);
        journal_close(journal);
        expect_records(whole ? 10 : 8);
    }
    free(content);
}

static void test_torn_first_block_leaves_an_empty_journal(void **state) {
    (void)state;
    struct journal *journal = open_plain(NULL);
    append_blocks(journal, 1);
    journal_close(journal);
    assert_int_equal(truncate(first_file, (off_t)file_bytes(first_file) - 1), 0);
    struct journal_recovered recovered;
    journal = open_plain(&recovered);
    assert_int_equal(recovered.records, 0);
    assert_true(recovered.cut_bytes > 0);
    append_blocks(journal, 2);
    journal_close(journal);
    expect_records(4);
}

/* A journal of one small block and one of more than three sectors without a zero byte. */
static uint8_t *long_block(size_t *bytes, size_t *start) {
    struct journal *journal = open_plain(NULL);
    uint8_t data[1999];
    append_blocks(journal, 1);
    *start = file_bytes(first_file);
    sequence_data(3, data, sizeof data);
    assert_int_equal(journal_append(journal, JOURNAL_SESSION_INPUT, 7, data, sizeof data), 3);
    assert_int_equal(journal_wait(journal), 0);
    journal_close(journal);
    return file_read(first_file, bytes);
}

static void test_tail_with_a_missing_sector_is_cut(void **state) {
    (void)state;
    size_t bytes, start;
    uint8_t *content = long_block(&bytes, &start);
    unsigned sectors = 0;
    for (size_t sector = start / 512 * 512; sector < bytes; sector += 512, sectors++) {
        uint8_t *torn = malloc(bytes);
        assert_non_null(torn);
        memcpy(torn, content, bytes);
        size_t from = sector > start ? sector : start;
        size_t to = sector + 512 < bytes ? sector + 512 : bytes;
        memset(torn + from, 0, to - from);
        file_write(first_file, torn, bytes);
        free(torn);
        struct journal_recovered recovered;
        journal_close(open_plain(&recovered));
        assert_int_equal(recovered.records, 2);
        assert_int_equal(recovered.cut_bytes, bytes - start);
    }

    /* the writer starts no block before the one in front is down: then it is damage */
    file_write(first_file, content, bytes);
    struct journal *journal = open_plain(NULL);
    note(journal, "behind it");
    assert_int_equal(journal_wait(journal), 0);
    journal_close(journal);
    size_t all = file_bytes(first_file), hole = (start / 512 + 2) * 512;
    static const uint8_t zeros[512];
    int fd = open(first_file, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, zeros, sizeof zeros, (off_t)hole), sizeof zeros);
    (void)close(fd);
    assert_int_equal(open_code(), -EBADMSG);
    assert_int_equal(file_bytes(first_file), all);
    assert_true(sectors >= 4);
    free(content);
}

static void test_bytes_that_never_were_a_block_are_cut(void **state) {
    (void)state;
    uint64_t seed = 20261120;
    print_message("seed %llu\n", (unsigned long long)seed);
    struct random random = random_seeded(seed);
    struct journal *journal = open_plain(NULL);
    append_blocks(journal, 2);
    journal_close(journal);
    size_t whole = file_bytes(first_file);
    static uint8_t tail[JOURNAL_BLOCK_BYTES_MAX + 1];
    static const size_t length[] = {
        1,   7,    BLOCK_HEADER_BYTES - 1,  BLOCK_HEADER_BYTES,
        105, 5000, JOURNAL_BLOCK_BYTES_MAX, JOURNAL_BLOCK_BYTES_MAX + 1
    };
    for (unsigned zeros = 0; zeros < 2; zeros++)
        for (unsigned i = 0; i < sizeof length / sizeof *length; i++) {
            for (size_t at = 0; at < length[i]; at++)
                tail[at] = zeros ? 0 : (uint8_t)random_next(&random);
            file_append(first_file, tail, length[i]);
            if (length[i] > JOURNAL_BLOCK_BYTES_MAX) { /* more than a crash can leave */
                assert_int_equal(open_code(), -EBADMSG);
                assert_int_equal(file_bytes(first_file), whole + length[i]);
                assert_int_equal(truncate(first_file, (off_t)whole), 0);
                continue;
            }
            struct journal_recovered recovered;
            journal_close(open_plain(&recovered));
            assert_int_equal(recovered.cut_bytes, length[i]);
            assert_int_equal(file_bytes(first_file), whole);
        }
    expect_records(4);
}

/* ---- what a crash does not leave ------------------------------------------------------------- */

static void test_any_flipped_bit_is_found(void **state) {
    (void)state;
    struct journal *journal = open_plain(NULL);
    append_blocks(journal, 3);
    journal_close(journal);
    size_t bytes, starts[4];
    uint8_t *content = file_read(first_file, &bytes);
    assert_int_equal(block_starts(content, bytes, starts), 3);

    int fd = open(first_file, O_WRONLY);
    assert_true(fd >= 0);
    for (size_t at = 0; at < bytes; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            uint8_t flipped = (uint8_t)(content[at] ^ 1u << bit);
            assert_int_equal(pwrite(fd, &flipped, 1, (off_t)at), 1);
            struct journal_report report;
            int code = journal_verify(directory, &report);
            if (code != -EBADMSG) fail_msg("byte %zu, bit %u: %d", at, bit, code);
            assert_int_equal(report.blocks, at < starts[1] ? 0 : at < starts[2] ? 1 : 2);
            if (bit == at % 8) assert_int_equal(open_code(), -EBADMSG);
            assert_int_equal(pwrite(fd, &content[at], 1, (off_t)at), 1);
        }
    (void)close(fd);
    assert_int_equal(file_bytes(first_file), bytes); /* nothing was cut */
    assert_int_equal(open_code(), 0);
    expect_records(6);
    free(content);
}

static void test_bad_block_in_the_middle_is_refused_and_not_cut(void **state) {
    (void)state;
    struct journal *journal = open_plain(NULL);
    append_blocks(journal, 3);
    journal_close(journal);
    size_t bytes, starts[4];
    uint8_t *content = file_read(first_file, &bytes);
    assert_int_equal(block_starts(content, bytes, starts), 3);
    size_t size = starts[1] - starts[0];

    static const struct {
        size_t from, to;
        const char *why;
    } row[] = {
        { 0, BLOCK_HEADER_BYTES, "no header" },
        { 28, 32, "no length" },
        { BLOCK_HEADER_BYTES, BLOCK_HEADER_BYTES + 96, "no payload" },
        { 0, BLOCK_HEADER_BYTES + 96, "nothing" },
    };
    for (unsigned i = 0; i < sizeof row / sizeof *row; i++) {
        uint8_t *bad = malloc(bytes);
        assert_non_null(bad);
        memcpy(bad, content, bytes);
        memset(bad + starts[1] + row[i].from, 0, row[i].to - row[i].from);
        file_write(first_file, bad, bytes);
        if (open_code() != -EBADMSG) fail_msg("%s", row[i].why);
        assert_non_null(strstr(err_text(), "market-000001.wpj: damaged at byte"));
        assert_int_equal(file_bytes(first_file), bytes);
        struct journal_report report;
        assert_int_equal(journal_verify(directory, &report), -EBADMSG);
        assert_int_equal(report.blocks, 1);
        assert_int_equal(report.records_total, 2);
        free(bad);
    }

    /* whole blocks in the wrong place: one left out, one twice, two swapped */
    uint8_t *moved = malloc(bytes + size);
    assert_non_null(moved);
    memcpy(moved, content, size);
    memcpy(moved + size, content + 2 * size, size);
    file_write(first_file, moved, 2 * size);
    assert_int_equal(open_code(), -EBADMSG);
    memcpy(moved, content, bytes);
    memcpy(moved + bytes, content + starts[2], size);
    file_write(first_file, moved, bytes + size);
    assert_int_equal(open_code(), -EBADMSG);
    memcpy(moved + size, content + 2 * size, size);
    memcpy(moved + 2 * size, content + size, size);
    file_write(first_file, moved, bytes);
    assert_int_equal(open_code(), -EBADMSG);
    free(moved);
    free(content);
}

static void test_rewritten_block_breaks_the_chain(void **state) {
    (void)state;
    struct journal *journal = open_plain(NULL);
    append_blocks(journal, 3);
    journal_close(journal);
    size_t bytes, starts[4];
    uint8_t *content = file_read(first_file, &bytes);
    assert_int_equal(block_starts(content, bytes, starts), 3);

    /* a forger changes the first block and gives it CRCs and a hash that fit */
    struct block_chain chain = { 0 };
    content[BLOCK_HEADER_BYTES + BLOCK_RECORD_HEADER_BYTES] ^= 1;
    (void)block_seal(content, block_payload_bytes(content), 2, &chain);
    file_write(first_file, content, bytes);
    struct journal_report report;
    assert_int_equal(journal_verify(directory, &report), -EBADMSG);
    assert_int_equal(report.blocks, 1);
    assert_non_null(strstr(err_text(), "hash of the block before"));
    free(content);
}

/* Blocks whose CRCs and hash are right, but which no writer of ours makes. */
static void test_malformed_records_are_damage(void **state) {
    (void)state;
    static const struct {
        uint8_t kind, zero;
        uint16_t session;
        uint32_t bytes, payload, records;
        uint8_t fill;
        int32_t code;
        const char *why;
    } row[] = {
        { 5, 0, 0, 9, 24, 1, 0, 128, "a note" },
        { 5, 0, 0, 9, 24, 2, 0, -EBADMSG, "a record less than it says" },
        { 5, 0, 0, 9, 24, 0, 0, -EBADMSG, "no record" },
        { 5, 0, 0, 16, 24, 1, 0, 128, "data up to the end" },
        { 5, 0, 0, 17, 24, 1, 0, -EBADMSG, "data beyond the end" },
        { 5, 0, 0, UINT32_MAX, 24, 1, 0, -EBADMSG, "length that wraps" },
        { 5, 0, 0, 9, 24, 1, 1, -EBADMSG, "filled up with something" },
        { 5, 1, 0, 9, 24, 1, 0, -EBADMSG, "a byte that must be zero" },
        { 5, 0, 1, 9, 24, 1, 0, -EBADMSG, "a note of a session" },
        { 4, 0, 1, 9, 24, 1, 0, 128, "output of a session" },
        { 0, 0, 0, 9, 24, 1, 0, -EBADMSG, "kind 0" },
        { 6, 0, 0, 9, 24, 1, 0, -EBADMSG, "a kind that is not there" },
        { 1, 0, 0, 64, 72, 1, 0, 176, "a command" },
        { 1, 0, 0, 63, 72, 1, 0, -EBADMSG, "a command that is too short" },
        { 2, 0, 0, 60, 72, 1, 0, 176, "an event" },
        { 2, 0, 0, 61, 72, 1, 0, -EBADMSG, "an event that is too long" },
        { 5, 0, 0, 0, 12, 1, 0, -EBADMSG, "payload of no multiple of 8" },
    };
    for (unsigned i = 0; i < sizeof row / sizeof *row; i++) {
        _Alignas(8) uint8_t block[BLOCK_HEADER_BYTES + 72] = { 0 };
        uint8_t *record = block + BLOCK_HEADER_BYTES;
        record[0] = row[i].kind;
        record[1] = row[i].zero;
        memcpy(record + 2, &row[i].session, 2);
        memcpy(record + 4, &row[i].bytes, 4);
        record[8 + 15] = row[i].fill;
        struct block_chain chain = { 0 }, start = { 0 };
        uint32_t count = block_seal(block, row[i].payload, row[i].records, &chain);
        int32_t code = block_check(block, count, &start);
        if (code != row[i].code) fail_msg("%s: %d, %s", row[i].why, code, err_text());
    }
}

/* A block whose CRCs are right and which starts the journal but for one thing. */
static void test_header_that_does_not_belong_is_damage(void **state) {
    (void)state;
    static const struct {
        uint64_t blocks, records; /* before it, as its writer thought */
        uint8_t at;               /* byte of the header that is changed afterwards, */
        uint8_t by;               /* and by what */
        const char *why;
    } row[] = {
        { 0, 0, 0, 0, NULL },
        { 1, 0, 0, 0, "it says that it is block 2" },
        { 0, 1, 0, 0, "it starts with record 2 where 1 is due" },
        { 0, 0, 4, 3, "it has version 2" },
        { 0, 0, 6, 1, "no block has" },
        { 0, 0, 32, 1, "hash of the block before" },
        { 0, 0, 64, 1, "its hash is wrong though its CRCs are right" },
        { 0, 0, 95, 128, "its hash is wrong though its CRCs are right" },
    };
    for (unsigned i = 0; i < sizeof row / sizeof *row; i++) {
        _Alignas(8) uint8_t block[BLOCK_HEADER_BYTES + 16];
        block_record_put(block + BLOCK_HEADER_BYTES, JOURNAL_NOTE, 0, "12345678", 8);
        struct block_chain theirs = { .blocks = row[i].blocks, .records = row[i].records };
        struct block_chain ours = { 0 };
        uint32_t count = block_seal(block, 16, 1, &theirs);
        block[row[i].at] ^= row[i].by;
        uint32_t crc = block_crc(block, BLOCK_HEADER_BYTES - 4);
        memcpy(block + BLOCK_HEADER_BYTES - 4, &crc, sizeof crc);

        int32_t checked = block_check(block, count, &ours);
        if (row[i].why == NULL) {
            assert_int_equal(checked, count);
            continue;
        }
        assert_int_equal(checked, -EBADMSG);
        if (strstr(err_text(), row[i].why) == NULL) fail_msg("%s: %s", row[i].why, err_text());
        assert_false(block_torn(block, count, 0, &ours));
    }
}

/* ---- failures -------------------------------------------------------------------------------- */

/* In a process of its own, because the limit stays: writes fail beyond 1000 bytes of a file. */
static void fail_writes(bool plain) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)signal(SIGXFSZ, SIG_IGN);
        struct rlimit limit = { .rlim_cur = 1000, .rlim_max = 1000 };
        if (setrlimit(RLIMIT_FSIZE, &limit) < 0) _exit(1);
        struct journal_options options = { .directory = directory, .plain = plain };
        struct journal *journal;
        struct journal_recovered recovered;
        uint8_t data[800];
        sequence_data(1, data, sizeof data);
        if (journal_open(&options, &journal, &recovered) < 0) _exit(2);
        if (journal_append(journal, JOURNAL_NOTE, 0, data, 200) != 1) _exit(3);
        if (journal_wait(journal) != 0 || journal_durable(journal) != 1) _exit(4);
        if (journal_append(journal, JOURNAL_NOTE, 0, data, 800) != 2) _exit(5);
        if (journal_wait(journal) != -EFBIG) _exit(6);
        if (strstr(err_text(), "market-000001.wpj: write at byte 312") == NULL) _exit(7);
        (void)err_set(0, "something else");
        if (journal_poll(journal) !=
            1) { /* the first record's move is not lost, or comes too late */
            if (journal_poll(journal) != -EFBIG) _exit(8);
        }
        if (journal_append(journal, JOURNAL_NOTE, 0, data, 1) != -EFBIG) _exit(9);
        if (journal_commit(journal) != -EFBIG || journal_poll(journal) != -EFBIG) _exit(10);
        if (strstr(err_text(), "market-000001.wpj") == NULL) _exit(11);
        if (journal_durable(journal) != 1 || journal_appended(journal) != 2) _exit(12);
        journal_close(journal);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);

    assert_int_equal(file_bytes(first_file), 1000); /* a part of the second block is there */
    struct journal_recovered recovered;
    journal_close(open_plain(&recovered));
    assert_int_equal(recovered.records, 1);
    assert_int_equal(recovered.cut_bytes, 1000 - 312);
}

static void test_failed_write_acknowledges_nothing(void **state) {
    (void)state;
    fail_writes(false);
}

static void test_failed_plain_write_acknowledges_nothing(void **state) {
    (void)state;
    fail_writes(true);
}

/* deny makes one system call fail with code for the rest of this process. */
static void deny(unsigned number, unsigned code) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | code),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { .len = sizeof filter / sizeof *filter, .filter = filter };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(100);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) _exit(101);
}

/* The kernel may refuse io_uring, plain writes or flushes: child opens, appends two records with a
   call denied before the second, and exits with how far it got. */
static void expect_denied(unsigned number, unsigned code, bool plain, int expected) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct journal_options options = { .directory = directory, .plain = plain };
        struct journal *journal;
        struct journal_recovered recovered;
        if (number == SYS_io_uring_setup) deny(number, code);
        if (journal_open(&options, &journal, &recovered) < 0) _exit(1);
        if (journal_uses_io_uring(journal)) _exit(2);
        if (journal_append(journal, JOURNAL_NOTE, 0, "1", 1) != 1) _exit(3);
        if (journal_wait(journal) != 0) _exit(4);
        if (number != SYS_io_uring_setup) deny(number, code);
        if (journal_append(journal, JOURNAL_NOTE, 0, "2", 1) != 2) _exit(5);
        if (journal_commit(journal) != expected) _exit(6);
        if (journal_poll(journal) != (expected < 0 ? expected : 1)) _exit(7);
        if (journal_durable(journal) != (expected < 0 ? 1 : 2)) _exit(8);
        if (journal_flush_histogram(journal)->count != (expected < 0 ? 1 : 2)) _exit(9);
        journal_close(journal);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_refused_io_uring_falls_back_to_plain_writes(void **state) {
    (void)state;
    expect_denied(SYS_io_uring_setup, EPERM, false, 0);
    assert_int_equal(unlink(first_file), 0);
    expect_denied(SYS_io_uring_setup, ENOSYS, false, 0);
}

static void test_failed_flush_acknowledges_nothing(void **state) {
    (void)state;
    expect_denied(SYS_fdatasync, EIO, true, -EIO);
}

static void test_full_disk_acknowledges_nothing(void **state) {
    (void)state;
    expect_denied(SYS_pwrite64, ENOSPC, true, -ENOSPC);
}

static void test_killed_writer_loses_nothing_durable(void **state) {
    (void)state;
    int said[2];
    assert_int_equal(pipe(said), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct journal_options options = { .directory = directory };
        struct journal *journal;
        struct journal_recovered recovered;
        if (journal_open(&options, &journal, &recovered) < 0) _exit(1);
        for (;;) { /* until it is killed */
            uint8_t data[LIMIT_EVENT_BYTES];
            uint64_t sequence = journal_appended(journal) + 1;
            sequence_data(sequence, data, sizeof data);
            (void)journal_append(journal, JOURNAL_EVENT, 0, data, sizeof data);
            if (journal_commit(journal) < 0 || journal_poll(journal) < 0) _exit(2);
            uint64_t durable = journal_durable(journal);
            if (write(said[1], &durable, sizeof durable) != sizeof durable) _exit(3);
        }
    }
    (void)close(said[1]);
    uint64_t durable = 0, last = 0;
    while (last < 500 && read(said[0], &durable, sizeof durable) == sizeof durable) last = durable;
    assert_int_equal(kill(child, SIGKILL), 0);
    while (read(said[0], &durable, sizeof durable) == sizeof durable) last = durable;
    (void)close(said[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));

    /* the kernel gives up the dead process's lock and ring when it gets to it */
    int code = -EWOULDBLOCK;
    for (int tries = 0; code == -EWOULDBLOCK && tries < 500; tries++) {
        code = open_code();
        if (code == -EWOULDBLOCK) usleep(10000);
    }
    assert_int_equal(code, 0);
    struct journal_report report;
    assert_int_equal(journal_verify(directory, &report), 0);
    assert_int_equal(report.torn_bytes, 0);
    assert_true(last >= 500);
    assert_true(report.records_total >= last);
}

/* ---- io_uring and plain writes --------------------------------------------------------------- */

static uint8_t *bytes_made_by(struct journal_options options, size_t *bytes) {
    struct journal *journal = open_with(options, NULL);
    assert_false(options.plain && journal_uses_io_uring(journal));
    struct random random = random_seeded(7);
    static uint8_t data[3000];
    for (unsigned i = 0; i < 40; i++) {
        for (unsigned j = (unsigned)random_below(&random, 5); j > 0; j--) {
            uint32_t length = (uint32_t)random_below(&random, sizeof data);
            sequence_data(journal_appended(journal) + 1, data, length);
            assert_true(journal_append(journal, JOURNAL_SESSION_OUTPUT, 3, data, length) > 0);
        }
        assert_int_equal(journal_wait(journal), 0);
    }
    journal_close(journal);
    uint8_t *content = file_read(first_file, bytes);
    assert_int_equal(unlink(first_file), 0);
    return content;
}

static void test_every_way_of_writing_gives_the_same_bytes(void **state) {
    (void)state;
    static const struct journal_options way[] = {
        { .plain = true },
        { .plain = false },
        { .plain = true, .flush = JOURNAL_ASYNC },
        { .plain = false, .flush = JOURNAL_ASYNC },
    };
    size_t bytes, other_bytes;
    uint8_t *content = bytes_made_by(way[0], &bytes);
    assert_true(bytes > 40000);
    for (unsigned i = 1; i < sizeof way / sizeof *way; i++) {
        uint8_t *other = bytes_made_by(way[i], &other_bytes);
        assert_int_equal(other_bytes, bytes);
        assert_memory_equal(other, content, bytes);
        free(other);
    }
    free(content);
}

static void test_async_files_roll(void **state) {
    (void)state;
    struct journal *journal = open_with((struct journal_options){ .block_bytes_max = 4096,
                                                                  .file_bytes_max = 4096,
                                                                  .flush = JOURNAL_ASYNC },
                                        NULL);
    append_blocks(journal, 50);
    journal_close(journal);
    expect_records(100);
    struct journal_report report;
    assert_int_equal(journal_verify(directory, &report), 0);
    assert_int_equal(report.files, 3); /* 20 blocks of 200 bytes each, and 10 */
}

/* ---- known answers --------------------------------------------------------------------------- */

static void test_crc_and_hash_are_the_published_ones(void **state) {
    (void)state;
    const uint8_t *text = (const uint8_t *)"123456789";
    assert_int_equal(block_crc(text, 9), 0xcbf43926u); /* the check value of CRC-32/ISO-HDLC */
    /* BLAKE2b-256 of "abc" */
    static const uint8_t expected[JOURNAL_HASH_BYTES] = {
        0xbd, 0xdd, 0x81, 0x3c, 0x63, 0x42, 0x39, 0x72, 0x31, 0x71, 0xef,
        0x3f, 0xee, 0x98, 0x57, 0x9b, 0x94, 0x96, 0x4e, 0x3b, 0xb1, 0xcb,
        0x3e, 0x42, 0x72, 0x62, 0xc8, 0xc0, 0x68, 0xd5, 0x23, 0x19,
    };
    uint8_t hash[JOURNAL_HASH_BYTES];
    block_hash((const uint8_t *)"a", 1, (const uint8_t *)"bc", 2, hash);
    assert_memory_equal(hash, expected, sizeof hash);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, directory_make, directory_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_every_kind_comes_back),
        TEST(test_uncommitted_records_are_not_seen),
        TEST(test_committing_nothing_writes_nothing),
        TEST(test_one_flush_takes_many_records),
        TEST(test_poll_starts_the_commit_that_waited),
        TEST(test_full_buffer_says_so_and_recovers),
        TEST(test_reopening_continues),
        TEST(test_options_out_of_range_are_refused),
        TEST(test_files_roll_before_they_outgrow),
        TEST(test_reader_follows_a_growing_journal_over_files),
        TEST(test_reader_waits_for_the_rest_of_a_block),
        TEST(test_second_writer_is_refused),
        TEST(test_tail_torn_at_any_byte_is_cut),
        TEST(test_torn_first_block_leaves_an_empty_journal),
        TEST(test_tail_with_a_missing_sector_is_cut),
        TEST(test_bytes_that_never_were_a_block_are_cut),
        TEST(test_any_flipped_bit_is_found),
        TEST(test_bad_block_in_the_middle_is_refused_and_not_cut),
        TEST(test_rewritten_block_breaks_the_chain),
        TEST(test_malformed_records_are_damage),
        TEST(test_header_that_does_not_belong_is_damage),
        TEST(test_failed_write_acknowledges_nothing),
        TEST(test_failed_plain_write_acknowledges_nothing),
        TEST(test_refused_io_uring_falls_back_to_plain_writes),
        TEST(test_failed_flush_acknowledges_nothing),
        TEST(test_full_disk_acknowledges_nothing),
        TEST(test_killed_writer_loses_nothing_durable),
        TEST(test_every_way_of_writing_gives_the_same_bytes),
        TEST(test_async_files_roll),
        TEST(test_crc_and_hash_are_the_published_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
