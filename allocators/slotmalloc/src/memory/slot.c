#include "memory/slot.h"

#include "base/process.h"
#include "base/text.h"

void slot_set_owner(struct heap *heap, uint32_t number, const struct slot *slot) {
    uint64_t ident = (uint64_t)(uintptr_t)heap | slot->class;
    for (uint32_t delta = 0; delta < slot->span; delta++) /* relaxed: see ident_read */
        atomic_store_explicit(&arena.ident[number + delta], ident | delta << IDENT_DELTA_SHIFT,
                              memory_order_relaxed);
}

void slot_clear_ident(uint32_t number, unsigned span) {
    for (uint32_t delta = 0; delta < span; delta++) /* relaxed: no block is in use */
        atomic_store_explicit(&arena.ident[number + delta], 0, memory_order_relaxed);
}

void slot_format(struct heap *heap, uint32_t number, unsigned class, bool zero) {
    struct slot *slot = &arena.slots[number];
    const struct class_info *info = &classes[class];
    slot_clear_ident(
        number, info->span); /* a forked child must not see the old owner with the new counts */
    process_step();
    *slot = (struct slot){.reciprocal = info->reciprocal,
                          .capacity = info->capacity,
                          .block_size = info->size,
                          .class = (uint8_t) class,
                          .span = info->span,
                          .zero = zero,
                          .countdown = 1,
                          .countdown_start = 1};
    process_step();
    slot_set_owner(heap, number, slot);
}

void slot_overfreed(const struct slot *slot) {
    die("more blocks freed than were allocated: double free in the slot at",
        slot_address(slot_to_number(slot)));
}

uint32_t slot_wake_count(const struct slot *slot) {
    uint32_t wake = classes[slot->class].wake;
    return wake < slot->used ? wake : slot->used;
}

static struct block *last_of(struct block *chain) {
    while (chain->next != NULL)
        chain = chain->next;
    return chain;
}

void slot_attach(struct slot *slot, struct block *chain, uint32_t count) {
    slot_settle(slot);
    if (unlikely(count > slot->used))
        die("remote count out of bounds: double free in the slot at",
            slot_address(slot_to_number(slot)));
    if (slot->free == NULL) {
        process_set_head(&slot->free, chain);
    } else if (count <= slot->avail) { /* walk the shorter one */
        last_of(chain)->next = slot->free;
        process_set_head(&slot->free, chain);
    } else {
        last_of(slot->free)->next = chain;
    }
    slot->avail += count;
    slot->used -= count;
    slot_arm(slot, slot->used);
}

struct block *slot_extend(struct slot *slot, size_t bytes) {
    size_t size = slot->block_size, start = slot->carved * size;
    size_t end = (start + size + bytes - 1) & ~(bytes - 1); /* to the end of whole pages */
    uint32_t carved = (uint32_t)(end / size);
    if (carved > slot->capacity)
        carved = slot->capacity;
    char *base = slot_address(slot_to_number(slot));
    char *at = base + start, *last = base + (carved - 1) * size;
    struct block *list = (struct block *)at;
    for (; at < last; at += size)
        ((struct block *)at)->next = (struct block *)(at + size);
    ((struct block *)at)->next = NULL;
    slot_settle(slot);
    slot->used += carved - slot->carved;
    slot->carved = carved;
    slot_arm_current(slot);
    return list;
}

bool slot_is_valid(struct slot *slot) {
    uint32_t count = 0;
    slot_settle(slot);
    for (const struct block *block = slot->free; block != NULL && count <= slot->capacity;
         block = block->next)
        count++;
    bool cut_short = process_is_child && count == slot->avail + 1;
    return (count == slot->avail || cut_short) && slot->avail + slot->used == slot->carved &&
           slot->carved <= slot->capacity;
}
