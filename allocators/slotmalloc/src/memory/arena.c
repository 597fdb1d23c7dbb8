#include "memory/arena.h"

#include "base/kernel.h"
#include "base/options.h"
#include "base/tuning.h"
#include "memory/growing.h"

struct arena arena;

enum array { IDENT, SLOTS, REMOTE, SUPERSLABS, INDEX, HEAPS, ARRAYS };
static struct growing arrays[ARRAYS];

static _Atomic uint32_t heap_count; /* heaps taken */

static size_t round_up(size_t value, size_t to) {
    return (value + to - 1) & ~(to - 1);
}

static size_t max(size_t a, size_t b) {
    return a > b ? a : b;
}

/* Bytes that each array needs for the superslabs below `end`. */
static void array_bytes(uint32_t end, size_t bytes[ARRAYS]) {
    size_t slots = (size_t)end * SLOTS_PER_SUPERSLAB;
    bytes[IDENT] = slots * sizeof *arena.ident;
    bytes[SLOTS] = slots * sizeof *arena.slots;
    bytes[REMOTE] = slots * sizeof *arena.remote;
    bytes[SUPERSLABS] = end * sizeof *arena.superslabs;
    bytes[INDEX] = ((size_t)end + REGION_SUPERSLABS - 1) / REGION_SUPERSLABS * sizeof *arena.index;
    bytes[HEAPS] = 0;
}

/* Places the arrays from there on, each with room for its largest size. */
static void place_arrays(uintptr_t at, uint32_t limit) {
    size_t most[ARRAYS], first[ARRAYS];
    array_bytes(limit, most);
    array_bytes((uint32_t)(FIRST_EXTENT >> SUPERSLAB_SHIFT), first);
    most[HEAPS] = HEAPS_MAX * sizeof *arena.heaps;
    for (enum array i = 0; i < ARRAYS; i++) {
        size_t bytes = round_up(most[i], SUPERSLAB_SIZE);
        arrays[i] =
            (struct growing){.start = at, .limit = bytes, .first = max(first[i], FIRST_STEP_MIN)};
        at += bytes;
    }
    arena.ident = (void *)arrays[IDENT].start;
    arena.slots = (void *)arrays[SLOTS].start;
    arena.remote = (void *)arrays[REMOTE].start;
    arena.superslabs = (void *)arrays[SUPERSLABS].start;
    arena.index = (void *)arrays[INDEX].start;
    arena.heaps = (void *)arrays[HEAPS].start;
    arena.heap_limit = HEAPS_MAX;
}

/* Bytes of addresses that the arrays of a range take. */
static size_t metadata_bytes(uint32_t limit) {
    size_t bytes[ARRAYS], sum = round_up(HEAPS_MAX * sizeof *arena.heaps, SUPERSLAB_SIZE);
    array_bytes(limit, bytes);
    for (enum array i = 0; i < HEAPS; i++)
        sum += round_up(bytes[i], SUPERSLAB_SIZE);
    return sum;
}

/* Tries a range of `bytes` from about `base` on, with the arrays below it. */
static enum status try_range(uintptr_t base, size_t bytes) {
    uint32_t limit = (uint32_t)(bytes >> SUPERSLAB_SHIFT);
    arena.base = round_up(base, SUPERSLAB_SIZE);
    arena.limit = limit;
    place_arrays(arena.base - metadata_bytes(limit), limit);
    if (arena_reach(2) == OK) /* the first superslab is number 1 */
        return OK;
    for (enum array i = 0; i < ARRAYS; i++)
        growing_drop(&arrays[i]);
    return NO_MEMORY;
}

/* The kernel places mappings and stacks near each other, at the top of the address space, or low
 * under some tools. The range is two to three times its size away from the stack, where other
 * mappings are unlikely. The distance depends on the library's own address: it is random if
 * addresses are, else the same in each process. */
static enum status choose_range(size_t bytes) {
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    uintptr_t away = 2 * bytes + (uintptr_t)&arena % bytes;
    if (here > away + bytes && try_range(here - away, bytes) == OK)
        return OK;
    return try_range(here + away, bytes);
}

/* In a limited process the steps leave room for other mappings. */
static void obey_limit(void) {
    uint64_t limit = kernel_limit_bytes();
    if (limit != UINT64_MAX)
        growing_ahead = limit / LIMIT_SHARE;
}

enum status arena_init(void) {
    size_t bytes = options.reserve < RANGE_MAX ? options.reserve : RANGE_MAX;
    obey_limit();
    for (bytes = max(bytes, RANGE_MIN) & ~(SUPERSLAB_SIZE - 1); bytes >= RANGE_MIN;
         bytes = bytes / RANGE_STEP & ~(SUPERSLAB_SIZE - 1))
        if (choose_range(bytes) == OK)
            return OK;
    return NO_MEMORY;
}

enum status arena_reach(uint32_t end) {
    size_t need[ARRAYS];
    array_bytes(end, need);
    for (enum array i = 0; i < ARRAYS; i++)
        if (growing_reach(&arrays[i], need[i]) != OK)
            return NO_MEMORY;
    size_t extent = arrays[IDENT].bytes / sizeof *arena.ident << SLOT_SHIFT;
    size_t range = (size_t)arena.limit << SUPERSLAB_SHIFT;
    arena.extent = extent < range ? extent : range; /* see arena_extent */
    return OK;
}

void arena_fork_child(void) {
    for (enum array i = 0; i < ARRAYS; i++)
        growing_complete(&arrays[i]);
}

enum status arena_heap(struct heap **out) {
    uint32_t number = arena_heap_count();
    if (number >= arena.heap_limit ||
        growing_reach(&arrays[HEAPS], (number + 1) * sizeof **out) != OK)
        return NO_MEMORY;
    *out = &arena.heaps[number];
    /* relaxed: writers hold the supply lock; the heap is published through the list of heaps */
    atomic_store_explicit(&heap_count, number + 1, memory_order_relaxed);
    return OK;
}

uint32_t arena_heap_count(void) {
    return atomic_load_explicit(&heap_count, memory_order_relaxed); /* relaxed: a snapshot */
}
