#include "memory/superslab.h"

#include "base/bits.h"
#include "base/options.h"
#include "memory/index.h"
#include "memory/purge.h"
#include "memory/region.h"

#define ALL_SLOTS 0xffffffffu

struct lock superslab_lock;
struct superslab_totals superslab_totals;

/* Moves slots of one superslab from unused to used. */
static void take_mask(uint32_t number, uint32_t mask) {
    struct superslab *superslab = &arena.superslabs[number];
    struct superslab_totals *totals = &superslab_totals;
    totals->used += bit_count(mask);
    totals->warm -= bit_count(superslab->warm & mask);
    totals->refaulted += bit_count(superslab->purged & mask);
    if (superslab->purged & mask)
        purge_note_refault_locked();
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

/* Notes that the unused slots hold memory, zero as it may be. */
static void warm_all(uint32_t number) {
    struct superslab *superslab = &arena.superslabs[number];
    superslab->warm = ~superslab->used;
    superslab->touched_s = purge_now_s;
    superslab_totals.warm += bit_count(superslab->warm);
    index_update(number);
}

static void take_from(uint32_t number, uint32_t mask, enum take_stage stage, struct taken *out) {
    const struct superslab *superslab = &arena.superslabs[number];
    out->slot = number * SLOTS_PER_SUPERSLAB + (uint32_t)__builtin_ctz(mask);
    out->zero = (superslab->zero & mask) == mask;
    out->stage = stage == TAKE_NEW_SUPERSLAB || superslab->used != 0 ? stage : TAKE_EMPTY_SUPERSLAB;
    superslab_totals.superslabs_reused += out->stage == TAKE_EMPTY_SUPERSLAB;
    take_mask(number, mask);
    if (superslab->huge_page && superslab->used == mask && superslab->warm == 0)
        warm_all(number); /* the first touch brings all of it */
}

/* Takes from the zone's lowest superslab that has a long enough run. */
static bool take_indexed(enum zone zone, bool warm, unsigned count, unsigned align,
                         struct taken *out) {
    unsigned span = count + align - 1;
    unsigned level = level_for(span < SLOTS_PER_SUPERSLAB ? span : SLOTS_PER_SUPERSLAB);
    uint32_t number = index_find(zone, warm, level);
    if (number == 0)
        return false;
    const struct superslab *superslab = &arena.superslabs[number];
    uint32_t mask = run_lowest(warm ? superslab->warm : ~superslab->used, count, align);
    take_from(number, mask, warm ? TAKE_WARM : TAKE_COLD, out);
    return true;
}

/* Superslabs have become known: what the kernel has mapped is zero. */
static void note_new(uint32_t first, uint32_t count) {
    for (uint32_t number = first; number < first + count; number++) {
        bool huge_page = arena.superslabs[number].huge_page;
        arena.superslabs[number] = (struct superslab){.zero = ALL_SLOTS, .huge_page = huge_page};
    }
    superslab_totals.superslabs_new += count;
}

static enum status grow(enum zone zone, uint32_t count, uint32_t align, uint32_t *first) {
    if (region_grow(zone, count, align, first) != OK)
        return NO_MEMORY;
    note_new(*first, count);
    return OK;
}

/* The stages after the warm one. */
static enum status take_cold(enum zone zone, unsigned count, unsigned align, struct taken *out) {
    if (take_indexed(zone, false, count, align, out))
        return OK;
    enum take_stage stage = TAKE_EMPTY_SUPERSLAB;
    uint32_t number = index_find_empty(zone);
    if (number == 0) {
        stage = TAKE_NEW_SUPERSLAB;
        if (grow(zone, 1, 1, &number) != OK)
            return NO_MEMORY;
    }
    take_from(number, run_lowest(ALL_SLOTS, count, align), stage, out);
    return OK;
}

/* Any zone but the one that is exhausted. */
static enum status take_elsewhere(enum zone exhausted, unsigned count, unsigned align,
                                  struct taken *out) {
    for (enum zone zone = 0; zone < ZONES; zone++)
        if (zone != exhausted && (take_indexed(zone, true, count, align, out) ||
                                  take_cold(zone, count, align, out) == OK))
            return OK;
    return NO_MEMORY;
}

static enum status take_locked(enum zone zone, unsigned count, unsigned align, struct taken *out) {
    if (take_indexed(zone, true, count, align, out))
        return OK;
    if (!purge_room_locked(count))
        return NO_MEMORY;
    if (take_cold(zone, count, align, out) == OK)
        return OK;
    return take_elsewhere(zone, count, align, out);
}

enum status superslab_take(enum zone zone, unsigned count, unsigned align, struct taken *out) {
    lock_take(&superslab_lock);
    enum status status = take_locked(zone, count, align, out);
    lock_give(&superslab_lock);
    return status;
}

enum status superslab_take_warm(enum zone zone, unsigned count, unsigned align, struct taken *out) {
    lock_take(&superslab_lock);
    enum status status = take_indexed(zone, true, count, align, out) ? OK : NO_MEMORY;
    lock_give(&superslab_lock);
    return status;
}

/* The part of slots [slot, end) that lies in slot's superslab. */
static uint32_t mask_within(uint32_t slot, uint32_t end) {
    uint32_t at = slot % SLOTS_PER_SUPERSLAB, room = SLOTS_PER_SUPERSLAB - at;
    return run_mask(at, end - slot < room ? end - slot : room);
}

static uint32_t next_superslab(uint32_t slot) {
    return (slot / SLOTS_PER_SUPERSLAB + 1) * SLOTS_PER_SUPERSLAB;
}

void superslab_give(uint32_t slot, uint32_t count) {
    lock_take(&superslab_lock);
    for (uint32_t at = slot; at < slot + count; at = next_superslab(at))
        give_mask(at / SLOTS_PER_SUPERSLAB, mask_within(at, slot + count));
    purge_after_give_locked();
    lock_give(&superslab_lock);
}

/* How many slots from `slot` on, below `end`, lie in known superslabs and are unused. */
static uint32_t unused_from(uint32_t slot, uint32_t end) {
    for (uint32_t at = slot; at < end; at = next_superslab(at)) {
        uint32_t number = at / SLOTS_PER_SUPERSLAB;
        if (!region_is_known(number))
            return at - slot;
        uint32_t taken = arena.superslabs[number].used & mask_within(at, end);
        if (taken != 0)
            return number * SLOTS_PER_SUPERSLAB + (uint32_t)__builtin_ctz(taken) - slot;
    }
    return end - slot;
}

/* Takes slots [slot, end), the last of which may lie in superslabs that are not known yet. */
static bool extend_locked(enum zone zone, uint32_t slot, uint32_t end) {
    if (!purge_room_locked(end - slot))
        return false;
    uint32_t known = slot + unused_from(slot, end);
    if (known < end) {
        uint32_t first = known / SLOTS_PER_SUPERSLAB;
        uint32_t more = (end - known + SLOTS_PER_SUPERSLAB - 1) / SLOTS_PER_SUPERSLAB;
        if (known % SLOTS_PER_SUPERSLAB != 0 || !region_grow_at(zone, first, more))
            return false;
        note_new(first, more);
    }
    for (uint32_t at = slot; at < end; at = next_superslab(at))
        take_mask(at / SLOTS_PER_SUPERSLAB, mask_within(at, end));
    return true;
}

bool superslab_extend(uint32_t slot, uint32_t count, uint32_t more) {
    enum zone zone = region_zone(slot / SLOTS_PER_SUPERSLAB);
    uint32_t end = slot + count;
    if (more > arena.limit * SLOTS_PER_SUPERSLAB - end)
        return false;
    lock_take(&superslab_lock);
    bool fits = extend_locked(zone, end, end + more);
    lock_give(&superslab_lock);
    return fits;
}

static enum status find_whole(enum zone zone, uint32_t count, uint32_t align, uint32_t *number,
                              enum take_stage *stage) {
    *number = index_find_hole(zone, count, align);
    *stage = *number ? TAKE_EMPTY_SUPERSLAB : TAKE_NEW_SUPERSLAB;
    return *number ? OK : grow(zone, count, align, number);
}

/* Of any zone, the large one first. */
static enum status find_whole_anywhere(uint32_t count, uint32_t align, uint32_t *number,
                                       enum take_stage *stage) {
    for (enum zone zone = ZONES; zone-- > 0;)
        if (find_whole(zone, count, align, number, stage) == OK)
            return OK;
    return NO_MEMORY;
}

static bool is_unused(uint32_t number, bool cold_only) {
    return index_is_empty(number) && (!cold_only || arena.superslabs[number].warm == 0);
}

/* How many such superslabs of one region lie from `number` on. */
static uint32_t unused_stretch(uint32_t number, bool cold_only) {
    uint32_t room = REGION_SUPERSLABS - number % REGION_SUPERSLABS, count = 0;
    while (count < room && is_unused(number + count, cold_only))
        count++;
    return count;
}

/* Unmaps adjacent superslabs that are wholly unused. */
static bool drop(uint32_t first, uint32_t count) {
    for (uint32_t number = first; number < first + count; number++)
        index_remove(number);
    bool dropped = region_drop(first, count) == OK;
    for (uint32_t number = first; number < first + count; number++) {
        if (!dropped) {
            index_update(number);
            continue;
        }
        superslab_totals.warm -= bit_count(arena.superslabs[number].warm);
        arena.superslabs[number] = (struct superslab){0};
    }
    return dropped;
}

bool superslab_drop_unused_locked(bool cold_only) {
    bool any = false;
    for (uint32_t number = 0; (number = region_next_known(number)) != 0;) {
        uint32_t count = unused_stretch(number, cold_only);
        any = (count > 0 && drop(number, count)) || any;
        number += count > 0 ? count - 1 : 0;
    }
    return any;
}

/* When a long block fits nowhere under a limit, it may when the addresses that nobody uses went
 * back.
 */
static enum status take_stretch_locked(uint32_t count, uint32_t align, struct taken *out) {
    uint32_t number, whole = (count + SLOTS_PER_SUPERSLAB - 1) / SLOTS_PER_SUPERSLAB;
    if (whole >= arena.limit || !purge_room_locked(count))
        return NO_MEMORY;
    if (find_whole_anywhere(whole, align, &number, &out->stage) != OK &&
        (!superslab_drop_unused_locked(false) ||
         find_whole_anywhere(whole, align, &number, &out->stage) != OK))
        return NO_MEMORY;
    if (out->stage == TAKE_EMPTY_SUPERSLAB)
        superslab_totals.superslabs_reused += whole;
    out->zero = true;
    out->slot = number * SLOTS_PER_SUPERSLAB;
    for (uint32_t at = out->slot; at < out->slot + count; at = next_superslab(at)) {
        uint32_t mask = mask_within(at, out->slot + count);
        number = at / SLOTS_PER_SUPERSLAB;
        out->zero = out->zero && (arena.superslabs[number].zero & mask) == mask;
        take_mask(number, mask);
    }
    return OK;
}

enum status superslab_take_stretch(uint32_t count, uint32_t align, struct taken *out) {
    lock_take(&superslab_lock);
    enum status status = take_stretch_locked(count, align, out);
    lock_give(&superslab_lock);
    return status;
}

void superslab_claim_locked(uint32_t number, uint32_t mask) {
    struct superslab *superslab = &arena.superslabs[number];
    superslab_totals.warm -= bit_count(superslab->warm & mask);
    superslab->leaving |= superslab->warm & mask;
    superslab->used |= mask;
    superslab->warm &= ~mask;
    index_update(number);
}

void superslab_unclaim_locked(uint32_t number, uint32_t mask, bool purged) {
    struct superslab *superslab = &arena.superslabs[number];
    uint32_t left = superslab->leaving & mask;
    superslab->used &= ~mask;
    superslab->leaving &= ~mask;
    if (purged) {
        superslab->zero |= mask;
        superslab->purged |= left;
        superslab_totals.purged += bit_count(left);
    } else {
        superslab->warm |= left;
        superslab_totals.warm += bit_count(left);
    }
    index_update(number);
}

enum status superslab_heap(struct heap **out) {
    lock_take(&superslab_lock);
    enum status status = arena_heap(out);
    lock_give(&superslab_lock);
    return status;
}

bool superslab_is_valid(uint32_t number) {
    const struct superslab *superslab = &arena.superslabs[number];
    const struct superslab_index *index = &arena.index[number / 64];
    bool empty = (index->empty >> (number % 64)) & 1, warm = (index->warm[0] >> (number % 64)) & 1;
    return (superslab->warm & superslab->used) == 0 && empty == (superslab->used == 0) &&
           warm == (superslab->warm != 0);
}
