#include "host/journal/walk.h"
#include "host/base/err.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One byte more than a block can have shows that a tail is more than one block. */
enum { WINDOW_BYTES = JOURNAL_BLOCK_BYTES_MAX + 1 };

void walk_file_name(uint32_t file, char name[WALK_NAME_BYTES]) {
    (void)snprintf(name, WALK_NAME_BYTES, "market-%06" PRIu32 ".wpj", file);
}

/* file_highest finds the highest number among the directory's files; 0 without any. */
static int file_highest(const struct walk *walk, uint32_t *highest) {
    int fd = openat(walk->directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return err_set(-errno, "%s: %s", walk->directory, strerror(errno));
    DIR *entries = fdopendir(fd);
    if (entries == NULL) {
        int code = err_set(-errno, "%s: %s", walk->directory, strerror(errno));
        (void)close(fd);
        return code;
    }

    *highest = 0;
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        uint32_t file;
        char name[WALK_NAME_BYTES];
        if (sscanf(entry->d_name, "market-%6" SCNu32, &file) != 1) continue;
        walk_file_name(file, name); /* other names may begin so: a copy, an archive */
        if (strcmp(name, entry->d_name) == 0 && file > *highest) *highest = file;
    }
    (void)closedir(entries);
    return 0;
}

int walk_open(struct walk *walk, const char *directory, int directory_fd) {
    *walk = (struct walk){ .directory = directory, .directory_fd = directory_fd, .file_fd = -1 };
    int code = file_highest(walk, &walk->file_highest);
    if (code < 0) return code;
    walk->window = malloc(WINDOW_BYTES);
    if (walk->window == NULL) return err_set(-ENOMEM, "%s: no memory to read it", directory);
    return 0;
}

void walk_close(struct walk *walk) {
    if (walk->file_fd >= 0) (void)close(walk->file_fd);
    free(walk->window);
    walk->file_fd = -1;
    walk->window = NULL;
}

/* window_fill reads what the file holds from offset on, as far as the window goes. */
static int window_fill(struct walk *walk) {
    walk->window_offset = walk->offset;
    walk->window_bytes = 0;
    while (walk->file_fd >= 0 && walk->window_bytes < WINDOW_BYTES) {
        ssize_t got = pread(walk->file_fd, walk->window + walk->window_bytes,
                            WINDOW_BYTES - walk->window_bytes,
                            (off_t)(walk->window_offset + walk->window_bytes));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            char name[WALK_NAME_BYTES];
            walk_file_name(walk->file, name);
            return err_set(-errno, "%s/%s: read: %s", walk->directory, name, strerror(errno));
        }
        if (got == 0) break;
        walk->window_bytes += (uint32_t)got;
    }
    return 0;
}

static const uint8_t *window_at(const struct walk *walk, uint32_t *count) {
    uint32_t from = (uint32_t)(walk->offset - walk->window_offset);
    *count = walk->window_bytes - from;
    return walk->window + from;
}

/* block_take checks the block at offset within what the window holds, and steps over a whole one.
 */
static int block_take(struct walk *walk, const uint8_t **block) {
    uint32_t count;
    const uint8_t *at = window_at(walk, &count);
    int32_t block_bytes = block_check(at, count, &walk->chain);
    if (block_bytes <= 0) return block_bytes;

    walk->chain.blocks += 1;
    walk->chain.records += block_records(at);
    memcpy(walk->chain.hash, at + BLOCK_HASH_AT, sizeof walk->chain.hash);
    walk->offset += (uint32_t)block_bytes;
    walk->bytes += (uint32_t)block_bytes;
    *block = at;
    return 1;
}

/* damage completes what block_check said of the block at offset. */
static int damage(const struct walk *walk) {
    char name[WALK_NAME_BYTES], why[160];
    walk_file_name(walk->file, name);
    (void)snprintf(why, sizeof why, "%s", err_text());
    return err_set(-EBADMSG,
                   "%s/%s: damaged at byte %" PRIu64 ", block %" PRIu64
                   ": %s. This is no torn tail; restore the file from a copy",
                   walk->directory, name, walk->offset, walk->chain.blocks + 1, why);
}

/* file_next goes to the file behind this one: 1, or 0 when there is none. */
static int file_next(struct walk *walk, int next_fd) {
    if (walk->file_fd >= 0) (void)close(walk->file_fd);
    walk->file_fd = next_fd;
    walk->file += 1;
    walk->offset = 0;
    return window_fill(walk);
}

int walk_next(struct walk *walk, const uint8_t **block) {
    walk->torn_bytes = 0;
    int took = block_take(walk, block);
    while (took == 0) {
        /* The writer makes a file only when the one before has its last block; so whether there is
           a next one is asked first, and what this one holds is read again after. */
        char name[WALK_NAME_BYTES];
        walk_file_name(walk->file + 1, name);
        int next_fd = openat(walk->directory_fd, name, O_RDONLY | O_CLOEXEC);
        if (next_fd < 0 && errno != ENOENT)
            return err_set(-errno, "%s/%s: %s", walk->directory, name, strerror(errno));

        took = window_fill(walk);
        if (took == 0) took = block_take(walk, block);
        if (took != 0) {
            if (next_fd >= 0) (void)close(next_fd);
            break;
        }

        uint32_t count;
        const uint8_t *at = window_at(walk, &count);
        if (next_fd >= 0 && count > 0) {
            (void)close(next_fd);
            return damage(walk);
        }
        if (next_fd < 0) {
            if (walk->file < walk->file_highest)
                return err_set(-EBADMSG,
                               "%s/%s: missing, and later files are there; restore it from "
                               "a copy",
                               walk->directory, name);
            if (count > 0 && !block_torn(at, count, walk->offset, &walk->chain))
                return damage(walk);
            walk->torn_bytes = count;
            return 0;
        }
        took = file_next(walk, next_fd);
        if (took == 0) took = block_take(walk, block);
    }
    return took == -EBADMSG ? damage(walk) : took;
}
