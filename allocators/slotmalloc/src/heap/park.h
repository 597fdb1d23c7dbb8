/* Parked heaps: their thread has ended, or does not exist in this forked child. The next thread
 * takes one; their free slots are given to others. */
#ifndef SLOTMALLOC_PARK_H
#define SLOTMALLOC_PARK_H

#include "base/lock.h"
#include "base/types.h"

extern struct lock park_lock;

/* Parks a heap: sends its gathered remote frees, gives EMPTY slots back. */
void park_give(struct heap *heap);

/* Takes a parked heap; NULL when there is none. A torn one (see recover.h) takes time to repair and
 * is taken only if `torn_too`. */
struct heap *park_take(bool torn_too);

/* After fork: parks every heap but `survivor`; those that were in use are torn. */
void park_rebuild(const struct heap *survivor);

/* Takes an available slot of the class from a parked heap, re-owned by `heap`; NULL when none is
 * found in the one heap looked at, or the list is locked. */
struct slot *park_steal(struct heap *heap, unsigned class);

/* Takes over the remote frees of one parked heap and gives EMPTY slots back. */
void park_sweep(void);

/* Heaps parked now; racy. */
uint32_t park_count(void);

#endif
