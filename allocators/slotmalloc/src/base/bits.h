/* Powers of two, and ranges of adjacent set bits in a 32-bit word. */
#ifndef SLOTMALLOC_BITS_H
#define SLOTMALLOC_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool is_power_of_two(size_t value) {
    return value != 0 && (value & (value - 1)) == 0;
}

static inline unsigned bit_count(uint32_t mask) {
    return (unsigned)__builtin_popcount(mask);
}

/* `count` (1 to 32) bits from bit `at` up. */
static inline uint32_t bit_range(unsigned at, unsigned count) {
    return (0xffffffffu >> (32 - count)) << at;
}

/* From the starts of ranges of 2^level set bits, the starts of those of 2^(level + 1). */
static inline uint32_t bit_ranges_doubled(uint32_t starts, unsigned level) {
    return level < 5 ? starts & (starts >> (1u << level)) : 0;
}

/* Smallest level with 2^level >= count. */
static inline unsigned level_for(unsigned count) {
    return count <= 1 ? 0 : 32 - (unsigned)__builtin_clz(count - 1);
}

/* Lowest `count` adjacent set bits that start at a multiple of `align`; 0 when there are none. */
static inline uint32_t bit_range_lowest(uint32_t mask, unsigned count, unsigned align) {
    uint32_t starts = mask;
    for (unsigned have = 1; have < count;) {
        unsigned step = have < count - have ? have : count - have;
        starts &= starts >> step;
        have += step;
    }
    for (unsigned at = 0; at < 32; at += align)
        if ((starts >> at) & 1)
            return bit_range(at, count);
    return 0;
}

#endif
