/* lwippools: the memory of what lwIP sends, in two sizes: headers and short answers, full frames.
 * lwIP includes this several times. See lwipopts.h for the numbers. */
LWIP_MALLOC_MEMPOOL_START
LWIP_MALLOC_MEMPOOL(OPTIONS_SMALL_COUNT, 256)
LWIP_MALLOC_MEMPOOL(OPTIONS_LARGE_COUNT, 1664)
LWIP_MALLOC_MEMPOOL_END
