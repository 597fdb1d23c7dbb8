#include "../workload.h"

static const struct option_spec options[] = {
    ITERATIONS_OPTION("iterations", "60M", "slots visited by each thread in a round"),
    COUNT_OPTION("working_set", "4096",
                 "slots of each thread, each with one live block once it was visited"),
    SIZE_RANGE_OPTIONS("16", "1040"),
    {.key = NULL},
};

static size_t iterations, working_set;
static struct size_range sizes;

static void setup(struct run *run) {
    iterations = option_number(run, "iterations");
    working_set = option_number(run, "working_set");
    sizes = option_size_range(run);
}

static void prepare(struct worker *w) {
    w->state = new_slots(working_set);
}

static void round_once(struct worker *w) {
    struct block *slot = w->state;
    for (size_t i = 0; i < iterations; i++) {
        struct block *chosen = &slot[rng_below(&w->rng, working_set)];
        if (chosen->at)
            worker_free(w, *chosen);
        *chosen = worker_malloc(w, random_size(w, sizes));
    }
}

static void drain(struct worker *w) {
    free_slots(w, w->state, working_set);
}

static struct workload random_mixed = {
    .name = "random_mixed",
    .summary = "Replaces the block in a random slot of a working set by one of random small size, "
               "again and again.",
    .source =
        "RandomMixed of the hakmem allocator study: a working set of slots, sizes 16-1040 bytes.",
    .stresses =
        "The fast paths of malloc and free over many size classes, with frees in random order.",
    .options = options,
    .setup = setup,
    .prepare = prepare,
    .round = round_once,
    .drain = drain,
};
REGISTER_WORKLOAD(random_mixed);
