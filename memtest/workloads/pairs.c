#include "../workload.h"

static const struct option_spec options[] = {
    ITERATIONS_OPTION("iterations", "150M", "pairs of malloc and free of each thread in a round"),
    BYTES_OPTION("bytes", "64", "size of every block"),
    {.key = NULL},
};

static size_t iterations, bytes;

static void setup(struct run *run) {
    iterations = option_number(run, "iterations");
    bytes = option_number(run, "bytes");
}

static void round_once(struct worker *w) {
    for (size_t i = 0; i < iterations; i++)
        worker_free(w, worker_malloc(w, bytes));
}

static struct workload pairs = {
    .name = "pairs",
    .summary = "malloc and free of one size, at once, again and again.",
    .source = "alloclab; the loop that most papers quote as the cost of a malloc/free pair.",
    .stresses = "The shortest path alone: the least that an allocator can cost.",
    .options = options,
    .setup = setup,
    .round = round_once,
};
REGISTER_WORKLOAD(pairs);
