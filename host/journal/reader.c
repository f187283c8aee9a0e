/* reader: the reading side of journal.h: record after record, and the check of it all. */
#include "host/base/err.h"
#include "host/journal/journal.h"
#include "host/journal/walk.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct journal_reader {
    struct walk walk;
    char *directory;
    int directory_fd;
    const uint8_t *block; /* the one it is in; NULL before the first */
    uint32_t at;          /* of the next record in its payload */
    uint64_t records;     /* said so far */
};

int journal_reader_open(const char *directory, struct journal_reader **reader) {
    struct journal_reader *found = calloc(1, sizeof *found);
    if (found == NULL) return err_set(-ENOMEM, "%s: no memory to read it", directory);

    int code;
    found->walk.file_fd = -1;
    found->directory = strdup(directory);
    found->directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (found->directory_fd < 0)
        code = err_set(-errno, "%s: %s; a journal is a directory", directory, strerror(errno));
    else if (found->directory == NULL)
        code = err_set(-ENOMEM, "%s: no memory to read it", directory);
    else
        code = walk_open(&found->walk, found->directory, found->directory_fd);
    if (code < 0) {
        journal_reader_close(found);
        return code;
    }
    *reader = found;
    return 0;
}

void journal_reader_close(struct journal_reader *reader) {
    if (reader == NULL) return;
    walk_close(&reader->walk);
    if (reader->directory_fd >= 0) (void)close(reader->directory_fd);
    free(reader->directory);
    free(reader);
}

int journal_reader_next(struct journal_reader *reader, struct journal_record *record) {
    for (;;) {
        if (reader->block != NULL) {
            int got = block_record_get(reader->block + BLOCK_HEADER_BYTES,
                                       block_payload_bytes(reader->block), &reader->at, record);
            if (got < 0) return got;
            if (got > 0) {
                record->sequence = ++reader->records;
                record->block = reader->walk.chain.blocks;
                return 1;
            }
        }
        /* the walk moves its window when it looks further: the block is gone from here on */
        reader->block = NULL;
        reader->at = 0;
        int got = walk_next(&reader->walk, &reader->block);
        if (got <= 0) return got;
    }
}

int journal_verify(const char *directory, struct journal_report *report) {
    *report = (struct journal_report){ 0 };
    struct journal_reader *reader;
    int code = journal_reader_open(directory, &reader);
    if (code < 0) return code;

    struct journal_record record;
    while ((code = journal_reader_next(reader, &record)) > 0) {
        report->records[record.kind]++;
        report->records_total++;
    }
    report->blocks = reader->walk.chain.blocks;
    report->files = reader->walk.file;
    report->bytes = reader->walk.bytes;
    report->torn_bytes = reader->walk.torn_bytes;
    memcpy(report->last_hash, reader->walk.chain.hash, sizeof report->last_hash);
    journal_reader_close(reader);
    return code;
}
