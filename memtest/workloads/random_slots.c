#include "../workload.h"

enum mode { ALLOC_ONLY, MIXED };
enum { SIZES = 4 };

static const struct option_spec options[] = {
    {.key = "mode",
     .type = OPTION_CHOICE,
     .fallback = "mixed",
     .choices = "alloc_only|mixed",
     .help = "alloc_only: skip an entry that has a block; mixed: free its block"},
    COUNT_OPTION("slots", "100k", "entries of each thread's table"),
    ITERATIONS_OPTION("iterations", "50M", "entries that each thread visits in a round"),
    BYTES_OPTION("size_1", "32", "first size"),
    BYTES_OPTION("size_2", "64", "second size"),
    BYTES_OPTION("size_3", "128", "third size"),
    BYTES_OPTION("size_4", "256", "fourth size"),
    {.key = NULL},
};

static size_t entries, iterations, sizes[SIZES];
static enum mode mode;

static void setup(struct settings *settings) {
    mode = (enum mode)option_choice(settings, "mode");
    entries = option_number(settings, "slots");
    iterations = option_number(settings, "iterations");
    sizes[0] = option_number(settings, "size_1");
    sizes[1] = option_number(settings, "size_2");
    sizes[2] = option_number(settings, "size_3");
    sizes[3] = option_number(settings, "size_4");
}

static void round_once(struct worker *w) {
    struct block *entry = w->entries;
    for (size_t i = 0; i < iterations; i++) {
        struct block *chosen = &entry[rng_below(&w->rng, entries)];
        if (!chosen->at) {
            *chosen = worker_malloc(w, sizes[rng_below(&w->rng, SIZES)]);
        } else if (mode == MIXED) {
            worker_free(w, *chosen);
            chosen->at = NULL;
        }
    }
}

static struct workload random_slots = {
    .name = "random_slots",
    .summary =
        "Visits random entries of a table: allocates a block of one of four sizes in an empty "
        "one, frees the block of a full one.",
    .source = "RnBench of the rnAlloc study: a table of 100,000, 500,000 iterations a thread, four "
              "sizes, 1-16 threads.",
    .stresses = "Placement and reuse in a live heap that is larger than the caches.",
    .options = options,
    .smoke = "--iterations 200k --slots 500",
    .catches = {CATCHES_LEAK},
    .setup = setup,
    .entries = &entries,
    .round = round_once,
    .drain = drain_entries,
};
REGISTER_WORKLOAD(random_slots);
