/* firmware.h: the management core's firmware as a file of the host: an image as mgmt.def lays it
 * out (IMAGE_) with an Ed25519 signature of IMAGE_SIGNATURE_BYTES behind it.
 *
 * The card checks CRC-32 and SHA-256 of what it was loaded with, the host the signature before it
 * loads: whoever may write the card's registers may load what he likes in any case. */
#ifndef DRIVER_FIRMWARE_H
#define DRIVER_FIRMWARE_H

#include "driver/abi/mgmt.h"
#include "driver/card.h"

enum { FIRMWARE_FILE_BYTES_MAX = REGION_IMAGE_BYTES + IMAGE_SIGNATURE_BYTES };

/* firmware_word takes the 32-bit little-endian word at offset; image must hold it. */
uint32_t firmware_word(const void *image, size_t offset);

/* firmware_sha256 writes the SHA-256 that IMAGE_SHA256 of an image must hold, 32 bytes. Returns 0,
   or -ENOMEM with err_text. */
int firmware_sha256(const void *image, size_t bytes, uint8_t digest[32]);

/* firmware_image_check checks bytes of an image without signature: magic, length, CRC-32, SHA-256,
   and that it is built for the tables of this host. Returns 0; or, with err_text:
     -EBADMSG  it is no whole image; the text says what is wrong with it
     -EPROTO   it was built from other tables */
int firmware_image_check(const void *image, size_t bytes);

/* firmware_check checks bytes of a file, name for err_text, before a load: the image, and that the
   owner of the Ed25519 public key in the PEM file public_key signed it. Returns 0, and the first
   *image_bytes of file are what firmware_load takes; or, with err_text:
     -EBADMSG, -EPROTO  as firmware_image_check
     -EKEYREJECTED      the signature is another's, or of another image
     -EINVAL            public_key holds no Ed25519 public key
     others             as open(2) gives them for public_key */
int firmware_check(const char *name, const void *file, size_t bytes, const char *public_key,
                   size_t *image_bytes);

/* firmware_load writes bytes of an image to the load window, zeros behind them to its end, and
   waits until the management core has looked at it, at most tries_max reads of REG_MGMT. The image
   runs when it returns 0. Trading does not see it. It checks nothing but that the image fits: the
   card refuses by itself, and tests load what is wrong. bytes is a multiple of 4 above 0. Returns
   0; or, with err_text:
     -EFBIG      it is longer than the load window
     -EBADMSG    the card does not take it; the text says the BOOT_ code. Image A runs
     -EIO        the management core stands still, a memory of it has an error
     -ETIMEDOUT  it was not done within tries_max reads */
int firmware_load(struct card *card, const void *image, size_t bytes, uint32_t tries_max);

#endif /* DRIVER_FIRMWARE_H */
