#include "arena.h"

#include "kernel.h"
#include "options.h"

#define RESERVE_MIN     ((size_t)16 << 20)
#define HEAPS_MAX       65536
#define HEAP_SHARE      16                /* heaps may take up to 1/16 of a small arena */
#define HUGE_PAGE_START ((size_t)2 << 20) /* of the dense zone without huge pages */
#define GROW_START      ((size_t)64 << 20)

struct arena arena;

/* Of each zone, superslab numbers; changed under the superslab lock. */
static struct {
    _Atomic uint32_t cursor; /* next one never taken */
    bool advised;            /* from here on superslabs may become huge pages */
    bool refused;            /* the kernel has none */
    uint32_t accessible_end; /* growing arena: those below it are accessible */
} zones[ZONES];

static _Atomic uint32_t heap_count; /* heaps taken */

static size_t round_up(size_t value, size_t to) {
    return (value + to - 1) & ~(to - 1);
}

/* What can be had at most: half of a limited address space, so that stacks and libraries still fit.
 */
static size_t reserve_target(void) {
    size_t target = options.reserve < RESERVE_MIN ? RESERVE_MIN : options.reserve;
    uint64_t limit = kernel_address_space_limit();
    while (limit != UINT64_MAX && target > limit / 2 && target > RESERVE_MIN)
        target /= 2;
    return target;
}

/* Halves the wish until the kernel grants it; an accessible range first, else one that grows. */
static enum status reserve(size_t *bytes, void **out) {
    for (size_t size = reserve_target(); size >= RESERVE_MIN; size /= 2) {
        *bytes = size + SUPERSLAB_SIZE; /* room to align */
        arena.grow = options.commit == COMMIT_GROW;
        if (!arena.grow && kernel_reserve(*bytes, true, out) == OK)
            return OK;
        if (options.commit == COMMIT_RESERVE)
            continue;
        arena.grow = true;
        if (kernel_reserve(*bytes, false, out) == OK)
            return OK;
    }
    return NO_MEMORY;
}

/* Hands out the metadata area in page-aligned pieces. */
static void *carve(uintptr_t *at, size_t bytes) {
    void *piece = (void *)*at;
    *at += round_up(bytes, HEAP_ALIGN);
    return piece;
}

/* A quarter each for the two zones of slots, half for large blocks; in whole index words, so that a
 * small arena may leave a zone empty. */
static void split_zones(uint32_t first, uint32_t end) {
    uint32_t quarter = (uint32_t)round_up((end - first) / 4, 64);
    for (enum zone zone = 0; zone < ZONES; zone++) {
        uint32_t limit = zone == ZONES - 1 ? end : ((zone + 1) * quarter + first) & ~63u;
        limit = limit < first ? first : limit < end ? limit : end;
        uint32_t start = zone == 0 ? first : arena.zones[zone - 1].limit;
        arena.zones[zone] = (struct zone_bounds){start, limit};
    }
}

static void lay_out(uintptr_t base, size_t size) {
    size_t slots = size >> SLOT_SHIFT, superslabs = size >> SUPERSLAB_SHIFT;
    size_t heaps = size / HEAP_SHARE / sizeof(struct heap);
    uintptr_t at = base;
    arena.base = base;
    arena.size = size;
    arena.heap_limit = heaps > HEAPS_MAX ? HEAPS_MAX : (uint32_t)heaps;
    arena.ident = carve(&at, slots * sizeof *arena.ident);
    arena.slots = carve(&at, slots * sizeof *arena.slots);
    arena.remote = carve(&at, slots * sizeof *arena.remote);
    arena.superslabs = carve(&at, superslabs * sizeof *arena.superslabs);
    arena.index = carve(&at, (superslabs / 64 + 1) * sizeof *arena.index);
    arena.heaps = carve(&at, arena.heap_limit * sizeof *arena.heaps);
    uint32_t first = (uint32_t)((at - base + SUPERSLAB_SIZE - 1) >> SUPERSLAB_SHIFT);
    split_zones(first, (uint32_t)superslabs);
}

/* A growing arena makes the metadata accessible at once: a fraction of a percent of its size. */
static enum status metadata_commit(void) {
    if (!arena.grow)
        return OK;
    return kernel_commit((void *)arena.base,
                         (size_t)arena.zones[ZONE_DENSE].first << SUPERSLAB_SHIFT);
}

static void *superslab_place(uint32_t number) {
    return (void *)(arena.base + ((uintptr_t)number << SUPERSLAB_SHIFT));
}

static void whole_arena_options(void) {
    uint32_t first = arena.zones[ZONE_DENSE].first, limit = arena.zones[ZONES - 1].limit;
    size_t bytes = (size_t)(limit - first) << SUPERSLAB_SHIFT;
    if (options.huge_arena || options.thp == THP_OFF) /* advice may be refused */
        (void)kernel_huge_page(superslab_place(first), bytes, options.huge_arena);
    if (options.huge_arena)
        for (enum zone zone = 0; zone < ZONES; zone++)
            zones[zone].advised = true;
    size_t wish = round_up(options.prefault, HEAP_ALIGN);
    if (wish > 0 && !arena.grow)
        (void)kernel_populate(superslab_place(first), wish < bytes ? wish : bytes);
}

static void zones_init(void) {
    for (enum zone zone = 0; zone < ZONES; zone++) {
        uint32_t first = arena.zones[zone].first;
        zones[zone].accessible_end = first;
        atomic_store_explicit(&zones[zone].cursor, first,
                              memory_order_relaxed); /* one thread yet */
    }
}

enum status arena_init(void) {
    size_t bytes;
    void *range;
    if (reserve(&bytes, &range) != OK)
        return NO_MEMORY;
    uintptr_t base = round_up((uintptr_t)range, SUPERSLAB_SIZE);
    lay_out(base, bytes - SUPERSLAB_SIZE);
    if (metadata_commit() != OK) {
        (void)kernel_release(range, bytes);
        return NO_MEMORY;
    }
    zones_init();
    whole_arena_options();
    return OK;
}

static enum status commit_to(enum zone zone, uint32_t end) {
    uint32_t have = zones[zone].accessible_end;
    size_t bytes = (size_t)(end - have) << SUPERSLAB_SHIFT;
    if (kernel_commit(superslab_place(have), bytes) != OK)
        return NO_MEMORY;
    zones[zone].accessible_end = end;
    return OK;
}

/* Growing arena: makes room up to `end` accessible, doubling what there is if it can. */
static enum status make_accessible(enum zone zone, uint32_t end) {
    uint32_t have = zones[zone].accessible_end, limit = arena.zones[zone].limit;
    if (!arena.grow || end <= have)
        return OK;
    uint32_t step = have - arena.zones[zone].first;
    if (step < GROW_START >> SUPERSLAB_SHIFT)
        step = GROW_START >> SUPERSLAB_SHIFT;
    uint32_t wish = step < limit - have ? have + step : limit;
    if (wish > end && commit_to(zone, wish) == OK)
        return OK;
    return commit_to(zone, end);
}

/* Advises the rest of the zone for huge pages, in one call. */
static void advise_ahead(enum zone zone, uint32_t first) {
    uint32_t limit = arena.zones[zone].limit;
    uint32_t below = first - arena.zones[zone].first;
    bool grown = zone == ZONE_DENSE && below >= HUGE_PAGE_START >> SUPERSLAB_SHIFT;
    bool wanted = options.thp == THP_ALWAYS || (options.thp == THP_AUTO && grown);
    if (!wanted || zones[zone].advised || zones[zone].refused)
        return;
    size_t bytes = (size_t)(limit - first) << SUPERSLAB_SHIFT;
    zones[zone].advised = kernel_huge_page(superslab_place(first), bytes, true) == OK;
    zones[zone].refused = !zones[zone].advised;
}

enum status arena_advance(enum zone zone, uint32_t count, uint32_t *first, bool *huge_pages) {
    uint32_t at = arena_cursor(zone);
    if (count > arena.zones[zone].limit - at || make_accessible(zone, at + count) != OK)
        return NO_MEMORY;
    advise_ahead(zone, at);
    /* relaxed: writers hold the superslab lock; other readers want a snapshot */
    atomic_store_explicit(&zones[zone].cursor, at + count, memory_order_relaxed);
    *first = at;
    *huge_pages = zones[zone].advised;
    return OK;
}

uint32_t arena_cursor(enum zone zone) {
    return atomic_load_explicit(&zones[zone].cursor, memory_order_relaxed); /* relaxed: as above */
}

uint32_t arena_first_slot(enum zone zone) {
    return arena.zones[zone].first * SLOTS_PER_SUPERSLAB;
}

uint32_t arena_end_slot(enum zone zone) {
    return arena_cursor(zone) * SLOTS_PER_SUPERSLAB;
}

enum status arena_heap(struct heap **out) {
    /* relaxed: the number alone is shared; the heap is published through the list of heaps */
    uint32_t number = atomic_fetch_add_explicit(&heap_count, 1, memory_order_relaxed);
    if (number >= arena.heap_limit) {
        atomic_fetch_sub_explicit(&heap_count, 1, memory_order_relaxed);
        return NO_MEMORY;
    }
    *out = &arena.heaps[number];
    return OK;
}

uint32_t arena_heap_count(void) {
    uint32_t count =
        atomic_load_explicit(&heap_count, memory_order_relaxed); /* relaxed: a snapshot */
    return count < arena.heap_limit ? count : arena.heap_limit;
}
