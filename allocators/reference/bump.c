/*
 * bump, a reference allocator: malloc moves a thread-local pointer, free does nothing.
 *
 * No allocator can do less work per call, so what a program still pays on bump is the cost of
 * touching new pages all the time. Memory is never reused: a program runs on it as long as there is
 * memory.
 */
#include "extent.h"

#define BLOCKS_ARE_ZERO 1

/* The header word holds the payload's size. */
static inline void *block_alloc_aligned(size_t size, size_t align) {
    size_t payload = payload_size(size);
    void *block = extent_carve(payload, align);
    if (__builtin_expect(block != NULL, 1)) {
        *block_header(block) = payload;
    }
    return block;
}

static inline void *block_alloc(size_t size) {
    return block_alloc_aligned(size, MIN_ALIGN);
}

static inline void block_free(void *block) {
    (void)block;
}

static inline size_t block_usable(const void *block) {
    return *block_header(block);
}

#include "malloc_family.h"
