#include "../workload.h"

static const struct option_spec options[] = {
    ITERATIONS_OPTION("iterations", "150M", "pairs of malloc and free of each thread in a round"),
    BYTES_OPTION("bytes", "64", "size of every block"),
    {.key = NULL},
};

static size_t iterations, bytes;

static void setup(struct settings *settings) {
    iterations = option_number(settings, "iterations");
    bytes = option_number(settings, "bytes");
}

static void round_once(struct worker *w) {
    for (size_t i = 0; i < iterations; i++)
        worker_free(w, worker_malloc(w, bytes));
}

static struct workload pairs = {
    .name = "pairs",
    .summary = "malloc of one size, freed at once, repeatedly.",
    .source = "alloclab; the loop that many papers report as the cost of a malloc/free pair.",
    .stresses = "The fast path alone: a lower bound of an allocator's cost.",
    .options = options,
    .smoke = "--iterations 300k",
    .catches = {CATCHES_LEAK, CATCHES_LOCK("--iterations 10k")},
    .setup = setup,
    .round = round_once,
};
REGISTER_WORKLOAD(pairs);
