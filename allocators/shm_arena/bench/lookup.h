/* A balanced tree of segments by address, for the lookup bench: std::map, behind C functions. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct segment {
    uintptr_t base;
    size_t size;
    uint64_t offset; /* of its first byte in the pool: what a lookup has to find */
    char name[40];   /* real tables carry the object's name along */
};

void tree_fill(const struct segment *segments, unsigned count);
/* The offset that the address has in the pool, or 0. */
uint64_t tree_offset(uintptr_t address);

#ifdef __cplusplus
}
#endif
