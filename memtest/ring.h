/* A bounded queue of blocks from one thread to one other (Lamport 1983, with each side's view of
 * the other cached as in FastForward-style rings). The order of blocks is the producer's order,
 * whatever the scheduler does, so that the consumer's operations are determined too. A side that
 * must wait yields the CPU, so that one CPU suffices for both. */
#pragma once
#include "block.h"
#include "own_memory.h"

#include <sched.h>
#include <stdatomic.h>

struct ring {
    size_t mask;
    struct block *blocks;
    /* The producer's line: blocks pushed so far. Its release pairs with the acquire in ring_pop().
     */
    _Alignas(128) _Atomic size_t tail;
    size_t head_seen;
    /* The consumer's line: blocks popped so far. Its release pairs with the acquire in ring_push().
     */
    _Alignas(128) _Atomic size_t head;
    size_t tail_seen;
};

/* `capacity` is a power of two. */
static inline void ring_init(struct ring *ring, size_t capacity) {
    ring->mask = capacity - 1;
    ring->blocks = own_memory(capacity * sizeof *ring->blocks);
}

/* Waits until `counter` differs from `stuck`, and returns it. */
static inline size_t ring_wait(_Atomic size_t *counter, size_t stuck) {
    size_t now;
    for (unsigned spins = 0; (now = atomic_load_explicit(counter, memory_order_acquire)) == stuck;
         spins++)
        if (spins >= 64)
            sched_yield();
    return now;
}

/* Waits while the ring is full. */
static inline void ring_push(struct ring *ring, struct block b) {
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    if (tail - ring->head_seen > ring->mask)
        ring->head_seen = ring_wait(&ring->head, tail - ring->mask - 1);
    ring->blocks[tail & ring->mask] = b;
    atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
}

/* Waits while the ring is empty. */
static inline struct block ring_pop(struct ring *ring) {
    size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    if (head == ring->tail_seen)
        ring->tail_seen = ring_wait(&ring->tail, head);
    struct block b = ring->blocks[head & ring->mask];
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
    return b;
}
