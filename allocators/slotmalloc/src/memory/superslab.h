/* Superslabs: who uses which of the arena's slots, and which of the unused ones hold memory.
 *
 * One lock covers all of it; a slot is 64 KiB, so that it is taken once in many mallocs. Every
 * function here takes the lock itself, but for those named *_locked. */
#ifndef SLOTMALLOC_SUPERSLAB_H
#define SLOTMALLOC_SUPERSLAB_H

#include "base/lock.h"
#include "base/types.h"

/* Where slots came from, in the order in which the stages are tried. */
enum take_stage { TAKE_WARM, TAKE_COLD, TAKE_EMPTY_SUPERSLAB, TAKE_NEW_SUPERSLAB };

/* Adjacent slots that were taken. */
struct taken {
    uint32_t slot;
    bool zero; /* all of it reads as zero */
    enum take_stage stage;
};

/* Totals over the arena, in slots unless said otherwise; under the lock. */
struct superslab_totals {
    uint64_t used; /* taken */
    uint64_t warm; /* unused and warm */
    uint64_t used_peak;
    uint64_t warm_peak;          /* most used and warm at once */
    uint64_t purged;             /* given back to the kernel, ever */
    uint64_t refaulted;          /* taken again after that, ever */
    uint64_t superslabs_new;     /* superslabs that became known */
    uint64_t superslabs_reused;  /* wholly unused superslabs that came into use again */
    uint64_t superslabs_emptied; /* superslabs whose last slot came back */
};

extern struct lock superslab_lock;
extern struct superslab_totals superslab_totals;

/* Takes `count` (1 to 32) adjacent slots of one superslab, of the zone if that has room; the first
 * slot's number is a multiple of `align` (a power of two up to 32). */
enum status superslab_take(enum zone zone, unsigned count, unsigned align, struct taken *out);

/* The same, but only warm slots. */
enum status superslab_take_warm(enum zone zone, unsigned count, unsigned align, struct taken *out);

/* Takes `count` adjacent slots from the start of a superslab on, whose number is a multiple of
 * `align`. */
enum status superslab_take_stretch(uint32_t count, uint32_t align, struct taken *out);

/* Takes memory for one more heap; it reads as zero. */
enum status superslab_heap(struct heap **out);

/* Gives adjacent slots back; they are warm. */
void superslab_give(uint32_t slot, uint32_t count);

/* Takes the `more` slots right behind `slot` + `count` when they are unused. */
bool superslab_extend(uint32_t slot, uint32_t count, uint32_t more);

/* For purge.c, under the lock: marks unused slots as taken while they are purged, and gives them
 * back purged (cold and zero) or as they were. */
void superslab_claim_locked(uint32_t number, uint32_t mask);
void superslab_unclaim_locked(uint32_t number, uint32_t mask, bool purged);

/* True when the bitmaps of one superslab agree with each other and with the index. For
 * slotmalloc_check. */
bool superslab_is_valid(uint32_t number);

/* Unmaps the superslabs that are wholly unused; only those without memory, or all. Returns whether
 * there were any. */
bool superslab_drop_unused_locked(bool cold_only);

#endif
