#define _GNU_SOURCE
#include "driver/pci.h"
#include "host/base/err.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char vfio_pci[] = "vfio-pci";

bool pci_address_valid(const char *text) {
    static const char form[] = "xxxx:xx:xx.7";
    if (strlen(text) != sizeof form - 1) return false;
    for (int i = 0; form[i] != 0; i++) {
        const unsigned char c = (unsigned char)text[i];
        if (form[i] == 'x' ? !isxdigit(c) : form[i] == '7' ? c < '0' || c > '7' : c != form[i])
            return false;
    }
    return true;
}

/* The last name of what a link points to; false where there is no link. */
static bool link_name(const char *path, char *name, size_t bytes) {
    char to[PATH_MAX];
    ssize_t count = readlink(path, to, sizeof to - 1);
    if (count <= 0) return false;
    to[count] = 0;
    const char *slash = strrchr(to, '/');
    return (size_t)snprintf(name, bytes, "%s", slash != NULL ? slash + 1 : to) < bytes;
}

static uint16_t id_read(const char *sysfs, const char *address, const char *what) {
    char path[PATH_MAX], text[16] = "";
    (void)snprintf(path, sizeof path, "%s/bus/pci/devices/%s/%s", sysfs, address, what);
    FILE *file = fopen(path, "re");
    if (file == NULL) return 0;
    if (fgets(text, sizeof text, file) == NULL) text[0] = 0;
    (void)fclose(file);
    return (uint16_t)strtoul(text, NULL, 16);
}

static int driver_check(const char *sysfs, const char *address) {
    char path[PATH_MAX], driver[64];
    (void)snprintf(path, sizeof path, "%s/bus/pci/devices/%s/driver", sysfs, address);
    const bool bound = link_name(path, driver, sizeof driver);
    if (bound && strcmp(driver, vfio_pci) == 0) return 0;
    if (!bound)
        return err_set(-ENXIO,
                       "card vfio: %s: no driver is bound to it; as root: modprobe vfio-pci && "
                       "echo vfio-pci > /sys/bus/pci/devices/%s/driver_override && "
                       "echo %s > /sys/bus/pci/drivers_probe",
                       address, address, address);
    return err_set(-ENXIO,
                   "card vfio: %s: bound to %s, not to vfio-pci; as root: modprobe vfio-pci && "
                   "echo vfio-pci > /sys/bus/pci/devices/%s/driver_override && "
                   "echo %s > /sys/bus/pci/drivers/%s/unbind && "
                   "echo %s > /sys/bus/pci/drivers_probe",
                   address, driver, address, address, driver, address);
}

int pci_find(const char *sysfs, const char *dev, const char *text, struct pci_device *device) {
    char path[PATH_MAX];
    if (!pci_address_valid(text))
        return err_set(-EINVAL,
                       "card vfio: \"%s\": a PCI address reads 0000:03:00.0; lspci -D lists them",
                       text);
    *device = (struct pci_device){ .vendor = id_read(sysfs, text, "vendor"),
                                   .device = id_read(sysfs, text, "device") };
    (void)snprintf(device->address, sizeof device->address, "%s", text);
    (void)snprintf(path, sizeof path, "%s/bus/pci/devices/%s", sysfs, text);
    if (access(path, F_OK) != 0)
        return err_set(-ENODEV,
                       "card vfio: %s: no such PCI device; lspci -D lists them; after the card was "
                       "loaded: echo 1 > /sys/bus/pci/rescan",
                       text);
    int error = driver_check(sysfs, text);
    if (error != 0) return error;
    (void)snprintf(path, sizeof path, "%s/bus/pci/devices/%s/iommu_group", sysfs, text);
    if (!link_name(path, device->group, sizeof device->group))
        return err_set(-ENOTSUP,
                       "card vfio: %s: in no IOMMU group; turn VT-d or AMD-Vi on in the firmware's "
                       "setup and boot with intel_iommu=on iommu=pt; without an IOMMU: "
                       "echo 1 > /sys/module/vfio/parameters/enable_unsafe_noiommu_mode, bind it "
                       "again, and say card_iommu: off",
                       text);
    (void)snprintf(path, sizeof path, "%s/noiommu-%s", dev, device->group);
    device->no_iommu = access(path, F_OK) == 0;
    return 0;
}

void pci_strangers(const char *sysfs, const struct pci_device *device, char *text, unsigned bytes) {
    char path[PATH_MAX], driver[64];
    size_t used = 0;
    text[0] = 0;
    (void)snprintf(path, sizeof path, "%s/bus/pci/devices/%s/iommu_group/devices", sysfs,
                   device->address);
    DIR *directory = opendir(path);
    if (directory == NULL) return;
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        (void)snprintf(path, sizeof path, "%s/bus/pci/devices/%s/driver", sysfs, entry->d_name);
        if (!link_name(path, driver, sizeof driver) || strcmp(driver, vfio_pci) == 0 ||
            strcmp(driver, "pcieport") == 0) /* a bridge, which VFIO does not mind */
            continue;
        int count = snprintf(text + used, bytes - used, "%s%s (%s)", used != 0 ? ", " : "",
                             entry->d_name, driver);
        if (count < 0 || used + (size_t)count >= bytes) break;
        used += (size_t)count;
    }
    (void)closedir(directory);
}
