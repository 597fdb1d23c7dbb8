/* The process table: which processes are attached, and which of them have ended. */
#pragma once
#include "base/arena.h"

/* The caller's tag, after joining the pool if it has to (first use, or after fork); 0 if it cannot,
 * for the reason that join_refusal() gives. */
unsigned process_join(struct shm_arena *a);

/* The same when no entry is vacant: takes the entry of a process that has ended. */
unsigned process_join_as_successor(struct shm_arena *a);

static inline unsigned arena_me(struct shm_arena *a) {
    unsigned me = atomic_load_explicit(&a->me, memory_order_relaxed);
    return __builtin_expect(me != 0, 1) ? me : process_join(a);
}

static inline int join_refusal(const struct shm_arena *a) {
    return atomic_load_explicit(&a->refusal, memory_order_relaxed);
}

/* Whether the process of an entry has ended. A process of another PID namespace that has no lock
 * counts as alive. */
bool process_is_dead(const struct shm_arena *a, unsigned entry, uint64_t identity);

/* Whether a pid of that identity means the same process here. */
bool process_is_near(const struct shm_arena *a, uint64_t identity);

/* Adds the counters of an entry that only the caller may change to those of departed processes, and
 * vacates the entry. */
void process_vacate(struct shm_arena *a, unsigned tag);
