/* Which unused memory goes back to the kernel, and when. Policy only: supply.c carries it out. All
 * under the supply lock.
 *
 * Two rules. Idle: what was not used for purge_delay goes back, looked at by a tick on the slow
 * paths. Burst: when twice as much lies unused as is in use, whole superslabs of it go back at
 * once, because a program that falls idle calls nothing any more. A program that takes again what
 * went back (refaults) keeps it from then on, up to its recent peak: it pays for that once. */
#ifndef SLOTMALLOC_PURGE_H
#define SLOTMALLOC_PURGE_H

#include "base/tuning.h"
#include "base/types.h"

/* What a purge goes by. */
struct purge_rule {
    uint64_t keep;     /* slots that may stay warm */
    uint32_t before_s; /* only superslabs untouched since then */
    uint32_t
        slots_min; /* fewest adjacent slots worth a call; more than a superslab has: only wholly
                          unused superslabs count */
    bool burst;    /* for purge_after_give_done */
};

/* True when slots that were given back call for a purge, by `*rule`; then purge_after_give_done is
 * called at its end. */
bool purge_after_give(struct purge_rule *rule);
void purge_after_give_done(const struct purge_rule *rule);

/* True when a second has passed and memory has been idle for too long, by `*rule`. */
bool purge_when_idle(uint32_t now_s, struct purge_rule *rule);

/* All unused memory but `keep` slots. */
struct purge_rule purge_rule_all(uint64_t keep);

/* True when `count` more slots may be made warm under the hard limit. */
bool purge_has_room(uint64_t count);

/* Adjacent slots to be purged by one call, possibly over several superslabs. */
struct range {
    uint32_t slot, count;
};

/* A walk over the memory that a rule wants back, a batch of ranges at a time. */
struct purge_walk {
    const struct purge_rule *rule;
    enum zone zone;
    uint32_t from;  /* superslabs of the zone from here on are done */
    unsigned count; /* of ranges */
    struct range ranges[PURGE_BATCH_RANGES];
};

struct purge_walk purge_walk_start(const struct purge_rule *rule);

/* Claims the next batch. False when it is the last one. */
bool purge_claim(struct purge_walk *walk);

#endif
