/*
 * null, a reference allocator: malloc returns the same address every time, free does nothing.
 *
 * What a workload of memtest still costs under it is memtest's own work: random numbers, counters,
 * tables, writing into blocks, threads and the calls themselves. All live blocks of a thread
 * overlap, so null serves only workloads that keep nothing in their blocks; memtest refuses the
 * others, and --verify.
 *
 * It cannot serve a whole process, as libc keeps data in what it allocates. memtest-null is linked
 * with --wrap: the linker makes memtest's own calls of malloc calls of __wrap_malloc, which is here
 * so that they cost what a call into another library costs.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define EXPORT      __attribute__((visibility("default")))
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Threads write into places of their own, a page and a cache line apart in every cache; places are
 * used again after so many threads. */
enum { PLACES = 1024, PLACE_DISTANCE = (64 << 10) + 128 };
static const size_t largest = (size_t)1 << 30; /* block, and alignment */

static char *places;
static _Thread_local char *place; /* of this thread; NULL before its first call */

/* Only touched pages cost memory. Huge pages would be cleared at the first touch. */
__attribute__((constructor)) static void reserve(void) {
    size_t size = (size_t)PLACES * PLACE_DISTANCE + 2 * largest;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    places = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (places == MAP_FAILED) {
        perror("null: the kernel refused the addresses of the block");
        abort();
    }
    madvise(places, size, MADV_NOHUGEPAGE);
}

static __attribute__((noinline)) char *place_take(void) {
    static _Atomic unsigned taken;
    unsigned number = atomic_fetch_add_explicit(&taken, 1, memory_order_relaxed);
    place = places + (size_t)(number % PLACES) * PLACE_DISTANCE;
    return place;
}

static inline void *block_of(size_t size) {
    char *block = place;
    if (UNLIKELY(!block)) {
        block = place_take();
    }
    return UNLIKELY(size > largest) ? NULL : block;
}

EXPORT void *__wrap_malloc(size_t size) {
    return block_of(size);
}

EXPORT void __wrap_free(void *block) {
    (void)block;
}

EXPORT void *__wrap_calloc(size_t count, size_t size) {
    return block_of(count * size);
}

EXPORT void *__wrap_realloc(void *block, size_t size) {
    (void)block;
    return block_of(size);
}

EXPORT int __wrap_posix_memalign(void **block, size_t align, size_t size) {
    uintptr_t start = (uintptr_t)block_of(size);
    if (UNLIKELY(!start || align > largest)) {
        return ENOMEM;
    }
    *block = (void *)((start + align - 1) & -align);
    return 0;
}
