#include "firmware/core.h"
#include "firmware/device.h"
#include "firmware/health.h"
#include "firmware/limits.h"
#include "firmware/loader.h"
#include "firmware/log.h"
#include "firmware/selftest.h"
#include "firmware/version.h"

enum { SLOT_B = 1, SLOT_LOADED = 2, MAILBOX_COMMAND_BITS = 8 };

static void set_state(uint32_t state) {
    page_write(PAGE_STATE, state);
    devices_write(DEVICE_STATE, state);
}

/* count_uptime runs every round, so its loop turns once in ten; behind the loader some tens of
   times. */
static void count_uptime(struct core *core) {
    uint32_t clock_ns = registers_read(REG_CLOCK_NS);
    if (clock_ns != core->clock_ns && clock_ns != 0) {
        core->clock_ns = clock_ns;
        core->clocks_per_ms = 1000000 / clock_ns;
    }
    if (!core->clocks_per_ms) return;
    uint32_t now = devices_read(DEVICE_CLOCKS), passed_ms = 0;
    while (now - core->clocks_counted >= core->clocks_per_ms) {
        core->clocks_counted += core->clocks_per_ms;
        passed_ms++;
    }
    if (passed_ms) page_write(PAGE_UPTIME_MS, page_read(PAGE_UPTIME_MS) + passed_ms);
}

/* clear_page leaves the log as it is; all else begins at zero. */
static void clear_page(void) {
    log_begin();
    page_write(PAGE_MAGIC, ~(uint32_t)PAGE_MAGIC_VALUE);
    for (uint32_t offset = PAGE_VERSION; offset < PAGE_LOG_LEVEL; offset += 4)
        page_write(offset, 0);
    page_write(PAGE_VERSION, FIRMWARE_VERSION);
    page_write(PAGE_ABI_DIGEST, ABI_DIGEST);
}

/* look_at_b returns the BOOT_ code to show while this image runs. */
static uint32_t look_at_b(uint32_t slot) {
    if (slot & SLOT_B) return BOOT_GOOD;
    if (slot & SLOT_LOADED) return loader_check();
    return registers_read(REG_MGMT) & MGMT_FAILED ? BOOT_FAILED : BOOT_NONE;
}

static void show_selftest(struct core *core, uint32_t failed) {
    page_write(PAGE_SELFTEST, failed);
    if (failed) {
        log_numbered(LOG_LEVEL_ERROR, "self-test failed, bits ", failed);
        alerts_raise(&core->alerts, ALERT_SELFTEST, (int32_t)failed);
    } else {
        alerts_clear(&core->alerts, ALERT_SELFTEST, 0);
    }
}

/* set_timer comes after whatever moves COMPARE. */
static void set_timer(struct core *core) {
    core->next = devices_read(DEVICE_CLOCKS) + HEALTH_CLOCKS;
    devices_write(DEVICE_COMPARE, core->next);
}

static uint32_t selftest(struct core *core) {
    uint32_t failed = core->march_failed | selftest_run();
    set_timer(core);
    return failed;
}

static uint32_t state_of(uint32_t failed) { return failed ? MGMT_STATE_DEGRADED : MGMT_STATE_RUN; }

bool core_begin(struct core *core, uint32_t march_failed) {
    uint32_t slot = devices_read(DEVICE_SLOT);
    core->march_failed = march_failed;
    devices_write(DEVICE_WATCHDOG, 1);
    clear_page();
    set_state(MGMT_STATE_BOOT);
    page_write(PAGE_SLOT, slot & SLOT_B);

    uint32_t boot = look_at_b(slot);
    page_write(PAGE_BOOT_RESULT, boot);
    count_uptime(core);
    if (boot == BOOT_GOOD && !(slot & SLOT_B)) {
        log_text(LOG_LEVEL_INFO, "image B is good and begins");
        devices_write(DEVICE_BOOT, BOOT_TO_B);
        return false;
    }
    if (boot != BOOT_GOOD && boot != BOOT_NONE) {
        struct line line;
        line_begin(&line, LOG_LEVEL_ERROR);
        line_end(line_text(line_text(&line, "image B not taken: "), loader_reason(boot)));
        alerts_raise(&core->alerts, ALERT_FIRMWARE, (int32_t)boot);
    }

    set_state(MGMT_STATE_SELFTEST);
    core->link = health_begin();
    scrub_begin(&core->scrub);
    uint32_t failed = selftest(core);
    show_selftest(core, failed);
    struct line line;
    line_begin(&line, LOG_LEVEL_INFO);
    line_number(line_text(&line, "firmware "), FIRMWARE_MAJOR, 0);
    line_number(line_text(&line, "."), FIRMWARE_MINOR, 0);
    line_number(line_text(&line, "."), FIRMWARE_PATCH, 0);
    line_end(line_text(&line, slot & SLOT_B ? " runs, image B" : " runs, image A"));
    /* Whoever sees RUN may read the page. */
    page_write(PAGE_STATE, state_of(failed));
    page_write(PAGE_MAGIC, PAGE_MAGIC_VALUE);
    set_state(state_of(failed));
    return true;
}

static void answer(struct core *core) {
    uint32_t mail = devices_read(DEVICE_MAILBOX), reply = MAILBOX_UNKNOWN;
    uint32_t command = mail & ((1u << MAILBOX_COMMAND_BITS) - 1);
    uint32_t argument = mail >> MAILBOX_COMMAND_BITS;
    switch (command) {
    case MAILBOX_VERSION:
        reply = FIRMWARE_VERSION;
        break;
    case MAILBOX_STATE:
        reply = page_read(PAGE_STATE);
        break;
    case MAILBOX_LOG_LEVEL:
        if (argument > LOG_LEVEL_DEBUG) break;
        reply = page_read(PAGE_LOG_LEVEL);
        page_write(PAGE_LOG_LEVEL, argument);
        break;
    case MAILBOX_SELFTEST:
        reply = selftest(core);
        show_selftest(core, reply);
        set_state(state_of(reply));
        break;
    case MAILBOX_REBOOT:
        log_text(LOG_LEVEL_INFO, "the host asks to begin anew");
        devices_write(DEVICE_MAILBOX_REPLY, 0);
        devices_write(DEVICE_BOOT, BOOT_TO_SAME);
        return;
    default:
        log_numbered(LOG_LEVEL_WARNING, "unknown command ", command);
    }
    devices_write(DEVICE_MAILBOX_REPLY, reply);
}

void core_step(struct core *core) {
    if (devices_read(DEVICE_MAILBOX_FULL)) answer(core);
    if ((int32_t)(devices_read(DEVICE_CLOCKS) - core->next) < 0) return;
    /* From now, not from when it was due: a late round is not followed by a hurried one. */
    set_timer(core);
    devices_write(DEVICE_WATCHDOG, 1);
    count_uptime(core);
    health_step(&core->alerts, core->link);
    scrub_step(&core->scrub, &core->alerts);
    alerts_step(&core->alerts);
    page_write(PAGE_ROUNDS, page_read(PAGE_ROUNDS) + 1);
}

void core_trap(uint32_t cause, uint32_t pc, uint32_t value) {
    struct line line;
    line_begin(&line, LOG_LEVEL_ERROR);
    line_hex(line_text(&line, "trap: cause "), cause);
    line_hex(line_text(&line, " at "), pc);
    line_end(line_hex(line_text(&line, " value "), value));
    devices_write(DEVICE_BOOT, devices_read(DEVICE_SLOT) & SLOT_B ? BOOT_TO_A : BOOT_TO_SAME);
}
