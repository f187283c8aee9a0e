#include "host/gateway/lwip/lwip.h"
#include "host/base/check.h"
#include "host/base/err.h"
#include "host/base/log.h"
#include "host/gateway/lwip/platform.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <lwip/etharp.h>
#include <lwip/init.h>
#include <lwip/netif.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/stats.h>
#include <lwip/tcp.h>
#include <netif/ethernet.h>

enum {
    LOBBY = 64,    /* connections beyond the numbers: waiting for one, or closing */
    BURSTS = 8,    /* of frames in a turn, before the timers */
    BACKLOG = 255, /* half-open connections */
    RING_BYTES = 1 << 16,
    SMALL_BYTES = 128,      /* fit a small buffer with all headers */
    WRITE_BYTES = 32 << 10, /* given to lwIP at once, which counts in 16 bits */
    MS_NS = 1000000,
    REAP_NS = 50 * MS_NS,
    INITIAL_RTO_MS = 100, /* before a round trip was measured; lwIP's 3 s stall young connections */
    CLOSE_NAP_NS = MS_NS,
};
#define ARP_NS  UINT64_C(1000000000)
#define NO_SLOT UINT32_MAX

static_assert(LWIP_CONNECTIONS_MAX + LOBBY <= OPTIONS_CONNECTIONS, "the pools cover all slots");
static_assert(LWIP_NEIGHBOURS_MAX < ARP_TABLE_SIZE, "neighbours leave room for others");
static_assert(TCP_WND < RING_BYTES, "what the window lets in finds room");
static_assert(PBUF_POOL_BUFSIZE >= NIC_FRAME_BYTES_MAX, "a frame is one buffer");
static_assert(OPTIONS_LARGE > TCP_SND_BUF / TCP_MSS + 2, "large buffers hold all that may wait");
static_assert(OPTIONS_LARGE < OPTIONS_QUEUE, "small ones come on top");

enum slot_state {
    SLOT_FREE,
    SLOT_LOBBY,  /* accepted, without a number yet */
    SLOT_OPEN,   /* has a number */
    SLOT_LINGER, /* dropped, and closing */
};

/* A connection that TCP has accepted. What came and was not read yet is in a ring of the size of
   TCP's window, so that no buffer of lwIP's waits for a reader. */
struct slot {
    enum slot_state state;
    bool ended, failed;  /* the client has closed; the connection is broken */
    struct tcp_pcb *pcb; /* NULL once lwIP has freed it */
    uint64_t turn;       /* arrival, or since LINGER its end: the lowest is the oldest */
    uint32_t from, count;
    uint8_t *ring;
};

struct lwip {
    struct transport transport; /* first: callers hold this */
    struct nic *nic;
    struct netif netif;
    struct tcp_pcb *listener;
    uint64_t (*clock_ns)(void);
    struct slot *slots;
    uint32_t slot_count, lobby_count, first;
    uint32_t *numbers; /* of each connection: its slot, NO_SLOT for none */
    uint8_t *watched;  /* of each connection: enum transport_kind, added up */
    uint8_t *rings;
    uint64_t fast_ns, slow_ns, arp_ns, reap_ns; /* when each is due */
    uint64_t arrivals;
    bool linked;
    uint64_t checksum_told;
    struct lwip_counts counts;
};

/* lwIP's state is the process's: it is set up once and serves one transport at a time. */
static bool started, in_use;

/* ---- Frames ---- */

static err_t send_frame(struct netif *netif, struct pbuf *frame) {
    struct lwip *lwip = netif->state;
    uint8_t *room = nic_reserve(lwip->nic, frame->tot_len);
    if (room == NULL) return ERR_MEM; /* TCP sends it again */
    (void)pbuf_copy_partial(frame, room, frame->tot_len, 0);
    return ERR_OK;
}

static err_t start_netif(struct netif *netif) {
    const struct lwip *lwip = netif->state;
    memcpy(netif->hwaddr, lwip->nic->mac, NIC_MAC_BYTES);
    netif->hwaddr_len = NIC_MAC_BYTES;
    netif->mtu = NIC_FRAME_BYTES_MAX - SIZEOF_ETH_HDR;
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET;
    netif->name[0] = 'w';
    netif->name[1] = 'p';
    netif->output = etharp_output;
    netif->linkoutput = send_frame;
    return ERR_OK;
}

/* Frames for others come as well where the port does not filter. */
static void take_one(struct lwip *lwip, const struct nic_frame *frame) {
    static const uint8_t everybody[NIC_MAC_BYTES] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    if (frame->count < SIZEOF_ETH_HDR || frame->count > NIC_FRAME_BYTES_MAX) return;
    if (memcmp(frame->bytes, lwip->nic->mac, NIC_MAC_BYTES) != 0 &&
        memcmp(frame->bytes, everybody, NIC_MAC_BYTES) != 0)
        return;
    struct pbuf *copy = pbuf_alloc(PBUF_RAW, (u16_t)frame->count, PBUF_POOL);
    if (copy == NULL) return;
    (void)pbuf_take(copy, frame->bytes, (u16_t)frame->count);
    if (lwip->netif.input(copy, &lwip->netif) != ERR_OK) (void)pbuf_free(copy);
}

/* ---- Connections ---- */

static bool is_slot(const struct lwip *lwip, const void *argument) {
    const struct slot *slot = argument;
    return slot >= lwip->slots && slot < lwip->slots + lwip->slot_count;
}

/* lwIP frees a connection that closes by itself without a word. */
static bool slot_alive(const struct slot *slot) {
    for (const struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next)
        if (pcb == slot->pcb) return pcb->callback_arg == slot;
    return false;
}

static void slot_cut(struct lwip *lwip, struct slot *slot) {
    if (slot_alive(slot)) {
        lwip->counts.cut++;
        tcp_abort(slot->pcb); /* slot_failed sets it free */
    }
    slot->state = SLOT_FREE;
}

static void slot_failed(void *argument, err_t error) {
    struct slot *slot = argument;
    (void)error;
    slot->pcb = NULL;
    slot->failed = true;
    if (slot->state == SLOT_LINGER) slot->state = SLOT_FREE;
}

static err_t slot_received(void *argument, struct tcp_pcb *pcb, struct pbuf *data, err_t error) {
    struct slot *slot = argument;
    (void)error;
    if (data == NULL) {
        slot->ended = true;
        return ERR_OK;
    }
    if (slot->state == SLOT_LINGER) { /* nobody reads any more */
        tcp_recved(pcb, data->tot_len);
    } else {
        if (data->tot_len > RING_BYTES - slot->count) return ERR_MEM; /* offered again */
        uint32_t to = (slot->from + slot->count) % RING_BYTES;
        uint32_t before = RING_BYTES - to < data->tot_len ? RING_BYTES - to : data->tot_len;
        (void)pbuf_copy_partial(data, slot->ring + to, (u16_t)before, 0);
        if (before < data->tot_len)
            (void)pbuf_copy_partial(data, slot->ring, (u16_t)(data->tot_len - before),
                                    (u16_t)before);
        slot->count += data->tot_len;
    }
    (void)pbuf_free(data);
    return ERR_OK;
}

/* A free slot; or that of the connection that has been closing the longest. NULL while all are
   served or wait to be. */
static struct slot *slot_take(struct lwip *lwip) {
    struct slot *oldest = NULL;
    for (uint32_t i = 0; i < lwip->slot_count; i++) {
        struct slot *slot = &lwip->slots[i];
        if (slot->state == SLOT_FREE) return slot;
        if (slot->state == SLOT_LINGER && (oldest == NULL || slot->turn < oldest->turn))
            oldest = slot;
    }
    if (oldest != NULL) slot_cut(lwip, oldest);
    return oldest;
}

static err_t accepted(void *argument, struct tcp_pcb *pcb, err_t error) {
    struct lwip *lwip = argument;
    if (error != ERR_OK || pcb == NULL) return ERR_VAL;
    struct slot *slot = slot_take(lwip);
    if (slot == NULL) {
        lwip->counts.refused++;
        tcp_abort(pcb);
        return ERR_ABRT;
    }
    uint8_t *ring = slot->ring;
    *slot =
        (struct slot){ .state = SLOT_LOBBY, .pcb = pcb, .turn = ++lwip->arrivals, .ring = ring };
    lwip->lobby_count++;
    lwip->counts.accepted++;
    pcb->sa = 0;
    pcb->sv = pcb->rto = (s16_t)LWIP_MAX(3, INITIAL_RTO_MS / TCP_SLOW_INTERVAL);
    tcp_setprio(pcb, TCP_PRIO_MAX - 1); /* who knocks never evicts who is in */
    tcp_nagle_disable(pcb);
    tcp_arg(pcb, slot);
    tcp_recv(pcb, slot_received);
    tcp_err(pcb, slot_failed);
    return ERR_OK;
}

/* ---- Time ---- */

/* What is half-open for too long has spoofed its address or lost the way; what was dropped has had
   its time. */
static void reap(struct lwip *lwip, uint64_t now_ns) {
    for (struct tcp_pcb *pcb = tcp_active_pcbs, *next; pcb != NULL; pcb = next) {
        next = pcb->next;
        if (pcb->state != SYN_RCVD || is_slot(lwip, pcb->callback_arg)) continue;
        if ((u32_t)(tcp_ticks - pcb->tmr) * TCP_SLOW_INTERVAL < LWIP_HALF_OPEN_MS) continue;
        lwip->counts.reaped++;
        tcp_abandon(pcb, 0);
    }
    for (uint32_t i = 0; i < lwip->slot_count; i++) {
        struct slot *slot = &lwip->slots[i];
        if (slot->state != SLOT_LINGER) continue;
        if (!slot_alive(slot) || now_ns - slot->turn >= (uint64_t)LWIP_LINGER_MS * MS_NS)
            slot_cut(lwip, slot);
    }
}

/* Once a second: what an operator should know. */
static void look_around(struct lwip *lwip) {
    bool linked = nic_linked(lwip->nic);
    if (linked != lwip->linked)
        log_line("port %s: link is %s", lwip->nic->name, linked ? "up" : "down");
    lwip->linked = linked;
    uint64_t wrong = lwip_counts(&lwip->transport).checksum_wrong;
    if (wrong > 0 && lwip->checksum_told == 0)
        log_line("port %s: frames come with wrong checksums; if the sender is on this machine, its "
                 "end of the link must compute them: ethtool -K INTERFACE tx off",
                 lwip->nic->name);
    lwip->checksum_told = wrong;
}

/* A tick that is late is not made up for: the acknowledgements it waits for may be just behind. */
static void tick(struct lwip *lwip, uint64_t now_ns) {
    if (now_ns >= lwip->fast_ns) {
        tcp_fasttmr();
        lwip->fast_ns = now_ns + (uint64_t)TCP_FAST_INTERVAL * MS_NS;
    }
    if (now_ns >= lwip->slow_ns) {
        tcp_slowtmr();
        lwip->slow_ns = now_ns + (uint64_t)TCP_SLOW_INTERVAL * MS_NS;
    }
    if (now_ns >= lwip->reap_ns) {
        reap(lwip, now_ns);
        lwip->reap_ns = now_ns + REAP_NS;
    }
    if (now_ns >= lwip->arp_ns) {
        etharp_tmr();
        look_around(lwip);
        lwip->arp_ns = now_ns + ARP_NS;
    }
}

/* Sends what was written, takes what has come, lets time pass, and sends what that gave. */
static void turn(struct lwip *lwip) {
    struct nic_frame frames[NIC_BURST];
    nic_flush(lwip->nic);
    for (int i = 0; i < BURSTS; i++) {
        uint32_t count = nic_receive(lwip->nic, frames, NIC_BURST);
        for (uint32_t j = 0; j < count; j++) take_one(lwip, &frames[j]);
        if (count < NIC_BURST) break;
    }
    tick(lwip, lwip->clock_ns());
    nic_flush(lwip->nic);
}

/* When the next tick has something to do: while nothing is under way, none has. */
static uint64_t wake_ns(const struct lwip *lwip, uint64_t deadline_ns) {
    uint64_t wake = deadline_ns < lwip->arp_ns ? deadline_ns : lwip->arp_ns;
    if ((tcp_active_pcbs != NULL || tcp_tw_pcbs != NULL) && lwip->slow_ns < wake)
        wake = lwip->slow_ns;
    for (const struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL && lwip->fast_ns < wake;
         pcb = pcb->next)
        if ((pcb->flags & (TF_ACK_DELAY | TF_CLOSEPEND)) != 0 || pcb->refused_data != NULL)
            wake = lwip->fast_ns;
    return wake;
}

/* ---- The transport's operations ---- */

static int lwip_admit(struct transport *transport) {
    struct lwip *lwip = (struct lwip *)transport;
    struct tcp_pcb *pcb = tcp_new();
    err_t error = pcb == NULL ? ERR_MEM : tcp_bind(pcb, &lwip->netif.ip_addr, transport->port);
    CHECK(error == ERR_OK); /* nothing else is bound */
    lwip->listener = tcp_listen_with_backlog(pcb, BACKLOG);
    CHECK(lwip->listener != NULL);
    tcp_arg(lwip->listener, lwip);
    tcp_accept(lwip->listener, accepted);
    return 0;
}

/* Gives numbers to those in the lobby, the first that came first. */
static int open_some(struct lwip *lwip, struct transport_event *events, int events_max) {
    int count = 0;
    for (uint32_t number = 0; lwip->lobby_count > 0 && count < events_max; number++) {
        while (number < lwip->transport.connections_max && lwip->numbers[number] != NO_SLOT)
            number++;
        if (number >= lwip->transport.connections_max) break;
        uint32_t first = NO_SLOT;
        for (uint32_t i = 0; i < lwip->slot_count; i++)
            if (lwip->slots[i].state == SLOT_LOBBY &&
                (first == NO_SLOT || lwip->slots[i].turn < lwip->slots[first].turn))
                first = i;
        CHECK(first != NO_SLOT);
        lwip->lobby_count--;
        lwip->slots[first].state = SLOT_OPEN;
        lwip->numbers[number] = first;
        lwip->watched[number] = TRANSPORT_READABLE;
        events[count++] =
            (struct transport_event){ .connection = number, .kinds = TRANSPORT_OPENED };
    }
    return count;
}

static bool writable(const struct slot *slot) {
    return slot->failed ||
           (tcp_sndbuf(slot->pcb) >= 2 * TCP_MSS && slot->pcb->snd_queuelen <= OPTIONS_LARGE / 2);
}

static int collect(struct lwip *lwip, struct transport_event *events, int events_max) {
    int count = open_some(lwip, events, events_max);
    uint32_t connections = lwip->transport.connections_max;
    lwip->first++; /* nobody is always first */
    for (uint32_t i = 0; i < connections && count < events_max; i++) {
        uint32_t number = (lwip->first + i) % connections, kinds = 0;
        if (lwip->numbers[number] == NO_SLOT) continue;
        const struct slot *slot = &lwip->slots[lwip->numbers[number]];
        if (slot->count > 0 || slot->ended || slot->failed) kinds |= TRANSPORT_READABLE;
        if ((lwip->watched[number] & TRANSPORT_WRITABLE) != 0 && writable(slot))
            kinds |= TRANSPORT_WRITABLE;
        kinds &= lwip->watched[number];
        if (kinds != 0)
            events[count++] = (struct transport_event){ .connection = number, .kinds = kinds };
    }
    return count;
}

static int lwip_wait(struct transport *transport, struct transport_event *events, int events_max,
                     uint64_t timeout_ns) {
    struct lwip *lwip = (struct lwip *)transport;
    uint64_t deadline_ns = lwip->clock_ns() + timeout_ns;
    for (;;) {
        turn(lwip);
        int count = collect(lwip, events, events_max);
        uint64_t now_ns = lwip->clock_ns();
        if (count > 0 || now_ns >= deadline_ns) return count;
        uint64_t wake = wake_ns(lwip, deadline_ns);
        if (wake > now_ns && nic_wait(lwip->nic, wake - now_ns) == -EINTR) return 0;
    }
}

static struct slot *slot_of(struct lwip *lwip, uint32_t connection) {
    CHECK(lwip->numbers[connection] != NO_SLOT);
    return &lwip->slots[lwip->numbers[connection]];
}

static ssize_t lwip_read(struct transport *transport, uint32_t connection, void *bytes,
                         size_t room) {
    struct slot *slot = slot_of((struct lwip *)transport, connection);
    if (slot->count == 0 && slot->failed) return -ECONNRESET;
    if (slot->count == 0) return slot->ended ? -ENODATA : 0;
    uint32_t count = slot->count < room ? slot->count : (uint32_t)room;
    uint32_t before = RING_BYTES - slot->from < count ? RING_BYTES - slot->from : count;
    memcpy(bytes, slot->ring + slot->from, before);
    memcpy((uint8_t *)bytes + before, slot->ring, count - before);
    slot->from = (slot->from + count) % RING_BYTES;
    slot->count -= count;
    static_assert(TCP_WND <= UINT16_MAX, "what was read fits tcp_recved");
    if (slot->pcb != NULL) tcp_recved(slot->pcb, (u16_t)count);
    return (ssize_t)count;
}

/* How much of count bytes the connection may have in buffers now. The client chooses how much goes
   into each, so large ones are counted, not bytes: one that asks for tiny segments gets less. */
static size_t write_room(const struct tcp_pcb *pcb, size_t count) {
    size_t room = count < WRITE_BYTES ? count : WRITE_BYTES;
    size_t segment = LWIP_MIN(pcb->mss, pcb->snd_wnd_max / 2);
    if (segment == 0) segment = pcb->mss;
    if (room > tcp_sndbuf(pcb)) room = tcp_sndbuf(pcb);
    if (room <= SMALL_BYTES) return room;
    if (pcb->snd_queuelen + 1 >= OPTIONS_LARGE) return 0;
    size_t most = (OPTIONS_LARGE - 1u - pcb->snd_queuelen) * segment;
    return room < most ? room : most;
}

static ssize_t lwip_write(struct transport *transport, uint32_t connection, const void *bytes,
                          size_t count) {
    struct slot *slot = slot_of((struct lwip *)transport, connection);
    if (slot->failed) return -ECONNRESET;
    size_t sent = 0;
    while (sent < count) {
        size_t part = write_room(slot->pcb, count - sent);
        if (part == 0) break;
        err_t error =
            tcp_write(slot->pcb, (const uint8_t *)bytes + sent, (u16_t)part, TCP_WRITE_FLAG_COPY);
        if (error == ERR_MEM) break; /* as many buffers as it may have are under way */
        if (error != ERR_OK) return -ECONNRESET;
        sent += part;
    }
    if (sent > 0) (void)tcp_output(slot->pcb);
    return (ssize_t)sent;
}

static void lwip_watch(struct transport *transport, uint32_t connection, bool read, bool write) {
    struct lwip *lwip = (struct lwip *)transport;
    lwip->watched[connection] =
        (uint8_t)((read ? TRANSPORT_READABLE : 0) | (write ? TRANSPORT_WRITABLE : 0));
}

static void lwip_drop(struct transport *transport, uint32_t connection) {
    struct lwip *lwip = (struct lwip *)transport;
    struct slot *slot = slot_of(lwip, connection);
    lwip->numbers[connection] = NO_SLOT;
    if (slot->pcb == NULL) {
        slot->state = SLOT_FREE;
        return;
    }
    /* What was not read counts as read, or lwIP would break off and lose what was just sent. */
    slot->state = SLOT_LINGER;
    slot->turn = lwip->clock_ns();
    if (slot->count > 0) tcp_recved(slot->pcb, (u16_t)slot->count);
    slot->count = 0;
    if (tcp_close(slot->pcb) != ERR_OK) slot_cut(lwip, slot);
}

/* Somebody was dropped and has not taken everything yet. */
static bool lingering(const struct lwip *lwip) {
    for (uint32_t i = 0; i < lwip->slot_count; i++) {
        const struct slot *slot = &lwip->slots[i];
        if (slot->state == SLOT_LINGER && slot_alive(slot) &&
            (slot->pcb->unacked != NULL || slot->pcb->unsent != NULL))
            return true;
    }
    return false;
}

static void lwip_release(struct lwip *lwip) {
    free(lwip->slots);
    free(lwip->numbers);
    free(lwip->watched);
    free(lwip->rings);
    free(lwip);
}

/* Nobody sends again what is lost after this. */
static void lwip_close_all(struct transport *transport) {
    struct lwip *lwip = (struct lwip *)transport;
    if (lwip->listener != NULL) (void)tcp_close(lwip->listener);
    for (uint32_t i = 0; i < transport->connections_max; i++)
        if (lwip->numbers[i] != NO_SLOT) lwip_drop(transport, i);
    uint64_t from_ns = lwip->clock_ns();
    turn(lwip);
    while (lingering(lwip) && lwip->clock_ns() - from_ns < (uint64_t)LWIP_LINGER_MS * MS_NS) {
        (void)nic_wait(lwip->nic, CLOSE_NAP_NS);
        turn(lwip);
    }
    while (tcp_active_pcbs != NULL) tcp_abort(tcp_active_pcbs);
    while (tcp_tw_pcbs != NULL) tcp_abort(tcp_tw_pcbs);
    nic_flush(lwip->nic);
    netif_remove(&lwip->netif);
    nic_close(lwip->nic);
    lwip_release(lwip);
    in_use = false;
}

static const struct transport_operations lwip_operations = { .admit = lwip_admit,
                                                             .wait = lwip_wait,
                                                             .read = lwip_read,
                                                             .write = lwip_write,
                                                             .watch = lwip_watch,
                                                             .drop = lwip_drop,
                                                             .close = lwip_close_all };

struct lwip_counts lwip_counts(const struct transport *transport) {
    const struct lwip *lwip = (const struct lwip *)transport;
    struct lwip_counts counts = lwip->counts;
    counts.nic = nic_counts(lwip->nic);
    counts.checksum_wrong = lwip_stats.tcp.chkerr + lwip_stats.ip.chkerr;
    return counts;
}

/* ---- Opening ---- */

static int check_options(const struct lwip_options *options) {
    CHECK(options->nic != NULL && options->clock_ns != NULL);
    if (in_use) return err_set(-EBUSY, "lwip: there is one already in this process");
    if (options->connections_max > LWIP_CONNECTIONS_MAX)
        return err_set(-E2BIG,
                       "lwip serves up to %d connections, not %u; take fewer sessions, or the "
                       "kernel's TCP with --transport kernel",
                       LWIP_CONNECTIONS_MAX, options->connections_max);
    uint32_t host = lwip_ntohl(options->address & ~options->netmask);
    uint32_t mask = lwip_ntohl(options->netmask);
    if ((~mask & (~mask + 1)) != 0 || mask == 0)
        return err_set(-EINVAL, "lwip: the netmask is none such as 255.255.255.0");
    if (mask != UINT32_MAX && (host == 0 || host == ~mask))
        return err_set(-EINVAL, "lwip: the address is not one of a host in its network");
    if (options->neighbour_count > LWIP_NEIGHBOURS_MAX)
        return err_set(-E2BIG, "lwip keeps up to %d neighbours, not %u", LWIP_NEIGHBOURS_MAX,
                       options->neighbour_count);
    for (uint32_t i = 0; i < options->neighbour_count; i++)
        if (((options->neighbours[i].address ^ options->address) & options->netmask) != 0)
            return err_set(-EINVAL, "lwip: neighbour %u is not in the network of the port", i + 1);
    return 0;
}

static void add_neighbours(const struct lwip_options *options) {
    for (uint32_t i = 0; i < options->neighbour_count; i++) {
        ip4_addr_t address = { .addr = options->neighbours[i].address };
        struct eth_addr mac;
        memcpy(mac.addr, options->neighbours[i].mac, NIC_MAC_BYTES);
        CHECK(etharp_add_static_entry(&address, &mac) == ERR_OK); /* the table is longer */
    }
}

static int take_memory(struct lwip *lwip, uint32_t connections_max) {
    lwip->slot_count = connections_max + LOBBY;
    lwip->slots = calloc(lwip->slot_count, sizeof *lwip->slots);
    lwip->numbers = calloc(connections_max, sizeof *lwip->numbers);
    lwip->watched = calloc(connections_max, sizeof *lwip->watched);
    lwip->rings = calloc(lwip->slot_count, RING_BYTES);
    if (lwip->slots == NULL || lwip->numbers == NULL || lwip->watched == NULL ||
        lwip->rings == NULL)
        return err_set(-ENOMEM, "no memory for %u connections", connections_max);
    for (uint32_t i = 0; i < lwip->slot_count; i++)
        lwip->slots[i].ring = lwip->rings + (size_t)i * RING_BYTES;
    for (uint32_t i = 0; i < connections_max; i++) lwip->numbers[i] = NO_SLOT;
    return 0;
}

int lwip_open(const struct lwip_options *options, struct transport **transport) {
    int code = check_options(options);
    if (code != 0) return code;
    struct lwip *lwip = calloc(1, sizeof *lwip);
    if (lwip == NULL) return err_set(-ENOMEM, "no memory for lwip");
    lwip->transport =
        (struct transport){ .operations = &lwip_operations,
                            .connections_max = options->connections_max,
                            .port = options->port != 0 ? options->port : LWIP_PORT_DEFAULT,
                            .name = "lwip" };
    lwip->nic = options->nic;
    lwip->clock_ns = options->clock_ns;
    lwip->linked = true;
    code = take_memory(lwip, options->connections_max);
    if (code != 0) {
        lwip_release(lwip);
        return code;
    }
    platform_set(options->key, options->clock_ns);
    if (!started) lwip_init();
    started = true;
    memset(&lwip_stats.tcp, 0, sizeof lwip_stats.tcp);
    memset(&lwip_stats.ip, 0, sizeof lwip_stats.ip);
    ip4_addr_t address = { .addr = options->address }, mask = { .addr = options->netmask },
               router = { .addr = options->router };
    CHECK(netif_add(&lwip->netif, &address, &mask, &router, lwip, start_netif, ethernet_input) !=
          NULL);
    netif_set_default(&lwip->netif);
    netif_set_link_up(&lwip->netif);
    netif_set_up(&lwip->netif); /* tells the network its address */
    add_neighbours(options);
    nic_flush(lwip->nic);
    in_use = true;
    *transport = &lwip->transport;
    return 0;
}
