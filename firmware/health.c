#include "firmware/health.h"
#include "firmware/device.h"
#include "firmware/limits.h"
#include "firmware/log.h"

/* Words of a sensor in the page, from its first. */
enum { NOW = 0x00, MIN = 0x04, MAX = 0x08, LOW = 0x0c, HIGH = 0x10 };

#define LAID_OUT(sensor)                                                       \
    _Static_assert(PAGE_##sensor##_MIN == (int)PAGE_##sensor + (int)MIN &&     \
                       PAGE_##sensor##_MAX == (int)PAGE_##sensor + (int)MAX && \
                       PAGE_##sensor##_LOW == (int)PAGE_##sensor + (int)LOW && \
                       PAGE_##sensor##_HIGH == (int)PAGE_##sensor + (int)HIGH, \
                   "mgmt.def lays the sensors out alike")
LAID_OUT(TEMPERATURE);
LAID_OUT(VCCINT);
LAID_OUT(VCCAUX);

struct sensor {
    char name[12];
    uint8_t device, page, alert, hysteresis;
    int16_t low, high;
};

static const struct sensor sensors[] = {
    { "temperature", DEVICE_TEMPERATURE, PAGE_TEMPERATURE, ALERT_TEMPERATURE,
      TEMPERATURE_HYSTERESIS, TEMPERATURE_LOW, TEMPERATURE_HIGH },
    { "VCCINT", DEVICE_VCCINT, PAGE_VCCINT, ALERT_VCCINT, VOLTAGE_HYSTERESIS, VCCINT_LOW,
      VCCINT_HIGH },
    { "VCCAUX", DEVICE_VCCAUX, PAGE_VCCAUX, ALERT_VCCAUX, VOLTAGE_HYSTERESIS, VCCAUX_LOW,
      VCCAUX_HIGH },
};
enum { SENSORS = sizeof sensors / sizeof *sensors };

static void line_value(struct line *line, const struct sensor *sensor, int32_t value) {
    if (sensor->alert == ALERT_TEMPERATURE) {
        line_text(line_hundredths(line, value), " C");
    } else {
        line_text(line_signed(line, value), " mV");
    }
}

/* log_sensor: "temperature 92.50 C above 85.00 C". */
static void log_sensor(uint32_t level, const struct sensor *sensor, int32_t value,
                       const char *relation, int32_t limit) {
    struct line line;
    line_begin(&line, level);
    line_text(line_text(&line, sensor->name), " ");
    line_value(&line, sensor, value);
    line_text(&line, relation);
    line_value(&line, sensor, limit);
    line_end(&line);
}

/* log_within: "temperature 83.00 C within limits". */
static void log_within(const struct sensor *sensor, int32_t value) {
    struct line line;
    line_begin(&line, LOG_LEVEL_INFO);
    line_text(line_text(&line, sensor->name), " ");
    line_value(&line, sensor, value);
    line_end(line_text(&line, " within limits"));
}

static void check(struct alerts *alerts, const struct sensor *sensor, int32_t value) {
    if (!alerts_stands(alerts, sensor->alert)) {
        if (value > sensor->high) {
            log_sensor(LOG_LEVEL_WARNING, sensor, value, " above ", sensor->high);
            alerts_raise(alerts, sensor->alert, value);
        } else if (value < sensor->low) {
            log_sensor(LOG_LEVEL_WARNING, sensor, value, " below ", sensor->low);
            alerts_raise(alerts, sensor->alert, value);
        }
    } else if (value <= sensor->high - sensor->hysteresis &&
               value >= sensor->low + sensor->hysteresis) {
        log_within(sensor, value);
        alerts_clear(alerts, sensor->alert, value);
    }
}

static void check_critical(struct alerts *alerts, int32_t value) {
    if (!alerts_stands(alerts, ALERT_CRITICAL)) {
        if (value <= TEMPERATURE_CRITICAL) return;
        /* In REPLAY mode DEVICE_GATE does nothing: the gate closes once the card is LIVE. */
        if (!(registers_read(REG_STATUS) & (uint32_t)STATUS_LIVE)) return;
        devices_write(DEVICE_GATE, 1);
        log_sensor(LOG_LEVEL_ERROR, &sensors[0], value, ", gate closed: above ",
                   TEMPERATURE_CRITICAL);
        alerts_raise(alerts, ALERT_CRITICAL, value);
    } else if (value <= TEMPERATURE_CRITICAL - TEMPERATURE_HYSTERESIS) {
        log_sensor(LOG_LEVEL_INFO, &sensors[0], value, " again below ", TEMPERATURE_CRITICAL);
        alerts_clear(alerts, ALERT_CRITICAL, value);
    }
}

static void check_link(struct alerts *alerts, uint32_t now, uint32_t link) {
    if (now != link && !alerts_stands(alerts, ALERT_LINK)) {
        struct line line;
        line_begin(&line, LOG_LEVEL_WARNING);
        line_hex(line_text(&line, "link "), now);
        line_end(line_hex(line_text(&line, " was "), link));
        alerts_raise(alerts, ALERT_LINK, (int32_t)now);
    } else if (now == link && alerts_stands(alerts, ALERT_LINK)) {
        log_text(LOG_LEVEL_INFO, "link as it was");
        alerts_clear(alerts, ALERT_LINK, (int32_t)now);
    }
}

uint32_t health_begin(void) {
    for (int i = 0; i < SENSORS; i++) {
        const struct sensor *sensor = &sensors[i];
        uint32_t now = devices_read(sensor->device);
        page_write(sensor->page + NOW, now);
        page_write(sensor->page + MIN, now);
        page_write(sensor->page + MAX, now);
        page_write(sensor->page + LOW, (uint32_t)sensor->low);
        page_write(sensor->page + HIGH, (uint32_t)sensor->high);
    }
    page_write(PAGE_TEMPERATURE_CRITICAL, TEMPERATURE_CRITICAL);
    uint32_t link = devices_read(DEVICE_LINK);
    page_write(PAGE_LINK, link);
    return link;
}

void health_step(struct alerts *alerts, uint32_t link) {
    for (int i = 0; i < SENSORS; i++) {
        const struct sensor *sensor = &sensors[i];
        int32_t value = (int32_t)devices_read(sensor->device);
        page_write(sensor->page + NOW, (uint32_t)value);
        if (value < (int32_t)page_read(sensor->page + MIN))
            page_write(sensor->page + MIN, (uint32_t)value);
        if (value > (int32_t)page_read(sensor->page + MAX))
            page_write(sensor->page + MAX, (uint32_t)value);
        /* The gate first: it is what cannot wait. */
        if (sensor->alert == ALERT_TEMPERATURE) check_critical(alerts, value);
        check(alerts, sensor, value);
    }
    uint32_t now = devices_read(DEVICE_LINK);
    page_write(PAGE_LINK, now);
    check_link(alerts, now, link);
}
