#include "arena.h"

#include <time.h>

void slots_offer(struct shm_arena *a, uint64_t slot, uint64_t count) {
    if (count)
        map_set_range(a, FREE_MAP, slot, count);
}

void slots_count(struct shm_arena *a, int64_t change) {
    uint64_t used =
        atomic_fetch_add_explicit(&a->pool->used_slots, (uint64_t)change, memory_order_relaxed) +
        (uint64_t)change;
    uint64_t peak = atomic_load_explicit(&a->pool->peak_slots, memory_order_relaxed);
    while (change > 0 && used > peak && used <= a->geometry.slot_count &&
           !atomic_compare_exchange_weak_explicit(&a->pool->peak_slots, &peak, used,
                                                  memory_order_relaxed, memory_order_relaxed))
        ;
}

/* The bump: moves the frontier over `count` slots that were never used. It never moves past the end
 * and never moves back, so there is nothing to roll back when the pool is full. Death after the
 * move leaves slots that are UNUSED and in no map, which pool_sweep() finds. */
static int frontier_advance(struct shm_arena *a, const struct slots_wanted *want, uint64_t *slot) {
    uint64_t seen = atomic_load_explicit(&a->pool->frontier, memory_order_relaxed), first;
    do {
        first = (seen + want->step - 1) / want->step * want->step;
        if (seen > a->geometry.slot_count || first + want->count > a->geometry.slot_count)
            return SHM_ARENA_NO_MEMORY;
        int error = back_metadata(a, first + want->count); /* whoever walks the pool reads it */
        if (error)
            return error;
    } while (!atomic_compare_exchange_weak_explicit(&a->pool->frontier, &seen, first + want->count,
                                                    memory_order_acq_rel, memory_order_relaxed));
    CRASH_POINT();
    slots_offer(a, seen, first - seen); /* what alignment jumped over */
    *slot = first;
    return SHM_ARENA_OK;
}

/* Hands the never-used rest to the map, where it can join free neighbours before it. NO_MEMORY when
 * nothing is left to hand over. */
static int frontier_give_up(struct shm_arena *a) {
    uint64_t seen = atomic_load_explicit(&a->pool->frontier, memory_order_relaxed);
    if (seen >= a->geometry.slot_count)
        return SHM_ARENA_NO_MEMORY;
    int error = back_metadata(a, a->geometry.slot_count);
    if (error)
        return error;
    do {
        if (seen >= a->geometry.slot_count)
            return SHM_ARENA_NO_MEMORY;
    } while (!atomic_compare_exchange_weak_explicit(&a->pool->frontier, &seen,
                                                    a->geometry.slot_count, memory_order_acq_rel,
                                                    memory_order_relaxed));
    CRASH_POINT();
    slots_offer(a, seen, a->geometry.slot_count - seen);
    return SHM_ARENA_OK;
}

static bool slots_search(struct shm_arena *a, const struct slots_wanted *want, uint64_t *slot) {
    return want->count == 1 && want->step == 1 && !want->backed ? map_take(a, FREE_MAP, slot)
                                                                : map_take_run(a, want, slot);
}

/* Slots that were never used. */
static int slots_fresh(struct shm_arena *a, const struct slots_wanted *want, uint64_t *slot) {
    int error = frontier_advance(a, want, slot);
    if (error != SHM_ARENA_NO_MEMORY || (error = frontier_give_up(a)))
        return error;
    return slots_search(a, want, slot) ? SHM_ARENA_OK : SHM_ARENA_NO_MEMORY;
}

/* Blocks freed so far, by everyone. */
static uint64_t pool_freed_count(const struct shm_arena *a) {
    uint64_t sum = atomic_load_explicit(&a->pool->departed.freed_count, memory_order_relaxed);
    for (unsigned p = 0; p < a->geometry.max_processes; p++) {
        /* acquire: pairs with entry_take(), which backs the lanes first */
        if (!atomic_load_explicit(&a->processes[p].identity, memory_order_acquire))
            continue;
        for (unsigned i = 0; i < LANES; i++)
            sum += atomic_load_explicit(&a->lanes_of[p].lane[i].freed_count, memory_order_relaxed);
    }
    return sum;
}

/* The coarse clock, in ns; where crash points are tested it counts looks, so that a seed tells all.
 */
static uint64_t tick(void) {
#ifdef SHM_ARENA_CRASH_POINTS
    static uint64_t looks;
    return ++looks / 8;
#else
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
#endif
}

/* Buries the dead, but asks the system for them only once per tick (some milliseconds): a full pool
 * must not cost a dozen system calls per refused allocation. */
static bool look_for_dead(struct shm_arena *a) {
    uint64_t now = tick();
    if (atomic_exchange_explicit(&a->looked, now, memory_order_relaxed) == now)
        return false;
    return shm_arena_recover(a) > 0;
}

/* The last resort: bury the dead, sweep, look again. Not when nothing was freed since this process
 * did so in vain for a request as small: a full pool must not cost a sweep per refused allocation.
 */
static bool slots_scrape(struct shm_arena *a, const struct slots_wanted *want, uint64_t *slot) {
    _Atomic uint64_t *searched = &a->searched[want->backed];
    uint64_t product = want->count * want->step, size = product < 0xffff ? product : 0xffff;
    uint64_t stamp = (pool_freed_count(a) + 1) << 16,
             last = atomic_load_explicit(searched, memory_order_relaxed);
    if (!look_for_dead(a) && (last & ~UINT64_C(0xffff)) == stamp && size >= (last & 0xffff))
        return false;
    pool_sweep(a, true);
    if (slots_search(a, want, slot))
        return true;
    atomic_store_explicit(searched, stamp | size, memory_order_relaxed);
    return false;
}

int slots_find(struct shm_arena *a, const struct slots_wanted *want, uint64_t *slot) {
    if (want->count > a->geometry.slot_count)
        return SHM_ARENA_NO_MEMORY;
    if (slots_search(a, want, slot))
        return SHM_ARENA_OK;
    int error = want->backed ? SHM_ARENA_NO_SPACE : slots_fresh(a, want, slot);
    return error && slots_scrape(a, want, slot) ? SHM_ARENA_OK : error;
}
