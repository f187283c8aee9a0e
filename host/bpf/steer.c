#include "host/bpf/steer.h"
#include "host/base/check.h"
#include "host/base/err.h"
#include "host/bpf/steer_maps.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

/* Generated code, not held to our warnings. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverlength-strings"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include "build/bpf/steer.skel.h"
#pragma GCC diagnostic pop

_Static_assert((int)COUNTERS == (int)STEER_COUNTERS, "one table of counters");
_Static_assert(sizeof STEER_PROGRAM <= BPF_OBJ_NAME_LEN, "the kernel keeps the whole name");

enum { MAPS_OF_A_PROGRAM_MAX = 64 };
#define NS_PER_SECOND UINT64_C(1000000000)

struct steer {
    struct steer_program *program;
    char interface[IF_NAMESIZE]; /* empty and number 0 after steer_load */
    int interface_number;
    uint32_t mode;  /* XDP_FLAGS_DRV_MODE or XDP_FLAGS_SKB_MODE, as the port attached */
    int port_fd;    /* the program of the port, -1 for none */
    int lease;      /* says that the interface is ours, -1 for none */
    int processors; /* that count */
    uint64_t *per_processor;
};

/* What an interface runs. */
struct attached {
    uint32_t id, mode;
};

static int quiet(enum libbpf_print_level level, const char *format, va_list arguments) {
    (void)level, (void)format, (void)arguments;
    return 0;
}

/* ---- What may go wrong, in words ---- */

static int kernel_error(int code, const char *interface, const char *what) {
    if (code == -EPERM)
        return err_set(-EPERM,
                       "%s: %s: not permitted; XDP steering needs root, or CAP_BPF, CAP_NET_ADMIN "
                       "and CAP_SYS_ADMIN outside of user namespaces",
                       interface, what);
    if (code == -ENOMEM || code == -ENODEV || code == -EBUSY)
        return err_set(code, "%s: %s: %s", interface, what, strerror(-code));
    return err_set(-ENOTSUP,
                   "%s: %s: %s; this kernel or driver cannot steer, go on without or use another",
                   interface, what, strerror(-code));
}

static int check_limit(const char *name, struct steer_limit limit) {
    if (limit.per_second == 0) return 0;
    if (limit.per_second > STEER_RATE_MAX)
        return err_set(-EINVAL, "%s: %u per second is more than %d; 0 is no limit", name,
                       limit.per_second, STEER_RATE_MAX);
    if (limit.burst < 1 || limit.burst > STEER_BURST_MAX)
        return err_set(-EINVAL, "%s: a burst of %u is not from 1 to %d", name, limit.burst,
                       STEER_BURST_MAX);
    return 0;
}

static int check_limits(const struct steer_limits *limits) {
    int code = check_limit("packets of a source", limits->source_packets);
    if (code == 0) code = check_limit("SYNs of a source", limits->source_syns);
    if (code == 0) code = check_limit("SYNs of all sources", limits->all_syns);
    if (code == 0) code = check_limit("ARP of all stations", limits->all_arps);
    return code;
}

static int check_prefix(struct steer_prefix prefix) {
    char text[INET_ADDRSTRLEN] = "";
    (void)inet_ntop(AF_INET, &prefix.address, text, sizeof text);
    if (prefix.bits > 32)
        return err_set(-EINVAL, "%s/%u: a prefix has 0 to 32 bits", text, prefix.bits);
    uint32_t beyond = prefix.bits == 32 ? 0 : UINT32_MAX >> prefix.bits;
    if ((ntohl(prefix.address.s_addr) & beyond) != 0)
        return err_set(-EINVAL,
                       "%s/%u: the address has bits beyond its prefix; say /32 or clear them", text,
                       prefix.bits);
    return 0;
}

static int check_options(const struct steer_options *options) {
    if (options->endpoint_count < 1 || options->endpoint_count > STEER_ENDPOINTS_MAX)
        return err_set(-EINVAL, "steering: %u endpoints are not from 1 to %d",
                       options->endpoint_count, STEER_ENDPOINTS_MAX);
    for (uint32_t i = 0; i < options->endpoint_count; i++)
        if (options->endpoints[i].port == 0 || options->endpoints[i].address.s_addr == INADDR_ANY)
            return err_set(-EINVAL, "steering: endpoint %u needs an address and a port", i + 1);
    if (options->allowed_count > STEER_PREFIXES_MAX)
        return err_set(-EINVAL, "steering: %u prefixes are more than %d", options->allowed_count,
                       STEER_PREFIXES_MAX);
    for (uint32_t i = 0; i < options->allowed_count; i++) {
        int code = check_prefix(options->allowed[i]);
        if (code != 0) return code;
    }
    uint32_t sources = options->sources_max;
    if (sources != 0 && (sources < STEER_SOURCES_MIN || sources > STEER_SOURCES_MAX))
        return err_set(-EINVAL, "steering: a table of %u sources is not from %d to %d", sources,
                       STEER_SOURCES_MIN, STEER_SOURCES_MAX);
    return check_limits(&options->limits);
}

int steer_prefix_parse(const char *text, struct steer_prefix *prefix) {
    CHECK(text != NULL);
    CHECK(prefix != NULL);
    char address[INET_ADDRSTRLEN];
    size_t length = strcspn(text, "/");
    struct steer_prefix found = { .bits = 32 };
    if (length < sizeof address) {
        memcpy(address, text, length);
        address[length] = '\0';
    }
    if (length >= sizeof address || inet_pton(AF_INET, address, &found.address) != 1)
        return err_set(-EINVAL, "%s: not an IPv4 prefix such as 10.1.0.0/16 or 10.1.2.3", text);
    if (text[length] == '/') {
        const char *bits = text + length + 1;
        size_t digits = strspn(bits, "0123456789");
        if (digits < 1 || digits > 2 || bits[digits] != '\0')
            return err_set(-EINVAL, "%s: after the slash stand 0 to 32 bits", text);
        found.bits = (uint8_t)strtoul(bits, NULL, 10);
    }
    int code = check_prefix(found);
    if (code == 0) *prefix = found;
    return code;
}

/* ---- Rules ---- */

static struct limit_value limit_of(struct steer_limit limit) {
    if (limit.per_second == 0) return (struct limit_value){ 0 };
    uint64_t interval_ns = NS_PER_SECOND / limit.per_second;
    return (struct limit_value){ .interval_ns = interval_ns,
                                 .slack_ns = interval_ns * (limit.burst - 1) };
}

static void put_limits(struct steer *steer, const struct steer_limits *limits) {
    const struct limit_value values[LIMITS] = {
        [LIMIT_SOURCE_PACKETS] = limit_of(limits->source_packets),
        [LIMIT_SOURCE_SYNS] = limit_of(limits->source_syns),
        [LIMIT_ALL_SYNS] = limit_of(limits->all_syns),
        [LIMIT_ALL_ARPS] = limit_of(limits->all_arps),
    };
    int map = bpf_map__fd(steer->program->maps.limits);
    for (uint32_t i = 0; i < LIMITS; i++)
        CHECK(bpf_map_update_elem(map, &i, &values[i], BPF_ANY) == 0); /* an array has room */
}

int steer_limits_set(struct steer *steer, const struct steer_limits *limits) {
    CHECK(steer != NULL);
    CHECK(limits != NULL);
    int code = check_limits(limits);
    if (code == 0) put_limits(steer, limits);
    return code;
}

static int put_prefix(struct steer *steer, struct steer_prefix prefix, uint32_t value) {
    CHECK(steer != NULL);
    int code = check_prefix(prefix);
    if (code != 0) return code;
    struct prefix_key key = { .bits = prefix.bits, .address = prefix.address.s_addr };
    if (bpf_map_update_elem(bpf_map__fd(steer->program->maps.prefixes), &key, &value, BPF_ANY) == 0)
        return 0;
    return err_set(-errno, "steering: one prefix more: %s; %d is the most, forget one first",
                   strerror(errno), STEER_PREFIXES_MAX);
}

int steer_allow(struct steer *steer, struct steer_prefix prefix) {
    return put_prefix(steer, prefix, PREFIX_ALLOWED);
}

int steer_deny(struct steer *steer, struct steer_prefix prefix) {
    return put_prefix(steer, prefix, PREFIX_DENIED);
}

int steer_forget(struct steer *steer, struct steer_prefix prefix) {
    CHECK(steer != NULL);
    int code = check_prefix(prefix);
    if (code != 0) return code;
    struct prefix_key key = { .bits = prefix.bits, .address = prefix.address.s_addr };
    if (bpf_map_delete_elem(bpf_map__fd(steer->program->maps.prefixes), &key) == 0) return 0;
    return err_set(-errno, "steering: nothing was said of this prefix: %s", strerror(errno));
}

/* ---- The program, not attached ---- */

static void steer_free(struct steer *steer) {
    steer_program__destroy(steer->program);
    if (steer->port_fd >= 0) (void)close(steer->port_fd);
    if (steer->lease >= 0) (void)close(steer->lease);
    free(steer->per_processor);
    free(steer);
}

static int put_endpoints(struct steer *steer, const struct steer_options *options) {
    const uint32_t one = 1;
    for (uint32_t i = 0; i < options->endpoint_count; i++) {
        struct endpoint_key key = { .address = options->endpoints[i].address.s_addr,
                                    .port = htons(options->endpoints[i].port) };
        if (bpf_map_update_elem(bpf_map__fd(steer->program->maps.endpoints), &key, &one, BPF_ANY) ||
            bpf_map_update_elem(bpf_map__fd(steer->program->maps.addresses), &key.address, &one,
                                BPF_ANY))
            return kernel_error(-errno, "steering", "endpoints");
    }
    return 0;
}

static int load_program(struct steer *steer, const struct steer_options *options, int sockets) {
    steer->program = steer_program__open();
    if (steer->program == NULL) return kernel_error(-errno, "steering", "open the program");
    struct steer_program *program = steer->program;
    program->rodata->steers_arp = options->arp;
    program->rodata->steers_icmp = options->icmp;
    program->rodata->clock_given = options->clock_given;
    uint32_t sources = options->sources_max != 0 ? options->sources_max : STEER_SOURCES_DEFAULT;
    int code = bpf_map__set_max_entries(program->maps.sources, sources);
    if (code == 0) code = bpf_map__set_max_entries(program->maps.prefixes, STEER_PREFIXES_MAX);
    if (code == 0) code = bpf_map__set_max_entries(program->maps.endpoints, STEER_ENDPOINTS_MAX);
    if (code == 0) code = bpf_map__set_max_entries(program->maps.addresses, STEER_ENDPOINTS_MAX);
    if (code == 0 && sockets >= 0) code = bpf_map__reuse_fd(program->maps.sockets, sockets);
    if (code == 0) code = steer_program__load(program);
    return code == 0 ? 0 : kernel_error(code, "steering", "load the program");
}

/* Fills *made, or leaves nothing behind. sockets is the port's map of sockets, -1 for an own one.
 */
static int make_steer(const struct steer_options *options, int sockets, struct steer **made) {
    struct steer *steer = calloc(1, sizeof *steer);
    if (steer == NULL) return err_set(-ENOMEM, "steering: no memory");
    steer->port_fd = steer->lease = -1;
    libbpf_print_fn_t print = libbpf_set_print(quiet);
    steer->processors = libbpf_num_possible_cpus();
    int code = steer->processors > 0 ? 0 : kernel_error(-ENOSYS, "steering", "count processors");
    if (code == 0) steer->per_processor = calloc((size_t)steer->processors, sizeof(uint64_t));
    if (code == 0 && steer->per_processor == NULL) code = err_set(-ENOMEM, "steering: no memory");
    if (code == 0) code = load_program(steer, options, sockets);
    (void)libbpf_set_print(print);
    if (code == 0) code = put_endpoints(steer, options);
    for (uint32_t i = 0; code == 0 && i < options->allowed_count; i++)
        code = steer_allow(steer, options->allowed[i]);
    if (code != 0) {
        steer_free(steer);
        return code;
    }
    put_limits(steer, &options->limits);
    *made = steer;
    return 0;
}

int steer_load(const struct steer_options *options, struct steer **steer) {
    CHECK(options != NULL);
    CHECK(steer != NULL);
    int code = check_options(options);
    return code == 0 ? make_steer(options, -1, steer) : code;
}

/* ---- The interface ---- */

/* A name in the network namespace that goes with the process, however that ends: whoever holds it
   steers the interface. Returns a socket or a negative errno. */
static int take_lease(const char *interface, int number) {
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    int length = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "wirepit-steer-%d", number);
    int lease = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (lease < 0) return err_set(-errno, "%s: socket: %s", interface, strerror(errno));
    socklen_t bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
    if (bind(lease, (const struct sockaddr *)&name, bytes) == 0) return lease;
    int code = -errno;
    (void)close(lease);
    if (code == -EADDRINUSE)
        return err_set(-EBUSY, "%s: another process steers it; end that one first", interface);
    return err_set(code, "%s: lease: %s", interface, strerror(-code));
}

static int find_interface(const char *interface) {
    unsigned number = if_nametoindex(interface);
    if (number == 0)
        return err_set(-ENODEV, "%s: no such network interface here; `ip link` lists them",
                       interface);
    return (int)number;
}

/* Where a driver's and the generic program are both attached, the driver's comes first. */
static int find_attached(const char *interface, int number, struct attached *attached) {
    LIBBPF_OPTS(bpf_xdp_query_opts, query);
    int code = bpf_xdp_query(number, 0, &query);
    if (code != 0) return kernel_error(code, interface, "ask for its XDP program");
    *attached = (struct attached){ 0 };
    if (query.drv_prog_id != 0)
        *attached = (struct attached){ .id = query.drv_prog_id, .mode = XDP_FLAGS_DRV_MODE };
    else if (query.skb_prog_id != 0)
        *attached = (struct attached){ .id = query.skb_prog_id, .mode = XDP_FLAGS_SKB_MODE };
    else if (query.hw_prog_id != 0)
        return err_set(-ENOTSUP, "%s: its XDP program runs on the NIC; detach it", interface);
    return 0;
}

/* Fills *info and, where maps is not NULL, the ids of at most MAPS_OF_A_PROGRAM_MAX maps. */
static int describe_program(int program, struct bpf_prog_info *info, uint32_t *maps) {
    uint32_t bytes = sizeof *info;
    memset(info, 0, sizeof *info);
    if (maps != NULL) {
        info->nr_map_ids = MAPS_OF_A_PROGRAM_MAX;
        info->map_ids = (uint64_t)(uintptr_t)maps;
    }
    return bpf_obj_get_info_by_fd(program, info, &bytes) == 0 ? 0 : -errno;
}

/* Returns the map of AF_XDP sockets that a program uses, or a negative errno. */
static int find_sockets(int program, const char *interface) {
    uint32_t ids[MAPS_OF_A_PROGRAM_MAX];
    struct bpf_prog_info info;
    int code = describe_program(program, &info, ids);
    if (code != 0) return kernel_error(code, interface, "read its XDP program");
    for (uint32_t i = 0; i < info.nr_map_ids && i < MAPS_OF_A_PROGRAM_MAX; i++) {
        int map = bpf_map_get_fd_by_id(ids[i]);
        if (map < 0) return kernel_error(-errno, interface, "open a map of its XDP program");
        struct bpf_map_info found = { 0 };
        uint32_t bytes = sizeof found;
        if (bpf_obj_get_info_by_fd(map, &found, &bytes) == 0 && found.type == BPF_MAP_TYPE_XSKMAP)
            return map;
        (void)close(map);
    }
    return err_set(-ENOENT,
                   "%s: its XDP program \"%s\" has no map of AF_XDP sockets; set "
                   "LIBXDP_SKIP_DISPATCHER=1 and open the port with net_af_xdp first",
                   interface, info.name);
}

static int replace_program(const char *interface, int number, int program, int old, uint32_t mode) {
    LIBBPF_OPTS(bpf_xdp_attach_opts, options, .old_prog_fd = old);
    libbpf_print_fn_t print = libbpf_set_print(quiet);
    int code = bpf_xdp_attach(number, program, mode | XDP_FLAGS_REPLACE, &options);
    (void)libbpf_set_print(print);
    if (code == -EEXIST) code = -EBUSY; /* no longer the one that was found */
    return code == 0 ? 0 : kernel_error(code, interface, "exchange its XDP program");
}

int steer_attach(const struct steer_options *options, struct steer **steer) {
    CHECK(options != NULL);
    CHECK(options->interface != NULL);
    CHECK(steer != NULL);
    int code = check_options(options);
    if (code != 0) return code;
    int number = find_interface(options->interface);
    if (number < 0) return number;
    struct attached attached;
    code = find_attached(options->interface, number, &attached);
    if (code != 0) return code;
    if (attached.id == 0)
        return err_set(-ENOENT, "%s: no XDP program; open the port with net_af_xdp first",
                       options->interface);

    struct steer *made = NULL;
    int sockets = -1, lease = -1;
    int port_fd = bpf_prog_get_fd_by_id(attached.id);
    if (port_fd < 0) return kernel_error(-errno, options->interface, "open its XDP program");
    code = lease = take_lease(options->interface, number);
    if (lease >= 0) code = sockets = find_sockets(port_fd, options->interface);
    if (sockets >= 0) {
        code = make_steer(options, sockets, &made);
        (void)close(sockets); /* the program holds the map */
    }
    if (code == 0) {
        int ours = bpf_program__fd(made->program->progs.wirepit_steer);
        code = replace_program(options->interface, number, ours, port_fd, attached.mode);
        if (code != 0) steer_free(made);
    }
    if (code != 0) {
        (void)close(port_fd);
        if (lease >= 0) (void)close(lease);
        return code;
    }
    (void)snprintf(made->interface, sizeof made->interface, "%s", options->interface);
    made->interface_number = number;
    made->mode = attached.mode;
    made->port_fd = port_fd;
    made->lease = lease;
    *steer = made;
    return 0;
}

int steer_detach(struct steer *steer) {
    if (steer == NULL) return 0;
    int code = 0;
    if (steer->interface_number != 0) {
        LIBBPF_OPTS(bpf_xdp_query_opts, query);
        struct bpf_prog_info info = { 0 };
        int ours = bpf_program__fd(steer->program->progs.wirepit_steer);
        int gone = bpf_xdp_query(steer->interface_number, (int)steer->mode, &query);
        uint32_t id = steer->mode == XDP_FLAGS_DRV_MODE ? query.drv_prog_id : query.skb_prog_id;
        code = describe_program(ours, &info, NULL);
        if (code != 0)
            code = kernel_error(code, steer->interface, "read its XDP program");
        else if (gone == 0 && id == info.id) /* an interface that is gone took ours with it */
            code = replace_program(steer->interface, steer->interface_number, steer->port_fd, ours,
                                   steer->mode);
    }
    steer_free(steer);
    return code;
}

/* libxdp's own programs, which the next net_af_xdp takes over. */
static bool is_port_program(const char *name) {
    return strncmp(name, "xsk_def_", 8) == 0 || strcmp(name, "xdp_dispatcher") == 0;
}

static int sweep_program(const char *interface, int number, uint32_t id, uint32_t mode) {
    if (id == 0) return 0;
    int program = bpf_prog_get_fd_by_id(id);
    if (program < 0 && errno == ENOENT) return 0; /* it has gone meanwhile */
    if (program < 0) return kernel_error(-errno, interface, "open the XDP program it carries");
    struct bpf_prog_info info;
    int lease = -1, code = describe_program(program, &info, NULL);
    if (code != 0) {
        code = kernel_error(code, interface, "read the XDP program it carries");
    } else if (strcmp(info.name, STEER_PROGRAM) == 0) {
        code = lease = take_lease(interface, number);
        if (lease >= 0) code = replace_program(interface, number, -1, program, mode);
        if (code == 0) code = 1;
    } else if (!is_port_program(info.name)) {
        code = err_set(-EBUSY,
                       "%s: carries the XDP program \"%s\", which is not ours; if nobody needs it: "
                       "ip link set dev %s xdp off",
                       interface, info.name, interface);
    }
    if (lease >= 0) (void)close(lease);
    (void)close(program);
    return code;
}

int steer_sweep(const char *interface) {
    CHECK(interface != NULL);
    int number = find_interface(interface);
    if (number < 0) return number;
    LIBBPF_OPTS(bpf_xdp_query_opts, query);
    int code = bpf_xdp_query(number, 0, &query);
    if (code != 0) return kernel_error(code, interface, "ask for its XDP program");
    int driver = sweep_program(interface, number, query.drv_prog_id, XDP_FLAGS_DRV_MODE);
    if (driver < 0) return driver;
    int generic = sweep_program(interface, number, query.skb_prog_id, XDP_FLAGS_SKB_MODE);
    return generic < 0 ? generic : driver | generic;
}

/* ---- Counters, and what tests need ---- */

int steer_count(const struct steer *steer, uint64_t counters[STEER_COUNTERS]) {
    CHECK(steer != NULL);
    int map = bpf_map__fd(steer->program->maps.counters);
    for (uint32_t which = 0; which < STEER_COUNTERS; which++) {
        if (bpf_map_lookup_elem(map, &which, steer->per_processor) != 0)
            return err_set(-errno, "steering: read the counters: %s", strerror(errno));
        counters[which] = 0;
        for (int i = 0; i < steer->processors; i++) counters[which] += steer->per_processor[i];
    }
    return 0;
}

const char *steer_counter_name(enum steer_counter counter) {
    static const char *const names[] = {
#define COUNTER(name, word, verdict, meaning) word,
#include "host/bpf/steer.def"
#undef COUNTER
    };
    CHECK(counter < STEER_COUNTERS);
    return names[counter];
}

const char *steer_counter_meaning(enum steer_counter counter) {
    static const char *const meanings[] = {
#define COUNTER(name, word, verdict, meaning) meaning,
#include "host/bpf/steer.def"
#undef COUNTER
    };
    CHECK(counter < STEER_COUNTERS);
    return meanings[counter];
}

int steer_run(struct steer *steer, const void *frame, size_t bytes) {
    CHECK(steer != NULL);
    CHECK(bytes <= UINT32_MAX);
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = (uint32_t)bytes);
    if (bpf_prog_test_run_opts(bpf_program__fd(steer->program->progs.wirepit_steer), &options) != 0)
        return err_set(-errno, "steering: run the program once: %s", strerror(errno));
    return (int)options.retval;
}

int steer_socket_set(struct steer *steer, int socket) {
    CHECK(steer != NULL);
    const uint32_t queue = 0;
    int map = bpf_map__fd(steer->program->maps.sockets);
    int code = socket >= 0 ? bpf_map_update_elem(map, &queue, &socket, BPF_ANY)
                           : bpf_map_delete_elem(map, &queue);
    return code == 0 ? 0 : err_set(-errno, "steering: queue 0: %s", strerror(errno));
}

void steer_clock_set(struct steer *steer, uint64_t now_ns) {
    CHECK(steer != NULL);
    steer->program->bss->clock_ns = now_ns;
}
