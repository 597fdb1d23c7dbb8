#include "blocks/slot.h"

#include "base/back.h"

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

/* Moves the frontier over `count` slots that were never used. It never moves past the end and never
 * back, so there is nothing to undo when the pool is full. A process that is killed after the move
 * leaves slots that are UNUSED and in no map, which pool_sweep() finds. */
static int frontier_advance(struct shm_arena *a, const struct slots_wanted *want, uint64_t *slot) {
    uint64_t seen = atomic_load_explicit(&a->pool->frontier, memory_order_relaxed), first;
    do {
        first = (seen + want->step - 1) / want->step * want->step;
        if (seen > a->geometry.slot_count || first + want->count > a->geometry.slot_count)
            return SHM_ARENA_NO_MEMORY;
        int error =
            back_metadata(a, first + want->count); /* which others read up to the frontier */
        if (error)
            return error;
    } while (!atomic_compare_exchange_weak_explicit(&a->pool->frontier, &seen, first + want->count,
                                                    memory_order_acq_rel, memory_order_relaxed));
    CRASH_POINT();
    slots_offer(a, seen, first - seen); /* skipped for alignment */
    *slot = first;
    return SHM_ARENA_OK;
}

/* Moves the frontier to the end and marks the slots in between as available, where a slot run can
 * use them together with free neighbours before them. NO_MEMORY if it is at the end already. */
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
                                                                : map_take_slots(a, want, slot);
}

/* Slots that were never used. */
static int slots_fresh(struct shm_arena *a, const struct slots_wanted *want, uint64_t *slot) {
    int error = frontier_advance(a, want, slot);
    if (error != SHM_ARENA_NO_MEMORY || (error = frontier_give_up(a)))
        return error;
    return slots_search(a, want, slot) ? SHM_ARENA_OK : SHM_ARENA_NO_MEMORY;
}

int slots_find(struct shm_arena *a, const struct slots_wanted *want, uint64_t *slot) {
    if (slots_search(a, want, slot))
        return SHM_ARENA_OK;
    return want->backed ? SHM_ARENA_NO_SPACE : slots_fresh(a, want, slot);
}
