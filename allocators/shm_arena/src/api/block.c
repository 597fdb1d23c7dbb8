#include "blocks/slot_run.h"
#include "blocks/small.h"
#include "process/lane.h"
#include "process/process.h"
#include "recovery/recover.h"

#include <errno.h>
#include <string.h>
#include <time.h>

/* The public calls on blocks: checks, the choice between small blocks and slot runs, counters, and
 * the last resort of an allocation that finds no memory. */

static bool is_power_of_two(size_t value) {
    return value && !(value & (value - 1));
}

static uint64_t slot_of(const struct shm_arena *a, uint64_t offset) {
    return (offset - a->view.first) >> SLOT_SHIFT;
}

static bool is_inside(const struct shm_arena *a, uint64_t offset) {
    return offset - a->view.first < a->view.end - a->view.first;
}

static void fill(const struct shm_arena *a, struct shm_block *block, uint64_t offset,
                 uint64_t size) {
    *block = (struct shm_block){a->view.base + offset, offset, size, a->view.id};
}

/* Blocks that all processes have freed so far. */
static uint64_t freed_count(const struct shm_arena *a) {
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

/* The coarse clock, in ns. With crash points it counts calls instead, so that tests are
 * repeatable. */
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

/* Reclaims what dead processes held, but looks for them at most once per tick (some milliseconds):
 * with a full pool, a failing allocation must not cost a dozen system calls. */
static bool recover_dead(struct shm_arena *a) {
    uint64_t now = tick();
    if (atomic_exchange_explicit(&a->dead_looked_at, now, memory_order_relaxed) == now)
        return false;
    return shm_arena_recover(a) > 0;
}

/* A small block or a slot run. With `backed` the system is not asked for memory. */
static int try_again(struct shm_arena *a, size_t size, size_t alignment, bool backed,
                     uint64_t *offset) {
    unsigned class = class_for(size, alignment);
    if (class != CLASS_NONE)
        return backed ? small_alloc_backed(a, class, offset) : small_alloc(a, class, offset);
    return slot_run_alloc(a, slot_run_wanted(size, alignment, backed), offset);
}

/* How many slots must be searched for an allocation, in 16 bits. */
static uint64_t slots_needed(size_t size, size_t alignment) {
    struct slots_wanted want = slot_run_wanted(size, alignment, false);
    uint64_t product = want.count * want.step;
    return class_for(size, alignment) != CLASS_NONE ? 1 : product < 0xffff ? product : 0xffff;
}

/* The last resort after `error`: recover dead processes, sweep the pool, try again. Not if nothing
 * was freed since this process did so in vain for as few slots: with a full pool, a failing
 * allocation must not cost a sweep. */
static int recover_and_retry(struct shm_arena *a, int error, size_t size, size_t alignment,
                             uint64_t *offset) {
    bool backed = error == SHM_ARENA_NO_SPACE;
    if (error != SHM_ARENA_NO_MEMORY && !backed)
        return error;
    int why = errno;
    uint64_t slots = slots_needed(size, alignment), stamp = (freed_count(a) + 1) << 16,
             last = atomic_load_explicit(&a->swept[backed], memory_order_relaxed);
    if (recover_dead(a) || (last & ~UINT64_C(0xffff)) != stamp || slots < (last & 0xffff)) {
        pool_sweep(a, true);
        error = try_again(a, size, alignment, backed, offset);
        if (error)
            atomic_store_explicit(&a->swept[backed], stamp | slots, memory_order_relaxed);
    }
    errno = why;
    return error;
}

/* Stores the offset and the usable bytes of a new block. */
static int allocate(struct shm_arena *a, size_t size, size_t alignment, uint64_t *offset,
                    uint64_t *usable) {
    unsigned class = class_for(size, alignment);
    if (class != CLASS_NONE) {
        *usable = size_classes[class].bytes; /* also a size of this class, whatever the alignment */
        int error = small_alloc(a, class, offset);
        return error ? recover_and_retry(a, error, *usable, 1, offset) : SHM_ARENA_OK;
    }
    if (size > a->view.end - a->view.first)
        return SHM_ARENA_NO_MEMORY;
    *usable = (size + SLOT_BYTES - 1) & ~(uint64_t)(SLOT_BYTES - 1);
    int error = slot_run_alloc(a, slot_run_wanted(size, alignment, false), offset);
    return error ? recover_and_retry(a, error, size, alignment, offset) : SHM_ARENA_OK;
}

int shm_arena_alloc(struct shm_arena *a, size_t size, size_t alignment, struct shm_block *block) {
    if (!size || alignment > DATA_ALIGNMENT || (alignment && !is_power_of_two(alignment)))
        return SHM_ARENA_INVALID;
    unsigned me = arena_me(a), lane = lane_index();
    if (!me)
        return join_refusal(a);
    uint64_t offset, usable;
    int error = allocate(a, size, arena_alignment(a, alignment), &offset, &usable);
    struct lane *counters = arena_lane(a, me, lane);
    if (error) {
        lane_add(lane, &counters->failed_count, 1);
        return error;
    }
    lane_add(lane, &counters->allocated_count, 1);
    lane_add(lane, &counters->allocated_bytes, usable);
    fill(a, block, offset, usable);
    return SHM_ARENA_OK;
}

int shm_arena_free(struct shm_arena *a, uint64_t offset) {
    if (!is_inside(a, offset))
        return SHM_ARENA_NOT_A_BLOCK;
    unsigned me = arena_me(a), lane = lane_index();
    if (!me)
        return join_refusal(a);
    uint64_t slot = slot_of(a, offset), bytes = 0;
    uint64_t word = atomic_load_explicit(slot_state(a, slot), memory_order_acquire);
    int error = SHM_ARENA_NOT_A_BLOCK;
    if (word_is_open(word)) {
        error = small_free(a, slot, word, offset);
        bytes = size_classes[word_class(word)].bytes;
    } else if (offset == slot_offset(a, slot)) {
        error = slot_run_free(a, slot, &bytes);
    }
    if (error)
        return error;
    struct lane *counters = arena_lane(a, me, lane);
    lane_add(lane, &counters->freed_count, 1);
    lane_add(lane, &counters->freed_bytes, bytes);
    return SHM_ARENA_OK;
}

int shm_arena_describe(const struct shm_arena *a, uint64_t offset, struct shm_block *block) {
    if (!is_inside(a, offset))
        return SHM_ARENA_NOT_A_BLOCK;
    uint64_t slot = slot_of(a, offset);
    uint64_t word = atomic_load_explicit(slot_state(a, slot), memory_order_acquire);
    if (word_is_open(word)) {
        const _Atomic uint16_t *state = small_block(a, slot, word_class(word), offset);
        if (!state || !block_is_allocated(atomic_load_explicit(state, memory_order_relaxed)))
            return SHM_ARENA_NOT_A_BLOCK;
        fill(a, block, offset, size_classes[word_class(word)].bytes);
        return SHM_ARENA_OK;
    }
    if (word_kind(word) != SLOT_RUN || offset != slot_offset(a, slot))
        return SHM_ARENA_NOT_A_BLOCK;
    fill(a, block, offset, slot_run_length(a, slot, word) << SLOT_SHIFT);
    return SHM_ARENA_OK;
}

/* A block stays in place if the new size fits and needs more than half of it. */
static bool stays(const struct shm_arena *a, const struct shm_block *block, size_t size,
                  size_t alignment) {
    return size <= block->size && size > block->size / 2 &&
           !(block->offset & (arena_alignment(a, alignment) - 1));
}

int shm_arena_realloc(struct shm_arena *a, struct shm_block *block, size_t size, size_t alignment) {
    struct shm_block old, new;
    if (!size || (alignment && !is_power_of_two(alignment)))
        return SHM_ARENA_INVALID;
    int error = shm_arena_describe(a, block->offset, &old);
    if (!error && stays(a, &old, size, alignment)) {
        *block = old;
        return SHM_ARENA_OK;
    }
    if (error || (error = shm_arena_alloc(a, size, alignment, &new)))
        return error;
    memcpy(new.address, old.address, size < old.size ? size : old.size);
    error = shm_arena_free(a, old.offset);
    if (error) { /* it was freed meanwhile: the caller gets no block */
        shm_arena_free(a, new.offset);
        return error;
    }
    *block = new;
    return SHM_ARENA_OK;
}

static int slot_run_set_owner(struct shm_arena *a, uint64_t slot, unsigned owner) {
    uint64_t word = atomic_load_explicit(slot_state(a, slot), memory_order_acquire);
    do {
        if (word_kind(word) != SLOT_RUN)
            return SHM_ARENA_NOT_A_BLOCK;
    } while (!atomic_compare_exchange_weak(slot_state(a, slot), &word,
                                           slot_word(SLOT_RUN, 0, owner, word_argument(word))));
    CRASH_POINT();
    return SHM_ARENA_OK;
}

static int set_owner(struct shm_arena *a, uint64_t offset, unsigned owner) {
    if (!is_inside(a, offset))
        return SHM_ARENA_NOT_A_BLOCK;
    uint64_t slot = slot_of(a, offset);
    uint64_t word = atomic_load_explicit(slot_state(a, slot), memory_order_acquire);
    if (!word_is_open(word))
        return offset == slot_offset(a, slot) ? slot_run_set_owner(a, slot, owner)
                                              : SHM_ARENA_NOT_A_BLOCK;
    _Atomic uint16_t *block = small_block(a, slot, word_class(word), offset);
    uint16_t state = block ? atomic_load_explicit(block, memory_order_relaxed) : BLOCK_FREE;
    do {
        if (!block_is_allocated(state))
            return SHM_ARENA_NOT_A_BLOCK;
    } while (!atomic_compare_exchange_weak(block, &state, (uint16_t)owner));
    CRASH_POINT();
    return SHM_ARENA_OK;
}

int shm_arena_share(struct shm_arena *a, uint64_t offset) {
    return set_owner(a, offset, TAG_POOL);
}

int shm_arena_take(struct shm_arena *a, uint64_t offset) {
    unsigned me = arena_me(a);
    return me ? set_owner(a, offset, me) : join_refusal(a);
}
