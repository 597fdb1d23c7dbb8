#include "memory/purge.h"

#include "base/bits.h"
#include "base/kernel.h"
#include "base/options.h"
#include "memory/growing.h"
#include "memory/index.h"
#include "memory/region.h"
#include "memory/superslab.h"

#define FLOOR_SLOTS    (((uint64_t)32 << 20) >> SLOT_SHIFT) /* so much may always lie unused */
#define LEAVE_SLOTS    (FLOOR_SLOTS / 4) /* and so much is left by a burst's purge */
#define USED_SHARE     2 /* twice what is in use: then two thirds are free, and lie in few pieces */
#define RUN_MIN        4 /* adjacent slots worth a call when they are idle: 256 KiB */
#define PIECES         4 /* a small burst takes no smaller part of it than that */
#define BURST_PIECES   1024 /* nor does a large one than that, */
#define BURST_RUN_MIN  8    /* or than 512 KiB */
#define RANGES         128  /* per batch */
#define GAP_SUPERSLABS 64   /* cold ones that a call may go over */
#define FORGET_S       10   /* seconds without refaults after which they no longer count */
#define REFAULT_SHARE  4    /* a program that refaults may exceed its recent peak by a quarter */
#define ALL_SLOTS      0xffffffffu
#define NO_LIMIT       (UINT64_MAX / 2)

/* Adjacent slots being purged, possibly over several superslabs. */
struct range {
    uint32_t slot, count;
};

uint32_t purge_now_s;

static uint64_t recent_peak; /* most slots in use since demand was last forgotten */
static bool refaults;        /* lately, purged slots were taken again */
static uint32_t refault_s;   /* when that was last seen */
static uint64_t untouched;   /* unused slots that hold little memory, or lie in small pieces */
static bool purging;         /* one purge at a time; under the superslab lock */

static uint64_t slots_of(uint64_t bytes) {
    return bytes == OPTION_NEVER ? NO_LIMIT : bytes >> SLOT_SHIFT;
}

static uint64_t max(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

/* Unused warm slots that are not too many. */
static uint64_t keep_limit(void) {
    uint64_t used = superslab_totals.used, most = slots_of(options.retain);
    uint64_t keep = max(FLOOR_SLOTS, used * USED_SHARE) + untouched;
    if (used > recent_peak)
        recent_peak = used;
    if (refaults)
        keep = max(keep, recent_peak - used + max(FLOOR_SLOTS, recent_peak / REFAULT_SHARE));
    if (options.purge_delay == 0)
        keep = 0;
    if (options.purge_delay == OPTION_NEVER)
        keep = NO_LIMIT;
    return keep < most ? keep : most;
}

/* Which unused slots of a superslab are worth purging: all of an empty one, else its runs with
 * enough warm ones. What is cold lies between them for nothing and saves a call. */
static uint32_t worth_purging(const struct superslab *superslab, unsigned run_min) {
    if (superslab->used == 0)
        return ALL_SLOTS;
    if (superslab->huge_page && run_min > 1)
        return 0; /* splitting a huge page costs more than its parts are worth */
    uint32_t worth = 0, mask = ~superslab->used;
    while (mask != 0) {
        unsigned at = (unsigned)__builtin_ctz(mask);
        uint32_t rest = ~(mask >> at);
        unsigned length = rest ? (unsigned)__builtin_ctz(rest) : SLOTS_PER_SUPERSLAB - at;
        uint32_t run = run_mask(at, length);
        if (bit_count(run & superslab->warm) >= run_min)
            worth |= run;
        mask &= ~run;
    }
    return worth;
}

/* Adds a run that lies below all earlier ones; false when the batch is full. */
static bool range_add(struct range *ranges, unsigned *count, uint32_t slot, unsigned length) {
    if (*count > 0 && ranges[*count - 1].slot == slot + length) {
        ranges[*count - 1].slot = slot;
        ranges[*count - 1].count += length;
        return true;
    }
    if (*count == RANGES)
        return false;
    ranges[(*count)++] = (struct range){slot, length};
    return true;
}

/* Claims the runs of one superslab from the top down. */
static bool claim_superslab(uint32_t number, uint32_t mask, struct range *ranges, unsigned *count) {
    while (mask != 0) {
        unsigned top = 31 - (unsigned)__builtin_clz(mask);
        uint32_t below = ~(mask << (31 - top));
        unsigned length = below ? (unsigned)__builtin_clz(below) : SLOTS_PER_SUPERSLAB;
        unsigned at = top + 1 - length;
        if (!range_add(ranges, count, number * SLOTS_PER_SUPERSLAB + at, length))
            return false;
        superslab_claim_locked(number, run_mask(at, length));
        mask &= ~run_mask(at, length);
    }
    return true;
}

/* What a purge goes by. */
struct rule {
    uint64_t keep;     /* slots that may stay warm */
    uint32_t before_s; /* only superslabs untouched since then */
    uint32_t
        run_min; /* shortest run worth a call, in slots; if above a superslab's, only those count */
};

/* Wholly unused superslabs from `number` down, counted up to `most`. */
static uint32_t empty_stretch(uint32_t number, uint32_t most) {
    uint32_t count = 0;
    while (count < most && index_is_empty(number - count))
        count++;
    return count;
}

/* Claims what the rule wants of a superslab; false when the batch is full. */
static bool claim_by_rule(const struct rule *rule, uint32_t number, struct range *ranges,
                          unsigned *count) {
    const struct superslab *superslab = &arena.superslabs[number];
    if (superslab->touched_s > rule->before_s)
        return true;
    return claim_superslab(number, worth_purging(superslab, rule->run_min), ranges, count);
}

/* Takes along the cold empty superslabs between an empty one and the lowest range so far: one call
 * instead of two. */
static void claim_gap(uint32_t number, struct range *ranges, unsigned count) {
    uint32_t end = count > 0 ? ranges[count - 1].slot / SLOTS_PER_SUPERSLAB : 0;
    if (end <= number || ranges[count - 1].slot % SLOTS_PER_SUPERSLAB != 0 ||
        end - number > GAP_SUPERSLABS || empty_stretch(end - 1, end - number) < end - number)
        return;
    while (--end > number)
        (void)claim_superslab(end, ALL_SLOTS, ranges, &count);
}

/* Claims from the zone's highest superslab down: the lowest are taken first. Continues below
 * `*from`; false when the batch is full before the zone is done. */
static bool claim_zone(const struct rule *rule, enum zone zone, uint32_t *from,
                       struct range *ranges, unsigned *count) {
    uint32_t stretch = 0; /* superslabs to come that are part of a long enough run */
    while (superslab_totals.warm > rule->keep) {
        uint32_t number = index_warm_below(zone, *from);
        if (number == 0)
            break;
        if (rule->run_min > SLOTS_PER_SUPERSLAB && (stretch == 0 || number + 1 != *from)) {
            stretch = empty_stretch(number, UINT32_MAX);
            if (stretch * SLOTS_PER_SUPERSLAB < rule->run_min) {
                *from = number + 1 - (stretch ? stretch : 1);
                stretch = 0;
                continue;
            }
        }
        claim_gap(number, ranges, *count);
        if (!claim_by_rule(rule, number, ranges, count))
            return false;
        stretch -= stretch > 0;
        *from = number;
    }
    return true;
}

static void unclaim(struct range range, bool purged) {
    while (range.count > 0) {
        uint32_t at = range.slot % SLOTS_PER_SUPERSLAB;
        uint32_t length =
            SLOTS_PER_SUPERSLAB - at < range.count ? SLOTS_PER_SUPERSLAB - at : range.count;
        superslab_unclaim_locked(range.slot / SLOTS_PER_SUPERSLAB, run_mask(at, length), purged);
        range.slot += length;
        range.count -= length;
    }
}

/* Purges what was claimed, with the lock dropped for the kernel calls. */
static bool purge_batch(const struct range *ranges, unsigned count) {
    bool all = true;
    for (unsigned i = 0; i < count; i++) {
        lock_give(&superslab_lock);
        bool purged = kernel_purge(slot_address(ranges[i].slot), ranges[i].count * SLOT_SIZE) == OK;
        lock_take(&superslab_lock);
        unclaim(ranges[i], purged);
        all = all && purged;
    }
    return all;
}

/* Purges by a rule, large blocks first. Returns whether any went back. */
static bool purge_locked(const struct rule *rule) {
    struct range ranges[RANGES];
    unsigned count = 0;
    bool any = false, works = true;
    if (purging)
        return false;
    purging = true;
    for (enum zone zone = ZONES; works && zone-- > 0;) {
        uint32_t from = region_end() * REGION_SUPERSLABS;
        while (works && !claim_zone(rule, zone, &from, ranges, &count)) {
            works = purge_batch(ranges, count);
            any = any || works;
            count = 0;
        }
    }
    if (count > 0)
        any = purge_batch(ranges, count) || any;
    purging = false;
    if (any && growing_is_limited()) /* the process may need the addresses elsewhere */
        (void)superslab_drop_unused_locked(true);
    return any;
}

bool purge_is_running(void) {
    return purging;
}

void purge_forget(void) {
    purging = false;
}

static void purge_runs(uint64_t keep, uint64_t run_min) {
    struct rule rule = {keep, UINT32_MAX, (uint32_t)run_min};
    (void)purge_locked(&rule);
}

/* Of a repeating program, and of little, only whole superslabs in few pieces; else also what lies
 * between blocks. */
static void purge_burst(uint64_t keep) {
    bool all = !refaults &&
               superslab_totals.warm > max(2 * FLOOR_SLOTS, superslab_totals.used * USED_SHARE);
    uint64_t few = max(superslab_totals.warm / PIECES, SLOTS_PER_SUPERSLAB);
    uint64_t many = max(superslab_totals.warm / BURST_PIECES, BURST_RUN_MIN);
    purge_runs(refaults ? keep - keep / 8 : LEAVE_SLOTS, all ? many : few);
    untouched = superslab_totals.warm; /* what is left lies in small pieces */
}

void purge_after_give_locked(void) {
    uint64_t keep = keep_limit(), most = slots_of(options.retain);
    if (likely(superslab_totals.warm <= keep))
        return;
    if (options.purge_delay == 0)
        purge_runs(0, 1);
    else if (superslab_totals.warm > most)
        purge_runs(most / 2, 1);
    else
        purge_burst(keep);
}

bool purge_room_locked(uint64_t count) {
    uint64_t limit = slots_of(options.limit);
    if (likely(superslab_totals.used + superslab_totals.warm + count <= limit))
        return true;
    struct rule rule = {0, UINT32_MAX, 1};
    (void)purge_locked(&rule);
    return superslab_totals.used + superslab_totals.warm + count <= limit;
}

void purge_note_refault_locked(void) {
    refaults = true;
    refault_s = purge_now_s;
}

/* Forgets demand that did not come back. */
static void forget(void) {
    if (purge_now_s - refault_s < FORGET_S)
        return;
    refaults = false;
    recent_peak = superslab_totals.used;
    refault_s = purge_now_s;
}

void purge_tick(void) {
    uint32_t now = kernel_seconds();
    lock_take(&superslab_lock);
    if (now != purge_now_s) {
        purge_now_s = now;
        forget();
        uint32_t delay =
            options.purge_delay == OPTION_NEVER ? now : (uint32_t)(options.purge_delay / 1000);
        struct rule rule = {0, now > delay ? now - delay : 0, RUN_MIN};
        if (options.purge_delay != OPTION_NEVER && superslab_totals.warm > 0)
            (void)purge_locked(&rule);
    }
    lock_give(&superslab_lock);
}

bool purge_all(size_t keep_bytes) {
    lock_take(&superslab_lock);
    struct rule rule = {keep_bytes >> SLOT_SHIFT, UINT32_MAX, 1};
    bool any = purge_locked(&rule);
    lock_give(&superslab_lock);
    return any;
}
