/* The index: finds superslabs by their adjacent unused slots. All under the supply lock. */
#ifndef SLOTMALLOC_INDEX_H
#define SLOTMALLOC_INDEX_H

#include "base/types.h"

/* Enters a superslab after its bitmaps have changed. */
void index_update(uint32_t number);

/* Removes a superslab that is about to be unmapped. */
void index_remove(uint32_t number);
/* After fork, before each superslab is entered again: resets the search hints. */
void index_forget_hints(void);

/* The zone's lowest superslab with at least 2^level adjacent unused slots: warm ones, or any in a
 * partly used superslab. 0 when there is none. */
uint32_t index_find(enum zone zone, bool warm, unsigned level);

/* The zone's lowest wholly unused superslab; 0 when there is none. */
uint32_t index_find_empty(enum zone zone);

/* Best fit among the zone's holes of wholly unused superslabs: `count` of them, the first a
 * multiple of `align`. 0 when no hole is large enough. */
uint32_t index_find_hole(enum zone zone, uint32_t count, uint32_t align);

/* The zone's highest superslab below `from` with warm unused slots; 0 when there is none. */
uint32_t index_warm_below(enum zone zone, uint32_t from);

/* True when the superslab is known and wholly unused. */
static inline bool index_is_empty(uint32_t number) {
    return (arena.index[number / 64].empty >> (number % 64)) & 1;
}

#endif
