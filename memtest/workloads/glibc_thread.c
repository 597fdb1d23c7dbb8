#include "../workload.h"

enum { DRAWN_SIZES = 8192 };

static const struct option_spec options[] = {
    ITERATIONS_OPTION("iterations", "80M", "blocks that each thread replaces in a round"),
    COUNT_OPTION("slots", "1024", "live blocks of each thread"),
    SIZE_RANGE_OPTIONS("4", "32K"),
    {.key = NULL},
};

static size_t iterations, entries;
static struct size_range sizes;
static uint32_t *drawn; /* sizes drawn beforehand, so that the loop takes no logarithm */

/* The density of a size falls with its square, as in the original: the inverse of the distribution
 * function. */
static size_t inverse_square_size(double u) {
    double low = (double)sizes.min, high = (double)sizes.max;
    return (size_t)(1 / (1 / low - u * (1 / low - 1 / high)));
}

static void setup(struct settings *settings) {
    iterations = option_number(settings, "iterations");
    entries = option_number(settings, "slots");
    sizes = option_size_range(settings);
    struct rng rng = rng_seeded(settings->seed, UINT32_MAX);
    drawn = own_memory(DRAWN_SIZES * sizeof *drawn);
    for (size_t i = 0; i < DRAWN_SIZES; i++)
        drawn[i] = (uint32_t)inverse_square_size(rng_unit(&rng));
}

static void round_once(struct worker *w) {
    struct block *table = w->entries;
    for (size_t i = 0; i < iterations; i++) {
        struct block *entry = entry_to_replace(w, table, entries);
        *entry = worker_malloc(w, drawn[rng_below(&w->rng, DRAWN_SIZES)]);
    }
}

static struct workload glibc_thread = {
    .name = "glibc_thread",
    .summary =
        "Replaces random blocks whose sizes follow an inverse-square law from 4 bytes to 32 KiB.",
    .source = "bench-malloc-thread of the GNU C library's benchmark suite.",
    .stresses = "The smallest size classes with a long tail of larger ones, over a set that stays "
                "in the caches.",
    .options = options,
    .smoke = "--iterations 10k --slots 50",
    .catches = {CATCHES_LEAK, CATCHES_LOCK("--iterations 10k")},
    .setup = setup,
    .entries = &entries,
    .round = round_once,
    .drain = drain_entries,
};
REGISTER_WORKLOAD(glibc_thread);
