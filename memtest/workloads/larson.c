#include "../workload.h"

static const struct option_spec options[] = {
    COUNT_OPTION("slots", "1000", "objects that a server thread holds"),
    ITERATIONS_OPTION("generations", "700", "threads that run one after the other, in a round"),
    COUNT_OPTION("replacements", "100k",
                 "objects that a thread replaces before it passes them on and ends"),
    SIZE_RANGE_OPTIONS("10", "500"),
    {.key = NULL},
};

static size_t entries, generations, replacements;
static struct size_range sizes;

static void setup(struct settings *settings) {
    entries = option_number(settings, "slots");
    generations = option_number(settings, "generations");
    replacements = option_number(settings, "replacements");
    sizes = option_size_range(settings);
}

/* One server thread: what it frees first was allocated by threads that have ended. */
static void serve(struct worker *w) {
    replace_random_entries(w, replacements, sizes);
}

static void round_once(struct worker *w) {
    struct block *object = w->entries;
    for (size_t i = 0; i < entries; i++)
        if (!object[i].at)
            object[i] = worker_malloc(w, random_size(w, sizes));
    for (size_t i = 0; i < generations; i++)
        worker_in_new_thread(w, serve);
}

static struct workload larson = {
    .name = "larson",
    .summary =
        "Server threads one after the other: each replaces random objects, passes all of them "
        "to a new thread, and ends.",
    .source =
        "Larson and Krishnan, Memory Allocation for Long-Running Server Applications (ISMM 1998).",
    .stresses =
        "Frees of blocks whose thread has ended, reuse of the memory of ended threads, and the "
        "cost of starting and ending a thread.",
    .options = options,
    .smoke = "--generations 20 --replacements 2k --slots 100",
    .catches = {CATCHES_LEAK, CATCHES_REMOTE_LEAK},
    .setup = setup,
    .entries = &entries,
    .round = round_once,
    .drain = drain_entries,
};
REGISTER_WORKLOAD(larson);
