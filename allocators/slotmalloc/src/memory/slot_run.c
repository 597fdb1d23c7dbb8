#include "memory/slot_run.h"

#include "base/kernel.h"
#include "base/process.h"
#include "memory/slot.h"
#include "memory/supply.h"

static size_t whole_pages(size_t bytes) {
    size_t page = kernel_page_size();
    return (bytes + page - 1) & ~(page - 1);
}

static unsigned slots_for(size_t bytes) {
    return (unsigned)((bytes + SLOT_SIZE - 1) >> SLOT_SHIFT);
}

enum status slot_run_alloc(struct heap *heap, size_t bytes, size_t align, void **out, bool *zero) {
    struct taken taken;
    unsigned count = slots_for(bytes);
    unsigned slot_align = align <= SLOT_SIZE ? 1 : (unsigned)(align >> SLOT_SHIFT);
    if (supply_take_any(ZONE_LARGE, count, slot_align, &taken) != OK)
        return NO_MEMORY;
    struct slot *slot = &arena.slots[taken.slot];
    *slot = (struct slot){.span = (uint8_t)count, .bytes = whole_pages(bytes)};
    slot_set_state(slot, SLOT_RUN);
    process_step(); /* the ident is set after the length */
    /* relaxed: see ident_read */
    atomic_store_explicit(&arena.ident[taken.slot], IDENT_SLOT_RUN, memory_order_relaxed);
    *out = slot_address(taken.slot);
    *zero = taken.zero;
    heap->counters.run_allocs++;
    return OK;
}

void slot_run_free(struct heap *heap, uint32_t number) {
    struct slot *slot = &arena.slots[number];
    slot_set_state(slot, SLOT_UNUSED);
    slot_clear_ident(number, 1);
    process_step(); /* before other threads may take the slots */
    supply_give(number, slot->span);
    heap->counters.run_frees++;
}

bool slot_run_resize(uint32_t number, size_t bytes) {
    struct slot *slot = &arena.slots[number];
    unsigned have = slot->span, want = slots_for(bytes);
    if (want > SLOTS_PER_SUPERSLAB || (want > have && !supply_extend(number, have, want - have)))
        return false;
    slot->span = (uint8_t)want;
    slot->bytes = whole_pages(bytes);
    process_step(); /* before other threads may take what it loses */
    if (want < have)
        supply_give(number + want, have - want);
    return true;
}
