#include "../workload.h"

static const struct option_spec options[] = {
    ITERATIONS_OPTION("iterations", "60M",
                      "entries of its table that each thread visits in a round"),
    COUNT_OPTION("working_set", "4096",
                 "entries of each thread's table; each holds a live block after its first visit"),
    SIZE_RANGE_OPTIONS("16", "1040"),
    {.key = NULL},
};

static size_t iterations, working_set;
static struct size_range sizes;

static void setup(struct settings *settings) {
    iterations = option_number(settings, "iterations");
    working_set = option_number(settings, "working_set");
    sizes = option_size_range(settings);
}

static void round_once(struct worker *w) {
    replace_random_entries(w, iterations, sizes);
}

static struct workload random_mixed = {
    .name = "random_mixed",
    .summary = "Replaces the block of a random entry of a working set by one of random small size.",
    .source = "RandomMixed of the hakmem allocator study: a working set of live blocks, sizes "
              "16-1040 bytes.",
    .stresses =
        "The fast paths of malloc and free over many size classes, with frees in random order.",
    .options = options,
    .smoke = "--iterations 100k --working_set 200",
    .catches = {CATCHES_LEAK, CATCHES_LOCK("--iterations 10k")},
    .setup = setup,
    .entries = &working_set,
    .round = round_once,
    .drain = drain_entries,
};
REGISTER_WORKLOAD(random_mixed);
