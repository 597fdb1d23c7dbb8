/* Lanes: each thread has an index into the counters and current slots of its process. */
#pragma once
#include "base/arena.h"

extern __thread unsigned lane_mine
    __attribute__((visibility("hidden"))); /* 1 + index; 0 before the first use */

unsigned lane_acquire(void);

static inline unsigned lane_index(void) {
    return __builtin_expect(lane_mine != 0, 1) ? lane_mine - 1 : lane_acquire();
}

/* Keeps only the calling thread's lane, in a forked child. */
void lane_after_fork(void);

static inline void lane_add(unsigned lane, _Atomic uint64_t *counter, uint64_t value) {
    if (lane == SHARED_LANE)
        atomic_fetch_add_explicit(counter, value, memory_order_relaxed);
    else /* the only writer */
        atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + value,
                              memory_order_relaxed);
}

static inline struct lane *arena_lane(const struct shm_arena *a, unsigned me, unsigned lane) {
    return &a->lanes_of[me - TAG_FIRST].lane[lane];
}
