#include "../exchange.h"

static const struct option_spec options[] = {
    ITERATIONS_OPTION("passes", "120", "times that the whole range of sizes is walked in a round"),
    COUNT_OPTION("batch", "100", "blocks of one size allocated in a row"),
    PERCENT_OPTION("handed_percent", "25", "share of a batch that the next thread frees"),
    SIZE_RANGE_OPTIONS("1", "1000"),
    {.key = NULL},
};

static size_t passes, batch, handed;
static struct size_range sizes;
static struct exchange neighbours;

static void setup(struct run *run) {
    passes = option_number(run, "passes");
    batch = option_number(run, "batch");
    handed = batch * option_number(run, "handed_percent") / 100;
    sizes = option_size_range(run);
    neighbours = exchange_new(run, handed);
}

static void prepare(struct worker *w) {
    w->state = new_slots(batch + handed);
}

static void round_once(struct worker *w) {
    struct block *slot = w->state, *received = slot + batch;
    for (size_t pass = 0; pass < passes; pass++) {
        for (size_t size = sizes.min; size <= sizes.max; size++) {
            for (size_t i = 0; i < batch; i++)
                slot[i] = worker_malloc(w, size);
            size_t count = exchange_blocks(&neighbours, w, slot, handed, received);
            for (size_t i = batch; i > handed; i--)
                worker_free(w, slot[i - 1]);
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
    .stresses = "Orderly frees mixed with frees by another thread.",
    .options = options,
    .setup = setup,
    .prepare = prepare,
    .round = round_once,
};
REGISTER_WORKLOAD(sh8bench);
