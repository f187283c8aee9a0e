#include "firmware/alerts.h"
#include "firmware/device.h"

void alerts_raise(struct alerts *alerts, uint32_t code, int32_t value) {
    alerts->standing |= 1u << code;
    alerts->unsaid |= 1u << code;
    alerts->raised[code] = value;
    page_write(PAGE_ALARMS, alerts->standing);
    page_write(PAGE_ALARMS_SEEN, page_read(PAGE_ALARMS_SEEN) | 1u << code);
}

void alerts_clear(struct alerts *alerts, uint32_t code, int32_t value) {
    if (!alerts_stands(alerts, code)) return;
    alerts->standing &= ~(1u << code);
    alerts->cleared[code] = value;
    page_write(PAGE_ALARMS, alerts->standing);
}

void alerts_step(struct alerts *alerts) {
    uint32_t waiting = alerts->unsaid | (alerts->told & ~alerts->standing);
    if (!waiting || devices_read(DEVICE_ALERT)) return;
    uint32_t code = ALERTS_END - 1;
    while (!(waiting >> code & 1u)) code--;
    uint32_t bit = 1u << code;
    if (alerts->unsaid & bit) {
        alerts->unsaid &= ~bit;
        alerts->told |= bit;
        devices_write(DEVICE_ALERT_VALUE, (uint32_t)alerts->raised[code]);
        devices_write(DEVICE_ALERT, code);
    } else {
        alerts->told &= ~bit;
        devices_write(DEVICE_ALERT_VALUE, (uint32_t)alerts->cleared[code]);
        devices_write(DEVICE_ALERT, code | ALERT_CLEARED);
    }
}
