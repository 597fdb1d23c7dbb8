#include "memory/superslab.h"

#include "base/bits.h"
#include "memory/index.h"
#include "memory/region.h"

struct superslab_totals superslab_totals;
uint32_t superslab_now_s;

/* Superslabs have become known: what the kernel has mapped is zero. */
static void note_new(uint32_t first, uint32_t count) {
    for (uint32_t number = first; number < first + count; number++) {
        bool huge_page = arena.superslabs[number].huge_page;
        arena.superslabs[number] = (struct superslab){.zero = ALL_SLOTS, .huge_page = huge_page};
    }
    superslab_totals.superslabs_new += count;
}

enum status superslab_grow(enum zone zone, uint32_t count, uint32_t align, uint32_t *first) {
    if (region_grow(zone, count, align, first) != OK)
        return NO_MEMORY;
    note_new(*first, count);
    return OK;
}

bool superslab_grow_at(enum zone zone, uint32_t first, uint32_t count) {
    bool grown = region_grow_at(zone, first, count);
    if (grown)
        note_new(first, count);
    return grown;
}

/* Moves slots of one superslab from unused to used. Returns whether all were zero. */
static bool take_mask(uint32_t number, uint32_t mask) {
    struct superslab *superslab = &arena.superslabs[number];
    struct superslab_totals *totals = &superslab_totals;
    bool zero = (superslab->zero & mask) == mask;
    totals->used += bit_count(mask);
    totals->warm -= bit_count(superslab->warm & mask);
    totals->refaulted += bit_count(superslab->purged & mask);
    if (totals->used > totals->used_peak)
        totals->used_peak = totals->used;
    if (totals->used + totals->warm > totals->warm_peak)
        totals->warm_peak = totals->used + totals->warm;
    superslab->used |= mask;
    superslab->warm &= ~mask;
    superslab->zero &= ~mask;
    superslab->purged &= ~mask;
    index_update(number);
    return zero;
}

/* Notes that the unused slots hold memory, zero as it may be. */
static void warm_all(uint32_t number) {
    struct superslab *superslab = &arena.superslabs[number];
    superslab->warm = ~superslab->used;
    superslab->touched_s = superslab_now_s;
    superslab_totals.warm += bit_count(superslab->warm);
    index_update(number);
}

bool superslab_take(uint32_t number, uint32_t mask) {
    const struct superslab *superslab = &arena.superslabs[number];
    bool zero = take_mask(number, mask);
    if (superslab->huge_page && superslab->used == mask && superslab->warm == 0)
        warm_all(number); /* the first touch brings all of it */
    return zero;
}

static void give_mask(uint32_t number, uint32_t mask) {
    struct superslab *superslab = &arena.superslabs[number];
    superslab->used &= ~mask;
    superslab->warm |= mask;
    superslab->touched_s = superslab_now_s;
    superslab_totals.used -= bit_count(mask);
    superslab_totals.warm += bit_count(mask);
    superslab_totals.superslabs_emptied += superslab->used == 0;
    index_update(number);
}

/* The part of slots [slot, end) that lies in slot's superslab. */
static uint32_t mask_within(uint32_t slot, uint32_t end) {
    uint32_t at = slot % SLOTS_PER_SUPERSLAB, room = SLOTS_PER_SUPERSLAB - at;
    return bit_range(at, end - slot < room ? end - slot : room);
}

static uint32_t next_superslab(uint32_t slot) {
    return (slot / SLOTS_PER_SUPERSLAB + 1) * SLOTS_PER_SUPERSLAB;
}

bool superslab_take_range(uint32_t slot, uint32_t end) {
    bool zero = true;
    for (uint32_t at = slot; at < end; at = next_superslab(at))
        zero = take_mask(at / SLOTS_PER_SUPERSLAB, mask_within(at, end)) && zero;
    return zero;
}

void superslab_give_range(uint32_t slot, uint32_t end) {
    for (uint32_t at = slot; at < end; at = next_superslab(at))
        give_mask(at / SLOTS_PER_SUPERSLAB, mask_within(at, end));
}

uint32_t superslab_unused_from(uint32_t slot, uint32_t end) {
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

void superslab_claim(uint32_t number, uint32_t mask) {
    struct superslab *superslab = &arena.superslabs[number];
    superslab_totals.warm -= bit_count(superslab->warm & mask);
    superslab->leaving |= superslab->warm & mask;
    superslab->used |= mask;
    superslab->warm &= ~mask;
    index_update(number);
}

static void unclaim_mask(uint32_t number, uint32_t mask, bool purged) {
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

void superslab_unclaim_range(uint32_t slot, uint32_t end, bool purged) {
    for (uint32_t at = slot; at < end; at = next_superslab(at))
        unclaim_mask(at / SLOTS_PER_SUPERSLAB, mask_within(at, end), purged);
}

static bool is_unused(uint32_t number, bool cold_only) {
    return index_is_empty(number) && (!cold_only || arena.superslabs[number].warm == 0);
}

/* How many such superslabs of one region lie from `number` on. */
static uint32_t unused_count(uint32_t number, bool cold_only) {
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

bool superslab_drop_unused(bool cold_only) {
    bool any = false;
    for (uint32_t number = 0; (number = region_next_known(number)) != 0;) {
        uint32_t count = unused_count(number, cold_only);
        any = (count > 0 && drop(number, count)) || any;
        number += count > 0 ? count - 1 : 0;
    }
    return any;
}

bool superslab_is_valid(uint32_t number) {
    const struct superslab *superslab = &arena.superslabs[number];
    const struct superslab_index *index = &arena.index[number / 64];
    bool empty = (index->empty >> (number % 64)) & 1, warm = (index->warm[0] >> (number % 64)) & 1;
    return (superslab->warm & superslab->used) == 0 && empty == (superslab->used == 0) &&
           warm == (superslab->warm != 0);
}
