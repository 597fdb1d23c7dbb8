#include "../workload.h"

static const struct option_spec options[] = {
    {.key = "slots",
     .type = OPTION_COUNT,
     .fallback = "1000",
     .min = 1,
     .max = 1e9,
     .help = "objects that a server thread holds"},
    {.key = "generations",
     .type = OPTION_COUNT,
     .fallback = "100",
     .min = 1,
     .max = 1e9,
     .scaled = true,
     .help = "threads that follow each other in a line, in a round"},
    {.key = "replacements",
     .type = OPTION_COUNT,
     .fallback = "100k",
     .min = 1,
     .max = 1e12,
     .help = "objects that a thread replaces before it hands over and ends"},
    {.key = "min_bytes",
     .type = OPTION_BYTES,
     .fallback = "10",
     .min = 1,
     .max = 0x1p38,
     .help = "smallest object"},
    {.key = "max_bytes",
     .type = OPTION_BYTES,
     .fallback = "500",
     .min = 1,
     .max = 0x1p38,
     .help = "largest object"},
    {.key = NULL},
};

static size_t slots, generations, replacements, min_bytes, max_bytes;

static void setup(struct run *run) {
    slots = option_number(run, "slots");
    generations = option_number(run, "generations");
    replacements = option_number(run, "replacements");
    min_bytes = option_number(run, "min_bytes");
    max_bytes = option_number(run, "max_bytes");
    if (min_bytes > max_bytes)
        usage_error("--min_bytes %zu is more than --max_bytes %zu", min_bytes, max_bytes);
}

static void prepare(struct worker *w) {
    w->state = own_memory(slots * sizeof(struct block));
}

static size_t random_size(struct worker *w) {
    return rng_between(&w->rng, min_bytes, max_bytes);
}

/* The life of one server thread: what it frees first was made by threads that are dead. */
static void serve(struct worker *w) {
    struct block *object = w->state;
    for (size_t i = 0; i < replacements; i++) {
        struct block *chosen = &object[rng_below(&w->rng, slots)];
        worker_free(w, *chosen);
        *chosen = worker_malloc(w, random_size(w));
    }
}

static void round_once(struct worker *w) {
    struct block *object = w->state;
    for (size_t i = 0; i < slots; i++)
        if (!object[i].at)
            object[i] = worker_malloc(w, random_size(w));
    for (size_t i = 0; i < generations; i++)
        worker_in_new_thread(w, serve);
}

static void drain(struct worker *w) {
    struct block *object = w->state;
    for (size_t i = 0; i < slots; i++)
        worker_free(w, object[i]);
}

static struct workload larson = {
    .name = "larson",
    .summary = "Lines of server threads: each replaces random objects, hands all of them to a new "
               "thread, and ends.",
    .source =
        "Larson and Krishnan, Memory Allocation for Long-Running Server Applications (ISMM 1998).",
    .stresses = "Frees of blocks whose thread is dead, reuse of what dead threads left, and the "
                "cost of a thread's "
                "birth and death.",
    .options = options,
    .setup = setup,
    .prepare = prepare,
    .round = round_once,
    .drain = drain,
};
REGISTER_WORKLOAD(larson);
