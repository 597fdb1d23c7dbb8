/* A hash map from 64-bit keys to a pair of words, in memory of its own from the kernel: addresses
 * to objects while a trace is made, objects to entries before one is replayed. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_entry {
    uint64_t key; /* 0: empty, so 0 cannot be a key */
    uint64_t a, b;
};

struct map {
    struct map_entry *entries;
    size_t capacity; /* a power of two; 0 before the first insertion */
    size_t used;
};

/* Inserts or replaces. False: there is no memory. */
bool map_put(struct map *map, uint64_t key, uint64_t a, uint64_t b);

/* The entry of `key`, valid until the next change; NULL when there is none. */
struct map_entry *map_get(const struct map *map, uint64_t key);

/* Removes `key` and hands out what it had; false when it was not there. */
bool map_take(struct map *map, uint64_t key, struct map_entry *taken);

/* Gives all memory back; the map is then empty. */
void map_release(struct map *map);
