/* Which heap serves the calling thread. */
#ifndef SLOTMALLOC_THREAD_H
#define SLOTMALLOC_THREAD_H

#include "base/types.h"

/* What the fast paths use: the calling thread's heap, or an always empty one before its first
 * allocation, after its end, with check=full, and with pool=cpu, so that they need no check of
 * their own. */
extern _Thread_local struct heap *thread_heap __attribute__((tls_model("initial-exec")));
extern struct heap thread_no_heap;

/* Slow paths that the thread is in: more than one when a signal handler interrupted one and
 * allocates. See api/slow_path.h. */
extern _Thread_local uint32_t thread_depth __attribute__((tls_model("initial-exec")));

/* Heap for a slow path, once the library is set up: the thread's own, made when it has none yet. A
 * thread that is ending, and with pool=cpu every thread, borrows one for the length of the call;
 * give it back with thread_heap_done. NULL when there is no memory. */
struct heap *thread_heap_get(void);

/* Like thread_heap_get, for freeing a block of `owner`. NULL also for a thread that is ending: a
 * single block is not worth taking a parked heap for. */
struct heap *thread_heap_for_free(struct heap *owner);

/* Ends a slow path that used thread_heap_get or thread_heap_for_free. */
void thread_heap_done(struct heap *heap);

/* The calling thread's heap if it has one, else NULL. */
struct heap *thread_heap_own(void);

/* In a forked child: leaves the heap, whose use was interrupted. */
void thread_heap_leave(void);

/* Has `end` called at the end of each thread that has a heap; it calls thread_end. Called once. May
 * allocate. */
void thread_watch_ends(void (*end)(void *heap));

/* Parks the calling thread's heap. */
void thread_end(void);

#endif
