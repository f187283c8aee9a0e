/* stream: all sequenced messages of one session, kept for the day so that any of them can be sent
 * again.
 *
 * A message is kept as the SoupBinTCP frame that carries it, behind the number of the journal
 * record that holds it; it may be sent once that record is durable. Memory is address space
 * reserved at open and touched as the stream grows: appending allocates nothing. Messages count
 * from 1. */
#ifndef HOST_GATEWAY_STREAM_H
#define HOST_GATEWAY_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stream {
    uint8_t *bytes;   /* entries */
    uint64_t *places; /* offset of every STREAM_PLACE_EVERY-th entry */
    size_t used, size;
    uint64_t count;    /* messages */
    uint64_t released; /* of them, those whose record is durable */
    size_t released_used;
    bool full; /* a message had no room: the stream has ended before it */
};

enum { STREAM_PLACE_EVERY = 256, STREAM_MESSAGE_BYTES_MAX = 1024 };

/* Where a reader of the stream is: at the message with this number, which may not be there yet. */
struct stream_cursor {
    uint64_t number;
    size_t offset;
};

/* stream_open reserves room for bytes_max. Returns 0, or -ENOMEM and says why. stream_close gives
   it back. */
int stream_open(struct stream *stream, size_t bytes_max);
void stream_close(struct stream *stream);

/* stream_append adds a message of 1 to STREAM_MESSAGE_BYTES_MAX bytes that journal record `record`
   holds; records never go down. Returns 0, or -ENOSPC when the stream is full; from then on it
   takes no message, however short, so that none is missing between others. */
int stream_append(struct stream *stream, uint64_t record, const uint8_t *message, size_t bytes);

/* stream_release lets out every message whose record is at most durable. True if there was one. */
bool stream_release(struct stream *stream, uint64_t durable);

/* stream_seek sets a cursor to a message by its number, from 1 to released + 1. Returns 0, or
   -ERANGE for any other number. */
int stream_seek(const struct stream *stream, uint64_t number, struct stream_cursor *cursor);

/* stream_next gives the frame of the released message at the cursor and moves behind it. Returns
   the frame's bytes, 0 when there is none. */
size_t stream_next(const struct stream *stream, struct stream_cursor *cursor,
                   const uint8_t **frame);

/* stream_room is what is left, in bytes. A message takes its length and STREAM_ENTRY_BYTES. */
enum { STREAM_ENTRY_BYTES = 8 + 3 };
static inline size_t stream_room(const struct stream *stream) {
    return stream->size - stream->used;
}

#endif /* HOST_GATEWAY_STREAM_H */
