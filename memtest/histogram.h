/* A log-linear histogram of 64-bit values in the manner of HdrHistogram: values below 128 exactly,
 * above that 128 equal buckets for each power of two, so a bucket's width is at most 1/128 = 0.79 %
 * of its values. Fixed size, no allocation; adding is some ten instructions. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum {
    HISTOGRAM_SUB_BITS = 7,
    HISTOGRAM_BUCKETS = (64 - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS
};

struct histogram {
    uint64_t count;
    uint64_t max;
    uint64_t bucket[HISTOGRAM_BUCKETS];
};

/* The bucket that holds `value`. */
static inline size_t histogram_index(uint64_t value) {
    const uint64_t linear = 1u << HISTOGRAM_SUB_BITS;
    if (value < linear)
        return (size_t)value;
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;
    return (size_t)((shift + 1) * linear + ((value >> shift) - linear));
}

static inline void histogram_add(struct histogram *histogram, uint64_t value) {
    histogram->count++;
    histogram->bucket[histogram_index(value)]++;
    if (value > histogram->max)
        histogram->max = value;
}

/* The greatest value that falls into bucket `index`. */
uint64_t histogram_upper(size_t index);

/* Adds all of `from` to `into`. */
void histogram_merge(struct histogram *into, const struct histogram *from);

/* The nearest-rank quantile, 0 < q <= 1: the upper bound of its bucket, never more than the true
 * maximum, never less than the true quantile and at most 0.79 % above it. An empty histogram gives
 * 0. */
uint64_t histogram_quantile(const struct histogram *histogram, double q);
