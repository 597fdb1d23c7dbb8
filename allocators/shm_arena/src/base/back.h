/* Memory behind the pool's file. Functions that can fail return OK, or NO_SPACE with errno set. */
#pragma once
#include "base/arena.h"

/* Backs a part of the file. */
int back_range(struct shm_arena *a, uint64_t offset, uint64_t bytes);

/* Backs the data of slots that only the caller may change. Skips what is marked as backed. */
int back_data(struct shm_arena *a, uint64_t slot, uint64_t count);

/* Backs the side table of a slot's block states, if the class has one. */
int back_side(struct shm_arena *a, uint64_t slot, unsigned class);

/* Backs the metadata of all slots before `end`, except their side tables. */
int back_metadata(struct shm_arena *a, uint64_t end);

/* Backs the whole file of a new pool and maps its pages here. */
int back_all(struct shm_arena *a);

/* Returns the memory of a slot that only the caller may change to the system. */
bool back_give_up(struct shm_arena *a, uint64_t slot);
