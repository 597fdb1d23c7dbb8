#include "../exchange.h"
#include "../workload.h"

enum { HANDED = 64 };

static const struct option_spec options[] = {
    ITERATIONS_OPTION("generations", "600",
                      "times that every thread ends and is started again, in a round"),
    COUNT_OPTION("objects", "100k", "objects that a thread allocates before it ends"),
    PERCENT_OPTION("keep_percent", "20", "share of them that outlive the thread"),
    COUNT_OPTION("kept", "20k", "most objects that a thread leaves to the next one"),
    {.key = NULL},
};

struct kept {
    size_t count;
    struct block *block;
    struct block received[HANDED];
};

static size_t objects, generations, keep_percent, kept_max;
static struct exchange neighbours;

static void setup(struct settings *settings) {
    objects = option_number(settings, "objects");
    generations = option_number(settings, "generations");
    keep_percent = option_number(settings, "keep_percent");
    kept_max = option_number(settings, "kept");
    neighbours = exchange_new(settings->threads, HANDED);
}

static void prepare(struct worker *w) {
    struct kept *kept = own_memory(sizeof *kept);
    kept->block = entries_new(kept_max);
    w->state = kept;
}

/* Mostly small: each further power of two is half as likely, up to 64 KiB. */
static size_t draw_size(struct worker *w) {
    unsigned magnitude = (unsigned)__builtin_ctzll(rng_next(&w->rng) | 1u << 12);
    return rng_between(&w->rng, 8ull << magnitude, 16ull << magnitude);
}

/* Keeps the object; in a full table it replaces a random older one. */
static void keep(struct worker *w, struct kept *kept, struct block b) {
    if (kept->count < kept_max) {
        kept->block[kept->count++] = b;
        return;
    }
    struct block *old = &kept->block[rng_below(&w->rng, kept_max)];
    worker_free(w, *old);
    *old = b;
}

static void thread_body(struct worker *w) {
    struct kept *kept = w->state;
    for (size_t i = 0; i < objects; i++) {
        struct block b = worker_malloc(w, draw_size(w));
        if (rng_below(&w->rng, 100) < keep_percent)
            keep(w, kept, b);
        else
            worker_free(w, b);
    }
}

/* The youngest objects go to the neighbour, which frees them. */
static void hand_over(struct worker *w, struct kept *kept) {
    size_t count = kept->count < HANDED ? kept->count : HANDED;
    kept->count -= count;
    size_t came = exchange_blocks(&neighbours, w, kept->block + kept->count, count, kept->received);
    for (size_t i = 0; i < came; i++)
        worker_free(w, kept->received[i]);
}

static void round_once(struct worker *w) {
    struct kept *kept = w->state;
    for (size_t i = 0; i < generations; i++) {
        worker_in_new_thread(w, thread_body);
        hand_over(w, kept);
    }
}

static void drain(struct worker *w) {
    struct kept *kept = w->state;
    entries_free(w, kept->block, kept->count);
}

static struct workload mstress = {
    .name = "mstress",
    .summary =
        "Threads end and are started again, while part of their objects lives on and is passed "
        "to other threads.",
    .source =
        "mstress of mimalloc-bench (Leijen et al., Mimalloc: Free List Sharding in Action, 2019).",
    .stresses = "Reuse of the heaps of ended threads, and remote frees.",
    .options = options,
    .smoke = "--generations 20 --objects 2000 --kept 200",
    .catches = {CATCHES_LEAK, CATCHES_REMOTE_LEAK},
    .setup = setup,
    .prepare = prepare,
    .round = round_once,
    .drain = drain,
};
REGISTER_WORKLOAD(mstress);
