#include "base/back.h"
#include "blocks/slot_run.h"
#include "process/process.h"
#include "recovery/recover.h"

/* Calls that visit a whole pool: each block, freeing all blocks, returning memory to the system. */

/* The pid of the process with this tag, or 0. */
static int owner_pid(const struct shm_arena *a, unsigned tag) {
    if (tag < TAG_FIRST || tag - TAG_FIRST >= a->geometry.max_processes)
        return 0;
    uint64_t word =
        atomic_load_explicit(&a->processes[tag - TAG_FIRST].identity, memory_order_relaxed);
    return word_is_member(word) ? (int)word_pid(word) : 0;
}

static bool visit_block(const struct shm_arena *a, uint64_t offset, uint64_t size, unsigned owner,
                        bool (*visit)(void *, const struct shm_block *, int), void *context) {
    struct shm_block block = {a->view.base + offset, offset, size, a->view.id};
    return visit(context, &block, owner_pid(a, owner));
}

void shm_arena_each_block(struct shm_arena *a, bool (*visit)(void *, const struct shm_block *, int),
                          void *context) {
    uint64_t end = pool_frontier(a);
    for (uint64_t slot = 0; slot < end; slot++) {
        uint64_t word = atomic_load(slot_state(a, slot));
        if (word_kind(word) == SLOT_RUN &&
            !visit_block(a, slot_offset(a, slot), slot_run_length(a, slot, word) << SLOT_SHIFT,
                         word_owner(word), visit, context))
            return;
        if (!word_is_open(word))
            continue;
        const struct size_class *c = &size_classes[word_class(word)];
        for (unsigned i = 0; i < c->capacity; i++) {
            uint16_t state = atomic_load(&slot_blocks(a, slot, word_class(word))[i]);
            if (block_is_allocated(state) &&
                !visit_block(a, slot_offset(a, slot) + (uint64_t)i * c->bytes, c->bytes, state,
                             visit, context))
                return;
        }
    }
}

static bool free_visited(void *arena, const struct shm_block *block, int owner) {
    (void)owner;
    shm_arena_free(arena, block->offset);
    return true;
}

int shm_arena_reset(struct shm_arena *a) {
    if (!arena_me(a))
        return join_refusal(a);
    shm_arena_each_block(a, free_visited, a);
    pool_sweep(a, true);
    return SHM_ARENA_OK;
}

/* Returns the memory of an unused slot, claimed meanwhile so that no other process takes it. */
static bool trim_slot(struct shm_arena *a, uint64_t slot, unsigned me) {
    uint64_t unused = SLOT_UNUSED, claimed = slot_word(SLOT_CLAIMING, 0, me, 1);
    if (!atomic_compare_exchange_strong(slot_state(a, slot), &unused, claimed))
        return false;
    CRASH_POINT();
    bool punched = back_give_up(a, slot);
    slot_run_release(a, slot);
    return punched;
}

uint64_t shm_arena_trim(struct shm_arena *a) {
    unsigned me = arena_me(a);
    uint64_t bytes = 0, end = me ? pool_frontier(a) : 0;
    pool_sweep(a, false);
    for (uint64_t slot = 0; slot < end; slot++)
        if (trim_slot(a, slot, me))
            bytes += SLOT_BYTES;
    return bytes;
}
