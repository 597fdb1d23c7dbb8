/* Magazines: where a heap's own larger blocks go when they are freed.
 *
 * A slot holds few larger blocks, so that nearly every free would be a slot's event and nearly
 * every malloc a refill. From class MAGAZINE_FROM on, free therefore puts a block of the thread's
 * own on the bin that malloc pops, whichever slot it is of; it counts as used there. malloc counts
 * nothing. A block on the bin tells in its second word how many such blocks are below it; a block
 * that came there with a refill holds anything in that word. When a class's limit is reached, the
 * older half goes back to its slots. What lies deeper came with a refill and stays, so that
 * neither blocks nor work beyond the limit are ever added by a free. */
#ifndef SLOTMALLOC_MAGAZINE_H
#define SLOTMALLOC_MAGAZINE_H

#include "base/classes.h"
#include "base/process.h"
#include "base/types.h"
#include "memory/locate.h"
#include "memory/slot.h"

/* A block on a magazine. */
struct round {
    struct block block;
    uint64_t mark; /* address of the heap + rounds on the bin up to this one */
};

/* Puts a block of the heap's own on a bin that is empty, whose first block is not a round, or that
 * is at its limit. */
void magazine_push_slow(struct heap *heap, struct block *block);

/* Ends the process: the block is the one that was freed last. */
__attribute__((noreturn, cold)) void magazine_double_free(const struct block *block);

/* Gives every block of the class's bin back to its slot. */
void magazine_empty(struct heap *heap, unsigned class);

/* Empties the magazines that were not used since the last call. */
void magazine_sweep(struct heap *heap);

enum magazine_answer {
    MAGAZINE_TOOK,    /* it is freed */
    MAGAZINE_SLOW,    /* nothing has changed; magazine_push_slow is to take it */
    MAGAZINE_FOREIGN, /* the same, but it is something else, or no block starts there */
};

/* Frees p if it is a block of the heap's own whose class has a magazine. */
static inline enum magazine_answer magazine_free(struct heap *heap, void *p) {
    unsigned class = locate_own_larger(heap, p);
    if (unlikely(class == 0))
        return MAGAZINE_FOREIGN;
    struct block *block = p, *head = heap->bin[class];
    if (unlikely(head == block))
        magazine_double_free(block);
    uint64_t below = head ? ((struct round *)head)->mark - (uintptr_t)heap : UINT64_MAX;
    if (unlikely(below >= classes[class].magazine)) /* or what a refill left there */
        return MAGAZINE_SLOW;
    *(struct round *)block = (struct round){{head}, (uintptr_t)heap + below + 1};
    process_set_head(&heap->bin[class], block);
    return MAGAZINE_TOOK;
}

#endif
