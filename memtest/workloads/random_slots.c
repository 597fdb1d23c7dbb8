#include "../workload.h"

enum mode { ALLOC_ONLY, MIXED };
enum { SIZES = 4 };

static const struct option_spec options[] = {
    {.key = "mode",
     .type = OPTION_CHOICE,
     .fallback = "mixed",
     .choices = "alloc_only|mixed",
     .help = "alloc_only leaves a full slot alone; mixed frees its block"},
    {.key = "slots",
     .type = OPTION_COUNT,
     .fallback = "100k",
     .min = 1,
     .max = 1e9,
     .help = "slots of each thread"},
    {.key = "iterations",
     .type = OPTION_COUNT,
     .fallback = "10M",
     .min = 1,
     .max = 1e12,
     .scaled = true,
     .help = "slots visited by each thread in a round"},
    {.key = "size_1",
     .type = OPTION_BYTES,
     .fallback = "32",
     .min = 1,
     .max = 0x1p38,
     .help = "first size"},
    {.key = "size_2",
     .type = OPTION_BYTES,
     .fallback = "64",
     .min = 1,
     .max = 0x1p38,
     .help = "second size"},
    {.key = "size_3",
     .type = OPTION_BYTES,
     .fallback = "128",
     .min = 1,
     .max = 0x1p38,
     .help = "third size"},
    {.key = "size_4",
     .type = OPTION_BYTES,
     .fallback = "256",
     .min = 1,
     .max = 0x1p38,
     .help = "fourth size"},
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
    w->state = own_memory(slots * sizeof(struct block));
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
    struct block *slot = w->state;
    for (size_t i = 0; i < slots; i++)
        if (slot[i].at)
            worker_free(w, slot[i]);
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
