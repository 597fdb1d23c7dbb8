/* Supply: takes slots from the arena and gives them back, under one lock.
 *
 * A slot is 64 KiB, so that the lock is taken once in many mallocs. */
#ifndef SLOTMALLOC_SUPPLY_H
#define SLOTMALLOC_SUPPLY_H

#include "memory/superslab.h"

/* Where unused slots are looked for, cheapest memory first. */
enum supply_stage {
    SUPPLY_WARM,        /* the zone's lowest superslab with warm ones */
    SUPPLY_PARTLY_USED, /* cold ones of the zone's lowest superslab that is in use */
    SUPPLY_EMPTY,       /* the zone's lowest superslab that is wholly unused */
    SUPPLY_NEW,         /* a superslab that the zone did not have */
    SUPPLY_OTHER_ZONE,  /* all of the above in the other zones */
    SUPPLY_STAGES
};

/* Adjacent slots that were taken. */
struct taken {
    uint32_t slot;
    bool zero;              /* all of it reads as zero */
    enum supply_stage from; /* not SUPPLY_OTHER_ZONE; warm slots of a wholly unused superslab count
                             * as SUPPLY_EMPTY */
};

/* Maps what the option prefault asks for. Called once, after arena_init. */
void supply_init(void);

/* Takes `count` (1 to 32) adjacent slots of one superslab by that stage alone; the first slot's
 * number is a multiple of `align` (a power of two up to 32). */
enum status supply_take(enum supply_stage stage, enum zone zone, unsigned count, unsigned align,
                        struct taken *out);

/* The same by all stages, in their order. */
enum status supply_take_any(enum zone zone, unsigned count, unsigned align, struct taken *out);

/* Takes `count` adjacent slots from the start of a superslab on, whose number is a multiple of
 * `align`. */
enum status supply_take_superslab_range(uint32_t count, uint32_t align, struct taken *out);

/* Takes the `more` slots right behind `slot` + `count` when they are unused. */
bool supply_extend(uint32_t slot, uint32_t count, uint32_t more);

/* Gives adjacent slots back; they are warm. May purge. */
void supply_give(uint32_t slot, uint32_t count);

/* Takes memory for one more heap; it reads as zero. */
enum status supply_heap(struct heap **out);

/* Housekeeping; called now and then from slow paths. */
void supply_tick(void);

/* Gives back all unused memory but `keep_bytes`. Returns whether any went back. */
bool supply_purge(size_t keep_bytes);

/* A copy of the totals, taken under the lock. */
struct superslab_totals supply_totals(void);

/* True when all superslabs are valid. */
bool supply_is_valid(void);

/* After fork: whether a thread held the lock or purged; forgets it. */
bool supply_is_locked(void);
void supply_reset(void);

#endif
