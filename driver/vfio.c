#define _GNU_SOURCE /* ppoll */
#include "driver/vfio.h"
#include "driver/simbus_layout.h"
#include "driver/vfio_inner.h"
#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/base/err.h"
#include "host/base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    INIT_TRIES_MAX = 1 << 20, /* a read takes about 1 us, the sweep of the largest card 5 ms */
    STEP_NS = 50000000,       /* longer between two calls: the process was held up */
    STRANGERS_BYTES = 256,
    IOMMU_INFO_BYTES = 4096,
    COMMAND_OFFSET = 4, /* of the PCI header, with its bits MEMORY and MASTER */
    COMMAND_BITS = 6,
};

/* ---- Boards ---- */

static const struct vfio_layout layouts[] = {
    { .name = "ivshmem", /* the Verilated card behind QEMU */
      .vendor = 0x1af4,
      .device = 0x1110,
      .registers = { .bar = 2,
                     .bytes = sizeof(struct simbus_memory) + sizeof(struct simbus_hello) },
      .window = { .bar = 2,
                  .offset = offsetof(struct simbus_memory, posts),
                  .bytes = sizeof(struct simbus_post) * SIMBUS_POSTS },
      .bell = { .bar = 0, .bytes = 16 },
      .physical = true,
      .access = &vfio_ivshmem },
    { .name = "card",
      .registers = { .bar = 0, .bytes = LIMIT_BAR0_BYTES },
      .window = { .bar = 2, .bytes = (uint64_t)LIMIT_WINDOW_SLOTS * PORT_SLOT_BYTES },
      .access = &vfio_direct },
};

const struct vfio_layout *vfio_layout_of(uint16_t vendor, uint16_t device) {
    const struct vfio_layout *layout = layouts;
    while (layout->vendor != 0 && (layout->vendor != vendor || layout->device != device)) layout++;
    return layout;
}

static uint32_t direct_read(struct vfio *vfio, uint32_t reg) {
    return *(volatile uint32_t *)(void *)(vfio->registers.at + reg);
}

static void direct_write(struct vfio *vfio, uint32_t reg, uint32_t value) {
    *(volatile uint32_t *)(void *)(vfio->registers.at + reg) = value;
}

/* The store ends with a fence, so that no register write that follows passes it. */
static void direct_window_write(struct vfio *vfio, uint32_t slot, const struct command *command) {
    vfio->store(vfio->window.at + (size_t)slot * PORT_SLOT_BYTES, command);
}

/* The card rings once, when there is more than the host has read. */
static void direct_asleep(struct vfio *vfio, bool asleep) {
    if (asleep) direct_write(vfio, REG_WAKE, (uint32_t)vfio->port.consumed);
}

const struct vfio_access vfio_direct = {
    .read = direct_read,
    .write = direct_write,
    .window_write = direct_window_write,
    .asleep = direct_asleep,
};

/* ---- What port.h asks ---- */

static struct vfio *vfio_of(struct port *port) { return (struct vfio *)(void *)port; }

static int broken(const struct vfio *vfio) {
    return err_set(-EIO, "card vfio: %s: %s", vfio->device.address, vfio->why);
}

int vfio_breaks(struct vfio *vfio, const char *why) {
    if (!vfio->broken) (void)snprintf(vfio->why, sizeof vfio->why, "%s", why);
    vfio->broken = true;
    return broken(vfio);
}

static int gone(struct vfio *vfio) {
    return vfio_breaks(vfio, "it answers all ones: it has lost power, its link or its image; see "
                             "dmesg and lspci -vv, then reset and replay");
}

/* A bus gives all ones for what nobody answers. A register may hold them, the digest does not. */
static uint32_t vfio_read(struct port *port, uint32_t reg) {
    struct vfio *vfio = vfio_of(port);
    if (vfio->broken) return UINT32_MAX;
    uint32_t value = vfio->layout->access->read(vfio, reg);
    if (value != UINT32_MAX) return value;
    if (reg == REG_DIGEST || vfio->layout->access->read(vfio, REG_DIGEST) == UINT32_MAX)
        (void)gone(vfio);
    return value;
}

static void vfio_write(struct port *port, uint32_t reg, uint32_t value) {
    struct vfio *vfio = vfio_of(port);
    if (!vfio->broken) vfio->layout->access->write(vfio, reg, value);
}

static void vfio_window_write(struct port *port, uint32_t slot, const struct command *command) {
    struct vfio *vfio = vfio_of(port);
    if (!vfio->broken) vfio->layout->access->window_write(vfio, slot, command);
}

static void count_interrupts(struct vfio *vfio) {
    uint64_t rings;
    if (vfio->event >= 0 && read(vfio->event, &rings, sizeof rings) == (ssize_t)sizeof rings)
        vfio->facts.interrupts += rings;
}

/* nap sleeps until the card rings, unless an event is there. */
static void nap(struct vfio *vfio) {
    void (*asleep)(struct vfio *, bool) = vfio->layout->access->asleep;
    if (asleep != NULL) asleep(vfio, true);
    atomic_thread_fence(memory_order_seq_cst);
    if (!port_ready(&vfio->port)) {
        struct pollfd line = { .fd = vfio->event, .events = POLLIN };
        const struct timespec most = { .tv_nsec = VFIO_NAP_NS };
        vfio->facts.naps++;
        if (ppoll(&line, 1, &most, NULL) > 0) count_interrupts(vfio);
    }
    if (asleep != NULL) asleep(vfio, false);
}

/* The register is read only while nothing comes: a read takes as long as a command. */
static int vfio_progress(struct port *port) {
    struct vfio *vfio = vfio_of(port);
    if (vfio->broken) return broken(vfio);
    const bool owed = port_outstanding(port) != 0;
    const uint64_t now_ns = clock_monotonic_ns();
    const uint64_t step_ns = now_ns - vfio->seen_ns;
    vfio->seen_ns = now_ns;
    if (!owed || port->consumed != vfio->dry_consumed) {
        vfio->dry_consumed = port->consumed;
        vfio->dry_ns = 0;
    } else {
        vfio->dry_ns += step_ns < STEP_NS ? step_ns : STEP_NS;
    }
    if (now_ns - vfio->looked_ns >= VFIO_LOOK_NS && (!owed || vfio->dry_ns >= VFIO_LOOK_NS)) {
        (void)vfio_read(port, REG_DIGEST);
        vfio->looked_ns = clock_monotonic_ns();
        if (vfio->broken) return broken(vfio);
    }
    if (vfio->dry_ns >= VFIO_SILENCE_NS && !port_ready(port))
        return vfio_breaks(vfio, "no event for 3 s while commands are outstanding: it hangs; reset "
                                 "and replay, or load its image again");
    if (owed && vfio->spin_ns != UINT32_MAX && vfio->dry_ns >= vfio->spin_ns) nap(vfio);
    simbus_pause();
    return 0;
}

/* ---- Closing ---- */

static void map_end(struct vfio_map *map) {
    if (map->memory != NULL) (void)munmap(map->memory, map->bytes);
    *map = (struct vfio_map){ 0 };
}

static void command_bits(const struct vfio *vfio, bool on) {
    const off_t at =
        (off_t)(((uint64_t)VFIO_PCI_CONFIG_REGION_INDEX << 40) + COMMAND_OFFSET); /* linux/vfio.h */
    uint16_t bits;
    if (pread(vfio->fd, &bits, sizeof bits, at) != (ssize_t)sizeof bits) return;
    bits = (uint16_t)(on ? bits | COMMAND_BITS : bits & ~COMMAND_BITS);
    (void)!pwrite(vfio->fd, &bits, sizeof bits, at);
}

/* First the card stops writing, then its right to write goes, then the memory. */
static void vfio_free(struct vfio *vfio) {
    if (vfio->fd >= 0) command_bits(vfio, false);
    map_end(&vfio->registers);
    map_end(&vfio->window);
    map_end(&vfio->bell);
    if (vfio->fd >= 0) (void)close(vfio->fd);
    if (vfio->ring_mapped) {
        struct vfio_iommu_type1_dma_unmap unmap = { .argsz = sizeof unmap,
                                                    .iova = vfio->port.ring_address,
                                                    .size = vfio->ring.bytes };
        (void)ioctl(vfio->container, VFIO_IOMMU_UNMAP_DMA, &unmap);
    }
    if (vfio->group >= 0) (void)close(vfio->group);
    if (vfio->container >= 0) (void)close(vfio->container);
    if (vfio->event >= 0) (void)close(vfio->event);
    dma_give_back(&vfio->ring);
    free(vfio);
}

static void vfio_close(struct port *port) {
    vfio_write(port, REG_CONTROL, CONTROL_RESET);
    (void)vfio_read(port, REG_STATUS); /* behind it nothing of before is under way */
    vfio_free(vfio_of(port));
}

const struct port_operations vfio_operations = {
    .read = vfio_read,
    .write = vfio_write,
    .window_write = vfio_window_write,
    .progress = vfio_progress,
    .close = vfio_close,
};

/* ---- Opening ---- */

static int file_open(const struct vfio *vfio, const char *path, int *fd) {
    *fd = open(path, O_RDWR | O_CLOEXEC);
    if (*fd >= 0) return 0;
    const char *address = vfio->device.address;
    switch (errno) {
    case EACCES:
    case EPERM:
        return err_set(-EACCES,
                       "card vfio: %s: %s: permission denied; as root: chown %u %s, or for good a "
                       "udev rule for SUBSYSTEM==\"vfio\"",
                       address, path, (unsigned)geteuid(), path);
    case EBUSY:
        return err_set(-EBUSY,
                       "card vfio: %s: another process has the card; fuser -v %s names it: end it "
                       "first",
                       address, path);
    case ENOENT:
    case ENODEV:
        return err_set(-ENODEV, "card vfio: %s: no %s; as root: modprobe vfio-pci", address, path);
    default:
        return err_set(-errno, "card vfio: %s: %s: %s; see dmesg", address, path, strerror(errno));
    }
}

/* A call of VFIO's that fails for no reason that a user could put right. */
static int call_failed(const struct vfio *vfio, const char *what) {
    return err_set(-errno, "card vfio: %s: %s: %s; see dmesg", vfio->device.address, what,
                   strerror(errno));
}

static int group_open(struct vfio *vfio, const struct vfio_options *options, const char *sysfs,
                      const char *dev) {
    char path[PATH_MAX];
    struct pci_device *device = &vfio->device;
    if (device->no_iommu && !options->no_iommu)
        return err_set(-EPERM,
                       "card vfio: %s: no IOMMU stands between the card and all of this machine's "
                       "memory; turn it on (intel_iommu=on iommu=pt), or accept that: "
                       "card_iommu: off",
                       device->address);
    if (device->no_iommu)
        log_line("warning: card vfio: %s: without an IOMMU: a fault of the card can overwrite any "
                 "memory of this machine",
                 device->address);
    (void)snprintf(path, sizeof path, "%s/vfio", dev);
    int error = file_open(vfio, path, &vfio->container);
    if (error != 0) return error;
    (void)snprintf(path, sizeof path, "%s/%s%s", dev, device->no_iommu ? "noiommu-" : "",
                   device->group);
    error = file_open(vfio, path, &vfio->group);
    if (error != 0) return error;

    struct vfio_group_status status = { .argsz = sizeof status };
    if (ioctl(vfio->container, VFIO_GET_API_VERSION) != VFIO_API_VERSION ||
        ioctl(vfio->group, VFIO_GROUP_GET_STATUS, &status) != 0)
        return err_set(-EPROTO, "card vfio: %s: %s is no VFIO that this driver knows; see dmesg",
                       device->address, path);
    if ((status.flags & VFIO_GROUP_FLAGS_VIABLE) == 0) {
        char strangers[STRANGERS_BYTES];
        pci_strangers(sysfs, device, strangers, sizeof strangers);
        return err_set(-EBUSY,
                       "card vfio: %s: its IOMMU group %s has devices that other drivers hold: %s; "
                       "bind them to vfio-pci too, or move the card to another slot",
                       device->address, device->group, strangers);
    }
    if (ioctl(vfio->group, VFIO_GROUP_SET_CONTAINER, &vfio->container) != 0)
        return call_failed(vfio, "its group does not join a container");
    const int kind = device->no_iommu ? VFIO_NOIOMMU_IOMMU : VFIO_TYPE1v2_IOMMU;
    if (ioctl(vfio->container, VFIO_SET_IOMMU, kind) != 0)
        return err_set(-errno, "card vfio: %s: IOMMU: %s; as root: modprobe vfio_iommu_type1",
                       device->address, strerror(errno));
    vfio->fd = ioctl(vfio->group, VFIO_GROUP_GET_DEVICE_FD, device->address);
    if (vfio->fd < 0) return call_failed(vfio, "the group gives no descriptor of the card");
    return 0;
}

/* A reset of the whole function, where the device has one; it comes with the rights to memory and
   bus taken away. */
static int function_reset(struct vfio *vfio) {
    struct vfio_device_info info = { .argsz = sizeof info };
    if (ioctl(vfio->fd, VFIO_DEVICE_GET_INFO, &info) != 0)
        return call_failed(vfio, "no device information");
    if ((info.flags & VFIO_DEVICE_FLAGS_RESET) != 0 && ioctl(vfio->fd, VFIO_DEVICE_RESET) != 0)
        log_line("card vfio: %s: no reset of the function: %s; the card's own follows",
                 vfio->device.address, strerror(errno));
    command_bits(vfio, true);
    return 0;
}

static int region_info(const struct vfio *vfio, const struct vfio_place *place, const char *what,
                       struct vfio_region_info *info) {
    *info = (struct vfio_region_info){ .argsz = sizeof *info,
                                       .index = VFIO_PCI_BAR0_REGION_INDEX + place->bar };
    if (ioctl(vfio->fd, VFIO_DEVICE_GET_REGION_INFO, info) != 0)
        return call_failed(vfio, "no information on a BAR");
    if (info->size < place->offset + place->bytes)
        return err_set(-EPROTO,
                       "card vfio: %s: BAR%u has %" PRIu64 " bytes, %s takes %" PRIu64
                       ": this is no Wirepit card or not its image (%04x:%04x); check the address "
                       "with lspci -D, or load the image again",
                       vfio->device.address, place->bar, (uint64_t)info->size, what,
                       place->offset + place->bytes, vfio->device.vendor, vfio->device.device);
    if ((info->flags & VFIO_REGION_INFO_FLAG_MMAP) == 0)
        return err_set(-EPROTO,
                       "card vfio: %s: BAR%u cannot be mapped; give it a page of its own: a BAR of "
                       "4096 bytes or more",
                       vfio->device.address, place->bar);
    return 0;
}

static int place_map(struct vfio *vfio, const struct vfio_place *place, const char *what,
                     struct vfio_map *map) {
    struct vfio_region_info info;
    if (place->bytes == 0) return 0;
    int error = region_info(vfio, place, what, &info);
    if (error != 0) return error;
    void *memory =
        mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, vfio->fd, (off_t)info.offset);
    if (memory == MAP_FAILED) return call_failed(vfio, "a BAR cannot be mapped");
    *map = (struct vfio_map){ .memory = memory,
                              .bytes = info.size,
                              .at = (char *)memory + place->offset };
    return 0;
}

/* VFIO maps every BAR uncached. The file of sysfs beside it maps a prefetchable one
   write-combined, so that 64 bytes are one write on the bus. */
static int window_map(struct vfio *vfio, const char *sysfs) {
    char path[PATH_MAX];
    const struct vfio_place *place = &vfio->layout->window;
    struct vfio_region_info info;
    int error = region_info(vfio, place, "the command window", &info);
    if (error != 0) return error;
    (void)snprintf(path, sizeof path, "%s/bus/pci/devices/%s/resource%u_wc", sysfs,
                   vfio->device.address, place->bar);
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file >= 0) {
        void *memory = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        (void)close(file);
        if (memory != MAP_FAILED) {
            vfio->window = (struct vfio_map){ .memory = memory,
                                              .bytes = info.size,
                                              .at = (char *)memory + place->offset };
            vfio->facts.window_combined = true;
            return 0;
        }
    }
    log_line("card vfio: %s: BAR%u is not write-combined (%s: %s): a command may take eight writes "
             "on the bus",
             vfio->device.address, place->bar, path, strerror(errno));
    return place_map(vfio, place, "the command window", &vfio->window);
}

/* A BAR is mapped in one way only: with IO_STRICT_DEVMEM the mapping of sysfs is taken away, with
   SIGBUS at the next store, when VFIO maps the same BAR. */
static int registers_map(struct vfio *vfio) {
    const struct vfio_place *place = &vfio->layout->registers;
    struct vfio_region_info info;
    if (place->bar != vfio->layout->window.bar)
        return place_map(vfio, place, "the registers", &vfio->registers);
    int error = region_info(vfio, place, "the registers", &info);
    if (error == 0) vfio->registers.at = (char *)vfio->window.memory + place->offset;
    return error;
}

static bool range_fits(const struct vfio_range *range, uint64_t iova, uint64_t bytes) {
    return iova >= range->first && iova <= range->last && range->last - iova >= bytes - 1;
}

int vfio_iova(const struct vfio_range *ranges, unsigned count, uint64_t bytes, uint64_t align,
              uint64_t *iova) {
    const uint64_t liked = UINT64_C(1) << 32;
    CHECK(bytes > 0);
    CHECK((align & (align - 1)) == 0);
    for (unsigned i = 0; i < count; i++) {
        if (!range_fits(&ranges[i], liked, bytes)) continue;
        *iova = liked;
        return 0;
    }
    for (unsigned i = 0; i < count; i++) {
        /* Never at 0, which too many things mean nothing by. */
        uint64_t first = ranges[i].first != 0 ? ranges[i].first : align;
        if (first > UINT64_MAX - align) continue;
        first = (first + align - 1) & ~(align - 1);
        if (!range_fits(&ranges[i], first, bytes)) continue;
        *iova = first;
        return 0;
    }
    return err_set(-ENOSPC,
                   "the IOMMU has no %" PRIu64 " bytes of addresses for the event ring; "
                   "take a smaller ring",
                   bytes);
}

/* iommu_ranges reads which addresses the IOMMU takes; all, where it does not say. */
static unsigned iommu_ranges(const struct vfio *vfio, struct vfio_range *ranges, unsigned max) {
    union {
        struct vfio_iommu_type1_info info;
        char bytes[IOMMU_INFO_BYTES];
    } answer;
    memset(&answer, 0, sizeof answer);
    answer.info.argsz = sizeof answer;
    ranges[0] = (struct vfio_range){ 0, (UINT64_C(1) << 39) - 1 }; /* the narrowest there are */
    if (ioctl(vfio->container, VFIO_IOMMU_GET_INFO, &answer.info) != 0) return 1;
    if ((answer.info.flags & VFIO_IOMMU_INFO_CAPS) == 0) return 1;
    uint32_t at = answer.info.cap_offset;
    while (at != 0 && at <= sizeof answer - sizeof(struct vfio_info_cap_header)) {
        struct vfio_info_cap_header header;
        memcpy(&header, answer.bytes + at, sizeof header);
        struct vfio_iommu_type1_info_cap_iova_range found;
        if (header.id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE &&
            at <= sizeof answer - sizeof found) {
            memcpy(&found, answer.bytes + at, sizeof found);
            unsigned count = 0;
            for (size_t from = at + sizeof found;
                 count < found.nr_iovas && count < max &&
                 from <= sizeof answer - sizeof(struct vfio_iova_range);
                 from += sizeof(struct vfio_iova_range), count++) {
                struct vfio_iova_range range;
                memcpy(&range, answer.bytes + from, sizeof range);
                ranges[count] = (struct vfio_range){ range.start, range.end };
            }
            return count;
        }
        if (header.next <= at) break;
        at = header.next;
    }
    return 1;
}

/* With an IOMMU the pages are pinned by being mapped, so that a physical address holds. */
static int ring_make(struct vfio *vfio, const struct vfio_options *options) {
    enum { RANGES_MAX = 32 };
    struct vfio_range ranges[RANGES_MAX];
    const bool physical = options->physical || vfio->layout->physical || vfio->device.no_iommu;
    const size_t bytes = port_ring_bytes(vfio->port.ring_log2);
    int error = dma_take(bytes, options->ordinary_pages, &vfio->ring);
    if (error != 0) return error;
    if (!vfio->ring.huge && !options->ordinary_pages)
        log_line("card vfio: %s: no free hugepages: the event ring of %zu bytes is in ordinary "
                 "pages; reserve some: echo 64 > /proc/sys/vm/nr_hugepages",
                 vfio->device.address, bytes);
    uint64_t *address = &vfio->port.ring_address;
    if (physical)
        error = dma_physical(&vfio->ring, address);
    else
        error = vfio_iova(ranges, iommu_ranges(vfio, ranges, RANGES_MAX), vfio->ring.bytes,
                          vfio->ring.huge ? DMA_HUGE_BYTES : DMA_PAGE_BYTES, address);
    if (error != 0) return err_wrap(error, "card vfio: %s: event ring: ", vfio->device.address);
    if (vfio->device.no_iommu) {
        /* Nothing keeps the card from where the ring was: it must stay where it is. */
        if (!vfio->ring.huge)
            return err_set(-ENOMEM,
                           "card vfio: %s: without an IOMMU the event ring must be in a hugepage, "
                           "which the kernel does not move; echo 64 > /proc/sys/vm/nr_hugepages",
                           vfio->device.address);
        if (mlock(vfio->ring.memory, vfio->ring.bytes) != 0)
            return err_set(-errno,
                           "card vfio: %s: the event ring cannot be locked: %s; raise "
                           "`ulimit -l`",
                           vfio->device.address, strerror(errno));
        return 0;
    }
    struct vfio_iommu_type1_dma_map map = { .argsz = sizeof map,
                                            .flags =
                                                VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
                                            .vaddr = (uintptr_t)vfio->ring.memory,
                                            .iova = *address,
                                            .size = vfio->ring.bytes };
    if (ioctl(vfio->container, VFIO_IOMMU_MAP_DMA, &map) != 0)
        return err_set(-errno,
                       "card vfio: %s: the IOMMU does not map %zu bytes for the event ring: %s; "
                       "raise the limit of locked memory (ulimit -l) or see dmesg",
                       vfio->device.address, vfio->ring.bytes, strerror(errno));
    vfio->ring_mapped = true;
    return 0;
}

/* Without an interrupt all goes on: a host that waits then looks each VFIO_NAP_NS. */
static int interrupt_make(struct vfio *vfio) {
    struct vfio_irq_info info = { .argsz = sizeof info, .index = VFIO_PCI_MSIX_IRQ_INDEX };
    vfio->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (vfio->event < 0) return call_failed(vfio, "eventfd");
    if (ioctl(vfio->fd, VFIO_DEVICE_GET_IRQ_INFO, &info) == 0) vfio->facts.vectors = info.count;
    if (vfio->facts.vectors == 0) {
        log_line("card vfio: %s: no MSI-X: a host that waits looks each %d us",
                 vfio->device.address, VFIO_NAP_NS / 1000);
        return 0;
    }
    union {
        struct vfio_irq_set set;
        char bytes[sizeof(struct vfio_irq_set) + sizeof(int32_t)];
    } irqs = { .set = { .argsz = sizeof irqs.bytes,
                        .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
                        .index = VFIO_PCI_MSIX_IRQ_INDEX,
                        .count = 1 } };
    const int32_t event = vfio->event;
    memcpy(irqs.bytes + sizeof(struct vfio_irq_set), &event, sizeof event);
    if (ioctl(vfio->fd, VFIO_DEVICE_SET_IRQS, &irqs.set) != 0)
        return call_failed(vfio, "its MSI-X vector is not taken");
    return 0;
}

static int ready(struct vfio *vfio, const struct vfio_options *options) {
    const char *sysfs = options->sysfs != NULL ? options->sysfs : "/sys";
    const char *dev = options->dev != NULL ? options->dev : "/dev/vfio";
    int error = pci_find(sysfs, dev, options->address, &vfio->device);
    if (error != 0) return error;
    vfio->layout = options->layout != NULL
                       ? options->layout
                       : vfio_layout_of(vfio->device.vendor, vfio->device.device);
    error = group_open(vfio, options, sysfs, dev);
    if (error == 0) error = function_reset(vfio);
    if (error == 0) error = window_map(vfio, sysfs);
    if (error == 0) error = registers_map(vfio);
    if (error == 0) error = place_map(vfio, &vfio->layout->bell, "the bell", &vfio->bell);
    if (error == 0 && vfio->layout->access->begin != NULL)
        error = vfio->layout->access->begin(vfio);
    if (error == 0) error = ring_make(vfio, options);
    if (error == 0) error = interrupt_make(vfio);
    if (error != 0) return error;

    vfio->facts.layout = vfio->layout->name;
    vfio->facts.store = store64_name(store64_best());
    vfio->facts.ring_huge = vfio->ring.huge;
    vfio->facts.no_iommu = vfio->device.no_iommu;
    vfio->facts.ring_address = vfio->port.ring_address;
    vfio->store = store64_get(store64_best());
    vfio->port.operations = &vfio_operations;
    vfio->port.ring = vfio->ring.memory;
    vfio->port.init_tries_max = INIT_TRIES_MAX;
    error = port_open(&vfio->port, "vfio");
    /* All ones pass for no digest; the cause is that nobody answers. */
    if (vfio->broken) return broken(vfio);
    if (error == 0)
        log_line("card vfio: %s: 64-byte stores by %s, BAR%u %s; ring of 2^%u events in %s, the "
                 "card sees it at %#" PRIx64 "; %u MSI-X vectors",
                 vfio->device.address, vfio->facts.store, vfio->layout->window.bar,
                 vfio->facts.window_combined ? "write-combined" : "uncached", vfio->port.ring_log2,
                 vfio->ring.huge ? "hugepages" : "ordinary pages", vfio->port.ring_address,
                 vfio->facts.vectors);
    return error;
}

int vfio_open(const struct vfio_options *options, struct card **card) {
    CHECK(options->address != NULL);
    const uint32_t ring_log2 = options->ring_log2 != 0 ? options->ring_log2 : VFIO_RING_LOG2;
    if (ring_log2 < PORT_RING_LOG2_MIN || ring_log2 > PORT_RING_LOG2_MAX)
        return err_set(-EINVAL, "card vfio: a ring of 2^%u events: it must be 2^%d to 2^%d",
                       ring_log2, PORT_RING_LOG2_MIN, PORT_RING_LOG2_MAX);
    struct vfio *vfio = calloc(1, sizeof *vfio);
    if (vfio == NULL) return err_set(-ENOMEM, "card vfio: no memory");
    vfio->container = vfio->group = vfio->fd = vfio->event = -1;
    vfio->port.ring_log2 = ring_log2;
    vfio->spin_ns = options->spin_ns != 0 ? options->spin_ns : VFIO_SPIN_NS;
    int error = ready(vfio, options);
    if (error != 0) {
        vfio_free(vfio);
        return error;
    }
    *card = &vfio->port.card;
    return 0;
}

struct vfio_facts vfio_facts(struct card *card) {
    CHECK(strcmp(card->name, "vfio") == 0);
    struct vfio *vfio = (struct vfio *)(void *)card;
    count_interrupts(vfio);
    return vfio->facts;
}
