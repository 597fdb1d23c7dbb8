#include "../workload.h"

static const struct option_spec options[] = {
    ITERATIONS_OPTION("iterations", "2M",
                      "short-lived blocks that each thread allocates in a phase"),
    COUNT_OPTION("phases", "8", "phases of a round; sizes grow from phase to phase"),
    BYTES_OPTION("live", "16M",
                 "live bytes of each thread; the oldest blocks are freed for new ones"),
    PERCENT_OPTION("pinned_percent", "2",
                   "share of the blocks that live until the end of the round"),
    BYTES_OPTION("first_bytes", "64",
                 "smallest block of the first phase; the largest is twice as large"),
    PERCENT_OPTION("drift_percent", "50", "growth of the sizes from phase to phase"),
    {.key = NULL},
};

/* The short-lived blocks form a queue: the oldest is freed when the limit of live bytes is reached.
 */
struct heap {
    struct block *queue, *pinned;
    size_t head, tail, live, pins, pinned_bytes;
};

static size_t iterations, phases, live_bytes, pinned_percent, first_bytes, drift_percent, pins_max,
    queue_mask;

static void setup(struct settings *settings) {
    iterations = option_number(settings, "iterations");
    phases = option_number(settings, "phases");
    live_bytes = option_number(settings, "live");
    pinned_percent = option_number(settings, "pinned_percent");
    first_bytes = option_number(settings, "first_bytes");
    drift_percent = option_number(settings, "drift_percent");
    pins_max = live_bytes / 4 / first_bytes + 1; /* at most a quarter of the live bytes */
    queue_mask = 1;
    while (queue_mask < live_bytes / first_bytes + 2)
        queue_mask *= 2;
    queue_mask--;
}

static void prepare(struct worker *w) {
    struct heap *heap = own_memory(sizeof *heap);
    heap->queue = entries_new(queue_mask + 1);
    heap->pinned = entries_new(pins_max);
    w->state = heap;
}

static void free_oldest(struct worker *w, struct heap *heap) {
    struct block b = heap->queue[heap->head++ & queue_mask];
    heap->live -= block_size(b);
    worker_free(w, b);
}

static void add(struct worker *w, struct heap *heap, size_t size) {
    while (heap->live + size > live_bytes && heap->head != heap->tail)
        free_oldest(w, heap);
    struct block b = worker_malloc(w, size);
    bool pin = rng_below(&w->rng, 100) < pinned_percent;
    if (pin && heap->pins < pins_max && heap->pinned_bytes + size <= live_bytes / 4) {
        heap->pinned[heap->pins++] = b;
        heap->pinned_bytes += size;
        return;
    }
    heap->live += size;
    heap->queue[heap->tail++ & queue_mask] = b;
}

static void round_once(struct worker *w) {
    struct heap *heap = w->state;
    size_t smallest = first_bytes;
    for (size_t phase = 0; phase < phases; phase++) {
        for (size_t i = 0; i < iterations; i++)
            add(w, heap, rng_between(&w->rng, smallest, 2 * smallest));
        smallest += smallest * drift_percent / 100;
    }
    while (heap->head != heap->tail)
        free_oldest(w, heap);
    entries_free(w, heap->pinned, heap->pins);
    heap->pins = heap->pinned_bytes = 0;
}

static struct workload fragmentation = {
    .name = "fragmentation",
    .summary = "Long-lived blocks among short-lived ones whose sizes grow, at a constant number of "
               "live bytes.",
    .source = "alloclab; the steady state after a phase change of Wilson et al., Dynamic Storage "
              "Allocation: A Survey and Critical Review (1995).",
    .stresses = "Fragmentation: the memory of freed small blocks helps larger ones only when it is "
                "merged or returned.",
    .options = options,
    .smoke = "--iterations 20k --live 256K",
    .catches = {CATCHES_LEAK},
    .setup = setup,
    .prepare = prepare,
    .round = round_once,
};
REGISTER_WORKLOAD(fragmentation);
