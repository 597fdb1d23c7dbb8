/* Regions: which superslabs are mapped, and which zone they serve.
 *
 * The arena grows by regions of 64 superslabs: a zone takes the next free one, or several adjacent
 * ones for a long block, and maps of them what it needs and some more, in steps that grow with the
 * heap. Under the supply lock, except where marked racy. */
#ifndef SLOTMALLOC_REGION_H
#define SLOTMALLOC_REGION_H

#include "memory/arena.h"

/* Maps what the option prefault asks for. Called once, after arena_init. */
void region_init(void);

/* Makes `count` adjacent superslabs known, whose first address is a multiple of `align` superslabs.
 * They are unused, cold and zero. */
enum status region_grow(enum zone zone, uint32_t count, uint32_t align, uint32_t *first);

/* The same for the `count` superslabs from `first` on. False when they cannot be had. */
bool region_grow_at(enum zone zone, uint32_t first, uint32_t count);

/* Unmaps unused superslabs of one zone, which the caller has removed from the index: they are no
 * longer known. NO_MEMORY: nothing has changed. */
enum status region_drop(uint32_t first, uint32_t count);

/* Regions with lower numbers may belong to a zone, higher ones do not. Racy. */
uint32_t region_end(void);

/* The lowest known superslab above `number`; 0 when there is none. Iteration: for (uint32_t n = 0;
 * (n = region_next_known(n)) != 0;). Racy. */
uint32_t region_next_known(uint32_t number);

/* The same by slots. */
static inline uint32_t region_next_slot(uint32_t slot) {
    bool within = slot != 0 && (slot + 1) % SLOTS_PER_SUPERSLAB != 0;
    return within ? slot + 1 : region_next_known(slot / SLOTS_PER_SUPERSLAB) * SLOTS_PER_SUPERSLAB;
}

/* After fork: recounts the superslabs of each zone. */
void region_recount(void);

/* True when the zone has the region. */
static inline bool region_is_of(uint32_t region, enum zone zone) {
    /* relaxed: changed under the lock, and never again once it is set */
    return atomic_load_explicit(&arena.index[region].zone, memory_order_relaxed) == zone + 1u;
}

/* True when the superslab is known. Racy. */
static inline bool region_is_known(uint32_t number) {
    uint32_t region = number / REGION_SUPERSLABS;
    if (region >= region_end())
        return false;
    /* relaxed: changed under the lock */
    uint64_t known = atomic_load_explicit(&arena.index[region].known, memory_order_relaxed);
    return known >> number % REGION_SUPERSLABS & 1;
}

/* The zone of a known superslab. */
static inline enum zone region_zone(uint32_t superslab) {
    /* relaxed: as in region_is_of */
    return (enum zone)atomic_load_explicit(&arena.index[superslab / REGION_SUPERSLABS].zone,
                                           memory_order_relaxed) -
           1;
}

#endif
