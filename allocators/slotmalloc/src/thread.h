/* Which heap serves the calling thread. */
#ifndef SLOTMALLOC_THREAD_H
#define SLOTMALLOC_THREAD_H

#include "types.h"

/* What the fast paths use: the calling thread's heap, or an always empty one before its first
 * allocation, after its end, in the checking mode, and with pool=cpu, so that they need no check of
 * their own. */
extern _Thread_local struct heap *thread_heap __attribute__((tls_model("initial-exec")));
extern struct heap thread_no_heap;

/* Heap for a slow path: the thread's own, made when it has none yet. A thread that is ending, and
 * with pool=cpu every thread, borrows one for the length of the call; give it back with
 * thread_heap_done. NULL when there is no memory. */
struct heap *thread_heap_get(void);

/* Ends a slow path that used thread_heap_get or thread_heap_for_free. */
void thread_heap_done(struct heap *heap);

/* The calling thread's heap if it has one, else NULL. */
struct heap *thread_heap_own(void);

/* Like thread_heap_get, for freeing a block of `owner`. NULL also for a thread that is ending: a
 * single block is not worth waking a parked heap for. */
struct heap *thread_heap_for_free(struct heap *owner);

/* True when the library has its arena; makes it at the first call. */
bool library_ready(void);

#endif
