/* test_firmware_hash: the firmware's SHA-256 against the vectors of NIST and against libcrypto, its
 * CRC-32 against zlib, over every length to three blocks and random ones in random pieces. */
#include "firmware/crc32.h"
#include "firmware/sha256.h"
#include "host/base/random.h"
#include <openssl/sha.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

enum { BYTES_MAX = 20000 };

static void sha256_is_that_of_nist(void **state) {
    (void)state;
    /* FIPS 180-4 examples, and of the SHAVS short messages the empty one. */
    static const struct {
        const char *text, *digest;
        unsigned times;
    } row[] = {
        { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 1 },
        { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 1 },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1", 1 },
        { "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr"
          "lmnopqrsmnopqrstnopqrstu",
          "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1", 1 },
        { "a", "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0", 1000000 },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct sha256 sha;
        uint8_t digest[SHA256_BYTES];
        char text[2 * SHA256_BYTES + 1];
        sha256_begin(&sha);
        for (unsigned n = 0; n < row[i].times; n++)
            sha256_add(&sha, (const uint8_t *)row[i].text, strlen(row[i].text));
        sha256_end(&sha, digest);
        for (size_t n = 0; n < SHA256_BYTES; n++)
            (void)snprintf(text + 2 * n, 3, "%02x", digest[n]);
        assert_string_equal(text, row[i].digest);
    }
}

/* compare hashes count bytes in pieces whose size at most pieces_max. */
static void compare(const uint8_t *bytes, size_t count, size_t piece_max, struct random *random) {
    struct sha256 sha;
    uint8_t digest[SHA256_BYTES], theirs[SHA256_DIGEST_LENGTH];
    uint32_t crc = 0;
    sha256_begin(&sha);
    for (size_t at = 0; at < count;) {
        size_t piece = 1 + random_below(random, piece_max);
        if (piece > count - at) piece = count - at;
        sha256_add(&sha, bytes + at, piece);
        crc = crc32_add(crc, bytes + at, piece);
        at += piece;
    }
    sha256_end(&sha, digest);
    (void)SHA256(bytes, count, theirs);
    assert_memory_equal(digest, theirs, sizeof digest);
    assert_int_equal(crc, crc32(0, bytes, (uInt)count));
}

static void both_are_those_of_the_libraries(void **state) {
    (void)state;
    static uint8_t bytes[BYTES_MAX];
    const char *text = getenv("SEED");
    uint64_t seed = text ? strtoull(text, NULL, 10) : 1;
    print_message("seed %llu\n", (unsigned long long)seed);
    struct random random = random_seeded(seed);
    for (size_t i = 0; i < BYTES_MAX; i++) bytes[i] = (uint8_t)random_next(&random);
    for (size_t count = 0; count <= (size_t)3 * SHA256_BLOCK_BYTES; count++)
        compare(bytes, count, 100, &random);
    for (int i = 0; i < 500; i++)
        compare(bytes, random_below(&random, BYTES_MAX + 1), 1 + random_below(&random, 300),
                &random);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_is_that_of_nist),
        cmocka_unit_test(both_are_those_of_the_libraries),
    };
    return cmocka_run_group_tests_name("firmware_hash", tests, NULL, NULL);
}
