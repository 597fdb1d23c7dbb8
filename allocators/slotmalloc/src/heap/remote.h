/* Remote frees: of blocks in slots that another heap owns.
 *
 * A sender gathers blocks per slot and publishes a chain by one compare-and-swap on the slot's
 * word:
 *
 *   - bits 0-19: first block, as granules from the span's start plus 1; 0 when there is none
 *   - bits 20-39: how many blocks are on the chain
 *   - bit 40, QUEUED: the slot is on its owner's pending stack, or about to be
 *
 * The sender that turns QUEUED on pushes the slot on the owner's pending stack. The owner takes the
 * whole stack and exchanges each word for 0, which takes the chain and turns QUEUED off. It may
 * also take a chain early, leaving QUEUED on. Two rules:
 *
 *   - a slot with QUEUED on is never released: a thread holds a link to it, or will push one
 *   - a thread that finds a slot of another owner on its stack forwards it to the owner, QUEUED
 *     still on
 */
#ifndef SLOTMALLOC_REMOTE_H
#define SLOTMALLOC_REMOTE_H

#include "base/types.h"

#define REMOTE_COUNT_SHIFT 20
#define REMOTE_FIELD_MASK  0xfffffu
#define REMOTE_QUEUED      (1ull << 40)

/* Frees a block of `size` bytes in slot `number` (first of its span), which another heap owns. */
void remote_free(struct heap *heap, struct block *block, uint32_t number, uint32_t size);

/* The same without a heap to gather in: for threads that are about to end. */
void remote_free_now(struct block *block, uint32_t number);

/* Sends all that the heap has gathered. */
void remote_flush(struct heap *heap);

/* After fork: recounts the blocks that the heap has gathered. */
void remote_recount(struct heap *heap);

/* After fork: clears the heap's pending stack, which may be inconsistent. Every slot whose QUEUED
 * is on must then be pushed again. */
void remote_forget_pending(struct heap *heap);

/* Takes the slot's chain, leaving QUEUED as it is. Returns its first block, NULL when there is
 * none. */
struct block *remote_take(uint32_t number, uint32_t *count);

/* Takes the slot's chain and turns QUEUED off; for slots taken from a pending stack. */
struct block *remote_drain(uint32_t number, uint32_t *count);

/* Takes the heap's whole pending stack: its first slot, linked by remote[].pending_next. */
uint32_t remote_take_pending(struct heap *heap);

/* Pushes a slot whose QUEUED is on, on its owner's pending stack. */
void remote_queue(uint32_t number);

/* True when the slot is on some pending stack. "false" stays true only for the owner, and only
 * while no block is in use. */
static inline bool remote_is_queued(uint32_t number) {
    /* acquire: pairs with the release in publish, so that the chain's blocks are seen */
    uint64_t word = atomic_load_explicit(&arena.remote[number].word, memory_order_acquire);
    return (word & REMOTE_QUEUED) != 0;
}

#endif
