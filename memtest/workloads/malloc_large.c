#include "../workload.h"

static const struct option_spec options[] = {
    ITERATIONS_OPTION("iterations", "500k", "blocks that each thread replaces in a round"),
    COUNT_OPTION("slots", "20", "live blocks of each thread"),
    SIZE_RANGE_OPTIONS("5M", "25M"),
    {.key = NULL},
};

static size_t iterations, entries;
static struct size_range sizes;

static void setup(struct settings *settings) {
    iterations = option_number(settings, "iterations");
    entries = option_number(settings, "slots");
    sizes = option_size_range(settings);
}

static void round_once(struct worker *w) {
    replace_random_entries(w, iterations, sizes);
}

static struct workload malloc_large = {
    .name = "malloc_large",
    .summary = "Replaces blocks of many megabytes in random order, few of them alive at a time.",
    .source = "malloc-large of mimalloc-bench: 20 live blocks of 5-25 MiB.",
    .stresses =
        "Kernel calls and page faults of large blocks: whether they are kept, split and reused.",
    .options = options,
    .smoke = "--iterations 500 --slots 4 --min_bytes 32K --max_bytes 64K",
    .catches = {CATCHES_LEAK, CATCHES_KEPT_MEMORY(
                                  "--iterations 60 --slots 50 --min_bytes 256K --max_bytes 512K")},
    .setup = setup,
    .entries = &entries,
    .round = round_once,
    .drain = drain_entries,
};
REGISTER_WORKLOAD(malloc_large);
