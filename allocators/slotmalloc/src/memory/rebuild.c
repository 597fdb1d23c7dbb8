#include "memory/rebuild.h"

#include "base/bits.h"
#include "memory/arena.h"
#include "memory/index.h"
#include "memory/region.h"
#include "memory/slot.h"
#include "memory/supply.h"

/* Slots that a first slot's ident accounts for; 0: none. */
static uint32_t length_at(uint32_t number, uint64_t ident) {
    if (ident == IDENT_SLOT_RUN)
        return arena.slots[number].span;
    if (ident == IDENT_HUGE)
        return arena.slots[number].capacity;
    bool first = ident > HEAP_ALIGN && ident_delta(ident) == 0;
    return first ? classes[ident_class(ident)].span : 0;
}

static void set_ident(uint32_t number, uint64_t ident) {
    if (ident_read(number) != ident) /* a write would copy the page */
        atomic_store_explicit(&arena.ident[number], ident, memory_order_relaxed); /* one thread */
}

/* Makes the idents of a span's later slots agree with the first one: its owner may have been
 * changing. */
static void repair_span(uint32_t number, uint64_t ident, uint32_t length) {
    if (ident > HEAP_ALIGN)
        for (uint32_t delta = 1; delta < length; delta++)
            set_ident(number + delta, ident | (uint64_t)delta << IDENT_DELTA_SHIFT);
}

static void forget_slot(uint32_t number) {
    set_ident(number, 0);
    if (arena.slots[number].state != SLOT_UNUSED)
        arena.slots[number].state = SLOT_UNUSED;
}

/* Which slots of a superslab are in use. `*end`: the end of the last span, slot run or huge block
 * so far. */
static uint32_t used_slots(uint32_t superslab, uint32_t *end) {
    uint32_t used = 0, first = superslab * SLOTS_PER_SUPERSLAB;
    for (uint32_t number = first; number < first + SLOTS_PER_SUPERSLAB; number++) {
        if (number >= *end) {
            uint64_t ident = ident_read(number);
            uint32_t length = length_at(number, ident);
            *end = number + length;
            repair_span(number, ident, length);
        }
        if (number < *end)
            used |= 1u << (number - first);
        else if (arena.superslabs[superslab].used & 1u << (number - first))
            forget_slot(number);
    }
    return used;
}

/* Slots that are no longer in use may hold memory; zero ones still are. */
static void correct(uint32_t number, uint32_t used) {
    struct superslab *superslab = &arena.superslabs[number];
    uint32_t warm = (superslab->warm | superslab->used) & ~used;
    if (superslab->used != used || superslab->warm != warm) {
        superslab->used = used;
        superslab->warm = warm;
        superslab->zero &= ~used;
        superslab->purged &= ~used;
    }
    if (superslab->leaving != 0)
        superslab->leaving = 0;
    superslab_totals.used += bit_count(used);
    superslab_totals.warm += bit_count(warm);
    index_update(number);
}

void rebuild_superslabs(void) {
    uint32_t end = 0;
    supply_reset();
    arena_fork_child();
    region_recount();
    index_forget_hints();
    superslab_totals.used = superslab_totals.warm = 0;
    for (uint32_t number = 0; (number = region_next_known(number)) != 0;)
        correct(number, used_slots(number, &end));
}
