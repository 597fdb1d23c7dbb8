/* The calls to the allocator under --verify, --latency and --footprint. Their state is kept apart from struct
 * worker, so that the plain calls touch none of it. */
#pragma once
#include "curve.h"
#include "histogram.h"
#include "verify.h"
#include "worker.h"

enum {
    LATENCY_MEAN_GAP = 16, /* one operation in 16 is timed, at random gaps */
    LATENCY_BATCH = 64     /* consecutive samples whose sum is one value of `batches` */
};

/* The latencies of one kind of operation: single ones, and sums of LATENCY_BATCH in a row, which
 * resolve times below the step of the clock. In ticks. */
struct latencies {
    struct histogram single, batches;
    uint64_t sum; /* of the batch that is not yet full, with the cost of reading the clock */
    unsigned summed;
};

struct instruments {
    enum verify_level verify;
    bool latency;
    size_t payload;        /* bytes at the start of a block that are the workload's */
    uint64_t until_sample; /* operations left before the next one that is timed */
    struct rng gaps; /* its own stream: sampling must not change the workload's random numbers */
    struct curve *curve;    /* NULL without --footprint */
    uint64_t until_publish; /* operations left before the curve is asked for a point */
    struct latencies mallocs, frees;
    struct histogram request_ns; /* only of workloads that serve requests */
};

struct block instrumented_malloc(struct worker *w, size_t size);
struct block instrumented_calloc(struct worker *w, size_t count, size_t size);
struct block instrumented_memalign(struct worker *w, size_t alignment, size_t size);
struct block instrumented_realloc(struct worker *w, struct block b, size_t size);
void instrumented_free(struct worker *w, struct block b);

/* With --latency: records that a request took `ns`, counted from its intended start. */
void worker_request_done(struct worker *w, uint64_t ns);
