/* The owner's view of a slot: free list, counts, carving, and the lists that it is on.
 *
 * Counting: the fast path only decrements `countdown`. Blocks freed since it was last set are
 * countdown_start - countdown; slot_settle folds them into `avail` and `used`, and slot_arm sets
 * the next event. */
#ifndef SLOTMALLOC_SLOT_H
#define SLOTMALLOC_SLOT_H

#include "base/classes.h"
#include "base/types.h"
#include "memory/trace.h"

/* Makes taken slots a span of one class, with no block carved yet. Sets ident for all of them. */
void slot_format(struct heap *heap, uint32_t number, unsigned class, bool zero);

/* Sets ident of a span's slots to its owner and class; also used when the owner changes. */
void slot_set_owner(struct heap *heap, uint32_t number, const struct slot *slot);

/* Clears the idents of a span, before its slots go back. */
void slot_clear_ident(uint32_t number, unsigned span);

/* Ends the process: more blocks of the slot were freed than allocated. */
__attribute__((noreturn, cold)) void slot_overfreed(const struct slot *slot);

/* Updates `avail` and `used`. */
static inline void slot_settle(struct slot *slot) {
    uint32_t freed = slot->countdown_start - slot->countdown;
    if (unlikely(freed > slot->used))
        slot_overfreed(slot);
    slot->avail += freed;
    slot->used -= freed;
    slot->countdown_start = slot->countdown;
}

/* After slot_settle: the event comes after `frees` more frees (0: after one, a double free then).
 */
static inline void slot_arm(struct slot *slot, uint32_t frees) {
    slot->countdown = slot->countdown_start = frees ? frees : 1;
}

/* A CURRENT slot has no event: one free more than it has blocks in use is a double free. */
static inline void slot_arm_current(struct slot *slot) {
    slot_arm(slot, slot->used + 1);
}

/* Frees after which a full slot is to become available. */
uint32_t slot_wake_count(const struct slot *slot);

/* Takes all free blocks off the slot; they then count as used. */
static inline struct block *slot_detach(struct slot *slot) {
    struct block *list = slot->free;
    slot_settle(slot);
    slot->free = NULL;
    slot->used += slot->avail;
    slot->avail = 0;
    slot_arm_current(slot);
    return list;
}

/* Puts `count` chained blocks, so far counted as used, on the slot's free list. Settles. */
void slot_attach(struct slot *slot, struct block *chain, uint32_t count);

/* Carves about `bytes` (whole pages, at least one block) more of the slot: a list of blocks that
 * count as used. */
struct block *slot_extend(struct slot *slot, size_t bytes);

static inline bool slot_can_extend(const struct slot *slot) {
    return slot->carved < slot->capacity;
}

/* Changes the state; the option trace reports it. */
static inline void slot_set_state(struct slot *slot, enum slot_state state) {
    trace_slot(slot, state);
    slot->state = (uint8_t)state;
}

/* Invariants; for debug builds and check=full. Owner only. */
bool slot_is_valid(struct slot *slot);

/* Doubly linked lists by slot number. */
static inline void slot_push_front(uint32_t *head, struct slot *slot) {
    slot->prev = 0;
    slot->next = *head;
    if (*head != 0)
        arena.slots[*head].prev = slot_to_number(slot);
    *head = slot_to_number(slot);
}

static inline void slot_unlink_front(uint32_t *head, struct slot *slot) {
    if (slot->prev != 0)
        arena.slots[slot->prev].next = slot->next;
    else
        *head = slot->next;
    if (slot->next != 0)
        arena.slots[slot->next].prev = slot->prev;
}

static inline void slot_queue_push(struct class_pool *pool, struct slot *slot) {
    uint32_t number = slot_to_number(slot);
    slot->next = 0;
    slot->prev = pool->queue_tail;
    if (pool->queue_tail != 0)
        arena.slots[pool->queue_tail].next = number;
    else
        pool->queue_head = number;
    pool->queue_tail = number;
}

static inline void slot_queue_unlink(struct class_pool *pool, struct slot *slot) {
    if (pool->queue_tail == slot_to_number(slot))
        pool->queue_tail = slot->prev;
    slot_unlink_front(&pool->queue_head, slot);
}

/* Ident fields. */
static inline struct heap *ident_owner(uint64_t ident) {
    return (struct heap *)(uintptr_t)(ident & IDENT_OWNER_MASK);
}

static inline unsigned ident_class(uint64_t ident) {
    return (unsigned)(ident & IDENT_CLASS_MASK);
}

static inline uint32_t ident_delta(uint64_t ident) {
    return (uint32_t)(ident >> IDENT_DELTA_SHIFT) & IDENT_DELTA_MASK;
}

static inline uint64_t ident_read(uintptr_t number) {
    /* relaxed: the holder of a block sees the ident, by the program's own synchronisation; a change
     * of owner meanwhile is handled by forwarding */
    return atomic_load_explicit(&arena.ident[number], memory_order_relaxed);
}

#endif
