/* The birth-death process. A size is born with its share of allocations. A death strikes a size
 * with the same share, and succeeds with probability population / mean population: so each block's
 * lifetime is exponential, and its mean is proportional to live share / allocation share, as
 * published. */
#include "../alias.h"
#include "../exchange.h"

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
                      "births of each thread in a round, after its heap has been filled"),
    BYTES_OPTION("live", "32M", "mean live bytes of each thread"),
    BYTES_OPTION("cap", "256K", "larger sizes are left out"),
    PERCENT_OPTION("remote_percent", "5", "share of the dying blocks that the next thread frees"),
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

static void setup(struct run *run) {
    iterations = option_number(run, "iterations");
    remote_percent = option_number(run, "remote_percent");
    read_profile(option_number(run, "profile"), option_number(run, "cap"),
                 (double)option_number(run, "live"));
    neighbours = exchange_new(run, OUTBOX);
}

/* Room for ten standard deviations above the mean of a Poisson population. */
static void prepare(struct worker *w) {
    struct heap *heap = own_memory(sizeof *heap);
    for (size_t c = 0; c < classes; c++) {
        heap->of[c].capacity = (size_t)(mean_population[c] + 10 * sqrt(mean_population[c])) + 16;
        heap->of[c].block = new_slots(heap->of[c].capacity);
    }
    w->state = heap;
}

/* Frees a random block of the population, or leaves that to the neighbour. */
static void die(struct worker *w, struct heap *heap, struct population *p) {
    struct block *chosen = &p->block[rng_below(&w->rng, p->count)];
    struct block b = *chosen;
    *chosen = p->block[--p->count];
    if (heap->leaving < OUTBOX && rng_below(&w->rng, 100) < remote_percent)
        heap->outbox[heap->leaving++] = b;
    else
        worker_free(w, b);
}

static void be_born(struct worker *w, struct heap *heap, size_t class) {
    struct population *p = &heap->of[class];
    if (p->count == p->capacity)
        die(w, heap, p);
    p->block[p->count++] = worker_malloc(w, bytes_of[class]);
}

/* The whole part of the expected deaths always, the rest by chance. */
static void strike(struct worker *w, struct heap *heap, size_t class) {
    struct population *p = &heap->of[class];
    double expected = (double)p->count / mean_population[class] + rng_unit(&w->rng);
    for (size_t deaths = expected < (double)p->count ? (size_t)expected : p->count; deaths > 0;
         deaths--)
        die(w, heap, p);
}

static void meet_neighbours(struct worker *w, struct heap *heap) {
    size_t came = exchange_blocks(&neighbours, w, heap->outbox, heap->leaving, heap->inbox);
    for (size_t i = 0; i < came; i++)
        worker_free(w, heap->inbox[i]);
    heap->leaving = 0;
}

/* The heap as it would be after a long time. */
static void fill(struct worker *w, struct heap *heap) {
    for (size_t i = 0; i < (size_t)objects; i++)
        be_born(w, heap, alias_draw(&inhabitants, &w->rng));
    meet_neighbours(w, heap);
    heap->filled = true;
}

static void round_once(struct worker *w) {
    struct heap *heap = w->state;
    if (!heap->filled)
        fill(w, heap);
    for (size_t i = 1; i <= iterations; i++) {
        be_born(w, heap, alias_draw(&births, &w->rng));
        strike(w, heap, alias_draw(&births, &w->rng));
        if (i % EXCHANGE_EVERY == 0)
            meet_neighbours(w, heap);
    }
    meet_neighbours(w, heap);
}

static void drain(struct worker *w) {
    struct heap *heap = w->state;
    for (size_t c = 0; c < classes; c++)
        free_slots(w, heap->of[c].block, heap->of[c].count);
}

static struct workload fleet = {
    .name = "fleet",
    .summary = "Births and deaths of objects as published for ten production services, over a "
               "steady heap.",
    .source = "google/fleetbench at 703e5e5: empirical size distributions of allocations and of "
              "live objects.",
    .stresses =
        "What servers do: many sizes, most objects short-lived, a few that stay for very long.",
    .options = options,
    .setup = setup,
    .prepare = prepare,
    .round = round_once,
    .drain = drain,
};
REGISTER_WORKLOAD(fleet);
