/* Workers in a circle pass blocks to their right neighbour: remote frees whose order is determined
 * by the seed. Every worker must take part equally often. */
#pragma once
#include "ring.h"
#include "worker.h"

struct exchange {
    struct ring *inbox; /* of each worker, filled by its left neighbour */
    unsigned threads;
    size_t batch; /* most blocks passed at once */
};

/* Maps the tables; for setup(). */
static inline struct exchange exchange_new(unsigned threads, size_t batch) {
    struct exchange x = {.threads = threads, .batch = batch};
    size_t capacity = 1;
    while (capacity < 2 * (batch + 1)) /* two batches with their headers: no deadlock */
        capacity *= 2;
    x.inbox = own_memory(x.threads * sizeof *x.inbox);
    for (unsigned i = 0; i < x.threads; i++)
        ring_init(&x.inbox[i], capacity);
    return x;
}

/* Passes `count` <= batch blocks to the right neighbour, then receives what the left one passes in
 * this turn into `in`, which has room for a batch. Returns how many came. A single worker receives
 * its own blocks. */
static inline size_t exchange_blocks(struct exchange *x, struct worker *w, const struct block *out,
                                     size_t count, struct block *in) {
    struct ring *right = &x->inbox[(w->index + 1) % x->threads], *own = &x->inbox[w->index];
    ring_push(right, (struct block){NULL, count}); /* the header of a batch */
    for (size_t i = 0; i < count; i++)
        ring_push(right, out[i]);
    size_t coming = ring_pop(own).tag;
    for (size_t i = 0; i < coming; i++)
        in[i] = ring_pop(own);
    return coming;
}
