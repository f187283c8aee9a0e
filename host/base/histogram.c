#include "host/base/histogram.h"
#include "host/base/check.h"

/* Above the first HISTOGRAM_STEPS values, the top HISTOGRAM_STEPS_LOG2 + 1 bits name the bucket;
 * the others are shifted out. */
static uint32_t bucket_of(uint64_t value) {
    if (value < HISTOGRAM_STEPS) return (uint32_t)value;
    uint32_t top = 63u - (uint32_t)__builtin_clzll(value);
    uint32_t shift = top - HISTOGRAM_STEPS_LOG2;
    return shift * HISTOGRAM_STEPS + (uint32_t)(value >> shift);
}

/* The largest value of a bucket. */
static uint64_t bucket_last(uint32_t bucket) {
    if (bucket < 2 * HISTOGRAM_STEPS) return bucket;
    uint32_t shift = bucket / HISTOGRAM_STEPS - 1;
    uint64_t top = bucket % HISTOGRAM_STEPS + HISTOGRAM_STEPS;
    return (top << shift) + ((UINT64_C(1) << shift) - 1);
}

void histogram_add(struct histogram *histogram, uint64_t value) {
    histogram->buckets[bucket_of(value)]++;
    histogram->count++;
    if (value > histogram->max) histogram->max = value;
}

void histogram_merge(struct histogram *histogram, const struct histogram *other) {
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) histogram->buckets[i] += other->buckets[i];
    histogram->count += other->count;
    if (other->max > histogram->max) histogram->max = other->max;
}

uint64_t histogram_quantile(const struct histogram *histogram, uint32_t parts) {
    CHECK(parts <= 100000);
    if (histogram->count == 0) return 0;
    /* The rank is rounded up, so that the quantile covers at least its share. Counts stay far
       below 2^64 / 100,000. */
    uint64_t rank = (histogram->count * parts + 99999) / 100000;
    if (rank == 0) rank = 1;
    uint64_t seen = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen < rank) continue;
        uint64_t last = bucket_last(i);
        return last < histogram->max ? last : histogram->max;
    }
    CHECK(!"the buckets hold fewer values than were counted");
    return 0;
}

struct histogram_summary histogram_summarise(const struct histogram *histogram) {
    return (struct histogram_summary){ .count = histogram->count,
                                       .p50 = histogram_quantile(histogram, 50000),
                                       .p99 = histogram_quantile(histogram, 99000),
                                       .p999 = histogram_quantile(histogram, 99900),
                                       .max = histogram->max };
}
