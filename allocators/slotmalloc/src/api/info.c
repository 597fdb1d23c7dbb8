/* Usable size, totals, counters, trimming, checking. */
#include <string.h>

#include "api/block.h"
#include "api/check.h"
#include "api/export.h"
#include "api/slow_path.h"
#include "api/stats.h"
#include "base/options.h"
#include "base/text.h"
#include "heap/cpu.h"
#include "heap/park.h"
#include "heap/refill.h"
#include "heap/remote.h"
#include "heap/thread.h"
#include "memory/region.h"
#include "memory/slot.h"
#include "memory/supply.h"
#include "slotmalloc.h"

EXPORT size_t slotmalloc_malloc_usable_size(void *p) {
    if (p == NULL)
        return 0;
    return options_check_full() ? check_usable(p) : block_usable(p);
}

static bool heap_trim(struct heap *heap) {
    heap_give_back(heap);
    return true;
}

/* Calls `what` for the heaps that the calling thread may use: its own, or with pool=cpu all.
 * Stops when `what` returns false, and returns that. */
static bool with_heaps(bool (*what)(struct heap *heap)) {
    struct heap *heap = thread_heap_own();
    bool good = heap == NULL || what(heap);
    for (uint32_t number = 0; good && number < cpu_heap_end(); number++) {
        heap = cpu_heap_take_at(number);
        if (heap == NULL)
            continue;
        good = what(heap);
        cpu_heap_give(heap);
    }
    return good;
}

EXPORT int slotmalloc_malloc_trim(size_t keep) {
    slow_path_enter();
    (void)with_heaps(heap_trim);
    for (uint32_t left = park_count(); left > 0; left--)
        park_sweep(); /* the one looked at goes to the end of the list */
    bool any = arena_extent() != 0 && supply_purge(keep);
    slow_path_leave();
    return any;
}

static void totals_get(struct stats_totals *totals) {
    slow_path_enter();
    stats_totals_get(totals);
    slow_path_leave();
}

EXPORT struct mallinfo2 slotmalloc_mallinfo2(void) {
    struct stats_totals totals;
    totals_get(&totals);
    uint64_t held = totals.used + totals.retained; /* at another moment than `live` */
    return (struct mallinfo2){.arena = totals.extent,
                              .uordblks = totals.live,
                              .fordblks = held > totals.live ? held - totals.live : 0,
                              .keepcost = totals.retained};
}

static void line_in_bytes(const char *what, uint64_t bytes) {
    char number[24];
    struct text text = text_in(number, sizeof number - 1);
    text_add_number(&text, bytes);
    *text.at = '\0';
    tell(what, number);
}

EXPORT void slotmalloc_malloc_stats(void) {
    struct stats_totals totals;
    totals_get(&totals);
    line_in_bytes("bytes in use:", totals.live);
    line_in_bytes("bytes in slots that serve them:", totals.used);
    line_in_bytes("bytes unused but held:", totals.retained);
}

EXPORT size_t slotmalloc_stats_json(char *buffer, size_t size) {
    slow_path_enter();
    size_t wanted = stats_json(buffer, size);
    slow_path_leave();
    return wanted;
}

/* Counts the heap's slots in use by class. */
static bool slots_are_valid(const struct heap *heap, uint32_t superslab, uint32_t *active) {
    uint32_t first = superslab * SLOTS_PER_SUPERSLAB;
    for (uint32_t n = first; n < first + SLOTS_PER_SUPERSLAB; n++) {
        uint64_t ident = ident_read(n);
        if (ident_owner(ident) != heap || ident_delta(ident) != 0)
            continue;
        active[ident_class(ident)] += arena.slots[n].state != SLOT_EMPTY;
        if (!slot_is_valid(&arena.slots[n])) {
            warn("invariant broken:", "counts of a slot");
            return false;
        }
    }
    return true;
}

static bool pools_are_valid(const struct heap *heap, const uint32_t *active) {
    for (unsigned class = 0; class < CLASS_COUNT; class ++) {
        if (heap->pool[class].slots != active[class]) {
            warn("invariant broken:", "slots of a class");
            return false;
        }
    }
    return true;
}

static bool superslabs_are_valid(void) {
    bool valid = supply_is_valid();
    if (!valid)
        warn("invariant broken:", "bitmaps of a superslab");
    return valid;
}

static bool heap_is_valid(struct heap *heap) {
    uint32_t active[CLASS_COUNT] = {0};
    bool valid = true;
    for (uint32_t n = 0; valid && (n = region_next_known(n)) != 0;)
        valid = slots_are_valid(heap, n, active);
    return valid && pools_are_valid(heap, active);
}

EXPORT int slotmalloc_check(void) {
    slow_path_enter();
    bool valid = with_heaps(heap_is_valid) && superslabs_are_valid();
    slow_path_leave();
    return valid;
}

EXPORT_ALIAS(malloc_usable_size);
EXPORT_ALIAS(malloc_trim);
EXPORT_ALIAS(mallinfo2);
EXPORT_ALIAS(malloc_stats);
