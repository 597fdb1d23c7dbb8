/* A block: one allocation, as a workload keeps it. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Two words, passed and kept by value. */
struct block {
    void *at;
    uint64_t tag; /* size << 24 | the low 24 bits of a serial number: input of checksum and stamp */
};

enum { BLOCK_ID_BITS = 24 };
static const uint64_t BLOCK_ID_MASK = (1u << BLOCK_ID_BITS) - 1;

static inline size_t block_size(struct block b) {
    return b.tag >> BLOCK_ID_BITS;
}

/* Sizes of blocks from min to max, both included. */
struct size_range {
    size_t min, max;
};
