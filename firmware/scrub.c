#include "firmware/scrub.h"
#include "firmware/device.h"
#include "firmware/limits.h"
#include "firmware/log.h"

static const struct {
    uint32_t address, bytes;
} regions[] = {
    { REGION_IMAGE, REGION_IMAGE_BYTES },
    { REGION_UPDATE, REGION_UPDATE_BYTES },
    { REGION_DATA, REGION_DATA_BYTES },
};
enum { REGIONS = sizeof regions / sizeof *regions };

void scrub_begin(struct scrub *scrub) {
    uint32_t corrected = devices_read(DEVICE_CORRECTED);
    scrub->region = 0;
    scrub->offset = 0;
    scrub->corrected_said = corrected;
    scrub->corrected_round = corrected;
    page_write(PAGE_SCRUB_CORRECTED, corrected);
}

void scrub_step(struct scrub *scrub, struct alerts *alerts) {
    bool round_over = false;
    for (int i = 0; i < SCRUB_WORDS; i++) {
        (void)device_read(regions[scrub->region].address + scrub->offset);
        scrub->offset += 4;
        if (scrub->offset < regions[scrub->region].bytes) continue;
        scrub->offset = 0;
        scrub->region++;
        if (scrub->region < REGIONS) continue;
        scrub->region = 0;
        round_over = true;
    }

    uint32_t corrected = devices_read(DEVICE_CORRECTED);
    page_write(PAGE_SCRUB_CORRECTED, corrected);
    uint32_t unsaid = corrected - scrub->corrected_said;
    if (unsaid > CORRECTED_MAX) {
        scrub->corrected_said = corrected;
        log_numbered(LOG_LEVEL_WARNING, "memory words put right: ", unsaid);
        alerts_raise(alerts, ALERT_MEMORY, (int32_t)unsaid);
    }
    if (!round_over) return;
    page_write(PAGE_SCRUB_ROUNDS, page_read(PAGE_SCRUB_ROUNDS) + 1);
    if (corrected == scrub->corrected_round) alerts_clear(alerts, ALERT_MEMORY, 0);
    scrub->corrected_round = corrected;
}
