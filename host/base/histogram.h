/* histogram.h: how long things took: counts of nanoseconds in log-linear buckets.
 *
 * Up to HISTOGRAM_STEPS every value has its own bucket; above, each power of two is cut into
 * HISTOGRAM_STEPS buckets, so that a quantile is at most 1/64 too large and never too small. The
 * largest value is kept exactly. No allocation; a zeroed struct is an empty histogram. */
#ifndef HOST_BASE_HISTOGRAM_H
#define HOST_BASE_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_STEPS_LOG2 = 6, HISTOGRAM_STEPS = 1 << HISTOGRAM_STEPS_LOG2 };
enum { HISTOGRAM_BUCKETS = (64 - HISTOGRAM_STEPS_LOG2 + 1) * HISTOGRAM_STEPS };

struct histogram {
    uint64_t count; /* values added */
    uint64_t max;   /* the largest of them; 0 while there is none */
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* What people ask of a histogram. */
struct histogram_summary {
    uint64_t count, p50, p99, p999, max;
};

/* histogram_add counts one value. */
void histogram_add(struct histogram *histogram, uint64_t value);

/* histogram_merge adds all that other counted. */
void histogram_merge(struct histogram *histogram, const struct histogram *other);

/* histogram_quantile returns a value that at least parts / 100,000 of the values do not exceed:
   50,000 asks for the median, 99,900 for p99.9. parts is at most 100,000. 0 when empty. */
uint64_t histogram_quantile(const struct histogram *histogram, uint32_t parts);

/* histogram_summarise fills in the usual quantiles. */
struct histogram_summary histogram_summarise(const struct histogram *histogram);

#endif /* HOST_BASE_HISTOGRAM_H */
