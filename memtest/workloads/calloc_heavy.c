#include "../workload.h"

static const struct option_spec options[] = {
    ITERATIONS_OPTION("iterations", "8M", "blocks that each thread replaces in a round"),
    COUNT_OPTION("slots", "1000", "live blocks of each thread"),
    PERCENT_OPTION("large_percent", "1", "share of the blocks drawn from 64 times the range"),
    SIZE_RANGE_OPTIONS("16", "4K"),
    {.key = NULL},
};

enum { LARGE_FACTOR = 64 };
static size_t iterations, slots, large_percent;
static struct size_range sizes;

static void setup(struct run *run) {
    iterations = option_number(run, "iterations");
    slots = option_number(run, "slots");
    large_percent = option_number(run, "large_percent");
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
        bool large = rng_below(&w->rng, 100) < large_percent;
        *chosen = worker_calloc(w, large ? LARGE_FACTOR : 1, random_size(w, sizes));
    }
}

static void drain(struct worker *w) {
    free_slots(w, w->state, slots);
}

static struct workload calloc_heavy = {
    .name = "calloc_heavy",
    .summary =
        "Replaces random blocks by zeroed ones, most of them small, some of a hundred kilobytes.",
    .source = "alloclab; interpreters and C programs that take all memory by calloc.",
    .stresses = "calloc: not clearing what the kernel has cleared, and clearing the rest fast.",
    .options = options,
    .setup = setup,
    .prepare = prepare,
    .round = round_once,
    .drain = drain,
};
REGISTER_WORKLOAD(calloc_heavy);
