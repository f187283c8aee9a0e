#include "driver/firmware.h"
#include "host/base/err.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <zlib.h>

enum { SHA256_BYTES = 32 };

uint32_t firmware_word(const void *image, size_t offset) {
    const uint8_t *at = (const uint8_t *)image + offset;
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

int firmware_sha256(const void *image, size_t bytes, uint8_t digest[32]) {
    assert(bytes >= IMAGE_HEADER_BYTES);
    EVP_MD_CTX *sha = EVP_MD_CTX_new();
    bool done = sha && EVP_DigestInit_ex(sha, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(sha, image, IMAGE_SHA256) == 1 &&
                EVP_DigestUpdate(sha, (const uint8_t *)image + IMAGE_HEADER_BYTES,
                                 bytes - IMAGE_HEADER_BYTES) == 1 &&
                EVP_DigestFinal_ex(sha, digest, NULL) == 1;
    EVP_MD_CTX_free(sha);
    return done ? 0 : err_set(-ENOMEM, "SHA-256: libcrypto gave up; is memory short?");
}

int firmware_image_check(const void *image, size_t bytes) {
    if (bytes <= IMAGE_HEADER_BYTES)
        return err_set(-EBADMSG, "%zu bytes are no firmware image; was the file cut short?", bytes);
    if (firmware_word(image, IMAGE_MAGIC) != IMAGE_MAGIC_VALUE)
        return err_set(-EBADMSG, "no firmware image: it does not begin like one; give a file that "
                                 "make firmware or wirepit-image made");
    uint32_t said = firmware_word(image, IMAGE_BYTES);
    if (said > REGION_IMAGE_BYTES || said % 4 != 0)
        return err_set(-EBADMSG, "its header says %u bytes, which no image has; build it anew",
                       said);
    if (said != bytes)
        return err_set(-EBADMSG, "the image is %u bytes, the file holds %zu; copy it again", said,
                       bytes);
    if (firmware_word(image, IMAGE_ABI_DIGEST) != abi_digest())
        return err_set(
            -EPROTO, "the image is built from tables %08x, this host from %08x; rebuild the older",
            firmware_word(image, IMAGE_ABI_DIGEST), abi_digest());
    const uint8_t *body = (const uint8_t *)image + IMAGE_HEADER_BYTES;
    uint32_t crc = (uint32_t)crc32(0, body, (uInt)(bytes - IMAGE_HEADER_BYTES));
    if (crc != firmware_word(image, IMAGE_CRC32))
        return err_set(-EBADMSG, "its CRC-32 is %08x, the header says %08x; copy it again", crc,
                       firmware_word(image, IMAGE_CRC32));
    uint8_t digest[SHA256_BYTES];
    int error = firmware_sha256(image, bytes, digest);
    if (error) return error;
    if (memcmp(digest, (const uint8_t *)image + IMAGE_SHA256, sizeof digest) != 0)
        return err_set(-EBADMSG, "its SHA-256 is not the header's: it was changed; get it again");
    return 0;
}

static int read_key(const char *path, EVP_PKEY **key) {
    FILE *file = fopen(path, "re");
    if (!file) return err_set(-errno, "public key %s: %s", path, strerror(errno));
    *key = PEM_read_PUBKEY(file, NULL, NULL, NULL);
    (void)fclose(file);
    ERR_clear_error();
    if (*key && EVP_PKEY_get_id(*key) == EVP_PKEY_ED25519) return 0;
    EVP_PKEY_free(*key);
    return err_set(-EINVAL,
                   "public key %s: it holds no Ed25519 public key; wirepit-image keygen makes one",
                   path);
}

int firmware_check(const char *name, const void *file, size_t bytes, const char *public_key,
                   size_t *image_bytes) {
    assert(name != NULL);
    assert(file != NULL);
    assert(public_key != NULL);
    if (bytes <= IMAGE_HEADER_BYTES + IMAGE_SIGNATURE_BYTES)
        return err_set(-EBADMSG,
                       "%s: %zu bytes are no image with a signature; was it cut short, or never "
                       "signed?",
                       name, bytes);
    if (bytes > FIRMWARE_FILE_BYTES_MAX)
        return err_set(-EBADMSG,
                       "%s: %zu bytes, a signed image has %d at most; is it another file?", name,
                       bytes, (int)FIRMWARE_FILE_BYTES_MAX);
    if (firmware_word(file, IMAGE_MAGIC) == IMAGE_MAGIC_VALUE &&
        firmware_word(file, IMAGE_BYTES) == bytes)
        return err_set(-EBADMSG, "%s: the image is not signed; wirepit-image sign does it", name);
    size_t count = bytes - IMAGE_SIGNATURE_BYTES;
    int error = firmware_image_check(file, count);
    if (error) return err_wrap(error, "%s: ", name);

    EVP_PKEY *key = NULL;
    error = read_key(public_key, &key);
    if (error) return error;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestVerify(context, (const uint8_t *)file + count, IMAGE_SIGNATURE_BYTES,
                                 file, count) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    ERR_clear_error();
    if (!good)
        return err_set(
            -EKEYREJECTED,
            "%s: not signed by the owner of %s; get the file from its maker, or name the "
            "maker's key",
            name, public_key);
    *image_bytes = count;
    return 0;
}

static uint32_t boots_of(uint32_t mgmt) { return mgmt & (uint32_t)MGMT_BOOTS; }

int firmware_load(struct card *card, const void *image, size_t bytes, uint32_t tries_max) {
    assert(bytes > 0);
    assert(bytes % 4 == 0);
    if (bytes > REGION_UPDATE_BYTES)
        return err_set(-EFBIG,
                       "card %s: the image is %zu bytes, the card takes %d; build a smaller one",
                       card->name, bytes, (int)REGION_UPDATE_BYTES);
    card_write(card, REG_MGMT_CONTROL, MGMT_CONTROL_OPEN);
    /* To the slot's end: the core reads all of it, and a word with two wrong bits behind the image
       would stop it again and again. */
    for (size_t at = 0; at < REGION_UPDATE_BYTES; at += 4)
        card_write(card, REG_LOAD + (uint32_t)at, at < bytes ? firmware_word(image, at) : 0);
    uint32_t before = boots_of(card_read(card, REG_MGMT));
    card_write(card, REG_MGMT_CONTROL, MGMT_CONTROL_CLOSE);

    uint32_t mgmt = 0, state = MGMT_STATE_RESET;
    for (uint32_t tries = 0; tries < tries_max; tries++) {
        mgmt = card_read(card, REG_MGMT);
        state = mgmt & (uint32_t)MGMT_STATE;
        if (mgmt == UINT32_MAX) return card_gone(card);
        if (mgmt & MGMT_MEMORY)
            return err_set(-EIO,
                           "card %s: the management core stands still, two bits of a memory are "
                           "wrong; restart it (MGMT_CONTROL.RESTART) and load again",
                           card->name);
        /* What it says counts once it has begun behind CLOSE. */
        if (boots_of(mgmt) != before && (state == MGMT_STATE_RUN || state == MGMT_STATE_DEGRADED))
            break;
        state = MGMT_STATE_RESET;
    }
    if (state == MGMT_STATE_RESET)
        return err_set(-ETIMEDOUT,
                       "card %s: the management core did not say within %u reads what it thinks of "
                       "the image (MGMT %08x); look at its log, then load again",
                       card->name, tries_max, mgmt);
    uint32_t boot = card_read(card, REG_PAGE + PAGE_BOOT_RESULT);
    if (mgmt & MGMT_SLOT && boot == BOOT_GOOD) return 0;
    return err_set(-EBADMSG,
                   "card %s: the card does not take the image: %s (BOOT_ %u). Image A runs; check "
                   "the file with wirepit-image verify, then load again",
                   card->name, abi_mgmt_code("BOOT", boot)->meaning, boot);
}
