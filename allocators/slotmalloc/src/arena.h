/* The reserved range: metadata arrays first, then superslabs up to the cursor. */
#ifndef SLOTMALLOC_ARENA_H
#define SLOTMALLOC_ARENA_H

#include "types.h"

/* Reserves the arena and lays it out; options must have been read. NO_MEMORY when not even a small
 * one can be had. Called once. */
enum status arena_init(void);

/* Takes `count` superslabs beyond the zone's cursor. Called under the superslab lock. `*huge_pages`
 * tells whether the range was advised for huge pages. */
enum status arena_advance(enum zone zone, uint32_t count, uint32_t *first, bool *huge_pages);

/* The zone's first superslab that was never taken. Read under the superslab lock, or as a snapshot.
 */
uint32_t arena_cursor(enum zone zone);

/* Slot numbers of a zone's superslabs below the cursor: [first, end). A snapshot. */
uint32_t arena_first_slot(enum zone zone);
uint32_t arena_end_slot(enum zone zone);

static inline enum zone arena_zone(uint32_t superslab) {
    return superslab < arena.zones[ZONE_DENSE].limit    ? ZONE_DENSE
           : superslab < arena.zones[ZONE_SPARSE].limit ? ZONE_SPARSE
                                                        : ZONE_LARGE;
}

/* Takes memory for one more heap; it reads as zero. NO_MEMORY when there are too many. */
enum status arena_heap(struct heap **out);

/* Heaps ever made: arena.heaps[0] to [count - 1]. */
uint32_t arena_heap_count(void);

/* True when p lies where blocks may be. */
static inline bool arena_has(const void *p) {
    return (uintptr_t)p - arena.base < arena.size;
}

/* The first superslab from `number` on whose address is a multiple of `align` (a power of two)
 * superslabs; the arena itself is aligned to one superslab only. */
static inline uint32_t superslab_align_up(uint32_t number, uint32_t align) {
    uintptr_t before = arena.base >> SUPERSLAB_SHIFT;
    return (uint32_t)(((before + number + align - 1) & ~(uintptr_t)(align - 1)) - before);
}

#endif
