/* Refill: where a bin's next blocks come from, stage by stage. */
#ifndef SLOTMALLOC_REFILL_H
#define SLOTMALLOC_REFILL_H

#include "base/classes.h"
#include "base/tuning.h"
#include "base/types.h"

/* Takes one block of the class, filling the empty bin. `*zero` tells whether the block is zero
 * beyond its first word. NULL when the kernel gives no memory. */
struct block *refill_bin(struct heap *heap, unsigned class, bool *zero);

/* Takes one block; the fast path is the first line. */
static inline struct block *heap_pop(struct heap *heap, unsigned class, bool *zero) {
    struct block *block = heap->bin[class];
    if (unlikely(block == NULL))
        return refill_bin(heap, class, zero);
    heap->bin[class] = block->next;
    *zero = (heap->bin_zero >> class) & 1;
    return block;
}

/* Housekeeping on slow paths: one call in HOUSEKEEPING_PERIOD flushes, drains and purges. */
void heap_housekeep(struct heap *heap);

/* Gives the heap's cached memory back: its magazines and EMPTY slots. */
void heap_give_back(struct heap *heap);

static inline void heap_tick(struct heap *heap) {
    if (unlikely(++heap->ticks >= HOUSEKEEPING_PERIOD))
        heap_housekeep(heap);
}

#endif
