/* Which heap serves the calling thread. */
#ifndef SLOTMALLOC_THREAD_H
#define SLOTMALLOC_THREAD_H

#include "api/fork.h"
#include "base/process.h"
#include "base/types.h"

/* What the fast paths use: the calling thread's heap, or an always empty one before its first
 * allocation, after its end, in the checking mode, and with pool=cpu, so that they need no check of
 * their own. */
extern _Thread_local struct heap *thread_heap __attribute__((tls_model("initial-exec")));
extern struct heap thread_no_heap;

/* Calls of the thread that are on a slow path: more than one when a signal handler interrupted one
 * and allocates. */
extern _Thread_local uint32_t thread_depth __attribute__((tls_model("initial-exec")));

/* Every slow path that writes what fork must find whole stands between these two. The first one
 * makes a forked child's allocator whole, after which thread_heap may be another. */
static inline void thread_enter(void) {
    if (unlikely(!process_is_whole()))
        fork_mend();
    thread_depth++;
    atomic_signal_fence(memory_order_seq_cst); /* a handler finds the count before the change */
}

static inline void thread_leave(void) {
    atomic_signal_fence(memory_order_seq_cst); /* as above */
    thread_depth--;
}

/* Heap for a slow path: the thread's own, made when it has none yet. A thread that is ending, and
 * with pool=cpu every thread, borrows one for the length of the call; give it back with
 * thread_heap_done. NULL when there is no memory. */
struct heap *thread_heap_get(void);

/* Ends a slow path that used thread_heap_get or thread_heap_for_free. */
void thread_heap_done(struct heap *heap);

/* The calling thread's heap if it has one, else NULL. */
struct heap *thread_heap_own(void);

/* In a forked child: leaves the heap, in the middle of whose use the thread was interrupted. */
void thread_heap_leave(void);

/* In a forked child: whoever was making the arena does not go on. */
bool library_is_locked(void);
void library_unlock(void);

/* Like thread_heap_get, for freeing a block of `owner`. NULL also for a thread that is ending: a
 * single block is not worth waking a parked heap for. */
struct heap *thread_heap_for_free(struct heap *owner);

/* True when the library has its arena; makes it at the first call. */
bool library_ready(void);

/* The same, without making it. */
bool library_is_initialised(void);

#endif
