#include "../workload.h"

enum mode { ALLOC_ONLY, MIXED };
enum { SIZES = 4 };

static const struct option_spec options[] = {
    {.key = "mode",
     .type = OPTION_CHOICE,
     .fallback = "mixed",
     .choices = "alloc_only|mixed",
     .help = "alloc_only leaves a full slot alone; mixed frees its block"},
    COUNT_OPTION("slots", "100k", "slots of each thread"),
    ITERATIONS_OPTION("iterations", "50M", "slots visited by each thread in a round"),
    BYTES_OPTION("size_1", "32", "first size"),
    BYTES_OPTION("size_2", "64", "second size"),
    BYTES_OPTION("size_3", "128", "third size"),
    BYTES_OPTION("size_4", "256", "fourth size"),
    {.key = NULL},
};

static size_t slots, iterations, sizes[SIZES];
static enum mode mode;

static void setup(struct run *run) {
    mode = (enum mode)option_choice(run, "mode");
    slots = option_number(run, "slots");
    iterations = option_number(run, "iterations");
    sizes[0] = option_number(run, "size_1");
    sizes[1] = option_number(run, "size_2");
    sizes[2] = option_number(run, "size_3");
    sizes[3] = option_number(run, "size_4");
}

static void prepare(struct worker *w) {
    w->state = new_slots(slots);
}

static void round_once(struct worker *w) {
    struct block *slot = w->state;
    for (size_t i = 0; i < iterations; i++) {
        struct block *chosen = &slot[rng_below(&w->rng, slots)];
        if (!chosen->at) {
            *chosen = worker_malloc(w, sizes[rng_below(&w->rng, SIZES)]);
        } else if (mode == MIXED) {
            worker_free(w, *chosen);
            chosen->at = NULL;
        }
    }
}

static void drain(struct worker *w) {
    free_slots(w, w->state, slots);
}

static struct workload random_slots = {
    .name = "random_slots",
    .summary = "Visits random slots: an empty one gets a block of one of four sizes, a full one "
               "loses its block.",
    .source = "RnBench of the rnAlloc study: 100,000 slots, 500,000 iterations a thread, four "
              "sizes, 1-16 threads.",
    .stresses = "Placement and reuse over a live heap larger than the caches.",
    .options = options,
    .setup = setup,
    .prepare = prepare,
    .round = round_once,
    .drain = drain,
};
REGISTER_WORKLOAD(random_slots);
