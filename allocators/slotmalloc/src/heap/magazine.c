#include "heap/magazine.h"

#include "base/text.h"
#include "heap/pool.h"

void magazine_double_free(const struct block *block) {
    die("double free of", block);
}

/* Gives up to `count` blocks of the chain back. Returns the rest of it. */
static struct block *give_back(struct heap *heap, struct block *chain, uint32_t count) {
    while (chain != NULL && count-- > 0) {
        struct block *next = chain->next;
        pool_free(heap, chain);
        chain = next;
    }
    return chain;
}

static void tag(const struct heap *heap, struct block *block, uint32_t depth) {
    ((struct cached_block *)block)->depth_tag = (uintptr_t)heap + depth;
}

/* Keeps the newer half of a magazine that has one block too many. A tag may be wrong, when a refill
 * brought a block that was a cached one before; then some of the refill's blocks go back too. */
static void halve(struct heap *heap, unsigned class) {
    uint32_t full = classes[class].magazine, keep = full / 2;
    struct block *last = heap->bin[class];
    tag(heap, last, keep);
    for (uint32_t depth = keep - 1; depth > 0 && last->next != NULL; depth--) {
        last = last->next;
        tag(heap, last, depth);
    }
    struct block *older = last->next;
    last->next = NULL; /* before they are on their slots' lists: see fork.c */
    process_step();
    last->next = give_back(heap, older, full + 1 - keep);
}

void magazine_push_slow(struct heap *heap, struct block *block) {
    unsigned class = ident_class(ident_read(slot_number(block)));
    struct block *head = heap->bin[class];
    uint64_t below = head ? ((struct cached_block *)head)->depth_tag - (uintptr_t)heap : UINT64_MAX;
    bool full = below <= UINT8_MAX;
    heap->bin_zero &= ~(1ull << class);
    block->next = head;
    tag(heap, block, 1);
    process_set_head(&heap->bin[class], block);
    if (full)
        halve(heap, class);
}

void magazine_empty(struct heap *heap, unsigned class) {
    struct block *chain = heap->bin[class];
    heap->bin[class] = NULL;
    heap->bin_zero &= ~(1ull << class);
    process_step();
    (void)give_back(heap, chain, UINT32_MAX);
}

void magazine_sweep(struct heap *heap) {
    for (unsigned class = MAGAZINE_FROM; class < CLASS_COUNT; class ++) {
        struct block **seen = &heap->bin_seen[class - MAGAZINE_FROM];
        bool idle = heap->bin[class] == *seen && *seen != NULL;
        if (idle && !((heap->bin_zero >> class) & 1))
            magazine_empty(heap, class);
        *seen = heap->bin[class];
    }
}
