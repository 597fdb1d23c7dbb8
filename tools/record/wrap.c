/* The C entry points. Each calls the next allocator and writes one event; raw.h describes the order
 * of the two. */
#define _GNU_SOURCE
#include "log.h"
#include "next.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static inline bool is_ready(void) {
    return likely(next.malloc) || next_resolve();
}

/* In some allocators, one entry point calls another through the dynamic linker, that is, through
 * this library: then the inner call has recorded the object. */
static void acquire_once(const uint64_t *before, enum raw_op op, void *address, size_t size,
                         size_t alignment) {
    if (!log_just_acquired(before, address))
        log_acquire(op, address, size, alignment);
}

EXPORT void *malloc(size_t size) {
    if (!is_ready())
        return bootstrap_alloc(size);
    void *address = next.malloc(size);
    log_acquire(RAW_MALLOC, address, size, 0);
    return address;
}

EXPORT void *calloc(size_t count, size_t size) {
    size_t bytes = 0;
    bool overflows = __builtin_mul_overflow(count, size, &bytes);
    if (!is_ready())
        return bootstrap_alloc(overflows ? SIZE_MAX : bytes);
    const uint64_t *before = log_self.next;
    void *address = next.calloc(count, size);
    acquire_once(before, RAW_CALLOC, address, bytes, 0);
    return address;
}

/* libc calls free(NULL) a dozen times for each thread that ends. A thread without any other event
 * is left out of the trace, where its end could not be seen. */
static bool is_null_free_of_new_thread(const void *address) {
    return !address && !log_self.generation;
}

EXPORT void free(void *address) {
    if (unlikely(bootstrap_owns(address)) || !is_ready())
        return;
    if (likely(log_self.releasing != address) && !is_null_free_of_new_thread(address))
        log_release(RAW_FREE, address);
    next.free(address);
}

/* Moves memory from before the allocator was found into the allocator. Its size is not known, but
 * where the bootstrap memory ends is. */
static void *move_bootstrap(const void *old, size_t size) {
    void *address = malloc(size);
    size_t rest = 0;
    while (rest < size && bootstrap_owns((const char *)old + rest))
        rest++;
    return address ? memcpy(address, old, rest) : NULL;
}

/* realloc(old, 0) frees; some allocators then return a new empty object, glibc returns NULL. */
static void *realloc_to_nothing(void *old) {
    log_release(RAW_FREE, old);
    void *address = next.realloc(old, 0);
    if (address)
        log_acquire(RAW_MALLOC, address, 0, 0);
    return address;
}

EXPORT void *realloc(void *old, size_t size) {
    if (!is_ready() || unlikely(bootstrap_owns(old)))
        return old ? move_bootstrap(old, size) : malloc(size);
    if (unlikely(old && !size))
        return realloc_to_nothing(old);
    if (old)
        log_release(RAW_REALLOC_BEGIN, old);
    void *address = next.realloc(old, size);
    log_acquire(RAW_REALLOC, address, size, 0);
    if (unlikely(!address && old))
        log_release(RAW_REALLOC_FAILED, old);
    return address;
}

EXPORT void *reallocarray(void *old, size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(old, bytes);
}

EXPORT int posix_memalign(void **result, size_t alignment, size_t size) {
    if (!is_ready())
        return ENOMEM;
    const uint64_t *before = log_self.next;
    int error = next.posix_memalign(result, alignment, size);
    acquire_once(before, RAW_ALIGNED, error ? NULL : *result, size, alignment);
    return error;
}

EXPORT void *aligned_alloc(size_t alignment, size_t size) {
    if (!is_ready())
        return NULL;
    const uint64_t *before = log_self.next;
    void *address = next.aligned_alloc(alignment, size);
    acquire_once(before, RAW_ALIGNED, address, size, alignment);
    return address;
}

EXPORT void *memalign(size_t alignment, size_t size) {
    if (!is_ready())
        return NULL;
    const uint64_t *before = log_self.next;
    void *address = next.memalign(alignment, size);
    acquire_once(before, RAW_ALIGNED, address, size, alignment);
    return address;
}

EXPORT void *valloc(size_t size) {
    return memalign((size_t)sysconf(_SC_PAGESIZE), size);
}

EXPORT void *pvalloc(size_t size) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t rounded = (size + page - 1) & ~(page - 1);
    if (rounded < size) {
        errno = ENOMEM;
        return NULL;
    }
    return memalign(page, rounded ? rounded : page);
}
