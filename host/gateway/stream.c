#include "host/gateway/stream.h"
#include "host/base/bytes.h"
#include "host/base/check.h"
#include "host/base/err.h"
#include "host/wire/soup.h"
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

static_assert(STREAM_ENTRY_BYTES == sizeof(uint64_t) + SOUP_HEADER_BYTES, "an entry's head");

static void *reserve(size_t bytes) {
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

static size_t places_bytes(size_t bytes_max) {
    return (bytes_max / (STREAM_ENTRY_BYTES + 1) / STREAM_PLACE_EVERY + 1) * sizeof(uint64_t);
}

int stream_open(struct stream *stream, size_t bytes_max) {
    *stream = (struct stream){ .size = bytes_max };
    stream->bytes = reserve(bytes_max);
    if (stream->bytes == NULL) goto failed;
    stream->places = reserve(places_bytes(bytes_max));
    if (stream->places == NULL) goto failed;
    return 0;

failed:
    stream_close(stream);
    return err_set(-ENOMEM, "no address space for a session's stream of %zu bytes", bytes_max);
}

void stream_close(struct stream *stream) {
    if (stream->bytes != NULL) (void)munmap(stream->bytes, stream->size);
    if (stream->places != NULL) (void)munmap(stream->places, places_bytes(stream->size));
    *stream = (struct stream){ .size = 0 };
}

int stream_append(struct stream *stream, uint64_t record, const uint8_t *message, size_t bytes) {
    CHECK(bytes >= 1);
    CHECK(bytes <= STREAM_MESSAGE_BYTES_MAX);
    stream->full |= stream_room(stream) < bytes + STREAM_ENTRY_BYTES;
    if (stream->full) return -ENOSPC;
    if (stream->count % STREAM_PLACE_EVERY == 0)
        stream->places[stream->count / STREAM_PLACE_EVERY] = stream->used;
    uint8_t *at = stream->bytes + stream->used;
    memcpy(at, &record, sizeof record);
    stream->used += sizeof record + soup_encode_sequenced(at + sizeof record, message, bytes);
    stream->count++;
    return 0;
}

static uint64_t entry_record(const struct stream *stream, size_t offset) {
    uint64_t record;
    memcpy(&record, stream->bytes + offset, sizeof record);
    return record;
}

static size_t frame_bytes(const struct stream *stream, size_t offset) {
    return 2u + bytes_get_be16(stream->bytes + offset + sizeof(uint64_t));
}

bool stream_release(struct stream *stream, uint64_t durable) {
    uint64_t before = stream->released;
    while (stream->released < stream->count &&
           entry_record(stream, stream->released_used) <= durable) {
        stream->released_used += sizeof(uint64_t) + frame_bytes(stream, stream->released_used);
        stream->released++;
    }
    return stream->released != before;
}

int stream_seek(const struct stream *stream, uint64_t number, struct stream_cursor *cursor) {
    if (number < 1 || number > stream->released + 1) return -ERANGE;
    if (number == stream->released + 1) {
        *cursor = (struct stream_cursor){ .number = number, .offset = stream->released_used };
        return 0;
    }
    uint64_t place = (number - 1) / STREAM_PLACE_EVERY;
    size_t offset = stream->places[place];
    for (uint64_t i = place * STREAM_PLACE_EVERY + 1; i < number; i++)
        offset += sizeof(uint64_t) + frame_bytes(stream, offset);
    *cursor = (struct stream_cursor){ .number = number, .offset = offset };
    return 0;
}

size_t stream_next(const struct stream *stream, struct stream_cursor *cursor,
                   const uint8_t **frame) {
    if (cursor->number > stream->released) return 0;
    size_t bytes = frame_bytes(stream, cursor->offset);
    *frame = stream->bytes + cursor->offset + sizeof(uint64_t);
    cursor->offset += sizeof(uint64_t) + bytes;
    cursor->number++;
    return bytes;
}
