/* A table of entries: each holds one block, or none (`at` is NULL). Most workloads keep one for
 * each worker, `w->entries`, which the driver maps when struct workload has `.entries`. */
#pragma once
#include "calls.h"
#include "own_memory.h"

/* A table of `count` empty entries in memtest's own memory. */
static inline struct block *entries_new(size_t count) {
    return own_memory(count * sizeof(struct block));
}

/* Frees the block of every entry that has one, in order, and empties the entries. */
static inline void entries_free(struct worker *w, struct block *entries, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (entries[i].at) {
            worker_free(w, entries[i]);
            entries[i].at = NULL;
        }
    }
}

/* Frees the block of a random entry, if it has one, and returns the entry, whose `at` is stale: the
 * caller puts a new block there. */
static inline struct block *entry_to_replace(struct worker *w, struct block *entries,
                                             size_t count) {
    struct block *entry = &entries[rng_below(&w->rng, count)];
    if (entry->at)
        worker_free(w, *entry);
    return entry;
}

static inline size_t random_size(struct worker *w, struct size_range range) {
    return rng_between(&w->rng, range.min, range.max);
}

/* Replaces the blocks of `times` random entries of w->entries by blocks of random size. */
static inline void replace_random_entries(struct worker *w, size_t times, struct size_range sizes) {
    struct block *entries = w->entries;
    size_t count = w->entry_count;
    for (size_t i = 0; i < times; i++) {
        struct block *entry = entry_to_replace(w, entries, count);
        *entry = worker_malloc(w, random_size(w, sizes));
    }
}

/* Frees all of w->entries; for `.drain` of a workload. */
static inline void drain_entries(struct worker *w) {
    entries_free(w, w->entries, w->entry_count);
}
