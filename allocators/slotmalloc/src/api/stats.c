#include "api/stats.h"

#include <string.h>

#include "base/classes.h"
#include "base/file.h"
#include "base/kernel.h"
#include "base/options.h"
#include "base/text.h"
#include "heap/park.h"
#include "memory/region.h"
#include "memory/supply.h"

#define DUMP_BYTES 16384

/* Owners change their counts without synchronisation while these functions read them: a racy
 * snapshot, clamped at 0. */
#define SNAPSHOT __attribute__((no_sanitize("thread"), noinline))

/* Bytes in use of one slot, slot run or huge block. */
SNAPSHOT static uint64_t live_bytes(const struct slot *slot) {
    if (slot->state == SLOT_RUN || slot->state == SLOT_HUGE)
        return slot->bytes;
    uint32_t freed = slot->countdown_start - slot->countdown, used = slot->used;
    return freed < used ? (uint64_t)(used - freed) * slot->block_size : 0;
}

/* Free blocks of a slot of a size class. */
SNAPSHOT static uint64_t free_blocks(const struct slot *slot, uint64_t live) {
    uint64_t in_use = live / classes[slot->class].size;
    return in_use < slot->capacity ? slot->capacity - in_use : 0;
}

SNAPSHOT static void add_superslab(struct stats_totals *totals, uint32_t superslab) {
    for (uint32_t i = 0; i < SLOTS_PER_SUPERSLAB; i++) {
        const struct slot *slot = &arena.slots[superslab * SLOTS_PER_SUPERSLAB + i];
        if (slot->state > SLOT_HUGE || slot->state == SLOT_UNUSED)
            continue;
        totals->slots_by_state[slot->state]++;
        uint64_t live = live_bytes(slot);
        totals->live += live;
        if (slot->state <= SLOT_EMPTY && slot->class < CLASS_COUNT)
            totals->free_blocks[slot->class] += free_blocks(slot, live);
    }
    totals->extent += SUPERSLAB_SIZE;
}

void stats_totals_get(struct stats_totals *totals) {
    *totals = (struct stats_totals){0};
    for (uint32_t number = 0; (number = region_next_known(number)) != 0;)
        add_superslab(totals, number);
    const struct superslab_totals supplied = supply_totals();
    totals->used = supplied.used * SLOT_SIZE;
    totals->retained = supplied.warm * SLOT_SIZE;
    totals->held_peak = supplied.warm_peak * SLOT_SIZE;
    totals->slots_by_state[SLOT_UNUSED] = (totals->extent - totals->used) / SLOT_SIZE;
}

SNAPSHOT static void merge(struct counters *sum) {
    *sum = (struct counters){0};
    for (uint32_t i = 0; i < arena_heap_count(); i++) {
        const struct counters *one = &arena.heaps[i].counters;
#define COUNTER(name, meaning) sum->name += one->name;
#include "base/counters.def"
#undef COUNTER
    }
}

/* "name":value, with a comma before all but the first of an object. */
static void field(struct text *text, const char *name, uint64_t value) {
    if (text->last != '{')
        text_add(text, ",");
    text_add(text, "\"");
    text_add(text, name);
    text_add(text, "\":");
    text_add_number(text, value);
}

static void add_counters(struct text *text) {
    struct counters sum;
    merge(&sum);
    text_add(text, "\"counters\":{");
#define COUNTER(name, meaning) field(text, #name, sum.name);
#include "base/counters.def"
#undef COUNTER
    text_add(text, "}");
}

static void add_kernel_call(struct text *text, const char *name, const struct kernel_count *count) {
    text_add(text, text->last == '{' ? "\"" : ",\"");
    text_add(text, name);
    text_add(text, "\":{");
    /* relaxed: statistics only */
    field(text, "calls", atomic_load_explicit(&count->calls, memory_order_relaxed));
    field(text, "failed", atomic_load_explicit(&count->failed, memory_order_relaxed));
    field(text, "bytes", atomic_load_explicit(&count->bytes, memory_order_relaxed));
    text_add(text, "}");
}

static void add_kernel(struct text *text) {
    text_add(text, ",\"kernel\":{");
#define KERNEL_CALL(name, meaning) add_kernel_call(text, #name, &kernel_counts[KERNEL_##name]);
#include "base/kernel.def"
#undef KERNEL_CALL
    text_add(text, "}");
}

static void add_slots(struct text *text, const struct stats_totals *totals) {
    text_add(text, ",\"slots\":{");
    field(text, "unused", totals->slots_by_state[SLOT_UNUSED]);
    field(text, "current", totals->slots_by_state[SLOT_CURRENT]);
    field(text, "full", totals->slots_by_state[SLOT_FULL]);
    field(text, "available", totals->slots_by_state[SLOT_AVAILABLE]);
    field(text, "empty", totals->slots_by_state[SLOT_EMPTY]);
    field(text, "runs", totals->slots_by_state[SLOT_RUN]);
    field(text, "huge", totals->slots_by_state[SLOT_HUGE]);
    text_add(text, "}");
}

static void add_superslabs(struct text *text) {
    const struct superslab_totals totals = supply_totals();
    text_add(text, ",\"superslabs\":{");
    field(text, "new", totals.superslabs_new);
    field(text, "reused", totals.superslabs_reused);
    field(text, "emptied", totals.superslabs_emptied);
    field(text, "purged_slots", totals.purged);
    field(text, "refaulted_slots", totals.refaulted);
    field(text, "used_peak_slots", totals.used_peak);
    field(text, "warm_peak_slots", totals.warm_peak);
    text_add(text, "}");
}

static void add_bytes(struct text *text, const struct stats_totals *totals) {
    text_add(text, ",\"bytes\":{");
    field(text, "live", totals->live);
    field(text, "used", totals->used);
    field(text, "retained", totals->retained);
    field(text, "extent", totals->extent);
    text_add(text, "},\"pool\":");
    text_add(text, options.pool == POOL_CPU ? "\"cpu\"" : "\"thread\"");
    text_add(text, ",\"heaps\":{");
    field(text, "made", arena_heap_count());
    field(text, "parked", park_count());
    text_add(text, "}");
}

size_t stats_json(char *buffer, size_t size) {
    struct stats_totals totals;
    struct text text = text_in(buffer, size ? size - 1 : 0);
    stats_totals_get(&totals);
    text_add(&text, "{\"schema\":1,");
    add_counters(&text);
    add_kernel(&text);
    add_slots(&text, &totals);
    add_superslabs(&text);
    add_bytes(&text, &totals);
    text_add(&text, "}");
    if (size > 0)
        *text.at = '\0';
    return text.wanted;
}

static bool to_stderr(void) {
    return strcmp(options.stats_path, "stderr") == 0;
}

void stats_dump(void) {
    char buffer[DUMP_BYTES];
    size_t bytes = stats_json(buffer, sizeof buffer - 1);
    struct file file = file_stderr;
    const char *reason = to_stderr() ? NULL : file_create(options.stats_path, false, &file);
    if (reason != NULL) {
        warn_of_file("cannot write the counters to", options.stats_path, reason);
        return;
    }
    if (bytes > sizeof buffer - 2)
        bytes = sizeof buffer - 2;
    buffer[bytes] = '\n';
    file_write(&file, buffer, bytes + 1);
    if (!to_stderr())
        file_close(&file);
}

bool stats_init(void) {
    if (!options.stats)
        return false;
    if (to_stderr() || file_make_absolute(options.stats_path))
        return true;
    warn_of_file("cannot write the counters to", options.stats_path,
                 "the path from the root directory is too long");
    return false;
}
