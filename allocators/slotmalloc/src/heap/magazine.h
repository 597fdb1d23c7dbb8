/* Magazines: caches of larger blocks that a heap's thread has freed. * * A slot holds few larger
 * blocks, so that nearly every free would be a slot's event and nearly every malloc a refill. From
 * class MAGAZINE_FROM on, free therefore pushes an own block on the bin that malloc pops, whichever
 * slot it is in; its slot counts it as used. malloc counts nothing. The second word of such a
 * cached block tells how many cached blocks are on the bin up to it; in a block that came with a
 * refill that word is arbitrary. When a class's limit is reached, the older half goes back to its
 * slots. The blocks of a refill, below the cached ones, stay. */
#ifndef SLOTMALLOC_MAGAZINE_H
#define SLOTMALLOC_MAGAZINE_H

#include "base/classes.h"
#include "base/process.h"
#include "base/types.h"
#include "memory/locate.h"
#include "memory/slot.h"

/* A block in a magazine. */
struct cached_block {
    struct block block;
    uint64_t depth_tag; /* address of the heap + cached blocks on the bin up to this one */
};

/* Puts a block of the heap's own on a bin that is empty, whose first block is not a cached one, or
 * that is at its limit. */
void magazine_push_slow(struct heap *heap, struct block *block);

/* Ends the process: the block is the one that was freed last. */
__attribute__((noreturn, cold)) void magazine_double_free(const struct block *block);

/* Gives every block of the class's bin back to its slot. */
void magazine_empty(struct heap *heap, unsigned class);

/* Empties the magazines that were not used since the last call. */
void magazine_sweep(struct heap *heap);

enum magazine_answer {
    MAGAZINE_TOOK,    /* it is freed */
    MAGAZINE_SLOW,    /* nothing has changed; magazine_push_slow is to be called */
    MAGAZINE_FOREIGN, /* the same; it is another kind of block, or none */
};

/* Frees p if it is a block of the heap's own whose class has a magazine. */
static inline enum magazine_answer magazine_free(struct heap *heap, void *p) {
    unsigned class;
    if (unlikely(!locate_own_larger(heap, p, &class)))
        return MAGAZINE_FOREIGN;
    struct block *block = p, *head = heap->bin[class];
    if (unlikely(head == block))
        magazine_double_free(block);
    uint64_t below = head ? ((struct cached_block *)head)->depth_tag - (uintptr_t)heap : UINT64_MAX;
    if (unlikely(below >= classes[class].magazine)) /* or what a refill left there */
        return MAGAZINE_SLOW;
    *(struct cached_block *)block = (struct cached_block){{head}, (uintptr_t)heap + below + 1};
    process_set_head(&heap->bin[class], block);
    return MAGAZINE_TOOK;
}

#endif
