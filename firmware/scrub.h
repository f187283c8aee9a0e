/* scrub.h: read the core's memories over and over, so that the hardware finds single wrong bits and
 * puts them right before a second one joins them in the same word. */
#ifndef FIRMWARE_SCRUB_H
#define FIRMWARE_SCRUB_H

#include "firmware/alerts.h"

struct scrub {
    uint32_t region, offset;  /* next word to be read */
    uint32_t corrected_said;  /* DEVICE_CORRECTED at the last alert */
    uint32_t corrected_round; /* when this pass over the memories began */
};

/* scrub_begin starts at the first word. */
void scrub_begin(struct scrub *scrub);

/* scrub_step reads SCRUB_WORDS words; ALERT_MEMORY when more than CORRECTED_MAX words were put
   right since the last one. It stands until a whole pass over the memories finds nothing. */
void scrub_step(struct scrub *scrub, struct alerts *alerts);

#endif /* FIRMWARE_SCRUB_H */
