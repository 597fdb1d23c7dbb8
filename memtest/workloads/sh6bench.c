#include "../workload.h"

static const struct option_spec options[] = {
    ITERATIONS_OPTION("passes", "500", "passes over the whole range of sizes in a round"),
    COUNT_OPTION("batch", "100", "blocks of one size allocated in a row"),
    SIZE_RANGE_OPTIONS("1", "1000"),
    {.key = NULL},
};

static size_t passes, batch, entries;
static struct size_range sizes;

static void setup(struct settings *settings) {
    passes = option_number(settings, "passes");
    batch = option_number(settings, "batch");
    entries = 2 * batch;
    sizes = option_size_range(settings);
}

/* Frees the younger half last in, first out, the older half in order of allocation. */
static void free_both_ways(struct worker *w, struct block *entry, size_t count) {
    for (size_t i = count; i > count / 2; i--)
        worker_free(w, entry[i - 1]);
    for (size_t i = 0; i < count / 2; i++)
        worker_free(w, entry[i]);
}

static void round_once(struct worker *w) {
    struct block *entry = w->entries;
    for (size_t pass = 0; pass < passes; pass++) {
        for (size_t size = sizes.min; size <= sizes.max; size += 2) {
            for (size_t i = 0; i < batch; i++)
                entry[i] = worker_malloc(w, size);
            for (size_t i = batch; i < 2 * batch; i++)
                entry[i] = worker_malloc(w, sizes.min + sizes.max - size);
            free_both_ways(w, entry, entries);
        }
    }
}

static struct workload sh6bench = {
    .name = "sh6bench",
    .summary = "Batches of equal blocks, small sizes beside large ones, freed half in LIFO order "
               "and half in order of allocation.",
    .source = "MicroQuill's SmartHeap benchmark sh6bench, as described by mimalloc-bench.",
    .stresses = "Free lists per size class under orderly frees; the class changes with each batch.",
    .options = options,
    .smoke = "--passes 2",
    .catches = {CATCHES_LEAK},
    .setup = setup,
    .entries = &entries,
    .round = round_once,
};
REGISTER_WORKLOAD(sh6bench);
