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
static bool frontier_advance(struct shm_arena *a, uint64_t count, uint64_t step, uint64_t *slot) {
    uint64_t seen = atomic_load_explicit(&a->pool->frontier, memory_order_relaxed), first;
    do {
        first = (seen + step - 1) / step * step;
        if (seen > a->geometry.slot_count || first + count > a->geometry.slot_count)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&a->pool->frontier, &seen, first + count,
                                                    memory_order_acq_rel, memory_order_relaxed));
    CRASH_POINT();
    slots_offer(a, seen, first - seen); /* what alignment jumped over */
    *slot = first;
    return true;
}

/* Hands the never-used rest to the map, where it can join free neighbours before it. */
static bool frontier_give_up(struct shm_arena *a) {
    uint64_t seen = atomic_load_explicit(&a->pool->frontier, memory_order_relaxed);
    do {
        if (seen >= a->geometry.slot_count)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&a->pool->frontier, &seen,
                                                    a->geometry.slot_count, memory_order_acq_rel,
                                                    memory_order_relaxed));
    CRASH_POINT();
    slots_offer(a, seen, a->geometry.slot_count - seen);
    return true;
}

static bool slots_search(struct shm_arena *a, uint64_t count, uint64_t step, uint64_t *slot) {
    return count == 1 && step == 1 ? map_take(a, FREE_MAP, slot)
                                   : map_take_run(a, count, step, slot);
}

/* Blocks freed so far, by everyone. */
static uint64_t pool_freed_count(const struct shm_arena *a) {
    uint64_t sum = atomic_load_explicit(&a->pool->departed.freed_count, memory_order_relaxed);
    for (unsigned p = 0; p < a->geometry.max_processes; p++) {
        if (!atomic_load_explicit(&a->processes[p].identity, memory_order_relaxed))
            continue;
        for (unsigned i = 0; i < LANES; i++)
            sum +=
                atomic_load_explicit(&a->processes[p].lanes[i].freed_count, memory_order_relaxed);
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
static bool slots_scrape(struct shm_arena *a, uint64_t count, uint64_t step, uint64_t *slot) {
    uint64_t size = count * step < 0xffff ? count * step : 0xffff;
    uint64_t stamp = (pool_freed_count(a) + 1) << 16,
             last = atomic_load_explicit(&a->searched, memory_order_relaxed);
    if (!look_for_dead(a) && (last & ~UINT64_C(0xffff)) == stamp && size >= (last & 0xffff))
        return false;
    pool_sweep(a, true);
    if (slots_search(a, count, step, slot))
        return true;
    atomic_store_explicit(&a->searched, stamp | size, memory_order_relaxed);
    return false;
}

bool slots_find(struct shm_arena *a, uint64_t count, uint64_t step, uint64_t *slot) {
    if (count > a->geometry.slot_count)
        return false;
    return slots_search(a, count, step, slot) || frontier_advance(a, count, step, slot) ||
           (frontier_give_up(a) && slots_search(a, count, step, slot)) ||
           slots_scrape(a, count, step, slot);
}
