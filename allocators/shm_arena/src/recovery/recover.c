#include "recovery/recover.h"

#include "base/map.h"
#include "blocks/slot.h"
#include "blocks/slot_run.h"
#include "blocks/small.h"
#include "process/process.h"

#include <string.h>

/* Recovery needs no log: the states show what a process was doing when it ended. Each step is a
 * compare-and-swap from the state that it left to a complete one. If the recovering process is
 * killed too, another can repeat the whole recovery. */

struct reclaim_pass {
    const bool *gone;
    bool free_blocks;
    uint64_t freed;
};

static bool is_gone(const struct reclaim_pass *pass, unsigned tag) {
    return tag >= TAG_FIRST && tag < TAG_FIRST + MAX_PROCESSES && pass->gone[tag - TAG_FIRST];
}

/* Reclaims the blocks of gone processes in an open slot. Returns whether one became free. */
static bool reclaim_blocks(struct shm_arena *a, uint64_t slot, unsigned class,
                           struct reclaim_pass *pass) {
    _Atomic uint16_t *blocks = slot_blocks(a, slot, class);
    bool any = false;
    for (unsigned i = 0; i < size_classes[class].capacity; i++) {
        uint16_t state = atomic_load_explicit(&blocks[i], memory_order_relaxed);
        if (!is_gone(pass, state & ~BLOCK_PENDING))
            continue;
        bool frees = pass->free_blocks ||
                     state & BLOCK_PENDING; /* pending: not returned to any caller yet */
        if (atomic_compare_exchange_strong(&blocks[i], &state, frees ? BLOCK_FREE : TAG_POOL) &&
            frees) {
            pass->freed++;
            any = true;
        }
        CRASH_POINT();
    }
    return any;
}

static void reclaim_open_slot(struct shm_arena *a, uint64_t slot, uint64_t word,
                              struct reclaim_pass *pass) {
    unsigned class = word_class(word);
    bool freed = reclaim_blocks(a, slot, class, pass), orphan = is_gone(pass, word_owner(word));
    if (orphan && word_kind(word) != SLOT_SMALL)
        small_reopen(a, slot, word);
    else if (orphan)
        slot_change(a, slot, word, slot_word(SLOT_SMALL, class, 0, 0));
    if (orphan || (freed && !word_owner(word)))
        small_offer(a, slot, class);
}

static void reclaim_slot_run(struct shm_arena *a, uint64_t slot, uint64_t word,
                             struct reclaim_pass *pass) {
    uint64_t bytes;
    if (!is_gone(pass, word_owner(word)))
        return;
    if (word_kind(word) != SLOT_RUN)
        slot_run_release(a, slot);
    else if (!pass->free_blocks)
        slot_change(a, slot, word, slot_word(SLOT_RUN, 0, TAG_POOL, word_argument(word)));
    else if (slot_run_free(a, slot, &bytes) == SHM_ARENA_OK)
        pass->freed++;
}

/* Counts the slots in use again: killed processes leave the counter wrong. */
static void recount(struct shm_arena *a) {
    uint64_t end = pool_frontier(a), used = 0;
    for (uint64_t slot = 0; slot < end; slot++)
        used += atomic_load_explicit(slot_state(a, slot), memory_order_relaxed) != SLOT_UNUSED;
    atomic_store_explicit(&a->pool->used_slots, used, memory_order_relaxed);
}

uint64_t pool_reclaim(struct shm_arena *a, const bool gone[MAX_PROCESSES], bool free_blocks) {
    struct reclaim_pass pass = {.gone = gone, .free_blocks = free_blocks};
    uint64_t end = pool_frontier(a);
    for (uint64_t slot = 0; slot < end; slot++) {
        uint64_t word = atomic_load(slot_state(a, slot));
        if (word_is_open(word))
            reclaim_open_slot(a, slot, word, &pass);
        else if (word_kind(word) >= SLOT_CLAIMING && word_kind(word) <= SLOT_FREEING)
            reclaim_slot_run(a, slot, word, &pass);
    }
    return pass.freed;
}

void pool_return_current(struct shm_arena *a, unsigned me) {
    uint64_t end = pool_frontier(a);
    for (uint64_t slot = 0; slot < end; slot++) {
        uint64_t word = atomic_load(slot_state(a, slot));
        unsigned class = word_class(word);
        if (word_kind(word) == SLOT_SMALL && word_owner(word) == me && class < CLASS_COUNT &&
            slot_change(a, slot, word, slot_word(SLOT_SMALL, class, 0, 0)))
            small_offer(a, slot, class);
    }
}

static bool entry_claim(struct shm_arena *a, unsigned p, uint64_t seen, unsigned me) {
    return atomic_compare_exchange_strong(&a->processes[p].identity, &seen,
                                          process_word(PROCESS_RECLAIMED, me, 0, 0));
}

/* Claims the entries of processes that have ended, to reclaim what they held. */
static int claim_dead(struct shm_arena *a, unsigned me, bool gone[MAX_PROCESSES]) {
    int claimed = 0;
    for (unsigned p = 0; p < a->geometry.max_processes; p++) {
        uint64_t seen = atomic_load(&a->processes[p].identity);
        if (word_is_member(seen) && TAG_FIRST + p != me && process_is_dead(a, p, seen) &&
            entry_claim(a, p, seen, me)) {
            gone[p] = true;
            claimed++;
        }
        CRASH_POINT();
    }
    return claimed;
}

/* The same for entries that a gone process was reclaiming, and so on. */
static int claim_unfinished(struct shm_arena *a, unsigned me, bool gone[MAX_PROCESSES]) {
    int claimed = 0;
    for (int before = -1; before != claimed;) {
        before = claimed;
        for (unsigned p = 0; p < a->geometry.max_processes; p++) {
            uint64_t seen = atomic_load(&a->processes[p].identity);
            uint32_t reclaimer = word_pid(seen) - TAG_FIRST;
            if (gone[p] || word_process_kind(seen) != PROCESS_RECLAIMED ||
                reclaimer >= MAX_PROCESSES || !gone[reclaimer])
                continue;
            gone[p] = entry_claim(a, p, seen, me);
            claimed += gone[p];
            CRASH_POINT();
        }
    }
    return claimed;
}

/* Reclaims what gone processes held, and vacates their entries, except the caller's own. */
static void reclaim_and_vacate(struct shm_arena *a, unsigned me, bool gone[MAX_PROCESSES],
                               int count) {
    uint64_t freed = pool_reclaim(a, gone, a->flags & SHM_ARENA_RECLAIM_BLOCKS);
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
    int count = me ? claim_dead(a, me, gone) : 0;
    if (!count)
        return 0;
    count += claim_unfinished(a, me, gone);
    reclaim_and_vacate(a, me, gone, count);
    return count;
}

void pool_reclaim_leftovers(struct shm_arena *a) {
    bool gone[MAX_PROCESSES] = {false};
    unsigned me = arena_me(a);
    gone[me - TAG_FIRST] = true;
    reclaim_and_vacate(a, me, gone, 1 + claim_unfinished(a, me, gone));
}

static void sweep_slot(struct shm_arena *a, uint64_t slot, bool take_current) {
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
    if (held && !(take_current && slot_change(a, slot, word, slot_word(SLOT_SMALL, class, 0, 0))))
        return;
    small_offer(a, slot, class);
}

void pool_sweep(struct shm_arena *a, bool take_current) {
    for (unsigned map = 0; map < MAPS; map++)
        atomic_store_explicit(&a->pool->low[map].word, 0, memory_order_relaxed);
    uint64_t end = pool_frontier(a);
    for (uint64_t slot = 0; slot < end; slot++)
        sweep_slot(a, slot, take_current);
    recount(a);
}
