/* test_firmware_loader: what the loader says to an image in slot B: every reason by hand, then
 * images cut short and images with a wrong bit. */
#include "firmware/loader.h"
#include "tests/unit/firmware_model.h"

static uint8_t image[REGION_UPDATE_BYTES];

static uint32_t check(uint32_t count) {
    model_load(image, count);
    return loader_check();
}

static void every_reason_is_given(void **state) {
    (void)state;
    struct random random = random_seeded(7);
    static const struct {
        uint32_t bytes;  /* of the image that is changed */
        uint32_t offset; /* of the word */
        uint32_t value;
        uint32_t boot;
        const char *why;
    } row[] = {
        { 4096, IMAGE_VERSION, 0, BOOT_DIGEST, "a version that is not the signed one" },
        { 4096, IMAGE_MAGIC, 0, BOOT_MAGIC, "an empty slot" },
        { 4096, IMAGE_MAGIC, IMAGE_MAGIC_VALUE + 1, BOOT_MAGIC, "another file" },
        { 4096, IMAGE_BYTES, 0, BOOT_LENGTH, "nothing" },
        { 4096, IMAGE_BYTES, IMAGE_HEADER_BYTES, BOOT_LENGTH, "a header alone" },
        { 4096, IMAGE_BYTES, IMAGE_HEADER_BYTES + 2, BOOT_LENGTH, "half a word" },
        { 4096, IMAGE_BYTES, 4094, BOOT_LENGTH, "half a word at the end" },
        { 4096, IMAGE_BYTES, REGION_UPDATE_BYTES + 4, BOOT_LENGTH, "a word more than fits" },
        { 4096, IMAGE_BYTES, UINT32_MAX - 3, BOOT_LENGTH, "no wrap at the top" },
        { 4096, IMAGE_BYTES, 4092, BOOT_CRC, "a word less than there is" },
        { 4096, IMAGE_ABI_DIGEST, ABI_DIGEST ^ 1, BOOT_ABI, "another card's" },
        { 4096, IMAGE_CRC32, 0, BOOT_CRC, "a wrong CRC" },
        { 4096, 2048, 0, BOOT_CRC, "a wrong word of code" },
        { 4096, IMAGE_JUMP, 0, BOOT_DIGEST, "a first instruction that is no jump" },
        { 4096, IMAGE_RESERVED, 0, BOOT_DIGEST, "a reserved word" },
        { 4096, IMAGE_SHA256, 0, BOOT_DIGEST, "the first word of the SHA-256" },
        { 4096, IMAGE_HEADER_BYTES - 4, 0, BOOT_DIGEST, "the last" },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        model_begin();
        model_image(image, row[i].bytes, &random);
        assert_int_equal(check(row[i].bytes), BOOT_GOOD);
        put_word(image, row[i].offset, row[i].value);
        uint32_t boot = check(row[i].bytes);
        if (boot != row[i].boot) fail_msg("%s: BOOT_ %u", row[i].why, boot);
    }
}

static void good_images_of_every_size_are_good(void **state) {
    (void)state;
    struct random random = random_seeded(model_seed());
    model_begin();
    for (uint32_t bytes = IMAGE_HEADER_BYTES + 4; bytes <= REGION_UPDATE_BYTES;
         bytes += bytes < 512 ? 4 : 996) {
        model_image(image, bytes, &random);
        assert_int_equal(check(bytes), BOOT_GOOD);
    }
    model_image(image, REGION_UPDATE_BYTES, &random);
    assert_int_equal(check(REGION_UPDATE_BYTES), BOOT_GOOD);
}

static void code_that_is_wrong_under_a_right_crc_is_found(void **state) {
    (void)state;
    struct random random = random_seeded(3);
    model_begin();
    model_image(image, 4096, &random);
    image[1000] ^= 4;
    put_word(image, IMAGE_CRC32,
             (uint32_t)crc32(0, image + IMAGE_HEADER_BYTES, 4096 - IMAGE_HEADER_BYTES));
    assert_int_equal(check(4096), BOOT_DIGEST);
}

static void an_image_that_was_cut_short_is_refused(void **state) {
    (void)state;
    struct random random = random_seeded(model_seed());
    model_begin();
    model_image(image, REGION_UPDATE_BYTES, &random);
    for (uint32_t count = 0; count < REGION_UPDATE_BYTES; count += 256)
        assert_int_equal(check(count), count == 0 ? BOOT_MAGIC : BOOT_CRC);
}

static void one_wrong_bit_anywhere_is_found(void **state) {
    (void)state;
    enum { BYTES = 2048, TRIES = 4000 };
    struct random random = random_seeded(model_seed());
    model_begin();
    model_image(image, BYTES, &random);
    for (int i = 0; i < TRIES; i++) {
        /* Every bit of the header, then places at random. */
        uint32_t bit =
            i < 8 * IMAGE_HEADER_BYTES ? (uint32_t)i : (uint32_t)random_below(&random, 8 * BYTES);
        image[bit / 8] ^= (uint8_t)(1u << bit % 8);
        uint32_t boot = check(BYTES), word = bit / 32 * 4;
        bool length = word == IMAGE_BYTES;
        uint32_t expected = word == IMAGE_MAGIC         ? BOOT_MAGIC
                            : word == IMAGE_ABI_DIGEST  ? BOOT_ABI
                            : word == IMAGE_CRC32       ? BOOT_CRC
                            : word < IMAGE_HEADER_BYTES ? BOOT_DIGEST
                                                        : BOOT_CRC;
        /* A wrong length may be one that could be. */
        if (length ? boot != BOOT_LENGTH && boot != BOOT_CRC : boot != expected)
            fail_msg("bit %u: BOOT_ %u", bit, boot);
        image[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(check(BYTES), BOOT_GOOD);
}

static void every_reason_has_words(void **state) {
    (void)state;
    for (uint32_t boot = BOOT_NONE; boot <= BOOT_FAILED; boot++) {
        assert_true(strlen(loader_reason(boot)) > 3);
        assert_string_equal(abi_mgmt_code("BOOT", boot)->group, "BOOT");
        assert_true(strlen(abi_mgmt_code("BOOT", boot)->meaning) > 3);
    }
    assert_string_equal(loader_reason(BOOT_FAILED + 1), "?");
    assert_string_equal(abi_mgmt_code("BOOT", BOOT_FAILED + 1)->name, "?");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reason_is_given),
        cmocka_unit_test(good_images_of_every_size_are_good),
        cmocka_unit_test(code_that_is_wrong_under_a_right_crc_is_found),
        cmocka_unit_test(an_image_that_was_cut_short_is_refused),
        cmocka_unit_test(one_wrong_bit_anywhere_is_found),
        cmocka_unit_test(every_reason_has_words),
    };
    return cmocka_run_group_tests_name("firmware_loader", tests, NULL, NULL);
}
