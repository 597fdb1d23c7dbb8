#include "memory/index.h"

#include "base/bits.h"
#include "memory/region.h"

/* No index word of the zone below these has a bit of that level. */
struct hints {
    uint32_t unused[INDEX_LEVELS], warm[INDEX_LEVELS], empty;
};

static struct hints hints[ZONES];

static void lower(uint32_t *hint, uint32_t word) {
    if (word < *hint)
        *hint = word;
}

static void put_bit(uint64_t *word, uint64_t bit, bool on) {
    *word = on ? *word | bit : *word & ~bit;
}

void index_update(uint32_t number) {
    const struct superslab *superslab = &arena.superslabs[number];
    struct superslab_index *index = &arena.index[number / 64];
    struct hints *hint = &hints[region_zone(number)];
    uint64_t bit = 1ull << (number % 64);
    uint32_t word = number / 64, unused = ~superslab->used, warm = superslab->warm;
    bool empty = superslab->used == 0;
    put_bit(&index->empty, bit, empty);
    if (empty) {
        unused = 0; /* the stages keep empty superslabs apart */
        lower(&hint->empty, word);
    }
    for (unsigned level = 0; level < INDEX_LEVELS; level++) {
        put_bit(&index->unused[level], bit, unused);
        put_bit(&index->warm[level], bit, warm);
        if (unused)
            lower(&hint->unused[level], word);
        if (warm)
            lower(&hint->warm[level], word);
        unused = bit_ranges_doubled(unused, level);
        warm = bit_ranges_doubled(warm, level);
    }
}

void index_remove(uint32_t number) {
    struct superslab_index *index = &arena.index[number / 64];
    uint64_t bit = 1ull << (number % 64);
    put_bit(&index->empty, bit, false);
    for (unsigned level = 0; level < INDEX_LEVELS; level++) {
        put_bit(&index->unused[level], bit, false);
        put_bit(&index->warm[level], bit, false);
    }
}

void index_forget_hints(void) {
    for (enum zone zone = 0; zone < ZONES; zone++)
        hints[zone] = (struct hints){0};
}

static uint32_t first_bit(uint32_t word, uint64_t bits) {
    return word * 64 + (uint32_t)__builtin_ctzll(bits);
}

uint32_t index_find(enum zone zone, bool warm, unsigned level) {
    uint32_t *hint = warm ? &hints[zone].warm[level] : &hints[zone].unused[level];
    for (; *hint < region_end(); ++*hint) {
        const struct superslab_index *index = &arena.index[*hint];
        uint64_t bits = warm ? index->warm[level] : index->unused[level];
        if (bits != 0 && region_is_of(*hint, zone))
            return first_bit(*hint, bits);
    }
    return 0;
}

/* The wholly unused superslabs of a region, if it is the zone's. */
static uint64_t empty_in(enum zone zone, uint32_t word) {
    return region_is_of(word, zone) ? arena.index[word].empty : 0;
}

uint32_t index_find_empty(enum zone zone) {
    uint32_t *hint = &hints[zone].empty;
    for (; *hint < region_end(); ++*hint)
        if (empty_in(zone, *hint) != 0)
            return first_bit(*hint, empty_in(zone, *hint));
    return 0;
}

/* The zone's first superslab from `at` on, below `end`, that is wholly unused (or is not); `end`
 * when there is none. */
static uint32_t next_where(enum zone zone, uint32_t at, uint32_t end, bool empty) {
    while (at < end) {
        uint64_t bits = empty_in(zone, at / 64);
        bits = (empty ? bits : ~bits) >> (at % 64);
        if (bits != 0) {
            at += (uint32_t)__builtin_ctzll(bits);
            return at < end ? at : end;
        }
        at = (at / 64 + 1) * 64;
    }
    return end;
}

uint32_t index_find_hole(enum zone zone, uint32_t count, uint32_t align) {
    uint32_t best = 0, best_size = UINT32_MAX, end = region_end() * 64;
    uint32_t at = index_find_empty(zone);
    if (at == 0)
        return 0;
    while (at < end && best_size != count) {
        uint32_t stop = next_where(zone, at, end, false);
        uint32_t start = superslab_align_up(at, align);
        if (start < stop && stop - start >= count && stop - at < best_size) {
            best = start;
            best_size = stop - at;
        }
        at = next_where(zone, stop, end, true);
    }
    return best;
}

uint32_t index_warm_below(enum zone zone, uint32_t from) {
    for (uint32_t word = (from + 63) / 64; word-- > 0;) {
        uint64_t bits = region_is_of(word, zone) ? arena.index[word].warm[0] : 0;
        if (word == from / 64)
            bits &= (1ull << (from % 64)) - 1;
        if (bits != 0)
            return word * 64 + 63 - (uint32_t)__builtin_clzll(bits);
    }
    return 0;
}
