/* pool=cpu: heaps that belong to CPUs instead of threads.
 *
 * A call borrows the heap of the CPU that it runs on for its length, under a lock that is nearly
 * always free: only a thread that was preempted inside a call, or moved, meets it taken. There are
 * as many heaps as CPUs that ran the program, and a few more, however many threads it has. */
#ifndef SLOTMALLOC_CPU_H
#define SLOTMALLOC_CPU_H

#include "base/types.h"

/* Finds out how to tell CPUs apart. Called once, after arena_init. */
void cpu_init(void);

/* Takes the heap of this CPU, or of a next one when that is taken; waits when all of these are.
 * NULL when there is no room for a heap. */
struct heap *cpu_heap_take(void);

/* Takes `owner`, whose block is to be freed, if it is not taken, else a heap as cpu_heap_take. */
struct heap *cpu_heap_take_for(struct heap *owner);

/* Takes the heap of seat `number`, waiting for it; NULL when that has none. For walks over all of
 * them, from 0 to cpu_heap_end() - 1. */
struct heap *cpu_heap_take_at(uint32_t number);
uint32_t cpu_heap_end(void);

/* Ends the use of a heap that was taken. */
void cpu_heap_give(struct heap *heap);

/* Sends and adopts the remote frees of one heap, which may belong to a CPU that the program no
 * longer runs on. */
void cpu_sweep(void);

/* After fork: whether someone held a heap; frees all of them, those that were held being torn. */
bool cpu_is_locked(void);
void cpu_rebuild(void);

#endif
