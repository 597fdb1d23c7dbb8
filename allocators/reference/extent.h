/*
 * The memory under both rulers: each thread carves blocks off the front of a chunk that it got from
 * the kernel, and gives nothing back.
 *
 * A block's payload is preceded by one HEADER word, which belongs to the allocator on top. Payload
 * sizes are 8 more than a multiple of 16, so that header and payload together keep the next payload
 * aligned without a gap.
 */
#ifndef REFERENCE_SPAN_H
#define REFERENCE_SPAN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

enum {
    HEADER = sizeof(uint64_t),
    MIN_ALIGN = 16,
    OS_PAGE = 4096,
    CHUNK_SIZE = 64 << 20, /* reserved; few mmap calls, and only touched pages cost memory */
};

/* What is left of this thread's chunk; next + HEADER is always a multiple of MIN_ALIGN. */
static _Thread_local struct { uintptr_t next, end; } span;

static inline uintptr_t round_up(uintptr_t value, size_t power_of_two) {
    return (value + power_of_two - 1) & -power_of_two;
}

/* The payload size that really is set aside for a request: at least `size`, and HEADER short of a
 * multiple of 16. */
static inline size_t payload_size(size_t size) {
    return round_up(size + HEADER, MIN_ALIGN) - HEADER;
}

static inline uint64_t *block_header(const void *payload) {
    return (uint64_t *)payload - 1;
}

/* `size` bytes of fresh zero pages, or 0. */
static inline uintptr_t pages_map(size_t size) {
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);
    return pages == MAP_FAILED ? 0 : (uintptr_t)pages;
}

/* A new chunk for at least `need` bytes; smaller ones are tried where the address space is limited.
 * 0 if there is none. */
static uintptr_t chunk_map(size_t need, size_t *size) {
    for (*size = CHUNK_SIZE; *size >= need; *size /= 2) {
        uintptr_t chunk = pages_map(*size);
        if (chunk) {
            return chunk;
        }
    }
    return 0;
}

/* The slow path of span_carve. What would take much of a chunk is mapped by itself. */
static __attribute__((noinline)) void *span_refill(size_t payload, size_t align) {
    size_t need = round_up(HEADER + align + payload, OS_PAGE);
    if (need > CHUNK_SIZE / 8) {
        uintptr_t pages = pages_map(need);
        return pages ? (void *)round_up(pages + HEADER, align) : NULL;
    }
    size_t size;
    uintptr_t chunk = chunk_map(need, &size);
    if (!chunk) {
        return NULL;
    }
    uintptr_t start = round_up(chunk + HEADER, align);
    span.next = start + payload;
    span.end = chunk + size;
    return (void *)start;
}

/*
 * Carves a block: `payload` bytes (from payload_size) of zeroed memory at a multiple of `align` (a
 * power of two, at least MIN_ALIGN), with its header word before it. NULL when the kernel gives no
 * more. The sum of both must not exceed PTRDIFF_MAX.
 */
static inline void *span_carve(size_t payload, size_t align) {
    uintptr_t start = round_up(span.next + HEADER, align);
    if (__builtin_expect(start > span.end || span.end - start < payload, 0)) {
        return span_refill(payload, align);
    }
    span.next = start + payload;
    return (void *)start;
}

#endif
