/* wirepit-image: make, sign and check firmware images of the management core. */
#include "driver/firmware.h"
#include "host/base/err.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static const char usage[] =
    "usage: wirepit-image pack RAW IMAGE          fill in the header of a linked binary\n"
    "       wirepit-image sign KEY IMAGE FILE     append the Ed25519 signature of the key in PEM\n"
    "       wirepit-image verify PUBLIC FILE      what a host checks before it loads\n"
    "       wirepit-image keygen KEY PUBLIC       make a key pair; overwrites nothing\n"
    "       wirepit-image verilog IMAGE FILE      memory[n] = 39'h...; with check bits\n";

/* read_file reads a file of at most sizeof the buffer that FIRMWARE_FILE_BYTES_MAX says. */
static int read_file(const char *path, uint8_t *bytes, size_t *count) {
    FILE *file = fopen(path, "re");
    if (!file) return err_set(-errno, "%s: %s", path, strerror(errno));
    *count = fread(bytes, 1, FIRMWARE_FILE_BYTES_MAX + 1, file);
    bool failed = ferror(file);
    (void)fclose(file);
    if (failed) return err_set(-EIO, "%s: cannot be read", path);
    if (*count > FIRMWARE_FILE_BYTES_MAX)
        return err_set(-EFBIG, "%s: longer than the %d bytes of an image", path,
                       (int)FIRMWARE_FILE_BYTES_MAX);
    return 0;
}

static int write_file(const char *path, const void *bytes, size_t count) {
    FILE *file = fopen(path, "we");
    if (!file) return err_set(-errno, "%s: %s", path, strerror(errno));
    bool written = fwrite(bytes, 1, count, file) == count;
    written &= fclose(file) == 0;
    return written ? 0 : err_set(-EIO, "%s: cannot be written; is the disk full?", path);
}

static void put_word(uint8_t *image, size_t offset, uint32_t word) {
    for (size_t i = 0; i < 4; i++) image[offset + i] = (uint8_t)(word >> 8 * i);
}

static int pack(const char *raw, const char *path) {
    static uint8_t image[FIRMWARE_FILE_BYTES_MAX + 4];
    size_t count;
    int error = read_file(raw, image, &count);
    if (error) return error;
    count = (count + 3) / 4 * 4; /* the buffer is clear */
    if (count <= IMAGE_HEADER_BYTES) return err_set(-EINVAL, "%s: no code behind the header", raw);
    if (count > REGION_IMAGE_BYTES)
        return err_set(-EFBIG, "%s: %zu bytes, an image has %d at most; leave something out", raw,
                       count, (int)REGION_IMAGE_BYTES);
    if (firmware_word(image, IMAGE_MAGIC) != 0)
        return err_set(-EINVAL, "%s: its header is filled in; give the output of objcopy", raw);
    put_word(image, IMAGE_MAGIC, IMAGE_MAGIC_VALUE);
    put_word(image, IMAGE_BYTES, (uint32_t)count);
    put_word(image, IMAGE_CRC32,
             (uint32_t)crc32(0, image + IMAGE_HEADER_BYTES, (uInt)(count - IMAGE_HEADER_BYTES)));
    error = firmware_sha256(image, count, image + IMAGE_SHA256);
    if (!error) error = firmware_image_check(image, count);
    if (error) return err_wrap(error, "%s: ", raw);
    return write_file(path, image, count);
}

static int sign(const char *key_path, const char *image_path, const char *path) {
    static uint8_t image[FIRMWARE_FILE_BYTES_MAX + 4];
    size_t count;
    int error = read_file(image_path, image, &count);
    if (error) return error;
    error = firmware_image_check(image, count);
    if (error) return err_wrap(error, "%s: ", image_path);
    FILE *file = fopen(key_path, "re");
    if (!file) return err_set(-errno, "%s: %s", key_path, strerror(errno));
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    (void)fclose(file);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t signature_bytes = IMAGE_SIGNATURE_BYTES;
    bool done = key && context && EVP_PKEY_get_id(key) == EVP_PKEY_ED25519 &&
                EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestSign(context, image + count, &signature_bytes, image, count) == 1 &&
                signature_bytes == IMAGE_SIGNATURE_BYTES;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    if (!done)
        return err_set(-EINVAL, "%s: it holds no Ed25519 private key; keygen makes one", key_path);
    return write_file(path, image, count + IMAGE_SIGNATURE_BYTES);
}

static int verify(const char *public_key, const char *path) {
    static uint8_t file[FIRMWARE_FILE_BYTES_MAX + 1];
    size_t count, image_bytes;
    int error = read_file(path, file, &count);
    if (!error) error = firmware_check(path, file, count, public_key, &image_bytes);
    if (error) return error;
    uint32_t version = firmware_word(file, IMAGE_VERSION);
    printf("%s: firmware %u.%u.%u, %zu bytes, tables %08x, signature good\n", path, version >> 16,
           version >> 8 & 255, version & 255, image_bytes, firmware_word(file, IMAGE_ABI_DIGEST));
    return 0;
}

/* create_file opens a file that must not exist yet: a key that is overwritten is lost. */
static FILE *create_file(const char *path, mode_t mode) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) return NULL;
    return fdopen(fd, "w");
}

static int keygen(const char *key_path, const char *public_path) {
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    if (!key) return err_set(-EIO, "libcrypto makes no Ed25519 key; is it restricted (FIPS)?");
    const char *path = key_path;
    int error = 0;
    FILE *file = create_file(path, 0600);
    if (!file) {
        error = errno;
    } else if (PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) != 1 ||
               fclose(file) != 0) {
        error = EIO;
    } else {
        path = public_path;
        file = create_file(path, 0644);
        if (!file) {
            error = errno;
        } else if (PEM_write_PUBKEY(file, key) != 1 || fclose(file) != 0) {
            error = EIO;
        }
    }
    EVP_PKEY_free(key);
    if (error == EEXIST)
        return err_set(-error,
                       "%s: there is a file already; a key that is overwritten is lost, "
                       "name another",
                       path);
    return error ? err_set(-error, "%s: %s", path, strerror(error)) : 0;
}

/* The 39 bits of a word in rtl/mgmt/ecc_memory.v: {parity of all, check bits, data}. Data bits
   stand at the places from 3 on that are no power of two; check bit k covers the places with bit k.
 */
static uint64_t with_check(uint32_t word) {
    uint64_t check = 0;
    unsigned place = 2;
    for (unsigned bit = 0; bit < 32; bit++) {
        do place++;
        while ((place & (place - 1)) == 0);
        if (word >> bit & 1) check ^= place;
    }
    const uint64_t stored = check << 32 | word;
    return (uint64_t)(__builtin_popcountll(stored) & 1) << 38 | stored;
}

static int verilog(const char *image_path, const char *path) {
    static uint8_t image[FIRMWARE_FILE_BYTES_MAX + 1];
    size_t count;
    int error = read_file(image_path, image, &count);
    if (error) return error;
    error = firmware_image_check(image, count);
    if (error) return err_wrap(error, "%s: ", image_path);
    FILE *file = fopen(path, "we");
    if (!file) return err_set(-errno, "%s: %s", path, strerror(errno));
    (void)fprintf(file, "// Image A, from firmware/ by wirepit-image; change that.\n");
    for (size_t at = 0; at < count; at += 4)
        (void)fprintf(file, "memory[%zu] = 39'h%010llx;\n", at / 4,
                      (unsigned long long)with_check(firmware_word(image, at)));
    bool failed = ferror(file);
    failed |= fclose(file) != 0;
    return failed ? err_set(-EIO, "%s: cannot be written; is the disk full?", path) : 0;
}

int main(int argc, char **argv) {
    int error;
    const char *verb = argc > 1 ? argv[1] : "";
    if (argc == 4 && strcmp(verb, "pack") == 0) {
        error = pack(argv[2], argv[3]);
    } else if (argc == 5 && strcmp(verb, "sign") == 0) {
        error = sign(argv[2], argv[3], argv[4]);
    } else if (argc == 4 && strcmp(verb, "verify") == 0) {
        error = verify(argv[2], argv[3]);
    } else if (argc == 4 && strcmp(verb, "keygen") == 0) {
        error = keygen(argv[2], argv[3]);
    } else if (argc == 4 && strcmp(verb, "verilog") == 0) {
        error = verilog(argv[2], argv[3]);
    } else {
        (void)fputs(usage, argc == 2 && strcmp(verb, "--help") == 0 ? stdout : stderr);
        return argc == 2 && strcmp(verb, "--help") == 0 ? 0 : 2;
    }
    if (error) (void)fprintf(stderr, "wirepit-image: %s\n", err_text());
    return error ? 1 : 0;
}
