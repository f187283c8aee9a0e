#define _GNU_SOURCE /* MAP_HUGETLB, MADV_DONTFORK */
#include "driver/dma.h"
#include "host/base/check.h"
#include "host/base/err.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HUGE_SHIFT = 26, HUGE_LOG2 = 21 }; /* of linux/mman.h, and of DMA_HUGE_BYTES */
static_assert(1 << HUGE_LOG2 == DMA_HUGE_BYTES, "the size that mmap is asked for");

/* An entry of /proc/self/pagemap. */
#define PAGEMAP_FRAME   ((UINT64_C(1) << 55) - 1)
#define PAGEMAP_PRESENT (UINT64_C(1) << 63)

static void *map(size_t bytes, int flags) {
    /* Shared: a private page that was written before a fork is copied on the next write, and the
       device would go on writing to the other one. */
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE | flags, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static size_t rounded(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

int dma_take(size_t bytes, bool ordinary, struct dma *dma) {
    CHECK(bytes > 0);
    struct dma taken = { .bytes = rounded(bytes, DMA_HUGE_BYTES), .huge = true };
    if (!ordinary) taken.memory = map(taken.bytes, MAP_HUGETLB | HUGE_LOG2 << HUGE_SHIFT);
    if (taken.memory == NULL) {
        taken = (struct dma){ .bytes = rounded(bytes, DMA_PAGE_BYTES) };
        taken.memory = map(taken.bytes, 0);
    }
    if (taken.memory == NULL)
        return err_set(-ENOMEM, "no memory for %zu bytes that a card can write to: %s", taken.bytes,
                       strerror(errno));
    (void)madvise(taken.memory, taken.bytes, MADV_DONTFORK);
    *dma = taken;
    return 0;
}

void dma_give_back(struct dma *dma) {
    if (dma->memory != NULL) (void)munmap(dma->memory, dma->bytes);
    dma->memory = NULL;
}

static int frame(int pagemap, const char *page, uint64_t *address) {
    uint64_t entry = 0;
    const off_t at = (off_t)((uintptr_t)page / DMA_PAGE_BYTES * sizeof entry);
    if (pread(pagemap, &entry, sizeof entry, at) != (ssize_t)sizeof entry)
        return err_set(-EIO, "/proc/self/pagemap: %s", strerror(errno));
    /* Without the right the frame reads as zero. */
    if ((entry & PAGEMAP_PRESENT) == 0 || (entry & PAGEMAP_FRAME) == 0)
        return err_set(-EPERM, "/proc/self/pagemap does not tell where memory lies: that needs "
                               "CAP_SYS_ADMIN; run as root, or use the IOMMU");
    *address = (entry & PAGEMAP_FRAME) * DMA_PAGE_BYTES;
    return 0;
}

int dma_physical(const struct dma *dma, uint64_t *address) {
    int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    if (pagemap < 0) return err_set(-errno, "/proc/self/pagemap: %s", strerror(errno));
    const size_t step = dma->huge ? DMA_HUGE_BYTES : DMA_PAGE_BYTES;
    uint64_t first = 0;
    int error = 0;
    for (size_t at = 0; error == 0 && at < dma->bytes; at += step) {
        uint64_t here = 0;
        error = frame(pagemap, (const char *)dma->memory + at, &here);
        if (at == 0) first = here;
        if (error == 0 && here != first + at)
            error = err_set(-EXDEV,
                            "%zu bytes do not lie in one piece of physical memory; reserve "
                            "hugepages: echo 64 > /proc/sys/vm/nr_hugepages",
                            dma->bytes);
    }
    (void)close(pagemap);
    if (error == 0) *address = first;
    return error;
}
