#include "memory/huge.h"

#include "base/kernel.h"
#include "base/process.h"
#include "base/tuning.h"
#include "memory/growing.h"
#include "memory/slot.h"
#include "memory/supply.h"

static size_t round_up(size_t value, size_t to) {
    return (value + to - 1) & ~(to - 1);
}

static uint32_t slots_for(size_t bytes) {
    return (uint32_t)((bytes + SLOT_SIZE - 1) >> SLOT_SHIFT);
}

/* The slot's `capacity` is the number of slots, `bytes` the usable bytes.
 */
static enum status take(struct heap *heap, size_t bytes, size_t capacity, size_t align, void **out,
                        bool *zero) {
    struct taken taken;
    size_t most = (size_t)arena.limit << SUPERSLAB_SHIFT;
    if (capacity > most || align > most)
        return NO_MEMORY;
    uint32_t count = slots_for(capacity);
    uint32_t superslab_align = align <= SUPERSLAB_SIZE ? 1 : (uint32_t)(align >> SUPERSLAB_SHIFT);
    if (supply_take_superslab_range(count, superslab_align, &taken) != OK)
        return NO_MEMORY;
    struct slot *slot = &arena.slots[taken.slot];
    *slot = (struct slot){.bytes = round_up(bytes, kernel_page_size()), .capacity = count};
    slot_set_state(slot, SLOT_HUGE);
    process_step(); /* the ident is set after the length */
    /* relaxed: see ident_read */
    atomic_store_explicit(&arena.ident[taken.slot], IDENT_HUGE, memory_order_relaxed);
    *out = slot_address(taken.slot);
    *zero = taken.zero;
    heap->counters.huge_allocs++;
    return OK;
}

enum status huge_alloc(struct heap *heap, size_t bytes, size_t align, void **out, bool *zero) {
    return take(heap, bytes, bytes, align, out, zero);
}

enum status huge_alloc_growing(struct heap *heap, size_t bytes, size_t capacity, void **out) {
    bool zero;
    return take(heap, bytes, capacity, 1, out, &zero);
}

void huge_free(struct heap *heap, uint32_t number) {
    struct slot *slot = &arena.slots[number];
    slot_set_state(slot, SLOT_UNUSED);
    slot_clear_ident(number, 1);
    process_step(); /* before other threads may take the slots */
    supply_give(number, slot->capacity);
    heap->counters.huge_frees++;
}

bool huge_resize(uint32_t number, size_t bytes) {
    struct slot *slot = &arena.slots[number];
    if (bytes <= SLOT_RUN_MAX_BYTES || bytes >> SUPERSLAB_SHIFT >= arena.limit)
        return false;
    uint32_t want = slots_for(bytes), have = slot->capacity;
    if (want > have && !supply_extend(number, have, want - have))
        return false;
    bool shrinks = want < have && bytes < slot->bytes;
    if (want > have || bytes < slot->bytes)
        slot->capacity = want;
    slot->bytes = round_up(bytes, kernel_page_size());
    process_step(); /* before other threads may take what it loses */
    if (shrinks)
        supply_give(number + want, have - want);
    return true;
}

size_t huge_growth(size_t bytes) {
    size_t more = bytes * (HUGE_GROWTH - 1);
    return bytes + (more < growing_ahead ? more : growing_ahead);
}
