/* Size classes: the sizes of small blocks, and how many fit into a slot. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { CLASS_COUNT = 29, CLASS_LARGEST = 32768, CLASS_NONE = 0xff };

struct size_class {
    uint32_t bytes;      /* of a block; a multiple of 64: no two blocks share a cache line */
    uint32_t capacity;   /* blocks in a slot */
    uint32_t reciprocal; /* ceil(2^32 / bytes): (x * reciprocal) >> 32 == x / bytes for x < 2^16 */
};

extern const struct size_class size_classes[CLASS_COUNT];

/* The smallest class that holds `size` bytes at `alignment` (a power of two), or CLASS_NONE if it
 * needs a slot run. */
unsigned class_for(size_t size, size_t alignment);
