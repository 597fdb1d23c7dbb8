/*
 * lifo, a reference allocator: one thread-local stack of free blocks per size class, nothing else.
 *
 * It shows what bookkeeping costs: malloc pops a block; free pushes it on the stack of the freeing
 * thread, whichever thread allocated it. That takes no lock and no atomic operation, and cannot be
 * used in earnest: if one thread allocates and another frees, the memory moves to the second for
 * good; the blocks of a thread that ends are lost; nothing returns to the kernel.
 */
#include "extent.h"

#define BLOCKS_ARE_ZERO 0

/*
 * Classes 0-64 hold payloads of 16 * class + 8 bytes, up to 1032. Above, each doubling has four
 * classes: (5..8) * 2^k + 8 bytes.
 */
enum {
    SMALL_MAX = 1032,
    FIRST_LARGE = 65,
    LARGE_BITS = 10, /* log2 of the last small payload without its 8 */
    CLASS_COUNT = FIRST_LARGE + 4 * (63 - LARGE_BITS),
    CLASS_BITS = 9,
    CLASS_MASK = (1 << CLASS_BITS) - 1,
};
_Static_assert(CLASS_COUNT <= CLASS_MASK, "a class must fit into its part of the header");

/* A free block; its header word is unchanged. */
struct free_block {
    struct free_block *next;
};

static _Thread_local struct free_block *free_list[CLASS_COUNT];

static inline unsigned class_of(size_t size) {
    if (__builtin_expect(size <= SMALL_MAX, 1)) {
        return (unsigned)(size + 7) / 16;
    }
    size_t last = size - 8 - 1;
    unsigned bits = 63 - (unsigned)__builtin_clzl(last);
    unsigned step = (unsigned)(last >> (bits - 2)); /* 4..7: the quarter of the doubling */
    return FIRST_LARGE + 4 * (bits - LARGE_BITS) + step - 4;
}

static inline size_t class_payload(unsigned class) {
    if (class < FIRST_LARGE) {
        return 16 * (size_t) class + 8;
    }
    unsigned large = class - FIRST_LARGE;
    return ((size_t)(5 + large % 4) << (LARGE_BITS - 2 + large / 4)) + 8;
}

/*
 * The header word holds the class and, above it, the distance of the payload from the block's
 * start: 0 except for aligned blocks.
 */
static inline unsigned header_class(const void *block) {
    return (unsigned)*block_header(block) & CLASS_MASK;
}

static inline size_t header_offset(const void *block) {
    return *block_header(block) >> CLASS_BITS;
}

static inline void *block_alloc(size_t size) {
    unsigned class = class_of(size);
    struct free_block *free = free_list[class];
    if (__builtin_expect(free != NULL, 1)) {
        free_list[class] = free->next;
        return free;
    }
    void *block = extent_carve(class_payload(class), MIN_ALIGN);
    if (block) {
        *block_header(block) = class;
    }
    return block;
}

static void *block_alloc_aligned(size_t size, size_t align) {
    char *start = block_alloc(size + align - MIN_ALIGN);
    if (!start) {
        return NULL;
    }
    char *block = (char *)round_up((uintptr_t)start, align);
    size_t offset = (size_t)(block - start);
    if (offset) {
        *block_header(block) = offset << CLASS_BITS | header_class(start);
    }
    return block;
}

static inline void block_free(void *block) {
    unsigned class = header_class(block);
    struct free_block *free = (void *)((char *)block - header_offset(block));
    free->next = free_list[class];
    free_list[class] = free;
}

static inline size_t block_usable(const void *block) {
    return class_payload(header_class(block)) - header_offset(block);
}

#include "malloc_family.h"
