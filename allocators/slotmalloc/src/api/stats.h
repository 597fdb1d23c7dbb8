/* Statistics: totals, JSON, the dump at exit. */
#ifndef SLOTMALLOC_STATS_H
#define SLOTMALLOC_STATS_H

#include "base/types.h"

/* A racy snapshot while other threads run. Bytes unless said otherwise. */
struct stats_totals {
    uint64_t
        slots_by_state[SLOT_HUGE + 1]; /* slots (first ones of spans, slot runs and huge blocks) */
    uint64_t live;                     /* in blocks in use, or in bins */
    uint64_t used;                     /* in slots in use */
    uint64_t retained;                 /* in unused slots that probably hold memory */
    uint64_t extent;                   /* of the known superslabs */
    uint64_t held_peak;                /* most that was used and retained at once */
    uint64_t free_blocks[CLASS_COUNT]; /* free blocks of slots, carved or not */
};

void stats_totals_get(struct stats_totals *totals);

/* Writes the JSON object; see slotmalloc_stats_json. */
size_t stats_json(char *buffer, size_t size);

/* Writes malloc_info's XML, cut off if it is too long. Returns the bytes written; no 0 byte. */
size_t stats_xml(char *buffer, size_t size);

/* True when the option stats asks for a dump at exit, to a file that may be written. */
bool stats_init(void);

/* Writes the JSON object where the option stats says. */
void stats_dump(void);

#endif
