/*
 * The memory of both reference allocators: each thread carves blocks off the front of an extent, a
 * range of pages from the kernel, and returns nothing.
 *
 * One HEADER word before a block's payload belongs to the allocator that includes this file.
 * Payload sizes are 8 more than a multiple of 16, so that the next payload is aligned without a
 * gap.
 */
#ifndef REFERENCE_EXTENT_H
#define REFERENCE_EXTENT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

enum {
    HEADER = sizeof(uint64_t),
    MIN_ALIGN = 16,
    OS_PAGE = 4096,
    EXTENT_SIZE = 64 << 20, /* reserved; few mmap calls, and only touched pages cost memory */
};

/* The rest of this thread's extent; next + HEADER is always a multiple of MIN_ALIGN. */
static _Thread_local struct { uintptr_t next, end; } extent;

static inline uintptr_t round_up(uintptr_t value, size_t power_of_two) {
    return (value + power_of_two - 1) & -power_of_two;
}

/* The payload size for a request: at least `size`, and a multiple of 16 less HEADER. */
static inline size_t payload_size(size_t size) {
    return round_up(size + HEADER, MIN_ALIGN) - HEADER;
}

static inline uint64_t *block_header(const void *payload) {
    return (uint64_t *)payload - 1;
}

/* `size` bytes of new zeroed pages, or 0. */
static inline uintptr_t pages_map(size_t size) {
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);
    return pages == MAP_FAILED ? 0 : (uintptr_t)pages;
}

/* A new extent of at least `need` bytes, smaller than EXTENT_SIZE if the address space is limited;
 * 0 if there is none. */
static uintptr_t extent_map(size_t need, size_t *size) {
    for (*size = EXTENT_SIZE; *size >= need; *size /= 2) {
        uintptr_t fresh = pages_map(*size);
        if (fresh) {
            return fresh;
        }
    }
    return 0;
}

/* The slow path of extent_carve. A block above an eighth of an extent is mapped by itself. */
static __attribute__((noinline)) void *extent_refill(size_t payload, size_t align) {
    size_t need = round_up(HEADER + align + payload, OS_PAGE);
    if (need > EXTENT_SIZE / 8) {
        uintptr_t pages = pages_map(need);
        return pages ? (void *)round_up(pages + HEADER, align) : NULL;
    }
    size_t size;
    uintptr_t fresh = extent_map(need, &size);
    if (!fresh) {
        return NULL;
    }
    uintptr_t start = round_up(fresh + HEADER, align);
    extent.next = start + payload;
    extent.end = fresh + size;
    return (void *)start;
}

/*
 * Carves a block: `payload` bytes (from payload_size) of zeroed memory at a multiple of `align` (a
 * power of two, at least MIN_ALIGN), with its header word before it. NULL if the kernel has no
 * more. The sum of both must not exceed PTRDIFF_MAX.
 */
static inline void *extent_carve(size_t payload, size_t align) {
    uintptr_t start = round_up(extent.next + HEADER, align);
    if (__builtin_expect(start > extent.end || extent.end - start < payload, 0)) {
        return extent_refill(payload, align);
    }
    extent.next = start + payload;
    return (void *)start;
}

#endif
