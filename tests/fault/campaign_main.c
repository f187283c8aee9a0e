/* campaign: kills a gateway under load, at random, again and again, and holds what its clients were
 * told against what its journal and book hold. README.md of this directory says what is checked. */
#define _GNU_SOURCE
#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/base/err.h"
#include "host/base/histogram.h"
#include "tests/fault/audit.h"
#include "tests/fault/trader.h"
#include "tests/fault/venue.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    TRADERS = 6,
    ROUNDS_A_DAY = 8, /* then the day is audited and another begins on an empty journal */
    BATCH = 16,       /* messages of a trader between two looks at the others */
    READY_MS = 120000,
    JOURNAL_FILE = 1 << 20,
    SECTOR_BYTES = 512,
    GARBAGE_BYTES_MAX = 100, /* less than a block's header */
    RETRY_NS = 2000000,
    LEAVE_EVERY_NS = 30000000,
};
#define GATHER_NS UINT64_C(60000000000)
#define MS_NS     UINT64_C(1000000)

/* What a round does to the gateway. */
enum plan {
    PLAN_LOAD,     /* killed under load */
    PLAN_ROLL,     /* killed when its journal goes on to a new file */
    PLAN_RECOVERY, /* killed under load, and again while it recovers, up to three times */
    PLAN_AGAIN,    /* killed under load, and again as soon as it is back */
    PLAN_LEAVE,    /* killed while it takes off the orders of clients that have all left */
    PLAN_STOP,     /* asked to stop under load */
    PLAN_CARD,     /* its card's process is killed under load, and it has to end by itself */
    PLAN_BOTH,     /* both are killed under load, the card first */
    PLANS
};

static const char *const plan_names[PLANS] = {
    "killed under load",      "killed at a new file",    "killed while recovering",
    "killed twice in a row",  "killed while they leave", "stopped under load",
    "card killed under load", "both killed under load",
};

struct campaign {
    const char *card, *program, *card_program, *json;
    uint64_t seed;
    uint32_t rounds;
    bool terminal;

    struct random random;  /* what happens to the gateway */
    struct random traffic; /* what traders do */
    char directory[128];
    struct venue venue;
    struct trader traders[TRADERS];
    uint64_t retry_ns[TRADERS], refused_ns[TRADERS];
    int journal_watch; /* inotify on the journal's directory */

    uint32_t round, days;
    uint64_t kills, plans[PLANS], torn, cut_by_kill, rolls;
    uint64_t entered, told, executed, orders_open_max, reconnects, repeated;
    struct audit_counts audited;
    struct histogram starts; /* ns from spawn to listening, with a journal that is not empty */
};

/* ---- All traders ---- */

static void tapes_of(const struct campaign *campaign, const struct tape *tapes[TRADERS],
                     const struct ledger *ledgers[TRADERS]) {
    for (uint32_t i = 0; i < TRADERS; i++) {
        tapes[i] = &campaign->traders[i].tape;
        ledgers[i] = &campaign->traders[i].ledger;
    }
}

/* Waits until a trader can be served, a millisecond at most. */
static void rest(const struct campaign *campaign) {
    struct pollfd sockets[TRADERS];
    nfds_t count = 0;
    for (uint32_t i = 0; i < TRADERS; i++)
        if (campaign->traders[i].socket >= 0)
            sockets[count++] =
                (struct pollfd){ .fd = campaign->traders[i].socket, .events = POLLIN };
    (void)poll(sockets, count, 1);
}

static bool gateway_ended(struct campaign *campaign) {
    siginfo_t info = { .si_pid = 0 };
    CHECK(waitid(P_PID, (id_t)campaign->venue.pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0);
    return info.si_pid != 0;
}

/* Most come back with the number they have next, some ask for more again. */
static uint64_t come_back_at(struct campaign *campaign, const struct trader *trader) {
    uint64_t next = trader->tape.count + 1;
    if (random_below(&campaign->random, 4) != 0) return next;
    uint64_t back = random_below(&campaign->random, 300);
    return back < next ? next - back : 1;
}

/* Serves a trader while the gateway is up: connects it where it is away. */
static int serve(struct campaign *campaign, uint32_t i, uint64_t now_ns, bool *moved) {
    struct trader *trader = &campaign->traders[i];
    if (trader->state == TRADER_AWAY) {
        if (now_ns < campaign->retry_ns[i]) return 0;
        int connected =
            trader_connect(trader, campaign->venue.port, come_back_at(campaign, trader));
        if (connected != 0) return connected;
    }
    uint64_t refused = trader->refused;
    int pumped = trader_pump(trader, now_ns);
    if (pumped > 0) *moved = true;
    if (trader->state == TRADER_READY) campaign->refused_ns[i] = 0;
    if (pumped != -ENOTCONN) return pumped < 0 ? pumped : 0;
    if (trader->refused == refused)
        return err_set(-ECONNRESET, "session %u was dropped by a gateway that was to serve it",
                       i + 1);
    /* The gateway may not have noticed yet that the last connection has ended. */
    campaign->retry_ns[i] = now_ns + RETRY_NS;
    if (campaign->refused_ns[i] == 0) campaign->refused_ns[i] = now_ns;
    if (now_ns - campaign->refused_ns[i] < GATHER_NS / 4) return 0;
    return err_set(-EACCES, "session %u is not let in at message %" PRIu64, i + 1,
                   trader->tape.count + 1);
}

static int serve_all(struct campaign *campaign, bool trade) {
    bool moved = false;
    uint64_t now_ns = clock_monotonic_ns();
    for (uint32_t i = 0; i < TRADERS; i++) {
        if (trade) trader_trade(&campaign->traders[i], &campaign->traffic, BATCH);
        int code = serve(campaign, i, now_ns, &moved);
        if (code != 0) return code;
    }
    if (!moved) {
        rest(campaign);
        if (gateway_ended(campaign))
            return err_set(-ECHILD, "the gateway ended by itself; see %s", campaign->venue.log);
    }
    return 0;
}

/* Until every trader has been told everything and may trade. */
static int gather(struct campaign *campaign) {
    uint64_t from_ns = clock_monotonic_ns();
    for (;;) {
        uint32_t ready = 0;
        int code = serve_all(campaign, false);
        if (code != 0) return code;
        for (uint32_t i = 0; i < TRADERS; i++) ready += campaign->traders[i].state == TRADER_READY;
        if (ready == TRADERS) return 0;
        if (clock_monotonic_ns() - from_ns > GATHER_NS)
            return err_set(-ETIMEDOUT, "%u of %u sessions have not been told all that they missed",
                           TRADERS - ready, TRADERS);
    }
}

/* Everybody asks and waits for the answer: what was under way is done. */
static int settle(struct campaign *campaign) {
    uint64_t from_ns = clock_monotonic_ns();
    for (uint32_t i = 0; i < TRADERS; i++) trader_ask(&campaign->traders[i]);
    for (;;) {
        uint32_t asked = 0;
        int code = serve_all(campaign, false);
        if (code != 0) return code;
        for (uint32_t i = 0; i < TRADERS; i++) asked += campaign->traders[i].asked;
        if (asked == 0) return 0;
        if (clock_monotonic_ns() - from_ns > GATHER_NS)
            return err_set(-ETIMEDOUT, "%u sessions wait for an answer", asked);
    }
}

/* What the gateway said before its end is read; it cannot say more. */
static int drain(struct campaign *campaign) {
    for (uint32_t i = 0; i < TRADERS; i++) {
        struct trader *trader = &campaign->traders[i];
        trader->out_used = 0;
        while (trader->state != TRADER_AWAY) {
            struct pollfd ready = { .fd = trader->socket, .events = POLLIN };
            if (poll(&ready, 1, 10000) != 1)
                return err_set(-ETIMEDOUT, "session %u outlived the gateway", i + 1);
            int code = trader_pump(trader, clock_monotonic_ns());
            trader->out_used = 0;
            if (code < 0 && code != -ENOTCONN) return code;
        }
        campaign->retry_ns[i] = campaign->refused_ns[i] = 0;
    }
    return 0;
}

/* ---- The gateway ---- */

static void pause_ns(uint64_t duration_ns) {
    struct timespec time = { .tv_sec = (time_t)(duration_ns / 1000000000),
                             .tv_nsec = (long)(duration_ns % 1000000000) };
    while (nanosleep(&time, &time) != 0) CHECK(errno == EINTR);
}

static bool on_bus(const struct campaign *campaign) { return strcmp(campaign->card, "bus") == 0; }

static int bring_up(struct campaign *campaign, bool measure) {
    uint64_t from_ns = clock_monotonic_ns();
    int code = 0;
    if (on_bus(campaign) && campaign->venue.card_pid == 0)
        code = venue_card_start(&campaign->venue);
    if (code == 0) code = venue_spawn(&campaign->venue);
    if (code == 0) code = venue_ready(&campaign->venue, READY_MS);
    if (code == 0 && measure) histogram_add(&campaign->starts, clock_monotonic_ns() - from_ns);
    return code;
}

static bool rolled(const struct campaign *campaign) {
    char events[4096];
    return read(campaign->journal_watch, events, sizeof events) > 0;
}

/* Trades for so long; some traders leave and come back meanwhile. With roll set it ends when the
   journal has begun another file. */
static int load(struct campaign *campaign, uint64_t duration_ns, bool roll) {
    uint64_t from_ns = clock_monotonic_ns(), leave_ns = from_ns + LEAVE_EVERY_NS;
    (void)rolled(campaign);
    for (;;) {
        uint64_t now_ns = clock_monotonic_ns();
        if (now_ns - from_ns >= duration_ns) return 0;
        if (roll && rolled(campaign)) {
            campaign->rolls++;
            return 0;
        }
        if (now_ns >= leave_ns) {
            trader_leave(&campaign->traders[random_below(&campaign->random, TRADERS)]);
            leave_ns = now_ns + LEAVE_EVERY_NS;
        }
        int code = serve_all(campaign, true);
        if (code != 0) return code;
    }
}

static void kill_gateway(struct campaign *campaign) {
    venue_kill(&campaign->venue);
    campaign->kills++;
}

/* ---- Torn tails ---- */

static int tear_cut(const struct audit_tail *tail, uint64_t at, const uint8_t *garbage,
                    size_t bytes) {
    int fd = open(tail->path, O_WRONLY | O_CLOEXEC);
    bool done = fd >= 0 && ftruncate(fd, (off_t)at) == 0 &&
                pwrite(fd, garbage, bytes, (off_t)at) == (ssize_t)bytes;
    if (fd >= 0) (void)close(fd);
    return done ? 0 : err_set(-errno, "%s: tear: %s", tail->path, strerror(errno));
}

static int tear_zero(const struct audit_tail *tail, uint64_t at) {
    static const uint8_t zeros[SECTOR_BYTES];
    int fd = open(tail->path, O_WRONLY | O_CLOEXEC);
    bool done = fd >= 0 && pwrite(fd, zeros, sizeof zeros, (off_t)at) == sizeof zeros;
    if (fd >= 0) (void)close(fd);
    return done ? 0 : err_set(-errno, "%s: tear: %s", tail->path, strerror(errno));
}

/* Makes of the last block what a machine that lost its power might: it is cut short, or a sector of
   it never arrived, or there is nothing of it but noise. Nobody was told what is in it. */
static int tear(struct campaign *campaign, const struct audit_tail *tail) {
    struct random *random = &campaign->random;
    uint8_t garbage[GARBAGE_BYTES_MAX];
    uint64_t first = (tail->offset + SECTOR_BYTES - 1) / SECTOR_BYTES;
    uint64_t last = (tail->offset + tail->bytes) / SECTOR_BYTES;
    campaign->torn++;
    switch (random_below(random, 3)) {
    case 0:
        for (size_t i = 0; i < sizeof garbage; i++) garbage[i] = (uint8_t)random_next(random);
        return tear_cut(tail, tail->offset, garbage, random_below(random, sizeof garbage) + 1);
    case 1:
        if (last > first)
            return tear_zero(tail, (first + random_below(random, last - first)) * SECTOR_BYTES);
        /* fall through */
    default:
        return tear_cut(tail, tail->offset + random_below(random, tail->bytes), garbage, 0);
    }
}

/* After a kill: everything told is in the journal. Then, sometimes, its tail is torn. */
static int inspect(struct campaign *campaign) {
    const struct tape *tapes[TRADERS];
    const struct ledger *ledgers[TRADERS];
    struct audit_tail tail;
    tapes_of(campaign, tapes, ledgers);
    int code = audit_told(campaign->venue.journal, tapes, TRADERS, &tail);
    if (code != 0) return code;
    campaign->cut_by_kill += tail.torn_bytes > 0;
    if (tail.told || tail.bytes == 0 || tail.torn_bytes > 0) return 0;
    return random_below(&campaign->random, 3) != 0 ? tear(campaign, &tail) : 0;
}

static int kill_and_inspect(struct campaign *campaign) {
    kill_gateway(campaign);
    int code = drain(campaign);
    return code == 0 ? inspect(campaign) : code;
}

/* ---- Rounds and days ---- */

static int kill_recovering(struct campaign *campaign) {
    uint64_t times = 1 + random_below(&campaign->random, 3);
    for (uint64_t i = 0; i < times; i++) {
        uint64_t usual_ns = histogram_quantile(&campaign->starts, 50000);
        int code = venue_spawn(&campaign->venue);
        if (code != 0) return code;
        pause_ns(random_below(&campaign->random, (usual_ns == 0 ? 50 * MS_NS : usual_ns) + 1));
        kill_gateway(campaign);
        code = inspect(campaign);
        if (code != 0) return code;
    }
    return 0;
}

static int kill_again(struct campaign *campaign) {
    int code = bring_up(campaign, true);
    if (code != 0) return code;
    uint64_t until_ns = clock_monotonic_ns() + random_below(&campaign->random, 4 * MS_NS);
    while (clock_monotonic_ns() < until_ns && code == 0) code = serve_all(campaign, true);
    return code == 0 ? kill_and_inspect(campaign) : code;
}

static int stop_politely(struct campaign *campaign) {
    int code = venue_stop(&campaign->venue);
    if (code != 0)
        return err_set(-EPROTO, "asked to stop, the gateway ended with %d; see %s", code,
                       campaign->venue.log);
    code = drain(campaign);
    struct audit_tail tail;
    const struct tape *tapes[TRADERS];
    const struct ledger *ledgers[TRADERS];
    tapes_of(campaign, tapes, ledgers);
    return code == 0 ? audit_told(campaign->venue.journal, tapes, TRADERS, &tail) : code;
}

/* Without its card the gateway says so to everybody and ends. */
static int lose_card(struct campaign *campaign) {
    venue_card_kill(&campaign->venue);
    int code = drain(campaign);
    if (code != 0) return code;
    code = venue_wait(&campaign->venue);
    if (code != 1)
        return err_set(-EPROTO, "without its card the gateway ended with %d; see %s", code,
                       campaign->venue.log);
    return inspect(campaign);
}

static int break_it(struct campaign *campaign, enum plan plan) {
    uint64_t load_ns = (2 + random_below(&campaign->random, 200)) * MS_NS;
    int code = load(campaign, plan == PLAN_ROLL ? 2000 * MS_NS : load_ns, plan == PLAN_ROLL);
    if (code != 0) return code;
    if (plan == PLAN_STOP) return stop_politely(campaign);
    if (plan == PLAN_CARD) return lose_card(campaign);
    if (plan == PLAN_BOTH) venue_card_kill(&campaign->venue);
    if (plan == PLAN_LEAVE) {
        for (uint32_t i = 0; i < TRADERS; i++) trader_leave(&campaign->traders[i]);
        pause_ns(random_below(&campaign->random, 4 * MS_NS));
    } else if (plan == PLAN_ROLL) {
        pause_ns(random_below(&campaign->random, 2 * MS_NS));
    }
    code = kill_and_inspect(campaign);
    if (code == 0 && plan == PLAN_RECOVERY) code = kill_recovering(campaign);
    if (code == 0 && plan == PLAN_AGAIN) code = kill_again(campaign);
    return code;
}

static uint64_t entered_all(const struct campaign *campaign) {
    uint64_t entered = 0;
    for (uint32_t i = 0; i < TRADERS; i++) entered += campaign->traders[i].ledger.entered;
    return entered;
}

static int round_run(struct campaign *campaign) {
    enum plan plan =
        (enum plan)random_below(&campaign->random, on_bus(campaign) ? PLANS : PLAN_CARD);
    uint64_t entered = entered_all(campaign), torn = campaign->torn;
    if (campaign->terminal) {
        (void)printf("\r\033[Kround %u of %u: %s", campaign->round + 1, campaign->rounds,
                     plan_names[plan]);
        (void)fflush(stdout);
    }
    int code = break_it(campaign, plan);
    uint64_t from_ns = clock_monotonic_ns();
    if (code == 0) code = bring_up(campaign, true);
    uint64_t up_ns = clock_monotonic_ns();
    if (code == 0) code = gather(campaign);
    if (code != 0) return code;
    campaign->round++;
    campaign->plans[plan]++;
    uint64_t open = 0;
    for (uint32_t i = 0; i < TRADERS; i++) open += campaign->traders[i].ledger.live;
    if (open > campaign->orders_open_max) campaign->orders_open_max = open;
    if (!campaign->terminal)
        (void)printf("round %3u  %-24s %6" PRIu64 " orders, %5" PRIu64 " open%s, back in %" PRIu64
                     " ms, all told in %" PRIu64 " ms\n",
                     campaign->round, plan_names[plan], entered_all(campaign) - entered, open,
                     campaign->torn != torn ? ", tail torn" : "", (up_ns - from_ns) / MS_NS,
                     (clock_monotonic_ns() - up_ns) / MS_NS);
    return 0;
}

static int directory_fresh(const char *directory) {
    char command[300];
    (void)snprintf(command, sizeof command, "rm -rf '%s' && mkdir -p '%s/journal'", directory,
                   directory);
    return system(command) == 0 ? 0 : err_set(-EIO, "%s: cannot be made", directory);
}

static int day_begin(struct campaign *campaign) {
    struct random *random = &campaign->random;
    int code = directory_fresh(campaign->directory);
    if (code != 0) return code;
    const struct venue_settings settings = { .directory = campaign->directory,
                                             .program = campaign->program,
                                             .card = campaign->card,
                                             .card_program = campaign->card_program,
                                             .sessions = TRADERS,
                                             .asynchronous = random_below(random, 4) == 0,
                                             .withdraws = true,
                                             .journal_file = JOURNAL_FILE };
    code = venue_open(&campaign->venue, &settings);
    if (code != 0) return code;
    campaign->journal_watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (campaign->journal_watch < 0 ||
        inotify_add_watch(campaign->journal_watch, campaign->venue.journal, IN_CREATE) < 0)
        return err_set(-errno, "%s: watch: %s", campaign->venue.journal, strerror(errno));
    bool deep = campaign->days % 2 == 1;
    uint32_t window = 1u << random_below(random, 8);
    for (uint32_t i = 0; i < TRADERS; i++) {
        const struct trader_settings trader = { .session = i,
                                                .window = window,
                                                .withdraws = venue_withdraws(&campaign->venue, i),
                                                .deep = deep };
        trader_open(&campaign->traders[i], &trader);
        campaign->retry_ns[i] = campaign->refused_ns[i] = 0;
    }
    code = bring_up(campaign, false);
    return code == 0 ? gather(campaign) : code;
}

/* The day's last kill finds nothing under way, so that what was told is all there is. */
static int day_end(struct campaign *campaign) {
    const struct tape *tapes[TRADERS];
    const struct ledger *ledgers[TRADERS];
    struct audit_tail tail;
    struct audit_counts counts;
    int code = settle(campaign);
    if (code == 0) code = settle(campaign); /* what the others' last orders did is told now too */
    if (code != 0) return code;
    kill_gateway(campaign);
    code = drain(campaign);
    tapes_of(campaign, tapes, ledgers);
    if (code == 0) code = audit_told(campaign->venue.journal, tapes, TRADERS, &tail);
    if (code == 0) code = audit_day(campaign->venue.journal, tapes, ledgers, TRADERS, &counts);
    if (code != 0) return code;
    campaign->days++;
    campaign->audited.records += counts.records;
    campaign->audited.commands += counts.commands;
    campaign->audited.events += counts.events;
    campaign->audited.answers += counts.answers;
    campaign->audited.trades += counts.trades;
    campaign->audited.open_orders += counts.open_orders;
    for (uint32_t i = 0; i < TRADERS; i++) {
        struct trader *trader = &campaign->traders[i];
        campaign->entered += trader->ledger.entered;
        campaign->executed += trader->ledger.executed;
        campaign->told += trader->tape.count;
        campaign->reconnects += trader->reconnects;
        campaign->repeated += trader->repeated;
        trader_close(trader);
    }
    if (campaign->venue.card_pid > 0) venue_card_kill(&campaign->venue);
    (void)close(campaign->journal_watch);
    return 0;
}

static int campaign_run(struct campaign *campaign) {
    int code = 0;
    while (code == 0 && campaign->round < campaign->rounds) {
        code = day_begin(campaign);
        for (uint32_t i = 0; code == 0 && i < ROUNDS_A_DAY && campaign->round < campaign->rounds;
             i++)
            code = round_run(campaign);
        if (code == 0) code = day_end(campaign);
    }
    return code;
}

/* ---- The report ---- */

static void report_print(const struct campaign *campaign) {
    struct histogram_summary starts = histogram_summarise(&campaign->starts);
    if (campaign->terminal) (void)printf("\r\033[K");
    (void)printf("%u rounds in %u days: %" PRIu64 " kills, %" PRIu64 " at a new file, %" PRIu64
                 " tails torn on purpose, %" PRIu64 " by a kill\n",
                 campaign->round, campaign->days, campaign->kills, campaign->rolls, campaign->torn,
                 campaign->cut_by_kill);
    (void)printf("%" PRIu64 " orders, %" PRIu64 " trades, up to %" PRIu64 " orders open; %" PRIu64
                 " messages told, %" PRIu64 " told again, %" PRIu64 " logins\n",
                 campaign->entered, campaign->audited.trades, campaign->orders_open_max,
                 campaign->told, campaign->repeated, campaign->reconnects);
    (void)printf("back after %" PRIu64 " ms (p50), %" PRIu64 " ms at most\n", starts.p50 / MS_NS,
                 starts.max / MS_NS);
}

static int report_save(const struct campaign *campaign, int code) {
    struct histogram_summary starts = histogram_summarise(&campaign->starts);
    FILE *file = fopen(campaign->json, "w");
    if (file == NULL) return err_set(-errno, "%s: %s", campaign->json, strerror(errno));
    (void)fprintf(file,
                  "{\"card\": \"%s\", \"seed\": %" PRIu64 ", \"rounds\": %u, \"days\": %u,\n"
                  " \"violations\": %d, \"kills\": %" PRIu64 ", \"kills_at_new_file\": %" PRIu64
                  ",\n \"tails_torn\": %" PRIu64 ", \"tails_torn_by_kill\": %" PRIu64
                  ", \"orders\": %" PRIu64 ",\n \"trades\": %" PRIu64 ", \"told\": %" PRIu64
                  ", \"told_again\": %" PRIu64 ", \"logins\": %" PRIu64
                  ",\n \"open_orders_max\": %" PRIu64 ", \"journal_records\": %" PRIu64
                  ",\n \"start_ms\": {\"p50\": %" PRIu64 ", \"max\": %" PRIu64 "},\n \"plans\": {",
                  campaign->card, campaign->seed, campaign->round, campaign->days, code != 0,
                  campaign->kills, campaign->rolls, campaign->torn, campaign->cut_by_kill,
                  campaign->entered, campaign->audited.trades, campaign->told, campaign->repeated,
                  campaign->reconnects, campaign->orders_open_max, campaign->audited.records,
                  starts.p50 / MS_NS, starts.max / MS_NS);
    for (int i = 0; i < PLANS; i++)
        (void)fprintf(file, "%s\"%s\": %" PRIu64, i == 0 ? "" : ", ", plan_names[i],
                      campaign->plans[i]);
    (void)fputs("}}\n", file);
    return fclose(file) == 0 ? 0 : err_set(-EIO, "%s: cannot be written", campaign->json);
}

/* ---- The command line ---- */

static const char help[] =
    "usage: campaign [options]\n"
    "\n"
    "Kills a gateway under load at random and checks that nothing its clients were told is lost,\n"
    "doubled or invented. Ends with 1 on the first violation and leaves everything where it is.\n"
    "\n"
    "  --rounds N      rounds [50]\n"
    "  --seed N        of what is drawn [1]\n"
    "  --card NAME     as the gateway's configuration names it [soft]\n"
    "  --gateway FILE  the program [build/plain/wirepit-gateway]\n"
    "  --card-program FILE  with --card bus [build/plain/wirepit-card]\n"
    "  --json FILE     the figures [build/fault.json]\n";

static int number_read(const char *name, const char *text, uint64_t max, uint64_t *number) {
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 10);
    if (*text >= '0' && *text <= '9' && *end == 0 && errno == 0 && *number <= max) return 0;
    return err_set(-EINVAL, "--%s %s: give a number from 0 to %" PRIu64, name, text, max);
}

/* Returns 0 to go on, 1 when there is nothing left to do, or -EINVAL. */
static int options_read(int count, char **arguments, struct campaign *campaign) {
    static const struct option known[] = {
        { "rounds", required_argument, NULL, 'r' },
        { "seed", required_argument, NULL, 's' },
        { "card", required_argument, NULL, 'c' },
        { "json", required_argument, NULL, 'j' },
        { "gateway", required_argument, NULL, 'g' },
        { "card-program", required_argument, NULL, 'p' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    uint64_t rounds = 50;
    int code = 0;
    for (int key; code == 0 && (key = getopt_long(count, arguments, "", known, NULL)) != -1;) {
        switch (key) {
        case 'r':
            code = number_read("rounds", optarg, 1000000, &rounds);
            break;
        case 's':
            code = number_read("seed", optarg, UINT64_MAX, &campaign->seed);
            break;
        case 'c':
            campaign->card = optarg;
            break;
        case 'j':
            campaign->json = optarg;
            break;
        case 'g':
            campaign->program = optarg;
            break;
        case 'p':
            campaign->card_program = optarg;
            break;
        case 'h':
            (void)fputs(help, stdout);
            return 1;
        default:
            return err_set(-EINVAL, "try --help");
        }
    }
    campaign->rounds = (uint32_t)rounds;
    return code;
}

int main(int count, char **arguments) {
    static struct campaign campaign = { .card = "soft",
                                        .program = "build/plain/wirepit-gateway",
                                        .card_program = "build/plain/wirepit-card",
                                        .json = "build/fault.json",
                                        .seed = 1 };
    int code = options_read(count, arguments, &campaign);
    if (code == 1) return EXIT_SUCCESS;
    if (code == 0) {
        (void)signal(SIGPIPE, SIG_IGN);
        campaign.terminal = isatty(STDOUT_FILENO) == 1;
        campaign.random = random_seeded(campaign.seed);
        campaign.traffic = random_seeded(campaign.seed + 1);
        (void)snprintf(campaign.directory, sizeof campaign.directory, "build/fault/%s-%" PRIu64,
                       campaign.card, campaign.seed);
        (void)printf("campaign: card %s, seed %" PRIu64 ", %u rounds\n", campaign.card,
                     campaign.seed, campaign.rounds);
        (void)fflush(stdout);
        code = campaign_run(&campaign);
        char why[512];
        (void)snprintf(why, sizeof why, "%s", err_text());
        report_print(&campaign);
        int saved = report_save(&campaign, code);
        if (code != 0)
            (void)err_set(code,
                          "VIOLATION in round %u: %s. Journal, log and configuration are in %s",
                          campaign.round + 1, why, campaign.directory);
        else
            code = saved;
    }
    if (campaign.venue.pid > 0) venue_kill(&campaign.venue);
    if (campaign.venue.card_pid > 0) venue_card_kill(&campaign.venue);
    if (code == 0) return EXIT_SUCCESS;
    (void)fflush(stdout);
    (void)fprintf(stderr, "campaign: %s\n", err_text());
    return EXIT_FAILURE;
}
