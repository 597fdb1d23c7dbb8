#include "park.h"

#include "magazine.h"
#include "options.h"
#include "pool.h"
#include "remote.h"

struct lock park_lock;

static struct heap *first, *last; /* taken from the front; threads put theirs there too */
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
    first = heap->parked_next;
    if (first == NULL)
        last = NULL;
    count_change((uint32_t)-1);
    return heap;
}

static void push_back(struct heap *heap) {
    lock_take(&park_lock);
    heap->parked_next = NULL;
    if (last != NULL)
        last->parked_next = heap;
    else
        first = heap;
    last = heap;
    count_change(1);
    lock_give(&park_lock);
}

static void push_front(struct heap *heap) {
    lock_take(&park_lock);
    heap->parked_next = first;
    first = heap;
    if (last == NULL)
        last = heap;
    count_change(1);
    lock_give(&park_lock);
}

struct heap *park_take(void) {
    if (park_count() == 0)
        return NULL;
    lock_take(&park_lock);
    struct heap *heap = pop_locked();
    lock_give(&park_lock);
    if (heap != NULL)
        pool_drain(heap); /* what was freed meanwhile comes before new memory */
    return heap;
}

/* Takes one without waiting. */
static struct heap *take_if_free(void) {
    if (likely(park_count() == 0) || !lock_try(&park_lock))
        return NULL;
    struct heap *heap = pop_locked();
    lock_give(&park_lock);
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
    push_front(heap);
}

static struct slot *change_owner(struct heap *from, struct heap *to, struct slot *slot) {
    struct class_pool *pool = &from->pool[slot->class];
    uint32_t number = slot_to_number(slot);
    if (pool->fresh == number)
        pool->fresh = 0; /* what is left to carve comes back when the slot is next EMPTY */
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
    push_back(other);
    return slot;
}

void park_sweep(void) {
    struct heap *other = take_if_free();
    if (other == NULL)
        return;
    pool_drain(other);
    pool_release_empty(other);
    push_back(other);
}
