/* test_steering: XDP steering on an interface: one end of a veth in a network namespace of its own,
 * with a client in another at the other end. What DPDK's net_af_xdp does to an interface is done
 * here by hand: a program that gives a socket every frame. The namespaces have no name and end with
 * this process. Without root or a kernel that can, all is skipped. */
#define _GNU_SOURCE /* setns, unshare, pipe2 */
#include "host/base/clock.h"
#include "host/base/err.h"
#include "host/bpf/steer.h"
#include "tests/unit/frame.h"
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define INTERFACE       "wirepit-s"
#define HERE            FRAME_ADDRESS(10, 77, 0, 1)
#define NOT_THE_KERNELS FRAME_ADDRESS(10, 77, 0, 9)
#define CLIENT          FRAME_ADDRESS(10, 77, 0, 2)
#define FLOODER         FRAME_ADDRESS(10, 77, 0, 50)
enum { PORT = 7001, KERNEL_PORT = 2222, WAIT_MS = 10000, SLOTS = 64, SLOT_BYTES = 2048 };

static int here = -1, there = -1; /* the namespaces */
static int number;                /* of INTERFACE */
static int listener = -1;         /* the kernel's own service */
static char refusal[512];

/* ---- The client ---- */

static void go(int namespace) { assert_int_equal(setns(namespace, CLONE_NEWNET), 0); }

static int client_socket(int family, int type, int protocol) {
    go(there);
    int socket_of_client = socket(family, type | SOCK_CLOEXEC, protocol);
    go(here);
    assert_true(socket_of_client >= 0);
    return socket_of_client;
}

/* Begins to connect and returns the socket. */
static int client_connect(uint32_t address, uint16_t port) {
    int client = client_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in target = { .sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(address) };
    assert_int_equal(connect(client, (const struct sockaddr *)&target, sizeof target), -1);
    assert_int_equal(errno, EINPROGRESS);
    return client;
}

/* How a connection that was begun went: 0, an errno, or EINPROGRESS after wait_ms. */
static int client_outcome(int client, int wait_ms) {
    struct pollfd ready = { .fd = client, .events = POLLOUT };
    int error = 0;
    socklen_t bytes = sizeof error;
    if (poll(&ready, 1, wait_ms) != 1) return EINPROGRESS;
    assert_int_equal(getsockopt(client, SOL_SOCKET, SO_ERROR, &error, &bytes), 0);
    return error;
}

static void expect_the_kernel_answers(void) {
    go(there);
    int ping = system("ping -q -c 1 -W 5 10.77.0.1 >/dev/null");
    go(here);
    assert_int_equal(ping, 0);
    int client = client_connect(HERE, KERNEL_PORT);
    assert_int_equal(client_outcome(client, WAIT_MS), 0);
    int server = accept(listener, NULL, NULL);
    assert_true(server >= 0);
    char byte = 0;
    assert_int_equal(write(client, "w", 1), 1);
    assert_int_equal(read(server, &byte, 1), 1);
    assert_int_equal(byte, 'w');
    (void)close(server);
    (void)close(client);
}

/* ---- The port ---- */

struct ring {
    uint32_t *producer, *consumer;
    void *entries, *map;
    size_t map_bytes;
};

struct port {
    int sockets, program, socket;
    uint8_t *memory;
    struct ring filled, received;
};

static struct ring map_ring(int socket, int option, off_t page, const struct xdp_ring_offset *at,
                            size_t entry_bytes) {
    const int slots = SLOTS;
    assert_int_equal(setsockopt(socket, SOL_XDP, option, &slots, sizeof slots), 0);
    size_t bytes = at->desc + SLOTS * entry_bytes;
    uint8_t *map =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, socket, page);
    assert_ptr_not_equal(map, MAP_FAILED);
    return (struct ring){ .producer = (uint32_t *)(void *)(map + at->producer),
                          .consumer = (uint32_t *)(void *)(map + at->consumer),
                          .entries = map + at->desc,
                          .map = map,
                          .map_bytes = bytes };
}

static void give_slot(struct port *port, uint64_t slot) {
    uint32_t at = *port->filled.producer;
    ((uint64_t *)port->filled.entries)[at % SLOTS] = slot;
    __atomic_store_n(port->filled.producer, at + 1, __ATOMIC_RELEASE);
}

static void open_socket(struct port *port) {
    const int slots = SLOTS;
    port->memory =
        mmap(NULL, SLOTS * SLOT_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(port->memory, MAP_FAILED);
    port->socket = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
    assert_true(port->socket >= 0);
    struct xdp_umem_reg memory = { .addr = (uint64_t)(uintptr_t)port->memory,
                                   .len = SLOTS * SLOT_BYTES,
                                   .chunk_size = SLOT_BYTES };
    assert_int_equal(setsockopt(port->socket, SOL_XDP, XDP_UMEM_REG, &memory, sizeof memory), 0);
    struct xdp_mmap_offsets at;
    socklen_t bytes = sizeof at;
    assert_int_equal(getsockopt(port->socket, SOL_XDP, XDP_MMAP_OFFSETS, &at, &bytes), 0);
    port->filled = map_ring(port->socket, XDP_UMEM_FILL_RING, (off_t)XDP_UMEM_PGOFF_FILL_RING,
                            &at.fr, sizeof(uint64_t));
    port->received =
        map_ring(port->socket, XDP_RX_RING, XDP_PGOFF_RX_RING, &at.rx, sizeof(struct xdp_desc));
    assert_int_equal(
        setsockopt(port->socket, SOL_XDP, XDP_UMEM_COMPLETION_RING, &slots, sizeof slots), 0);
    for (uint64_t i = 0; i < SLOTS; i++) give_slot(port, i * SLOT_BYTES);
    struct sockaddr_xdp address = { .sxdp_family = AF_XDP,
                                    .sxdp_ifindex = (uint32_t)number,
                                    .sxdp_flags = XDP_COPY };
    /* The kernel takes its time to give a queue back. */
    uint64_t until_ns = clock_monotonic_ns() + WAIT_MS * UINT64_C(1000000);
    int code;
    while ((code = bind(port->socket, (const struct sockaddr *)&address, sizeof address)) != 0 &&
           errno == EBUSY && clock_monotonic_ns() < until_ns)
        (void)usleep(1000);
    assert_int_equal(code, 0);
}

/* A program of that name that gives each frame to the socket of its queue in map, or without a map
 * passes it. */
static int make_program(const char *name, int map) {
    // clang-format off
    const struct bpf_insn redirect[] = {
        { .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = 2, .src_reg = 1, .off = offsetof(struct xdp_md, rx_queue_index) },
        { .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_FD, .imm = map }, { .code = 0 },
        { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 3, .imm = XDP_PASS },
        { .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect_map },
        { .code = BPF_JMP | BPF_EXIT },
    };
    const struct bpf_insn pass[] = {
        { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = XDP_PASS },
        { .code = BPF_JMP | BPF_EXIT },
    };
    // clang-format on
    LIBBPF_OPTS(bpf_prog_load_opts, options);
    int program = map >= 0 ? bpf_prog_load(BPF_PROG_TYPE_XDP, name, "Apache-2.0", redirect,
                                           sizeof redirect / sizeof *redirect, &options)
                           : bpf_prog_load(BPF_PROG_TYPE_XDP, name, "Apache-2.0", pass,
                                           sizeof pass / sizeof *pass, &options);
    assert_true(program >= 0);
    return program;
}

/* Attaches a program where none is. Returns 0 or a negative errno. */
static int attach(int program, uint32_t mode) {
    libbpf_print_fn_t print = libbpf_set_print(NULL);
    int code = bpf_xdp_attach(number, program, mode | XDP_FLAGS_UPDATE_IF_NOEXIST, NULL);
    (void)libbpf_set_print(print);
    return code;
}

static int port_open(struct port *port, uint32_t mode) {
    LIBBPF_OPTS(bpf_map_create_opts, options);
    const uint32_t queue = 0;
    port->sockets = bpf_map_create(BPF_MAP_TYPE_XSKMAP, "xsks_map", 4, 4, 1, &options);
    assert_true(port->sockets >= 0);
    port->program = make_program("xsk_def_prog", port->sockets);
    int code = attach(port->program, mode);
    if (code == 0) {
        open_socket(port);
        assert_int_equal(bpf_map_update_elem(port->sockets, &queue, &port->socket, BPF_ANY), 0);
        return 0;
    }
    (void)close(port->program);
    (void)close(port->sockets);
    return code;
}

static void port_close(struct port *port, uint32_t mode) {
    assert_int_equal(bpf_xdp_detach(number, mode, NULL), 0);
    (void)close(port->socket);
    (void)close(port->program);
    (void)close(port->sockets);
    (void)munmap(port->filled.map, port->filled.map_bytes); /* each keeps the socket */
    (void)munmap(port->received.map, port->received.map_bytes);
    (void)munmap(port->memory, SLOTS * SLOT_BYTES);
}

/* Waits for a frame; false after WAIT_MS. */
static bool port_receive(struct port *port, struct frame *frame) {
    struct pollfd ready = { .fd = port->socket, .events = POLLIN };
    uint32_t at = *port->received.consumer;
    while (__atomic_load_n(port->received.producer, __ATOMIC_ACQUIRE) == at)
        if (poll(&ready, 1, WAIT_MS) != 1) return false;
    struct xdp_desc slot = ((struct xdp_desc *)port->received.entries)[at % SLOTS];
    frame->length = slot.len < FRAME_BYTES_MAX ? slot.len : FRAME_BYTES_MAX;
    memcpy(frame->bytes, port->memory + slot.addr, frame->length);
    __atomic_store_n(port->received.consumer, at + 1, __ATOMIC_RELEASE);
    give_slot(port, slot.addr / SLOT_BYTES * SLOT_BYTES);
    return true;
}

/* ---- What an interface carries ---- */

static void expect_program(const char *name) {
    LIBBPF_OPTS(bpf_xdp_query_opts, query);
    struct bpf_prog_info info = { 0 };
    uint32_t bytes = sizeof info;
    assert_int_equal(bpf_xdp_query(number, 0, &query), 0);
    uint32_t id = query.drv_prog_id != 0 ? query.drv_prog_id : query.skb_prog_id;
    if (id != 0) {
        int program = bpf_prog_get_fd_by_id(id);
        assert_true(program >= 0);
        assert_int_equal(bpf_obj_get_info_by_fd(program, &info, &bytes), 0);
        (void)close(program);
    }
    assert_string_equal(info.name, name);
}

static int steer_at(uint32_t address, bool owned, struct steer_limits limits,
                    struct steer **steer) {
    static const struct steer_prefix everybody = { .bits = 0 };
    const struct steer_endpoint endpoint = { .address.s_addr = htonl(address), .port = PORT };
    const struct steer_options options = { .interface = INTERFACE,
                                           .endpoints = &endpoint,
                                           .endpoint_count = 1,
                                           .allowed = &everybody,
                                           .allowed_count = 1,
                                           .limits = limits,
                                           .arp = owned,
                                           .icmp = owned };
    return steer_attach(&options, steer);
}

static uint64_t counted(struct steer *steer, enum steer_counter which) {
    uint64_t counters[STEER_COUNTERS];
    assert_int_equal(steer_count(steer, counters), 0);
    return counters[which];
}

/* ---- ---- */

static void steered_goes_to_the_socket_and_the_rest_to_the_kernel(void **state) {
    (void)state;
    if (refusal[0] != '\0') skip();
    static const uint32_t modes[] = { XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE };
    for (int i = 0; i < 2; i++) {
        struct port port;
        struct steer *steer = NULL;
        struct frame frame;
        assert_int_equal(port_open(&port, modes[i]), 0);
        expect_program("xsk_def_prog");
        assert_int_equal(steer_at(HERE, false, STEER_LIMITS_DEFAULT, &steer), 0);
        expect_program("wirepit_steer");
        while (*port.received.consumer != *port.received.producer)
            (void)port_receive(&port, &frame);

        expect_the_kernel_answers();
        assert_true(counted(steer, STEER_PASSED) >= 4);
        assert_int_equal(counted(steer, STEER_STEERED_TCP), 0);
        int client = client_connect(HERE, PORT);
        assert_true(port_receive(&port, &frame)); /* nothing else is steered */
        assert_int_equal(bytes_get_be32(frame.bytes + FRAME_IP_SOURCE), CLIENT);
        assert_int_equal(bytes_get_be16(frame.bytes + FRAME_TCP_PORT), PORT);
        assert_int_equal(frame.bytes[FRAME_TCP_FLAGS], FRAME_SYN);
        assert_int_equal(client_outcome(client, 100), EINPROGRESS); /* the kernel is silent */
        assert_true(counted(steer, STEER_STEERED_TCP) >= 1);
        (void)close(client);

        assert_int_equal(steer_detach(steer), 0);
        expect_program("xsk_def_prog");
        port_close(&port, modes[i]);
        expect_program("");
        client = client_connect(HERE, PORT);
        assert_int_equal(client_outcome(client, WAIT_MS), ECONNREFUSED);
        (void)close(client);
    }
}

static void arp_for_an_address_of_our_own_goes_to_the_socket(void **state) {
    (void)state;
    if (refusal[0] != '\0') skip();
    struct port port;
    struct steer *steer = NULL;
    struct frame frame;
    assert_int_equal(port_open(&port, XDP_FLAGS_DRV_MODE), 0);
    assert_int_equal(steer_at(NOT_THE_KERNELS, true, STEER_LIMITS_DEFAULT, &steer), 0);
    while (*port.received.consumer != *port.received.producer) (void)port_receive(&port, &frame);
    int client = client_connect(NOT_THE_KERNELS, PORT);
    assert_true(port_receive(&port, &frame));
    assert_int_equal(bytes_get_be16(frame.bytes + FRAME_TYPE), 0x0806);
    assert_int_equal(bytes_get_be32(frame.bytes + FRAME_ARP_TARGET), NOT_THE_KERNELS);
    expect_the_kernel_answers(); /* for its own address, ARP included */
    (void)close(client);
    assert_int_equal(steer_detach(steer), 0);
    port_close(&port, XDP_FLAGS_DRV_MODE);
}

static void a_flood_of_syns_costs_its_source_only(void **state) {
    (void)state;
    if (refusal[0] != '\0') skip();
    enum { SYNS = 3000, RATE = 100, BURST = 10 };
    struct port port;
    struct steer *steer = NULL;
    assert_int_equal(port_open(&port, XDP_FLAGS_DRV_MODE), 0);
    struct steer_limits limits = { .source_syns = { RATE, BURST } };
    assert_int_equal(steer_at(HERE, false, limits, &steer), 0);
    go(there);
    int wire = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    struct sockaddr_ll to = { .sll_family = AF_PACKET,
                              .sll_ifindex = (int)if_nametoindex("wirepit-c") };
    go(here);
    assert_true(wire >= 0);
    struct frame syn = frame_tcp(FLOODER, HERE, PORT, FRAME_SYN), frame;
    uint64_t from = clock_monotonic_ns();
    for (int i = 0; i < SYNS; i++)
        assert_int_equal(
            sendto(wire, syn.bytes, syn.length, 0, (const struct sockaddr *)&to, sizeof to),
            syn.length);
    int client = client_connect(HERE, PORT);
    do assert_true(port_receive(&port, &frame));
    while (bytes_get_be32(frame.bytes + FRAME_IP_SOURCE) != CLIENT);
    uint64_t elapsed_ns = clock_monotonic_ns() - from;
    uint64_t dropped = counted(steer, STEER_DROPPED_SYN_SOURCE);
    uint64_t steered = counted(steer, STEER_STEERED_TCP);
    assert_true(steered >= 1 + BURST);
    assert_true(steered <= BURST + elapsed_ns * RATE / UINT64_C(1000000000) + 2 + 3);
    assert_true(dropped > 0);
    assert_true(steered + dropped <= SYNS + 4); /* the client's own, sent again at most thrice */
    print_message("%d SYNs in %llu us: %llu to the socket, %llu dropped\n", SYNS,
                  (unsigned long long)elapsed_ns / 1000, (unsigned long long)steered,
                  (unsigned long long)dropped);
    (void)close(client);
    (void)close(wire);
    assert_int_equal(steer_detach(steer), 0);
    port_close(&port, XDP_FLAGS_DRV_MODE);
}

/* An owner of its own process, which attaches and then does nothing more. */
static pid_t start_owner(void) {
    int pipes[2];
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    pid_t owner = fork();
    assert_true(owner >= 0);
    if (owner == 0) {
        struct port port;
        struct steer *steer = NULL;
        char ready = port_open(&port, XDP_FLAGS_DRV_MODE) == 0 &&
                     steer_at(HERE, false, STEER_LIMITS_DEFAULT, &steer) == 0;
        (void)!write(pipes[1], &ready, 1);
        for (;;) (void)pause();
    }
    char ready = 0;
    (void)close(pipes[1]);
    assert_int_equal(read(pipes[0], &ready, 1), 1);
    (void)close(pipes[0]);
    assert_int_equal(ready, 1);
    return owner;
}

static void end_owner(pid_t owner) {
    assert_int_equal(kill(owner, SIGKILL), 0);
    assert_int_equal(waitpid(owner, NULL, 0), owner);
}

static void what_a_killed_owner_left_is_swept(void **state) {
    (void)state;
    if (refusal[0] != '\0') skip();
    for (int round = 0; round < 3; round++) {
        struct port port;
        struct steer *steer = NULL;
        pid_t owner = start_owner();
        assert_int_equal(steer_sweep(INTERFACE), -EBUSY); /* it lives */
        assert_int_equal(steer_at(HERE, false, STEER_LIMITS_DEFAULT, &steer), -EBUSY);
        expect_program("wirepit_steer");

        end_owner(owner);
        expect_program("wirepit_steer");
        expect_the_kernel_answers();
        int client = client_connect(HERE, PORT); /* its clients learn of it at once */
        assert_int_equal(client_outcome(client, WAIT_MS), ECONNREFUSED);
        (void)close(client);
        assert_int_equal(port_open(&port, XDP_FLAGS_DRV_MODE), -EBUSY); /* why sweeping must be */

        assert_int_equal(steer_sweep(INTERFACE), 1);
        expect_program("");
        assert_int_equal(steer_sweep(INTERFACE), 0);
    }
}

static void what_is_not_ours_is_not_swept(void **state) {
    (void)state;
    if (refusal[0] != '\0') skip();
    struct port port;
    assert_int_equal(port_open(&port, XDP_FLAGS_DRV_MODE), 0);
    assert_int_equal(steer_sweep(INTERFACE), 0); /* the next port takes it over */
    expect_program("xsk_def_prog");
    port_close(&port, XDP_FLAGS_DRV_MODE);

    int program = make_program("somebodys", -1);
    assert_int_equal(attach(program, XDP_FLAGS_SKB_MODE), 0);
    assert_int_equal(steer_sweep(INTERFACE), -EBUSY);
    assert_non_null(strstr(err_text(), "somebodys"));
    expect_program("somebodys");
    struct steer *steer = NULL;
    assert_int_equal(steer_at(HERE, false, STEER_LIMITS_DEFAULT, &steer), -ENOENT);
    expect_program("somebodys");
    assert_int_equal(bpf_xdp_detach(number, XDP_FLAGS_SKB_MODE, NULL), 0);
    (void)close(program);
}

static void without_a_port_there_is_nothing_to_replace(void **state) {
    (void)state;
    if (refusal[0] != '\0') skip();
    struct steer *steer = NULL;
    assert_int_equal(steer_at(HERE, false, STEER_LIMITS_DEFAULT, &steer), -ENOENT);
    assert_non_null(strstr(err_text(), "net_af_xdp"));
    assert_null(steer);
    expect_program("");
}

static void a_port_that_closed_first_leaves_nothing_to_put_back(void **state) {
    (void)state;
    if (refusal[0] != '\0') skip();
    struct port port;
    struct steer *steer = NULL;
    assert_int_equal(port_open(&port, XDP_FLAGS_DRV_MODE), 0);
    assert_int_equal(steer_at(HERE, false, STEER_LIMITS_DEFAULT, &steer), 0);
    port_close(&port, XDP_FLAGS_DRV_MODE);
    expect_program("");
    assert_int_equal(steer_detach(steer), 0);
    expect_program("");
}

/* ---- ---- */

static int refuse(const char *what, int error) {
    (void)snprintf(refusal, sizeof refusal, "%s: %s", what, strerror(error));
    print_message("skipped: %s\n", refusal);
    return 0;
}

static int setup(void **state) {
    (void)state;
    if (unshare(CLONE_NEWNET) != 0) return refuse("a network namespace", errno);
    there = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (unshare(CLONE_NEWNET) != 0) return refuse("a network namespace", errno);
    here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    char command[512];
    (void)snprintf(command, sizeof command,
                   "ip link set lo up && ip link add " INTERFACE
                   " type veth peer name wirepit-c netns /proc/%d/fd/%d && "
                   "ip address add 10.77.0.1/24 dev " INTERFACE " && ip link set " INTERFACE " up",
                   (int)getpid(), there);
    if (system(command) != 0) return refuse("a veth", EPERM);
    if (setns(there, CLONE_NEWNET) != 0) return -1;
    int code = system("ip address add 10.77.0.2/24 dev wirepit-c && ip link set wirepit-c up");
    if (setns(here, CLONE_NEWNET) != 0 || code != 0) return -1;
    number = (int)if_nametoindex(INTERFACE);

    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(KERNEL_PORT) };
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 4) != 0)
        return -1;

    const struct steer_endpoint endpoint = { .address.s_addr = htonl(HERE), .port = PORT };
    const struct steer_options options = { .endpoints = &endpoint, .endpoint_count = 1 };
    struct steer *probe = NULL;
    code = steer_load(&options, &probe);
    (void)steer_detach(probe);
    bool able = libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_XDP, NULL) == 1 &&
                libbpf_probe_bpf_map_type(BPF_MAP_TYPE_XSKMAP, NULL) == 1;
    if (code == -EPERM || (code == -ENOTSUP && !able)) return refuse(err_text(), -code);
    return code;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_port_there_is_nothing_to_replace),
        cmocka_unit_test(steered_goes_to_the_socket_and_the_rest_to_the_kernel),
        cmocka_unit_test(arp_for_an_address_of_our_own_goes_to_the_socket),
        cmocka_unit_test(a_flood_of_syns_costs_its_source_only),
        cmocka_unit_test(what_a_killed_owner_left_is_swept),
        cmocka_unit_test(what_is_not_ours_is_not_swept),
        cmocka_unit_test(a_port_that_closed_first_leaves_nothing_to_put_back),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
