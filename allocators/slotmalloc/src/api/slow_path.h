/* Every slow path that changes what a forked child must find whole stands between these two. */
#ifndef SLOTMALLOC_SLOW_PATH_H
#define SLOTMALLOC_SLOW_PATH_H

#include "api/fork.h"
#include "base/process.h"
#include "heap/thread.h"

/* In a forked child the first call makes the allocator whole, after which thread_heap may be
 * another. */
static inline void slow_path_enter(void) {
    if (unlikely(!process_is_whole()))
        fork_repair();
    thread_depth++;
    atomic_signal_fence(memory_order_seq_cst); /* a handler finds the count before the change */
}

static inline void slow_path_leave(void) {
    atomic_signal_fence(memory_order_seq_cst); /* as above */
    thread_depth--;
}

#endif
