/* test_firmware_file: what driver/firmware.h takes for a firmware file and what it refuses, with
 * keys made on the spot; and loading, into a card of a few lines. */
#include "driver/firmware.h"
#include "host/base/err.h"
#include "host/base/random.h"
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

enum { IMAGE_BYTES_USED = 4096, FILE_BYTES = IMAGE_BYTES_USED + IMAGE_SIGNATURE_BYTES };

static char directory[] = "/tmp/test_firmware_file.XXXXXX";
static char key_path[64], other_path[64], rsa_path[64], nothing_path[64];
static EVP_PKEY *key;
static uint8_t file[FIRMWARE_FILE_BYTES_MAX + 8];

static void put_word(uint8_t *image, size_t offset, uint32_t word) {
    for (size_t i = 0; i < 4; i++) image[offset + i] = (uint8_t)(word >> 8 * i);
}

static void sign(size_t count) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t bytes = IMAGE_SIGNATURE_BYTES;
    assert_int_equal(EVP_DigestSignInit(context, NULL, NULL, NULL, key), 1);
    assert_int_equal(EVP_DigestSign(context, file + count, &bytes, file, count), 1);
    assert_int_equal(bytes, IMAGE_SIGNATURE_BYTES);
    EVP_MD_CTX_free(context);
}

static void seal(size_t count) {
    put_word(file, IMAGE_MAGIC, IMAGE_MAGIC_VALUE);
    put_word(file, IMAGE_BYTES, (uint32_t)count);
    put_word(file, IMAGE_ABI_DIGEST, abi_digest());
    put_word(file, IMAGE_CRC32,
             (uint32_t)crc32(0, file + IMAGE_HEADER_BYTES, (uInt)(count - IMAGE_HEADER_BYTES)));
    assert_int_equal(firmware_sha256(file, count, file + IMAGE_SHA256), 0);
}

static void write_public(const char *path, EVP_PKEY *of) {
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_int_equal(PEM_write_PUBKEY(out, of), 1);
    assert_int_equal(fclose(out), 0);
}

static int make_keys(void **state) {
    (void)state;
    if (!mkdtemp(directory)) return -1;
    (void)snprintf(key_path, sizeof key_path, "%s/key.pem", directory);
    (void)snprintf(other_path, sizeof other_path, "%s/other.pem", directory);
    (void)snprintf(rsa_path, sizeof rsa_path, "%s/rsa.pem", directory);
    (void)snprintf(nothing_path, sizeof nothing_path, "%s/nothing.pem", directory);
    key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    EVP_PKEY *rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    write_public(key_path, key);
    write_public(other_path, other);
    write_public(rsa_path, rsa);
    EVP_PKEY_free(other);
    EVP_PKEY_free(rsa);
    FILE *out = fopen(nothing_path, "w");
    if (!out) return -1;
    (void)fputs("no key\n", out);
    return fclose(out);
}

static int remove_keys(void **state) {
    (void)state;
    EVP_PKEY_free(key);
    (void)unlink(key_path);
    (void)unlink(other_path);
    (void)unlink(rsa_path);
    (void)unlink(nothing_path);
    return rmdir(directory);
}

static int good_file(void **state) {
    (void)state;
    struct random random = random_seeded(11);
    for (size_t i = 0; i < sizeof file; i++) file[i] = (uint8_t)random_next(&random);
    seal(IMAGE_BYTES_USED);
    sign(IMAGE_BYTES_USED);
    return 0;
}

/* refused checks count bytes and wants the error and the words. */
static void refused(size_t count, const char *public_key, int error, const char *words) {
    size_t image_bytes = 77;
    int got = firmware_check("new.bin", file, count, public_key, &image_bytes);
    if (got != error || !strstr(err_text(), words)) fail_msg("%d: %s", got, err_text());
    assert_int_equal(image_bytes, 77);
}

static void a_signed_image_is_taken(void **state) {
    (void)state;
    size_t image_bytes = 0;
    assert_int_equal(firmware_check("new.bin", file, FILE_BYTES, key_path, &image_bytes), 0);
    assert_int_equal(image_bytes, IMAGE_BYTES_USED);
    seal(REGION_IMAGE_BYTES);
    sign(REGION_IMAGE_BYTES);
    assert_int_equal(
        firmware_check("new.bin", file, FIRMWARE_FILE_BYTES_MAX, key_path, &image_bytes), 0);
    assert_int_equal(image_bytes, REGION_IMAGE_BYTES);
}

static void every_length_but_the_right_one_is_refused(void **state) {
    (void)state;
    for (size_t count = 0; count < FILE_BYTES; count++)
        refused(count, key_path, -EBADMSG, "new.bin: ");
    refused(0, key_path, -EBADMSG, "cut short");
    refused(FILE_BYTES - 1, key_path, -EBADMSG, "the image is 4096 bytes, the file holds 4095");
    refused(IMAGE_BYTES_USED, key_path, -EBADMSG, "not signed; wirepit-image sign does it");
    refused(FILE_BYTES + 1, key_path, -EBADMSG, "the file holds 4097");
    refused(FIRMWARE_FILE_BYTES_MAX + 1, key_path, -EBADMSG, "has 16448 at most");
    refused(FIRMWARE_FILE_BYTES_MAX + 8, key_path, -EBADMSG, "is it another file?");
}

static void what_is_wrong_in_the_image_is_named(void **state) {
    (void)state;
    file[IMAGE_MAGIC] ^= 1;
    refused(FILE_BYTES, key_path, -EBADMSG, "new.bin: no firmware image");
    (void)good_file(NULL);
    put_word(file, IMAGE_BYTES, REGION_IMAGE_BYTES + 4);
    refused(FILE_BYTES, key_path, -EBADMSG, "16388 bytes, which no image has");
    put_word(file, IMAGE_BYTES, IMAGE_BYTES_USED - 2);
    refused(FILE_BYTES, key_path, -EBADMSG, "4094 bytes, which no image has");
    (void)good_file(NULL);
    file[IMAGE_ABI_DIGEST] ^= 1;
    refused(FILE_BYTES, key_path, -EPROTO, "rebuild the older");
    (void)good_file(NULL);
    file[IMAGE_CRC32] ^= 1;
    refused(FILE_BYTES, key_path, -EBADMSG, "CRC-32");
    (void)good_file(NULL);
    file[IMAGE_BYTES_USED - 1] ^= 0x80;
    refused(FILE_BYTES, key_path, -EBADMSG, "CRC-32");
    (void)good_file(NULL);
    file[IMAGE_SHA256 + 31] ^= 1;
    refused(FILE_BYTES, key_path, -EBADMSG, "SHA-256");
    (void)good_file(NULL);
    file[IMAGE_VERSION] ^= 1;
    refused(FILE_BYTES, key_path, -EBADMSG, "SHA-256");
}

static void a_wrong_signature_is_refused(void **state) {
    (void)state;
    for (size_t bit = 0; bit < 8u * IMAGE_SIGNATURE_BYTES; bit += 7) {
        file[IMAGE_BYTES_USED + bit / 8] ^= (uint8_t)(1u << bit % 8);
        refused(FILE_BYTES, key_path, -EKEYREJECTED, "not signed by the owner");
        file[IMAGE_BYTES_USED + bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    memset(file + IMAGE_BYTES_USED, 0, IMAGE_SIGNATURE_BYTES);
    refused(FILE_BYTES, key_path, -EKEYREJECTED, "not signed by the owner");
    /* A good image of another content under the first one's signature. */
    (void)good_file(NULL);
    file[1000] ^= 1;
    seal(IMAGE_BYTES_USED);
    refused(FILE_BYTES, key_path, -EKEYREJECTED, key_path);
}

static void a_wrong_key_is_refused(void **state) {
    (void)state;
    refused(FILE_BYTES, other_path, -EKEYREJECTED, other_path);
    refused(FILE_BYTES, rsa_path, -EINVAL, "holds no Ed25519 public key");
    refused(FILE_BYTES, nothing_path, -EINVAL, "wirepit-image keygen makes one");
    (void)unlink(nothing_path);
    refused(FILE_BYTES, nothing_path, -ENOENT, "public key ");
}

/* ---- loading -----------------------------------------------------------------------------------
 */

static struct fake {
    struct card card;
    uint32_t slot[REGION_UPDATE_BYTES / 4];
    uint32_t opens, closes, words;
    uint32_t mgmt;
    uint32_t boots;
    uint32_t reads;      /* of MGMT since CLOSE */
    uint32_t busy_reads; /* until it has looked at the image */
    uint32_t boot;       /* what it finds */
    bool stands_still, open;
} fake;

static uint32_t fake_read(struct card *card, uint32_t reg) {
    (void)card;
    if (reg == REG_PAGE + PAGE_BOOT_RESULT) return fake.closes ? fake.boot : (uint32_t)BOOT_GOOD;
    assert_int_equal(reg, REG_MGMT);
    if (fake.stands_still) return MGMT_MEMORY | fake.boots << 16;
    if (!fake.closes) return MGMT_STATE_RUN | fake.boots << 16;
    /* The first read overtakes what CLOSE does: the old state of the old boot. */
    if (fake.reads++ == 0) return MGMT_STATE_RUN | MGMT_SLOT | (fake.boots - 1) << 16;
    if (fake.reads < fake.busy_reads) return MGMT_STATE_BOOT | fake.boots << 16;
    uint32_t good = fake.boot == BOOT_GOOD;
    return (good ? MGMT_STATE_RUN | MGMT_SLOT : MGMT_STATE_DEGRADED) | (fake.boots + good) << 16;
}

static void fake_write(struct card *card, uint32_t reg, uint32_t value) {
    (void)card;
    if (reg == REG_MGMT_CONTROL && value == MGMT_CONTROL_OPEN) {
        fake.opens++;
        fake.boots = (fake.boots + 1) & 0xffff;
        fake.open = true;
    } else if (reg == REG_MGMT_CONTROL && value == MGMT_CONTROL_CLOSE) {
        fake.closes++;
        fake.boots = (fake.boots + 1) & 0xffff;
        fake.open = false;
    } else {
        assert_true(fake.open);
        assert_true(reg >= REG_LOAD && reg < REG_LOAD + REGION_UPDATE_BYTES && reg % 4 == 0);
        fake.slot[(reg - REG_LOAD) / 4] = value;
        fake.words++;
    }
}

static const struct card_operations fake_operations = { .read = fake_read, .write = fake_write };

static int fresh_card(void **state) {
    fake = (struct fake){ .card = { .operations = &fake_operations, .name = "fake" },
                          .busy_reads = 10,
                          .boots = 0xfffe, /* it wraps on the way */
                          .boot = BOOT_GOOD };
    return good_file(state);
}

static void an_image_is_loaded_word_by_word(void **state) {
    (void)state;
    memset(fake.slot, 0xff, sizeof fake.slot); /* of an image before */
    assert_int_equal(firmware_load(&fake.card, file, IMAGE_BYTES_USED, 20), 0);
    assert_int_equal(fake.opens, 1);
    assert_int_equal(fake.closes, 1);
    assert_int_equal(fake.words, REGION_UPDATE_BYTES / 4);
    for (uint32_t at = 0; at < REGION_UPDATE_BYTES; at += 4)
        assert_int_equal(fake.slot[at / 4], at < IMAGE_BYTES_USED ? firmware_word(file, at) : 0);
    (void)fresh_card(state);
    assert_int_equal(firmware_load(&fake.card, file, REGION_UPDATE_BYTES, 20), 0);
    assert_int_equal(fake.words, REGION_UPDATE_BYTES / 4);
}

static void an_image_that_does_not_fit_is_not_begun(void **state) {
    (void)state;
    assert_int_equal(firmware_load(&fake.card, file, REGION_UPDATE_BYTES + 4, 20), -EFBIG);
    assert_non_null(strstr(err_text(), "card fake: the image is 16388 bytes"));
    assert_int_equal(fake.opens, 0);
}

static void the_reason_of_the_card_is_named(void **state) {
    static const struct {
        uint32_t boot;
        const char *words;
    } row[] = {
        { BOOT_MAGIC, "Image B is no firmware image. (BOOT_ 2)" },
        { BOOT_LENGTH, "Its length cannot be. (BOOT_ 3)" },
        { BOOT_ABI, "It was built for another card. (BOOT_ 4)" },
        { BOOT_CRC, "Its CRC-32 is wrong" },
        { BOOT_DIGEST, "Its SHA-256 is wrong. (BOOT_ 6)" },
        { BOOT_FAILED, "It began and failed" },
        { BOOT_NONE, "No image B was loaded. (BOOT_ 0)" },
        { 99, "no code of this host's tables (BOOT_ 99)" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        (void)fresh_card(state);
        fake.boot = row[i].boot;
        assert_int_equal(firmware_load(&fake.card, file, IMAGE_BYTES_USED, 20), -EBADMSG);
        if (!strstr(err_text(), row[i].words)) fail_msg("%s", err_text());
    }
}

static void the_wait_ends(void **state) {
    (void)state;
    assert_int_equal(firmware_load(&fake.card, file, IMAGE_BYTES_USED, 10), 0);
    (void)fresh_card(state);
    assert_int_equal(firmware_load(&fake.card, file, IMAGE_BYTES_USED, 9), -ETIMEDOUT);
    assert_non_null(strstr(err_text(), "within 9 reads"));
    (void)fresh_card(state);
    assert_int_equal(firmware_load(&fake.card, file, IMAGE_BYTES_USED, 0), -ETIMEDOUT);
    (void)fresh_card(state);
    fake.stands_still = true;
    assert_int_equal(firmware_load(&fake.card, file, IMAGE_BYTES_USED, 20), -EIO);
    assert_non_null(strstr(err_text(), "stands still"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_signed_image_is_taken, good_file),
        cmocka_unit_test_setup(every_length_but_the_right_one_is_refused, good_file),
        cmocka_unit_test_setup(what_is_wrong_in_the_image_is_named, good_file),
        cmocka_unit_test_setup(a_wrong_signature_is_refused, good_file),
        cmocka_unit_test_setup(a_wrong_key_is_refused, good_file),
        cmocka_unit_test_setup(an_image_is_loaded_word_by_word, fresh_card),
        cmocka_unit_test_setup(an_image_that_does_not_fit_is_not_begun, fresh_card),
        cmocka_unit_test_setup(the_reason_of_the_card_is_named, fresh_card),
        cmocka_unit_test_setup(the_wait_ends, fresh_card),
    };
    return cmocka_run_group_tests_name("firmware_file", tests, make_keys, remove_keys);
}
