/* wirepit-gateway: the data plane's process: it owns card and journal and serves clients over TCP.
 */
#include "driver/simbus.h"
#include "driver/vfio.h"
#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/base/err.h"
#include "host/base/log.h"
#include "host/engine/engine.h"
#include "host/gateway/gateway.h"
#include "host/gateway/lwip/network.h"
#include "host/gateway/port_control.h"
#include "host/gateway/recovery.h"
#include "host/gateway/summary.h"
#include "host/gateway/verify.h"
#include "host/softcard/softcard.h"
#include "sim/simlib.h"
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

/* Address space of a session's day: about 20 million answers. */
#define STREAM_BYTES (UINT64_C(1) << 30)

struct options {
    const char *config, *card, *card_socket, *journal, *control, *firmware_key, *port, *trace,
        *json;
    const char *network[CONFIG_SETTINGS]; /* by enum config_setting */
    bool verify, release;
};

/* Everything that a run holds, in the order it is taken. */
struct run {
    struct options options;
    struct config config;
    struct card_size size;
    struct card *card;
    struct setup setup;
    struct journal *journal;
    struct gates *gates;
    struct entry *entry;
    struct stream *streams;
    struct recovery *recovery;
    struct sequencer *sequencer;
    struct network network;
    struct gateway *gateway;
    struct port_control *control;
    char session[RECOVERY_SESSION_BYTES + 1];
    char identity[RECOVERY_IDENTITY_BYTES];
};

static volatile sig_atomic_t stop_asked;

static void on_signal(int signal) {
    (void)signal;
    stop_asked = 1;
}

static void close_gate(void *context) { card_kill(context); }

static const char help[] =
    "usage: wirepit-gateway --config FILE [options]\n"
    "\n"
    "Serves trading firms: SoupBinTCP and OUCH 5.0 over TCP in front of the card, with a journal.\n"
    "Ends cleanly on SIGINT and SIGTERM. A journal that is there already is continued.\n"
    "\n"
    "  --config FILE    symbols, firms, accounts, sessions, settings; see "
    "host/package/wirepit.yaml\n"
    "  --card sim|bus|soft  Verilated card in this process, in wirepit-card's, or reference engine "
    "[as in FILE]\n"
    "  --card vfio:ADDRESS  the card at this PCI address, 0000:03:00.0 for one, bound to vfio-pci\n"
    "  --card-socket PATH   where wirepit-card listens, for --card bus [as in FILE]\n"
    "  --journal DIR    where the journal is [as in FILE]\n"
    "  --control PATH   socket of the command port [as in FILE, else gateway.socket beside the "
    "journal]\n"
    "  --firmware-key FILE  public key, PEM, of who may sign the card's firmware [as in FILE, else "
    "none is taken]\n"
    "  --port N         TCP port, 0 for a free one, which is printed [as in FILE]\n"
    "  --listen ADDRESS IPv4 address that clients connect to [as in FILE]\n"
    "  --transport kernel|lwip  the kernel's TCP, or lwIP on a port of DPDK [as in FILE, else "
    "kernel]\n"
    "  --nic auto|af_xdp|af_packet|tap|eal  the port under lwIP [as in FILE, else auto]\n"
    "  --interface NAME its interface; tap makes it\n"
    "  --netmask MASK   of the listen address, with lwIP [255.255.255.0]\n"
    "  --router ADDRESS next hop to other networks, with lwIP\n"
    "  --mac MAC        of the port [the interface's]\n"
    "  --eal ARGUMENTS  more arguments for DPDK; with --nic eal those that name a physical NIC\n"
    "  --trace FILE     waveform of the Verilated card, about 12 times slower\n"
    "  --json FILE      write a summary at the end\n"
    "  --release        open the card's gate again if it was closed before this start\n"
    "  --verify         only verify the journal, with a fresh engine, and say so\n"
    "  --help           this\n"
    "\n"
    "examples\n"
    "  wirepit-gateway --config host/package/wirepit.yaml --card soft --port 0\n"
    "  wirepit-gateway --config host/package/wirepit.yaml --journal build/run/journal --verify\n";

/* Returns 0 to go on, 1 when there is nothing left to do, or -EINVAL. */
static int read_options(int count, char **arguments, struct options *options) {
    enum { NETWORK = 256 }; /* and the setting */
    static const struct option known[] = {
        { "config", required_argument, NULL, 'c' },
        { "card", required_argument, NULL, 'd' },
        { "card-socket", required_argument, NULL, 's' },
        { "journal", required_argument, NULL, 'j' },
        { "control", required_argument, NULL, 'k' },
        { "firmware-key", required_argument, NULL, 'f' },
        { "port", required_argument, NULL, 'p' },
        { "listen", required_argument, NULL, NETWORK + CONFIG_SET_LISTEN },
        { "transport", required_argument, NULL, NETWORK + CONFIG_SET_TRANSPORT },
        { "nic", required_argument, NULL, NETWORK + CONFIG_SET_NIC },
        { "interface", required_argument, NULL, NETWORK + CONFIG_SET_INTERFACE },
        { "netmask", required_argument, NULL, NETWORK + CONFIG_SET_NETMASK },
        { "router", required_argument, NULL, NETWORK + CONFIG_SET_ROUTER },
        { "mac", required_argument, NULL, NETWORK + CONFIG_SET_MAC },
        { "eal", required_argument, NULL, NETWORK + CONFIG_SET_EAL },
        { "trace", required_argument, NULL, 't' },
        { "json", required_argument, NULL, 'o' },
        { "release", no_argument, NULL, 'r' },
        { "verify", no_argument, NULL, 'v' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    for (int key; (key = getopt_long(count, arguments, "", known, NULL)) != -1;) {
        switch (key) {
        case 'c':
            options->config = optarg;
            break;
        case 'd':
            options->card = optarg;
            break;
        case 's':
            options->card_socket = optarg;
            break;
        case 'j':
            options->journal = optarg;
            break;
        case 'k':
            options->control = optarg;
            break;
        case 'f':
            options->firmware_key = optarg;
            break;
        case 'p':
            options->port = optarg;
            break;
        case 't':
            options->trace = optarg;
            break;
        case 'o':
            options->json = optarg;
            break;
        case 'r':
            options->release = true;
            break;
        case 'v':
            options->verify = true;
            break;
        case 'h':
            (void)fputs(help, stdout);
            return 1;
        default:
            if (key < NETWORK) return err_set(-EINVAL, "try --help");
            options->network[key - NETWORK] = optarg;
            break;
        }
    }
    if (optind < count)
        return err_set(-EINVAL, "\"%s\" is no option; try --help", arguments[optind]);
    if (options->config == NULL) return err_set(-EINVAL, "--config FILE is missing; try --help");
    return 0;
}

static int apply_network(const struct options *options, struct config *config) {
    for (int i = 0; i < CONFIG_SETTINGS; i++) {
        if (options->network[i] == NULL) continue;
        int code = config_set(config, (enum config_setting)i, options->network[i]);
        if (code != 0) return code;
    }
    return config_check_network(config);
}

/* Options win over the file. */
static int apply_options(const struct options *options, struct config *config) {
    static const char vfio[] = "vfio:";
    if (options->card != NULL) {
        if (strcmp(options->card, "sim") == 0)
            config->card = CONFIG_CARD_SIM;
        else if (strcmp(options->card, "soft") == 0)
            config->card = CONFIG_CARD_SOFT;
        else if (strcmp(options->card, "bus") == 0)
            config->card = CONFIG_CARD_BUS;
        else if (strcmp(options->card, "vfio") == 0)
            config->card = CONFIG_CARD_VFIO;
        else if (strncmp(options->card, vfio, sizeof vfio - 1) == 0) {
            if (strlen(options->card + sizeof vfio - 1) >= sizeof config->card_address)
                return err_set(-EINVAL, "--card %s: a PCI address reads 0000:03:00.0",
                               options->card);
            config->card = CONFIG_CARD_VFIO;
            (void)snprintf(config->card_address, sizeof config->card_address, "%s",
                           options->card + sizeof vfio - 1);
        } else
            return err_set(-EINVAL, "--card %s: it is sim, bus, soft or vfio:ADDRESS",
                           options->card);
    }
    if (config->card == CONFIG_CARD_VFIO && config->card_address[0] == 0)
        return err_set(-EINVAL, "card vfio: at which PCI address? --card vfio:0000:03:00.0, or "
                                "card_address in the file; lspci -D lists them");
    if (options->card_socket != NULL) {
        if (strlen(options->card_socket) >= sizeof config->card_socket)
            return err_set(-EINVAL, "--card-socket: the name is longer than %d bytes",
                           CONFIG_PATH_BYTES - 1);
        (void)snprintf(config->card_socket, sizeof config->card_socket, "%s", options->card_socket);
    }
    if (options->journal != NULL) {
        if (strlen(options->journal) >= sizeof config->journal)
            return err_set(-EINVAL, "--journal: the name is longer than %d bytes",
                           CONFIG_PATH_BYTES - 1);
        (void)snprintf(config->journal, sizeof config->journal, "%s", options->journal);
    }
    if (options->control != NULL) {
        if (strlen(options->control) >= sizeof config->control)
            return err_set(-EINVAL, "--control: the name is longer than %d bytes",
                           CONFIG_PATH_BYTES - 1);
        (void)snprintf(config->control, sizeof config->control, "%s", options->control);
    }
    if (options->firmware_key != NULL) {
        if (strlen(options->firmware_key) >= sizeof config->firmware_key)
            return err_set(-EINVAL, "--firmware-key: the name is longer than %d bytes",
                           CONFIG_PATH_BYTES - 1);
        (void)snprintf(config->firmware_key, sizeof config->firmware_key, "%s",
                       options->firmware_key);
    }
    if (options->port != NULL) {
        char *end;
        errno = 0;
        unsigned long port = strtoul(options->port, &end, 10);
        if (*end != 0 || end == options->port || port > 65535 || errno != 0)
            return err_set(-EINVAL, "--port %s: it is a number from 0 to 65535", options->port);
        config->port = (uint16_t)port;
    }
    if (options->trace != NULL && config->card != CONFIG_CARD_SIM)
        return err_set(-EINVAL, "--trace needs --card sim; wirepit-card has a --trace of its own");
    return apply_network(options, config);
}

/* A card that is not in this process is as large as it was made. */
static int open_outside(struct run *run) {
    const struct lockstep_options lockstep = { .directory = NULL };
    const struct vfio_options vfio = { .address = run->config.card_address,
                                       .no_iommu = run->config.card_no_iommu };
    struct card *inner;
    int code = run->config.card == CONFIG_CARD_VFIO ? vfio_open(&vfio, &inner)
                                                    : simbus_open(run->config.card_socket, &inner);
    if (code != 0) return code;
    run->size = inner->size;
    code = lockstep_open(inner, &lockstep, &run->card);
    if (code != 0) card_close(inner);
    return code;
}

static int open_card(struct run *run) {
    if (run->config.card == CONFIG_CARD_BUS || run->config.card == CONFIG_CARD_VFIO)
        return open_outside(run);
    run->size = CARD_SIZE_DEFAULT;
    if (run->config.card == CONFIG_CARD_SOFT) {
        if (run->config.soft_orders != 0) run->size.orders = run->config.soft_orders;
        return softcard_open(&run->size, &run->card);
    }
    const struct simlib_options sim = { .size = run->size,
                                        .trace_path = run->options.trace,
                                        .boot = true };
    return simlib_open(&sim, &run->card);
}

static int open_journal(struct run *run) {
    const struct journal_options options = { .directory = run->config.journal,
                                             .flush = run->config.asynchronous ? JOURNAL_ASYNC
                                                                               : JOURNAL_SYNC,
                                             .file_bytes_max = run->config.journal_file };
    struct journal_recovered recovered;
    int code = journal_open(&options, &run->journal, &recovered);
    if (code != 0) return code;
    if (recovered.cut_bytes > 0) log_line("%s", recovered.cut_line);
    int found = recovery_session(run->config.journal, run->session);
    if (found < 0) return found;
    if (found == 0) {
        /* SoupBinTCP's session lasts as long as the journal: it is named by the hour it began. */
        time_t now = (time_t)(clock_wall_ns() / UINT64_C(1000000000));
        struct tm utc;
        CHECK(gmtime_r(&now, &utc) != NULL);
        CHECK(strftime(run->session, sizeof run->session, "%Y%m%d%H", &utc) > 0);
    }
    recovery_identity(config_digest(&run->config), run->session, run->identity);
    return 0;
}

/* Beside the journal unless it was given. Trading does not depend on it: without it the gateway
   goes on and says so. */
static int open_control(struct run *run) {
    char path[CONFIG_PATH_BYTES + 16];
    const char *slash = strrchr(run->config.journal, '/');
    int above = slash != NULL ? (int)(slash - run->config.journal) + 1 : 0;
    if (run->config.control[0] != 0)
        (void)snprintf(path, sizeof path, "%s", run->config.control);
    else
        (void)snprintf(path, sizeof path, "%.*sgateway.socket", above, run->config.journal);
    const struct port_parts parts = { .path = path,
                                      .config = &run->config,
                                      .card = run->card,
                                      .journal = run->journal,
                                      .sequencer = run->sequencer,
                                      .gates = run->gates,
                                      .streams = run->streams,
                                      .entry = run->entry,
                                      .firmware_key = run->config.firmware_key,
                                      .transport = run->network.transport->name,
                                      .session_name = run->session,
                                      .address = run->config.listen,
                                      .port = run->network.transport->port };
    int code = port_control_open(&parts, &run->control);
    if (code != 0 && run->config.control[0] != 0) return code;
    if (code != 0) {
        log_line("no command port: %s", err_text());
        return 0;
    }
    sequencer_tell(run->sequencer, port_control_done, run->control);
    gateway_control(run->gateway, run->control);
    return 0;
}

static int open_state(struct run *run) {
    uint64_t seed;
    CHECK(getrandom(&seed, sizeof seed, 0) == sizeof seed);
    int code = setup_make(&run->config, &run->size, &run->setup);
    if (code != 0) return code;
    run->entry = entry_new(&run->config, &run->size, seed);
    run->gates = gates_new(&run->size);
    run->recovery = calloc(1, sizeof *run->recovery);
    run->streams = calloc(run->config.session_count, sizeof *run->streams);
    if (run->entry == NULL || run->gates == NULL || run->recovery == NULL || run->streams == NULL)
        return err_set(-ENOMEM, "no memory for orders and sessions");
    for (uint32_t i = 0; code == 0 && i < run->config.session_count; i++)
        code = stream_open(&run->streams[i], STREAM_BYTES);
    return code;
}

static int recover(struct run *run) {
    const struct recovery_parts parts = { .directory = run->config.journal,
                                          .journal = run->journal,
                                          .card = run->card,
                                          .entry = run->entry,
                                          .streams = run->streams,
                                          .session_count = run->config.session_count,
                                          .setup = &run->setup,
                                          .identity = run->identity,
                                          .events_max = engine_events_max(&run->size),
                                          .clock_ns = clock_monotonic_ns,
                                          .gates = run->gates };
    int code = recovery_run(&parts, run->recovery);
    if (code != 0) return code;
    if (!run->recovery->identified) {
        int64_t noted = journal_append(run->journal, JOURNAL_NOTE, 0, run->identity,
                                       (uint32_t)strlen(run->identity));
        if (noted < 0) return (int)noted;
    }
    if (run->recovery->commands > 0)
        log_line("%s: %" PRIu64 " commands replayed, %" PRIu64 " events the same",
                 run->config.journal, run->recovery->commands, run->recovery->events);
    return 0;
}

/* A gate that the card or an operator closed is closed in the journal, and so after every start,
   until a command opens it. */
static int release_gate(struct run *run) {
    if (!run->gates->killed) {
        if (run->options.release) log_line("--release: the card's gate is open anyway");
        return 0;
    }
    if (!run->options.release) {
        log_line("the card's gate was closed before this start: orders are refused until an "
                 "operator releases it, or a start with --release");
        return 0;
    }
    const struct command release = setup_gate(MODE_RELEASE);
    int code = sequencer_ask(run->sequencer, &release, "gate released by --release", 1);
    if (code == 0) code = gateway_settle(run->gateway);
    if (code == 0) log_line("--release: the card's gate is open again");
    return code;
}

/* What a fresh card still lacks, what a crash left undone, and the sessions' policies. */
static int begin_trading(struct run *run) {
    card_go_live(run->card);
    uint64_t wall_ns = clock_wall_ns(), last_ns = run->recovery->last_stamp_ns;
    card_set_time(run->card, wall_ns > last_ns ? wall_ns : last_ns);
    for (uint32_t i = run->recovery->setup_done; i < run->setup.count; i++) {
        int code = sequencer_command(run->sequencer, &run->setup.commands[i]);
        if (code == -EAGAIN) {
            code = gateway_settle(run->gateway);
            i--;
        }
        if (code != 0) return code;
    }
    for (uint32_t i = 0; i < run->recovery->follow_up_count; i++) {
        int code = gateway_settle(run->gateway);
        if (code == 0) code = sequencer_follow_up(run->sequencer, &run->recovery->follow_ups[i]);
        if (code != 0) return code;
    }
    for (uint32_t i = 0; i < run->config.session_count; i++)
        if (run->config.sessions[i].cancel_on_disconnect)
            sequencer_withdraw(run->sequencer, (uint16_t)i);
    int code = gateway_settle(run->gateway);
    if (code == 0) code = release_gate(run);
    if (code != 0) return code;

    uint8_t reason;
    char text[ABI_TEXT_BYTES];
    const struct command *refused = sequencer_refused(run->sequencer, &reason);
    if (refused == NULL) return 0;
    return err_set(-EINVAL, "%s: the card refuses what it says, %s: %s", run->options.config,
                   abi_reason_name(reason), abi_command_text(refused, text));
}

static int open_run(struct run *run) {
    int code = open_card(run);
    if (code != 0) return code;
    check_on_failure(close_gate, run->card);
    code = open_journal(run);
    if (code == 0) code = open_state(run);
    if (code == 0)
        code = network_open(&run->config, gateway_connections(run->config.session_count),
                            &run->network);
    if (code == 0) code = recover(run);
    if (code != 0) return code;

    const struct sequencer_parts sequencer = { .card = run->card,
                                               .journal = run->journal,
                                               .entry = run->entry,
                                               .streams = run->streams,
                                               .session_count = run->config.session_count,
                                               .events_max = engine_events_max(&run->size),
                                               .commands = run->recovery->commands,
                                               .events = run->recovery->events,
                                               .clock_ns = clock_monotonic_ns,
                                               .gates = run->gates };
    run->sequencer = sequencer_new(&sequencer);
    if (run->sequencer == NULL) return err_set(-ENOMEM, "no memory for the sequencer");
    const struct gateway_parts gateway = { .config = &run->config,
                                           .card = run->card,
                                           .sequencer = run->sequencer,
                                           .streams = run->streams,
                                           .entry = run->entry,
                                           .transport = run->network.transport,
                                           .session_name = run->session };
    run->gateway = gateway_new(&gateway);
    if (run->gateway == NULL) return err_set(-ENOMEM, "no memory for the connections");
    return begin_trading(run);
}

static void close_run(struct run *run) {
    check_on_failure(NULL, NULL);
    port_control_close(run->control);
    gateway_delete(run->gateway);
    sequencer_delete(run->sequencer);
    network_close(&run->network);
    for (uint32_t i = 0; run->streams != NULL && i < run->config.session_count; i++)
        stream_close(&run->streams[i]);
    free(run->streams);
    free(run->recovery);
    entry_delete(run->entry);
    gates_delete(run->gates);
    setup_free(&run->setup);
    journal_close(run->journal);
    if (run->card != NULL) card_close(run->card);
    config_free(&run->config);
}

/* Verifies the closed journal on an engine of its own. */
static int verify(const struct run *run, struct verify_result *result) {
    struct card_size size = CARD_SIZE_DEFAULT;
    struct card *card;
    if (run->config.card == CONFIG_CARD_SOFT && run->config.soft_orders != 0)
        size.orders = run->config.soft_orders;
    if (run->card != NULL) size = run->size;
    int code = softcard_open(&size, &card);
    if (code != 0) return code;
    code = verify_run(run->config.journal, card, result);
    card_close(card);
    return code;
}

/* The end of a run that got as far as having a sequencer. */
static int report(struct run *run) {
    struct verify_result verified = { .commands = 0 };
    journal_close(run->journal);
    run->journal = NULL;
    int code = verify(run, &verified);
    if (code != 0) log_line("the journal is not verified: %s", err_text());
    struct lwip_counts counts;
    uint64_t steering[STEER_COUNTERS];
    bool past_kernel = run->config.transport == CONFIG_TRANSPORT_LWIP;
    bool steered = run->network.steer != NULL && steer_count(run->network.steer, steering) == 0;
    if (past_kernel) counts = lwip_counts(run->network.transport);
    const struct summary summary = {
        .card = run->card->name,
        .transport = run->network.transport->name,
        .port = run->network.port,
        .network = past_kernel ? &counts : NULL,
        .steering = steered ? steering : NULL,
        .sequencer = run->sequencer,
        .entry = run->entry,
        .lockstep_differences =
            run->config.card != CONFIG_CARD_SOFT ? simlib_counts(run->card).differences : 0,
        .gate_open = !run->gates->killed,
        .journal_verified = code == 0 && verified.events_missing == 0,
        .journal_records = verified.journal.records_total,
        .logins = gateway_logins(run->gateway),
        .sessions = run->config.session_count,
    };
    if (run->options.json != NULL && summary_write(run->options.json, &summary) != 0) {
        log_line("%s", err_text());
        return -EIO;
    }
    return code;
}

static int trade(struct run *run) {
    struct sigaction action = { .sa_handler = on_signal };
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)signal(SIGXFSZ, SIG_IGN); /* a write that is too much then says so */

    int code = open_run(run);
    if (code == 0) code = open_control(run);
    if (code == 0) code = transport_admit(run->network.transport);
    if (code == 0) {
        (void)printf("listening on %s:%u\n", run->config.listen, run->network.transport->port);
        (void)fflush(stdout);
        code = gateway_run(run->gateway, &stop_asked);
    }
    if (code != 0) log_line("wirepit-gateway: %s", err_text());
    if (run->gateway != NULL) {
        int reported = report(run);
        if (code == 0) code = reported;
    }
    return code;
}

int main(int count, char **arguments) {
    static struct run run;
    int code = read_options(count, arguments, &run.options);
    if (code == 1) return EXIT_SUCCESS;
    if (code == 0) code = config_load(run.options.config, &run.config);
    if (code == 0) code = apply_options(&run.options, &run.config);
    if (code != 0) {
        (void)fprintf(stderr, "wirepit-gateway: %s\n", err_text());
        config_free(&run.config);
        return EXIT_FAILURE;
    }
    if (run.options.verify) {
        struct verify_result result = { .commands = 0 };
        code = verify(&run, &result);
        if (code == 0) {
            (void)printf("%s: %" PRIu64 " records in %" PRIu64 " blocks, %" PRIu64
                         " commands, %" PRIu64 " events: ",
                         run.config.journal, result.journal.records_total, result.journal.blocks,
                         result.commands, result.events);
            if (result.events_missing == 0)
                (void)printf("whole and true\n");
            else
                (void)printf("true but not whole: of the last command's events %" PRIu64 " are "
                             "missing; if a crash cut them off, the next start appends them\n",
                             result.events_missing);
        } else {
            (void)fprintf(stderr, "wirepit-gateway: %s\n", err_text());
        }
        config_free(&run.config);
        return code == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    code = trade(&run);
    close_run(&run);
    return code == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
