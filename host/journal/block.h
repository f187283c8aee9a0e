/* block: the bytes of a block: made by the writer, judged by everyone who reads. Pure.
 *
 * A block is a header and its payload, a run of records. All integers are little-endian.
 *
 *   byte  0  u32  magic, "WPJB"
 *         4  u16  version, 1
 *         6  u16  zero
 *         8  u64  block number, from 1, over all files
 *        16  u64  sequence of the first record, from 1, over all files
 *        24  u32  records, at least 1
 *        28  u32  payload bytes, a multiple of 8
 *        32  32   hash of the block before; zeros in block 1
 *        64  32   hash: BLAKE2b-256 of bytes 0 to 63 and the payload
 *        96  u32  CRC-32 (zlib's) of the payload
 *       100  u32  CRC-32 of bytes 0 to 99
 *       104       payload
 *
 * A record is u8 kind, u8 zero, u16 session, u32 data bytes, the data, and zeros to a multiple
 * of 8.
 *
 * The header has a CRC of its own so that its length can be trusted when the payload cannot: that
 * tells a block that was never written to its end from one that was and is damaged. */
#ifndef HOST_JOURNAL_BLOCK_H
#define HOST_JOURNAL_BLOCK_H

#include "host/journal/journal.h"

enum { BLOCK_HEADER_BYTES = 104, BLOCK_HASH_AT = 64, BLOCK_RECORD_HEADER_BYTES = 8 };

/* The chain up to and with a block: what the next one must link to. All zeros at the start. */
struct block_chain {
    uint64_t blocks;
    uint64_t records;
    uint8_t hash[JOURNAL_HASH_BYTES];
};

/* block_crc is zlib's CRC-32; block_hash is BLAKE2b-256 over two ranges, one behind the other. */
uint32_t block_crc(const uint8_t *bytes, uint32_t count);
void block_hash(const uint8_t *first, uint32_t first_bytes, const uint8_t *second,
                uint32_t second_bytes, uint8_t hash[JOURNAL_HASH_BYTES]);

/* block_kind_takes says whether a record of this kind may have this session and this length. */
bool block_kind_takes(unsigned kind, uint16_t session, uint32_t bytes);

/* block_record_bytes is what a record with so many bytes of data takes up; bytes is at most
   JOURNAL_BLOCK_BYTES_MAX. block_record_put lays it out at at, on an 8-byte boundary. */
uint32_t block_record_bytes(uint32_t bytes);
void block_record_put(uint8_t *at, unsigned kind, uint16_t session, const void *data,
                      uint32_t bytes);

/* block_record_get reads the record at byte *at of a payload and moves *at behind it: 1 and the
   record is filled but for sequence and block; 0 at the end; -EBADMSG if no record of ours looks
   like that, err_text says why. */
int block_record_get(const uint8_t *payload, uint32_t payload_bytes, uint32_t *at,
                     struct journal_record *record);

/* block_seal writes the header of the block whose payload stands behind it, moves chain on to it,
   and returns the block's length. */
uint32_t block_seal(uint8_t *block, uint32_t payload_bytes, uint32_t records,
                    struct block_chain *chain);

/* block_check judges the block that should start at bytes, of which count are there:
     its length  the block is whole and links to chain
     0           it is not whole; err_text says why. block_torn says what to make of that
     -EBADMSG    its CRCs are right, yet it is not the block that belongs here; err_text says why */
int32_t block_check(const uint8_t *bytes, uint32_t count, const struct block_chain *chain);

/* block_payload_bytes and block_records read a whole block's header. */
uint32_t block_payload_bytes(const uint8_t *block);
uint32_t block_records(const uint8_t *block);

/* block_torn says whether the count bytes that block_check found not to be a whole block, and that
   nothing follows in the journal, are what a crash can leave: one block that was never written to
   its end. offset is where they stand in their file. They are damage if a whole block is among
   them, if they are more than one block, or if they are a block that was written to its end. A
   block counts as written to its end if all of its bytes are there and none of its sectors is all
   zeros, which is what a sector reads as that never reached the disk. */
bool block_torn(const uint8_t *bytes, uint32_t count, uint64_t offset,
                const struct block_chain *chain);

#endif /* HOST_JOURNAL_BLOCK_H */
