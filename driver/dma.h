/* dma.h: host memory that a device writes to: a hugepage's where there are any, since a ring that
 * lies in one costs one entry of the IOMMU's and the processor's translation tables; ordinary pages
 * otherwise. */
#ifndef DRIVER_DMA_H
#define DRIVER_DMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DMA_HUGE_BYTES = 2 << 20, DMA_PAGE_BYTES = 4096 };

struct dma {
    void *memory; /* NULL: none */
    size_t bytes; /* a multiple of the page */
    bool huge;
};

/* dma_take fills dma with at least bytes bytes of zeros, resident and not shared with children of
   fork. Hugepages unless ordinary is asked for or none are free: then dma->huge is false, for the
   caller to say so. 0, or -ENOMEM with err_text. dma_give_back gives them back; twice is no harm.
 */
int dma_take(size_t bytes, bool ordinary, struct dma *dma);
void dma_give_back(struct dma *dma);

/* dma_physical finds where the memory lies in the machine, for a device without an IOMMU before it.
   Returns 0 and *address; or
     -EPERM     the process may not know: it needs CAP_SYS_ADMIN
     -EXDEV     it lies in pieces: only hugepages and single pages do not
   Nothing keeps the system from moving pages that are not pinned: pin them first or take
   hugepages. */
int dma_physical(const struct dma *dma, uint64_t *address);

#endif /* DRIVER_DMA_H */
