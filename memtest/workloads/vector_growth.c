#include "../workload.h"

static const struct option_spec options[] = {
    ITERATIONS_OPTION("growths", "1000",
                      "vectors of each thread that grow to full length in a round"),
    COUNT_OPTION("vectors", "8", "vectors that grow side by side"),
    {.key = "factor_percent",
     .type = OPTION_COUNT,
     .fallback = "150",
     .min = 101,
     .max = 1000,
     .help = "next capacity of a vector in percent of the present one"},
    SIZE_RANGE_OPTIONS("64", "4M"),
    {.key = NULL},
};

static size_t growths, vectors, factor_percent;
static struct size_range sizes;

static void setup(struct settings *settings) {
    growths = option_number(settings, "growths");
    vectors = option_number(settings, "vectors");
    factor_percent = option_number(settings, "factor_percent");
    sizes = option_size_range(settings);
}

/* Grows the capacity of one vector by the factor; a full one is freed and starts again. Returns 1
 * if it was full. */
static size_t grow(struct worker *w, struct block *vector) {
    if (!vector->at) {
        *vector = worker_malloc(w, sizes.min);
        return 0;
    }
    size_t size = block_size(*vector), next = size * factor_percent / 100;
    if (size >= sizes.max) {
        worker_free(w, *vector);
        vector->at = NULL;
        return 1;
    }
    next = next > size ? next : size + 1;
    *vector = worker_realloc(w, *vector, next < sizes.max ? next : sizes.max);
    return 0;
}

static void round_once(struct worker *w) {
    struct block *vector = w->entries;
    for (size_t done = 0; done < growths;)
        done += grow(w, &vector[rng_below(&w->rng, vectors)]);
}

static struct workload vector_growth = {
    .name = "vector_growth",
    .summary = "Vectors grow side by side by realloc with a constant factor, are freed at full "
               "length, and start again.",
    .source = "alloclab; the growth of std::vector and of folly's FBVector (factor 1.5).",
    .stresses = "realloc: growth in place or by remapping pages instead of copying.",
    .options = options,
    .smoke = "--growths 50 --max_bytes 64K",
    .catches = {CATCHES_LEAK, CATCHES_COPYING_REALLOC("--growths 40")},
    .setup = setup,
    .entries = &vectors,
    .round = round_once,
    .drain = drain_entries,
};
REGISTER_WORKLOAD(vector_growth);
