/* Huge blocks: one object above 2 MiB, in slots from the start of a superslab on. No heap owns
 * them: any thread may free.
 */
#ifndef SLOTMALLOC_HUGE_H
#define SLOTMALLOC_HUGE_H

#include "base/types.h"

/* Takes a block of `bytes`, aligned to `align`. Usable are all of its last page. `*zero`: reads as
 * 0. */
enum status huge_alloc(struct heap *heap, size_t bytes, size_t align, void **out, bool *zero);

/* Gives it back; `number` is its first slot. */
void huge_free(struct heap *heap, uint32_t number);

/* Makes the block hold `bytes` where it is, if it can. */
bool huge_resize(uint32_t number, size_t bytes);

/* Bytes that a block growing to `bytes` should get, so that it rarely moves. */
size_t huge_growth(size_t bytes);

/* Takes a block with room to grow to `capacity` in place; usable are `bytes`. */
enum status huge_alloc_growing(struct heap *heap, size_t bytes, size_t capacity, void **out);

#endif
