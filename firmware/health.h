/* health.h: temperature, voltages and link: read, kept with their extremes, compared with limits.h.
 */
#ifndef FIRMWARE_HEALTH_H
#define FIRMWARE_HEALTH_H

#include "firmware/alerts.h"

/* health_begin writes the limits to the page and takes the first readings as extremes. Returns
   DEVICE_LINK, which health_step holds to be as it should. */
uint32_t health_begin(void);

/* health_step reads all of them once: page, alarms, log lines. The gate is closed when the
   temperature passes TEMPERATURE_CRITICAL, once each time it does, or when a card that is hotter
   goes LIVE. */
void health_step(struct alerts *alerts, uint32_t link);

#endif /* FIRMWARE_HEALTH_H */
