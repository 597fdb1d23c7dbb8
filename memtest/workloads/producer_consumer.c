#include "../ring.h"
#include "../workload.h"

static const struct option_spec options[] = {
    {.key = "objects",
     .type = OPTION_COUNT,
     .fallback = "3M",
     .min = 1,
     .max = 1e12,
     .scaled = true,
     .help = "objects that each producer makes in a round"},
    {.key = "queue",
     .type = OPTION_COUNT,
     .fallback = "1024",
     .min = 1,
     .max = 0x1p24,
     .help = "objects on their way between a pair of threads; rounded up to a power of two"},
    {.key = "min_bytes",
     .type = OPTION_BYTES,
     .fallback = "16",
     .min = 1,
     .max = 0x1p38,
     .help = "smallest object"},
    {.key = "max_bytes",
     .type = OPTION_BYTES,
     .fallback = "1K",
     .min = 1,
     .max = 0x1p38,
     .help = "largest object"},
    {.key = NULL},
};

static size_t objects, queue, min_bytes, max_bytes;
static struct ring *rings; /* one for each pair */

static void setup(struct run *run) {
    objects = option_number(run, "objects");
    min_bytes = option_number(run, "min_bytes");
    max_bytes = option_number(run, "max_bytes");
    if (min_bytes > max_bytes)
        usage_error("--min_bytes %zu is more than --max_bytes %zu", min_bytes, max_bytes);
    for (queue = 1; queue < option_number(run, "queue"); queue *= 2)
        ;
    size_t pairs = (run_threads(run) + 1) / 2;
    rings = own_memory(pairs * sizeof *rings);
    for (size_t i = 0; i < pairs; i++)
        ring_init(&rings[i], queue);
}

static struct block produce(struct worker *w) {
    return worker_malloc(w, rng_between(&w->rng, min_bytes, max_bytes));
}

/* A thread without a partner fills its queue and empties it again. */
static void produce_and_consume(struct worker *w, struct ring *ring) {
    for (size_t left = objects; left > 0;) {
        size_t batch = left < queue ? left : queue;
        for (size_t i = 0; i < batch; i++)
            ring_push(ring, produce(w));
        for (size_t i = 0; i < batch; i++)
            worker_free(w, ring_pop(ring));
        left -= batch;
    }
}

static void round_once(struct worker *w) {
    struct ring *ring = &rings[w->index / 2];
    if (w->index % 2 == 1) {
        for (size_t i = 0; i < objects; i++)
            worker_free(w, ring_pop(ring));
    } else if (w->index + 1 == run_threads(w->run)) {
        produce_and_consume(w, ring);
    } else {
        for (size_t i = 0; i < objects; i++)
            ring_push(ring, produce(w));
    }
}

static struct workload producer_consumer = {
    .name = "producer_consumer",
    .summary =
        "Pairs of threads: one allocates objects, the other frees them, through a bounded queue.",
    .source = "The producer-consumer pattern of Berger et al., Hoard (ASPLOS 2000), section 2.",
    .stresses = "Frees by a thread that did not allocate, and the way of freed memory back to the "
                "thread that needs it.",
    .options = options,
    .setup = setup,
    .round = round_once,
};
REGISTER_WORKLOAD(producer_consumer);
