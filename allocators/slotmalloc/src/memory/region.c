#include "memory/region.h"

#include "base/kernel.h"
#include "base/options.h"
#include "base/tuning.h"
#include "memory/growing.h"

static _Atomic uint32_t regions_end;

static struct {
    uint32_t mapped; /* superslabs */
    uint32_t from;   /* no lower one is free for the zone */
} zones[ZONES];

static bool huge_pages_refused; /* the kernel has none */

static uint32_t least(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

static uint32_t most(uint32_t a, uint32_t b) {
    return a > b ? a : b;
}

uint32_t region_end(void) {
    return atomic_load_explicit(&regions_end, memory_order_relaxed); /* relaxed: a snapshot */
}

static uint64_t known_in(uint32_t region) {
    return atomic_load_explicit(&arena.index[region].known,
                                memory_order_relaxed); /* relaxed: writers hold the lock */
}

/* Which superslabs of a region the zone may take: those neither known nor blocked. */
static uint64_t free_in(enum zone zone, uint32_t region) {
    if (region >= region_end())
        return region == 0 ? ~1ull : ~0ull; /* number 0 is none */
    const struct superslab_index *index = &arena.index[region];
    uint64_t owner = atomic_load_explicit(&index->zone, memory_order_relaxed); /* as above */
    uint64_t bits = ~(known_in(region) | index->blocked | (region == 0));
    return owner == 0 || owner == zone + 1u ? bits : 0;
}

static uint64_t mapped_in(enum zone zone, uint32_t region) {
    (void)zone;
    return region < region_end() ? arena.index[region].mapped : 0;
}

/* First superslab in [at, end) whose bit is `wanted`; `end` when there is none. */
static uint32_t next_where(uint64_t (*bits_of)(enum zone, uint32_t), enum zone zone, bool wanted,
                           uint32_t at, uint32_t end) {
    while (at < end) {
        uint64_t bits = bits_of(zone, at / REGION_SUPERSLABS);
        bits = (wanted ? bits : ~bits) >> at % REGION_SUPERSLABS;
        if (bits != 0)
            return least(at + (uint32_t)__builtin_ctzll(bits), end);
        at = (at / REGION_SUPERSLABS + 1) * REGION_SUPERSLABS;
    }
    return end;
}

/* The lowest `count` adjacent superslabs from `from` on that the zone may take; 0: none. */
static uint32_t find_free(enum zone zone, uint32_t count, uint32_t align, uint32_t from) {
    uint32_t limit = arena.limit;
    while ((from = next_where(free_in, zone, true, from, limit)) < limit) {
        uint32_t start = superslab_align_up(from, align);
        if (start < from || start >= limit || count > limit - start)
            return 0;
        uint32_t stop = next_where(free_in, zone, false, start, start + count);
        if (stop == start + count)
            return start;
        from = stop + 1;
    }
    return 0;
}

static void put_bits(uint64_t *(*word_of)(struct superslab_index *), uint32_t at, uint32_t end,
                     bool on) {
    for (; at < end; at++) {
        uint64_t *word = word_of(&arena.index[at / REGION_SUPERSLABS]);
        uint64_t bit = 1ull << at % REGION_SUPERSLABS;
        *word = on ? *word | bit : *word & ~bit;
    }
}

static uint64_t *word_mapped(struct superslab_index *index) {
    return &index->mapped;
}

static uint64_t *word_blocked(struct superslab_index *index) {
    return &index->blocked;
}

static void put_known(uint32_t at, uint32_t end, bool on) {
    for (; at < end; at++) {
        uint64_t bit = 1ull << at % REGION_SUPERSLABS, known = known_in(at / REGION_SUPERSLABS);
        /* relaxed: writers hold the lock; other readers tolerate old values */
        atomic_store_explicit(&arena.index[at / REGION_SUPERSLABS].known,
                              on ? known | bit : known & ~bit, memory_order_relaxed);
    }
}

/* The region numbers below this have an index from now on. */
static void raise_end(uint32_t superslab_end) {
    uint32_t end = (superslab_end + REGION_SUPERSLABS - 1) / REGION_SUPERSLABS;
    if (end > region_end())
        atomic_store_explicit(&regions_end, end, memory_order_relaxed); /* relaxed: as above */
}

static void give_to_zone(enum zone zone, uint32_t first, uint32_t end) {
    raise_end(end);
    for (uint32_t region = first / REGION_SUPERSLABS; region * REGION_SUPERSLABS < end; region++)
        atomic_store_explicit(&arena.index[region].zone, zone + 1u,
                              memory_order_relaxed); /* relaxed: as in region_is_of */
}

static bool wants_huge_pages(enum zone zone) {
    bool grown = zone == ZONE_DENSE && zones[zone].mapped > 0;
    return options.huge_arena || options.thp == THP_ALWAYS || (options.thp == THP_AUTO && grown);
}

/* Advises what was just mapped; the kernel may refuse. */
static void advise(enum zone zone, uint32_t first, uint32_t end) {
    bool wanted = wants_huge_pages(zone);
    if (huge_pages_refused || (!wanted && options.thp != THP_OFF))
        return;
    size_t bytes = (size_t)(end - first) << SUPERSLAB_SHIFT;
    huge_pages_refused = kernel_huge_page(superslab_address(first), bytes, wanted) != OK;
    for (uint32_t at = first; wanted && !huge_pages_refused && at < end; at++)
        arena.superslabs[at].huge_page = true;
}

/* Maps exactly [first, end). */
static enum place map(enum zone zone, uint32_t first, uint32_t end) {
    if (arena_reach(end) != OK)
        return PLACE_REFUSED;
    size_t bytes = (size_t)(end - first) << SUPERSLAB_SHIFT;
    enum place place = kernel_map(superslab_address(first), bytes);
    if (place != PLACE_DONE)
        return place;
    advise(zone, first, end);
    give_to_zone(zone, first, end);
    put_bits(word_mapped, first, end, true);
    zones[zone].mapped += end - first;
    return PLACE_DONE;
}

/* How many superslabs a zone's next step should have: each zone by itself, so that a small one
 * stays small in a large heap. */
static uint32_t step_of(enum zone zone) {
    size_t ahead = growing_ahead >> SUPERSLAB_SHIFT;
    return ahead < zones[zone].mapped ? (uint32_t)ahead : zones[zone].mapped;
}

/* After a refusal steps are small, to leave room for other mappings. */
static void note_refusal(void) {
    size_t total = 0;
    for (enum zone zone = 0; zone < ZONES; zone++)
        total += zones[zone].mapped;
    size_t ahead = total / REFUSED_SHARE << SUPERSLAB_SHIFT;
    if (ahead < growing_ahead)
        growing_ahead = ahead;
}

/* Maps [first, end) and as much behind it as the next step should have, or a part of that. */
static enum place map_ahead(enum zone zone, uint32_t first, uint32_t end) {
    uint32_t wish = first + least(step_of(zone), arena.limit - first);
    wish = next_where(mapped_in, zone, true, end, most(wish, end));
    wish = next_where(free_in, zone, false, end, wish);
    for (; wish > end; wish = end + (wish - end) / 2) {
        enum place place = map(zone, first, wish);
        if (place == PLACE_DONE)
            return place;
        if (place == PLACE_REFUSED) {
            note_refusal();
            wish = end + least(wish - end, step_of(zone));
        }
    }
    return map(zone, first, end);
}

/* Maps the unmapped parts of [first, end). */
static enum place map_missing(enum zone zone, uint32_t first, uint32_t end) {
    enum place place = PLACE_DONE;
    while (place == PLACE_DONE) {
        uint32_t at = next_where(mapped_in, zone, false, first, end);
        if (at == end)
            return PLACE_DONE;
        first = next_where(mapped_in, zone, true, at, end);
        place = first == end ? map_ahead(zone, at, end) : map(zone, at, first);
    }
    return place;
}

/* Another mapping is there: no zone tries these again. */
static void block(uint32_t first, uint32_t count) {
    uint32_t end = first + least(count, arena.limit - first);
    if (arena_reach(end) != OK)
        return;
    raise_end(end);
    put_bits(word_blocked, first, end, true);
}

enum status region_grow(enum zone zone, uint32_t count, uint32_t align, uint32_t *first) {
    uint32_t from = zones[zone].from, skip = 1;
    for (uint32_t at; (at = find_free(zone, count, align, from)) != 0; skip *= 2) {
        enum place place = map_missing(zone, at, at + count);
        if (place == PLACE_DONE) {
            put_known(at, at + count, true);
            if (count == 1 && align == 1)
                zones[zone].from = at + 1;
            *first = at;
            return OK;
        }
        if (place == PLACE_REFUSED)
            break;
        if (count == 1)
            block(at, skip);
        from = at + skip;
    }
    return NO_MEMORY;
}

bool region_grow_at(enum zone zone, uint32_t first, uint32_t count) {
    if (first >= arena.limit || count > arena.limit - first ||
        next_where(free_in, zone, false, first, first + count) != first + count ||
        map_missing(zone, first, first + count) != PLACE_DONE)
        return false;
    put_known(first, first + count, true);
    return true;
}

/* A child that is forked in the middle finds them known and mapped, or takes them for unmapped and
 * goes round them: a superslab that is mapped and not known would be taken for zero. */
enum status region_drop(uint32_t first, uint32_t count) {
    uint32_t end = first + count;
    enum zone zone = region_zone(first);
    put_bits(word_mapped, first, end, false);
    put_known(first, end, false);
    if (kernel_unmap(superslab_address(first), (size_t)count << SUPERSLAB_SHIFT) != OK) {
        put_known(first, end, true);
        put_bits(word_mapped, first, end, true);
        return NO_MEMORY;
    }
    zones[zone].mapped -= count;
    for (enum zone other = 0; other < ZONES; other++)
        zones[other].from = least(zones[other].from, first);
    return OK;
}

uint32_t region_next_known(uint32_t number) {
    uint32_t end = region_end() * REGION_SUPERSLABS;
    for (uint32_t at = number + 1; at < end;
         at = (at / REGION_SUPERSLABS + 1) * REGION_SUPERSLABS) {
        uint64_t bits = known_in(at / REGION_SUPERSLABS) >> at % REGION_SUPERSLABS;
        if (bits != 0)
            return at + (uint32_t)__builtin_ctzll(bits);
    }
    return 0;
}

void region_recount(void) {
    for (enum zone zone = 0; zone < ZONES; zone++) {
        zones[zone].mapped = zones[zone].from = 0;
        for (uint32_t region = 0; region < region_end(); region++)
            if (region_is_of(region, zone))
                zones[zone].mapped += (uint32_t)__builtin_popcountll(arena.index[region].mapped);
    }
}

void region_init(void) {
    uint64_t wish = (options.prefault + SUPERSLAB_SIZE - 1) >> SUPERSLAB_SHIFT;
    uint32_t count = wish < arena.limit ? (uint32_t)wish : arena.limit - 1;
    uint32_t first = count > 0 ? find_free(ZONE_DENSE, count, 1, 0) : 0;
    if (first != 0 && map(ZONE_DENSE, first, first + count) == PLACE_DONE)
        (void)kernel_populate(superslab_address(first), (size_t)count << SUPERSLAB_SHIFT);
}
