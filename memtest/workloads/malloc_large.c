#include "../workload.h"

static const struct option_spec options[] = {
    ITERATIONS_OPTION("iterations", "500k", "blocks that each thread replaces in a round"),
    COUNT_OPTION("slots", "20", "live blocks of each thread"),
    SIZE_RANGE_OPTIONS("5M", "25M"),
    {.key = NULL},
};

static size_t iterations, slots;
static struct size_range sizes;

static void setup(struct run *run) {
    iterations = option_number(run, "iterations");
    slots = option_number(run, "slots");
    sizes = option_size_range(run);
}

static void prepare(struct worker *w) {
    w->state = new_slots(slots);
}

static void round_once(struct worker *w) {
    struct block *slot = w->state;
    for (size_t i = 0; i < iterations; i++) {
        struct block *chosen = &slot[rng_below(&w->rng, slots)];
        if (chosen->at)
            worker_free(w, *chosen);
        *chosen = worker_malloc(w, random_size(w, sizes));
    }
}

static void drain(struct worker *w) {
    free_slots(w, w->state, slots);
}

static struct workload malloc_large = {
    .name = "malloc_large",
    .summary = "Replaces blocks of many megabytes in random order, few of them alive at a time.",
    .source = "malloc-large of mimalloc-bench: 20 live blocks of 5-25 MiB.",
    .stresses =
        "Kernel calls and page faults of large blocks: whether they are kept, split and reused.",
    .options = options,
    .setup = setup,
    .prepare = prepare,
    .round = round_once,
    .drain = drain,
};
REGISTER_WORKLOAD(malloc_large);
