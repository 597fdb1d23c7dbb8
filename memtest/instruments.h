/* What the command line asked to be done around each operation, and what it found. Kept apart from
 * struct worker so that the plain path touches none of it. */
#pragma once
#include "histogram.h"
#include "rng.h"
#include "verify.h"

#include <stdbool.h>

enum {
    LATENCY_MEAN_GAP = 16,       /* one operation in 16 is timed, at random gaps */
    LIVE_PUBLISH_BYTES = 1 << 16 /* with --live-file a change of this size is published at once */
};

struct instruments {
    enum verify_level verify;
    bool latency;
    size_t payload;        /* bytes at the start of a block that are the workload's */
    uint64_t until_sample; /* operations left before the next one that is timed */
    struct rng gaps; /* its own stream: sampling must not change the workload's random numbers */
    struct histogram malloc_ticks, free_ticks;
    struct histogram request_ns; /* only of workloads that serve requests */
};
