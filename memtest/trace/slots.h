/* Which slot of a replay's table holds which object: slots are used again so that the table stays
 * as small as the greatest number of objects alive at once, or close to it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slot;
struct slot_list;

struct slots {
    struct slot *all;          /* as many as there are objects, mapped but not touched before use */
    uint32_t count;            /* of slots in use so far */
    struct slot_list *private; /* by lane: its own released slots, the last one first */
    uint32_t private_max;
    uint32_t queue_head, queue_tail; /* released slots for any lane, the oldest first */
};

/* Prepares for `objects` objects and `lanes` lanes. */
void slots_init(struct slots *slots, uint64_t objects, unsigned lanes);

/* A free slot for event `number` of `lane`: one that the lane itself released, or one that any lane
 * released more than `window` events ago and which is therefore certainly free, or a new one. */
uint32_t slots_take(struct slots *slots, unsigned lane, uint64_t number, uint64_t window);

/* Says that `lane` made the object that is now in the slot. */
void slots_own(struct slots *slots, uint32_t slot, unsigned lane);

/* Event `number` of `lane` has emptied the slot. */
void slots_give(struct slots *slots, uint32_t slot, unsigned lane, uint64_t number);

/* True when the slot holds an object; then *lane is the one that made it. */
bool slots_owner(const struct slots *slots, uint32_t slot, unsigned *lane);
