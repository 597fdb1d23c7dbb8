#include "table.h"

#include "../exit_codes.h"
#include "../own_memory.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    PRIVATE_MAX = 4096
}; /* released entries that a lane keeps for itself when there are others */

#define NO_ENTRY UINT32_MAX

struct table_entry {
    uint64_t released; /* number of the event that emptied it */
    uint32_t next;     /* in the list or queue it is in */
    uint32_t owner;    /* lane + 1 while it holds an object, else 0 */
};

struct entry_list {
    uint32_t first, length;
};

void table_init(struct table *table, uint64_t objects, unsigned lanes) {
    *table = (struct table){0};
    table->all = own_memory_lazy(objects * sizeof *table->all);
    table->private = own_memory(lanes * sizeof *table->private);
    table->queue_head = table->queue_tail = NO_ENTRY;
    table->private_max = lanes == 1 ? UINT32_MAX : PRIVATE_MAX;
}

static uint32_t new_entry(struct table *table) {
    if (table->count == NO_ENTRY) {
        fprintf(stderr, "memtest: the trace holds more objects at once than a replay can\n");
        exit(EXIT_USAGE);
    }
    return table->count++;
}

uint32_t table_take(struct table *table, unsigned lane, uint64_t number, uint64_t window) {
    struct entry_list *mine = &table->private[lane];
    uint32_t entry;
    if (mine->length) {
        entry = mine->first;
        mine->first = table->all[entry].next;
        mine->length--;
        return entry;
    }
    entry = table->queue_head;
    if (entry == NO_ENTRY || number - table->all[entry].released <= window)
        return new_entry(table);
    table->queue_head = table->all[entry].next;
    if (table->queue_head == NO_ENTRY)
        table->queue_tail = NO_ENTRY;
    return entry;
}

void table_own(struct table *table, uint32_t entry, unsigned lane) {
    table->all[entry].owner = lane + 1;
}

static void enqueue(struct table *table, uint32_t entry) {
    table->all[entry].next = NO_ENTRY;
    if (table->queue_tail == NO_ENTRY)
        table->queue_head = entry;
    else
        table->all[table->queue_tail].next = entry;
    table->queue_tail = entry;
}

void table_give(struct table *table, uint32_t entry, unsigned lane, uint64_t number) {
    struct entry_list *mine = &table->private[lane];
    table->all[entry].owner = 0;
    table->all[entry].released = number;
    if (mine->length >= table->private_max) {
        enqueue(table, entry);
        return;
    }
    table->all[entry].next = mine->first;
    mine->first = entry;
    mine->length++;
}

bool table_owner(const struct table *table, uint32_t entry, unsigned *lane) {
    *lane = table->all[entry].owner - 1;
    return table->all[entry].owner != 0;
}
