/* What the driver does around each call: it counts, extends the checksum, publishes the live bytes
 * and touches new memory. */
#pragma once
#include "block.h"
#include "fault.h"

/* The multiplier of an operation in the checksum: odd, and small enough to be immediate. */
#define OPERATION_MALLOC           0x2545f491u
#define OPERATION_FREE             0x5851f42du
#define OPERATION_REALLOC          0x165667b1u
#define OPERATION_CALLOC           0x27d4eb2fu
#define OPERATION_MEMALIGN         0x45ebca77u

#define WORKER_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* One step of the checksum: it depends on the order of a worker's operations, not on that of the
 * workers. */
static inline void worker_hash(struct worker *w, uint64_t operation, uint64_t word) {
    w->checksum = (w->checksum ^ word) * operation;
}

/* Writes the first byte without a call, as most experiments ask for that. */
static inline void worker_touch(struct worker *w, struct block b) {
    if (w->touch == TOUCH_FIRST)
        *(volatile char *)b.at = 0x5a;
    else
        touch_range(b.at, 0, block_size(b), w->touch);
}

/* Counts and touches a block that the allocator returned. */
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

/* Counts a block that is about to be freed. */
static inline void worker_returned(struct worker *w, struct block b) {
    w->frees++;
    worker_hash(w, OPERATION_FREE, b.tag);
    w->publish_at += (int64_t)block_size(b);
    if (WORKER_UNLIKELY(w->publish_at > w->publish_low))
        worker_publish(w);
}

/* Counts a block that realloc replaced. */
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
    if (WORKER_UNLIKELY(w->touch)) /* the old bytes are content, which realloc keeps */
        touch_range(b.at, block_size(old), size, w->touch);
    return b;
}
