/* Bitmaps with one bit per slot: FREE_MAP, one per size class, and two for backed memory. A set bit
 * is a hint: the caller must still change the slot's state. */
#pragma once
#include "base/arena.h"

/* The slots that an allocation needs. */
struct slots_wanted {
    uint64_t count, step; /* neighbours; the first at a multiple of step */
    bool backed;          /* only slots whose data is backed: the system gives no more memory */
    bool side;            /* and, with `backed`, whose side table of block states is backed too */
};

void map_set(struct shm_arena *a, unsigned map, uint64_t slot);
void map_set_range(struct shm_arena *a, unsigned map, uint64_t slot, uint64_t count);
void map_clear(struct shm_arena *a, unsigned map, uint64_t slot);
bool map_has(const struct shm_arena *a, unsigned map, uint64_t slot);

/* Clears the lowest set bit and stores its slot; false if there is none. */
bool map_take(struct shm_arena *a, unsigned map, uint64_t *slot);

/* Clears the bits of neighbouring free slots, as wanted, in FREE_MAP. */
bool map_take_slots(struct shm_arena *a, const struct slots_wanted *want, uint64_t *slot);
