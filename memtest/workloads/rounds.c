#include "../workload.h"

static const struct option_spec options[] = {
    COUNT_OPTION("slots", "1024", "blocks that each thread allocates in a round"),
    SIZE_RANGE_OPTIONS("16", "128K"),
    {.key = NULL},
};

static size_t entries;
static struct size_range sizes;

static void setup(struct settings *settings) {
    entries = option_number(settings, "slots");
    sizes = option_size_range(settings);
}

static void round_once(struct worker *w) {
    struct block *entry = w->entries;
    for (size_t i = 0; i < entries; i++)
        entry[i] = worker_malloc(w, random_size(w, sizes));
    for (size_t i = 0; i < entries; i++)
        worker_free(w, entry[i]);
}

static struct workload rounds = {
    .name = "rounds",
    .summary =
        "Each round fills a table with blocks of uniformly drawn sizes and then frees them all.",
    .source = "The allocation study for MIND (Lee et al., SOSP 2021): 16 rounds of 1024 blocks of "
              "2-128 MiB on one thread, or of 128 KiB-32 MiB on 16 threads.",
    .stresses =
        "Kernel calls for large blocks, and whether freed memory is kept for the next round.",
    .options = options,
    .rounds = 2500,
    .smoke = "--rounds 20 --slots 100 --max_bytes 16K",
    .catches = {CATCHES_LEAK,
                CATCHES_KEPT_MEMORY("--rounds 2 --slots 100 --min_bytes 256K --max_bytes 512K")},
    .setup = setup,
    .entries = &entries,
    .round = round_once,
};
REGISTER_WORKLOAD(rounds);
