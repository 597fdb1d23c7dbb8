/* Where things lie: the range of addresses that blocks come from, and the metadata arrays below it.
 *
 * Nothing is reserved. The range is a hole in the address space that the process is not likely to
 * use otherwise; region.h maps parts of it, and whatever else has been mapped there stays. */
#ifndef SLOTMALLOC_ARENA_H
#define SLOTMALLOC_ARENA_H

#include "base/types.h"

/* Chooses the range and maps the start of the metadata arrays; options must have been read.
 * NO_MEMORY when not even that can be had; it may be called again. */
enum status arena_init(void);

/* Makes the metadata of the superslabs below `end` usable. Called under the superslab lock.
 * After NO_MEMORY the arena is as it was. */
enum status arena_reach(uint32_t end);

/* In a child whose parent may have been forked while a metadata array was growing. */
void arena_fork_child(void);

/* Takes memory for one more heap; it reads as zero. NO_MEMORY when there are too many. Called under
 * the superslab lock. */
enum status arena_heap(struct heap **out);

/* Heaps ever made: arena.heaps[0] to [count - 1]. */
uint32_t arena_heap_count(void);

/* Bytes from arena.base whose slots have metadata. Whoever holds a block got it after the arena had
 * grown to it, by the program's own synchronisation. */
static inline size_t arena_extent(void) {
#ifdef __SANITIZE_THREAD__
    return atomic_load_explicit(&arena.extent, memory_order_relaxed); /* relaxed: as above */
#else
    return arena.extent; /* as atomic on the machines that we build for; one instruction less */
#endif
}

/* True when p lies where blocks may be. */
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
