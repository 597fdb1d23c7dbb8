/* The list of all handles of this process, and what a forked child does with them. */
#pragma once
#include "base/arena.h"

#include <signal.h>

void handles_add(struct shm_arena *a);
void handles_remove(struct shm_arena *a);

/* Locks the list and blocks all signals; unlocking restores the mask. */
void handles_lock(sigset_t *before);
void handles_unlock(const sigset_t *before);

/* Calls a function on each handle, with the list locked. */
void handles_visit(void (*visit)(struct shm_arena *a));
