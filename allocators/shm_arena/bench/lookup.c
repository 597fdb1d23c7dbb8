/* From an address to the place in the pool: linear scans and a balanced tree over the segments
 * that the way before leaves behind, against the arena's arithmetic. All look up the same
 * addresses, and must find the same. */
#include "lookup.h"
#include "bench.h"
#include "shm_arena.h"

#include <stdlib.h>

static const struct bench_option options[] = {
    {"segments", "100", "segments, 1 to 1000 and more"},
    {"size", "4K", "bytes of a segment"},
    {"queries", "200000", "lookups per way and round"},
    {NULL, NULL, NULL},
};

enum { ADDRESSES = 4096 };

static struct shm_arena *arena;
static struct segment *segments;
static unsigned count, queries;
static const void *addresses[ADDRESSES];

static uint64_t by_scan(const void *address) {
    for (unsigned i = 0; i < count; i++)
        if ((uintptr_t)address - segments[i].base < segments[i].size)
            return segments[i].offset + ((uintptr_t)address - segments[i].base);
    return 0;
}

/* The same entries as a program has them that opened its segments one by one: each where malloc put
 * it, and linked. */
struct node {
    struct node *next;
    struct segment segment;
};

static struct node *list;

static void list_fill(void) {
    for (unsigned i = count; i-- > 0;) {
        struct node *node = malloc(sizeof *node);
        if (!node)
            exit(3);
        *node = (struct node){list, segments[i]};
        list = node;
    }
}

static uint64_t by_list(const void *address) {
    for (const struct node *n = list; n; n = n->next)
        if ((uintptr_t)address - n->segment.base < n->segment.size)
            return n->segment.offset + ((uintptr_t)address - n->segment.base);
    return 0;
}

static uint64_t by_tree(const void *address) {
    return tree_offset((uintptr_t)address);
}

static uint64_t by_arithmetic(const void *address) {
    return shm_arena_offset(arena, address);
}

static void setup(void) {
    count = (unsigned)option_number("segments");
    queries = (unsigned)option_number("queries");
    size_t size = option_number("size");
    uint64_t random = option_seed();
    struct shm_arena_options o = SHM_ARENA_OPTIONS_INIT;
    o.size = 2 * count * (size + 65536) + (1 << 20);
    segments = calloc(count ? count : 1, sizeof *segments);
    if (!count || !size || !segments || shm_arena_create(&o, &arena))
        usage_error("--segments and --size: at least 1, and no more than memory holds");
    for (unsigned i = 0; i < count; i++) {
        struct shm_block b;
        if (shm_arena_alloc(arena, size, 0, &b))
            wrong_result("the pool is too small");
        segments[i] = (struct segment){(uintptr_t)b.address, size, b.offset, ""};
    }
    for (unsigned i = count; i-- > 1;) { /* opened in any order */
        unsigned j = (unsigned)(next_random(&random) % (i + 1));
        struct segment other = segments[i];
        segments[i] = segments[j];
        segments[j] = other;
    }
    tree_fill(segments, count);
    list_fill();
    for (unsigned i = 0; i < ADDRESSES; i++) {
        const struct segment *s = &segments[next_random(&random) % count];
        addresses[i] = (const void *)(s->base + next_random(&random) % size);
    }
}

/* Inlined per way, so that each is called as a program would call it. */
static inline __attribute__((always_inline)) uint64_t time_lookups(uint64_t (*lookup)(const void *),
                                                                   double *ns) {
    uint64_t sum = 0;
    double start = now_ns();
    for (unsigned i = 0; i < queries; i++) {
        uint64_t found = lookup(addresses[i % ADDRESSES]);
        CONSUME(found);
        sum += found;
    }
    *ns = (now_ns() - start) / queries;
    return sum;
}

static void round_(unsigned round, struct bench_row *row) {
    (void)round;
    double scan, linked, tree, arithmetic;
    uint64_t sum = time_lookups(by_scan, &scan);
    if (time_lookups(by_list, &linked) != sum || time_lookups(by_tree, &tree) != sum ||
        time_lookups(by_arithmetic, &arithmetic) != sum)
        wrong_result("the ways of lookup found different places");
    row_add(row, scan, "ns_scan");
    row_add(row, linked, "ns_list");
    row_add(row, tree, "ns_tree");
    row_add(row, arithmetic, "ns_arena");
}

static struct bench lookup = {
    .name = "lookup",
    .summary = "address to offset by linear scan of an array and of a list, by balanced tree and "
               "by the arena's arithmetic, in ns",
    .options = options,
    .rounds = "20",
    .before = "ns_scan",
    .after = "ns_arena",
    .setup = setup,
    .round = round_,
};
REGISTER_BENCH(lookup);
