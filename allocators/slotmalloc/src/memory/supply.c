#include "memory/supply.h"

#include "base/bits.h"
#include "base/kernel.h"
#include "base/lock.h"
#include "memory/growing.h"
#include "memory/index.h"
#include "memory/purge.h"
#include "memory/region.h"

static struct lock lock;
static bool purging; /* one purge at a time */

void supply_init(void) {
    region_init();
    superslab_now_s = kernel_seconds();
}

/* Purges what was claimed, with the lock dropped for the kernel calls. */
static bool purge_claimed(const struct purge_walk *walk) {
    bool all = true;
    for (unsigned i = 0; i < walk->count; i++) {
        const struct range range = walk->ranges[i];
        lock_give(&lock);
        bool purged = kernel_purge(slot_address(range.slot), range.count * SLOT_SIZE) == OK;
        lock_take(&lock);
        superslab_unclaim_range(range.slot, range.slot + range.count, purged);
        all = all && purged;
    }
    return all;
}

/* Returns whether any memory went back. Drops and retakes the lock. */
static bool purge_locked(const struct purge_rule *rule) {
    bool any = false, more = true;
    if (purging)
        return false;
    purging = true;
    for (struct purge_walk walk = purge_walk_start(rule); more;) {
        more = purge_claim(&walk);
        bool works = walk.count > 0 && purge_claimed(&walk);
        any = any || works;
        more = more && works;
    }
    purging = false;
    if (any && growing_is_limited()) /* the process may need the addresses elsewhere */
        (void)superslab_drop_unused(true);
    return any;
}

/* True when `count` more slots may be made warm under the hard limit; purges to make room. */
static bool has_room(uint64_t count) {
    if (likely(purge_has_room(count)))
        return true;
    const struct purge_rule all = purge_rule_all(0);
    (void)purge_locked(&all);
    return purge_has_room(count);
}

static void take_from(uint32_t number, uint32_t mask, enum supply_stage stage, struct taken *out) {
    bool was_empty = arena.superslabs[number].used == 0;
    out->from = was_empty && stage != SUPPLY_NEW ? SUPPLY_EMPTY : stage;
    out->slot = number * SLOTS_PER_SUPERSLAB + (uint32_t)__builtin_ctz(mask);
    out->zero = superslab_take(number, mask);
    superslab_totals.superslabs_reused += out->from == SUPPLY_EMPTY;
}

/* Takes from the zone's lowest superslab that has enough adjacent slots. */
static bool take_indexed(enum zone zone, bool warm, unsigned count, unsigned align,
                         struct taken *out) {
    unsigned span = count + align - 1;
    unsigned level = level_for(span < SLOTS_PER_SUPERSLAB ? span : SLOTS_PER_SUPERSLAB);
    uint32_t number = index_find(zone, warm, level);
    if (number == 0)
        return false;
    const struct superslab *superslab = &arena.superslabs[number];
    uint32_t mask = bit_range_lowest(warm ? superslab->warm : ~superslab->used, count, align);
    take_from(number, mask, warm ? SUPPLY_WARM : SUPPLY_PARTLY_USED, out);
    return true;
}

static bool take_empty(enum zone zone, unsigned count, struct taken *out) {
    uint32_t number = index_find_empty(zone);
    if (number == 0)
        return false;
    take_from(number, bit_range(0, count), SUPPLY_EMPTY, out);
    return true;
}

static bool take_new(enum zone zone, unsigned count, struct taken *out) {
    uint32_t number;
    if (superslab_grow(zone, 1, 1, &number) != OK)
        return false;
    take_from(number, bit_range(0, count), SUPPLY_NEW, out);
    return true;
}

static bool take_in_zone(enum supply_stage stage, enum zone zone, unsigned count, unsigned align,
                         struct taken *out) {
    switch (stage) {
    case SUPPLY_WARM:
        return take_indexed(zone, true, count, align, out);
    case SUPPLY_PARTLY_USED:
        return take_indexed(zone, false, count, align, out);
    case SUPPLY_EMPTY:
        return take_empty(zone, count, out);
    default:
        return take_new(zone, count, out);
    }
}

static bool take_in_other_zone(enum zone exhausted, unsigned count, unsigned align,
                               struct taken *out) {
    for (enum zone zone = 0; zone < ZONES; zone++)
        for (enum supply_stage stage = 0; zone != exhausted && stage < SUPPLY_OTHER_ZONE; stage++)
            if (take_in_zone(stage, zone, count, align, out))
                return true;
    return false;
}

static bool take_locked(enum supply_stage stage, enum zone zone, unsigned count, unsigned align,
                        struct taken *out) {
    if (stage != SUPPLY_WARM && !has_room(count))
        return false;
    return stage == SUPPLY_OTHER_ZONE ? take_in_other_zone(zone, count, align, out)
                                      : take_in_zone(stage, zone, count, align, out);
}

enum status supply_take(enum supply_stage stage, enum zone zone, unsigned count, unsigned align,
                        struct taken *out) {
    lock_take(&lock);
    bool taken = take_locked(stage, zone, count, align, out);
    lock_give(&lock);
    return taken ? OK : NO_MEMORY;
}

enum status supply_take_any(enum zone zone, unsigned count, unsigned align, struct taken *out) {
    bool taken = false;
    lock_take(&lock);
    for (enum supply_stage stage = 0; !taken && stage < SUPPLY_STAGES; stage++)
        taken = take_locked(stage, zone, count, align, out);
    lock_give(&lock);
    return taken ? OK : NO_MEMORY;
}

/* Whole superslabs, of any zone, that of large blocks first. */
static bool find_whole(uint32_t count, uint32_t align, uint32_t *number, enum supply_stage *from) {
    for (enum zone zone = ZONES; zone-- > 0;) {
        *number = index_find_hole(zone, count, align);
        *from = *number ? SUPPLY_EMPTY : SUPPLY_NEW;
        if (*number != 0 || superslab_grow(zone, count, align, number) == OK)
            return true;
    }
    return false;
}

/* When a long block fits nowhere under a limit, it may once the unused addresses went back. */
static bool take_range_locked(uint32_t count, uint32_t align, struct taken *out) {
    uint32_t number, whole = (count + SLOTS_PER_SUPERSLAB - 1) / SLOTS_PER_SUPERSLAB;
    if (whole >= arena.limit || !has_room(count))
        return false;
    if (!find_whole(whole, align, &number, &out->from) &&
        !(superslab_drop_unused(false) && find_whole(whole, align, &number, &out->from)))
        return false;
    superslab_totals.superslabs_reused += out->from == SUPPLY_EMPTY ? whole : 0;
    out->slot = number * SLOTS_PER_SUPERSLAB;
    out->zero = superslab_take_range(out->slot, out->slot + count);
    return true;
}

enum status supply_take_superslab_range(uint32_t count, uint32_t align, struct taken *out) {
    lock_take(&lock);
    bool taken = take_range_locked(count, align, out);
    lock_give(&lock);
    return taken ? OK : NO_MEMORY;
}

/* Takes slots [slot, end), the last of which may lie in superslabs that are not known yet. */
static bool extend_locked(enum zone zone, uint32_t slot, uint32_t end) {
    if (!has_room(end - slot))
        return false;
    uint32_t known = slot + superslab_unused_from(slot, end);
    if (known < end) {
        uint32_t first = known / SLOTS_PER_SUPERSLAB;
        uint32_t more = (end - known + SLOTS_PER_SUPERSLAB - 1) / SLOTS_PER_SUPERSLAB;
        if (known % SLOTS_PER_SUPERSLAB != 0 || !superslab_grow_at(zone, first, more))
            return false;
    }
    (void)superslab_take_range(slot, end);
    return true;
}

bool supply_extend(uint32_t slot, uint32_t count, uint32_t more) {
    enum zone zone = region_zone(slot / SLOTS_PER_SUPERSLAB);
    uint32_t end = slot + count;
    if (more > arena.limit * SLOTS_PER_SUPERSLAB - end)
        return false;
    lock_take(&lock);
    bool fits = extend_locked(zone, end, end + more);
    lock_give(&lock);
    return fits;
}

void supply_give(uint32_t slot, uint32_t count) {
    struct purge_rule rule;
    lock_take(&lock);
    superslab_give_range(slot, slot + count);
    if (unlikely(purge_after_give(&rule))) {
        (void)purge_locked(&rule);
        purge_after_give_done(&rule);
    }
    lock_give(&lock);
}

enum status supply_heap(struct heap **out) {
    lock_take(&lock);
    enum status status = arena_heap(out);
    lock_give(&lock);
    return status;
}

void supply_tick(void) {
    struct purge_rule rule;
    uint32_t now = kernel_seconds();
    lock_take(&lock);
    if (purge_when_idle(now, &rule))
        (void)purge_locked(&rule);
    lock_give(&lock);
}

bool supply_purge(size_t keep_bytes) {
    const struct purge_rule rule = purge_rule_all(keep_bytes >> SLOT_SHIFT);
    lock_take(&lock);
    bool any = purge_locked(&rule);
    lock_give(&lock);
    return any;
}

struct superslab_totals supply_totals(void) {
    lock_take(&lock);
    struct superslab_totals totals = superslab_totals;
    lock_give(&lock);
    return totals;
}

bool supply_is_valid(void) {
    bool valid = true;
    lock_take(&lock);
    for (uint32_t n = 0; valid && (n = region_next_known(n)) != 0;)
        valid = superslab_is_valid(n);
    lock_give(&lock);
    return valid;
}

bool supply_is_locked(void) {
    return lock_is_held(&lock) || purging;
}

void supply_reset(void) {
    lock_reset(&lock);
    purging = false;
}
