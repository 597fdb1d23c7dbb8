/* A handle's process joins the pool and leaves it. */
#pragma once
#include "base/arena.h"

/* Joins the pool, if need be in the place of a process that has ended; 0 if it cannot. */
unsigned process_attach(struct shm_arena *a);

/* Gives current slots and the entry back. */
void process_detach(struct shm_arena *a);
