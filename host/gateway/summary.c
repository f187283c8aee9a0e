#include "host/gateway/summary.h"
#include "host/base/err.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>

static json_t *number(uint64_t value) { return json_integer((json_int_t)value); }

static json_t *times(const struct histogram *histogram) {
    struct histogram_summary said = histogram_summarise(histogram);
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "count", number(said.count), "p50",
                     number(said.p50), "p99", number(said.p99), "p999", number(said.p999), "max",
                     number(said.max));
}

/* The engine's reasons by their names; what was refused before the card as "gateway: <OUCH
 * reason>". */
static json_t *rejects(const struct entry *entry) {
    json_t *object = json_object();
    for (unsigned reason = 0; reason < 256; reason++) {
        uint64_t count = entry_refused(entry, (uint8_t)reason);
        if (count > 0) (void)json_object_set_new(object, abi_reason_name(reason), number(count));
    }
    for (uint16_t reject = 0; reject < 64; reject++) {
        char name[80];
        uint64_t count = entry_rejected(entry, reject);
        (void)snprintf(name, sizeof name, "gateway: %s", ouch_reject_name(reject));
        if (count > 0) (void)json_object_set_new(object, name, number(count));
    }
    return object;
}

static json_t *network_json(const struct lwip_counts *counts) {
    if (counts == NULL) return json_null();
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "received",
                     number(counts->nic.received), "sent", number(counts->nic.sent), "dropped",
                     number(counts->nic.dropped), "missed", number(counts->nic.missed), "accepted",
                     number(counts->accepted), "refused", number(counts->refused), "reaped",
                     number(counts->reaped), "cut", number(counts->cut), "checksum_wrong",
                     number(counts->checksum_wrong));
}

static json_t *steering_json(const uint64_t *counters) {
    if (counters == NULL) return json_null();
    json_t *object = json_object();
    for (int i = 0; i < STEER_COUNTERS; i++)
        (void)json_object_set_new(object, steer_counter_name((enum steer_counter)i),
                                  number(counters[i]));
    return object;
}

int summary_write(const char *path, const struct summary *summary) {
    const struct sequencer_times *measured = sequencer_times(summary->sequencer);
    json_t *root = json_pack(
        "{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
        "s:o}",
        "card", summary->card, "gate", summary->gate_open ? "open" : "closed", "transport",
        summary->transport, "port", summary->port, "commands",
        number(sequencer_commands(summary->sequencer)), "events",
        number(sequencer_events(summary->sequencer)), "lockstep_differences",
        number(summary->lockstep_differences), "journal_verified", summary->journal_verified,
        "journal_records", number(summary->journal_records), "clocks", times(&measured->clocks),
        "gateway_ns", times(&measured->gateway), "card_ns", times(&measured->card), "flush_ns",
        times(&measured->flush), "rejects", rejects(summary->entry), "sessions",
        number(summary->sessions), "logins", number(summary->logins), "network",
        network_json(summary->network), "steer", steering_json(summary->steering));
    if (root == NULL) return err_set(-ENOMEM, "%s: no memory for the summary", path);
    char part[512];
    int written = snprintf(part, sizeof part, "%s.part", path);
    int code = 0;
    if (written < 0 || (size_t)written >= sizeof part)
        code = err_set(-ENAMETOOLONG, "%s: the name is too long", path);
    else if (json_dump_file(root, part, JSON_INDENT(2)) != 0 || rename(part, path) != 0)
        code = err_set(errno != 0 ? -errno : -EIO, "%s: the summary cannot be written", path);
    json_decref(root);
    return code;
}
