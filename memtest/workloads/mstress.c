#include "../exchange.h"

enum { HANDED = 64 };

static const struct option_spec options[] = {
    ITERATIONS_OPTION("generations", "600",
                      "times that every thread ends and is made anew, in a round"),
    COUNT_OPTION("objects", "100k", "objects that a thread allocates in its life"),
    PERCENT_OPTION("keep_percent", "20", "share of them that outlives the thread"),
    COUNT_OPTION("kept", "20k",
                 "most objects of a line of threads that are alive between two of them"),
    {.key = NULL},
};

struct line {
    size_t count;
    struct block *kept;
    struct block received[HANDED];
};

static size_t objects, generations, keep_percent, kept_max;
static struct exchange neighbours;

static void setup(struct run *run) {
    objects = option_number(run, "objects");
    generations = option_number(run, "generations");
    keep_percent = option_number(run, "keep_percent");
    kept_max = option_number(run, "kept");
    neighbours = exchange_new(run, HANDED);
}

static void prepare(struct worker *w) {
    struct line *line = own_memory(sizeof *line);
    line->kept = new_slots(kept_max);
    w->state = line;
}

/* Mostly small: each further power of two is half as likely, up to 64 KiB. */
static size_t draw_size(struct worker *w) {
    unsigned magnitude = (unsigned)__builtin_ctzll(rng_next(&w->rng) | 1u << 12);
    return rng_between(&w->rng, 8ull << magnitude, 16ull << magnitude);
}

/* Keeps the object; once the table is full, in the place of a random older one. */
static void keep(struct worker *w, struct line *line, struct block b) {
    if (line->count < kept_max) {
        line->kept[line->count++] = b;
        return;
    }
    struct block *old = &line->kept[rng_below(&w->rng, kept_max)];
    worker_free(w, *old);
    *old = b;
}

static void live_and_die(struct worker *w) {
    struct line *line = w->state;
    for (size_t i = 0; i < objects; i++) {
        struct block b = worker_malloc(w, draw_size(w));
        if (rng_below(&w->rng, 100) < keep_percent)
            keep(w, line, b);
        else
            worker_free(w, b);
    }
}

/* The youngest objects go to the neighbour, which frees those that came to it before. */
static void hand_over(struct worker *w, struct line *line) {
    size_t count = line->count < HANDED ? line->count : HANDED;
    line->count -= count;
    size_t came = exchange_blocks(&neighbours, w, line->kept + line->count, count, line->received);
    for (size_t i = 0; i < came; i++)
        worker_free(w, line->received[i]);
}

static void round_once(struct worker *w) {
    struct line *line = w->state;
    for (size_t i = 0; i < generations; i++) {
        worker_in_new_thread(w, live_and_die);
        hand_over(w, line);
    }
}

static void drain(struct worker *w) {
    struct line *line = w->state;
    free_slots(w, line->kept, line->count);
}

static struct workload mstress = {
    .name = "mstress",
    .summary = "Threads are destroyed and made anew again and again, while part of their objects "
               "lives on and travels.",
    .source =
        "mstress of mimalloc-bench (Leijen et al., Mimalloc: Free List Sharding in Action, 2019).",
    .stresses = "Adopting the heaps of dead threads, and frees by threads that did not allocate.",
    .options = options,
    .setup = setup,
    .prepare = prepare,
    .round = round_once,
    .drain = drain,
};
REGISTER_WORKLOAD(mstress);
