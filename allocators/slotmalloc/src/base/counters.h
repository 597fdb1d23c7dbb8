/* Per-heap counters, generated from counters.def. Owner-only: plain increments on slow paths. */
#ifndef SLOTMALLOC_COUNTERS_H
#define SLOTMALLOC_COUNTERS_H

#include <stdint.h>

struct counters {
#define COUNTER(name, meaning) uint64_t name;
#include "base/counters.def"
#undef COUNTER
};

#endif
