/* walk: from block to whole block through the files of a journal's directory. What journal_open,
 * the reader and journal_verify have in common. It only reads. */
#ifndef HOST_JOURNAL_WALK_H
#define HOST_JOURNAL_WALK_H

#include "host/journal/block.h"

enum { WALK_NAME_BYTES = 32, WALK_FILE_MAX = 999999 };

struct walk {
    const char *directory; /* for messages; the caller keeps it */
    int directory_fd;      /* the caller's */
    int file_fd;           /* -1 while file is 0 */
    uint32_t file;         /* number of the file it is in; 0 before the first one */
    uint32_t file_highest; /* that was there when the walk began */
    uint64_t offset;       /* of the next block in the file */
    struct block_chain chain;
    uint64_t bytes;      /* of the whole blocks so far */
    uint64_t torn_bytes; /* that follow offset, where walk_next said that there is no more */
    uint8_t *window;     /* a part of the file, from window_offset, on an 8-byte boundary */
    uint64_t window_offset;
    uint32_t window_bytes;
};

/* walk_file_name writes the name of file number file. */
void walk_file_name(uint32_t file, char name[WALK_NAME_BYTES]);

/* walk_open begins before the first block. 0, or a negative errno. walk_close gives back what
   walk_open took, in any case. */
int walk_open(struct walk *walk, const char *directory, int directory_fd);
void walk_close(struct walk *walk);

/* walk_next goes to the next block: 1 and *block is it, good until the next call; 0 and there is
   none behind the last one, only torn_bytes of what may be the start of one; or a negative errno,
   -EBADMSG for damage. After 0 the same call looks again. */
int walk_next(struct walk *walk, const uint8_t **block);

#endif /* HOST_JOURNAL_WALK_H */
