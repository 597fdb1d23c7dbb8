#include "verify.h"

#include "rng.h"

#include <string.h>

enum { WORD = 8 };

static uint64_t stamp_of(struct block b) {
    return rng_mix((uint64_t)(uintptr_t)b.at ^ b.tag * 0x9e3779b97f4a7c15u);
}

/* The stamp as it must read at byte `offset`: a byte's value depends only on its offset, so that
 * both ends of a short block may overlap. */
static uint64_t stamp_at(uint64_t stamp, size_t offset) {
    unsigned turn = 8 * (unsigned)(offset % WORD);
    return turn ? stamp >> turn | stamp << (64 - turn) : stamp;
}

static void write_range(unsigned char *at, uint64_t stamp, size_t from, size_t to) {
    uint64_t word = stamp_at(stamp, from); /* the same 8 bytes on */
    for (size_t i = from; i < to; i += WORD) {
        size_t length = to - i < WORD ? to - i : WORD;
        memcpy(at + i, &word, length);
    }
}

static size_t damage_in_range(const unsigned char *at, uint64_t stamp, size_t from, size_t to) {
    uint64_t word = stamp_at(stamp, from);
    for (size_t i = from; i < to; i += WORD) {
        size_t length = to - i < WORD ? to - i : WORD;
        if (memcmp(at + i, &word, length) != 0)
            return i;
    }
    return SIZE_MAX;
}

/* Where the last 8 bytes of [skip, size) begin. */
static size_t tail_of(size_t size, size_t skip) {
    return size - skip > WORD ? size - WORD : skip;
}

static size_t head_of(size_t size, size_t skip) {
    return size - skip > WORD ? skip + WORD : size;
}

void verify_stamp(struct block b, size_t skip, enum verify_level level) {
    size_t size = block_size(b);
    if (size <= skip)
        return;
    uint64_t stamp = stamp_of(b);
    if (level == VERIFY_FULL) {
        write_range(b.at, stamp, skip, size);
        return;
    }
    write_range(b.at, stamp, skip, head_of(size, skip));
    write_range(b.at, stamp, tail_of(size, skip), size);
}

size_t verify_damage(struct block stamped, const void *at, size_t upto, size_t skip,
                     enum verify_level level) {
    size_t size = block_size(stamped);
    if (upto > size)
        upto = size;
    if (upto <= skip)
        return SIZE_MAX;
    uint64_t stamp = stamp_of(stamped);
    if (level == VERIFY_FULL)
        return damage_in_range(at, stamp, skip, upto);
    size_t head = head_of(size, skip), tail = tail_of(size, skip);
    size_t damage = damage_in_range(at, stamp, skip, head < upto ? head : upto);
    return damage == SIZE_MAX ? damage_in_range(at, stamp, tail, upto) : damage;
}

size_t verify_natural_alignment(size_t size) {
    size_t alignment = 16;
    while (alignment > 1 && alignment > size)
        alignment /= 2;
    return alignment;
}

size_t verify_not_zero(const void *at, size_t size, enum verify_level level) {
    const unsigned char *byte = at;
    size_t gap_start = size, gap_end = size;
    if (level != VERIFY_FULL && size > 2 * WORD) {
        gap_start = WORD;
        gap_end = size - WORD;
    }
    for (size_t i = 0; i < size; i++) {
        if (i == gap_start)
            i = gap_end;
        if (i < size && byte[i])
            return i;
    }
    return SIZE_MAX;
}
