/* fuzz_config: the configuration's reader on any text. What it takes must make a setup, or be
 * refused for a card's size. */
#include "host/gateway/config.h"
#include "host/gateway/setup.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    struct config config;
    struct setup setup;
    if (config_parse("fuzz", bytes, count, &config) != 0) return 0;
    (void)config_digest(&config);
    if (setup_make(&config, &CARD_SIZE_DEFAULT, &setup) == 0) setup_free(&setup);
    config_free(&config);
    return 0;
}
