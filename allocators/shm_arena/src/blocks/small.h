/* Small blocks: all blocks of a slot have one size class. */
#pragma once
#include "base/arena.h"

/* NO_MEMORY or NO_SPACE as for slots_find(); BUSY if other processes kept taking what was found. */
int small_alloc(struct shm_arena *a, unsigned class, uint64_t *offset);

/* The same; if it must open a slot, it takes a backed one instead of asking the system for
 * memory. */
int small_alloc_backed(struct shm_arena *a, unsigned class, uint64_t *offset);

int small_free(struct shm_arena *a, uint64_t slot, uint64_t word, uint64_t offset);

/* The state of the block that starts at an offset inside an open slot, or NULL if none does. */
_Atomic uint16_t *small_block(const struct shm_arena *a, uint64_t slot, unsigned class,
                              uint64_t offset);

/* Completes the change of a slot whose process ended while it was OPENING or SEALING. */
void small_reopen(struct shm_arena *a, uint64_t slot, uint64_t word);

/* Makes an open slot without an owner UNUSED if it is empty, or available if it has room. */
void small_offer(struct shm_arena *a, uint64_t slot, unsigned class);

/* Whether a free block is visible. */
bool small_has_free(const struct shm_arena *a, uint64_t slot, unsigned class);
