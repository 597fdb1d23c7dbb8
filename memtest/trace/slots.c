#include "slots.h"

#include "../own_memory.h"

#include <stdio.h>
#include <stdlib.h>

enum { PRIVATE_MAX = 4096 }; /* released slots that a lane keeps for itself when there are others */

#define NO_SLOT UINT32_MAX

struct slot {
    uint64_t released; /* number of the event that emptied it */
    uint32_t next;     /* in the list or queue it is in */
    uint32_t owner;    /* lane + 1 while it holds an object, else 0 */
};

struct slot_list {
    uint32_t first, length;
};

void slots_init(struct slots *slots, uint64_t objects, unsigned lanes) {
    *slots = (struct slots){0};
    slots->all = own_memory_lazy(objects * sizeof *slots->all);
    slots->private = own_memory(lanes * sizeof *slots->private);
    slots->queue_head = slots->queue_tail = NO_SLOT;
    slots->private_max = lanes == 1 ? UINT32_MAX : PRIVATE_MAX;
}

static uint32_t new_slot(struct slots *slots) {
    if (slots->count == NO_SLOT) {
        fprintf(stderr, "memtest: the trace holds more objects at once than a replay can\n");
        exit(2);
    }
    return slots->count++;
}

uint32_t slots_take(struct slots *slots, unsigned lane, uint64_t number, uint64_t window) {
    struct slot_list *mine = &slots->private[lane];
    uint32_t slot;
    if (mine->length) {
        slot = mine->first;
        mine->first = slots->all[slot].next;
        mine->length--;
        return slot;
    }
    slot = slots->queue_head;
    if (slot == NO_SLOT || number - slots->all[slot].released <= window)
        return new_slot(slots);
    slots->queue_head = slots->all[slot].next;
    if (slots->queue_head == NO_SLOT)
        slots->queue_tail = NO_SLOT;
    return slot;
}

void slots_own(struct slots *slots, uint32_t slot, unsigned lane) {
    slots->all[slot].owner = lane + 1;
}

static void enqueue(struct slots *slots, uint32_t slot) {
    slots->all[slot].next = NO_SLOT;
    if (slots->queue_tail == NO_SLOT)
        slots->queue_head = slot;
    else
        slots->all[slots->queue_tail].next = slot;
    slots->queue_tail = slot;
}

void slots_give(struct slots *slots, uint32_t slot, unsigned lane, uint64_t number) {
    struct slot_list *mine = &slots->private[lane];
    slots->all[slot].owner = 0;
    slots->all[slot].released = number;
    if (mine->length >= slots->private_max) {
        enqueue(slots, slot);
        return;
    }
    slots->all[slot].next = mine->first;
    mine->first = slot;
    mine->length++;
}

bool slots_owner(const struct slots *slots, uint32_t slot, unsigned *lane) {
    *lane = slots->all[slot].owner - 1;
    return slots->all[slot].owner != 0;
}
