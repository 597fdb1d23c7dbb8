/* Heaps whose thread fork has cut off, at any instruction: their blocks and slots counted anew. */
#ifndef SLOTMALLOC_RECOVER_H
#define SLOTMALLOC_RECOVER_H

#include "base/types.h"

/* Makes a heap that is `torn` usable: whoever calls this is the only one to use it. Takes as long
 * as a walk over all slots, and over the free blocks of its own. */
void recover_heap(struct heap *heap);

static inline void recover_if_torn(struct heap *heap) {
    if (unlikely(heap->torn))
        recover_heap(heap);
}

#endif
