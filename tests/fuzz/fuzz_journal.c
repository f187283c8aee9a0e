/* fuzz_journal: host/journal/block.h on arbitrary bytes, taken once as the content of a file, and
 * once as the payload of a block whose CRCs and hash are right, which is how far a forger gets. */
#include "host/base/check.h"
#include "host/journal/block.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* What is read from a payload and laid out again must be the same bytes. */
static void payload_repeat(const uint8_t *payload, uint32_t payload_bytes, uint32_t records) {
    uint8_t *again = malloc(payload_bytes + 1);
    CHECK(again != NULL);
    uint32_t at = 0, put = 0, count = 0;
    struct journal_record record;
    while (block_record_get(payload, payload_bytes, &at, &record) > 0) {
        block_record_put(again + put, record.kind, record.session, record.data, record.bytes);
        put += block_record_bytes(record.bytes);
        CHECK(put == at);
        count++;
    }
    CHECK(count == records);
    CHECK(at == payload_bytes);
    CHECK(memcmp(again, payload, payload_bytes) == 0);
    free(again);
}

static void as_file(const uint8_t *data, uint32_t bytes) {
    struct block_chain chain = { 0 };
    uint32_t at = 0;
    for (;;) {
        int32_t block_bytes = block_check(data + at, bytes - at, &chain);
        if (block_bytes < 0) CHECK(!block_torn(data + at, bytes - at, at, &chain));
        if (block_bytes == 0) (void)block_torn(data + at, bytes - at, at, &chain);
        if (block_bytes <= 0) break;
        CHECK((uint32_t)block_bytes <= bytes - at);
        const uint8_t *block = data + at;
        payload_repeat(block + BLOCK_HEADER_BYTES, block_payload_bytes(block),
                       block_records(block));
        chain.blocks += 1;
        chain.records += block_records(block);
        memcpy(chain.hash, block + BLOCK_HASH_AT, sizeof chain.hash);
        at += (uint32_t)block_bytes;
    }
}

/* The first byte says how many records the header claims, the second which byte is changed later.
 */
static void as_payload(const uint8_t *data, uint32_t bytes) {
    if (bytes < 2) return;
    uint32_t payload_bytes = bytes - 2;
    uint8_t *block = malloc(BLOCK_HEADER_BYTES + payload_bytes);
    CHECK(block != NULL);
    memcpy(block + BLOCK_HEADER_BYTES, data + 2, payload_bytes);
    struct block_chain start = { 0 }, end = { 0 };
    uint32_t count = block_seal(block, payload_bytes, data[0], &end);
    int32_t checked = block_check(block, count, &start);
    CHECK(checked != 0); /* it is whole, whatever is in it */
    if (checked > 0) {
        CHECK((uint32_t)checked == count);
        payload_repeat(block + BLOCK_HEADER_BYTES, payload_bytes, data[0]);
        CHECK(block_check(block, count - 1, &start) == 0);
        CHECK(block_torn(block, count - 1, 0, &start));
        block[(data[1] * 257u + bytes) % count] ^= 1;
        CHECK(block_check(block, count, &start) <= 0);
    }
    free(block);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    if (bytes > JOURNAL_BLOCK_BYTES_MAX - BLOCK_HEADER_BYTES) return 0;
    as_file(data, (uint32_t)bytes);
    as_payload(data, (uint32_t)bytes);
    return 0;
}
