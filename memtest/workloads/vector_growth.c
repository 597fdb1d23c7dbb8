#include "../workload.h"

static const struct option_spec options[] = {
    ITERATIONS_OPTION("growths", "1000",
                      "vectors that grow to full length in each thread, in a round"),
    COUNT_OPTION("vectors", "8", "vectors that grow side by side"),
    {.key = "factor_percent",
     .type = OPTION_COUNT,
     .fallback = "150",
     .min = 101,
     .max = 1000,
     .help = "a vector's next capacity in percent of the present one"},
    SIZE_RANGE_OPTIONS("64", "4M"),
    {.key = NULL},
};

static size_t growths, vectors, factor_percent;
static struct size_range sizes;

static void setup(struct run *run) {
    growths = option_number(run, "growths");
    vectors = option_number(run, "vectors");
    factor_percent = option_number(run, "factor_percent");
    sizes = option_size_range(run);
}

static void prepare(struct worker *w) {
    w->state = new_slots(vectors);
}

/* Doubles or so the capacity of one vector; a full one is freed and begins again. Returns 1 when
 * one was full. */
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
    struct block *vector = w->state;
    for (size_t done = 0; done < growths;)
        done += grow(w, &vector[rng_below(&w->rng, vectors)]);
}

static void drain(struct worker *w) {
    free_slots(w, w->state, vectors);
}

static struct workload vector_growth = {
    .name = "vector_growth",
    .summary = "Vectors grow side by side by realloc with a constant factor, are freed at full "
               "length, and begin again.",
    .source = "alloclab; the growth of std::vector and of folly's FBVector (factor 1.5).",
    .stresses = "realloc: growing in place or by moving pages instead of by copying.",
    .options = options,
    .setup = setup,
    .prepare = prepare,
    .round = round_once,
    .drain = drain,
};
REGISTER_WORKLOAD(vector_growth);
