#include "histogram.h"

#include <math.h>

uint64_t histogram_upper(size_t index) {
    const uint64_t linear = 1u << HISTOGRAM_SUB_BITS;
    if (index < linear)
        return index;
    unsigned shift = (unsigned)(index / linear) - 1;
    uint64_t lower = (index % linear + linear) << shift;
    return lower + ((1ull << shift) - 1);
}

void histogram_merge(struct histogram *into, const struct histogram *from) {
    into->count += from->count;
    if (from->max > into->max)
        into->max = from->max;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        into->bucket[i] += from->bucket[i];
}

uint64_t histogram_quantile(const struct histogram *histogram, double q) {
    uint64_t rank = (uint64_t)ceil(q * (double)histogram->count), seen = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->bucket[i];
        if (seen >= rank && seen > 0) {
            uint64_t upper = histogram_upper(i);
            return upper < histogram->max ? upper : histogram->max;
        }
    }
    return histogram->max;
}
