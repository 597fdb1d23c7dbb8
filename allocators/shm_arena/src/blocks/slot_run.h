/* Large blocks: slot runs, that is, neighbouring slots. */
#pragma once
#include "base/map.h"

/* The slots that a large block needs. With `backed` the system is not asked for memory. */
struct slots_wanted slot_run_wanted(size_t size, size_t alignment, bool backed);

/* NO_MEMORY or NO_SPACE as for slots_find(); BUSY if other processes kept taking what was found. */
int slot_run_alloc(struct shm_arena *a, struct slots_wanted want, uint64_t *offset);

/* Frees the slot run whose head is `slot`, or returns NOT_A_BLOCK. */
int slot_run_free(struct shm_arena *a, uint64_t slot, uint64_t *bytes);

/* Makes the slots of a slot run UNUSED whose head is CLAIMING or FREEING and that no other process
 * works on. */
void slot_run_release(struct shm_arena *a, uint64_t slot);
