#include "heap/park.h"

#include "base/options.h"
#include "base/process.h"
#include "heap/magazine.h"
#include "heap/pool.h"
#include "heap/recover.h"
#include "heap/remote.h"
#include "memory/arena.h"

struct lock park_lock;

static struct heap *first, *last; /* taken from the front; ending threads push there too */
static _Atomic uint32_t parked;   /* written under the lock, read without as a hint */

uint32_t park_count(void) {
    return atomic_load_explicit(&parked, memory_order_relaxed); /* relaxed: a hint */
}

static void count_change(uint32_t by) {
    atomic_fetch_add_explicit(&parked, by,
                              memory_order_relaxed); /* relaxed: the lock orders the list */
}

static struct heap *pop_locked(void) {
    struct heap *heap = first;
    if (heap == NULL)
        return NULL;
    heap->parked = false; /* from here on, a forked child finds it in use */
    process_step();
    first = heap->parked_next;
    if (first == NULL)
        last = NULL;
    count_change((uint32_t)-1);
    return heap;
}

static void link_last(struct heap *heap) {
    heap->parked_next = NULL;
    if (last != NULL)
        last->parked_next = heap;
    else
        first = heap;
    last = heap;
    count_change(1);
}

static void link_first(struct heap *heap) {
    heap->parked_next = first;
    first = heap;
    if (last == NULL)
        last = heap;
    count_change(1);
}

static void push(struct heap *heap, void (*link)(struct heap *heap)) {
    lock_take(&park_lock);
    link(heap);
    process_step();
    heap->parked = true;
    lock_give(&park_lock);
}

struct heap *park_take(bool torn_too) {
    if (park_count() == 0)
        return NULL;
    lock_take(&park_lock);
    bool usable = first != NULL && (torn_too || !first->torn);
    struct heap *heap = usable ? pop_locked() : NULL;
    lock_give(&park_lock);
    if (heap == NULL)
        return NULL;
    recover_if_torn(heap);
    pool_drain(heap); /* use what was freed meanwhile before new memory */
    return heap;
}

/* Takes one without waiting. */
static struct heap *take_if_free(void) {
    if (likely(park_count() == 0) || !lock_try(&park_lock))
        return NULL;
    struct heap *heap = pop_locked();
    lock_give(&park_lock);
    if (heap != NULL)
        recover_if_torn(heap);
    return heap;
}

void park_give(struct heap *heap) {
    remote_flush(heap);
    pool_drain(heap);
    for (unsigned class = 0; class < CLASS_COUNT; class ++) {
        if (class >= MAGAZINE_FROM)
            magazine_empty(heap, class);
        pool_return_bin(heap, class);
    }
    pool_release_empty(heap);
    push(heap, link_first);
}

static struct slot *change_owner(struct heap *from, struct heap *to, struct slot *slot) {
    struct class_pool *pool = &from->pool[slot->class];
    uint32_t number = slot_to_number(slot);
    if (pool->fresh == number)
        pool->fresh = 0; /* the uncarved rest becomes usable when the slot is next EMPTY */
    pool->slots--;
    to->pool[slot->class].slots++;
    to->counters.slot_orphan++;
    slot_set_owner(to, number, slot);
    return slot;
}

struct slot *park_steal(struct heap *heap, unsigned class) {
    if (!options.share)
        return NULL;
    struct heap *other = take_if_free();
    if (other == NULL)
        return NULL;
    pool_drain(other);
    pool_release_empty(other);
    struct slot *slot = pool_pop_available(&other->pool[class]);
    if (slot != NULL)
        slot = change_owner(other, heap, slot);
    push(other, link_last);
    return slot;
}

void park_sweep(void) {
    struct heap *other = take_if_free();
    if (other == NULL)
        return;
    pool_drain(other);
    pool_release_empty(other);
    push(other, link_last);
}

void park_rebuild(const struct heap *survivor) {
    first = last = NULL;
    atomic_store_explicit(&parked, 0, memory_order_relaxed); /* the lock orders the list */
    lock_reset(&park_lock);
    for (uint32_t i = 0; i < arena_heap_count(); i++) {
        struct heap *heap = &arena.heaps[i];
        if (heap == survivor)
            continue;
        if (!heap->parked)
            heap->torn = true;
        process_step();
        heap->parked = true;
        if (heap->torn)
            link_last(heap);
        else
            link_first(heap);
    }
}
