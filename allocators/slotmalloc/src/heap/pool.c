#include "heap/pool.h"

#include "base/options.h"
#include "base/process.h"
#include "base/text.h"
#include "base/tuning.h"
#include "heap/remote.h"
#include "memory/locate.h"
#include "memory/supply.h"

static struct class_pool *pool_of(struct heap *heap, const struct slot *slot) {
    return &heap->pool[slot->class];
}

static void surplus_update(struct heap *heap, unsigned class) {
    uint64_t bit = 1ull << class;
    heap->surplus = heap->pool[class].empty_count > 1 ? heap->surplus | bit : heap->surplus & ~bit;
}

static void release(struct heap *heap, struct slot *slot) {
    uint32_t number = slot_to_number(slot);
    unsigned span = slot->span;
    slot_set_state(slot, SLOT_UNUSED);
    slot_clear_ident(number, span);
    process_step(); /* before other threads may take the slots */
    supply_give(number, span);
    heap->counters.slot_released++;
}

static void keep_empty(struct heap *heap, struct class_pool *pool, struct slot *slot) {
    slot_set_state(slot, SLOT_EMPTY);
    slot_push_front(&pool->empty, slot);
    slot_arm(slot, 0);
    pool->empty_count++;
    heap->empty_slots += slot->span;
    surplus_update(heap, slot->class);
}

/* All blocks are on the free list, and the slot is on no list. */
static void became_empty(struct heap *heap, struct slot *slot) {
    struct class_pool *pool = pool_of(heap, slot);
    uint32_t number = slot_to_number(slot);
    if (pool->fresh == number)
        pool->fresh = 0;
    pool->slots--;
    heap->counters.slot_emptied++;
    bool room = pool->empty_count < EMPTY_PER_CLASS && heap->empty_slots < EMPTY_PER_HEAP;
    if (room || !options.share)
        keep_empty(heap, pool, slot);
    else
        release(heap, slot);
}

static void became_available(struct heap *heap, struct slot *slot) {
    slot_set_state(slot, SLOT_AVAILABLE);
    slot_queue_push(pool_of(heap, slot), slot);
}

/* The settled counts have changed: the state follows. A slot that is QUEUED, so that others hold
 * links to it, must not be released yet and stays available. */
static void slot_update_state(struct heap *heap, struct slot *slot) {
    bool empty = slot->used == 0 && !remote_is_queued(slot_to_number(slot));
    slot_arm(slot, slot->used);
    switch (slot->state) {
    case SLOT_CURRENT:
        break;
    case SLOT_FULL:
        if (empty)
            became_empty(heap, slot);
        else
            became_available(heap, slot);
        break;
    case SLOT_AVAILABLE:
        if (!empty)
            break;
        slot_queue_unlink(pool_of(heap, slot), slot);
        became_empty(heap, slot);
        break;
    default:
        die("double free in the slot at", slot_address(slot_to_number(slot)));
    }
}

/* Debug builds: the slot's counts agree with its lists. */
static void assert_valid(struct slot *slot) {
#ifdef SLOTMALLOC_DEBUG
    if (!slot_is_valid(slot))
        die("invariant broken: counts of the slot at", slot_address(slot_to_number(slot)));
#else
    (void)slot;
#endif
}

void pool_slot_event(struct heap *heap, struct slot *slot) {
    slot_settle(slot);
    assert_valid(slot);
    slot_update_state(heap, slot);
}

void pool_free(struct heap *heap, struct block *block) {
    struct slot *slot = locate_slot(block);
    if (unlikely(slot->free == block))
        die("double free of", block);
    block->next = slot->free;
    process_set_head(&slot->free, block);
    if (--slot->countdown == 0)
        pool_slot_event(heap, slot);
}

static void drain_slot(struct heap *heap, uint32_t number) {
    uint32_t count;
    struct slot *slot = &arena.slots[number];
    struct block *chain = remote_drain(number, &count);
    heap->counters.remote_drained++;
    if (chain != NULL)
        slot_attach(slot, chain, count);
    else
        slot_settle(slot);
    assert_valid(slot);
    if (slot->avail > 0)
        slot_update_state(heap, slot);
}

/* Takes over the chain of the first undrained slot. The link is read first: once QUEUED is off, or
 * the slot is forwarded, another thread may write it. */
static void drain_first(struct heap *heap) {
    uint32_t number = heap->undrained;
    heap->undrained = arena.remote[number].pending_next;
    if (ident_owner(ident_read(number)) == heap) {
        drain_slot(heap, number);
    } else {
        heap->counters.remote_forwarded++;
        remote_queue(number);
    }
}

void pool_drain(struct heap *heap) {
    while (heap->undrained != 0)
        drain_first(heap);
    heap->undrained = remote_take_pending(heap);
    while (heap->undrained != 0)
        drain_first(heap);
}

void pool_drain_for(struct heap *heap, unsigned class) {
    const struct class_pool *pool = &heap->pool[class];
    while (pool->queue_head == 0 && pool->empty == 0) {
        if (heap->undrained == 0)
            heap->undrained = remote_take_pending(heap);
        if (heap->undrained == 0)
            return;
        drain_first(heap);
    }
}

void pool_make_current(struct heap *heap, struct slot *slot) {
    struct class_pool *pool = pool_of(heap, slot);
    slot_set_state(slot, SLOT_CURRENT);
    pool->current = slot_to_number(slot);
    if (pool->fresh == pool->current)
        pool->fresh = 0; /* it may be full when it is next retired */
}

void pool_retire_current(struct class_pool *pool) {
    struct slot *slot = &arena.slots[pool->current];
    if (slot_can_extend(slot))
        pool->fresh = pool->current;
    pool->current = 0;
    slot_set_state(slot, SLOT_FULL);
    slot_settle(slot);
    slot_arm(slot, slot_wake_count(slot));
}

struct slot *pool_pop_available(struct class_pool *pool) {
    if (pool->queue_head == 0)
        return NULL;
    struct slot *slot = &arena.slots[pool->queue_head];
    slot_queue_unlink(pool, slot);
    return slot;
}

struct slot *pool_pop_empty(struct heap *heap, unsigned class) {
    struct class_pool *pool = &heap->pool[class];
    if (pool->empty == 0)
        return NULL;
    struct slot *slot = &arena.slots[pool->empty];
    slot_unlink_front(&pool->empty, slot);
    pool->empty_count--;
    heap->empty_slots -= slot->span;
    surplus_update(heap, class);
    return slot;
}

uint32_t pool_pop_surplus(struct heap *heap, unsigned span) {
    if (!options.share)
        return 0;
    for (uint64_t rest = heap->surplus; rest != 0; rest &= rest - 1) {
        unsigned class = (unsigned)__builtin_ctzll(rest);
        if (classes[class].span == span)
            return slot_to_number(pool_pop_empty(heap, class));
    }
    return 0;
}

void pool_release_empty(struct heap *heap) {
    for (unsigned class = 0; class < CLASS_COUNT; class ++)
        for (struct slot *slot; (slot = pool_pop_empty(heap, class)) != NULL;)
            release(heap, slot);
}

void pool_return_bin(struct heap *heap, unsigned class) {
    struct class_pool *pool = &heap->pool[class];
    if (pool->current == 0)
        return;
    struct slot *slot = &arena.slots[pool->current];
    struct block *chain = heap->bin[class];
    uint32_t count = 0;
    for (const struct block *block = chain; block != NULL; block = block->next)
        count++;
    heap->bin[class] = NULL; /* before the blocks are on the slot's list */
    heap->bin_zero &= ~(1ull << class);
    process_step();
    slot_settle(slot);
    if (count > 0)
        slot_attach(slot, chain, count);
    pool_retire_current(pool);
    if (slot->avail > 0)
        slot_update_state(heap, slot);
}

void pool_enter(struct heap *heap, struct slot *slot) {
    struct class_pool *pool = pool_of(heap, slot);
    uint32_t number = slot_to_number(slot);
    pool->slots++;
    if (slot->used == 0 && !remote_is_queued(number)) {
        pool->slots--;
        release(heap, slot);
        return;
    }
    if (slot_can_extend(slot) && pool->fresh == 0)
        pool->fresh = number;
    if (slot->avail > 0) {
        slot_arm(slot, slot->used);
        became_available(heap, slot);
    } else {
        slot_set_state(slot, SLOT_FULL);
        slot_arm(slot, slot_wake_count(slot));
    }
}
