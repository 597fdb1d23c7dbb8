#include "heap/refill.h"

#include "base/process.h"
#include "base/tuning.h"
#include "heap/cpu.h"
#include "heap/magazine.h"
#include "heap/park.h"
#include "heap/pool.h"
#include "heap/remote.h"
#include "memory/supply.h"

/* The slot's own free blocks, else those that other threads freed. */
static struct block *take_free(struct slot *slot) {
    if (slot->free == NULL) {
        uint32_t count;
        struct block *chain = remote_take(slot_to_number(slot), &count);
        if (chain == NULL)
            return NULL;
        slot_attach(slot, chain, count);
    }
    return slot_detach(slot);
}

static struct block *carve(const struct class_pool *pool, struct slot *slot, bool *zero) {
    size_t bytes = pool->slots >= CARVE_MORE_FROM ? CARVE_BYTES_MORE : CARVE_BYTES;
    *zero = slot->zero;
    return slot_extend(slot, bytes);
}

/* The stages. Each returns a list of blocks, or NULL; `*zero` becomes true if they read as zero
 * beyond their links, and is left alone where that cannot be. */

/* What the current slot has left; if nothing, it is retired. */
static struct block *from_current(struct class_pool *pool, bool *zero) {
    if (pool->current == 0)
        return NULL;
    struct slot *slot = &arena.slots[pool->current];
    struct block *list = take_free(slot);
    if (list != NULL)
        return list;
    if (slot_can_extend(slot) && pool->fresh != 0) /* `fresh` remembers one slot only */
        return carve(pool, slot, zero);
    pool_retire_current(pool);
    return NULL;
}

static struct block *take_queued(struct heap *heap, struct class_pool *pool) {
    struct slot *slot = pool_pop_available(pool);
    if (slot == NULL)
        return NULL;
    pool_make_current(heap, slot);
    return take_free(slot);
}

/* The available slot that has waited longest. */
static struct block *from_queue(struct heap *heap, struct class_pool *pool) {
    struct block *list = take_queued(heap, pool);
    heap->counters.slot_from_queue += list != NULL;
    return list;
}

/* A slot that remote frees made available. */
static struct block *from_pending(struct heap *heap, unsigned class) {
    pool_drain_for(heap, class);
    struct block *list = take_queued(heap, &heap->pool[class]);
    heap->counters.slot_from_pending += list != NULL;
    return list;
}

/* A slot of the class whose blocks are all free. */
static struct block *from_same_class_empty(struct heap *heap, unsigned class) {
    struct slot *slot = pool_pop_empty(heap, class);
    if (slot == NULL)
        return NULL;
    heap->counters.slot_same_class_empty++;
    heap->pool[class].slots++;
    pool_make_current(heap, slot);
    return take_free(slot);
}

/* The part of a slot that was never carved. */
static struct block *from_fresh(struct heap *heap, struct class_pool *pool, bool *zero) {
    if (pool->fresh == 0)
        return NULL;
    struct slot *slot = &arena.slots[pool->fresh];
    pool_make_current(heap, slot);
    heap->counters.slot_extended++;
    return carve(pool, slot, zero);
}

/* Makes slots that nobody uses a slot of the class. */
static struct block *start_slot(struct heap *heap, unsigned class, uint32_t number, bool zero) {
    struct slot *slot = &arena.slots[number];
    slot_format(heap, number, class, zero);
    heap->pool[class].slots++;
    pool_make_current(heap, slot);
    return carve(&heap->pool[class], slot, &zero);
}

/* The second EMPTY slot of another class. */
static struct block *from_other_class_empty(struct heap *heap, unsigned class) {
    uint32_t number = pool_pop_surplus(heap, classes[class].span);
    if (number == 0)
        return NULL;
    heap->counters.slot_other_class_empty++;
    return start_slot(heap, class, number, false);
}

/* An available slot of a heap whose thread has ended. */
static struct block *from_parked(struct heap *heap, unsigned class) {
    struct slot *slot = park_steal(heap, class);
    if (slot == NULL)
        return NULL;
    pool_make_current(heap, slot);
    return take_free(slot);
}

static enum zone zone_for(const struct heap *heap, unsigned class) {
    bool dense = classes[class].size <= DENSE_MAX_BYTES && heap->pool[class].slots >= DENSE_FROM;
    return dense ? ZONE_DENSE : ZONE_SPARSE;
}

/* Unused slots, by one of the stages of supply.h. */
static struct block *from_supply(struct heap *heap, unsigned class, enum supply_stage stage,
                                 bool *zero) {
    struct taken taken;
    if (supply_take(stage, zone_for(heap, class), classes[class].span, 1, &taken) != OK)
        return NULL;
    struct counters *counters = &heap->counters;
    counters->slot_warm_unused += taken.from == SUPPLY_WARM;
    counters->slot_cold_unused += taken.from == SUPPLY_PARTLY_USED;
    counters->slot_empty_superslab += taken.from == SUPPLY_EMPTY;
    counters->slot_new_superslab += taken.from == SUPPLY_NEW;
    *zero = taken.zero;
    return start_slot(heap, class, taken.slot, taken.zero);
}

/* The refill policy: where blocks are looked for, cheapest memory first. refill_bin does the most
 * frequent stage, the current slot's own free blocks, before all of these. */
static struct block *find_blocks(struct heap *heap, unsigned class, bool *zero) {
    struct class_pool *pool = &heap->pool[class];
    struct block *list = from_current(pool, zero);
    list = list ? list : from_queue(heap, pool);
    list = list ? list : from_pending(heap, class);
    list = list ? list : from_same_class_empty(heap, class);
    list = list ? list : from_fresh(heap, pool, zero);
    list = list ? list : from_other_class_empty(heap, class);
    list = list ? list : from_supply(heap, class, SUPPLY_WARM, zero);
    list = list ? list : from_parked(heap, class);
    list = list ? list : from_supply(heap, class, SUPPLY_PARTLY_USED, zero);
    list = list ? list : from_supply(heap, class, SUPPLY_EMPTY, zero);
    list = list ? list : from_supply(heap, class, SUPPLY_NEW, zero);
    return list ? list : from_supply(heap, class, SUPPLY_OTHER_ZONE, zero);
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

static __attribute__((noinline)) struct block *refill_slow(struct heap *heap, unsigned class,
                                                           bool *zero) {
    heap_tick(heap);
    if (borrows(heap, class))
        return heap_pop(heap, classes[class].coarse, zero);
    *zero = false;
    struct block *list = find_blocks(heap, class, zero);
    if (unlikely(list == NULL))
        return NULL;
    uint64_t bit = 1ull << class;
    heap->bin_zero &= ~bit; /* dirty blocks must never be taken for zero, also after a fork here */
    process_set_head(&heap->bin[class], list->next);
    if (*zero)
        heap->bin_zero |= bit;
    heap->counters.refills++;
    return list;
}

/* By far the most frequent stage first, with nothing around it: a program that allocates and frees
 * blocks of one class in turn needs only this. Slot 0 has no free blocks. */
struct block *refill_bin(struct heap *heap, unsigned class, bool *zero) {
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
    supply_tick();
}

void heap_give_back(struct heap *heap) {
    heap_housekeep(heap);
    for (unsigned class = MAGAZINE_FROM; class < CLASS_COUNT; class ++)
        magazine_empty(heap, class);
    pool_release_empty(heap);
}
