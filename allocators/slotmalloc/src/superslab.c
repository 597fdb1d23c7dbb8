#include "superslab.h"

#include "arena.h"
#include "bits.h"
#include "options.h"
#include "purge.h"

#define ALL_SLOTS 0xffffffffu

struct lock superslab_lock;
struct superslab_totals superslab_totals;

/* No index word below these has a bit of that level. */
static uint32_t first_run_word[RUN_LEVELS], first_warm_word[RUN_LEVELS];

static void lower(uint32_t *hint, uint32_t word) {
    if (word < *hint)
        *hint = word;
}

/* Enters a superslab's runs into the index. */
static void index_update(uint32_t number) {
    const struct superslab *superslab = &arena.superslabs[number];
    struct superslab_index *index = &arena.index[number / 64];
    uint64_t bit = 1ull << (number % 64);
    uint32_t unused = ~superslab->used, warm = superslab->warm;
    bool empty = superslab->used == 0;
    index->empty = empty ? index->empty | bit : index->empty & ~bit;
    if (empty)
        unused = 0; /* the stages keep empty superslabs apart */
    for (unsigned level = 0; level < RUN_LEVELS; level++) {
        index->run[level] = unused ? index->run[level] | bit : index->run[level] & ~bit;
        index->warm[level] = warm ? index->warm[level] | bit : index->warm[level] & ~bit;
        if (unused)
            lower(&first_run_word[level], number / 64);
        if (warm)
            lower(&first_warm_word[level], number / 64);
        unused = runs_doubled(unused, level);
        warm = runs_doubled(warm, level);
    }
}

static uint32_t word_end(void) {
    return (arena_cursor() + 63) / 64;
}

/* Lowest superslab with a warm (or any unused) run of at least 2^level slots; 0 when there is none.
 */
static uint32_t find(bool warm, unsigned level) {
    uint32_t *hint = warm ? &first_warm_word[level] : &first_run_word[level];
    uint32_t end = word_end();
    for (; *hint < end; ++*hint) {
        const struct superslab_index *index = &arena.index[*hint];
        uint64_t word = warm ? index->warm[level] : index->run[level];
        if (word != 0)
            return *hint * 64 + (uint32_t)__builtin_ctzll(word);
    }
    return 0;
}

/* Moves slots of one superslab from unused to used. */
static void take_mask(uint32_t number, uint32_t mask) {
    struct superslab *superslab = &arena.superslabs[number];
    struct superslab_totals *totals = &superslab_totals;
    totals->used += bit_count(mask);
    totals->warm -= bit_count(superslab->warm & mask);
    totals->refaulted += bit_count(superslab->purged & mask);
    if (superslab->purged & mask)
        purge_note_refault_locked(bit_count(superslab->purged & mask));
    if (totals->used > totals->used_peak)
        totals->used_peak = totals->used;
    if (totals->used + totals->warm > totals->warm_peak)
        totals->warm_peak = totals->used + totals->warm;
    superslab->used |= mask;
    superslab->warm &= ~mask;
    superslab->zero &= ~mask;
    superslab->purged &= ~mask;
    index_update(number);
}

static void give_mask(uint32_t number, uint32_t mask) {
    struct superslab *superslab = &arena.superslabs[number];
    superslab->used &= ~mask;
    superslab->warm |= mask;
    superslab->touched_s = purge_now_s;
    superslab_totals.used -= bit_count(mask);
    superslab_totals.warm += bit_count(mask);
    superslab_totals.superslabs_emptied += superslab->used == 0;
    index_update(number);
}

static void take_from(uint32_t number, uint32_t mask, enum take_stage stage, struct taken *out) {
    const struct superslab *superslab = &arena.superslabs[number];
    out->slot = number * SLOTS_PER_SUPERSLAB + (uint32_t)__builtin_ctz(mask);
    out->zero = (superslab->zero & mask) == mask;
    out->stage = stage == TAKE_NEW_SUPERSLAB || superslab->used != 0 ? stage : TAKE_EMPTY_SUPERSLAB;
    superslab_totals.superslabs_reused += out->stage == TAKE_EMPTY_SUPERSLAB;
    take_mask(number, mask);
}

/* Takes from the lowest superslab that has a long enough run. */
static bool take_indexed(bool warm, unsigned count, unsigned align, struct taken *out) {
    unsigned span = count + align - 1;
    uint32_t number =
        find(warm, level_for(span < SLOTS_PER_SUPERSLAB ? span : SLOTS_PER_SUPERSLAB));
    if (number == 0)
        return false;
    const struct superslab *superslab = &arena.superslabs[number];
    uint32_t mask = run_lowest(warm ? superslab->warm : ~superslab->used, count, align);
    take_from(number, mask, warm ? TAKE_WARM : TAKE_COLD, out);
    return true;
}

static uint32_t find_empty(void) {
    for (uint32_t word = arena.superslab_first / 64; word < word_end(); word++)
        if (arena.index[word].empty != 0)
            return word * 64 + (uint32_t)__builtin_ctzll(arena.index[word].empty);
    return 0;
}

/* Makes `count` superslabs beyond the cursor known as unused, cold and zero. */
static enum status advance(uint32_t count, uint32_t *first) {
    bool huge_pages;
    if (arena_advance(count, first, &huge_pages) != OK)
        return NO_MEMORY;
    for (uint32_t number = *first; number < *first + count; number++) {
        arena.superslabs[number].zero = ALL_SLOTS;
        arena.superslabs[number].huge_page = huge_pages;
    }
    superslab_totals.superslabs_new += count;
    return OK;
}

static enum status take_locked(unsigned count, unsigned align, struct taken *out) {
    if (take_indexed(true, count, align, out))
        return OK;
    if (!purge_room_locked(count))
        return NO_MEMORY;
    if (take_indexed(false, count, align, out))
        return OK;
    enum take_stage stage = TAKE_EMPTY_SUPERSLAB;
    uint32_t number = find_empty();
    if (number == 0) {
        stage = TAKE_NEW_SUPERSLAB;
        if (advance(1, &number) != OK)
            return NO_MEMORY;
    }
    take_from(number, run_lowest(ALL_SLOTS, count, align), stage, out);
    return OK;
}

enum status superslab_take(unsigned count, unsigned align, struct taken *out) {
    lock_take(&superslab_lock);
    enum status status = take_locked(count, align, out);
    lock_give(&superslab_lock);
    return status;
}

enum status superslab_take_warm(unsigned count, unsigned align, struct taken *out) {
    lock_take(&superslab_lock);
    enum status status = take_indexed(true, count, align, out) ? OK : NO_MEMORY;
    lock_give(&superslab_lock);
    return status;
}

void superslab_give(uint32_t slot, unsigned count) {
    lock_take(&superslab_lock);
    give_mask(slot / SLOTS_PER_SUPERSLAB, run_mask(slot % SLOTS_PER_SUPERSLAB, count));
    purge_after_give_locked();
    lock_give(&superslab_lock);
}

bool superslab_extend(uint32_t slot, unsigned count, unsigned more) {
    uint32_t number = slot / SLOTS_PER_SUPERSLAB, at = slot % SLOTS_PER_SUPERSLAB + count;
    if (at + more > SLOTS_PER_SUPERSLAB)
        return false;
    uint32_t mask = run_mask(at, more);
    lock_take(&superslab_lock);
    bool fits = purge_room_locked(more) && (arena.superslabs[number].used & mask) == 0;
    if (fits)
        take_mask(number, mask);
    lock_give(&superslab_lock);
    return fits;
}

static bool is_empty(uint32_t number) {
    return (arena.index[number / 64].empty >> (number % 64)) & 1;
}

/* Best fit among the holes of wholly unused superslabs; 0 when none is large enough. */
static uint32_t find_hole(uint32_t count, uint32_t align) {
    uint32_t best = 0, best_size = UINT32_MAX, end = arena_cursor();
    for (uint32_t at = arena.superslab_first; at < end;) {
        uint64_t rest = arena.index[at / 64].empty >> (at % 64);
        if (rest == 0) {
            at = (at / 64 + 1) * 64;
            continue;
        }
        at += (uint32_t)__builtin_ctzll(rest);
        uint32_t start = (at + align - 1) & ~(align - 1);
        while (at < end && is_empty(at))
            at++;
        if (start + count <= at && at - start < best_size) {
            best = start;
            best_size = at - start;
        }
    }
    return best;
}

/* Takes from beyond the cursor; what alignment skips becomes unused superslabs. */
static enum status advance_aligned(uint32_t count, uint32_t align, uint32_t *number) {
    uint32_t at = arena_cursor(), start = (at + align - 1) & ~(align - 1), first;
    if (start < at || advance(start - at + count, &first) != OK)
        return NO_MEMORY;
    for (uint32_t skipped = first; skipped < start; skipped++)
        index_update(skipped);
    *number = start;
    return OK;
}

static enum status take_whole_locked(uint32_t count, uint32_t align, struct taken *out) {
    if (!purge_room_locked((uint64_t)count * SLOTS_PER_SUPERSLAB))
        return NO_MEMORY;
    uint32_t number = find_hole(count, align);
    out->stage = number ? TAKE_EMPTY_SUPERSLAB : TAKE_NEW_SUPERSLAB;
    if (number == 0 && advance_aligned(count, align, &number) != OK)
        return NO_MEMORY;
    if (out->stage == TAKE_EMPTY_SUPERSLAB)
        superslab_totals.superslabs_reused += count;
    out->zero = true;
    out->slot = number * SLOTS_PER_SUPERSLAB;
    for (uint32_t i = 0; i < count; i++) {
        out->zero = out->zero && arena.superslabs[number + i].zero == ALL_SLOTS;
        take_mask(number + i, ALL_SLOTS);
    }
    return OK;
}

enum status superslab_take_whole(uint32_t count, uint32_t align, struct taken *out) {
    lock_take(&superslab_lock);
    enum status status = take_whole_locked(count, align, out);
    lock_give(&superslab_lock);
    return status;
}

void superslab_give_whole(uint32_t number, uint32_t count) {
    lock_take(&superslab_lock);
    for (uint32_t i = 0; i < count; i++)
        give_mask(number + i, ALL_SLOTS);
    purge_after_give_locked();
    lock_give(&superslab_lock);
}

bool superslab_extend_whole(uint32_t number, uint32_t count, uint32_t more) {
    uint32_t first = number + count, cursor, new_first;
    lock_take(&superslab_lock);
    bool fits = purge_room_locked((uint64_t)more * SLOTS_PER_SUPERSLAB);
    cursor = arena_cursor();
    uint32_t inside = first + more <= cursor ? more : cursor - first;
    for (uint32_t i = 0; fits && i < inside; i++)
        fits = is_empty(first + i);
    if (fits && inside < more)
        fits = advance(more - inside, &new_first) == OK;
    for (uint32_t i = 0; fits && i < more; i++)
        take_mask(first + i, ALL_SLOTS);
    lock_give(&superslab_lock);
    return fits;
}

void superslab_claim_locked(uint32_t number, uint32_t mask) {
    struct superslab *superslab = &arena.superslabs[number];
    superslab_totals.warm -= bit_count(superslab->warm & mask);
    superslab->used |= mask;
    superslab->warm &= ~mask;
    index_update(number);
}

void superslab_unclaim_locked(uint32_t number, uint32_t mask, bool purged) {
    struct superslab *superslab = &arena.superslabs[number];
    superslab->used &= ~mask;
    if (purged) {
        superslab->zero |= mask;
        superslab->purged |= mask;
        superslab_totals.purged += bit_count(mask);
    } else {
        superslab->warm |= mask & ~superslab->zero;
        superslab_totals.warm += bit_count(mask & ~superslab->zero);
    }
    index_update(number);
}

uint32_t superslab_warm_below_locked(uint32_t from) {
    for (uint32_t word = (from - 1) / 64 + 1; word-- > arena.superslab_first / 64;) {
        uint64_t bits = arena.index[word].warm[0];
        if (word == from / 64)
            bits &= (1ull << (from % 64)) - 1;
        if (bits != 0)
            return word * 64 + 63 - (uint32_t)__builtin_clzll(bits);
    }
    return 0;
}

bool superslab_is_valid(uint32_t number) {
    const struct superslab *superslab = &arena.superslabs[number];
    const struct superslab_index *index = &arena.index[number / 64];
    bool empty = (index->empty >> (number % 64)) & 1, warm = (index->warm[0] >> (number % 64)) & 1;
    return (superslab->warm & superslab->used) == 0 && (superslab->zero & superslab->warm) == 0 &&
           empty == (superslab->used == 0) && warm == (superslab->warm != 0);
}
