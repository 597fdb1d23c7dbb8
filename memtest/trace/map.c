#define _GNU_SOURCE
#include "map.h"

#include <sys/mman.h>

enum { FIRST_CAPACITY = 1 << 12 };

/* Fibonacci hashing: the high bits of a multiplication by 2^64 / phi. */
static size_t home_of(const struct map *map, uint64_t key) {
    unsigned bits = (unsigned)__builtin_ctzll(map->capacity);
    return (size_t)((key * 0x9e3779b97f4a7c15u) >> (64 - bits));
}

/* The entry of `key`, or the empty one where it belongs. */
static struct map_entry *find(const struct map *map, uint64_t key) {
    size_t mask = map->capacity - 1, at = home_of(map, key);
    while (map->entries[at].key && map->entries[at].key != key)
        at = (at + 1) & mask;
    return &map->entries[at];
}

static bool grow(struct map *map) {
    struct map old = *map;
    size_t capacity = old.capacity ? old.capacity * 2 : FIRST_CAPACITY;
    void *memory = mmap(NULL, capacity * sizeof *map->entries, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    map->entries = memory;
    map->capacity = capacity;
    for (size_t i = 0; i < old.capacity; i++)
        if (old.entries[i].key)
            *find(map, old.entries[i].key) = old.entries[i];
    if (old.capacity)
        munmap(old.entries, old.capacity * sizeof *old.entries);
    return true;
}

bool map_put(struct map *map, uint64_t key, uint64_t a, uint64_t b) {
    if (map->used * 2 >= map->capacity && !grow(map))
        return false;
    struct map_entry *entry = find(map, key);
    map->used += entry->key == 0;
    *entry = (struct map_entry){key, a, b};
    return true;
}

struct map_entry *map_get(const struct map *map, uint64_t key) {
    if (!map->used)
        return NULL;
    struct map_entry *entry = find(map, key);
    return entry->key ? entry : NULL;
}

/* Closes the gap at `hole`: later entries of the same cluster move back unless that would bring
 * them before their home (Knuth, TAOCP 6.4, algorithm R). */
static void close_gap(struct map *map, size_t hole) {
    size_t mask = map->capacity - 1;
    for (size_t at = (hole + 1) & mask; map->entries[at].key; at = (at + 1) & mask) {
        size_t home = home_of(map, map->entries[at].key);
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            map->entries[hole] = map->entries[at];
            hole = at;
        }
    }
    map->entries[hole].key = 0;
}

bool map_take(struct map *map, uint64_t key, struct map_entry *taken) {
    struct map_entry *entry = map_get(map, key);
    if (!entry)
        return false;
    *taken = *entry;
    close_gap(map, (size_t)(entry - map->entries));
    map->used--;
    return true;
}

void map_release(struct map *map) {
    if (map->capacity)
        munmap(map->entries, map->capacity * sizeof *map->entries);
    *map = (struct map){0};
}
