#include "host/journal/block.h"
#include "driver/abi/abi.h"
#include "host/base/check.h"
#include "host/base/err.h"
#include <blake2.h>
#include <errno.h>
#include <inttypes.h>
#include <zlib.h>

struct block_header {
    uint32_t magic;
    uint16_t version;
    uint16_t zero;
    uint64_t number;
    uint64_t first_record;
    uint32_t records;
    uint32_t payload_bytes;
    uint8_t previous[JOURNAL_HASH_BYTES];
    uint8_t hash[JOURNAL_HASH_BYTES];
    uint32_t payload_crc;
    uint32_t header_crc;
};

struct record_header {
    uint8_t kind;
    uint8_t zero;
    uint16_t session;
    uint32_t bytes;
};

enum {
    MAGIC = 0x424a5057, /* "WPJB" */
    VERSION = 1,
    HASHED_BYTES = offsetof(struct block_header, hash),
    CHECKED_BYTES = offsetof(struct block_header, header_crc),
    SECTOR_BYTES = 512,
    ZERO_BYTES_MIN = 32, /* shorter pieces of a sector may well be zeros by themselves */
};

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "structs are copied to disk as they are");
static_assert(sizeof(struct block_header) == BLOCK_HEADER_BYTES, "the header has a hole");
static_assert(offsetof(struct block_header, hash) == BLOCK_HASH_AT, "not what block.h says");
static_assert(offsetof(struct block_header, header_crc) == 100, "not what block.h says");
static_assert(sizeof(struct record_header) == BLOCK_RECORD_HEADER_BYTES, "a hole");
static_assert(BLOCK_HEADER_BYTES % 8 == 0, "every block and record starts on an 8-byte boundary");

uint32_t block_crc(const uint8_t *bytes, uint32_t count) {
    return (uint32_t)crc32(crc32(0, NULL, 0), bytes, count);
}

void block_hash(const uint8_t *first, uint32_t first_bytes, const uint8_t *second,
                uint32_t second_bytes, uint8_t hash[JOURNAL_HASH_BYTES]) {
    blake2b_state state;
    CHECK(blake2b_init(&state, JOURNAL_HASH_BYTES) == 0);
    CHECK(blake2b_update(&state, first, first_bytes) == 0);
    CHECK(blake2b_update(&state, second, second_bytes) == 0);
    CHECK(blake2b_final(&state, hash, JOURNAL_HASH_BYTES) == 0);
}

bool block_kind_takes(unsigned kind, uint16_t session, uint32_t bytes) {
    switch (kind) {
    case JOURNAL_COMMAND:
        return session == 0 && bytes == sizeof(struct command);
    case JOURNAL_EVENT:
        return session == 0 && bytes == LIMIT_EVENT_BYTES;
    case JOURNAL_SESSION_INPUT:
    case JOURNAL_SESSION_OUTPUT:
        return true;
    case JOURNAL_NOTE:
        return session == 0;
    default:
        return false;
    }
}

uint32_t block_record_bytes(uint32_t bytes) {
    return BLOCK_RECORD_HEADER_BYTES + ((bytes + 7u) & ~7u);
}

void block_record_put(uint8_t *at, unsigned kind, uint16_t session, const void *data,
                      uint32_t bytes) {
    struct record_header header = { .kind = (uint8_t)kind, .session = session, .bytes = bytes };
    memcpy(at, &header, sizeof header);
    at += sizeof header;
    if (bytes > 0) memcpy(at, data, bytes);
    memset(at + bytes, 0, block_record_bytes(bytes) - BLOCK_RECORD_HEADER_BYTES - bytes);
}

int block_record_get(const uint8_t *payload, uint32_t payload_bytes, uint32_t *at,
                     struct journal_record *record) {
    uint32_t left = payload_bytes - *at;
    if (left == 0) return 0;

    struct record_header header;
    if (left < sizeof header)
        return err_set(-EBADMSG, "payload byte %" PRIu32 ": no room for a record", *at);
    memcpy(&header, payload + *at, sizeof header);
    if (header.bytes > left - sizeof header || block_record_bytes(header.bytes) > left)
        return err_set(
            -EBADMSG, "payload byte %" PRIu32 ": record of %" PRIu32 " bytes, %" PRIu32 " are left",
            *at, header.bytes, left);
    if (header.zero != 0 || !block_kind_takes(header.kind, header.session, header.bytes))
        return err_set(-EBADMSG,
                       "payload byte %" PRIu32 ": no record has kind %u, session %u and %" PRIu32
                       " bytes",
                       *at, header.kind, header.session, header.bytes);

    const uint8_t *data = payload + *at + sizeof header;
    uint32_t record_bytes = block_record_bytes(header.bytes);
    for (uint32_t i = header.bytes; i < record_bytes - sizeof header; i++)
        if (data[i] != 0)
            return err_set(-EBADMSG, "payload byte %" PRIu32 ": record is not filled up with zeros",
                           *at);

    *record = (struct journal_record){
        .data = data, .bytes = header.bytes, .session = header.session, .kind = header.kind
    };
    *at += record_bytes;
    return 1;
}

uint32_t block_seal(uint8_t *block, uint32_t payload_bytes, uint32_t records,
                    struct block_chain *chain) {
    struct block_header header = {
        .magic = MAGIC,
        .version = VERSION,
        .number = chain->blocks + 1,
        .first_record = chain->records + 1,
        .records = records,
        .payload_bytes = payload_bytes,
    };
    const uint8_t *payload = block + sizeof header;
    memcpy(header.previous, chain->hash, sizeof header.previous);
    block_hash((const uint8_t *)&header, HASHED_BYTES, payload, payload_bytes, header.hash);
    header.payload_crc = block_crc(payload, payload_bytes);
    header.header_crc = block_crc((const uint8_t *)&header, CHECKED_BYTES);
    memcpy(block, &header, sizeof header);

    chain->blocks += 1;
    chain->records += records;
    memcpy(chain->hash, header.hash, sizeof chain->hash);
    return BLOCK_HEADER_BYTES + payload_bytes;
}

/* header_good reads the header at bytes and says whether it is as it was written. */
static bool header_good(const uint8_t *bytes, uint32_t count, struct block_header *header) {
    if (count < sizeof *header) return false;
    memcpy(header, bytes, sizeof *header);
    return header->magic == MAGIC && header->header_crc == block_crc(bytes, CHECKED_BYTES);
}

/* payload_fits says whether a good header's payload is all there. */
static bool payload_fits(const struct block_header *header, uint32_t count) {
    return header->payload_bytes <= count - BLOCK_HEADER_BYTES;
}

static bool payload_good(const struct block_header *header, const uint8_t *payload) {
    return header->payload_crc == block_crc(payload, header->payload_bytes);
}

/* header_links says whether a good header can be that of the block behind chain. */
static int header_links(const struct block_header *header, const struct block_chain *chain) {
    if (header->version != VERSION)
        return err_set(-EBADMSG, "it has version %u, this program reads version %d",
                       header->version, VERSION);
    if (header->number != chain->blocks + 1)
        return err_set(-EBADMSG, "it says that it is block %" PRIu64, header->number);
    if (header->first_record != chain->records + 1)
        return err_set(-EBADMSG, "it starts with record %" PRIu64 " where %" PRIu64 " is due",
                       header->first_record, chain->records + 1);
    if (memcmp(header->previous, chain->hash, sizeof chain->hash) != 0)
        return err_set(-EBADMSG, "its hash of the block before is not that block's");
    if (header->payload_bytes % 8 != 0 || header->records == 0 || header->zero != 0 ||
        header->payload_bytes > JOURNAL_BLOCK_BYTES_MAX - BLOCK_HEADER_BYTES)
        return err_set(-EBADMSG, "no block has %" PRIu32 " records in %" PRIu32 " bytes",
                       header->records, header->payload_bytes);
    return 0;
}

int32_t block_check(const uint8_t *bytes, uint32_t count, const struct block_chain *chain) {
    struct block_header header;
    if (!header_good(bytes, count, &header))
        return err_set(0, count < sizeof header ? "it ends within its header"
                                                : "its header's CRC or magic is wrong");
    int links = header_links(&header, chain);
    if (links < 0) return links;
    if (!payload_fits(&header, count))
        return err_set(0, "it is %" PRIu32 " bytes short",
                       header.payload_bytes - (count - BLOCK_HEADER_BYTES));

    const uint8_t *payload = bytes + sizeof header;
    if (!payload_good(&header, payload)) return err_set(0, "its payload's CRC is wrong");
    uint8_t hash[JOURNAL_HASH_BYTES];
    block_hash(bytes, HASHED_BYTES, payload, header.payload_bytes, hash);
    if (memcmp(hash, header.hash, sizeof hash) != 0)
        return err_set(-EBADMSG, "its hash is wrong though its CRCs are right");

    uint32_t at = 0, records = 0;
    struct journal_record record;
    int got;
    while ((got = block_record_get(payload, header.payload_bytes, &at, &record)) > 0) records++;
    if (got < 0) return got;
    if (records != header.records)
        return err_set(-EBADMSG, "it says %" PRIu32 " records and has %" PRIu32, header.records,
                       records);
    return (int32_t)(BLOCK_HEADER_BYTES + header.payload_bytes);
}

uint32_t block_payload_bytes(const uint8_t *block) {
    struct block_header header;
    memcpy(&header, block, sizeof header);
    return header.payload_bytes;
}

uint32_t block_records(const uint8_t *block) {
    struct block_header header;
    memcpy(&header, block, sizeof header);
    return header.records;
}

/* whole_block_follows looks for a block with a higher number than the one that is due. Only a
   client that knows its block's number and puts a forged block into a message of its own could make
   us find one where there is none, and then the journal is refused, not cut. */
static bool whole_block_follows(const uint8_t *bytes, uint32_t from, uint32_t count,
                                const struct block_chain *chain) {
    struct block_header header;
    for (uint32_t at = from; at < count; at += 8)
        if (header_good(bytes + at, count - at, &header) && header.number > chain->blocks + 1 &&
            payload_fits(&header, count - at) && payload_good(&header, bytes + at + sizeof header))
            return true;
    return false;
}

/* sector_missing says whether any sector's share of the first count bytes is all zeros. */
static bool sector_missing(const uint8_t *bytes, uint32_t count, uint64_t offset) {
    for (uint32_t at = 0, piece; at < count; at += piece) {
        piece = SECTOR_BYTES - (uint32_t)((offset + at) % SECTOR_BYTES);
        if (piece > count - at) piece = count - at;
        uint32_t zeros = 0;
        while (zeros < piece && bytes[at + zeros] == 0) zeros++;
        /* a header has no zeros where it is cut by a sector: magic in front, CRCs behind */
        if (zeros == piece && (at < BLOCK_HEADER_BYTES || piece >= ZERO_BYTES_MIN)) return true;
    }
    return false;
}

bool block_torn(const uint8_t *bytes, uint32_t count, uint64_t offset,
                const struct block_chain *chain) {
    if (count > JOURNAL_BLOCK_BYTES_MAX) return false;
    if (count < BLOCK_HEADER_BYTES) return true;

    struct block_header header;
    if (header_good(bytes, count, &header)) {
        if (header_links(&header, chain) < 0) return false;
        if (!payload_fits(&header, count)) return true;
        uint32_t block_bytes = BLOCK_HEADER_BYTES + header.payload_bytes;
        return !whole_block_follows(bytes, block_bytes, count, chain) &&
               sector_missing(bytes, block_bytes, offset);
    }

    if (whole_block_follows(bytes, 8, count, chain)) return false;
    /* damage leaves something of a header to know it by; what shows nothing was never a block */
    bool known =
        header.magic == MAGIC || memcmp(header.previous, chain->hash, sizeof chain->hash) == 0;
    return !known || sector_missing(bytes, BLOCK_HEADER_BYTES, offset);
}
