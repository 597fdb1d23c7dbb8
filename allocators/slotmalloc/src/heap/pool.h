/* A heap's slots of each class: their states and lists.
 *
 *   UNUSED -> CURRENT <-> FULL <-> AVAILABLE -> EMPTY -> UNUSED
 *                  ^------------------'            |
 *                  ^-------------------------------'
 */
#ifndef SLOTMALLOC_POOL_H
#define SLOTMALLOC_POOL_H

#include "base/types.h"
#include "memory/slot.h"

/* Frees a block of one of the heap's slots into that slot. */
void pool_free(struct heap *heap, struct block *block);

/* The owner's free counted `countdown` down to 0. */
void pool_slot_event(struct heap *heap, struct slot *slot);

/* Takes over all remote frees on the heap's pending stack. */
void pool_drain(struct heap *heap);

/* Takes over remote frees until a slot of the class has free blocks, or nothing is left: a refill
 * does not pay for all of them. */
void pool_drain_for(struct heap *heap, unsigned class);

/* Makes a slot the one that its class's bin is filled from; it is on no list. */
void pool_make_current(struct heap *heap, struct slot *slot);

/* The current slot has no free blocks left: it becomes FULL. */
void pool_retire_current(struct class_pool *pool);

/* Takes the first available slot off its queue; NULL when there is none. */
struct slot *pool_pop_available(struct class_pool *pool);

/* Takes an EMPTY slot of the class; NULL when there is none. */
struct slot *pool_pop_empty(struct heap *heap, unsigned class);

/* Takes an EMPTY span of `span` slots from a class that has more than one; it is unformatted. 0:
 * none. */
uint32_t pool_pop_surplus(struct heap *heap, unsigned span);

/* Gives every EMPTY slot of the heap back to its superslab. */
void pool_release_empty(struct heap *heap);

/* Puts a bin's blocks back on the current slot, and that slot on its list. For heaps to be parked.
 */
void pool_return_bin(struct heap *heap, unsigned class);

/* Adds a slot that is on no list, with correct counts, to the heap. */
void pool_enter(struct heap *heap, struct slot *slot);

#endif
