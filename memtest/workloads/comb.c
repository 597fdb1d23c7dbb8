#include "../workload.h"

static const struct option_spec options[] = {
    ITERATIONS_OPTION("passes", "60", "combs that each thread allocates and frees in a round"),
    COUNT_OPTION("blocks", "200k", "blocks of a comb"),
    COUNT_OPTION("every", "2", "one block in so many is freed"),
    BYTES_OPTION("bytes", "128",
                 "size of a block; blocks that do not fit a gap are 1.5 times as large"),
    {.key = NULL},
};

static size_t passes, blocks, every, bytes, gaps, entries;

static void setup(struct settings *settings) {
    passes = option_number(settings, "passes");
    blocks = option_number(settings, "blocks");
    every = option_number(settings, "every");
    bytes = option_number(settings, "bytes");
    gaps = (blocks + every - 1) / every;
    entries = blocks + gaps;
}

static void comb_once(struct worker *w, struct block *tooth, struct block *larger) {
    for (size_t i = 0; i < blocks; i++)
        tooth[i] = worker_malloc(w, bytes);
    for (size_t i = 0; i < blocks; i += every) {
        worker_free(w, tooth[i]);
        tooth[i].at = NULL;
    }
    for (size_t i = 0; i < gaps; i++) /* too large for a gap */
        larger[i] = worker_malloc(w, bytes + bytes / 2);
    for (size_t i = 0; i < blocks; i += every) /* fits exactly */
        tooth[i] = worker_malloc(w, bytes);
    entries_free(w, tooth, blocks);
    entries_free(w, larger, gaps);
}

static void round_once(struct worker *w) {
    struct block *table = w->entries;
    for (size_t i = 0; i < passes; i++)
        comb_once(w, table, table + blocks);
}

static struct workload comb = {
    .name = "comb",
    .summary = "Frees every second block of a long row, then allocates blocks that do not fit the "
               "gaps, then some that do.",
    .source = "The comb pattern of Robson's bounds on fragmentation (JACM 1971, 1974).",
    .stresses =
        "Free memory between live blocks: whether it is used again, and the footprint until "
        "then.",
    .options = options,
    .smoke = "--passes 20 --blocks 2000",
    .catches = {CATCHES_LEAK},
    .setup = setup,
    .entries = &entries,
    .round = round_once,
};
REGISTER_WORKLOAD(comb);
