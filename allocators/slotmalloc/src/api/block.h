/* Blocks of any size: which layer serves a request, and whose an address is. No errno, no checking
 * mode. */
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

/* Makes the block hold `bytes` where it is, if it can and that is no waste. */
bool block_resize(void *p, size_t bytes);

/* Takes another block of `bytes` for one that cannot stay, with all of its contents that fit: what
 * the program could use, not only what it asked for. The old block is still there, but what was
 * moved by remapping pages reads as zero in it. Large blocks that grow get room to grow further. On
 * failure the old block is as it was. */
enum status block_copy(void *p, size_t bytes, void **out);

/* Makes a block just taken read as zero up to its usable size. `zero`: it does already, but for the
 * link in the first word of a block of a size class. */
void block_clear(void *p, bool zero);

#endif
