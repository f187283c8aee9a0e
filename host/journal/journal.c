#include "host/journal/journal.h"
#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/base/err.h"
#include "host/journal/walk.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FILE_MODE = 0640,
    DIRECTORY_MODE = 0750,
    BUFFER_ALIGNMENT = 4096,
    RING_ENTRIES = 4, /* one write and one flush are ever under way */
};

static const uint64_t file_bytes_default = 1ull << 30;

/* A block that grows: room for the header, then the records so far. */
struct buffer {
    uint8_t *bytes;
    uint32_t payload_bytes;
    uint32_t records;
};

/* The block that is being written and flushed. */
struct flight {
    const uint8_t *bytes;
    uint32_t count;
    uint32_t written;
    uint64_t last_record;
    uint64_t start_ns;
    unsigned pending; /* completions to come; 0 when there is no flight */
    int write_result, sync_result;
};

struct journal {
    char *directory;
    int directory_fd; /* holds the lock */
    int file_fd;
    uint32_t file;
    uint64_t file_bytes;
    uint64_t file_bytes_max;
    uint32_t payload_bytes_max;
    bool sync;

    struct block_chain chain; /* of the last sealed block */
    struct buffer buffers[2]; /* one grows while the other is in flight */
    unsigned growing;
    struct flight flight;
    bool commit_wanted; /* asked for during the flight */

    uint64_t appended, durable, durable_said;
    int failed; /* the negative errno that ended it, or 0 */
    char failure[256];

    bool uring;
    struct io_uring ring;

    struct histogram flush_ns;
};

/* ---- open and close -------------------------------------------------------------------------- */

/* directory_lock makes the directory if it is missing and locks it for this writer. */
static int directory_lock(struct journal *journal) {
    const char *directory = journal->directory;
    bool made = mkdir(directory, DIRECTORY_MODE) == 0;
    if (!made && errno != EEXIST)
        return err_set(-errno, "%s: make the journal's directory: %s", directory, strerror(errno));
    journal->directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (journal->directory_fd < 0)
        return err_set(-errno, "%s: %s; a journal is a directory", directory, strerror(errno));
    if (flock(journal->directory_fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno == EWOULDBLOCK)
            return err_set(-EWOULDBLOCK, "%s: another process writes this journal; stop it first",
                           directory);
        return err_set(-errno, "%s: lock: %s", directory, strerror(errno));
    }
    if (!made) return 0;

    int parent_fd = openat(journal->directory_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int code = 0;
    if (parent_fd < 0 || fsync(parent_fd) < 0)
        code = err_set(-errno, "%s: flush the directory above: %s", directory, strerror(errno));
    if (parent_fd >= 0) (void)close(parent_fd);
    return code;
}

/* file_open opens file number journal->file; flags may add O_CREAT. */
static int file_open(struct journal *journal, int flags) {
    char name[WALK_NAME_BYTES];
    walk_file_name(journal->file, name);
    journal->file_fd = openat(journal->directory_fd, name, O_WRONLY | O_CLOEXEC | flags, FILE_MODE);
    if (journal->file_fd < 0)
        return err_set(-errno, "%s/%s: %s", journal->directory, name, strerror(errno));
    if ((flags & O_CREAT) && fsync(journal->directory_fd) < 0)
        return err_set(-errno, "%s: flush the directory: %s", journal->directory, strerror(errno));
    return 0;
}

/* tail_cut cuts the torn tail behind the last whole block and says so. */
static int tail_cut(struct journal *journal, const struct walk *walk,
                    struct journal_recovered *recovered) {
    recovered->cut_bytes = walk->torn_bytes;
    walk_file_name(walk->file, recovered->cut_file);
    (void)snprintf(recovered->cut_line, sizeof recovered->cut_line,
                   "journal: %s: cut a torn tail of %" PRIu64 " bytes at byte %" PRIu64
                   ", behind block %" PRIu64 ", record %" PRIu64 "; nothing durable was in it",
                   recovered->cut_file, walk->torn_bytes, walk->offset, walk->chain.blocks,
                   walk->chain.records);
    if (ftruncate(journal->file_fd, (off_t)walk->offset) < 0)
        return err_set(-errno, "%s/%s: cut at byte %" PRIu64 ": %s", journal->directory,
                       recovered->cut_file, walk->offset, strerror(errno));
    return 0;
}

/* journal_recover goes behind the last whole block. */
static int journal_recover(struct journal *journal, struct walk *walk,
                           struct journal_recovered *recovered) {
    const uint8_t *block;
    int code = walk_open(walk, journal->directory, journal->directory_fd);
    if (code < 0) return code;
    while ((code = walk_next(walk, &block)) > 0) {
    }
    if (code < 0) return code;

    journal->chain = walk->chain;
    journal->file = walk->file > 0 ? walk->file : 1;
    journal->file_bytes = walk->offset;
    journal->appended = journal->durable = journal->durable_said = walk->chain.records;
    *recovered = (struct journal_recovered){ .records = walk->chain.records,
                                             .blocks = walk->chain.blocks,
                                             .files = journal->file };
    code = file_open(journal, walk->file > 0 ? 0 : O_CREAT | O_EXCL);
    if (code == 0 && walk->torn_bytes > 0) code = tail_cut(journal, walk, recovered);
    /* A writer that died may have left blocks that were written and not flushed. */
    if (code == 0 && fsync(journal->file_fd) < 0)
        code = err_set(-errno, "%s: flush its last file: %s", journal->directory, strerror(errno));
    return code;
}

/* uring_open says whether io_uring is to be had with what we need of it. */
static bool uring_open(struct journal *journal) {
    if (io_uring_queue_init(RING_ENTRIES, &journal->ring, 0) < 0) return false;
    struct io_uring_probe *probe = io_uring_get_probe_ring(&journal->ring);
    bool fit = probe != NULL && io_uring_opcode_supported(probe, IORING_OP_WRITE) &&
               io_uring_opcode_supported(probe, IORING_OP_FSYNC);
    io_uring_free_probe(probe);
    if (!fit) io_uring_queue_exit(&journal->ring);
    return fit;
}

static int options_check(const struct journal_options *options, uint32_t block_bytes_max,
                         uint64_t file_bytes_max) {
    if (options->directory == NULL || options->directory[0] == 0)
        return err_set(-EINVAL, "journal: no directory is named");
    if (options->flush != JOURNAL_SYNC && options->flush != JOURNAL_ASYNC)
        return err_set(-EINVAL, "journal: flush is %d; take JOURNAL_SYNC or JOURNAL_ASYNC",
                       (int)options->flush);
    if (block_bytes_max < JOURNAL_BLOCK_BYTES_MIN || block_bytes_max > JOURNAL_BLOCK_BYTES_MAX)
        return err_set(-EINVAL, "journal: block_bytes_max is %" PRIu32 "; take %d to %d",
                       block_bytes_max, JOURNAL_BLOCK_BYTES_MIN, JOURNAL_BLOCK_BYTES_MAX);
    if (file_bytes_max < block_bytes_max)
        return err_set(-EINVAL,
                       "journal: file_bytes_max is %" PRIu64 "; one block may need %" PRIu32,
                       file_bytes_max, block_bytes_max);
    return 0;
}

int journal_open(const struct journal_options *options, struct journal **journal,
                 struct journal_recovered *recovered) {
    uint32_t block_bytes_max =
        options->block_bytes_max ? options->block_bytes_max : JOURNAL_BLOCK_BYTES_DEFAULT;
    uint64_t file_bytes_max =
        options->file_bytes_max ? options->file_bytes_max : file_bytes_default;
    int code = options_check(options, block_bytes_max, file_bytes_max);
    if (code < 0) return code;

    struct journal *made = calloc(1, sizeof *made);
    if (made == NULL) return err_set(-ENOMEM, "%s: no memory for it", options->directory);
    made->directory_fd = made->file_fd = -1;
    made->directory = strdup(options->directory);
    made->sync = options->flush == JOURNAL_SYNC;
    made->file_bytes_max = file_bytes_max;
    made->payload_bytes_max = (block_bytes_max - BLOCK_HEADER_BYTES) & ~7u;
    for (int i = 0; i < 2; i++) {
        size_t room = ((size_t)block_bytes_max + BUFFER_ALIGNMENT - 1) & ~(BUFFER_ALIGNMENT - 1ul);
        made->buffers[i].bytes = aligned_alloc(BUFFER_ALIGNMENT, room);
        /* touched here, so that the loop takes no page fault */
        if (made->buffers[i].bytes != NULL) memset(made->buffers[i].bytes, 0, room);
    }

    struct walk walk = { .file_fd = -1 };
    struct journal_recovered found;
    if (made->directory == NULL || made->buffers[0].bytes == NULL || made->buffers[1].bytes == NULL)
        code = err_set(-ENOMEM, "%s: no memory for its blocks", options->directory);
    else
        code = directory_lock(made);
    if (code == 0) code = journal_recover(made, &walk, &found);
    walk_close(&walk);
    if (code < 0) {
        journal_close(made);
        return code;
    }
    made->uring = !options->plain && made->sync && uring_open(made);
    *journal = made;
    *recovered = found;
    return 0;
}

void journal_close(struct journal *journal) {
    if (journal == NULL) return;
    /* the kernel reads the buffer until its completions are there */
    while (journal->flight.pending > 0) {
        struct io_uring_cqe *completion;
        int waited = io_uring_wait_cqe(&journal->ring, &completion);
        if (waited == -EINTR) continue;
        CHECK(waited == 0);
        io_uring_cqe_seen(&journal->ring, completion);
        journal->flight.pending--;
    }
    if (journal->uring) io_uring_queue_exit(&journal->ring);
    if (journal->file_fd >= 0) (void)close(journal->file_fd);
    if (journal->directory_fd >= 0) (void)close(journal->directory_fd); /* and the lock with it */
    for (int i = 0; i < 2; i++) free(journal->buffers[i].bytes);
    free(journal->directory);
    free(journal);
}

/* ---- append ---------------------------------------------------------------------------------- */

uint32_t journal_record_bytes_max(const struct journal *journal) {
    return journal->payload_bytes_max - BLOCK_RECORD_HEADER_BYTES;
}

/* journal_failure says again how the journal failed. */
static int journal_failure(const struct journal *journal) {
    return err_set(journal->failed, "%s", journal->failure);
}

int64_t journal_append(struct journal *journal, enum journal_kind kind, uint16_t session,
                       const void *data, uint32_t bytes) {
    if (journal->failed) return journal_failure(journal);
    CHECK(data != NULL || bytes == 0);
    CHECK(block_kind_takes(kind, session, bytes));
    if (bytes > journal_record_bytes_max(journal))
        return err_set(-EMSGSIZE, "%s: a record of %" PRIu32 " bytes; a block holds %" PRIu32,
                       journal->directory, bytes, journal_record_bytes_max(journal));

    struct buffer *buffer = &journal->buffers[journal->growing];
    uint32_t record_bytes = block_record_bytes(bytes);
    if (record_bytes > journal->payload_bytes_max - buffer->payload_bytes) return -ENOBUFS;
    block_record_put(buffer->bytes + BLOCK_HEADER_BYTES + buffer->payload_bytes, kind, session,
                     data, bytes);
    buffer->payload_bytes += record_bytes;
    buffer->records++;
    return (int64_t)++journal->appended;
}

/* ---- flush ----------------------------------------------------------------------------------- */

/* journal_fail ends the journal for good: code and cause stay. */
static int journal_fail(struct journal *journal, int code, const char *what) {
    char name[WALK_NAME_BYTES];
    walk_file_name(journal->file, name);
    journal->failed = code;
    (void)snprintf(journal->failure, sizeof journal->failure,
                   "%s/%s: %s at byte %" PRIu64 ": %s; records after %" PRIu64
                   " are not durable. See to the disk, then open the journal again",
                   journal->directory, name, what, journal->file_bytes, strerror(-code),
                   journal->durable);
    return journal_failure(journal);
}

/* file_roll goes on to the next file. The last one is flushed first where its blocks were not, so
   that no file is ever whole behind one that is not. */
static int file_roll(struct journal *journal) {
    if (!journal->sync && fdatasync(journal->file_fd) < 0)
        return journal_fail(journal, -errno, "flush");
    if (journal->file == WALK_FILE_MAX)
        return journal_fail(journal, -EFBIG, "number the next file");
    (void)close(journal->file_fd);
    journal->file += 1;
    journal->file_bytes = 0;
    int code = file_open(journal, O_CREAT | O_EXCL);
    return code < 0 ? journal_fail(journal, code, "make the file") : 0;
}

static void flight_landed(struct journal *journal) {
    journal->durable = journal->flight.last_record;
    journal->file_bytes += journal->flight.count;
    histogram_add(&journal->flush_ns, clock_monotonic_ns() - journal->flight.start_ns);
}

static int flight_plain(struct journal *journal) {
    struct flight *flight = &journal->flight;
    while (flight->written < flight->count) {
        ssize_t wrote =
            pwrite(journal->file_fd, flight->bytes + flight->written,
                   flight->count - flight->written, (off_t)(journal->file_bytes + flight->written));
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return journal_fail(journal, wrote < 0 ? -errno : -EIO, "write");
        flight->written += (uint32_t)wrote;
    }
    if (journal->sync && fdatasync(journal->file_fd) < 0)
        return journal_fail(journal, -errno, "flush");
    flight_landed(journal);
    return 0;
}

enum { WRITE = 1, SYNC = 2 }; /* what a completion is of */

/* flight_submit asks the kernel to write what is not yet written and then to flush it. The flush is
   linked behind the write: one that fails or falls short takes the flush with it. */
static int flight_submit(struct journal *journal) {
    struct flight *flight = &journal->flight;
    struct io_uring_sqe *entry = io_uring_get_sqe(&journal->ring);
    CHECK(entry != NULL);
    io_uring_prep_write(entry, journal->file_fd, flight->bytes + flight->written,
                        flight->count - flight->written, journal->file_bytes + flight->written);
    io_uring_sqe_set_data64(entry, WRITE);
    unsigned entries = 1;
    if (journal->sync) {
        io_uring_sqe_set_flags(entry, IOSQE_IO_LINK);
        entry = io_uring_get_sqe(&journal->ring);
        CHECK(entry != NULL);
        io_uring_prep_fsync(entry, journal->file_fd, IORING_FSYNC_DATASYNC);
        io_uring_sqe_set_data64(entry, SYNC);
        entries = 2;
    }
    flight->sync_result = 0;
    int submitted = io_uring_submit(&journal->ring);
    if (submitted < 0) return journal_fail(journal, submitted, "submit a write");
    flight->pending = (unsigned)submitted;
    if (flight->pending != entries) return journal_fail(journal, -EIO, "submit a write");
    return 0;
}

/* flight_start seals what has grown and sends it off. Nothing is in flight. */
static int flight_start(struct journal *journal) {
    struct buffer *buffer = &journal->buffers[journal->growing];
    journal->commit_wanted = false;
    if (buffer->records == 0) return 0;

    uint64_t start_ns = clock_monotonic_ns();
    uint32_t block_bytes = BLOCK_HEADER_BYTES + buffer->payload_bytes;
    if (journal->file_bytes > 0 && journal->file_bytes + block_bytes > journal->file_bytes_max) {
        int code = file_roll(journal);
        if (code < 0) return code;
    }
    (void)block_seal(buffer->bytes, buffer->payload_bytes, buffer->records, &journal->chain);
    journal->flight = (struct flight){ .bytes = buffer->bytes,
                                       .count = block_bytes,
                                       .last_record = journal->appended,
                                       .start_ns = start_ns };
    journal->growing ^= 1;
    journal->buffers[journal->growing].payload_bytes = 0;
    journal->buffers[journal->growing].records = 0;
    return journal->uring ? flight_submit(journal) : flight_plain(journal);
}

/* flight_end judges a flight whose completions are all there. */
static int flight_end(struct journal *journal) {
    struct flight *flight = &journal->flight;
    int wrote = flight->write_result;
    if (wrote == -EINTR || wrote == -EAGAIN) return flight_submit(journal);
    if (wrote <= 0) return journal_fail(journal, wrote < 0 ? wrote : -EIO, "write");
    flight->written += (uint32_t)wrote;
    CHECK(flight->written <= flight->count);
    if (flight->written < flight->count) return flight_submit(journal);
    if (flight->sync_result < 0) return journal_fail(journal, flight->sync_result, "flush");
    flight_landed(journal);
    return journal->commit_wanted ? flight_start(journal) : 0;
}

static void completion_take(struct journal *journal, struct io_uring_cqe *completion) {
    if (io_uring_cqe_get_data64(completion) == WRITE)
        journal->flight.write_result = completion->res;
    else
        journal->flight.sync_result = completion->res;
    io_uring_cqe_seen(&journal->ring, completion);
    journal->flight.pending--;
}

int journal_commit(struct journal *journal) {
    if (journal->failed) return journal_failure(journal);
    if (journal->flight.pending > 0) {
        journal->commit_wanted = true;
        return 0;
    }
    return flight_start(journal);
}

int journal_poll(struct journal *journal) {
    struct io_uring_cqe *completion;
    while (journal->flight.pending > 0 && io_uring_peek_cqe(&journal->ring, &completion) == 0) {
        completion_take(journal, completion);
        if (journal->flight.pending > 0 || journal->failed) continue;
        if (flight_end(journal) < 0) break;
    }
    if (journal->failed) return journal_failure(journal);
    if (journal->durable == journal->durable_said) return 0;
    journal->durable_said = journal->durable;
    return 1;
}

int journal_wait(struct journal *journal) {
    int code = journal_commit(journal);
    while (code == 0 && journal->durable < journal->appended) {
        CHECK(journal->flight.pending > 0);
        struct io_uring_cqe *completion;
        int waited = io_uring_wait_cqe(&journal->ring, &completion);
        if (waited == -EINTR) continue;
        if (waited < 0) return journal_fail(journal, waited, "wait for a flush");
        completion_take(journal, completion);
        if (journal->flight.pending == 0) code = flight_end(journal);
    }
    return code;
}

uint64_t journal_durable(const struct journal *journal) { return journal->durable; }

uint64_t journal_appended(const struct journal *journal) { return journal->appended; }

bool journal_uses_io_uring(const struct journal *journal) { return journal->uring; }

const struct histogram *journal_flush_histogram(const struct journal *journal) {
    return &journal->flush_ns;
}
