#include "../workload.h"

static const struct option_spec options[] = {
    ITERATIONS_OPTION("generations", "20k", "threads that follow each other in a line, in a round"),
    COUNT_OPTION("objects", "100", "objects that a thread allocates"),
    SIZE_RANGE_OPTIONS("16", "8K"),
    {.key = NULL},
};

static size_t generations, objects;
static struct size_range sizes;

static void setup(struct run *run) {
    generations = option_number(run, "generations");
    objects = option_number(run, "objects");
    sizes = option_size_range(run);
}

static void prepare(struct worker *w) {
    w->state = new_slots(objects);
}

/* Frees what the thread before it left, allocates anew, and frees every second object itself. */
static void short_life(struct worker *w) {
    struct block *object = w->state;
    free_slots(w, object, objects);
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

static void drain(struct worker *w) {
    free_slots(w, w->state, objects);
}

static struct workload mleak = {
    .name = "mleak",
    .summary = "Thousands of short-lived threads, each with a handful of objects; the live heap "
               "stays tiny.",
    .source = "mleak of mimalloc-bench: a test for memory that is lost with each thread.",
    .stresses =
        "What an allocator pays, and what it leaves behind, for the birth and death of a thread.",
    .options = options,
    .setup = setup,
    .prepare = prepare,
    .round = round_once,
    .drain = drain,
};
REGISTER_WORKLOAD(mleak);
