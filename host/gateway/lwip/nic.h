/* nic: Ethernet frames in and out, whatever carries them: one table of operations that every port
 * fills. Keeps the headers of DPDK and of lwIP, which clash, in files of their own, and lets a test
 * be the wire. Single-threaded. */
#ifndef HOST_GATEWAY_LWIP_NIC_H
#define HOST_GATEWAY_LWIP_NIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NIC_MAC_BYTES = 6, NIC_FRAME_BYTES_MAX = 1514, NIC_BURST = 32 };

struct nic_frame {
    const uint8_t *bytes;
    uint32_t count;
};

struct nic_counts {
    uint64_t received, sent;
    uint64_t dropped; /* not sent: no buffer, or the port's queue stayed full */
    uint64_t missed;  /* not received, as the port counts them */
};

struct nic;

struct nic_operations {
    uint32_t (*receive)(struct nic *nic, struct nic_frame *frames, uint32_t frames_max);
    uint8_t *(*reserve)(struct nic *nic, uint32_t bytes);
    void (*flush)(struct nic *nic);
    int (*wait)(struct nic *nic, uint64_t timeout_ns);
    bool (*linked)(struct nic *nic);
    struct nic_counts (*counts)(struct nic *nic);
    void (*close)(struct nic *nic);
};

/* Every implementation's own struct begins with this one. */
struct nic {
    const struct nic_operations *operations;
    const char *name; /* of the port: af_xdp, af_packet, ... */
    uint8_t mac[NIC_MAC_BYTES];
};

/* nic_receive gives up to frames_max, at most NIC_BURST, frames that have come, oldest first. They
   are good until it is called again. Returns how many. */
static inline uint32_t nic_receive(struct nic *nic, struct nic_frame *frames, uint32_t frames_max) {
    return nic->operations->receive(nic, frames, frames_max);
}

/* nic_reserve gives room for a frame of so many bytes, to be filled at once; nic_flush sends what
   was filled. NULL when there is no room: the frame is lost, and counted. */
static inline uint8_t *nic_reserve(struct nic *nic, uint32_t bytes) {
    return nic->operations->reserve(nic, bytes);
}
static inline void nic_flush(struct nic *nic) { nic->operations->flush(nic); }

/* nic_wait sleeps until a frame may be there, at most timeout_ns. Returns 0, or -EINTR after a
   signal. */
static inline int nic_wait(struct nic *nic, uint64_t timeout_ns) {
    return nic->operations->wait(nic, timeout_ns);
}

/* nic_linked: the other end is there. */
static inline bool nic_linked(struct nic *nic) { return nic->operations->linked(nic); }

static inline struct nic_counts nic_counts(struct nic *nic) { return nic->operations->counts(nic); }

/* nic_close sends nothing more and gives back the port. */
static inline void nic_close(struct nic *nic) { nic->operations->close(nic); }

#endif /* HOST_GATEWAY_LWIP_NIC_H */
