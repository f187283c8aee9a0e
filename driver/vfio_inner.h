/* vfio_inner.h: what the files of the vfio transport share, and its tests: where a board has what
 * (data), and how registers and window are reached there. */
#ifndef DRIVER_VFIO_INNER_H
#define DRIVER_VFIO_INNER_H

#include "driver/dma.h"
#include "driver/pci.h"
#include "driver/port.h"
#include "driver/store64.h"
#include "driver/vfio.h"

/* Bytes of a BAR. */
struct vfio_place {
    uint8_t bar;
    uint64_t offset, bytes; /* bytes 0: the board has no such place */
};

struct vfio;

/* Ways to a board's registers and window, none of which waits without a bound. A read that is not
   answered gives all ones. */
struct vfio_access {
    int (*begin)(struct vfio *vfio); /* once all is mapped: 0, or -errno with err_text */
    uint32_t (*read)(struct vfio *vfio, uint32_t reg);
    void (*write)(struct vfio *vfio, uint32_t reg, uint32_t value);
    void (*window_write)(struct vfio *vfio, uint32_t slot, const struct command *command);
    /* asleep tells the board that it shall ring, or that it need not; a fence follows. NULL where
       it rings for every event. */
    void (*asleep)(struct vfio *vfio, bool asleep);
};

struct vfio_layout {
    const char *name;
    uint16_t vendor, device; /* 0: any that no other layout names */
    struct vfio_place registers, window, bell;
    bool physical; /* the board sees physical addresses whatever the IOMMU says */
    const struct vfio_access *access;
};

/* vfio_layout_of finds the layout of a device. What it makes of an unknown one, card_check
 * refuses. */
const struct vfio_layout *vfio_layout_of(uint16_t vendor, uint16_t device);

extern const struct vfio_access vfio_direct;  /* loads and stores to BARs */
extern const struct vfio_access vfio_ivshmem; /* posts in a shared BAR, vfio_ivshmem.c */

struct vfio_map {
    void *memory; /* of the mapping; NULL: none */
    size_t bytes;
    char *at; /* of the place in it */
};

struct vfio {
    struct port port;
    struct pci_device device;
    const struct vfio_layout *layout;
    int container, group, fd, event; /* -1: none */
    struct vfio_map registers, window, bell;
    store64_way *store;
    struct dma ring;
    bool ring_mapped; /* in the IOMMU */
    uint32_t spin_ns;
    struct vfio_facts facts;

    bool broken;
    char why[256];
    uint64_t dry_consumed; /* all events there are, since when nothing has come */
    uint64_t dry_ns;       /* of waiting, less what the process was itself held up */
    uint64_t seen_ns;      /* when progress was last called */
    uint64_t looked_ns;

    uint64_t posted, taken; /* of the posts in a shared BAR */
};

/* The ways of the port over the board's, with all ones seen; vfio_open fills a port with them. */
extern const struct port_operations vfio_operations;

/* vfio_breaks keeps why the card is of no use any more, and returns -EIO with it. */
int vfio_breaks(struct vfio *vfio, const char *why);

/* vfio_iova chooses where the card shall see bytes bytes, aligned to align, a power of two: at
   4 GiB if it may, so that bits above 31 are in use, else at the beginning of the first range that
   has room. 0, or -ENOSPC. Ranges are inclusive, as VFIO gives them. */
struct vfio_range {
    uint64_t first, last;
};
int vfio_iova(const struct vfio_range *ranges, unsigned count, uint64_t bytes, uint64_t align,
              uint64_t *iova);

#endif /* DRIVER_VFIO_INNER_H */
