#include "host/gateway/port_answer.h"
#include "host/gateway/port_health.h"
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static json_t *number(uint64_t value) { return json_integer((json_int_t)value); }

static json_t *histogram_json(const struct histogram *histogram) {
    struct histogram_summary summary = histogram_summarise(histogram);
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "count", number(summary.count), "p50",
                     number(summary.p50), "p99", number(summary.p99), "p999", number(summary.p999),
                     "max", number(summary.max));
}

/* A row for each part of the distribution that people look at, thin ones left to the quantiles. */
static json_t *histogram_rows(const struct histogram *histogram) {
    static const uint32_t parts[] = { 1000,  5000,  10000, 25000, 50000, 75000,
                                      90000, 95000, 99000, 99900, 99990, 100000 };
    json_t *rows = json_array();
    for (size_t i = 0; i < sizeof parts / sizeof *parts && histogram->count > 0; i++)
        (void)json_array_append_new(rows,
                                    json_pack("{s:i, s:o}", "parts", (int)parts[i], "value",
                                              number(histogram_quantile(histogram, parts[i]))));
    return rows;
}

/* The card's own distribution: commands by the power of two of clocks that they needed at most, 0
   for those that needed more than all. */
static json_t *clocks_json(const uint64_t *counters) {
    json_t *rows = json_array();
    for (uint32_t i = COUNTER_CLOCKS_8; i <= COUNTER_CLOCKS_MORE; i++) {
        uint32_t within = i == COUNTER_CLOCKS_MORE ? 0 : 8u << (i - COUNTER_CLOCKS_8);
        (void)json_array_append_new(rows, json_pack("{s:o, s:o}", "within", number(within),
                                                    "commands", number(counters[i])));
    }
    return rows;
}

static json_t *counters_json(const struct port_control *port) {
    const struct sequencer_times *times = &port->counters.times;
    json_t *counters = json_object(), *rows = json_object();
    for (uint32_t i = 0; i < PORT_COUNTER_COUNT; i++)
        (void)json_object_set_new(counters, abi_counter_name(i), number(port->counters.values[i]));
    const struct {
        const char *name;
        const struct histogram *histogram;
    } row[] = { { "card_clocks", &times->clocks },
                { "gateway_ns", &times->gateway },
                { "card_ns", &times->card },
                { "flush_ns", &times->flush } };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        json_t *histogram = histogram_json(row[i].histogram);
        (void)json_object_set_new(histogram, "distribution", histogram_rows(row[i].histogram));
        (void)json_object_set_new(rows, row[i].name, histogram);
    }
    return json_pack("{s:o, s:o, s:o}", "counters", counters, "clocks",
                     clocks_json(port->counters.values), "histograms", rows);
}

static const char *state_name(uint8_t state) {
    static const char *const names[] = { "closed", "auction", "open", "halted" };
    return state < sizeof names / sizeof *names ? names[state] : "?";
}

static json_t *symbols_json(const struct config *config, const struct port_status *status) {
    json_t *rows = json_array();
    for (uint32_t i = 0; i < config->symbol_count; i++) {
        const struct config_symbol *symbol = &config->symbols[i];
        (void)json_array_append_new(
            rows, json_pack("{s:i, s:s, s:s, s:o, s:o, s:i, s:i, s:i}", "index", (int)i, "name",
                            symbol->name, "state", state_name(status->symbol_state[i]), "base_e4",
                            number(symbol->base_e4), "tick_e4", number(symbol->tick_e4), "lot",
                            (int)symbol->lot, "reference", (int)symbol->reference, "collar",
                            (int)symbol->collar));
    }
    return rows;
}

static json_t *firms_json(const struct config *config, const struct port_status *status) {
    json_t *rows = json_array();
    for (uint32_t i = 0; i < config->firm_count; i++)
        (void)json_array_append_new(rows, json_pack("{s:i, s:s, s:b}", "index", (int)i, "name",
                                                    config->firms[i].name, "killed",
                                                    (int)status->firm_killed[i]));
    return rows;
}

static json_t *accounts_json(const struct config *config, const struct port_status *status) {
    json_t *rows = json_array();
    for (uint32_t i = 0; i < config->account_count; i++) {
        const struct config_account *account = &config->accounts[i];
        (void)json_array_append_new(
            rows, json_pack("{s:i, s:s, s:s, s:i, s:b}", "index", (int)i, "name", account->name,
                            "firm", config->firms[account->firm].name, "currency",
                            (int)account->currency, "killed", (int)status->account_killed[i]));
    }
    return rows;
}

static json_t *sessions_json(const struct config *config, const struct port_status *status) {
    json_t *rows = json_array();
    for (uint32_t i = 0; i < config->session_count; i++) {
        const struct config_session *session = &config->sessions[i];
        (void)json_array_append_new(
            rows,
            json_pack("{s:i, s:s, s:s, s:s, s:b, s:b, s:b, s:o, s:o, s:o}", "index", (int)i, "name",
                      session->username, "firm", config->firms[session->firm].name, "account",
                      config->accounts[session->account].name, "connected",
                      (int)status->connected[i], "killed", (int)status->session_killed[i],
                      "withdrawing", (int)status->withdrawing[i], "answers",
                      number(status->answers[i]), "durable_answers", number(status->released[i]),
                      "next_user_ref", number(status->next_user_ref[i])));
    }
    return rows;
}

static json_t *status_json(const struct port_control *port) {
    const struct port_parts *parts = &port->parts;
    const struct port_status *status = &port->status;
    const struct card_size *size = &parts->card->size;
    json_t *card = json_pack("{s:s, s:o, s:o, s:o, s:o, s:s}", "name", parts->card->name, "symbols",
                             number(size->symbols), "accounts", number(size->accounts), "orders",
                             number(size->orders), "levels", number(size->levels), "gate",
                             status->killed ? "closed" : "open");
    json_t *journal =
        json_pack("{s:s, s:o, s:o, s:s}", "directory", parts->config->journal, "appended",
                  number(status->appended), "durable", number(status->durable), "durability",
                  parts->config->asynchronous ? "async" : "sync");
    char digest[20];
    (void)snprintf(digest, sizeof digest, "%08" PRIx32, abi_digest());
    json_t *answer =
        json_pack("{s:o, s:o, s:s, s:s, s:i, s:s, s:i, s:o, s:o}", "card", card, "journal", journal,
                  "transport", parts->transport, "address", parts->address, "port",
                  (int)parts->port, "session", parts->session_name, "pid", (int)getpid(),
                  "commands", number(status->commands), "events", number(status->events));
    (void)json_object_set_new(answer, "abi", json_string(digest));
    (void)json_object_set_new(answer, "symbols", symbols_json(parts->config, status));
    (void)json_object_set_new(answer, "firms", firms_json(parts->config, status));
    (void)json_object_set_new(answer, "accounts", accounts_json(parts->config, status));
    (void)json_object_set_new(answer, "sessions", sessions_json(parts->config, status));
    return answer;
}

static json_t *command_json(const struct port_job *job) {
    json_t *events = json_array();
    for (uint32_t i = 0; i < job->event_count; i++)
        (void)json_array_append_new(events, message_event_write(&job->events[i]));
    return json_pack("{s:o, s:o, s:i, s:o}", "command", number(job->number), "record",
                     number(job->record), "events_total", (int)job->events_total, "events", events);
}

/* Why an action did not begin. */
static json_t *refusal_json(enum port_refusal refusal) {
    static const struct {
        const char *code, *message;
    } row[] = {
        [PORT_REFUSED_BUSY] = { "busy", "another action of the card is under way; `wirepit card "
                                        "health` says when it is over" },
        [PORT_REFUSED_NO_CORE] = { "no_core", "this card has no management core: a simulated one "
                                              "built from the RTL, or a real one, has" },
        [PORT_REFUSED_GONE] = { "card_gone", "the card does not answer, every read gives all ones; "
                                             "see to its power and link, then start the gateway "
                                             "again: its start is reset and replay" },
    };
    return json_pack("{s:o}", "error",
                     message_error(row[refusal].code, row[refusal].message, NULL));
}

static json_t *action_json(const struct port_job *job) {
    if (job->refusal != PORT_TAKEN) return refusal_json(job->refusal);
    return json_pack("{s:o, s:o}", "command", number(job->number), "record", number(job->record));
}

json_t *port_answer(const struct port_control *port, const struct port_job *job) {
    switch (job->ask) {
    case PORT_COMMAND:
        return command_json(job);
    case PORT_WITHDRAW:
        return json_pack("{s:i}", "sessions", (int)job->sessions);
    case PORT_STATUS:
        return status_json(port);
    case PORT_COUNTERS:
        return counters_json(port);
    case PORT_CARD:
        return port_health_card(port->parts.card->name, &port->look.picture, &port->look_action);
    case PORT_LOG:
        return port_health_log(port->parts.card->name, &port->look.picture);
    case PORT_PROGRESS:
        return json_pack("{s:o}", "action", port_health_action(&port->progress));
    case PORT_ACTION:
        return action_json(job);
    case PORT_PIECE: /* answered where it is kept */
        break;
    }
    return NULL;
}
