#include "../workload.h"

static const struct option_spec options[] = {
    {.key = "iterations",
     .type = OPTION_COUNT,
     .fallback = "10M",
     .min = 1,
     .max = 1e12,
     .scaled = true,
     .help = "slots visited by each thread in a round"},
    {.key = "working_set",
     .type = OPTION_COUNT,
     .fallback = "4096",
     .min = 1,
     .max = 1e9,
     .help = "slots of each thread, each with one live block once it was visited"},
    {.key = "min_bytes",
     .type = OPTION_BYTES,
     .fallback = "16",
     .min = 1,
     .max = 0x1p38,
     .help = "smallest block"},
    {.key = "max_bytes",
     .type = OPTION_BYTES,
     .fallback = "1040",
     .min = 1,
     .max = 0x1p38,
     .help = "largest block"},
    {.key = NULL},
};

static size_t iterations, working_set, min_bytes, max_bytes;

static void setup(struct run *run) {
    iterations = option_number(run, "iterations");
    working_set = option_number(run, "working_set");
    min_bytes = option_number(run, "min_bytes");
    max_bytes = option_number(run, "max_bytes");
    if (min_bytes > max_bytes)
        usage_error("--min_bytes %zu is more than --max_bytes %zu", min_bytes, max_bytes);
}

static void prepare(struct worker *w) {
    w->state = own_memory(working_set * sizeof(struct block));
}

static void round_once(struct worker *w) {
    struct block *slot = w->state;
    for (size_t i = 0; i < iterations; i++) {
        struct block *chosen = &slot[rng_below(&w->rng, working_set)];
        if (chosen->at)
            worker_free(w, *chosen);
        *chosen = worker_malloc(w, rng_between(&w->rng, min_bytes, max_bytes));
    }
}

static void drain(struct worker *w) {
    struct block *slot = w->state;
    for (size_t i = 0; i < working_set; i++)
        if (slot[i].at)
            worker_free(w, slot[i]);
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
