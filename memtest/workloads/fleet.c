/* A birth-death process. Births draw a size by its share of allocations. A death draws a size by
 * the same share and takes place with probability population / mean population: so lifetimes are
 * exponential, with a mean proportional to live share / allocation share, as published. */
#include "../alias.h"
#include "../exchange.h"
#include "../workload.h"

#include <math.h>

enum { PROFILES = 10, CLASSES_MAX = 160, EXCHANGE_EVERY = 1024, OUTBOX = 2 * EXCHANGE_EVERY };

static const struct option_spec options[] = {
    {.key = "profile",
     .type = OPTION_COUNT,
     .fallback = "0",
     .min = 0,
     .max = PROFILES - 1,
     .help = "number of the service"},
    ITERATIONS_OPTION("iterations", "20M",
                      "allocations of each thread in a round, after its heap was filled"),
    BYTES_OPTION("live", "32M", "mean live bytes of each thread"),
    BYTES_OPTION("cap", "256K", "larger sizes are left out"),
    PERCENT_OPTION("remote_percent", "5", "share of the blocks that the next thread frees"),
    {.key = NULL},
};

static const struct row {
    int profile;
    size_t bytes;
    double alloc_share, live_share;
} rows[] = {
#include "../data/fleet_profiles.inc"
};

/* The sizes of the chosen profile. */
static size_t classes, bytes_of[CLASSES_MAX];
static double mean_population[CLASSES_MAX];
static struct alias births, inhabitants;
static double objects; /* mean live objects of a thread */

static size_t iterations, remote_percent;
static struct exchange neighbours;

struct population {
    struct block *block;
    size_t count, capacity;
};

struct heap {
    struct population of[CLASSES_MAX];
    struct block outbox[OUTBOX], inbox[OUTBOX];
    size_t leaving;
    bool filled;
};

static void read_profile(uint64_t profile, size_t cap, double live_bytes) {
    double alloc_share[CLASSES_MAX], live_share[CLASSES_MAX], live_sum = 0;
    classes = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].profile != (int)profile || rows[i].bytes > cap)
            continue;
        bytes_of[classes] = rows[i].bytes;
        alloc_share[classes] = rows[i].alloc_share;
        live_share[classes] = rows[i].live_share;
        live_sum += rows[i].live_share * (double)rows[i].bytes;
        classes++;
    }
    if (classes == 0)
        usage_error("--cap %zu leaves no size of profile %llu", cap, (unsigned long long)profile);
    objects = 0;
    for (size_t c = 0; c < classes; c++) {
        mean_population[c] = live_share[c] * live_bytes / live_sum;
        objects += mean_population[c];
    }
    births = alias_new(alloc_share, classes);
    inhabitants = alias_new(live_share, classes);
}

static void setup(struct settings *settings) {
    iterations = option_number(settings, "iterations");
    remote_percent = option_number(settings, "remote_percent");
    read_profile(option_number(settings, "profile"), option_number(settings, "cap"),
                 (double)option_number(settings, "live"));
    neighbours = exchange_new(settings->threads, OUTBOX);
}

/* Room for ten standard deviations above the mean of a Poisson population. */
static void prepare(struct worker *w) {
    struct heap *heap = own_memory(sizeof *heap);
    for (size_t c = 0; c < classes; c++) {
        heap->of[c].capacity = (size_t)(mean_population[c] + 10 * sqrt(mean_population[c])) + 16;
        heap->of[c].block = entries_new(heap->of[c].capacity);
    }
    w->state = heap;
}

/* Frees a random block of the population, or lets the neighbour free it. */
static void free_random(struct worker *w, struct heap *heap, struct population *p) {
    struct block *chosen = &p->block[rng_below(&w->rng, p->count)];
    struct block b = *chosen;
    *chosen = p->block[--p->count];
    if (heap->leaving < OUTBOX && rng_below(&w->rng, 100) < remote_percent)
        heap->outbox[heap->leaving++] = b;
    else
        worker_free(w, b);
}

static void allocate(struct worker *w, struct heap *heap, size_t class) {
    struct population *p = &heap->of[class];
    if (p->count == p->capacity)
        free_random(w, heap, p);
    p->block[p->count++] = worker_malloc(w, bytes_of[class]);
}

/* The integer part of the expected frees, plus one with the probability of the fraction. */
static void free_expected(struct worker *w, struct heap *heap, size_t class) {
    struct population *p = &heap->of[class];
    double expected = (double)p->count / mean_population[class] + rng_unit(&w->rng);
    for (size_t frees = expected < (double)p->count ? (size_t)expected : p->count; frees > 0;
         frees--)
        free_random(w, heap, p);
}

static void exchange_leaving(struct worker *w, struct heap *heap) {
    size_t came = exchange_blocks(&neighbours, w, heap->outbox, heap->leaving, heap->inbox);
    for (size_t i = 0; i < came; i++)
        worker_free(w, heap->inbox[i]);
    heap->leaving = 0;
}

/* Fills the heap to its steady state. */
static void fill(struct worker *w, struct heap *heap) {
    for (size_t i = 0; i < (size_t)objects; i++)
        allocate(w, heap, alias_draw(&inhabitants, &w->rng));
    exchange_leaving(w, heap);
    heap->filled = true;
}

static void round_once(struct worker *w) {
    struct heap *heap = w->state;
    if (!heap->filled)
        fill(w, heap);
    for (size_t i = 1; i <= iterations; i++) {
        allocate(w, heap, alias_draw(&births, &w->rng));
        free_expected(w, heap, alias_draw(&births, &w->rng));
        if (i % EXCHANGE_EVERY == 0)
            exchange_leaving(w, heap);
    }
    exchange_leaving(w, heap);
}

static void drain(struct worker *w) {
    struct heap *heap = w->state;
    for (size_t c = 0; c < classes; c++)
        entries_free(w, heap->of[c].block, heap->of[c].count);
}

static struct workload fleet = {
    .name = "fleet",
    .summary =
        "Allocates and frees as published for ten production services, at a steady heap size.",
    .source = "google/fleetbench at 703e5e5: empirical size distributions of allocations and of "
              "live objects.",
    .stresses = "Server behaviour: many sizes, most objects short-lived, few that live very long.",
    .options = options,
    .smoke = "--iterations 200k --live 256K",
    .catches = {CATCHES_LEAK, CATCHES_REMOTE_LEAK},
    .setup = setup,
    .prepare = prepare,
    .round = round_once,
    .drain = drain,
};
REGISTER_WORKLOAD(fleet);
