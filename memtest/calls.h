/* The calls that workloads make to the allocator.
 *
 *     struct block b = worker_malloc(w, size);   also worker_calloc, worker_memalign
 *     b = worker_realloc(w, b, new_size);
 *     worker_free(w, b);
 *
 * Each makes exactly one call to the allocator, counts it, adds it to the checksum of operations,
 * and does what the command line asked for: --touch inline, --verify, --latency and --live-file out
 * of line. Without these options the driver's share is about 20 instructions an operation, the call
 * included, and no clock is read. A block may be freed by another worker than the one that made it;
 * to hand it over safely is the task of the workload. A failed allocation ends the process
 * (EXIT_NULL), so a workload never sees NULL, except for size 0. */
#pragma once
#include "account.h"
#include "instruments.h"

#include <stdlib.h>

/* malloc(size). */
static inline struct block worker_malloc(struct worker *w, size_t size) {
    if (WORKER_UNLIKELY(w->instrumented))
        return instrumented_malloc(w, size);
    return worker_received(w, malloc(size), size, OPERATION_MALLOC, "malloc");
}

/* calloc(count, size): the block counts as count * size bytes; the product must not overflow. */
static inline struct block worker_calloc(struct worker *w, size_t count, size_t size) {
    if (WORKER_UNLIKELY(w->instrumented))
        return instrumented_calloc(w, count, size);
    return worker_received(w, calloc(count, size), count * size, OPERATION_CALLOC, "calloc");
}

/* posix_memalign(alignment, size): alignment is a power of two, at least sizeof(void *). */
static inline struct block worker_memalign(struct worker *w, size_t alignment, size_t size) {
    if (WORKER_UNLIKELY(w->instrumented))
        return instrumented_memalign(w, alignment, size);
    void *at = NULL;
    if (posix_memalign(&at, alignment, size) != 0)
        at = NULL;
    worker_hash(w, OPERATION_MEMALIGN, alignment);
    return worker_received(w, at, size, OPERATION_MEMALIGN, "posix_memalign");
}

/* realloc(b.at, size), size > 0. The content survives as realloc promises; `b` is then dead. */
static inline struct block worker_realloc(struct worker *w, struct block b, size_t size) {
    if (WORKER_UNLIKELY(w->instrumented))
        return instrumented_realloc(w, b, size);
    return worker_resized(w, realloc(b.at, size), b, size);
}

/* free(b.at). */
static inline void worker_free(struct worker *w, struct block b) {
    if (WORKER_UNLIKELY(w->instrumented)) {
        instrumented_free(w, b);
        return;
    }
    worker_returned(w, b);
    free(b.at);
}
