#include "../workload.h"

static const struct option_spec options[] = {
    ITERATIONS_OPTION("generations", "20k", "threads that run one after the other, in a round"),
    COUNT_OPTION("objects", "100", "objects that a thread allocates"),
    SIZE_RANGE_OPTIONS("16", "8K"),
    {.key = NULL},
};

static size_t generations, objects;
static struct size_range sizes;

static void setup(struct settings *settings) {
    generations = option_number(settings, "generations");
    objects = option_number(settings, "objects");
    sizes = option_size_range(settings);
}

/* Frees what the thread before it left, fills the table again, and frees every second object. */
static void short_life(struct worker *w) {
    struct block *object = w->entries;
    entries_free(w, object, objects);
    for (size_t i = 0; i < objects; i++)
        object[i] = worker_malloc(w, random_size(w, sizes));
    for (size_t i = 0; i < objects; i += 2) {
        worker_free(w, object[i]);
        object[i].at = NULL;
    }
}

static void round_once(struct worker *w) {
    for (size_t i = 0; i < generations; i++)
        worker_in_new_thread(w, short_life);
}

static struct workload mleak = {
    .name = "mleak",
    .summary = "Thousands of short-lived threads with few objects each; the live heap stays small.",
    .source = "mleak of mimalloc-bench: a test for memory that is lost when a thread ends.",
    .stresses = "The time and memory that the start and end of a thread cost.",
    .options = options,
    .smoke = "--generations 100 --objects 50",
    .catches = {CATCHES_LEAK, CATCHES_REMOTE_LEAK},
    .setup = setup,
    .entries = &objects,
    .round = round_once,
    .drain = drain_entries,
};
REGISTER_WORKLOAD(mleak);
