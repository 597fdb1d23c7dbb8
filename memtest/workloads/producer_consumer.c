#include "../ring.h"
#include "../workload.h"

static const struct option_spec options[] = {
    ITERATIONS_OPTION("objects", "3M", "objects that each producer allocates in a round"),
    COUNT_OPTION("queue", "1024",
                 "capacity of the queue between two threads; rounded up to a power of two"),
    SIZE_RANGE_OPTIONS("16", "1K"),
    {.key = NULL},
};

static size_t objects, queue;
static struct size_range sizes;
static struct ring *rings; /* one for each pair */

static void setup(struct settings *settings) {
    objects = option_number(settings, "objects");
    sizes = option_size_range(settings);
    for (queue = 1; queue < option_number(settings, "queue"); queue *= 2)
        ;
    size_t pairs = (settings->threads + 1) / 2;
    rings = own_memory(pairs * sizeof *rings);
    for (size_t i = 0; i < pairs; i++)
        ring_init(&rings[i], queue);
}

static struct block produce(struct worker *w) {
    return worker_malloc(w, random_size(w, sizes));
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
    } else if (w->index + 1 == w->threads) {
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
    .stresses = "Remote frees, and the return of the freed memory to the thread that allocates.",
    .options = options,
    .smoke = "--objects 50k",
    .catches = {CATCHES_LEAK, CATCHES_REMOTE_LEAK},
    .setup = setup,
    .round = round_once,
};
REGISTER_WORKLOAD(producer_consumer);
