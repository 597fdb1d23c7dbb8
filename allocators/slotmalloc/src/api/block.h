/* Blocks of any size: dispatches by size class, slot run and huge block. Does not set errno or know
 * check=full. */
#ifndef SLOTMALLOC_BLOCK_H
#define SLOTMALLOC_BLOCK_H

#include "base/types.h"

/* A request. `align` is a power of two of at least GRANULE. */
struct request {
    size_t bytes;
    size_t align;
    bool zero; /* contents must read as zero */
};

/* Takes a block. */
enum status block_alloc(const struct request *request, void **out);

/* Gives a block back. Anything but a block's start ends the process with one line. */
void block_free(void *p);

/* Bytes that the program may use from p on; ends the process like block_free. */
size_t block_usable(const void *p);

/* Resizes the block to `bytes` in place, if possible and without much waste. */
bool block_resize(void *p, size_t bytes);

/* Allocates a block of `bytes` and copies the usable bytes that fit. The old block is not freed;
 * pages that were moved by remapping read as zero in it. Large blocks that grow get room to grow
 * further. On failure the old block is unchanged. */
enum status block_copy(void *p, size_t bytes, void **out);

/* Clears a new block up to its usable size. `zero`: it is zero, except for the link in the first
 * word of a block of a size class. */
void block_clear(void *p, bool zero);

#endif
