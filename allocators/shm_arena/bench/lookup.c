/* From an address to an offset: linear scans of and a balanced tree over the segments, against the
 * arithmetic of shm_arena. All look up the same addresses, and must have the same results. */
#include "lookup.h"
#include "bench.h"
#include "shm_arena.h"

#include <stdlib.h>

static const struct bench_option options[] = {
    {"segments", "100", "number of segments"},
    {"size", "4K", "bytes per segment"},
    {"queries", "200000", "look-ups per contender and round"},
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

/* The same segments in a list whose nodes were allocated one by one. */
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
        usage_error("--segments and --size: at least 1, and no more than fits into memory");
    for (unsigned i = 0; i < count; i++) {
        struct shm_block b;
        if (shm_arena_alloc(arena, size, 0, &b))
            wrong_result("the pool is too small");
        segments[i] = (struct segment){(uintptr_t)b.address, size, b.offset, ""};
    }
    for (unsigned i = count; i-- > 1;) { /* in random order */
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

/* Inlined for each contender, as a compiler would in a program. */
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
        wrong_result("the look-ups have different results");
    row_add(row, scan, "ns_scan");
    row_add(row, linked, "ns_list");
    row_add(row, tree, "ns_tree");
    row_add(row, arithmetic, "ns_arena");
}

static struct bench lookup = {
    .name = "lookup",
    .summary = "translate an address: scan of an array or a list of segments, balanced tree, or "
               "shm_arena, in ns",
    .options = options,
    .rounds = "20",
    .before = "ns_scan",
    .after = "ns_arena",
    .setup = setup,
    .round = round_,
};
REGISTER_BENCH(lookup);
