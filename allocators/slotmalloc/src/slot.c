#include "slot.h"

#include "kernel.h"
#include "text.h"
#include "trace.h"

void slot_set_owner(struct heap *heap, uint32_t number, const struct slot *slot) {
    uint64_t ident = (uint64_t)(uintptr_t)heap | slot->class;
    for (uint32_t delta = 0; delta < slot->span; delta++) /* relaxed: see ident_read */
        atomic_store_explicit(&arena.ident[number + delta], ident | delta << IDENT_DELTA_SHIFT,
                              memory_order_relaxed);
}

void slot_clear_ident(uint32_t number, unsigned span) {
    for (uint32_t delta = 0; delta < span; delta++) /* relaxed: no block is out */
        atomic_store_explicit(&arena.ident[number + delta], 0, memory_order_relaxed);
}

void slot_format(struct heap *heap, uint32_t number, unsigned class, bool zero) {
    struct slot *slot = &arena.slots[number];
    const struct class_info *info = &classes[class];
    *slot = (struct slot){.inverse = info->inverse,
                          .capacity = info->capacity,
                          .block_size = info->size,
                          .class = (uint8_t) class,
                          .span = info->span,
                          .zero = zero,
                          .need = 1,
                          .need_set = 1};
    slot_set_owner(heap, number, slot);
}

void slot_settle(struct slot *slot) {
    uint32_t freed = slot->need_set - slot->need;
    if (unlikely(freed > slot->used))
        die("more blocks freed than were allocated: double free in the slot at",
            slot_address(slot_to_number(slot)));
    slot->avail += freed;
    slot->used -= freed;
    slot->need_set = slot->need;
}

void slot_arm(struct slot *slot, uint32_t frees) {
    slot->need = slot->need_set = frees ? frees : 1;
}

uint32_t slot_wake_count(const struct slot *slot) {
    uint32_t wake = classes[slot->class].wake;
    return wake < slot->used ? wake : slot->used;
}

struct block *slot_detach(struct slot *slot) {
    struct block *list = slot->free;
    slot_settle(slot);
    slot->free = NULL;
    slot->used += slot->avail;
    slot->avail = 0;
    slot_arm(slot, slot->used);
    return list;
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
        slot->free = chain;
    } else if (count <= slot->avail) { /* walk the shorter one */
        last_of(chain)->next = slot->free;
        slot->free = chain;
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
    slot_arm(slot, slot->used);
    return list;
}

void slot_set_state(struct slot *slot, enum slot_state state) {
    trace_slot(slot, state);
    slot->state = (uint8_t)state;
}

bool slot_is_valid(struct slot *slot) {
    uint32_t count = 0;
    slot_settle(slot);
    for (const struct block *block = slot->free; block != NULL && count <= slot->capacity;
         block = block->next)
        count++;
    return count == slot->avail && slot->avail + slot->used == slot->carved &&
           slot->carved <= slot->capacity;
}

void slot_push_front(uint32_t *head, struct slot *slot) {
    slot->prev = 0;
    slot->next = *head;
    if (*head != 0)
        arena.slots[*head].prev = slot_to_number(slot);
    *head = slot_to_number(slot);
}

void slot_unlink_front(uint32_t *head, struct slot *slot) {
    if (slot->prev != 0)
        arena.slots[slot->prev].next = slot->next;
    else
        *head = slot->next;
    if (slot->next != 0)
        arena.slots[slot->next].prev = slot->prev;
    slot->next = slot->prev = 0;
}

void slot_queue_push(struct class_pool *pool, struct slot *slot) {
    uint32_t number = slot_to_number(slot);
    slot->next = 0;
    slot->prev = pool->queue_tail;
    if (pool->queue_tail != 0)
        arena.slots[pool->queue_tail].next = number;
    else
        pool->queue_head = number;
    pool->queue_tail = number;
}

void slot_queue_unlink(struct class_pool *pool, struct slot *slot) {
    if (pool->queue_tail == slot_to_number(slot))
        pool->queue_tail = slot->prev;
    slot_unlink_front(&pool->queue_head, slot);
}
