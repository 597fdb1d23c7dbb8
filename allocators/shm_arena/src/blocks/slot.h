/* Unused slots: finding them, and offering those that became unused. */
#pragma once
#include "base/map.h"

/* Finds slots that look unused; the caller must still change their states. NO_MEMORY if there are
 * none; NO_SPACE if the rest was never used and the system has no memory for its metadata. */
int slots_find(struct shm_arena *a, const struct slots_wanted *want, uint64_t *slot);

/* Marks `count` UNUSED slots from `slot` on as available. */
void slots_offer(struct shm_arena *a, uint64_t slot, uint64_t count);

/* Adds to the count of slots in use. */
void slots_count(struct shm_arena *a, int64_t change);
