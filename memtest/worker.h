/* A worker is one thread's share of a process: its random numbers, counters and state. calls.h has
 * the calls that it makes to the allocator. */
#pragma once
#include "live.h"
#include "rng.h"
#include "touch.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct block;
struct instruments;
struct measurement;

struct worker {
    /* Hot. Live bytes are requested - freed bytes, but nothing counts the freed bytes separately:
     * `publish_at` begins as the live bytes allowed before the next publication and grows by every
     * block freed, so that one comparison with `requested` per malloc finds a new peak.
     * worker_live() computes the live bytes from the two. */
    bool instrumented; /* --verify, --latency or --footprint */
    enum touch touch;
    uint64_t checksum; /* of this worker's operations, in order */
    uint64_t serial;   /* mallocs so far + serial_base: gives a block its id */
    uint64_t frees;
    int64_t requested;   /* bytes requested since the start */
    int64_t publish_at;  /* freed bytes + live_limit */
    int64_t publish_low; /* publish when publish_at exceeds it: many bytes were freed since */
    struct rng rng;
    /* For the workload. */
    void *state;           /* its own, set in prepare() */
    struct block *entries; /* its table, where struct workload asks for one */
    size_t entry_count;
    unsigned index;   /* number of this worker, from 0 */
    unsigned round;   /* the current round, from 0 */
    unsigned threads; /* workers in the process */
    /* For the driver. */
    const char *workload;            /* name, for messages */
    struct measurement *measurement; /* that it is part of */
    struct instruments *instruments;
    struct live_page *live;
    pthread_barrier_t *barrier;
    uint64_t reallocs;
    uint64_t serial_base; /* makes the ids of workers differ */
    int64_t live_limit;
    int64_t window; /* change of the live bytes after which they are published */
    int64_t published_live;
    uint64_t published_ops;
} __attribute__((aligned(128))); /* no false sharing, nor by the adjacent-line prefetcher */

/* Adds what this worker did since the last call to the live page. Cold. */
void worker_publish(struct worker *w);

/* Bytes that this worker requested and has not freed; negative where it frees what others
 * requested. */
static inline int64_t worker_live(const struct worker *w) {
    return w->requested - (w->publish_at - w->live_limit);
}

static inline uint64_t worker_mallocs(const struct worker *w) {
    return w->serial - w->serial_base;
}

/* Calls made to the allocator. */
static inline uint64_t worker_ops(const struct worker *w) {
    return worker_mallocs(w) + w->frees + w->reallocs;
}
