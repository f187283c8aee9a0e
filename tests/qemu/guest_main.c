/* guest_main: what runs in QEMU's guest: the driver, unchanged, on a PCI device behind VFIO.
 *
 *   guest ADDRESS COMMANDS SEED short|whole
 *
 * The device is the Verilated card in a process on the host. What must hold is checked here; the
 * events are compared with those of the card in process by qemu_main.c, from the record. */
#define _GNU_SOURCE
#include "driver/dma.h"
#include "driver/pci.h"
#include "driver/vfio_inner.h"
#include "host/base/clock.h"
#include "host/base/err.h"
#include "host/base/random.h"
#include "tests/qemu/guest.h"
#include "tests/rtl/stimulus.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND_NS UINT64_C(1000000000)
enum { ORDERS_MIN = 1000, BURST_MAX = 24, ROUNDS = 200, POLL_MAX = 64, STEP_NS = 10 };

static const char *address;
static struct guest_record *record;
static unsigned command_count, event_count;

static const struct command nop = { .opcode = OPCODE_NOP };

#define NEED(condition) need((condition), #condition, __LINE__)

static void need(bool holds, const char *what, int line) {
    if (holds) return;
    (void)printf("guest: failed: line %d: %s; last error: %s\n", line, what, err_text());
    (void)fflush(stdout);
    exit(1);
}

static void result(const char *name, uint64_t number) {
    (void)printf("result %s %" PRIu64 "\n", name, number);
}

static void ask(const char *what) {
    (void)printf("ask %s\n", what);
    (void)fflush(stdout);
}

static struct vfio_options options(void) { return (struct vfio_options){ .address = address }; }

static struct card *opened(const struct vfio_options *how) {
    struct card *card = NULL;
    NEED(vfio_open(how, &card) == 0);
    NEED(card_read(card, REG_STATUS) == (STATUS_INIT_DONE | STATUS_KILLED));
    return card;
}

/* refused opens a card that cannot be opened; the text must name the next step. */
static void refused(const struct vfio_options *how, int code, const char *says) {
    struct card *card = NULL;
    int error = vfio_open(how, &card);
    if (error != code || strstr(err_text(), says) == NULL)
        (void)printf("guest: %d, \"%s\" where %d, \"%s\" was due\n", error, err_text(), code, says);
    NEED(error == code);
    NEED(strstr(err_text(), says) != NULL);
    NEED(card == NULL);
}

static void write_file(const char *path, const char *text) {
    int file = open(path, O_WRONLY);
    NEED(file >= 0);
    NEED(write(file, text, strlen(text)) == (ssize_t)strlen(text));
    (void)close(file);
}

static void bind_vfio(const char *device) {
    char path[128];
    (void)snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/driver_override", device);
    write_file(path, "vfio-pci");
    write_file("/sys/bus/pci/drivers_probe", device);
}

static int poll_some(struct card *card, struct event *events) {
    const uint64_t from_ns = clock_monotonic_ns();
    int count;
    while ((count = card_poll(card, events, POLL_MAX)) == 0)
        NEED(clock_monotonic_ns() - from_ns < 20 * SECOND_NS);
    return count;
}

/* ---- Before there is a card ---- */

static void what_cannot_be_opened_says_why(void) {
    struct vfio_options how = options();
    refused(&how, -ENXIO, "no driver is bound");
    bind_vfio(address);
    how.address = "0000:1f:1f.7";
    refused(&how, -ENODEV, "no such PCI device");
    how.address = "03:00.0";
    refused(&how, -EINVAL, "reads 0000:03:00.0");
}

/* ---- Other devices of QEMU's, with BARs that answer loads and stores ---- */

/* device_find returns the address of the device with this vendor and device, in place. */
static const char *device_find(uint16_t vendor, uint16_t device, char *place) {
    DIR *directory = opendir("/sys/bus/pci/devices");
    const struct dirent *entry;
    NEED(directory != NULL);
    while ((entry = readdir(directory)) != NULL) {
        struct pci_device found;
        if (!pci_address_valid(entry->d_name)) continue;
        (void)pci_find("/sys", "/dev/vfio", entry->d_name, &found);
        if (found.vendor != vendor || found.device != device) continue;
        (void)snprintf(place, PCI_ADDRESS_BYTES, "%s", found.address);
        (void)closedir(directory);
        return place;
    }
    NEED(entry != NULL);
    return NULL;
}

/* edu has no BAR2. pci-testdev has one, prefetchable, but a page of registers only. */
static void what_is_no_card_is_refused(void) {
    char place[PCI_ADDRESS_BYTES];
    struct vfio_options how = { .address = device_find(0x1234, 0x11e8, place) };
    bind_vfio(how.address);
    refused(&how, -EPROTO, "BAR2 has 0 bytes, the command window takes");
    how.address = device_find(0x1b36, 0x0005, place);
    bind_vfio(how.address);
    refused(&how, -EPROTO, "BAR0 has 4096 bytes, the registers takes 32768");
}

/* bochs-display's BAR0 is memory, which a program can make look like a card's registers; what is
   written to its BAR2 does nothing. So BARs are loaded and stored to for real, and the IOMMU maps
   the ring at an address of the driver's choice. */
static void a_board_with_bars_of_its_own(void) {
    char place[PCI_ADDRESS_BYTES], path[128];
    struct event event;
    const struct vfio_options how = { .address = device_find(0x1234, 0x1111, place) };
    (void)snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/resource0", place);
    int file = open(path, O_RDWR);
    NEED(file >= 0);
    volatile uint32_t *registers =
        mmap(NULL, DMA_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    NEED(registers != MAP_FAILED);
    registers[REG_DIGEST / 4] = abi_digest();
    registers[REG_VERSION / 4] = LIMIT_ABI_MAJOR << 16;
    registers[REG_SYMBOLS / 4] = 4;
    registers[REG_ACCOUNTS / 4] = 8;
    registers[REG_ORDERS / 4] = 64;
    registers[REG_LEVELS / 4] = 64;
    registers[REG_STATUS / 4] = STATUS_INIT_DONE;
    NEED(munmap((void *)(uintptr_t)registers, DMA_PAGE_BYTES) == 0);
    (void)close(file);

    struct card *card = NULL;
    bind_vfio(how.address);
    NEED(vfio_open(&how, &card) == 0);
    const struct vfio_facts facts = vfio_facts(card);
    NEED(strcmp(facts.layout, "card") == 0);
    NEED(!facts.window_combined); /* its BAR2 is not prefetchable */
    NEED(facts.vectors == 0);
    NEED(facts.ring_address == UINT64_C(1) << 32);
    NEED(card->size.orders == 64);
    NEED(card_read(card, REG_CONTROL) == CONTROL_RESET);
    NEED(card_read(card, REG_RING_HIGH) == 1);
    card_heartbeat(card);
    NEED(card_read(card, REG_HEARTBEAT) == 1);
    NEED(card_push(card, &nop) == 0);
    NEED(card_poll(card, &event, 1) == 0);
    card_write(card, REG_DIGEST, UINT32_MAX);
    const uint64_t from_ns = clock_monotonic_ns();
    int count;
    while ((count = card_poll(card, &event, 1)) == 0)
        NEED(clock_monotonic_ns() - from_ns < SECOND_NS);
    NEED(count == -EIO);
    NEED(strstr(err_text(), "all ones") != NULL);
    card_close(card);
    result("direct_bars", 1);
}

/* edu writes to memory by itself, through QEMU's IOMMU: a board whose registers are made up here
   and whose events are written by edu's DMA, to where the driver said that the ring is. */
enum {
    EDU_FROM = 0x80,
    EDU_TO = 0x88,
    EDU_COUNT = 0x90,
    EDU_COMMAND = 0x98,
    EDU_BUFFER = 0x40000, /* of its own */
    EDU_GO = 1,
    EDU_WRITES = 2,
    EDU_REGISTERS = 0x1000,
};

static uint32_t edu_registers[EDU_REGISTERS / 4];
static uint64_t edu_events;

static void edu_copy(struct vfio *vfio, uint64_t from, uint64_t to, uint64_t command) {
    volatile char *at = vfio->registers.at;
    const uint64_t from_ns = clock_monotonic_ns();
    *(volatile uint64_t *)(volatile void *)(at + EDU_FROM) = from;
    *(volatile uint64_t *)(volatile void *)(at + EDU_TO) = to;
    *(volatile uint64_t *)(volatile void *)(at + EDU_COUNT) = PORT_SLOT_BYTES;
    *(volatile uint64_t *)(volatile void *)(at + EDU_COMMAND) = command | EDU_GO;
    while ((*(volatile uint64_t *)(volatile void *)(at + EDU_COMMAND) & EDU_GO) != 0)
        NEED(clock_monotonic_ns() - from_ns < 10 * SECOND_NS);
}

static uint32_t edu_read(struct vfio *vfio, uint32_t reg) {
    (void)vfio;
    return edu_registers[reg / 4];
}

static void edu_write(struct vfio *vfio, uint32_t reg, uint32_t value) {
    (void)vfio;
    edu_registers[reg / 4] = value;
}

/* The answer is fetched from the ring's last slot, which is far from being read, and written to the
   next one. */
static void edu_window_write(struct vfio *vfio, uint32_t slot, const struct command *command) {
    const uint64_t ring = vfio->port.ring_address;
    const uint64_t last = ((uint64_t)1 << vfio->port.ring_log2) - 1;
    (void)slot;
    edu_events++;
    ((struct event *)vfio->port.ring)[last] = (struct event){ .number = edu_events,
                                                              .command = edu_events,
                                                              .flags = EVENT_END,
                                                              .value = command->value,
                                                              .credits = (uint8_t)edu_events,
                                                              .phase = 1 };
    edu_copy(vfio, ring + last * PORT_SLOT_BYTES, EDU_BUFFER, 0);
    edu_copy(vfio, EDU_BUFFER, ring + (edu_events - 1) * PORT_SLOT_BYTES, EDU_WRITES);
}

static void the_iommu_lets_a_board_write_to_the_ring_and_nowhere_else(void) {
    static const struct vfio_access access = { .read = edu_read,
                                               .write = edu_write,
                                               .window_write = edu_window_write };
    static const struct vfio_layout layout = { .name = "edu",
                                               .registers = { .bytes = 0x100 },
                                               .window = { .bytes = 0x100 },
                                               .access = &access };
    char place[PCI_ADDRESS_BYTES];
    const struct vfio_options how = { .address = device_find(0x1234, 0x11e8, place),
                                      .layout = &layout };
    struct card *card = NULL;
    struct event event;
    edu_registers[REG_DIGEST / 4] = abi_digest();
    edu_registers[REG_VERSION / 4] = LIMIT_ABI_MAJOR << 16;
    edu_registers[REG_SYMBOLS / 4] = edu_registers[REG_ACCOUNTS / 4] = 4;
    edu_registers[REG_ORDERS / 4] = edu_registers[REG_LEVELS / 4] = 64;
    edu_registers[REG_STATUS / 4] = STATUS_INIT_DONE;
    NEED(vfio_open(&how, &card) == 0);
    struct vfio *vfio = (struct vfio *)(void *)card;
    uint64_t physical;
    NEED(dma_physical(&vfio->ring, &physical) == 0);
    NEED(physical != vfio->port.ring_address);
    for (int i = 1; i <= 3; i++) {
        NEED(card_push(card, &(struct command){ .value = 1000 + i }) == 0);
        NEED(card_poll(card, &event, 1) == 1);
        NEED(event.value == 1000 + i);
    }
    /* The same memory by its physical address, and the page behind the ring: both are refused. */
    const uint64_t elsewhere[] = { physical + 5 * PORT_SLOT_BYTES,
                                   vfio->port.ring_address + vfio->ring.bytes };
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        edu_copy(vfio, EDU_BUFFER, elsewhere[i], EDU_WRITES);
    for (unsigned i = 3; i < 100; i++) NEED(((const struct event *)vfio->port.ring)[i].number == 0);
    card_close(card);
    result("dma_events", edu_events);
}

/* ---- Memory of both kinds ---- */

static void ordinary_pages_do(void) {
    struct vfio_options how = options();
    struct event events[POLL_MAX];
    how.ordinary_pages = true;
    how.ring_log2 = 5; /* with its status line in one page, since the model sees no IOMMU */
    struct card *card = opened(&how);
    NEED(!vfio_facts(card).ring_huge);
    for (unsigned i = 1; i <= 100; i++) { /* three times round the ring */
        NEED(card_push(card, &nop) == 0);
        NEED(poll_some(card, events) == 1);
        NEED(events[0].number == i);
    }
    card_close(card);
}

/* ---- A session ---- */

static void keep(const struct event *events, int count) {
    NEED(event_count + (unsigned)count <= GUEST_EVENTS_MAX);
    memcpy(&record->events[event_count], events, (size_t)count * sizeof *events);
    event_count += (unsigned)count;
}

/* The commands of the record get the stamps that the card gave them, as a journal has them. */
static void stamp(const struct event *events, int count) {
    for (int i = 0; i < count; i++) {
        NEED(events[i].command >= 1);
        NEED(events[i].command <= command_count);
        record->commands[events[i].command - 1].stamp_ns = events[i].stamp_ns;
    }
}

/* Random commands in bursts: the first half with stamps, the second by the card's own clock. */
static void trade(struct card *card, unsigned commands, uint64_t seed) {
    struct random random = random_seeded(seed);
    struct stimulus *stimulus = stimulus_new(&card->size, seed);
    struct event events[POLL_MAX];
    const unsigned live_at = commands / 2;
    unsigned ended = 0, trades = 0, accepted = 0, orders = 0;
    card_write(card, REG_WATCHDOG_NS, 0); /* the host may be held up for as long as it likes */
    const uint64_t from_ns = clock_monotonic_ns();
    while (ended < commands) {
        uint64_t burst = random_below(&random, BURST_MAX);
        for (; burst > 0 && command_count < commands; burst--) {
            if (command_count == live_at && ended < live_at) break;
            if (command_count == live_at) card_go_live(card);
            struct command *command = &record->commands[command_count];
            stimulus_next(stimulus, command);
            /* Only a replay may say CARD: a LIVE card refuses what the replay of it takes. */
            if (command_count >= live_at) command->origin = ORIGIN_HOST;
            command->stamp_ns = command_count < live_at ? STEP_NS * (uint64_t)command_count : 0;
            int error;
            while ((error = card_push(card, command)) == -EAGAIN) {
                int count = poll_some(card, events);
                NEED(count > 0);
                keep(events, count);
                for (int i = 0; i < count; i++) {
                    stimulus_see(stimulus, &events[i]);
                    ended += (events[i].flags & EVENT_END) != 0;
                }
            }
            NEED(error == 0);
            command_count++;
        }
        int count = card_poll(card, events, POLL_MAX);
        NEED(count >= 0);
        keep(events, count);
        for (int i = 0; i < count; i++) {
            stimulus_see(stimulus, &events[i]);
            ended += (events[i].flags & EVENT_END) != 0;
        }
        NEED(clock_monotonic_ns() - from_ns < 120 * SECOND_NS);
    }
    const uint64_t took_ns = clock_monotonic_ns() - from_ns;
    stimulus_delete(stimulus);
    stamp(record->events, (int)event_count);
    for (unsigned i = 0; i < event_count; i++) {
        trades += record->events[i].kind == KIND_TRADE;
        accepted += record->events[i].kind == KIND_ACCEPTED;
    }
    card_snapshot(card);
    NEED(card_counter(card, COUNTER_TRADES) == trades);
    NEED(card_counter(card, COUNTER_WINDOW_OVERRUN) == 0);
    for (unsigned i = 0; i < commands; i++) orders += record->commands[i].opcode == OPCODE_NEW;
    result("commands", commands);
    result("orders", orders);
    NEED(orders >= ORDERS_MIN);
    result("events", event_count);
    result("accepted", accepted);
    result("trades", trades);
    result("commands_a_second", commands * SECOND_NS / took_ns);
}

/* One command at a time: the host waits each time, sleeps, and the card rings. */
static void round_trips(struct card *card) {
    struct event events[POLL_MAX];
    uint64_t took_ns[ROUNDS];
    const struct vfio_facts before = vfio_facts(card);
    for (int i = 0; i < ROUNDS; i++) {
        const uint64_t from_ns = clock_monotonic_ns();
        NEED(card_push(card, &nop) == 0);
        NEED(poll_some(card, events) == 1);
        took_ns[i] = clock_monotonic_ns() - from_ns;
    }
    for (int i = 1; i < ROUNDS; i++)
        for (int j = i; j > 0 && took_ns[j] < took_ns[j - 1]; j--) {
            const uint64_t swap = took_ns[j];
            took_ns[j] = took_ns[j - 1];
            took_ns[j - 1] = swap;
        }
    const struct vfio_facts after = vfio_facts(card);
    result("round_trip_p50_ns", took_ns[ROUNDS / 2]);
    result("round_trip_p99_ns", took_ns[ROUNDS * 99 / 100]);
    result("round_trip_naps", after.naps - before.naps);
    result("round_trip_interrupts", after.interrupts - before.interrupts);
    NEED(after.interrupts > before.interrupts);
}

static void say(const char *when, const struct event *event) {
    (void)printf("guest: %s: event %" PRIu64 " of command %" PRIu64 " at %" PRIu64
                 " ns: kind %u reason %u flags %u quantity %u value %" PRId64 ", opcode %u\n",
                 when, event->number, event->command, event->stamp_ns, event->kind, event->reason,
                 event->flags, event->quantity, event->value,
                 record->commands[event->command - 1].opcode);
}

/* What a recovering gateway does: a fresh card gets the record's commands, and must say the
   record's events. */
static void replay(struct card *card) {
    struct event events[POLL_MAX];
    unsigned pushed = 0, seen = 0;
    while (seen < event_count) {
        while (pushed < command_count && card_push(card, &record->commands[pushed]) == 0) pushed++;
        int count = poll_some(card, events);
        NEED(count > 0);
        for (int i = 0; i < count; i++, seen++) {
            const struct event now = guest_plain(events[i]);
            const struct event then = guest_plain(record->events[seen]);
            if (memcmp(&now, &then, sizeof now) != 0) {
                say("now", &now);
                say("then", &then);
            }
            NEED(memcmp(&now, &then, sizeof now) == 0);
        }
    }
    NEED(pushed == command_count);
}

/* ---- What goes wrong ---- */

static void a_host_that_is_killed_leaves_a_card_for_the_next(void) {
    const struct vfio_options how = options();
    (void)fflush(stdout);
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        struct card *card = opened(&how);
        for (unsigned i = 0; i < 20; i++) (void)card_push(card, &nop);
        (void)kill(getpid(), SIGKILL);
    }
    int status;
    NEED(waitpid(child, &status, 0) == child);
    NEED(WIFSIGNALED(status));
    NEED(WTERMSIG(status) == SIGKILL);
    struct card *card = opened(&how);
    replay(card);
    card_close(card);
}

static void until_gone(struct card *card, bool push, const char *name) {
    struct event events[POLL_MAX];
    const uint64_t from_ns = clock_monotonic_ns();
    int count;
    do {
        if (push) (void)card_push(card, &nop);
        count = card_poll(card, events, POLL_MAX);
        NEED(clock_monotonic_ns() - from_ns < 60 * SECOND_NS);
    } while (count >= 0);
    NEED(count == -EIO);
    (void)printf("text %s_says %s\n", name, err_text());
    (void)fflush(stdout);
    NEED(strstr(err_text(), "all ones") != NULL);
    const uint64_t took_ns = clock_monotonic_ns() - from_ns;
    NEED(card_read(card, REG_DIGEST) == UINT32_MAX);
    NEED(card_read(card, REG_STATUS) == UINT32_MAX);
    NEED(card_push(card, &nop) == -EIO);
    NEED(card_poll(card, events, POLL_MAX) == -EIO);
    NEED(clock_monotonic_ns() - from_ns < took_ns + SECOND_NS); /* at once, from then on */
    (void)printf("result %s_ns %" PRIu64 "\n", name, took_ns);
}

static void a_card_that_goes_and_comes_back(void) {
    const struct vfio_options how = options();
    struct card *card = opened(&how);
    ask("stop");
    until_gone(card, true, "stopped");
    card_close(card);
    ask("continue");
    const uint64_t from_ns = clock_monotonic_ns();
    while (vfio_open(&how, &card) != 0) NEED(clock_monotonic_ns() - from_ns < 60 * SECOND_NS);
    replay(card);
    card_close(card);
}

static void a_card_that_goes_for_good(const char *how_it_ends) {
    const struct vfio_options how = options();
    struct card *card = opened(&how);
    ask(how_it_ends);
    until_gone(card, false, "ended");
    card_close(card);
    refused(&how, -EIO, "all ones");
}

int main(int count, char **arguments) {
    NEED(count == 5);
    address = arguments[1];
    const unsigned commands = (unsigned)strtoul(arguments[2], NULL, 10);
    const uint64_t seed = strtoull(arguments[3], NULL, 10);
    const bool whole = strcmp(arguments[4], "whole") == 0;
    NEED(commands <= GUEST_COMMANDS_MAX);
    struct dma memory;
    uint64_t physical;
    NEED(dma_take(sizeof *record, false, &memory) == 0);
    NEED(memory.huge);
    NEED(dma_physical(&memory, &physical) == 0);
    record = memory.memory;

    what_cannot_be_opened_says_why();
    what_is_no_card_is_refused();
    a_board_with_bars_of_its_own();
    the_iommu_lets_a_board_write_to_the_ring_and_nowhere_else();
    struct utsname system;
    NEED(uname(&system) == 0);
    (void)printf("text kernel %s\n", system.release);
    const struct vfio_options how = options();
    struct card *card = opened(&how);
    const struct vfio_facts facts = vfio_facts(card);
    (void)printf("text layout %s\ntext store %s\n", facts.layout, facts.store);
    result("window_combined", facts.window_combined);
    result("ring_huge", facts.ring_huge);
    result("vectors", facts.vectors);
    NEED(facts.ring_huge);
    NEED(facts.vectors == 1);
    refused(&how, -EBUSY, "another process");

    trade(card, commands, seed);
    (void)printf("record %" PRIu64 " %u %u\n", physical, command_count, event_count);
    round_trips(card);
    card_write(card, REG_CONTROL, CONTROL_RESET);
    replay(card);
    result("interrupts", vfio_facts(card).interrupts);
    result("naps", vfio_facts(card).naps);
    card_close(card);

    ordinary_pages_do();
    a_host_that_is_killed_leaves_a_card_for_the_next();
    if (whole) a_card_that_goes_and_comes_back();
    a_card_that_goes_for_good(whole ? "kill" : "term");
    (void)printf("guest: done\n");
    return 0;
}
