/* --footprint: memory over work. The process reads its own resident memory whenever all its workers
 * together have made so many operations more, so the readings of all allocators fall on the same
 * work, however fast they are. The number of operations is not known beforehand: readings begin
 * after each one, and whenever CURVE_POINTS are there, every second is dropped and the distance
 * doubles. At the end 64 to 128 points lie equally far apart. Between them the kernel's high-water
 * mark sees each peak. LazyFree takes a walk over the page tables: at every point while there is
 * some, else at every WALK_EVERY-th. */
#pragma once
#include "kernel_memory.h"
#include "live.h"

#include <pthread.h>
#include <stdbool.h>

enum { CURVE_POINTS = 128, WALK_EVERY = 8 };

struct curve_point {
    uint64_t ops, ns; /* operations since the start; CLOCK_MONOTONIC */
    struct resident memory;
    int64_t live_bytes;
};

struct curve {
    struct live_page *live;
    pthread_mutex_t lock;      /* of all that follows but next_ops */
    _Atomic uint64_t next_ops; /* when live->ops reaches it, a reading is due */
    uint64_t first_ops;        /* live->ops at the start */
    uint64_t distance;         /* operations between two points */
    uint64_t readings, spent_ns;
    bool has_lazyfree; /* the last walk found some */
    bool unreadable;   /* a reading failed: there is no curve */
    int mark_error;    /* errno of resetting the high-water mark */
    uint64_t mark_bytes;
    unsigned count;
    struct curve_point points[CURVE_POINTS + 1]; /* the last one is of the end */
};

struct curve *curve_new(struct live_page *live);

/* Resets the high-water mark and takes the first point. */
void curve_begin(struct curve *curve);

/* Takes a point if one is due by the published operations. Returns how many operations the calling
 * thread, one of `threads`, makes before it publishes and asks again. */
uint64_t curve_advance(struct curve *curve, unsigned threads);

/* Takes the last point and reads the high-water mark. */
void curve_end(struct curve *curve);
