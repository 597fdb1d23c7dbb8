#include "arena.h"

#include <string.h>

/* The public calls on blocks: checks, the choice between small blocks and runs, and counting. */

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

/* A small block or a run: its offset and usable bytes. */
static int allocate(struct shm_arena *a, size_t size, size_t alignment, uint64_t *offset,
                    uint64_t *usable) {
    unsigned class = class_for(size, alignment);
    if (class != CLASS_NONE) {
        *usable = size_classes[class].bytes;
        return small_alloc(a, class, offset);
    }
    if (size > a->view.end - a->view.first)
        return SHM_ARENA_NO_MEMORY;
    uint64_t slot;
    int error = run_alloc(a, size, alignment, &slot);
    *offset = error ? 0 : slot_offset(a, slot);
    *usable = (size + SLOT_BYTES - 1) & ~(uint64_t)(SLOT_BYTES - 1);
    return error;
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
        error = run_free(a, slot, &bytes);
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
    fill(a, block, offset, run_length(a, slot, word) << SLOT_SHIFT);
    return SHM_ARENA_OK;
}

/* A block stays where it is while the new size fits and would not waste more than half of it. */
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
    if (error) { /* someone freed it meanwhile: the caller holds nothing */
        shm_arena_free(a, new.offset);
        return error;
    }
    *block = new;
    return SHM_ARENA_OK;
}

static int run_set_owner(struct shm_arena *a, uint64_t slot, unsigned owner) {
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
        return offset == slot_offset(a, slot) ? run_set_owner(a, slot, owner)
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
