/* Recovers heaps whose thread was interrupted by fork at any instruction: recounts their blocks and
 * slots. */
#ifndef SLOTMALLOC_RECOVER_H
#define SLOTMALLOC_RECOVER_H

#include "base/types.h"

/* Makes a `torn` heap usable; no other thread may use it meanwhile. Visits all slots, and the
 * heap's own free blocks. */
void recover_heap(struct heap *heap);

static inline void recover_if_torn(struct heap *heap) {
    if (unlikely(heap->torn))
        recover_heap(heap);
}

#endif
