/* Aligned allocation, and the array and sized forms. */
#include <errno.h>

#include "api/check.h"
#include "api/export.h"
#include "api/malloc.h"
#include "base/bits.h"
#include "base/classes.h"
#include "base/kernel.h"
#include "base/options.h"
#include "heap/thread.h"
#include "slotmalloc.h"

#define LARGEST_POWER (SIZE_MAX / 2 + 1)

/* Fast path: the class of the size rounded up to the alignment nearly always fits. NULL: it did
 * not. */
static void *aligned_pop(size_t align, size_t size) {
    size_t rounded = (size + align - 1) & ~(align - 1);
    if (rounded < size || rounded > CLASS_MAX_BYTES)
        return NULL;
    unsigned class = class_of(rounded ? rounded : align);
    struct heap *heap = thread_heap;
    struct block *block = heap->bin[class];
    if (block == NULL || (classes[class].size & (align - 1)) != 0)
        return NULL;
    heap->bin[class] = block->next;
    return block;
}

static void *aligned(size_t align, size_t size) {
    if (align <= GRANULE)
        return slotmalloc_malloc(size);
    void *p = align <= CLASS_MAX_BYTES ? aligned_pop(align, size) : NULL;
    return p != NULL ? p : entry_alloc(size, align, false);
}

/* As glibc: what is no power of two counts as the next one. */
EXPORT void *slotmalloc_memalign(size_t align, size_t size) {
    if (unlikely(align > LARGEST_POWER)) {
        errno = EINVAL;
        return NULL;
    }
    size_t power = align;
    if (unlikely(!is_power_of_two(align)))
        for (power = GRANULE; power < align;)
            power *= 2;
    return aligned(power, size);
}

/* The same function, as in glibc up to 2.37. Later ones refuse what is no power of two: a program
 * that runs with them never asks for that, and one that was made for the older ones is served. */
EXPORT void *slotmalloc_aligned_alloc(size_t align, size_t size) {
    return slotmalloc_memalign(align, size);
}

EXPORT int slotmalloc_posix_memalign(void **out, size_t align, size_t size) {
    if (!is_power_of_two(align) || align % sizeof(void *) != 0)
        return EINVAL;
    void *p = aligned(align, size);
    if (p == NULL)
        return ENOMEM; /* errno says so too, as after glibc's: programs look at it */
    *out = p;
    return 0;
}

EXPORT void *slotmalloc_valloc(size_t size) {
    return aligned(kernel_page_size(), size);
}

EXPORT void *slotmalloc_pvalloc(size_t size) {
    size_t page = kernel_page_size(), rounded;
    if (__builtin_add_overflow(size, page - 1, &rounded)) {
        errno = ENOMEM;
        return NULL;
    }
    rounded &= ~(page - 1);
    return aligned(page, rounded ? rounded : page);
}

EXPORT void *slotmalloc_reallocarray(void *p, size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return slotmalloc_realloc(p, bytes);
}

/* The slot knows the size: only check=full looks at what the program says. */
EXPORT void slotmalloc_free_sized(void *p, size_t size) {
    if (options_check_full() && p != NULL)
        check_size(p, 1, size);
    slotmalloc_free(p);
}

EXPORT void slotmalloc_free_aligned_sized(void *p, size_t align, size_t size) {
    if (options_check_full() && p != NULL)
        check_size(p, align, size);
    slotmalloc_free(p);
}

void free_sized(void *p, size_t size);
void free_aligned_sized(void *p, size_t align, size_t size);

EXPORT_ALIAS(memalign);
EXPORT_ALIAS(aligned_alloc);
EXPORT_ALIAS(posix_memalign);
EXPORT_ALIAS(valloc);
EXPORT_ALIAS(pvalloc);
EXPORT_ALIAS(reallocarray);
EXPORT_ALIAS(free_sized);
EXPORT_ALIAS(free_aligned_sized);
