/* pci.h: a PCI device as sysfs shows it, and whether a program may drive it through VFIO. */
#ifndef DRIVER_PCI_H
#define DRIVER_PCI_H

#include <stdbool.h>
#include <stdint.h>

enum { PCI_ADDRESS_BYTES = 16, PCI_GROUP_BYTES = 16 };

struct pci_device {
    char address[PCI_ADDRESS_BYTES]; /* 0000:03:00.0 */
    uint16_t vendor, device;
    char group[PCI_GROUP_BYTES]; /* number of its IOMMU group */
    bool no_iommu;               /* the group has no IOMMU: its devices write wherever they like */
};

/* pci_address_valid says whether text reads as 0000:03:00.0 does. */
bool pci_address_valid(const char *text);

/* pci_find looks for the device with this address below sysfs ("/sys") and for its group's file
   below dev ("/dev/vfio"). Returns 0 and *device; or
     -EINVAL   text is no address
     -ENODEV   there is no such device
     -ENXIO    another driver than vfio-pci has it, or none
     -ENOTSUP  it is in no IOMMU group
   err_text has the commands that put it right. With the last two, address, vendor and device are
   filled all the same. */
int pci_find(const char *sysfs, const char *dev, const char *text, struct pci_device *device);

/* pci_strangers says in text which devices of the group another driver has: why a group is not
   viable. */
void pci_strangers(const char *sysfs, const struct pci_device *device, char *text, unsigned bytes);

#endif /* DRIVER_PCI_H */
