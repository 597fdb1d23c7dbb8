/* Heaps whose thread has ended, or was left behind by fork: kept whole for the next thread, and
 * stripped of what others need.
 */
#ifndef SLOTMALLOC_PARK_H
#define SLOTMALLOC_PARK_H

#include "base/lock.h"
#include "base/types.h"

extern struct lock park_lock;

/* Puts a heap to rest: sends what it gathered, gives back what is empty. */
void park_give(struct heap *heap);

/* Takes a parked heap to work with; NULL when there is none. A torn one (see recover.h) takes time,
 * and comes into question only if `torn_too`. */
struct heap *park_take(bool torn_too);

/* After fork: parks every heap but the one that survived; those that were in use are torn. */
void park_rebuild(const struct heap *survivor);

/* Takes an available slot of the class from a parked heap, re-owned by `heap`; NULL when none is
 * found in the one heap looked at, or the list is busy. */
struct slot *park_steal(struct heap *heap, unsigned class);

/* Adopts the remote frees of one parked heap and gives back what became empty. */
void park_sweep(void);

/* Heaps parked now; a snapshot. */
uint32_t park_count(void);

#endif
