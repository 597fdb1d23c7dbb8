#include "../workload.h"

static const struct option_spec options[] = {
    ITERATIONS_OPTION("iterations", "8M", "blocks that each thread replaces in a round"),
    COUNT_OPTION("slots", "2048", "live blocks of each thread"),
    {.key = "max_alignment",
     .type = OPTION_BYTES,
     .fallback = "4096",
     .min = 16,
     .max = 0x1p30,
     .help = "largest alignment; powers of two from 16 on are equally likely"},
    SIZE_RANGE_OPTIONS("16", "4K"),
    {.key = NULL},
};

static size_t iterations, entries;
static unsigned steps; /* number of alignments */
static struct size_range sizes;

static void setup(struct settings *settings) {
    iterations = option_number(settings, "iterations");
    entries = option_number(settings, "slots");
    sizes = option_size_range(settings);
    steps = 0;
    for (uint64_t alignment = 16; alignment <= option_number(settings, "max_alignment");
         alignment *= 2)
        steps++;
}

static void round_once(struct worker *w) {
    struct block *table = w->entries;
    for (size_t i = 0; i < iterations; i++) {
        struct block *entry = entry_to_replace(w, table, entries);
        size_t alignment = (size_t)16 << rng_below(&w->rng, steps);
        *entry = worker_memalign(w, alignment, random_size(w, sizes));
    }
}

static struct workload aligned = {
    .name = "aligned",
    .summary = "Replaces random blocks by aligned ones; alignments from 16 bytes to a page.",
    .source = "alloclab; numeric and I/O code that aligns to cache lines, vectors and pages.",
    .stresses = "posix_memalign: its speed, and the memory that alignment wastes.",
    .options = options,
    .smoke = "--iterations 20k --slots 100",
    .catches = {CATCHES_LEAK},
    .setup = setup,
    .entries = &entries,
    .round = round_once,
    .drain = drain_entries,
};
REGISTER_WORKLOAD(aligned);
