#include "host/gateway/port_health.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { SENTENCE_BYTES = 320, TEXT_VERSION_BYTES = 24 };

static json_t *number(uint64_t value) { return json_integer((json_int_t)value); }

/* ---- Names of mgmt.def ---- */

/* What a code means, without the word that the tables put before bits. */
static const char *meaning_of(const struct abi_code *code) {
    static const char bit[] = "Bit: ";
    bool is_bit = strncmp(code->meaning, bit, sizeof bit - 1) == 0;
    return code->meaning + (is_bit ? sizeof bit - 1 : 0);
}

/* ---- What is found ---- */

struct finding {
    const struct port_picture *picture;
    json_t *warnings;
    bool under_way; /* an action is */
};

__attribute__((format(printf, 2, 3))) static void warn(const struct finding *finding,
                                                       const char *format, ...) {
    char text[SENTENCE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)json_array_append_new(finding->warnings, json_string(text));
}

static uint32_t register_of(const struct port_picture *picture, uint32_t reg) {
    return picture->registers[reg / 4];
}

static uint32_t word_of(const struct port_picture *picture, uint32_t offset) {
    return picture->words[offset / 4];
}

/* Names of the bits that are set in a mask of ALERT_ numbers. */
static json_t *alert_names(uint32_t mask) {
    json_t *names = json_array();
    for (unsigned bit = 1; bit < 32; bit++)
        if ((mask >> bit & 1u) != 0)
            (void)json_array_append_new(names, json_string(abi_alert_name(bit)));
    return names;
}

static json_t *version_json(uint32_t version) {
    char text[TEXT_VERSION_BYTES];
    (void)snprintf(text, sizeof text, "%u.%u.%u", version >> 16, version >> 8 & 255u,
                   version & 255u);
    return json_string(text);
}

static json_t *digest_json(uint32_t digest) {
    char text[12];
    (void)snprintf(text, sizeof text, "%08" PRIx32, digest);
    return json_string(text);
}

/* ---- Measures ---- */

struct measure {
    const char *name, *unit;
    uint32_t now, least, most, low, high, critical; /* offsets in the page; 0 for none */
    uint32_t part;                                  /* of the unit that people say: 100 of 0.01 C */
};

static const struct measure measures[] = {
    { "temperature", "0.01 C", PAGE_TEMPERATURE, PAGE_TEMPERATURE_MIN, PAGE_TEMPERATURE_MAX,
      PAGE_TEMPERATURE_LOW, PAGE_TEMPERATURE_HIGH, PAGE_TEMPERATURE_CRITICAL, 100 },
    { "vccint", "mV", PAGE_VCCINT, PAGE_VCCINT_MIN, PAGE_VCCINT_MAX, PAGE_VCCINT_LOW,
      PAGE_VCCINT_HIGH, 0, 1 },
    { "vccaux", "mV", PAGE_VCCAUX, PAGE_VCCAUX_MIN, PAGE_VCCAUX_MAX, PAGE_VCCAUX_LOW,
      PAGE_VCCAUX_HIGH, 0, 1 },
};

static int32_t value_of(const struct port_picture *picture, uint32_t offset) {
    return (int32_t)word_of(picture, offset);
}

/* A value as people say it: "-1.05 C", "851 mV". */
static const char *value_text(const struct measure *measure, int32_t value, char text[24]) {
    uint32_t magnitude = value < 0 ? 0 - (uint32_t)value : (uint32_t)value;
    if (measure->part == 1)
        (void)snprintf(text, 24, "%s%" PRIu32 " mV", value < 0 ? "-" : "", magnitude);
    else
        (void)snprintf(text, 24, "%s%" PRIu32 ".%02" PRIu32 " C", value < 0 ? "-" : "",
                       magnitude / 100, magnitude % 100);
    return text;
}

/* The word for a value: ok, low, high or critical. */
static const char *judge(const struct finding *finding, const struct measure *measure) {
    char now_text[24], limit_text[24];
    int32_t now = value_of(finding->picture, measure->now);
    int32_t low = value_of(finding->picture, measure->low);
    int32_t high = value_of(finding->picture, measure->high);
    (void)value_text(measure, now, now_text);
    if (measure->critical != 0 && now > value_of(finding->picture, measure->critical)) {
        warn(finding, "%s is %s, above %s, at which the firmware closes the gate: cool the card",
             measure->name, now_text,
             value_text(measure, value_of(finding->picture, measure->critical), limit_text));
        return "critical";
    }
    if (now < low) {
        warn(finding, "%s is %s, below its limit of %s: see to the card's %s", measure->name,
             now_text, value_text(measure, low, limit_text),
             measure->part == 1 ? "power supply" : "surroundings");
        return "low";
    }
    if (now > high) {
        warn(finding, "%s is %s, above its limit of %s: see to the card's %s", measure->name,
             now_text, value_text(measure, high, limit_text),
             measure->part == 1 ? "power supply" : "cooling");
        return "high";
    }
    return "ok";
}

static json_t *measures_json(const struct finding *finding) {
    json_t *rows = json_array();
    for (size_t i = 0; i < sizeof measures / sizeof *measures; i++) {
        const struct measure *measure = &measures[i];
        json_t *row =
            json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:s}", "name", measure->name, "unit",
                      measure->unit, "now", value_of(finding->picture, measure->now), "min",
                      value_of(finding->picture, measure->least), "max",
                      value_of(finding->picture, measure->most), "low",
                      value_of(finding->picture, measure->low), "high",
                      value_of(finding->picture, measure->high), "state", judge(finding, measure));
        if (measure->critical != 0)
            (void)json_object_set_new(row, "critical",
                                      json_integer(value_of(finding->picture, measure->critical)));
        (void)json_array_append_new(rows, row);
    }
    return rows;
}

/* ---- The management core ---- */

static json_t *link_json(const struct finding *finding) {
    uint32_t link = word_of(finding->picture, PAGE_LINK);
    if ((link & 1u) == 0) warn(finding, "the PCIe link is down by the card's own word");
    return json_pack("{s:b, s:i, s:i}", "up", (int)(link & 1u), "generation", (int)(link >> 4 & 15),
                     "lanes", (int)(link >> 8 & 63));
}

static json_t *selftest_json(const struct finding *finding) {
    uint32_t bits = word_of(finding->picture, PAGE_SELFTEST);
    json_t *failed = json_array();
    for (uint32_t bit = 1; bit != 0; bit <<= 1) {
        if ((bits & bit) == 0) continue;
        const struct abi_code *code = abi_mgmt_code("SELFTEST", bit);
        (void)json_array_append_new(failed, json_string(code->name));
        warn(finding, "self-test %s failed: %s `wirepit card selftest` does it again", code->name,
             meaning_of(code));
    }
    return failed;
}

static json_t *alarms_json(const struct finding *finding) {
    uint32_t standing = word_of(finding->picture, PAGE_ALARMS);
    for (unsigned bit = 1; bit < 32; bit++)
        if ((standing >> bit & 1u) != 0)
            warn(finding, "alarm %s stands; `wirepit card log` says since when",
                 abi_alert_name(bit));
    return alert_names(standing);
}

/* What the page says. */
static void add_page(const struct finding *finding, json_t *management) {
    const struct port_picture *picture = finding->picture;
    const struct abi_code *boot = abi_mgmt_code("BOOT", word_of(picture, PAGE_BOOT_RESULT));
    uint32_t digest = word_of(picture, PAGE_ABI_DIGEST);
    bool said = boot->number == BOOT_FAILED &&
                (register_of(picture, REG_MGMT) & (uint32_t)MGMT_FAILED) != 0;
    if (boot->number != BOOT_NONE && boot->number != BOOT_GOOD && !said)
        warn(finding, "image B was not taken: %s Image A runs; `wirepit card firmware update FILE`",
             boot->meaning);
    if (digest != abi_digest())
        warn(finding, "the firmware is built from tables %08x, this host from %08x: update it",
             digest, abi_digest());
    (void)json_object_set_new(management, "version", version_json(word_of(picture, PAGE_VERSION)));
    (void)json_object_set_new(management, "digest", digest_json(digest));
    (void)json_object_set_new(management, "boot_result", json_string(boot->name));
    (void)json_object_set_new(management, "boot_meaning", json_string(boot->meaning));
    (void)json_object_set_new(management, "uptime_ms", number(word_of(picture, PAGE_UPTIME_MS)));
    (void)json_object_set_new(management, "rounds", number(word_of(picture, PAGE_ROUNDS)));
    (void)json_object_set_new(management, "measures", measures_json(finding));
    (void)json_object_set_new(management, "link", link_json(finding));
    (void)json_object_set_new(management, "selftest_failed", selftest_json(finding));
    (void)json_object_set_new(management, "alarms", alarms_json(finding));
    (void)json_object_set_new(management, "alarms_seen",
                              alert_names(word_of(picture, PAGE_ALARMS_SEEN)));
    (void)json_object_set_new(management, "scrub_rounds",
                              number(word_of(picture, PAGE_SCRUB_ROUNDS)));
    (void)json_object_set_new(management, "scrub_corrected_words",
                              number(word_of(picture, PAGE_SCRUB_CORRECTED)));
    (void)json_object_set_new(
        management, "log_level",
        json_string(abi_mgmt_code("LOG_LEVEL", word_of(picture, PAGE_LOG_LEVEL))->name));
}

/* A core that an action has begun anew is on its way, and whoever asked for that hears the end. */
static void judge_state(const struct finding *finding, uint32_t mgmt,
                        const struct abi_code *state) {
    if (finding->under_way) return;
    if ((mgmt & (uint32_t)MGMT_MEMORY) != 0)
        warn(finding, "the management core stands still: a word of its memories is wrong in two "
                      "bits; `wirepit card reset --management --yes` begins it anew, `wirepit card "
                      "firmware update FILE` writes slot B anew; if neither lasts, load the card's "
                      "own image again");
    else if (state->number == MGMT_STATE_DEGRADED)
        warn(finding, "the management core is DEGRADED: %s", state->meaning);
    else if (state->number == MGMT_STATE_RESET && (mgmt & (uint32_t)MGMT_SLOT) != 0)
        warn(finding,
             "the management core does not run, it is in state RESET: image B was begun and "
             "has not answered; load another, `wirepit card firmware update FILE`");
    else if (state->number != MGMT_STATE_RUN)
        warn(finding,
             "the management core does not run, it is in state %s: %s A card that has just begun "
             "soon does, a simulated one as it is worked with; if it stays so, `wirepit "
             "card reset --management --yes`",
             state->name, state->meaning);
    else if (!finding->picture->page)
        warn(finding, "the management core runs, but its page is not filled; ask again, then "
                      "`wirepit card reset --management --yes`");
    if ((mgmt & (uint32_t)MGMT_FAILED) != 0)
        warn(finding, "image B began and failed; image A runs until B is loaded again: `wirepit "
                      "card firmware update FILE`");
}

static json_t *management_json(const struct finding *finding) {
    uint32_t mgmt = register_of(finding->picture, REG_MGMT);
    if (mgmt == 0) return json_null();
    const struct abi_code *state = abi_mgmt_code("MGMT_STATE", mgmt & (uint32_t)MGMT_STATE);
    judge_state(finding, mgmt, state);
    json_t *management = json_pack(
        "{s:s, s:s, s:s, s:b, s:b, s:b, s:b, s:i}", "state", state->name, "state_meaning",
        state->meaning, "slot", (mgmt & (uint32_t)MGMT_SLOT) != 0 ? "B" : "A", "loaded",
        (mgmt & (uint32_t)MGMT_LOADED) != 0, "failed", (mgmt & (uint32_t)MGMT_FAILED) != 0,
        "window_open", (mgmt & (uint32_t)MGMT_OPEN) != 0, "page", (int)finding->picture->page,
        "boots", (int)((mgmt & (uint32_t)MGMT_BOOTS) >> 16));
    if (finding->picture->page) add_page(finding, management);
    return management;
}

/* ---- The card ---- */

static const char *state_word(uint32_t status) {
    if ((status & (uint32_t)STATUS_MEMORY) != 0 || (status & (uint32_t)STATUS_FAULT) != 0)
        return "STOPPED";
    if ((status & (uint32_t)STATUS_INIT_DONE) == 0) return "STARTING";
    return (status & (uint32_t)STATUS_LIVE) != 0 ? "LIVE" : "REPLAY";
}

static json_t *stopped_json(const struct finding *finding, uint32_t status) {
    static const char next[] = "start the gateway again: its start is reset and replay";
    unsigned stopped = (status & (uint32_t)STATUS_MEMORY) >> 8;
    if ((status & (uint32_t)STATUS_FAULT) != 0)
        warn(finding, "a write to the event ring was answered with an error; %s", next);
    if (stopped == 0) return json_null();
    warn(finding, "the card has stopped: %s %s; %s", abi_memory_name(stopped),
         abi_stop_meaning(stopped), next);
    return json_string(abi_stop_meaning(stopped));
}

static json_t *error_counters(const struct finding *finding) {
    static const uint8_t rows[] = { COUNTER_GATE_CLOSINGS, COUNTER_ECC_CORRECTED, COUNTER_ECC_FATAL,
                                    COUNTER_WATCHDOG };
    const struct port_picture *picture = finding->picture;
    json_t *counters = json_object();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        (void)json_object_set_new(counters, abi_counter_name(rows[i]),
                                  number(picture->counters[rows[i]]));
    if (picture->counters[COUNTER_ECC_FATAL] > 0)
        warn(finding,
             "%" PRIu64 " memory errors stopped the card; start the gateway again: its "
             "start is reset and replay",
             picture->counters[COUNTER_ECC_FATAL]);
    return counters;
}

static json_t *gone_json(const char *name) {
    return json_pack(
        "{s:s, s:b, s:b, s:[s]}", "name", name, "answers", 0, "healthy", 0, "warnings",
        "the card does not answer, every read gives all ones: it has lost power, its link or its "
        "image; see to it, then start the gateway again: its start is reset and replay");
}

static json_t *card_json(const struct finding *finding, const char *name) {
    const struct port_picture *picture = finding->picture;
    uint32_t status = register_of(picture, REG_STATUS), version = register_of(picture, REG_VERSION);
    uint32_t digest = register_of(picture, REG_DIGEST);
    char version_text[24];
    (void)snprintf(version_text, sizeof version_text, "%u.%u", version >> 16, version & 0xffffu);
    if (digest != abi_digest())
        warn(finding,
             "the card is built from tables %08x, this host from %08x: another image was "
             "loaded into it; rebuild the older, then start the gateway again",
             digest, abi_digest());
    json_t *card = json_pack(
        "{s:s, s:b, s:o, s:s, s:s, s:s, s:b, s:o}", "name", name, "answers", 1, "digest",
        digest_json(digest), "version", version_text, "state", state_word(status), "gate",
        (status & (uint32_t)STATUS_KILLED) != 0 ? "closed" : "open", "fault",
        (status & (uint32_t)STATUS_FAULT) != 0, "stopped_by", stopped_json(finding, status));
    const struct {
        const char *name;
        uint32_t reg;
    } row[] = { { "symbols", REG_SYMBOLS },
                { "accounts", REG_ACCOUNTS },
                { "orders", REG_ORDERS },
                { "levels", REG_LEVELS },
                { "clock_ns", REG_CLOCK_NS } };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        (void)json_object_set_new(card, row[i].name, number(register_of(picture, row[i].reg)));
    (void)json_object_set_new(card, "counters", error_counters(finding));
    (void)json_object_set_new(card, "management", management_json(finding));
    return card;
}

/* ---- Actions ---- */

static const char *action_name(enum port_action_kind kind) {
    static const char *const names[] = {
        [PORT_RESTART] = "restart", [PORT_SELFTEST] = "selftest", [PORT_UPDATE] = "update"
    };
    return names[kind];
}

/* Appends what of a self-test failed. */
static void say_bits(uint32_t bits, char text[SENTENCE_BYTES]) {
    if (bits == MAILBOX_UNKNOWN) {
        (void)snprintf(text, SENTENCE_BYTES, "the firmware knows no self-test; update it");
        return;
    }
    int used = snprintf(text, SENTENCE_BYTES, "failed:");
    for (uint32_t bit = 1; bit != 0; bit <<= 1) {
        if ((bits & bit) == 0 || used < 0 || used >= SENTENCE_BYTES) continue;
        const struct abi_code *code = abi_mgmt_code("SELFTEST", bit);
        used += snprintf(text + used, SENTENCE_BYTES - (size_t)used, " %s (%s)", code->name,
                         meaning_of(code));
    }
}

static void say_done(const struct port_action *action, char text[SENTENCE_BYTES]) {
    uint32_t version = action->version;
    if (action->kind == PORT_SELFTEST) {
        (void)snprintf(text, SENTENCE_BYTES, "everything that was tested is well");
        return;
    }
    (void)snprintf(text, SENTENCE_BYTES, "firmware %u.%u.%u runs from image %s%s", version >> 16,
                   version >> 8 & 255u, version & 255u,
                   (action->mgmt & (uint32_t)MGMT_SLOT) != 0 ? "B, until the card loses its power"
                                                             : "A",
                   (action->mgmt & (uint32_t)MGMT_STATE) == MGMT_STATE_DEGRADED
                       ? "; a self-test failed, see `wirepit card health`"
                       : "");
}

static void say_failed(const struct port_action *action, char text[SENTENCE_BYTES]) {
    if (action->kind == PORT_SELFTEST)
        say_bits(action->result, text);
    else
        (void)snprintf(text, SENTENCE_BYTES,
                       "the card does not take the image: %s Image A runs; check the file, then "
                       "update again",
                       abi_mgmt_code("BOOT", action->result)->meaning);
}

static void say_end(const struct port_action *action, char text[SENTENCE_BYTES]) {
    static const char *const ends[] = {
        [PORT_UNDER_WAY] = "under way",
        [PORT_GONE] = "the card does not answer, every read gives all ones; see to its power and "
                      "link, then start the gateway again",
        [PORT_STANDING] = "the management core stands still, a word of its memories is wrong in "
                          "two bits; `wirepit card reset --management --yes` begins it anew, "
                          "`wirepit card firmware update FILE` writes slot B anew",
        [PORT_SILENT] = "the management core did not answer within 60 s; look at `wirepit card "
                        "log`, then `wirepit card reset --management --yes`; if image B is what "
                        "does not answer, load another: `wirepit card firmware update FILE`",
        [PORT_ANEW] = "the management core began anew before it answered; look at `wirepit card "
                      "log`",
        [PORT_SHUT] = "the load window was not open at the end of the load; update again",
    };
    if (action->end == PORT_DONE)
        say_done(action, text);
    else if (action->end == PORT_FAILED)
        say_failed(action, text);
    else
        (void)snprintf(text, SENTENCE_BYTES, "%s", ends[action->end]);
}

json_t *port_health_action(const struct port_action *action) {
    char text[SENTENCE_BYTES];
    if (action->kind == 0) return json_null();
    say_end(action, text);
    const char *state = action->end == PORT_UNDER_WAY ? "running"
                        : action->end == PORT_DONE    ? "done"
                                                      : "failed";
    json_t *json = json_pack("{s:s, s:s, s:s}", "name", action_name(action->kind), "state", state,
                             "text", text);
    if (action->kind == PORT_UPDATE) {
        (void)json_object_set_new(json, "bytes", number(action->bytes));
        (void)json_object_set_new(json, "bytes_max", number(action->bytes_max));
    }
    return json;
}

/* ---- Answers ---- */

json_t *port_health_card(const char *name, const struct port_picture *picture,
                         const struct port_action *action) {
    const struct finding finding = { .picture = picture,
                                     .warnings = json_array(),
                                     .under_way = port_action_busy(action) };
    json_t *card;
    if (picture->gone) {
        json_decref(finding.warnings);
        card = gone_json(name);
    } else {
        card = card_json(&finding, name);
        bool healthy = json_array_size(finding.warnings) == 0;
        (void)json_object_set_new(card, "healthy", json_boolean(healthy));
        (void)json_object_set_new(card, "warnings", finding.warnings);
    }
    (void)json_object_set_new(card, "action", port_health_action(action));
    return json_pack("{s:o}", "card", card);
}

json_t *port_health_log(const char *name, const struct port_picture *picture) {
    char text[PAGE_LOG_BYTES + 1];
    uint32_t mgmt = register_of(picture, REG_MGMT), to = picture->log_before;
    /* Bytes that came while it was read stand where the oldest stood; they are told the next time.
     */
    uint32_t came = picture->log_written - picture->log_before;
    uint32_t count = came < PAGE_LOG_BYTES ? PAGE_LOG_BYTES - came : 0;
    if (count > to) count = to; /* it was not full */
    for (uint32_t i = 0; i < count; i++) {
        uint8_t byte = picture->log[(to - count + i) % PAGE_LOG_BYTES];
        text[i] = byte == '\n' || (byte >= ' ' && byte < 127) ? (char)byte : '?';
    }
    text[count] = 0;
    return json_pack("{s:s, s:b, s:b, s:b, s:o, s:o, s:o, s:s}", "name", name, "answers",
                     (int)!picture->gone, "core", (int)(!picture->gone && mgmt != 0), "page",
                     (int)picture->page, "boots", number((mgmt & (uint32_t)MGMT_BOOTS) >> 16),
                     "from", number(to - count), "written", number(to), "text", text);
}
