/* Superslabs: which of the arena's slots are in use, and which of the unused ones hold memory.
 *
 * Mechanism only: supply.h says in which order slots are taken and purge.h what goes back. All
 * under the supply lock. */
#ifndef SLOTMALLOC_SUPERSLAB_H
#define SLOTMALLOC_SUPERSLAB_H

#include "base/types.h"

#define ALL_SLOTS 0xffffffffu

/* Totals over the arena, in slots unless said otherwise. */
struct superslab_totals {
    uint64_t used; /* taken */
    uint64_t warm; /* unused and warm */
    uint64_t used_peak;
    uint64_t warm_peak;          /* most used and warm at once */
    uint64_t purged;             /* given back to the kernel, ever */
    uint64_t refaulted;          /* taken again after that, ever */
    uint64_t superslabs_new;     /* superslabs that became known */
    uint64_t superslabs_reused;  /* wholly unused superslabs that came into use again */
    uint64_t superslabs_emptied; /* superslabs whose last slot came back */
};

extern struct superslab_totals superslab_totals;

/* Coarse seconds of the last supply_tick: the time at which slots become unused. */
extern uint32_t superslab_now_s;

/* Makes superslabs known; as region_grow and region_grow_at. */
enum status superslab_grow(enum zone zone, uint32_t count, uint32_t align, uint32_t *first);
bool superslab_grow_at(enum zone zone, uint32_t first, uint32_t count);

/* Takes unused slots of one superslab. Returns whether all of them read as zero. */
bool superslab_take(uint32_t number, uint32_t mask);

/* The same for slots [slot, end), which may lie in several superslabs. */
bool superslab_take_range(uint32_t slot, uint32_t end);

/* Gives slots [slot, end) back; they are warm. */
void superslab_give_range(uint32_t slot, uint32_t end);

/* How many slots from `slot` on, below `end`, lie in known superslabs and are unused. */
uint32_t superslab_unused_from(uint32_t slot, uint32_t end);

/* Marks unused slots as taken while they are purged. */
void superslab_claim(uint32_t number, uint32_t mask);

/* Makes claimed slots unused again: purged (cold and zero), or as they were. */
void superslab_unclaim_range(uint32_t slot, uint32_t end, bool purged);

/* Unmaps the superslabs that are wholly unused; only those without memory, or all. Returns whether
 * there were any. */
bool superslab_drop_unused(bool cold_only);

/* True when the bitmaps of one superslab agree with each other and with the index. */
bool superslab_is_valid(uint32_t number);

#endif
