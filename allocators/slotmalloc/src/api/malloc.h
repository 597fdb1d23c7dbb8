/* What the entry files share. */
#ifndef SLOTMALLOC_MALLOC_H
#define SLOTMALLOC_MALLOC_H

#include "base/types.h"

/* Slow path of every allocation: `bytes` at a multiple of `align` (a power of two, at least
 * GRANULE), zeroed when wanted. NULL and errno ENOMEM when there is no memory. */
void *entry_alloc(size_t bytes, size_t align, bool zero);

#endif
