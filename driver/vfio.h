/* vfio.h: CARD=vfio:0000:03:00.0: a card on PCIe, driven from user space through Linux's VFIO.
 *
 * Registers are loads and stores to BAR0, commands are 64-byte stores to BAR2, mapped
 * write-combined where the system allows it, and events are polled in a ring in hugepage memory
 * that the IOMMU lets the card write to. No system call is made while commands go out and events
 * come in; a host that has waited for VFIO_SPIN_NS sleeps until the card's MSI-X rings,
 * VFIO_NAP_NS at most. */
#ifndef DRIVER_VFIO_H
#define DRIVER_VFIO_H

#include "driver/card.h"

enum {
    VFIO_RING_LOG2 = 12,    /* events of the ring unless the options say otherwise */
    VFIO_SPIN_NS = 20000,   /* likewise */
    VFIO_NAP_NS = 200000,   /* a lost interrupt costs no more */
    VFIO_LOOK_NS = 10000000 /* so often a card that says nothing is asked whether it is there */
};
#define VFIO_SILENCE_NS UINT64_C(3000000000) /* with a command outstanding: the card hangs */

struct vfio_layout;

/* All zero but the address is the default. */
struct vfio_options {
    const char *address; /* 0000:03:00.0 */
    uint32_t ring_log2;  /* 0 is VFIO_RING_LOG2 */
    uint32_t spin_ns;    /* 0 is VFIO_SPIN_NS; UINT32_MAX never sleeps */
    bool no_iommu;       /* drive also a card that no IOMMU holds back: it can write to all of the
                            machine's memory. Never taken unasked; a warning says so */
    bool physical;       /* the card sees the ring at its physical address, as it does without
                            an IOMMU; otherwise at one that the driver chooses */
    bool ordinary_pages; /* no hugepages for the ring, even if there are any */
    const char *sysfs, *dev;          /* NULL: /sys and /dev/vfio */
    const struct vfio_layout *layout; /* NULL: as vendor and device say; see vfio_inner.h */
};

/* vfio_open takes the card at the address, resets it and gives it in REPLAY mode. It must be bound
   to vfio-pci. Returns 0 and *card, which card_close resets and gives back; or, with the next step
   in err_text,
     -EINVAL    no PCI address, or a ring out of range
     -ENODEV, -ENXIO, -ENOTSUP   as pci_find says
     -EACCES    the group's file is not this user's
     -EBUSY     another process has the card
     -EPERM     its group has no IOMMU and no_iommu was not asked for
     -EPROTO    BARs too small, or built from other tables: another image or another device
     -EIO       it answers all ones or does not come up
     -ENOMEM and others   of memory and of VFIO's calls

   A card that falls off the bus answers all ones: seen within VFIO_LOOK_NS of polling while nothing
   comes, and by whatever read meets it. Poll then returns -EIO, reads give all ones, writes go
   nowhere. One that hangs is -EIO after VFIO_SILENCE_NS. Either is closed and opened again, then
   replayed. */
int vfio_open(const struct vfio_options *options, struct card **card);

/* What open found, and counts since. */
struct vfio_facts {
    const char *layout;   /* "card" or "ivshmem" */
    const char *store;    /* how 64 bytes are stored: store64_name */
    bool window_combined; /* BAR2 is mapped write-combined */
    bool ring_huge, no_iommu;
    uint64_t ring_address;     /* as the card sees it */
    uint32_t vectors;          /* MSI-X; 0: the host never sleeps for longer than VFIO_NAP_NS */
    uint64_t interrupts, naps; /* since open */
};

/* vfio_facts says so of a card that vfio_open gave. */
struct vfio_facts vfio_facts(struct card *card);

#endif /* DRIVER_VFIO_H */
