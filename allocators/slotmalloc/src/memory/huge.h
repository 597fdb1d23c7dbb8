/* Huge blocks: above 2 MiB, in slots from the start of a superslab on. No heap owns
 * them: any thread may free.
 */
#ifndef SLOTMALLOC_HUGE_H
#define SLOTMALLOC_HUGE_H

#include "base/types.h"

/* Takes a block of `bytes`, aligned to `align`. Its last page is usable as a whole. `*zero`: reads
 * as 0. */
enum status huge_alloc(struct heap *heap, size_t bytes, size_t align, void **out, bool *zero);

/* Frees it; `number` is its first slot. */
void huge_free(struct heap *heap, uint32_t number);

/* Resizes the block to `bytes` in place, if possible. */
bool huge_resize(uint32_t number, size_t bytes);

/* Capacity for a block that grows to `bytes`, so that it rarely moves. */
size_t huge_growth(size_t bytes);

/* Takes a block with room to grow to `capacity` in place; usable are `bytes`. */
enum status huge_alloc_growing(struct heap *heap, size_t bytes, size_t capacity, void **out);

#endif
