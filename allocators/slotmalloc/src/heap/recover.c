#include "heap/recover.h"

#include <string.h>

#include "base/process.h"
#include "heap/pool.h"
#include "heap/remote.h"
#include "memory/locate.h"
#include "memory/region.h"
#include "memory/slot.h"

/* Reliable in such a heap are: its bins and its slots' lists of free blocks, since each changes by
 * single stores; `carved`; and the owner of each slot. A block that was between two lists is lost,
 * or the list of one slot. */

/* The heap's slot that a block starts in, or NULL. */
static struct slot *slot_of(const struct heap *heap, const struct block *block) {
    struct located found = locate(block);
    bool own = found.problem == NULL && ident_owner(found.ident) == heap;
    return own ? &arena.slots[found.slot] : NULL;
}

/* Puts a bin's blocks on their slots' lists, one at a time: a fork may interrupt this, too. */
static void empty_bin(struct heap *heap, unsigned class) {
    while (heap->bin[class] != NULL) {
        struct block *block = heap->bin[class];
        struct slot *slot = slot_of(heap, block);
        heap->bin[class] = slot ? block->next : NULL;
        process_step();
        if (slot == NULL)
            return;
        block->next = slot->free;
        process_set_head(&slot->free, block);
    }
}

/* Cuts a slot's list before the first entry that is no block of the slot. Returns its length. */
static uint32_t count_free(const struct heap *heap, struct slot *slot) {
    uint32_t count = 0;
    struct block **link = &slot->free;
    for (; *link != NULL && count < slot->carved; link = &(*link)->next, count++)
        if (slot_of(heap, *link) != slot)
            break;
    if (*link != NULL)
        *link = NULL;
    return count;
}

static void recover_slot(struct heap *heap, struct slot *slot) {
    slot->avail = count_free(heap, slot);
    slot->used = slot->carved - slot->avail;
    slot->countdown = slot->countdown_start = 1;
    pool_enter(heap, slot);
}

static void forget_lists(struct heap *heap) {
    memset(heap->pool, 0, sizeof heap->pool);
    memset(heap->bin_seen, 0, sizeof heap->bin_seen);
    heap->bin_zero = 0;
    heap->surplus = 0;
    heap->empty_slots = 0;
}

void recover_heap(struct heap *heap) {
    for (unsigned class = 0; class < CLASS_COUNT; class ++)
        empty_bin(heap, class);
    remote_recount(heap);
    remote_flush(heap);
    forget_lists(heap);
    for (uint32_t number = 0; (number = region_next_slot(number)) != 0;) {
        uint64_t ident = ident_read(number);
        if (ident_owner(ident) == heap && ident_delta(ident) == 0)
            recover_slot(heap, &arena.slots[number]);
    }
    heap->torn = false;
    pool_drain(heap);
}
