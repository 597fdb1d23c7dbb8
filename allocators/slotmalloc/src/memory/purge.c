#include "memory/purge.h"

#include "base/bits.h"
#include "base/options.h"
#include "base/tuning.h"
#include "memory/index.h"
#include "memory/region.h"
#include "memory/superslab.h"

#define FLOOR_SLOTS (PURGE_FLOOR_BYTES >> SLOT_SHIFT)
#define NO_LIMIT    (UINT64_MAX / 2)

static uint64_t recent_peak; /* most slots in use since demand was last forgotten */
static bool refaults;        /* lately, purged slots were taken again */
static uint32_t refault_s;   /* when that was last seen */
static uint64_t refaulted;   /* superslab_totals.refaulted at that time */
static uint64_t untouched;   /* unused slots that hold little memory, or lie in small pieces */

static uint64_t slots_of(uint64_t bytes) {
    return bytes == OPTION_NEVER ? NO_LIMIT : bytes >> SLOT_SHIFT;
}

static uint64_t max(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

static void note_refaults(void) {
    if (superslab_totals.refaulted == refaulted)
        return;
    refaulted = superslab_totals.refaulted;
    refaults = true;
    refault_s = superslab_now_s;
}

/* Unused warm slots that are not too many. */
static uint64_t keep_limit(void) {
    uint64_t used = superslab_totals.used, most = slots_of(options.retain);
    uint64_t keep = max(FLOOR_SLOTS, used * PURGE_BURST_FACTOR) + untouched;
    if (used > recent_peak)
        recent_peak = used;
    if (refaults)
        keep = max(keep, recent_peak - used + max(FLOOR_SLOTS, recent_peak / PURGE_REFAULT_SHARE));
    if (options.purge_delay == 0)
        keep = 0;
    if (options.purge_delay == OPTION_NEVER)
        keep = NO_LIMIT;
    return keep < most ? keep : most;
}

struct purge_rule purge_rule_all(uint64_t keep) {
    return (struct purge_rule){.keep = keep, .before_s = UINT32_MAX, .slots_min = 1};
}

/* Of a repeating program, and of little memory, only whole superslabs in few pieces; else also what
 * lies between blocks. */
static struct purge_rule burst_rule(uint64_t keep) {
    uint64_t warm = superslab_totals.warm, used = superslab_totals.used;
    bool all = !refaults && warm > max(2 * FLOOR_SLOTS, used * PURGE_BURST_FACTOR);
    uint64_t few = max(warm / PURGE_FEW_PIECES, SLOTS_PER_SUPERSLAB);
    uint64_t many = max(warm / PURGE_MANY_PIECES, PURGE_BURST_SLOTS);
    return (struct purge_rule){.keep = refaults ? keep - keep / PURGE_REFAULT_STEP
                                                : FLOOR_SLOTS / PURGE_LEAVE_SHARE,
                               .before_s = UINT32_MAX,
                               .slots_min = (uint32_t)(all ? many : few),
                               .burst = true};
}

bool purge_after_give(struct purge_rule *rule) {
    note_refaults();
    uint64_t keep = keep_limit(), most = slots_of(options.retain);
    if (likely(superslab_totals.warm <= keep))
        return false;
    if (options.purge_delay == 0)
        *rule = purge_rule_all(0);
    else if (superslab_totals.warm > most)
        *rule = purge_rule_all(most / 2);
    else
        *rule = burst_rule(keep);
    return true;
}

void purge_after_give_done(const struct purge_rule *rule) {
    if (rule->burst)
        untouched = superslab_totals.warm; /* what is left lies in small pieces */
}

/* Forgets demand that did not come back. */
static void forget(void) {
    if (superslab_now_s - refault_s < PURGE_FORGET_S)
        return;
    refaults = false;
    recent_peak = superslab_totals.used;
    refault_s = superslab_now_s;
}

bool purge_when_idle(uint32_t now_s, struct purge_rule *rule) {
    if (now_s == superslab_now_s)
        return false;
    note_refaults();
    superslab_now_s = now_s;
    forget();
    if (options.purge_delay == OPTION_NEVER || superslab_totals.warm == 0)
        return false;
    uint32_t delay = (uint32_t)(options.purge_delay / 1000);
    uint32_t before_s = now_s > delay ? now_s - delay : 0;
    *rule = (struct purge_rule){.before_s = before_s, .slots_min = PURGE_IDLE_SLOTS};
    return true;
}

bool purge_has_room(uint64_t count) {
    return superslab_totals.used + superslab_totals.warm + count <= slots_of(options.limit);
}

/* Which unused slots of a superslab are worth purging: all of an empty one, else the gaps with
 * enough warm slots. What is cold lies between them for nothing and saves a call. */
static uint32_t worth_purging(const struct superslab *superslab, unsigned slots_min) {
    if (superslab->used == 0)
        return ALL_SLOTS;
    if (superslab->huge_page && slots_min > 1)
        return 0; /* splitting a huge page costs more than its parts are worth */
    uint32_t worth = 0, mask = ~superslab->used;
    while (mask != 0) {
        unsigned at = (unsigned)__builtin_ctz(mask);
        uint32_t rest = ~(mask >> at);
        unsigned length = rest ? (unsigned)__builtin_ctz(rest) : SLOTS_PER_SUPERSLAB - at;
        uint32_t gap = bit_range(at, length);
        if (bit_count(gap & superslab->warm) >= slots_min)
            worth |= gap;
        mask &= ~gap;
    }
    return worth;
}

/* Adds slots that lie below all earlier ones; false when the batch is full. */
static bool range_add(struct purge_walk *walk, uint32_t slot, unsigned length) {
    struct range *lowest = walk->count > 0 ? &walk->ranges[walk->count - 1] : NULL;
    if (lowest != NULL && lowest->slot == slot + length) {
        lowest->slot = slot;
        lowest->count += length;
        return true;
    }
    if (walk->count == PURGE_BATCH_RANGES)
        return false;
    walk->ranges[walk->count++] = (struct range){slot, length};
    return true;
}

/* Claims slots of one superslab from the top down. */
static bool claim_superslab(struct purge_walk *walk, uint32_t number, uint32_t mask) {
    while (mask != 0) {
        unsigned top = 31 - (unsigned)__builtin_clz(mask);
        uint32_t below = ~(mask << (31 - top));
        unsigned length = below ? (unsigned)__builtin_clz(below) : SLOTS_PER_SUPERSLAB;
        unsigned at = top + 1 - length;
        if (!range_add(walk, number * SLOTS_PER_SUPERSLAB + at, length))
            return false;
        superslab_claim(number, bit_range(at, length));
        mask &= ~bit_range(at, length);
    }
    return true;
}

/* Wholly unused superslabs from `number` down, counted up to `most`. */
static uint32_t empty_below(uint32_t number, uint32_t most) {
    uint32_t count = 0;
    while (count < most && index_is_empty(number - count))
        count++;
    return count;
}

/* Takes along the cold empty superslabs between an empty one and the lowest range so far: one call
 * instead of two. */
static void claim_gap(struct purge_walk *walk, uint32_t number) {
    if (walk->count == 0)
        return;
    const struct range *lowest = &walk->ranges[walk->count - 1];
    uint32_t end = lowest->slot / SLOTS_PER_SUPERSLAB;
    if (end <= number || lowest->slot % SLOTS_PER_SUPERSLAB != 0 ||
        end - number > PURGE_GAP_SUPERSLABS || empty_below(end - 1, end - number) < end - number)
        return;
    while (--end > number)
        (void)claim_superslab(walk, end, ALL_SLOTS);
}

/* Claims what the rule wants of a superslab; false when the batch is full. */
static bool claim_by_rule(struct purge_walk *walk, uint32_t number) {
    const struct superslab *superslab = &arena.superslabs[number];
    claim_gap(walk, number);
    if (superslab->touched_s > walk->rule->before_s)
        return true;
    return claim_superslab(walk, number, worth_purging(superslab, walk->rule->slots_min));
}

/* Claims from the zone's highest superslab down: the lowest are taken first. False when the batch
 * is full before the zone is done. */
static bool claim_zone(struct purge_walk *walk) {
    const struct purge_rule *rule = walk->rule;
    uint32_t row = 0; /* superslabs to come that are part of enough adjacent empty ones */
    while (superslab_totals.warm > rule->keep) {
        uint32_t number = index_warm_below(walk->zone, walk->from);
        if (number == 0)
            break;
        if (rule->slots_min > SLOTS_PER_SUPERSLAB && (row == 0 || number + 1 != walk->from)) {
            row = empty_below(number, UINT32_MAX);
            if (row * SLOTS_PER_SUPERSLAB < rule->slots_min) {
                walk->from = number + 1 - (row ? row : 1);
                row = 0;
                continue;
            }
        }
        if (!claim_by_rule(walk, number))
            return false;
        row -= row > 0;
        walk->from = number;
    }
    return true;
}

static uint32_t superslab_end(void) {
    return region_end() * REGION_SUPERSLABS;
}

/* The zone of large blocks first. */
struct purge_walk purge_walk_start(const struct purge_rule *rule) {
    return (struct purge_walk){.rule = rule, .zone = ZONES - 1, .from = superslab_end()};
}

bool purge_claim(struct purge_walk *walk) {
    walk->count = 0;
    while (claim_zone(walk)) {
        if (walk->zone == 0)
            return false;
        walk->zone--;
        walk->from = superslab_end();
    }
    return true;
}
