#include "../workload.h"

static const struct option_spec options[] = {
    ITERATIONS_OPTION("passes", "500", "times that the whole range of sizes is walked in a round"),
    COUNT_OPTION("batch", "100", "blocks of one size allocated in a row"),
    SIZE_RANGE_OPTIONS("1", "1000"),
    {.key = NULL},
};

static size_t passes, batch;
static struct size_range sizes;

static void setup(struct run *run) {
    passes = option_number(run, "passes");
    batch = option_number(run, "batch");
    sizes = option_size_range(run);
}

static void prepare(struct worker *w) {
    w->state = new_slots(2 * batch);
}

/* Frees the younger half last-in-first-out, the older half in the order of its birth. */
static void free_both_ways(struct worker *w, struct block *slot, size_t count) {
    for (size_t i = count; i > count / 2; i--)
        worker_free(w, slot[i - 1]);
    for (size_t i = 0; i < count / 2; i++)
        worker_free(w, slot[i]);
}

static void round_once(struct worker *w) {
    struct block *slot = w->state;
    for (size_t pass = 0; pass < passes; pass++) {
        for (size_t size = sizes.min; size <= sizes.max; size += 2) {
            for (size_t i = 0; i < batch; i++)
                slot[i] = worker_malloc(w, size);
            for (size_t i = batch; i < 2 * batch; i++)
                slot[i] = worker_malloc(w, sizes.min + sizes.max - size);
            free_both_ways(w, slot, 2 * batch);
        }
    }
}

static struct workload sh6bench = {
    .name = "sh6bench",
    .summary = "Batches of equal blocks, small sizes beside large ones, freed half in LIFO order "
               "and half in order of birth.",
    .source = "MicroQuill's SmartHeap benchmark sh6bench, as described by mimalloc-bench.",
    .stresses =
        "Free lists per size class under orderly frees; each batch walks into another class.",
    .options = options,
    .setup = setup,
    .prepare = prepare,
    .round = round_once,
};
REGISTER_WORKLOAD(sh6bench);
