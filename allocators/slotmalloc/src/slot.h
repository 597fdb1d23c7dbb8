/* Slots as their owner sees them: free list, counts, extension, and the lists they are on.
 *
 * Counting: the fast path only decrements `need`. Blocks freed since it was last set are need_set -
 * need; slot_settle folds them into `avail` and `used`, and slot_arm sets the next event. */
#ifndef SLOTMALLOC_SLOT_H
#define SLOTMALLOC_SLOT_H

#include "classes.h"
#include "types.h"

/* Makes taken slots a span of one class, with no block carved yet. Sets ident for all of them. */
void slot_format(struct heap *heap, uint32_t number, unsigned class, bool zero);

/* Sets ident of a span's slots to its owner and class; also used when the owner changes. */
void slot_set_owner(struct heap *heap, uint32_t number, const struct slot *slot);

/* Makes a span's slots unknown to free, before they go back. */
void slot_clear_ident(uint32_t number, unsigned span);

/* Brings `avail` and `used` up to date. */
void slot_settle(struct slot *slot);

/* After slot_settle: the event comes after `frees` more frees (0: after one, which is then a double
 * free). */
void slot_arm(struct slot *slot, uint32_t frees);

/* Frees after which a full slot is to become available. */
uint32_t slot_wake_count(const struct slot *slot);

/* Takes all free blocks off the slot; they then count as used. `*count` may be NULL. */
struct block *slot_detach(struct slot *slot);

/* Puts `count` chained blocks, so far counted as used, on the slot's free list. Settles. */
void slot_attach(struct slot *slot, struct block *chain, uint32_t count);

/* Carves about `bytes` (whole pages, at least one block) more of the slot: a list of blocks that
 * count as used. */
struct block *slot_extend(struct slot *slot, size_t bytes);

static inline bool slot_can_extend(const struct slot *slot) {
    return slot->carved < slot->capacity;
}

/* Changes the state; the one place that the option trace watches. */
void slot_set_state(struct slot *slot, enum slot_state state);

/* Invariants; for debug builds and check=full. Owner only. */
bool slot_is_valid(struct slot *slot);

/* Doubly linked lists by slot number. */
void slot_push_front(uint32_t *head, struct slot *slot);
void slot_unlink_front(uint32_t *head, struct slot *slot);
void slot_queue_push(struct class_pool *pool, struct slot *slot);
void slot_queue_unlink(struct class_pool *pool, struct slot *slot);

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

static inline uint64_t ident_read(uint32_t number) {
    /* relaxed: whoever holds a block of the slot got it after the ident was set, by the program's
     * own synchronisation; an owner that changes under us is handled by forwarding */
    return atomic_load_explicit(&arena.ident[number], memory_order_relaxed);
}

#endif
