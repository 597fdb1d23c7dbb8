#include "blocks/slot_run.h"

#include "base/back.h"
#include "blocks/slot.h"
#include "process/process.h"

/* A slot run's states. Allocation: head UNUSED -> CLAIMING, each body UNUSED -> BODY, head -> RUN
 * (the commit). Freeing: head RUN -> FREEING (the commit), each body BODY -> UNUSED, head ->
 * UNUSED. A body's state names its head, and the head is the first to be claimed and the last to
 * be released: so slot_run_release() undoes an unfinished claim or free, however often it is
 * started. */

void slot_run_release(struct shm_arena *a, uint64_t slot) {
    uint64_t word = atomic_load_explicit(slot_state(a, slot), memory_order_relaxed);
    uint64_t length = slot_run_length(a, slot, word),
             body = slot_word(SLOT_BODY, 0, 0, (uint32_t)slot);
    uint64_t won = 0; /* bodies before this one that are released, but not offered yet */
    for (uint64_t i = 1; i < length; i++) {
        if (slot_change(a, slot + i, body, SLOT_UNUSED)) {
            won++;
            continue;
        }
        slots_offer(a, slot + i - won, won);
        won = 0;
    }
    bool whole = slot_change(a, slot, word, SLOT_UNUSED);
    if (whole && won + 1 == length) {
        slots_offer(a, slot, length);
        return;
    }
    slots_offer(a, slot + length - won, won);
    slots_offer(a, slot, whole);
}

/* Turns slots that looked unused into a slot run. BUSY if another process took one of them
 * first. */
static int slot_run_claim(struct shm_arena *a, unsigned me, uint64_t slot, uint64_t length) {
    uint64_t head = slot_word(SLOT_CLAIMING, 0, me, (uint32_t)length);
    if (!slot_change(a, slot, SLOT_UNUSED, head)) {
        slots_offer(a, slot + 1, length - 1);
        return SHM_ARENA_BUSY;
    }
    for (uint64_t i = 1; i < length; i++) {
        if (slot_change(a, slot + i, SLOT_UNUSED, slot_word(SLOT_BODY, 0, 0, (uint32_t)slot)))
            continue;
        slot_run_release(a, slot);
        slots_offer(a, slot + i + 1, length - i - 1);
        return SHM_ARENA_BUSY;
    }
    int error = back_data(a, slot, length);
    if (error) {
        slot_run_release(a, slot);
        return error;
    }
    slots_count(a, (int64_t)length);
    bool won = slot_change(a, slot, head, slot_word(SLOT_RUN, 0, me, (uint32_t)length));
    return won ? SHM_ARENA_OK : SHM_ARENA_BUSY;
}

struct slots_wanted slot_run_wanted(size_t size, size_t alignment, bool backed) {
    return (struct slots_wanted){.count = (size + SLOT_BYTES - 1) >> SLOT_SHIFT,
                                 .step = alignment > SLOT_BYTES ? alignment >> SLOT_SHIFT : 1,
                                 .backed = backed};
}

int slot_run_alloc(struct shm_arena *a, struct slots_wanted want, uint64_t *offset) {
    unsigned me = arena_me(a);
    uint64_t slot;
    for (uint64_t tries = 0; tries < 64 + a->geometry.slot_count; tries++) {
        int error = slots_find(a, &want, &slot);
        if (!error && !(error = slot_run_claim(a, me, slot, want.count))) {
            *offset = slot_offset(a, slot);
            return SHM_ARENA_OK;
        }
        if (error == SHM_ARENA_NO_MEMORY || (error == SHM_ARENA_NO_SPACE && want.backed))
            return error;
        want.backed |= error == SHM_ARENA_NO_SPACE;
    }
    return SHM_ARENA_BUSY;
}

int slot_run_free(struct shm_arena *a, uint64_t slot, uint64_t *bytes) {
    uint64_t word = atomic_load_explicit(slot_state(a, slot), memory_order_acquire);
    do {
        if (word_kind(word) != SLOT_RUN)
            return SHM_ARENA_NOT_A_BLOCK;
    } while (!atomic_compare_exchange_weak_explicit(
        slot_state(a, slot), &word, slot_word(SLOT_FREEING, 0, arena_me(a), word_argument(word)),
        memory_order_acq_rel, memory_order_acquire));
    CRASH_POINT();
    uint64_t length = slot_run_length(a, slot, word);
    slots_count(a, -(int64_t)length);
    slot_run_release(a, slot);
    *bytes = length << SLOT_SHIFT;
    return SHM_ARENA_OK;
}
