/* test_office: wirepit-office as its operator meets it: killed at random over a growing journal,
 * asked and steered over its socket beside a gateway, and beside a card that says something else.
 * The programs are in WIREPIT_OFFICE, WIREPIT_GATEWAY, WIREPIT_REPLAY and WIREPIT, else below
 * build/plain; WIREPIT_KILLS=n kills it so often [40]. */
#include "host/base/clock.h"
#include "host/base/err.h"
#include "host/control/control.h"
#include "host/store/store.h"
#include "tests/unit/office_market.h"
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATH_BYTES = 256, WAIT_MS = 20000, STEPS_A_KILL = 150, ARGUMENTS_MAX = 24 };

static char directory[PATH_BYTES / 2];
static pid_t office_pid, gateway_pid, relay_pid;

static const char *program(const char *variable, const char *otherwise) {
    const char *path = getenv(variable);
    return path != NULL ? path : otherwise;
}

static const char *office(void) { return program("WIREPIT_OFFICE", "build/plain/wirepit-office"); }

static char *path_of(const char *name, char path[PATH_BYTES]) {
    int written = snprintf(path, PATH_BYTES, "%s/%s", directory, name);
    assert_true(written > 0 && written < PATH_BYTES);
    return path;
}

static void pause_ms(long ms) {
    const struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
    (void)nanosleep(&time, NULL);
}

/* Starts a program with its output in a log. */
static pid_t start(const char *log, const char *const arguments[]) {
    char path[PATH_BYTES];
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0) return pid;
    int out = open(path_of(log, path), O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (out < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0) _exit(9);
    (void)execv(arguments[0], (char *const *)(uintptr_t)arguments);
    _exit(9);
}

static int end(pid_t *pid, int signal) {
    int status = 0;
    if (*pid <= 0) return -1;
    if (signal != 0) (void)kill(*pid, signal);
    assert_int_equal(waitpid(*pid, &status, 0), *pid);
    *pid = 0;
    return status;
}

static int make_directory(void **state) {
    (void)state;
    (void)mkdir("build/e2e", 0755);
    (void)snprintf(directory, sizeof directory, "build/e2e/office-%ld", (long)getpid());
    return mkdir(directory, 0755);
}

static int remove_directory(void **state) {
    (void)state;
    (void)end(&office_pid, SIGKILL);
    (void)end(&gateway_pid, SIGKILL);
    (void)end(&relay_pid, SIGKILL);
    const char *const arguments[] = { "/bin/rm", "-rf", directory, NULL };
    pid_t pid = fork();
    if (pid == 0) {
        (void)execv(arguments[0], (char *const *)(uintptr_t)arguments);
        _exit(9);
    }
    return end(&pid, 0);
}

/* ---- Killed at random ---- */

static void write_record(void *context, const struct journal_record *record) {
    int64_t sequence = journal_append(context, (enum journal_kind)record->kind, record->session,
                                      record->data, record->bytes);
    if (sequence == -ENOBUFS) {
        assert_int_equal(journal_wait(context), 0);
        sequence = journal_append(context, (enum journal_kind)record->kind, record->session,
                                  record->data, record->bytes);
    }
    assert_int_equal(sequence, record->sequence);
}

static pid_t start_once(const char *store, const char *batch) {
    char journal[PATH_BYTES], path[PATH_BYTES];
    const char *const arguments[] = { office(),
                                      "--journal",
                                      path_of("journal", journal),
                                      "--store",
                                      path_of(store, path),
                                      "--once",
                                      "--batch",
                                      batch,
                                      NULL };
    return start("once.log", arguments);
}

static void assert_equal_stores(const char *one, const char *two) {
    uint8_t a[STORE_DIGEST_BYTES], b[STORE_DIGEST_BYTES];
    char path[PATH_BYTES];
    struct store *first, *second;
    assert_int_equal(store_open(path_of(one, path), &first), 0);
    assert_int_equal(store_open(path_of(two, path), &second), 0);
    for (int table = 0; table < STORE_TABLES; table++) {
        assert_int_equal(store_digest(first, (enum store_table)table, a), 0);
        assert_int_equal(store_digest(second, (enum store_table)table, b), 0);
        if (memcmp(a, b, sizeof a) != 0)
            fail_msg("%s differ", store_table_name((enum store_table)table));
    }
    assert_true(store_count(first, STORE_trade) > 0);
    store_close(first);
    store_close(second);
}

/* How far a store has come; 0 before its first transaction. */
static int64_t position_of(struct store *store) {
    struct store_progress progress = { .record = 0 };
    assert_true(store_get(store, STORE_progress, 1, &progress) >= 0);
    return progress.record;
}

/* Kills the office at a random instant of its start, or, behind_start, of what it does once it has
   begun to write. True if it had not come to its end. */
static bool kill_office(struct store *store, struct random *draw, bool behind_start) {
    int64_t position = position_of(store);
    for (int waited = 0; behind_start && waited < WAIT_MS && position_of(store) == position;
         waited++)
        pause_ms(1);
    pause_ms((long)random_below(draw, behind_start ? 20 : 100));
    return WIFSIGNALED(end(&office_pid, SIGKILL));
}

static void kills_at_random_leave_the_same_tables_as_none(void **state) {
    (void)state;
    const char *text = getenv("WIREPIT_KILLS"), *seed_text = getenv("SEED");
    long kills = text != NULL ? strtol(text, NULL, 10) : 40;
    uint64_t seed = seed_text != NULL ? strtoull(seed_text, NULL, 10) : 1;
    struct random draw = random_seeded(seed);
    struct journal *journal;
    struct journal_recovered recovered;
    struct om market;
    struct store *store;
    char path[PATH_BYTES];
    long killed = 0, inside = 0, untouched = 0;
    int64_t position = 0;
    print_message("seed %" PRIu64 ", %ld kills\n", seed, kills);
    const struct journal_options options = { .directory = path_of("journal", path),
                                             .flush = JOURNAL_ASYNC,
                                             .file_bytes_max = 1 << 20 };
    assert_int_equal(journal_open(&options, &journal, &recovered), 0);
    assert_int_equal(store_open(path_of("killed.db", path), &store), 0);
    om_open(&market, seed, write_record, journal);
    for (long i = 0; i < kills; i++) {
        for (int step = 0; step < STEPS_A_KILL; step++) om_step(&market);
        if (i % 10 == 0) om_query_all(&market);
        assert_int_equal(journal_wait(journal), 0);
        office_pid = start_once("killed.db", i % 3 == 0 ? "700" : "5");
        killed += kill_office(store, &draw, i % 2 == 1);
        int64_t now = position_of(store);
        assert_true(now >= position && now <= (int64_t)market.records);
        untouched += now == position;
        inside += now > position && now < (int64_t)market.records;
        position = now;
    }
    om_close(&market);
    journal_close(journal);
    store_close(store);
    print_message(
        "%ld killed before their end: %ld before the first transaction, %ld between two\n", killed,
        untouched, inside);
    assert_true(killed >= kills / 4 && inside >= kills / 8);

    office_pid = start_once("killed.db", "20000");
    assert_int_equal(end(&office_pid, 0), 0);
    office_pid = start_once("never.db", "20000");
    assert_int_equal(end(&office_pid, 0), 0);
    assert_equal_stores("killed.db", "never.db");
}

/* A store whose rows were changed behind the office's back is refused at the next start. */
static void a_store_that_contradicts_the_journals_is_refused(void **state) {
    (void)state;
    struct journal *journal;
    struct journal_recovered recovered;
    struct om market;
    struct store *store;
    struct store_progress progress;
    struct store_account account;
    char path[PATH_BYTES];
    const struct journal_options options = { .directory = path_of("journal", path),
                                             .flush = JOURNAL_ASYNC };
    assert_int_equal(journal_open(&options, &journal, &recovered), 0);
    om_open(&market, 1, write_record, journal);
    for (int step = 0; step < 300; step++) om_step(&market);
    assert_int_equal(journal_wait(journal), 0);
    om_close(&market);
    journal_close(journal);
    office_pid = start_once("office.db", "20000");
    assert_int_equal(end(&office_pid, 0), 0);

    assert_int_equal(store_open(path_of("office.db", path), &store), 0);
    assert_int_equal(store_get(store, STORE_progress, 1, &progress), 1);
    assert_int_equal(store_get(store, STORE_account, 2, &account), 1);
    account.fees_e4++;
    assert_int_equal(store_begin(store), 0);
    assert_int_equal(store_put(store, STORE_account, &account), 0);
    assert_int_equal(store_commit(store, &progress), 0);
    store_close(store);
    office_pid = start_once("office.db", "20000");
    assert_int_equal(end(&office_pid, 0), EXIT_FAILURE << 8);
}

/* ---- Over the socket ---- */

static char socket_path[PATH_BYTES], port_path[PATH_BYTES];
static struct control_office *client;

static void start_office(const char *from) {
    char journal[PATH_BYTES], store[PATH_BYTES];
    const char *const arguments[] = { office(),
                                      "--journal",
                                      path_of(from, journal),
                                      "--store",
                                      path_of("office.db", store),
                                      "--socket",
                                      path_of("office.socket", socket_path),
                                      "--gateway",
                                      port_path,
                                      "--config",
                                      "host/package/wirepit.yaml",
                                      NULL };
    office_pid = start("office.log", arguments);
}

static void start_gateway(void) {
    char journal[PATH_BYTES];
    const char *const arguments[] = { program("WIREPIT_GATEWAY", "build/plain/wirepit-gateway"),
                                      "--config",
                                      "host/package/wirepit.yaml",
                                      "--card",
                                      "soft",
                                      "--transport",
                                      "kernel",
                                      "--port",
                                      "0",
                                      "--journal",
                                      path_of("journal", journal),
                                      "--control",
                                      path_of("gateway.socket", port_path),
                                      NULL };
    gateway_pid = start("gateway.log", arguments);
}

/* Reads the port that the gateway printed. */
static void wait_for_gateway(char port[16]) {
    char path[PATH_BYTES], line[128];
    for (int waited = 0; waited < WAIT_MS; waited += 20) {
        FILE *file = fopen(path_of("gateway.log", path), "r");
        while (file != NULL && fgets(line, sizeof line, file) != NULL) {
            const char *at = strstr(line, "listening on ");
            at = at != NULL ? strrchr(line, ':') : NULL;
            if (at != NULL && strchr(at, '\n') != NULL) {
                (void)snprintf(port, 16, "%.*s", (int)strcspn(at + 1, "\n"), at + 1);
                (void)fclose(file);
                return;
            }
        }
        if (file != NULL) (void)fclose(file);
        pause_ms(20);
    }
    fail_msg("the gateway did not come up");
}

static json_t *get(const char *resource) {
    json_t *answer = NULL;
    if (control_office_get(client, resource, &answer) != 0)
        fail_msg("%s: %s", resource, err_text());
    return answer;
}

static int64_t number(const json_t *json, const char *name) {
    const json_t *value = json_object_get(json, name);
    if (!json_is_integer(value)) fail_msg("%s is no number", name);
    return json_integer_value(value);
}

static const char *word(const json_t *json, const char *name) {
    const char *value = json_string_value(json_object_get(json, name));
    if (value == NULL) fail_msg("%s is no text", name);
    return value;
}

/* Waits until the office has come to a record, or until a number of its status has come up. */
static void wait_for(const char *part, const char *name, int64_t least) {
    for (int waited = 0; waited < WAIT_MS; waited += 20) {
        json_t *status = NULL;
        int64_t value = -1;
        if (control_office_get(client, "/api/v1/status", &status) == 0)
            value = number(part != NULL ? json_object_get(status, part) : status, name);
        json_decref(status);
        if (value >= least) return;
        pause_ms(20);
    }
    fail_msg("%s does not come to %" PRId64, name, least);
}

/* Posts, and gives the record of the event that proves it. */
static int64_t post(const char *resource, json_t *body, const char *kind) {
    json_t *answer = NULL;
    if (control_office_send(client, "POST", resource, body, &answer) != 0)
        fail_msg("%s: %s", resource, err_text());
    const json_t *event = json_array_get(json_object_get(answer, "events"), 0);
    assert_string_equal(word(event, "kind"), kind);
    int64_t record = number(answer, "record");
    json_decref(answer);
    json_decref(body);
    wait_for(NULL, "position", record);
    return record;
}

static void orders_are_paged_and_explained(void) {
    char resource[128], cursor[32] = "";
    json_t *status = get("/api/v1/status");
    int64_t expect = number(json_object_get(status, "counts"), "orders"), seen = 0,
            last = INT64_MAX;
    json_decref(status);
    for (bool more = true; more;) {
        (void)snprintf(resource, sizeof resource, "/api/v1/orders?limit=37%s", cursor);
        json_t *page = get(resource);
        const json_t *items = json_object_get(page, "items"), *next = json_object_get(page, "next");
        for (size_t i = 0; i < json_array_size(items); i++, seen++) {
            int64_t id = number(json_array_get(items, i), "id");
            assert_true(id < last);
            last = id;
        }
        more = json_is_integer(next);
        if (more) assert_int_equal(json_integer_value(next), last);
        (void)snprintf(cursor, sizeof cursor, "&cursor=%" PRId64, last);
        json_decref(page);
    }
    assert_int_equal(seen, expect);

    json_t *page = get("/api/v1/orders?state=refused&limit=1");
    const json_t *order = json_array_get(json_object_get(page, "items"), 0);
    const json_t *refused = json_object_get(order, "refused");
    assert_true(strlen(word(refused, "reason")) > 0 && strlen(word(refused, "meaning")) > 0);
    (void)snprintf(resource, sizeof resource, "/api/v1/orders/%s:%" PRId64, word(order, "session"),
                   number(order, "reference"));
    json_t *same = get(resource);
    assert_int_equal(number(same, "id"), number(order, "id"));
    json_decref(same);
    json_decref(page);
}

static void errors_are_said_in_words_for_programs(void) {
    static const struct {
        const char *method, *resource, *body, *code;
        long status;
    } row[] = {
        { "GET", "/api/v1/nothing", NULL, "unknown_resource", 404 },
        { "GET", "/api/v1/statusquo", NULL, "unknown_resource", 404 },
        { "GET", "/api/v1/book/NOPE", NULL, "unknown_symbol", 404 },
        { "GET", "/api/v1/accounts/nobody", NULL, "unknown_account", 404 },
        { "GET", "/api/v1/orders/18446744073709551616", NULL, "unknown_order", 404 },
        { "GET", "/api/v1/orders/nobody:1", NULL, "unknown_session", 404 },
        { "GET", "/api/v1/orders?limit=0", NULL, "bad_request", 400 },
        { "GET", "/api/v1/orders?limit=1001", NULL, "bad_request", 400 },
        { "GET", "/api/v1/orders?state=lost", NULL, "bad_request", 400 },
        { "GET", "/api/v1/book/DAY00?depth=4097", NULL, "bad_request", 400 },
        { "POST", "/api/v1/status", "{}", "method_not_allowed", 405 },
        { "POST", "/api/v1/kill", "[1]", "bad_request", 400 },
        { "POST", "/api/v1/kill", "{\"scope\":\"all\"}", "bad_request", 400 },
        { "POST", "/api/v1/kill", "{\"scope\":\"firm\"}", "bad_request", 400 },
        { "POST", "/api/v1/kill", "{\"scope\":\"firm\",\"name\":\"x\"}", "unknown_firm", 404 },
        { "POST", "/api/v1/kill", "{\"scope\":\"global\",\"name\":\"x\"}", "bad_request", 400 },
        { "POST", "/api/v1/limits",
          "{\"account\":\"account01\",\"field\":\"long_max\",\"value\":1}", "bad_request", 400 },
        { "POST", "/api/v1/limits",
          "{\"account\":\"account01\",\"field\":\"quantity_max\",\"value\":\"1\"}", "bad_request",
          400 },
        { "POST", "/api/v1/limits",
          "{\"account\":\"account01\",\"field\":\"quantity_max\",\"value\":1000000}", "refused",
          409 },
        { "POST", "/api/v1/limits",
          "{\"account\":\"account01\",\"field\":\"self_trade\",\"value\":1}", "bad_request", 400 },
        { "POST", "/api/v1/limits",
          "{\"account\":\"account01\",\"field\":\"self_trade\",\"value\":\"newer\"}", "bad_request",
          400 },
        { "POST", "/api/v1/limits",
          "{\"account\":\"account01\",\"field\":\"self_trade\",\"value\":\"newest\",\"adjust\":"
          "true}",
          "bad_request", 400 },
        { "POST", "/api/v1/limits",
          "{\"account\":\"account01\",\"field\":\"rate_burst_ns\",\"value\":4294967296}", "refused",
          409 },
        { "POST", "/api/v1/symbols/DAY00/state", "{\"state\":\"ajar\"}", "bad_request", 400 },
        { "POST", "/api/v1/symbols/NOPE/state", "{\"state\":\"open\"}", "unknown_symbol", 404 },
        { "POST", "/api/v1/symbols/DAY00", "{\"state\":\"open\"}", "method_not_allowed", 405 },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        json_t *answer = NULL;
        json_t *body = row[i].body != NULL ? json_loads(row[i].body, 0, NULL) : NULL;
        int code = control_office_send(client, row[i].method, row[i].resource, body, &answer);
        json_decref(body);
        if (code != -EREMOTEIO || control_office_status(client) != row[i].status ||
            strcmp(control_office_refused(client)->code, row[i].code) != 0)
            fail_msg("%s %s: %ld %s", row[i].method, row[i].resource, control_office_status(client),
                     control_office_refused(client)->code);
    }
    /* one byte below the longest body, and one above it */
    for (size_t bytes = 4096; bytes <= 4097; bytes++) {
        char text[4097 + 1] = { 0 };
        memset(text, 'x', bytes - strlen("{\"scope\":\"\"}"));
        json_t *body = json_pack("{ss}", "scope", text), *answer = NULL;
        assert_int_equal(control_office_send(client, "POST", "/api/v1/kill", body, &answer),
                         -EREMOTEIO);
        assert_int_equal(control_office_status(client), bytes <= 4096 ? 400 : 413);
        json_decref(body);
    }
}

static void steering_is_proven_by_events(void) {
    (void)post("/api/v1/limits",
               json_pack("{sssssi}", "account", "account02", "field", "quantity_max", "value", 500),
               "SET");
    (void)post("/api/v1/limits",
               json_pack("{sssssssi}", "account", "account02", "symbol", "DAY03", "field",
                         "long_max", "value", 4321),
               "SET");
    static const struct {
        const char *field;
        int value;
    } row[] = { { "open_orders", 77 },
                { "open_notional_e4", 1000000001 },
                { "daily_notional_e4", 1000000002 },
                { "rate_interval_ns", 3 },
                { "rate_burst_ns", 4 },
                { "duplicate_ns", 5 } };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        (void)post("/api/v1/limits",
                   json_pack("{sssssi}", "account", "account02", "field", row[i].field, "value",
                             row[i].value),
                   "SET");
    (void)post(
        "/api/v1/limits",
        json_pack("{ssssss}", "account", "account02", "field", "self_trade", "value", "decrement"),
        "SET");
    json_t *page = get("/api/v1/limits?account=account02");
    const json_t *limits = json_array_get(json_object_get(page, "items"), 0);
    assert_int_equal(number(limits, "quantity_max"), 500);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        assert_int_equal(number(limits, row[i].field), row[i].value);
    assert_string_equal(word(limits, "self_trade"), "decrement");
    const json_t *exception = json_array_get(json_object_get(limits, "exceptions"), 0);
    assert_string_equal(word(exception, "symbol"), "DAY03");
    assert_int_equal(number(exception, "long_max"), 4321);
    json_decref(page);

    (void)post("/api/v1/symbols/DAY03/state", json_pack("{ss}", "state", "halted"), "STATE");
    json_t *book = get("/api/v1/book/DAY03");
    assert_string_equal(word(book, "state"), "halted");
    json_decref(book);
    (void)post("/api/v1/symbols/DAY03/state", json_pack("{ss}", "state", "open"), "STATE");

    for (int killed = 1; killed >= 0; killed--) {
        (void)post(killed ? "/api/v1/kill" : "/api/v1/release",
                   json_pack("{ssss}", "scope", "firm", "name", "firm02"), "STATE");
        json_t *account = get("/api/v1/accounts/account02");
        assert_int_equal(json_is_true(json_object_get(account, "firm_killed")), killed);
        json_decref(account);
    }
}

static char *ledger_digest_now(char digest[80]) {
    json_t *proof = get("/api/v1/books/verify");
    if (!json_is_true(json_object_get(proof, "balanced"))) fail_msg("%s", word(proof, "text"));
    (void)snprintf(digest, 80, "%s", word(proof, "digest"));
    json_decref(proof);
    return digest;
}

static void the_office_answers_steers_and_survives(void **state) {
    (void)state;
    char port[16], before[80], after[80];
    struct stat found;
    start_gateway();
    wait_for_gateway(port);
    start_office("journal");
    assert_int_equal(control_office_open(socket_path, WAIT_MS, &client), 0);
    wait_for("counts", "accounts", 16);
    assert_int_equal(stat(socket_path, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0600);

    const char *const replay[] = { program("WIREPIT_REPLAY", "build/plain/wirepit-replay"),
                                   "--host",
                                   "127.0.0.1",
                                   "--port",
                                   port,
                                   "--flow",
                                   "day",
                                   "--rows",
                                   "4000",
                                   "--clients",
                                   "3",
                                   "--pace",
                                   "flat",
                                   NULL };
    pid_t player = start("replay.log", replay);
    assert_int_equal(end(&player, 0), 0);
    wait_for("counts", "trades", 1);
    steering_is_proven_by_events();
    /* More rows than the credits at the start: the card was asked, and agrees. */
    wait_for("check", "rows", 100);
    orders_are_paged_and_explained();
    errors_are_said_in_words_for_programs();
    json_t *alarms = get("/api/v1/alarms");
    assert_int_equal(json_array_size(json_object_get(alarms, "items")), 0);
    json_decref(alarms);

    /* Killed, it comes back with the same books. */
    (void)ledger_digest_now(before);
    (void)end(&office_pid, SIGKILL);
    start_office("journal");
    wait_for("counts", "trades", 1);
    assert_string_equal(before, ledger_digest_now(after));

    /* Without the gateway it can be read but not steered. */
    assert_int_equal(end(&gateway_pid, SIGTERM), 0);
    json_t *body = json_pack("{ss}", "scope", "global"), *answer = NULL;
    assert_int_equal(control_office_send(client, "POST", "/api/v1/kill", body, &answer),
                     -EREMOTEIO);
    assert_int_equal(control_office_status(client), 503);
    assert_string_equal(control_office_refused(client)->code, "gateway_down");
    json_decref(body);
    assert_string_equal(before, ledger_digest_now(after));
    control_office_close(client);
    assert_int_equal(end(&office_pid, SIGTERM), 0);
    assert_int_equal(access(socket_path, F_OK), -1);
}

/* ---- A card that says something else ---- */

enum { ALTERED = 1 }; /* number of account02 */

/* Writes the office a journal in which one account was credited one unit more than it was on the
   card: a journal that agrees with itself, so that only asking the card shows it. Ends with this
   process. */
static pid_t start_relay(void) {
    char from[PATH_BYTES], to[PATH_BYTES];
    const struct journal_options options = { .directory = path_of("relayed", to),
                                             .flush = JOURNAL_ASYNC };
    struct journal_recovered recovered;
    struct journal_record record;
    struct journal_reader *reader;
    struct journal *journal;
    pid_t parent = getpid(), pid = fork();
    assert_true(pid >= 0);
    if (pid > 0) return pid;
    if (journal_open(&options, &journal, &recovered) != 0 ||
        journal_reader_open(path_of("journal", from), &reader) != 0)
        _exit(9);
    for (int more = 1; more >= 0 && getppid() == parent;) {
        while ((more = journal_reader_next(reader, &record)) > 0) {
            struct event event;
            struct command command;
            if (record.kind == JOURNAL_COMMAND) {
                memcpy(&command, record.data, sizeof command);
                if (command.opcode == OPCODE_CREDIT && command.account == ALTERED) command.value++;
                record.data = (const uint8_t *)&command;
            }
            if (record.kind == JOURNAL_EVENT) {
                memcpy(&event, record.data, LIMIT_EVENT_BYTES);
                if (event.kind == KIND_CREDITED && event.account == ALTERED) event.value++;
                record.data = (const uint8_t *)&event;
            }
            write_record(journal, &record);
        }
        if (journal_wait(journal) != 0) _exit(9);
        pause_ms(10);
    }
    _exit(9);
}

/* Runs the operator's tool; what it printed is in text. */
static int run_tool(const char *const words[2], char *text, size_t room) {
    char path[PATH_BYTES];
    const char *const arguments[] = {
        program("WIREPIT", "build/plain/wirepit"),    words[0],
        words[1] != NULL ? words[1] : "--office",     words[1] != NULL ? "--office" : socket_path,
        words[1] != NULL ? socket_path : "--gateway", words[1] != NULL ? "--gateway" : port_path,
        words[1] != NULL ? port_path : NULL,          NULL
    };
    (void)unlink(path_of("tool.log", path));
    pid_t pid = start("tool.log", arguments);
    int status = end(&pid, 0);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, room - 1, file)] = '\0';
    (void)fclose(file);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void a_card_that_differs_is_an_alarm_that_names_the_account(void **state) {
    (void)state;
    static const struct {
        const char *words[2];
        int code;
        const char *says[3];
    } row[] = {
        { { "status" }, 0, { "BOOKS NOT BALANCED", "account02: ", "ACCOUNT.BUYING_POWER_E4" } },
        { { "alarms" }, 0, { "account02", "the card says ACCOUNT.BUYING_POWER_E4", "the books" } },
        { { "books", "verify" }, 1, { "ledger verified", "tables equal", "CARD DIFFERS" } },
    };
    char port[16], text[16384];
    start_gateway();
    wait_for_gateway(port);
    relay_pid = start_relay();
    for (int waited = 0; access(path_of("relayed/market-000001.wpj", text), F_OK) != 0;
         waited += 20) {
        assert_true(waited < WAIT_MS);
        pause_ms(20);
    }
    start_office("relayed");
    assert_int_equal(control_office_open(socket_path, WAIT_MS, &client), 0);
    /* Nobody trades, so that the office asks the card by itself. */
    wait_for("counts", "alarms", 1);
    json_t *page = get("/api/v1/alarms");
    const json_t *items = json_object_get(page, "items");
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *alarm = json_array_get(items, i);
        assert_string_equal(word(alarm, "account"), "account02");
        assert_true(json_is_null(json_object_get(alarm, "symbol")));
        assert_int_equal(number(alarm, "expected"), number(alarm, "found") + 1);
    }
    json_decref(page);
    json_t *status = get("/api/v1/status");
    assert_true(json_is_false(json_object_get(status, "books_balanced")));
    assert_string_equal(word(json_object_get(status, "last_alarm"), "account"), "account02");
    json_decref(status);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        int code = run_tool(row[i].words, text, sizeof text);
        if (code != row[i].code) fail_msg("%s: %d: %s", row[i].words[0], code, text);
        for (size_t said = 0; said < sizeof row[i].says / sizeof *row[i].says; said++)
            if (strstr(text, row[i].says[said]) == NULL)
                fail_msg("%s: no \"%s\" in: %s", row[i].words[0], row[i].says[said], text);
    }
    control_office_close(client);
    assert_int_equal(end(&office_pid, SIGTERM), 0);
    assert_int_equal(end(&gateway_pid, SIGTERM), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(kills_at_random_leave_the_same_tables_as_none,
                                        make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(a_store_that_contradicts_the_journals_is_refused,
                                        make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(the_office_answers_steers_and_survives, make_directory,
                                        remove_directory),
        cmocka_unit_test_setup_teardown(a_card_that_differs_is_an_alarm_that_names_the_account,
                                        make_directory, remove_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
