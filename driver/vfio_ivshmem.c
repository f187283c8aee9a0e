/* The Verilated card behind QEMU's ivshmem-doorbell, which gives a guest shared memory (BAR2), a
 * bell (BAR0) and MSI-X (BAR1), but no registers: a load from shared memory asks nobody. So what a
 * card's BARs take as loads and stores goes as posts through simbus_layout.h's ring in BAR2, in the
 * same order; all else of the transport is as on a real card. wirepit-card --ivshmem is the other
 * end. */
#include "driver/simbus_layout.h"
#include "driver/vfio_inner.h"
#include "host/base/clock.h"
#include "host/base/err.h"
#include <errno.h>

enum {
    DOORBELL = 0x0c, /* of BAR0: peer in bits 31:16, vector below */
    LOOKS = 64,      /* between two looks at the time */
    AWAKE = 0,
};

static struct simbus_memory *memory_of(const struct vfio *vfio) {
    return (struct simbus_memory *)(void *)vfio->registers.at;
}

static bool runs(const struct simbus_memory *memory) {
    return atomic_load_explicit(&memory->card.state, memory_order_acquire) == SIMBUS_RUNS;
}

static bool answered(const struct vfio *vfio) {
    return atomic_load_explicit(&memory_of(vfio)->answer.number, memory_order_acquire) ==
           vfio->posted;
}

static bool has_room(const struct vfio *vfio) {
    return vfio->posted - atomic_load_explicit(&memory_of(vfio)->card.taken, memory_order_acquire) <
           SIMBUS_POSTS;
}

/* await is false when it does not come in time: as PCIe has its completion timeout. */
static bool await(const struct vfio *vfio, bool (*come)(const struct vfio *)) {
    uint64_t from_ns = 0;
    for (unsigned looks = 1; !come(vfio); looks++) {
        simbus_pause();
        if (looks % LOOKS != 0) continue;
        if (!runs(memory_of(vfio))) return false;
        const uint64_t now_ns = clock_monotonic_ns();
        if (from_ns == 0) from_ns = now_ns;
        if (now_ns - from_ns >= VFIO_SILENCE_NS) return come(vfio);
    }
    return true;
}

static void silent(struct vfio *vfio) {
    (void)vfio_breaks(vfio, runs(memory_of(vfio))
                                ? "it answers all ones: its wirepit-card has not answered for 3 s; "
                                  "see to it, then reset and replay"
                                : "it answers all ones: its wirepit-card has ended; start it and "
                                  "QEMU again");
}

/* post_begin gives the place of the next post, NULL once nobody takes any. */
static struct simbus_post *post_begin(struct vfio *vfio) {
    struct simbus_memory *memory = memory_of(vfio);
    if (vfio->broken) return NULL;
    if (vfio->posted - vfio->taken == SIMBUS_POSTS) {
        if (!await(vfio, has_room)) {
            silent(vfio);
            return NULL;
        }
        vfio->taken = atomic_load_explicit(&memory->card.taken, memory_order_acquire);
    }
    return &memory->posts[vfio->posted % SIMBUS_POSTS];
}

static void post_end(struct vfio *vfio, struct simbus_post *post) {
    atomic_store_explicit(&post->number, ++vfio->posted, memory_order_release);
    atomic_thread_fence(memory_order_seq_cst);
    _Atomic uint32_t *asleep = &memory_of(vfio)->card.asleep;
    if (atomic_load_explicit(asleep, memory_order_relaxed) == AWAKE) return;
    if (atomic_exchange_explicit(asleep, AWAKE, memory_order_relaxed) == AWAKE) return;
    *(volatile uint32_t *)(void *)(vfio->bell.at + DOORBELL) = 0; /* peer 0, vector 0 */
}

static uint32_t ivshmem_read(struct vfio *vfio, uint32_t reg) {
    struct simbus_post *post = post_begin(vfio);
    if (post == NULL) return UINT32_MAX;
    post->kind = SIMBUS_READ;
    post->address = reg;
    post_end(vfio, post);
    if (await(vfio, answered)) return memory_of(vfio)->answer.value;
    silent(vfio);
    return UINT32_MAX;
}

static void ivshmem_write(struct vfio *vfio, uint32_t reg, uint32_t value) {
    struct simbus_post *post = post_begin(vfio);
    if (post == NULL) return;
    post->kind = SIMBUS_WRITE;
    post->address = reg;
    post->value = value;
    post_end(vfio, post);
}

/* The command goes through the window's own mapping, by the store that a real card gets. */
static void ivshmem_window_write(struct vfio *vfio, uint32_t slot, const struct command *command) {
    struct simbus_post *post = post_begin(vfio);
    if (post == NULL) return;
    vfio->store(vfio->window.at + vfio->posted % SIMBUS_POSTS * sizeof *post, command);
    post->kind = SIMBUS_WINDOW;
    post->address = slot;
    post_end(vfio, post);
}

static void ivshmem_asleep(struct vfio *vfio, bool asleep) {
    atomic_store_explicit(&memory_of(vfio)->host.asleep, asleep ? 1 : AWAKE, memory_order_relaxed);
}

/* A process that drove the card before may have posted what is not taken yet: its posts come
   first. */
static int ivshmem_begin(struct vfio *vfio) {
    struct simbus_memory *memory = memory_of(vfio);
    struct simbus_hello hello;
    memcpy(&hello, memory + 1, sizeof hello);
    if (memcmp(hello.magic, SIMBUS_MAGIC, sizeof SIMBUS_MAGIC) != 0)
        return err_set(-EPROTO,
                       "card vfio: %s: shared memory, but not a wirepit-card's; start QEMU with "
                       "-chardev socket at the path of wirepit-card --ivshmem",
                       vfio->device.address);
    if (hello.version != SIMBUS_VERSION || hello.head_bytes != sizeof *memory)
        return err_set(-EPROTO,
                       "card vfio: %s: layout %u, this host's is %u; rebuild one of wirepit-card "
                       "and host",
                       vfio->device.address, hello.version, SIMBUS_VERSION);
    vfio->posted = vfio->taken = atomic_load_explicit(&memory->card.taken, memory_order_acquire);
    for (unsigned i = 0; i < SIMBUS_POSTS; i++) {
        const struct simbus_post *post = &memory->posts[vfio->posted % SIMBUS_POSTS];
        if (atomic_load_explicit(&post->number, memory_order_acquire) != vfio->posted + 1) break;
        vfio->posted++;
    }
    return 0;
}

const struct vfio_access vfio_ivshmem = {
    .begin = ivshmem_begin,
    .read = ivshmem_read,
    .write = ivshmem_write,
    .window_write = ivshmem_window_write,
    .asleep = ivshmem_asleep,
};
