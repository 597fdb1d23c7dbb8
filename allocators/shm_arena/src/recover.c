#include "arena.h"

#include <string.h>

/* Recovery has no log to read: the states themselves tell what a dead process was doing. Each step
 * is a swap from the state that the dead left to a settled one, so a recovery that is itself killed
 * can be done again by another, from the start, without harm. */

struct burial {
    const bool *gone;
    bool reclaim;
    uint64_t freed;
};

static bool is_gone(const struct burial *b, unsigned tag) {
    return tag >= TAG_FIRST && tag < TAG_FIRST + MAX_PROCESSES && b->gone[tag - TAG_FIRST];
}

/* Settles the blocks of the dead in an open slot. Returns whether a block became free. */
static bool bury_blocks(struct shm_arena *a, uint64_t slot, unsigned class, struct burial *b) {
    _Atomic uint16_t *blocks = slot_blocks(a, slot, class);
    bool any = false;
    for (unsigned i = 0; i < size_classes[class].capacity; i++) {
        uint16_t state = atomic_load_explicit(&blocks[i], memory_order_relaxed);
        if (!is_gone(b, state & ~BLOCK_PENDING))
            continue;
        bool frees = b->reclaim || state & BLOCK_PENDING; /* pending: nobody was given it yet */
        if (atomic_compare_exchange_strong(&blocks[i], &state, frees ? BLOCK_FREE : TAG_POOL) &&
            frees) {
            b->freed++;
            any = true;
        }
        CRASH_POINT();
    }
    return any;
}

static void bury_open_slot(struct shm_arena *a, uint64_t slot, uint64_t word, struct burial *b) {
    unsigned class = word_class(word);
    bool freed = bury_blocks(a, slot, class, b), orphan = is_gone(b, word_owner(word));
    if (orphan && word_kind(word) != SLOT_SMALL)
        small_reopen(a, slot, word);
    else if (orphan)
        slot_change(a, slot, word, slot_word(SLOT_SMALL, class, 0, 0));
    if (orphan || (freed && !word_owner(word)))
        small_settle(a, slot, class);
}

static void bury_run(struct shm_arena *a, uint64_t slot, uint64_t word, struct burial *b) {
    uint64_t bytes;
    if (!is_gone(b, word_owner(word)))
        return;
    if (word_kind(word) != SLOT_RUN)
        run_release(a, slot);
    else if (!b->reclaim)
        slot_change(a, slot, word, slot_word(SLOT_RUN, 0, TAG_POOL, word_argument(word)));
    else if (run_free(a, slot, &bytes) == SHM_ARENA_OK)
        b->freed++;
}

/* Crashes make the count of used slots drift; whoever walks the pool sets it right. */
static void recount(struct shm_arena *a) {
    uint64_t end = pool_frontier(a), used = 0;
    for (uint64_t slot = 0; slot < end; slot++)
        used += atomic_load_explicit(slot_state(a, slot), memory_order_relaxed) != SLOT_UNUSED;
    atomic_store_explicit(&a->pool->used_slots, used, memory_order_relaxed);
}

uint64_t pool_bury(struct shm_arena *a, const bool gone[MAX_PROCESSES], bool reclaim) {
    struct burial b = {.gone = gone, .reclaim = reclaim};
    uint64_t end = pool_frontier(a);
    for (uint64_t slot = 0; slot < end; slot++) {
        uint64_t word = atomic_load(slot_state(a, slot));
        if (word_is_open(word))
            bury_open_slot(a, slot, word, &b);
        else if (word_kind(word) >= SLOT_CLAIMING && word_kind(word) <= SLOT_FREEING)
            bury_run(a, slot, word, &b);
    }
    return b.freed;
}

void pool_return_reserves(struct shm_arena *a, unsigned me) {
    uint64_t end = pool_frontier(a);
    for (uint64_t slot = 0; slot < end; slot++) {
        uint64_t word = atomic_load(slot_state(a, slot));
        unsigned class = word_class(word);
        if (word_kind(word) == SLOT_SMALL && word_owner(word) == me && class < CLASS_COUNT &&
            slot_change(a, slot, word, slot_word(SLOT_SMALL, class, 0, 0)))
            small_settle(a, slot, class);
    }
}

static bool entry_seize(struct shm_arena *a, unsigned p, uint64_t seen, unsigned me) {
    return atomic_compare_exchange_strong(&a->processes[p].identity, &seen,
                                          process_word(PROCESS_BURYING, me, 0, 0));
}

/* Makes the entries of dead processes this one's to settle. */
static int seize_dead(struct shm_arena *a, unsigned me, bool gone[MAX_PROCESSES]) {
    int seized = 0;
    for (unsigned p = 0; p < a->geometry.max_processes; p++) {
        uint64_t seen = atomic_load(&a->processes[p].identity);
        if (word_is_member(seen) && TAG_FIRST + p != me && process_is_dead(a, p, seen) &&
            entry_seize(a, p, seen, me)) {
            gone[p] = true;
            seized++;
        }
        CRASH_POINT();
    }
    return seized;
}

/* The same for those whom the gone were burying, and whom those had been burying in turn. */
static int seize_orphans(struct shm_arena *a, unsigned me, bool gone[MAX_PROCESSES]) {
    int seized = 0;
    for (int before = -1; before != seized;) {
        before = seized;
        for (unsigned p = 0; p < a->geometry.max_processes; p++) {
            uint64_t seen = atomic_load(&a->processes[p].identity);
            uint32_t burier = word_pid(seen) - TAG_FIRST;
            if (gone[p] || word_process_kind(seen) != PROCESS_BURYING || burier >= MAX_PROCESSES ||
                !gone[burier])
                continue;
            gone[p] = entry_seize(a, p, seen, me);
            seized += gone[p];
            CRASH_POINT();
        }
    }
    return seized;
}

/* Reclaims what the gone had, and makes their entries vacant, but for the caller's own. */
static void settle(struct shm_arena *a, unsigned me, bool gone[MAX_PROCESSES], int count) {
    uint64_t freed = pool_bury(a, gone, a->flags & SHM_ARENA_RECLAIM_BLOCKS);
    pool_sweep(a, false);
    for (unsigned p = 0; p < a->geometry.max_processes; p++)
        if (gone[p] && TAG_FIRST + p != me)
            process_vacate(a, TAG_FIRST + p);
    atomic_fetch_add_explicit(&a->pool->recovered_blocks, freed, memory_order_relaxed);
    atomic_fetch_add_explicit(&a->pool->recovered_processes, (uint64_t)count, memory_order_relaxed);
}

int shm_arena_recover(struct shm_arena *a) {
    bool gone[MAX_PROCESSES] = {false};
    unsigned me = arena_me(a);
    int count = me ? seize_dead(a, me, gone) : 0;
    if (!count)
        return 0;
    count += seize_orphans(a, me, gone);
    settle(a, me, gone, count);
    return count;
}

void pool_settle_estate(struct shm_arena *a) {
    bool gone[MAX_PROCESSES] = {false};
    unsigned me = arena_me(a);
    gone[me - TAG_FIRST] = true;
    settle(a, me, gone, 1 + seize_orphans(a, me, gone));
}

static void sweep_slot(struct shm_arena *a, uint64_t slot, bool take_reserves) {
    uint64_t word = atomic_load(slot_state(a, slot));
    if (word == SLOT_UNUSED) {
        if (!map_has(a, FREE_MAP, slot))
            slots_offer(a, slot, 1);
        return;
    }
    unsigned class = word_class(word);
    if (word_kind(word) != SLOT_SMALL || class >= CLASS_COUNT || !small_has_free(a, slot, class))
        return;
    bool held = word_owner(word) != 0;
    if (held && !(take_reserves && slot_change(a, slot, word, slot_word(SLOT_SMALL, class, 0, 0))))
        return;
    small_settle(a, slot, class);
}

void pool_sweep(struct shm_arena *a, bool take_reserves) {
    for (unsigned map = 0; map < MAPS; map++)
        atomic_store_explicit(&a->pool->low[map].word, 0, memory_order_relaxed);
    uint64_t end = pool_frontier(a);
    for (uint64_t slot = 0; slot < end; slot++)
        sweep_slot(a, slot, take_reserves);
    recount(a);
}
