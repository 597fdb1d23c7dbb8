/* Which entry of a replay's table holds which object. Entries are used again, so that the table
 * stays about as small as the greatest number of objects alive at once. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_entry;
struct entry_list;

struct table {
    struct table_entry *all; /* as many as there are objects, mapped but not touched before use */
    uint32_t count;          /* of entries in use so far */
    struct entry_list *private; /* by lane: its own released entries, the last one first */
    uint32_t private_max;
    uint32_t queue_head, queue_tail; /* released entries for any lane, the oldest first */
};

/* Prepares for `objects` objects and `lanes` lanes. */
void table_init(struct table *table, uint64_t objects, unsigned lanes);

/* A free entry for event `number` of `lane`: one that the lane itself released, or one that any
 * lane released more than `window` events ago and which is therefore certainly free, or a new one.
 */
uint32_t table_take(struct table *table, unsigned lane, uint64_t number, uint64_t window);

/* Says that `lane` made the object that is now in the entry. */
void table_own(struct table *table, uint32_t entry, unsigned lane);

/* Event `number` of `lane` has emptied the entry. */
void table_give(struct table *table, uint32_t entry, unsigned lane, uint64_t number);

/* True when the entry holds an object; then *lane is the one that made it. */
bool table_owner(const struct table *table, uint32_t entry, unsigned *lane);
