#include "api/block.h"

#include <string.h>

#include "api/slow_path.h"
#include "base/classes.h"
#include "base/kernel.h"
#include "base/text.h"
#include "base/tuning.h"
#include "heap/pool.h"
#include "heap/refill.h"
#include "heap/remote.h"
#include "heap/thread.h"
#include "memory/huge.h"
#include "memory/locate.h"
#include "memory/slot.h"
#include "memory/slot_run.h"

/* `*zero`: the block is zero, except for its first word if it is of a size class. 0 bytes count as
 * 1: a block without memory would share its address with the next one. */
static enum status alloc_from(struct heap *heap, const struct request *request, void **out,
                              bool *zero) {
    size_t bytes = request->bytes != 0 ? request->bytes : 1, align = request->align;
    if (bytes <= CLASS_MAX_BYTES && align <= CLASS_MAX_BYTES) {
        unsigned class = align <= GRANULE ? class_of(bytes) : class_of_aligned(bytes, align);
        if (class < CLASS_COUNT) {
            *out = heap_pop(heap, class, zero);
            return *out != NULL ? OK : NO_MEMORY;
        }
    }
    heap_tick(heap);
    return bytes <= SLOT_RUN_MAX_BYTES && align <= SUPERSLAB_SIZE
               ? slot_run_alloc(heap, bytes, align, out, zero)
               : huge_alloc(heap, bytes, align, out, zero);
}

void block_clear(void *p, bool zero) {
    if (!zero)
        memset(p, 0, block_usable(p));
    else if (ident_read(slot_number(p)) > HEAP_ALIGN)
        ((struct block *)p)->next = NULL;
}

static enum status alloc(const struct request *request, void **out, bool *zero) {
    struct heap *heap = thread_heap_get();
    if (heap == NULL)
        return NO_MEMORY;
    enum status status = alloc_from(heap, request, out, zero);
    if (unlikely(status != OK)) { /* try again without caches */
        heap_give_back(heap);
        status = alloc_from(heap, request, out, zero);
    }
    thread_heap_done(heap);
    return status;
}

enum status block_alloc(const struct request *request, void **out) {
    *out = NULL;
    if (request->bytes > PTRDIFF_MAX)
        return NO_MEMORY;
    bool zero = false;
    slow_path_enter();
    enum status status = alloc(request, out, &zero);
    slow_path_leave();
    if (status == OK && request->zero) /* after a borrowed heap was given back */
        block_clear(*out, zero);
    return status;
}

/* Ends the process when no block starts at p. */
static inline __attribute__((always_inline)) struct located locate_checked(const void *p) {
    struct located found = locate(p);
    if (unlikely(found.problem != NULL))
        die(found.problem, p);
    return found;
}

static void free_class(struct block *block, struct located found) {
    struct heap *owner = ident_owner(found.ident), *heap = thread_heap_for_free(owner);
    if (heap == NULL) {
        remote_free_now(block, found.slot);
        return;
    }
    if (owner == heap)
        pool_free(heap, block);
    else
        remote_free(heap, block, found.slot, classes[ident_class(found.ident)].size);
    thread_heap_done(heap);
}

static void free_large(struct located found) {
    struct heap *heap = thread_heap_get();
    if (heap == NULL)
        return;
    heap_tick(heap);
    if (found.ident == IDENT_SLOT_RUN)
        slot_run_free(heap, found.slot);
    else
        huge_free(heap, found.slot);
    thread_heap_done(heap);
}

void block_free(void *p) {
    slow_path_enter();
    struct located found = locate_checked(p);
    if (found.ident > HEAP_ALIGN)
        free_class(p, found);
    else
        free_large(found);
    slow_path_leave();
}

static size_t usable_of(struct located found) {
    return found.ident > HEAP_ALIGN ? classes[ident_class(found.ident)].size
                                    : arena.slots[found.slot].bytes;
}

size_t block_usable(const void *p) {
    return usable_of(locate_checked(p));
}

static bool resize_large(uint32_t number, uint64_t ident, size_t bytes) {
    if (ident == IDENT_HUGE)
        return huge_resize(number, bytes);
    return bytes > CLASS_MAX_BYTES && bytes <= SLOT_RUN_MAX_BYTES && slot_run_resize(number, bytes);
}

static bool resize_counted(uint32_t number, uint64_t ident, size_t bytes) {
    struct heap *heap = thread_heap_get();
    if (heap == NULL)
        return false;
    bool resized = resize_large(number, ident, bytes);
    if (resized)
        heap->counters.realloc_in_place++;
    else
        heap->counters.realloc_moved++;
    thread_heap_done(heap);
    return resized;
}

bool block_resize(void *p, size_t bytes) {
    struct located found = locate_checked(p);
    if (found.ident > HEAP_ALIGN) {
        size_t usable = usable_of(found);
        return bytes <= usable && bytes >= usable / 2;
    }
    slow_path_enter();
    bool resized = resize_counted(found.slot, found.ident, bytes);
    slow_path_leave();
    return resized;
}

/* For a block that grows: with room behind it to grow again. */
static enum status alloc_growing(size_t bytes, void **out) {
    struct request request = {bytes, GRANULE, false};
    if (bytes <= SLOT_RUN_MAX_BYTES || bytes > PTRDIFF_MAX / 2)
        return block_alloc(&request, out);
    slow_path_enter();
    struct heap *heap = thread_heap_get();
    enum status status = NO_MEMORY;
    if (heap != NULL) {
        status = huge_alloc_growing(heap, bytes, huge_growth(bytes), out);
        thread_heap_done(heap);
    }
    slow_path_leave();
    return status == OK ? OK : block_alloc(&request, out);
}

/* Moves the contents, by remapping whole pages where that pays. NO_MEMORY: `from` is untouched. */
static enum status move(void *to, void *from, size_t bytes) {
    size_t page = kernel_page_size(), whole = bytes & ~(page - 1);
    bool pages = bytes >= MOVE_PAGES_FROM && ((uintptr_t)to | (uintptr_t)from) % page == 0;
    enum move move = pages ? kernel_move(from, whole, to) : MOVE_REFUSED;
    if (move == MOVE_BROKEN)
        return NO_MEMORY;
    size_t moved = move == MOVE_DONE ? whole : 0;
    memcpy((char *)to + moved, (char *)from + moved, bytes - moved);
    return OK;
}

enum status block_copy(void *p, size_t bytes, void **out) {
    size_t usable = block_usable(p);
    struct request request = {bytes, GRANULE, false};
    bool grown = usable > CLASS_MAX_BYTES && bytes > usable;
    size_t kept = usable < bytes ? usable : bytes;
    if ((grown ? alloc_growing(bytes, out) : block_alloc(&request, out)) != OK)
        return NO_MEMORY;
    if (unlikely(move(*out, p, kept) != OK)) { /* the destination is lost: copy to another one */
        if (block_alloc(&request, out) != OK)
            return NO_MEMORY;
        memcpy(*out, p, kept);
    }
    return OK;
}
