/* malloc, free, calloc, realloc: the fast paths, and the only place that sets errno. */
#include "slotmalloc.h"

#include <errno.h>
#include <string.h>

#include "api/block.h"
#include "api/check.h"
#include "api/export.h"
#include "api/init.h"
#include "api/malloc.h"
#include "api/slow_path.h"
#include "base/classes.h"
#include "base/options.h"
#include "base/process.h"
#include "heap/magazine.h"
#include "heap/pool.h"
#include "heap/refill.h"
#include "heap/thread.h"
#include "memory/locate.h"
#include "memory/slot.h"

__attribute__((noinline)) void *entry_alloc(size_t bytes, size_t align, bool zero) {
    struct request request = {bytes, align, zero};
    void *p;
    enum status status = NO_MEMORY;
    if (likely(init_ready())) /* check=full applies to the first block too */
        status = options_check_full() ? check_alloc(&request, &p) : block_alloc(&request, &p);
    if (likely(status == OK))
        return p;
    errno = ENOMEM;
    return NULL;
}

/* The bin of a size up to CLASS_MAX_BYTES is empty. */
static __attribute__((noinline)) void *alloc_refill(size_t size, bool zeroed) {
    bool zero;
    struct block *block = NULL;
    slow_path_enter();
    if (likely(thread_heap != &thread_no_heap))
        block = refill_bin(thread_heap, class_of(size), &zero);
    slow_path_leave();
    if (unlikely(block == NULL))
        return entry_alloc(size, GRANULE, zeroed);
    if (zeroed)
        block_clear(block, zero);
    return block;
}

static inline void *malloc_fast(size_t size) {
    if (unlikely(size > CLASS_MAX_BYTES))
        return entry_alloc(size, GRANULE, false);
    struct block **bin = &thread_heap->bin[class_of(size)];
    struct block *block = *bin;
    if (unlikely(block == NULL))
        return alloc_refill(size, false);
    *bin = block->next;
    return block;
}

EXPORT void *slotmalloc_malloc(size_t size) {
    return malloc_fast(size);
}

static __attribute__((noinline)) void free_slow(void *p) {
    if (p == NULL)
        return;
    if (options_check_full())
        check_free(p);
    else
        block_free(p);
}

/* In a forked child the thread may have left the heap that owns the slot. */
static __attribute__((noinline)) void free_event(struct slot *slot) {
    slow_path_enter();
    struct heap *heap = thread_heap;
    if (likely(ident_owner(ident_read(slot_to_number(slot))) == heap))
        pool_slot_event(heap, slot);
    slow_path_leave();
}

static __attribute__((noinline)) void free_to_magazine(struct heap *heap, void *p) {
    slow_path_enter();
    bool own = thread_heap == heap;
    if (likely(own))
        magazine_push_slow(heap, p);
    slow_path_leave();
    if (unlikely(!own))
        free_slow(p);
}

static inline void free_fast(void *p, struct slot *slot) {
    struct block *block = p;
    if (unlikely(slot->free == block)) {
        free_slow(p);
        return;
    }
    block->next = slot->free;
    process_set_head(&slot->free, block);
    if (unlikely(--slot->countdown == 0))
        free_event(slot);
}

static inline void free_larger(struct heap *heap, void *p) {
    enum magazine_answer answer = magazine_free(heap, p);
    if (unlikely(answer == MAGAZINE_SLOW))
        free_to_magazine(heap, p);
    else if (unlikely(answer == MAGAZINE_FOREIGN))
        free_slow(p);
}

EXPORT void slotmalloc_free(void *p) {
    struct slot *slot = locate_own(thread_heap, p, MAGAZINE_FROM);
    if (slot != NULL)
        free_fast(p, slot);
    else
        free_larger(thread_heap, p);
}

EXPORT void *slotmalloc_calloc(size_t count, size_t size) {
    size_t bytes;
    if (unlikely(__builtin_mul_overflow(count, size, &bytes))) {
        errno = ENOMEM;
        return NULL;
    }
    if (unlikely(bytes > CLASS_MAX_BYTES))
        return entry_alloc(bytes, GRANULE, true);
    struct heap *heap = thread_heap;
    unsigned class = class_of(bytes);
    struct block *block = heap->bin[class];
    if (unlikely(block == NULL))
        return alloc_refill(bytes, true);
    heap->bin[class] = block->next;
    if ((heap->bin_zero >> class) & 1)
        block->next = NULL;
    else
        memset(block, 0, classes[class].size); /* zero as far as malloc_usable_size goes */
    return block;
}

static enum status realloc_moving(void *p, size_t size, void **out) {
    enum status status = block_copy(p, size, out);
    if (likely(status == OK))
        slotmalloc_free(p);
    return status;
}

static __attribute__((noinline)) void *realloc_slow(void *p, size_t size) {
    if (p == NULL)
        return malloc_fast(size);
    if (size == 0) {
        slotmalloc_free(p);
        return NULL;
    }
    if (!options_check_full() && block_resize(p, size))
        return p;
    void *new;
    if ((options_check_full() ? check_realloc(p, size, &new) : realloc_moving(p, size, &new)) == OK)
        return new;
    errno = ENOMEM;
    return NULL;
}

/* A small block of the thread's own, the usual case, needs no other layer. */
EXPORT void *slotmalloc_realloc(void *p, size_t size) {
    struct slot *slot = locate_own(thread_heap, p, SMALL_CLASS_COUNT);
    if (unlikely(slot == NULL || size == 0))
        return realloc_slow(p, size);
    size_t usable = slot->block_size;
    if (size <= usable && size >= usable / 2)
        return p;
    void *new = malloc_fast(size);
    if (unlikely(new == NULL))
        return NULL;
    memcpy(new, p, usable < size ? usable : size);
    if (slot->class < MAGAZINE_FROM)
        free_fast(p, slot);
    else
        slotmalloc_free(p);
    return new;
}

EXPORT_ALIAS(malloc);
EXPORT_ALIAS(free);
EXPORT_ALIAS(calloc);
EXPORT_ALIAS(realloc);
