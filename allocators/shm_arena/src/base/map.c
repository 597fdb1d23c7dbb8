#include "base/map.h"

/* A map is an array of words with one bit per slot; a set bit means "try this slot". Bits are
 * hints: whoever clears one must change the slot's state afterwards, and pool_sweep() sets bits
 * that were lost. All orders are relaxed, except that setting a bit (release) makes the slot's last
 * state visible to who clears it (acquire). */

/* The words of all maps for 512 slots lie together, so that they are backed by one call. */
static _Atomic uint64_t *map_word(const struct shm_arena *a, unsigned map, uint64_t word) {
    return &a->maps[(word / MAP_GROUP_WORDS * MAPS + map) * MAP_GROUP_WORDS +
                    word % MAP_GROUP_WORDS];
}

/* A mask of the bits [at, at + count) in the word of bit `at`; *count is cut to the end of that
 * word. */
static uint64_t range_mask(uint64_t at, uint64_t *count) {
    uint64_t room = 64 - at % 64;
    if (*count > room)
        *count = room;
    return (*count == 64 ? ~UINT64_C(0) : (UINT64_C(1) << *count) - 1) << at % 64;
}

void map_set_range(struct shm_arena *a, unsigned map, uint64_t slot, uint64_t count) {
    for (uint64_t done = 0; done < count;) {
        uint64_t part = count - done, mask = range_mask(slot + done, &part);
        atomic_fetch_or_explicit(map_word(a, map, (slot + done) / 64), mask, memory_order_release);
        CRASH_POINT();
        done += part;
    }
    _Atomic uint32_t *low = &a->pool->low[map].word;
    uint32_t seen = atomic_load_explicit(low, memory_order_relaxed), word = (uint32_t)(slot / 64);
    while (word < seen && !atomic_compare_exchange_weak_explicit(
                              low, &seen, word, memory_order_relaxed, memory_order_relaxed))
        ;
}

void map_set(struct shm_arena *a, unsigned map, uint64_t slot) {
    map_set_range(a, map, slot, 1);
}

void map_clear(struct shm_arena *a, unsigned map, uint64_t slot) {
    atomic_fetch_and_explicit(map_word(a, map, slot / 64), ~(UINT64_C(1) << slot % 64),
                              memory_order_acquire);
}

bool map_has(const struct shm_arena *a, unsigned map, uint64_t slot) {
    return atomic_load_explicit(map_word(a, map, slot / 64), memory_order_relaxed) >> slot % 64 & 1;
}

/* Clears one bit of a word and stores which; false if none is set. */
static bool word_take(_Atomic uint64_t *word, unsigned *bit) {
    uint64_t bits = atomic_load_explicit(word, memory_order_relaxed);
    while (bits) {
        *bit = (unsigned)__builtin_ctzll(bits);
        uint64_t mask = UINT64_C(1) << *bit;
        if (atomic_fetch_and_explicit(word, ~mask, memory_order_acquire) & mask)
            return true;
        bits = atomic_load_explicit(word, memory_order_relaxed);
    }
    return false;
}

bool map_take(struct shm_arena *a, unsigned map, uint64_t *slot) {
    _Atomic uint32_t *low = &a->pool->low[map].word;
    uint32_t first = atomic_load_explicit(low, memory_order_relaxed);
    uint64_t end = (pool_frontier(a) + 63) / 64;
    for (uint64_t w = first; w < end; w++) {
        unsigned bit;
        if (!word_take(map_word(a, map, w), &bit))
            continue;
        CRASH_POINT();
        /* no bit before w is set, unless another thread has lowered the mark meanwhile */
        atomic_compare_exchange_strong_explicit(low, &first, (uint32_t)w, memory_order_relaxed,
                                                memory_order_relaxed);
        *slot = w * 64 + bit;
        return *slot < a->geometry.slot_count;
    }
    if (end > first)
        atomic_compare_exchange_strong_explicit(low, &first, (uint32_t)end, memory_order_relaxed,
                                                memory_order_relaxed);
    return false;
}

/* The free slots among the 64 of a word, without those that are not backed, if that is wanted. */
static uint64_t wanted_bits(const struct shm_arena *a, const struct slots_wanted *want,
                            uint64_t word) {
    uint64_t bits = atomic_load_explicit(map_word(a, FREE_MAP, word), memory_order_relaxed);
    if (want->backed)
        bits &= atomic_load_explicit(map_word(a, DATA_BACKED_MAP, word), memory_order_relaxed);
    if (want->backed && want->side)
        bits &= atomic_load_explicit(map_word(a, SIDE_BACKED_MAP, word), memory_order_relaxed);
    return bits;
}

/* The first slot in [from, end) that is available (or, with `can` false, that is not), or end. */
static uint64_t map_next(const struct shm_arena *a, const struct slots_wanted *want, uint64_t from,
                         uint64_t end, bool can) {
    while (from < end) {
        uint64_t bits = wanted_bits(a, want, from / 64);
        bits = (can ? bits : ~bits) >> from % 64;
        if (bits) {
            from += (unsigned)__builtin_ctzll(bits);
            return from < end ? from : end;
        }
        from = (from / 64 + 1) * 64;
    }
    return end;
}

/* Clears the bits [first, first + count), word by word, up to the first word with a bit that was
 * clear already. Returns how many were cleared. */
static uint64_t map_take_range(struct shm_arena *a, uint64_t first, uint64_t count) {
    uint64_t taken = 0;
    while (taken < count) {
        uint64_t at = first + taken, part = count - taken, mask = range_mask(at, &part);
        uint64_t old =
            atomic_fetch_and_explicit(map_word(a, FREE_MAP, at / 64), ~mask, memory_order_acquire);
        if ((old & mask) !=
            mask) { /* another thread has cleared some: restore the others of this word */
            atomic_fetch_or_explicit(map_word(a, FREE_MAP, at / 64), old & mask,
                                     memory_order_release);
            return taken;
        }
        CRASH_POINT();
        taken += part;
    }
    return taken;
}

bool map_take_slots(struct shm_arena *a, const struct slots_wanted *want, uint64_t *slot) {
    uint64_t end = pool_frontier(a), count = want->count, step = want->step;
    uint64_t at =
        (uint64_t)atomic_load_explicit(&a->pool->low[FREE_MAP].word, memory_order_relaxed) * 64;
    while ((at = map_next(a, want, at, end, true)) < end) {
        uint64_t first = (at + step - 1) / step * step;
        if (first + count > end || first + count < first)
            return false;
        uint64_t stop = map_next(a, want, first, first + count, false);
        if (stop == first + count) {
            uint64_t taken = map_take_range(a, first, count);
            *slot = first;
            if (taken == count)
                return true;
            if (taken)
                map_set_range(a, FREE_MAP, first, taken);
            stop = first + taken + 1;
        }
        at = stop > at ? stop : at + 1;
    }
    return false;
}
