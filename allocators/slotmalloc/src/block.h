/* Blocks of any size: which layer serves a request, and whose an address is. No errno, no checking
 * mode. */
#ifndef SLOTMALLOC_BLOCK_H
#define SLOTMALLOC_BLOCK_H

#include "types.h"

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

/* Takes a block for one that outgrew its place: large ones get room to grow further. */
enum status block_alloc_grown(size_t bytes, void **out);

/* Moves `bytes` of contents between two blocks, by pages when that is cheaper. NO_MEMORY: `from` is
 * as it was, and `to` is lost, not even to be given back. */
enum status block_move(void *to, void *from, size_t bytes);

#endif
