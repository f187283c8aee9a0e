/* ivshmem.h: the server that QEMU's ivshmem-doorbell device asks for its memory and its bells
 * (protocol version 0, QEMU's docs/specs/ivshmem-spec.txt). Two peers: 0 is the server itself, 1
 * the guest. One vector each. */
#ifndef SIM_IVSHMEM_H
#define SIM_IVSHMEM_H

#include <stdbool.h>
#include <stddef.h>

struct ivshmem {
    int memory;     /* a file of ivshmem_bytes, the guest's BAR2 */
    int our_bell;   /* eventfd: the guest has rung (it writes 0 to its doorbell register) */
    int guest_bell; /* eventfd: written, it is an MSI-X interrupt of the guest's */
};

/* ivshmem_bytes is the size of a BAR that has room for bytes: the next power of two. */
size_t ivshmem_bytes(size_t bytes);

/* ivshmem_hello says on a stream socket what QEMU wants to hear, and passes the descriptors. False
   when QEMU has gone. It does not wait: the socket's buffer has room for all. */
bool ivshmem_hello(int socket, const struct ivshmem *ivshmem);

#endif /* SIM_IVSHMEM_H */
