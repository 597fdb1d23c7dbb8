/* The address range of all blocks, and the metadata arrays below it.
 *
 * Nothing is reserved. The range is a part of the address space that the process is unlikely to use
 * otherwise; region.h maps parts of it and goes round other mappings. */
#ifndef SLOTMALLOC_ARENA_H
#define SLOTMALLOC_ARENA_H

#include "base/types.h"

/* Chooses the range and maps the start of the metadata arrays; options must have been read.
 * NO_MEMORY when that fails; it may be called again. */
enum status arena_init(void);

/* Makes the metadata of the superslabs below `end` usable. Called under the supply lock.
 * After NO_MEMORY the arena is as it was. */
enum status arena_reach(uint32_t end);

/* In a child whose parent may have been forked while a metadata array was growing. */
void arena_fork_child(void);

/* Takes memory for one more heap; it reads as zero. NO_MEMORY when there are too many. Called under
 * the supply lock. */
enum status arena_heap(struct heap **out);

/* Heaps ever made: arena.heaps[0] to [count - 1]. */
uint32_t arena_heap_count(void);

/* Bytes from arena.base whose slots have metadata. The holder of a block sees the extent that
 * includes it, by the program's own synchronisation. */
static inline size_t arena_extent(void) {
#ifdef __SANITIZE_THREAD__
    return atomic_load_explicit(&arena.extent, memory_order_relaxed); /* relaxed: as above */
#else
    return arena.extent; /* atomic on the supported machines; one instruction less */
#endif
}

/* True when p is in the arena. */
static inline bool arena_has(const void *p) {
    return (uintptr_t)p - arena.base < arena_extent();
}

static inline void *superslab_address(uint32_t number) {
    return (void *)(arena.base + ((uintptr_t)number << SUPERSLAB_SHIFT));
}

/* The first superslab from `number` on whose address is a multiple of `align` (a power of two)
 * superslabs; the arena itself is aligned to one superslab only. */
static inline uint32_t superslab_align_up(uint32_t number, uint32_t align) {
    uintptr_t before = arena.base >> SUPERSLAB_SHIFT;
    return (uint32_t)(((before + number + align - 1) & ~(uintptr_t)(align - 1)) - before);
}

#endif
