#include "../exchange.h"
#include "../workload.h"

static const struct option_spec options[] = {
    ITERATIONS_OPTION("passes", "120", "passes over the whole range of sizes in a round"),
    COUNT_OPTION("batch", "100", "blocks of one size allocated in a row"),
    PERCENT_OPTION("handed_percent", "25", "share of a batch that the next thread frees"),
    SIZE_RANGE_OPTIONS("1", "1000"),
    {.key = NULL},
};

static size_t passes, batch, handed, entries;
static struct size_range sizes;
static struct exchange neighbours;

static void setup(struct settings *settings) {
    passes = option_number(settings, "passes");
    batch = option_number(settings, "batch");
    handed = batch * option_number(settings, "handed_percent") / 100;
    entries = batch + handed;
    sizes = option_size_range(settings);
    neighbours = exchange_new(settings->threads, handed);
}

static void round_once(struct worker *w) {
    struct block *entry = w->entries, *received = entry + batch;
    for (size_t pass = 0; pass < passes; pass++) {
        for (size_t size = sizes.min; size <= sizes.max; size++) {
            for (size_t i = 0; i < batch; i++)
                entry[i] = worker_malloc(w, size);
            size_t count = exchange_blocks(&neighbours, w, entry, handed, received);
            for (size_t i = batch; i > handed; i--)
                worker_free(w, entry[i - 1]);
            for (size_t i = 0; i < count; i++)
                worker_free(w, received[i]);
        }
    }
}

static struct workload sh8bench = {
    .name = "sh8bench",
    .summary = "Batches of equal blocks of every size: the oldest are freed by the next thread, "
               "the others in LIFO order.",
    .source = "MicroQuill's SmartHeap benchmark sh8bench, as described by mimalloc-bench.",
    .stresses = "Orderly frees mixed with remote frees.",
    .options = options,
    .smoke = "--passes 2",
    .catches = {CATCHES_LEAK, CATCHES_REMOTE_LEAK},
    .setup = setup,
    .entries = &entries,
    .round = round_once,
};
REGISTER_WORKLOAD(sh8bench);
