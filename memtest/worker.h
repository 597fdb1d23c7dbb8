/* A worker is one thread's share of a run: its random numbers, its counters, and the only door to
 * the allocator.
 *
 *     struct block b = worker_malloc(w, size);   also worker_calloc, worker_memalign
 *     b = worker_realloc(w, b, new_size);
 *     worker_free(w, b);
 *
 * Each of them makes exactly one call to the allocator, counts it, adds it to the checksum of
 * operations, and does what the command line asked for: --touch here, --verify, --latency and
 * --live-file out of line. With none of those asked for, the driver's share is about 20
 * instructions an operation, with the call, and no clock is read. A block may be freed by another
 * worker than the one that made it; handing it over safely is the workload's business. A failed
 * allocation ends the process (exit code 3), so a workload never sees NULL, except for size 0. */
#pragma once
#include "rng.h"
#include "touch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* An object that the allocator gave out: two words, to be passed and kept by value. */
struct block {
    void *at;
    uint64_t tag; /* size << 24 | the low 24 bits of a serial number: what the checksum and the
                     stamps are made of */
};

enum { BLOCK_ID_BITS = 24 };
static const uint64_t BLOCK_ID_MASK = (1u << BLOCK_ID_BITS) - 1;

static inline size_t block_size(struct block b) {
    return b.tag >> BLOCK_ID_BITS;
}

/* The multiplier of an operation in the checksum: odd, and small enough to be immediate. */
#define OPERATION_MALLOC   0x2545f491u
#define OPERATION_FREE     0x5851f42du
#define OPERATION_REALLOC  0x165667b1u
#define OPERATION_CALLOC   0x27d4eb2fu
#define OPERATION_MEMALIGN 0x45ebca77u

struct run;
struct instruments;

struct worker {
    /* Hot. Live bytes are requested - freed, but nothing counts the freed bytes by themselves:
     * `publish_at` begins as the live bytes allowed before the next publishing and grows by every
     * block freed, so that one comparison of `requested` with it per malloc finds a new peak.
     * worker_live() undoes the trick. */
    bool instrumented; /* any of verify, latency, live file */
    enum touch touch;
    uint64_t checksum; /* of this worker's operations, in order */
    uint64_t serial;   /* mallocs so far + serial_base: gives a block its id */
    uint64_t frees;
    int64_t requested;   /* bytes asked for, ever */
    int64_t publish_at;  /* freed bytes + live_limit */
    int64_t publish_low; /* the same for much freed since: publish when publish_at has passed it */
    struct rng rng;
    /* for the workload */
    void *state;    /* its own, set in prepare() */
    unsigned index; /* this worker's number, from 0 */
    unsigned round; /* the current round, from 0 */
    struct run *run;
    /* for the driver */
    struct instruments *instruments;
    uint64_t reallocs;
    uint64_t serial_base; /* makes the ids of workers differ */
    int64_t live_limit;
    int64_t published_live;
    uint64_t published_ops;
} __attribute__((
    aligned(128))); /* two lines: no false sharing, nor by the adjacent-line prefetcher */

struct block instrumented_malloc(struct worker *w, size_t size);
struct block instrumented_calloc(struct worker *w, size_t count, size_t size);
struct block instrumented_memalign(struct worker *w, size_t alignment, size_t size);
struct block instrumented_realloc(struct worker *w, struct block b, size_t size);
void instrumented_free(struct worker *w, struct block b);

/* Cold: tells the live page what this worker did, and moves its window. */
void worker_publish(struct worker *w);

/* Cold: the allocator returned NULL. Returns only for size 0, where NULL is legal. */
void worker_no_memory(struct worker *w, const char *call, size_t size);

#define WORKER_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

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

/* One step of the checksum: the order of a worker's operations matters, that of the workers does
 * not. */
static inline void worker_hash(struct worker *w, uint64_t operation, uint64_t word) {
    w->checksum = (w->checksum ^ word) * operation;
}

/* The first byte without a call: it is what most experiments ask for. */
static inline void worker_touch(struct worker *w, struct block b) {
    if (w->touch == TOUCH_FIRST)
        *(volatile char *)b.at = 0x5a;
    else
        touch_range(b.at, 0, block_size(b), w->touch);
}

/* Counts and touches a block just received. */
static inline struct block worker_received(struct worker *w, void *at, size_t size,
                                           uint64_t operation, const char *call) {
    if (WORKER_UNLIKELY(!at))
        worker_no_memory(w, call, size);
    struct block b = {at, (uint64_t)size << BLOCK_ID_BITS | (w->serial++ & BLOCK_ID_MASK)};
    worker_hash(w, operation, b.tag);
    w->requested += (int64_t)size;
    if (WORKER_UNLIKELY(w->requested > w->publish_at))
        worker_publish(w);
    if (WORKER_UNLIKELY(w->touch && size > 0))
        worker_touch(w, b);
    return b;
}

/* Counts a block about to be given back. */
static inline void worker_returned(struct worker *w, struct block b) {
    w->frees++;
    worker_hash(w, OPERATION_FREE, b.tag);
    w->publish_at += (int64_t)block_size(b);
    if (WORKER_UNLIKELY(w->publish_at > w->publish_low))
        worker_publish(w);
}

/* Counts a block that became another one. */
static inline struct block worker_resized(struct worker *w, void *at, struct block old,
                                          size_t size) {
    if (WORKER_UNLIKELY(!at))
        worker_no_memory(w, "realloc", size);
    struct block b = {at, (uint64_t)size << BLOCK_ID_BITS | (old.tag & BLOCK_ID_MASK)};
    w->reallocs++;
    worker_hash(w, OPERATION_REALLOC, b.tag);
    w->requested += (int64_t)size;
    w->publish_at += (int64_t)block_size(old);
    if (WORKER_UNLIKELY(w->requested > w->publish_at || w->publish_at > w->publish_low))
        worker_publish(w);
    if (WORKER_UNLIKELY(w->touch)) /* the old bytes are content that must survive */
        touch_range(b.at, block_size(old), size, w->touch);
    return b;
}

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
