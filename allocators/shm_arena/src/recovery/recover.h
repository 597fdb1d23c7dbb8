/* Reclaiming what processes held that have ended, and finding lost slots and blocks. */
#pragma once
#include "base/arena.h"

/* Reclaims what the tags hold that are set in gone[tag - TAG_FIRST]: current slots, unfinished
 * operations and the ownership of blocks. The blocks are freed if `free_blocks`, or else belong to
 * the pool from now on. Returns how many were freed. */
uint64_t pool_reclaim(struct shm_arena *a, const bool gone[MAX_PROCESSES], bool free_blocks);

/* Reclaims what the process held whose entry the caller has taken over, and what those held that
 * it was reclaiming. */
void pool_reclaim_leftovers(struct shm_arena *a);

/* Offers every available slot and block of the pool: those whose hints got lost, open slots that
 * are empty, and with `take_current` also the current slots of living processes, which detect this
 * and retry. */
void pool_sweep(struct shm_arena *a, bool take_current);

/* Gives up the current slots of the caller, who may go on allocating: ownership of a slot is a hint
 * to others only. */
void pool_return_current(struct shm_arena *a, unsigned me);
