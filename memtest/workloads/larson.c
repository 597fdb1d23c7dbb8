#include "../workload.h"

static const struct option_spec options[] = {
    COUNT_OPTION("slots", "1000", "objects that a server thread holds"),
    ITERATIONS_OPTION("generations", "700", "threads that follow each other in a line, in a round"),
    COUNT_OPTION("replacements", "100k",
                 "objects that a thread replaces before it hands over and ends"),
    SIZE_RANGE_OPTIONS("10", "500"),
    {.key = NULL},
};

static size_t slots, generations, replacements;
static struct size_range sizes;

static void setup(struct run *run) {
    slots = option_number(run, "slots");
    generations = option_number(run, "generations");
    replacements = option_number(run, "replacements");
    sizes = option_size_range(run);
}

static void prepare(struct worker *w) {
    w->state = new_slots(slots);
}

/* The life of one server thread: what it frees first was made by threads that are dead. */
static void serve(struct worker *w) {
    struct block *object = w->state;
    for (size_t i = 0; i < replacements; i++) {
        struct block *chosen = &object[rng_below(&w->rng, slots)];
        worker_free(w, *chosen);
        *chosen = worker_malloc(w, random_size(w, sizes));
    }
}

static void round_once(struct worker *w) {
    struct block *object = w->state;
    for (size_t i = 0; i < slots; i++)
        if (!object[i].at)
            object[i] = worker_malloc(w, random_size(w, sizes));
    for (size_t i = 0; i < generations; i++)
        worker_in_new_thread(w, serve);
}

static void drain(struct worker *w) {
    free_slots(w, w->state, slots);
}

static struct workload larson = {
    .name = "larson",
    .summary = "Lines of server threads: each replaces random objects, hands all of them to a new "
               "thread, and ends.",
    .source =
        "Larson and Krishnan, Memory Allocation for Long-Running Server Applications (ISMM 1998).",
    .stresses = "Frees of blocks whose thread is dead, reuse of what dead threads left, and the "
                "cost of a thread's birth and death.",
    .options = options,
    .setup = setup,
    .prepare = prepare,
    .round = round_once,
    .drain = drain,
};
REGISTER_WORKLOAD(larson);
