#include "../workload.h"

static const struct option_spec options[] = {
    ITERATIONS_OPTION("iterations", "8M", "blocks that each thread replaces in a round"),
    COUNT_OPTION("slots", "1000", "live blocks of each thread"),
    PERCENT_OPTION("large_percent", "1", "share of the blocks drawn from 64 times the range"),
    SIZE_RANGE_OPTIONS("16", "4K"),
    {.key = NULL},
};

enum { LARGE_FACTOR = 64 };
static size_t iterations, entries, large_percent;
static struct size_range sizes;

static void setup(struct settings *settings) {
    iterations = option_number(settings, "iterations");
    entries = option_number(settings, "slots");
    large_percent = option_number(settings, "large_percent");
    sizes = option_size_range(settings);
}

static void round_once(struct worker *w) {
    struct block *table = w->entries;
    for (size_t i = 0; i < iterations; i++) {
        struct block *entry = entry_to_replace(w, table, entries);
        bool large = rng_below(&w->rng, 100) < large_percent;
        *entry = worker_calloc(w, large ? LARGE_FACTOR : 1, random_size(w, sizes));
    }
}

static struct workload calloc_heavy = {
    .name = "calloc_heavy",
    .summary =
        "Replaces random blocks by zeroed ones, most of them small, some of 100 KiB and more.",
    .source = "alloclab; interpreters and C programs that allocate all memory by calloc.",
    .stresses = "calloc: skip memory that the kernel has cleared, and clear the rest fast.",
    .options = options,
    .smoke = "--iterations 5k --slots 50",
    .catches = {CATCHES_LEAK},
    .setup = setup,
    .entries = &entries,
    .round = round_once,
    .drain = drain_entries,
};
REGISTER_WORKLOAD(calloc_heavy);
