#include "heap/refill.h"

#include "base/options.h"
#include "base/process.h"
#include "heap/cpu.h"
#include "heap/magazine.h"
#include "heap/park.h"
#include "heap/pool.h"
#include "heap/remote.h"
#include "memory/purge.h"
#include "memory/superslab.h"

#define EXTEND_BYTES      4096  /* a class's first slots grow by a page at a time */
#define EXTEND_BYTES_MORE 16384 /* later ones by four */
#define EXTEND_MORE_FROM  4     /* slots of the class that the heap has by then */
#define DENSE_FROM        2     /* slots of a class that come from the sparse zone */
#define DENSE_MAX_BYTES   2048  /* larger blocks may be touched in part only */
#define BORROW_LIMIT      8     /* blocks that a class without a slot takes from the coarser one */

/* A slot whose next blocks have been found. */
struct found {
    struct block *list;
    bool zero;
};

/* The slot's own free blocks, else those that other threads freed. */
static struct block *slot_take_free(struct slot *slot) {
    if (slot->free == NULL) {
        uint32_t count;
        struct block *chain = remote_take(slot_to_number(slot), &count);
        if (chain == NULL)
            return NULL;
        slot_attach(slot, chain, count);
    }
    return slot_detach(slot);
}

static struct found extend(struct class_pool *pool, struct slot *slot) {
    size_t bytes = pool->slots >= EXTEND_MORE_FROM ? EXTEND_BYTES_MORE : EXTEND_BYTES;
    return (struct found){slot_extend(slot, bytes), slot->zero};
}

/* The current slot, else it is retired. */
static struct found from_current(struct class_pool *pool) {
    if (pool->current == 0)
        return (struct found){0};
    struct slot *slot = &arena.slots[pool->current];
    struct block *list = slot_take_free(slot);
    if (list != NULL)
        return (struct found){list, false};
    if (slot_can_extend(slot) && pool->fresh != 0) /* one place to remember a slot with room */
        return extend(pool, slot);
    pool_retire_current(pool);
    return (struct found){0};
}

static struct found from_queue(struct heap *heap, struct class_pool *pool) {
    struct slot *slot = pool_pop_available(pool);
    if (slot == NULL)
        return (struct found){0};
    pool_make_current(heap, slot);
    return (struct found){slot_take_free(slot), false};
}

static struct found from_pending(struct heap *heap, unsigned class) {
    pool_drain_for(heap, class);
    struct found found = from_queue(heap, &heap->pool[class]);
    heap->counters.slot_from_pending += found.list != NULL;
    return found;
}

static struct found from_same_class_empty(struct heap *heap, unsigned class) {
    struct slot *slot = pool_pop_empty(heap, class);
    if (slot == NULL)
        return (struct found){0};
    heap->counters.slot_same_class_empty++;
    heap->pool[class].slots++;
    pool_make_current(heap, slot);
    return (struct found){slot_take_free(slot), false};
}

static struct found from_fresh(struct heap *heap, struct class_pool *pool) {
    if (pool->fresh == 0)
        return (struct found){0};
    struct slot *slot = &arena.slots[pool->fresh];
    pool_make_current(heap, slot);
    heap->counters.slot_extended++;
    return extend(pool, slot);
}

static struct found start_slot(struct heap *heap, unsigned class, uint32_t number, bool zero) {
    struct slot *slot = &arena.slots[number];
    slot_format(heap, number, class, zero);
    heap->pool[class].slots++;
    pool_make_current(heap, slot);
    return extend(&heap->pool[class], slot);
}

static void count_stage(struct heap *heap, enum take_stage stage) {
    struct counters *counters = &heap->counters;
    counters->slot_warm_unused += stage == TAKE_WARM;
    counters->slot_cold_unused += stage == TAKE_COLD;
    counters->slot_empty_superslab += stage == TAKE_EMPTY_SUPERSLAB;
    counters->slot_new_superslab += stage == TAKE_NEW_SUPERSLAB;
}

static struct found from_surplus(struct heap *heap, unsigned class) {
    uint32_t number = pool_pop_surplus(heap, classes[class].span);
    if (number == 0)
        return (struct found){0};
    heap->counters.slot_other_class_empty++;
    return start_slot(heap, class, number, false);
}

static struct found from_parked(struct heap *heap, unsigned class) {
    struct slot *slot = park_steal(heap, class);
    if (slot == NULL)
        return (struct found){0};
    pool_make_current(heap, slot);
    return (struct found){slot_take_free(slot), false};
}

static enum zone zone_for(const struct heap *heap, unsigned class) {
    bool dense = classes[class].size <= DENSE_MAX_BYTES && heap->pool[class].slots >= DENSE_FROM;
    return dense ? ZONE_DENSE : ZONE_SPARSE;
}

static struct found from_superslab(struct heap *heap, unsigned class) {
    struct taken taken;
    unsigned span = classes[class].span;
    enum zone zone = zone_for(heap, class);
    if (superslab_take_warm(zone, span, 1, &taken) != OK) {
        struct found found = from_parked(heap, class);
        if (found.list != NULL || superslab_take(zone, span, 1, &taken) != OK)
            return found;
    }
    count_stage(heap, taken.stage);
    return start_slot(heap, class, taken.slot, taken.zero);
}

/* A class's first blocks come from a coarser class, so that a few objects of many sizes share
 * pages. */
static bool borrows(struct heap *heap, unsigned class) {
    struct class_pool *pool = &heap->pool[class];
    if (pool->slots > 0 || pool->borrowed >= BORROW_LIMIT || classes[class].coarse == class)
        return false;
    pool->borrowed++;
    heap->counters.borrowed++;
    return true;
}

/* All stages, cheapest memory first. */
static struct found find_blocks(struct heap *heap, unsigned class) {
    struct class_pool *pool = &heap->pool[class];
    struct found found = from_current(pool);
    if (found.list == NULL) {
        found = from_queue(heap, pool);
        heap->counters.slot_from_queue += found.list != NULL;
    }
    if (found.list == NULL)
        found = from_pending(heap, class);
    if (found.list == NULL)
        found = from_same_class_empty(heap, class);
    if (found.list == NULL)
        found = from_fresh(heap, pool);
    if (found.list == NULL)
        found = from_surplus(heap, class);
    if (found.list == NULL)
        found = from_superslab(heap, class);
    return found;
}

static __attribute__((noinline)) struct block *refill_slow(struct heap *heap, unsigned class,
                                                           bool *zero) {
    heap_tick(heap);
    if (borrows(heap, class))
        return heap_pop(heap, classes[class].coarse, zero);
    struct found found = find_blocks(heap, class);
    if (unlikely(found.list == NULL))
        return NULL;
    uint64_t bit = 1ull << class;
    heap->bin_zero &= ~bit; /* at no moment may dirty blocks pass for zero: see fork.c */
    process_set_head(&heap->bin[class], found.list->next);
    if (found.zero)
        heap->bin_zero |= bit;
    heap->counters.refills++;
    *zero = found.zero;
    return found.list;
}

/* By far the most frequent stage first, with nothing around it: a program that takes and frees
 * blocks of one class in turn comes here again and again. Slot 0 has no free blocks. */
struct block *heap_refill(struct heap *heap, unsigned class, bool *zero) {
    struct slot *slot = &arena.slots[heap->pool[class].current];
    if (slot->free == NULL)
        return refill_slow(heap, class, zero);
    struct block *list = slot_detach(slot);
    heap->bin_zero &= ~(1ull << class);
    process_set_head(&heap->bin[class], list->next); /* they left the slot's list before */
    heap->counters.refills++;
    *zero = false;
    return list;
}

void heap_housekeep(struct heap *heap) {
    heap->ticks = 0;
    remote_flush(heap);
    magazine_sweep(heap);
    pool_drain(heap);
    park_sweep();
    cpu_sweep();
    purge_tick();
}

void heap_give_back(struct heap *heap) {
    heap_housekeep(heap);
    for (unsigned class = MAGAZINE_FROM; class < CLASS_COUNT; class ++)
        magazine_empty(heap, class);
    pool_release_empty(heap);
}
