#include "../workload.h"

static const struct option_spec options[] = {
    ITERATIONS_OPTION("iterations", "8M", "blocks that each thread replaces in a round"),
    COUNT_OPTION("slots", "2048", "live blocks of each thread"),
    {.key = "max_alignment",
     .type = OPTION_BYTES,
     .fallback = "4096",
     .min = 16,
     .max = 0x1p30,
     .help = "largest alignment; powers of two from 16 on are equally likely"},
    SIZE_RANGE_OPTIONS("16", "4K"),
    {.key = NULL},
};

static size_t iterations, slots;
static unsigned steps; /* how many alignments there are */
static struct size_range sizes;

static void setup(struct run *run) {
    iterations = option_number(run, "iterations");
    slots = option_number(run, "slots");
    sizes = option_size_range(run);
    steps = 0;
    for (uint64_t alignment = 16; alignment <= option_number(run, "max_alignment"); alignment *= 2)
        steps++;
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
        size_t alignment = (size_t)16 << rng_below(&w->rng, steps);
        *chosen = worker_memalign(w, alignment, random_size(w, sizes));
    }
}

static void drain(struct worker *w) {
    free_slots(w, w->state, slots);
}

static struct workload aligned = {
    .name = "aligned",
    .summary = "Replaces random blocks by aligned ones, alignments from 16 bytes to a page.",
    .source = "alloclab; numeric and I/O code that asks for cache lines, vectors and pages.",
    .stresses = "posix_memalign: its speed, and the memory that alignment costs.",
    .options = options,
    .setup = setup,
    .prepare = prepare,
    .round = round_once,
    .drain = drain,
};
REGISTER_WORKLOAD(aligned);
