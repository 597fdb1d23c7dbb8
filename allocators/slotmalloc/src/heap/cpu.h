/* pool=cpu: heaps that belong to CPUs instead of threads.
 *
 * Each call borrows the heap of the CPU that it runs on, under a lock that is nearly always free:
 * it is held only by a thread that was preempted or migrated inside a call. There are as many heaps
 * as CPUs that ran the program, and a few more, however many threads it has. */
#ifndef SLOTMALLOC_CPU_H
#define SLOTMALLOC_CPU_H

#include "base/types.h"

/* Chooses how to number CPUs. Called once, after arena_init. */
void cpu_init(void);

/* Takes the heap of this CPU, or of a next one when that is taken; waits when all of these are.
 * NULL when there is no room for a heap. */
struct heap *cpu_heap_take(void);

/* Takes `owner`, whose block is to be freed, if its lock is free, else a heap as cpu_heap_take. */
struct heap *cpu_heap_take_for(struct heap *owner);

/* Takes the heap of CPU `number`, waiting for it; NULL when there is none. For iteration from 0 to
 * cpu_heap_end() - 1. */
struct heap *cpu_heap_take_at(uint32_t number);
uint32_t cpu_heap_end(void);

/* Ends the use of a heap that was taken. */
void cpu_heap_give(struct heap *heap);

/* Sends and takes over the remote frees of one heap, perhaps of a CPU that the program no longer
 * runs on. */
void cpu_sweep(void);

/* After fork: whether a heap was held; releases all of them and marks those that were held as torn.
 */
bool cpu_is_locked(void);
void cpu_rebuild(void);

#endif
