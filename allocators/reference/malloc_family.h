/*
 * The C library's allocation functions, on top of four that the including allocator defines first:
 *
 *     void *block_alloc(size_t size)
 *         NULL, or a block aligned to 16
 *     void *block_alloc_aligned(size_t size, size_t align)
 *         align: a power of two above 16; size + align does not overflow
 *     void block_free(void *block)
 *         block is not NULL
 *     size_t block_usable(const void *block)
 *         the bytes that the program may use
 *
 * and BLOCKS_ARE_ZERO, 1 if the memory of block_alloc was never used before. It is a header so that
 * the compiler can inline the four functions: calls to them would distort the measurement.
 *
 * realloc(p, 0) returns a small block rather than NULL, so that NULL always means failure.
 */
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

static inline bool is_power_of_two(size_t n) {
    return n && !(n & (n - 1));
}

static inline void *or_no_memory(void *block) {
    if (__builtin_expect(!block, 0)) {
        errno = ENOMEM;
    }
    return block;
}

/* As memalign, for an alignment that is a power of two. Does not set errno, for posix_memalign. */
static void *alloc_aligned(size_t align, size_t size) {
    if (size > PTRDIFF_MAX || align > PTRDIFF_MAX - size) {
        return NULL;
    }
    return align <= MIN_ALIGN ? block_alloc(size) : block_alloc_aligned(size, align);
}

EXPORT void *malloc(size_t size) {
    return or_no_memory(size <= PTRDIFF_MAX ? block_alloc(size) : NULL);
}

EXPORT void free(void *block) {
    if (block) {
        block_free(block);
    }
}

EXPORT void *calloc(size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        return or_no_memory(NULL);
    }
    void *block = bytes <= PTRDIFF_MAX ? block_alloc(bytes) : NULL;
    if (block && !BLOCKS_ARE_ZERO) {
        memset(block, 0, block_usable(block));
    }
    return or_no_memory(block);
}

EXPORT void *realloc(void *block, size_t size) {
    if (!block) {
        return malloc(size);
    }
    size_t usable = block_usable(block);
    if (size <= usable) {
        return block;
    }
    void *larger = malloc(size);
    if (larger) {
        memcpy(larger, block, usable);
        block_free(block);
    }
    return larger;
}

EXPORT void *reallocarray(void *block, size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        return or_no_memory(NULL);
    }
    return realloc(block, bytes);
}

EXPORT void *aligned_alloc(size_t align, size_t size) {
    if (!is_power_of_two(align)) {
        errno = EINVAL;
        return NULL;
    }
    return or_no_memory(alloc_aligned(align, size));
}

/* glibc rounds any alignment up to a power of two, and programs rely on it. */
EXPORT void *memalign(size_t align, size_t size) {
    size_t power = MIN_ALIGN;
    while (power < align && power <= PTRDIFF_MAX) {
        power *= 2;
    }
    return or_no_memory(alloc_aligned(power, size));
}

EXPORT int posix_memalign(void **block, size_t align, size_t size) {
    if (!is_power_of_two(align) || align % sizeof(void *)) {
        return EINVAL;
    }
    int before = errno; /* posix_memalign must not change errno; mmap may set it */
    void *fresh = alloc_aligned(align, size);
    errno = before;
    if (!fresh) {
        return ENOMEM;
    }
    *block = fresh;
    return 0;
}

EXPORT void *valloc(size_t size) {
    return memalign(OS_PAGE, size);
}

EXPORT void *pvalloc(size_t size) {
    return size <= PTRDIFF_MAX ? memalign(OS_PAGE, round_up(size, OS_PAGE)) : or_no_memory(NULL);
}

EXPORT size_t malloc_usable_size(void *block) {
    return block ? block_usable(block) : 0;
}
