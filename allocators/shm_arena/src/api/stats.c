#include "base/arena.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static void visit_small(const struct shm_arena *a, uint64_t slot, unsigned class,
                        struct shm_arena_class_stats *row) {
    const _Atomic uint16_t *blocks = slot_blocks(a, slot, class);
    row->slots++;
    for (unsigned i = 0; i < size_classes[class].capacity; i++)
        row->live_count +=
            block_is_allocated(atomic_load_explicit(&blocks[i], memory_order_relaxed));
    row->live_bytes = row->live_count * row->block_bytes;
}

static void count_slots(const struct shm_arena *a, struct shm_arena_stats *s) {
    uint64_t end = pool_frontier(a);
    struct shm_arena_class_stats *large = &s->by_class[CLASS_COUNT];
    for (uint64_t slot = 0; slot < end; slot++) {
        uint64_t word = atomic_load_explicit(slot_state(a, slot), memory_order_relaxed);
        if (word_is_open(word)) {
            visit_small(a, slot, word_class(word), &s->by_class[word_class(word)]);
        } else if (word_kind(word) == SLOT_RUN) {
            large->live_count++;
            large->live_bytes += slot_run_length(a, slot, word) << SLOT_SHIFT;
            large->slots += slot_run_length(a, slot, word);
        }
    }
}

static void add_lane(struct shm_arena_stats *s, const struct lane *lane) {
#define ADD(name) s->name += atomic_load_explicit(&lane->name, memory_order_relaxed);
    LANE_COUNTERS(ADD)
#undef ADD
}

static void count_processes(const struct shm_arena *a, struct shm_arena_stats *s) {
    add_lane(s, &a->pool->departed);
    for (unsigned p = 0; p < a->geometry.max_processes; p++) {
        /* acquire: pairs with entry_take(), which backs the lanes first */
        if (!atomic_load_explicit(&a->processes[p].identity, memory_order_acquire))
            continue;
        s->processes++;
        for (unsigned i = 0; i < LANES; i++)
            add_lane(s, &a->lanes_of[p].lane[i]);
    }
}

void shm_arena_get_stats(struct shm_arena *a, struct shm_arena_stats *s) {
    _Static_assert(CLASS_COUNT + 1 <= SHM_ARENA_MAX_CLASSES,
                   "the public array holds every class and large blocks");
    memset(s, 0, sizeof *s);
    s->capacity_bytes = a->view.end - a->view.first;
    s->classes = CLASS_COUNT + 1;
    for (unsigned class = 0; class < CLASS_COUNT; class ++)
        s->by_class[class].block_bytes = size_classes[class].bytes;
    count_slots(a, s);
    count_processes(a, s);
    for (unsigned row = 0; row < s->classes; row++) {
        s->live_bytes += s->by_class[row].live_bytes;
        s->live_count += s->by_class[row].live_count;
        s->reserved_bytes += s->by_class[row].slots << SLOT_SHIFT;
    }
    s->peak_bytes = atomic_load_explicit(&a->pool->peak_slots, memory_order_relaxed) << SLOT_SHIFT;
    s->recovered_processes =
        atomic_load_explicit(&a->pool->recovered_processes, memory_order_relaxed);
    s->recovered_blocks = atomic_load_explicit(&a->pool->recovered_blocks, memory_order_relaxed);
}

/* snprintf at the end of what is written already; *length grows by what it would have taken. */
#define APPEND(...)                                                                                \
    (length += (size_t)snprintf(length < size ? buffer + length : NULL,                            \
                                length < size ? size - length : 0, __VA_ARGS__))

size_t shm_arena_stats_json(struct shm_arena *a, char *buffer, size_t size) {
    struct shm_arena_stats s;
    size_t length = 0;
    shm_arena_get_stats(a, &s);
    APPEND("{");
#define FIELD(name) APPEND("\"" #name "\": %lu, ", s.name);
    SHM_ARENA_STATS(FIELD)
#undef FIELD
    APPEND("\"by_class\": [");
    const char *separator = "";
    for (unsigned i = 0; i < s.classes; i++) {
        const struct shm_arena_class_stats *c = &s.by_class[i];
        if (!c->slots)
            continue;
        APPEND("%s{\"block_bytes\": %lu, \"live_count\": %lu, \"live_bytes\": %lu, \"slots\": %lu}",
               separator, c->block_bytes, c->live_count, c->live_bytes, c->slots);
        separator = ", ";
    }
    APPEND("]}");
    return length;
}
