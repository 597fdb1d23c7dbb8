/* Free and reuse for a long time: random sizes, random order. What must not change is the memory
 * held. */
#include "bench.h"
#include "shm_arena.h"

#include <stdlib.h>
#include <sys/stat.h>

static const struct bench_option options[] = {
    {"operations", "10000000", "pairs of free and allocation per round"},
    {"live", "2000", "blocks that are live at once"},
    {"least", "64", "bytes of the smallest block"},
    {"most", "64K", "bytes of the largest block"},
    {NULL, NULL, NULL},
};

static struct shm_arena *arena;
static uint64_t *held, operations, live, least, most, random_state;

static void setup(void) {
    struct shm_arena_options o = SHM_ARENA_OPTIONS_INIT;
    operations = option_number("operations");
    live = option_number("live");
    least = option_number("least");
    most = option_number("most");
    random_state = option_seed();
    o.size = 2 * live * most + (16 << 20);
    held = calloc(live ? live : 1, sizeof *held);
    if (!held || !live || !least || most < least || operations < 2 || shm_arena_create(&o, &arena))
        usage_error("--live, --least: at least 1; --most: not below --least; and no more than "
                    "fits into memory");
}

/* Sizes are spread evenly over their logarithm, as programs' are, rather than over their value. */
static size_t random_size(void) {
    uint64_t r = next_random(&random_state), doublings = 0;
    while (least << (doublings + 1) <= most)
        doublings++;
    uint64_t base = least << (r >> 40) % (doublings + 1), size = base + (r >> 8) % base;
    return size < most ? size : most;
}

static void round_(unsigned round, struct bench_row *row) {
    (void)round;
    struct shm_arena_stats stats;
    struct stat file;
    double start = now_ns();
    for (uint64_t i = 0; i < operations / 2; i++) {
        uint64_t *mine = &held[next_random(&random_state) % live];
        struct shm_block b;
        if (*mine && shm_arena_free(arena, *mine))
            wrong_result("a block could not be freed");
        if (shm_arena_alloc(arena, random_size(), 0, &b))
            wrong_result("the pool has no memory left");
        *(volatile char *)b.address = 1;
        *mine = b.offset;
    }
    double ns = (now_ns() - start) / (double)operations;
    shm_arena_get_stats(arena, &stats);
    fstat(shm_arena_fd(arena), &file);
    row_add(row, ns, "ns_per_operation");
    row_add(row, (double)stats.live_bytes, "live_bytes");
    row_add(row, (double)stats.reserved_bytes, "reserved_bytes");
    row_add(row, (double)stats.peak_bytes, "peak_bytes");
    row_add(row, (double)file.st_blocks * 512, "memory_bytes");
}

static struct bench steady = {
    .name = "steady",
    .summary = "free and reuse for a long time: ns per operation, and the memory held after each "
               "round",
    .options = options,
    .rounds = "10",
    .setup = setup,
    .round = round_,
};
REGISTER_BENCH(steady);
