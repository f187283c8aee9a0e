/* journal: what happened, in order, on disk: append, group commit, recovery, reading and proof.
 *
 * A journal is a directory of files market-000001.wpj, market-000002.wpj, ... that are only ever
 * appended to. A file is a run of blocks (block.h); a block is a run of records. Records count from
 * 1, without a gap, over all files. One process writes; any number read at the same time.
 *
 * The writer's loop: journal_append what happened, journal_commit once a pass, journal_poll, and
 * let out what depends on records up to journal_durable. One thread calls everything. */
#ifndef HOST_JOURNAL_JOURNAL_H
#define HOST_JOURNAL_JOURNAL_H

#include "host/base/histogram.h"
#include <stdbool.h>
#include <stdint.h>

/* What a record is. The numbers are on disk and never change. */
enum journal_kind {
    JOURNAL_COMMAND = 1,        /* struct command, all of it */
    JOURNAL_EVENT = 2,          /* the first LIMIT_EVENT_BYTES of struct event: no envelope */
    JOURNAL_SESSION_INPUT = 3,  /* bytes from a session; any length from 0 */
    JOURNAL_SESSION_OUTPUT = 4, /* bytes to a session; any length from 0 */
    JOURNAL_NOTE = 5,           /* text for people; any length from 0, no terminator */
    JOURNAL_KINDS               /* one more than the last */
};

enum journal_flush {
    JOURNAL_SYNC = 0, /* durable means on stable storage: written and fdatasync'ed */
    JOURNAL_ASYNC, /* durable means handed to the kernel: outlives this process, not the machine */
};

enum {
    JOURNAL_HASH_BYTES = 32,
    JOURNAL_BLOCK_BYTES_MIN = 4096,
    JOURNAL_BLOCK_BYTES_MAX = 1 << 20,
    JOURNAL_BLOCK_BYTES_DEFAULT = 256 << 10,
};

/* What zero means stands in brackets. */
struct journal_options {
    const char *directory;    /* made if it is missing; its parent must be there */
    enum journal_flush flush; /* [JOURNAL_SYNC] */
    bool plain; /* pwrite and fdatasync even where io_uring is to be had [false]; JOURNAL_ASYNC
                   never takes io_uring */
    uint32_t block_bytes_max; /* of one block, header included [JOURNAL_BLOCK_BYTES_DEFAULT] */
    uint64_t file_bytes_max;  /* a file that would outgrow it is followed by the next [1 GiB] */
};

/* What journal_open found. */
struct journal_recovered {
    uint64_t records; /* also the sequence of the last one */
    uint64_t blocks;
    uint32_t files;
    uint64_t cut_bytes; /* length of the torn tail that was cut; 0 when there was none */
    char cut_file[32];  /* name of the file it was cut from; empty when there was none */
    char cut_line[200]; /* what was cut, as a line for the log; empty when there was none */
};

struct journal;

/* journal_open opens the journal for writing behind its last whole block, and takes the directory's
   lock until journal_close. It reads and checks the whole journal. The tail that a crash left,
   which nothing that was durable can be in, is cut. What is found after that counts as durable, and
   is flushed before this returns.

   Returns 0 with *journal and *recovered filled; or leaves both alone and returns a negative errno:
     -EWOULDBLOCK  another process has it open for writing
     -EBADMSG      damage that is not a torn tail: err_text names file, offset and what is wrong
     -EINVAL       an option is out of its range
     others        as the system calls give them */
int journal_open(const struct journal_options *options, struct journal **journal,
                 struct journal_recovered *recovered);

/* journal_close waits for the flush in flight, and gives back everything. What was appended after
   that flush was started is lost: journal_wait comes first where it matters. NULL is fine. */
void journal_close(struct journal *journal);

/* journal_append puts a record at the end, in memory only; it never waits. data is copied. session
   is kept for SESSION_INPUT and SESSION_OUTPUT and is 0 for every other kind; bytes is what the
   kind asks for.

   Returns the record's sequence, which is above 0; or
     -ENOBUFS   no room until a flush ends: commit, poll, and append again
     -EMSGSIZE  longer than journal_record_bytes_max
     others     the journal has failed, see journal_poll */
int64_t journal_append(struct journal *journal, enum journal_kind kind, uint16_t session,
                       const void *data, uint32_t bytes);

/* journal_record_bytes_max is the longest data that one record holds. */
uint32_t journal_record_bytes_max(const struct journal *journal);

/* journal_commit asks that all records so far become durable. If no flush is in flight they are
   sealed into a block and its flush is started; if one is, they go on growing into the next block,
   which journal_poll starts as soon as it can. With io_uring it does not wait, but for the few
   milliseconds in which a new file is made; without, it writes and flushes before it returns.
   Nothing to commit is fine. Returns 0, or a negative errno once the journal has failed. */
int journal_commit(struct journal *journal);

/* journal_poll takes note of flushes that have ended, and starts the next one that was asked for.
   It never waits. Returns 1 when journal_durable has moved since the last call, 0 when not; or a
   negative errno (-EIO, -ENOSPC, -EFBIG, ...) once a write or a flush has failed. That is final:
   every later call returns it too, journal_durable stays, and the records behind it must count as
   lost until journal_open has looked. */
int journal_poll(struct journal *journal);

/* journal_wait commits and waits until all records are durable. For shutdown and tests. Returns 0,
   or a negative errno once the journal has failed. */
int journal_wait(struct journal *journal);

/* journal_durable is the sequence of the last durable record, journal_appended that of the last
   record; 0 when there is none. */
uint64_t journal_durable(const struct journal *journal);
uint64_t journal_appended(const struct journal *journal);

/* journal_uses_io_uring says which way writes go, for the summary. */
bool journal_uses_io_uring(const struct journal *journal);

/* journal_flush_histogram counts how many nanoseconds each flush took, from its start until it was
   seen to end. The journal keeps it. */
const struct histogram *journal_flush_histogram(const struct journal *journal);

/* ---- reading -------------------------------------------------------------------------------- */

struct journal_record {
    uint64_t sequence;   /* from 1 */
    uint64_t block;      /* number of its block, from 1 */
    const uint8_t *data; /* on an 8-byte boundary; good until the next call with this reader */
    uint32_t bytes;
    uint16_t session; /* 0 but for SESSION_INPUT and SESSION_OUTPUT */
    uint8_t kind;     /* enum journal_kind */
};

struct journal_reader;

/* journal_reader_open reads from the first record on, without the writer's lock. Returns 0 and
 *fills reader, which journal_reader_close gives back; or a negative errno. */
int journal_reader_open(const char *directory, struct journal_reader **reader);
void journal_reader_close(struct journal_reader *reader);

/* journal_reader_next says the next record: 1 and *record is filled; 0 and there is none yet: the
   same call goes on when the writer has written another block, so that this also follows a growing
   journal. A record is said only when its whole block is there and its CRCs, its hash and its link
   to the block before are right. A reader may see a block before its flush has ended. -EBADMSG is
   damage, as in journal_open; it stays. */
int journal_reader_next(struct journal_reader *reader, struct journal_record *record);

struct journal_report {
    uint64_t records[JOURNAL_KINDS]; /* by kind; [0] is 0 */
    uint64_t records_total;
    uint64_t blocks;
    uint32_t files;
    uint64_t bytes;                        /* of whole blocks */
    uint64_t torn_bytes;                   /* behind the last whole block */
    uint8_t last_hash[JOURNAL_HASH_BYTES]; /* of the last whole block; zeros when there is none */
};

/* journal_verify checks every CRC, hash, number and link of every file. Returns 0; or -EBADMSG,
   with err_text naming file, offset and what is wrong, and the report telling of what comes before.
   A torn tail is no damage; it is counted in torn_bytes. */
int journal_verify(const char *directory, struct journal_report *report);

#endif /* HOST_JOURNAL_JOURNAL_H */
