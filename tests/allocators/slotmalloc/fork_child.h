/* What a process made by fork does with the blocks that it knows: it allocates in many classes, frees
 * everything, and checks contents and invariants. */
#ifndef ALLOCLAB_TESTS_FORK_CHILD_H
#define ALLOCLAB_TESTS_FORK_CHILD_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include "allocators/slotmalloc/include/slotmalloc.h"
#include "allocators/slotmalloc/src/memory/region.h"
#include "allocators/slotmalloc/src/memory/slot.h"
#include "allocators/slotmalloc/src/memory/superslab.h"
#include "tests/allocators/conformance/support.h"

enum { KNOWN = 512, FRESH = 120, CHECKED = 8192 };

struct known {
    char *block;
    size_t bytes;
};
static struct known known[KNOWN]; /* blocks that no operation has in hand */
static struct known fresh[FRESH];

/* Of large blocks only the beginning is written: page faults take most of a child's time. */
static size_t checked_bytes(size_t bytes) {
    return bytes < CHECKED ? bytes : CHECKED;
}

static void put(struct known *entry, void *block, size_t bytes) {
    require(block != NULL);
    pattern_fill(block, checked_bytes(bytes), (uintptr_t)block);
    entry->bytes = bytes;
    atomic_signal_fence(memory_order_seq_cst); /* a child sees the block last */
    entry->block = block;
}

/* Forgets the block first: from then on the operation has it in hand. */
static void *take(struct known *entry) {
    char *block = entry->block;
    entry->block = NULL;
    atomic_signal_fence(memory_order_seq_cst);
    return block;
}

static void verify(const struct known *table, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (table[i].block != NULL)
            require(pattern_holds(table[i].block, checked_bytes(table[i].bytes),
                                  (uintptr_t)table[i].block));
}

static void free_all(struct known *table, size_t count) {
    verify(table, count);
    for (size_t i = 0; i < count; i++)
        slotmalloc_free(take(&table[i]));
}

/* Blocks of all kinds: most classes, runs, one huge. Every fourth comes from calloc. */
static void fill_fresh(uint64_t seed) {
    for (size_t i = 0; i < FRESH; i++) {
        size_t bytes = i == 0 ? 5 << 20 : i < 4 ? 100000 * i : random_size(&seed, 33000) + 1;
        bool zero = i % 4 == 0;
        char *block = zero ? slotmalloc_calloc(1, bytes) : slotmalloc_malloc(bytes);
        require(block != NULL && (!zero || is_filled_with(block, checked_bytes(bytes), 0)));
        put(&fresh[i], block, bytes);
    }
}

/* Each slot that the bitmaps say is in use belongs to something, and the other way round. */
static void verify_slots(void) {
    uint32_t end = 0;
    for (uint32_t number = 0; (number = region_next_slot(number)) != 0;) {
        uint64_t ident = ident_read(number);
        if (number >= end && ident != 0) {
            bool block = ident > HEAP_ALIGN;
            require(!block || ident_delta(ident) == 0);
            end = number + (block                     ? classes[ident_class(ident)].span
                            : ident == IDENT_SLOT_RUN ? arena.slots[number].span
                                                      : arena.slots[number].capacity);
        }
        bool used =
            arena.superslabs[number / SLOTS_PER_SUPERSLAB].used >> number % SLOTS_PER_SUPERSLAB & 1;
        require(used == (number < end));
    }
}

static uint64_t live_in_child(void) {
    alarm(30);
    fill_fresh(1);
    verify(known, KNOWN);
    free_all(known, KNOWN);
    verify(fresh, FRESH);
    free_all(fresh, FRESH);
    fill_fresh(2);
    free_all(fresh, FRESH);
    require(slotmalloc_check());
    for (int i = 0; i < 2; i++) /* what one sweep sends, the next one adopts */
        (void)slotmalloc_malloc_trim(0);
    fill_fresh(3);
    free_all(fresh, FRESH);
    (void)slotmalloc_malloc_trim(0);
    require(slotmalloc_check());
    verify_slots();
    return superslab_totals.used;
}

#endif
